/* The runtime's own structures. Only files of this folder include it.

   Truths: an actor's block is immutable; whoever keeps a block across a turn holds a reference; references are counted on
   the core's thread alone. What is derived from the log is in exactly one of: a dirty actor's block (newest snapshot), the
   current delta, the frozen delta (being written to the tables), the tables. */
#pragma once
#include "actors/runtime/core.h"
#include "actors/runtime/rebuild.h"
#include "actors/runtime/record.h"
#include "actors/runtime/stretch.h"
#include "actors/runtime/tenant.h"
#include "base/heap.h"
#include "base/limits.h"
#include "base/map.h"

/* ---- committed state ---- */
struct dependency { /* what else a rendering read, and as of which record (0: it was not there) */
    const struct kind *kind;
    struct id id;
    uint64_t lsn;
};
struct rendering { /* valid while its dependencies are as they were */
    uint64_t revision;
    uint32_t length, dependency_count;
    uint32_t replacements;            /* the core's when it was made */
    struct dependency dependencies[]; /* then the JSON */
};
struct block {
    uint32_t references;
    uint32_t size;
    uint64_t lsn;                              /* of the record that made it */
    struct rendering *rendering;               /* as the public sees it, or NULL; kept for the next reader */
    char state[] __attribute__((aligned(16))); /* the kind's struct and all it points to */
};
struct message;
struct waiter {
    struct message *message;
    struct waiter *next;
};
enum { ACTOR_KEY_SIZE = 16 + 2 + 16 };
struct actor {
    uint8_t key[ACTOR_KEY_SIZE]; /* tenant, kind number, id */
    const struct kind *kind;
    struct block *block;         /* NULL: there is none (or it is loading) */
    struct actor *older, *newer; /* by last use */
    struct waiter *waiting;      /* messages parked until it is loaded */
    uint32_t pins;
    uint32_t erasures;          /* the core's when the block was made, or last looked at */
    bool loading, known, dirty; /* known: block says what is; dirty: newer than delta and tables */
};
enum {
#ifdef TINY
    DIRECTORY_RECENT = 4,
#else
    DIRECTORY_RECENT = 8192,
#endif
};
struct directory {
    struct map *actors;
    struct actor **recent; /* by the end of their ids, in front of the map: what is asked for is asked for again */
    struct actor oldest;   /* list head: .newer is the least recently used */
    size_t bytes;
    struct {
        size_t bytes, actors;
    } of_kind[LIMIT_KINDS]; /* by the kind's number; together they are `bytes` */
    uint64_t passivated;
};

/* ---- messages ---- */
enum message_source {
    FROM_REQUEST,
    FROM_TIMER,
    FROM_EFFECT,
    FROM_RUNTIME
};            /* runtime: counted figures, finished effects */
struct memo { /* what a worker found or computed for this message */
    struct memo *next;
    struct text input;   /* key or job with arguments */
    uint64_t generation; /* of the tables, for reads */
    bool ready, found;
    struct text value;
    struct table_row *rows;
    uint32_t row_count;
};
struct message {
    struct message *next;
    enum message_source source;
    struct request *request; /* FROM_REQUEST */
    struct arena *arena;
    int64_t now;
    int64_t begun_at; /* when it was first run: ids are drawn of that, so that every run draws the same */
    uint32_t order;   /* among the messages first run in that millisecond */
    uint8_t random[32];
    struct id tenant, id;
    const struct kind *kind;
    const struct command *command;
    void *body;
    struct id timer_id;             /* FROM_TIMER */
    struct id effect_id;            /* FROM_EFFECT */
    struct text trace;              /* of the effect */
    bool effect_done;               /* it was still pending when the answer came */
    uint32_t runs, failures, loads; /* loads: outstanding */
    struct memo *memos;
    LIST_OF(struct actor *) pinned;
    uint8_t idempotency[32]; /* hash of the key, zero: none */
    bool held_idempotency;   /* registered in core->in_flight */
    bool rated;              /* it was counted by its rate, in whichever run came so far */
    bool awaiting;
    int64_t await_deadline;          /* then 202 */
    const struct kind *awaited_kind; /* entity whose outcome it waits for */
    struct id awaited;
    int64_t woken_version; /* of it, as the last change left it; 0: it did not change since the wait began */
    uint64_t release_lsn;
    uint64_t wanted_lsn;        /* it is in core->undurable until this is durable; 0: it is not */
    struct placed_blob *placed; /* bytes that were written for it, as long as no record was made of it */
};

/* ---- timers and effects, all in memory while pending ---- */
struct timer {
    int64_t due;
    struct id id; /* derived from entity and command, or drawn (tell) */
    struct id tenant, entity;
    const struct kind *kind;
    const struct command *command;
    struct text body; /* snapshot by command->body */
    bool running;
};
struct pending_effect {
    struct id id; /* derived from tenant, class and key */
    const struct effect_class *class;
    struct id tenant, entity;
    const struct kind *kind;
    const struct command *command;
    struct text key, request, personal; /* snapshot; its personal part is sealed under the subject's key */
    struct text trace;                  /* of the record that asked for it */
    struct id subject;
    int64_t created_at;
    uint64_t lsn; /* of its record: not called before that is durable */
    struct pending_effect *next_undurable;
    uint32_t attempt;
    uint32_t uses; /* steps scheduled and calls under way */
    bool calling, removed;
    struct effect_job *kept; /* the call, while its provider keeps it */
};

struct id_list {
    struct id *at;
    uint32_t count;
};

/* ---- counted figures ---- */
struct figure {
    struct figure *next;
    struct id tenant, entity;
    const struct kind *kind;
    const struct command *command;
    struct counted_body body;
};

/* ---- the unit of work ---- */
struct touched {
    const struct kind *kind;
    struct id id;
    struct actor *actor;
    struct block *before; /* NULL: did not exist */
    void *copy;           /* NULL: only loaded */
    bool created, discarded, emitted;
    bool settled, changed; /* once followers have run: changed says whether there is anything to record */
};
struct emitted {
    struct touched *touched;
    const struct event *event;
    int64_t version;
    const void *data;
    int64_t from, to; /* status before and after the transition that emitted it */
};
/* What a pure provider answered to the command that is being decided. */
struct instant_answer {
    const struct kind *kind;
    const struct command *command;
    struct id id;
    void *body;
};
struct extra_member {
    const char *name;
    struct text json;
};
enum answer_form {
    ANSWER_SUBJECT,
    ANSWER_VALUE,
    ANSWER_NONE,
    ANSWER_RAW,
    ANSWER_STREAM,
    ANSWER_ENTITY,
    ANSWER_LIST,
    ANSWER_ERROR
};
struct tx_state {
    struct message *message;
    struct touched **touched;
    uint32_t touched_count, touched_capacity;
    struct touched **lookup; /* open addressing by id, touched_lookup_size slots */
    uint32_t lookup_size;
    struct emitted *emitted;
    uint32_t emitted_count, emitted_capacity;
    LIST_OF(struct record_timer) timers;
    LIST_OF(struct record_effect) effects;
    LIST_OF(struct id) erased;      /* subjects whose keys go with this record */
    LIST_OF(struct figure) figures; /* counted when the answer is a success */
    LIST_OF(struct instant_answer) answers;
    bool watching; /* loads are noted as dependencies of a rendering */
    LIST_OF(struct dependency) watched;
    int64_t until;                /* when what was decided may not hold any more */
    bool noting;                  /* what is read is noted for recall.c */
    bool shared;                  /* the question is that of all who are alike */
    bool saw_all;                 /* it read what the last record may have changed */
    bool recalled;                /* the reply is there, from an earlier run */
    struct text own_question;     /* the asker's, while `question` is the shared one */
    struct text question;         /* by which the answer is kept; absent: it is not */
    struct kept_answer *kept;     /* what is answered */
    struct kept_answer *expected; /* to be proved */
    LIST_OF(uint32_t) read_slots;
    bool pending;
    bool replay; /* loads may wait for the disk, and nothing is refused */
    bool follower;
    bool broken; /* a truth does not hold: 500 */
    uint32_t draws;
    struct id drawn[8]; /* the first ids that this run has drawn: nothing can be there yet */
    uint32_t drawn_count;
    const void *event_data;
    const struct transition *transition;
    uint64_t seen_lsn;
    /* answer */
    enum error error;
    bool commit_anyway;
    struct text error_text;
    struct problems problems;
    struct extra_member members[8];
    uint32_t member_count;
    struct extra_member error_members[8];
    uint32_t error_member_count;
    enum answer_form form;
    uint16_t status;
    const struct fields *answer_fields;
    const void *answer_value;
    const struct kind *answer_kind;
    struct id answer_id;
    int64_t answer_version;
    const void *then; /* READ of a moment: what the entity was */
    const char *content_type;
    struct text raw;
    struct file *file;           /* of ANSWER_RAW; NULL: it is none */
    const struct web_page *page; /* whose body `raw` is, or NULL */
    const struct stream_wish *stream;
    bool awaits;
    int64_t await_deadline;
};

/* ---- the search index ---- */
struct search_change { /* a document that is to be put, in one block of memory */
    struct search_change *next;
    struct search_document document;
    size_t bytes;
};
struct search_state {
    struct search_change *changes, **changes_last; /* not yet handed over, in order of lsn */
    size_t bytes, waiting;                         /* of changes that the index lacks; their number */
    uint32_t feeds;                                /* on their way */
    bool ready;                                    /* what the tables held at start is in the index */
};

/* An actor as of a checkpoint's position. It may change on; this block is what goes into the tables. */
struct freezing_actor {
    struct actor *actor;
    struct block *block;
};

/* ---- the core ---- */
struct rate_bucket;
struct core {
    const struct registry *registry;
    struct ports ports;
    struct core_config config;
    int64_t now;
    int64_t ordered_at; /* the millisecond whose messages are counted */
    uint32_t order;
    bool stopping, recovering, read_only_disk;
    struct directory directory;
    struct actor **dirty; /* actors newer than delta and tables */
    size_t dirty_count, dirty_capacity;
    struct ordered *delta, *frozen;
    uint64_t frozen_lsn;
    bool handed_over;                   /* the store has it */
    bool freezing;                      /* frozen is being filled with snapshots, or waits for the store */
    struct freezing_actor *to_snapshot; /* of the frozen position; their actors are pinned until they are in frozen */
    size_t snapshot_count, snapshots_made;
    uint64_t generation; /* raised when a checkpoint reached the tables */
    struct map *scans;   /* range → rows of the tables, kept until the next checkpoint changes them */
    struct arena *scan_memory;
    int64_t checkpoint_interval, last_checkpoint;
    uint64_t last_lsn, durable_lsn, appended_lsn;
    struct batch *batch;  /* open */
    struct shared shared; /* by the parts of the record that is being encoded */
    size_t waiting_bytes;
    uint64_t disk_free, disk_taken;       /* as last looked at, and taken since */
    struct batch_size *sent, **sent_last; /* handed to the store, not durable yet */
    struct lane {                         /* messages to be run, of some marketplaces */
        struct message *first, **last;
        uint32_t count;
    } lanes[LIMIT_LANES];
    uint64_t lanes_filled; /* a bit for each that has some */
    uint32_t lane_next;
    size_t ready_count;                /* in all lanes */
    struct message *held, **held_last; /* replies that wait for their lsn, in order of lsn */
    struct message *undurable;         /* parked until their wanted_lsn can be read from the log */
    struct map *awaiting;              /* awaited entity → message */
    struct heap await_deadlines;
    size_t messages;            /* alive */
    struct map *in_flight;      /* idempotency hash → message */
    struct ordered *timers_due; /* due, id → pointer */
    struct map *timers;         /* id → timer */
    struct map *effects;        /* id → pending_effect */
    struct heap effect_calls;   /* due → call to be made or answer to be delivered */
    struct provider blob_remover;
    struct id_list done_effects; /* answered, nobody waits for the answer: to be taken off the log together */
    int64_t done_since;
    struct pending_effect *undurable_effects,
        **undurable_effects_last;  /* called once their record is durable, in its order */
    struct map *figures_by_entity; /* (tenant, kind, entity) → figure of this second */
    struct figure *figures;
    uint64_t figures_epoch; /* raised when they are flushed */
    struct map *rates;
    int64_t per_minute[RATE_NONE]; /* requests of a class, by rate_class */
    struct search_state search;
    struct answers *answers; /* kept */
    uint32_t erasures;       /* raised when somebody is erased: what is in memory is looked at again */
    uint32_t replacements;   /* raised when a state is replaced by another of the same record: what shows it is old */
    struct id_list erasing;  /* tenants in which a replay erased somebody */
    bool personal[512];      /* by kind number: has it fields that are sealed? */
    uint32_t sees[LIMIT_KINDS]; /* by kind number: relations that see more of it than the public does */
    bool flat[512];             /* by kind number: schema_is_flat */
    int64_t last_sweep;
    bool sweeping;
    struct blob_disposal *disposals; /* bytes of refused requests that are to be removed; the first may be under way */
    bool disposing;
    struct id default_tenant;
    uint64_t count_commits, count_refusals, count_reruns, count_broken, count_reads, count_checkpoints;
    struct rebuild *rebuild; /* under way, or NULL */
    struct rebuilding rebuilding;
    struct stretch replayed; /* of the log, by a replay */
};
struct batch_size {
    struct batch_size *next;
    uint64_t last_lsn;
    size_t bytes;
};

/* directory.c */
void directory_open(struct directory *directory);
void directory_close(struct directory *directory);
void actor_key(uint8_t key[ACTOR_KEY_SIZE], struct id tenant, const struct kind *kind, struct id id);
struct actor *directory_actor(struct directory *directory, struct id tenant, const struct kind *kind,
                              struct id id); /* made when missing */
/* By its key; NULL when it is not in memory. */
struct actor *directory_known(const struct directory *directory, const uint8_t key[ACTOR_KEY_SIZE]);
void directory_use(struct directory *directory, struct actor *actor);
void actor_set_block(struct directory *directory, struct actor *actor, struct block *block); /* takes the reference */
/* Of a flat kind: the new state goes where the old one is. False when somebody else holds that, or there is none. */
bool actor_change_block(struct directory *directory, struct actor *actor, const struct fields *fields,
                        const void *state, uint64_t lsn);
/* A block of this kind has taken so many bytes more. */
void directory_grow(struct directory *directory, const struct kind *kind, size_t bytes);
void directory_passivate(struct directory *directory, size_t limit);
struct block *block_create(const struct fields *fields, const void *state, uint64_t lsn);
void block_release(struct block *block);
static inline const struct entity *entity_of(const void *state)
{
    return state;
}

/* derived.c: keys of the tables, delta and reads */
enum space {
    SPACE_ENTITY = 'E',
    SPACE_INDEX = 'I',
    SPACE_UNIQUE = 'U',
    SPACE_TIMER = 'T',
    SPACE_EFFECT = 'F',
    SPACE_IDEMPOTENCY = 'K',
    SPACE_IDEMPOTENCY_EXPIRY = 'X'
};
struct key {
    uint8_t bytes[512 + 64];
    uint32_t length;
    bool too_long;
};
void key_start(struct key *key, enum space space);
void key_add(struct key *key, const void *bytes, size_t length);
void key_add_number(struct key *key, uint16_t number);
void key_add_integer(struct key *key, int64_t value);
void key_add_text(struct key *key, struct text value);
struct text key_text_of(const struct key *key);
void entity_key(struct key *key, struct id tenant, const struct kind *kind, struct id id);
void index_prefix(struct key *key, struct id tenant, const struct kind *kind, const struct index *index);
struct key_writer {
    struct key prefix; /* space, tenant, kind, index */
    struct key current;
    struct text *keys; /* collected: the first ones here, more of them in the arena */
    struct text first[4];
    uint32_t count, capacity;
    struct arena *arena;
    const struct id *suffix; /* of lists: the entity's id ends each key */
    bool open;
};
void key_writer_open(struct key_writer *writer, struct arena *arena, struct id tenant, const struct kind *kind,
                     const struct index *index);
/* All keys of an entity in an index; an entity id is appended for lists. */
void index_keys(struct key_writer *writer, struct arena *arena, struct id tenant, const struct kind *kind,
                const struct index *index, const void *entity);
/* FOUND, ABSENT, or MISS: the message is parked until a worker has read it. */
enum found derived_get(struct core *core, struct message *message, bool wait, struct text key, struct arena *arena,
                       struct text *value);
void derived_set(struct core *core, struct text key, struct text value);
void derived_delete(struct core *core, struct text key);
/* Up to *count rows of [from, to), merged from delta, frozen delta and tables. Not FOUND: MISS. */
enum found derived_scan(struct core *core, struct message *message, bool wait, struct text from, struct text to,
                        bool reverse, struct arena *arena, struct table_row *rows, uint32_t *count);
void scans_open(struct core *core);
void scans_forget(struct core *core); /* the tables have changed */
void scans_close(struct core *core);
struct text prefix_end(struct arena *arena, struct text prefix); /* the first key after all keys with this prefix */
struct text key_after(struct arena *arena, struct text key);     /* the least key that is greater */
/* Every row of a space of the tables, in key order, from the disk. False: they cannot be read, or a visit said so. */
bool space_each(struct store *store, enum space space, bool (*visit)(void *context, const struct table_row *row),
                void *context);

/* load.c */
/* Nothing can be there under this id, for it has just been drawn: there is no need to look. */
struct actor *actor_known_new(struct core *core, struct id tenant, const struct kind *kind, struct id id);
/* The actor with a known block, or NULL when the message has to wait. */
struct actor *actor_load(struct core *core, struct message *message, bool wait, struct id tenant,
                         const struct kind *kind, struct id id);
struct text snapshot_encode(struct core *core, struct arena *arena, struct id tenant, const struct kind *kind,
                            const struct block *block);
struct snapshot_parts {
    int64_t lsn;
    struct text open, sealed; /* sealed: absent when there is nothing personal */
};
bool snapshot_parts(struct text bytes, struct snapshot_parts *parts);
struct block *snapshot_decode(struct core *core, struct id tenant, const struct kind *kind, struct id id,
                              struct text bytes);

/* personal.c */
struct id personal_subject(const struct kind *kind, const void *entity);
struct text personal_associated(struct arena *arena, const struct kind *kind, struct id id, int64_t version,
                                const char *use);
void personal_prepare(struct core *core);
bool people_forget(struct core *core); /* at start; false: the tables cannot be read */
void actor_forget_erased(struct core *core, struct actor *actor);
void tx_forget_erased(struct tx *tx);
void erasures_apply(struct core *core, const struct record *record, bool replay);
/* Rows of before, which a replay cannot compute any more. False: they cannot be read. */
bool indexes_forget_erased(struct core *core);
bool same_but_erased(const struct registry *registry, struct keyring *keyring, struct text key, struct text a,
                     struct text b);
bool row_of_erased(const struct registry *registry, struct keyring *keyring, const struct table_row *row);
struct text event_personal_seal(struct tx *tx, const struct kind *kind, struct id id, int64_t version,
                                const struct event *event, const void *data);
bool keys_flush(struct core *core); /* false: they are not durable */

/* tx.c */
void tx_open(struct tx *tx, struct tx_state *state, struct core *core, struct message *message);
struct touched *tx_touch(struct tx *tx, const struct kind *kind, struct id id); /* loaded; NULL: pending */
struct touched *tx_find(const struct tx *tx, const struct kind *kind, struct id id);
const void *touched_state(const struct touched *touched); /* copy, else committed, else NULL */
bool tx_changed(const struct touched *touched);
/* transition.c */
const struct transition *transition_find(struct tx *tx, const struct kind *kind, const void *entity,
                                         const char *command, bool *has_rows);
void transition_make(struct tx *tx, const struct kind *kind, void *entity, const struct transition *row,
                     const void *data);
uint32_t asker_relations(struct tx *tx, const struct kind *kind, const void *entity);
bool asker_sees(struct tx *tx, const struct kind *kind, const void *entity, uint32_t relations);

/* commit.c */
enum error tx_finish(struct tx *tx); /* followers, truths, unique keys: OK, PENDING or a refusal */
void tx_commit(struct tx *tx,
               struct record *record); /* record from the unit of work, installed, appended to the batch */
void tx_install(struct tx *tx, const struct record *record, uint64_t lsn); /* the change itself: live and replay */
void tx_record(struct tx *tx, struct record *record);
/* followers.c */
void followers_run(struct tx *tx, bool views_only);

/* command.c: OK, a refusal, or pending */
enum error command_run(struct tx *tx, const struct request *request);
enum error command_run_internal(struct tx *tx);
static inline bool command_writes(const struct command *command)
{
    return command->action != ACTION_READ && command->action != ACTION_LIST;
}
/* run.c */
void message_run(struct core *core, struct message *message);
/* message.c */
void message_ready(struct core *core, struct message *message);
struct message *message_take(struct core *core); /* the next one to be run: lanes take turns; NULL: none */
/* Is the queue too long for one more of this lane? Long before it is full for the lane that fills it beside others. */
bool lane_full(const struct core *core, uint32_t lane);
void message_loaded(struct core *core, struct message *message);
void message_wait_durable(struct core *core, struct message *message, uint64_t lsn); /* then it is loaded */
void message_finish(struct core *core, struct message *message); /* answers and frees, or holds until durable */
struct message *message_internal(struct core *core, enum message_source source, struct id tenant,
                                 const struct kind *kind, const struct command *command, struct id id);
void message_free(struct core *core, struct message *message);
/* search.c */
void search_note(struct tx *tx, const struct touched *touched, uint64_t lsn); /* of a change that is being installed */
void search_durable(struct core *core);                                       /* hands over what became durable */
void search_start(struct core *core);                                         /* begins to put what the tables hold */
void search_close(struct core *core);
bool search_behind(const struct core *core); /* too much waits to be put: no writes are taken */
void search_metrics(struct core *core, struct buffer *out);
/* The hits of a query; false: a refusal, or pending. */
bool search_find(struct tx *tx, const struct search_query *query, const struct search_hit **hits, uint32_t *count);
/* list.c */
enum error run_list(struct tx *tx);
/* Answers a page of what was rendered: entries with commas between them. `next`: of page_cursor, absent at the end. */
enum error answer_list(struct tx *tx, const struct buffer *entries, struct text next, uint32_t limit);
/* history_page.c */
enum error read_then(struct tx *tx, const struct moment *moment); /* READ of a moment, once all rights are checked */
/* answer.c: fills the request's reply from what the unit of work answers; rendering may need joined rows: then pending */
void reply_success(struct tx *tx);
void reply_unchanged(struct tx *tx); /* 304 when If-None-Match names what a READ answers */
void reply_error(struct tx *tx, enum error error);
void renderings_prepare(struct core *core);
void render_entity(struct tx *tx, struct buffer *out, const struct kind *kind, const void *entity, uint32_t relations,
                   uint64_t *revision);
/* history.c: the entity as it was at a version, rebuilt from the log; NULL: pending or not there */
const void *entity_at(struct tx *tx, const struct kind *kind, struct id id, int64_t version);
/* The entity as it was at a moment; NULL: pending, not yet made, or too far back. */
const void *entity_at_moment(struct tx *tx, const struct kind *kind, struct id id, const struct moment *moment,
                             bool *too_far);
/* The entity as it first was with what holds of it now; NULL: pending, or it does not hold. */
const void *entity_since(struct tx *tx, const struct kind *kind, struct id id,
                         bool (*holds)(struct tx *tx, const void *entity));
/* recall.c: answers kept for the next who asks the same */
struct answers;
struct kept_answer;
struct answers *answers_create(void);
void answers_destroy(struct answers *answers);
void answers_forget_all(struct answers *answers);
void answers_actor_changed(struct answers *answers, const struct actor *actor);
void answers_row_changed(struct answers *answers, struct text key); /* of a derived row */
uint64_t answers_recalled(const struct answers *answers);
size_t answers_bytes(const struct answers *answers);
/* Before a command runs: true when its answer is known; what a steady one reads is noted from here on. */
bool answer_begin(struct tx *tx);
void answer_tell(struct tx *tx);          /* then: fills the reply */
bool answer_recall_shared(struct tx *tx); /* the same, once it is known that the asker is answered what others are */
void answer_reads_actor(struct tx *tx, const struct actor *actor); /* other than by touching it */
void answer_reads_key(struct tx *tx, struct text key);             /* a unique key was looked up */
void answer_reads_range(struct tx *tx, struct text prefix);        /* an index was read below it */
void answer_keep(struct tx *tx); /* the reply is complete, not yet cut by If-None-Match */
/* idempotency.c */
/* Whether what was awaited is decided; its answer is that of the state in which it first was, however often it is asked.
   just_now: that is this one. */
bool outcome_decided(struct tx *tx, const void *entity, bool just_now);
/* Before the command runs: OK to go on, a refusal, or *answered: what the first request with this key was answered. */
enum error idempotency_begin(struct tx *tx, bool *answered);
void idempotency_record(struct tx *tx, struct record *record); /* fills its rows of a record to be committed */
void idempotency_value(struct buffer *out, const struct record *record);
void idempotency_sweep(struct core *core); /* forgets some that have expired */
/* outside.c: timers and effects */
void timers_apply(struct core *core, const struct record *record);
void timers_fire(struct core *core);
int64_t timers_next_due(const struct core *core);        /* INT64_MAX: none is pending */
bool timer_fired(const struct core *core, struct id id); /* it is pending, and its command is on its way */
void effects_apply(struct core *core, const struct record *record, int64_t now);
void effects_start_all(struct core *core);
void effects_turn(struct core *core);
void effects_durable(struct core *core);
void effects_done_flush(struct core *core, bool at_once);
bool outside_load(struct core *core, char problem[256]);
const struct provider *provider_of(const struct core *core, const struct effect_class *class);
struct id timer_id_of(const struct kind *kind, struct id entity, const char *command);
struct id effect_id_of(struct id tenant, const struct effect_class *class, struct text key);
void outside_close(struct core *core);
/* blob.c */
void blob_remove(void *context, struct effect_call *call);      /* of effect_class blob_removal; context: the store */
void blobs_abandon(struct core *core, struct message *message); /* no record names what was written for it */
void blobs_dispose(struct core *core);                          /* goes on with it, if no worker had time for it then */
void blobs_close(struct core *core);
bool blobs_sweep(struct core *core, uint64_t *removed); /* at start; false: they cannot be read */
bool blobs_verify(const struct registry *registry, struct store *store, void (*missing)(void *context, struct text key),
                  void *context);
/* counted.c */
/* Of an answer that is sent again; *epoch is 0 at first, and between the calls its own. */
void figures_repeat(struct core *core, struct figure *figures, uint32_t count, uint64_t *epoch);
void figures_take(struct tx *tx); /* of an answered unit of work */
void figures_flush(struct core *core);
void figures_close(struct core *core);
int64_t setting_configured(const struct core *core, const char *name); /* the server's, whatever a tenant says */
/* rates.c */
void rates_prepare(struct core *core); /* once: the configuration does not change while it runs */
bool rate_take(struct core *core, struct message *message, struct reply *reply);
void rates_sweep(struct core *core);
/* batch.c */
void batch_append(struct core *core, struct record *record, struct arena *arena);
void batch_take_keys(struct core *core); /* what was made or erased with the record that was added last */
void batch_send(struct core *core);
void checkpoint_begin(struct core *core);
void checkpoint_abandon(struct core *core);              /* of a core that ends */
void checkpoint_go_on(struct core *core, unsigned most); /* encodes some snapshots; hands over when all are there */
/* replay.c */
/* Applies the record behind last_lsn, from the log or as given (head and body); NULL, or what is wrong with it. last_lsn
   stays. */
const char *replay_next(struct core *core, const struct table_row *given);
bool replay_log(struct core *core, char problem[256]);
