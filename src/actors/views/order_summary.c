/* Order summaries: the customer's list and the suppliers' queues. One row for the customer, under the order's own id, and
   one for each supplier with items in it; each shows its holder's items alone. Rewritten at every event of the order. */
#include "actors/catalog/supplier.h"
#include "actors/identity/identity.h"
#include "actors/views/views.h"

static const char *const holder_names[] = {NULL, "customer", "supplier"};
static const struct enumeration holders = ENUMERATION("summary_holder", holder_names);

/* clang-format off */
static const struct field summary_item_rows[] = {
    ID(summary_item,      1, item_id, .doc = "the item of the order"),
    ID(summary_item,      2, product_id, .refers = "product", .doc = "the product"),
    ID(summary_item,      3, variant_id, .doc = "its variant"),
    TEXT(summary_item,    4, product_name, .doc = "its name then"),
    TEXT(summary_item,    5, sku, .doc = "the supplier's number"),
    TEXT(summary_item,    6, image_url, .doc = "its image then"),
    INTEGER(summary_item, 7, quantity, .doc = "units"),
    MONEY(summary_item,   8, unit_price, .doc = "paid for one"),
    MONEY(summary_item,   9, total, .doc = "of the line"),
    ENUM(summary_item,    10, status, &item_statuses, .doc = "how far it is"),
};
/* clang-format on */
static const struct fields summary_item_fields = FIELDS("summary_item", struct summary_item, summary_item_rows);

/* clang-format off */
static const struct field order_summary_rows[] = {
    ENTITY_ROW(order_summary),
    ID(order_summary,    2, order_id, .flags = READ_ONLY, .refers = "order", .doc = "the order"),
    ID(order_summary,    3, holder_id, .flags = READ_ONLY, .doc = "whose row it is: customer or supplier"),
    ENUM(order_summary,  4, holder, &holders, .flags = READ_ONLY, .doc = "which of the two"),
    TEXT(order_summary,  5, number, .flags = READ_ONLY, .doc = "the order's number"),
    TIME(order_summary,  6, placed_at, .flags = READ_ONLY, .doc = "when it was placed"),
    ENUM(order_summary,  7, status, &order_statuses, .flags = READ_ONLY, .doc = "of the order"),
    ENUM(order_summary,  8, payment_status, &payment_statuses, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "of the order"),
    ENUM(order_summary,  9, fulfilment_status, &fulfilment_statuses, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "of the order"),
    ID(order_summary,    10, customer_id, .flags = READ_ONLY | OPTIONAL, .refers = "user", .sees = SELF | ADMIN, .doc = "who bought"),
    TEXT(order_summary,  11, customer_name, .flags = READ_ONLY | PERSONAL, .doc = "name when it was placed"),
    LIST(order_summary,  12, items, struct summary_item, &summary_item_fields, .flags = READ_ONLY, .doc = "the holder's items"),
    MONEY(order_summary, 13, total, .flags = READ_ONLY, .doc = "of the order; for a supplier its items and its parcel"),
};
/* clang-format on */
static const struct fields order_summary_fields = FIELDS("order_summary", struct order_summary, order_summary_rows);

/* ---- the fold ---- */
static void fill(struct order_summary *row, const struct order *order, enum summary_holder holder, struct id holder_id)
{
    row->order_id = order->entity.id;
    row->holder = holder;
    row->holder_id = holder_id;
    row->number = order->number;
    row->placed_at = order->entity.created_at;
    row->status = (enum order_status)order->entity.status;
    row->payment_status = order->payment_status;
    row->fulfilment_status = order->fulfilment_status;
    row->customer_id = order->customer.user_id;
    row->customer_name = order->customer.display_name;
}

static void fill_items(struct tx *tx, struct order_summary *row, const struct order *order)
{
    row->items.at = ARENA_ARRAY(tx->arena, struct summary_item, order->items.count);
    row->items.count = 0;
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (row->holder == HOLDER_SUPPLIER && !id_equal(item->supplier_id, row->holder_id)) continue;
        row->items.at[row->items.count++] = (struct summary_item){.item_id = item->id,
                                                                  .product_id = item->product_snapshot.product_id,
                                                                  .variant_id = item->variant_id,
                                                                  .product_name = item->product_snapshot.product_name,
                                                                  .sku = item->sku,
                                                                  .image_url = item->product_snapshot.image_url,
                                                                  .quantity = item->quantity,
                                                                  .unit_price = item->unit_price,
                                                                  .total = item->total,
                                                                  .status = item->status};
    }
}

static struct money supplier_total(const struct order *order, const struct order_group *group)
{
    struct money total = group->net;
    total.amount += group->shipping.amount;
    if (!order->prices_include_tax) total.amount += group->tax.amount + group->shipping_tax.amount;
    return total;
}

static void order_summaries_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &order_kind) return;
    const struct order *order = fact->after;
    if (fact->version != order->entity.version) return; /* once for a command: at its last event */
    struct order_summary *row = edit_or_create(tx, &order_summary_kind, order->entity.id);
    if (row) {
        fill(row, order, HOLDER_CUSTOMER, order->customer.user_id);
        fill_items(tx, row, order);
        row->total = order->total;
    }
    for (uint32_t i = 0; i < order->groups.count; i++) {
        const struct order_group *group = &order->groups.at[i];
        struct id id = id_derived("order_summary", order->entity.id, group->supplier_id);
        if (!fact->before) known_new(tx, id);
        row = edit_or_create(tx, &order_summary_kind, id);
        if (!row) continue;
        fill(row, order, HOLDER_SUPPLIER, group->supplier_id);
        fill_items(tx, row, order);
        row->total = supplier_total(order, group);
    }
}
/* clang-format off */
const struct follower order_summaries_follower = {
    .name = "order_summaries", .doc = "orders as customers and suppliers list them", .view = true, .follow = order_summaries_follow};
/* clang-format on */

/* ---- orders of reading ---- */
static void holder_keys(const struct order_summary *row, struct key_writer *writer, int64_t status)
{
    key_begin(writer);
    key_id(writer, row->holder_id);
    if (status) key_integer(writer, status);
    key_integer(writer, row->placed_at);
    key_end(writer);
}

static void by_customer_keys(const void *entity, struct key_writer *writer)
{
    const struct order_summary *row = entity;
    if (row->holder == HOLDER_CUSTOMER && !id_is_none(row->holder_id)) holder_keys(row, writer, 0);
}
static const struct index by_customer = {
    .number = 1, .name = "by_customer", .keys = by_customer_keys, .doc = "a customer's, by placing"};

static void by_customer_status_keys(const void *entity, struct key_writer *writer)
{
    const struct order_summary *row = entity;
    if (row->holder == HOLDER_CUSTOMER && !id_is_none(row->holder_id)) holder_keys(row, writer, row->status);
}
/* clang-format off */
static const struct index by_customer_status = {.number = 2, .name = "by_customer_status", .keys = by_customer_status_keys,
                                                .doc = "a customer's, by status"};
/* clang-format on */

static bool holds(const struct order_summary *row, enum item_status status)
{
    for (uint32_t i = 0; i < row->items.count; i++)
        if (row->items.at[i].status == status) return true;
    return false;
}

static void queue_keys(const void *entity, struct key_writer *writer)
{
    const struct order_summary *row = entity;
    bool open = holds(row, ITEM_CONFIRMED) || holds(row, ITEM_PROCESSING);
    if (row->holder == HOLDER_SUPPLIER && open) holder_keys(row, writer, 0);
}
static const struct index queue = {
    .number = 3, .name = "queue", .keys = queue_keys, .doc = "what a supplier has to work on, oldest first"};

static void by_item_status_keys(const void *entity, struct key_writer *writer)
{
    const struct order_summary *row = entity;
    if (row->holder != HOLDER_SUPPLIER) return;
    for (enum item_status status = ITEM_PENDING; status <= ITEM_RETURNED; status++)
        if (holds(row, status)) holder_keys(row, writer, status);
}
/* clang-format off */
static const struct index by_item_status = {.number = 4, .name = "by_item_status", .keys = by_item_status_keys,
                                            .doc = "a supplier's, by the status of its items"};
/* clang-format on */
static const struct index *const order_summary_indexes[] = {&by_customer, &by_customer_status, &queue, &by_item_status,
                                                            NULL};

/* ---- lists ---- */
struct own_query {
    enum order_status status;
    int64_t from, to;
};
/* clang-format off */
static const struct field own_query_rows[] = {
    ENUM(own_query, 1, status, &order_statuses, .doc = "in this status"),
    TIME(own_query, 2, from, .doc = "placed then or later"),
    TIME(own_query, 3, to, .doc = "placed before"),
};
/* clang-format on */
static const struct fields own_query_fields = FIELDS("own_orders_query", struct own_query, own_query_rows);

struct queue_query {
    enum item_status item_status;
};
/* clang-format off */
static const struct field queue_query_rows[] = {
    ENUM(queue_query, 1, item_status, &item_statuses, .doc = "with an item in this status; confirmed and processing when absent"),
};
/* clang-format on */
static const struct fields queue_query_fields = FIELDS("supplier_orders_query", struct queue_query, queue_query_rows);

static void of_asker(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

static void of_path_supplier(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, supplier_of_path(tx));
}

/* clang-format off */
static const struct listing own_listings[] = {
    {"newest", "status", &by_customer_status, .reverse = true, .scope = of_asker},
    {"newest", NULL, &by_customer, .reverse = true, .scope = of_asker},
    {0}};
static const struct listing queue_listings[] = {
    {"oldest", "item_status", &by_item_status, .scope = of_path_supplier},
    {"oldest", NULL, &queue, .scope = of_path_supplier},
    {0}};
/* clang-format on */

static bool own_matches(struct tx *tx, const void *entity)
{
    const struct own_query *query = tx->query;
    const struct order_summary *row = entity;
    if (queried(tx, "from") && row->placed_at < query->from) return false;
    return !queried(tx, "to") || row->placed_at < query->to;
}

static enum error queue_check(struct tx *tx)
{
    enum error error = supplier_of_path_is_there(tx);
    if (error || tx->relations & (TEAM | ADMIN)) return error;
    return fail(tx, ERROR_FORBIDDEN, "only the supplier's team sees its orders");
}

static uint32_t order_summary_relations(struct tx *tx, const void *entity)
{
    const struct order_summary *row = entity;
    if (tx->principal.kind != PRINCIPAL_USER) return 0;
    if (!row) return supplier_relations_of(tx, supplier_of_path(tx));
    if (row->holder == HOLDER_SUPPLIER) return supplier_relations_of(tx, row->holder_id);
    return id_equal(row->holder_id, tx->principal.user) ? SELF : 0;
}

static bool order_summary_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
    return (relations & (SELF | TEAM | ADMIN)) != 0;
}

static struct id order_summary_subject(const void *entity)
{
    const struct order_summary *row = entity;
    return id_is_none(row->customer_id) ? row->order_id : row->customer_id;
}

static const void *order_summary_shown(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)relations;
    const struct order_summary *row = entity;
    if (row->customer_name.data || id_is_none(row->customer_id)) return row;
    struct order_summary *named = arena_copy(tx->arena, row, sizeof *row);
    named->customer_name = LITERAL(ERASED_NAME);
    return named;
}

/* clang-format off */
static const struct command order_summary_commands[] = {
    {"list_own", "GET", "/orders", .action = ACTION_LIST, .who = USER, .query = &own_query_fields, .listings = own_listings,
     .matches = own_matches, .rate = RATE_READ, .doc = "One's own orders, newest first."},
    {"list_of_supplier", "GET", "/suppliers/{id}/orders", "/sellers/{id}/orders", .action = ACTION_LIST, .who = USER | ADMIN,
     .demands = TEAM | ADMIN, .query = &queue_query_fields, .decide = queue_check, .listings = queue_listings, .rate = RATE_READ,
     .doc = "What a supplier's team has to work on, oldest first; its own items only."},
    {0}};

const struct kind order_summary_kind = {
    .number = 71, .name = "order_summary", .plural = "order_summaries", .doc = "an order as its customer, or one of its suppliers, lists it",
    .fields = &order_summary_fields, .indexes = order_summary_indexes, .commands = order_summary_commands, .derived = true,
    .relations = order_summary_relations, .visible = order_summary_visible, .subject = order_summary_subject,
    .shown = order_summary_shown};
/* clang-format on */
