/* What the analytics of a day share: the range that is asked for, and rows answered day by day. */
#include "actors/views/views.h"
#include "schema/json.h"

#include <string.h>

enum { DAYS_MOST = 366, DAYS_USUAL = 30 };

/* clang-format off */
static const struct field day_range_rows[] = {
    DATE(day_range, 1, from, .doc = "first day; 30 days before the last when absent"),
    DATE(day_range, 2, to, .doc = "last day, included; today when absent"),
};
/* clang-format on */
const struct fields day_range_fields = FIELDS("day_range", struct day_range, day_range_rows);

static int32_t days_later(int32_t day, int64_t days)
{
    return time_date(time_of_date(day) + DAYS(days));
}

enum error day_range_take(struct tx *tx, size_t query_size)
{
    struct day_range *range = arena_alloc(tx->arena, query_size);
    if (tx->query) memcpy(range, tx->query, query_size);
    tx->query = range;
    if (!range->to) range->to = range->from ? days_later(range->from, DAYS_USUAL - 1) : time_date(tx->now);
    if (!range->from) range->from = days_later(range->to, 1 - DAYS_USUAL);
    int64_t days = (time_of_date(range->to) - time_of_date(range->from)) / DAYS(1) + 1;
    if (days >= 1 && days <= DAYS_MOST) return OK;
    fail_detail(tx, "to", days < 1 ? "too_small" : "too_large", "must be 0 to %d days after from", DAYS_MOST - 1);
    return fail(tx, ERROR_VALIDATION_FAILED, "the request has invalid values");
}

enum error days_answer(struct tx *tx, const struct kind *kind, struct id (*row_id)(int32_t day),
                       void (*extra)(struct buffer *json, const void *row))
{
    const struct day_range *range = tx->query;
    struct fields own = *kind->fields; /* without the head of an entity */
    own.rows++;
    own.count--;
    struct text after;
    int64_t last = 0;
    enum error error = page_after(tx, &after);
    if (error) return error;
    if (after.data && !text_to_integer(after, &last)) return ERROR_INVALID_CURSOR;
    struct buffer json = {.arena = tx->arena};
    buffer_string(&json, "{\"success\":true,\"data\":[");
    uint32_t count = 0, limit = page_limit(tx);
    bool more = false;
    for (int32_t day = last ? days_later((int32_t)last, 1) : range->from; day <= range->to && !more;
         day = days_later(day, 1)) {
        const void *row = load(tx, kind, row_id(day));
        more = row && count == limit;
        if (!row || more) continue;
        buffer_string(&json, count++ ? ",{" : "{");
        schema_render_members(&json, &own, row, tx->relations);
        if (extra) extra(&json, row);
        buffer_byte(&json, '}');
        last = day;
    }
    buffer_string(&json, "],\"page\":{\"next\":");
    if (more)
        buffer_json_text(&json, page_cursor(tx, text_print(tx, "%d", (int)last)));
    else
        buffer_string(&json, "null");
    buffer_format(&json, ",\"limit\":%u}}", limit);
    return answer_raw(tx, 200, "application/json", buffer_as_text(&json));
}
