/* The payment of an order: one attempt, whose answer may come at once, late, twice or never.

   pending ─success→ confirmed (change B)          pending ─declined→ cancelled, stock released (change C)
   pending ─expires_at→ cancelled, stock released, void asked of the provider

   A success for an order that is cancelled already is late money: it is captured, told, and paid back at once; the order
   stays cancelled and nothing is reserved again. An answer that came before is dropped by the provider's reference. */
#include "actors/sales/order_parts.h"

/* When the provider is asked how an unanswered attempt stands, in attempt times since placing: at half a minute each,
   0.5, 1, 2, 5, 10 and 14 minutes. */
static const int64_t asking[] = {1, 2, 4, 10, 20, 28};

static void ask_later(struct tx *tx, const struct order *order)
{
    int64_t attempt_time = setting(tx, "payment.attempt_time");
    for (uint32_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
        int64_t due = order->entity.created_at + asking[i] * attempt_time;
        if (due <= tx->now) continue;
        timer(tx, &order_kind, order->entity.id, "ask_payment", due);
        return;
    }
}

void order_wait_for_payment(struct tx *tx, struct order *order, struct text token)
{
    order->payment.attempt = ATTEMPT_REQUESTED;
    payment_charge(tx, order, token);
    timer(tx, &order_kind, order->entity.id, "expire", order->expires_at);
    ask_later(tx, order);
}

static void stop_waiting(struct tx *tx, const struct order *order)
{
    timer_cancel(tx, &order_kind, order->entity.id, "expire");
    timer_cancel(tx, &order_kind, order->entity.id, "ask_payment");
    order_count_pending(tx, order, -1);
}

static void remember_answer(struct order *order, const struct payment_answer *by)
{
    if (by->provider.data) order->payment.provider = by->provider;
    if (by->reference.data) order->payment.reference = by->reference;
    order->payment.decline_code = by->decline_code;
}

/* The one place where a sale is made: what is owed for it is settled from here. */
void order_confirm(struct tx *tx, struct order *order, const struct payment_answer *by)
{
    remember_answer(order, by);
    order->payment.attempt = ATTEMPT_SUCCEEDED;
    order->payment.captured = order->total;
    stop_waiting(tx, order);
    for (uint32_t i = 0; i < order->items.count; i++) {
        struct order_item *item = &order->items.at[i];
        struct allocation_list taken = {item->allocations.at, item->allocations.count};
        stock_commit(tx, item->variant_id, &taken, order_holder(order));
        item->status = ITEM_CONFIRMED;
    }
    order_emit_paid(tx, order, &order_payment_succeeded, by);
    order_derive(tx, order);
    order_emit_placed(tx, order, &order_confirmed, ORDER_PENDING);
}

void order_abandon(struct tx *tx, struct order *order, enum cancel_reason reason)
{
    stop_waiting(tx, order);
    for (uint32_t i = 0; i < order->items.count; i++) {
        struct order_item *item = &order->items.at[i];
        struct allocation_list taken = {item->allocations.at, item->allocations.count};
        stock_release(tx, item->variant_id, &taken, order_holder(order));
#if defined MUTANT && MUTANT == 14
        if (reason == CANCEL_PAYMENT_TIMEOUT) stock_release(tx, item->variant_id, &taken, order_holder(order));
#endif
        order_item_end(tx, order, item, reason);
    }
    order->cancel_reason = reason;
    order_derive(tx, order);
    if (reason == CANCEL_PAYMENT_DECLINED) return;
    payment_charge_stop(tx, order);
    payment_void(tx, order);
}

/* ---- answers ---- */
static void succeeded(struct tx *tx, struct order *order, const struct payment_answer *by)
{
    if (order->payment.attempt == ATTEMPT_SUCCEEDED) {
        if (text_equal(order->payment.reference, by->reference)) return; /* told before */
        order_emit_updated(tx, order, ID_NONE,
                           text_print(tx, "captured a second time, as %.*s", TEXT_ARGUMENTS(by->reference)));
        return;
    }
    if (order->entity.status == ORDER_PENDING) {
        order_confirm(tx, order, by);
        return;
    }
    remember_answer(order, by);
    order->payment.attempt = ATTEMPT_SUCCEEDED;
    order->payment.captured = order->total;
    order_emit_paid(tx, order, &order_payment_late, by);
    order_refund_late(tx, order);
    order_derive(tx, order);
}

static void declined(struct tx *tx, struct order *order, const struct payment_answer *by)
{
    enum attempt_status attempt = order->payment.attempt;
    if (attempt == ATTEMPT_DECLINED) return; /* told before */
    if (attempt == ATTEMPT_SUCCEEDED) {
        order_emit_updated(tx, order, ID_NONE, LITERAL("declined after success: ignored"));
        return;
    }
    remember_answer(order, by);
    order->payment.attempt = ATTEMPT_DECLINED;
    order_emit_paid(tx, order, &order_payment_failed, by);
    if (order->entity.status == ORDER_PENDING)
        order_abandon(tx, order, CANCEL_PAYMENT_DECLINED);
    else
        order_derive(tx, order);
}

static void voided(struct tx *tx, struct order *order)
{
    if (order->payment.attempt != ATTEMPT_REQUESTED && order->payment.attempt != ATTEMPT_UNKNOWN) return;
    order->payment.attempt = ATTEMPT_VOIDED;
    order_derive(tx, order);
    order_emit_updated(tx, order, ID_NONE, LITERAL("the payment was voided"));
}

/* Of a charge, of asking how it stands, and of a void alike: whatever was asked, the outcome says what is true. */
enum error order_payment_answered(struct tx *tx)
{
    const struct payment_answer *by = tx->body;
    struct order *order = tx->subject;
    if (!by) return OK;
    switch (by->outcome) {
    case PAYMENT_SUCCEEDED: succeeded(tx, order, by); break;
    case PAYMENT_DECLINED: declined(tx, order, by); break;
    case PAYMENT_VOIDED: voided(tx, order); break;
    case PAYMENT_UNKNOWN: break; /* it is asked again, or the order expires */
    }
    return OK;
}

enum error order_void_answered(struct tx *tx)
{
    return order_payment_answered(tx);
}

/* ---- time ---- */
enum error order_ask_payment(struct tx *tx)
{
    struct order *order = tx->subject;
    if (order->entity.status != ORDER_PENDING) return OK;
    if (order->payment.attempt == ATTEMPT_REQUESTED) {
        order->payment.attempt = ATTEMPT_UNKNOWN;
        order_emit_updated(tx, order, ID_NONE, LITERAL("the payment is not answered yet"));
    }
    payment_ask_status(tx, order);
    ask_later(tx, order);
    return OK;
}

/* A call in progress is awaited first: a first attempt has its attempt time, whatever the hold. */
enum error order_expire(struct tx *tx)
{
    struct order *order = tx->subject;
    if (order->entity.status != ORDER_PENDING) return OK;
    int64_t awaited = order->entity.created_at + setting(tx, "payment.attempt_time");
    if (order->payment.attempt == ATTEMPT_REQUESTED && tx->now < awaited) {
        timer(tx, &order_kind, order->entity.id, "expire", awaited);
        return OK;
    }
    order->cancel_reason = CANCEL_PAYMENT_TIMEOUT;
    order_emit_moved(tx, order, &order_expired, ORDER_PENDING, ORDER_CANCELLED);
    order_abandon(tx, order, CANCEL_PAYMENT_TIMEOUT);
    return OK;
}
