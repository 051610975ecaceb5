/* The server: listens on TCP, with and without TLS, and on the control socket, turns HTTP into requests for the core and replies into HTTP.

   With `loops` 0 the core's own uv loop serves the sockets; with 1 … N that many threads do, and requests and replies pass
   through inboxes. The control socket is always served on the core's loop.

   What the owner of the core's loop (main) has to do:
     - call core_turn when `core_has_work` was called (requests have been given to the core), and as the core itself asks;
     - call net_after_turn after every call that may answer requests: core_turn, core_durable, a work's done;
     - at the end: net_stop; go on turning until `stopped` is called; core_stop, core_destroy; net_destroy.
   All functions are called on the core's thread. `core_has_work` is called there too, and must not call back into net or
   core: it notes that a turn is due. */
#pragma once
#include "actors/runtime/core.h"
#include <uv.h>

enum { NET_LOOPS_MOST = 64 };

struct net_config {
    const char *address;      /* "127.0.0.1", "::"; NULL: no TCP */
    int port;                 /* 0: the kernel picks one, see net_port */
    const char *control_path; /* of the control socket (mode 0600); NULL: none */
    const char *tls_address;  /* the same with TLS; NULL: none */
    int tls_port;
    const char *tls_certificate, *tls_key; /* files, PEM */
    const struct token_key *token_keys;    /* outlive the net */
    uint32_t token_key_count;
    const char *const *origins; /* of browsers that may call (CORS), "*" for all; NULL-terminated or NULL */
    const char *const *hosts;   /* own host names, see net/bind.h; NULL-terminated or NULL */
    const char *const *proxies; /* addresses whose X-Forwarded-For is believed; NULL-terminated or NULL */
    void (*core_has_work)(void *context);
    void *context;

    /* Set by net_defaults: the core's own functions. A test may put a core of its own in their place. */
    bool (*take)(struct core *core, struct request *request);
    const struct registry *registry; /* NULL: the core's */
    struct streams *streams;         /* NULL: there are none */

    /* Set by net_defaults, changed by net_set. Times are milliseconds. */
    int64_t loops;
    int64_t connections;             /* at most, over all loops; the limit of open files may lower it */
    int64_t connections_per_address; /* of one loop; 0: no limit */
    int64_t compress_least;          /* bytes of an answer; 0: none is compressed */
    int64_t streams_most;            /* of those at once */
    int64_t streams_of_one;          /* of one asker; 0: no limit of its own */
    int64_t heartbeat;
    int64_t handshake_timeout, head_timeout, body_timeout, body_grace, body_rate, idle_timeout, write_timeout,
        linger_timeout, stop_timeout;
};
void net_defaults(struct net_config *config);
/* One row a setting, for documentation and for `--set net.idle_timeout=60000`. */
struct net_setting {
    const char *name;
    size_t offset; /* of an int64_t in struct net_config */
    int64_t value, min, max;
    const char *doc;
};
extern const struct net_setting net_settings[]; /* ended by a row without name */
/* False when there is no such setting, or the value is out of its range. */
bool net_set(struct net_config *config, const char *name, int64_t value);

struct net;
/* Listens, and serves at once. NULL and a sentence when that is not possible: then the process has to end, what was opened
   on the way is not closed. The config's strings outlive the net. */
struct net *net_create(const struct net_config *config, uv_loop_t *core_loop, struct core *core, char problem[256]);
int net_port(const struct net *net); /* that TCP listens on */
int net_tls_port(const struct net *net);
/* Reads certificate and key again. False and a sentence when they do not serve, and those of before stay. */
bool net_reload_tls(struct net *net, char problem[256]);
/* Passes on what the core has answered, in one write per connection. */
void net_after_turn(struct net *net);
/* Takes no more connections, finishes the requests under way, closes all; at most `stop_timeout`. */
void net_stop(struct net *net, void (*stopped)(void *context), void *context);
void net_destroy(struct net *net);                     /* after `stopped` and core_destroy */
void net_metrics(struct net *net, struct buffer *out); /* Prometheus text */
