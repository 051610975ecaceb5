/* Heads that come again: known from their third coming on, byte for byte, with all that binding makes of them. */
#include "net/heads.h"
#include "net_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1767225600, LIFE_S = 100 };
static const struct token_key key = {"first", {1, 2, 3}};

struct setup {
    struct router *router;
    struct bind_context bind;
    struct heads *heads;
    struct arena *arena;
};

static int open_setup(void **state)
{
    static struct setup setup;
    char problem[256];
    setup = (struct setup){
        .router = router_create(&sample_registry, problem), .heads = heads_create(), .arena = arena_create()};
    setup.bind = (struct bind_context){
        .router = setup.router, .tokens = token_cache_create(&key, 1), .now_s = NOW_S, .id_prefix = 7};
    *state = &setup;
    return setup.router ? 0 : -1;
}

static int close_setup(void **state)
{
    struct setup *setup = *state;
    heads_destroy(setup->heads);
    token_cache_destroy(setup->bind.tokens);
    router_destroy(setup->router);
    arena_destroy(setup->arena);
    return 0;
}

/* As a connection does it. */
static const struct head *come(struct setup *setup, struct text bytes)
{
    const struct head *head = heads_find(setup->heads, bytes.data, bytes.length, setup->bind.now_s);
    if (!head) heads_offer(setup->heads, &setup->bind, bytes.data, bytes.length);
    return head;
}

static const struct head *come_often(struct setup *setup, struct text bytes)
{
    assert_null(come(setup, bytes));
    assert_null(come(setup, bytes));
    return come(setup, bytes);
}

static struct text get(struct setup *setup, const char *target, const char *headers)
{
    return arena_format(setup->arena, "GET /api/v1%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers);
}

static void test_what_is_known(void **state)
{
    struct setup *setup = *state;
    struct text bytes = get(setup, "/notes?color=red&limit=7", "X-Request-Id: mine\r\nIf-None-Match: \"1\"\r\n");
    struct text more = arena_format(setup->arena, "%.*sGET / HTTP", TEXT_ARGUMENTS(bytes));
    const struct head *head = come_often(setup, bytes);
    assert_non_null(head);
    assert_int_equal(head->length, bytes.length);
    assert_string_equal(head->request.route->command->name, "list");
    assert_int_equal(head->request.limit, 7);
    assert_true(text_is(((const struct note_query *)head->request.query)->color, "red"));
    assert_true(text_is(head->request.query_text, "color=red&limit=7"));
    assert_true(text_is(head->request.if_none_match, "\"1\""));
    assert_true(text_is(head->request.request_id, "mine"));
    assert_true(head->names_request);
    memset((char *)(uintptr_t)bytes.data, 'x', bytes.length); /* it owns what it points to */
    assert_true(text_is(head->request.query_text, "color=red&limit=7"));
    assert_ptr_equal(come(setup, more), head); /* and whatever follows is another request */
    assert_null(come(setup, (struct text){more.data, head->length - 1}));
}

static void test_every_byte_counts(void **state)
{
    struct setup *setup = *state;
    struct text bytes = get(setup, "/notes?color=red", "X-Something: else, and some more so that it is long\r\n");
    assert_non_null(come_often(setup, bytes));
    for (uint32_t i = 0; i < bytes.length; i++) {
        struct text other = arena_text(setup->arena, bytes);
        ((char *)(uintptr_t)other.data)[i] ^= 4;
        assert_null(heads_find(setup->heads, other.data, other.length, NOW_S));
    }
    assert_non_null(come(setup, bytes));
}

static void test_tokens_end(void **state)
{
    struct setup *setup = *state;
    struct token_claims claims = {{{1}}, {{2}}, {{3}}, NOW_S, NOW_S + LIFE_S};
    struct text token = token_issue(setup->arena, &key, &claims);
    struct text header = arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(token));
    struct text bytes = get(setup, "/notes", header.data);
    const struct head *head = come_often(setup, bytes);
    assert_non_null(head);
    assert_false(head->names_request);
    assert_true(id_equal(head->request.token_user, claims.user));
    setup->bind.now_s += LIFE_S - 1;
    assert_non_null(come(setup, bytes));
    setup->bind.now_s += 1;
    for (int i = 0; i < 4; i++)
        assert_null(come(setup, bytes));
}

/* What means something else elsewhere, has a body, changes something, closes the connection or is refused. */
static void test_what_is_not_kept(void **state)
{
    struct setup *setup = *state;
    const struct text rows[] = {
        get(setup, "/notes", "X-Forwarded-For: 192.0.2.7\r\n"),
        get(setup, "/notes", "Connection: close\r\n"),
        get(setup, "/notes", "Authorization: Bearer x\r\n"),
        get(setup, "/notes?limit=0", ""),
        get(setup, "/nothing", ""),
        get(setup, "/no%zztes", ""),
        LITERAL("GET /api/v1/notes HTTP/1.1\r\n\r\n"),
        LITERAL("POST /api/v1/notes/mine HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        LITERAL("GET /api/v1/notes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"),
    };
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++)
        for (int i = 0; i < 4; i++)
            assert_null(come(setup, rows[row]));
}

static void test_use_outlives_being_pushed_out(void **state)
{
    enum { OTHERS = 6000 };
    struct setup *setup = *state;
    struct text bytes = get(setup, "/notes?color=red", "");
    const struct head *head = come_often(setup, bytes);
    assert_non_null(head);
    head_hold(head);
    for (int i = 0; i < OTHERS; i++) {
        char target[32];
        snprintf(target, sizeof target, "/notes?color=%d", i);
        struct text other = get(setup, target, "");
        come(setup, other);
        come(setup, other);
    }
    assert_null(come(setup, bytes));
    assert_true(text_is(head->request.query_text, "color=red"));
    head_release(setup->heads, head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_known, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(test_every_byte_counts, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(test_tokens_end, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(test_use_outlives_being_pushed_out, open_setup, close_setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
