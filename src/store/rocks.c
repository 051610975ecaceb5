/* The calls of an open store: what the port promises, on top of the threads and the database. */
#include "store/rocks_store.h"
#include "base/check.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rocks_store *self(struct store *store)
{
    return (struct rocks_store *)store;
}

/* ---- writing ---- */

static void store_append(struct store *base, struct batch *batch)
{
    struct rocks_store *store = self(base);
    CHECK(!store->config.read_only);
    if (!inbox_push(&store->log_inbox, &batch->item)) batch_free(batch);
}

static void store_checkpoint(struct store *base, struct ordered *frozen, uint64_t lsn)
{
    struct rocks_store *store = self(base);
    CHECK(!store->config.read_only);
    struct table_job *job = memory_alloc(sizeof *job);
    *job = (struct table_job){.frozen = frozen, .lsn = lsn};
    if (!inbox_push(&store->table_inbox, &job->item)) free(job);
}

/* ---- reading ---- */

static enum found counted(struct rocks_store *store, enum found found)
{
    if (found == DAMAGED) store->figures.damaged_reads++;
    return found;
}

static enum found store_get(struct store *base, struct text key, enum tier tier, struct arena *arena,
                            struct text *value)
{
    struct rocks_store *store = self(base);
    return counted(store, rocks_get(store->rocks, key, tier, arena, value));
}

static enum found store_scan(struct store *base, struct text from, struct text to, bool reverse, uint32_t limit,
                             enum tier tier, struct arena *arena, struct table_row *rows, uint32_t *count)
{
    struct rocks_store *store = self(base);
    struct rocks_cursor *cursor = rocks_cursor_open(store->rocks, from, to, reverse, tier, false);
    uint32_t found_rows = 0;
    for (struct text key, value; found_rows < limit && rocks_cursor_row(cursor, &key, &value); found_rows++) {
        rows[found_rows] = (struct table_row){arena_text(arena, key), arena_text(arena, value)};
        if (found_rows + 1 < limit) rocks_cursor_next(cursor);
    }
    enum found found = rocks_cursor_close(cursor, NULL);
    *count = found == FOUND ? found_rows : 0;
    return counted(store, found);
}

/* The chain of the record before `lsn`: remembered when that one was read last, else looked up. */
static bool chain_before(struct rocks_store *store, uint64_t lsn, uint8_t chain[CHAIN_SIZE])
{
    pthread_mutex_lock(&store->memo_mutex);
    bool known = store->memo_lsn == lsn - 1 && lsn > 1;
    if (known) memcpy(chain, store->memo_chain, CHAIN_SIZE);
    pthread_mutex_unlock(&store->memo_mutex);
    if (known) return true;
    struct meta meta;
    memcpy(meta.identity, store->identity, IDENTITY_SIZE);
    return log_chain_at(store->rocks, &meta, lsn - 1, chain);
}

static void chain_remember(struct rocks_store *store, uint64_t lsn, const uint8_t chain[CHAIN_SIZE])
{
    pthread_mutex_lock(&store->memo_mutex);
    store->memo_lsn = lsn;
    memcpy(store->memo_chain, chain, CHAIN_SIZE);
    pthread_mutex_unlock(&store->memo_mutex);
}

static const char *record_read(struct rocks_store *store, uint64_t lsn, struct arena *arena, struct record *record)
{
    uint8_t key[LOG_KEY_SIZE], chain[CHAIN_SIZE];
    struct text value;
    if (rocks_get(store->rocks, log_key(key, lsn), TIER_DISK, arena, &value) != FOUND)
        return "is missing or cannot be read";
    if (!record_parse(value, record)) return "is not a record";
    if (!chain_before(store, lsn, chain)) return "has no record before it";
    const char *wrong = record_verify(record, chain, lsn);
    if (!wrong) chain_remember(store, lsn, record->chain);
    return wrong;
}

/* A record whose write failed may be in the database: beyond durable_lsn there is nothing. */
static enum found store_read_log(struct store *base, uint64_t lsn, struct arena *arena, struct text *head,
                                 struct text *body)
{
    struct rocks_store *store = self(base);
    if (!lsn || lsn > atomic_load(&store->durable_lsn)) return ABSENT;
    struct record record;
    const char *wrong = record_read(store, lsn, arena, &record);
    if (wrong) {
        log_line("store", LOG_ERROR, "a log record is damaged", "lsn=%" PRIu64 " why=\"%s\"", lsn, wrong);
        return counted(store, DAMAGED);
    }
    *head = record.head;
    *body = record.body;
    return FOUND;
}

/* The records that are whole, up to the first that is not. */
static uint32_t stretch_read(struct rocks_store *store, uint64_t lsn, uint64_t last, size_t bytes, struct arena *arena,
                             struct table_row *rows)
{
    uint8_t from[LOG_KEY_SIZE], to[LOG_KEY_SIZE], wanted[LOG_KEY_SIZE], chain[CHAIN_SIZE];
    if (!chain_before(store, lsn, chain)) return 0;
    struct rocks_cursor *cursor =
        rocks_cursor_open(store->rocks, log_key(from, lsn), log_key(to, last + 1), false, TIER_DISK, true);
    uint32_t count = 0;
    size_t read = 0;
    struct text key, value;
    while (lsn <= last && read < bytes && rocks_cursor_row(cursor, &key, &value)) {
        struct record record;
        value = arena_text(arena, value);
        if (!text_equal(key, log_key(wanted, lsn)) || !record_parse(value, &record) ||
            record_verify(&record, chain, lsn))
            break;
        memcpy(chain, record.chain, CHAIN_SIZE);
        rows[count++] = (struct table_row){record.head, record.body};
        read += value.length;
        if (lsn++ < last) rocks_cursor_next(cursor);
    }
    rocks_cursor_close(cursor, NULL);
    if (count) chain_remember(store, lsn - 1, chain);
    return count;
}

static enum found store_read_stretch(struct store *base, uint64_t lsn, uint32_t most, size_t bytes, struct arena *arena,
                                     struct table_row *rows, uint32_t *count)
{
    struct rocks_store *store = self(base);
    uint64_t durable = atomic_load(&store->durable_lsn), last = lsn + most - 1;
    *count = 0;
    if (last > durable) last = durable;
    if (lsn && lsn < last) *count = stretch_read(store, lsn, last, bytes, arena, rows);
    if (*count) return FOUND;
    enum found found = store_read_log(base, lsn, arena, &rows[0].key, &rows[0].value);
    *count = found == FOUND;
    return found;
}

/* ---- notes ---- */

static struct text note_key(struct arena *arena, const char *name)
{
    return arena_format(arena, "%cnote.%s", META_SPACE, name);
}

static bool store_note(struct store *base, const char *name, struct text value)
{
    struct rocks_store *store = self(base);
    CHECK(!store->config.read_only);
    if (atomic_load(&store->failed)) return false;
    char problem[PROBLEM_SIZE];
    struct arena *arena = arena_create();
    struct rocks_batch *batch = rocks_batch_create();
    if (value.data)
        rocks_batch_put(batch, note_key(arena, name), value);
    else
        rocks_batch_delete(batch, note_key(arena, name));
    bool good = rocks_write(store->rocks, batch, ROCKS_LOGGED, problem);
    if (!good) store_fail(store, "note", problem);
    rocks_batch_destroy(batch);
    arena_destroy(arena);
    return good;
}

static enum found store_noted(struct store *base, const char *name, struct arena *arena, struct text *value)
{
    struct rocks_store *store = self(base);
    return counted(store, rocks_get(store->rocks, note_key(arena, name), TIER_DISK, arena, value));
}

static bool store_names(struct store *base, const char *prefix, bool (*visit)(void *context, struct text name),
                        void *context)
{
    struct rocks_store *store = self(base);
    struct arena *arena = arena_create();
    struct text from = note_key(arena, prefix), key, value;
    uint32_t before = from.length - (uint32_t)strlen(prefix);
    struct text to = arena_format(arena, "%.*s\xff", TEXT_ARGUMENTS(from));
    struct rocks_cursor *cursor = rocks_cursor_open(store->rocks, from, to, false, TIER_DISK, true);
    bool good = true;
    for (; good && rocks_cursor_row(cursor, &key, &value); rocks_cursor_next(cursor))
        good = visit(context, (struct text){key.data + before, key.length - before});
    good &= counted(store, rocks_cursor_close(cursor, NULL)) == FOUND;
    arena_destroy(arena);
    return good;
}

static uint64_t store_applied_lsn(struct store *base)
{
    return self(base)->applied_lsn;
}

static uint64_t store_last_lsn(struct store *base)
{
    return self(base)->last_lsn;
}

static uint64_t store_free_bytes(struct store *base)
{
    struct rocks_store *store = self(base);
    uint64_t available = 0;
    directory_free(store->path, &available);
    return available > store->config.reserve_bytes ? available - store->config.reserve_bytes : 0;
}

/* ---- metrics ---- */

static void figure(struct buffer *out, const char *name, const char *type, uint64_t value)
{
    buffer_format(out, "# TYPE souk_store_%s %s\nsouk_store_%s %" PRIu64 "\n", name, type, name, value);
}

static void seconds(struct buffer *out, const char *name, uint64_t nanoseconds)
{
    buffer_format(out, "# TYPE souk_store_%s counter\nsouk_store_%s %" PRIu64 ".%09" PRIu64 "\n", name, name,
                  nanoseconds / 1000000000, nanoseconds % 1000000000);
}

static void records_histogram(struct figures *figures, struct buffer *out)
{
    uint64_t so_far = 0;
    buffer_string(out, "# TYPE souk_store_commit_records histogram\n");
    for (uint32_t i = 0; i + 1 < RECORDS_BUCKETS; i++) {
        so_far += figures->records_buckets[i];
        buffer_format(out, "souk_store_commit_records_bucket{le=\"%u\"} %" PRIu64 "\n", 1u << 2 * i, so_far);
    }
    so_far += figures->records_buckets[RECORDS_BUCKETS - 1];
    buffer_format(out, "souk_store_commit_records_bucket{le=\"+Inf\"} %" PRIu64 "\n", so_far);
    buffer_format(out, "souk_store_commit_records_sum %" PRIu64 "\nsouk_store_commit_records_count %" PRIu64 "\n",
                  (uint64_t)figures->records, so_far);
}

void rocks_store_metrics(struct store *base, struct buffer *out)
{
    struct rocks_store *store = self(base);
    struct figures *figures = &store->figures;
    figure(out, "durable_lsn", "gauge", store->durable_lsn);
    figure(out, "fsyncs_total", "counter", figures->commits);
    figure(out, "batches_total", "counter", figures->batches);
    figure(out, "records_total", "counter", figures->records);
    figure(out, "log_bytes_total", "counter", figures->log_bytes);
    seconds(out, "commit_seconds_total", figures->commit_nanoseconds);
    durations_metrics(&figures->commit_lengths, "souk_store_commit_length_seconds", "from taking batches to durable",
                      out);
    records_histogram(figures, out);
    figure(out, "checkpoints_total", "counter", figures->checkpoints);
    figure(out, "checkpoint_rows_total", "counter", figures->checkpoint_rows);
    seconds(out, "checkpoint_seconds_total", figures->checkpoint_nanoseconds);
    figure(out, "damaged_reads_total", "counter", figures->damaged_reads);
    figure(out, "failed", "gauge", atomic_load(&store->failed));
    figure(out, "free_bytes", "gauge", store_free_bytes(base));
    figure(out, "rocksdb_background_errors_total", "counter", rocks_figure(store->rocks, "rocksdb.background-errors"));
    figure(out, "rocksdb_memtable_bytes", "gauge", rocks_figure(store->rocks, "rocksdb.cur-size-all-mem-tables"));
    figure(out, "rocksdb_table_reader_bytes", "gauge",
           rocks_figure(store->rocks, "rocksdb.estimate-table-readers-mem"));
    figure(out, "rocksdb_block_cache_bytes", "gauge", rocks_cache_bytes(store->rocks));
    figure(out, "rocksdb_live_bytes", "gauge", rocks_figure(store->rocks, "rocksdb.total-sst-files-size"));
    figure(out, "rocksdb_compaction_pending_bytes", "gauge",
           rocks_figure(store->rocks, "rocksdb.estimate-pending-compaction-bytes"));
}

/* ---- closing ---- */

/* What is appended and asked for is written. The flush leaves no write-ahead log to be read at the next start. A failed
   store writes nothing more, and keeps database and lock until the process ends. */
static void store_close(struct store *base)
{
    struct rocks_store *store = self(base);
    if (!store->config.read_only) {
        inbox_close(&store->log_inbox);
        pthread_join(store->log_thread, NULL);
        CRASHPOINT("log-closed");
        inbox_close(&store->table_inbox);
        pthread_join(store->table_thread, NULL);
        char problem[PROBLEM_SIZE];
        bool good = !atomic_load(&store->failed);
        if (good && !rocks_flush(store->rocks, problem))
            store_fail(store, "closing", problem);
        else if (good && !mark_sync(&store->mark))
            store_fail(store, "closing", strerror(errno));
        CRASHPOINT("tables-closed");
        mark_close(&store->mark);
        inbox_destroy(&store->table_inbox);
        inbox_destroy(&store->log_inbox);
        rocks_batch_destroy(store->table_batch);
        rocks_batch_destroy(store->log_batch);
    }
    bool failed = atomic_load(&store->failed);
    if (failed)
        rocks_abandon(store->rocks);
    else
        rocks_close(store->rocks);
    pthread_mutex_destroy(&store->memo_mutex);
    pthread_mutex_destroy(&store->tables_mutex);
    pthread_cond_destroy(&store->durable_moved);
    pthread_mutex_destroy(&store->durable_mutex);
    if (!failed) close(store->lock_file);
    free(store);
}

/* clang-format off */
const struct store_calls rocks_calls = {
    .append = store_append,
    .get = store_get,
    .scan = store_scan,
    .checkpoint = store_checkpoint,
    .read_log = store_read_log,
    .read_stretch = store_read_stretch,
    .note = store_note,
    .noted = store_noted,
    .names = store_names,
    .applied_lsn = store_applied_lsn,
    .last_lsn = store_last_lsn,
    .free_bytes = store_free_bytes,
    .backup = rocks_store_backup,
    .metrics = rocks_store_metrics,
    .close = store_close,
};
/* clang-format on */
