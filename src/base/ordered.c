/* Ordered map: a skip list (Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees", 1990). Level 0 links every
   node in key order, and the list of a level is a part of the one below. A node's height is a function of its key alone.
   An entry stays where it is until its key is removed; its value until it is set again. */
#include "base/ordered.h"
#include "base/arena.h"
#include "base/check.h"
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 14 }; /* a quarter of the nodes of a level is in the next: good for 4^14 entries */

struct node {
    struct ordered_entry entry; /* first, so that an entry is its node */
    uint32_t height;
    struct node *next[]; /* `height` links, then the bytes of the key */
};
struct ordered {
    size_t count, bytes;
    uint32_t height;            /* of the highest node */
    struct node *first[LEVELS]; /* the links of the head */
};

_Static_assert(offsetof(struct node, entry) == 0, "an entry is its node");

struct ordered *ordered_create(void)
{
    struct ordered *map = memory_alloc(sizeof *map);
    map->bytes = sizeof *map;
    return map;
}

/* The empty value needs no memory. */
static struct text value_copy(struct text value)
{
    if (!value.length) return LITERAL("");
    char *data = malloc(value.length);
    CHECK(data);
    memcpy(data, value.data, value.length);
    return (struct text){data, value.length};
}

static void value_free(struct ordered *map, struct node *node)
{
    map->bytes -= node->entry.value.length;
    if (node->entry.value.length) free((void *)node->entry.value.data);
}

void ordered_destroy(struct ordered *map)
{
    if (!map) return;
    for (struct node *node = map->first[0], *next; node; node = next) {
        next = node->next[0];
        value_free(map, node);
        free(node);
    }
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

/* By bytes, shorter first. Other than text_compare, an absent key is the empty one. */
static int key_compare(struct text a, struct text b)
{
    uint32_t shared = a.length < b.length ? a.length : b.length;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

/* SipHash under a fixed key: the height must be the same in every process. */
static uint32_t height_of(struct text key)
{
    static const uint8_t fixed[crypto_shorthash_KEYBYTES] = "skip list levels";
    uint64_t hash;
    crypto_shorthash((uint8_t *)&hash, (const uint8_t *)key.data, key.length, fixed);
    uint32_t height = 1 + (uint32_t)__builtin_ctzll(hash | UINT64_C(1) << 62) / 2;
    return height < LEVELS ? height : LEVELS;
}

/* Goes to the last place before `key` (or_equal: at or before). Returns the node there, NULL for the head; fills `links`,
   if given, with the link to change on each level. */
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

/* Readers change nothing; descend wants links that may be changed. */
static struct node *find_before(const struct ordered *map, struct text key, bool or_equal)
{
    return descend((struct ordered *)map, key, or_equal, NULL);
}

static size_t node_bytes(uint32_t height, uint32_t key_length)
{
    return sizeof(struct node) + height * sizeof(struct node *) + key_length;
}

static struct node *node_insert(struct ordered *map, struct text key, struct node **links[LEVELS])
{
    uint32_t height = height_of(key);
    struct node *node = malloc(node_bytes(height, key.length));
    CHECK(node);
    char *copy = (char *)&node->next[height];
    if (key.length) memcpy(copy, key.data, key.length);
    node->entry = (struct ordered_entry){.key = {copy, key.length}};
    node->height = height;
    for (; map->height < height; map->height++)
        links[map->height] = &map->first[map->height];
    for (uint32_t level = 0; level < height; level++) {
        node->next[level] = *links[level];
        *links[level] = node;
    }
    map->count++;
    map->bytes += node_bytes(height, key.length);
    return node;
}

static void set(struct ordered *map, struct text key, struct text value, bool tombstone)
{
    struct text copy = value_copy(value); /* before the old one is freed: the new one may be a part of it */
    struct node **links[LEVELS];
    descend(map, key, false, links);
    struct node *node = map->height ? *links[0] : NULL;
    if (node && key_compare(node->entry.key, key) == 0)
        value_free(map, node);
    else
        node = node_insert(map, key, links);
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
    struct node **links[LEVELS];
    descend(map, key, false, links);
    struct node *node = map->height ? *links[0] : NULL;
    if (!node || key_compare(node->entry.key, key) != 0) return;

    for (uint32_t level = 0; level < node->height; level++)
        *links[level] = node->next[level];
    while (map->height && !map->first[map->height - 1])
        map->height--;
    map->count--;
    map->bytes -= node_bytes(node->height, node->entry.key.length);
    value_free(map, node);
    free(node);
}

/* What comes after a node, or the first of all for the head. */
static const struct ordered_entry *following(const struct ordered *map, const struct node *node)
{
    const struct node *next = node ? node->next[0] : map->first[0];
    return next ? &next->entry : NULL;
}

const struct ordered_entry *ordered_at_or_after(const struct ordered *map, struct text from)
{
    return following(map, find_before(map, from, false));
}

const struct ordered_entry *ordered_after(const struct ordered *map, struct text from)
{
    return following(map, find_before(map, from, true));
}

const struct ordered_entry *ordered_before(const struct ordered *map, struct text from)
{
    const struct node *node = find_before(map, from, false);
    return node ? &node->entry : NULL;
}

const struct ordered_entry *ordered_get(const struct ordered *map, struct text key)
{
    const struct ordered_entry *entry = ordered_at_or_after(map, key);
    return entry && key_compare(entry->key, key) == 0 ? entry : NULL;
}

const struct ordered_entry *ordered_next(const struct ordered_entry *entry)
{
    const struct node *next = ((const struct node *)entry)->next[0];
    return next ? &next->entry : NULL;
}

const struct ordered_entry *ordered_last(const struct ordered *map)
{
    const struct node *at = NULL;
    struct node *const *next = map->first;
    for (uint32_t level = map->height; level-- > 0;)
        for (; next[level]; next = at->next)
            at = next[level];
    return at ? &at->entry : NULL;
}
