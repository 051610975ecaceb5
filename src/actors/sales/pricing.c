/* The arithmetic of a purchase. No sum here can overflow: 50 lines of 999 units at 10^10 are below 10^15. */
#include "actors/sales/pricing.h"
#include "base/check.h"

static struct money like(struct money sample, int64_t amount)
{
    sample.amount = amount;
    return sample;
}

int64_t price_tax(int64_t net, int64_t rate_bp, bool included)
{
    if (included) return net - half_up((__int128)net * BASIS_POINTS_ONE, BASIS_POINTS_ONE + rate_bp);
    return half_up((__int128)net * rate_bp, BASIS_POINTS_ONE);
}

void price_line(struct order_item *item, const struct price_terms *terms)
{
    struct money price = item->product_snapshot.original_price;
    CHECK(item->unit_price.amount <= price.amount && item->unit_price.amount >= 0);
    int64_t subtotal = price.amount * item->quantity, net = item->unit_price.amount * item->quantity;
    int64_t tax = price_tax(net, item->tax_rate_bp, terms->prices_include_tax);
    item->subtotal = like(price, subtotal);
    item->net = like(price, net);
    item->discount = like(price, subtotal - net);
    item->tax = like(price, tax);
    item->total = like(price, terms->prices_include_tax ? net : net + tax);
}

static struct order_group *group_of(struct arena *arena, struct order *order, const struct order_item *item)
{
    for (uint32_t i = 0; i < order->groups.count; i++)
        if (id_equal(order->groups.at[i].supplier_id, item->supplier_id)) return &order->groups.at[i];
    struct order_group *group = LIST_ADD(arena, &order->groups);
    struct money nothing = like(item->net, 0);
    *group = (struct order_group){
        .supplier_id = item->supplier_id, .net = nothing, .tax = nothing, .shipping = nothing, .shipping_tax = nothing};
    return group;
}

/* The parcel of one supplier: the dearest product's cost (ties: the first line), and extra for every other unit. */
static int64_t parcel_cost(const struct order *order, struct id supplier_id, const struct line_shipping *shipping)
{
    const struct line_shipping *dearest = NULL;
    int64_t extras = 0;
    for (uint32_t i = 0; i < order->items.count; i++) {
        if (!shipping[i].shipped || !id_equal(order->items.at[i].supplier_id, supplier_id)) continue;
        if (!dearest || shipping[i].cost > dearest->cost) dearest = &shipping[i];
        extras += shipping[i].extra_cost * order->items.at[i].quantity;
    }
    return dearest ? dearest->cost + extras - dearest->extra_cost : 0;
}

void price_groups(struct arena *arena, struct order *order, const struct line_shipping *shipping,
                  const struct price_terms *terms)
{
    for (uint32_t i = 0; i < order->items.count; i++) {
        const struct order_item *item = &order->items.at[i];
        struct order_group *group = group_of(arena, order, item);
        group->net.amount += item->net.amount;
        group->tax.amount += item->tax.amount;
    }
    for (uint32_t i = 0; i < order->groups.count; i++) {
        struct order_group *group = &order->groups.at[i];
        group->shipping.amount = parcel_cost(order, group->supplier_id, shipping);
        group->shipping_tax.amount =
            price_tax(group->shipping.amount, terms->shipping_rate_bp, terms->prices_include_tax);
    }
}

void price_order(struct order *order)
{
    CHECK(order->items.count > 0);
    struct money sum = like(order->items.at[0].net, 0);
    order->subtotal = order->discount = order->shipping = order->tax = order->total = sum;
    for (uint32_t i = 0; i < order->items.count; i++) {
        order->subtotal.amount += order->items.at[i].subtotal.amount;
        order->discount.amount += order->items.at[i].discount.amount;
        order->tax.amount += order->items.at[i].tax.amount;
    }
    for (uint32_t i = 0; i < order->groups.count; i++) {
        order->shipping.amount += order->groups.at[i].shipping.amount;
        order->tax.amount += order->groups.at[i].shipping_tax.amount;
    }
    order->total.amount = order->subtotal.amount - order->discount.amount + order->shipping.amount;
    if (!order->prices_include_tax) order->total.amount += order->tax.amount;
}

struct price_candidate price_lowest(const struct price_candidate *candidates, uint32_t count)
{
    CHECK(count > 0);
    struct price_candidate lowest = candidates[0];
    for (uint32_t i = 1; i < count; i++)
        if (candidates[i].price.amount < lowest.price.amount) lowest = candidates[i];
    return lowest;
}
