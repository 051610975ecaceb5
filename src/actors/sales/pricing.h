/* The arithmetic of a purchase, in integers of minor units, pure. Steps 4 to 7 of a purchase: what a line, a parcel and
   an order cost follows from quantities, unit prices, rates and shipping costs alone. */
#pragma once
#include "actors/sales/order.h"

struct price_terms {
    bool prices_include_tax;
    int64_t shipping_rate_bp; /* 0: shipping is not taxed */
};
/* What shipping a line's product costs: the dearest product of a parcel pays cost, every further unit its own extra. */
struct line_shipping {
    int64_t cost, extra_cost;
    bool shipped; /* false: nothing to ship (digital) */
};

/* Tax on net, or in it: half up. */
int64_t price_tax(int64_t net, int64_t rate_bp, bool included);
/* From original_price, unit_price, quantity and tax_rate_bp: subtotal, net, discount, tax, total. */
void price_line(struct order_item *item, const struct price_terms *terms);
/* One group for each supplier, in the order of the lines. `shipping` has a row for each item. */
void price_groups(struct arena *arena, struct order *order, const struct line_shipping *shipping,
                  const struct price_terms *terms);
/* The sums of lines and groups. */
void price_order(struct order *order);

/* Lowest wins; equal: the list price. */
struct price_candidate {
    enum price_source source;
    struct money price;
};
struct price_candidate price_lowest(const struct price_candidate *candidates, uint32_t count);
