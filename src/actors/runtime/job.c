#include "actors/runtime/job.h"
#include "base/check.h"
#include "schema/codec.h"
#include <stdlib.h>
#include <string.h>

static void job_run(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    job->run(job);
}

static void job_done(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    struct core *core = job->core;
    struct message *message = job->message;
    job->memo->ready = true;
    job->memo->found = job->good;
    job->memo->value = arena_text(message->arena, buffer_as_text(&job->result));
    buffer_free(&job->result);
    free(job);
    message_loaded(core, message);
}

const struct memo *job_result(struct tx *tx, struct text input, enum work_class class, const struct job *like,
                              size_t size)
{
    struct message *message = tx->state->message;
    for (const struct memo *memo = message->memos; memo; memo = memo->next) {
        if (!text_equal(memo->input, input)) continue;
        if (memo->ready) return memo;
        tx->state->pending = true;
        return NULL;
    }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = arena_text(message->arena, input)};
    message->memos = memo;
    struct job *job = memory_alloc(size);
    memcpy(job, like, size);
    job->work = (struct work){.run = job_run, .done = job_done, .class = class};
    job->core = tx->core;
    job->message = message;
    job->memo = memo;
    tx->state->pending = true;
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &job->work)) return NULL;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1; /* the pool is full: 503 */
    free(job);
    return NULL;
}

/* ---- what a provider knows ---- */

struct report_job {
    struct job job;
    const struct provider *provider;
    const struct effect_class *class;
    char key[LIMIT_IDEMPOTENCY_KEY_BYTES];
    uint32_t key_length;
};

static void run_report(struct job *base)
{
    struct report_job *job = (struct report_job *)(void *)base;
    struct arena *arena = arena_create();
    struct effect_report report = {.arena = arena,
                                   .class = job->class,
                                   .key = {job->key, job->key_length},
                                   .report = arena_alloc(arena, job->class->report->size)};
    job->provider->report(job->provider->context, &report);
    schema_snapshot(&base->result, job->class->report, report.report, PART_BOTH);
    base->good = true;
    arena_destroy(arena);
}

const void *effect_report(struct tx *tx, const struct effect_class *class, struct text key)
{
    void *report = arena_alloc(tx->arena, class->report->size);
    struct report_job like = {.job = {.run = run_report}, .provider = provider_of(tx->core, class), .class = class};
    CHECK(key.length <= sizeof like.key);
    if (!like.provider || !like.provider->report) return report;
    memcpy(like.key, key.data, key.length);
    like.key_length = key.length;
    struct text input = text_print(tx, "report %s %.*s", class->name, TEXT_ARGUMENTS(key));
    const struct memo *memo = job_result(tx, input, WORK_READ, &like.job, sizeof like);
    if (!memo) return NULL;
    CHECK(schema_restore(tx->arena, class->report, memo->value, report));
    return report;
}
