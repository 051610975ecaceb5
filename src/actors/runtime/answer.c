/* Replies from what a unit of work answered: entities as the asker may see them, pages, values, refusals. */
#include "actors/runtime/internal.h"
#include "schema/codec.h"
#include "schema/json.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* ---- entities ---- */
static void render_time(struct buffer *out, const char *name, int64_t time)
{
    char text[TIME_TEXT_LENGTH + 1];
    time_format(time, text);
    buffer_format(out, ",\"%s\":\"%s\"", name, text);
}

static void render_head(struct buffer *out, const struct kind *kind, const struct entity *entity)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(entity->id, id);
    buffer_string(out, "\"id\":\"");
    buffer_bytes(out, id, ID_TEXT_LENGTH);
    buffer_string(out, "\",\"version\":");
    buffer_integer(out, entity->version);
    if (kind->machine) {
        buffer_string(out, ",\"status\":");
        buffer_json_text(out, enum_name(kind->machine->states, (uint32_t)entity->status));
    }
    render_time(out, "created_at", entity->created_at);
    render_time(out, "updated_at", entity->updated_at);
    if (entity->deleted_at) render_time(out, "deleted_at", entity->deleted_at);
}

/* The table without its first row, which render_head has done. */
static struct fields own_rows(const struct fields *fields)
{
    struct fields rest = *fields;
    rest.rows++;
    rest.count--;
    return rest;
}

static void render_join(struct tx *tx, struct buffer *out, const struct join *join, const void *entity,
                        uint32_t relations, uint64_t *revision)
{
    struct id id = join->key(entity);
    const void *row = id_is_none(id) ? NULL : load(tx, join->kind, id);
    size_t mark = out->length;
    buffer_format(out, ",\"%s\":", join->name);
    if (row && revision && join->revision) *revision += (uint64_t)entity_of(row)->version;
    struct fields rest = own_rows(join->kind->fields);
    bool gone = !row || entity_of(row)->deleted_at;
    if (id_is_none(id)) {
        buffer_string(out, "null");
    } else if (gone && join->placeholder) {
        buffer_string(out, join->placeholder);
    } else {
        if (!row) {
            void *zero = arena_alloc(tx->arena, join->kind->fields->size);
            schema_initialise(join->kind->fields, zero);
            row = zero;
        }
        buffer_byte(out, '{');
        bool shown = schema_render_members(out, &rest, row, relations);
        buffer_byte(out, '}');
        if (!shown) out->length = mark; /* nothing of it is for the asker */
    }
}

static void render_whole(struct tx *tx, struct buffer *out, const struct kind *kind, const void *entity,
                         uint32_t relations, uint64_t *revision)
{
    if (kind->shown) entity = kind->shown(tx, entity, relations);
    if (!entity) { /* pending */
        buffer_string(out, "null");
        return;
    }
    buffer_byte(out, '{');
    render_head(out, kind, entity_of(entity));
    struct fields rest = own_rows(kind->fields);
    size_t mark = out->length;
    buffer_byte(out, ',');
    if (!schema_render_members(out, &rest, entity, relations)) out->length = mark;
    for (const struct join *join = kind->joins; join && join->name; join++)
        render_join(tx, out, join, entity, relations, revision);
    buffer_byte(out, '}');
}

enum { ENVELOPE_GUESS = 64 }; /* what follows an entity */

/* ---- what the public sees is rendered once and kept with the block ---- */
static uint32_t sees_of(const struct fields *fields)
{
    uint32_t sees = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        sees |= fields->rows[i].sees;
        if (fields->rows[i].nested) sees |= sees_of(fields->rows[i].nested);
    }
    return sees;
}

void renderings_prepare(struct core *core)
{
    for (const struct kind *const *kind = core->registry->kinds; *kind; kind++) {
        CHECK((*kind)->number < LIMIT_KINDS);
        uint32_t sees = sees_of((*kind)->fields);
        for (const struct join *join = (*kind)->joins; join && join->name; join++)
            sees |= sees_of(join->kind->fields);
        core->sees[(*kind)->number] = sees;
        core->flat[(*kind)->number] = schema_is_flat((*kind)->fields);
    }
}

/* The committed block, when all that these relations see of it is what everybody sees. */
static struct block *public_block(struct tx *tx, const struct kind *kind, const void *entity, uint32_t relations)
{
    if (relations & tx->core->sees[kind->number]) return NULL;
    if (kind->shown && relations & ~(uint32_t)(ANYONE | USER | LEADER)) return NULL; /* `shown` may cut by relation */
    struct touched *touched = tx_find(tx, kind, entity_of(entity)->id);
    if (!touched || touched->copy || touched->discarded || !touched->before ||
        touched->before->state != (const char *)entity)
        return NULL;
    return touched->actor->block;
}

static bool rendering_valid(struct tx *tx, const struct rendering *rendering)
{
    if (rendering->replacements != tx->core->replacements) return false;
    for (uint32_t i = 0; i < rendering->dependency_count; i++) {
        const struct dependency *dependency = &rendering->dependencies[i];
        const struct touched *touched = tx_touch(tx, dependency->kind, dependency->id);
        if (!touched || touched->copy || touched->discarded) return false;
        if ((touched->before ? touched->before->lsn : 0) != dependency->lsn) return false;
    }
    return true;
}

static void rendering_keep(struct tx *tx, const struct kind *kind, struct block *block, struct text json,
                           uint64_t revision)
{
    const struct dependency *dependencies = tx->state->watched.at;
    uint32_t count = tx->state->watched.count;
    for (uint32_t i = 0; i < count; i++)
        if (dependencies[i].lsn == UINT64_MAX) return;
    size_t size = sizeof(struct rendering) + count * sizeof *dependencies + json.length;
    struct rendering *rendering = memory_alloc(size);
    rendering->revision = revision;
    rendering->replacements = tx->core->replacements;
    rendering->length = json.length;
    rendering->dependency_count = count;
    if (count) memcpy(rendering->dependencies, dependencies, count * sizeof *dependencies);
    memcpy(rendering->dependencies + count, json.data, json.length);
    size_t old = block->rendering
                     ? sizeof(struct rendering) + block->rendering->dependency_count * sizeof *dependencies +
                           block->rendering->length
                     : 0;
    free(block->rendering);
    block->rendering = rendering;
    block->size += (uint32_t)(size - old);
    directory_grow(&tx->core->directory, kind, size - old);
}

void render_entity(struct tx *tx, struct buffer *out, const struct kind *kind, const void *entity, uint32_t relations,
                   uint64_t *revision)
{
    struct block *block = public_block(tx, kind, entity, relations);
    if (!block || tx->state->watching) {
        render_whole(tx, out, kind, entity, relations, revision);
        return;
    }
    if (block->rendering && rendering_valid(tx, block->rendering)) {
        buffer_reserve(out, block->rendering->length + ENVELOPE_GUESS);
        buffer_bytes(out, block->rendering->dependencies + block->rendering->dependency_count,
                     block->rendering->length);
        if (revision) *revision += block->rendering->revision;
        return;
    }
    uint64_t own_revision = 0;
    size_t start = out->length;
    tx->state->watching = true;
    tx->state->watched.count = 0;
    render_whole(tx, out, kind, entity, relations, &own_revision);
    tx->state->watching = false;
    if (revision) *revision += own_revision;
    if (!pending(tx))
        rendering_keep(tx, kind, block, (struct text){out->data + start, (uint32_t)(out->length - start)},
                       own_revision);
}

static void render_members(struct buffer *out, const struct extra_member *members, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buffer_format(out, ",\"%s\":", members[i].name);
        buffer_text(out, members[i].json);
    }
}

/* ---- success ---- */
static uint16_t success_status(const struct tx *tx)
{
    if (tx->state->status) return tx->state->status;
    if (tx->command->status) return tx->command->status;
    return tx->command->action == ACTION_CREATE ? 201 : 200;
}

static bool etag_matches(struct text wanted, struct text etag)
{
    while (wanted.data) {
        struct text rest = wanted, one = text_trim(text_split(&rest, ','));
        if (text_starts_with(one, "W/")) one = (struct text){one.data + 2, one.length - 2};
        if (text_equal(one, etag) || text_is(one, "*")) return true;
        wanted = rest;
    }
    return false;
}

static void set_etag(struct tx *tx, struct reply *reply, const struct kind *kind, const struct entity *entity,
                     uint64_t revision)
{
    bool counted = false;
    for (const struct join *join = kind->joins; join && join->name; join++)
        counted |= join->revision;
    struct buffer etag = {.arena = tx->arena};
    buffer_reserve(&etag, 2 * INTEGER_TEXT_MOST + 3);
    buffer_byte(&etag, '"');
    buffer_integer(&etag, entity->version);
    if (counted) {
        buffer_byte(&etag, '.');
        buffer_integer(&etag, (int64_t)revision);
    }
    buffer_byte(&etag, '"');
    reply->etag = buffer_as_text(&etag);
}

static void reply_entity(struct tx *tx, struct buffer *out, struct reply *reply, const struct kind *kind,
                         const void *entity)
{
    uint64_t revision = 0;
    bool unchanged = tx->state->then || (tx->command->action == ACTION_READ && entity == tx->before);
    uint32_t relations = unchanged
                             ? tx->relations
                             : asker_relations(tx, kind, entity); /* after the command: who joined is a member now */
    render_entity(tx, out, kind, entity, relations, &revision);
    if (tx->state->member_count) {
        out->length--; /* reopen the object */
        render_members(out, tx->state->members, tx->state->member_count);
        buffer_byte(out, '}');
    }
    set_etag(tx, reply, kind, entity_of(entity), revision);
    if (reply->status != 201) return;
    char id[ID_TEXT_LENGTH + 1];
    id_format(entity_of(entity)->id, id);
    bool own_path = tx->command->action == ACTION_CREATE && tx->kind == kind && !strpbrk(tx->command->path, "{");
    if (own_path)
        reply->location = text_print(tx, "/api/v1%s/%s", tx->command->path, id);
    else
        reply->location = text_print(tx, "/api/v1/%s/%s", kind->plural, id);
}

static const void *answered_entity(struct tx *tx, const struct kind **kind)
{
    struct tx_state *state = tx->state;
    if (state->form != ANSWER_ENTITY) {
        *kind = tx->kind;
        if (state->then) return state->then;
        struct touched *touched = tx_find(tx, tx->kind, tx->id);
        return touched ? touched_state(touched) : tx->subject;
    }
    *kind = state->answer_kind;
    const void *then =
        state->answer_version ? entity_at(tx, state->answer_kind, state->answer_id, state->answer_version) : NULL;
    if (then || pending(tx)) return then;
    return load(tx, state->answer_kind, state->answer_id);
}

static void reply_value(struct tx *tx, struct buffer *out)
{
    const struct tx_state *state = tx->state;
    if (!state->answer_fields) {
        buffer_string(out, "null");
        return;
    }
    schema_render(out, state->answer_fields, state->answer_value, ~0u);
    if (!state->member_count) return;
    out->length--;
    size_t mark = out->length;
    render_members(out, state->members, state->member_count);
    if (out->data[mark - 1] == '{' && out->length > mark)
        memmove(out->data + mark, out->data + mark + 1, --out->length - mark);
    buffer_byte(out, '}');
}

/* What a dry run would have written: its events, in their order. */
static void reply_events(struct tx *tx, struct buffer *out)
{
    buffer_string(out, ",\"dry_run\":true,\"events\":[");
    for (uint32_t i = 0; i < tx->state->emitted_count; i++) {
        const struct emitted *emitted = &tx->state->emitted[i];
        char id[ID_TEXT_LENGTH + 1];
        id_format(emitted->touched->id, id);
        buffer_format(out, "%s{\"type\":\"%s\",\"entity\":\"%s\",\"entity_id\":\"%s\",\"entity_version\":%lld}",
                      i ? "," : "", emitted->event->name, emitted->touched->kind->name, id,
                      (long long)emitted->version);
    }
    buffer_byte(out, ']');
}

void reply_unchanged(struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    struct reply *reply = &tx->state->message->request->reply;
    bool unchanged = tx->command->action == ACTION_READ && request->if_none_match.data && reply->etag.data &&
                     etag_matches(request->if_none_match, reply->etag);
    if (!unchanged) return;
    reply->status = 304;
    reply->body = (struct text){0};
}

/* What everybody may read, asked by nobody, is everybody's to keep. */
static void reply_file(struct tx *tx, struct reply *reply, const struct file *file)
{
    bool of_all = tx->principal.kind == PRINCIPAL_ANONYMOUS;
    reply->file = !file->kept ? FILE_UNKEPT : of_all ? FILE_OF_ALL : FILE_OF_ONE;
    if (file->kept) reply->no_store = false;
    reply->saved = file->saved;
    reply->etag = file->tag;
    reply_unchanged(tx);
}

void reply_success(struct tx *tx)
{
    struct tx_state *state = tx->state;
    struct request *request = state->message->request;
    struct reply *reply = &request->reply;
    struct buffer out = {.arena = tx->arena};
    reply->status = success_status(tx);
    reply->content_type = "application/json";
    reply->no_store = tx->principal.kind != PRINCIPAL_ANONYMOUS;
    if (state->form == ANSWER_NONE || reply->status == 204) {
        reply->status = 204;
        reply->body = (struct text){0};
        return;
    }
    if (state->form == ANSWER_RAW) {
        reply->content_type = state->content_type;
        reply->body = state->raw;
        if (state->file) reply_file(tx, reply, state->file);
        reply->is_page = state->page != NULL;
        if (state->page) reply->packed = state->page->packed;
        return;
    }
    if (state->form == ANSWER_STREAM) {
        reply->content_type = stream_content_types[state->stream->form];
        reply->stream = state->stream;
        return;
    }
    buffer_string(&out, "{\"success\":true,\"data\":");
    if (state->form == ANSWER_LIST) {
        buffer_text(&out, state->raw);
        buffer_byte(&out, '}');
        reply->body = buffer_as_text(&out);
        answer_keep(tx);
        return;
    }
    if (state->form == ANSWER_VALUE) {
        reply_value(tx, &out);
    } else {
        const struct kind *kind;
        const void *entity = answered_entity(tx, &kind);
        if (pending(tx)) return;
        if (entity)
            reply_entity(tx, &out, reply, kind, entity);
        else
            buffer_string(&out, "null");
    }
    if (tx->dry_run && strcmp(tx->command->method, "GET") != 0) reply_events(tx, &out);
    buffer_byte(&out, '}');
    reply->body = buffer_as_text(&out);
    if (state->form == ANSWER_SUBJECT && !pending(tx)) answer_keep(tx);
    reply_unchanged(tx);
}

/* ---- refusals ---- */
static void error_problem(struct buffer *out, struct text error, enum error code, const struct problems *problems,
                          struct text request_id)
{
    buffer_format(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":", error_text(code),
                  error_status(code));
    buffer_json_text(out, error);
    buffer_format(out, ",\"code\":\"%s\",\"errors\":", error_code(code));
    schema_render_problems(out, problems);
    buffer_string(out, ",\"request_id\":");
    buffer_json_text(out, request_id);
}

void error_body(struct buffer *out, enum error code, struct text error, const struct problems *problems,
                struct text request_id, bool problem_json)
{
    if (!error.data) error = text_of(error_text(code));
    if (problem_json) {
        error_problem(out, error, code, problems, request_id);
        return;
    }
    buffer_string(out, "{\"success\":false,\"error\":");
    buffer_json_text(out, error);
    buffer_format(out, ",\"statusCode\":%u,\"code\":\"%s\",\"details\":", error_status(code), error_code(code));
    schema_render_problems(out, problems);
    buffer_string(out, ",\"request_id\":");
    buffer_json_text(out, request_id);
}

static int64_t retry_after(enum error error)
{
    switch (error) {
    case ERROR_IDEMPOTENCY_IN_FLIGHT:
    case ERROR_SEARCH_NOT_READY:
    case ERROR_OVERLOADED: return 1;
    case ERROR_STOPPING:
    case ERROR_DISK_FULL: return 5;
    default: return 0;
    }
}

void reply_error(struct tx *tx, enum error error)
{
    struct tx_state *state = tx->state;
    struct request *request = state->message->request;
    struct reply *reply = &request->reply;
    struct buffer out = {.arena = tx->arena};
    reply->status = error_status(error);
    reply->content_type = request->problem_json ? "application/problem+json" : "application/json";
    reply->no_store = true;
    if (!reply->retry_after_s) reply->retry_after_s = retry_after(error);
    error_body(&out, error, state->error_text, &state->problems, request->request_id, request->problem_json);
    render_members(&out, state->error_members, state->error_member_count);
    buffer_byte(&out, '}');
    reply->body = buffer_as_text(&out);
}
