/* Identity. An id sorts by its bytes, so ids made later sort later; how an id is derived from its parts must never
   change, since derived ids are on disk. */
#include "base/id.h"
#include "base/check.h"
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

void id_format(struct id id, char out[ID_TEXT_LENGTH + 1])
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < 16; i++) {
        if (dash_before(i)) *out++ = '-';
        *out++ = hex[id.bytes[i] >> 4];
        *out++ = hex[id.bytes[i] & 15];
    }
    *out = 0;
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
static struct id derive(char kind, const char *purpose, struct id a, const void *b, size_t b_length)
{
    size_t purpose_length = strlen(purpose);
    CHECK(purpose_length <= UINT8_MAX);
    const uint8_t head[2] = {(uint8_t)kind, (uint8_t)purpose_length};
    struct id id;
    enum { USUAL_MOST = 256 }; /* hashed in one call, which takes half the time */
    uint8_t parts[USUAL_MOST];
    size_t front = sizeof head + purpose_length + sizeof a.bytes;
    if (front + b_length <= sizeof parts) {
        memcpy(parts, head, sizeof head);
        memcpy(parts + sizeof head, purpose, purpose_length);
        memcpy(parts + sizeof head + purpose_length, a.bytes, sizeof a.bytes);
        if (b_length) memcpy(parts + front, b, b_length);
        crypto_generichash(id.bytes, sizeof id.bytes, parts, front + b_length, NULL, 0);
        stamp(&id, 8);
        return id;
    }
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof id.bytes);
    crypto_generichash_update(&state, head, sizeof head);
    crypto_generichash_update(&state, (const uint8_t *)purpose, purpose_length);
    crypto_generichash_update(&state, a.bytes, sizeof a.bytes);
    if (b_length) crypto_generichash_update(&state, b, b_length);
    crypto_generichash_final(&state, id.bytes, sizeof id.bytes);
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
