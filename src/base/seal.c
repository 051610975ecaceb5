/* Keys and sealing. Layouts here are on disk and must never change.

   A row of the slots, 128 bytes: state, 7 zero bytes, mark of the master key (8), tenant (16), subject (16), nonce (24),
   wrapped key (32 and a tag of 16), checksum over the slot's number and all before it (8). Erasing changes the state and
   what follows the subject, so that a torn write still says whose slot it was. The key is wrapped with the slot's number,
   tenant and subject as associated data: a row serves nowhere else. */
#include "base/seal.h"
#include "base/check.h"
#include "base/slot.h"
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEY_SIZE = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    HASH_SIZE = 32,
#ifdef TINY
    CACHED_KEYS = 3,
#else
    CACHED_KEYS = 2048,
#endif
};
_Static_assert(SEAL_OVERHEAD == NONCE_SIZE + TAG_SIZE, "sealed bytes are nonce, cipher text, tag");

/* The two keys of one subject, derived from what its slot holds. */
struct subject_keys {
    uint8_t cipher[KEY_SIZE], nonce[HASH_SIZE];
};
struct cached_keys {
    uint32_t slot; /* 0: nothing is cached here, as no subject has that slot */
    struct subject_keys keys;
};
/* What must not be swapped out or end in a core file. */
struct secrets {
    uint8_t master[KEYRING_MASTER_SIZE], hash[KEY_SIZE];
    struct cached_keys cache[CACHED_KEYS];
};
struct keyring {
    pthread_mutex_t mutex;
    struct keyring_port port;
    struct secrets *secrets;
    uint64_t drawn; /* keys without a port */
    struct slot *slots;
    uint32_t count, room;
    uint32_t *places; /* slot numbers by hash of tenant and subject, open addressing; 0: free */
    uint32_t place_count;
    struct keyring_writes writes;
    struct keyring_figures figures;
};

/* ---- its life ---- */

struct keyring *keyring_create(const uint8_t master[KEYRING_MASTER_SIZE], const struct keyring_port *port)
{
    CHECK(sodium_init() >= 0);
    struct keyring *keyring = memory_alloc(sizeof *keyring);
    CHECK(pthread_mutex_init(&keyring->mutex, NULL) == 0);
    keyring->secrets = sodium_malloc(sizeof *keyring->secrets);
    CHECK(keyring->secrets);
    memset(keyring->secrets, 0, sizeof *keyring->secrets);
    memcpy(keyring->secrets->master, master, KEYRING_MASTER_SIZE);
    if (port)
        keyring->port = *port;
    else
        CHECK(keyring_ready(keyring));
    return keyring;
}

void keyring_destroy(struct keyring *keyring)
{
    if (!keyring) return;
    if (keyring->port.close) keyring->port.close(keyring->port.context);
    slot_writes_free(keyring->writes.made);
    slot_writes_free(keyring->writes.erased);
    sodium_free(keyring->secrets); /* wipes them */
    pthread_mutex_destroy(&keyring->mutex);
    free(keyring->slots);
    free(keyring->places);
    free(keyring);
}

static void draw(struct keyring *keyring, void *out, size_t size)
{
    if (keyring->port.random)
        keyring->port.random(keyring->port.context, out, size);
    else
        random_expand(keyring->secrets->master, keyring->drawn++, out, size);
}

/* ---- slots by subject ---- */

static uint32_t place_of(const struct keyring *keyring, struct id tenant, struct id subject)
{
    uint32_t high, low;
    memcpy(&low, subject.bytes + 12, sizeof low); /* the random end of a UUIDv7, the hash of a derived id */
    memcpy(&high, tenant.bytes + 12, sizeof high);
    return ((low ^ high * 40503u) * 2654435761u) & (keyring->place_count - 1);
}

/* The place of a subject's slot, or the free one where it belongs. */
static uint32_t *place_find(const struct keyring *keyring, struct id tenant, struct id subject)
{
    uint32_t at = place_of(keyring, tenant, subject);
    for (; keyring->places[at]; at = (at + 1) & (keyring->place_count - 1)) {
        const struct slot *slot = &keyring->slots[keyring->places[at]];
        if (id_equal(slot->subject, subject) && id_equal(slot->tenant, tenant)) break;
    }
    return &keyring->places[at];
}

static void places_grow(struct keyring *keyring)
{
    if (keyring->place_count / 2 > keyring->count) return;
    free(keyring->places);
    keyring->place_count = keyring->place_count ? keyring->place_count * 2 : 64;
    keyring->places = memory_alloc(keyring->place_count * sizeof *keyring->places);
    for (uint32_t number = 1; number < keyring->count; number++) {
        const struct slot *slot = &keyring->slots[number];
        if (slot->state != SLOT_FREE) *place_find(keyring, slot->tenant, slot->subject) = number;
    }
}

/* The next number, with all before it. */
static struct slot *slot_add(struct keyring *keyring, uint32_t number)
{
    while (number >= keyring->room) {
        uint32_t room = keyring->room ? keyring->room * 2 : 64;
        keyring->slots = memory_resize(keyring->slots, room * sizeof *keyring->slots);
        memset(keyring->slots + keyring->room, 0, (room - keyring->room) * sizeof *keyring->slots);
        keyring->room = room;
    }
    if (number >= keyring->count) keyring->count = number + 1;
    places_grow(keyring);
    return &keyring->slots[number];
}

static void write_later(struct keyring *keyring, struct slot_write **list, uint32_t number)
{
    if (!keyring->port.write) return; /* kept in memory, or opened to be read */
    struct slot_write *write = memory_alloc(sizeof *write);
    *write = (struct slot_write){.next = *list, .slot = number};
    slot_encode(&keyring->slots[number], keyring->secrets->master, number, write->row);
    *list = write;
}

static uint32_t slot_make(struct keyring *keyring, enum slot_state state, struct id tenant, struct id subject)
{
    uint32_t number = keyring->count;
    CHECK(number < UINT32_MAX / SLOT_SIZE);
    struct slot *slot = slot_add(keyring, number);
    *slot = (struct slot){.tenant = tenant, .subject = subject, .state = (uint8_t)state};
    if (state != SLOT_ERASED) {
        uint8_t key[KEY_SIZE];
        draw(keyring, key, sizeof key);
        draw(keyring, slot->nonce, sizeof slot->nonce);
        slot_wrap(slot, keyring->secrets->master, number, key);
        sodium_memzero(key, sizeof key);
    }
    keyring->figures.slots += state == SLOT_LIVE;
    keyring->figures.erased += state == SLOT_ERASED;
    if (number) *place_find(keyring, tenant, subject) = number;
    return number;
}

bool keyring_load(struct keyring *keyring, uint32_t number, const uint8_t row[SLOT_SIZE])
{
    struct slot read;
    bool whole = slot_decode(row, number, &read);
    if (whole && read.state != SLOT_FREE && !slot_is_of(keyring->secrets->master, number, row)) return false;
    struct slot *slot = slot_add(keyring, number);
    *slot = read;
    keyring->figures.slots += read.state == SLOT_LIVE;
    keyring->figures.erased += read.state == SLOT_ERASED;
    keyring->figures.damaged += read.state == SLOT_DAMAGED;
    if (number && read.state != SLOT_FREE) *place_find(keyring, read.tenant, read.subject) = number;
    return true;
}

bool keyring_ready(struct keyring *keyring)
{
    if (!keyring->count) {
        slot_make(keyring, SLOT_SECRET, ID_NONE, ID_NONE);
        write_later(keyring, &keyring->writes.made, 0);
    }
    const struct slot *first = &keyring->slots[0];
    return first->state == SLOT_SECRET && slot_unwrap(first, keyring->secrets->master, 0, keyring->secrets->hash);
}

/* ---- writing ---- */

void slot_writes_free(struct slot_write *rows)
{
    while (rows) {
        struct slot_write *next = rows->next;
        free(rows);
        rows = next;
    }
}

static void move_rows(struct slot_write **from, struct slot_write **to)
{
    while (*from) {
        struct slot_write *row = *from;
        *from = row->next;
        row->next = *to;
        *to = row;
    }
}

void keyring_writes_move(struct keyring_writes *from, struct keyring_writes *to)
{
    move_rows(&from->made, &to->made);
    move_rows(&from->erased, &to->erased);
}

void keyring_take(struct keyring *keyring, struct keyring_writes *writes)
{
    pthread_mutex_lock(&keyring->mutex);
    keyring_writes_move(&keyring->writes, writes);
    pthread_mutex_unlock(&keyring->mutex);
}

bool keyring_write(struct keyring *keyring, struct slot_write **rows)
{
    if (!*rows) return true;
    bool written = keyring->port.write(keyring->port.context, *rows);
    slot_writes_free(*rows);
    *rows = NULL;
    return written;
}

/* ---- the keys of a subject ---- */

/* Labels keep the uses of a key apart; all have the same length, so that no label is the start of another. */
static const uint8_t label_seal[12] = "souk seal 1", label_hash[12] = "souk hash 1";

static void subject_keys_derive(const uint8_t key[KEY_SIZE], struct id tenant, struct id subject,
                                struct subject_keys *keys)
{
    _Static_assert(sizeof *keys == crypto_generichash_BYTES_MAX, "both keys come from one hash");
    uint8_t input[sizeof label_seal + 2 * sizeof tenant.bytes];
    memcpy(input, label_seal, sizeof label_seal);
    memcpy(input + sizeof label_seal, tenant.bytes, sizeof tenant.bytes);
    memcpy(input + sizeof label_seal + sizeof tenant.bytes, subject.bytes, sizeof subject.bytes);
    crypto_generichash((uint8_t *)keys, sizeof *keys, input, sizeof input, key, KEY_SIZE);
}

/* NULL when the slot's key cannot be had. Valid until the next call. */
static const struct subject_keys *keys_of_slot(struct keyring *keyring, uint32_t number)
{
    struct cached_keys *cached = &keyring->secrets->cache[number % CACHED_KEYS];
    if (cached->slot == number) return &cached->keys;
    uint8_t key[KEY_SIZE];
    struct slot *slot = &keyring->slots[number];
    if (!slot_unwrap(slot, keyring->secrets->master, number, key)) return NULL;
    subject_keys_derive(key, slot->tenant, slot->subject, &cached->keys);
    cached->slot = number;
    sodium_memzero(key, sizeof key);
    return &cached->keys;
}

/* 0: it has none. */
static uint32_t slot_of(const struct keyring *keyring, struct id tenant, struct id subject)
{
    return keyring->place_count ? *place_find(keyring, tenant, subject) : 0;
}

static uint32_t slot_of_or_made(struct keyring *keyring, struct id tenant, struct id subject)
{
    uint32_t number = slot_of(keyring, tenant, subject);
    if (number) return number;
    number = slot_make(keyring, SLOT_LIVE, tenant, subject);
    write_later(keyring, &keyring->writes.made, number);
    return number;
}

void keyring_erase(struct keyring *keyring, struct id tenant, struct id subject)
{
    pthread_mutex_lock(&keyring->mutex);
    uint32_t number = slot_of(keyring, tenant, subject);
    if (!number) {
        number = slot_make(keyring, SLOT_ERASED, tenant, subject);
        write_later(keyring, &keyring->writes.erased, number);
    } else if (keyring->slots[number].state != SLOT_ERASED) {
        struct slot *slot = &keyring->slots[number];
        keyring->figures.slots -= slot->state == SLOT_LIVE;
        keyring->figures.damaged -= slot->state == SLOT_DAMAGED;
        keyring->figures.erased++;
        slot->state = SLOT_ERASED;
        sodium_memzero(slot->nonce, sizeof slot->nonce);
        sodium_memzero(slot->wrapped, sizeof slot->wrapped);
        struct cached_keys *cached = &keyring->secrets->cache[number % CACHED_KEYS];
        if (cached->slot == number) sodium_memzero(cached, sizeof *cached);
#if !defined MUTANT || MUTANT != 45
        write_later(keyring, &keyring->writes.erased, number);
#endif
    }
    pthread_mutex_unlock(&keyring->mutex);
}

bool keyring_is_erased(struct keyring *keyring, struct id tenant, struct id subject)
{
    pthread_mutex_lock(&keyring->mutex);
    uint32_t number = slot_of(keyring, tenant, subject);
    bool erased = number && keyring->slots[number].state == SLOT_ERASED;
    pthread_mutex_unlock(&keyring->mutex);
    return erased;
}

uint32_t keyring_list_erased(struct keyring *keyring, struct subject *erased, uint32_t most)
{
    uint32_t count = 0;
    pthread_mutex_lock(&keyring->mutex);
    for (uint32_t i = 0; i < keyring->count && count < most; i++)
        if (keyring->slots[i].state == SLOT_ERASED)
            erased[count++] = (struct subject){keyring->slots[i].tenant, keyring->slots[i].subject};
    pthread_mutex_unlock(&keyring->mutex);
    return count;
}

struct keyring_figures keyring_figures(struct keyring *keyring)
{
    pthread_mutex_lock(&keyring->mutex);
    struct keyring_figures figures = keyring->figures;
    pthread_mutex_unlock(&keyring->mutex);
    return figures;
}

/* ---- sealing ---- */

static void update(crypto_generichash_state *state, struct text part)
{
    if (part.length) crypto_generichash_update(state, (const uint8_t *)part.data, part.length);
}

/* Over the length of the associated data, the associated data and the plain text: the length tells where one ends. */
static void nonce_make(const struct subject_keys *keys, struct text associated, struct text plain,
                       uint8_t out[NONCE_SIZE])
{
    crypto_generichash_state state;
    uint32_t length = __builtin_bswap32(associated.length);
    crypto_generichash_init(&state, keys->nonce, sizeof keys->nonce, NONCE_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)&length, sizeof length);
    update(&state, associated);
    update(&state, plain);
    crypto_generichash_final(&state, out, NONCE_SIZE);
    sodium_memzero(&state, sizeof state);
}

struct text seal(struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                 struct text associated, struct text plain)
{
    CHECK(plain.length <= UINT32_MAX - SEAL_OVERHEAD);
    struct text sealed = {0};
    pthread_mutex_lock(&keyring->mutex);
    const struct subject_keys *keys = keys_of_slot(keyring, slot_of_or_made(keyring, tenant, subject));
    if (keys) {
        uint8_t *out = arena_alloc(arena, (size_t)plain.length + SEAL_OVERHEAD);
        nonce_make(keys, associated, plain, out);
        crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_SIZE, NULL, (const uint8_t *)plain.data, plain.length,
                                                   (const uint8_t *)associated.data, associated.length, NULL, out,
                                                   keys->cipher);
        sealed = (struct text){(const char *)out, plain.length + SEAL_OVERHEAD};
    }
    pthread_mutex_unlock(&keyring->mutex);
    return sealed;
}

static bool unseal_with(const struct subject_keys *keys, struct arena *arena, struct text associated,
                        struct text sealed, struct text *plain)
{
    if (sealed.length < SEAL_OVERHEAD) return false;
    const uint8_t *nonce = (const uint8_t *)sealed.data;
    uint32_t length = sealed.length - SEAL_OVERHEAD;
    uint8_t *out = arena_alloc(arena, (size_t)length + 1); /* a zero at the end, for whoever prints it */
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, nonce + NONCE_SIZE, sealed.length - NONCE_SIZE,
                                                   (const uint8_t *)associated.data, associated.length, nonce,
                                                   keys->cipher) != 0)
        return false;
    *plain = (struct text){(const char *)out, length};
    return true;
}

enum unsealed unseal(struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                     struct text associated, struct text sealed, struct text *plain)
{
    enum unsealed unsealed = UNSEALED_LOST;
    pthread_mutex_lock(&keyring->mutex);
    uint32_t number = slot_of(keyring, tenant, subject);
    const struct subject_keys *keys = number ? keys_of_slot(keyring, number) : NULL;
    if (keys)
        unsealed = unseal_with(keys, arena, associated, sealed, plain) ? UNSEALED : UNSEALED_FORGED;
    else if (number && keyring->slots[number].state == SLOT_ERASED)
        unsealed = UNSEALED_ERASED;
    pthread_mutex_unlock(&keyring->mutex);
    return unsealed;
}

/* ---- hashes ---- */

static void hash_under(const uint8_t secret[KEY_SIZE], const char *purpose, struct text value, uint8_t out[32])
{
    uint8_t key[HASH_SIZE];
    crypto_generichash_state state;
    crypto_generichash_init(&state, secret, KEY_SIZE, sizeof key);
    crypto_generichash_update(&state, label_hash, sizeof label_hash);
    update(&state, text_of(purpose));
    crypto_generichash_final(&state, key, sizeof key);
    sodium_memzero(&state, sizeof state);

    crypto_generichash(out, HASH_SIZE, (const uint8_t *)value.data, value.length, key, sizeof key);
    sodium_memzero(key, sizeof key);
}

void keyring_hash(struct keyring *keyring, const char *purpose, struct text value, uint8_t out[32])
{
    hash_under(keyring->secrets->hash, purpose, value, out);
}

void keyring_subject_hash(struct keyring *keyring, struct id tenant, struct id subject, const char *purpose,
                          struct text value, uint8_t out[32])
{
    pthread_mutex_lock(&keyring->mutex);
    const struct subject_keys *keys = keys_of_slot(keyring, slot_of_or_made(keyring, tenant, subject));
    if (keys)
        hash_under(keys->nonce, purpose, value, out);
    else
        memset(out, 0, HASH_SIZE); /* an erased subject: all values have one hash */
    pthread_mutex_unlock(&keyring->mutex);
}

void hash_bytes(struct text first, struct text second, uint8_t out[32])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, HASH_SIZE);
    update(&state, first);
    update(&state, second);
    crypto_generichash_final(&state, out, HASH_SIZE);
}

void random_expand(const uint8_t random[32], uint64_t number, void *out, size_t size)
{
    uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(number >> 8 * i);
    crypto_stream_chacha20(out, size, nonce, random);
}
