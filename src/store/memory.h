/* The store in memory, behind the same port: for tests and simulation. It is a pure function of its calls: same chain,
   same order, no clock, no thread. Crashes, cold caches and faults come when they are asked for. */
#pragma once
#include "actors/runtime/ports.h"

/* Batches are durable at once, and checkpoints written at once, inside the call; events are called there too. */
struct store *memory_store_create(const struct store_events *events);
/* Whom to tell from now on: after a crash another core. */
void memory_store_listen(struct store *store, const struct store_events *events);

/* Stepped: nothing is durable and no checkpoint written until a step does it, one batch or checkpoint a step, oldest
   first. False: nothing waits. */
void memory_store_set_stepped(struct store *store, bool stepped);
bool memory_store_step(struct store *store);

/* The state that a restart sees: what was not durable is gone, but for the first `survivors` waiting batches (written, and
   never acknowledged); a checkpoint that waits was never written; a failed store works again. Counters stay. */
void memory_store_crash(struct store *store, uint32_t survivors);

/* Every k-th read with TIER_MEMORY answers MISS; 0: none does; 1: all do. */
void memory_store_miss_every(struct store *store, uint32_t k);
/* The n-th call from now fails: reads answer DAMAGED, append and checkpoint fail the store. 0: none. */
void memory_store_fault_at(struct store *store, uint64_t n);
uint64_t memory_store_call_count(const struct store *store); /* calls that may fail, so far */
void memory_store_set_free_bytes(struct store *store, uint64_t bytes);
uint64_t memory_store_durable_lsn(const struct store *store);
/* Changes a byte of a record's body: read_log then answers DAMAGED. */
void memory_store_damage_log(struct store *store, uint64_t lsn);
