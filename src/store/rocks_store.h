/* The store on RocksDB, inside: one struct, the threads that own its parts. Only files of this folder include it.

     caller ──append──▶ log_inbox ──▶ log thread ──synchronous write──▶ mark ──▶ events.durable
            ──checkpoint─▶ table_inbox ─▶ table thread ─(waits until durable)─ rows in small unlogged batches, flush ─▶ events.checkpointed
     get, scan, read_log, backup: any thread */
#pragma once
#include "base/durations.h"
#include "base/inbox.h"
#include "store/directory.h"
#include "store/log_check.h"
#include <pthread.h>
#include <stdatomic.h>

#ifdef TINY
enum { COMMIT_BYTES_MOST = 700, CHECKPOINT_CHUNK_BYTES = 90 };
#else
enum {
    COMMIT_BYTES_MOST = 4 * 1024 * 1024, /* waiting batches that go into one write */
    CHECKPOINT_CHUNK_BYTES = 64 * 1024,  /* a commit may wait for one chunk: some hundred microseconds */
};
#endif
enum { RECORDS_BUCKETS = 8 }; /* of records a commit: up to 1, 4, 16, … 4096, more */

struct figures { /* what the metrics tell; each written by one thread */
    _Atomic uint64_t commits, batches, records, log_bytes, commit_nanoseconds;
    _Atomic uint64_t records_buckets[RECORDS_BUCKETS];
    struct durations commit_lengths;
    _Atomic uint64_t checkpoints, checkpoint_rows, checkpoint_nanoseconds, damaged_reads;
};
struct rocks_store {
    struct store store; /* first: a store is one */
    struct store_events events;
    struct store_config config;
    char path[PATH_SIZE], rocks_path[PATH_SIZE], mark_path[PATH_SIZE];
    int lock_file;
    struct rocks *rocks;
    uint64_t applied_lsn, last_lsn; /* at opening */
    uint8_t identity[IDENTITY_SIZE];

    atomic_bool failed;
    pthread_mutex_t durable_mutex; /* guards acknowledged and log_ended */
    pthread_cond_t durable_moved;
    struct mark_value acknowledged;
    bool log_ended;               /* nothing more becomes durable */
    _Atomic uint64_t durable_lsn; /* as acknowledged.lsn, for readers */

    /* the log thread's own */
    pthread_t log_thread;
    struct inbox log_inbox;
    struct rocks_batch *log_batch;
    struct mark mark;
    uint64_t written_lsn;
    uint8_t chain[CHAIN_SIZE]; /* after written_lsn */
    int64_t pause_ns, taken_ns;

    /* the table thread's own */
    pthread_t table_thread;
    struct inbox table_inbox;
    struct rocks_batch *table_batch;
    pthread_mutex_t tables_mutex; /* held while a checkpoint is written, and by a backup */
    char backup_problem[PROBLEM_SIZE];

    pthread_mutex_t memo_mutex; /* the record read last: the next one is verified against it */
    uint64_t memo_lsn;
    uint8_t memo_chain[CHAIN_SIZE];

    struct figures figures;
};
struct table_job {
    struct inbox_item item;
    struct ordered *frozen;
    uint64_t lsn;
};

extern const struct store_calls rocks_calls;

struct rocks_store *store_new(const struct store_config *config);
void store_abandon(struct rocks_store *store); /* closes what is open; no threads run */
int store_open_to_salvage(struct rocks_store *store, char problem[PROBLEM_SIZE]); /* for reading, unchecked */
int store_create_to_fill(struct rocks_store *store, const uint8_t identity[IDENTITY_SIZE], char problem[PROBLEM_SIZE]);
void *log_thread_main(void *store);
void *table_thread_main(void *store);
/* Once: says why, and nothing is written after it. */
void store_fail(struct rocks_store *store, const char *what, const char *why);
void batch_free(struct batch *batch);
const char *rocks_store_backup(struct store *store, const char *path);
void rocks_store_metrics(struct store *store, struct buffer *out);
int64_t monotonic_ns(void);
