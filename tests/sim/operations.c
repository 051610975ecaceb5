/* A step of a history: a request of somebody, or what the machinery does next. The numbers of an operation are taken modulo
   what there is; where there is nothing yet, nothing happens. */
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT(...) arena_format(world->arena, __VA_ARGS__).data
#define REASON      "{\"reason\":\"because\"}"
enum { KEY_LIFE = HOURS(20), PLANS = 16 };

static const char *id_text(struct world *world, struct id id)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    return arena_text(world->arena, text_of(text)).data;
}

/* ---- requests ---- */
static struct tracked *tracked_of(struct world *world, const struct slot *slot)
{
    switch (slot->kind) {
    case OPERATION_join:
    case OPERATION_leave:
    case OPERATION_admit:
    case OPERATION_remove:
    case OPERATION_ban:
    case OPERATION_unban: return &world->communities[slot->object].members[slot->part];
    case OPERATION_suspend:
    case OPERATION_reinstate: return &world->suppliers[slot->object].status;
    case OPERATION_follow:
    case OPERATION_unfollow: return &world->people[slot->object].follows[slot->part];
    case OPERATION_archive:
    case OPERATION_publish:
    case OPERATION_withdraw: return &world->products[slot->object].status;
    case OPERATION_pause:
    case OPERATION_resume: return &world->promotions[slot->object].status;
    case OPERATION_hide:
    case OPERATION_unhide:
    case OPERATION_unpost: return &world->posts.at[slot->object].status;
    case OPERATION_process:
    case OPERATION_ship:
    case OPERATION_deliver:
    case OPERATION_cancel_item: return &world->orders.at[slot->object].status[slot->part];
    default: return NULL;
    }
}

void slot_track(struct world *world, const struct slot *slot, int change)
{
    struct tracked *tracked = tracked_of(world, slot);
    if (tracked) tracked->open[slot->kind] = (uint8_t)(tracked->open[slot->kind] + change);
    for (uint32_t i = 0; slot->kind == OPERATION_withdraw && change > 0 && i < world->promotion_count; i++)
        if (world->promotions[i].product == slot->object)
            world->promotions[i].status.open[slot->kind] = 1; /* some time later */
    if (slot->kind != OPERATION_cancel) return;
    struct order *order = &world->orders.at[slot->object];
    for (uint32_t i = 0; i < order->line_count; i++)
        order->status[i].open[slot->kind] = (uint8_t)(order->status[i].open[slot->kind] + change);
}

/* What may come of it, until it is known what did. */
static void expect(struct world *world, struct slot *slot, uint32_t number)
{
    slot_track(world, slot, 1);
    if (slot->kind == OPERATION_price) price_offer(world, &world->variants[slot->object].prices, slot->amount);
    if (slot->kind == OPERATION_describe)
        price_offer(world, &world->communities[slot->object].description, slot->amount);
    if (slot->kind == OPERATION_backorder) price_offer(world, &world->stocks[slot->object].backorder, slot->amount);
    if (slot->kind == OPERATION_click) world->promotions[slot->object].clicks_open++;
    if (slot->kind == OPERATION_register) world->accounts[slot->object].open++;
    if (slot->kind == OPERATION_close || slot->kind == OPERATION_erase) world->accounts[slot->object].touched = true;
    if (slot->kind != OPERATION_adjust || slot->applied) return;
    struct stock *stock = &world->stocks[slot->object];
    for (struct delta *delta = stock->open; delta; delta = delta->next)
        if (delta->slot == number) return;
    struct delta *delta = ARENA_NEW(world->arena, struct delta);
    *delta = (struct delta){.next = stock->open, .amount = slot->amount, .slot = number};
    stock->open = delta;
}

void send_slot(struct world *world, uint32_t number, bool abandoned)
{
    struct slot *slot = &world->slots.at[number];
    slot->attempts++;
    slot->open++;
    expect(world, slot, number);
    struct flight *flight = memory_alloc(sizeof *flight);
    *flight = (struct flight){.slot = number,
                              .step = world->step,
                              .abandoned = abandoned && slot->kind != OPERATION_feed,
                              .said = loopback_send(&world->loopback, slot->asking)};
    *world->last_flight = flight;
    world->last_flight = &flight->next;
}

/* Keys are for POST; a purchase chooses its own, registration takes none. */
static bool takes_key(const struct world *world, const struct slot *slot)
{
    const struct kind *kind = registry_kind_named(&world->registry, slot->asking.kind);
    return !strcmp(kind_command(kind, slot->asking.command)->method, "POST") && !slot->asking.dry_run &&
           slot->kind != OPERATION_place && slot->kind != OPERATION_register;
}

/* Everybody may send a key along; it is the request's own unless the operation says otherwise. */
static void request(struct world *world, const struct operation *operation, struct slot slot)
{
    uint32_t number = world->slots.count;
    slot.kind = operation->kind;
    slot.first_step = world->step;
    slot.sent_at = world->loopback.now;
    slot.asking.operator_ = slot.person == BY_STAFF;
    if (slot.person != BY_STAFF) slot.asking.user = world->people[slot.person].id;
    if (operation->d % 2 && takes_key(world, &slot)) slot.asking.key = FORMAT("request %u", number);
    *LIST_ADD(world->arena, &world->slots) = slot;
    send_slot(world, number, operation->d % 11 == 10);
}

/* ---- buying ---- */
static struct line draw_line(struct world *world, struct chance *chance)
{
    struct line line = {.variant = (int)chance_below(chance, world->variant_count),
                        .promotion = NOBODY,
                        .community = NOBODY,
                        .quantity = 1 + chance_below(chance, chance_percent(chance, 10) ? 30 : 3)};
    if (!world->promotion_count || !chance_percent(chance, 50)) return line;
    int promotion = (int)chance_below(chance, world->promotion_count);
    if (world->promotions[promotion].product != world->variants[line.variant].product) return line;
    line.promotion = promotion;
    line.community = world->promotions[promotion].community;
    return line;
}

static const char *place_body(struct world *world, const struct operation *operation, struct order *order,
                              const char *marker)
{
    static const enum plan plans[PLANS] = {PLAN_PAID,     PLAN_PAID,  PLAN_PAID,     PLAN_PAID,   PLAN_PAID, PLAN_PAID,
                                           PLAN_DECLINED, PLAN_TWICE, PLAN_DECLINED, PLAN_AWAY,   PLAN_AWAY, PLAN_GONE,
                                           PLAN_SILENT,   PLAN_SLOW,  PLAN_DENIED,   PLAN_DOUBTED};
    struct buffer body = {.arena = world->arena};
    struct chance chance = {operation->c * UINT64_C(77) + 5};
    order->line_count = 1 + chance_below(&chance, chance_percent(&chance, 50)  ? 1
                                                  : chance_percent(&chance, 4) ? LINES_MOST
                                                                               : 5);
    buffer_string(&body, "{\"items\":[");
    for (uint32_t i = 0; i < order->line_count; i++) {
        struct line line = order->lines[i] = draw_line(world, &chance);
        order->status[i] = tracked_begin(LIFE_ITEM, "pending");
        buffer_format(&body, "%s{\"variant_id\":\"%s\",\"quantity\":%lld", i ? "," : "",
                      world->variants[line.variant].text, (long long)line.quantity);
        if (line.promotion != NOBODY)
            buffer_format(&body, ",\"promotion_id\":\"%s\"", world->promotions[line.promotion].text);
        if (line.community != NOBODY)
            buffer_format(&body, ",\"community_id\":\"%s\"", world->communities[line.community].text);
        buffer_byte(&body, '}');
    }
    buffer_format(
        &body,
        "],\"shipping_address\":{\"first_name\":\"Ann\",\"last_name\":\"Lee\",\"line1\":\"Street 1\",\"city\":\"London\","
        "\"country\":\"GB\"},\"payment\":{\"method\":\"card\",\"token\":\"plan_%u_%u\"},\"attribution\":{\"referrer\":\"%s\"}}",
        plans[operation->d / 11 % PLANS], operation->c, marker);
    buffer_byte(&body, 0);
    return body.data;
}

/* A key that this person has used today is sent with the same request again. */
static void place(struct world *world, const struct operation *operation)
{
    int person = (int)(operation->a % world->person_count);
    bool keyed = operation->b % 8 != 7;
    const char *key = keyed ? FORMAT("key %u of day %lld", operation->b % (uint32_t)world->terms.keys,
                                     (long long)(world->loopback.now / KEY_LIFE))
                            : NULL;
    for (uint32_t i = 0; keyed && i < world->slots.count; i++) {
        const struct slot *slot = &world->slots.at[i];
        if (slot->kind != OPERATION_place || slot->person != person || !slot->asking.key ||
            strcmp(slot->asking.key, key))
            continue;
        send_slot(world, i, operation->d % 11 == 10);
        return;
    }
    struct order *order = LIST_ADD(world->arena, &world->orders);
    *order = (struct order){.slot = world->slots.count, .person = person, .first_step = world->step};
    const char *body = place_body(world, operation, order, FORMAT("s%u", world->slots.count));
    request(world, operation,
            (struct slot){.person = person,
                          .object = (int)world->orders.count - 1,
                          .asking = {.kind = "order", .command = "create", .body = body, .key = key}});
}

static void quote(struct world *world, const struct operation *operation)
{
    struct order order = {0};
    const char *body = place_body(world, operation, &order, "quote");
    request(world, operation,
            (struct slot){.person = (int)(operation->a % world->person_count),
                          .asking = {.kind = "order", .command = "create", .body = body, .dry_run = true}});
}

static void again(struct world *world, const struct operation *operation)
{
    if (!world->slots.count) return;
    uint32_t number = operation->a % world->slots.count;
    const struct slot *slot = &world->slots.at[number];
    if (slot->asking.key && world->loopback.now - slot->sent_at < KEY_LIFE)
        send_slot(world, number, operation->d % 11 == 10);
}

/* ---- orders ---- */
static int supplier_of_line(const struct world *world, const struct line *line)
{
    return world->products[world->variants[line->variant].product].supplier;
}

/* An item that is far enough for the command, if there is one: the a-th of them; c decides when it is taken at random. */
static bool find_item(struct world *world, const struct operation *operation, uint32_t *number, uint32_t *item)
{
    static const char *const wanted[OPERATION_COUNT] = {[OPERATION_cancel] = "pending",
                                                        [OPERATION_cancel_item] = "confirmed",
                                                        [OPERATION_process] = "confirmed",
                                                        [OPERATION_ship] = "processing",
                                                        [OPERATION_deliver] = "shipped"};
    uint32_t found = 0;
    for (int pass = 0; pass < 2 && operation->c % 7; pass++) {
        uint32_t chosen = found ? operation->a % found : 0, at = 0;
        for (uint32_t i = 0; i < world->orders.count; i++)
            for (uint32_t k = 0; k < world->orders.at[i].line_count; k++) {
                if (!world->orders.at[i].exists || !tracked_is(&world->orders.at[i].status[k], wanted[operation->kind]))
                    continue;
                if (pass && at++ == chosen) {
                    *number = i;
                    *item = k;
                    return true;
                }
                found += !pass;
            }
    }
    *number = operation->a % world->orders.count;
    *item = operation->b % world->orders.at[*number].line_count;
    return world->orders.at[*number].exists;
}

static void order_command(struct world *world, const struct operation *operation)
{
    static const char *const commands[OPERATION_COUNT] = {[OPERATION_cancel] = "cancel",
                                                          [OPERATION_cancel_item] = "cancel_item",
                                                          [OPERATION_process] = "process",
                                                          [OPERATION_ship] = "ship",
                                                          [OPERATION_deliver] = "deliver"};
    uint32_t number, item;
    if (!world->orders.count || !find_item(world, operation, &number, &item)) return;
    const struct order *order = &world->orders.at[number];
    bool whole = operation->kind == OPERATION_cancel;
    struct slot slot = {
        .object = (int)number,
        .person = BY_STAFF,
        .asking = {.kind = "order",
                   .command = commands[operation->kind],
                   .id = order->text,
                   .body = operation->kind == OPERATION_ship ? "{\"carrier\":\"C\",\"tracking_number\":\"T\"}" : "{}"}};
    if (operation->kind == OPERATION_process || operation->kind == OPERATION_deliver) slot.asking.body = NULL;
    if (whole) {
        if (operation->b % 2 == 0) slot.person = order->person;
    } else {
        int owner = world->suppliers[supplier_of_line(world, &order->lines[item])].owner;
        if (operation->c % 3 == 1)
            slot.person = owner;
        else if (operation->c % 3 == 2)
            slot.person = operation->kind == OPERATION_cancel_item ? order->person : owner;
        slot.asking.part = "item";
        slot.asking.part_id = id_text(world, order->items[item]);
    }
    slot.part = whole ? 0 : (int)item;
    request(world, operation, slot);
}

static void retry_refund(struct world *world, const struct operation *operation)
{
    if (!world->orders.count) return;
    const struct order *order = &world->orders.at[operation->a % world->orders.count];
    if (!order->exists || !order->refund_count) return;
    request(world, operation,
            (struct slot){.person = BY_STAFF,
                          .object = (int)(operation->a % world->orders.count),
                          .asking = {.kind = "order",
                                     .command = "retry_refund",
                                     .id = order->text,
                                     .part = "refund",
                                     .part_id = id_text(world, order->refunds[operation->b % order->refund_count])}});
}

/* ---- communities ---- */
static void membership_command(struct world *world, const struct operation *operation)
{
    static const char *const commands[OPERATION_COUNT] = {
        [OPERATION_join] = "join",     [OPERATION_leave] = "leave", [OPERATION_admit] = "approve",
        [OPERATION_remove] = "remove", [OPERATION_ban] = "ban",     [OPERATION_unban] = "unban"};
    int person = (int)(operation->a % world->person_count), number = (int)(operation->b % world->community_count);
    const struct community *community = &world->communities[number];
    bool own = operation->kind == OPERATION_join || operation->kind == OPERATION_leave;
    struct slot slot = {.person = own ? person : community->owner,
                        .object = number,
                        .part = person,
                        .asking = {.kind = "membership", .command = commands[operation->kind], .id = community->text}};
    if (!own) {
        slot.asking.part = "user_id";
        slot.asking.part_id = world->people[person].text;
    }
    if (operation->kind == OPERATION_remove || operation->kind == OPERATION_ban) slot.asking.body = REASON;
    request(world, operation, slot);
}

/* Whoever writes on the grounds of an old version is refused. */
static void describe(struct world *world, const struct operation *operation)
{
    int number = (int)(operation->a % world->community_count);
    const struct community *community = &world->communities[number];
    int64_t marker = world->slots.count + 1;
    request(world, operation,
            (struct slot){.person = community->owner,
                          .object = number,
                          .amount = marker,
                          .part = (int)community->version,
                          .asking = {.kind = "community",
                                     .command = "patch",
                                     .id = community->text,
                                     .body = FORMAT("{\"version\":%lld,\"description\":\"%lld\"}",
                                                    (long long)community->version, (long long)marker)}});
}

static void follow(struct world *world, const struct operation *operation)
{
    int person = (int)(operation->a % world->person_count), other = (int)(operation->b % world->person_count);
    if (person == other) return;
    request(world, operation,
            (struct slot){.person = person,
                          .object = person,
                          .part = other,
                          .asking = {.kind = "follow",
                                     .command = operation_names[operation->kind],
                                     .id = world->people[other].text}});
}

static void post(struct world *world, const struct operation *operation)
{
    int person = (int)(operation->a % world->person_count), community = (int)(operation->b % world->community_count);
    for (uint32_t i = 0; i < world->person_count && operation->c % 5; i++) /* mostly somebody who may */
        if (!tracked_is(&world->communities[community].members[person], "active"))
            person = (person + 1) % (int)world->person_count;
    *LIST_ADD(world->arena, &world->posts) = (struct post){.slot = world->slots.count,
                                                           .author = person,
                                                           .community = community,
                                                           .status = tracked_begin(LIFE_POST, "published")};
    request(
        world, operation,
        (struct slot){
            .person = person,
            .object = (int)world->posts.count - 1,
            .asking = {.kind = "post",
                       .command = "create",
                       .body = FORMAT("{\"community_id\":\"%s\",\"type\":\"text\",\"title\":\"s%u\",\"body\":\"Text\"}",
                                      world->communities[community].text, world->slots.count)}});
}

static void post_command(struct world *world, const struct operation *operation)
{
    if (!world->posts.count) return;
    uint32_t number = operation->a % world->posts.count;
    const struct post *of = &world->posts.at[number];
    if (!of->exists) return;
    bool own = operation->kind == OPERATION_unpost;
    const char *command = own ? "delete" : operation->kind == OPERATION_hide ? "hide" : "restore";
    request(world, operation,
            (struct slot){.person = own ? of->author : world->communities[of->community].owner,
                          .object = (int)number,
                          .asking = {.kind = "post",
                                     .command = command,
                                     .id = of->text,
                                     .body = operation->kind == OPERATION_unhide ? NULL : REASON}});
}

/* ---- what is for sale ---- */
static void stock_command(struct world *world, const struct operation *operation)
{
    uint32_t number = operation->a % world->stock_count;
    const struct stock *stock = &world->stocks[number];
    const struct product *product = &world->products[world->variants[stock->variant].product];
    const struct supplier *supplier = &world->suppliers[product->supplier];
    const char *variant = world->variants[stock->variant].text,
               *location = id_text(world, supplier->locations[stock->location]);
    struct slot slot = {.person = supplier->owner, .object = (int)number};
    if (operation->kind == OPERATION_backorder) {
        slot.amount = operation->b % 5;
        slot.asking = (struct asking){.kind = "stock",
                                      .command = "limits",
                                      .id = product->text,
                                      .part = "variant_id",
                                      .part_id = variant,
                                      .third = "location_id",
                                      .third_id = location,
                                      .body = FORMAT("{\"backorder_limit\":%lld}", (long long)slot.amount)};
    } else {
        slot.amount = 1 + operation->b % 9;
        if (operation->c % 3 == 0) slot.amount = -slot.amount;
        slot.part = slot.amount > 0; /* received */
        slot.asking = (struct asking){
            .kind = "stock",
            .command = "adjust",
            .id = product->text,
            .body = FORMAT("{\"variant_id\":\"%s\",\"location_id\":\"%s\",\"delta\":%lld,\"reason\":\"%s\"}", variant,
                           location, (long long)slot.amount, slot.part ? "received" : "lost")};
    }
    request(world, operation, slot);
}

static void price(struct world *world, const struct operation *operation)
{
    uint32_t number = operation->a % world->variant_count;
    const struct variant *variant = &world->variants[number];
    const struct product *product = &world->products[variant->product];
    int64_t amount = world->terms.price * (50 + operation->b % 100) / 100;
    request(world, operation,
            (struct slot){
                .person = world->suppliers[product->supplier].owner,
                .object = (int)number,
                .amount = amount,
                .asking = {.kind = "product",
                           .command = "patch_variant",
                           .id = product->text,
                           .part = "variant_id",
                           .part_id = variant->text,
                           .body = FORMAT("{\"price\":{\"amount\":%lld,\"currency\":\"USD\"}}", (long long)amount)}});
}

static void seller_command(struct world *world, const struct operation *operation)
{
    struct slot slot = {.person = BY_STAFF, .asking = {.command = operation_names[operation->kind]}};
    if (operation->kind == OPERATION_suspend || operation->kind == OPERATION_reinstate) {
        slot.object = (int)(operation->a % world->supplier_count);
        slot.asking.kind = "supplier";
        slot.asking.id = world->suppliers[slot.object].text;
        slot.asking.body = REASON;
    } else if (operation->kind == OPERATION_archive || operation->kind == OPERATION_publish ||
               operation->kind == OPERATION_withdraw) {
        slot.object = (int)(operation->a % world->product_count);
        bool by_staff =
            operation->kind == OPERATION_withdraw || (operation->kind == OPERATION_publish && operation->b % 2);
        if (!by_staff) slot.person = world->suppliers[world->products[slot.object].supplier].owner;
        slot.asking.kind = "product";
        slot.asking.id = world->products[slot.object].text;
        if (operation->kind == OPERATION_withdraw) slot.asking.command = "archive";
        if (operation->kind != OPERATION_publish) slot.asking.body = REASON;
    } else {
        if (!world->promotion_count) return;
        slot.object = (int)(operation->a % world->promotion_count);
        slot.person = world->suppliers[world->products[world->promotions[slot.object].product].supplier].owner;
        slot.asking.kind = "promotion";
        slot.asking.id = world->promotions[slot.object].text;
        if (operation->kind == OPERATION_pause) slot.asking.body = "{}";
    }
    request(world, operation, slot);
}

static void click(struct world *world, const struct operation *operation)
{
    if (!world->promotion_count) return;
    int number = (int)(operation->a % world->promotion_count), community = world->promotions[number].community;
    request(world, operation,
            (struct slot){.person = (int)(operation->b % world->person_count),
                          .object = number,
                          .asking = {.kind = "promotion_audience",
                                     .command = "click",
                                     .id = world->promotions[number].text,
                                     .body = community == NOBODY ? "{}"
                                                                 : FORMAT("{\"community_id\":\"%s\"}",
                                                                          world->communities[community].text)}});
}

static void feed(struct world *world, const struct operation *operation)
{
    uint32_t number = operation->a % (world->community_count + 1);
    bool global = number == world->community_count;
    struct asking asking = {.kind = "feed_item",
                            .command = global ? "read_global" : "read_community",
                            .limit = 100,
                            .id = global ? NULL : world->communities[number].text};
    request(world, operation, (struct slot){.person = (int)(operation->b % world->person_count), .asking = asking});
}

static void join_souk(struct world *world, const struct operation *operation)
{
    uint32_t number = operation->a % ADDRESSES_MOST;
    request(world, operation,
            (struct slot){.person = BY_STAFF,
                          .object = (int)number,
                          .asking = {.kind = "user",
                                     .command = "register",
                                     .body = FORMAT("{\"email\":\"new%u@example.com\",\"password\":\"correct horse\","
                                                    "\"display_name\":\"New\",\"accept_terms\":true}",
                                                    number)}});
}

static void end_account(struct world *world, const struct operation *operation, const char *command)
{
    uint32_t number = operation->a % ADDRESSES_MOST;
    request(world, operation,
            (struct slot){
                .person = BY_STAFF,
                .object = (int)number,
                .asking = {.kind = "user", .command = command, .id = world->accounts[number].text, .body = REASON}});
}

/* Only what is closed is erased; now and then it is tried too early. */
static void leave_souk(struct world *world, const struct operation *operation)
{
    const struct account *account = &world->accounts[operation->a % ADDRESSES_MOST];
    if (!account->text) return;
    bool erases = operation->kind == OPERATION_erase;
    if (!erases || (!account->closed && operation->b % 5)) end_account(world, operation, "admin_delete");
    if (erases && account->text) end_account(world, operation, "erase");
}

/* ---- the machinery ---- */
static int64_t time_of(const struct operation *operation)
{
    switch (operation->d % 4) {
    case 0: return 1 + operation->a % 1000;
    case 1:
    case 2: return SECONDS(1 + operation->b % 60);
    default: return MINUTES(1 + operation->c % 20);
    }
}

static void machinery(struct world *world, const struct operation *operation)
{
    struct store *store = world->loopback.store;
    uint32_t times = 1 + operation->a % 4;
    switch (operation->kind) {
    case OPERATION_turn:
        for (uint32_t i = 0; i < times; i++)
            world_turn(world);
        break;
    case OPERATION_work:
        for (uint32_t i = 0; i < times && world_work(world, operation->b); i++)
            continue;
        break;
    case OPERATION_sync:
        for (uint32_t i = 0; i < times && world_sync(world); i++)
            continue;
        break;
    case OPERATION_settle: world_settle(world); break;
    case OPERATION_wait: world_pass(world, time_of(operation)); break;
    case OPERATION_jump: world->loopback.now += time_of(operation); break;
    case OPERATION_back: world->loopback.now -= time_of(operation); break;
    case OPERATION_miss: memory_store_miss_every(store, operation->a % 5); break;
    case OPERATION_pool: world->loopback.refuse_work = 1 + operation->a % 6; break;
    case OPERATION_disk: memory_store_set_free_bytes(store, operation->a % 4 ? UINT64_C(1) << 40 : 0); break;
    case OPERATION_restart: world_restart(world); break;
    case OPERATION_fault:
        memory_store_fault_at(store, 1 + operation->a % 60);
        world->read_fault_armed = true;
        world->fault_calls = memory_store_call_count(store) + 1 + operation->a % 60;
        break;
    case OPERATION_crash:
        for (uint32_t i = 0; i < operation->c % 4; i++) { /* in the middle of things: decided, not durable */
            world_turn(world);
            world_work(world, operation->d);
        }
        world_crash(world, operation->a % 4);
        if (operation->d % 4 == 0) world_verify(world);
        if (operation->b % 2 == 0) audit(world);
        break;
    case OPERATION_audit: audit(world); break;
    default: break;
    }
}

void operate(struct world *world, const struct operation *operation)
{
    static void (*const requests[OPERATION_COUNT])(struct world * world, const struct operation *operation) = {
        [OPERATION_place] = place,
        [OPERATION_quote] = quote,
        [OPERATION_again] = again,
        [OPERATION_cancel] = order_command,
        [OPERATION_cancel_item] = order_command,
        [OPERATION_process] = order_command,
        [OPERATION_ship] = order_command,
        [OPERATION_deliver] = order_command,
        [OPERATION_retry_refund] = retry_refund,
        [OPERATION_join] = membership_command,
        [OPERATION_leave] = membership_command,
        [OPERATION_admit] = membership_command,
        [OPERATION_remove] = membership_command,
        [OPERATION_ban] = membership_command,
        [OPERATION_unban] = membership_command,
        [OPERATION_post] = post,
        [OPERATION_hide] = post_command,
        [OPERATION_unhide] = post_command,
        [OPERATION_unpost] = post_command,
        [OPERATION_adjust] = stock_command,
        [OPERATION_backorder] = stock_command,
        [OPERATION_price] = price,
        [OPERATION_archive] = seller_command,
        [OPERATION_withdraw] = seller_command,
        [OPERATION_describe] = describe,
        [OPERATION_follow] = follow,
        [OPERATION_unfollow] = follow,
        [OPERATION_publish] = seller_command,
        [OPERATION_pause] = seller_command,
        [OPERATION_resume] = seller_command,
        [OPERATION_suspend] = seller_command,
        [OPERATION_reinstate] = seller_command,
        [OPERATION_click] = click,
        [OPERATION_feed] = feed,
        [OPERATION_register] = join_souk,
        [OPERATION_close] = leave_souk,
        [OPERATION_erase] = leave_souk};
    if (!requests[operation->kind]) {
        machinery(world, operation);
        return;
    }
    requests[operation->kind](world, operation);
    if (operation->b * UINT64_C(31) % 100 < (uint64_t)world->terms.eager) world_settle(world);
}
