/* What the index of words costs: memory and time to build it from products, and how long queries take.

     search [--documents N] [--words N]

   Products have a name of five words, three tags and a description of forty, drawn from so many different words as often
   as words of a language are used (Zipf), from a fixed seed. Figures are of the thread's processor time. */
#include "base/id.h"
#include "search/index.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NAME_WORDS = 5, TAG_WORDS = 3, BODY_WORDS = 40, BATCH = 256, HITS = 21, ROUNDS = 20, LETTERS_MOST = 12 };

struct vocabulary {
    char (*words)[LETTERS_MOST + 1];
    double *sums; /* of frequencies */
    uint32_t count;
};

static uint64_t state = 88172645463325252u;

static uint64_t draw(void) /* xorshift64 */
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct vocabulary vocabulary_make(uint32_t count)
{
    static const char consonants[] = "bcdfghklmnprstvwz", vowels[] = "aeiou";
    struct vocabulary vocabulary = {memory_alloc((size_t)count * sizeof *vocabulary.words),
                                    memory_alloc(count * sizeof(double)), count};
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = 4 + (uint32_t)(draw() % (LETTERS_MOST - 3));
        for (uint32_t k = 0; k < length; k++)
            if (k % 2)
                vocabulary.words[i][k] = vowels[draw() % 5];
            else
                vocabulary.words[i][k] = consonants[draw() % 17];
        vocabulary.sums[i] = sum += 1.0 / (i + 1);
    }
    return vocabulary;
}

static const char *word_draw(const struct vocabulary *vocabulary)
{
    double at = (double)(draw() >> 11) / (double)(1ull << 53) * vocabulary->sums[vocabulary->count - 1];
    uint32_t low = 0, high = vocabulary->count - 1;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (vocabulary->sums[middle] < at)
            low = middle + 1;
        else
            high = middle;
    }
    return vocabulary->words[low];
}

static struct text text_make(const struct vocabulary *vocabulary, struct arena *arena, int words)
{
    struct buffer out = {.arena = arena};
    for (int i = 0; i < words; i++) {
        if (i) buffer_byte(&out, ' ');
        buffer_string(&out, word_draw(vocabulary));
    }
    return buffer_as_text(&out);
}

static void fill(struct search *search, const struct vocabulary *vocabulary, uint32_t count)
{
    struct arena *arena = arena_create();
    for (uint32_t from = 0; from < count; from += BATCH) {
        uint32_t many = count - from < BATCH ? count - from : BATCH;
        struct search_document *documents = ARENA_ARRAY(arena, struct search_document, many);
        for (uint32_t i = 0; i < many; i++) {
            documents[i] = (struct search_document){.kind = 30, .lsn = 1, .found = true};
            documents[i].tenant.bytes[0] = documents[i].id.bytes[15] = 1;
            for (int k = 0; k < 4; k++)
                documents[i].id.bytes[k] = (uint8_t)((from + i) >> (24 - 8 * k));
            documents[i].columns[SEARCH_NAME] = text_make(vocabulary, arena, NAME_WORDS);
            documents[i].columns[SEARCH_TAGS] = text_make(vocabulary, arena, TAG_WORDS);
            documents[i].columns[SEARCH_BODY] = text_make(vocabulary, arena, BODY_WORDS);
        }
        search->calls->put(search, documents, many);
        arena_reset(arena);
    }
    search->calls->built(search);
    arena_destroy(arena);
}

static void ask(struct search *search, const char *what, const char *words)
{
    struct search_query query = {.kind = 30, .words = text_of(words), .limit = HITS};
    struct search_hit hits[HITS];
    uint32_t count = 0;
    query.tenant.bytes[0] = 1;
    double begin = seconds();
    for (int i = 0; i < ROUNDS; i++)
        count = search->calls->find(search, &query, hits);
    printf("%-34s %-28s %2u hits  %9.3f ms\n", what, words, count, (seconds() - begin) * 1000 / ROUNDS);
}

int main(int count, char **arguments)
{
    uint32_t documents = 100000, words = 50000;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--documents") == 0) documents = (uint32_t)strtoul(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--words") == 0) words = (uint32_t)strtoul(arguments[i + 1], NULL, 10);
    }
    char problem[256], line[64];
    struct search *search = search_index_open(SIZE_MAX, problem);
    if (!search) return fprintf(stderr, "search: %s\n", problem), 1;
    struct vocabulary vocabulary = vocabulary_make(words);
    double begin = seconds();
    fill(search, &vocabulary, documents);
    double took = seconds() - begin;
    struct buffer out = {0};
    search->calls->metrics(search, &out);
    buffer_byte(&out, 0);
    printf("%u documents in %.2f s, %.0f a second\n", documents, took, documents / took);
    for (char *at = strstr(out.data, "\nsouk_search_bytes"); at && *++at; at = NULL)
        printf("%.*s\n", (int)strcspn(at, "\n"), at);
    const char(*at)[LETTERS_MOST + 1] = vocabulary.words;
    ask(search, "the most frequent word", at[0]);
    ask(search, "a frequent one", at[20]);
    ask(search, "a rare one", at[words / 2]);
    snprintf(line, sizeof line, "%s %s %s", at[3], at[30], at[100]);
    ask(search, "three words", line);
    snprintf(line, sizeof line, "%.2s", at[50]);
    ask(search, "two letters", line);
    struct buffer worst = {0};
    for (size_t i = 0; i < 16; i++)
        buffer_format(&worst, "%.2s ", at[i * 7]);
    buffer_byte(&worst, 0);
    ask(search, "two letters sixteen times", worst.data);
    buffer_free(&worst);
    uint32_t many = words / 3;
    while (strlen(at[many]) != 7)
        many++;
    snprintf(line, sizeof line, "%.3sx%s", at[many], at[many] + 4);
    ask(search, "one letter wrong", line);
    while (strlen(at[many]) < 10)
        many++;
    snprintf(line, sizeof line, "%.3sx%.3sx%s", at[many], at[many] + 4, at[many] + 8);
    ask(search, "two letters wrong", line);
    buffer_free(&out);
    search->calls->close(search);
    free(vocabulary.words);
    free(vocabulary.sums);
    return 0;
}
