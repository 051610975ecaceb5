/* How a connection begins: whose it is, and whether there is room for it. Past four fifths of what may be open the longest idle
   one makes room; past all of it, or of what one address may have, whoever comes is turned away. */
#include "net/loop.h"
#include "base/check.h"
#include <stdio.h>
#include <string.h>

/* The peer's address as text; an IPv4 address that came through an IPv6 socket in its own form. */
static void name_address(struct connection *connection)
{
    struct sockaddr_storage storage;
    int size = sizeof storage;
    char name[sizeof connection->address] = "";
    if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&storage, &size) == 0) {
        if (storage.ss_family == AF_INET)
            uv_ip4_name((const struct sockaddr_in *)(void *)&storage, name, sizeof name);
        else
            uv_ip6_name((const struct sockaddr_in6 *)(void *)&storage, name, sizeof name);
    }
    bool mapped = text_starts_with(text_of(name), "::ffff:") && strchr(name, '.');
    snprintf(connection->address, sizeof connection->address, "%s", mapped ? name + strlen("::ffff:") : name);
}

void connection_count_address(struct connection *connection, intptr_t change)
{
    struct map *addresses = connection->loop->addresses;
    size_t length = strlen(connection->address);
    intptr_t count = (intptr_t)map_get(addresses, connection->address, length) + change;
    if (count)
        map_set(addresses, connection->address, length, (void *)count);
    else
        map_remove(addresses, connection->address, length);
}

/* An answer without a request, then the end. A handshake that leads to no more is not begun. */
static void turn_away(struct connection *connection, const char *status)
{
    char answer[128];
    int length = snprintf(answer, sizeof answer,
                          "HTTP/1.1 %s\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    uv_buf_t buffer = uv_buf_init(answer, (unsigned)length);
    if (!connection->tls) uv_try_write(&connection->stream, &buffer, 1);
    metrics_add(&connection->loop->metrics->connections_refused, 1);
    connection_close(connection);
}

static bool comes_from_proxy(const struct connection *connection)
{
    for (const char *const *proxy = connection->loop->net->config.proxies; proxy && *proxy; proxy++)
        if (!strcmp(*proxy, connection->address)) return true;
    return false;
}

bool connection_close_idle(struct net_loop *loop)
{
    struct deadline *idle = loop->deadlines[WAIT_IDLE].end.next;
    if (idle == &loop->deadlines[WAIT_IDLE].end) return false;
    connection_close((struct connection *)(void *)((char *)idle - offsetof(struct connection, reading_deadline)));
    return true;
}

static void welcome(struct connection *connection)
{
    struct net_loop *loop = connection->loop;
    int64_t of_address = loop->net->config.connections_per_address;
    if (loop->open_count * 10 > loop->connections_most * 8) connection_close_idle(loop);

    if (!connection->is_control) {
        intptr_t count = (intptr_t)map_get(loop->addresses, connection->address, strlen(connection->address));
        if (loop->open_count > loop->connections_most || loop->spare_file < 0) {
            turn_away(connection, "503 Service Unavailable");
            return;
        }
        if (of_address && count > of_address && !comes_from_proxy(connection)) {
            turn_away(connection, "429 Too Many Requests");
            return;
        }
        uv_tcp_nodelay(&connection->tcp, 1);
    }
    connection_begin(connection);
}

void connection_accept(struct net_loop *loop, uv_stream_t *listener, enum entrance entrance)
{
    struct connection *connection = memory_alloc(sizeof *connection);
    bool is_control = entrance == ENTRANCE_CONTROL;
    connection->loop = loop;
    connection->is_control = is_control;
    connection->wait = WAIT_NONE;
    int fault = is_control ? uv_pipe_init(loop->uv, &connection->pipe, 0) : uv_tcp_init(loop->uv, &connection->tcp);
    CHECK(fault == 0); /* neither can fail without a socket */
    connection->handle.data = connection;
    connection->next = loop->connections;
    if (connection->next) connection->next->previous = connection;
    loop->connections = connection;
    loop->connection_count++;
    loop->open_count++;
    metrics_add(&loop->metrics->connections_opened, 1);
    loop_clock(loop);
    loop_start_timer(loop);

    fault = uv_accept(listener, &connection->stream);
    if (!is_control) {
        name_address(connection);
        connection_count_address(connection, 1);
    }
    if (entrance == ENTRANCE_TLS) connection->tls = tls_open(loop->net->tls);
    if (fault || loop->stopping || (entrance == ENTRANCE_TLS && !connection->tls))
        connection_close(connection);
    else
        welcome(connection);
}
