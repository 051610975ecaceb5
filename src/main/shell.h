/* What a serving process is made of. All of it belongs to the main thread, but for the notices, which the store's threads
   leave. */
#pragma once
#include "actors/runtime/core.h"
#include "main/clock.h"
#include "main/configuration.h"
#include "main/keys.h"
#include "main/relays.h"
#include "main/sandbox.h"
#include "main/smtp.h"
#include "base/durations.h"
#include "main/workers.h"
#include "relay/webhook.h"
#include "net/net.h"
#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

enum { PROVIDERS_MOST = 8, RANDOM_POOL_BYTES = 4096, STOP_TICK_MS = 20 };

/* Random bytes are drawn from the system many at a time: a system call for each message would cost as much as deciding. */
struct random_pool {
    uint8_t bytes[RANDOM_POOL_BYTES];
    size_t left;
};

/* What the store has to say. */
struct notices {
    atomic_uint_fast64_t durable_lsn;       /* only rises */
    _Atomic(struct ordered *) checkpointed; /* one at a time: the core waits for it before the next */
    atomic_bool failed;
    char why[256]; /* written before `failed` is */
};

struct shell {
    struct arena *arena; /* as long as the process */
    struct configuration configuration;
    const struct registry *registry;
    uv_loop_t loop;
    uv_async_t wake; /* another thread has something */
    uv_check_t turn; /* after each wait */
    uv_idle_t busy;  /* runs while the core wants to go on at once */
    uv_timer_t due;
    uv_timer_t watchdog; /* tells the supervisor that the loop goes round */
    uv_signal_t terminate, interrupt, hang_up;
    struct clock clock;
    struct random_pool random;
    struct durations turns; /* while one lasts, nobody else is served */
    struct notices notices;
    struct store *store;
    struct keyring *keyring;
    const char *key_path;
    struct master *master; /* until the keyring has it */
    struct token_keys token_keys;
    struct sandbox *sandbox;
    struct smtp *smtp; /* NULL: mails are the sandbox's */
    struct webhooks *webhooks;
    struct provider providers[PROVIDERS_MOST + 1];
    struct workers *workers;
    struct search *search;
    struct core *core;
    struct feed *feed; /* of what follows the log */
    struct streams *streams;
    struct relays relays;
    struct net *net;
    const char *host, *tls_host; /* that it listens on, with the ports; NULL: it does not */
    uint16_t port, tls_port;
    bool accept_clock, stopping, net_stopped, store_failed;
    int status;
    /* the demo, on a thread of its own */
    const char *demo_scale; /* NULL: none */
    bool demo_is_wanted;    /* the data was empty */
    pthread_t demo_thread;
    bool demo_running;
};

/* loop.c: the main thread's loop. */
void shell_open(struct shell *shell);
void shell_run(struct shell *shell); /* until it is stopped and all is done */
void shell_close(struct shell *shell);
/* For the store's threads. */
struct store_events shell_store_events(struct shell *shell);
void shell_wake(void *shell); /* from any thread */
void random_draw(struct random_pool *pool, uint8_t out[32]);
