/* The endpoints, and their reader: it goes through them in turn, sets the tap where each stands, and fills its window; it also loads and writes their
   notes, and it alone takes an endpoint off the list. So whoever holds the mutex may hold an endpoint of the list, and the reader may
   without it. */
#include "relay/webhook.h"
#include "base/check.h"
#include "base/log.h"
#include "relay/webhook_internal.h"
#include "schema/codec.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NOTE_MS = 1000, NOTE_IDLE_MS = 10 * 1000, SLEEP_MS = 60 * 1000 };

int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

struct endpoint *endpoint_find(struct webhooks *webhooks, struct id id)
{
    struct endpoint *at = webhooks->endpoints;
    while (at && !id_equal(at->id, id))
        at = at->next;
    return at;
}

static void request_drop(struct request *request)
{
    if (request->arena) arena_destroy(request->arena);
    *request = (struct request){0};
}

/* ---- the reader: what an endpoint is told ---- */

/* Of the current endpoint, behind where it has been read to. */
static bool wanted(void *context, const struct envelope *envelope)
{
    const struct webhooks *webhooks = context;
    const struct endpoint *endpoint = webhooks->current;
    const struct endpoint_request *asked = endpoint->request.asked;
    const char *name = envelope->event->name;
    if (!id_equal(envelope->record->tenant, endpoint->request.tenant)) return false;
    if (envelope->record->lsn == endpoint->read.lsn && (int64_t)envelope->number <= endpoint->read.number) return false;
    if (strcmp(name, ENDPOINT_TEST_EVENT) == 0) return id_equal(envelope->entity, endpoint->id);
    for (uint32_t i = 0; i < asked->events.count; i++)
        if (event_pattern_fits(asked->events.at[i], text_of(name))) return true;
    return false;
}

static struct delivery *delivery_make(struct endpoint *endpoint, struct tap *tap, const struct envelope *envelope)
{
    struct arena *arena = arena_create();
    struct delivery *delivery = ARENA_NEW(arena, struct delivery);
    uint64_t lsn = envelope->record->lsn;
    *delivery = (struct delivery){
        .endpoint = endpoint,
        .arena = arena,
        .place = {lsn, tap_position(tap) >= lsn ? -1 : (int64_t)envelope->number},
        .number = envelope->number,
        .lane = id_is_none(envelope->subject) ? envelope->entity : envelope->subject,
        .id = arena_format(arena, "%llu.%u", (unsigned long long)lsn, envelope->number),
        .type = text_of(envelope->event->name),
        .body = arena_text(arena, tap_render(tap, envelope)),
    };
    return delivery;
}

static bool has_room(const struct endpoint *endpoint)
{
    return endpoint->count < WINDOW_EVENTS && endpoint->bytes < WINDOW_BYTES;
}

static bool wants_reading(const struct endpoint *endpoint, uint64_t durable)
{
    return endpoint_is_open(endpoint) && !endpoint->broken && has_room(endpoint) &&
           (endpoint->read.number >= 0 || endpoint->read.lsn < durable);
}

/* The events up to `place` are in the window, this one (if any) as the last. */
static bool hand_over(struct webhooks *webhooks, struct endpoint *endpoint, struct delivery *delivery,
                      struct place place)
{
    pthread_mutex_lock(&webhooks->mutex);
    endpoint->read = place;
    if (delivery) window_append(endpoint, delivery);
#if defined MUTANT && MUTANT == 47
    endpoint->told = place;
#endif
    if (!endpoint->first) endpoint->told = place;
    bool goes_on = endpoint_is_open(endpoint) && has_room(endpoint);
    pthread_mutex_unlock(&webhooks->mutex);
    return goes_on;
}

static void read_some(struct webhooks *webhooks, struct tap *tap, struct endpoint *endpoint)
{
    struct envelope envelope;
    struct place read = endpoint->read;
    bool goes_on = true, found_any = false;
    webhooks->current = endpoint;
    tap_seek(tap, read.number >= 0 ? read.lsn - 1 : read.lsn);
    for (int i = 0; i < EVENTS_AT_ONCE && goes_on; i++) {
        enum tap_found found = tap_next(tap, 0, &envelope);
        if (found == TAP_EVENT) {
            struct delivery *delivery = delivery_make(endpoint, tap, &envelope);
            goes_on = hand_over(webhooks, endpoint, delivery, delivery->place);
            found_any = true;
            continue;
        }
        if (found == TAP_IDLE) hand_over(webhooks, endpoint, NULL, (struct place){tap_position(tap), -1});
        endpoint->broken = found == TAP_DAMAGED;
        break;
    }
    if (found_any) sender_wake(webhooks->sender);
}

/* ---- the reader: requests ---- */

/* The place of a request counts once, and another request is tried at once whatever became of the one before. */
static void settle_request(struct endpoint *endpoint)
{
    const struct endpoint_request *asked = endpoint->request.asked;
    if (endpoint->beginning != asked->beginning) {
        endpoint->told = (struct place){(uint64_t)asked->position, -1};
        if (asked->number > 0) endpoint->told = (struct place){(uint64_t)asked->position + 1, asked->number - 1};
        endpoint->remembered_count = 0;
    }
    endpoint->read = endpoint->told;
    if (endpoint->serial != asked->serial) {
        endpoint->failures = endpoint->failing_since = endpoint->probe_at = 0;
        for (uint32_t i = 0; i < endpoint->remembered_count; i++)
            endpoint->remembered[i].attempts = endpoint->remembered[i].due = 0;
    }
    endpoint->beginning = asked->beginning;
    endpoint->serial = asked->serial;
    endpoint->broken = false;
    endpoint->dirty = endpoint->urgent = true;
}

static void load_note(struct webhooks *webhooks, struct endpoint *endpoint)
{
    struct arena *arena = arena_create();
    struct endpoint_note note;
    endpoint_note_load(webhooks, endpoint->id, arena, &note);
    int64_t durable = (int64_t)feed_durable(webhooks->feed);
    if (note.lsn > durable) { /* only a log that was cut can be shorter */
        log_line("webhook", LOG_WARNING, "the log ends before what was told", "told=%lld durable=%lld",
                 (long long)note.lsn, (long long)durable);
        note.lsn = durable;
        note.number = 0;
    }
    pthread_mutex_lock(&webhooks->mutex);
    endpoint_take_note(endpoint, &note);
    pthread_mutex_unlock(&webhooks->mutex);
    arena_destroy(arena);
}

/* Puts the coming request in force once nothing is being sent for the one before. */
static bool take_request(struct webhooks *webhooks, struct endpoint *endpoint)
{
    bool known = endpoint->loaded;
    pthread_mutex_lock(&webhooks->mutex);
    bool ready = endpoint->coming.arena && !endpoint->sending;
    pthread_mutex_unlock(&webhooks->mutex);
    if (!ready) return false;
    if (!known) load_note(webhooks, endpoint);
    pthread_mutex_lock(&webhooks->mutex);
    endpoint->loaded = true;
    if (endpoint->coming.arena) { /* it was not dropped meanwhile */
        if (known) window_drop(endpoint);
        request_drop(&endpoint->request);
        endpoint->request = endpoint->coming;
        endpoint->coming = (struct request){0};
        settle_request(endpoint);
    }
    pthread_mutex_unlock(&webhooks->mutex);
    return true;
}

/* What waits was read before somebody was erased, and may tell of her: it is read again, once nothing of it is being sent. */
static bool forget_erased(struct webhooks *webhooks, struct endpoint *endpoint)
{
    uint32_t erasures = feed_erasures(webhooks->feed);
    pthread_mutex_lock(&webhooks->mutex);
    bool old = endpoint->erasures != erasures && !endpoint->sending;
    if (old) endpoint->erasures = erasures;
    if (old && endpoint->first) window_drop(endpoint);
    pthread_mutex_unlock(&webhooks->mutex);
    return old;
}

static void endpoint_free(struct endpoint *endpoint)
{
    endpoint->sending = 0;
    window_drop(endpoint);
    request_drop(&endpoint->request);
    request_drop(&endpoint->coming);
    free(endpoint->remembered);
    free(endpoint);
}

static bool is_over(const struct endpoint *endpoint)
{
    return !endpoint->call && !endpoint->coming.arena && !endpoint->sending;
}

/* Nobody wants it told any more: its note stays. */
static void take_off(struct webhooks *webhooks, struct endpoint *endpoint)
{
    pthread_mutex_lock(&webhooks->mutex);
    bool over = is_over(endpoint);
    pthread_mutex_unlock(&webhooks->mutex);
    if (!over) return;
    endpoint_note_write(webhooks, endpoint);
    pthread_mutex_lock(&webhooks->mutex);
    over = is_over(endpoint);
    struct endpoint **at = &webhooks->endpoints;
    while (*at != endpoint)
        at = &(*at)->next;
    if (over) *at = endpoint->next;
    pthread_mutex_unlock(&webhooks->mutex);
    if (over) endpoint_free(endpoint);
}

/* ---- the reader: its round ---- */

/* What it is told soon must not be told twice after a kill, what it passed over may be read again. */
static bool note_is_due(const struct endpoint *endpoint, int64_t now)
{
    if (!endpoint->loaded) return false;
    int64_t age = now - endpoint->noted_at;
    bool passed = endpoint->told.lsn != endpoint->noted_lsn && age >= NOTE_IDLE_MS;
    return endpoint->urgent || passed || (endpoint->dirty && age >= NOTE_MS);
}

struct round {
    uint64_t durable;
    bool served;     /* somebody had something to do */
    bool open;       /* somebody waits for what happens */
    int64_t wait_ms; /* until the next note */
};

static void serve(struct webhooks *webhooks, struct tap *tap, struct endpoint *endpoint, struct round *round)
{
    int64_t now = wall_ms();
    round->served |= take_request(webhooks, endpoint);
    round->served |= forget_erased(webhooks, endpoint);
    pthread_mutex_lock(&webhooks->mutex);
    bool reads = wants_reading(endpoint, round->durable), notes = note_is_due(endpoint, now);
    round->open |= endpoint_is_open(endpoint) && has_room(endpoint) && !endpoint->broken;
    if (endpoint->dirty || endpoint->count) round->wait_ms = NOTE_MS;
    pthread_mutex_unlock(&webhooks->mutex);
    if (reads) read_some(webhooks, tap, endpoint);
    if (notes) endpoint_note_write(webhooks, endpoint);
    round->served |= reads;
}

/* NULL: the first. The core may be adding one at the end. */
static struct endpoint *behind(struct webhooks *webhooks, const struct endpoint *endpoint)
{
    pthread_mutex_lock(&webhooks->mutex);
    struct endpoint *next = endpoint ? endpoint->next : webhooks->endpoints;
    pthread_mutex_unlock(&webhooks->mutex);
    return next;
}

static void run(struct tap *tap, void *context)
{
    struct webhooks *webhooks = context;
    while (!tap_stopping(tap)) {
        struct round round = {.durable = feed_durable(webhooks->feed), .wait_ms = SLEEP_MS};
        struct endpoint *at = behind(webhooks, NULL), *next;
        for (; at && !tap_stopping(tap); at = next) {
            serve(webhooks, tap, at, &round);
            next = behind(webhooks, at);
            take_off(webhooks, at);
        }
        if (!round.served) tap_await(tap, round.wait_ms, round.open ? round.durable : TAP_ANYHOW);
    }
    for (struct endpoint *at = webhooks->endpoints; at; at = at->next)
        endpoint_note_write(webhooks, at);
}

/* ---- the core's side ---- */

static void start_threads(struct webhooks *webhooks)
{
    if (webhooks->sender_runs) return;
    webhooks->sender = sender_create(webhooks);
    webhooks->tap = tap_open(webhooks->feed, &(struct tap_config){.wants = wanted, .run = run, .context = webhooks});
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
    CHECK(pthread_create(&webhooks->thread, NULL, sender_run, webhooks) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    webhooks->sender_runs = true;
}

/* New ones are put at the end: the reader may be anywhere in the list. */
static struct endpoint *endpoint_add(struct webhooks *webhooks, struct id id)
{
    struct endpoint **at = &webhooks->endpoints, *endpoint = memory_alloc(sizeof *endpoint);
    while (*at)
        at = &(*at)->next;
    endpoint->id = id;
    endpoint->last = &endpoint->first;
    *at = endpoint;
    return endpoint;
}

static void call(void *context, struct effect_call *effect)
{
    struct webhooks *webhooks = context;
    const struct endpoint_request *asked = effect->request;
    effect->kept = !atomic_load(&webhooks->stopping);
    effect->retry = !effect->kept;
    if (effect->retry) return;
    start_threads(webhooks);
    struct arena *arena = arena_create();
    struct request coming = {arena, effect->tenant, schema_clone(effect->class->request, asked, arena)};
    pthread_mutex_lock(&webhooks->mutex);
    struct endpoint *endpoint = endpoint_find(webhooks, asked->endpoint);
    if (!endpoint) endpoint = endpoint_add(webhooks, asked->endpoint);
    endpoint->call = effect;
#if !defined MUTANT || MUTANT != 48
    endpoint->ended = false; /* that was the one before */
#endif
    request_drop(&endpoint->coming);
    endpoint->coming = coming;
    pthread_mutex_unlock(&webhooks->mutex);
    tap_wake(webhooks->tap);
}

static bool drop(void *context, struct effect_call *effect)
{
    struct webhooks *webhooks = context;
    pthread_mutex_lock(&webhooks->mutex);
    struct endpoint *endpoint = webhooks->endpoints;
    while (endpoint && endpoint->call != effect)
        endpoint = endpoint->next;
    if (endpoint) {
        endpoint->call = NULL;
        endpoint->ended = false;
        request_drop(&endpoint->coming);
    }
    pthread_mutex_unlock(&webhooks->mutex);
    if (endpoint) tap_wake(webhooks->tap);
    return endpoint != NULL;
}

struct provider webhooks_provider(struct webhooks *webhooks)
{
    return (struct provider){.class_name = endpoint_effect.name,
                             .call = call,
                             .context = webhooks,
                             .instant = true,
                             .drop = drop,
                             .report = webhooks_report};
}

/* ---- its life ---- */

struct webhooks *webhooks_open(const struct webhooks_config *config, struct store *store)
{
    struct webhooks *webhooks = memory_alloc(sizeof *webhooks);
    webhooks->config = *config;
    webhooks->store = store;
    webhooks->sent_for = map_create();
    CHECK(pthread_mutex_init(&webhooks->mutex, NULL) == 0);
    return webhooks;
}

void webhooks_start(struct webhooks *webhooks, struct feed *feed)
{
    webhooks->feed = feed;
}

void webhooks_stop(struct webhooks *webhooks)
{
    if (!webhooks || atomic_exchange(&webhooks->stopping, true) || !webhooks->sender_runs) return;
    sender_wake(webhooks->sender);
    CHECK(pthread_join(webhooks->thread, NULL) == 0);
    tap_close(webhooks->tap);
}

void webhooks_close(struct webhooks *webhooks)
{
    if (!webhooks) return;
    webhooks_stop(webhooks);
    if (webhooks->sender) sender_destroy(webhooks->sender);
    while (webhooks->endpoints) {
        struct endpoint *first = webhooks->endpoints;
        webhooks->endpoints = first->next;
        endpoint_free(first);
    }
    map_destroy(webhooks->sent_for);
    pthread_mutex_destroy(&webhooks->mutex);
    free(webhooks);
}
