/* A log record on disk, and the hash chain through all of them.

   value = chain (32) | body hash (32) | state (1) | head length (4) | body length (4) | head | body
   chain = BLAKE2b-256(chain of the record before | lsn | body hash | head)

   The chain holds the hash of a body, not the body: a body may be erased, or sealed under another key, later on, and the
   chain still proves order, heads and what the body was. The first link is made of the store's identity, so that records
   of two stores do not mix. Integers are big-endian. */
#pragma once
#include "base/text.h"

enum { CHAIN_SIZE = 32, IDENTITY_SIZE = 16, RECORD_PREFIX_SIZE = 2 * CHAIN_SIZE + 1 + 4 + 4 };
enum record_state { RECORD_WRITTEN = 0, RECORD_BODY_ERASED = 1 };

struct record {
    const uint8_t *chain, *body_hash;
    enum record_state state;
    struct text head, body;
};

void chain_first(const uint8_t identity[IDENTITY_SIZE], uint8_t chain[CHAIN_SIZE]);
/* Moves `chain` on to this record and makes what stands before head and body in its value. */
void record_seal(uint8_t chain[CHAIN_SIZE], uint64_t lsn, struct text head, struct text body,
                 uint8_t prefix[RECORD_PREFIX_SIZE]);
/* Takes a value apart; views into it. False: it is not a record's. */
bool record_parse(struct text value, struct record *record);
/* NULL when the record follows the one with chain `previous` and its body is the one that was written; else what is wrong. */
const char *record_verify(const struct record *record, const uint8_t previous[CHAIN_SIZE], uint64_t lsn);
/* Takes the next record off a batch's buffer (ports.h); false at its end. */
bool batch_next(struct text *rest, struct text *head, struct text *body);

uint32_t big32_read(const void *bytes);
uint64_t big64_read(const void *bytes);
void big32_write(void *bytes, uint32_t value);
void big64_write(void *bytes, uint64_t value);
