/* A large marketplace for measurements: plain, even, and made as fast as the core decides. All of it comes from ordinary
   commands, so it is what a server would hold had people done it. The same seed and scale give the same marketplace, but
   for ids and times. */
#include "main/demo.h"
#include "base/time.h"
#include "main/clock.h"
#include "main/exit.h"
#include "main/feeder.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PRODUCTS_LEAST = 10, /* of a marketplace */
    PRODUCTS_MOST = 10000000,
    TENANTS_MOST = 100000,
    PEOPLE_LEAST = 10,
    COMMUNITY_POSTS = 60, /* at most: no more than products */
    COMMUNITY_PROMOTIONS = 8,
    CHUNK = 4096,
    STOCK = 1000000,
};

struct newcomer {
    struct id *id;
    char token[128];
};
struct product {
    struct id id, variant;
};
struct supplier {
    struct id id, owner, location, licence;
};
struct community {
    struct id id, owner;
};

struct market {
    struct feeder *feeder;
    struct arena *arena;
    struct arena *scratch; /* of one request */
    struct text slug;      /* absent: the default marketplace */
    uint32_t number;
    uint64_t random;
    char from[TIME_TEXT_LENGTH + 1], to[TIME_TEXT_LENGTH + 1]; /* of promotions */
    uint32_t one, people_count, member_count, supplier_count, community_count, post_count, product_count,
        promotion_count, order_count;
    struct newcomer *newcomers; /* of a chunk */
    struct id *people, *promotions;
    struct supplier *suppliers;
    struct community *communities;
    struct product *products;
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

/* ---- People -------------------------------------------------------------------------------------------------------- */

static void open_tenant(struct market *market, uint32_t number)
{
    (void)number;
    if (!market->number) return; /* the default one is there */
    struct text body = print(market, "{\"slug\":\"%s\",\"name\":\"Market %u\"}", market->slug.data, market->number);
    feeder_ask(market->feeder, &(struct feeder_call){.method = "POST", .path = "/api/admin/tenants", .body = body});
    arena_reset(market->scratch);
}

static void take_newcomer(void *subject, yyjson_val *data)
{
    struct newcomer *newcomer = subject;
    const char *token = yyjson_get_str(yyjson_obj_get(data, "verification_token"));
    *newcomer->id = id_at(data, "id");
    snprintf(newcomer->token, sizeof newcomer->token, "%s", token ? token : "");
}

/* person7@scale.example */
static void register_person(struct market *market, uint32_t number)
{
    struct newcomer *newcomer = &market->newcomers[number % CHUNK];
    newcomer->id = &market->people[number];
    ask(market, ID_NONE, "POST", LITERAL("/auth/register"),
        print(market,
              "{\"email\":\"person%u@scale.example\",\"password\":\"%s\",\"display_name\":\"Person %u\","
              "\"accept_terms\":true}",
              number, DEMO_PASSWORD, number),
        take_newcomer, newcomer);
}

static void verify_person(struct market *market, uint32_t number)
{
    command(market, ID_NONE, LITERAL("/auth/verify"),
            print(market, "{\"token\":\"%s\"}", market->newcomers[number % CHUNK].token));
}

/* ---- Communities --------------------------------------------------------------------------------------------------- */

static void name_leader(struct market *market, uint32_t number)
{
    struct id leader = market->communities[number].owner = market->people[number % market->people_count];
    command(market, ID_NONE, print(market, "/admin/users/%s/grant-role", of(market, leader)),
            LITERAL("{\"role\":\"leader\",\"reason\":\"founding members\"}"));
}

static void found_community(struct market *market, uint32_t number)
{
    struct community *community = &market->communities[number];
    ask(market, community->owner, "POST", LITERAL("/communities"),
        print(market, "{\"name\":\"Community %u\",\"purpose\":\"what grows and what is made\"}", number), take_id,
        &community->id);
}

static void join(struct market *market, uint32_t number)
{
    const struct community *community = &market->communities[number % market->community_count];
    command(market, market->people[market->community_count + number],
            print(market, "/communities/%s/join", of(market, community->id)), nothing);
}

static void post(struct market *market, uint32_t number)
{
    const struct community *community = &market->communities[number % market->community_count];
    command(market, community->owner, LITERAL("/posts"),
            print(market,
                  "{\"community_id\":\"%s\",\"type\":\"text\",\"title\":\"Week %u in the workshop\",\"body\":\"What we "
                  "have made this week, how long it took, and what we would do differently.\"}",
                  of(market, community->id), number / market->community_count));
}

/* ---- Suppliers and products ---------------------------------------------------------------------------------------- */

static void take_location(void *subject, yyjson_val *data)
{
    ((struct supplier *)subject)->location = id_at(yyjson_arr_get_first(yyjson_obj_get(data, "locations")), "id");
}

static void found_supplier(struct market *market, uint32_t number)
{
    struct supplier *supplier = &market->suppliers[number];
    supplier->owner = market->people[(market->community_count + number) % market->people_count];
    ask(market, supplier->owner, "POST", LITERAL("/suppliers"),
        print(market,
              "{\"name\":\"Supplier %u\",\"company\":{\"legal_name\":\"Supplier %u Ltd\",\"tax_id\":\"DE%09u\","
              "\"country\":\"DE\"}}",
              number, number, 100000000 + number),
        take_id, &supplier->id);
    feeder_ask(market->feeder, &(struct feeder_call){.tenant = market->slug,
                                                     .by = supplier->owner,
                                                     .method = "POST",
                                                     .path = "/api/v1/media",
                                                     .query = LITERAL("visibility=private"),
                                                     .content_type = "application/pdf",
                                                     .body = LITERAL("%PDF-1.4\n% Trade licence\n%%EOF\n"),
                                                     .taken = take_id,
                                                     .subject = &supplier->licence});
}

static void prepare_supplier(struct market *market, uint32_t number)
{
    struct supplier *supplier = &market->suppliers[number];
    ask(market, supplier->owner, "POST", print(market, "/suppliers/%s/locations", of(market, supplier->id)),
        LITERAL("{\"name\":\"Main store\",\"priority\":1,\"address\":{\"line1\":\"Mill Lane 1\",\"city\":\"Hamburg\","
                "\"country\":\"DE\"}}"),
        take_location, supplier);
    command(market, supplier->owner, print(market, "/suppliers/%s/documents", of(market, supplier->id)),
            print(market, "{\"kind\":\"license\",\"title\":\"Trade licence\",\"media_id\":\"%s\"}",
                  of(market, supplier->licence)));
    ask(market, supplier->owner, "PUT", print(market, "/suppliers/%s/banking", of(market, supplier->id)),
        print(market, "{\"password\":\"%s\",\"holder\":\"Owner\",\"iban\":\"DE89370400440532013000\"}", DEMO_PASSWORD),
        NULL, NULL);
}

static void submit_supplier(struct market *market, uint32_t number)
{
    const struct supplier *supplier = &market->suppliers[number];
    command(market, supplier->owner, print(market, "/suppliers/%s/submit", of(market, supplier->id)), nothing);
}

static void verify_supplier(struct market *market, uint32_t number)
{
    command(market, ID_NONE, print(market, "/suppliers/%s/verify", of(market, market->suppliers[number].id)), nothing);
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
    const char *material = materials[draw(market, COUNT(materials))];
    unsigned price = 900 + 10 * draw(market, 800);
    ask(market, supplier->owner, "POST", LITERAL("/products"),
        print(
            market,
            "{\"supplier_id\":\"%s\",\"name\":\"%s %s %u\",\"description\":\"Made by hand, in small numbers.\","
            "\"category\":\"%s\",\"brand\":\"Scale\",\"tags\":[\"handmade\",\"demo\"],\"variants\":[{\"sku\":\"S%u\","
            "\"attributes\":{\"size\":\"M\"},\"price\":{\"amount\":%u,\"currency\":\"USD\"},\"weight_g\":500}],"
            "\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":{\"amount\":400,\"currency\":\"USD\"},\"extra_cost\":"
            "{\"amount\":100,\"currency\":\"USD\"},\"days_min\":2,\"days_max\":6}}",
            of(market, supplier->id), material, goods[number % COUNT(goods)], number,
            categories[number % COUNT(categories)], number, price),
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

/* ---- Promotions and orders ----------------------------------------------------------------------------------------- */

static const struct community *community_of(const struct market *market, uint32_t promotion)
{
    return &market->communities[promotion / COMMUNITY_PROMOTIONS];
}

static void make_promotion(struct market *market, uint32_t number)
{
    const struct supplier *supplier = &market->suppliers[number % market->supplier_count];
    ask(market, supplier->owner, "POST", LITERAL("/promotions"),
        print(
            market,
            "{\"supplier_id\":\"%s\",\"type\":\"single\",\"title\":\"Offer %u\",\"products\":[{\"product_id\":\"%s\"}],"
            "\"offer\":{\"kind\":\"percent\",\"percent_bp\":2000},\"visibility\":\"communities\",\"community_ids\":[\"%s\"],"
            "\"starts_at\":\"%s\",\"ends_at\":\"%s\"}",
            of(market, supplier->id), number, of(market, market->products[number].id),
            of(market, community_of(market, number)->id), market->from, market->to),
        take_id, &market->promotions[number]);
}

static void submit_promotion(struct market *market, uint32_t number)
{
    const struct supplier *supplier = &market->suppliers[number % market->supplier_count];
    command(market, supplier->owner, print(market, "/promotions/%s/submit", of(market, market->promotions[number])),
            nothing);
}

static void approve_promotion(struct market *market, uint32_t number)
{
    const struct community *community = community_of(market, number);
    command(market, community->owner, print(market, "/promotions/%s/approve", of(market, market->promotions[number])),
            print(market, "{\"community_id\":\"%s\"}", of(market, community->id)));
}

/* One or two lines, paid. */
static void place_order(struct market *market, uint32_t number)
{
    struct id customer = market->people[draw(market, market->people_count)];
    uint32_t first = draw(market, market->product_count);
    unsigned quantity = 1 + draw(market, 3);
    const char *one = of(market, market->products[first].variant);
    const char *other = of(market, market->products[(first + 1) % market->product_count].variant);
    struct text second = draw(market, 2) ? print(market, ",{\"variant_id\":\"%s\",\"quantity\":1}", other) : nothing;
    command(
        market, customer, LITERAL("/orders"),
        print(market,
              "{\"items\":[{\"variant_id\":\"%s\",\"quantity\":%u}%.*s],\"shipping_address\":{\"first_name\":\"Demo\","
              "\"last_name\":\"Customer\",\"line1\":\"High Street %u\",\"city\":\"London\",\"postal_code\":\"N1 9GU\","
              "\"country\":\"GB\"},\"payment\":{\"method\":\"card\",\"token\":\"tok_success\"}}",
              one, quantity, TEXT_ARGUMENTS(second), 1 + number % 500));
}

/* ---- The whole ----------------------------------------------------------------------------------------------------- */

/* Rows of a phase are done one after the other for a chunk of all marketplaces, then for the next chunk: a row needs the
   answers to the one before, and what it needs is still in memory. */
#define OF(member) offsetof(struct market, member)
/* clang-format off */
static const struct step {
    const char *phase;
    size_t count;       /* of struct market: how many there are */
    void (*make)(struct market *market, uint32_t number);
} steps[] = {
    { "marketplaces", OF(one),             open_tenant },
    { "people",       OF(people_count),    register_person },
    { "people",       OF(people_count),    verify_person },
    { "communities",  OF(community_count), name_leader },
    { "communities",  OF(community_count), found_community },
    { "members",      OF(member_count),    join },
    { "posts",        OF(post_count),      post },
    { "suppliers",    OF(supplier_count),  found_supplier },
    { "suppliers",    OF(supplier_count),  prepare_supplier },
    { "suppliers",    OF(supplier_count),  submit_supplier },
    { "suppliers",    OF(supplier_count),  verify_supplier },
    { "products",     OF(product_count),   make_product },
    { "products",     OF(product_count),   stock_product },
    { "promotions",   OF(promotion_count), make_promotion },
    { "promotions",   OF(promotion_count), submit_promotion },
    { "promotions",   OF(promotion_count), approve_promotion },
    { "orders",       OF(order_count),     place_order },
};
/* clang-format on */

static uint32_t count_of(const struct market *market, const struct step *step)
{
    return *(const uint32_t *)(const void *)((const char *)market + step->count);
}

static bool run_step(struct market *markets, uint32_t tenants, const struct step *step, uint32_t from)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[Kdemo: %llu requests, now %s", (unsigned long long)feeder_answered(markets->feeder),
                step->phase);
    for (uint32_t tenant = 0; tenant < tenants; tenant++) {
        uint32_t count = count_of(&markets[tenant], step);
        for (uint32_t i = from; i < count && i < from + CHUNK; i++)
            step->make(&markets[tenant], i);
    }
    return feeder_settle(markets->feeder);
}

static bool run_steps(struct market *markets, uint32_t tenants)
{
    const struct step *end = steps + COUNT(steps), *next;
    for (const struct step *first = steps; first < end; first = next) {
        for (next = first; next < end && strcmp(next->phase, first->phase) == 0;)
            next++;
        for (uint32_t from = 0; from < count_of(markets, first); from += CHUNK)
            for (const struct step *step = first; step < next; step++)
                if (!run_step(markets, tenants, step, from)) return false;
    }
    return true;
}

static uint32_t at_least(uint32_t number, uint32_t least)
{
    return number < least ? least : number;
}

static void make_room(struct market *market, uint32_t products)
{
    market->one = 1;
    market->product_count = products;
    market->order_count = 2 * products;
    market->people_count = at_least(products / 5, PEOPLE_LEAST);
    market->supplier_count = at_least(products / 1000, 2);
    market->community_count = at_least(products / 10000, 1);
    market->member_count = market->people_count - market->community_count;
    market->post_count = market->community_count * (products < COMMUNITY_POSTS ? products : COMMUNITY_POSTS);
    market->promotion_count = market->community_count * COMMUNITY_PROMOTIONS;
    uint32_t newcomers = market->people_count < CHUNK ? market->people_count : CHUNK;
    market->newcomers = ARENA_ARRAY(market->arena, struct newcomer, newcomers);
    market->people = ARENA_ARRAY(market->arena, struct id, market->people_count);
    market->suppliers = ARENA_ARRAY(market->arena, struct supplier, market->supplier_count);
    market->communities = ARENA_ARRAY(market->arena, struct community, market->community_count);
    market->products = ARENA_ARRAY(market->arena, struct product, market->product_count);
    market->promotions = ARENA_ARRAY(market->arena, struct id, market->promotion_count);
    time_format(feeder_now(market->feeder) - MINUTES(5), market->from);
    time_format(feeder_now(market->feeder) + DAYS(30), market->to);
    if (market->number) market->slug = arena_format(market->arena, "market-%u", market->number);
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

static int fill(const char *data, uint32_t each, uint32_t tenants, uint64_t seed, char problem[PROBLEM_SIZE])
{
    int status;
    uint64_t begun = clock_monotonic_ns();
    struct feeder *feeder = feeder_open(data, problem, &status);
    if (!feeder) return status;
    struct arena *arena = arena_create(), *scratch = arena_create();
    struct market *markets = ARENA_ARRAY(arena, struct market, tenants);
    for (uint32_t i = 0; i < tenants; i++) {
        markets[i] =
            (struct market){.feeder = feeder, .arena = arena, .scratch = scratch, .number = i, .random = seed + i};
        make_room(&markets[i], each);
    }
    run_steps(markets, tenants);
    unsigned long long asked = feeder_answered(feeder);
    status = feeder_close(feeder, problem);
    if (status == EXIT_DONE)
        printf("demo: %u marketplaces of %u products, %u people, %u orders: %llu requests in %.1f s\n", tenants, each,
               markets->people_count, markets->order_count, asked, (double)(clock_monotonic_ns() - begun) / 1e9);
    arena_destroy(scratch);
    arena_destroy(arena);
    return status;
}

int demo_fill_scale(const char *data, const struct demo_scale *scale, uint64_t seed)
{
    char problem[PROBLEM_SIZE] = "";
    uint32_t each = scale->products / scale->tenants;
    if (scale->tenants > TENANTS_MOST || each < PRODUCTS_LEAST) {
        fprintf(stderr, "souk demo: a marketplace has at least %d products\n", PRODUCTS_LEAST);
        return EXIT_USAGE;
    }
    int status = fill(data, each, scale->tenants, seed, problem);
    if (isatty(STDERR_FILENO)) fprintf(stderr, "\r\033[K");
    if (status != EXIT_DONE) fprintf(stderr, "souk demo: %s\n", problem);
    return status;
}
