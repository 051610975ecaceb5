/* The keys of access tokens: a file in the data directory, one key a line, `kid secret`. The first signs, all verify, so
   a new first line changes the key and nobody has to log in anew. */
#pragma once
#include "base/arena.h"
#include "base/token.h"
#include <stdbool.h>

enum { TOKEN_KEYS_MOST = 8 };

struct token_keys {
    struct token_key keys[TOKEN_KEYS_MOST];
    uint32_t count;
};

/* Reads the keys, or makes the first one. On failure false and a sentence. */
bool token_keys_open(struct token_keys *keys, const char *data_directory, char problem[256]);
/* Puts a fresh key in front; the ones that verify only become one more, at most TOKEN_KEYS_MOST in all. */
bool token_keys_rotate(struct token_keys *keys, const char *data_directory, char problem[256]);
