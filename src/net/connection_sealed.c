/* A connection whose bytes on the socket are sealed: between it and the TLS filter. What the filter seals goes out at once,
   in one write with whatever else it has sealed in the same call. */
#include "base/log.h"
#include "net/loop.h"

static const char PLAIN_HTTP[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 22\r\n"
                                 "Connection: close\r\n\r\nThis port speaks TLS.\n";

static void send_sealed(struct connection *connection)
{
    struct buffer *sealed = &connection->loop->sealed;
    if (sealed->length && connection->state != CONNECTION_CLOSED) connection_send(connection, sealed);
    buffer_clear(sealed);
}

/* The alert, or a word to who does not know TLS, is sent; then it ends as after a last answer. */
static void break_off(struct connection *connection, enum tls_event event)
{
    struct net_loop *loop = connection->loop;
    metrics_add(&loop->metrics->tls_failed, 1);
    log_line("net", LOG_DEBUG, "TLS failed", "address=%s reason=\"%s\"", connection->address,
             tls_reason(connection->tls));
    if (event == TLS_PLAIN_HTTP) buffer_string(&loop->sealed, PLAIN_HTTP);
    send_sealed(connection);
    if (connection->state == CONNECTION_CLOSED) return;
    if (connection->first)
        connection_close(connection); /* its answers could not be sealed any more */
    else
        connection_input_ended(connection);
}

void sealed_receive(struct connection *connection, const char *data, size_t length)
{
    struct net_loop *loop = connection->loop;
    struct tls *tls = connection->tls;
    bool was_ready = tls_is_ready(tls);
    enum tls_event event;
    size_t got;
    tls_receive(tls, data, length);
    while ((event = tls_read(tls, loop->plain_buffer, LIMIT_READ_BYTES, &got, &loop->sealed)) == TLS_DATA)
        if (connection->state == CONNECTION_OPEN) connection_receive(connection, loop->plain_buffer, got);
    if (!was_ready && tls_is_ready(tls)) {
        metrics_add(&loop->metrics->handshakes, 1);
        if (tls_is_resumed(tls)) metrics_add(&loop->metrics->handshakes_resumed, 1);
    }
    if (event == TLS_FAILED || event == TLS_PLAIN_HTTP) {
        break_off(connection, event);
        return;
    }
    send_sealed(connection);
    bool ends = event == TLS_END && connection->state == CONNECTION_OPEN;
    if (ends && !connection->tail.length) connection_input_ended(connection); /* else when the tail is parsed */
}

void sealed_send(struct connection *connection, const struct buffer *out)
{
    if (tls_write(connection->tls, out->data, out->length, &connection->loop->sealed))
        send_sealed(connection);
    else
        connection_close(connection);
}

void sealed_end(struct connection *connection)
{
    tls_end(connection->tls, &connection->loop->sealed);
    send_sealed(connection);
}

/* TLS tells an end from a cut line: the peer is told of this one if its socket takes the word at once. */
void sealed_close(struct connection *connection)
{
    struct buffer *sealed = &connection->loop->sealed;
    buffer_clear(sealed);
    tls_end(connection->tls, sealed);
    uv_buf_t buffer = uv_buf_init(sealed->data, (unsigned)sealed->length);
    if (sealed->length && !connection->unsent) uv_try_write(&connection->stream, &buffer, 1);
    buffer_clear(sealed);
}
