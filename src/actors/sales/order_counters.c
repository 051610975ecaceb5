/* The counters beside an order that decisions read. They change in the command that places, pays, cancels or delivers. */
#include "actors/sales/order.h"

/* clang-format off */
static const struct field order_numbers_rows[] = {
    ENTITY_ROW(order_numbers),
    INTEGER(order_numbers, 2, last, .flags = READ_ONLY, .doc = "number of the latest order of this year"),
};
/* clang-format on */
static const struct fields order_numbers_fields = FIELDS("order_numbers", struct order_numbers, order_numbers_rows);

static const char *order_numbers_check(const void *entity)
{
    const struct order_numbers *numbers = entity;
    return numbers->last < 1 ? "numbers count from one" : NULL;
}
/* clang-format off */
const struct kind order_numbers_kind = {
    .number = 72, .name = "order_numbers", .plural = "order_numbers", .doc = "the order numbers of a tenant and year",
    .fields = &order_numbers_fields, .check = order_numbers_check, .quiet = true};

static const struct field open_orders_rows[] = {
    ENTITY_ROW(open_orders),
    INTEGER(open_orders, 2, pending, .flags = READ_ONLY, .doc = "orders that wait for payment"),
    INTEGER(open_orders, 3, undelivered_items, .flags = READ_ONLY, .doc = "living items not delivered yet"),
};
/* clang-format on */
static const struct fields open_orders_fields = FIELDS("open_orders", struct open_orders, open_orders_rows);

static const char *open_orders_check(const void *entity)
{
    const struct open_orders *open = entity;
    return open->pending < 0 || open->undelivered_items < 0 ? "nobody has fewer than no open orders" : NULL;
}
/* clang-format off */
const struct kind open_orders_kind = {
    .number = 73, .name = "open_orders", .plural = "open_orders", .doc = "what a customer's orders still wait for",
    .fields = &open_orders_fields, .check = open_orders_check, .quiet = true};

static const struct field open_supplier_items_rows[] = {
    ENTITY_ROW(open_supplier_items),
    INTEGER(open_supplier_items, 2, undelivered, .flags = READ_ONLY, .doc = "living items not delivered yet"),
};
/* clang-format on */
static const struct fields open_supplier_items_fields =
    FIELDS("open_supplier_items", struct open_supplier_items, open_supplier_items_rows);

static const char *open_supplier_items_check(const void *entity)
{
    const struct open_supplier_items *open = entity;
    return open->undelivered < 0 ? "no supplier has fewer than no open items" : NULL;
}
/* clang-format off */
const struct kind open_supplier_items_kind = {
    .number = 74, .name = "open_supplier_items", .plural = "open_supplier_items", .doc = "what a supplier still has to deliver",
    .fields = &open_supplier_items_fields, .check = open_supplier_items_check, .quiet = true};
/* clang-format on */
