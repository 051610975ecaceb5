/* What follows from an order's items and its payment. The items are the truth:

     status       the least advanced living item; none living: cancelled (completed is kept: it comes after delivered)
     fulfilment   of the living items none, some or all shipped or delivered
     payment      of the attempt, what was captured and what was paid back

   A status only rises. When it does, every milestone passed is told once, in order, if some item really took that step. */
#include "actors/catalog/supplier.h"
#include "actors/identity/identity.h"
#include "actors/sales/order_parts.h"

bool item_living(const struct order_item *item)
{
    return item->status != ITEM_CANCELLED && item->status != ITEM_RETURNED;
}

struct order_item *order_item_find(const struct order *order, struct id item_id)
{
    for (uint32_t i = 0; i < order->items.count; i++)
        if (id_equal(order->items.at[i].id, item_id)) return &order->items.at[i];
    return NULL;
}

bool order_has_supplier(const struct order *order, struct id supplier_id)
{
    for (uint32_t i = 0; i < order->groups.count; i++)
        if (id_equal(order->groups.at[i].supplier_id, supplier_id)) return true;
    return false;
}

struct money order_money(const struct order *order, int64_t amount)
{
    return money_of(amount, order->total.currency);
}

struct stock_holder order_holder(const struct order *order)
{
    return (struct stock_holder){LITERAL("order"), order->entity.id};
}

/* ---- derived ---- */
enum order_status order_status_of(const struct order *order)
{
    enum item_status least = 0;
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (item_living(item) && (!least || item->status < least)) least = item->status;
    }
    if (!least) return ORDER_CANCELLED;
    return (enum order_status)least; /* the steps forward have the same numbers */
}
_Static_assert((int)ORDER_PENDING == (int)ITEM_PENDING && (int)ORDER_CONFIRMED == (int)ITEM_CONFIRMED &&
                   (int)ORDER_PROCESSING == (int)ITEM_PROCESSING && (int)ORDER_SHIPPED == (int)ITEM_SHIPPED &&
                   (int)ORDER_DELIVERED == (int)ITEM_DELIVERED,
               "an order's status is an item's");

enum fulfilment_status order_fulfilment_of(const struct order *order)
{
    uint32_t living = 0, sent = 0;
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (!item_living(item)) continue;
        living++;
        sent += item->status == ITEM_SHIPPED || item->status == ITEM_DELIVERED;
    }
    if (!sent) return FULFILMENT_UNFULFILLED;
    return sent == living ? FULFILMENT_FULFILLED : FULFILMENT_PARTIAL;
}

static bool attempt_decided(enum attempt_status attempt)
{
    return attempt == ATTEMPT_SUCCEEDED || attempt == ATTEMPT_DECLINED || attempt == ATTEMPT_VOIDED;
}

enum payment_status order_payment_of(const struct order *order)
{
    const struct order_payment *payment = &order->payment;
    if (!order->total.amount) return PAYMENT_NOT_REQUIRED;
    if (!attempt_decided(payment->attempt)) return PAYMENT_PENDING;
    if (!payment->captured.amount) return PAYMENT_FAILED;
    if (!payment->refunded.amount) return PAYMENT_PAID;
    return payment->refunded.amount < payment->captured.amount ? PAYMENT_PARTIALLY_REFUNDED : PAYMENT_REFUNDED;
}

static bool step_taken(const struct order *order, enum order_status step)
{
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if ((step == ORDER_PROCESSING && item->processed_at) || (step == ORDER_SHIPPED && item->shipped_at) ||
            (step == ORDER_DELIVERED && item->delivered_at))
            return true;
    }
    return false;
}

void order_derive(struct tx *tx, struct order *order)
{
    static const struct event *const milestones[] = {
        [ORDER_PROCESSING] = &order_processing, [ORDER_SHIPPED] = &order_shipped, [ORDER_DELIVERED] = &order_delivered};
    enum order_status from = (enum order_status)order->entity.status, to = order_status_of(order);
    order->fulfilment_status = order_fulfilment_of(order);
    order->payment_status = order_payment_of(order);
    if (from == to || from == ORDER_COMPLETED) return;

    order->entity.status = to;
    if (to == ORDER_CANCELLED) {
        order_emit_moved(tx, order, &order_cancelled, from, to);
        return;
    }
    for (enum order_status step = from + 1; step <= to && step <= ORDER_DELIVERED; step++) {
        if (step < ORDER_PROCESSING || !step_taken(order, step)) continue;
        order_emit_moved(tx, order, milestones[step], from, step);
        from = step;
    }
}

/* ---- counters ---- */
void order_count_undelivered(struct tx *tx, const struct order *order, const struct order_item *item, int64_t change)
{
    struct open_supplier_items *of_supplier = edit_or_create(tx, &open_supplier_items_kind, item->supplier_id);
    if (of_supplier) of_supplier->undelivered += change;
    if (id_is_none(order->customer.user_id)) return;
    struct open_orders *of_customer = edit_or_create(tx, &open_orders_kind, order->customer.user_id);
    if (of_customer) of_customer->undelivered_items += change;
}

void order_count_pending(struct tx *tx, const struct order *order, int64_t change)
{
    if (id_is_none(order->customer.user_id)) return;
    struct open_orders *open = edit_or_create(tx, &open_orders_kind, order->customer.user_id);
    if (open) open->pending += change;
}

void order_item_end(struct tx *tx, struct order *order, struct order_item *item, enum cancel_reason reason)
{
    item->status = ITEM_CANCELLED;
    item->cancel_reason = reason;
    item->cancelled_at = tx->now;
    item->allocations.count = 0;
    order_count_undelivered(tx, order, item, -1);
}

/* ---- truths ---- */
static const char *check_sums(const struct order *order)
{
    int64_t subtotal = 0, discount = 0, net = 0, tax = 0, lines = 0, shipping = 0, shipping_tax = 0, group_net = 0,
            group_tax = 0;
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        subtotal += item->subtotal.amount;
        discount += item->discount.amount;
        net += item->net.amount;
        tax += item->tax.amount;
        lines += item->total.amount;
    }
    for (uint32_t i = 0; i < order->groups.count; i++) {
        const struct order_group *group = &order->groups.at[i];
        group_net += group->net.amount;
        group_tax += group->tax.amount;
        shipping += group->shipping.amount;
        shipping_tax += group->shipping_tax.amount;
    }
    int64_t parcels = order->prices_include_tax ? shipping : shipping + shipping_tax;
    if (net != group_net || tax != group_tax) return "the groups sum up their lines";
    if (order->subtotal.amount != subtotal || order->discount.amount != discount || subtotal - discount != net)
        return "subtotal and discount are the sums of the lines";
    if (order->shipping.amount != shipping || order->tax.amount != tax + shipping_tax)
        return "shipping and tax are the sums";
    if (order->total.amount != lines + parcels) return "the total is the sum of lines and parcels";
    return NULL;
}

const char *order_check(const void *entity)
{
    const struct order *order = entity;
    enum order_status status = (enum order_status)order->entity.status, derived = order_status_of(order);
    if (!order->items.count || !order->groups.count) return "an order has items and groups";
    if (status != derived && !(status == ORDER_COMPLETED && derived == ORDER_DELIVERED))
        return "the status follows from the items";
    if (order->fulfilment_status != order_fulfilment_of(order)) return "the fulfilment status follows from the items";
    if (order->payment_status != order_payment_of(order)) return "the payment status follows from the payment";
    if (status != ORDER_PENDING && status != ORDER_CANCELLED && order->payment.captured.amount != order->total.amount)
        return "what is confirmed is paid";
    if (order->payment.refunded.amount > order->payment.captured.amount) return "no more is paid back than was taken";
    if (status == ORDER_CANCELLED && !order->cancel_reason) return "what is cancelled has a reason";
    for (uint32_t i = 0; i < order->items.count; i++)
        if (order->items.at[i].status == ITEM_CANCELLED && order->items.at[i].allocations.count)
            return "a cancelled item holds no stock";
    return check_sums(order);
}

/* ---- who sees what of it ---- */
static bool of_asker(struct tx *tx, struct id supplier_id)
{
    return (supplier_relations_of(tx, supplier_id) & TEAM) != 0;
}

/* Whoever had an account had a name. */
static const struct order *with_name(struct tx *tx, const struct order *order)
{
    if (order->customer.display_name.data || id_is_none(order->customer.user_id)) return order;
    struct order *named = arena_copy(tx->arena, order, sizeof *order);
    named->customer.display_name = LITERAL(ERASED_NAME);
    return named;
}

const void *order_shown(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct order *order = with_name(tx, entity);
    if (!(relations & TEAM) || relations & (SELF | ADMIN | SYSTEM)) return order;
    struct order *cut = arena_copy(tx->arena, order, sizeof *order);
    cut->items.at = ARENA_ARRAY(tx->arena, struct order_item, order->items.count);
    cut->groups.at = ARENA_ARRAY(tx->arena, struct order_group, order->groups.count);
    cut->timeline.at = ARENA_ARRAY(tx->arena, struct timeline_entry, order->timeline.count);
    cut->items.count = cut->groups.count = cut->timeline.count = 0;
    for (uint32_t i = 0; i < order->groups.count; i++)
        if (of_asker(tx, order->groups.at[i].supplier_id)) cut->groups.at[cut->groups.count++] = order->groups.at[i];
    for (uint32_t i = 0; i < order->items.count; i++)
        if (order_has_supplier(cut, order->items.at[i].supplier_id))
            cut->items.at[cut->items.count++] = order->items.at[i];
    for (uint32_t i = 0; i < order->timeline.count; i++)
        if (order_item_find(cut, order->timeline.at[i].item_id))
            cut->timeline.at[cut->timeline.count++] = order->timeline.at[i];
    return cut;
}

enum error order_item_of_path(struct tx *tx, struct order *order, struct order_item **item, uint32_t *relations)
{
    *item = order_item_find(order, path_id(tx, "item"));
    if (*item) *relations = (tx->relations & (SELF | ADMIN)) | supplier_relations_of(tx, (*item)->supplier_id);
    if (*item && *relations) return OK;
    return fail(tx, ERROR_NOT_FOUND, "this order has no such item");
}

enum error order_item_refused(struct tx *tx, const struct order_item *item, const char *command)
{
    static const char *const possible[] = {
        [ITEM_PENDING] = "it waits for payment",      [ITEM_CONFIRMED] = "possible: process, cancel",
        [ITEM_PROCESSING] = "possible: ship, cancel", [ITEM_SHIPPED] = "possible: deliver, track",
        [ITEM_DELIVERED] = "nothing is possible",     [ITEM_CANCELLED] = "nothing is possible",
        [ITEM_RETURNED] = "nothing is possible"};
    return fail(tx, ERROR_INVALID_TRANSITION, "an item that is %.*s cannot %s; %s",
                TEXT_ARGUMENTS(enum_name(&item_statuses, item->status)), command, possible[item->status]);
}
