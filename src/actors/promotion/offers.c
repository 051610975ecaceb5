/* What an offer makes of a price, and who may use it. All of it is integers: an offer of 30 % on 9999 is
   9999 - half_up(9999 * 3000 / 10000) = 6999. */
#include "actors/promotion/promotion_internal.h"

#include "actors/catalog/product.h"
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"

bool promotion_covers(const struct promotion *promotion, struct id product_id)
{
    for (uint32_t i = 0; i < promotion->products.count; i++)
        if (id_equal(promotion->products.at[i].product_id, product_id)) return true;
    return false;
}

bool promotion_gives_price(struct tx *tx, const struct promotion *promotion)
{
    if (promotion->entity.status != PROMOTION_ACTIVE) return false;
    if (promotion->ends_at && promotion->ends_at <= tx->now) return false; /* its timer may be a moment late */
    const struct supplier *supplier = load(tx, &supplier_kind, promotion->supplier_id);
    return supplier && supplier_sells(supplier);
}

bool promotion_applies(struct tx *tx, const struct promotion *promotion, struct id community_id)
{
    if (!promotion_gives_price(tx, promotion) || !promotion_approved_for(promotion, community_id)) return false;
    if (id_is_none(community_id)) return true;
    const struct community *community = load(tx, &community_kind, community_id);
    if (!community || !community_live(community)) return false;
    return community->visibility == VISIBILITY_PUBLIC || (community_relations_of(tx, community_id) & MEMBER);
}

const struct offer *promotion_offer(const struct promotion *promotion, struct id product_id)
{
    for (uint32_t i = 0; i < promotion->products.count; i++) {
        const struct promotion_product *line = &promotion->products.at[i];
        if (!id_equal(line->product_id, product_id)) continue;
        if (line->offer.kind) return &line->offer;
        return promotion->offer.kind ? &promotion->offer : NULL;
    }
    return NULL;
}

/* A price that was raised after approval cannot eat the discount: the lower of then and now counts. */
static struct money under_offer(const struct offer *offer, struct money price, struct money then)
{
    struct money result = price;
    int64_t base = price.amount < then.amount ? price.amount : then.amount;
    switch (offer->kind) {
#if defined MUTANT && MUTANT == 16
    case OFFER_PERCENT: result.amount = base - (int64_t)((__int128)base * offer->percent_bp / BASIS_POINTS_ONE); break;
#else
    case OFFER_PERCENT: result.amount = base - half_up((__int128)base * offer->percent_bp, BASIS_POINTS_ONE); break;
#endif
    case OFFER_AMOUNT_OFF: result.amount = base > offer->amount.amount ? base - offer->amount.amount : 0; break;
    case OFFER_FIXED_PRICE: result.amount = base < offer->amount.amount ? base : offer->amount.amount; break;
    }
    return result;
}

static const struct promotion_snapshot *snapshot_of(const struct promotion *promotion, struct id product_id)
{
    for (uint32_t i = 0; i < promotion->product_snapshots.count; i++)
        if (id_equal(promotion->product_snapshots.at[i].product_id, product_id))
            return &promotion->product_snapshots.at[i];
    return NULL;
}

struct money promotion_offer_price(const struct promotion *promotion, struct id product_id,
                                   const struct product_variant *variant)
{
    const struct offer *offer = promotion_offer(promotion, product_id);
    const struct promotion_snapshot *snapshot = snapshot_of(promotion, product_id);
    if (!offer || !snapshot) return variant->price;
    for (uint32_t i = 0; i < snapshot->variants.count; i++)
        if (id_equal(snapshot->variants.at[i].variant_id, variant->id))
            return under_offer(offer, variant->price, snapshot->variants.at[i].price);
    return variant->price;
}

struct money promotion_lowest_offer_price(const struct promotion *promotion)
{
    return promotion->lowest_offer_price;
}

/* ---- snapshots ---- */
static void take_snapshot(struct tx *tx, struct promotion_snapshot *snapshot, const struct product *product)
{
    *snapshot = (struct promotion_snapshot){.product_id = product->entity.id,
                                            .product_name = product->name,
                                            .original_price = product->lowest_price,
                                            .image_url = product->media.primary_url,
                                            .snapshot_at = tx->now};
    snapshot->variants.at = ARENA_ARRAY(tx->arena, struct variant_price, product->variants.count + 1);
    for (uint32_t i = 0; i < product->variants.count; i++) {
        const struct product_variant *variant = &product->variants.at[i];
        if (!variant->retired)
            snapshot->variants.at[snapshot->variants.count++] = (struct variant_price){variant->id, variant->price};
    }
}

static struct money lowest_under_offer(const struct promotion *promotion)
{
    struct money lowest = {0};
    for (uint32_t i = 0; i < promotion->product_snapshots.count; i++) {
        const struct promotion_snapshot *snapshot = &promotion->product_snapshots.at[i];
        const struct offer *offer = promotion_offer(promotion, snapshot->product_id);
        for (uint32_t k = 0; k < snapshot->variants.count; k++) {
            struct money price = snapshot->variants.at[k].price;
            if (offer) price = under_offer(offer, price, price);
            if (money_is_absent(lowest) || price.amount < lowest.amount) lowest = price;
        }
    }
    return lowest;
}

void promotion_take_snapshots(struct tx *tx, struct promotion *promotion)
{
    uint32_t count = promotion->products.count;
    promotion->product_snapshots.at = ARENA_ARRAY(tx->arena, struct promotion_snapshot, count + 1);
    promotion->product_snapshots.count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct product *product = load(tx, &product_kind, promotion->products.at[i].product_id);
        if (!product) return; /* being loaded: this run is void */
        take_snapshot(tx, &promotion->product_snapshots.at[promotion->product_snapshots.count++], product);
    }
    promotion->lowest_offer_price = lowest_under_offer(promotion);
}

/* ---- the words on a card ---- */
static const struct offer *only_offer(const struct promotion *promotion)
{
    const struct offer *offer = NULL;
    for (uint32_t i = 0; i < promotion->products.count; i++) {
        const struct offer *own = promotion_offer(promotion, promotion->products.at[i].product_id);
        if (!own) continue;
        if (offer && (offer->kind != own->kind || offer->percent_bp != own->percent_bp ||
                      offer->amount.amount != own->amount.amount))
            return NULL;
        offer = own;
    }
    return offer;
}

static bool has_offer(const struct promotion *promotion)
{
    for (uint32_t i = 0; i < promotion->products.count; i++)
        if (promotion_offer(promotion, promotion->products.at[i].product_id)) return true;
    return false;
}

struct text promotion_offer_label(struct tx *tx, const struct promotion *promotion)
{
    if (!has_offer(promotion)) return (struct text){0};
    const struct offer *offer = only_offer(promotion);
    struct money price = promotion->lowest_offer_price;
    if (offer && offer->kind == OFFER_PERCENT && offer->percent_bp % 100)
        return text_print(tx, "-%lld.%02lld %%", (long long)(offer->percent_bp / 100),
                          (long long)(offer->percent_bp % 100));
    if (offer && offer->kind == OFFER_PERCENT) return text_print(tx, "-%lld %%", (long long)(offer->percent_bp / 100));
    if (offer && offer->kind == OFFER_AMOUNT_OFF)
        return text_print(tx, "-%lld.%02lld %s", (long long)(offer->amount.amount / 100),
                          (long long)(offer->amount.amount % 100), offer->amount.currency);
    return text_print(tx, "from %lld.%02lld %s", (long long)(price.amount / 100), (long long)(price.amount % 100),
                      price.currency);
}
