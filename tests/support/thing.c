#include "support/thing.h"
#include "actors/runtime/system.h"
#include "actors/identity/tenant.h"

#include <string.h>

struct pay_request {
    struct text token;
    int64_t amount;
};
struct pay_answer {
    bool paid;
    struct text reference;
};
struct thing_query {
    struct text name, sort, q;
};

/* clang-format off */
static const char *const status_names[] = {NULL, "draft", "open", "paid", "closed", "deleted"};
static const struct enumeration statuses = ENUMERATION("thing_status", status_names);
static const struct field tag_element = ELEMENT(FIELD_TEXT, struct text, .max = 20);
static const struct field thing_rows[] = {
    ENTITY_ROW(thing),
    TEXT(thing, 2, name,        .max = 40, .flags = REQUIRED,             .doc = "name"),
    TEXT(thing, 3, slug,        .format = FORMAT_SLUG, .max = 60,         .doc = "slug"),
    TEXT(thing, 4, secret_note, .max = 100, .flags = PERSONAL, .sees = ADMIN, .doc = "sealed"),
    INTEGER(thing, 5, quantity, .min = 0, .max = 1000, .initial = 7,      .doc = "how many"),
    SCALARS(thing, 6, tags, struct text, &tag_element, .max = 5,          .doc = "tags"),
};
static const struct fields thing_fields = FIELDS("thing", struct thing, thing_rows);
static const struct field request_rows[] = {
    TEXT(pay_request, 1, token, .max = 50, .flags = REQUIRED | PERSONAL, .doc = "token"),
    INTEGER(pay_request, 2, amount, .max = 1000000, .doc = "amount")};
static const struct fields request_fields = FIELDS("pay_request", struct pay_request, request_rows);
static const struct field answer_rows[] = {
    BOOL(pay_answer, 1, paid, .doc = "paid"),
    TEXT(pay_answer, 2, reference, .max = 100, .doc = "reference")};
static const struct fields answer_fields = FIELDS("pay_answer", struct pay_answer, answer_rows);
static const struct field query_rows[] = {
    TEXT(thing_query, 1, name, .max = 40, .doc = "name"),
    TEXT(thing_query, 2, sort, .max = 40, .doc = "order"),
    SEARCH_ROW(thing_query, 3, "name or tags")};
static const struct fields query_fields = FIELDS("thing_query", struct thing_query, query_rows);

static const uint16_t carried[] = {2, 5, 0};
static const struct event created = {1, "thing.created", carried, NULL, "made"};
static const struct event updated = {2, "thing.updated", NULL, NULL, "changed"};
static const struct event opened  = {3, "thing.opened", NULL, &reason_fields, "opened"};
static const struct event paid    = {4, "thing.paid", NULL, NULL, "paid"};
static const struct event closed  = {5, "thing.closed", NULL, NULL, "closed"};
static const struct event deleted = {6, "thing.deleted", NULL, NULL, "deleted"};
static const struct event restored = {7, "thing.restored", NULL, NULL, "restored"};
static const struct event *const events[] = {&created, &updated, &opened, &paid, &closed, &deleted, &restored, NULL};

static bool has_some(struct tx *tx, const void *entity)
{
    (void)tx;
    return ((const struct thing *)entity)->quantity > 0;
}

static const struct transition machine_rows[] = {
    {FROM_NONE,                              "create",  THING_DRAFT,   &created},
    {STATE(THING_DRAFT),                     "open",    THING_OPEN,    &opened, has_some, "there are some"},
    {STATE(THING_OPEN),                      "paid",    THING_PAID,    &paid},
    {STATE(THING_OPEN) | STATE(THING_PAID),  "close",   THING_CLOSED,  &closed},
    {STATE(THING_DRAFT) | STATE(THING_OPEN) | STATE(THING_PAID) | STATE(THING_CLOSED), "delete", THING_DELETED, &deleted},
    {STATE(THING_DELETED),                   "restore", TO_REMEMBERED, &restored},
};
static const struct machine machine = MACHINE(&statuses, machine_rows);
/* clang-format on */

static void slug_keys(const void *entity, struct key_writer *writer)
{
    key_text(writer, ((const struct thing *)entity)->slug);
    key_end(writer);
}

static void newest_keys(const void *entity, struct key_writer *writer)
{
    key_integer(writer, ((const struct entity *)entity)->created_at);
    key_end(writer);
}

static void name_keys(const void *entity, struct key_writer *writer)
{
    key_text(writer, ((const struct thing *)entity)->name);
    key_integer(writer, ((const struct entity *)entity)->created_at);
    key_end(writer);
}

static const struct index by_slug = {1, "slug", true, ERROR_SLUG_TAKEN, "slug", slug_keys, "unique"};
static const struct index by_newest = {2, "newest", false, OK, NULL, newest_keys, "newest"};
static const struct index by_name = {3, "name", false, OK, NULL, name_keys, "of a name"};
static const struct index *const indexes[] = {&by_slug, &by_newest, &by_name, NULL};

const struct effect_class pay_class = {1, "pay", &request_fields, &answer_fields, 60000, "payment"};

static enum error thing_create(struct tx *tx)
{
    struct thing *thing = tx->subject;
    thing->slug = slug_make(tx, &thing_kind, &by_slug, thing->slug, thing->name);
    return OK;
}

static enum error thing_open(struct tx *tx)
{
    struct thing *thing = tx->subject;
    const struct reason_body *reason = tx->body;
    event_data(tx, reason);
    timer(tx, &thing_kind, thing->entity.id, "close", tx->now + 30000);
    if (!text_starts_with(reason->reason, "tok_")) return OK;
    effect(tx, &pay_class, text_print(tx, "pay %s", "1"),
           &(struct pay_request){.token = reason->reason, .amount = thing->quantity}, &thing_kind, thing->entity.id,
           "paid");
    await(tx, tx->now + 10000);
    return OK;
}

static enum error thing_paid(struct tx *tx)
{
    const struct pay_answer *answer = tx->body;
    if (!answer->paid) return fail(tx, ERROR_PAYMENT_DECLINED, "declined");
    timer_cancel(tx, &thing_kind, tx->id, "close");
    return OK;
}

static bool thing_outcome(struct tx *tx, const void *entity)
{
    const struct thing *thing = entity;
    if (thing->entity.status == THING_OPEN) return false;
    answer_entity(tx, 201, &thing_kind, thing->entity.id, 0);
    return true;
}

static const char *thing_check(const void *entity)
{
    return ((const struct thing *)entity)->quantity == 666 ? "the quantity is not 666" : NULL;
}

static struct id count_key(const void *entity)
{
    (void)entity;
    return thing_count_id();
}

/* All people are, but not the staff. */
static bool all_alike(struct tx *tx)
{
    return !tx->principal.admin;
}

/* clang-format off */
static const struct listing listings[] = {{"newest", "name", &by_name, true, NULL}, {"newest", NULL, &by_newest, true, NULL}, {"oldest", NULL, &by_newest, false, NULL}, {0}};
static const struct command commands[] = {
    {.name = "create", .method = "POST", .path = "/things", .action = ACTION_CREATE, .who = USER | OPERATOR, .decide = thing_create, .doc = "makes"},
    {.name = "read", .method = "GET", .path = "/things/{id}", .action = ACTION_READ, .who = ANYONE, .steady = true, .doc = "reads"},
    {.name = "list", .method = "GET", .path = "/things", .action = ACTION_LIST, .who = ANYONE, .query = &query_fields, .listings = listings, .searches = true, .steady = true, .alike = all_alike, .doc = "lists"},
    {.name = "patch", .method = "PATCH", .path = "/things/{id}", .action = ACTION_PATCH, .who = USER, .event = &updated, .doc = "changes"},
    {.name = "open", .method = "POST", .path = "/things/{id}/open", .action = ACTION_COMMAND, .who = USER, .body = &reason_fields, .decide = thing_open, .outcome = thing_outcome, .doc = "opens"},
    {.name = "paid", .action = ACTION_COMMAND, .who = SYSTEM, .body = &answer_fields, .decide = thing_paid, .doc = "payment's answer"},
    {.name = "close", .action = ACTION_COMMAND, .who = SYSTEM, .doc = "closes by timer"},
    {.name = "delete", .method = "DELETE", .path = "/things/{id}", .action = ACTION_COMMAND, .who = USER, .status = 204, .doc = "deletes"},
    {.name = "restore", .method = "POST", .path = "/things/{id}/restore", .action = ACTION_COMMAND, .who = ADMIN, .doc = "restores"},
    {0}};
static const struct search_field searched_fields[] = {{"name", SEARCH_NAME}, {"tags", SEARCH_TAGS}, {"secret_note", SEARCH_STAFF}, {0}};
static const struct searched searched = {searched_fields, ~STATE(THING_DELETED)};
static const struct join joins[] = {{"count", &thing_count_kind, count_key, true, NULL}, {0}};
const struct kind thing_kind = {
    .number = 200, .name = "thing", .plural = "things", .doc = "a thing", .fields = &thing_fields, .machine = &machine, .events = events,
    .indexes = indexes, .commands = commands, .joins = joins, .searched = &searched, .slug = &by_slug, .patch_needs_version = true, .check = thing_check};

static const struct field count_rows[] = {
    ENTITY_ROW(thing_count),
    INTEGER(thing_count, 2, things, .doc = "made"),
    INTEGER(thing_count, 3, opened, .doc = "opened")};
static const struct fields count_fields = FIELDS("thing_count", struct thing_count, count_rows);
const struct kind thing_count_kind = {.number = 201, .name = "thing_count", .plural = "thing-counts", .doc = "count", .fields = &count_fields, .derived = true};

/* clang-format on */

struct id thing_count_id(void)
{
    return id_derived_text("count", ID_NONE, LITERAL("things"));
}

static void count_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &thing_kind) return;
    struct thing_count *count = edit_or_create(tx, &thing_count_kind, thing_count_id());
    if (!count) return;
    if (fact->event == &created) count->things++;
    if (fact->event == &opened) count->opened++;
}
static const struct follower count_follower = {"thing_count", "counts things", true, count_follow};

/* Who begins with 07 is logged in for two hours after the worlds begin. */
static enum error identify(struct tx *tx)
{
    const int64_t end = THING_LOGIN_ENDS_AT;
    holds_until(tx, tx->principal.user.bytes[0] == 0x07 ? end : INT64_MAX);
    if (tx->principal.user.bytes[0] == 0x07 && tx->now >= end)
        return fail(tx, ERROR_UNAUTHORIZED, "the login has ended");
    tx->principal.admin = tx->principal.user.bytes[0] == 0xAD;
    return OK;
}

static void pay(void *context, struct effect_call *call)
{
    (void)context;
    const struct pay_request *request = call->request;
    struct pay_answer *answer = call->answer;
    if (text_is(request->token, "tok_retry") && call->attempt < 3) {
        call->retry = true;
        return;
    }
    if (text_is(request->token, "tok_slow")) call->delay_ms = 15000;
    if (text_is(request->token, "tok_twice")) call->repeats = 1;
    answer->paid = !text_is(request->token, "tok_declined");
    answer->reference = call->key;
}

const struct provider thing_providers[] = {{"pay", pay, NULL}, {0}};
static const struct kind *const kinds[] = {&tenant_kind, &thing_kind, &thing_count_kind, &system_kind, NULL};
static const struct follower *const followers[] = {&count_follower, NULL};
static const struct effect_class *const effects[] = {&pay_class, NULL};
const struct registry thing_registry = {
    .kinds = kinds, .followers = followers, .effects = effects, .identify = identify, .tenant_kind = &tenant_kind};
