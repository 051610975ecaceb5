/* The runtime through the loopback: what every kind gets from its tables, in every weather. */
#include "base/limits.h"
#include "support/loopback.h"
#include "support/thing.h"
#include "actors/runtime/internal.h"
#include "schema/pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const struct id USER_ONE = {{0x01, 1}}, ADMIN_ONE = {{0xAD, 1}};

static struct text make(struct loopback *world, const char *name, char id[64])
{
    char body[128];
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    struct said *said =
        loopback_ask(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, 201);
    struct text found = said_field(said, "id");
    memcpy(id, found.data, found.length);
    id[found.length] = 0;
    said_free(said);
    return text_of(id);
}

static uint16_t status_of(struct loopback *world, struct asking asking)
{
    struct said *said = loopback_ask(world, asking);
    assert_true(said->answered);
    uint16_t status = said->request.reply.status;
    said_free(said);
    return status;
}

static bool reads(struct loopback *world, const char *id, const char *part)
{
    struct said *said = loopback_ask(world, (struct asking){.kind = "thing", .command = "read", .id = id});
    bool contains = said->answered && said->request.reply.status == 200 && said_contains(said, part);
    said_free(said);
    return contains;
}

static void test_proof(void **state)
{
    (void)state;
    assert_int_equal(registry_prove(&thing_registry), 0);
}

static void test_create_read_patch(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "My Thing", id);
    assert_true(reads(&world, id, "\"name\":\"My Thing\""));
    assert_true(reads(&world, "my-thing", "\"slug\":\"my-thing\""));
    assert_true(reads(&world, id, "\"quantity\":7"));
    assert_true(reads(&world, id, "\"count\":{\"things\":1,\"opened\":0}"));
    assert_true(reads(&world, id, "\"status\":\"draft\""));
    assert_int_equal(
        status_of(&world,
                  (struct asking){
                      .kind = "thing", .command = "patch", .id = id, .user = USER_ONE, .body = "{\"quantity\":9}"}),
        428);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "patch",
                                                       .id = id,
                                                       .user = USER_ONE,
                                                       .body = "{\"quantity\":9,\"version\":5}"}),
                     412);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "patch",
                                                       .id = id,
                                                       .user = USER_ONE,
                                                       .body = "{\"quantity\":9,\"version\":1}"}),
                     200);
    assert_true(reads(&world, id, "\"version\":2"));
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "patch",
                                                       .id = id,
                                                       .user = USER_ONE,
                                                       .body = "{\"quantity\":666,\"version\":2}"}),
                     500);
    assert_true(reads(&world, id, "\"quantity\":9"));
    assert_int_equal(
        status_of(
            &world,
            (struct asking){.kind = "thing", .command = "patch", .id = id, .body = "{\"quantity\":1,\"version\":2}"}),
        401);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = "nothing-there"}),
                     404);
    loopback_close(&world);
}

static void test_slugs_are_unique(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "Same", id);
    make(&world, "Same", id);
    assert_true(reads(&world, "same-2", "\"name\":\"Same\""));
    struct asking taken = {
        .kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"x\",\"slug\":\"same\"}"};
    assert_int_equal(status_of(&world, taken), 409);
    loopback_close(&world);
}

static void test_transitions(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "A", id);
    struct asking open = {
        .kind = "thing", .command = "open", .id = id, .user = USER_ONE, .body = "{\"reason\":\"because\"}"};
    assert_int_equal(status_of(&world, open), 200);
    assert_int_equal(status_of(&world, open), 409);
    assert_true(reads(&world, id, "\"status\":\"open\""));
    loopback_pass(&world, 29000);
    assert_true(reads(&world, id, "\"status\":\"open\""));
    loopback_pass(&world, 2000);
    assert_true(reads(&world, id, "\"status\":\"closed\""));
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "delete", .id = id, .user = USER_ONE}), 204);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = id}), 404);
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "restore", .id = id, .user = USER_ONE}), 404);
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "restore", .id = id, .user = ADMIN_ONE}), 200);
    assert_true(reads(&world, id, "\"status\":\"closed\""));
    loopback_close(&world);
}

static void test_outcome(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "A", id);
    struct asking open = {.kind = "thing",
                          .command = "open",
                          .id = id,
                          .user = USER_ONE,
                          .body = "{\"reason\":\"tok_retry\"}",
                          .key = "k1"};
    struct said *said = loopback_ask(&world, open), *again = loopback_ask(&world, open);
    assert_false(said->answered);
    assert_int_equal(again->request.reply.status, 409);
    said_free(again);
    loopback_pass(&world, 4000);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, 201);
    assert_true(said_contains(said, "\"status\":\"paid\""));
    said_free(said);
    again = loopback_ask(&world, open);
    assert_int_equal(again->request.reply.status, 201);
    assert_true(again->request.reply.replayed);
    said_free(again);
    loopback_pass(&world, 60000); /* the timer was cancelled */
    assert_true(reads(&world, id, "\"status\":\"paid\""));
    loopback_close(&world);
}

static void test_outcome_too_late(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "A", id);
    struct said *said = loopback_ask(&world, (struct asking){.kind = "thing",
                                                             .command = "open",
                                                             .id = id,
                                                             .user = USER_ONE,
                                                             .body = "{\"reason\":\"tok_slow\"}",
                                                             .key = "k1"});
    loopback_pass(&world, 11000);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, 202);
    said_free(said);
    loopback_crash(&world, 0); /* the effect is called again */
    loopback_pass(&world, 21000);
    assert_true(reads(&world, id, "\"status\":\"paid\""));
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "open",
                                                       .id = id,
                                                       .user = USER_ONE,
                                                       .body = "{\"reason\":\"tok_slow\"}",
                                                       .key = "k1"}),
                     201);
    loopback_close(&world);
}

static void test_idempotency(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    struct asking create = {
        .kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"One\"}", .key = "key"};
    struct said *first = loopback_ask(&world, create), *second = loopback_ask(&world, create);
    assert_int_equal(second->request.reply.status, 201);
    assert_true(second->request.reply.replayed);
    assert_true(text_equal(first->request.reply.body, second->request.reply.body));
    char id[64];
    struct text found = said_field(first, "id");
    snprintf(id, sizeof id, "%.*s", (int)found.length, found.data);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "patch",
                                                       .id = id,
                                                       .user = USER_ONE,
                                                       .body = "{\"quantity\":9,\"version\":1}"}),
                     200);
    struct said *third = loopback_ask(&world, create);
    assert_true(said_contains(third, "\"quantity\":7")); /* as it was answered then */
    said_free(third);
    create.body = "{\"name\":\"Two\"}";
    assert_int_equal(status_of(&world, create), 422);
    create.body = "{\"name\":\"One\"}";
    create.user = ADMIN_ONE;
    struct said *other = loopback_ask(&world, create);
    assert_false(other->request.reply.replayed);
    loopback_crash(&world, 0);
    create.user = USER_ONE;
    third = loopback_ask(&world, create);
    assert_true(third->request.reply.replayed);
    assert_true(text_equal(said_field(first, "id"), said_field(third, "id")));
    said_free(third);
    said_free(other);
    said_free(first);
    said_free(second);
    loopback_close(&world);
}

static void test_dry_run_writes_nothing(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t lsn = core_last_lsn(world.core);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "create",
                                                       .user = USER_ONE,
                                                       .body = "{\"name\":\"One\"}",
                                                       .dry_run = true}),
                     201);
    assert_int_equal(core_last_lsn(world.core), lsn);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = "one"}), 404);
    loopback_close(&world);
}

/* Pages of every size over things in tables, frozen delta and delta give each thing once, in order. */
static void test_pages(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    for (int i = 0; i < 60; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%02d", i % 3);
        make(&world, name, id);
        loopback_pass(&world, i % 20 == 19 ? 6000 : 7); /* a checkpoint now and then */
    }
    for (uint32_t limit = 1; limit < 70; limit += limit < 8 ? 1 : 13) {
        char cursor[400] = "";
        loopback_crash(&world, 0); /* the store tells what its tables hold when it opens */
        int seen = 0;
        char last[40] = "~";
        do {
            struct said *page = loopback_ask(
                &world, (struct asking){
                            .kind = "thing", .command = "list", .limit = limit, .cursor = cursor[0] ? cursor : NULL});
            assert_int_equal(page->request.reply.status, 200);
            struct text body = page->request.reply.body;
            for (const char *at = body.data;
                 (at = memmem(at, (size_t)(body.data + body.length - at), "\"created_at\":\"", 14)); at++) {
                char time[40];
                snprintf(time, sizeof time, "%.24s", at + 14);
                assert_true(strcmp(time, last) < 0);
                memcpy(last, time, sizeof last);
                seen++;
            }
            struct text next = said_field(page, "next");
            snprintf(cursor, sizeof cursor, "%.*s", (int)next.length, next.data ? next.data : "");
            said_free(page);
        } while (cursor[0]);
        assert_int_equal(seen, 60);
    }
    struct said *filtered =
        loopback_ask(&world, (struct asking){.kind = "thing", .command = "list", .limit = 100, .query = "name=n01"});
    assert_false(said_contains(filtered, "\"name\":\"n02\""));
    assert_true(said_contains(filtered, "\"name\":\"n01\""));
    said_free(filtered);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing",
                                                       .command = "list",
                                                       .cursor = "abcdefghijklmnopqrstuvwxyz0123456789"}),
                     400);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "list", .query = "sort=by-magic"}),
                     400);
    loopback_close(&world);
}

/* What came to be in one millisecond has one place in the index but for its id. */
static void test_pages_of_one_moment(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    for (int i = 0; i < 10; i++)
        make(&world, "same", id);
    char cursor[400] = "";
    uint32_t seen = 0;
    do {
        struct said *page = loopback_ask(
            &world,
            (struct asking){.kind = "thing", .command = "list", .limit = 3, .cursor = cursor[0] ? cursor : NULL});
        assert_int_equal(page->request.reply.status, 200);
        struct text body = page->request.reply.body, next = said_field(page, "next");
        for (const char *at = body.data;
             (at = memmem(at, (size_t)(body.data + body.length - at), "\"created_at\"", 12)); at++)
            seen++;
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.length, next.data ? next.data : "");
        said_free(page);
    } while (cursor[0]);
    assert_int_equal(seen, 10);
    loopback_close(&world);
}

/* One scripted history. What is in the log must not depend on what was in memory. */
static void history(struct loopback *world, uint32_t crash_at)
{
    char ids[12][64];
    for (uint32_t i = 0; i < 12; i++) {
        char name[32];
        snprintf(name, sizeof name, "thing %u", i % 5);
        make(world, name, ids[i]);
        if (i == crash_at) loopback_crash(world, 0);
        loopback_pass(world, 1100);
        struct said *said = loopback_ask(
            world, (struct asking){.kind = "thing",
                                   .command = "open",
                                   .id = ids[i / 2],
                                   .user = USER_ONE,
                                   .body = i % 3 ? "{\"reason\":\"tok_twice\"}" : "{\"reason\":\"plain\"}"});
        loopback_pass(world, 15000);
        assert_true(said->answered);
        said_free(said);
        if (i % 4 == 3)
            status_of(world, (struct asking){.kind = "thing", .command = "delete", .id = ids[i], .user = USER_ONE});
    }
    loopback_pass(world, 90000);
}

static struct text log_bytes(struct loopback *world, struct buffer *out, bool times)
{
    for (uint64_t lsn = 1; lsn <= core_last_lsn(world->core); lsn++) {
        struct arena *arena = arena_create();
        struct text head, body;
        assert_int_equal(world->store->calls->read_log(world->store, lsn, arena, &head, &body), FOUND);
        if (times) buffer_text(out, head);
        buffer_text(out, body);
        arena_destroy(arena);
    }
    return buffer_as_text(out);
}

static void test_cold_and_warm_give_the_same_log(void **state)
{
    (void)state;
    struct buffer expected = {0};
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t randomness = world.randomness;
    history(&world, 99);
    log_bytes(&world, &expected, true);
    loopback_close(&world);
    for (uint32_t every = 1; every <= 5; every++) {
        struct buffer got = {0};
        loopback_open(&world, &thing_registry, thing_providers);
        world.config.actors_memory = 2000;
        memory_store_miss_every(world.store, every);
        loopback_crash(&world, 0); /* restarts with little memory */
        world.randomness = randomness;
        history(&world, 99);
        log_bytes(&world, &got, true);
        assert_true(world.core->count_reruns > 0);
        assert_int_equal(got.length, expected.length);
        assert_memory_equal(got.data, expected.data, expected.length);
        buffer_free(&got);
        loopback_close(&world);
    }
    buffer_free(&expected);
}

static void differs(void *context, const char *difference, struct text key)
{
    fprintf(stderr, "%s: ", difference);
    for (uint32_t i = 0; i < key.length; i++)
        fprintf(stderr, key.data[i] > 32 && key.data[i] < 127 ? "%c" : "%02x",
                key.data[i] > 32 && key.data[i] < 127 ? key.data[i] : (uint8_t)key.data[i]);
    fprintf(stderr, "\n");
    ++*(int *)context;
}

static void test_replay_gives_the_same_rows(void **state)
{
    (void)state;
    for (uint32_t crash_at = 0; crash_at < 12; crash_at++) {
        struct loopback world;
        loopback_open(&world, &thing_registry, thing_providers);
        history(&world, crash_at);
        loopback_crash(&world, 0); /* the store tells what its tables hold when it opens */
        int seen = 0;
        char problem[256] = "";
        assert_int_equal(core_verify(&thing_registry, &world.ports, &world.config, differs, &seen, problem), 0);
        assert_int_equal(seen, 0);
        loopback_close(&world);
    }
}

/* The n-th store call fails: the request is refused and nothing has changed, or the store is gone and says so. */
static void test_fault_at_every_call(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        struct loopback world;
        char id[64];
        loopback_open(&world, &thing_registry, thing_providers);
        make(&world, "A", id);
        loopback_pass(&world, 6000);
        world.config.actors_memory = 0;
        loopback_crash(&world, 0);
        memory_store_fault_at(world.store, n);
        struct said *said = loopback_ask(&world, (struct asking){.kind = "thing",
                                                                 .command = "patch",
                                                                 .id = id,
                                                                 .user = USER_ONE,
                                                                 .body = "{\"quantity\":9,\"version\":1}"});
        bool changed = said->answered && said->request.reply.status == 200;
        if (!changed && said->answered && said->request.reply.status != 500)
            fprintf(stderr, "n=%d status=%d\n", (int)n, said->request.reply.status);
        assert_true(changed || !said->answered || said->request.reply.status == 500);
        memory_store_fault_at(world.store, 0);
        loopback_crash(&world, 0);
        if (changed)
            assert_true(reads(&world, id, "\"quantity\":9"));
        else
            assert_true(reads(&world, id, "\"quantity\":7"));
        said_free(said);
        loopback_close(&world);
    }
}

static void test_unacknowledged_is_whole_or_absent(void **state)
{
    (void)state;
    for (uint32_t survivors = 0; survivors < 3; survivors++) {
        struct loopback world;
        loopback_open(&world, &thing_registry, thing_providers);
        struct said *said = loopback_send(
            &world,
            (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"One\"}"});
        core_turn(world.core, world.now);
        assert_false(said->answered); /* not durable yet */
        loopback_crash(&world, survivors);
        assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = "one"}),
                         survivors ? 200 : 404);
        said_free(said);
        loopback_close(&world);
    }
}

static void test_a_turn_ends(void **state)
{
    (void)state;
    enum { SENT = 2 * LIMIT_TURN_RECORDS + 1 };
    struct loopback world;
    struct said *said[SENT];
    loopback_open(&world, &thing_registry, thing_providers);
    uint64_t before = core_last_lsn(world.core);
    for (int i = 0; i < SENT; i++) {
        char body[32];
        snprintf(body, sizeof body, "{\"name\":\"T%d\"}", i);
        said[i] = loopback_send(&world,
                                (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    }
    core_turn(world.core, world.now);
    assert_in_range(core_last_lsn(world.core) - before, 1, LIMIT_TURN_RECORDS);
    assert_true(core_busy(world.core));
    loopback_settle(&world);
    assert_int_equal(core_last_lsn(world.core) - before, SENT);
    for (int i = 0; i < SENT; i++) {
        assert_int_equal(said[i]->request.reply.status, 201);
        said_free(said[i]);
    }
    loopback_close(&world);
}

static void test_full_pool_is_an_answer(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "A", id);
    loopback_pass(&world, 6000);
    world.config.actors_memory = 0;
    loopback_crash(&world, 0);
    memory_store_miss_every(world.store, 1);
    world.refuse_work = 1;
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = id}), 503);
    assert_int_equal(status_of(&world, (struct asking){.kind = "thing", .command = "read", .id = id}), 200);
    loopback_close(&world);
}

/* Nobody asks again for what a timer was to do. */
static void test_full_pool_delays_a_timer(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    loopback_open(&world, &thing_registry, thing_providers);
    make(&world, "A", id);
    struct asking open = {
        .kind = "thing", .command = "open", .id = id, .user = USER_ONE, .body = "{\"reason\":\"because\"}"};
    assert_int_equal(status_of(&world, open), 200);
    loopback_pass(&world, 6000);
    world.config.actors_memory = 0;
    loopback_crash(&world, 0);
    memory_store_miss_every(world.store, 1);
    world.refuse_work = 5;
    loopback_pass(&world, 26000);
    assert_int_equal(world.refuse_work, 0);
    memory_store_miss_every(world.store, 0);
    assert_true(reads(&world, id, "\"status\":\"closed\""));
    loopback_close(&world);
}

static void test_personal_fields_are_sealed(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    struct asking create = {.kind = "thing",
                            .command = "create",
                            .user = ADMIN_ONE,
                            .body = "{\"name\":\"One\",\"secret_note\":\"canary-value\"}"};
    assert_int_equal(status_of(&world, create), 201);
    struct buffer log = {0};
    log_bytes(&world, &log, true);
    assert_null(memmem(log.data, log.length, "canary", 6));
    loopback_pass(&world, 6000);
    loopback_crash(&world, 0);
    struct said *said =
        loopback_ask(&world, (struct asking){.kind = "thing", .command = "read", .id = "one", .user = ADMIN_ONE});
    assert_true(said_contains(said, "canary-value"));
    said_free(said);
    said = loopback_ask(&world, (struct asking){.kind = "thing", .command = "read", .id = "one", .user = USER_ONE});
    assert_false(said_contains(said, "canary-value"));
    said_free(said);
    buffer_free(&log);
    loopback_close(&world);
}

/* The clock may be set back; the core's time stands still until it is there again. */
static void test_time_never_goes_back(void **state)
{
    (void)state;
    struct loopback world;
    char id[64], before[40] = "", after[40] = "";
    loopback_open(&world, &thing_registry, thing_providers);
    loopback_pass(&world, 5000);
    for (int i = 0; i < 2; i++) {
        make(&world, i ? "second" : "first", id);
        struct said *said = loopback_ask(&world, (struct asking){.kind = "thing", .command = "read", .id = id});
        struct text made = said_field(said, "created_at");
        snprintf(i ? after : before, sizeof after, "%.*s", TEXT_ARGUMENTS(made));
        said_free(said);
        world.now -= 3000;
    }
    assert_int_equal(strlen(before), 24);
    assert_true(strcmp(after, before) >= 0);
    loopback_close(&world);
}

static struct text snapshot_of(struct loopback *world, struct arena *arena, const struct thing *thing)
{
    struct block *block = block_create(thing_kind.fields, thing, 1);
    struct text bytes = snapshot_encode(world->core, arena, world->core->default_tenant, &thing_kind, block);
    block_release(block);
    return bytes;
}

static void parts_of(struct text bytes, struct text *open, struct text *sealed)
{
    uint32_t count;
    int64_t lsn;
    struct unpacker in = unpacker_of(bytes);
    assert_true(unpack_array(&in, &count) && unpack_integer(&in, &lsn) && unpack_bytes(&in, open) &&
                unpack_bytes(&in, sealed));
}

/* Whoever can write to the disk cannot bring an old secret back: it opens as of its own version and no other. */
static void test_sealed_bytes_stay_with_their_version(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    struct arena *arena = arena_create();
    struct thing thing = {.entity = {.id = USER_ONE, .version = 1}, .secret_note = LITERAL("first")};
    struct text open, sealed, old_open, old_sealed, old = snapshot_of(&world, arena, &thing);
    thing.entity.version = 2;
    thing.secret_note = LITERAL("second");
    struct text fresh = snapshot_of(&world, arena, &thing);
    parts_of(old, &old_open, &old_sealed);
    parts_of(fresh, &open, &sealed);
    struct id tenant = world.core->default_tenant;
    struct block *block = snapshot_decode(world.core, tenant, &thing_kind, USER_ONE, fresh);
    assert_true(text_is(((const struct thing *)block->state)->secret_note, "second"));
    block_release(block);

    struct buffer mixed = {.arena = arena};
    pack_array(&mixed, 3);
    pack_integer(&mixed, 1);
    pack_bytes(&mixed, open);
    pack_bytes(&mixed, old_sealed);
    block = snapshot_decode(world.core, tenant, &thing_kind, USER_ONE, buffer_as_text(&mixed));
    assert_true(!block || !((const struct thing *)block->state)->secret_note.length);
    block_release(block);
    arena_destroy(arena);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_create_read_patch),
        cmocka_unit_test(test_slugs_are_unique),
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_outcome),
        cmocka_unit_test(test_outcome_too_late),
        cmocka_unit_test(test_idempotency),
        cmocka_unit_test(test_dry_run_writes_nothing),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_pages_of_one_moment),
        cmocka_unit_test(test_cold_and_warm_give_the_same_log),
        cmocka_unit_test(test_replay_gives_the_same_rows),
        cmocka_unit_test(test_fault_at_every_call),
        cmocka_unit_test(test_unacknowledged_is_whole_or_absent),
        cmocka_unit_test(test_a_turn_ends),
        cmocka_unit_test(test_full_pool_is_an_answer),
        cmocka_unit_test(test_full_pool_delays_a_timer),
        cmocka_unit_test(test_personal_fields_are_sealed),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_sealed_bytes_stay_with_their_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
