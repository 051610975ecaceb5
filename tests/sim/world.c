/* The shell of a simulated world: turns, workers, durability, time, faults, crashes. */
#include "sim/world.h"
#include "actors/all.h"
#include "actors/identity/identity.h"
#include "actors/runtime/record.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MOST = 20000 };

void violated(struct world *world, const char *invariant, const char *format, ...)
{
    if (world->verdict[0]) return; /* the first one counts */
    va_list arguments;
    va_start(arguments, format);
    int length = snprintf(world->verdict, sizeof world->verdict, "%s: ", invariant);
    vsnprintf(world->verdict + length, sizeof world->verdict - (size_t)length, format, arguments);
    va_end(arguments);
}

/* Whoever the request says: sessions are another test's business. */
static enum error identify(struct tx *tx)
{
    const struct user *user = load(tx, &user_kind, tx->principal.user);
    if (!user) return pending(tx) ? OK : ERROR_UNAUTHORIZED;
    tx->principal.leader = user->role == ROLE_LEADER;
    return OK;
}

static void deliver_mail(void *context, struct effect_call *call)
{
    const struct world *world = context;
    call->retry = !world->book.well && call->attempt < 3 && call->key.length % 3 == 0;
}

static void add_setting(struct world *world, unsigned number, const char *name, int64_t value)
{
    snprintf(world->setting_texts[number], sizeof world->setting_texts[number], "%lld", (long long)value);
    world->settings[number * 2] = name;
    world->settings[number * 2 + 1] = world->setting_texts[number];
}

void world_open(struct world *world, const struct terms *terms)
{
    memset(world, 0, sizeof *world);
    world->terms = *terms;
    world->arena = arena_create();
    world->chance.state = (uint64_t)terms->chance;
    world->last_flight = &world->flights;
    world->registry = *souk_registry(world->arena);
    world->registry.identify = identify;
    world->book = (struct book){.arena = world->arena, .now = &world->loopback.now};
    world->providers[0] = (struct provider){"payment", book_call, &world->book, .instant = terms->instant != 0};
    world->providers[1] = (struct provider){"mail", deliver_mail, world};
    loopback_prepare(&world->loopback, &world->registry, world->providers);
    add_setting(world, 0, "checkpoint.interval", terms->checkpoint_ms);
    add_setting(world, 1, "orders.hold", terms->hold_ms);
    add_setting(world, 2, "orders.open_max", terms->open_max);
    world->loopback.config.settings = world->settings;
    world->loopback.config.actors_memory = (size_t)terms->memory;
    world->loopback.randomness = (uint64_t)terms->chance;
    loopback_start(&world->loopback);
    world_settle(world);
}

static void flights_drop(struct world *world)
{
    while (world->flights) {
        struct flight *next = world->flights->next;
        said_free(world->flights->said);
        free(world->flights);
        world->flights = next;
    }
    world->last_flight = &world->flights;
}

void world_close(struct world *world)
{
    if (world->loopback.core) loopback_kill(&world->loopback, 0);
    flights_drop(world);
    world->loopback.store->calls->close(world->loopback.store);
    keyring_destroy(world->loopback.keyring);
    buffer_free(&world->loopback.slots);
    arena_destroy(world->arena);
}

/* ---- answers ---- */
/* Of those that were answered since, the one whose record is the oldest: answers are learnt in the order of the log. */
static struct flight *flight_take(struct world *world)
{
    struct flight **first = NULL;
    for (struct flight **at = &world->flights; *at; at = &(*at)->next)
        if ((*at)->said->answered &&
            (!first || (*at)->said->request.reply.log_position < (*first)->said->request.reply.log_position))
            first = at;
    if (!first) return NULL;
    struct flight *flight = *first;
    *first = flight->next;
    if (!*first) world->last_flight = first;
    return flight;
}

static void listen(struct world *world)
{
    struct flight *flight;
    while ((flight = flight_take(world))) {
        uint64_t durable = memory_store_durable_lsn(world->loopback.store);
        if (flight->said->request.reply.log_position > durable)
            violated(world, "I1 durable", "an answer speaks of record %llu, and only %llu are durable",
                     (unsigned long long)flight->said->request.reply.log_position, (unsigned long long)durable);
        learn(world, flight);
        said_free(flight->said);
        free(flight);
    }
}

/* A store that failed takes the server with it. A read that failed leaves a message unanswered or answered with 500. */
static void look_at_store(struct world *world)
{
    if (world->loopback.failed) {
        world->read_fault_armed = false;
        world_crash(world, 0);
    } else if (world->read_fault_armed && memory_store_call_count(world->loopback.store) >= world->fault_calls) {
        world->read_fault_armed = false;
        world->damaged = true;
    }
}

void world_turn(struct world *world)
{
    core_turn(world->loopback.core, world->loopback.now);
    look_at_store(world);
    listen(world);
}

bool world_work(struct world *world, uint32_t pick)
{
    bool worked = loopback_work(&world->loopback, pick % 8);
    look_at_store(world);
    listen(world);
    return worked;
}

bool world_sync(struct world *world)
{
    bool stepped = memory_store_step(world->loopback.store);
    look_at_store(world);
    listen(world);
    return stepped;
}

void world_settle(struct world *world)
{
    bool moved = true;
    unsigned turns = 0;
    for (; moved && turns < TURNS_MOST && world_is_well(world); turns++) {
        world_turn(world);
        moved = core_busy(world->loopback.core);
        while (world_work(world, 0))
            moved = true;
        while (world_sync(world))
            moved = true;
    }
    if (turns == TURNS_MOST) violated(world, "liveness", "the server does not come to rest");
}

void world_pass(struct world *world, int64_t ms)
{
    int64_t end = world->loopback.now + ms, longest = ms / 40 + 1;
    while (world->loopback.now < end && world_is_well(world)) {
        int64_t due = core_next_due(world->loopback.core), now = world->loopback.now;
        if (due <= now) due = now + 1;
        if (due - now == SECONDS(1) && longest > SECONDS(1)) due = now + longest; /* mere housekeeping */
        world->loopback.now = due < end ? due : end;
        world_settle(world);
    }
}

/* ---- ends ---- */
static void differs(void *context, const char *difference, struct text key)
{
    char shown[200] = "";
    for (uint32_t i = 0; i < key.length && i * 2 + 3 < sizeof shown; i++)
        snprintf(shown + i * 2, 3, "%02x", (uint8_t)key.data[i]);
    violated(context, "I10 replay", "%s: %s", difference, shown);
}

/* Time never goes back along the log. */
static void check_times(struct world *world)
{
    struct store *store = world->loopback.store;
    int64_t before = 0;
    for (uint64_t lsn = 1; lsn <= memory_store_durable_lsn(store); lsn++) {
        struct arena *arena = arena_create();
        struct text head, body;
        struct record record = {0};
        if (store->calls->read_log(store, lsn, arena, &head, &body) == FOUND &&
            record_decode(arena, head, body, &record) && record.time < before)
            violated(world, "I9 time", "record %llu is %lld ms older than the one before", (unsigned long long)lsn,
                     (long long)(before - record.time));
        before = record.time;
        arena_destroy(arena);
    }
}

/* The tables that a start found are what the log gives. */
void world_verify(struct world *world)
{
    struct loopback *loopback = &world->loopback;
    char problem[256] = "";
    check_times(world);
    if (core_verify(loopback->registry, &loopback->ports, &loopback->config, differs, world, problem) < 0)
        violated(world, "I10 replay", "%s", problem);
}

void world_crash(struct world *world, uint32_t survivors)
{
    struct loopback *loopback = &world->loopback;
    loopback_kill(loopback, survivors);
    for (const struct flight *flight = world->flights; flight; flight = flight->next)
        world->impressions_open += world->slots.at[flight->slot].kind == OPERATION_feed;
    flights_drop(world); /* their slots stay open */
    loopback->failed = false;
    loopback->refuse_work = 0;
    world->read_fault_armed = false;
    world->lost_impressions = true;
    world->crashes++;
    world->kept_from = world->slots.count;
    loopback_start(loopback);
}

void world_restart(struct world *world)
{
    struct loopback *loopback = &world->loopback;
    memory_store_fault_at(loopback->store, 0);
    world->read_fault_armed = false;
    loopback->refuse_work = 0;
    bool stopped = false;
    for (unsigned i = 0; i < 2000 && !stopped && world_is_well(world); i++) {
        stopped = core_stop(loopback->core);
        world_settle(world);
    }
    if (!stopped) violated(world, "liveness", "a graceful stop does not end");
    if (world->flights) violated(world, "I12 answers", "a graceful stop left a request without an answer");
    flights_drop(world);
    loopback_kill(loopback, UINT32_MAX);
    loopback_start(loopback);
    world_verify(world);
}

void world_calm(struct world *world)
{
    struct store *store = world->loopback.store;
    memory_store_fault_at(store, 0);
    memory_store_miss_every(store, 0);
    memory_store_set_free_bytes(store, UINT64_C(1) << 40);
    world->loopback.refuse_work = 0;
    world->read_fault_armed = false;
    world->book.well = true;
}

/* ---- asking ---- */
struct answer answer_of(struct said *said)
{
    struct answer answer = {.said = said};
    struct text body = said->request.reply.body;
    if (body.length) answer.document = yyjson_read(body.data, body.length, 0);
    answer.root = yyjson_doc_get_root(answer.document);
    answer.data = json_at(answer.root, "data");
    return answer;
}

void answer_free(struct answer *answer)
{
    yyjson_doc_free(answer->document);
    if (answer->said) said_free(answer->said);
    *answer = (struct answer){0};
}

struct answer world_ask(struct world *world, struct asking asking, uint16_t status)
{
    if (!world_is_well(world)) return (struct answer){0};
    struct said *said = loopback_send(&world->loopback, asking);
    world_settle(world);
    if (!said->answered) {
        violated(world, "I12 answers", "%s.%s is not answered", asking.kind, asking.command);
        return (struct answer){0}; /* the core still holds it */
    }
    if (said->request.reply.status != status)
        violated(world, "answers", "%s.%s is answered %u: %.*s", asking.kind, asking.command,
                 said->request.reply.status, TEXT_ARGUMENTS(said->request.reply.body));
    return answer_of(said);
}

/* ---- what is left behind ---- */
static void digest_add(uint8_t digest[32], struct text bytes)
{
    hash_bytes((struct text){(const char *)digest, 32}, bytes, digest);
}

void world_digest(struct world *world, uint8_t digest[32])
{
    struct store *store = world->loopback.store;
    memset(digest, 0, 32);
    for (uint64_t lsn = 1; lsn <= memory_store_durable_lsn(store); lsn++) {
        struct arena *arena = arena_create();
        struct text head, body;
        if (store->calls->read_log(store, lsn, arena, &head, &body) == FOUND) {
            digest_add(digest, head);
            digest_add(digest, body);
        }
        arena_destroy(arena);
    }
    struct arena *arena = arena_create();
    uint32_t count = 1 << 20;
    struct table_row *rows = memory_alloc(count * sizeof *rows);
    store->calls->scan(store, LITERAL(""), (struct text){0}, false, count, TIER_DISK, arena, rows, &count);
    for (uint32_t i = 0; i < count; i++) {
        digest_add(digest, rows[i].key);
        digest_add(digest, rows[i].value);
    }
    free(rows);
    arena_destroy(arena);
}
