/* The unit of work, and the whole vocabulary of a handler.

   A handler decides on private copies: it refuses, refuses, refuses, then writes its copies and names its events.
   Returning an error drops the copies. It never waits: when something it needs is not in memory, load, edit and compute
   answer NULL or false, the run is void whatever it returns, and the handler runs again from the start once it is there.
   So a handler checks for NULL, refuses as if the entity did not exist, and is otherwise unaware. It uses no clock,
   no random source, no global, and never scans. */
#pragma once
#include "actors/runtime/kind.h"
#include "base/arena.h"
#include "base/time.h"

#define PENDING ((enum error) - 1) /* what a handler may return when compute answered false */

enum principal_kind { PRINCIPAL_ANONYMOUS, PRINCIPAL_USER, PRINCIPAL_SYSTEM, PRINCIPAL_OPERATOR };
struct principal {
    enum principal_kind kind;
    struct id user, session; /* of PRINCIPAL_USER */
    bool admin, leader;
};

struct path_parameter {
    struct text name, value; /* decoded */
    struct id id;            /* ID_NONE when the value is not an id */
};

struct core;
struct tenant;
struct tx {
    struct core *core;
    struct arena *arena; /* of the request: all a handler allocates */
    struct id tenant;
    const struct tenant *settings; /* the tenant's entity */
    struct principal principal;
    int64_t now; /* milliseconds, the message's time; the same in every run of it */
    const struct kind *kind;
    const struct command *command;
    struct id id;       /* of the subject */
    void *subject;      /* private copy (CREATE, PATCH, COMMAND, UPSERT), const for READ; NULL for CALL, LIST */
    const void *before; /* committed state of the subject, NULL when new */
    uint32_t relations; /* of the asker to the subject */
    void *body;         /* bound by command->body; PATCH and CREATE: see subject */
    uint64_t present;   /* rows present in the body */
    const void *query;  /* bound by command->query */
    uint64_t query_present;
    bool dry_run, development;
    struct text address;    /* of the client, as text; empty for the system */
    struct tx_state *state; /* the runtime's own */
};

/* -- reading and writing actors of this tenant -- */
const void *load(struct tx *tx, const struct kind *kind,
                 struct id id); /* NULL: not there (or pending); deleted ones are there */
void *edit(struct tx *tx, const struct kind *kind,
           struct id id); /* private copy, the same for each call; NULL as load */
void *create(struct tx *tx, const struct kind *kind,
             struct id id); /* fresh private copy with .initial values, id and times set; the id must be free */
void *edit_or_create(struct tx *tx, const struct kind *kind,
                     struct id id); /* for links, counters and views; NULL only when pending */
/* The entity with this value in a unique index (value written as `keys` does with one text part); ID_NONE: none (or pending). */
struct id find_text(struct tx *tx, const struct kind *kind, const struct index *index, struct text value);
/* The first entity of a list index below the parts that `lead` writes; ID_NONE: none (or pending). */
struct id find_first(struct tx *tx, const struct kind *kind, const struct index *index,
                     void (*lead)(struct key_writer *writer, int64_t value), int64_t value);
/* Removes a derived row (views only). */
void discard(struct tx *tx, const struct kind *kind, struct id id);
/* What a steady command answers may depend on the time too, when it says here until when it does not change. */
void holds_until(const struct tx *tx, int64_t time);
bool pending(const struct tx *tx); /* something is being loaded: this run is void */

/* -- deciding -- */
enum error fail(struct tx *tx, enum error error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Adds a detail {path, code, error}; the refusal itself follows with fail. */
void fail_detail(struct tx *tx, const char *path, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool fail_details(const struct tx *tx); /* were there any? */
/* Refuses, but commits the copies (a failed login must be remembered). */
enum error answer_error(struct tx *tx, enum error error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An extra member of an error's JSON: {"decline_code": …}. `json` is a rendered value. */
void fail_member(struct tx *tx, const char *name, struct text json);
/* Names an event of an edited entity; raises its version by one. `data` is a struct of event->data (copied), or NULL. */
void emit(struct tx *tx, void *entity, const struct kind *kind, const struct event *event, const void *data);
/* Data for the event that the machine emits for this command (else NULL). */
void event_data(struct tx *tx, const void *data);
/* Makes the machine's transition of `command` on an edited entity: state checked (409 invalid_transition), guard asked,
   status set, event emitted. The runtime itself does so for the subject of a command that has rows in the machine,
   after `decide` returned OK (state and guard are checked before). */
enum error transition(struct tx *tx, const struct kind *kind, void *entity, const char *command, const void *data);
enum error fail_transition(struct tx *tx, const struct kind *kind, const void *entity, const char *command);
/* The status the pending transition of the subject leads to (0: none). */
uint32_t transition_to(const struct tx *tx);
/* Relations of the asker to another entity, as its kind tells; 0 when it may not be seen. */
uint32_t relations_to(struct tx *tx, const struct kind *kind, const void *entity);

/* -- identity and chance -- */
/* The last position of the log before what is being decided: its own record is the next one. */
int64_t log_position(const struct tx *tx);
struct id draw_id(struct tx *tx); /* UUIDv7: sorts after those of earlier messages */
/* This id was derived from one that has just been drawn: nothing can be there, and load and create need not look. */
void known_new(struct tx *tx, struct id id);
void draw_bytes(struct tx *tx, void *out, size_t size);
struct text draw_token(struct tx *tx); /* 43 characters of base64url: 256 random bits */
const struct path_parameter *path_parameter(const struct tx *tx, const char *name);
struct id path_id(const struct tx *tx, const char *name); /* ID_NONE when it is not an id */
bool has(const struct tx *tx, const char *field);         /* was this member in the body? */
bool queried(const struct tx *tx, const char *field);     /* was this parameter in the query? */
/* A slug from a name ("My Shop!" → "my-shop"), or the given one if present. With `taken` suffixes -2, -3 … are tried
   against the unique index; absent when pending. */
struct text slug_make(struct tx *tx, const struct kind *kind, const struct index *index, struct text given,
                      struct text name);
int64_t setting(const struct tx *tx,
                const char *name); /* a declared setting (settings.h): tenant's, else the server's */
struct text text_print(struct tx *tx, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -- what follows -- */
/* A durable message to another actor: a timer due now. `body` is a struct of the command's body table, or NULL. */
void tell(struct tx *tx, const struct kind *kind, struct id id, const char *command, const void *body);
/* At `due`, runs the internal command on the entity. One per (entity, command): setting again replaces. */
void timer(struct tx *tx, const struct kind *kind, struct id id, const char *command, int64_t due);
void timer_cancel(struct tx *tx, const struct kind *kind, struct id id, const char *command);
struct effect_class {
    uint16_t number;  /* on disk */
    const char *name; /* "payment" */
    const struct fields *request, *answer;
    int64_t
        give_up_after; /* ms after which a retried effect answers as failed; the provider's answer struct stays zero */
    const char *doc;
    const struct fields *report; /* what its provider can be asked at any time; NULL: nothing */
};
/* A call to the outside, stored in this record, made once it is durable, repeated with the same key until answered.
   The answer arrives as internal `command` of the entity, whose body table is class->answer; NULL: nobody waits for it. */
void effect(struct tx *tx, const struct effect_class *class, struct text key, const void *request,
            const struct kind *kind, struct id id, const char *command);
extern const struct effect_class blob_removal_effect; /* the runtime's own */
void effect_cancel(struct tx *tx, const struct effect_class *class, struct text key);
/* What the provider of this class knows of a key just now, as a struct of class->report; all zero when there is no provider. For reads alone:
   it is in no record. NULL: pending. */
const void *effect_report(struct tx *tx, const struct effect_class *class, struct text key);

/* A counted figure (impressions): when the request is answered with 200, `amount` is added in memory under (entity, command,
   first, second); at most once a second, and at a graceful stop, the sum is given to the internal command as its body. A
   crash loses at most that second. */
struct counted_body {
    int64_t count;
    struct id first, second; /* what the command needs to make the entity when it is new */
};
extern const struct fields counted_fields; /* the body table of such commands */
void count(struct tx *tx, const struct kind *kind, struct id id, const char *command, int64_t amount, struct id first,
           struct id second);

/* -- lists whose handler renders the page itself -- */
uint32_t page_limit(const struct tx *tx); /* entries, at most */
enum error page_after(struct tx *tx,
                      struct text *key); /* of the cursor; absent: the first page. Refuses a cursor of another list */
struct text page_cursor(struct tx *tx, struct text key); /* for page.next: whatever tells where the next one begins */

/* -- all that is a person's -- */
/* Destroys the key of a subject with this record: what is PERSONAL under it reads as none from then on, in every record,
   snapshot and backup of before too. */
void erase_subject(struct tx *tx, struct id subject);
enum error export_person(struct tx *tx); /* READ: answers the entity and what indexes lead to (kind.h) */

/* -- what is too large for the log: bytes under a place of their own, beside the tables -- */
/* The body of a command that `accepts` other than JSON, and the content type that it came with, without parameters. */
struct text sent_bytes(const struct tx *tx);
struct text sent_type(const struct tx *tx);
/* Writes them before anything is decided, under a place that was drawn, and hashes them (BLAKE2b-256). They are sealed
   under the key of `subject`, unless that is none. A dry run only hashes. If it is refused they are removed at once; bytes
   whose place no index `upholds` (kind.h), by the next start. False: pending, or the subject is erased. */
bool blob_put(struct tx *tx, struct id place, struct id subject, struct text bytes, uint8_t hash[32]);
/* False: pending, or not there, or the subject is erased. */
bool blob_get(struct tx *tx, struct id place, struct id subject, struct text *bytes);
/* Removes them once this record is durable. Kind and id are of the entity that upheld the place. */
void blob_drop(struct tx *tx, struct id place, const struct kind *kind, struct id id);

/* -- slow pure functions, on workers; false: pending -- */
bool compute_password_hash(struct tx *tx, struct text password, struct text *hash);
bool compute_password_verify(struct tx *tx, struct text password, struct text hash, bool *matches);

/* -- answering; without a call the runtime answers the subject -- */
enum error answer(struct tx *tx, uint16_t status, const struct fields *fields, const void *value);
enum error answer_none(struct tx *tx); /* 204 */
enum error answer_raw(struct tx *tx, uint16_t status, const char *content_type, struct text body);
/* A file, whose content is that of its tag for ever. `kept`: caches may keep it, all of them if everybody may read it;
   `saved`: a browser saves it under this name rather than show it (absent: it shows it). */
struct file {
    const char *content_type;
    struct text bytes, tag, saved;
    bool kept;
};
enum error answer_file(struct tx *tx, const struct file *file);
struct web_page;
enum error answer_page(struct tx *tx, const struct web_page *page);
/* The entity as this asker sees it, with joins; version 0: as it is now (after this command), else rendered at that version. */
enum error answer_entity(struct tx *tx, uint16_t status, const struct kind *kind, struct id id, int64_t version);
/* JSON members rendered beside the entity's own: {"verification_token": …}. `json` is a rendered value. */
void answer_member(struct tx *tx, const char *name, struct text json);
/* Withholds the answer until command->outcome decides, at most until `deadline`; then 202 with the entity. */
void await(struct tx *tx, int64_t deadline);
/* Access token for a user's session. */
struct text access_token(struct tx *tx, struct id user, struct id session, int64_t expires_at);
/* Keyed hash as base64url, for stored tokens and unique keys of personal values. */
struct text keyed_hash(struct tx *tx, const char *purpose, struct text value);
/* The same under the key of a subject, which nobody can compute again once the subject is erased. */
struct text keyed_hash_of(struct tx *tx, struct id subject, const char *purpose, struct text value);
