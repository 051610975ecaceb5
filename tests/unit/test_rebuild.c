/* Rows that are not what the log gives, in tables, delta and memory, are found and mended while the core serves. */
#include "support/loopback.h"
#include "support/thing.h"
#include "actors/runtime/internal.h"
#include "actors/runtime/shadow.h"
#include "schema/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { THINGS = 40 };
static const struct id USER_ONE = {{0x01, 1}};

static void ask(struct loopback *world, struct asking asking, uint16_t status)
{
    struct said *said = loopback_ask(world, asking);
    assert_true(said->answered);
    if (said->request.reply.status != status)
        fail_msg("%s is answered %.*s", asking.command, TEXT_ARGUMENTS(said->request.reply.body));
    said_free(said);
}

static void make_one(struct loopback *world, int number)
{
    char body[64];
    snprintf(body, sizeof body, "{\"name\":\"Thing %d\"}", number);
    ask(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body}, 201);
}

static void open_world(struct loopback *world)
{
    loopback_open(world, &thing_registry, thing_providers);
    for (int i = 0; i < THINGS; i++)
        make_one(world, i);
}

/* Asks, and lets one turn pass. */
static void ask_rebuild(struct loopback *world, const char *view, bool check, uint16_t status)
{
    char body[80];
    snprintf(body, sizeof body, "{\"view\":\"%s\",\"check\":%s}", view, check ? "true" : "false");
    struct said *said =
        loopback_send(world, (struct asking){.kind = "system", .command = "rebuild", .operator_ = true, .body = body});
    core_turn(world->core, world->now);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, status);
    said_free(said);
}

/* Rebuilds while more is written; what it says at the end. */
static const struct rebuilding *rebuild(struct loopback *world, const char *view, bool check)
{
    ask_rebuild(world, view, check, 202);
    for (int i = 0; world->core->rebuild && i < 1000; i++)
        core_turn(world->core, world->now);
    loopback_settle(world);
    assert_int_equal(world->core->rebuilding.state, REBUILD_DONE);
    return &world->core->rebuilding;
}

static void note_difference(void *context, const char *difference, struct text key)
{
    (void)difference, (void)key;
    ++*(int *)context;
}

static int differences(struct loopback *world)
{
    char problem[256];
    int count = 0;
    checkpoint_begin(world->core);
    checkpoint_go_on(world->core, UINT32_MAX);
    loopback_settle(world);
    assert_true(core_verify(world->registry, &world->ports, &world->config, note_difference, &count, problem) == count);
    return count;
}

/* The first row of a space, merged. */
static struct table_row first_row(struct loopback *world, enum space space, uint16_t kind, struct arena *arena)
{
    char from = (char)space, end = (char)(space + 1);
    struct table_row rows[400];
    uint32_t count = 400;
    assert_true(derived_scan(world->core, NULL, true, (struct text){&from, 1}, (struct text){&end, 1}, false, arena,
                             rows, &count) == FOUND);
    for (uint32_t i = 0; i < count; i++)
        if ((uint8_t)rows[i].key.data[18] == kind) return rows[i];
    fail_msg("there is no row of kind %u in space %c", kind, from);
    return rows[0];
}

static void test_nothing_differs(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    assert_int_equal(rebuild(&world, "all", false)->differing, 0);
    assert_true(world.core->rebuilding.compared > THINGS * 3);
    uint64_t all = world.core->rebuilding.compared;
    assert_int_equal(rebuild(&world, "thing-counts", true)->differing, 0);
    assert_true(world.core->rebuilding.compared > 0 && world.core->rebuilding.compared < all / 2);
    ask_rebuild(&world, "nothings", false, 404);
    ask_rebuild(&world, "ALL", false, 404);
    loopback_close(&world);
}

static uint64_t figure(const struct loopback *world, const char *name)
{
    struct buffer out = {0};
    char line[64];
    core_metrics(world->core, &out);
    buffer_byte(&out, 0);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(out.data, line);
    assert_non_null(at);
    uint64_t value = strtoull(at + strlen(line), NULL, 10);
    buffer_free(&out);
    return value;
}

/* Whoever looks at the metrics sees that it goes on, and what it came to. */
static void test_metrics_tell_how_far_it_is(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    assert_int_equal(figure(&world, "souk_rebuild_running"), 0);
    ask_rebuild(&world, "all", false, 202);
    uint64_t position = 0, rows = 0, told = 0;
    for (int i = 0; world.core->rebuild && i < 1000; i++) {
        assert_int_equal(figure(&world, "souk_rebuild_running"), 1);
        assert_true(figure(&world, "souk_rebuild_position") >= position && figure(&world, "souk_rebuild_rows") >= rows);
        position = figure(&world, "souk_rebuild_position");
        rows = figure(&world, "souk_rebuild_rows");
        told += position && position < world.core->last_lsn;
        core_turn(world.core, world.now);
    }
    assert_true(told > 0);
    assert_int_equal(figure(&world, "souk_rebuild_running"), 0);
    assert_int_equal(figure(&world, "souk_rebuild_position"), world.core->last_lsn);
    assert_int_equal(figure(&world, "souk_rebuild_rows"), world.core->rebuilding.compared);
    assert_int_equal(figure(&world, "souk_rebuild_rows_differing"), 0);
    loopback_close(&world);
}

static void test_rows_are_mended(void **state)
{
    (void)state;
    static const enum space spaces[] = {SPACE_ENTITY, SPACE_INDEX, SPACE_UNIQUE};
    for (unsigned i = 0; i < 3; i++)
        for (int way = 0; way < 3; way++) {
            struct loopback world;
            struct arena *arena = arena_create();
            open_world(&world);
            assert_int_equal(differences(&world), 0);
            loopback_crash(&world, 0); /* nothing is in memory */
            struct table_row row = first_row(&world, spaces[i], thing_kind.number, arena);
            char *other = arena_copy(arena, row.key.data, row.key.length);
            other[row.key.length - 1] ^= 1;
            if (way == 0) derived_delete(world.core, row.key);
            if (way == 1) derived_set(world.core, row.key, LITERAL("nonsense"));
            if (way == 2) derived_set(world.core, (struct text){other, row.key.length}, row.value);
            assert_int_equal(rebuild(&world, "all", true)->differing, 1);
            assert_int_equal(differences(&world), 1);
            assert_int_equal(rebuild(&world, thing_kind.plural, false)->differing, 1);
            assert_int_equal(differences(&world), 0);
            assert_int_equal(rebuild(&world, "all", false)->differing, 0);
            arena_destroy(arena);
            loopback_close(&world);
        }
}

static void test_a_wrong_figure_in_memory_is_mended(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    struct actor *actor = world.core->directory.oldest.older;
    while (actor != &world.core->directory.oldest && !(actor->kind->derived && actor->block))
        actor = actor->older;
    assert_true(actor != &world.core->directory.oldest);
    struct arena *arena = arena_create();
    void *wrong = schema_clone(actor->kind->fields, actor->block->state, arena);
    ((struct entity *)wrong)->updated_at++;
    actor_set_block(&world.core->directory, actor, block_create(actor->kind->fields, wrong, actor->block->lsn));
    arena_destroy(arena);
    assert_int_equal(rebuild(&world, actor->kind->plural, false)->differing, 1);
    assert_int_equal(rebuild(&world, "all", false)->differing, 0);
    assert_int_equal(differences(&world), 0);
    loopback_close(&world);
}

/* What was rendered with a wrong row is rendered anew, though the right one is of the same record. */
static void test_what_shows_a_mended_row_shows_it(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    struct arena *arena = arena_create();
    struct asking list = {.kind = "thing", .command = "list", .limit = 1};
    uint8_t key[ACTOR_KEY_SIZE];
    actor_key(key, world.core->default_tenant, &thing_count_kind, thing_count_id());
    struct actor *actor = directory_known(&world.core->directory, key);
    struct thing_count *wrong = schema_clone(actor->kind->fields, actor->block->state, arena);
    wrong->things = THINGS + 1000;
    actor_set_block(&world.core->directory, actor, block_create(actor->kind->fields, wrong, actor->block->lsn));
    static const char *const shown[] = {"\"things\":1040", "\"things\":40"};
    for (int mended = 0; mended < 2; mended++) {
        if (mended) assert_int_equal(rebuild(&world, "all", false)->differing, 1);
        struct said *said = loopback_ask(&world, list);
        if (!said_contains(said, shown[mended])) fail_msg("%.*s", TEXT_ARGUMENTS(said->request.reply.body));
        said_free(said);
    }
    arena_destroy(arena);
    loopback_close(&world);
}

static void test_it_keeps_up_with_what_is_written(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    ask_rebuild(&world, "all", false, 202);
    ask_rebuild(&world, "all", false, 409);
    struct said *said[60];
    for (int i = 0; i < 60; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"name\":\"Late %d\"}", i);
        said[i] = loopback_send(&world,
                                (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
        core_turn(world.core, world.now);
    }
    loopback_settle(&world);
    for (int i = 0; i < 60; i++) {
        assert_int_equal(said[i]->request.reply.status, 201);
        said_free(said[i]);
    }
    assert_int_equal(world.core->rebuilding.state, REBUILD_DONE);
    assert_int_equal(world.core->rebuilding.differing, 0);
    assert_int_equal(differences(&world), 0);
    loopback_close(&world);
}

static void test_a_damaged_log_gives_up(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    memory_store_damage_log(world.store, 9);
    ask_rebuild(&world, "all", false, 202);
    loopback_settle(&world);
    assert_int_equal(world.core->rebuilding.state, REBUILD_FAILED);
    assert_non_null(strstr(world.core->rebuilding.problem, "log record 9"));
    make_one(&world, THINGS); /* it serves on */
    loopback_close(&world);
}

static void test_a_stop_does_not_wait_for_it(void **state)
{
    (void)state;
    struct loopback world;
    open_world(&world);
    ask_rebuild(&world, "all", false, 202);
    assert_non_null(world.core->rebuild);
    core_stop(world.core);
    assert_null(world.core->rebuild);
    loopback_close(&world);
}

/* What was folded into a view is never folded again: a record that comes twice, or before the one that it follows, is
   refused by the version of the entity that it changes, and leaves every row as it was. */
static void test_duplicates_and_reorderings_are_refused(void **state)
{
    (void)state;
    struct loopback world;
    struct arena *arena = arena_create();
    char problem[256];
    open_world(&world);
    struct said *said = loopback_ask(
        &world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"Last\"}"});
    char id[64];
    snprintf(id, sizeof id, "%.*s", TEXT_ARGUMENTS(said_field(said, "id")));
    said_free(said);
    for (int i = 1; i <= 2; i++) {
        char body[64];
        snprintf(body, sizeof body, "{\"quantity\":%d,\"version\":%d}", 10 + i, i);
        ask(&world, (struct asking){.kind = "thing", .command = "patch", .id = id, .user = USER_ONE, .body = body},
            200);
    }
    uint64_t last = world.core->last_lsn, made = last - 2;
    struct text head[3], body[3];
    for (uint64_t i = 0; i < 3; i++)
        assert_true(world.store->calls->read_log(world.store, made + i, arena, &head[i], &body[i]) == FOUND);

    struct shadow *shadow = shadow_create(world.registry, &world.ports, &world.config, made, problem);
    assert_non_null(shadow);
    assert_false(shadow_take(shadow, head[0], body[0], problem));
    assert_non_null(strstr(problem, "does not follow"));
    assert_false(shadow_take(shadow, head[2], body[2], problem));
    assert_non_null(strstr(problem, "does not follow"));
    assert_int_equal(shadow_lsn(shadow), made);
    assert_true(shadow_take(shadow, head[1], body[1], problem));
    assert_false(shadow_take(shadow, head[1], body[1], problem));
    assert_true(shadow_take(shadow, head[2], body[2], problem));
    const struct ordered *rows = shadow_tables(shadow);

    struct shadow *straight = shadow_create(world.registry, &world.ports, &world.config, last, problem);
    const struct ordered *right = shadow_tables(straight);
    const struct ordered_entry *a = ordered_at_or_after(rows, LITERAL("")),
                               *b = ordered_at_or_after(right, LITERAL(""));
    for (; a && b; a = ordered_next(a), b = ordered_next(b)) {
        assert_true(text_equal(a->key, b->key));
        assert_true(text_equal(a->value, b->value));
    }
    assert_true(!a && !b);
    shadow_destroy(shadow);
    shadow_destroy(straight);
    arena_destroy(arena);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_differs),
        cmocka_unit_test(test_metrics_tell_how_far_it_is),
        cmocka_unit_test(test_rows_are_mended),
        cmocka_unit_test(test_a_wrong_figure_in_memory_is_mended),
        cmocka_unit_test(test_what_shows_a_mended_row_shows_it),
        cmocka_unit_test(test_it_keeps_up_with_what_is_written),
        cmocka_unit_test(test_a_damaged_log_gives_up),
        cmocka_unit_test(test_a_stop_does_not_wait_for_it),
        cmocka_unit_test(test_duplicates_and_reorderings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
