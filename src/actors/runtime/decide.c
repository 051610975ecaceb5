/* The rest of a handler's vocabulary: refusing, naming events, timers, tells, effects, answering. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "schema/codec.h"

#include <stdio.h>
#include <string.h>

/* ---- refusing ---- */
enum error fail(struct tx *tx, enum error error, const char *format, ...)
{
    CHECK(!tx->state->follower);
    va_list arguments;
    va_start(arguments, format);
    tx->state->error_text = arena_vformat(tx->arena, format, arguments);
    va_end(arguments);
    return tx->state->error = error;
}

enum error answer_error(struct tx *tx, enum error error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tx->state->error_text = arena_vformat(tx->arena, format, arguments);
    va_end(arguments);
    tx->state->commit_anyway = true;
    return tx->state->error = error;
}

void fail_detail(struct tx *tx, const char *path, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(tx->arena, format, arguments);
    va_end(arguments);
    problem_add(&tx->state->problems, arena_text(tx->arena, text_of(path)), arena_text(tx->arena, text_of(code)).data,
                "%.*s", TEXT_ARGUMENTS(text));
}

bool fail_details(const struct tx *tx)
{
    return tx->state->problems.count > 0;
}

static void member_add(struct extra_member *members, uint32_t *count, const char *name, struct text json)
{
    CHECK(*count < 8);
    members[(*count)++] = (struct extra_member){name, json};
}

void fail_member(struct tx *tx, const char *name, struct text json)
{
    member_add(tx->state->error_members, &tx->state->error_member_count, name, json);
}

/* ---- events ---- */
static void emit_row(struct tx *tx, struct touched *touched, const struct event *event, const void *data, int64_t from,
                     int64_t to)
{
    struct tx_state *state = tx->state;
    struct entity *entity = touched->copy;
    if (state->emitted_count == state->emitted_capacity) {
        uint32_t capacity = state->emitted_capacity ? state->emitted_capacity * 2 : 8;
        struct emitted *grown = ARENA_ARRAY(tx->arena, struct emitted, capacity);
        if (state->emitted_count) memcpy(grown, state->emitted, state->emitted_count * sizeof *grown);
        state->emitted = grown;
        state->emitted_capacity = capacity;
    }
    entity->version++;
    entity->updated_at = tx->now;
    touched->emitted = true;
    state->emitted[state->emitted_count++] =
        (struct emitted){.touched = touched,
                         .event = event,
                         .version = entity->version,
                         .from = from,
                         .to = to,
                         .data = data && event->data ? schema_clone(event->data, data, tx->arena) : NULL};
}

void emit(struct tx *tx, void *entity, const struct kind *kind, const struct event *event, const void *data)
{
    struct touched *touched = tx_find(tx, kind, entity_of(entity)->id);
    if (!touched && tx->state->pending) return;
    CHECK(touched && touched->copy == entity && !kind->derived);
    emit_row(tx, touched, event, data, 0, 0);
}

void event_data(struct tx *tx, const void *data)
{
    tx->state->event_data = data;
}

/* ---- transitions ---- */
static bool row_applies(const struct transition *row, int64_t status, const char *command)
{
    return !strcmp(row->command, command) && (row->from & STATE(status));
}

const struct transition *transition_find(struct tx *tx, const struct kind *kind, const void *entity,
                                         const char *command, bool *has_rows)
{
    *has_rows = false;
    if (!kind->machine) return NULL;
    for (uint32_t i = 0; i < kind->machine->count; i++) {
        const struct transition *row = &kind->machine->rows[i];
        if (!strcmp(row->command, command)) *has_rows = true;
        if (row_applies(row, entity_of(entity)->status, command) && (!row->guard || row->guard(tx, entity))) return row;
    }
    return NULL;
}

void transition_make(struct tx *tx, const struct kind *kind, void *entity, const struct transition *row,
                     const void *data)
{
    struct touched *touched = tx_find(tx, kind, entity_of(entity)->id);
    if (!touched && tx->state->pending) return;
    CHECK(touched && touched->copy == entity);
    struct entity *head = entity;
    int64_t from = head->status, to = row->to;
    if (to == TO_SAME) to = from;
    if (to == TO_REMEMBERED) to = head->status_before;
    const char *name = text_of(enum_name(kind->machine->states, (uint32_t)to).data).data;
    bool deletes = name && !strcmp(name, "deleted");
    if (deletes && from != to) {
        head->status_before = from;
        head->deleted_at = tx->now;
    } else if (!deletes) {
        head->deleted_at = 0;
    }
    head->status = to;
    if (row->event) emit_row(tx, touched, row->event, data, from, to);
}

/* Commands of the system alone are of no help to whoever asks. */
static bool is_offered(const void *kind, const char *command)
{
    const struct command *row = kind_command(kind, command);
    return row && row->method;
}

enum error fail_transition(struct tx *tx, const struct kind *kind, const void *entity, const char *command)
{
    char legal[512];
    machine_legal_commands(kind->machine, (uint32_t)entity_of(entity)->status, is_offered, kind, legal, sizeof legal);
    struct text status = enum_name(kind->machine->states, (uint32_t)entity_of(entity)->status);
    return fail(tx, ERROR_INVALID_TRANSITION, "a %s that is %.*s cannot %s; %s%s", kind->name, TEXT_ARGUMENTS(status),
                command, legal[0] ? "possible: " : "nothing is possible", legal);
}

enum error transition(struct tx *tx, const struct kind *kind, void *entity, const char *command, const void *data)
{
    bool has_rows;
    const struct transition *row = transition_find(tx, kind, entity, command, &has_rows);
    CHECK(has_rows);
    if (!row) return fail_transition(tx, kind, entity, command);
    transition_make(tx, kind, entity, row, data);
    return OK;
}

uint32_t transition_to(const struct tx *tx)
{
    const struct transition *row = tx->state->transition;
    return row ? row->to : 0;
}

/* ---- who asks ---- */
uint32_t asker_relations(struct tx *tx, const struct kind *kind, const void *entity)
{
    uint32_t relations = 0;
    switch (tx->principal.kind) {
    case PRINCIPAL_ANONYMOUS: relations = ANYONE; break;
    case PRINCIPAL_USER:
        relations = ANYONE | USER | (tx->principal.admin ? ADMIN : 0) | (tx->principal.leader ? LEADER : 0);
        break;
    case PRINCIPAL_SYSTEM: return SYSTEM | ANYONE;
    case PRINCIPAL_OPERATOR: relations = ANYONE | ADMIN | OPERATOR; break;
    }
    if (kind->relations) relations |= kind->relations(tx, entity);
    return relations;
}

bool asker_sees(struct tx *tx, const struct kind *kind, const void *entity, uint32_t relations)
{
    if (relations & SYSTEM) return true;
    if (kind->visible) return kind->visible(tx, entity, relations);
    return !entity_of(entity)->deleted_at || relations & ADMIN;
}

uint32_t relations_to(struct tx *tx, const struct kind *kind, const void *entity)
{
    uint32_t relations = asker_relations(tx, kind, entity);
    return asker_sees(tx, kind, entity, relations) ? relations : 0;
}

/* ---- what follows ---- */
struct id timer_id_of(const struct kind *kind, struct id entity, const char *command)
{
    char purpose[160];
    int length = snprintf(purpose, sizeof purpose, "timer %u %s", kind->number, command);
    CHECK(length > 0 && (size_t)length < sizeof purpose);
    return id_derived_text("timer", entity, (struct text){purpose, (uint32_t)length});
}

static const struct command *internal_command(const struct kind *kind, const char *name)
{
    const struct command *command = kind_command(kind, name);
    CHECK(command);
    return command;
}

static struct text body_bytes(struct tx *tx, const struct command *command, const void *body)
{
    if (!body || !command->body) return (struct text){0};
    struct buffer bytes = {.arena = tx->arena};
    schema_snapshot(&bytes, command->body, body, PART_BOTH);
    return buffer_as_text(&bytes);
}

void tell(struct tx *tx, const struct kind *kind, struct id id, const char *command, const void *body)
{
    if (tx->state->replay) return;
    *LIST_ADD(tx->arena, &tx->state->timers) =
        (struct record_timer){.id = draw_id(tx),
                              .due = tx->now,
                              .kind = kind->number,
                              .entity = id,
                              .command = text_of(command),
                              .body = body_bytes(tx, internal_command(kind, command), body)};
}

void timer(struct tx *tx, const struct kind *kind, struct id id, const char *command, int64_t due)
{
    internal_command(kind, command);
    *LIST_ADD(tx->arena, &tx->state->timers) = (struct record_timer){
        .due = due > 0 ? due : 1, .kind = kind->number, .entity = id, .command = text_of(command)};
}

void timer_cancel(struct tx *tx, const struct kind *kind, struct id id, const char *command)
{
    for (uint32_t i = tx->state->timers.count; i-- > 0;) { /* what was set here is as if it had never been */
        const struct record_timer *set = &tx->state->timers.at[i];
        if (id_is_none(set->id) && set->kind == kind->number && id_equal(set->entity, id) &&
            text_is(set->command, command))
            LIST_REMOVE(&tx->state->timers, i);
    }
    const struct touched *touched = tx_find(tx, kind, id);
    if (touched && touched->created) return; /* none can have been set before */
    struct id timer_id = timer_id_of(kind, id, command);
    if (!map_get(tx->core->timers, timer_id.bytes, sizeof timer_id.bytes)) return;
    *LIST_ADD(tx->arena, &tx->state->timers) = (struct record_timer){.id = timer_id};
}

struct id effect_id_of(struct id tenant, const struct effect_class *class, struct text key)
{
    struct buffer text = {0};
    buffer_integer(&text, class->number);
    buffer_byte(&text, ' ');
    buffer_text(&text, key);
    struct id id = id_derived_text("effect", tenant, buffer_as_text(&text));
    buffer_free(&text);
    return id;
}

/* The answer of a provider that may be asked here and now; false when there is none, or it comes later. */
static bool answered_at_once(struct tx *tx, const struct effect_class *class, struct text key, const void *request,
                             const struct kind *kind, struct id id, const char *command)
{
    const struct provider *provider = provider_of(tx->core, class);
    if (!provider || !provider->pure || !command || tx->dry_run || tx->state->follower) return false;
    struct effect_call call = {.arena = tx->arena,
                               .class = class,
                               .tenant = tx->tenant,
                               .key = key,
                               .trace = tx->state->message->request ? tx->state->message->request->trace
                                                                    : tx->state->message->trace,
                               .request = request,
                               .answer = arena_alloc(tx->arena, class->answer->size),
                               .attempt = 1};
    provider->call(provider->context, &call);
    if (call.retry || call.delay_ms || call.repeats) return false;
    *LIST_ADD(tx->arena, &tx->state->answers) =
        (struct instant_answer){.kind = kind,
                                .command = internal_command(kind, command),
                                .id = id,
                                .body = schema_clone(class->answer, call.answer, tx->arena)};
    return true;
}

void effect(struct tx *tx, const struct effect_class *class, struct text key, const void *request,
            const struct kind *kind, struct id id, const char *command)
{
    if (tx->state->replay) return;
    if (command) internal_command(kind, command);
    if (answered_at_once(tx, class, key, request, kind, id, command)) return;
    struct buffer open = {.arena = tx->arena}, personal = {.arena = tx->arena};
    schema_snapshot(&open, class->request, request, PART_OPEN);
    schema_snapshot(&personal, class->request, request, PART_PERSONAL);
    struct id effect_id = effect_id_of(tx->tenant, class, key);
    struct text associated = {(const char *)effect_id.bytes, sizeof effect_id.bytes};
    const struct touched *touched = tx_find(tx, kind, id);
    const void *entity = touched ? touched_state(touched) : NULL;
    struct id subject = entity ? personal_subject(kind, entity) : id;
    *LIST_ADD(tx->arena, &tx->state->effects) =
        (struct record_effect){.id = effect_id,
                               .class_number = class->number,
                               .kind = kind->number,
                               .entity = id,
                               .command = command ? text_of(command) : (struct text){0},
                               .key = arena_text(tx->arena, key),
                               .request = buffer_as_text(&open),
                               .personal = personal.length > 1 /* more than an empty map */
                                               ? seal(tx->core->ports.keyring, tx->arena, tx->tenant, subject,
                                                      associated, buffer_as_text(&personal))
                                               : (struct text){0},
                               .subject = subject};
}

void effect_cancel(struct tx *tx, const struct effect_class *class, struct text key)
{
    *LIST_ADD(tx->arena, &tx->state->effects) = (struct record_effect){
        .id = effect_id_of(tx->tenant, class, key), .removed = true, .class_number = class->number};
}

int64_t log_position(const struct tx *tx)
{
    return (int64_t)tx->core->last_lsn;
}

/* ---- answering ---- */
enum error answer(struct tx *tx, uint16_t status, const struct fields *fields, const void *value)
{
    struct tx_state *state = tx->state;
    state->form = ANSWER_VALUE;
    state->status = status;
    state->answer_fields = fields;
    state->answer_value = fields ? schema_clone(fields, value, tx->arena) : NULL;
    return OK;
}

enum error answer_none(struct tx *tx)
{
    tx->state->form = ANSWER_NONE;
    tx->state->status = 204;
    return OK;
}

enum error answer_raw(struct tx *tx, uint16_t status, const char *content_type, struct text body)
{
    struct tx_state *state = tx->state;
    state->form = ANSWER_RAW;
    state->status = status;
    state->content_type = content_type;
    state->raw = body;
    return OK;
}

enum error answer_file(struct tx *tx, const struct file *file)
{
    answer_raw(tx, 200, file->content_type, file->bytes);
    tx->state->file = ARENA_NEW(tx->arena, struct file);
    *tx->state->file = *file;
    return OK;
}

struct text sent_bytes(const struct tx *tx)
{
    return tx->state->message->request->body;
}

struct text sent_type(const struct tx *tx)
{
    return tx->state->message->request->body_type;
}

enum error answer_page(struct tx *tx, const struct web_page *page)
{
    tx->state->page = page;
    return answer_raw(tx, 200, page->content_type, page->body);
}

enum error answer_entity(struct tx *tx, uint16_t status, const struct kind *kind, struct id id, int64_t version)
{
    struct tx_state *state = tx->state;
    state->form = ANSWER_ENTITY;
    state->status = status;
    state->answer_kind = kind;
    state->answer_id = id;
    state->answer_version = version;
    return OK;
}

void answer_member(struct tx *tx, const char *name, struct text json)
{
    member_add(tx->state->members, &tx->state->member_count, name, json);
}

void await(struct tx *tx, int64_t deadline)
{
    tx->state->awaits = true;
    tx->state->await_deadline = deadline;
}
