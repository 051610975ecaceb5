/* The store's threads at once: one appends and asks for checkpoints, others read log and tables and take a backup. Small,
   because it also runs under ThreadSanitizer. */
#include "support/store_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { BATCHES = 200, READERS = 2 };

struct reader {
    struct fixture *fixture;
    pthread_t thread;
    atomic_bool *stop;
    uint64_t seen, wrong;
};

static uint64_t durable_now(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    uint64_t durable = fixture->durable;
    pthread_mutex_unlock(&fixture->mutex);
    return durable;
}

/* What was acknowledged can be read at once, and is what was written. */
static void *read_log_and_tables(void *context)
{
    struct reader *reader = context;
    const struct store_calls *calls = reader->fixture->store->calls;
    struct arena *arena = arena_create();
    struct buffer head = {0}, body = {0};
    while (!atomic_load(reader->stop)) {
        uint64_t lsn = durable_now(reader->fixture);
        struct text found_head, found_body, value;
        struct table_row rows[4];
        uint32_t count;
        arena_reset(arena);
        if (!lsn) continue;
        record_make(lsn, &head, &body);
        bool good = calls->read_log(reader->fixture->store, lsn, arena, &found_head, &found_body) == FOUND &&
                    text_equal(found_head, buffer_as_text(&head)) && text_equal(found_body, buffer_as_text(&body));
        enum found found = calls->get(reader->fixture->store, LITERAL("a"), TIER_MEMORY, arena, &value);
        good = good && found != DAMAGED;
        found =
            calls->scan(reader->fixture->store, LITERAL("a"), LITERAL("z"), false, 4, TIER_DISK, arena, rows, &count);
        good = good && found == FOUND && count <= 2;
        reader->wrong += !good;
        reader->seen++;
    }
    buffer_free(&head);
    buffer_free(&body);
    arena_destroy(arena);
    return NULL;
}

static void readers_see_what_is_durable(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(true);
    atomic_bool stop = false;
    struct reader readers[READERS] = {0};
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.fixture = fixture, .stop = &stop};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_log_and_tables, &readers[i]), 0);
    }
    for (uint32_t i = 0; i < BATCHES; i++) {
        fixture_append(fixture, 1 + i % 5);
        if (i % 40 == 39) fixture_checkpoint(fixture, rows_of(i % 80 == 39 ? "a=1 b=2" : "-a b=3"));
        if (i == BATCHES / 2) {
            char path[FIXTURE_PATH_SIZE + 16];
            snprintf(path, sizeof path, "%s/backup", fixture->directory);
            assert_null(fixture->store->calls->backup(fixture->store, path));
        }
    }
    fixture_wait(fixture);
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        assert_true(readers[i].seen > 0);
        assert_int_equal(readers[i].wrong, 0);
    }
    assert_false(fixture->disordered);
    assert_true(fixture->durable_calls <= BATCHES);
    assert_int_equal(fixture->checkpointed, BATCHES / 40);
    fixture_destroy(fixture);
}

/* Nothing is lost between append and close. */
static void closing_writes_what_waits(void **state)
{
    (void)state;
    struct fixture *fixture = fixture_create(true);
    for (int round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 20; i++)
            fixture_append(fixture, 2);
        struct ordered *frozen = rows_of("a=1");
        fixture->store->calls->checkpoint(fixture->store, frozen, fixture->appended);
        uint64_t appended = fixture->appended;
        fixture_reopen(fixture);
        ordered_destroy(frozen);
        assert_int_equal(fixture->store->calls->last_lsn(fixture->store), appended);
        assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), appended);
    }
    assert_int_equal(fixture->checkpointed, 5);
    fixture_destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_what_is_durable),
        cmocka_unit_test(closing_writes_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
