/* Latencies in buckets whose width grows with the value, after HdrHistogram: 64 buckets for each power of two, so a figure
   read back is at most 1.6 % too large. Adding is an index and an increment, whatever the spread. */
#pragma once
#include <stdint.h>

enum { HISTOGRAM_BITS = 6, HISTOGRAM_POWERS = 36, HISTOGRAM_BUCKETS = HISTOGRAM_POWERS << HISTOGRAM_BITS };

struct histogram {
    uint64_t count, sum, largest;
    uint64_t buckets[HISTOGRAM_BUCKETS]; /* the last also holds what is larger than all (more than an hour in ns) */
};

static inline uint32_t histogram_bucket(uint64_t value)
{
    if (value < 1u << HISTOGRAM_BITS) return (uint32_t)value;
    uint32_t shift = (uint32_t)(63 - __builtin_clzll(value)) - HISTOGRAM_BITS;
    uint64_t bucket = ((uint64_t)shift << HISTOGRAM_BITS) + (value >> shift);
    return bucket < HISTOGRAM_BUCKETS ? (uint32_t)bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value that falls into the bucket. */
static inline uint64_t histogram_limit(uint32_t bucket)
{
    if (bucket < 2u << HISTOGRAM_BITS) return bucket;
    uint32_t shift = (bucket >> HISTOGRAM_BITS) - 1;
    uint64_t value = (bucket & ((1u << HISTOGRAM_BITS) - 1)) + (1u << HISTOGRAM_BITS);
    return ((value + 1) << shift) - 1;
}

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->buckets[histogram_bucket(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->largest) histogram->largest = value;
}

/* The value that so many of ten thousand do not exceed: 5000 is the median, 9990 the 99.9th percentile. */
static inline uint64_t histogram_quantile(const struct histogram *histogram, uint32_t of_ten_thousand)
{
    uint64_t wanted = (histogram->count * of_ten_thousand + 9999) / 10000, seen = 0;
    for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen < wanted || !seen) continue;
        uint64_t limit = histogram_limit(bucket);
        return limit < histogram->largest ? limit : histogram->largest;
    }
    return histogram->largest;
}
