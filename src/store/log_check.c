/* What RocksDB does not notice: it opens with half of the log when its write-ahead log has a damaged byte in the middle,
   and with none of it when the file is gone. The mark, the numbers of the records and their chain do. */
#include "store/log_check.h"
#include "store/directory.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text log_key(uint8_t key[LOG_KEY_SIZE], uint64_t lsn)
{
    key[0] = LOG_SPACE;
    big64_write(key + 1, lsn);
    return (struct text){(const char *)key, LOG_KEY_SIZE};
}

/* ---- meta ---- */

void meta_put_number(struct rocks_batch *batch, const char *name, uint64_t value)
{
    char bytes[8];
    big64_write(bytes, value);
    rocks_batch_put(batch, text_of(name), (struct text){bytes, sizeof bytes});
}

void meta_put(struct rocks_batch *batch, const struct meta *meta)
{
    meta_put_number(batch, "Mformat", meta->format);
    meta_put_number(batch, "Mapplied", meta->applied_lsn);
    meta_put_number(batch, "Mstarted", meta->started_lsn);
    rocks_batch_put(batch, LITERAL("Midentity"), (struct text){(const char *)meta->identity, IDENTITY_SIZE});
    meta_put_tables(batch, meta->tables);
}

void meta_put_tables(struct rocks_batch *batch, const uint8_t tables[TABLES_SIZE])
{
    rocks_batch_put(batch, LITERAL("Mtables"), (struct text){(const char *)tables, TABLES_SIZE});
}

static bool meta_get(struct rocks *rocks, struct arena *arena, const char *name, uint32_t length, struct text *value)
{
    return rocks_get(rocks, text_of(name), TIER_DISK, arena, value) == FOUND && value->length == length;
}

int meta_read(struct rocks *rocks, struct meta *meta, char problem[PROBLEM_SIZE])
{
    struct arena *arena = arena_create();
    struct text format, applied, started, identity, tables;
    bool known = meta_get(rocks, arena, "Mformat", 8, &format);
    bool whole = known && meta_get(rocks, arena, "Mapplied", 8, &applied) &&
                 meta_get(rocks, arena, "Mstarted", 8, &started) &&
                 meta_get(rocks, arena, "Midentity", IDENTITY_SIZE, &identity);
    int code = 0;
    if (known && big64_read(format.data) > STORE_FORMAT) {
        snprintf(problem, PROBLEM_SIZE,
                 "the store has format %" PRIu64 ", made by a newer version; this one reads up to %d",
                 big64_read(format.data), STORE_FORMAT);
        code = STORE_EXIT_NEWER_FORMAT;
    } else if (!whole) {
        snprintf(problem, PROBLEM_SIZE,
                 "the store's own rows (format, identity, applied position) are missing or damaged");
        code = STORE_EXIT_DAMAGED;
    } else {
        *meta = (struct meta){big64_read(format.data), big64_read(applied.data), big64_read(started.data), {0}, {0}};
        memcpy(meta->identity, identity.data, IDENTITY_SIZE);
        if (meta_get(rocks, arena, "Mtables", TABLES_SIZE, &tables)) memcpy(meta->tables, tables.data, TABLES_SIZE);
    }
    arena_destroy(arena);
    return code;
}

/* ---- log ---- */

/* The record at the cursor is number walk->last + 1 and follows. */
static bool record_good(struct log_walk *walk, struct text key, struct text value, char problem[PROBLEM_SIZE])
{
    uint64_t expected = walk->last + 1;
    uint64_t lsn = key.length == LOG_KEY_SIZE ? big64_read(key.data + 1) : 0;
    struct record record;
    if (lsn != expected) {
        snprintf(problem, PROBLEM_SIZE, "log record %" PRIu64 " is missing (the next one found is %" PRIu64 ")",
                 expected, lsn);
        return false;
    }
    if (!record_parse(value, &record)) {
        snprintf(problem, PROBLEM_SIZE, "log record %" PRIu64 " is not a record", lsn);
        return false;
    }
    const char *wrong = record_verify(&record, walk->chain, lsn);
    if (wrong) {
        snprintf(problem, PROBLEM_SIZE, "log record %" PRIu64 " %s", lsn, wrong);
        return false;
    }
    if (walk->mark && walk->mark->lsn == lsn && memcmp(walk->mark->chain, record.chain, CHAIN_SIZE) != 0) {
        snprintf(problem, PROBLEM_SIZE,
                 "log record %" PRIu64 " is not the one that was acknowledged (its chain is not the mark's)", lsn);
        return false;
    }
    if (walk->visit && !walk->visit(walk->context, lsn, value)) {
        snprintf(problem, PROBLEM_SIZE, "log record %" PRIu64 " could not be copied", lsn);
        return false;
    }
    memcpy(walk->chain, record.chain, CHAIN_SIZE);
    walk->last = lsn;
    return true;
}

bool log_walk(struct rocks *rocks, struct log_walk *walk, char problem[PROBLEM_SIZE])
{
    static const char end[] = {LOG_SPACE + 1};
    uint8_t from[LOG_KEY_SIZE];
    walk->last = walk->from - 1;
    struct rocks_cursor *cursor =
        rocks_cursor_open(rocks, log_key(from, walk->from), (struct text){end, 1}, false, TIER_DISK, true);
    bool good = true;
    for (struct text key, value; good && rocks_cursor_row(cursor, &key, &value);) {
        good = record_good(walk, key, value, problem);
        if (good) rocks_cursor_next(cursor);
    }
    char words[PROBLEM_SIZE];
    if (rocks_cursor_close(cursor, words) == FOUND) return good;
    snprintf(problem, PROBLEM_SIZE, "the log cannot be read beyond record %" PRIu64 ": %.400s", walk->last, words);
    return false;
}

bool log_chain_at(struct rocks *rocks, const struct meta *meta, uint64_t lsn, uint8_t chain[CHAIN_SIZE])
{
    if (!lsn) {
        chain_first(meta->identity, chain);
        return true;
    }
    struct arena *arena = arena_create();
    uint8_t key[LOG_KEY_SIZE];
    struct text value;
    struct record record;
    bool good = rocks_get(rocks, log_key(key, lsn), TIER_DISK, arena, &value) == FOUND && record_parse(value, &record);
    if (good) memcpy(chain, record.chain, CHAIN_SIZE);
    arena_destroy(arena);
    return good;
}

/* ---- the whole check ---- */

/* A mark behind the walk's start: its record is looked up. */
static bool mark_agrees(struct rocks *rocks, const struct meta *meta, const struct mark_value *mark,
                        char problem[PROBLEM_SIZE])
{
    uint8_t chain[CHAIN_SIZE];
    if (log_chain_at(rocks, meta, mark->lsn, chain) && memcmp(chain, mark->chain, CHAIN_SIZE) == 0) return true;
    snprintf(problem, PROBLEM_SIZE, "log record %" PRIu64 " is not the one that was acknowledged, or is missing",
             mark->lsn);
    return false;
}

static void describe_loss(const char *rocks_path, uint64_t last, uint64_t acknowledged, char problem[PROBLEM_SIZE])
{
    char files[160];
    directory_describe(rocks_path, ".log", files, sizeof files);
    snprintf(problem, PROBLEM_SIZE,
             "the log ends at record %" PRIu64 ", but %" PRIu64 " was acknowledged: %" PRIu64 " to %" PRIu64
             " are missing or damaged; write-ahead files in %.120s: %s",
             last, acknowledged, last + 1, acknowledged, rocks_path, files[0] ? files : "none");
}

int log_check(struct rocks *rocks, const char *rocks_path, const struct mark_value *mark, const uint8_t *tables,
              bool from_first, struct log_state *state, char problem[PROBLEM_SIZE])
{
    int code = meta_read(rocks, &state->meta, problem);
    if (code) return code;
    struct meta *meta = &state->meta;
    if (memcmp(meta->identity, mark->identity, IDENTITY_SIZE) != 0) {
        snprintf(problem, PROBLEM_SIZE, "the mark belongs to another store");
        return STORE_EXIT_DAMAGED;
    }
    state->tables_unfinished = meta->started_lsn != meta->applied_lsn;
    state->tables_other = tables && memcmp(meta->tables, tables, TABLES_SIZE) != 0;
    state->tables_lost = state->tables_unfinished || state->tables_other;
    uint64_t start = from_first || state->tables_lost ? 0 : meta->applied_lsn;
    struct log_walk walk = {.from = start + 1, .mark = mark};
    if (!log_chain_at(rocks, meta, start, walk.chain)) {
        snprintf(problem, PROBLEM_SIZE,
                 "log record %" PRIu64 ", up to which the tables were written, is missing or damaged", start);
        return STORE_EXIT_DAMAGED;
    }
    if (mark->lsn <= start && !mark_agrees(rocks, meta, mark, problem)) return STORE_EXIT_DAMAGED;
    if (!log_walk(rocks, &walk, problem)) return STORE_EXIT_DAMAGED;
#if defined MUTANT && MUTANT == 34
    if (walk.last < meta->applied_lsn) {
#else
    if (walk.last < mark->lsn || walk.last < meta->applied_lsn) {
#endif
        describe_loss(rocks_path, walk.last, mark->lsn > meta->applied_lsn ? mark->lsn : meta->applied_lsn, problem);
        return STORE_EXIT_DAMAGED;
    }
    state->last_lsn = walk.last;
    memcpy(state->chain, walk.chain, CHAIN_SIZE);
    return 0;
}
