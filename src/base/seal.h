/* Sealing of personal and secret values: XChaCha20-Poly1305 with associated data, under keys derived from one master
   key. The nonce is a keyed hash of associated data and plain text (as in SIV, RFC 5297), so the same value of the same
   entity and version always seals to the same bytes and a replay needs no random source. */
#pragma once
#include "base/arena.h"
#include "base/id.h"

struct keyring;

enum { KEYRING_MASTER_SIZE = 32, SEAL_OVERHEAD = 24 + 16 };

struct keyring *keyring_create(const uint8_t master[KEYRING_MASTER_SIZE]); /* copies into locked memory */
/* Reads the master key from a file of mode 0600 (refuses a wider mode), or makes one with fresh random bytes and syncs
   file and directory before it returns. On failure NULL and a sentence in *problem. */
struct keyring *keyring_open(const char *path, char problem[256]);
void keyring_destroy(struct keyring *keyring);
/* Sealed bytes: nonce, cipher text, tag. The key belongs to (tenant, subject). Allocated in the arena. */
struct text seal(const struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                 struct text associated, struct text plain);
/* False when the bytes were not sealed under these. */
bool unseal(const struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
            struct text associated, struct text sealed, struct text *plain);
/* Keyed hash for unique keys made of personal values, fingerprints, cursor tags: BLAKE2b under a key for `purpose`. */
void keyring_hash(const struct keyring *keyring, const char *purpose, struct text value, uint8_t out[32]);
/* Unkeyed BLAKE2b-256 of two parts, one right after the other (second may be absent): where the first ends is not part
   of the hash, so it has a fixed length or says its own. */
void hash_bytes(struct text first, struct text second, uint8_t out[32]);
/* Fills `out` with the bytes that follow from 32 random ones for this number (ChaCha20: they are the key, it the nonce). */
void random_expand(const uint8_t random[32], uint64_t number, void *out, size_t size);
