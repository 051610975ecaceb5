/* What a purchase costs: rounding, tax added and included, parcels, sums, and the example of the specification. */
#include "actors/sales/order_parts.h"
#include "actors/sales/pricing.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

struct given {
    int64_t price, unit_price, quantity, rate_bp;
    uint8_t supplier;
    int64_t shipping, extra;
    bool digital;
};

static struct money usd(int64_t amount)
{
    return money_of(amount, "USD");
}

static struct order *order_of(struct arena *arena, const struct given *lines, uint32_t count,
                              const struct price_terms *terms)
{
    struct order *order = ARENA_NEW(arena, struct order);
    struct line_shipping *shipping = ARENA_ARRAY(arena, struct line_shipping, count);
    order->prices_include_tax = terms->prices_include_tax;
    for (uint32_t i = 0; i < count; i++) {
        struct order_item *item = LIST_ADD(arena, &order->items);
        *item = (struct order_item){.quantity = lines[i].quantity,
                                    .unit_price = usd(lines[i].unit_price),
                                    .tax_rate_bp = lines[i].rate_bp,
                                    .product_snapshot = {.original_price = usd(lines[i].price)},
                                    .status = ITEM_PENDING};
        item->supplier_id.bytes[15] = lines[i].supplier;
        price_line(item, terms);
        shipping[i] = (struct line_shipping){lines[i].shipping, lines[i].extra, !lines[i].digital};
    }
    price_groups(arena, order, shipping, terms);
    price_order(order);
    order->entity.status = ORDER_PENDING;
    order->payment.attempt = ATTEMPT_REQUESTED;
    order->payment_status = order_payment_of(order);
    order->fulfilment_status = order_fulfilment_of(order);
    return order;
}

static void test_example(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct price_terms terms = {.shipping_rate_bp = 2000};
    int64_t unit = 9999 - half_up((__int128)9999 * 3000, BASIS_POINTS_ONE); /* 30 % off */
    assert_int_equal(unit, 6999);
    struct given lines[] = {{9999, unit, 2, 2000, 1, 700, 100}, {500, 500, 3, 2000, 2, 400, 0}};
    const struct order *order = order_of(arena, lines, 2, &terms);

    assert_int_equal(order->items.at[0].subtotal.amount, 19998);
    assert_int_equal(order->items.at[0].discount.amount, 6000);
    assert_int_equal(order->items.at[0].net.amount, 13998);
    assert_int_equal(order->items.at[0].tax.amount, 2800);
    assert_int_equal(order->items.at[0].total.amount, 16798);
    assert_int_equal(order->items.at[1].net.amount, 1500);
    assert_int_equal(order->items.at[1].tax.amount, 300);
    assert_int_equal(order->groups.count, 2);
    assert_int_equal(order->groups.at[0].shipping.amount, 800);
    assert_int_equal(order->groups.at[0].shipping_tax.amount, 160);
    assert_int_equal(order->groups.at[1].shipping.amount, 400);
    assert_int_equal(order->groups.at[1].shipping_tax.amount, 80);
    assert_int_equal(order->subtotal.amount, 21498);
    assert_int_equal(order->discount.amount, 6000);
    assert_int_equal(order->shipping.amount, 1200);
    assert_int_equal(order->tax.amount, 3340);
    assert_int_equal(order->total.amount, 20038);
    assert_string_equal(order->total.currency, "USD");
    assert_null(order_check(order));
    arena_destroy(arena);
}

static void test_tax_rows(void **state)
{
    (void)state;
    static const struct {
        int64_t net, rate_bp;
        bool included;
        int64_t tax;
    } rows[] = {
        {0, 2000, false, 0},    {1, 2000, false, 0},      {2, 2000, false, 0},
        {3, 2000, false, 1},    {25, 200, false, 1},      {24, 200, false, 0},
        {100, 0, false, 0},     {100, 10000, false, 100}, {9999, 725, false, 725},
        {1000, 775, false, 78}, {120, 2000, true, 20},    {119, 2000, true, 20},
        {118, 2000, true, 20},  {117, 2000, true, 19},    {1, 2000, true, 0},
        {3, 2000, true, 0},     {4, 2000, true, 1},       {107, 700, true, 7},
        {100, 0, true, 0},      {0, 1900, true, 0},       {MONEY_MAX * 999, 2000, false, MONEY_MAX * 999 / 5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(price_tax(rows[i].net, rows[i].rate_bp, rows[i].included), rows[i].tax);
}

static void test_included(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct price_terms terms = {.prices_include_tax = true, .shipping_rate_bp = 2000};
    struct given lines[] = {{1200, 1200, 1, 2000, 1, 600, 0}, {999, 899, 3, 700, 1, 300, 50}};
    const struct order *order = order_of(arena, lines, 2, &terms);
    assert_int_equal(order->items.at[0].tax.amount, 200);
    assert_int_equal(order->items.at[0].total.amount, 1200);
    assert_int_equal(order->items.at[1].net.amount, 2697);
    assert_int_equal(order->items.at[1].tax.amount, 2697 - 2521);
    assert_int_equal(order->groups.at[0].shipping.amount, 600 + 3 * 50);
    assert_int_equal(order->groups.at[0].shipping_tax.amount, 125);
    assert_int_equal(order->tax.amount, 200 + 176 + 125);
    assert_int_equal(order->total.amount, 1200 + 2997 - 300 + 750); /* the tax is in it */
    assert_null(order_check(order));
    arena_destroy(arena);
}

static void test_parcels(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct price_terms terms = {0};
    /* the dearest of each supplier pays its cost, ties to the first line; every other unit its own extra */
    struct given lines[] = {
        {100, 100, 2, 0, 1, 500, 30}, {100, 100, 1, 0, 2, 400, 7},         {100, 100, 3, 0, 1, 900, 20},
        {100, 100, 2, 0, 2, 400, 90}, {100, 100, 9, 0, 1, 5000, 77, true}, {100, 100, 4, 0, 3, 800, 60, true},
    };
    const struct order *order = order_of(arena, lines, 6, &terms);
    assert_int_equal(order->groups.count, 3);
    assert_int_equal(order->groups.at[0].shipping.amount, 900 + 2 * 20 + 2 * 30);
    assert_int_equal(order->groups.at[1].shipping.amount, 400 + 2 * 90);
    assert_int_equal(order->groups.at[2].shipping.amount, 0);
    assert_int_equal(order->groups.at[0].shipping_tax.amount, 0);
    assert_int_equal(order->total.amount, 2100 + 1000 + 580);
    assert_null(order_check(order));
    arena_destroy(arena);
}

static void test_lowest(void **state)
{
    (void)state;
    struct price_candidate list = {PRICE_LIST, usd(500)}, same = {PRICE_PROMOTION, usd(500)},
                           lower = {PRICE_PROMOTION, usd(499)};
    assert_int_equal(price_lowest((struct price_candidate[]){list}, 1).source, PRICE_LIST);
    assert_int_equal(price_lowest((struct price_candidate[]){list, same}, 2).source, PRICE_LIST);
    assert_int_equal(price_lowest((struct price_candidate[]){list, lower}, 2).source, PRICE_PROMOTION);
    assert_int_equal(price_lowest((struct price_candidate[]){list, lower}, 2).price.amount, 499);
}

/* Whatever is bought: lines and groups sum up, nothing is negative, and the most that can be bought does not overflow. */
static void test_sums(void **state)
{
    (void)state;
    uint64_t random = 20038;
    for (int round = 0; round < 2000; round++) {
        struct arena *arena = arena_create();
        struct price_terms terms = {.prices_include_tax = random_below(&random, 2),
                                    .shipping_rate_bp = (int64_t)random_below(&random, 3000)};
        struct given lines[50];
        uint32_t count = 1 + (uint32_t)random_below(&random, 50);
        for (uint32_t i = 0; i < count; i++) {
            int64_t price = (int64_t)random_below(&random, round % 10 ? 100000 : MONEY_MAX + 1);
            lines[i] = (struct given){price,
                                      (int64_t)random_below(&random, (uint64_t)price + 1),
                                      1 + (int64_t)random_below(&random, 999),
                                      (int64_t)random_below(&random, 10001),
                                      (uint8_t)(1 + random_below(&random, 4)),
                                      (int64_t)random_below(&random, 2000),
                                      (int64_t)random_below(&random, 500),
                                      random_below(&random, 4) == 0};
        }
        const struct order *order = order_of(arena, lines, count, &terms);
        assert_null(order_check(order));
        assert_true(order->discount.amount >= 0 && order->tax.amount >= 0 && order->shipping.amount >= 0);
        int64_t lines_and_parcels = order->shipping.amount;
        for (uint32_t i = 0; i < order->items.count; i++)
            lines_and_parcels += order->items.at[i].total.amount;
        for (uint32_t i = 0; i < order->groups.count; i++)
            if (!terms.prices_include_tax) lines_and_parcels += order->groups.at[i].shipping_tax.amount;
        assert_int_equal(order->total.amount, lines_and_parcels);
        arena_destroy(arena);
    }
}

/* order_check sees what is wrong with an order. */
static void test_truths(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct price_terms terms = {.shipping_rate_bp = 2000};
    struct given lines[] = {{9999, 6999, 2, 2000, 1, 700, 100}, {500, 500, 3, 2000, 2, 400, 0}};
    struct order *order = order_of(arena, lines, 2, &terms);
    assert_null(order_check(order));
    order->total.amount++;
    assert_non_null(order_check(order));
    order->total.amount--;
    order->groups.at[1].tax.amount--;
    assert_non_null(order_check(order));
    order->groups.at[1].tax.amount++;
    order->items.at[0].status = ITEM_CONFIRMED;
    assert_null(order_check(order)); /* the other item is pending still */
    order->items.at[1].status = ITEM_CONFIRMED;
    assert_non_null(order_check(order)); /* the status lags behind */
    order->entity.status = ORDER_CONFIRMED;
    assert_non_null(order_check(order)); /* confirmed, and nothing captured */
    order->payment.attempt = ATTEMPT_SUCCEEDED;
    order->payment.captured = order->total;
    order->payment_status = PAYMENT_PAID;
    assert_null(order_check(order));
    order->payment.refunded = order->total;
    order->payment.refunded.amount++;
    order->payment_status = PAYMENT_REFUNDED;
    assert_non_null(order_check(order));
    order->payment.refunded.amount--;
    assert_null(order_check(order));
    order->items.at[0].status = ITEM_SHIPPED;
    assert_non_null(order_check(order)); /* fulfilment lags behind */
    order->fulfilment_status = FULFILMENT_PARTIAL;
    assert_null(order_check(order));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example), cmocka_unit_test(test_tax_rows), cmocka_unit_test(test_included),
        cmocka_unit_test(test_parcels), cmocka_unit_test(test_lowest),   cmocka_unit_test(test_sums),
        cmocka_unit_test(test_truths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
