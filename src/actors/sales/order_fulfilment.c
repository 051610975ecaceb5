/* Fulfilment: each item on its own, by the team of its supplier or the staff. It goes on while the supplier is suspended.

     confirmed ─process→ processing ─ship→ shipped ─deliver→ delivered          shipped: tracking may be corrected */
#include "actors/sales/order_parts.h"

/* clang-format off */
static const struct field ship_rows[] = {
    TEXT(ship_body, 1, carrier,         .min = 1, .max = 80, .flags = REQUIRED, .doc = "who carries it"),
    TEXT(ship_body, 2, tracking_number, .min = 1, .max = 120, .flags = REQUIRED, .doc = "the carrier's number"),
    TEXT(ship_body, 3, tracking_url,    .format = FORMAT_URL, .doc = "where to follow it"),
};
/* clang-format on */
const struct fields ship_fields = FIELDS("ship", struct ship_body, ship_rows);

/* clang-format off */
static const struct field tracking_rows[] = {
    TEXT(ship_body, 1, carrier,         .min = 1, .max = 80, .flags = KEPT, .doc = "who carries it"),
    TEXT(ship_body, 2, tracking_number, .min = 1, .max = 120, .flags = KEPT, .doc = "the carrier's number"),
    TEXT(ship_body, 3, tracking_url,    .format = FORMAT_URL, .doc = "where to follow it"),
};
/* clang-format on */
const struct fields tracking_fields = FIELDS("tracking", struct ship_body, tracking_rows);

/* The item of the path in the state that the command starts from, for its team and the staff. */
static enum error own_item(struct tx *tx, enum item_status from, const char *command, struct order_item **item)
{
    uint32_t relations;
    enum error error = order_item_of_path(tx, tx->subject, item, &relations);
    if (error) return error;
    if (!(relations & (TEAM | ADMIN)))
        return fail(tx, ERROR_FORBIDDEN, "only the supplier's team may %s this item", command);
    if ((*item)->status != from) return order_item_refused(tx, *item, command);
    return OK;
}

static void move(struct tx *tx, struct order_item *item, const struct event *event, enum item_status to)
{
    struct order *order = tx->subject;
    enum item_status from = item->status;
    item->status = to;
    order_emit_item(tx, order, event, item, from, (struct text){0});
    order_derive(tx, order);
}

enum error order_item_process(struct tx *tx)
{
    struct order_item *item;
    enum error error = own_item(tx, ITEM_CONFIRMED, "process", &item);
    if (error) return error;
    item->processed_at = tx->now;
    move(tx, item, &order_item_processing, ITEM_PROCESSING);
    return OK;
}

enum error order_item_ship(struct tx *tx)
{
    const struct ship_body *body = tx->body;
    struct order *order = tx->subject;
    struct order_item *item;
    enum error error = own_item(tx, ITEM_PROCESSING, "ship", &item);
    if (error) return error;
    struct allocation_list taken = {item->allocations.at, item->allocations.count};
    stock_ship(tx, item->variant_id, &taken, order_holder(order));
    item->shipment = (struct shipment){body->carrier, body->tracking_number, body->tracking_url};
    item->shipped_at = tx->now;
    move(tx, item, &order_item_shipped, ITEM_SHIPPED);
    return OK;
}

/* The one place where an item counts as delivered: what is owed for it is settled from here. */
enum error order_item_deliver(struct tx *tx)
{
    struct order *order = tx->subject;
    struct order_item *item;
    enum error error = own_item(tx, ITEM_SHIPPED, "deliver", &item);
    if (error) return error;
    item->delivered_at = tx->now;
    order_count_undelivered(tx, order, item, -1);
    move(tx, item, &order_item_delivered, ITEM_DELIVERED);
    return OK;
}

enum error order_item_track(struct tx *tx)
{
    const struct ship_body *body = tx->body;
    struct order *order = tx->subject;
    struct order_item *item;
    enum error error = own_item(tx, ITEM_SHIPPED, "track", &item);
    if (error) return error;
    struct shipment before = item->shipment;
    if (has(tx, "carrier")) item->shipment.carrier = body->carrier;
    if (has(tx, "tracking_number")) item->shipment.tracking_number = body->tracking_number;
    if (has(tx, "tracking_url")) item->shipment.tracking_url = body->tracking_url;
    bool same = text_equal(before.carrier, item->shipment.carrier) &&
                text_equal(before.tracking_url, item->shipment.tracking_url) &&
                text_equal(before.tracking_number, item->shipment.tracking_number);
    if (!same) order_emit_updated(tx, order, item->id, LITERAL("tracking changed"));
    return OK;
}
