/* An exchange from the complete request to the bytes of its reply. */
#include "net/loop.h"
#include "base/log.h"
#include <string.h>

static bool origin_is_allowed(const struct net_config *config, struct text origin)
{
    for (const char *const *allowed = config->origins; allowed && *allowed; allowed++)
        if (text_is(origin, *allowed) || !strcmp(*allowed, "*")) return true;
    return false;
}

struct exchange *exchange_create(struct connection *connection, struct arena *arena, const struct http_request *http)
{
    struct exchange *exchange = ARENA_NEW(arena, struct exchange);
    exchange->loop = connection->loop;
    exchange->connection = connection;
    exchange->request.arena = arena;
    exchange->request.owner = exchange;
    exchange->request.operator_ = connection->is_control;
    exchange->request.address = arena_text(arena, text_of(connection->address)); /* it may outlive the connection */
    exchange->request.started_ns = connection->loop->now_ns;
    if (http) {
        struct text origin = http->headers[HEADER_ORIGIN];
        exchange->method = http->method;
        exchange->keep_alive = http->keep_alive;
        exchange->http_1_0 = http->http_1_0;
        exchange->takes_gzip = gzip_is_accepted(http->headers[HEADER_ACCEPT_ENCODING]);
        if (origin.length && origin_is_allowed(&connection->loop->net->config, origin)) exchange->origin = origin;
    }
    if (connection->last)
        connection->last->next = exchange;
    else
        connection->first = exchange;
    connection->last = exchange;
    connection->in_flight++;
    return exchange;
}

static void answer_now(struct exchange *exchange)
{
    exchange->answered = true;
    connection_mark(exchange->connection);
}

static void refuse(struct exchange *exchange, const struct bound *bound)
{
    struct request *request = &exchange->request;
    reply_refuse(request, bound->error, bound->sentence, &bound->problems);
    if (bound->error == ERROR_METHOD_NOT_ALLOWED) request->reply.allow = router_allow(request->arena, bound->methods);
    answer_now(exchange);
}

/* A file is so large that its request is: who asks for many of them and takes none of the answers must not fill the memory.
   So a connection is served one after the other, and all of a loop have a bound. */
static bool count_file(struct exchange *exchange)
{
    struct net_loop *loop = exchange->loop;
    if (!exchange->endpoint->route.command->files) return true;
    if (loop->files + loop->unsent >= LIMIT_FILES_BYTES) return false;
    exchange->file_bytes = LIMIT_FILE_BYTES;
    loop->files += LIMIT_FILE_BYTES;
    exchange->connection->in_flight_bytes += LIMIT_FILE_BYTES;
    return true;
}

static void give_to_core(struct exchange *exchange)
{
    if (count_file(exchange) && net_enqueue(exchange)) return;
    refuse(exchange, &(struct bound){.error = ERROR_OVERLOADED, .problems.arena = exchange->request.arena});
}

static void answer_options(struct exchange *exchange, const struct http_request *http, uint32_t methods)
{
    struct request *request = &exchange->request;
    bool everything = text_is(http->path, "*");
    request->reply = (struct reply){
        .status = 204,
        .allow = router_allow(request->arena, everything ? (1u << METHOD_OTHER) - 1 : methods),
    };
    exchange->preflight = http->headers[HEADER_ACCESS_CONTROL_REQUEST_METHOD].data != NULL;
    answer_now(exchange);
}

/* That of the marketplace which the connection's first request names: all of one connection keep their order. */
static uint8_t lane_of(struct connection *connection, const struct request *request)
{
    if (connection->lane) return connection->lane - 1;
    uint32_t number = request->has_claims ? request->token_tenant.bytes[15] : 0;
    for (uint32_t i = 0; !request->has_claims && i < request->tenant_slug.length; i++)
        number = number * 31 + (uint8_t)request->tenant_slug.data[i];
    connection->lane = (uint8_t)(number % LIMIT_LANES + 1);
    return connection->lane - 1;
}

void exchange_start(struct exchange *exchange, const struct http_request *http)
{
    struct bound bound;
    enum outcome outcome = bind_request(&exchange->loop->bind, http, &exchange->request, &bound);
    exchange->endpoint = bound.endpoint;
    exchange->request.lane = lane_of(exchange->connection, &exchange->request);
    switch (outcome) {
    case OUTCOME_OPTIONS: answer_options(exchange, http, bound.methods); break;
    case OUTCOME_REFUSED: refuse(exchange, &bound); break;
    case OUTCOME_CORE: give_to_core(exchange); break;
    }
}

void exchange_start_known(struct exchange *exchange, const struct head *head)
{
    head_request(head, &exchange->loop->bind, &exchange->request);
    exchange->request.lane = lane_of(exchange->connection, &exchange->request);
    exchange->endpoint = head->endpoint;
    exchange->head = head;
    head_hold(head);
    give_to_core(exchange);
}

void exchange_refuse(struct exchange *exchange, const struct http_request *http, enum error error, const char *sentence)
{
    struct request *request = &exchange->request;
    bind_identity(&exchange->loop->bind, http, request);
    reply_refuse(request, error, sentence, NULL);
    if (error == ERROR_METHOD_NOT_ALLOWED)
        request->reply.allow = router_allow(request->arena, (1u << METHOD_OTHER) - 1);
    if (error == ERROR_REQUEST_TIMEOUT)
        metrics_add(&exchange->loop->metrics->refused_slow, 1);
    else if (error != ERROR_OVERLOADED)
        metrics_add(&exchange->loop->metrics->refused_malformed, 1);
    exchange->keep_alive = false;
    answer_now(exchange);
}

void exchange_done(struct exchange *exchange)
{
    exchange->answered = true;
    if (exchange->is_check)
        streaming_checked(exchange);
    else if (exchange->connection)
        connection_mark(exchange->connection);
    else
        exchange_release(exchange);
}

/* ---- rendering ---- */

/* Tenants come from clients: only what looks like a slug or a host name is written to the log. */
static struct text tenant_for_log(struct text slug)
{
    for (uint32_t i = 0; i < slug.length; i++) {
        char c = slug.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')) return LITERAL("-");
    }
    return slug.length && slug.length <= 255 ? slug : LITERAL("-");
}

static void log_request(struct net_loop *loop, const struct exchange *exchange, size_t bytes, uint64_t microseconds)
{
    const struct request *request = &exchange->request;
    const struct log_pair pairs[] = {
        {LITERAL("method"), text_of(http_method_names[exchange->method]), .plain = true},
        {LITERAL("path"), exchange->endpoint ? exchange->endpoint->path_text : LITERAL("-"), .plain = true},
        {LITERAL("status"), .number = request->reply.status},
        {LITERAL("bytes"), .number = (int64_t)bytes},
        {LITERAL("microseconds"), .number = (int64_t)microseconds},
        {LITERAL("request_id"), request->request_id, .plain = true},
        {LITERAL("tenant"), tenant_for_log(request->tenant_slug), .plain = true},
        {LITERAL("traceparent"), request->trace, .plain = true},
    };
    size_t count = sizeof pairs / sizeof pairs[0] - !request->trace.data;
    log_append(&loop->lines, "http", LOG_INFO, "request", pairs, count);
}

/* Reads alone are compressed. What is secret (tokens, keys) is told in answers to POST, so nobody can guess it by the length of
   an answer that also holds words of his own; and credentials travel in a header that no other site makes a browser send. */
static void compress(const struct exchange *exchange, struct reply_manner *manner)
{
    struct net_loop *loop = exchange->loop;
    const struct reply *reply = &exchange->request.reply;
    int64_t least = loop->net->config.compress_least;
    bool is_read = exchange->method == METHOD_GET || exchange->method == METHOD_HEAD;
    bool fits = reply->status == 200 && reply->body.length >= least &&
                (reply->packed.data || reply->body.length <= LIMIT_COMPRESSED_BYTES);
    if (!is_read || !least || (!fits && reply->status != 304)) return;
    if (reply->content_type && !gzip_is_for(text_of(reply->content_type))) return;
    manner->coding_varies = true;
    if (!fits || !exchange->takes_gzip) return;
    manner->gzip = reply->packed;
    if (manner->gzip.data) {
        metrics_add(&loop->metrics->compressed, 1);
        metrics_add(&loop->metrics->compressed_before, 1);
        return;
    }
    uint64_t reused = gzip_reused(loop->gzip);
    manner->gzip = gzip_pack(loop->gzip, reply->body);
    if (!manner->gzip.data) return;
    metrics_add(&loop->metrics->compressed, 1);
    metrics_add(&loop->metrics->compressed_before, gzip_reused(loop->gzip) - reused);
}

bool exchange_render(struct exchange *exchange, struct buffer *out, bool may_be)
{
    struct net_loop *loop = exchange->loop;
    const struct request *request = &exchange->request;
    if (exchange->is_continue) {
        buffer_string(out, "HTTP/1.1 100 Continue\r\n\r\n");
        return false;
    }
    size_t before = out->length;
    struct reply_manner manner = {
        .keep_alive = exchange->keep_alive,
        .http_1_0 = exchange->http_1_0,
        .preflight = exchange->preflight,
        .origin = exchange->origin,
        .origins_vary = loop->net->config.origins && loop->net->config.origins[0],
        .date = {loop->date, loop->date_length},
    };
    compress(exchange, &manner);
    manner.body_apart = may_be && request->reply.held && !manner.gzip.data && !request->head_only &&
                        request->reply.body.length >= LIMIT_BODY_APART;
    reply_render(out, request, &manner);

    uint64_t microseconds = (loop->now_ns - request->started_ns) / 1000;
    metrics_request(loop->metrics, exchange->endpoint, request->reply.status, microseconds);
    if (request->reply.status == 503) metrics_add(&loop->metrics->refused_overloaded, 1);
    size_t bytes = out->length - before + (manner.body_apart ? request->reply.body.length : 0);
    if (loop->logs) log_request(loop, exchange, bytes, microseconds);
    return manner.body_apart;
}

void exchange_release(struct exchange *exchange)
{
    struct net_loop *loop = exchange->loop;
    struct request *request = &exchange->request;
    loop->bodies -= exchange->body_bytes;
    loop->files -= exchange->file_bytes;
    if (exchange->head) {
        head_note(exchange->head, request->reply.ticket);
        head_release(loop->heads, exchange->head);
    }
    if (request->reply.held && !loop->on_core) {
        net_give_back(exchange);
        return;
    }
    reply_release(&request->reply);
    loop_recycle(loop, request->arena);
}
