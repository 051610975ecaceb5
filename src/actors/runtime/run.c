/* Running messages: a request or an internal command is one run of its command (command.c) between what comes before it,
   marketplace, principal, rate and key (401, 404, 429, 409), and what comes after, truths, record and answer. A run that
   needs something not in memory is void; the message is parked until it is there, and runs again from the start. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"

#include <string.h>

/* ---- tenant and principal ---- */
static enum error tenant_enter(struct tx *tx, struct id tenant)
{
    struct core *core = tx->core;
    struct actor *actor = actor_load(core, tx->state->message, false, ID_NONE, core->registry->tenant_kind, tenant);
    if (!actor) {
        tx->state->pending = true;
        return OK;
    }
    answer_reads_actor(tx, actor);
    if (!actor->block || entity_of(actor->block->state)->status == TENANT_DELETED)
        return fail(tx, ERROR_NOT_FOUND, "there is no such marketplace");
    tx->tenant = tx->state->message->tenant = tenant;
    tx->settings = (const struct tenant *)actor->block->state;
    return OK;
}

static bool of_platform(const struct command *command)
{
    return command->path && !strncmp(command->path, "//", 2);
}

/* A name with a dot is a host name, no slug has one. */
static struct id tenant_named(struct tx *tx, struct text name)
{
    const struct registry *registry = tx->core->registry;
    if (!memchr(name.data, '.', name.length) || !registry->tenant_domain) return tenant_id_of_slug(name);
    return find_text(tx, registry->tenant_kind, registry->tenant_domain, name);
}

static enum error request_tenant(struct tx *tx, const struct request *request)
{
    if (of_platform(tx->command)) return OK;
    struct id tenant = tx->core->default_tenant;
    if (request->tenant_slug.data)
        tenant = tenant_named(tx, request->tenant_slug);
    else if (request->has_claims)
        tenant = request->token_tenant;
    if (pending(tx)) return OK;
    if (id_is_none(tenant)) return fail(tx, ERROR_NOT_FOUND, "there is no such marketplace");
    enum error error = tenant_enter(tx, tenant);
    if (error || pending(tx)) return error;
    if (request->has_claims && !id_equal(request->token_tenant, tenant))
        return fail(tx, ERROR_UNAUTHORIZED, "the token is of another marketplace");
    if (tx->settings->entity.status == TENANT_SUSPENDED && !request->operator_)
        return fail(tx, ERROR_TENANT_SUSPENDED, "this marketplace is suspended");
    return OK;
}

static enum error request_principal(struct tx *tx, const struct request *request)
{
    if (request->operator_) {
        tx->principal.kind = PRINCIPAL_OPERATOR;
        tx->principal.admin = true;
        return OK;
    }
    if (request->has_claims && !of_platform(tx->command)) {
        tx->principal =
            (struct principal){.kind = PRINCIPAL_USER, .user = request->token_user, .session = request->token_session};
        return tx->core->registry->identify(tx);
    }
    bool reads = tx->command->action == ACTION_READ || tx->command->action == ACTION_LIST;
    if (!(tx->command->who & ANYONE)) return fail(tx, ERROR_UNAUTHORIZED, "send an access token");
    if (reads && tx->settings && !tx->settings->anonymous_read)
        return fail(tx, ERROR_UNAUTHORIZED, "this marketplace is read by its members only");
    return OK;
}

/* ---- ends of a run ---- */
static bool nothing_to_record(const struct tx *tx)
{
    const struct tx_state *state = tx->state;
    if (state->timers.count || state->effects.count || state->message->source != FROM_REQUEST) return false;
    if (state->message->held_idempotency) return false; /* its repeat is answered alike, whatever happens meanwhile */
    for (uint32_t i = 0; i < state->touched_count; i++)
        if (state->touched[i]->copy && tx_changed(state->touched[i])) return false;
    return true;
}

/* Whoever waits for an entity that this commit changed looks again. */
static void wake_awaiting(struct core *core, const struct tx *tx)
{
    if (!map_count(core->awaiting)) return;
    for (uint32_t i = 0; i < tx->state->touched_count; i++) {
        const struct touched *touched = tx->state->touched[i];
        if (!touched->copy || touched->kind->derived) continue;
        struct message *waiting = map_remove(core->awaiting, touched->id.bytes, sizeof touched->id.bytes);
        if (!waiting) continue;
        waiting->woken_version = entity_of(touched->copy)->version;
        message_ready(core, waiting);
    }
}

static void await_begin(struct tx *tx)
{
    struct message *message = tx->state->message;
    message->awaiting = true;
    message->awaited_kind = tx->state->form == ANSWER_ENTITY ? tx->state->answer_kind : tx->kind;
    message->awaited = tx->state->form == ANSWER_ENTITY ? tx->state->answer_id : tx->id;
    message->await_deadline = tx->state->await_deadline;
    message->release_lsn = tx->state->seen_lsn;
    struct id *key = memory_alloc(sizeof *key); /* freed when the deadline passes */
    *key = message->awaited;
    heap_push(&tx->core->await_deadlines, tx->state->await_deadline, key);
    map_set(tx->core->awaiting, message->awaited.bytes, sizeof message->awaited.bytes, message);
}

static void commit(struct tx *tx, struct record *record)
{
    tx_commit(tx, record);
    tx->state->message->placed = NULL;
    wake_awaiting(tx->core, tx);
}

static void refuse(struct tx *tx, enum error error)
{
    tx->core->count_refusals++;
    reply_error(tx, error);
}

static void give_up(struct core *core, struct message *message, struct tx *tx)
{
    bool full = message->failures > LIMIT_RERUNS;
    if (!full)
        log_line("core", LOG_ERROR, "a command was given up", "kind=%s command=%s runs=%u", message->kind->name,
                 message->command->name, message->runs);
    if (!full) core->count_broken++;
    tx->state->form = ANSWER_ERROR;
    tx->state->problems.count = 0;
    /* what it waited for was committed before */
    tx->state->error_text = (struct text){0};
    if (message->awaiting) tx->state->error_text = LITERAL("what was asked is done, and its outcome cannot be read");
    reply_error(tx, full ? ERROR_OVERLOADED : ERROR_INTERNAL_ERROR);
}

static enum error refuse_writes(struct tx *tx)
{
    const struct core *core = tx->core;
    if (!command_writes(tx->command) || !strcmp(tx->command->method, "GET") || of_platform(tx->command)) return OK;
    if (core->read_only_disk) return fail(tx, ERROR_DISK_FULL, "the disk reserve is reached; reads go on");
    if (core->waiting_bytes > LIMIT_BATCHES_WAITING_BYTES)
        return fail(tx, ERROR_OVERLOADED, "the log is behind; try again");
    if (search_behind(core)) return fail(tx, ERROR_OVERLOADED, "the search index is behind; try again");
    return OK;
}

static enum error take_rate(struct tx *tx, struct request *request)
{
    struct message *message = tx->state->message;
    if (message->rated) return OK;
    message->rated = true;
    if (rate_take(tx->core, message, &request->reply)) return OK;
    return fail(tx, ERROR_RATE_LIMITED, "slow down");
}

static enum error request_steps(struct tx *tx, struct request *request, bool *answered)
{
    enum error error = OK;
    if (answer_begin(tx)) {
        error = take_rate(tx, request);
        if (!error) answer_tell(tx);
        return error;
    }
    error = request_tenant(tx, request);
    if (error || pending(tx)) return error;
    error = request_principal(tx, request);
    if (error || pending(tx)) return error;
    error = take_rate(tx, request);
    if (error) return error;
    error = idempotency_begin(tx, answered);
    if (error || *answered || pending(tx)) return error;
    error = refuse_writes(tx);
    if (error) return error;
    return command_run(tx, request);
}

static void run_outcome(struct tx *tx, struct request *request)
{
    struct message *message = tx->state->message;
    enum error error = request_tenant(tx, request);
    if (!error && !pending(tx)) error = request_principal(tx, request);
    if (pending(tx)) return;
    tx->kind = message->awaited_kind;
    tx->id = message->awaited;
    const void *entity = load(tx, tx->kind, tx->id);
    if (pending(tx)) return;
    tx->before = tx->subject = (void *)(uintptr_t)entity;
    tx->relations = asker_relations(tx, tx->kind, entity);
    bool decided =
        error || !entity || outcome_decided(tx, entity, entity_of(entity)->version == message->woken_version);
    if (pending(tx)) return;
    if (!decided && tx->core->now < message->await_deadline && !tx->core->stopping) {
        map_set(tx->core->awaiting, message->awaited.bytes, sizeof message->awaited.bytes, message);
        return;
    }
    message->awaiting = false;
    if (!decided) answer_entity(tx, 202, message->awaited_kind, message->awaited, 0);
    if (tx->state->error)
        reply_error(tx, tx->state->error);
    else
        reply_success(tx);
    if (pending(tx)) {
        message->awaiting = true;
        return;
    }
    tx->state->seen_lsn = tx->core->last_lsn;
}

static void request_begin(struct tx *tx, struct request *request)
{
    tx->address = request->address;
    tx->dry_run = request->dry_run;
    tx->body = tx->command->body ? request->bound : NULL;
    tx->present = request->binding.present;
    tx->query = request->query;
    tx->query_present = request->query_present;
}

/* What was to be awaited is decided already. Answers so, as run_outcome would. */
static bool outcome_at_once(struct tx *tx)
{
    struct tx_state *state = tx->state;
    if (!state->answers.count) return false;
    struct tx asked = *tx;
    if (state->form == ANSWER_ENTITY) {
        tx->kind = state->answer_kind;
        tx->id = state->answer_id;
    }
    const void *entity = load(tx, tx->kind, tx->id);
    bool decided = entity && outcome_decided(tx, entity, true);
    if (decided && state->error)
        reply_error(tx, state->error);
    else if (decided)
        reply_success(tx);
    *tx = asked;
    return decided;
}

/* True when the message is answered; false when it is parked or waits. */
static bool run_request(struct tx *tx, struct request *request)
{
    struct message *message = tx->state->message;
    request_begin(tx, request);
    if (message->awaiting) {
        run_outcome(tx, request);
        return !message->awaiting && !pending(tx);
    }
    bool answered = false;
    enum error error = request_steps(tx, request, &answered);
    CHECK(!error || pending(tx) || !tx->state->expected || error == ERROR_RATE_LIMITED);
    if (tx->state->recalled) return true;
    bool keep = error && tx->state->commit_anyway;
    if (!pending(tx) && !answered && (!error || keep)) {
        enum error finish = tx_finish(tx);
        if (!pending(tx) && finish) {
            error = finish;
            keep = false;
        }
    }
    if (pending(tx)) return false;
    if (error && !keep) {
        refuse(tx, error);
        return true;
    }
    bool waits = tx->state->awaits && !error && !tx->dry_run && !answered;
    if (error)
        reply_error(tx, error);
    else if (!waits)
        reply_success(tx);
    bool changes = !tx->dry_run && !answered && !nothing_to_record(tx);
    struct record record;
    if (changes && !pending(tx)) { /* first: the outcome is answered by other means than the command itself */
        tx_record(tx, &record);
        idempotency_record(tx, &record);
    }
    if (waits && outcome_at_once(tx)) waits = false;
    if (pending(tx)) return false; /* a joined row is missing: all runs again before anything was committed */
    figures_take(tx);
    if (changes) commit(tx, &record);
    if (waits) await_begin(tx);
    return !waits;
}

/* ---- internal commands: timers, tells, answers of effects ---- */
static void commit_done_only(struct core *core, struct message *message)
{
    struct tx tx;
    struct tx_state state;
    tx_open(&tx, &state, core, message);
    tx.principal.kind = PRINCIPAL_SYSTEM;
    struct record record;
    tx_record(&tx, &record);
    tx_commit(&tx, &record);
}

static bool run_internal(struct tx *tx)
{
    struct message *message = tx->state->message;
    tx->principal.kind = PRINCIPAL_SYSTEM;
    tx->body = message->body;
    enum error error = OK;
    if (!id_is_none(message->tenant)) error = tenant_enter(tx, message->tenant);
    if (!error && !pending(tx)) error = command_run_internal(tx);
    if (!pending(tx) && !error) error = tx_finish(tx);
    if (pending(tx)) return false;
    if (!error) {
        struct record record;
        tx_record(tx, &record);
        commit(tx, &record);
        return true;
    }
    log_line("core", error == ERROR_INTERNAL_ERROR ? LOG_ERROR : LOG_DEBUG, "an internal command was refused",
             "kind=%s command=%s code=%s", message->kind->name, message->command->name, error_code(error));
    if (message->source != FROM_RUNTIME) commit_done_only(tx->core, message);
    return true;
}

/* What cannot be read cannot be decided: the timer or effect stays, and the next start tries it again. */
static void give_up_internal(struct core *core, struct message *message)
{
    log_line("core", LOG_ERROR, "an internal command was given up", "kind=%s command=%s runs=%u", message->kind->name,
             message->command->name, message->runs);
    core->count_broken++;
    if (!message->failures && message->source != FROM_RUNTIME) commit_done_only(core, message);
}

/* What time or a provider says has no client that asks again, and what waits for its outcome is committed already: a full
   pool only delays them. */
static void try_again(struct core *core, struct message *message)
{
    message->failures = message->runs = 0;
    message->memos = NULL;
    message_ready(core, message);
}

/* Its time is this turn's, in every run: the core may have slept until it arrived, and what is recorded after others that
   overtook it while it waited is not older than they. */
static void message_begin(struct core *core, struct message *message)
{
    message->now = core->now;
    if (message->runs) return;
    if (core->ordered_at != core->now) core->order = 0;
    core->ordered_at = message->begun_at = core->now;
    message->order = core->order++;
}

void message_run(struct core *core, struct message *message)
{
    if ((!message->request || message->awaiting) && message->failures > LIMIT_RERUNS) {
        try_again(core, message);
        return;
    }
    if (message->source == FROM_TIMER && !timer_fired(core, message->timer_id)) {
        message_finish(core, message); /* it was cancelled or set anew since */
        return;
    }
    struct tx tx;
    struct tx_state state;
    message_begin(core, message);
    tx_open(&tx, &state, core, message);
    if (message->runs++) core->count_reruns++;
    bool done;
    if (message->failures || message->runs > LIMIT_RERUNS) {
        if (message->request)
            give_up(core, message, &tx);
        else
            give_up_internal(core, message);
        done = true;
    } else if (message->request) {
        done = run_request(&tx, message->request);
    } else {
        done = run_internal(&tx);
    }
    /* what was missing came or failed at once (a full pool): run again, and the limit of runs ends it */
    if (!done && state.pending && message->loads == 0) message_ready(core, message);
    if (!done) return;
    blobs_abandon(core, message);
    if (state.seen_lsn > message->release_lsn) message->release_lsn = state.seen_lsn;
    if (message->request) message->request->reply.log_position = message->release_lsn;
    message_finish(core, message);
}
