/* The main thread's loop. After each wait it brings the core what others left for it, lets it work for one turn, and looks
   when it is needed again: at once, at a time, or when somebody wakes it.

     serving ──SIGTERM, SIGINT──▶ stopping: nothing new is taken, what is under way is answered, made durable and
        │                         checkpointed ──▶ end, status 0           (a second signal ends the process at once)
        └──the store failed──▶ what waits is answered with 503, at most FAILED_MS ──▶ end, status 75 */
#include "base/check.h"
#include "base/log.h"
#include "main/exit.h"
#include "main/notify.h"
#include "main/shell.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FAILED_MS = 1000 };

void random_draw(struct random_pool *pool, uint8_t out[32])
{
    if (pool->left < 32) {
        randombytes_buf(pool->bytes, sizeof pool->bytes);
        pool->left = sizeof pool->bytes;
    }
    pool->left -= 32;
    memcpy(out, pool->bytes + pool->left, 32);
    sodium_memzero(pool->bytes + pool->left, 32); /* what was given is known to nobody else */
}

/* ---- From other threads -------------------------------------------------------------------------------------------- */

void shell_wake(void *context)
{
    struct shell *shell = context;
    uv_async_send(&shell->wake);
}

static void durable(void *context, uint64_t lsn)
{
    struct shell *shell = context;
    atomic_store_explicit(&shell->notices.durable_lsn, lsn, memory_order_release);
    shell_wake(shell);
}

static void checkpointed(void *context, struct ordered *frozen)
{
    struct shell *shell = context;
    struct ordered *before = atomic_exchange_explicit(&shell->notices.checkpointed, frozen, memory_order_acq_rel);
    CHECK(!before);
    shell_wake(shell);
}

static void failed(void *context, const char *why)
{
    struct shell *shell = context;
    snprintf(shell->notices.why, sizeof shell->notices.why, "%s", why);
    atomic_store_explicit(&shell->notices.failed, true, memory_order_release);
    shell_wake(shell);
}

struct store_events shell_store_events(struct shell *shell)
{
    return (struct store_events){.context = shell, .durable = durable, .checkpointed = checkpointed, .failed = failed};
}

/* ---- Turns --------------------------------------------------------------------------------------------------------- */

static void take_work(void *context, struct work *work)
{
    (void)context;
    work->done(work);
}

static void take_notices(struct shell *shell)
{
    uint64_t lsn = atomic_load_explicit(&shell->notices.durable_lsn, memory_order_acquire);
    if (lsn > core_durable_lsn(shell->core)) {
        core_durable(shell->core, lsn);
        feed_moved(shell->feed, lsn);
    }
    struct ordered *frozen = atomic_exchange_explicit(&shell->notices.checkpointed, NULL, memory_order_acq_rel);
    if (frozen) core_checkpointed(shell->core, frozen);
}

static void on_busy(uv_idle_t *handle)
{
    (void)handle; /* its being active is what matters: the loop does not wait */
}

static void on_due(uv_timer_t *handle)
{
    (void)handle; /* the turn follows */
}

static void on_failed_long_enough(uv_timer_t *handle)
{
    uv_stop(handle->loop);
}

static void schedule(struct shell *shell)
{
    if (core_busy(shell->core))
        uv_idle_start(&shell->busy, on_busy);
    else
        uv_idle_stop(&shell->busy);
    int64_t wait = core_next_due(shell->core) - clock_now_ms(&shell->clock);
    if (shell->stopping && wait > STOP_TICK_MS) wait = STOP_TICK_MS;
    uv_timer_start(&shell->due, on_due, wait > 0 ? (uint64_t)wait : 0, 0);
}

/* The core ends at once what waits for something outside; net waits for its answers, at most net.stop_timeout. */
static void go_on_stopping(struct shell *shell)
{
    bool core_stopped = core_stop(shell->core);
    if (shell->net_stopped && core_stopped && !workers_pending(shell->workers)) uv_stop(&shell->loop);
}

static void on_net_stopped(void *context)
{
    struct shell *shell = context;
    shell->net_stopped = true;
}

/* Nothing more becomes durable, so nothing that waits for it is acknowledged; the core is not turned again. */
static void fail_store(struct shell *shell)
{
    shell->store_failed = true;
    shell->status = EXIT_STORE_FAILED;
    log_line("main", LOG_ERROR, "the store failed, the process ends", "why=\"%s\"", shell->notices.why);
    core_fail(shell->core);
    net_after_turn(shell->net);
    if (!shell->stopping) net_stop(shell->net, on_net_stopped, shell);
    shell->stopping = true;
    uv_idle_stop(&shell->busy);
    uv_timer_start(&shell->due, on_failed_long_enough, FAILED_MS, 0);
}

static void on_turn(uv_check_t *handle)
{
    struct shell *shell = handle->data;
    if (!shell->store_failed && atomic_load_explicit(&shell->notices.failed, memory_order_acquire)) fail_store(shell);
    if (shell->store_failed) {
        net_after_turn(shell->net);
        if (shell->net_stopped) uv_stop(&shell->loop);
        return;
    }
    uint64_t began = uv_hrtime();
    take_notices(shell);
    workers_done(shell->workers, take_work, shell->core);
    core_turn(shell->core, clock_now_ms(&shell->clock));
    net_after_turn(shell->net);
    durations_add(&shell->turns, uv_hrtime() - began);
    if (shell->stopping) go_on_stopping(shell);
    schedule(shell);
}

static void on_wake(uv_async_t *handle)
{
    (void)handle; /* the turn follows */
}

/* ---- Signals ------------------------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *handle, int number)
{
    struct shell *shell = handle->data;
    if (shell->stopping) _exit(128 + number);
    shell->stopping = true;
    log_line("main", LOG_INFO, "stopping", "signal=%d", number);
    notify_supervisor("STOPPING=1");
    smtp_stop(shell->smtp);
    net_stop(shell->net, on_net_stopped, shell);
    uv_timer_start(&shell->due, on_due, 0, 0);
}

/* Certificates are renewed while the server runs. */
static void on_hang_up(uv_signal_t *handle, int number)
{
    struct shell *shell = handle->data;
    char problem[256];
    (void)number;
    if (shell->stopping) return;
    notify_reloading();
    if (net_reload_tls(shell->net, problem))
        log_line("main", LOG_INFO, "certificate and key are read again", "tls=%d", shell->tls_host != NULL);
    else
        log_line("main", LOG_ERROR, "certificate and key of before stay", "problem=\"%s\"", problem);
    notify_supervisor("READY=1");
}

static void on_watchdog(uv_timer_t *handle)
{
    (void)handle;
    notify_supervisor("WATCHDOG=1");
}

/* ---- Its life ------------------------------------------------------------------------------------------------------ */

void shell_open(struct shell *shell)
{
    CHECK(uv_loop_init(&shell->loop) == 0);
    CHECK(uv_async_init(&shell->loop, &shell->wake, on_wake) == 0);
    CHECK(uv_check_init(&shell->loop, &shell->turn) == 0);
    CHECK(uv_idle_init(&shell->loop, &shell->busy) == 0);
    CHECK(uv_timer_init(&shell->loop, &shell->due) == 0);
    CHECK(uv_timer_init(&shell->loop, &shell->watchdog) == 0);
    CHECK(uv_signal_init(&shell->loop, &shell->terminate) == 0);
    CHECK(uv_signal_init(&shell->loop, &shell->interrupt) == 0);
    CHECK(uv_signal_init(&shell->loop, &shell->hang_up) == 0);
    shell->turn.data = shell->terminate.data = shell->interrupt.data = shell->hang_up.data = shell;
}

void shell_run(struct shell *shell)
{
    CHECK(uv_check_start(&shell->turn, on_turn) == 0);
    CHECK(uv_signal_start(&shell->terminate, on_signal, SIGTERM) == 0);
    CHECK(uv_signal_start(&shell->interrupt, on_signal, SIGINT) == 0);
    CHECK(uv_signal_start(&shell->hang_up, on_hang_up, SIGHUP) == 0);
    uv_timer_start(&shell->due, on_due, 0, 0);
    uint64_t sign_of_life = notify_watchdog_ms();
    if (sign_of_life) uv_timer_start(&shell->watchdog, on_watchdog, sign_of_life, sign_of_life);
    notify_supervisor("READY=1");
    uv_run(&shell->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void shell_close(struct shell *shell)
{
    uv_walk(&shell->loop, close_handle, NULL);
    uv_run(&shell->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&shell->loop) == 0);
}
