/* A round goes once through the list of streams. For each that has room the tap is set where that stream is, and asked until
   the stream has enough for now or has caught up; only what was framed is handed over under the lock.

     net loop ──open, take, close──▶ list of streams ◀──what was framed── tap's thread ──reads──▶ log
        ▲                                                                      │
        └──────────────────────────────── ready ───────────────────────────────┘ */
#include "relay/live.h"
#include "base/check.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    WAIT_MS = 60 * 1000, /* what there is to do wakes the thread; this only bounds its sleep */
#ifdef TINY
    EVENTS_AT_ONCE = 2,
    HELD_BYTES = 500,
#else
    EVENTS_AT_ONCE = 64,    /* then it is the next stream's turn */
    HELD_BYTES = 64 * 1024, /* of one stream; one event more may lie beyond */
#endif
};

struct live {
    struct streams streams; /* the first: what the net knows of it */
    struct tap *tap;
    struct feed *feed;
    pthread_mutex_t mutex; /* guards all that follows, and every stream's `shared` */
    struct stream *first;
    struct stream *next;    /* of the round */
    struct stream *serving; /* the thread has it: closing it is left to the thread */
    int64_t count, most, most_of_one;
    bool closing; /* the stream that is being served */
    _Atomic uint64_t given;
    /* the thread's own */
    struct stream *current;
    struct buffer out;
};
struct stream {
    struct live *live;
    struct stream *before, *behind;
    struct arena *arena; /* it lives there, and its texts */
    struct stream_wish wish;
    void (*ready)(void *context);
    void *context;
    /* shared */
    struct buffer held;
    enum stream_state state;
    /* the thread's own; `after` and `number` of the wish say where it is */
    uint32_t left; /* events of the limit */
};

/* ---- the thread ---- */

/* Of the current stream, beyond what it has. */
static bool wanted(void *context, const struct envelope *envelope)
{
    const struct live *live = context;
    const struct stream_wish *wish = &live->current->wish;
    if (envelope->record->lsn == wish->after && wish->number >= 0 && envelope->number <= wish->number) return false;
    return event_filter_passes(&wish->filter, envelope);
}

static void frame(struct buffer *out, enum stream_form form, struct tap *tap, const struct envelope *envelope)
{
    bool sse = form == STREAM_SSE;
    if (sse)
        buffer_format(out, "id: %" PRIu64 ".%u\nevent: %s\ndata: ", envelope->record->lsn, envelope->number,
                      envelope->event->name);
    buffer_text(out, tap_render(tap, envelope));
    buffer_string(out, sse ? "\n\n" : "\n");
}

/* Up to here all is given: of the record at `after`, the events up to `number`. */
static void stands_at(struct stream *stream, uint64_t after, int64_t number)
{
    stream->wish.after = after;
    stream->wish.number = number;
}

static enum stream_state give(struct stream *stream, struct tap *tap, const struct envelope *envelope)
{
    struct stream_wish *wish = &stream->wish;
    uint64_t lsn = envelope->record->lsn;
    if (lsn > wish->last) return STREAM_DONE;
    frame(&stream->live->out, wish->form, tap, envelope);
    stands_at(stream, lsn, tap_position(tap) >= lsn ? -1 : (int64_t)envelope->number);
    atomic_fetch_add_explicit(&stream->live->given, 1, memory_order_relaxed);
    bool last = wish->number < 0 && lsn == wish->last;
    return (wish->limit && --stream->left == 0) || last ? STREAM_DONE : STREAM_GOES_ON;
}

/* Frames what is there for it, some at most. */
static enum stream_state read_some(struct live *live, struct tap *tap, struct stream *stream)
{
    struct stream_wish *wish = &stream->wish;
    struct envelope envelope;
    enum stream_state state = STREAM_GOES_ON;
    live->current = stream;
    tap_seek(tap, wish->number >= 0 ? wish->after - 1 : wish->after);
    for (int i = 0; i < EVENTS_AT_ONCE && live->out.length < HELD_BYTES && state == STREAM_GOES_ON; i++) {
        switch (tap_next(tap, 0, &envelope)) {
        case TAP_EVENT: state = give(stream, tap, &envelope); break;
        case TAP_IDLE:
            stands_at(stream, tap_position(tap), -1);
            return wish->after >= wish->last ? STREAM_DONE : STREAM_GOES_ON;
        case TAP_STOPPED: return STREAM_GOES_ON;
        case TAP_DAMAGED: return STREAM_BROKEN;
        }
    }
    return state;
}

static void stream_free(struct stream *stream)
{
    buffer_free(&stream->held);
    arena_destroy(stream->arena);
}

static bool has_work(const struct stream *stream, uint64_t durable)
{
    const struct stream_wish *wish = &stream->wish;
    return stream->state == STREAM_GOES_ON && stream->held.length < HELD_BYTES &&
           (wish->number >= 0 || wish->after < durable);
}

/* The next one of the round that has something to do; NULL at its end. */
static struct stream *pick(struct live *live, uint64_t durable)
{
    pthread_mutex_lock(&live->mutex);
    while (live->next && !has_work(live->next, durable))
        live->next = live->next->behind;
    struct stream *stream = live->serving = live->next;
    if (stream) live->next = stream->behind;
    pthread_mutex_unlock(&live->mutex);
    return stream;
}

static void hand_over(struct live *live, struct stream *stream, enum stream_state state)
{
    pthread_mutex_lock(&live->mutex);
    live->serving = NULL;
    if (live->closing) {
        stream_free(stream);
    } else {
        bool news = (!stream->held.length && live->out.length) || state != STREAM_GOES_ON;
        buffer_bytes(&stream->held, live->out.data, live->out.length);
        stream->state = state;
        if (news) stream->ready(stream->context);
    }
    live->closing = false;
    pthread_mutex_unlock(&live->mutex);
}

/* False when nobody had anything to do. */
static bool serve_round(struct live *live, struct tap *tap, uint64_t durable)
{
    struct stream *stream;
    bool served = false;
    pthread_mutex_lock(&live->mutex);
    live->next = live->first;
    pthread_mutex_unlock(&live->mutex);
    while (!tap_stopping(tap) && (stream = pick(live, durable))) {
        buffer_clear(&live->out);
        enum stream_state state = read_some(live, tap, stream);
        hand_over(live, stream, state);
        served = true;
    }
    return served;
}

/* Without streams nobody wakes it for a record. */
static void run(struct tap *tap, void *context)
{
    struct live *live = context;
    while (!tap_stopping(tap)) {
        uint64_t durable = feed_durable(live->feed);
        if (serve_round(live, tap, durable)) continue;
        pthread_mutex_lock(&live->mutex);
        bool idle = !live->first;
        pthread_mutex_unlock(&live->mutex);
        tap_await(tap, WAIT_MS, idle ? TAP_ANYHOW : durable);
    }
}

/* ---- the net's side ---- */

static bool has_its_share(const struct live *live, struct id asker)
{
    int64_t count = 0;
    if (!live->most_of_one || id_is_none(asker)) return false;
    for (const struct stream *stream = live->first; stream && count < live->most_of_one; stream = stream->behind)
        count += id_equal(stream->wish.asker, asker);
    return count == live->most_of_one;
}

static struct stream *open_stream(struct streams *streams, const struct stream_wish *wish, void (*ready)(void *context),
                                  void *context, enum error *refused)
{
    struct live *live = (struct live *)(void *)streams;
    struct arena *arena = arena_create();
    struct stream *stream = ARENA_NEW(arena, struct stream);
    *stream = (struct stream){.live = live, .arena = arena, .wish = *wish, .ready = ready, .context = context};
    stream->wish.filter.kind = arena_text(arena, wish->filter.kind);
    stream->wish.filter.event = arena_text(arena, wish->filter.event);
    stream->left = wish->limit;
    if (wish->number < 0 && wish->after >= wish->last) stream->state = STREAM_DONE;
    pthread_mutex_lock(&live->mutex);
    bool full = live->count >= live->most, fits = !full && !has_its_share(live, wish->asker);
    if (fits) {
        live->count++;
        stream->behind = live->first;
        if (live->first) live->first->before = stream;
        live->first = stream;
    }
    pthread_mutex_unlock(&live->mutex);
    if (!fits) {
        *refused = full ? ERROR_OVERLOADED : ERROR_RATE_LIMITED;
        arena_destroy(arena);
        return NULL;
    }
    tap_wake(live->tap);
    return stream;
}

static enum stream_state take(struct stream *stream, struct buffer *out)
{
    struct live *live = stream->live;
    pthread_mutex_lock(&live->mutex);
    bool was_full = stream->held.length >= HELD_BYTES;
    buffer_bytes(out, stream->held.data, stream->held.length);
    buffer_clear(&stream->held);
    if (was_full) buffer_free(&stream->held);
    enum stream_state state = stream->state;
    pthread_mutex_unlock(&live->mutex);
    if (was_full) tap_wake(live->tap);
    return state;
}

static void close_stream(struct stream *stream)
{
    struct live *live = stream->live;
    pthread_mutex_lock(&live->mutex);
    if (live->next == stream) live->next = stream->behind;
    if (stream->before)
        stream->before->behind = stream->behind;
    else
        live->first = stream->behind;
    if (stream->behind) stream->behind->before = stream->before;
    live->count--;
    if (live->serving == stream)
        live->closing = true;
    else
        stream_free(stream);
    pthread_mutex_unlock(&live->mutex);
}

/* ---- opening and closing ---- */

static const struct streams_calls calls = {.open = open_stream, .take = take, .close = close_stream};

struct streams *live_open(struct feed *feed, int64_t most, int64_t most_of_one)
{
    struct live *live = memory_alloc(sizeof *live);
    live->streams.calls = &calls;
    live->feed = feed;
    live->most = most;
    live->most_of_one = most_of_one;
    CHECK(pthread_mutex_init(&live->mutex, NULL) == 0);
    live->tap = tap_open(feed, &(struct tap_config){.wants = wanted, .run = run, .context = live});
    return &live->streams;
}

void live_close(struct streams *streams)
{
    struct live *live = (struct live *)(void *)streams;
    if (!live) return;
    tap_close(live->tap);
    CHECK(!live->first);
    pthread_mutex_destroy(&live->mutex);
    buffer_free(&live->out);
    free(live);
}

void live_metrics(struct streams *streams, struct buffer *out)
{
    struct live *live = (struct live *)(void *)streams;
    pthread_mutex_lock(&live->mutex);
    int64_t count = live->count;
    pthread_mutex_unlock(&live->mutex);
    buffer_format(out,
                  "# HELP souk_streams streams of events that are open\n# TYPE souk_streams gauge\n"
                  "souk_streams %" PRId64 "\n",
                  count);
    buffer_format(out,
                  "# HELP souk_stream_events_total events given to streams\n# TYPE souk_stream_events_total counter\n"
                  "souk_stream_events_total %" PRIu64 "\n",
                  atomic_load_explicit(&live->given, memory_order_relaxed));
}
