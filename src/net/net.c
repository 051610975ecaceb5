/* The net as a whole: settings, start and stop, and the hand-over between loops and core. */
#include "net/net.h"
#include "base/check.h"
#include "base/log.h"
#include "net/loop.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* ---- settings ---- */

/* clang-format off */
#define ROW(member, name, value, min, max, doc) {name, offsetof(struct net_config, member), value, min, max, doc}
const struct net_setting net_settings[] = {
    /*  member                   name                           default      least  most            doc */
    ROW(loops,                   "net.loops",                   0,           0, NET_LOOPS_MOST,     "threads that serve sockets; 0: the core's own, best on one or two CPUs"),
    ROW(connections,             "net.connections",             10000,       1, 1000000,            "connections at most; more are answered 503"),
    ROW(connections_per_address, "net.connections_per_address", 1024,        0, 1000000,            "connections of one address on one loop; more are answered 429; 0: no limit"),
    ROW(compress_least,          "net.compress_least",          1024,        0, 1 << 20,            "bytes of an answer that is compressed for who asks for it, at least; 0: none is"),
    ROW(streams_most,            "net.streams",                 128,         0, 10000,               "streams of events at once; more are answered 503"),
    ROW(streams_of_one,          "net.streams_of_one",          32,          0, 10000,               "streams of one asker at once; more are answered 429; 0: no limit"),
    ROW(heartbeat,               "net.heartbeat",               SECONDS(15), 10, HOURS(1),           "ms of silence after which a stream gives a sign of life"),
    ROW(handshake_timeout,       "net.handshake_timeout",       SECONDS(10), 1, HOURS(1),           "ms a TLS handshake may take in all"),
    ROW(head_timeout,            "net.head_timeout",            SECONDS(10), 1, HOURS(1),           "ms a request's head may take in all"),
    ROW(body_timeout,            "net.body_timeout",            SECONDS(30), 1, HOURS(1),           "ms a request's body may take in all"),
    ROW(body_grace,              "net.body_grace",              SECONDS(5),  0, HOURS(1),           "ms before a body has to come at net.body_rate"),
    ROW(body_rate,               "net.body_rate",               1024,        0, 1 << 30,            "bytes of body a second at least"),
    ROW(idle_timeout,            "net.idle_timeout",            SECONDS(60), 1, HOURS(24),          "ms a connection may be idle"),
    ROW(write_timeout,           "net.write_timeout",           SECONDS(10), 1, HOURS(1),           "ms a client may take no byte of its answer"),
    ROW(linger_timeout,          "net.linger_timeout",          SECONDS(1),  1, MINUTES(1),         "ms to wait for a client to close after its last answer"),
    ROW(stop_timeout,            "net.stop_timeout",            SECONDS(10), 0, HOURS(1),           "ms that requests under way have to finish when the server stops"),
    {0},
};
/* clang-format on */

void net_defaults(struct net_config *config)
{
    for (const struct net_setting *setting = net_settings; setting->name; setting++)
        *(int64_t *)(void *)((char *)config + setting->offset) = setting->value;
    config->take = core_request;
}

bool net_set(struct net_config *config, const char *name, int64_t value)
{
    for (const struct net_setting *setting = net_settings; setting->name; setting++) {
        if (strcmp(setting->name, name) != 0) continue;
        if (value < setting->min || value > setting->max) return false;
        *(int64_t *)(void *)((char *)config + setting->offset) = value;
        return true;
    }
    return false;
}

/* ---- to the core and back ---- */

static struct exchange *exchange_of(struct inbox_item *item)
{
    return (struct exchange *)(void *)((char *)item - offsetof(struct exchange, item));
}

/* On the core's thread. Noted only: net_after_turn passes it on. */
static void note_answer(struct net *net, struct exchange *exchange)
{
    exchange->item.next = NULL;
    *net->answered_last = &exchange->item;
    net->answered_last = &exchange->item.next;
}

static void on_answered(struct request *request)
{
    struct exchange *exchange = request->owner;
    note_answer(exchange->loop->net, exchange);
}

bool net_enqueue(struct exchange *exchange)
{
    struct net *net = exchange->loop->net;
    exchange->request.answered = on_answered;
    if (!exchange->loop->on_core) return inbox_push(&net->requests, &exchange->item);
    if (!net->config.take(net->core, &exchange->request)) return false;
    net->config.core_has_work(net->config.context);
    return true;
}

void net_give_back(struct exchange *exchange)
{
    CHECK(inbox_push(&exchange->loop->net->given_back, &exchange->item));
}

void net_after_turn(struct net *net)
{
    while (net->answered) {
        struct exchange *exchange = exchange_of(net->answered);
        struct net_loop *loop = exchange->loop;
        net->answered = exchange->item.next;
        if (!net->answered) net->answered_last = &net->answered;
        if (loop->on_core) {
            exchange_done(exchange);
            continue;
        }
        if (!loop->ended) {
            inbox_push(&loop->inbox, &exchange->item);
            continue;
        }
        reply_release(&exchange->request.reply);
        arena_destroy(exchange->request.arena);
    }
    loop_flush(&net->loops[0]);
}

/* Requests of the other loops, and replies that they are done with. */
static void take_from_loops(struct net *net)
{
    struct inbox_item *next;
    for (struct inbox_item *item = inbox_take(&net->requests); item; item = next) {
        struct exchange *exchange = exchange_of(item);
        next = item->next;
        if (net->config.take(net->core, &exchange->request)) continue;
        reply_refuse(&exchange->request, ERROR_OVERLOADED, NULL, NULL);
        note_answer(net, exchange);
    }
    for (struct inbox_item *item = inbox_take(&net->given_back); item; item = next) {
        struct exchange *exchange = exchange_of(item);
        next = item->next;
        reply_release(&exchange->request.reply);
        arena_destroy(exchange->request.arena);
    }
}

static void on_net_closed(uv_handle_t *handle)
{
    struct net *net = handle->data;
    net->stopped(net->stopped_context);
}

/* When all loops have ended, what they left in the inboxes is taken a last time. */
static void loop_is_down(struct net *net)
{
    if (--net->running) return;
    take_from_loops(net);
    if (net->has_async)
        uv_close((uv_handle_t *)&net->async, on_net_closed);
    else
        net->stopped(net->stopped_context);
}

static void on_async(uv_async_t *async)
{
    struct net *net = async->data;
    take_from_loops(net);
    net->config.core_has_work(net->config.context);
    net_after_turn(net);
    for (uint32_t i = 1; i < net->loop_count; i++) {
        struct net_loop *loop = &net->loops[i];
        if (loop->ended || !atomic_load(&loop->drained)) continue;
        loop->ended = true; /* from here on nothing is passed to it, so it may close its inbox */
        atomic_store(&loop->may_close, true);
        uv_async_send(&loop->async);
        uv_thread_join(&loop->thread);
        loop_is_down(net);
    }
}

static void wake(void *context)
{
    struct net *net = context;
    uv_async_send(&net->async);
}

void net_loop_ended(struct net_loop *loop)
{
    if (loop->on_core) {
        loop->ended = true;
        loop_is_down(loop->net);
    } else {
        atomic_store(&loop->drained, true);
        wake(loop->net);
    }
}

static void run_loop(void *context)
{
    struct net_loop *loop = context;
    uv_run(loop->uv, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(loop->uv) == 0);
}

/* ---- start ---- */

/* Raises the limit of open files as far as it may go. The store takes half of a small one, and some are for the rest. */
static int64_t connections_possible(int64_t wanted)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
    }
    if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur > 4000000) return wanted;
    int64_t half = (int64_t)files.rlim_cur / 2, reserve = half / 4 < 64 ? half / 4 : 64;
    return wanted < half - reserve ? wanted : half - reserve;
}

static bool start_thread(struct net_loop *loop, char problem[256])
{
    sigset_t all, before;
    sigfillset(&all); /* signals are for the core's thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loop->has_thread = uv_thread_create(&loop->thread, run_loop, loop) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!loop->has_thread) snprintf(problem, 256, "cannot start a thread for sockets");
    return loop->has_thread;
}

static bool note_port(const uv_tcp_t *listener, int *noted)
{
    struct sockaddr_storage address;
    int size = sizeof address;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&address, &size) != 0) return false;
    in_port_t port = address.ss_family == AF_INET ? ((struct sockaddr_in *)(void *)&address)->sin_port
                                                  : ((struct sockaddr_in6 *)(void *)&address)->sin6_port;
    *noted = ntohs(port);
    return true;
}

/* The first loop's listeners take the ports that the kernel picks, those of the others the same. */
static bool listen_all(struct net *net, struct net_loop *loop, char problem[256])
{
    const struct net_config *config = &net->config;
    if (config->address && (!loop_listen(loop, problem) || !note_port(&loop->listener, &net->port))) return false;
    return !config->tls_address || (loop_listen_tls(loop, problem) && note_port(&loop->tls_listener, &net->tls_port));
}

static bool open_all(struct net *net, char problem[256])
{
    int64_t connections = connections_possible(net->config.connections);
    uint32_t serving = net->config.loops ? (uint32_t)net->config.loops : 1;
    for (uint32_t i = 0; i < net->loop_count; i++) {
        struct net_loop *loop = &net->loops[i];
        loop->net = net;
        loop->on_core = i == 0;
        loop->connections_most = connections / serving > 0 ? connections / serving : 1;
        loop->uv = net->core_loop;
        if (i && uv_loop_init(&loop->own) != 0) {
            snprintf(problem, 256, "cannot make an event loop");
            return false;
        }
        if (i) loop->uv = &loop->own;
        if (!loop_open(loop, problem)) return false;
        bool serves_tcp = (i > 0) == (net->config.loops > 0);
        if (serves_tcp && !listen_all(net, loop, problem)) return false;
        if (!i && net->config.control_path && !loop_listen_control(loop, problem)) return false;
    }
    return true;
}

struct net *net_create(const struct net_config *config, uv_loop_t *core_loop, struct core *core, char problem[256])
{
    struct net *net = memory_alloc(sizeof *net);
    problem[0] = 0;
    net->config = *config;
    net->core = core;
    net->core_loop = core_loop;
    net->port = config->port;
    net->tls_port = config->tls_port;
    net->answered_last = &net->answered;
    net->router = router_create(config->registry ? config->registry : core_registry(core), problem);
    if (net->router && config->tls_address)
        net->tls = tls_server_create(config->tls_certificate, config->tls_key, problem);
    if (!net->router || (config->tls_address && !net->tls)) {
        if (net->router) router_destroy(net->router);
        free(net);
        return NULL;
    }
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is an error of the write */
    inbox_init(&net->requests, LIMIT_CORE_QUEUE, wake, net);
    inbox_init(&net->given_back, SIZE_MAX, wake, net);
    net->loop_count = 1 + (uint32_t)config->loops;
    net->loops = memory_alloc(net->loop_count * sizeof *net->loops);
    net->running = net->loop_count;
    if (config->loops) {
        CHECK(uv_async_init(core_loop, &net->async, on_async) == 0);
        net->async.data = net;
        net->has_async = true;
    }
    bool good = open_all(net, problem);
    for (uint32_t i = 1; good && i < net->loop_count; i++)
        good = start_thread(&net->loops[i], problem);
    if (!good) return NULL; /* the process ends: what was opened so far goes with it */
    log_line("net", LOG_INFO, "listening", "address=%s port=%d tls_address=%s tls_port=%d loops=%lld connections=%lld",
             config->address ? config->address : "-", net->port, config->tls_address ? config->tls_address : "-",
             net->tls_port, (long long)config->loops, (long long)connections_possible(net->config.connections));
    return net;
}

int net_port(const struct net *net)
{
    return net->port;
}

int net_tls_port(const struct net *net)
{
    return net->tls_port;
}

bool net_reload_tls(struct net *net, char problem[256])
{
    return !net->tls || tls_server_reload(net->tls, problem);
}

/* ---- stop ---- */

void net_stop(struct net *net, void (*stopped)(void *context), void *context)
{
    net->stopped = stopped;
    net->stopped_context = context;
    atomic_store(&net->stopping, true);
    for (uint32_t i = 1; i < net->loop_count; i++)
        uv_async_send(&net->loops[i].async);
    loop_stop(&net->loops[0]);
}

void net_destroy(struct net *net)
{
    if (!net) return;
    CHECK(net->running == 0);
    for (struct inbox_item *item = net->answered, *next; item; item = next) {
        next = item->next;
        arena_destroy(exchange_of(item)->request.arena);
    }
    for (uint32_t i = 0; i < net->loop_count; i++)
        loop_free(&net->loops[i]);
    inbox_destroy(&net->requests);
    inbox_destroy(&net->given_back);
    router_destroy(net->router);
    tls_server_destroy(net->tls);
    free(net->loops);
    free(net);
}

void net_metrics(struct net *net, struct buffer *out)
{
    struct metrics *all[NET_LOOPS_MOST + 1];
    for (uint32_t i = 0; i < net->loop_count; i++)
        all[i] = net->loops[i].metrics;
    metrics_render(out, all, net->loop_count, net->router);
    if (net->tls)
        metrics_gauge(out, "souk_tls_certificate_expires_seconds", "when the certificate expires, seconds since 1970",
                      tls_server_expires(net->tls));
}
