/* Look-ups in the tables of kinds, and the proof at start that they are sound. */
#include "actors/runtime/kind.h"
#include "actors/runtime/tx.h"
#include "base/buffer.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/seal.h"
#include "schema/codec.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct field entity_rows[] = {
    ID     (entity, 1, id,            .flags = READ_ONLY, .doc = "identity, for ever"),
    INTEGER(entity, 2, version,       .flags = READ_ONLY, .doc = "raised by one for each event"),
    INTEGER(entity, 3, status,        .flags = READ_ONLY, .doc = "state of the machine"),
    INTEGER(entity, 4, status_before, .flags = READ_ONLY | SECRET, .doc = "state before it was deleted"),
    TIME   (entity, 5, created_at,    .flags = READ_ONLY, .doc = "when it was made"),
    TIME   (entity, 6, updated_at,    .flags = READ_ONLY, .doc = "when it changed last"),
    TIME   (entity, 7, deleted_at,    .flags = READ_ONLY, .doc = "when it was deleted"),
};
/* clang-format on */
const struct fields entity_fields = FIELDS("entity", struct entity, entity_rows);

#define REASON_ROW(flags_) \
    TEXT(reason_body, 1, reason, .format = FORMAT_LONG, .min = 1, .max = 500, .flags = (flags_), .doc = "why")
static const struct field reason_rows[] = {REASON_ROW(REQUIRED)};
static const struct field reason_optional_rows[] = {REASON_ROW(0)};
const struct fields reason_fields = FIELDS("reason", struct reason_body, reason_rows);
const struct fields reason_optional_fields = FIELDS("optional_reason", struct reason_body, reason_optional_rows);

const char *relation_names(uint32_t mask, char text[128])
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {{ANYONE, "anyone"},         {USER, "user"},
                 {ADMIN, "admin"},           {SYSTEM, "system"},
                 {OPERATOR, "operator"},     {SELF, "self"},
                 {LEADER, "leader"},         {MEMBER, "member"},
                 {MODERATOR, "moderator"},   {OWNER, "owner"},
                 {STAFF, "staff"},           {MANAGER, "manager"},
                 {TEAM_OWNER, "team owner"}, {TARGET_OWNER, "target owner"}};
    size_t length = 0;
    text[0] = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0] && length < 110; i++)
        if (mask & names[i].bit)
            length += (size_t)snprintf(text + length, 128 - length, "%s%s", length ? ", " : "", names[i].name);
    return text;
}

const struct kind *registry_kind(const struct registry *registry, uint16_t number)
{
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        if ((*kind)->number == number) return *kind;
    return NULL;
}

const struct kind *registry_kind_named(const struct registry *registry, const char *name)
{
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        if (!strcmp((*kind)->name, name)) return *kind;
    return NULL;
}

uint32_t command_relations(const struct command *command)
{
    return command->demands ? command->demands : command->who;
}

const struct event *kind_event(const struct kind *kind, int64_t number)
{
    for (const struct event *const *event = kind->events; event && *event; event++)
        if ((*event)->number == number) return *event;
    return NULL;
}

bool command_reads_entity(const struct command *command)
{
    return command->action == ACTION_READ && !command->reply && !command->produces;
}

bool command_is_paged(const struct command *command)
{
    return command->action == ACTION_LIST || command->paged;
}

const struct command *kind_command(const struct kind *kind, const char *name)
{
    for (const struct command *command = kind->commands; command && command->name; command++)
        if (*command->name == *name && !strcmp(command->name, name)) return command;
    return NULL;
}

struct proof {
    uint32_t faults;
    const char *kind;
};

static void report(void *context, const char *where, const char *fault)
{
    struct proof *proof = context;
    proof->faults++;
    log_line("schema", LOG_ERROR, "a table is not sound", "kind=%s where=\"%s\" fault=\"%s\"", proof->kind, where,
             fault);
}

static bool same_route(const struct command *a, const struct command *b)
{
    if (!a->method || !b->method || strcmp(a->method, b->method) != 0) return false;
    const char *paths_a[] = {a->path, a->alias}, *paths_b[] = {b->path, b->alias};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2; k++)
            if (paths_a[i] && paths_b[k] && !strcmp(paths_a[i], paths_b[k])) return true;
    return false;
}

static void prove_command(struct proof *proof, const struct kind *kind, const struct command *command)
{
    if (!command->who) report(proof, command->name, "a command has a right");
    if (!command->doc) report(proof, command->name, "a command has a doc");
    if (command->method && !command->path) report(proof, command->name, "a method has a path");
    if (!command->method && !(command->who & SYSTEM))
        report(proof, command->name, "an internal command is the system's");
    bool reads = command->action == ACTION_READ || command->action == ACTION_LIST;
    if (command->accepts && (command->action != ACTION_CALL || command->body || !command->method))
        report(proof, command->name, "a body is taken as it is by a call that binds none");
    if (command->steady && !reads) report(proof, command->name, "only what reads is steady");
    if (command->alike && !(command->steady && command->action == ACTION_LIST && command->listings))
        report(proof, command->name, "a steady list is alike for some");
    if (command->action == ACTION_LIST && !command->listings && !command->decide && !command->searches)
        report(proof, command->name, "a list has an order");
    for (const struct listing *listing = command->listings; listing && listing->index; listing++) {
        bool own = false;
        for (const struct index *const *index = kind->indexes; index && *index; index++)
            own |= *index == listing->index;
        if (!own || listing->index->unique) report(proof, command->name, "a list order is a list index of the kind");
        if (listing->filter && (!command->query || !field_by_name(command->query, text_of(listing->filter))))
            report(proof, command->name, "a list filter is a query parameter");
    }
    const struct field *words = command->query ? field_by_name(command->query, LITERAL("q")) : NULL;
    if (command->searches && (command->action != ACTION_LIST || !kind->searched || !words || words->type != FIELD_TEXT))
        report(proof, command->name, "a search is a list with a text `q`, of a kind that words find");
    if (command->body) fields_prove(command->body, report, proof);
    if (command->query) fields_prove(command->query, report, proof);
}

static bool has_flag(const struct field *field, uint32_t flags)
{
    bool found = field->flags & flags;
    for (uint32_t i = 0; !found && field->nested && i < field->nested->count; i++)
        found = has_flag(&field->nested->rows[i], flags);
    return found;
}

static void prove_events(struct proof *proof, const struct kind *kind)
{
    for (const struct event *const *event = kind->events; event && *event; event++) {
        for (const struct event *const *other = kind->events; *other != *event; other++)
            if ((*other)->number == (*event)->number) report(proof, (*event)->name, "event numbers are unique");
        for (const uint16_t *tag = (*event)->carries; tag && *tag; tag++) {
            const struct field *field = field_by_tag(kind->fields, *tag);
            if (!field)
                report(proof, (*event)->name, "an event carries fields that exist");
            else if (has_flag(field, PERSONAL | SECRET))
                report(proof, (*event)->name, "an event carries nothing personal or secret");
        }
        for (uint32_t i = 0; (*event)->data && i < (*event)->data->count; i++)
            if (has_flag(&(*event)->data->rows[i], SECRET))
                report(proof, (*event)->name, "an event carries nothing secret");
        if ((*event)->data && schema_has_personal((*event)->data) && kind->subject)
            report(proof, (*event)->name, "what is personal in an event is of the entity's own subject");
    }
}

static bool event_declared(const struct kind *kind, const struct event *event)
{
    for (const struct event *const *declared = kind->events; declared && *declared; declared++)
        if (*declared == event) return true;
    return false;
}

/* A text, or a list of them, at the end of the path; what not everybody sees is for the staff's column alone. */
static void prove_searched(struct proof *proof, const struct kind *kind)
{
    if (!kind->searched->states) report(proof, "searched", "what words find is in some state");
    for (const struct search_field *row = kind->searched->fields; row->path; row++) {
        const struct fields *fields = kind->fields;
        const struct field *field = NULL;
        bool hidden = false;
        for (struct text rest = text_of(row->path); rest.data && fields; fields = field ? field->nested : NULL) {
            field = field_by_name(fields, text_split(&rest, '.'));
            if (field) hidden |= field->sees || field->flags & (SECRET | MASKED);
            if (rest.data && (!field || !field->nested)) field = NULL;
        }
        bool text = field && (field->type == FIELD_TEXT ||
                              (field->type == FIELD_LIST && field->element && field->element->type == FIELD_TEXT));
        if (!text) report(proof, row->path, "a searched field is a text or a list of them");
        if (hidden && row->column != SEARCH_STAFF)
            report(proof, row->path, "what not everybody sees is found by staff");
        if (field && field->flags & SECRET) report(proof, row->path, "nobody finds by what is secret");
    }
}

static void prove_kind(struct proof *proof, const struct kind *kind)
{
    proof->kind = kind->name;
    if (kind->fields->rows[0].nested != &entity_fields || kind->fields->rows[0].offset)
        report(proof, "fields", "the first row is ENTITY_ROW");
    fields_prove(kind->fields, report, proof);
    if (kind->machine) machine_prove(kind->machine, report, proof);
    if (kind->searched) prove_searched(proof, kind);
    prove_events(proof, kind);
    for (uint32_t i = 0; kind->machine && i < kind->machine->count; i++) {
        const struct transition *row = &kind->machine->rows[i];
        if (!kind_command(kind, row->command)) report(proof, row->command, "a transition belongs to a command");
        if (row->event && !event_declared(kind, row->event))
            report(proof, row->command, "a transition's event is declared");
    }
    for (const struct command *command = kind->commands; command && command->name; command++) {
        prove_command(proof, kind, command);
        if (command->event && !event_declared(kind, command->event))
            report(proof, command->name, "a command's event is declared");
        for (const struct command *other = kind->commands; other != command; other++) {
            if (!strcmp(other->name, command->name)) report(proof, command->name, "command names are unique");
            if (same_route(other, command)) report(proof, command->name, "routes are unambiguous");
        }
    }
    for (const struct index *const *index = kind->indexes; index && *index; index++) {
        for (const struct index *const *other = kind->indexes; *other != *index; other++)
            if ((*other)->number == (*index)->number) report(proof, (*index)->name, "index numbers are unique");
        if ((*index)->upholds && !(*index)->unique)
            report(proof, (*index)->name, "an index that upholds places is unique");
        if ((*index)->personal && (!(*index)->unique || kind->subject))
            report(proof, (*index)->name, "an index of personal values is unique, and its entity is their subject");
    }
}

uint32_t registry_prove(const struct registry *registry)
{
    struct proof proof = {0};
    for (const struct kind *const *kind = registry->kinds; *kind; kind++) {
        prove_kind(&proof, *kind);
        if ((*kind)->number >= LIMIT_KINDS) report(&proof, (*kind)->name, "kind numbers are below LIMIT_KINDS");
        for (const struct kind *const *other = registry->kinds; *other != *kind; other++) {
            if ((*other)->number == (*kind)->number) report(&proof, (*other)->name, "kind numbers are unique");
            if (!strcmp((*other)->name, (*kind)->name)) report(&proof, (*other)->name, "kind names are unique");
            for (const struct command *a = (*kind)->commands; a && a->name; a++)
                for (const struct command *b = (*other)->commands; b && b->name; b++)
                    if (same_route(a, b)) report(&proof, a->path, "routes are unambiguous");
        }
    }
    return proof.faults;
}

/* ---- how rows are derived ---- */
static void describe_fields(struct buffer *out, const struct fields *fields)
{
    buffer_byte(out, '{');
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        buffer_format(out, "%u:%u ", field->tag, field->type);
        if (field->nested) describe_fields(out, field->nested);
        if (field->element) buffer_format(out, "[%u]", field->element->type);
    }
    buffer_byte(out, '}');
}

void registry_tables(const struct registry *registry, uint8_t out[32])
{
    struct arena *arena = arena_create();
    struct buffer names = {.arena = arena};
    for (const struct kind *const *at = registry->kinds; *at; at++) {
        const struct kind *kind = *at;
        buffer_format(&names, "kind %u %d\n", kind->number, kind->derived);
        if (kind->derived) describe_fields(&names, kind->fields);
        for (const struct index *const *index = kind->indexes; index && *index; index++)
            buffer_format(&names, "index %u %d\n", (*index)->number, (*index)->unique);
    }
    for (const struct follower *const *follower = registry->followers; *follower; follower++)
        if ((*follower)->view) buffer_format(&names, "view %s %u\n", (*follower)->name, (*follower)->revision);
    hash_bytes(buffer_as_text(&names), (struct text){0}, out);
    arena_destroy(arena);
}
