/* The table thread: writes frozen deltas into the tables, and copies the store for a backup.

   A checkpoint must be there whole or not at all, and must not keep the log waiting. RocksDB has one queue of writers, so
   one large batch would stop every commit for as long as it is inserted. The rows go in small unlogged batches instead,
   and lie in memory until the flush at the end. Should a memtable be written out in between, by its size, and the process
   end before the rest, the tables on disk are a mixture: for that the first batch says which checkpoint has started and
   the last one which is applied, and an opening that finds them different drops the tables and replays the log. */
#include "store/rocks_store.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- checkpoints ---- */

static bool wait_durable(struct rocks_store *store, uint64_t lsn)
{
    pthread_mutex_lock(&store->durable_mutex);
    while (store->acknowledged.lsn < lsn && !store->log_ended && !atomic_load(&store->failed))
        pthread_cond_wait(&store->durable_moved, &store->durable_mutex);
    bool durable = store->acknowledged.lsn >= lsn;
    pthread_mutex_unlock(&store->durable_mutex);
    return durable && !atomic_load(&store->failed);
}

static bool write_chunk(struct rocks_store *store, char problem[PROBLEM_SIZE])
{
    bool good = rocks_write(store->rocks, store->table_batch, ROCKS_UNLOGGED, problem);
    rocks_batch_clear(store->table_batch);
    return good;
}

static bool write_rows(struct rocks_store *store, const struct table_job *job, char problem[PROBLEM_SIZE])
{
    struct rocks_batch *batch = store->table_batch;
    rocks_batch_clear(batch);
    meta_put_number(batch, "Mstarted", job->lsn);
    const struct ordered_entry *entry = ordered_at_or_after(job->frozen, LITERAL(""));
    for (; entry; entry = ordered_next(entry)) {
        if (entry->tombstone)
            rocks_batch_delete(batch, entry->key);
        else
            rocks_batch_put(batch, entry->key, entry->value);
        bool full = rocks_batch_bytes(batch) >= CHECKPOINT_CHUNK_BYTES;
        if (full && (atomic_load(&store->failed) || !write_chunk(store, problem))) return false;
    }
    meta_put_number(batch, "Mapplied", job->lsn);
    CRASHPOINT("checkpoint-rows");
    if (!write_chunk(store, problem)) return false;
    CRASHPOINT("checkpoint-written");
    if (!rocks_flush(store->rocks, problem)) return false;
    CRASHPOINT("checkpoint-flushed");
    return true;
}

static void checkpoint_run(struct rocks_store *store, const struct table_job *job)
{
    if (!wait_durable(store, job->lsn)) return;
    CRASHPOINT("checkpoint-begun");
    char problem[PROBLEM_SIZE] = "";
    int64_t began = monotonic_ns();
    pthread_mutex_lock(&store->tables_mutex);
    bool good = write_rows(store, job, problem);
    if (good && !mark_sync(&store->mark)) {
        snprintf(problem, sizeof problem, "mark: %s", strerror(errno));
        good = false;
    }
    pthread_mutex_unlock(&store->tables_mutex);
    if (!good) {
        store_fail(store, "checkpoint", problem);
        return;
    }
    int64_t took = monotonic_ns() - began;
    store->figures.checkpoints++;
    store->figures.checkpoint_rows += ordered_count(job->frozen);
    store->figures.checkpoint_nanoseconds += (uint64_t)took;
    log_line("store", LOG_DEBUG, "checkpoint", "lsn=%" PRIu64 " rows=%zu ms=%" PRId64, job->lsn,
             ordered_count(job->frozen), took / 1000000);
    CRASHPOINT("checkpoint-marked");
    store->events.checkpointed(store->events.context, job->frozen);
    CRASHPOINT("checkpoint-told");
}

void *table_thread_main(void *context)
{
    struct rocks_store *store = context;
    for (struct inbox_item *items; (items = inbox_wait(&store->table_inbox));) {
        while (items) {
            struct table_job *job = (struct table_job *)items;
            items = items->next;
            checkpoint_run(store, job);
            free(job);
        }
    }
    return NULL;
}

/* ---- backup ---- */

static const char *backup_failed(struct rocks_store *store, const char *path, const char *why)
{
    snprintf(store->backup_problem, PROBLEM_SIZE, "the backup in %.200s failed: %.260s", path, why);
    log_line("store", LOG_WARNING, "backup failed", "path=\"%s\" why=\"%s\"", path, why);
    return store->backup_problem;
}

/* The mark is taken before the copy, so what it acknowledges is in the copy, and written after it: a directory without a
   mark is a backup that did not finish, and does not open. */
static const char *backup_copy(struct rocks_store *store, const char *path)
{
    static const char *const nothing[] = {NULL};
    char rocks_path[PATH_SIZE], mark_path[PATH_SIZE], problem[PROBLEM_SIZE];
    if (!path_join(rocks_path, path, "rocks") || !path_join(mark_path, path, "mark") || !directory_make(path))
        return backup_failed(store, path, strerror(errno));
    if (!directory_holds_only(path, nothing)) return backup_failed(store, path, "the directory is not empty");

    pthread_mutex_lock(&store->durable_mutex);
    struct mark_value acknowledged = store->acknowledged;
    pthread_mutex_unlock(&store->durable_mutex);
    if (!rocks_copy(store->rocks, rocks_path, problem)) return backup_failed(store, path, problem);
    CRASHPOINT("backup-copied");
    if (!directory_sync_all(rocks_path) || !mark_create(mark_path, &acknowledged) || !directory_sync(path))
        return backup_failed(store, path, strerror(errno));
    log_line("store", LOG_INFO, "backup", "path=\"%s\" lsn=%" PRIu64, path, acknowledged.lsn);
    return NULL;
}

const char *rocks_store_backup(struct store *base, const char *path)
{
    struct rocks_store *store = (struct rocks_store *)base;
    pthread_mutex_lock(&store->tables_mutex); /* no half checkpoint is flushed by the copy */
    const char *problem = atomic_load(&store->failed) ? "the store has failed" : backup_copy(store, path);
    pthread_mutex_unlock(&store->tables_mutex);
    return problem;
}
