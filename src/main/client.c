/* HTTP/1.1 as our own server speaks it: each answer has a Content-Length. Anything else is refused. */
#include "main/client.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { HEAD_BYTES_MOST = 64 * 1024, BODY_BYTES_MOST = 256 * 1024 * 1024, READ_BYTES = 64 * 1024 };

struct client {
    int socket;
    struct buffer outgoing, incoming;
    size_t taken; /* of incoming */
    char problem[128];
};

static struct client *connect_to(const struct sockaddr *address, socklen_t length)
{
    int file = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0) return NULL;
    if (connect(file, address, length) != 0) {
        int error = errno;
        close(file);
        errno = error;
        return NULL;
    }
    struct client *client = memory_alloc(sizeof *client);
    client->socket = file;
    return client;
}

struct client *client_connect_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect_to((const struct sockaddr *)(const void *)&address, sizeof address);
}

struct client *client_connect_tcp(const char *address, uint16_t port)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct client *client = NULL;
    if (inet_pton(AF_INET, address, &four.sin_addr) == 1)
        client = connect_to((const struct sockaddr *)(const void *)&four, sizeof four);
    else if (inet_pton(AF_INET6, address, &six.sin6_addr) == 1)
        client = connect_to((const struct sockaddr *)(const void *)&six, sizeof six);
    else
        errno = EINVAL;
    int one = 1;
    if (client) setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return client;
}

void client_close(struct client *client)
{
    if (!client) return;
    close(client->socket);
    buffer_free(&client->outgoing);
    buffer_free(&client->incoming);
    free(client);
}

const char *client_problem(const struct client *client)
{
    return client->problem;
}

void client_send(struct client *client, const char *method, struct text target, struct text headers, struct text body,
                 const char *content_type)
{
    buffer_format(&client->outgoing, "%s %.*s HTTP/1.1\r\nHost: localhost\r\n%.*s", method, TEXT_ARGUMENTS(target),
                  TEXT_ARGUMENTS(headers));
    if (body.data)
        buffer_format(&client->outgoing, "Content-Type: %s\r\nContent-Length: %u\r\n",
                      content_type ? content_type : "application/json", body.length);
    buffer_string(&client->outgoing, "\r\n");
    buffer_text(&client->outgoing, body);
}

static bool fail_with(struct client *client, const char *what)
{
    snprintf(client->problem, sizeof client->problem, "%s", what);
    return false;
}

bool client_flush(struct client *client)
{
    const char *at = client->outgoing.data;
    for (size_t left = client->outgoing.length; left;) {
        ssize_t sent = send(client->socket, at, left, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return fail_with(client, strerror(errno));
        at += sent;
        left -= (size_t)sent;
    }
    buffer_clear(&client->outgoing);
    return true;
}

static bool read_more(struct client *client)
{
    if (client->taken) {
        client->incoming.length -= client->taken;
        memmove(client->incoming.data, client->incoming.data + client->taken, client->incoming.length);
        client->taken = 0;
    }
    char *room = buffer_reserve(&client->incoming, READ_BYTES);
    ssize_t got;
    do
        got = recv(client->socket, room, READ_BYTES, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) return fail_with(client, strerror(errno));
    if (got == 0) return fail_with(client, "the server closed the connection");
    client->incoming.length += (size_t)got;
    return true;
}

/* What stands behind the name of this header; absent when the line is another one. */
static struct text header_value(struct text line, const char *name)
{
    size_t length = strlen(name);
    if (line.length <= length || line.data[length] != ':' || strncasecmp(line.data, name, length) != 0)
        return (struct text){0};
    return text_trim((struct text){line.data + length + 1, line.length - (uint32_t)length - 1});
}

static bool read_head(struct client *client, struct arena *arena, struct client_reply *reply, size_t *body_length)
{
    const char *end = NULL;
    for (;;) {
        struct text left = {client->incoming.data + client->taken, (uint32_t)(client->incoming.length - client->taken)};
        end = left.length ? memmem(left.data, left.length, "\r\n\r\n", 4) : NULL;
        if (end) break;
        if (left.length > HEAD_BYTES_MOST) return fail_with(client, "the answer's head is too long");
        if (!read_more(client)) return false;
    }
    const char *begin = client->incoming.data + client->taken;
    struct text head = {begin, (uint32_t)(end - begin)};
    int64_t status, length = 0;
    struct text line = text_split(&head, '\n');
    if (line.length < 12 || !text_starts_with(line, "HTTP/1.1 ") ||
        !text_to_integer((struct text){line.data + 9, 3}, &status))
        return fail_with(client, "the answer is not HTTP/1.1");
    while (head.data) {
        line = text_trim(text_split(&head, '\n'));
        struct text value = header_value(line, "Content-Length");
        if (value.data && !text_to_integer(value, &length)) return fail_with(client, "the answer has no good length");
        value = header_value(line, "ETag");
        if (value.data) reply->etag = arena_text(arena, value);
        if (header_value(line, "Transfer-Encoding").data) return fail_with(client, "the answer is chunked");
    }
    if (length < 0 || length > BODY_BYTES_MOST) return fail_with(client, "the answer is too long");
    reply->status = (int)status;
    *body_length = (size_t)length;
    client->taken = (size_t)(end + 4 - client->incoming.data);
    return true;
}

bool client_receive(struct client *client, struct arena *arena, struct client_reply *reply)
{
    size_t length = 0;
    *reply = (struct client_reply){0};
    if (!client_flush(client) || !read_head(client, arena, reply, &length)) return false;
    while (client->incoming.length - client->taken < length)
        if (!read_more(client)) return false;
    reply->body = arena_text(arena, (struct text){client->incoming.data + client->taken, (uint32_t)length});
    client->taken += length;
    return true;
}

bool client_call(struct client *client, const char *method, struct text target, struct text body, struct arena *arena,
                 struct client_reply *reply)
{
    client_send(client, method, target, LITERAL(""), body, NULL);
    return client_receive(client, arena, reply);
}
