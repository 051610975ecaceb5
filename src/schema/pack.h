/* MessagePack tokens (libmpack). Every number and every head is written in its shortest form, so that a value has one
   encoding. Reading never goes beyond the bytes it was given, and a count is refused when the bytes left could not hold
   so many elements. A reader that has refused is not to be used any more. */
#pragma once
#include "base/buffer.h"

void pack_nil(struct buffer *out);
void pack_boolean(struct buffer *out, bool value);
void pack_integer(struct buffer *out, int64_t value);
void pack_text(struct buffer *out, struct text text);   /* str; absent: nil */
void pack_bytes(struct buffer *out, struct text bytes); /* bin; absent: nil */
void pack_array(struct buffer *out, uint32_t count);
void pack_map(struct buffer *out, uint32_t count);
/* A map whose count is known only after its pairs: open, write them, close with what open returned. */
size_t pack_map_open(struct buffer *out);
void pack_map_close(struct buffer *out, size_t opened, uint32_t count);

struct unpacker {
    const char *at;
    size_t left;
};

static inline struct unpacker unpacker_of(struct text bytes)
{
    return (struct unpacker){bytes.data, bytes.data ? bytes.length : 0};
}
bool unpack_nil(struct unpacker *in); /* passes a nil; without one nothing happens */
bool unpack_boolean(struct unpacker *in, bool *value);
bool unpack_integer(struct unpacker *in, int64_t *value);
bool unpack_text(struct unpacker *in, struct text *view);  /* str; a view of the bytes read */
bool unpack_bytes(struct unpacker *in, struct text *view); /* bin */
bool unpack_array(struct unpacker *in, uint32_t *count);
bool unpack_map(struct unpacker *in, uint32_t *count);
bool unpack_skip(struct unpacker *in); /* one value with all it nests */
