/* Rows of the slots (see seal.c for their layout). */
#include "base/slot.h"
#include <sodium.h>
#include <string.h>

enum {
    AT_STATE = 0,
    AT_MARK = 8,
    AT_TENANT = 16,
    AT_SUBJECT = 32,
    AT_NONCE = 48,
    AT_WRAPPED = 72,
    AT_CHECKSUM = 120,
    MARK_SIZE = 8,
    CHECKSUM_SIZE = 8,
    ASSOCIATED_SIZE = 12 + 4 + 16 + 16
};
_Static_assert(AT_CHECKSUM + CHECKSUM_SIZE == SLOT_SIZE, "a row is full");
_Static_assert(AT_WRAPPED + sizeof((struct slot *)0)->wrapped == AT_CHECKSUM, "the wrapped key fits");

static const uint8_t label_mark[12] = "souk mark 1", label_slot[12] = "souk slot 1";

static void big32(uint8_t out[4], uint32_t number)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* Tells one master key from another, and nothing about it. */
static void mark_of(const uint8_t master[KEYRING_MASTER_SIZE], uint8_t out[MARK_SIZE])
{
    uint8_t hash[32];
    crypto_generichash(hash, sizeof hash, label_mark, sizeof label_mark, master, KEYRING_MASTER_SIZE);
    memcpy(out, hash, MARK_SIZE);
}

static void checksum_of(const uint8_t row[SLOT_SIZE], uint32_t number, uint8_t out[CHECKSUM_SIZE])
{
    uint8_t bytes[4 + AT_CHECKSUM], hash[32];
    big32(bytes, number);
    memcpy(bytes + 4, row, AT_CHECKSUM);
    crypto_generichash(hash, sizeof hash, bytes, sizeof bytes, NULL, 0);
    memcpy(out, hash, CHECKSUM_SIZE);
}

static void associated_of(const struct slot *slot, uint32_t number, uint8_t out[ASSOCIATED_SIZE])
{
    memcpy(out, label_slot, sizeof label_slot);
    big32(out + 12, number);
    memcpy(out + 16, slot->tenant.bytes, 16);
    memcpy(out + 32, slot->subject.bytes, 16);
}

void slot_wrap(struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number, const uint8_t key[32])
{
    uint8_t associated[ASSOCIATED_SIZE];
    associated_of(slot, number, associated);
    crypto_aead_xchacha20poly1305_ietf_encrypt(slot->wrapped, NULL, key, 32, associated, sizeof associated, NULL,
                                               slot->nonce, master);
}

bool slot_unwrap(const struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number, uint8_t key[32])
{
    if (slot->state != SLOT_LIVE && slot->state != SLOT_SECRET) return false;
    uint8_t associated[ASSOCIATED_SIZE];
    associated_of(slot, number, associated);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, slot->wrapped, sizeof slot->wrapped, associated,
                                                      sizeof associated, slot->nonce, master) == 0;
}

void slot_encode(const struct slot *slot, const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number,
                 uint8_t row[SLOT_SIZE])
{
    memset(row, 0, SLOT_SIZE);
    row[AT_STATE] = slot->state;
    mark_of(master, row + AT_MARK);
    memcpy(row + AT_TENANT, slot->tenant.bytes, 16);
    memcpy(row + AT_SUBJECT, slot->subject.bytes, 16);
    memcpy(row + AT_NONCE, slot->nonce, sizeof slot->nonce);
    memcpy(row + AT_WRAPPED, slot->wrapped, sizeof slot->wrapped);
    checksum_of(row, number, row + AT_CHECKSUM);
}

bool slot_decode(const uint8_t row[SLOT_SIZE], uint32_t number, struct slot *slot)
{
    uint8_t checksum[CHECKSUM_SIZE];
    memset(slot, 0, sizeof *slot);
    if (sodium_is_zero(row, SLOT_SIZE)) return true;
    memcpy(slot->tenant.bytes, row + AT_TENANT, 16);
    memcpy(slot->subject.bytes, row + AT_SUBJECT, 16);
    memcpy(slot->nonce, row + AT_NONCE, sizeof slot->nonce);
    memcpy(slot->wrapped, row + AT_WRAPPED, sizeof slot->wrapped);
    checksum_of(row, number, checksum);
    bool known = row[AT_STATE] >= SLOT_SECRET && row[AT_STATE] <= SLOT_ERASED;
    bool whole = known && memcmp(checksum, row + AT_CHECKSUM, CHECKSUM_SIZE) == 0;
    slot->state = whole ? row[AT_STATE] : SLOT_DAMAGED;
    return whole;
}

bool slot_is_of(const uint8_t master[KEYRING_MASTER_SIZE], uint32_t number, const uint8_t row[SLOT_SIZE])
{
    uint8_t mark[MARK_SIZE];
    struct slot slot;
    mark_of(master, mark);
    return slot_decode(row, number, &slot) && memcmp(mark, row + AT_MARK, MARK_SIZE) == 0;
}

bool slot_rewrap(const uint8_t before[KEYRING_MASTER_SIZE], const uint8_t after[KEYRING_MASTER_SIZE], uint32_t number,
                 uint8_t row[SLOT_SIZE])
{
    struct slot slot;
    uint8_t key[32];
    if (!slot_decode(row, number, &slot)) return false;
    if (slot.state == SLOT_FREE) return true;
    if (!slot_is_of(before, number, row)) return false;
    if (slot.state != SLOT_ERASED) {
        if (!slot_unwrap(&slot, before, number, key)) return false;
        randombytes_buf(slot.nonce, sizeof slot.nonce);
        slot_wrap(&slot, after, number, key);
        sodium_memzero(key, sizeof key);
    }
    slot_encode(&slot, after, number, row);
    return true;
}
