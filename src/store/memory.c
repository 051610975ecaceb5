/* Log: an array of values as on disk. Tables: one ordered map, which only a checkpoint changes. What waits (batches and
   checkpoints) is one queue in the order of the calls; a checkpoint waits for its lsn by standing behind its batch.
   The mutex lets workers read; events are called without it. */
#include "store/memory.h"
#include "base/check.h"
#include "store/chain.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct pending {
    struct pending *next;
    struct batch *batch; /* or a checkpoint: */
    struct ordered *frozen;
    uint64_t lsn;
};
struct memory_store {
    struct store store;
    struct store_events events;
    pthread_mutex_t mutex;
    struct buffer *log; /* [lsn - 1]: values as chain.h says */
    uint64_t log_count, log_room;
    uint64_t appended_lsn;     /* with what waits */
    uint8_t chain[CHAIN_SIZE]; /* after log_count */
    struct ordered *tables;
    uint64_t tables_lsn;
    struct ordered *notes;
    uint64_t opened_applied, opened_last; /* as a restart saw them */
    struct pending *first, **last;
    bool stepped, draining, failed;
    uint32_t miss_every, reads;
    uint64_t calls, fault_at;
    uint64_t batches, checkpoints;
    uint64_t free_bytes;
};

static const uint8_t identity[IDENTITY_SIZE] = "store in memory";

static struct memory_store *self(const struct store *store)
{
    return (struct memory_store *)store;
}

/* ---- faults ---- */

static bool is_fault(struct memory_store *store)
{
    store->calls++;
    return store->fault_at && --store->fault_at == 0;
}

static bool is_miss(struct memory_store *store, enum tier tier)
{
    if (tier == TIER_DISK || !store->miss_every) return false;
    return ++store->reads % store->miss_every == 0;
}

/* ---- what waits ---- */

static void pending_free(struct pending *pending)
{
    if (pending->batch) {
        buffer_free(&pending->batch->records);
        slot_writes_free(pending->batch->keys.made);
        slot_writes_free(pending->batch->keys.erased);
        free(pending->batch);
    }
    free(pending);
}

static struct pending *pending_take(struct memory_store *store)
{
    struct pending *pending = store->first;
    if (!pending) return NULL;
    store->first = pending->next;
    if (!store->first) store->last = &store->first;
    return pending;
}

static void pending_add(struct memory_store *store, struct pending pending)
{
    struct pending *added = memory_alloc(sizeof *added);
    *added = pending;
    *store->last = added;
    store->last = &added->next;
}

static void fail(struct memory_store *store)
{
    bool again = store->failed;
    store->failed = true;
    for (struct pending *pending; (pending = pending_take(store));)
        pending_free(pending);
    pthread_mutex_unlock(&store->mutex);
    if (!again) store->events.failed(store->events.context, "a fault was asked for");
    pthread_mutex_lock(&store->mutex);
}

/* ---- the log ---- */

static void log_add(struct memory_store *store, struct text head, struct text body)
{
    if (store->log_count == store->log_room) {
        store->log_room = store->log_room ? store->log_room * 2 : 64;
        store->log = memory_resize(store->log, store->log_room * sizeof *store->log);
    }
    uint8_t prefix[RECORD_PREFIX_SIZE];
    record_seal(store->chain, store->log_count + 1, head, body, prefix);
    struct buffer value = {0};
    buffer_bytes(&value, prefix, RECORD_PREFIX_SIZE);
    buffer_text(&value, head);
    buffer_text(&value, body);
    store->log[store->log_count++] = value;
}

static void batch_write(struct memory_store *store, struct batch *batch)
{
    CHECK(batch->first_lsn == store->log_count + 1);
    CHECK(keyring_write(batch->keyring, &batch->keys.made));
    struct text rest = buffer_as_text(&batch->records), head, body;
    while (batch_next(&rest, &head, &body))
        log_add(store, head, body);
    CHECK(batch->last_lsn == store->log_count);
    store->batches++;
}

static void checkpoint_write(struct memory_store *store, const struct ordered *frozen, uint64_t lsn)
{
    const struct ordered_entry *entry = ordered_at_or_after(frozen, LITERAL(""));
    for (; entry; entry = ordered_next(entry)) {
        if (entry->tombstone)
            ordered_remove(store->tables, entry->key);
        else
            ordered_set(store->tables, entry->key, entry->value);
    }
    store->tables_lsn = lsn;
    store->checkpoints++;
}

/* Writes the oldest of what waits and says so. The mutex is held, but not while an event is called. */
static bool step(struct memory_store *store)
{
    struct pending *pending = pending_take(store);
    if (!pending) return false;
    if (pending->batch) {
        batch_write(store, pending->batch);
        CHECK(keyring_write(pending->batch->keyring, &pending->batch->keys.erased));
    } else {
        checkpoint_write(store, pending->frozen, pending->lsn);
    }
    uint64_t durable = store->log_count;
    pthread_mutex_unlock(&store->mutex);
    if (pending->batch)
        store->events.durable(store->events.context, durable);
    else
        store->events.checkpointed(store->events.context, pending->frozen);
    pending_free(pending);
    pthread_mutex_lock(&store->mutex);
    return true;
}

/* An event may append: what it adds is taken by the loop that is running. */
static void drain(struct memory_store *store)
{
    if (store->stepped || store->draining) return;
    store->draining = true;
    while (step(store))
        continue;
    store->draining = false;
}

/* ---- the port ---- */

static void memory_append(struct store *base, struct batch *batch)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    pending_add(store, (struct pending){.batch = batch});
    if (is_fault(store) || store->failed) {
        fail(store);
    } else {
        CHECK(batch->first_lsn == store->appended_lsn + 1);
        store->appended_lsn = batch->last_lsn;
        drain(store);
    }
    pthread_mutex_unlock(&store->mutex);
}

static void memory_checkpoint(struct store *base, struct ordered *frozen, uint64_t lsn)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    if (is_fault(store) || store->failed) {
        fail(store);
    } else {
        CHECK(lsn <= store->appended_lsn && lsn >= store->tables_lsn);
        pending_add(store, (struct pending){.frozen = frozen, .lsn = lsn});
        drain(store);
    }
    pthread_mutex_unlock(&store->mutex);
}

/* What every read answers before it reads; FOUND: go on. */
static enum found admit(struct memory_store *store, enum tier tier)
{
    if (is_fault(store)) return DAMAGED;
    return is_miss(store, tier) ? MISS : FOUND;
}

static enum found memory_get(struct store *base, struct text key, enum tier tier, struct arena *arena,
                             struct text *value)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    enum found found = admit(store, tier);
    const struct ordered_entry *entry = found == FOUND ? ordered_get(store->tables, key) : NULL;
    if (entry)
        *value = arena_text(arena, entry->value);
    else if (found == FOUND)
        found = ABSENT;
    pthread_mutex_unlock(&store->mutex);
    return found;
}

/* The first entry of a scan and the one after `entry`; NULL at the end. */
static const struct ordered_entry *scan_next(const struct ordered *tables, const struct ordered_entry *entry,
                                             struct text from, struct text to, bool reverse)
{
    if (reverse) {
        if (!entry)
            entry = to.data ? ordered_before(tables, to) : ordered_last(tables);
        else
            entry = ordered_before(tables, entry->key);
        return entry && text_compare(entry->key, from) < 0 ? NULL : entry;
    }
    entry = entry ? ordered_next(entry) : ordered_at_or_after(tables, from);
    return entry && to.data && text_compare(entry->key, to) >= 0 ? NULL : entry;
}

static enum found memory_scan(struct store *base, struct text from, struct text to, bool reverse, uint32_t limit,
                              enum tier tier, struct arena *arena, struct table_row *rows, uint32_t *count)
{
    struct memory_store *store = self(base);
    if (!from.data) from = LITERAL("");
    *count = 0;
    pthread_mutex_lock(&store->mutex);
    enum found found = admit(store, tier);
    const struct ordered_entry *entry = NULL;
    while (found == FOUND && *count < limit && (entry = scan_next(store->tables, entry, from, to, reverse)))
        rows[(*count)++] = (struct table_row){arena_text(arena, entry->key), arena_text(arena, entry->value)};
    pthread_mutex_unlock(&store->mutex);
    return found;
}

static enum found memory_read_log(struct store *base, uint64_t lsn, struct arena *arena, struct text *head,
                                  struct text *body)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    enum found found = admit(store, TIER_DISK);
    if (found == FOUND && (!lsn || lsn > store->log_count)) found = ABSENT;
    if (found == FOUND) {
        uint8_t previous[CHAIN_SIZE];
        struct record record, before;
        chain_first(identity, previous);
        if (lsn > 1 && record_parse(buffer_as_text(&store->log[lsn - 2]), &before))
            memcpy(previous, before.chain, CHAIN_SIZE);
        bool good =
            record_parse(buffer_as_text(&store->log[lsn - 1]), &record) && !record_verify(&record, previous, lsn);
        if (good) {
            *head = arena_text(arena, record.head);
            *body = arena_text(arena, record.body);
        } else {
            found = DAMAGED;
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return found;
}

static enum found memory_read_stretch(struct store *base, uint64_t lsn, uint32_t most, size_t bytes,
                                      struct arena *arena, struct table_row *rows, uint32_t *count)
{
    enum found found = FOUND;
    size_t read = 0;
    for (*count = 0; *count < most && (!*count || read < bytes); (*count)++) {
        struct table_row *row = &rows[*count];
        found = memory_read_log(base, lsn + *count, arena, &row->key, &row->value);
        if (found != FOUND) break;
        read += row->key.length + row->value.length;
    }
    return *count ? FOUND : found;
}

static bool memory_note(struct store *base, const char *name, struct text value)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    bool good = !store->failed;
    if (good && value.data) ordered_set(store->notes, text_of(name), value);
    if (good && !value.data) ordered_remove(store->notes, text_of(name));
    pthread_mutex_unlock(&store->mutex);
    return good;
}

static enum found memory_noted(struct store *base, const char *name, struct arena *arena, struct text *value)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    const struct ordered_entry *entry = ordered_get(store->notes, text_of(name));
    if (entry) *value = arena_text(arena, entry->value);
    pthread_mutex_unlock(&store->mutex);
    return entry ? FOUND : ABSENT;
}

/* What follows one name is sought anew, so a visit may forget it. */
static bool memory_names(struct store *base, const char *prefix, bool (*visit)(void *context, struct text name),
                         void *context)
{
    struct memory_store *store = self(base);
    struct arena *arena = arena_create();
    struct text after = text_of(prefix);
    bool good = true;
    while (good) {
        pthread_mutex_lock(&store->mutex);
        const struct ordered_entry *entry = ordered_at_or_after(store->notes, after);
        struct text name = entry ? arena_text(arena, entry->key) : (struct text){0};
        pthread_mutex_unlock(&store->mutex);
        if (!entry || !text_starts_with(name, prefix)) break;
        good = visit(context, name);
        after = (struct text){name.data, name.length + 1}; /* with its terminating zero: the least that is greater */
    }
    arena_destroy(arena);
    return good;
}

static uint64_t memory_applied_lsn(struct store *base)
{
    return self(base)->opened_applied;
}

static uint64_t memory_last_lsn(struct store *base)
{
    return self(base)->opened_last;
}

static uint64_t memory_free_bytes(struct store *base)
{
    return self(base)->free_bytes;
}

static const char *memory_backup(struct store *base, const char *path)
{
    (void)base, (void)path;
    return "a store in memory has no files to copy";
}

static void memory_metrics(struct store *base, struct buffer *out)
{
    struct memory_store *store = self(base);
    buffer_format(out, "# TYPE souk_store_records_total counter\nsouk_store_records_total %" PRIu64 "\n",
                  store->log_count);
    buffer_format(out, "# TYPE souk_store_batches_total counter\nsouk_store_batches_total %" PRIu64 "\n",
                  store->batches);
    buffer_format(out, "# TYPE souk_store_checkpoints_total counter\nsouk_store_checkpoints_total %" PRIu64 "\n",
                  store->checkpoints);
}

static void memory_close(struct store *base)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    while (step(store))
        continue;
    pthread_mutex_unlock(&store->mutex);
    for (uint64_t i = 0; i < store->log_count; i++)
        buffer_free(&store->log[i]);
    free(store->log);
    ordered_destroy(store->tables);
    ordered_destroy(store->notes);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

/* clang-format off */
static const struct store_calls memory_calls = {
    .append = memory_append,
    .get = memory_get,
    .scan = memory_scan,
    .checkpoint = memory_checkpoint,
    .read_log = memory_read_log,
    .read_stretch = memory_read_stretch,
    .note = memory_note,
    .noted = memory_noted,
    .names = memory_names,
    .applied_lsn = memory_applied_lsn,
    .last_lsn = memory_last_lsn,
    .free_bytes = memory_free_bytes,
    .backup = memory_backup,
    .metrics = memory_metrics,
    .close = memory_close,
};
/* clang-format on */

/* ---- for tests ---- */

struct store *memory_store_create(const struct store_events *events)
{
    struct memory_store *store = memory_alloc(sizeof *store);
    store->store.calls = &memory_calls;
    store->events = *events;
    store->last = &store->first;
    store->tables = ordered_create();
    store->notes = ordered_create();
    store->free_bytes = UINT64_C(1) << 40;
    chain_first(identity, store->chain);
    CHECK(pthread_mutex_init(&store->mutex, NULL) == 0);
    return &store->store;
}

void memory_store_listen(struct store *base, const struct store_events *events)
{
    self(base)->events = *events;
}

void memory_store_set_stepped(struct store *base, bool stepped)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    store->stepped = stepped;
    drain(store);
    pthread_mutex_unlock(&store->mutex);
}

bool memory_store_step(struct store *base)
{
    struct memory_store *store = self(base);
    pthread_mutex_lock(&store->mutex);
    bool stepped = step(store);
    pthread_mutex_unlock(&store->mutex);
    return stepped;
}

void memory_store_crash(struct store *base, uint32_t survivors)
{
    struct memory_store *store = self(base);
    uint32_t lost = 0;
    pthread_mutex_lock(&store->mutex);
    for (struct pending *pending; (pending = pending_take(store));) {
        if (pending->batch && survivors) {
            survivors--;
            batch_write(store, pending->batch); /* it was not acknowledged: what it erases may still be there */
        } else if (pending->batch && !lost++) {
            CHECK(keyring_write(pending->batch->keyring, &pending->batch->keys.made));
        }
        pending_free(pending);
    }
    store->failed = false;
    store->fault_at = 0;
    store->appended_lsn = store->opened_last = store->log_count;
    store->opened_applied = store->tables_lsn;
    pthread_mutex_unlock(&store->mutex);
}

void memory_store_miss_every(struct store *base, uint32_t k)
{
    self(base)->miss_every = k;
    self(base)->reads = 0;
}

void memory_store_fault_at(struct store *base, uint64_t n)
{
    self(base)->fault_at = n;
}

uint64_t memory_store_call_count(const struct store *base)
{
    return self(base)->calls;
}

void memory_store_set_free_bytes(struct store *base, uint64_t bytes)
{
    self(base)->free_bytes = bytes;
}

uint64_t memory_store_durable_lsn(const struct store *base)
{
    return self(base)->log_count;
}

void memory_store_damage_log(struct store *base, uint64_t lsn)
{
    struct memory_store *store = self(base);
    CHECK(lsn && lsn <= store->log_count);
    struct buffer *value = &store->log[lsn - 1];
    value->data[value->length - 1] ^= 1;
}
