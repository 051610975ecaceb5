/* The directory of actors in memory. An actor's entry lives as long as somebody may need it; its block is what is
   committed. Clean actors that nobody pins are forgotten, least recently used first, when memory runs short. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

struct block *block_create(const struct fields *fields, const void *state, uint64_t lsn)
{
    size_t size;
    struct block *block = schema_compact(fields, state, sizeof *block, &size);
    *block = (struct block){.references = 1, .size = (uint32_t)(sizeof *block + size), .lsn = lsn};
    return block;
}

void block_release(struct block *block)
{
    if (!block) return;
    CHECK(block->references > 0);
    if (--block->references) return;
    free(block->rendering);
    free(block);
}

void actor_key(uint8_t key[ACTOR_KEY_SIZE], struct id tenant, const struct kind *kind, struct id id)
{
    memcpy(key, tenant.bytes, 16);
    key[16] = (uint8_t)(kind->number >> 8);
    key[17] = (uint8_t)kind->number;
    memcpy(key + 18, id.bytes, 16);
}

void directory_open(struct directory *directory)
{
    *directory =
        (struct directory){.actors = map_create(), .recent = memory_alloc(DIRECTORY_RECENT * sizeof(struct actor *))};
    directory->oldest.older = directory->oldest.newer = &directory->oldest;
}

static void unlink_actor(struct actor *actor)
{
    actor->older->newer = actor->newer;
    actor->newer->older = actor->older;
}

static void link_newest(struct directory *directory, struct actor *actor)
{
    actor->older = directory->oldest.older;
    actor->newer = &directory->oldest;
    actor->older->newer = actor;
    directory->oldest.older = actor;
}

static size_t actor_bytes(const struct actor *actor)
{
    return sizeof *actor + 64 + (actor->block ? actor->block->size : 0);
}

static void enter(struct directory *directory, const struct actor *actor)
{
    directory->bytes += actor_bytes(actor);
    directory->of_kind[actor->kind->number].bytes += actor_bytes(actor);
}

static void leave(struct directory *directory, const struct actor *actor)
{
    directory->bytes -= actor_bytes(actor);
    directory->of_kind[actor->kind->number].bytes -= actor_bytes(actor);
}

static struct actor **recent_place(const struct directory *directory, const uint8_t key[ACTOR_KEY_SIZE])
{
    uint32_t end; /* the random end of a UUIDv7, the hash of a derived id; the low byte of the kind's number */
    memcpy(&end, key + ACTOR_KEY_SIZE - sizeof end, sizeof end);
    return &directory->recent[(end * UINT32_C(2654435761) >> 8 ^ key[17]) % DIRECTORY_RECENT];
}

static void actor_free(struct directory *directory, struct actor *actor)
{
    struct actor **recent = recent_place(directory, actor->key);
    if (*recent == actor) *recent = NULL;
    leave(directory, actor);
    directory->of_kind[actor->kind->number].actors--;
    unlink_actor(actor);
    map_remove(directory->actors, actor->key, sizeof actor->key);
    block_release(actor->block);
    free(actor);
}

void directory_close(struct directory *directory)
{
    for (struct actor *actor = directory->oldest.newer, *next; actor != &directory->oldest; actor = next) {
        next = actor->newer;
        block_release(actor->block);
        free(actor);
    }
    map_destroy(directory->actors);
    free(directory->recent);
}

struct actor *directory_actor(struct directory *directory, struct id tenant, const struct kind *kind, struct id id)
{
    uint8_t key[ACTOR_KEY_SIZE];
    actor_key(key, tenant, kind, id);
    struct actor **recent = recent_place(directory, key);
    if (*recent && memcmp((*recent)->key, key, sizeof key) == 0) return *recent;
    struct actor *actor = map_get(directory->actors, key, sizeof key);
    if (actor) return *recent = actor;

    actor = memory_alloc(sizeof *actor);
    memcpy(actor->key, key, sizeof key);
    actor->kind = kind;
    link_newest(directory, actor);
    map_set(directory->actors, key, sizeof key, actor);
    enter(directory, actor);
    directory->of_kind[kind->number].actors++;
    return *recent = actor;
}

struct actor *directory_known(const struct directory *directory, const uint8_t key[ACTOR_KEY_SIZE])
{
    return map_get(directory->actors, key, ACTOR_KEY_SIZE);
}

void directory_use(struct directory *directory, struct actor *actor)
{
    if (directory->oldest.older == actor) return;
    unlink_actor(actor);
    link_newest(directory, actor);
}

void actor_set_block(struct directory *directory, struct actor *actor, struct block *block)
{
    leave(directory, actor);
    block_release(actor->block);
    actor->block = block;
    actor->known = true;
    enter(directory, actor);
}

bool actor_change_block(struct directory *directory, struct actor *actor, const struct fields *fields,
                        const void *state, uint64_t lsn)
{
    struct block *block = actor->block;
    if (!block || block->references > 1) return false;
    leave(directory, actor);
    free(block->rendering);
    block->rendering = NULL;
    block->size = (uint32_t)(sizeof *block + fields->size);
    block->lsn = lsn;
    memcpy(block->state, state, fields->size);
    enter(directory, actor);
    return true;
}

void directory_grow(struct directory *directory, const struct kind *kind, size_t bytes)
{
    directory->bytes += bytes;
    directory->of_kind[kind->number].bytes += bytes;
}

void directory_passivate(struct directory *directory, size_t limit)
{
    struct actor *actor = directory->oldest.newer;
    for (unsigned steps = 0; directory->bytes > limit && actor != &directory->oldest && steps < 4096; steps++) {
        struct actor *next = actor->newer;
#if defined MUTANT && MUTANT == 28
        if (!actor->pins && !actor->loading && !actor->waiting) {
#else
        if (!actor->dirty && !actor->pins && !actor->loading && !actor->waiting) {
#endif
            actor_free(directory, actor);
            directory->passivated++;
        }
        actor = next;
    }
}
