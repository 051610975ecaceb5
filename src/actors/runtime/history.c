/* An entity as it was: its chain of records is walked back from the committed state, each diff applied backwards. Records
   are read on a worker and remembered with the message, so the walk goes on where it stopped. */
#include "actors/runtime/internal.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

struct log_read {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct arena *arena;
    uint64_t lsn;
    enum found found;
    struct text head, body;
};

static void log_read_run(struct work *work)
{
    struct log_read *read = (struct log_read *)work;
    struct store *store = read->core->ports.store;
    read->found = store->calls->read_log(store, read->lsn, read->arena, &read->head, &read->body);
}

static void log_read_done(struct work *work)
{
    struct log_read *read = (struct log_read *)work;
    struct core *core = read->core;
    struct message *message = read->message;
    struct memo *memo = read->memo;
    memo->ready = true;
    memo->found = read->found == FOUND;
    if (memo->found) {
        memo->rows = ARENA_NEW(message->arena, struct table_row);
        memo->rows->key = arena_text(message->arena, read->head);
        memo->rows->value = arena_text(message->arena, read->body);
    } else {
        message->failures = LIMIT_RERUNS;
    }
    arena_destroy(read->arena);
    free(read);
    message_loaded(core, message);
}

static bool record_at(struct tx *tx, uint64_t lsn, struct record *record)
{
    struct message *message = tx->state->message;
    struct text input = text_print(tx, "log %llu", (unsigned long long)lsn);
    for (struct memo *memo = message->memos; memo; memo = memo->next) {
        if (!text_equal(memo->input, input)) continue;
        if (!memo->ready || !memo->found) {
            tx->state->pending = true;
            return false;
        }
        return record_decode(tx->arena, memo->rows->key, memo->rows->value, record);
    }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = input};
    message->memos = memo;
    struct log_read *read = memory_alloc(sizeof *read);
    *read = (struct log_read){.core = tx->core, .message = message, .memo = memo, .arena = arena_create(), .lsn = lsn,
                              .work = {.run = log_read_run, .done = log_read_done, .class = WORK_READ}};
    tx->state->pending = true;
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &read->work)) return false;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1;
    arena_destroy(read->arena);
    free(read);
    return false;
}

static bool undo(struct tx *tx, const struct kind *kind, const struct record_change *change, void *state)
{
    if (change->personal.data) {
        struct text plain;
        struct text associated = personal_associated(tx->arena, kind, change->id, change->version, "diff");
        if (unseal(tx->core->ports.keyring, tx->arena, tx->tenant, personal_subject(kind, state), associated, change->personal, &plain) &&
            !schema_apply(tx->arena, kind->fields, plain, state, BACKWARDS))
            return false;
    }
    return !change->open.data || schema_apply(tx->arena, kind->fields, change->open, state, BACKWARDS);
}

/* NULL when pending or when there was no such version (a command may raise the version by several). */
const void *entity_at(struct tx *tx, const struct kind *kind, struct id id, int64_t version)
{
    struct touched *touched = tx_touch(tx, kind, id);
    const void *now = touched ? touched_state(touched) : NULL;
    if (!now || entity_of(now)->version <= version || !touched->before) return now;
    void *state = schema_clone(kind->fields, now, tx->arena);
    uint64_t lsn = touched->before->lsn;
    while (entity_of(state)->version > version && lsn) {
        struct record record = {0};
        if (!record_at(tx, lsn, &record)) return NULL;
        const struct record_change *change = NULL;
        for (uint32_t i = 0; i < record.changes.count; i++)
            if (record.changes.at[i].kind == kind->number && id_equal(record.changes.at[i].id, id)) change = &record.changes.at[i];
        if (!change || !undo(tx, kind, change, state)) return NULL;
        lsn = (uint64_t)change->previous_lsn;
    }
    return entity_of(state)->version == version ? state : NULL;
}
