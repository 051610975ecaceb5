/* The world before the first step: people, communities, suppliers with stock, products, promotions. */
#include "sim/world.h"

#include <string.h>

#define FORMAT(...) arena_format(world->arena, __VA_ARGS__).data

static const char *id_text(struct world *world, struct id id)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    return arena_text(world->arena, text_of(text)).data;
}

static struct id asker(const struct world *world, int person)
{
    return person == BY_STAFF ? ID_NONE : world->people[person].id;
}

/* Asks; what is wanted is the id of what was made or changed. */
static struct id make(struct world *world, int person, const char *kind, const char *command, const char *id,
                      const char *body, uint16_t status)
{
    struct answer answer = world_ask(world,
                                     (struct asking){.kind = kind,
                                                     .command = command,
                                                     .id = id,
                                                     .body = body,
                                                     .user = asker(world, person),
                                                     .operator_ = person == BY_STAFF},
                                     status);
    struct id made = json_id(answer.data, "id");
    answer_free(&answer);
    return made;
}

static void make_people(struct world *world)
{
    for (uint32_t i = 0; i < world->terms.people && i < PEOPLE_MOST; i++) {
        struct person *person = &world->people[i];
        struct answer answer = world_ask(
            world,
            (struct asking){
                .kind = "user",
                .command = "register",
                .body = FORMAT(
                    "{\"email\":\"person%u@example.com\",\"password\":\"correct horse\",\"display_name\":\"Person %u\",\"accept_terms\":true}",
                    i, i)},
            201);
        person->id = json_id(answer.data, "id");
        person->text = id_text(world, person->id);
        const char *token = FORMAT("{\"token\":\"%s\"}", json_text(answer.data, "verification_token"));
        answer_free(&answer);
        make(world, i, "user", "verify", NULL, token, 200);
        for (uint32_t k = 0; k < PEOPLE_MOST; k++)
            person->follows[k] = tracked_begin(LIFE_FOLLOW, "none");
        world->person_count++;
    }
}

static void make_communities(struct world *world)
{
    for (uint32_t i = 0; i < world->terms.communities && i < COMMUNITIES_MOST; i++) {
        struct community *community = &world->communities[i];
        community->owner = (int)(i % world->person_count);
        community->guarded = i == 1;
        make(world, BY_STAFF, "user", "grant-role", world->people[community->owner].text,
             "{\"role\":\"leader\",\"reason\":\"r\"}", 200);
        community->id = make(
            world, community->owner, "community", "create", NULL,
            FORMAT("{\"name\":\"Community %u\",\"visibility\":\"%s\"}", i, community->guarded ? "private" : "public"),
            201);
        community->text = id_text(world, community->id);
        community->version = 1;
        price_learn(world, &community->description, 0);
        enum life life = community->guarded ? LIFE_PRIVATE_MEMBERSHIP : LIFE_PUBLIC_MEMBERSHIP;
        for (uint32_t k = 0; k < world->person_count; k++)
            community->members[k] = tracked_begin(life, (int)k == community->owner ? "active" : "none");
        world->community_count++;
    }
}

static void add_location(struct world *world, struct supplier *supplier, uint32_t number)
{
    struct answer answer = world_ask(
        world,
        (struct asking){.kind = "supplier",
                        .command = "location_add",
                        .id = supplier->text,
                        .user = asker(world, supplier->owner),
                        .body = FORMAT("{\"name\":\"Location %u\",\"priority\":%u,\"address\":{\"line1\":\"Street 1\","
                                       "\"city\":\"Berlin\",\"country\":\"DE\"}}",
                                       number, number % 2)},
        201);
    yyjson_val *rows = json_at(answer.data, "locations");
    yyjson_val *row = rows ? yyjson_arr_get(rows, number) : answer.data;
    supplier->locations[supplier->location_count++] = json_id(row, "id");
    answer_free(&answer);
}

static const char *upload(struct world *world, int person, uint32_t number)
{
    struct answer answer = world_ask(world,
                                     (struct asking){.kind = "media",
                                                     .command = "upload",
                                                     .query = "visibility=private",
                                                     .body = FORMAT("%%PDF-1.4 licence %u", number),
                                                     .user = asker(world, person)},
                                     201);
    struct id id = json_id(answer.data, "id");
    answer_free(&answer);
    return id_text(world, id);
}

static void make_suppliers(struct world *world)
{
    for (uint32_t i = 0; i < world->terms.suppliers && i < SUPPLIERS_MOST; i++) {
        struct supplier *supplier = &world->suppliers[i];
        supplier->owner = (int)((i + 1) % world->person_count);
        supplier->id =
            make(world, supplier->owner, "supplier", "create", NULL,
                 FORMAT("{\"name\":\"Supplier %u\",\"company\":"
                        "{\"legal_name\":\"Supplier %u Ltd\",\"tax_id\":\"DE123456789\",\"country\":\"DE\"}}",
                        i, i),
                 201);
        supplier->text = id_text(world, supplier->id);
        for (uint32_t k = 0; k < world->terms.locations && k < LOCATIONS_MOST; k++)
            add_location(world, supplier, k);
        const char *licence = upload(world, supplier->owner, i);
        make(world, supplier->owner, "supplier", "document_add", supplier->text,
             FORMAT("{\"kind\":\"license\",\"title\":\"License\",\"media_id\":\"%s\"}", licence), 201);
        make(world, supplier->owner, "supplier", "banking", supplier->text,
             "{\"password\":\"correct horse\",\"holder\":\"Sue\",\"iban\":\"DE89370400440532013000\"}", 200);
        make(world, supplier->owner, "supplier", "submit", supplier->text, NULL, 200);
        make(world, BY_STAFF, "supplier", "verify", supplier->text, NULL, 200);
        supplier->status = tracked_begin(LIFE_SUPPLIER, "verified");
        world->supplier_count++;
    }
}

#define MONEY_JSON "{\"amount\":%lld,\"currency\":\"USD\"}"

static const char *product_body(struct world *world, uint32_t number, const struct product *product,
                                const int64_t *prices)
{
    struct buffer body = {.arena = world->arena};
    buffer_format(&body, "{\"supplier_id\":\"%s\",\"name\":\"Product %u\",\"variants\":[",
                  world->suppliers[product->supplier].text, number);
    for (uint32_t i = 0; i < world->terms.variants; i++)
        buffer_format(&body, "%s{\"sku\":\"P%u-%u\",\"attributes\":{\"size\":\"%u\"},\"price\":" MONEY_JSON "}",
                      i ? "," : "", number, i, i, (long long)prices[i]);
    buffer_format(&body,
                  "],\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":" MONEY_JSON ",\"extra_cost\":" MONEY_JSON
                  ",\"days_min\":1,\"days_max\":2}}",
                  (long long)product->shipping, (long long)product->extra);
    buffer_byte(&body, 0);
    return body.data;
}

static void make_product(struct world *world, uint32_t number)
{
    struct product *product = &world->products[number];
    int64_t prices[VARIANTS_MOST];
    product->supplier = (int)(number % world->supplier_count);
    product->shipping = world->terms.price ? chance_below(&world->chance, 900) : 0;
    product->extra = world->terms.price ? chance_below(&world->chance, 120) : 0;
    for (uint32_t i = 0; i < world->terms.variants; i++)
        prices[i] = world->terms.price + (world->terms.price > 1 ? 37 * i : 0);
    int owner = world->suppliers[product->supplier].owner;
    struct answer answer = world_ask(world,
                                     (struct asking){.kind = "product",
                                                     .command = "create",
                                                     .user = asker(world, owner),
                                                     .body = product_body(world, number, product, prices)},
                                     201);
    product->id = json_id(answer.data, "id");
    product->text = id_text(world, product->id);
    product->status = tracked_begin(LIFE_PRODUCT, "published");
    for (uint32_t i = 0; i < world->terms.variants && world->variant_count < VARIANTS_MOST; i++) {
        struct variant *variant = &world->variants[world->variant_count++];
        variant->id = json_id(yyjson_arr_get(json_at(answer.data, "variants"), i), "id");
        variant->text = id_text(world, variant->id);
        variant->product = (int)number;
        price_learn(world, &variant->prices, prices[i]);
    }
    answer_free(&answer);
    make(world, owner, "product", "publish", product->text, NULL, 200);
    world->product_count++;
}

static void make_stock(struct world *world)
{
    for (uint32_t v = 0; v < world->variant_count; v++) {
        const struct product *product = &world->products[world->variants[v].product];
        const struct supplier *supplier = &world->suppliers[product->supplier];
        for (uint32_t l = 0; l < supplier->location_count; l++) {
            struct stock *stock = &world->stocks[world->stock_count++];
            *stock = (struct stock){.variant = (int)v, .location = (int)l};
            price_learn(world, &stock->backorder, 0);
            if (!world->terms.stock) continue;
            make(world, supplier->owner, "stock", "adjust", product->text,
                 FORMAT("{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"delta\":%lld,\"reason\":\"received\"}",
                        world->variants[v].text, id_text(world, supplier->locations[l]), (long long)world->terms.stock),
                 200);
            stock->received = world->terms.stock;
            stock->kept = true;
        }
    }
}

static const char *promotion_body(struct world *world, uint32_t number, const struct promotion *promotion)
{
    struct buffer body = {.arena = world->arena};
    const struct product *product = &world->products[promotion->product];
    char from[TIME_TEXT_LENGTH + 1], to[TIME_TEXT_LENGTH + 1];
    time_format(world->loopback.now - MINUTES(1), from);
    time_format(promotion->ends_at, to);
    buffer_format(
        &body,
        "{\"supplier_id\":\"%s\",\"type\":\"single\",\"title\":\"Offer %u\",\"products\":[{\"product_id\":\"%s\"}],\"offer\":",
        world->suppliers[product->supplier].text, number, product->text);
    if (promotion->offer == OFFER_BP)
        buffer_format(&body, "{\"kind\":\"percent\",\"percent_bp\":%lld}", (long long)promotion->value);
    else
        buffer_format(&body, "{\"kind\":\"%s\",\"amount\":" MONEY_JSON "}",
                      promotion->offer == OFFER_LESS ? "amount_off" : "fixed_price", (long long)promotion->value);
    if (promotion->community == NOBODY)
        buffer_string(&body, ",\"visibility\":\"global\"");
    else
        buffer_format(&body, ",\"visibility\":\"communities\",\"community_ids\":[\"%s\"]",
                      world->communities[promotion->community].text);
    buffer_format(&body, ",\"starts_at\":\"%s\",\"ends_at\":\"%s\"}", from, to);
    buffer_byte(&body, 0);
    return body.data;
}

static void make_promotion(struct world *world, uint32_t number)
{
    struct promotion *promotion = &world->promotions[number];
    int64_t price = world->terms.price;
    promotion->product = (int)(number % world->product_count);
    promotion->community = number % 2 ? (int)(number / 2 % world->community_count) : NOBODY;
    promotion->offer = (enum offer)(OFFER_BP + number % 3);
    promotion->value = promotion->offer == OFFER_BP ? 1 + chance_below(&world->chance, 10000)
                                                    : chance_below(&world->chance, (uint32_t)price + 1);
    promotion->ends_at = world->loopback.now + (number == 2 ? HOURS(1) : DAYS(60));
    int owner = world->suppliers[world->products[promotion->product].supplier].owner;
    promotion->id = make(world, owner, "promotion", "create", NULL, promotion_body(world, number, promotion), 201);
    promotion->text = id_text(world, promotion->id);
    make(world, owner, "promotion", "submit", promotion->text, NULL, 200);
    for (uint32_t i = 0; i < world->variant_count; i++)
        promotion->snapshot[i] =
            world->variants[i].product == promotion->product ? world->variants[i].prices->amount : -1;
    if (promotion->community == NOBODY)
        make(world, BY_STAFF, "promotion", "approve", promotion->text, "{}", 200);
    else
        make(world, world->communities[promotion->community].owner, "promotion", "approve", promotion->text,
             FORMAT("{\"community_id\":\"%s\"}", world->communities[promotion->community].text), 200);
    promotion->status = tracked_begin(LIFE_PROMOTION, "active");
    world->promotion_count++;
}

static void set_taxes(struct world *world)
{
    if (!world->terms.tax_bp && !world->terms.tax_included) return;
    struct answer answer =
        world_ask(world, (struct asking){.kind = "tenant", .command = "read", .id = "default", .operator_ = true}, 200);
    int64_t version = json_integer(answer.data, "version");
    answer_free(&answer);
    make(
        world, BY_STAFF, "tenant", "patch", "default",
        FORMAT(
            "{\"version\":%lld,\"prices_include_tax\":%s,\"tax_rates\":[{\"country\":\"GB\",\"tax_class\":\"standard\",\"rate_bp\":%lld}]}",
            (long long)version, world->terms.tax_included ? "true" : "false", (long long)world->terms.tax_bp),
        200);
}

void world_populate(struct world *world)
{
    set_taxes(world);
    make_people(world);
    make_communities(world);
    make_suppliers(world);
    for (uint32_t i = 0; i < world->terms.products && i < PRODUCTS_MOST; i++)
        make_product(world, i);
    make_stock(world);
    for (uint32_t i = 0; i < world->terms.promotions && i < PROMOTIONS_MOST; i++)
        make_promotion(world, i);
}
