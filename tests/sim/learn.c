/* What the answers teach. An acknowledged command has happened and stays; a refused one has not; one without an answer may
   have. Answers come in the order of the log, so what is learnt is the state after each. */
#include "sim/world.h"

#include <string.h>

/* ---- prices and limits ---- */
static struct price *price_add(struct world *world, struct price **prices, int64_t amount)
{
    struct price *price = ARENA_NEW(world->arena, struct price);
    *price = (struct price){.next = *prices, .amount = amount};
    return *prices = price;
}

void price_learn(struct world *world, struct price **prices, int64_t amount)
{
    for (struct price *price = *prices; price; price = price->next)
        if (!price->offered && !price->until_step) price->until_step = world->step + 1;
    price_add(world, prices, amount);
}

void price_offer(struct world *world, struct price **prices, int64_t amount)
{
    price_add(world, prices, amount)->offered = true;
}

bool price_known(const struct price *prices, int64_t amount, uint32_t since_step)
{
    for (const struct price *price = prices; price; price = price->next)
        if (price->amount == amount && (!price->until_step || price->until_step >= since_step)) return true;
    return false;
}

/* ---- orders ---- */
static int item_number(const struct order *order, struct id id)
{
    for (uint32_t i = 0; i < order->line_count; i++)
        if (id_equal(order->items[i], id)) return (int)i;
    return -1;
}

static void order_meet(struct world *world, struct order *order, yyjson_val *json)
{
    char text[ID_TEXT_LENGTH + 1];
    order->exists = true;
    order->id = json_id(json, "id");
    if (!id_is_none(order->promised) && !id_equal(order->promised, order->id))
        violated(world, "I1 keys", "request s%u made a second order, %s", order->slot, json_text(json, "id"));
    id_format(order->id, text);
    order->text = arena_text(world->arena, text_of(text)).data;
    order->number = arena_text(world->arena, text_of(json_text(json, "number"))).data;
    yyjson_val *items = json_at(json, "items");
    if (yyjson_arr_size(items) != order->line_count)
        violated(world, "I2 whole", "order %s has not the lines it was placed with", order->text);
    for (uint32_t i = 0; i < order->line_count; i++)
        order->items[i] = json_id(yyjson_arr_get(items, i), "id");
}

static void refunds_see(struct order *order, yyjson_val *refunds)
{
    order->refund_count = 0;
    for (size_t i = 0; i < yyjson_arr_size(refunds) && i < sizeof order->refunds / sizeof order->refunds[0]; i++)
        order->refunds[order->refund_count++] = json_id(yyjson_arr_get(refunds, i), "id");
}

void order_see(struct world *world, struct order *order, yyjson_val *json, bool whole)
{
    if (!order->exists && whole) order_meet(world, order, json);
    if (!id_equal(order->id, json_id(json, "id"))) {
        violated(world, "I1 keys", "request s%u made a second order, %s beside %s", order->slot, json_text(json, "id"),
                 order->text);
        return;
    }
    if (strcmp(order->number, json_text(json, "number")))
        violated(world, "I1 durable", "order %s changed its number from %s to %s", order->text, order->number,
                 json_text(json, "number"));
    yyjson_val *items = json_at(json, "items");
    for (size_t i = 0; i < yyjson_arr_size(items); i++) {
        yyjson_val *item = yyjson_arr_get(items, i);
        int number = item_number(order, json_id(item, "id"));
        const char *state = json_text(item, "status");
        if (number < 0)
            violated(world, "I2 whole", "order %s has an item it was not placed with", order->text);
        else if (!tracked_see(&order->status[number], state))
            violated(world, "I1 durable", "item %d of order %s was %s and is %s now", number, order->text,
                     tracked_state(&order->status[number]), state);
    }
    if (!whole) return;
    int64_t captured = json_integer(json, "payment.captured.amount"),
            refunded = json_integer(json, "payment.refunded.amount");
    if (captured < order->captured || refunded < order->refunded)
        violated(world, "I6 money", "order %s forgot money: captured %lld after %lld, refunded %lld after %lld",
                 order->text, (long long)captured, (long long)order->captured, (long long)refunded,
                 (long long)order->refunded);
    order->captured = captured;
    order->refunded = refunded;
    refunds_see(order, json_at(json, "payment.refunds"));
}

/* Could it be bought under these conditions at any time since it was first asked for? */
static void check_sale(struct world *world, const struct order *order)
{
    for (uint32_t i = 0; i < order->line_count; i++) {
        const struct line *line = &order->lines[i];
        const struct product *product = &world->products[world->variants[line->variant].product];
        const struct supplier *supplier = &world->suppliers[product->supplier];
        if (product->changed_step < order->first_step && !tracked_may_be(&product->status, "published"))
            violated(world, "sale", "order %s is of a product that was archived", order->text);
        if (supplier->changed_step < order->first_step && !tracked_may_be(&supplier->status, "verified"))
            violated(world, "sale", "order %s is of a supplier that was suspended", order->text);
        if (line->promotion == NOBODY) continue;
        const struct promotion *promotion = &world->promotions[line->promotion];
        if (promotion->changed_step < order->first_step && !tracked_may_be(&promotion->status, "active"))
            violated(world, "sale", "order %s has the price of a promotion that was %s", order->text,
                     tracked_state(&promotion->status));
    }
}

/* A 402 names the order alone, which is cancelled and stays so. A 201 shows it as it was when it was decided, which may be
   told after somebody who cancelled it since was answered. */
static void learn_order(struct world *world, struct order *order, const struct answer *answer, uint16_t status)
{
    struct id id = status == 402 ? json_id(answer->root, "order_id") : json_id(answer->data, "id");
    bool fresh = !order->exists && id_is_none(order->promised);
    struct id known = order->exists ? order->id : order->promised;
    if (!id_is_none(known) && !id_equal(known, id)) {
        violated(world, "I1 keys", "request s%u made a second order", order->slot);
        return;
    }
    order->promised = id;
    if (status == 402) {
        for (uint32_t i = 0; i < order->line_count; i++)
            if (!tracked_see(&order->status[i], "cancelled"))
                violated(world, "I1 durable", "item %u of request s%u was %s, and the order is answered 402", i,
                         order->slot, tracked_state(&order->status[i]));
    } else {
        if (!order->exists) order_see(world, order, answer->data, true);
        if (status == 201 && !strcmp(json_text(answer->data, "status"), "pending"))
            violated(world, "answers", "order %s is answered 201 and is pending", order->text);
    }
    if (fresh && world_is_well(world)) check_sale(world, order);
}

/* ---- others ---- */
static void learn_state(struct world *world, struct tracked *tracked, uint32_t *changed_step, const char *state,
                        const char *what)
{
    const char *before = tracked_state(tracked);
    if (!tracked_see(tracked, state))
        violated(world, "I1 durable", "%s was %s and is answered as %s", what, before, state);
    if (changed_step && strcmp(before, state)) *changed_step = world->step;
}

static void learn_post(struct world *world, struct post *post, const struct answer *answer)
{
    struct id id = json_id(answer->data, "id");
    if (post->exists && !id_equal(post->id, id))
        violated(world, "I1 keys", "request s%u made a second post", post->slot);
    post->exists = true;
    post->id = id;
    post->text = arena_text(world->arena, text_of(json_text(answer->data, "id"))).data;
}

static void learn_adjustment(struct world *world, struct slot *slot, uint32_t number)
{
    struct stock *stock = &world->stocks[slot->object];
    for (struct delta **at = &stock->open; *at; at = &(*at)->next) {
        if ((*at)->slot != number) continue;
        *at = (*at)->next;
        break;
    }
    stock->kept = slot->applied = true;
    if (slot->part)
        stock->received += slot->amount;
    else
        stock->adjusted += slot->amount;
}

/* Each card of a promotion in an answered page is an impression there. */
void learn_feed(struct world *world, const struct answer *answer)
{
    for (size_t i = 0; i < yyjson_arr_size(answer->data); i++) {
        struct id id = json_id(yyjson_arr_get(answer->data, i), "reference_id");
        for (uint32_t k = 0; k < world->promotion_count; k++)
            if (id_equal(world->promotions[k].id, id)) world->promotions[k].shown++;
    }
}

static void learn_registration(struct world *world, struct account *account, uint32_t number,
                               const struct answer *answer)
{
    if (account->made && !account->touched)
        violated(world, "unique", "the address new%u@example.com was registered twice", number);
    account->made = 1;
    account->closed = false;
    account->text = arena_text(world->arena, text_of(json_text(answer->data, "id"))).data;
}

/* From an acknowledged erasure on the address is free, and the person is known to nobody. */
static void learn_end(struct world *world, struct account *account, const struct slot *slot)
{
    bool current = account->text && !strcmp(account->text, slot->asking.id);
    if (!strcmp(slot->asking.command, "admin_delete")) {
        if (current) account->closed = true;
        return;
    }
    *LIST_ADD(world->arena, &world->erased) = slot->asking.id;
    if (!current) return;
    account->made = 0;
    account->closed = false;
    account->text = NULL;
}

/* Written on the grounds of a version, it makes the next one, and nobody else does. */
static void learn_description(struct world *world, const struct slot *slot, const struct answer *answer)
{
    struct community *community = &world->communities[slot->object];
    int64_t version = json_integer(answer->data, "version");
    if (version != slot->part + 1 || version <= community->version)
        violated(world, "I1 versions",
                 "community %d was changed on the grounds of version %d, is at %lld and was at %lld", slot->object,
                 slot->part, (long long)version, (long long)community->version);
    community->version = version;
    price_learn(world, &community->description, slot->amount);
}

/* The effect of a command that was acknowledged for the first time. */
static void learn_effect(struct world *world, struct slot *slot, uint32_t number, const struct answer *answer,
                         uint16_t status)
{
    const char *state = json_text(answer->data, "status");
    switch (slot->kind) {
    case OPERATION_place: learn_order(world, &world->orders.at[slot->object], answer, status); break;
    case OPERATION_cancel:
    case OPERATION_cancel_item:
    case OPERATION_process:
    case OPERATION_ship:
    case OPERATION_deliver:
    case OPERATION_retry_refund: {
        struct order *order = &world->orders.at[slot->object];
        bool whole = slot->person == BY_STAFF || (slot->person == order->person && slot->kind == OPERATION_cancel);
        order_see(world, order, answer->data, whole);
        break;
    }
    case OPERATION_join:
    case OPERATION_leave:
    case OPERATION_admit:
    case OPERATION_remove:
    case OPERATION_ban:
    case OPERATION_unban:
        learn_state(world, &world->communities[slot->object].members[slot->part], NULL, state, "a membership");
        break;
    case OPERATION_suspend:
    case OPERATION_reinstate:
        learn_state(world, &world->suppliers[slot->object].status, &world->suppliers[slot->object].changed_step, state,
                    "a supplier");
        break;
    case OPERATION_archive:
    case OPERATION_publish:
    case OPERATION_withdraw:
        learn_state(world, &world->products[slot->object].status, &world->products[slot->object].changed_step, state,
                    "a product");
        break;
    case OPERATION_pause:
    case OPERATION_resume:
        learn_state(world, &world->promotions[slot->object].status, &world->promotions[slot->object].changed_step,
                    state, "a promotion");
        break;
    case OPERATION_hide:
    case OPERATION_unhide:
    case OPERATION_unpost: learn_state(world, &world->posts.at[slot->object].status, NULL, state, "a post"); break;
    case OPERATION_follow:
    case OPERATION_unfollow:
        learn_state(world, &world->people[slot->object].follows[slot->part], NULL,
                    slot->kind == OPERATION_follow ? "active" : "none", "a follow");
        break;
    case OPERATION_describe: learn_description(world, slot, answer); break;
    case OPERATION_post: learn_post(world, &world->posts.at[slot->object], answer); break;
    case OPERATION_adjust: learn_adjustment(world, slot, number); break;
    case OPERATION_price: price_learn(world, &world->variants[slot->object].prices, slot->amount); break;
    case OPERATION_backorder: price_learn(world, &world->stocks[slot->object].backorder, slot->amount); break;
    case OPERATION_feed: learn_feed(world, answer); break;
    case OPERATION_register:
        learn_registration(world, &world->accounts[slot->object], (uint32_t)slot->object, answer);
        break;
    case OPERATION_close:
    case OPERATION_erase: learn_end(world, &world->accounts[slot->object], slot); break;
    case OPERATION_click: world->promotions[slot->object].clicks++; break;
    default: break;
    }
    slot->applied = true;
}

/* The same request under the same key has the same answer: of an order to the byte, of others its subject. */
static void check_again(struct world *world, const struct slot *slot, uint16_t status, struct text body)
{
    if (slot->status != status) {
        violated(world, "I1 keys", "%s.%s under key \"%s\" was answered %u, and %u when asked again", slot->asking.kind,
                 slot->asking.command, slot->asking.key, slot->status, status);
        return;
    }
    if (slot->kind == OPERATION_place) {
        if (!text_equal(slot->body, body))
            violated(world, "I1 keys", "an order under key \"%s\" was answered %.*s, and %.*s when asked again",
                     slot->asking.key, TEXT_ARGUMENTS(slot->body), TEXT_ARGUMENTS(body));
        return;
    }
    yyjson_doc *first = yyjson_read(slot->body.data, slot->body.length, 0),
               *second = yyjson_read(body.data, body.length, 0);
    yyjson_val *a = json_at(yyjson_doc_get_root(first), "data"), *b = json_at(yyjson_doc_get_root(second), "data");
    bool same = id_equal(json_id(a, "id"), json_id(b, "id")) &&
                json_integer(a, "version") == json_integer(b, "version") &&
                !strcmp(json_text(a, "status"), json_text(b, "status"));
    if (!same)
        violated(world, "I1 keys", "%s.%s under key \"%s\" was answered %.*s, and %.*s when asked again",
                 slot->asking.kind, slot->asking.command, slot->asking.key, TEXT_ARGUMENTS(slot->body),
                 TEXT_ARGUMENTS(body));
    yyjson_doc_free(first);
    yyjson_doc_free(second);
}

static bool is_final(uint16_t status)
{
    return status == 200 || status == 201 || status == 204 || status == 402;
}

/* This attempt is known to have done what it was answered, or nothing. */
static void attempt_settled(struct world *world, struct slot *slot)
{
    slot_track(world, slot, -1);
    slot->open--;
    if (slot->kind == OPERATION_click) world->promotions[slot->object].clicks_open--;
    if (slot->kind == OPERATION_register) world->accounts[slot->object].open--;
}

static void refused(struct world *world, struct slot *slot, const struct answer *answer, uint16_t status)
{
    const char *code = json_text(answer->root, "code");
    bool expected = status == 403 || status == 404 || status == 409 || status == 412 || status == 429 ||
                    status == 503 || status == 507;
    if (status == 500 && world->damaged) expected = true;
    if (!expected)
        violated(world, "answers", "%s.%s is answered %u: %.*s", slot->asking.kind, slot->asking.command, status,
                 TEXT_ARGUMENTS(answer->said->request.reply.body));
    if (slot->status && slot->asking.key && status < 500)
        violated(world, "I1 keys", "%s.%s under key \"%s\" was answered %u, and is refused with %s when asked again",
                 slot->asking.kind, slot->asking.command, slot->asking.key, slot->status, code);
    if (status == 500) return; /* says nothing of what was done */
    attempt_settled(world, slot);
    if (slot->kind == OPERATION_register && status == 409 && !world->accounts[slot->object].made &&
        !world->accounts[slot->object].open)
        violated(world, "unique", "an address is taken that nobody has registered");
}

static void acknowledged(struct world *world, struct flight *flight, const struct answer *answer, uint16_t status)
{
    uint32_t number = flight->slot;
    const struct reply *reply = &flight->said->request.reply;
    bool replayed = reply->replayed;
    struct slot *slot = &world->slots.at[number];
    if (slot->status && slot->asking.key && is_final(status)) {
        check_again(world, slot, status, reply->body);
        if (!replayed)
            violated(world, "I1 keys", "%s.%s ran twice under key \"%s\"", slot->asking.kind, slot->asking.command,
                     slot->asking.key);
        attempt_settled(world, slot);
        return;
    }
    if (slot->status && slot->asking.key)
        violated(world, "I1 keys", "%s.%s was answered %u and then %u", slot->asking.kind, slot->asking.command,
                 slot->status, status);
    if (is_final(status) && slot->kind != OPERATION_quote && slot->kind != OPERATION_feed) {
        slot->status = status;
        slot->body = reply->body.data ? arena_text(world->arena, reply->body) : LITERAL("");
    }
    /* a repeated answer says what was, perhaps before the last comparison: only orders are met by it */
    if (!replayed || slot->kind == OPERATION_place) learn_effect(world, slot, number, answer, status);
    attempt_settled(world, slot);
}

void learn(struct world *world, struct flight *flight)
{
    if (flight->abandoned || !world_is_well(world)) return;
    uint16_t status = flight->said->request.reply.status;
    struct answer answer = answer_of(flight->said);
    if (status >= 200 && (status < 300 || status == 402))
        acknowledged(world, flight, &answer, status);
    else
        refused(world, &world->slots.at[flight->slot], &answer, status);
    answer.said = NULL;
    answer_free(&answer);
}
