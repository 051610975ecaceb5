/* What the staff of a marketplace looks at first: what waits for its yes and since when, open reports, the orders of today by
   where they are now, and payments and refunds that somebody has to look into. Counters of one row, and one row for the orders
   of a day; a command that tells several facts of an entity is counted at the first. */
#include "actors/catalog/supplier.h"
#include "actors/community/post.h"
#include "actors/community/post_links.h"
#include "actors/promotion/promotion.h"
#include "actors/views/views.h"

struct overview {
    struct entity entity;
    int64_t suppliers, promotions, posts, open_reports, unknown_payments, failed_refunds;
};
struct order_day {
    struct entity entity;
    int32_t day;
    int64_t by_status[ORDER_COMPLETED]; /* as the rows below: pending first */
};

/* clang-format off */
static const struct field overview_rows[] = {
    ENTITY_ROW(overview),
    INTEGER(overview, 2, suppliers, .flags = READ_ONLY, .doc = "suppliers that wait to be verified"),
    INTEGER(overview, 3, promotions, .flags = READ_ONLY, .doc = "promotions that wait to be shown to all"),
    INTEGER(overview, 4, posts, .flags = READ_ONLY, .doc = "posts that wait to be shown to all"),
    INTEGER(overview, 5, open_reports, .flags = READ_ONLY, .doc = "reports nobody has resolved"),
    INTEGER(overview, 6, unknown_payments, .flags = READ_ONLY, .doc = "payments of which the provider says nothing"),
    INTEGER(overview, 7, failed_refunds, .flags = READ_ONLY, .doc = "refunds that failed"),
};
/* clang-format on */
static const struct fields overview_fields = FIELDS("overview", struct overview, overview_rows);

/* clang-format off */
#define STATUS_ROW(tag_, index_, name_, doc_)                                                                          \
    {.tag = (tag_), .type = FIELD_INTEGER, .name = (name_), .name_length = sizeof(name_) - 1, .size = sizeof(int64_t),     \
     .flags = READ_ONLY, .doc = (doc_),                                                                                    \
     .offset = offsetof(struct order_day, by_status) + ((index_) - 1) * sizeof(int64_t)}
static const struct field order_day_rows[] = {
    ENTITY_ROW(order_day),
    DATE(order_day, 2, day, .flags = READ_ONLY, .doc = "UTC day on which they were placed"),
    STATUS_ROW(3, ORDER_PENDING, "pending", "wait for payment"),
    STATUS_ROW(4, ORDER_CONFIRMED, "confirmed", "paid, not begun"),
    STATUS_ROW(5, ORDER_PROCESSING, "processing", "in work"),
    STATUS_ROW(6, ORDER_SHIPPED, "shipped", "on their way"),
    STATUS_ROW(7, ORDER_DELIVERED, "delivered", "arrived"),
    STATUS_ROW(8, ORDER_CANCELLED, "cancelled", "cancelled"),
    STATUS_ROW(9, ORDER_COMPLETED, "completed", "past their return window"),
};
/* clang-format on */
static const struct fields order_day_fields = FIELDS("order_day", struct order_day, order_day_rows);
static const struct fields orders_shown_fields = SHOWN_FIELDS("orders_of_day", struct order_day, order_day_rows);

static struct id overview_id(void)
{
    return id_derived_text("overview", ID_NONE, LITERAL("overview"));
}

static struct id order_day_id(int32_t day)
{
    char text[16];
    date_format(day, text);
    return id_derived_text("order_day", ID_NONE, text_of(text));
}

/* ---- following ---- */
static int64_t version_before(const struct fact *fact)
{
    return fact->before ? ((const struct entity *)fact->before)->version : 0;
}

static int64_t supplier_waits(const void *entity)
{
    const struct supplier *supplier = entity;
    return supplier && supplier->entity.status == SUPPLIER_SUBMITTED;
}

static int64_t promotion_waits(const void *entity)
{
    const struct promotion *promotion = entity;
    if (!promotion || promotion->entity.status != PROMOTION_PENDING_APPROVAL) return 0;
    const struct approval *approval = promotion_approval(promotion, TARGET_GLOBAL, ID_NONE);
    return approval && approval->decision == DECISION_PENDING;
}

static int64_t post_waits(const void *entity)
{
    const struct post *post = entity;
    return post && post->entity.status == POST_PUBLISHED && post->global.status == GLOBAL_REQUESTED;
}

static int64_t report_open(const void *entity)
{
    const struct report *report = entity;
    return report && report->entity.status == REPORT_OPEN;
}

static int64_t payment_unknown(const void *entity)
{
    const struct order *order = entity;
    return order && order->payment.attempt == ATTEMPT_UNKNOWN;
}

static int64_t refunds_failed(const void *entity)
{
    const struct order *order = entity;
    int64_t failed = 0;
    for (uint32_t i = 0; order && i < order->payment.refunds.count; i++)
        failed += order->payment.refunds.at[i].status == REFUND_FAILED;
    return failed;
}

static const struct counted {
    const struct kind *kind;
    int64_t (*of)(const void *entity); /* NULL: 0 */
    size_t counter;
} counted[] = {
    {&supplier_kind, supplier_waits, offsetof(struct overview, suppliers)},
    {&promotion_kind, promotion_waits, offsetof(struct overview, promotions)},
    {&post_kind, post_waits, offsetof(struct overview, posts)},
    {&report_kind, report_open, offsetof(struct overview, open_reports)},
    {&order_kind, payment_unknown, offsetof(struct overview, unknown_payments)},
    {&order_kind, refunds_failed, offsetof(struct overview, failed_refunds)},
};

static void order_follow(struct tx *tx, const struct order *before, const struct order *after)
{
    int64_t was = before ? before->entity.status : 0, is = after->entity.status;
    if (was == is) return;
    int32_t day = time_date(after->entity.created_at);
    struct order_day *row = edit_or_create(tx, &order_day_kind, order_day_id(day));
    if (!row) return;
    row->day = day;
    if (was) row->by_status[was - 1]--;
    if (is) row->by_status[is - 1]++;
}

static void overview_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->version != version_before(fact) + 1) return;
    for (unsigned i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        if (fact->kind != counted[i].kind) continue;
        int64_t change = counted[i].of(fact->after) - counted[i].of(fact->before);
        struct overview *row = change ? edit_or_create(tx, &overview_kind, overview_id()) : NULL;
        if (row) *(int64_t *)(void *)((char *)row + counted[i].counter) += change;
    }
    if (fact->kind == &order_kind) order_follow(tx, fact->before, fact->after);
}
/* clang-format off */
const struct follower overview_follower = {
    .name = "overview", .doc = "what staff looks at first", .view = true, .follow = overview_follow};
/* clang-format on */

/* ---- reading ---- */
struct waiting {
    int64_t count, oldest_at;
};
/* clang-format off */
static const struct field waiting_rows[] = {
    INTEGER(waiting, 1, count, .flags = READ_ONLY, .doc = "how many"),
    TIME(waiting, 2, oldest_at, .flags = READ_ONLY, .doc = "since when the oldest waits; null: none does"),
};
/* clang-format on */
static const struct fields waiting_fields = FIELDS("waiting", struct waiting, waiting_rows);

struct overview_shown {
    struct waiting suppliers, promotions, posts;
    int64_t open_reports, unknown_payments, failed_refunds;
    struct order_day orders_today;
};
/* clang-format off */
static const struct field shown_rows[] = {
    STRUCT(overview_shown, 1, suppliers, struct waiting, &waiting_fields, .flags = READ_ONLY, .doc = "wait to be verified"),
    STRUCT(overview_shown, 2, promotions, struct waiting, &waiting_fields, .flags = READ_ONLY, .doc = "wait to be shown to all"),
    STRUCT(overview_shown, 3, posts, struct waiting, &waiting_fields, .flags = READ_ONLY, .doc = "wait to be shown to all"),
    INTEGER(overview_shown, 4, open_reports, .flags = READ_ONLY, .doc = "reports nobody has resolved"),
    INTEGER(overview_shown, 5, unknown_payments, .flags = READ_ONLY, .doc = "payments of which the provider says nothing"),
    INTEGER(overview_shown, 6, failed_refunds, .flags = READ_ONLY, .doc = "refunds that failed"),
    STRUCT(overview_shown, 7, orders_today, struct order_day, &orders_shown_fields, .flags = READ_ONLY,
           .doc = "placed on this UTC day, by where they are now"),
};
/* clang-format on */
static const struct fields shown_fields = FIELDS("overview_answer", struct overview_shown, shown_rows);

static void staff_kind(struct key_writer *writer, int64_t kind)
{
    key_id(writer, ID_NONE);
    key_integer(writer, kind);
}

static struct waiting waiting(struct tx *tx, int64_t count, enum approval_item_kind kind)
{
    struct id id = find_first(tx, &approval_item_kind, &approvals_by_kind, staff_kind, kind);
    const struct approval_item *oldest = id_is_none(id) ? NULL : load(tx, &approval_item_kind, id);
    return (struct waiting){count, oldest ? oldest->requested_at : 0};
}

static enum error overview_read(struct tx *tx)
{
    static const struct overview nothing;
    int32_t today = time_date(tx->now);
    const struct overview *row = load(tx, &overview_kind, overview_id());
    const struct order_day *orders = load(tx, &order_day_kind, order_day_id(today));
    if (!row) row = &nothing;
    struct overview_shown *shown = ARENA_NEW(tx->arena, struct overview_shown);
    *shown = (struct overview_shown){.suppliers = waiting(tx, row->suppliers, APPROVAL_SUPPLIER),
                                     .promotions = waiting(tx, row->promotions, APPROVAL_PROMOTION),
                                     .posts = waiting(tx, row->posts, APPROVAL_POST),
                                     .open_reports = row->open_reports,
                                     .unknown_payments = row->unknown_payments,
                                     .failed_refunds = row->failed_refunds};
    if (orders) shown->orders_today = *orders;
    shown->orders_today.day = today;
    return answer(tx, 200, &shown_fields, shown);
}

/* clang-format off */
static const struct command overview_commands[] = {
    {"read", "GET", "/admin/overview", .action = ACTION_CALL, .who = ADMIN, .decide = overview_read, .reply = &shown_fields,
     .rate = RATE_READ, .doc = "what waits for staff, open reports, the orders of today, payments and refunds to look into"},
    {0}};

const struct kind overview_kind = {
    .number = 83, .name = "overview", .plural = "overviews", .doc = "what staff looks at first", .fields = &overview_fields,
    .commands = overview_commands, .derived = true};
const struct kind order_day_kind = {
    .number = 84, .name = "order_day", .plural = "order_days", .doc = "the orders placed on a day, by where they are now",
    .fields = &order_day_fields, .derived = true};
/* clang-format on */
