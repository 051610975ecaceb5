/* What feeds the index of words and asks it, through the loopback: when something can be found, and when not. */
#include "actors/runtime/internal.h"
#include "base/log.h"
#include "search/index.h"
#include "support/loopback.h"
#include "support/thing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct id USER_ONE = {{0x01, 1}}, ADMIN_ONE = {{0xAD, 1}};

static struct search *index_open(void)
{
    char problem[256];
    struct search *index = search_index_open(SIZE_MAX, problem);
    assert_non_null(index);
    return index;
}

static void world_open(struct loopback *world)
{
    loopback_prepare(world, &thing_registry, thing_providers);
    world->ports.search = index_open();
    loopback_start(world);
}

static void world_close(struct loopback *world)
{
    loopback_close(world);
    world->ports.search->calls->close(world->ports.search);
}

/* A new process on the same data: its index is empty. */
static void world_again(struct loopback *world, uint32_t survivors)
{
    loopback_kill(world, survivors);
    world->ports.search->calls->close(world->ports.search);
    world->ports.search = index_open();
    loopback_start(world);
}

static void make(struct loopback *world, const char *name, const char *note, char id[64])
{
    char body[256];
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"tags\":[\"made\"]}", name);
    struct said *said =
        loopback_ask(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    assert_int_equal(said->request.reply.status, 201);
    struct text found = said_field(said, "id");
    memcpy(id, found.data, found.length);
    id[found.length] = 0;
    said_free(said);
    if (!note) return;
    snprintf(body, sizeof body, "{\"secret_note\":\"%s\",\"version\":1}", note);
    said = loopback_ask(
        world, (struct asking){.kind = "thing", .command = "patch", .id = id, .user = ADMIN_ONE, .body = body});
    assert_int_equal(said->request.reply.status, 200);
    said_free(said);
}

static struct asking search(const char *query)
{
    return (struct asking){.kind = "thing", .command = "list", .query = query};
}

static uint16_t status_of(struct loopback *world, struct asking asking)
{
    struct said *said = loopback_ask(world, asking);
    assert_true(said->answered);
    uint16_t status = said->request.reply.status;
    said_free(said);
    return status;
}

/* The names that are found, in their order, as one text. */
static void assert_found(struct loopback *world, struct asking asking, const char *expected)
{
    char names[2048] = "";
    struct said *said = loopback_ask(world, asking);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, 200);
    struct text body = said->request.reply.body;
    char *copy = malloc(body.length + 1);
    memcpy(copy, body.data, body.length);
    copy[body.length] = 0;
    for (const char *at = strstr(copy, "\"name\":\""); at; at = strstr(at, "\"name\":\"")) {
        at += 8;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%.*s", names[0] ? "|" : "",
                 (int)strcspn(at, "\""), at);
    }
    free(copy);
    said_free(said);
    assert_string_equal(names, expected);
}

static void test_not_ready(void **state)
{
    (void)state;
    struct loopback world;
    world_open(&world);
    struct said *said = loopback_send(&world, search("q=lamp"));
    core_turn(world.core, world.now);
    assert_int_equal(said->request.reply.status, 503);
    assert_int_equal(said->request.reply.retry_after_s, 1);
    assert_true(said_contains(said, "search_not_ready"));
    assert_int_equal(status_of(&world, search("")), 200); /* lists need no index */
    loopback_settle(&world);
    assert_int_equal(status_of(&world, search("q=lamp")), 200);
    said_free(said);
    world_close(&world);
}

static void test_no_index(void **state)
{
    (void)state;
    struct loopback world;
    loopback_open(&world, &thing_registry, thing_providers);
    assert_int_equal(status_of(&world, search("q=lamp")), 503);
    loopback_close(&world);
}

static void test_changes_are_found(void **state)
{
    (void)state;
    struct loopback world;
    char lamp[64], desk[64];
    world_open(&world);
    loopback_settle(&world);
    make(&world, "Brass lamp", NULL, lamp);
    make(&world, "Desk lamp", NULL, desk);
    assert_found(&world, search("q=lamp"), "Desk lamp|Brass lamp");
    assert_found(&world, search("q=bras"), "Brass lamp");
    assert_found(&world, search("q=barss+lmap"), "Brass lamp");
    assert_found(&world, search("q=barss"), "Brass lamp");
    assert_found(&world, search("q=made"), "Desk lamp|Brass lamp");
    struct asking patch = {.kind = "thing",
                           .command = "patch",
                           .id = lamp,
                           .user = USER_ONE,
                           .body = "{\"name\":\"Tin can\",\"version\":1}"};
    assert_int_equal(status_of(&world, patch), 200);
    assert_found(&world, search("q=lamp"), "Desk lamp");
    assert_found(&world, search("q=lamp"), "Desk lamp"); /* the same question: no answer is kept */
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "delete", .id = desk, .user = USER_ONE}), 204);
    assert_found(&world, search("q=lamp"), "");
    assert_found(&world, search("q=tin"), "Tin can");
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "restore", .id = desk, .user = ADMIN_ONE}), 200);
    assert_found(&world, search("q=lamp"), "Desk lamp");
    assert_int_equal(status_of(&world, search("q=lamp&sort=newest")), 400);
    world_close(&world);
}

static void test_what_is_sealed_is_found_by_staff(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    world_open(&world);
    loopback_settle(&world);
    make(&world, "Chest", "canary", id);
    struct asking staff = search("q=canary");
    staff.user = ADMIN_ONE;
    for (int round = 0; round < 2; round++) {
        assert_found(&world, search("q=canary"), "");
        assert_found(&world, staff, "Chest");
        loopback_pass(&world, SECONDS(10)); /* into the tables, sealed, and read from there */
        world_again(&world, UINT32_MAX);
        loopback_settle(&world);
    }
    world_close(&world);
}

/* Half in the tables, half in the log, some changed since: after a crash the same is found in the same order. */
static void test_built_again(void **state)
{
    (void)state;
    struct loopback world;
    char first[64], second[64], name[64], expected[512] = "", id[64];
    world_open(&world);
    loopback_settle(&world);
    make(&world, "Old one", NULL, first);
    make(&world, "Old two", NULL, second);
    loopback_pass(&world, SECONDS(10)); /* a checkpoint */
    struct asking patch = {.kind = "thing",
                           .command = "patch",
                           .id = first,
                           .user = USER_ONE,
                           .body = "{\"name\":\"Renamed one\",\"version\":1}"};
    assert_int_equal(status_of(&world, patch), 200);
    assert_int_equal(
        status_of(&world, (struct asking){.kind = "thing", .command = "delete", .id = second, .user = USER_ONE}), 204);
    for (int i = 11; i >= 0; i--) {
        snprintf(name, sizeof name, "New %d", 11 - i);
        make(&world, name, NULL, id);
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%sNew %d", i < 11 ? "|" : "", i);
    }
    for (int round = 0; round < 3; round++) {
        assert_found(&world, search("q=old"), "");
        assert_found(&world, search("q=renamed"), "Renamed one");
        assert_found(&world, search("q=new"), expected);
        if (round == 1) loopback_pass(&world, SECONDS(10));
        world_again(&world, UINT32_MAX);
        /* a change while the index is being built overtakes the rows of the tables */
        core_turn(world.core, world.now);
        loopback_settle(&world);
    }
    world_close(&world);
}

/* A row of the tables that comes after a newer change does not bring back what was. */
static void test_a_change_overtakes_its_row(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    world_open(&world);
    loopback_settle(&world);
    make(&world, "Before", NULL, id);
    loopback_pass(&world, SECONDS(10));
    world_again(&world, UINT32_MAX);
    struct said *said = loopback_send(&world, (struct asking){.kind = "thing",
                                                              .command = "patch",
                                                              .id = id,
                                                              .user = USER_ONE,
                                                              .body = "{\"name\":\"After\",\"version\":1}"});
    /* all but the last job, which is the building, until the change is durable and in the index */
    for (int i = 0; i < 20 && !said->answered; i++) {
        core_turn(world.core, world.now);
        while (world.work && world.work->next)
            loopback_work(&world, UINT32_MAX);
        memory_store_step(world.store);
    }
    loopback_settle(&world);
    assert_true(said->answered);
    said_free(said);
    assert_found(&world, search("q=before"), "");
    assert_found(&world, search("q=after"), "After");
    world_close(&world);
}

static void test_only_what_is_durable(void **state)
{
    (void)state;
    struct loopback world;
    world_open(&world);
    loopback_settle(&world);
    struct said *said = loopback_send(
        &world,
        (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"Early bird\"}"});
    struct said *asked = loopback_send(&world, search("q=early")); /* a query hands over what is durable */
    for (int i = 0; i < 5; i++) {
        core_turn(world.core, world.now);
        while (loopback_work(&world, 0))
            ;
    }
    assert_false(said->answered); /* decided, not durable */
    struct buffer out = {0};
    core_metrics(world.core, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "\nsouk_search_lag 1\n"));
    assert_non_null(strstr(out.data, "\nsouk_search_documents 0\n"));
    buffer_free(&out);
    loopback_settle(&world);
    assert_true(said->answered && asked->answered);
    said_free(said);
    said_free(asked);
    assert_found(&world, search("q=early"), "Early bird");
    world_close(&world);
}

static struct said *send_create(struct loopback *world, const char *body)
{
    struct said *said =
        loopback_send(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    for (int i = 0; i < 20 && !said->answered; i++) {
        core_turn(world->core, world->now);
        memory_store_step(world->store);
    }
    assert_true(said->answered);
    return said;
}

/* What was acknowledged while the index was busy with what was before is there for a query that comes then. */
static void test_whoever_was_answered_finds_it(void **state)
{
    (void)state;
    struct loopback world;
    world_open(&world);
    loopback_settle(&world);
    struct said *first = send_create(&world, "{\"name\":\"First thing\"}");
    assert_non_null(world.work); /* on its way into the index */
    struct said *second = send_create(&world, "{\"name\":\"Second thing\"}");
    struct said *found = loopback_send(&world, search("q=thing"));
    loopback_settle(&world);
    assert_true(found->answered);
    assert_true(said_contains(found, "First thing") && said_contains(found, "Second thing"));
    said_free(found);
    said_free(first);
    said_free(second);
    first = send_create(&world, "{\"name\":\"Third thing\"}");
    second = send_create(&world, "{\"name\":\"Fourth thing\"}");
    loopback_settle(&world); /* nobody asks: it is put nevertheless */
    struct buffer out = {0};
    core_metrics(world.core, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "\nsouk_search_lag 0\n"));
    assert_non_null(strstr(out.data, "\nsouk_search_documents 4\n"));
    buffer_free(&out);
    said_free(first);
    said_free(second);
    world_close(&world);
}

static void test_full_queue(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    world_open(&world);
    loopback_settle(&world);
    make(&world, "Late bird", NULL, id);
    world.refuse_work = 1;
    assert_int_equal(status_of(&world, search("q=late")), 503);
    assert_found(&world, search("q=late"), "Late bird");
    world_close(&world);
}

/* What waits for the index is bounded: beyond, writes are refused, and reads go on. */
static void test_an_index_far_behind(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    struct asking create = {.kind = "thing", .command = "create", .user = USER_ONE, .body = "{\"name\":\"One more\"}"};
    world_open(&world);
    loopback_settle(&world);
    world.core->search.bytes += LIMIT_SEARCH_BYTES + 1;
    assert_int_equal(status_of(&world, create), 503);
    assert_int_equal(status_of(&world, search("")), 200);
    world.core->search.bytes -= LIMIT_SEARCH_BYTES + 1;
    make(&world, "One more", NULL, id);
    assert_found(&world, search("q=more"), "One more");
    assert_int_equal(world.core->search.bytes, 0);
    world_close(&world);
}

/* ---- any history ---- */
enum { THINGS_MOST = 40, NAMES = 6, STEPS = 500 };
static const char *const word_names[NAMES] = {"Amber", "Basalt", "Copper", "Dahlia", "Garnet", "Feldspar"};
struct model {
    char id[THINGS_MOST][64];
    int name[THINGS_MOST];
    int64_t version[THINGS_MOST];
    bool gone[THINGS_MOST];
    int count;
};
static uint64_t chance = 11;

static uint32_t draw(uint32_t below)
{
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance >> 33) % below;
}

static void change(struct loopback *world, struct model *model, int at, const char *command)
{
    char body[128];
    int name = (int)draw(NAMES);
    snprintf(body, sizeof body, "{\"name\":\"%s\",\"version\":%lld}", word_names[name], (long long)model->version[at]);
    bool patch = strcmp(command, "patch") == 0, restore = strcmp(command, "restore") == 0;
    struct asking asking = {.kind = "thing",
                            .command = command,
                            .id = model->id[at],
                            .user = restore ? ADMIN_ONE : USER_ONE,
                            .body = patch ? body : NULL};
    uint16_t status = status_of(world, asking);
    if (patch && !model->gone[at]) { /* the same name again is no change */
        assert_int_equal(status, 200);
        model->version[at] += model->name[at] != name;
        model->name[at] = name;
    } else if (!patch && restore == model->gone[at]) {
        assert_true(status == 200 || status == 204);
        model->version[at]++;
        model->gone[at] = !restore;
    } else {
        assert_true(status >= 400 && status < 500);
    }
}

/* Each name finds as many as there are with it. */
static void assert_model(struct loopback *world, const struct model *model)
{
    for (int name = 0; name < NAMES; name++) {
        char expected[2048] = "", query[64];
        for (int i = 0; i < model->count; i++)
            if (model->name[i] == name && !model->gone[i])
                snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%s",
                         expected[0] ? "|" : "", word_names[name]);
        snprintf(query, sizeof query, "q=%s", word_names[name]);
        struct asking asking = search(query);
        asking.limit = 100;
        assert_found(world, asking, expected);
    }
}

static void test_any_history(void **state)
{
    (void)state;
    static const char *const commands[] = {"patch", "patch", "delete", "restore"};
    struct loopback world;
    struct model *model = memory_alloc(sizeof *model);
    log_configure("error", false);
    world_open(&world);
    loopback_settle(&world);
    for (int step = 0; step < STEPS; step++) {
        uint32_t what = draw(40);
        if (what < 10 && model->count < THINGS_MOST) {
            int at = model->count++;
            model->name[at] = (int)draw(NAMES);
            model->version[at] = 1;
            make(&world, word_names[model->name[at]], NULL, model->id[at]);
        } else if (what < 34 && model->count) {
            change(&world, model, (int)draw((uint32_t)model->count), commands[draw(4)]);
        } else if (what < 36) {
            loopback_pass(&world, SECONDS(6)); /* a checkpoint, and what has begun ends */
        } else if (what < 37) {
            world_again(&world, UINT32_MAX);
            for (uint32_t i = draw(4); i; i--)
                core_turn(world.core, world.now), loopback_work(&world, draw(2) ? 0 : UINT32_MAX);
            if (model->count) change(&world, model, (int)draw((uint32_t)model->count), commands[draw(4)]);
            loopback_settle(&world);
        } else {
            assert_model(&world, model);
        }
    }
    assert_model(&world, model);
    world_close(&world);
    free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_ready),
        cmocka_unit_test(test_no_index),
        cmocka_unit_test(test_changes_are_found),
        cmocka_unit_test(test_what_is_sealed_is_found_by_staff),
        cmocka_unit_test(test_built_again),
        cmocka_unit_test(test_a_change_overtakes_its_row),
        cmocka_unit_test(test_only_what_is_durable),
        cmocka_unit_test(test_whoever_was_answered_finds_it),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_an_index_far_behind),
        cmocka_unit_test(test_any_history),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
