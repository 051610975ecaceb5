/* What follows the facts of promotions: performance per audience, promotion_count of communities, and the reactions to
   what promotions stand on going away; and the lists of the area's kinds and followers. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/product.h"
#include "actors/community/community.h"

#include <string.h>

/* ---- performance ---- */
/* clang-format off */
static const struct field row_rows[] = {
    ENTITY_ROW(promotion_performance),
    ID(promotion_performance, 2, promotion_id, .flags = READ_ONLY, .refers = "promotion", .doc = "the promotion"),
    ID(promotion_performance, 3, community_id, .flags = READ_ONLY | OPTIONAL, .refers = "community",
        .doc = "the community; null: global"),
    INTEGER(promotion_performance, 4, impressions, .flags = READ_ONLY, .doc = "cards shown in feeds"),
    INTEGER(promotion_performance, 5, clicks, .flags = READ_ONLY, .doc = "clicks"),
    INTEGER(promotion_performance, 6, conversions, .flags = READ_ONLY,
        .doc = "confirmed orders with an item attributed to it"),
    INTEGER(promotion_performance, 7, units, .flags = READ_ONLY, .doc = "units of those items"),
    INTEGER(promotion_performance, 8, revenue, .flags = READ_ONLY, .doc = "net of those items, in minor units"),
    INTEGER(promotion_performance, 9, refunded, .flags = READ_ONLY, .doc = "their refunded goods, in minor units"),
};
static const struct fields row_fields = FIELDS("promotion_performance", struct promotion_performance, row_rows);
static const struct event *const no_events[] = {NULL};
static const struct command no_commands[] = {{0}};

const struct kind promotion_performance_kind = {
    .number = 41, .name = "promotion_performance", .plural = "promotion_performance",
     .doc = "What came of a promotion in one community, or globally.",
    .fields = &row_fields, .events = no_events, .commands = no_commands, .derived = true,
};
/* clang-format on */

struct promotion_performance *promotion_performance_row(struct tx *tx, struct id promotion_id, struct id community_id)
{
    struct promotion_performance *row =
        edit_or_create(tx, &promotion_performance_kind, promotion_audience_id(promotion_id, community_id));
    if (!row) return NULL;
    row->promotion_id = promotion_id;
    row->community_id = community_id;
    return row;
}

static void follow_audience(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &promotion_audience_kind) return;
    const struct promotion_audience *audience = fact->after;
    const struct impressions_event *counted = fact->event == &promotion_impressions_counted ? fact->data : NULL;
    struct promotion_performance *row = promotion_performance_row(tx, audience->promotion_id, audience->community_id);
    if (!row) return;
    if (fact->event == &promotion_clicked) row->clicks++;
    if (counted) row->impressions += counted->count;
}

/* clang-format off */
const struct follower promotion_performance_follower = { "promotion_performance", "impressions and clicks per audience",
                                                         true, follow_audience };
/* clang-format on */

/* ---- GET performance ---- */
struct performance_figures {
    struct id community_id;
    int64_t impressions, clicks, conversions, units;
    struct money revenue, refunded;
};
struct performance_reply {
    struct performance_figures total;
    LIST_OF(struct performance_figures) rows;
};
/* clang-format off */
static const struct field figures_rows[] = {
    ID(performance_figures, 1, community_id, .flags = OPTIONAL, .refers = "community", .doc = "null: global"),
    INTEGER(performance_figures, 2, impressions, .doc = "cards shown in feeds"),
    INTEGER(performance_figures, 3, clicks, .doc = "clicks"),
    INTEGER(performance_figures, 4, conversions, .doc = "confirmed orders with an item attributed to it"),
    INTEGER(performance_figures, 5, units, .doc = "units of those items"),
    MONEY(performance_figures, 6, revenue, .doc = "net of those items"),
    MONEY(performance_figures, 7, refunded, .doc = "their refunded goods"),
};
static const struct fields figures_fields = FIELDS("performance_figures", struct performance_figures, figures_rows);
static const struct field reply_rows[] = {
    STRUCT(performance_reply, 1, total, struct performance_figures, &figures_fields, .doc = "sums of the rows"),
    LIST(performance_reply, 2, rows, struct performance_figures, &figures_fields, .max = 21,
        .doc = "global first, then each community"),
};
const struct fields performance_reply_fields =
    FIELDS("promotion_performance_reply", struct performance_reply, reply_rows);
/* clang-format on */

static struct money money_in(const struct tx *tx, int64_t amount)
{
    struct money money = {.amount = amount};
    struct text currency = tx->settings->currency;
    if (currency.length < sizeof money.currency) memcpy(money.currency, currency.data, currency.length);
    return money;
}

static void add_row(struct tx *tx, struct performance_reply *reply, struct id promotion_id, struct id community_id)
{
    static const struct promotion_performance none;
    const struct promotion_performance *row =
        load(tx, &promotion_performance_kind, promotion_audience_id(promotion_id, community_id));
    if (!row) row = &none;
    struct performance_figures *total = &reply->total;
    *LIST_ADD(tx->arena, &reply->rows) = (struct performance_figures){.community_id = community_id,
                                                                      .impressions = row->impressions,
                                                                      .clicks = row->clicks,
                                                                      .conversions = row->conversions,
                                                                      .units = row->units,
                                                                      .revenue = money_in(tx, row->revenue),
                                                                      .refunded = money_in(tx, row->refunded)};
    total->impressions += row->impressions;
    total->clicks += row->clicks;
    total->conversions += row->conversions;
    total->units += row->units;
    total->revenue.amount += row->revenue;
    total->refunded.amount += row->refunded;
}

/* The team and the staff see all rows; the owner of a community its own. */
enum error promotion_read_performance(struct tx *tx)
{
    const struct promotion *promotion = tx->subject;
    bool all = tx->relations & (TEAM | ADMIN);
    struct performance_reply *reply = ARENA_NEW(tx->arena, struct performance_reply);
    reply->total.revenue = reply->total.refunded = money_in(tx, 0);
    if (all) add_row(tx, reply, promotion->entity.id, ID_NONE);
    for (uint32_t i = 0; i < promotion->community_ids.count; i++) {
        struct id community_id = promotion->community_ids.at[i];
        if (all || community_relations_of(tx, community_id) & OWNER)
            add_row(tx, reply, promotion->entity.id, community_id);
    }
    return answer(tx, 200, &performance_reply_fields, reply);
}

/* ---- promotion_count of a community ---- */
static bool counts_in(const struct promotion *promotion, struct id community_id)
{
    return promotion && promotion->entity.status == PROMOTION_ACTIVE && promotion_approved_for(promotion, community_id);
}

static void follow_count(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &promotion_kind) return;
    const struct promotion *before = fact->before, *after = fact->after;
    if (fact->version != after->entity.version) return;         /* once for all events of a change */
    for (uint32_t i = 0; i < after->community_ids.count; i++) { /* fixed while it is or was active */
        struct id community_id = after->community_ids.at[i];
        int change = counts_in(after, community_id) - counts_in(before, community_id);
        if (!change) continue;
        struct community_statistics *statistics = edit_or_create(tx, &community_statistics_kind, community_id);
        if (statistics) statistics->promotion_count += change;
    }
}

/* clang-format off */
const struct follower promotion_count_follower = { "promotion_count", "active promotions of a community", true,
                                                   follow_count };
/* clang-format on */

/* ---- reactions ---- */
/* The staff took a product away: promotions that name it cannot go on. (The team cannot while there are any.) */
static void follow_product(struct tx *tx, const struct fact *fact)
{
    if (fact->event != &product_archived && fact->event != &product_deleted) return;
    const struct product_promotions *named = load(tx, &product_promotions_kind, fact->id);
    for (uint32_t i = 0; named && i < named->promotions.count; i++)
        tell(tx, &promotion_kind, named->promotions.at[i], "product_gone", NULL);
}

/* clang-format off */
const struct follower promotion_product_follower = { "promotion_product_gone",
                                                     "cancels promotions of a product that the staff took away", false,
                                                     follow_product };
/* clang-format on */

static void follow_community(struct tx *tx, const struct fact *fact)
{
    if (fact->event != &community_deleted) return;
    const struct community_promotions *targets = load(tx, &community_promotions_kind, fact->id);
    struct approve_body body = {.community_id = fact->id};
    for (uint32_t i = 0; targets && i < targets->promotions.count; i++)
        tell(tx, &promotion_kind, targets->promotions.at[i], "community_gone", &body);
}

/* clang-format off */
const struct follower promotion_community_follower = { "promotion_community_gone",
                                                       "takes a deleted community out of promotions", false,
                                                       follow_community };

const struct kind *const promotion_kinds[] = { &promotion_kind,
                                               &promotion_performance_kind,
                                               &promotion_counts_kind,
                                               &promotion_audience_kind,
                                               &product_promotions_kind,
                                               &community_promotions_kind,
                                               NULL };
const struct follower *const promotion_followers[] = { &promotion_performance_follower, &promotion_count_follower,
                                                       &promotion_product_follower, &promotion_community_follower,
                                                       NULL };
/* clang-format on */
