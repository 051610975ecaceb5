/* A second core over tables in memory, replayed from the log of a store: what all that is derived should be at a position.
   Holds all rows in memory. One thread at a time. */
#pragma once
#include "actors/runtime/core.h"

struct shadow;
/* Replays the records 1 to `to`. NULL and a sentence in problem when one does not fit. Registry, ports and what they point
   to outlive it; of the store it reads the log alone. */
struct shadow *shadow_create(const struct registry *registry, const struct ports *ports,
                             const struct core_config *config, uint64_t to, char problem[256]);
void shadow_destroy(struct shadow *shadow);
uint64_t shadow_lsn(const struct shadow *shadow); /* the last record that it took */
/* Takes the next record: from the log, where it is durable, or as bytes. False and a sentence when it does not fit. */
bool shadow_read(struct shadow *shadow, char problem[256]);
bool shadow_take(struct shadow *shadow, struct text head, struct text body, char problem[256]);
/* All rows as of shadow_lsn(), until it takes another record. */
const struct ordered *shadow_tables(struct shadow *shadow);
