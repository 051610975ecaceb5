/* Rows made anew while serving. A shadow replays the log beside the core, a few records a turn, until it has seen all that
   the core has; from then on it takes every record as the core makes it, so at the end of a turn both are at one position,
   and a row that differs is wrong in the tables or in memory. A few keys a turn are compared, and the shadow's value set.

     REPLAYING ──all durable──▶ (records are queued as they are made) ──the log up to there──▶ COMPARING ──all keys──▶ done

   Nothing of it is durable: after a crash it is asked for again. */
#include "actors/runtime/rebuild.h"
#include "actors/runtime/internal.h"
#include "actors/runtime/shadow.h"
#include "base/check.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
#ifdef TINY
    TURN_RECORDS = 2,
    TURN_ROWS = 3,
    QUEUE_BYTES = 2048,
#else
    TURN_RECORDS = 16, /* of the log, about half a millisecond */
    TURN_ROWS = 16,    /* each may be read from the disk */
    QUEUE_BYTES = 32 * 1024 * 1024,
#endif
    SHADOW_ACTORS = 32 * 1024 * 1024
};

static const enum space rebuilt_spaces[] = {SPACE_ENTITY, SPACE_INDEX, SPACE_UNIQUE};

struct rebuild {
    struct shadow *shadow;
    const struct kind *only; /* NULL: every kind */
    bool mends;
    uint64_t queued_after; /* records behind this are in the queue; 0: none are queued yet */
    struct buffer queue;   /* as in a batch */
    size_t taken;          /* of it */
    struct arena *arena;
    struct text from; /* the next key; in `places`, one of two that take turns */
    struct arena *places[2];
    unsigned space; /* which of rebuilt_spaces */
};

/* ---- beginning and end ---- */
static void rebuild_free(struct core *core)
{
    struct rebuild *rebuild = core->rebuild;
    core->rebuild = NULL;
    shadow_destroy(rebuild->shadow);
    buffer_free(&rebuild->queue);
    for (int i = 0; i < 2; i++)
        arena_destroy(rebuild->places[i]);
    arena_destroy(rebuild->arena);
    free(rebuild);
}

void rebuild_abandon(struct core *core)
{
    if (core->rebuild) rebuild_free(core);
}

static void next_key_is(struct rebuild *rebuild, struct text key)
{
    struct arena *place = rebuild->places[1];
    rebuild->places[1] = rebuild->places[0];
    rebuild->places[0] = place;
    arena_reset(place);
    rebuild->from = arena_text(place, key);
}

static void begin_space(struct rebuild *rebuild, unsigned number)
{
    rebuild->space = number;
    if (number == sizeof rebuilt_spaces / sizeof rebuilt_spaces[0]) return;
    char first = (char)rebuilt_spaces[number];
    next_key_is(rebuild, (struct text){&first, 1});
}

bool rebuild_begin(struct core *core, const struct kind *only, bool mends, char problem[256])
{
    CHECK(!core->rebuild && core->durable_lsn > 0);
    struct core_config config = core->config;
    config.actors_memory = SHADOW_ACTORS;
    struct shadow *shadow = shadow_create(core->registry, &core->ports, &config, 1, problem);
    if (!shadow) return false;
    struct rebuild *rebuild = memory_alloc(sizeof *rebuild);
    *rebuild = (struct rebuild){.shadow = shadow, .only = only, .mends = mends, .arena = arena_create()};
    for (int i = 0; i < 2; i++)
        rebuild->places[i] = arena_create();
    begin_space(rebuild, 0);
    core->rebuild = rebuild;
    core->rebuilding = (struct rebuilding){.state = REBUILD_RUNNING, .only = only, .mends = mends};
    return true;
}

static void give_up(struct core *core, const char *problem)
{
    core->rebuilding.state = REBUILD_FAILED;
    snprintf(core->rebuilding.problem, sizeof core->rebuilding.problem, "%s", problem);
    log_line("core", LOG_ERROR, "the rebuild is given up", "why=\"%s\"", problem);
    rebuild_free(core);
}

static void finish(struct core *core)
{
    struct rebuilding *said = &core->rebuilding;
    said->state = REBUILD_DONE;
    log_line("core", said->differing ? LOG_WARNING : LOG_INFO, "the rows are compared with the log",
             "kind=%s rows=%llu differing=%llu mended=%llu", said->only ? said->only->plural : "all",
             (unsigned long long)said->compared, (unsigned long long)said->differing,
             (unsigned long long)(said->mends ? said->differing : 0));
    rebuild_free(core);
}

/* ---- following the log ---- */
void rebuild_note(struct core *core, uint64_t lsn, struct text head, struct text body)
{
    struct rebuild *rebuild = core->rebuild;
    if (!rebuild->queued_after) return;
    CHECK(lsn > rebuild->queued_after);
    buffer_big32(&rebuild->queue, head.length);
    buffer_big32(&rebuild->queue, body.length);
    buffer_text(&rebuild->queue, head);
    buffer_text(&rebuild->queue, body);
}

static void queue_forget(struct rebuild *rebuild)
{
    buffer_free(&rebuild->queue);
    rebuild->queue = (struct buffer){0};
    rebuild->taken = 0;
}

static uint32_t queue_number(struct rebuild *rebuild)
{
    const uint8_t *at = (const uint8_t *)rebuild->queue.data + rebuild->taken;
    rebuild->taken += 4;
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool queue_take(struct rebuild *rebuild, char problem[256])
{
    uint32_t head_length = queue_number(rebuild), body_length = queue_number(rebuild);
    struct text head = {rebuild->queue.data + rebuild->taken, head_length};
    struct text body = {head.data + head_length, body_length};
    rebuild->taken += head_length + body_length;
    return shadow_take(rebuild->shadow, head, body, problem);
}

/* A few records. False when one does not fit. */
static bool follow(struct core *core, char problem[256])
{
    struct rebuild *rebuild = core->rebuild;
    for (int i = 0; i < TURN_RECORDS; i++) {
        uint64_t at = shadow_lsn(rebuild->shadow);
        bool from_queue = rebuild->queued_after && at >= rebuild->queued_after;
        if (from_queue && rebuild->taken == rebuild->queue.length) {
            queue_forget(rebuild);
            return true;
        }
        if (!from_queue && at >= core->durable_lsn) {
            if (!rebuild->queued_after) rebuild->queued_after = core->last_lsn;
            return true;
        }
        if (!(from_queue ? queue_take(rebuild, problem) : shadow_read(rebuild->shadow, problem))) return false;
    }
    if (rebuild->queue.length - rebuild->taken > QUEUE_BYTES) { /* it does not keep up: by the log once more */
        queue_forget(rebuild);
        rebuild->queued_after = 0;
    }
    return true;
}

static bool level(const struct core *core)
{
    return core->rebuild->queued_after && shadow_lsn(core->rebuild->shadow) == core->last_lsn;
}

/* ---- comparing ---- */
/* A key of entity, index or unique key: space, tenant, number of the kind, and what the space adds. */
enum { KEY_TENANT = 1, KEY_KIND = 17, KEY_REST = 19 };

static uint16_t kind_of_key(struct text key)
{
    return (uint16_t)((uint8_t)key.data[KEY_KIND] << 8 | (uint8_t)key.data[KEY_KIND + 1]);
}

/* Is it a row to compare? Else, *skip_to is a key to go on with: that kind's first of this tenant, or of the next. */
static bool wanted(struct rebuild *rebuild, struct text key, struct text *skip_to)
{
    *skip_to = (struct text){0};
    if (!rebuild->only || key.length < KEY_REST || kind_of_key(key) == rebuild->only->number) return true;
    uint8_t next[KEY_REST];
    memcpy(next, key.data, KEY_KIND);
    if (kind_of_key(key) > rebuild->only->number)
        for (int i = KEY_KIND - 1; i >= KEY_TENANT && ++next[i] == 0; i--) {}
    next[KEY_KIND] = (uint8_t)(rebuild->only->number >> 8);
    next[KEY_KIND + 1] = (uint8_t)rebuild->only->number;
    *skip_to = arena_text(rebuild->arena, (struct text){(const char *)next, sizeof next});
    return false;
}

static struct actor *actor_of_key(struct core *core, struct text key)
{
    if (key.data[0] != SPACE_ENTITY || key.length != KEY_REST + 16) return NULL;
    return directory_known(&core->directory, (const uint8_t *)key.data + KEY_TENANT);
}

/* What the core holds under this key: absent when nothing. */
static bool live_value(struct core *core, struct text key, struct text *value)
{
    struct rebuild *rebuild = core->rebuild;
    const struct actor *actor = actor_of_key(core, key);
    *value = (struct text){0};
    if (actor && actor->known) {
        if (!actor->block) return true;
        struct id tenant;
        memcpy(tenant.bytes, actor->key, sizeof tenant.bytes);
        *value = snapshot_encode(core, rebuild->arena, tenant, actor->kind, actor->block);
        return true;
    }
    enum found found = derived_get(core, NULL, true, key, rebuild->arena, value);
    if (found == ABSENT) *value = (struct text){0};
    return found == FOUND || found == ABSENT;
}

static void mend(struct core *core, struct text key, struct text right)
{
    struct actor *actor = actor_of_key(core, key);
    if (right.data)
        derived_set(core, key, right);
    else
        derived_delete(core, key);
    answers_forget_all(core->answers);
    core->replacements++;
    if (!actor || !actor->known) return;
    struct id tenant, id;
    memcpy(tenant.bytes, actor->key, sizeof tenant.bytes);
    memcpy(id.bytes, actor->key + ACTOR_KEY_SIZE - sizeof id.bytes, sizeof id.bytes);
    struct block *block = right.data ? snapshot_decode(core, tenant, actor->kind, id, right) : NULL;
    actor_set_block(&core->directory, actor, block);
}

/* The shadow's rows and the core's in key order, of one space, from rebuild->from on. */
static bool compare_some(struct core *core)
{
    struct rebuild *rebuild = core->rebuild;
    const struct ordered *tables = shadow_tables(rebuild->shadow);
    char end_byte = (char)(rebuilt_spaces[rebuild->space] + 1);
    struct text end = {&end_byte, 1}, key = {0}, skip_to = {0};
    struct table_row rows[TURN_ROWS];
    uint32_t count = TURN_ROWS, row = 0;
    if (derived_scan(core, NULL, true, rebuild->from, end, false, rebuild->arena, rows, &count) != FOUND) return false;
    const struct ordered_entry *entry = ordered_at_or_after(tables, rebuild->from);
    for (int i = 0; i < TURN_ROWS; i++) {
        bool in_shadow = entry && text_compare(entry->key, end) < 0;
        if (!in_shadow && row == count) {
            if (count == TURN_ROWS) break; /* there may be more */
            begin_space(rebuild, rebuild->space + 1);
            return true;
        }
        int order = !in_shadow ? 1 : row == count ? -1 : text_compare(entry->key, rows[row].key);
        if (row == count && count == TURN_ROWS) break; /* the core's next key is not known here */
        key = order <= 0 ? entry->key : rows[row].key;
        struct text right = order <= 0 ? entry->value : (struct text){0}, live;
        if (order <= 0) entry = ordered_next(entry);
        if (order >= 0) row++;
        if (!wanted(rebuild, key, &skip_to)) break;
        const struct actor *actor = actor_of_key(core, key);
        if (actor && actor->loading) { /* what is read may be what is wrong: later */
            next_key_is(rebuild, key);
            return true;
        }
        if (!live_value(core, key, &live)) return false;
        core->rebuilding.compared++;
        if (text_equal(live, right) || same_but_erased(core->registry, core->ports.keyring, key, right, live)) continue;
        core->rebuilding.differing++;
        if (rebuild->mends) mend(core, key, right);
    }
    next_key_is(rebuild, skip_to.data ? skip_to : key_after(rebuild->arena, key));
    return true;
}

void rebuild_turn(struct core *core)
{
    char problem[256];
    struct rebuild *rebuild = core->rebuild;
    if (!rebuild) return;
    arena_reset(rebuild->arena);
    if (!level(core) && !follow(core, problem)) {
        give_up(core, problem);
        return;
    }
    core->rebuilding.position = shadow_lsn(rebuild->shadow);
    if (!level(core)) return;
    if (!compare_some(core))
        give_up(core, "the tables cannot be read");
    else if (rebuild->space == sizeof rebuilt_spaces / sizeof rebuilt_spaces[0])
        finish(core);
}

bool rebuild_busy(const struct core *core)
{
    const struct rebuild *rebuild = core->rebuild;
    return rebuild && (level(core) || shadow_lsn(rebuild->shadow) < core->durable_lsn || rebuild->queue.length);
}
