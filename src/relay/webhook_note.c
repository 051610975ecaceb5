/* Where endpoints stand, as notes in the store, and as people are told. */
#include "base/check.h"
#include "base/log.h"
#include "relay/webhook_internal.h"
#include "schema/codec.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
static const struct field remembered_rows[] = {
    INTEGER(remembered, 1, lsn, .doc = "of its record"),
    INTEGER(remembered, 2, number, .doc = "in the record"),
    INTEGER(remembered, 3, attempts, .doc = "that failed"),
    TIME(remembered, 4, due, .doc = "of the next attempt"),
    BOOL(remembered, 5, told, .doc = "it was taken"),
};
static const struct fields remembered_fields = FIELDS("remembered", struct remembered, remembered_rows);

static const struct field note_rows[] = {
    INTEGER(endpoint_note, 1, serial, .doc = "of the last request"),
    INTEGER(endpoint_note, 2, beginning, .doc = "that the place belongs to"),
    INTEGER(endpoint_note, 3, lsn, .doc = "the place: record"),
    INTEGER(endpoint_note, 4, number, .doc = "and event, plus one"),
    INTEGER(endpoint_note, 5, failures, .doc = "in a row"),
    TIME(endpoint_note, 6, failing_since, .doc = "the first of them"),
    LIST(endpoint_note, 7, window, struct remembered, &remembered_fields, .doc = "events behind the place"),
    LIST(endpoint_note, 8, deliveries, struct endpoint_delivery, &endpoint_delivery_fields, .doc = "the newest first"),
};
/* clang-format on */
const struct fields endpoint_note_fields = FIELDS("endpoint_note", struct endpoint_note, note_rows);

static const char *note_name(struct id id, char name[64])
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    snprintf(name, 64, "webhook.%s", text);
    return name;
}

/* ---- reading and writing ---- */

void endpoint_note_load(struct webhooks *webhooks, struct id id, struct arena *arena, struct endpoint_note *note)
{
    char name[64];
    struct text value;
    *note = (struct endpoint_note){.beginning = -1};
    if (webhooks->store->calls->noted(webhooks->store, note_name(id, name), arena, &value) != FOUND) return;
    struct endpoint_note found = {0};
    if (schema_restore(arena, &endpoint_note_fields, value, &found))
        *note = found;
    else
        log_line("webhook", LOG_ERROR, "the note of where it stands is damaged: it begins anew", "note=%s", name);
}

static struct endpoint_delivery delivery_of(struct arena *arena, const struct attempt *attempt)
{
    return (struct endpoint_delivery){
        .event_id = arena_text(arena, text_of(attempt->event_id)),
        .type = arena_text(arena, text_of(attempt->type)),
        .attempt = attempt->attempt,
        .status = attempt->status,
        .duration_ms = attempt->duration_ms,
        .error = *attempt->error ? arena_text(arena, text_of(attempt->error)) : (struct text){0},
        .at = attempt->at,
    };
}

static const struct attempt *attempt_at(const struct endpoint *endpoint, uint32_t back)
{
    return &endpoint
                ->attempts[(endpoint->attempt_next + ENDPOINT_DELIVERIES_MOST - 1 - back) % ENDPOINT_DELIVERIES_MOST];
}

static void note_of(const struct endpoint *endpoint, struct arena *arena, struct endpoint_note *note)
{
    *note = (struct endpoint_note){.serial = endpoint->serial,
                                   .beginning = endpoint->beginning,
                                   .lsn = (int64_t)endpoint->told.lsn,
                                   .number = endpoint->told.number + 1,
                                   .failures = endpoint->failures,
                                   .failing_since = endpoint->failing_since};
    struct remembered list[REMEMBERED_MOST];
    uint32_t count = window_remember(endpoint, list);
    for (uint32_t i = 0; i < count; i++)
        *LIST_ADD(arena, &note->window) = list[i];
    for (uint32_t i = 0; i < endpoint->attempt_count; i++)
        *LIST_ADD(arena, &note->deliveries) = delivery_of(arena, attempt_at(endpoint, i));
}

void endpoint_note_write(struct webhooks *webhooks, struct endpoint *endpoint)
{
    struct arena *arena = arena_create();
    struct endpoint_note note;
    char name[64];
    pthread_mutex_lock(&webhooks->mutex);
    bool wanted = endpoint->loaded;
    if (wanted) note_of(endpoint, arena, &note);
    endpoint->dirty = endpoint->urgent = false;
    endpoint->noted_at = wall_ms();
    endpoint->noted_lsn = endpoint->told.lsn;
    pthread_mutex_unlock(&webhooks->mutex);
    struct buffer value = {0};
    if (wanted) {
        schema_snapshot(&value, &endpoint_note_fields, &note, PART_BOTH);
        webhooks->store->calls->note(webhooks->store, note_name(endpoint->id, name), buffer_as_text(&value));
    }
    buffer_free(&value);
    arena_destroy(arena);
}

void endpoint_take_note(struct endpoint *endpoint, const struct endpoint_note *note)
{
    endpoint->serial = note->serial;
    endpoint->beginning = note->beginning;
    endpoint->told = (struct place){(uint64_t)note->lsn, note->number - 1};
    endpoint->read = endpoint->told;
    endpoint->failures = note->failures;
    endpoint->failing_since = note->failing_since;
    free(endpoint->remembered);
    endpoint->remembered = memory_alloc((note->window.count + 1) * sizeof *endpoint->remembered);
    endpoint->remembered_count = note->window.count;
    for (uint32_t i = 0; i < note->window.count; i++)
        endpoint->remembered[i] = note->window.at[i];
    for (uint32_t i = note->deliveries.count; i-- > 0;) {
        const struct endpoint_delivery *delivery = &note->deliveries.at[i];
        struct attempt *attempt = &endpoint->attempts[endpoint->attempt_next];
        *attempt = (struct attempt){.attempt = delivery->attempt,
                                    .status = delivery->status,
                                    .duration_ms = delivery->duration_ms,
                                    .at = delivery->at};
        snprintf(attempt->event_id, sizeof attempt->event_id, "%.*s", TEXT_ARGUMENTS(delivery->event_id));
        snprintf(attempt->type, sizeof attempt->type, "%.*s", TEXT_ARGUMENTS(delivery->type));
        snprintf(attempt->error, sizeof attempt->error, "%.*s", TEXT_ARGUMENTS(delivery->error));
        endpoint->attempt_next = (endpoint->attempt_next + 1) % ENDPOINT_DELIVERIES_MOST;
        if (endpoint->attempt_count < ENDPOINT_DELIVERIES_MOST) endpoint->attempt_count++;
    }
}

/* ---- reports ---- */

static int64_t position_of(struct place place)
{
    return (int64_t)place.lsn - (place.number >= 0);
}

static int64_t lag_of(const struct webhooks *webhooks, struct place place)
{
    int64_t lag = webhooks->feed ? (int64_t)feed_durable(webhooks->feed) - position_of(place) : 0;
    return lag > 0 ? lag : 0;
}

static enum endpoint_health health_of(const struct endpoint *endpoint)
{
    if (!endpoint->call || endpoint->ended) return ENDPOINT_STOPPED;
    if (!endpoint->failures) return ENDPOINT_HEALTHY;
    return endpoint->failures >= FAILURES_OPEN ? ENDPOINT_PROBED : ENDPOINT_RETRYING;
}

static void report_of(const struct webhooks *webhooks, const struct endpoint *endpoint, struct arena *arena,
                      struct endpoint_report *report)
{
    struct endpoint_note note;
    note_of(endpoint, arena, &note);
    *report = (struct endpoint_report){.health = health_of(endpoint),
                                       .position = position_of(endpoint->told),
                                       .lag = lag_of(webhooks, endpoint->told),
                                       .failures = endpoint->failures,
                                       .failing_since = endpoint->failing_since,
                                       .deliveries = {note.deliveries.at, note.deliveries.count}};
    for (const struct delivery *at = endpoint->first; at; at = at->next)
        report->waiting += at->state != DELIVERY_TOLD;
    if (endpoint->first && endpoint->failures)
        report->next_attempt_at = endpoint->first->due > endpoint->probe_at ? endpoint->first->due : endpoint->probe_at;
}

void webhooks_report(void *context, struct effect_report *report)
{
    struct webhooks *webhooks = context;
    struct endpoint_report *out = report->report;
    struct id id;
    if (!id_parse(report->key, &id)) return;
    pthread_mutex_lock(&webhooks->mutex);
    const struct endpoint *endpoint = endpoint_find(webhooks, id);
    bool known = endpoint && endpoint->loaded;
    if (known) report_of(webhooks, endpoint, report->arena, out);
    pthread_mutex_unlock(&webhooks->mutex);
    if (known) return;
    struct endpoint_note note;
    endpoint_note_load(webhooks, id, report->arena, &note);
    struct place place = {(uint64_t)note.lsn, note.number - 1};
    *out = (struct endpoint_report){.health = endpoint ? ENDPOINT_HEALTHY : ENDPOINT_STOPPED,
                                    .position = position_of(place),
                                    .lag = note.beginning < 0 ? 0 : lag_of(webhooks, place),
                                    .failures = note.failures,
                                    .failing_since = note.failing_since,
                                    .deliveries = {note.deliveries.at, note.deliveries.count}};
}

/* ---- figures ---- */

void webhooks_metrics(struct webhooks *webhooks, struct buffer *out)
{
    pthread_mutex_lock(&webhooks->mutex);
    static const char *const names[] = {"souk_webhook_up", "souk_webhook_lag_positions", "souk_webhook_failures"};
    for (int row = 0; row < 3; row++) {
        buffer_format(out, "# TYPE %s gauge\n", names[row]);
        for (const struct endpoint *at = webhooks->endpoints; at; at = at->next) {
            char id[ID_TEXT_LENGTH + 1];
            id_format(at->id, id);
            int64_t values[] = {health_of(at) == ENDPOINT_HEALTHY, lag_of(webhooks, at->told), at->failures};
            if (at->loaded) buffer_format(out, "%s{webhook=\"%s\"} %" PRId64 "\n", names[row], id, values[row]);
        }
    }
    buffer_format(out,
                  "# TYPE souk_webhook_events_total counter\nsouk_webhook_events_total %" PRIu64 "\n"
                  "# TYPE souk_webhook_failures_total counter\nsouk_webhook_failures_total %" PRIu64 "\n"
                  "# TYPE souk_webhook_given_up_total counter\nsouk_webhook_given_up_total %" PRIu64 "\n",
                  webhooks->told_total, webhooks->failed_total, webhooks->given_up_total);
    pthread_mutex_unlock(&webhooks->mutex);
}
