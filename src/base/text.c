/* Counted strings. Nothing here reads past a text's length or trusts a terminating zero, and an absent text never equals
   an empty one. */
#include "base/text.h"
#include <string.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS (EACH_BYTE * 0x80)

static uint64_t word_at(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

struct text text_of(const char *zero_terminated)
{
    return (struct text){zero_terminated, zero_terminated ? (uint32_t)strlen(zero_terminated) : 0};
}

bool text_is(struct text a, const char *zero_terminated)
{
    return text_equal(a, text_of(zero_terminated));
}

bool text_starts_with(struct text a, const char *prefix)
{
    size_t length = strlen(prefix);
    return a.data && a.length >= length && memcmp(a.data, prefix, length) == 0;
}

int text_compare(struct text a, struct text b)
{
    if (!a.data || !b.data) return (a.data != NULL) - (b.data != NULL);
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

static bool is_blank(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct text text_trim(struct text a)
{
    while (a.length && is_blank(a.data[a.length - 1]))
        a.length--;
    while (a.length && is_blank(a.data[0])) {
        a.data++;
        a.length--;
    }
    return a;
}

struct text text_split(struct text *rest, char separator)
{
    struct text whole = *rest;
    const char *at = whole.length ? memchr(whole.data, separator, whole.length) : NULL;
    if (!at) {
        *rest = (struct text){0};
        return whole;
    }
    uint32_t length = (uint32_t)(at - whole.data);
    *rest = (struct text){at + 1, whole.length - length - 1};
    return (struct text){whole.data, length};
}

bool text_to_integer(struct text a, int64_t *value)
{
    bool negative = a.length && a.data[0] == '-';
    if (a.length == (uint32_t)negative) return false;

    int64_t sum = 0; /* kept at or below zero: the negative side holds one more number */
    for (uint32_t i = negative; i < a.length; i++) {
        int digit = a.data[i] - '0';
        if (digit < 0 || digit > 9) return false;
        if (__builtin_mul_overflow(sum, INT64_C(10), &sum)) return false;
        if (__builtin_sub_overflow(sum, (int64_t)digit, &sum)) return false;
    }
    if (!negative && sum == INT64_MIN) return false;
    *value = negative ? sum : -sum;
    return true;
}

/* The length of the well-formed sequence at `at`, 0 when there is none (RFC 3629, section 4: the table of UTF8-octets). */
static size_t sequence_length(const unsigned char *at, size_t left)
{
    unsigned char first = at[0];
    if (first < 0x80) return 1;
    if (first < 0xC2 || first > 0xF4) return 0;

    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (left < length) return 0;
    /* Only the second byte's range depends on the first: this is what excludes overlong forms, surrogates and the rest. */
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < length; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    return length;
}

bool text_is_utf8(struct text a)
{
    size_t at = 0;
    while (at < a.length) {
        if (a.length - at >= 8 && !(word_at(a.data + at) & HIGH_BITS)) {
            at += 8;
            continue;
        }
        size_t length = sequence_length((const unsigned char *)a.data + at, a.length - at);
        if (!length) return false;
        at += length;
    }
    return true;
}

static bool starts_code_point(char byte)
{
    return ((unsigned char)byte & 0xC0) != 0x80;
}

uint32_t text_code_points(struct text a)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < a.length; i++)
        count += starts_code_point(a.data[i]);
    return count;
}

struct text text_prefix(struct text a, uint32_t count)
{
    if (a.length <= count) return a; /* no code point is shorter than a byte */
    for (uint32_t i = 0; i < a.length; i++)
        if (starts_code_point(a.data[i]) && count-- == 0) return (struct text){a.data, i};
    return a;
}
