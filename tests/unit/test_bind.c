/* Binding: what of a request is refused before the core sees it, in which order, and what the core gets. */
#include "net/bind.h"
#include "net_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1767225600 };
static const struct token_key key = {"first", {1, 2, 3}}, other_key = {"other", {4, 5, 6}};

struct setup {
    struct router *router;
    struct bind_context context;
    struct arena *arena;
};

static int open_setup(void **state)
{
    static const char *const hosts[] = {"souk.example", NULL}, *const proxies[] = {"10.0.0.1", "10.0.0.2", NULL};
    static struct setup setup;
    char problem[256];
    setup = (struct setup){.router = router_create(&sample_registry, problem), .arena = arena_create()};
    setup.context = (struct bind_context){
        .router = setup.router,
        .tokens = token_cache_create(&key, 1),
        .hosts = hosts,
        .proxies = proxies,
        .now_s = NOW_S,
        .id_prefix = 0xabc,
    };
    *state = &setup;
    return setup.router ? 0 : -1;
}

static int close_setup(void **state)
{
    struct setup *setup = *state;
    token_cache_destroy(setup->context.tokens);
    router_destroy(setup->router);
    arena_destroy(setup->arena);
    return 0;
}

static enum outcome bind_text(struct setup *setup, struct text input, struct request *request, struct bound *bound)
{
    size_t used;
    struct http_parser *parser = http_parser_create(setup->arena, &http_limits_default);
    assert_int_equal(http_parse(parser, input.data, input.length, &used), PARSE_COMPLETE);
    *request = (struct request){.arena = setup->arena, .address = LITERAL("192.0.2.1")};
    return bind_request(&setup->context, &parser->request, request, bound);
}

/* "core move", "options", "404 not_found", "400 validation_failed title:required limit:too_large". */
static struct text outcome(struct setup *setup, struct text input, struct request *request)
{
    struct buffer out = {.arena = setup->arena};
    struct bound bound;
    switch (bind_text(setup, input, request, &bound)) {
    case OUTCOME_CORE: buffer_format(&out, "core %s", request->route->command->name); break;
    case OUTCOME_OPTIONS: buffer_string(&out, "options"); break;
    case OUTCOME_REFUSED:
        buffer_format(&out, "%u %s", error_status(bound.error), error_code(bound.error));
        for (uint32_t i = 0; i < bound.problems.count; i++)
            buffer_format(&out, " %.*s:%s", TEXT_ARGUMENTS(bound.problems.at[i].path), bound.problems.at[i].code);
    }
    return buffer_as_text(&out);
}

static struct text message(struct arena *arena, const char *line, const char *headers, const char *body)
{
    return arena_format(arena, "%s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s", line, headers,
                        strlen(body), body);
}

struct row {
    const char *line, *headers, *body, *expected;
};

static void expect_rows(struct setup *setup, const struct row *rows, size_t count)
{
    struct request request;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct text result = outcome(setup, message(setup->arena, row->line, row->headers, row->body), &request);
        if (!text_is(result, row->expected))
            fail_msg("%s | %s | %s: %.*s, expected %s", row->line, row->headers, row->body, TEXT_ARGUMENTS(result),
                     row->expected);
    }
}
#define EXPECT_ROWS(state, rows) expect_rows(*(state), (rows), sizeof(rows) / sizeof((rows)[0]))
#define JSON                     "Content-Type: application/json\r\n"

static void routes_and_bodies(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        /* line                          headers  body                          outcome */
        {"GET /api/v1/notes",            "",      "",                           "core list"},
        {"GET /api/v1/nothing",          "",      "",                           "404 not_found"},
        {"GET /api/v1//notes",           "",      "",                           "400 bad_request"},
        {"PUT /api/v1/notes",            "",      "",                           "405 method_not_allowed"},
        {"TRACE /api/v1/notes",          "",      "",                           "405 method_not_allowed"},
        {"OPTIONS /api/v1/notes",        "",      "",                           "options"},
        {"OPTIONS *",                    "",      "",                           "options"},
        {"OPTIONS /api/v1/nothing",      "",      "",                           "404 not_found"},
        {"GET /healthz",                 "",      "",                           "core health"},
        /* bodies */
        {"POST /api/v1/notes",           JSON,    "{\"title\":\"a\"}",          "core create"},
        {"POST /api/v1/notes",           "",      "",                           "400 validation_failed title:required"},
        {"POST /api/v1/notes",           JSON,    "{}",                         "400 validation_failed title:required"},
        {"POST /api/v1/notes",           JSON,    "{\"title\":1,\"stars\":6,\"x\":1}", "400 validation_failed title:wrong_type stars:too_large x:unknown_field"},
        {"POST /api/v1/notes",           JSON,    "{\"title\":\"a\",\"version\":1}", "400 validation_failed version:unknown_field"},
        {"POST /api/v1/notes",           JSON,    "{\"entity\":{}}",            "400 validation_failed entity:read_only title:required"},
        {"POST /api/v1/notes",           JSON,    "{\"title\":",                "400 malformed_json :bad_format"},
        {"POST /api/v1/notes?a=1",       JSON,    "{}",                         "400 validation_failed a:unknown_field title:required"},
        {"POST /api/v1/notes/n/move",    JSON,    "{\"to\":\"b\",\"version\":3}", "core move"},
        {"POST /api/v1/notes/n/move",    "",      "",                           "400 validation_failed to:required"},
        {"POST /api/v1/moves/n",         JSON,    "{\"to\":\"b\"}",             "core move"},
        {"DELETE /api/v1/notes/n",       "",      "",                           "core delete"},
        {"DELETE /api/v1/notes/n",       JSON,    "{}",                         "core delete"},
        {"DELETE /api/v1/notes/n",       JSON,    "{\"version\":2}",            "core delete"},
        {"DELETE /api/v1/notes/n",       JSON,    "{\"why\":2}",                "400 validation_failed why:unknown_field"},
        {"GET /api/v1/notes",            JSON,    "{}",                         "400 bad_request"},
        {"HEAD /api/v1/notes",           JSON,    "{}",                         "400 bad_request"},
        /* PATCH: what is wrong in any state */
        {"PATCH /api/v1/notes/n",        JSON,    "{\"stars\":5}",              "core patch"},
        {"PATCH /api/v1/notes/n",        JSON,    "{\"stars\":9,\"y\":0}",      "400 validation_failed stars:too_large y:unknown_field"},
        {"PATCH /api/v1/notes/n",        JSON,    "{\"title\":null}",           "400 validation_failed title:required"},
        {"PATCH /api/v1/notes/n",        JSON,    "{\"paper\":{\"size\":2}}",   "core patch"},
        {"PATCH /api/v1/notes/n",        JSON,    "{\"paper\":{\"size\":12}}",  "400 validation_failed paper.size:too_large"},
        {"PATCH /api/v1/notes/n",        JSON,    "[]",                         "400 validation_failed :wrong_type"},
        {"PATCH /api/v1/notes/n",        JSON,    "{",                          "400 malformed_json :bad_format"},
        /* media types */
        {"POST /api/v1/notes",           "",      "{\"title\":\"a\"}",          "415 unsupported_media_type"},
        {"POST /api/v1/notes",           "Content-Type: text/plain\r\n", "{",   "415 unsupported_media_type"},
        {"POST /api/v1/notes",           "Content-Type: application/json; charset=UTF-8\r\n", "{\"title\":\"a\"}", "core create"},
        {"POST /api/v1/notes",           "Content-Type: Application/JSON;charset=latin1\r\n", "{\"title\":\"a\"}", "415 unsupported_media_type"},
        {"POST /api/v1/notes",           JSON "Content-Encoding: gzip\r\n", "{\"title\":\"a\"}", "415 unsupported_media_type"},
        {"POST /api/v1/notes",           JSON "Content-Encoding: identity\r\n", "{\"title\":\"a\"}", "core create"},
        /* overrides are not known here */
        {"GET /api/v1/notes/n",          "X-HTTP-Method-Override: DELETE\r\n", "", "core read"},
    };
    /* clang-format on */
    EXPECT_ROWS(state, rows);
}

static void queries(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"GET /api/v1/notes?limit=1&cursor=aB-_9&color=red&open=true",  "", "", "core list"},
        {"GET /api/v1/notes?limit=100",                                 "", "", "core list"},
        {"GET /api/v1/notes?",                                          "", "", "core list"},
        {"GET /api/v1/notes?&&",                                        "", "", "core list"},
        {"GET /api/v1/notes?limit=0",                                   "", "", "400 validation_failed limit:too_small"},
        {"GET /api/v1/notes?limit=-1",                                  "", "", "400 validation_failed limit:too_small"},
        {"GET /api/v1/notes?limit=101",                                 "", "", "400 validation_failed limit:too_large"},
        {"GET /api/v1/notes?limit=1000000000",                          "", "", "400 validation_failed limit:too_large"},
        {"GET /api/v1/notes?limit=ten",                                 "", "", "400 validation_failed limit:wrong_type"},
        {"GET /api/v1/notes?limit=",                                    "", "", "400 validation_failed limit:wrong_type"},
        {"GET /api/v1/notes?limit=5&limit=6",                           "", "", "400 validation_failed limit:duplicate"},
        {"GET /api/v1/notes?cursor=",                                   "", "", "400 validation_failed cursor:bad_format"},
        {"GET /api/v1/notes?cursor=a%20b",                              "", "", "400 validation_failed cursor:bad_format"},
        {"GET /api/v1/notes?page=2",                                    "", "", "400 validation_failed page:unknown_field"},
        {"GET /api/v1/notes?open=1&limit=0&q=x",                        "", "", "400 validation_failed limit:too_small open:wrong_type q:unknown_field"},
        {"GET /api/v1/notes?include_deleted=true",                      "", "", "core list"},
        {"GET /api/v1/notes/n?include_deleted=false",                   "", "", "core read"},
        {"GET /api/v1/notes/n?include_deleted=yes",                     "", "", "400 validation_failed include_deleted:wrong_type"},
        {"GET /api/v1/notes/n?limit=5",                                 "", "", "400 validation_failed limit:unknown_field"},
        {"GET /api/v1/notes/mine?x",                                    "", "", "400 validation_failed x:unknown_field"},
        {"GET /api/v1/notes?access_token=abc",                          "", "", "400 validation_failed access_token:unknown_field"},
    };
    /* clang-format on */
    EXPECT_ROWS(state, rows);

    struct setup *setup = *state;
    struct request request;
    outcome(setup,
            message(setup->arena, "GET /api/v1/notes?limit=7&color=r%65d&cursor=abc&include_deleted=true", "", ""),
            &request);
    const struct note_query *query = request.query;
    assert_int_equal(request.limit, 7);
    assert_true(text_is(request.cursor, "abc"));
    assert_true(request.include_deleted);
    assert_true(text_is(query->color, "red"));
    assert_int_equal(request.query_present, 1);
    assert_true(text_is(request.query_text, "limit=7&color=r%65d&cursor=abc&include_deleted=true"));
}

static void headers(void **state)
{
    /* clang-format off */
    static const struct row rows[] = {
        {"GET /api/v1/notes/n", "If-Match: \"7\"\r\n",              "", "core read"},
        {"GET /api/v1/notes/n", "If-Match: 7\r\n",                  "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"x\"\r\n",              "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"7.x\"\r\n",            "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"7\", \"8\"\r\n",       "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"-7\"\r\n",             "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"\"\r\n",               "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: \"77\r\n",              "", "400 validation_failed If-Match:bad_format"},
        {"GET /api/v1/notes/n", "If-Match: 77\"\r\n",              "", "400 validation_failed If-Match:bad_format"},
        {"POST /api/v1/notes",  "Idempotency-Key:\r\n",             "", "400 validation_failed Idempotency-Key:too_short title:required"},
        {"POST /api/v1/notes",  "Idempotency-Key: a b\r\n",         "", "400 validation_failed Idempotency-Key:bad_format title:required"},
        {"POST /api/v1/notes",  "Idempotency-Key: a\r\n",           "", "400 validation_failed title:required"},
    };
    /* clang-format on */
    EXPECT_ROWS(state, rows);

    /* clang-format off */
    static const struct { const char *header; int64_t version; } versions[] = {
        {"If-Match: \"7\"\r\n", 7}, {"If-Match: \"7.42\"\r\n", 7}, {"If-Match: W/\"7\"\r\n", 7}, {"If-Match: *\r\n", -1}, {"If-Match: \"0\"\r\n", 0},
    };
    /* clang-format on */
    struct setup *setup = *state;
    struct request request;
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        outcome(setup, message(setup->arena, "DELETE /api/v1/notes/n", versions[i].header, ""), &request);
        assert_true(request.has_if_match);
        assert_int_equal(request.if_match, versions[i].version);
    }
    struct buffer long_key = {.arena = setup->arena};
    for (int length = 255; length <= 256; length++) {
        buffer_clear(&long_key);
        buffer_string(&long_key, "Idempotency-Key: ");
        for (int i = 0; i < length; i++)
            buffer_byte(&long_key, 'k');
        buffer_string(&long_key, "\r\n" JSON);
        buffer_byte(&long_key, 0);
        struct text result =
            outcome(setup, message(setup->arena, "POST /api/v1/notes", long_key.data, "{\"title\":\"a\"}"), &request);
        assert_true(text_is(result, length == 255 ? "core create" : "400 validation_failed Idempotency-Key:too_long"));
    }
    outcome(
        setup,
        message(
            setup->arena, "POST /api/v1/notes/n/move",
            JSON
            "Prefer: respond-async, Dry-Run\r\nIdempotency-Key: k1\r\nIf-None-Match: \"1\"\r\nAccept: text/html, application/problem+json;q=1\r\n"
            "X-Request-Id: a.B_9-\r\n",
            "{\"to\":\"there\",\"version\":4}"),
        &request);
    assert_true(request.dry_run);
    assert_true(request.problem_json);
    assert_true(text_is(request.idempotency_key, "k1"));
    assert_true(text_is(request.if_none_match, "\"1\""));
    assert_true(text_is(request.request_id, "a.B_9-"));
    assert_true(request.binding.has_version);
    assert_int_equal(request.binding.version, 4);
    assert_true(text_is(((const struct note_move *)request.bound)->to, "there"));
    assert_true(text_is(request.body, "{\"to\":\"there\",\"version\":4}"));
    assert_false(request.head_only);

    outcome(setup, message(setup->arena, "HEAD /api/v1/notes", "X-Request-Id: a b\r\n", ""), &request);
    assert_true(request.head_only);
    assert_false(request.problem_json);
    assert_int_equal(request.request_id.length, 32);
    struct text first = request.request_id,
                longest = LITERAL("0123456789012345678901234567890123456789012345678901234567890123");
    for (uint32_t length = longest.length; length <= longest.length + 1; length++) {
        struct text header = arena_format(setup->arena, "X-Request-Id: %.*s%s\r\n", TEXT_ARGUMENTS(longest),
                                          length == longest.length ? "" : "4");
        outcome(setup, message(setup->arena, "GET /api/v1/notes", header.data, ""), &request);
        assert_int_equal(text_equal(request.request_id, longest), length == longest.length);
        assert_int_equal(request.request_id.length, length == longest.length ? 64 : 32);
    }
    outcome(setup, message(setup->arena, "HEAD /api/v1/notes", "", ""), &request);
    assert_false(text_equal(first, request.request_id));
}

static void tokens(void **state)
{
    struct setup *setup = *state;
    struct token_claims claims = {.issued_s = NOW_S - 10, .expires_s = NOW_S + 900};
    memset(&claims.tenant, 1, 16);
    memset(&claims.user, 2, 16);
    memset(&claims.session, 3, 16);
    struct text good = token_issue(setup->arena, &key, &claims),
                foreign = token_issue(setup->arena, &other_key, &claims);
    struct token_claims old = claims;
    old.issued_s = NOW_S - 2000, old.expires_s = NOW_S - 1000;
    struct text expired = token_issue(setup->arena, &key, &old);
    struct request request;

    for (int round = 0; round < 3; round++) { /* also from the cache */
        struct text header = arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(good));
        assert_true(text_is(outcome(setup, message(setup->arena, "GET /api/v1/notes", header.data, ""), &request),
                            "core list"));
        assert_true(request.has_claims);
        assert_memory_equal(&request.token_tenant, &claims.tenant, 16);
        assert_memory_equal(&request.token_user, &claims.user, 16);
        assert_memory_equal(&request.token_session, &claims.session, 16);
    }
    /* each byte of it changed, cut, lengthened */
    for (uint32_t i = 0; i < good.length; i++) {
        struct text header = arena_format(setup->arena, "Authorization: bearer %.*s\r\n", TEXT_ARGUMENTS(good));
        char *byte = (char *)(uintptr_t)header.data + strlen("Authorization: bearer ") + i;
        *byte = *byte == 'A' ? 'B' : 'A';
        assert_true(text_is(outcome(setup, message(setup->arena, "GET /api/v1/notes", header.data, ""), &request),
                            "401 unauthorized"));
        assert_false(request.has_claims);
    }
    /* clang-format off */
    const struct text bad[] = {
        arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(foreign)),
        arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(expired)),
        arena_format(setup->arena, "Authorization: Bearer %.*s=\r\n", TEXT_ARGUMENTS(good)),
        arena_format(setup->arena, "Authorization: Bearer %.*s.x\r\n", TEXT_ARGUMENTS(good)),
        arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", (int)good.length - 1, good.data),
        arena_format(setup->arena, "Authorization: %.*s\r\n", TEXT_ARGUMENTS(good)),
        arena_format(setup->arena, "Authorization: Basic %.*s\r\n", TEXT_ARGUMENTS(good)),
        LITERAL("Authorization: Bearer\r\n"),
        LITERAL("Authorization: Bearer x\r\n"),
        LITERAL("Authorization:\r\n"),
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        /* before what is wrong with body and query, after what is wrong with the path */
        assert_true(text_is(outcome(setup, message(setup->arena, "POST /api/v1/notes?x=1", bad[i].data, "{"), &request),
                            "401 unauthorized"));
        assert_true(text_is(outcome(setup, message(setup->arena, "POST /api/v1/none", bad[i].data, "{"), &request),
                            "404 not_found"));
    }
    /* the cache does not outlive the token */
    setup->context.now_s = NOW_S + 5000;
    struct text header = arena_format(setup->arena, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(good));
    assert_true(text_is(outcome(setup, message(setup->arena, "GET /api/v1/notes", header.data, ""), &request),
                        "401 unauthorized"));
}

static void tenants(void **state)
{
    /* clang-format off */
    static const struct { const char *path, *host, *header, *slug; } rows[] = {
        /* path                 Host                     X-Tenant   tenant of the request (NULL: the token's or the default) */
        {"/api/acme/v1/notes",  "localhost",             "",        "acme"},
        {"/api/acme/v1/notes",  "shop.example",          "other",   "acme"},
        {"/api/v1/notes",       "localhost:8080",        "",        NULL},
        {"/api/v1/notes",       "localhost",             "acme",    "acme"},
        {"/api/v1/notes",       "127.0.0.1:80",          "acme",    "acme"},
        {"/api/v1/notes",       "[::1]:80",              "",        NULL},
        {"/api/v1/notes",       "souk.example",          "",        NULL},
        {"/api/v1/notes",       "SOUK.example.:443",     "acme",    "acme"},
        {"/api/v1/notes",       "acme.souk.example",     "",        "acme"},
        {"/api/v1/notes",       "Acme.Souk.Example:443", "other",   "acme"},
        {"/api/v1/notes",       "evilsouk.example",      "",        "evilsouk.example"},
        {"/api/v1/notes",       "shop.example",          "acme",    "shop.example"},
        {"/healthz",            "shop.example",          "acme",    NULL},
    };
    /* clang-format on */
    struct setup *setup = *state;
    struct request request;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text input =
            arena_format(setup->arena, "GET %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", rows[i].path, rows[i].host,
                         rows[i].header[0] ? "X-Tenant: " : "", rows[i].header, rows[i].header[0] ? "\r\n" : "");
        outcome(setup, input, &request);
        if (rows[i].slug ? !text_is(request.tenant_slug, rows[i].slug) : request.tenant_slug.data != NULL)
            fail_msg("row %zu: %.*s", i, TEXT_ARGUMENTS(request.tenant_slug));
    }
}

static void addresses(void **state)
{
    /* clang-format off */
    static const struct { const char *peer, *header, *address; } rows[] = {
        {"192.0.2.1", "X-Forwarded-For: 198.51.100.7\r\n",                         "192.0.2.1"},
        {"10.0.0.1",  "",                                                          "10.0.0.1"},
        {"10.0.0.1",  "X-Forwarded-For: 198.51.100.7\r\n",                         "198.51.100.7"},
        {"10.0.0.1",  "X-Forwarded-For: 203.0.113.9, 198.51.100.7\r\n",            "198.51.100.7"},
        {"10.0.0.1",  "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.0.0.2\r\n", "203.0.113.9"},
        {"10.0.0.1",  "X-Forwarded-For: 2001:db8::7 ,10.0.0.2\r\n",                "2001:db8::7"},
        {"10.0.0.1",  "X-Forwarded-For: <script>\r\n",                             "10.0.0.1"},
        {"10.0.0.1",  "X-Forwarded-For:\r\n",                                      "10.0.0.1"},
    };
    /* clang-format on */
    struct setup *setup = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text input = message(setup->arena, "GET /api/v1/notes", rows[i].header, "");
        struct http_parser *parser = http_parser_create(setup->arena, &http_limits_default);
        struct request request = {.arena = setup->arena, .address = text_of(rows[i].peer)};
        struct bound bound;
        size_t used;
        assert_int_equal(http_parse(parser, input.data, input.length, &used), PARSE_COMPLETE);
        bind_request(&setup->context, &parser->request, &request, &bound);
        if (!text_is(request.address, rows[i].address)) fail_msg("row %zu: %.*s", i, TEXT_ARGUMENTS(request.address));
    }
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_and_bodies, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(queries, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(headers, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(tokens, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(tenants, open_setup, close_setup),
        cmocka_unit_test_setup_teardown(addresses, open_setup, close_setup),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
