/* Verification: all that is derived is a function of the log, so a second core that replays it from the first record must
   come to the same rows. Its store reads the log of the store under test and collects its checkpoints in memory. */
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shadow {
    struct store store; /* first: the port */
    struct store *real;
    struct ordered *tables;
    struct ordered *given; /* a checkpoint to be confirmed */
};

static enum found shadow_get(struct store *store, struct text key, enum tier tier, struct arena *arena,
                             struct text *value)
{
    (void)tier;
    const struct ordered_entry *entry = ordered_get(((struct shadow *)store)->tables, key);
    if (!entry) return ABSENT;
    *value = arena_text(arena, entry->value);
    return FOUND;
}

static enum found shadow_scan(struct store *store, struct text from, struct text to, bool reverse, uint32_t limit,
                              enum tier tier, struct arena *arena, struct table_row *rows, uint32_t *count)
{
    (void)tier, (void)reverse; /* at start only forward scans are made */
    const struct ordered_entry *entry = ordered_at_or_after(((struct shadow *)store)->tables, from);
    for (*count = 0; entry && *count < limit && text_compare(entry->key, to) < 0; entry = ordered_next(entry))
        rows[(*count)++] = (struct table_row){arena_text(arena, entry->key), arena_text(arena, entry->value)};
    return FOUND;
}

static void shadow_checkpoint(struct store *store, struct ordered *frozen, uint64_t lsn)
{
    (void)lsn;
    struct shadow *shadow = (struct shadow *)store;
    for (const struct ordered_entry *entry = ordered_at_or_after(frozen, LITERAL("")); entry;
         entry = ordered_next(entry)) {
        if (entry->tombstone)
            ordered_remove(shadow->tables, entry->key);
        else
            ordered_set(shadow->tables, entry->key, entry->value);
    }
    shadow->given = frozen;
}

static enum found shadow_read_log(struct store *store, uint64_t lsn, struct arena *arena, struct text *head,
                                  struct text *body)
{
    struct store *real = ((struct shadow *)store)->real;
    return real->calls->read_log(real, lsn, arena, head, body);
}

static uint64_t shadow_applied_lsn(struct store *store)
{
    (void)store;
    return 0;
}

static uint64_t shadow_last_lsn(struct store *store)
{
    struct store *real = ((struct shadow *)store)->real;
    return real->calls->applied_lsn(real);
}

static void shadow_append(struct store *store, struct batch *batch)
{
    (void)store;
    CHECK(batch->first_lsn == 1); /* an empty log: the default tenant */
    buffer_free(&batch->records);
    free(batch);
}

static uint64_t shadow_free_bytes(struct store *store)
{
    (void)store;
    return UINT64_MAX;
}

static bool no_work(void *context, struct work *work)
{
    (void)context, (void)work;
    return false;
}

static bool expires(struct text key)
{
    return key.data[0] == SPACE_IDEMPOTENCY || key.data[0] == SPACE_IDEMPOTENCY_EXPIRY;
}

struct comparison {
    void (*report)(void *context, const char *difference, struct text key);
    void *context;
    int64_t differences;
};

static void differ(struct comparison *comparison, const char *difference, struct text key)
{
    comparison->differences++;
    comparison->report(comparison->context, difference, key);
}

/* Both sides in key order; derived spaces only ('L' and 'M' are the store's own). */
static bool compare_space(struct shadow *shadow, enum space space, struct comparison *comparison)
{
    char first = (char)space, end = (char)(space + 1);
    struct arena *arena = arena_create();
    struct text from = arena_text(arena, (struct text){&first, 1}), to = arena_text(arena, (struct text){&end, 1});
    const struct ordered_entry *entry = ordered_at_or_after(shadow->tables, from);
    struct table_row *rows = ARENA_ARRAY(arena, struct table_row, LIMIT_SCAN_ROWS);
    bool good = true;
    for (uint32_t count = LIMIT_SCAN_ROWS; good && count == LIMIT_SCAN_ROWS;) {
        struct arena *page = arena_create();
        count = 0;
        good = shadow->real->calls->scan(shadow->real, from, to, false, LIMIT_SCAN_ROWS, TIER_DISK, page, rows,
                                         &count) == FOUND;
        for (uint32_t i = 0; good && i < count; i++) {
            while (entry && text_compare(entry->key, rows[i].key) < 0 && text_compare(entry->key, to) < 0) {
                if (!expires(entry->key)) differ(comparison, "the tables lack a row", entry->key);
                entry = ordered_next(entry);
            }
            if (!entry || !text_equal(entry->key, rows[i].key)) {
                differ(comparison, "the tables have a row that the log does not give", rows[i].key);
                continue;
            }
            if (!text_equal(entry->value, rows[i].value))
                differ(comparison, "a row differs from what the log gives", rows[i].key);
            entry = ordered_next(entry);
        }
        if (good && count) {
            struct text last = rows[count - 1].key;
            char *after = arena_alloc(arena, last.length + 1);
            memcpy(after, last.data, last.length);
            from = (struct text){after, last.length + 1};
        }
        arena_destroy(page);
    }
    for (; good && entry && text_compare(entry->key, to) < 0; entry = ordered_next(entry))
        if (!expires(entry->key)) differ(comparison, "the tables lack a row", entry->key);
    arena_destroy(arena);
    return good;
}

int64_t core_verify(const struct registry *registry, const struct ports *ports, const struct core_config *config,
                    void (*report)(void *context, const char *difference, struct text key), void *context,
                    char problem[256])
{
    static const struct store_calls calls = {.append = shadow_append,
                                             .get = shadow_get,
                                             .scan = shadow_scan,
                                             .checkpoint = shadow_checkpoint,
                                             .read_log = shadow_read_log,
                                             .applied_lsn = shadow_applied_lsn,
                                             .last_lsn = shadow_last_lsn,
                                             .free_bytes = shadow_free_bytes};
    static const enum space spaces[] = {SPACE_ENTITY,
                                        SPACE_INDEX,
                                        SPACE_UNIQUE,
                                        SPACE_TIMER,
                                        SPACE_EFFECT,
                                        SPACE_IDEMPOTENCY,
                                        SPACE_IDEMPOTENCY_EXPIRY};
    struct shadow shadow = {.store.calls = &calls, .real = ports->store, .tables = ordered_create()};
    struct ports own = *ports;
    own.store = &shadow.store;
    own.submit = no_work;
    own.providers = NULL;
    struct comparison comparison = {.report = report, .context = context};
    if (shadow_last_lsn(&shadow.store) == 0) { /* nothing was ever applied */
        ordered_destroy(shadow.tables);
        return 0;
    }
    struct core *core = core_create(registry, &own, config, 0, problem);
    bool good = core != NULL;
    if (good) {
        if (core->freezing) core_checkpointed(core, shadow.given);
        checkpoint_begin(core);
        checkpoint_go_on(core, UINT32_MAX);
        if (core->freezing) core_checkpointed(core, shadow.given);
        for (unsigned i = 0; good && i < sizeof spaces / sizeof spaces[0]; i++) {
            good = compare_space(&shadow, spaces[i], &comparison);
            if (!good) snprintf(problem, 256, "the tables cannot be read");
        }
        core_destroy(core);
    }
    ordered_destroy(shadow.tables);
    return good ? comparison.differences : -1;
}
