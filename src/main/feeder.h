/* A core that is fed from inside the process: requests without sockets, thousands under way, so that one commit of the log
   serves many of them. For filling a data directory that no server has open.

   Who asks is believed, passwords are hashed once for all who have the same one, payments succeed at once and mail goes
   nowhere. Everything else is as in a server: commands, rights, log, checkpoints. */
#pragma once
#include "base/id.h"
#include "base/text.h"
#include "store/store.h"
#include <yyjson.h>

struct feeder;
struct feeder_call {
    struct text tenant; /* slug; absent: the default one */
    struct id by;       /* none: the operator */
    const char *method, *path;
    struct text query;        /* absent: none */
    struct text body;         /* absent: none */
    const char *content_type; /* of it; NULL: JSON */
    /* The answer of a success; `subject` is the caller's. NULL: success is enough. Must not call the feeder. */
    void (*taken)(void *subject, yyjson_val *data);
    void *subject;
};

/* NULL, a sentence and an exit status when the directory cannot be filled: it has data, is in use, cannot be written. */
struct feeder *feeder_open(const char *data, char problem[PROBLEM_SIZE], int *status);
/* Copies what the call names. After a refusal nothing more is sent: false. */
bool feeder_ask(struct feeder *feeder, const struct feeder_call *call);
bool feeder_settle(struct feeder *feeder); /* all are answered, and durable; false: one was refused */
uint64_t feeder_answered(const struct feeder *feeder);
int64_t feeder_now(struct feeder *feeder); /* the core's time, ms */
/* Checkpoints and closes. EXIT_DONE, or EXIT_FAILED and the sentence of the refusal. */
int feeder_close(struct feeder *feeder, char problem[PROBLEM_SIZE]);
