/* Who sees a promotion in one community, or globally: clicks, and impressions as the runtime has summed them. */
#include "actors/promotion/promotion_internal.h"

struct id promotion_audience_id(struct id promotion_id, struct id community_id)
{
    return id_derived("promotion audience", promotion_id, community_id);
}

/* clang-format off */
static const char *const status_values[] = {NULL, "counted"};
static const struct enumeration statuses = ENUMERATION("audience_status", status_values);
enum { AUDIENCE_COUNTED = 1 };

static const struct field audience_rows[] = {
    ENTITY_ROW(promotion_audience),
    ID(promotion_audience, 2, promotion_id, .flags = READ_ONLY, .refers = "promotion", .doc = "what was seen"),
    ID(promotion_audience, 3, community_id, .flags = READ_ONLY | OPTIONAL, .refers = "community",
        .doc = "where; null: outside any"),
    TIME(promotion_audience, 4, counted_until, .flags = READ_ONLY, .doc = "end of the last interval of impressions"),
};
static const struct fields audience_fields = FIELDS("promotion_audience", struct promotion_audience, audience_rows);

static const struct field impressions_rows[] = {
    INTEGER(impressions_event, 1, count, .doc = "cards shown"),
    TIME(impressions_event, 2, from, .doc = "since"),
    TIME(impressions_event, 3, to, .doc = "until"),
};
static const struct fields impressions_fields =
    FIELDS("impressions_counted", struct impressions_event, impressions_rows);

static const uint16_t carried[] = {2, 3, 0};
const struct event promotion_clicked = {1, "promotion.clicked", carried, NULL, "somebody followed its card"};
const struct event promotion_impressions_counted = {
    2, "promotion.impressions_counted", carried, &impressions_fields, "its card was shown so many times"};
static const struct event *const events[] = {&promotion_clicked, &promotion_impressions_counted, NULL};

static const struct transition transitions[] = {
    {FROM_NONE | STATE(AUDIENCE_COUNTED), "click",       AUDIENCE_COUNTED, &promotion_clicked},
    {FROM_NONE | STATE(AUDIENCE_COUNTED), "impressions", AUDIENCE_COUNTED, &promotion_impressions_counted},
};
static const struct machine machine = MACHINE(&statuses, transitions);
/* clang-format on */

/* ---- clicks ---- */
/* Whoever sees the promotion may click it; else there is nothing to click. */
static struct id click_target(struct tx *tx)
{
    const struct approve_body *body = tx->body;
    struct id id = path_id(tx, "id");
    const struct promotion *promotion = load(tx, &promotion_kind, id);
    if (!promotion || !relations_to(tx, &promotion_kind, promotion)) return ID_NONE;
    return promotion_audience_id(id, body->community_id);
}

static enum error click(struct tx *tx)
{
    struct promotion_audience *audience = tx->subject;
    const struct approve_body *body = tx->body;
    const struct promotion *promotion = load(tx, &promotion_kind, path_id(tx, "id"));
    if (!promotion) return fail(tx, ERROR_NOT_FOUND, "there is no such promotion");
    if (!promotion_gives_price(tx, promotion))
        return fail(tx, ERROR_PROMOTION_NOT_APPLICABLE, "it is not shown now, so nothing is counted");
    if (!id_is_none(body->community_id) && !promotion_approved_for(promotion, body->community_id))
        return fail(tx, ERROR_PROMOTION_NOT_APPLICABLE, "it is not shown in that community");
    audience->promotion_id = promotion->entity.id;
    audience->community_id = body->community_id;
    return OK;
}

/* ---- impressions ---- */
void promotion_count_impression(struct tx *tx, struct id promotion_id, struct id community_id)
{
    struct id id = promotion_audience_id(promotion_id, community_id);
    count(tx, &promotion_audience_kind, id, "impressions", 1, promotion_id, community_id);
}

static enum error impressions(struct tx *tx)
{
    struct promotion_audience *audience = tx->subject;
    const struct counted_body *body = tx->body;
    audience->promotion_id = body->first;
    audience->community_id = body->second;
    struct impressions_event *data = ARENA_NEW(tx->arena, struct impressions_event);
    *data = (struct impressions_event){body->count, audience->counted_until, tx->now};
    audience->counted_until = tx->now;
    event_data(tx, data);
    return OK;
}

/* clang-format off */
static const struct command commands[] = {
    {.name = "click", .method = "POST", .path = "/promotions/{id}/click", .action = ACTION_UPSERT, .who = ANYONE,
     .body = &approve_fields, .target = click_target, .decide = click, .status = 204,
     .doc = "Counts that somebody followed its card, in a community or outside any"},
    {.name = "impressions", .action = ACTION_UPSERT, .who = SYSTEM, .body = &counted_fields, .decide = impressions,
     .doc = "so many cards were shown"},
    {0},
};
/* clang-format on */

static struct id audience_subject(const void *entity)
{
    return ((const struct promotion_audience *)entity)->promotion_id;
}

/* clang-format off */
const struct kind promotion_audience_kind = {
    .number = 43, .name = "promotion_audience", .plural = "promotion_audiences",
    .doc = "Who sees a promotion in one community, or globally: clicks and impressions.",
    .fields = &audience_fields, .machine = &machine, .events = events, .commands = commands,
    .event_subject = audience_subject, .subject_kind = "promotion",
};
/* clang-format on */
