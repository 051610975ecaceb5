/* A large marketplace for measurements: plain, even, and made as fast as the core decides. All of it comes from ordinary
   commands, so it is what a server would hold had people done it. The same seed and scale give the same marketplace, but
   for ids and times. */
#include "main/demo.h"
#include "base/time.h"
#include "main/clock.h"
#include "main/exit.h"
#include "main/feeder.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PRODUCTS_LEAST = 10, /* of a marketplace */
    PRODUCTS_MOST = 10000000,
    TENANTS_MOST = 100000,
    PEOPLE_LEAST = 10,
    COMMUNITY_POSTS = 60, /* at most: no more than products */
    COMMUNITY_PROMOTIONS = 8,
    CHUNK = 4096, /* people whose tokens are held at once */
    STOCK = 1000000,
};

struct product {
    struct id id, variant;
};
struct supplier {
    struct id id, owner, location;
};
struct community {
    struct id id, owner;
};
struct promotion {
    struct id id, owner;
    uint32_t community;
};

struct market {
    struct feeder *feeder;
    struct arena *arena;   /* of one marketplace */
    struct arena *scratch; /* of one request */
    struct text slug;      /* absent: the default marketplace */
    uint64_t random;
    bool terminal;
    uint32_t people_count, supplier_count, community_count, product_count, promotion_count;
    struct id *people;
    struct supplier *suppliers;
    struct community *communities;
    struct product *products;
    struct promotion *promotions;
};

/* clang-format off */
static const char *const categories[] = { "Kitchen", "Home", "Outdoors", "Paper", "Clothing", "Garden", "Music", "Toys" };
static const char *const materials[] = { "Oak", "Linen", "Copper", "Wool", "Cork", "Clay", "Walnut", "Canvas", "Brass" };
static const char *const goods[] = { "Bowl", "Bag", "Lamp", "Notebook", "Blanket", "Grinder", "Tray", "Apron", "Planter" };
/* clang-format on */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Talking ------------------------------------------------------------------------------------------------------- */

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint32_t draw(struct market *market, uint32_t below)
{
    uint64_t z = market->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ z >> 31) % below);
}

static struct text print(struct market *market, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(market->scratch, format, arguments);
    va_end(arguments);
    return text;
}

static const char *of(struct market *market, struct id id)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    return arena_text(market->scratch, text_of(text)).data;
}

typedef void taking(void *subject, yyjson_val *data);
static bool ask(struct market *market, struct id by, const char *method, struct text path, struct text body,
                taking *taken, void *subject)
{
    bool good = feeder_ask(market->feeder, &(struct feeder_call){.tenant = market->slug,
                                                                 .by = by,
                                                                 .method = method,
                                                                 .path = print(market, "/api/v1%s", path.data).data,
                                                                 .body = body,
                                                                 .taken = taken,
                                                                 .subject = subject});
    arena_reset(market->scratch);
    return good;
}

static bool command(struct market *market, struct id by, struct text path, struct text body)
{
    return ask(market, by, "POST", path, body, NULL, NULL);
}

static struct id id_at(yyjson_val *object, const char *name)
{
    struct id id;
    return id_parse(text_of(yyjson_get_str(yyjson_obj_get(object, name))), &id) ? id : ID_NONE;
}

static void take_id(void *subject, yyjson_val *data)
{
    *(struct id *)subject = id_at(data, "id");
}

static const struct text nothing;

static bool stage(struct market *market, const char *name)
{
    if (market->terminal)
        fprintf(stderr, "\r\033[Kdemo: %llu requests, now %s", (unsigned long long)feeder_answered(market->feeder),
                name);
    return feeder_settle(market->feeder);
}

/* ---- People -------------------------------------------------------------------------------------------------------- */

struct newcomer {
    struct id *id;
    char token[128];
};

static void take_newcomer(void *subject, yyjson_val *data)
{
    struct newcomer *newcomer = subject;
    const char *token = yyjson_get_str(yyjson_obj_get(data, "verification_token"));
    *newcomer->id = id_at(data, "id");
    snprintf(newcomer->token, sizeof newcomer->token, "%s", token ? token : "");
}

/* person7@scale.example */
static bool make_people(struct market *market)
{
    struct newcomer *newcomers = memory_alloc(CHUNK * sizeof *newcomers);
    bool good = stage(market, "people");
    for (uint32_t from = 0; good && from < market->people_count; from += CHUNK) {
        uint32_t count = market->people_count - from < CHUNK ? market->people_count - from : CHUNK;
        for (uint32_t i = 0; i < count; i++) {
            newcomers[i].id = &market->people[from + i];
            ask(market, ID_NONE, "POST", LITERAL("/auth/register"),
                print(market,
                      "{\"email\":\"person%u@scale.example\",\"password\":\"%s\",\"display_name\":\"Person %u\","
                      "\"accept_terms\":true}",
                      from + i, DEMO_PASSWORD, from + i),
                take_newcomer, &newcomers[i]);
        }
        good = feeder_settle(market->feeder);
        for (uint32_t i = 0; good && i < count; i++)
            command(market, ID_NONE, LITERAL("/auth/verify"), print(market, "{\"token\":\"%s\"}", newcomers[i].token));
        good = good && feeder_settle(market->feeder);
    }
    free(newcomers);
    return good;
}

static bool make_communities(struct market *market)
{
    stage(market, "communities");
    for (uint32_t i = 0; i < market->community_count; i++) {
        market->communities[i].owner = market->people[i % market->people_count];
        command(market, ID_NONE, print(market, "/admin/users/%s/grant-role", of(market, market->communities[i].owner)),
                LITERAL("{\"role\":\"leader\",\"reason\":\"founding members\"}"));
    }
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->community_count; i++)
        ask(market, market->communities[i].owner, "POST", LITERAL("/communities"),
            print(market, "{\"name\":\"Community %u\",\"purpose\":\"what grows and what is made\"}", i), take_id,
            &market->communities[i].id);
    if (!stage(market, "members and posts")) return false;
    for (uint32_t i = market->community_count; i < market->people_count; i++)
        command(market, market->people[i],
                print(market, "/communities/%s/join", of(market, market->communities[i % market->community_count].id)),
                nothing);
    uint32_t each = market->product_count < COMMUNITY_POSTS ? market->product_count : COMMUNITY_POSTS;
    for (uint32_t i = 0; i < market->community_count * each; i++) {
        const struct community *community = &market->communities[i % market->community_count];
        command(
            market, community->owner, LITERAL("/posts"),
            print(market,
                  "{\"community_id\":\"%s\",\"type\":\"text\",\"title\":\"Week %u in the workshop\",\"body\":\"What "
                  "we have made this week, how long it took, and what we would do differently.\"}",
                  of(market, community->id), i / market->community_count));
    }
    return feeder_settle(market->feeder);
}

/* ---- Trade --------------------------------------------------------------------------------------------------------- */

static void take_location(void *subject, yyjson_val *data)
{
    ((struct supplier *)subject)->location = id_at(yyjson_arr_get_first(yyjson_obj_get(data, "locations")), "id");
}

static void prepare_supplier(struct market *market, struct supplier *supplier)
{
    ask(market, supplier->owner, "POST", print(market, "/suppliers/%s/locations", of(market, supplier->id)),
        LITERAL("{\"name\":\"Main store\",\"priority\":1,\"address\":{\"line1\":\"Mill Lane 1\",\"city\":\"Hamburg\","
                "\"country\":\"DE\"}}"),
        take_location, supplier);
    command(market, supplier->owner, print(market, "/suppliers/%s/documents", of(market, supplier->id)),
            LITERAL("{\"kind\":\"license\",\"title\":\"Trade licence\",\"media_id\":\"demo\"}"));
    ask(market, supplier->owner, "PUT", print(market, "/suppliers/%s/banking", of(market, supplier->id)),
        print(market, "{\"password\":\"%s\",\"holder\":\"Owner\",\"iban\":\"DE89370400440532013000\"}", DEMO_PASSWORD),
        NULL, NULL);
}

static bool make_suppliers(struct market *market)
{
    stage(market, "suppliers");
    for (uint32_t i = 0; i < market->supplier_count; i++) {
        struct supplier *supplier = &market->suppliers[i];
        supplier->owner = market->people[(market->community_count + i) % market->people_count];
        ask(market, supplier->owner, "POST", LITERAL("/suppliers"),
            print(market,
                  "{\"name\":\"Supplier %u\",\"company\":{\"legal_name\":\"Supplier %u Ltd\",\"tax_id\":\"DE%09u\","
                  "\"country\":\"DE\"}}",
                  i, i, 100000000 + i),
            take_id, &supplier->id);
    }
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->supplier_count; i++)
        prepare_supplier(market, &market->suppliers[i]);
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->supplier_count; i++)
        command(market, market->suppliers[i].owner,
                print(market, "/suppliers/%s/submit", of(market, market->suppliers[i].id)), nothing);
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->supplier_count; i++)
        command(market, ID_NONE, print(market, "/suppliers/%s/verify", of(market, market->suppliers[i].id)), nothing);
    return feeder_settle(market->feeder);
}

static void take_product(void *subject, yyjson_val *data)
{
    struct product *product = subject;
    product->id = id_at(data, "id");
    product->variant = id_at(yyjson_arr_get_first(yyjson_obj_get(data, "variants")), "id");
}

static void make_product(struct market *market, uint32_t number)
{
    const struct supplier *supplier = &market->suppliers[number % market->supplier_count];
    ask(market, supplier->owner, "POST", LITERAL("/products"),
        print(
            market,
            "{\"supplier_id\":\"%s\",\"name\":\"%s %s %u\",\"description\":\"Made by hand, in small numbers.\","
            "\"category\":\"%s\",\"brand\":\"Scale\",\"tags\":[\"handmade\",\"demo\"],\"variants\":[{\"sku\":\"S%u\","
            "\"attributes\":{\"size\":\"M\"},\"price\":{\"amount\":%u,\"currency\":\"USD\"},\"weight_g\":500}],"
            "\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":{\"amount\":400,\"currency\":\"USD\"},\"extra_cost\":"
            "{\"amount\":100,\"currency\":\"USD\"},\"days_min\":2,\"days_max\":6}}",
            of(market, supplier->id), materials[draw(market, COUNT(materials))], goods[draw(market, COUNT(goods))],
            number, categories[number % COUNT(categories)], number, 900 + 10 * draw(market, 800)),
        take_product, &market->products[number]);
}

static void stock_product(struct market *market, uint32_t number)
{
    const struct supplier *supplier = &market->suppliers[number % market->supplier_count];
    const struct product *product = &market->products[number];
    command(market, supplier->owner, print(market, "/products/%s/stock/adjust", of(market, product->id)),
            print(market, "{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"on_hand\":%u,\"reason\":\"received\"}",
                  of(market, product->variant), of(market, supplier->location), (unsigned)STOCK));
    command(market, supplier->owner, print(market, "/products/%s/publish", of(market, product->id)), nothing);
}

static bool make_products(struct market *market)
{
    bool good = stage(market, "products");
    for (uint32_t from = 0; good && from < market->product_count; from += CHUNK) {
        uint32_t to = market->product_count - from < CHUNK ? market->product_count : from + CHUNK;
        for (uint32_t i = from; i < to; i++)
            make_product(market, i);
        good = stage(market, "products");
        for (uint32_t i = from; good && i < to; i++)
            stock_product(market, i);
        good = good && feeder_settle(market->feeder);
    }
    return good;
}

/* A few of each community's own, for its feed. */
static bool make_promotions(struct market *market)
{
    char from[TIME_TEXT_LENGTH + 1], to[TIME_TEXT_LENGTH + 1];
    time_format(feeder_now(market->feeder) - MINUTES(5), from);
    time_format(feeder_now(market->feeder) + DAYS(30), to);
    stage(market, "promotions");
    for (uint32_t i = 0; i < market->promotion_count; i++) {
        const struct supplier *supplier = &market->suppliers[i % market->supplier_count];
        struct promotion *promotion = &market->promotions[i];
        promotion->owner = supplier->owner;
        promotion->community = i / COMMUNITY_PROMOTIONS;
        ask(market, supplier->owner, "POST", LITERAL("/promotions"),
            print(
                market,
                "{\"supplier_id\":\"%s\",\"type\":\"single\",\"title\":\"Offer %u\",\"products\":[{\"product_id\":\"%s\"}],"
                "\"offer\":{\"kind\":\"percent\",\"percent_bp\":2000},\"visibility\":\"communities\",\"community_ids\":["
                "\"%s\"],\"starts_at\":\"%s\",\"ends_at\":\"%s\"}",
                of(market, supplier->id), i, of(market, market->products[i].id),
                of(market, market->communities[promotion->community].id), from, to),
            take_id, &promotion->id);
    }
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->promotion_count; i++)
        command(market, market->promotions[i].owner,
                print(market, "/promotions/%s/submit", of(market, market->promotions[i].id)), nothing);
    if (!feeder_settle(market->feeder)) return false;
    for (uint32_t i = 0; i < market->promotion_count; i++) {
        const struct community *community = &market->communities[market->promotions[i].community];
        command(market, community->owner, print(market, "/promotions/%s/approve", of(market, market->promotions[i].id)),
                print(market, "{\"community_id\":\"%s\"}", of(market, community->id)));
    }
    return feeder_settle(market->feeder);
}

/* One or two lines each, paid. */
static bool make_orders(struct market *market)
{
    bool good = stage(market, "orders");
    for (uint32_t i = 0; good && i < 2 * market->product_count; i++) {
        struct id customer = market->people[draw(market, market->people_count)];
        uint32_t first = draw(market, market->product_count);
        const char *one = of(market, market->products[first].variant);
        const char *other = of(market, market->products[(first + 1) % market->product_count].variant);
        struct text second =
            draw(market, 2) ? print(market, ",{\"variant_id\":\"%s\",\"quantity\":1}", other) : nothing;
        good = command(
            market, customer, LITERAL("/orders"),
            print(
                market,
                "{\"items\":[{\"variant_id\":\"%s\",\"quantity\":%u}%.*s],\"shipping_address\":{\"first_name\":\"Demo\","
                "\"last_name\":\"Customer\",\"line1\":\"High Street %u\",\"city\":\"London\",\"postal_code\":\"N1 9GU\","
                "\"country\":\"GB\"},\"payment\":{\"method\":\"card\",\"token\":\"tok_success\"}}",
                one, 1 + draw(market, 3), TEXT_ARGUMENTS(second), 1 + i % 500));
        if (i % CHUNK == 0) stage(market, "orders");
    }
    return good && feeder_settle(market->feeder);
}

/* ---- A marketplace ------------------------------------------------------------------------------------------------- */

static uint32_t at_least(uint32_t number, uint32_t least)
{
    return number < least ? least : number;
}

static bool make_market(struct market *market, uint32_t products, uint32_t number)
{
    market->product_count = products;
    market->people_count = at_least(products / 5, PEOPLE_LEAST);
    market->supplier_count = at_least(products / 1000, 2);
    market->community_count = at_least(products / 10000, 1);
    market->promotion_count = market->community_count * COMMUNITY_PROMOTIONS;
    market->people = ARENA_ARRAY(market->arena, struct id, market->people_count);
    market->suppliers = ARENA_ARRAY(market->arena, struct supplier, market->supplier_count);
    market->communities = ARENA_ARRAY(market->arena, struct community, market->community_count);
    market->products = ARENA_ARRAY(market->arena, struct product, market->product_count);
    market->promotions = ARENA_ARRAY(market->arena, struct promotion, market->promotion_count);
    if (number) {
        struct text body = print(market, "{\"slug\":\"market-%u\",\"name\":\"Market %u\"}", number, number);
        struct feeder_call call = {.method = "POST", .path = "/api/admin/tenants", .body = body};
        if (!feeder_ask(market->feeder, &call) || !feeder_settle(market->feeder)) return false;
        market->slug = arena_format(market->arena, "market-%u", number);
    }
    return make_people(market) && make_communities(market) && make_suppliers(market) && make_products(market) &&
           make_promotions(market) && make_orders(market);
}

bool demo_scale_of(const char *text, unsigned *products)
{
    size_t length = strlen(text);
    int64_t number, unit = length && text[length - 1] == 'm' ? 1000000 : 1000;
    if (!length || !strchr("km", text[length - 1])) return false;
    if (!text_to_integer((struct text){text, (uint32_t)length - 1}, &number)) return false;
    if (number < 1 || number > PRODUCTS_MOST / unit) return false;
    *products = (unsigned)(number * unit);
    return true;
}

int demo_fill_scale(const char *data, const struct demo_scale *scale, uint64_t seed)
{
    char problem[PROBLEM_SIZE];
    int status;
    uint32_t each = scale->products / scale->tenants;
    if (scale->tenants > TENANTS_MOST || each < PRODUCTS_LEAST) {
        fprintf(stderr, "souk demo: a marketplace has at least %d products\n", PRODUCTS_LEAST);
        return EXIT_USAGE;
    }
    struct feeder *feeder = feeder_open(data, problem, &status);
    bool good = feeder != NULL, terminal = isatty(STDERR_FILENO);
    struct market market = {.feeder = feeder, .scratch = arena_create(), .random = seed, .terminal = terminal};
    uint64_t begun = clock_monotonic_ns();
    for (uint32_t number = 0; good && number < scale->tenants; number++) {
        market.arena = arena_create();
        good = make_market(&market, each, number);
        arena_destroy(market.arena);
    }
    uint64_t asked = feeder ? feeder_answered(feeder) : 0;
    if (feeder) status = feeder_close(feeder, problem);
    arena_destroy(market.scratch);
    double seconds = (double)(clock_monotonic_ns() - begun) / 1e9;
    if (terminal) fprintf(stderr, "\r\033[K");
    if (status == EXIT_DONE)
        printf("demo: %u marketplaces of %u products, %u people, %u orders: %llu requests in %.1f s\n", scale->tenants,
               each, market.people_count, 2 * each, (unsigned long long)asked, seconds);
    else
        fprintf(stderr, "souk demo: %s\n", problem);
    return status;
}
