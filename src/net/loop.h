/* Inside of the net: a loop with its connections, and the exchanges that are under way.

   Who owns what: a loop and its connections belong to the loop's thread. An exchange (one request and its reply, in one
   arena) belongs to the loop, then to the core's thread from enqueue to answer, then to the loop again; a reply that holds
   a block of the core goes back there once more to be given back. With `loops` 0 both threads are the same one and each
   hand-over is a direct call. */
#pragma once
#include "base/inbox.h"
#include "base/map.h"
#include "net/bind.h"
#include "net/gzip.h"
#include "net/heads.h"
#include "net/metrics.h"
#include "actors/runtime/stream.h"
#include "net/net.h"
#include "net/reply.h"
#include "net/tls.h"

struct connection;
struct exchange {
    struct request request; /* owner: this exchange */
    struct inbox_item item; /* of the inboxes between the threads */
    struct net_loop *loop;
    struct connection *connection; /* NULL when it is gone before the answer; the loop's thread alone looks */
    struct exchange *next;         /* of the connection, in the order of requests */
    const struct endpoint *endpoint;
    const struct head *head; /* that it was read from before, held; NULL: it was parsed */
    enum http_method method;
    struct text origin; /* allowed origin */
    size_t body_bytes;  /* as counted in loop->bodies */
    size_t file_bytes;  /* as counted in loop->files */
    bool answered;      /* the reply is there */
    bool is_continue;   /* no reply but "100 Continue" */
    bool keep_alive, http_1_0, preflight;
    bool takes_gzip; /* the client does */
    bool is_check;   /* of a stream; not of the connection's answers */
};

/* ---- deadlines: one list for each length of time, in order of their ends ---- */
struct deadline {
    struct deadline *previous, *next; /* NULL: not set */
    uint64_t due;                     /* of the loop's clock, ms */
};
enum wait {
    WAIT_IDLE,      /* nothing under way: closed without a word, the longest idle first */
    WAIT_HANDSHAKE, /* of TLS */
    WAIT_HEAD,      /* a request has begun, its head is not complete */
    WAIT_BODY,
    WAIT_LINGER, /* the last answer is sent; what still comes is dropped */
    WAIT_WRITE,  /* the peer takes no bytes */
    WAIT_COUNT,
    WAIT_NONE = WAIT_COUNT
};
struct deadlines {
    struct deadline end; /* of a ring: next is the first, previous the last */
    int64_t duration;
};
void deadline_clear(struct deadline *deadline);
void deadline_set(struct deadlines *deadlines, struct deadline *deadline, uint64_t now);

/* ---- connections ---- */
enum entrance { ENTRANCE_TCP, ENTRANCE_TLS, ENTRANCE_CONTROL };
enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_LAST,      /* no more requests are read; closes when all are answered */
    CONNECTION_LINGERING, /* the end is sent; waits for the peer's */
    CONNECTION_CLOSED     /* until libuv lets go of the handle */
};
struct connection {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct net_loop *loop;
    struct connection *previous, *next; /* all of the loop */
    struct connection *dirty_next;
    bool dirty;          /* has something to flush */
    bool gone;           /* libuv let go of it while it was dirty: the flush frees it */
    bool reading, ended; /* `ended`: the peer sent its end */
    bool is_control;
    enum connection_state state;
    char address[48];
    struct tls *tls;     /* NULL: its bytes are plain */
    struct arena *arena; /* of the request being received */
    struct http_parser *parser;
    size_t receiving;              /* its body so far, as counted in loop->bodies */
    struct exchange *first, *last; /* in the order of requests */
    uint8_t lane;                  /* of its requests, from 1; 0: none came yet */
    uint32_t in_flight;
    size_t in_flight_bytes; /* bodies of those, and files that they ask for */
    struct buffer tail;     /* read, but not parsed: too many are in flight */
    size_t tail_used;
    size_t unsent, unsent_seen; /* bytes that libuv holds; at the last look */
    size_t lingered;
    struct streaming *streaming; /* the last answer, when it is a stream that has begun */
    enum wait wait;              /* which list `reading_deadline` is in */
    struct deadline reading_deadline, writing_deadline;
    uint64_t body_began;
    uv_shutdown_t shutdown;
};

/* ---- loops ---- */
struct net_loop {
    struct net *net;
    uv_loop_t *uv;
    uv_loop_t own; /* when it has a thread of its own */
    bool on_core;  /* runs on the core's thread */
    bool stopping;
    bool ended; /* of the core's thread: nothing can be passed to it any more */
    uv_thread_t thread;
    bool has_thread;
    _Atomic bool drained;   /* of a thread: no connection is left, it waits for may_close */
    _Atomic bool may_close; /* the core's thread passes nothing to it any more */
    uv_tcp_t listener, tls_listener;
    uv_pipe_t control;
    bool has_listener, has_tls_listener, has_control;
    uv_timer_t timer;
    uv_check_t check;
    uv_async_t async;
    uv_async_t streams_async;
    uint32_t handles;                                        /* of these that are open, the inbox's aside */
    struct inbox inbox;                                      /* answered exchanges, from the core's thread */
    uint64_t clock_due, stop_due, files_due, room_noted_due; /* ms of the loop's clock */
    uint64_t now_ns;                                         /* of the last read or flush, for durations */
    int64_t wall_s;                                          /* of the date line */
    char date[DATE_LINE_SIZE];
    uint32_t date_length;
    char *read_buffer;
    char *plain_buffer;  /* with TLS: what was read, opened */
    uint32_t handshakes; /* that got on in this iteration */
    struct buffer out;   /* what a flush renders into */
    struct apart {
        size_t at; /* where in `out` its body belongs */
        struct exchange *exchange;
    } apart[LIMIT_PIPELINE]; /* rendered without their bodies */
    uint32_t apart_count;
    struct gzip *gzip;
    struct buffer sealed;        /* the same, sealed by TLS */
    struct buffer taken;         /* of a stream */
    struct streaming *streaming; /* of all connections */
    struct buffer lines;         /* of the log, written at the end of a flush */
    bool logs;
    struct bind_context bind;
    struct heads *heads;
    struct arena *pool[LIMIT_ARENAS_KEPT];
    uint32_t pooled;
    struct deadlines deadlines[WAIT_COUNT];
    struct connection *connections, *dirty_first, **dirty_last;
    int64_t connection_count;             /* until libuv lets go of them */
    int64_t open_count, connections_most; /* those that have a socket */
    int spare_file;                       /* given up for a moment when no other is left; -1: it is */
    struct map *addresses;                /* address to number of connections, as pointer */
    size_t bodies;                        /* bytes of request bodies held */
    size_t files;                         /* bytes that files may have which are asked for and not rendered yet */
    size_t unsent;                        /* bytes of answers that libuv holds */
    struct metrics *metrics;
};

struct net {
    struct net_config config;
    struct core *core;
    uv_loop_t *core_loop;
    struct router *router;
    struct net_loop *loops; /* loops[0] is on the core's loop */
    uint32_t loop_count;
    uint32_t running; /* loops that have not ended */
    int port, tls_port;
    struct tls_server *tls; /* NULL: no TLS */
    uv_async_t async;       /* wakes the core's thread */
    bool has_async;
    struct inbox requests;                        /* to the core */
    struct inbox given_back;                      /* replies that held a block of the core and are sent */
    struct inbox_item *answered, **answered_last; /* by the core, not yet passed on */
    _Atomic bool stopping;                        /* asks the loops of other threads to stop */
    void (*stopped)(void *context);
    void *stopped_context;
};

/* connection.c */
void connection_begin(struct connection *connection); /* once it is accepted: to read */
void connection_close(struct connection *connection);
void connection_mark(struct connection *connection); /* has something to flush */
void connection_flush(struct connection *connection);
void connection_overdue(struct connection *connection, enum wait wait);
void connection_stop(struct connection *connection); /* closes it when nothing is under way, else soon */

/* Bytes of requests. */
void connection_receive(struct connection *connection, const char *data, size_t length);
/* No more requests come: what is asked for is answered, what is not finished is dropped. */
void connection_input_ended(struct connection *connection);
void connection_send(struct connection *connection, const struct buffer *out); /* as they are, to the socket */

/* connection_accept.c */
void connection_accept(struct net_loop *loop, uv_stream_t *listener, enum entrance entrance);
bool connection_close_idle(struct net_loop *loop); /* the one that is idle for the longest; false: none is */
void connection_count_address(struct connection *connection, intptr_t change);

/* connection_sealed.c: of a connection with TLS */
void sealed_receive(struct connection *connection, const char *data, size_t length); /* from the socket */
void sealed_send(struct connection *connection, const struct buffer *out);           /* answers */
void sealed_end(struct connection *connection);                                      /* says that no more follow */
void sealed_close(struct connection *connection);                                    /* the same, if it can */

/* streaming.c: of a connection whose last answer is a stream */
/* Before the head is rendered; the reply becomes a refusal when there is no stream to be had. */
void streaming_open(struct exchange *exchange);
void streaming_close(struct connection *connection); /* if it has one */
/* What there is to be sent now; at its end the stream is closed. */
void streaming_render(struct connection *connection, struct buffer *out);
void streaming_checked(struct exchange *exchange); /* the core's answer is back */
void streaming_stop(struct connection *connection);
void streaming_tick(struct net_loop *loop, uint64_t now);
void streaming_on_ready(uv_async_t *async);
bool stream_is_followed(const struct connection *connection); /* it has one without end */

/* exchange.c */
/* Appends it to those of the connection. */
struct exchange *exchange_create(struct connection *connection, struct arena *arena, const struct http_request *http);
/* Binds it and gives it to the core, or answers it. */
void exchange_start(struct exchange *exchange, const struct http_request *http);
/* The same with a head that came before. */
void exchange_start_known(struct exchange *exchange, const struct head *head);
/* Answers what could not be parsed, or did not arrive in time; the connection closes after it. */
void exchange_refuse(struct exchange *exchange, const struct http_request *http, enum error error,
                     const char *sentence);
/* True: its body is left apart, to be sent from where it is before the exchange is released (only if it `may_be`). */
bool exchange_render(struct exchange *exchange, struct buffer *out, bool may_be);
void exchange_release(struct exchange *exchange);
void exchange_done(struct exchange *exchange); /* the core's answer is back on the loop's thread */

/* loop.c */
bool loop_open(struct net_loop *loop, char problem[256]); /* handles; listening is begun by the caller */
bool loop_listen(struct net_loop *loop, char problem[256]);
bool loop_listen_tls(struct net_loop *loop, char problem[256]);
bool loop_listen_control(struct net_loop *loop, char problem[256]);
void loop_start_timer(struct net_loop *loop);
void loop_clock(struct net_loop *loop); /* brings date and wall clock up to now */
void loop_flush(struct net_loop *loop);
void loop_stop(struct net_loop *loop);
void loop_free(struct net_loop *loop);
void loop_connection_gone(struct net_loop *loop);
struct arena *loop_arena(struct net_loop *loop);
void loop_recycle(struct net_loop *loop, struct arena *arena);

/* net.c: the way to the core and back */
bool net_enqueue(struct exchange *exchange);   /* false: the core's queue is full */
void net_give_back(struct exchange *exchange); /* of a reply that holds a block of the core */
void net_loop_ended(struct net_loop *loop);    /* on its thread: all but its inbox is closed */
