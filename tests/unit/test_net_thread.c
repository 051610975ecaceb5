/* The net against a core of the test's own, which answers when and in whatever order it likes; over real sockets, with the
   sockets on the core's loop and on two threads. */
#include "net/net.h"
#include "net_sample.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { REQUESTS_MOST = 4096, PATIENCE_MS = 60000 };

struct fixture {
    uv_loop_t loop;
    struct net *net;
    struct request *taken[REQUESTS_MOST]; /* not yet answered, in the order they came */
    uint32_t taken_count, given_back;
    bool full, stopped;
    int64_t loops;
};

/* ---- the core ---- */

static bool take(struct core *core, struct request *request)
{
    struct fixture *fixture = (struct fixture *)(void *)core;
    if (fixture->full) return false;
    assert_true(fixture->taken_count < REQUESTS_MOST);
    fixture->taken[fixture->taken_count++] = request;
    return true;
}

struct held { /* what the text of an answer lies in */
    struct fixture *fixture;
    char text[];
};

static void give_back(void *data)
{
    struct held *held = data;
    held->fixture->given_back++;
    free(held);
}

static void core_has_work(void *context)
{
    (void)context;
}

/* Answers with the path's {id} as body, in a block of the core's own when `held`. */
static void give_answer(struct fixture *fixture, uint32_t index, bool held)
{
    struct request *request = fixture->taken[index];
    struct text id = request->path_count ? request->path[0].value : LITERAL("list");
    memmove(&fixture->taken[index], &fixture->taken[index + 1], (fixture->taken_count - index - 1) * sizeof(void *));
    fixture->taken_count--;
    request->reply =
        (struct reply){.status = 200, .content_type = "text/plain", .body = arena_text(request->arena, id)};
    if (held) {
        struct held *block = malloc(sizeof *block + id.length + 1);
        block->fixture = fixture;
        memcpy(block->text, id.data, id.length);
        request->reply.held = block;
        request->reply.release = give_back;
        request->reply.body = (struct text){block->text, id.length};
    }
    request->answered(request);
}

static void give_all_answers(struct fixture *fixture, bool held)
{
    while (fixture->taken_count)
        give_answer(fixture, 0, held);
    net_after_turn(fixture->net);
}

/* ---- the loop ---- */

static int64_t now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

static void turn(struct fixture *fixture)
{
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    net_after_turn(fixture->net);
    poll(NULL, 0, 1);
}

static void wait_for_requests(struct fixture *fixture, uint32_t count)
{
    for (int64_t end = now_ms() + PATIENCE_MS; fixture->taken_count < count && now_ms() < end;)
        turn(fixture);
    assert_int_equal(fixture->taken_count, count);
}

static void on_stopped(void *context)
{
    struct fixture *fixture = context;
    fixture->stopped = true;
}

static void start_with(struct fixture *fixture, int64_t loops, const char *setting, int64_t value)
{
    static const char *const origins[] = {"https://shop.example", NULL};
    struct net_config config = {.address = "127.0.0.1", .origins = origins, .core_has_work = core_has_work};
    char problem[256];
    memset(fixture, 0, sizeof *fixture);
    fixture->loops = loops;
    uv_loop_init(&fixture->loop);
    net_defaults(&config);
    config.take = take;
    config.registry = &sample_registry;
    assert_true(net_set(&config, "net.loops", loops));
    if (setting) assert_true(net_set(&config, setting, value));
    fixture->net = net_create(&config, &fixture->loop, (struct core *)(void *)fixture, problem);
    assert_non_null(fixture->net);
}

static void wait_for_stop(struct fixture *fixture)
{
    for (int64_t end = now_ms() + PATIENCE_MS; !fixture->stopped && now_ms() < end;)
        turn(fixture);
    assert_true(fixture->stopped);
}

static void finish(struct fixture *fixture)
{
    if (!fixture->stopped) {
        net_stop(fixture->net, on_stopped, fixture);
        wait_for_stop(fixture);
    }
    net_destroy(fixture->net);
    uv_run(&fixture->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
}

/* ---- clients ---- */

static int connect_to(struct fixture *fixture)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)net_port(fixture->net)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, sizeof address), 0);
    fcntl(client, F_SETFL, O_NONBLOCK);
    return client;
}

static void say(int client, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(int client, const char *format, ...)
{
    char data[8192];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(data, sizeof data, format, arguments);
    va_end(arguments);
    assert_int_equal(send(client, data, (size_t)length, MSG_NOSIGNAL), length);
}

static void ask(int client, const char *id)
{
    say(client, "GET /api/v1/notes/%s HTTP/1.1\r\nHost: localhost\r\n\r\n", id);
}

struct received {
    char data[65536];
    size_t length;
    bool ended;
};

/* Receives until `enough` occurs so many times, or the end. */
static void receive(struct fixture *fixture, int client, struct received *received, const char *enough, int times)
{
    for (int64_t end = now_ms() + PATIENCE_MS; now_ms() < end;) {
        ssize_t count =
            recv(client, received->data + received->length, sizeof received->data - 1 - received->length, 0);
        if (count > 0) received->length += (size_t)count;
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) received->ended = true;
        received->data[received->length] = 0;
        int seen = 0;
        for (const char *at = received->data; enough && (at = strstr(at, enough)); at++)
            seen++;
        if (received->ended || (enough && seen >= times)) return;
        turn(fixture);
    }
    fail_msg("waited for %s, received %s", enough ? enough : "the end", received->data);
}

/* ---- cases; each for sockets on the core's loop and on threads ---- */

static int64_t loops_of(void **state)
{
    return (int64_t)(intptr_t)*state;
}

static void answers_leave_in_the_order_of_requests(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    ask(client, "one");
    ask(client, "two");
    ask(client, "three");
    wait_for_requests(&fixture, 3);
    give_answer(&fixture, 2, false);
    net_after_turn(fixture.net);
    for (int i = 0; i < 20; i++)
        turn(&fixture);
    assert_int_equal(recv(client, received.data, 1, 0), -1); /* nothing may pass the first answer */
    give_answer(&fixture, 1, true);
    give_answer(&fixture, 0, false);
    net_after_turn(fixture.net);
    receive(&fixture, client, &received, "HTTP/1.1 200 OK", 3);
    while (!strstr(received.data, "three"))
        receive(&fixture, client, &received, "three", 1);
    const char *one = strstr(received.data, "\r\n\r\none"), *two = strstr(received.data, "\r\n\r\ntwo"),
               *three = strstr(received.data, "\r\n\r\nthree");
    assert_true(one && two && three && one < two && two < three);
    close(client);
    finish(&fixture);
    assert_int_equal(fixture.given_back, 1);
}

static void client_is_gone_before_the_answer(void **state)
{
    static struct fixture fixture;
    start_with(&fixture, loops_of(state), NULL, 0);
    for (int round = 0; round < 10; round++) {
        int client = connect_to(&fixture);
        ask(client, "a");
        ask(client, "b");
        wait_for_requests(&fixture, 2);
        struct linger reset = {.l_onoff = 1};
        setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(client);
        for (int i = 0; i < 5; i++)
            turn(&fixture);
        give_all_answers(&fixture, round % 2);
        for (int i = 0; i < 5; i++)
            turn(&fixture);
    }
    finish(&fixture);
    assert_int_equal(fixture.given_back, 10);
}

static void client_closes_its_half(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    ask(client, "a");
    say(client, "GET /api/v1/not");
    wait_for_requests(&fixture, 1);
    shutdown(client, SHUT_WR);
    for (int i = 0; i < 10; i++)
        turn(&fixture);
    give_all_answers(&fixture, false);
    receive(&fixture, client, &received, NULL, 0);
    assert_non_null(strstr(received.data, "\r\n\r\na"));
    assert_null(strstr(received.data, "HTTP/1.1 408"));
    close(client);
    finish(&fixture);
}

static void full_queue_is_an_answer(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    fixture.full = true;
    ask(client, "a");
    receive(&fixture, client, &received, "overloaded", 1);
    assert_non_null(strstr(received.data, "HTTP/1.1 503 "));
    assert_non_null(strstr(received.data, "Retry-After: 1\r\n"));
    assert_null(strstr(received.data, "Connection: close"));
    fixture.full = false;
    ask(client, "b");
    wait_for_requests(&fixture, 1);
    give_all_answers(&fixture, true);
    receive(&fixture, client, &received, "\r\n\r\nb", 1);
    close(client);
    finish(&fixture);
    assert_int_equal(fixture.given_back, 1);
}

/* More than may be in flight is read only as answers leave. */
static void pipeline_is_bounded(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    enum { COUNT = 3 * LIMIT_PIPELINE + 5 };
    char id[32];
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "n%03d", i);
        ask(client, id);
    }
    int answered = 0;
    while (answered < COUNT) {
        uint32_t expected = COUNT - answered < LIMIT_PIPELINE ? (uint32_t)(COUNT - answered) : LIMIT_PIPELINE;
        wait_for_requests(&fixture, expected);
        for (int i = 0; i < 10; i++)
            turn(&fixture);
        assert_int_equal(fixture.taken_count, expected);
        answered += (int)fixture.taken_count;
        give_all_answers(&fixture, true);
    }
    receive(&fixture, client, &received, "HTTP/1.1 200 OK", COUNT);
    const char *at = received.data;
    for (int i = 0; i < COUNT - 1; i++) {
        snprintf(id, sizeof id, "\r\n\r\nn%03d", i);
        at = strstr(at, id);
        assert_non_null(at);
    }
    close(client);
    finish(&fixture);
    assert_int_equal(fixture.given_back, COUNT);
}

static void many_connections(void **state)
{
    static struct fixture fixture;
    enum { CLIENTS = 50, ROUNDS = 20 };
    int clients[CLIENTS];
    char id[32];
    start_with(&fixture, loops_of(state), NULL, 0);
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(&fixture);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(id, sizeof id, "r%dc%d.", round, i);
            ask(clients[i], id);
        }
        wait_for_requests(&fixture, CLIENTS);
        while (fixture.taken_count)
            give_answer(&fixture, fixture.taken_count / 2, round % 2);
        net_after_turn(fixture.net);
        for (int i = 0; i < CLIENTS; i++) {
            static struct received received;
            memset(&received, 0, sizeof received);
            snprintf(id, sizeof id, "\r\n\r\nr%dc%d.", round, i);
            receive(&fixture, clients[i], &received, id, 1);
            assert_false(received.ended);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        close(clients[i]);
    finish(&fixture);
    assert_int_equal(fixture.given_back, CLIENTS * ROUNDS / 2);
}

static void stop_waits_for_answers(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture), idle = connect_to(&fixture);
    ask(client, "last");
    wait_for_requests(&fixture, 1);
    net_stop(fixture.net, on_stopped, &fixture);
    for (int i = 0; i < 50; i++)
        turn(&fixture);
    assert_false(fixture.stopped);
    give_all_answers(&fixture, true);
    receive(&fixture, client, &received, "\r\n\r\nlast", 1);
    assert_non_null(strstr(received.data, "Connection: close\r\n"));
    close(client);
    wait_for_stop(&fixture);
    close(idle);
    finish(&fixture);
    assert_int_equal(fixture.given_back, 1);
}

static void stop_does_not_wait_for_ever(void **state)
{
    static struct fixture fixture;
    start_with(&fixture, loops_of(state), "net.stop_timeout", 200);
    int client = connect_to(&fixture);
    ask(client, "never");
    wait_for_requests(&fixture, 1);
    int64_t began = now_ms();
    net_stop(fixture.net, on_stopped, &fixture);
    wait_for_stop(&fixture);
    assert_true(now_ms() - began >= 150);
    /* a core that ends answers what it still has: nobody is there to hear it */
    give_answer(&fixture, 0, false);
    close(client);
    finish(&fixture);
}

static void rendered(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    say(client,
        "HEAD /api/v1/notes/x HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: rq\r\nOrigin: https://shop.example\r\n\r\n");
    wait_for_requests(&fixture, 1);
    struct request *request = fixture.taken[0];
    fixture.taken_count = 0;
    assert_true(request->head_only);
    assert_true(text_is(request->address, "127.0.0.1"));
    request->reply = (struct reply){
        .status = 201,
        .content_type = "application/json",
        .body = LITERAL("{}"),
        .location = LITERAL("/api/v1/notes/x"),
        .etag = LITERAL("\"7.42\""),
        .retry_after_s = 3,
        .log_position = 99,
        .replayed = true,
        .no_store = true,
        .rate_limit = 100,
        .rate_remaining = 50,
        .rate_reset_s = 30,
    };
    request->answered(request);
    net_after_turn(fixture.net);
    receive(&fixture, client, &received, "\r\n\r\n", 1);
    char *date = strstr(received.data, "Date: ");
    assert_non_null(date);
    assert_string_equal(
        strstr(date, " GMT\r\n"),
        " GMT\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nContent-Length: 2\r\nETag: \"7.42\"\r\n"
        "Location: /api/v1/notes/x\r\nCache-Control: no-store\r\nX-Log-Position: 99\r\nRetry-After: 3\r\nIdempotency-Replayed: true\r\n"
        "RateLimit-Policy: \"default\";q=100;w=60\r\nRateLimit: \"default\";r=50;t=30\r\nVary: Origin\r\n"
        "Access-Control-Allow-Origin: https://shop.example\r\n"
        "Access-Control-Expose-Headers: ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Log-Position, X-Request-Id\r\n"
        "X-Request-Id: rq\r\n\r\n");
    *date = 0;
    assert_string_equal(received.data, "HTTP/1.1 201 Created\r\n");

    /* no body with 304; a header that is not printable is left out */
    memset(&received, 0, sizeof received);
    ask(client, "y");
    wait_for_requests(&fixture, 1);
    request = fixture.taken[0];
    fixture.taken_count = 0;
    request->reply = (struct reply){.status = 304, .etag = LITERAL("\"7\""), .location = LITERAL("/a\r\nX: y")};
    request->answered(request);
    net_after_turn(fixture.net);
    receive(&fixture, client, &received, "\r\n\r\n", 1);
    assert_non_null(strstr(received.data, "HTTP/1.1 304 Not Modified\r\n"));
    assert_non_null(strstr(received.data, "ETag: \"7\"\r\n"));
    assert_null(strstr(received.data, "Content-Length"));
    assert_null(strstr(received.data, "X: y"));
    close(client);
    finish(&fixture);
}

static void figures(void **state)
{
    static struct fixture fixture;
    static struct received received;
    memset(&received, 0, sizeof received);
    start_with(&fixture, loops_of(state), NULL, 0);
    int client = connect_to(&fixture);
    ask(client, "a");
    wait_for_requests(&fixture, 1);
    give_all_answers(&fixture, false);
    receive(&fixture, client, &received, "\r\n\r\na", 1);
    say(client, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n");
    receive(&fixture, client, &received, "not_found", 1);
    struct buffer out = {0};
    net_metrics(fixture.net, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "souk_connections 1\n"));
    assert_non_null(
        strstr(out.data, "souk_http_requests_total{method=\"GET\",route=\"/notes/{id}\",status=\"200\"} 1\n"));
    assert_non_null(strstr(out.data, "souk_http_requests_total{method=\"\",route=\"none\",status=\"404\"} 1\n"));
    assert_non_null(strstr(out.data, "souk_http_request_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
    buffer_free(&out);
    close(client);
    finish(&fixture);
}

static void settings(void **state)
{
    (void)state;
    struct net_config config = {0};
    net_defaults(&config);
    assert_int_equal(config.idle_timeout, 60000);
    assert_true(net_set(&config, "net.idle_timeout", 5));
    assert_int_equal(config.idle_timeout, 5);
    assert_false(net_set(&config, "net.idle_timeout", 0));
    assert_false(net_set(&config, "net.loops", 65));
    assert_false(net_set(&config, "net.nothing", 1));
    assert_int_equal(config.idle_timeout, 5);
}

#define BOTH(test)                                    \
    {#test, test, NULL, NULL, (void *)0},             \
    {                                                 \
#test "_threads", test, NULL, NULL, (void *)2 \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(answers_leave_in_the_order_of_requests),
        BOTH(client_is_gone_before_the_answer),
        BOTH(client_closes_its_half),
        BOTH(full_queue_is_an_answer),
        BOTH(pipeline_is_bounded),
        BOTH(many_connections),
        BOTH(stop_waits_for_answers),
        BOTH(stop_does_not_wait_for_ever),
        BOTH(rendered),
        BOTH(figures),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
