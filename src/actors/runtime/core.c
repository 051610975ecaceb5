/* The core's life: opening, turns, stopping. One turn runs a bounded number of messages, hands the batch to the store and
   takes care of what time brings. */
#include "actors/runtime/internal.h"
#include "actors/runtime/settings.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct id tenant_id_of_slug(struct text slug)
{
    return id_derived_text("tenant", ID_NONE, slug);
}

const char core_wrong_key[] = "the master key is not the one under which this data was begun";

/* The default tenant is made by the first start, through its own machine. It holds a hash under the master key, so that a
   later start with another key is refused: all that is sealed would look erased. */
static bool default_tenant_make(struct core *core, char problem[256])
{
    struct text slug = core->config.default_tenant;
    const struct kind *kind = core->registry->tenant_kind;
    core->default_tenant = tenant_id_of_slug(slug);
    struct message *message =
        message_internal(core, FROM_REQUEST, ID_NONE, kind, kind_command(kind, "create"), core->default_tenant);
    core->ports.random(core->ports.context, message->random);
    struct tx tx;
    struct tx_state state;
    tx_open(&tx, &state, core, message);
    state.replay = true; /* may wait for the disk */
    bool made = true;
    struct text key_check = keyed_hash(&tx, "master key", slug);
    const struct tenant *known = load(&tx, kind, tx.id);
    snprintf(problem, 256, "%s", known ? core_wrong_key : "the default tenant could not be made");
    if (known) {
        made = !known->key_check.length || text_equal(known->key_check, key_check);
    } else {
        tx.principal.kind = PRINCIPAL_OPERATOR;
        struct tenant *tenant = create(&tx, kind, tx.id);
        tenant->slug = tenant->name = slug;
        tenant->currency = LITERAL("USD");
        tenant->key_check = key_check;
        tx.subject = tenant;
        state.replay = false;
        made = transition(&tx, kind, tenant, "create", NULL) == OK && tx_finish(&tx) == OK;
        if (made) {
            struct record record;
            tx_record(&tx, &record);
            tx_commit(&tx, &record);
        }
    }
    message_free(core, message);
    return made;
}

struct core *core_create(const struct registry *registry, const struct ports *ports, const struct core_config *config,
                         int64_t now_ms, char problem[256])
{
    struct core *core = memory_alloc(sizeof *core);
    core->registry = registry;
    core->ports = *ports;
    core->config = *config;
    directory_open(&core->directory);
    core->delta = ordered_create();
    scans_open(core);
    core->held_last = &core->held;
    core->sent_last = &core->sent;
    core->search.changes_last = &core->search.changes;
    core->undurable_effects_last = &core->undurable_effects;
    core->awaiting = map_create();
    core->in_flight = map_create();
    core->timers = map_create();
    core->timers_due = ordered_create();
    core->effects = map_create();
    core->rates = map_create();
    rates_prepare(core);
    core->checkpoint_interval = setting_configured(core, "checkpoint.interval");
    core->answers = answers_create();
#if defined TINY || defined __SANITIZE_ADDRESS__
    core->config.proves_answers = true;
#endif
    core->figures_by_entity = map_create();
    core->blob_remover = (struct provider){blob_removal_effect.name, blob_remove, ports->store};
    core->now = now_ms;
    renderings_prepare(core);
    personal_prepare(core);
    bool good = outside_load(core, problem) && replay_log(core, problem);
    if (core->now > now_ms && now_ms)
        log_line("core", LOG_WARNING, "the clock is behind the log", "by_ms=%lld", (long long)(core->now - now_ms));
    else
        core->now = now_ms;
    core->last_checkpoint = core->now;
    good = good && default_tenant_make(core, problem);
    if (good && now_ms && !people_forget(core)) {
        snprintf(problem, 256, "the tables of indexes are damaged");
        good = false;
    }
    uint64_t unnamed = 0;
    if (good && now_ms && !blobs_sweep(core, &unnamed)) {
        snprintf(problem, 256, "the names of stored files are damaged");
        good = false;
    }
    if (unnamed)
        log_line("core", LOG_INFO, "removed files that nothing refers to", "count=%llu", (unsigned long long)unnamed);
    if (good) {
        effects_start_all(core);
        search_start(core);
        batch_send(core);
        return core;
    }
    core_destroy(core);
    return NULL;
}

static void free_value(void *context, const void *key, size_t length, void *value)
{
    (void)context, (void)key, (void)length;
    free(value);
}

void core_destroy(struct core *core)
{
    rebuild_abandon(core);
    outside_close(core);
    blobs_close(core);
    while (heap_first(&core->await_deadlines))
        free(heap_pop(&core->await_deadlines));
    heap_free(&core->await_deadlines);
    if (core->batch) {
        buffer_free(&core->batch->records);
        free(core->batch);
    }
    while (core->sent) {
        struct batch_size *next = core->sent->next;
        free(core->sent);
        core->sent = next;
    }
    figures_close(core);
    search_close(core);
    map_each(core->rates, free_value, NULL);
    free(core->erasing.at);
    map_destroy(core->rates);
    answers_destroy(core->answers);
    map_destroy(core->effects);
    ordered_destroy(core->timers_due);
    map_destroy(core->timers);
    map_destroy(core->in_flight);
    map_destroy(core->awaiting);
    checkpoint_abandon(core);
    free(core->dirty);
    scans_close(core);
    ordered_destroy(core->delta);
    if (core->frozen) ordered_destroy(core->frozen);
    stretch_free(&core->replayed);
    directory_close(&core->directory);
    free(core);
}

const struct registry *core_registry(const struct core *core)
{
    return core->registry;
}

bool core_request(struct core *core, struct request *request)
{
    if (core->stopping || lane_full(core, request->lane)) return false;
    struct message *message = ARENA_NEW(request->arena, struct message);
    message->source = FROM_REQUEST;
    message->request = request;
    message->arena = request->arena;
    message->kind = request->route->kind;
    message->command = request->route->command;
    message->now = core->now;
    if (!message->command->steady) core->ports.random(core->ports.context, message->random);
    request->message = message;
    core->messages++;
    message_ready(core, message);
    return true;
}

static void awaiting_overdue(struct core *core)
{
    const struct heap_entry *first;
    while ((first = heap_first(&core->await_deadlines)) && (first->due <= core->now || core->stopping)) {
        struct id *key = heap_pop(&core->await_deadlines);
        struct message *message = map_remove(core->awaiting, key->bytes, sizeof key->bytes);
        if (message) message_ready(core, message);
        free(key);
    }
}

/* What is on its way to the disk will lie there too. */
static void look_at_disk(struct core *core)
{
    core->disk_free = core->ports.store->calls->free_bytes(core->ports.store);
    core->disk_taken = 0;
    bool full = core->disk_free <= core->waiting_bytes;
    if (full != core->read_only_disk)
        log_line("core", full ? LOG_ERROR : LOG_INFO,
                 full ? "the disk reserve is reached: writes are refused" : "writes are taken again", "full=%d", full);
    core->read_only_disk = full;
}

static void housekeeping(struct core *core)
{
    size_t bytes = ordered_bytes(core->delta) + core->dirty_count * 512;
    if (bytes > LIMIT_CHECKPOINT_BYTES || core->now - core->last_checkpoint >= core->checkpoint_interval)
        checkpoint_begin(core);
    directory_passivate(&core->directory, core->config.actors_memory);
    if (core->disk_taken > core->disk_free / 8) look_at_disk(core); /* a second may be too long */
    if (core->now - core->last_sweep < SECONDS(1)) return;
    core->last_sweep = core->now;
    look_at_disk(core);
    figures_flush(core);
    rates_sweep(core);
    if (core->stopping) return;
    idempotency_sweep(core);
    blobs_dispose(core);
}

void core_turn(struct core *core, int64_t now_ms)
{
#if defined MUTANT && MUTANT == 29
    core->now = now_ms;
#else
    if (now_ms > core->now) core->now = now_ms; /* time never goes back */
#endif
    timers_fire(core);
    effects_turn(core);
    awaiting_overdue(core);
    struct message *message;
    uint64_t recorded = core->last_lsn;
    for (unsigned i = 0;
         i < LIMIT_TURN_MESSAGES && core->last_lsn - recorded < LIMIT_TURN_RECORDS && (message = message_take(core));
         i++)
        message_run(core, message);
    effects_done_flush(core, core->stopping);
    batch_send(core);
    checkpoint_go_on(core, LIMIT_TURN_SNAPSHOTS);
    rebuild_turn(core);
    housekeeping(core);
}

bool core_busy(const struct core *core)
{
    return core->ready_count || core->to_snapshot != NULL || rebuild_busy(core);
}

int64_t core_next_due(const struct core *core)
{
    int64_t due = core->now + SECONDS(1); /* housekeeping */
    int64_t timer_due = timers_next_due(core);
    if (timer_due < due) due = timer_due;
    const struct heap_entry *first = heap_first(&core->effect_calls);
    if (first && first->due < due) due = first->due;
    first = heap_first(&core->await_deadlines);
    if (first && first->due < due) due = first->due;
    if (core->done_effects.count && core->done_since + SECONDS(1) / 10 < due) due = core->done_since + SECONDS(1) / 10;
    return due;
}

bool core_stop(struct core *core)
{
    core->stopping = true;
    rebuild_abandon(core);
    if (!core->ready_count && core->figures) figures_flush(core);
    if (core->done_effects.count || core->ready_count || core->held || map_count(core->awaiting) || core->batch)
        return false;
    if (core->durable_lsn < core->last_lsn) return false;
    if (core->messages) return false;
    checkpoint_go_on(core, UINT32_MAX);
    if (core->freezing) return false;
    if (!core->dirty_count && !ordered_count(core->delta)) return true;
    checkpoint_begin(core);
    checkpoint_go_on(core, UINT32_MAX);
    return !core->freezing;
}

uint64_t core_last_lsn(const struct core *core)
{
    return core->last_lsn;
}

uint64_t core_durable_lsn(const struct core *core)
{
    return core->durable_lsn;
}

/* Which kinds take the memory. */
static void kind_metrics(const struct core *core, struct buffer *out)
{
    const struct kind *const *kinds = core->registry->kinds;
    buffer_string(out, "# HELP souk_kind_actors actors in memory, by kind\n# TYPE souk_kind_actors gauge\n");
    for (unsigned i = 0; kinds[i]; i++)
        buffer_format(out, "souk_kind_actors{kind=\"%s\"} %zu\n", kinds[i]->name,
                      core->directory.of_kind[kinds[i]->number].actors);
    buffer_string(out, "# HELP souk_kind_bytes memory of actors, by kind\n# TYPE souk_kind_bytes gauge\n");
    for (unsigned i = 0; kinds[i]; i++)
        buffer_format(out, "souk_kind_bytes{kind=\"%s\"} %zu\n", kinds[i]->name,
                      core->directory.of_kind[kinds[i]->number].bytes);
}

void core_metrics(struct core *core, struct buffer *out)
{
    const struct rebuilding *rebuilding = &core->rebuilding; /* the last one, or the one under way */
    const struct {
        const char *name, *type, *help;
        uint64_t value;
    } rows[] = {
        {"souk_log_lsn", "gauge", "last record", core->last_lsn},
        {"souk_log_durable_lsn", "gauge", "last durable record", core->durable_lsn},
        {"souk_core_queue", "gauge", "messages ready to run", core->ready_count},
        {"souk_core_messages", "gauge", "messages alive", core->messages},
        {"souk_core_awaiting", "gauge", "requests waiting for an outcome", map_count(core->awaiting)},
        {"souk_actors_bytes", "gauge", "memory of actors", core->directory.bytes},
        {"souk_actors_dirty", "gauge", "actors newer than the tables", core->dirty_count},
        {"souk_actors_passivated_total", "counter", "actors passivated", core->directory.passivated},
        {"souk_delta_bytes", "gauge", "memory of the delta", ordered_bytes(core->delta)},
        {"souk_timers", "gauge", "timers pending", map_count(core->timers)},
        {"souk_effects", "gauge", "effects pending", map_count(core->effects)},
        {"souk_commits_total", "counter", "commands recorded", core->count_commits},
        {"souk_refusals_total", "counter", "requests refused", core->count_refusals},
        {"souk_answers_bytes", "gauge", "memory of kept answers", answers_bytes(core->answers)},
        {"souk_answers_recalled_total", "counter", "reads answered from memory", answers_recalled(core->answers)},
        {"souk_reruns_total", "counter", "runs after a wait", core->count_reruns},
        {"souk_broken_truths_total", "counter", "commands dropped because a truth did not hold", core->count_broken},
        {"souk_checkpoints_total", "counter", "checkpoints written", core->count_checkpoints},
        {"souk_rebuild_running", "gauge", "rows are being compared with the log", rebuilding->state == REBUILD_RUNNING},
        {"souk_rebuild_position", "gauge", "up to which the log was replayed", rebuilding->position},
        {"souk_rebuild_rows", "gauge", "rows compared", rebuilding->compared},
        {"souk_rebuild_rows_differing", "gauge", "rows that were not what the log gives", rebuilding->differing},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        buffer_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", rows[i].name, rows[i].help, rows[i].name,
                      rows[i].type, rows[i].name, (unsigned long long)rows[i].value);
    kind_metrics(core, out);
    search_metrics(core, out);
}
