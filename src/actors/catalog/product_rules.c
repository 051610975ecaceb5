/* What must hold of a product beyond what a field table can say: its variants told apart, shipping complete. */
#include "actors/catalog/product_internal.h"

#include <stdlib.h>
#include <string.h>

/* A text to be compared with others of the same list, and where it stands. */
struct labelled {
    struct text value;
    uint32_t index;
};

static int labelled_compare(const void *a, const void *b)
{
    const struct labelled *one = a, *other = b;
    int order = text_compare(one->value, other->value);
    return order ? order : (one->index > other->index) - (one->index < other->index);
}

/* ---- variants ---- */
static const char *variant_path(struct tx *tx, uint32_t index, const char *member)
{
    return text_print(tx, "variants[%u].%s", index, member).data;
}

/* The attributes as one text in which equal sets of them are equal, whatever their order. */
static struct text attributes_label(struct tx *tx, const struct product_variant *variant, bool values)
{
    uint32_t count = variant->attributes.count;
    struct labelled *keys = ARENA_ARRAY(tx->arena, struct labelled, count + 1);
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (struct labelled){variant->attributes.at[i].key, i};
    qsort(keys, count, sizeof *keys, labelled_compare);
    struct buffer label = {.arena = tx->arena};
    for (uint32_t i = 0; i < count; i++) {
        buffer_text(&label, keys[i].value);
        buffer_byte(&label, '\x1f');
        if (values) buffer_text(&label, variant->attributes.at[keys[i].index].value);
        buffer_byte(&label, '\x1e');
    }
    return buffer_as_text(&label);
}

/* Names every label that another variant before it has already. */
static bool report_duplicates(struct tx *tx, struct labelled *labels, uint32_t count, const char *member,
                              const char *what)
{
    bool found = false;
    qsort(labels, count, sizeof *labels, labelled_compare);
    for (uint32_t i = 1; i < count; i++) {
        if (!text_equal(labels[i - 1].value, labels[i].value)) continue;
        fail_detail(tx, variant_path(tx, labels[i].index, member), "duplicate", "another variant has the same %s",
                    what);
        found = true;
    }
    return found;
}

static bool report_skus(struct tx *tx, const struct product *product)
{
    struct labelled *skus = ARENA_ARRAY(tx->arena, struct labelled, product->variants.count + 1);
    for (uint32_t i = 0; i < product->variants.count; i++)
        skus[i] = (struct labelled){product->variants.at[i].sku, i};
    return report_duplicates(tx, skus, product->variants.count, "sku", "SKU");
}

/* Live variants have the same attribute names, and no two the same values. */
static bool report_attributes(struct tx *tx, const struct product *product)
{
    struct labelled *labels = ARENA_ARRAY(tx->arena, struct labelled, product->variants.count + 1);
    struct text names = {0};
    uint32_t live = 0;
    bool found = false;
    for (uint32_t i = 0; i < product->variants.count; i++) {
        const struct product_variant *variant = &product->variants.at[i];
        if (variant->retired) continue;
        struct text own = attributes_label(tx, variant, false);
        if (!names.data) names = own;
        if (!text_equal(own, names)) {
            fail_detail(tx, variant_path(tx, i, "attributes"), "bad_format",
                        "all variants need the same attribute names");
            found = true;
        }
        labels[live++] = (struct labelled){attributes_label(tx, variant, true), i};
    }
    return report_duplicates(tx, labels, live, "attributes", "attributes") || found;
}

/* A variant that the product had; `hint` is where it probably stands. */
static bool had_variant(const struct product *before, uint32_t hint, struct id id)
{
    if (!before) return false;
    if (hint < before->variants.count && id_equal(before->variants.at[hint].id, id)) return true;
    return product_variant_find(before, id) != NULL;
}

/* New ones get an id; known ones must all still be there. */
static bool report_identity(struct tx *tx, struct product *product, const struct product *before)
{
    bool found = false;
    uint32_t known = 0;
    for (uint32_t i = 0; i < product->variants.count; i++) {
        struct product_variant *variant = &product->variants.at[i];
        if (id_is_none(variant->id)) {
            variant->id = draw_id(tx);
        } else if (had_variant(before, i, variant->id)) {
            known++;
        } else {
            fail_detail(tx, variant_path(tx, i, "id"), "not_allowed",
                        "this product has no such variant; new ones come without an id");
            found = true;
        }
    }
    if (before && known < before->variants.count) {
        fail_detail(tx, "variants", "too_few", "variants are retired, never removed: name all %u by their id",
                    before->variants.count);
        found = true;
    }
    return found;
}

/* Two elements that name the same variant. */
static bool report_ids(struct tx *tx, const struct product *product)
{
    struct labelled *ids = ARENA_ARRAY(tx->arena, struct labelled, product->variants.count + 1);
    for (uint32_t i = 0; i < product->variants.count; i++)
        ids[i] = (struct labelled){{(const char *)product->variants.at[i].id.bytes, sizeof(struct id)}, i};
    return report_duplicates(tx, ids, product->variants.count, "id", "id");
}

static bool report_variant(struct tx *tx, const struct product_variant *variant, uint32_t index)
{
    bool found = false;
    if (!variant->sku.length) {
        fail_detail(tx, variant_path(tx, index, "sku"), "required", "a variant needs a SKU");
        found = true;
    }
    if (money_is_absent(variant->price)) {
        fail_detail(tx, variant_path(tx, index, "price"), "required", "a variant needs a price");
        found = true;
    }
    if (!money_is_absent(variant->compare_at_price) && variant->compare_at_price.amount < variant->price.amount) {
        fail_detail(tx, variant_path(tx, index, "compare_at_price"), "too_small", "it may not be below the price");
        found = true;
    }
    return found;
}

/* ---- shipping ---- */
static bool shipping_given(const struct product_shipping *shipping)
{
    return shipping->from.data || shipping->to.count || !money_is_absent(shipping->cost) ||
           !money_is_absent(shipping->extra_cost) || shipping->days_min || shipping->days_max;
}

static bool shipping_complete(const struct product_shipping *shipping)
{
    return shipping->from.data && shipping->to.count && !money_is_absent(shipping->cost);
}

/* A country in capitals, or "*"; absent: neither. */
static struct text destination(struct tx *tx, struct text given)
{
    if (text_is(given, "*")) return given;
    if (given.length != 2) return (struct text){0};
    char *capitals = arena_copy(tx->arena, given.data, 2);
    for (int i = 0; i < 2; i++) {
        if (capitals[i] >= 'a' && capitals[i] <= 'z') capitals[i] = (char)(capitals[i] - 'a' + 'A');
        if (capitals[i] < 'A' || capitals[i] > 'Z') return (struct text){0};
    }
    return (struct text){capitals, 2};
}

static struct money nothing(const struct tx *tx)
{
    struct money money = {0};
    struct text currency = tx->settings->currency;
    if (currency.length < sizeof money.currency) memcpy(money.currency, currency.data, currency.length);
    return money;
}

static bool report_shipping(struct tx *tx, struct product_shipping *shipping)
{
    if (!shipping_given(shipping)) return false;
    bool found = false;
    if (!shipping->from.data) {
        fail_detail(tx, "shipping.from", "required", "the country it is shipped from is missing");
        found = true;
    }
    if (!shipping->to.count) {
        fail_detail(tx, "shipping.to", "required", "the countries it is shipped to are missing; \"*\" is all of them");
        found = true;
    }
    if (money_is_absent(shipping->cost)) {
        fail_detail(tx, "shipping.cost", "required", "the cost is missing; an amount of 0 ships free");
        found = true;
    }
    if (shipping->days_max && shipping->days_min > shipping->days_max) {
        fail_detail(tx, "shipping.days_max", "too_small", "it may not be below days_min");
        found = true;
    }
    for (uint32_t i = 0; i < shipping->to.count; i++) {
        struct text country = destination(tx, shipping->to.at[i]);
        if (!country.data) {
            fail_detail(tx, text_print(tx, "shipping.to[%u]", i).data, "bad_format",
                        "a country of two letters, or \"*\"");
            found = true;
        }
        shipping->to.at[i] = country;
    }
    if (money_is_absent(shipping->extra_cost)) shipping->extra_cost = nothing(tx);
    return found;
}

/* ---- all of it ---- */
static struct money lowest_live_price(const struct product *product)
{
    struct money lowest = {0};
    for (uint32_t i = 0; i < product->variants.count; i++) {
        const struct product_variant *variant = &product->variants.at[i];
        if (!variant->retired && (money_is_absent(lowest) || variant->price.amount < lowest.amount))
            lowest = variant->price;
    }
    return lowest;
}

enum error product_complete(struct tx *tx, struct product *product, const struct product *before)
{
    bool bad = report_identity(tx, product, before);
    bad = report_ids(tx, product) || bad;
    bad = report_skus(tx, product) || bad;
    bad = report_attributes(tx, product) || bad;
    bad = report_shipping(tx, &product->shipping) || bad;
    for (uint32_t i = 0; i < product->variants.count; i++)
        bad = report_variant(tx, &product->variants.at[i], i) || bad;
    if (bad) return fail(tx, ERROR_VALIDATION_FAILED, "the product has invalid values");

    for (uint32_t i = 0; i < product->variants.count; i++)
        if (!product->variants.at[i].fulfilment) product->variants.at[i].fulfilment = FULFILMENT_PHYSICAL;
    if (!product->tax_class.data) product->tax_class = LITERAL("standard");
    if (!product->condition) product->condition = CONDITION_NEW;
    product->lowest_price = lowest_live_price(product);
    if (product->entity.status == PRODUCT_PUBLISHED && !product_may_be_published(product))
        return product_publishable(tx, product);
    return OK;
}

static bool needs_shipping(const struct product *product)
{
    for (uint32_t i = 0; i < product->variants.count; i++)
        if (!product->variants.at[i].retired && product->variants.at[i].fulfilment == FULFILMENT_PHYSICAL) return true;
    return false;
}

bool product_may_be_published(const struct product *product)
{
    return product_has_live_variant(product) && (!needs_shipping(product) || shipping_complete(&product->shipping));
}

enum error product_publishable(struct tx *tx, const struct product *product)
{
    if (product_may_be_published(product)) return OK;
    if (!product_has_live_variant(product))
        fail_detail(tx, "variants", "incomplete", "a published product has a variant that is not retired");
    if (needs_shipping(product) && !shipping_complete(&product->shipping))
        fail_detail(tx, "shipping", "incomplete",
                    "a published product says where it is shipped from and to, and for how much");
    return fail(tx, ERROR_INCOMPLETE, "a published product needs a live variant and its shipping");
}
