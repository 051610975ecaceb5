/* A growable run of bytes. Owns its memory when arena is NULL (free with buffer_free), else the arena does. */
#pragma once
#include "base/arena.h"
#include <string.h>

struct buffer {
    char *data;
    size_t length, capacity;
    struct arena *arena;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
void buffer_grow(struct buffer *buffer, size_t needed); /* for what follows */
/* Room for `more` bytes; returns the end. */
static inline char *buffer_reserve(struct buffer *buffer, size_t more)
{
    if (__builtin_expect(buffer->capacity - buffer->length < more || !buffer->data, 0))
        buffer_grow(buffer, buffer->length + more);
    return buffer->data + buffer->length;
}
static inline void buffer_bytes(struct buffer *buffer, const void *data, size_t length)
{
    if (!length) return; /* so it is with what is absent */
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
    memcpy(buffer_reserve(buffer, length), data, length);
    buffer->length += length;
}
static inline void buffer_byte(struct buffer *buffer, char byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->length++;
}
static inline void buffer_text(struct buffer *buffer, struct text text)
{
    buffer_bytes(buffer, text.data, text.length);
}
void buffer_string(struct buffer *buffer, const char *zero_terminated);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
enum { INTEGER_TEXT_MOST = 20 };
struct text integer_text(char room[INTEGER_TEXT_MOST], int64_t value); /* decimal, at the end of the room */
void buffer_integer(struct buffer *buffer, int64_t value);             /* decimal */
void buffer_big32(struct buffer *buffer, uint32_t value);              /* big-endian, for keys */
void buffer_big64(struct buffer *buffer, uint64_t value);
void buffer_json_text(struct buffer *buffer, struct text text); /* quoted and escaped; absent: null */
static inline struct text buffer_as_text(const struct buffer *buffer)
{
    return (struct text){buffer->data ? buffer->data : "", (uint32_t)buffer->length};
}
