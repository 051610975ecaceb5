/* Records of the log and their chain. The first byte chooses: an even one damages a chain that was sealed here (the second
   byte is the number of records, then each with a length before it, then edits of three bytes), an odd one parses bytes.

   - a chain that was sealed verifies; with any byte changed it does not, at that record or the next one;
   - a value that parses has its head and body inside, and nothing else. */
#include "fuzz/fuzz.h"
#include "store/chain.h"
#include <stdlib.h>
#include <string.h>

enum { RECORDS_MOST = 8 };

struct log {
    struct buffer values[RECORDS_MOST];
    uint32_t count;
};

static const uint8_t identity[IDENTITY_SIZE] = {4, 2};

/* The first record that is wrong; the count when all are right. */
static uint32_t verified(const struct log *log)
{
    uint8_t chain[CHAIN_SIZE];
    chain_first(identity, chain);
    for (uint32_t i = 0; i < log->count; i++) {
        struct record record;
        char *copy = fuzz_copy(buffer_as_text(&log->values[i]));
        bool good = record_parse((struct text){copy, (uint32_t)log->values[i].length}, &record) &&
                    !record_verify(&record, chain, i + 1);
        if (good) memcpy(chain, record.chain, CHAIN_SIZE);
        free(copy);
        if (!good) return i;
    }
    return log->count;
}

static void damage(struct arena *arena, struct input *input)
{
    struct log log = {.count = 1 + input_byte(input) % RECORDS_MOST};
    uint8_t chain[CHAIN_SIZE], prefix[RECORD_PREFIX_SIZE];
    chain_first(identity, chain);
    for (uint32_t i = 0; i < log.count; i++) {
        struct text head = input_take(input, input_byte(input)), body = input_take(input, input_byte(input));
        if (!body.length) body = LITERAL("\x80"); /* a body is a map: one without bytes would be an erased one */
        record_seal(chain, i + 1, head, body, prefix);
        log.values[i].arena = arena;
        buffer_bytes(&log.values[i], prefix, sizeof prefix);
        buffer_text(&log.values[i], head);
        buffer_text(&log.values[i], body);
    }
    MUST(verified(&log) == log.count, "a good chain is refused");
    while (input->left >= 3) {
        uint32_t record = input_byte(input) % log.count;
        struct buffer *value = &log.values[record];
        uint32_t at = input_byte(input) % value->length;
        char change = (char)input_byte(input);
        if (!change) continue;
        value->data[at] ^= change;
        MUST(verified(&log) == record, "byte %u of record %u of %u was changed", at, record, log.count);
        value->data[at] ^= change;
    }
    if (log.count > 1) {
        struct buffer first = log.values[0];
        log.values[0] = log.values[1];
        log.values[1] = first;
        MUST(verified(&log) == 0, "two records were exchanged");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct arena *arena = arena_create();
    if (input_byte(&input) % 2) {
        struct text value = input_rest(&input);
        struct record record;
        char *copy = fuzz_copy(value);
        if (record_parse((struct text){copy, value.length}, &record))
            MUST(record.head.data == copy + RECORD_PREFIX_SIZE &&
                     record.body.data == record.head.data + record.head.length &&
                     record.body.data + record.body.length == copy + value.length,
                 "head and body are not the value");
        free(copy);
    } else {
        damage(arena, &input);
    }
    arena_destroy(arena);
    return 0;
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    struct buffer bytes = {0};
    buffer_bytes(&bytes, "\0\3\2\3hebod\1\1he\0\0\4\1body\0\1\1\1\100\1\2\112\200", 28);
    fuzz_seed(seeds, &bytes);
    buffer_byte(&bytes, 1);
    for (int i = 0; i < RECORD_PREFIX_SIZE - 8; i++)
        buffer_byte(&bytes, (char)(i == 2 * CHAIN_SIZE ? 0 : i));
    buffer_bytes(&bytes, "\0\0\0\1\0\0\0\2hbo", 11);
    fuzz_seed(seeds, &bytes);
    buffer_free(&bytes);
}
