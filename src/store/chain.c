/* Records and their chain. Nothing here knows where they are kept. */
#include "store/chain.h"
#include "base/check.h"
#include <sodium.h>
#include <string.h>

enum {
    BODY_HASH_AT = CHAIN_SIZE,
    STATE_AT = 2 * CHAIN_SIZE,
    HEAD_LENGTH_AT = STATE_AT + 1,
    BODY_LENGTH_AT = HEAD_LENGTH_AT + 4
};

uint32_t big32_read(const void *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap32(value);
}

uint64_t big64_read(const void *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

void big32_write(void *bytes, uint32_t value)
{
    value = __builtin_bswap32(value);
    memcpy(bytes, &value, sizeof value);
}

void big64_write(void *bytes, uint64_t value)
{
    value = __builtin_bswap64(value);
    memcpy(bytes, &value, sizeof value);
}

void chain_first(const uint8_t identity[IDENTITY_SIZE], uint8_t chain[CHAIN_SIZE])
{
    static const char label[] = "souk log";
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHAIN_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)label, sizeof label - 1);
    crypto_generichash_update(&state, identity, IDENTITY_SIZE);
    crypto_generichash_final(&state, chain, CHAIN_SIZE);
}

static void chain_link(const uint8_t previous[CHAIN_SIZE], uint64_t lsn, const uint8_t body_hash[CHAIN_SIZE],
                       struct text head, uint8_t chain[CHAIN_SIZE])
{
    uint8_t start[CHAIN_SIZE + 8 + CHAIN_SIZE];
    memcpy(start, previous, CHAIN_SIZE);
    big64_write(start + CHAIN_SIZE, lsn);
    memcpy(start + CHAIN_SIZE + 8, body_hash, CHAIN_SIZE);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, CHAIN_SIZE);
    crypto_generichash_update(&state, start, sizeof start);
    crypto_generichash_update(&state, (const uint8_t *)head.data, head.length);
    crypto_generichash_final(&state, chain, CHAIN_SIZE);
}

void record_seal(uint8_t chain[CHAIN_SIZE], uint64_t lsn, struct text head, struct text body,
                 uint8_t prefix[RECORD_PREFIX_SIZE])
{
    crypto_generichash(prefix + BODY_HASH_AT, CHAIN_SIZE, (const uint8_t *)body.data, body.length, NULL, 0);
    /* NOLINTNEXTLINE(readability-suspicious-call-argument): the prefix begins with the chain that is made */
    chain_link(chain, lsn, prefix + BODY_HASH_AT, head, prefix);
    memcpy(chain, prefix, CHAIN_SIZE);
    prefix[STATE_AT] = RECORD_WRITTEN;
    big32_write(prefix + HEAD_LENGTH_AT, head.length);
    big32_write(prefix + BODY_LENGTH_AT, body.length);
}

bool record_parse(struct text value, struct record *record)
{
    if (value.length < RECORD_PREFIX_SIZE) return false;
    const uint8_t *bytes = (const uint8_t *)value.data;
    uint64_t head_length = big32_read(bytes + HEAD_LENGTH_AT), body_length = big32_read(bytes + BODY_LENGTH_AT);
    if (RECORD_PREFIX_SIZE + head_length + body_length != value.length) return false;
    *record = (struct record){
        .chain = bytes,
        .body_hash = bytes + BODY_HASH_AT,
        .state = bytes[STATE_AT],
        .head = {value.data + RECORD_PREFIX_SIZE, (uint32_t)head_length},
        .body = {value.data + RECORD_PREFIX_SIZE + head_length, (uint32_t)body_length},
    };
    return record->state == RECORD_WRITTEN || (record->state == RECORD_BODY_ERASED && !body_length);
}

const char *record_verify(const struct record *record, const uint8_t previous[CHAIN_SIZE], uint64_t lsn)
{
    uint8_t hash[CHAIN_SIZE];
    chain_link(previous, lsn, record->body_hash, record->head, hash);
#if !defined MUTANT || MUTANT != 33
    if (memcmp(hash, record->chain, CHAIN_SIZE) != 0) return "does not follow the record before it (hash chain)";
#endif
    if (record->state == RECORD_BODY_ERASED) return NULL;
    crypto_generichash(hash, CHAIN_SIZE, (const uint8_t *)record->body.data, record->body.length, NULL, 0);
    if (memcmp(hash, record->body_hash, CHAIN_SIZE) != 0) return "has a body that is not the one that was written";
    return NULL;
}

bool batch_next(struct text *rest, struct text *head, struct text *body)
{
    if (!rest->length) return false;
    CHECK(rest->length >= 8);
    uint32_t head_length = big32_read(rest->data), body_length = big32_read(rest->data + 4);
    CHECK((uint64_t)head_length + body_length <= rest->length - 8u);
    *head = (struct text){rest->data + 8, head_length};
    *body = (struct text){rest->data + 8 + head_length, body_length};
    uint32_t taken = 8 + head_length + body_length;
    *rest = (struct text){rest->data + taken, rest->length - taken};
    return true;
}
