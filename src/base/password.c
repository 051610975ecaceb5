/* Passwords. The parameters are OWASP's minimum for Argon2id, and the hash of nobody has the same, so verifying it takes
   as long as verifying any other. */
#include "base/password.h"
#include "base/check.h"
#include <sodium.h>
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

void password_hash(struct text password, const uint8_t salt[16], char out[PASSWORD_HASH_SIZE])
{
    uint8_t hash[HASH_SIZE];
    int made = crypto_pwhash_argon2id(hash, sizeof hash, password.data ? password.data : "", password.length, salt,
                                      PASSES, (size_t)MEMORY_KIB * 1024, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    CHECK(made == 0); /* the parameters are constants: only missing memory is left as a cause */

    memset(out, 0, PASSWORD_HASH_SIZE);
    memcpy(out, prefix, sizeof prefix - 1);
    char *at = out + sizeof prefix - 1, *end = out + PASSWORD_HASH_SIZE;
    sodium_bin2base64(at, (size_t)(end - at), salt, SALT_SIZE, BASE64);
    at += strlen(at);
    *at++ = '$';
    sodium_bin2base64(at, (size_t)(end - at), hash, sizeof hash, BASE64);
    sodium_memzero(hash, sizeof hash);
}

/* Reads the parameters from the hash, so that hashes made with others verify too. */
bool password_verify(struct text password, struct text hash)
{
    char text[crypto_pwhash_argon2id_STRBYTES] = {0};
    if (!hash.length || hash.length >= sizeof text || memchr(hash.data, 0, hash.length)) return false;
    memcpy(text, hash.data, hash.length);
    return crypto_pwhash_argon2id_str_verify(text, password.data ? password.data : "", password.length) == 0;
}
