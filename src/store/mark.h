/* The high-water mark: how far the log was acknowledged, in a small file outside RocksDB, which drops acknowledged
   records without a word when its write-ahead log is damaged or missing. Two slots of 512 bytes are written in turn, each
   with its own checksum, by a plain write after each synchronous one: the mark is never ahead of the log, and a torn slot
   leaves the other. It is synced now and then (at opening, checkpoints and closing). */
#pragma once
#include "store/chain.h"
#include <stdbool.h>

struct mark_value {
    uint8_t identity[IDENTITY_SIZE];
    uint64_t lsn;
    uint8_t chain[CHAIN_SIZE];
};
enum mark_found { MARK_READ, MARK_ABSENT, MARK_DAMAGED, MARK_NEWER, MARK_FAILED };
struct mark {
    int file;
    uint32_t turn; /* of the slot to be written next */
};

enum mark_found mark_read(const char *path, struct mark_value *value);
/* Makes the file anew, synced. These three: false leaves the reason in errno. */
bool mark_create(const char *path, const struct mark_value *value);
bool mark_open(struct mark *mark, const char *path);
bool mark_write(struct mark *mark, const struct mark_value *value);
bool mark_sync(struct mark *mark);
void mark_close(struct mark *mark);
