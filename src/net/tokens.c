/* Direct-mapped: a token has one slot, found by the end of its signature, which nobody can choose without the key. Only
   the very bytes that were verified hit, compared in constant time. */
#include "net/tokens.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#ifdef TINY
enum { SLOTS = 2 };
#else
enum { SLOTS = 1024 };
#endif
enum { TOKEN_BYTES_MOST = 512 }; /* ours have about 350 */

struct slot {
    uint32_t length; /* 0: empty */
    char token[TOKEN_BYTES_MOST];
    struct token_claims claims;
};
struct token_cache {
    const struct token_key *keys;
    uint32_t key_count;
    struct slot slots[SLOTS];
};

struct token_cache *token_cache_create(const struct token_key *keys, uint32_t key_count)
{
    struct token_cache *cache = memory_alloc(sizeof *cache);
    cache->keys = keys;
    cache->key_count = key_count;
    return cache;
}

void token_cache_destroy(struct token_cache *cache)
{
    if (!cache) return;
    sodium_memzero(cache, sizeof *cache);
    free(cache);
}

static struct slot *slot_of(struct token_cache *cache, struct text token)
{
    uint32_t index;
    memcpy(&index, token.data + token.length - sizeof index - 2, sizeof index);
    return &cache->slots[(index * 2654435761u >> 16) % SLOTS];
}

bool token_cache_verify(struct token_cache *cache, struct text token, int64_t now_s, struct token_claims *claims)
{
    if (token.length < 16 || token.length > TOKEN_BYTES_MOST)
        return token_verify(cache->keys, cache->key_count, token, now_s, claims);

    struct slot *slot = slot_of(cache, token);
    if (slot->length == token.length && now_s < slot->claims.expires_s &&
        sodium_memcmp(slot->token, token.data, token.length) == 0) {
        *claims = slot->claims;
        return true;
    }
    if (!token_verify(cache->keys, cache->key_count, token, now_s, claims)) return false;
    slot->length = token.length;
    memcpy(slot->token, token.data, token.length);
    slot->claims = *claims;
    return true;
}
