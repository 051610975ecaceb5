/* Products.

   draft ─publish→ published ⇄ archived (archive, publish); all ─delete→ deleted ─restore→ the state before.
   published   has a live variant, and shipping unless all live variants are digital
   deleted     keeps its slug and its SKUs, so that a restore cannot collide
   always      lowest_price is the lowest price of a live variant; product_counts counts what is not deleted */
#include "actors/catalog/product_internal.h"

#include "actors/catalog/stock.h"
#include "actors/catalog/supplier.h"
#include "actors/promotion/promotion.h"
#include <string.h>

/* ---- events ---- */
static const uint16_t carried[] = {2, 3, 4, 15, 0}; /* supplier_id, name, slug, lowest_price */
const struct event product_created = {1, "product.created", carried, NULL, "a product was made, as a draft"};
const struct event product_published = {2, "product.published", carried, NULL, "it can be seen and bought"};
/* clang-format off */
const struct event product_deleted = { 3, "product.deleted", carried, &reason_optional_fields,
                                       "it is gone for all but the staff" };
/* clang-format on */
const struct event product_updated = {4, "product.updated", carried, NULL, "fields or variants changed"};
const struct event product_archived = {5, "product.archived", carried, &reason_optional_fields,
                                       "it is not sold any more"};
const struct event product_restored = {6, "product.restored", carried, NULL, "the deletion was taken back"};
/* clang-format off */
static const struct event *const events[] = {
    &product_created, &product_published, &product_deleted, &product_updated, &product_archived, &product_restored, NULL
};
/* clang-format on */

/* ---- machine ---- */
#define LIVE (STATE(PRODUCT_DRAFT) | STATE(PRODUCT_PUBLISHED) | STATE(PRODUCT_ARCHIVED))
/* clang-format off */
static const struct transition transitions[] = {
    /* from                                            command           to                 event */
    {FROM_NONE,                                        "create",         PRODUCT_DRAFT,     &product_created},
    {STATE(PRODUCT_DRAFT) | STATE(PRODUCT_ARCHIVED),   "publish",        PRODUCT_PUBLISHED, &product_published},
    {STATE(PRODUCT_PUBLISHED),                         "archive",        PRODUCT_ARCHIVED,  &product_archived},
    {LIVE,                                             "patch",          TO_SAME,           &product_updated},
    {LIVE,                                             "add_variant",    TO_SAME,           &product_updated},
    {LIVE,                                             "patch_variant",  TO_SAME,           &product_updated},
    {LIVE,                                             "retire_variant", TO_SAME,           &product_updated},
    {LIVE,                                             "delete",         PRODUCT_DELETED,   &product_deleted},
    {STATE(PRODUCT_DELETED),                           "restore",        TO_REMEMBERED,     &product_restored},
};
/* clang-format on */
static const struct machine machine = MACHINE(&product_statuses, transitions);

/* ---- what others ask of a product ---- */
const struct product_variant *product_variant_find(const struct product *product, struct id variant_id)
{
    for (uint32_t i = 0; i < product->variants.count; i++)
        if (id_equal(product->variants.at[i].id, variant_id)) return &product->variants.at[i];
    return NULL;
}

struct id product_of_variant(struct tx *tx, struct id variant_id)
{
    if (id_is_none(variant_id)) return ID_NONE;
    char id[ID_TEXT_LENGTH + 1];
    id_format(variant_id, id);
    return find_text(tx, &product_kind, &product_by_variant, text_of(id));
}

struct id product_of_path(struct tx *tx)
{
    const struct path_parameter *parameter = path_parameter(tx, "id");
    if (!parameter) return ID_NONE;
    return id_is_none(parameter->id) ? find_text(tx, &product_kind, &product_by_slug, parameter->value) : parameter->id;
}

bool product_has_live_variant(const struct product *product)
{
    for (uint32_t i = 0; i < product->variants.count; i++)
        if (!product->variants.at[i].retired) return true;
    return false;
}

bool product_buyable(const struct product *product, const struct product_variant *variant)
{
    return product->entity.status == PRODUCT_PUBLISHED && !variant->retired;
}

bool product_ships_to(const struct product *product, const struct product_variant *variant, struct text country)
{
    if (variant->fulfilment == FULFILMENT_DIGITAL) return true;
    for (uint32_t i = 0; i < product->shipping.to.count; i++)
        if (text_is(product->shipping.to.at[i], "*") || text_equal(product->shipping.to.at[i], country)) return true;
    return false;
}

/* ---- rights ---- */
static uint32_t product_relations(struct tx *tx, const void *entity)
{
    const struct product *product = entity;
    return product ? supplier_relations_of(tx, product->supplier_id) : 0;
}

/* A deleted one is there for the staff, and for whoever deleted it to be restored. */
static bool product_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct product *product = entity;
    switch (product->entity.status) {
    case PRODUCT_PUBLISHED: return true;
    case PRODUCT_DELETED:
        if (relations & ADMIN) return true;
        return tx->command && tx->kind == &product_kind && !strcmp(tx->command->name, "restore") && (relations & TEAM);
    default: return (relations & (TEAM | ADMIN)) || !product->entity.status;
    }
}

/* ---- truths ---- */
static const char *product_check(const void *entity)
{
    const struct product *product = entity;
    if (!product->slug.data) return "a product has a slug";
    if (product->entity.status == PRODUCT_PUBLISHED && !product_may_be_published(product))
        return "a published product has a live variant and its shipping";
    if ((product->entity.status == PRODUCT_DELETED) != (product->entity.deleted_at != 0))
        return "deleted_at is set exactly in deleted";
    for (uint32_t i = 0; i < product->variants.count; i++) {
        const struct product_variant *variant = &product->variants.at[i];
        if (id_is_none(variant->id) || !variant->sku.length || money_is_absent(variant->price))
            return "a variant has id, SKU and price";
    }
    return NULL;
}

static const char *counts_check(const void *entity)
{
    const struct product_counts *counts = entity;
    return counts->live < 0 ? "a supplier has no less than no products" : NULL;
}

/* ---- deciders ---- */
static enum error count_one_more(struct tx *tx, const struct product *product)
{
    const struct supplier *supplier = load(tx, &supplier_kind, product->supplier_id);
    if (!supplier) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    if (!supplier_live(supplier)) return fail(tx, ERROR_CONFLICT, "the supplier is banned or deleted");
    struct product_counts *counts = edit_or_create(tx, &product_counts_kind, product->supplier_id);
    if (!counts) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    if (counts->live >= supplier->limits.max_products)
        return fail(tx, ERROR_LIMIT_REACHED, "this supplier may have %lld products",
                    (long long)supplier->limits.max_products);
    counts->live++;
    return OK;
}

static enum error product_create(struct tx *tx)
{
    struct product *product = tx->subject;
    enum error error = count_one_more(tx, product);
    if (error) return error;
    error = product_complete(tx, product, NULL);
    if (error) return error;
    product->slug = slug_make(tx, &product_kind, &product_by_slug, product->slug, product->name);
    return OK;
}

static enum error product_patch(struct tx *tx)
{
    struct product *product = tx->subject;
    if (!product->slug.data)
        product->slug = slug_make(tx, &product_kind, &product_by_slug, product->slug, product->name);
    return product_complete(tx, product, tx->before);
}

static enum error product_add_variant(struct tx *tx)
{
    struct product *product = tx->subject;
    const struct product_variant *given = tx->body;
    if (!id_is_none(given->id)) {
        fail_detail(tx, "id", "not_allowed", "the id is drawn by the server");
        return fail(tx, ERROR_VALIDATION_FAILED, "a new variant comes without an id");
    }
    if (product->variants.count >= PRODUCT_VARIANTS_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a product has at most %d variants", PRODUCT_VARIANTS_MOST);
    *LIST_ADD(tx->arena, &product->variants) = *given;
    return product_complete(tx, product, tx->before);
}

static struct product_variant *variant_of_path(struct tx *tx)
{
    struct product *product = tx->subject;
    struct id id = path_id(tx, "variant_id");
    return id_is_none(id) ? NULL : (struct product_variant *)product_variant_find(product, id);
}

static enum error product_patch_variant(struct tx *tx)
{
    struct product_variant *variant = variant_of_path(tx);
    if (!variant) return fail(tx, ERROR_NOT_FOUND, "this product has no such variant");
    for (uint32_t i = 0; i < product_variant_patch_fields.count; i++) {
        const struct field *field = &product_variant_patch_fields.rows[i];
        if (!(tx->present >> i & 1)) continue;
        memcpy((char *)variant + field->offset, (const char *)tx->body + field->offset, field->size);
    }
    return product_complete(tx, tx->subject, tx->before);
}

static enum error product_retire_variant(struct tx *tx)
{
    struct product_variant *variant = variant_of_path(tx);
    if (!variant) return fail(tx, ERROR_NOT_FOUND, "this product has no such variant");
    variant->retired = true;
    return product_complete(tx, tx->subject, tx->before);
}

static enum error product_publish(struct tx *tx)
{
    struct product *product = tx->subject;
    const struct supplier *supplier = load(tx, &supplier_kind, product->supplier_id);
    if (product->archived_by_staff && !(tx->relations & ADMIN))
        return fail(tx, ERROR_FORBIDDEN, "the staff archived it: only they publish it again");
    if (!supplier || !supplier_sells(supplier))
        return fail(tx, ERROR_SUPPLIER_NOT_VERIFIED, "products are published once their supplier is verified");
    enum error error = product_publishable(tx, product);
    if (error) return error;
    product->archived_by_staff = false;
    return OK;
}

/* What archiving and deleting have in common: the team may not break a promotion that is shown or waits, the staff may
   (the promotions are cancelled with it), but says why. */
static enum error withdraw(struct tx *tx)
{
    const struct reason_body *body = tx->body;
    bool staff = tx->relations & ADMIN;
    if (staff && !body->reason.data && !(tx->relations & MANAGER)) {
        fail_detail(tx, "reason", "required", "the staff says why");
        return fail(tx, ERROR_VALIDATION_FAILED, "the reason is missing");
    }
    const struct product_promotions *named = load(tx, &product_promotions_kind, tx->id);
    if (!staff && named && named->promotions.count)
        return fail(tx, ERROR_IN_PROMOTION, "%u promotions name it; cancel them first", named->promotions.count);
    event_data(tx, body);
    return OK;
}

static enum error product_archive(struct tx *tx)
{
    struct product *product = tx->subject;
    enum error error = withdraw(tx);
    if (error) return error;
    product->archived_by_staff = !(tx->relations & MANAGER);
    return OK;
}

static enum error product_delete(struct tx *tx)
{
    struct product *product = tx->subject;
    enum error error = withdraw(tx);
    if (error) return error;
    struct product_counts *counts = edit_or_create(tx, &product_counts_kind, product->supplier_id);
    if (!counts) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    counts->live--;
    product->deleted_by = tx->principal.user;
    product->deleted_by_staff = !(tx->relations & MANAGER);
    return OK;
}

static enum error product_restore(struct tx *tx)
{
    struct product *product = tx->subject;
    if (!(tx->relations & ADMIN)) {
        if (product->deleted_by_staff || !id_equal(product->deleted_by, tx->principal.user))
            return fail(tx, ERROR_FORBIDDEN, "only who deleted it, or the staff, restores it");
        if (tx->now - product->entity.deleted_at > DAYS(30))
            return fail(tx, ERROR_CONFLICT, "after 30 days only the staff restores it");
    }
    enum error error = count_one_more(tx, product);
    if (error) return error;
    product->deleted_by = ID_NONE;
    product->deleted_by_staff = false;
    return OK;
}

/* ---- showing: what each variant has at the active locations ---- */
enum { AVAILABLE_UNTRACKED = 1000000000 };

static int64_t available_of(const struct product_stock *row, const struct supplier *supplier, struct id variant_id)
{
    int64_t sum = 0;
    for (uint32_t i = product_stock_first(row, variant_id);
         i < row->levels.count && id_equal(row->levels.at[i].variant_id, variant_id); i++) {
        const struct location *location = supplier_location(supplier, row->levels.at[i].location_id);
        if (location && location->active) sum += row->levels.at[i].available;
    }
    return sum;
}

/* Stock moves without the product: it is summed for each reader, over the locations that are active now. */
static const void *product_shown(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)relations;
    static const struct product_stock none;
    const struct product *product = entity;
    const struct product_stock *row = load(tx, &product_stock_kind, product->entity.id);
    const struct supplier *supplier = load(tx, &supplier_kind, product->supplier_id);
    if (!supplier || !product->variants.count) return product;
    struct product *shown = arena_copy(tx->arena, product, sizeof *product);
    shown->variants.at =
        arena_copy(tx->arena, product->variants.at, product->variants.count * sizeof product->variants.at[0]);
    for (uint32_t i = 0; i < shown->variants.count; i++) {
        struct product_variant *variant = &shown->variants.at[i];
        variant->available =
            variant->track_stock ? available_of(row ? row : &none, supplier, variant->id) : AVAILABLE_UNTRACKED;
    }
    return shown;
}

/* ---- lists ---- */
static const char *const sort_values[] = {NULL, "newest", "name", "price_asc", "price_desc"};
static const struct enumeration sorts = ENUMERATION("product_sort", sort_values);
struct product_query {
    struct id supplier_id, promotion_id;
    struct text category, brand;
    enum product_condition condition;
    enum product_status status;
    int64_t price_min, price_max;
    uint32_t sort;
    struct text q;
};
/* clang-format off */
static const struct field query_rows[] = {
    ID(product_query, 1, supplier_id, .refers = "supplier", .doc = "of this supplier"),
    ID(product_query, 2, promotion_id, .refers = "promotion", .doc = "named by this promotion"),
    TEXT(product_query, 3, category, .max = 120, .doc = "of this category"),
    TEXT(product_query, 4, brand, .max = 80, .doc = "of this brand"),
    ENUM(product_query, 5, condition, &product_conditions, .doc = "in this condition"),
    ENUM(product_query, 6, status, &product_statuses,
        .doc = "published when absent; others are shown to the supplier's team and the staff"),
    INTEGER(product_query, 7, price_min, .min = 0, .max = MONEY_MAX,
        .doc = "lowest price at least this, in minor units"),
    INTEGER(product_query, 8, price_max, .min = 0, .max = MONEY_MAX,
        .doc = "lowest price at most this, in minor units"),
    ENUM(product_query, 9, sort, &sorts, .doc = "newest, name, price_asc or price_desc"),
    SEARCH_ROW(product_query, 10, "name, tags, category, brand, SKU or description"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("product_query", struct product_query, query_rows);

static void status_scope(struct tx *tx, struct key_writer *writer)
{
    const struct product_query *query = tx->query;
    key_integer(writer, query && query->status ? query->status : PRODUCT_PUBLISHED);
}

static void supplier_scope(struct tx *tx, struct key_writer *writer)
{
    status_scope(tx, writer);
    key_id(writer, supplier_of_path(tx));
}

static bool product_matches(struct tx *tx, const void *entity)
{
    const struct product *product = entity;
    const struct product_query *query = tx->query;
    if ((enum product_status)product->entity.status != (query->status ? query->status : PRODUCT_PUBLISHED))
        return false;
    if (!id_is_none(query->supplier_id) && !id_equal(query->supplier_id, product->supplier_id)) return false;
    if (query->category.data && !text_equal(query->category, product->category)) return false;
    if (query->brand.data && !text_equal(query->brand, product->brand)) return false;
    if (query->condition && query->condition != product->condition) return false;
    if (queried(tx, "price_min") && product->lowest_price.amount < query->price_min) return false;
    if (queried(tx, "price_max") && product->lowest_price.amount > query->price_max) return false;
    if (id_is_none(query->promotion_id)) return true;
    const struct promotion *promotion = load(tx, &promotion_kind, query->promotion_id);
    return promotion && promotion_covers(promotion, product->entity.id) && relations_to(tx, &promotion_kind, promotion);
}

/* Only a supplier's own products when the path names one. */
static bool supplier_product_matches(struct tx *tx, const void *entity)
{
    const struct product *product = entity;
    return id_equal(product->supplier_id, supplier_of_path(tx)) && product_matches(tx, entity);
}

static const struct search_field searched_fields[] = {
    {"name", SEARCH_NAME},
    {"tags", SEARCH_TAGS},
    {"category", SEARCH_TAGS},
    {"brand", SEARCH_TAGS},
    {"variants.sku", SEARCH_TAGS},
    {"description", SEARCH_BODY},
    {0},
};

static struct id searched_within(const void *entity)
{
    return ((const struct product *)entity)->supplier_id;
}

static const struct searched searched = {
    searched_fields, STATE(PRODUCT_DRAFT) | STATE(PRODUCT_PUBLISHED) | STATE(PRODUCT_ARCHIVED), searched_within};

static struct id supplier_of_query(struct tx *tx)
{
    return ((const struct product_query *)tx->query)->supplier_id;
}

/* clang-format off */
static const struct listing listings[] = {
    /* sort        filter         index         reverse  scope */
    {"newest",     "supplier_id", &product_by_supplier, true,    status_scope},
    {"newest",     "category",    &product_by_category, true,    status_scope},
    {"newest",     NULL,          &product_by_newest,   true,    status_scope},
    {"name",       NULL,          &product_by_name,     false,   status_scope},
    {"price_asc",  NULL,          &product_by_price,    false,   status_scope},
    {"price_desc", NULL,          &product_by_price,    true,    status_scope},
    {0},
};
static const struct listing supplier_listings[] = {
    {"newest",     NULL,          &product_by_supplier, true,    supplier_scope},
    {"name",       NULL,          &product_by_name,     false,   status_scope},
    {"price_asc",  NULL,          &product_by_price,    false,   status_scope},
    {"price_desc", NULL,          &product_by_price,    true,    status_scope},
    {0},
};

/* ---- commands ---- */
#define TEAM_OR_STAFF (MANAGER | ADMIN)
static const struct command commands[] = {
    {.name = "create", .method = "POST", .path = "/products", .action = ACTION_CREATE, .who = MANAGER,
     .decide = product_create,
     .doc = "Makes a draft"},
    {.name = "list", .method = "GET", .path = "/products", .action = ACTION_LIST, .who = ANYONE, .query = &query_fields,
     .listings = listings, .matches = product_matches, .searches = true, .within = supplier_of_query, .rate = RATE_READ,
     .steady = true, .doc = "Published products"},
    {.name = "list_of_supplier", .method = "GET", .path = "/suppliers/{id}/products", .alias = "/sellers/{id}/products",
     .action = ACTION_LIST, .who = ANYONE, .query = &query_fields, .decide = supplier_of_path_is_there,
     .listings = supplier_listings, .matches = supplier_product_matches, .searches = true, .within = supplier_of_path,
     .rate = RATE_READ, .steady = true, .doc = "Products of one supplier"},
    {.name = "read", .method = "GET", .path = "/products/{id}", .action = ACTION_READ, .who = ANYONE, .rate = RATE_READ,
     .steady = true, .doc = "A product, with what each variant has in stock"},
    {.name = "patch", .method = "PATCH", .path = "/products/{id}", .action = ACTION_PATCH, .who = MANAGER,
     .decide = product_patch, .doc = "Changes fields; `variants` names every variant that exists"},
    {.name = "publish", .method = "POST", .path = "/products/{id}/publish", .action = ACTION_COMMAND,
     .who = TEAM_OR_STAFF,
     .decide = product_publish, .doc = "Shows and sells it"},
    {.name = "archive", .method = "POST", .path = "/products/{id}/archive", .action = ACTION_COMMAND,
     .who = TEAM_OR_STAFF,
     .body = &reason_optional_fields, .decide = product_archive, .doc = "Stops selling it"},
    {.name = "delete", .method = "DELETE", .path = "/products/{id}", .action = ACTION_COMMAND, .who = TEAM_OR_STAFF,
     .body = &reason_optional_fields, .decide = product_delete, .doc = "Deletes it; restore takes it back within 30 days"},
    {.name = "restore", .method = "POST", .path = "/products/{id}/restore", .action = ACTION_COMMAND,
     .who = TEAM_OR_STAFF,
     .decide = product_restore, .doc = "Takes the deletion back"},
    {.name = "add_variant", .method = "POST", .path = "/products/{id}/variants", .action = ACTION_COMMAND,
     .who = MANAGER,
     .body = &product_variant_fields, .decide = product_add_variant, .doc = "Adds a variant"},
    {.name = "patch_variant", .method = "PATCH", .path = "/products/{id}/variants/{variant_id}",
     .action = ACTION_COMMAND,
     .who = MANAGER, .body = &product_variant_patch_fields, .decide = product_patch_variant,
      .doc = "Changes a variant"},
    {.name = "retire_variant", .method = "DELETE", .path = "/products/{id}/variants/{variant_id}",
     .action = ACTION_COMMAND,
     .who = MANAGER, .decide = product_retire_variant, .doc = "Retires a variant: it is no longer sold"},
    {0},
};
/* clang-format on */

static struct id own_id(const void *entity)
{
    return ((const struct entity *)entity)->id;
}

/* clang-format off */
static const struct join joins[] = {
    {.name = "stock", .kind = &product_stock_kind, .key = own_id, .revision = true},
    {0},
};

const struct kind product_kind = {
    .number = 30, .name = "product", .plural = "products", .doc = "What a supplier sells, with its variants.",
    .fields = &product_fields, .machine = &machine, .events = events, .indexes = product_indexes, .commands = commands,
     .joins = joins,
    .searched = &searched, .slug = &product_by_slug, .patch_needs_version = true, .relations = product_relations, .visible = product_visible,
     .check = product_check,
    .shown = product_shown,
};

static const struct field counts_rows[] = {
    ENTITY_ROW(product_counts),
    INTEGER(product_counts, 2, live, .flags = READ_ONLY, .doc = "products that are not deleted"),
};
static const struct fields counts_fields = FIELDS("product_counts", struct product_counts, counts_rows);
static const struct event *const no_events[] = {NULL};
static const struct command no_commands[] = {{0}};

const struct kind product_counts_kind = {
    .number = 32, .name = "product_counts", .plural = "product_counts",
     .doc = "How many products a supplier has; its limit is decided by it.",
    .fields = &counts_fields, .events = no_events, .commands = no_commands, .quiet = true, .check = counts_check,
};
/* clang-format on */
