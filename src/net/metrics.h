/* Figures of one loop. Written by the loop's thread alone, read by any: each figure is exact, together they may be a
   moment apart. */
#pragma once
#include "base/buffer.h"
#include "net/router.h"
#include <stdatomic.h>

enum { METRICS_STATUSES = 30, METRICS_BUCKETS = 22 };
typedef _Atomic uint64_t figure;
struct metrics {
    figure connections_opened, connections_closed, connections_refused;
    figure refused_malformed, refused_slow, refused_overloaded;
    figure bytes_in, bytes_out;
    figure compressed, compressed_before;
    figure handshakes, handshakes_resumed, tls_failed;
    figure seconds_buckets[METRICS_BUCKETS]; /* [k]: at most 2^k * 8 microseconds; the last: more */
    figure microseconds_sum;
    uint32_t routes;
    figure requests[]; /* (routes + 1) x METRICS_STATUSES; the last route is "none" */
};

struct metrics *metrics_create(uint32_t routes);
static inline void metrics_add(figure *value, uint64_t more)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + more, memory_order_relaxed);
}
void metrics_request(struct metrics *metrics, const struct endpoint *endpoint, uint16_t status, uint64_t microseconds);
void metrics_gauge(struct buffer *out, const char *name, const char *help, int64_t value);
/* Prometheus text of several loops together. */
void metrics_render(struct buffer *out, struct metrics *const *all, uint32_t count, const struct router *router);
