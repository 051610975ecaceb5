/* One log record: what one command decided. Encoded by the same field tables as everything else. The head says who, when
   and what for; the body what changed. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "schema/field.h"
#include "schema/shared.h"

struct record_change {
    int64_t kind, version; /* version after */
    struct id id;
    int64_t previous_lsn;       /* of the record that changed it before; 0: created here */
    struct text open, personal; /* diffs; personal is sealed */
    struct text made;           /* created here: a snapshot, and so is what is sealed; no diff */
};
struct record_event {
    int64_t change; /* index into changes */
    int64_t number, version;
    int64_t from, to;          /* status before and after */
    struct text carried, data; /* snapshots */
    struct id subject;         /* of kinds with event_subject: whom it concerned then */
    struct text personal;      /* sealed snapshot of the personal part of the data */
    int64_t like; /* 1 + index of an event of the same change that carries the same; data is a diff from that one's */
};
struct record_timer {
    struct id id; /* sets, or removes when due is 0 */
    int64_t due;
    int64_t kind;
    struct id entity;
    struct text command, body;
};
struct record_effect {
    struct id id;
    bool removed;
    int64_t class_number, kind;
    struct id entity;
    struct text command, key;
    struct text request, personal; /* snapshot of the request; its personal part is sealed */
    struct id subject;             /* for whom */
};
struct record {
    /* head */
    uint64_t lsn;
    struct id tenant;
    int64_t time;
    int64_t principal_kind;
    struct id principal, session;
    int64_t kind;
    struct id subject;
    struct text command;
    struct text cause, correlation; /* timer, effect or request id */
    struct text trace;              /* traceparent of the request, also behind the answer of an effect; absent: none */
    struct text ids, currency; /* what the numbers in the body mean, 16 bytes each, and the currency of its amounts */
    struct shared *shared;     /* the same while the body is encoded or read; NULL: its parts share nothing */
    /* body */
    LIST_OF(struct record_change) changes;
    LIST_OF(struct record_event) events;
    LIST_OF(struct record_timer) timers;
    LIST_OF(struct record_effect) effects;
    LIST_OF(struct id) erased;            /* subjects whose keys are destroyed */
    struct text idempotency, fingerprint; /* 32 bytes each, or absent */
    int64_t idempotency_expires_at, answer_status, answer_version;
    int64_t answer_kind;
    struct id answer_id;
};

/* Before its parts are encoded: they share what the head says. */
void record_share(struct record *record, struct shared *shared);
void record_encode(struct record *record, struct buffer *head, struct buffer *body);
bool record_decode(struct arena *arena, struct text head, struct text body, struct record *record);
struct registry;
struct kind;
struct event;
/* The data of an event, but for what is sealed of it; NULL: it has none. False on damaged bytes. */
bool record_event_data(struct arena *arena, const struct record *record, const struct event *event,
                       const struct record_event *row, void **data);
/* The state that a change created, but for what is sealed of it. */
bool record_made(struct arena *arena, const struct record *record, const struct record_change *change,
                 const struct kind *kind, void *state);
/* The carried fields and the further data of an event as one JSON object. Its personal members are those of `personal`
   (record_event_personal), or null. */
void record_render_data(struct buffer *out, struct arena *arena, const struct record *record, const struct kind *kind,
                        const struct event *event, const struct record_event *row, struct text personal);
/* The personal part of an event's data, unsealed; absent when there is none, or its subject is erased. */
struct keyring;
struct text record_event_personal(struct keyring *keyring, struct arena *arena, const struct record *record,
                                  const struct kind *kind, const struct record_event *row);
/* One JSON line: head, changes by field name, events by name; nothing personal. */
void record_render(struct buffer *out, struct arena *arena, const struct registry *registry,
                   const struct record *record);
