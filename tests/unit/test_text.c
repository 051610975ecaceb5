#include "base/text.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const struct text absent;

static void test_absent_is_not_empty(void **state)
{
    (void)state;
    assert_true(text_equal(absent, absent));
    assert_true(text_equal(LITERAL(""), LITERAL("")));
    assert_false(text_equal(absent, LITERAL("")));
    assert_false(text_equal(LITERAL(""), absent));
    assert_false(text_is(absent, ""));
    assert_true(text_is(LITERAL(""), ""));
    assert_false(text_starts_with(absent, ""));
    assert_true(text_starts_with(LITERAL(""), ""));
    assert_null(text_of(NULL).data);
    assert_int_equal(text_of("abc").length, 3);
    assert_null(text_trim(absent).data);
    assert_null(text_prefix(absent, 3).data);
    assert_int_equal(text_code_points(absent), 0);
    assert_true(text_is_utf8(absent));
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(text_is(LITERAL("souk"), "souk"));
    assert_false(text_is(LITERAL("souk"), "soul"));
    assert_false(text_is(LITERAL("souk"), "souks"));
    assert_false(text_is(LITERAL("souks"), "souk"));
    assert_false(text_is(LITERAL("a\0b"), "a"));
    assert_true(text_equal(LITERAL("a\0b"), LITERAL("a\0b")));
    assert_false(text_equal(LITERAL("a\0b"), LITERAL("a\0c")));
    assert_true(text_starts_with(LITERAL("souk"), "so"));
    assert_true(text_starts_with(LITERAL("souk"), "souk"));
    assert_false(text_starts_with(LITERAL("sou"), "souk"));
    assert_false(text_starts_with(LITERAL("bazaar"), "so"));
}

static void test_compare(void **state)
{
    (void)state;
    const struct text ascending[] = {{0},           LITERAL(""),  LITERAL("\0"),   LITERAL("A"),    LITERAL("a"),
                                     LITERAL("aa"), LITERAL("b"), LITERAL("\x7f"), LITERAL("\x80"), LITERAL("\xff")};
    int count = sizeof ascending / sizeof *ascending;
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            int order = text_compare(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
            assert_int_equal(order == 0, text_equal(ascending[i], ascending[j]));
        }
}

static void test_trim(void **state)
{
    (void)state;
    assert_true(text_is(text_trim(LITERAL("  a b\t\r\n\v\f")), "a b"));
    assert_true(text_is(text_trim(LITERAL("a")), "a"));
    assert_true(text_is(text_trim(LITERAL(" \t\n")), ""));
    assert_true(text_is(text_trim(LITERAL("")), ""));
    assert_true(text_is(text_trim(LITERAL("\xc2\xa0")), "\xc2\xa0"));
    assert_true(text_equal(text_trim(LITERAL(" \0 ")), LITERAL("\0")));
}

static void test_split(void **state)
{
    (void)state;
    struct text rest = LITERAL("a,,b,");
    assert_true(text_is(text_split(&rest, ','), "a"));
    assert_true(text_is(text_split(&rest, ','), ""));
    assert_true(text_is(text_split(&rest, ','), "b"));
    assert_true(text_is(rest, "")); /* there was a separator: an empty rest, not an absent one */
    assert_true(text_is(text_split(&rest, ','), ""));
    assert_null(rest.data);
    assert_null(text_split(&rest, ',').data);
    assert_null(rest.data);
    rest = LITERAL("whole");
    assert_true(text_is(text_split(&rest, ','), "whole"));
    assert_null(rest.data);
}

static void test_to_integer(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"007", 7},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"00000000000000000000000000001", 1},
    };
    static const char *const bad[] = {
        "",
        "-",
        "--1",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "1e3",
        "0x10",
        "9223372036854775808",
        "-9223372036854775809",
        "92233720368547758070",
        "99999999999999999999",
        "1-",
        "\xd9\xa1",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = 1;
        assert_true(text_to_integer(text_of(good[i].text), &value));
        assert_int_equal(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value = 42;
        assert_false(text_to_integer(text_of(bad[i]), &value));
        assert_int_equal(value, 42);
    }
    int64_t value;
    assert_false(text_to_integer(absent, &value));
    assert_false(text_to_integer(LITERAL("1\0"), &value));
}

/* An independent reading of RFC 3629: decode by the bit patterns, then ask whether it was the shortest form of a scalar. */
static bool model_is_utf8(const uint8_t *at, size_t length)
{
    for (size_t i = 0; i < length;) {
        uint32_t value, more, least;
        if (at[i] < 0x80)
            value = at[i], more = 0, least = 0;
        else if ((at[i] & 0xE0) == 0xC0)
            value = at[i] & 0x1F, more = 1, least = 0x80;
        else if ((at[i] & 0xF0) == 0xE0)
            value = at[i] & 0x0F, more = 2, least = 0x800;
        else if ((at[i] & 0xF8) == 0xF0)
            value = at[i] & 0x07, more = 3, least = 0x10000;
        else
            return false;
        if (more >= length - i) return false;
        for (uint32_t k = 1; k <= more; k++) {
            if ((at[i + k] & 0xC0) != 0x80) return false;
            value = value << 6 | (at[i + k] & 0x3F);
        }
        if (value < least || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
        i += more + 1;
    }
    return true;
}

static void check_against_model(const uint8_t *bytes, size_t length)
{
    struct text text = {(const char *)bytes, (uint32_t)length};
    if (text_is_utf8(text) != model_is_utf8(bytes, length)) {
        for (size_t i = 0; i < length; i++)
            print_error("%02x ", bytes[i]);
        fail_msg("the model does not agree");
    }
}

static void test_utf8_every_short_sequence(void **state)
{
    (void)state;
    for (uint32_t all = 0; all < 1u << 24; all++) {
        uint8_t bytes[3] = {(uint8_t)(all >> 16), (uint8_t)(all >> 8), (uint8_t)all};
        if (bytes[0] < 0x80 && bytes[1] < 0x80) continue;
        check_against_model(bytes, 3);
        if (bytes[2] == 0) check_against_model(bytes, 2);
        if (bytes[1] == 0 && bytes[2] == 0) check_against_model(bytes, 1);
    }
    for (uint32_t first = 0xEF; first <= 0xF6; first++)
        for (uint32_t second = 0x70; second <= 0xC8; second++)
            for (uint32_t low = 0; low < 1u << 12; low++) {
                uint8_t bytes[4] = {(uint8_t)first, (uint8_t)second, (uint8_t)(0x60 + (low >> 6) * 2),
                                    (uint8_t)(0x60 + (low & 63) * 2)};
                check_against_model(bytes, 4);
            }
}

static void test_utf8_every_place(void **state)
{
    (void)state;
    /* Heap blocks of the exact size, so that AddressSanitizer sees a read past the end. */
    static const char *const parts[] = {"\xff",     "\x80",         "\xc3\xa9",         "\xc3",        "\xe2\x82\xac",
                                        "\xe2\x82", "\xed\xa0\x80", "\xf0\x9f\x99\x82", "\xf0\x9f\x99"};
    for (size_t p = 0; p < sizeof parts / sizeof *parts; p++)
        for (size_t length = strlen(parts[p]); length < 40; length++)
            for (size_t at = 0; at + strlen(parts[p]) <= length; at++) {
                uint8_t *bytes = malloc(length);
                memset(bytes, 'x', length);
                memcpy(bytes + at, parts[p], strlen(parts[p]));
                check_against_model(bytes, length);
                free(bytes);
            }
}

static void test_code_points_and_prefix(void **state)
{
    (void)state;
    struct text text = LITERAL("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82z");
    static const uint32_t lengths[] = {0, 1, 3, 6, 10, 11, 11};
    assert_int_equal(text_code_points(text), 5);
    for (uint32_t count = 0; count < 7; count++) {
        struct text prefix = text_prefix(text, count);
        assert_int_equal(prefix.length, lengths[count]);
        assert_ptr_equal(prefix.data, text.data);
        assert_true(text_is_utf8(prefix));
        assert_int_equal(text_code_points(prefix), count < 5 ? count : 5);
    }
    assert_int_equal(text_prefix(text, UINT32_MAX).length, 11);
    assert_int_equal(text_prefix(LITERAL(""), 0).length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_is_not_empty),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_to_integer),
        cmocka_unit_test(test_utf8_every_short_sequence),
        cmocka_unit_test(test_utf8_every_place),
        cmocka_unit_test(test_code_points_and_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
