/* What everybody who can read an entity can ask beyond its present state: what it was at a moment, and how it came to be
   what it is. Both show what the asker may see of it today: an entity that is hidden from him now has no past for him, and
   of a visible one the states that he could not have seen (a draft) are left out. Changes are compared as they would be
   rendered, so that a view cut for the asker (an order's items of one supplier) is cut in its history too. */
#include "actors/runtime/history.h"
#include "schema/codec.h"
#include "schema/json.h"

#include <string.h>

/* Whom more than the values concerns: by whom and why, and that something happened of which they see no value (a password was
   changed). The others are shown what they saw change. */
#define CONCERNED (SELF | MODERATOR | OWNER | TEAM | TARGET_OWNER | ADMIN | OPERATOR)

/* ---- the entity as it was ---- */
enum error read_then(struct tx *tx, const struct moment *moment)
{
    bool too_far;
    const void *then = entity_at_moment(tx, tx->kind, tx->id, moment, &too_far);
    if (pending(tx)) return OK;
    if (too_far) return fail(tx, ERROR_NOT_FOUND, "it has changed too often since then");
    const struct request *request = tx->state->message->request;
    bool hidden = !then || (entity_of(then)->deleted_at && !request->include_deleted) ||
                  !asker_sees(tx, tx->kind, then, tx->relations);
    if (hidden) return fail(tx, ERROR_NOT_FOUND, "there was no such %s then", tx->kind->name);
    tx->state->then = then;
    return OK;
}

/* ---- one entry of a history ---- */
struct history_who {
    struct text kind;
    struct id user_id;
};
/* clang-format off */
static const struct field who_rows[] = {
    TEXT(history_who, 1, kind, .flags = READ_ONLY | REQUIRED, .doc = "anonymous, user, system or operator"),
    ID(history_who, 2, user_id, .flags = READ_ONLY | OPTIONAL, .refers = "user", .doc = "the user, for those who may know"),
};
/* clang-format on */
static const struct fields who_fields = FIELDS("history_who", struct history_who, who_rows);

struct history_change {
    struct text field, old, new;
};
/* clang-format off */
static const struct field change_rows[] = {
    TEXT(history_change, 1, field, .flags = READ_ONLY | REQUIRED, .doc = "its path"),
    TEXT(history_change, 2, old, .flags = READ_ONLY | ANY_JSON, .doc = "its value before; null: none"),
    TEXT(history_change, 3, new, .flags = READ_ONLY | ANY_JSON, .doc = "its value after; null: none"),
};
/* clang-format on */
static const struct fields change_fields = FIELDS("history_change", struct history_change, change_rows);

struct history_entry {
    int64_t position, time, entity_version;
    struct history_who who;
    struct text command, reason;
    LIST_OF(struct text) events;
    LIST_OF(struct history_change) changes;
};
static const struct field event_element = ELEMENT(FIELD_TEXT, struct text, .max = 80);
/* clang-format off */
static const struct field entry_rows[] = {
    INTEGER(history_entry, 1, position, .flags = READ_ONLY, .doc = "in the log: what ?at= takes"),
    TIME(history_entry, 2, time, .flags = READ_ONLY | REQUIRED, .doc = "when"),
    INTEGER(history_entry, 3, entity_version, .flags = READ_ONLY, .doc = "the version that it led to"),
    STRUCT(history_entry, 4, who, struct history_who, &who_fields, .flags = READ_ONLY, .doc = "who did it"),
    TEXT(history_entry, 5, command, .flags = READ_ONLY | REQUIRED, .doc = "what was done: kind.command"),
    TEXT(history_entry, 6, reason, .flags = READ_ONLY, .doc = "why, where the command takes a reason; for those whom it concerns"),
    SCALARS(history_entry, 7, events, struct text, &event_element, .flags = READ_ONLY, .doc = "names of what happened to it"),
    LIST(history_entry, 8, changes, struct history_change, &change_fields, .flags = READ_ONLY,
         .doc = "old and new values of the fields that the asker may see"),
};
/* clang-format on */
static const struct fields entry_fields = FIELDS("history_entry", struct history_entry, entry_rows);

static struct text reason_of(struct tx *tx, const struct record *record, const struct kind *kind,
                             const struct event *event, const struct record_event *row)
{
    const struct field *field = event->data ? field_by_name(event->data, LITERAL("reason")) : NULL;
    if (!field || field->type != FIELD_TEXT || field->flags & SECRET) return (struct text){0};
    void *data;
    if (!record_event_data(tx->arena, record, event, row, &data) || !data) return (struct text){0};
    struct text personal = record_event_personal(tx->core->ports.keyring, tx->arena, record, kind, row);
    if (personal.data && !schema_restore(tx->arena, event->data, personal, data)) return (struct text){0};
    return *(const struct text *)(const void *)((const char *)data + field->offset);
}

static void render_events(struct tx *tx, struct buffer *out, const struct walk *made)
{
    const struct record *record = &made->record;
    struct text reason = {0};
    bool some = false;
    buffer_string(out, ",\"events\":[");
    for (uint32_t i = 0; i < record->events.count; i++) {
        const struct record_event *row = &record->events.at[i];
        if (row->change != made->change - record->changes.at) continue;
        const struct event *event = kind_event(made->kind, row->number);
        if (!event) continue;
        buffer_format(out, "%s\"%s\"", some ? "," : "", event->name);
        some = true;
        if (!reason.data) reason = reason_of(tx, record, made->kind, event, row);
    }
    buffer_string(out, "],\"reason\":");
    if (reason.data && tx->relations & CONCERNED)
        buffer_json_text(out, reason);
    else
        buffer_string(out, "null");
}

static void render_status(struct buffer *out, const struct kind *kind, const struct entity *entity)
{
    if (entity && entity->status)
        buffer_json_text(out, enum_name(kind->machine->states, (uint32_t)entity->status));
    else
        buffer_string(out, "null");
}

/* The state that an asker sees: cut as it would be rendered. NULL: pending, or there was none. */
static const void *shown(struct tx *tx, const struct kind *kind, const void *state)
{
    return state && kind->shown ? kind->shown(tx, state, tx->relations) : state;
}

/* False when none is visible. */
static bool render_changes(struct tx *tx, struct buffer *out, const struct kind *kind, const void *before,
                           const void *after)
{
    const struct entity *was = before ? entity_of(before) : NULL;
    buffer_string(out, ",\"changes\":[");
    size_t start = out->length;
    if (kind->machine && entity_of(after)->status != (was ? was->status : 0)) {
        buffer_string(out, "{\"field\":\"status\",\"old\":");
        render_status(out, kind, was);
        buffer_string(out, ",\"new\":");
        render_status(out, kind, entity_of(after));
        buffer_byte(out, '}');
    }
    struct fields own = *kind->fields; /* without the head, which the entry tells itself */
    own.rows++;
    own.count--;
    struct buffer diff = {.arena = tx->arena}, json = {.arena = tx->arena};
    if (schema_diff(&diff, &own, shown(tx, kind, before), shown(tx, kind, after), PART_BOTH)) {
        schema_diff_render(&json, &own, buffer_as_text(&diff), tx->relations);
        if (json.length > 2 && out->length > start) buffer_byte(out, ',');
        buffer_bytes(out, json.data + 1, json.length - 2);
    }
    bool some = out->length > start;
    buffer_byte(out, ']');
    return some;
}

/* Is there a person in it whom these relations may not know (who reported, who bought)? */
static bool hides_people(const struct fields *fields, uint32_t relations)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->type == FIELD_ID && field->refers && !strcmp(field->refers, "user") &&
            !field_visible(field, relations))
            return true;
        if (field->nested && hides_people(field->nested, relations)) return true;
    }
    return false;
}

/* Staff learns of everybody. Those concerned learn who acted on the entity itself; not whose act elsewhere had a consequence
   here. */
static bool knows_who(const struct tx *tx, const struct record *record)
{
    if (record->principal_kind != PRINCIPAL_USER) return false;
    if (id_equal(record->principal, tx->principal.user) || tx->relations & (ADMIN | OPERATOR)) return true;
    return tx->relations & CONCERNED && record->kind == tx->kind->number &&
           !hides_people(tx->kind->fields, tx->relations);
}

/* False when it is not to be shown. */
static bool render_entry(struct tx *tx, struct buffer *out, const struct walk *made, const void *before,
                         const void *after)
{
    struct buffer changes = {.arena = tx->arena};
    if (!render_changes(tx, &changes, made->kind, before, after) && !(tx->relations & CONCERNED)) return false;
    static const char *const principals[] = {"anonymous", "user", "system", "operator"};
    const struct record *record = &made->record;
    const struct kind *kind = registry_kind(tx->core->registry, (uint16_t)record->kind);
    char time[TIME_TEXT_LENGTH + 1], id[ID_TEXT_LENGTH + 1];
    time_format(record->time, time);
    id_format(record->principal, id);
    bool known = knows_who(tx, record);
    buffer_format(out, "{\"position\":%llu,\"time\":\"%s\",\"entity_version\":%lld", (unsigned long long)record->lsn,
                  time, (long long)entity_of(after)->version);
    buffer_format(out, ",\"who\":{\"kind\":\"%s\",\"user_id\":%s%s%s}", principals[record->principal_kind & 3],
                  known ? "\"" : "", known ? id : "null", known ? "\"" : "");
    buffer_format(out, ",\"command\":\"%s.%.*s\"", kind ? kind->name : "?", TEXT_ARGUMENTS(record->command));
    render_events(tx, out, made);
    buffer_text(out, buffer_as_text(&changes));
    buffer_byte(out, '}');
    return true;
}

/* ---- a page ---- */
static bool sees_state(struct tx *tx, const void *state)
{
    return state && asker_sees(tx, tx->kind, state, tx->relations);
}

static enum error history_page(struct tx *tx)
{
    struct text after;
    int64_t from = INT64_MAX;
    enum error error = page_after(tx, &after);
    if (error) return error;
    if (after.data && !text_to_integer(after, &from))
        return fail(tx, ERROR_INVALID_CURSOR, "the cursor does not belong to this list");
    struct walk walk;
    if (!walk_begin(tx, &walk, tx->kind, tx->id)) return OK;
    struct buffer entries = {.arena = tx->arena};
    uint32_t limit = page_limit(tx), given = 0;
    uint64_t last = 0;
    while (walk_peek(tx, &walk) && given < limit) {
        struct walk made = walk;
        bool passed = (int64_t)walk.lsn >= from || !sees_state(tx, walk.state);
        const void *now = passed ? NULL : schema_clone(tx->kind->fields, walk.state, tx->arena);
        if (!walk_step(tx, &walk)) break;
        if (passed || pending(tx)) continue;
        const void *before = walk.lsn ? walk.state : NULL;
        struct buffer entry = {.arena = tx->arena};
        if (!render_entry(tx, &entry, &made, sees_state(tx, before) ? before : NULL, now)) continue;
        if (given++) buffer_byte(&entries, ',');
        buffer_text(&entries, buffer_as_text(&entry));
        last = made.lsn;
    }
    if (pending(tx)) return OK;
    if (walk.too_far && !given) return fail(tx, ERROR_NOT_FOUND, "it has changed too often since then");
    bool more = given == limit && walk.lsn;
    return answer_list(tx, &entries,
                       more ? page_cursor(tx, text_print(tx, "%llu", (unsigned long long)last)) : (struct text){0},
                       limit);
}

/* ---- its routes ---- */
static const char *path_below(struct arena *arena, const char *path)
{
    return path ? arena_format(arena, "%s/history", path).data : NULL;
}

static void add_history(struct arena *arena, struct added_command *added, const struct kind *kind,
                        const struct command *read)
{
    bool plain = !strcmp(read->name, "read");
    added->kind = kind;
    added->command = (struct command){
        .name = plain ? "history" : arena_format(arena, "%s_history", read->name).data,
        .method = "GET",
        .path = path_below(arena, read->path),
        .alias = path_below(arena, read->alias),
        .action = ACTION_READ,
        .who = read->who,
        .target = read->target,
        .decide = history_page,
        .rate = RATE_READ,
        .paged = true,
        .reply = &entry_fields,
        .doc = "its changes, newest first: who, when, by which command, and the values before and after"};
}

const struct added_command *history_commands(struct arena *arena, const struct kind *const *kinds)
{
    uint32_t count = 0;
    for (int round = 0;; round++) {
        struct added_command *added = round ? ARENA_ARRAY(arena, struct added_command, count + 1) : NULL;
        count = 0;
        for (const struct kind *const *kind = kinds; *kind; kind++)
            for (const struct command *command = (*kind)->commands; command && command->name; command++) {
                if (!command->method || !command_reads_entity(command) || (*kind)->derived) continue;
                if (added) add_history(arena, &added[count], *kind, command);
                count++;
            }
        if (added) return added;
    }
}
