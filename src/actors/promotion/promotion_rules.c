/* What must hold of a promotion beyond what a field table can say: the shape of each type, its offers, targets and
   window, what a submit wants, and the truths of each state. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/product.h"
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "schema/codec.h"

#include <string.h>

/* ---- offers ---- */
/* An offer in one form: percent without an amount, the others without percent. What a PATCH left over from another kind
   goes; what a body says beside the kind it names is a problem. */
static bool report_offer(struct tx *tx, struct offer *offer, const struct offer *before, const char *path)
{
    if (!offer->kind) {
        bool bad = offer->percent_bp || !money_is_absent(offer->amount);
        if (bad)
            fail_detail(tx, text_print(tx, "%s.kind", path).data, "required", "percent, amount_off or fixed_price");
        return bad;
    }
    bool percent = offer->kind == OFFER_PERCENT;
    bool changed_kind = before && before->kind && before->kind != offer->kind;
    if (changed_kind && percent && !memcmp(&before->amount, &offer->amount, sizeof offer->amount))
        offer->amount = (struct money){0};
    if (changed_kind && !percent && before->percent_bp == offer->percent_bp) offer->percent_bp = 0;
    if (percent && !offer->percent_bp) {
        fail_detail(tx, text_print(tx, "%s.percent_bp", path).data, "required", "how much is off");
        return true;
    }
    if (!percent && money_is_absent(offer->amount)) {
        fail_detail(tx, text_print(tx, "%s.amount", path).data, "required", "how much is off, or the price");
        return true;
    }
    if (percent && !money_is_absent(offer->amount)) {
        fail_detail(tx, text_print(tx, "%s.amount", path).data, "not_allowed", "a percentage has no amount");
        return true;
    }
    if (!percent && offer->percent_bp) {
        fail_detail(tx, text_print(tx, "%s.percent_bp", path).data, "not_allowed", "an amount has no percentage");
        return true;
    }
    return false;
}

static bool report_offers(struct tx *tx, struct promotion *promotion, const struct promotion *before)
{
    bool bad = report_offer(tx, &promotion->offer, before ? &before->offer : NULL, "offer");
    if (promotion->type == TYPE_SINGLE && !promotion->offer.kind) {
        fail_detail(tx, "offer", "required", "a single has an offer");
        bad = true;
    }
    if (promotion->type == TYPE_DEFAULT && promotion->offer.kind) {
        fail_detail(tx, "offer", "not_allowed", "a default has no offer");
        bad = true;
    }
    for (uint32_t i = 0; i < promotion->products.count; i++) {
        struct offer *own = &promotion->products.at[i].offer;
        const char *path = text_print(tx, "products[%u].offer", i).data;
        bad = report_offer(tx, own, NULL, path) || bad;
        if (!own->kind || promotion->type == TYPE_CAMPAIGN) continue;
        fail_detail(tx, path, "not_allowed", "only products of a campaign have offers of their own");
        bad = true;
    }
    return bad;
}

/* ---- products ---- */
static bool report_product(struct tx *tx, const struct promotion *promotion, uint32_t index)
{
    struct id id = promotion->products.at[index].product_id;
    const char *path = text_print(tx, "products[%u].product_id", index).data;
    for (uint32_t i = 0; i < index; i++) {
        if (!id_equal(promotion->products.at[i].product_id, id)) continue;
        fail_detail(tx, path, "duplicate", "a product is named once");
        return true;
    }
    const struct product *product = load(tx, &product_kind, id);
    if (product && product->entity.status != PRODUCT_DELETED && id_equal(product->supplier_id, promotion->supplier_id))
        return false;
    fail_detail(tx, path, "not_found", "the supplier has no such product");
    return true;
}

static bool report_products(struct tx *tx, const struct promotion *promotion)
{
    static const struct {
        uint32_t least, most;
    } counts[] = {[TYPE_CAMPAIGN] = {2, 3}, [TYPE_SINGLE] = {1, 1}, [TYPE_DEFAULT] = {1, 20}};
    uint32_t count = promotion->products.count, least = counts[promotion->type].least,
             most = counts[promotion->type].most;
    bool bad = count < least || count > most;
    if (bad)
        fail_detail(tx, "products", count < least ? "too_few" : "too_many", "this type has %u to %u products", least,
                    most);
    for (uint32_t i = 0; i < count; i++)
        bad = report_product(tx, promotion, i) || bad;
    return bad;
}

/* ---- targets ---- */
static bool report_community(struct tx *tx, const struct promotion *promotion, uint32_t index)
{
    struct id id = promotion->community_ids.at[index];
    const char *path = text_print(tx, "community_ids[%u]", index).data;
    for (uint32_t i = 0; i < index; i++) {
        if (!id_equal(promotion->community_ids.at[i], id)) continue;
        fail_detail(tx, path, "duplicate", "a community is named once");
        return true;
    }
    const struct community *community = load(tx, &community_kind, id);
    if (community && community_live(community)) return false;
    fail_detail(tx, path, "not_found", "there is no such live community");
    return true;
}

static bool report_targets(struct tx *tx, const struct promotion *promotion)
{
    bool wanted = promotion->visibility != VISIBILITY_GLOBAL, bad = false;
    if (wanted && !promotion->community_ids.count) {
        fail_detail(tx, "community_ids", "required", "name 1 to 20 communities");
        bad = true;
    }
    if (!wanted && promotion->community_ids.count) {
        fail_detail(tx, "community_ids", "not_allowed", "a global promotion names no community");
        bad = true;
    }
    for (uint32_t i = 0; i < promotion->community_ids.count; i++)
        bad = report_community(tx, promotion, i) || bad;
    return bad;
}

/* ---- window ---- */
static bool report_window(struct tx *tx, const struct promotion *promotion)
{
    if (!promotion->ends_at) {
        if (promotion->type == TYPE_DEFAULT) return false;
        fail_detail(tx, "ends_at", "required", "only a default has no end");
        return true;
    }
    if (promotion->ends_at <= promotion->starts_at) {
        fail_detail(tx, "ends_at", "too_small", "it ends after its start");
        return true;
    }
    if (promotion->ends_at - promotion->starts_at > DAYS(366)) {
        fail_detail(tx, "ends_at", "too_large", "it lasts 366 days at most");
        return true;
    }
    return false;
}

enum error promotion_complete(struct tx *tx, struct promotion *promotion, const struct promotion *before)
{
    bool bad = report_products(tx, promotion);
    bad = report_offers(tx, promotion, before) || bad;
    bad = report_targets(tx, promotion) || bad;
    bad = report_window(tx, promotion) || bad;
    return bad ? fail(tx, ERROR_VALIDATION_FAILED, "the promotion has invalid values") : OK;
}

bool promotion_content_changed(const struct promotion *before, const struct promotion *after)
{
    struct promotion same = *after; /* all but the content taken from before */
    same.entity = before->entity;
    same.visibility = before->visibility;
    same.community_ids = before->community_ids;
    return !schema_equal(&promotion_fields, before, &same);
}

/* ---- submit ---- */
enum error promotion_submittable(struct tx *tx, const struct promotion *promotion)
{
    const struct supplier *supplier = load(tx, &supplier_kind, promotion->supplier_id);
    if (!supplier || !supplier_sells(supplier))
        return fail(tx, ERROR_SUPPLIER_NOT_VERIFIED, "promotions are submitted while their supplier is verified");
    for (uint32_t i = 0; i < promotion->products.count; i++) {
        const struct product *product = load(tx, &product_kind, promotion->products.at[i].product_id);
        if (product && product->entity.status == PRODUCT_PUBLISHED) continue;
        fail_detail(tx, text_print(tx, "products[%u].product_id", i).data, "incomplete",
                    "the product is not published");
    }
    for (uint32_t i = 0; i < promotion->community_ids.count; i++) {
        const struct community *community = load(tx, &community_kind, promotion->community_ids.at[i]);
        if (community && community_live(community)) continue;
        fail_detail(tx, text_print(tx, "community_ids[%u]", i).data, "incomplete", "the community is not live");
    }
    if (promotion->ends_at && promotion->ends_at <= tx->now)
        fail_detail(tx, "ends_at", "incomplete", "its end is past");
    return fail_details(tx) ? fail(tx, ERROR_INCOMPLETE, "it cannot be submitted so") : OK;
}

/* ---- truths ---- */
static bool approved_and_waiting_or_shown(int64_t status)
{
    return status == PROMOTION_SCHEDULED || status == PROMOTION_ACTIVE || status == PROMOTION_PAUSED;
}

const char *promotion_check(const void *entity)
{
    const struct promotion *promotion = entity;
    int64_t status = promotion->entity.status;
    bool was_active = status == PROMOTION_ACTIVE || status == PROMOTION_PAUSED || status == PROMOTION_ENDED;
    bool never_active = status == PROMOTION_DRAFT || status == PROMOTION_PENDING_APPROVAL ||
                        status == PROMOTION_SCHEDULED || status == PROMOTION_REJECTED;
    if (was_active && !promotion->first_activated_at) return "what was ever active has first_activated_at";
    if (never_active && promotion->first_activated_at) return "what was never active has no first_activated_at";
    if (approved_and_waiting_or_shown(status) && (approvals_pending(promotion) || !approvals_given(promotion)))
        return "scheduled, active and paused have no pending and at least one approved target";
    if (status == PROMOTION_PENDING_APPROVAL && !approvals_pending(promotion))
        return "pending_approval waits for somebody";
    if (approved_and_waiting_or_shown(status) && promotion->product_snapshots.count != promotion->products.count)
        return "what was submitted has a snapshot of each product";
    if (promotion->ends_at && promotion->ends_at <= promotion->starts_at) return "it ends after its start";
    if ((status == PROMOTION_DELETED) != (promotion->entity.deleted_at != 0))
        return "deleted_at is set exactly in deleted";
    return NULL;
}
