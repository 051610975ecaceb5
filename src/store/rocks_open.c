/* Opening a store, and making one.

   Order matters: lock; look at what is there; check mark and log through a database open for reading; only then open for
   writing. A new store is built aside and renamed, after its mark was synced: from the first moment on a database without
   its mark is a damaged one.

     nothing                    a new store
     lock, rocks.new, mark at 0 a new store that was not finished: begin again
     rocks, mark                an existing one
     rocks without mark, mark (not at 0) without rocks, anything else: refused */
#include "store/rocks_store.h"
#include "base/check.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "store/manifest.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- refusals ---- */

static int code_of_errno(int reason)
{
    if (reason == ENOSPC || reason == EDQUOT) return STORE_EXIT_FULL;
    return STORE_EXIT_NOT_WRITABLE;
}

static int refuse_errno(char problem[PROBLEM_SIZE], const char *what, const char *path)
{
    int reason = errno;
    snprintf(problem, PROBLEM_SIZE, "%s %.300s: %s", what, path, strerror(reason));
    return code_of_errno(reason);
}

static int refuse(char problem[PROBLEM_SIZE], int code, const char *path, const char *why)
{
    char words[PROBLEM_SIZE];
    snprintf(words, sizeof words, "%s", why);
    snprintf(problem, PROBLEM_SIZE, "%.160s: %.340s", path, words);
    return code;
}

/* ---- a new store ---- */

/* Everything but log records: format, identity, no position. */
static int build(const char *path, struct meta *meta, char problem[PROBLEM_SIZE])
{
    if (!directory_remove(path)) return refuse_errno(problem, "cannot remove", path);
    if (mkdir(path, 0700) != 0) return refuse_errno(problem, "cannot make", path);
    struct rocks *rocks = rocks_open(&(struct rocks_config){.path = path, .create = true}, problem);
    if (!rocks) return rocks_problem_code(problem);
    struct rocks_batch *batch = rocks_batch_create();
    meta_put(batch, meta);
    bool good = rocks_write(rocks, batch, ROCKS_SYNCED, problem) && rocks_flush(rocks, problem);
    rocks_batch_destroy(batch);
    if (!good) {
        rocks_abandon(rocks);
        return rocks_problem_code(problem);
    }
    rocks_close(rocks);
    return directory_sync_all(path) ? 0 : refuse_errno(problem, "cannot sync", path);
}

static int create(struct rocks_store *store, const uint8_t identity[IDENTITY_SIZE], char problem[PROBLEM_SIZE])
{
    char fresh[PATH_SIZE];
    if (!path_join(fresh, store->path, "rocks.new") || chmod(store->path, 0700) != 0)
        return refuse_errno(problem, "cannot use", store->path);
    struct meta meta = {.format = STORE_FORMAT};
    memcpy(meta.identity, identity, IDENTITY_SIZE);
    if (store->config.tables) memcpy(meta.tables, store->config.tables, TABLES_SIZE);
    int code = build(fresh, &meta, problem);
    if (code) return code;

    CRASHPOINT("store-built");
    struct mark_value mark = {0};
    memcpy(mark.identity, meta.identity, IDENTITY_SIZE);
    chain_first(meta.identity, mark.chain);
    if (!mark_create(store->mark_path, &mark) || !directory_sync(store->path))
        return refuse_errno(problem, "cannot write", store->mark_path);
    CRASHPOINT("store-marked");
    if (rename(fresh, store->rocks_path) != 0 || !directory_sync(store->path))
        return refuse_errno(problem, "cannot write", store->rocks_path);
    CRASHPOINT("store-named");
    log_line("store", LOG_INFO, "made a new store", "path=\"%s\"", store->path);
    return 0;
}

/* ---- an existing one ---- */

static int read_mark(struct rocks_store *store, struct mark_value *mark, char problem[PROBLEM_SIZE])
{
    switch (mark_read(store->mark_path, mark)) {
    case MARK_READ: return 0;
    case MARK_ABSENT:
        return refuse(problem, STORE_EXIT_DAMAGED, store->mark_path,
                      "is missing: without it acknowledged records may be lost without notice");
    case MARK_DAMAGED:
        return refuse(problem, STORE_EXIT_DAMAGED, store->mark_path, "is damaged: neither of its two slots is whole");
    case MARK_NEWER: return refuse(problem, STORE_EXIT_NEWER_FORMAT, store->mark_path, "was made by a newer version");
    case MARK_FAILED: break;
    }
    return refuse_errno(problem, "cannot read", store->mark_path);
}

/* Which of the four states of the directory it is. */
static int look(struct rocks_store *store, bool *is_new, char problem[PROBLEM_SIZE])
{
    /* lost+found and control.sock are nobody's data. */
    static const char *const unfinished[] = {"lock", "rocks.new", "mark", "lost+found", "control.sock", NULL};
    *is_new = !path_exists(store->rocks_path);
    if (!*is_new) return 0;
    if (store->config.read_only) return refuse(problem, STORE_EXIT_DAMAGED, store->path, "holds no store");
    if (!directory_holds_only(store->path, unfinished))
        return refuse(problem, STORE_EXIT_DAMAGED, store->path,
                      "holds no store and is not empty: a new store needs an empty directory");
    if (!path_exists(store->mark_path)) return 0;
    struct mark_value mark;
    enum mark_found found = mark_read(store->mark_path, &mark);
    if (found == MARK_DAMAGED || (found == MARK_READ && !mark.lsn)) return 0; /* a creation was cut short */
    int code = read_mark(store, &mark, problem);
    if (code) return code;
    char why[PROBLEM_SIZE];
    snprintf(why, sizeof why, "the database (rocks/) is missing, but log records up to %" PRIu64 " were acknowledged",
             mark.lsn);
    return refuse(problem, STORE_EXIT_DAMAGED, store->path, why);
}

static void open_to_read(struct rocks_store *store, char why[PROBLEM_SIZE])
{
    struct rocks_config config = {store->rocks_path, store->config.block_cache_bytes, false, true};
    store->rocks = rocks_open(&config, why);
    if (!store->rocks && manifest_trim(store->rocks_path)) store->rocks = rocks_open(&config, why);
}

static int check(struct rocks_store *store, bool from_first, struct log_state *state, char problem[PROBLEM_SIZE])
{
    struct mark_value mark;
    int code = read_mark(store, &mark, problem);
    if (code) return code;
    char why[PROBLEM_SIZE];
    open_to_read(store, why);
    if (!store->rocks) return refuse(problem, rocks_problem_code(why), store->path, why);
    code = log_check(store->rocks, store->rocks_path, &mark, store->config.tables, from_first, state, why);
    return code ? refuse(problem, code, store->path, why) : 0;
}

static int tables_drop(struct rocks_store *store, char problem[PROBLEM_SIZE])
{
    static const char log_space[] = {LOG_SPACE}, after_meta[] = {META_SPACE + 1};
    char end[512];
    memset(end, 0xFF, sizeof end);
    struct rocks_batch *batch = rocks_batch_create();
    rocks_batch_delete_range(batch, LITERAL(""), (struct text){log_space, 1});
    rocks_batch_delete_range(batch, (struct text){after_meta, 1}, (struct text){end, sizeof end});
    meta_put_number(batch, "Mapplied", 0);
    meta_put_number(batch, "Mstarted", 0);
    if (store->config.tables) meta_put_tables(batch, store->config.tables);
    bool good = rocks_write(store->rocks, batch, ROCKS_SYNCED, problem) && rocks_flush(store->rocks, problem);
    rocks_batch_destroy(batch);
    if (good) return 0;
    rocks_abandon(store->rocks);
    store->rocks = NULL;
    return rocks_problem_code(problem);
}

/* Opening moves what was written last from the write-ahead files into a table. When the disk is full, RocksDB may abort the
   process over an assertion of its own: so it is asked before. */
static int require_room(const struct rocks_store *store, char problem[PROBLEM_SIZE])
{
    enum { BESIDE = 64 * 1024 }; /* manifest, options, the next write-ahead file */
    uint64_t wanted = directory_bytes(store->rocks_path, ".log") + BESIDE, available;
    if (!directory_free(store->rocks_path, &available) || available >= wanted) return 0;
    char why[PROBLEM_SIZE];
    snprintf(why, sizeof why, "the disk is full: a start needs %" PRIu64 " KiB, and %" PRIu64 " are free", wanted >> 10,
             available >> 10);
    return refuse(problem, STORE_EXIT_FULL, store->path, why);
}

/* From here on the store is written. The recovered tail was flushed by the opening, so it is durable, and the mark says so. */
static int open_to_write(struct rocks_store *store, const struct log_state *state, char problem[PROBLEM_SIZE])
{
    rocks_close(store->rocks);
    store->rocks = NULL;
    int full = require_room(store, problem);
    if (full) return full;
    char why[PROBLEM_SIZE];
    store->rocks =
        rocks_open(&(struct rocks_config){store->rocks_path, store->config.block_cache_bytes, false, false}, why);
    if (!store->rocks) return refuse(problem, rocks_problem_code(why), store->path, why);
    CRASHPOINT("store-opened");
    bool drop = state->tables_lost || store->config.drop_tables;
    if (drop) {
        int code = tables_drop(store, why);
        if (code) return refuse(problem, code, store->path, why);
        store->applied_lsn = 0;
        log_line("store", LOG_WARNING, "the tables are dropped and made anew from the log", "why=\"%s\"",
                 state->tables_unfinished ? "a checkpoint did not finish"
                 : state->tables_other    ? "another version derived them"
                                          : "asked for");
    }
    if (mark_open(&store->mark, store->mark_path) && mark_write(&store->mark, &store->acknowledged) &&
        mark_sync(&store->mark) && mark_write(&store->mark, &store->acknowledged) && mark_sync(&store->mark))
        return 0;
    return refuse_errno(problem, "cannot write", store->mark_path);
}

/* ---- the calls ---- */

static void adopt(struct rocks_store *store, const struct log_state *state)
{
    store->applied_lsn = state->tables_lost ? 0 : state->meta.applied_lsn;
    store->last_lsn = store->written_lsn = state->last_lsn;
    memcpy(store->identity, state->meta.identity, IDENTITY_SIZE);
    memcpy(store->chain, state->chain, CHAIN_SIZE);
    memcpy(store->acknowledged.identity, state->meta.identity, IDENTITY_SIZE);
    memcpy(store->acknowledged.chain, state->chain, CHAIN_SIZE);
    store->acknowledged.lsn = state->last_lsn;
    atomic_store(&store->durable_lsn, state->last_lsn);
}

static void start_threads(struct rocks_store *store)
{
    store->log_batch = rocks_batch_create();
    store->table_batch = rocks_batch_create();
    inbox_init(&store->log_inbox, SIZE_MAX, NULL, NULL);
    inbox_init(&store->table_inbox, SIZE_MAX, NULL, NULL);
    CHECK(pthread_create(&store->log_thread, NULL, log_thread_main, store) == 0);
    CHECK(pthread_create(&store->table_thread, NULL, table_thread_main, store) == 0);
    pthread_setname_np(store->log_thread, "souk-log");
    pthread_setname_np(store->table_thread, "souk-tables");
}

static int prepare(struct rocks_store *store, char problem[PROBLEM_SIZE])
{
    const char *path = store->config.path;
    if ((size_t)snprintf(store->path, PATH_SIZE, "%s", path) >= PATH_SIZE)
        errno = ENAMETOOLONG;
    else
        errno = 0;
    if (errno || !path_join(store->rocks_path, path, "rocks") || !path_join(store->mark_path, path, "mark"))
        return refuse_errno(problem, "cannot use", path);
    if (store->config.read_only && !path_exists(path))
        return refuse(problem, STORE_EXIT_DAMAGED, path, "there is no store");
    if (!directory_make(path)) return refuse_errno(problem, "cannot use", path);
    store->lock_file = directory_lock(path);
    if (store->lock_file >= 0) return 0;
    if (errno == EAGAIN) return refuse(problem, STORE_EXIT_IN_USE, path, "another server has this directory open");
    return refuse_errno(problem, "cannot lock", path);
}

/* Up to the point where the store is checked and, unless for reading only, open for writing. */
static int open_store(struct rocks_store *store, bool from_first, char problem[PROBLEM_SIZE])
{
    struct log_state state = {0};
    bool is_new = false;
    int code = prepare(store, problem);
    if (!code) code = look(store, &is_new, problem);
    uint8_t identity[IDENTITY_SIZE];
    randombytes_buf(identity, IDENTITY_SIZE);
    if (!code && is_new) code = create(store, identity, problem);
    if (!code) code = check(store, from_first, &state, problem);
    if (!code) adopt(store, &state);
    if (!code && !store->config.read_only) code = open_to_write(store, &state, problem);
    return code;
}

struct rocks_store *store_new(const struct store_config *config)
{
    struct rocks_store *store = memory_alloc(sizeof *store);
    store->store.calls = &rocks_calls;
    store->config = *config;
    store->lock_file = -1;
    store->mark.file = -1;
    CHECK(sodium_init() >= 0);
    pthread_mutex_init(&store->durable_mutex, NULL);
    pthread_cond_init(&store->durable_moved, NULL);
    pthread_mutex_init(&store->tables_mutex, NULL);
    pthread_mutex_init(&store->memo_mutex, NULL);
    return store;
}

void store_abandon(struct rocks_store *store)
{
    mark_close(&store->mark);
    if (store->rocks) rocks_close(store->rocks);
    if (store->lock_file >= 0) close(store->lock_file);
    free(store);
}

int store_open_to_salvage(struct rocks_store *store, char problem[PROBLEM_SIZE])
{
    int code = prepare(store, problem);
    if (code) return code;
    char why[PROBLEM_SIZE];
    open_to_read(store, why);
    return store->rocks ? 0 : refuse(problem, rocks_problem_code(why), store->path, why);
}

int store_create_to_fill(struct rocks_store *store, const uint8_t identity[IDENTITY_SIZE], char problem[PROBLEM_SIZE])
{
    bool is_new = false;
    int code = prepare(store, problem);
    if (!code) code = look(store, &is_new, problem);
    if (!code && !is_new) code = refuse(problem, STORE_EXIT_NOT_WRITABLE, store->path, "holds a store already");
    if (!code) code = create(store, identity, problem);
    if (code) return code;
    char why[PROBLEM_SIZE];
    store->rocks =
        rocks_open(&(struct rocks_config){store->rocks_path, store->config.block_cache_bytes, false, false}, why);
    return store->rocks ? 0 : refuse(problem, rocks_problem_code(why), store->path, why);
}

struct store *store_open(const struct store_config *config, const struct store_events *events,
                         char problem[PROBLEM_SIZE], int *exit_code)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* threads that start here, RocksDB's too, leave signals to others */
    mode_t mask = umask(0077);
    struct rocks_store *store = store_new(config);
    if (events) store->events = *events;
    problem[0] = 0;
    *exit_code = open_store(store, false, problem);
    CRASHPOINT("store-checked");
    if (!*exit_code && !config->read_only) start_threads(store);
    store->config.tables = NULL;            /* the caller's */
    umask(config->read_only ? mask : 0077); /* files that RocksDB makes later on are private too */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!*exit_code) {
        log_line("store", LOG_INFO, "open", "last_lsn=%" PRIu64 " applied_lsn=%" PRIu64, store->last_lsn,
                 store->applied_lsn);
        return &store->store;
    }
    store_abandon(store);
    return NULL;
}

int store_verify_log(const struct store_config *config, uint64_t *last_lsn, char problem[PROBLEM_SIZE])
{
    struct store_config reading = *config;
    reading.read_only = true;
    struct rocks_store *store = store_new(&reading);
    problem[0] = 0;
    int code = open_store(store, true, problem);
    *last_lsn = store->last_lsn;
    store_abandon(store);
    return code;
}
