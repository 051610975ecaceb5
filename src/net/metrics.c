/* Counting and showing what the net does. */
#include "net/metrics.h"
#include <string.h>

/* The statuses that souk answers (API.md); the last is for any other. */
/* clang-format off */
static const uint16_t statuses[METRICS_STATUSES] = { 200, 201, 202, 204, 303, 304, 400, 401, 402, 403,
                                                     404, 405, 408, 409, 410, 412, 413, 414, 415, 417,
                                                     422, 428, 429, 431, 500, 501, 503, 505, 507, 0 };
/* clang-format on */

struct metrics *metrics_create(uint32_t routes)
{
    size_t requests = ((size_t)routes + 1) * METRICS_STATUSES;
    struct metrics *metrics = memory_alloc(sizeof *metrics + requests * sizeof metrics->requests[0]);
    metrics->routes = routes;
    return metrics;
}

void metrics_request(struct metrics *metrics, const struct endpoint *endpoint, uint16_t status, uint64_t microseconds)
{
    uint32_t route = endpoint ? endpoint->number : metrics->routes, index = 0, bucket = 0;
    while (index < METRICS_STATUSES - 1 && statuses[index] != status)
        index++;
    while (bucket < METRICS_BUCKETS - 1 && microseconds > UINT64_C(8) << bucket)
        bucket++;
    metrics_add(&metrics->requests[route * METRICS_STATUSES + index], 1);
    metrics_add(&metrics->seconds_buckets[bucket], 1);
    metrics_add(&metrics->microseconds_sum, microseconds);
}

static uint64_t sum(struct metrics *const *all, uint32_t count, size_t offset)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += atomic_load_explicit((figure *)(void *)((char *)all[i] + offset), memory_order_relaxed);
    return total;
}

/* clang-format off */
static const struct counter {
    const char *name;
    size_t offset;
    const char *help;
} counters[] = {
#define AT(member) offsetof(struct metrics, member)
    { "souk_connections_opened_total",  AT(connections_opened),  "connections accepted" },
    { "souk_connections_closed_total",  AT(connections_closed),  "connections closed" },
    { "souk_connections_refused_total", AT(connections_refused), "connections refused: too many, in all or of one address" },
    { "souk_http_compressed_total",     AT(compressed),          "answers sent as gzip" },
    { "souk_http_compressed_kept_total", AT(compressed_before),  "of these, those that had been compressed before" },
    { "souk_tls_handshakes_total",      AT(handshakes),          "TLS handshakes completed" },
    { "souk_tls_resumed_total",         AT(handshakes_resumed),  "TLS handshakes shortened by a session ticket" },
    { "souk_tls_failed_total",          AT(tls_failed),          "connections ended by a fault of TLS, or by a handshake that took too long" },
    { "souk_http_malformed_total",      AT(refused_malformed),   "requests refused for their form" },
    { "souk_http_slow_total",           AT(refused_slow),        "connections closed because the peer was too slow" },
    { "souk_http_overloaded_total",     AT(refused_overloaded),  "requests refused because a queue was full" },
    { "souk_http_bytes_received_total", AT(bytes_in),            "bytes read from connections" },
    { "souk_http_bytes_sent_total",     AT(bytes_out),           "bytes given to connections" },
};
/* clang-format on */

static void render_header(struct buffer *out, const char *name, const char *help, const char *type)
{
    buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_gauge(struct buffer *out, const char *name, const char *help, int64_t value)
{
    render_header(out, name, help, "gauge");
    buffer_format(out, "%s %lld\n", name, (long long)value);
}

static void render_requests(struct buffer *out, struct metrics *const *all, uint32_t count, const struct router *router)
{
    render_header(out, "souk_http_requests_total", "requests answered, by route and status", "counter");
    uint32_t routes = router_size(router);
    for (uint32_t route = 0; route <= routes; route++) {
        for (uint32_t status = 0; status < METRICS_STATUSES; status++) {
            uint64_t requests = sum(
                all, count, offsetof(struct metrics, requests) + (route * METRICS_STATUSES + status) * sizeof(figure));
            if (!requests) continue;
            const struct endpoint *endpoint = route < routes ? router_endpoint(router, route) : NULL;
            buffer_format(out, "souk_http_requests_total{method=\"%s\",route=\"%s\",status=\"%u\"} %llu\n",
                          endpoint ? http_method_names[endpoint->method] : "", endpoint ? endpoint->path : "none",
                          statuses[status], (unsigned long long)requests);
        }
    }
}

static void render_durations(struct buffer *out, struct metrics *const *all, uint32_t count)
{
    static const char name[] = "souk_http_request_duration_seconds";
    uint64_t total = 0;
    render_header(out, name, "from the last byte of a request to the sending of its answer", "histogram");
    for (uint32_t i = 0; i < METRICS_BUCKETS; i++) {
        total += sum(all, count, offsetof(struct metrics, seconds_buckets) + i * sizeof(figure));
        if (i < METRICS_BUCKETS - 1) {
            unsigned long long most = 8ull << i;
            buffer_format(out, "%s_bucket{le=\"%llu.%06llu\"} %llu\n", name, most / 1000000, most % 1000000,
                          (unsigned long long)total);
        } else {
            buffer_format(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)total);
        }
    }
    unsigned long long microseconds = sum(all, count, offsetof(struct metrics, microseconds_sum));
    buffer_format(out, "%s_sum %llu.%06llu\n%s_count %llu\n", name, microseconds / 1000000, microseconds % 1000000,
                  name, (unsigned long long)total);
}

void metrics_render(struct buffer *out, struct metrics *const *all, uint32_t count, const struct router *router)
{
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        render_header(out, counters[i].name, counters[i].help, "counter");
        buffer_format(out, "%s %llu\n", counters[i].name, (unsigned long long)sum(all, count, counters[i].offset));
    }
    uint64_t closed = sum(all, count, offsetof(struct metrics, connections_closed));
    uint64_t opened = sum(all, count, offsetof(struct metrics, connections_opened));
    metrics_gauge(out, "souk_connections", "connections open now", (int64_t)(opened - closed));
    render_requests(out, all, count, router);
    render_durations(out, all, count);
}
