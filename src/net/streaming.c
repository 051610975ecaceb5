/* A connection whose last answer is a stream: head and first bytes are an answer like others, then comes what the stream has,
   whenever the socket has taken what came before. So a client that does not read holds up its own stream, and WAIT_WRITE ends
   it; it goes on later from the id that it saw last.

   Once a second the core is asked whether the asker still may: the same request as at first, answered 204.

     open ──▶ taking ── all given, no right any more, the server stops ──▶ a last word, then the connection's end
                 └──── the log cannot be read, the client is gone ──▶ cut off, which a client can tell from an end */
#include "net/loop.h"
#include "base/check.h"
#include <stdlib.h>

enum { CHECK_MS = 1000, RETRY_MS = 2000 };

struct streaming {
    struct connection *connection;
    struct streaming *previous, *next; /* of the loop */
    struct stream *stream;
    enum stream_form form;
    bool follows, chunked;
    bool beats;  /* a sign of life is due */
    bool ends;   /* with `last_word`, once all is sent */
    bool barred; /* the asker may not any more: what is there is not sent */
    const char *last_word;
    struct arena *arena;    /* it lives there */
    struct request again;   /* what the core is asked each time */
    struct exchange *check; /* under way, or NULL */
    uint64_t spoke_at, checked_at;
    char beginning[96];
};

bool stream_is_followed(const struct connection *connection)
{
    return connection->streaming && connection->streaming->follows;
}

/* What is needed to ask the same again, in an arena of its own. */
static void copy_question(const struct request *from, struct arena *arena, struct request *to)
{
    *to = (struct request){
        .arena = arena,
        .route = from->route,
        .path_count = from->path_count,
        .tenant_slug = arena_text(arena, from->tenant_slug),
        .lane = from->lane,
        .has_claims = from->has_claims,
        .operator_ = from->operator_,
        .token_tenant = from->token_tenant,
        .token_user = from->token_user,
        .token_session = from->token_session,
        .token_expires_s = from->token_expires_s,
        .stream = from->stream,
        .again = true,
        .request_id = arena_text(arena, from->request_id),
        .address = arena_text(arena, from->address),
        .started_ns = from->started_ns,
    };
    for (uint32_t i = 0; i < from->path_count; i++)
        to->path[i] = (struct path_parameter){arena_text(arena, from->path[i].name),
                                              arena_text(arena, from->path[i].value), from->path[i].id};
}

/* ---- beginning ---- */

static void on_ready(void *context)
{
    struct net_loop *loop = context;
    uv_async_send(&loop->streams_async);
}

/* The id first: whoever is cut off before an event came knows where to go on. */
static void make_beginning(struct streaming *streaming, const struct stream_wish *wish)
{
    struct buffer out = {.arena = streaming->arena};
    if (wish->form != STREAM_SSE) return;
    buffer_format(&out, "retry: %d\nid: %llu", (int)RETRY_MS, (unsigned long long)wish->after);
    if (wish->number >= 0) buffer_format(&out, ".%lld", (long long)wish->number);
    buffer_string(&out, "\n\n");
    CHECK(out.length < sizeof streaming->beginning);
    memcpy(streaming->beginning, out.data, out.length);
}

void streaming_open(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    struct net_loop *loop = exchange->loop;
    struct streams *streams = loop->net->config.streams;
    const struct stream_wish *wish = exchange->request.reply.stream;
    struct stream *stream = NULL;
    enum error refused = loop->stopping ? ERROR_STOPPING : ERROR_OVERLOADED;
    CHECK(!connection->streaming && connection->state == CONNECTION_LAST);
    if (!loop->stopping && streams) stream = streams->calls->open(streams, wish, on_ready, loop, &refused);
    if (!stream) {
        const char *sentence = refused == ERROR_STOPPING       ? NULL
                               : refused == ERROR_RATE_LIMITED ? "you have as many streams open as one may"
                                                               : "as many streams are open as may be, try again";
        reply_refuse(&exchange->request, refused, sentence, NULL);
        return;
    }
    struct arena *arena = loop_arena(loop);
    struct streaming *streaming = connection->streaming = ARENA_NEW(arena, struct streaming);
    uint64_t now = uv_now(loop->uv);
    *streaming = (struct streaming){
        .connection = connection,
        .next = loop->streaming,
        .stream = stream,
        .form = wish->form,
        .follows = wish->last == STREAM_FOLLOWS,
        .chunked = !exchange->http_1_0,
        .arena = arena,
        .spoke_at = now,
        .checked_at = now,
    };
    make_beginning(streaming, wish);
    copy_question(&exchange->request, arena, &streaming->again);
    if (loop->streaming) loop->streaming->previous = streaming;
    loop->streaming = streaming;
}

void streaming_close(struct connection *connection)
{
    struct streaming *streaming = connection->streaming;
    struct net_loop *loop = connection->loop;
    if (!streaming) return;
    connection->streaming = NULL;
    loop->net->config.streams->calls->close(streaming->stream);
    if (streaming->check) streaming->check->connection = NULL;
    if (streaming->previous)
        streaming->previous->next = streaming->next;
    else
        loop->streaming = streaming->next;
    if (streaming->next) streaming->next->previous = streaming->previous;
    loop_recycle(loop, streaming->arena);
}

/* ---- taking ---- */

static void end_with(struct streaming *streaming, const char *last_word)
{
    streaming->ends = true;
    streaming->last_word = last_word;
    connection_mark(streaming->connection);
}

static void append_chunk(const struct streaming *streaming, struct buffer *out, const struct buffer *bytes)
{
    if (!bytes->length) return;
    if (streaming->chunked) buffer_format(out, "%zx\r\n", bytes->length);
    buffer_bytes(out, bytes->data, bytes->length);
    if (streaming->chunked) buffer_bytes(out, "\r\n", 2);
}

/* Lines have no comments. */
static void say(const struct streaming *streaming, struct buffer *bytes, const char *comment)
{
    if (streaming->form == STREAM_SSE) buffer_format(bytes, ": %s\n\n", comment);
}

void streaming_render(struct connection *connection, struct buffer *out)
{
    struct streaming *streaming = connection->streaming;
    struct net_loop *loop = connection->loop;
    struct buffer *bytes = &loop->taken;
    enum stream_state state = STREAM_GOES_ON;
    buffer_clear(out);
    buffer_clear(bytes);
    buffer_string(bytes, streaming->beginning);
    streaming->beginning[0] = 0;
    if (!streaming->barred) state = loop->net->config.streams->calls->take(streaming->stream, bytes);
    if (streaming->beats && !bytes->length) buffer_string(bytes, streaming->form == STREAM_SSE ? ":\n\n" : "\n");
    streaming->beats = false;
    if (state != STREAM_BROKEN && streaming->ends) say(streaming, bytes, streaming->last_word);
    append_chunk(streaming, out, bytes);
    if (bytes->length) streaming->spoke_at = uv_now(loop->uv);
    if (state == STREAM_GOES_ON && !streaming->ends) return;
    if (state != STREAM_BROKEN && streaming->chunked) buffer_string(out, "0\r\n\r\n");
    streaming_close(connection);
}

/* ---- from time to time ---- */

static void ask_again(struct streaming *streaming, uint64_t now)
{
    struct net_loop *loop = streaming->connection->loop;
    struct arena *arena = loop_arena(loop);
    struct exchange *exchange = ARENA_NEW(arena, struct exchange);
    exchange->loop = loop;
    exchange->connection = streaming->connection;
    exchange->is_check = true;
    copy_question(&streaming->again, arena, &exchange->request);
    exchange->request.owner = exchange;
    streaming->checked_at = now;
    if (net_enqueue(exchange))
        streaming->check = exchange;
    else
        loop_recycle(loop, arena); /* the core's queue is full: the next tick asks */
}

/* What is no answer (overloaded, stopping) takes nothing away. */
void streaming_checked(struct exchange *exchange)
{
    struct connection *connection = exchange->connection;
    uint16_t status = exchange->request.reply.status;
    if (connection) {
        struct streaming *streaming = connection->streaming;
        streaming->check = NULL;
        if (status >= 400 && status < 500) {
            streaming->barred = true;
            end_with(streaming, "you may not read this any more");
        }
    }
    exchange_release(exchange);
}

void streaming_tick(struct net_loop *loop, uint64_t now)
{
    for (struct streaming *streaming = loop->streaming; streaming; streaming = streaming->next) {
        const struct request *again = &streaming->again;
        if (streaming->ends) continue;
        if (again->has_claims && loop->bind.now_s >= again->token_expires_s) {
            streaming->barred = true;
            end_with(streaming, "the access token has expired");
            continue;
        }
        if (!streaming->check && now >= streaming->checked_at + CHECK_MS) ask_again(streaming, now);
        streaming->beats = streaming->follows && now >= streaming->spoke_at + (uint64_t)loop->net->config.heartbeat;
        if (streaming->beats) connection_mark(streaming->connection);
    }
}

/* What was wished for up to an end is given in full: that takes as long as any answer. */
void streaming_stop(struct connection *connection)
{
    if (stream_is_followed(connection) && !connection->streaming->ends)
        end_with(connection->streaming, "the server stops");
}

void streaming_on_ready(uv_async_t *async)
{
    struct net_loop *loop = async->data;
    for (struct streaming *streaming = loop->streaming; streaming; streaming = streaming->next)
        connection_mark(streaming->connection);
}
