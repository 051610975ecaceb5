/* The unit of work: touched actors, private copies, draws. See tx.h for its rules. */
#include "actors/runtime/internal.h"
#include "base/check.h"
#include "actors/runtime/settings.h"
#include "base/password.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

void tx_open(struct tx *tx, struct tx_state *state, struct core *core, struct message *message)
{
    memset(tx, 0, sizeof *tx);
    memset(state, 0, sizeof *state);
    state->message = message;
    state->problems.arena = message->arena;
    tx->core = core;
    tx->arena = message->arena;
    tx->tenant = message->tenant;
    tx->now = message->now;
    tx->kind = message->kind;
    tx->command = message->command;
    tx->id = message->id;
    tx->development = core->config.development;
    tx->state = state;
}

/* ---- touched actors: a list in order of first touch, and an open-addressing table by id ---- */
static uint32_t touched_hash(const struct kind *kind, struct id id)
{
    uint32_t low;
    memcpy(&low, id.bytes + 12, sizeof low); /* the random end of a UUIDv7, the hash of a derived id */
    return low * 2654435761u + kind->number * 40503u;
}

static void lookup_insert(struct tx_state *state, struct touched *touched)
{
    uint32_t at = touched_hash(touched->kind, touched->id) & (state->lookup_size - 1);
    while (state->lookup[at])
        at = (at + 1) & (state->lookup_size - 1);
    state->lookup[at] = touched;
}

struct touched *tx_find(const struct tx *tx, const struct kind *kind, struct id id)
{
    const struct tx_state *state = tx->state;
    if (!state->lookup_size) return NULL;
    uint32_t at = touched_hash(kind, id) & (state->lookup_size - 1);
    for (; state->lookup[at]; at = (at + 1) & (state->lookup_size - 1))
        if (state->lookup[at]->kind == kind && id_equal(state->lookup[at]->id, id)) return state->lookup[at];
    return NULL;
}

static struct touched *touched_add(struct tx *tx, const struct kind *kind, struct id id)
{
    struct tx_state *state = tx->state;
    if (state->touched_count == state->touched_capacity) {
        uint32_t capacity = state->touched_capacity ? state->touched_capacity * 2 : 16;
        struct touched **grown = ARENA_ARRAY(tx->arena, struct touched *, capacity);
        if (state->touched_count) memcpy(grown, state->touched, state->touched_count * sizeof *grown);
        state->touched = grown;
        state->touched_capacity = capacity;
        state->lookup_size = capacity * 2;
        state->lookup = ARENA_ARRAY(tx->arena, struct touched *, state->lookup_size);
        for (uint32_t i = 0; i < state->touched_count; i++)
            lookup_insert(state, grown[i]);
    }
    struct touched *touched = ARENA_NEW(tx->arena, struct touched);
    touched->kind = kind;
    touched->id = id;
    state->touched[state->touched_count++] = touched;
    lookup_insert(state, touched);
    return touched;
}

/* Tenants belong to the platform whatever tenant the command is in. */
static struct id tenant_of(const struct tx *tx, const struct kind *kind)
{
    return kind == tx->core->registry->tenant_kind ? ID_NONE : tx->tenant;
}

struct touched *tx_touch(struct tx *tx, const struct kind *kind, struct id id)
{
    struct touched *touched = tx_find(tx, kind, id);
    if (touched) return touched;
    struct tx_state *state = tx->state;
    struct actor *actor = NULL;
    for (uint32_t i = 0; i < state->drawn_count && !actor; i++)
        if (id_equal(state->drawn[i], id)) actor = actor_known_new(tx->core, tenant_of(tx, kind), kind, id);
    if (!actor || !actor->known)
        actor = actor_load(tx->core, state->message, state->replay, tenant_of(tx, kind), kind, id);
    if (!actor) {
        state->pending = true;
        return NULL;
    }
    touched = touched_add(tx, kind, id);
    touched->actor = actor;
    touched->before = actor->block;
    if (actor->block && actor->block->lsn > state->seen_lsn) state->seen_lsn = actor->block->lsn;
    return touched;
}

const void *touched_state(const struct touched *touched)
{
    if (touched->discarded) return NULL;
    if (touched->copy) return touched->copy;
    return touched->before ? touched->before->state : NULL;
}

bool tx_changed(const struct touched *touched)
{
    if (touched->settled) return touched->changed;
    if (touched->discarded) return touched->before != NULL;
    if (!touched->copy) return false;
    if (touched->created || entity_of(touched->before->state)->version != entity_of(touched->copy)->version)
        return true;
    return !schema_equal(touched->kind->fields, touched->before->state, touched->copy);
}

bool pending(const struct tx *tx)
{
    return tx->state->pending;
}

const void *load(struct tx *tx, const struct kind *kind, struct id id)
{
    if (id_is_none(id)) return NULL;
    struct touched *touched = tx_touch(tx, kind, id);
    if (tx->state->watching && touched)
        *LIST_ADD(tx->arena, &tx->state->watched) = (struct dependency){kind, id,
                                                                        touched->copy     ? UINT64_MAX
                                                                        : touched->before ? touched->before->lsn
                                                                                          : 0};
    return touched ? touched_state(touched) : NULL;
}

void *edit(struct tx *tx, const struct kind *kind, struct id id)
{
    if (id_is_none(id)) return NULL;
    CHECK(!tx->state->follower || kind->derived);
    struct touched *touched = tx_touch(tx, kind, id);
    if (!touched || !touched_state(touched)) return NULL;
    if (!touched->copy) /* the committed state stays until all of the unit of work is installed */
        touched->copy = tx->core->flat[kind->number] ? arena_copy(tx->arena, touched->before->state, kind->fields->size)
                                                     : schema_editable(kind->fields, touched->before->state, tx->arena);
    return touched->copy;
}

void *create(struct tx *tx, const struct kind *kind, struct id id)
{
    CHECK(!id_is_none(id));
    CHECK(!tx->state->follower || kind->derived);
    struct touched *touched = tx_touch(tx, kind, id);
    if (!touched) return arena_alloc(tx->arena, kind->fields->size); /* pending: something to write on, then dropped */
    CHECK(!touched_state(touched));
    touched->created = !touched->before;
    touched->discarded = false;
    touched->copy = arena_alloc(tx->arena, kind->fields->size);
    schema_initialise(kind->fields, touched->copy);
    struct entity *entity = touched->copy;
    entity->id = id;
    entity->created_at = entity->updated_at = tx->now;
    return touched->copy;
}

void *edit_or_create(struct tx *tx, const struct kind *kind, struct id id)
{
    void *copy = edit(tx, kind, id);
    if (copy) return copy;
    if (tx->state->pending && !tx_find(tx, kind, id)) return NULL;
    return create(tx, kind, id);
}

void discard(struct tx *tx, const struct kind *kind, struct id id)
{
    CHECK(kind->derived);
    struct touched *touched = tx_touch(tx, kind, id);
    if (!touched) return;
    touched->discarded = true;
    touched->created = false;
    touched->copy = NULL;
}

struct id find_text(struct tx *tx, const struct kind *kind, const struct index *index, struct text value)
{
    CHECK(index->unique);
    struct key_writer writer;
    key_writer_open(&writer, tx->arena, tenant_of(tx, kind), kind, index);
    key_text(&writer, value);
    key_end(&writer);
    struct text found_value = {0};
    enum found found =
        derived_get(tx->core, tx->state->message, tx->state->replay, writer.keys[0], tx->arena, &found_value);
    if (found == MISS || found == DAMAGED) tx->state->pending = true;
    answer_reads_key(tx, writer.keys[0]);
    tx->state->seen_lsn = tx->core->last_lsn;
    if (found != FOUND || found_value.length != sizeof(struct id)) return ID_NONE;
    struct id id;
    memcpy(id.bytes, found_value.data, sizeof id.bytes);
    return id;
}

void known_new(struct tx *tx, struct id id)
{
    struct tx_state *state = tx->state;
    if (state->drawn_count < sizeof state->drawn / sizeof state->drawn[0]) state->drawn[state->drawn_count++] = id;
}

/* ---- chance: expanded from the message's random bytes, the same in every run ---- */
void draw_bytes(struct tx *tx, void *out, size_t size)
{
    CHECK(!tx->command->steady); /* it was given no chance */
    random_expand(tx->state->message->random, tx->state->draws++, out, size);
}

struct id draw_id(struct tx *tx)
{
    uint8_t random[8];
    draw_bytes(tx, random, sizeof random);
    struct id id = id_v7(tx->state->message->begun_at, tx->state->message->order, random);
    known_new(tx, id);
    return id;
}

struct text draw_token(struct tx *tx)
{
    char bytes[32];
    draw_bytes(tx, bytes, sizeof bytes);
    return base64url_encode(tx->arena, (struct text){bytes, sizeof bytes});
}

/* ---- path, body, query ---- */
const struct path_parameter *path_parameter(const struct tx *tx, const char *name)
{
    const struct request *request = tx->state->message->request;
    for (uint32_t i = 0; request && i < request->path_count; i++)
        if (text_is(request->path[i].name, name)) return &request->path[i];
    return NULL;
}

struct id path_id(const struct tx *tx, const char *name)
{
    const struct path_parameter *parameter = path_parameter(tx, name);
    return parameter ? parameter->id : ID_NONE;
}

static bool present_in(const struct fields *fields, uint64_t present, const char *name)
{
    for (uint32_t i = 0; fields && i < fields->count; i++)
        if (!strcmp(fields->rows[i].name, name)) return present >> i & 1;
    return false;
}

bool has(const struct tx *tx, const char *field)
{
    const struct fields *fields = tx->command->body ? tx->command->body : tx->kind->fields;
    return present_in(fields, tx->present, field);
}

bool queried(const struct tx *tx, const char *field)
{
    return present_in(tx->command->query, tx->query_present, field);
}

struct text text_print(struct tx *tx, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(tx->arena, format, arguments);
    va_end(arguments);
    return text;
}

/* ---- slugs ---- */
static struct text slug_of_name(struct tx *tx, struct text name)
{
    struct buffer slug = {.arena = tx->arena};
    bool dash = false;
    for (uint32_t i = 0; i < name.length && slug.length < 50; i++) {
        char c = letter_small(name.data[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            if (dash && slug.length) buffer_byte(&slug, '-');
            buffer_byte(&slug, c);
            dash = false;
        } else {
            dash = true;
        }
    }
    if (slug.length < 3) { /* names without Latin letters: something readable and free */
        char id[ID_TEXT_LENGTH + 1];
        id_format(draw_id(tx), id);
        buffer_string(&slug, slug.length ? "-" : tx->kind->name);
        buffer_byte(&slug, '-');
        buffer_bytes(&slug, id + 24, 12);
    }
    return buffer_as_text(&slug);
}

struct text slug_make(struct tx *tx, const struct kind *kind, const struct index *index, struct text given,
                      struct text name)
{
    if (given.data) return given;
    struct text base = slug_of_name(tx, name);
    for (unsigned suffix = 1; suffix < 1000 && !pending(tx); suffix++) {
        struct text slug = suffix == 1 ? base : text_print(tx, "%.*s-%u", TEXT_ARGUMENTS(base), suffix);
        if (id_is_none(find_text(tx, kind, index, slug)) && !pending(tx)) return slug;
    }
    if (pending(tx)) return (struct text){0};
    char id[ID_TEXT_LENGTH + 1];
    id_format(draw_id(tx), id);
    return text_print(tx, "%.*s-%s", TEXT_ARGUMENTS(base), id + 24);
}

struct text keyed_hash(struct tx *tx, const char *purpose, struct text value)
{
    uint8_t hash[32];
    struct buffer input = {.arena = tx->arena};
    buffer_bytes(&input, tx->tenant.bytes, sizeof tx->tenant.bytes);
    buffer_text(&input, value);
    keyring_hash(tx->core->ports.keyring, purpose, buffer_as_text(&input), hash);
    return base64url_encode(tx->arena, (struct text){(const char *)hash, sizeof hash});
}

struct text keyed_hash_of(struct tx *tx, struct id subject, const char *purpose, struct text value)
{
    uint8_t hash[32];
    keyring_subject_hash(tx->core->ports.keyring, tx->tenant, subject, purpose, value, hash);
    return base64url_encode(tx->arena, (struct text){(const char *)hash, sizeof hash});
}

struct text access_token(struct tx *tx, struct id user, struct id session, int64_t expires_at)
{
    struct token_claims claims = {.tenant = tx->tenant,
                                  .user = user,
                                  .session = session,
                                  .issued_s = tx->now / 1000,
                                  .expires_s = expires_at / 1000};
    return token_issue(tx->arena, &tx->core->ports.token_keys[0], &claims);
}

/* ---- settings: the tenant's, else the configuration's, else the default ---- */
#define SETTING_ROW(name_, value_, doc_) {name_, value_, doc_},
const struct setting settings[] = {SETTING_LIST(SETTING_ROW)};
#undef SETTING_ROW
const unsigned setting_count = sizeof settings / sizeof settings[0];

int64_t setting(const struct tx *tx, const char *name)
{
    for (uint32_t i = 0; tx->settings && i < tx->settings->settings.count; i++)
        if (text_is(tx->settings->settings.at[i].name, name)) return tx->settings->settings.at[i].value;
    return setting_configured(tx->core, name);
}

int64_t setting_configured(const struct core *core, const char *name)
{
    int64_t value;
    for (const char *const *pair = core->config.settings; pair && pair[0]; pair += 2)
        if (!strcmp(pair[0], name) && text_to_integer(text_of(pair[1]), &value)) return value;
    for (unsigned i = 0; i < setting_count; i++)
        if (!strcmp(settings[i].name, name)) return settings[i].value;
    CHECK(!"a setting that is not declared");
    return 0;
}

/* ---- slow pure functions on the password workers ---- */
struct computation {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    bool verify;
    char *password, *hash;
    uint32_t password_length;
    uint8_t salt[16];
    bool good;
    char result[PASSWORD_HASH_SIZE];
};

static void computation_run(struct work *work)
{
    struct computation *job = (struct computation *)work;
    const struct ports *ports = &job->core->ports;
    const struct password_calls *calls = ports->passwords;
    struct text password = {job->password, job->password_length}, hash = text_of(job->hash);
    bool matches = false;
    if (job->verify)
        job->good =
            calls ? calls->verify(ports->context, password, hash, &matches) : password_verify(password, hash, &matches);
    else
        job->good = calls ? calls->hash(ports->context, password, job->salt, job->result)
                          : password_hash(password, job->salt, job->result);
    if (job->verify) job->result[0] = matches ? 'y' : 'n';
}

static void computation_done(struct work *work)
{
    struct computation *job = (struct computation *)work;
    job->memo->ready = job->memo->found = job->good;
    if (!job->good) job->message->failures = LIMIT_RERUNS + 1; /* no memory for it: 503 */
    job->memo->value = arena_text(job->message->arena, text_of(job->result));
    struct core *core = job->core;
    struct message *message = job->message;
    explicit_bzero(job->password, job->password_length);
    free(job->password);
    free(job->hash);
    free(job);
    message_loaded(core, message);
}

static char *zero_terminated_copy(struct text text)
{
    char *copy = memory_alloc(text.length + 1);
    if (text.length) memcpy(copy, text.data, text.length);
    return copy;
}

/* The memo's input is a hash of the arguments, so no password lies about in the arena. */
static struct memo *computed(struct tx *tx, bool verify, struct text password, struct text hash)
{
    struct message *message = tx->state->message;
    uint8_t digest[32], outer[32];
    hash_bytes(password, hash, digest);
    hash_bytes((struct text){(const char *)digest, 32}, verify ? LITERAL("verify") : LITERAL("hash"), outer);
    struct text input = {(const char *)outer, 32};
    for (struct memo *memo = message->memos; memo; memo = memo->next)
        if (text_equal(memo->input, input)) {
            if (memo->ready) return memo;
            tx->state->pending = true;
            return NULL;
        }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = arena_text(message->arena, input)};
    message->memos = memo;
    struct computation *job = memory_alloc(sizeof *job);
    *job = (struct computation){.core = tx->core,
                                .message = message,
                                .memo = memo,
                                .verify = verify,
                                .password = zero_terminated_copy(password),
                                .hash = zero_terminated_copy(hash),
                                .password_length = password.length,
                                .work = {.run = computation_run, .done = computation_done, .class = WORK_PASSWORD}};
    hash_bytes((struct text){(const char *)message->random, 32}, LITERAL("password salt"), digest);
    memcpy(job->salt, digest, sizeof job->salt);
    tx->state->pending = true;
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &job->work)) return NULL;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1; /* the pool is full: 503 */
    free(job->password);
    free(job->hash);
    free(job);
    return NULL;
}

bool compute_password_hash(struct tx *tx, struct text password, struct text *hash)
{
    struct memo *memo = computed(tx, false, password, (struct text){0});
    if (memo) *hash = memo->value;
    return memo != NULL;
}

bool compute_password_verify(struct tx *tx, struct text password, struct text hash, bool *matches)
{
    struct memo *memo = computed(tx, true, password, hash);
    if (memo) *matches = text_is(memo->value, "y");
    return memo != NULL;
}
