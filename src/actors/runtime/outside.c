/* Timers and effects: durable with the record that asked for them, in memory while pending, gone with the record that
   answers them. All of them are derived rows, so a restart finds exactly those that were not answered. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"
#include "schema/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- timers ---- */
static void timer_due_key(const struct timer *timer, struct key *key)
{
    key_start(key, SPACE_TIMER);
    key_add_integer(key, timer->due);
    key_add(key, timer->id.bytes, 16);
}

static void timer_forget(struct core *core, struct timer *timer)
{
    struct key key;
    timer_due_key(timer, &key);
    ordered_remove(core->timers_due, key_text_of(&key));
    map_remove(core->timers, timer->id.bytes, 16);
    free((void *)(uintptr_t)timer->body.data);
    free(timer);
}

static struct text heap_text(struct text source)
{
    if (!source.data) return source;
    char *copy = memory_alloc(source.length + 1);
    memcpy(copy, source.data, source.length);
    return (struct text){copy, source.length};
}

static bool timer_remember(struct core *core, struct id tenant, const struct record_timer *row)
{
    const struct kind *kind = registry_kind(core->registry, (uint16_t)row->kind);
    char name[128];
    if (!kind || row->command.length >= sizeof name) return false;
    memcpy(name, row->command.data, row->command.length);
    name[row->command.length] = 0;
    const struct command *command = kind_command(kind, name);
    if (!command) return false;
    struct timer *timer = memory_alloc(sizeof *timer);
    *timer = (struct timer){.due = row->due,
                            .id = row->id,
                            .tenant = tenant,
                            .entity = row->entity,
                            .kind = kind,
                            .command = command,
                            .body = heap_text(row->body)};
    struct key key;
    timer_due_key(timer, &key);
    ordered_set(core->timers_due, key_text_of(&key), (struct text){(const char *)&timer, sizeof(struct timer *)});
    map_set(core->timers, timer->id.bytes, 16, timer);
    return true;
}

void timers_apply(struct core *core, const struct record *record)
{
    for (uint32_t i = 0; i < record->timers.count; i++) {
        const struct record_timer *row = &record->timers.at[i];
        struct timer *old = map_get(core->timers, row->id.bytes, 16);
        struct key key;
        if (old) {
            timer_due_key(old, &key);
#if !defined MUTANT || MUTANT != 15
            derived_delete(core, key_text_of(&key));
#endif
            timer_forget(core, old);
        }
        if (!row->due) continue;
        CHECK(timer_remember(core, record->tenant, row));
        struct buffer value = {0};
        pack_array(&value, 5);
        pack_bytes(&value, (struct text){(const char *)record->tenant.bytes, 16});
        pack_integer(&value, row->kind);
        pack_bytes(&value, (struct text){(const char *)row->entity.bytes, 16});
        pack_text(&value, row->command);
        pack_bytes(&value, row->body);
        key_start(&key, SPACE_TIMER);
        key_add_integer(&key, row->due);
        key_add(&key, row->id.bytes, 16);
        derived_set(core, key_text_of(&key), buffer_as_text(&value));
        buffer_free(&value);
    }
}

static bool bytes_to_id(struct text bytes, struct id *id)
{
    if (bytes.length != sizeof id->bytes) return false;
    memcpy(id->bytes, bytes.data, sizeof id->bytes);
    return true;
}

static bool timer_row_load(void *context, const struct table_row *row)
{
    struct core *core = context;
    struct unpacker in = unpacker_of(row->value);
    struct record_timer timer = {0};
    struct id tenant;
    struct text bytes;
    uint32_t count;
    if (row->key.length != 1 + 8 + 16 || !unpack_array(&in, &count) || count != 5) return false;
    if (!unpack_bytes(&in, &bytes) || !bytes_to_id(bytes, &tenant) || !unpack_integer(&in, &timer.kind)) return false;
    if (!unpack_bytes(&in, &bytes) || !bytes_to_id(bytes, &timer.entity) || !unpack_text(&in, &timer.command))
        return false;
    if (!unpack_nil(&in) && !unpack_bytes(&in, &timer.body)) return false;
    uint64_t due = 0;
    for (int i = 0; i < 8; i++)
        due = due << 8 | (uint8_t)row->key.data[1 + i];
    timer.due = (int64_t)(due ^ (UINT64_C(1) << 63));
    memcpy(timer.id.bytes, row->key.data + 9, 16);
    return timer_remember(core, tenant, &timer);
}

static void *internal_body(struct message *message, struct text bytes)
{
    const struct fields *fields = message->command->body;
    if (!fields) return NULL;
    void *body = arena_alloc(message->arena, fields->size);
    CHECK(!bytes.data || schema_restore(message->arena, fields, bytes, body));
    return body;
}

static struct timer *timer_of_row(const struct ordered_entry *row)
{
    struct timer *timer;
    CHECK(row->value.length == sizeof(struct timer *));
    memcpy(&timer, row->value.data, sizeof timer); /* cppcheck-suppress pointerSize ; a pointer is what the row holds */
    return timer;
}

int64_t timers_next_due(const struct core *core)
{
    const struct ordered_entry *entry = ordered_at_or_after(core->timers_due, LITERAL(""));
    while (entry && timer_of_row(entry)->running)
        entry = ordered_next(entry);
    return entry ? timer_of_row(entry)->due : INT64_MAX;
}

void timers_fire(struct core *core)
{
    const struct ordered_entry *entry = ordered_at_or_after(core->timers_due, LITERAL(""));
    for (unsigned fired = 0; entry && fired < LIMIT_TURN_MESSAGES; entry = ordered_next(entry)) {
        struct timer *timer = timer_of_row(entry);
        if (timer->due > core->now) return;
        if (timer->running) continue;
        timer->running = true;
        struct message *message =
            message_internal(core, FROM_TIMER, timer->tenant, timer->kind, timer->command, timer->entity);
        core->ports.random(core->ports.context, message->random);
        message->timer_id = timer->id;
        message->body = internal_body(message, timer->body);
        message_ready(core, message);
        fired++;
    }
}

bool timer_fired(const struct core *core, struct id id)
{
    const struct timer *timer = map_get(core->timers, id.bytes, sizeof id.bytes);
    return timer && timer->running;
}

/* ---- effects ---- */
struct effect_answer {
    struct arena *arena;
    void *value;
};
enum {
    DONE_WAIT = 100, /* ms that finished effects are collected */
    DONE_TOGETHER = 256,
};
struct effect_step { /* of core->effect_calls: call it, or deliver this answer */
    struct pending_effect *effect;
    struct effect_answer *answer;
};

static const struct effect_class *effect_class_numbered(const struct core *core, int64_t number)
{
    for (const struct effect_class *const *class = core->registry->effects; class && *class; class ++)
        if ((*class)->number == number) return *class;
    return NULL;
}

static void effect_key_of(struct id id, struct key *key)
{
    key_start(key, SPACE_EFFECT);
    key_add(key, id.bytes, 16);
}

struct effect_job {
    struct work work;
    struct core *core;
    struct pending_effect *effect;
    struct effect_call call;
    const struct provider *provider;
};

static void effect_job_free(struct effect_job *job)
{
    arena_destroy(job->call.arena);
    free(job);
}

static void effect_free(struct pending_effect *effect)
{
    if (effect->kept) effect_job_free(effect->kept);
    free((void *)(uintptr_t)effect->key.data);
    free((void *)(uintptr_t)effect->request.data);
    free((void *)(uintptr_t)effect->personal.data);
    free((void *)(uintptr_t)effect->trace.data);
    free(effect);
}

static void effect_forget(struct core *core, struct pending_effect *effect)
{
    map_remove(core->effects, effect->id.bytes, 16);
    effect->removed = true; /* a call under way or scheduled frees it when it ends */
    struct effect_job *kept = effect->kept;
    effect->kept = NULL;
    if (kept && kept->provider->drop(kept->provider->context, &kept->call)) {
        effect_job_free(kept);
        effect->uses--;
    }
    if (!effect->uses) effect_free(effect);
}

static struct pending_effect *effect_remember(struct core *core, struct id tenant, const struct record_effect *row,
                                              struct text trace, int64_t created_at)
{
    const struct kind *kind = registry_kind(core->registry, (uint16_t)row->kind);
    const struct effect_class *class = effect_class_numbered(core, row->class_number);
    char name[128];
    if (!kind || !class || row->command.length >= sizeof name) return NULL;
    const struct command *command = NULL;
    if (row->command.length) {
        memcpy(name, row->command.data, row->command.length);
        name[row->command.length] = 0;
        command = kind_command(kind, name);
        if (!command) return NULL;
    }
    struct pending_effect *effect = memory_alloc(sizeof *effect);
    *effect = (struct pending_effect){.id = row->id,
                                      .class = class,
                                      .tenant = tenant,
                                      .entity = row->entity,
                                      .kind = kind,
                                      .command = command,
                                      .key = heap_text(row->key),
                                      .request = heap_text(row->request),
                                      .personal = heap_text(row->personal),
                                      .trace = heap_text(trace),
                                      .subject = row->subject,
                                      .created_at = created_at};
    map_set(core->effects, effect->id.bytes, 16, effect);
    return effect;
}

static void effect_schedule(struct core *core, struct pending_effect *effect, int64_t due, struct effect_answer *answer)
{
    struct effect_step *step = memory_alloc(sizeof *step);
    *step = (struct effect_step){.effect = effect, .answer = answer};
    effect->uses++;
    heap_push(&core->effect_calls, due, step);
}

void effects_apply(struct core *core, const struct record *record, int64_t now)
{
    for (uint32_t i = 0; i < record->effects.count; i++) {
        const struct record_effect *row = &record->effects.at[i];
        struct pending_effect *old = map_get(core->effects, row->id.bytes, 16);
        struct key key;
        effect_key_of(row->id, &key);
        if (old) effect_forget(core, old);
        if (row->removed) {
            derived_delete(core, key_text_of(&key));
            continue;
        }
        struct pending_effect *effect = effect_remember(core, record->tenant, row, record->trace, now);
        CHECK(effect);
        effect->lsn = record->lsn;
        struct buffer value = {0};
        pack_array(&value, record->trace.data ? 11 : 10);
        pack_bytes(&value, (struct text){(const char *)record->tenant.bytes, 16});
        pack_integer(&value, row->class_number);
        pack_integer(&value, row->kind);
        pack_bytes(&value, (struct text){(const char *)row->entity.bytes, 16});
        pack_text(&value, row->command);
        pack_text(&value, row->key);
        pack_bytes(&value, row->request);
        pack_bytes(&value, row->personal);
        pack_bytes(&value, (struct text){(const char *)row->subject.bytes, 16});
        pack_integer(&value, now);
        if (record->trace.data) pack_text(&value, record->trace);
        derived_set(core, key_text_of(&key), buffer_as_text(&value));
        buffer_free(&value);
        if (core->recovering) continue;
#if defined MUTANT && MUTANT == 9
        effect_schedule(core, effect, now, NULL);
        continue;
#endif
        effect->uses++;
        *core->undurable_effects_last = effect;
        core->undurable_effects_last = &effect->next_undurable;
    }
}

static bool effect_row_load(void *context, const struct table_row *row)
{
    struct core *core = context;
    struct unpacker in = unpacker_of(row->value);
    struct record_effect effect = {0};
    struct id tenant;
    struct text bytes, trace = {0};
    uint32_t count;
    int64_t created_at;
    if (row->key.length != 1 + 16 || !unpack_array(&in, &count) || count < 10 || count > 11) return false;
    if (!unpack_bytes(&in, &bytes) || !bytes_to_id(bytes, &tenant) || !unpack_integer(&in, &effect.class_number))
        return false;
    if (!unpack_integer(&in, &effect.kind) || !unpack_bytes(&in, &bytes) || !bytes_to_id(bytes, &effect.entity))
        return false;
    if (!unpack_nil(&in) && !unpack_text(&in, &effect.command)) return false;
    if (!unpack_text(&in, &effect.key) || !unpack_bytes(&in, &effect.request)) return false;
    if (!unpack_nil(&in) && !unpack_bytes(&in, &effect.personal)) return false;
    if (!unpack_bytes(&in, &bytes) || !bytes_to_id(bytes, &effect.subject) || !unpack_integer(&in, &created_at))
        return false;
    if (count == 11 && !unpack_text(&in, &trace)) return false;
    memcpy(effect.id.bytes, row->key.data + 1, 16);
    return effect_remember(core, tenant, &effect, trace, created_at) != NULL;
}

/* ---- calls ---- */
static void effect_job_run(struct work *work)
{
    struct effect_job *job = (struct effect_job *)work;
    job->provider->call(job->provider->context, &job->call);
}

static int64_t effect_backoff(uint32_t attempt)
{
    static const int64_t seconds[] = {1, 2, 5, 10, 30};
    return SECONDS(attempt <= 5 ? seconds[attempt - 1] : 60);
}

static struct effect_answer *effect_answer_of(const struct effect_job *job, bool gave_up)
{
    struct effect_answer *answer = memory_alloc(sizeof *answer);
    answer->arena = arena_create();
    const void *value = job->call.answer;
    answer->value = gave_up ? arena_alloc(answer->arena, job->call.class->answer->size)
                            : schema_clone(job->call.class->answer, value, answer->arena);
    return answer;
}

/* The answer becomes an internal command, also when the effect is no longer pending: deciders drop what they know. */
static void effect_deliver(struct core *core, struct pending_effect *effect, struct effect_answer *answer)
{
    if (!effect->command) { /* nobody waits for it: it is taken off the log with others */
        if (effect->removed) return;
        if (!core->done_effects.count) core->done_since = core->now;
        core->done_effects =
            (struct id_list){memory_resize(core->done_effects.at, (core->done_effects.count + 1) * sizeof(struct id)),
                             core->done_effects.count + 1};
        core->done_effects.at[core->done_effects.count - 1] = effect->id;
        return;
    }
    struct message *message =
        message_internal(core, FROM_EFFECT, effect->tenant, effect->kind, effect->command, effect->entity);
    core->ports.random(core->ports.context, message->random);
    message->effect_id = effect->id;
    message->effect_done = !effect->removed;
    message->trace = arena_text(message->arena, effect->trace);
    message->body = schema_clone(effect->class->answer, answer->value, message->arena);
    message_ready(core, message);
}

static void effect_answer_free(struct effect_answer *answer)
{
    if (!answer) return;
    arena_destroy(answer->arena);
    free(answer);
}

static void effect_release(struct pending_effect *effect)
{
    CHECK(effect->uses > 0);
    if (--effect->uses == 0 && effect->removed) effect_free(effect);
}

static void effect_job_done(struct work *work)
{
    struct effect_job *job = (struct effect_job *)work;
    struct core *core = job->core;
    struct pending_effect *effect = job->effect;
    effect->calling = false;
    effect->kept = NULL;
    bool gave_up = job->call.retry && core->now - effect->created_at >= effect->class->give_up_after;
    if (job->call.retry && !gave_up) {
        if (!effect->removed) effect_schedule(core, effect, core->now + effect_backoff(effect->attempt), NULL);
    } else {
        for (uint32_t i = 0; i <= job->call.repeats; i++) {
            struct effect_answer *answer = effect_answer_of(job, gave_up);
            if (job->call.delay_ms > 0) {
                effect_schedule(core, effect, core->now + job->call.delay_ms, answer);
                continue;
            }
            effect_deliver(core, effect, answer);
            effect_answer_free(answer);
        }
    }
    effect_release(effect);
    effect_job_free(job);
}

static void effect_job_ended(struct work *work)
{
    (void)work; /* a worker only hands over what was answered on another thread */
}

bool effect_call_end(struct effect_call *call)
{
    struct effect_job *job = (struct effect_job *)((char *)call - offsetof(struct effect_job, call));
    job->work.run = effect_job_ended;
    return job->core->ports.submit(job->core->ports.context, &job->work);
}

const struct provider *provider_of(const struct core *core, const struct effect_class *class)
{
    if (class == &blob_removal_effect) return &core->blob_remover;
    for (const struct provider *provider = core->ports.providers; provider && provider->class_name; provider++)
        if (!strcmp(provider->class_name, class->name)) return provider;
    return NULL;
}

/* NULL: what it says of its subject is erased. */
static void *effect_request(struct core *core, const struct pending_effect *effect, struct arena *arena)
{
    const struct fields *fields = effect->class->request;
    void *request = arena_alloc(arena, fields->size);
    struct text plain, associated = {(const char *)effect->id.bytes, sizeof effect->id.bytes};
    CHECK(schema_restore(arena, fields, effect->request, request));
    if (!effect->personal.data) return request;
    if (unseal(core->ports.keyring, arena, effect->tenant, effect->subject, associated, effect->personal, &plain) !=
        UNSEALED)
        return NULL;
    CHECK(schema_restore(arena, fields, plain, request));
    return request;
}

/* What was to be said to or of somebody who is erased is not said: it is answered as given up. */
static void effect_drop(struct core *core, struct pending_effect *effect)
{
    struct effect_answer answer = {.arena = arena_create()};
    answer.value = arena_alloc(answer.arena, effect->class->answer->size);
    effect_deliver(core, effect, &answer);
    arena_destroy(answer.arena);
}

static void effect_call_start(struct core *core, struct pending_effect *effect)
{
    const struct provider *provider = provider_of(core, effect->class);
    if (!provider || effect->calling || effect->removed) return;
    struct arena *arena = arena_create();
    void *request = effect_request(core, effect, arena);
    if (!request) {
        effect_drop(core, effect);
        arena_destroy(arena);
        return;
    }
    struct effect_job *job = memory_alloc(sizeof *job);
    *job = (struct effect_job){
        .core = core,
        .effect = effect,
        .provider = provider,
        .call = {.arena = arena,
                 .class = effect->class,
                 .tenant = effect->tenant,
                 .key = arena_text(arena, effect->key),
                 .trace = arena_text(arena, effect->trace),
                 .request = request,
                 .answer = arena_alloc(arena, effect->class->answer->size),
                 .attempt = ++effect->attempt},
        .work = {
            .run = effect_job_run, .done = effect_job_done, .class = WORK_OUTBOUND, .lane = effect->class->number}};
    effect->calling = true;
    effect->uses++;
    if (provider->instant) {
        effect_job_run(&job->work);
        if (job->call.kept)
            effect->kept = job;
        else
            effect_job_done(&job->work);
        return;
    }
    if (core->ports.submit(core->ports.context, &job->work)) return;
    effect->calling = false; /* the pool is full: later */
    effect->attempt--;
    effect->uses--;
    effect_schedule(core, effect, core->now + 50, NULL);
    arena_destroy(arena);
    free(job);
}

void effects_turn(struct core *core)
{
    const struct heap_entry *first;
    for (unsigned steps = 0;
         steps < LIMIT_TURN_MESSAGES && (first = heap_first(&core->effect_calls)) && first->due <= core->now; steps++) {
        struct effect_step *step = heap_pop(&core->effect_calls);
        struct pending_effect *effect = step->effect;
        if (step->answer) {
            effect_deliver(core, effect, step->answer);
        } else {
            effect_call_start(core, effect);
        }
        effect_answer_free(step->answer);
        free(step);
        effect_release(effect);
    }
}

void effects_durable(struct core *core)
{
    while (core->undurable_effects && core->undurable_effects->lsn <= core->durable_lsn) {
        struct pending_effect *effect = core->undurable_effects;
        core->undurable_effects = effect->next_undurable;
        if (!core->undurable_effects) core->undurable_effects_last = &core->undurable_effects;
        effect_call_start(core, effect);
        effect_release(effect);
    }
}

/* One record for all effects of the last tenth of a second whose answer nobody waits for. A crash in between calls them
   again, with the same key. */
void effects_done_flush(struct core *core, bool at_once)
{
    struct id_list *done = &core->done_effects;
    if (!done->count || (!at_once && done->count < DONE_TOGETHER && core->now - core->done_since < DONE_WAIT)) return;
    static const struct command command = {.name = "effects_done"};
    struct message *message =
        message_internal(core, FROM_RUNTIME, ID_NONE, core->registry->tenant_kind, &command, ID_NONE);
    struct tx tx;
    struct tx_state state;
    tx_open(&tx, &state, core, message);
    tx.principal.kind = PRINCIPAL_SYSTEM;
    struct record record;
    tx_record(&tx, &record);
    for (uint32_t i = 0; i < done->count; i++)
        *LIST_ADD(tx.arena, &record.effects) = (struct record_effect){.id = done->at[i], .removed = true};
    done->count = 0;
    tx_commit(&tx, &record);
    message_free(core, message);
}

/* In an order of their own, the oldest first: that of the map differs from process to process. */
struct effect_list {
    struct pending_effect **at;
    size_t count;
};

static void effect_gather(void *context, const void *key, size_t length, void *value)
{
    (void)key, (void)length;
    struct effect_list *list = context;
    list->at[list->count++] = value;
}

static int effect_order(const void *a, const void *b)
{
    const struct pending_effect *first = *(struct pending_effect *const *)a,
                                *second = *(struct pending_effect *const *)b;
    if (first->created_at != second->created_at) return first->created_at < second->created_at ? -1 : 1;
    return id_compare(first->id, second->id);
}

void effects_start_all(struct core *core)
{
    struct effect_list list = {.at = memory_alloc((map_count(core->effects) + 1) * sizeof *list.at)};
    map_each(core->effects, effect_gather, &list);
    qsort(list.at, list.count, sizeof *list.at, effect_order);
#if defined MUTANT && MUTANT == 37
    free(list.at);
#else
    for (size_t i = 0; i < list.count; i++)
        effect_schedule(core, list.at[i], core->now, NULL);
    free(list.at);
#endif
}

/* ---- at start: what the tables hold ---- */
bool outside_load(struct core *core, char problem[256])
{
    struct store *store = core->ports.store;
    if (space_each(store, SPACE_TIMER, timer_row_load, core) && space_each(store, SPACE_EFFECT, effect_row_load, core))
        return true;
    snprintf(problem, 256, "the tables of timers and effects are damaged");
    return false;
}

static void effect_close(void *context, const void *key, size_t length, void *value)
{
    (void)context, (void)key, (void)length;
    effect_free(value);
}

void outside_close(struct core *core)
{
    free(core->done_effects.at);
    struct effect_step *step;
    while ((step = heap_pop(&core->effect_calls))) {
        effect_answer_free(step->answer);
        effect_release(step->effect);
        free(step);
    }
    heap_free(&core->effect_calls);
    while (core->undurable_effects) {
        struct pending_effect *next = core->undurable_effects->next_undurable;
        effect_release(core->undurable_effects);
        core->undurable_effects = next;
    }
    const struct ordered_entry *entry;
    while ((entry = ordered_at_or_after(core->timers_due, LITERAL(""))))
        timer_forget(core, timer_of_row(entry));
    map_each(core->effects, effect_close, NULL);
}
