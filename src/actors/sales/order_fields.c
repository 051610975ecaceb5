/* What an order is made of, as field tables. Who sees what: the customer and the staff everything, a supplier's team the
   order cut down to its own items (order_cut) and of the customer only the name and where the parcel goes. */
#include "actors/sales/order.h"

#define S_A   (SELF | ADMIN)
#define S_T_A (SELF | TEAM | ADMIN)
#define T_A   (TEAM | ADMIN)

/* clang-format off */
static const char *const order_status_names[] = {
    NULL, "pending", "confirmed", "processing", "shipped", "delivered", "cancelled", "completed"};
/* clang-format on */
const struct enumeration order_statuses = ENUMERATION("order_status", order_status_names);
/* clang-format off */
static const char *const item_status_names[] = {
    NULL, "pending", "confirmed", "processing", "shipped", "delivered", "cancelled", "returned"};
/* clang-format on */
const struct enumeration item_statuses = ENUMERATION("item_status", item_status_names);
/* clang-format off */
static const char *const payment_status_names[] = {
    NULL, "not_required", "pending", "failed", "paid", "partially_refunded", "refunded", "external", "on_account"};
/* clang-format on */
const struct enumeration payment_statuses = ENUMERATION("payment_status", payment_status_names);
static const char *const fulfilment_status_names[] = {NULL, "unfulfilled", "partial", "fulfilled"};
const struct enumeration fulfilment_statuses = ENUMERATION("fulfilment_status", fulfilment_status_names);
/* clang-format off */
static const char *const attempt_status_names[] = {
    NULL, "requested", "unknown", "succeeded", "declined", "voided", "action_required", "authorized"};
/* clang-format on */
const struct enumeration attempt_statuses = ENUMERATION("attempt_status", attempt_status_names);
static const char *const refund_status_names[] = {NULL, "requested", "succeeded", "failed"};
const struct enumeration refund_statuses = ENUMERATION("refund_status", refund_status_names);
static const char *const cancel_reason_names[] = {NULL,       "payment_declined", "payment_timeout",
                                                  "customer", "supplier",         "admin"};
const struct enumeration cancel_reasons = ENUMERATION("cancel_reason", cancel_reason_names);
static const char *const order_source_names[] = {NULL, "web", "pos", "import", "subscription"};
const struct enumeration order_sources = ENUMERATION("order_source", order_source_names);
static const char *const price_source_names[] = {NULL, "list", "promotion"};
const struct enumeration price_sources = ENUMERATION("price_source", price_source_names);

/* Bound from the body of a purchase too: its limits are the client's. */
/* clang-format off */
static const struct field order_address_rows[] = {
    TEXT(order_address, 1, first_name,  .max = 80, .flags = REQUIRED, .doc = "given name"),
    TEXT(order_address, 2, last_name,   .max = 80, .flags = REQUIRED, .doc = "family name"),
    TEXT(order_address, 3, line1,       .max = 120, .flags = REQUIRED, .doc = "street and number"),
    TEXT(order_address, 4, line2,       .max = 120, .doc = "further line"),
    TEXT(order_address, 5, city,        .max = 80, .flags = REQUIRED, .doc = "city"),
    TEXT(order_address, 6, state,       .max = 80, .doc = "state or region; picks the tax rate of a region"),
    TEXT(order_address, 7, postal_code, .max = 20, .doc = "postal code"),
    TEXT(order_address, 8, country,     .format = FORMAT_COUNTRY, .flags = REQUIRED, .doc = "ISO 3166-1 alpha-2"),
    TEXT(order_address, 9, phone,       .max = 32, .format = FORMAT_PHONE, .doc = "for the carrier"),
};
/* clang-format on */
const struct fields order_address_fields = FIELDS("order_address", struct order_address, order_address_rows);

/* clang-format off */
static const struct field order_customer_rows[] = {
    ID(order_customer,   1, user_id,      .refers = "user", .flags = OPTIONAL, .sees = S_A, .doc = "who bought; null for a sale without account"),
    TEXT(order_customer, 2, display_name, .flags = PERSONAL, .sees = S_T_A, .doc = "name when it was placed"),
    TEXT(order_customer, 3, email,        .flags = PERSONAL, .sees = S_A, .doc = "address when it was placed"),
    TEXT(order_customer, 4, phone,        .flags = PERSONAL, .sees = S_A, .doc = "number when it was placed"),
};
/* clang-format on */
static const struct fields order_customer_fields = FIELDS("order_customer", struct order_customer, order_customer_rows);

/* clang-format off */
static const struct field product_snapshot_rows[] = {
    ID(product_snapshot,    1, product_id,     .refers = "product", .doc = "the product"),
    TEXT(product_snapshot,  2, product_name,   .doc = "its name then"),
    MONEY(product_snapshot, 3, original_price, .doc = "the variant's price then"),
    TEXT(product_snapshot,  4, image_url,      .doc = "its image then"),
    TIME(product_snapshot,  5, snapshot_at,    .doc = "when it was taken"),
};
/* clang-format on */
static const struct fields product_snapshot_fields =
    FIELDS("product_snapshot", struct product_snapshot, product_snapshot_rows);

/* clang-format off */
static const struct field item_attribution_rows[] = {
    ID(item_attribution, 1, promotion_id, .refers = "promotion", .flags = OPTIONAL, .doc = "the offer that sold it"),
    ID(item_attribution, 2, community_id, .refers = "community", .flags = OPTIONAL, .doc = "where it was found"),
};
/* clang-format on */
static const struct fields item_attribution_fields =
    FIELDS("item_attribution", struct item_attribution, item_attribution_rows);

/* clang-format off */
static const struct field shipment_rows[] = {
    TEXT(shipment, 1, carrier,         .doc = "who carries it"),
    TEXT(shipment, 2, tracking_number, .doc = "the carrier's number"),
    TEXT(shipment, 3, tracking_url,    .doc = "where to follow it"),
};
/* clang-format on */
static const struct fields shipment_fields = FIELDS("shipment", struct shipment, shipment_rows);

/* clang-format off */
static const struct field order_item_rows[] = {
    ID(order_item,      1, id, .doc = "names the item within its order"),
    ID(order_item,      2, supplier_id, .refers = "supplier", .doc = "who sells and ships it"),
    ID(order_item,      3, variant_id, .doc = "the variant of the product"),
    TEXT(order_item,    4, sku, .doc = "the supplier's number of the variant"),
    MAP(order_item,     5, attributes, .doc = "of the variant, such as size and colour"),
    STRUCT(order_item,  6, product_snapshot, struct product_snapshot, &product_snapshot_fields, .doc = "the product as it was"),
    INTEGER(order_item, 7, quantity, .doc = "units"),
    ENUM(order_item,    8, price_source, &price_sources, .doc = "why the unit price is what it is"),
    MONEY(order_item,   9, unit_price, .doc = "paid for one unit"),
    MONEY(order_item,   10, subtotal, .doc = "original price of all units"),
    MONEY(order_item,   11, discount, .doc = "subtotal less net"),
    MONEY(order_item,   12, net, .doc = "unit price of all units: the goods"),
    BASIS_POINTS(order_item, 13, tax_rate_bp, .doc = "tax rate, 10000 is the whole"),
    MONEY(order_item,   14, tax, .doc = "tax on net, or in it when prices include tax"),
    MONEY(order_item,   15, total, .doc = "what the line costs"),
    ENUM(order_item,    16, status, &item_statuses, .doc = "how far it is"),
    STRUCT(order_item,  17, attribution, struct item_attribution, &item_attribution_fields, .doc = "who brought the sale"),
    LIST(order_item,    18, allocations, struct allocation, &allocation_fields, .sees = T_A, .doc = "stock taken for it"),
    STRUCT(order_item,  19, shipment, struct shipment, &shipment_fields, .doc = "the parcel"),
    ENUM(order_item,    20, cancel_reason, &cancel_reasons, .doc = "why it was cancelled"),
    TIME(order_item,    21, processed_at, .doc = "when its supplier began"),
    TIME(order_item,    22, shipped_at, .doc = "when it was shipped"),
    TIME(order_item,    23, delivered_at, .doc = "when it arrived"),
    TIME(order_item,    24, cancelled_at, .doc = "when it was cancelled"),
    INTEGER(order_item, 25, returned_quantity, .doc = "units that came back"),
    ID(order_item,      26, bundle_id, .flags = OPTIONAL, .doc = "the bundle it was bought in"),
};
/* clang-format on */
const struct fields order_item_fields = FIELDS("order_item", struct order_item, order_item_rows);

/* clang-format off */
static const struct field order_group_rows[] = {
    ID(order_group,    1, supplier_id, .refers = "supplier", .doc = "one parcel for each supplier"),
    MONEY(order_group, 2, net, .doc = "sum of its lines"),
    MONEY(order_group, 3, tax, .doc = "sum of its lines' tax"),
    MONEY(order_group, 4, shipping, .doc = "cost of the parcel"),
    MONEY(order_group, 5, shipping_tax, .doc = "tax on it, or in it"),
};
/* clang-format on */
static const struct fields order_group_fields = FIELDS("order_group", struct order_group, order_group_rows);

/* clang-format off */
static const struct field refund_line_rows[] = {
    ID(refund_line,      1, item_id, .doc = "the item"),
    INTEGER(refund_line, 2, quantity, .doc = "units paid back"),
    MONEY(refund_line,   3, goods, .doc = "net of them"),
    MONEY(refund_line,   4, tax, .doc = "tax of them"),
};
/* clang-format on */
const struct fields refund_line_fields = FIELDS("refund_line", struct refund_line, refund_line_rows);

/* clang-format off */
static const struct field refund_group_rows[] = {
    ID(refund_group,    1, supplier_id, .refers = "supplier", .doc = "whose parcel"),
    MONEY(refund_group, 2, shipping, .doc = "shipping paid back"),
    MONEY(refund_group, 3, tax, .doc = "tax on it"),
};
/* clang-format on */
const struct fields refund_group_fields = FIELDS("refund_group", struct refund_group, refund_group_rows);

/* clang-format off */
static const struct field order_refund_rows[] = {
    ID(order_refund,    1, id, .doc = "names the refund; its key with the provider"),
    LIST(order_refund,  2, items, struct refund_line, &refund_line_fields, .doc = "lines paid back"),
    LIST(order_refund,  3, groups, struct refund_group, &refund_group_fields, .doc = "parcels paid back"),
    MONEY(order_refund, 4, goods, .doc = "net of its lines"),
    MONEY(order_refund, 5, tax, .doc = "tax of its lines and parcels"),
    MONEY(order_refund, 6, shipping, .doc = "shipping of its parcels"),
    MONEY(order_refund, 7, amount, .doc = "goods and shipping, and the tax unless prices include it"),
    BOOL(order_refund,  8, late, .doc = "of a payment that came after the order was cancelled"),
    ENUM(order_refund,  9, status, &refund_statuses, .doc = "requested, succeeded or failed"),
    TEXT(order_refund,  10, reference, .doc = "the provider's"),
    TIME(order_refund,  11, at, .doc = "when it was asked for, or asked for again"),
    TIME(order_refund,  12, settled_at, .doc = "when it succeeded or failed"),
};
/* clang-format on */
const struct fields order_refund_fields = FIELDS("order_refund", struct order_refund, order_refund_rows);

/* clang-format off */
static const struct field order_payment_rows[] = {
    TEXT(order_payment,  1, method, .doc = "card, wallet, …: the provider's word"),
    TEXT(order_payment,  2, provider, .doc = "who took the money"),
    TEXT(order_payment,  3, reference, .doc = "the provider's number of the charge"),
    ENUM(order_payment,  4, attempt, &attempt_statuses, .doc = "what is known of the charge"),
    TEXT(order_payment,  5, decline_code, .doc = "why it was declined"),
    TEXT(order_payment,  6, next_action, .doc = "what the customer has to do"),
    MONEY(order_payment, 7, captured, .doc = "money taken"),
    MONEY(order_payment, 8, refunded, .doc = "money paid back"),
    LIST(order_payment,  9, refunds, struct order_refund, &order_refund_fields, .doc = "every refund"),
};
/* clang-format on */
static const struct fields order_payment_fields = FIELDS("order_payment", struct order_payment, order_payment_rows);

/* clang-format off */
static const struct field utm_rows[] = {
    TEXT(utm, 1, source,   .max = 200, .doc = "utm_source"),
    TEXT(utm, 2, medium,   .max = 200, .doc = "utm_medium"),
    TEXT(utm, 3, campaign, .max = 200, .doc = "utm_campaign"),
    TEXT(utm, 4, term,     .max = 200, .doc = "utm_term"),
    TEXT(utm, 5, content,  .max = 200, .doc = "utm_content"),
};
/* clang-format on */
const struct fields utm_fields = FIELDS("utm", struct utm, utm_rows);

/* clang-format off */
static const struct field touch_rows[] = {
    TIME(touch, 1, at, .doc = "when"),
    ID(touch,   2, promotion_id, .refers = "promotion", .flags = OPTIONAL, .doc = "the promotion seen"),
    ID(touch,   3, community_id, .refers = "community", .flags = OPTIONAL, .doc = "where it was seen"),
};
/* clang-format on */
static const struct fields touch_fields = FIELDS("touch", struct touch, touch_rows);

/* clang-format off */
static const struct field order_attribution_rows[] = {
    STRUCT(order_attribution, 1, utm, struct utm, &utm_fields, .doc = "how the visitor came"),
    TEXT(order_attribution,   2, referrer, .max = 500, .doc = "the page before"),
    LIST(order_attribution,   3, touches, struct touch, &touch_fields, .doc = "what was seen before the sale"),
};
/* clang-format on */
static const struct fields order_attribution_fields =
    FIELDS("order_attribution", struct order_attribution, order_attribution_rows);

/* clang-format off */
static const struct field timeline_entry_rows[] = {
    TIME(timeline_entry, 1, at, .doc = "when"),
    ID(timeline_entry,   2, by, .refers = "user", .flags = OPTIONAL, .doc = "who; null: the system"),
    TEXT(timeline_entry, 3, event, .doc = "what"),
    TEXT(timeline_entry, 4, from, .doc = "status before"),
    TEXT(timeline_entry, 5, to, .doc = "status after"),
    ID(timeline_entry,   6, item_id, .flags = OPTIONAL, .doc = "the item; null: the order"),
    TEXT(timeline_entry, 7, note, .doc = "in words"),
};
/* clang-format on */
const struct fields timeline_entry_fields = FIELDS("timeline_entry", struct timeline_entry, timeline_entry_rows);

/* clang-format off */
static const struct field order_rows[] = {
    ENTITY_ROW(order),
    TEXT(order,   2, number, .flags = READ_ONLY, .sees = S_T_A, .doc = "the number people read out"),
    ENUM(order,   3, source, &order_sources, .flags = READ_ONLY, .sees = S_T_A, .doc = "where it was placed"),
    STRUCT(order, 4, customer, struct order_customer, &order_customer_fields, .flags = READ_ONLY, .sees = S_T_A, .doc = "who bought"),
    STRUCT(order, 5, shipping_address, struct order_address, &order_address_fields, .flags = READ_ONLY | PERSONAL, .sees = S_T_A,
           .doc = "where it goes; never changes"),
    LIST(order,   6, items, struct order_item, &order_item_fields, .flags = READ_ONLY, .sees = S_T_A, .doc = "what was bought"),
    LIST(order,   7, groups, struct order_group, &order_group_fields, .flags = READ_ONLY, .sees = S_T_A, .doc = "per supplier"),
    BOOL(order,   8, prices_include_tax, .flags = READ_ONLY, .sees = S_T_A, .doc = "whether net has the tax in it"),
    MONEY(order,  9, subtotal, .flags = READ_ONLY, .sees = S_A, .doc = "sum of the lines at original prices"),
    MONEY(order,  10, discount, .flags = READ_ONLY, .sees = S_A, .doc = "sum of the lines' discounts"),
    MONEY(order,  11, shipping, .flags = READ_ONLY, .sees = S_A, .doc = "sum of the parcels"),
    MONEY(order,  12, tax, .flags = READ_ONLY, .sees = S_A, .doc = "sum of lines' and parcels' tax"),
    MONEY(order,  13, total, .flags = READ_ONLY, .sees = S_A, .doc = "what is charged"),
    ENUM(order,   14, payment_status, &payment_statuses, .flags = READ_ONLY, .sees = S_A, .doc = "follows from the payment"),
    ENUM(order,   15, fulfilment_status, &fulfilment_statuses, .flags = READ_ONLY, .sees = S_A, .doc = "follows from the items"),
    STRUCT(order, 16, payment, struct order_payment, &order_payment_fields, .flags = READ_ONLY, .sees = S_A, .doc = "the money"),
    STRUCT(order, 17, attribution, struct order_attribution, &order_attribution_fields, .flags = READ_ONLY, .sees = S_A,
           .doc = "how the customer came"),
    LIST(order,   18, timeline, struct timeline_entry, &timeline_entry_fields, .flags = READ_ONLY, .sees = S_T_A, .doc = "what happened"),
    TIME(order,   19, expires_at, .flags = READ_ONLY, .sees = S_A, .doc = "until when stock is held without payment"),
    ENUM(order,   20, cancel_reason, &cancel_reasons, .flags = READ_ONLY, .sees = S_A, .doc = "why it was cancelled"),
    ID(order,     21, checkout_id, .flags = READ_ONLY | OPTIONAL, .sees = S_A, .doc = "the checkout it came from"),
};
/* clang-format on */
const struct fields order_fields = FIELDS("order", struct order, order_rows);
