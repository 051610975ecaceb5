/* A connection: bytes in, exchanges in order, bytes out.

   Input is parsed where it was read. When too much is in flight, reading stops and what was read but not parsed is kept
   (`tail`) until answers have gone out. Output is rendered when it can be sent: all answers that are ready, in the order of
   their requests, in one write; only what the socket does not take is copied.

     OPEN ── last request read, or refused, or the peer ended ──▶ LAST ── all answered and sent ──▶ LINGERING ──▶ CLOSED
   A request for a stream is the last one: the stream is its answer (streaming.c).
   In every state an error of the socket leads to CLOSED at once. */
#include "net/loop.h"
#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void finish(struct connection *connection);

/* ---- deadlines ---- */

void deadline_clear(struct deadline *deadline)
{
    if (!deadline->next) return;
    deadline->previous->next = deadline->next;
    deadline->next->previous = deadline->previous;
    *deadline = (struct deadline){0};
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t now)
{
    deadline_clear(deadline);
    *deadline = (struct deadline){deadlines->end.previous, &deadlines->end, now + (uint64_t)deadlines->duration};
    deadline->previous->next = deadline;
    deadlines->end.previous = deadline;
}

static void set_wait(struct connection *connection, enum wait wait)
{
    if (connection->wait == wait) return;
    connection->wait = wait;
    if (wait == WAIT_NONE)
        deadline_clear(&connection->reading_deadline);
    else
        deadline_set(&connection->loop->deadlines[wait], &connection->reading_deadline, uv_now(connection->loop->uv));
}

static bool is_begun(const struct connection *connection)
{
    return connection->parser && connection->parser->begun;
}

/* What the connection waits for, from what it is doing. A deadline that runs goes on running. */
static void update_wait(struct connection *connection)
{
    enum wait wait = WAIT_NONE;
    if (connection->state == CONNECTION_LINGERING) {
        wait = WAIT_LINGER;
    } else if (connection->tls && !tls_is_ready(connection->tls)) {
        wait = WAIT_HANDSHAKE;
    } else if (connection->state == CONNECTION_OPEN && connection->reading) {
        if (is_begun(connection))
            wait = connection->parser->stage == STAGE_BODY ? WAIT_BODY : WAIT_HEAD;
        else if (!connection->in_flight && !connection->unsent)
            wait = WAIT_IDLE;
    }
    if (wait == WAIT_BODY && connection->wait != WAIT_BODY) connection->body_began = uv_now(connection->loop->uv);
    set_wait(connection, wait);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *connection = handle->data;
    struct net_loop *loop = connection->loop;
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        loop->connections = connection->next;
    if (connection->next) connection->next->previous = connection->previous;
    tls_close(connection->tls);
    if (connection->dirty)
        connection->gone = true;
    else
        free(connection);
    loop_connection_gone(loop);
}

static void drop_parser(struct connection *connection)
{
    if (!connection->arena) return;
    connection->loop->bodies -= connection->receiving;
    connection->receiving = 0;
    loop_recycle(connection->loop, connection->arena);
    connection->arena = NULL;
    connection->parser = NULL;
}

void connection_close(struct connection *connection)
{
    if (connection->state == CONNECTION_CLOSED) return;
    connection->state = CONNECTION_CLOSED;
    connection->loop->open_count--;
    if (connection->tls) sealed_close(connection);
    streaming_close(connection);
    set_wait(connection, WAIT_NONE);
    deadline_clear(&connection->writing_deadline);
    drop_parser(connection);
    buffer_free(&connection->tail);
    while (connection->first) {
        struct exchange *exchange = connection->first;
        connection->first = exchange->next;
        exchange->next = NULL;
        exchange->connection = NULL;
        if (exchange->answered) exchange_release(exchange); /* others come back from the core and are released then */
    }
    connection->last = NULL;
    if (!connection->is_control) connection_count_address(connection, -1);
    metrics_add(&connection->loop->metrics->connections_closed, 1);
    uv_close(&connection->handle, on_closed);
}

/* ---- input ---- */

static bool may_take(const struct connection *connection)
{
    return connection->state == CONNECTION_OPEN && connection->in_flight < LIMIT_PIPELINE &&
           connection->unsent < LIMIT_UNSENT_BYTES && connection->in_flight_bytes < LIMIT_IN_FLIGHT_BYTES;
}

static void stop_reading(struct connection *connection)
{
    if (!connection->reading) return;
    connection->reading = false;
    uv_read_stop(&connection->stream);
}

static void no_more_requests(struct connection *connection)
{
    connection->state = CONNECTION_LAST;
    stop_reading(connection);
}

/* The exchange of the request that the parser read; takes the arena over. */
static struct exchange *take_exchange(struct connection *connection)
{
    struct exchange *exchange = exchange_create(connection, connection->arena, &connection->parser->request);
    exchange->body_bytes = connection->receiving;
    connection->in_flight_bytes += connection->receiving;
    connection->receiving = 0;
    connection->arena = NULL;
    connection->parser = NULL;
    set_wait(connection, WAIT_NONE); /* the next request has its own time */
    return exchange;
}

static void refuse(struct connection *connection, enum error error, const char *sentence)
{
    const struct http_request *http = &connection->parser->request;
    exchange_refuse(take_exchange(connection), http, error, sentence);
    no_more_requests(connection);
}

static void note_stream(struct connection *connection, struct exchange *exchange)
{
    if (exchange->request.stream == STREAM_NONE) return;
    exchange->keep_alive = false;
    no_more_requests(connection);
}

static void complete(struct connection *connection)
{
    const struct http_request *http = &connection->parser->request;
    struct exchange *exchange = take_exchange(connection);
    if (!exchange->keep_alive) no_more_requests(connection);
    exchange_start(exchange, http);
    note_stream(connection, exchange);
}

static void answer_continue(struct connection *connection)
{
    struct exchange *exchange = exchange_create(connection, loop_arena(connection->loop), NULL);
    exchange->is_continue = true;
    exchange->keep_alive = true;
    exchange->answered = true;
    connection_mark(connection);
}

/* Counts the body that is being received; false when the loop holds too much already. */
static bool count_body(struct connection *connection)
{
    size_t bytes = connection->parser->body_bytes;
    connection->loop->bodies += bytes - connection->receiving;
    connection->receiving = bytes;
    return connection->loop->bodies <= LIMIT_BODIES_BYTES;
}

/* Starts a request whose head came before; returns its length, or 0. */
static size_t take_known(struct connection *connection, const char *data, size_t length)
{
    struct net_loop *loop = connection->loop;
    const struct head *head = heads_find(loop->heads, data, length, loop->bind.now_s);
    if (!head) return 0;
    set_wait(connection, WAIT_NONE);
    struct exchange *exchange = exchange_create(connection, loop_arena(loop), &head->http);
    exchange_start_known(exchange, head);
    note_stream(connection, exchange);
    return head->length;
}

/* Parses and starts what is complete. Returns the bytes used: all, unless too much is in flight. */
static size_t input(struct connection *connection, const char *data, size_t length)
{
    size_t used = 0, step;
    while (used < length && may_take(connection)) {
        const char *fresh = connection->parser || connection->is_control ? NULL : data + used;
        if (fresh && (step = take_known(connection, fresh, length - used))) {
            used += step;
            continue;
        }
        if (!connection->parser) {
            connection->arena = loop_arena(connection->loop);
            connection->parser = http_parser_create(connection->arena, &http_limits_default);
        }
        enum parse_event event = http_parse(connection->parser, data + used, length - used, &step);
        used += step;
        bool fits = count_body(connection);
        if (fresh && event == PARSE_COMPLETE)
            heads_offer(connection->loop->heads, &connection->loop->bind, fresh, step);
        if (event == PARSE_REFUSED)
            refuse(connection, connection->parser->error, connection->parser->sentence);
        else if (!fits)
            refuse(connection, ERROR_OVERLOADED, NULL);
        else if (event == PARSE_COMPLETE)
            complete(connection);
        else if (event == PARSE_CONTINUE)
            answer_continue(connection);
    }
    return connection->state == CONNECTION_OPEN ? used : length; /* after the last request the rest is dropped */
}

/* A handshake costs a hundred times a request: when enough of them got on, the others' bytes stay in the kernel until the
   next iteration. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    struct net_loop *loop = connection->loop;
    (void)suggested;
    *buffer = uv_buf_init(loop->read_buffer, LIMIT_READ_BYTES);
    if (!connection->tls || tls_is_ready(connection->tls) || connection->state != CONNECTION_OPEN) return;
    if (loop->handshakes >= LIMIT_TURN_HANDSHAKES)
        *buffer = uv_buf_init(NULL, 0);
    else
        loop->handshakes++;
}

void connection_input_ended(struct connection *connection)
{
    drop_parser(connection);
    no_more_requests(connection);
    if (!connection->first && !connection->unsent && !connection->streaming)
        finish(connection);
    else
        update_wait(connection);
}

static void peer_ended(struct connection *connection)
{
    connection->ended = true;
    if (connection->state == CONNECTION_LINGERING || stream_is_followed(connection))
        connection_close(connection);
    else
        connection_input_ended(connection);
}

void connection_receive(struct connection *connection, const char *data, size_t length)
{
    size_t used = connection->tail.length ? 0 : input(connection, data, length);
    if (used == length) return;
    buffer_bytes(&connection->tail, data + used, length - used);
    stop_reading(connection);
}

/* ---- reading ---- */

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    if (connection->state == CONNECTION_CLOSED || count == 0 || count == UV_ENOBUFS) return;
    if (count < 0) {
        if (count == UV_EOF)
            peer_ended(connection);
        else
            connection_close(connection);
        return;
    }
    metrics_add(&connection->loop->metrics->bytes_in, (uint64_t)count);
    if (connection->state == CONNECTION_LINGERING || connection->streaming) {
        connection->lingered += (size_t)count;
        if (connection->lingered > LIMIT_LINGER_BYTES) connection_close(connection);
        return;
    }
    loop_clock(connection->loop);
    connection->loop->now_ns = uv_hrtime();
    if (connection->tls)
        sealed_receive(connection, buffer->base, (size_t)count);
    else
        connection_receive(connection, buffer->base, (size_t)count);
    if (connection->state != CONNECTION_CLOSED) update_wait(connection);
}

static void start_reading(struct connection *connection)
{
    if (connection->reading) return;
    connection->reading = true;
    if (uv_read_start(&connection->stream, on_alloc, on_read) != 0) connection_close(connection);
}

/* Goes on after back-pressure: first with what was read already. */
static void resume(struct connection *connection)
{
    if (connection->tail.length && may_take(connection)) {
        connection->tail_used += input(connection, connection->tail.data + connection->tail_used,
                                       connection->tail.length - connection->tail_used);
        if (connection->state == CONNECTION_OPEN && connection->tail_used < connection->tail.length) return;
        buffer_free(&connection->tail);
        connection->tail_used = 0;
        if (connection->tls && tls_is_ended(connection->tls) && connection->state == CONNECTION_OPEN) {
            connection_input_ended(connection);
            return;
        }
    }
    if (may_take(connection)) start_reading(connection);
}

void connection_begin(struct connection *connection)
{
    start_reading(connection);
    update_wait(connection);
}

/* ---- output ---- */

void connection_mark(struct connection *connection)
{
    struct net_loop *loop = connection->loop;
    if (connection->dirty || connection->state == CONNECTION_CLOSED) return;
    connection->dirty = true;
    connection->dirty_next = NULL;
    *loop->dirty_last = connection;
    loop->dirty_last = &connection->dirty_next;
}

struct write {
    uv_write_t request;
    struct connection *connection;
    size_t length;
    char data[];
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = (struct write *)(void *)request;
    struct connection *connection = write->connection;
    size_t length = write->length;
    free(write);
    connection->loop->unsent -= length;
    if (connection->state == CONNECTION_CLOSED) return;
    if (status < 0) {
        connection_close(connection);
        return;
    }
    connection->unsent -= length;
    if (connection->unsent) return;
    deadline_clear(&connection->writing_deadline);
    connection_mark(connection);
}

/* What the socket does not take now is copied and left to libuv. */
static void send_parts(struct connection *connection, const uv_buf_t *parts, unsigned count)
{
    int sent = uv_try_write(&connection->stream, parts, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_close(connection);
        return;
    }
    size_t done = sent > 0 ? (size_t)sent : 0, length = 0;
    for (unsigned i = 0; i < count; i++)
        length += parts[i].len;
    size_t left = length - done;
    metrics_add(&connection->loop->metrics->bytes_out, length);
    if (!left) return;

    struct write *write = memory_alloc(sizeof *write + left);
    write->connection = connection;
    write->length = left;
    char *at = write->data;
    for (unsigned i = 0; i < count; i++) {
        size_t skipped = done < parts[i].len ? done : parts[i].len;
        at = mempcpy(at, parts[i].base + skipped, parts[i].len - skipped);
        done -= skipped;
    }
    uv_buf_t rest = uv_buf_init(write->data, (unsigned)left);
    if (uv_write(&write->request, &connection->stream, &rest, 1, on_written) != 0) {
        free(write);
        connection_close(connection);
        return;
    }
    connection->unsent_seen = connection->unsent += left;
    connection->loop->unsent += left;
    deadline_set(&connection->loop->deadlines[WAIT_WRITE], &connection->writing_deadline, uv_now(connection->loop->uv));
}

void connection_send(struct connection *connection, const struct buffer *out)
{
    uv_buf_t all = uv_buf_init(out->data, (unsigned)out->length);
    send_parts(connection, &all, 1);
}

/* Sends what was rendered, with the bodies that were left apart in their places. */
static void send_out(struct connection *connection, const struct buffer *out)
{
    struct net_loop *loop = connection->loop;
    uv_buf_t parts[2 * LIMIT_PIPELINE + 1];
    unsigned count = 0;
    size_t at = 0;
    if (connection->tls) {
        sealed_send(connection, out);
        return;
    }
    for (uint32_t i = 0; i < loop->apart_count; i++) {
        const struct apart *apart = &loop->apart[i];
        struct text body = apart->exchange->request.reply.body;
        parts[count++] = uv_buf_init(out->data + at, (unsigned)(apart->at - at));
        parts[count++] = uv_buf_init((char *)(uintptr_t)body.data, body.length);
        at = apart->at;
    }
    if (at < out->length) parts[count++] = uv_buf_init(out->data + at, (unsigned)(out->length - at));
    send_parts(connection, parts, count);
    for (uint32_t i = 0; i < loop->apart_count; i++)
        exchange_release(loop->apart[i].exchange);
}

/* Renders the answers that are ready, as many as one write should hold. */
static void render_ready(struct connection *connection, struct buffer *out)
{
    struct net_loop *loop = connection->loop;
    struct exchange *exchange;
    size_t bytes_apart = 0;
    buffer_clear(out);
    loop->apart_count = 0;
    while ((exchange = connection->first) && exchange->answered && out->length + bytes_apart < LIMIT_UNSENT_BYTES &&
           loop->apart_count < LIMIT_PIPELINE) {
        connection->first = exchange->next;
        if (!connection->first) connection->last = NULL;
        connection->in_flight--;
        connection->in_flight_bytes -= exchange->body_bytes + exchange->file_bytes;
        bool nothing_follows = !connection->first && !is_begun(connection) && !connection->tail.length;
        if (loop->stopping && nothing_follows && !exchange->is_continue) {
            exchange->keep_alive = false;
            no_more_requests(connection);
        }
        if (exchange->request.reply.stream) streaming_open(exchange);
        if (exchange_render(exchange, out, !connection->tls)) {
            loop->apart[loop->apart_count++] = (struct apart){out->length, exchange};
            bytes_apart += exchange->request.reply.body.length;
        } else {
            exchange_release(exchange);
        }
    }
}

/* What its peer still sends is dropped; its end is noticed. */
static void flush_stream(struct connection *connection)
{
    if (!connection->ended) start_reading(connection);
    if (connection->state == CONNECTION_CLOSED || connection->unsent) return;
    connection->loop->apart_count = 0;
    streaming_render(connection, &connection->loop->out);
    if (connection->loop->out.length) send_out(connection, &connection->loop->out);
}

void connection_flush(struct connection *connection)
{
    while (connection->state != CONNECTION_CLOSED && !connection->unsent && connection->first &&
           connection->first->answered) {
        render_ready(connection, &connection->loop->out);
        send_out(connection, &connection->loop->out);
    }
    if (connection->streaming) flush_stream(connection);
    if (connection->state == CONNECTION_LAST && !connection->first && !connection->unsent && !connection->streaming)
        finish(connection);
    else if (connection->state == CONNECTION_OPEN)
        resume(connection);
    if (connection->state != CONNECTION_CLOSED) update_wait(connection);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct connection *connection = request->handle->data;
    if (status < 0 && connection->state != CONNECTION_CLOSED) connection_close(connection);
}

/* All is answered. Closing a socket with unread bytes resets it and may lose the answer on its way: so only our half is
   closed, and what still comes is read and dropped for a moment. */
static void finish(struct connection *connection)
{
    if (connection->tls) sealed_end(connection);
    if (connection->state == CONNECTION_CLOSED) return;
    if (connection->ended || uv_shutdown(&connection->shutdown, &connection->stream, on_shutdown) != 0) {
        connection_close(connection);
        return;
    }
    connection->state = CONNECTION_LINGERING;
    start_reading(connection);
}

/* ---- time ---- */

void connection_overdue(struct connection *connection, enum wait wait)
{
    size_t left;
    switch (wait) {
    case WAIT_HANDSHAKE:
        metrics_add(&connection->loop->metrics->tls_failed, 1);
        connection_close(connection);
        break;
    case WAIT_HEAD:
    case WAIT_BODY: refuse(connection, ERROR_REQUEST_TIMEOUT, NULL); break;
    case WAIT_WRITE:
        left = uv_stream_get_write_queue_size(&connection->stream);
        if (left < connection->unsent_seen) {
            connection->unsent_seen = left;
            deadline_set(&connection->loop->deadlines[WAIT_WRITE], &connection->writing_deadline,
                         uv_now(connection->loop->uv));
            break;
        }
        metrics_add(&connection->loop->metrics->refused_slow, 1);
        connection_close(connection);
        break;
    default: connection_close(connection);
    }
}

void connection_stop(struct connection *connection)
{
    streaming_stop(connection);
    if (connection->state == CONNECTION_OPEN && !connection->first && !connection->unsent && !is_begun(connection))
        connection_close(connection);
}
