/* Questions to eight bytes at once. Bit Twiddling Hacks (Anderson), "Determine if a word has a byte less than n". */
#pragma once
#include "base/text.h"
#include <string.h>

#define BYTES_EACH UINT64_C(0x0101010101010101)
#define BYTES_HIGH (BYTES_EACH * 0x80)

static inline uint64_t bytes_load(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* High bit set in each byte of `word` that is below `limit` (at most 128), maybe also above a byte that is. */
static inline uint64_t bytes_below(uint64_t word, uint8_t limit)
{
    return (word - BYTES_EACH * limit) & ~word & BYTES_HIGH;
}

static inline uint64_t bytes_equal(uint64_t word, uint8_t byte)
{
    return bytes_below(word ^ (BYTES_EACH * byte), 1);
}

/* Not zero when a byte is no printable ASCII: below ' ', DEL, or above. */
static inline uint64_t bytes_unprintable(uint64_t word)
{
    return (word & BYTES_HIGH) | bytes_below(word, ' ') | bytes_equal(word, 127);
}

/* How many bytes at the front are printable ASCII. */
static inline uint32_t text_printable_run(struct text text)
{
    uint32_t run = 0;
    while (text.length - run >= 8 && !bytes_unprintable(bytes_load(text.data + run)))
        run += 8;
    while (run < text.length && text.data[run] >= ' ' && text.data[run] <= '~')
        run++;
    return run;
}
