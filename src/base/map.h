/* Hash map from byte keys to pointers, keyed SipHash (libsodium), open addressing, grown step by step so that no
   insert pays for a whole rehash. Not thread-safe. The map copies keys; values are the caller's. */
#pragma once
#include "base/text.h"

struct map;

struct map *map_create(void);
void map_destroy(struct map *map);
size_t map_count(const struct map *map);
void *map_get(const struct map *map, const void *key, size_t length);
/* Sets and returns the value it replaced, or NULL. `value` is not NULL. */
void *map_set(struct map *map, const void *key, size_t length, void *value);
void *map_remove(struct map *map, const void *key, size_t length);
/* Calls visit for every entry, in no order that may leak into results. The map must not change meanwhile. */
void map_each(const struct map *map, void (*visit)(void *context, const void *key, size_t length, void *value),
              void *context);
