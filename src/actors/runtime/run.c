/* Running messages: a request or an internal command is one call of the decider with its checks around it, in the order
   of refusal that every endpoint shares (401, 404, 403, 428/412, 409). A run that needs something not in memory is void;
   the message is parked until it is there, and runs again from the start. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

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

/* ---- the subject ---- */
static bool lists_or_calls(const struct command *command)
{
    return command->action == ACTION_LIST || command->action == ACTION_CALL;
}

static enum error subject_id(struct tx *tx)
{
    const struct command *command = tx->command;
    if (command->target) {
        tx->id = command->target(tx);
    } else {
        const struct path_parameter *parameter = path_parameter(tx, "id");
        if (!parameter) return OK;
        tx->id = parameter->id;
        if (id_is_none(tx->id) && tx->kind->slug) tx->id = find_text(tx, tx->kind, tx->kind->slug, parameter->value);
    }
    if (pending(tx)) return OK;
    if (id_is_none(tx->id)) return fail(tx, ERROR_NOT_FOUND, "there is no such %s", tx->kind->name);
    return OK;
}

static enum error subject_load(struct tx *tx)
{
    enum error error = subject_id(tx);
    if (error || pending(tx)) return error;
    const void *entity = load(tx, tx->kind, tx->id);
    if (pending(tx)) return OK;
    bool fresh = !entity && tx->command->action == ACTION_UPSERT;
    if (!entity && !fresh) return fail(tx, ERROR_NOT_FOUND, "there is no such %s", tx->kind->name);
    tx->before = entity;
    tx->relations = asker_relations(tx, tx->kind, entity);
    if (pending(tx) || fresh) return OK;
    const struct request *request = tx->state->message->request;
    bool hidden =
        tx->command->action == ACTION_READ && entity_of(entity)->deleted_at && !(request && request->include_deleted);
    if (hidden || !asker_sees(tx, tx->kind, entity, tx->relations))
        return fail(tx, ERROR_NOT_FOUND, "there is no such %s", tx->kind->name);
    return OK;
}

static enum error check_rights(struct tx *tx)
{
    if (tx->command->who & tx->relations) return OK;
    if (tx->principal.kind == PRINCIPAL_ANONYMOUS) return fail(tx, ERROR_UNAUTHORIZED, "send an access token");
    return fail(tx, ERROR_FORBIDDEN, "you may not %s this %s", tx->command->name, tx->kind->name);
}

static enum error check_version(struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    bool links = tx->command->action == ACTION_UPSERT; /* what is not there yet has no version */
    if (!request || (!tx->before && !links) || tx->command->action == ACTION_READ) return OK;
    int64_t version = tx->before ? entity_of(tx->before)->version : 0, wanted = 0;
#if defined MUTANT && MUTANT == 22
    if (tx->command->action == ACTION_COMMAND) return OK;
#endif
    if (request->binding.has_version) wanted = request->binding.version;
    if (request->has_if_match) wanted = request->if_match == -1 ? version : request->if_match;
    if (!request->binding.has_version && !request->has_if_match) {
        if (tx->command->action == ACTION_PATCH && tx->kind->patch_needs_version)
            return fail(tx, ERROR_VERSION_REQUIRED, "send If-Match: \"%lld\" or \"version\"", (long long)version);
        return OK;
    }
    if (wanted == version) return OK;
    fail_member(tx, "current_version", text_print(tx, "%lld", (long long)version));
    return fail(tx, ERROR_STALE_VERSION, "you have version %lld, it is at version %lld", (long long)wanted,
                (long long)version);
}

/* ---- what a body may say ---- */
struct place { /* of a member in a body: printed only when it is refused */
    const struct place *parent;
    const char *name;
    uint32_t index;
    bool indexed;
};

static struct text place_path(struct tx *tx, const struct place *place)
{
    struct text parent = place->parent ? place_path(tx, place->parent) : LITERAL("");
    struct text own = place->indexed ? text_print(tx, "%s[%u]", place->name, place->index) : text_of(place->name);
    return text_print(tx, "%.*s%s%.*s", TEXT_ARGUMENTS(parent), parent.length ? "." : "", TEXT_ARGUMENTS(own));
}

static void currency_check(struct tx *tx, const struct fields *fields, const void *value, const struct place *parent)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        const char *member = (const char *)value + field->offset;
        struct place place = {.parent = parent, .name = field->name};
        if (field->type == FIELD_MONEY) {
            const struct money *money = (const void *)member;
            if (!money_is_absent(*money) && !text_is(tx->settings->currency, money->currency))
                fail_detail(tx, text_print(tx, "%.*s.currency", TEXT_ARGUMENTS(place_path(tx, &place))).data,
                            "currency_mismatch", "this marketplace uses %.*s", TEXT_ARGUMENTS(tx->settings->currency));
        } else if (field->type == FIELD_STRUCT && !(field->flags & READ_ONLY)) {
            currency_check(tx, field->nested, member, &place);
        } else if (field->type == FIELD_LIST && field->nested && !(field->flags & READ_ONLY)) {
            const struct list *list = (const void *)member;
            place.indexed = true;
            for (place.index = 0; place.index < list->count; place.index++)
                currency_check(tx, field->nested, (const char *)list->at + (size_t)place.index * field->nested->size,
                               &place);
        }
    }
}

static enum error check_currency(struct tx *tx, const struct fields *fields, const void *value)
{
    if (!fields || !value || !tx->settings) return OK;
    currency_check(tx, fields, value, NULL);
    if (!fail_details(tx)) return OK;
    return fail(tx, ERROR_CURRENCY_MISMATCH, "this marketplace uses %.*s", TEXT_ARGUMENTS(tx->settings->currency));
}

static enum error check_changes(struct tx *tx)
{
    for (uint32_t i = 0; i < tx->kind->fields->count; i++) {
        const struct field *field = &tx->kind->fields->rows[i];
        if (!(tx->present >> i & 1) || !field->changes || field->changes & tx->relations) continue;
        fail_detail(tx, field->name, "not_allowed", "you may not change this");
    }
    return fail_details(tx) ? fail(tx, ERROR_FORBIDDEN, "you may not change some of these fields") : OK;
}

static enum error subject_patch(struct tx *tx, const struct request *request)
{
    CHECK(request); /* only a request has a body to patch with */
    tx->subject = edit(tx, tx->kind, tx->id);
    struct binding binding = {0};
    enum error error = schema_bind(tx->kind->fields, request->body, BIND_PATCH, true, tx->arena, tx->subject, &binding,
                                   &tx->state->problems);
    if (error) return fail(tx, error, "%s", error_text(error));
    tx->present = binding.present;
    error = check_changes(tx);
    return error ? error : check_currency(tx, tx->kind->fields, tx->subject);
}

/* ---- one command ---- */
static enum error subject_create(struct tx *tx, const struct request *request)
{
    tx->subject = request ? request->bound : NULL; /* what a derived id is derived from */
    tx->id = tx->command->target ? tx->command->target(tx) : draw_id(tx);
    if (pending(tx)) return OK;
    if (load(tx, tx->kind, tx->id)) return fail(tx, ERROR_ALREADY_EXISTS, "this %s exists already", tx->kind->name);
    if (pending(tx)) return OK;
    struct entity *entity = create(tx, tx->kind, tx->id);
    struct entity head = *entity;
    if (request && request->bound) { /* a copy: a second run starts from the same body */
        void *bound = schema_clone(tx->kind->fields, request->bound, tx->arena);
        memcpy(entity, bound, tx->kind->fields->size);
        *entity = head;
    }
    tx->subject = entity;
    tx->relations = asker_relations(tx, tx->kind, entity);
    if (pending(tx)) return OK;
    enum error error = check_rights(tx);
    if (error) return error;
    error = check_changes(tx);
    return error ? error : check_currency(tx, tx->kind->fields, entity);
}

static enum error subject_prepare(struct tx *tx, const struct request *request)
{
    switch (tx->command->action) {
    case ACTION_CREATE: return subject_create(tx, request);
    case ACTION_PATCH: return subject_patch(tx, request);
    case ACTION_UPSERT: tx->subject = tx->before ? edit(tx, tx->kind, tx->id) : create(tx, tx->kind, tx->id); return OK;
    case ACTION_COMMAND: tx->subject = edit(tx, tx->kind, tx->id); return OK;
    case ACTION_READ: tx->subject = (void *)(uintptr_t)tx->before; return OK;
    case ACTION_CALL:
    case ACTION_LIST: return OK;
    }
    return OK;
}

static bool writes(const struct command *command)
{
    return command->action != ACTION_READ && command->action != ACTION_LIST;
}

/* State and guard are checked on the committed state, before the copy is touched. */
static enum error find_transition(struct tx *tx)
{
    if (!writes(tx->command) || tx->command->action == ACTION_CALL) return OK;
    static const struct entity nothing;
    bool has_rows;
    const void *entity = tx->command->action == ACTION_CREATE ? tx->subject : tx->before ? tx->before : &nothing;
    if (!tx->before && tx->command->action == ACTION_UPSERT) entity = tx->subject = create(tx, tx->kind, tx->id);
    tx->state->transition = transition_find(tx, tx->kind, entity, tx->command->name, &has_rows);
    if (pending(tx) || !has_rows || tx->state->transition) return OK;
    return fail_transition(tx, tx->kind, entity, tx->command->name);
}

/* What a creation brings with it (a founder's membership) is told after the creation itself. */
static void tell_creation_first(struct tx_state *state)
{
    struct emitted *rows = state->emitted;
    uint32_t last = state->emitted_count - 1;
    for (uint32_t i = 0; i < last; i++)
        if (rows[i].touched == rows[last].touched) return;
    struct emitted creation = rows[last];
    memmove(rows + 1, rows, last * sizeof *rows);
    rows[0] = creation;
}

static enum error decide(struct tx *tx)
{
    if (tx->command->action == ACTION_LIST) return run_list(tx);
    enum error error = tx->command->decide ? tx->command->decide(tx) : OK;
    if (error || pending(tx)) return error;
    if (!writes(tx->command) || tx->command->action == ACTION_CALL) return OK;
    struct touched *touched = tx_find(tx, tx->kind, tx->id);
    uint32_t emitted = tx->state->emitted_count;
    if (tx->state->transition && !tx->kind->machine->derived) /* else the handler has set what follows from the parts */
        transition_make(tx, tx->kind, tx->subject, tx->state->transition, tx->state->event_data);
    else if (tx->command->event && touched && tx_changed(touched))
        emit(tx, tx->subject, tx->kind, tx->command->event, tx->state->event_data);
    if (tx->command->action == ACTION_CREATE && tx->state->emitted_count > emitted) tell_creation_first(tx->state);
    return OK;
}

/* ---- what a pure provider answered: decided in the unit of work that asked, by the command that it would have come as ---- */
static enum error answer_decide(struct tx *tx, const struct instant_answer *given)
{
    tx->principal = (struct principal){.kind = PRINCIPAL_SYSTEM};
    tx->relations = SYSTEM;
    tx->kind = given->kind;
    tx->command = given->command;
    tx->id = given->id;
    tx->body = given->body;
    tx->present = 0;
    tx->state->event_data = NULL;
    tx->subject = edit(tx, tx->kind, tx->id);
    if (!tx->subject) return OK; /* pending: what asks is there */
    bool has_rows;
    tx->state->transition = transition_find(tx, tx->kind, tx->subject, tx->command->name, &has_rows);
    if (has_rows && !tx->state->transition) return fail_transition(tx, tx->kind, tx->subject, tx->command->name);
    return decide(tx);
}

static enum error answers_decide(struct tx *tx)
{
    if (!tx->state->answers.count) return OK;
    struct tx asked = *tx;
    const struct transition *transition = tx->state->transition;
    enum error error = OK;
    for (uint32_t i = 0; i < tx->state->answers.count && !error && !pending(tx); i++)
        error = answer_decide(tx, &tx->state->answers.at[i]);
    *tx = asked;
    tx->state->transition = transition;
    if (!error) return OK;
    log_line("core", LOG_ERROR, "an answer was refused in the command that asked; it is dropped",
             "kind=%s command=%s code=%s", tx->kind->name, tx->command->name, error_code(error));
    tx->core->count_broken++;
    return ERROR_INTERNAL_ERROR;
}

static enum error run_command(struct tx *tx, const struct request *request)
{
    enum error error = OK;
    if (tx->state->noting && tx->command->alike) tx->state->shared = tx->command->alike(tx);
    if (pending(tx)) return OK;
    if (!lists_or_calls(tx->command) && tx->command->action != ACTION_CREATE) error = subject_load(tx);
    if (error || pending(tx)) return error;
    if (lists_or_calls(tx->command)) tx->relations = asker_relations(tx, tx->kind, NULL);
    if (pending(tx)) return OK;
    if (tx->command->action != ACTION_CREATE) {
        error = check_rights(tx);
        if (!error) error = check_version(tx);
        if (!error) error = check_currency(tx, tx->command->body, tx->body);
        if (!error) error = find_transition(tx);
        if (error || pending(tx)) return error;
        if (tx->subject == NULL) error = subject_prepare(tx, request);
    } else {
        error = subject_prepare(tx, request);
        if (!error && !pending(tx)) error = find_transition(tx);
    }
    if (error || pending(tx)) return error;
    if (request && request->at.given) return read_then(tx, &request->at);
    error = decide(tx);
    return error || pending(tx) ? error : answers_decide(tx);
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
    if (!writes(tx->command) || !strcmp(tx->command->method, "GET") || of_platform(tx->command)) return OK;
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
    return run_command(tx, request);
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
    if (!error && !pending(tx)) {
        tx->before = load(tx, tx->kind, tx->id);
        tx->relations = SYSTEM;
        if (!tx->before && !pending(tx) && tx->command->action != ACTION_UPSERT) error = ERROR_NOT_FOUND;
        if (!error && !pending(tx)) error = find_transition(tx);
        if (!error && !pending(tx) && !tx->subject) error = subject_prepare(tx, NULL);
        if (!error && !pending(tx)) error = decide(tx);
        if (!error && !pending(tx)) error = answers_decide(tx);
    }
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
    if (state.seen_lsn > message->release_lsn) message->release_lsn = state.seen_lsn;
    if (message->request) message->request->reply.log_position = message->release_lsn;
    message_finish(core, message);
}
