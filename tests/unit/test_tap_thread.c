/* Taps on the log of a core in memory: what they give, in which order, when they are woken and how they end. */
#include "relay/tap.h"
#include "support/loopback.h"
#include "support/thing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static const struct id USER_ONE = {{0x01, 1}};

enum { PATIENCE_S = 60 };

/* What a tap gave, one event a line, and how it ended. */
struct reader {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct buffer lines, json;
    uint32_t count;
    uint64_t position; /* of the tap after the last event */
    int64_t seek_once; /* at the first event: to there; -1: no */
    enum tap_found end;
    bool ended;
};

static void reader_open(struct reader *reader)
{
    *reader = (struct reader){.seek_once = -1};
    pthread_mutex_init(&reader->mutex, NULL);
    pthread_cond_init(&reader->changed, NULL);
}

static void reader_close(struct reader *reader)
{
    buffer_free(&reader->lines);
    buffer_free(&reader->json);
    pthread_cond_destroy(&reader->changed);
    pthread_mutex_destroy(&reader->mutex);
}

static void read_all(struct tap *tap, void *context)
{
    struct reader *reader = context;
    enum tap_found found;
    struct envelope envelope;
    while ((found = tap_next(tap, 60000, &envelope)) == TAP_EVENT || found == TAP_IDLE) {
        if (found == TAP_IDLE) continue;
        pthread_mutex_lock(&reader->mutex);
        buffer_format(&reader->lines, "%llu.%u %s\n", (unsigned long long)envelope.record->lsn, envelope.number,
                      envelope.event->name);
        buffer_clear(&reader->json);
        buffer_text(&reader->json, tap_render(tap, &envelope));
        reader->count++;
        reader->position = tap_position(tap);
        if (reader->seek_once >= 0) {
            tap_seek(tap, (uint64_t)reader->seek_once);
            reader->seek_once = -1;
        }
        pthread_cond_broadcast(&reader->changed);
        pthread_mutex_unlock(&reader->mutex);
    }
    pthread_mutex_lock(&reader->mutex);
    reader->end = found;
    reader->ended = true;
    pthread_cond_broadcast(&reader->changed);
    pthread_mutex_unlock(&reader->mutex);
}

static bool has_count(const struct reader *reader, uint32_t count)
{
    return reader->count >= count;
}

static bool has_ended(const struct reader *reader, uint32_t count)
{
    (void)count;
    return reader->ended;
}

static void reader_wait(struct reader *reader, bool (*holds)(const struct reader *reader, uint32_t count),
                        uint32_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&reader->mutex);
    while (!holds(reader, count))
        if (pthread_cond_timedwait(&reader->changed, &reader->mutex, &until)) break;
    bool good = holds(reader, count);
    pthread_mutex_unlock(&reader->mutex);
    if (!good)
        fail_msg("gave %u events, not %u:\n%.*s", reader->count, count, (int)reader->lines.length, reader->lines.data);
}

static void make(struct loopback *world, const char *name)
{
    char body[64];
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    struct said *said =
        loopback_ask(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    assert_int_equal(said->request.reply.status, 201);
    said_free(said);
}

static void change(struct loopback *world, const char *slug, int version)
{
    char body[64];
    snprintf(body, sizeof body, "{\"quantity\":9,\"version\":%d}", version);
    struct said *said = loopback_ask(
        world, (struct asking){.kind = "thing", .command = "patch", .id = slug, .user = USER_ONE, .body = body});
    assert_int_equal(said->request.reply.status, 200);
    said_free(said);
}

static uint64_t last_position(struct loopback *world)
{
    return memory_store_durable_lsn(world->store);
}

static void expect(struct reader *reader, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void expect(struct reader *reader, const char *format, ...)
{
    char expected[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(expected, sizeof expected, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&reader->mutex);
    struct text lines = buffer_as_text(&reader->lines);
    if (!text_is(lines, expected)) fail_msg("gave\n%.*snot\n%s", TEXT_ARGUMENTS(lines), expected);
    pthread_mutex_unlock(&reader->mutex);
}

static void test_gives_events_in_their_order(void **state)
{
    (void)state;
    struct loopback world;
    struct reader reader;
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t before = last_position(&world);
    make(&world, "One");
    uint64_t first = last_position(&world);
    change(&world, "one", 1);
    struct feed *feed = feed_create(world.store, &thing_registry, NULL, first);
    reader_open(&reader);
    struct tap *tap =
        tap_open(feed, &(struct tap_config){.name = "test", .after = before, .run = read_all, .context = &reader});
    reader_wait(&reader, has_count, 1);
    expect(&reader, "%llu.0 thing.created\n", (unsigned long long)first);
    assert_int_equal(reader.position, first);
    pthread_mutex_lock(&reader.mutex);
    buffer_byte(&reader.json, 0);
    assert_non_null(strstr(reader.json.data, "\"type\":\"thing.created\""));
    pthread_mutex_unlock(&reader.mutex);

    feed_moved(feed, first + 1); /* what is durable is given, no more */
    reader_wait(&reader, has_count, 2);
    expect(&reader, "%llu.0 thing.created\n%llu.0 thing.updated\n", (unsigned long long)first,
           (unsigned long long)first + 1);
    make(&world, "Two");
    feed_moved(feed, last_position(&world));
    reader_wait(&reader, has_count, 3);

    struct buffer metrics = {0};
    char line[64];
    snprintf(line, sizeof line, "souk_tap_position{tap=\"test\"} %llu\n", (unsigned long long)feed_durable(feed));
    feed_metrics(feed, &metrics);
    buffer_byte(&metrics, 0);
    assert_non_null(strstr(metrics.data, line));
    buffer_free(&metrics);
    tap_close(tap);
    assert_int_equal(reader.end, TAP_STOPPED);
    reader_close(&reader);
    feed_destroy(feed);
    loopback_close(&world);
}

static bool is_two(void *context, const struct envelope *envelope)
{
    (void)context;
    return envelope->version == 2;
}

static void test_gives_what_is_wanted(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "One");
    uint64_t first = last_position(&world);
    make(&world, "Two");
    change(&world, "one", 1);
    change(&world, "two", 1);
    uint64_t last = last_position(&world);
    struct feed *feed = feed_create(world.store, &thing_registry, NULL, last);
    const struct {
        struct event_filter filter;
        bool (*wants)(void *context, const struct envelope *envelope);
        uint32_t count;
    } rows[] = {
        {{.event = LITERAL("thing.created")}, NULL, 2},
        {{.event = LITERAL("thing.updated")}, is_two, 2},
        {{.kind = LITERAL("thing")}, is_two, 2},
        {{.kind = LITERAL("thing")}, NULL, 4},
        {{.kind = LITERAL("nothing")}, NULL, 0},
        {{.tenant = USER_ONE}, NULL, 0},
        {{.entity = USER_ONE}, NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reader reader;
        reader_open(&reader);
        struct tap *tap = tap_open(feed, &(struct tap_config){.after = first - 1,
                                                              .filter = rows[i].filter,
                                                              .wants = rows[i].wants,
                                                              .run = read_all,
                                                              .context = &reader});
        while (tap_position(tap) < last) /* positions without anything wanted are passed too */
            nanosleep(&(struct timespec){.tv_nsec = 100 * 1000}, NULL);
        tap_close(tap);
        if (reader.count != rows[i].count) fail_msg("row %zu gave %u events", i, reader.count);
        reader_close(&reader);
    }
    feed_destroy(feed);
    loopback_close(&world);
}

static void test_goes_back_when_told(void **state)
{
    (void)state;
    struct loopback world;
    struct reader reader;
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t before = last_position(&world);
    make(&world, "One");
    change(&world, "one", 1);
    unsigned long long first = before + 1;
    struct feed *feed = feed_create(world.store, &thing_registry, NULL, first + 1);
    reader_open(&reader);
    reader.seek_once = (int64_t)before;
    struct tap *tap = tap_open(feed, &(struct tap_config){.after = before, .run = read_all, .context = &reader});
    reader_wait(&reader, has_count, 3);
    tap_close(tap);
    expect(&reader, "%llu.0 thing.created\n%llu.0 thing.created\n%llu.0 thing.updated\n", first, first, first + 1);
    reader_close(&reader);
    feed_destroy(feed);
    loopback_close(&world);
}

static void test_ends_at_damage(void **state)
{
    (void)state;
    struct loopback world;
    struct reader reader;
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "One");
    uint64_t first = last_position(&world);
    change(&world, "one", 1);
    make(&world, "Two");
    memory_store_damage_log(world.store, first + 1);
    struct feed *feed = feed_create(world.store, &thing_registry, NULL, first + 2);
    reader_open(&reader);
    struct tap *tap =
        tap_open(feed, &(struct tap_config){.name = "test", .after = first - 1, .run = read_all, .context = &reader});
    reader_wait(&reader, has_ended, 0);
    assert_int_equal(reader.end, TAP_DAMAGED);
    expect(&reader, "%llu.0 thing.created\n", (unsigned long long)first);
    assert_int_equal(tap_position(tap), first);
    struct buffer metrics = {0};
    feed_metrics(feed, &metrics);
    buffer_byte(&metrics, 0);
    assert_non_null(strstr(metrics.data, "souk_tap_damaged{tap=\"test\"} 1\n"));
    buffer_free(&metrics);
    tap_close(tap);
    reader_close(&reader);
    feed_destroy(feed);
    memory_store_damage_log(world.store, first + 1);
    loopback_close(&world);
}

static void read_until_stopped(struct tap *tap, void *context)
{
    (void)context;
    while (tap_pause(tap, 3600 * 1000))
        continue;
}

static void test_ends_while_it_waits(void **state)
{
    (void)state;
    struct loopback world;
    struct reader readers[3];
    struct tap *taps[4];
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t last = last_position(&world);
    struct feed *feed = feed_create(world.store, &thing_registry, NULL, last);
    for (int i = 0; i < 3; i++) {
        reader_open(&readers[i]);
        taps[i] = tap_open(feed, &(struct tap_config){.after = last, .run = read_all, .context = &readers[i]});
    }
    taps[3] = tap_open(feed, &(struct tap_config){.after = last, .run = read_until_stopped});
    for (int i = 0; i < 4; i++)
        tap_stop(taps[i]);
    for (int i = 0; i < 4; i++)
        tap_close(taps[i]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(readers[i].end, TAP_STOPPED);
        reader_close(&readers[i]);
    }
    feed_destroy(feed);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_events_in_their_order), cmocka_unit_test(test_gives_what_is_wanted),
        cmocka_unit_test(test_goes_back_when_told),         cmocka_unit_test(test_ends_at_damage),
        cmocka_unit_test(test_ends_while_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
