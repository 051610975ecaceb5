/* Loading actors from their snapshots, and the snapshots themselves. A snapshot is [lsn, open part, sealed personal part]. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "schema/codec.h"
#include "schema/pack.h"

#include <stdlib.h>
#include <string.h>

struct text snapshot_encode(struct core *core, struct arena *arena, struct id tenant, const struct kind *kind,
                            const struct block *block)
{
    struct buffer open = {.arena = arena}, personal = {.arena = arena}, out = {.arena = arena};
    const void *state = block->state;
    const struct entity *entity = entity_of(state);
    schema_snapshot(&open, kind->fields, state, PART_OPEN);
    struct text sealed = {0};
    if (schema_has_personal(kind->fields)) {
        schema_snapshot(&personal, kind->fields, state, PART_PERSONAL);
        if (personal.length > 1) /* more than an empty map */
            sealed = seal(core->ports.keyring, arena, tenant, personal_subject(kind, state),
                          personal_associated(arena, kind, entity->id, entity->version, "snapshot"),
                          buffer_as_text(&personal));
    }
    pack_array(&out, 3);
    pack_integer(&out, (int64_t)block->lsn);
    pack_bytes(&out, buffer_as_text(&open));
    pack_bytes(&out, sealed);
    return buffer_as_text(&out);
}

bool snapshot_parts(struct text bytes, struct snapshot_parts *parts)
{
    struct unpacker in = unpacker_of(bytes);
    uint32_t count;
    *parts = (struct snapshot_parts){0};
    if (!unpack_array(&in, &count) || count != 3 || !unpack_integer(&in, &parts->lsn)) return false;
    return unpack_bytes(&in, &parts->open) && (unpack_nil(&in) || unpack_bytes(&in, &parts->sealed));
}

/* NULL when the bytes are damaged, or sealed for another place. An erased person has no personal part. */
struct block *snapshot_decode(struct core *core, struct id tenant, const struct kind *kind, struct id id,
                              struct text bytes)
{
    struct snapshot_parts parts;
    struct text personal;
    if (!snapshot_parts(bytes, &parts)) return NULL;
    struct arena *arena = arena_create();
    struct block *block = NULL;
    void *state = arena_alloc(arena, kind->fields->size);
    bool good = schema_restore(arena, kind->fields, parts.open, state) && id_equal(entity_of(state)->id, id);
    if (good && parts.sealed.data)
        switch (unseal(core->ports.keyring, arena, tenant, personal_subject(kind, state),
                       personal_associated(arena, kind, id, entity_of(state)->version, "snapshot"), parts.sealed,
                       &personal)) {
        case UNSEALED: good = schema_restore(arena, kind->fields, personal, state); break;
        case UNSEALED_ERASED: break;
        default: good = false; break;
        }
    if (good) block = block_create(kind->fields, state, (uint64_t)parts.lsn);
    arena_destroy(arena);
    return block;
}

struct actor_read {
    struct work work;
    struct core *core;
    struct actor *actor;
    struct id tenant, id;
    struct arena *arena;
    struct text key, value;
    enum found found;
};

static void actor_read_run(struct work *work)
{
    struct actor_read *read = (struct actor_read *)work;
    struct store *store = read->core->ports.store;
    read->found = store->calls->get(store, read->key, TIER_DISK, read->arena, &read->value);
}

static void actor_loaded(struct core *core, struct actor *actor, bool good)
{
    actor->loading = false;
    struct waiter *waiter = actor->waiting;
    actor->waiting = NULL;
    while (waiter) {
#if defined MUTANT && MUTANT == 26
        struct waiter *next = NULL;
#else
        struct waiter *next = waiter->next; /* lives in the message's arena, which may go with the message */
#endif
        if (!good) waiter->message->failures = LIMIT_RERUNS;
        message_loaded(core, waiter->message);
        waiter = next;
    }
}

static void actor_read_done(struct work *work)
{
    struct actor_read *read = (struct actor_read *)work;
    struct core *core = read->core;
    struct actor *actor = read->actor;
    bool good = true;
    if (read->found == FOUND) {
        struct block *block = snapshot_decode(core, read->tenant, actor->kind, read->id, read->value);
        good = block != NULL;
        if (good) actor_set_block(&core->directory, actor, block);
    } else if (read->found == ABSENT) {
        actor_set_block(&core->directory, actor, NULL);
    } else {
        good = false;
    }
    actor_loaded(core, actor, good);
    arena_destroy(read->arena);
    free(read);
}

static void pin(struct message *message, struct actor *actor)
{
    for (uint32_t i = 0; i < message->pinned.count; i++)
        if (message->pinned.at[i] == actor) return;
    actor->pins++;
    *LIST_ADD(message->arena, &message->pinned) = actor;
}

static void wait_for(struct message *message, struct actor *actor)
{
    for (struct waiter *waiter = actor->waiting; waiter; waiter = waiter->next)
        if (waiter->message == message) return;
    struct waiter *waiter = ARENA_NEW(message->arena, struct waiter);
    *waiter = (struct waiter){message, actor->waiting};
    actor->waiting = waiter;
    message->loads++;
}

static bool read_on_worker(struct core *core, struct message *message, struct actor *actor, struct id tenant,
                           struct id id, struct text key)
{
    struct actor_read *read = memory_alloc(sizeof *read);
    read->core = core;
    read->actor = actor;
    read->tenant = tenant;
    read->id = id;
    read->arena = arena_create();
    read->key = arena_text(read->arena, key);
    read->work = (struct work){.run = actor_read_run, .done = actor_read_done, .class = WORK_READ};
    actor->loading = true;
    pin(message, actor);
    wait_for(message, actor);
    if (core->ports.submit(core->ports.context, &read->work)) return true;
    message->failures = LIMIT_RERUNS + 1; /* the pool is full: 503 */
    actor->loading = false;
    actor->waiting = NULL;
    message->loads--;
    arena_destroy(read->arena);
    free(read);
    return false;
}

struct actor *actor_known_new(struct core *core, struct id tenant, const struct kind *kind, struct id id)
{
    struct actor *actor = directory_actor(&core->directory, tenant, kind, id);
    if (actor->known || actor->loading) return actor;
    actor->known = true;
#ifdef TINY
    struct arena *arena = arena_create();
    struct key key;
    struct text value;
    entity_key(&key, tenant, kind, id);
    CHECK(derived_get(core, NULL, true, key_text_of(&key), arena, &value) != FOUND);
    arena_destroy(arena);
#endif
    return actor;
}

struct actor *actor_load(struct core *core, struct message *message, bool wait, struct id tenant,
                         const struct kind *kind, struct id id)
{
    struct actor *actor = directory_actor(&core->directory, tenant, kind, id);
    if (actor->known) {
        if (actor->erasures != core->erasures) actor_forget_erased(core, actor);
        directory_use(&core->directory, actor);
        return actor;
    }
    if (actor->loading) {
        pin(message, actor);
        wait_for(message, actor);
        return NULL;
    }
    struct key key;
    entity_key(&key, tenant, kind, id);
    struct text key_bytes = key_text_of(&key), value = {0};
    struct arena *arena = arena_create();
    enum found found = ABSENT;
    const struct ordered_entry *entry = ordered_get(core->delta, key_bytes); /* a discarded row, or one just frozen */
#if !defined MUTANT || MUTANT != 11
    if (!entry && core->frozen) entry = ordered_get(core->frozen, key_bytes);
#endif
    if (entry) {
        found = entry->tombstone ? ABSENT : FOUND;
        value = entry->value;
    } else {
        struct store *store = core->ports.store;
        found = store->calls->get(store, key_bytes, wait ? TIER_DISK : TIER_MEMORY, arena, &value);
    }
    struct actor *result = NULL;
    if (found == MISS) {
        read_on_worker(core, message, actor, tenant, id, key_bytes);
    } else if (found == ABSENT) {
        actor_set_block(&core->directory, actor, NULL);
        result = actor;
    } else {
        struct block *block = found == FOUND ? snapshot_decode(core, tenant, kind, id, value) : NULL;
        if (block) {
            actor_set_block(&core->directory, actor, block);
            result = actor;
        } else {
            CHECK(message); /* at start, damage stops the process */
            message->failures = LIMIT_RERUNS;
        }
    }
    arena_destroy(arena);
    return result;
}
