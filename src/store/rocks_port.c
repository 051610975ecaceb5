/* RocksDB 7.8 through its C API, and why each option is what it is. One column family: 7.8 has recovery faults with
   several. */
#include "store/rocks_port.h"
#include "base/check.h"
#include "base/log.h"
#include "store/directory.h"
#include <linux/magic.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
    MEBIBYTE = 1024 * 1024,
#ifdef TINY
    WRITE_BUFFER_BYTES = 64 * 1024, /* RocksDB's least: memtables switch in the middle of checkpoints */
    BLOCK_BYTES = 512,
#else
    WRITE_BUFFER_BYTES =
        256 * MEBIBYTE, /* checkpoints flush long before: a checkpoint rarely straddles two memtables */
    BLOCK_BYTES = 8 * 1024,
#endif
    WAL_PREALLOCATED_BYTES = 32 * MEBIBYTE,
    BLOCK_CACHE_BYTES = 64 * MEBIBYTE,
    SKIPPED_MOST = 1000,   /* deleted rows that a scan in memory may pass over before a worker takes it */
    OPEN_FILES_ALL = 8192, /* with a limit of so many, all tables stay open */
    LEVELS = 7,
    LOG_WARNINGS = 2, /* InfoLogLevel, not named in C; nor are ReadTier's two */
    READ_ALL_TIER = 0,
    BLOCK_CACHE_TIER = 1,
};

struct rocks {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table_options;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read_tiers[2];
    rocksdb_writeoptions_t *write_options[ROCKS_UNLOGGED + 1];
    rocksdb_flushoptions_t *flush;
};
struct rocks_cursor {
    rocksdb_iterator_t *iterator;
    rocksdb_readoptions_t *options;
    bool reverse;
};

/* ---- problems ---- */

/* Takes an error of the C API over; false when there was one. */
static bool succeeded(char *error, char problem[PROBLEM_SIZE])
{
    if (!error) return true;
    if (problem) snprintf(problem, PROBLEM_SIZE, "%s", error);
    rocksdb_free(error);
    return false;
}

/* What a failed read means. Statuses come as words only. */
static enum found read_failure(char *error, char problem[PROBLEM_SIZE])
{
    static const char incomplete[] = "Result incomplete";
    char words[PROBLEM_SIZE];
    succeeded(error, words);
    if (strncmp(words, incomplete, sizeof incomplete - 1) == 0) return MISS;
    log_line("store", LOG_ERROR, "a read failed", "why=\"%s\"", words);
    if (problem) snprintf(problem, PROBLEM_SIZE, "%s", words);
    return DAMAGED;
}

int rocks_problem_code(const char *problem)
{
    if (strstr(problem, "No space left") || strstr(problem, "quota exceeded")) return STORE_EXIT_FULL;
    if (strstr(problem, "Permission denied") || strstr(problem, "Read-only file system"))
        return STORE_EXIT_NOT_WRITABLE;
    return STORE_EXIT_DAMAGED;
}

/* ---- options ---- */

static int open_files_most(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= OPEN_FILES_ALL) return -1;
    return (int)(limit.rlim_cur / 2); /* the other half is for sockets */
}

/* Index and filter blocks belong to the open table, not to the cache, so they are always in memory: an absent key is known
   to be absent without the disk. Filters are kept for the last level too for that reason. */
static void set_tables(struct rocks *rocks, size_t block_cache_bytes)
{
    rocks->cache = rocksdb_cache_create_lru(block_cache_bytes ? block_cache_bytes : BLOCK_CACHE_BYTES);
    rocks->table_options = rocksdb_block_based_options_create();
    rocksdb_block_based_table_options_t *table = rocks->table_options;
    rocksdb_block_based_options_set_block_cache(table, rocks->cache);
    rocksdb_block_based_options_set_block_size(table, BLOCK_BYTES);
    rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
    rocksdb_block_based_options_set_whole_key_filtering(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0);
    rocksdb_block_based_options_set_format_version(table, 5);
    rocksdb_options_set_block_based_table_factory(rocks->options, table);
    rocksdb_options_set_optimize_filters_for_hits(rocks->options, 0);
    rocksdb_options_set_max_open_files(rocks->options, open_files_most());
}

/* Two threads write, one at a time is inside: pipelines, unordered and concurrent memtable writes only help many writers,
   and waiting writers sleep instead of spinning. Slowdowns are not refused (no_slowdown): the log thread may wait, the
   core's queue of batches is bounded and answers 503. */
static void set_writing(rocksdb_options_t *options)
{
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
    rocksdb_options_set_enable_write_thread_adaptive_yield(options, 0);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER_BYTES);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    /* With one column family this bounds nothing but how much of the disk a new write-ahead file reserves. */
    rocksdb_options_set_max_total_wal_size(options, WAL_PREALLOCATED_BYTES);
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery); /* a torn tail opens */
    rocksdb_options_set_bytes_per_sync(options, MEBIBYTE); /* no spikes of write-back at the end of a table */
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_avoid_unnecessary_blocking_io(options,
                                                      1); /* the core drops iterators; files are deleted elsewhere */
}

/* Log rows come in key order: below level 0 they are moved, not rewritten, except once. */
static void set_levels(rocksdb_options_t *options)
{
    int compression[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        compression[i] = i ? rocksdb_lz4_compression : rocksdb_no_compression;
    rocksdb_options_set_compression_per_level(options, compression, LEVELS);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_level0_file_num_compaction_trigger(options, 8);
    rocksdb_options_set_level0_slowdown_writes_trigger(options, 40);
    rocksdb_options_set_level0_stop_writes_trigger(options, 64);
    rocksdb_options_set_max_bytes_for_level_base(options, UINT64_C(512) * MEBIBYTE);
    rocksdb_options_set_max_background_jobs(options, 2);
}

static void set_housekeeping(rocksdb_options_t *options)
{
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_info_log_level(options, LOG_WARNINGS);
    rocksdb_options_set_max_log_file_size(options, (size_t)4 * MEBIBYTE);
    rocksdb_options_set_keep_log_file_num(options, 3);
    rocksdb_options_set_max_manifest_file_size(options, (size_t)16 * MEBIBYTE);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
}

/* A closing database must not write what a failed store has in memory; options of this kind have no setter in C. */
static void set_silent_close(struct rocks *rocks)
{
    char problem[PROBLEM_SIZE], *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_get_options_from_string(rocks->options, "avoid_flush_during_shutdown=true", options, &error);
    CHECK(succeeded(error, problem));
    rocksdb_options_destroy(rocks->options);
    rocks->options = options;
}

/* Is the path on a file system that takes writes past the page cache and gains by them? */
static bool takes_direct_writes(const char *path)
{
    char directory[PATH_SIZE];
    struct statfs status;
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash == path ? 1 : slash - path) : 1;
    if (snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".") >= (int)sizeof directory)
        return false;
    return statfs(directory, &status) == 0 && (status.f_type == EXT4_SUPER_MAGIC || status.f_type == XFS_SUPER_MAGIC);
}

/* A table of a checkpoint in the page cache is written back by the next sync of the log, for file systems that order data
   before metadata: that commit takes as long as the whole table. So tables pass by the cache where they may. */
static void set_direct_tables(struct rocks *rocks, const struct rocks_config *config)
{
    bool direct = !config->read_only && takes_direct_writes(config->path);
    rocksdb_options_set_use_direct_io_for_flush_and_compaction(rocks->options, direct);
}

static void make_options(struct rocks *rocks, const struct rocks_config *config)
{
    rocks->options = rocksdb_options_create();
    set_writing(rocks->options);
    set_levels(rocks->options);
    set_housekeeping(rocks->options);
    set_silent_close(rocks);
    set_tables(rocks, config->block_cache_bytes);
    set_direct_tables(rocks, config);
    rocksdb_options_set_create_if_missing(rocks->options, config->create);
    rocksdb_options_set_error_if_exists(rocks->options, config->create);

    for (int tier = TIER_MEMORY; tier <= TIER_DISK; tier++) {
        rocks->read_tiers[tier] = rocksdb_readoptions_create();
        rocksdb_readoptions_set_verify_checksums(rocks->read_tiers[tier], 1);
        rocksdb_readoptions_set_read_tier(rocks->read_tiers[tier],
                                          tier == TIER_MEMORY ? BLOCK_CACHE_TIER : READ_ALL_TIER);
    }
    for (int sync = ROCKS_SYNCED; sync <= ROCKS_UNLOGGED; sync++) {
        rocks->write_options[sync] = rocksdb_writeoptions_create();
        rocksdb_writeoptions_set_sync(rocks->write_options[sync], sync == ROCKS_SYNCED);
        rocksdb_writeoptions_disable_WAL(rocks->write_options[sync], sync == ROCKS_UNLOGGED);
    }
    rocks->flush = rocksdb_flushoptions_create();
    rocksdb_flushoptions_set_wait(rocks->flush, 1);
}

/* ---- opening ---- */

struct rocks *rocks_open(const struct rocks_config *config, char problem[PROBLEM_SIZE])
{
    struct rocks *rocks = memory_alloc(sizeof *rocks);
    make_options(rocks, config);
    char *error = NULL;
    if (config->read_only)
        rocks->db = rocksdb_open_for_read_only(rocks->options, config->path, 0, &error);
    else
        rocks->db = rocksdb_open(rocks->options, config->path, &error);
    if (succeeded(error, problem)) return rocks;
    rocks_close(rocks);
    return NULL;
}

static void parts_free(struct rocks *rocks)
{
    rocksdb_flushoptions_destroy(rocks->flush);
    for (int sync = ROCKS_SYNCED; sync <= ROCKS_UNLOGGED; sync++)
        rocksdb_writeoptions_destroy(rocks->write_options[sync]);
    for (int tier = TIER_MEMORY; tier <= TIER_DISK; tier++)
        rocksdb_readoptions_destroy(rocks->read_tiers[tier]);
    rocksdb_options_destroy(rocks->options);
    rocksdb_block_based_options_destroy(rocks->table_options);
    rocksdb_cache_destroy(rocks->cache);
    free(rocks);
}

void rocks_close(struct rocks *rocks)
{
    if (rocks->db) rocksdb_close(rocks->db);
    parts_free(rocks);
}

static void end_at_once(int status, void *nothing)
{
    (void)nothing;
    fflush(NULL);
    _exit(status);
}

/* Its recovery thread goes on after a full disk. The C++ library's exit handlers would take from under it what it uses. */
void rocks_abandon(struct rocks *rocks)
{
    parts_free(rocks);
    CHECK(on_exit(end_at_once, NULL) == 0);
}

/* ---- reading ---- */

enum found rocks_get(struct rocks *rocks, struct text key, enum tier tier, struct arena *arena, struct text *value)
{
    char *error = NULL;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned(rocks->db, rocks->read_tiers[tier], key.data, key.length, &error);
    if (error) return read_failure(error, NULL);
    if (!slice) return ABSENT;
    size_t length = 0;
    const char *data = rocksdb_pinnableslice_value(slice, &length);
    *value = arena_text(arena, (struct text){data ? data : "", (uint32_t)length});
    rocksdb_pinnableslice_destroy(slice);
    return FOUND;
}

static rocksdb_readoptions_t *cursor_options(struct text from, struct text to, enum tier tier, bool once)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(options, 1);
    if (from.data) rocksdb_readoptions_set_iterate_lower_bound(options, from.data, from.length);
    if (to.data) rocksdb_readoptions_set_iterate_upper_bound(options, to.data, to.length);
    rocksdb_readoptions_set_background_purge_on_iterator_cleanup(options, 1);
    if (once) {
        rocksdb_readoptions_set_fill_cache(options, 0);
        rocksdb_readoptions_set_readahead_size(options, (size_t)2 * MEBIBYTE);
    }
    if (tier == TIER_MEMORY) {
        rocksdb_readoptions_set_read_tier(options, BLOCK_CACHE_TIER);
        rocksdb_readoptions_set_max_skippable_internal_keys(options, SKIPPED_MOST);
    }
    return options;
}

/* RocksDB keeps pointers to the bounds: `from` and `to` outlive the cursor. */
struct rocks_cursor *rocks_cursor_open(struct rocks *rocks, struct text from, struct text to, bool reverse,
                                       enum tier tier, bool once)
{
    struct rocks_cursor *cursor = memory_alloc(sizeof *cursor);
    cursor->reverse = reverse;
    cursor->options = cursor_options(from, to, tier, once);
    cursor->iterator = rocksdb_create_iterator(rocks->db, cursor->options);
    if (reverse)
        rocksdb_iter_seek_to_last(cursor->iterator);
    else
        rocksdb_iter_seek_to_first(cursor->iterator);
    return cursor;
}

bool rocks_cursor_row(struct rocks_cursor *cursor, struct text *key, struct text *value)
{
    if (!rocksdb_iter_valid(cursor->iterator)) return false;
    size_t length;
    key->data = rocksdb_iter_key(cursor->iterator, &length);
    key->length = (uint32_t)length;
    value->data = rocksdb_iter_value(cursor->iterator, &length);
    value->length = (uint32_t)length;
    return true;
}

void rocks_cursor_next(struct rocks_cursor *cursor)
{
    if (cursor->reverse)
        rocksdb_iter_prev(cursor->iterator);
    else
        rocksdb_iter_next(cursor->iterator);
}

/* A scan over a damaged table just stops: only the iterator's status tells. */
enum found rocks_cursor_close(struct rocks_cursor *cursor, char problem[PROBLEM_SIZE])
{
    char *error = NULL;
    rocksdb_iter_get_error(cursor->iterator, &error);
#if defined MUTANT && MUTANT == 32
    enum found found = FOUND;
    free(error);
    (void)problem;
#else
    enum found found = error ? read_failure(error, problem) : FOUND;
#endif
    rocksdb_iter_destroy(cursor->iterator);
    rocksdb_readoptions_destroy(cursor->options);
    free(cursor);
    return found;
}

/* ---- writing ---- */

static rocksdb_writebatch_t *unwrap(struct rocks_batch *batch)
{
    return (rocksdb_writebatch_t *)batch;
}

struct rocks_batch *rocks_batch_create(void)
{
    return (struct rocks_batch *)rocksdb_writebatch_create();
}

void rocks_batch_destroy(struct rocks_batch *batch)
{
    rocksdb_writebatch_destroy(unwrap(batch));
}

void rocks_batch_clear(struct rocks_batch *batch)
{
    rocksdb_writebatch_clear(unwrap(batch));
}

size_t rocks_batch_bytes(struct rocks_batch *batch)
{
    size_t bytes;
    rocksdb_writebatch_data(unwrap(batch), &bytes);
    return bytes;
}

void rocks_batch_put(struct rocks_batch *batch, struct text key, struct text value)
{
    rocksdb_writebatch_put(unwrap(batch), key.data, key.length, value.data, value.length);
}

void rocks_batch_put_parts(struct rocks_batch *batch, struct text key, const struct text parts[3])
{
    const char *values[] = {parts[0].data, parts[1].data, parts[2].data};
    size_t lengths[] = {parts[0].length, parts[1].length, parts[2].length}, key_length = key.length;
    rocksdb_writebatch_putv(unwrap(batch), 1, &key.data, &key_length, 3, values, lengths);
}

void rocks_batch_delete(struct rocks_batch *batch, struct text key)
{
    rocksdb_writebatch_delete(unwrap(batch), key.data, key.length);
}

void rocks_batch_delete_range(struct rocks_batch *batch, struct text from, struct text to)
{
    rocksdb_writebatch_delete_range(unwrap(batch), from.data, from.length, to.data, to.length);
}

bool rocks_write(struct rocks *rocks, struct rocks_batch *batch, enum rocks_sync sync, char problem[PROBLEM_SIZE])
{
    char *error = NULL;
    rocksdb_write(rocks->db, rocks->write_options[sync], unwrap(batch), &error);
    return succeeded(error, problem);
}

bool rocks_flush(struct rocks *rocks, char problem[PROBLEM_SIZE])
{
    char *error = NULL;
    rocksdb_flush(rocks->db, rocks->flush, &error);
    return succeeded(error, problem);
}

bool rocks_copy(struct rocks *rocks, const char *path, char problem[PROBLEM_SIZE])
{
    char *error = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &error);
    if (!succeeded(error, problem)) return false;
    rocksdb_checkpoint_create(checkpoint, path, 0, &error);
    rocksdb_checkpoint_object_destroy(checkpoint);
    return succeeded(error, problem);
}

uint64_t rocks_figure(struct rocks *rocks, const char *property)
{
    uint64_t value = 0;
    return rocksdb_property_int(rocks->db, property, &value) == 0 ? value : 0;
}

uint64_t rocks_cache_bytes(struct rocks *rocks)
{
    return rocksdb_cache_get_usage(rocks->cache);
}
