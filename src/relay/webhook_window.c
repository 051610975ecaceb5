/* The window of an endpoint: which events are sent next, and what follows from an answer. */
#include "base/check.h"
#include "base/log.h"
#include "relay/webhook_internal.h"
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 50 };

/* ---- the list ---- */

static struct remembered remembered_of(const struct delivery *delivery)
{
    return (struct remembered){(int64_t)delivery->place.lsn, delivery->number, delivery->attempts, delivery->due,
                               delivery->state == DELIVERY_TOLD};
}

static bool is_of(const struct remembered *remembered, const struct delivery *delivery)
{
    return (int64_t)delivery->place.lsn == remembered->lsn && delivery->number == remembered->number;
}

static void forget_first(struct endpoint *endpoint)
{
    struct delivery *first = endpoint->first;
    endpoint->first = first->next;
    if (!endpoint->first) endpoint->last = &endpoint->first;
    endpoint->count--;
    endpoint->bytes -= first->body.length;
    arena_destroy(first->arena);
}

/* Events at the beginning that are told leave the window. */
static void advance(struct endpoint *endpoint)
{
    while (endpoint->first && endpoint->first->state == DELIVERY_TOLD) {
        endpoint->told = endpoint->first->place;
        forget_first(endpoint);
    }
    if (!endpoint->first) endpoint->told = endpoint->read;
}

void window_append(struct endpoint *endpoint, struct delivery *delivery)
{
    for (uint32_t i = 0; i < endpoint->remembered_count; i++) {
        const struct remembered *remembered = &endpoint->remembered[i];
        if (!is_of(remembered, delivery)) continue;
        delivery->attempts = remembered->attempts;
        delivery->due = remembered->due;
        if (remembered->told) delivery->state = DELIVERY_TOLD;
    }
    delivery->next = NULL;
    *endpoint->last = delivery;
    endpoint->last = &delivery->next;
    endpoint->count++;
    endpoint->bytes += delivery->body.length;
    advance(endpoint); /* what is before it may not be wanted any more, and it was told already */
}

uint32_t window_remember(const struct endpoint *endpoint, struct remembered *list)
{
    const struct place *read = &endpoint->read;
    uint32_t count = 0;
    for (const struct delivery *at = endpoint->first; at; at = at->next)
        if (at->attempts || at->state == DELIVERY_TOLD) list[count++] = remembered_of(at);
    for (uint32_t i = 0; i < endpoint->remembered_count && count < REMEMBERED_MOST; i++) {
        const struct remembered *at = &endpoint->remembered[i];
        bool within = at->lsn == (int64_t)read->lsn && read->number >= 0 && at->number > read->number;
        if (at->lsn > (int64_t)read->lsn || within) list[count++] = *at;
    }
    return count;
}

void window_drop(struct endpoint *endpoint)
{
    CHECK(!endpoint->sending);
    struct remembered *list = memory_alloc(REMEMBERED_MOST * sizeof *list);
    uint32_t count = window_remember(endpoint, list);
    while (endpoint->first)
        forget_first(endpoint);
    free(endpoint->remembered);
    endpoint->remembered = list;
    endpoint->remembered_count = count;
    endpoint->read = endpoint->told;
}

/* ---- what is sent next ---- */

/* Of a subject only the oldest event may be on its way. */
static bool is_first_of_lane(const struct endpoint *endpoint, const struct delivery *delivery)
{
#if defined MUTANT && MUTANT == 46
    return true;
#endif
    for (const struct delivery *at = endpoint->first; at != delivery; at = at->next)
        if (at->state != DELIVERY_TOLD && id_equal(at->lane, delivery->lane)) return false;
    return true;
}

static void wait_until(int64_t due, int64_t now, int64_t *wait_ms)
{
    if (due - now < *wait_ms) *wait_ms = due > now ? due - now : 0;
}

static uint32_t sent_for(const struct webhooks *webhooks, const struct id *tenant)
{
    return (uint32_t)(uintptr_t)map_get(webhooks->sent_for, tenant->bytes, sizeof tenant->bytes);
}

static void count_sent(struct webhooks *webhooks, const struct id *tenant, int change)
{
    uintptr_t count = (uintptr_t)sent_for(webhooks, tenant) + (uintptr_t)change;
    webhooks->sending += (uint32_t)change;
    if (count)
        map_set(webhooks->sent_for, tenant->bytes, sizeof tenant->bytes, (void *)count);
    else
        map_remove(webhooks->sent_for, tenant->bytes, sizeof tenant->bytes);
}

/* Of all that may be sent at once, a marketplace takes no more than it leaves free; so another one finds some of it,
   however many addresses of the first do not answer (dynamic thresholds: Choudhury and Hahne, 1998). */
static uint32_t room_of(const struct webhooks *webhooks, const struct id *tenant)
{
    uint32_t left = SENT_AT_ONCE_ALL - webhooks->sending, taken = sent_for(webhooks, tenant);
    return left > taken ? (left - taken + 1) / 2 : 0;
}

static uint32_t take_of(struct webhooks *webhooks, struct endpoint *endpoint, int64_t now, struct delivery **taken,
                        uint32_t most, int64_t *wait_ms)
{
    bool probes = endpoint->failures >= FAILURES_OPEN;
    uint32_t at_once = probes ? 1 : SENT_AT_ONCE, count = 0;
    if (probes && endpoint->probe_at > now) {
        wait_until(endpoint->probe_at, now, wait_ms);
        return 0;
    }
    for (struct delivery *at = endpoint->first; at && endpoint->sending < at_once && count < most; at = at->next) {
        if (at->state != DELIVERY_WAITS || !is_first_of_lane(endpoint, at)) continue;
        if (at->due > now) {
            wait_until(at->due, now, wait_ms);
            continue;
        }
        at->state = DELIVERY_SENT;
        endpoint->sending++;
        count_sent(webhooks, &endpoint->request.tenant, 1);
        taken[count++] = at;
    }
    return count;
}

uint32_t window_take(struct webhooks *webhooks, int64_t now, struct delivery **taken, uint32_t most, int64_t *wait_ms)
{
    uint32_t count = 0, erasures = feed_erasures(webhooks->feed);
    for (struct endpoint *at = webhooks->endpoints; at; at = at->next) {
        uint32_t room = room_of(webhooks, &at->request.tenant);
        if (room > most - count) room = most - count;
        if (at->erasures != erasures && at->first)
            tap_wake(webhooks->tap);
        else if (endpoint_is_open(at))
            count += take_of(webhooks, at, now, taken + count, room, wait_ms);
        if (!at->ended || !at->call) continue;
        if (!effect_call_end(at->call)) {
            wait_until(now + AGAIN_MS, now, wait_ms);
            continue;
        }
        at->call = NULL;
        tap_wake(webhooks->tap);
    }
    return count;
}

/* ---- what became of it ---- */

static void log_attempt(struct endpoint *endpoint, const struct delivery *delivery, int64_t status, int64_t duration_ms,
                        const char *problem)
{
    struct attempt *attempt = &endpoint->attempts[endpoint->attempt_next];
    endpoint->attempt_next = (endpoint->attempt_next + 1) % ENDPOINT_DELIVERIES_MOST;
    if (endpoint->attempt_count < ENDPOINT_DELIVERIES_MOST) endpoint->attempt_count++;
    *attempt = (struct attempt){
        .attempt = delivery->attempts + 1, .status = status, .duration_ms = duration_ms, .at = wall_ms()};
    snprintf(attempt->event_id, sizeof attempt->event_id, "%.*s", TEXT_ARGUMENTS(delivery->id));
    snprintf(attempt->type, sizeof attempt->type, "%.*s", TEXT_ARGUMENTS(delivery->type));
    snprintf(attempt->error, sizeof attempt->error, "%s", problem ? problem : "");
}

/* The answer is the core's from here on; a full pool is tried again with the next look at the windows. */
static void give_up(struct webhooks *webhooks, struct endpoint *endpoint, enum endpoint_end end, const char *problem)
{
    if (!endpoint_is_open(endpoint)) return; /* something else is to come anyhow */
    struct endpoint_answer *answer = endpoint->call->answer;
    *answer = (struct endpoint_answer){.serial = endpoint->request.asked->serial,
                                       .end = end,
                                       .problem = arena_text(endpoint->call->arena, text_of(problem))};
    endpoint->ended = true;
    webhooks->given_up_total++;
    char id[ID_TEXT_LENGTH + 1];
    id_format(endpoint->id, id);
    log_line("webhook", LOG_WARNING, "given up", "webhook=%s end=%s failures=%" PRId64, id, endpoint_ends.values[end],
             endpoint->failures);
}

/* A fifth of it at most comes on top, so that what failed together does not come back together. */
static int64_t later(const struct webhooks *webhooks, int64_t attempts, int64_t now)
{
    int64_t wait = webhooks->config.retries[attempts - 1];
    return now + wait + randombytes_uniform((uint32_t)(wait / 5) + 1);
}

static void failed(struct webhooks *webhooks, struct delivery *delivery, int64_t status, const char *problem)
{
    struct endpoint *endpoint = delivery->endpoint;
    int64_t now = wall_ms();
    delivery->state = DELIVERY_WAITS;
    delivery->attempts++;
    endpoint->failures++;
    if (!endpoint->failing_since) endpoint->failing_since = now;
    endpoint->probe_at = now + webhooks->config.probe_ms;
    endpoint->urgent = true;
    webhooks->failed_total++;
    if (status == 410)
        give_up(webhooks, endpoint, ENDPOINT_GONE, problem);
    else if (delivery->attempts > webhooks->config.retry_count)
        give_up(webhooks, endpoint, ENDPOINT_EXHAUSTED, problem);
    if (delivery->attempts <= webhooks->config.retry_count) delivery->due = later(webhooks, delivery->attempts, now);
}

static void told(struct webhooks *webhooks, struct delivery *delivery)
{
    struct endpoint *endpoint = delivery->endpoint;
    if (endpoint->failures >= FAILURES_OPEN) /* it is back: nobody waits any longer */
        for (struct delivery *at = endpoint->first; at; at = at->next)
            at->due = 0;
    delivery->state = DELIVERY_TOLD;
    endpoint->failures = endpoint->failing_since = endpoint->probe_at = 0;
    webhooks->told_total++;
    advance(endpoint);
}

void window_put_back(struct webhooks *webhooks, struct delivery *delivery)
{
    delivery->state = DELIVERY_WAITS;
    delivery->endpoint->sending--;
    count_sent(webhooks, &delivery->endpoint->request.tenant, -1);
}

void window_settle(struct webhooks *webhooks, struct delivery *delivery, int64_t status, int64_t duration_ms,
                   const char *problem)
{
    struct endpoint *endpoint = delivery->endpoint;
    bool was_full = endpoint->count >= WINDOW_EVENTS || endpoint->bytes >= WINDOW_BYTES;
    window_put_back(webhooks, delivery);
    log_attempt(endpoint, delivery, status, duration_ms, problem);
    endpoint->dirty = true;
    if (problem)
        failed(webhooks, delivery, status, problem);
    else
        told(webhooks, delivery);
    bool old = endpoint->erasures != feed_erasures(webhooks->feed);
    bool changes = !endpoint->sending && (endpoint->coming.arena || !endpoint->call || old);
    if (was_full || endpoint->urgent || changes) tap_wake(webhooks->tap);
}
