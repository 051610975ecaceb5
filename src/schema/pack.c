/* MessagePack tokens. See pack.h. */
#include "schema/pack.h"
#include "base/check.h"
#include <mpack.h>
#include <string.h>

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

/* Heads of one byte (and bin of up to 255 bytes) are most of what is written: they are put down directly, in the form that
   libmpack gives them too. */
enum {
    HEAD_NIL = 0xc0,
    HEAD_FALSE = 0xc2,
    HEAD_TRUE = 0xc3,
    HEAD_BIN_8 = 0xc4,
    HEAD_FIXSTR = 0xa0,
    HEAD_FIXARRAY = 0x90,
    HEAD_FIXMAP = 0x80
};

static void write_token(struct buffer *out, mpack_token_t token)
{
    mpack_tokbuf_t state = MPACK_TOKBUF_INITIAL_VALUE;
    char *end = buffer_reserve(out, MPACK_MAX_TOKEN_LEN), *at = end;
    size_t room = MPACK_MAX_TOKEN_LEN;
    CHECK(mpack_write(&state, &at, &room, &token) == MPACK_OK);
    out->length += (size_t)(at - end);
}

void pack_nil(struct buffer *out)
{
    buffer_byte(out, (char)HEAD_NIL);
}

void pack_boolean(struct buffer *out, bool value)
{
    buffer_byte(out, (char)(value ? HEAD_TRUE : HEAD_FALSE));
}

/* libmpack 1.0 picks the width of a negative integer wrongly at -129, -32769 and wherever the upper half is lost, so
   these few bytes are written here. */
static void write_negative(struct buffer *out, int64_t value)
{
    static const uint8_t CODES[] = {[1] = 0xd0, [2] = 0xd1, [4] = 0xd2, [8] = 0xd3};
    unsigned width = value >= INT8_MIN ? 1 : value >= INT16_MIN ? 2 : value >= INT32_MIN ? 4 : 8;
    if (value < -32) buffer_byte(out, (char)CODES[width]);
    while (width--)
        buffer_byte(out, (char)(uint8_t)((uint64_t)value >> (8 * width)));
}

void pack_integer(struct buffer *out, int64_t value)
{
    if (value < 0)
        write_negative(out, value);
    else if (value < 128)
        buffer_byte(out, (char)value);
    else
        write_token(out, mpack_pack_uint((mpack_uintmax_t)value));
}

void pack_text(struct buffer *out, struct text text)
{
    if (!text.data) {
        pack_nil(out);
        return;
    }
    if (text.length < 32)
        buffer_byte(out, (char)(HEAD_FIXSTR | text.length));
    else
        write_token(out, mpack_pack_str(text.length));
    buffer_bytes(out, text.data, text.length);
}

void pack_bytes(struct buffer *out, struct text bytes)
{
    if (!bytes.data) {
        pack_nil(out);
        return;
    }
    if (bytes.length < 256) {
        char *head = buffer_reserve(out, 2);
        head[0] = (char)HEAD_BIN_8;
        head[1] = (char)(uint8_t)bytes.length;
        out->length += 2;
    } else {
        write_token(out, mpack_pack_bin(bytes.length));
    }
    buffer_bytes(out, bytes.data, bytes.length);
}

void pack_array(struct buffer *out, uint32_t count)
{
    if (count < 16)
        buffer_byte(out, (char)(HEAD_FIXARRAY | count));
    else
        write_token(out, mpack_pack_array(count));
}

void pack_map(struct buffer *out, uint32_t count)
{
    if (count < 16)
        buffer_byte(out, (char)(HEAD_FIXMAP | count));
    else
        write_token(out, mpack_pack_map(count));
}

/* Most maps are small, so one byte is kept free for the head, and a longer head moves the pairs. */
size_t pack_map_open(struct buffer *out)
{
    buffer_byte(out, 0);
    return out->length - 1;
}

void pack_map_close(struct buffer *out, size_t opened, uint32_t count)
{
    if (count < 16) {
        out->data[opened] = (char)(HEAD_FIXMAP | count);
        return;
    }
    size_t end = out->length;
    pack_map(out, count);
    char head[MPACK_MAX_TOKEN_LEN];
    size_t size = out->length - end;
    memcpy(head, out->data + end, size);
    if (size > 1) memmove(out->data + opened + size, out->data + opened + 1, end - opened - 1);
    memcpy(out->data + opened, head, size);
    out->length = end + size - 1;
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

enum { CODE_NIL = 0xc0, CODE_MAP_32 = 0xdf };

static bool read_token(struct unpacker *in, mpack_token_t *token)
{
    if (!in->left) return false;
    /* Some versions double the count of a map in 32 bits. */
    if ((uint8_t)in->at[0] == CODE_MAP_32 && in->left > 1 && (in->at[1] & 0x80)) return false;
    mpack_tokbuf_t state = MPACK_TOKBUF_INITIAL_VALUE;
    return mpack_read(&state, &in->at, &in->left, token) == MPACK_OK;
}

/* The pairs of a map: some versions of libmpack count them, some count keys and values. */
static uint32_t pairs_of(mpack_token_t map)
{
    return map.length / mpack_pack_map(1).length;
}

static bool read_blob(struct unpacker *in, mpack_token_type_t type, struct text *view)
{
    mpack_token_t token;
    if (!read_token(in, &token) || token.type != type || token.length > in->left) return false;
    *view = (struct text){in->at, token.length};
    in->at += token.length;
    in->left -= token.length;
    return true;
}

bool unpack_nil(struct unpacker *in)
{
    if (!in->left || (uint8_t)in->at[0] != CODE_NIL) return false;
    in->at++;
    in->left--;
    return true;
}

bool unpack_boolean(struct unpacker *in, bool *value)
{
    mpack_token_t token;
    if (!read_token(in, &token) || token.type != MPACK_TOKEN_BOOLEAN) return false;
    *value = mpack_unpack_boolean(token);
    return true;
}

bool unpack_integer(struct unpacker *in, int64_t *value)
{
    mpack_token_t token;
    if (!read_token(in, &token)) return false;
    if (token.type == MPACK_TOKEN_SINT) {
        *value = mpack_unpack_sint(token);
        return true;
    }
    if (token.type != MPACK_TOKEN_UINT) return false;
    mpack_uintmax_t positive = mpack_unpack_uint(token);
    *value = (int64_t)positive;
    return positive <= INT64_MAX;
}

bool unpack_text(struct unpacker *in, struct text *view)
{
    return read_blob(in, MPACK_TOKEN_STR, view);
}

bool unpack_bytes(struct unpacker *in, struct text *view)
{
    return read_blob(in, MPACK_TOKEN_BIN, view);
}

bool unpack_array(struct unpacker *in, uint32_t *count)
{
    mpack_token_t token;
    if (!read_token(in, &token) || token.type != MPACK_TOKEN_ARRAY || token.length > in->left) return false;
    *count = token.length;
    return true;
}

bool unpack_map(struct unpacker *in, uint32_t *count)
{
    mpack_token_t token;
    if (!read_token(in, &token) || token.type != MPACK_TOKEN_MAP) return false;
    *count = pairs_of(token);
    return *count <= in->left / 2;
}

bool unpack_skip(struct unpacker *in)
{
    for (uint64_t values = 1; values; values--) {
        mpack_token_t token;
        if (!read_token(in, &token)) return false;
        switch (token.type) {
        case MPACK_TOKEN_ARRAY: values += token.length; break;
        case MPACK_TOKEN_MAP: values += 2 * (uint64_t)pairs_of(token); break;
        case MPACK_TOKEN_STR:
        case MPACK_TOKEN_BIN:
        case MPACK_TOKEN_EXT:
            if (token.length > in->left) return false;
            in->at += token.length;
            in->left -= token.length;
            break;
        default: break;
        }
        if (values > in->left + 1) return false;
    }
    return true;
}
