/* Histograms of durations. See durations.h. */
#include "base/durations.h"
#include <stdatomic.h>

static const uint32_t bounds_us[DURATION_BUCKETS - 1] = {100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000};

void durations_add(struct durations *durations, uint64_t nanoseconds)
{
    uint32_t bucket = 0;
    while (bucket < DURATION_BUCKETS - 1 && nanoseconds > bounds_us[bucket] * UINT64_C(1000))
        bucket++;
    atomic_fetch_add_explicit(&durations->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&durations->nanoseconds, nanoseconds, memory_order_relaxed);
}

void durations_metrics(const struct durations *durations, const char *name, const char *help, struct buffer *out)
{
    uint64_t so_far = 0, nanoseconds = durations->nanoseconds;
    buffer_format(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (uint32_t i = 0; i < DURATION_BUCKETS; i++) {
        so_far += durations->buckets[i];
        if (i < DURATION_BUCKETS - 1)
            buffer_format(out, "%s_bucket{le=\"0.%06u\"} %llu\n", name, bounds_us[i], (unsigned long long)so_far);
        else
            buffer_format(out, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)so_far);
    }
    buffer_format(out, "%s_sum %llu.%09llu\n%s_count %llu\n", name, (unsigned long long)nanoseconds / 1000000000,
                  (unsigned long long)nanoseconds % 1000000000, name, (unsigned long long)so_far);
}
