/* Sealing of personal and secret values: XChaCha20-Poly1305 with associated data. Each subject (a person, an order without
   an account, a supplier) has a random key of its own in a slot; a slot is wrapped by the master key. Erasing a person is
   overwriting one slot: what was sealed under it, wherever it was copied to, is unreadable from then on.

   The nonce is a keyed hash of associated data and plain text (as in SIV, RFC 5297), so the same value of the same entity
   and version always seals to the same bytes, and a replay needs no random source.

   Truths: a slot belongs to one subject for ever; an erased subject never gets another key; a slot is durable before
   anything that was sealed under it is (the rows of keyring_take are written before the log's records that they came
   with), and overwritten before its erasure is acknowledged. All calls may come from any thread. */
#pragma once
#include "base/arena.h"
#include "base/id.h"

struct keyring;

enum { KEYRING_MASTER_SIZE = 32, SEAL_OVERHEAD = 24 + 16, SLOT_SIZE = 128 };

/* ---- where the slots are kept: rows of SLOT_SIZE bytes, by number ---- */
struct slot_write {
    struct slot_write *next;
    uint32_t slot;
    uint8_t row[SLOT_SIZE];
};
struct keyring_port {
    void *context;
    void (*random)(void *context, void *out, size_t size);
    bool (*write)(void *context, const struct slot_write *rows); /* all of them, synced when it returns; errno */
    void (*close)(void *context);
};
struct keyring_writes {
    struct slot_write *made;   /* to be written before the records that came with them */
    struct slot_write *erased; /* to be written after those, and before they are acknowledged */
};

/* Empty; port NULL: kept in memory alone, with keys that follow from the master key. */
struct keyring *keyring_create(const uint8_t master[KEYRING_MASTER_SIZE], const struct keyring_port *port);
/* Takes over one row as it was written. False: it is wrapped by another master key. A row that is damaged is counted. */
bool keyring_load(struct keyring *keyring, uint32_t slot, const uint8_t row[SLOT_SIZE]);
/* When all rows are loaded; an empty keyring gets its first slot, to be written at once. False when its secret is damaged. */
bool keyring_ready(struct keyring *keyring);
void keyring_destroy(struct keyring *keyring);

/* Moves what has to be written into *writes, beside what is there. */
void keyring_take(struct keyring *keyring, struct keyring_writes *writes);
/* Writes and frees a list of rows; false and errno when they are not durable. NULL is fine. */
bool keyring_write(struct keyring *keyring, struct slot_write **rows);
void slot_writes_free(struct slot_write *rows);
void keyring_writes_move(struct keyring_writes *from, struct keyring_writes *to);

/* ---- sealing ---- */
enum unsealed {
    UNSEALED,
    UNSEALED_ERASED, /* the subject's key was destroyed: nobody can read it */
    UNSEALED_LOST,   /* there is no slot for the subject, or a damaged one: the slots do not belong to this data */
    UNSEALED_FORGED  /* it was not sealed for this tenant, subject and place */
};
/* Sealed bytes: nonce, cipher text, tag. The key belongs to (tenant, subject), and is made when there is none. Absent when
   the subject is erased. Allocated in the arena. */
struct text seal(struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                 struct text associated, struct text plain);
enum unsealed unseal(struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                     struct text associated, struct text sealed, struct text *plain);
/* Destroys the key of a subject; one that has none will never have one. */
void keyring_erase(struct keyring *keyring, struct id tenant, struct id subject);
bool keyring_is_erased(struct keyring *keyring, struct id tenant, struct id subject);
struct subject {
    struct id tenant, id;
};
uint32_t keyring_list_erased(struct keyring *keyring, struct subject *erased, uint32_t most);

/* Keyed hash for stored tokens and cursor tags, and for unique keys of personal values: BLAKE2b under a key for `purpose`.
   The key is a secret of its own in the first slot, so another master key leaves hashes as they are. */
void keyring_hash(struct keyring *keyring, const char *purpose, struct text value, uint8_t out[32]);
/* The same under the subject's key: once it is erased, nobody can try values against the hash. */
void keyring_subject_hash(struct keyring *keyring, struct id tenant, struct id subject, const char *purpose,
                          struct text value, uint8_t out[32]);

struct keyring_figures {
    uint32_t slots, erased, damaged;
};
struct keyring_figures keyring_figures(struct keyring *keyring);

/* ---- rows, for rotation ---- */
/* Wraps the key of a row by another master key. Rows without a key get the new key's mark alone. False: damaged, or not
   wrapped by `before`. */
bool slot_rewrap(const uint8_t before[KEYRING_MASTER_SIZE], const uint8_t after[KEYRING_MASTER_SIZE], uint32_t slot,
                 uint8_t row[SLOT_SIZE]);
/* Whether a whole row is wrapped by this master key. */
bool slot_is_of(const uint8_t master[KEYRING_MASTER_SIZE], uint32_t slot, const uint8_t row[SLOT_SIZE]);

/* Unkeyed BLAKE2b-256 of two parts, one right after the other (second may be absent): where the first ends is not part
   of the hash, so it has a fixed length or says its own. */
void hash_bytes(struct text first, struct text second, uint8_t out[32]);
/* Fills `out` with the bytes that follow from 32 random ones for this number (ChaCha20: they are the key, it the nonce). */
void random_expand(const uint8_t random[32], uint64_t number, void *out, size_t size);
