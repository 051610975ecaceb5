/* A disk that runs full: writes are refused before the reserve is used up, however fast they come. */
#include "support/loopback.h"
#include "support/thing.h"
#include "actors/runtime/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

enum { WRITES_MOST = 1000 };

static const struct asking write = {.kind = "thing",
                                    .command = "create",
                                    .user = {{0xad, 1}},
                                    .body = "{\"name\":\"a thing that takes some room on the disk\"}"};

static void world_open(struct loopback *world, uint64_t room)
{
    loopback_open(world, &thing_registry, thing_providers);
    memory_store_set_free_bytes(world->store, room);
    loopback_pass(world, 2000); /* it is looked at once a second */
    assert_false(world->core->read_only_disk);
}

/* The less there is, the sooner it is looked at again: time stands still here. */
static void test_it_is_looked_at_as_it_shrinks(void **state)
{
    (void)state;
    struct loopback world;
    enum { ROOM = 8 * 1024 };
    uint64_t written = 0;
    uint32_t status = 201;
    world_open(&world, ROOM);
    for (int i = 0; i < WRITES_MOST && status == 201; i++) {
        uint64_t before = world.core->last_lsn;
        struct said *said = loopback_ask(&world, write);
        status = said->request.reply.status;
        said_free(said);
        written += (world.core->last_lsn - before) * 100; /* at least */
        memory_store_set_free_bytes(world.store, written < ROOM ? ROOM - written : 0);
    }
    assert_int_equal(status, 507);
    assert_true(written < ROOM + ROOM / 4);
    memory_store_set_free_bytes(world.store, UINT64_C(1) << 40);
    loopback_pass(&world, 2000);
    struct said *said = loopback_ask(&world, write);
    assert_int_equal(said->request.reply.status, 201);
    said_free(said);
    loopback_close(&world);
}

/* What the store has been given and has not written yet will lie there too. */
static void test_what_waits_counts(void **state)
{
    (void)state;
    struct loopback world;
    struct said *said[WRITES_MOST];
    int sent = 0;
    world_open(&world, 8 * 1024);
    while (sent < WRITES_MOST && !world.core->read_only_disk) {
        said[sent++] = loopback_send(&world, write);
        core_turn(world.core, world.now); /* nothing becomes durable */
    }
    assert_true(world.core->read_only_disk);
    assert_true(world.core->waiting_bytes < 16 * 1024);
    loopback_settle(&world);
    loopback_pass(&world, 2000);
    assert_false(world.core->read_only_disk);
    while (sent)
        said_free(said[--sent]);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_is_looked_at_as_it_shrinks),
                                       cmocka_unit_test(test_what_waits_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
