/* Stock of one variant at one location. The id is derived from both ends, so there can be one at most.

   Moves (the first counter gives the sign of `delta` in product.inventory_updated):
     reserve  reserved + q                           order placed; needs available - q >= -backorder_limit
     release  reserved - q                           declined, cancelled or expired before payment
     commit   on_hand - q, reserved - q, allocated + q   payment succeeded
     ship     allocated - q, shipped + q             item shipped
     restock  on_hand + q, allocated - q             item cancelled after confirmation
     adjust   on_hand +- q                           by hand, with a reason
   Always: available = on_hand - reserved >= -backorder_limit; reserved, allocated, shipped >= 0;
   received + adjusted = on_hand + unavailable + allocated + shipped - oversold. */
#pragma once
#include "actors/runtime/kind.h"

struct supplier;
struct product_variant;

enum stock_status { STOCK_KEPT = 1 };
enum stock_cause {
    CAUSE_RESERVE = 1,
    CAUSE_RELEASE,
    CAUSE_COMMIT,
    CAUSE_SHIP,
    CAUSE_RESTOCK,
    CAUSE_ADJUST,
    CAUSE_LIMITS
};
enum adjust_reason {
    ADJUST_RECEIVED = 1,
    ADJUST_COUNT,
    ADJUST_DAMAGED,
    ADJUST_LOST,
    ADJUST_RETURNED,
    ADJUST_CORRECTION
};

struct stock {
    struct entity entity;
    struct id product_id, variant_id, location_id, supplier_id;
    int64_t on_hand, reserved, allocated, shipped;
    int64_t available;          /* on_hand - reserved */
    int64_t received, adjusted; /* sums of the adjustments with reason received, and of all others */
    int64_t unavailable, incoming, oversold;
    int64_t threshold, backorder_limit;
};

/* Who a move is for: {"order", order id}. */
struct stock_holder {
    struct text kind;
    struct id id;
};
/* What was taken where; release, commit, ship and restock use exactly these. */
struct allocation {
    struct id location_id;
    int64_t quantity;
};
struct allocation_list {
    struct allocation *at;
    uint32_t count;
};
extern const struct fields allocation_fields, stock_holder_fields;

/* Data of product.inventory_updated. */
struct inventory_move {
    enum stock_cause cause;
    int64_t delta;
    enum adjust_reason reason;
    struct text note;
    struct stock_holder holder;
};

/* What a product's variants have at each location: a view, id of the product. */
struct stock_level {
    struct id variant_id, location_id;
    int64_t available;
};
struct product_stock {
    struct entity entity;
    LIST_OF(struct stock_level) levels; /* by variant, then location */
};

extern const struct kind stock_kind, product_stock_kind;
extern const struct event product_inventory_updated, product_stock_low;
extern const struct follower product_stock_follower; /* keeps product_stock */

/* Where the levels of a variant begin, or would. */
uint32_t product_stock_first(const struct product_stock *row, struct id variant_id);

struct id stock_id(struct id variant_id, struct id location_id);

/* The split of a line over the active locations, by (priority, id): the first that can fill all of it; else greedily in
   that order, and what is then missing goes to the first whose backorder limit allows it. False when it cannot be
   filled. *available: what the active locations have together. Reads what earlier calls of this unit of work left. */
bool stock_plan(struct tx *tx, const struct supplier *supplier, struct id variant_id, int64_t quantity,
                struct allocation_list *plan, int64_t *available);
/* Plans and reserves; a variant that tracks no stock takes nothing. ERROR_OUT_OF_STOCK without calling fail(): the
   caller reports all lines together. */
enum error stock_reserve(struct tx *tx, const struct supplier *supplier, const struct product_variant *variant,
                         int64_t quantity, struct stock_holder holder, struct allocation_list *taken,
                         int64_t *available);
void stock_release(struct tx *tx, struct id variant_id, const struct allocation_list *taken,
                   struct stock_holder holder);
void stock_commit(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder);
void stock_ship(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder);
void stock_restock(struct tx *tx, struct id variant_id, const struct allocation_list *taken,
                   struct stock_holder holder);
