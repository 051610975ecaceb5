/* An endpoint: an address somewhere that is told of events over HTTP. What the kind that keeps it asks for, and what whoever tells it
   answers. The effect of an endpoint is pending for as long as it is to be told: its provider keeps the call (ports.h), and
   answers it only when the endpoint has to be given up. Every change of the endpoint is another effect, under another key, in place
   of the one before. */
#pragma once
#include "actors/runtime/tx.h"

struct endpoint_request {
    struct id endpoint;
    struct text url;
    LIST_OF(struct text) events;       /* "order.confirmed", "order.*", "*" */
    struct text secret, secret_before; /* bytes; the second is good until then */
    int64_t secret_before_until;
    int64_t serial;    /* of this request: one more with every change */
    int64_t beginning; /* one more whenever it is to begin at another place than where it stands, which is then … */
    int64_t position;  /* … behind this record */
    int64_t number;    /* … or behind its event of this number, less one; 0: the whole record is known */
};
enum endpoint_end { ENDPOINT_GONE = 1, ENDPOINT_EXHAUSTED };
extern const struct enumeration endpoint_ends;
struct endpoint_answer {
    int64_t serial;
    enum endpoint_end end;
    struct text problem;
};

/* One attempt to tell an event. */
struct endpoint_delivery {
    struct text event_id; /* "4711.0" */
    struct text type;
    int64_t attempt;
    int64_t status; /* of the answer; 0: none came */
    int64_t duration_ms;
    struct text error; /* absent: it was taken */
    int64_t at;
};
enum endpoint_health { ENDPOINT_STOPPED = 1, ENDPOINT_HEALTHY, ENDPOINT_RETRYING, ENDPOINT_PROBED };
struct endpoint_report {
    enum endpoint_health health;
    int64_t position; /* all up to here is told */
    int64_t lag;      /* positions of the log behind that */
    int64_t waiting;  /* events read and not told yet */
    int64_t failures; /* since an event was told last */
    int64_t failing_since, next_attempt_at;
    LIST_OF(struct endpoint_delivery) deliveries; /* the newest first */
};
enum { ENDPOINT_DELIVERIES_MOST = 100 };

extern const struct fields endpoint_delivery_fields, endpoint_report_fields;
extern const struct effect_class endpoint_effect;

/* Whether a pattern ("*", "order.*", "order.confirmed") may name an event of this server. */
bool event_pattern_is_known(const struct tx *tx, struct text pattern);
bool event_pattern_fits(struct text pattern, struct text event);
/* The events of an endpoint that are never another's: those that only try it. */
#define ENDPOINT_TEST_EVENT "webhook.test"
