/* The purchase. Steps in their order: who buys, what is bought, who brought it, what it costs, that it is there. Every
   refusal reports all lines at once, with the path of each. */
#include "actors/sales/purchase.h"
#include "actors/catalog/product.h"
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/promotion/promotion.h"
#include "actors/sales/order_parts.h"
#include "actors/sales/pricing.h"

/* What a line of the body names, looked up. */
struct line {
    const struct purchase_line *asked;
    const struct product *product;
    const struct product_variant *variant;
    const struct supplier *supplier;
    const struct promotion *promotion; /* NULL: none */
    struct id community_id;
};
struct basket {
    struct line *at;
    uint32_t count;
};

static const char *line_path(struct tx *tx, uint32_t line, const char *member)
{
    return text_print(tx, "items[%u].%s", line, member).data;
}

/* ---- 1: who ---- */
static enum error check_customer(struct tx *tx, const struct purchase *input)
{
    if (!input->customer) return OK;
    if (!user_is_active(input->customer)) return fail(tx, ERROR_FORBIDDEN, "only active accounts can buy");
    const struct open_orders *open = load(tx, &open_orders_kind, input->customer->entity.id);
    int64_t most = setting(tx, "orders.open_max");
    if (open && open->pending >= most)
        return fail(tx, ERROR_TOO_MANY_OPEN_ORDERS, "%lld of your orders wait for payment; pay or cancel one first",
                    (long long)open->pending);
    return OK;
}

/* ---- 2: what ---- */
static struct basket look_up(struct tx *tx, const struct purchase *input)
{
    struct basket basket = {.at = ARENA_ARRAY(tx->arena, struct line, input->line_count), .count = input->line_count};
    for (uint32_t i = 0; i < basket.count; i++) {
        struct line *line = &basket.at[i];
        line->asked = &input->lines[i];
        line->product = load(tx, &product_kind, product_of_variant(tx, line->asked->variant_id));
        if (!line->product) continue;
        line->variant = product_variant_find(line->product, line->asked->variant_id);
        line->supplier = load(tx, &supplier_kind, line->product->supplier_id);
    }
    return basket;
}

static bool buyable(const struct line *line)
{
    return line->variant && line->supplier && product_buyable(line->product, line->variant) &&
           supplier_sells(line->supplier);
}

static enum error check_products(struct tx *tx, const struct purchase *input, const struct basket *basket)
{
    bool unavailable = false, unreachable = false, homeless = false;
    for (uint32_t i = 0; i < basket->count; i++) {
        const struct line *line = &basket->at[i];
        if (!buyable(line)) {
            unavailable = true;
            fail_detail(tx, line_path(tx, i, "variant_id"), "product_unavailable", "this cannot be bought now");
        } else if (!input->address) {
            homeless |= line->variant->fulfilment != FULFILMENT_DIGITAL;
        } else if (!product_ships_to(line->product, line->variant, input->address->country)) {
            unreachable = true;
            fail_detail(tx, line_path(tx, i, "variant_id"), "cannot_ship", "this is not shipped to %.*s",
                        TEXT_ARGUMENTS(input->address->country));
        }
    }
    if (homeless && !unavailable) {
        fail_detail(tx, "shipping_address", "required", "is required: something has to be shipped");
        return fail(tx, ERROR_VALIDATION_FAILED, "the request has invalid values");
    }
    if (unavailable) return fail(tx, ERROR_PRODUCT_UNAVAILABLE, "some of it cannot be bought now");
    if (unreachable) return fail(tx, ERROR_CANNOT_SHIP, "some of it is not shipped there");
    return OK;
}

/* ---- 3: who brought it ---- */
static bool promotion_fits(struct tx *tx, const struct promotion *promotion, const struct line *line)
{
    return promotion && promotion_covers(promotion, line->product->entity.id) &&
           promotion_applies(tx, promotion, line->community_id);
}

static bool community_fits(struct tx *tx, struct id community_id)
{
    const struct community *community = load(tx, &community_kind, community_id);
    return community && community_readable(tx, community);
}

static void attribute(struct tx *tx, const struct purchase *input, struct line *line, uint32_t number)
{
    struct item_attribution given = {line->asked->promotion_id, line->asked->community_id};
    bool own = !id_is_none(given.promotion_id) || !id_is_none(given.community_id);
    if (!own) given = input->attribution;
    const struct promotion *promotion = load(tx, &promotion_kind, given.promotion_id);
    if (!own && promotion && !promotion_covers(promotion, line->product->entity.id)) return;
#if defined MUTANT && MUTANT == 17
    line->community_id = number ? (line - number)->community_id : given.community_id;
#else
    line->community_id = given.community_id;
#endif
    const char *member = own ? !id_is_none(given.promotion_id) ? "promotion_id" : "community_id" : NULL;
    const char *path = member                           ? line_path(tx, number, member)
                       : id_is_none(given.promotion_id) ? "attribution.community_id"
                                                        : "attribution.promotion_id";
    if (!id_is_none(given.promotion_id)) {
        if (promotion_fits(tx, promotion, line))
            line->promotion = promotion;
        else
            fail_detail(tx, path, "promotion_not_applicable",
                        "the promotion does not apply to items[%u] for you, there and now", number);
    } else if (!id_is_none(given.community_id) && !community_fits(tx, given.community_id)) {
        fail_detail(tx, path, "promotion_not_applicable", "you cannot read this community");
    }
}

/* One promotion has one community in an order. */
static bool one_community_each(struct tx *tx, const struct basket *basket)
{
    bool good = true;
    for (uint32_t i = 0; i < basket->count; i++)
        for (uint32_t j = 0; j < i; j++) {
            const struct line *a = &basket->at[i], *b = &basket->at[j];
            if (!a->promotion || a->promotion != b->promotion || id_equal(a->community_id, b->community_id)) continue;
            fail_detail(tx, line_path(tx, i, "community_id"), "not_allowed",
                        "items[%u] names the same promotion in another community", j);
            good = false;
            break;
        }
    return good;
}

static enum error check_attribution(struct tx *tx, const struct purchase *input, struct basket *basket)
{
    for (uint32_t i = 0; i < basket->count; i++)
        attribute(tx, input, &basket->at[i], i);
    if (fail_details(tx))
        return fail(tx, ERROR_PROMOTION_NOT_APPLICABLE, "a promotion or community that was named does not apply");
    if (!one_community_each(tx, basket))
        return fail(tx, ERROR_VALIDATION_FAILED, "one promotion has one community in an order");
    return OK;
}

/* ---- 4 to 7: what it costs ---- */
static int64_t tax_rate(const struct purchase *input, struct text tax_class)
{
    const struct tenant *terms = input->terms;
    struct text country = input->address    ? input->address->country
                          : input->customer ? input->customer->country
                                            : (struct text){0};
    struct text region = input->address ? input->address->state : (struct text){0};
    int64_t of_country = 0;
    for (uint32_t i = 0; i < terms->tax_rates.count; i++) {
        const struct tax_rate *rate = &terms->tax_rates.at[i];
        struct text class = rate->tax_class.data ? rate->tax_class : LITERAL("standard");
        if (!text_equal(rate->country, country) || !text_equal(class, tax_class)) continue;
        if (!rate->region.length)
            of_country = rate->rate_bp;
        else if (text_equal(rate->region, region))
            return rate->rate_bp;
    }
    return of_country;
}

static struct text class_of(const struct product *product)
{
    return product->tax_class.length ? product->tax_class : LITERAL("standard");
}

static void copy_attributes(struct order_item *item, const struct product_variant *variant)
{
    item->attributes.at = variant->attributes.at;
    item->attributes.count = variant->attributes.count;
}

static void fill_item(struct tx *tx, const struct purchase *input, const struct line *line, struct order_item *item)
{
    const struct product *product = line->product;
    const struct product_variant *variant = line->variant;
    struct text image = variant->image_url.data ? variant->image_url : product->media.primary_url;
    struct price_candidate candidates[2] = {{PRICE_LIST, variant->price}};
    uint32_t count = 1;
    if (line->promotion)
        candidates[count++] = (struct price_candidate){
            PRICE_PROMOTION, promotion_offer_price(line->promotion, product->entity.id, variant)};
    struct price_candidate price = price_lowest(candidates, count);
    *item = (struct order_item){
        .id = draw_id(tx),
        .supplier_id = product->supplier_id,
        .variant_id = variant->id,
        .sku = variant->sku,
        .product_snapshot = {.product_id = product->entity.id,
                             .product_name = product->name,
                             .original_price = variant->price,
                             .image_url = image,
                             .snapshot_at = tx->now},
        .quantity = line->asked->quantity,
        .price_source = price.source,
        .unit_price = price.price,
        .tax_rate_bp = tax_rate(input, class_of(product)),
        .status = ITEM_PENDING,
        .attribution = {line->promotion ? line->promotion->entity.id : ID_NONE, line->community_id}};
    copy_attributes(item, variant);
}

static void fill_prices(struct tx *tx, const struct purchase *input, const struct basket *basket, struct order *order)
{
    struct price_terms terms = {.prices_include_tax = input->terms->prices_include_tax,
                                .shipping_rate_bp =
                                    input->terms->shipping_taxable ? tax_rate(input, LITERAL("standard")) : 0};
    struct line_shipping *shipping = ARENA_ARRAY(tx->arena, struct line_shipping, basket->count);
    order->prices_include_tax = terms.prices_include_tax;
    order->items.at = ARENA_ARRAY(tx->arena, struct order_item, basket->count);
    order->items.count = basket->count;
    for (uint32_t i = 0; i < basket->count; i++) {
        const struct line *line = &basket->at[i];
        fill_item(tx, input, line, &order->items.at[i]);
        price_line(&order->items.at[i], &terms);
        shipping[i] = (struct line_shipping){.cost = line->product->shipping.cost.amount,
                                             .extra_cost = line->product->shipping.extra_cost.amount,
                                             .shipped = line->variant->fulfilment != FULFILMENT_DIGITAL};
    }
    price_groups(tx->arena, order, shipping, &terms);
    price_order(order);
}

/* ---- 8: that it is what was expected, and there ---- */
static void add_amount(struct buffer *json, const char *name, struct money money)
{
    buffer_format(json, "%s\"%s\":{\"amount\":%lld,\"currency\":\"%s\"}", json->length > 1 ? "," : "", name,
                  (long long)money.amount, money.currency);
}

static enum error check_total(struct tx *tx, const struct purchase *input, const struct order *order)
{
    if (money_is_absent(input->expected_total) || input->expected_total.amount == order->total.amount) return OK;
    struct buffer json = {.arena = tx->arena};
    buffer_byte(&json, '{');
    add_amount(&json, "subtotal", order->subtotal);
    add_amount(&json, "discount", order->discount);
    add_amount(&json, "shipping", order->shipping);
    add_amount(&json, "tax", order->tax);
    add_amount(&json, "total", order->total);
    buffer_byte(&json, '}');
    fail_member(tx, "totals", buffer_as_text(&json));
    return fail(tx, ERROR_TOTAL_CHANGED, "the total is now %lld %s", (long long)order->total.amount,
                order->total.currency);
}

/* Lines are served in their order from what earlier ones left. */
static enum error reserve(struct tx *tx, const struct purchase *input, const struct basket *basket, struct order *order)
{
    if (input->stock_held) return OK;
    struct buffer json = {.arena = tx->arena};
    for (uint32_t i = 0; i < basket->count; i++) {
        const struct line *line = &basket->at[i];
        struct order_item *item = &order->items.at[i];
        struct allocation_list taken = {0};
        int64_t available = 0;
        if (stock_reserve(tx, line->supplier, line->variant, item->quantity, order_holder(order), &taken, &available) !=
            OK) {
            char id[ID_TEXT_LENGTH + 1];
            id_format(item->variant_id, id);
            if (available < 0) available = 0;
            fail_detail(tx, line_path(tx, i, "quantity"), "out_of_stock", "only %lld left", (long long)available);
            buffer_format(&json, "%s{\"path\":\"items[%u].quantity\",\"variant_id\":\"%s\",\"available\":%lld}",
                          json.length ? "," : "", i, id, (long long)available);
        }
        item->allocations.at = taken.at;
        item->allocations.count = taken.count;
    }
    if (!json.length) return OK;
    fail_member(tx, "available", text_print(tx, "[%.*s]", TEXT_ARGUMENTS(buffer_as_text(&json))));
    return fail(tx, ERROR_OUT_OF_STOCK, "there is not enough in stock");
}

/* ---- 9: the order ---- */
static struct text next_number(struct tx *tx)
{
    int32_t year = time_year(tx->now);
    struct text name = text_print(tx, "%d", year);
    struct order_numbers *numbers =
        edit_or_create(tx, &order_numbers_kind, id_derived_text("order_numbers", tx->tenant, name));
    int64_t number = numbers ? ++numbers->last : 1;
    return text_print(tx, "ORD-%d-%06lld", year, (long long)number);
}

static void fill_head(struct tx *tx, const struct purchase *input, struct order *order)
{
    const struct user *customer = input->customer;
    struct money nothing = order_money(order, 0);
    order->source = input->source;
    order->checkout_id = input->checkout_id;
    if (input->address) order->shipping_address = *input->address;
    if (customer)
        order->customer = (struct order_customer){.user_id = customer->entity.id,
                                                  .display_name = customer->profile.display_name,
                                                  .email = customer->email,
                                                  .phone = order->shipping_address.phone};
    order->attribution.utm = input->utm;
    order->attribution.referrer = input->referrer;
    order->payment.method = input->payment_method;
    order->payment.captured = order->payment.refunded = nothing;
    order->number = next_number(tx);
    order->expires_at = tx->now + setting(tx, "orders.hold");
}

static enum error check_payment(struct tx *tx, const struct purchase *input, const struct order *order)
{
    if (tx->dry_run || !order->total.amount) return OK;
    if (!input->payment_method.length) fail_detail(tx, "payment.method", "required", "is required");
    if (!input->payment_token.length) fail_detail(tx, "payment.token", "required", "is required");
    return fail_details(tx) ? fail(tx, ERROR_VALIDATION_FAILED, "there is something to pay") : OK;
}

static void place(struct tx *tx, const struct purchase *input, struct order *order)
{
    fill_head(tx, input, order);
    order->entity.status = ORDER_PENDING;
    order->payment.attempt = ATTEMPT_REQUESTED;
    order->payment_status = order_payment_of(order);
    order->fulfilment_status = FULFILMENT_UNFULFILLED;
    order_count_pending(tx, order, +1);
    for (uint32_t i = 0; i < order->items.count; i++)
        order_count_undelivered(tx, order, &order->items.at[i], +1);
    order_emit_placed(tx, order, &order_created, 0);
    if (!order->total.amount)
        order_confirm(tx, order, &(struct payment_answer){0});
    else
        order_wait_for_payment(tx, order, input->payment_token);
}

enum error purchase(struct tx *tx, const struct purchase *input, struct order *order)
{
    enum error error = check_customer(tx, input);
    if (error) return error;
    struct basket basket = look_up(tx, input);
    error = check_products(tx, input, &basket);
    if (!error) error = check_attribution(tx, input, &basket);
    if (error) return error;
    fill_prices(tx, input, &basket, order);
    error = check_total(tx, input, order);
    if (!error) error = check_payment(tx, input, order);
    if (!error) error = reserve(tx, input, &basket, order);
    if (error) return error;
    place(tx, input, order); /* from here on nothing may fail */
    return OK;
}

/* ---- POST orders ---- */
/* clang-format off */
static const struct field purchase_line_rows[] = {
    ID(purchase_line,      1, variant_id, .flags = REQUIRED, .doc = "what"),
    INTEGER(purchase_line, 2, quantity, .min = 1, .max = 999, .flags = REQUIRED, .doc = "how many"),
    ID(purchase_line,      3, promotion_id, .refers = "promotion", .doc = "the offer it is bought under"),
    ID(purchase_line,      4, community_id, .refers = "community", .doc = "where it was found"),
};
/* clang-format on */
static const struct fields purchase_line_fields = FIELDS("purchase_line", struct purchase_line, purchase_line_rows);

/* clang-format off */
static const struct field purchase_payment_rows[] = {
    TEXT(purchase_payment, 1, method, .min = 1, .max = 40, .flags = REQUIRED, .doc = "card, wallet, …: the provider's word"),
    TEXT(purchase_payment, 2, token,  .min = 1, .max = 500, .format = FORMAT_KEY, .flags = REQUIRED, .doc = "stands for the means of payment"),
};
/* clang-format on */
static const struct fields purchase_payment_fields =
    FIELDS("purchase_payment", struct purchase_payment, purchase_payment_rows);

/* clang-format off */
static const struct field purchase_attribution_rows[] = {
    ID(purchase_attribution,     1, promotion_id, .refers = "promotion", .doc = "for each item that it covers"),
    ID(purchase_attribution,     2, community_id, .refers = "community", .doc = "where it was found"),
    STRUCT(purchase_attribution, 3, utm, struct utm, &utm_fields, .doc = "how the visitor came"),
    TEXT(purchase_attribution,   4, referrer, .max = 500, .doc = "the page before"),
};
static const struct fields purchase_attribution_fields =
    FIELDS("purchase_attribution", struct purchase_attribution, purchase_attribution_rows);

static const struct field purchase_rows[] = {
    LIST(purchase_body,   1, items, struct purchase_line, &purchase_line_fields, .min = 1, .max = 50, .flags = REQUIRED, .doc = "what is bought"),
    STRUCT(purchase_body, 2, shipping_address, struct order_address, &order_address_fields, .doc = "where it goes"),
    STRUCT(purchase_body, 3, payment, struct purchase_payment, &purchase_payment_fields, .doc = "not needed for a quote, nor when the total is 0"),
    STRUCT(purchase_body, 4, attribution, struct purchase_attribution, &purchase_attribution_fields, .doc = "who brought the sale"),
    MONEY(purchase_body,  5, expected_total, .doc = "refused when it comes to something else"),
    ID(purchase_body,     6, address_id, .refers = "address", .doc = "an address of one's own, instead of shipping_address"),
};
/* clang-format on */
const struct fields purchase_fields = FIELDS("purchase", struct purchase_body, purchase_rows);
