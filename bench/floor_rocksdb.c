/* The floor under every durable write: RocksDB alone, opened as the store opens it, one synchronous batch after the other.

     floor_rocksdb --directory DIR [--record-bytes 1200] [--batch 32] [--seconds 1]

   A batch of 32 is what 32 clients, each waiting for its write, could share at best. No hash chain, no mark, no second
   thread: nothing that syncs before it answers gets more records a second out of this disk through RocksDB. DIR must exist;
   what is made in it stays for the caller to remove. The result is one JSON object. */
#include "store/rocks_port.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { RECORD_MOST = 1 << 20, BATCH_MOST = 1 << 16, KEY_SIZE = 9 };

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "floor_rocksdb: %s: %s\n", what, why);
    exit(1);
}

static double now_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double cpu_microseconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* Bytes without repetition, as sealed and packed records have none. */
static char *make_record(uint32_t length)
{
    char *record = malloc(length);
    if (!record) fail("record", "no memory");
    uint64_t state = 88172645463325252u; /* xorshift64, Marsaglia 2003 */
    for (uint32_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        record[i] = (char)state;
    }
    return record;
}

static void put_record(struct rocks_batch *batch, uint64_t number, struct text record)
{
    char key[KEY_SIZE] = {'L'};
    for (int i = KEY_SIZE - 1; i > 0; i--, number >>= 8)
        key[i] = (char)number;
    rocks_batch_put(batch, (struct text){key, KEY_SIZE}, record);
}

static void measure(struct rocks *rocks, uint32_t batch_records, uint32_t record_bytes, double seconds)
{
    char problem[PROBLEM_SIZE];
    struct rocks_batch *batch = rocks_batch_create();
    struct text record = {make_record(record_bytes), record_bytes};
    uint64_t records = 0, batches = 0;
    double begin = now_seconds(), cpu = cpu_microseconds(), end;
    do {
        rocks_batch_clear(batch);
        for (uint32_t i = 0; i < batch_records; i++)
            put_record(batch, ++records, record);
        if (!rocks_write(rocks, batch, ROCKS_SYNCED, problem)) fail("write", problem);
        batches++;
        end = now_seconds();
    } while (end - begin < seconds);
    printf("{\"seconds\": %.6f, \"records\": %llu, \"batches\": %llu, \"cpu_us\": %.3f}\n", end - begin,
           (unsigned long long)records, (unsigned long long)batches, cpu_microseconds() - cpu);
    rocks_batch_destroy(batch);
    free((char *)(uintptr_t)record.data);
}

int main(int count, char **words)
{
    static const struct option options[] = {
        {"directory", required_argument, NULL, 'd'},
        {"record-bytes", required_argument, NULL, 'r'},
        {"batch", required_argument, NULL, 'b'},
        {"seconds", required_argument, NULL, 's'},
        {0},
    };
    const char *directory = NULL;
    unsigned long record_bytes = 1200, batch = 32;
    double seconds = 1;
    for (int option; (option = getopt_long(count, words, "", options, NULL)) != -1;)
        switch (option) {
        case 'd': directory = optarg; break;
        case 'r': record_bytes = strtoul(optarg, NULL, 10); break;
        case 'b': batch = strtoul(optarg, NULL, 10); break;
        case 's': seconds = strtod(optarg, NULL); break;
        default: return 2;
        }
    if (!directory || !record_bytes || record_bytes > RECORD_MOST || !batch || batch > BATCH_MOST)
        fail("usage", "floor_rocksdb --directory DIR [--record-bytes N] [--batch N] [--seconds N]");
    char path[4096], problem[PROBLEM_SIZE];
    snprintf(path, sizeof path, "%s/rocks", directory);
    struct rocks *rocks = rocks_open(&(struct rocks_config){.path = path, .create = true}, problem);
    if (!rocks) fail(path, problem);
    measure(rocks, (uint32_t)batch, (uint32_t)record_bytes, seconds);
    rocks_close(rocks);
    return 0;
}
