/* A connection is one socket with one channel in confirm mode. Messages are numbered from 1 in it, and the broker
   confirms them by number, one by one or all up to one. Whatever else it says on the way ends the connection: what was not
   confirmed is published again on the next one. */
#include "relay/rabbitmq.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#if __has_include(<rabbitmq-c/amqp.h>)
#include <rabbitmq-c/amqp.h>
#include <rabbitmq-c/tcp_socket.h>
#else
#include <amqp.h>
#include <amqp_tcp_socket.h>
#endif

enum {
    WINDOW = 256,
    CHANNEL = 1,
    FRAME_BYTES = 131072,
    HEARTBEAT_S = 30,
    CONNECT_S = 5,          /* for the socket, and for each answer */
    UNCONFIRMED_MS = 30000, /* after which a connection on which nothing is confirmed is given up */
    PERSISTENT = 2,
};

struct rabbitmq {
    struct broker broker; /* first: a broker is one */
    char *url;            /* parsed in place: the parts point into it */
    char *exchange;
    struct amqp_connection_info server;
    amqp_connection_state_t connection;
    _Atomic int socket;     /* for interrupt; -1: none */
    uint64_t published;     /* number of the last message */
    uint64_t settled;       /* all up to here are confirmed */
    bool confirmed[WINDOW]; /* those after `settled`, by number modulo WINDOW */
    int64_t moved_at;
};

static struct rabbitmq *self(struct broker *broker)
{
    return (struct rabbitmq *)broker;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static amqp_bytes_t bytes_of(struct text text)
{
    return (amqp_bytes_t){text.length, (void *)text.data};
}

/* ---- problems ---- */

static bool status_good(int status, const char *what, char problem[BROKER_PROBLEM_SIZE])
{
    if (status != AMQP_STATUS_OK) snprintf(problem, BROKER_PROBLEM_SIZE, "%s: %s", what, amqp_error_string2(status));
    return status == AMQP_STATUS_OK;
}

/* Why the broker closes connection or channel. */
static void describe_close(const amqp_method_t *method, const char *what, char problem[BROKER_PROBLEM_SIZE])
{
    amqp_bytes_t text = {0};
    if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
        text = ((amqp_connection_close_t *)method->decoded)->reply_text;
    else if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
        text = ((amqp_channel_close_t *)method->decoded)->reply_text;
    snprintf(problem, BROKER_PROBLEM_SIZE, "%s: the broker closes it: %.*s", what, (int)text.len,
             text.bytes ? (const char *)text.bytes : "");
}

static bool reply_good(amqp_rpc_reply_t reply, const char *what, char problem[BROKER_PROBLEM_SIZE])
{
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return true;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) return status_good(reply.library_error, what, problem);
    describe_close(&reply.reply, what, problem);
    return false;
}

/* ---- connecting ---- */

static void rabbitmq_disconnect(struct broker *broker)
{
    struct rabbitmq *rabbitmq = self(broker);
    if (!rabbitmq->connection) return;
    atomic_store(&rabbitmq->socket, -1);
    amqp_destroy_connection(rabbitmq->connection); /* without a farewell: nothing is owed to either side */
    rabbitmq->connection = NULL;
}

static bool open_socket(struct rabbitmq *rabbitmq, char problem[BROKER_PROBLEM_SIZE])
{
    struct timeval patience = {.tv_sec = CONNECT_S};
    amqp_socket_t *socket = amqp_tcp_socket_new(rabbitmq->connection);
    if (!socket) return status_good(AMQP_STATUS_NO_MEMORY, "socket", problem);
    amqp_set_handshake_timeout(rabbitmq->connection, &patience);
    amqp_set_rpc_timeout(rabbitmq->connection, &patience);
    int status = amqp_socket_open_noblock(socket, rabbitmq->server.host, rabbitmq->server.port, &patience);
    if (!status_good(status, "connecting", problem)) return false;
    int file = amqp_get_sockfd(rabbitmq->connection);
    /* A write that waits for a peer that is gone, or takes nothing more, ends too. */
    setsockopt(file, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){UNCONFIRMED_MS}, sizeof(unsigned));
    atomic_store(&rabbitmq->socket, file);
    return true;
}

static bool open_channel(struct rabbitmq *rabbitmq, char problem[BROKER_PROBLEM_SIZE])
{
    amqp_connection_state_t connection = rabbitmq->connection;
    const struct amqp_connection_info *server = &rabbitmq->server;
    if (!reply_good(amqp_login(connection, server->vhost, 0, FRAME_BYTES, HEARTBEAT_S, AMQP_SASL_METHOD_PLAIN,
                               server->user, server->password),
                    "login", problem))
        return false;
    amqp_channel_open(connection, CHANNEL);
    if (!reply_good(amqp_get_rpc_reply(connection), "channel", problem)) return false;
    amqp_exchange_declare(connection, CHANNEL, amqp_cstring_bytes(rabbitmq->exchange), amqp_cstring_bytes("topic"), 0,
                          1, 0, 0, amqp_empty_table);
    if (!reply_good(amqp_get_rpc_reply(connection), "exchange", problem)) return false;
    amqp_confirm_select(connection, CHANNEL);
    return reply_good(amqp_get_rpc_reply(connection), "confirms", problem);
}

static bool rabbitmq_connect(struct broker *broker, char problem[BROKER_PROBLEM_SIZE])
{
    struct rabbitmq *rabbitmq = self(broker);
    rabbitmq->connection = amqp_new_connection();
    if (!rabbitmq->connection) return status_good(AMQP_STATUS_NO_MEMORY, "connection", problem);
    rabbitmq->published = rabbitmq->settled = 0;
    memset(rabbitmq->confirmed, 0, sizeof rabbitmq->confirmed);
    rabbitmq->moved_at = now_ms();
    if (open_socket(rabbitmq, problem) && open_channel(rabbitmq, problem)) return true;
    rabbitmq_disconnect(broker);
    return false;
}

/* ---- publishing ---- */

static bool rabbitmq_publish(struct broker *broker, const struct broker_message *message,
                             char problem[BROKER_PROBLEM_SIZE])
{
    struct rabbitmq *rabbitmq = self(broker);
    struct amqp_table_entry_t_ headers[] = {
        {amqp_cstring_bytes("subject_kind"), {AMQP_FIELD_KIND_UTF8, {.bytes = bytes_of(message->subject_kind)}}},
        {amqp_cstring_bytes("subject_id"), {AMQP_FIELD_KIND_UTF8, {.bytes = bytes_of(message->subject)}}},
        {amqp_cstring_bytes("tenant_id"), {AMQP_FIELD_KIND_UTF8, {.bytes = bytes_of(message->tenant)}}},
        {amqp_cstring_bytes("traceparent"), {AMQP_FIELD_KIND_UTF8, {.bytes = bytes_of(message->trace)}}},
    };
    int header_count = (int)(sizeof headers / sizeof headers[0]) - !message->trace.data;
    amqp_basic_properties_t properties = {
        ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                  AMQP_BASIC_TYPE_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_HEADERS_FLAG,
        .content_type = amqp_cstring_bytes("application/json"),
        .delivery_mode = PERSISTENT,
        .message_id = bytes_of(message->id),
        .type = bytes_of(message->type),
        .timestamp = (uint64_t)message->time / 1000,
        .app_id = amqp_cstring_bytes("souk"),
        .headers = {header_count, headers},
    };
    int status = amqp_basic_publish(rabbitmq->connection, CHANNEL, amqp_cstring_bytes(rabbitmq->exchange),
                                    bytes_of(message->type), 0, 0, &properties, bytes_of(message->body));
    if (!status_good(status, "publishing", problem)) return false;
    if (rabbitmq->published == rabbitmq->settled) rabbitmq->moved_at = now_ms();
    rabbitmq->published++;
    return true;
}

/* ---- confirmations ---- */

static bool take_confirmation(struct rabbitmq *rabbitmq, const amqp_basic_ack_t *confirmation)
{
    uint64_t last = confirmation->delivery_tag, first = confirmation->multiple ? rabbitmq->settled + 1 : last;
    if (last > rabbitmq->published) return false;
    for (uint64_t number = first; number <= last; number++)
        if (number > rabbitmq->settled) rabbitmq->confirmed[number % WINDOW] = true;
    while (rabbitmq->settled < rabbitmq->published && rabbitmq->confirmed[(rabbitmq->settled + 1) % WINDOW])
        rabbitmq->confirmed[++rabbitmq->settled % WINDOW] = false;
    rabbitmq->moved_at = now_ms();
    return true;
}

/* False: the connection is of no more use. */
static bool take_frame(struct rabbitmq *rabbitmq, const amqp_frame_t *frame, char problem[BROKER_PROBLEM_SIZE])
{
    if (frame->frame_type != AMQP_FRAME_METHOD) return true;
    const amqp_method_t *method = &frame->payload.method;
    if (method->id == AMQP_BASIC_ACK_METHOD && take_confirmation(rabbitmq, method->decoded)) return true;
    if (method->id == AMQP_BASIC_NACK_METHOD)
        snprintf(problem, BROKER_PROBLEM_SIZE, "the broker refuses a message");
    else
        describe_close(method, "connection", problem);
    return false;
}

static enum broker_state rabbitmq_settle(struct broker *broker, int64_t ms, char problem[BROKER_PROBLEM_SIZE])
{
    struct rabbitmq *rabbitmq = self(broker);
    int64_t until = now_ms() + ms, left = ms;
    do {
        amqp_frame_t frame;
        struct timeval patience = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
        amqp_maybe_release_buffers(rabbitmq->connection);
        int status = amqp_simple_wait_frame_noblock(rabbitmq->connection, &frame, &patience);
        if (status == AMQP_STATUS_TIMEOUT) break;
        if (!status_good(status, "connection", problem) || !take_frame(rabbitmq, &frame, problem)) return BROKER_LOST;
        left = until - now_ms();
        if (left < 0) left = 0;
    } while (rabbitmq->settled < rabbitmq->published);
    if (rabbitmq->settled == rabbitmq->published) return BROKER_SETTLED;
    if (now_ms() - rabbitmq->moved_at < UNCONFIRMED_MS) return BROKER_WAITING;
    snprintf(problem, BROKER_PROBLEM_SIZE, "nothing is confirmed for %d s", UNCONFIRMED_MS / 1000);
    return BROKER_LOST;
}

/* ---- ending ---- */

/* A broker that takes no more bytes (its memory alarm) leaves the relay within a write. */
static void rabbitmq_interrupt(struct broker *broker)
{
    int socket = atomic_load(&self(broker)->socket);
    if (socket >= 0) shutdown(socket, SHUT_RDWR);
}

static void rabbitmq_destroy(struct broker *broker)
{
    struct rabbitmq *rabbitmq = self(broker);
    free(rabbitmq->exchange);
    free(rabbitmq->url);
    free(rabbitmq);
}

static const struct broker_calls calls = {
    .name = "rabbitmq",
    .window = WINDOW,
    .connect = rabbitmq_connect,
    .publish = rabbitmq_publish,
    .settle = rabbitmq_settle,
    .disconnect = rabbitmq_disconnect,
    .interrupt = rabbitmq_interrupt,
    .destroy = rabbitmq_destroy,
};

struct broker *rabbitmq_create(const struct rabbitmq_config *config, char problem[BROKER_PROBLEM_SIZE])
{
    struct rabbitmq *rabbitmq = memory_alloc(sizeof *rabbitmq);
    rabbitmq->broker.calls = &calls;
    rabbitmq->url = strdup(config->url);
    rabbitmq->exchange = strdup(config->exchange);
    atomic_init(&rabbitmq->socket, -1);
    amqp_default_connection_info(&rabbitmq->server);
    bool good = *config->exchange && amqp_parse_url(rabbitmq->url, &rabbitmq->server) == AMQP_STATUS_OK &&
                !rabbitmq->server.ssl;
    if (good) return &rabbitmq->broker;
    snprintf(problem, BROKER_PROBLEM_SIZE,
             "relay.rabbitmq.url is amqp://user:password@host:port/vhost, and relay.rabbitmq.exchange a name");
    rabbitmq_destroy(&rabbitmq->broker);
    return NULL;
}
