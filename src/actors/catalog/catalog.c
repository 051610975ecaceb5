/* What follows the facts of the catalogue: what each product's variants have in stock, and how many products a supplier
   lists; and the lists of the area's kinds and followers. */
#include "actors/catalog/product.h"
#include "actors/catalog/stock.h"
#include "actors/catalog/supplier.h"
#include "actors/runtime/tx.h"

#include <string.h>

/* ---- product_stock ---- */
/* clang-format off */
static const struct field level_rows[] = {
    ID(stock_level, 1, variant_id, .flags = READ_ONLY, .doc = "the variant"),
    ID(stock_level, 2, location_id, .flags = READ_ONLY, .doc = "the location"),
    INTEGER(stock_level, 3, available, .flags = READ_ONLY, .doc = "what it has there"),
};
static const struct fields level_fields = FIELDS("stock_level", struct stock_level, level_rows);
static const struct field stock_view_rows[] = {
    ENTITY_ROW(product_stock),
    LIST(product_stock, 2, levels, struct stock_level, &level_fields, .max = 20000,
        .flags = READ_ONLY, .sees = TEAM | ADMIN, .doc = "by variant, then location"),
};
static const struct fields stock_view_fields = FIELDS("product_stock", struct product_stock, stock_view_rows);
static const struct event *const no_events[] = {NULL};
static const struct command no_commands[] = {{0}};

const struct kind product_stock_kind = {
    .number = 33, .name = "product_stock", .plural = "product_stock",
     .doc = "What the variants of a product have at each location.",
    .fields = &stock_view_fields, .events = no_events, .commands = no_commands, .derived = true,
};
/* clang-format on */

static int level_compare(const struct stock_level *level, struct id variant_id, struct id location_id)
{
    int order = id_compare(level->variant_id, variant_id);
    return order ? order : id_compare(level->location_id, location_id);
}

/* The first level not before (variant, location). */
static uint32_t level_at(const struct product_stock *row, struct id variant_id, struct id location_id)
{
    uint32_t low = 0, high = row->levels.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (level_compare(&row->levels.at[middle], variant_id, location_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t product_stock_first(const struct product_stock *row, struct id variant_id)
{
    return level_at(row, variant_id, ID_NONE);
}

static void follow_stock(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &stock_kind) return;
    const struct stock *stock = fact->after;
    struct product_stock *row = edit_or_create(tx, &product_stock_kind, stock->product_id);
    if (!row) return;
    uint32_t at = level_at(row, stock->variant_id, stock->location_id);
    if (at == row->levels.count || level_compare(&row->levels.at[at], stock->variant_id, stock->location_id)) {
        (void)LIST_ADD(tx->arena, &row->levels);
        memmove(&row->levels.at[at + 1], &row->levels.at[at], (row->levels.count - 1 - at) * sizeof row->levels.at[0]);
        row->levels.at[at] = (struct stock_level){.variant_id = stock->variant_id, .location_id = stock->location_id};
    }
    row->levels.at[at].available = stock->available;
}

/* clang-format off */
const struct follower product_stock_follower = { "product_stock", "available per variant and location", true,
                                                 follow_stock };
/* clang-format on */

/* ---- products_listed of a supplier ---- */
static int64_t published(const void *entity)
{
    const struct product *product = entity;
    return product && product->entity.status == PRODUCT_PUBLISHED;
}

static void follow_listed(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &product_kind) return;
    const struct product *product = fact->after;
    int64_t change = published(fact->after) - published(fact->before);
    if (!change || fact->version != product->entity.version) return; /* once for all events of a change */
    struct supplier_metrics *metrics = edit_or_create(tx, &supplier_metrics_kind, product->supplier_id);
    if (metrics) metrics->products_listed += change;
}

/* clang-format off */
static const struct follower products_listed = { "products_listed", "published products of a supplier", true,
                                                 follow_listed };

const struct kind *const catalog_kinds[] = { &product_kind, &product_counts_kind, &stock_kind, &product_stock_kind,
                                             NULL };
/* clang-format on */
const struct follower *const catalog_followers[] = {&product_stock_follower, &products_listed, NULL};
