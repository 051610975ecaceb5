/* A histogram of how long something took. One writer at a time; a reader on another thread sees figures that may be a
   little apart. */
#pragma once
#include "base/buffer.h"

enum { DURATION_BUCKETS = 11 }; /* 100 µs to 100 ms; the last is for all that took longer */

struct durations {
    _Atomic uint64_t buckets[DURATION_BUCKETS], nanoseconds;
};

void durations_add(struct durations *durations, uint64_t nanoseconds);
/* Prometheus text. */
void durations_metrics(const struct durations *durations, const char *name, const char *help, struct buffer *out);
