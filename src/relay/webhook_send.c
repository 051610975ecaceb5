/* The sender: one thread that has all connections (libcurl's multi interface). It takes what is due from the windows, sends it, and tells
   them what became of it. */
#include "base/check.h"
#include "base/url.h"
#include "base/webhook_signature.h"
#include "relay/webhook_internal.h"
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    STARTS_AT_ONCE = 32,
    WAIT_MS = 60 * 1000,
    STOP_MS = 1000, /* that what is being sent may take when the process ends */
    ANSWER_BYTES = 64 * 1024,
};

struct transfer {
    struct transfer *next, **to_me; /* of those under way */
    struct sender *sender;
    struct delivery *delivery;
    struct arena *arena;
    CURL *easy;
    struct curl_slist *headers;
    size_t received;
    bool tls, refused; /* refused: its name led to an address that is not called */
    int64_t started_at;
};
struct sender {
    struct webhooks *webhooks;
    CURLM *multi;
    struct transfer *transfers;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---- what libcurl asks ---- */

/* The very address that is about to be connected to, after every name was resolved. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *transfer = context;
    struct address address;
    const struct sockaddr *socket_address = (const struct sockaddr *)(const void *)&to->addr;
    bool known = purpose == CURLSOCKTYPE_IPCXN;
    if (to->family == AF_INET)
        address = address_of_v4((const uint8_t *)&((const struct sockaddr_in *)(const void *)socket_address)->sin_addr);
    else if (to->family == AF_INET6)
        memcpy(address.bytes, &((const struct sockaddr_in6 *)(const void *)socket_address)->sin6_addr, 16);
    else
        known = false;
    if (!known || !url_may_connect(transfer->tls, &address, transfer->sender->webhooks->config.loopback)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* What an answer says beyond its status is of no interest; more of it than a bound is not even read. */
static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    (void)data;
    transfer->received += size * count;
    return transfer->received > ANSWER_BYTES ? 0 : size * count;
}

/* ---- sending ---- */

static void add_header(struct transfer *transfer, const char *name, struct text value)
{
    struct text line = arena_format(transfer->arena, "%s: %.*s", name, TEXT_ARGUMENTS(value));
    struct curl_slist *longer = curl_slist_append(transfer->headers, line.data);
    CHECK(longer);
    transfer->headers = longer;
}

/* While something is being sent the request in force stays, so its texts may be read without the mutex. */
static void add_headers(struct transfer *transfer)
{
    const struct delivery *delivery = transfer->delivery;
    const struct endpoint_request *asked = delivery->endpoint->request.asked;
    struct arena *arena = transfer->arena;
    int64_t now = wall_ms(), now_s = now / 1000;
    struct text id = arena_format(arena, "evt_%.*s", TEXT_ARGUMENTS(delivery->id));
    for (uint32_t i = 0; i < id.length; i++)
        if (id.data[i] == '.') ((char *)(uintptr_t)id.data)[i] = '_'; /* full stops divide what is signed */
    struct text signatures = webhook_signature(arena, asked->secret, id, now_s, delivery->body);
    if (asked->secret_before.data && now < asked->secret_before_until) {
        struct text before = webhook_signature(arena, asked->secret_before, id, now_s, delivery->body);
        signatures = arena_format(arena, "%.*s %.*s", TEXT_ARGUMENTS(signatures), TEXT_ARGUMENTS(before));
    }
    add_header(transfer, "content-type", LITERAL("application/json"));
    add_header(transfer, "webhook-id", id);
    add_header(transfer, "webhook-timestamp", arena_format(arena, "%lld", (long long)now_s));
    add_header(transfer, "webhook-signature", signatures);
    struct curl_slist *longer = curl_slist_append(transfer->headers, "Expect:"); /* not asked for, not waited for */
    CHECK(longer);
    transfer->headers = longer;
}

#define SET(option, value) CHECK(curl_easy_setopt(easy, (option), (value)) == CURLE_OK)

static void set_options(struct transfer *transfer, const char *url)
{
    const struct webhooks_config *config = &transfer->sender->webhooks->config;
    const struct delivery *delivery = transfer->delivery;
    CURL *easy = transfer->easy;
    SET(CURLOPT_PRIVATE, (char *)transfer);
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, transfer->tls ? "https" : "http");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, ""); /* whatever the environment says */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDS, delivery->body.data);
    SET(CURLOPT_POSTFIELDSIZE, (long)delivery->body.length);
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    SET(CURLOPT_USERAGENT, config->user_agent);
    if (config->authorities) SET(CURLOPT_CAINFO, config->authorities);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)config->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)config->total_ms);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* the end does not wait for a name that nobody resolves */
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, take_answer);
    SET(CURLOPT_WRITEDATA, transfer);
}

static void start(struct sender *sender, struct delivery *delivery)
{
    struct arena *arena = arena_create();
    struct transfer *transfer = ARENA_NEW(arena, struct transfer);
    struct url url;
    struct text address = delivery->endpoint->request.asked->url;
    url_parse(address, &url); /* it was checked when it was taken, and its connection will be */
    *transfer = (struct transfer){.sender = sender, .delivery = delivery, .arena = arena, .tls = url.tls};
    transfer->easy = curl_easy_init();
    CHECK(transfer->easy);
    add_headers(transfer);
    set_options(transfer, arena_text(arena, address).data);
    transfer->started_at = monotonic_ms();
    transfer->next = sender->transfers;
    transfer->to_me = &sender->transfers;
    if (transfer->next) transfer->next->to_me = &transfer->next;
    sender->transfers = transfer;
    CHECK(curl_multi_add_handle(sender->multi, transfer->easy) == CURLM_OK);
}

static void transfer_end(struct transfer *transfer)
{
    curl_multi_remove_handle(transfer->sender->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    *transfer->to_me = transfer->next;
    if (transfer->next) transfer->next->to_me = transfer->to_me;
    arena_destroy(transfer->arena);
}

/* ---- what became of it ---- */

/* An answer that was cut off by its bound has a status all the same. */
static void finish(struct transfer *transfer, CURLcode result)
{
    struct webhooks *webhooks = transfer->sender->webhooks;
    char text[PROBLEM_SIZE] = "";
    const char *problem = NULL;
    long status = 0;
    bool answered = result == CURLE_OK || transfer->received > ANSWER_BYTES;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!answered) status = 0;
    if (transfer->refused && !answered)
        problem = "the address leads to a network that is not called";
    else if (!answered)
        problem = curl_easy_strerror(result);
    else if (status >= 300 && status < 400)
        snprintf(text, sizeof text, "answered %ld: redirects are not followed", status);
    else if (status < 200 || status >= 300)
        snprintf(text, sizeof text, "answered %ld", status);
    if (*text) problem = text;
    pthread_mutex_lock(&webhooks->mutex);
    window_settle(webhooks, transfer->delivery, status, monotonic_ms() - transfer->started_at, problem);
    pthread_mutex_unlock(&webhooks->mutex);
    transfer_end(transfer);
}

static bool finish_all(struct sender *sender)
{
    CURLMsg *message;
    int left;
    bool any = false;
    while ((message = curl_multi_info_read(sender->multi, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        struct transfer *transfer;
        CURLcode result = message->data.result;
        CHECK(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer) == CURLE_OK);
        finish(transfer, result);
        any = true;
    }
    return any;
}

/* ---- the thread ---- */

static int64_t start_due(struct sender *sender)
{
    struct webhooks *webhooks = sender->webhooks;
    struct delivery *taken[STARTS_AT_ONCE];
    int64_t wait_ms = WAIT_MS;
    pthread_mutex_lock(&webhooks->mutex);
    uint32_t count = window_take(webhooks, wall_ms(), taken, STARTS_AT_ONCE, &wait_ms);
    pthread_mutex_unlock(&webhooks->mutex);
    for (uint32_t i = 0; i < count; i++)
        start(sender, taken[i]);
    return count == STARTS_AT_ONCE ? 0 : wait_ms;
}

void *sender_run(void *context)
{
    struct webhooks *webhooks = context;
    struct sender *sender = webhooks->sender;
    int64_t end = 0;
    for (;;) {
        bool stopping = atomic_load(&webhooks->stopping);
        int64_t now = monotonic_ms(), wait_ms = 0;
        int running;
        if (stopping && !end) end = now + STOP_MS;
        if (stopping && (!sender->transfers || now >= end)) break;
        wait_ms = stopping ? end - now : start_due(sender);
        curl_multi_perform(sender->multi, &running);
        if (finish_all(sender)) continue; /* what waited for it may be due */
        curl_multi_poll(sender->multi, NULL, 0, (int)wait_ms, NULL);
    }
    while (sender->transfers) {
        pthread_mutex_lock(&webhooks->mutex);
        window_put_back(webhooks, sender->transfers->delivery);
        pthread_mutex_unlock(&webhooks->mutex);
        transfer_end(sender->transfers);
    }
    return NULL;
}

/* ---- its life ---- */

struct sender *sender_create(struct webhooks *webhooks)
{
    struct sender *sender = memory_alloc(sizeof *sender);
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    sender->webhooks = webhooks;
    sender->multi = curl_multi_init();
    CHECK(sender->multi);
    return sender;
}

void sender_wake(struct sender *sender)
{
    curl_multi_wakeup(sender->multi);
}

void sender_destroy(struct sender *sender)
{
    curl_multi_cleanup(sender->multi);
    curl_global_cleanup();
    free(sender);
}
