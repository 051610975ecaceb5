#include "base/seal.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

static struct keyring *keyring;
static struct arena *arena;
static struct id tenant, subject, other;

static int set_up(void **state)
{
    (void)state;
    uint8_t master[KEYRING_MASTER_SIZE];
    for (int i = 0; i < KEYRING_MASTER_SIZE; i++)
        master[i] = (uint8_t)(100 + i);
    for (int i = 0; i < 16; i++) {
        tenant.bytes[i] = (uint8_t)i;
        subject.bytes[i] = (uint8_t)(16 + i);
        other.bytes[i] = (uint8_t)(32 + i);
    }
    keyring = keyring_create(master);
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    keyring_destroy(keyring);
    keyring_destroy(NULL);
    arena_destroy(arena);
    return 0;
}

static bool opens(struct id of_tenant, struct id of_subject, struct text associated, struct text sealed)
{
    struct text plain = LITERAL("untouched");
    bool opened = unseal(keyring, arena, of_tenant, of_subject, associated, sealed, &plain);
    if (!opened) assert_true(text_is(plain, "untouched"));
    return opened;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 31;
    for (uint32_t length = 0; length < 300; length++) {
        char *bytes = malloc(length + 1u);
        for (uint32_t i = 0; i < length; i++)
            bytes[i] = (char)random_next(&seed);
        struct text plain = {bytes, length}, back;
        struct text associated = {bytes, length / 3};
        struct text sealed = seal(keyring, arena, tenant, subject, associated, plain);
        assert_int_equal(sealed.length, length + SEAL_OVERHEAD);
        assert_true(unseal(keyring, arena, tenant, subject, associated, sealed, &back));
        assert_true(text_equal(back, plain));
        free(bytes);
    }
    struct text back, sealed = seal(keyring, arena, tenant, subject, (struct text){0}, (struct text){0});
    assert_true(unseal(keyring, arena, tenant, subject, LITERAL(""), sealed, &back));
    assert_true(text_is(back, ""));
}

static void test_pure(void **state)
{
    (void)state;
    struct text a = seal(keyring, arena, tenant, subject, LITERAL("ad"), LITERAL("plain"));
    assert_true(text_equal(a, seal(keyring, arena, tenant, subject, LITERAL("ad"), LITERAL("plain"))));
    /* Whatever differs, the nonce does: no two plain texts share key and nonce. */
    const struct text different[] = {
        seal(keyring, arena, tenant, subject, LITERAL("ad"), LITERAL("plaim")),
        seal(keyring, arena, tenant, subject, LITERAL("ae"), LITERAL("plain")),
        seal(keyring, arena, tenant, subject, LITERAL("adp"), LITERAL("lain")),
        seal(keyring, arena, tenant, subject, LITERAL(""), LITERAL("adplain")),
        seal(keyring, arena, tenant, other, LITERAL("ad"), LITERAL("plain")),
        seal(keyring, arena, other, subject, LITERAL("ad"), LITERAL("plain")),
    };
    for (size_t i = 0; i < sizeof different / sizeof *different; i++)
        assert_memory_not_equal(a.data, different[i].data, 24);
}

/* Sealed values are on disk. The nonce was computed by another implementation of BLAKE2b. */
static void test_layout_stays_the_same(void **state)
{
    (void)state;
    static const char expected[] =
        "9c3273991b83ca09368daf0efc70cb75dcd2345458dbf79237c898905c6978c4fb1e349c41f6cc47e35aff314c54ca044702e675173000";
    struct text sealed = seal(keyring, arena, tenant, subject, LITERAL("tenant/user/7"), LITERAL("ann@example.org"));
    char hex[256] = "";
    for (uint32_t i = 0; i < sealed.length; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)sealed.data[i]);
    assert_string_equal(hex, expected);
}

static void test_tampering(void **state)
{
    (void)state;
    struct text associated = LITERAL("tenant/user/7");
    struct text sealed = seal(keyring, arena, tenant, subject, associated, LITERAL("ann@example.org"));
    assert_true(opens(tenant, subject, associated, sealed));
    for (uint32_t i = 0; i < sealed.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            char *copy = arena_copy(arena, sealed.data, sealed.length);
            copy[i] ^= (char)(1 << bit);
            assert_false(opens(tenant, subject, associated, (struct text){copy, sealed.length}));
        }
    for (uint32_t length = 0; length < sealed.length; length++) {
        char *exact = malloc(length + 1u);
        memcpy(exact, sealed.data, length);
        assert_false(opens(tenant, subject, associated, (struct text){exact, length}));
        free(exact);
    }
    char *longer = arena_alloc(arena, sealed.length + 1u);
    memcpy(longer, sealed.data, sealed.length);
    assert_false(opens(tenant, subject, associated, (struct text){longer, sealed.length + 1}));
    assert_false(opens(tenant, subject, associated, (struct text){0}));
}

static void test_wrong_context(void **state)
{
    (void)state;
    struct text associated = LITERAL("tenant/user/7");
    struct text sealed = seal(keyring, arena, tenant, subject, associated, LITERAL("ann@example.org"));
    assert_false(opens(other, subject, associated, sealed));
    assert_false(opens(tenant, other, associated, sealed));
    assert_false(opens(subject, tenant, associated, sealed));
    assert_false(opens(tenant, subject, LITERAL("tenant/user/8"), sealed));
    assert_false(opens(tenant, subject, LITERAL("tenant/user/"), sealed));
    assert_false(opens(tenant, subject, LITERAL("tenant/user/77"), sealed));
    assert_false(opens(tenant, subject, (struct text){0}, sealed));

    uint8_t master[KEYRING_MASTER_SIZE] = {1};
    struct keyring *stranger = keyring_create(master);
    struct text plain;
    assert_false(unseal(stranger, arena, tenant, subject, associated, sealed, &plain));
    keyring_destroy(stranger);
}

static void assert_hex(const uint8_t bytes[32], const char *expected)
{
    char hex[65];
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(hex, expected);
}

static void test_hashes(void **state)
{
    (void)state;
    uint8_t a[32], b[32];
    keyring_hash(keyring, "email", LITERAL("ann@example.org"), a);
    assert_hex(a, "b9eef177d6038267f143f2fb0441a404a8f8a6da19e2d1958fa1f69093c252ba");
    keyring_hash(keyring, "phone", LITERAL("ann@example.org"), b);
    assert_memory_not_equal(a, b, 32);
    keyring_hash(keyring, "emaila", LITERAL("nn@example.org"), b);
    assert_memory_not_equal(a, b, 32);
    keyring_hash(keyring, "email", (struct text){0}, a);
    keyring_hash(keyring, "email", LITERAL(""), b);
    assert_memory_equal(a, b, 32);

    hash_bytes(LITERAL("abc"), (struct text){0}, a);
    assert_hex(a, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    hash_bytes(LITERAL("a"), LITERAL("bc"), b);
    assert_memory_equal(a, b, 32);
    hash_bytes(LITERAL("ab"), (struct text){0}, b);
    assert_memory_not_equal(a, b, 32);
}

/* ---- the key file ---- */

struct place {
    char directory[256], key[300];
};

static struct place place_make(void)
{
    struct place place;
    const char *root = getenv("TMPDIR");
    snprintf(place.directory, sizeof place.directory, "%s/souk-seal-XXXXXX", root ? root : "/tmp");
    assert_non_null(mkdtemp(place.directory));
    snprintf(place.key, sizeof place.key, "%s/master.key", place.directory);
    return place;
}

static void place_remove(struct place *place)
{
    unlink(place->key);
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
    struct keyring *made = keyring_open(place.key, problem);
    umask(mask);
    assert_non_null(made);
    assert_string_equal(problem, "");
    struct stat status;
    assert_int_equal(stat(place.key, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_size, KEYRING_MASTER_SIZE);
    assert_int_equal(status.st_nlink, 1);

    struct text plain, sealed = seal(made, arena, tenant, subject, LITERAL("ad"), LITERAL("plain"));
    keyring_destroy(made);
    struct keyring *found = keyring_open(place.key, problem);
    assert_non_null(found);
    assert_true(unseal(found, arena, tenant, subject, LITERAL("ad"), sealed, &plain));
    keyring_destroy(found);

    /* Another place gets another key. */
    struct place elsewhere = place_make();
    struct keyring *fresh = keyring_open(elsewhere.key, problem);
    assert_non_null(fresh);
    assert_false(unseal(fresh, arena, tenant, subject, LITERAL("ad"), sealed, &plain));
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
        assert_null(keyring_open(place.key, problem));
        assert_non_null(strstr(problem, "0600"));
        assert_non_null(strstr(problem, "master.key"));
        unlink(place.key);
    }
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        file_write(place.key, KEYRING_MASTER_SIZE, narrow[i]);
        struct keyring *opened = keyring_open(place.key, problem);
        assert_non_null(opened);
        keyring_destroy(opened);
        unlink(place.key);
    }
    place_remove(&place);
}

static void assert_refused(const char *path, const char *reason)
{
    char problem[256] = "";
    assert_null(keyring_open(path, problem));
    if (!strstr(problem, reason)) fail_msg("\"%s\" does not say \"%s\"", problem, reason);
}

static void test_file_of_another_shape_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 33, 64};
    struct place place = place_make();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        file_write(place.key, sizes[i], 0600);
        assert_refused(place.key, "32 bytes");
        struct stat status;
        assert_int_equal(stat(place.key, &status), 0);
        assert_int_equal(status.st_size, sizes[i]); /* left as it was */
        unlink(place.key);
    }
    assert_int_equal(mkdir(place.key, 0700), 0);
    assert_refused(place.key, "regular");
    rmdir(place.key);
    assert_int_equal(mkfifo(place.key, 0600), 0);
    assert_refused(place.key, "regular");
    unlink(place.key);
    assert_int_equal(symlink("elsewhere", place.key), 0);
    assert_refused(place.key, "open");
    place_remove(&place);
    assert_refused("/nonexistent/directory/master.key", "make");
}

/* A start that was cut off left a draft: it is no key, and no obstacle. */
static void test_draft_is_replaced(void **state)
{
    (void)state;
    struct place place = place_make();
    char draft[320], problem[256];
    snprintf(draft, sizeof draft, "%s.new", place.key);
    file_write(draft, 5, 0644);
    struct keyring *made = keyring_open(place.key, problem);
    assert_non_null(made);
    keyring_destroy(made);
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_pure),
        cmocka_unit_test(test_layout_stays_the_same),
        cmocka_unit_test(test_tampering),
        cmocka_unit_test(test_wrong_context),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_file_is_made_and_found_again),
        cmocka_unit_test(test_file_with_a_wider_mode_is_refused),
        cmocka_unit_test(test_file_of_another_shape_is_refused),
        cmocka_unit_test(test_draft_is_replaced),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
