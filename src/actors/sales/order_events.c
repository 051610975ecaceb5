/* The events of an order and what they carry: ids, states, amounts and public names, never an address. */
#include "actors/sales/order_parts.h"

/* clang-format off */
static const struct field order_event_item_rows[] = {
    ID(order_event_item,      1, item_id, .doc = "the item"),
    ID(order_event_item,      2, supplier_id, .refers = "supplier", .doc = "who sells it"),
    ID(order_event_item,      3, product_id, .refers = "product", .doc = "the product"),
    ID(order_event_item,      4, variant_id, .doc = "its variant"),
    INTEGER(order_event_item, 5, quantity, .doc = "units"),
    MONEY(order_event_item,   6, unit_price, .doc = "paid for one"),
    MONEY(order_event_item,   7, net, .doc = "of all units"),
    MONEY(order_event_item,   8, tax, .doc = "of all units"),
    ID(order_event_item,      9, promotion_id, .refers = "promotion", .flags = OPTIONAL, .doc = "the offer that sold it"),
    ID(order_event_item,      10, community_id, .refers = "community", .flags = OPTIONAL, .doc = "where it was found"),
};
/* clang-format on */
static const struct fields order_event_item_fields =
    FIELDS("order_event_item", struct order_event_item, order_event_item_rows);

/* clang-format off */
static const struct field order_placed_rows[] = {
    ENUM(order_placed,   1, from, &order_statuses, .doc = "status before"),
    ENUM(order_placed,   2, to, &order_statuses, .doc = "status after"),
    TEXT(order_placed,   3, number, .doc = "the order's number"),
    ID(order_placed,     4, customer_id, .refers = "user", .flags = OPTIONAL, .doc = "who bought"),
    LIST(order_placed,   5, items, struct order_event_item, &order_event_item_fields, .doc = "what was bought"),
    MONEY(order_placed,  6, subtotal, .doc = "at original prices"),
    MONEY(order_placed,  7, discount, .doc = "of all lines"),
    MONEY(order_placed,  8, shipping, .doc = "of all parcels"),
    MONEY(order_placed,  9, tax, .doc = "of all"),
    MONEY(order_placed,  10, total, .doc = "what is charged"),
    STRUCT(order_placed, 11, utm, struct utm, &utm_fields, .doc = "how the customer came"),
};
/* clang-format on */
static const struct fields order_placed_fields = FIELDS("order_placed", struct order_placed, order_placed_rows);

/* clang-format off */
static const struct field order_moved_rows[] = {
    ENUM(order_moved,  1, from, &order_statuses, .doc = "status before"),
    ENUM(order_moved,  2, to, &order_statuses, .doc = "status after"),
    MONEY(order_moved, 3, subtotal, .doc = "at original prices"),
    MONEY(order_moved, 4, discount, .doc = "of all lines"),
    MONEY(order_moved, 5, shipping, .doc = "of all parcels"),
    MONEY(order_moved, 6, tax, .doc = "of all"),
    MONEY(order_moved, 7, total, .doc = "what was charged"),
    ENUM(order_moved,  8, reason, &cancel_reasons, .doc = "of a cancellation"),
};
/* clang-format on */
static const struct fields order_moved_fields = FIELDS("order_moved", struct order_moved, order_moved_rows);

/* clang-format off */
static const struct field order_paid_rows[] = {
    MONEY(order_paid, 1, amount, .doc = "captured, or asked for"),
    TEXT(order_paid,  2, provider, .doc = "who answered"),
    TEXT(order_paid,  3, reference, .doc = "the provider's number"),
    TEXT(order_paid,  4, decline_code, .doc = "why it was declined"),
};
/* clang-format on */
static const struct fields order_paid_fields = FIELDS("order_paid", struct order_paid, order_paid_rows);

/* clang-format off */
static const struct field order_item_moved_rows[] = {
    ID(order_item_moved,   1, item_id, .doc = "the item"),
    ID(order_item_moved,   2, supplier_id, .refers = "supplier", .doc = "who sells it"),
    ENUM(order_item_moved, 3, from, &item_statuses, .doc = "its status before"),
    ENUM(order_item_moved, 4, to, &item_statuses, .doc = "its status after"),
    TEXT(order_item_moved, 5, carrier, .doc = "who carries it"),
    TEXT(order_item_moved, 6, tracking_number, .doc = "the carrier's number"),
    ENUM(order_item_moved, 7, reason, &cancel_reasons, .doc = "of a cancellation"),
};
/* clang-format on */
static const struct fields order_item_moved_fields =
    FIELDS("order_item_moved", struct order_item_moved, order_item_moved_rows);

/* clang-format off */
static const struct field order_refunded_rows[] = {
    ID(order_refunded,    1, refund_id, .doc = "the refund"),
    LIST(order_refunded,  2, items, struct refund_line, &refund_line_fields, .doc = "lines paid back"),
    LIST(order_refunded,  3, groups, struct refund_group, &refund_group_fields, .doc = "parcels paid back"),
    MONEY(order_refunded, 4, goods, .doc = "net of its lines"),
    MONEY(order_refunded, 5, tax, .doc = "of lines and parcels"),
    MONEY(order_refunded, 6, shipping, .doc = "of its parcels"),
    MONEY(order_refunded, 7, amount, .doc = "what is paid back"),
    BOOL(order_refunded,  8, late, .doc = "of a payment that came too late"),
};
/* clang-format on */
static const struct fields order_refunded_fields = FIELDS("order_refunded", struct order_refunded, order_refunded_rows);

/* clang-format off */
static const struct field order_updated_rows[] = {
    ID(order_updated,   1, item_id, .flags = OPTIONAL, .doc = "the item; null: the order"),
    TEXT(order_updated, 2, note, .doc = "what changed"),
};
/* clang-format on */
static const struct fields order_updated_fields = FIELDS("order_updated", struct order_updated, order_updated_rows);

/*                                                number name                        data */
/* clang-format off */
const struct event order_created             = {.number = 1,  .name = "order.created", .data = &order_placed_fields,
                                                .doc = "placed: stock is reserved, payment asked for"};
const struct event order_payment_succeeded   = {.number = 2,  .name = "order.payment_succeeded", .data = &order_paid_fields,
                                                .doc = "the total was captured"};
const struct event order_payment_failed      = {.number = 3,  .name = "order.payment_failed", .data = &order_paid_fields,
                                                .doc = "the payment was declined"};
const struct event order_payment_late        = {.number = 4,  .name = "order.payment_late", .data = &order_paid_fields,
                                                .doc = "captured after the order was cancelled: it is refunded at once"};
const struct event order_confirmed           = {.number = 5,  .name = "order.confirmed", .data = &order_placed_fields,
                                                .doc = "paid: the suppliers may begin"};
const struct event order_processing          = {.number = 6,  .name = "order.processing", .data = &order_moved_fields,
                                                .doc = "every living item is in work"};
const struct event order_shipped             = {.number = 7,  .name = "order.shipped", .data = &order_moved_fields,
                                                .doc = "every living item is on its way"};
const struct event order_delivered           = {.number = 8,  .name = "order.delivered", .data = &order_moved_fields,
                                                .doc = "every living item has arrived"};
const struct event order_cancelled           = {.number = 9,  .name = "order.cancelled", .data = &order_moved_fields,
                                                .doc = "no item lives any more"};
const struct event order_expired             = {.number = 10, .name = "order.expired", .data = &order_moved_fields,
                                                .doc = "not paid in time"};
const struct event order_item_processing     = {.number = 11, .name = "order.item_processing", .data = &order_item_moved_fields,
                                                .doc = "the supplier began with it"};
const struct event order_item_shipped        = {.number = 12, .name = "order.item_shipped", .data = &order_item_moved_fields,
                                                .doc = "it is on its way"};
const struct event order_item_delivered      = {.number = 13, .name = "order.item_delivered", .data = &order_item_moved_fields,
                                                .doc = "it has arrived"};
const struct event order_item_cancelled      = {.number = 14, .name = "order.item_cancelled", .data = &order_item_moved_fields,
                                                .doc = "it was cancelled after payment"};
const struct event order_refund_requested    = {.number = 15, .name = "order.refund_requested", .data = &order_refunded_fields,
                                                .doc = "money is to be paid back"};
const struct event order_refund_succeeded    = {.number = 16, .name = "order.refund_succeeded", .data = &order_refunded_fields,
                                                .doc = "money was paid back"};
const struct event order_refund_failed       = {.number = 17, .name = "order.refund_failed", .data = &order_refunded_fields,
                                                .doc = "the provider did not pay back: staff may retry"};
const struct event order_updated             = {.number = 18, .name = "order.updated", .data = &order_updated_fields,
                                                .doc = "tracking, or what is known of the payment, changed"};

const struct event *const order_events[] = {
    &order_created, &order_payment_succeeded, &order_payment_failed, &order_payment_late, &order_confirmed,
    &order_processing, &order_shipped, &order_delivered, &order_cancelled, &order_expired, &order_item_processing,
    &order_item_shipped, &order_item_delivered, &order_item_cancelled, &order_refund_requested, &order_refund_succeeded,
    &order_refund_failed, &order_updated, NULL};
/* clang-format on */

void order_note(struct tx *tx, struct order *order, struct timeline_entry entry)
{
    entry.at = tx->now;
    if (tx->principal.kind == PRINCIPAL_USER) entry.by = tx->principal.user;
    *LIST_ADD(tx->arena, &order->timeline) = entry;
}

void order_emit_placed(struct tx *tx, struct order *order, const struct event *event, enum order_status from)
{
    struct order_placed data = {.from = from,
                                .to = (enum order_status)order->entity.status,
                                .number = order->number,
                                .customer_id = order->customer.user_id,
                                .subtotal = order->subtotal,
                                .discount = order->discount,
                                .shipping = order->shipping,
                                .tax = order->tax,
                                .total = order->total,
                                .utm = order->attribution.utm};
    data.items.at = ARENA_ARRAY(tx->arena, struct order_event_item, order->items.count);
    data.items.count = order->items.count;
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        data.items.at[i] = (struct order_event_item){.item_id = item->id,
                                                     .supplier_id = item->supplier_id,
                                                     .product_id = item->product_snapshot.product_id,
                                                     .variant_id = item->variant_id,
                                                     .quantity = item->quantity,
                                                     .unit_price = item->unit_price,
                                                     .net = item->net,
                                                     .tax = item->tax,
                                                     .promotion_id = item->attribution.promotion_id,
                                                     .community_id = item->attribution.community_id};
    }
    order_note(tx, order,
               (struct timeline_entry){.event = text_of(event->name),
                                       .from = enum_name(&order_statuses, from),
                                       .to = enum_name(&order_statuses, data.to)});
    emit(tx, order, &order_kind, event, &data);
}

void order_emit_moved(struct tx *tx, struct order *order, const struct event *event, enum order_status from,
                      enum order_status to)
{
    struct order_moved data = {.from = from,
                               .to = to,
                               .subtotal = order->subtotal,
                               .discount = order->discount,
                               .shipping = order->shipping,
                               .tax = order->tax,
                               .total = order->total,
                               .reason = order->cancel_reason};
    order_note(tx, order,
               (struct timeline_entry){.event = text_of(event->name),
                                       .from = enum_name(&order_statuses, from),
                                       .to = enum_name(&order_statuses, to),
                                       .note = enum_name(&cancel_reasons, order->cancel_reason)});
    emit(tx, order, &order_kind, event, &data);
}

void order_emit_paid(struct tx *tx, struct order *order, const struct event *event, const struct payment_answer *by)
{
    struct order_paid data = {
        .amount = order->total, .provider = by->provider, .reference = by->reference, .decline_code = by->decline_code};
    order_note(tx, order, (struct timeline_entry){.event = text_of(event->name), .note = by->decline_code});
    emit(tx, order, &order_kind, event, &data);
}

void order_emit_item(struct tx *tx, struct order *order, const struct event *event, const struct order_item *item,
                     enum item_status from, struct text note)
{
    struct order_item_moved data = {.item_id = item->id,
                                    .supplier_id = item->supplier_id,
                                    .from = from,
                                    .to = item->status,
                                    .carrier = item->shipment.carrier,
                                    .tracking_number = item->shipment.tracking_number,
                                    .reason = item->cancel_reason};
    order_note(tx, order,
               (struct timeline_entry){.event = text_of(event->name),
                                       .from = enum_name(&item_statuses, from),
                                       .to = enum_name(&item_statuses, item->status),
                                       .item_id = item->id,
                                       .note = note});
    emit(tx, order, &order_kind, event, &data);
}

void order_emit_refund(struct tx *tx, struct order *order, const struct event *event, const struct order_refund *refund)
{
    struct order_refunded data = {.refund_id = refund->id,
                                  .goods = refund->goods,
                                  .tax = refund->tax,
                                  .shipping = refund->shipping,
                                  .amount = refund->amount,
                                  .late = refund->late};
    data.items.at = refund->items.at, data.items.count = refund->items.count;
    data.groups.at = refund->groups.at, data.groups.count = refund->groups.count;
    order_note(tx, order, (struct timeline_entry){.event = text_of(event->name)});
    emit(tx, order, &order_kind, event, &data);
}

void order_emit_updated(struct tx *tx, struct order *order, struct id item_id, struct text note)
{
    struct order_updated data = {.item_id = item_id, .note = note};
    order_note(tx, order,
               (struct timeline_entry){.event = text_of(order_updated.name), .item_id = item_id, .note = note});
    emit(tx, order, &order_kind, &order_updated, &data);
}
