/* The auditor's view of what is sold: suppliers, products, stock, promotions, and the analytics of sales. */
#include "sim/world.h"

#include <string.h>

static int owner_of(const struct world *world, int product)
{
    return world->suppliers[world->products[product].supplier].owner;
}

/* ---- stock ---- */
/* Whether some of the open adjustments come to this difference; those are then known to have been made. */
static bool deltas_explain(const struct delta *open, int64_t received, int64_t adjusted, const struct world *world)
{
    if (!received && !adjusted) return true;
    if (!open) return false;
    bool receives = world->slots.at[open->slot].part;
    return deltas_explain(open->next, received - (receives ? open->amount : 0),
                          adjusted - (receives ? 0 : open->amount), world) ||
           deltas_explain(open->next, received, adjusted, world);
}

static void check_stock(struct world *world, struct stock *stock, yyjson_val *row, const struct totals *totals)
{
    size_t number = (size_t)(stock - world->stocks);
    int64_t received = json_integer(row, "received"), adjusted = json_integer(row, "adjusted");
    int64_t on_hand = json_integer(row, "on_hand"), reserved = json_integer(row, "reserved"),
            allocated = json_integer(row, "allocated");
    int64_t shipped = json_integer(row, "shipped"), available = json_integer(row, "available"),
            limit = json_integer(row, "backorder_limit");
    if (!deltas_explain(stock->open, received - stock->received, adjusted - stock->adjusted, world))
        violated(world, "I3 stock", "stock %zu received %lld and was adjusted by %lld; known are %lld and %lld", number,
                 (long long)received, (long long)adjusted, (long long)stock->received, (long long)stock->adjusted);
    if (reserved != totals->reserved[number] || allocated != totals->allocated[number] ||
        shipped != totals->shipped[number])
        violated(world, "I3 stock",
                 "stock %zu has %lld reserved, %lld allocated, %lld shipped; its orders come to %lld, %lld, %lld",
                 number, (long long)reserved, (long long)allocated, (long long)shipped,
                 (long long)totals->reserved[number], (long long)totals->allocated[number],
                 (long long)totals->shipped[number]);
    if (on_hand + allocated + shipped != received + adjusted)
        violated(world, "I3 stock", "stock %zu: %lld on hand, %lld allocated, %lld shipped of %lld", number,
                 (long long)on_hand, (long long)allocated, (long long)shipped, (long long)(received + adjusted));
    if (available != on_hand - reserved || available < -limit || reserved < 0 || allocated < 0)
        violated(world, "I4 oversold",
                 "stock %zu has %lld available of %lld on hand and %lld reserved, and may go to %lld", number,
                 (long long)available, (long long)on_hand, (long long)reserved, (long long)-limit);
    if (!price_known(stock->backorder, limit, world->step))
        violated(world, "I1 durable", "stock %zu may be sold ahead by %lld, which nobody set", number,
                 (long long)limit);
    price_learn(world, &stock->backorder, limit);
    stock->received = received;
    stock->adjusted = adjusted;
    stock->kept = true;
}

struct stock_seen {
    const struct totals *totals;
    bool seen[STOCKS_MOST];
};

static void visit_stock(struct world *world, yyjson_val *row, void *context)
{
    struct stock_seen *stocks = context;
    int number = stock_number(world, json_id(row, "variant_id"), json_id(row, "location_id"));
    if (number < 0) {
        violated(world, "I2 nothing else", "stock %s belongs nowhere", json_text(row, "id"));
        return;
    }
    struct stock *stock = &world->stocks[number];
    if (!stock->kept && !stock->open) violated(world, "I2 nothing else", "stock %d was never begun", number);
    check_stock(world, stock, row, stocks->totals);
    stocks->seen[number] = true;
}

/* ---- products ---- */
static void check_prices(struct world *world, const struct product *product, yyjson_val *variants)
{
    for (size_t i = 0; i < yyjson_arr_size(variants); i++) {
        yyjson_val *row = yyjson_arr_get(variants, i);
        for (uint32_t k = 0; k < world->variant_count; k++) {
            struct variant *variant = &world->variants[k];
            if (!id_equal(variant->id, json_id(row, "id"))) continue;
            int64_t price = json_integer(row, "price.amount");
            if (!price_known(variant->prices, price, world->step))
                violated(world, "I1 durable", "a variant of product %s costs %lld, which nobody set", product->text,
                         (long long)price);
            price_learn(world, &variant->prices, price);
        }
    }
}

static void see_state(struct world *world, struct tracked *tracked, uint32_t *changed_step, yyjson_val *json,
                      const char *what)
{
    const char *before = tracked_state(tracked), *state = json_text(json, "status");
    if (!tracked_see(tracked, state))
        violated(world, "I1 durable", "%s %s was %s and is %s", what, json_text(json, "id"), before, state);
    if (strcmp(before, state)) *changed_step = world->step;
}

static void audit_products(struct world *world, const struct totals *totals)
{
    struct stock_seen stocks = {.totals = totals};
    for (uint32_t i = 0; i < world->product_count && world_is_well(world); i++) {
        struct product *product = &world->products[i];
        struct id owner = world->people[owner_of(world, (int)i)].id;
        struct answer answer = world_ask(
            world, (struct asking){.kind = "product", .command = "read", .id = product->text, .user = owner}, 200);
        see_state(world, &product->status, &product->changed_step, answer.data, "product");
        check_prices(world, product, json_at(answer.data, "variants"));
        answer_free(&answer);
        each_entry(world, (struct asking){.kind = "stock", .command = "list", .id = product->text, .user = owner},
                   visit_stock, &stocks);
    }
    for (uint32_t i = 0; i < world->stock_count && world_is_well(world); i++)
        if (world->stocks[i].kept && !stocks.seen[i]) violated(world, "I1 durable", "stock %u is gone", i);
}

/* ---- suppliers ---- */
static void audit_suppliers(struct world *world, const struct totals *totals)
{
    for (uint32_t i = 0; i < world->supplier_count && world_is_well(world); i++) {
        struct supplier *supplier = &world->suppliers[i];
        int64_t listed = 0;
        struct asking asking = {.kind = "supplier", .command = "read", .id = supplier->text, .operator_ = true};
        struct answer answer = world_ask(world, asking, 200);
        see_state(world, &supplier->status, &supplier->changed_step, answer.data, "supplier");
        for (uint32_t k = 0; k < world->product_count; k++)
            listed += world->products[k].supplier == (int)i && tracked_is(&world->products[k].status, "published");
        if (json_integer(answer.data, "metrics.products_listed") != listed ||
            json_integer(answer.data, "metrics.orders_fulfilled") != totals->fulfilled[i] ||
            json_integer(answer.data, "metrics.revenue.amount") != totals->revenue[i])
            violated(world, "I8 figures",
                     "supplier %u lists %lld, fulfilled %lld, earned %lld; it should be %lld, %lld, %lld", i,
                     (long long)json_integer(answer.data, "metrics.products_listed"),
                     (long long)json_integer(answer.data, "metrics.orders_fulfilled"),
                     (long long)json_integer(answer.data, "metrics.revenue.amount"), (long long)listed,
                     (long long)totals->fulfilled[i], (long long)totals->revenue[i]);
        answer_free(&answer);
    }
}

/* ---- promotions ---- */
static void check_performance(struct world *world, uint32_t number, yyjson_val *total, const struct totals *totals)
{
    struct promotion *promotion = &world->promotions[number];
    int64_t clicks = json_integer(total, "clicks"), impressions = json_integer(total, "impressions");
    if (json_integer(total, "conversions") != totals->promotions[number].conversions ||
        json_integer(total, "units") != totals->promotions[number].units ||
        json_integer(total, "revenue.amount") != totals->promotions[number].revenue ||
        json_integer(total, "refunded.amount") != totals->promotions[number].refunded)
        violated(world, "I8 figures",
                 "promotion %u: %lld conversions, %lld units, revenue %lld, refunded %lld; "
                 "it should be %lld, %lld, %lld, %lld",
                 number, (long long)json_integer(total, "conversions"), (long long)json_integer(total, "units"),
                 (long long)json_integer(total, "revenue.amount"), (long long)json_integer(total, "refunded.amount"),
                 (long long)totals->promotions[number].conversions, (long long)totals->promotions[number].units,
                 (long long)totals->promotions[number].revenue, (long long)totals->promotions[number].refunded);
    if (clicks < promotion->clicks || clicks > promotion->clicks + promotion->clicks_open)
        violated(world, "I8 figures", "promotion %u has %lld clicks; known are %lld, and %lld more may be", number,
                 (long long)clicks, (long long)promotion->clicks, (long long)promotion->clicks_open);
    if (impressions > promotion->shown + world->impressions_open)
        violated(world, "I8 figures", "promotion %u was shown %lld times and counts %lld", number,
                 (long long)promotion->shown, (long long)impressions);
    if (world->ending && !world->lost_impressions && !world->damaged && impressions != promotion->shown)
        violated(world, "I8 figures", "promotion %u was shown %lld times and counts %lld", number,
                 (long long)promotion->shown, (long long)impressions);
    promotion->clicks = clicks;
}

static void audit_promotions(struct world *world, const struct totals *totals)
{
    for (uint32_t i = 0; i < world->promotion_count && world_is_well(world); i++) {
        struct promotion *promotion = &world->promotions[i];
        struct asking asking = {.kind = "promotion", .command = "read", .id = promotion->text, .operator_ = true};
        struct answer answer = world_ask(world, asking, 200);
        see_state(world, &promotion->status, &promotion->changed_step, answer.data, "promotion");
        bool over = world->loopback.now > promotion->ends_at;
        bool runs = tracked_is(&promotion->status, "active") || tracked_is(&promotion->status, "paused");
        bool sold = tracked_is(&world->products[promotion->product].status, "published");
        if (runs && !sold && !world->damaged)
            violated(world, "liveness", "promotion %u goes on, and its product is archived", i);
        if (over && runs && !world->damaged) violated(world, "liveness", "promotion %u goes on after its end", i);
        answer_free(&answer);
        asking.command = "performance";
        answer = world_ask(world, asking, 200);
        check_performance(world, i, json_at(answer.data, "total"), totals);
        answer_free(&answer);
    }
}

/* ---- lists of orders ---- */
struct orders_listed {
    int person, supplier; /* whose list it is; the other is NOBODY */
    bool *seen;
};

static void visit_summary(struct world *world, yyjson_val *row, void *context)
{
    struct orders_listed *listed = context;
    struct id id = json_id(row, "order_id");
    for (uint32_t i = 0; i < world->orders.count; i++) {
        const struct order *order = &world->orders.at[i];
        if (!order->exists || !id_equal(order->id, id)) continue;
        bool same = !strcmp(json_text(row, "status"), order->state) &&
                    !strcmp(json_text(row, "number"), order->number) &&
                    (listed->person == NOBODY || !strcmp(json_text(row, "payment_status"), order->paid));
        if (!same || listed->seen[i] || (listed->person != NOBODY && order->person != listed->person))
            violated(world, "I8 lists", "order %s is %s, %s and is listed as %s, %s", order->text, order->state,
                     order->paid, json_text(row, "status"), json_text(row, "payment_status"));
        listed->seen[i] = true;
        return;
    }
    violated(world, "I8 lists", "order %s is listed, and is not there", json_text(row, "order_id"));
}

/* Has this supplier something to do for it? */
static bool waits_for(const struct world *world, const struct order *order, int supplier)
{
    for (uint32_t i = 0; i < order->line_count; i++) {
        bool open = tracked_is(&order->status[i], "confirmed") || tracked_is(&order->status[i], "processing");
        if (open && world->products[world->variants[order->lines[i].variant].product].supplier == supplier) return true;
    }
    return false;
}

static void check_listed(struct world *world, const struct orders_listed *listed)
{
    for (uint32_t i = 0; i < world->orders.count; i++) {
        const struct order *order = &world->orders.at[i];
        bool wanted = order->exists && (listed->person != NOBODY ? order->person == listed->person
                                                                 : waits_for(world, order, listed->supplier));
        if (listed->seen[i] != wanted)
            violated(world, "I8 lists", "order %s is %s, and is %s a list of %s %d", order->text, order->state,
                     wanted ? "not in" : "in", listed->person != NOBODY ? "person" : "supplier",
                     listed->person != NOBODY ? listed->person : listed->supplier);
    }
}

static void audit_lists(struct world *world)
{
    for (int i = 0; i < (int)(world->person_count + world->supplier_count) && world_is_well(world); i++) {
        bool own = i < (int)world->person_count;
        struct orders_listed listed = {.person = own ? i : NOBODY,
                                       .supplier = own ? NOBODY : i - (int)world->person_count,
                                       .seen = ARENA_ARRAY(world->arena, bool, world->orders.count + 1)};
        struct asking asking = {.kind = "order_summary", .command = own ? "list_own" : "list_of_supplier"};
        asking.user = world->people[own ? i : world->suppliers[listed.supplier].owner].id;
        if (!own) asking.id = world->suppliers[listed.supplier].text;
        each_entry(world, asking, visit_summary, &listed);
        if (world_is_well(world)) check_listed(world, &listed);
    }
}

/* ---- analytics ---- */
static void add_members(struct world *world, yyjson_val *row, void *context)
{
    (void)world;
    static const char *const names[] = {
        "gross.amount", "discounts.amount",  "refunds.amount", "net.amount", "tax.amount", "shipping.amount", "units",
        "created",      "payment_succeeded", "confirmed",      "shipped",    "delivered",  "cancelled"};
    int64_t *sums = context;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        sums[i] += json_integer(row, names[i]);
}

static const char *query_of_days(struct world *world, const char *more)
{
    char from[11], to[11];
    date_format(time_date(world->loopback.now - DAYS(60)), from);
    date_format(time_date(world->loopback.now + DAYS(2)), to);
    return arena_format(world->arena, "from=%s&to=%s%s", from, to, more).data;
}

static void audit_analytics(struct world *world, const struct totals *totals)
{
    static const char *const bys[] = {"", "&by=supplier", "&by=promotion"};
    for (unsigned i = 0; i < 3 && world_is_well(world); i++) {
        int64_t sums[16] = {0};
        each_entry(
            world,
            (struct asking){
                .kind = "revenue_day", .command = "read", .operator_ = true, .query = query_of_days(world, bys[i])},
            add_members, sums);
        bool same = sums[0] == totals->gross && sums[1] == totals->discounts && sums[2] == totals->refunds &&
                    sums[3] == totals->gross - totals->discounts - totals->refunds && sums[6] == totals->units;
        if (!i) same = same && sums[4] == totals->tax && sums[5] == totals->shipping;
        if (!same)
            violated(world, "I8 figures",
                     "revenue%s comes to gross %lld, discounts %lld, refunds %lld; orders come to %lld, %lld, %lld",
                     bys[i], (long long)sums[0], (long long)sums[1], (long long)sums[2], (long long)totals->gross,
                     (long long)totals->discounts, (long long)totals->refunds);
    }
    int64_t sums[16] = {0};
    each_entry(
        world,
        (struct asking){.kind = "funnel_day", .command = "read", .operator_ = true, .query = query_of_days(world, "")},
        add_members, sums);
    const int64_t wanted[] = {totals->created, totals->paid,      totals->confirmed,
                              totals->sent,    totals->delivered, totals->cancelled};
    for (unsigned i = 0; i < 6; i++)
        if (sums[7 + i] != wanted[i])
            violated(world, "I8 figures", "step %u of the order funnel counts %lld; orders come to %lld", i,
                     (long long)sums[7 + i], (long long)wanted[i]);
}

void audit_shop(struct world *world, const struct totals *totals)
{
    audit_products(world, totals);
    audit_suppliers(world, totals);
    audit_promotions(world, totals);
    audit_lists(world);
    audit_analytics(world, totals);
}
