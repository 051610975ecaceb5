/* A core without sockets, disk, threads or clock: messages go in by kind and command name, replies come out. Workers run
   when the loopback turns, so parking and running again happen as they do in a server. */
#pragma once
#include "actors/runtime/core.h"
#include "store/memory.h"

struct loopback {
    struct core *core;
    struct store *store;
    const struct registry *registry;
    struct ports ports;
    struct core_config config;
    struct keyring *keyring;
    struct buffer slots; /* its rows, as a disk keeps them */
    uint64_t keys_drawn;
    struct token_key token_key;
    int64_t now;
    uint64_t randomness;
    struct inbox_item *work, **work_last;
    bool failed;
    uint32_t refuse_work; /* the next so many jobs find a full pool */
};

struct said { /* one answered request; free with said_free */
    struct arena *arena;
    struct request request;
    bool answered;
};

void loopback_open(struct loopback *loopback, const struct registry *registry, const struct provider *providers);
/* The same in steps: all but the core, whose configuration may be changed now; then the core, not yet settled. */
void loopback_prepare(struct loopback *loopback, const struct registry *registry, const struct provider *providers);
void loopback_start(struct loopback *loopback);
/* Runs the waiting job with this number, or the last one; false: none waits. */
bool loopback_work(struct loopback *loopback, uint32_t number);
/* A kill, and nothing is started again: what was not durable is gone but for the first batches that survive. */
void loopback_kill(struct loopback *loopback, uint32_t survivors);
/* As after a kill: what was not durable is gone, all memory is gone. */
void loopback_crash(struct loopback *loopback, uint32_t survivors);
void loopback_close(struct loopback *loopback);
/* Turns until nothing moves, at the present time. */
void loopback_settle(struct loopback *loopback);
void loopback_pass(struct loopback *loopback, int64_t ms); /* time passes in steps, settling at each due moment */

struct asking {
    const char *kind, *command, *id, *body, *key, *query, *cursor;
    struct id user; /* none: anonymous */
    int64_t if_match;
    bool operator_, dry_run, include_deleted;
    uint32_t limit;
    uint8_t lane;
    const char *part, *part_id;   /* a second parameter of the path: "item" and its value */
    const char *third, *third_id; /* and one more */
};
/* Sends; the answer may come later (said->answered). */
struct said *loopback_send(struct loopback *loopback, struct asking asking);
/* Sends and settles. */
struct said *loopback_ask(struct loopback *loopback, struct asking asking);
void said_free(struct said *said);
/* Is `part` in the reply's body? */
bool said_contains(const struct said *said, const char *part);
struct text said_field(const struct said *said, const char *name); /* of the first "name":"…" */
