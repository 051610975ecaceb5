/* Saving what is whole of a damaged log. Records build on those before them, so the part that is kept ends at the first
   record that is missing or damaged; what lies beyond is counted and left where it is. */
#include "store/rocks_store.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { COPY_BYTES = 1024 * 1024 };

struct copy {
    struct rocks *to;
    struct rocks_batch *batch;
    char problem[PROBLEM_SIZE];
};

static bool copy_write(struct copy *copy)
{
    bool good = rocks_write(copy->to, copy->batch, ROCKS_SYNCED, copy->problem);
    rocks_batch_clear(copy->batch);
    return good;
}

static bool copy_record(void *context, uint64_t lsn, struct text value)
{
    struct copy *copy = context;
    uint8_t key[LOG_KEY_SIZE];
    rocks_batch_put(copy->batch, log_key(key, lsn), value);
    return rocks_batch_bytes(copy->batch) < COPY_BYTES || copy_write(copy);
}

/* Files that people stored: what no record names is removed by the next start. */
static bool copy_files(struct copy *copy, struct rocks *from)
{
    static const char first[] = {META_SPACE, 'n', 'o', 't', 'e', '.', 'b', 'l', 'o', 'b', '.'},
                      end[] = {META_SPACE, 'n', 'o', 't', 'e', '.', 'b', 'l', 'o', 'b', '/'};
    struct rocks_cursor *cursor = rocks_cursor_open(from, (struct text){first, sizeof first},
                                                    (struct text){end, sizeof end}, false, TIER_DISK, true);
    bool good = true;
    for (struct text key, value; good && rocks_cursor_row(cursor, &key, &value); rocks_cursor_next(cursor)) {
        rocks_batch_put(copy->batch, key, value);
        good = rocks_batch_bytes(copy->batch) < COPY_BYTES || copy_write(copy);
    }
    rocks_cursor_close(cursor, NULL); /* where they are damaged, those before are kept */
    return good;
}

static uint64_t count_beyond(struct rocks *rocks, uint64_t last)
{
    static const char end[] = {LOG_SPACE + 1};
    uint8_t from[LOG_KEY_SIZE];
    uint64_t count = 0;
    struct rocks_cursor *cursor =
        rocks_cursor_open(rocks, log_key(from, last + 2), (struct text){end, 1}, false, TIER_DISK, true);
    for (struct text key, value; rocks_cursor_row(cursor, &key, &value); rocks_cursor_next(cursor))
        count++;
    rocks_cursor_close(cursor, NULL);
    return count;
}

static int fill(struct rocks_store *from, struct rocks_store *to, const struct meta *meta,
                struct store_salvaged *salvaged, char problem[PROBLEM_SIZE])
{
    struct copy copy = {.to = to->rocks, .batch = rocks_batch_create()};
    struct log_walk walk = {.from = 1, .visit = copy_record, .context = &copy};
    chain_first(meta->identity, walk.chain);
    bool whole = log_walk(from->rocks, &walk, salvaged->why);
    bool good =
        !copy.problem[0] && copy_files(&copy, from->rocks) && copy_write(&copy) && rocks_flush(to->rocks, copy.problem);
    rocks_batch_destroy(copy.batch);
    if (!good) {
        rocks_abandon(to->rocks);
        to->rocks = NULL;
        snprintf(problem, PROBLEM_SIZE, "%s", copy.problem);
        return rocks_problem_code(problem);
    }
    salvaged->kept = walk.last;
    if (!whole) salvaged->beyond = count_beyond(from->rocks, walk.last);
    if (whole && walk.last < salvaged->acknowledged)
        snprintf(salvaged->why, PROBLEM_SIZE, "the log ends at record %" PRIu64 ", but %" PRIu64 " was acknowledged",
                 walk.last, salvaged->acknowledged);

    struct mark_value mark = {.lsn = walk.last};
    memcpy(mark.identity, meta->identity, IDENTITY_SIZE);
    memcpy(mark.chain, walk.chain, CHAIN_SIZE);
    if (mark_create(to->mark_path, &mark) && directory_sync(to->path)) return 0;
    snprintf(problem, PROBLEM_SIZE, "cannot write %.300s: %s", to->mark_path, strerror(errno));
    return STORE_EXIT_NOT_WRITABLE;
}

int store_salvage(const struct store_config *config, const char *to_path, struct store_salvaged *salvaged,
                  char problem[PROBLEM_SIZE])
{
    struct store_config reading = *config, writing = {.path = to_path};
    reading.read_only = true;
    struct rocks_store *from = store_new(&reading), *to = store_new(&writing);
    *salvaged = (struct store_salvaged){0};
    problem[0] = 0;
    struct meta meta;
    int code = store_open_to_salvage(from, problem);
    if (!code) code = meta_read(from->rocks, &meta, problem);
    if (!code) code = store_create_to_fill(to, meta.identity, problem);
    if (!code) {
        struct mark_value mark;
        if (mark_read(from->mark_path, &mark) == MARK_READ) salvaged->acknowledged = mark.lsn;
        code = fill(from, to, &meta, salvaged, problem);
    }
    store_abandon(to);
    store_abandon(from);
    return code;
}
