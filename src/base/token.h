/* Access tokens: JWT (RFC 7519), HS256 only, header and claims in one canonical form. Checks follow RFC 8725. */
#pragma once
#include "base/arena.h"
#include "base/id.h"

struct token_key {
    char id[16]; /* `kid` */
    uint8_t secret[32];
};
struct token_claims {
    struct id tenant, user, session;
    int64_t issued_s, expires_s;
};

struct text token_issue(struct arena *arena, const struct token_key *key, const struct token_claims *claims);
/* True only for the exact bytes that token_issue gave under one of the keys, issuer and audience "souk", typ "JWT",
   not expired at now_s and not issued in the future (60 s leeway). */
bool token_verify(const struct token_key *keys, uint32_t key_count, struct text token, int64_t now_s,
                  struct token_claims *claims);
struct text base64url_encode(struct arena *arena, struct text bytes);
bool base64url_decode(struct arena *arena, struct text encoded, struct text *bytes); /* canonical form only */
