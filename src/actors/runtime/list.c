/* Pages: a range of a list index, merged from delta and tables, each row's entity loaded, filtered and rendered. A cursor is
   the last key, authenticated together with tenant, route and filters. */
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <string.h>

enum { CURSOR_TAG = 16 };

/* The query without cursor and limit: a cursor belongs to exactly these filters. */
static struct text cursor_scope(struct tx *tx, const struct listing *listing)
{
    const struct request *request = tx->state->message->request;
    struct buffer scope = {.arena = tx->arena};
#if !defined MUTANT || MUTANT != 24
    buffer_bytes(&scope, tx->tenant.bytes, 16);
#endif
    buffer_format(&scope, "%u %s %u ", tx->kind->number, tx->command->name, listing ? listing->index->number : 0);
    for (uint32_t i = 0; i < request->path_count; i++) {
        buffer_text(&scope, request->path[i].value);
        buffer_byte(&scope, '/');
    }
    struct text rest = request->query_text;
    while (rest.data) {
        struct text one = text_split(&rest, '&');
        if (text_starts_with(one, "cursor=") || text_starts_with(one, "limit=")) continue;
        buffer_text(&scope, one);
        buffer_byte(&scope, '&');
    }
    return buffer_as_text(&scope);
}

static void cursor_tag(struct tx *tx, struct text scope, struct text key, uint8_t tag[32])
{
    struct buffer input = {.arena = tx->arena};
    buffer_big32(&input, scope.length);
    buffer_text(&input, scope);
    buffer_text(&input, key);
    keyring_hash(tx->core->ports.keyring, "cursor", buffer_as_text(&input), tag);
}

static struct text cursor_make(struct tx *tx, struct text scope, struct text key)
{
    uint8_t tag[32];
    struct buffer bytes = {.arena = tx->arena};
    cursor_tag(tx, scope, key, tag);
    buffer_bytes(&bytes, tag, CURSOR_TAG);
    buffer_text(&bytes, key);
    return base64url_encode(tx->arena, buffer_as_text(&bytes));
}

static bool cursor_open(struct tx *tx, struct text scope, struct text cursor, struct text *key)
{
    struct text bytes;
    uint8_t tag[32];
    if (!base64url_decode(tx->arena, cursor, &bytes) || bytes.length <= CURSOR_TAG) return false;
    *key = (struct text){bytes.data + CURSOR_TAG, bytes.length - CURSOR_TAG};
    cursor_tag(tx, scope, *key, tag);
    uint8_t difference = 0;
    for (int i = 0; i < CURSOR_TAG; i++)
        difference |= tag[i] ^ (uint8_t)bytes.data[i];
    return difference == 0;
}

struct id find_first(struct tx *tx, const struct kind *kind, const struct index *index,
                     void (*lead)(struct key_writer *writer, int64_t value), int64_t value)
{
    struct key_writer writer;
    key_writer_open(&writer, tx->arena, tx->tenant, kind, index);
    key_begin(&writer);
    lead(&writer, value);
    struct text from = arena_text(tx->arena, key_text_of(&writer.current));
    struct table_row row;
    uint32_t count = 1;
    enum found found = derived_scan(tx->core, tx->state->message, tx->state->replay, from, prefix_end(tx->arena, from),
                                    false, tx->arena, &row, &count);
    if (found != FOUND) tx->state->pending = true;
    answer_reads_range(tx, from);
    tx->state->seen_lsn = tx->core->last_lsn;
    struct id id = ID_NONE;
    if (found == FOUND && count && row.key.length >= sizeof id.bytes)
        memcpy(id.bytes, row.key.data + row.key.length - sizeof id.bytes, sizeof id.bytes);
    return id;
}

/* ---- pages that a handler renders ---- */
uint32_t page_limit(const struct tx *tx)
{
    uint32_t limit = tx->state->message->request->limit;
    return limit ? limit : LIMIT_PAGE_DEFAULT;
}

enum error page_after(struct tx *tx, struct text *key)
{
    struct text cursor = tx->state->message->request->cursor;
    *key = (struct text){0};
    if (!cursor.data || cursor_open(tx, cursor_scope(tx, tx->command->listings), cursor, key)) return OK;
    return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
}

struct text page_cursor(struct tx *tx, struct text key)
{
    return cursor_make(tx, cursor_scope(tx, tx->command->listings), key);
}

/* ---- which order ---- */
static const struct field *query_field(const struct tx *tx, const char *name)
{
    const struct fields *fields = tx->command->query;
    return fields ? field_by_name(fields, text_of(name)) : NULL;
}

static struct text query_sort(const struct tx *tx)
{
    const struct field *field = query_field(tx, "sort");
    if (!field || !queried(tx, "sort")) return (struct text){0};
    const char *member = (const char *)tx->query + field->offset;
    if (field->type == FIELD_TEXT) return *(const struct text *)(const void *)member;
    return enum_name(field->values, *(const uint32_t *)(const void *)member);
}

static const struct listing *listing_choose(const struct tx *tx)
{
    struct text sort = query_sort(tx);
    const struct listing *listing = tx->command->listings;
    for (; listing->index; listing++) {
        if (sort.data && !text_is(sort, listing->sort)) continue;
        if (listing->filter && !queried(tx, listing->filter)) continue;
        return listing;
    }
    return NULL;
}

static void key_filter(struct tx *tx, struct key_writer *writer, const char *name)
{
    const struct field *field = query_field(tx, name);
    CHECK(field);
    const char *member = (const char *)tx->query + field->offset;
    switch (field->type) {
    case FIELD_ID: key_id(writer, *(const struct id *)(const void *)member); break;
    case FIELD_ENUM: key_integer(writer, *(const uint32_t *)(const void *)member); break;
    case FIELD_BOOL: key_integer(writer, *(const bool *)member); break;
    case FIELD_DATE: key_integer(writer, *(const int32_t *)(const void *)member); break;
    case FIELD_TEXT: key_text(writer, *(const struct text *)(const void *)member); break;
    default: key_integer(writer, *(const int64_t *)(const void *)member); break;
    }
}

/* ---- one page ---- */
struct page {
    const struct listing *listing;
    struct text scope, from, to;
    uint32_t limit, given, passed;
    struct buffer out;
    struct text last; /* key of the last row looked at */
    bool full, exhausted;
};

/* False: the page is full. `key` is where the next one begins. */
static bool page_entity(struct tx *tx, struct page *page, struct id id, struct text key)
{
    const void *entity = load(tx, tx->kind, id);
    if (!entity) return true; /* pending: others are asked for in the same run */
    page->last = key;
    uint32_t relations = asker_relations(tx, tx->kind, entity);
    const struct request *request = tx->state->message->request;
    bool shown = asker_sees(tx, tx->kind, entity, relations) &&
                 (!entity_of(entity)->deleted_at || request->include_deleted) &&
                 (!tx->command->matches || tx->command->matches(tx, entity));
    if (!shown) {
        page->passed++;
        return true;
    }
    /* pending too: what is joined to this row is asked for in the same run, or a cold page takes a run for each row */
    if (page->given++) buffer_byte(&page->out, ',');
    render_entity(tx, &page->out, tx->kind, entity, relations, NULL);
    return page->given < page->limit;
}

static bool page_row(struct tx *tx, struct page *page, const struct table_row *row)
{
    struct id id;
    if (row->key.length < 16) return true;
    memcpy(id.bytes, row->key.data + row->key.length - 16, 16);
    return page_entity(tx, page, id, row->key);
}

/* Fills the page; each round asks for as many rows as are still missing and one more, to know whether there is a next page. */
static enum error page_fill(struct tx *tx, struct page *page)
{
    while (!page->full && !page->exhausted && page->passed < LIMIT_FILTERED_ROWS) {
        uint32_t want = page->limit - page->given + 1, count = want;
        struct table_row *rows = ARENA_ARRAY(tx->arena, struct table_row, want);
        enum found found = derived_scan(tx->core, tx->state->message, false, page->from, page->to,
                                        page->listing->reverse, tx->arena, rows, &count);
        if (found != FOUND) {
            tx->state->pending = true;
            return OK;
        }
        uint32_t i = 0;
        for (; i < count && !page->full; i++)
            page->full = !page_row(tx, page, &rows[i]);
        if (pending(tx)) return OK;
        if (i < count) return OK; /* full, and there is more */
        if (count < want)
            page->exhausted = true;
        else if (page->listing->reverse)
            page->to = rows[count - 1].key;
        else
            page->from = prefix_end(tx->arena, rows[count - 1].key);
    }
    return OK;
}

enum error answer_list(struct tx *tx, const struct buffer *entries, struct text next, uint32_t limit)
{
    struct buffer out = {.arena = tx->arena};
    buffer_byte(&out, '[');
    if (entries->length) buffer_bytes(&out, entries->data, entries->length);
    buffer_string(&out, "],\"page\":{\"next\":");
    if (next.data)
        buffer_json_text(&out, next);
    else
        buffer_string(&out, "null");
    buffer_format(&out, ",\"limit\":%u}", limit);
    tx->state->form = ANSWER_LIST;
    tx->state->status = 200;
    tx->state->raw = buffer_as_text(&out);
    tx->state->seen_lsn = tx->core->last_lsn;
    return OK;
}

/* ---- pages of what words find: as a list, but the index of words says what comes next ---- */
enum { HIT_KEY_SIZE = sizeof(int64_t) + 16 };

static struct text hit_key(struct arena *arena, const struct search_hit *hit)
{
    char *key = arena_alloc(arena, HIT_KEY_SIZE);
    memcpy(key, &hit->score, sizeof hit->score);
    memcpy(key + sizeof hit->score, hit->id.bytes, 16);
    return (struct text){key, HIT_KEY_SIZE};
}

static void search_fill(struct tx *tx, struct page *page, struct search_query *query)
{
    query->limit = page->limit + 1;
    while (!page->full && !page->exhausted && page->passed < LIMIT_FILTERED_ROWS) {
        const struct search_hit *hits;
        uint32_t count, i = 0;
        if (!search_find(tx, query, &hits, &count)) return;
        for (; i < count && !page->full; i++)
            page->full = !page_entity(tx, page, hits[i].id, hit_key(tx->arena, &hits[i]));
        if (pending(tx) || i < count) return;
        page->exhausted = count < query->limit;
        if (!page->exhausted) query->after_score = hits[count - 1].score, query->after = hits[count - 1].id;
        query->limit = LIMIT_SEARCH_HITS;
    }
}

static enum error run_search(struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    const struct field *words = query_field(tx, "q");
    struct page page = {.out = {.arena = tx->arena}, .limit = page_limit(tx), .scope = cursor_scope(tx, NULL)};
    struct search_query query = {.tenant = tx->tenant,
                                 .kind = tx->kind->number,
                                 .staff = tx->relations & ADMIN,
                                 .words =
                                     *(const struct text *)(const void *)((const char *)tx->query + words->offset)};
    tx->state->question = (struct text){0}; /* not kept: the index is no part of the state that is noted */
    if (queried(tx, "sort")) {
        fail_detail(tx, "sort", "not_allowed", "what words find comes in the order of how well it fits");
        return fail(tx, ERROR_VALIDATION_FAILED, "q and sort are not used together");
    }
    if (!tx->core->search.ready) return fail(tx, ERROR_SEARCH_NOT_READY, "%s", error_text(ERROR_SEARCH_NOT_READY));
    if (request->cursor.data) {
        struct text key;
        if (!cursor_open(tx, page.scope, request->cursor, &key) || key.length != HIT_KEY_SIZE)
            return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
        memcpy(&query.after_score, key.data, sizeof query.after_score);
        memcpy(query.after.bytes, key.data + sizeof query.after_score, 16);
    }
    if (tx->command->within) query.within = tx->command->within(tx);
    if (pending(tx)) return OK;
    search_fill(tx, &page, &query);
    if (pending(tx)) return OK;
    bool ends = page.exhausted || !page.last.data;
    return answer_list(tx, &page.out, ends ? (struct text){0} : cursor_make(tx, page.scope, page.last), page.limit);
}

enum error run_list(struct tx *tx)
{
    if (tx->command->decide) { /* what may be read, and what the page is of */
        enum error error = tx->command->decide(tx);
        if (error || pending(tx)) return error;
        if (tx->state->form != ANSWER_SUBJECT) return OK;
    }
    if (tx->command->searches && queried(tx, "q")) return run_search(tx);
    if (tx->state->shared && answer_recall_shared(tx)) return OK;
    const struct request *request = tx->state->message->request;
    struct page page = {.listing = listing_choose(tx),
                        .out = {.arena = tx->arena},
                        .limit = request->limit ? request->limit : LIMIT_PAGE_DEFAULT};
    if (!page.listing) {
        fail_detail(tx, "sort", "not_one_of", "this list is not sorted so");
        return fail(tx, ERROR_VALIDATION_FAILED, "the list cannot be read in this order");
    }
    struct key_writer writer;
    key_writer_open(&writer, tx->arena, tx->tenant, tx->kind, page.listing->index);
    key_begin(&writer);
    if (page.listing->scope) page.listing->scope(tx, &writer);
    if (page.listing->filter) key_filter(tx, &writer, page.listing->filter);
    if (pending(tx)) return OK;
    page.from = arena_text(tx->arena, key_text_of(&writer.current));
    page.to = prefix_end(tx->arena, page.from);
    answer_reads_range(tx, page.from);
    page.scope = cursor_scope(tx, page.listing);
    struct text key;
    if (request->cursor.data) {
        if (!cursor_open(tx, page.scope, request->cursor, &key))
            return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
        if (page.listing->reverse)
#if defined MUTANT && MUTANT == 27
            page.to = (struct text){key.data, key.length - 16};
#else
            page.to = key;
#endif
        else
            page.from = prefix_end(tx->arena, key);
    }
    enum error error = page_fill(tx, &page);
    if (error || pending(tx)) return error;
    bool ends = page.exhausted || !page.last.data;
    return answer_list(tx, &page.out, ends ? (struct text){0} : cursor_make(tx, page.scope, page.last), page.limit);
}
