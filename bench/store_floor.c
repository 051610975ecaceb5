/* What a durable record costs: first what RocksDB itself can do with synchronous writes, then what the store makes of it
   (chain, mark, thread), then the store with checkpoints under way. Every figure is to be read against the floor of the
   same run on the same machine.

     store_floor [--dir DIRECTORY] [--seconds N] [--rows N] [--work N]

   A record is as large as that of an order: a head of 180 bytes and a body of 1 KiB. The store is driven in a closed loop,
   as a core with so many clients drives it: who was answered sends the next record, and those of one turn are one batch.
   With checkpoints each record also costs `work` microseconds of the core and changes `rows` rows. */
#include "store/rocks_store.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 180,
    BODY_BYTES = 1024,
    ROW_BYTES = 300,
    SAMPLES_MOST = 4 * 1000 * 1000,
    CHECKPOINT_BYTES = 32 * 1024 * 1024,
    TURN_RECORDS = 32, /* a core with work to do appends after so many */
    EXIT_FAILED = 75,
};

struct samples {
    uint32_t *microseconds;
    size_t count;
};
struct usage {
    int64_t wall_ns, processor_ns;
};

static char head_bytes[HEAD_BYTES], body_bytes[BODY_BYTES];

static struct usage usage_now(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    int64_t microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000) + usage.ru_utime.tv_usec +
                           usage.ru_stime.tv_usec;
    return (struct usage){monotonic_ns(), microseconds * 1000};
}

static void sample(struct samples *samples, int64_t nanoseconds)
{
    if (samples->count < SAMPLES_MOST) samples->microseconds[samples->count++] = (uint32_t)(nanoseconds / 1000);
}

static int by_value(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t quantile(const struct samples *samples, double part)
{
    return samples->count ? samples->microseconds[(size_t)((double)(samples->count - 1) * part)] : 0;
}

static void report(const char *what, uint32_t width, struct usage before, uint64_t commits, uint64_t records,
                   struct samples *samples)
{
    struct usage now = usage_now();
    double seconds = (double)(now.wall_ns - before.wall_ns) / 1e9;
    qsort(samples->microseconds, samples->count, sizeof *samples->microseconds, by_value);
    printf("%-28s %5u  %8.0f %9.0f %7.1f   %6.2f  %5.0f%%  %6u %6u %7u\n", what, width, (double)commits / seconds,
           (double)records / seconds, (double)records / (double)commits,
           (double)(now.processor_ns - before.processor_ns) / 1e3 / (double)records,
           (double)(now.processor_ns - before.processor_ns) * 100 / (double)(now.wall_ns - before.wall_ns),
           quantile(samples, 0.5), quantile(samples, 0.99), quantile(samples, 1));
    fflush(stdout);
}

/* ---- the floor ---- */

static void floor_run(const char *path, uint32_t width, double seconds, struct samples *samples)
{
    char problem[PROBLEM_SIZE];
    struct rocks *rocks = rocks_open(&(struct rocks_config){.path = path, .create = true}, problem);
    if (!rocks) {
        fprintf(stderr, "%s\n", problem);
        exit(EXIT_FAILED);
    }
    struct rocks_batch *batch = rocks_batch_create();
    struct usage before = usage_now();
    uint64_t lsn = 0, commits = 0;
    samples->count = 0;
    while ((double)(monotonic_ns() - before.wall_ns) < seconds * 1e9) {
        rocks_batch_clear(batch);
        for (uint32_t i = 0; i < width; i++) {
            uint8_t key[LOG_KEY_SIZE];
            const struct text parts[3] = {{head_bytes, HEAD_BYTES}, {body_bytes, BODY_BYTES}, LITERAL("")};
            rocks_batch_put_parts(batch, log_key(key, ++lsn), parts);
        }
        int64_t began = monotonic_ns();
        if (!rocks_write(rocks, batch, ROCKS_SYNCED, problem)) exit(EXIT_FAILED);
        sample(samples, monotonic_ns() - began);
        commits++;
    }
    report("RocksDB, synchronous batch", width, before, commits, lsn, samples);
    rocks_batch_destroy(batch);
    rocks_close(rocks);
    directory_remove(path);
}

/* ---- the store ---- */

struct load {
    struct store *store;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t durable, commits;
    bool checkpointing;
    uint64_t appended;
    uint32_t rows, work_us;
    struct ordered *delta;
    int64_t *sent_ns; /* by lsn, a ring as large as what may be under way */
    uint32_t ring;
};

static void on_durable(void *context, uint64_t lsn)
{
    struct load *load = context;
    pthread_mutex_lock(&load->mutex);
    load->durable = lsn;
    load->commits++;
    pthread_cond_signal(&load->changed);
    pthread_mutex_unlock(&load->mutex);
}

static void on_checkpointed(void *context, struct ordered *frozen)
{
    struct load *load = context;
    ordered_destroy(frozen);
    pthread_mutex_lock(&load->mutex);
    load->checkpointing = false;
    pthread_mutex_unlock(&load->mutex);
}

static void on_failed(void *context, const char *why)
{
    (void)context;
    fprintf(stderr, "the store failed: %s\n", why);
    _exit(EXIT_FAILED);
}

static void append(struct load *load, uint32_t records)
{
    struct batch *batch = memory_alloc(sizeof *batch);
    batch->first_lsn = load->appended + 1;
    int64_t now = monotonic_ns();
    for (uint32_t i = 0; i < records; i++) {
        load->sent_ns[++load->appended % load->ring] = now;
        memcpy(body_bytes, &load->appended, sizeof load->appended);
        buffer_big32(&batch->records, HEAD_BYTES);
        buffer_big32(&batch->records, BODY_BYTES);
        buffer_bytes(&batch->records, head_bytes, HEAD_BYTES);
        buffer_bytes(&batch->records, body_bytes, BODY_BYTES);
    }
    batch->last_lsn = load->appended;
    load->store->calls->append(load->store, batch);
}

/* Rows that a record changes: its own, an index entry, and others that many records share. */
static void rows_change(struct load *load, uint64_t lsn)
{
    char key[40];
    for (uint32_t i = 0; i < load->rows; i++) {
        uint64_t number = i < 2 ? lsn : (lsn * UINT64_C(0x9E3779B97F4A7C15) + i) % 100000;
        int length = snprintf(key, sizeof key, "%c%030" PRIu64, i < 2 ? 'E' + (int)i : 'T', number);
        ordered_set(load->delta, (struct text){key, (uint32_t)length},
                    (struct text){body_bytes, i == 1 ? 0 : ROW_BYTES});
    }
}

static void maybe_checkpoint(struct load *load)
{
    if (ordered_bytes(load->delta) < CHECKPOINT_BYTES) return;
    pthread_mutex_lock(&load->mutex);
    bool wait = load->checkpointing;
    load->checkpointing = true;
    pthread_mutex_unlock(&load->mutex);
    if (wait) return;
    load->store->calls->checkpoint(load->store, load->delta, load->appended);
    load->delta = ordered_create();
}

static void work(uint32_t microseconds)
{
    int64_t end = monotonic_ns() + microseconds * INT64_C(1000);
    while (microseconds && monotonic_ns() < end)
        continue;
}

/* What the core does for `records` clients that were answered: their next records, in turns. */
static void turns(struct load *load, uint64_t records)
{
    while (records) {
        uint32_t turn = (load->work_us || load->rows) && records > TURN_RECORDS ? TURN_RECORDS : (uint32_t)records;
        for (uint32_t i = 1; i <= turn; i++) {
            work(load->work_us);
            rows_change(load, load->appended + i);
        }
        append(load, turn);
        records -= turn;
    }
    maybe_checkpoint(load);
}

static void store_run(const char *path, const char *what, uint32_t clients, bool hasty, uint32_t rows, uint32_t work_us,
                      double seconds, struct samples *samples)
{
    struct load load = {.ring = 2 * clients, .delta = ordered_create(), .rows = rows, .work_us = work_us};
    pthread_mutex_init(&load.mutex, NULL);
    pthread_cond_init(&load.changed, NULL);
    load.sent_ns = memory_alloc(load.ring * sizeof *load.sent_ns);
    struct store_events events = {&load, on_durable, on_checkpointed, on_failed};
    struct store_config config = {.path = path, .hasty = hasty};
    char problem[PROBLEM_SIZE];
    int exit_code;
    load.store = store_open(&config, &events, problem, &exit_code);
    if (!load.store) {
        fprintf(stderr, "%s\n", problem);
        exit(exit_code);
    }
    samples->count = 0;
    struct usage before = usage_now();
    turns(&load, clients);
    uint64_t answered = 0;
    while ((double)(monotonic_ns() - before.wall_ns) < seconds * 1e9) {
        pthread_mutex_lock(&load.mutex);
        while (load.durable == answered)
            pthread_cond_wait(&load.changed, &load.mutex);
        uint64_t durable = load.durable;
        pthread_mutex_unlock(&load.mutex);
        int64_t now = monotonic_ns();
        for (uint64_t lsn = answered + 1; lsn <= durable; lsn++)
            sample(samples, now - load.sent_ns[lsn % load.ring]);
        uint64_t records = durable - answered;
        answered = durable;
        turns(&load, records);
    }
    report(what, clients, before, load.commits, answered, samples);
    load.store->calls->close(load.store);
    ordered_destroy(load.delta);
    free(load.sent_ns);
}

static void remove_store(const char *path)
{
    static const char *const names[] = {"lock", "mark"};
    char inner[PATH_SIZE];
    if (path_join(inner, path, "rocks")) directory_remove(inner);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (path_join(inner, path, names[i])) unlink(inner);
    rmdir(path);
}

int main(int count, char **arguments)
{
    static const uint32_t widths[] = {1, 16, 64, 256};
    static const uint32_t clients[] = {1, 16, 64, 256, 1024};
    char directory[] = "souk-floor-XXXXXX", path[PATH_SIZE];
    double seconds = 3;
    uint32_t rows = 8, work_us = 8;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(arguments[i], "--seconds") == 0) seconds = strtod(arguments[i + 1], NULL);
        if (strcmp(arguments[i], "--rows") == 0) rows = (uint32_t)strtoul(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--work") == 0) work_us = (uint32_t)strtoul(arguments[i + 1], NULL, 10);
        if (strcmp(arguments[i], "--dir") == 0 && chdir(arguments[i + 1]) != 0) return 2;
    }
    if (!mkdtemp(directory) || !path_join(path, directory, "store")) return 2;
    for (size_t i = 0; i < HEAD_BYTES; i++)
        head_bytes[i] = (char)(i * 7);
    for (size_t i = 0; i < BODY_BYTES; i++)
        body_bytes[i] = (char)(i * i * 31);
    struct samples samples = {memory_alloc(SAMPLES_MOST * sizeof(uint32_t)), 0};

    printf(
        "records of %d bytes                 commits/s records/s  rec/com  CPU us/rec  CPU    p50 us    p99     max\n",
        HEAD_BYTES + BODY_BYTES);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
        floor_run(path, widths[i], seconds, &samples);
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        store_run(path, "store", clients[i], false, 0, 0, seconds, &samples);
        remove_store(path);
    }
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        store_run(path, "store, work, never pausing", clients[i], true, 0, work_us, seconds, &samples);
        remove_store(path);
        store_run(path, "store, work", clients[i], false, 0, work_us, seconds, &samples);
        remove_store(path);
    }
    for (size_t i = 2; i < sizeof clients / sizeof *clients; i++) {
        store_run(path, "store, work, checkpoints", clients[i], false, rows, work_us, seconds * 3, &samples);
        remove_store(path);
    }
    rmdir(directory);
    free(samples.microseconds);
    return 0;
}
