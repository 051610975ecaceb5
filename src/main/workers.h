/* Four bounded pools of threads for what must not run on the core: password hashes, reads that may wait for the disk,
   calls to the outside, and the search index, which is one thread's. A full queue is an answer, not a wait. What is done
   goes to an inbox of the core's thread.

   Work of WORK_OUTBOUND has a lane (its effect class): one lane never holds all threads nor all places of the queue, so
   that slow mail never delays a payment. Queries of WORK_SEARCH have the lane of their marketplace, for the places alone:
   its one thread takes the oldest work, whosever it is. */
#pragma once
#include "actors/runtime/ports.h"

struct workers;

/* `wake` runs on a worker when something is done and the inbox was empty. */
struct workers *workers_create(void (*wake)(void *context), void *context);
/* Takes work over until it is done; false when its queue is full or workers_stop was called. Any thread. */
bool workers_submit(struct workers *workers, struct work *work);
/* Calls `take` for all that is done, oldest first. On the core's thread. */
void workers_done(struct workers *workers, void (*take)(void *context, struct work *work), void *context);
/* How much was submitted and has not come back through workers_done. */
size_t workers_pending(const struct workers *workers);
/* Ends the threads: what runs is waited for, what waits is dropped (its `done` is never called). */
void workers_destroy(struct workers *workers);
void workers_metrics(struct workers *workers, struct buffer *out);
