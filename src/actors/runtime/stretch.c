/* A record never changes once it is in the log, so what was read ahead stays right. */
#include "actors/runtime/stretch.h"

enum { STRETCH_BYTES = 256 * 1024 };

const struct table_row *stretch_row(struct stretch *stretch, struct store *store, uint64_t lsn, uint64_t last)
{
    if (lsn - stretch->first < stretch->count) return &stretch->rows[lsn - stretch->first];
    uint64_t behind = last - lsn + 1;
    uint32_t most = behind < STRETCH_ROWS ? (uint32_t)behind : STRETCH_ROWS;
    if (!stretch->arena) stretch->arena = arena_create();
    arena_reset(stretch->arena);
    stretch->first = lsn;
    stretch->count = 0;
    enum found found =
        store->calls->read_stretch(store, lsn, most, STRETCH_BYTES, stretch->arena, stretch->rows, &stretch->count);
    return found == FOUND ? &stretch->rows[0] : NULL;
}

void stretch_free(struct stretch *stretch)
{
    if (stretch->arena) arena_destroy(stretch->arena);
    *stretch = (struct stretch){0};
}
