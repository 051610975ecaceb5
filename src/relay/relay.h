/* A relay tells a message broker every event of the log, at least once, those of one subject in their order.

     connecting ──▶ up: a window of events is published, then confirmed whole ──▶ its position is noted in the store
         ▲           │
         └── pause ◀─┘ the broker is lost: back to the last confirmed position

   What always holds:
   - The noted position is that of a record all of whose events, and those before it, the broker has confirmed; it lies in
     the store, so it survives a kill and goes with a backup. What was confirmed since it was noted is told again.
   - A broker that is slow, full or gone holds up its own relay alone. At most one window of events is in memory.
   - An event that the broker refuses is not skipped: the relay stays where it is, says so, and tries again. */
#pragma once
#include "relay/broker.h"
#include "relay/tap.h"

struct relay;
/* Takes the broker over. `retry_most_ms`: the longest pause between two attempts. */
struct relay *relay_open(struct feed *feed, struct store *store, struct broker *broker, int64_t retry_most_ms);
void relay_stop(struct relay *relay); /* begins to end: what is published may still be confirmed */
/* Waits for the end, some seconds at most, and notes where it is. */
void relay_close(struct relay *relay);
void relays_metrics(struct relay *const *relays, unsigned count, struct buffer *out); /* Prometheus text */
