/* Taps: whatever follows the log out of the house reads it through one.

     main thread ──feed_moved(durable)──▶ feed ──wakes──▶ tap ──read_stretch──▶ store
                                                           └─ run(): while (tap_next(…) == TAP_EVENT) …   its own thread

   What always holds:
   - A tap gives the events of durable records alone, every one that its filter passes, in the order of the log.
   - It holds a stretch of some records in memory, and reads no further than it is asked: who takes slowly reads slowly,
     and nobody else notices. The store's and the core's threads never wait for a tap.
   - A record that cannot be read ends the tap: it says so in the log and in souk_tap_damaged, and gives nothing more. */
#pragma once
#include "actors/runtime/envelope.h"
#include "actors/runtime/ports.h"

/* ---- the feed: what the taps of a process share ---- */
struct feed;
/* Store, registry and keyring outlive it. */
struct feed *feed_create(struct store *store, const struct registry *registry, struct keyring *keyring,
                         uint64_t durable_lsn);
void feed_destroy(struct feed *feed); /* all its taps are closed */
/* More is durable. Takes a lock only when a tap waits. */
void feed_moved(struct feed *feed, uint64_t durable_lsn);
uint64_t feed_durable(const struct feed *feed);
/* Another number once somebody is erased: what was rendered before may tell what nobody may know. Any thread. */
uint32_t feed_erasures(const struct feed *feed);
/* Prometheus text, from any thread: position and damage of each tap that is open. */
void feed_metrics(struct feed *feed, struct buffer *out);

/* ---- a tap ---- */
struct tap;
struct tap_config {
    const char *name;           /* label of its metrics: "kafka"; outlives the tap; NULL: none are kept of it */
    uint64_t after;             /* position that is known: the records behind it */
    struct event_filter filter; /* its texts outlive the tap */
    bool (*wants)(void *context, const struct envelope *envelope); /* what the filter cannot say; NULL: all it passes */
    void (*run)(struct tap *tap,
                void *context); /* on the tap's thread; returns once tap_next says TAP_STOPPED or TAP_DAMAGED */
    void *context;
};
struct tap *tap_open(struct feed *feed, const struct tap_config *config);
/* Wakes the tap's thread, waits until `run` has returned. */
void tap_close(struct tap *tap);
/* The same in two steps, to stop several at once. Any thread. */
void tap_stop(struct tap *tap);
bool tap_stopping(const struct tap *tap);

/* The rest is called within `run`, on the tap's thread. */
enum tap_found {
    TAP_EVENT,
    TAP_IDLE,    /* nothing that is wanted was found in that time */
    TAP_STOPPED, /* the tap is being closed */
    TAP_DAMAGED  /* the log cannot be read at tap_position() + 1 */
};
/* The next event that is wanted; waits for it at most so long. The envelope and what it points to are there until the
   next call. */
enum tap_found tap_next(struct tap *tap, int64_t timeout_ms, struct envelope *envelope);
/* The event that tap_next gave last, as JSON; until the next call of tap_next. */
struct text tap_render(struct tap *tap, const struct envelope *envelope);
/* All wanted events of the records up to here have been given: what to remember once the last one has been dealt with. */
uint64_t tap_position(const struct tap *tap);
/* Goes on with the records behind a position, which may be one that was passed before, or from damage. */
void tap_seek(struct tap *tap, uint64_t after);
/* Waits, at most so long; false: the tap is being closed. For pauses between attempts. */
bool tap_pause(struct tap *tap, int64_t ms);
/* Waits, at most so long, until a record beyond a position is durable (TAP_ANYHOW: whatever is), or somebody calls tap_wake
   (any thread), or did since the last wait. */
void tap_await(struct tap *tap, int64_t ms, uint64_t beyond);
void tap_wake(struct tap *tap);
#define TAP_ANYHOW UINT64_MAX
