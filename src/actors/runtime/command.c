/* One command of a principal on its subject, in a marketplace: load, rights, version, body, transition, then the decider, in the
   order of refusal that every endpoint shares (404, 403, 428/412, 409). Nothing here answers or commits: that is run.c's. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "base/log.h"
#include "schema/codec.h"

#include <string.h>

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

/* ---- the subject as the decider gets it ---- */
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

/* ---- the decision ---- */
/* State and guard are checked on the committed state, before the copy is touched. */
static enum error find_transition(struct tx *tx)
{
    if (!command_writes(tx->command) || tx->command->action == ACTION_CALL) return OK;
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
    if (!command_writes(tx->command) || tx->command->action == ACTION_CALL) return OK;
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

/* ---- one command ---- */
enum error command_run(struct tx *tx, const struct request *request)
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

/* By the core itself: nothing of a right or a version to be checked. */
enum error command_run_internal(struct tx *tx)
{
    tx->before = load(tx, tx->kind, tx->id);
    tx->relations = SYSTEM;
    if (pending(tx)) return OK;
    if (!tx->before && tx->command->action != ACTION_UPSERT) return ERROR_NOT_FOUND;
    enum error error = find_transition(tx);
    if (!error && !pending(tx) && !tx->subject) error = subject_prepare(tx, NULL);
    if (!error && !pending(tx)) error = decide(tx);
    if (!error && !pending(tx)) error = answers_decide(tx);
    return error;
}
