/* Read models: derived rows that follow the log, edited in the unit of work of the command that caused them, so that
   every list is exact when that command's answer is released. Each fold is a pure function of the facts in their order;
   a rebuild folds them again. */
#pragma once
#include "actors/runtime/tx.h"

/* -- feeds -- */
enum card_kind { CARD_POST = 1, CARD_PROMOTION };
struct feed_item {
    struct entity entity;
    struct id feed_id;                  /* a community's id, or feed_global */
    enum card_kind kind;
    struct id reference_id;             /* of the post or promotion */
    struct text type, title;
    struct id author_id, supplier_id;   /* who of the two; its card is joined */
    struct text thumbnail_url;
    struct text offer_label;
    struct money offer_price;           /* the lowest */
    bool pinned;
    int64_t at;
};
struct id feed_global(struct id tenant);
extern const struct kind feed_item_kind;

/* -- orders: one row for the customer, one for each supplier with items in it -- */
enum summary_holder { HOLDER_CUSTOMER = 1, HOLDER_SUPPLIER };
struct summary_item {
    struct id item_id, product_id, variant_id;
    struct text product_name, sku, image_url;
    int64_t quantity;
    struct money unit_price, total;
    int64_t status;                     /* enum item_status */
};
struct order_summary {
    struct entity entity;
    struct id order_id, holder_id;
    enum summary_holder holder;
    struct text number;
    int64_t placed_at;
    int64_t order_status, payment_status, fulfilment_status;
    struct id customer_id;
    struct text customer_name;          /* sealed: it is the customer's */
    LIST_OF(struct summary_item) items; /* the holder's */
    struct money total;                 /* of those items, for the customer with all shipping: the order's */
};
extern const struct kind order_summary_kind;

/* -- figures per UTC day -- */
enum revenue_by { BY_TOTAL = 1, BY_COMMUNITY, BY_PROMOTION, BY_SUPPLIER };
struct revenue_day {
    struct entity entity;
    int32_t day;
    enum revenue_by by;
    struct id reference_id;             /* none: the total, or what is not attributed */
    int64_t orders, units;
    struct money gross, discounts, refunds, net, tax, shipping;
};
struct lifecycle_day {
    struct entity entity;
    int32_t day;
    int64_t registrations, verifications, suspensions, reinstatements, deletions, logins, failed_logins, unique_logins;
};
struct funnel_day {                     /* orders created on that day, however late they go on */
    struct entity entity;
    int32_t day;
    int64_t created, payment_succeeded, confirmed, shipped, delivered, cancelled;
};
extern const struct kind revenue_day_kind, lifecycle_day_kind, funnel_day_kind;

extern const struct kind *const views_kinds[];              /* NULL-terminated, as the next */
extern const struct follower *const views_followers[];
