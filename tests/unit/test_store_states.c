/* Stores whose database is whole but not right, directories that are no store, and copies: backup and salvage. */
#include "support/store_fixture.h"
#include "store/log_check.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { PATH = FIXTURE_PATH_SIZE + 64 };

static int setup_fixture(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int setup_closed(void **state)
{
    *state = fixture_create_closed();
    return 0;
}

static int teardown_fixture(void **state)
{
    fixture_destroy(*state);
    return 0;
}

static void expect_refusal(struct fixture *fixture, int code, const char *words)
{
    char problem[PROBLEM_SIZE];
    int exit_code;
    assert_false(fixture_open(fixture, problem, &exit_code));
    if (!strstr(problem, words)) fail_msg("%s", problem);
    assert_int_equal(exit_code, code);
}

/* ---- the chain ---- */

/* Changes the database behind the store's back. */
static void tamper(struct fixture *fixture,
                   void (*change)(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena))
{
    char path[PATH], problem[PROBLEM_SIZE];
    fixture_close(fixture);
    snprintf(path, sizeof path, "%s/rocks", fixture->path);
    struct rocks *rocks = rocks_open(&(struct rocks_config){.path = path}, problem);
    assert_non_null(rocks);
    struct rocks_batch *batch = rocks_batch_create();
    change(rocks, batch, fixture->arena);
    assert_true(rocks_write(rocks, batch, ROCKS_SYNCED, problem));
    rocks_batch_destroy(batch);
    rocks_close(rocks);
}

static struct text record_bytes(struct rocks *rocks, struct arena *arena, uint64_t lsn)
{
    uint8_t key[LOG_KEY_SIZE];
    struct text value;
    assert_int_equal(rocks_get(rocks, log_key(key, lsn), TIER_DISK, arena, &value), FOUND);
    return value;
}

static void record_put(struct rocks_batch *batch, uint64_t lsn, struct text value)
{
    uint8_t key[LOG_KEY_SIZE];
    rocks_batch_put(batch, log_key(key, lsn), value);
}

static void change_body_of_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    struct text value = record_bytes(rocks, arena, 8);
    ((char *)value.data)[value.length - 1] ^= 1;
    record_put(batch, 8, value);
}

static void change_head_of_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    struct text value = record_bytes(rocks, arena, 8);
    ((char *)value.data)[RECORD_PREFIX_SIZE] ^= 1;
    record_put(batch, 8, value);
}

static void exchange_7_and_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    record_put(batch, 7, record_bytes(rocks, arena, 8));
    record_put(batch, 8, record_bytes(rocks, arena, 7));
}

static void remove_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    (void)rocks, (void)arena;
    uint8_t key[LOG_KEY_SIZE];
    rocks_batch_delete(batch, log_key(key, 8));
}

static void cut_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    struct text value = record_bytes(rocks, arena, 8);
    record_put(batch, 8, (struct text){value.data, value.length - 1});
}

/* The body goes, its hash stays. */
static void erase_body_of_8(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    struct text value = record_bytes(rocks, arena, 8);
    struct record record;
    assert_true(record_parse(value, &record));
    ((char *)value.data)[2 * CHAIN_SIZE] = RECORD_BODY_ERASED;
    big32_write((char *)value.data + 2 * CHAIN_SIZE + 5, 0);
    record_put(batch, 8, (struct text){value.data, value.length - record.body.length});
}

static void (*const tamperings[])(struct rocks *, struct rocks_batch *, struct arena *) = {
    change_body_of_8, change_head_of_8, exchange_7_and_8, remove_8, cut_8,
};

static void a_broken_chain_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tamperings / sizeof *tamperings; i++) {
        char problem[PROBLEM_SIZE];
        int exit_code;
        struct fixture *fixture = fixture_create(true);
        fixture_append(fixture, 20);
        fixture_wait(fixture);
        tamper(fixture, tamperings[i]);
        assert_false(fixture_open(fixture, problem, &exit_code));
        assert_int_equal(exit_code, STORE_EXIT_DAMAGED);
        assert_non_null(strstr(problem, tamperings[i] == exchange_7_and_8 ? "log record 7 " : "log record 8 "));
        fixture_destroy(fixture);
    }
}

/* Older than what an opening looks at: reads find it, and the check of the whole log. */
static void damage_in_the_old_log_is_found_by_reads_and_verify(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tamperings / sizeof *tamperings; i++) {
        char problem[PROBLEM_SIZE];
        uint64_t last;
        struct text head, body;
        struct fixture *fixture = fixture_create(true);
        struct store_config config = {.path = fixture->path};
        fixture_append(fixture, 20);
        fixture_checkpoint(fixture, rows_of("a=1"));
        fixture_close(fixture);
        assert_int_equal(store_verify_log(&config, &last, problem), 0);
        assert_int_equal(last, 20);
        tamper(fixture, tamperings[i]);
        assert_int_equal(store_verify_log(&config, &last, problem), STORE_EXIT_DAMAGED);
        fixture_reopen(fixture);
        assert_int_equal(fixture->store->calls->read_log(fixture->store, 5, fixture->arena, &head, &body), FOUND);
        assert_int_equal(fixture->store->calls->read_log(fixture->store, 8, fixture->arena, &head, &body), DAMAGED);
        assert_int_equal(fixture->store->calls->read_log(fixture->store, 20, fixture->arena, &head, &body), FOUND);
        fixture_destroy(fixture);
    }
}

static void an_erased_body_leaves_the_chain_whole(void **state)
{
    struct fixture *fixture = *state;
    struct store_config config = {.path = fixture->path};
    char problem[PROBLEM_SIZE];
    uint64_t last;
    struct text head, body;
    fixture_append(fixture, 20);
    fixture_wait(fixture);
    tamper(fixture, erase_body_of_8);
    assert_int_equal(store_verify_log(&config, &last, problem), 0);
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, 8, fixture->arena, &head, &body), FOUND);
    assert_true(text_is(head, "head of 8"));
    assert_int_equal(body.length, 0);
}

/* ---- tables that are half written, or not wanted ---- */

static void start_a_checkpoint(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    (void)rocks, (void)arena;
    meta_put_number(batch, "Mstarted", 20);
    rocks_batch_put(batch, LITERAL("a"), LITERAL("half"));
}

static void an_unfinished_checkpoint_drops_the_tables(void **state)
{
    struct fixture *fixture = *state;
    fixture_append(fixture, 15);
    fixture_checkpoint(fixture, rows_of("a=1 b=2 z=3"));
    fixture_append(fixture, 5);
    fixture_wait(fixture);
    tamper(fixture, start_a_checkpoint);
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 0);
    assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 20);
    assert_true(text_is(fixture_scan(fixture, "N", "zz", false, 9, TIER_DISK), ""));
    assert_true(fixture_log_is_good(fixture, 20));
    fixture_checkpoint(fixture, rows_of("a=4"));
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 20);
    assert_true(text_is(fixture_scan(fixture, "N", "zz", false, 9, TIER_DISK), "a=4"));
}

static void tables_are_dropped_when_asked(void **state)
{
    struct fixture *fixture = *state;
    char problem[PROBLEM_SIZE];
    int exit_code;
    fixture_append(fixture, 15);
    fixture_checkpoint(fixture, rows_of("A=0 K=1 N=2 b=3 z=4"));
    fixture_close(fixture);
    struct store_config config = {.path = fixture->path, .drop_tables = true};
    struct store *store = store_open(&config, NULL, problem, &exit_code);
    assert_non_null(store);
    assert_int_equal(store->calls->applied_lsn(store), 0);
    store->calls->close(store);
    fixture_reopen(fixture);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 0);
    assert_true(text_is(fixture_scan(fixture, "A", "L", false, 9, TIER_DISK), ""));
    assert_true(text_is(fixture_scan(fixture, "N", "zz", false, 9, TIER_DISK), ""));
    assert_true(fixture_log_is_good(fixture, 15));
}

static uint64_t applied_with(struct fixture *fixture, const uint8_t *tables, bool read_only)
{
    char problem[PROBLEM_SIZE];
    int exit_code;
    struct store_config config = {.path = fixture->path, .tables = tables, .read_only = read_only};
    struct store *store = store_open(&config, NULL, problem, &exit_code);
    assert_non_null(store);
    uint64_t applied = store->calls->applied_lsn(store);
    store->calls->close(store);
    return applied;
}

static void tables_derived_in_another_way_are_dropped(void **state)
{
    struct fixture *fixture = *state;
    uint8_t old[TABLES_SIZE] = {1}, new[TABLES_SIZE] = {2};
    fixture_append(fixture, 15);
    fixture_close(fixture);
    assert_int_equal(applied_with(fixture, old, false), 0); /* nobody had said: from now on it is known */
    for (int time = 0; time < 2; time++) {
        fixture_reopen(fixture);
        fixture_checkpoint(fixture, rows_of("A=0 b=3"));
        fixture_close(fixture);
        assert_int_equal(applied_with(fixture, old, false), 15);
        assert_int_equal(applied_with(fixture, new, true), 0); /* to be read they count as none, and stay */
        assert_int_equal(applied_with(fixture, old, true), 15);
        assert_int_equal(applied_with(fixture, new, false), 0);
        fixture_reopen(fixture);
        assert_true(text_is(fixture_scan(fixture, "A", "L", false, 9, TIER_DISK), ""));
        assert_true(text_is(fixture_scan(fixture, "N", "zz", false, 9, TIER_DISK), ""));
        assert_true(fixture_log_is_good(fixture, 15));
        new[0] = old[0], old[0] = 3 - old[0];
        fixture_close(fixture);
    }
    fixture_reopen(fixture);
}

/* ---- a write that fails ---- */

/* Files may not grow: the write-ahead log's next write fails. */
static void a_failed_write_is_final(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit unlimited;
    struct text head, body;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    signal(SIGXFSZ, SIG_IGN);
    fixture_append(fixture, 10);
    fixture_wait(fixture);
    struct rlimit small = {8192, unlimited.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 30; i++) {
        fixture_append(fixture, 5);
        fixture_wait(fixture);
    }
    assert_int_equal(fixture->failed, 1);
    uint64_t durable = fixture->durable;
    assert_true(durable >= 10 && durable < fixture->appended);
    assert_int_equal(fixture->store->calls->read_log(fixture->store, durable + 1, fixture->arena, &head, &body),
                     ABSENT);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0); /* there is room again, and still nothing is written */
    fixture_append(fixture, 1);
    struct ordered *frozen = rows_of("a=1");
    fixture->store->calls->checkpoint(fixture->store, frozen, durable);
    assert_non_null(fixture->store->calls->backup(fixture->store, fixture->directory));
    fixture_close(fixture);
    ordered_destroy(frozen);
    assert_int_equal(fixture->durable, durable);
    assert_int_equal(fixture->checkpointed, 0);
    assert_int_equal(fixture->failed, 1);

    expect_refusal(fixture, STORE_EXIT_IN_USE, "has this directory open"); /* until this process ends */
    char copy[PATH], problem[PROBLEM_SIZE];
    int exit_code;
    snprintf(copy, sizeof copy, "%s/copy", fixture->directory);
    tree_copy(fixture->path, copy);
    snprintf(fixture->path, sizeof fixture->path, "%.*s", FIXTURE_PATH_SIZE - 1, copy);
    assert_true(fixture_open(fixture, problem, &exit_code));
    uint64_t last = fixture->store->calls->last_lsn(fixture->store);
    assert_true(last >= durable);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 0);
    assert_true(fixture_log_is_good(fixture, last));
}

/* ---- directories ---- */

static void a_second_opener_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct store_config config = {.path = fixture->path};
    char problem[PROBLEM_SIZE];
    int exit_code;
    uint64_t last;
    assert_null(store_open(&config, NULL, problem, &exit_code));
    assert_int_equal(exit_code, STORE_EXIT_IN_USE);
    assert_non_null(strstr(problem, "another server has this directory open"));
    assert_int_equal(store_verify_log(&config, &last, problem), STORE_EXIT_IN_USE);
    fixture_append(fixture, 1);
    fixture_wait(fixture);
    assert_int_equal(fixture->durable, 1);
}

static void directories_are_private(void **state)
{
    struct fixture *fixture = *state;
    struct stat status;
    char path[PATH];
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    snprintf(path, sizeof path, "%s/mark", fixture->path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void a_new_store_needs_an_empty_directory(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH], problem[PROBLEM_SIZE];
    int exit_code;
    assert_int_equal(mkdir(fixture->path, 0755), 0);
    snprintf(path, sizeof path, "%s/letter.txt", fixture->path);
    file_write(path, LITERAL("mine"));
    expect_refusal(fixture, STORE_EXIT_DAMAGED, "holds no store and is not empty");
    unlink(path);
    assert_true(fixture_open(fixture, problem, &exit_code));
}

static void a_creation_that_was_cut_short_begins_again(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH], problem[PROBLEM_SIZE];
    int exit_code;
    struct mark_value mark = {.lsn = 0};
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    snprintf(path, sizeof path, "%s/rocks.new", fixture->path);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/rocks.new/CURRENT", fixture->path);
    file_write(path, LITERAL("MANIFEST-0000"));
    snprintf(path, sizeof path, "%s/mark", fixture->path);
    assert_true(mark_create(path, &mark));
    assert_true(fixture_open(fixture, problem, &exit_code));
    fixture_append(fixture, 3);
    fixture_wait(fixture);
    fixture_reopen(fixture);
    assert_true(fixture_log_is_good(fixture, 3));
}

static void a_path_that_cannot_be_written_is_refused(void **state)
{
    struct fixture *fixture = *state;
    file_write(fixture->path, LITERAL("a file"));
    expect_refusal(fixture, STORE_EXIT_NOT_WRITABLE, "Not a directory");
    unlink(fixture->path);
    snprintf(fixture->path, sizeof fixture->path, "%.100s/none/data", fixture->directory);
    expect_refusal(fixture, STORE_EXIT_NOT_WRITABLE, "No such file");
    snprintf(fixture->path, sizeof fixture->path, "/proc/self/data");
    expect_refusal(fixture, STORE_EXIT_NOT_WRITABLE, "cannot use");
}

static void set_newer_format(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    (void)rocks, (void)arena;
    meta_put_number(batch, "Mformat", STORE_FORMAT + 1);
}

static void remove_format(struct rocks *rocks, struct rocks_batch *batch, struct arena *arena)
{
    (void)rocks, (void)arena;
    rocks_batch_delete(batch, LITERAL("Mformat"));
}

static void a_newer_format_is_refused(void **state)
{
    struct fixture *fixture = *state;
    tamper(fixture, set_newer_format);
    expect_refusal(fixture, STORE_EXIT_NEWER_FORMAT, "newer version");
    tamper(fixture, remove_format);
    expect_refusal(fixture, STORE_EXIT_DAMAGED, "own rows");
}

static void a_reader_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    char problem[PROBLEM_SIZE];
    int exit_code;
    struct store_config config = {.path = fixture->path, .read_only = true};
    struct text head, body;
    fixture_append(fixture, 10);
    fixture_checkpoint(fixture, rows_of("a=1"));
    fixture_close(fixture);
    struct store *store = store_open(&config, NULL, problem, &exit_code);
    assert_non_null(store);
    assert_int_equal(store->calls->last_lsn(store), 10);
    assert_int_equal(store->calls->read_log(store, 10, fixture->arena, &head, &body), FOUND);
    store->calls->close(store);
    snprintf(fixture->path, sizeof fixture->path, "%.100s/none", fixture->directory);
    assert_null(store_open(&config, NULL, problem, &exit_code));
    assert_int_equal(exit_code, STORE_EXIT_DAMAGED);
    assert_int_not_equal(access(fixture->path, F_OK), 0);
}

/* ---- backup and salvage ---- */

static void a_backup_is_a_store(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH], problem[PROBLEM_SIZE];
    int exit_code;
    snprintf(path, sizeof path, "%s/backup", fixture->directory);
    fixture_append(fixture, 10);
    fixture_checkpoint(fixture, rows_of("a=1"));
    fixture_append(fixture, 5);
    fixture_wait(fixture);
    assert_true(fixture->store->calls->note(fixture->store, "n", LITERAL("noted")));
    assert_null(fixture->store->calls->backup(fixture->store, path));
    assert_non_null(fixture->store->calls->backup(fixture->store, path)); /* never over another */
    fixture_append(fixture, 1);
    fixture_wait(fixture);
    fixture_close(fixture);
    snprintf(fixture->path, sizeof fixture->path, "%.*s", FIXTURE_PATH_SIZE - 1, path);
    assert_true(fixture_open(fixture, problem, &exit_code));
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 10);
    assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 15);
    assert_true(fixture_log_is_good(fixture, 15));
    assert_true(text_is(fixture_get(fixture, "a", TIER_DISK), "1"));
    struct text note;
    assert_int_equal(fixture->store->calls->noted(fixture->store, "n", fixture->arena, &note), FOUND);
    assert_true(text_is(note, "noted"));
}

static void backups_are_taken_while_records_come(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH], problem[PROBLEM_SIZE];
    uint64_t durable[3], last;
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 50; j++)
            fixture_append(fixture, 3);
        snprintf(path, sizeof path, "%s/backup%d", fixture->directory, i);
        pthread_mutex_lock(&fixture->mutex);
        durable[i] = fixture->durable;
        pthread_mutex_unlock(&fixture->mutex);
        assert_null(fixture->store->calls->backup(fixture->store, path));
    }
    fixture_wait(fixture);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/backup%d", fixture->directory, i);
        struct store_config config = {.path = path};
        assert_int_equal(store_verify_log(&config, &last, problem), 0);
        assert_true(last >= durable[i] && last <= fixture->appended);
    }
}

static void salvage_keeps_what_is_whole(void **state)
{
    struct fixture *fixture = *state;
    char path[PATH], problem[PROBLEM_SIZE];
    int exit_code;
    struct store_salvaged salvaged;
    snprintf(path, sizeof path, "%s/salvaged", fixture->directory);
    fixture_append(fixture, 20);
    fixture_checkpoint(fixture, rows_of("a=1"));
    tamper(fixture, remove_8);
    struct store_config config = {.path = fixture->path};
    assert_int_equal(store_salvage(&config, path, &salvaged, problem), 0);
    assert_int_equal(salvaged.kept, 7);
    assert_int_equal(salvaged.acknowledged, 20);
    assert_int_equal(salvaged.beyond, 12);
    assert_non_null(strstr(salvaged.why, "log record 8 is missing"));
    assert_int_equal(store_salvage(&config, path, &salvaged, problem), STORE_EXIT_NOT_WRITABLE);

    snprintf(fixture->path, sizeof fixture->path, "%.*s", FIXTURE_PATH_SIZE - 1, path);
    assert_true(fixture_open(fixture, problem, &exit_code));
    assert_int_equal(fixture->store->calls->last_lsn(fixture->store), 7);
    assert_int_equal(fixture->store->calls->applied_lsn(fixture->store), 0);
    assert_true(fixture_log_is_good(fixture, 7));
    fixture_append(fixture, 2);
    fixture_wait(fixture);
    fixture_reopen(fixture);
    assert_true(fixture_log_is_good(fixture, 9));
}

#define OPEN(test)   cmocka_unit_test_setup_teardown(test, setup_fixture, teardown_fixture)
#define CLOSED(test) cmocka_unit_test_setup_teardown(test, setup_closed, teardown_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_chain_is_refused),
        cmocka_unit_test(damage_in_the_old_log_is_found_by_reads_and_verify),
        OPEN(an_erased_body_leaves_the_chain_whole),
        OPEN(an_unfinished_checkpoint_drops_the_tables),
        OPEN(tables_are_dropped_when_asked),
        OPEN(tables_derived_in_another_way_are_dropped),
        OPEN(a_failed_write_is_final),
        OPEN(a_second_opener_is_told),
        OPEN(directories_are_private),
        CLOSED(a_new_store_needs_an_empty_directory),
        CLOSED(a_creation_that_was_cut_short_begins_again),
        CLOSED(a_path_that_cannot_be_written_is_refused),
        OPEN(a_newer_format_is_refused),
        OPEN(a_reader_changes_nothing),
        OPEN(a_backup_is_a_store),
        OPEN(backups_are_taken_while_records_come),
        OPEN(salvage_keeps_what_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
