/* Ordered map from byte keys to byte values: a hash table, and a skip list (Pugh 1990) whose levels come from a hash of the
   key, so the same operations give the same shape. The map copies keys and values; a value may be a tombstone.

   Not thread-safe for writers; any number of readers once it is settled and nobody writes: what was set is brought in order
   when an order is asked for first. */
#pragma once
#include "base/text.h"

struct ordered;
struct ordered_entry {
    struct text key;
    struct text value;
    bool tombstone; /* the key is known to be deleted */
};

struct ordered *ordered_create(void);
void ordered_destroy(struct ordered *map);
size_t ordered_count(const struct ordered *map);
size_t ordered_bytes(const struct ordered *map); /* memory held, about */
void ordered_settle(struct ordered *map);        /* before other threads read it */
void ordered_set(struct ordered *map, struct text key, struct text value);
void ordered_set_tombstone(struct ordered *map, struct text key);
void ordered_remove(struct ordered *map, struct text key); /* forgets the key; no tombstone */
const struct ordered_entry *ordered_get(const struct ordered *map, struct text key);
/* The first entry with key >= from (after: > from), or the last with key < from (before), NULL when there is none. */
const struct ordered_entry *ordered_at_or_after(const struct ordered *map, struct text from);
const struct ordered_entry *ordered_after(const struct ordered *map, struct text from);
const struct ordered_entry *ordered_before(const struct ordered *map, struct text from);
/* Of an entry that one of these three gave; what is set meanwhile may be passed over. */
const struct ordered_entry *ordered_next(const struct ordered_entry *entry);
const struct ordered_entry *ordered_last(const struct ordered *map);
