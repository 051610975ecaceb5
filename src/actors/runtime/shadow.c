/* A second core over tables in memory, replayed from the log of a store: what all that is derived should be. */
#include "actors/runtime/shadow.h"
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { SETTLE_BYTES = 256 * 1024 };

/* ---- its store: reads the log of the real one, and keeps the checkpoints ---- */
struct shadow {
    struct store store; /* first: the port */
    struct store *real;
    struct ordered *tables;
    struct ordered *given; /* a checkpoint to be confirmed */
    struct core *core;
    uint64_t first; /* replayed by its opening */
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

static enum found shadow_read_stretch(struct store *store, uint64_t lsn, uint32_t most, size_t bytes,
                                      struct arena *arena, struct table_row *rows, uint32_t *count)
{
    struct store *real = ((struct shadow *)store)->real;
    return real->calls->read_stretch(real, lsn, most, bytes, arena, rows, count);
}

static uint64_t shadow_applied_lsn(struct store *store)
{
    (void)store;
    return 0;
}

static uint64_t shadow_last_lsn(struct store *store)
{
    return ((struct shadow *)store)->first;
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

/* ---- the core ---- */
struct shadow *shadow_create(const struct registry *registry, const struct ports *ports,
                             const struct core_config *config, uint64_t to, char problem[256])
{
    static const struct store_calls calls = {.append = shadow_append,
                                             .get = shadow_get,
                                             .scan = shadow_scan,
                                             .checkpoint = shadow_checkpoint,
                                             .read_log = shadow_read_log,
                                             .read_stretch = shadow_read_stretch,
                                             .applied_lsn = shadow_applied_lsn,
                                             .last_lsn = shadow_last_lsn,
                                             .free_bytes = shadow_free_bytes};
    struct shadow *shadow = memory_alloc(sizeof *shadow);
    *shadow = (struct shadow){.store.calls = &calls, .real = ports->store, .tables = ordered_create(), .first = to};
    struct ports own = *ports;
    own.store = &shadow->store;
    own.submit = no_work;
    own.search = NULL;
    own.providers = NULL;
    shadow->core = core_create(registry, &own, config, 0, problem);
    if (shadow->core) return shadow;
    shadow_destroy(shadow);
    return NULL;
}

void shadow_destroy(struct shadow *shadow)
{
    if (shadow->core) core_destroy(shadow->core);
    ordered_destroy(shadow->tables);
    free(shadow);
}

uint64_t shadow_lsn(const struct shadow *shadow)
{
    return shadow->core->last_lsn;
}

const struct ordered *shadow_tables(struct shadow *shadow)
{
    struct core *core = shadow->core;
    if (core->freezing) core_checkpointed(core, shadow->given);
    checkpoint_begin(core);
    checkpoint_go_on(core, UINT32_MAX);
    if (core->freezing) core_checkpointed(core, shadow->given);
    return shadow->tables;
}

static bool taken(struct shadow *shadow, const char *fault, char problem[256])
{
    struct core *core = shadow->core;
    if (fault) {
        snprintf(problem, 256, "log record %llu %s", (unsigned long long)core->last_lsn + 1, fault);
        return false;
    }
    core->durable_lsn = ++core->last_lsn;
    if (ordered_bytes(core->delta) + core->dirty_count * 512 > SETTLE_BYTES) shadow_tables(shadow);
    directory_passivate(&core->directory, core->config.actors_memory);
    return true;
}

bool shadow_read(struct shadow *shadow, char problem[256])
{
    return taken(shadow, replay_next(shadow->core, NULL), problem);
}

bool shadow_take(struct shadow *shadow, struct text head, struct text body, char problem[256])
{
    return taken(shadow, replay_next(shadow->core, &(struct table_row){head, body}), problem);
}
