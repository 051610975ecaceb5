/* Orders: what was bought, at which price, who brought the sale, and how far it is.

   The items' states are the truth; the order's status, its fulfilment status and its payment status follow from them
   and from the payment, and `check` compares them after every change. Money of an order is in one currency. */
#pragma once
#include "actors/catalog/stock.h"
#include "actors/runtime/tx.h"
#include "actors/sales/payment.h"

enum order_status {
    ORDER_PENDING = 1,
    ORDER_CONFIRMED,
    ORDER_PROCESSING,
    ORDER_SHIPPED,
    ORDER_DELIVERED,
    ORDER_CANCELLED,
    ORDER_COMPLETED /* past the return window; no command leads there yet */
};
enum item_status { /* the first five are steps forward and equal the order's */
                   ITEM_PENDING = 1,
                   ITEM_CONFIRMED,
                   ITEM_PROCESSING,
                   ITEM_SHIPPED,
                   ITEM_DELIVERED,
                   ITEM_CANCELLED,
                   ITEM_RETURNED
};
enum payment_status {
    PAYMENT_NOT_REQUIRED = 1,
    PAYMENT_PENDING,
    PAYMENT_FAILED,
    PAYMENT_PAID,
    PAYMENT_PARTIALLY_REFUNDED,
    PAYMENT_REFUNDED,
    PAYMENT_EXTERNAL,
    PAYMENT_ON_ACCOUNT
};
enum fulfilment_status { FULFILMENT_UNFULFILLED = 1, FULFILMENT_PARTIAL, FULFILMENT_FULFILLED };
enum attempt_status {
    ATTEMPT_REQUESTED = 1,
    ATTEMPT_UNKNOWN,
    ATTEMPT_SUCCEEDED,
    ATTEMPT_DECLINED,
    ATTEMPT_VOIDED,
    ATTEMPT_ACTION_REQUIRED,
    ATTEMPT_AUTHORIZED
};
enum refund_status { REFUND_REQUESTED = 1, REFUND_SUCCEEDED, REFUND_FAILED };
enum cancel_reason {
    CANCEL_PAYMENT_DECLINED = 1,
    CANCEL_PAYMENT_TIMEOUT,
    CANCEL_CUSTOMER,
    CANCEL_SUPPLIER,
    CANCEL_ADMIN
};
enum order_source { SOURCE_WEB = 1, SOURCE_POS, SOURCE_IMPORT, SOURCE_SUBSCRIPTION };
enum price_source { PRICE_LIST = 1, PRICE_PROMOTION };

extern const struct enumeration order_statuses, item_statuses, payment_statuses, fulfilment_statuses, attempt_statuses,
    refund_statuses, cancel_reasons, order_sources, price_sources;

struct order_address {
    struct text first_name, last_name, line1, line2, city, state, postal_code, country, phone;
};
struct order_customer {
    struct id user_id;
    struct text display_name, email, phone;
};
struct product_snapshot {
    struct id product_id;
    struct text product_name;
    struct money original_price;
    struct text image_url;
    int64_t snapshot_at;
};
struct item_attribution {
    struct id promotion_id, community_id;
};
struct shipment {
    struct text carrier, tracking_number, tracking_url;
};

struct order_item {
    struct id id, supplier_id, variant_id;
    struct text sku;
    LIST_OF(struct text_pair) attributes;
    struct product_snapshot product_snapshot;
    int64_t quantity;
    enum price_source price_source; /* why unit_price is what it is */
    struct money unit_price, subtotal, discount, net;
    int64_t tax_rate_bp;
    struct money tax, total;
    enum item_status status;
    struct item_attribution attribution;
    LIST_OF(struct allocation) allocations; /* stock taken; empty again once cancelled */
    struct shipment shipment;
    enum cancel_reason cancel_reason;
    int64_t processed_at, shipped_at, delivered_at, cancelled_at;
    int64_t returned_quantity;
    struct id bundle_id;
};

struct order_group {
    struct id supplier_id;
    struct money net, tax, shipping, shipping_tax;
};

struct refund_line {
    struct id item_id;
    int64_t quantity;
    struct money goods, tax;
};
struct refund_group {
    struct id supplier_id;
    struct money shipping, tax;
};
struct order_refund {
    struct id id;
    LIST_OF(struct refund_line) items;
    LIST_OF(struct refund_group) groups;
    struct money goods, tax, shipping; /* tax of lines and groups together */
    struct money amount;               /* what is paid back */
    bool late;                         /* of a payment that came after the order was cancelled */
    enum refund_status status;
    struct text reference;
    int64_t at;         /* asked for, or asked for again */
    int64_t settled_at; /* answered */
};
struct order_payment {
    struct text method, provider, reference;
    enum attempt_status attempt;
    struct text decline_code, next_action;
    struct money captured, refunded;
    LIST_OF(struct order_refund) refunds;
};

struct utm {
    struct text source, medium, campaign, term, content;
};
struct touch {
    int64_t at;
    struct id promotion_id, community_id;
};
struct order_attribution {
    struct utm utm;
    struct text referrer;
    LIST_OF(struct touch) touches;
};
struct timeline_entry {
    int64_t at;
    struct id by; /* a user; none: the system */
    struct text event, from, to;
    struct id item_id;
    struct text note;
};

struct order {
    struct entity entity;
    struct text number;
    enum order_source source;
    struct order_customer customer;
    struct order_address shipping_address;
    LIST_OF(struct order_item) items;
    LIST_OF(struct order_group) groups;
    bool prices_include_tax; /* as it was when placed */
    struct money subtotal, discount, shipping, tax, total;
    enum payment_status payment_status;
    enum fulfilment_status fulfilment_status;
    struct order_payment payment;
    struct order_attribution attribution;
    LIST_OF(struct timeline_entry) timeline;
    int64_t expires_at;
    enum cancel_reason cancel_reason;
    struct id checkout_id;
};
extern const struct fields order_fields, order_item_fields, order_address_fields, timeline_entry_fields,
    order_refund_fields;
extern const struct kind order_kind;

/* -- counters that decisions read (quiet kinds) -- */
struct order_numbers { /* one per tenant and year: order_numbers_id */
    struct entity entity;
    int64_t last;
};
struct open_orders { /* one per customer, under the user's id */
    struct entity entity;
    int64_t pending;           /* orders waiting for payment */
    int64_t undelivered_items; /* living items not delivered: erasing the person waits for them */
};
struct open_supplier_items { /* one per supplier, under the supplier's id */
    struct entity entity;
    int64_t undelivered; /* living items not delivered: deleting the supplier waits for them */
};
extern const struct kind order_numbers_kind, open_orders_kind, open_supplier_items_kind;

/* -- events and their data -- */
struct order_event_item {
    struct id item_id, supplier_id, product_id, variant_id;
    int64_t quantity;
    struct money unit_price, net, tax;
    struct id promotion_id, community_id;
};
struct order_placed { /* created, confirmed */
    enum order_status from, to;
    struct text number;
    struct id customer_id;
    LIST_OF(struct order_event_item) items;
    struct money subtotal, discount, shipping, tax, total;
    struct utm utm;
};
struct order_moved { /* processing, shipped, delivered, cancelled, expired */
    enum order_status from, to;
    struct money subtotal, discount, shipping, tax, total;
    enum cancel_reason reason;
};
struct order_paid { /* payment_succeeded, payment_failed, payment_late */
    struct money amount;
    struct text provider, reference, decline_code;
};
struct order_item_moved { /* item_processing, item_shipped, item_delivered, item_cancelled */
    struct id item_id, supplier_id;
    enum item_status from, to;
    struct text carrier, tracking_number;
    enum cancel_reason reason;
};
struct order_refunded { /* refund_requested, refund_succeeded, refund_failed */
    struct id refund_id;
    LIST_OF(struct refund_line) items;
    LIST_OF(struct refund_group) groups;
    struct money goods, tax, shipping, amount;
    bool late;
};
struct order_updated { /* what has no event of its own: an attempt unknown or voided, tracking */
    struct id item_id;
    struct text note;
};
extern const struct event order_created, order_payment_succeeded, order_payment_failed, order_payment_late,
    order_confirmed, order_processing, order_shipped, order_delivered, order_cancelled, order_expired,
    order_item_processing, order_item_shipped, order_item_delivered, order_item_cancelled, order_refund_requested,
    order_refund_succeeded, order_refund_failed, order_updated;

/* -- reading -- */
struct order_item *order_item_find(const struct order *order, struct id item_id); /* NULL: no such item */
bool item_living(const struct order_item *item);                                  /* neither cancelled nor returned */
bool order_has_supplier(const struct order *order, struct id supplier_id);

extern const struct kind *const sales_kinds[]; /* NULL-terminated, as the next two */
extern const struct follower *const sales_followers[];
extern const struct effect_class *const sales_effects[];
