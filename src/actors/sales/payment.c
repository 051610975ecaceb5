/* Payments as effects: the class, and the calls that an order asks for. */
#include "actors/sales/order.h"

static const char *const operation_names[] = {NULL, "charge", "status", "void", "refund"};
const struct enumeration payment_operations = ENUMERATION("payment_operation", operation_names);
static const char *const outcome_names[] = {NULL, "succeeded", "declined", "voided", "unknown"};
const struct enumeration payment_outcomes = ENUMERATION("payment_outcome", outcome_names);

/* clang-format off */
static const struct field payment_request_rows[] = {
    ENUM(payment_request,  1, operation, &payment_operations, .doc = "what is asked"),
    TEXT(payment_request,  2, attempt_key, .doc = "key of the charge it is about"),
    ID(payment_request,    3, order_id, .doc = "the order"),
    ID(payment_request,    4, refund_id, .flags = OPTIONAL, .doc = "the refund; the answer repeats it"),
    TEXT(payment_request,  5, number, .doc = "the order's number, for the statement"),
    MONEY(payment_request, 6, amount, .doc = "to charge or to pay back"),
    TEXT(payment_request,  7, method, .doc = "card, wallet, …"),
    TEXT(payment_request,  8, token, .flags = PERSONAL | SECRET, .doc = "stands for the customer's means of payment"),
    TEXT(payment_request,  9, reference, .doc = "the provider's number of the charge, once known"),
};
/* clang-format on */
const struct fields payment_request_fields = FIELDS("payment_request", struct payment_request, payment_request_rows);

/* clang-format off */
static const struct field payment_answer_rows[] = {
    ENUM(payment_answer, 1, outcome, &payment_outcomes, .doc = "what became of it; absent: nobody answered"),
    TEXT(payment_answer, 2, provider, .doc = "who answered"),
    TEXT(payment_answer, 3, reference, .doc = "the provider's number: equal answers have equal numbers"),
    TEXT(payment_answer, 4, decline_code, .doc = "why it was declined"),
    ID(payment_answer,   5, refund_id, .flags = OPTIONAL, .doc = "of a refund, from the request"),
};
/* clang-format on */
const struct fields payment_answer_fields = FIELDS("payment_answer", struct payment_answer, payment_answer_rows);

/* Orders stop their calls themselves: a charge when the order expires, a refund after a day. This is the last resort. */
/* clang-format off */
const struct effect_class payment_effect = {
    .number = 1, .name = "payment", .request = &payment_request_fields, .answer = &payment_answer_fields,
    .give_up_after = DAYS(2), .doc = "charges, their status, voids and refunds with a payment provider"};
/* clang-format on */

static struct text attempt_key(struct tx *tx, const struct order *order)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(order->entity.id, id);
    return text_print(tx, "%s:1", id);
}

static struct payment_request about(struct tx *tx, const struct order *order, enum payment_operation operation)
{
    return (struct payment_request){.operation = operation,
                                    .attempt_key = attempt_key(tx, order),
                                    .order_id = order->entity.id,
                                    .number = order->number,
                                    .amount = order->total,
                                    .method = order->payment.method,
                                    .reference = order->payment.reference};
}

void payment_charge(struct tx *tx, const struct order *order, struct text token)
{
    struct payment_request request = about(tx, order, PAYMENT_CHARGE);
    request.token = token;
    effect(tx, &payment_effect, request.attempt_key, &request, &order_kind, order->entity.id, "payment_answered");
}

void payment_charge_stop(struct tx *tx, const struct order *order)
{
    effect_cancel(tx, &payment_effect, attempt_key(tx, order));
}

/* Each asking has a key of its own, made from the time that has passed since placing, so that it is answered anew. */
void payment_ask_status(struct tx *tx, const struct order *order)
{
    struct payment_request request = about(tx, order, PAYMENT_STATUS);
    struct text key = text_print(tx, "%.*s:status:%lld", TEXT_ARGUMENTS(request.attempt_key),
                                 (long long)(tx->now - order->entity.created_at));
    effect(tx, &payment_effect, key, &request, &order_kind, order->entity.id, "payment_answered");
}

void payment_void(struct tx *tx, const struct order *order)
{
    struct payment_request request = about(tx, order, PAYMENT_VOID);
    struct text key = text_print(tx, "%.*s:void", TEXT_ARGUMENTS(request.attempt_key));
    effect(tx, &payment_effect, key, &request, &order_kind, order->entity.id, "void_answered");
}

static struct text refund_key(struct tx *tx, const struct order_refund *refund)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(refund->id, id);
    return text_print(tx, "%s", id);
}

void payment_refund(struct tx *tx, const struct order *order, const struct order_refund *refund)
{
    struct payment_request request = about(tx, order, PAYMENT_REFUND);
    request.refund_id = refund->id;
    request.amount = refund->amount;
    effect(tx, &payment_effect, refund_key(tx, refund), &request, &order_kind, order->entity.id, "refund_answered");
}

void payment_refund_stop(struct tx *tx, const struct order_refund *refund)
{
    effect_cancel(tx, &payment_effect, refund_key(tx, refund));
}
