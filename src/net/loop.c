/* A loop: its listeners, its clock, and the flush that ends each iteration. The same code runs on the core's loop and on
   threads of the net's own. */
#include "net/loop.h"
#include "base/check.h"
#include "base/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { NOTED_EVERY_MS = 1000, NO_ROOM_WAIT_US = 1000 };
enum { TICK_MS = 100, BACKLOG = 4096, OUT_KEPT_BYTES = 1024 * 1024 };

/* ---- time ---- */

void loop_clock(struct net_loop *loop)
{
    uint64_t now = uv_now(loop->uv);
    if (now < loop->clock_due) return;
    loop->clock_due = now + TICK_MS;
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    if (wall.tv_sec == loop->wall_s) return;
    loop->wall_s = wall.tv_sec;
    loop->bind.now_s = wall.tv_sec;
    reply_date(wall.tv_sec, loop->date);
    loop->date_length = (uint32_t)strlen(loop->date);
}

static struct connection *connection_of(struct deadline *deadline, enum wait wait)
{
    size_t offset = wait == WAIT_WRITE ? offsetof(struct connection, writing_deadline)
                                       : offsetof(struct connection, reading_deadline);
    return (struct connection *)(void *)((char *)deadline - offset);
}

/* Bodies have to come at a rate, once they had some time to begin. */
static void check_bodies(struct net_loop *loop, uint64_t now)
{
    const struct net_config *config = &loop->net->config;
    struct deadline *end = &loop->deadlines[WAIT_BODY].end;
    for (struct deadline *deadline = end->next, *next; deadline != end; deadline = next) {
        next = deadline->next;
        struct connection *connection = connection_of(deadline, WAIT_BODY);
        int64_t counted = (int64_t)(now - connection->body_began) - config->body_grace;
        if (counted > 0 && (int64_t)connection->parser->body_bytes < config->body_rate * counted / 1000)
            connection_overdue(connection, WAIT_BODY);
    }
}

static void on_tick(uv_timer_t *timer)
{
    struct net_loop *loop = timer->data;
    uint64_t now = uv_now(loop->uv);
    loop_clock(loop);
    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        struct deadline *end = &loop->deadlines[wait].end;
        while (end->next != end && end->next->due <= now)
            connection_overdue(connection_of(end->next, (enum wait)wait), (enum wait)wait);
    }
    check_bodies(loop, now);
    streaming_tick(loop, now);
    if (loop->stopping && now >= loop->stop_due)
        for (struct connection *connection = loop->connections; connection; connection = connection->next)
            connection_close(connection);
    if (!loop->connection_count) uv_timer_stop(timer);
}

void loop_start_timer(struct net_loop *loop)
{
    if (!uv_is_active((uv_handle_t *)&loop->timer) && !uv_is_closing((uv_handle_t *)&loop->timer))
        uv_timer_start(&loop->timer, on_tick, TICK_MS, TICK_MS);
}

/* ---- arenas ---- */

struct arena *loop_arena(struct net_loop *loop)
{
    return loop->pooled ? loop->pool[--loop->pooled] : arena_create();
}

void loop_recycle(struct net_loop *loop, struct arena *arena)
{
    if (loop->pooled == LIMIT_ARENAS_KEPT) {
        arena_destroy(arena);
        return;
    }
    arena_reset(arena);
    loop->pool[loop->pooled++] = arena;
}

/* ---- the flush ---- */

/* Sends what became ready. Flushing one connection may make it or others dirty again. */
void loop_flush(struct net_loop *loop)
{
    struct connection *connection;
    if (!loop->dirty_first) return;
    loop_clock(loop);
    loop->now_ns = uv_hrtime();
    loop->logs = log_enabled("http", LOG_INFO);
    while ((connection = loop->dirty_first)) {
        loop->dirty_first = connection->dirty_next;
        if (!loop->dirty_first) loop->dirty_last = &loop->dirty_first;
        connection->dirty = false;
        if (connection->gone)
            free(connection);
        else
            connection_flush(connection);
    }
    if (loop->lines.length) log_write(&loop->lines);
    if (loop->out.capacity > OUT_KEPT_BYTES) buffer_free(&loop->out);
    if (loop->sealed.capacity > OUT_KEPT_BYTES) buffer_free(&loop->sealed);
    if (loop->taken.capacity > OUT_KEPT_BYTES) buffer_free(&loop->taken);
}

static void check_files(struct net_loop *loop);

static void on_check(uv_check_t *check)
{
    struct net_loop *loop = check->data;
    loop->handshakes = 0;
    loop_flush(loop);
    check_files(loop);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct net_loop *loop = handle->data;
    if (handle != (uv_handle_t *)&loop->async && --loop->handles == 0) net_loop_ended(loop);
}

static void close_handle(struct net_loop *loop, uv_handle_t *handle)
{
    CHECK(handle->data == loop);
    if (!uv_is_closing(handle)) uv_close(handle, on_handle_closed);
}

/* Answers that came from the core's thread, or the wish to stop. */
static void on_async(uv_async_t *async)
{
    struct net_loop *loop = async->data;
    struct inbox_item *next;
    for (struct inbox_item *item = inbox_take(&loop->inbox); item; item = next) {
        next = item->next;
        exchange_done((struct exchange *)(void *)((char *)item - offsetof(struct exchange, item)));
    }
    if (atomic_load(&loop->net->stopping) && !loop->stopping) loop_stop(loop);
    if (atomic_load(&loop->may_close)) close_handle(loop, (uv_handle_t *)&loop->async);
}

static void wake(void *context)
{
    struct net_loop *loop = context;
    uv_async_send(&loop->async);
}

/* ---- listening ---- */

/* ---- files ---- */

/* Without a file for it, libuv fails to accept, says so or not (1.44, 1.50), and tries again at once and for ever. So one is
   always left: when the last is gone, an idle connection is closed, else a spare file. While that is given up, who comes is
   told to come again, and closed. */

static int open_any_file(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool is_file_left(void)
{
    int file = open_any_file();
    if (file >= 0) close(file);
    return file >= 0;
}

static void take_spare_file(struct net_loop *loop)
{
    int file = open_any_file();
    if (file >= 0 && is_file_left())
        loop->spare_file = file;
    else if (file >= 0)
        close(file);
}

static bool close_oldest(struct net_loop *loop)
{
    struct connection *oldest = NULL;
    for (struct connection *connection = loop->connections; connection; connection = connection->next)
        if (connection->state != CONNECTION_CLOSED) oldest = connection;
    if (oldest) connection_close(oldest);
    return oldest != NULL;
}

static void make_room(struct net_loop *loop)
{
    uint64_t now = uv_now(loop->uv);
    if (now >= loop->room_noted_due) {
        log_line("net", LOG_WARNING, "no file is left for a connection", "connections=%lld",
                 (long long)loop->open_count);
        loop->room_noted_due = now + NOTED_EVERY_MS;
    }
    if (connection_close_idle(loop)) return;
    if (loop->spare_file >= 0) {
        close(loop->spare_file);
        loop->spare_file = -1;
    } else if (!close_oldest(loop)) {
        usleep(NO_ROOM_WAIT_US); /* others of this process have them all */
    }
}

/* Now and then, for other threads open files too. */
static void check_files(struct net_loop *loop)
{
    uint64_t now = uv_now(loop->uv);
    if (now < loop->files_due || !(loop->has_listener || loop->has_tls_listener || loop->has_control)) return;
    loop->files_due = now + TICK_MS;
    if (loop->spare_file < 0) take_spare_file(loop);
    if (!is_file_left()) make_room(loop);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct net_loop *loop = listener->data;
    enum entrance entrance = listener == (uv_stream_t *)&loop->control        ? ENTRANCE_CONTROL
                             : listener == (uv_stream_t *)&loop->tls_listener ? ENTRANCE_TLS
                                                                              : ENTRANCE_TCP;
    if (status == 0) {
        connection_accept(loop, listener, entrance);
        if (loop->spare_file < 0)
            take_spare_file(loop);
        else if (!is_file_left())
            make_room(loop);
    } else if (status == UV_EMFILE || status == UV_ENFILE) {
        make_room(loop);
    } else {
        metrics_add(&loop->metrics->connections_refused, 1);
        log_line("net", LOG_WARNING, "cannot accept", "error=%s", uv_err_name(status));
    }
}

static bool complain(char problem[256], const char *what, const char *where, int fault)
{
    snprintf(problem, 256, "cannot %s %.150s: %s", what, where, uv_strerror(fault));
    return false;
}

static bool listen_tcp(struct net_loop *loop, uv_tcp_t *listener, bool *has_listener, const char *host, int port,
                       char problem[256])
{
    struct sockaddr_storage address;
    int fault = uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)&address);
    if (fault) fault = uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)&address);
    if (fault) {
        snprintf(problem, 256, "cannot listen on %.150s: that is no IP address", host);
        return false;
    }

    char where[160];
    snprintf(where, sizeof where, "%.100s, port %d", host, port);
    fault = uv_tcp_init_ex(loop->uv, listener, address.ss_family);
    if (fault) return complain(problem, "listen on", where, fault);
    listener->data = loop;
    *has_listener = true;
    loop->handles++;
    if (loop->net->config.loops > 1) { /* each loop has a listener of its own; the kernel spreads the connections */
        int descriptor, on = 1;
        fault = uv_fileno((uv_handle_t *)listener, &descriptor);
        if (!fault && setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
            fault = uv_translate_sys_error(errno);
    }
    if (!fault) fault = uv_tcp_bind(listener, (struct sockaddr *)&address, 0);
    if (!fault) fault = uv_listen((uv_stream_t *)listener, BACKLOG, on_connection);
    return fault ? complain(problem, "listen on", where, fault) : true;
}

bool loop_listen(struct net_loop *loop, char problem[256])
{
    const struct net *net = loop->net;
    return listen_tcp(loop, &loop->listener, &loop->has_listener, net->config.address, net->port, problem);
}

bool loop_listen_tls(struct net_loop *loop, char problem[256])
{
    const struct net *net = loop->net;
    loop->plain_buffer = memory_alloc(LIMIT_READ_BYTES);
    return listen_tcp(loop, &loop->tls_listener, &loop->has_tls_listener, net->config.tls_address, net->tls_port,
                      problem);
}

bool loop_listen_control(struct net_loop *loop, char problem[256])
{
    const char *path = loop->net->config.control_path;
    if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return complain(problem, "listen on the control socket, its path is too long:", path, UV_ENAMETOOLONG);
    unlink(path); /* left by a process that was killed; the data directory's lock is ours */
    int fault = uv_pipe_init(loop->uv, &loop->control, 0);
    if (fault) return complain(problem, "listen on", path, fault);
    loop->control.data = loop;
    loop->has_control = true;
    loop->handles++;
    fault = uv_pipe_bind(&loop->control, path);
    if (!fault && chmod(path, 0600) != 0) fault = uv_translate_sys_error(errno); /* before anybody can connect */
    if (!fault) fault = uv_listen((uv_stream_t *)&loop->control, BACKLOG, on_connection);
    return fault ? complain(problem, "listen on", path, fault) : true;
}

/* ---- beginning and end ---- */

static void close_handles(struct net_loop *loop)
{
    close_handle(loop, (uv_handle_t *)&loop->timer);
    close_handle(loop, (uv_handle_t *)&loop->check);
    close_handle(loop, (uv_handle_t *)&loop->streams_async);
}

void loop_connection_gone(struct net_loop *loop)
{
    loop->connection_count--;
    if (loop->stopping && !loop->connection_count) close_handles(loop);
}

void loop_stop(struct net_loop *loop)
{
    if (loop->stopping) return;
    loop->stopping = true;
    uv_update_time(loop->uv);
    loop->stop_due = uv_now(loop->uv) + (uint64_t)loop->net->config.stop_timeout;
    if (loop->has_listener) close_handle(loop, (uv_handle_t *)&loop->listener);
    if (loop->has_tls_listener) close_handle(loop, (uv_handle_t *)&loop->tls_listener);
    if (loop->has_control) {
        close_handle(loop, (uv_handle_t *)&loop->control);
        unlink(loop->net->config.control_path);
    }
    for (struct connection *connection = loop->connections; connection; connection = connection->next)
        connection_stop(connection);
    if (!loop->connection_count) close_handles(loop);
}

bool loop_open(struct net_loop *loop, char problem[256])
{
    const struct net_config *config = &loop->net->config;
    const int64_t durations[WAIT_COUNT] = {
        [WAIT_IDLE] = config->idle_timeout,     [WAIT_HANDSHAKE] = config->handshake_timeout,
        [WAIT_HEAD] = config->head_timeout,     [WAIT_BODY] = config->body_timeout,
        [WAIT_LINGER] = config->linger_timeout, [WAIT_WRITE] = config->write_timeout,
    };
    for (int wait = 0; wait < WAIT_COUNT; wait++) {
        struct deadline *end = &loop->deadlines[wait].end;
        end->next = end->previous = end;
        loop->deadlines[wait].duration = durations[wait];
    }
    loop->spare_file = -1;
    take_spare_file(loop);
    loop->dirty_last = &loop->dirty_first;
    loop->read_buffer = memory_alloc(LIMIT_READ_BYTES);
    loop->addresses = map_create();
    loop->gzip = gzip_create(LIMIT_GZIP_KEPT_BYTES);
    loop->metrics = metrics_create(router_size(loop->net->router));
    loop->bind.router = loop->net->router;
    loop->bind.tokens = token_cache_create(config->token_keys, config->token_key_count);
    loop->bind.hosts = config->hosts;
    loop->heads = heads_create();
    loop->bind.proxies = config->proxies;
    inbox_init(&loop->inbox, SIZE_MAX, wake, loop); /* bounded by what the loop has given to the core */

    int fault = uv_random(NULL, NULL, &loop->bind.id_prefix, sizeof loop->bind.id_prefix, 0, NULL);
    if (fault) return complain(problem, "draw", "random bytes", fault);
    CHECK(uv_timer_init(loop->uv, &loop->timer) == 0);
    CHECK(uv_check_init(loop->uv, &loop->check) == 0);
    loop->timer.data = loop->check.data = loop->async.data = loop->streams_async.data = loop;
    loop->handles = 3;
    fault = uv_async_init(loop->uv, &loop->streams_async, streaming_on_ready);
    if (fault) return complain(problem, "make", "an event", fault);
    if (!loop->on_core) {
        fault = uv_async_init(loop->uv, &loop->async, on_async);
        if (fault) return complain(problem, "make", "an event", fault);
    }
    uv_check_start(&loop->check, on_check);
    loop_clock(loop);
    return true;
}

void loop_free(struct net_loop *loop)
{
    for (struct inbox_item *item = inbox_take(&loop->inbox), *next; item; item = next) {
        next = item->next;
        arena_destroy(((struct exchange *)(void *)((char *)item - offsetof(struct exchange, item)))->request.arena);
    }
    inbox_destroy(&loop->inbox);
    while (loop->pooled)
        arena_destroy(loop->pool[--loop->pooled]);
    for (struct connection *connection; (connection = loop->dirty_first);) { /* all are gone */
        loop->dirty_first = connection->dirty_next;
        free(connection);
    }
    heads_destroy(loop->heads);
    token_cache_destroy(loop->bind.tokens);
    map_destroy(loop->addresses);
    buffer_free(&loop->out);
    buffer_free(&loop->sealed);
    buffer_free(&loop->taken);
    gzip_destroy(loop->gzip);
    buffer_free(&loop->lines);
    if (loop->spare_file >= 0) close(loop->spare_file);
    free(loop->plain_buffer);
    free(loop->read_buffer);
    free(loop->metrics);
}
