/* Drives a fuzz target where there is no libFuzzer: every seed of the tables, every file of the corpus, then mutations of
   them for a bounded time. A run is a function of its seed, but for where the time ends it.

     fuzz_x [--seconds N] [--seed N] [FILE or DIRECTORY …]       without any: tests/fuzz/corpus/x
     fuzz_x --seconds 0 FILE                                     runs one input again

   An input that fails is printed as a line of hexadecimal digits (`xxd -r -p` makes a file of it for the corpus). */
#include "base/check.h"
#include "fuzz/fuzz.h"
#include "unit/random.h"
#include <dirent.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_MOST = 4096, MUTATIONS_MOST = 6 };

struct pool {
    struct fuzz_seeds seeds;
    struct text *inputs;
    uint32_t count;
};

/* What is being run, for the words when it fails. */
static struct {
    const uint8_t *data;
    size_t size;
    uint64_t seed, number;
} current;

static void tell(void)
{
    fprintf(stderr, "seed %llu, execution %llu, %zu bytes:\n", (unsigned long long)current.seed,
            (unsigned long long)current.number, current.size);
    for (size_t i = 0; i < current.size; i++)
        fprintf(stderr, "%02x", current.data[i]);
    fprintf(stderr, "\n0 passed, 1 failed\n");
    fflush(stderr);
}

static void aborted(int number)
{
    tell();
    signal(number, SIG_DFL);
    raise(number);
}

static void execute(struct text bytes)
{
    uint8_t *copy = (uint8_t *)fuzz_copy(bytes);
    current.data = copy;
    current.size = bytes.length;
    current.number++;
    LLVMFuzzerTestOneInput(copy, bytes.length);
    free(copy);
    current.data = NULL; /* what is reported from here on is of no input */
    current.size = 0;
}

/* ---- what there is to begin with ---- */

static void add(struct fuzz_seeds *seeds, struct text bytes)
{
    struct pool *pool = (struct pool *)seeds;
    pool->inputs = memory_resize(pool->inputs, (pool->count + 1) * sizeof *pool->inputs);
    pool->inputs[pool->count++] = (struct text){fuzz_copy(bytes), bytes.length};
}

static void add_file(struct pool *pool, const char *path)
{
    FILE *file = fopen(path, "rb");
    CHECK(file);
    struct buffer bytes = {0};
    size_t got;
    while ((got = fread(buffer_reserve(&bytes, 65536), 1, 65536, file)) > 0)
        bytes.length += got;
    fclose(file);
    add(&pool->seeds, buffer_as_text(&bytes));
    buffer_free(&bytes);
}

static void add_path(struct pool *pool, const char *path)
{
    struct dirent **entries;
    struct stat status;
    if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        add_file(pool, path);
        return;
    }
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        fprintf(stderr, "%s cannot be read\n", path);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char below[4096];
        snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') add_file(pool, below);
        free(entries[i]);
    }
    free(entries);
}

/* ---- mutations ---- */

static size_t remove_run(uint64_t *chance, char *data, size_t size)
{
    if (size < 2) return size;
    size_t at = random_below(chance, size), run = 1 + random_below(chance, size - at < 16 ? size - at : 16);
    memmove(data + at, data + at + run, size - at - run);
    return size - run;
}

static size_t insert_run(uint64_t *chance, char *data, size_t size, const char *run, size_t length)
{
    if (length > INPUT_MOST - size) length = INPUT_MOST - size;
    size_t at = random_below(chance, size + 1);
    memmove(data + at + length, data + at, size - at);
    memcpy(data + at, run, length);
    return size + length;
}

/* A run of another input, of this one, or of bytes that are edges of something. */
static size_t insert(uint64_t *chance, const struct pool *pool, char *data, size_t size)
{
    static const char edges[] = "\0\377\177\200\r\n\r\n\"{}[]:,%2f%25.0-9e+\\u0000/;=&|\333\334\335\336\337\304\305";
    char run[64];
    struct text other = pool->inputs[random_below(chance, pool->count)];
    if (random_below(chance, 4) == 0) other = (struct text){edges, sizeof edges - 1};
    if (random_below(chance, 4) == 0) other = (struct text){data, (uint32_t)size};
    if (!other.length) return size;
    size_t at = random_below(chance, other.length),
           most = other.length - at < sizeof run ? other.length - at : sizeof run;
    size_t length = 1 + random_below(chance, most);
    memcpy(run, other.data + at, length);
    return insert_run(chance, data, size, run, length);
}

static size_t mutate(uint64_t *chance, const struct pool *pool, char *data, size_t size)
{
    size_t at = size ? random_below(chance, size) : 0;
    switch (random_below(chance, 6)) {
    case 0: return remove_run(chance, data, size);
    case 1:
    case 2: return insert(chance, pool, data, size);
    case 3:
        if (size) data[at] = (char)(data[at] ^ 1 << random_below(chance, 8));
        return size;
    case 4:
        if (size) data[at] = (char)(data[at] + (random_below(chance, 2) ? 1 : -1));
        return size;
    default:
        if (size) data[at] = (char)random_below(chance, 256);
        return size;
    }
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run_mutations(const struct pool *pool, double until)
{
    uint64_t chance = current.seed;
    char data[INPUT_MOST];
    while (seconds_now() < until) {
        struct text input = pool->inputs[random_below(&chance, pool->count)];
        size_t size = input.length < INPUT_MOST ? input.length : INPUT_MOST;
        memcpy(data, input.data, size);
        for (size_t left = 1 + random_below(&chance, MUTATIONS_MOST); left; left--)
            size = mutate(&chance, pool, data, size);
        execute((struct text){data, (uint32_t)size});
    }
}

/* tests/fuzz/corpus/x for a program fuzz_x, below the current directory. */
static void add_own_corpus(struct pool *pool, const char *program)
{
    char path[256];
    const char *name = strrchr(program, '/');
    name = name ? name + 1 : program;
    snprintf(path, sizeof path, "tests/fuzz/corpus/%s", strncmp(name, "fuzz_", 5) ? name : name + 5);
    add_path(pool, path);
}

int main(int argc, char **argv)
{
    struct pool pool = {.seeds.add = add};
    double seconds = 7;
    bool any = false;
    current.seed = 1;
    LLVMFuzzerInitialize(&argc, &argv);
    signal(SIGABRT, aborted);
    __sanitizer_set_death_callback(tell);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--seconds") && i + 1 < argc) {
            seconds = strtod(argv[++i], NULL);
        } else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
            current.seed = strtoull(argv[++i], NULL, 10);
        } else {
            add_path(&pool, argv[i]);
            any = true;
        }
    }
    if (!any) {
        add_own_corpus(&pool, argv[0]);
        fuzz_seeds(&pool.seeds);
    }
    double began = seconds_now();
    for (uint32_t i = 0; i < pool.count; i++)
        execute(pool.inputs[i]);
    if (pool.count) run_mutations(&pool, began + seconds);
    printf("seed %llu, %u inputs, %llu executions, %.1f s\n", (unsigned long long)current.seed, pool.count,
           (unsigned long long)current.number, seconds_now() - began);
    printf("%d passed, 0 failed\n", pool.count ? 1 : 0);
    for (uint32_t i = 0; i < pool.count; i++)
        free((void *)(uintptr_t)pool.inputs[i].data);
    free(pool.inputs);
    return pool.count ? 0 : 1;
}
