/* Opening a store after something happened to its files: it opens with everything that was acknowledged, or it says what is
   wrong and does not open. An image of a crash is a copy of the directory of an open store that has nothing to do. */
#include "support/store_fixture.h"
#include "store/mark.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { RECORDS = 40, RECORDS_MARKED = 25, PATH = FIXTURE_PATH_SIZE + 64 };

struct image {
    struct fixture *fixture; /* its path is where copies are opened */
    char original[PATH], wal[PATH], mark[PATH], early_mark[PATH];
    struct text wal_bytes;
    uint32_t tries;
};

static off_t file_size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

/* The newest of several; RocksDB leaves an older one empty for a while. */
static void remember_path(void *context, const char *path)
{
    if (file_size(path)) snprintf(context, PATH, "%s", path);
}

/* RECORDS records, each written for itself, none of them in a table yet. `early_mark` is the mark after RECORDS_MARKED. */
static int setup_image(void **state)
{
    struct image *image = memory_alloc(sizeof *image);
    struct fixture *fixture = image->fixture = fixture_create(true);
    snprintf(image->original, PATH, "%s/original", fixture->directory);
    snprintf(image->early_mark, PATH, "%s/early", fixture->directory);
    snprintf(image->mark, PATH, "%s/mark", fixture->path);
    for (int i = 1; i <= RECORDS; i++) {
        fixture_append(fixture, 1);
        fixture_wait(fixture);
        if (i == RECORDS_MARKED) tree_copy(image->mark, image->early_mark);
    }
    tree_copy(fixture->path, image->original);
    fixture_close(fixture);
    tree_remove(fixture->path);

    char rocks[PATH + 8];
    snprintf(rocks, sizeof rocks, "%s/rocks", image->original);
    assert_true(files_each(rocks, ".log", remember_path, image->wal) >= 1);
    struct arena *kept = arena_create();
    image->wal_bytes = arena_text(fixture->arena, file_read(kept, image->wal));
    arena_destroy(kept);
    assert_true(image->wal_bytes.length > RECORDS * 100);
    *state = image;
    return 0;
}

static int teardown_image(void **state)
{
    struct image *image = *state;
    fixture_destroy(image->fixture);
    free(image);
    return 0;
}

static int setup_fixture(void **state)
{
    *state = fixture_create(true);
    return 0;
}

static int teardown_fixture(void **state)
{
    fixture_destroy(*state);
    return 0;
}

/* A fresh copy of the image with these bytes as its write-ahead log (absent: as it was). */
static void image_lay_out(struct image *image, struct text wal)
{
    struct fixture *fixture = image->fixture;
    tree_remove(fixture->path);
    tree_copy(image->original, fixture->path);
    if (!wal.data) return;
    char path[PATH + 32];
    snprintf(path, sizeof path, "%s/rocks%s", fixture->path, strrchr(image->wal, '/'));
    file_write(path, wal);
}

enum outcome { REFUSED, OPENED };

/* Opens: either refuses as damaged, with a sentence, or has at least `acknowledged` records, all good. */
static enum outcome image_open(struct image *image, uint64_t acknowledged, uint64_t *last)
{
    char problem[PROBLEM_SIZE];
    int exit_code;
    struct fixture *fixture = image->fixture;
    if (!fixture_open(fixture, problem, &exit_code)) {
        assert_int_equal(exit_code, STORE_EXIT_DAMAGED);
        assert_true(strlen(problem) > 20);
        return REFUSED;
    }
    *last = fixture->store->calls->last_lsn(fixture->store);
    assert_true(*last >= acknowledged && *last <= RECORDS);
    assert_true(fixture_log_is_good(fixture, *last));
    fixture_close(fixture);
    return OPENED;
}

/* Opens a copy with such a write-ahead log; the file may be damaged only where nothing acknowledged is lost. */
static enum outcome wal_try(struct image *image, struct text wal, bool early_mark)
{
    uint64_t last = RECORDS;
    image->fixture->read_only = image->tries++ % 8 != 0; /* the check is the same, and nothing waits for the disk */
    image_lay_out(image, wal);
    if (early_mark) tree_copy(image->early_mark, image->mark);
    enum outcome outcome = image_open(image, early_mark ? RECORDS_MARKED : RECORDS, &last);
    return outcome;
}

static struct text copy_of(struct image *image)
{
    arena_reset(image->fixture->arena);
    /* The original's bytes lie in the fixture's arena too: read them again. */
    image->wal_bytes = file_read(image->fixture->arena, image->wal);
    return arena_text(image->fixture->arena, image->wal_bytes);
}

/* ---- the write-ahead log ---- */

static void an_untouched_image_opens(void **state)
{
    struct image *image = *state;
    assert_int_equal(wal_try(image, (struct text){0}, false), OPENED);
    assert_int_equal(wal_try(image, (struct text){0}, true), OPENED);
}

static void a_flipped_byte_is_refused(void **state)
{
    struct image *image = *state;
    uint32_t refused = 0, tried = 0;
    for (uint32_t at = 0; at < image->wal_bytes.length; at += 64, tried++) {
        struct text bytes = copy_of(image);
        ((char *)bytes.data)[at + at / 64 * 7 % 64 % (bytes.length - at)] ^= (char)(1 << at / 64 % 8);
        refused += wal_try(image, bytes, false) == REFUSED;
    }
    assert_int_equal(refused, tried); /* every byte of this file belongs to an acknowledged record */
}

static void a_flipped_byte_loses_only_what_was_not_acknowledged(void **state)
{
    struct image *image = *state;
    uint32_t opened = 0, refused = 0;
    for (uint32_t at = 0; at < image->wal_bytes.length; at += 64) {
        struct text bytes = copy_of(image);
        ((char *)bytes.data)[at] ^= 0x10;
        if (wal_try(image, bytes, true) == OPENED)
            opened++;
        else
            refused++;
    }
    assert_true(opened > 0 && refused > 0);
}

static void a_zeroed_block_is_refused(void **state)
{
    struct image *image = *state;
    static const uint32_t sizes[] = {64, 512, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (uint32_t at = 0; at + sizes[i] <= image->wal_bytes.length; at += 512) {
            struct text bytes = copy_of(image);
            memset((char *)bytes.data + at, 0, sizes[i]);
            assert_int_equal(wal_try(image, bytes, false), REFUSED);
        }
    }
}

static void swapped_and_doubled_blocks_are_refused(void **state)
{
    struct image *image = *state;
    for (uint32_t at = 0; at + 1024 <= image->wal_bytes.length; at += 512) {
        struct text bytes = copy_of(image);
        memcpy((char *)bytes.data + at, image->wal_bytes.data + at + 512, 512);
        assert_int_equal(wal_try(image, bytes, false), REFUSED);
        memcpy((char *)bytes.data + at + 512, image->wal_bytes.data + at, 512);
        assert_int_equal(wal_try(image, bytes, false), REFUSED);
    }
}

static void a_missing_write_ahead_log_is_refused(void **state)
{
    struct image *image = *state;
    image_lay_out(image, (struct text){0});
    char path[PATH + 32], problem[PROBLEM_SIZE];
    snprintf(path, sizeof path, "%s/rocks%s", image->fixture->path, strrchr(image->wal, '/'));
    assert_int_equal(unlink(path), 0);
    int exit_code;
    assert_false(fixture_open(image->fixture, problem, &exit_code));
    assert_int_equal(exit_code, STORE_EXIT_DAMAGED);
    assert_non_null(strstr(problem, "the log ends at record 0, but 40 was acknowledged: 1 to 40 are missing"));
}

/* A torn tail: what is cut off beyond the mark was never acknowledged. */
static void a_cut_tail_opens_up_to_the_mark(void **state)
{
    struct image *image = *state;
    uint32_t length = image->wal_bytes.length, opened = 0;
    uint64_t last_before = RECORDS;
    for (uint32_t cut = 0; cut < 700; cut++) {
        image->fixture->read_only = cut % 16 != 0;
        image_lay_out(image, (struct text){copy_of(image).data, length - cut});
        tree_copy(image->early_mark, image->mark);
        uint64_t last = 0;
        if (image_open(image, RECORDS_MARKED, &last) == REFUSED) continue;
        opened++;
        assert_true(last <= last_before && last + 1 >= last_before); /* one record after the other goes */
        last_before = last;
    }
    assert_int_equal(opened, 700);
    assert_true(last_before < RECORDS - 2);
}

static void a_cut_into_what_was_acknowledged_is_refused(void **state)
{
    struct image *image = *state;
    for (uint32_t cut = 1; cut < 700; cut++)
        assert_int_equal(wal_try(image, (struct text){copy_of(image).data, image->wal_bytes.length - cut}, false),
                         REFUSED);
}

static void garbage_behind_the_tail_is_ignored(void **state)
{
    struct image *image = *state;
    for (uint32_t i = 1; i < 40; i++) {
        struct buffer bytes = {0};
        buffer_text(&bytes, copy_of(image));
        for (uint32_t j = 0; j < i; j++)
            buffer_byte(&bytes, (char)(i * 41 + j * 97));
        assert_int_equal(wal_try(image, buffer_as_text(&bytes), false), OPENED);
        buffer_free(&bytes);
    }
}

/* ---- the mark ---- */

static void a_missing_mark_is_refused(void **state)
{
    struct image *image = *state;
    uint64_t last;
    image_lay_out(image, (struct text){0});
    unlink(image->mark);
    assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
}

static void a_damaged_slot_leaves_the_other(void **state)
{
    struct image *image = *state;
    uint64_t last;
    for (uint32_t slot = 0; slot < 2; slot++) {
        image_lay_out(image, (struct text){0});
        struct text bytes = file_read(image->fixture->arena, image->mark);
        assert_int_equal(bytes.length, 1024);
        ((char *)bytes.data)[slot * 512 + 40] ^= 1;
        file_write(image->mark, bytes);
        assert_int_equal(image_open(image, RECORDS, &last), OPENED);
        image_lay_out(image, (struct text){0});
        ((char *)bytes.data)[(1 - slot) * 512 + 20] ^= 1;
        file_write(image->mark, bytes);
        assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
    }
}

static void a_mark_of_another_store_is_refused(void **state)
{
    struct image *image = *state;
    uint64_t last;
    struct mark_value mark;
    image_lay_out(image, (struct text){0});
    assert_int_equal(mark_read(image->mark, &mark), MARK_READ);
    assert_int_equal(mark.lsn, RECORDS);
    mark.identity[3] ^= 1;
    assert_true(mark_create(image->mark, &mark));
    assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
    mark.identity[3] ^= 1;
    mark.chain[0] ^= 1;
    assert_true(mark_create(image->mark, &mark));
    assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
    mark.chain[0] ^= 1;
    mark.lsn++;
    assert_true(mark_create(image->mark, &mark));
    assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
    mark.lsn--;
    assert_true(mark_create(image->mark, &mark));
    assert_int_equal(image_open(image, RECORDS, &last), OPENED);
}

static void a_missing_database_is_refused(void **state)
{
    struct image *image = *state;
    uint64_t last;
    char path[PATH];
    image_lay_out(image, (struct text){0});
    snprintf(path, sizeof path, "%s/rocks", image->fixture->path);
    tree_remove(path);
    assert_int_equal(image_open(image, RECORDS, &last), REFUSED);
}

/* ---- files of the database ---- */

struct deletion {
    struct image *image;
    uint32_t at, refused;
};

static void delete_one(void *context, const char *original)
{
    struct deletion *deletion = context;
    struct image *image = deletion->image;
    char path[PATH * 2];
    uint64_t last;
    image_lay_out(image, (struct text){0});
    snprintf(path, sizeof path, "%s/rocks%s", image->fixture->path, strrchr(original, '/'));
    assert_int_equal(unlink(path), 0);
    const char *name = strrchr(path, '/') + 1;
    bool needed = strcmp(name, "CURRENT") == 0 || strncmp(name, "MANIFEST", 8) == 0 || strstr(name, ".sst") ||
                  (strstr(name, ".log") && file_size(original));
    enum outcome outcome = image_open(image, RECORDS, &last);
    if (needed) assert_int_equal(outcome, REFUSED);
    deletion->refused += outcome == REFUSED;
}

static void every_missing_file_is_noticed(void **state)
{
    struct image *image = *state;
    struct deletion deletion = {.image = image};
    char rocks[PATH + 8];
    snprintf(rocks, sizeof rocks, "%s/rocks", image->original);
    assert_true(files_each(rocks, "", delete_one, &deletion) >= 5);
    assert_true(deletion.refused >= 4);
}

struct damage {
    struct fixture *fixture;
    char original[PATH];
    uint32_t refused, damaged, right;
};

/* A damaged table: the store does not open, or a read says so, or the value is right. Never a wrong value, never absent. */
static void damage_read(struct damage *damage)
{
    struct fixture *fixture = damage->fixture;
    for (int i = 0; i < 300; i += 7) {
        char key[16], expected[32];
        snprintf(key, sizeof key, "k%03d", i);
        snprintf(expected, sizeof expected, "value-%d", i);
        struct text found = fixture_get(fixture, key, TIER_DISK);
        if (text_is(found, "DAMAGED"))
            damage->damaged++;
        else if (text_is(found, expected))
            damage->right++;
        else
            fail_msg("key %s: %.*s", key, TEXT_ARGUMENTS(found));
    }
    struct text rows = fixture_scan(fixture, "k", "l", false, 400, TIER_DISK);
    uint32_t blanks = 0;
    for (uint32_t i = 0; i < rows.length; i++)
        blanks += rows.data[i] == ' ';
    if (!text_is(rows, "DAMAGED")) assert_int_equal(blanks, 299);
    for (uint64_t lsn = 1; lsn <= 30; lsn++) {
        struct text head, body;
        assert_int_not_equal(fixture->store->calls->read_log(fixture->store, lsn, fixture->arena, &head, &body),
                             ABSENT);
    }
}

static void damage_table(void *context, const char *original)
{
    struct damage *damage = context;
    struct fixture *fixture = damage->fixture;
    for (off_t at = 5; at < file_size(original); at += file_size(original) / 60 + 1) {
        char path[PATH * 2], problem[PROBLEM_SIZE];
        int exit_code;
        arena_reset(fixture->arena);
        tree_remove(fixture->path);
        tree_copy(damage->original, fixture->path);
        snprintf(path, sizeof path, "%s/rocks%s", fixture->path, strrchr(original, '/'));
        struct text bytes = file_read(fixture->arena, path);
        ((char *)bytes.data)[at] ^= 4;
        file_write(path, bytes);
        if (!fixture_open(fixture, problem, &exit_code)) {
            assert_int_equal(exit_code, STORE_EXIT_DAMAGED);
            damage->refused++;
            continue;
        }
        damage_read(damage);
        fixture_close(fixture);
    }
}

static void a_damaged_table_never_gives_a_wrong_value(void **state)
{
    struct fixture *fixture = *state;
    struct ordered *rows = ordered_create();
    for (int i = 0; i < 300; i++) {
        char key[16], value[32];
        snprintf(key, sizeof key, "k%03d", i);
        snprintf(value, sizeof value, "value-%d", i);
        ordered_set(rows, text_of(key), text_of(value));
    }
    fixture_append(fixture, 30);
    fixture_checkpoint(fixture, rows);
    fixture_close(fixture);
    struct damage damage = {.fixture = fixture};
    snprintf(damage.original, sizeof damage.original, "%s/original", fixture->directory);
    tree_copy(fixture->path, damage.original);
    char tables[PATH + 8];
    snprintf(tables, sizeof tables, "%s/rocks", damage.original);
    assert_true(files_each(tables, ".sst", damage_table, &damage) >= 1);
    assert_true(damage.damaged > 0 && damage.right > 0);
}

/* ---- salvage ---- */

static void salvage_saves_what_a_damaged_write_ahead_log_has(void **state)
{
    struct image *image = *state;
    struct text bytes = copy_of(image);
    ((char *)bytes.data)[bytes.length / 2] ^= 1;
    assert_int_equal(wal_try(image, bytes, false), REFUSED);
    char path[PATH], problem[PROBLEM_SIZE];
    struct store_salvaged salvaged;
    uint64_t last;
    snprintf(path, sizeof path, "%s/salvaged", image->fixture->directory);
    struct store_config config = {.path = image->fixture->path}, kept = {.path = path};
    assert_int_equal(store_salvage(&config, path, &salvaged, problem), 0);
    assert_true(salvaged.kept > 5 && salvaged.kept < RECORDS - 5);
    assert_int_equal(salvaged.acknowledged, RECORDS);
    assert_int_equal(store_verify_log(&kept, &last, problem), 0);
    assert_int_equal(last, salvaged.kept);
}

#define IMAGE(test) cmocka_unit_test_setup_teardown(test, setup_image, teardown_image)
#define OPEN(test)  cmocka_unit_test_setup_teardown(test, setup_fixture, teardown_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IMAGE(an_untouched_image_opens),
        IMAGE(a_flipped_byte_is_refused),
        IMAGE(a_flipped_byte_loses_only_what_was_not_acknowledged),
        IMAGE(a_zeroed_block_is_refused),
        IMAGE(swapped_and_doubled_blocks_are_refused),
        IMAGE(a_missing_write_ahead_log_is_refused),
        IMAGE(a_cut_tail_opens_up_to_the_mark),
        IMAGE(a_cut_into_what_was_acknowledged_is_refused),
        IMAGE(garbage_behind_the_tail_is_ignored),
        IMAGE(a_missing_mark_is_refused),
        IMAGE(a_damaged_slot_leaves_the_other),
        IMAGE(a_mark_of_another_store_is_refused),
        IMAGE(a_missing_database_is_refused),
        IMAGE(every_missing_file_is_noticed),
        IMAGE(salvage_saves_what_a_damaged_write_ahead_log_has),
        OPEN(a_damaged_table_never_gives_a_wrong_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
