/* What the runtime needs of the outside, declared by the runtime and implemented by store, net, providers and tests. */
#pragma once
#include "actors/runtime/search.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/inbox.h"
#include "base/ordered.h"
#include "base/password.h"
#include "base/seal.h"
#include "base/token.h"

/* ---- store: append(batch) → durable(lsn), and tables of derived rows ----
   The log is the truth; tables hold what is derived from it up to the last checkpoint. */
struct batch {
    struct inbox_item item;
    uint64_t first_lsn, last_lsn;
    struct buffer records; /* per record: big-endian head length (4), body length (4), head, body */
    /* The store writes what was made before the records, what was erased after them; a failure is that of the log. */
    struct keyring *keyring;
    struct keyring_writes keys;
    struct batch *next;
};
enum found { FOUND, ABSENT, MISS, DAMAGED }; /* MISS: not in memory; ask again on a worker with TIER_DISK */
enum tier { TIER_MEMORY, TIER_DISK };
struct table_row {
    struct text key, value;
};
struct store_events { /* called on the store's own thread, or inside a call for in-memory stores */
    void *context;
    void (*durable)(void *context, uint64_t lsn);
    void (*checkpointed)(void *context, struct ordered *frozen);
    void (*failed)(void *context, const char *why); /* final: nothing more becomes durable */
};
struct store {
    const struct store_calls *calls; /* first member of each implementation's struct */
};
struct store_calls {
    /* Takes the batch over (frees it). Batches become durable in order. */
    void (*append)(struct store *store, struct batch *batch);
    enum found (*get)(struct store *store, struct text key, enum tier tier, struct arena *arena, struct text *value);
    /* Up to `limit` rows with from <= key < to, ascending, or descending when reverse (still from <= key < to). */
    enum found (*scan)(struct store *store, struct text from, struct text to, bool reverse, uint32_t limit,
                       enum tier tier, struct arena *arena, struct table_row *rows, uint32_t *count);
    /* Writes all of a frozen delta (tombstones delete) atomically, once `lsn` is durable, with applied_lsn = lsn. Then
       events.checkpointed; the caller keeps `frozen` unchanged until then and frees it. */
    void (*checkpoint)(struct store *store, struct ordered *frozen, uint64_t lsn);
    /* One log record as written (head and body parts), from a worker or at start. */
    enum found (*read_log)(struct store *store, uint64_t lsn, struct arena *arena, struct text *head,
                           struct text *body);
    /* Records from `lsn` on in their order, for who reads many: as many as there are, at most so many, and none beyond about
       so many bytes but the first. Rows are head and body. FOUND: at least one; else what read_log answers for the first. */
    enum found (*read_stretch)(struct store *store, uint64_t lsn, uint32_t most, size_t bytes, struct arena *arena,
                               struct table_row *rows, uint32_t *count);
    /* Remembers a value under a name, outside the tables: dropping them leaves it, a backup holds it. An absent value
       forgets the name. It survives a kill at once, a power cut with the next record. False: nothing is written any
       more. Any thread that may wait. */
    bool (*note)(struct store *store, const char *name, struct text value);
    enum found (*noted)(struct store *store, const char *name, struct arena *arena, struct text *value);
    /* All names that begin so, in their order. False: they cannot be read, or a visit said so. A visit may forget names. */
    bool (*names)(struct store *store, const char *prefix, bool (*visit)(void *context, struct text name),
                  void *context);
    uint64_t (*applied_lsn)(struct store *store); /* of the tables, at opening */
    uint64_t (*last_lsn)(struct store *store);    /* of the log, at opening */
    uint64_t (*free_bytes)(struct store *store);  /* of the disk beyond the reserve; 0: writes are refused with 507 */
    /* A consistent copy into a new directory, while serving (from a worker). NULL, or a sentence. */
    const char *(*backup)(struct store *store, const char *path);
    void (*metrics)(struct store *store, struct buffer *out); /* Prometheus text */
    void (*close)(struct store *store);                       /* waits for what is under way */
};

/* ---- workers: bounded pools for what must not run on the core ---- */
enum work_class { WORK_PASSWORD, WORK_READ, WORK_OUTBOUND, WORK_SEARCH, WORK_CLASS_COUNT }; /* search: one thread */
struct work {
    struct inbox_item item;
    void (*run)(struct work *work);  /* on a worker */
    void (*done)(struct work *work); /* back on the core's thread */
    enum work_class class;
    uint32_t lane; /* of WORK_OUTBOUND and WORK_SEARCH: work of one lane never takes all of the pool */
};

/* ---- providers of effects, run on WORK_OUTBOUND ---- */
struct effect_call {
    struct arena *arena;
    const struct effect_class *class;
    struct id tenant;
    struct text key;
    struct text trace;   /* traceparent of who asked, to be passed on; absent: none */
    const void *request; /* struct of class->request */
    void *answer;        /* struct of class->answer, zeroed */
    uint32_t attempt;    /* from 1 */
    bool retry;          /* set: no answer, call again later */
    int64_t delay_ms;    /* set: deliver the answer that much later (sandbox) */
    uint32_t repeats;    /* set: deliver it so many times more (sandbox) */
    bool kept;           /* set, by an instant provider: answered later, by effect_call_end */
};
/* Delivers the answer of a kept call, which is the runtime's from then on. Any thread; false: not now, try again soon. */
bool effect_call_end(struct effect_call *call);
struct effect_report {
    struct arena *arena;
    const struct effect_class *class;
    struct text key;
    void *report; /* struct of class->report, zeroed */
};
struct provider {
    const char *class_name;
    void (*call)(void *context, struct effect_call *call);
    void *context;
    bool instant; /* a function of microseconds: called on the core, without a worker */
    /* Besides, nothing in the world depends on whether it was called. So it may be asked before the record is durable, and
       what it answers at once is decided in the record of the command that asked. */
    bool pure;
    /* Of who keeps calls: nobody waits for this one any more, and it is gone when this returns. False: its answer is on its way, and is
       dropped. On the core. */
    bool (*drop)(void *context, struct effect_call *call);
    void (*report)(void *context, struct effect_report *report); /* on WORK_READ; of a class with a report */
};

/* ---- passwords: NULL but where thousands are given one that is no secret; then in place of base/password.h ---- */
struct password_calls { /* called on WORK_PASSWORD */
    bool (*hash)(void *context, struct text password, const uint8_t salt[16], char out[PASSWORD_HASH_SIZE]);
    bool (*verify)(void *context, struct text password, struct text hash, bool *matches);
};

/* ---- pages for people, beside the API: GET /docs and what lies below it ---- */
struct web_page {
    const char *name;         /* below /docs: "start.js"; "": /docs itself */
    const char *content_type; /* NULL ends the list */
    struct text body, packed; /* packed: the same as gzip; absent: it is compressed when that is worth it */
};

struct ports {
    void *context;
    struct store *store;
    struct search *search;                            /* NULL: nothing is found by words */
    bool (*submit)(void *context, struct work *work); /* false: that pool's queue is full */
    void (*random)(void *context, uint8_t out[32]);   /* for each message */
    const struct provider *providers;                 /* ended by a row without class_name */
    const struct password_calls *passwords;           /* NULL: those of base/password.h */
    struct keyring *keyring;
    const struct token_key *token_keys; /* first signs, all verify */
    uint32_t token_key_count;
    void (*metrics)(void *context,
                    struct buffer *out); /* of what is around the core, for GET /metrics; NULL: nothing */
    /* These outlive the core. */
    struct text openapi;          /* what GET /openapi.json answers */
    const struct web_page *pages; /* NULL: there are none */
};
