/* An order: placed by a customer, paid once, fulfilled item by item by its suppliers.

     – ─create→ pending ─paid→ confirmed → processing → shipped → delivered
                pending ─declined, expired, cancelled→ cancelled        confirmed, processing ─all items cancelled→ cancelled

   The status is derived: it follows from the items (order_state.c), so any declared edge may be the one a command takes.
   Truths: status, fulfilment and payment status equal their derivation; what is confirmed is paid in full; no more is paid
   back than was taken; lines and groups sum up to the totals; a cancelled item holds no stock. Pending: stock is reserved
   for every item and a timer runs. Prices, address and the products' names never change once placed. */
#include "actors/catalog/supplier.h"
#include "actors/identity/accounts.h"
#include "actors/identity/address.h"
#include "actors/identity/mail.h"
#include "actors/sales/order_parts.h"
#include "actors/sales/purchase.h"
#include "schema/json.h"

#include <string.h>

/* clang-format off */
#define ANY_STATE                                                                                                      \
    (STATE(ORDER_PENDING) | STATE(ORDER_CONFIRMED) | STATE(ORDER_PROCESSING) | STATE(ORDER_SHIPPED) | STATE(ORDER_DELIVERED) | \
     STATE(ORDER_CANCELLED) | STATE(ORDER_COMPLETED))
/* clang-format on */
#define PENDING_    STATE(ORDER_PENDING)
#define CONFIRMED_  STATE(ORDER_CONFIRMED)
#define PROCESSING_ STATE(ORDER_PROCESSING)
#define SHIPPED_    STATE(ORDER_SHIPPED)

/* Several edges of one command: the items decide which is taken. Answers of the provider are heard in every state. */
/* clang-format off */
static const struct transition order_rows[] = {
    /* from                                    command             to */
    {FROM_NONE,                                "create",           ORDER_PENDING},
    {FROM_NONE,                                "create",           ORDER_CONFIRMED},
    {PENDING_,                                 "payment_answered", ORDER_CONFIRMED},
    {PENDING_,                                 "payment_answered", ORDER_CANCELLED},
    {ANY_STATE,                                "payment_answered", TO_SAME},
    {PENDING_,                                 "expire",           ORDER_CANCELLED},
    {PENDING_ | CONFIRMED_ | PROCESSING_,      "cancel",           ORDER_CANCELLED},
    {CONFIRMED_,                               "process",          ORDER_PROCESSING},
    {CONFIRMED_,                               "process",          TO_SAME},
    {PROCESSING_,                              "ship",             ORDER_SHIPPED},
    {CONFIRMED_ | PROCESSING_,                 "ship",             TO_SAME},
    {SHIPPED_,                                 "deliver",          ORDER_DELIVERED},
    {CONFIRMED_ | PROCESSING_ | SHIPPED_,      "deliver",          TO_SAME},
    {CONFIRMED_,                               "cancel_item",      ORDER_PROCESSING},
    {CONFIRMED_ | PROCESSING_,                 "cancel_item",      ORDER_SHIPPED},
    {CONFIRMED_ | PROCESSING_,                 "cancel_item",      ORDER_DELIVERED},
    {CONFIRMED_ | PROCESSING_,                 "cancel_item",      ORDER_CANCELLED},
    {CONFIRMED_ | PROCESSING_,                 "cancel_item",      TO_SAME},
    {STATE(ORDER_DELIVERED),                   "complete",         ORDER_COMPLETED},
};
static const struct machine order_machine = {
    .states = &order_statuses, .rows = order_rows, .count = sizeof order_rows / sizeof order_rows[0], .derived = true};
/* clang-format on */

/* ---- indexes ---- */
static void by_number_keys(const void *entity, struct key_writer *writer)
{
    const struct order *order = entity;
    key_begin(writer);
    key_text(writer, order->number);
    key_end(writer);
}
/* clang-format off */
static const struct index by_number = {.number = 1, .name = "by_number", .unique = true, .counted = true,
                                       .taken = ERROR_ALREADY_EXISTS, .keys = by_number_keys, .doc = "one order has a number"};
/* clang-format on */

static void newest_keys(const void *entity, struct key_writer *writer)
{
    const struct order *order = entity;
    key_begin(writer);
    key_integer(writer, order->entity.created_at);
    key_end(writer);
}
static const struct index newest = {.number = 2, .name = "newest", .keys = newest_keys, .doc = "all, by placing"};

static void by_status_keys(const void *entity, struct key_writer *writer)
{
    const struct order *order = entity;
    key_begin(writer);
    key_integer(writer, order->entity.status);
    key_integer(writer, order->entity.created_at);
    key_end(writer);
}
static const struct index by_status = {
    .number = 3, .name = "by_status", .keys = by_status_keys, .doc = "by status, then placing"};

static void by_supplier_keys(const void *entity, struct key_writer *writer)
{
    const struct order *order = entity;
    for (uint32_t i = 0; i < order->groups.count; i++) {
        key_begin(writer);
        key_id(writer, order->groups.at[i].supplier_id);
        key_integer(writer, order->entity.created_at);
        key_end(writer);
    }
}
static const struct index by_supplier = {
    .number = 4, .name = "by_supplier", .keys = by_supplier_keys, .doc = "by supplier, then placing"};

/* The same as by_number, as a list: what staff type into the search box. */
static const struct index search = {.number = 5, .name = "search", .keys = by_number_keys, .doc = "by number"};

static void by_customer_keys(const void *entity, struct key_writer *writer)
{
    const struct order *order = entity;
    if (id_is_none(order->customer.user_id)) return;
    key_begin(writer);
    key_id(writer, order->customer.user_id);
    key_integer(writer, order->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index by_customer = {.number = 6, .name = "by_customer", .keys = by_customer_keys, .doc = "by customer, then placing",
                                         .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const order_indexes[] = {&by_number, &newest,      &by_status, &by_supplier,
                                                    &search,    &by_customer, NULL};

/* ---- rights ---- */
/* Teams are asked for only where it makes a difference: staff sees and may what a team does, the customer sees all. */
static uint32_t order_relations(struct tx *tx, const void *entity)
{
    const struct order *order = entity;
    if (!order || tx->principal.kind != PRINCIPAL_USER) return 0;
    uint32_t relations = id_equal(order->customer.user_id, tx->principal.user) ? SELF : 0;
    bool for_team = (tx->command->who & (TEAM | SELF)) == TEAM;
    if (tx->principal.admin || (relations && !for_team)) return relations;
    for (uint32_t i = 0; i < order->groups.count; i++)
        relations |= supplier_relations_of(tx, order->groups.at[i].supplier_id);
    return relations;
}

static bool order_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx, (void)entity;
#if defined MUTANT && MUTANT == 21
    return tx->principal.kind == PRINCIPAL_USER;
#else
    return (relations & (SELF | TEAM | ADMIN)) != 0;
#endif
}

static struct id order_subject(const void *entity)
{
    const struct order *order = entity;
    return id_is_none(order->customer.user_id) ? order->entity.id : order->customer.user_id;
}

/* ---- placing ---- */
/* Where it goes: as written in the body, or one of the buyer's kept addresses; NULL when neither is given (or pending). */
static enum error order_destination(struct tx *tx, const struct purchase_body *body,
                                    const struct order_address **destination)
{
    *destination = has(tx, "shipping_address") ? &body->shipping_address : NULL;
    if (id_is_none(body->address_id)) return OK;
    if (*destination) fail_detail(tx, "address_id", "not_allowed", "give shipping_address or address_id, not both");
    const struct address *kept = address_of_asker(tx, body->address_id);
    if (!kept) fail_detail(tx, "address_id", "not_one_of", "is none of your addresses");
    if (fail_details(tx) || !kept) return fail(tx, ERROR_VALIDATION_FAILED, "the order does not say where it goes");
    struct order_address *copy = ARENA_NEW(tx->arena, struct order_address);
    *copy = (struct order_address){kept->first_name, kept->last_name,   kept->line1,   kept->line2, kept->city,
                                   kept->state,      kept->postal_code, kept->country, kept->phone};
    *destination = copy;
    return OK;
}

static enum error order_place(struct tx *tx)
{
    const struct purchase_body *body = tx->body;
    const struct order_address *destination;
    enum error error = order_destination(tx, body, &destination);
    if (error) return error;
    struct purchase input = {.source = SOURCE_WEB,
                             .customer = principal_user(tx),
                             .lines = body->items.at,
                             .line_count = body->items.count,
                             .attribution = {body->attribution.promotion_id, body->attribution.community_id},
                             .utm = body->attribution.utm,
                             .referrer = body->attribution.referrer,
                             .address = destination,
                             .terms = tx->settings,
                             .payment_method = body->payment.method,
                             .payment_token = body->payment.token,
                             .expected_total = body->expected_total};
    if (!input.customer) return fail(tx, ERROR_FORBIDDEN, "an order has a customer: log in as one");
    struct id id = draw_id(tx);
    struct order *order = create(tx, &order_kind, id);
    error = purchase(tx, &input, order);
    if (error) return error;
    if (order->entity.status == ORDER_PENDING) await(tx, tx->now + setting(tx, "orders.payment_wait"));
    return answer_entity(tx, 201, &order_kind, id, 0);
}

static struct text json_text(struct tx *tx, struct text text)
{
    struct buffer json = {.arena = tx->arena};
    buffer_json_text(&json, text);
    return buffer_as_text(&json);
}

/* Cancelled or not by now: money that came late never confirmed it. */
static bool order_was_confirmed(const struct order *order)
{
    if (order->entity.status != ORDER_CANCELLED) return true;
    for (uint32_t i = 0; i < order->payment.refunds.count; i++)
        if (order->payment.refunds.at[i].late) return false;
    return order->payment.attempt == ATTEMPT_SUCCEEDED;
}

/* Decided: the order stands, or it was never paid for. The second answer names why, and the order, for a new try. */
static bool order_outcome(struct tx *tx, const void *entity)
{
    const struct order *order = entity;
    if (order->entity.status == ORDER_PENDING) return false;
    if (order_was_confirmed(order)) {
        answer_entity(tx, 201, &order_kind, order->entity.id, order->entity.version);
        return true;
    }
    char id[ID_TEXT_LENGTH + 1];
    id_format(order->entity.id, id);
    struct text code = order->payment.decline_code.data ? order->payment.decline_code
                                                        : enum_name(&cancel_reasons, order->cancel_reason);
    fail_member(tx, "decline_code", json_text(tx, code));
    fail_member(tx, "order_id", json_text(tx, arena_text(tx->arena, text_of(id))));
    fail(tx, ERROR_PAYMENT_DECLINED, "the payment was not made; the order is cancelled");
    return true;
}

/* Past the time in which items may come back; set by the area that knows that time. */
static enum error order_complete(struct tx *tx)
{
    struct order *order = tx->subject;
    order->entity.status = ORDER_COMPLETED;
    order_emit_updated(tx, order, ID_NONE, LITERAL("completed"));
    return OK;
}

/* ---- reading ---- */
static enum error order_read_timeline(struct tx *tx)
{
    const struct order *order = order_shown(tx, tx->subject, tx->relations);
    struct buffer json = {.arena = tx->arena};
    buffer_string(&json, "{\"success\":true,\"data\":[");
    for (uint32_t i = 0; i < order->timeline.count; i++) {
        if (i) buffer_byte(&json, ',');
        schema_render(&json, &timeline_entry_fields, &order->timeline.at[i], tx->relations);
    }
    buffer_format(&json, "],\"page\":{\"next\":null,\"limit\":%u}}", order->timeline.count);
    return answer_raw(tx, 200, "application/json", buffer_as_text(&json));
}

struct order_query {
    struct text q;
    enum order_status status;
    struct id supplier_id, customer_id;
};
enum { QUERY_Q, QUERY_STATUS, QUERY_SUPPLIER, QUERY_CUSTOMER }; /* rows of the table below */
/* clang-format off */
static const struct field order_query_rows[] = {
    [QUERY_Q]        = TEXT(order_query, 1, q, .min = 1, .max = 254, .doc = "the order's number, or the customer's e-mail"),
    [QUERY_STATUS]   = ENUM(order_query, 2, status, &order_statuses, .doc = "in this status"),
    [QUERY_SUPPLIER] = ID(order_query, 3, supplier_id, .refers = "supplier", .doc = "with an item of this supplier"),
    [QUERY_CUSTOMER] = ID(order_query, 4, customer_id, .refers = "user", .doc = "of this customer"),
};
/* clang-format on */
static const struct fields order_query_fields = FIELDS("order_query", struct order_query, order_query_rows);

/* clang-format off */
static const struct listing order_listings[] = {
    {"newest", "q", &search, .reverse = true},
    {"newest", "customer_id", &by_customer, .reverse = true},
    {"newest", "supplier_id", &by_supplier, .reverse = true},
    {"newest", "status", &by_status, .reverse = true},
    {"newest", NULL, &newest, .reverse = true},
    {0}};
/* clang-format on */

/* An e-mail leads to the customer: no index holds one in clear text. */
static enum error order_list(struct tx *tx)
{
    const struct order_query *asked = tx->query;
    if (!queried(tx, "q")) return OK;
    struct order_query *query = arena_copy(tx->arena, asked, sizeof *asked);
    if (!memchr(query->q.data, '@', query->q.length)) return OK;
    char *email = arena_copy(tx->arena, query->q.data, query->q.length);
    for (uint32_t i = 0; i < query->q.length; i++)
        email[i] = letter_small(email[i]);
    struct text hash = keyed_hash(tx, "email", (struct text){email, query->q.length});
    query->customer_id = find_text(tx, &user_kind, &user_by_email, hash);
    tx->query = query;
    tx->query_present = (tx->query_present & ~(UINT64_C(1) << QUERY_Q)) | UINT64_C(1) << QUERY_CUSTOMER;
    return OK;
}

static bool order_matches(struct tx *tx, const void *entity)
{
    const struct order_query *query = tx->query;
    const struct order *order = entity;
    if (queried(tx, "customer_id") && !id_equal(order->customer.user_id, query->customer_id)) return false;
    if (queried(tx, "status") && (enum order_status)order->entity.status != query->status) return false;
    return !queried(tx, "supplier_id") || order_has_supplier(order, query->supplier_id);
}

/* clang-format off */
static const struct command order_commands[] = {
    {"create", "POST", "/orders", .action = ACTION_CALL, .who = USER, .body = &purchase_fields, .decide = order_place,
     .outcome = order_outcome, .status = 201, .rate = RATE_WRITE,
     .doc = "Buys: prices, reserves stock and asks for payment. 201 paid, 402 declined, 202 not decided yet; a dry run is a quote."},
    {"read", "GET", "/orders/{id}", .action = ACTION_READ, .who = SELF | TEAM | ADMIN,
     .doc = "One order, by id or number; a supplier's team sees its own items."},
    {"timeline", "GET", "/orders/{id}/timeline", .action = ACTION_READ, .who = SELF | TEAM | ADMIN, .decide = order_read_timeline,
     .reply = &timeline_entry_fields, .produces = "application/json", .doc = "What happened to it, oldest first."},
    {"cancel", "POST", "/orders/{id}/cancel", .action = ACTION_COMMAND, .who = SELF | ADMIN, .body = &cancel_fields, .decide = order_cancel,
     .rate = RATE_WRITE, .doc = "Cancels all of it before work on it has begun; staff also while in work. What was paid goes back."},
    {"process", "POST", "/orders/{id}/items/{item}/process", .action = ACTION_COMMAND, .who = TEAM | ADMIN, .decide = order_item_process,
     .rate = RATE_WRITE, .doc = "The supplier begins with an item."},
    {"ship", "POST", "/orders/{id}/items/{item}/ship", .action = ACTION_COMMAND, .who = TEAM | ADMIN, .body = &ship_fields,
     .decide = order_item_ship, .rate = RATE_WRITE, .doc = "An item is on its way."},
    {"deliver", "POST", "/orders/{id}/items/{item}/deliver", .action = ACTION_COMMAND, .who = TEAM | ADMIN, .decide = order_item_deliver,
     .rate = RATE_WRITE, .doc = "An item has arrived."},
    {"cancel_item", "POST", "/orders/{id}/items/{item}/cancel", .action = ACTION_COMMAND, .who = SELF | TEAM | ADMIN,
     .demands = SELF | MANAGER | ADMIN, .body = &cancel_fields, .decide = order_item_cancel, .rate = RATE_WRITE,
     .doc = "Cancels an item: confirmed by customer, team manager or staff, in work by team manager or staff."},
    {"track", "PATCH", "/orders/{id}/items/{item}", .action = ACTION_COMMAND, .who = TEAM | ADMIN, .body = &tracking_fields,
     .decide = order_item_track, .rate = RATE_WRITE, .doc = "Corrects the tracking of an item that is on its way."},
    {"retry_refund", "POST", "/orders/{id}/refunds/{refund}/retry", .action = ACTION_COMMAND, .who = ADMIN, .decide = order_refund_retry,
     .rate = RATE_WRITE, .doc = "Asks the provider again for a refund that failed."},
    {"list_all", "GET", "/admin/orders", .action = ACTION_LIST, .who = ADMIN, .query = &order_query_fields, .decide = order_list, .listings = order_listings,
     .matches = order_matches, .rate = RATE_READ, .doc = "All orders, newest first."},
    /* of the system */
    {"payment_answered", .action = ACTION_COMMAND, .who = SYSTEM, .body = &payment_answer_fields, .decide = order_payment_answered,
     .doc = "The provider answered a charge, or how it stands."},
    {"void_answered", .action = ACTION_COMMAND, .who = SYSTEM, .body = &payment_answer_fields, .decide = order_void_answered,
     .doc = "The provider answered a void."},
    {"refund_answered", .action = ACTION_COMMAND, .who = SYSTEM, .body = &payment_answer_fields, .decide = order_refund_answered,
     .doc = "The provider answered a refund."},
    {"expire", .action = ACTION_COMMAND, .who = SYSTEM, .decide = order_expire, .doc = "The time to pay is over."},
    {"ask_payment", .action = ACTION_COMMAND, .who = SYSTEM, .decide = order_ask_payment, .doc = "Time to ask how the payment stands."},
    {"give_up_refunds", .action = ACTION_COMMAND, .who = SYSTEM, .decide = order_refunds_give_up, .doc = "Refunds unanswered for a day have failed."},
    {"complete", .action = ACTION_COMMAND, .who = SYSTEM, .decide = order_complete, .doc = "Nothing can come back any more."},
    {0}};

const struct kind order_kind = {
    .number = 70, .name = "order", .plural = "orders", .doc = "what was bought, at which price, and how far it is", .fields = &order_fields,
    .machine = &order_machine, .events = order_events, .indexes = order_indexes, .commands = order_commands, .slug = &by_number,
    .patch_needs_version = true, .relations = order_relations, .visible = order_visible, .check = order_check,
    .subject = order_subject, .shown = order_shown};
/* clang-format on */

/* ---- mail ---- */
static void mail_follow(struct tx *tx, const struct fact *fact)
{
    bool confirmed = fact->event == &order_confirmed, shipped = fact->event == &order_shipped;
    if (!confirmed && !shipped) return;
    const struct order *order = fact->after;
    if (id_is_none(order->customer.user_id)) return;
    struct text subject = text_print(tx, confirmed ? "Your order %.*s is confirmed" : "Your order %.*s is on its way",
                                     TEXT_ARGUMENTS(order->number));
    struct text text = text_print(tx,
                                  confirmed ? "Thank you. We have received your payment for order %.*s.\n"
                                            : "Everything in your order %.*s has been shipped.\n",
                                  TEXT_ARGUMENTS(order->number));
    mail_user(tx, order->customer.user_id, confirmed ? "order_confirmed" : "order_shipped", order->number, subject,
              text);
}
static const struct follower order_mail = {
    .name = "order_mail", .doc = "mails the customer at confirmation and shipping", .follow = mail_follow};

const struct kind *const sales_kinds[] = {&order_kind, &order_numbers_kind, &open_orders_kind,
                                          &open_supplier_items_kind, NULL};
const struct follower *const sales_followers[] = {&order_mail, NULL};
const struct effect_class *const sales_effects[] = {&payment_effect, NULL};
