/* Counts are in a hash map, the words themselves in an ordered one too. Looking for near words walks the ordered one as
   if it were a trie: each character of a word has its row of the edit distance table (optimal string alignment), rows of
   a common beginning are kept, and where a row exceeds the edits all words with that beginning are skipped. */
#include "search/dictionary.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/map.h"
#include "base/ordered.h"
#include <stdlib.h>
#include <string.h>

enum { KEY_MOST = 256, CHARACTERS_MOST = 48, ENTRY_BYTES = 96 };

struct dictionary {
    struct map *counts; /* scope and word → how often, never 0 */
    struct ordered *order;
};

struct dictionary *dictionary_create(void)
{
    struct dictionary *dictionary = memory_alloc(sizeof *dictionary);
    dictionary->counts = map_create();
    dictionary->order = ordered_create();
    return dictionary;
}

void dictionary_destroy(struct dictionary *dictionary)
{
    map_destroy(dictionary->counts);
    ordered_destroy(dictionary->order);
    free(dictionary);
}

static struct text key_of(char bytes[KEY_MOST], const char scope[SCOPE_LENGTH], struct text word)
{
    CHECK(word.length <= KEY_MOST - SCOPE_LENGTH);
    memcpy(bytes, scope, SCOPE_LENGTH);
    memcpy(bytes + SCOPE_LENGTH, word.data, word.length);
    return (struct text){bytes, SCOPE_LENGTH + word.length};
}

void dictionary_add(struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word)
{
    char bytes[KEY_MOST];
    struct text key = key_of(bytes, scope, word);
    uintptr_t count = (uintptr_t)map_get(dictionary->counts, key.data, key.length);
    map_set(dictionary->counts, key.data, key.length, (void *)(count + 1));
    if (!count) ordered_set(dictionary->order, key, LITERAL(""));
}

void dictionary_remove(struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word)
{
    char bytes[KEY_MOST];
    struct text key = key_of(bytes, scope, word);
    uintptr_t count = (uintptr_t)map_get(dictionary->counts, key.data, key.length);
    CHECK(count);
    if (count > 1) {
        map_set(dictionary->counts, key.data, key.length, (void *)(count - 1));
        return;
    }
    map_remove(dictionary->counts, key.data, key.length);
    ordered_remove(dictionary->order, key);
}

size_t dictionary_words(const struct dictionary *dictionary)
{
    return map_count(dictionary->counts);
}

size_t dictionary_bytes(const struct dictionary *dictionary)
{
    return ordered_bytes(dictionary->order) + map_count(dictionary->counts) * ENTRY_BYTES;
}

/* ---- near words ---- */
struct walk {
    uint32_t asked[CHARACTERS_MOST], asked_count, edits;
    uint32_t path[CHARACTERS_MOST]; /* characters of the beginning whose rows are known */
    uint32_t depth;
    uint8_t rows[CHARACTERS_MOST + 1][CHARACTERS_MOST + 1];
    uint8_t lowest[CHARACTERS_MOST + 1]; /* entry of each row */
    struct near *near;
    uint32_t count;
};

static uint32_t characters_of(struct text word, uint32_t characters[CHARACTERS_MOST], uint32_t ends[CHARACTERS_MOST])
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < word.length && count < CHARACTERS_MOST; count++) {
        uint32_t from = at++;
        while (at < word.length && ((uint8_t)word.data[at] & 0xC0) == 0x80)
            at++;
        uint32_t character = 0; /* its bytes: only equality matters */
        for (uint32_t i = from; i < at && i < from + 4; i++)
            character = character << 8 | (uint8_t)word.data[i];
        characters[count] = character;
        if (ends) ends[count] = at;
    }
    return count;
}

static uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

/* Fills the row of one more character. */
static void row_add(struct walk *walk, uint32_t character)
{
    uint32_t depth = ++walk->depth;
    walk->path[depth - 1] = character;
    uint8_t *row = walk->rows[depth], *above = walk->rows[depth - 1], lowest = row[0] = (uint8_t)depth;
    for (uint32_t i = 1; i <= walk->asked_count; i++) {
        uint8_t same = walk->asked[i - 1] == character ? 0 : 1;
        uint8_t cost = least((uint8_t)(above[i - 1] + same), (uint8_t)(least(above[i], row[i - 1]) + 1));
        if (depth > 1 && i > 1 && walk->asked[i - 2] == character && walk->path[depth - 2] == walk->asked[i - 1])
            cost = least(cost, (uint8_t)(walk->rows[depth - 2][i - 2] + 1));
        row[i] = cost;
        lowest = least(lowest, cost);
    }
    walk->lowest[depth] = lowest;
}

/* Nothing that goes on from here comes near again: each row grows from the one above, by a swap from the one above that. */
static bool too_far(const struct walk *walk)
{
    return walk->lowest[walk->depth] > walk->edits && walk->lowest[walk->depth - 1] >= walk->edits;
}

static bool nearer(const struct near *a, const struct near *b)
{
    return a->edits != b->edits ? a->edits < b->edits : a->count > b->count;
}

static void near_add(struct walk *walk, struct near found)
{
    uint32_t at = walk->count;
    while (at && nearer(&found, &walk->near[at - 1]))
        at--;
    if (at == NEAR_MOST) return;
    if (walk->count < NEAR_MOST) walk->count++;
    memmove(walk->near + at + 1, walk->near + at, (walk->count - at - 1) * sizeof found);
    walk->near[at] = found;
}

/* Looks at one word. Returns how many of its bytes begin words that are all too far; 0: go on with the next. */
static uint32_t walk_word(struct walk *walk, const struct dictionary *dictionary, struct text key)
{
    struct text word = {key.data + SCOPE_LENGTH, key.length - SCOPE_LENGTH};
    uint32_t characters[CHARACTERS_MOST], ends[CHARACTERS_MOST], common = 0;
    uint32_t count = characters_of(word, characters, ends);
    while (common < walk->depth && common < count && walk->path[common] == characters[common])
        common++;
    walk->depth = common;
    while (walk->depth < count) {
        uint32_t at = walk->depth;
        row_add(walk, characters[at]);
        if (too_far(walk)) return ends[at];
    }
    uint8_t edits = walk->rows[count][walk->asked_count];
    if (edits && edits <= walk->edits) {
        uintptr_t times = (uintptr_t)map_get(dictionary->counts, key.data, key.length);
        near_add(walk, (struct near){word, edits, (uint32_t)times});
    }
    return 0;
}

/* The first word after all that begin with these bytes. */
static const struct ordered_entry *skip(const struct dictionary *dictionary, struct text beginning)
{
    char bytes[KEY_MOST];
    uint32_t length = beginning.length;
    memcpy(bytes, beginning.data, length);
    while (length && (uint8_t)bytes[length - 1] == 255)
        length--;
    if (!length) return NULL;
    bytes[length - 1]++;
    return ordered_at_or_after(dictionary->order, (struct text){bytes, length});
}

uint32_t dictionary_near(const struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word,
                         uint32_t edits, struct near near[NEAR_MOST])
{
    struct walk walk = {.edits = edits, .near = near};
    CHECK(edits <= NEAR_EDITS_MOST);
    walk.asked_count = characters_of(word, walk.asked, NULL);
    for (uint32_t i = 0; i <= walk.asked_count; i++)
        walk.rows[0][i] = (uint8_t)i;
    const struct ordered_entry *entry = ordered_at_or_after(dictionary->order, (struct text){scope, SCOPE_LENGTH});
    while (entry && memcmp(entry->key.data, scope, SCOPE_LENGTH) == 0) {
        uint32_t far = walk_word(&walk, dictionary, entry->key);
        entry = far ? skip(dictionary, (struct text){entry->key.data, SCOPE_LENGTH + far}) : ordered_next(entry);
    }
    return walk.count;
}
