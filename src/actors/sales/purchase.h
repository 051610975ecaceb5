/* A purchase: one function over one input, whoever sells. It checks, prices, reserves and fills a fresh order, which is
   then pending with its payment asked for, or confirmed when there is nothing to pay. Nothing of it is kept when it
   refuses; in a dry run the order is the quote. */
#pragma once
#include "actors/identity/identity.h"
#include "actors/sales/order.h"

struct purchase_line {
    struct id variant_id;
    int64_t quantity;
    struct id promotion_id, community_id; /* either may be none */
};
struct purchase {
    enum order_source source;
    const struct user *customer; /* NULL: a sale without account */
    const struct purchase_line *lines;
    uint32_t line_count;
    struct item_attribution attribution; /* of lines that name nothing themselves */
    struct utm utm;
    struct text referrer;
    const struct order_address *address; /* NULL: nothing has to be shipped */
    const struct tenant *terms;          /* currency, tax rates, whether prices include tax */
    bool stock_held;                     /* the caller has reserved it already */
    struct text payment_method, payment_token;
    struct money expected_total; /* absent: whatever it comes to */
    struct id checkout_id;
};
enum error purchase(struct tx *tx, const struct purchase *input, struct order *order);

/* -- POST orders -- */
struct purchase_payment {
    struct text method, token;
};
struct purchase_attribution {
    struct id promotion_id, community_id;
    struct utm utm;
    struct text referrer;
};
struct purchase_body {
    LIST_OF(struct purchase_line) items;
    struct order_address shipping_address;
    struct purchase_payment payment;
    struct purchase_attribution attribution;
    struct money expected_total;
    struct id address_id;
};
extern const struct fields purchase_fields;
