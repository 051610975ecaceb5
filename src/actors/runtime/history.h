/* Walking an entity's records back from what is committed. For the runtime alone. */
#pragma once
#include "actors/runtime/internal.h"

struct walk {
    const struct kind *kind;
    struct id id;
    void *state;          /* a copy, changed by each step */
    uint64_t lsn;         /* of the record that made the state; 0: it is what was before the creation */
    struct record record; /* that one, once walk_peek answered true */
    const struct record_change *change;
    const struct memo *chain;
    uint32_t row, steps;
    bool peeked, too_far; /* too_far: it goes on, but not within one request */
};
/* False: pending, or there is no such entity. */
bool walk_begin(struct tx *tx, struct walk *walk, const struct kind *kind, struct id id);
/* The record that made the state. False: pending, at the beginning, too far back, or damaged. */
bool walk_peek(struct tx *tx, struct walk *walk);
/* One record back; false as above. */
bool walk_step(struct tx *tx, struct walk *walk);
