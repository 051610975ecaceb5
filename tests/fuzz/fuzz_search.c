/* The index of words. The first byte says how many of the rest are a text that is stored; what follows is asked for.

   - a word holds small letters, digits and what is beyond ASCII alone: nothing that a query language could take for its own;
   - a text is found by each of its words, and by as many of them as a query looks at; with anything else nothing breaks;
   - pages of one hit are the whole page, in its order;
   - what is forgotten leaves no word behind. */
#include "fuzz/fuzz.h"
#include "search/index.h"
#include "search/words.h"
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { HITS = 4, ASKED_TOGETHER = 12 };

struct seen {
    struct buffer words; /* with blanks between */
    uint32_t count;
};

static void see(void *context, const struct word *word)
{
    struct seen *seen = context;
    MUST(word->text.length && word->text.length <= 160, "a word of %u bytes", word->text.length);
    for (uint32_t i = 0; i < word->text.length; i++) {
        unsigned char byte = (unsigned char)word->text.data[i];
        MUST(byte >= 0x80 || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9'), "byte %u in a word", byte);
    }
    if (seen->count++) buffer_byte(&seen->words, ' ');
    buffer_text(&seen->words, word->text);
}

static struct words *words(void)
{
    static struct words *made;
    static sqlite3 *connection;
    if (!made && sqlite3_open(":memory:", &connection) == SQLITE_OK) made = words_open(connection);
    MUST(made, "no words");
    return made;
}

static struct search *index_of_all(void)
{
    static struct search *made;
    char problem[256] = "";
    if (!made) {
        made = search_index_open(SIZE_MAX, problem);
        MUST(made, "%s", problem);
        made->calls->built(made);
    }
    return made;
}

static struct search_query query_of(struct text asked)
{
    struct search_query query = {.kind = 1, .words = asked, .limit = HITS};
    query.tenant.bytes[0] = 1;
    return query;
}

/* Pages of one hit each. */
static uint32_t find(struct search *search, struct text asked, struct search_hit hits[HITS])
{
    struct search_query query = query_of(asked);
    uint32_t count = search->calls->find(search, &query, hits);
    query.limit = 1;
    for (uint32_t i = 0; i <= count; i++) {
        struct search_hit one;
        uint32_t more = search->calls->find(search, &query, &one);
        MUST(more == (i < count), "page %u of %u", i, count);
        if (!more) break;
        MUST(one.score == hits[i].score && id_equal(one.id, hits[i].id), "page %u has another hit", i);
        MUST(one.score > 0 && (!i || one.score <= hits[i - 1].score), "a score out of order");
        query.after_score = one.score;
        query.after = one.id;
    }
    return count;
}

static bool finds(struct search *search, struct text asked, struct id id)
{
    struct search_hit hits[HITS];
    uint32_t count = find(search, asked, hits);
    for (uint32_t i = 0; i < count; i++)
        if (id_equal(hits[i].id, id)) return true;
    return false;
}

static void put(struct search *search, uint64_t lsn, struct text name, struct text body)
{
    for (uint8_t i = 1; i <= 2; i++) {
        struct search_document document = {.kind = 1, .lsn = lsn, .found = name.data != NULL};
        document.tenant.bytes[0] = 1;
        document.id.bytes[0] = i;
        document.columns[SEARCH_NAME] = i == 1 ? name : body;
        document.columns[SEARCH_BODY] = i == 1 ? body : name;
        search->calls->put(search, &document, 1);
    }
}

/* A copy whose bytes are UTF-8, as all texts of a server are: those that are not become blanks. */
static char *valid_copy(struct text text)
{
    char *copy = fuzz_copy(text);
    for (uint32_t at = 0, length; at < text.length; at += length) {
        for (length = 1; length < 4 && at + length < text.length && ((uint8_t)copy[at + length] & 0xC0) == 0x80;)
            length++;
        while (length && !text_is_utf8((struct text){copy + at, length}))
            length--;
        if (!length) copy[at] = ' ', length = 1;
    }
    return copy;
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    static const char *const texts[][2] = {
        {"Wireless headphones", "haedphones"}, {"三毛猫の置物", "猫"}, {"Crème brûlée 🎉", "name:creme OR \"*"}};
    struct buffer seed = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        buffer_byte(&seed, (char)strlen(texts[i][0]));
        buffer_string(&seed, texts[i][0]);
        buffer_string(&seed, texts[i][1]);
        fuzz_seed(seeds, &seed);
    }
    buffer_free(&seed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t lsn;
    static const struct id first = {{1}};
    struct input input = {data, size};
    uint32_t length = input_byte(&input);
    struct text stored = input_take(&input, length), asked = input_rest(&input);
    struct search *search = index_of_all();
    char *stored_copy = valid_copy(stored), *asked_copy = valid_copy(asked);
    stored.data = stored_copy;
    asked.data = asked_copy;
    struct seen seen = {0}, other = {0};
    words_of(words(), stored, WORDS_STORED, see, &seen);
    words_of(words(), asked, WORDS_ASKED, see, &other);

    put(search, ++lsn, stored, asked);
    struct text rest = buffer_as_text(&seen.words), together = rest;
    uint32_t count = 0;
    while (seen.count && rest.data) {
        struct text word = text_split(&rest, ' ');
        if (++count == ASKED_TOGETHER) together.length = (uint32_t)(word.data + word.length - together.data);
        if (count <= ASKED_TOGETHER) MUST(finds(search, word, first), "not found by %.*s", TEXT_ARGUMENTS(word));
    }
    if (seen.count) MUST(finds(search, together, first), "not found by all of its words");
    struct search_hit hits[HITS];
    find(search, asked, hits);

    put(search, ++lsn, (struct text){0}, (struct text){0});
    struct buffer metrics = {0};
    search->calls->metrics(search, &metrics);
    buffer_byte(&metrics, 0);
    MUST(strstr(metrics.data, "\nsouk_search_documents 0\n") && strstr(metrics.data, "\nsouk_search_words 0\n"),
         "something is left");
    buffer_free(&metrics);
    buffer_free(&seen.words);
    buffer_free(&other.words);
    free(stored_copy);
    free(asked_copy);
    return 0;
}
