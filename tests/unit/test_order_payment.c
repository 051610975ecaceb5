/* An order's payment against time and a provider that answers what the test says: what happens when it is silent, late,
   contradicts itself, is out of reach, or refuses to pay back. The whole server runs, on a clock of the test's own. */
#include "actors/all.h"
#include "actors/catalog/stock.h"
#include "actors/identity/identity.h"
#include "actors/sales/order.h"
#include "support/loopback.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>

/* ---- a provider that does as it is told ---- */
struct plan {
    enum payment_outcome charge, status, voided, refund; /* 0: out of reach */
    int64_t delay;
    const char *reference;
};
struct provider_log {
    struct plan plan;
    unsigned charges, statuses, voids, refunds;
    int64_t *now;
    int64_t status_at[16];
    char charge_key[128], token[64];
};
static struct provider_log told;

static void answer_payment(void *context, struct effect_call *call)
{
    struct provider_log *log = context;
    const struct payment_request *request = call->request;
    struct payment_answer *reply = call->answer;
    enum payment_outcome outcome = 0;
    switch (request->operation) {
    case PAYMENT_CHARGE:
        log->charges++;
        snprintf(log->charge_key, sizeof log->charge_key, "%.*s", TEXT_ARGUMENTS(call->key));
        snprintf(log->token, sizeof log->token, "%.*s", TEXT_ARGUMENTS(request->token));
        outcome = log->plan.charge;
        call->delay_ms = log->plan.delay;
        break;
    case PAYMENT_STATUS:
        if (log->statuses < 16) log->status_at[log->statuses] = *log->now;
        log->statuses++;
        outcome = log->plan.status;
        break;
    case PAYMENT_VOID:
        log->voids++;
        outcome = log->plan.voided;
        break;
    case PAYMENT_REFUND:
        log->refunds++;
        reply->refund_id = request->refund_id;
        outcome = log->plan.refund;
        break;
    }
    call->retry = !outcome;
    reply->outcome = outcome;
    reply->provider = LITERAL("test");
    reply->reference = text_of(log->plan.reference ? log->plan.reference : "ref-1");
    if (outcome == PAYMENT_DECLINED) reply->decline_code = LITERAL("no_funds");
}

static void answer_mail(void *context, struct effect_call *call)
{
    (void)context, (void)call;
}

static const struct provider providers[] = {{"payment", answer_payment, &told}, {"mail", answer_mail, NULL}, {NULL}};
static const struct provider pure_providers[] = {
    {"payment", answer_payment, &told, .instant = true, .pure = true}, {"mail", answer_mail, NULL}, {NULL}};

/* ---- a marketplace with one thing to buy ---- */
static struct loopback world;
static struct registry registry;
static struct arena *arena;
static struct id buyer, seller;
static const char *variant, *location, *product;

/* Whoever the request says: sessions are another test's business. */
static enum error identify(struct tx *tx)
{
    const struct user *user = load(tx, &user_kind, tx->principal.user);
    return user || pending(tx) ? OK : ERROR_UNAUTHORIZED;
}

static struct said *ask(struct asking asking, uint16_t status)
{
    struct said *said = loopback_ask(&world, asking);
    assert_true(said->answered);
    if (said->request.reply.status != status)
        fail_msg("%s.%s answered %u: %.*s", asking.kind, asking.command, said->request.reply.status,
                 TEXT_ARGUMENTS(said->request.reply.body));
    return said;
}

/* A text member of the answer to a request that succeeds. */
static const char *take(struct asking asking, uint16_t status, const char *member)
{
    struct said *said = ask(asking, status);
    struct text text = arena_text(arena, said_field(said, member));
    said_free(said);
    return text.data;
}

static struct id person(const char *name)
{
    const char *body =
        arena_format(arena,
                     "{\"email\":\"%s@example.com\",\"password\":\"correct horse\",\"display_name\":\"%s\","
                     "\"accept_terms\":true}",
                     name, name)
            .data;
    struct said *said = ask((struct asking){.kind = "user", .command = "register", .body = body}, 201);
    struct id id;
    assert_true(id_parse(said_field(said, "id"), &id));
    const char *token = arena_text(arena, said_field(said, "verification_token")).data;
    said_free(said);
    said_free(ask((struct asking){.kind = "user",
                                  .command = "verify",
                                  .body = arena_format(arena, "{\"token\":\"%s\"}", token).data},
                  200));
    return id;
}

#define MONEY_JSON(amount) "{\"amount\":" #amount ",\"currency\":\"USD\"}"
static int open_market_with(const struct provider *provider)
{
    arena = arena_create();
    registry = *souk_registry(arena);
    registry.identify = identify;
    memset(&told, 0, sizeof told);
    told.now = &world.now;
    told.plan = (struct plan){PAYMENT_SUCCEEDED, PAYMENT_UNKNOWN, PAYMENT_VOIDED, PAYMENT_SUCCEEDED, 0, NULL};
    loopback_open(&world, &registry, provider);
    buyer = person("ann");
    seller = person("sue");
    const char *supplier = take(
        (struct asking){
            .kind = "supplier",
            .command = "create",
            .user = seller,
            .body =
                "{\"name\":\"Sue's\",\"company\":{\"legal_name\":\"Sue Ltd\",\"tax_id\":\"DE123456789\",\"country\":\"DE\"}}"},
        201, "id");
    struct said *said = ask(
        (struct asking){
            .kind = "supplier",
            .command = "location_add",
            .id = supplier,
            .user = seller,
            .body =
                "{\"name\":\"Main\",\"priority\":1,\"address\":{\"line1\":\"Street 1\",\"city\":\"Berlin\",\"country\":\"DE\"}}"},
        201);
    struct said at = *said;
    const char *list = strstr(arena_text(arena, at.request.reply.body).data, "\"locations\":[");
    location = arena_text(arena, (struct text){strstr(list, "\"id\":\"") + 6, ID_TEXT_LENGTH}).data;
    said_free(said);
    const char *licence = take((struct asking){.kind = "media",
                                               .command = "upload",
                                               .query = "visibility=private",
                                               .user = seller,
                                               .body = "%PDF-1.4 licence"},
                               201, "id");
    const char *document =
        arena_format(arena, "{\"kind\":\"license\",\"title\":\"License\",\"media_id\":\"%s\"}", licence).data;
    said_free(ask(
        (struct asking){
            .kind = "supplier", .command = "document_add", .id = supplier, .user = seller, .body = document},
        201));
    said_free(ask(
        (struct asking){.kind = "supplier",
                        .command = "banking",
                        .id = supplier,
                        .user = seller,
                        .body =
                            "{\"password\":\"correct horse\",\"holder\":\"Sue\",\"iban\":\"DE89370400440532013000\"}"},
        200));
    said_free(ask((struct asking){.kind = "supplier", .command = "submit", .id = supplier, .user = seller}, 200));
    said_free(ask((struct asking){.kind = "supplier", .command = "verify", .id = supplier, .operator_ = true}, 200));
    said = ask(
        (struct asking){
            .kind = "product",
            .command = "create",
            .user = seller,
            .body =
                arena_format(
                    arena,
                    "{\"supplier_id\":\"%s\",\"name\":\"Thing\",\"variants\":[{\"sku\":\"T-1\",\"attributes\":{\"size\":\"M\"},\"price\":" MONEY_JSON(
                        1000) "}],\"shipping\":{\"from\":\"DE\",\"to\":[\"*\"],\"cost\":" MONEY_JSON(300) ",\"extra_cost\":" MONEY_JSON(0) ",\"days_min\":1,\"days_max\":2}}",
                    supplier)
                    .data},
        201);
    product = arena_text(arena, said_field(said, "id")).data;
    const char *variants = strstr(arena_text(arena, said->request.reply.body).data, "\"variants\":[");
    variant = arena_text(arena, (struct text){strstr(variants, "\"id\":\"") + 6, ID_TEXT_LENGTH}).data;
    said_free(said);
    said_free(ask((struct asking){.kind = "product", .command = "publish", .id = product, .user = seller}, 200));
    said_free(ask(
        (struct asking){
            .kind = "stock",
            .command = "adjust",
            .id = product,
            .user = seller,
            .body = arena_format(arena,
                                 "{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"on_hand\":10,\"reason\":\"count\"}",
                                 variant, location)
                        .data},
        200));
    return 0;
}

static int open_market(void **state)
{
    (void)state;
    return open_market_with(providers);
}

static int open_pure_market(void **state)
{
    (void)state;
    return open_market_with(pure_providers);
}

static int close_market(void **state)
{
    (void)state;
    loopback_close(&world);
    arena_destroy(arena);
    return 0;
}

static struct said *buy(const char *key)
{
    return loopback_send(
        &world,
        (struct asking){
            .kind = "order",
            .command = "create",
            .user = buyer,
            .key = key,
            .body =
                arena_format(
                    arena,
                    "{\"items\":[{\"variant_id\":\"%s\",\"quantity\":2}],\"shipping_address\":{\"first_name\":\"Ann\",\"last_name\":\"Lee\","
                    "\"line1\":\"Street 1\",\"city\":\"London\",\"country\":\"GB\"},\"payment\":{\"method\":\"card\",\"token\":\"tok_secret\"}}",
                    variant)
                    .data});
}

/* Buys, and waits until there is an answer: 201, 402 or, after ten seconds, 202. Returns the order's id. */
static const char *bought(uint16_t status)
{
    struct said *said = buy(NULL);
    loopback_settle(&world);
    if (!said->answered) loopback_pass(&world, SECONDS(10));
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, status);
    const char *id = arena_text(arena, said_field(said, status == 402 ? "order_id" : "id")).data;
    said_free(said);
    return id;
}

static void expect(const char *order, const char *const *parts)
{
    struct said *said = ask((struct asking){.kind = "order", .command = "read", .id = order, .user = buyer}, 200);
    for (; *parts; parts++)
        if (!said_contains(said, *parts)) fail_msg("no %s in %.*s", *parts, TEXT_ARGUMENTS(said->request.reply.body));
    said_free(said);
}
#define EXPECT(order, ...) expect((order), (const char *const[]){__VA_ARGS__, NULL})

static bool holds(const char *order, const char *part)
{
    struct said *said = ask((struct asking){.kind = "order", .command = "read", .id = order, .user = buyer}, 200);
    bool found = said_contains(said, part);
    said_free(said);
    return found;
}

static void expect_stock(int64_t on_hand, int64_t reserved, int64_t allocated)
{
    struct said *said = ask((struct asking){.kind = "stock", .command = "list", .id = product, .user = seller}, 200);
    const char *part = arena_format(arena, "\"on_hand\":%lld,\"reserved\":%lld,\"allocated\":%lld", (long long)on_hand,
                                    (long long)reserved, (long long)allocated)
                           .data;
    if (!said_contains(said, part)) fail_msg("no %s in %.*s", part, TEXT_ARGUMENTS(said->request.reply.body));
    said_free(said);
}

/* ---- the table of failure paths ---- */
static void test_answer_in_time(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(9);
    const char *order = bought(201);
    EXPECT(order, "\"status\":\"confirmed\"", "\"attempt\":\"succeeded\"", "\"provider\":\"test\"");
    assert_string_equal(told.charge_key, arena_format(arena, "%s:1", order).data);
    assert_string_equal(told.token, "tok_secret");
    expect_stock(8, 0, 2);
}

static void test_answer_after_the_wait(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(11);
    const char *order = bought(202);
    EXPECT(order, "\"status\":\"pending\"", "\"attempt\":\"requested\"");
    expect_stock(10, 2, 0);
    loopback_pass(&world, SECONDS(2));
    EXPECT(order, "\"status\":\"confirmed\"");
    assert_int_equal(told.charges, 1);
    loopback_pass(&world, HOURS(1));
    assert_int_equal(told.statuses, 0); /* decided: nobody asks */
    EXPECT(order, "\"status\":\"confirmed\"");
}

/* Status is asked for at 30 s, 1, 2, 5, 10 and 14 minutes after placing; at 15 minutes the order expires. */
static void test_silence(void **state)
{
    (void)state;
    told.plan.delay = DAYS(300);
    int64_t placed = world.now;
    const char *order = bought(202);
    loopback_pass(&world, SECONDS(19));
    EXPECT(order, "\"attempt\":\"requested\"");
    loopback_pass(&world, SECONDS(2));
    EXPECT(order, "\"attempt\":\"unknown\"", "\"status\":\"pending\"");
    loopback_pass(&world, MINUTES(14) + SECONDS(20));
    static const int64_t at[] = {SECONDS(30), MINUTES(1), MINUTES(2), MINUTES(5), MINUTES(10), MINUTES(14)};
    assert_int_equal(told.statuses, 6);
    for (int i = 0; i < 6; i++)
        assert_in_range(told.status_at[i] - placed, at[i], at[i] + 50);
    EXPECT(order, "\"status\":\"pending\"");
    assert_int_equal(told.voids, 0);
    loopback_pass(&world, SECONDS(20));
    EXPECT(order, "\"status\":\"cancelled\"", "\"cancel_reason\":\"payment_timeout\"", "\"attempt\":\"voided\"",
           "\"payment_status\":\"failed\"");
    assert_int_equal(told.voids, 1);
    expect_stock(10, 0, 0);
}

static void test_status_decides(void **state)
{
    (void)state;
    told.plan.delay = DAYS(300);
    const char *yes = bought(202);
    told.plan.status = PAYMENT_SUCCEEDED;
    loopback_pass(&world, SECONDS(25));
    EXPECT(yes, "\"status\":\"confirmed\"", "\"payment_status\":\"paid\"");
    told.plan.status = PAYMENT_UNKNOWN;
    const char *no = bought(202);
    told.plan.status = PAYMENT_DECLINED;
    loopback_pass(&world, SECONDS(25));
    EXPECT(no, "\"status\":\"cancelled\"", "\"cancel_reason\":\"payment_declined\"", "\"decline_code\":\"no_funds\"");
    expect_stock(8, 0, 2);
}

/* Out of reach: called again after 1, 2, 5, 10, 30 s, then each minute, with one key; at expires_at no more. */
static void test_out_of_reach(void **state)
{
    (void)state;
    told.plan.charge = 0;
    const char *order = bought(202);
    assert_int_equal(told.charges, 4); /* at 0, 1, 3, 8 s */
    loopback_pass(&world, MINUTES(3));
    EXPECT(order, "\"status\":\"pending\"");
    told.plan.charge = PAYMENT_SUCCEEDED;
    loopback_pass(&world, MINUTES(1));
    EXPECT(order, "\"status\":\"confirmed\"");
    told.plan.charge = 0;
    order = bought(202);
    loopback_pass(&world, MINUTES(16));
    EXPECT(order, "\"status\":\"cancelled\"", "\"attempt\":\"voided\"");
    unsigned charges = told.charges;
    told.plan.charge = PAYMENT_SUCCEEDED;
    loopback_pass(&world, HOURS(1));
    assert_int_equal(told.charges, charges);
}

static void test_late_success(void **state)
{
    (void)state;
    told.plan.delay = MINUTES(16);
    struct said *said = buy("late");
    loopback_settle(&world);
    loopback_pass(&world, SECONDS(10));
    assert_int_equal(said->request.reply.status, 202);
    const char *order = arena_text(arena, said_field(said, "id")).data;
    said_free(said);
    loopback_pass(&world, MINUTES(15));
    EXPECT(order, "\"status\":\"cancelled\"", "\"attempt\":\"voided\"");
    loopback_pass(&world, MINUTES(2));
    said = buy("late");
    loopback_settle(&world);
    assert_int_equal(said->request.reply.status, 402); /* what was bought was never made */
    said_free(said);
    EXPECT(order, "\"status\":\"cancelled\"", "\"attempt\":\"succeeded\"", "\"payment_status\":\"refunded\"",
           "\"late\":true", "\"captured\":{\"amount\":2300", "\"refunded\":{\"amount\":2300", "order.payment_late");
    assert_false(holds(order, "order.confirmed"));
    assert_int_equal(told.refunds, 1);
    expect_stock(10, 0, 0);
}

static void test_void_comes_too_late(void **state)
{
    (void)state;
    told.plan.delay = MINUTES(16);
    told.plan.voided = PAYMENT_SUCCEEDED;
    const char *order = bought(202);
    said_free(
        ask((struct asking){.kind = "order", .command = "cancel", .id = order, .user = buyer, .body = "{}"}, 200));
    loopback_pass(&world, SECONDS(1));
    EXPECT(order, "\"cancel_reason\":\"customer\"", "\"payment_status\":\"refunded\"", "\"late\":true");
    loopback_pass(&world, MINUTES(20)); /* the charge says so too */
    assert_int_equal(told.refunds, 1);
    EXPECT(order, "\"refunded\":{\"amount\":2300");
}

static void tell_answer(const char *order, enum payment_outcome outcome)
{
    (void)order;
    told.plan.status = outcome;
    loopback_pass(&world, MINUTES(1));
}

static void test_success_after_declined(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(40); /* the charge succeeds, after its status said no */
    const char *order = bought(202);
    tell_answer(order, PAYMENT_DECLINED);
    EXPECT(order, "\"status\":\"cancelled\"", "\"cancel_reason\":\"payment_declined\"",
           "\"payment_status\":\"refunded\"", "\"late\":true");
    expect_stock(10, 0, 0);
}

/* The same answer is dropped by its reference; another one is a second capture, and noted for people to look at. */
static void test_success_after_success(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(40);
    const char *same = bought(202);
    tell_answer(same, PAYMENT_SUCCEEDED);
    EXPECT(same, "\"status\":\"confirmed\"", "\"version\":4,"); /* created, unknown, paid, confirmed */
    const char *other = bought(202);
    told.plan.reference = "ref-2";
    tell_answer(other, PAYMENT_SUCCEEDED);
    EXPECT(other, "\"status\":\"confirmed\"", "\"captured\":{\"amount\":2300", "captured a second time, as ref-1");
}

static void test_declined_after_success(void **state)
{
    (void)state;
    told.plan.charge = PAYMENT_DECLINED;
    told.plan.delay = SECONDS(40);
    const char *order = bought(202);
    tell_answer(order, PAYMENT_SUCCEEDED);
    EXPECT(order, "\"status\":\"confirmed\"", "declined after success: ignored");
    expect_stock(8, 0, 2);
}

/* With a hold shorter than an attempt, a call in progress is awaited first. */
static void test_call_in_progress(void **state)
{
    (void)state;
    said_free(ask((struct asking){.kind = "tenant",
                                  .command = "patch",
                                  .id = "default",
                                  .operator_ = true,
                                  .if_match = -1,
                                  .body = "{\"settings\":[{\"name\":\"orders.hold\",\"value\":15000}]}"},
                  200));
    told.plan.delay = SECONDS(20);
    const char *order = bought(202);
    loopback_pass(&world, SECONDS(7));
    EXPECT(order, "\"status\":\"pending\"");
    loopback_pass(&world, SECONDS(5));
    EXPECT(order, "\"status\":\"confirmed\"");
    told.plan.delay = SECONDS(60);
    order = bought(202);
    loopback_pass(&world, SECONDS(19));
    EXPECT(order, "\"status\":\"pending\"");
    loopback_pass(&world, SECONDS(2));
    EXPECT(order, "\"status\":\"cancelled\"", "\"cancel_reason\":\"payment_timeout\"");
}

static void test_key_in_flight(void **state)
{
    (void)state;
    told.plan.charge = PAYMENT_DECLINED;
    told.plan.delay = SECONDS(12);
    struct said *first = buy("k"), *second = buy("k");
    loopback_settle(&world);
    assert_false(first->answered);
    assert_true(second->answered);
    assert_int_equal(second->request.reply.status, 409);
    assert_true(said_contains(second, "idempotency_in_flight"));
    said_free(second);
    loopback_pass(&world, SECONDS(11));
    assert_true(first->answered);
    assert_int_equal(first->request.reply.status, 202);
    second = buy("k");
    loopback_settle(&world);
    assert_int_equal(second->request.reply.status, 409); /* a 202 is never the stored answer */
    said_free(second);
    loopback_pass(&world, SECONDS(2));
    second = buy("k");
    loopback_settle(&world);
    assert_int_equal(second->request.reply.status, 402);
    assert_true(second->request.reply.replayed);
    assert_true(said_contains(second, "no_funds"));
    said_free(second);
    said_free(first);
    assert_int_equal(told.charges, 1);
}

/* A crash between call and answer: the effect runs again, with the key it had. */
static void test_crash(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(20);
    const char *order = bought(202);
    assert_int_equal(told.charges, 1);
    char key[128];
    memcpy(key, told.charge_key, sizeof key);
    loopback_crash(&world, UINT32_MAX);
    loopback_pass(&world, SECONDS(21));
    assert_int_equal(told.charges, 2);
    assert_string_equal(told.charge_key, key);
    EXPECT(order, "\"status\":\"confirmed\"");
    expect_stock(8, 0, 2);
}

/* ---- refunds ---- */
static const char *refund_of(const char *order)
{
    struct said *said = ask((struct asking){.kind = "order", .command = "read", .id = order, .user = buyer}, 200);
    const char *at = strstr(arena_text(arena, said->request.reply.body).data, "\"refunds\":[{\"id\":\"");
    assert_non_null(at);
    const char *id = arena_text(arena, (struct text){at + strlen("\"refunds\":[{\"id\":\""), ID_TEXT_LENGTH}).data;
    said_free(said);
    return id;
}

static void test_refund_out_of_reach(void **state)
{
    (void)state;
    told.plan.refund = 0;
    const char *order = bought(201);
    said_free(
        ask((struct asking){.kind = "order", .command = "cancel", .id = order, .user = buyer, .body = "{}"}, 200));
    loopback_pass(&world, HOURS(23));
    EXPECT(order, "\"payment_status\":\"paid\"", "\"late\":false,\"status\":\"requested\"");
    assert_true(told.refunds > 1000);
    loopback_pass(&world, HOURS(2));
    EXPECT(order, "\"payment_status\":\"paid\"", "\"late\":false,\"status\":\"failed\"", "order.refund_failed");
    unsigned refunds = told.refunds;
    loopback_pass(&world, HOURS(2));
    assert_int_equal(told.refunds, refunds); /* given up */
    told.plan.refund = PAYMENT_SUCCEEDED;
    struct asking retry = {.kind = "order",
                           .command = "retry_refund",
                           .id = order,
                           .part = "refund",
                           .part_id = refund_of(order),
                           .user = buyer};
    said_free(ask(retry, 403));
    retry.user = ID_NONE;
    retry.operator_ = true;
    said_free(ask(retry, 200));
    loopback_pass(&world, SECONDS(1));
    EXPECT(order, "\"payment_status\":\"refunded\"", "\"refunded\":{\"amount\":2300");
    said_free(ask(retry, 409));
}

static void test_refund_refused(void **state)
{
    (void)state;
    told.plan.refund = PAYMENT_DECLINED;
    const char *order = bought(201);
    said_free(
        ask((struct asking){.kind = "order", .command = "cancel", .id = order, .user = buyer, .body = "{}"}, 200));
    loopback_pass(&world, SECONDS(1));
    EXPECT(order, "\"status\":\"cancelled\"", "\"payment_status\":\"paid\"", "\"late\":false,\"status\":\"failed\"");
    assert_int_equal(told.refunds, 1);
    expect_stock(10, 0, 0);
}

/* ---- a provider of which nothing depends on whether it was asked ---- */
static uint64_t records_of(const char *key, uint16_t status, const char **order)
{
    uint64_t before = core_last_lsn(world.core);
    struct said *said = buy(key);
    loopback_settle(&world);
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, status);
    *order = arena_text(arena, said_field(said, status == 402 ? "order_id" : "id")).data;
    said_free(said);
    return core_last_lsn(world.core) - before;
}

static void test_pure_success(void **state)
{
    (void)state;
    const char *order, *again;
    assert_int_equal(records_of("a", 201, &order), 1);
    assert_int_equal(told.charges, 1);
    assert_string_equal(told.charge_key, arena_format(arena, "%s:1", order).data);
    EXPECT(order, "\"status\":\"confirmed\"", "\"attempt\":\"succeeded\"", "\"event\":\"order.payment_succeeded\"");
    expect_stock(8, 0, 2);
    loopback_crash(&world, 0);
    EXPECT(order, "\"status\":\"confirmed\"");
    assert_int_equal(records_of("a", 201, &again), 0);
    assert_string_equal(again, order);
    loopback_pass(&world, HOURS(1));
    assert_int_equal(told.charges + told.statuses + told.voids, 1); /* no timer is left */
    EXPECT(order, "\"status\":\"confirmed\"");
}

static void test_pure_decline(void **state)
{
    (void)state;
    const char *order, *again;
    told.plan.charge = PAYMENT_DECLINED;
    assert_int_equal(records_of("a", 402, &order), 1);
    EXPECT(order, "\"status\":\"cancelled\"", "\"decline_code\":\"no_funds\"");
    expect_stock(10, 0, 0);
    assert_int_equal(records_of("a", 402, &again), 0);
    assert_string_equal(again, order);
    loopback_crash(&world, 0);
    assert_int_equal(records_of("a", 402, &again), 0);
    assert_string_equal(again, order);
}

/* Gone with the record that it was decided in. */
static void test_pure_crash(void **state)
{
    (void)state;
    struct said *said = buy("a");
    core_turn(world.core, world.now);
    assert_int_equal(told.charges, 1);
    loopback_crash(&world, 0);
    said_free(said);
    expect_stock(10, 0, 0);
    const char *order;
    assert_int_equal(records_of("a", 201, &order), 1);
    expect_stock(8, 0, 2);
}

static void test_pure_answer_that_comes_later(void **state)
{
    (void)state;
    told.plan.delay = SECONDS(9);
    const char *order = bought(201);
    EXPECT(order, "\"status\":\"confirmed\"");
    told.plan = (struct plan){.voided = PAYMENT_VOIDED};
    order = bought(202);
    EXPECT(order, "\"status\":\"pending\"");
    loopback_pass(&world, HOURS(1));
    EXPECT(order, "\"status\":\"cancelled\"", "\"attempt\":\"voided\"");
    expect_stock(8, 0, 2);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, open_market, close_market)
#define PURE(test) cmocka_unit_test_setup_teardown(test, open_pure_market, close_market)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_answer_in_time),
        CASE(test_answer_after_the_wait),
        CASE(test_silence),
        CASE(test_status_decides),
        CASE(test_out_of_reach),
        CASE(test_late_success),
        CASE(test_void_comes_too_late),
        CASE(test_success_after_declined),
        CASE(test_declined_after_success),
        CASE(test_success_after_success),
        CASE(test_call_in_progress),
        CASE(test_key_in_flight),
        CASE(test_crash),
        CASE(test_refund_out_of_reach),
        CASE(test_refund_refused),
        PURE(test_pure_success),
        PURE(test_pure_decline),
        PURE(test_pure_crash),
        PURE(test_pure_answer_that_comes_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
