/* Binary min-heap of (due time, sequence, item); equal times come out in order of insertion. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_entry {
    int64_t due;
    uint64_t sequence;
    void *item;
};
struct heap {
    struct heap_entry *entries;
    size_t count, capacity;
    uint64_t next_sequence;
};

void heap_push(struct heap *heap, int64_t due, void *item);
const struct heap_entry *heap_first(const struct heap *heap); /* NULL when empty */
void *heap_pop(struct heap *heap);
void heap_free(struct heap *heap);
