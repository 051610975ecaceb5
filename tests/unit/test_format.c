/* What the short way writes is what printf writes, and what it cannot do it leaves. */
#include "base/format.h"
#include "base/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int simple(char *out, size_t room, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int simple(char *out, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = format_simple(out, room, format, arguments);
    va_end(arguments);
    return length;
}

#define SAME(...)                                                                       \
    do {                                                                                \
        char wanted[200], got[200];                                                     \
        int length = snprintf(wanted, sizeof wanted, __VA_ARGS__);                      \
        assert_int_equal(simple(got, sizeof got, __VA_ARGS__), length);                 \
        assert_memory_equal(got, wanted, (size_t)length);                               \
        assert_int_equal(simple(got, (size_t)length, __VA_ARGS__), length);             \
        if (length) assert_int_equal(simple(got, (size_t)length - 1, __VA_ARGS__), -1); \
    } while (0)

static void test_as_printf(void **state)
{
    (void)state;
    SAME("%s", "");
    SAME("plain");
    SAME("%s:%s", "sandbox", "1");
    SAME("%.*s|%.*s|%.*s", 3, "abcdef", 0, "abc", 9, "ab");
    SAME("100%% of %c", 'x');
    SAME("%d %d %d %d", 0, -1, INT32_MAX, (int)INT32_MIN);
    SAME("%u %u", 0u, UINT32_MAX);
    SAME("%lld %lld %llu", (long long)INT64_MIN, (long long)INT64_MAX, (unsigned long long)INT64_MAX);
    SAME("{\"path\":\"items[%u].quantity\",\"n\":%lld}", 17u, -5ll);
}

static void test_left_to_printf(void **state)
{
    (void)state;
    char out[64];
    const char *volatile none = NULL;
    assert_int_equal(simple(out, sizeof out, "%06lld", 5ll), -1);
    assert_int_equal(simple(out, sizeof out, "%02x", 5u), -1);
    assert_int_equal(simple(out, sizeof out, "%5s", "a"), -1);
    assert_int_equal(simple(out, sizeof out, "%zu", sizeof out), -1);
    assert_int_equal(simple(out, sizeof out, "%ld", 5l), -1);
    assert_int_equal(simple(out, sizeof out, "%llu", (unsigned long long)INT64_MAX + 1), -1);
    assert_int_equal(simple(out, sizeof out, "%.*s", -1, "abc"), -1);
    assert_int_equal(simple(out, sizeof out, "%s", none), -1);
    assert_int_equal(simple(out, 2, "%s", "abc"), -1);
}

/* Both ways, and a text that is longer than what is tried first. */
static void test_whole(void **state)
{
    (void)state;
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    struct arena *arena = arena_create();
    struct text text = arena_format(arena, "%s-%u", long_text, 7u);
    assert_int_equal(text.length, sizeof long_text - 1 + 2);
    assert_string_equal(text.data + sizeof long_text - 1, "-7");
    assert_string_equal(arena_format(arena, "ORD-%d-%06lld", 2026, 42ll).data, "ORD-2026-000042");
    assert_string_equal(arena_format(arena, "%s %.*s", "a", TEXT_ARGUMENTS(((struct text){0}))).data, "a ");
    struct buffer buffer = {0};
    for (int i = 0; i < 3; i++)
        buffer_format(&buffer, "%s%03d%s", i == 1 ? long_text : "<", i, ">");
    buffer_format(&buffer, "%s|%d", long_text, -3);
    assert_int_equal(buffer.length, 5 + sizeof long_text - 1 + 4 + 5 + sizeof long_text - 1 + 3);
    assert_memory_equal(buffer.data, "<000>xxx", 8);
    assert_memory_equal(buffer.data + buffer.length - 3, "|-3", 3);
    buffer_free(&buffer);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_printf), cmocka_unit_test(test_left_to_printf),
                                       cmocka_unit_test(test_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
