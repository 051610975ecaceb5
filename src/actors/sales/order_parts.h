/* What the files of an order share.

   order.c             the kind: machine, indexes, truths, placing, reading
   order_fields.c      what it is made of          order_events.c      what it tells
   order_state.c       what follows from its items: status, milestones, counters
   order_payment.c     answers of the payment, expiry, late money
   order_fulfilment.c  process, ship, deliver
   order_refund.c      cancellation and refunds
   purchase.c          the purchase itself         pricing.c           its arithmetic */
#pragma once
#include "actors/sales/order.h"

extern const struct event *const order_events[];
extern const struct fields refund_line_fields, refund_group_fields, utm_fields;

/* -- events, each with its line in the timeline -- */
void order_note(struct tx *tx, struct order *order, struct timeline_entry entry); /* sets at and by */
void order_emit_placed(struct tx *tx, struct order *order, const struct event *event, enum order_status from);
void order_emit_moved(struct tx *tx, struct order *order, const struct event *event, enum order_status from,
                      enum order_status to);
void order_emit_paid(struct tx *tx, struct order *order, const struct event *event, const struct payment_answer *by);
void order_emit_item(struct tx *tx, struct order *order, const struct event *event, const struct order_item *item,
                     enum item_status from, struct text note);
void order_emit_refund(struct tx *tx, struct order *order, const struct event *event,
                       const struct order_refund *refund);
void order_emit_updated(struct tx *tx, struct order *order, struct id item_id, struct text note);

/* -- order_state.c -- */
struct money order_money(const struct order *order, int64_t amount);
struct stock_holder order_holder(const struct order *order);
enum order_status order_status_of(const struct order *order); /* derived from the items */
enum fulfilment_status order_fulfilment_of(const struct order *order);
enum payment_status order_payment_of(const struct order *order);
/* Brings status, fulfilment and payment status after the items and the payment; emits each milestone passed. */
void order_derive(struct tx *tx, struct order *order);
/* Ends an item: status and reason set, counters told. What becomes of its stock is the caller's. */
void order_item_end(struct tx *tx, struct order *order, struct order_item *item, enum cancel_reason reason);
/* Counts +1 or -1 undelivered items for customer and supplier. */
void order_count_undelivered(struct tx *tx, const struct order *order, const struct order_item *item, int64_t change);
void order_count_pending(struct tx *tx, const struct order *order, int64_t change);
const char *order_check(const void *entity);
/* The order as the asker may see it: cut to its own items for a supplier's team, all of it for the customer and staff. */
const void *order_shown(struct tx *tx, const void *entity, uint32_t relations);
/* The item of the path: OK, or 404 when it is not there or not the asker's to see. *relations: of the asker to it. */
enum error order_item_of_path(struct tx *tx, struct order *order, struct order_item **item, uint32_t *relations);
enum error order_item_refused(struct tx *tx, const struct order_item *item, const char *command);

/* -- order_payment.c -- */
void order_confirm(struct tx *tx, struct order *order, const struct payment_answer *by); /* change B */
void order_abandon(struct tx *tx, struct order *order,
                   enum cancel_reason reason); /* pending → cancelled, stock released */
void order_wait_for_payment(struct tx *tx, struct order *order, struct text token);
enum error order_payment_answered(struct tx *tx);
enum error order_void_answered(struct tx *tx);
enum error order_expire(struct tx *tx);
enum error order_ask_payment(struct tx *tx);

/* -- order_fulfilment.c -- */
struct ship_body {
    struct text carrier, tracking_number, tracking_url;
};
extern const struct fields ship_fields, tracking_fields;
enum error order_item_process(struct tx *tx);
enum error order_item_ship(struct tx *tx);
enum error order_item_deliver(struct tx *tx);
enum error order_item_track(struct tx *tx);

/* -- order_refund.c -- */
struct cancel_body {
    struct text reason;
};
extern const struct fields cancel_fields;
enum error order_cancel(struct tx *tx);
enum error order_item_cancel(struct tx *tx);
enum error order_refund_retry(struct tx *tx);
enum error order_refund_answered(struct tx *tx);
enum error order_refunds_give_up(struct tx *tx);
/* Pays all of it back: money that came after the order was cancelled. */
void order_refund_late(struct tx *tx, struct order *order);
