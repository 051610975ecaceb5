/* The index of words: cutting and folding, near words, and what is found in which order. */
#include "search/dictionary.h"
#include "base/arena.h"
#include "search/index.h"
#include "search/words.h"
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- words ---- */
struct cut {
    char text[1024];
    size_t length;
};

static void note(void *context, const struct word *word)
{
    struct cut *cut = context;
    cut->length += (size_t)snprintf(cut->text + cut->length, sizeof cut->text - cut->length, "%s%s%.*s",
                                    cut->length ? "|" : "", word->pair ? "~" : "", TEXT_ARGUMENTS(word->text));
}

static void assert_cut(struct words *words, const char *text, enum words_use use, const char *expected)
{
    struct cut cut = {0};
    words_of(words, text_of(text), use, note, &cut);
    assert_string_equal(cut.text, expected);
}

static void test_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *stored, *asked;
    } rows[] = {
        /* text                    as stored                        as asked, when it differs */
        {"", ""},
        {" \t\n-*\"():^+", ""},
        {"Red  shoes, size-42!", "red|shoes|size|42"},
        {"Crème BRÛLÉE e\xCC\x81t\xCC\x81", "creme|brulee|et"},
        {"ŽLUŤOUČKÝ Борщ ΣΑΣ", "zlutoucky|борщ|σασ"},
        {"三毛猫", "~三毛|~毛猫|~猫", "~三毛|~毛猫"},
        {"猫", "~猫"},
        {"ねこcat猫", "~ねこ|~こ|cat|~猫", "~ねこ|cat|~猫"},
        {"hat🎉🎉 👩‍💻", "hat|~🎉|~🎉|~👩|~💻"},
        {"👍🏽", "~👍"},
        {"❤️", "~❤"},
        {"it's l'eau", "it|s|l|eau"},
        {"हिन्दी", "हिन्दी"},
        {"\xFF\xFE", ""},
        {"a\xF0\x9F", "a"},
    };
    sqlite3 *connection;
    assert_int_equal(sqlite3_open(":memory:", &connection), SQLITE_OK);
    struct words *words = words_open(connection);
    assert_non_null(words);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_cut(words, rows[i].text, WORDS_STORED, rows[i].stored);
        assert_cut(words, rows[i].text, WORDS_ASKED, rows[i].asked ? rows[i].asked : rows[i].stored);
    }
    char endless[200], cut[41] = {0};
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = 0;
    memset(cut, 'x', 40);
    assert_cut(words, endless, WORDS_STORED, cut);
    words_close(words);
    sqlite3_close(connection);
}

/* ---- near words ---- */
static uint32_t distance(const char *a, const char *b) /* optimal string alignment, the plain way */
{
    uint32_t table[20][20], rows = (uint32_t)strlen(a), columns = (uint32_t)strlen(b);
    for (uint32_t i = 0; i <= rows; i++)
        for (uint32_t k = 0; k <= columns; k++) {
            if (!i || !k) {
                table[i][k] = i + k;
                continue;
            }
            uint32_t best = table[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            if (table[i - 1][k] + 1 < best) best = table[i - 1][k] + 1;
            if (table[i][k - 1] + 1 < best) best = table[i][k - 1] + 1;
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] && table[i - 2][k - 2] + 1 < best)
                best = table[i - 2][k - 2] + 1;
            table[i][k] = best;
        }
    return table[rows][columns];
}

static uint64_t chance = 7;

static void draw_word(char word[10])
{
    uint32_t length = 1 + (uint32_t)((chance = chance * 6364136223846793005u + 1442695040888963407u) >> 33) % 8;
    for (uint32_t i = 0; i < length; i++)
        word[i] = (char)('a' + ((chance = chance * 6364136223846793005u + 1442695040888963407u) >> 33) % 3);
    word[length] = 0;
}

/* Against the plain way, on words of three letters, where everything is near. */
static void test_near_is_exact(void **state)
{
    (void)state;
    enum { WORDS = 60 };
    for (int round = 0; round < 40; round++) {
        struct dictionary *dictionary = dictionary_create();
        char words[WORDS][10], asked[10];
        for (int i = 0; i < WORDS; i++) {
            draw_word(words[i]);
            dictionary_add(dictionary, "0001", text_of(words[i]));
            dictionary_add(dictionary, "0002", text_of("elsewhere"));
        }
        draw_word(asked);
        for (uint32_t edits = 1; edits <= NEAR_EDITS_MOST; edits++) {
            struct near near[NEAR_MOST];
            uint32_t count = dictionary_near(dictionary, "0001", text_of(asked), edits, near), there = 0;
            for (int i = 0; i < WORDS; i++) {
                bool first = true;
                for (int k = 0; k < i; k++)
                    first &= strcmp(words[i], words[k]) != 0;
                uint32_t is = distance(asked, words[i]);
                there += first && is && is <= edits;
            }
            assert_int_equal(count, there < NEAR_MOST ? there : NEAR_MOST);
            for (uint32_t i = 0; i < count; i++) {
                char found[10] = {0};
                memcpy(found, near[i].word.data, near[i].word.length);
                assert_int_equal(near[i].edits, distance(asked, found));
                if (i) assert_true(near[i - 1].edits <= near[i].edits);
                if (i && near[i - 1].edits == near[i].edits) assert_true(near[i - 1].count >= near[i].count);
            }
        }
        for (int i = 0; i < WORDS; i++)
            dictionary_remove(dictionary, "0001", text_of(words[i]));
        assert_int_equal(dictionary_words(dictionary), 1);
        dictionary_destroy(dictionary);
    }
}

/* Letters count, not bytes; another scope's words are not near. */
static void test_near_in_any_script(void **state)
{
    (void)state;
    struct dictionary *dictionary = dictionary_create();
    struct near near[NEAR_MOST];
    dictionary_add(dictionary, "0001", text_of("борщ"));
    dictionary_add(dictionary, "0002", text_of("борт"));
    assert_int_equal(dictionary_near(dictionary, "0001", text_of("борж"), 1, near), 1);
    assert_memory_equal(near[0].word.data, "борщ", near[0].word.length);
    assert_int_equal(dictionary_near(dictionary, "0002", text_of("борж"), 1, near), 1);
    assert_int_equal(dictionary_near(dictionary, "0003", text_of("борж"), 2, near), 0);
    dictionary_destroy(dictionary);
}

/* ---- the index ---- */
static struct search *open_index(size_t memory)
{
    char problem[256];
    struct search *search = search_index_open(memory, problem);
    assert_non_null(search);
    return search;
}

static struct search_document document(uint8_t number, uint64_t lsn, const char *name, const char *body)
{
    struct search_document document = {.kind = 3, .lsn = lsn, .found = name != NULL};
    document.tenant.bytes[0] = 1;
    document.id.bytes[0] = number;
    if (name) document.columns[SEARCH_NAME] = text_of(name);
    if (body) document.columns[SEARCH_BODY] = text_of(body);
    return document;
}

static void put(struct search *search, struct search_document document)
{
    search->calls->put(search, &document, 1);
}

static struct search_query query_of(const char *words)
{
    struct search_query query = {.kind = 3, .words = text_of(words), .limit = 9};
    query.tenant.bytes[0] = 1;
    return query;
}

/* The first bytes of what is found, best first, as digits. */
static void assert_found(struct search *search, struct search_query query, const char *expected)
{
    struct search_hit hits[9];
    char found[10] = {0};
    uint32_t count = search->calls->find(search, &query, hits);
    for (uint32_t i = 0; i < count; i++)
        found[i] = (char)('0' + hits[i].id.bytes[0]);
    assert_string_equal(found, expected);
}

static void test_order(void **state)
{
    (void)state;
    struct search *search = open_index(SIZE_MAX);
    put(search, document(1, 1, "Lamp", NULL));
    put(search, document(2, 2, "Lamp of brass", NULL));
    put(search, document(3, 3, "Shade", "for a lamp"));
    put(search, document(4, 4, "Lamps", NULL));
    put(search, document(5, 5, "Lamb", NULL));
    put(search, document(6, 6, "Lamp", NULL));
    search->calls->built(search);
    assert_found(search, query_of("lamp"), "612453");
    assert_found(search, query_of("lamp brass"), "2");
    assert_found(search, query_of("lamp lamp LAMP"), "612453");
    struct search_query next = query_of("lamp");
    struct search_hit hits[9];
    assert_int_equal(search->calls->find(search, &next, hits), 6);
    for (uint32_t i = 0; i < 5; i++) {
        next.after_score = hits[i].score;
        next.after = hits[i].id;
        next.limit = 1;
        struct search_hit one;
        assert_int_equal(search->calls->find(search, &next, &one), 1);
        assert_int_equal(one.id.bytes[0], hits[i + 1].id.bytes[0]);
    }
    search->calls->close(search);
}

static void test_changes(void **state)
{
    (void)state;
    struct search *search = open_index(SIZE_MAX);
    /* while it is built, changes and rows of the tables come in any order: the newer record counts */
    put(search, document(1, 5, "Chair", NULL));
    put(search, document(1, 2, "Table", NULL));
    put(search, document(2, 6, NULL, NULL));
    put(search, document(2, 3, "Table", NULL));
    put(search, document(3, 4, "Table", NULL));
    search->calls->built(search);
    assert_found(search, query_of("table"), "3");
    assert_found(search, query_of("chair"), "1");
    put(search, document(3, 7, "Stool", NULL));
    assert_found(search, query_of("table"), "");
    assert_found(search, query_of("tabel"), "");
    assert_found(search, query_of("stool"), "3");
    put(search, document(3, 8, NULL, NULL));
    put(search, document(1, 9, NULL, NULL));
    assert_found(search, query_of("stool chair"), "");
    struct buffer out = {0};
    search->calls->metrics(search, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "\nsouk_search_documents 0\n"));
    assert_non_null(strstr(out.data, "\nsouk_search_words 0\n"));
    buffer_free(&out);
    search->calls->close(search);
}

static void test_apart(void **state)
{
    (void)state;
    struct search *search = open_index(SIZE_MAX);
    struct search_document other = document(2, 1, "Canary", NULL), kind = document(3, 1, "Canary", NULL);
    other.tenant.bytes[0] = 2;
    kind.kind = 4;
    put(search, document(1, 1, "Canary", NULL));
    put(search, other);
    put(search, kind);
    struct search_document staff = document(4, 1, "Person", NULL), place = document(5, 1, "Canary island", NULL);
    staff.columns[SEARCH_STAFF] = text_of("canary@example.com");
    place.within.bytes[0] = 9;
    put(search, staff);
    put(search, place);
    assert_found(search, query_of("canary"), "15");
    assert_found(search, query_of("cnary"), "51");
    assert_found(search, query_of("example"), "");
    struct search_query query = query_of("canary");
    query.staff = true;
    assert_found(search, query, "415");
    query = query_of("canary");
    query.within.bytes[0] = 9;
    assert_found(search, query, "5");
    query.within.bytes[0] = 8;
    assert_found(search, query, "");
    search->calls->close(search);
}

static void test_full(void **state)
{
    (void)state;
    struct search *search = open_index(1);
    put(search, document(1, 1, "First", NULL)); /* the memory is looked at after each put */
    put(search, document(2, 2, "Second", NULL));
    assert_found(search, query_of("first"), "1");
    assert_found(search, query_of("second"), "");
    put(search, document(1, 3, NULL, NULL)); /* forgetting goes on */
    assert_found(search, query_of("first"), "");
    search->calls->close(search);
}

/* As many words as a query looks at, each with as many near ones as are looked for. */
static void test_largest_query(void **state)
{
    (void)state;
    enum { WORDS = 16, NEAR = 14 };
    struct search *search = open_index(SIZE_MAX);
    char asked[WORDS * 12] = "", stored[WORDS * (NEAR + 1) * 12] = "", word[12];
    for (int i = 0; i < WORDS; i++) {
        snprintf(word, sizeof word, "%c%c%c%c%c%c%c%c%c ", 'a' + i, 'b' + i, 'a' + i, 'c' + i, 'e' + i, 'd' + i,
                 'g' + i, 'f' + i, 'a' + i);
        strncat(asked, word, sizeof asked - strlen(asked) - 1);
        for (int k = 0; k < NEAR; k++) {
            word[8] = (char)('a' + (i + 1 + k) % 26);
            strncat(stored, word, sizeof stored - strlen(stored) - 1);
        }
    }
    put(search, document(1, 1, stored, NULL));
    put(search, document(2, 2, "other", stored));
    assert_found(search, query_of(asked), "12");
    put(search, document(1, 3, asked, NULL));
    assert_found(search, query_of(asked), "12");
    assert_found(search, query_of("other nothing"), "");
    search->calls->close(search);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words), cmocka_unit_test(test_near_is_exact), cmocka_unit_test(test_near_in_any_script),
        cmocka_unit_test(test_order), cmocka_unit_test(test_changes),       cmocka_unit_test(test_apart),
        cmocka_unit_test(test_full),  cmocka_unit_test(test_largest_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
