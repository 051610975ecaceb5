/* A kind is a table: everything souk knows of one sort of entity. The runtime serves it (HTTP, rights, machine, log,
   indexes, documentation) from these rows; a handler exists only where there is a real decision. */
#pragma once
#include "actors/runtime/search.h"
#include "base/errors.h"
#include "schema/field.h"
#include "schema/json.h"
#include "schema/machine.h"

struct tx;
struct request;

/* Who asks, relative to an entity. The runtime sets the first five; a kind's `relations` adds the others. */
enum relation {
    ANYONE = 1 << 0,       /* everybody, anonymous too where the tenant allows it */
    USER = 1 << 1,         /* any active user */
    ADMIN = 1 << 2,        /* platform staff of the tenant, and the control socket */
    SYSTEM = 1 << 3,       /* timers, tells, answers of providers */
    OPERATOR = 1 << 4,     /* the control socket (above tenants) */
    SELF = 1 << 8,         /* the person concerned: the user itself, author, customer */
    LEADER = 1 << 9,       /* the asker's role is leader */
    MEMBER = 1 << 10,      /* active member of the community */
    MODERATOR = 1 << 11,   /* moderator of the community */
    OWNER = 1 << 12,       /* owner of the community */
    STAFF = 1 << 13,       /* team of the supplier, any role */
    MANAGER = 1 << 14,     /* team manager or owner of the supplier */
    TEAM_OWNER = 1 << 15,  /* team owner of the supplier */
    TARGET_OWNER = 1 << 16 /* owner of a community that the promotion targets */
};
#define TEAM (STAFF | MANAGER | TEAM_OWNER)
/* "self, admin" for documentation. */
const char *relation_names(uint32_t mask, char text[128]);

/* The first member of every entity's struct, as `struct entity entity;` with ENTITY_ROW first in its table. */
struct entity {
    struct id id;
    int64_t version;       /* raised by one for each event */
    int64_t status;        /* of the kind's machine */
    int64_t status_before; /* what a restore goes back to */
    int64_t created_at, updated_at, deleted_at;
};
extern const struct fields entity_fields;
#define ENTITY_ROW(S) \
    STRUCT(S, 1, entity, struct entity, &entity_fields, .flags = READ_ONLY, .doc = "id, version, status and times")

/* The table of an entity without that row, for replies that show its own fields alone. */
/* clang-format off */
#define SHOWN_FIELDS(name_, T, rows_) \
    { .name = (name_), .size = sizeof(T), .count = sizeof(rows_) / sizeof((rows_)[0]) - 1, .rows = (rows_) + 1 }
/* clang-format on */

/* The body of commands that want a reason, which is kept in the history. */
struct reason_body {
    struct text reason;
};
extern const struct fields reason_fields, reason_optional_fields; /* 1 to 500 characters; the second may lack it */
/* An event that says why, if anybody did. */
#define REASON_EVENT(number_, name_, carries_, doc_) EVENT(number_, name_, carries_, &reason_optional_fields, doc_)

/* Writes the keys of one entity in one index. Parts sort as their values do. */
struct key_writer;
void key_begin(struct key_writer *writer);
void key_id(struct key_writer *writer, struct id id);
void key_integer(struct key_writer *writer, int64_t value);
void key_text(struct key_writer *writer, struct text value); /* by bytes */
void key_end(struct key_writer *writer);                     /* adds the key (entity id is appended by the runtime) */

/* Whose its keys begin with: an index that leads from a person to what is hers is part of her export. */
enum leads { LEADS_ANYWHERE, LEADS_PERSON, LEADS_STATUS_THEN_PERSON };

struct index {
    uint16_t number; /* on disk, unique in its kind, never reused */
    const char *name;
    bool unique;      /* one entity per key, also while deleted */
    enum error taken; /* the refusal when a unique key is taken */
    const char *path; /* the body path that refusal names: "slug" */
    /* Writes the entity's keys (none: not in the index). Pure. */
    void (*keys)(const void *entity, struct key_writer *writer);
    const char *doc;
    enum leads leads;
    bool personal; /* unique, and its keys come from PERSONAL fields of the entity's own subject: gone with its key */
    bool counted;  /* unique: souk itself counts its values, so a new entity's is never taken */
    bool upholds;  /* unique, its key is the place of a blob (tx.h), which is kept as long as that is in the index */
};

enum action {
    ACTION_CALL,    /* no subject: the handler does all */
    ACTION_CREATE,  /* tx->subject: a fresh entity bound from the body */
    ACTION_READ,    /* answers the entity */
    ACTION_LIST,    /* answers a page */
    ACTION_PATCH,   /* binds the body onto a copy of the entity */
    ACTION_COMMAND, /* tx->subject: a private copy of an existing entity */
    ACTION_UPSERT   /* as COMMAND, but a missing entity is tx->subject of status 0 (links) */
};
enum rate_class { RATE_DEFAULT, RATE_READ, RATE_WRITE, RATE_AUTH, RATE_NONE };

/* One order in which a list command can be read. The first row that fits the query wins: its `filter` parameter was
   given (or it has none), and `sort` names it (or the query names no sort). */
struct listing {
    const char *sort;   /* "newest" */
    const char *filter; /* query parameter whose value is the leading part of the index key; NULL: none */
    const struct index *index;
    bool reverse; /* newest first when the key ends in created_at */
    /* Further leading parts before the filter, from path or principal ("of this supplier"); NULL: none. */
    void (*scope)(struct tx *tx, struct key_writer *writer);
};

struct command {
    const char *name;   /* "submit"; the permission is "<kind>.<name>" */
    const char *method; /* NULL: internal (timer, tell, answer of an effect) */
    const char *path;   /* below /api/v1: "/promotions/{id}/submit" */
    const char *alias;  /* a second path, or NULL */
    enum action action;
    uint32_t who;               /* any of these relations to the subject suffices */
    const struct fields *body;  /* of COMMAND, CALL, UPSERT; CREATE and PATCH take the kind's fields; NULL: no body */
    const struct fields *query; /* NULL: no query parameters (lists: besides limit and cursor) */
    const struct event *event;  /* emitted when the machine has no row for this command */
    enum error (*decide)(struct tx *tx); /* NULL: the tables are enough */
    struct id (*target)(struct tx *tx);  /* subject's id; NULL: the path's {id} (id or slug) */
    const struct listing *listings;      /* of LIST, ended by a row without index */
    /* LIST: passes over entities that the query's other filters exclude. */
    bool (*matches)(struct tx *tx, const void *entity);
    /* Commands whose answer comes later: after `decide` called await(), answers (with answer…/fail) when the entity is
       decided and returns true; false while it is not. Also serves the replay of an idempotency key. */
    bool (*outcome)(struct tx *tx, const void *entity);
    uint16_t status; /* on success; 0: 201 for CREATE, else 200; 204 answers no body */
    enum rate_class rate;
    const char *doc;
    const struct fields *reply; /* documents the reply of handlers that answer themselves; NULL: the entity */
    const char *extra;          /* a text that answer_member adds; NULL: none */
    const char *extra_doc;      /* when it does; NULL: in development mode alone */
    const char *produces; /* content types ("a/b, c/d") of what answer_raw answers; NULL: JSON in the usual envelope */
    const char *accepts;  /* CALL: content types of a body that is taken as it is (sent_bytes); NULL: JSON, by `body` */
    bool files;           /* READ: answers with answer_file, so it has an ETag and may be 304 */
    bool finds;           /* of status 201: what it would make may be there already, then it is 200 */
    bool paged;           /* READ: `decide` answers a page of what belongs to the entity (limit, cursor) */
    bool
        steady; /* READ, LIST: what it answers follows from question and state alone, not from time or chance: it is kept
                    until what its run read has changed */
    /* A steady LIST: this asker is answered what everybody with the same role is, so the answer is kept for all of them.
       Asked before `decide`, which is asked each time. */
    bool (*alike)(struct tx *tx);
    bool searches; /* LIST: its query has a `q`, whose words find entities, best first (search.h) */
    struct id (*within)(struct tx *tx); /* LIST that searches: only what is of this supplier, community …; NULL: all */
    bool streams;                       /* LIST of events: answers a stream to who asks for one (stream.h) */
    uint32_t demands; /* relations to what the path names, of which `decide` demands one; 0: `who` says all */
};

/* A member of the rendered entity that lives in another kind: statistics, cards. */
struct join {
    const char *name;
    const struct kind *kind;
    struct id (*key)(const void *entity); /* ID_NONE: rendered as null */
    bool revision;                        /* counts into the second number of the ETag */
    const char *placeholder; /* JSON rendered when the row is missing or its entity deleted; NULL: zero row */
};

struct kind {
    uint16_t number;           /* on disk, never reused */
    const char *name, *plural; /* "promotion", "promotions" */
    const char *doc;
    const struct fields *fields; /* of the whole struct; first row ENTITY_ROW */
    const struct machine *machine;
    const struct event *const *events;  /* NULL-terminated */
    const struct index *const *indexes; /* NULL-terminated, or NULL */
    const struct command *commands;     /* ended by a row without name */
    const struct join *joins;           /* ended by a row without name, or NULL */
    const struct searched *searched;    /* what words find it, or NULL */
    const struct index *slug;           /* unique index whose key is the slug alone, or NULL */
    bool derived;                       /* a view's row: written by folds only, not in the log, rebuilt from it */
    bool quiet;                         /* changes need no event (counters that decisions read) */
    bool patch_needs_version;
    /* Relations of the asker beyond those the runtime knows. `entity` is NULL when there is none. */
    uint32_t (*relations)(struct tx *tx, const void *entity);
    /* May it be seen at all? NULL: yes, unless deleted (then by ADMIN). Not seen is 404. */
    bool (*visible)(struct tx *tx, const void *entity, uint32_t relations);
    /* Truths of each state: NULL when all hold, else the sentence that does not. */
    const char *(*check)(const void *entity);
    /* The person whose key seals PERSONAL fields; NULL: the entity's own id. */
    struct id (*subject)(const void *entity);
    /* The entity named by the first word of its events (topic and partition key); NULL: itself. */
    struct id (*event_subject)(const void *entity);
    const char *subject_kind; /* of event_subject; NULL: own name */
    /* The entity as these relations may see it: itself, or a copy cut in the arena (an order's items of one supplier).
       Asked before every rendering; NULL: `sees` masks are enough. */
    const void *(*shown)(struct tx *tx, const void *entity, uint32_t relations);
};

/* What happened, as followers see it. */
struct fact {
    const struct kind *kind;
    const struct event *event;
    struct id id;
    int64_t version; /* entity_version of this event */
    int64_t time;
    const void *before; /* NULL when the command created it */
    const void *after;
    const void *data; /* event->data, or NULL */
};
/* A follower of facts, run in the command's own unit of work: a view edits derived kinds, a reaction uses tell and
   effect. It must not refuse. A run with a pending load is void, as in a handler. */
struct follower {
    const char *name; /* view name ("feed_items") */
    const char *doc;
    bool view; /* edits derived kinds, and runs again on replay and rebuild; else a reaction: never on replay */
    void (*follow)(struct tx *tx, const struct fact *fact);
    uint16_t revision; /* of a view: raised when the same facts give other rows, so that old rows are made anew */
};

/* A command beside those of its kind's table. */
struct added_command {
    const struct kind *kind;
    struct command command;
};

/* All kinds of a server; built by main from the areas' lists, proved at start. */
struct registry {
    const struct kind *const *kinds;           /* NULL-terminated */
    const struct follower *const *followers;   /* NULL-terminated */
    const struct effect_class *const *effects; /* NULL-terminated */
    /* Fills tx->principal from the token's claims (session live, user active); ERROR_UNAUTHORIZED when not. */
    enum error (*identify)(struct tx *tx);
    /* Whose keys are erased, for data that was restored from before that: the kind's internal command "forgotten" erases
       whoever is not. NULL: nobody. */
    const struct kind *person_kind;
    bool (*person_is_erased)(const void *person);
    /* Tenant of a slug or host name; false when unknown. */
    const struct kind *tenant_kind;
    const struct index *tenant_domain; /* of tenant_kind: by host name; NULL: none has any */
    const struct added_command *added; /* ended by a row without kind, or NULL */
};
/* The history of every entity that can be read, as commands beside those of the kinds. */
const struct added_command *history_commands(struct arena *arena, const struct kind *const *kinds);
const struct kind *registry_kind(const struct registry *registry, uint16_t number);
const struct kind *registry_kind_named(const struct registry *registry, const char *name);
/* Who may run it, as far as tables can say. */
uint32_t command_relations(const struct command *command);
/* Does it answer the entity itself, as it is or was? */
bool command_reads_entity(const struct command *command);
bool command_is_paged(const struct command *command);
const struct event *kind_event(const struct kind *kind, int64_t number);
const struct command *kind_command(const struct kind *kind, const char *name);
/* Names how rows are derived from the log: kinds, their indexes, the fields and folds of views. Rows that were derived under
   another name are made anew (store_config.tables). 32 bytes. */
void registry_tables(const struct registry *registry, uint8_t out[32]);
/* Start-up proof of all tables: fields, machines, unique numbers and names, routes unambiguous, each command with a
   right. Logs every fault; returns their number. */
uint32_t registry_prove(const struct registry *registry);
