/* Is a store whole? Reads through a database that is open for reading, before anything is written: a writing open deletes
   a damaged write-ahead log. */
#pragma once
#include "store/mark.h"
#include "store/rocks_port.h"

enum { STORE_FORMAT = 1, LOG_SPACE = 'L', META_SPACE = 'M', LOG_KEY_SIZE = 9 };

struct text log_key(uint8_t key[LOG_KEY_SIZE], uint64_t lsn);

/* What the store keeps about itself: rows "M…" of eight bytes, big-endian, and the identity. */
struct meta {
    uint64_t format, applied_lsn;
    uint64_t started_lsn; /* of the checkpoint under way; another than applied_lsn: it did not finish */
    uint8_t identity[IDENTITY_SIZE];
    uint8_t tables[TABLES_SIZE]; /* how the tables are derived; zero: nobody has said */
};
void meta_put_number(struct rocks_batch *batch, const char *name, uint64_t value);
void meta_put(struct rocks_batch *batch, const struct meta *meta);
void meta_put_tables(struct rocks_batch *batch, const uint8_t tables[TABLES_SIZE]);
/* 0, or an exit code and a sentence. */
int meta_read(struct rocks *rocks, struct meta *meta, char problem[PROBLEM_SIZE]);

struct log_walk {
    uint64_t from;                 /* first record to look at */
    uint8_t chain[CHAIN_SIZE];     /* in: of the record before; out: of the last good one */
    uint64_t last;                 /* out: the last good record, from - 1 when there is none */
    const struct mark_value *mark; /* may be NULL */
    bool (*visit)(void *context, uint64_t lsn, struct text value); /* may be NULL; false ends the walk as a failure */
    void *context;
};
/* Every record to the end of the log follows the one before, and the one of the mark is the one that was acknowledged. */
bool log_walk(struct rocks *rocks, struct log_walk *walk, char problem[PROBLEM_SIZE]);
/* The chain after record `lsn`; the first link for 0. */
bool log_chain_at(struct rocks *rocks, const struct meta *meta, uint64_t lsn, uint8_t chain[CHAIN_SIZE]);

struct log_state {
    struct meta meta;
    uint64_t last_lsn;
    uint8_t chain[CHAIN_SIZE]; /* after last_lsn */
    bool tables_unfinished;    /* a checkpoint did not finish */
    bool tables_other;         /* they are derived in another way than the one wanted */
    bool tables_lost;          /* either: replay starts at the first record */
};
/* The whole check of an opening: mark, and the log from applied_lsn on (or from its first record). `tables`: as in the
   store's configuration. */
int log_check(struct rocks *rocks, const char *rocks_path, const struct mark_value *mark, const uint8_t *tables,
              bool from_first, struct log_state *state, char problem[PROBLEM_SIZE]);
