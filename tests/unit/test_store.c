/* What both stores promise, on disk and in memory: the same cases for each. Then what only the one in memory can do. */
#include "support/store_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define ASSERT_TEXT(found, expected) \
    assert_true(text_is(found, expected) || (print_error("%.*s\n", TEXT_ARGUMENTS(found)), false))

static int setup_on_disk(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int setup_in_memory(void **state)
{
    *state = fixture_create(false);
    return 0;
}

static int teardown(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* ---- the log ---- */

static void batches_become_durable_in_order(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 200; i++)
        fixture_append(fixture, 1 + i % 7);
    fixture_wait(fixture);
    assert_int_equal(fixture->durable, fixture->appended);
    assert_false(fixture->disordered);
    assert_true(fixture_log_is_good(fixture, fixture->appended));
}

static void log_has_nothing_before_and_beyond(void **state)
{
    struct fixture *fixture = *state;
    struct text head, body;
    fixture_append(fixture, 3);
    fixture_wait(fixture);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 0, fixture->arena, &head, &body), ABSENT);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 3, fixture->arena, &head, &body), FOUND);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 4, fixture->arena, &head, &body), ABSENT);
}

static void log_is_read_in_any_order(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 50);
    fixture_wait(fixture);
    for (uint64_t i = 0; i < 50; i++) {
        struct text head, body;
        uint64_t lsn = 1 + i * 17 % 50;
        assert_int_equal(fixture->store->calls->read_log(fixture->store, lsn, fixture->arena, &head, &body), FOUND);
        char expected[40];
        snprintf(expected, sizeof expected, "head of %llu", (unsigned long long)lsn);
        ASSERT_TEXT(head, expected);
    }
}

static void log_is_read_by_stretches(void **state)
{
    struct fixture *fixture = *state;
    const struct store_calls *calls = fixture->store->calls;
    fixture_append(fixture, 20);
    fixture_wait(fixture);
    const struct {
        uint64_t lsn;
        uint32_t most;
        size_t bytes;
        uint32_t count; /* 0: ABSENT */
    } rows[] = {
        {1, 20, 1 << 20, 20}, {1, 64, 1 << 20, 20}, {7, 5, 1 << 20, 5}, {20, 5, 1 << 20, 1}, {3, 1, 1 << 20, 1},
        {3, 9, 1, 1},         {2, 19, 1 << 20, 19}, {0, 5, 1 << 20, 0}, {21, 5, 1 << 20, 0}, {11, 2, 0, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct table_row found[64];
        uint32_t count = 99;
        enum found answer = calls->read_stretch(fixture->store, rows[i].lsn, rows[i].most, rows[i].bytes,
                                                fixture->arena, found, &count);
        assert_int_equal(answer, rows[i].count ? FOUND : ABSENT);
        if (count != rows[i].count) fail_msg("row %zu: %u records", i, count);
        for (uint32_t at = 0; at < count; at++) {
            struct buffer head = {.arena = fixture->arena}, body = {.arena = fixture->arena};
            record_make(rows[i].lsn + at, &head, &body);
            assert_true(text_equal(found[at].key, buffer_as_text(&head)));
            assert_true(text_equal(found[at].value, buffer_as_text(&body)));
        }
    }
}

static void a_restart_finds_log_and_position(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 9);
    fixture_wait(fixture);
    fixture_checkpoint(fixture, rows_of("a=9"));
    fixture_append(fixture, 4);
    fixture_wait(fixture);
    for (int i = 0; i < 3; i++) {
        fixture_reopen(fixture);
        assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 9);
        assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 13 + i);
        assert_true(fixture_log_is_good(fixture, fixture->appended));
        ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "9");
        fixture_append(fixture, 1);
        fixture_wait(fixture);
    }
}

/* ---- tables ---- */

/* Beside log and tables: a restart finds what was noted last, and no scan of the tables does. */
static void notes_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct text value;
    const struct store_calls *calls = fixture->store->calls;
    assert_int_equal(calls->noted(fixture->store, "one", fixture->arena, &value), ABSENT);
    assert_true(calls->note(fixture->store, "one", LITERAL("first")));
    assert_true(calls->note(fixture->store, "one", LITERAL("second")));
    assert_true(calls->note(fixture->store, "two", LITERAL("")));
    fixture_append(fixture, 1);
    fixture_wait(fixture);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(calls->noted(fixture->store, "one", fixture->arena, &value), FOUND);
        ASSERT_TEXT(value, "second");
        assert_int_equal(calls->noted(fixture->store, "two", fixture->arena, &value), FOUND);
        assert_int_equal(value.length, 0);
        ASSERT_TEXT(fixture_scan(fixture, "a", "z", false, 9, TIER_DISK), "");
        fixture_reopen(fixture);
    }
}

static void scans_keep_their_bounds(void **state)
{
    static const struct {
        const char *from, *to;
        bool reverse;
        uint32_t limit;
        const char *expected;
    } cases[] = {
        /*  from    to      reverse limit   rows */
        {"b", "d", false, 9, "b=1 b1=2 bb=3 c=4"},
        {"b", "d", true, 9, "c=4 bb=3 b1=2 b=1"},
        {"b", "d", false, 2, "b=1 b1=2"},
        {"b", "d", true, 2, "c=4 bb=3"},
        {"b1", "c", false, 9, "b1=2 bb=3"},
        {"b1", "c", true, 9, "bb=3 b1=2"},
        {"a", "b", false, 9, ""},
        {"a", "b", true, 9, ""},
        {"b0", "b1", true, 9, ""},
        {"b", "b", false, 9, ""},
        {"d", "b", false, 9, ""},
        {"d", "b", true, 9, ""},
        {"b", "d", false, 0, ""},
        {"ba", "z", false, 1, "bb=3"},
        {"a", "z", true, 1, "e=5"},
        {"c\xff", "z", false, 9, "e=5"},
    };
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("b=1 b1=2 bb=3 c=4 e=5"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int tier = TIER_DISK; tier >= TIER_MEMORY; tier--) /* the first read brings the blocks in */
            ASSERT_TEXT(
                fixture_scan(fixture, cases[i].from, cases[i].to, cases[i].reverse, cases[i].limit, (enum tier)tier),
                cases[i].expected);
}

static void tombstones_delete(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("a=1 b=2 c=3"));
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("-b -x c=4"));
    ASSERT_TEXT(fixture_scan(fixture, "a", "z", false, 9, TIER_DISK), "a=1 c=4");
    ASSERT_TEXT(fixture_get(fixture, "b", TIER_DISK), "ABSENT");
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("b=5 -a"));
    ASSERT_TEXT(fixture_scan(fixture, "a", "z", true, 9, TIER_DISK), "c=4 b=5");
    fixture_reopen(fixture);
    ASSERT_TEXT(fixture_scan(fixture, "a", "z", true, 9, TIER_DISK), "c=4 b=5");
}

static void empty_values_are_values(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("a= b=2"));
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "");
    ASSERT_TEXT(fixture_scan(fixture, "a", "c", false, 9, TIER_DISK), "a= b=2");
}

static void an_absent_key_needs_no_disk(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("ant=1 cat=2"));
    fixture_reopen(fixture);
    ASSERT_TEXT(fixture_get(fixture, "z", TIER_MEMORY), "ABSENT"); /* outside of every table's range */
    int absent = 0;
    for (int i = 0; i < 1000; i++) {
        char key[16];
        snprintf(key, sizeof key, "b%d", i);
        struct text found = fixture_get(fixture, key, TIER_MEMORY);
        assert_true(text_is(found, "ABSENT") || text_is(found, "MISS"));
        absent += text_is(found, "ABSENT");
    }
    assert_true(absent > 950); /* a filter of 10 bits a key errs once in a hundred */
}

static void a_cold_row_is_a_miss_and_never_absent(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("a=1 b=2"));
    fixture_reopen(fixture);
    struct text cold = fixture_get(fixture, "a", TIER_MEMORY);
    assert_true(text_is(cold, fixture->on_disk ? "MISS" : "1"));
    cold = fixture_scan(fixture, "a", "c", false, 9, TIER_MEMORY);
    assert_true(text_is(cold, fixture->on_disk ? "MISS" : "a=1 b=2"));
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "1");
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_MEMORY), "1");
    ASSERT_TEXT(fixture_scan(fixture, "a", "c", false, 9, TIER_MEMORY), "a=1 b=2");
}

static struct ordered *many_rows(uint32_t count, const char *value)
{
    struct ordered *map = ordered_create();
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "row%07u", i);
        ordered_set(map, text_of(key), text_of(value));
    }
    return map;
}

/* Many times the size of one write. */
static void a_large_checkpoint_is_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, many_rows(20000, "a value of some length, as a snapshot has it"));
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, many_rows(10000, "new"));
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 2);
    for (uint32_t i = 0; i < 20000; i += 97) {
        char key[16];
        snprintf(key, sizeof key, "row%07u", i);
        ASSERT_TEXT(fixture_get(fixture, key, TIER_DISK),
                    i < 10000 ? "new" : "a value of some length, as a snapshot has it");
        arena_reset(fixture->arena);
    }
}

static void checkpoints_follow_their_records(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 1; i <= 20; i++) {
        char row[16];
        snprintf(row, sizeof row, "a=%u", i);
        fixture_append(fixture, i);
        fixture_checkpoint(fixture, rows_of(row));
    }
    assert_int_equal(fixture->checkpointed, 20);
    assert_false(fixture->disordered);
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "20");
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 210);
}

static void an_empty_checkpoint_moves_the_position(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 5);
    fixture_checkpoint(fixture, ordered_create());
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 5);
}

static void figures_are_told(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 5);
    fixture_wait(fixture);
    fixture_checkpoint(fixture, rows_of("a=1"));
    struct buffer out = {.arena = fixture->arena};
    fixture->store->calls->metrics(fixture->store, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "\nsouk_store_records_total 5\n"));
    assert_non_null(strstr(out.data, "\nsouk_store_batches_total 1\n"));
    assert_non_null(strstr(out.data, "\nsouk_store_checkpoints_total 1\n"));
    assert_true(fixture->store->calls->free_bytes(fixture->store) > 0);
}

/* ---- in memory only ---- */

static void steps_come_one_by_one(void **state)
{
    struct fixture *fixture = *state;
    memory_store_set_stepped(fixture->store, true);
    fixture_append(fixture, 2);
    fixture_append(fixture, 3);
    struct ordered *frozen = rows_of("a=1");
    fixture->store->calls->checkpoint(fixture->store, frozen, 5);
    assert_int_equal(fixture->durable, 0);
    assert_true(memory_store_step(fixture->store));
    assert_int_equal(fixture->durable, 2);
    assert_true(memory_store_step(fixture->store));
    assert_int_equal(fixture->durable, 5);
    assert_int_equal(fixture->checkpointed, 0);
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "ABSENT");
    assert_true(memory_store_step(fixture->store));
    assert_int_equal(fixture->checkpointed, 1);
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "1");
    assert_false(memory_store_step(fixture->store));
    ordered_destroy(frozen);
}

static void a_crash_forgets_what_was_not_durable(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 2);
    fixture_checkpoint(fixture, rows_of("a=old"));
    memory_store_set_stepped(fixture->store, true);
    fixture_append(fixture, 1);
    fixture_append(fixture, 2);
    fixture_append(fixture, 3);
    memory_store_step(fixture->store);
    struct ordered *frozen = rows_of("a=new");
    fixture->store->calls->checkpoint(fixture->store, frozen, 3);
    ordered_destroy(frozen);

    memory_store_crash(fixture->store, 1); /* the batch of two was written, and nobody was told */
    assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 5);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 2);
    assert_int_equal(fixture->durable, 3);
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "old");
    assert_true(fixture_log_is_good(fixture, 5));
    fixture->appended = 5;
    fixture_append(fixture, 1);
    assert_true(memory_store_step(fixture->store));
    assert_int_equal(fixture->durable, 6);
}

static void misses_come_when_they_are_asked_for(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("a=1"));
    memory_store_miss_every(fixture->store, 3);
    for (int i = 1; i <= 9; i++)
        ASSERT_TEXT(fixture_get(fixture, "a", TIER_MEMORY), i % 3 ? "1" : "MISS");
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "1");
    memory_store_miss_every(fixture->store, 1);
    ASSERT_TEXT(fixture_scan(fixture, "a", "b", false, 9, TIER_MEMORY), "MISS");
}

static void the_nth_call_fails(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    fixture_checkpoint(fixture, rows_of("a=1"));
    uint64_t calls = memory_store_call_count(fixture->store);
    memory_store_fault_at(fixture->store, 2);
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "1");
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "DAMAGED");
    ASSERT_TEXT(fixture_get(fixture, "a", TIER_DISK), "1");
    assert_int_equal(memory_store_call_count(fixture->store), calls + 3);
    memory_store_fault_at(fixture->store, 1);
    ASSERT_TEXT(fixture_scan(fixture, "a", "b", false, 9, TIER_DISK), "DAMAGED");
}

static void a_failed_append_ends_all_writing(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 1);
    memory_store_fault_at(fixture->store, 2);
    fixture_append(fixture, 1);
    fixture_append(fixture, 1);
    fixture_append(fixture, 1);
    assert_int_equal(fixture->failed, 1);
    assert_int_equal(fixture->durable, 2);
    memory_store_crash(fixture->store, 9);
    assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 2);
    fixture->appended = 2;
    fixture_append(fixture, 1);
    assert_int_equal(fixture->durable, 3);
}

static void a_damaged_record_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct text head, body;
    fixture_append(fixture, 5);
    memory_store_damage_log(fixture->store, 2);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 2, fixture->arena, &head, &body), DAMAGED);
    struct table_row rows[9];
    uint32_t count;
    const struct store_calls *calls = fixture->store->calls;
    assert_int_equal(calls->read_stretch(fixture->store, 1, 9, 9999, fixture->arena, rows, &count), FOUND);
    assert_int_equal(count, 1); /* as far as it is whole */
    assert_int_equal(calls->read_stretch(fixture->store, 2, 9, 9999, fixture->arena, rows, &count), DAMAGED);
    assert_int_equal(count, 0);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 4, fixture->arena, &head, &body), FOUND);
}

#define ON_DISK(test)                                          \
    {                                                          \
        "on disk: " #test, test, setup_on_disk, teardown, NULL \
    }
#define IN_MEMORY(test)                                            \
    {                                                              \
        "in memory: " #test, test, setup_in_memory, teardown, NULL \
    }
#define BOTH(test) ON_DISK(test), IN_MEMORY(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(batches_become_durable_in_order),
        BOTH(log_has_nothing_before_and_beyond),
        BOTH(log_is_read_in_any_order),
        BOTH(log_is_read_by_stretches),
        BOTH(a_restart_finds_log_and_position),
        BOTH(notes_are_kept),
        BOTH(scans_keep_their_bounds),
        BOTH(tombstones_delete),
        BOTH(empty_values_are_values),
        BOTH(an_absent_key_needs_no_disk),
        BOTH(a_cold_row_is_a_miss_and_never_absent),
        BOTH(a_large_checkpoint_is_whole),
        BOTH(checkpoints_follow_their_records),
        BOTH(an_empty_checkpoint_moves_the_position),
        BOTH(figures_are_told),
        IN_MEMORY(steps_come_one_by_one),
        IN_MEMORY(a_crash_forgets_what_was_not_durable),
        IN_MEMORY(misses_come_when_they_are_asked_for),
        IN_MEMORY(the_nth_call_fails),
        IN_MEMORY(a_failed_append_ends_all_writing),
        IN_MEMORY(a_damaged_record_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
