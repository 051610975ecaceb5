/* Binary heap (Williams 1964) in an array. Every entry is at or before its children, by due time and then by sequence,
   and no two sequences are equal: so the order of what comes out is total. */
#include "base/heap.h"
#include "base/arena.h"
#include <stdlib.h>

#ifdef TINY
enum { CAPACITY_FIRST = 3 };
#else
enum { CAPACITY_FIRST = 64 };
#endif

static bool is_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->due != b->due ? a->due < b->due : a->sequence < b->sequence;
}

void heap_push(struct heap *heap, int64_t due, void *item)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity ? heap->capacity * 2 : CAPACITY_FIRST;
        heap->entries = memory_resize(heap->entries, heap->capacity * sizeof *heap->entries);
    }
    struct heap_entry entry = {due, heap->next_sequence++, item};
    size_t at = heap->count++;
    while (at) {
        size_t parent = (at - 1) / 2;
        if (!is_before(&entry, &heap->entries[parent])) break;
        heap->entries[at] = heap->entries[parent];
        at = parent;
    }
    heap->entries[at] = entry;
}

const struct heap_entry *heap_first(const struct heap *heap)
{
    return heap->count ? heap->entries : NULL;
}

void *heap_pop(struct heap *heap)
{
    if (!heap->count) return NULL;
    void *item = heap->entries[0].item;
    struct heap_entry moved = heap->entries[--heap->count];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && is_before(&heap->entries[child + 1], &heap->entries[child])) child++;
        if (!is_before(&heap->entries[child], &moved)) break;
        heap->entries[at] = heap->entries[child];
    }
    if (heap->count) heap->entries[at] = moved;
    return item;
}

void heap_free(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}
