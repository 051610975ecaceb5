/* The indexes of products. */
#include "actors/catalog/product_internal.h"

/* ---- indexes: lists hold what is not deleted, under its status ---- */
enum { NAME_KEY_BYTES = 96 }; /* of a name that its place in a list depends on */

static bool listed(const struct product *product)
{
    return product->entity.status != PRODUCT_DELETED;
}

static void slug_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    key_begin(writer);
    key_text(writer, product->slug);
    key_end(writer);
}

static void sku_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    for (uint32_t i = 0; i < product->variants.count; i++) {
        key_begin(writer);
        key_id(writer, product->supplier_id);
        key_text(writer, product->variants.at[i].sku);
        key_end(writer);
    }
}

static void variant_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    for (uint32_t i = 0; i < product->variants.count; i++) {
        char id[ID_TEXT_LENGTH + 1];
        id_format(product->variants.at[i].id, id);
        key_begin(writer);
        key_text(writer, text_of(id));
        key_end(writer);
    }
}

static void newest_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    if (!listed(product)) return;
    key_begin(writer);
    key_integer(writer, product->entity.status);
    key_integer(writer, product->entity.created_at);
    key_end(writer);
}

static void supplier_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    if (!listed(product)) return;
    key_begin(writer);
    key_integer(writer, product->entity.status);
    key_id(writer, product->supplier_id);
    key_integer(writer, product->entity.created_at);
    key_end(writer);
}

static void category_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    if (!listed(product) || !product->category.data) return;
    key_begin(writer);
    key_integer(writer, product->entity.status);
    key_text(writer, product->category);
    key_integer(writer, product->entity.created_at);
    key_end(writer);
}

static void name_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    if (!listed(product)) return;
    char folded[NAME_KEY_BYTES];
    uint32_t length = product->name.length < sizeof folded ? product->name.length : sizeof folded;
    for (uint32_t i = 0; i < length; i++)
        folded[i] = letter_small(product->name.data[i]);
    key_begin(writer);
    key_integer(writer, product->entity.status);
    key_text(writer, (struct text){folded, length});
    key_end(writer);
}

static void price_keys(const void *entity, struct key_writer *writer)
{
    const struct product *product = entity;
    if (!listed(product)) return;
    key_begin(writer);
    key_integer(writer, product->entity.status);
    key_integer(writer, product->lowest_price.amount);
    key_end(writer);
}

const struct index product_by_slug = {1, "slug", true, ERROR_SLUG_TAKEN, "slug", slug_keys, "slugs of the tenant"};
const struct index product_by_sku = {2, "sku", true, ERROR_SKU_TAKEN, "variants.sku", sku_keys, "SKUs of a supplier"};
/* clang-format off */
const struct index product_by_variant = {
    3, "variant", true, ERROR_CONFLICT, "variants.id", variant_keys, "the product of a variant"
};
/* clang-format on */
const struct index product_by_newest = {4, "newest", .keys = newest_keys, .doc = "status, created_at"};
/* clang-format off */
const struct index product_by_supplier = { 5, "supplier", .keys = supplier_keys,
                                           .doc = "status, supplier, created_at" };
const struct index product_by_category = { 6, "category", .keys = category_keys,
                                           .doc = "status, category, created_at" };
/* clang-format on */
const struct index product_by_name = {7, "name", .keys = name_keys, .doc = "status, name without case"};
const struct index product_by_price = {8, "price", .keys = price_keys, .doc = "status, lowest live price"};
/* clang-format off */
const struct index *const product_indexes[] = {
    &product_by_slug, &product_by_sku, &product_by_variant, &product_by_newest, &product_by_supplier,
    &product_by_category, &product_by_name, &product_by_price, NULL};
/* clang-format on */
