/* The references in Markdown: fields and commands, states, events and refusals. */
#include "actors/runtime/describe.h"
#include "actors/runtime/envelope.h"
#include <stdio.h>

/* A cell of a table: its separator and line ends would break it. */
static void cell(struct buffer *out, const char *text)
{
    buffer_string(out, "| ");
    for (; text && *text; text++) {
        if (*text == '|') buffer_byte(out, '\\');
        if (*text == '\n')
            buffer_byte(out, ' ');
        else
            buffer_byte(out, *text);
    }
    buffer_byte(out, ' ');
}

static void end_row(struct buffer *out)
{
    buffer_string(out, "|\n");
}

static void head(struct buffer *out, const char *title, const char *text)
{
    buffer_format(out, "# %s\n\n%s\n", title, text);
}

static void kind_heading(struct buffer *out, const struct kind *kind)
{
    buffer_format(out, "\n## %s\n\n%s\n", kind->name, kind->doc ? kind->doc : "");
}

/* ---- Fields --------------------------------------------------------------------------------------------------------- */

static bool has_commands(const struct kind *kind)
{
    for (const struct command *command = kind->commands; command && command->name; command++)
        if (command->method) return true;
    return false;
}

static void path_cell(struct buffer *out, const struct command *command)
{
    char line[600];
    bool platform = path_is_of_platform(command->path);
    snprintf(line, sizeof line, "`%s %s`%s%s%s", command->method, command->path + platform,
             command->alias ? " or `" : "", command->alias ? command->alias : "", command->alias ? "`" : "");
    cell(out, line);
}

static void commands_of(struct buffer *out, const struct kind *kind)
{
    if (!has_commands(kind)) return;
    buffer_string(out, "\n### Endpoints\n\n| command | route | who | |\n|---|---|---|---|\n");
    for (const struct command *command = kind->commands; command->name; command++) {
        char who[128];
        if (!command->method) continue;
        cell(out, command->name);
        path_cell(out, command);
        cell(out, relation_names(command_relations(command), who));
        cell(out, command->doc);
        end_row(out);
    }
}

/* The tables of bodies, queries and replies, each once: the first command that has it. */
static void tables_of(struct buffer *out, const struct kind *kind)
{
    static const char *const titles[] = {"Body", "Query", "Answer"};
    for (const struct command *command = kind->commands; command && command->name; command++) {
        const struct fields *tables[] = {command->body, command->query, command->reply};
        for (int i = 0; i < 3 && command->method; i++) {
            bool seen = !tables[i] || !tables[i]->count;
            for (const struct command *other = kind->commands; !seen && other < command; other++)
                seen = other->method &&
                       (other->body == tables[i] || other->query == tables[i] || other->reply == tables[i]);
            if (seen) continue;
            buffer_format(out, "\n### %s of %s: %s\n\n", titles[i], command->name, tables[i]->name);
            schema_reference(out, tables[i], relation_names);
        }
    }
}

static void joins_of(struct buffer *out, const struct kind *kind)
{
    if (!kind->joins || !kind->joins->name) return;
    buffer_string(out, "\n### Joined when read\n\n| member | kind |\n|---|---|\n");
    for (const struct join *join = kind->joins; join->name; join++) {
        cell(out, join->name);
        cell(out, join->kind->name);
        end_row(out);
    }
}

static void lists_of(struct buffer *out, const struct kind *kind)
{
    if (!kind->indexes || !*kind->indexes) return;
    buffer_string(out, "\n### Indexes\n\n| index | unique | |\n|---|---|---|\n");
    for (const struct index *const *index = kind->indexes; *index; index++) {
        cell(out, (*index)->name);
        cell(out, (*index)->unique ? "yes" : "");
        cell(out, (*index)->doc);
        end_row(out);
    }
}

void describe_fields(const struct registry *registry, struct buffer *out)
{
    head(
        out, "Fields and endpoints",
        "Every kind with its fields, its endpoints (below `/api/v1`, but for those of the system) and their bodies. Rendered by\n"
        "`souk dump fields` from the tables that serve the requests.\n\n"
        "Every entity has these, set by the server:\n\n"
        "| field | |\n|---|---|\n"
        "| `id` | UUIDv7, or derived from what it belongs to |\n"
        "| `version` | raised by one for each event |\n"
        "| `status` | of the kind's state machine |\n"
        "| `created_at`, `updated_at`, `deleted_at` | RFC 3339, UTC; null: never |");
    for (const struct kind *const *at = registry->kinds; *at; at++) {
        const struct kind *kind = *at;
        kind_heading(out, kind);
        struct fields rest = *kind->fields;
        if (rest.count && rest.rows[0].nested == &entity_fields) {
            rest.rows++;
            rest.count--;
        }
        if (kind->derived) buffer_string(out, "\nDerived: it follows the log and is rebuilt from it.\n");
        if (rest.count) {
            buffer_string(out, "\n### Fields\n\n");
            schema_reference(out, &rest, relation_names);
        }
        joins_of(out, kind);
        commands_of(out, kind);
        tables_of(out, kind);
        lists_of(out, kind);
    }
}

/* ---- States --------------------------------------------------------------------------------------------------------- */

static void states_cell(struct buffer *out, const struct machine *machine, uint32_t from)
{
    char line[512] = "";
    size_t at = 0;
    if (from & FROM_NONE) at += (size_t)snprintf(line, sizeof line, "–");
    for (uint32_t state = 1; state < machine->states->count && at < sizeof line; state++)
        if (from & STATE(state))
            at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at ? ", " : "", machine->states->values[state]);
    cell(out, line);
}

static const char *state_named(const struct machine *machine, uint32_t to)
{
    if (to == TO_SAME) return "the same";
    if (to == TO_REMEMBERED) return "as before";
    return to < machine->states->count ? machine->states->values[to] : "?";
}

static void transitions_of(struct buffer *out, const struct kind *kind)
{
    const struct machine *machine = kind->machine;
    buffer_string(out, "\n| from | command | guard | to | event | who |\n|---|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < machine->count; i++) {
        const struct transition *row = &machine->rows[i];
        const struct command *command = kind_command(kind, row->command);
        char who[128];
        states_cell(out, machine, row->from);
        cell(out, row->command);
        cell(out, row->guard_doc);
        cell(out, state_named(machine, row->to));
        cell(out, row->event ? row->event->name : "");
        cell(out, !command ? "" : command->method ? relation_names(command_relations(command), who) : "the system");
        end_row(out);
    }
}

static void carried_cell(struct buffer *out, const struct kind *kind, const struct event *event)
{
    char line[1024] = "";
    size_t at = 0;
    for (const uint16_t *tag = event->carries; tag && *tag && at < sizeof line; tag++) {
        const struct field *field = field_by_tag(kind->fields, *tag);
        if (field) at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at ? ", " : "", field->name);
    }
    for (uint32_t i = 0; event->data && i < event->data->count && at < sizeof line; i++)
        at += (size_t)snprintf(line + at, sizeof line - at, "%s%s", at ? ", " : "", event->data->rows[i].name);
    cell(out, line);
}

static void events_of(struct buffer *out, const struct kind *kind)
{
    if (!kind->events || !*kind->events) return;
    buffer_string(out, "\n| event | number | carries | |\n|---|---|---|---|\n");
    for (const struct event *const *at = kind->events; *at; at++) {
        char number[8];
        snprintf(number, sizeof number, "%u", (*at)->number);
        cell(out, (*at)->name);
        cell(out, number);
        carried_cell(out, kind, *at);
        cell(out, (*at)->doc);
        end_row(out);
    }
}

void describe_states(const struct registry *registry, struct buffer *out)
{
    head(
        out, "States and events",
        "Every kind that has a state machine or events: its diagram, its transitions and what they say. Rendered by\n"
        "`souk dump states` from the tables that decide. A command that has no row for a state is refused there (409).");
    for (const struct kind *const *kind = registry->kinds; *kind; kind++) {
        bool events = (*kind)->events && *(*kind)->events;
        if (!(*kind)->machine && !events) continue;
        kind_heading(out, *kind);
        if ((*kind)->machine) {
            if ((*kind)->machine->derived) buffer_string(out, "\nThe status follows from the parts.\n");
            buffer_string(out, "\n```mermaid\n");
            machine_diagram(out, (*kind)->name, (*kind)->machine);
            if (out->length && out->data[out->length - 1] != '\n') buffer_byte(out, '\n');
            buffer_string(out, "```\n");
            transitions_of(out, *kind);
        }
        events_of(out, *kind);
    }
}

/* ---- Events --------------------------------------------------------------------------------------------------------- */

/* The fields of its payload, as one table: those it copies from the entity, then those given when it happened. */
static struct fields payload_of(struct arena *arena, const struct kind *kind, const struct event *event)
{
    uint32_t count = event->data ? event->data->count : 0;
    for (const uint16_t *tag = event->carries; tag && *tag; tag++)
        count++;
    struct field *rows = ARENA_ARRAY(arena, struct field, count + 1);
    struct fields payload = {.name = event->name, .rows = rows};
    for (const uint16_t *tag = event->carries; tag && *tag; tag++) {
        const struct field *field = field_by_tag(kind->fields, *tag);
        if (field) rows[payload.count++] = *field;
    }
    for (uint32_t i = 0; event->data && i < event->data->count; i++)
        rows[payload.count++] = event->data->rows[i];
    return payload;
}

/* "pending, active → deleted (`delete`)" of each transition that says it. */
static void moves_of(struct buffer *out, const struct kind *kind, const struct event *event)
{
    const struct machine *machine = kind->machine;
    const char *comma = "\nWhen: ";
    for (uint32_t i = 0; machine && i < machine->count; i++) {
        const struct transition *row = &machine->rows[i];
        if (row->event != event) continue;
        buffer_string(out, comma);
        comma = "; ";
        const char *between = "";
        if (row->from & FROM_NONE) {
            buffer_string(out, "–");
            between = ", ";
        }
        for (uint32_t state = 1; state < machine->states->count; state++) {
            if (!(row->from & STATE(state))) continue;
            buffer_format(out, "%s%s", between, machine->states->values[state]);
            between = ", ";
        }
        buffer_format(out, " → %s (`%s`)", state_named(machine, row->to), row->command);
    }
    if (comma[0] == ';') buffer_string(out, ".\n");
}

static void event_section(struct buffer *out, const struct kind *kind, const struct event *event)
{
    struct arena *arena = arena_create();
    struct fields payload = payload_of(arena, kind, event);
    buffer_format(out, "\n### %s\n\n%s\n", event->name, event->doc ? event->doc : "");
    moves_of(out, kind, event);
    buffer_byte(out, '\n');
    if (payload.count)
        schema_reference_out(out, &payload);
    else
        buffer_string(out, "It carries nothing further.\n");
    arena_destroy(arena);
}

void describe_events(const struct registry *registry, struct buffer *out)
{
    head(
        out, "Events",
        "Everything that souk tells: in the log, in `GET /api/v1/admin/events` as a page or a stream, and to message brokers. Rendered by\n"
        "`souk dump events` from the tables that emit them. A change of state adds `from` and `to` to the payload. What is personal can\n"
        "be read for as long as the person's key is there, and is null once the person was erased. "
        "[The guide](../guides/events.md) says how to follow them.\n\n"
        "## The envelope\n");
    schema_reference_out(out, &envelope_fields);
    for (const struct kind *const *at = registry->kinds; *at; at++) {
        const struct kind *kind = *at;
        if (!kind->events || !*kind->events) continue;
        kind_heading(out, kind);
        buffer_format(out, "\nTopic of Kafka: `sc.domain.%s`; events of one %s keep their order.\n",
                      kind->subject_kind ? kind->subject_kind : kind->name,
                      kind->subject_kind ? kind->subject_kind : kind->name);
        for (const struct event *const *event = kind->events; *event; event++)
            event_section(out, kind, *event);
    }
}

/* ---- Refusals ------------------------------------------------------------------------------------------------------- */

void describe_errors(struct buffer *out)
{
    head(
        out, "Refusals",
        "Every `code` of an answer that is no success, and every `code` of its `details`. Rendered by `souk dump errors` from the list that\n"
        "the answers are made from. Codes are stable; the sentences in `error` are for people and may change.\n\n"
        "| code | status | meaning | what to do next |\n|---|---|---|---|");
    for (enum error error = OK + 1; error < ERROR_COUNT; error++) {
        char text[80];
        snprintf(text, sizeof text, "`%s`", error_code(error));
        cell(out, text);
        snprintf(text, sizeof text, "%u", error_status(error));
        cell(out, text);
        cell(out, error_text(error));
        cell(out, error_next(error));
        end_row(out);
    }
    buffer_string(
        out,
        "\n## Details\n\n`details` names every problem of a request by its path. Its codes are those above, or these:\n\n"
        "| code | meaning |\n|---|---|\n");
    for (const struct detail_code *row = detail_codes; row->code; row++)
        buffer_format(out, "| `%s` | %s |\n", row->code, row->meaning);
}
