/* Feeding the search index and asking it.

     change installed ──▶ noted ──durable──▶ handed over ──▶ in the index         (search_note, search_durable)
     start ──▶ building: what the tables hold, some rows at a time ──▶ ready      (search_start)

   Everything goes through the one thread of WORK_SEARCH in the order in which it is submitted, and a query hands over first
   what is durable: so whoever was answered finds what he wrote. While the index is being built a query is refused: half an
   index would answer that things are not there. A change and a row of the tables may come in either order: the index
   keeps the one of the newer record. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/field.h"

#include <stdlib.h>
#include <string.h>

/* ---- what an entity says ---- */
static void collect(struct buffer *out, const struct fields *fields, const void *value, struct text path);

static void collect_list(struct buffer *out, const struct field *field, const struct list *list, struct text rest)
{
    uint32_t size = field->nested ? field->nested->size : (uint32_t)sizeof(struct text);
    for (uint32_t i = 0; i < list->count; i++) {
        const char *element = (const char *)list->at + (size_t)i * size;
        if (field->nested) {
            collect(out, field->nested, element, rest);
        } else {
            buffer_text(out, *(const struct text *)(const void *)element);
            buffer_byte(out, '\n');
        }
    }
}

static void collect(struct buffer *out, const struct fields *fields, const void *value, struct text path)
{
    struct text rest = path;
    const struct field *field = field_by_name(fields, text_split(&rest, '.'));
    CHECK(field); /* proved at start */
    const char *member = (const char *)value + field->offset;
    if (field->type == FIELD_STRUCT) {
        collect(out, field->nested, member, rest);
    } else if (field->type == FIELD_LIST) {
        collect_list(out, field, (const void *)member, rest);
    } else if (((const struct text *)(const void *)member)->data) {
        buffer_text(out, *(const struct text *)(const void *)member);
        buffer_byte(out, '\n');
    }
}

/* The document of an entity, in the arena. */
static struct search_document document_of(struct arena *arena, struct id tenant, const struct kind *kind,
                                          const void *entity, uint64_t lsn)
{
    const struct searched *searched = kind->searched;
    struct search_document document = {.tenant = tenant, .id = entity_of(entity)->id, .kind = kind->number, .lsn = lsn};
    document.found = !entity_of(entity)->deleted_at && searched->states & STATE(entity_of(entity)->status);
    if (!document.found) return document;
    if (searched->within) document.within = searched->within(entity);
    for (int column = 0; column < SEARCH_COLUMNS; column++) {
        struct buffer words = {.arena = arena};
        for (const struct search_field *row = searched->fields; row->path; row++)
            if (row->column == (enum search_column)column) collect(&words, kind->fields, entity, text_of(row->path));
        document.columns[column] = buffer_as_text(&words);
    }
    return document;
}

static bool same_document(const struct search_document *a, const struct search_document *b)
{
    bool same = a->found == b->found && id_equal(a->within, b->within);
    for (int i = 0; i < SEARCH_COLUMNS && same; i++)
        same = text_equal(a->columns[i], b->columns[i]);
    return same;
}

/* ---- changes ---- */
static struct search_change *change_create(const struct search_document *document)
{
    size_t bytes = sizeof(struct search_change);
    for (int i = 0; i < SEARCH_COLUMNS; i++)
        bytes += document->columns[i].length;
    struct search_change *change = memory_alloc(bytes);
    change->document = *document;
    change->bytes = bytes;
    char *at = (char *)(change + 1);
    for (int i = 0; i < SEARCH_COLUMNS; i++) {
        struct text *column = &change->document.columns[i];
        if (column->length) memcpy(at, column->data, column->length);
        column->data = at;
        at += column->length;
    }
    return change;
}

void search_note(struct tx *tx, const struct touched *touched, uint64_t lsn)
{
    const struct kind *kind = touched->kind;
    struct core *core = tx->core;
    if (!kind->searched || !core->ports.search || touched->discarded) return;
    struct search_document after = document_of(tx->arena, tx->tenant, kind, touched->copy, lsn), before = {0};
    if (touched->before) before = document_of(tx->arena, tx->tenant, kind, touched->before->state, lsn);
    if (same_document(&before, &after)) return; /* nothing that anybody looks for */
    struct search_change *change = change_create(&after);
    *core->search.changes_last = change;
    core->search.changes_last = &change->next;
    core->search.bytes += change->bytes;
    core->search.waiting++;
}

struct search_feed {
    struct work work;
    struct core *core;
    struct search_change *changes;
    uint32_t count;
};

static void feed_run(struct work *work)
{
    struct search_feed *feed = (struct search_feed *)work;
    struct search *search = feed->core->ports.search;
    struct search_document *documents = memory_alloc(feed->count * sizeof *documents);
    uint32_t count = 0;
    for (const struct search_change *change = feed->changes; change; change = change->next)
        documents[count++] = change->document;
    search->calls->put(search, documents, count);
    free(documents);
}

static void changes_free(struct core *core, struct search_change *change)
{
    while (change) {
        struct search_change *next = change->next;
        core->search.bytes -= change->bytes;
        core->search.waiting--;
        free(change);
        change = next;
    }
}

static void feed_done(struct work *work)
{
    struct search_feed *feed = (struct search_feed *)work;
    struct core *core = feed->core;
    changes_free(core, feed->changes);
    free(feed);
    if (--core->search.feeds == 0) search_durable(core);
}

/* Submits all that is durable; false: the queue is full, and it stays. */
static bool hand_over(struct core *core)
{
    struct search_state *state = &core->search;
    struct search_change **end = &state->changes;
    uint32_t count = 0;
    for (; *end && (*end)->document.lsn <= core->durable_lsn; end = &(*end)->next)
        count++;
    if (!count) return true;
    struct search_feed *feed = memory_alloc(sizeof *feed);
    *feed = (struct search_feed){.work = {.run = feed_run, .done = feed_done, .class = WORK_SEARCH},
                                 .core = core,
                                 .changes = state->changes,
                                 .count = count};
    struct search_change *rest = *end;
    *end = NULL;
    if (!core->ports.submit(core->ports.context, &feed->work)) {
        *end = rest;
        free(feed);
        return false;
    }
    state->changes = rest;
    if (!rest) state->changes_last = &state->changes;
    state->feeds++;
    return true;
}

/* One feed at a time: what comes meanwhile is the next one. */
void search_durable(struct core *core)
{
    if (!core->search.feeds && !core->stopping) hand_over(core);
}

bool search_behind(const struct core *core)
{
    return core->search.bytes > LIMIT_SEARCH_BYTES;
}

/* ---- building ---- */
struct search_build {
    struct work work;
    struct core *core;
    struct id *tenants;
    uint32_t tenant_count, tenant, kind; /* the next range: this kind of that tenant */
    bool tenants_known, done;
    uint8_t after[LIMIT_KEY_BYTES]; /* the last key of the range that was put */
    uint32_t after_length;
    int64_t began;
    uint64_t rows, damaged;
};

/* Up to LIMIT_SCAN_ROWS rows of a range, after build->after; false: it is at its end. */
static bool scan_some(struct search_build *build, struct arena *arena, const struct key *range, struct table_row *rows,
                      uint32_t *count)
{
    struct store *store = build->core->ports.store;
    struct text prefix = key_text_of(range), from = arena_text(arena, prefix);
    if (build->after_length) { /* the first key after it */
        char *after = arena_alloc(arena, build->after_length + 1);
        memcpy(after, build->after, build->after_length);
        from = (struct text){after, build->after_length + 1};
    }
    enum found found = store->calls->scan(store, from, prefix_end(arena, prefix), false, LIMIT_SCAN_ROWS, TIER_DISK,
                                          arena, rows, count);
    if (found != FOUND) {
        build->damaged++;
        *count = 0;
    }
    if (*count < LIMIT_SCAN_ROWS) return false;
    struct text last = rows[*count - 1].key;
    CHECK(last.length <= sizeof build->after);
    memcpy(build->after, last.data, last.length);
    build->after_length = last.length;
    return true;
}

static struct id id_of_key(struct text key)
{
    struct id id = ID_NONE;
    if (key.length >= sizeof id.bytes) memcpy(id.bytes, key.data + key.length - sizeof id.bytes, sizeof id.bytes);
    return id;
}

static void tenants_scan(struct search_build *build, struct arena *arena, struct table_row *rows)
{
    struct key range;
    uint32_t count = 0;
    entity_key(&range, ID_NONE, build->core->registry->tenant_kind, ID_NONE);
    range.length -= 16;
    build->tenants_known = !scan_some(build, arena, &range, rows, &count);
    build->tenants = memory_resize(build->tenants, (build->tenant_count + count + 1) * sizeof *build->tenants);
    for (uint32_t i = 0; i < count; i++)
        build->tenants[build->tenant_count++] = id_of_key(rows[i].key);
    if (build->tenants_known) build->after_length = 0;
}

/* Puts some rows of the present range. */
static void range_scan(struct search_build *build, struct arena *arena, struct table_row *rows)
{
    struct core *core = build->core;
    const struct kind *kind = core->registry->kinds[build->kind];
    struct id tenant = build->tenants[build->tenant];
    struct key range;
    uint32_t count = 0, good = 0;
    entity_key(&range, tenant, kind, ID_NONE);
    range.length -= 16;
    bool more = scan_some(build, arena, &range, rows, &count);
    struct search_document *documents = ARENA_ARRAY(arena, struct search_document, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        struct block *block = snapshot_decode(core, tenant, kind, id_of_key(rows[i].key), rows[i].value);
        build->damaged += !block;
        if (!block) continue;
        struct search_document *document = &documents[good++];
        *document = document_of(arena, tenant, kind, block->state, block->lsn);
        block_release(block);
    }
    build->rows += good;
    if (good) core->ports.search->calls->put(core->ports.search, documents, good);
    if (more) return;
    build->after_length = 0;
    build->kind++;
}

/* Goes on to a range of a kind that words find; false: there is none. */
static bool range_next(struct search_build *build)
{
    const struct kind *const *kinds = build->core->registry->kinds;
    for (; build->tenant < build->tenant_count; build->tenant++, build->kind = 0)
        for (; kinds[build->kind]; build->kind++)
            if (kinds[build->kind]->searched) return true;
    return false;
}

static void build_run(struct work *work)
{
    struct search_build *build = (struct search_build *)work;
    struct arena *arena = arena_create();
    struct table_row *rows = ARENA_ARRAY(arena, struct table_row, LIMIT_SCAN_ROWS);
    if (!build->tenants_known)
        tenants_scan(build, arena, rows);
    else if (range_next(build))
        range_scan(build, arena, rows);
    else
        build->done = true;
    if (build->done) build->core->ports.search->calls->built(build->core->ports.search);
    arena_destroy(arena);
}

static void build_done(struct work *work)
{
    struct search_build *build = (struct search_build *)work;
    struct core *core = build->core;
    bool going_on = !build->done && !core->stopping;
    if (going_on && core->ports.submit(core->ports.context, &build->work)) return;
    core->search.ready = build->done;
    if (build->damaged)
        log_line("search", LOG_ERROR, "entities that cannot be read are not found", "count=%llu",
                 (unsigned long long)build->damaged);
    if (build->done)
        log_line("search", LOG_INFO, "the search index is built", "rows=%llu took_ms=%lld",
                 (unsigned long long)build->rows, (long long)(core->now - build->began));
    free(build->tenants);
    free(build);
}

void search_start(struct core *core)
{
    if (!core->ports.search) return;
    struct search_build *build = memory_alloc(sizeof *build);
    *build = (struct search_build){
        .work = {.run = build_run, .done = build_done, .class = WORK_SEARCH}, .core = core, .began = core->now};
    if (core->ports.submit(core->ports.context, &build->work)) {
        search_durable(core);
        return;
    }
    free(build);
}

void search_close(struct core *core)
{
    changes_free(core, core->search.changes);
}

/* ---- asking ---- */
struct search_job {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct search_query query;
    char *words;
    struct search_hit *hits;
    uint32_t count;
};

static void job_run(struct work *work)
{
    struct search_job *job = (struct search_job *)work;
    struct search *search = job->core->ports.search;
    job->count = search->calls->find(search, &job->query, job->hits);
}

static void job_free(struct search_job *job)
{
    free(job->words);
    free(job->hits);
    free(job);
}

static void job_done(struct work *work)
{
    struct search_job *job = (struct search_job *)work;
    struct message *message = job->message;
    struct core *core = job->core;
    void *hits = arena_copy(message->arena, job->hits, job->count * sizeof *job->hits);
    job->memo->value = (struct text){hits, (uint32_t)(job->count * sizeof *job->hits)};
    job->memo->ready = job->memo->found = true;
    job_free(job);
    message_loaded(core, message);
}

/* Queries of one marketplace do not take all places of the queue. Lane 0 is for what feeds the index. */
static uint32_t lane_of(struct id tenant)
{
    return 1 + tenant.bytes[sizeof tenant.bytes - 1] % LIMIT_SEARCH_LANES;
}

static void job_submit(struct tx *tx, struct memo *memo, const struct search_query *query)
{
    struct message *message = tx->state->message;
    struct search_job *job = memory_alloc(sizeof *job);
    *job = (struct search_job){
        .work = {.run = job_run, .done = job_done, .class = WORK_SEARCH, .lane = lane_of(tx->tenant)},
        .core = tx->core,
        .message = message,
        .memo = memo,
        .query = *query,
        .words = memory_alloc(query->words.length + 1),
        .hits = memory_alloc(query->limit * sizeof *job->hits)};
    memcpy(job->words, query->words.data, query->words.length);
    job->query.words.data = job->words;
    message->loads++;
    if (hand_over(tx->core) && tx->core->ports.submit(tx->core->ports.context, &job->work)) return;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1; /* the queue is full: 503 */
    job_free(job);
}

/* What names the query among the memos of its message. */
static struct text query_input(struct tx *tx, const struct search_query *query)
{
    struct buffer input = {.arena = tx->arena};
    buffer_string(&input, "search ");
    buffer_big64(&input, (uint64_t)query->after_score);
    buffer_bytes(&input, query->after.bytes, sizeof query->after.bytes);
    return buffer_as_text(&input);
}

bool search_find(struct tx *tx, const struct search_query *query, const struct search_hit **hits, uint32_t *count)
{
    struct message *message = tx->state->message;
    struct text input = query_input(tx, query);
    struct memo *memo = message->memos;
    while (memo && !text_equal(memo->input, input))
        memo = memo->next;
    if (memo && memo->ready) {
        *hits = (const struct search_hit *)(const void *)memo->value.data;
        *count = memo->value.length / (uint32_t)sizeof **hits;
        return true;
    }
    tx->state->pending = true;
    if (memo) return false;
    memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = arena_text(message->arena, input)};
    message->memos = memo;
    job_submit(tx, memo, query);
    return false;
}

void search_metrics(struct core *core, struct buffer *out)
{
    struct search *search = core->ports.search;
    if (!search) return;
    buffer_format(
        out,
        "# HELP souk_search_ready 1 once the index holds what was there at start\n# TYPE souk_search_ready gauge\n"
        "souk_search_ready %d\n"
        "# HELP souk_search_lag changes that are not in the index yet\n# TYPE souk_search_lag gauge\n"
        "souk_search_lag %zu\n",
        core->search.ready, core->search.waiting);
    search->calls->metrics(search, out);
}
