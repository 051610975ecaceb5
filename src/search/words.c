/* Symbols are cut out first, by ranges; what lies between goes through unicode61; its tokens are cut where the script
   changes from one with blanks to one without. */
#include "search/words.h"
#include "base/arena.h"
#include "base/check.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_CHARACTERS_MOST = 40 }; /* of one word: what is longer is found by its beginning */

struct words {
    fts5_tokenizer calls;
    Fts5Tokenizer *tokenizer;
};

/* ---- unicode61 ---- */
fts5_api *fts5_of(sqlite3 *connection)
{
    fts5_api *api = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(connection, "SELECT fts5(?1)", -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, (void *)&api, "fts5_api_ptr", NULL);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    return api;
}

struct words *words_open(sqlite3 *connection)
{
    static const char *options[] = {"remove_diacritics", "2", "categories", "L* M* N* Co"};
    fts5_api *api = fts5_of(connection);
    void *context = NULL;
    struct words *words = memory_alloc(sizeof *words);
    if (api && api->xFindTokenizer(api, "unicode61", &context, &words->calls) == SQLITE_OK &&
        words->calls.xCreate(context, options, sizeof options / sizeof options[0], &words->tokenizer) == SQLITE_OK)
        return words;
    free(words);
    return NULL;
}

void words_close(struct words *words)
{
    words->calls.xDelete(words->tokenizer);
    free(words);
}

/* ---- characters ---- */
enum script { SPACED, UNSPACED, SYMBOL, MARK };
struct range {
    uint32_t first, last;
    enum script script;
};
/* clang-format off */
static const struct range ranges[] = { /* ascending; what is in none is SPACED */
    {0x00A9,  0x00A9,  SYMBOL},   {0x00AE,  0x00AE,  SYMBOL},   {0x0300,  0x036F,  MARK},     /* combining diacritics */
    {0x0E00,  0x0EFF,  UNSPACED},                                                             /* Thai, Lao */
    {0x1000,  0x109F,  UNSPACED}, {0x1780,  0x17FF,  UNSPACED},                               /* Burmese, Khmer */
    {0x200D,  0x200D,  MARK},     {0x20E3,  0x20E3,  MARK},                                   /* joins emoji */
    {0x2190,  0x2BFF,  SYMBOL},   {0x2E80,  0x2FDF,  UNSPACED},                               /* arrows …; radicals */
    {0x3005,  0x3007,  UNSPACED}, {0x3040,  0x30FF,  UNSPACED}, {0x31F0,  0x31FF,  UNSPACED}, /* kana */
    {0x3200,  0x33FF,  SYMBOL},   {0x3400,  0x4DBF,  UNSPACED}, {0x4E00,  0x9FFF,  UNSPACED}, /* Han */
    {0xF900,  0xFAFF,  UNSPACED}, {0xFE00,  0xFE0F,  MARK},     {0xFF66,  0xFF9D,  UNSPACED},
    {0x1F000, 0x1F3FA, SYMBOL},   {0x1F3FB, 0x1F3FF, MARK},     {0x1F400, 0x1FBFF, SYMBOL},   /* emoji; skin colours */
    {0x20000, 0x3FFFF, UNSPACED}, {0xE0000, 0xE01FF, MARK},
};
/* clang-format on */

static enum script script_of(uint32_t character)
{
    if (character < ranges[0].first) return SPACED;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0] && ranges[i].first <= character; i++)
        if (character <= ranges[i].last) return ranges[i].script;
    return SPACED;
}

/* The next character of valid UTF-8; what is not valid is taken byte by byte. */
static uint32_t character_next(struct text text, uint32_t *at)
{
    uint8_t first = (uint8_t)text.data[(*at)++];
    uint32_t more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0;
    uint32_t character = more ? first & (0x3Fu >> more) : first;
    for (; more && *at < text.length && ((uint8_t)text.data[*at] & 0xC0) == 0x80; more--)
        character = character << 6 | ((uint8_t)text.data[(*at)++] & 0x3Fu);
    return character;
}

/* ---- cutting ---- */
struct cutting {
    enum words_use use;
    void (*take)(void *context, const struct word *word);
    void *context;
    char word[WORD_CHARACTERS_MOST * 4]; /* of a script with blanks, being gathered */
    uint32_t length, characters;
    struct text before; /* the last character of a run without blanks; absent: there is none */
    bool paired;        /* it ended a pair already */
};

static void give(struct cutting *cutting, struct text text, bool pair)
{
    struct word word = {text, pair};
    if (text.length) cutting->take(cutting->context, &word);
}

static void end_word(struct cutting *cutting)
{
    give(cutting, (struct text){cutting->word, cutting->length}, false);
    cutting->length = cutting->characters = 0;
}

static void end_run(struct cutting *cutting)
{
    if (cutting->before.data && (cutting->use == WORDS_STORED || !cutting->paired))
        give(cutting, cutting->before, true);
    cutting->before = (struct text){0};
    cutting->paired = false;
}

static void add_spaced(struct cutting *cutting, struct text bytes)
{
    end_run(cutting);
    if (cutting->characters == WORD_CHARACTERS_MOST) return;
    memcpy(cutting->word + cutting->length, bytes.data, bytes.length);
    cutting->length += bytes.length;
    cutting->characters++;
}

/* Characters of a token lie side by side, so a pair is one piece of it. */
static void add_unspaced(struct cutting *cutting, struct text bytes)
{
    end_word(cutting);
    if (cutting->before.data) {
        give(cutting, (struct text){cutting->before.data, (uint32_t)(bytes.data + bytes.length - cutting->before.data)},
             true);
        cutting->paired = true;
    }
    cutting->before = bytes;
}

static int take_token(void *context, int flags, const char *token, int length, int start, int end)
{
    (void)flags, (void)start, (void)end;
    struct cutting *cutting = context;
    CHECK(token);
    struct text text = {token, (uint32_t)length};
    for (uint32_t at = 0; at < text.length;) {
        uint32_t from = at;
        enum script script = script_of(character_next(text, &at));
        struct text bytes = {text.data + from, at - from};
        if (script == SPACED) add_spaced(cutting, bytes);
        if (script == UNSPACED) add_unspaced(cutting, bytes);
    }
    end_word(cutting);
    end_run(cutting); /* the token's bytes are gone after this */
    return SQLITE_OK;
}

static void cut_between(struct words *words, struct cutting *cutting, struct text text)
{
    if (text.length)
        words->calls.xTokenize(words->tokenizer, cutting, FTS5_TOKENIZE_DOCUMENT, text.data, (int)text.length,
                               take_token);
}

void words_of(struct words *words, struct text text, enum words_use use,
              void (*take)(void *context, const struct word *word), void *context)
{
    struct cutting cutting = {.use = use, .take = take, .context = context};
    uint32_t begin = 0;
    for (uint32_t at = 0; at < text.length;) {
        uint32_t from = at;
        if (script_of(character_next(text, &at)) != SYMBOL) continue;
        cut_between(words, &cutting, (struct text){text.data + begin, from - begin});
        give(&cutting, (struct text){text.data + from, at - from}, true);
        begin = at;
    }
    cut_between(words, &cutting, (struct text){text.data + begin, text.length - begin});
}
