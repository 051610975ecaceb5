#include "base/buffer.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static void assert_buffer_is(const struct buffer *buffer, const char *expected)
{
    if (!text_is(buffer_as_text(buffer), expected))
        fail_msg("%.*s is not %s", TEXT_ARGUMENTS(buffer_as_text(buffer)), expected);
}

static void test_grows(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct buffer own = {0}, lent = {.arena = arena};
    char model[3000];
    assert_true(text_is(buffer_as_text(&own), ""));
    for (size_t i = 0; i < sizeof model; i++) {
        model[i] = (char)(i * 7);
        buffer_byte(&own, model[i]);
        buffer_bytes(&lent, &model[i], 1);
    }
    buffer_bytes(&own, NULL, 0);
    buffer_text(&own, (struct text){0});
    buffer_string(&own, "");
    assert_int_equal(own.length, sizeof model);
    assert_memory_equal(own.data, model, sizeof model);
    assert_int_equal(lent.length, sizeof model);
    assert_memory_equal(lent.data, model, sizeof model);

    size_t capacity = own.capacity;
    buffer_clear(&own);
    assert_int_equal(own.length, 0);
    assert_int_equal(own.capacity, capacity);
    buffer_free(&own);
    assert_null(own.data);
    buffer_free(&own);
    buffer_free(&lent);
    assert_ptr_equal(lent.arena, arena);
    buffer_string(&lent, "again");
    assert_buffer_is(&lent, "again");
    arena_destroy(arena);
}

static void test_reserve(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_non_null(buffer_reserve(&buffer, 0));
    for (size_t more = 1; more < 5000; more = more * 3 + 1) {
        char *end = buffer_reserve(&buffer, more);
        assert_ptr_equal(end, buffer.data + buffer.length);
        assert_true(buffer.capacity - buffer.length >= more);
        memset(end, 'x', more);
        buffer.length += more;
    }
    for (size_t i = 0; i < buffer.length; i++)
        assert_int_equal(buffer.data[i], 'x');
    buffer_free(&buffer);
}

static void test_format(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    char model[20000];
    size_t length = 0;
    for (int i = 0; i < 400; i++) {
        buffer_format(&buffer, "%s:%0*d;", "x", i % 40, i);
        length += (size_t)snprintf(model + length, sizeof model - length, "%s:%0*d;", "x", i % 40, i);
    }
    assert_int_equal(buffer.length, length);
    assert_memory_equal(buffer.data, model, length);
    buffer_clear(&buffer);
    buffer_format(&buffer, "%s", "");
    assert_int_equal(buffer.length, 0);
    buffer_free(&buffer);
    buffer_format(&buffer, "%s", "");
    assert_buffer_is(&buffer, "");
    buffer_free(&buffer);
}

static void assert_integer(int64_t value)
{
    struct buffer buffer = {0};
    char expected[24];
    snprintf(expected, sizeof expected, "%" PRId64, value);
    buffer_integer(&buffer, value);
    assert_buffer_is(&buffer, expected);
    buffer_free(&buffer);
}

static void test_integer(void **state)
{
    (void)state;
    uint64_t seed = 2;
    assert_integer(INT64_MIN);
    assert_integer(INT64_MAX);
    for (int64_t i = -1100; i <= 1100; i++)
        assert_integer(i);
    for (int64_t power = 10; power < INT64_MAX / 10; power *= 10) {
        for (int64_t off = -1; off <= 1; off++) {
            assert_integer(power + off);
            assert_integer(-power + off);
        }
    }
    for (int i = 0; i < 20000; i++)
        assert_integer((int64_t)(random_next(&seed) >> random_below(&seed, 64)));
}

static void test_big_endian_sorts_as_numbers(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_big32(&buffer, 0x01020304);
    buffer_big64(&buffer, UINT64_C(0x0102030405060708));
    assert_int_equal(buffer.length, 12);
    assert_memory_equal(buffer.data, "\1\2\3\4\1\2\3\4\5\6\7\10", 12);
    buffer_free(&buffer);

    uint64_t seed = 3;
    for (int i = 0; i < 1000; i++) {
        uint64_t a = random_next(&seed) >> random_below(&seed, 64), b = random_next(&seed) >> random_below(&seed, 64);
        buffer_clear(&buffer);
        buffer_big64(&buffer, a);
        buffer_big64(&buffer, b);
        int order = memcmp(buffer.data, buffer.data + 8, 8);
        assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
    }
    buffer_free(&buffer);
}

static void assert_json(struct text text, const char *expected)
{
    struct buffer buffer = {0};
    buffer_json_text(&buffer, text);
    assert_buffer_is(&buffer, expected);
    buffer_free(&buffer);
}

static void test_json_escapes(void **state)
{
    (void)state;
    assert_json((struct text){0}, "null");
    assert_json(LITERAL(""), "\"\"");
    assert_json(LITERAL("plain"), "\"plain\"");
    assert_json(LITERAL("\"\\/"), "\"\\\"\\\\/\"");
    assert_json(LITERAL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    assert_json(LITERAL("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\x7f\"");
    assert_json(LITERAL("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
                "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"");
    assert_json(LITERAL("\xe2\x82\xac \xc3\xa9 \xf0\x9f\x99\x82"), "\"\xe2\x82\xac \xc3\xa9 \xf0\x9f\x99\x82\"");
    assert_json(LITERAL("\xe2"), "\"\xe2\""); /* a cut sequence is read no further */
    assert_json(LITERAL("\xe2\x80"), "\"\xe2\x80\"");
}

/* Byte by byte, as slow as can be. */
static size_t model_json(char *out, const char *data, size_t length)
{
    char *start = out;
    *out++ = '"';
    for (size_t i = 0; i < length; i++) {
        const char *named = strchr("\"\\\b\f\n\r\t", data[i]);
        if (data[i] && named) {
            *out++ = '\\';
            *out++ = "\"\\bfnrt"[named - strchr("\"\\\b\f\n\r\t", '"')];
        } else if ((unsigned char)data[i] < 0x20) {
            out += snprintf(out, 7, "\\u%04x", (unsigned)data[i]);
        } else if (length - i >= 3 && memcmp(data + i, "\xe2\x80\xa8", 3) == 0) {
            out += snprintf(out, 7, "\\u2028");
            i += 2;
        } else if (length - i >= 3 && memcmp(data + i, "\xe2\x80\xa9", 3) == 0) {
            out += snprintf(out, 7, "\\u2029");
            i += 2;
        } else {
            *out++ = data[i];
        }
    }
    *out++ = '"';
    return (size_t)(out - start);
}

static void test_json_against_model(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "xyz",
                                         "12345678",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\x1f",
                                         " ",
                                         "!",
                                         "#",
                                         "\x7f",
                                         "\xc3\xa9",
                                         "\xe2\x80\xa8",
                                         "\xe2\x80\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x99\x82",
                                         "a quite long plain run of letters"};
    uint64_t seed = 4;
    for (int round = 0; round < 20000; round++) {
        char source[2000], expected[12000];
        size_t length = 0;
        for (size_t i = random_below(&seed, round % 100 == 0 ? 50 : 12); i > 0; i--) {
            const char *piece = pieces[random_below(&seed, sizeof pieces / sizeof *pieces)];
            memcpy(source + length, piece, strlen(piece));
            length += strlen(piece);
        }
        char *exact = malloc(length + 1);
        memcpy(exact, source, length);
        struct buffer buffer = {0};
        buffer_json_text(&buffer, (struct text){exact, (uint32_t)length});
        size_t expected_length = model_json(expected, source, length);
        assert_int_equal(buffer.length, expected_length);
        assert_memory_equal(buffer.data, expected, expected_length);

        yyjson_doc *document = yyjson_read(buffer.data, buffer.length, 0);
        assert_non_null(document);
        yyjson_val *root = yyjson_doc_get_root(document);
        assert_int_equal(yyjson_get_len(root), length);
        assert_memory_equal(yyjson_get_str(root), source, length);
        yyjson_doc_free(document);
        buffer_free(&buffer);
        free(exact);
    }
}

/* Large enough that the buffer grows to exactly what was asked for: AddressSanitizer sees a byte too much. */
static void test_json_room(void **state)
{
    (void)state;
    for (uint32_t length = 600; length < 620; length++)
        for (uint32_t escaped = 1; escaped < 20; escaped++) {
            char source[620], expected[800];
            memset(source, 'x', length);
            memset(source + length - escaped, 1, escaped);
            struct buffer buffer = {0};
            buffer_json_text(&buffer, (struct text){source, length});
            size_t expected_length = model_json(expected, source, length);
            assert_int_equal(buffer.length, expected_length);
            assert_memory_equal(buffer.data, expected, expected_length);
            buffer_free(&buffer);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_integer),
        cmocka_unit_test(test_big_endian_sorts_as_numbers),
        cmocka_unit_test(test_json_escapes),
        cmocka_unit_test(test_json_against_model),
        cmocka_unit_test(test_json_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
