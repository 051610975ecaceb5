/* From a parsed HTTP request to a request for the core: route, token, tenant, headers, query and body, in the order in
   which they are refused: path and method, token, media type, then all that is wrong with headers, query and body at
   once. What needs state (who may, which version) is the core's. */
#pragma once
#include "net/router.h"
#include "net/tokens.h"

struct bind_context {
    const struct router *router;
    struct token_cache *tokens;
    const char *const *hosts;   /* our own host names, NULL-terminated: they name no tenant, "x.<own>" names tenant x */
    const char *const *proxies; /* addresses whose X-Forwarded-For is believed, NULL-terminated */
    int64_t now_s;
    uint64_t id_prefix, id_next; /* of request ids made here */
};

enum outcome {
    OUTCOME_CORE,    /* the request is for the core */
    OUTCOME_OPTIONS, /* answer what the path has */
    OUTCOME_REFUSED
};
struct bound {
    const struct endpoint *endpoint; /* NULL: no route */
    uint32_t methods;                /* of the path */
    enum error error;                /* of OUTCOME_REFUSED */
    const char *sentence;            /* NULL: the error's own text */
    struct problems problems;
};

/* request->arena, address and operator_ are set before. */
enum outcome bind_request(struct bind_context *context, const struct http_request *http, struct request *request,
                          struct bound *bound);
/* An id for a request that brought none. */
struct text bind_request_id(struct bind_context *context, struct arena *arena);
/* For requests that could not be parsed: the members that an answer needs. */
void bind_identity(struct bind_context *context, const struct http_request *http, struct request *request);
