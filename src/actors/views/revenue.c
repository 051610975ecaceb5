/* Revenue by UTC day: sales on the day of order.confirmed, refunds on the day they succeeded (not those of late money,
   which was never a sale). One row for the total, and rows by community, promotion and supplier whose gross, discounts,
   refunds, net and units sum up to it: what nobody brought is on the row without reference. */
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/views/views.h"

#include <string.h>

static const char *const by_names[] = {NULL, "total", "community", "promotion", "supplier"};
static const struct enumeration bys = ENUMERATION("revenue_by", by_names);

/* clang-format off */
static const struct field revenue_day_rows[] = {
    ENTITY_ROW(revenue_day),
    DATE(revenue_day,    2, day, .flags = READ_ONLY, .doc = "UTC day"),
    ENUM(revenue_day,    3, by, &bys, .flags = READ_ONLY, .doc = "what the row is of"),
    ID(revenue_day,      4, reference_id, .flags = READ_ONLY | OPTIONAL, .doc = "which one; null: the total, or nobody"),
    INTEGER(revenue_day, 5, orders, .flags = READ_ONLY, .doc = "orders confirmed, with such an item"),
    INTEGER(revenue_day, 6, units, .flags = READ_ONLY, .doc = "units sold"),
    MONEY(revenue_day,   7, gross, .flags = READ_ONLY, .doc = "at original prices"),
    MONEY(revenue_day,   8, discounts, .flags = READ_ONLY, .doc = "less"),
    MONEY(revenue_day,   9, refunds, .flags = READ_ONLY, .doc = "goods paid back"),
    MONEY(revenue_day,   10, net, .flags = READ_ONLY, .doc = "gross less discounts and refunds"),
    MONEY(revenue_day,   11, tax, .flags = READ_ONLY, .doc = "of the total alone"),
    MONEY(revenue_day,   12, shipping, .flags = READ_ONLY, .doc = "of the total alone"),
};
/* clang-format on */
static const struct fields revenue_day_fields = FIELDS("revenue_day", struct revenue_day, revenue_day_rows);

/* ---- the fold ---- */
static struct id revenue_id(int32_t day, enum revenue_by by, struct id reference_id)
{
    char name[16] = {0};
    date_format(day, name); /* ten characters */
    name[10] = (char)('0' + by);
    return id_derived_text("revenue_day", reference_id, text_of(name));
}

static struct revenue_day *row_of(struct tx *tx, const struct order *order, int64_t time, enum revenue_by by,
                                  struct id reference_id)
{
    int32_t day = time_date(time);
    struct revenue_day *row = edit_or_create(tx, &revenue_day_kind, revenue_id(day, by, reference_id));
    if (!row || row->day) return row;
    struct money nothing = money_of(0, order->total.currency);
    row->day = day;
    row->by = by;
    row->reference_id = reference_id;
    row->gross = row->discounts = row->refunds = row->net = nothing;
    if (by == BY_TOTAL) row->tax = row->shipping = nothing;
    return row;
}

static struct id reference_of(const struct order_item *item, enum revenue_by by)
{
    switch (by) {
    case BY_TOTAL: break;
    case BY_COMMUNITY: return item->attribution.community_id;
    case BY_PROMOTION: return item->attribution.promotion_id;
    case BY_SUPPLIER: return item->supplier_id;
    }
    return ID_NONE;
}

static bool first_of_reference(const struct order *order, uint32_t item, enum revenue_by by)
{
    for (uint32_t i = 0; i < item; i++)
        if (id_equal(reference_of(&order->items.at[i], by), reference_of(&order->items.at[item], by))) return false;
    return true;
}

static void sold(struct tx *tx, const struct fact *fact, const struct order *order)
{
    struct revenue_day *total = NULL;
    for (enum revenue_by by = BY_TOTAL; by <= BY_SUPPLIER; by++) {
        struct revenue_day *row = NULL;
        for (uint32_t i = 0; i < order->items.count; i++) {
            const struct order_item *item = &order->items.at[i];
            struct id reference = reference_of(item, by);
            if (!row || !id_equal(row->reference_id, reference)) row = row_of(tx, order, fact->time, by, reference);
            if (!row) continue;
            row->orders += first_of_reference(order, i, by);
            row->units += item->quantity;
            row->gross.amount += item->subtotal.amount;
            row->discounts.amount += item->discount.amount;
            row->net.amount += item->net.amount;
        }
        if (by == BY_TOTAL) total = row;
    }
    if (!total) return;
    total->tax.amount += order->tax.amount;
    total->shipping.amount += order->shipping.amount;
}

static void refunded(struct tx *tx, const struct fact *fact, const struct order *order,
                     const struct order_refunded *refund)
{
    for (enum revenue_by by = BY_TOTAL; by <= BY_SUPPLIER; by++)
        for (uint32_t i = 0; i < refund->items.count; i++) {
            const struct order_item *item = order_item_find(order, refund->items.at[i].item_id);
            struct revenue_day *row = item ? row_of(tx, order, fact->time, by, reference_of(item, by)) : NULL;
            if (!row) continue;
            row->refunds.amount += refund->items.at[i].goods.amount;
            row->net.amount -= refund->items.at[i].goods.amount;
        }
}

static void revenue_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &order_kind) return;
    const struct order_refunded *refund = fact->event == &order_refund_succeeded ? fact->data : NULL;
    if (fact->event == &order_confirmed)
        sold(tx, fact, fact->after);
    else if (refund && !refund->late)
        refunded(tx, fact, fact->after, refund);
}
/* clang-format off */
const struct follower revenue_follower = {
    .name = "analytics_revenue", .doc = "sales and refunds by day", .view = true, .follow = revenue_follow};
/* clang-format on */

/* ---- reading ---- */
static void by_keys(const void *entity, struct key_writer *writer)
{
    const struct revenue_day *row = entity;
    key_begin(writer);
    key_integer(writer, row->by);
    key_integer(writer, row->day);
    key_id(writer, row->reference_id);
    key_end(writer);
}
static const struct index by_index = {.number = 1, .name = "by", .keys = by_keys, .doc = "what it is of, then the day"};

static void reference_keys(const void *entity, struct key_writer *writer)
{
    const struct revenue_day *row = entity;
    key_begin(writer);
    key_integer(writer, row->by);
    key_id(writer, row->reference_id);
    key_integer(writer, row->day);
    key_end(writer);
}
static const struct index reference_index = {
    .number = 2, .name = "reference", .keys = reference_keys, .doc = "one supplier or community, by day"};
static const struct index *const revenue_indexes[] = {&by_index, &reference_index, NULL};

struct revenue_query { /* starts as struct day_range */
    int32_t from, to;
    enum revenue_by by;
};
/* clang-format off */
static const struct field revenue_query_rows[] = {
    DATE(revenue_query, 1, from, .doc = "first day; 30 days before the last when absent"),
    DATE(revenue_query, 2, to, .doc = "last day, included; today when absent"),
    ENUM(revenue_query, 3, by, &bys, .initial = BY_TOTAL, .doc = "rows of what"),
};
/* clang-format on */
static const struct fields revenue_query_fields = FIELDS("revenue_query", struct revenue_query, revenue_query_rows);

static struct id total_id(int32_t day)
{
    return revenue_id(day, BY_TOTAL, ID_NONE);
}

static enum error revenue_read(struct tx *tx)
{
    enum error error = day_range_take(tx, sizeof(struct revenue_query));
    if (error) return error;
    const struct revenue_query *query = tx->query;
    return query->by <= BY_TOTAL ? days_answer(tx, &revenue_day_kind, total_id, NULL) : OK;
}

static void of_what(struct tx *tx, struct key_writer *writer)
{
    const struct revenue_query *query = tx->query;
    key_integer(writer, query->by);
}

static bool within(struct tx *tx, const void *entity)
{
    const struct day_range *range = tx->query;
    const struct revenue_day *row = entity;
    return row->day >= range->from && row->day <= range->to;
}
static const struct listing revenue_listings[] = {{"oldest", NULL, &by_index, .scope = of_what}, {0}};

/* ---- of one supplier, one community ---- */
static enum error supplier_check(struct tx *tx)
{
    enum error error = supplier_of_path_is_there(tx);
    if (error) return error;
    if (!(tx->relations & (MANAGER | ADMIN)))
        return fail(tx, ERROR_FORBIDDEN, "you may not read the figures of this supplier");
    return day_range_take(tx, sizeof(struct day_range));
}

static enum error community_check(struct tx *tx)
{
    if (id_is_none(community_of_path(tx))) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (!(tx->relations & (OWNER | ADMIN)))
        return fail(tx, ERROR_FORBIDDEN, "you may not read the figures of this community");
    return day_range_take(tx, sizeof(struct day_range));
}

/* To the supplier or community whose figures are asked for. */
static uint32_t revenue_relations(struct tx *tx, const void *entity)
{
    if (entity || !path_parameter(tx, "id")) return 0;
    bool of_community = !strcmp(tx->command->name, "read_community");
    return of_community ? community_relations_of(tx, community_of_path(tx))
                        : supplier_relations_of(tx, supplier_of_path(tx));
}

static void of_supplier(struct tx *tx, struct key_writer *writer)
{
    key_integer(writer, BY_SUPPLIER);
    key_id(writer, supplier_of_path(tx));
}

static void of_community(struct tx *tx, struct key_writer *writer)
{
    key_integer(writer, BY_COMMUNITY);
    key_id(writer, community_of_path(tx));
}
static const struct listing supplier_listings[] = {{"oldest", NULL, &reference_index, .scope = of_supplier}, {0}};
static const struct listing community_listings[] = {{"oldest", NULL, &reference_index, .scope = of_community}, {0}};

/* clang-format off */
static const struct command revenue_commands[] = {
    {"read", "GET", "/admin/analytics/revenue", .action = ACTION_LIST, .who = ADMIN, .query = &revenue_query_fields, .decide = revenue_read,
     .listings = revenue_listings, .matches = within, .rate = RATE_READ, .doc = "Revenue by UTC day, oldest first: in all, by community, promotion or supplier."},
    {"read_supplier", "GET", "/suppliers/{id}/analytics", "/sellers/{id}/analytics", .action = ACTION_LIST, .who = USER | ADMIN, .demands = MANAGER | ADMIN,
     .query = &day_range_fields, .decide = supplier_check, .listings = supplier_listings, .matches = within, .rate = RATE_READ,
     .doc = "Revenue of one supplier by UTC day, for its managers."},
    {"read_community", "GET", "/communities/{id}/analytics", .action = ACTION_LIST, .who = USER | ADMIN, .demands = OWNER | ADMIN, .query = &day_range_fields,
     .decide = community_check, .listings = community_listings, .matches = within, .rate = RATE_READ,
     .doc = "Revenue attributed to one community by UTC day, for its owner."},
    {0}};

const struct kind revenue_day_kind = {
    .number = 80, .name = "revenue_day", .plural = "revenue_days", .doc = "sales and refunds of a day", .fields = &revenue_day_fields,
    .indexes = revenue_indexes, .commands = revenue_commands, .derived = true, .relations = revenue_relations};
/* clang-format on */
