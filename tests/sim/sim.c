/* The simulator's command line.

     sim --seed N [--steps S]            one seed; says what is wrong, at which step
     sim --seeds A..B [--seconds T]      many, each in a process of its own, until the time is over or one fails
     sim --repro FILE …                  histories from files
     sim --show N                        the history of a seed

   Each history runs twice: the log and all rows must come out the same to the byte. A history that fails is made small
   (operations are taken out in chunks while the same invariant still fails) and written to sim-<seed>.repro in the directory
   of --out. The last line is `N passed, M failed`. */
#include "base/log.h"
#include "sim/world.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 400, SECONDS_EACH = 60, SHRINK_SECONDS = 60 };

/* What a child says of its run, in memory shared with its parent, so that it is there when the child is not. */
struct report {
    uint32_t step;
    bool finished;
    char verdict[400];
};
struct options {
    uint64_t first, last;
    uint32_t steps;
    int64_t seconds, shrink_seconds;
    const char *out;
    bool show, keep_going;
};

/* ---- one run ---- */
static void run(const struct history *history, struct report *report, uint8_t digest[32])
{
    struct world *world = memory_alloc(sizeof *world);
    world_open(world, &history->terms);
    world_populate(world);
    for (uint32_t i = 0; i < history->count && world_is_well(world); i++) {
        report->step = i;
        world->step = i + 1;
        operate(world, &history->at[i]);
    }
    if (world_is_well(world)) {
        report->step = history->count;
        world->step = history->count + 1;
        audit_end(world);
    }
    if (world_is_well(world)) world_restart(world);
    loopback_kill(&world->loopback, 0);
    world_digest(world, digest);
    snprintf(report->verdict, sizeof report->verdict, "%s", world->verdict);
    world_close(world);
    free(world);
}

static void run_twice(const struct history *history, struct report *report)
{
    uint8_t first[32], second[32];
    run(history, report, first);
    if (report->verdict[0]) return;
    free(memory_alloc(12345)); /* other addresses */
    run(history, report, second);
    if (!report->verdict[0] && memcmp(first, second, sizeof first))
        snprintf(report->verdict, sizeof report->verdict,
                 "I10 determinism: two runs of one history left different bytes");
}

/* ---- in a process of its own ---- */
static struct report *shared_report(void)
{
    struct report *report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED) abort();
    return report;
}

/* The server's log lines are of no interest here; SIM_LOG=1 shows them. */
static void be_quiet(void)
{
    int nowhere = getenv("SIM_LOG") ? -1 : open("/dev/null", O_WRONLY);
    if (nowhere >= 0) dup2(nowhere, STDERR_FILENO);
    if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
}

static void run_apart(const struct history *history, struct report *report)
{
    memset(report, 0, sizeof *report);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        be_quiet();
        alarm(SECONDS_EACH);
        run_twice(history, report);
        report->finished = true;
        _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) abort();
    if (report->finished) return;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    snprintf(report->verdict, sizeof report->verdict, "process: it ended by signal %d (%s)", number,
             number ? strsignal(number) : "exit");
}

/* ---- making it small ---- */
static bool same_invariant(const char *a, const char *b)
{
    size_t length = strcspn(a, ":");
    return length == strcspn(b, ":") && !strncmp(a, b, length);
}

static struct history without(const struct history *history, uint32_t from, uint32_t count)
{
    struct history rest = {.terms = history->terms, .at = memory_alloc((history->count + 1) * sizeof *rest.at)};
    for (uint32_t i = 0; i < history->count; i++)
        if (i < from || i >= from + count) rest.at[rest.count++] = history->at[i];
    return rest;
}

static void shrink(struct history *history, struct report *failed, int64_t seconds)
{
    struct report *report = shared_report();
    time_t end = time(NULL) + seconds;
    if (failed->step < history->count) history->count = failed->step + 1;
    for (uint32_t chunk = history->count / 2; chunk && time(NULL) < end; chunk = chunk > 1 ? (chunk + 1) / 2 : 0) {
        bool removed = true;
        for (uint32_t rounds = 0; removed && rounds < (chunk == 1 ? 4 : 1); rounds++) {
            removed = false;
            for (uint32_t from = history->count; from > 0 && time(NULL) < end;) {
                from = from > chunk ? from - chunk : 0;
                struct history less = without(history, from, chunk);
                run_apart(&less, report);
                if (report->verdict[0] && same_invariant(report->verdict, failed->verdict)) {
                    *history = less; /* what is left of the old one goes with the process */
                    *failed = *report;
                    removed = true;
                } else {
                    free(less.at);
                }
            }
        }
    }
    munmap(report, sizeof *report);
}

static void write_repro(const struct history *history, const struct report *report, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return;
    }
    fprintf(file, "# %s\n", report->verdict);
    history_write(file, history);
    fclose(file);
    printf("  %u operations in %s\n", history->count, path);
}

/* ---- seeds and files ---- */
static bool try_seed(uint64_t seed, const struct options *options)
{
    struct arena *arena = arena_create();
    struct report *report = shared_report();
    struct history history = history_draw(arena, seed, options->steps);
    run_apart(&history, report);
    bool good = !report->verdict[0];
    if (!good) {
        printf("seed %llu failed at step %u: %s\n", (unsigned long long)seed, report->step, report->verdict);
        char path[4096];
        snprintf(path, sizeof path, "%s/sim-%llu.repro", options->out, (unsigned long long)seed);
        struct report smallest = *report;
        shrink(&history, &smallest, options->shrink_seconds);
        printf("  %s\n", smallest.verdict);
        write_repro(&history, &smallest, path);
    }
    munmap(report, sizeof *report);
    arena_destroy(arena);
    return good;
}

static bool try_file(const char *path)
{
    struct arena *arena = arena_create();
    struct report *report = shared_report();
    struct history history;
    FILE *file = fopen(path, "r");
    const char *problem = file ? history_read(file, arena, &history) : "it cannot be read";
    if (problem)
        snprintf(report->verdict, sizeof report->verdict, "file: %s", problem);
    else
        run_apart(&history, report);
    if (file) fclose(file);
    bool good = !report->verdict[0];
    if (!good) printf("%s failed at step %u: %s\n", path, report->step, report->verdict);
    munmap(report, sizeof *report);
    arena_destroy(arena);
    return good;
}

static int show(uint64_t seed, uint32_t steps)
{
    struct arena *arena = arena_create();
    struct history history = history_draw(arena, seed, steps);
    history_write(stdout, &history);
    arena_destroy(arena);
    return 0;
}

static int usage(void)
{
    fprintf(stderr,
            "sim [--seed N | --seeds A..B | --show N] [--steps S] [--seconds T] [--shrink T] [--out DIRECTORY]\n"
            "    [--keep-going], or sim --repro FILE…\n");
    return 2;
}

static int campaign(const struct options *options)
{
    uint64_t passed = 0, failed = 0;
    time_t end = time(NULL) + options->seconds;
    for (uint64_t seed = options->first; seed <= options->last && (!options->seconds || time(NULL) < end); seed++) {
        if (try_seed(seed, options))
            passed++;
        else
            failed++;
        if (failed && !options->keep_going) break;
    }
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed || !passed;
}

static int repro(char **paths)
{
    unsigned passed = 0, failed = 0;
    for (; *paths; paths++)
        try_file(*paths) ? passed++ : failed++;
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed;
}

int main(int count, char **arguments)
{
    struct options options = {
        .first = 1, .last = UINT64_MAX - 1, .steps = STEPS, .shrink_seconds = SHRINK_SECONDS, .out = "."};
    (void)count;
    for (char **at = arguments + 1; *at; at++) {
        const char *value = at[1];
        if (!strcmp(*at, "--repro")) return value ? repro(at + 1) : usage();
        if (!strcmp(*at, "--keep-going")) {
            options.keep_going = true;
            continue;
        }
        if (!value) return usage();
        if (!strcmp(*at, "--seed") || !strcmp(*at, "--show"))
            options.first = options.last = strtoull(value, NULL, 10);
        else if (!strcmp(*at, "--seeds"))
            sscanf(value, "%lu..%lu", &options.first, &options.last);
        else if (!strcmp(*at, "--steps"))
            options.steps = (uint32_t)strtoul(value, NULL, 10);
        else if (!strcmp(*at, "--seconds"))
            options.seconds = strtoll(value, NULL, 10);
        else if (!strcmp(*at, "--shrink"))
            options.shrink_seconds = strtoll(value, NULL, 10);
        else if (!strcmp(*at, "--out"))
            options.out = value;
        else
            return usage();
        options.show |= !strcmp(*at, "--show");
        at++;
    }
    return options.show ? show(options.first, options.steps) : campaign(&options);
}
