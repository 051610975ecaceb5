/* Bytes that are too large for the log, under places of their own beside the tables (tx.h). A place is two names of the
   store: `blob.n.` is written before and taken away after `blob.v.`, which has the bytes, so whoever lists places reads
   no bytes, and a crash leaves no bytes without their name. Names hold tenant and place.

   Whoever upholds a place says so by a unique index that `upholds` them (kind.h). The bytes are written before the record
   that names their place and removed after the one that does not any more. What was written for a request that was
   refused after all is removed at once. So only a crash may leave bytes that nobody names: a start removes them. */
#include "actors/runtime/internal.h"
#include "schema/codec.h"

#include <stdlib.h>
#include <string.h>

#define NAME_PREFIX "blob.n."
enum { IDS_LENGTH = 2 * ID_TEXT_LENGTH + 1 }; /* with a dot between */

struct blob_name {
    char text[sizeof NAME_PREFIX + IDS_LENGTH];
};

static struct blob_name blob_name(char part, struct id tenant, struct id place)
{
    struct blob_name name = {NAME_PREFIX};
    char *at = name.text + sizeof NAME_PREFIX - 1;
    name.text[sizeof "blob." - 1] = part;
    id_format(tenant, at);
    at[ID_TEXT_LENGTH] = '.';
    id_format(place, at + ID_TEXT_LENGTH + 1);
    return name;
}

static bool parse_name(struct text name, struct id *tenant, struct id *place)
{
    const char *at = name.data + sizeof NAME_PREFIX - 1;
    return name.length == sizeof NAME_PREFIX - 1 + IDS_LENGTH && id_parse((struct text){at, ID_TEXT_LENGTH}, tenant) &&
           id_parse((struct text){at + ID_TEXT_LENGTH + 1, ID_TEXT_LENGTH}, place);
}

static bool forget(struct store *store, struct id tenant, struct id place)
{
    static const struct text absent = {0};
    return store->calls->note(store, blob_name('v', tenant, place).text, absent) &&
           store->calls->note(store, blob_name('n', tenant, place).text, absent);
}

/* ---- bytes of requests that were refused, one after the other on a worker ---- */
struct placed_blob {
    struct placed_blob *next;
    struct id tenant, place;
};
struct blob_disposal {
    struct work work;
    struct blob_disposal *next;
    struct core *core;
    struct id tenant, place;
};

static void note_placed(struct message *message, struct id tenant, struct id place)
{
    struct placed_blob *placed = ARENA_NEW(message->arena, struct placed_blob);
    *placed = (struct placed_blob){message->placed, tenant, place};
    message->placed = placed;
}

/* When the store fails nothing is written any more, and the next start removes them. */
static void disposal_run(struct work *work)
{
    const struct blob_disposal *disposal = (struct blob_disposal *)(void *)work;
    forget(disposal->core->ports.store, disposal->tenant, disposal->place);
}

static void disposal_done(struct work *work)
{
    struct blob_disposal *disposal = (struct blob_disposal *)(void *)work;
    struct core *core = disposal->core;
    core->disposals = disposal->next;
    core->disposing = false;
    free(disposal);
    blobs_dispose(core);
}

void blobs_dispose(struct core *core)
{
    if (core->disposals && !core->disposing)
        core->disposing = core->ports.submit(core->ports.context, &core->disposals->work);
}

void blobs_abandon(struct core *core, struct message *message)
{
    struct blob_disposal **last = &core->disposals;
    if (!message->placed) return;
    while (*last)
        last = &(*last)->next;
    for (const struct placed_blob *placed = message->placed; placed; placed = placed->next) {
        *last = memory_alloc(sizeof **last);
        **last = (struct blob_disposal){.work = {.run = disposal_run, .done = disposal_done, .class = WORK_READ},
                                        .core = core,
                                        .tenant = placed->tenant,
                                        .place = placed->place};
        last = &(*last)->next;
    }
    message->placed = NULL;
    blobs_dispose(core);
}

void blobs_close(struct core *core)
{
    struct blob_disposal *next;
    for (struct blob_disposal *at = core->disposals; at; at = next) {
        next = at->next;
        free(at);
    }
}

/* ---- writing and reading, on workers ---- */
enum blob_use { BLOB_PUT, BLOB_HASH, BLOB_GET };
struct blob_job {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct arena *arena;
    enum blob_use use;
    struct id tenant, place, subject;
    struct text bytes; /* of the request, which waits for this */
    struct text result;
    bool good, found;
};

static void put(struct blob_job *job)
{
    struct store *store = job->core->ports.store;
    uint8_t hash[32];
    struct text place = {(const char *)job->place.bytes, sizeof job->place.bytes}, bytes = job->bytes;
    hash_bytes(job->bytes, (struct text){0}, hash);
    job->result = arena_text(job->arena, (struct text){(const char *)hash, sizeof hash});
    job->good = job->found = true;
    if (job->use == BLOB_HASH) return;
    if (!id_is_none(job->subject))
        bytes = seal(job->core->ports.keyring, job->arena, job->tenant, job->subject, place, job->bytes);
    job->found = bytes.data != NULL;
    job->good = !bytes.data || (store->calls->note(store, blob_name('n', job->tenant, job->place).text, LITERAL("")) &&
                                store->calls->note(store, blob_name('v', job->tenant, job->place).text, bytes));
}

static void get(struct blob_job *job)
{
    struct store *store = job->core->ports.store;
    struct text place = {(const char *)job->place.bytes, sizeof job->place.bytes};
    enum found found =
        store->calls->noted(store, blob_name('v', job->tenant, job->place).text, job->arena, &job->result);
    job->good = found == FOUND || found == ABSENT;
    job->found = found == FOUND;
    if (!job->found || id_is_none(job->subject)) return;
    struct text sealed = job->result;
    job->found = unseal(job->core->ports.keyring, job->arena, job->tenant, job->subject, place, sealed, &job->result) ==
                 UNSEALED;
}

static void blob_job_run(struct work *work)
{
    struct blob_job *job = (struct blob_job *)(void *)work;
    if (job->use == BLOB_GET)
        get(job);
    else
        put(job);
}

static void blob_job_done(struct work *work)
{
    struct blob_job *job = (struct blob_job *)(void *)work;
    struct core *core = job->core;
    struct message *message = job->message;
    if (!job->good) message->failures = LIMIT_RERUNS + 1; /* the store has failed: 503 */
    job->memo->ready = true;
    job->memo->found = job->found;
    if (job->found) job->memo->value = arena_text(message->arena, job->result);
    if (job->found && job->use == BLOB_PUT) note_placed(message, job->tenant, job->place);
    arena_destroy(job->arena);
    free(job);
    message_loaded(core, message);
}

/* NULL: it was started or runs, and the handler runs again once it is done. */
static const struct memo *blob_result(struct tx *tx, const struct blob_job *like)
{
    struct message *message = tx->state->message;
    struct buffer input = {.arena = message->arena};
    buffer_format(&input, "blob %d", like->use);
    buffer_bytes(&input, like->place.bytes, sizeof like->place.bytes);
    for (const struct memo *memo = message->memos; memo; memo = memo->next) {
        if (!text_equal(memo->input, buffer_as_text(&input))) continue;
        if (memo->ready) return memo;
        tx->state->pending = true;
        return NULL;
    }
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    *memo = (struct memo){.next = message->memos, .input = buffer_as_text(&input)};
    message->memos = memo;
    struct blob_job *job = memory_alloc(sizeof *job);
    *job = *like;
    job->work = (struct work){.run = blob_job_run, .done = blob_job_done, .class = WORK_READ};
    job->core = tx->core;
    job->message = message;
    job->memo = memo;
    job->tenant = tx->tenant;
    job->arena = arena_create();
    tx->state->pending = true;
    if (like->use == BLOB_PUT) tx->core->disk_taken += like->bytes.length;
    message->loads++;
    if (tx->core->ports.submit(tx->core->ports.context, &job->work)) return NULL;
    message->loads--;
    message->failures = LIMIT_RERUNS + 1; /* the pool is full: 503 */
    arena_destroy(job->arena);
    free(job);
    return NULL;
}

bool blob_put(struct tx *tx, struct id place, struct id subject, struct text bytes, uint8_t hash[32])
{
    enum blob_use use = tx->dry_run ? BLOB_HASH : BLOB_PUT;
    struct blob_job like = {.use = use, .place = place, .subject = subject, .bytes = bytes};
    const struct memo *memo = blob_result(tx, &like);
    if (!memo || !memo->found) return false;
    memcpy(hash, memo->value.data, 32);
    return true;
}

bool blob_get(struct tx *tx, struct id place, struct id subject, struct text *bytes)
{
    struct blob_job like = {.use = BLOB_GET, .place = place, .subject = subject};
    const struct memo *memo = blob_result(tx, &like);
    if (!memo || !memo->found) return false;
    *bytes = memo->value;
    return true;
}

/* ---- removing, once the record is durable that names the place no more ---- */
struct blob_removal {
    struct id place;
};
/* clang-format off */
static const struct field removal_rows[] = {
    ID(blob_removal, 1, place, .flags = REQUIRED, .doc = "of the bytes"),
};
static const struct fields removal_fields = FIELDS("blob_removal", struct blob_removal, removal_rows);
struct blob_removed {
    bool removed;
};
static const struct field removed_rows[] = {
    BOOL(blob_removed, 1, removed, .doc = "are they gone?"),
};
static const struct fields removed_fields = FIELDS("blob_removed", struct blob_removed, removed_rows);

const struct effect_class blob_removal_effect = {
    .number = 10,
    .name = "blob_removal",
    .request = &removal_fields,
    .answer = &removed_fields,
    .give_up_after = DAYS(1),
    .doc = "bytes that nobody refers to any more are removed from the store",
};
/* clang-format on */

void blob_drop(struct tx *tx, struct id place, const struct kind *kind, struct id id)
{
    struct blob_removal request = {place};
    struct text key = {(const char *)place.bytes, sizeof place.bytes};
    effect(tx, &blob_removal_effect, base64url_encode(tx->arena, key), &request, kind, id, NULL);
}

void blob_remove(void *context, struct effect_call *call)
{
    const struct blob_removal *request = call->request;
    ((struct blob_removed *)call->answer)->removed = forget(context, call->tenant, request->place);
}

/* ---- what nobody names ---- */
struct sweep {
    struct core *core;
    const struct kind *kind;
    const struct index *index;
    uint64_t removed;
};

static const struct index *upholding(const struct registry *registry, const struct kind **of)
{
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        for (const struct index *const *index = (*kind)->indexes; index && *index; index++) {
            *of = *kind;
            if ((*index)->upholds) return *index;
        }
    return NULL;
}

static bool sweep_name(void *context, struct text name)
{
    struct sweep *sweep = context;
    struct store *store = sweep->core->ports.store;
    struct id tenant, place;
    if (!parse_name(name, &tenant, &place)) return false;
    struct key key;
    struct text value;
    index_prefix(&key, tenant, sweep->kind, sweep->index);
    key_add(&key, place.bytes, sizeof place.bytes);
    struct arena *arena = arena_create();
    enum found found = derived_get(sweep->core, NULL, true, key_text_of(&key), arena, &value);
    arena_destroy(arena);
    if (found == FOUND) return true;
    if (found != ABSENT || !forget(store, tenant, place)) return false;
    sweep->removed++;
    return true;
}

bool blobs_sweep(struct core *core, uint64_t *removed)
{
    struct sweep sweep = {.core = core};
    struct store *store = core->ports.store;
    sweep.index = upholding(core->registry, &sweep.kind);
    bool good = !sweep.index || store->calls->names(store, NAME_PREFIX, sweep_name, &sweep);
    *removed = sweep.removed;
    return good;
}

/* ---- verification: each place that is upheld has its bytes ---- */
struct proof {
    struct store *store;
    const struct kind *kind;
    const struct index *index;
    void (*missing)(void *context, struct text key);
    void *context;
};

static bool prove_row(void *context, const struct table_row *row)
{
    struct proof *proof = context;
    struct id tenant, place;
    struct key key;
    if (row->key.length != 1 + 16 + 2 + 2 + 16) return true;
    memcpy(tenant.bytes, row->key.data + 1, 16);
    memcpy(place.bytes, row->key.data + row->key.length - 16, 16);
    index_prefix(&key, tenant, proof->kind, proof->index);
    if (memcmp(row->key.data, key.bytes, key.length) != 0) return true;
    struct arena *arena = arena_create();
    struct text bytes;
    if (proof->store->calls->noted(proof->store, blob_name('v', tenant, place).text, arena, &bytes) != FOUND)
        proof->missing(proof->context, row->key);
    arena_destroy(arena);
    return true;
}

bool blobs_verify(const struct registry *registry, struct store *store, void (*missing)(void *context, struct text key),
                  void *context)
{
    struct proof proof = {.store = store, .missing = missing, .context = context};
    proof.index = upholding(registry, &proof.kind);
    return !proof.index || space_each(store, SPACE_UNIQUE, prove_row, &proof);
}
