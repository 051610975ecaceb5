/* A region of memory freed at once. One owner at a time; it may travel between threads with its request.
   Allocation never fails: it aborts when the machine has no memory (limits refuse work long before). */
#pragma once
#include "base/text.h"
#include <stdarg.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena);
void arena_reset(struct arena *arena);               /* forgets all, keeps the first chunk */
size_t arena_used(const struct arena *arena);        /* bytes handed out since the last reset */
void *arena_alloc(struct arena *arena, size_t size); /* zeroed, aligned to 16 */
/* Grows a block where it is, without zeroing, when it is the last one handed out and there is room; else false. */
bool arena_extend(struct arena *arena, void *block, size_t size, size_t new_size);
void *arena_take(struct arena *arena, size_t size); /* as arena_alloc, not zeroed */
void *arena_copy(struct arena *arena, const void *data, size_t size);
struct text arena_text(struct arena *arena, struct text source); /* a copy, zero-terminated too; absent stays absent */
struct text arena_format(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct text arena_vformat(struct arena *arena, const char *format, va_list arguments);
#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(count)))

/* malloc family that aborts instead of failing; memory is zeroed. */
void *memory_alloc(size_t size);
void *memory_resize(void *block, size_t size); /* grown part is not zeroed */
