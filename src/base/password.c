/* Passwords. The parameters are OWASP's minimum for Argon2id, and the hash of nobody has the same, so verifying it takes
   as long as verifying any other. */
#include "base/password.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
    MEMORY_KIB = 19 * 1024,
    PASSES = 2,
    SALT_SIZE = crypto_pwhash_argon2id_SALTBYTES,
    HASH_SIZE = 32,
    BASE64 = sodium_base64_VARIANT_ORIGINAL_NO_PADDING, /* that of the PHC string format */
};
_Static_assert(SALT_SIZE == 16, "the salt of the interface");
_Static_assert(PASSWORD_HASH_SIZE >= crypto_pwhash_argon2id_STRBYTES, "a hash text fits");

static const char prefix[] = "$argon2id$v=19$m=19456,t=2,p=1$";

/* Salt and hash are random bytes: no password is known to give them. */
/* clang-format off */
const char PASSWORD_HASH_OF_NOBODY[] =
    "$argon2id$v=19$m=19456,t=2,p=1$Lc6m3iWj7EreBIoI/+G8Jw$1VZrjgKlH/UqsMG3qL8DXO3AGKWdaG/nSwIZe08cI2E";
/* clang-format on */

bool password_hash(struct text password, const uint8_t salt[16], char out[PASSWORD_HASH_SIZE])
{
    uint8_t hash[HASH_SIZE];
    int made = crypto_pwhash_argon2id(hash, sizeof hash, password.data ? password.data : "", password.length, salt,
                                      PASSES, (size_t)MEMORY_KIB * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    if (made != 0) return false; /* the parameters are constants: only missing memory is left as a cause */

    memset(out, 0, PASSWORD_HASH_SIZE);
    memcpy(out, prefix, sizeof prefix - 1);
    char *at = out + sizeof prefix - 1, *end = out + PASSWORD_HASH_SIZE;
    sodium_bin2base64(at, (size_t)(end - at), salt, SALT_SIZE, BASE64);
    at += strlen(at);
    *at++ = '$';
    sodium_bin2base64(at, (size_t)(end - at), hash, sizeof hash, BASE64);
    sodium_memzero(hash, sizeof hash);
    return true;
}

/* libsodium's own verification takes missing memory for a wrong password, so the hash is taken apart here. */
struct parts {
    unsigned memory_kib, passes;
    uint8_t salt[SALT_SIZE], hash[HASH_SIZE];
};

static bool decode(const char *text, size_t size, uint8_t *out)
{
    size_t length;
    return sodium_base642bin(out, size, text, strlen(text), NULL, &length, NULL, BASE64) == 0 && length == size;
}

static bool take_apart(const char *text, struct parts *parts)
{
    char salt[32], hash[64];
    int end = 0;
    /* NOLINTNEXTLINE(cert-err34-c): eight digits fit */
    int read = sscanf(text, "$argon2id$v=19$m=%8u,t=%8u,p=1$%30[A-Za-z0-9+/]$%60[A-Za-z0-9+/]%n", &parts->memory_kib,
                      &parts->passes, salt, hash, &end);
    return read == 4 && !text[end] && parts->passes &&
           parts->memory_kib >= crypto_pwhash_argon2id_MEMLIMIT_MIN / 1024 &&
           decode(salt, sizeof parts->salt, parts->salt) && decode(hash, sizeof parts->hash, parts->hash);
}

/* Reads the parameters from the hash, so that hashes made with others verify too. */
bool password_verify(struct text password, struct text hash, bool *matches)
{
    char text[PASSWORD_HASH_SIZE] = {0};
    uint8_t made[HASH_SIZE];
    struct parts parts;
    *matches = false;
    if (!hash.length || hash.length >= sizeof text || memchr(hash.data, 0, hash.length)) return true;
    memcpy(text, hash.data, hash.length);
    if (!take_apart(text, &parts)) return true;
    if (crypto_pwhash_argon2id(made, sizeof made, password.data ? password.data : "", password.length, parts.salt,
                               parts.passes, (size_t)parts.memory_kib * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13))
        return false;
    *matches = sodium_memcmp(made, parts.hash, sizeof made) == 0;
    sodium_memzero(made, sizeof made);
    return true;
}
