/* An entity as it was: its chain of records is walked back from the committed state, each diff applied backwards. A worker
   reads a stretch of the chain at a time; what it read stays with the message, so a run that begins again goes on where
   the last one stopped. */
#include "actors/runtime/history.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

enum {
#ifdef TINY
    STRETCH_RECORDS = 37,
#else
    STRETCH_RECORDS = 256,
#endif
    WALK_RECORDS_MOST = 16 * STRETCH_RECORDS, /* a state that lies farther back is too dear for one request */
};

/* ---- reading on a worker ---- */
struct chain_read {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct arena *arena; /* the worker's own */
    int64_t kind;
    struct id id;
    uint64_t lsn;
    struct table_row rows[STRETCH_RECORDS]; /* head and body of each record */
    uint32_t count;
    bool damaged;
};

static const struct record_change *change_of(const struct record *record, int64_t kind, struct id id)
{
    const struct record_change *change = NULL;
    for (uint32_t i = 0; i < record->changes.count; i++)
        if (record->changes.at[i].kind == kind && id_equal(record->changes.at[i].id, id))
            change = &record->changes.at[i];
    return change;
}

static void chain_read_run(struct work *work)
{
    struct chain_read *read = (struct chain_read *)work;
    struct store *store = read->core->ports.store;
    while (read->lsn && read->count < STRETCH_RECORDS) {
        struct table_row *row = &read->rows[read->count];
        struct record record = {0};
        read->damaged = store->calls->read_log(store, read->lsn, read->arena, &row->key, &row->value) != FOUND ||
                        !record_decode(read->arena, row->key, row->value, &record);
        const struct record_change *change = read->damaged ? NULL : change_of(&record, read->kind, read->id);
        if (!change) return;
        read->lsn = (uint64_t)change->previous_lsn;
        read->count++;
    }
}

static void chain_read_done(struct work *work)
{
    struct chain_read *read = (struct chain_read *)work;
    struct core *core = read->core;
    struct message *message = read->message;
    struct memo *memo = read->memo;
    memo->ready = memo->found = true;
    memo->rows = ARENA_ARRAY(message->arena, struct table_row, read->count + 1);
    memo->row_count = read->count;
    for (uint32_t i = 0; i < read->count; i++) {
        memo->rows[i].key = arena_text(message->arena, read->rows[i].key);
        memo->rows[i].value = arena_text(message->arena, read->rows[i].value);
    }
    if (read->damaged || !read->count) message->failures = LIMIT_RERUNS;
    arena_destroy(read->arena);
    free(read);
    message_loaded(core, message);
}

/* The records from `lsn` back; NULL while they are read. */
static const struct memo *chain_at(struct tx *tx, const struct kind *kind, struct id id, uint64_t lsn)
{
    struct message *message = tx->state->message;
    char name[ID_TEXT_LENGTH + 1];
    id_format(id, name);
    struct text input = text_print(tx, "chain %u %s %llu", kind->number, name, (unsigned long long)lsn);
    for (struct memo *memo = message->memos; memo; memo = memo->next) {
        if (!text_equal(memo->input, input)) continue;
        if (memo->ready && memo->found) return memo;
        tx->state->pending = true;
        return NULL;
    }
    tx->state->pending = true;
    if (lsn > tx->core->durable_lsn) { /* the log does not hold it yet */
        message_wait_durable(tx->core, message, lsn);
        return NULL;
    }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = arena_text(message->arena, input)};
    message->memos = memo;
    struct chain_read *read = memory_alloc(sizeof *read);
    *read = (struct chain_read){.core = tx->core,
                                .message = message,
                                .memo = memo,
                                .arena = arena_create(),
                                .kind = kind->number,
                                .id = id,
                                .lsn = lsn,
                                .work = {.run = chain_read_run, .done = chain_read_done, .class = WORK_READ}};
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &read->work)) return NULL;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1;
    arena_destroy(read->arena);
    free(read);
    return NULL;
}

/* ---- walking back ---- */
static bool undo(struct tx *tx, const struct kind *kind, const struct record *record,
                 const struct record_change *change, void *state)
{
    if (change->made.data) { /* before that there was nothing */
        memset(state, 0, kind->fields->size);
        return true;
    }
    if (change->personal.data) {
        struct text plain;
        struct text associated = personal_associated(tx->arena, kind, change->id, change->version, "diff");
        enum unsealed unsealed = unseal(tx->core->ports.keyring, tx->arena, tx->tenant, personal_subject(kind, state),
                                        associated, change->personal, &plain);
        bool undone = unsealed == UNSEALED ? schema_apply(tx->arena, kind->fields, plain, state, BACKWARDS)
                                           : unsealed == UNSEALED_ERASED;
        if (!undone) return false;
    }
    return !change->open.data ||
           schema_apply_shared(tx->arena, record->shared, kind->fields, change->open, state, BACKWARDS);
}

bool walk_peek(struct tx *tx, struct walk *walk)
{
    if (walk->peeked) return true;
    if (!walk->lsn) return false;
    if (walk->steps == WALK_RECORDS_MOST) {
        walk->too_far = true;
        return false;
    }
    if (!walk->chain || walk->row == walk->chain->row_count) {
        walk->chain = chain_at(tx, walk->kind, walk->id, walk->lsn);
        walk->row = 0;
    }
    if (!walk->chain || walk->row == walk->chain->row_count) return false;
    const struct table_row *row = &walk->chain->rows[walk->row++];
    walk->steps++;
    walk->record = (struct record){.lsn = walk->lsn};
    if (!record_decode(tx->arena, row->key, row->value, &walk->record)) return false;
    walk->change = change_of(&walk->record, walk->kind->number, walk->id);
    return walk->peeked = walk->change != NULL;
}

bool walk_step(struct tx *tx, struct walk *walk)
{
    if (!walk_peek(tx, walk) || !undo(tx, walk->kind, &walk->record, walk->change, walk->state)) return false;
    walk->lsn = (uint64_t)walk->change->previous_lsn;
    walk->peeked = false;
    return true;
}

static struct walk walk_from(struct tx *tx, const struct touched *touched, const void *now)
{
    return (struct walk){.kind = touched->kind,
                         .id = touched->id,
                         .state = schema_clone(touched->kind->fields, now, tx->arena),
                         .lsn = touched->before->lsn};
}

bool walk_begin(struct tx *tx, struct walk *walk, const struct kind *kind, struct id id)
{
    struct touched *touched = tx_touch(tx, kind, id);
    if (!touched || !touched->before) return false;
    *walk = walk_from(tx, touched, touched->before->state);
    return true;
}

/* NULL when pending or when there was no such version (a command may raise the version by several). */
const void *entity_at(struct tx *tx, const struct kind *kind, struct id id, int64_t version)
{
    struct touched *touched = tx_touch(tx, kind, id);
    const void *now = touched ? touched_state(touched) : NULL;
    if (!now || entity_of(now)->version <= version || !touched->before) return now;
    struct walk walk = walk_from(tx, touched, now);
    while (entity_of(walk.state)->version > version && walk_step(tx, &walk))
        continue;
    return !pending(tx) && entity_of(walk.state)->version == version ? walk.state : NULL;
}

const void *entity_since(struct tx *tx, const struct kind *kind, struct id id,
                         bool (*holds)(struct tx *tx, const void *entity))
{
    struct touched *touched = tx_touch(tx, kind, id);
    const void *now = touched ? touched_state(touched) : NULL;
    if (!now || !touched->before || !holds(tx, now)) return NULL;
    struct walk walk = walk_from(tx, touched, now);
    const void *first = now;
    while (walk_step(tx, &walk) && walk.lsn && holds(tx, walk.state))
        first = schema_clone(kind->fields, walk.state, tx->arena);
    return pending(tx) ? NULL : first;
}

/* Was the state of the walk made after that moment? */
static bool made_after(struct tx *tx, struct walk *walk, const struct moment *moment)
{
    if (!moment->time) return walk->lsn > (uint64_t)moment->position;
    return walk_peek(tx, walk) && walk->record.time > moment->time;
}

const void *entity_at_moment(struct tx *tx, const struct kind *kind, struct id id, const struct moment *moment,
                             bool *too_far)
{
    struct walk walk;
    *too_far = false;
    if (!walk_begin(tx, &walk, kind, id)) return NULL;
    while (walk.lsn && made_after(tx, &walk, moment))
        if (!walk_step(tx, &walk)) break;
    *too_far = walk.too_far;
    return pending(tx) || walk.too_far || !walk.lsn || (!moment->time && walk.lsn > (uint64_t)moment->position)
               ? NULL
               : walk.state;
}
