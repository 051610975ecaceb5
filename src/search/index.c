/* The index. FTS5 keeps which words stand in which columns of which document, and what it is of (a supplier, a community)
   as one word more; a plain table keeps what a document is and its words, which FTS5 wants back to forget them; the dictionary keeps what words there are.

   Every word is stored with the four characters of its scope in front (a tenant's entities of one kind). A query asks for
   words of one scope alone, so one marketplace cannot find, count or be suggested a word of another.

   The score of a hit depends on the document and the query alone, not on what else there is: pages stay stable while
   others write. Each word of the query counts by the best place it stands in (name 8, tags 4, body 1) times how well it
   fits (the word itself 8, its beginning 6, one letter off 3, two letters off 1); a name that is nothing but the query
   gets a bonus, a longer one less of it. */
#include "search/index.h"
#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "search/dictionary.h"
#include "search/words.h"
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WORDS_ASKED_MOST = 16,   /* of a query; further ones are not looked at */
    CANDIDATES_MOST = 20000, /* documents that a query weighs: the newest, when more have its words */
    PREFIX_LEAST = 2,        /* characters that a beginning has */
    NAME_BONUS = 32,
    PAGE_BYTES = 4096, /* of SQLite, as the schema says */
    PHRASES_MOST = WORDS_ASKED_MOST * (2 + NEAR_MOST),
};
enum fit { FIT_SAME, FIT_BEGINS, FIT_ONE_OFF, FIT_TWO_OFF };
static const int fit_weights[] = {[FIT_SAME] = 8, [FIT_BEGINS] = 6, [FIT_ONE_OFF] = 3, [FIT_TWO_OFF] = 1};
static const int column_weights[SEARCH_COLUMNS] = {
    [SEARCH_NAME] = 8, [SEARCH_TAGS] = 4, [SEARCH_BODY] = 1, [SEARCH_STAFF] = 8};

enum statement {
    BEGIN,
    COMMIT,
    KNOWN,
    ADD,
    CHANGE,
    FORGET,
    SWEEP,
    STORE_WORDS,
    DROP_WORDS,
    FIND,
    FREE_PAGES,
    STATEMENTS
};
static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN",
    [COMMIT] = "COMMIT",
    [KNOWN] = "SELECT row, lsn, name, tags, body, staff, place FROM document WHERE scope = ?1 AND id = ?2",
    [ADD] = "INSERT INTO document (scope, id, place, lsn, names, name, tags, body, staff)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [CHANGE] = "UPDATE document SET place = ?3, lsn = ?4, names = ?5, name = ?6, tags = ?7, body = ?8, staff = ?9"
               " WHERE scope = ?1 AND id = ?2",
    [FORGET] = "DELETE FROM document WHERE scope = ?1 AND id = ?2",
    [SWEEP] = "DELETE FROM document WHERE name IS NULL",
    [STORE_WORDS] = "INSERT INTO word (rowid, name, tags, body, staff, place) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [DROP_WORDS] = "INSERT INTO word (word, rowid, name, tags, body, staff, place)"
                   " VALUES ('delete', ?1, ?2, ?3, ?4, ?5, ?6)",
    [FIND] =
        "SELECT score, id FROM (SELECT points + CASE WHEN points >= ?4 THEN ?5 / max(names, 1) ELSE 0 END AS score, id"
        "  FROM (SELECT rowid AS hit, weigh(word, ?2) AS points FROM word WHERE word MATCH ?1"
        "        ORDER BY rowid DESC LIMIT ?3) JOIN document ON row = hit)"
        " WHERE ?6 = 0 OR score < ?6 OR (score = ?6 AND id < ?7) ORDER BY score DESC, id DESC LIMIT ?8",
    [FREE_PAGES] = "PRAGMA freelist_count",
};
static const char schema[] =
    "PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY;"
    "PRAGMA secure_delete = ON;" /* what was forgotten is not left lying about */
    "CREATE TABLE document (row INTEGER PRIMARY KEY, scope TEXT NOT NULL, id BLOB NOT NULL, place TEXT,"
    "  lsn INTEGER NOT NULL, names INTEGER NOT NULL, name TEXT, tags TEXT, body TEXT, staff TEXT, UNIQUE (scope, id));"
    "CREATE VIRTUAL TABLE word USING fts5 (name, tags, body, staff, place, content = '', detail = column, columnsize = 0,"
    "  prefix = '6', tokenize = 'ascii');"; /* beginnings of two characters, after the scope, are looked up at once */

struct search_index {
    struct search search; /* first: the port */
    sqlite3 *connection;
    sqlite3_stmt *statements[STATEMENTS];
    struct words *words;
    struct dictionary *dictionary;
    struct map *scopes; /* tenant and kind → number, from 1 */
    size_t memory_most;
    bool building, full;
    atomic_size_t documents, distinct, bytes, left_out, queries; /* for metrics */
};

/* ---- SQLite: in memory, nothing that is asked of it can fail but for a fault of ours ---- */
static sqlite3_stmt *statement_of(struct search_index *index, enum statement statement)
{
    sqlite3_reset(index->statements[statement]);
    sqlite3_clear_bindings(index->statements[statement]);
    return index->statements[statement];
}

static bool step(struct search_index *index, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE)
        log_line("search", LOG_ERROR, "the index failed", "why=\"%s\"", sqlite3_errmsg(index->connection));
    CHECK(result == SQLITE_ROW || result == SQLITE_DONE);
    return result == SQLITE_ROW;
}

static void run(struct search_index *index, enum statement statement)
{
    step(index, statement_of(index, statement));
}

static void bind_text(sqlite3_stmt *statement, int at, struct text text)
{
    if (text.data) sqlite3_bind_text(statement, at, text.data, (int)text.length, SQLITE_STATIC);
}

static void bind_id(sqlite3_stmt *statement, int at, const struct id *id)
{
    if (!id_is_none(*id)) sqlite3_bind_blob(statement, at, id->bytes, sizeof id->bytes, SQLITE_STATIC);
}

/* ---- scopes ---- */
static void scope_of(struct search_index *index, struct id tenant, uint16_t kind, char scope[SCOPE_LENGTH])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t key[sizeof tenant.bytes + 2] = {0};
    memcpy(key, tenant.bytes, sizeof tenant.bytes);
    key[sizeof tenant.bytes] = (uint8_t)(kind >> 8);
    key[sizeof tenant.bytes + 1] = (uint8_t)kind;
    uintptr_t number = (uintptr_t)map_get(index->scopes, key, sizeof key);
    if (!number) {
        number = map_count(index->scopes) + 1;
        map_set(index->scopes, key, sizeof key, (void *)number);
    }
    for (int i = SCOPE_LENGTH - 1; i >= 0; i--, number /= 36)
        scope[i] = digits[number % 36];
    CHECK(!number); /* 1.6 million of them */
}

/* ---- what a document holds ---- */
struct stored {
    struct buffer words; /* with blanks between */
    uint32_t count;
};

static void store_word(void *context, const struct word *word)
{
    struct stored *stored = context;
    if (stored->count++) buffer_byte(&stored->words, ' ');
    buffer_text(&stored->words, word->text);
}

/* The words as FTS5 gets them: each with its scope. */
static struct text scoped(struct arena *arena, const char scope[SCOPE_LENGTH], struct text words)
{
    struct buffer out = {.arena = arena};
    while (words.data && words.length) {
        buffer_bytes(&out, scope, SCOPE_LENGTH);
        buffer_text(&out, text_split(&words, ' '));
        buffer_byte(&out, ' ');
    }
    return buffer_as_text(&out);
}

/* What a document is of, as a word; absent: of nothing. */
static struct text place_of(struct arena *arena, struct id within)
{
    static const char digits[] = "0123456789abcdef";
    if (id_is_none(within)) return (struct text){0};
    char *place = arena_alloc(arena, 2 * sizeof within.bytes + 1);
    for (size_t i = 0; i < sizeof within.bytes; i++) {
        place[2 * i] = digits[within.bytes[i] >> 4];
        place[2 * i + 1] = digits[within.bytes[i] & 15];
    }
    return (struct text){place, 2 * sizeof within.bytes};
}

static void count_words(struct search_index *index, const char scope[SCOPE_LENGTH], struct text words,
                        void (*count)(struct dictionary *dictionary, const char scope[SCOPE_LENGTH], struct text word))
{
    while (words.data && words.length)
        count(index->dictionary, scope, text_split(&words, ' '));
}

static void give_words(struct search_index *index, struct arena *arena, enum statement statement, int64_t row,
                       const char scope[SCOPE_LENGTH], const struct text columns[SEARCH_COLUMNS], struct text place)
{
    sqlite3_stmt *words = statement_of(index, statement);
    sqlite3_bind_int64(words, 1, row);
    for (int i = 0; i < SEARCH_COLUMNS; i++) {
        bind_text(words, 2 + i, scoped(arena, scope, columns[i]));
        count_words(index, scope, columns[i], statement == DROP_WORDS ? dictionary_remove : dictionary_add);
    }
    bind_text(words, 2 + SEARCH_COLUMNS, scoped(arena, scope, place));
    step(index, words);
}

struct known {
    bool there, found; /* found: it has words */
    int64_t row;
    uint64_t lsn;
};

/* What is known of a document; its words are forgotten. */
static struct known known_of(struct search_index *index, struct arena *arena, const char scope[SCOPE_LENGTH],
                             const struct search_document *document)
{
    sqlite3_stmt *known = statement_of(index, KNOWN);
    sqlite3_bind_text(known, 1, scope, SCOPE_LENGTH, SQLITE_STATIC);
    bind_id(known, 2, &document->id);
    if (!step(index, known)) return (struct known){0};
    struct known is = {.there = true,
                       .found = sqlite3_column_type(known, 2) != SQLITE_NULL,
                       .row = sqlite3_column_int64(known, 0),
                       .lsn = (uint64_t)sqlite3_column_int64(known, 1)};
    if (!is.found || is.lsn >= document->lsn) return is;
    struct text columns[SEARCH_COLUMNS + 1]; /* and the place */
    for (int i = 0; i <= SEARCH_COLUMNS; i++)
        columns[i] = arena_text(arena, (struct text){(const char *)sqlite3_column_text(known, 2 + i),
                                                     (uint32_t)sqlite3_column_bytes(known, 2 + i)});
    sqlite3_reset(known);
    give_words(index, arena, DROP_WORDS, is.row, scope, columns, columns[SEARCH_COLUMNS]);
    index->documents--;
    return is;
}

static bool leave_out(struct search_index *index)
{
    if (index->bytes <= index->memory_most) {
        index->full = false;
        return false;
    }
    if (!index->full)
        log_line("search", LOG_WARNING, "the index is full: what is new is not found", "bytes=%zu",
                 (size_t)index->bytes);
    index->full = true;
    index->left_out++;
    return true;
}

static void put_one(struct search_index *index, struct arena *arena, const struct search_document *document)
{
    char scope[SCOPE_LENGTH];
    scope_of(index, document->tenant, document->kind, scope);
    struct known known = known_of(index, arena, scope, document);
    if (known.there && known.lsn >= document->lsn) return; /* a table row that a change overtook */
    bool found = document->found && !leave_out(index);
    if (!found && !index->building) {
        sqlite3_stmt *forget = statement_of(index, FORGET);
        sqlite3_bind_text(forget, 1, scope, SCOPE_LENGTH, SQLITE_STATIC);
        bind_id(forget, 2, &document->id);
        if (known.there) step(index, forget);
        return;
    }
    struct text columns[SEARCH_COLUMNS] = {0}, place = place_of(arena, document->within);
    uint32_t names = 0;
    for (int i = 0; found && i < SEARCH_COLUMNS; i++) {
        struct stored stored = {.words = {.arena = arena}};
        words_of(index->words, document->columns[i], WORDS_STORED, store_word, &stored);
        columns[i] = buffer_as_text(&stored.words);
        if (i == SEARCH_NAME) names = stored.count;
    }
    sqlite3_stmt *row = statement_of(index, known.there ? CHANGE : ADD);
    sqlite3_bind_text(row, 1, scope, SCOPE_LENGTH, SQLITE_STATIC);
    bind_id(row, 2, &document->id);
    bind_text(row, 3, place);
    sqlite3_bind_int64(row, 4, (int64_t)document->lsn);
    sqlite3_bind_int64(row, 5, names);
    for (int i = 0; i < SEARCH_COLUMNS; i++)
        bind_text(row, 6 + i, columns[i]);
    step(index, row);
    if (!found)
        return; /* kept without words while building, so that an older row of the tables does not bring it back */
    give_words(index, arena, STORE_WORDS, known.there ? known.row : sqlite3_last_insert_rowid(index->connection), scope,
               columns, place);
    index->documents++;
}

static void measure(struct search_index *index)
{
    int pages = 0, statements = 0, highest;
    sqlite3_db_status(index->connection, SQLITE_DBSTATUS_CACHE_USED, &pages, &highest, 0);
    sqlite3_db_status(index->connection, SQLITE_DBSTATUS_STMT_USED, &statements, &highest, 0);
    sqlite3_stmt *free_pages = statement_of(index, FREE_PAGES);
    if (step(index, free_pages)) pages -= PAGE_BYTES * sqlite3_column_int(free_pages, 0);
    sqlite3_reset(free_pages);
    index->bytes = (size_t)pages + (size_t)statements + dictionary_bytes(index->dictionary);
    index->distinct = dictionary_words(index->dictionary);
}

static void index_put(struct search *search, const struct search_document *documents, uint32_t count)
{
    struct search_index *index = (struct search_index *)search;
    struct arena *arena = arena_create();
    run(index, BEGIN);
    for (uint32_t i = 0; i < count; i++) {
        put_one(index, arena, &documents[i]);
        arena_reset(arena);
    }
    run(index, COMMIT);
    measure(index);
    arena_destroy(arena);
}

static void index_built(struct search *search)
{
    struct search_index *index = (struct search_index *)search;
    index->building = false;
    run(index, SWEEP);
}

/* ---- finding ---- */
struct asked {
    struct text at[WORDS_ASKED_MOST];
    bool pairs[WORDS_ASKED_MOST];
    uint32_t count;
    struct arena *arena;
};

static void ask_word(void *context, const struct word *word)
{
    struct asked *asked = context;
    for (uint32_t i = 0; i < asked->count; i++)
        if (text_equal(asked->at[i], word->text)) return;
    if (asked->count == WORDS_ASKED_MOST) return;
    asked->at[asked->count] = arena_text(asked->arena, word->text);
    asked->pairs[asked->count++] = word->pair;
}

/* Letters that may be wrong: short words and those with digits (numbers, models) are meant as they are. */
static uint32_t edits_of(struct text word, bool pair)
{
    for (uint32_t i = 0; i < word.length; i++)
        if (word.data[i] >= '0' && word.data[i] <= '9') return 0;
    uint32_t characters = text_code_points(word);
    return pair || characters < 4 ? 0 : characters < 8 ? 1 : 2;
}

/* What a phrase of the expression stands for, as `weigh` gets it. */
struct phrase {
    uint8_t word, fit;
};
struct expression {
    struct buffer match;
    struct phrase phrases[PHRASES_MOST];
    uint32_t count;
};

/* A word has no quote and no blank in it, and stands in quotes: nothing that somebody types is an operator. */
static void add_phrase(struct expression *expression, const char scope[SCOPE_LENGTH], struct text text, uint32_t word,
                       enum fit fit)
{
    bool first = !expression->count || expression->phrases[expression->count - 1].word != word;
    buffer_string(&expression->match, first ? " \"" : " OR \"");
    buffer_bytes(&expression->match, scope, SCOPE_LENGTH);
    buffer_text(&expression->match, text);
    buffer_string(&expression->match, fit == FIT_BEGINS ? "\" *" : "\"");
    expression->phrases[expression->count++] = (struct phrase){(uint8_t)word, (uint8_t)fit};
}

static void express(struct search_index *index, struct expression *expression, const char scope[SCOPE_LENGTH],
                    const struct asked *asked, const struct search_query *query)
{
    buffer_string(&expression->match, query->staff ? "{name tags body staff} : (" : "{name tags body} : (");
    for (uint32_t i = 0; i < asked->count; i++) {
        buffer_string(&expression->match, i ? " AND (" : "(");
        add_phrase(expression, scope, asked->at[i], i, FIT_SAME);
        uint32_t characters = text_code_points(asked->at[i]);
        if (asked->pairs[i] ? characters == 1 : characters >= PREFIX_LEAST)
            add_phrase(expression, scope, asked->at[i], i, FIT_BEGINS);
        struct near near[NEAR_MOST];
        uint32_t edits = edits_of(asked->at[i], asked->pairs[i]);
        uint32_t count = edits ? dictionary_near(index->dictionary, scope, asked->at[i], edits, near) : 0;
        for (uint32_t k = 0; k < count; k++)
            add_phrase(expression, scope, near[k].word, i, near[k].edits == 1 ? FIT_ONE_OFF : FIT_TWO_OFF);
        buffer_byte(&expression->match, ')');
    }
    buffer_byte(&expression->match, ')');
    struct text place = place_of(asked->arena, query->within); /* the last phrase: it weighs nothing */
    if (place.data)
        buffer_format(&expression->match, " AND place : \"%.*s%.*s\"", SCOPE_LENGTH, scope, TEXT_ARGUMENTS(place));
}

/* weigh(word, phrases): the points of the present row. */
static void weigh(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int count,
                  sqlite3_value **values)
{
    int best[WORDS_ASKED_MOST] = {0}, points = 0;
    CHECK(count == 1);
    const struct phrase *phrases = sqlite3_value_blob(values[0]);
    int phrase_count = sqlite3_value_bytes(values[0]) / (int)sizeof *phrases;
    for (int i = 0; i < phrase_count; i++) {
        Fts5PhraseIter at;
        int column = -1;
        for (api->xPhraseFirstColumn(fts, i, &at, &column); column >= 0; api->xPhraseNextColumn(fts, &at, &column)) {
            int weight = column_weights[column] * fit_weights[phrases[i].fit];
            if (weight > best[phrases[i].word]) best[phrases[i].word] = weight;
        }
    }
    for (int i = 0; i < WORDS_ASKED_MOST; i++)
        points += best[i];
    sqlite3_result_int(context, points);
}

static uint32_t index_find(struct search *search, const struct search_query *query, struct search_hit *hits)
{
    struct search_index *index = (struct search_index *)search;
    struct arena *arena = arena_create();
    char scope[SCOPE_LENGTH];
    struct asked asked = {.arena = arena};
    uint32_t count = 0;
    index->queries++;
    scope_of(index, query->tenant, query->kind, scope);
    words_of(index->words, query->words, WORDS_ASKED, ask_word, &asked);
    if (asked.count) { /* nothing but blanks and signs is found nowhere */
        struct expression *expression = ARENA_NEW(arena, struct expression);
        expression->match.arena = arena;
        express(index, expression, scope, &asked, query);
        sqlite3_stmt *find = statement_of(index, FIND);
        int full = (int)asked.count * column_weights[SEARCH_NAME] * fit_weights[FIT_SAME];
        bind_text(find, 1, buffer_as_text(&expression->match));
        sqlite3_bind_blob(find, 2, expression->phrases, (int)(expression->count * sizeof *expression->phrases),
                          SQLITE_STATIC);
        sqlite3_bind_int(find, 3, CANDIDATES_MOST);
        sqlite3_bind_int(find, 4, full);
        sqlite3_bind_int(find, 5, NAME_BONUS * (int)asked.count);
        sqlite3_bind_int64(find, 6, query->after_score);
        sqlite3_bind_blob(find, 7, query->after.bytes, sizeof query->after.bytes, SQLITE_STATIC);
        sqlite3_bind_int64(find, 8, query->limit);
        while (count < query->limit && step(index, find)) {
            hits[count].score = sqlite3_column_int64(find, 0);
            memcpy(hits[count++].id.bytes, sqlite3_column_blob(find, 1), sizeof hits->id.bytes);
        }
        sqlite3_reset(find);
    }
    arena_destroy(arena);
    return count;
}

/* ---- opening and closing ---- */
static void index_metrics(struct search *search, struct buffer *out)
{
    struct search_index *index = (struct search_index *)search;
    const struct {
        const char *name, *type, *help;
        size_t value;
    } rows[] = {
        {"souk_search_documents", "gauge", "entities that can be found", index->documents},
        {"souk_search_words", "gauge", "different words of them", index->distinct},
        {"souk_search_bytes", "gauge", "memory of the index", index->bytes},
        {"souk_search_left_out_total", "counter", "entities left out because the index was full", index->left_out},
        {"souk_search_queries_total", "counter", "queries of the index", index->queries},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %zu\n", rows[i].name, rows[i].help, rows[i].name,
                      rows[i].type, rows[i].name, rows[i].value);
}

static void index_close(struct search *search)
{
    struct search_index *index = (struct search_index *)search;
    if (index->words) words_close(index->words);
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(index->statements[i]);
    sqlite3_close(index->connection);
    dictionary_destroy(index->dictionary);
    map_destroy(index->scopes);
    free(index);
}

static bool prepare(struct search_index *index)
{
    fts5_api *api = fts5_of(index->connection);
    if (!api || api->xCreateFunction(api, "weigh", NULL, weigh, NULL) != SQLITE_OK) return false;
    index->words = words_open(index->connection);
    if (!index->words || sqlite3_exec(index->connection, schema, NULL, NULL, NULL) != SQLITE_OK) return false;
    for (int i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(index->connection, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &index->statements[i],
                               NULL) != SQLITE_OK)
            return false;
    return true;
}

struct search *search_index_open(size_t memory_most, char problem[256])
{
    static const struct search_calls calls = {
        .put = index_put, .built = index_built, .find = index_find, .metrics = index_metrics, .close = index_close};
    struct search_index *index = memory_alloc(sizeof *index);
    index->search.calls = &calls;
    index->memory_most = memory_most;
    index->building = true;
    index->dictionary = dictionary_create();
    index->scopes = map_create();
    /* one thread uses it at a time: no mutex of SQLite's own */
    bool good = sqlite3_open_v2(":memory:", &index->connection,
                                SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
                prepare(index);
    if (good) return &index->search;
    snprintf(problem, 256, "the search index cannot be opened: %.200s", sqlite3_errmsg(index->connection));
    index_close(&index->search);
    return NULL;
}
