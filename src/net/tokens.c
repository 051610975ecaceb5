/* Sets of a few slots, found by the end of the signature, which nobody can choose without the key. Only the very bytes that
   were verified hit, compared in constant time. */
#include "net/tokens.h"
#include "base/bytes.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#ifdef TINY
enum { SETS = 1, WAYS = 2 };
#else
enum { SETS = 512, WAYS = 4 };
#endif
enum { TOKEN_BYTES_MOST = 512 }; /* ours have about 350 */

struct slot {
    uint32_t length; /* 0: empty */
    char token[TOKEN_BYTES_MOST];
    struct token_claims claims;
};
struct set {
    uint64_t marks[WAYS]; /* ends of the signatures */
    uint32_t next;        /* to be replaced */
    struct slot slots[WAYS];
};
struct token_cache {
    const struct token_key *keys;
    uint32_t key_count;
    struct set sets[SETS];
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

/* Takes as long for any two of this length, eight bytes a step; the last step may look at some bytes again. */
static bool is_same(const char *a, const char *b, uint32_t length)
{
    uint64_t difference = 0;
    for (uint32_t at = 0; at + 8 <= length; at += 8)
        difference |= bytes_load(a + at) ^ bytes_load(b + at);
    return !(difference | (bytes_load(a + length - 8) ^ bytes_load(b + length - 8)));
}

bool token_cache_verify(struct token_cache *cache, struct text token, int64_t now_s, struct token_claims *claims)
{
    if (token.length < 16 || token.length > TOKEN_BYTES_MOST)
        return token_verify(cache->keys, cache->key_count, token, now_s, claims);

    uint64_t mark = bytes_load(token.data + token.length - 8);
    struct set *set = &cache->sets[(mark * UINT64_C(0x9E3779B97F4A7C15) >> 40) % SETS];
    for (uint32_t way = 0; way < WAYS; way++) {
        const struct slot *slot = &set->slots[way];
        if (set->marks[way] != mark || slot->length != token.length || now_s >= slot->claims.expires_s ||
            !is_same(slot->token, token.data, token.length))
            continue;
        *claims = slot->claims;
        return true;
    }
    if (!token_verify(cache->keys, cache->key_count, token, now_s, claims)) return false;
    struct slot *slot = &set->slots[set->next % WAYS];
    set->marks[set->next++ % WAYS] = mark;
    slot->length = token.length;
    memcpy(slot->token, token.data, token.length);
    slot->claims = *claims;
    return true;
}
