/* The open batch, what the store still has to make durable, and checkpoints of the delta. */
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <stdlib.h>

void batch_append(struct core *core, const struct record *record, struct arena *arena)
{
    struct buffer head = {.arena = arena}, body = {.arena = arena};
    record_encode(record, &head, &body);
    if (core->batch && core->batch->records.length > LIMIT_BATCH_BYTES) batch_send(core);
    if (!core->batch) {
        core->batch = memory_alloc(sizeof *core->batch);
        core->batch->first_lsn = record->lsn;
    }
    struct batch *batch = core->batch;
    CHECK(batch->last_lsn == 0 || batch->last_lsn + 1 == record->lsn);
    batch->last_lsn = record->lsn;
    buffer_big32(&batch->records, (uint32_t)head.length);
    buffer_big32(&batch->records, (uint32_t)body.length);
    buffer_bytes(&batch->records, head.data, head.length);
    buffer_bytes(&batch->records, body.data, body.length);
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
    while (held) {                      /* in order of arrival; those of later batches are held again */
        struct message *next = held->next;
        message_finish(core, held);
        held = next;
    }
    effects_durable(core);
}

/* All that changed since the last checkpoint becomes the frozen delta: newest snapshots of dirty actors with the index
   entries, timers and other rows that are in the delta already. */
void checkpoint_begin(struct core *core)
{
    if (core->freezing) return;
    core->last_checkpoint = core->now;
    if (!core->dirty && !ordered_count(core->delta)) return;
    batch_send(core);
    struct arena *arena = arena_create();
    while (core->dirty) {
        struct actor *actor = core->dirty;
        core->dirty = actor->next_dirty;
        actor->dirty = false;
        if (!actor->block) continue;
        struct key key;
        struct id tenant, id;
        for (int i = 0; i < 16; i++) {
            tenant.bytes[i] = actor->key[i];
            id.bytes[i] = actor->key[18 + i];
        }
        entity_key(&key, tenant, actor->kind, id);
        ordered_set(core->delta, key_text_of(&key), snapshot_encode(core, arena, tenant, actor->kind, actor->block));
        arena_reset(arena);
    }
    arena_destroy(arena);
    core->dirty_count = 0;
    core->frozen = core->delta;
    core->frozen_lsn = core->last_lsn;
    core->delta = ordered_create();
    core->freezing = true;
    core->ports.store->calls->checkpoint(core->ports.store, core->frozen, core->frozen_lsn);
}

void core_checkpointed(struct core *core, struct ordered *frozen)
{
    CHECK(core->freezing && core->frozen == frozen);
    core->frozen = NULL;
    core->freezing = false;
    core->generation++;                 /* what workers read of the tables before is old */
    core->count_checkpoints++;
    ordered_destroy(frozen);
}
