/* One row of the slots: a subject and its wrapped key. For the keyring. */
#pragma once
#include "base/seal.h"

enum slot_state {
    SLOT_FREE,
    SLOT_SECRET, /* the first one: the key of hashes, nobody's */
    SLOT_LIVE,
    SLOT_ERASED, /* the key is overwritten; tenant and subject stay, so that nobody gets another */
    SLOT_DAMAGED /* in memory alone: whose it was is known, the key is not */
};
struct slot {
    struct id tenant, subject;
    uint8_t nonce[24], wrapped[32 + 16];
    uint8_t state;
};

void slot_encode(const struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number,
                 uint8_t row[SLOT_SIZE]);
/* False, and SLOT_DAMAGED, when the row is not as it was written. A row of zeros is free. */
bool slot_decode(const uint8_t row[SLOT_SIZE], uint32_t number, struct slot *slot);
/* Under the nonce that the slot holds. */
void slot_wrap(struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number, const uint8_t key[32]);
bool slot_unwrap(const struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number, uint8_t key[32]);
