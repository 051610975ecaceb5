/* Everything that souk holds under a person's id, as one JSON object: the account, and for each kind whose index says that it
   leads from a person to what is hers, all of it. Entities are asked for some hundred at a time, so that one export does not
   fill the pool that reads them. */
#include "actors/runtime/internal.h"

#include <string.h>

enum {
    ROWS_MOST = 8000, /* of one export: what a message can load before it is given up */
    LOADS_AT_ONCE = 200
};

struct export
{
    struct buffer out;
    uint32_t rows;
    bool complete;
};

static bool export_row(struct tx *tx, struct export *export, const struct kind *kind, struct text key, bool first)
{
    struct id id;
    memcpy(id.bytes, key.data + key.length - sizeof id.bytes, sizeof id.bytes);
    const void *entity = load(tx, kind, id);
    if (!entity) return tx->state->message->loads < LOADS_AT_ONCE; /* pending: others are asked for in the same run */
    if (pending(tx)) return tx->state->message->loads < LOADS_AT_ONCE;
    if (!first) buffer_byte(&export->out, ',');
    render_entity(tx, &export->out, kind, entity, asker_relations(tx, kind, entity), NULL);
    return true;
}

/* One range of an index; status 0: the index begins with the person. False: pending. */
static bool export_range(struct tx *tx, struct export *export, const struct kind *kind, const struct index *index,
                         int64_t status, bool *first)
{
    struct key_writer writer;
    key_writer_open(&writer, tx->arena, tx->tenant, kind, index);
    key_begin(&writer);
    if (status) key_integer(&writer, status);
    key_id(&writer, tx->principal.user);
    struct text from = arena_text(tx->arena, key_text_of(&writer.current)), to = prefix_end(tx->arena, from);
    uint32_t most = ROWS_MOST - export->rows, count = most + 1;
    struct table_row *rows = ARENA_ARRAY(tx->arena, struct table_row, count);
    if (derived_scan(tx->core, tx->state->message, false, from, to, false, tx->arena, rows, &count) != FOUND) {
        tx->state->pending = true;
        return false;
    }
    if (count > most) export->complete = false;
    if (count > most) count = most;
    for (uint32_t i = 0; i < count; i++) {
        if (!export_row(tx, export, kind, rows[i].key, *first)) return false;
        *first = false;
    }
    export->rows += count;
    return !pending(tx);
}

static bool export_kind(struct tx *tx, struct export *export, const struct kind *kind, const struct index *index)
{
    bool first = true, read = true;
    buffer_format(&export->out, ",\"%s\":[", kind->plural);
    uint32_t last = index->leads == LEADS_STATUS_THEN_PERSON ? kind->machine->states->count - 1 : 1;
    for (uint32_t status = 1; read && status <= last; status++)
        read = export_range(tx, export, kind, index, index->leads == LEADS_STATUS_THEN_PERSON ? status : 0, &first);
    buffer_byte(&export->out, ']');
    return read;
}

enum error export_person(struct tx *tx)
{
    struct export export = {.out = {.arena = tx->arena}, .complete = true};
    const void *person = load(tx, tx->kind, tx->id);
    if (!person) return fail(tx, ERROR_NOT_FOUND, "there is no such %s", tx->kind->name);
    buffer_format(&export.out, "{\"success\":true,\"data\":{\"%s\":", tx->kind->name);
    render_entity(tx, &export.out, tx->kind, person, tx->relations, NULL);
    for (const struct kind *const *kind = tx->core->registry->kinds; *kind; kind++)
        for (const struct index *const *index = (*kind)->indexes; index && *index; index++)
            if ((*index)->leads && !export_kind(tx, &export, *kind, *index)) return OK;
    if (pending(tx)) return OK;
    tx->state->seen_lsn = tx->core->last_lsn;
    buffer_format(&export.out, ",\"complete\":%s}}", export.complete ? "true" : "false");
    return answer_raw(tx, 200, "application/json", buffer_as_text(&export.out));
}
