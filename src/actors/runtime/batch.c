/* The open batch, what the store still has to make durable, and checkpoints of the delta. */
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

void batch_append(struct core *core, struct record *record, struct arena *arena)
{
    enum { CHANGE_EXPECTED = 300 }; /* bytes, with its events */
    struct buffer head = {.arena = arena}, body = {.arena = arena};
    buffer_reserve(&body, CHANGE_EXPECTED * (record->changes.count + (size_t)1));
    record_encode(record, &head, &body);
    if (core->rebuild) rebuild_note(core, record->lsn, buffer_as_text(&head), buffer_as_text(&body));
    if (core->batch && core->batch->records.length > LIMIT_BATCH_BYTES) batch_send(core);
    if (!core->batch) {
        core->batch = memory_alloc(sizeof *core->batch);
        core->batch->first_lsn = record->lsn;
    }
    struct batch *batch = core->batch;
    CHECK(batch->last_lsn == 0 || batch->last_lsn + 1 == record->lsn);
    batch->last_lsn = record->lsn;
    buffer_reserve(&batch->records, 2 * sizeof(uint32_t) + head.length + body.length);
    buffer_big32(&batch->records, (uint32_t)head.length);
    buffer_big32(&batch->records, (uint32_t)body.length);
    buffer_bytes(&batch->records, head.data, head.length);
    buffer_bytes(&batch->records, body.data, body.length);
}

void batch_take_keys(struct core *core)
{
    core->batch->keyring = core->ports.keyring;
    keyring_take(core->ports.keyring, &core->batch->keys);
}

void batch_send(struct core *core)
{
    struct batch *batch = core->batch;
    if (!batch) return;
    core->batch = NULL;
    struct batch_size *size = memory_alloc(sizeof *size);
    *size = (struct batch_size){.last_lsn = batch->last_lsn, .bytes = batch->records.length};
    *core->sent_last = size;
    core->sent_last = &size->next;
    core->waiting_bytes += size->bytes;
    core->disk_taken += size->bytes;
    core->ports.store->calls->append(core->ports.store, batch);
}

void core_durable(struct core *core, uint64_t lsn)
{
    if (lsn <= core->durable_lsn) return;
    core->durable_lsn = lsn;
    while (core->sent && core->sent->last_lsn <= lsn) {
        struct batch_size *size = core->sent;
        core->waiting_bytes -= size->bytes;
        core->sent = size->next;
        if (!core->sent) core->sent_last = &core->sent;
        free(size);
    }
    for (struct message **at = &core->undurable; *at;) {
        struct message *message = *at;
        if (message->wanted_lsn > lsn) {
            at = &message->next;
            continue;
        }
        *at = message->next;
        message->wanted_lsn = 0;
        message_loaded(core, message);
    }
    struct message *held = core->held;
    core->held = NULL;
    core->held_last = &core->held;
    while (held) { /* in order of arrival; those of later batches are held again */
        struct message *next = held->next;
        message_finish(core, held);
        held = next;
    }
    search_durable(core);
    effects_durable(core);
}

static void snapshot_into(struct core *core, const struct freezing_actor *freezing, struct arena *arena)
{
    struct key key;
    struct id tenant, id;
    memcpy(tenant.bytes, freezing->actor->key, 16);
    memcpy(id.bytes, freezing->actor->key + 18, 16);
    entity_key(&key, tenant, freezing->actor->kind, id);
    ordered_set(core->frozen, key_text_of(&key),
                snapshot_encode(core, arena, tenant, freezing->actor->kind, freezing->block));
}

/* Not before the keys of what it holds are durable. Those of records are: a checkpoint waits for its position. */
static void checkpoint_hand_over(struct core *core)
{
    if (core->to_snapshot || !core->freezing || core->handed_over || !keys_flush(core)) return;
    core->handed_over = true;
    ordered_settle(core->frozen);
    core->ports.store->calls->checkpoint(core->ports.store, core->frozen, core->frozen_lsn);
}

static void snapshots_end(struct core *core)
{
    free(core->to_snapshot);
    core->to_snapshot = NULL;
    core->snapshot_count = core->snapshots_made = 0;
}

void checkpoint_go_on(struct core *core, unsigned most)
{
    if (!core->to_snapshot) {
        checkpoint_hand_over(core);
        return;
    }
    struct arena *arena = arena_create();
    for (unsigned i = 0; i < most && core->snapshots_made < core->snapshot_count; i++) {
        struct freezing_actor *freezing = &core->to_snapshot[core->snapshots_made++];
        snapshot_into(core, freezing, arena);
        arena_reset(arena);
        freezing->actor->pins--;
        block_release(freezing->block);
    }
    arena_destroy(arena);
    if (core->snapshots_made < core->snapshot_count) return;
    snapshots_end(core);
    checkpoint_hand_over(core);
}

void checkpoint_abandon(struct core *core)
{
    for (; core->snapshots_made < core->snapshot_count; core->snapshots_made++) {
        core->to_snapshot[core->snapshots_made].actor->pins--;
        block_release(core->to_snapshot[core->snapshots_made].block);
    }
    snapshots_end(core);
}

/* Notes the state of every dirty actor. There may be tens of thousands, each in some other place of memory: what comes is
   fetched ahead, or the turn would be as many cache misses long. */
static void freeze_actors(struct core *core)
{
    enum { AHEAD = 16, FAR_AHEAD = 2 * AHEAD };
    if (!core->dirty_count) return;
    core->to_snapshot = memory_alloc(core->dirty_count * sizeof *core->to_snapshot);
    for (size_t i = 0; i < core->dirty_count; i++) {
        if (i + FAR_AHEAD < core->dirty_count) __builtin_prefetch(&core->dirty[i + FAR_AHEAD]->block);
        if (i + AHEAD < core->dirty_count) __builtin_prefetch(core->dirty[i + AHEAD]->block);
        struct actor *actor = core->dirty[i];
        actor->dirty = false;
        if (!actor->block) continue; /* a row that was discarded since */
        core->to_snapshot[core->snapshot_count++] = (struct freezing_actor){.actor = actor, .block = actor->block};
        actor->pins++;
        actor->block->references++;
    }
    core->dirty_count = 0;
    if (!core->snapshot_count) snapshots_end(core);
}

/* All that changed since the last checkpoint becomes the frozen delta: the rows that are in the delta already, and newest
   snapshots of dirty actors, which are encoded a few a turn: blocks are immutable, so they stay as of this position. */
void checkpoint_begin(struct core *core)
{
    if (core->freezing) return;
    core->last_checkpoint = core->now;
    if (!core->dirty_count && !ordered_count(core->delta)) return;
    batch_send(core);
    core->frozen = core->delta;
#if defined MUTANT && MUTANT == 30
    core->frozen_lsn = core->last_lsn - 1;
#else
    core->frozen_lsn = core->last_lsn;
#endif
    core->delta = ordered_create();
    core->freezing = true;
    core->handed_over = false;
    freeze_actors(core);
    checkpoint_hand_over(core);
}

/* Freeing some hundred thousand rows takes longer than a turn should: a worker does it. */
struct disposal {
    struct work work;
    struct ordered *frozen;
};

static void disposal_run(struct work *work)
{
    ordered_destroy(((struct disposal *)work)->frozen);
}

static void disposal_done(struct work *work)
{
    free(work);
}

static void dispose(struct core *core, struct ordered *frozen)
{
    struct disposal *disposal = memory_alloc(sizeof *disposal);
    *disposal =
        (struct disposal){.work = {.run = disposal_run, .done = disposal_done, .class = WORK_READ}, .frozen = frozen};
    if (!core->stopping && ordered_count(frozen) > 1000 && core->ports.submit(core->ports.context, &disposal->work))
        return;
    disposal_run(&disposal->work);
    disposal_done(&disposal->work);
}

void core_checkpointed(struct core *core, struct ordered *frozen)
{
    CHECK(core->freezing && core->frozen == frozen);
    core->frozen = NULL;
    core->freezing = false;
    scans_forget(core);
    core->generation++; /* what workers read of the tables before is old */
    core->count_checkpoints++;
    dispose(core, frozen);
}
