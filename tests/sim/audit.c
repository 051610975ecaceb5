/* The auditor: reads the world through the API and compares it with what is known. What was sent and never answered may
   have happened or not; a comparison settles it. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

enum { KEYS_ASKED_AGAIN = 12, KEY_LIFE = HOURS(20) };

/* ---- reading ---- */
void each_entry(struct world *world, struct asking asking,
                void (*visit)(struct world *world, yyjson_val *entry, void *context), void *context)
{
    char cursor[512];
    asking.limit = 100;
    for (bool more = true; more && world_is_well(world);) {
        struct answer answer = world_ask(world, asking, 200);
        for (size_t i = 0; i < yyjson_arr_size(answer.data) && world_is_well(world); i++)
            visit(world, yyjson_arr_get(answer.data, i), context);
        snprintf(cursor, sizeof cursor, "%s", json_text(answer.root, "page.next"));
        asking.cursor = cursor;
        more = cursor[0] != 0;
        answer_free(&answer);
    }
}

int64_t metric(struct world *world, const char *name)
{
    struct buffer text = {0};
    core_metrics(world->loopback.core, &text);
    buffer_byte(&text, 0);
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text.data, line);
    int64_t value = at ? strtoll(at + strlen(line), NULL, 10) : -1;
    buffer_free(&text);
    return value;
}

/* ---- orders ---- */
struct orders_seen {
    struct totals *totals;
    bool *seen;
    LIST_OF(int64_t) numbers;
};

static void check_number(struct world *world, struct orders_seen *orders, const char *number)
{
    int64_t year, count;
    char again[40];
    if (sscanf(number, "ORD-%ld-%ld", &year, &count) != 2 || count < 1 ||
        snprintf(again, sizeof again, "ORD-%ld-%06ld", year, count) < 0 || strcmp(number, again))
        violated(world, "unique", "an order is called %s", number);
    for (uint32_t i = 0; i < orders->numbers.count; i++)
        if (orders->numbers.at[i] == year * 1000000 + count)
            violated(world, "unique", "two orders are called %s", number);
    *LIST_ADD(world->arena, &orders->numbers) = year * 1000000 + count;
}

/* An order that waits beyond its time, though nothing is under way. */
static void check_pending(struct world *world, const struct order *order, yyjson_val *json)
{
    int64_t placed = 0, expires = 0;
    time_parse(text_of(json_text(json, "created_at")), &placed);
    time_parse(text_of(json_text(json, "expires_at")), &expires);
    if (expires < placed + SECONDS(30)) expires = placed + SECONDS(30);
    if (!strcmp(json_text(json, "status"), "pending") && world->loopback.now > expires && !world->damaged)
        violated(world, "liveness", "order %s is pending, and expired at %s", order->text,
                 json_text(json, "expires_at"));
}

static void visit_order(struct world *world, yyjson_val *json, void *context)
{
    struct orders_seen *orders = context;
    const char *marker = json_text(json, "attribution.referrer");
    struct order *order = order_of_marker(world, marker);
    if (!order) {
        violated(world, "I2 nothing else", "order %s (%s) was never asked for", json_text(json, "id"), marker);
        return;
    }
    const struct slot *slot = &world->slots.at[order->slot];
    if (!order->exists && id_is_none(order->promised) && !slot->open)
        violated(world, "I2 nothing else", "order %s was refused, and is there", json_text(json, "id"));
    audit_order(world, order, json, orders->totals);
    check_number(world, orders, order->number);
    check_pending(world, order, json);
    orders->seen[order - world->orders.at] = true;
}

static void audit_orders(struct world *world, struct totals *totals)
{
    struct orders_seen orders = {.totals = totals, .seen = ARENA_ARRAY(world->arena, bool, world->orders.count + 1)};
    each_entry(world, (struct asking){.kind = "order", .command = "list_all", .operator_ = true}, visit_order, &orders);
    for (uint32_t i = 0; i < world->orders.count && world_is_well(world); i++) {
        const struct order *order = &world->orders.at[i];
        if ((order->exists || !id_is_none(order->promised)) && !orders.seen[i])
            violated(world, "I1 durable", "the order of request s%u is gone", order->slot);
    }
}

/* The provider heard only of orders that are there, each under one key, with one amount. */
static void audit_book(struct world *world)
{
    if (world->book.fault[0]) violated(world, "I6 money", "%s", world->book.fault);
    for (const struct charge *charge = world->book.charges; charge; charge = charge->next) {
        bool known = false;
        for (uint32_t i = 0; i < world->orders.count; i++)
            known |= id_equal(world->orders.at[i].id, charge->order);
        if (!known)
            violated(world, "I2 effects", "the provider was asked for %.*s, and there is no such order",
                     TEXT_ARGUMENTS(charge->key));
    }
}

/* ---- what is settled by a comparison ---- */
static void forget_offers(struct price *prices, uint32_t step)
{
    for (struct price *price = prices; price; price = price->next)
        if (price->offered && !price->until_step) price->until_step = step + 1;
}

static void all_settled(struct world *world)
{
    for (uint32_t i = 0; i < world->person_count; i++)
        for (uint32_t k = 0; k < world->person_count; k++)
            tracked_settled(&world->people[i].follows[k]);
    for (uint32_t i = 0; i < world->community_count; i++)
        forget_offers(world->communities[i].description, world->step);
    for (uint32_t i = 0; i < world->community_count; i++)
        for (uint32_t k = 0; k < world->person_count; k++)
            tracked_settled(&world->communities[i].members[k]);
    for (uint32_t i = 0; i < world->supplier_count; i++)
        tracked_settled(&world->suppliers[i].status);
    for (uint32_t i = 0; i < world->product_count; i++)
        tracked_settled(&world->products[i].status);
    for (uint32_t i = 0; i < world->promotion_count; i++) {
        struct tracked *status = &world->promotions[i].status;
        bool later = world->damaged && status->open[OPERATION_withdraw]; /* told at the next start */
        tracked_settled(status);
        status->open[OPERATION_withdraw] = later;
    }
    for (uint32_t i = 0; i < world->posts.count; i++)
        tracked_settled(&world->posts.at[i].status);
    for (uint32_t i = 0; i < world->orders.count; i++)
        for (uint32_t k = 0; k < world->orders.at[i].line_count; k++)
            tracked_settled(&world->orders.at[i].status[k]);
    for (uint32_t i = 0; i < world->variant_count; i++)
        forget_offers(world->variants[i].prices, world->step);
    for (uint32_t i = 0; i < world->stock_count; i++) {
        forget_offers(world->stocks[i].backorder, world->step);
        world->stocks[i].open = NULL;
    }
    for (uint32_t i = 0; i < world->promotion_count; i++)
        world->promotions[i].clicks_open = 0;
    for (uint32_t i = 0; i < ADDRESSES_MOST; i++)
        world->accounts[i].open = 0;
    for (uint32_t i = 0; i < world->slots.count; i++)
        world->slots.at[i].open = 0;
    for (const struct flight *flight = world->flights; flight; flight = flight->next)
        world->slots.at[flight->slot].open++;
}

/* Only a purchase may wait when everything rests: for its payment. */
static void check_flights(struct world *world)
{
    for (const struct flight *flight = world->flights; flight; flight = flight->next) {
        const struct slot *slot = &world->slots.at[flight->slot];
        if (slot->kind != OPERATION_place)
            violated(world, "I12 answers", "%s.%s is never answered", slot->asking.kind, slot->asking.command);
    }
}

/* ---- keys ---- */
static void ask_again(struct world *world, uint32_t number)
{
    const struct slot *slot = &world->slots.at[number];
    if (!slot->status || !slot->asking.key || world->loopback.now - slot->sent_at >= KEY_LIFE || !world_is_well(world))
        return;
    send_slot(world, number, false);
    world_settle(world);
}

static void audit_keys(struct world *world)
{
    uint32_t count = world->slots.count;
    for (uint32_t i = 0; i < KEYS_ASKED_AGAIN && i < count; i++) {
        ask_again(world, count - 1 - i);
        ask_again(world, chance_below(&world->chance, count));
    }
}

void audit(struct world *world)
{
    struct totals totals = {0};
    memory_store_fault_at(world->loopback.store, 0);
    world->read_fault_armed = false;
    world->loopback.refuse_work = 0;
    world_settle(world);
    check_flights(world);
    audit_orders(world, &totals);
    audit_shop(world, &totals);
    audit_people(world, &totals);
    audit_book(world);
    if (!world->damaged && metric(world, "souk_broken_truths_total") != 0)
        violated(world, "truths", "a command was dropped");
    if (!world_is_well(world)) return;
    all_settled(world);
    if (world->crashes && world->audits++ % 2 == 0) audit_keys(world);
}

/* ---- the end ---- */
static bool tells_the_truth(enum plan plan)
{
    return plan != PLAN_DENIED && plan != PLAN_DOUBTED;
}

static void check_settled(struct world *world, const struct order *order)
{
    const struct charge *charge = book_charge_of(&world->book, order->id);
    if (!order->exists || !charge) return;
    if (charge->taken && tells_the_truth(charge->plan) && order->captured != charge->amount)
        violated(world, "I6 money", "the provider took %lld for order %s, which knows of %lld",
                 (long long)charge->amount, order->text, (long long)order->captured);
    if (charge->paid_back != order->refunded && order->captured)
        violated(world, "I6 money", "the provider paid %lld back for order %s, which knows of %lld",
                 (long long)charge->paid_back, order->text, (long long)order->refunded);
    for (uint32_t i = 0; i < order->line_count; i++)
        if (tracked_is(&order->status[i], "pending") && !world->damaged)
            violated(world, "liveness", "order %s is pending for ever", order->text);
}

static int64_t timers_due(const struct world *world)
{
    int64_t due = 0;
    for (uint32_t i = 0; i < world->promotion_count; i++) {
        const struct tracked *status = &world->promotions[i].status;
        due += !tracked_is(status, "ended") && !tracked_is(status, "cancelled");
    }
    for (uint32_t i = 0; i < ADDRESSES_MOST; i++)
        due += world->accounts[i].made;
    return due;
}

void audit_end(struct world *world)
{
    audit(world);
    world_calm(world);
    if (world->damaged) { /* what could not be read was left for the next start */
        world->lost_impressions = true;
        world_restart(world);
        world->damaged = false;
    }
    world_pass(world, MINUTES(40));
    world_pass(world, DAYS(3));
    world->ending = true;
    audit(world);
    if (!world_is_well(world)) return;
    if (world->flights)
        violated(world, "I12 answers", "%s is never answered", world->slots.at[world->flights->slot].asking.command);
    for (uint32_t i = 0; i < world->orders.count; i++)
        check_settled(world, &world->orders.at[i]);
    if (world->damaged) return;
    if (metric(world, "souk_effects") != 0)
        violated(world, "liveness", "%lld effects are left", (long long)metric(world, "souk_effects"));
    if (metric(world, "souk_timers") != timers_due(world))
        violated(world, "liveness", "%lld timers are left, and %lld have a reason",
                 (long long)metric(world, "souk_timers"), (long long)timers_due(world));
}
