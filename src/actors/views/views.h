/* Read models: derived rows that follow the log, edited in the unit of work of the command that caused them, so that
   every list is exact when that command's answer is released. Each fold is a pure function of the facts in their order;
   a rebuild folds them again. */
#pragma once
#include "actors/sales/order.h"
#include "base/buffer.h"

/* -- feeds -- */
enum card_kind { CARD_POST = 1, CARD_PROMOTION };
struct feed_item {
    struct entity entity;
    struct id feed_id; /* a community's id, or feed_global */
    enum card_kind kind;
    struct id reference_id; /* of the post or promotion */
    struct text type, title;
    struct id author_id, supplier_id; /* one of the two; its card is joined */
    struct id community_id;           /* of the post */
    struct text thumbnail_url;
    struct text offer_label;
    struct money offer_price; /* the lowest */
    bool pinned;
    int64_t at;
};
struct id feed_global(struct id tenant);
/* What a card shows of a supplier; id is the supplier's. */
struct supplier_card {
    struct entity entity;
    struct id supplier_id;
    struct text name, avatar;
};
extern const struct kind feed_item_kind, supplier_card_kind;
extern const struct follower feed_items_follower, supplier_cards_follower;

/* -- what waits for a yes -- */
enum approval_item_kind { APPROVAL_MEMBER = 1, APPROVAL_POST, APPROVAL_PROMOTION, APPROVAL_SUPPLIER };
struct approval_item {
    struct entity entity;
    struct id community_id; /* none: the staff's */
    enum approval_item_kind kind;
    struct id reference_id; /* of the person, post or promotion */
    struct text title;
    struct id user_id, supplier_id; /* one of the two asks */
    int64_t requested_at;
    struct text link;
};
extern const struct kind approval_item_kind;
extern const struct index approvals_by_kind; /* community, kind, age */
extern const struct follower approval_items_follower;

/* -- orders: one row for the customer, one for each supplier with items in it -- */
enum summary_holder { HOLDER_CUSTOMER = 1, HOLDER_SUPPLIER };
struct summary_item {
    struct id item_id, product_id, variant_id;
    struct text product_name, sku, image_url;
    int64_t quantity;
    struct money unit_price, total;
    enum item_status status;
};
struct order_summary {
    struct entity entity; /* of the customer's row: the order's id */
    struct id order_id, holder_id;
    enum summary_holder holder;
    struct text number;
    int64_t placed_at;
    enum order_status status;
    enum payment_status payment_status;
    enum fulfilment_status fulfilment_status;
    struct id customer_id;
    struct text customer_name;          /* sealed: it is the customer's */
    LIST_OF(struct summary_item) items; /* the holder's */
    struct money total;                 /* the order's; for a supplier its items and its parcel */
};
extern const struct kind order_summary_kind;
extern const struct follower order_summaries_follower;
/* Figures of people, suppliers and promotions that follow from orders. */
extern const struct follower order_statistics_follower;

/* -- figures per UTC day -- */
enum revenue_by { BY_TOTAL = 1, BY_COMMUNITY, BY_PROMOTION, BY_SUPPLIER };
struct revenue_day {
    struct entity entity;
    int32_t day;
    enum revenue_by by;
    struct id reference_id; /* none: the total, or what is not attributed */
    int64_t orders, units;
    struct money gross, discounts, refunds, net, tax, shipping; /* tax and shipping: of the total alone */
};
struct lifecycle_day {
    struct entity entity;
    int32_t day;
    int64_t registrations, verifications, suspensions, reinstatements, deletions, logins, failed_logins, unique_logins;
};
struct funnel_day { /* orders created on that day, however late they go on */
    struct entity entity;
    int32_t day;
    int64_t created, payment_succeeded, confirmed, shipped, delivered, cancelled;
};
extern const struct kind revenue_day_kind, lifecycle_day_kind, funnel_day_kind;
extern const struct follower revenue_follower, lifecycle_follower, funnel_follower;
/* Query parameters of analytics: from, to (days, both included, at most 366). Sets tx->query to what is asked, the last 30
   days when nothing is; refuses what is no range. The struct starts with these two. */
struct day_range {
    int32_t from, to;
};
extern const struct fields day_range_fields;
enum error day_range_take(struct tx *tx, size_t query_size);
/* Answers a page of rows: one for each day that has one. */
enum error days_answer(struct tx *tx, const struct kind *kind, struct id (*row_id)(int32_t day),
                       void (*extra)(struct buffer *json, const void *row));

/* -- what staff looks at first -- */
extern const struct kind overview_kind, order_day_kind;
extern const struct follower overview_follower;

extern const struct kind *const views_kinds[]; /* NULL-terminated, as the next */
extern const struct follower *const views_followers[];
