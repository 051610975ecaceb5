/* Suppliers, what they sell, how they promote it, and who buys it. */
#include "main/demo_world.h"
#include "base/time.h"
#include "main/clock.h"
#include <stdio.h>
#include <string.h>

enum { DEMO_PENDING = 3 };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* clang-format off */
static const char *const trades[] = { "Roastery", "Outfitters", "Mill",     "Workshop",
                                      "Gardens",  "Press",      "Ceramics", "Tea House" };
/* clang-format on */
static const char *const places[] = {"Harbour", "Northside", "Old Town", "Riverbank", "Hillside", "Market Street"};
/* clang-format off */
static const char *const materials[] = {
    "Oak", "Linen", "Copper", "Wool", "Cork", "Clay", "Walnut", "Canvas", "Brass"
};
static const char *const goods[] = {
    "Bowl", "Bag", "Lamp", "Notebook", "Blanket", "Grinder", "Tray", "Apron", "Planter"
};
/* clang-format on */
static const char *const sizes[] = {"S", "M", "L"};
static const char *const categories[] = {"Kitchen", "Home", "Outdoors", "Paper", "Clothing"};

static void post_to(struct demo *demo, const struct demo_person *by, const char *target, struct text body)
{
    demo_ask(demo, (struct demo_call){.by = by, .method = "POST", .target = target, .body = body});
}

/* ---- Suppliers ----------------------------------------------------------------------------------------------------- */

static void take_location(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    struct demo_supplier *supplier = subject;
    (void)demo, (void)status;
    yyjson_val *locations = yyjson_obj_get(data, "locations");
    supplier->location = demo_id_at(locations ? yyjson_arr_get_first(locations) : data, "id");
}

static void found_supplier(struct demo *demo, struct demo_supplier *supplier, unsigned number)
{
    supplier->owner = &demo->people[(demo->size.leaders + number) % demo->size.people];
    supplier->name = demo_text(demo, "%s %s", places[number % COUNT(places)], trades[number % COUNT(trades)]).data;
    if (number >= COUNT(places) * COUNT(trades) / 2)
        supplier->name = demo_text(demo, "%s %u", supplier->name, number).data;
    demo_ask(demo,
             (struct demo_call){
                 .by = supplier->owner,
                 .method = "POST",
                 .target = "/suppliers",
                 .taken = demo_take_id,
                 .subject = &supplier->id,
                 .body = demo_text(
                     demo,
                     "{\"name\":\"%s\",\"description\":\"We make things that last.\",\"company\":{\"legal_name\":\"%s "
                     "Ltd\",\"tax_id\":\"DE%09u\",\"country\":\"DE\"}}",
                     supplier->name, supplier->name, 100000000 + demo_draw(demo, 899999999))});
    demo_ask(demo,
             (struct demo_call){.by = supplier->owner,
                                .method = "POST",
                                .target = "/media?visibility=private",
                                .taken = demo_take_id,
                                .subject = &supplier->licence,
                                .content_type = "application/pdf",
                                .body = demo_text(demo, "%%PDF-1.4\n%% Licence of %s\n%%%%EOF\n", supplier->name)});
}

static void prepare_supplier(struct demo *demo, struct demo_supplier *supplier)
{
    const struct demo_person *owner = supplier->owner;
    demo_ask(
        demo,
        (struct demo_call){
            .by = owner,
            .method = "POST",
            .target = demo_target(demo, "/suppliers/%s/locations", supplier->id.text),
            .taken = take_location,
            .subject = supplier,
            .body = LITERAL(
                "{\"name\":\"Main store\",\"priority\":1,\"address\":{\"line1\":\"Mill Lane 1\",\"city\":\"Hamburg\","
                "\"country\":\"DE\"}}")});
    post_to(demo, owner, demo_target(demo, "/suppliers/%s/documents", supplier->id.text),
            demo_text(demo, "{\"kind\":\"license\",\"title\":\"Trade licence\",\"media_id\":\"%s\"}",
                      supplier->licence.text));
    demo_ask(demo,
             (struct demo_call){
                 .by = owner,
                 .method = "PUT",
                 .target = demo_target(demo, "/suppliers/%s/banking", supplier->id.text),
                 .body = demo_text(demo, "{\"password\":\"%s\",\"holder\":\"%s\",\"iban\":\"DE89370400440532013000\"}",
                                   DEMO_PASSWORD, supplier->name)});
}

/* The last two are not verified: one waits, one was rejected. */
void demo_make_suppliers(struct demo *demo)
{
    demo_stage(demo, "suppliers");
    unsigned count = demo->size.suppliers;
    for (unsigned i = 0; i < count && !demo->failed; i++)
        found_supplier(demo, &demo->suppliers[i], i);
    demo_settle(demo);
    for (unsigned i = 0; i < count && !demo->failed; i++)
        prepare_supplier(demo, &demo->suppliers[i]);
    demo_settle(demo);
    for (unsigned i = 0; i < count && !demo->failed; i++) {
        struct demo_supplier *supplier = &demo->suppliers[i];
        post_to(demo, supplier->owner, demo_target(demo, "/suppliers/%s/submit", supplier->id.text), (struct text){0});
    }
    for (unsigned i = 0; i < count && !demo->failed; i++) {
        struct demo_supplier *supplier = &demo->suppliers[i];
        supplier->verified = i + 2 < count;
        if (supplier->verified)
            post_to(demo, &demo->admin, demo_target(demo, "/suppliers/%s/verify", supplier->id.text), (struct text){0});
        else if (i + 1 < count)
            post_to(demo, &demo->admin, demo_target(demo, "/suppliers/%s/reject", supplier->id.text),
                    LITERAL("{\"reason\":\"the licence cannot be read\"}"));
    }
    demo_settle(demo);
}

/* ---- Products ------------------------------------------------------------------------------------------------------ */

static void take_product(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    struct demo_product *product = subject;
    yyjson_val *variant;
    yyjson_arr_iter at = yyjson_arr_iter_with(yyjson_obj_get(data, "variants"));
    (void)demo, (void)status;
    product->id = demo_id_at(data, "id");
    while ((variant = yyjson_arr_iter_next(&at)) && product->variant_count < DEMO_VARIANTS_MOST)
        product->variants[product->variant_count++] = demo_id_at(variant, "id");
}

static struct text product_body(struct demo *demo, const struct demo_product *product, unsigned number)
{
    struct buffer body = {.arena = demo->arena};
    unsigned price = 900 + 100 * demo_draw(demo, 80), variants = 1 + number % DEMO_VARIANTS_MOST;
    buffer_format(
        &body,
        "{\"supplier_id\":\"%s\",\"name\":\"%s\",\"description\":\"Made by hand, in small numbers.\","
        "\"category\":\"%s\",\"brand\":\"%s\",\"condition\":\"new\",\"tags\":[\"handmade\",\"demo\"],"
        "\"specifications\":{\"origin\":\"Germany\"},\"media\":{\"primary_url\":\"https://images.example/p%u.jpg\"},"
        "\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":{\"amount\":%u,\"currency\":\"USD\"},"
        "\"extra_cost\":{\"amount\":100,\"currency\":\"USD\"},\"days_min\":2,\"days_max\":6},\"variants\":[",
        product->supplier->id.text, product->name, categories[number % COUNT(categories)], product->supplier->name,
        number, 400 + 100 * demo_draw(demo, 6));
    for (unsigned i = 0; i < variants; i++)
        buffer_format(
            &body,
            "%s{\"sku\":\"D%u-%s\",\"attributes\":{\"size\":\"%s\"},\"price\":{\"amount\":%u,\"currency\":\"USD\"},"
            "\"weight_g\":%u}",
            i ? "," : "", number, sizes[i], sizes[i], price + 500 * i, 200 + 150 * i);
    buffer_string(&body, "]}");
    return buffer_as_text(&body);
}

static void stock_product(struct demo *demo, const struct demo_product *product)
{
    const struct demo_supplier *supplier = product->supplier;
    for (unsigned i = 0; i < product->variant_count; i++)
        post_to(demo, supplier->owner, demo_target(demo, "/products/%s/stock/adjust", product->id.text),
                demo_text(demo, "{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"on_hand\":%u,\"reason\":\"received\"}",
                          product->variants[i].text, supplier->location.text, 200 + demo_draw(demo, 300)));
}

void demo_make_products(struct demo *demo)
{
    demo_stage(demo, "products");
    for (unsigned i = 0; i < demo->product_count && !demo->failed; i++) {
        struct demo_product *product = &demo->products[i];
        product->supplier = &demo->suppliers[i % demo->size.suppliers];
        product->name =
            demo_text(demo, "%s %s", materials[demo_draw(demo, COUNT(materials))], goods[i % COUNT(goods)]).data;
        demo_ask(demo, (struct demo_call){.by = product->supplier->owner,
                                          .method = "POST",
                                          .target = "/products",
                                          .taken = take_product,
                                          .subject = product,
                                          .body = product_body(demo, product, i)});
    }
    demo_settle(demo);
    for (unsigned i = 0; i < demo->product_count && !demo->failed; i++) {
        struct demo_product *product = &demo->products[i];
        product->published = product->supplier->verified && i % 10 != 9; /* one in ten stays a draft */
        stock_product(demo, product);
        if (product->published)
            post_to(demo, product->supplier->owner, demo_target(demo, "/products/%s/publish", product->id.text),
                    (struct text){0});
    }
    demo_settle(demo);
}

/* ---- Promotions ---------------------------------------------------------------------------------------------------- */

static void command_promotion(struct demo *demo, const struct demo_promotion *promotion, const struct demo_person *by,
                              const char *command, struct text body)
{
    post_to(demo, by, demo_target(demo, "/promotions/%s/%s", promotion->id.text, command), body);
}

/* In turn: four that are approved, one that was rejected, one that waits, one that is a draft. */
static void decide_promotion(struct demo *demo, struct demo_promotion *promotion, unsigned number)
{
    const struct demo_community *community = promotion->community;
    const struct demo_person *approver = community ? community->owner : &demo->admin;
    if (number % 7 == 6) return;
    command_promotion(demo, promotion, promotion->product->supplier->owner, "submit", (struct text){0});
    if (number % 7 == 5) return;
    if (number % 7 == 4) {
        command_promotion(demo, promotion, approver, "reject",
                          community ? demo_text(demo, "{\"community_id\":\"%s\",\"reason\":\"too many this month\"}",
                                                community->id.text)
                                    : LITERAL("{\"reason\":\"too many this month\"}"));
        return;
    }
    command_promotion(demo, promotion, approver, "approve",
                      community ? demo_text(demo, "{\"community_id\":\"%s\"}", community->id.text) : LITERAL("{}"));
    promotion->active = true;
    if (number % 14 == 3) {
        command_promotion(demo, promotion, promotion->product->supplier->owner, "pause", LITERAL("{}"));
        promotion->active = false;
    }
}

void demo_make_promotions(struct demo *demo)
{
    demo_stage(demo, "promotions");
    struct clock clock;
    char begin[TIME_TEXT_LENGTH + 1], end[TIME_TEXT_LENGTH + 1];
    clock_start(&clock);
    time_format(clock_now_ms(&clock) - MINUTES(5), begin);
    time_format(clock_now_ms(&clock) + DAYS(30), end);
    for (unsigned i = 0; i < demo->product_count && !demo->failed; i++) {
        struct demo_product *product = &demo->products[i];
        if (!product->published || i % 3 == 2) continue;
        struct demo_promotion *promotion = &demo->promotions[demo->promotion_count++];
        promotion->product = product;
        promotion->community = i % 2 ? &demo->communities[demo_draw(demo, demo->community_count)] : NULL;
        struct text where = promotion->community
                                ? demo_text(demo, "\"visibility\":\"communities\",\"community_ids\":[\"%s\"]",
                                            promotion->community->id.text)
                                : LITERAL("\"visibility\":\"global\"");
        demo_ask(
            demo,
            (struct demo_call){
                .by = product->supplier->owner,
                .method = "POST",
                .target = "/promotions",
                .taken = demo_take_id,
                .subject = &promotion->id,
                .body = demo_text(
                    demo,
                    "{\"supplier_id\":\"%s\",\"type\":\"single\",\"title\":\"%u %% off %s\",\"products\":[{\"product_id\":"
                    "\"%s\"}],\"offer\":{\"kind\":\"percent\",\"percent_bp\":%u},%s,\"starts_at\":\"%s\","
                    "\"ends_at\":\"%s\"}",
                    product->supplier->id.text, 10 + i % 4 * 5, product->name, product->id.text, 1000 + i % 4 * 500,
                    where.data, begin, end)});
    }
    demo_settle(demo);
    for (unsigned i = 0; i < demo->promotion_count && !demo->failed; i++)
        decide_promotion(demo, &demo->promotions[i], i);
    demo_settle(demo);
}

/* ---- Orders -------------------------------------------------------------------------------------------------------- */

static void take_order(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    struct demo_order *order = subject;
    yyjson_val *item;
    yyjson_arr_iter at = yyjson_arr_iter_with(yyjson_obj_get(data, "items"));
    (void)demo;
    order->confirmed = status == 201;
    order->id = demo_id_at(data, "id");
    for (unsigned i = 0; i < order->item_count && (item = yyjson_arr_iter_next(&at)); i++)
        order->items[i] = demo_id_at(item, "id");
}

static struct demo_product *draw_product(struct demo *demo)
{
    for (;;) {
        struct demo_product *product = &demo->products[demo_draw(demo, demo->product_count)];
        if (product->published) return product;
    }
}

/* An active promotion of the product that everybody may use. */
static const struct demo_promotion *promotion_of(const struct demo *demo, const struct demo_product *product)
{
    for (unsigned i = 0; i < demo->promotion_count; i++)
        if (demo->promotions[i].active && demo->promotions[i].product == product && !demo->promotions[i].community)
            return &demo->promotions[i];
    return NULL;
}

static struct text order_body(struct demo *demo, struct demo_order *order, unsigned number, const char *token)
{
    struct buffer body = {.arena = demo->arena};
    buffer_string(&body, "{\"items\":[");
    for (unsigned i = 0; i < order->item_count; i++) {
        struct demo_product *product = order->products[i] = draw_product(demo);
        const struct demo_promotion *promotion = promotion_of(demo, product);
        buffer_format(&body, "%s{\"variant_id\":\"%s\",\"quantity\":%u", i ? "," : "",
                      product->variants[demo_draw(demo, product->variant_count)].text, 1 + demo_draw(demo, 3));
        if (promotion) buffer_format(&body, ",\"promotion_id\":\"%s\"", promotion->id.text);
        buffer_byte(&body, '}');
    }
    buffer_format(
        &body,
        "],\"shipping_address\":{\"first_name\":\"Demo\",\"last_name\":\"Customer\",\"line1\":\"High Street %u\","
        "\"city\":\"London\",\"postal_code\":\"N1 9GU\",\"country\":\"GB\"},\"payment\":{\"method\":\"card\",\"token\":"
        "\"%s\"},\"attribution\":{\"utm\":{\"source\":\"demo\"}}}",
        1 + number, token);
    return buffer_as_text(&body);
}

static void command_item(struct demo *demo, const struct demo_order *order, unsigned item, const char *command,
                         struct text body)
{
    post_to(demo, order->products[item]->supplier->owner,
            demo_target(demo, "/orders/%s/items/%s/%s", order->id.text, order->items[item].text, command), body);
}

/* In turn: just confirmed, in work, on its way, delivered, half shipped, cancelled. */
static void fulfil(struct demo *demo, const struct demo_order *order, unsigned number)
{
    unsigned far = number % 6;
    if (far == 5) {
        post_to(demo, order->customer, demo_target(demo, "/orders/%s/cancel", order->id.text),
                LITERAL("{\"reason\":\"changed my mind\"}"));
        return;
    }
    for (unsigned i = 0; i < order->item_count; i++) {
        if (far >= 1) command_item(demo, order, i, "process", (struct text){0});
        if (far < 2 || (far == 4 && i)) continue;
        command_item(demo, order, i, "ship",
                     LITERAL("{\"carrier\":\"Demo Post\",\"tracking_number\":\"DP123456789\"}"));
        if (far == 3) command_item(demo, order, i, "deliver", (struct text){0});
    }
}

static void place(struct demo *demo, struct demo_order *order, unsigned number, const char *token)
{
    order->customer = &demo->people[demo_draw(demo, demo->size.people)];
    order->item_count = 1 + demo_draw(demo, DEMO_ITEMS_MOST);
    demo_ask(demo, (struct demo_call){.by = order->customer,
                                      .method = "POST",
                                      .target = "/orders",
                                      .also = 402,
                                      .taken = take_order,
                                      .subject = order,
                                      .body = order_body(demo, order, number, token)});
}

void demo_make_orders(struct demo *demo)
{
    demo_stage(demo, "orders");
    for (unsigned i = 0; i < demo->size.orders && !demo->failed; i++)
        place(demo, &demo->orders[i], i, i % 11 == 10 ? "tok_declined" : "tok_success");
    demo_settle(demo);
    demo_stage(demo, "shipments");
    for (unsigned i = 0; i < demo->size.orders && !demo->failed; i++)
        if (demo->orders[i].confirmed) fulfil(demo, &demo->orders[i], i);
    demo_settle(demo);
    /* The last ones stay pending: their provider never answers, and nobody here waits for it. */
    for (unsigned i = 0; i < DEMO_PENDING && !demo->failed; i++)
        place(demo, ARENA_NEW(demo->arena, struct demo_order), demo->size.orders + i, "tok_timeout");
    if (!demo->failed && !client_flush(demo->client)) demo->failed = true;
}
