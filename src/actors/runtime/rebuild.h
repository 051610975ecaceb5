/* Derived rows compared with the log, and mended, while the core serves. */
#pragma once
#include "actors/runtime/core.h"

struct kind;

enum rebuild_state { REBUILD_NONE, REBUILD_RUNNING, REBUILD_DONE, REBUILD_FAILED };
struct rebuilding { /* the last one, or the one under way */
    enum rebuild_state state;
    const struct kind *only; /* NULL: all kinds */
    bool mends;
    uint64_t position; /* up to which the log is replayed */
    uint64_t compared, differing;
    char problem[256]; /* of a failed one */
};

/* Of one kind or, NULL, of all; none is under way. False and a sentence when the log cannot be replayed. */
bool rebuild_begin(struct core *core, const struct kind *only, bool mends, char problem[256]);
void rebuild_turn(struct core *core);       /* does a bounded part */
bool rebuild_busy(const struct core *core); /* has more to do at once */
/* A record that was just made. Called while one is under way. */
void rebuild_note(struct core *core, uint64_t lsn, struct text head, struct text body);
void rebuild_abandon(struct core *core);
