/* Log records by field tables. Tags are on disk: never reused. */
#include "actors/runtime/record.h"
#include "actors/runtime/kind.h"
#include "base/time.h"
#include "schema/codec.h"
#include "schema/json.h"

/* clang-format off */
static const struct field change_rows[] = {
    INTEGER(record_change, 1, kind,         .doc = "kind number"),
    INTEGER(record_change, 2, version,      .doc = "version after"),
    ID     (record_change, 3, id,           .doc = "entity"),
    INTEGER(record_change, 4, previous_lsn, .doc = "record that changed it before"),
    BYTES  (record_change, 5, open,         .doc = "diff of the open part"),
    BYTES  (record_change, 6, personal,     .doc = "sealed diff of the personal part"),
    BYTES  (record_change, 7, made,         .doc = "snapshot of the open part, when created here; then personal is one too"),
};
static const struct fields change_fields = FIELDS("change", struct record_change, change_rows);
static const struct field event_rows[] = {
    INTEGER(record_event, 1, change,  .doc = "index of the change"),
    INTEGER(record_event, 2, number,  .doc = "event number of the kind"),
    INTEGER(record_event, 3, version, .doc = "entity_version"),
    INTEGER(record_event, 4, from,    .doc = "status before"),
    INTEGER(record_event, 5, to,      .doc = "status after"),
    BYTES  (record_event, 6, carried, .doc = "fields of the entity"),
    BYTES  (record_event, 7, data,    .doc = "further data"),
    ID     (record_event, 8, subject, .doc = "whom it concerns, when not the entity"),
    BYTES  (record_event, 9, personal, .doc = "sealed personal part of it"),
    INTEGER(record_event, 10, like,    .doc = "1 + index of the event whose fields and data it has, but for a diff in data"),
};
static const struct fields event_fields = FIELDS("event", struct record_event, event_rows);
static const struct field timer_rows[] = {
    ID     (record_timer, 1, id,      .doc = "timer"),
    TIME   (record_timer, 2, due,     .doc = "when; absent: removed"),
    INTEGER(record_timer, 3, kind,    .doc = "kind number"),
    ID     (record_timer, 4, entity,  .doc = "receiver"),
    TEXT   (record_timer, 5, command, .doc = "internal command"),
    BYTES  (record_timer, 6, body,    .doc = "its body"),
};
static const struct fields timer_fields = FIELDS("timer", struct record_timer, timer_rows);
static const struct field effect_rows[] = {
    ID     (record_effect, 1, id,           .doc = "effect"),
    BOOL   (record_effect, 2, removed,      .doc = "answered or cancelled"),
    INTEGER(record_effect, 3, class_number, .doc = "effect class"),
    INTEGER(record_effect, 4, kind,         .doc = "kind number"),
    ID     (record_effect, 5, entity,       .doc = "who gets the answer"),
    TEXT   (record_effect, 6, command,      .doc = "internal command for the answer"),
    TEXT   (record_effect, 7, key,          .doc = "provider's idempotency key"),
    BYTES  (record_effect, 8, request,      .doc = "open part of the request"),
    BYTES  (record_effect, 9, personal,     .doc = "sealed personal part of it"),
    ID     (record_effect, 10, subject,     .doc = "under whose key"),
};
static const struct fields effect_fields = FIELDS("effect", struct record_effect, effect_rows);
static const struct field head_rows[] = {
    ID     (record, 1, tenant,         .doc = "tenant"),
    TIME   (record, 2, time,           .doc = "the core's clock"),
    INTEGER(record, 3, principal_kind, .doc = "anonymous, user, system, operator"),
    ID     (record, 4, principal,      .doc = "user"),
    ID     (record, 5, session,        .doc = "session"),
    INTEGER(record, 6, kind,           .doc = "kind number of the command"),
    ID     (record, 7, subject,        .doc = "subject of the command"),
    TEXT   (record, 8, command,        .doc = "command"),
    TEXT   (record, 9, cause,          .doc = "timer or effect that caused it"),
    TEXT   (record, 10, correlation,   .doc = "request id"),
    BYTES  (record, 11, ids,           .doc = "further ids that the body names by number, one after the other"),
    TEXT   (record, 12, currency,      .doc = "of the body's amounts without one"),
    TEXT   (record, 13, trace,         .doc = "traceparent of who asked"),
};
static const struct fields head_fields = FIELDS("record_head", struct record, head_rows);
static const struct field erased_element = ELEMENT(FIELD_ID, struct id);
static const struct field body_rows[] = {
    LIST   (record, 1, changes, struct record_change, &change_fields, .doc = "changes"),
    LIST   (record, 2, events, struct record_event, &event_fields,    .doc = "events"),
    LIST   (record, 3, timers, struct record_timer, &timer_fields,    .doc = "timers set and removed"),
    LIST   (record, 4, effects, struct record_effect, &effect_fields, .doc = "effects asked for and answered"),
    BYTES  (record, 5, idempotency,            .doc = "hash of the idempotency key"),
    BYTES  (record, 6, fingerprint,            .doc = "hash of the body"),
    TIME   (record, 7, idempotency_expires_at, .doc = "until when the key is remembered"),
    INTEGER(record, 8, answer_status,          .doc = "HTTP status"),
    INTEGER(record, 9, answer_version,         .doc = "version answered"),
    INTEGER(record, 10, answer_kind,           .doc = "kind number answered"),
    ID     (record, 11, answer_id,             .doc = "entity answered"),
    SCALARS(record, 12, erased, struct id, &erased_element, .doc = "subjects whose keys are destroyed"),
};
static const struct fields body_fields = FIELDS("record_body", struct record, body_rows);
/* clang-format on */

/* The first numbers are those of ids that a head has anyhow. */
void record_share(struct record *record, struct shared *shared)
{
    const struct id known[] = {record->tenant, record->principal, record->session, record->subject};
    shared_begin(shared, record->time);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!id_is_none(known[i])) shared_number(shared, known[i]);
    shared->implied = shared->count;
    record->shared = shared;
}

void record_encode(struct record *record, struct buffer *head, struct buffer *body)
{
    struct shared *shared = record->shared;
    schema_snapshot_shared(body, shared, &body_fields, record, PART_OPEN);
    if (shared) {
        if (shared->count > shared->implied)
            record->ids = (struct text){(const char *)(shared->ids + shared->implied),
                                        (shared->count - shared->implied) * (uint32_t)sizeof(struct id)};
        if (shared->nothing.currency[0]) record->currency = text_of(shared->nothing.currency);
    }
    schema_snapshot(head, &head_fields, record, PART_OPEN);
}

/* False: a head that no encoder wrote. */
static bool share_again(struct arena *arena, struct record *record)
{
    struct shared *shared = arena_take(arena, sizeof *shared);
    record_share(record, shared);
    if (record->ids.length % sizeof(struct id)) return false;
    for (uint32_t at = 0; at < record->ids.length; at += sizeof(struct id)) {
        struct id id;
        memcpy(id.bytes, record->ids.data + at, sizeof id.bytes);
        if (!shared_append(shared, id)) return false;
    }
    struct text currency = record->currency;
    if (currency.length >= sizeof shared->nothing.currency) return false;
    for (uint32_t i = 0; i < currency.length; i++)
        if (currency.data[i] < 'A' || currency.data[i] > 'Z') return false; /* it is rendered as it is */
    memcpy(shared->nothing.currency, currency.data ? currency.data : "", currency.length);
    return true;
}

bool record_decode(struct arena *arena, struct text head, struct text body, struct record *record)
{
    return schema_restore(arena, &head_fields, head, record) && share_again(arena, record) &&
           schema_restore_shared(arena, record->shared, &body_fields, body, record);
}

/* ---- Parts --------------------------------------------------------------------------------------------------------- */

/* The event that this one is like; NULL: none. False: there is no such one. */
static bool model_of(const struct record *record, const struct record_event *row, const struct record_event **model)
{
    *model = NULL;
    if (!row->like) return true;
    if (row->like < 0 || row->like > row - record->events.at) return false;
    *model = &record->events.at[row->like - 1];
    return !(*model)->like && (*model)->change == row->change;
}

bool record_event_data(struct arena *arena, const struct record *record, const struct event *event,
                       const struct record_event *row, void **data)
{
    const struct record_event *model;
    *data = NULL;
    if (!event->data) return true;
    if (!model_of(record, row, &model)) return false;
    struct text whole = model ? model->data : row->data;
    if (!whole.data) return !row->data.data;
    *data = arena_alloc(arena, event->data->size);
    return schema_restore_shared(arena, record->shared, event->data, whole, *data) &&
           (!model || !row->data.data ||
            schema_apply_shared(arena, record->shared, event->data, row->data, *data, FORWARDS));
}

bool record_made(struct arena *arena, const struct record *record, const struct record_change *change,
                 const struct kind *kind, void *state)
{
    return schema_restore_shared(arena, record->shared, kind->fields, change->made, state);
}

/* ---- Rendering ----------------------------------------------------------------------------------------------------- */

static void render_id(struct buffer *out, const char *name, struct id id)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    buffer_format(out, ",\"%s\":", name);
    if (id_is_none(id))
        buffer_string(out, "null");
    else
        buffer_format(out, "\"%s\"", text);
}

/* Nothing when the bytes are damaged. */
static bool render_carried(struct buffer *out, struct arena *arena, const struct record *record,
                           const struct kind *kind, const struct event *event, const struct record_event *row)
{
    const struct record_event *model;
    if (!event->carries || !model_of(record, row, &model)) return false;
    void *entity = arena_alloc(arena, kind->fields->size);
    struct text carried = model ? model->carried : row->carried;
    if (!schema_restore_shared(arena, record->shared, kind->fields, carried, entity)) return false;
    for (const uint16_t *tag = event->carries; *tag; tag++) {
        const struct field *field = field_by_tag(kind->fields, *tag);
        if (tag != event->carries) buffer_byte(out, ',');
        buffer_format(out, "\"%s\":", field->name);
        schema_render_field(out, field, (const char *)entity + field->offset, ~0u);
    }
    return *event->carries;
}

void record_render_data(struct buffer *out, struct arena *arena, const struct record *record, const struct kind *kind,
                        const struct event *event, const struct record_event *row, struct text personal)
{
    void *data;
    buffer_byte(out, '{');
    bool any = render_carried(out, arena, record, kind, event, row);
    if (record_event_data(arena, record, event, row, &data) && data &&
        (!personal.data || schema_restore(arena, event->data, personal, data))) {
        size_t mark = out->length;
        if (any) buffer_byte(out, ',');
        if (!schema_render_members(out, event->data, data, ~0u)) out->length = mark;
    }
    buffer_byte(out, '}');
}

static void render_state(struct buffer *out, const char *name, const struct kind *kind, int64_t status)
{
    if (!status || !kind->machine) return;
    buffer_format(out, ",\"%s\":", name);
    buffer_json_text(out, enum_name(kind->machine->states, (uint32_t)status));
}

static void render_events(struct buffer *out, struct arena *arena, const struct registry *registry,
                          const struct record *record)
{
    bool any = false;
    buffer_string(out, ",\"events\":[");
    for (uint32_t i = 0; i < record->events.count; i++) {
        const struct record_event *row = &record->events.at[i];
        if (row->change < 0 || row->change >= record->changes.count) continue;
        const struct record_change *change = &record->changes.at[row->change];
        const struct kind *kind = registry_kind(registry, (uint16_t)change->kind);
        const struct event *event = kind ? kind_event(kind, row->number) : NULL;
        if (!event) continue;
        if (any) buffer_byte(out, ',');
        any = true;
        buffer_format(out, "{\"id\":\"%llu.%u\",\"type\":\"%s\",\"entity\":\"%s\"", (unsigned long long)record->lsn, i,
                      event->name, kind->name);
        render_id(out, "entity_id", change->id);
        buffer_format(out, ",\"entity_version\":%lld", (long long)row->version);
        render_state(out, "from", kind, row->from);
        render_state(out, "to", kind, row->to);
        buffer_string(out, ",\"data\":");
        record_render_data(out, arena, record, kind, event, row, (struct text){0});
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}

static void render_change(struct buffer *out, struct arena *arena, const struct record *record,
                          const struct record_change *change, const struct kind *kind)
{
    if (!change->made.data) {
        schema_diff_render_shared(out, record->shared, kind->fields, change->open, ~0u);
        return;
    }
    struct buffer diff = {.arena = arena};
    void *state = arena_alloc(arena, kind->fields->size);
    if (record_made(arena, record, change, kind, state)) schema_diff(&diff, kind->fields, NULL, state, PART_OPEN);
    schema_diff_render(out, kind->fields, buffer_as_text(&diff), ~0u);
}

void record_render(struct buffer *out, struct arena *arena, const struct registry *registry,
                   const struct record *record)
{
    static const char *const principals[] = {"anonymous", "user", "system", "operator"};
    const struct kind *kind = registry_kind(registry, (uint16_t)record->kind);
    char time[TIME_TEXT_LENGTH + 1];
    time_format(record->time, time);
    buffer_format(out, "{\"lsn\":%llu,\"time\":\"%s\"", (unsigned long long)record->lsn, time);
    render_id(out, "tenant_id", record->tenant);
    buffer_format(out, ",\"principal\":\"%s\"", principals[record->principal_kind & 3]);
    render_id(out, "user_id", record->principal);
    buffer_string(out, ",\"command\":");
    buffer_json_text(out, arena_format(arena, "%s.%.*s", kind ? kind->name : "?", TEXT_ARGUMENTS(record->command)));
    render_id(out, "subject_id", record->subject);
    buffer_string(out, ",\"cause\":");
    buffer_json_text(out, record->cause);
    buffer_string(out, ",\"correlation\":");
    buffer_json_text(out, record->correlation);
    if (record->trace.data) {
        buffer_string(out, ",\"traceparent\":");
        buffer_json_text(out, record->trace);
    }
    render_events(out, arena, registry, record);
    buffer_string(out, ",\"changes\":[");
    for (uint32_t i = 0; i < record->changes.count; i++) {
        const struct record_change *change = &record->changes.at[i];
        const struct kind *changed = registry_kind(registry, (uint16_t)change->kind);
        if (i) buffer_byte(out, ',');
        buffer_format(out, "{\"entity\":\"%s\"", changed ? changed->name : "?");
        render_id(out, "id", change->id);
        buffer_format(out, ",\"version\":%lld,\"previous\":%lld,\"diff\":", (long long)change->version,
                      (long long)change->previous_lsn);
        if (changed)
            render_change(out, arena, record, change, changed);
        else
            buffer_string(out, "[]");
        buffer_byte(out, '}');
    }
    buffer_string(out, "]}");
}
