/* From method and path to the command that serves them. Built once from the registry's command rows and proved
   unambiguous; then only read, by every loop.

   A path is split into segments, each percent-decoded once, and walked down a tree: a literal segment before a parameter
   ("users/me" before "users/{id}"), and back when the literal's branch has no such method. Commands whose path begins
   with "//" are served at the root ("//healthz" is /healthz), all others below /api/v1 and /api/{tenant slug}/v1. */
#pragma once
#include "actors/runtime/request.h"
#include "net/http.h"

struct router;

/* A way to reach a command: its path, or its alias. */
struct endpoint {
    struct route route;
    uint32_t number; /* 0 … router_size − 1, for figures */
    enum http_method method;
    const char *path; /* as declared: "/promotions/{id}/submit" */
    struct text path_text;
    bool below_api;
    uint32_t parameter_count;
    struct text parameters[LIMIT_PATH_PARAMETERS]; /* names */
};

enum match { MATCH_FOUND, MATCH_BAD_PATH, MATCH_NO_PATH, MATCH_NO_METHOD };
struct routed {
    const struct endpoint *endpoint; /* of MATCH_FOUND */
    struct path_parameter path[LIMIT_PATH_PARAMETERS];
    uint32_t path_count;
    struct text tenant_slug; /* of the path; absent: none */
    uint32_t methods;        /* bits of enum http_method that this path has */
};

/* NULL and a sentence when two rows serve the same method and path, or a row is malformed. */
struct router *router_create(const struct registry *registry, char problem[256]);
void router_destroy(struct router *router);
/* HEAD finds the GET of the path. Texts of the result are in the arena, in `path` or in the router. */
enum match router_match(const struct router *router, enum http_method method, struct text path, struct arena *arena,
                        struct routed *routed);
/* "GET, HEAD, OPTIONS" of what a path has. */
struct text router_allow(struct arena *arena, uint32_t methods);
uint32_t router_size(const struct router *router);
const struct endpoint *router_endpoint(const struct router *router, uint32_t number);
