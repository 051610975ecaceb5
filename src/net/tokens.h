/* Access tokens that were verified lately. A loop's own; a hit spares one HMAC. */
#pragma once
#include "base/token.h"

struct token_cache;

struct token_cache *token_cache_create(const struct token_key *keys, uint32_t key_count);
void token_cache_destroy(struct token_cache *cache);
/* As token_verify, which it asks when it does not know the token. */
bool token_cache_verify(struct token_cache *cache, struct text token, int64_t now_s, struct token_claims *claims);
