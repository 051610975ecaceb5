/* The small actors beside a promotion: how many a supplier has, which live ones name a product, and which target a
   community. They change in the same command as the promotion, so decisions that read them are exact; and its timers. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/supplier.h"

static bool live(uint32_t status)
{
    return status >= PROMOTION_PENDING_APPROVAL && status <= PROMOTION_PAUSED;
}

static bool open_(uint32_t status)
{
    return status && status != PROMOTION_ENDED && status != PROMOTION_CANCELLED && status != PROMOTION_DELETED;
}

/* ---- lists of promotions ---- */
struct promotion_list {
    struct id *at;
    uint32_t count;
};

static void list_change(struct tx *tx, struct promotion_list *list, struct id promotion_id, bool added)
{
    if (added) {
        *LIST_ADD(tx->arena, list) = promotion_id;
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (!id_equal(list->at[i], promotion_id)) continue;
        LIST_REMOVE(list, i);
        return;
    }
}

static void products_change(struct tx *tx, const struct promotion *promotion, bool added)
{
    for (uint32_t i = 0; i < promotion->products.count; i++) {
        struct product_promotions *row =
            edit_or_create(tx, &product_promotions_kind, promotion->products.at[i].product_id);
        if (row) list_change(tx, (struct promotion_list *)(void *)&row->promotions, promotion->entity.id, added);
    }
}

static enum error communities_change(struct tx *tx, const struct promotion *promotion, bool added)
{
    for (uint32_t i = 0; i < promotion->community_ids.count; i++) {
        struct community_promotions *row =
            edit_or_create(tx, &community_promotions_kind, promotion->community_ids.at[i]);
        if (!row) continue; /* being loaded: this run is void */
        if (added && row->promotions.count >= COMMUNITY_PROMOTIONS_MOST)
            return fail(tx, ERROR_LIMIT_REACHED, "a community has at most %d promotions that are live or wait",
                        COMMUNITY_PROMOTIONS_MOST);
        list_change(tx, (struct promotion_list *)(void *)&row->promotions, promotion->entity.id, added);
    }
    return OK;
}

enum error promotion_account(struct tx *tx, const struct promotion *promotion, uint32_t from, uint32_t to)
{
    int opened = open_(to) - open_(from), began = live(to) - live(from);
    if (!opened && !began) return OK;
    const struct supplier *supplier = load(tx, &supplier_kind, promotion->supplier_id);
    struct promotion_counts *counts = edit_or_create(tx, &promotion_counts_kind, promotion->supplier_id);
    if (!supplier || !counts) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    if (opened > 0 && counts->open >= supplier->limits.max_promotions)
        return fail(tx, ERROR_LIMIT_REACHED, "this supplier may have %lld promotions that are not over",
                    (long long)supplier->limits.max_promotions);
    counts->open += opened;
    counts->live += began;
    if (!began) return OK;
    products_change(tx, promotion, began > 0);
    return communities_change(tx, promotion, began > 0);
}

/* ---- timers ---- */
static bool shown_or_paused(uint32_t status)
{
    return status == PROMOTION_ACTIVE || status == PROMOTION_PAUSED;
}

void promotion_timers(struct tx *tx, const struct promotion *promotion, uint32_t from, uint32_t to)
{
    struct id id = promotion->entity.id;
    if (from == PROMOTION_PENDING_APPROVAL && to != from) timer_cancel(tx, &promotion_kind, id, "expire");
    if (from == PROMOTION_SCHEDULED && to != from) timer_cancel(tx, &promotion_kind, id, "activate");
    if (shown_or_paused(from) && !shown_or_paused(to)) timer_cancel(tx, &promotion_kind, id, "end");

    if (to == PROMOTION_PENDING_APPROVAL && to != from) {
        int64_t due = tx->now + setting(tx, "promotions.approval_time");
        if (promotion->ends_at && promotion->ends_at < due) due = promotion->ends_at;
        timer(tx, &promotion_kind, id, "expire", due);
    }
    if (to == PROMOTION_SCHEDULED && to != from) timer(tx, &promotion_kind, id, "activate", promotion->starts_at);
    if (shown_or_paused(to) && !shown_or_paused(from) && promotion->ends_at)
        timer(tx, &promotion_kind, id, "end", promotion->ends_at);
}

/* ---- kinds ---- */
static const struct event *const no_events[] = {NULL};
static const struct command no_commands[] = {{0}};
static const struct field promotion_element = ELEMENT(FIELD_ID, struct id, .refers = "promotion");

/* clang-format off */
static const struct field counts_rows[] = {
    ENTITY_ROW(promotion_counts),
    INTEGER(promotion_counts, 2, live, .flags = READ_ONLY, .doc = "pending_approval, scheduled, active and paused"),
    INTEGER(promotion_counts, 3, open, .flags = READ_ONLY, .doc = "all that are not ended, cancelled or deleted"),
};
/* clang-format on */
static const struct fields counts_fields = FIELDS("promotion_counts", struct promotion_counts, counts_rows);

static const char *counts_check(const void *entity)
{
    const struct promotion_counts *counts = entity;
    return counts->live < 0 || counts->open < counts->live ? "live promotions are among the open ones" : NULL;
}

/* clang-format off */
const struct kind promotion_counts_kind = {
    .number = 42, .name = "promotion_counts", .plural = "promotion_counts",
     .doc = "How many promotions a supplier has.",
    .fields = &counts_fields, .events = no_events, .commands = no_commands, .quiet = true, .check = counts_check,
};

static const struct field by_product_rows[] = {
    ENTITY_ROW(product_promotions),
    SCALARS(product_promotions, 2, promotions, struct id, &promotion_element, .max = 10000, .flags = READ_ONLY,
        .doc = "live promotions that name it"),
};
static const struct fields by_product_fields = FIELDS("product_promotions", struct product_promotions, by_product_rows);

const struct kind product_promotions_kind = {
    .number = 44, .name = "product_promotions", .plural = "product_promotions",
     .doc = "The live promotions that name a product.",
    .fields = &by_product_fields, .events = no_events, .commands = no_commands, .quiet = true,
};

static const struct field by_community_rows[] = {
    ENTITY_ROW(community_promotions),
    SCALARS(community_promotions, 2, promotions, struct id, &promotion_element, .max = COMMUNITY_PROMOTIONS_MOST,
        .flags = READ_ONLY, .doc = "live promotions that target it"),
};
static const struct fields by_community_fields = FIELDS("community_promotions", struct community_promotions,
     by_community_rows);

const struct kind community_promotions_kind = {
    .number = 45, .name = "community_promotions", .plural = "community_promotions",
     .doc = "The live promotions that target a community.",
    .fields = &by_community_fields, .events = no_events, .commands = no_commands, .quiet = true,
};
/* clang-format on */
