/* Everything that an envelope says is in the record: the subject too, whose entity may have changed or left since. */
#include "actors/runtime/envelope.h"

struct party {
    struct text kind;
    struct id id;
};
/* clang-format off */
static const struct field party_rows[] = {
    TEXT(party, 1, kind, .flags = READ_ONLY | REQUIRED, .doc = "what it is"),
    ID(party, 2, id, .flags = READ_ONLY | OPTIONAL, .doc = "which one"),
};
/* clang-format on */
static const struct fields party_fields = FIELDS("event_party", struct party, party_rows);

struct shown {
    struct text id, type;
    struct id tenant_id;
    int64_t time;
    struct party actor;
    struct text command, cause;
    struct party entity;
    int64_t entity_version;
    struct party subject;
    struct text data, traceparent;
};
/* clang-format off */
static const struct field shown_rows[] = {
    TEXT(shown, 1, id, .flags = READ_ONLY | REQUIRED, .doc = "position in the log, and number among the events there: 4711.0"),
    TEXT(shown, 2, type, .flags = READ_ONLY | REQUIRED, .doc = "name of the event"),
    ID(shown, 3, tenant_id, .flags = READ_ONLY | REQUIRED, .doc = "the marketplace"),
    TIME(shown, 4, time, .flags = READ_ONLY | REQUIRED, .doc = "when"),
    STRUCT(shown, 5, actor, struct party, &party_fields, .flags = READ_ONLY, .doc = "who: user, system, operator, anonymous"),
    TEXT(shown, 6, command, .flags = READ_ONLY | REQUIRED, .doc = "what was done: kind.command"),
    TEXT(shown, 7, cause, .flags = READ_ONLY, .doc = "the timer or answer that caused it"),
    STRUCT(shown, 8, entity, struct party, &party_fields, .flags = READ_ONLY, .doc = "whose event it is"),
    INTEGER(shown, 9, entity_version, .flags = READ_ONLY, .doc = "of the entity, without gaps"),
    STRUCT(shown, 10, subject, struct party, &party_fields, .flags = READ_ONLY,
           .doc = "whom it concerns: events of one keep their order"),
    TEXT(shown, 11, data, .flags = READ_ONLY | ANY_JSON, .doc = "what the event carries; from and to of a transition"),
    TEXT(shown, 12, traceparent, .flags = READ_ONLY, .max = 55, .doc = "of who asked (W3C Trace Context); null: none was given"),
};
/* clang-format on */
const struct fields envelope_fields = FIELDS("event_envelope", struct shown, shown_rows);

bool envelope_open(const struct registry *registry, const struct record *record, uint32_t number,
                   struct envelope *envelope)
{
    const struct record_event *row = &record->events.at[number];
    if (row->change < 0 || row->change >= record->changes.count) return false;
    const struct record_change *change = &record->changes.at[row->change];
    const struct kind *kind = registry_kind(registry, (uint16_t)change->kind);
    const struct event *event = kind ? kind_event(kind, row->number) : NULL;
    if (!event) return false;
    *envelope = (struct envelope){.record = record,
                                  .number = number,
                                  .kind = kind,
                                  .event = event,
                                  .entity = change->id,
                                  .version = row->version,
                                  .subject_kind = kind->subject_kind ? kind->subject_kind : kind->name,
                                  .subject = kind->event_subject ? row->subject : change->id};
    return true;
}

bool event_filter_passes(const struct event_filter *filter, const struct envelope *envelope)
{
    return (id_is_none(filter->tenant) || id_equal(filter->tenant, envelope->record->tenant)) &&
           (id_is_none(filter->entity) || id_equal(filter->entity, envelope->entity)) &&
           (!filter->kind.data || text_is(filter->kind, envelope->kind->name)) &&
           (!filter->event.data || text_is(filter->event, envelope->event->name));
}

static struct text data_of(struct arena *arena, struct keyring *keyring, const struct envelope *envelope)
{
    const struct kind *kind = envelope->kind;
    const struct event *event = envelope->event;
    const struct record_event *row = &envelope->record->events.at[envelope->number];
    struct buffer own = {.arena = arena}, out = {.arena = arena};
    record_render_data(&own, arena, envelope->record, kind, event, row,
                       record_event_personal(keyring, arena, envelope->record, kind, row));
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

void envelope_render(struct buffer *out, struct arena *arena, const struct registry *registry, struct keyring *keyring,
                     const struct envelope *envelope)
{
    static const char *const principals[] = {"anonymous", "user", "system", "operator"};
    const struct record *record = envelope->record;
    const struct kind *commanded = registry_kind(registry, (uint16_t)record->kind);
    struct shown shown = {
        .id = arena_format(arena, "%llu.%u", (unsigned long long)record->lsn, envelope->number),
        .type = text_of(envelope->event->name),
        .tenant_id = record->tenant,
        .time = record->time,
        .actor = {text_of(principals[record->principal_kind & 3]), record->principal},
        .command = arena_format(arena, "%s.%.*s", commanded ? commanded->name : "?", TEXT_ARGUMENTS(record->command)),
        .cause = record->cause,
        .entity = {text_of(envelope->kind->name), envelope->entity},
        .entity_version = envelope->version,
        .subject = {text_of(envelope->subject_kind), envelope->subject},
        .data = data_of(arena, keyring, envelope),
        .traceparent = record->trace};
    schema_render(out, &envelope_fields, &shown, ~0u);
}
