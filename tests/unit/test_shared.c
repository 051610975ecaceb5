/* What the parts of a record share: the same values, in fewer bytes. */
#include "schema/shared.h"
#include "schema/codec.h"
#include "unit/schema_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 1000 };

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

static size_t length_alone(const struct sample *value)
{
    struct buffer out = {.arena = arena};
    schema_snapshot(&out, &sample_fields, value, PART_BOTH);
    return out.length;
}

/* Two values one after the other, as the parts of a record are. */
static void test_shared_round_trip(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 11};
    size_t alone = 0, together = 0;
    for (int i = 0; i < ROUNDS; i++) {
        sampler.arena = arena;
        struct sample *values[] = {sample_new(&sampler), sample_new(&sampler)};
        struct shared shared;
        struct buffer outs[2] = {{.arena = arena}, {.arena = arena}}, change = {.arena = arena};
        shared_begin(&shared, values[0]->created_at);
        values[1]->created_at = values[0]->created_at;
        for (int j = 0; j < 2; j++) {
            schema_snapshot_shared(&outs[j], &shared, &sample_fields, values[j], PART_BOTH);
            alone += length_alone(values[j]);
            together += outs[j].length;
        }
        bool differ = schema_diff_shared(&change, &shared, &sample_fields, values[0], values[1], PART_BOTH);
        for (int j = 0; j < 2; j++) {
            struct sample read = {0};
            assert_true(schema_restore_shared(arena, &shared, &sample_fields, buffer_as_text(&outs[j]), &read));
            assert_true(schema_equal(&sample_fields, values[j], &read));
            struct sample *led = schema_clone(&sample_fields, values[j], arena);
            if (differ)
                assert_true(schema_apply_shared(arena, &shared, &sample_fields, buffer_as_text(&change), led,
                                                j ? BACKWARDS : FORWARDS));
            assert_true(schema_equal(&sample_fields, values[!j], led));
        }
        struct buffer shown = {.arena = arena}, plain = {.arena = arena}, wanted = {.arena = arena};
        schema_diff_render_shared(&shown, &shared, &sample_fields, buffer_as_text(&change), ~0u);
        schema_diff(&plain, &sample_fields, values[0], values[1], PART_BOTH);
        schema_diff_render(&wanted, &sample_fields, buffer_as_text(&plain), ~0u);
        assert_true(text_equal(buffer_as_text(&shown), buffer_as_text(&wanted)));
        arena_reset(arena);
    }
    assert_true(together < alone);
}

static void test_shared_is_strict(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t length;
        bool restored;
    } rows[] = {
        {"\x81\x01\x00", 3, true},  /* the first id */
        {"\x81\x01\x01", 3, false}, /* there is no second */
        {"\x81\x01\xff", 3, false},
        {"\x81\x01\xc3", 3, false},
        {"\x81\x0b\x05", 3, true}, /* money in the shared currency */
        {"\x81\x0b\xcf\x80\0\0\0\0\0\0\0", 11, false},
        {"\x81\x0c\xc3", 3, true},  /* the record's time */
        {"\x81\x0c\xc2", 3, false}, /* false is no time */
        {"\x81\x08\xc3", 3, false}, /* nor is true a number */
        {"\x81\x0e\xc3", 3, false}, /* or a date */
        {"\x81\x0c", 2, false},
    };
    struct shared shared;
    shared_begin(&shared, 1000);
    assert_int_equal(shared_number(&shared, (struct id){{1}}), 0);
    assert_true(shared_currency(&shared, &(struct money){1, "EUR"}));
    assert_false(shared_currency(&shared, &(struct money){1, "USD"}));
    assert_false(shared_currency(&shared, &(struct money){1, ""}));
    assert_false(shared_currency(&shared, &(struct money){1, "EURO"}));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sample value = {0}, other = {0};
        char *exact = memory_alloc(rows[i].length); /* a read too far is a fault of the sanitizer */
        memcpy(exact, rows[i].bytes, rows[i].length);
        struct text bytes = {exact, (uint32_t)rows[i].length};
        if (schema_restore_shared(arena, &shared, &sample_fields, bytes, &value) != rows[i].restored)
            fail_msg("row %zu", i);
        assert_false(schema_restore(arena, &sample_fields, bytes, &other)); /* alone it says nothing */
        free(exact);
    }
}

static void test_shared_numbers(void **state)
{
    (void)state;
    struct shared shared;
    shared_begin(&shared, 1);
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < SHARED_IDS_ADDED; i++) /* of one slot, all of them */
            assert_int_equal(shared_number(&shared, (struct id){{1, (uint8_t)i}}), i);
    assert_int_equal(shared_number(&shared, (struct id){{2}}), SHARED_IDS_MOST);
    assert_int_equal(shared_number(&shared, (struct id){{1, 3}}), 3);
    while (shared.count < SHARED_IDS_MOST)
        assert_true(shared_append(&shared, (struct id){{1, 3}}));
    assert_false(shared_append(&shared, (struct id){{3}}));
    assert_int_equal(shared_number(&shared, (struct id){{1, 3}}), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared_round_trip),
                                       cmocka_unit_test(test_shared_is_strict), cmocka_unit_test(test_shared_numbers)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
