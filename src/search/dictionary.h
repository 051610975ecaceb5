/* The words that an index holds, each with how often, and which of them somebody may have meant who mistyped.

   A word belongs to a scope (a tenant's entities of one kind), which is the beginning of its key: a word of one
   marketplace is never suggested in another. */
#pragma once
#include "base/text.h"

enum { SCOPE_LENGTH = 4, NEAR_MOST = 12, NEAR_EDITS_MOST = 2 };

struct dictionary;
struct near {
    struct text word; /* without scope; lives until the dictionary changes */
    uint32_t edits, count;
};

struct dictionary *dictionary_create(void);
void dictionary_destroy(struct dictionary *dictionary);
void dictionary_add(struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word);
void dictionary_remove(struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word);
size_t dictionary_words(const struct dictionary *dictionary);
size_t dictionary_bytes(const struct dictionary *dictionary); /* memory held, about */
/* Words of the scope that `word` becomes by 1 … `edits` insertions, deletions, replacements or swaps of neighbours: the
   nearest first, then the most frequent. Returns their number, at most NEAR_MOST. */
uint32_t dictionary_near(const struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word,
                         uint32_t edits, struct near near[NEAR_MOST]);
