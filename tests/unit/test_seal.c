#include "base/seal.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct keyring *keyring;
static struct arena *arena;
static struct id tenant, subject, other;

/* Keys that another implementation can be given. */
static void draw(void *context, void *out, size_t size)
{
    (void)context;
    memset(out, 0x2a, size);
}

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
    static const struct keyring_port port = {.random = draw};
    keyring = keyring_create(master, &port);
    assert_true(keyring_ready(keyring));
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
    bool opened = unseal(keyring, arena, of_tenant, of_subject, associated, sealed, &plain) == UNSEALED;
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
        assert_int_equal(unseal(keyring, arena, tenant, subject, associated, sealed, &back), UNSEALED);
        assert_true(text_equal(back, plain));
        free(bytes);
    }
    struct text back, sealed = seal(keyring, arena, tenant, subject, (struct text){0}, (struct text){0});
    assert_int_equal(unseal(keyring, arena, tenant, subject, LITERAL(""), sealed, &back), UNSEALED);
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
        "71ea1a209efea7c076940ae2dcc6d976ebe3da94bc739b033ef62c1c385e642d95be4cdf094e97fde01c5b7e218453882b3f73a602756e";
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
    assert_false(opens(subject, tenant, associated, sealed)); /* NOLINT(readability-suspicious-call-argument) */
    assert_false(opens(tenant, subject, LITERAL("tenant/user/8"), sealed));
    assert_false(opens(tenant, subject, LITERAL("tenant/user/"), sealed));
    assert_false(opens(tenant, subject, LITERAL("tenant/user/77"), sealed));
    assert_false(opens(tenant, subject, (struct text){0}, sealed));

    uint8_t master[KEYRING_MASTER_SIZE] = {1};
    struct keyring *stranger = keyring_create(master, NULL);
    struct text plain;
    assert_int_equal(unseal(stranger, arena, tenant, subject, associated, sealed, &plain), UNSEALED_LOST);
    seal(stranger, arena, tenant, subject, associated, LITERAL("other"));
    assert_int_equal(unseal(stranger, arena, tenant, subject, associated, sealed, &plain), UNSEALED_FORGED);
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
    assert_hex(a, "94ce740310a9197a69c87fb2bee61a5f1a834c46a2778fc270115c814f54256c");
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

/* ---- erasing ---- */

static void test_erased(void **state)
{
    (void)state;
    struct text ad = LITERAL("ad"), plain = {0}, sealed = seal(keyring, arena, tenant, subject, ad, LITERAL("plain"));
    struct text kept = seal(keyring, arena, tenant, other, ad, LITERAL("plain"));
    assert_false(keyring_is_erased(keyring, tenant, subject));
    keyring_erase(keyring, tenant, subject);
    keyring_erase(keyring, tenant, subject);
    assert_true(keyring_is_erased(keyring, tenant, subject));
    assert_int_equal(unseal(keyring, arena, tenant, subject, ad, sealed, &plain), UNSEALED_ERASED);
    assert_null(seal(keyring, arena, tenant, subject, ad, LITERAL("again")).data);
    assert_null(plain.data);
    assert_int_equal(unseal(keyring, arena, tenant, other, ad, kept, &plain), UNSEALED);
    assert_int_equal(unseal(keyring, arena, other, subject, ad, sealed, &plain), UNSEALED_LOST);

    uint8_t a[32], b[32];
    keyring_subject_hash(keyring, tenant, other, "ip", LITERAL("10.0.0.1"), a);
    keyring_subject_hash(keyring, tenant, other, "ip", LITERAL("10.0.0.2"), b);
    assert_memory_not_equal(a, b, 32);
    keyring_subject_hash(keyring, tenant, subject, "ip", LITERAL("10.0.0.1"), a);
    keyring_subject_hash(keyring, tenant, subject, "ip", LITERAL("10.0.0.2"), b);
    assert_memory_equal(a, b, 32); /* it tells nothing any more */

    keyring_erase(keyring, other, other); /* of whom nothing was ever sealed */
    assert_null(seal(keyring, arena, other, other, ad, LITERAL("plain")).data);
    struct keyring_figures figures = keyring_figures(keyring);
    assert_int_equal(figures.erased, 2);
    assert_int_equal(figures.slots, 1);
}

/* More subjects than keys are kept unwrapped, each with a key of its own. */
static void test_many_subjects(void **state)
{
    (void)state;
    enum { SUBJECTS = 5000 };
    static struct text sealed[SUBJECTS];
    uint8_t master[KEYRING_MASTER_SIZE] = {9};
    struct keyring *many = keyring_create(master, NULL);
    struct text plain;
    struct id id = {{1}};
    for (int i = 0; i < SUBJECTS; i++) {
        memcpy(id.bytes + 11, &i, sizeof i);
        sealed[i] = seal(many, arena, tenant, id, LITERAL("ad"), LITERAL("plain"));
        assert_false(i && text_equal(sealed[i], sealed[i - 1]));
    }
    for (int i = 0; i < SUBJECTS; i += 3) {
        memcpy(id.bytes + 11, &i, sizeof i);
        keyring_erase(many, tenant, id);
    }
    for (int i = 0; i < SUBJECTS; i++) {
        memcpy(id.bytes + 11, &i, sizeof i);
        assert_int_equal(unseal(many, arena, tenant, id, LITERAL("ad"), sealed[i], &plain),
                         i % 3 ? UNSEALED : UNSEALED_ERASED);
    }
    keyring_destroy(many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_layout_stays_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tampering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_context, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hashes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erased, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_subjects, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
