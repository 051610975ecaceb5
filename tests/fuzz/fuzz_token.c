/* Access tokens. The first byte chooses what the rest is:

     0  a token as a client sends it
     1  claims, then edits of the token that was issued for them
     2  a header, '.', claims: encoded and signed here with a good key, so that what lies behind the signature is reached
     3  base64url

   - what verifies is, byte for byte, what is issued for the claims that it gave;
   - the cache of verified tokens says what the verification says, asked twice. */
#include "fuzz/fuzz.h"
#include "net/tokens.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 2, NOW_S = 1800000000 };
static const struct token_key keys[KEYS] = {{"key1", {1, 2, 3}}, {"key2", {9, 9, 9}}};

static bool same_claims(const struct token_claims *a, const struct token_claims *b)
{
    return id_equal(a->tenant, b->tenant) && id_equal(a->user, b->user) && id_equal(a->session, b->session) &&
           a->issued_s == b->issued_s && a->expires_s == b->expires_s;
}

static bool verify(struct arena *arena, struct text token, struct token_claims *claims)
{
    static struct token_cache *cache;
    if (!cache) cache = token_cache_create(keys, KEYS);
    struct token_claims again;
    char *copy = fuzz_copy(token);
    struct text sent = {copy, token.length};
    bool good = token_verify(keys, KEYS, sent, NOW_S, claims), issued = false;
    for (int i = 0; i < 2; i++) {
        MUST(token_cache_verify(cache, sent, NOW_S, &again) == good, "the cache says otherwise: %.*s",
             TEXT_ARGUMENTS(token));
        MUST(!good || same_claims(claims, &again), "the cache has other claims");
    }
    MUST(!good || !token_cache_verify(cache, sent, claims->expires_s, &again), "a token outlives its end");
    for (int i = 0; good && i < KEYS; i++)
        issued |= text_equal(token, token_issue(arena, &keys[i], claims));
    MUST(!good || issued, "verified, but never issued: %.*s", TEXT_ARGUMENTS(token));
    MUST(!good || (claims->expires_s > NOW_S && claims->issued_s <= NOW_S + 60), "out of its time");
    free(copy);
    return good;
}

static int64_t input_64(struct input *input)
{
    uint64_t value = 0;
    for (int i = 0; i < 4; i++)
        value = value << 16 | input_16(input);
    return (int64_t)value;
}

static struct id input_id(struct input *input)
{
    struct id id = {{0}};
    struct text bytes = input_take(input, sizeof id.bytes);
    memcpy(id.bytes, bytes.data, bytes.length);
    return id;
}

static void edited(struct arena *arena, struct input *input)
{
    struct token_claims claims, read;
    uint8_t near = input_byte(input);
    claims.tenant = input_id(input);
    claims.user = input_id(input);
    claims.session = input_id(input);
    claims.issued_s = near & 1 ? NOW_S - 50 + input_byte(input) : input_64(input);
    claims.expires_s = near & 2 ? NOW_S - 50 + input_byte(input) : input_64(input);
    struct text token = token_issue(arena, &keys[near >> 2 & 1], &claims);
    bool in_time = claims.issued_s >= 0 && claims.issued_s <= NOW_S + 60 && claims.expires_s > NOW_S;
    MUST(verify(arena, token, &read) == in_time, "issued, in time %d: %.*s", in_time, TEXT_ARGUMENTS(token));
    MUST(!in_time || same_claims(&claims, &read), "other claims");

    char *changed = arena_copy(arena, token.data, token.length);
    while (input->left) {
        uint32_t at = input_16(input);
        changed[at % token.length] ^= (char)input_byte(input);
    }
    struct text sent = {changed, token.length};
    if (!text_equal(sent, token)) MUST(!verify(arena, sent, &read), "changed: %.*s", TEXT_ARGUMENTS(sent));
    sent.length--;
    MUST(!verify(arena, sent, &read), "cut: %.*s", TEXT_ARGUMENTS(sent));
}

static void signed_by_us(struct arena *arena, struct text text)
{
    struct token_claims claims;
    struct text rest = text, header = text_split(&rest, '|');
    uint8_t tag[crypto_auth_hmacsha256_BYTES];
    for (int i = 0; i < KEYS; i++) {
        struct buffer token = {.arena = arena};
        buffer_text(&token, base64url_encode(arena, header));
        buffer_byte(&token, '.');
        buffer_text(&token, base64url_encode(arena, rest.data ? rest : LITERAL("")));
        crypto_auth_hmacsha256(tag, (const uint8_t *)token.data, token.length, keys[i].secret);
        buffer_byte(&token, '.');
        buffer_text(&token, base64url_encode(arena, (struct text){(const char *)tag, sizeof tag}));
        verify(arena, buffer_as_text(&token), &claims);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct arena *arena = arena_create();
    struct token_claims claims;
    struct text text, decoded;
    switch (input_byte(&input) % 4) {
    case 0: verify(arena, input_rest(&input), &claims); break;
    case 1: edited(arena, &input); break;
    case 2: signed_by_us(arena, input_rest(&input)); break;
    default:
        text = input_rest(&input);
        if (base64url_decode(arena, text, &decoded))
            MUST(text_equal(base64url_encode(arena, decoded), text), "not canonical: %.*s", TEXT_ARGUMENTS(text));
        MUST(base64url_decode(arena, base64url_encode(arena, text), &decoded) && text_equal(decoded, text),
             "not read again");
    }
    arena_destroy(arena);
    return 0;
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    struct arena *arena = arena_create();
    struct buffer bytes = {0};
    for (int i = 0; i < KEYS; i++) {
        struct token_claims claims = {.issued_s = NOW_S - 10, .expires_s = NOW_S + 900};
        memset(&claims.user, 0x5a + i, sizeof claims.user);
        struct text token = token_issue(arena, &keys[i], &claims), rest = token, part;
        buffer_byte(&bytes, 0);
        buffer_text(&bytes, token);
        fuzz_seed(seeds, &bytes);
        buffer_byte(&bytes, 2);
        for (int j = 0; j < 2; j++) {
            if (!base64url_decode(arena, text_split(&rest, '.'), &part)) continue;
            buffer_text(&bytes, part);
            if (!j) buffer_byte(&bytes, '|');
        }
        fuzz_seed(seeds, &bytes);
        buffer_byte(&bytes, 3);
        buffer_text(&bytes, text_split(&token, '.'));
        fuzz_seed(seeds, &bytes);
    }
    buffer_bytes(&bytes, "\1\7", 2);
    for (int i = 0; i < 50; i++)
        buffer_byte(&bytes, (char)(i + 40));
    fuzz_seed(seeds, &bytes);
    buffer_free(&bytes);
    arena_destroy(arena);
}
