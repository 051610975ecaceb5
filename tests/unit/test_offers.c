#include "actors/catalog/product.h"
#include "actors/promotion/promotion.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* One product of one variant that cost `then` at submit and costs `now`, under an offer of its own or of the promotion. */
static int64_t price(struct offer offer, int64_t then, int64_t now, bool own)
{
    struct id product_id = {{1}}, variant_id = {{2}};
    struct variant_price prices[] = {{variant_id, money_of(then, "USD")}};
    struct promotion_snapshot snapshots[] = {{.product_id = product_id, .variants = {prices, 1}}};
    struct promotion_product products[] = {{.product_id = product_id}};
    struct promotion promotion = {.products = {products, 1}, .product_snapshots = {snapshots, 1}};
    struct product_variant variant = {.id = variant_id, .price = money_of(now, "USD")};
    if (own)
        products[0].offer = offer;
    else
        promotion.offer = offer;
    struct money result = promotion_offer_price(&promotion, product_id, &variant);
    assert_string_equal(result.currency, "USD");
    return result.amount;
}

static struct offer percent(int64_t basis_points)
{
    return (struct offer){.kind = OFFER_PERCENT, .percent_bp = basis_points};
}

static struct offer amount_off(int64_t amount)
{
    return (struct offer){.kind = OFFER_AMOUNT_OFF, .amount = money_of(amount, "USD")};
}

static struct offer fixed(int64_t amount)
{
    return (struct offer){.kind = OFFER_FIXED_PRICE, .amount = money_of(amount, "USD")};
}

static void test_prices(void **state)
{
    (void)state;
    assert_int_equal(price(percent(3000), 9999, 9999, false), 6999); /* 2999.7 are off: 3000 */
    assert_int_equal(price(percent(3000), 9999, 9999, true), 6999);
    assert_int_equal(price(percent(5000), 1, 1, false), 0); /* 0.5 is off: 1 */
    assert_int_equal(price(percent(4999), 1, 1, false), 1);
    assert_int_equal(price(percent(10000), 777, 777, false), 0);
    assert_int_equal(price(percent(1), 10000000000, 10000000000, false), 9999000000);
    assert_int_equal(price(amount_off(500), 2000, 2000, false), 1500);
    assert_int_equal(price(amount_off(2500), 2000, 2000, false), 0);
    assert_int_equal(price(fixed(1500), 2000, 2000, false), 1500);
    assert_int_equal(price(fixed(2500), 2000, 2000, false), 2000);
    assert_int_equal(price((struct offer){0}, 2000, 2400, false), 2400); /* no offer: the price of now */
}

/* A price that was raised after approval does not eat the discount; one that was lowered counts. */
static void test_changed_prices(void **state)
{
    (void)state;
    assert_int_equal(price(percent(1000), 1000, 2000, false), 900);
    assert_int_equal(price(percent(1000), 2000, 1000, false), 900);
    assert_int_equal(price(amount_off(100), 1000, 5000, false), 900);
    assert_int_equal(price(fixed(1500), 1000, 5000, false), 1000);
    assert_int_equal(price(fixed(1500), 5000, 1000, false), 1000);
}

static void test_what_is_not_covered(void **state)
{
    (void)state;
    struct id product_id = {{1}}, other_id = {{3}};
    struct variant_price prices[] = {{{{2}}, money_of(1000, "USD")}};
    struct promotion_snapshot snapshots[] = {{.product_id = product_id, .variants = {prices, 1}}};
    struct promotion_product products[] = {{.product_id = product_id, .offer = {OFFER_PERCENT, 1000, {0}}}};
    struct promotion promotion = {
        .products = {products, 1}, .product_snapshots = {snapshots, 1}, .offer = {OFFER_PERCENT, 5000, {0}}};
    struct product_variant known = {.id = {{2}}, .price = money_of(1000, "USD")},
                           added = {.id = {{9}}, .price = money_of(1000, "USD")};
    assert_int_equal(promotion_offer_price(&promotion, product_id, &known).amount, 900);  /* its own offer wins */
    assert_int_equal(promotion_offer_price(&promotion, product_id, &added).amount, 1000); /* not in the snapshot */
    assert_int_equal(promotion_offer_price(&promotion, other_id, &known).amount, 1000);   /* another product */
    assert_true(promotion_covers(&promotion, product_id));
    assert_false(promotion_covers(&promotion, other_id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_changed_prices),
        cmocka_unit_test(test_what_is_not_covered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
