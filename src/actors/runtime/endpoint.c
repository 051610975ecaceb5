/* The tables of endpoint.h. */
#include "actors/runtime/endpoint.h"
#include "actors/runtime/internal.h"

static const char *const end_names[] = {NULL, "gone", "exhausted"};
const struct enumeration endpoint_ends = ENUMERATION("endpoint_end", end_names);
static const char *const health_names[] = {NULL, "stopped", "healthy", "retrying", "probed"};
static const struct enumeration endpoint_healths = ENUMERATION("endpoint_health", health_names);

static const struct field pattern_element = ELEMENT(FIELD_TEXT, struct text, .max = 80);

/* clang-format off */
static const struct field request_rows[] = {
    ID(endpoint_request, 1, endpoint, .doc = "who is told"),
    TEXT(endpoint_request, 2, url, .flags = PERSONAL, .doc = "where"),
    SCALARS(endpoint_request, 3, events, struct text, &pattern_element, .doc = "of what"),
    BYTES(endpoint_request, 4, secret, .flags = PERSONAL | SECRET, .doc = "signs what is sent"),
    BYTES(endpoint_request, 5, secret_before, .flags = PERSONAL | SECRET, .doc = "signs too, for a while"),
    TIME(endpoint_request, 6, secret_before_until, .doc = "until then"),
    INTEGER(endpoint_request, 7, serial, .doc = "of the request"),
    INTEGER(endpoint_request, 8, beginning, .doc = "one more with each new place to begin at"),
    INTEGER(endpoint_request, 9, position, .doc = "that is known at the beginning"),
    INTEGER(endpoint_request, 10, number, .doc = "events of the record behind it that are known, too"),
};
static const struct fields request_fields = FIELDS("endpoint_request", struct endpoint_request, request_rows);

static const struct field answer_rows[] = {
    INTEGER(endpoint_answer, 1, serial, .doc = "of the request that is answered"),
    ENUM(endpoint_answer, 2, end, &endpoint_ends, .doc = "why it is not told any more"),
    TEXT(endpoint_answer, 3, problem, .max = 300, .doc = "of the last attempt"),
};
static const struct fields answer_fields = FIELDS("endpoint_answer", struct endpoint_answer, answer_rows);

static const struct field delivery_rows[] = {
    TEXT(endpoint_delivery, 1, event_id, .flags = READ_ONLY, .max = 40, .doc = "of the event"),
    TEXT(endpoint_delivery, 2, type, .flags = READ_ONLY, .max = 80, .doc = "of the event: order.confirmed"),
    INTEGER(endpoint_delivery, 3, attempt, .flags = READ_ONLY, .doc = "from 1"),
    INTEGER(endpoint_delivery, 4, status, .flags = READ_ONLY | OPTIONAL, .doc = "of the answer; null: none came"),
    INTEGER(endpoint_delivery, 5, duration_ms, .flags = READ_ONLY, .doc = "milliseconds that the attempt took"),
    TEXT(endpoint_delivery, 6, error, .flags = READ_ONLY, .max = 300, .doc = "what went wrong; null: it was taken"),
    TIME(endpoint_delivery, 7, at, .flags = READ_ONLY, .doc = "when the attempt ended"),
};
const struct fields endpoint_delivery_fields = FIELDS("endpoint_delivery", struct endpoint_delivery, delivery_rows);

static const struct field report_rows[] = {
    ENUM(endpoint_report, 1, health, &endpoint_healths, .flags = READ_ONLY,
         .doc = "stopped: it is told nothing; probed: one attempt now and then, until one succeeds"),
    INTEGER(endpoint_report, 2, position, .flags = READ_ONLY, .doc = "of the log: all up to here is told"),
    INTEGER(endpoint_report, 3, lag, .flags = READ_ONLY, .doc = "positions of the log behind that"),
    INTEGER(endpoint_report, 4, waiting, .flags = READ_ONLY, .doc = "events that are read and not told yet"),
    INTEGER(endpoint_report, 5, failures, .flags = READ_ONLY, .doc = "attempts that failed since one succeeded"),
    TIME(endpoint_report, 6, failing_since, .flags = READ_ONLY, .doc = "the first of them"),
    TIME(endpoint_report, 7, next_attempt_at, .flags = READ_ONLY, .doc = "when the oldest event that waits is tried again"),
    LIST(endpoint_report, 8, deliveries, struct endpoint_delivery, &endpoint_delivery_fields, .flags = READ_ONLY,
         .max = ENDPOINT_DELIVERIES_MOST, .doc = "the last attempts, the newest first"),
};
const struct fields endpoint_report_fields = FIELDS("endpoint_report", struct endpoint_report, report_rows);

const struct effect_class endpoint_effect = {
    .number = 90, .name = "endpoint", .request = &request_fields, .answer = &answer_fields, .report = &endpoint_report_fields,
    .give_up_after = INT64_MAX, .doc = "telling an address of events, for as long as it is to be told"};
/* clang-format on */

/* ---- patterns ---- */

static bool is_prefix_pattern(struct text pattern)
{
    return pattern.length > 2 && pattern.data[pattern.length - 1] == '*' && pattern.data[pattern.length - 2] == '.';
}

bool event_pattern_fits(struct text pattern, struct text event)
{
    if (text_is(pattern, "*") || text_equal(pattern, event)) return true;
    uint32_t length = pattern.length - 1; /* with the full stop */
    return is_prefix_pattern(pattern) && event.length > length && memcmp(pattern.data, event.data, length) == 0;
}

bool event_pattern_is_known(const struct tx *tx, struct text pattern)
{
    for (const struct kind *const *kind = tx->core->registry->kinds; *kind; kind++)
        for (const struct event *const *event = (*kind)->events; event && *event; event++)
            if (event_pattern_fits(pattern, text_of((*event)->name))) return true;
    return false;
}
