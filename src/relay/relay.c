/* The loop of every relay; what differs between brokers is behind broker.h. */
#include "relay/relay.h"
#include "base/check.h"
#include "base/log.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    IDLE_MS = 1000,  /* between two looks at a connection on which nothing happens */
    SETTLE_MS = 100, /* between two looks whether to stop */
    QUIET_MS = 5000, /* a broker that confirms nothing for so long counts as down */
    NOTE_MS = 1000,  /* between two notes */
    STOP_MS = 2000,  /* that a stop waits for confirmations */
    RETRY_LEAST_MS = 200,
    WINDOW_BYTES = 1024 * 1024,
};

struct relay {
    struct feed *feed;
    struct store *store;
    struct tap *handle; /* for who opened it */
    struct broker *broker;
    int64_t retry_most_ms;
    char note[32]; /* its name in the store */
    /* the relay's thread's own */
    struct tap *tap;
    bool connected, told_lost;
    uint32_t attempts;
    uint32_t unsettled; /* published, not confirmed */
    size_t unsettled_bytes;
    uint64_t noted;
    int64_t noted_at, stopped_at;
    struct arena *arena; /* of the message */
    /* for the metrics */
    atomic_bool up;
    _Atomic uint64_t position;   /* confirmed */
    _Atomic int64_t oldest_time; /* of the oldest event that is known and not confirmed; 0: none is */
    _Atomic uint64_t events, losses;
    /* the end */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ended;
};

static int64_t time_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- the position ---- */

static uint64_t noted_position(struct relay *relay)
{
    struct arena *arena = arena_create();
    struct text value;
    uint64_t position = 0;
    if (relay->store->calls->noted(relay->store, relay->note, arena, &value) == FOUND && value.length == 8)
        for (int i = 0; i < 8; i++)
            position = position << 8 | (uint8_t)value.data[i];
    arena_destroy(arena);
    uint64_t durable = feed_durable(relay->feed);
    if (position <= durable) return position;
    /* Only a log that was cut after it had been told can be shorter. */
    log_line("relay", LOG_WARNING, "the log ends before what was told", "relay=%s told=%" PRIu64 " durable=%" PRIu64,
             relay->broker->calls->name, position, durable);
    return durable;
}

static void note(struct relay *relay, bool at_once)
{
    uint64_t position = atomic_load(&relay->position);
    int64_t now = time_ms(CLOCK_MONOTONIC);
    if (position == relay->noted || (!at_once && now - relay->noted_at < NOTE_MS)) return;
    struct buffer value = {0};
    buffer_big64(&value, position);
    if (relay->store->calls->note(relay->store, relay->note, buffer_as_text(&value))) relay->noted = position;
    relay->noted_at = now;
    buffer_free(&value);
}

/* ---- losing and finding the broker ---- */

static void say_up(struct relay *relay)
{
    relay->attempts = 0;
    if (atomic_exchange(&relay->up, true)) return;
    relay->told_lost = false;
    log_line("relay", LOG_INFO, "the broker answers", "relay=%s position=%" PRIu64, relay->broker->calls->name,
             atomic_load(&relay->position));
}

/* Once per loss: a broker that stays away is no news. */
static void say_down(struct relay *relay, const char *problem)
{
    atomic_store(&relay->up, false);
    if (relay->told_lost) return;
    relay->told_lost = true;
    atomic_fetch_add(&relay->losses, 1);
    log_line("relay", LOG_WARNING, "the broker is lost; events wait in the log",
             "relay=%s position=%" PRIu64 " why=\"%s\"", relay->broker->calls->name, atomic_load(&relay->position),
             problem);
}

/* Everything since the last confirmed position will be read and published again. */
static void lose(struct relay *relay, const char *problem)
{
    say_down(relay, problem);
    relay->broker->calls->disconnect(relay->broker);
    relay->connected = false;
    relay->attempts += !relay->attempts;
    relay->unsettled = 0;
    relay->unsettled_bytes = 0;
    tap_seek(relay->tap, atomic_load(&relay->position));
}

/* Doubles from one attempt to the next, and is drawn from its upper half, so that many servers do not come back at once. */
static bool pause_before_retry(struct relay *relay)
{
    int64_t most = RETRY_LEAST_MS;
    for (uint32_t i = 1; i < relay->attempts && most < relay->retry_most_ms; i++)
        most *= 2;
    if (most > relay->retry_most_ms) most = relay->retry_most_ms;
    relay->attempts++;
    return tap_pause(relay->tap, most / 2 + randombytes_uniform((uint32_t)(most / 2) + 1));
}

/* False: it is being stopped. */
static bool connect_again(struct relay *relay)
{
    char problem[BROKER_PROBLEM_SIZE] = "";
    while (!relay->attempts || pause_before_retry(relay)) {
        relay->connected = relay->broker->calls->connect(relay->broker, problem);
        if (relay->connected || tap_stopping(relay->tap)) break;
        relay->attempts += !relay->attempts;
        say_down(relay, problem);
    }
    return relay->connected;
}

/* ---- telling ---- */

static bool publish(struct relay *relay, const struct envelope *envelope, char problem[BROKER_PROBLEM_SIZE])
{
    const struct record *record = envelope->record;
    char subject[ID_TEXT_LENGTH + 1], tenant[ID_TEXT_LENGTH + 1];
    arena_reset(relay->arena);
    id_format(id_is_none(envelope->subject) ? envelope->entity : envelope->subject, subject);
    id_format(record->tenant, tenant);
    struct broker_message message = {
        .id = arena_format(relay->arena, "%llu.%u", (unsigned long long)record->lsn, envelope->number),
        .type = text_of(envelope->event->name),
        .subject_kind = text_of(envelope->subject_kind),
        .subject = text_of(subject),
        .tenant = text_of(tenant),
        .trace = record->trace,
        .body = tap_render(relay->tap, envelope),
        .time = record->time,
    };
    if (!relay->broker->calls->publish(relay->broker, &message, problem)) return false;
    relay->unsettled++;
    relay->unsettled_bytes += message.body.length;
    return true;
}

static void confirm(struct relay *relay)
{
    atomic_fetch_add(&relay->events, relay->unsettled);
    atomic_store(&relay->position, tap_position(relay->tap));
    atomic_store(&relay->oldest_time, 0);
    relay->unsettled = 0;
    relay->unsettled_bytes = 0;
    say_up(relay);
    note(relay, false);
}

static bool stopped_long_enough(struct relay *relay)
{
    if (!tap_stopping(relay->tap)) return false;
    int64_t now = time_ms(CLOCK_MONOTONIC);
    if (!relay->stopped_at) relay->stopped_at = now;
    return now - relay->stopped_at >= STOP_MS;
}

/* Until all that was published is confirmed; with nothing published, a look at the connection. */
static void settle(struct relay *relay)
{
    const struct broker_calls *calls = relay->broker->calls;
    char problem[BROKER_PROBLEM_SIZE] = "";
    int64_t began = time_ms(CLOCK_MONOTONIC);
    enum broker_state state;
    while ((state = calls->settle(relay->broker, relay->unsettled ? SETTLE_MS : 0, problem)) == BROKER_WAITING) {
        if (stopped_long_enough(relay)) return;
        if (time_ms(CLOCK_MONOTONIC) - began >= QUIET_MS) say_down(relay, *problem ? problem : "it confirms nothing");
    }
    if (state == BROKER_SETTLED)
        confirm(relay);
    else
        lose(relay, problem);
}

static bool window_is_full(const struct relay *relay)
{
    return relay->unsettled >= relay->broker->calls->window || relay->unsettled_bytes >= WINDOW_BYTES;
}

static void run(struct tap *tap, void *context)
{
    struct relay *relay = context;
    relay->tap = tap;
    for (;;) {
        struct envelope envelope;
        char problem[BROKER_PROBLEM_SIZE] = "";
        enum tap_found found = tap_next(tap, relay->unsettled || !relay->connected ? 0 : IDLE_MS, &envelope);
        if (found == TAP_STOPPED || found == TAP_DAMAGED) break;
        if (found == TAP_EVENT && !relay->unsettled) atomic_store(&relay->oldest_time, envelope.record->time);
        if (!relay->connected && !connect_again(relay)) break;
        if (found == TAP_EVENT && !publish(relay, &envelope, problem))
            lose(relay, problem);
        else if (found == TAP_IDLE || window_is_full(relay))
            settle(relay);
    }
    if (relay->unsettled) settle(relay);
    if (relay->connected) relay->broker->calls->disconnect(relay->broker);
    note(relay, true);
    atomic_store(&relay->up, false);
    pthread_mutex_lock(&relay->mutex);
    relay->ended = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->mutex);
}

/* ---- opening and closing ---- */

static bool is_stopping(const void *context)
{
    const struct relay *relay = context;
    return tap_stopping(relay->tap);
}

struct relay *relay_open(struct feed *feed, struct store *store, struct broker *broker, int64_t retry_most_ms)
{
    struct relay *relay = memory_alloc(sizeof *relay);
    relay->feed = feed;
    relay->store = store;
    relay->broker = broker;
    relay->retry_most_ms = retry_most_ms;
    relay->arena = arena_create();
    broker->stopping = is_stopping;
    broker->context = relay;
    snprintf(relay->note, sizeof relay->note, "relay.%s", broker->calls->name);
    relay->noted = noted_position(relay);
    atomic_init(&relay->position, relay->noted);
    CHECK(pthread_mutex_init(&relay->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&relay->changed, NULL) == 0);
    log_line("relay", LOG_INFO, "follows the log", "relay=%s position=%" PRIu64, broker->calls->name, relay->noted);
    relay->handle = tap_open(
        feed, &(struct tap_config){.name = broker->calls->name, .after = relay->noted, .run = run, .context = relay});
    return relay;
}

void relay_stop(struct relay *relay)
{
    tap_stop(relay->handle);
}

void relay_close(struct relay *relay)
{
    relay_stop(relay);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (STOP_MS + 500) / 1000 + 1;
    pthread_mutex_lock(&relay->mutex);
    while (!relay->ended)
        if (pthread_cond_timedwait(&relay->changed, &relay->mutex, &until)) break;
    bool stuck = !relay->ended;
    pthread_mutex_unlock(&relay->mutex);
    if (stuck && relay->broker->calls->interrupt) relay->broker->calls->interrupt(relay->broker);
    tap_close(relay->handle);
    relay->broker->calls->destroy(relay->broker);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->mutex);
    arena_destroy(relay->arena);
    free(relay);
}

/* ---- metrics ---- */

static uint64_t lag_positions(const struct relay *relay)
{
    uint64_t durable = feed_durable(relay->feed), position = atomic_load(&relay->position);
    return durable > position ? durable - position : 0;
}

static uint64_t lag_seconds(const struct relay *relay)
{
    int64_t oldest = atomic_load(&relay->oldest_time), now = time_ms(CLOCK_REALTIME);
    return oldest && now > oldest ? (uint64_t)(now - oldest) / 1000 : 0;
}

static uint64_t is_up(const struct relay *relay)
{
    return atomic_load(&relay->up);
}

static uint64_t event_count(const struct relay *relay)
{
    return atomic_load(&relay->events);
}

static uint64_t loss_count(const struct relay *relay)
{
    return atomic_load(&relay->losses);
}

void relays_metrics(struct relay *const *relays, unsigned count, struct buffer *out)
{
    /* clang-format off */
    static const struct { const char *name, *type; uint64_t (*value)(const struct relay *relay); } rows[] = {
        { "souk_relay_up",            "gauge",   is_up },
        { "souk_relay_lag_positions", "gauge",   lag_positions },
        { "souk_relay_lag_seconds",   "gauge",   lag_seconds },
        { "souk_relay_events_total",  "counter", event_count },
        { "souk_relay_losses_total",  "counter", loss_count },
    };
    /* clang-format on */
    for (size_t row = 0; count && row < sizeof rows / sizeof rows[0]; row++) {
        buffer_format(out, "# TYPE %s %s\n", rows[row].name, rows[row].type);
        for (unsigned i = 0; i < count; i++)
            buffer_format(out, "%s{relay=\"%s\"} %" PRIu64 "\n", rows[row].name, relays[i]->broker->calls->name,
                          rows[row].value(relays[i]));
    }
}
