/* The one door to RocksDB: what the store needs of it, in the project's own types. Only rocks_port.c knows rocksdb/c.h.
   A problem is a sentence of RocksDB's; ENOSPC and the like can only be told by its words. */
#pragma once
#include "actors/runtime/ports.h"
#include "store/store.h"

struct rocks;
struct rocks_batch;
struct rocks_cursor;

struct rocks_config {
    const char *path;
    size_t block_cache_bytes;
    bool create, read_only;
};
enum rocks_sync {
    ROCKS_SYNCED,   /* in the write-ahead log and on the disk when the call returns */
    ROCKS_LOGGED,   /* in the write-ahead log, but maybe not yet on the disk */
    ROCKS_UNLOGGED, /* in memory; on the disk after the next flush */
};

/* The exit code for a problem: what the system refused; anything else is damage. */
int rocks_problem_code(const char *problem);
struct rocks *rocks_open(const struct rocks_config *config, char problem[PROBLEM_SIZE]);
void rocks_close(struct rocks *rocks); /* writes nothing: what is not flushed and not logged is gone */

/* For one whose write failed: it stays open until the process ends, since 7.8 asserts when it closes a file that failed.
   exit() then runs no handlers but those registered later. */
void rocks_abandon(struct rocks *rocks);

/* MISS only with TIER_MEMORY. What is damaged is logged. */
enum found rocks_get(struct rocks *rocks, struct text key, enum tier tier, struct arena *arena, struct text *value);

/* Rows with from <= key < to; an absent bound is none. Key and value are valid until the next step. `once`: a long walk
   that should not push everything else out of the block cache. */
struct rocks_cursor *rocks_cursor_open(struct rocks *rocks, struct text from, struct text to, bool reverse,
                                       enum tier tier, bool once);
bool rocks_cursor_row(struct rocks_cursor *cursor, struct text *key, struct text *value);
void rocks_cursor_next(struct rocks_cursor *cursor);
/* FOUND when every row was seen as far as the cursor went; `problem` may be NULL. */
enum found rocks_cursor_close(struct rocks_cursor *cursor, char problem[PROBLEM_SIZE]);

struct rocks_batch *rocks_batch_create(void);
void rocks_batch_destroy(struct rocks_batch *batch);
void rocks_batch_clear(struct rocks_batch *batch);
size_t rocks_batch_bytes(struct rocks_batch *batch);
void rocks_batch_put(struct rocks_batch *batch, struct text key, struct text value);
void rocks_batch_put_parts(struct rocks_batch *batch, struct text key, const struct text parts[3]);
void rocks_batch_delete(struct rocks_batch *batch, struct text key);
void rocks_batch_delete_range(struct rocks_batch *batch, struct text from, struct text to);

bool rocks_write(struct rocks *rocks, struct rocks_batch *batch, enum rocks_sync sync, char problem[PROBLEM_SIZE]);
bool rocks_flush(struct rocks *rocks, char problem[PROBLEM_SIZE]);
/* A copy in a new directory, with hard links where it can. Flushes first. */
bool rocks_copy(struct rocks *rocks, const char *path, char problem[PROBLEM_SIZE]);
uint64_t rocks_figure(struct rocks *rocks, const char *property);
uint64_t rocks_cache_bytes(struct rocks *rocks);
