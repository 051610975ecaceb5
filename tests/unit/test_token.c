#include "base/token.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOW = 1700000100 };

static struct arena *arena;
static struct token_key keys[2];
static struct token_claims claims;
static struct text token;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    keys[0] = (struct token_key){.id = "k1"};
    keys[1] = (struct token_key){.id = "fifteen_letters"};
    for (int i = 0; i < 32; i++) {
        keys[0].secret[i] = (uint8_t)i;
        keys[1].secret[i] = (uint8_t)(i + 1);
    }
    for (int i = 0; i < 16; i++) {
        claims.tenant.bytes[i] = (uint8_t)i;
        claims.user.bytes[i] = (uint8_t)(16 + i);
    }
    claims.issued_s = 1700000000;
    claims.expires_s = 1700003600;
    token = token_issue(arena, &keys[0], &claims);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

static bool verifies(struct text text)
{
    /* In a block of its exact size, so that AddressSanitizer sees a read past the end. */
    char *exact = malloc(text.length + 1u);
    memcpy(exact, text.data, text.length);
    struct token_claims read, before;
    memset(&read, 7, sizeof read);
    before = read;
    bool good = token_verify(keys, 2, (struct text){exact, text.length}, NOW, &read);
    if (good)
        assert_memory_equal(&read, &claims, sizeof read);
    else
        assert_memory_equal(&read, &before, sizeof read);
    free(exact);
    return good;
}

/* Signs any header and claims with the first key, as whoever holds it might. */
static struct text forge(struct text header, struct text body)
{
    struct text signed_part =
        arena_format(arena, "%s.%s", base64url_encode(arena, header).data, base64url_encode(arena, body).data);
    uint8_t tag[32];
    crypto_auth_hmacsha256(tag, (const uint8_t *)signed_part.data, signed_part.length, keys[0].secret);
    return arena_format(arena, "%s.%s", signed_part.data, base64url_encode(arena, (struct text){(char *)tag, 32}).data);
}

#define HEADER  "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
#define TENANT  "00010203-0405-0607-0809-0a0b0c0d0e0f"
#define USER    "10111213-1415-1617-1819-1a1b1c1d1e1f"
#define SESSION "00000000-0000-0000-0000-000000000000"
#define BODY                                                                                            \
    "{\"iss\":\"souk\",\"aud\":\"souk\",\"tid\":\"" TENANT "\",\"sub\":\"" USER "\",\"sid\":\"" SESSION \
    "\",\"iat\":1700000000,\"exp\":1700003600}"

/* As another implementation of JWT writes it. */
static void test_known_token(void **state)
{
    (void)state;
    assert_true(text_is(
        token,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0.eyJpc3MiOiJzb3VrIiwiYXVkIjoic291ayIsInRpZCI6IjAwMDEwMjAzLTA0MDUtMDYwNy0wODA5L"
        "TBhMGIwYzBkMGUwZiIsInN1YiI6IjEwMTExMjEzLTE0MTUtMTYxNy0xODE5LTFhMWIxYzFkMWUxZiIsInNpZCI6IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwM"
        "CIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAzNjAwfQ.jkUfszwDmls9Y5B3CT1h-itKlAxiNCMZCwbtWVOakCU"));
    assert_true(verifies(token));
    assert_true(text_equal(forge(LITERAL(HEADER), LITERAL(BODY)), token));
}

/* Over several tokens, so that every letter of the alphabet stands in a signature once. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    struct token_claims read;
    bool seen[256] = {false};
    for (int round = 0; round < 8; round++) {
        struct token_claims varied = claims;
        varied.expires_s += round;
        struct text issued = token_issue(arena, &keys[0], &varied);
        char *copy = arena_copy(arena, issued.data, issued.length);
        for (uint32_t i = 0; i < issued.length; i++)
            for (int flip = 1; flip < 256; flip++) {
                copy[i] = (char)(issued.data[i] ^ flip);
                assert_false(token_verify(keys, 2, (struct text){copy, issued.length}, NOW, &read));
                copy[i] = issued.data[i];
            }
        assert_true(token_verify(keys, 2, (struct text){copy, issued.length}, NOW, &read));
        for (uint32_t i = issued.length - 43; i < issued.length; i++)
            seen[(uint8_t)issued.data[i]] = true;
    }
    assert_true(seen['-'] && seen['_']);
}

static void test_length_counts(void **state)
{
    (void)state;
    struct token_claims read;
    for (uint32_t length = 0; length < token.length; length++)
        assert_false(verifies((struct text){token.data, length}));
    static const char *const tails[] = {"=", "==", ".", "A", ".x", " ", "\n"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        assert_false(verifies(arena_format(arena, "%s%s", token.data, tails[i])));
        assert_false(verifies(arena_format(arena, "%s%s", tails[i], token.data)));
    }
    assert_false(verifies((struct text){token.data, token.length + 1})); /* with a zero byte */
    assert_false(token_verify(keys, 2, (struct text){0}, NOW, &read));
    assert_false(verifies(LITERAL("")));
    assert_false(verifies(LITERAL("..")));
    char *large = arena_alloc(arena, 100000);
    memset(large, 'A', 100000);
    assert_false(verifies((struct text){large, 100000}));
}

static void test_padding(void **state)
{
    (void)state;
    /* Padded parts say the same to a lenient reader. */
    struct text rest = token;
    struct text header = text_split(&rest, '.'), body = text_split(&rest, '.');
    assert_false(verifies(
        arena_format(arena, "%.*s=.%.*s.%.*s", TEXT_ARGUMENTS(header), TEXT_ARGUMENTS(body), TEXT_ARGUMENTS(rest))));
    assert_false(verifies(
        arena_format(arena, "%.*s.%.*s=.%.*s", TEXT_ARGUMENTS(header), TEXT_ARGUMENTS(body), TEXT_ARGUMENTS(rest))));
    assert_false(verifies(
        arena_format(arena, "%.*s.%.*s.%.*s=", TEXT_ARGUMENTS(header), TEXT_ARGUMENTS(body), TEXT_ARGUMENTS(rest))));
}

static void test_headers(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"None\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS384\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"hs256\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k2\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"\"}",
        "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\", \"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\",\"crit\":[\"b64\"]}",
        "{\"alg\":\"HS256\",\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"k1\"}",
        "{}",
        "",
        "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"fifteen_letters\"}", /* of the other key, signed by this one */
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        if (verifies(forge(text_of(headers[i]), LITERAL(BODY)))) fail_msg("%s is taken", headers[i]);
        struct text rest = forge(text_of(headers[i]), LITERAL(BODY));
        struct text header = text_split(&rest, '.'), body = text_split(&rest, '.');
        assert_false(
            verifies(arena_format(arena, "%.*s.%.*s.", TEXT_ARGUMENTS(header), TEXT_ARGUMENTS(body)))); /* unsigned */
    }
}

static void test_claims_in_another_form(void **state)
{
    (void)state;
#define START "{\"iss\":\"souk\",\"aud\":\"souk\","
#define IDS   "\"tid\":\"" TENANT "\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\","
#define TIMES "\"iat\":1700000000,\"exp\":1700003600}"
    static const char *const bodies[] = {
        "{\"iss\":\"bazaar\",\"aud\":\"souk\"," IDS TIMES,
        "{\"iss\":\"souk\",\"aud\":\"refresh\"," IDS TIMES,
        "{\"aud\":\"souk\",\"iss\":\"souk\"," IDS TIMES,
        START IDS "\"iat\":1700000000}",
        START IDS "\"exp\":1700003600,\"iat\":1700000000}",
        START TIMES,
        START IDS TIMES " ",
        " " START IDS TIMES,
        START IDS "\"iat\":01700000000,\"exp\":1700003600}",
        START IDS "\"iat\":+1700000000,\"exp\":1700003600}",
        START IDS "\"iat\":1700000000.0,\"exp\":1700003600}",
        START IDS "\"iat\":\"1700000000\",\"exp\":1700003600}",
        START IDS "\"iat\":-0,\"exp\":1700003600}",
        START IDS "\"iat\":1700000000,\"exp\":17000036000000000000000}",
        START IDS "\"iat\":1700000000,\"exp\":}",
        START IDS "\"iat\":1700000000,\"exp\":1700003600,\"admin\":true}",
        START IDS TIMES "{}",
        "{}",
        "",
        "null",
        START "\"tid\":\"00010203-0405-0607-0809-0A0B0C0D0E0F\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"," TIMES,
        START "\"tid\":\"00010203-0405-0607-0809-0a0b0c0d0e0\",\"sub\":\"" USER "\",\"sid\":\"" SESSION "\"," TIMES,
        START "\"tid\":\"" TENANT "\",\"sub\":\"" USER "\"," TIMES,
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (verifies(forge(LITERAL(HEADER), text_of(bodies[i])))) fail_msg("%s is taken", bodies[i]);
    assert_true(verifies(forge(LITERAL(HEADER), LITERAL(START IDS TIMES))));
}

static bool verifies_at(int64_t issued_s, int64_t expires_s, int64_t now_s)
{
    struct token_claims timed = claims, read;
    timed.issued_s = issued_s;
    timed.expires_s = expires_s;
    return token_verify(keys, 2, token_issue(arena, &keys[0], &timed), now_s, &read);
}

static void test_times(void **state)
{
    (void)state;
    assert_true(verifies_at(1000, 2000, 1000));
    assert_true(verifies_at(1000, 2000, 1999));
    assert_false(verifies_at(1000, 2000, 2000));
    assert_false(verifies_at(1000, 2000, 2001));
    assert_false(verifies_at(1000, 2000, INT64_MAX));
    assert_true(verifies_at(1060, 2000, 1000)); /* another clock may be a minute ahead */
    assert_false(verifies_at(1061, 2000, 1000));
    assert_true(verifies_at(0, INT64_MAX, 5));
    assert_false(verifies_at(INT64_MAX, INT64_MAX, 5));
    assert_false(verifies_at(INT64_MIN, INT64_MIN, 5));
    assert_false(verifies_at(-1, 2000, 1000));
}

static void test_keys(void **state)
{
    (void)state;
    struct token_claims read;
    struct text second = token_issue(arena, &keys[1], &claims);
    assert_true(verifies(second));
    assert_true(token_verify(&keys[1], 1, second, NOW, &read));
    assert_false(token_verify(&keys[0], 1, second, NOW, &read));
    assert_false(token_verify(&keys[1], 1, token, NOW, &read));
    assert_false(token_verify(keys, 0, token, NOW, &read));
    struct token_key same_name = keys[1];
    memcpy(same_name.id, keys[0].id, sizeof same_name.id);
    assert_false(token_verify(&same_name, 1, token, NOW, &read));
    const struct token_key unusable[] = {{.id = ""}, {.id = "a\"b"}, {.id = "a b"}};
    assert_false(token_verify(unusable, 3, token, NOW, &read));
}

static void test_longest_token(void **state)
{
    (void)state;
    struct token_claims longest = claims, read;
    longest.issued_s = NOW;
    longest.expires_s = INT64_MAX;
    memset(&longest.session, 0xFF, sizeof longest.session);
    struct text text = token_issue(arena, &keys[1], &longest);
    assert_true(token_verify(keys, 2, text, NOW, &read));
    assert_memory_equal(&read, &longest, sizeof read);
}

static void test_base64url(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *encoded;
    } rows[] = {{"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
                {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    static const char *const bad[] = {"Z",      "A",     "Zm9vA",      "Zg=",     "Zg==",
                                      "Zh",     "Zm9",   "Zm8=",       "+//+",    "Zm 9v",
                                      "Zm9v\n", "Zm9vY", "Z\xc3\xa9g", "Zm9\x80", "\xff\xff\xff\xff",
                                      "=",      "Zg.g"};
    struct text decoded;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(text_is(base64url_encode(arena, text_of(rows[i].plain)), rows[i].encoded));
        assert_true(base64url_decode(arena, text_of(rows[i].encoded), &decoded));
        assert_true(text_is(decoded, rows[i].plain));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (base64url_decode(arena, text_of(bad[i]), &decoded)) fail_msg("%s is taken", bad[i]);
    assert_false(base64url_decode(arena, (struct text){0}, &decoded));
    assert_false(base64url_decode(arena, LITERAL("Zm9v\0"), &decoded));

    uint64_t seed = 41;
    for (uint32_t length = 0; length < 200; length++) {
        char bytes[200];
        for (uint32_t i = 0; i < length; i++)
            bytes[i] = (char)random_next(&seed);
        struct text encoded = base64url_encode(arena, (struct text){bytes, length});
        assert_int_equal(encoded.length, (length * 4 + 2) / 3);
        assert_true(base64url_decode(arena, encoded, &decoded));
        assert_true(text_equal(decoded, (struct text){bytes, length}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_token),   cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_length_counts), cmocka_unit_test(test_padding),
        cmocka_unit_test(test_headers),       cmocka_unit_test(test_claims_in_another_form),
        cmocka_unit_test(test_times),         cmocka_unit_test(test_keys),
        cmocka_unit_test(test_longest_token), cmocka_unit_test(test_base64url),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
