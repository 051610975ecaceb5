/* Personal parts: sealed under the key of their subject, and none once that key is destroyed.

   What is erased reads as none everywhere at once: in what is loaded from then on, in the actors that are in memory, in
   every record and snapshot written before. So a replay, which finds the key gone from its first record on, comes to the
   state that the process which erased it came to. Two things make that exact: a view's row that holds something personal
   counts how often it was edited, not how often it changed (followers.c); and rows of an index whose keys come from
   personal values, which the tables may hold from before, are looked for at the end of a replay. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

struct id personal_subject(const struct kind *kind, const void *entity)
{
    return kind->subject ? kind->subject(entity) : entity_of(entity)->id;
}

/* Binds sealed bytes to their place, so that they cannot be moved to another entity, version or use. */
struct text personal_associated(struct arena *arena, const struct kind *kind, struct id id, int64_t version,
                                const char *use)
{
    char id_text[ID_TEXT_LENGTH + 1];
    id_format(id, id_text);
#if defined MUTANT && MUTANT == 20
    version = 0;
#endif
    return arena_format(arena, "%s %u %s %lld", use, kind->number, id_text, (long long)version);
}

void personal_prepare(struct core *core)
{
    core->erasures = keyring_figures(core->ports.keyring).erased;
    for (const struct kind *const *kind = core->registry->kinds; *kind; kind++)
        core->personal[(*kind)->number] = schema_has_personal((*kind)->fields);
}

/* ---- erasing ---- */
void erase_subject(struct tx *tx, struct id subject)
{
    if (!tx->state->replay) *LIST_ADD(tx->arena, &tx->state->erased) = subject;
}

/* Of this tenant there may be rows of before. */
static void note_erasing(struct core *core, struct id tenant)
{
    struct id_list *erasing = &core->erasing;
    for (uint32_t i = 0; i < erasing->count; i++)
        if (id_equal(erasing->at[i], tenant)) return;
    erasing->at = memory_resize(erasing->at, (erasing->count + 1) * sizeof *erasing->at);
    erasing->at[erasing->count++] = tenant;
}

void erasures_apply(struct core *core, const struct record *record, bool replay)
{
#if defined MUTANT && MUTANT == 43
    if (replay) return;
#endif
    for (uint32_t i = 0; i < record->erased.count; i++)
        keyring_erase(core->ports.keyring, record->tenant, record->erased.at[i]);
    if (!record->erased.count) return;
    core->erasures++;
    core->replacements++;
    answers_forget_all(core->answers);
    if (replay) note_erasing(core, record->tenant);
}

static void *open_part(struct arena *arena, const struct kind *kind, const void *state)
{
    struct buffer open = {.arena = arena};
    void *copy = arena_alloc(arena, kind->fields->size);
    schema_snapshot(&open, kind->fields, state, PART_OPEN);
    CHECK(schema_restore(arena, kind->fields, buffer_as_text(&open), copy));
    return copy;
}

/* An actor that was loaded before somebody was erased may still know what nobody may. */
void actor_forget_erased(struct core *core, struct actor *actor)
{
    actor->erasures = core->erasures;
    if (!actor->block || !core->personal[actor->kind->number]) return;
    struct id tenant;
    memcpy(tenant.bytes, actor->key, sizeof tenant.bytes);
    const void *state = actor->block->state;
    if (!keyring_is_erased(core->ports.keyring, tenant, personal_subject(actor->kind, state))) return;
    struct arena *arena = arena_create();
    const void *open = open_part(arena, actor->kind, state);
    actor_set_block(&core->directory, actor, block_create(actor->kind->fields, open, actor->block->lsn));
    arena_destroy(arena);
}

/* What a command would say of somebody erased is not kept. */
void tx_forget_erased(struct tx *tx)
{
    const struct core *core = tx->core;
    if (!core->erasures) return;
    for (uint32_t i = 0; i < tx->state->touched_count; i++) {
        struct touched *touched = tx->state->touched[i];
        if (!touched->copy || touched->discarded || !core->personal[touched->kind->number]) continue;
        struct id subject = personal_subject(touched->kind, touched->copy);
        if (keyring_is_erased(core->ports.keyring, tx->tenant, subject))
            touched->copy = open_part(tx->arena, touched->kind, touched->copy);
    }
}

/* ---- data from before an erasure ---- */
static bool is_unforgotten(struct core *core, struct subject subject)
{
    struct message *message = message_internal(core, FROM_RUNTIME, subject.tenant, NULL, NULL, subject.id);
    const struct actor *actor =
        actor_load(core, message, true, subject.tenant, core->registry->person_kind, subject.id);
    bool unforgotten = actor && actor->block && !core->registry->person_is_erased(actor->block->state);
    message_free(core, message);
    return unforgotten;
}

/* A backup of before an erasure knows the person as somebody of whom nothing can be read: it is made to say why. */
bool people_forget(struct core *core)
{
    const struct kind *kind = core->registry->person_kind;
    if (!kind || !core->erasures) return true;
    struct arena *arena = arena_create();
    struct subject *erased = ARENA_ARRAY(arena, struct subject, core->erasures);
    uint32_t count = keyring_list_erased(core->ports.keyring, erased, core->erasures);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_unforgotten(core, erased[i])) continue;
        note_erasing(core, erased[i].tenant);
        struct message *message =
            message_internal(core, FROM_RUNTIME, erased[i].tenant, kind, kind_command(kind, "forgotten"), erased[i].id);
        core->ports.random(core->ports.context, message->random);
        message_ready(core, message);
    }
    arena_destroy(arena);
    return indexes_forget_erased(core);
}

/* ---- rows that only the tables know of ---- */
static bool index_forget_erased(struct core *core, struct id tenant, const struct kind *kind, const struct index *index)
{
    struct arena *arena = arena_create();
    struct key prefix;
    index_prefix(&prefix, tenant, kind, index);
    struct text from = arena_text(arena, key_text_of(&prefix)), to = prefix_end(arena, from);
    bool good = true;
    for (uint32_t count = LIMIT_SCAN_ROWS; good && count == LIMIT_SCAN_ROWS;) {
        struct arena *page = arena_create();
        struct table_row *rows = ARENA_ARRAY(page, struct table_row, LIMIT_SCAN_ROWS);
        good = derived_scan(core, NULL, true, from, to, false, page, rows, &count) == FOUND;
        for (uint32_t i = 0; good && i < count; i++) {
            struct id id;
            if (rows[i].value.length != sizeof id.bytes) continue;
            memcpy(id.bytes, rows[i].value.data, sizeof id.bytes);
            if (keyring_is_erased(core->ports.keyring, tenant, id)) derived_delete(core, rows[i].key);
        }
        if (good && count) {
            char *after = arena_alloc(arena, rows[count - 1].key.length + 1);
            memcpy(after, rows[count - 1].key.data, rows[count - 1].key.length);
            from = (struct text){after, rows[count - 1].key.length + 1};
        }
        arena_destroy(page);
    }
    arena_destroy(arena);
    return good;
}

static bool indexes_of_tenant(struct core *core, struct id tenant)
{
    for (const struct kind *const *kind = core->registry->kinds; *kind; kind++)
        for (const struct index *const *index = (*kind)->indexes; index && *index; index++)
            if ((*index)->personal && !index_forget_erased(core, tenant, *kind, *index)) return false;
    return true;
}

bool indexes_forget_erased(struct core *core)
{
    bool good = true;
#if defined MUTANT && MUTANT == 44
    core->erasing.count = 0;
#endif
    for (uint32_t i = 0; good && i < core->erasing.count; i++)
        good = indexes_of_tenant(core, core->erasing.at[i]);
    core->erasing.count = 0;
    return good;
}

/* ---- rows that still hold what nobody can read ---- */
static const struct kind *kind_of_key(const struct registry *registry, struct text key, struct id *tenant)
{
    if (key.length < 21) return NULL;
    memcpy(tenant->bytes, key.data + 1, sizeof tenant->bytes);
    return registry_kind(registry, (uint16_t)((uint8_t)key.data[17] << 8 | (uint8_t)key.data[18]));
}

/* An entity's row may hold what was sealed for somebody who is erased; what the log gives no longer does. */
bool same_but_erased(const struct registry *registry, struct keyring *keyring, struct text key, struct text a,
                     struct text b)
{
    struct snapshot_parts first, second;
    struct id tenant;
    if (!a.data || !b.data || key.data[0] != SPACE_ENTITY) return false;
    const struct kind *kind = kind_of_key(registry, key, &tenant);
    if (!kind || !snapshot_parts(a, &first) || !snapshot_parts(b, &second)) return false;
    if (first.lsn != second.lsn || !text_equal(first.open, second.open)) return false;
    struct arena *arena = arena_create();
    void *state = arena_alloc(arena, kind->fields->size);
    bool same = schema_restore(arena, kind->fields, first.open, state) &&
                keyring_is_erased(keyring, tenant, personal_subject(kind, state));
    arena_destroy(arena);
    return same;
}

/* So may the tables in an index of personal values, until the next start has replayed the erasure. */
bool row_of_erased(const struct registry *registry, struct keyring *keyring, const struct table_row *row)
{
    struct id tenant, id;
    if (row->key.data[0] != SPACE_UNIQUE || row->value.length != sizeof id.bytes) return false;
    const struct kind *kind = kind_of_key(registry, row->key, &tenant);
    memcpy(id.bytes, row->value.data, sizeof id.bytes);
    for (const struct index *const *index = kind ? kind->indexes : NULL; index && *index; index++)
        if ((*index)->number == ((uint8_t)row->key.data[19] << 8 | (uint8_t)row->key.data[20]))
            return (*index)->personal && keyring_is_erased(keyring, tenant, id);
    return false;
}

/* ---- events ---- */
struct text event_personal_seal(struct tx *tx, const struct kind *kind, struct id id, int64_t version,
                                const struct event *event, const void *data)
{
    if (!data || !schema_has_personal(event->data)) return (struct text){0};
    struct buffer plain = {.arena = tx->arena};
    schema_snapshot(&plain, event->data, data, PART_PERSONAL);
    return seal(tx->core->ports.keyring, tx->arena, tx->tenant, id,
                personal_associated(tx->arena, kind, id, version, "event"), buffer_as_text(&plain));
}

struct text record_event_personal(struct keyring *keyring, struct arena *arena, const struct record *record,
                                  const struct kind *kind, const struct record_event *row)
{
    struct text plain = {0};
    if (!row->personal.data) return plain;
    struct id id = record->changes.at[row->change].id; /* its own subject: the tables are proved so */
    struct text associated = personal_associated(arena, kind, id, row->version, "event");
    return unseal(keyring, arena, record->tenant, id, associated, row->personal, &plain) == UNSEALED ? plain
                                                                                                     : (struct text){0};
}

/* ---- keys that come with no record ---- */
/* Of a replay, or of a snapshot whose subject had nothing sealed before: rare, so the core waits for the disk. */
bool keys_flush(struct core *core)
{
    struct keyring_writes writes = {0};
    keyring_take(core->ports.keyring, &writes);
    if (keyring_write(core->ports.keyring, &writes.made) && keyring_write(core->ports.keyring, &writes.erased))
        return true;
    log_line("core", LOG_ERROR, "the keys of persons cannot be written", "made=%d", writes.made != NULL);
    slot_writes_free(writes.made);
    slot_writes_free(writes.erased);
    return false;
}
