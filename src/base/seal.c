/* Sealing. Every key is derived from the master key for one use, the master key itself seals nothing; key bytes live in
   guarded memory or on the stack of one call, which wipes them. Layouts here are on disk and must never change. */
#include "base/seal.h"
#include "base/check.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NONCE_SIZE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG_SIZE = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    KEY_SIZE = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
    HASH_SIZE = 32,
};
_Static_assert(SEAL_OVERHEAD == NONCE_SIZE + TAG_SIZE, "sealed bytes are nonce, cipher text, tag");

struct keyring {
    uint8_t master[KEYRING_MASTER_SIZE];
};
/* The two keys of one subject. */
struct subject_keys {
    uint8_t cipher[KEY_SIZE], nonce[HASH_SIZE];
};

/* ---- the master key ---- */

struct keyring *keyring_create(const uint8_t master[KEYRING_MASTER_SIZE])
{
    CHECK(sodium_init() >= 0);
    struct keyring *keyring = sodium_malloc(sizeof *keyring);
    CHECK(keyring);
    memcpy(keyring->master, master, KEYRING_MASTER_SIZE);
    sodium_mprotect_readonly(keyring);
    return keyring;
}

void keyring_destroy(struct keyring *keyring)
{
    sodium_free(keyring); /* wipes it; NULL is fine */
}

/* False with the sentence "cannot <what> <path>: <reason>". */
static bool refuse(char problem[256], const char *what, const char *path, const char *reason)
{
    snprintf(problem, 256, "cannot %s %.140s: %.80s", what, path, reason);
    return false;
}

static bool read_whole(int file, uint8_t *out, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = read(file, out + done, size - done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_whole(int file, const uint8_t *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = write(file, data + done, size - done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        done += (size_t)put;
    }
    return true;
}

static bool master_read(int file, const char *path, uint8_t master[KEYRING_MASTER_SIZE], char problem[256])
{
    static const char what[] = "use the master key";
    struct stat status;
    if (fstat(file, &status) != 0) return refuse(problem, what, path, strerror(errno));
    if (!S_ISREG(status.st_mode)) return refuse(problem, what, path, "it is not a regular file");
    if (status.st_mode & 077) return refuse(problem, what, path, "its mode has to be 0600");
    if (status.st_size != KEYRING_MASTER_SIZE) return refuse(problem, what, path, "it does not hold exactly 32 bytes");
    if (!read_whole(file, master, KEYRING_MASTER_SIZE)) return refuse(problem, what, path, "it cannot be read");
    return true;
}

static bool directory_sync(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[4096];
    int length = slash ? (int)(slash == path ? 1 : slash - path) : 1;
    if (snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".") >= (int)sizeof directory)
        return false;
    int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0) return false;
    bool synced = fsync(file) == 0;
    close(file);
    return synced;
}

/* Written beside its place and linked into it: a crash leaves either no key file or a whole one, and a file that somebody
   else made meanwhile is never overwritten. */
static bool master_make(const char *path, uint8_t master[KEYRING_MASTER_SIZE], char problem[256])
{
    static const char what[] = "make the master key";
    char draft[4096];
    if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft)
        return refuse(problem, what, path, "the name is too long");
    unlink(draft); /* of a start that was cut off */
    int file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return refuse(problem, what, draft, strerror(errno));

    randombytes_buf(master, KEYRING_MASTER_SIZE);
    bool made = fchmod(file, 0600) == 0 && write_whole(file, master, KEYRING_MASTER_SIZE) && fsync(file) == 0;
    made = made && link(draft, path) == 0;
    int error = errno;
    close(file);
    unlink(draft);
    if (!made) return refuse(problem, what, path, strerror(error));
    if (!directory_sync(path)) return refuse(problem, what, path, "its directory cannot be synced");
    return true;
}

struct keyring *keyring_open(const char *path, char problem[256])
{
    CHECK(sodium_init() >= 0);
    problem[0] = 0;
    uint8_t master[KEYRING_MASTER_SIZE];
    bool known;
    int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang the start */
    if (file >= 0) {
        known = master_read(file, path, master, problem);
        close(file);
    } else if (errno == ENOENT) {
        known = master_make(path, master, problem);
    } else {
        known = refuse(problem, "open the master key", path, strerror(errno));
    }
    struct keyring *keyring = known ? keyring_create(master) : NULL;
    sodium_memzero(master, sizeof master);
    return keyring;
}

/* ---- derived keys ---- */

/* Labels keep the uses of the master key apart; all have the same length, so that no label is the start of another. */
static const uint8_t label_seal[12] = "souk seal 1", label_hash[12] = "souk hash 1";

static void subject_keys_derive(const struct keyring *keyring, struct id tenant, struct id subject,
                                struct subject_keys *keys)
{
    _Static_assert(sizeof *keys == crypto_generichash_BYTES_MAX, "both keys come from one hash");
    uint8_t input[sizeof label_seal + 2 * sizeof tenant.bytes];
    memcpy(input, label_seal, sizeof label_seal);
    memcpy(input + sizeof label_seal, tenant.bytes, sizeof tenant.bytes);
    memcpy(input + sizeof label_seal + sizeof tenant.bytes, subject.bytes, sizeof subject.bytes);
    crypto_generichash((uint8_t *)keys, sizeof *keys, input, sizeof input, keyring->master, sizeof keyring->master);
}

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

struct text seal(const struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
                 struct text associated, struct text plain)
{
    CHECK(plain.length <= UINT32_MAX - SEAL_OVERHEAD);
    struct subject_keys keys;
    subject_keys_derive(keyring, tenant, subject, &keys);
    uint8_t *out = arena_alloc(arena, (size_t)plain.length + SEAL_OVERHEAD);
    nonce_make(&keys, associated, plain, out);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE_SIZE, NULL, (const uint8_t *)plain.data, plain.length,
                                               (const uint8_t *)associated.data, associated.length, NULL, out,
                                               keys.cipher);
    sodium_memzero(&keys, sizeof keys);
    return (struct text){(const char *)out, plain.length + SEAL_OVERHEAD};
}

bool unseal(const struct keyring *keyring, struct arena *arena, struct id tenant, struct id subject,
            struct text associated, struct text sealed, struct text *plain)
{
    if (sealed.length < SEAL_OVERHEAD) return false;
    struct subject_keys keys;
    subject_keys_derive(keyring, tenant, subject, &keys);
    const uint8_t *nonce = (const uint8_t *)sealed.data;
    uint32_t length = sealed.length - SEAL_OVERHEAD;
    uint8_t *out = arena_alloc(arena, (size_t)length + 1); /* a zero at the end, for whoever prints it */
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        out, NULL, NULL, nonce + NONCE_SIZE, sealed.length - NONCE_SIZE, (const uint8_t *)associated.data,
        associated.length, nonce, keys.cipher);
    sodium_memzero(&keys, sizeof keys);
    if (opened != 0) return false;
    *plain = (struct text){(const char *)out, length};
    return true;
}

/* ---- hashes ---- */

void keyring_hash(const struct keyring *keyring, const char *purpose, struct text value, uint8_t out[32])
{
    uint8_t key[HASH_SIZE];
    crypto_generichash_state state;
    crypto_generichash_init(&state, keyring->master, sizeof keyring->master, sizeof key);
    crypto_generichash_update(&state, label_hash, sizeof label_hash);
    update(&state, text_of(purpose));
    crypto_generichash_final(&state, key, sizeof key);
    sodium_memzero(&state, sizeof state);

    crypto_generichash(out, HASH_SIZE, (const uint8_t *)value.data, value.length, key, sizeof key);
    sodium_memzero(key, sizeof key);
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
