/* Compression of answers: what comes out can be opened, what is kept stays within its bounds. */
#include "net/gzip.h"
#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ROOM = 200 * 1000 };

/* Fills `out` with JSON that differs by `seed`. */
static struct text sample(char *out, uint32_t length, unsigned seed)
{
    uint32_t at = 0;
    for (; at < length; seed++)
        at += (uint32_t)snprintf(out + at, ROOM + 200 - at,
                                 "{\"id\":%u,\"name\":\"number %u\",\"tags\":[\"a\",\"b\"]},", seed, seed);
    return (struct text){out, length};
}

static void assert_opens(struct text packed, struct text expected)
{
    char *out = memory_alloc(expected.length + 1);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)packed.data,
                       .avail_in = packed.length,
                       .next_out = (Bytef *)out,
                       .avail_out = expected.length + 1};
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, expected.length);
    assert_memory_equal(out, expected.data, expected.length);
    inflateEnd(&stream);
    free(out);
}

static void test_packs(void **state)
{
    (void)state;
    char *bytes = memory_alloc(ROOM + 200);
    struct gzip *gzip = gzip_create(1 << 20);
    static const uint32_t lengths[] = {200, 1000, 1024, 32768, 65537, ROOM};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (int again = 0; again < 3; again++) {
            struct text plain = sample(bytes, lengths[i], 7), packed = gzip_pack(gzip, plain);
            assert_non_null(packed.data);
            assert_true(packed.length < plain.length / 8 * 7);
            assert_opens(packed, plain);
        }
    assert_int_equal(gzip_reused(gzip), 2 * sizeof lengths / sizeof lengths[0]);
    gzip_destroy(gzip);
    free(bytes);
}

static void test_leaves_what_gains_nothing(void **state)
{
    (void)state;
    uint64_t draw = 88172645463325252u;
    char bytes[4000];
    struct gzip *gzip = gzip_create(1 << 20);
    for (size_t i = 0; i < sizeof bytes; i++) {
        draw ^= draw << 13, draw ^= draw >> 7, draw ^= draw << 17;
        bytes[i] = (char)draw;
    }
    for (uint32_t length = 0; length <= sizeof bytes; length += 400)
        assert_null(gzip_pack(gzip, (struct text){bytes, length}).data);
    for (uint32_t length = 0; length < 16; length++)
        assert_null(gzip_pack(gzip, (struct text){"{\"success\":true}", length}).data);
    gzip_destroy(gzip);
}

static void test_forgets_what_nobody_asks_for(void **state)
{
    (void)state;
    char *bytes = memory_alloc(ROOM + 200);
    struct gzip *gzip = gzip_create(40 * 1000);
    struct text favourite = {0};
    char *own = memory_alloc(ROOM + 200);
    for (unsigned turn = 0; turn < 500; turn++) {
        struct text plain = sample(bytes, 2000 + turn % 100, turn * 1000);
        assert_opens(gzip_pack(gzip, plain), plain);
        favourite = sample(own, 1500, 1);
        assert_opens(gzip_pack(gzip, favourite), favourite);
    }
    assert_int_equal(gzip_reused(gzip), 499); /* what is asked for again and again stays, through all generations */
    struct text first = sample(bytes, 2000, 0);
    assert_opens(gzip_pack(gzip, first), first);
    assert_int_equal(gzip_reused(gzip), 499); /* what was asked for once is gone */
    struct text large = sample(bytes, ROOM, 3);
    assert_opens(gzip_pack(gzip, large), large); /* more than may be kept */
    assert_opens(gzip_pack(gzip, large), large);
    assert_int_equal(gzip_reused(gzip), 499);
    gzip_destroy(gzip);
    free(own);
    free(bytes);
}

static void test_types(void **state)
{
    (void)state;
    static const char *const good[] = {
        "application/json", "application/problem+json", "text/plain; version=0.0.4", "text/html",
        "text/csv",         "application/x-ndjson"};
    static const char *const bad[] = {"image/png", "application/octet-stream", "text/event-stream", "application/zip",
                                      ""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(gzip_is_for(text_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(gzip_is_for(text_of(bad[i])));
    assert_false(gzip_is_accepted((struct text){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packs),
        cmocka_unit_test(test_leaves_what_gains_nothing),
        cmocka_unit_test(test_forgets_what_nobody_asks_for),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
