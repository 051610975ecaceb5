/* A relay and a broker that does what a table says: what it gets, in which order, and where the relay goes on. */
#include "relay/relay.h"
#include "support/loopback.h"
#include "support/thing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static const struct id USER_ONE = {{0x01, 1}};
enum { PATIENCE_S = 60, WINDOW = 3 };

/* ---- a broker ---- */

/* What it does wrong, once each when its count is not 0; the counts go down as it happens. */
struct faults {
    uint32_t connects;  /* so many fail */
    uint32_t publishes; /* the n-th from now fails */
    uint32_t settles;   /* the n-th from now loses what is not confirmed */
    bool silent;        /* nothing is confirmed */
};
struct fake {
    struct broker broker;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct faults faults;
    struct buffer got;     /* " id" of what was published, '|' where it was confirmed, '!' where it was lost */
    struct buffer ids;     /* confirmed */
    struct buffer pending; /* published, not confirmed */
    uint32_t connections, interrupts, in_flight, in_flight_most;
    bool connected, destroyed;
};

static struct fake *self(struct broker *broker)
{
    return (struct fake *)broker;
}

static void changed(struct fake *fake)
{
    pthread_cond_broadcast(&fake->changed);
    pthread_mutex_unlock(&fake->mutex);
}

static bool due(uint32_t *count)
{
    return *count && --*count == 0;
}

static bool fake_connect(struct broker *broker, char problem[BROKER_PROBLEM_SIZE])
{
    struct fake *fake = self(broker);
    pthread_mutex_lock(&fake->mutex);
    bool good = !fake->faults.connects;
    if (!good) fake->faults.connects--;
    fake->connected = good;
    fake->connections += good;
    snprintf(problem, BROKER_PROBLEM_SIZE, "nobody is there");
    changed(fake);
    return good;
}

static bool fake_publish(struct broker *broker, const struct broker_message *message, char problem[BROKER_PROBLEM_SIZE])
{
    struct fake *fake = self(broker);
    pthread_mutex_lock(&fake->mutex);
    bool good = fake->connected && !due(&fake->faults.publishes);
    if (good) {
        buffer_format(&fake->got, " %.*s", TEXT_ARGUMENTS(message->id));
        buffer_format(&fake->pending, " %.*s", TEXT_ARGUMENTS(message->id));
        if (++fake->in_flight > fake->in_flight_most) fake->in_flight_most = fake->in_flight;
    }
    snprintf(problem, BROKER_PROBLEM_SIZE, "refused");
    changed(fake);
    return good;
}

static enum broker_state fake_settle(struct broker *broker, int64_t ms, char problem[BROKER_PROBLEM_SIZE])
{
    struct fake *fake = self(broker);
    enum broker_state state = BROKER_SETTLED;
    pthread_mutex_lock(&fake->mutex);
    bool silent = fake->faults.silent && fake->in_flight;
    if (silent) {
        state = BROKER_WAITING;
    } else if (fake->in_flight && due(&fake->faults.settles)) {
        state = BROKER_LOST;
    } else if (fake->in_flight) {
        buffer_byte(&fake->got, '|');
        buffer_text(&fake->ids, buffer_as_text(&fake->pending));
        buffer_clear(&fake->pending);
        fake->in_flight = 0;
    }
    snprintf(problem, BROKER_PROBLEM_SIZE, "gone");
    changed(fake);
    if (silent) usleep((useconds_t)ms * 1000);
    return state;
}

static void fake_disconnect(struct broker *broker)
{
    struct fake *fake = self(broker);
    pthread_mutex_lock(&fake->mutex);
    if (fake->in_flight) buffer_byte(&fake->got, '!');
    buffer_clear(&fake->pending);
    fake->in_flight = 0;
    fake->connected = false;
    changed(fake);
}

static void fake_interrupt(struct broker *broker)
{
    self(broker)->interrupts++;
}

static void fake_destroy(struct broker *broker)
{
    self(broker)->destroyed = true;
}

static const struct broker_calls fake_calls = {
    .name = "fake",
    .window = WINDOW,
    .connect = fake_connect,
    .publish = fake_publish,
    .settle = fake_settle,
    .disconnect = fake_disconnect,
    .interrupt = fake_interrupt,
    .destroy = fake_destroy,
};

/* ---- a marketplace of things, and a relay ---- */

struct stage {
    struct loopback world;
    struct feed *feed;
    struct relay *relay;
    struct fake fake;
};

static void stage_relay(struct stage *stage, struct faults faults)
{
    stage->fake.faults = faults;
    stage->fake.destroyed = false;
    stage->relay = relay_open(stage->feed, stage->world.store, &stage->fake.broker, 100);
}

static void stage_open(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    loopback_open(&stage->world, &thing_registry, thing_providers);
    stage->feed = feed_create(stage->world.store, &thing_registry, stage->world.keyring,
                              memory_store_durable_lsn(stage->world.store));
    stage->fake.broker.calls = &fake_calls;
    char position[8] = {0}; /* what the world began with is told */
    position[7] = (char)feed_durable(stage->feed);
    assert_true(stage->world.store->calls->note(stage->world.store, "relay.fake", (struct text){position, 8}));
    pthread_mutex_init(&stage->fake.mutex, NULL);
    pthread_cond_init(&stage->fake.changed, NULL);
}

static void stage_stop(struct stage *stage)
{
    relay_close(stage->relay);
    assert_true(stage->fake.destroyed);
    assert_false(stage->fake.connected);
}

static void stage_close(struct stage *stage)
{
    feed_destroy(stage->feed);
    loopback_close(&stage->world);
    buffer_free(&stage->fake.got);
    buffer_free(&stage->fake.ids);
    buffer_free(&stage->fake.pending);
    pthread_cond_destroy(&stage->fake.changed);
    pthread_mutex_destroy(&stage->fake.mutex);
}

/* Makes so many things, one event each, and tells the feed of all of them at once. */
static void make(struct stage *stage, int count)
{
    for (int i = 0; i < count; i++) {
        struct said *said = loopback_ask(
            &stage->world,
            (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"Thing\"}"});
        assert_int_equal(said->request.reply.status, 201);
        said_free(said);
    }
    feed_moved(stage->feed, memory_store_durable_lsn(stage->world.store));
}

static uint64_t figure(struct stage *stage, const char *name)
{
    struct buffer out = {0};
    char label[64];
    snprintf(label, sizeof label, "\n%s{relay=\"fake\"} ", name);
    relays_metrics(&stage->relay, 1, &out);
    buffer_byte(&out, 0);
    const char *at = strstr(out.data, label);
    assert_non_null(at);
    uint64_t value = strtoull(at + strlen(label), NULL, 10);
    buffer_free(&out);
    return value;
}

static void wait_for(struct stage *stage, const char *name, uint64_t value)
{
    for (int i = 0; i < PATIENCE_S * 1000 && figure(stage, name) != value; i++)
        usleep(1000);
    assert_int_equal(figure(stage, name), value);
}

/* The ids that were confirmed are these, once each, in this order: positions from to last, number 0. */
static void expect_told(struct stage *stage, uint64_t first, uint64_t last)
{
    struct buffer expected = {0};
    for (uint64_t position = first; position <= last; position++)
        buffer_format(&expected, " %llu.0", (unsigned long long)position);
    struct text got = buffer_as_text(&stage->fake.ids), wanted = buffer_as_text(&expected);
    if (!text_equal(got, wanted)) fail_msg("told\n%.*s\nnot\n%.*s", TEXT_ARGUMENTS(got), TEXT_ARGUMENTS(wanted));
    buffer_free(&expected);
}

/* ---- cases ---- */

static void test_tells_all_by_windows(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    make(&stage, 10);
    uint64_t last = feed_durable(stage.feed);
    stage_relay(&stage, (struct faults){0});
    wait_for(&stage, "souk_relay_lag_positions", 0);
    assert_int_equal(figure(&stage, "souk_relay_events_total"), 10);
    assert_int_equal(figure(&stage, "souk_relay_up"), 1);
    make(&stage, 2); /* also what comes later */
    wait_for(&stage, "souk_relay_events_total", 12);
    stage_stop(&stage);
    expect_told(&stage, last - 9, last + 2);
    assert_int_equal(stage.fake.in_flight_most, WINDOW);
    assert_int_equal(stage.fake.connections, 1);
    assert_int_equal(stage.fake.interrupts, 0);
    stage_close(&stage);
}

/* Whatever is lost is told again from the last confirmed window on, and nothing is left out. */
static void test_goes_back_after_a_loss(void **state)
{
    (void)state;
    static const struct faults rows[] = {
        {.connects = 3},
        {.publishes = 1},
        {.publishes = 2},
        {.publishes = 5},
        {.settles = 1},
        {.settles = 2},
        {.connects = 1, .publishes = 3, .settles = 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stage stage;
        stage_open(&stage);
        make(&stage, 8);
        uint64_t last = feed_durable(stage.feed);
        stage_relay(&stage, rows[i]);
        wait_for(&stage, "souk_relay_events_total", 8);
        wait_for(&stage, "souk_relay_lag_positions", 0);
        assert_int_equal(figure(&stage, "souk_relay_up"), 1);
        assert_true(figure(&stage, "souk_relay_losses_total") >= 1);
        stage_stop(&stage);
        expect_told(&stage, last - 7, last);
        stage_close(&stage);
    }
}

/* Another relay goes on where the one before it was, also when that was killed before its last note. */
static void test_goes_on_where_it_was(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    make(&stage, 5);
    uint64_t last = feed_durable(stage.feed);
    stage_relay(&stage, (struct faults){0});
    wait_for(&stage, "souk_relay_lag_positions", 0);
    stage_stop(&stage);
    make(&stage, 5);
    stage_relay(&stage, (struct faults){0});
    wait_for(&stage, "souk_relay_lag_positions", 0);
    stage_stop(&stage);
    expect_told(&stage, last - 4, last + 5);

    struct text note;
    struct arena *arena = arena_create();
    const struct store_calls *calls = stage.world.store->calls;
    assert_int_equal(calls->noted(stage.world.store, "relay.fake", arena, &note), FOUND);
    assert_int_equal((uint8_t)note.data[7], last + 5);
    const char before[8] = {0, 0, 0, 0, 0, 0, 0, (char)(last - 5)};
    static const char beyond[8] = {0, 0, 0, 0, 0, 1};
    buffer_clear(&stage.fake.ids);
    assert_true(calls->note(stage.world.store, "relay.fake", (struct text){before, 8}));
    stage_relay(&stage, (struct faults){0});
    wait_for(&stage, "souk_relay_lag_positions", 0);
    stage_stop(&stage);
    expect_told(&stage, last - 4, last + 5);

    /* a log that is shorter than what was told: from its end on */
    buffer_clear(&stage.fake.ids);
    assert_true(calls->note(stage.world.store, "relay.fake", (struct text){beyond, 8}));
    stage_relay(&stage, (struct faults){0});
    make(&stage, 1);
    wait_for(&stage, "souk_relay_events_total", 1);
    stage_stop(&stage);
    expect_told(&stage, last + 6, last + 6);
    arena_destroy(arena);
    stage_close(&stage);
}

/* It ends in bounded time, and does not say that something was told which was not confirmed. */
static void test_stops_while_the_broker_is_silent(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    make(&stage, 4);
    uint64_t last = feed_durable(stage.feed);
    stage_relay(&stage, (struct faults){.silent = true});
    pthread_mutex_lock(&stage.fake.mutex);
    while (stage.fake.in_flight < WINDOW)
        pthread_cond_wait(&stage.fake.changed, &stage.fake.mutex);
    pthread_mutex_unlock(&stage.fake.mutex);
    assert_int_equal(figure(&stage, "souk_relay_lag_positions"), 4);
    stage_stop(&stage);
    assert_int_equal(stage.fake.ids.length, 0);
    stage_relay(&stage, (struct faults){0});
    wait_for(&stage, "souk_relay_lag_positions", 0);
    stage_stop(&stage);
    expect_told(&stage, last - 3, last);
    stage_close(&stage);
}

static void test_stops_while_nobody_is_there(void **state)
{
    (void)state;
    struct stage stage;
    stage_open(&stage);
    make(&stage, 1);
    stage_relay(&stage, (struct faults){.connects = UINT32_MAX});
    wait_for(&stage, "souk_relay_losses_total", 1);
    assert_int_equal(figure(&stage, "souk_relay_up"), 0);
    assert_true(figure(&stage, "souk_relay_lag_positions") > 0);
    assert_true(figure(&stage, "souk_relay_lag_seconds") > 0); /* the world's clock is far behind */
    stage_stop(&stage);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells_all_by_windows),        cmocka_unit_test(test_goes_back_after_a_loss),
        cmocka_unit_test(test_goes_on_where_it_was),        cmocka_unit_test(test_stops_while_the_broker_is_silent),
        cmocka_unit_test(test_stops_while_nobody_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
