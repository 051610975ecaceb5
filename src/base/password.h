/* Argon2id password hashes in their standard text form ($argon2id$v=19$…). Slow on purpose: only on workers. */
#pragma once
#include "base/arena.h"

enum { PASSWORD_HASH_SIZE = 128 };

/* `salt` makes the result a pure function. OWASP's minimum: 19 MiB, 2 passes, 1 lane. Both answer false when there is no
   memory for it: then nothing is known, least of all that the password is wrong. */
bool password_hash(struct text password, const uint8_t salt[16], char out[PASSWORD_HASH_SIZE]);
bool password_verify(struct text password, struct text hash, bool *matches);
/* A hash with the same parameters that no password has: verified for unknown accounts, so that timing tells nothing. */
extern const char PASSWORD_HASH_OF_NOBODY[];
