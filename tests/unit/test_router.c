/* The router: which command serves which path, what is refused, and what cannot be told apart at start. */
#include "net/router.h"
#include "net_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum http_method method_named(const char *name)
{
    int method = 0;
    while (method < METHOD_OTHER && strcmp(http_method_names[method], name) != 0)
        method++;
    return (enum http_method)method;
}

static struct text outcome(const struct router *router, struct arena *arena, const char *method, const char *path)
{
    struct buffer out = {.arena = arena};
    struct routed routed;
    switch (router_match(router, method_named(method), text_of(path), arena, &routed)) {
    case MATCH_BAD_PATH: return LITERAL("400");
    case MATCH_NO_PATH: return LITERAL("404");
    case MATCH_NO_METHOD:
        buffer_string(&out, "405 ");
        buffer_text(&out, router_allow(arena, routed.methods));
        return buffer_as_text(&out);
    case MATCH_FOUND: break;
    }
    buffer_string(&out, routed.endpoint->route.command->name);
    for (uint32_t i = 0; i < routed.path_count; i++)
        buffer_format(&out, " %.*s=%.*s", TEXT_ARGUMENTS(routed.path[i].name), TEXT_ARGUMENTS(routed.path[i].value));
    if (routed.tenant_slug.data) buffer_format(&out, " of %.*s", TEXT_ARGUMENTS(routed.tenant_slug));
    return buffer_as_text(&out);
}

static void matches(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { const char *method, *path, *expected; } rows[] = {
        /* method    path                              what serves it */
        { "GET",     "/api/v1/notes",                  "list" },
        { "HEAD",    "/api/v1/notes",                  "list" },
        { "POST",    "/api/v1/notes",                  "create" },
        { "GET",     "/api/v1/notes/mine",             "mine" },
        { "GET",     "/api/v1/notes/n7",               "read id=n7" },
        { "GET",     "/api/v1/notes/mines",            "read id=mines" },
        { "PATCH",   "/api/v1/notes/mine",             "patch id=mine" },
        { "DELETE",  "/api/v1/notes/n7",               "delete id=n7" },
        { "POST",    "/api/v1/notes/n7/move",          "move id=n7" },
        { "POST",    "/api/v1/moves/n7",               "move id=n7" },
        { "PUT",     "/api/v1/notes/n7/pins/p1",       "pin id=n7 pin=p1" },
        { "GET",     "/api/acme/v1/notes/n7",          "read id=n7 of acme" },
        { "GET",     "/healthz",                       "health" },
        { "POST",    "/api/admin/tenants",             "tenants" },
        /* decoded once */
        { "GET",     "/api/v1/%6eotes/%6e7",           "read id=n7" },
        { "GET",     "/api/v1/notes/a%20b",            "read id=a b" },
        { "GET",     "/api/v1/notes/%c3%a4",           "read id=\xc3\xa4" },
        /* not there */
        { "GET",     "/",                              "404" },
        { "GET",     "/api",                           "404" },
        { "GET",     "/api/v1",                        "404" },
        { "GET",     "/api/v1/",                       "404" },
        { "GET",     "/notes",                         "404" },
        { "GET",     "/api/v2/notes",                  "404" },
        { "GET",     "/api/v1/healthz",                "404" },
        { "GET",     "/ipa/acme/v1/notes",             "404" },
        { "GET",     "/api/acme/v2/notes",             "404" },
        { "GET",     "/api/acme/v1",                   "404" },
        { "GET",     "/api/v1/notes/",                 "404" },
        { "GET",     "/api/v1/notes/n7/",              "404" },
        { "GET",     "/api/v1/Notes",                  "404" },
        { "GET",     "/api/v1/notes/n7/pins",          "404" },
        { "GET",     "/api/v1/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "404" },
        /* other methods */
        { "PUT",     "/api/v1/notes",                  "405 GET, HEAD, POST, OPTIONS" },
        { "OTHER",   "/api/v1/notes/n7/move",          "405 POST, OPTIONS" },
        { "POST",    "/api/v1/notes/mine",             "405 GET, HEAD, PATCH, DELETE, OPTIONS" },
        { "HEAD",    "/api/v1/notes/n7/move",          "405 POST, OPTIONS" },
        { "POST",    "/healthz",                       "405 GET, HEAD, OPTIONS" },
        { "GET",     "/api/admin/tenants",             "405 POST, OPTIONS" },
        /* no path at all */
        { "GET",     "//healthz",                      "400" },
        { "GET",     "/api//v1/notes",                 "400" },
        { "GET",     "/api/v1/../v1/notes",            "400" },
        { "GET",     "/api/v1/./notes",                "400" },
        { "GET",     "/api/v1/%2e%2e/notes",           "400" },
        { "GET",     "/api/v1/notes/%2e",              "400" },
        { "GET",     "/api/v1/notes/a%2fb",            "400" },
        { "GET",     "/api/v1/notes/a%5cb",            "400" },
        { "GET",     "/api/v1/notes/%252e%252e",       "400" },
        { "GET",     "/api/v1/notes/%0a",              "400" },
        { "GET",     "/api/v1/notes/%7f",              "400" },
        { "GET",     "/api/v1/notes/%ff",              "400" },
        { "GET",     "/api/v1/notes/%c0%ae",           "400" },
        { "GET",     "*",                              "400" },
    };
    /* clang-format on */
    char problem[256] = "";
    struct router *router = router_create(&sample_registry, problem);
    assert_non_null(router);
    struct arena *arena = arena_create();
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct text result = outcome(router, arena, rows[i].method, rows[i].path);
        if (!text_is(result, rows[i].expected))
            fail_msg("%s %s: %.*s, expected %s", rows[i].method, rows[i].path, TEXT_ARGUMENTS(result),
                     rows[i].expected);
    }
    arena_destroy(arena);
    router_destroy(router);
}

static void ids_are_parsed(void **state)
{
    (void)state;
    char problem[256] = "";
    struct router *router = router_create(&sample_registry, problem);
    struct arena *arena = arena_create();
    struct routed routed;
    struct text path = LITERAL("/api/v1/notes/0190f0a4-7c1e-7000-8000-00000000002a");
    assert_int_equal(router_match(router, METHOD_GET, path, arena, &routed), MATCH_FOUND);
    assert_int_equal(routed.path[0].id.bytes[15], 0x2a);
    assert_int_equal(router_match(router, METHOD_GET, LITERAL("/api/v1/notes/slug"), arena, &routed), MATCH_FOUND);
    assert_true(id_is_none(routed.path[0].id));
    assert_int_equal(router_size(router), 11);
    for (uint32_t i = 0; i < router_size(router); i++)
        assert_int_equal(router_endpoint(router, i)->number, i);
    arena_destroy(arena);
    router_destroy(router);
}

static void unsound_tables(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct { struct command one, other; const char *problem; } rows[] = {
        { { "a", "GET", "/x/{id}" }, { "b", "GET", "/x/{slug}" }, "k.b and k.a: both serve GET /x/{slug}" },
        { { "a", "GET", "/x" }, { "b", "GET", "/y", "/x" }, "k.b and k.a: both serve GET /x" },
        { { "a", "GET", "//x" }, { "b", "GET", "//x" }, "k.b and k.a: both serve GET //x" },
        { { "a", "HEAD", "/x" }, { "b", "GET", "/x" }, "k.a: HEAD /x cannot be served" },
        { { "a", "GET", "/x" }, { "b", "GET", "x" }, "k.b: GET x cannot be served" },
        { { "a", "GET", "/x//y" }, { "b", "GET", "/x" }, "k.a: /x//y is malformed or too long" },
        { { "a", "GET", "/{a}/{b}/{c}/{d}/{e}" }, { "b", "GET", "/x" }, "k.a: /{a}/{b}/{c}/{d}/{e} is malformed or too long" },
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct command commands[] = {rows[i].one, rows[i].other, {0}};
        const struct kind kind = {.name = "k", .commands = commands};
        const struct kind *const kinds[] = {&kind, NULL};
        const struct registry registry = {.kinds = kinds};
        char problem[256] = "";
        assert_null(router_create(&registry, problem));
        assert_string_equal(problem, rows[i].problem);
    }
    /* the same path with other methods, and below another root, is no conflict */
    const struct command commands[] = {{"a", "GET", "/x"},      {"b", "POST", "/x"},  {"c", "GET", "//x"},
                                       {"d", "GET", "/x/{id}"}, {"e", "GET", "/x/y"}, {0}};
    const struct kind kind = {.name = "k", .commands = commands};
    const struct kind *const kinds[] = {&kind, NULL};
    const struct registry registry = {.kinds = kinds};
    char problem[256] = "";
    struct router *router = router_create(&registry, problem);
    assert_non_null(router);
    router_destroy(router);
}

/* Many routes: every one is found, under its own number. */
static void many_routes(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    struct arena *arena = arena_create();
    struct command *commands = ARENA_ARRAY(arena, struct command, COUNT + 1);
    for (int i = 0; i < COUNT; i++)
        commands[i] = (struct command){
            .name = "x", .method = "GET", .path = arena_format(arena, "/area%d/{id}/act%d", i % 40, i).data};
    const struct kind kind = {.name = "k", .commands = commands};
    const struct kind *const kinds[] = {&kind, NULL};
    const struct registry registry = {.kinds = kinds};
    char problem[256] = "";
    struct router *router = router_create(&registry, problem);
    assert_non_null(router);
    for (int i = 0; i < COUNT; i++) {
        struct routed routed;
        struct text path = arena_format(arena, "/api/v1/area%d/seven/act%d", i % 40, i);
        assert_int_equal(router_match(router, METHOD_GET, path, arena, &routed), MATCH_FOUND);
        assert_int_equal(routed.endpoint->number, i);
        assert_true(text_is(routed.path[0].value, "seven"));
        path = arena_format(arena, "/api/v1/area%d/seven/act%d", (i + 1) % 40, i);
        assert_int_equal(router_match(router, METHOD_GET, path, arena, &routed), MATCH_NO_PATH);
    }
    router_destroy(router);
    arena_destroy(arena);
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(ids_are_parsed),
        cmocka_unit_test(unsound_tables),
        cmocka_unit_test(many_routes),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
