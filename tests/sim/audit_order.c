/* One order against SOCIAL.md: what it costs (section 9), what follows from its items (8), what was paid and goes back (9, 10),
   and what it adds to everybody's figures (11). Written from the rules, with arithmetic of its own. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#define WRONG(invariant, ...) violated(world, invariant, __VA_ARGS__)

struct order *order_of_marker(struct world *world, const char *marker)
{
    unsigned long slot = marker[0] == 's' ? strtoul(marker + 1, NULL, 10) : world->slots.count;
    if (slot >= world->slots.count || world->slots.at[slot].kind != OPERATION_place) return NULL;
    return &world->orders.at[world->slots.at[slot].object];
}

int stock_number(const struct world *world, struct id variant, struct id location)
{
    for (uint32_t i = 0; i < world->stock_count; i++) {
        const struct stock *stock = &world->stocks[i];
        const struct variant *of = &world->variants[stock->variant];
        const struct supplier *supplier = &world->suppliers[world->products[of->product].supplier];
        if (id_equal(of->id, variant) && id_equal(supplier->locations[stock->location], location)) return (int)i;
    }
    return -1;
}

static int64_t amount(yyjson_val *value, const char *path)
{
    return json_integer(json_at(value, path), "amount");
}

/* ---- prices ---- */
static int64_t round_half_up(__int128 a, int64_t b)
{
    return (int64_t)((2 * a + b) / (2 * (__int128)b));
}

static int64_t tax_on(const struct world *world, int64_t net)
{
    int64_t rate = world->terms.tax_bp;
    if (world->terms.tax_included) return net - round_half_up((__int128)net * 10000, 10000 + rate);
    return round_half_up((__int128)net * rate, 10000);
}

static int64_t unit_price(const struct world *world, const struct line *line, int64_t price)
{
    if (line->promotion == NOBODY) return price;
    const struct promotion *promotion = &world->promotions[line->promotion];
    int64_t then = promotion->snapshot[line->variant], base = price < then ? price : then;
    if (then < 0) return price;
    if (promotion->offer == OFFER_BP) return base - round_half_up((__int128)base * promotion->value, 10000);
    if (promotion->offer == OFFER_LESS) return base > promotion->value ? base - promotion->value : 0;
    return base < promotion->value ? base : promotion->value;
}

static void check_line(struct world *world, const struct order *order, uint32_t number, yyjson_val *item)
{
    const struct line *line = &order->lines[number];
    const struct variant *variant = &world->variants[line->variant];
    int64_t price = amount(item, "product_snapshot.original_price"), unit = unit_price(world, line, price);
    int64_t subtotal = price * line->quantity, net = unit * line->quantity, tax = tax_on(world, net);
    if (!id_equal(json_id(item, "variant_id"), variant->id) || json_integer(item, "quantity") != line->quantity)
        WRONG("I2 whole", "item %u of order %s is not what was asked for", number, order->text);
    struct id promotion = line->promotion == NOBODY ? ID_NONE : world->promotions[line->promotion].id;
    struct id community = line->community == NOBODY ? ID_NONE : world->communities[line->community].id;
    if (!id_equal(json_id(item, "attribution.promotion_id"), promotion) ||
        !id_equal(json_id(item, "attribution.community_id"), community))
        WRONG("I2 whole", "item %u of order %s counts for a promotion or community that it does not name", number,
              order->text);
    if (!price_known(variant->prices, price, order->first_step))
        WRONG("prices", "item %u of order %s costs %lld, which nobody asked for it", number, order->text,
              (long long)price);
    if (amount(item, "unit_price") != unit)
        WRONG("prices", "a unit of item %u of order %s is %lld, not %lld", number, order->text,
              (long long)amount(item, "unit_price"), (long long)unit);
    if (amount(item, "subtotal") != subtotal || amount(item, "net") != net ||
        amount(item, "discount") != subtotal - net)
        WRONG("prices", "the line of item %u of order %s is wrong", number, order->text);
    if (amount(item, "tax") != tax || amount(item, "total") != net + (world->terms.tax_included ? 0 : tax))
        WRONG("prices", "the tax of item %u of order %s is %lld, not %lld", number, order->text,
              (long long)amount(item, "tax"), (long long)tax);
}

static int supplier_of(const struct world *world, const struct order *order, uint32_t item)
{
    return world->products[world->variants[order->lines[item].variant].product].supplier;
}

static int64_t parcel(const struct world *world, const struct order *order, int supplier)
{
    int64_t cost = -1, extra_of_dearest = 0, extras = 0;
    for (uint32_t i = 0; i < order->line_count; i++) {
        const struct product *product = &world->products[world->variants[order->lines[i].variant].product];
        if (product->supplier != supplier) continue;
        extras += product->extra * order->lines[i].quantity;
        if (product->shipping <= cost) continue;
        cost = product->shipping;
        extra_of_dearest = product->extra;
    }
    return cost + extras - extra_of_dearest;
}

static bool has_supplier(const struct world *world, const struct order *order, int supplier)
{
    for (uint32_t i = 0; i < order->line_count; i++)
        if (supplier_of(world, order, i) == supplier) return true;
    return false;
}

static void check_money(struct world *world, const struct order *order, yyjson_val *json)
{
    int64_t subtotal = 0, discount = 0, tax = 0, shipping = 0;
    yyjson_val *items = json_at(json, "items");
    for (uint32_t i = 0; i < order->line_count; i++) {
        yyjson_val *item = yyjson_arr_get(items, i);
        check_line(world, order, i, item);
        subtotal += amount(item, "subtotal");
        discount += amount(item, "discount");
        tax += amount(item, "tax");
    }
    for (int i = 0; i < (int)world->supplier_count; i++) {
        if (!has_supplier(world, order, i)) continue;
        int64_t cost = parcel(world, order, i);
        shipping += cost;
        tax += tax_on(world, cost);
    }
    int64_t total = subtotal - discount + shipping + (world->terms.tax_included ? 0 : tax);
    if (amount(json, "subtotal") != subtotal || amount(json, "discount") != discount ||
        amount(json, "shipping") != shipping || amount(json, "tax") != tax || amount(json, "total") != total)
        WRONG("prices", "order %s comes to %lld and says %lld", order->text, (long long)total,
              (long long)amount(json, "total"));
}

/* What never changes once placed. */
static void check_fixed(struct world *world, struct order *order, yyjson_val *json)
{
    static const char *const members[] = {"customer", "shipping_address", "groups",      "subtotal",
                                          "discount", "shipping",         "tax",         "total",
                                          "number",   "expires_at",       "attribution", "created_at"};
    static const char *const of_items[] = {"variant_id", "sku",   "product_snapshot", "quantity", "unit_price", "net",
                                           "tax",        "total", "attribution"};
    uint8_t hash[32] = {0};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        char *text = yyjson_val_write(json_at(json, members[i]), 0, NULL);
        hash_bytes((struct text){(const char *)hash, 32}, text_of(text ? text : ""), hash);
        free(text);
    }
    for (uint32_t k = 0; k < order->line_count; k++)
        for (size_t i = 0; i < sizeof of_items / sizeof of_items[0]; i++) {
            char *text = yyjson_val_write(json_at(yyjson_arr_get(json_at(json, "items"), k), of_items[i]), 0, NULL);
            hash_bytes((struct text){(const char *)hash, 32}, text_of(text ? text : ""), hash);
            free(text);
        }
    if (order->checked && memcmp(hash, order->fixed, sizeof hash))
        WRONG("I6 money", "what was agreed in order %s has changed", order->text);
    memcpy(order->fixed, hash, sizeof hash);
    if (!order->checked) check_money(world, order, json);
    order->checked = true;
}

/* ---- what follows from the items ---- */
static const char *const steps[] = {"pending", "confirmed", "processing", "shipped", "delivered"};

static int step_of(const char *status)
{
    for (int i = 0; i < 5; i++)
        if (!strcmp(steps[i], status)) return i;
    return -1;
}

static void check_status(struct world *world, const struct order *order, yyjson_val *json)
{
    int least = 5, living = 0, sent = 0;
    for (uint32_t i = 0; i < order->line_count; i++) {
        int step = step_of(tracked_state(&order->status[i]));
        if (step < 0) continue;
        living++;
        sent += step >= 3;
        if (step < least) least = step;
    }
    const char *status = living ? steps[least] : "cancelled";
    const char *fulfilment = !sent ? "unfulfilled" : sent == living ? "fulfilled" : "partial";
    int64_t total = amount(json, "total"), captured = amount(json, "payment.captured"),
            refunded = amount(json, "payment.refunded");
    const char *attempt = json_text(json, "payment.attempt");
    bool decided = !strcmp(attempt, "succeeded") || !strcmp(attempt, "declined") || !strcmp(attempt, "voided");
    const char *payment = !total                ? "not_required"
                          : !decided            ? "pending"
                          : !captured           ? "failed"
                          : !refunded           ? "paid"
                          : refunded < captured ? "partially_refunded"
                                                : "refunded";
    if (strcmp(json_text(json, "status"), status) || strcmp(json_text(json, "fulfilment_status"), fulfilment) ||
        strcmp(json_text(json, "payment_status"), payment))
        WRONG("I6 states", "order %s is %s, %s, %s; from its parts follows %s, %s, %s", order->text,
              json_text(json, "status"), json_text(json, "fulfilment_status"), json_text(json, "payment_status"),
              status, fulfilment, payment);
    if (living && least > 0 && captured != total) WRONG("I6 money", "order %s is %s and not paid", order->text, status);
}

/* ---- money back ---- */
static bool is_late(yyjson_val *json)
{
    yyjson_val *refunds = json_at(json, "payment.refunds");
    for (size_t i = 0; i < yyjson_arr_size(refunds); i++)
        if (json_bool(yyjson_arr_get(refunds, i), "late")) return true;
    return false;
}

/* Was it ever paid for in time? An order without a price always is. */
static bool was_confirmed(yyjson_val *json)
{
    if (is_late(json)) return false;
    if (!amount(json, "total")) return strcmp(json_text(json, "status"), "pending") != 0;
    return amount(json, "payment.captured") > 0;
}

static int64_t back_for_items(const struct world *world, const struct order *order, yyjson_val *json)
{
    int64_t sum = 0;
    yyjson_val *items = json_at(json, "items");
    for (uint32_t i = 0; i < order->line_count; i++)
        if (tracked_is(&order->status[i], "cancelled")) sum += amount(yyjson_arr_get(items, i), "total");
    for (int s = 0; s < (int)world->supplier_count; s++) {
        bool off = has_supplier(world, order, s);
        for (uint32_t i = 0; i < order->line_count; i++)
            off &= supplier_of(world, order, i) != s || tracked_is(&order->status[i], "cancelled");
        if (!off) continue;
        int64_t cost = parcel(world, order, s);
        sum += cost + (world->terms.tax_included ? 0 : tax_on(world, cost));
    }
    return sum;
}

static void check_refunds(struct world *world, const struct order *order, yyjson_val *json)
{
    int64_t all = 0, promised = 0, paid = 0, captured = amount(json, "payment.captured");
    yyjson_val *refunds = json_at(json, "payment.refunds");
    for (size_t i = 0; i < yyjson_arr_size(refunds); i++) {
        yyjson_val *refund = yyjson_arr_get(refunds, i);
        const char *status = json_text(refund, "status");
        all += amount(refund, "amount");
        if (strcmp(status, "failed")) promised += amount(refund, "amount");
        if (!strcmp(status, "succeeded")) paid += amount(refund, "amount");
    }
    if (amount(json, "payment.refunded") != paid || promised > captured)
        WRONG("I6 money", "order %s: %lld captured, %lld refunded, %lld paid back, %lld promised", order->text,
              (long long)captured, (long long)amount(json, "payment.refunded"), (long long)paid, (long long)promised);
    int64_t due = is_late(json) ? captured : captured ? back_for_items(world, order, json) : 0;
    if (all != due)
        WRONG("I6 money", "order %s asks %lld back where %lld is due", order->text, (long long)all, (long long)due);
}

/* The provider's own book. It may have paid back what the order has not heard of yet, never the other way. */
static void check_book(struct world *world, const struct order *order, yyjson_val *json)
{
    const struct charge *charge = book_charge_of(&world->book, order->id);
    int64_t captured = amount(json, "payment.captured"), refunded = amount(json, "payment.refunded");
    if (!captured) return;
    if (!charge || !charge->taken || charge->amount != captured)
        WRONG("I6 money", "order %s holds %lld that the provider never took", order->text, (long long)captured);
    else if (charge->paid_back < refunded)
        WRONG("I6 money", "order %s says %lld were paid back, the provider %lld", order->text, (long long)refunded,
              (long long)charge->paid_back);
}

/* ---- stock ---- */
static void add_stock(struct world *world, const struct order *order, uint32_t number, yyjson_val *item,
                      struct totals *totals)
{
    const char *state = tracked_state(&order->status[number]);
    yyjson_val *allocations = json_at(item, "allocations");
    int64_t taken = 0;
    for (size_t i = 0; i < yyjson_arr_size(allocations); i++) {
        yyjson_val *allocation = yyjson_arr_get(allocations, i);
        int stock = stock_number(world, json_id(item, "variant_id"), json_id(allocation, "location_id"));
        int64_t quantity = json_integer(allocation, "quantity");
        if (stock < 0 || quantity <= 0) {
            WRONG("I3 stock", "order %s took stock from nowhere", order->text);
            return;
        }
        taken += quantity;
        if (!strcmp(state, "pending"))
            totals->reserved[stock] += quantity;
        else if (!strcmp(state, "confirmed") || !strcmp(state, "processing"))
            totals->allocated[stock] += quantity;
        else
            totals->shipped[stock] += quantity;
    }
    int64_t wanted = strcmp(state, "cancelled") ? order->lines[number].quantity : 0;
    if (taken != wanted)
        WRONG("I3 stock", "item %u of order %s is %s and holds %lld, not %lld", number, order->text, state,
              (long long)taken, (long long)wanted);
}

/* ---- figures ---- */
static void add_sale(struct world *world, const struct order *order, yyjson_val *json, struct totals *totals)
{
    yyjson_val *items = json_at(json, "items");
    for (uint32_t i = 0; i < order->line_count; i++) {
        int64_t net = amount(yyjson_arr_get(items, i), "net");
        totals->revenue[supplier_of(world, order, i)] += net;
        totals->units += order->lines[i].quantity;
        int promotion = order->lines[i].promotion;
        if (promotion == NOBODY) continue;
        bool first = true;
        for (uint32_t k = 0; k < i; k++)
            first &= order->lines[k].promotion != promotion;
        totals->promotions[promotion].conversions += first;
        totals->promotions[promotion].units += order->lines[i].quantity;
        totals->promotions[promotion].revenue += net;
    }
    totals->orders[order->person]++;
    totals->gross += amount(json, "subtotal");
    totals->discounts += amount(json, "discount");
    totals->tax += amount(json, "tax");
    totals->shipping += amount(json, "shipping");
}

static void add_refund(struct world *world, const struct order *order, yyjson_val *refund, struct totals *totals)
{
    yyjson_val *lines = json_at(refund, "items");
    for (size_t i = 0; i < yyjson_arr_size(lines); i++) {
        yyjson_val *line = yyjson_arr_get(lines, i);
        struct id item = json_id(line, "item_id");
        for (uint32_t k = 0; k < order->line_count; k++) {
            if (!id_equal(order->items[k], item)) continue;
            totals->revenue[supplier_of(world, order, k)] -= amount(line, "goods");
            totals->refunds += amount(line, "goods");
            if (order->lines[k].promotion != NOBODY)
                totals->promotions[order->lines[k].promotion].refunded += amount(line, "goods");
        }
    }
}

static void add_fulfilled(const struct world *world, const struct order *order, struct totals *totals)
{
    for (int s = 0; s < (int)world->supplier_count; s++) {
        int living = 0, delivered = 0;
        for (uint32_t i = 0; i < order->line_count; i++) {
            if (supplier_of(world, order, i) != s || tracked_is(&order->status[i], "cancelled")) continue;
            living++;
            delivered += tracked_is(&order->status[i], "delivered");
        }
        totals->fulfilled[s] += living && living == delivered;
    }
}

static void add_figures(struct world *world, const struct order *order, yyjson_val *json, struct totals *totals)
{
    const char *status = json_text(json, "status");
    bool confirmed = was_confirmed(json);
    totals->created++;
    totals->paid += confirmed;
    totals->confirmed += confirmed;
    totals->sent += !strcmp(status, "shipped") || !strcmp(status, "delivered");
    totals->delivered += !strcmp(status, "delivered");
    totals->cancelled += !strcmp(status, "cancelled");
    totals->spent[order->person] += amount(json, "payment.captured") - amount(json, "payment.refunded");
    if (confirmed) add_sale(world, order, json, totals);
    add_fulfilled(world, order, totals);
    yyjson_val *refunds = json_at(json, "payment.refunds");
    for (size_t i = 0; confirmed && i < yyjson_arr_size(refunds); i++)
        if (!strcmp(json_text(yyjson_arr_get(refunds, i), "status"), "succeeded"))
            add_refund(world, order, yyjson_arr_get(refunds, i), totals);
}

void audit_order(struct world *world, struct order *order, yyjson_val *json, struct totals *totals)
{
    order_see(world, order, json, true);
    if (!world_is_well(world)) return;
    yyjson_val *items = json_at(json, "items");
    for (uint32_t i = 0; i < order->line_count; i++)
        add_stock(world, order, i, yyjson_arr_get(items, i), totals);
    snprintf(order->state, sizeof order->state, "%s", json_text(json, "status"));
    snprintf(order->paid, sizeof order->paid, "%s", json_text(json, "payment_status"));
    check_fixed(world, order, json);
    check_status(world, order, json);
    check_refunds(world, order, json);
    check_book(world, order, json);
    add_figures(world, order, json, totals);
}
