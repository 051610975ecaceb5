/* The core: every actor, the delta, the open batch, time. One thread. The shell (net loops, tests, simulator) feeds it
   messages and turns its crank; it never blocks but at start. */
#pragma once
#include "actors/runtime/ports.h"
#include "actors/runtime/request.h"

struct core_config {
    bool development;
    bool rate_limits;
    bool metrics_public;        /* GET /metrics answers everybody, not this machine and operators alone */
    bool proves_answers;        /* runs what could be answered from memory too, and ends the process when they differ */
    size_t actors_memory;       /* bytes; past it clean actors are passivated */
    struct text default_tenant; /* slug */
    const char *const *settings; /* name, value, name, value, …, NULL: overrides of settings.h */
};

struct core;
extern const char core_wrong_key[]; /* as problem */
/* Opens on a store: replays the log from its applied_lsn. NULL and a sentence in problem when the log does not fit the
   tables. `now_ms` is the first time. */
struct core *core_create(const struct registry *registry, const struct ports *ports, const struct core_config *config,
                         int64_t now_ms, char problem[256]);
void core_destroy(struct core *core);
const struct registry *core_registry(const struct core *core);

/* Takes a request (the core owns it until it calls request->answered, perhaps within this call's turn). False when the
   queue is full: the caller answers 503 itself. */
bool core_request(struct core *core, struct request *request);
/* Works: up to LIMIT_TURN_MESSAGES messages, due timers, the batch handed to the store, checkpoints, passivation. */
void core_turn(struct core *core, int64_t now_ms);
bool core_busy(const struct core *core);            /* turn again at once */
int64_t core_next_due(const struct core *core);     /* when it needs a turn without input; INT64_MAX: never */
void core_durable(struct core *core, uint64_t lsn); /* the store made it durable: replies are released */
void core_checkpointed(struct core *core, struct ordered *frozen);
/* Nothing more is taken; true once all is answered, durable and checkpointed. */
bool core_stop(struct core *core);
/* The store failed: what waits is answered with 503, nothing more is taken. The core is not turned again. */
void core_fail(struct core *core);
uint64_t core_last_lsn(const struct core *core);
uint64_t core_durable_lsn(const struct core *core);
void core_metrics(struct core *core, struct buffer *out); /* Prometheus text */

/* Replays the whole log of a store into memory and compares every derived row with the store's tables (as of its
   applied_lsn; remembered idempotency keys aside, which expire by time). Calls report for each difference; returns their
   number, or -1 with a sentence in problem. */
int64_t core_verify(const struct registry *registry, const struct ports *ports, const struct core_config *config,
                    void (*report)(void *context, const char *difference, struct text key), void *context,
                    char problem[256]);
