/* Growable bytes. What is in a buffer always fits a struct text (4 GiB), and a buffer of an arena never frees: what it
   outgrows goes with the arena. */
#include "base/buffer.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/format.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TINY
enum { CAPACITY_FIRST = 7 };
#else
enum { CAPACITY_FIRST = 256 };
#endif

void buffer_free(struct buffer *buffer)
{
    if (!buffer->arena) free(buffer->data);
    *buffer = (struct buffer){.arena = buffer->arena};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->length = 0;
}

void buffer_grow(struct buffer *buffer, size_t needed)
{
    CHECK(needed >= buffer->length && needed <= UINT32_MAX);
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : CAPACITY_FIRST;
    if (capacity < needed) capacity = needed;
    if (buffer->arena && buffer->data && arena_extend(buffer->arena, buffer->data, buffer->capacity, capacity)) {
        /* it grew where it is */
    } else if (buffer->arena) {
        char *data = arena_take(buffer->arena, capacity);
        if (buffer->data) memcpy(data, buffer->data, buffer->length);
        buffer->data = data;
    } else {
        buffer->data = memory_resize(buffer->data, capacity);
    }
    buffer->capacity = capacity;
}

void buffer_string(struct buffer *buffer, const char *zero_terminated)
{
    buffer_bytes(buffer, zero_terminated, strlen(zero_terminated));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
    enum { ROOM_FIRST = 64 };
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    buffer_reserve(buffer, ROOM_FIRST);
    size_t room = buffer->capacity - buffer->length;
    int simple = format_simple(buffer->data + buffer->length, room, format, arguments);
    va_end(arguments);
    if (simple >= 0) {
        buffer->length += (size_t)simple;
        va_end(again);
        return;
    }
    va_copy(arguments, again);
    int length = vsnprintf(room ? buffer->data + buffer->length : NULL, room, format, arguments);
    CHECK(length >= 0);
    if ((size_t)length >= room) { /* the terminating zero needs a byte too, though it does not count */
        char *end = buffer_reserve(buffer, (size_t)length + 1);
        vsnprintf(end, (size_t)length + 1, format, again);
    }
    buffer->length += (size_t)length;
    va_end(again);
    va_end(arguments);
}

struct text integer_text(char room[INTEGER_TEXT_MOST], int64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819"
                                "2021222324252627282930313233343536373839"
                                "4041424344454647484950515253545556575859"
                                "6061626364656667686970717273747576777879"
                                "8081828384858687888990919293949596979899";
    char *at = room + INTEGER_TEXT_MOST;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    while (left >= 100) {
        at -= 2;
        memcpy(at, pairs + left % 100 * 2, 2);
        left /= 100;
    }
    if (left >= 10) {
        at -= 2;
        memcpy(at, pairs + left * 2, 2);
    } else {
        *--at = (char)('0' + left);
    }
    if (value < 0) *--at = '-';
    return (struct text){at, (uint32_t)(room + INTEGER_TEXT_MOST - at)};
}

void buffer_integer(struct buffer *buffer, int64_t value)
{
    char digits[INTEGER_TEXT_MOST];
    buffer_text(buffer, integer_text(digits, value));
}

void buffer_big32(struct buffer *buffer, uint32_t value)
{
    uint32_t big = __builtin_bswap32(value);
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "keys are written big-endian by swapping");
    buffer_bytes(buffer, &big, sizeof big);
}

void buffer_big64(struct buffer *buffer, uint64_t value)
{
    uint64_t big = __builtin_bswap64(value);
    buffer_bytes(buffer, &big, sizeof big);
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte != '"' && byte != '\\' && byte != 0xE2;
}

/* How many bytes from `at` go into a JSON string as they are. 0xE2 opens U+2028 and U+2029, and must be looked at. */
static size_t plain_run(const char *at, size_t left)
{
    size_t run = 0;
    for (; left - run >= 8; run += 8) {
        uint64_t word = bytes_load(at + run);
        if (bytes_below(word, 0x20) | bytes_equal(word, '"') | bytes_equal(word, '\\') | bytes_equal(word, 0xE2)) break;
    }
    while (run < left && is_plain((unsigned char)at[run]))
        run++;
    return run;
}

static size_t escape_code(char *out, uint32_t code)
{
    static const char hex[] = "0123456789abcdef";
    *out++ = '\\';
    *out++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *out++ = hex[code >> shift & 15];
    return 6;
}

/* Writes the one byte or separator at `at` that is not plain; says in *taken how many bytes of the source it was. */
static size_t escape(char *out, const char *at, size_t left, size_t *taken)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    unsigned char byte = (unsigned char)*at;
    *taken = 1;
    if (byte == 0xE2) {
        bool separator = left >= 3 && at[1] == '\x80' && (at[2] == '\xA8' || at[2] == '\xA9');
        if (!separator) {
            *out = *at;
            return 1;
        }
        *taken = 3;
        return escape_code(out, at[2] == '\xA8' ? 0x2028 : 0x2029);
    }
    for (const char *pair = shorts; *pair; pair += 2) {
        if (*at != *pair) continue;
        out[0] = '\\';
        out[1] = pair[1];
        return 2;
    }
    return escape_code(out, byte);
}

void buffer_json_text(struct buffer *buffer, struct text text)
{
    enum { ESCAPE_MOST = 6, QUOTES = 2 };
    if (!text.data) {
        buffer_bytes(buffer, "null", 4);
        return;
    }
    const char *at = text.data, *end = at + text.length;
    char *out = buffer_reserve(buffer, (size_t)text.length + ESCAPE_MOST + QUOTES);
    *out++ = '"';
    while (at < end) {
        size_t left = (size_t)(end - at), taken, run = plain_run(at, left);
        memcpy(out, at, run);
        out += run;
        at += run;
        if (run == left) break;
        out += escape(out, at, left - run, &taken);
        at += taken;
        /* An escape is longer than what it stands for: make sure that the rest, another one and the quote have room. */
        buffer->length = (size_t)(out - buffer->data);
        out = buffer_reserve(buffer, (size_t)(end - at) + ESCAPE_MOST + QUOTES);
    }
    *out++ = '"';
    buffer->length = (size_t)(out - buffer->data);
}
