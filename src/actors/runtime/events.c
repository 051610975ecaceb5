/* The events of a marketplace in the order of the log, for its staff: what a consumer outside reads to follow along. A worker
   reads a stretch of the log and keeps the records that hold something wanted; the core renders those that fit the page. Only what is durable is
   read. A page ends where it is full, or where the stretch does: then it may be empty and yet have a next one.

   Who asks for a stream instead is told here whether he may and from where; the events come from elsewhere (stream.h). */
#include "actors/runtime/events.h"
#include "actors/runtime/envelope.h"
#include "actors/runtime/internal.h"

#include <stdlib.h>
#include <string.h>

enum {
#ifdef TINY
    STRETCH_RECORDS = 53,
    ROWS_MOST = 5,
#else
    STRETCH_RECORDS = 4096,
    ROWS_MOST = 64, /* read at once */
#endif
    STRETCH_BYTES = 4 * 1024 * 1024
};

struct events_query {
    struct text after, kind, event;
    struct id entity;
    bool follow;
};
/* clang-format off */
static const struct field query_rows[] = {
    TEXT(events_query, 1, after, .format = FORMAT_PLACE, .doc = "the last event that is known, by its id, or a position of the log: those behind it"),
    TEXT(events_query, 2, kind, .format = FORMAT_KEY, .max = 40, .doc = "only of entities of this kind: order"),
    TEXT(events_query, 3, event, .format = FORMAT_KEY, .max = 80, .doc = "only these: order.confirmed"),
    ID(events_query, 4, entity, .doc = "only of this entity"),
    BOOL(events_query, 5, follow, .doc = "of JSON lines: go on with what happens from now on"),
};
/* clang-format on */
const struct fields events_query_fields = FIELDS("events_query", struct events_query, query_rows);

/* ---- what is wanted ---- */
struct wanted {
    const struct registry *registry;
    struct event_filter filter;
    uint64_t after;
    int64_t number; /* of the last event known at that position; -1: all of it is known */
};

static bool wanted_event(const struct wanted *wanted, const struct record *record, uint32_t at,
                         struct envelope *envelope)
{
    if (record->lsn < wanted->after || (record->lsn == wanted->after && (wanted->number < 0 || at <= wanted->number)))
        return false;
    return id_equal(record->tenant, wanted->filter.tenant) && envelope_open(wanted->registry, record, at, envelope) &&
           event_filter_passes(&wanted->filter, envelope);
}

/* ---- reading on a worker ---- */
struct tail_read {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct arena *arena; /* the worker's own: the rows found */
    struct wanted wanted;
    uint64_t lsn, last;
    uint32_t most, found; /* events */
    struct table_row rows[LIMIT_PAGE_MOST + 1];
    uint64_t positions[LIMIT_PAGE_MOST + 1];
    uint32_t count;
    bool damaged;
};

/* Keeps the record at read->lsn when something in it is wanted. */
static bool tail_take(struct tail_read *read, struct arena *arena, const struct table_row *row)
{
    struct record record = {0};
    struct envelope envelope;
    if (!record_decode(arena, row->key, row->value, &record)) return false;
    uint32_t found = 0;
    record.lsn = read->lsn;
    for (uint32_t i = 0; i < record.events.count; i++)
        found += wanted_event(&read->wanted, &record, i, &envelope);
    if (found) {
        read->rows[read->count] =
            (struct table_row){arena_text(read->arena, row->key), arena_text(read->arena, row->value)};
        read->positions[read->count++] = read->lsn;
        read->found += found;
    }
    return true;
}

/* Some records from read->lsn on; false: one of them cannot be read. */
static bool tail_read_some(struct tail_read *read, size_t *bytes)
{
    struct store *store = read->core->ports.store;
    struct arena *arena = arena_create();
    struct table_row rows[ROWS_MOST];
    uint64_t left = read->last - read->lsn + 1;
    uint32_t most = left < ROWS_MOST ? (uint32_t)left : ROWS_MOST, count = 0;
    bool good =
        store->calls->read_stretch(store, read->lsn, most, STRETCH_BYTES - *bytes, arena, rows, &count) == FOUND;
    for (uint32_t i = 0; good && i < count && read->found < read->most; i++) {
        good = tail_take(read, arena, &rows[i]);
        *bytes += rows[i].key.length + rows[i].value.length;
        read->lsn += good;
    }
    arena_destroy(arena);
    return good;
}

static void tail_run(struct work *work)
{
    struct tail_read *read = (struct tail_read *)work;
    size_t bytes = 0;
    uint64_t end = read->lsn + STRETCH_RECORDS;
    while (read->lsn < end && read->lsn <= read->last && read->found < read->most && bytes < STRETCH_BYTES) {
        read->damaged = !tail_read_some(read, &bytes);
        if (read->damaged) return;
    }
}

static void tail_done(struct work *work)
{
    struct tail_read *read = (struct tail_read *)work;
    struct core *core = read->core;
    struct message *message = read->message;
    struct memo *memo = read->memo;
    memo->ready = true;
    memo->found = !read->damaged;
    memo->generation = read->lsn; /* where the stretch ends: the next one begins here */
    memo->rows = ARENA_ARRAY(message->arena, struct table_row, read->count + 1);
    memo->row_count = read->count;
    uint64_t *positions = ARENA_ARRAY(message->arena, uint64_t, read->count + 1);
    for (uint32_t i = 0; i < read->count; i++) {
        memo->rows[i] = (struct table_row){arena_text(message->arena, read->rows[i].key),
                                           arena_text(message->arena, read->rows[i].value)};
        positions[i] = read->positions[i];
    }
    memo->value = (struct text){(const char *)positions, (uint32_t)(read->count * sizeof *positions)};
    arena_destroy(read->arena);
    free(read);
    message_loaded(core, message);
}

/* What the worker found, or NULL: it was started, or runs, and the handler runs again once it is done. */
static const struct memo *tail(struct tx *tx, const struct wanted *wanted, uint64_t last, uint32_t most)
{
    struct message *message = tx->state->message;
    for (const struct memo *memo = message->memos; memo; memo = memo->next) {
        if (!text_is(memo->input, "events")) continue;
        if (memo->ready) return memo;
        tx->state->pending = true;
        return NULL;
    }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = LITERAL("events")};
    message->memos = memo;
    struct tail_read *read = memory_alloc(sizeof *read);
    *read = (struct tail_read){.work = {.run = tail_run, .done = tail_done, .class = WORK_READ},
                               .core = tx->core,
                               .message = message,
                               .memo = memo,
                               .arena = arena_create(),
                               .wanted = *wanted,
                               .last = last,
                               .most = most,
                               .lsn = wanted->number < 0 ? wanted->after + 1 : wanted->after};
    tx->state->pending = true;
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &read->work)) return NULL;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1; /* the pool is full: 503 */
    arena_destroy(read->arena);
    free(read);
    return NULL;
}

/* ---- a page ---- */
/* Where the page begins: behind a position, or behind one of its events. */
static enum error page_begin(struct tx *tx, struct wanted *wanted)
{
    struct text cursor;
    enum error error = page_after(tx, &cursor);
    if (error || !cursor.data) return error;
    if (!stream_place_read(cursor, &wanted->after, &wanted->number))
        return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
    return OK;
}

/* ---- a stream ---- */
const char *const stream_content_types[STREAM_FORMS] = {
    [STREAM_SSE] = "text/event-stream", [STREAM_JSONL] = "application/jsonl", [STREAM_NDJSON] = "application/x-ndjson"};

bool stream_place_read(struct text id, uint64_t *after, int64_t *number)
{
    struct text rest = id, position = text_split(&rest, '.');
    int64_t lsn, event = -1;
    if (!text_to_integer(position, &lsn) || lsn < 0) return false;
    if (rest.data && (!text_to_integer(rest, &event) || event < 0)) return false;
    if (lsn == 0 && event >= 0) return false;
    *after = (uint64_t)lsn;
    *number = event;
    return true;
}

/* Server-sent events begin, when nobody says where, with what happens next; lines where a page would. A position that the
   log does not have is refused: to wait for it would pass over what is written until then. */
static enum error events_stream(struct tx *tx, const struct request *request, const struct wanted *wanted)
{
    uint64_t durable = tx->core->durable_lsn;
    bool pushed = request->stream == STREAM_SSE, known = request->cursor.data || queried(tx, "after");
    struct stream_wish *wish = ARENA_NEW(tx->arena, struct stream_wish);
    *wish = (struct stream_wish){
        .form = request->stream,
        .filter = wanted->filter,
        .asker = tx->principal.kind == PRINCIPAL_USER ? tx->principal.user : ID_NONE,
        .after = pushed && !known ? durable : wanted->after,
        .number = wanted->number,
        .last = pushed || (tx->query && ((const struct events_query *)tx->query)->follow) ? STREAM_FOLLOWS : durable,
        .limit = request->limit,
    };
    if (request->head_only) return fail(tx, ERROR_BAD_REQUEST, "a stream is read with GET");
    if (request->dry_run) return fail(tx, ERROR_BAD_REQUEST, "a stream cannot be tried, only read");
    if (request->again) return answer_none(tx);
    if (request->last_event_id.length && !stream_place_read(request->last_event_id, &wish->after, &wish->number))
        return fail(tx, ERROR_INVALID_CURSOR, "Last-Event-ID is not the id of an event");
    if (wish->after > durable) return fail(tx, ERROR_INVALID_CURSOR, "the log ends before that position");
    tx->state->form = ANSWER_STREAM;
    tx->state->stream = wish;
    return OK;
}

enum error events_page(struct tx *tx)
{
    const struct events_query *query = tx->query;
    struct wanted wanted = {.registry = tx->core->registry, .filter = {.tenant = tx->tenant}, .number = -1};
    if (query) {
        wanted.filter = (struct event_filter){tx->tenant, query->entity, query->kind, query->event};
        if (query->after.data && !stream_place_read(query->after, &wanted.after, &wanted.number))
            return fail(tx, ERROR_INVALID_CURSOR, "after is not the id of an event");
    }
    enum error error = page_begin(tx, &wanted);
    if (error) return error;
    const struct request *request = tx->state->message->request;
    if (request->stream != STREAM_NONE) return events_stream(tx, request, &wanted);
    uint32_t limit = page_limit(tx), given = 0;
    uint64_t last = tx->core->durable_lsn;
    struct buffer out = {.arena = tx->arena};
    if (wanted.after > last) return answer_list(tx, &out, (struct text){0}, limit);
    const struct memo *memo = tail(tx, &wanted, last, limit + 1);
    if (!memo) return OK; /* void: it runs again */
    if (!memo->found) return fail(tx, ERROR_INTERNAL_ERROR, "the log cannot be read");
    struct text shown = {0};
    bool more = false;
    for (uint32_t i = 0; i < memo->row_count && !more; i++) {
        struct record record = {0};
        if (!record_decode(tx->arena, memo->rows[i].key, memo->rows[i].value, &record)) continue;
        memcpy(&record.lsn, memo->value.data + i * sizeof record.lsn, sizeof record.lsn);
        for (uint32_t at = 0; at < record.events.count && !more; at++) {
            struct envelope envelope;
            if (!wanted_event(&wanted, &record, at, &envelope)) continue;
            more = given == limit;
            if (more) continue;
            if (given++) buffer_byte(&out, ',');
            envelope_render(&out, tx->arena, wanted.registry, tx->core->ports.keyring, &envelope);
            shown = text_print(tx, "%llu.%u", (unsigned long long)record.lsn, at);
        }
    }
    if (!more && memo->generation <= last) shown = text_print(tx, "%llu", (unsigned long long)memo->generation - 1);
    bool goes_on = more || memo->generation <= last;
    return answer_list(tx, &out, goes_on ? page_cursor(tx, shown) : (struct text){0}, limit);
}
