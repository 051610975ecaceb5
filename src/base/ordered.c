/* Ordered map: a hash table for look-ups of one key, and a skip list (Pugh, "Skip Lists: A Probabilistic Alternative to
   Balanced Trees", 1990) for all that asks for an order. Level 0 links every node in key order, and the list of a level is
   a part of the one below. A node's height is a function of its key alone.

   To find the place of a key in a large list costs a cache miss a step, and most keys are never looked at in order before
   the whole map is. So new nodes wait unlinked until some hundred are together or somebody asks for an order. Then they
   are sorted, and each is linked from where the one before it went: keys that begin alike go to neighbouring places.

   An entry stays where it is until its key is removed; its value until it is set again. Memory comes in chunks, and what
   is given back is kept for what is as large. */
#include "base/ordered.h"
#include "base/arena.h"
#include "base/check.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEVELS = 14, /* a quarter of the nodes of a level is in the next: good for 4^14 entries */
    GRAIN = 16,
    GRAINS_MOST = 256, /* larger blocks are allocated each alone */
#ifdef TINY
    WAITING_MOST = 3,
    SLOTS_FIRST = 2,
    CHUNK_BYTES = 5000,
#else
    WAITING_MOST = 512,
    SLOTS_FIRST = 16,
    CHUNK_BYTES = 128 * 1024,
#endif
};

struct node {
    struct ordered_entry entry; /* first, so that an entry is its node */
    uint64_t hash;
    uint32_t height;
    uint32_t waits;      /* 1 + its place among those that wait; 0: it is linked */
    struct node *next[]; /* `height` links, then the bytes of the key */
};
struct spare { /* a block that was given back */
    struct spare *next;
};
struct chunk {
    struct chunk *next;
    char room[] __attribute__((aligned(GRAIN)));
};
struct slot {
    uint64_t hash;
    struct node *node; /* NULL: free */
};
struct ordered {
    size_t count, bytes;
    struct slot *slots; /* open addressing with linear probing, at most half full */
    size_t slot_count;  /* a power of two */
    uint32_t height;    /* of the highest node */
    uint32_t waiting_count;
    struct node *first[LEVELS]; /* the links of the head */
    struct node *waiting[WAITING_MOST];
    struct chunk *chunks;
    char *free, *end; /* what is left of the newest chunk */
    struct spare *spares[GRAINS_MOST + 1];
};

_Static_assert(offsetof(struct node, entry) == 0, "an entry is its node");

struct ordered *ordered_create(void)
{
    struct ordered *map = memory_alloc(sizeof *map);
    map->bytes = sizeof *map;
    map->slot_count = SLOTS_FIRST;
    map->slots = memory_alloc(SLOTS_FIRST * sizeof *map->slots);
    return map;
}

/* ---- memory ---- */

/* Under AddressSanitizer each block is one of malloc's, so that it sees what is used after it was given back. */
#ifdef __SANITIZE_ADDRESS__
enum { POOLED_MOST = 0 };
#else
enum { POOLED_MOST = GRAINS_MOST * GRAIN };
#endif

static size_t grains_of(size_t size)
{
    return (size + GRAIN - 1) / GRAIN;
}

static __attribute__((noinline)) void chunk_add(struct ordered *map)
{
    struct chunk *chunk = malloc(sizeof *chunk + CHUNK_BYTES);
    CHECK(chunk);
    chunk->next = map->chunks;
    map->chunks = chunk;
    map->free = chunk->room;
    map->end = chunk->room + CHUNK_BYTES;
}

static void *block_take(struct ordered *map, size_t size)
{
    if (size > POOLED_MOST) {
        void *block = malloc(size);
        CHECK(block);
        return block;
    }
    size_t grains = grains_of(size);
    struct spare *spare = map->spares[grains];
    if (spare) {
        map->spares[grains] = spare->next;
        return spare;
    }
    if ((size_t)(map->end - map->free) < grains * GRAIN) chunk_add(map);
    char *block = map->free;
    map->free += grains * GRAIN;
    return block;
}

static void block_give(struct ordered *map, void *block, size_t size)
{
    if (size > POOLED_MOST) {
        free(block);
        return;
    }
    struct spare *spare = block;
    *spare = (struct spare){map->spares[grains_of(size)]};
    map->spares[grains_of(size)] = spare;
}

/* The empty value needs no memory. */
static struct text value_copy(struct ordered *map, struct text value)
{
    if (!value.length) return LITERAL("");
    char *data = block_take(map, value.length);
    memcpy(data, value.data, value.length);
    return (struct text){data, value.length};
}

static void value_free(struct ordered *map, struct node *node)
{
    map->bytes -= node->entry.value.length;
    if (node->entry.value.length) block_give(map, (void *)(uintptr_t)node->entry.value.data, node->entry.value.length);
}

static size_t node_bytes(uint32_t height, uint32_t key_length)
{
    return sizeof(struct node) + height * sizeof(struct node *) + key_length;
}

static void node_free(struct ordered *map, struct node *node)
{
    size_t size = node_bytes(node->height, node->entry.key.length);
    map->bytes -= size;
    value_free(map, node);
    block_give(map, node, size);
}

static void large_blocks_free(struct ordered *map, struct node *node)
{
    if (node->entry.value.length > POOLED_MOST) free((void *)(uintptr_t)node->entry.value.data);
    if (node_bytes(node->height, node->entry.key.length) > POOLED_MOST) free(node);
    (void)map;
}

void ordered_destroy(struct ordered *map)
{
    if (!map) return;
    for (size_t i = 0; i < map->slot_count; i++)
        if (map->slots[i].node) large_blocks_free(map, map->slots[i].node);
    for (struct chunk *chunk = map->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(map->slots);
    free(map);
}

size_t ordered_count(const struct ordered *map)
{
    return map->count;
}

size_t ordered_bytes(const struct ordered *map)
{
    return map->bytes;
}

/* ---- one key ---- */

/* By bytes, shorter first. Other than text_compare, an absent key is the empty one. */
static int key_compare(struct text a, struct text b)
{
    uint32_t shared = a.length < b.length ? a.length : b.length;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* SipHash under a fixed key: the height must be the same in every process. */
static uint64_t hash_of(struct text key)
{
    static const uint8_t fixed[crypto_shorthash_KEYBYTES] = "skip list levels";
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)key.data, key.length, fixed);
    return hash;
}

static uint32_t height_of(uint64_t hash)
{
    uint32_t height = 1 + (uint32_t)__builtin_ctzll(hash | UINT64_C(1) << 62) / 2;
    return height < LEVELS ? height : LEVELS;
}

/* The high bits say where to look, for the low ones say how high a node is. */
static size_t home_of(const struct ordered *map, uint64_t hash)
{
    return (hash >> 20) & (map->slot_count - 1);
}

/* The slot that holds the key, or the free one where it would go. */
static size_t slot_of(const struct ordered *map, struct text key, uint64_t hash)
{
    size_t at = home_of(map, hash);
    for (; map->slots[at].node; at = (at + 1) & (map->slot_count - 1))
        if (map->slots[at].hash == hash && key_compare(map->slots[at].node->entry.key, key) == 0) break;
    return at;
}

static void slots_double(struct ordered *map)
{
    struct slot *old = map->slots;
    size_t old_count = map->slot_count;
    map->slot_count *= 2;
    map->slots = memory_alloc(map->slot_count * sizeof *map->slots);
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i].node) continue;
        size_t at = home_of(map, old[i].hash);
        while (map->slots[at].node)
            at = (at + 1) & (map->slot_count - 1);
        map->slots[at] = old[i];
    }
    free(old);
}

/* What follows moves up unless it is nearer to its home than the hole (Knuth, volume 3, 6.4, algorithm R). */
static void slot_clear(struct ordered *map, size_t hole)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = (hole + 1) & mask; map->slots[at].node; at = (at + 1) & mask) {
        size_t away = (at - home_of(map, map->slots[at].hash)) & mask;
        if (away < ((at - hole) & mask)) continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole] = (struct slot){0};
}

const struct ordered_entry *ordered_get(const struct ordered *map, struct text key)
{
    struct node *node = map->slots[slot_of(map, key, hash_of(key))].node;
    return node ? &node->entry : NULL;
}

/* ---- the order ---- */

static struct node **links_of(struct ordered *map, struct node *node)
{
    return node ? node->next : map->first;
}

static int waiting_compare(const void *a, const void *b)
{
    return key_compare((*(struct node *const *)a)->entry.key, (*(struct node *const *)b)->entry.key);
}

/* Moves `before`, the last nodes of each level before some smaller key (NULL: the head), to those before `key`. */
static void advance(struct ordered *map, struct text key, struct node *before[LEVELS])
{
    uint32_t level = 0;
    for (; level < map->height; level++) {
        struct node *next = links_of(map, before[level])[level];
        if (!next || key_compare(next->entry.key, key) > 0) break;
    }
    struct node *reached = NULL;
    const struct node *known = NULL; /* after the key, as a higher level found: no need to compare again */
    while (level-- > 0) {
        if (reached) before[level] = reached;
        for (struct node *next; (next = links_of(map, before[level])[level]) && next != known; before[level] = next) {
            if (key_compare(next->entry.key, key) > 0) {
                known = next;
                break;
            }
            reached = next;
        }
    }
}

static void link_node(struct ordered *map, struct node *node, struct node *before[LEVELS])
{
    if (map->height < node->height) map->height = node->height;
    advance(map, node->entry.key, before);
    for (uint32_t level = 0; level < node->height; level++) {
        struct node **link = &links_of(map, before[level])[level];
        node->next[level] = *link;
        *link = before[level] = node;
    }
    node->waits = 0;
}

/* A map in which none waits is not changed: then any number of readers may ask at once. */
static struct ordered *in_order(const struct ordered *looked_at)
{
    struct ordered *map = (struct ordered *)(uintptr_t)looked_at;
    if (!map->waiting_count) return map;
    struct node *before[LEVELS] = {NULL};
    if (map->waiting_count > 1) qsort(map->waiting, map->waiting_count, sizeof *map->waiting, waiting_compare);
    for (uint32_t i = 0; i < map->waiting_count; i++)
        link_node(map, map->waiting[i], before);
    map->waiting_count = 0;
    return map;
}

void ordered_settle(struct ordered *map)
{
    in_order(map);
}

/* The last node before `key` (or_equal: at or before), NULL for the head; fills `links`, if given, with the link to change
   on each level. */
static struct node *descend(struct ordered *map, struct text key, bool or_equal, struct node **links[LEVELS])
{
    struct node *at = NULL;
    struct node **next = map->first;
    const struct node *known = NULL; /* not before the key, as a higher level found: no need to compare again */
    for (uint32_t level = map->height; level-- > 0;) {
        for (struct node *ahead; (ahead = next[level]) && ahead != known; next = at->next) {
            int order = key_compare(ahead->entry.key, key);
            if (order > 0 || (order == 0 && !or_equal)) {
                known = ahead;
                break;
            }
            at = ahead;
        }
        if (links) links[level] = &next[level];
    }
    return at;
}

static void unlink_node(struct ordered *map, struct node *node)
{
    struct node **links[LEVELS];
    descend(map, node->entry.key, false, links);
    for (uint32_t level = 0; level < node->height; level++)
        *links[level] = node->next[level]; /* NOLINT(clang-analyzer-*): no node is higher than the map */
    while (map->height && !map->first[map->height - 1])
        map->height--;
}

/* What comes after a node, or the first of all for the head. */
static const struct ordered_entry *following(struct ordered *map, struct node *node)
{
    const struct node *next = links_of(map, node)[0];
    return map->height && next ? &next->entry : NULL;
}

const struct ordered_entry *ordered_at_or_after(const struct ordered *looked_at, struct text from)
{
    struct ordered *map = in_order(looked_at);
    return following(map, descend(map, from, false, NULL));
}

const struct ordered_entry *ordered_after(const struct ordered *looked_at, struct text from)
{
    struct ordered *map = in_order(looked_at);
    return following(map, descend(map, from, true, NULL));
}

const struct ordered_entry *ordered_before(const struct ordered *looked_at, struct text from)
{
    const struct node *node = descend(in_order(looked_at), from, false, NULL);
    return node ? &node->entry : NULL;
}

const struct ordered_entry *ordered_next(const struct ordered_entry *entry)
{
    const struct node *next = ((const struct node *)entry)->next[0];
    return next ? &next->entry : NULL;
}

const struct ordered_entry *ordered_last(const struct ordered *looked_at)
{
    struct ordered *map = in_order(looked_at);
    const struct node *at = NULL;
    struct node *const *next = map->first;
    for (uint32_t level = map->height; level-- > 0;)
        for (; next[level]; next = at->next)
            at = next[level];
    return at ? &at->entry : NULL;
}

/* ---- changes ---- */

static struct node *node_add(struct ordered *map, struct text key, uint64_t hash)
{
    if (map->waiting_count == WAITING_MOST) in_order(map);
    uint32_t height = height_of(hash);
    struct node *node = block_take(map, node_bytes(height, key.length));
    char *copy = (char *)&node->next[height];
    if (key.length) memcpy(copy, key.data, key.length);
    *node = (struct node){.entry = {.key = {copy, key.length}}, .hash = hash, .height = height};
    for (uint32_t level = 0; level < height; level++)
        node->next[level] = NULL;
    map->waiting[map->waiting_count++] = node;
    node->waits = map->waiting_count;
    map->count++;
    map->bytes += node_bytes(height, key.length);
    return node;
}

static void set(struct ordered *map, struct text key, struct text value, bool tombstone)
{
    struct text copy = value_copy(map, value); /* before the old one is freed: the new one may be a part of it */
    uint64_t hash = hash_of(key);
    size_t at = slot_of(map, key, hash);
    struct node *node = map->slots[at].node;
    if (node) {
        value_free(map, node);
    } else {
        node = node_add(map, key, hash);
        map->slots[at] = (struct slot){hash, node};
        if (map->count * 2 > map->slot_count) slots_double(map);
    }
    node->entry.value = copy;
    node->entry.tombstone = tombstone;
    map->bytes += copy.length;
}

void ordered_set(struct ordered *map, struct text key, struct text value)
{
    set(map, key, value, false);
}

void ordered_set_tombstone(struct ordered *map, struct text key)
{
    set(map, key, (struct text){0}, true);
}

void ordered_remove(struct ordered *map, struct text key)
{
    size_t at = slot_of(map, key, hash_of(key));
    struct node *node = map->slots[at].node;
    if (!node) return;
    slot_clear(map, at);
    if (node->waits) {
        struct node *last = map->waiting[--map->waiting_count];
        map->waiting[node->waits - 1] = last;
        last->waits = node->waits;
    } else {
        unlink_node(map, node);
    }
    map->count--;
    node_free(map, node);
}
