/* What the parts of webhook.h share. All of it belongs to the mutex of struct webhooks, unless it says otherwise. */
#pragma once
#include "base/map.h"
#include "relay/webhook.h"
#include <pthread.h>
#include <stdatomic.h>

enum {
#ifdef TINY
    WINDOW_EVENTS = 5,
    WINDOW_BYTES = 3000,
    EVENTS_AT_ONCE = 2,
#else
    WINDOW_EVENTS = 64, /* read and not told yet */
    WINDOW_BYTES = 256 * 1024,
    EVENTS_AT_ONCE = 16, /* read for one endpoint, before it is the next one's turn */
#endif
    SENT_AT_ONCE = 4,       /* to one endpoint */
    SENT_AT_ONCE_ALL = 256, /* to all of them */
    FAILURES_OPEN = 5,      /* in a row: from then on it is probed */
    PROBLEM_SIZE = 160,
    REMEMBERED_MOST = 2 * WINDOW_EVENTS, /* those of a window, and of one that is not all read again */
};

/* All events up to this one are meant: of the record at lsn those up to this number, or the whole record (-1). */
struct place {
    uint64_t lsn;
    int64_t number;
};

/* An event of a window. */
struct delivery {
    struct delivery *next;
    struct endpoint *endpoint;
    struct arena *arena;        /* it lives there, and its texts; they do not change */
    struct place place;         /* once it is told, and what lies before */
    int64_t number;             /* its own, in the record */
    struct id lane;             /* whose events keep their order */
    struct text id, type, body; /* "4711.0", "order.confirmed", the envelope */
    int64_t attempts, due;      /* wall clock; 0: at once */
    enum { DELIVERY_WAITS, DELIVERY_SENT, DELIVERY_TOLD } state;
};

/* What a note remembers of an event of the window. */
struct remembered {
    int64_t lsn, number, attempts, due;
    bool told;
};
struct endpoint_note {
    int64_t serial, beginning; /* of the last request */
    int64_t lsn, number;       /* the place; the number plus one */
    int64_t failures, failing_since;
    LIST_OF(struct remembered) window;
    LIST_OF(struct endpoint_delivery) deliveries; /* the newest first */
};
extern const struct fields endpoint_note_fields;

struct attempt { /* of the log of deliveries */
    int64_t attempt, status, duration_ms, at;
    char event_id[48], type[84], error[PROBLEM_SIZE];
};

struct request {         /* with an arena of its own */
    struct arena *arena; /* NULL: there is none */
    struct id tenant;
    const struct endpoint_request *asked;
};

struct endpoint {
    struct endpoint *next;
    struct id id;
    struct effect_call *call; /* NULL: nobody wants it told any more */
    struct request request;   /* in force */
    struct request coming;    /* takes its place once nothing is being sent */
    bool loaded;              /* what the note said is here */
    bool ended;               /* it is being given up */
    bool broken;              /* the log cannot be read there */
    uint32_t erasures;        /* of the feed, when the window was begun: with others it is not sent but read again */
    struct place read, told;  /* read: changed by the reader alone */
    struct delivery *first, **last;
    uint32_t count, sending;
    size_t bytes;
    int64_t failures, failing_since, probe_at;
    int64_t beginning, serial;     /* that places and attempts belong to */
    struct remembered *remembered; /* of events that are to be read again */
    uint32_t remembered_count;
    struct attempt attempts[ENDPOINT_DELIVERIES_MOST];
    uint32_t attempt_count, attempt_next;
    bool dirty, urgent; /* the note is old; and is wanted at once */
    int64_t noted_at;
    uint64_t noted_lsn;
};

struct sender;
struct webhooks {
    struct webhooks_config config;
    struct store *store;
    struct feed *feed;
    struct tap *tap;
    struct sender *sender;
    bool sender_runs;
    pthread_t thread; /* the sender's */
    pthread_mutex_t mutex;
    struct endpoint *endpoints;
    uint32_t sending;     /* of all endpoints */
    struct map *sent_for; /* tenant to how many of those, as pointer */
    atomic_bool stopping;
    struct endpoint *current; /* the reader's own: that is being read for */
    uint64_t told_total, failed_total, given_up_total;
};

int64_t wall_ms(void);
static inline bool endpoint_is_open(const struct endpoint *endpoint)
{
    return endpoint->request.arena && endpoint->call && !endpoint->coming.arena && !endpoint->ended && endpoint->loaded;
}
struct endpoint *endpoint_find(struct webhooks *webhooks, struct id id);

/* webhook_window.c: what became of events; the mutex is held */
void window_append(struct endpoint *endpoint, struct delivery *delivery);
void window_drop(struct endpoint *endpoint); /* what is known of its events is remembered */
/* What is known of events behind the place, in the window or still to be read again: how many, of REMEMBERED_MOST. */
uint32_t window_remember(const struct endpoint *endpoint, struct remembered *list);
/* Up to `most` deliveries that are to be sent now are marked as sent. Lowers *wait_ms to when the next one is due. */
uint32_t window_take(struct webhooks *webhooks, int64_t now, struct delivery **taken, uint32_t most, int64_t *wait_ms);
/* An attempt has ended; problem NULL: it was taken. */
void window_settle(struct webhooks *webhooks, struct delivery *delivery, int64_t status, int64_t duration_ms,
                   const char *problem);
void window_put_back(struct webhooks *webhooks, struct delivery *delivery); /* it was not sent after all */

/* webhook_note.c: what survives */
void endpoint_note_load(struct webhooks *webhooks, struct id id, struct arena *arena, struct endpoint_note *note);
void endpoint_note_write(struct webhooks *webhooks, struct endpoint *endpoint); /* without the mutex */
void endpoint_take_note(struct endpoint *endpoint, const struct endpoint_note *note);
void webhooks_report(void *webhooks, struct effect_report *report);

/* webhook_send.c */
struct sender *sender_create(struct webhooks *webhooks);
void *sender_run(void *webhooks);
void sender_wake(struct sender *sender); /* any thread */
void sender_destroy(struct sender *sender);
