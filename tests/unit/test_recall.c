/* Kept answers: what was answered once is answered again without a run, for as long as nothing that it follows from has
   changed, and to nobody who would be answered otherwise. */
#include "support/loopback.h"
#include "support/thing.h"
#include "actors/runtime/internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TIMES = 3 }; /* after which an answer is kept: it is when the question comes a second time */
static const struct id USER_ONE = {{0x01, 1}}, USER_TWO = {{0x01, 2}}, ADMIN_ONE = {{0xAD, 1}};

static void open_world(struct loopback *world)
{
    loopback_prepare(world, &thing_registry, thing_providers);
    world->config.proves_answers = false;
    loopback_start(world);
    loopback_settle(world);
}

static void make(struct loopback *world, const char *name, char id[64])
{
    char body[128];
    snprintf(body, sizeof body, "{\"name\":\"%s\"}", name);
    struct said *said =
        loopback_ask(world, (struct asking){.kind = "thing", .command = "create", .user = USER_ONE, .body = body});
    assert_int_equal(said->request.reply.status, 201);
    struct text found = said_field(said, "id");
    memcpy(id, found.data, found.length);
    id[found.length] = 0;
    said_free(said);
}

static void patch(struct loopback *world, const char *id, const char *body)
{
    struct said *said = loopback_ask(
        world,
        (struct asking){.kind = "thing", .command = "patch", .id = id, .user = USER_ONE, .body = body, .if_match = -1});
    assert_int_equal(said->request.reply.status, 200);
    said_free(said);
}

/* Asks; says whether the answer was a kept one. */
static bool is_recalled(struct loopback *world, struct asking asking, const char *part, bool contains)
{
    uint64_t before = answers_recalled(world->core->answers);
    struct said *said = loopback_ask(world, asking);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, 200);
    if (said_contains(said, part) != contains) print_error("%.*s\n", TEXT_ARGUMENTS(said->request.reply.body));
    assert_int_equal(said_contains(said, part), contains);
    said_free(said);
    return answers_recalled(world->core->answers) > before;
}

static void keep(struct loopback *world, struct asking asking, const char *part)
{
    bool recalled = false;
    for (int i = 0; i < TIMES; i++)
        recalled = is_recalled(world, asking, part, true);
    assert_true(recalled);
}

static void test_reads(void **state)
{
    (void)state;
    struct loopback world;
    char id[64], other[64];
    open_world(&world);
    make(&world, "First", id);
    make(&world, "Second", other);
    struct asking read = {.kind = "thing", .command = "read", .id = id};
    keep(&world, read, "\"First\"");
    patch(&world, id, "{\"name\":\"Changed\"}");
    assert_false(is_recalled(&world, read, "\"Changed\"", true));
    keep(&world, read, "\"Changed\"");
    make(&world, "Third", other); /* what is joined has changed */
    assert_false(is_recalled(&world, read, "\"things\":3", true));
    keep(&world, read, "\"things\":3");
    loopback_close(&world);
}

static void test_lists(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    open_world(&world);
    make(&world, "First", id);
    struct asking newest = {.kind = "thing", .command = "list", .user = USER_ONE};
    struct asking named = {.kind = "thing", .command = "list", .user = USER_ONE, .query = "name=Second"};
    keep(&world, newest, "\"First\"");
    keep(&world, named, "\"data\":[]");
    make(&world, "Second", id);
    assert_false(is_recalled(&world, newest, "\"Second\"", true));
    assert_false(is_recalled(&world, named, "\"Second\"", true));
    keep(&world, newest, "\"Second\"");
    keep(&world, named, "\"Second\"");
    patch(&world, id, "{\"name\":\"Third\"}");
    assert_false(is_recalled(&world, newest, "\"Second\"", false));
    assert_false(is_recalled(&world, named, "\"data\":[]", true));
    loopback_close(&world);
}

static void test_who_asks(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    open_world(&world);
    make(&world, "First", id);
    struct asking read = {.kind = "thing", .command = "read", .id = id, .user = USER_ONE};
    struct asking list = {.kind = "thing", .command = "list", .user = USER_ONE};
    keep(&world, read, "First");
    keep(&world, list, "First");
    read.user = list.user = USER_TWO;
    assert_false(is_recalled(&world, read, "First", true));
    assert_true(is_recalled(&world, list, "First", true)); /* of all who are alike */
    read.user = list.user = ADMIN_ONE;
    assert_false(is_recalled(&world, read, "First", true));
    assert_false(is_recalled(&world, list, "First", true));
    list.user = USER_ONE;
    list.limit = 7;
    assert_false(is_recalled(&world, list, "\"limit\":7", true));
    loopback_close(&world);
}

/* A login that ends takes the answers of the person along; those of all who are alike stay for the others. */
static void test_logins_end(void **state)
{
    (void)state;
    struct loopback world;
    char id[64];
    open_world(&world);
    make(&world, "First", id);
    struct id guest = {{0x07}};
    struct asking read = {.kind = "thing", .command = "read", .id = id, .user = guest};
    struct asking list = {.kind = "thing", .command = "list", .user = guest};
    struct asking of_others = {.kind = "thing", .command = "list", .user = USER_ONE};
    world.now = THING_LOGIN_ENDS_AT - 2;
    keep(&world, read, "First");
    keep(&world, of_others, "First");
    keep(&world, list, "First");
    world.now = THING_LOGIN_ENDS_AT - 1;
    assert_true(is_recalled(&world, read, "First", true));
    assert_true(is_recalled(&world, list, "First", true));
    world.now = THING_LOGIN_ENDS_AT;
    struct asking refused[] = {read, list};
    for (int i = 0; i < 2; i++) {
        struct said *said = loopback_ask(&world, refused[i]);
        assert_int_equal(said->request.reply.status, 401);
        said_free(said);
    }
    assert_true(is_recalled(&world, of_others, "First", true));
    loopback_close(&world);
}

/* What is told again is counted by rates as what is told first. */
static void test_rates(void **state)
{
    (void)state;
    static const char *const settings[] = {"rates.default", "5", NULL};
    struct loopback world;
    char id[64];
    loopback_prepare(&world, &thing_registry, thing_providers);
    world.config.proves_answers = false;
    world.config.rate_limits = true;
    world.config.settings = settings;
    loopback_start(&world);
    loopback_settle(&world);
    make(&world, "First", id);
    struct asking read = {.kind = "thing", .command = "read", .id = id, .user = USER_TWO};
    for (int i = 0; i < 5; i++) {
        struct said *said = loopback_ask(&world, read);
        assert_int_equal(said->request.reply.status, 200);
        assert_int_equal(said->request.reply.rate_limit, 5);
        assert_int_equal(said->request.reply.rate_remaining, 4 - i);
        said_free(said);
    }
    assert_int_equal(answers_recalled(world.core->answers), 3);
    struct said *said = loopback_ask(&world, read);
    assert_int_equal(said->request.reply.status, 429);
    assert_null(said->request.reply.etag.data);
    said_free(said);
    loopback_close(&world);
}

/* A rate of 0 is none at all: nobody is refused, and no header names a limit. */
static void test_no_rate(void **state)
{
    (void)state;
    static const char *const settings[] = {"rates.default", "0", NULL};
    struct loopback world;
    char id[64];
    loopback_prepare(&world, &thing_registry, thing_providers);
    world.config.rate_limits = true;
    world.config.settings = settings;
    loopback_start(&world);
    loopback_settle(&world);
    make(&world, "First", id);
    for (int i = 0; i < 5; i++) {
        struct said *said =
            loopback_ask(&world, (struct asking){.kind = "thing", .command = "read", .id = id, .user = USER_TWO});
        assert_int_equal(said->request.reply.status, 200);
        assert_int_equal(said->request.reply.rate_limit, 0);
        said_free(said);
    }
    loopback_close(&world);
}

/* So is what waits for the disk before it is known who asks. */
static void test_rates_of_what_is_cold(void **state)
{
    (void)state;
    static const char *const settings[] = {"rates.default", "5", NULL};
    struct loopback world;
    char id[64];
    loopback_prepare(&world, &thing_registry, thing_providers);
    world.config.rate_limits = true;
    world.config.settings = settings;
    world.config.actors_memory = 1;
    loopback_start(&world);
    loopback_settle(&world);
    make(&world, "First", id);
    memory_store_miss_every(world.store, 1);
    for (int i = 0; i < 6; i++) {
        checkpoint_begin(world.core);
        checkpoint_go_on(world.core, UINT32_MAX);
        loopback_settle(&world);
        core_turn(world.core, world.now); /* forgets what it need not know */
        uint64_t reruns = world.core->count_reruns;
        struct said *said =
            loopback_ask(&world, (struct asking){.kind = "thing", .command = "read", .id = id, .user = USER_TWO});
        assert_true(world.core->count_reruns > reruns);
        assert_int_equal(said->request.reply.status, i < 5 ? 200 : 429);
        assert_int_equal(said->request.reply.rate_limit, 5);
        said_free(said);
    }
    loopback_close(&world);
}

/* An answer tells of the log as far as its run saw it, whether there was a run or not. */
static void test_positions(void **state)
{
    (void)state;
    struct loopback world;
    char id[64], other[64];
    open_world(&world);
    make(&world, "First", id);
    struct asking read = {.kind = "thing", .command = "read", .id = id};
    struct asking list = {.kind = "thing", .command = "list", .query = "name=First"};
    keep(&world, list, "First");
    make(&world, "Second", other);
    keep(&world, read, "First");
    assert_true(is_recalled(&world, read, "First", true));
    struct said *said = loopback_ask(&world, read);
    assert_int_equal(said->request.reply.log_position, core_last_lsn(world.core));
    said_free(said);
    said = loopback_ask(&world, list);
    assert_int_equal(said->request.reply.log_position, core_last_lsn(world.core));
    said_free(said);
    loopback_close(&world);
}

/* Far more questions than may be kept: each is answered rightly, the memory stays within its limit, and an answer on its
   way outlives its being forgotten. */
static void test_many(void **state)
{
    (void)state;
    enum { THINGS = 40, PAGES = 6000 };
    struct loopback world;
    char id[64], query[64];
    open_world(&world);
    for (int i = 0; i < THINGS; i++)
        make(&world, "A thing with some name", id);
    struct asking first = {.kind = "thing", .command = "list", .limit = 100};
    keep(&world, first, "A thing");
    struct said *held = loopback_ask(&world, first);
    assert_non_null(held->request.reply.held);
    for (int i = 0; i < PAGES; i++) {
        snprintf(query, sizeof query, "sort=%s&ignored=%d", i & 1 ? "newest" : "oldest", i);
        struct asking asking = {.kind = "thing", .command = "list", .query = query, .limit = 100};
        for (int again = 0; again < 2; again++)
            is_recalled(&world, asking, "A thing", true);
        assert_true(answers_bytes(world.core->answers) <= LIMIT_ANSWERS_BYTES + LIMIT_ANSWER_BYTES);
    }
    assert_true(answers_bytes(world.core->answers) > LIMIT_ANSWERS_BYTES / 2);
    assert_false(is_recalled(&world, first, "A thing", true));
    assert_true(said_contains(held, "A thing"));
    said_free(held);
    loopback_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),     cmocka_unit_test(test_lists),   cmocka_unit_test(test_who_asks),
        cmocka_unit_test(test_positions), cmocka_unit_test(test_many),    cmocka_unit_test(test_logins_end),
        cmocka_unit_test(test_rates),     cmocka_unit_test(test_no_rate), cmocka_unit_test(test_rates_of_what_is_cold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
