#include "support/wire.h"
#include "base/check.h"
#include <stdio.h>
#include <string.h>

void wire_open(struct wire *wire, struct loopback *loopback)
{
    char problem[256] = "";
    *wire = (struct wire){.loopback = loopback, .arena = arena_create()};
    wire->router = router_create(loopback->registry, problem);
    if (!wire->router) fprintf(stderr, "no routes: %s\n", problem);
    CHECK(wire->router);
    wire->bind = (struct bind_context){
        .router = wire->router,
        .tokens = token_cache_create(loopback->ports.token_keys, loopback->ports.token_key_count),
        .now_s = loopback->now / 1000,
    };
    wire->heads = heads_create();
    reply_date(wire->bind.now_s, wire->date);
}

void wire_close(struct wire *wire)
{
    heads_destroy(wire->heads);
    token_cache_destroy(wire->bind.tokens);
    router_destroy(wire->router);
    arena_destroy(wire->arena);
    buffer_free(&wire->out);
}

static void note_answer(struct request *request)
{
    *(bool *)request->owner = true;
}

static void refuse(struct request *request, const struct bound *bound, bool *answered)
{
    reply_refuse(request, bound->error, bound->sentence, &bound->problems);
    *answered = true;
}

static void give_to_core(struct wire *wire, struct request *request, bool *answered)
{
    struct bound full = {.error = ERROR_OVERLOADED, .problems.arena = request->arena};
    if (!core_request(wire->loopback->core, request)) refuse(request, &full, answered);
}

/* As net/exchange.c does it. */
static void start(struct wire *wire, const struct http_request *http, struct request *request, bool *answered)
{
    struct bound bound;
    switch (bind_request(&wire->bind, http, request, &bound)) {
    case OUTCOME_CORE: give_to_core(wire, request, answered); break;
    case OUTCOME_REFUSED: refuse(request, &bound, answered); break;
    case OUTCOME_OPTIONS: request->reply = (struct reply){.status = 204}; *answered = true;
    }
}

/* As net/connection.c does it. False: this is no request. */
static bool receive(struct wire *wire, struct text bytes, struct request *request, const struct head **head)
{
    size_t used;
    bool *answered = request->owner;
    *head = request->operator_ ? NULL : heads_find(wire->heads, bytes.data, bytes.length, wire->bind.now_s);
    if (*head) {
        head_hold(*head);
        head_request(*head, &wire->bind, request);
        give_to_core(wire, request, answered);
        return true;
    }
    struct http_parser *parser = http_parser_create(wire->arena, &http_limits_default);
    if (http_parse(parser, bytes.data, bytes.length, &used) != PARSE_COMPLETE) return false;
    if (!request->operator_) heads_offer(wire->heads, &wire->bind, bytes.data, used);
    start(wire, &parser->request, request, answered);
    return true;
}

uint16_t wire_send(struct wire *wire, struct text bytes, bool operator_)
{
    bool answered = false;
    const struct head *head;
    arena_reset(wire->arena);
    buffer_clear(&wire->out);
    struct request *request = ARENA_NEW(wire->arena, struct request);
    request->arena = wire->arena;
    request->address = LITERAL("127.0.0.1");
    request->operator_ = operator_;
    request->owner = &answered;
    request->answered = note_answer;
    if (!receive(wire, bytes, request, &head)) return 0;
    loopback_settle(wire->loopback);
    CHECK(answered);

    struct reply_manner manner = {.keep_alive = true, .date = text_of(wire->date)};
    reply_render(&wire->out, request, &manner);
    if (head) {
        head_note(head, request->reply.ticket);
        head_release(wire->heads, head);
    }
    reply_release(&request->reply);
    return request->reply.status;
}

struct text wire_body(const struct wire *wire)
{
    const char *end = wire->out.length ? memmem(wire->out.data, wire->out.length, "\r\n\r\n", 4) : NULL;
    if (!end) return (struct text){0};
    end += 4;
    return (struct text){end, (uint32_t)(wire->out.length - (size_t)(end - wire->out.data))};
}
