/* Live streams: the events of the log for those who follow along over HTTP (actors/runtime/stream.h). One tap's thread reads
   for all of them in turn, a little for each, and puts what it framed where the net takes it.

   What always holds:
   - A stream gives every event that its wish passes, once, in the order of the log; its id says where to go on.
   - It holds a bounded number of bytes. While its taker has not taken them, no more is read for it, and nobody else waits.
   - What the net calls never waits for the disk. */
#pragma once
#include "actors/runtime/stream.h"
#include "relay/tap.h"

/* `most` streams at once, of one asker `most_of_one` (0: any number of them). The feed outlives it. */
struct streams *live_open(struct feed *feed, int64_t most, int64_t most_of_one);
void live_close(struct streams *streams); /* all its streams are closed */
void live_metrics(struct streams *streams, struct buffer *out);
