/* A growable run of bytes. Owns its memory when arena is NULL (free with buffer_free), else the arena does. */
#pragma once
#include "base/arena.h"

struct buffer {
    char *data;
    size_t length, capacity;
    struct arena *arena;
};

void buffer_free(struct buffer *buffer);
void buffer_clear(struct buffer *buffer);
char *buffer_reserve(struct buffer *buffer, size_t more); /* room for `more` bytes; returns the end */
void buffer_bytes(struct buffer *buffer, const void *data, size_t length);
void buffer_byte(struct buffer *buffer, char byte);
void buffer_text(struct buffer *buffer, struct text text);
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
