/* Promotions: a supplier's offer for some of its products, approved by whoever it is shown to (the platform for global,
   the owner of each community), a card in those feeds while active, and the price of items attributed to it.

   promotion.c       the kind and its commands
   approvals.c       targets and their approvals
   offers.c          what an offer makes of a price, and who may use it
   promotion_rules.c what must hold of a bound body, and of each state
   promotion_counts.c the small actors beside it
   audience.c        clicks and impressions
   promotion_views.c performance, and what follows its facts */
#pragma once
#include "actors/runtime/kind.h"

struct product;
struct product_variant;

enum promotion_status {
    PROMOTION_DRAFT = 1,
    PROMOTION_PENDING_APPROVAL,
    PROMOTION_SCHEDULED,
    PROMOTION_ACTIVE,
    PROMOTION_PAUSED,
    PROMOTION_ENDED,
    PROMOTION_CANCELLED,
    PROMOTION_REJECTED,
    PROMOTION_DELETED
};
enum promotion_type { TYPE_CAMPAIGN = 1, TYPE_SINGLE, TYPE_DEFAULT };
enum promotion_visibility { VISIBILITY_GLOBAL = 1, VISIBILITY_COMMUNITIES, VISIBILITY_BOTH };
enum offer_kind { OFFER_PERCENT = 1, OFFER_AMOUNT_OFF, OFFER_FIXED_PRICE };
enum approval_target { TARGET_GLOBAL = 1, TARGET_COMMUNITY };
enum approval_decision { DECISION_PENDING = 1, DECISION_APPROVED, DECISION_REJECTED, DECISION_REVOKED };

/* Per unit. Percent has percent_bp, the others amount. */
struct offer {
    enum offer_kind kind;
    int64_t percent_bp;
    struct money amount;
};
struct promotion_product {
    struct id product_id;
    struct offer offer; /* of a campaign: wins over the promotion's */
};
struct variant_price {
    struct id variant_id;
    struct money price;
};
struct promotion_snapshot { /* of a product, taken at submit */
    struct id product_id;
    struct text product_name;
    struct money original_price; /* the lowest */
    struct text image_url;
    int64_t snapshot_at;
    LIST_OF(struct variant_price) variants;
};
struct approval {
    enum approval_target target;
    struct id community_id; /* of TARGET_COMMUNITY */
    enum approval_decision decision;
    struct id by;
    int64_t at;
    struct text reason;
    int64_t content_version; /* that was submitted, and approved */
};

struct promotion {
    struct entity entity;
    struct id supplier_id;
    enum promotion_type type;
    struct text title, description, image_url;
    LIST_OF(struct promotion_product) products;
    struct offer offer;
    enum promotion_visibility visibility;
    LIST_OF(struct id) community_ids;
    int64_t starts_at, ends_at; /* ends_at 0: no end, of default alone */
    LIST_OF(struct promotion_snapshot) product_snapshots;
    LIST_OF(struct approval) approvals;
    int64_t first_activated_at; /* set once */
    int64_t content_version;
    int64_t submitted_at;
    struct money lowest_offer_price; /* of all snapshot variants, set at submit: what a card shows */
    struct text reason;              /* of the last rejection or cancellation */
    bool paused_by_staff;
    struct id deleted_by;
};

/* Of a supplier (id: the supplier's), quiet. `live`: pending_approval, scheduled, active, paused.
   `open`: not ended, cancelled or deleted, which max_promotions limits. */
struct promotion_counts {
    struct entity entity;
    int64_t live, open;
};
/* The live promotions that name a product (id: the product's), quiet; as many as a supplier may have. */
struct product_promotions {
    struct entity entity;
    LIST_OF(struct id) promotions;
};
/* Who sees a promotion in one community, or globally (community ID_NONE); id: promotion_audience_id(). Each click is its
   event promotion.clicked, each sum of impressions promotion.impressions_counted, so that neither raises the promotion's
   version. */
struct promotion_audience {
    struct entity entity;
    struct id promotion_id, community_id;
    int64_t counted_until; /* end of the last interval of impressions */
};
/* A view: what came of a promotion in one community, or globally (community ID_NONE); id: promotion_audience_id(). */
struct promotion_performance {
    struct entity entity;
    struct id promotion_id, community_id;
    int64_t impressions, clicks, conversions, units, revenue, refunded;
};

extern const struct kind promotion_kind, promotion_counts_kind, product_promotions_kind, promotion_audience_kind,
    promotion_performance_kind;
extern const struct kind *const promotion_kinds[];         /* NULL-terminated */
extern const struct follower *const promotion_followers[]; /* NULL-terminated */
extern const struct event promotion_activated, promotion_clicked, promotion_impressions_counted;

/* A card of it was shown in this feed (community ID_NONE: global): one impression, if the page is answered with 200. */
void promotion_count_impression(struct tx *tx, struct id promotion_id, struct id community_id);

struct id promotion_audience_id(struct id promotion_id, struct id community_id);
/* The row of a view, made when missing, with both ids set; NULL only when pending. For folds. */
struct promotion_performance *promotion_performance_row(struct tx *tx, struct id promotion_id, struct id community_id);

/* ---- approvals.c ---- */
bool promotion_targets_global(const struct promotion *promotion);
bool promotion_targets_community(const struct promotion *promotion, struct id community_id);
const struct approval *promotion_approval(const struct promotion *promotion, enum approval_target target,
                                          struct id community_id);
/* Approved for the global feed, or for this community's. */
bool promotion_approved_for(const struct promotion *promotion, struct id community_id); /* ID_NONE: global */
/* pending_approval, scheduled, active or paused. */
bool promotion_live(const struct promotion *promotion);

/* ---- offers.c ---- */
bool promotion_covers(const struct promotion *promotion, struct id product_id);
/* Active now, and its supplier sells: it shows cards, gives prices and counts. */
bool promotion_gives_price(struct tx *tx, const struct promotion *promotion);
/* May the asker use it where it was named? community ID_NONE: approved globally; else approved there, and the community
   is public or the asker an active member. Includes promotion_gives_price. */
bool promotion_applies(struct tx *tx, const struct promotion *promotion, struct id community_id);
/* The offer for a product (its own, else the promotion's); NULL: none. */
const struct offer *promotion_offer(const struct promotion *promotion, struct id product_id);
/* The unit price of a variant under the promotion. One that the snapshot lacks, or without an offer: its price. */
struct money promotion_offer_price(const struct promotion *promotion, struct id product_id,
                                   const struct product_variant *variant);
/* The lowest offer price of what was submitted; a card's. Absent before the first submit. */
struct money promotion_lowest_offer_price(const struct promotion *promotion);
/* "-30 %", "-5.00 USD", "from 9.99 USD": what a card says of the offer; absent without one. */
struct text promotion_offer_label(struct tx *tx, const struct promotion *promotion);
