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

void record_encode(const struct record *record, struct buffer *head, struct buffer *body)
{
    schema_snapshot(head, &head_fields, record, PART_OPEN);
    schema_snapshot(body, &body_fields, record, PART_OPEN);
}

bool record_decode(struct arena *arena, struct text head, struct text body, struct record *record)
{
    return schema_restore(arena, &head_fields, head, record) && schema_restore(arena, &body_fields, body, record);
}

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

void record_render_data(struct buffer *out, struct arena *arena, const struct kind *kind, const struct event *event,
                        const struct record_event *row, struct text personal)
{
    struct fields carried = *kind->fields;
    void *entity = arena_alloc(arena, carried.size);
    buffer_byte(out, '{');
    bool any = false;
    if (event->carries && schema_restore(arena, kind->fields, row->carried, entity)) {
        for (const uint16_t *tag = event->carries; *tag; tag++) {
            const struct field *field = field_by_tag(kind->fields, *tag);
            if (any) buffer_byte(out, ',');
            buffer_format(out, "\"%s\":", field->name);
            schema_render_field(out, field, (const char *)entity + field->offset, ~0u);
            any = true;
        }
    }
    if (event->data) {
        void *data = arena_alloc(arena, event->data->size);
        if (schema_restore(arena, event->data, row->data, data) &&
            (!personal.data || schema_restore(arena, event->data, personal, data))) {
            size_t mark = out->length;
            if (any) buffer_byte(out, ',');
            if (!schema_render_members(out, event->data, data, ~0u)) out->length = mark;
        }
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
        record_render_data(out, arena, kind, event, row, (struct text){0});
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
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
            schema_diff_render(out, changed->fields, change->open, ~0u);
        else
            buffer_string(out, "[]");
        buffer_byte(out, '}');
    }
    buffer_string(out, "]}");
}
