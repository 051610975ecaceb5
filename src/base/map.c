/* Hash map. A slot holds the hash and a pointer to the entry, so probing and moving never touch a key that cannot match.
   While the map grows it has two tables: every entry is in exactly one of them, new ones go to the younger, and each
   change moves up to STEP slots, so the older is empty long before the younger is full. Tables are never full: a probe
   ends at an empty slot. */
#include "base/map.h"
#include "base/arena.h"
#include "base/check.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef TINY
enum { CAPACITY_FIRST = 4, STEP = 3 };
#else
enum { CAPACITY_FIRST = 64, STEP = 64 };
#endif

enum {
    MAPPED_FROM_BYTES = 256 * 1024, /* tables this large come from mmap: zeroed page by page when touched */
    RELEASE_BYTES = 256 * 1024,     /* how much of a table that was left is given back per change */
};

struct entry {
    void *value;
    uint32_t length;
    char key[];
};
struct slot {
    uint64_t hash;
    struct entry *entry; /* NULL: empty; MOVED: there was one, a probe goes on */
};
struct table {
    struct slot *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};
struct map {
    struct table now, old;
    size_t moved;   /* slots of `old` below this are done */
    char *released; /* a mapped table that was left, given back from its end */
    size_t released_bytes;
    uint8_t hash_key[crypto_shorthash_KEYBYTES];
};

static struct entry moved_mark;
#define MOVED (&moved_mark)

/* ---- memory of tables ---- */

static bool is_mapped(size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
    (void)bytes;
    return false; /* the leak checker does not look for pointers in mapped memory */
#else
    return bytes >= MAPPED_FROM_BYTES;
#endif
}

static struct table table_create(size_t capacity)
{
    size_t bytes = capacity * sizeof(struct slot);
    if (!is_mapped(bytes)) return (struct table){memory_alloc(bytes), capacity, 0};
    void *slots = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(slots != MAP_FAILED);
    return (struct table){slots, capacity, 0};
}

/* Gives back a part of the table that was left. Unmapping a large table at once would stall the loop. */
static void release_step(struct map *map, size_t bytes)
{
    if (!map->released) return;
    if (bytes > map->released_bytes) bytes = map->released_bytes;
    map->released_bytes -= bytes;
    munmap(map->released + map->released_bytes, bytes);
    if (!map->released_bytes) map->released = NULL;
}

static void table_release(struct map *map, struct table *table)
{
    size_t bytes = table->capacity * sizeof(struct slot);
    if (is_mapped(bytes)) {
        release_step(map, map->released_bytes);
        map->released = (char *)table->slots;
        map->released_bytes = bytes;
    } else {
        free(table->slots);
    }
    *table = (struct table){0};
}

/* ---- one table ---- */

static struct slot *table_find(const struct table *table, uint64_t hash, const void *key, size_t length)
{
    if (!table->count) return NULL;
    size_t mask = table->capacity - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct slot *slot = &table->slots[at];
        if (!slot->entry) return NULL;
        if (slot->hash != hash || slot->entry == MOVED || slot->entry->length != length) continue;
        if (!length || memcmp(slot->entry->key, key, length) == 0) return slot;
    }
}

static void table_insert(struct table *table, uint64_t hash, struct entry *entry)
{
    size_t mask = table->capacity - 1, at = hash & mask;
    while (table->slots[at].entry)
        at = (at + 1) & mask;
    table->slots[at] = (struct slot){hash, entry};
    table->count++;
}

/* Closes the gap by moving later entries of the run back (Knuth, The Art of Computer Programming 3, 6.4, Algorithm R), so
   that the table in use has no marks to probe over. */
static void table_remove(struct table *table, struct slot *slot)
{
    size_t mask = table->capacity - 1, gap = (size_t)(slot - table->slots);
    for (size_t at = (gap + 1) & mask; table->slots[at].entry; at = (at + 1) & mask) {
        size_t home = table->slots[at].hash & mask;
        if (((at - home) & mask) < ((at - gap) & mask)) continue; /* it would land before its home */
        table->slots[gap] = table->slots[at];
        gap = at;
    }
    table->slots[gap] = (struct slot){0};
    table->count--;
}

/* ---- growing ---- */

static void move_step(struct map *map)
{
    release_step(map, RELEASE_BYTES);
    if (!map->old.capacity) return;
    size_t stop = map->moved + STEP < map->old.capacity ? map->moved + STEP : map->old.capacity;
    for (; map->moved < stop && map->old.count; map->moved++) {
        struct slot *slot = &map->old.slots[map->moved];
        if (!slot->entry || slot->entry == MOVED) continue;
        table_insert(&map->now, slot->hash, slot->entry);
        slot->entry = MOVED;
        map->old.count--;
    }
    if (!map->old.count) table_release(map, &map->old);
}

static void grow_if_full(struct map *map)
{
    if (map->now.count + map->old.count + 1 <= map->now.capacity / 4 * 3) return;
    CHECK(!map->old.capacity);
    map->old = map->now;
    map->moved = 0;
    map->now = table_create(map->old.capacity ? map->old.capacity * 2 : CAPACITY_FIRST);
    if (!map->old.count) table_release(map, &map->old);
}

/* ---- the map ---- */

struct map *map_create(void)
{
    CHECK(sodium_init() >= 0);
    struct map *map = memory_alloc(sizeof *map);
    randombytes_buf(map->hash_key, sizeof map->hash_key);
    return map;
}

static void table_destroy(struct map *map, struct table *table)
{
    for (size_t i = 0; i < table->capacity && table->count; i++)
        if (table->slots[i].entry && table->slots[i].entry != MOVED) free(table->slots[i].entry);
    if (table->capacity) table_release(map, table);
}

void map_destroy(struct map *map)
{
    if (!map) return;
    table_destroy(map, &map->old);
    table_destroy(map, &map->now);
    release_step(map, map->released_bytes);
    free(map);
}

size_t map_count(const struct map *map)
{
    return map->now.count + map->old.count;
}

static uint64_t hash_of(const struct map *map, const void *key, size_t length)
{
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, key, length, map->hash_key);
    return hash;
}

static struct slot *find(const struct map *map, uint64_t hash, const void *key, size_t length)
{
    struct slot *slot = table_find(&map->now, hash, key, length);
    return slot ? slot : table_find(&map->old, hash, key, length);
}

void *map_get(const struct map *map, const void *key, size_t length)
{
    if (!map_count(map)) return NULL;
    struct slot *slot = find(map, hash_of(map, key, length), key, length);
    return slot ? slot->entry->value : NULL;
}

void *map_set(struct map *map, const void *key, size_t length, void *value)
{
    CHECK(value && length <= UINT32_MAX);
    move_step(map);
    uint64_t hash = hash_of(map, key, length);
    struct slot *slot = find(map, hash, key, length);
    if (slot) {
        void *replaced = slot->entry->value;
        slot->entry->value = value;
        return replaced;
    }
    struct entry *entry = malloc(sizeof *entry + length);
    CHECK(entry);
    *entry = (struct entry){value, (uint32_t)length};
    if (length) memcpy(entry->key, key, length);
    grow_if_full(map);
    table_insert(&map->now, hash, entry);
    return NULL;
}

void *map_remove(struct map *map, const void *key, size_t length)
{
    move_step(map);
    uint64_t hash = hash_of(map, key, length);
    struct slot *slot = table_find(&map->now, hash, key, length);
    bool young = slot != NULL;
    if (!slot) slot = table_find(&map->old, hash, key, length);
    if (!slot) return NULL;

    void *value = slot->entry->value;
    free(slot->entry);
    if (young) {
        table_remove(&map->now, slot);
    } else {
        slot->entry = MOVED; /* closing the gap could carry an entry below `moved`, where none is looked for */
        map->old.count--;
    }
    return value;
}

static void table_each(const struct table *table, void (*visit)(void *, const void *, size_t, void *), void *context)
{
    for (size_t i = 0; i < table->capacity; i++) {
        const struct entry *entry = table->slots[i].entry;
        if (entry && entry != MOVED) visit(context, entry->key, entry->length, entry->value);
    }
}

void map_each(const struct map *map, void (*visit)(void *context, const void *key, size_t length, void *value),
              void *context)
{
    table_each(&map->now, visit, context);
    table_each(&map->old, visit, context);
}
