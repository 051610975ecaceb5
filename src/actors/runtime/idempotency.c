/* Idempotency keys: a key names (tenant, principal, route, key); what the first request was answered is remembered in the
   record of its change, by reference, and rendered again at that version. Refusals are not remembered: they changed nothing. */
#include "actors/runtime/internal.h"
#include "schema/pack.h"

#include <stdlib.h>
#include <string.h>

struct remembered {
    int64_t expires_at, status, kind, version;
    struct id id;
    struct text fingerprint;
};

static void idempotency_hash(const struct tx *tx, uint8_t out[32])
{
    const struct request *request = tx->state->message->request;
    struct buffer input = {.arena = tx->arena};
    buffer_bytes(&input, tx->tenant.bytes, 16);
#if !defined MUTANT || MUTANT != 7
    buffer_bytes(&input, tx->principal.user.bytes, 16);
#endif
    buffer_format(&input, "%d %u %s ", tx->principal.kind, tx->kind->number, tx->command->name);
    for (uint32_t i = 0; i < request->path_count; i++) {
        buffer_text(&input, request->path[i].value);
        buffer_byte(&input, '/');
    }
    hash_bytes(buffer_as_text(&input), request->idempotency_key, out);
}

static struct text fingerprint_of(const struct tx *tx)
{
    uint8_t hash[32];
    hash_bytes(tx->state->message->request->body, (struct text){0}, hash);
    return arena_text(tx->arena, (struct text){(const char *)hash, 32});
}

void idempotency_value(struct buffer *out, const struct record *record)
{
    pack_array(out, 6);
    pack_integer(out, record->idempotency_expires_at);
    pack_integer(out, record->answer_status);
    pack_integer(out, record->answer_kind);
    pack_integer(out, record->answer_version);
    pack_bytes(out, (struct text){(const char *)record->answer_id.bytes, 16});
    pack_bytes(out, record->fingerprint);
}

static bool remembered_decode(struct text bytes, struct remembered *remembered)
{
    struct unpacker in = unpacker_of(bytes);
    uint32_t count;
    struct text id;
    if (!unpack_array(&in, &count) || count != 6 || !unpack_integer(&in, &remembered->expires_at) ||
        !unpack_integer(&in, &remembered->status) || !unpack_integer(&in, &remembered->kind) ||
        !unpack_integer(&in, &remembered->version) || !unpack_bytes(&in, &id) || id.length != 16 ||
        !unpack_bytes(&in, &remembered->fingerprint))
        return false;
    memcpy(remembered->id.bytes, id.data, 16);
    return true;
}

static bool applies(const struct tx *tx)
{
    const struct request *request = tx->state->message->request;
    return request->idempotency_key.data && tx->command->method && !strcmp(tx->command->method, "POST") &&
           tx->command->rate != RATE_AUTH && !tx->dry_run;
}

/* Asks without keeping what was answered. */
static bool is_decided(struct tx *tx, const void *entity)
{
    struct tx_state *state = tx->state, asked = *state;
    bool decided = tx->command->outcome(tx, entity);
    state->error = asked.error;
    state->error_text = asked.error_text;
    state->problems = asked.problems;
    state->member_count = asked.member_count;
    state->error_member_count = asked.error_member_count;
    state->form = asked.form;
    state->status = asked.status;
    state->answer_kind = asked.answer_kind;
    state->answer_id = asked.answer_id;
    state->answer_version = asked.answer_version;
    return decided;
}

bool outcome_decided(struct tx *tx, const void *entity, bool just_now)
{
    if (just_now || !is_decided(tx, entity)) return tx->command->outcome(tx, entity);
    const void *first = entity_since(tx, tx->kind, tx->id, is_decided);
    return first && tx->command->outcome(tx, first);
}

static enum error answer_again(struct tx *tx, const struct remembered *remembered, bool *answered)
{
    const struct kind *kind = registry_kind(tx->core->registry, (uint16_t)remembered->kind);
    struct reply *reply = &tx->state->message->request->reply;
    if (!remembered->status) { /* its answer was to come later: is it decided by now? */
        const void *entity = kind ? load(tx, kind, remembered->id) : NULL;
        if (pending(tx)) return OK;
        tx->kind = kind ? kind : tx->kind;
        tx->id = remembered->id;
        bool decided = entity && outcome_decided(tx, entity, false);
        if (pending(tx)) return OK;
        if (!decided)
            return fail(tx, ERROR_IDEMPOTENCY_IN_FLIGHT, "the first request with this key is not decided yet");
        *answered = true;
        reply->replayed = true;
        return tx->state->error;
    }
    *answered = true;
    reply->replayed = true;
    if (remembered->status == 204) return answer_none(tx);
    if (kind) return answer_entity(tx, (uint16_t)remembered->status, kind, remembered->id, remembered->version);
    return answer(tx, (uint16_t)remembered->status, NULL, NULL);
}

enum error idempotency_begin(struct tx *tx, bool *answered)
{
    struct message *message = tx->state->message;
    if (!applies(tx)) return OK;
    idempotency_hash(tx, message->idempotency);
    struct message *first = map_get(tx->core->in_flight, message->idempotency, sizeof message->idempotency);
    if (first && first != message)
        return fail(tx, ERROR_IDEMPOTENCY_IN_FLIGHT, "the first request with this key is not decided yet");

    struct key key;
    struct text value;
    key_start(&key, SPACE_IDEMPOTENCY);
    key_add(&key, message->idempotency, sizeof message->idempotency);
    enum found found = derived_get(tx->core, message, false, key_text_of(&key), tx->arena, &value);
    if (found == MISS || found == DAMAGED) {
        tx->state->pending = true;
        return OK;
    }
    struct remembered remembered;
    if (found == FOUND && remembered_decode(value, &remembered) && remembered.expires_at > tx->now) {
        tx->state->seen_lsn = tx->core->last_lsn;
#if !defined MUTANT || MUTANT != 36
        if (!text_equal(remembered.fingerprint, fingerprint_of(tx)))
            return fail(tx, ERROR_IDEMPOTENCY_KEY_REUSED, "this key came with another body before");
#endif
        return answer_again(tx, &remembered, answered);
    }
    if (!first) {
        map_set(tx->core->in_flight, message->idempotency, sizeof message->idempotency, message);
        message->held_idempotency = true;
    }
    return OK;
}

void idempotency_record(struct tx *tx, struct record *record)
{
    const struct tx_state *state = tx->state;
    if (!state->message->held_idempotency) return;
    record->idempotency = (struct text){(const char *)state->message->idempotency, 32};
    record->fingerprint = fingerprint_of(tx);
    record->idempotency_expires_at = tx->now + setting(tx, "idempotency.life");
    record->answer_status = state->awaits ? 0 : state->message->request->reply.status;
    bool subject = state->form == ANSWER_SUBJECT && !id_is_none(tx->id);
    if (!subject && state->form != ANSWER_ENTITY) return;
    record->answer_kind = (subject ? tx->kind : state->answer_kind)->number;
    record->answer_id = subject ? tx->id : state->answer_id;
    const void *entity = load(tx, subject ? tx->kind : state->answer_kind, record->answer_id);
    record->answer_version = entity ? entity_of(entity)->version : 0;
}

/* ---- forgetting: rows that have expired are found on a worker and deleted here, some at a time ---- */
enum { SWEEP_ROWS = 256 };
struct sweep {
    struct work work;
    struct core *core;
    struct arena *arena;
    struct text from, to;
    struct table_row rows[SWEEP_ROWS];
    uint32_t count;
};

static void sweep_run(struct work *work)
{
    struct sweep *sweep = (struct sweep *)work;
    struct store *store = sweep->core->ports.store;
    if (store->calls->scan(store, sweep->from, sweep->to, false, SWEEP_ROWS, TIER_DISK, sweep->arena, sweep->rows,
                           &sweep->count) != FOUND)
        sweep->count = 0;
}

static void sweep_done(struct work *work)
{
    struct sweep *sweep = (struct sweep *)work;
    struct core *core = sweep->core;
    for (uint32_t i = 0; i < sweep->count; i++) {
        struct key key;
        key_start(&key, SPACE_IDEMPOTENCY);
        key_add(&key, sweep->rows[i].key.data + 9, sweep->rows[i].key.length - 9);
        derived_delete(core, key_text_of(&key));
        derived_delete(core, sweep->rows[i].key);
    }
    core->sweeping = false;
    arena_destroy(sweep->arena);
    free(sweep);
}

/* Records that have expired mean nothing any more. Only the tables are looked at: what is younger than a checkpoint has not
   expired, and a row that is deleted already is deleted once more. */
void idempotency_sweep(struct core *core)
{
    if (core->sweeping) return;
    struct key from, to;
    struct sweep *sweep = memory_alloc(sizeof *sweep);
    sweep->arena = arena_create();
    sweep->core = core;
    key_start(&from, SPACE_IDEMPOTENCY_EXPIRY);
    to = from;
    key_add_integer(&to, core->now);
    sweep->from = arena_text(sweep->arena, key_text_of(&from));
    sweep->to = arena_text(sweep->arena, key_text_of(&to));
    sweep->work = (struct work){.run = sweep_run, .done = sweep_done, .class = WORK_READ};
    core->sweeping = core->ports.submit(core->ports.context, &sweep->work);
    if (core->sweeping) return;
    arena_destroy(sweep->arena);
    free(sweep);
}
