/* Stock of one variant at one location: moves, and the split of an order line. The truths are in stock.h. */
#include "actors/catalog/stock.h"
#include "actors/catalog/product.h"
#include "actors/catalog/supplier.h"
#include "actors/runtime/tx.h"

enum { QUANTITY_MOST = 1000000000 }; /* of one stock: sums of many stay far from overflow */

/* ---- fields ---- */
static const char *const status_values[] = {NULL, "kept"};
static const struct enumeration statuses = ENUMERATION("stock_status", status_values);
/* clang-format off */
static const char *const cause_values[] = {
    NULL, "reserve", "release", "commit", "ship", "restock", "adjust", "limits"
};
/* clang-format on */
static const struct enumeration causes = ENUMERATION("stock_cause", cause_values);
static const char *const reason_values[] = {NULL, "received", "count", "damaged", "lost", "returned", "correction"};
static const struct enumeration reasons = ENUMERATION("adjust_reason", reason_values);

/* clang-format off */
static const struct field allocation_rows[] = {
    ID(allocation, 1, location_id, .doc = "where it was taken"),
    INTEGER(allocation, 2, quantity, .doc = "how many"),
};
const struct fields allocation_fields = FIELDS("allocation", struct allocation, allocation_rows);

static const struct field holder_rows[] = {
    TEXT(stock_holder, 1, kind, .max = 40, .doc = "what it was moved for: order"),
    ID(stock_holder, 2, id, .doc = "its id"),
};
const struct fields stock_holder_fields = FIELDS("stock_holder", struct stock_holder, holder_rows);

static const struct field stock_rows[] = {
    ENTITY_ROW(stock),
    ID(stock, 2, product_id, .flags = READ_ONLY, .refers = "product", .doc = "the product"),
    ID(stock, 3, variant_id, .flags = READ_ONLY, .doc = "the variant"),
    ID(stock, 4, location_id, .flags = READ_ONLY, .doc = "the supplier's location"),
    ID(stock, 5, supplier_id, .flags = READ_ONLY, .refers = "supplier", .doc = "whose it is"),
    INTEGER(stock, 6, on_hand, .flags = READ_ONLY, .doc = "on the shelf and not sold"),
    INTEGER(stock, 7, reserved, .flags = READ_ONLY, .doc = "held by orders that wait for payment"),
    INTEGER(stock, 8, allocated, .flags = READ_ONLY,
        .doc = "sold, not yet shipped; a shelf count equals on_hand + allocated"),
    INTEGER(stock, 9, shipped, .flags = READ_ONLY, .doc = "shipped so far"),
    INTEGER(stock, 10, available, .flags = READ_ONLY, .doc = "on_hand - reserved"),
    INTEGER(stock, 11, received, .flags = READ_ONLY, .doc = "sum of the adjustments with reason received"),
    INTEGER(stock, 12, adjusted, .flags = READ_ONLY, .doc = "sum of all other adjustments"),
    INTEGER(stock, 13, unavailable, .flags = READ_ONLY, .doc = "there, but not for sale"),
    INTEGER(stock, 14, incoming, .flags = READ_ONLY, .doc = "on its way here"),
    INTEGER(stock, 15, oversold, .flags = READ_ONLY, .doc = "sold elsewhere beyond what there was"),
    INTEGER(stock, 16, threshold, .min = 0, .max = QUANTITY_MOST, .initial = 10,
        .doc = "product.stock_low is emitted when available falls to it"),
    INTEGER(stock, 17, backorder_limit, .min = 0, .max = QUANTITY_MOST, .doc = "how far available may go below 0"),
};
static const struct fields stock_fields = FIELDS("stock", struct stock, stock_rows);

/* ---- events ---- */
static const struct field move_rows[] = {
    ENUM(inventory_move, 1, cause, &causes, .doc = "which move"),
    INTEGER(inventory_move, 2, delta, .doc = "its quantity, signed as the first counter of the move"),
    ENUM(inventory_move, 3, reason, &reasons, .doc = "of an adjustment"),
    TEXT(inventory_move, 4, note, .format = FORMAT_LONG, .max = 500, .doc = "of an adjustment"),
    STRUCT(inventory_move, 5, holder, struct stock_holder, &stock_holder_fields, .doc = "what it was moved for"),
};
/* clang-format on */
static const struct fields move_fields = FIELDS("inventory_move", struct inventory_move, move_rows);
/* clang-format off */
static const uint16_t carried[] = {
    2, 3, 4, 6, 7, 8, 10, 0
}; /* product, variant, location, on_hand, reserved, allocated, available */
const struct event product_inventory_updated = { 1, "product.inventory_updated", carried, &move_fields,
                                                 "stock was moved" };
/* clang-format on */
const struct event product_stock_low = {2, "product.stock_low", carried, NULL, "available fell to the threshold"};
static const struct event *const events[] = {&product_inventory_updated, &product_stock_low, NULL};

/* clang-format off */
static const struct transition transitions[] = {
    {FROM_NONE | STATE(STOCK_KEPT), "adjust", STOCK_KEPT, NULL},
    {STATE(STOCK_KEPT),             "limits", TO_SAME,    NULL},
};
/* clang-format on */
static const struct machine machine = MACHINE(&statuses, transitions);

/* ---- index ---- */
static void product_keys(const void *entity, struct key_writer *writer)
{
    const struct stock *stock = entity;
    key_begin(writer);
    key_id(writer, stock->product_id);
    key_id(writer, stock->variant_id);
    key_end(writer);
}
static const struct index by_product = {1, "product", .keys = product_keys, .doc = "product, variant"};
static const struct index *const indexes[] = {&by_product, NULL};

/* ---- moves ---- */
struct id stock_id(struct id variant_id, struct id location_id)
{
    return id_derived("stock", variant_id, location_id);
}

/* Ends every move: available follows, and the events are named. */
static void moved(struct tx *tx, struct stock *stock, int64_t available_before, const struct inventory_move *move)
{
    stock->available = stock->on_hand - stock->reserved;
    emit(tx, stock, &stock_kind, &product_inventory_updated, move);
    if (available_before > stock->threshold && stock->available <= stock->threshold)
        emit(tx, stock, &stock_kind, &product_stock_low, NULL);
}

static void move_one(struct tx *tx, enum stock_cause cause, struct id variant_id, const struct allocation *taken,
                     struct stock_holder holder)
{
    struct stock *stock = edit(tx, &stock_kind, stock_id(variant_id, taken->location_id));
    if (!stock) return; /* being loaded: this run is void */
    int64_t q = taken->quantity, before = stock->available, delta = 0;
    switch (cause) {
    case CAUSE_RESERVE:
        delta = q;
        stock->reserved += q;
        break;
    case CAUSE_RELEASE:
        delta = -q;
        stock->reserved -= q;
        break;
    case CAUSE_COMMIT:
        delta = -q;
        stock->on_hand -= q;
        stock->reserved -= q;
        stock->allocated += q;
#if defined MUTANT && MUTANT == 2
        stock->on_hand -= q;
        stock->allocated += q;
#endif
        break;
    case CAUSE_SHIP:
        delta = -q;
        stock->allocated -= q;
        stock->shipped += q;
        break;
    case CAUSE_RESTOCK:
        delta = q;
        stock->allocated -= q;
        stock->on_hand += q;
        break;
    case CAUSE_ADJUST:
    case CAUSE_LIMITS: return; /* commands of their own */
    }
    moved(tx, stock, before, &(struct inventory_move){.cause = cause, .delta = delta, .holder = holder});
}

static void move_all(struct tx *tx, enum stock_cause cause, struct id variant_id, const struct allocation_list *taken,
                     struct stock_holder holder)
{
    for (uint32_t i = 0; i < taken->count; i++)
        move_one(tx, cause, variant_id, &taken->at[i], holder);
}

void stock_release(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder)
{
    move_all(tx, CAUSE_RELEASE, variant_id, taken, holder);
}

void stock_commit(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder)
{
    move_all(tx, CAUSE_COMMIT, variant_id, taken, holder);
}

void stock_ship(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder)
{
    move_all(tx, CAUSE_SHIP, variant_id, taken, holder);
}

void stock_restock(struct tx *tx, struct id variant_id, const struct allocation_list *taken, struct stock_holder holder)
{
    move_all(tx, CAUSE_RESTOCK, variant_id, taken, holder);
}

/* ---- the split ---- */
static void take(struct tx *tx, struct allocation_list *plan, struct id location_id, int64_t quantity)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        if (!id_equal(plan->at[i].location_id, location_id)) continue;
        plan->at[i].quantity += quantity;
        return;
    }
    *LIST_ADD(tx->arena, plan) = (struct allocation){location_id, quantity};
}

bool stock_plan(struct tx *tx, const struct supplier *supplier, struct id variant_id, int64_t quantity,
                struct allocation_list *plan, int64_t *available)
{
    const struct location **locations;
    uint32_t count = supplier_active_locations(tx->arena, supplier, &locations);
    const struct stock **stocks = ARENA_ARRAY(tx->arena, const struct stock *, count + 1);
    *plan = (struct allocation_list){0};
    *available = 0;
    for (uint32_t i = 0; i < count; i++) {
        stocks[i] = load(tx, &stock_kind, stock_id(variant_id, locations[i]->id));
        if (stocks[i] && stocks[i]->available > 0) *available += stocks[i]->available;
    }
    for (uint32_t i = 0; i < count; i++) { /* one that has it all */
#if defined MUTANT && MUTANT == 13
        if (!stocks[i] || stocks[i]->available + 1 < quantity) continue;
#else
        if (!stocks[i] || stocks[i]->available < quantity) continue;
#endif
        take(tx, plan, locations[i]->id, quantity);
        return true;
    }
    int64_t missing = quantity;
    for (uint32_t i = 0; i < count && missing; i++) { /* greedily */
        if (!stocks[i] || stocks[i]->available <= 0) continue;
        int64_t part = stocks[i]->available < missing ? stocks[i]->available : missing;
        take(tx, plan, locations[i]->id, part);
        missing -= part;
    }
    for (uint32_t i = 0; i < count && missing; i++) { /* what is missing, on backorder */
        if (!stocks[i]) continue;
        int64_t left = stocks[i]->available > 0 ? 0 : stocks[i]->available;
#if !defined MUTANT || MUTANT != 3
        if (left - missing < -stocks[i]->backorder_limit) continue;
#endif
        take(tx, plan, locations[i]->id, missing);
        missing = 0;
    }
    if (missing) *plan = (struct allocation_list){0};
    return !missing;
}

enum error stock_reserve(struct tx *tx, const struct supplier *supplier, const struct product_variant *variant,
                         int64_t quantity, struct stock_holder holder, struct allocation_list *taken,
                         int64_t *available)
{
    *taken = (struct allocation_list){0};
    *available = 0;
    if (!variant->track_stock) return OK;
    if (!stock_plan(tx, supplier, variant->id, quantity, taken, available)) return ERROR_OUT_OF_STOCK;
    move_all(tx, CAUSE_RESERVE, variant->id, taken, holder);
    return OK;
}

/* ---- rights: the team of the product in the path ---- */
/* The product of the path if the asker may see it. */
static const struct product *path_product(struct tx *tx)
{
    const struct product *product = load(tx, &product_kind, product_of_path(tx));
    return product && relations_to(tx, &product_kind, product) ? product : NULL;
}

/* Without a product there is nothing to protect: the list then passes to stock_list, which answers 404. */
static uint32_t stock_relations(struct tx *tx, const void *entity)
{
    const struct stock *stock = entity;
    if (stock && !id_is_none(stock->supplier_id)) return supplier_relations_of(tx, stock->supplier_id);
    const struct product *product = path_product(tx);
    return product ? supplier_relations_of(tx, product->supplier_id) : TEAM;
}

/* It is seen through its product. */
static bool stock_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)relations;
    const struct stock *stock = entity;
    const struct product *product = path_product(tx);
    return product && id_equal(product->entity.id, stock->product_id);
}

static const char *stock_check(const void *entity)
{
    const struct stock *stock = entity;
    if (stock->reserved < 0 || stock->allocated < 0 || stock->shipped < 0)
        return "reserved, allocated and shipped are not negative";
    if (stock->available != stock->on_hand - stock->reserved) return "available is on_hand - reserved";
    if (stock->available < -stock->backorder_limit) return "available is not below -backorder_limit";
    if (stock->received + stock->adjusted !=
        stock->on_hand + stock->unavailable + stock->allocated + stock->shipped - stock->oversold)
        return "received + adjusted = on_hand + unavailable + allocated + shipped - oversold";
    return NULL;
}

/* ---- commands by hand ---- */
struct adjust_body {
    struct id variant_id, location_id;
    int64_t delta, on_hand;
    enum adjust_reason reason;
    struct text note;
};
/* clang-format off */
static const struct field adjust_rows[] = {
    ID(adjust_body, 1, variant_id, .flags = REQUIRED, .doc = "the variant"),
    ID(adjust_body, 2, location_id, .flags = REQUIRED, .refers = "location", .doc = "the supplier's location"),
    INTEGER(adjust_body, 3, delta, .min = -QUANTITY_MOST, .max = QUANTITY_MOST,
        .doc = "change of on_hand; either this or on_hand"),
    INTEGER(adjust_body, 4, on_hand, .min = 0, .max = QUANTITY_MOST, .doc = "new on_hand; either this or delta"),
    ENUM(adjust_body, 5, reason, &reasons, .flags = REQUIRED, .doc = "why"),
    TEXT(adjust_body, 6, note, .format = FORMAT_LONG, .max = 500, .doc = "for whoever reads the history"),
};
/* clang-format on */
static const struct fields adjust_fields = FIELDS("stock_adjust", struct adjust_body, adjust_rows);

static struct id adjust_target(struct tx *tx)
{
    const struct adjust_body *body = tx->body;
    return path_product(tx) ? stock_id(body->variant_id, body->location_id) : ID_NONE;
}

/* A stock is made by its first adjustment; the body is checked against the product of the path and its supplier. */
static enum error stock_begin(struct tx *tx, struct stock *stock, const struct adjust_body *body)
{
    const struct product *product = load(tx, &product_kind, product_of_path(tx));
    const struct supplier *supplier = product ? load(tx, &supplier_kind, product->supplier_id) : NULL;
    if (!supplier) return fail(tx, ERROR_NOT_FOUND, "there is no such product");
    if (!product_variant_find(product, body->variant_id))
        fail_detail(tx, "variant_id", "not_found", "this product has no such variant");
    if (!supplier_location(supplier, body->location_id))
        fail_detail(tx, "location_id", "not_found", "the supplier has no such location");
    if (fail_details(tx)) return fail(tx, ERROR_VALIDATION_FAILED, "variant or location is unknown");
    if (!id_is_none(stock->product_id)) return OK;
    stock->product_id = product->entity.id;
    stock->variant_id = body->variant_id;
    stock->location_id = body->location_id;
    stock->supplier_id = product->supplier_id;
    supplier_use_location(tx, product->supplier_id, body->location_id);
    return OK;
}

static enum error stock_adjust(struct tx *tx)
{
    struct stock *stock = tx->subject;
    const struct adjust_body *body = tx->body;
    if (has(tx, "delta") == has(tx, "on_hand")) {
        fail_detail(tx, "delta", "required", "send delta or on_hand, and not both");
        return fail(tx, ERROR_VALIDATION_FAILED, "send delta or on_hand");
    }
    enum error error = stock_begin(tx, stock, body);
    if (error) return error;
    int64_t delta = has(tx, "delta") ? body->delta : body->on_hand - stock->on_hand;
    int64_t on_hand = stock->on_hand + delta;
    if (on_hand > QUANTITY_MOST) return fail(tx, ERROR_LIMIT_REACHED, "a stock holds at most %d", QUANTITY_MOST);
    if (on_hand - stock->reserved < -stock->backorder_limit)
        return fail(tx, ERROR_BELOW_RESERVED, "%lld are reserved; on_hand cannot become %lld",
                    (long long)stock->reserved, (long long)on_hand);

    int64_t before = stock->available;
    stock->on_hand = on_hand;
    if (body->reason == ADJUST_RECEIVED)
        stock->received += delta;
    else
        stock->adjusted += delta;
    moved(tx, stock, before,
          &(struct inventory_move){.cause = CAUSE_ADJUST, .delta = delta, .reason = body->reason, .note = body->note});
    return OK;
}

static struct id limits_target(struct tx *tx)
{
    return path_product(tx) ? stock_id(path_id(tx, "variant_id"), path_id(tx, "location_id")) : ID_NONE;
}

static enum error stock_limits(struct tx *tx)
{
    struct stock *stock = tx->subject;
    if (stock->available < -stock->backorder_limit)
        return fail(tx, ERROR_BELOW_RESERVED, "%lld are sold ahead already", (long long)-stock->available);
    emit(tx, stock, &stock_kind, &product_inventory_updated, &(struct inventory_move){.cause = CAUSE_LIMITS});
    return OK;
}

/* ---- list ---- */
static enum error stock_list(struct tx *tx)
{
    return path_product(tx) ? OK : fail(tx, ERROR_NOT_FOUND, "there is no such product");
}

static void product_scope(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, product_of_path(tx));
}

/* clang-format off */
static const struct listing listings[] = {
    {NULL, NULL, &by_product, false, product_scope},
    {0},
};

static const struct command commands[] = {
    {.name = "list", .method = "GET", .path = "/products/{id}/stock", .action = ACTION_LIST, .who = TEAM | ADMIN,
     .listings = listings, .decide = stock_list, .rate = RATE_READ, .doc = "Stock of a product, by variant"},
    {.name = "adjust", .method = "POST", .path = "/products/{id}/stock/adjust", .action = ACTION_UPSERT, .who = TEAM,
     .body = &adjust_fields, .target = adjust_target, .decide = stock_adjust, .status = 200,
     .doc = "Changes on_hand by hand; the first one begins the stock"},
    {.name = "limits", .method = "PATCH", .path = "/products/{id}/stock/{variant_id}/{location_id}",
     .action = ACTION_PATCH,
     .who = MANAGER, .target = limits_target, .decide = stock_limits, .doc = "Sets threshold and backorder_limit"},
    {0},
};
/* clang-format on */

static struct id stock_product(const void *entity)
{
    return ((const struct stock *)entity)->product_id;
}

/* clang-format off */
const struct kind stock_kind = {
    .number = 31, .name = "stock", .plural = "stock", .doc = "Stock of one variant at one location.",
    .fields = &stock_fields, .machine = &machine, .events = events, .indexes = indexes, .commands = commands,
    .relations = stock_relations, .visible = stock_visible, .check = stock_check,
    .event_subject = stock_product, .subject_kind = "product",
};
/* clang-format on */
