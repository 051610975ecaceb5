/* MessagePack tokens. See pack.h. */
#include "schema/pack.h"
#include "base/check.h"
#include <mpack.h>
#include <string.h>

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static void write_token(struct buffer *out, mpack_token_t token)
{
    mpack_tokbuf_t state = MPACK_TOKBUF_INITIAL_VALUE;
    char *end = buffer_reserve(out, MPACK_MAX_TOKEN_LEN), *at = end;
    size_t room = MPACK_MAX_TOKEN_LEN;
    CHECK(mpack_write(&state, &at, &room, &token) == MPACK_OK);
    out->length += (size_t)(at - end);
}

/* Times and amounts are in every record. libmpack 1.0 picks the width of a negative integer wrongly at -129, -32769 and
   wherever the upper half is lost, and takes ten times as long for the others, so these few bytes are written here. */
char *pack_put_wide_integer(char *head, int64_t value)
{
    static const uint8_t POSITIVE[] = {[1] = 0xcc, [2] = 0xcd, [4] = 0xce, [8] = 0xcf};
    static const uint8_t NEGATIVE[] = {[1] = 0xd0, [2] = 0xd1, [4] = 0xd2, [8] = 0xd3};
    enum { LEAST_FIXED = -32 };
    if (value < 0 && value >= LEAST_FIXED) {
        *head = (char)value;
        return head + 1;
    }
    /* with room for the sign */
    uint64_t needed = value < 0 ? ~(uint64_t)value << 1 : (uint64_t)value;
    unsigned width = needed <= UINT8_MAX ? 1 : needed <= UINT16_MAX ? 2 : needed <= UINT32_MAX ? 4 : 8;
    uint64_t big = __builtin_bswap64((uint64_t)value);
    *head = (char)(value < 0 ? NEGATIVE : POSITIVE)[width];
    big >>= 64 - 8 * width; /* its last bytes come first: room for all eight is there */
    memcpy(head + 1, &big, sizeof big);
    return head + 1 + width;
}

void pack_wide_text(struct buffer *out, struct text text)
{
    write_token(out, mpack_pack_str(text.length));
    buffer_bytes(out, text.data, text.length);
}

void pack_wide_bytes(struct buffer *out, struct text bytes)
{
    write_token(out, mpack_pack_bin(bytes.length));
    buffer_bytes(out, bytes.data, bytes.length);
}

void pack_wide_array(struct buffer *out, uint32_t count)
{
    write_token(out, mpack_pack_array(count));
}

void pack_wide_map(struct buffer *out, uint32_t count)
{
    write_token(out, mpack_pack_map(count));
}

void pack_map_close_wide(struct buffer *out, size_t opened, uint32_t count)
{
    size_t end = out->length;
    pack_wide_map(out, count);
    char head[MPACK_MAX_TOKEN_LEN];
    size_t size = out->length - end;
    memcpy(head, out->data + end, size);
    memmove(out->data + opened + size, out->data + opened + 1, end - opened - 1);
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
