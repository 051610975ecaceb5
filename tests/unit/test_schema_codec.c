#include "schema/codec.h"
#include "schema/pack.h"
#include "unit/schema_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 2000, CORRUPTIONS = 100000 };

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static struct text snapshot(const struct sample *value, enum part part)
{
    struct buffer out = {.arena = arena};
    schema_snapshot(&out, &sample_fields, value, part);
    return buffer_as_text(&out);
}

/* Absent when nothing differs. */
static struct text diff(const struct sample *before, const struct sample *after, enum part part)
{
    struct buffer out = {.arena = arena};
    buffer_string(&out, "kept");
    bool differs = schema_diff(&out, &sample_fields, before, after, part);
    assert_memory_equal(out.data, "kept", 4);
    assert_int_equal(differs, out.length > 4);
    return differs ? (struct text){out.data + 4, (uint32_t)out.length - 4} : (struct text){0};
}

static bool contains(struct text text, const char *mark)
{
    return memmem(text.data, text.length, mark, strlen(mark)) != NULL;
}

/* ---- Tokens ---- */

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *bytes;
        size_t length;
    } rows[] = {
        {0, "\x00", 1},
        {127, "\x7f", 1},
        {128, "\xcc\x80", 2},
        {255, "\xcc\xff", 2},
        {256, "\xcd\x01\x00", 3},
        {65536, "\xce\x00\x01\x00\x00", 5},
        {INT64_C(4294967296), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
        {INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
        {-1, "\xff", 1},
        {-32, "\xe0", 1},
        {-33, "\xd0\xdf", 2},
        {-128, "\xd0\x80", 2},
        {-129, "\xd1\xff\x7f", 3},
        {-32768, "\xd1\x80\x00", 3},
        {-32769, "\xd2\xff\xff\x7f\xff", 5},
        {INT32_MIN, "\xd2\x80\x00\x00\x00", 5},
        {INT64_C(-2147483649), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9},
        {INT64_C(-4294967297), "\xd3\xff\xff\xff\xfe\xff\xff\xff\xff", 9},
        {INT64_MIN, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out = {.arena = arena};
        pack_integer(&out, rows[i].value);
        assert_int_equal(out.length, rows[i].length);
        assert_memory_equal(out.data, rows[i].bytes, out.length);
    }
    uint64_t random = 1;
    for (int i = 0; i < 100000; i++) {
        int64_t value = (int64_t)(random_next(&random) >> random_below(&random, 64)), read;
        if (random_below(&random, 2)) value = -value;
        struct buffer out = {.arena = arena};
        pack_integer(&out, value);
        struct unpacker in = unpacker_of(buffer_as_text(&out));
        assert_true(unpack_integer(&in, &read));
        assert_int_equal(read, value);
        assert_int_equal(in.left, 0);
    }
}

static void test_heads(void **state)
{
    (void)state;
    for (uint32_t count = 0; count < 70000; count = count < 40 ? count + 1 : count * 2) {
        struct buffer closed = {.arena = arena}, known = {.arena = arena};
        size_t opened = pack_map_open(&closed);
        pack_map(&known, count);
        for (uint32_t i = 0; i < 2 * count; i++) {
            pack_integer(&closed, i);
            pack_integer(&known, i);
        }
        pack_map_close(&closed, opened, count);
        assert_true(text_equal(buffer_as_text(&closed), buffer_as_text(&known)));
        struct unpacker in = unpacker_of(buffer_as_text(&closed)), whole = in;
        uint32_t read;
        assert_true(unpack_map(&in, &read));
        assert_int_equal(read, count);
        assert_true(unpack_skip(&whole));
        assert_int_equal(whole.left, 0);
    }
    /* Counts that the bytes cannot hold, with those that overflow when doubled. */
    static const char *const claims[] = {"\xdd\xff\xff\xff\xff", "\xdf\x80\x00\x00\x01", "\xdf\x7f\xff\xff\xff",
                                         "\x93\x01\x02",         "\x82\x01\x02\x03",     "\xdc\x01"};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        struct text bytes = {claims[i], (uint32_t)(i < 3 ? 5 : strlen(claims[i]))};
        uint32_t count;
        struct unpacker in = unpacker_of(bytes), again = in, whole = in;
        assert_false(unpack_array(&in, &count));
        assert_false(unpack_map(&again, &count));
        assert_false(unpack_skip(&whole));
    }
}

/* ---- Copies ---- */

static void test_equal(void **state)
{
    (void)state;
    struct sample a = {0}, b = {0};
    assert_true(schema_equal(&sample_fields, &a, &b));
    a.title = LITERAL("");
    assert_false(schema_equal(&sample_fields, &a, &b));
    b.title = LITERAL("x");
    assert_false(schema_equal(&sample_fields, &a, &b));
    b.title.length = 0;
    assert_true(schema_equal(&sample_fields, &a, &b));
    a.price = money_of(5, "USD");
    b.price = money_of(5, "EUR");
    assert_false(schema_equal(&sample_fields, &a, &b));
    memcpy(b.price.currency, "USD\0zzz", 8);
    assert_true(schema_equal(&sample_fields, &a, &b));
    a.address.hint.pinned = true;
    assert_false(schema_equal(&sample_fields, &a, &b));
}

static void test_clones(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 2};
    for (int i = 0; i < ROUNDS; i++) {
        struct arena *source = arena_create();
        sampler.arena = source;
        struct sample *value = sample_new(&sampler);
        struct text before = snapshot(value, PART_BOTH);
        size_t size, size_again;
        enum { FRONT = 48 };
        char *block = schema_compact(&sample_fields, value, FRONT, &size), *piece = block + FRONT;
        assert_true(size >= sizeof *value);
        struct sample *clone = schema_clone(&sample_fields, value, arena);
        assert_true(schema_equal(&sample_fields, value, clone));
        assert_true(schema_equal(&sample_fields, value, piece));
        free(schema_compact(&sample_fields, clone, 0, &size_again));
        assert_int_equal(size, size_again);
        /* Both stand without the source; texts end with a zero inside the piece. */
        arena_destroy(source);
        assert_true(text_equal(snapshot(clone, PART_BOTH), before));
        const struct sample *compact = (const struct sample *)(const void *)piece;
        assert_true(text_equal(snapshot(compact, PART_BOTH), before));
        if (compact->title.data) {
            assert_true(compact->title.data > piece && compact->title.data + compact->title.length < piece + size);
            assert_int_equal(compact->title.data[compact->title.length], 0);
        }
        if (compact->lines.count) assert_int_equal((uintptr_t)compact->lines.at % 16, 0);
        free(block);
        arena_reset(arena);
    }
}

static void test_initial(void **state)
{
    (void)state;
    struct sample value = {0};
    schema_initialise(&sample_fields, &value);
    assert_int_equal(value.status, SAMPLE_DRAFT);
    assert_true(value.active);
    assert_int_equal(value.rank, 0);
    assert_true(value.address.main);
    assert_int_equal(value.address.hint.status, SAMPLE_DRAFT);
}

/* ---- Snapshots ---- */

/* These bytes are on disk: a change of them is a change of the format. */
static void test_golden(void **state)
{
    (void)state;
    struct sample_note notes[1] = {
        {.status = SAMPLE_OPEN, .pinned = true, .body = LITERAL("hi"), .signature = LITERAL("Ada"), .likes = -300}};
    struct text_pair pairs[2] = {{LITERAL("b"), LITERAL("1")}, {LITERAL("a"), {0}}};
    struct sample_line lines[2] = {{.sku = LITERAL("S-1"),
                                    .quantity = 200,
                                    .price = money_of(-1, "EUR"),
                                    .due_on = 20260131,
                                    .notes = {notes, 1},
                                    .options = {pairs, 2}}};
    struct sample value = {.lines = {lines, 2}, .email = LITERAL("ada@example.com"), .hash = LITERAL("\x00\xff")};
    static const char open_bytes[] = "\x82\x12\x92"
                                     "\x86\x02\xa3S-1\x04\xcc\xc8\x05\x92\xff\xa3"
                                     "EUR\x07\xce\x01\x35\x25\x23"
                                     "\x09\x91\x84\x02\x02\x03\xc3\x05\xa2hi\x09\xd1\xfe\xd4"
                                     "\x0b\x82\xa1"
                                     "b\xa1"
                                     "1\xa1"
                                     "a\xc0"
                                     "\x80"
                                     "\x20\xc4\x02\x00\xff";
    static const char personal_bytes[] = "\x82\x04\xaf"
                                         "ada@example.com\x12\x92\x81\x09\x91\x81\x06\xa3"
                                         "Ada\x80";
    struct text open = snapshot(&value, PART_OPEN), personal = snapshot(&value, PART_PERSONAL);
    assert_int_equal(open.length, sizeof open_bytes - 1);
    assert_memory_equal(open.data, open_bytes, open.length);
    assert_int_equal(personal.length, sizeof personal_bytes - 1);
    assert_memory_equal(personal.data, personal_bytes, personal.length);
    struct sample zero = {0};
    assert_true(text_is(snapshot(&zero, PART_BOTH), "\x80"));
}

static void test_snapshots(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 3};
    assert_true(schema_has_personal(&sample_fields));
    assert_true(schema_has_personal(&sample_line_fields));
    for (int i = 0; i < ROUNDS; i++) {
        sampler.arena = arena;
        struct sample *value = sample_new(&sampler);
        struct text both = snapshot(value, PART_BOTH), open = snapshot(value, PART_OPEN),
                    personal = snapshot(value, PART_PERSONAL);
        assert_false(contains(open, SAMPLE_PERSONAL_MARK));
        assert_false(contains(personal, SAMPLE_OPEN_MARK));

        struct sample whole = {0}, open_first = {0}, personal_first = {0};
        assert_true(schema_restore(arena, &sample_fields, both, &whole));
        assert_true(schema_equal(&sample_fields, value, &whole));
        assert_true(schema_restore(arena, &sample_fields, open, &open_first));
        assert_true(schema_restore(arena, &sample_fields, personal, &open_first));
        assert_true(schema_equal(&sample_fields, value, &open_first));
        assert_true(schema_restore(arena, &sample_fields, personal, &personal_first));
        assert_true(schema_restore(arena, &sample_fields, open, &personal_first));
        assert_true(schema_equal(&sample_fields, value, &personal_first));
        assert_true(text_equal(snapshot(&whole, PART_BOTH), both));
        assert_true(text_equal(snapshot(&personal_first, PART_BOTH), both));
        assert_true(text_equal(snapshot(&open_first, PART_PERSONAL), personal));
        arena_reset(arena);
    }
}

static void test_restore_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        bool restored;
    } rows[] = {
        {"\x80", 1, true},
        {"\x81\x02\xa1x", 4, true},
        {"\x82\x02\xa1x\xcd\x01\xf4\x91\x81\xa1k\xc3", 12, true}, /* tag 500 is unknown: [{"k": true}] is skipped */
        {"\x81\x00\xcb\0\0\0\0\0\0\0\0", 11, true},               /* so is tag 0, a float */
        {"", 0, false},
        {"\x80\x80", 2, false},               /* bytes left */
        {"\x82\x02\xa1x\x02\xa1y", 7, false}, /* a tag twice */
        {"\x82\x03\xa1x\x02\xa1y", 7, false}, /* tags that descend */
        {"\x81\xff\xa1x", 4, false},          /* a negative tag */
        {"\x81\xa1"
         "2\xa1x",
         5, false},                      /* a text as tag */
        {"\x81\x02\x05", 3, false},      /* an integer as text */
        {"\x81\x02\xc4\x01x", 5, false}, /* bytes as text */
        {"\x81\x02\xa9x", 4, false},     /* a text longer than what is left */
        {"\x81\x06\x04", 3, false},      /* an enum value that has no name */
        {"\x81\x06\xff", 3, false},
        {"\x81\x07\x01", 3, false},                      /* an integer as bool */
        {"\x81\x08\xcf\x80\0\0\0\0\0\0\0", 11, false},   /* 2^63 */
        {"\x81\x08\xcb\x3f\xf0\0\0\0\0\0\0", 11, false}, /* 1.0 */
        {"\x81\x0b\x93\x01\xa3"
         "EUR\xc0",
         9, false}, /* money of three */
        {"\x81\x0b\x92\x01\xa8"
         "EUROEURO",
         12, false},                                   /* a currency that does not fit */
        {"\x81\x0e\xcf\0\0\0\x01\0\0\0\0", 11, false}, /* a date of 33 bits */
        {"\x81\x01\xc4\x0f"
         "123456789012345",
         19, false},                                /* an id of 15 bytes */
        {"\x81\x11\x90", 3, false},                 /* a list as struct */
        {"\x81\x12\x80", 3, false},                 /* a struct as list */
        {"\x81\x12\xdd\x00\xff\xff\xff", 7, false}, /* a count that the bytes cannot hold */
        {"\x81\x1d\xdf\x00\xff\xff\xff", 7, false},
        {"\x81\x14\xdd\xff\xff\xff\xff", 7, false},
        {"\xde\x00", 2, false},
        {"\xc1", 1, false}, /* not MessagePack */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample value = {0};
        char *exact = memory_alloc(rows[i].length); /* a read too far is a fault of the sanitizer */
        memcpy(exact, rows[i].bytes, rows[i].length);
        bool restored = schema_restore(arena, &sample_fields, (struct text){exact, (uint32_t)rows[i].length}, &value);
        if (restored != rows[i].restored) print_message("row %zu\n", i);
        assert_int_equal(restored, rows[i].restored);
        free(exact);
    }
    /* Parts that do not belong together: two lines, then three. */
    struct sample value = {0};
    assert_true(schema_restore(arena, &sample_fields, LITERAL("\x81\x12\x92\x80\x80"), &value));
    assert_int_equal(value.lines.count, 2);
    assert_false(schema_restore(arena, &sample_fields, LITERAL("\x81\x12\x93\x80\x80\x80"), &value));
    assert_false(schema_restore(arena, &sample_fields, (struct text){0}, &value));
}

/* ---- Diffs ---- */

static void test_golden_diff(void **state)
{
    (void)state;
    struct sample_line old_lines[2] = {{.sku = LITERAL("a"), .quantity = 1, .gift_message = LITERAL("p")},
                                       {.sku = LITERAL("b")}};
    struct sample_line new_lines[1] = {{.sku = LITERAL("a"), .quantity = 2, .gift_message = LITERAL("q")}};
    struct sample before = {.title = LITERAL("t"), .lines = {old_lines, 2}, .active = true};
    struct sample after = {.title = LITERAL("u"), .lines = {new_lines, 1}, .depot.main = true};
    static const char open_bytes[] = "\x84\x02\x92\xa1t\xa1u"
                                     "\x07\x92\xc3\xc0"
                                     "\x11\x81\x04\x92\xc0\xc3"
                                     "\x12\x93\x02\x01\x82\x00\x81\x04\x92\x01\x02"
                                     "\x01\x81\x02\x92\xa1"
                                     "b\xc0";
    static const char personal_bytes[] = "\x81\x12\x93\x02\x01\x82\x00\x81\x03\x92\xa1p\xa1q\x01\x80";
    struct text open = diff(&before, &after, PART_OPEN), personal = diff(&before, &after, PART_PERSONAL);
    assert_int_equal(open.length, sizeof open_bytes - 1);
    assert_memory_equal(open.data, open_bytes, open.length);
    assert_int_equal(personal.length, sizeof personal_bytes - 1);
    assert_memory_equal(personal.data, personal_bytes, personal.length);
    assert_null(diff(&before, &before, PART_BOTH).data);
    struct sample *clone = schema_clone(&sample_fields, &before, arena);
    assert_null(diff(&before, clone, PART_BOTH).data);
}

/* Applies up to two diffs to a shallow copy; what the copy shares with the value stays as it was. */
static void expect_applied(const struct sample *from, struct text first, struct text second, enum direction direction,
                           const struct sample *to)
{
    struct text untouched = snapshot(from, PART_BOTH);
    struct sample value = *from;
    if (first.data) assert_true(schema_apply(arena, &sample_fields, first, &value, direction));
    if (second.data) assert_true(schema_apply(arena, &sample_fields, second, &value, direction));
    assert_true(schema_equal(&sample_fields, &value, to));
    assert_true(text_equal(snapshot(&value, PART_BOTH), snapshot(to, PART_BOTH)));
    assert_true(text_equal(snapshot(from, PART_BOTH), untouched));
}

static void test_diffs(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 4};
    struct text none = {0};
    for (int i = 0; i < ROUNDS; i++) {
        sampler.arena = arena;
        struct sample zero = {0};
        struct sample *before = i % 10 ? sample_new(&sampler) : &zero, *after;
        if (i % 3) {
            after = schema_clone(&sample_fields, before, arena);
            sample_change(&sampler, &sample_fields, after, false);
        } else
            after = sample_new(&sampler);
        struct text both = diff(before, after, PART_BOTH), open = diff(before, after, PART_OPEN),
                    personal = diff(before, after, PART_PERSONAL);
        assert_int_equal(both.data != NULL, !schema_equal(&sample_fields, before, after));
        if (open.data) assert_false(contains(open, SAMPLE_PERSONAL_MARK));
        if (personal.data) assert_false(contains(personal, SAMPLE_OPEN_MARK));
        expect_applied(before, both, none, FORWARDS, after);
        expect_applied(after, both, none, BACKWARDS, before);
        expect_applied(before, open, personal, FORWARDS, after);
        expect_applied(before, personal, open, FORWARDS, after);
        expect_applied(after, open, personal, BACKWARDS, before);
        expect_applied(after, personal, open, BACKWARDS, before);
        if (before == &zero) assert_true(text_equal(both, diff(NULL, after, PART_BOTH)));
        arena_reset(arena);
    }
}

static void test_apply_is_strict(void **state)
{
    (void)state;
    struct sample_line lines[2] = {{.quantity = 1}, {.quantity = 2}};
    static const struct {
        const char *bytes;
        size_t length;
        bool applied;
    } rows[] = {
        {"\x80", 1, true},
        {"\x81\x02\x92\xc0\xa1x", 6, true},
        {"\x81\x02\x91\xc0", 4, false},
        {"\x81\x02\x93\xc0\xc0\xc0", 6, false},
        {"\x81\x02\x92\xc0\x01", 5, false},
        {"\x81\x12\x93\x02\x02\x81\x01\x80", 8, true},
        {"\x81\x12\x93\x02\x02\x81\x02\x80", 8, false}, /* an element that neither side has */
        {"\x81\x12\x93\x03\x03\x80", 6, false},         /* another count */
        {"\x81\x12\x93\x02\x03\x80", 6, false},         /* the new element is not listed */
        {"\x81\x12\x93\x02\x03\x81\x02\x80", 8, true},
        {"\x81\x12\x93\x02\xce\xff\xff\xff\xff\x81\x02\x80", 12, false},
        {"\x81\x12\x93\x02\x00\x82\x00\x80\x01\x80", 10, true},
        {"\x81\x12\x93\x02\x01\x82\x01\x80\x00\x80", 10, false}, /* indexes that descend */
        {"\x81\x12\x93\xff\x02\x80", 6, false},
        {"\x81\xcd\x01\xf4\xc0", 5, true}, /* an unknown tag */
        {"\x81\x02\x92\xc0\xa1x\xc0", 7, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample value = {.lines = {lines, 2}};
        char *exact = memory_alloc(rows[i].length);
        memcpy(exact, rows[i].bytes, rows[i].length);
        bool applied =
            schema_apply(arena, &sample_fields, (struct text){exact, (uint32_t)rows[i].length}, &value, FORWARDS);
        if (applied != rows[i].applied) print_message("row %zu\n", i);
        assert_int_equal(applied, rows[i].applied);
        free(exact);
    }
}

static void expect_rendered(struct text bytes, uint32_t relations, const char *json)
{
    struct buffer out = {.arena = arena};
    schema_diff_render(&out, &sample_fields, bytes, relations);
    if (!text_is(buffer_as_text(&out), json)) print_message("%.*s\n", (int)out.length, out.data);
    assert_true(text_is(buffer_as_text(&out), json));
}

static void test_diff_render(void **state)
{
    (void)state;
    struct sample_note notes[1] = {{.body = LITERAL("n"), .likes = 7}};
    struct sample_line old_lines[1] = {{.quantity = 1}},
                       new_lines[2] = {{.quantity = 2}, {.sku = LITERAL("x\"y"), .notes = {notes, 1}}};
    struct text tags[2] = {LITERAL("a"), LITERAL("b")};
    struct sample before = {.lines = {old_lines, 1}, .card = LITERAL("4242424242424242"), .visits = 3};
    struct sample after = {.lines = {new_lines, 2},
                           .email = LITERAL("a@b.cd"),
                           .tags = {tags, 2},
                           .password = LITERAL("hunter22"),
                           .price = money_of(5, "USD"),
                           .depot.hint.body = LITERAL("ring")};
    struct text bytes = diff(&before, &after, PART_BOTH);
    expect_rendered(
        bytes, 0,
        "[{\"field\":\"card\",\"old\":\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"
        "4242\",\"new\":null},"
        "{\"field\":\"price\",\"old\":null,\"new\":{\"amount\":5,\"currency\":\"USD\"}},{\"field\":\"lines[0].quantity\",\"old\":1,\"new\":2},"
        "{\"field\":\"lines[1].sku\",\"old\":null,\"new\":\"x\\\"y\"},{\"field\":\"lines[1].notes[0].body\",\"old\":null,\"new\":\"n\"},"
        "{\"field\":\"tags\",\"old\":[],\"new\":[\"a\",\"b\"]}]");
    struct sample seen = {.email = LITERAL("a@b.cd"), .visits = 4, .depot.hint.body = LITERAL("ring")};
    struct sample zero = {0};
    bytes = diff(&zero, &seen, PART_BOTH);
    expect_rendered(
        bytes, SEEN_BY_OWNER,
        "[{\"field\":\"email\",\"old\":null,\"new\":\"a@b.cd\"},{\"field\":\"depot.hint.body\",\"old\":null,\"new\":\"ring\"}]");
    expect_rendered(bytes, SEEN_BY_STAFF, "[{\"field\":\"visits\",\"old\":null,\"new\":4}]");
    expect_rendered(LITERAL("\x82\x02\x92\xc0\xa1x\x03\x92"), 0, "[{\"field\":\"title\",\"old\":null,\"new\":\"x\"}]");
    expect_rendered((struct text){0}, 0, "[]");
}

/* ---- Damage ---- */

static struct text corrupted(uint64_t *random, struct text bytes)
{
    size_t length = bytes.length;
    char *damaged = arena_alloc(arena, length + 8);
    memcpy(damaged, bytes.data, length);
    for (size_t i = 1 + random_below(random, 4); i; i--) {
        size_t at = length ? random_below(random, length) : 0;
        switch (random_below(random, 6)) {
        case 0:
            if (length) damaged[at] ^= (char)(1 << random_below(random, 8));
            break;
        case 1:
            if (length) damaged[at] = (char)random_next(random);
            break;
        case 2: length = at; break;
        case 3:
            if (length < bytes.length + 8) {
                memmove(damaged + at + 1, damaged + at, length - at);
                damaged[at] = (char)random_next(random);
                length++;
            }
            break;
        case 4:
            if (length) memmove(damaged + at, damaged + at + 1, --length - at);
            break;
        default: /* a head that claims much */
            if (length) damaged[at] = (char)(0xd9 + random_below(random, 7));
            if (at + 1 < length) damaged[at + 1] = (char)random_below(random, 2);
            break;
        }
    }
    return (struct text){damaged, (uint32_t)length};
}

static void test_damage(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 5};
    struct arena *decoded = arena_create();
    uint32_t accepted = 0;
    for (int i = 0; i < CORRUPTIONS;) {
        arena_reset(arena);
        sampler.arena = arena;
        struct sample *value = sample_new(&sampler), *other = schema_clone(&sample_fields, value, arena);
        sample_change(&sampler, &sample_fields, other, false);
        enum part part = (enum part)(1 + random_below(&sampler.state, 3));
        struct text whole = snapshot(value, part), change = diff(value, other, part);
        for (int k = 0; k < 50; k++, i++) {
            arena_reset(decoded);
            struct text bytes = corrupted(&sampler.state, i % 2 && change.data ? change : whole);
            /* A copy of exactly this size, so that a read beyond it is seen. */
            char *exact = malloc(bytes.length ? bytes.length : 1);
            memcpy(exact, bytes.data, bytes.length);
            bytes.data = exact;
            struct sample restored = {0}, applied = *value;
            if (schema_restore(decoded, &sample_fields, bytes, &restored)) {
                snapshot(&restored, PART_BOTH);
                accepted++;
            }
            size_t used = arena_used(decoded);
            if (schema_apply(decoded, &sample_fields, bytes, &applied, i % 4 < 2 ? FORWARDS : BACKWARDS))
                snapshot(&applied, PART_BOTH);
            assert_true(used <= 4096 + 2 * sizeof(struct sample_line) * bytes.length);
            assert_true(arena_used(decoded) - used <= 4096 + 2 * sizeof(struct sample_line) * (bytes.length + 100));
            struct buffer out = {.arena = decoded};
            schema_diff_render(&out, &sample_fields, bytes, SEEN_BY_OWNER);
            free(exact);
        }
    }
    assert_true(accepted > 1000);
    arena_destroy(decoded);
}

static void test_noise(void **state)
{
    (void)state;
    uint64_t random = 6;
    for (int i = 0; i < CORRUPTIONS; i++) {
        size_t length = random_below(&random, 40);
        char *bytes = malloc(length ? length : 1);
        for (size_t k = 0; k < length; k++)
            bytes[k] = (char)(random_below(&random, 3) ? random_next(&random) : 0x80 + random_below(&random, 0x22));
        struct sample value = {0};
        struct text noise = {bytes, (uint32_t)length};
        schema_restore(arena, &sample_fields, noise, &value);
        schema_apply(arena, &sample_fields, noise, &value, FORWARDS);
        struct unpacker in = unpacker_of(noise);
        while (unpack_skip(&in))
            continue;
        free(bytes);
        arena_reset(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_equal),           cmocka_unit_test(test_clones),
        cmocka_unit_test(test_initial),         cmocka_unit_test(test_golden),
        cmocka_unit_test(test_snapshots),       cmocka_unit_test(test_restore_is_strict),
        cmocka_unit_test(test_golden_diff),     cmocka_unit_test(test_diffs),
        cmocka_unit_test(test_apply_is_strict), cmocka_unit_test(test_diff_render),
        cmocka_unit_test(test_damage),          cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
