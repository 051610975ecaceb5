/* The log thread: takes batches, chains their records, writes them with one synchronous write, moves the mark, says so.

   Group commit: while one write is under way the next batches gather, so nothing has to wait when there is little to do.
   When commits come faster than one in COMMIT_INTERVAL_NS and find batches waiting that came meanwhile, the thread pauses a
   little before it takes them, so that fsyncs do not eat the processor that would produce the next records. Clients that
   all wait for the same commit never meet a pause: nobody else would come. */
#include "store/rocks_store.h"
#include "base/check.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

enum {
    COMMIT_INTERVAL_NS = 500 * 1000,
    PAUSE_STEP_NS = 25 * 1000,
    PAUSE_MOST_NS = 400 * 1000,
    TIMER_SLACK_NS = 5 * 1000, /* the kernel's 50 µs would double a short pause */
};

int64_t monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void batch_free(struct batch *batch)
{
    buffer_free(&batch->records);
    slot_writes_free(batch->keys.made);
    slot_writes_free(batch->keys.erased);
    free(batch);
}

void store_fail(struct rocks_store *store, const char *what, const char *why)
{
    if (atomic_exchange(&store->failed, true)) return;
    log_line("store", LOG_ERROR, "a write failed; nothing more is written", "what=\"%s\" why=\"%s\" durable=%" PRIu64,
             what, why, atomic_load(&store->durable_lsn));
    store->events.failed(store->events.context, why);
}

/* ---- one commit ---- */

static uint32_t records_add(struct rocks_store *store, struct batch *batch)
{
    CHECK(batch->first_lsn == store->written_lsn + 1);
    struct text rest = buffer_as_text(&batch->records), head, body;
    uint32_t count = 0;
    for (; batch_next(&rest, &head, &body); count++) {
        uint8_t prefix[RECORD_PREFIX_SIZE], key[LOG_KEY_SIZE];
        record_seal(store->chain, ++store->written_lsn, head, body, prefix);
        const struct text parts[3] = {{(const char *)prefix, RECORD_PREFIX_SIZE}, head, body};
        rocks_batch_put_parts(store->log_batch, log_key(key, store->written_lsn), parts);
    }
    CHECK(batch->last_lsn == store->written_lsn);
    return count;
}

static bool keys_write(struct rocks_store *store, struct keyring *keyring, struct slot_write **rows)
{
    if (!*rows || keyring_write(keyring, rows)) return true;
    store_fail(store, "keys", strerror(errno));
    return false;
}

/* The mark follows the synchronous write, never the other way round. */
static bool write_and_mark(struct rocks_store *store, struct mark_value *value)
{
    char problem[PROBLEM_SIZE];
#if defined MUTANT && MUTANT == 1
    enum rocks_sync sync = ROCKS_LOGGED;
#else
    enum rocks_sync sync = ROCKS_SYNCED;
#endif
#if defined MUTANT && MUTANT == 35
    value->lsn = store->written_lsn;
    memcpy(value->identity, store->identity, IDENTITY_SIZE);
    memcpy(value->chain, store->chain, CHAIN_SIZE);
    mark_write(&store->mark, value);
#endif
    if (!rocks_write(store->rocks, store->log_batch, sync, problem)) {
#if !defined MUTANT || MUTANT != 31
        store_fail(store, "log", problem);
        return false;
#endif
    }
    value->lsn = store->written_lsn;
    memcpy(value->identity, store->identity, IDENTITY_SIZE);
    memcpy(value->chain, store->chain, CHAIN_SIZE);
    CRASHPOINT("log-written");
    if (mark_write(&store->mark, value)) return true;
    store_fail(store, "mark", strerror(errno));
    return false;
}

static void acknowledge(struct rocks_store *store, const struct mark_value *value)
{
    pthread_mutex_lock(&store->durable_mutex);
    store->acknowledged = *value;
    atomic_store(&store->durable_lsn, value->lsn);
    pthread_cond_broadcast(&store->durable_moved);
    pthread_mutex_unlock(&store->durable_mutex);
    store->events.durable(store->events.context, value->lsn);
}

static void count_commit(struct figures *figures, uint32_t batches, uint32_t records, size_t bytes, int64_t nanoseconds)
{
    uint32_t bucket = 0;
    while (bucket < RECORDS_BUCKETS - 1 && records > 1u << 2 * bucket)
        bucket++;
    figures->commits++;
    figures->batches += batches;
    figures->records += records;
    figures->log_bytes += bytes;
    figures->commit_nanoseconds += (uint64_t)nanoseconds;
    durations_add(&figures->commit_lengths, (uint64_t)nanoseconds);
    figures->records_buckets[bucket]++;
}

/* `waited`: there were batches when the last commit was done. */
static void pause_adapt(struct rocks_store *store, bool waited)
{
    int64_t now = monotonic_ns();
    bool hurried = waited && now - store->taken_ns < COMMIT_INTERVAL_NS && !store->config.hasty;
    store->taken_ns = now;
    store->pause_ns += hurried ? PAUSE_STEP_NS : -PAUSE_STEP_NS;
    if (store->pause_ns < 0) store->pause_ns = 0;
    if (store->pause_ns > PAUSE_MOST_NS) store->pause_ns = PAUSE_MOST_NS;
}

/* Writes as many of the waiting batches as fit one write; returns the rest. */
static struct inbox_item *commit(struct rocks_store *store, struct inbox_item *items)
{
    int64_t began = monotonic_ns();
    uint32_t batches = 0, records = 0;
    struct keyring *keyring = NULL;
    struct keyring_writes keys = {0};
    rocks_batch_clear(store->log_batch);
    while (items && rocks_batch_bytes(store->log_batch) < COMMIT_BYTES_MOST) {
        struct batch *batch = (struct batch *)items;
        items = items->next;
        records += records_add(store, batch);
        batches++;
        keyring = batch->keyring;
        keyring_writes_move(&batch->keys, &keys);
        batch_free(batch);
    }
    struct mark_value value;
    CRASHPOINT("log-taken");
    /* A key is durable before what it seals, and gone before its erasure is acknowledged. */
    bool good = keys_write(store, keyring, &keys.made);
    CRASHPOINT("keys-made");
    good = good && write_and_mark(store, &value);
    CRASHPOINT("mark-written");
    good = good && keys_write(store, keyring, &keys.erased);
    if (!good) {
        slot_writes_free(keys.made);
        slot_writes_free(keys.erased);
        return items;
    }
    acknowledge(store, &value);
    CRASHPOINT("acknowledged");
    count_commit(&store->figures, batches, records, rocks_batch_bytes(store->log_batch), monotonic_ns() - began);
    return items;
}

/* ---- the thread ---- */

static void sleep_ns(int64_t nanoseconds)
{
    struct timespec left = {.tv_nsec = nanoseconds};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static struct inbox_item *gather(struct rocks_store *store)
{
    struct inbox_item *items = inbox_take(&store->log_inbox);
    pause_adapt(store, items != NULL);
    if (!items) return inbox_wait(&store->log_inbox);
    if (store->pause_ns) sleep_ns(store->pause_ns);
    struct inbox_item *last = items;
    while (last->next)
        last = last->next;
    last->next = inbox_take(&store->log_inbox);
    return items;
}

void *log_thread_main(void *context)
{
    struct rocks_store *store = context;
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS, 0, 0, 0);
    for (struct inbox_item *items; (items = gather(store));) {
        while (items && !atomic_load(&store->failed))
            items = commit(store, items);
        while (items) { /* after a failure: never durable */
            struct batch *batch = (struct batch *)items;
            items = items->next;
            batch_free(batch);
        }
    }
    pthread_mutex_lock(&store->durable_mutex);
    store->log_ended = true;
    pthread_cond_broadcast(&store->durable_moved);
    pthread_mutex_unlock(&store->durable_mutex);
    return NULL;
}
