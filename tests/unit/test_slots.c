/* The files of keys: made, found again, refused, damaged, rotated. */
#include "store/slots.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct arena *arena;
static const struct id tenant = {{1}}, subject = {{2}}, other = {{3}};

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

/* As the log's thread does. */
static void write_all(struct keyring *keyring)
{
    struct keyring_writes writes = {0};
    keyring_take(keyring, &writes);
    assert_true(keyring_write(keyring, &writes.made));
    assert_true(keyring_write(keyring, &writes.erased));
}

static struct text sealed_and_written(struct keyring *keyring, struct id of)
{
    struct text sealed = seal(keyring, arena, tenant, of, LITERAL("ad"), LITERAL("plain"));
    write_all(keyring);
    return sealed;
}

struct place {
    char directory[256], key[300], slots[300];
};

static struct place place_make(void)
{
    struct place place;
    const char *root = getenv("TMPDIR");
    snprintf(place.directory, sizeof place.directory, "%s/souk-slots-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(place.directory));
    snprintf(place.key, sizeof place.key, "%s/master.key", place.directory);
    snprintf(place.slots, sizeof place.slots, "%s/slots", place.directory);
    return place;
}

static void place_remove(struct place *place)
{
    unlink(place->key);
    unlink(place->slots);
    assert_int_equal(rmdir(place->directory), 0); /* nothing else was left in it */
}

static void file_write(const char *path, size_t size, mode_t mode)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(file >= 0);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(write(file, "k", 1), 1);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static void test_file_is_made_and_found_again(void **state)
{
    (void)state;
    struct place place = place_make();
    char problem[256];
    mode_t mask = umask(0);
    struct keyring *made = keyring_open(place.key, place.slots, SLOTS_MAKE, problem);
    umask(mask);
    assert_non_null(made);
    assert_string_equal(problem, "");
    struct stat status;
    assert_int_equal(stat(place.slots, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(place.key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, KEYRING_MASTER_SIZE);
    assert_int_equal(status.st_nlink, 1);

    struct text plain, sealed = sealed_and_written(made, subject);
    keyring_destroy(made);
    struct keyring *found = keyring_open(place.key, place.slots, SLOTS_MAKE, problem);
    assert_non_null(found);
    assert_int_equal(unseal(found, arena, tenant, subject, LITERAL("ad"), sealed, &plain), UNSEALED);
    keyring_destroy(found);

    /* Another place gets another key. */
    struct place elsewhere = place_make();
    struct keyring *fresh = keyring_open(elsewhere.key, elsewhere.slots, SLOTS_MAKE, problem);
    assert_non_null(fresh);
    assert_int_equal(unseal(fresh, arena, tenant, subject, LITERAL("ad"), sealed, &plain), UNSEALED_LOST);
    keyring_destroy(fresh);
    place_remove(&elsewhere);
    place_remove(&place);
}

static void test_file_with_a_wider_mode_is_refused(void **state)
{
    (void)state;
    static const mode_t wide[] = {0644, 0640, 0604, 0660, 0666, 0610, 0601, 0620, 0777}, narrow[] = {0600, 0400};
    struct place place = place_make();
    char problem[256];
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        file_write(place.key, KEYRING_MASTER_SIZE, wide[i]);
        assert_null(keyring_open(place.key, place.slots, SLOTS_MAKE, problem));
        assert_non_null(strstr(problem, "0600"));
        assert_non_null(strstr(problem, "master.key"));
        unlink(place.key);
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        file_write(place.key, KEYRING_MASTER_SIZE, narrow[i]);
        struct keyring *opened = keyring_open(place.key, place.slots, SLOTS_MAKE, problem);
        assert_non_null(opened);
        keyring_destroy(opened);
        unlink(place.key);
        unlink(place.slots);
    }
    place_remove(&place);
}

static void assert_refused(const char *path, const char *slots, enum slots_use use, const char *reason)
{
    char problem[256] = "";
    assert_null(keyring_open(path, slots, use, problem));
    if (!strstr(problem, reason)) fail_msg("\"%s\" does not say \"%s\"", problem, reason);
}

static void test_file_of_another_shape_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 33, 64};
    struct place place = place_make();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        file_write(place.key, sizes[i], 0600);
        assert_refused(place.key, place.slots, SLOTS_MAKE, "32 bytes");
        struct stat status;
        assert_int_equal(stat(place.key, &status), 0);
        assert_int_equal(status.st_size, sizes[i]); /* left as it was */
        unlink(place.key);
    }
    assert_int_equal(mkdir(place.key, 0700), 0);
    assert_refused(place.key, place.slots, SLOTS_MAKE, "regular");
    rmdir(place.key);
    assert_int_equal(mkfifo(place.key, 0600), 0);
    assert_refused(place.key, place.slots, SLOTS_MAKE, "regular");
    unlink(place.key);
    assert_int_equal(symlink("elsewhere", place.key), 0);
    assert_refused(place.key, place.slots, SLOTS_MAKE, "use the master key");
    place_remove(&place);
    assert_refused("/nonexistent/directory/master.key", "/nonexistent/directory/slots", SLOTS_MAKE, "make");
}

/* A start that was cut off left a draft: it is no key, and no obstacle. */
static void test_draft_is_replaced(void **state)
{
    (void)state;
    struct place place = place_make();
    char draft[320], problem[256];
    snprintf(draft, sizeof draft, "%s.new", place.key);
    file_write(draft, 5, 0644);
    struct keyring *made = keyring_open(place.key, place.slots, SLOTS_MAKE, problem);
    assert_non_null(made);
    keyring_destroy(made);
    place_remove(&place);
}

/* ---- rows ---- */
static enum unsealed opens(struct keyring *keyring, struct id of, struct text sealed)
{
    struct text plain = {0};
    enum unsealed unsealed = unseal(keyring, arena, tenant, of, LITERAL("ad"), sealed, &plain);
    if (unsealed == UNSEALED) assert_true(text_is(plain, "plain"));
    return unsealed;
}

static struct keyring *open_place(const struct place *place, enum slots_use use)
{
    char problem[256];
    struct keyring *keyring = keyring_open(place->key, place->slots, use, problem);
    if (!keyring) fail_msg("%s", problem);
    return keyring;
}

static struct text content(const char *path)
{
    struct stat status;
    int file = open(path, O_RDONLY);
    assert_true(file >= 0 && fstat(file, &status) == 0);
    char *bytes = arena_alloc(arena, (size_t)status.st_size + 1);
    assert_int_equal(read(file, bytes, (size_t)status.st_size), status.st_size);
    close(file);
    return (struct text){bytes, (uint32_t)status.st_size};
}

static void put(const char *path, struct text bytes)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(file, bytes.data, bytes.length), bytes.length);
    close(file);
}

/* A start that was cut off between key and first row made no slots: there is no data yet, so they are made. Where there is
   data, nothing is made in their place. */
static void test_slots_are_made_only_without_data(void **state)
{
    (void)state;
    struct place place = place_make();
    file_write(place.key, KEYRING_MASTER_SIZE, 0600);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "are missing");
    assert_refused(place.key, place.slots, SLOTS_READ_ONLY, "are missing");
    put(place.slots, (struct text){0});
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "holds none");
    keyring_destroy(open_place(&place, SLOTS_MAKE));
    keyring_destroy(open_place(&place, SLOTS_OF_DATA));
    unlink(place.key);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "master key of this data, is missing");
    file_write(place.key, KEYRING_MASTER_SIZE - 1, 0600);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "32 bytes");
    unlink(place.key);
    file_write(place.key, KEYRING_MASTER_SIZE, 0600);
    keyring_destroy(open_place(&place, SLOTS_OF_DATA));
    struct text key = content(place.key);
    ((char *)(uintptr_t)key.data)[5] ^= 1;
    put(place.key, key);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "not the one under which");
    assert_int_equal(chmod(place.slots, 0640), 0);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "0600");
    place_remove(&place);
}

/* Nothing of the key is left where the slot is, and none is ever made again. */
static void test_an_erased_slot_is_overwritten(void **state)
{
    (void)state;
    struct place place = place_make();
    struct keyring *keyring = open_place(&place, SLOTS_MAKE);
    struct text gone = sealed_and_written(keyring, subject), kept = sealed_and_written(keyring, other);
    struct text before = content(place.slots);
    keyring_erase(keyring, tenant, subject);
    write_all(keyring);
    struct text after = content(place.slots);
    assert_int_equal(before.length, after.length);
    for (uint32_t i = 0; i < 72; i++) /* nonce and wrapped key */
        assert_int_equal(after.data[SLOT_SIZE + 48 + i], 0);
    assert_memory_equal(before.data + 2 * SLOT_SIZE, after.data + 2 * SLOT_SIZE, SLOT_SIZE);
    keyring_destroy(keyring);

    keyring = open_place(&place, SLOTS_OF_DATA);
    assert_int_equal(opens(keyring, subject, gone), UNSEALED_ERASED);
    assert_int_equal(opens(keyring, other, kept), UNSEALED);
    assert_null(seal(keyring, arena, tenant, subject, LITERAL("ad"), LITERAL("plain")).data);
    keyring_destroy(keyring);
    place_remove(&place);
}

/* Any bit of a row, or any part of it from another time: the person's data is lost, the others' is not, and whose it was
   stays known, so that the row can still be erased. */
static void test_damaged_rows(void **state)
{
    (void)state;
    struct place place = place_make();
    struct keyring *keyring = open_place(&place, SLOTS_MAKE);
    struct text first = sealed_and_written(keyring, subject), second = sealed_and_written(keyring, other);
    keyring_destroy(keyring);
    struct text whole = content(place.slots);
    for (uint32_t at = 0; at < SLOT_SIZE; at++) {
        struct text damaged = arena_text(arena, whole);
        ((char *)(uintptr_t)damaged.data)[SLOT_SIZE + at] ^= (char)(1 << at % 8);
        put(place.slots, damaged);
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_int_equal(keyring_figures(keyring).damaged, 1);
        assert_int_equal(opens(keyring, subject, first), UNSEALED_LOST);
        assert_int_equal(opens(keyring, other, second), UNSEALED);
        keyring_erase(keyring, tenant, subject);
        write_all(keyring);
        assert_int_equal(opens(keyring, subject, first), UNSEALED_ERASED);
        keyring_destroy(keyring);
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_true(keyring_is_erased(keyring, tenant, subject));
        assert_int_equal(opens(keyring, other, second), UNSEALED);
        keyring_destroy(keyring);
    }
    for (uint32_t kept = 0; kept < SLOT_SIZE; kept += 8) { /* a row that was cut off: zeros from here on */
        struct text torn = arena_text(arena, whole);
        memset((char *)(uintptr_t)torn.data + 2 * SLOT_SIZE + kept, 0, SLOT_SIZE - kept);
        put(place.slots, torn);
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_int_equal(opens(keyring, subject, first), UNSEALED);
        assert_int_equal(opens(keyring, other, second), UNSEALED_LOST);
        keyring_destroy(keyring);
    }
    for (uint32_t length = SLOT_SIZE; length <= 3 * SLOT_SIZE; length += 31) {
        put(place.slots, (struct text){whole.data, length});
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_int_equal(opens(keyring, subject, first), length >= 2 * SLOT_SIZE ? UNSEALED : UNSEALED_LOST);
        keyring_destroy(keyring);
    }
    struct text secret = arena_text(arena, whole); /* without the first row nothing can be hashed */
    ((char *)(uintptr_t)secret.data)[100] ^= 1;
    put(place.slots, secret);
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "first row is damaged");
    struct text moved = arena_text(arena, whole); /* a row serves in no other place */
    memcpy((char *)(uintptr_t)moved.data + 2 * SLOT_SIZE, whole.data + SLOT_SIZE, SLOT_SIZE);
    put(place.slots, moved);
    keyring = open_place(&place, SLOTS_OF_DATA);
    assert_int_equal(keyring_figures(keyring).damaged, 1);
    keyring_destroy(keyring);
    place_remove(&place);
}

enum { MANY = 3000 };

static struct id numbered(int number)
{
    struct id id = {{7}};
    memcpy(id.bytes + 10, &number, sizeof number);
    return id;
}

static void test_growth(void **state)
{
    (void)state;
    struct place place = place_make();
    struct keyring *keyring = open_place(&place, SLOTS_MAKE);
    static struct text sealed[MANY];
    for (int i = 0; i < MANY; i++) {
        sealed[i] = seal(keyring, arena, tenant, numbered(i), LITERAL("ad"), LITERAL("plain"));
        if (i % 500 == 499) write_all(keyring);
    }
    keyring_destroy(keyring);
    keyring = open_place(&place, SLOTS_READ_ONLY);
    assert_int_equal(keyring_figures(keyring).slots, MANY);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(opens(keyring, numbered(i), sealed[i]), UNSEALED);
    struct text before = content(place.slots);
    seal(keyring, arena, tenant, subject, LITERAL("ad"), LITERAL("plain"));
    keyring_erase(keyring, tenant, numbered(1));
    struct keyring_writes writes = {0};
    keyring_take(keyring, &writes); /* opened to be read: nothing is to be written */
    assert_null(writes.made);
    assert_null(writes.erased);
    assert_true(text_equal(before, content(place.slots)));
    keyring_destroy(keyring);
    place_remove(&place);
}

/* ---- rotation ---- */
static void test_rotation(void **state)
{
    (void)state;
    struct place place = place_make();
    char problem[256];
    struct keyring *keyring = open_place(&place, SLOTS_MAKE);
    struct text kept = sealed_and_written(keyring, subject), gone = sealed_and_written(keyring, other);
    keyring_erase(keyring, tenant, other);
    write_all(keyring);
    uint8_t before[32], after[32];
    keyring_hash(keyring, "email", LITERAL("ann@example.org"), before);
    keyring_destroy(keyring);
    struct text old_key = content(place.key), old_slots = content(place.slots);
    if (keyring_rotate(place.key, place.slots, problem) != ROTATION_DONE) fail_msg("%s", problem);
    struct text new_key = content(place.key), new_slots = content(place.slots);
    assert_false(text_equal(old_key, new_key));
    assert_memory_not_equal(old_slots.data + SLOT_SIZE + 72, new_slots.data + SLOT_SIZE + 72, 48);

    keyring = open_place(&place, SLOTS_OF_DATA);
    assert_int_equal(opens(keyring, subject, kept), UNSEALED);
    assert_int_equal(opens(keyring, other, gone), UNSEALED_ERASED);
    keyring_hash(keyring, "email", LITERAL("ann@example.org"), after);
    assert_memory_equal(before, after, 32);
    keyring_destroy(keyring);

    /* Every state that a crash can leave: drafts, whole or not; slots renamed and the key not yet. */
    char key_next[320], slots_next[320];
    snprintf(key_next, sizeof key_next, "%s.next", place.key);
    snprintf(slots_next, sizeof slots_next, "%s.next", place.slots);
    for (int step = 0; step < 5; step++) {
        put(place.key, old_key);
        put(place.slots, step == 4 ? new_slots : old_slots);
        put(key_next, step == 0 ? (struct text){new_key.data, 11} : new_key);
        if (step == 2) put(slots_next, (struct text){new_slots.data, 200});
        if (step == 3) put(slots_next, new_slots);
        keyring = open_place(&place, SLOTS_READ_ONLY);
        assert_int_equal(opens(keyring, subject, kept), UNSEALED);
        keyring_destroy(keyring);
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_int_equal(opens(keyring, subject, kept), UNSEALED);
        assert_int_equal(opens(keyring, other, gone), UNSEALED_ERASED);
        keyring_destroy(keyring);
        assert_int_equal(access(key_next, F_OK), 0); /* who opens them moves nothing: a rotation may be under way */
        if (keyring_rotate(place.key, place.slots, problem) != ROTATION_DONE) fail_msg("%s", problem);
        keyring = open_place(&place, SLOTS_OF_DATA);
        assert_int_equal(opens(keyring, subject, kept), UNSEALED);
        keyring_destroy(keyring);
        assert_int_not_equal(access(key_next, F_OK), 0);
        assert_int_not_equal(access(slots_next, F_OK), 0);
    }
    put(place.key, old_key); /* the old key opens nothing any more */
    assert_refused(place.key, place.slots, SLOTS_OF_DATA, "not the one under which");
    place_remove(&place);
}

static void test_a_copy_is_synced_and_overwrites_nothing(void **state)
{
    (void)state;
    struct place place = place_make();
    char copy[320];
    snprintf(copy, sizeof copy, "%s/copy", place.directory);
    keyring_destroy(open_place(&place, SLOTS_MAKE));
    assert_true(slots_copy(place.slots, copy));
    assert_true(text_equal(content(place.slots), content(copy)));
    assert_false(slots_copy(place.slots, copy));
    unlink(copy);
    assert_false(slots_copy("/nonexistent/slots", copy));
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_is_made_and_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_with_a_wider_mode_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_of_another_shape_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_draft_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slots_are_made_only_without_data, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_erased_slot_is_overwritten, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_growth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_copy_is_synced_and_overwrites_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
