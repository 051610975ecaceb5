#include "base/password.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>
#include <time.h>

static const uint8_t salt[16] = "sixteen bytes...";
static bool verify(struct text password, struct text hash)
{
    bool matches;
    assert_true(password_verify(password, hash, &matches));
    return matches;
}

static const char parameters[] = "$argon2id$v=19$m=19456,t=2,p=1$";

static void test_standard_form(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];
    assert_true(password_hash(LITERAL("correct horse"), salt, hash));
    assert_true(password_hash(LITERAL("correct horse"), salt, again));
    assert_string_equal(hash, again);
    assert_true(text_starts_with(text_of(hash), parameters));
    assert_int_equal(strlen(hash), strlen(parameters) + 22 + 1 + 43);
    assert_true(text_starts_with(text_of(hash + strlen(parameters)), "c2l4dGVlbiBieXRlcy4uLg$"));
    const uint8_t other[16] = "another salt";
    assert_true(password_hash(LITERAL("correct horse"), other, again));
    assert_string_not_equal(hash, again);
}

static void test_verify(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    assert_true(password_hash(LITERAL("correct horse"), salt, hash));
    assert_true(verify(LITERAL("correct horse"), text_of(hash)));
    assert_false(verify(LITERAL("correct horsf"), text_of(hash)));
    assert_false(verify(LITERAL("correct hors"), text_of(hash)));
    assert_false(verify(LITERAL("correct horse "), text_of(hash)));
    assert_false(verify(LITERAL(""), text_of(hash)));
    /* Not zero-terminated: a part of a longer text. */
    char within[PASSWORD_HASH_SIZE + 4];
    size_t length = strlen(hash);
    memcpy(within, hash, length);
    memcpy(within + length, "tail", 4);
    assert_true(verify(LITERAL("correct horse"), (struct text){within, (uint32_t)length}));
}

static void test_bytes_of_any_kind(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    assert_true(password_hash(LITERAL("a\0b"), salt, hash));
    assert_true(verify(LITERAL("a\0b"), text_of(hash)));
    assert_false(verify(LITERAL("a\0c"), text_of(hash)));
    assert_false(verify(LITERAL("a"), text_of(hash)));
    assert_true(password_hash(LITERAL(""), salt, hash));
    assert_true(verify(LITERAL(""), text_of(hash)));
    assert_true(verify((struct text){0}, text_of(hash)));
    char large[1000];
    memset(large, 'x', sizeof large);
    assert_true(password_hash((struct text){large, sizeof large}, salt, hash));
    assert_true(verify((struct text){large, sizeof large}, text_of(hash)));
    assert_false(verify((struct text){large, sizeof large - 1}, text_of(hash)));
}

static void test_damaged_hashes(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE], damaged[PASSWORD_HASH_SIZE + 10];
    struct text password = LITERAL("correct horse");
    assert_true(password_hash(password, salt, hash));
    size_t length = strlen(hash);
    assert_false(verify(password, (struct text){0}));
    assert_false(verify(password, LITERAL("")));
    assert_false(verify(password, LITERAL("plain")));
    assert_false(verify(password, LITERAL("$2b$12$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")));
    assert_false(verify(password, (struct text){hash, (uint32_t)length - 1}));
    assert_false(verify(password, (struct text){hash, (uint32_t)length + 1})); /* with a zero byte */
    memset(damaged, 'A', sizeof damaged);
    assert_false(verify(password, (struct text){damaged, sizeof damaged}));
    static const size_t places[] = {1, 9, 12, 17, 24, 27, 35, 60, 90};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        memcpy(damaged, hash, length + 1);
        damaged[places[i]] = damaged[places[i]] == '1' ? '3' : '1';
        assert_false(verify(password, text_of(damaged)));
    }
}

static void test_nobody(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    assert_true(password_hash(LITERAL(""), salt, hash));
    assert_int_equal(strlen(PASSWORD_HASH_OF_NOBODY), strlen(hash));
    assert_true(text_starts_with(text_of(PASSWORD_HASH_OF_NOBODY), parameters));
    assert_false(verify(LITERAL(""), text_of(PASSWORD_HASH_OF_NOBODY)));
    assert_false(verify(LITERAL("password"), text_of(PASSWORD_HASH_OF_NOBODY)));
}

/* It is hashed like any other: otherwise the time would tell who has an account. */
static void test_nobody_takes_as_long(void **state)
{
    (void)state;
    char hash[PASSWORD_HASH_SIZE];
    assert_true(password_hash(LITERAL("correct horse"), salt, hash));
    clock_t began = clock();
    assert_false(verify(LITERAL("wrong"), text_of(hash)));
    clock_t somebody = clock() - began;
    began = clock();
    assert_false(verify(LITERAL("wrong"), text_of(PASSWORD_HASH_OF_NOBODY)));
    assert_true((clock() - began) * 4 > somebody);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard_form),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_bytes_of_any_kind),
        cmocka_unit_test(test_damaged_hashes),
        cmocka_unit_test(test_nobody),
        cmocka_unit_test(test_nobody_takes_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
