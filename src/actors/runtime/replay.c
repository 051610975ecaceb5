/* Replay: the log after the tables' applied_lsn makes the committed state again, with the same functions that made it
   first. Handlers do not run; views do. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

#include <stdio.h>
#include <string.h>

static const struct event *event_of(const struct kind *kind, int64_t number)
{
    for (const struct event *const *event = kind->events; event && *event; event++)
        if ((*event)->number == number) return *event;
    return NULL;
}

static const char *apply_personal(struct tx *tx, const struct kind *kind, const struct record_change *change,
                                  void *copy)
{
    struct text plain;
    struct text associated =
        personal_associated(tx->arena, kind, change->id, change->version, change->made.data ? "made" : "diff");
    if (!change->personal.data) return NULL;
    switch (unseal(tx->core->ports.keyring, tx->arena, tx->tenant, personal_subject(kind, copy), associated,
                   change->personal, &plain)) {
    case UNSEALED: break;
    case UNSEALED_ERASED: return NULL; /* nobody knows what it was: the rest goes on */
    case UNSEALED_LOST:
        return "is of a person whose key is not among the slots: they are older than the log, or damaged";
    default: return "has a personal diff that was not sealed for it";
    }
    bool applied = change->made.data ? schema_restore(tx->arena, kind->fields, plain, copy)
                                     : schema_apply(tx->arena, kind->fields, plain, copy, FORWARDS);
    return applied ? NULL : "has a damaged personal diff";
}

static const char *replay_change(struct tx *tx, const struct record *record, const struct record_change *change)
{
    const struct kind *kind = registry_kind(tx->core->registry, (uint16_t)change->kind);
    if (!kind) return "names a kind that this version does not know";
    struct touched *touched = tx_touch(tx, kind, change->id);
    if (!touched) return "changes an entity whose snapshot is damaged";
    uint64_t before_lsn = touched->before ? touched->before->lsn : 0;
    if (before_lsn != (uint64_t)change->previous_lsn)
        return "does not follow the record that changed the entity before";
    touched->created = !touched->before;
    touched->copy = touched->before ? schema_clone(kind->fields, touched->before->state, tx->arena)
                                    : arena_alloc(tx->arena, kind->fields->size);
    if (change->made.data && !record_made(tx->arena, record, change, kind, touched->copy))
        return "has a damaged snapshot of what it created";
    if (change->open.data &&
        !schema_apply_shared(tx->arena, record->shared, kind->fields, change->open, touched->copy, FORWARDS))
        return "has a damaged diff";
    const char *problem = apply_personal(tx, kind, change, touched->copy);
    if (problem) return problem;
    if (entity_of(touched->copy)->version != change->version) return "does not give the version it names";
    return NULL;
}

static const char *replay_event(struct tx *tx, const struct record *record, const struct record_event *row)
{
    if (row->change < 0 || row->change >= record->changes.count) return "has an event of nothing";
    const struct record_change *change = &record->changes.at[row->change];
    const struct kind *kind = registry_kind(tx->core->registry, (uint16_t)change->kind);
    const struct event *event = event_of(kind, row->number);
    if (!event) return "names an event that this version does not know";
    struct tx_state *state = tx->state;
    void *data;
    if (!record_event_data(tx->arena, record, event, row, &data)) return "has damaged event data";
    state->emitted[state->emitted_count++] = (struct emitted){.touched = tx_find(tx, kind, change->id),
                                                              .event = event,
                                                              .version = row->version,
                                                              .from = row->from,
                                                              .to = row->to,
                                                              .data = data};
    return NULL;
}

static const char *replay_record(struct core *core, const struct record *record, struct message *message)
{
    struct tx tx;
    struct tx_state state;
    message->tenant = record->tenant;
    message->now = core->now = record->time;
    message->kind = registry_kind(core->registry, (uint16_t)record->kind);
    if (!message->kind) return "names a kind that this version does not know";
    tx_open(&tx, &state, core, message);
    static const struct command replayed = {.name = "replay"};
    tx.command = &replayed;
    state.replay = true;
    if (!id_is_none(record->tenant)) {
        struct actor *tenant = actor_load(core, message, true, ID_NONE, core->registry->tenant_kind, record->tenant);
        if (!tenant || !tenant->block) return "is of an unknown tenant";
        tx.settings = (const struct tenant *)tenant->block->state;
    }
    const char *problem = NULL;
    for (uint32_t i = 0; i < record->changes.count && !problem; i++)
        problem = replay_change(&tx, record, &record->changes.at[i]);
    state.emitted = ARENA_ARRAY(tx.arena, struct emitted, record->events.count + 1);
    state.emitted_capacity = record->events.count + 1;
    for (uint32_t i = 0; i < record->events.count && !problem; i++)
        problem = replay_event(&tx, record, &record->events.at[i]);
#if defined MUTANT && MUTANT == 5
    if (state.emitted_count > 1) state.emitted_count--;
#endif
    if (problem) return problem;
    followers_run(&tx, true);
    if (state.pending) return "needs a view row that is damaged";
    tx_install(&tx, record, record->lsn);
    return NULL;
}

const char *replay_next(struct core *core, const struct table_row *given)
{
    uint64_t lsn = core->last_lsn + 1;
    struct message *message = message_internal(core, FROM_REQUEST, ID_NONE, NULL, NULL, ID_NONE);
    struct record record = {0};
    const struct table_row *row = given ? given : stretch_row(&core->replayed, core->ports.store, lsn, UINT64_MAX);
    const char *problem = row ? NULL : "is missing or damaged";
    if (row && !record_decode(message->arena, row->key, row->value, &record)) problem = "cannot be decoded";
    record.lsn = lsn;
    if (!problem) problem = replay_record(core, &record, message);
    if (!problem && !core->recovering && !indexes_forget_erased(core)) problem = "erases rows that cannot be read";
    message_free(core, message);
    return problem;
}

/* Time goes on from the last record, also when there is nothing to replay. */
static int64_t time_of_record(struct store *store, uint64_t lsn)
{
    struct arena *arena = arena_create();
    struct text head, body;
    struct record record = {0};
    if (store->calls->read_log(store, lsn, arena, &head, &body) != FOUND || !record_decode(arena, head, body, &record))
        record.time = 0;
    int64_t time = record.time;
    arena_destroy(arena);
    return time;
}

bool replay_log(struct core *core, char problem[256])
{
    struct store *store = core->ports.store;
    uint64_t first = store->calls->applied_lsn(store) + 1, last = store->calls->last_lsn(store);
    core->last_lsn = core->durable_lsn = first - 1;
    core->recovering = true;
    for (uint64_t lsn = first; lsn <= last; lsn++) {
#if defined MUTANT && MUTANT == 12
        const char *fault = lsn < last ? replay_next(core, NULL) : NULL;
#else
        const char *fault = replay_next(core, NULL);
#endif
        if (fault) {
            snprintf(problem, 256, "log record %llu %s", (unsigned long long)lsn, fault);
            return false;
        }
        core->last_lsn = core->durable_lsn = lsn;
        if (ordered_bytes(core->delta) > LIMIT_CHECKPOINT_BYTES && !core->freezing) {
            checkpoint_begin(core);
            checkpoint_go_on(core, UINT32_MAX);
        }
    }
    stretch_free(&core->replayed);
    bool good = indexes_forget_erased(core);
    if (!good || !keys_flush(core)) {
        snprintf(problem, 256, good ? "the keys of persons cannot be written" : "the tables of indexes are damaged");
        return false;
    }
    core->recovering = false;
    if (last && last < first) core->now = time_of_record(store, last);
    if (last >= first)
        log_line("core", LOG_INFO, "replayed the log", "from=%llu to=%llu", (unsigned long long)first,
                 (unsigned long long)last);
    return true;
}
