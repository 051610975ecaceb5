#include "base/id.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static struct id counting(uint8_t from)
{
    struct id id;
    for (int i = 0; i < 16; i++)
        id.bytes[i] = (uint8_t)(from + i);
    return id;
}

static void assert_id_is(struct id id, const char *expected)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    assert_string_equal(text, expected);
}

static void test_none(void **state)
{
    (void)state;
    struct id one = {.bytes = {[15] = 1}};
    assert_true(id_is_none(ID_NONE));
    assert_false(id_is_none(one));
    assert_true(id_equal(ID_NONE, ID_NONE));
    assert_false(id_equal(ID_NONE, one));
    assert_id_is(ID_NONE, "00000000-0000-0000-0000-000000000000");
}

static void test_text_form(void **state)
{
    (void)state;
    uint64_t seed = 5;
    assert_id_is(counting(0), "00010203-0405-0607-0809-0a0b0c0d0e0f");
    for (int i = 0; i < 1000; i++) {
        struct id id, back;
        char text[ID_TEXT_LENGTH + 1];
        for (int k = 0; k < 16; k++)
            id.bytes[k] = (uint8_t)random_next(&seed);
        id_format(id, text);
        assert_int_equal(strlen(text), ID_TEXT_LENGTH);
        assert_true(id_parse(text_of(text), &back));
        assert_true(id_equal(id, back));
        for (int k = 0; k < ID_TEXT_LENGTH; k++)
            text[k] = (char)toupper(text[k]);
        assert_true(id_parse(text_of(text), &back));
        assert_true(id_equal(id, back));
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char good[] = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    struct id id = counting(9);
    assert_false(id_parse((struct text){0}, &id));
    assert_false(id_parse(LITERAL(""), &id));
    assert_false(id_parse((struct text){good, ID_TEXT_LENGTH - 1}, &id));
    assert_false(id_parse((struct text){good, ID_TEXT_LENGTH + 1}, &id));
    assert_false(id_parse(LITERAL("000102030405-0607-0809-0a0b0c0d0e0f0"), &id));
    assert_false(id_parse(LITERAL("{0010203-0405-0607-0809-0a0b0c0d0e0}"), &id));
    for (size_t at = 0; at < ID_TEXT_LENGTH; at++)
        for (int byte = 0; byte < 256; byte++) {
            bool dash = good[at] == '-';
            bool allowed = dash ? byte == '-' : byte && isxdigit(byte);
            char text[ID_TEXT_LENGTH];
            memcpy(text, good, sizeof text);
            text[at] = (char)byte;
            struct id parsed = counting(9);
            assert_int_equal(id_parse((struct text){text, sizeof text}, &parsed), allowed);
            if (!allowed) assert_true(id_equal(parsed, id)); /* left as it was */
        }
}

static void test_v7(void **state)
{
    (void)state;
    const uint8_t all[8] = {255, 255, 255, 255, 255, 255, 255, 255}, none[8] = {0};
    assert_id_is(id_v7(0x0123456789AB, ID_ORDER_MAX, all), "01234567-89ab-7fff-bfff-ffffffffffff");
    assert_id_is(id_v7(0x0123456789AB, UINT32_MAX, all), "01234567-89ab-7fff-bfff-ffffffffffff");
    assert_id_is(id_v7(0x0123456789AB, 0x123, none), "01234567-89ab-7123-8000-000000000000");
    assert_id_is(id_v7(0x0123456789AB, 0, none), "01234567-89ab-7000-8000-000000000000");
    static const int64_t times[] = {0, 1, 255, 256, 1700000000000, INT64_C(253402300799999), (INT64_C(1) << 48) - 1};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        assert_int_equal(id_time_ms(id_v7(times[i], ID_ORDER_MAX, all)), times[i]);
        /* Whatever the order and the random bits, a later millisecond sorts later. */
        if (i) assert_true(id_compare(id_v7(times[i - 1], ID_ORDER_MAX, all), id_v7(times[i], 0, none)) < 0);
    }
    for (uint32_t order = 1; order <= ID_ORDER_MAX; order++) /* whatever the random bits, the next sorts later */
        assert_true(id_compare(id_v7(5, order - 1, all), id_v7(5, order, none)) < 0);
    assert_true(id_compare(id_v7(5, 0, none), id_v7(5, 0, all)) < 0);
    assert_int_equal(id_compare(id_v7(5, 0, all), id_v7(5, 0, all)), 0);
}

static void test_order_is_that_of_bytes_and_text(void **state)
{
    (void)state;
    uint64_t seed = 6;
    for (int i = 0; i < 1000; i++) {
        struct id a, b;
        char a_text[ID_TEXT_LENGTH + 1], b_text[ID_TEXT_LENGTH + 1];
        for (int k = 0; k < 16; k++)
            a.bytes[k] = (uint8_t)random_next(&seed);
        b = a;
        b.bytes[random_below(&seed, 16)] = (uint8_t)random_next(&seed);
        id_format(a, a_text);
        id_format(b, b_text);
        int order = id_compare(a, b), expected = strcmp(a_text, b_text);
        assert_int_equal((order > 0) - (order < 0), (expected > 0) - (expected < 0));
        assert_int_equal(order == 0, id_equal(a, b));
    }
}

/* Derived ids are on disk: these were computed by another implementation of BLAKE2b and must hold for ever. */
static void test_derived_stays_the_same(void **state)
{
    (void)state;
    struct id a = counting(0), b = counting(16);
    assert_id_is(id_derived("membership", a, b), "f1321318-ca4d-8c2c-8e25-0dd1f1235dd8");
    assert_id_is(id_derived_text("membership", a, (struct text){(const char *)b.bytes, 16}),
                 "791ab203-7ea5-84ce-bbac-0029df9ad082");
    assert_id_is(id_derived_text("email", a, LITERAL("ann@example.org")), "c744b924-746b-8723-81b2-455265cf4ad0");
    assert_id_is(id_derived_text("email", a, LITERAL("")), "415bcafc-3806-8158-bc90-b6aa48efbaa1");
    assert_id_is(id_derived_text("email", a, (struct text){0}), "415bcafc-3806-8158-bc90-b6aa48efbaa1");
}

static void test_derived_parts_matter(void **state)
{
    (void)state;
    struct id a = counting(0), b = counting(16);
    assert_false(id_equal(id_derived("like", a, b), id_derived("like", b, a)));
    assert_false(id_equal(id_derived("like", a, b), id_derived("vote", a, b)));
    assert_false(id_equal(id_derived_text("x", a, LITERAL("12")), id_derived_text("x", a, LITERAL("1"))));
    assert_true(id_equal(id_derived("like", a, b), id_derived("like", a, b)));
    struct id derived = id_derived("like", a, b);
    assert_int_equal(derived.bytes[6] >> 4, 8);
    assert_int_equal(derived.bytes[8] >> 6, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_text_form),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_v7),
        cmocka_unit_test(test_order_is_that_of_bytes_and_text),
        cmocka_unit_test(test_derived_stays_the_same),
        cmocka_unit_test(test_derived_parts_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
