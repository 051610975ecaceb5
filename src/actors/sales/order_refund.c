/* Cancellation and refunds. Whole items only. What was paid for a cancelled item goes back, and the shipping of a parcel
   when all its items are cancelled and none was sent. A refund is an effect under its own id, repeated for a day; then it
   has failed, and staff may ask again. The same item and the same parcel are never paid back twice, and never more than was
   captured. */
#include "actors/sales/order_parts.h"
#include "base/check.h"

/* clang-format off */
static const struct field cancel_rows[] = {
    TEXT(cancel_body, 1, reason, .format = FORMAT_LONG, .min = 1, .max = 500, .doc = "why, in words"),
};
/* clang-format on */
const struct fields cancel_fields = FIELDS("cancel", struct cancel_body, cancel_rows);

enum { REFUND_REPEATED = HOURS(24) };

/* ---- refunds ---- */
static bool parcel_refunded(const struct order *order, struct id supplier_id)
{
#if defined MUTANT && MUTANT == 4
    return false;
#endif
    for (uint32_t i = 0; i < order->payment.refunds.count; i++) {
        const struct order_refund *refund = &order->payment.refunds.at[i];
        for (uint32_t j = 0; j < refund->groups.count; j++)
            if (id_equal(refund->groups.at[j].supplier_id, supplier_id)) return true;
    }
    return false;
}

/* All its items cancelled, none of them ever sent. */
static bool parcel_cancelled(const struct order *order, struct id supplier_id)
{
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (id_equal(item->supplier_id, supplier_id) && (item->status != ITEM_CANCELLED || item->shipped_at))
            return false;
    }
    return true;
}

static void add_line(struct tx *tx, struct order_refund *refund, const struct order_item *item)
{
    *LIST_ADD(tx->arena, &refund->items) =
        (struct refund_line){.item_id = item->id, .quantity = item->quantity, .goods = item->net, .tax = item->tax};
    refund->goods.amount += item->net.amount;
    refund->tax.amount += item->tax.amount;
}

static void add_parcel(struct tx *tx, struct order_refund *refund, const struct order_group *group)
{
    *LIST_ADD(tx->arena, &refund->groups) = (struct refund_group){
        .supplier_id = group->supplier_id, .shipping = group->shipping, .tax = group->shipping_tax};
    refund->shipping.amount += group->shipping.amount;
    refund->tax.amount += group->shipping_tax.amount;
}

/* What is paid back or asked to be. */
static int64_t promised(const struct order *order)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < order->payment.refunds.count; i++)
        if (order->payment.refunds.at[i].status != REFUND_FAILED) sum += order->payment.refunds.at[i].amount.amount;
    return sum;
}

/* One timer for all: at the first deadline of those that are still asked for. */
static void watch(struct tx *tx, const struct order *order)
{
    int64_t due = 0;
    for (uint32_t i = 0; i < order->payment.refunds.count; i++) {
        const struct order_refund *refund = &order->payment.refunds.at[i];
        if (refund->status == REFUND_REQUESTED && (!due || refund->at + REFUND_REPEATED < due))
            due = refund->at + REFUND_REPEATED;
    }
    if (due)
        timer(tx, &order_kind, order->entity.id, "give_up_refunds", due);
    else
        timer_cancel(tx, &order_kind, order->entity.id, "give_up_refunds");
}

static void request(struct tx *tx, struct order *order, struct order_refund *refund)
{
    refund->status = REFUND_REQUESTED;
    refund->at = tx->now;
    refund->settled_at = 0;
    order_emit_refund(tx, order, &order_refund_requested, refund);
    payment_refund(tx, order, refund);
    watch(tx, order);
}

static struct order_refund refund_begin(struct tx *tx, const struct order *order, bool late)
{
    struct money nothing = order_money(order, 0);
    return (struct order_refund){
        .id = draw_id(tx), .late = late, .goods = nothing, .tax = nothing, .shipping = nothing, .amount = nothing};
}

static void refund_make(struct tx *tx, struct order *order, struct order_refund refund)
{
    refund.amount.amount =
        refund.goods.amount + refund.shipping.amount + (order->prices_include_tax ? 0 : refund.tax.amount);
    if (!refund.amount.amount) return; /* nothing was paid for it */
    CHECK(promised(order) + refund.amount.amount <= order->payment.captured.amount);
    struct order_refund *made = LIST_ADD(tx->arena, &order->payment.refunds);
    *made = refund;
    request(tx, order, made);
}

void order_refund_late(struct tx *tx, struct order *order)
{
    struct order_refund refund = refund_begin(tx, order, true);
    for (uint32_t i = 0; i < order->items.count; i++)
        add_line(tx, &refund, &order->items.at[i]);
    for (uint32_t i = 0; i < order->groups.count; i++)
        add_parcel(tx, &refund, &order->groups.at[i]);
    refund_make(tx, order, refund);
}

/* The one place where money counts as paid back: what is owed for it is settled from here. */
static void refund_settle(struct tx *tx, struct order *order, struct order_refund *refund, enum refund_status status,
                          struct text reference)
{
    refund->status = status;
    refund->settled_at = tx->now;
    if (reference.data) refund->reference = reference;
    if (status == REFUND_SUCCEEDED) order->payment.refunded.amount += refund->amount.amount;
    order_emit_refund(tx, order, status == REFUND_SUCCEEDED ? &order_refund_succeeded : &order_refund_failed, refund);
    order_derive(tx, order);
    watch(tx, order);
}

static struct order_refund *refund_find(const struct order *order, struct id refund_id)
{
    for (uint32_t i = 0; i < order->payment.refunds.count; i++)
        if (id_equal(order->payment.refunds.at[i].id, refund_id)) return &order->payment.refunds.at[i];
    return NULL;
}

enum error order_refund_answered(struct tx *tx)
{
    const struct payment_answer *by = tx->body;
    struct order *order = tx->subject;
    struct order_refund *refund = by ? refund_find(order, by->refund_id) : NULL;
    if (!refund || refund->status == REFUND_SUCCEEDED) return OK; /* nobody answered, or told before */
    if (by->outcome == PAYMENT_SUCCEEDED)
        refund_settle(tx, order, refund, REFUND_SUCCEEDED, by->reference);
    else if (by->outcome == PAYMENT_DECLINED && refund->status == REFUND_REQUESTED)
        refund_settle(tx, order, refund, REFUND_FAILED, by->reference);
    return OK;
}

enum error order_refunds_give_up(struct tx *tx)
{
    struct order *order = tx->subject;
    for (uint32_t i = 0; i < order->payment.refunds.count; i++) {
        struct order_refund *refund = &order->payment.refunds.at[i];
        if (refund->status != REFUND_REQUESTED || refund->at + REFUND_REPEATED > tx->now) continue;
        payment_refund_stop(tx, refund);
        refund_settle(tx, order, refund, REFUND_FAILED, (struct text){0});
    }
    watch(tx, order);
    return OK;
}

enum error order_refund_retry(struct tx *tx)
{
    struct order *order = tx->subject;
    struct order_refund *refund = refund_find(order, path_id(tx, "refund"));
    if (!refund) return fail(tx, ERROR_NOT_FOUND, "this order has no such refund");
    if (refund->status != REFUND_FAILED)
        return fail(tx, ERROR_INVALID_TRANSITION, "a refund that is %.*s cannot be retried; only one that failed can",
                    TEXT_ARGUMENTS(enum_name(&refund_statuses, refund->status)));
    if (promised(order) + refund->amount.amount > order->payment.captured.amount)
        return fail(tx, ERROR_CONFLICT, "no more can be paid back than was captured");
    request(tx, order, refund);
    return OK;
}

/* ---- cancellation after payment ---- */
/* Ends these items, puts their stock back and asks for one refund of them and of the parcels that are off with them. */
static void cancel_items(struct tx *tx, struct order *order, struct order_item *const *items, uint32_t count,
                         enum cancel_reason reason, struct text note)
{
    struct order_refund refund = refund_begin(tx, order, false);
    for (uint32_t i = 0; i < count; i++) {
        struct order_item *item = items[i];
        enum item_status from = item->status;
        struct allocation_list taken = {item->allocations.at, item->allocations.count};
        stock_restock(tx, item->variant_id, &taken, order_holder(order));
        order_item_end(tx, order, item, reason);
        order_emit_item(tx, order, &order_item_cancelled, item, from, note);
        add_line(tx, &refund, item);
    }
    for (uint32_t i = 0; i < order->groups.count; i++) {
        const struct order_group *group = &order->groups.at[i];
        if (parcel_cancelled(order, group->supplier_id) && !parcel_refunded(order, group->supplier_id))
            add_parcel(tx, &refund, group);
    }
    if (order_status_of(order) == ORDER_CANCELLED) order->cancel_reason = reason;
    refund_make(tx, order, refund);
    order_derive(tx, order);
}

/* May a whole order be cancelled with this living item in it? */
static bool cancellable(const struct order_item *item, bool by_staff)
{
    return item->status == ITEM_PENDING || item->status == ITEM_CONFIRMED ||
           (by_staff && item->status == ITEM_PROCESSING);
}

static enum error refuse_cancel(struct tx *tx, const struct order *order, bool by_staff)
{
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (!item_living(item) || !cancellable(item, by_staff)) continue;
        char id[ID_TEXT_LENGTH + 1];
        id_format(item->id, id);
        fail_detail(tx, text_print(tx, "items[%u]", i).data, "cancellable", "item %s can still be cancelled alone", id);
    }
    return fail(tx, ERROR_INVALID_TRANSITION,
                "the order has items in work or on their way; it cannot be cancelled as a whole");
}

enum error order_cancel(struct tx *tx)
{
    const struct cancel_body *body = tx->body;
    struct order *order = tx->subject;
    bool by_staff = tx->relations & ADMIN, by_customer = tx->relations & SELF;
    struct order_item **living = ARENA_ARRAY(tx->arena, struct order_item *, order->items.count);
    uint32_t count = 0;
    bool in_work = false;
    for (uint32_t i = 0; i < order->items.count; i++) {
        struct order_item *item = &order->items.at[i];
        if (!item_living(item)) continue;
        if (!cancellable(item, by_staff)) return refuse_cancel(tx, order, by_staff);
        in_work |= item->status == ITEM_PROCESSING;
        living[count++] = item;
    }
    enum cancel_reason reason = by_customer && !in_work ? CANCEL_CUSTOMER : CANCEL_ADMIN;
    struct text note = body ? body->reason : (struct text){0};
    if (order->entity.status == ORDER_PENDING) {
        if (note.data) order_note(tx, order, (struct timeline_entry){.event = LITERAL("cancel"), .note = note});
        order_abandon(tx, order, reason);
    } else {
        cancel_items(tx, order, living, count, reason, note);
    }
    return OK;
}

enum error order_item_cancel(struct tx *tx)
{
    const struct cancel_body *body = tx->body;
    struct order *order = tx->subject;
    struct order_item *item;
    uint32_t relations;
    enum error error = order_item_of_path(tx, order, &item, &relations);
    if (error) return error;
    if (!(relations & (SELF | MANAGER | ADMIN)))
        return fail(tx, ERROR_FORBIDDEN, "only customer, team managers and staff cancel an item");
#if defined MUTANT && MUTANT == 39
    bool may = item->status != ITEM_SHIPPED && item->status != ITEM_DELIVERED;
#else
    bool may = item->status == ITEM_CONFIRMED || (item->status == ITEM_PROCESSING && relations & (MANAGER | ADMIN));
#endif
    if (!may) return order_item_refused(tx, item, "cancel");
    enum cancel_reason reason = relations & SELF && item->status == ITEM_CONFIRMED ? CANCEL_CUSTOMER
                                : relations & MANAGER                              ? CANCEL_SUPPLIER
                                                                                   : CANCEL_ADMIN;
    cancel_items(tx, order, &item, 1, reason, body ? body->reason : (struct text){0});
    return OK;
}
