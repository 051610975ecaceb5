/* A feed is a number that rises and a list of taps; each tap sleeps on a condition of its own.

   A tap that has caught up waits to be woken; while commits come faster than one in NAP_NS it naps instead, so that the
   thread that calls feed_moved pays for at most one wake-up in that time. */
#include "relay/tap.h"
#include "actors/runtime/stretch.h"
#include "base/check.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    NAP_NS = 2 * 1000 * 1000,
    READ_MOST = 64, /* records without anything wanted, before it looks at the time */
};

struct feed {
    struct store *store;
    const struct registry *registry;
    struct keyring *keyring;
    _Atomic uint64_t durable_lsn;
    _Atomic uint32_t waiting; /* taps that are, or are about to be, asleep */
    pthread_mutex_t mutex;    /* guards the list and every tap's sleep */
    pthread_cond_t moved;
    struct tap *taps;
};
struct tap {
    struct feed *feed;
    struct tap *next;
    struct tap_config config;
    pthread_t thread;
    atomic_bool stopping, damaged;
    bool woken;                /* guarded by the feed's mutex */
    _Atomic uint64_t position; /* for the metrics of other threads; written by the tap's own */
    /* the tap's own */
    bool wakeful; /* in tap_await: tap_wake ends the wait */
    struct stretch stretch;
    struct arena *arena; /* of the record */
    struct record record;
    bool open;          /* the record is being given */
    uint32_t at;        /* its next event that is wanted, or the count of its events */
    int64_t read_at_ns; /* when it last found something */
};

/* ---- the feed ---- */

static void condition_create(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(condition, &attributes) == 0);
    pthread_condattr_destroy(&attributes);
}

struct feed *feed_create(struct store *store, const struct registry *registry, struct keyring *keyring,
                         uint64_t durable_lsn)
{
    struct feed *feed = memory_alloc(sizeof *feed);
    feed->store = store;
    feed->registry = registry;
    feed->keyring = keyring;
    atomic_init(&feed->durable_lsn, durable_lsn);
    CHECK(pthread_mutex_init(&feed->mutex, NULL) == 0);
    condition_create(&feed->moved);
    return feed;
}

void feed_destroy(struct feed *feed)
{
    if (!feed) return;
    CHECK(!feed->taps);
    pthread_cond_destroy(&feed->moved);
    pthread_mutex_destroy(&feed->mutex);
    free(feed);
}

/* The store below and the load of `waiting` must not change places, as in tap_wait the other way round: one of the two
   sees the other. So both are sequentially consistent. */
void feed_moved(struct feed *feed, uint64_t durable_lsn)
{
    atomic_store(&feed->durable_lsn, durable_lsn);
    if (!atomic_load(&feed->waiting)) return;
    pthread_mutex_lock(&feed->mutex);
    pthread_cond_broadcast(&feed->moved);
    pthread_mutex_unlock(&feed->mutex);
}

uint64_t feed_durable(const struct feed *feed)
{
    return atomic_load(&feed->durable_lsn);
}

uint32_t feed_erasures(const struct feed *feed)
{
    return feed->keyring ? keyring_figures(feed->keyring).erased : 0;
}

void feed_metrics(struct feed *feed, struct buffer *out)
{
    pthread_mutex_lock(&feed->mutex);
    buffer_string(out, "# TYPE souk_tap_position gauge\n");
    for (const struct tap *tap = feed->taps; tap; tap = tap->next)
        if (tap->config.name)
            buffer_format(out, "souk_tap_position{tap=\"%s\"} %" PRIu64 "\n", tap->config.name,
                          atomic_load(&tap->position));
    buffer_string(out, "# TYPE souk_tap_damaged gauge\n");
    for (const struct tap *tap = feed->taps; tap; tap = tap->next)
        if (tap->config.name)
            buffer_format(out, "souk_tap_damaged{tap=\"%s\"} %d\n", tap->config.name, atomic_load(&tap->damaged));
    pthread_mutex_unlock(&feed->mutex);
}

/* ---- waiting ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

#define NOTHING TAP_ANYHOW

/* Sleeps until the time, the end of the tap, or until a record beyond that one is durable. */
static void tap_wait(struct tap *tap, int64_t until_ns, uint64_t beyond)
{
    struct feed *feed = tap->feed;
    struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
    pthread_mutex_lock(&feed->mutex);
    atomic_fetch_add(&feed->waiting, beyond != NOTHING);
    while (!tap_stopping(tap) && feed_durable(feed) <= beyond && !(tap->wakeful && tap->woken))
        if (pthread_cond_timedwait(&feed->moved, &feed->mutex, &until) == ETIMEDOUT) break;
    atomic_fetch_sub(&feed->waiting, beyond != NOTHING);
    if (tap->wakeful) tap->woken = false;
    pthread_mutex_unlock(&feed->mutex);
}

/* The same for who waits for more than records. He naps first, so that many short commits wake him once. */
void tap_await(struct tap *tap, int64_t ms, uint64_t beyond)
{
    int64_t now = now_ns(), napped = tap->read_at_ns + NAP_NS;
    if (now < napped) tap_wait(tap, napped, NOTHING);
    tap->wakeful = true;
    tap_wait(tap, now + ms * 1000000, beyond);
    tap->wakeful = false;
}

void tap_wake(struct tap *tap)
{
    pthread_mutex_lock(&tap->feed->mutex);
    tap->woken = true;
    pthread_cond_broadcast(&tap->feed->moved);
    pthread_mutex_unlock(&tap->feed->mutex);
}

bool tap_pause(struct tap *tap, int64_t ms)
{
    tap_wait(tap, now_ns() + ms * 1000000, NOTHING);
    return !tap_stopping(tap);
}

/* ---- reading ---- */

static bool wanted(struct tap *tap, uint32_t at, struct envelope *envelope)
{
    const struct tap_config *config = &tap->config;
    return envelope_open(tap->feed->registry, &tap->record, at, envelope) &&
           event_filter_passes(&config->filter, envelope) &&
           (!config->wants || config->wants(config->context, envelope));
}

/* Steps to the record's next wanted event; past the last one the record is done. */
static void find_wanted(struct tap *tap)
{
    struct envelope envelope;
    while (tap->at < tap->record.events.count && !wanted(tap, tap->at, &envelope))
        tap->at++;
    tap->open = tap->at < tap->record.events.count;
    if (!tap->open) atomic_store(&tap->position, tap->record.lsn);
}

static bool read_record(struct tap *tap, uint64_t lsn)
{
    const struct table_row *row = stretch_row(&tap->stretch, tap->feed->store, lsn, feed_durable(tap->feed));
    arena_reset(tap->arena);
    tap->record = (struct record){0};
    if (!row || !record_decode(tap->arena, row->key, row->value, &tap->record)) {
        atomic_store(&tap->damaged, true);
        log_line("relay", LOG_ERROR, "the log cannot be read; what follows it ends here", "tap=%s position=%" PRIu64,
                 tap->config.name ? tap->config.name : "-", lsn);
        return false;
    }
    tap->read_at_ns = now_ns();
    tap->record.lsn = lsn;
    tap->at = 0;
    find_wanted(tap);
    return true;
}

/* Reads on to a record with something wanted in it; false: it is not there yet, the time is over, or the tap has ended. */
static bool read_on(struct tap *tap, int64_t until_ns)
{
    for (uint32_t i = 1; !tap->open && tap_position(tap) < feed_durable(tap->feed) && !tap_stopping(tap); i++) {
        if (!read_record(tap, tap_position(tap) + 1)) return false;
        if (i % READ_MOST) continue;
        if (now_ns() >= until_ns) break;
    }
    return tap->open;
}

/* ---- within run ---- */

enum tap_found tap_next(struct tap *tap, int64_t timeout_ms, struct envelope *envelope)
{
    int64_t until = now_ns() + timeout_ms * 1000000;
    while (!tap_stopping(tap) && !tap->damaged && !read_on(tap, until)) {
        int64_t now = now_ns(), napped = tap->read_at_ns + NAP_NS;
        if (now >= until || tap->damaged) break;
        if (now < napped)
            tap_wait(tap, napped < until ? napped : until, NOTHING);
        else
            tap_wait(tap, until, tap_position(tap));
    }
    if (tap_stopping(tap)) return TAP_STOPPED;
    if (tap->damaged) return TAP_DAMAGED;
    if (!tap->open) return TAP_IDLE;
    CHECK(envelope_open(tap->feed->registry, &tap->record, tap->at, envelope));
    tap->at++;
    find_wanted(tap);
    return TAP_EVENT;
}

struct text tap_render(struct tap *tap, const struct envelope *envelope)
{
    struct buffer out = {.arena = tap->arena};
    envelope_render(&out, tap->arena, tap->feed->registry, tap->feed->keyring, envelope);
    return buffer_as_text(&out);
}

uint64_t tap_position(const struct tap *tap)
{
    return atomic_load(&tap->position);
}

void tap_seek(struct tap *tap, uint64_t after)
{
    tap->open = false;
    atomic_store(&tap->damaged, false);
    atomic_store(&tap->position, after);
}

/* ---- opening and closing ---- */

static void *run(void *context)
{
    struct tap *tap = context;
    tap->config.run(tap, tap->config.context);
    return NULL;
}

/* Signals belong to the main thread. */
struct tap *tap_open(struct feed *feed, const struct tap_config *config)
{
    struct tap *tap = memory_alloc(sizeof *tap);
    tap->feed = feed;
    tap->config = *config;
    tap->arena = arena_create();
    atomic_init(&tap->position, config->after);
    pthread_mutex_lock(&feed->mutex);
    tap->next = feed->taps;
    feed->taps = tap;
    pthread_mutex_unlock(&feed->mutex);
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
    CHECK(pthread_create(&tap->thread, NULL, run, tap) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return tap;
}

void tap_stop(struct tap *tap)
{
    pthread_mutex_lock(&tap->feed->mutex);
    atomic_store(&tap->stopping, true);
    pthread_cond_broadcast(&tap->feed->moved);
    pthread_mutex_unlock(&tap->feed->mutex);
}

bool tap_stopping(const struct tap *tap)
{
    return atomic_load(&tap->stopping);
}

void tap_close(struct tap *tap)
{
    if (!tap) return;
    struct feed *feed = tap->feed;
    tap_stop(tap);
    CHECK(pthread_join(tap->thread, NULL) == 0);
    pthread_mutex_lock(&feed->mutex);
    struct tap **at = &feed->taps;
    while (*at != tap)
        at = &(*at)->next;
    *at = tap->next;
    pthread_mutex_unlock(&feed->mutex);
    stretch_free(&tap->stretch);
    arena_destroy(tap->arena);
    free(tap);
}
