/* MessagePack tokens (libmpack). Every number and every head is written in its shortest form, so that a value has one
   encoding. Reading never goes beyond the bytes it was given, and a count is refused when the bytes left could not hold
   so many elements. A reader that has refused is not to be used any more. */
#pragma once
#include "base/buffer.h"

/* Heads of one byte (and bin of up to 255 bytes) are most of what is written: they are put down here, in the form that
   libmpack gives them too. */
enum {
    PACK_NIL = 0xc0,
    PACK_FALSE = 0xc2,
    PACK_TRUE = 0xc3,
    PACK_BIN_8 = 0xc4,
    PACK_FIXSTR = 0xa0,
    PACK_FIXARRAY = 0x90,
    PACK_FIXMAP = 0x80
};
/* Room for any integer, id or amount, and for the head of anything. */
enum { PACK_SCALAR_MOST = 32 };
char *pack_put_wide_integer(char *at, int64_t value);
/* Written at `at`, where there is room for it; returns the end. */
static inline char *pack_put_integer(char *at, int64_t value)
{
    if ((uint64_t)value >= 128) return pack_put_wide_integer(at, value);
    *at = (char)value;
    return at + 1;
}
void pack_wide_text(struct buffer *out, struct text text);
void pack_wide_bytes(struct buffer *out, struct text bytes);
void pack_wide_array(struct buffer *out, uint32_t count);
void pack_wide_map(struct buffer *out, uint32_t count);

static inline void pack_nil(struct buffer *out)
{
    buffer_byte(out, (char)PACK_NIL);
}
static inline void pack_boolean(struct buffer *out, bool value)
{
    buffer_byte(out, (char)(value ? PACK_TRUE : PACK_FALSE));
}
static inline void pack_integer(struct buffer *out, int64_t value)
{
    char *at = buffer_reserve(out, PACK_SCALAR_MOST);
    out->length += (size_t)(pack_put_integer(at, value) - at);
}
static inline void pack_small(struct buffer *out, const char *head, size_t head_length, struct text bytes)
{
    char *at = buffer_reserve(out, head_length + bytes.length);
    memcpy(at, head, head_length);
    memcpy(at + head_length, bytes.data, bytes.length);
    out->length += head_length + bytes.length;
}
/* str; absent: nil */
static inline void pack_text(struct buffer *out, struct text text)
{
    if (!text.data)
        pack_nil(out);
    else if (text.length < 32)
        pack_small(out, (const char[]){(char)(PACK_FIXSTR | text.length)}, 1, text);
    else
        pack_wide_text(out, text);
}
/* bin; absent: nil */
static inline void pack_bytes(struct buffer *out, struct text bytes)
{
    if (!bytes.data)
        pack_nil(out);
    else if (bytes.length < 256)
        pack_small(out, (const char[]){(char)PACK_BIN_8, (char)(uint8_t)bytes.length}, 2, bytes);
    else
        pack_wide_bytes(out, bytes);
}
static inline void pack_array(struct buffer *out, uint32_t count)
{
    if (count < 16)
        buffer_byte(out, (char)(PACK_FIXARRAY | count));
    else
        pack_wide_array(out, count);
}
static inline void pack_map(struct buffer *out, uint32_t count)
{
    if (count < 16)
        buffer_byte(out, (char)(PACK_FIXMAP | count));
    else
        pack_wide_map(out, count);
}
/* A map whose count is known only after its pairs: open, write them, close with what open returned. */
/* Most maps are small, so one byte is kept free for the head, and a longer head moves the pairs. */
void pack_map_close_wide(struct buffer *out, size_t opened, uint32_t count);
static inline size_t pack_map_open(struct buffer *out)
{
    buffer_byte(out, 0);
    return out->length - 1;
}
static inline void pack_map_close(struct buffer *out, size_t opened, uint32_t count)
{
    if (count < 16)
        out->data[opened] = (char)(PACK_FIXMAP | count);
    else
        pack_map_close_wide(out, opened, count);
}

struct shared;
struct unpacker {
    const char *at;
    size_t left;
    const struct shared *shared; /* what the record's head says of all of its parts; NULL: these bytes stand alone */
};

static inline struct unpacker unpacker_of(struct text bytes)
{
    return (struct unpacker){bytes.data, bytes.data ? bytes.length : 0, NULL};
}
static inline bool unpack_comes_integer(const struct unpacker *in) /* what comes next */
{
    enum { CODE_FIXINT_END = 0x80, CODE_UINT_8 = 0xcc, CODE_INT_64 = 0xd3, CODE_NEGATIVE_FIXINT = 0xe0 };
    uint8_t code = in->left ? (uint8_t)*in->at : (uint8_t)PACK_NIL;
    return code < CODE_FIXINT_END || code >= CODE_NEGATIVE_FIXINT || (code >= CODE_UINT_8 && code <= CODE_INT_64);
}
static inline bool unpack_comes_true(const struct unpacker *in)
{
    return in->left && (uint8_t)*in->at == PACK_TRUE;
}
bool unpack_nil(struct unpacker *in); /* passes a nil; without one nothing happens */
bool unpack_boolean(struct unpacker *in, bool *value);
bool unpack_integer(struct unpacker *in, int64_t *value);
bool unpack_text(struct unpacker *in, struct text *view);  /* str; a view of the bytes read */
bool unpack_bytes(struct unpacker *in, struct text *view); /* bin */
bool unpack_array(struct unpacker *in, uint32_t *count);
bool unpack_map(struct unpacker *in, uint32_t *count);
bool unpack_skip(struct unpacker *in); /* one value with all it nests */
