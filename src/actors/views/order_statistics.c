/* Figures that follow from orders: of people (total_orders, total_spent), suppliers (orders_fulfilled, revenue) and
   promotions (conversions, units, revenue, refunded). Goods are the items' net. Money that came late was never revenue, so
   its refund takes nothing from revenue; to the customer it was both spent and paid back. */
#include "actors/catalog/supplier.h"
#include "actors/identity/identity.h"
#include "actors/promotion/promotion.h"
#include "actors/views/views.h"

/* ---- people ---- */
static void person_follow(struct tx *tx, const struct fact *fact)
{
    const struct order *order = fact->after;
    const struct order_refunded *refund = fact->data;
    int64_t orders = 0, spent = 0;
    if (fact->event == &order_confirmed)
        orders = 1;
    else if (fact->event == &order_payment_succeeded || fact->event == &order_payment_late)
        spent = order->total.amount;
    else if (fact->event == &order_refund_succeeded)
        spent = -refund->amount.amount;
    else
        return;
    if (id_is_none(order->customer.user_id)) return;
    struct user_statistics *row = edit_or_create(tx, &user_statistics_kind, order->customer.user_id);
    if (!row) return;
    row->total_orders += orders;
    row->total_spent = money_of(row->total_spent.amount + spent, order->total.currency);
}

/* ---- suppliers ---- */
static void supplier_earns(struct tx *tx, const struct order *order, struct id supplier_id, int64_t amount)
{
    struct supplier_metrics *row = edit_or_create(tx, &supplier_metrics_kind, supplier_id);
    if (row) row->revenue = money_of(row->revenue.amount + amount, order->total.currency);
}

/* At least one living item of the supplier, and all of them delivered. */
static bool fulfilled(const struct order *order, struct id supplier_id)
{
    uint32_t living = 0;
    for (uint32_t i = 0; order && i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (!id_equal(item->supplier_id, supplier_id) || !item_living(item)) continue;
        if (item->status != ITEM_DELIVERED) return false;
        living++;
    }
    return living > 0;
}

/* The last of the supplier's items that this command moved: its fact speaks for the command, so one is counted. */
static bool last_moved(const struct fact *fact, struct id supplier_id, struct id item_id)
{
    const struct order *before = fact->before, *after = fact->after;
    struct id last = ID_NONE;
    for (uint32_t i = 0; before && i < after->items.count; i++)
        if (id_equal(after->items.at[i].supplier_id, supplier_id) &&
            after->items.at[i].status != before->items.at[i].status)
            last = after->items.at[i].id;
    return id_equal(last, item_id);
}

static void supplier_follow(struct tx *tx, const struct fact *fact)
{
    const struct order *order = fact->after;
    if (fact->event == &order_confirmed) {
        for (uint32_t i = 0; i < order->groups.count; i++)
            supplier_earns(tx, order, order->groups.at[i].supplier_id, order->groups.at[i].net.amount);
    } else if (fact->event == &order_refund_succeeded) {
        const struct order_refunded *refund = fact->data;
        for (uint32_t i = 0; !refund->late && i < refund->items.count; i++) {
            const struct order_item *item = order_item_find(order, refund->items.at[i].item_id);
            if (item) supplier_earns(tx, order, item->supplier_id, -refund->items.at[i].goods.amount);
        }
    } else if (fact->event == &order_item_delivered || fact->event == &order_item_cancelled) {
        const struct order_item_moved *moved = fact->data;
        if (fulfilled(fact->before, moved->supplier_id) || !fulfilled(order, moved->supplier_id) ||
            !last_moved(fact, moved->supplier_id, moved->item_id))
            return;
        struct supplier_metrics *row = edit_or_create(tx, &supplier_metrics_kind, moved->supplier_id);
        if (row) row->orders_fulfilled++;
    }
}

/* ---- promotions ---- */
static bool same_attribution(const struct order_item *a, const struct order_item *b)
{
    return id_equal(a->attribution.promotion_id, b->attribution.promotion_id) &&
           id_equal(a->attribution.community_id, b->attribution.community_id);
}

static bool first_of_attribution(const struct order *order, uint32_t item)
{
    for (uint32_t i = 0; i < item; i++)
        if (same_attribution(&order->items.at[i], &order->items.at[item])) return false;
    return true;
}

static void promotion_follow(struct tx *tx, const struct fact *fact)
{
    const struct order *order = fact->after;
    const struct order_refunded *refund = fact->event == &order_refund_succeeded ? fact->data : NULL;
    for (uint32_t i = 0; fact->event == &order_confirmed && i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        if (id_is_none(item->attribution.promotion_id)) continue;
        struct promotion_performance *row =
            promotion_performance_row(tx, item->attribution.promotion_id, item->attribution.community_id);
        if (!row) continue;
        row->conversions += first_of_attribution(order, i);
        row->units += item->quantity;
        row->revenue += item->net.amount;
    }
    for (uint32_t i = 0; refund && !refund->late && i < refund->items.count; i++) {
        const struct order_item *item = order_item_find(order, refund->items.at[i].item_id);
        if (!item || id_is_none(item->attribution.promotion_id)) continue;
        struct promotion_performance *row =
            promotion_performance_row(tx, item->attribution.promotion_id, item->attribution.community_id);
        if (row) row->refunded += refund->items.at[i].goods.amount;
    }
}

static void order_statistics_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &order_kind) return;
    person_follow(tx, fact);
    supplier_follow(tx, fact);
    promotion_follow(tx, fact);
}
/* clang-format off */
const struct follower order_statistics_follower = {
    .name = "order_statistics", .doc = "what orders add to the figures of people, suppliers and promotions", .view = true,
    .follow = order_statistics_follow};
/* clang-format on */
