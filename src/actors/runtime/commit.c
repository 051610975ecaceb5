/* From a decided unit of work to a log record, and from a record to committed state. The second half serves replay too:
   what is derived is a function of the log. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

/* ---- truths that no handler may get wrong ---- */
static void broken(struct tx *tx, const struct touched *touched, const char *truth)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(touched->id, id);
    log_line("core", LOG_ERROR, "a truth does not hold; the command is dropped",
             "kind=%s id=%s command=%s.%s truth=\"%s\"", touched->kind->name, id, tx->kind->name, tx->command->name,
             truth);
    tx->core->count_broken++;
    tx->state->broken = true;
}

static void check_touched(struct tx *tx, const struct touched *touched)
{
    const struct kind *kind = touched->kind;
    if (kind->derived || !tx_changed(touched)) return;
    if (!touched->emitted && !kind->quiet) broken(tx, touched, "a change names an event");
    int64_t from = touched->before ? entity_of(touched->before->state)->status : 0,
            to = entity_of(touched->copy)->status;
    if (kind->machine && from != to && !kind->machine->derived) {
        bool declared = false;
        for (uint32_t i = 0; i < kind->machine->count && !declared; i++) {
            const struct transition *row = &kind->machine->rows[i];
            declared = (row->from & STATE(from)) && (row->to == (uint32_t)to || row->to == TO_REMEMBERED);
        }
        /* several transitions in one command pass states in between: then each was checked when it was made */
        if (!declared && !touched->emitted) broken(tx, touched, "the status moves along a declared transition");
    }
    const char *truth = kind->check ? kind->check(touched->copy) : NULL;
    if (truth) broken(tx, touched, truth);
}

/* ---- unique keys ---- */
#ifdef TINY
enum { LOOKS_ANYHOW = 1 }; /* whether a counted one is taken */
#else
enum { LOOKS_ANYHOW = 0 };
#endif

static bool key_among(const struct key_writer *writer, struct text key)
{
    for (uint32_t i = 0; i < writer->count; i++)
        if (text_equal(writer->keys[i], key)) return true;
    return false;
}

static enum error unique_key_free(struct tx *tx, const struct touched *touched, const struct index *index,
                                  struct text key)
{
    struct text value;
    enum found found = derived_get(tx->core, tx->state->message, tx->state->replay, key, tx->arena, &value);
    tx->state->seen_lsn = tx->core->last_lsn;
    if (found == MISS || found == DAMAGED) {
        tx->state->pending = true;
        return OK;
    }
    if (found == ABSENT || !memcmp(value.data, touched->id.bytes, 16)) return OK;
    if (index->path) fail_detail(tx, index->path, error_code(index->taken), "%s", error_text(index->taken));
    return fail(tx, index->taken, "%s", error_text(index->taken));
}

static enum error unique_keys_free(struct tx *tx, const struct touched *touched)
{
    for (const struct index *const *index = touched->kind->indexes; index && *index; index++) {
        if (!(*index)->unique || ((*index)->counted && !touched->before && !LOOKS_ANYHOW)) continue;
        struct key_writer after, before;
        index_keys(&after, tx->arena, tx->tenant, touched->kind, *index, touched->copy);
        index_keys(&before, tx->arena, tx->tenant, touched->kind, *index,
                   touched->before ? touched->before->state : NULL);
        for (uint32_t i = 0; i < after.count; i++) {
            if (key_among(&before, after.keys[i])) continue;
            enum error error = unique_key_free(tx, touched, *index, after.keys[i]);
            if (error) return error;
        }
    }
    return OK;
}

/* Two entities of one unit of work may want one key too (rare: bulk creation); the first wins. */
enum error tx_finish(struct tx *tx)
{
    struct tx_state *state = tx->state;
    if (state->pending) return (enum error)PENDING;
    for (uint32_t i = 0; i < state->touched_count; i++) {
        struct touched *touched = state->touched[i];
        if (touched->copy && touched->kind->quiet && tx_changed(touched)) {
            ((struct entity *)touched->copy)->version++;
            ((struct entity *)touched->copy)->updated_at = tx->now;
        }
    }
    followers_run(tx, false);
    if (state->pending) return (enum error)PENDING;
    tx_forget_erased(tx);
    for (uint32_t i = 0; i < state->touched_count; i++) {
        struct touched *touched = state->touched[i];
        touched->changed = tx_changed(touched);
        touched->settled = true;
    }
    for (uint32_t i = 0; i < state->touched_count; i++)
        check_touched(tx, state->touched[i]);
    if (state->broken) return ERROR_INTERNAL_ERROR;
    for (uint32_t i = 0; i < state->touched_count; i++) {
        if (!state->touched[i]->copy || !tx_changed(state->touched[i])) continue;
        enum error error = unique_keys_free(tx, state->touched[i]);
        if (error) return error;
    }
    return state->pending ? (enum error)PENDING : OK;
}

/* ---- the record ---- */
static struct text sealed_part(struct tx *tx, const struct touched *touched)
{
    const struct fields *fields = touched->kind->fields;
    const struct block *before = touched->before;
    if (!tx->core->personal[touched->kind->number]) return (struct text){0};
    struct buffer plain = {.arena = tx->arena};
    if (before)
        schema_diff(&plain, fields, before->state, touched->copy, PART_PERSONAL);
    else
        schema_snapshot(&plain, fields, touched->copy, PART_PERSONAL);
    if (plain.length <= 1) return (struct text){0}; /* an empty map */
    int64_t version = entity_of(touched->copy)->version;
    return seal(tx->core->ports.keyring, tx->arena, tx->tenant, personal_subject(touched->kind, touched->copy),
                personal_associated(tx->arena, touched->kind, touched->id, version, before ? "diff" : "made"),
                buffer_as_text(&plain));
}

static void record_touched(struct tx *tx, struct record *record, const struct touched *touched)
{
    struct buffer open = {.arena = tx->arena};
    const struct fields *fields = touched->kind->fields;
    struct record_change *change = &record->changes.at[record->changes.count++];
    *change = (struct record_change){
        .kind = touched->kind->number, .version = entity_of(touched->copy)->version, .id = touched->id};
    if (touched->before) {
        change->previous_lsn = (int64_t)touched->before->lsn;
        schema_diff_shared(&open, record->shared, fields, touched->before->state, touched->copy, PART_OPEN);
        change->open = buffer_as_text(&open);
    } else {
        schema_snapshot_shared(&open, record->shared, fields, touched->copy, PART_OPEN);
        change->made = buffer_as_text(&open);
    }
    change->personal = sealed_part(tx, touched);
}

/* The carried fields: a snapshot of a struct in which only they are set. */
static struct text carried_bytes(struct tx *tx, const struct record *record, const struct emitted *emitted)
{
    const struct event *event = emitted->event;
    if (!event->carries) return (struct text){0};
    const struct fields *fields = emitted->touched->kind->fields;
    char *only = arena_alloc(tx->arena, fields->size);
    for (const uint16_t *tag = event->carries; *tag; tag++) {
        const struct field *field = field_by_tag(fields, *tag);
        CHECK(field && !(field->flags & (PERSONAL | SECRET)));
        memcpy(only + field->offset, (const char *)emitted->touched->copy + field->offset, field->size);
    }
    struct buffer bytes = {.arena = tx->arena};
    schema_snapshot_shared(&bytes, record->shared, fields, only, PART_OPEN);
    return buffer_as_text(&bytes);
}

/* An order that is placed and paid at once says twice what was bought: an event that says what one before it said of the
   same entity is written as the difference. False: it says something else. */
static bool record_like(struct tx *tx, const struct record *record, const struct emitted *emitted,
                        struct record_event *row)
{
    const struct emitted *before = tx->state->emitted;
    uint32_t i = 0;
    while (i < record->events.count &&
           (before[i].touched != emitted->touched || before[i].event->data != emitted->event->data ||
            before[i].event->carries != emitted->event->carries || !before[i].data != !emitted->data ||
            record->events.at[i].like))
        i++;
    if (i == record->events.count) return false;
    struct buffer data = {.arena = tx->arena};
    if (emitted->data &&
        schema_diff_shared(&data, record->shared, emitted->event->data, before[i].data, emitted->data, PART_OPEN)) {
        if (data.length >= record->events.at[i].data.length) return false;
        row->data = buffer_as_text(&data);
    }
    row->like = i + 1;
    return true;
}

static void record_event(struct tx *tx, struct record *record, const struct emitted *emitted)
{
    const struct kind *kind = emitted->touched->kind;
    struct record_event row = {.change = -1,
                               .number = emitted->event->number,
                               .version = emitted->version,
                               .from = emitted->from,
                               .to = emitted->to,
                               .personal = event_personal_seal(tx, kind, emitted->touched->id, emitted->version,
                                                               emitted->event, emitted->data),
                               .subject = kind->event_subject ? kind->event_subject(emitted->touched->copy) : ID_NONE};
    for (uint32_t i = 0; i < record->changes.count; i++) {
        const struct record_change *change = &record->changes.at[i];
        if (change->kind == kind->number && id_equal(change->id, emitted->touched->id)) row.change = i;
    }
    if (!record_like(tx, record, emitted, &row)) {
        struct buffer data = {.arena = tx->arena};
        row.carried = carried_bytes(tx, record, emitted);
        if (emitted->data)
            schema_snapshot_shared(&data, record->shared, emitted->event->data, emitted->data, PART_OPEN);
        if (emitted->data) row.data = buffer_as_text(&data);
    }
    record->events.at[record->events.count++] = row;
}

void tx_record(struct tx *tx, struct record *record)
{
    struct tx_state *state = tx->state;
    struct message *message = state->message;
    char id[ID_TEXT_LENGTH + 1];
    *record = (struct record){.tenant = tx->tenant,
                              .time = tx->now,
                              .principal_kind = tx->principal.kind,
                              .principal = tx->principal.user,
                              .session = tx->principal.session,
                              .kind = tx->kind->number,
                              .subject = tx->id,
                              .command = text_of(tx->command->name)};
    record_share(record, &tx->core->shared);
    if (message->source == FROM_RUNTIME) {
        record->cause = LITERAL("runtime");
    } else if (message->source != FROM_REQUEST) {
        id_format(message->source == FROM_TIMER ? message->timer_id : message->effect_id, id);
        record->cause = text_print(tx, "%s %s", message->source == FROM_TIMER ? "timer" : "effect", id);
    } else if (message->request) {
        record->correlation = message->request->request_id;
    }
    record->trace = message->request ? message->request->trace : message->trace;
    record->changes.at = ARENA_ARRAY(tx->arena, struct record_change, state->touched_count);
    record->events.at = ARENA_ARRAY(tx->arena, struct record_event, state->emitted_count);
    for (uint32_t i = 0; i < state->touched_count; i++) {
        const struct touched *touched = state->touched[i];
        if (!touched->kind->derived && touched->copy && tx_changed(touched)) record_touched(tx, record, touched);
    }
    for (uint32_t i = 0; i < state->emitted_count; i++)
        record_event(tx, record, &state->emitted[i]);
    if (message->source == FROM_TIMER) /* done: removed before what the command sets anew */
        *LIST_ADD(tx->arena, &record->timers) = (struct record_timer){.id = message->timer_id};
    for (uint32_t i = 0; i < state->timers.count; i++) {
        struct record_timer *row = LIST_ADD(tx->arena, &record->timers);
        *row = state->timers.at[i];
        const struct kind *kind = id_is_none(row->id) ? registry_kind(tx->core->registry, (uint16_t)row->kind) : NULL;
        if (kind) row->id = timer_id_of(kind, row->entity, row->command.data);
    }
    if (message->source == FROM_EFFECT && message->effect_done)
        *LIST_ADD(tx->arena, &record->effects) = (struct record_effect){.id = message->effect_id, .removed = true};
    for (uint32_t i = 0; i < state->effects.count; i++)
        *LIST_ADD(tx->arena, &record->effects) = state->effects.at[i];
    for (uint32_t i = 0; i < state->erased.count; i++)
        *LIST_ADD(tx->arena, &record->erased) = state->erased.at[i];
}

/* ---- installing: shared by commit and replay ---- */
static void install_indexes(struct tx *tx, const struct touched *touched)
{
    struct id tenant = touched->kind == tx->core->registry->tenant_kind ? ID_NONE : tx->tenant;
    for (const struct index *const *index = touched->kind->indexes; index && *index; index++) {
        struct key_writer after, before;
        index_keys(&before, tx->arena, tenant, touched->kind, *index, touched->before ? touched->before->state : NULL);
#if defined MUTANT && MUTANT == 19
        bool gone = touched->discarded || ((*index)->unique && ((const struct entity *)touched->copy)->deleted_at);
        index_keys(&after, tx->arena, tenant, touched->kind, *index, gone ? NULL : touched->copy);
#else
        index_keys(&after, tx->arena, tenant, touched->kind, *index, touched->discarded ? NULL : touched->copy);
#endif
        struct text value = (*index)->unique ? (struct text){(const char *)touched->id.bytes, 16} : LITERAL("");
        for (uint32_t i = 0; i < before.count; i++)
            if (!key_among(&after, before.keys[i])) derived_delete(tx->core, before.keys[i]);
        for (uint32_t i = 0; i < after.count; i++)
            if (!key_among(&before, after.keys[i])) derived_set(tx->core, after.keys[i], value);
    }
}

static void install_touched(struct tx *tx, struct touched *touched, uint64_t lsn)
{
    struct core *core = tx->core;
    struct actor *actor = touched->actor;
    answers_actor_changed(core->answers, actor);
    install_indexes(tx, touched);
    search_note(tx, touched, lsn);
    if (touched->discarded) {
        struct key key;
        entity_key(&key, tx->tenant, touched->kind, touched->id);
        derived_delete(core, key_text_of(&key));
        actor_set_block(&core->directory, actor, NULL);
        return;
    }
    const struct fields *fields = touched->kind->fields;
    if (!core->flat[touched->kind->number] || !actor_change_block(&core->directory, actor, fields, touched->copy, lsn))
        actor_set_block(&core->directory, actor, block_create(fields, touched->copy, lsn));
    if (!actor->dirty) {
        actor->dirty = true;
        if (core->dirty_count == core->dirty_capacity) {
            core->dirty_capacity = core->dirty_capacity ? core->dirty_capacity * 2 : 64;
            core->dirty = memory_resize(core->dirty, core->dirty_capacity * sizeof *core->dirty);
        }
        core->dirty[core->dirty_count++] = actor;
    }
}

static void install_idempotency(struct core *core, const struct record *record)
{
    if (!record->idempotency.data) return;
#if defined MUTANT && MUTANT == 10
    if (core->recovering) return;
#endif
    struct key key, expiry;
    struct buffer value = {0};
    idempotency_value(&value, record);
    key_start(&key, SPACE_IDEMPOTENCY);
    key_add(&key, record->idempotency.data, record->idempotency.length);
    derived_set(core, key_text_of(&key), buffer_as_text(&value));
    key_start(&expiry, SPACE_IDEMPOTENCY_EXPIRY);
    key_add_integer(&expiry, record->idempotency_expires_at);
    key_add(&expiry, record->idempotency.data, record->idempotency.length);
    derived_set(core, key_text_of(&expiry), LITERAL(""));
    buffer_free(&value);
}

/* What a copy took over from this state, its own or another's, is read until all copies are committed. */
static bool outlives(const struct tx *tx, const struct touched *touched)
{
    return touched->before && tx_changed(touched) && !tx->core->flat[touched->kind->number];
}

void tx_install(struct tx *tx, const struct record *record, uint64_t lsn)
{
    struct tx_state *state = tx->state;
    for (uint32_t i = 0; i < state->touched_count; i++)
        if (outlives(tx, state->touched[i])) state->touched[i]->before->references++;
    for (uint32_t i = 0; i < state->touched_count; i++)
        if (tx_changed(state->touched[i])) install_touched(tx, state->touched[i], lsn);
    timers_apply(tx->core, record);
    effects_apply(tx->core, record, record->time);
    install_idempotency(tx->core, record);
    erasures_apply(tx->core, record, state->replay);
    for (uint32_t i = 0; i < state->touched_count; i++)
        if (outlives(tx, state->touched[i])) block_release(state->touched[i]->before);
}

void tx_commit(struct tx *tx, struct record *record)
{
    struct core *core = tx->core;
    record->lsn = core->last_lsn + 1;
    batch_append(core, record, tx->arena);
    core->last_lsn = record->lsn;
    tx_install(tx, record, record->lsn);
    batch_take_keys(core);
    core->count_commits++;
    tx->state->seen_lsn = record->lsn;
}
