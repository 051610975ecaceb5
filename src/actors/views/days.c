/* Two analytics by UTC day. The life of accounts: what happened on that day. The order funnel: what became of the orders
   created on that day, however late, so that no rate exceeds the whole. */
#include "actors/identity/identity.h"
#include "actors/views/views.h"

static struct id day_id(const char *purpose, int32_t day)
{
    char text[16];
    date_format(day, text);
    return id_derived_text(purpose, ID_NONE, text_of(text));
}

static void by_day(struct key_writer *writer, int32_t day)
{
    key_begin(writer);
    key_integer(writer, day);
    key_end(writer);
}

/* ---- lifecycle ---- */
/* clang-format off */
static const struct field lifecycle_day_rows[] = {
    ENTITY_ROW(lifecycle_day),
    DATE(lifecycle_day,    2, day, .flags = READ_ONLY, .doc = "UTC day"),
    INTEGER(lifecycle_day, 3, registrations, .flags = READ_ONLY, .doc = "accounts made"),
    INTEGER(lifecycle_day, 4, verifications, .flags = READ_ONLY, .doc = "accounts verified"),
    INTEGER(lifecycle_day, 5, suspensions, .flags = READ_ONLY, .doc = "accounts suspended"),
    INTEGER(lifecycle_day, 6, reinstatements, .flags = READ_ONLY, .doc = "accounts reinstated"),
    INTEGER(lifecycle_day, 7, deletions, .flags = READ_ONLY, .doc = "accounts deleted"),
    INTEGER(lifecycle_day, 8, logins, .flags = READ_ONLY, .doc = "logins"),
    INTEGER(lifecycle_day, 9, failed_logins, .flags = READ_ONLY, .doc = "logins refused"),
    INTEGER(lifecycle_day, 10, unique_logins, .flags = READ_ONLY, .doc = "people who logged in"),
};
/* clang-format on */
static const struct fields lifecycle_day_fields = FIELDS("lifecycle_day", struct lifecycle_day, lifecycle_day_rows);
static const struct fields lifecycle_shown_fields = SHOWN_FIELDS("lifecycle", struct lifecycle_day, lifecycle_day_rows);

static struct id lifecycle_id(int32_t day)
{
    return day_id("lifecycle_day", day);
}

static struct lifecycle_day *lifecycle_row(struct tx *tx, int64_t time)
{
    int32_t day = time_date(time);
    struct lifecycle_day *row = edit_or_create(tx, &lifecycle_day_kind, lifecycle_id(day));
    if (row) row->day = day;
    return row;
}

static void lifecycle_follow(struct tx *tx, const struct fact *fact)
{
    static const struct {
        const struct event *event;
        size_t counter;
    } counted[] = {
        {&user_created, offsetof(struct lifecycle_day, registrations)},
        {&user_verified, offsetof(struct lifecycle_day, verifications)},
        {&user_suspended, offsetof(struct lifecycle_day, suspensions)},
        {&user_reinstated, offsetof(struct lifecycle_day, reinstatements)},
        {&user_deleted, offsetof(struct lifecycle_day, deletions)},
        {&user_logged_in, offsetof(struct lifecycle_day, logins)},
        {&user_login_failed, offsetof(struct lifecycle_day, failed_logins)},
    };
    if (fact->kind != &user_kind && fact->kind != &login_record_kind) return;
    for (unsigned i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        if (fact->event != counted[i].event) continue;
        struct lifecycle_day *row = lifecycle_row(tx, fact->time);
        if (row) ++*(int64_t *)(void *)((char *)row + counted[i].counter);
        const struct user_login_event *login = fact->event == &user_logged_in ? fact->data : NULL;
        if (row && login && login->first_of_day) row->unique_logins++;
    }
}
/* clang-format off */
const struct follower lifecycle_follower = {
    .name = "analytics_user_lifecycle", .doc = "accounts and logins by day", .view = true, .follow = lifecycle_follow};
/* clang-format on */

static void lifecycle_keys(const void *entity, struct key_writer *writer)
{
    by_day(writer, ((const struct lifecycle_day *)entity)->day);
}
static const struct index lifecycle_index = {.number = 1, .name = "day", .keys = lifecycle_keys, .doc = "by day"};
static const struct index *const lifecycle_indexes[] = {&lifecycle_index, NULL};
static const struct listing lifecycle_listings[] = {{"oldest", NULL, &lifecycle_index}, {0}};

static enum error lifecycle_read(struct tx *tx)
{
    enum error error = day_range_take(tx, sizeof(struct day_range));
    return error ? error : days_answer(tx, &lifecycle_day_kind, lifecycle_id, NULL);
}
/* clang-format off */
static const struct command lifecycle_commands[] = {
    {"read", "GET", "/admin/analytics/user-lifecycle", .action = ACTION_LIST, .who = ADMIN, .query = &day_range_fields,
     .reply = &lifecycle_shown_fields,
     .decide = lifecycle_read, .listings = lifecycle_listings, .rate = RATE_READ, .doc = "Accounts and logins by UTC day, oldest first."},
    {0}};

const struct kind lifecycle_day_kind = {
    .number = 81, .name = "lifecycle_day", .plural = "lifecycle_days", .doc = "accounts and logins of a day",
    .fields = &lifecycle_day_fields, .indexes = lifecycle_indexes, .commands = lifecycle_commands, .derived = true};
/* clang-format on */

/* ---- funnel ---- */
/* clang-format off */
static const struct field funnel_day_rows[] = {
    ENTITY_ROW(funnel_day),
    DATE(funnel_day,    2, day, .flags = READ_ONLY, .doc = "UTC day on which the orders were created"),
    INTEGER(funnel_day, 3, created, .flags = READ_ONLY, .doc = "orders created"),
    INTEGER(funnel_day, 4, payment_succeeded, .flags = READ_ONLY, .doc = "of them paid"),
    INTEGER(funnel_day, 5, confirmed, .flags = READ_ONLY, .doc = "of them confirmed"),
    INTEGER(funnel_day, 6, shipped, .flags = READ_ONLY, .doc = "of them shipped"),
    INTEGER(funnel_day, 7, delivered, .flags = READ_ONLY, .doc = "of them delivered"),
    INTEGER(funnel_day, 8, cancelled, .flags = READ_ONLY, .doc = "of them cancelled"),
};
/* clang-format on */
static const struct fields funnel_day_fields = FIELDS("funnel_day", struct funnel_day, funnel_day_rows);

/* What is answered: the row with its rates. */
struct funnel_shown {
    int32_t day;
    int64_t created, payment_succeeded, confirmed, shipped, delivered, cancelled;
    int64_t payment_rate_bp, confirmation_rate_bp, shipping_rate_bp, delivery_rate_bp, overall_rate_bp;
};
#define RATE(tag_, member_, doc_) \
    BASIS_POINTS(funnel_shown, tag_, member_, .flags = READ_ONLY | OPTIONAL, .doc = (doc_))
/* clang-format off */
static const struct field funnel_shown_rows[] = {
    DATE(funnel_shown,    1, day, .flags = READ_ONLY, .doc = "UTC day"),
    INTEGER(funnel_shown, 2, created, .flags = READ_ONLY, .doc = "orders created"),
    INTEGER(funnel_shown, 3, payment_succeeded, .flags = READ_ONLY, .doc = "of them paid"),
    INTEGER(funnel_shown, 4, confirmed, .flags = READ_ONLY, .doc = "of them confirmed"),
    INTEGER(funnel_shown, 5, shipped, .flags = READ_ONLY, .doc = "of them shipped"),
    INTEGER(funnel_shown, 6, delivered, .flags = READ_ONLY, .doc = "of them delivered"),
    INTEGER(funnel_shown, 7, cancelled, .flags = READ_ONLY, .doc = "of them cancelled"),
    RATE(8, payment_rate_bp, "paid of created; null: none was created"),
    RATE(9, confirmation_rate_bp, "confirmed of paid"),
    RATE(10, shipping_rate_bp, "shipped of confirmed"),
    RATE(11, delivery_rate_bp, "delivered of shipped"),
    RATE(12, overall_rate_bp, "delivered of created"),
};
/* clang-format on */
static const struct fields funnel_shown_fields = FIELDS("order_funnel", struct funnel_shown, funnel_shown_rows);

static struct id funnel_id(int32_t day)
{
    return day_id("funnel_day", day);
}

static void funnel_follow(struct tx *tx, const struct fact *fact)
{
    static const struct {
        const struct event *event;
        size_t counter;
    } counted[] = {
        {&order_created, offsetof(struct funnel_day, created)},
        {&order_payment_succeeded, offsetof(struct funnel_day, payment_succeeded)},
        {&order_confirmed, offsetof(struct funnel_day, confirmed)},
        {&order_shipped, offsetof(struct funnel_day, shipped)},
        {&order_delivered, offsetof(struct funnel_day, delivered)},
        {&order_cancelled, offsetof(struct funnel_day, cancelled)},
    };
    if (fact->kind != &order_kind) return;
    const struct order *order = fact->after;
    int32_t day = time_date(order->entity.created_at);
    for (unsigned i = 0; i < sizeof counted / sizeof counted[0]; i++) {
        if (fact->event != counted[i].event) continue;
        struct funnel_day *row = edit_or_create(tx, &funnel_day_kind, funnel_id(day));
        if (!row) return;
        row->day = day;
        ++*(int64_t *)(void *)((char *)row + counted[i].counter);
    }
}
/* clang-format off */
const struct follower funnel_follower = {
    .name = "analytics_order_funnel", .doc = "what became of the orders of a day", .view = true, .follow = funnel_follow};
/* clang-format on */

static void funnel_keys(const void *entity, struct key_writer *writer)
{
    by_day(writer, ((const struct funnel_day *)entity)->day);
}
static const struct index funnel_index = {.number = 1, .name = "day", .keys = funnel_keys, .doc = "by day"};
static const struct index *const funnel_indexes[] = {&funnel_index, NULL};
static const struct listing funnel_listings[] = {{"oldest", NULL, &funnel_index}, {0}};

/* In basis points, half up; of nothing there is no rate. */
static void add_rate(struct buffer *json, const char *name, int64_t part, int64_t whole)
{
    if (whole)
        buffer_format(json, ",\"%s\":%lld", name, (long long)half_up((__int128)part * BASIS_POINTS_ONE, whole));
    else
        buffer_format(json, ",\"%s\":null", name);
}

static void funnel_rates(struct buffer *json, const void *row)
{
    const struct funnel_day *day = row;
    add_rate(json, "payment_rate_bp", day->payment_succeeded, day->created);
    add_rate(json, "confirmation_rate_bp", day->confirmed, day->payment_succeeded);
    add_rate(json, "shipping_rate_bp", day->shipped, day->confirmed);
    add_rate(json, "delivery_rate_bp", day->delivered, day->shipped);
    add_rate(json, "overall_rate_bp", day->delivered, day->created);
}

static enum error funnel_read(struct tx *tx)
{
    enum error error = day_range_take(tx, sizeof(struct day_range));
    return error ? error : days_answer(tx, &funnel_day_kind, funnel_id, funnel_rates);
}
/* clang-format off */
static const struct command funnel_commands[] = {
    {"read", "GET", "/admin/analytics/order-funnel", .action = ACTION_LIST, .who = ADMIN, .query = &day_range_fields, .decide = funnel_read,
     .reply = &funnel_shown_fields, .listings = funnel_listings, .rate = RATE_READ, .doc = "Orders by the UTC day they were created on, how far they came, and rates in basis points."},
    {0}};

const struct kind funnel_day_kind = {
    .number = 82, .name = "funnel_day", .plural = "funnel_days", .doc = "what became of the orders of a day",
    .fields = &funnel_day_fields, .indexes = funnel_indexes, .commands = funnel_commands, .derived = true};
/* clang-format on */
