/* Regions of memory. An arena lives in its own first chunk, so that making one is a single allocation; every block is
   aligned to 16 and nothing is given back before the reset. Under AddressSanitizer what is not handed out is poisoned,
   with a gap between blocks. */
#include "base/arena.h"
#include "base/check.h"
#include "base/format.h"
#include "base/limits.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(start, size)   ASAN_POISON_MEMORY_REGION((start), (size))
#define UNPOISON(start, size) ASAN_UNPOISON_MEMORY_REGION((start), (size))
enum { GAP = 16 };
#else
#define POISON(start, size)   ((void)(start), (void)(size))
#define UNPOISON(start, size) ((void)(start), (void)(size))
enum { GAP = 0 };
#endif

enum {
    ALIGNMENT = 16,
    CHUNK_MOST = 16 * LIMIT_ARENA_CHUNK, /* chunks double up to this */
    FORMAT_GUESS = 256,
};

struct chunk {
    struct chunk *next;
    size_t size;
};
struct arena {
    char *free, *end; /* what is left of the newest chunk */
    size_t used;
    size_t chunk_size;    /* of the newest chunk */
    struct chunk *chunks; /* all but the first, which holds this struct */
    char *first_end;
};

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static char *first_block(struct arena *arena)
{
    return (char *)arena + aligned(sizeof *arena);
}

struct arena *arena_create(void)
{
    size_t size = aligned(sizeof(struct arena)) + LIMIT_ARENA_CHUNK;
    struct arena *arena = malloc(size);
    CHECK(arena);
    *arena = (struct arena){.first_end = (char *)arena + size};
    arena_reset(arena);
    return arena;
}

void arena_destroy(struct arena *arena)
{
    if (!arena) return;
    arena_reset(arena);
    free(arena);
}

void arena_reset(struct arena *arena)
{
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    arena->chunks = NULL;
    arena->chunk_size = LIMIT_ARENA_CHUNK;
    arena->used = 0;
    arena->free = first_block(arena);
    arena->end = arena->first_end;
    POISON(arena->free, (size_t)(arena->end - arena->free));
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

/* A chunk with room for `size` bytes; the room starts after its header. */
static char *chunk_add(struct arena *arena, size_t size)
{
    struct chunk *chunk = malloc(aligned(sizeof *chunk) + size);
    CHECK(chunk);
    *chunk = (struct chunk){arena->chunks, size};
    arena->chunks = chunk;
    char *room = (char *)chunk + aligned(sizeof *chunk);
    POISON(room, size);
    return room;
}

/* Room that the newest chunk does not have. A large block gets a chunk of its own, and the newest one stays in use. */
static __attribute__((noinline)) char *take_elsewhere(struct arena *arena, size_t step)
{
    size_t size = arena->chunk_size < CHUNK_MOST ? arena->chunk_size * 2 : arena->chunk_size;
    if (step > size / 2) return chunk_add(arena, step);
    char *room = chunk_add(arena, size);
    arena->chunk_size = size;
    arena->free = room + step;
    arena->end = room + size;
    return room;
}

/* A block that is not zeroed. */
static void *take(struct arena *arena, size_t size)
{
    CHECK(size < SIZE_MAX / 2);
    size_t rounded = aligned(size ? size : 1);
    size_t step = rounded + GAP;
    char *block = arena->free;
    if ((size_t)(arena->end - block) >= step)
        arena->free = block + step;
    else
        block = take_elsewhere(arena, step);
    arena->used += rounded;
    UNPOISON(block, size);
    return block;
}

void *arena_take(struct arena *arena, size_t size)
{
    return take(arena, size);
}

bool arena_extend(struct arena *arena, void *block, size_t size, size_t new_size)
{
    size_t step = aligned(size ? size : 1) + GAP, new_step = aligned(new_size ? new_size : 1) + GAP;
    char *start = block;
    if (start + step != arena->free || (size_t)(arena->end - start) < new_step) return false;
    arena->free = start + new_step;
    arena->used += new_step - step;
    UNPOISON(start, new_size);
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take(arena, size), 0, size);
}

void *arena_copy(struct arena *arena, const void *data, size_t size)
{
    void *block = take(arena, size);
    return size ? memcpy(block, data, size) : block;
}

struct text arena_text(struct arena *arena, struct text source)
{
    if (!source.data) return source;
    char *copy = take(arena, (size_t)source.length + 1);
    memcpy(copy, source.data, source.length);
    copy[source.length] = 0;
    return (struct text){copy, source.length};
}

struct text arena_vformat(struct arena *arena, const char *format, va_list arguments)
{
    char guess[FORMAT_GUESS];
    va_list again, first;
    va_copy(again, arguments);
    va_copy(first, arguments);
    int length = format_simple(guess, sizeof guess - 1, format, first);
    va_end(first);
    if (length >= 0)
        guess[length] = 0;
    else
        length = vsnprintf(guess, sizeof guess, format, arguments);
    CHECK(length >= 0);
    char *out = take(arena, (size_t)length + 1);
    if ((size_t)length < sizeof guess)
        memcpy(out, guess, (size_t)length + 1);
    else
        vsnprintf(out, (size_t)length + 1, format, again);
    va_end(again);
    return (struct text){out, (uint32_t)length};
}

struct text arena_format(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(arena, format, arguments);
    va_end(arguments);
    return text;
}

void *memory_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);
    CHECK(block);
    return block;
}

void *memory_resize(void *block, size_t size)
{
    void *resized = realloc(block, size ? size : 1);
    CHECK(resized);
    return resized;
}
