/* The hot paths of a server, each as two runs of requests of different lengths, for callgrind to count: what a request
   costs is the difference of the two. All is in memory and on one thread, clock and chance are fixed, so the count is the
   same on every machine; bench/instructions starts it, counts and compares.

   Prints the name of each path, once for each of its two runs. */
#include "actors/all.h"
#include "base/check.h"
#include "base/log.h"
#include "base/time.h"
#include "main/sandbox.h"
#include "support/wire.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum {
    PRODUCTS = 40, /* two pages */
    PROMOTIONS = 8,
    POSTS = 60,
    CONSUMERS = 16,
    SHORT_RUN = 32,
    LONG_RUN = 96,
    MEMORY = 1 << 30, /* nothing is passivated */
    TEXT_SIZE = 512,
};

struct caller {
    struct text token; /* absent: the operator */
};
struct product {
    const char *id, *etag, *variants[2];
};
struct shop {
    struct arena *arena;
    struct registry registry;
    struct sandbox *sandbox;
    struct loopback loopback;
    struct wire wire;
    struct caller operator_, owner, leader, consumers[CONSUMERS];
    const char *supplier, *location, *community;
    struct product products[PRODUCTS];
    const char *promotions[PROMOTIONS], *posts[POSTS];
    uint32_t likes, first_reads;
    char text[TEXT_SIZE];
};

#define FORMAT(...) arena_format(shop->arena, __VA_ARGS__).data

/* ---- Requests ------------------------------------------------------------------------------------------------------ */

/* As a browser or an app would send it. */
static struct text request(struct shop *shop, const struct caller *by, const char *method, const char *path,
                           const char *body, const char *more)
{
    struct buffer out = {.arena = shop->arena};
    buffer_format(&out,
                  "%s /api/v1%s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
                  "User-Agent: souk-bench/1\r\n",
                  method, path);
    if (by->token.length) buffer_format(&out, "Authorization: Bearer %.*s\r\n", TEXT_ARGUMENTS(by->token));
    if (body)
        buffer_format(&out, "Content-Type: application/%s\r\nContent-Length: %u\r\n", *body == '%' ? "pdf" : "json",
                      (unsigned)strlen(body));
    buffer_format(&out, "%s\r\n%s", more ? more : "", body ? body : "");
    return buffer_as_text(&out);
}

static void must_be(const struct shop *shop, struct text sent, uint16_t status, uint16_t wanted)
{
    if (status == wanted) return;
    fprintf(stderr, "instructions: %u instead of %u\n%.*s\n%.*s\n", status, wanted, TEXT_ARGUMENTS(sent),
            (int)shop->wire.out.length, shop->wire.out.data);
    exit(1);
}

/* Asks while the shop is set up; a text of the answer's data, kept. */
static const char *make(struct shop *shop, const struct caller *by, const char *method, const char *path,
                        const char *body, uint16_t status, const char *pointer)
{
    struct text sent = request(shop, by, method, path, body, NULL);
    must_be(shop, sent, wire_send(&shop->wire, sent, by == &shop->operator_), status);
    if (!pointer) return NULL;
    struct text reply = wire_body(&shop->wire);
    yyjson_doc *document = yyjson_read(reply.data, reply.length, 0);
    const char *found = yyjson_get_str(yyjson_doc_ptr_get(document, pointer));
    CHECK(found);
    found = arena_text(shop->arena, text_of(found)).data;
    yyjson_doc_free(document);
    return found;
}

/* ---- The shop ------------------------------------------------------------------------------------------------------ */

static struct caller make_person(struct shop *shop, const char *name, bool leads)
{
    const char *email = FORMAT("%s@bench.example.com", name);
    const char *token = make(shop, &shop->operator_, "POST", "/auth/register",
                             FORMAT("{\"email\":\"%s\",\"password\":\"correct horse battery staple\",\"display_name\":"
                                    "\"%s\",\"accept_terms\":true}",
                                    email, name),
                             201, "/data/verification_token");
    make(shop, &shop->operator_, "POST", "/auth/verify", FORMAT("{\"token\":\"%s\"}", token), 200, NULL);
    const char *login = FORMAT("{\"email\":\"%s\",\"password\":\"correct horse battery staple\"}", email);
    const char *id = make(shop, &shop->operator_, "POST", "/auth/login", login, 200, "/data/user/id");
    if (leads)
        make(shop, &shop->operator_, "POST", FORMAT("/admin/users/%s/grant-role", id),
             "{\"role\":\"leader\",\"reason\":\"applied\"}", 200, NULL);
    return (struct caller){
        text_of(make(shop, &shop->operator_, "POST", "/auth/login", login, 200, "/data/access_token"))};
}

static void make_supplier(struct shop *shop)
{
    const struct caller *owner = &shop->owner;
    shop->supplier = make(shop, owner, "POST", "/suppliers",
                          "{\"name\":\"Hazel and Sons\",\"company\":{\"legal_name\":\"Hazel and Sons Ltd\",\"tax_id\":"
                          "\"DE123456789\",\"country\":\"DE\"}}",
                          201, "/data/id");
    shop->location = make(shop, owner, "POST", FORMAT("/suppliers/%s/locations", shop->supplier),
                          "{\"name\":\"Main\",\"priority\":1,\"address\":{\"line1\":\"Street 1\",\"city\":\"Berlin\","
                          "\"country\":\"DE\"}}",
                          201, "/data/locations/0/id");
    const char *licence = make(shop, owner, "POST", "/media?visibility=private", "%PDF-1.4 licence", 201, "/data/id");
    make(shop, owner, "POST", FORMAT("/suppliers/%s/documents", shop->supplier),
         FORMAT("{\"kind\":\"license\",\"title\":\"License\",\"media_id\":\"%s\"}", licence), 201, NULL);
    make(shop, owner, "PUT", FORMAT("/suppliers/%s/banking", shop->supplier),
         "{\"password\":\"correct horse battery staple\",\"holder\":\"Hazel\",\"iban\":\"DE89370400440532013000\"}",
         200, NULL);
    make(shop, owner, "POST", FORMAT("/suppliers/%s/submit", shop->supplier), NULL, 200, NULL);
    make(shop, &shop->operator_, "POST", FORMAT("/suppliers/%s/verify", shop->supplier), NULL, 200, NULL);
}

static void make_product(struct shop *shop, uint32_t number)
{
    struct product *product = &shop->products[number];
    const struct caller *owner = &shop->owner;
    product->id = make(
        shop, owner, "POST", "/products",
        FORMAT(
            "{\"supplier_id\":\"%s\",\"name\":\"Chair number %u\",\"description\":\"%s\",\"category\":\"furniture\","
            "\"brand\":\"Hazel\",\"tags\":[\"oak\",\"chair\",\"handmade\"],\"variants\":["
            "{\"sku\":\"SKU-%u-M\",\"attributes\":{\"size\":\"M\",\"color\":\"oak\"},\"price\":{\"amount\":%u,"
            "\"currency\":\"USD\"},\"weight_g\":800},"
            "{\"sku\":\"SKU-%u-L\",\"attributes\":{\"size\":\"L\",\"color\":\"oak\"},\"price\":{\"amount\":%u,"
            "\"currency\":\"USD\"},\"weight_g\":900}],\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":{\"amount\":"
            "700,\"currency\":\"USD\"},\"extra_cost\":{\"amount\":100,\"currency\":\"USD\"},\"days_min\":1,"
            "\"days_max\":5}}",
            shop->supplier, number, shop->text, number, 2500 + number, number, 2600 + number),
        201, "/data/id");
    for (uint32_t i = 0; i < 2; i++) {
        const char *path = FORMAT("/products/%s", product->id);
        product->variants[i] = make(shop, owner, "GET", path, NULL, 200, FORMAT("/data/variants/%u/id", i));
        make(shop, owner, "POST", FORMAT("/products/%s/stock/adjust", product->id),
             FORMAT("{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"on_hand\":1000000,\"reason\":\"count\"}",
                    product->variants[i], shop->location),
             200, NULL);
    }
    make(shop, owner, "POST", FORMAT("/products/%s/publish", product->id), NULL, 200, NULL);
}

static void make_promotion(struct shop *shop, uint32_t number)
{
    char from[TIME_TEXT_LENGTH + 1], to[TIME_TEXT_LENGTH + 1];
    time_format(shop->loopback.now - MINUTES(1), from);
    time_format(shop->loopback.now + DAYS(60), to);
    const char *id = make(
        shop, &shop->owner, "POST", "/promotions",
        FORMAT(
            "{\"supplier_id\":\"%s\",\"type\":\"single\",\"title\":\"Offer %u\",\"products\":[{\"product_id\":\"%s\"}],"
            "\"offer\":{\"kind\":\"percent\",\"percent_bp\":3000},\"visibility\":\"communities\",\"community_ids\":["
            "\"%s\"],\"starts_at\":\"%s\",\"ends_at\":\"%s\"}",
            shop->supplier, number, shop->products[number].id, shop->community, from, to),
        201, "/data/id");
    make(shop, &shop->owner, "POST", FORMAT("/promotions/%s/submit", id), NULL, 200, NULL);
    make(shop, &shop->leader, "POST", FORMAT("/promotions/%s/approve", id),
         FORMAT("{\"community_id\":\"%s\"}", shop->community), 200, NULL);
    shop->promotions[number] = id;
}

/* The entity tag of an answer that was just received. */
static const char *received_etag(struct shop *shop)
{
    const struct buffer *out = &shop->wire.out;
    const char *at = memmem(out->data, out->length, "ETag: ", 6);
    CHECK(at);
    at += 6;
    const char *end = memchr(at, '\r', (size_t)(out->data + out->length - at));
    return arena_text(shop->arena, (struct text){at, (uint32_t)(end - at)}).data;
}

static void fill(struct shop *shop)
{
    for (uint32_t i = 0; i + 1 < TEXT_SIZE; i++)
        shop->text[i] = "Made to last, of what grows nearby. "[i % 36];
    shop->owner = make_person(shop, "owner", false);
    shop->leader = make_person(shop, "leader", true);
    for (uint32_t i = 0; i < CONSUMERS; i++)
        shop->consumers[i] = make_person(shop, FORMAT("consumer%u", i), false);
    shop->community =
        make(shop, &shop->leader, "POST", "/communities", "{\"name\":\"Makers of things\"}", 201, "/data/id");
    for (uint32_t i = 0; i < CONSUMERS; i++)
        make(shop, &shop->consumers[i], "POST", FORMAT("/communities/%s/join", shop->community), NULL, 200, NULL);
    make_supplier(shop);
    for (uint32_t i = 0; i < PRODUCTS; i++)
        make_product(shop, i);
    for (uint32_t i = 0; i < POSTS; i++)
        shop->posts[i] = make(
            shop, &shop->leader, "POST", "/posts",
            FORMAT("{\"community_id\":\"%s\",\"type\":\"text\",\"title\":\"Week %u in the workshop\",\"body\":\"%s\"}",
                   shop->community, i, shop->text),
            201, "/data/id");
    for (uint32_t i = 0; i < PROMOTIONS; i++)
        make_promotion(shop, i);
    for (uint32_t i = 0; i < PRODUCTS; i++) {
        make(shop, &shop->consumers[0], "GET", FORMAT("/products/%s", shop->products[i].id), NULL, 200, NULL);
        shop->products[i].etag = received_etag(shop);
    }
}

/* ---- The paths ----------------------------------------------------------------------------------------------------- */

static const struct caller *consumer(const struct shop *shop, uint32_t number)
{
    return &shop->consumers[number % CONSUMERS];
}

static struct text entity_read(struct shop *shop, uint32_t number)
{
    return request(shop, consumer(shop, number), "GET", FORMAT("/products/%s", shop->products[number % PRODUCTS].id),
                   NULL, NULL);
}

/* Each of another person and product. */
static struct text first_read(struct shop *shop, uint32_t number)
{
    (void)number;
    uint32_t next = shop->first_reads++;
    CHECK(next < PRODUCTS * CONSUMERS);
    return request(shop, consumer(shop, next / PRODUCTS), "GET",
                   FORMAT("/products/%s", shop->products[next % PRODUCTS].id), NULL, NULL);
}

static struct text not_modified(struct shop *shop, uint32_t number)
{
    const struct product *product = &shop->products[number % PRODUCTS];
    return request(shop, consumer(shop, number), "GET", FORMAT("/products/%s", product->id), NULL,
                   FORMAT("If-None-Match: %s\r\n", product->etag));
}

static struct text feed_page(struct shop *shop, uint32_t number)
{
    return request(shop, consumer(shop, number), "GET", FORMAT("/communities/%s/feed?limit=20", shop->community), NULL,
                   NULL);
}

static struct text product_list(struct shop *shop, uint32_t number)
{
    return request(shop, consumer(shop, number), "GET", "/products?category=furniture&limit=20", NULL, NULL);
}

/* Each of another person, or of another post. */
static struct text like(struct shop *shop, uint32_t number)
{
    (void)number;
    uint32_t next = shop->likes++;
    CHECK(next < POSTS * CONSUMERS);
    return request(shop, consumer(shop, next), "PUT", FORMAT("/posts/%s/like", shop->posts[next / CONSUMERS]), NULL,
                   NULL);
}

static struct text promotion_click(struct shop *shop, uint32_t number)
{
    return request(shop, consumer(shop, number), "POST",
                   FORMAT("/promotions/%s/click", shop->promotions[number % PROMOTIONS]),
                   FORMAT("{\"community_id\":\"%s\"}", shop->community), NULL);
}

/* Two lines, paid at once. */
static struct text order(struct shop *shop, uint32_t number)
{
    static uint32_t keys;
    const struct product *first = &shop->products[number % PRODUCTS],
                         *second = &shop->products[(number + 1) % PRODUCTS];
    return request(
        shop, consumer(shop, number), "POST", "/orders",
        FORMAT(
            "{\"items\":[{\"variant_id\":\"%s\",\"quantity\":1},{\"variant_id\":\"%s\",\"quantity\":2}],"
            "\"shipping_address\":{\"first_name\":\"Ann\",\"last_name\":\"Lee\",\"line1\":\"High Street 1\",\"city\":"
            "\"London\",\"country\":\"GB\",\"postal_code\":\"N1\",\"phone\":\"+44 20 1234\"},\"payment\":{\"method\":"
            "\"card\",\"token\":\"tok_success\"}}",
            first->variants[0], second->variants[1]),
        FORMAT("Idempotency-Key: %016x\r\n", keys++));
}

/* clang-format off */
static const struct path {
    const char *name;
    struct text (*make)(struct shop *shop, uint32_t number);
    uint16_t status;
    bool again; /* all has been asked before */
} paths[] = {
    /* name              request           answered  again */
    {"first_read",       first_read,       200,      false},
    {"entity_read",      entity_read,      200,      true},
    {"not_modified",     not_modified,     304,      true},
    {"feed_page",        feed_page,        200,      true},
    {"product_list",     product_list,     200,      true},
    {"like",             like,             204,      false},
    {"promotion_click",  promotion_click,  204,      false},
    {"order",            order,            201,      false},
};
/* clang-format on */

/* What is counted: callgrind knows it by its name. */
__attribute__((noinline)) void counted_run(struct shop *shop, const struct text *requests, uint32_t count,
                                           uint16_t status);
void counted_run(struct shop *shop, const struct text *requests, uint32_t count, uint16_t status)
{
    for (uint32_t i = 0; i < count; i++)
        must_be(shop, requests[i], wire_send(&shop->wire, requests[i], false), status);
}

static void run_path(struct shop *shop, const struct path *path)
{
    struct text requests[LONG_RUN];
    for (uint32_t i = 0; i < SHORT_RUN; i++) { /* what comes first is another cost: caches are filled */
        requests[i] = path->make(shop, i);
        must_be(shop, requests[i], wire_send(&shop->wire, requests[i], false), path->status);
    }
    for (uint32_t i = 0; path->again && i < 2 * LONG_RUN; i++) {
        struct text request = path->make(shop, i % LONG_RUN);
        must_be(shop, request, wire_send(&shop->wire, request, false), path->status);
    }
    for (uint32_t count = SHORT_RUN; count <= LONG_RUN; count += LONG_RUN - SHORT_RUN) {
        for (uint32_t i = 0; i < count; i++)
            requests[i] = path->make(shop, i);
        counted_run(shop, requests, count, path->status);
        printf("%s %u\n", path->name, count);
    }
}

/* ---- No chance ----------------------------------------------------------------------------------------------------- */

/* Maps draw a key for their hashes from libsodium. */
static uint64_t drawn = 1;

static const char *name_of_source(void)
{
    return "fixed";
}

static uint32_t draw_number(void)
{
    drawn = drawn * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(drawn >> 32);
}

static void draw_some(void *out, size_t size)
{
    for (uint8_t *at = out; size--;)
        *at++ = (uint8_t)draw_number();
}

int main(int count, char **words)
{
    static struct shop shop;
    static randombytes_implementation fixed = {
        .implementation_name = name_of_source, .random = draw_number, .buf = draw_some};
    randombytes_set_implementation(&fixed);
    CHECK(sodium_init() >= 0);
    log_configure("error", false);
    shop.arena = arena_create();
    shop.registry = *souk_registry(shop.arena);
    shop.sandbox = sandbox_create(&(struct sandbox_config){.mail_directory = ""});
    loopback_prepare(&shop.loopback, &shop.registry, sandbox_providers(shop.sandbox));
    shop.loopback.config.actors_memory = MEMORY;
    shop.loopback.config.proves_answers = false;
    loopback_start(&shop.loopback);
    loopback_settle(&shop.loopback);
    wire_open(&shop.wire, &shop.loopback);
    fill(&shop);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (count < 2 || strcmp(words[1], paths[i].name) == 0) run_path(&shop, &paths[i]);
    wire_close(&shop.wire);
    loopback_close(&shop.loopback);
    sandbox_destroy(shop.sandbox);
    arena_destroy(shop.arena);
    return 0;
}
