#include "base/money.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void test_checked(void **state)
{
    (void)state;
    int64_t result = 99;
    assert_true(integer_add(INT64_MAX - 1, 1, &result));
    assert_int_equal(result, INT64_MAX);
    assert_false(integer_add(INT64_MAX, 1, &result));
    assert_false(integer_add(INT64_MIN, -1, &result));
    assert_int_equal(result, INT64_MAX);
    assert_true(integer_add(INT64_MIN, INT64_MAX, &result));
    assert_int_equal(result, -1);

    assert_true(integer_multiply(INT64_C(3037000499), INT64_C(3037000499), &result));
    assert_int_equal(result, INT64_C(9223372030926249001));
    assert_false(integer_multiply(INT64_C(3037000500), INT64_C(3037000500), &result));
    assert_false(integer_multiply(INT64_MIN, -1, &result));
    assert_int_equal(result, INT64_C(9223372030926249001));
    assert_true(integer_multiply(INT64_MIN, 1, &result));
    assert_int_equal(result, INT64_MIN);
    assert_true(integer_multiply(0, INT64_MIN, &result));
    assert_int_equal(result, 0);
    assert_true(integer_add(result, 5, &result)); /* the result may be an operand */
    assert_int_equal(result, 5);
}

static void test_half_up_rows(void **state)
{
    (void)state;
    static const struct {
        int64_t a, b, result;
    } rows[] = {
        {0, 1, 0},
        {1, 1, 1},
        {1, 2, 1},
        {1, 3, 0},
        {2, 3, 1},
        {3, 2, 2},
        {5, 2, 3},
        {4, 8, 1},
        {3, 8, 0},
        {49, 100, 0},
        {50, 100, 1},
        {149, 100, 1},
        {150, 100, 2},
        {INT64_MAX, 1, INT64_MAX},
        {INT64_MAX, INT64_MAX, 1},
        {INT64_MAX / 2, INT64_MAX, 0},
        {INT64_MAX / 2 + 1, INT64_MAX, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(half_up(rows[i].a, rows[i].b), rows[i].result);
    /* 7.25 % of the most a client may set, in basis points */
    assert_int_equal(half_up((__int128)MONEY_MAX * 725, BASIS_POINTS_ONE), 725000000);
}

/* 256-bit numbers as eight limbs, lowest first: enough to say the definition without a division. */
struct big {
    uint32_t limbs[8];
};

static struct big big_of(unsigned __int128 value)
{
    struct big big = {0};
    for (int i = 0; i < 4; i++)
        big.limbs[i] = (uint32_t)(value >> (32 * i));
    return big;
}

static struct big big_add(struct big a, struct big b)
{
    uint64_t carry = 0;
    for (int i = 0; i < 8; i++) {
        carry += (uint64_t)a.limbs[i] + b.limbs[i];
        a.limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
    return a;
}

static struct big big_multiply(struct big a, struct big b)
{
    struct big result = {0};
    for (int i = 0; i < 8; i++) {
        uint64_t carry = 0;
        for (int j = 0; i + j < 8; j++) {
            carry += (uint64_t)a.limbs[i] * b.limbs[j] + result.limbs[i + j];
            result.limbs[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        assert_int_equal(carry, 0);
    }
    return result;
}

static int big_compare(struct big a, struct big b)
{
    for (int i = 7; i >= 0; i--)
        if (a.limbs[i] != b.limbs[i]) return a.limbs[i] > b.limbs[i] ? 1 : -1;
    return 0;
}

/* r = floor((2a + b) / 2b) says: r * 2b <= 2a + b < (r + 1) * 2b */
static void assert_half_up(unsigned __int128 a, unsigned __int128 b)
{
    int64_t result = half_up((__int128)a, (__int128)b);
    assert_true(result >= 0);
    struct big twice_b = big_add(big_of(b), big_of(b));
    struct big left = big_multiply(big_of((uint64_t)result), twice_b);
    struct big middle = big_add(big_add(big_of(a), big_of(a)), big_of(b));
    struct big right = big_multiply(big_of((unsigned __int128)(uint64_t)result + 1), twice_b);
    assert_true(big_compare(left, middle) <= 0);
    assert_true(big_compare(middle, right) < 0);
}

static void test_half_up_against_big(void **state)
{
    (void)state;
    const unsigned __int128 most = ~(unsigned __int128)0 >> 1;
    uint64_t seed = 8;
    assert_half_up(most, most);
    assert_half_up(most - 1, most);
    assert_half_up(most / 2, most);
    assert_half_up(most / 2 + 1, most);
    assert_half_up(0, most);
    assert_half_up(((unsigned __int128)INT64_MAX) << 64, (unsigned __int128)1 << 64);
    int tried = 0;
    for (int i = 0; i < 300000; i++) {
        unsigned __int128 a = (unsigned __int128)random_next(&seed) << 64 | random_next(&seed);
        unsigned __int128 b = (unsigned __int128)random_next(&seed) << 64 | random_next(&seed);
        a >>= 1 + random_below(&seed, 127);
        b >>= 1 + random_below(&seed, 127);
        if (i % 3 == 0 && b) a = b * (random_next(&seed) >> 40) + b / 2; /* about a half */
        if (!b || a > most || a / b >= (unsigned __int128)INT64_MAX) continue;
        assert_half_up(a, b);
        tried++;
    }
    assert_true(tried > 100000);
}

static void test_money(void **state)
{
    (void)state;
    struct money absent = {0}, dollars = money_of(5, "USD"), euros = money_of(5, "EUR");
    assert_true(money_is_absent(absent));
    assert_false(money_is_absent(dollars));
    assert_false(money_is_absent(money_of(0, "USD")));
    assert_true(money_is_absent(money_of(7, "")));
    assert_true(money_same_currency(dollars, money_of(-9, "USD")));
    assert_false(money_same_currency(dollars, euros));
    assert_false(money_same_currency(dollars, absent));
    assert_true(money_same_currency(absent, absent));
    assert_false(money_same_currency(dollars, money_of(5, "USDT")));
    struct money again = money_of(5, "USD");
    assert_memory_equal(&dollars, &again, sizeof again);
    assert_string_equal(money_of(1, "SEVENXX").currency, "SEVENXX");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checked),
        cmocka_unit_test(test_half_up_rows),
        cmocka_unit_test(test_half_up_against_big),
        cmocka_unit_test(test_money),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
