/* Identity. An id sorts by its bytes, so ids made later sort later; how an id is derived from its parts must never
   change, since derived ids are on disk. */
#include "base/id.h"
#include "base/check.h"
#include <assert.h>
#include <sodium.h>
#include <string.h>

const struct id ID_NONE;

int id_compare(struct id a, struct id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes);
}

/* The value of each hexadecimal digit, plus one; zero is no digit. A look-up, since branches on random digits are guessed
   wrong half of the time. */
/* clang-format off */
static const uint8_t digit_values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10,
    ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};
/* clang-format on */

/* A dash stands before bytes 4, 6, 8 and 10. */
static bool dash_before(int byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool id_parse(struct text text, struct id *id)
{
    if (text.length != ID_TEXT_LENGTH) return false;
    struct id parsed;
    const char *at = text.data;
    for (int i = 0; i < 16; i++) {
        if (dash_before(i) && *at++ != '-') return false;
        uint8_t high = digit_values[(uint8_t)*at++], low = digit_values[(uint8_t)*at++];
        if (!high || !low) return false;
        parsed.bytes[i] = (uint8_t)((high - 1) << 4 | (low - 1));
    }
    *id = parsed;
    return true;
}

/* The eight digits of four bytes, all at once: each half byte goes to a byte of its own, and those above nine on to the
   letters. */
static void format_four(char out[8], const uint8_t bytes[4])
{
    const uint64_t ones = UINT64_C(0x0101010101010101), halves = UINT64_C(0x000F000F000F000F);
    uint32_t four;
    memcpy(&four, bytes, sizeof four);
    uint64_t spread = (four | (uint64_t)four << 16) & UINT64_C(0x0000FFFF0000FFFF);
    spread = (spread | spread << 8) & UINT64_C(0x00FF00FF00FF00FF);
    uint64_t digits = (spread >> 4 & halves) | (spread & halves) << 8;
    uint64_t letters = (digits + 6 * ones) >> 4 & ones;
    digits += '0' * ones + ('a' - '0' - 10) * letters;
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
    memcpy(out, &digits, sizeof digits);
}

void id_format(struct id id, char out[ID_TEXT_LENGTH + 1])
{
    char digits[32];
    for (size_t i = 0; i < 4; i++)
        format_four(digits + 8 * i, id.bytes + 4 * i);
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[ID_TEXT_LENGTH] = 0;
}

/* RFC 9562, section 4: version in the high half of byte 6, variant in the two high bits of byte 8. */
static void stamp(struct id *id, uint8_t version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0F) | version << 4);
    id->bytes[8] = (id->bytes[8] & 0x3F) | 0x80;
}

struct id id_v7(int64_t now_ms, uint32_t order, const uint8_t random[8])
{
    struct id id;
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)((uint64_t)now_ms >> (40 - 8 * i));
    if (order > ID_ORDER_MAX) order = ID_ORDER_MAX;
    id.bytes[6] = (uint8_t)(order >> 8);
    id.bytes[7] = (uint8_t)order;
    memcpy(id.bytes + 8, random, 8);
    stamp(&id, 7);
    return id;
}

int64_t id_time_ms(struct id id)
{
    int64_t time_ms = 0;
    for (int i = 0; i < 6; i++)
        time_ms = time_ms << 8 | id.bytes[i];
    return time_ms;
}

/* The parts are framed (kind of the second part, length of the purpose, purpose, first part, second part), so that no two
   different lists of parts are the same bytes. */
struct framed {
    const char *purpose;
    size_t purpose_length;
    struct id a;
    const void *b;
    size_t b_length;
    uint8_t head[2];
};

static struct id hash_long(const struct framed *framed)
{
    struct id id;
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof id.bytes);
    crypto_generichash_update(&state, framed->head, sizeof framed->head);
    crypto_generichash_update(&state, (const uint8_t *)framed->purpose, framed->purpose_length);
    crypto_generichash_update(&state, framed->a.bytes, sizeof framed->a.bytes);
    crypto_generichash_update(&state, framed->b, framed->b_length);
    crypto_generichash_final(&state, id.bytes, sizeof id.bytes);
    return id;
}

/* One command derives the same ids as the one before it, of stock, counters and the day's figures, and to look an id up
   costs a tenth of hashing. What is remembered is a function of its parts, so nothing depends on whether it is there. */
enum { PARTS_MOST = 96, REMEMBERED = 512 };
struct remembered {
    uint32_t length; /* of the parts; 0: none yet */
    struct id id;
    uint8_t parts[PARTS_MOST];
};
static _Thread_local struct remembered remembered[REMEMBERED];
static _Thread_local uint8_t used_last[REMEMBERED / 2];

static struct id hash_short(const uint8_t parts[PARTS_MOST], uint32_t length)
{
    uint64_t mixed = length;
    for (uint32_t at = 0; at < length; at += sizeof mixed) { /* the rest of the parts is zero */
        uint64_t word;
        memcpy(&word, parts + at, sizeof word);
        mixed = (mixed ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        mixed ^= mixed >> 32;
    }
    /* Two places each; what is new takes the one that was not used last. */
    uint32_t place = (uint32_t)(mixed % (REMEMBERED / 2));
    for (uint32_t i = 0; i < 2; i++) {
        struct remembered *known = &remembered[2 * place + i];
        if (known->length != length || memcmp(known->parts, parts, length) != 0) continue;
        used_last[place] = (uint8_t)i;
        return known->id;
    }
    used_last[place] ^= 1;
    struct remembered *known = &remembered[2 * place + used_last[place]];
    crypto_generichash(known->id.bytes, sizeof known->id.bytes, parts, length, NULL, 0);
    known->length = length;
    memcpy(known->parts, parts, length);
    return known->id;
}

static struct id derive(char kind, const char *purpose, struct id a, const void *b, size_t b_length)
{
    size_t purpose_length = strlen(purpose);
    CHECK(purpose_length <= UINT8_MAX);
    struct framed framed = {purpose, purpose_length, a, b, b_length, {(uint8_t)kind, (uint8_t)purpose_length}};
    size_t front = sizeof framed.head + purpose_length + sizeof a.bytes;
    struct id id;
    if (front + b_length <= PARTS_MOST) {
        uint8_t parts[PARTS_MOST] = {0};
        memcpy(parts, framed.head, sizeof framed.head);
        memcpy(parts + sizeof framed.head, purpose, purpose_length);
        memcpy(parts + sizeof framed.head + purpose_length, a.bytes, sizeof a.bytes);
        if (b_length) memcpy(parts + front, b, b_length);
        id = hash_short(parts, (uint32_t)(front + b_length));
    } else {
        id = hash_long(&framed);
    }
    stamp(&id, 8);
    return id;
}

struct id id_derived(const char *purpose, struct id a, struct id b)
{
    return derive('i', purpose, a, b.bytes, sizeof b.bytes);
}

struct id id_derived_text(const char *purpose, struct id a, struct text b)
{
    return derive('t', purpose, a, b.data, b.length);
}
