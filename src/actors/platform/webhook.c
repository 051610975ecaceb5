/* Addresses outside that a marketplace tells its events, signed (Standard Webhooks).

     – ─create─▶ enabled ─disable─▶ disabled ─enable─▶ enabled          enabled, disabled ─delete─▶ deleted
                   └─give_up (410, or every attempt failed)─▶ disabled

   While it is enabled an effect is pending, whose provider tells the events (runtime/endpoint.h): each change is another one in its place,
   under the next serial. Where the provider stands is its own; the entity says only where to begin. So nothing that the webhook
   does not tell is lost while it is disabled: once it is enabled it goes on where it stopped.

   Truths: who is enabled has a secret and was not given up; a secret is shown by the command that made it and never again; the
   secret before is good until its time, when it is forgotten. */
#include "actors/platform/webhook.h"
#include "actors/runtime/stream.h"
#include "base/url.h"
#include "base/webhook_signature.h"

enum { EVENTS_MOST = 100, OVERLAP_S = 24 * 3600, OVERLAP_S_MOST = 7 * 24 * 3600 };

struct rotate_body {
    int64_t overlap_s;
};
struct replay_body {
    int64_t position;
    struct text event_id;
};
struct give_up_event {
    struct text problem;
};

static const char *const status_names[] = {NULL, "enabled", "disabled", "deleted"};
static const struct enumeration webhook_statuses = ENUMERATION("webhook_status", status_names);
static const char *const disabled_names[] = {NULL, "staff", "gone", "exhausted"};
static const struct enumeration webhook_disabled_by = ENUMERATION("webhook_disabled_by", disabled_names);

/* ---- fields ---- */
static const struct field pattern_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 80);

/* clang-format off */
static const struct field webhook_rows[] = {
    ENTITY_ROW(webhook),
    TEXT(webhook, 2, url, .flags = REQUIRED | PERSONAL, .min = 1, .max = URL_BYTES_MOST,
         .doc = "https://, to a public host at port 443 or 8443; in development mode this machine too, by http as well"),
    TEXT(webhook, 3, description, .max = 500, .doc = "what it is for"),
    SCALARS(webhook, 4, events, struct text, &pattern_element, .flags = REQUIRED, .min = 1, .max = EVENTS_MOST,
            .doc = "what it is told: names of events, order.* or *"),
    BYTES(webhook, 5, secret, .flags = READ_ONLY | SECRET | PERSONAL, .doc = "signs what is sent"),
    BYTES(webhook, 6, secret_before, .flags = READ_ONLY | SECRET | PERSONAL, .doc = "signs it too, until its time"),
    TIME(webhook, 7, secret_before_until, .flags = READ_ONLY, .doc = "until then the secret before the last one signs as well"),
    INTEGER(webhook, 8, serial, .flags = READ_ONLY, .sees = SYSTEM, .doc = "of what its provider was told of it"),
    INTEGER(webhook, 9, beginning, .flags = READ_ONLY, .sees = SYSTEM, .doc = "how often it was told where to begin"),
    INTEGER(webhook, 10, position, .flags = READ_ONLY, .doc = "of the log: what it began behind, at creation or last replay"),
    INTEGER(webhook, 11, number, .flags = READ_ONLY, .sees = SYSTEM, .doc = "events of the next record that it passed over"),
    ENUM(webhook, 12, disabled_by, &webhook_disabled_by, .flags = READ_ONLY,
         .doc = "gone: the address answered 410; exhausted: every attempt failed"),
    TEXT(webhook, 13, problem, .flags = READ_ONLY, .max = 300, .doc = "of the last attempt, when it was given up"),
    TIME(webhook, 14, disabled_at, .flags = READ_ONLY, .doc = "since when it is told nothing"),
};
static const struct fields webhook_fields = FIELDS("webhook", struct webhook, webhook_rows);

static const struct field rotate_rows[] = {
    INTEGER(rotate_body, 1, overlap_s, .min = 0, .max = OVERLAP_S_MOST,
            .doc = "seconds that the secret of before signs as well; absent: a day"),
};
static const struct fields rotate_fields = FIELDS("webhook_rotation", struct rotate_body, rotate_rows);

static const struct field replay_rows[] = {
    INTEGER(replay_body, 1, position, .min = 0, .max = INT64_MAX, .doc = "of the log: the events behind it are told again"),
    TEXT(replay_body, 2, event_id, .format = FORMAT_KEY, .max = 40, .doc = "from this event on: 4711.0"),
};
static const struct fields replay_fields = FIELDS("webhook_replay", struct replay_body, replay_rows);

static const struct field give_up_rows[] = {
    TEXT(give_up_event, 1, problem, .max = 300, .doc = "of the last attempt"),
};
static const struct fields give_up_fields = FIELDS("webhook_given_up", struct give_up_event, give_up_rows);

/* ---- events and machine ---- */
static const uint16_t carried[] = {4, 0};
static const uint16_t begun[] = {10, 0};
static const uint16_t given_up[] = {12, 0};
static const struct event webhook_created  = EVENT(1, "webhook.created", carried, NULL, "events are told to an address");
static const struct event webhook_updated  = EVENT(2, "webhook.updated", carried, NULL, "its address or its events were changed");
static const struct event webhook_enabled  = EVENT(3, "webhook.enabled", NULL, NULL, "it is told again, from where it stopped");
static const struct event webhook_disabled = EVENT(4, "webhook.disabled", given_up, NULL, "staff stopped telling it");
static const struct event webhook_given_up = EVENT(5, "webhook.given_up", given_up, &give_up_fields, "it is told no more, since nobody takes it");
static const struct event webhook_rotated  = EVENT(6, "webhook.secret_rotated", NULL, NULL, "another secret signs");
static const struct event webhook_retired  = EVENT(7, "webhook.secret_retired", NULL, NULL, "the secret of before signs no more");
static const struct event webhook_tried    = EVENT(8, ENDPOINT_TEST_EVENT, NULL, NULL, "nothing but a trial, told to this webhook alone");
static const struct event webhook_replayed = EVENT(9, "webhook.replayed", begun, NULL, "it is told again from a place of the log");
static const struct event webhook_deleted  = EVENT(10, "webhook.deleted", NULL, NULL, "it is gone");
static const struct event *const webhook_events[] = {
    &webhook_created, &webhook_updated, &webhook_enabled, &webhook_disabled, &webhook_given_up, &webhook_rotated, &webhook_retired,
    &webhook_tried, &webhook_replayed, &webhook_deleted, NULL};

static const struct transition webhook_machine_rows[] = {
    /* from                                              command    to                event */
    {FROM_NONE,                                          "create",  WEBHOOK_ENABLED,  &webhook_created},
    {STATE(WEBHOOK_ENABLED),                             "disable", WEBHOOK_DISABLED, &webhook_disabled},
    {STATE(WEBHOOK_ENABLED),                             "give_up", WEBHOOK_DISABLED, &webhook_given_up},
    {STATE(WEBHOOK_DISABLED),                            "enable",  WEBHOOK_ENABLED,  &webhook_enabled},
    {STATE(WEBHOOK_ENABLED),                             "test",    TO_SAME,          &webhook_tried},
    {STATE(WEBHOOK_ENABLED) | STATE(WEBHOOK_DISABLED),   "patch",   TO_SAME,          &webhook_updated},
    {STATE(WEBHOOK_ENABLED) | STATE(WEBHOOK_DISABLED),   "rotate-secret", TO_SAME,    &webhook_rotated},
    {STATE(WEBHOOK_ENABLED) | STATE(WEBHOOK_DISABLED),   "replay",  TO_SAME,          &webhook_replayed},
    {STATE(WEBHOOK_ENABLED) | STATE(WEBHOOK_DISABLED),   "retire",  TO_SAME,          &webhook_retired},
    {STATE(WEBHOOK_ENABLED) | STATE(WEBHOOK_DISABLED),   "delete",  WEBHOOK_DELETED,  &webhook_deleted},
};
/* clang-format on */
static const struct machine webhook_machine = MACHINE(&webhook_statuses, webhook_machine_rows);

static void created_keys(const void *entity, struct key_writer *writer)
{
    const struct webhook *webhook = entity;
    if (webhook->entity.status == WEBHOOK_DELETED) return;
    key_begin(writer);
    key_integer(writer, webhook->entity.created_at);
    key_end(writer);
}
static const struct index by_created = {.number = 1, .name = "created", .keys = created_keys, .doc = "by age"};
static const struct index *const webhook_indexes[] = {&by_created, NULL};
static const struct listing webhook_listings[] = {{.sort = "newest", .index = &by_created, .reverse = true}, {0}};

static const char *webhook_check(const void *entity)
{
    const struct webhook *webhook = entity;
    bool disabled = webhook->entity.status == WEBHOOK_DISABLED;
    if (webhook->entity.status == WEBHOOK_ENABLED && webhook->disabled_by) return "who is enabled was not given up";
    if (disabled != (webhook->disabled_at != 0) && webhook->entity.status != WEBHOOK_DELETED)
        return "disabled_at is set exactly of disabled ones";
    return NULL;
}

/* ---- the provider ---- */
static struct text request_key(struct tx *tx, const struct webhook *webhook)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(webhook->entity.id, id);
    return text_print(tx, "%s:%lld", id, (long long)webhook->serial);
}

static void stop_telling(struct tx *tx, const struct webhook *webhook)
{
    effect_cancel(tx, &endpoint_effect, request_key(tx, webhook));
}

static void start_telling(struct tx *tx, struct webhook *webhook)
{
    webhook->serial++;
    struct endpoint_request request = {
        .endpoint = webhook->entity.id,
        .url = webhook->url,
        .events = {webhook->events.at, webhook->events.count},
        .secret = webhook->secret,
        .secret_before = webhook->secret_before,
        .secret_before_until = webhook->secret_before_until,
        .serial = webhook->serial,
        .beginning = webhook->beginning,
        .position = webhook->position,
        .number = webhook->number,
    };
    effect(tx, &endpoint_effect, request_key(tx, webhook), &request, &webhook_kind, webhook->entity.id, "give_up");
}

/* After a change of whatever the provider has to know. */
static enum error tell_anew(struct tx *tx, struct webhook *webhook)
{
    if (webhook->entity.status != WEBHOOK_ENABLED) return OK;
    stop_telling(tx, webhook);
    start_telling(tx, webhook);
    return OK;
}

/* ---- who ---- */
static bool webhook_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
    return relations & (ADMIN | SYSTEM);
}

/* ---- deciders ---- */
static enum error validate(struct tx *tx, const struct webhook *webhook)
{
    struct url url;
    const char *problem = url_parse(webhook->url, &url);
    if (!problem) problem = url_callable(&url, tx->development);
    if (problem) fail_detail(tx, "url", "bad_format", "the address %s", problem);
    for (uint32_t i = 0; i < webhook->events.count; i++) {
        const char *path = text_print(tx, "events[%u]", i).data;
        if (!event_pattern_is_known(tx, webhook->events.at[i]))
            fail_detail(tx, path, "not_one_of", "there is no such event");
        for (uint32_t k = 0; k < i; k++)
            if (text_equal(webhook->events.at[i], webhook->events.at[k]))
                fail_detail(tx, path, "duplicate", "is there twice");
    }
    return fail_details(tx) ? fail(tx, ERROR_VALIDATION_FAILED, "the webhook has invalid values") : OK;
}

/* The only time that it is shown: what is asked for again under an idempotency key comes without it. */
static void new_secret(struct tx *tx, struct webhook *webhook)
{
    char *secret = arena_alloc(tx->arena, WEBHOOK_SECRET_SIZE);
    draw_bytes(tx, secret, WEBHOOK_SECRET_SIZE);
    webhook->secret = (struct text){secret, WEBHOOK_SECRET_SIZE};
    answer_member(tx, "secret", text_print(tx, "\"%s\"", webhook_secret_text(tx->arena, webhook->secret).data));
}

static enum error webhook_create(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    enum error error = validate(tx, webhook);
    if (error) return error;
    new_secret(tx, webhook);
    webhook->position = log_position(tx);
    start_telling(tx, webhook);
    return OK;
}

static enum error webhook_patch(struct tx *tx)
{
    enum error error = validate(tx, tx->subject);
    return error ? error : tell_anew(tx, tx->subject);
}

static enum error webhook_enable(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    webhook->disabled_by = 0;
    webhook->disabled_at = 0;
    webhook->problem = (struct text){0};
    start_telling(tx, webhook);
    return OK;
}

static enum error webhook_disable(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    webhook->disabled_by = DISABLED_BY_STAFF;
    webhook->disabled_at = tx->now;
    stop_telling(tx, webhook);
    return OK;
}

/* What is said of a request that is not the last one any more comes too late. */
static enum error webhook_give_up(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    const struct endpoint_answer *said = tx->body;
    if (said->serial != webhook->serial) return fail(tx, ERROR_CONFLICT, "the webhook was changed since");
    webhook->disabled_by = said->end == ENDPOINT_GONE ? DISABLED_GONE : DISABLED_EXHAUSTED;
    webhook->disabled_at = tx->now;
    webhook->problem = said->problem;
    struct give_up_event *data = ARENA_NEW(tx->arena, struct give_up_event);
    data->problem = said->problem;
    event_data(tx, data);
    return OK;
}

static enum error webhook_rotate(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    const struct rotate_body *body = tx->body;
    int64_t overlap = has(tx, "overlap_s") ? body->overlap_s : OVERLAP_S;
    webhook->secret_before = overlap ? webhook->secret : (struct text){0};
    webhook->secret_before_until = overlap ? tx->now + SECONDS(overlap) : 0;
    new_secret(tx, webhook);
    if (overlap)
        timer(tx, &webhook_kind, webhook->entity.id, "retire", webhook->secret_before_until);
    else
        timer_cancel(tx, &webhook_kind, webhook->entity.id, "retire");
    return tell_anew(tx, webhook);
}

static enum error webhook_retire(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    webhook->secret_before = (struct text){0};
    webhook->secret_before_until = 0;
    return tell_anew(tx, webhook);
}

/* Whoever tries it wants to know now: what waits for its next attempt does not wait any longer. */
static enum error webhook_test(struct tx *tx)
{
    return tell_anew(tx, tx->subject);
}

static enum error webhook_replay(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    const struct replay_body *body = tx->body;
    uint64_t position = (uint64_t)body->position;
    int64_t number = -1;
    if (has(tx, "position") == (body->event_id.data != NULL))
        return fail(tx, ERROR_BAD_REQUEST, "a replay begins behind a position, or at an event: say one of them");
    if (body->event_id.data && (!stream_place_read(body->event_id, &position, &number) || number < 0)) {
        fail_detail(tx, "event_id", "bad_format", "must be the id of an event as 4711.0");
        return fail(tx, ERROR_VALIDATION_FAILED, "this is not the id of an event");
    }
    if (position > (uint64_t)log_position(tx)) return fail(tx, ERROR_CONFLICT, "the log ends before that");
    webhook->beginning++;
    webhook->position = number < 0 ? (int64_t)position : (int64_t)position - 1;
    webhook->number = number < 0 ? 0 : number;
    return tell_anew(tx, webhook);
}

static enum error webhook_delete(struct tx *tx)
{
    struct webhook *webhook = tx->subject;
    if (webhook->entity.status == WEBHOOK_ENABLED) stop_telling(tx, webhook);
    timer_cancel(tx, &webhook_kind, webhook->entity.id, "retire");
    webhook->secret = webhook->secret_before = (struct text){0};
    webhook->secret_before_until = 0;
    return OK;
}

static enum error webhook_deliveries(struct tx *tx)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(tx->id, id);
    const struct endpoint_report *report = effect_report(tx, &endpoint_effect, text_of(id));
    return report ? answer(tx, 200, &endpoint_report_fields, report) : PENDING;
}

/* ---- the kind ---- */
static const char shown_once[] = "shown now and never again, not even to a repeated request";

/* clang-format off */
static const struct command webhook_commands[] = {
    {.name = "create", .method = "POST", .path = "/admin/webhooks", .action = ACTION_CREATE, .who = ADMIN, .decide = webhook_create,
     .extra = "secret", .extra_doc = shown_once, .doc = "tells an address the events that happen from now on; the answer alone shows the secret that signs them"},
    {.name = "list", .method = "GET", .path = "/admin/webhooks", .action = ACTION_LIST, .who = ADMIN, .listings = webhook_listings,
     .doc = "the marketplace's webhooks"},
    {.name = "read", .method = "GET", .path = "/admin/webhooks/{id}", .action = ACTION_READ, .who = ADMIN, .doc = "one of them"},
    {.name = "patch", .method = "PATCH", .path = "/admin/webhooks/{id}", .action = ACTION_PATCH, .who = ADMIN, .decide = webhook_patch,
     .doc = "changes address, events or description; what waits for another attempt is tried at once"},
    {.name = "enable", .method = "POST", .path = "/admin/webhooks/{id}/enable", .action = ACTION_COMMAND, .who = ADMIN,
     .decide = webhook_enable, .doc = "tells it again, from where it stopped"},
    {.name = "disable", .method = "POST", .path = "/admin/webhooks/{id}/disable", .action = ACTION_COMMAND, .who = ADMIN,
     .decide = webhook_disable, .doc = "tells it nothing until it is enabled"},
    {.name = "rotate-secret", .method = "POST", .path = "/admin/webhooks/{id}/rotate-secret", .action = ACTION_COMMAND, .who = ADMIN,
     .body = &rotate_fields, .decide = webhook_rotate, .extra = "secret", .extra_doc = shown_once,
     .doc = "makes another secret, which the answer alone shows; for a while both sign"},
    {.name = "test", .method = "POST", .path = "/admin/webhooks/{id}/test", .action = ACTION_COMMAND, .who = ADMIN, .decide = webhook_test,
     .doc = "sends it a webhook.test, and tries at once what waits for another attempt"},
    {.name = "deliveries", .method = "GET", .path = "/admin/webhooks/{id}/deliveries", .action = ACTION_READ, .who = ADMIN,
     .decide = webhook_deliveries, .reply = &endpoint_report_fields, .doc = "how far it is, and its last attempts"},
    {.name = "replay", .method = "POST", .path = "/admin/webhooks/{id}/replay", .action = ACTION_COMMAND, .who = ADMIN,
     .body = &replay_fields, .decide = webhook_replay,
     .doc = "tells it again what happened behind a position of the log, or from an event on; ids stay the same"},
    {.name = "delete", .method = "DELETE", .path = "/admin/webhooks/{id}", .action = ACTION_COMMAND, .who = ADMIN,
     .decide = webhook_delete, .status = 204, .doc = "removes it"},
    {.name = "give_up", .action = ACTION_COMMAND, .who = SYSTEM, .decide = webhook_give_up,
     .doc = "its address said 410, or every attempt failed"},
    {.name = "retire", .action = ACTION_COMMAND, .who = SYSTEM, .decide = webhook_retire, .doc = "the time of the secret before is over"},
    {0},
};

const struct kind webhook_kind = {
    .number = 90,
    .name = "webhook",
    .plural = "webhooks",
    .doc = "an address outside that is told the events of the marketplace",
    .fields = &webhook_fields,
    .machine = &webhook_machine,
    .events = webhook_events,
    .indexes = webhook_indexes,
    .commands = webhook_commands,
    .visible = webhook_visible,
    .check = webhook_check,
    .patch_needs_version = true,
};
/* clang-format on */

const struct kind *const platform_kinds[] = {&webhook_kind, NULL};
const struct effect_class *const platform_effects[] = {&endpoint_effect, NULL};
