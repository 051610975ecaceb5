/* The floor under every figure of the server: libuv and llhttp with nothing on top.

     floor_http --port-file FILE --reply-bytes N [--loops 1]

   It reads requests as the server does (one buffer per loop, strict parser) and answers each with the same N bytes, head
   included; the replies to pipelined requests go out in one write. No routing, no JSON, no actors, no disk: what it takes is
   what the kernel, libuv and the parser take, and a server on the same libraries cannot be faster. It runs until it is
   told to end. */
#include <getopt.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

enum { INPUT_SIZE = 64 * 1024, LOOPS_MOST = 64, REPLY_MOST = 1 << 20, PIPELINED_MOST = 256, BACKLOG = 4096 };

struct loop {
    uv_loop_t uv;
    uv_tcp_t listener;
    pthread_t thread;
    const char *reply; /* the same for all */
    size_t reply_length;
    char input[INPUT_SIZE];
};

struct connection {
    uv_tcp_t socket;
    llhttp_t parser;
    struct loop *loop;
    unsigned complete; /* requests parsed and not answered */
};

/* A write that the socket did not take at once. */
struct pending {
    uv_write_t request;
    char data[];
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "floor_http: %s: %s\n", what, why);
    exit(1);
}

static void check(int result, const char *what)
{
    if (result < 0) fail(what, uv_strerror(result));
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void close_connection(struct connection *connection)
{
    if (!uv_is_closing((uv_handle_t *)&connection->socket)) uv_close((uv_handle_t *)&connection->socket, on_closed);
}

/* ---- Answering ----------------------------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
    struct connection *connection = request->handle->data;
    free(request);
    if (status < 0) close_connection(connection);
}

static void write_later(struct connection *connection, size_t skip, unsigned replies)
{
    const struct loop *loop = connection->loop;
    size_t length = replies * loop->reply_length - skip;
    struct pending *pending = malloc(sizeof *pending + length);
    if (!pending) fail("write", "no memory");
    for (size_t done = 0; done < length; done++)
        pending->data[done] = loop->reply[(skip + done) % loop->reply_length];
    uv_buf_t buffer = uv_buf_init(pending->data, (unsigned)length);
    if (uv_write(&pending->request, (uv_stream_t *)&connection->socket, &buffer, 1, on_written) < 0) {
        free(pending);
        close_connection(connection);
    }
}

static void answer(struct connection *connection)
{
    uv_buf_t buffers[PIPELINED_MOST];
    while (connection->complete) {
        unsigned replies = connection->complete < PIPELINED_MOST ? connection->complete : PIPELINED_MOST;
        connection->complete -= replies;
        for (unsigned i = 0; i < replies; i++)
            buffers[i] =
                uv_buf_init((char *)(uintptr_t)connection->loop->reply, (unsigned)connection->loop->reply_length);
        int written = uv_try_write((uv_stream_t *)&connection->socket, buffers, replies);
        if (written == UV_EAGAIN) written = 0;
        if (written < 0) {
            close_connection(connection);
            return;
        }
        if ((size_t)written < replies * connection->loop->reply_length)
            write_later(connection, (size_t)written, replies);
    }
}

static int on_complete(llhttp_t *parser)
{
    struct connection *connection = parser->data;
    connection->complete++;
    return 0;
}

static const llhttp_settings_t parser_settings = {.on_message_complete = on_complete};

/* ---- Reading ------------------------------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    struct connection *connection = handle->data;
    (void)wanted;
    *buffer = uv_buf_init(connection->loop->input, INPUT_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer)
{
    struct connection *connection = stream->data;
    if (length == 0) return;
    if (length < 0 || llhttp_execute(&connection->parser, buffer->base, (size_t)length) != HPE_OK) {
        close_connection(connection);
        return;
    }
    answer(connection);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status < 0) return;
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) fail("connection", "no memory");
    connection->loop = listener->data;
    check(uv_tcp_init(&connection->loop->uv, &connection->socket), "socket");
    connection->socket.data = connection;
    llhttp_init(&connection->parser, HTTP_REQUEST, &parser_settings);
    connection->parser.data = connection;
    if (uv_accept(listener, (uv_stream_t *)&connection->socket) < 0 || uv_tcp_nodelay(&connection->socket, 1) < 0 ||
        uv_read_start((uv_stream_t *)&connection->socket, on_alloc, on_read) < 0)
        close_connection(connection);
}

/* ---- Loops --------------------------------------------------------------------------------------------------------- */

/* Binds a listener of its own, so that the kernel spreads the connections over the loops. Returns the port. */
static int listen_on(struct loop *loop, int port)
{
    struct sockaddr_in address;
    int length = sizeof address, socket;
    check(uv_loop_init(&loop->uv), "loop");
    check(uv_tcp_init_ex(&loop->uv, &loop->listener, AF_INET), "socket");
    check(uv_fileno((uv_handle_t *)&loop->listener, &socket), "socket");
    setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &(int){1}, sizeof(int));
    check(uv_ip4_addr("127.0.0.1", port, &address), "address");
    check(uv_tcp_bind(&loop->listener, (struct sockaddr *)&address, 0), "bind");
    loop->listener.data = loop;
    check(uv_listen((uv_stream_t *)&loop->listener, BACKLOG, on_connection), "listen");
    check(uv_tcp_getsockname(&loop->listener, (struct sockaddr *)&address, &length), "address");
    return ntohs(address.sin_port);
}

static void *run_loop(void *argument)
{
    struct loop *loop = argument;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

/* A reply of exactly so many bytes, or of the fewest possible. */
static char *make_reply(size_t bytes, size_t *length)
{
    static const char form[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n";
    char head[128], *reply = malloc(REPLY_MOST + sizeof head);
    if (!reply) fail("reply", "no memory");
    int size = snprintf(head, sizeof head, form, bytes);
    size_t body = bytes > (size_t)size ? bytes - (size_t)size : 0;
    size = snprintf(head, sizeof head, form, body);
    if ((size_t)size + body < bytes) size = snprintf(head, sizeof head, form, body = bytes - (size_t)size);
    memcpy(reply, head, (size_t)size);
    memset(reply + size, '.', body);
    *length = (size_t)size + body;
    return reply;
}

static void write_port(const char *path, int port)
{
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%d\n", port) < 0 || fclose(file) != 0) fail(path, "cannot be written");
}

int main(int count, char **words)
{
    static const struct option options[] = {
        {"port-file", required_argument, NULL, 'f'},
        {"reply-bytes", required_argument, NULL, 'b'},
        {"loops", required_argument, NULL, 'l'},
        {0},
    };
    const char *port_file = NULL;
    unsigned long bytes = 200, loops = 1;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;)
        switch (option) {
        case 'f': port_file = optarg; break;
        case 'b': bytes = strtoul(optarg, NULL, 10); break;
        case 'l': loops = strtoul(optarg, NULL, 10); break;
        default: return 2;
        }
    if (!port_file || bytes > REPLY_MOST || !loops || loops > LOOPS_MOST)
        fail("usage", "floor_http --port-file FILE --reply-bytes N [--loops N]");

    signal(SIGPIPE, SIG_IGN);
    struct loop *all = calloc(loops, sizeof *all);
    if (!all) fail("loops", "no memory");
    size_t length;
    const char *reply = make_reply(bytes, &length);
    int port = 0;
    for (unsigned long i = 0; i < loops; i++) {
        all[i].reply = reply;
        all[i].reply_length = length;
        port = listen_on(&all[i], port);
    }
    for (unsigned long i = 1; i < loops; i++)
        if (pthread_create(&all[i].thread, NULL, run_loop, &all[i]) != 0) fail("thread", "none to be had");
    write_port(port_file, port);
    run_loop(&all[0]);
    return 0;
}
