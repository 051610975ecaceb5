/* The events of a marketplace in the order of the log, for its staff: what a consumer outside reads to follow along. A worker
   reads a stretch of the log and keeps the records that hold something wanted; the core renders them. Only what is durable is
   read. A page ends where it is full, or where the stretch does: then it may be empty and yet have a next one. */
#include "actors/runtime/events.h"
#include "actors/runtime/internal.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

enum {
#ifdef TINY
    STRETCH_RECORDS = 53,
#else
    STRETCH_RECORDS = 4096,
#endif
    STRETCH_BYTES = 4 * 1024 * 1024
};

struct events_query {
    int64_t after;
    struct text kind, event;
    struct id entity;
};
/* clang-format off */
static const struct field query_rows[] = {
    INTEGER(events_query, 1, after, .min = 0, .max = INT64_MAX, .doc = "position of the log that is known: the events behind it"),
    TEXT(events_query, 2, kind, .format = FORMAT_KEY, .max = 40, .doc = "only of entities of this kind: order"),
    TEXT(events_query, 3, event, .format = FORMAT_KEY, .max = 80, .doc = "only these: order.confirmed"),
    ID(events_query, 4, entity, .doc = "only of this entity"),
};
/* clang-format on */
const struct fields events_query_fields = FIELDS("events_query", struct events_query, query_rows);

/* ---- the envelope ---- */
struct event_party {
    struct text kind;
    struct id id;
};
/* clang-format off */
static const struct field party_rows[] = {
    TEXT(event_party, 1, kind, .flags = READ_ONLY | REQUIRED, .doc = "what it is"),
    ID(event_party, 2, id, .flags = READ_ONLY | OPTIONAL, .doc = "which one"),
};
/* clang-format on */
static const struct fields party_fields = FIELDS("event_party", struct event_party, party_rows);

struct event_envelope {
    struct text id, type;
    struct id tenant_id;
    int64_t time;
    struct event_party actor;
    struct text command, cause;
    struct event_party entity;
    int64_t entity_version;
    struct event_party subject;
    struct text data;
};
/* clang-format off */
static const struct field envelope_rows[] = {
    TEXT(event_envelope, 1, id, .flags = READ_ONLY | REQUIRED, .doc = "position in the log, and number among the events there: 4711.0"),
    TEXT(event_envelope, 2, type, .flags = READ_ONLY | REQUIRED, .doc = "name of the event"),
    ID(event_envelope, 3, tenant_id, .flags = READ_ONLY | REQUIRED, .doc = "the marketplace"),
    TIME(event_envelope, 4, time, .flags = READ_ONLY | REQUIRED, .doc = "when"),
    STRUCT(event_envelope, 5, actor, struct event_party, &party_fields, .flags = READ_ONLY, .doc = "who: user, system, operator, anonymous"),
    TEXT(event_envelope, 6, command, .flags = READ_ONLY | REQUIRED, .doc = "what was done: kind.command"),
    TEXT(event_envelope, 7, cause, .flags = READ_ONLY, .doc = "the timer or answer that caused it"),
    STRUCT(event_envelope, 8, entity, struct event_party, &party_fields, .flags = READ_ONLY, .doc = "whose event it is"),
    INTEGER(event_envelope, 9, entity_version, .flags = READ_ONLY, .doc = "of the entity, without gaps"),
    STRUCT(event_envelope, 10, subject, struct event_party, &party_fields, .flags = READ_ONLY,
           .doc = "whom it concerns: events of one keep their order"),
    TEXT(event_envelope, 11, data, .flags = READ_ONLY | ANY_JSON, .doc = "what the event carries; from and to of a transition"),
};
/* clang-format on */
const struct fields event_envelope_fields = FIELDS("event_envelope", struct event_envelope, envelope_rows);

/* ---- what is wanted ---- */
struct wanted {
    const struct registry *registry;
    struct id tenant, entity;
    struct text kind, event;
    uint64_t after;
    int64_t number; /* of the last event known at that position; -1: all of it is known */
};

/* The kind and event of a row, when it is wanted; else NULL. */
static const struct event *wanted_event(const struct wanted *wanted, const struct record *record, uint32_t at,
                                        const struct kind **kind)
{
    const struct record_event *row = &record->events.at[at];
    if (!id_equal(record->tenant, wanted->tenant) || row->change < 0 || row->change >= record->changes.count)
        return NULL;
    if (record->lsn < wanted->after || (record->lsn == wanted->after && (wanted->number < 0 || at <= wanted->number)))
        return NULL;
    const struct record_change *change = &record->changes.at[row->change];
    if (!id_is_none(wanted->entity) && !id_equal(wanted->entity, change->id)) return NULL;
    *kind = registry_kind(wanted->registry, (uint16_t)change->kind);
    const struct event *event = *kind ? kind_event(*kind, row->number) : NULL;
    if (!event || (wanted->kind.data && !text_is(wanted->kind, (*kind)->name))) return NULL;
    return !wanted->event.data || text_is(wanted->event, event->name) ? event : NULL;
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

static bool tail_take(struct tail_read *read, size_t *bytes)
{
    struct store *store = read->core->ports.store;
    struct arena *arena = arena_create();
    struct text head, body;
    struct record record = {0};
    bool good = store->calls->read_log(store, read->lsn, arena, &head, &body) == FOUND &&
                record_decode(arena, head, body, &record);
    uint32_t found = 0;
    const struct kind *kind;
    record.lsn = read->lsn;
    for (uint32_t i = 0; good && i < record.events.count; i++)
        found += wanted_event(&read->wanted, &record, i, &kind) != NULL;
    if (good) *bytes += head.length + body.length;
    if (found) {
        read->rows[read->count] = (struct table_row){arena_text(read->arena, head), arena_text(read->arena, body)};
        read->positions[read->count++] = read->lsn;
        read->found += found;
    }
    arena_destroy(arena);
    return good;
}

static void tail_run(struct work *work)
{
    struct tail_read *read = (struct tail_read *)work;
    size_t bytes = 0;
    for (uint32_t i = 0;
         i < STRETCH_RECORDS && read->lsn <= read->last && read->found < read->most && bytes < STRETCH_BYTES; i++) {
        read->damaged = !tail_take(read, &bytes);
        if (read->damaged) return;
        read->lsn++;
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

/* ---- rendering ---- */
static struct text data_of(struct tx *tx, const struct kind *kind, const struct event *event,
                           const struct record_event *row)
{
    struct buffer own = {.arena = tx->arena}, out = {.arena = tx->arena};
    record_render_data(&own, tx->arena, kind, event, row);
    bool moves = row->to && kind->machine && !(event->data && field_by_name(event->data, LITERAL("to")));
    if (!moves) return buffer_as_text(&own);
    buffer_string(&out, "{\"from\":");
    if (row->from)
        buffer_json_text(&out, enum_name(kind->machine->states, (uint32_t)row->from));
    else
        buffer_string(&out, "null");
    buffer_string(&out, ",\"to\":");
    buffer_json_text(&out, enum_name(kind->machine->states, (uint32_t)row->to));
    if (own.length > 2) buffer_byte(&out, ',');
    buffer_bytes(&out, own.data + 1, own.length - 1);
    return buffer_as_text(&out);
}

static struct event_party subject_of(struct tx *tx, const struct kind *kind, struct id id)
{
    struct event_party subject = {text_of(kind->name), id};
    if (!kind->event_subject) return subject;
    const void *entity = load(tx, kind, id);
    if (!entity) return subject;
    return (struct event_party){text_of(kind->subject_kind ? kind->subject_kind : kind->name),
                                kind->event_subject(entity)};
}

static void render_event(struct tx *tx, struct buffer *out, const struct record *record, uint32_t at,
                         const struct kind *kind, const struct event *event)
{
    static const char *const principals[] = {"anonymous", "user", "system", "operator"};
    const struct record_event *row = &record->events.at[at];
    const struct record_change *change = &record->changes.at[row->change];
    const struct kind *commanded = registry_kind(tx->core->registry, (uint16_t)record->kind);
    struct event_envelope envelope = {
        .id = text_print(tx, "%llu.%u", (unsigned long long)record->lsn, at),
        .type = text_of(event->name),
        .tenant_id = record->tenant,
        .time = record->time,
        .actor = {text_of(principals[record->principal_kind & 3]), record->principal},
        .command = text_print(tx, "%s.%.*s", commanded ? commanded->name : "?", TEXT_ARGUMENTS(record->command)),
        .cause = record->cause,
        .entity = {text_of(kind->name), change->id},
        .entity_version = row->version,
        .subject = subject_of(tx, kind, change->id),
        .data = data_of(tx, kind, event, row)};
    schema_render(out, &event_envelope_fields, &envelope, tx->relations);
}

/* ---- a page ---- */
/* Where the page begins: behind a position, or behind one of its events. */
static enum error page_begin(struct tx *tx, struct wanted *wanted)
{
    struct text cursor;
    int64_t after, number = -1;
    enum error error = page_after(tx, &cursor);
    if (error || !cursor.data) return error;
    struct text rest = cursor, position = text_split(&rest, '.');
    if (!text_to_integer(position, &after) || (rest.data && !text_to_integer(rest, &number)))
        return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
    wanted->after = (uint64_t)after;
    wanted->number = number;
    return OK;
}

enum error events_page(struct tx *tx)
{
    const struct events_query *query = tx->query;
    struct wanted wanted = {.registry = tx->core->registry, .tenant = tx->tenant, .number = -1};
    if (query)
        wanted = (struct wanted){wanted.registry,        tx->tenant, query->entity, query->kind, query->event,
                                 (uint64_t)query->after, -1};
    enum error error = page_begin(tx, &wanted);
    if (error) return error;
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
            const struct kind *kind;
            const struct event *event = wanted_event(&wanted, &record, at, &kind);
            more = event && given == limit;
            if (!event || more) continue;
            if (given++) buffer_byte(&out, ',');
            render_event(tx, &out, &record, at, kind, event);
            shown = text_print(tx, "%llu.%u", (unsigned long long)record.lsn, at);
        }
    }
    if (pending(tx)) return OK;
    if (!more && memo->generation <= last) shown = text_print(tx, "%llu", (unsigned long long)memo->generation - 1);
    bool goes_on = more || memo->generation <= last;
    return answer_list(tx, &out, goes_on ? page_cursor(tx, shown) : (struct text){0}, limit);
}
