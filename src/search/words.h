/* Texts (of valid UTF-8) cut into words that compare equal however they were typed: without case and diacritics (the tokenizer of SQLite's
   FTS5, unicode61), in any script. A word holds letters, digits and marks of one text run alone, so it means nothing to
   any query language.

   What is written without blanks between words (Chinese, Japanese, Thai …) is cut into overlapping pairs of characters;
   a symbol such as an emoji is a word of its own. */
#pragma once
#include "base/text.h"

struct sqlite3;
struct fts5_api *fts5_of(struct sqlite3 *connection); /* NULL: this SQLite has no FTS5 */

struct words;
enum words_use {
    WORDS_STORED,
    WORDS_ASKED
}; /* a stored run ends in its last character too, so that one can be asked for */
struct word {
    struct text text;
    bool pair; /* of a script without blanks, or a symbol: it is never misspelt by a letter */
};

struct words *words_open(struct sqlite3 *connection); /* NULL as fts5_of */
void words_close(struct words *words);
void words_of(struct words *words, struct text text, enum words_use use,
              void (*take)(void *context, const struct word *word), void *context);
