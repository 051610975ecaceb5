/* A request between a net loop and the core. It is born on a net loop, lives in its own arena, travels to the core and
   comes back with its reply. The net loop fills the first part; the core fills the reply and calls `answered` on the
   core's thread. */
#pragma once
#include "actors/runtime/stream.h"
#include "actors/runtime/tx.h"
#include "base/buffer.h"
#include "base/limits.h"

struct route {
    const struct kind *kind;
    const struct command *command;
};

/* Of ?at=: a position of the log or a time. */
struct moment {
    bool given;
    int64_t position, time; /* time 0: the position */
};

enum reply_file { NOT_A_FILE, FILE_OF_ALL, FILE_OF_ONE, FILE_UNKEPT };
struct reply {
    uint16_t status;
    const char *content_type;                         /* "application/json" unless raw */
    struct text body;                                 /* in the request's arena, or in the block held by `held` */
    struct text location, etag;                       /* absent: no such header */
    struct text allow;                                /* of 405 */
    int64_t retry_after_s;                            /* 0: no such header */
    uint64_t log_position;                            /* X-Log-Position */
    bool replayed, no_store;                          /* Idempotency-Replayed: true; Cache-Control */
    enum reply_file file;                             /* inert in a browser, kept by caches or not */
    struct text saved;                                /* Content-Disposition; absent: it is shown */
    int64_t rate_limit, rate_remaining, rate_reset_s; /* rate_limit 0: no such headers */
    uint64_t ticket;                                  /* with which the same question finds its answer sooner, or 0 */
    const struct stream_wish *stream;                 /* what follows the head; NULL: the body */
    struct text packed;                               /* the body as gzip, made before; absent: it is made here */
    bool is_page;                                     /* for a browser: it says what a page may load */
    void *held;                                       /* what the body lies in, when that is not the request's arena */
    void (*release)(void *held);
};
/* Whoever has the reply is done with it. On the core's thread; the core may have been destroyed before. */
static inline void reply_release(struct reply *reply)
{
    if (reply->held) reply->release(reply->held);
    reply->held = NULL;
}

struct request {
    struct request *next; /* of queues */
    struct arena *arena;
    const struct route *route;
    struct path_parameter path[LIMIT_PATH_PARAMETERS];
    uint32_t path_count;
    struct text tenant_slug; /* from path, X-Tenant or host; absent: the token's, else the default */
    uint8_t lane;            /* below LIMIT_LANES: requests of one lane keep their order, lanes take turns */
    bool has_claims;         /* a token was given and its signature, times and form are right */
    bool operator_;          /* came through the control socket */
    struct id token_tenant, token_user, token_session;
    int64_t token_expires_s;
    struct text body;      /* raw: JSON, or what the command accepts */
    struct text body_type; /* of a command that accepts other than JSON: content type, without parameters */
    void *bound;           /* by command->body or the kind's fields (CREATE); NULL for PATCH and none */
    struct binding binding;
    const void *query; /* by command->query */
    uint64_t query_present;
    struct text query_text; /* raw, for cursors */
    struct text cursor;
    uint32_t limit; /* 0: default */
    bool include_deleted;
    struct moment at;
    struct text idempotency_key; /* absent: none */
    bool has_if_match;
    int64_t if_match;          /* the version alone; -1: "*" */
    struct text if_none_match; /* raw */
    bool dry_run, head_only, problem_json;
    enum stream_form stream;   /* a command that `streams` is asked for one */
    bool again;                /* asks only whether the asker still may: 204. Not counted against rates */
    struct text last_event_id; /* raw; of streams */
    struct text request_id, address;
    struct text trace;   /* traceparent as it was given (W3C Trace Context), checked; absent: none */
    uint64_t ticket;     /* of an earlier reply to the same request, or 0 */
    uint64_t started_ns; /* the net loop's, for its log line */
    struct reply reply;
    void (*answered)(struct request *request);
    void *owner;   /* the net loop's connection */
    void *message; /* the core's */
};

/* The JSON of a refusal without its last brace: the form of the API, or RFC 9457. Also used by net for its own refusals. */
void error_body(struct buffer *out, enum error code, struct text error, const struct problems *problems,
                struct text request_id, bool problem_json);
