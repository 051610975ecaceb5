/* Marketplaces take turns: who floods the queue waits for himself. */
#include "support/loopback.h"
#include "support/thing.h"
#include "actors/runtime/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct said *send(struct loopback *world, uint8_t lane)
{
    return loopback_send(world, (struct asking){.kind = "thing", .command = "list", .lane = lane});
}

static uint32_t answered(struct said *const *all, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += all[i]->answered;
    return sum;
}

static void free_all(struct said **all, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        said_free(all[i]);
}

static void test_a_flood_is_not_waited_for(void **state)
{
    (void)state;
    enum { FLOOD = 4 * LIMIT_TURN_MESSAGES, OTHERS = LIMIT_LANES - 1 < 9 ? LIMIT_LANES - 1 : 9 };
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    static struct said *flood[FLOOD], *others[OTHERS];
    for (uint32_t i = 0; i < FLOOD; i++)
        flood[i] = send(&world, 0);
    for (uint32_t i = 0; i < OTHERS; i++)
        others[i] = send(&world, (uint8_t)(i + 1));
    core_turn(world.core, world.now);
    assert_int_equal(answered(others, OTHERS), OTHERS);
    assert_int_equal(answered(flood, FLOOD), LIMIT_TURN_MESSAGES - OTHERS);
    for (uint32_t i = 1; i < FLOOD; i++) /* in their order */
        assert_true(flood[i - 1]->answered || !flood[i]->answered);
    loopback_settle(&world);
    assert_int_equal(answered(flood, FLOOD), FLOOD);
    free_all(flood, FLOOD);
    free_all(others, OTHERS);
    loopback_close(&world);
}

static void test_a_flood_leaves_room_for_others(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    enum { SHARE = LIMIT_CORE_QUEUE / 8, MORE = 5 };
    static struct said *all[SHARE + 2 * MORE];
    uint32_t count = 0;
    while (count < SHARE + MORE) /* alone it may have more than its share */
        all[count++] = send(&world, 0);
    assert_int_equal(answered(all, count), 0);
    all[count++] = send(&world, 1);
    assert_int_equal(answered(all, count), 0);
    all[count++] = send(&world, 0);
    assert_true(all[count - 1]->answered);
    assert_int_equal(all[count - 1]->request.reply.status, 503);
    all[count++] = send(&world, 1);
    assert_false(all[count - 1]->answered);
    loopback_settle(&world);
    assert_int_equal(answered(all, count), count);
    free_all(all, count);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_flood_is_not_waited_for),
        cmocka_unit_test(test_a_flood_leaves_room_for_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
