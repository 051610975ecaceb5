#include "base/webhook_signature.h"
#include <sodium.h>

enum { BASE64 = sodium_base64_VARIANT_ORIGINAL };

static struct text prefixed_base64(struct arena *arena, struct text prefix, const void *bytes, size_t length)
{
    size_t size = sodium_base64_encoded_len(length, BASE64);
    char *out = arena_alloc(arena, prefix.length + size);
    memcpy(out, prefix.data, prefix.length);
    sodium_bin2base64(out + prefix.length, size, bytes, length, BASE64);
    return (struct text){out, (uint32_t)(prefix.length + size) - 1};
}

struct text webhook_secret_text(struct arena *arena, struct text secret)
{
    return prefixed_base64(arena, LITERAL("whsec_"), secret.data, secret.length);
}

struct text webhook_signature(struct arena *arena, struct text secret, struct text id, int64_t time_s, struct text body)
{
    struct text head = arena_format(arena, "%.*s.%lld.", TEXT_ARGUMENTS(id), (long long)time_s);
    crypto_auth_hmacsha256_state state;
    uint8_t tag[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_init(&state, (const uint8_t *)secret.data, secret.length);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)head.data, head.length);
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)body.data, body.length);
    crypto_auth_hmacsha256_final(&state, tag);
    sodium_memzero(&state, sizeof state);
    return prefixed_base64(arena, LITERAL("v1,"), tag, sizeof tag);
}
