/* Counting failed logins, so that guessing is slow and strangers cannot shut an owner out.

   For an account and an address: after `auth.lock_after` failures in a row that address is locked for `auth.lock_time`,
   and each further failure locks it again. For an account alone, over all addresses: from twice as many failures on,
   addresses from which nobody ever logged in wait a growing time between attempts, half a minute at most. An address
   that is locked counts no more, so one stranger alone never slows others. A success resets; so does a day of quiet. */
#include "actors/identity/login_record.h"

enum { FAILURES_KNOWN_MOST = 1000 };

/* clang-format off */
static const struct field login_record_rows[] = {
    ENTITY_ROW(login_record),
    ID(login_record, 2, user_id, .flags = READ_ONLY, .sees = SELF | ADMIN, .refers = "user", .doc = "whose account"),
    TEXT(login_record, 3, address_hash, .flags = READ_ONLY | SECRET | PERSONAL,
         .doc = "keyed hash of the address; absent: all addresses"),
    TIME(login_record, 4, last_login_at, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "last success"),
    TEXT(login_record, 5, last_login_ip, .flags = READ_ONLY | PERSONAL, .max = 64, .sees = SELF | ADMIN,
         .doc = "where it came from"),
    INTEGER(login_record, 6, failed_attempts, .flags = READ_ONLY, .sees = ADMIN, .doc = "since the last success"),
    TIME(login_record, 7, last_failed_at, .flags = READ_ONLY, .sees = ADMIN, .doc = "last failure"),
    TIME(login_record, 8, locked_until, .flags = READ_ONLY, .sees = ADMIN, .doc = "of the last lock, for one address"),
    TIME(login_record, 9, mailed_at, .flags = READ_ONLY, .sees = ADMIN, .doc = "last mail with a token"),
};
/* clang-format on */
static const struct fields login_record_fields = FIELDS("login_record", struct login_record, login_record_rows);

/* clang-format off */
static const struct field user_login_event_rows[] = {
    ID(user_login_event, 1, user_id, .refers = "user", .doc = "who logged in"),
    BOOL(user_login_event, 2, first_of_day, .doc = "the person's first login of this UTC day"),
};
static const struct fields user_login_event_fields =
    FIELDS("user_login_event", struct user_login_event, user_login_event_rows);
/* clang-format on */

static const uint16_t login_carried[] = {2, 0};
const struct event user_logged_in = {1, "user.logged_in", NULL, &user_login_event_fields, "a login succeeded"};
const struct event user_login_failed = {2, "user.login_failed", login_carried, NULL, "a login failed"};
const struct event user_locked = {3, "user.locked", login_carried, NULL, "an address is locked for the account"};
static const struct event *const login_record_events[] = {&user_logged_in, &user_login_failed, &user_locked, NULL};

static struct id login_record_user(const void *entity)
{
    return ((const struct login_record *)entity)->user_id;
}

/* clang-format off */
const struct kind login_record_kind = {
    .number = 4,
    .name = "login_record",
    .plural = "login_records",
    .doc = "logins and failed logins of an account",
    .fields = &login_record_fields,
    .events = login_record_events,
    .quiet = true,
    .subject = login_record_user,
    .event_subject = login_record_user,
    .subject_kind = "user",
};
/* clang-format on */

struct id login_record_id(struct id user_id)
{
    return id_derived("login_record", user_id, ID_NONE);
}

/* Under the person's key: there are so few addresses that any other hash of one could be tried out. */
static struct text address_hash(struct tx *tx, struct id user_id)
{
    return keyed_hash_of(tx, user_id, "address", tx->address);
}

static struct id address_record_id(struct tx *tx, struct id user_id)
{
    return id_derived_text("login_record", user_id, address_hash(tx, user_id));
}

static bool forgotten(const struct tx *tx, const struct login_record *record)
{
    return record->last_failed_at + DAYS(1) < tx->now;
}

struct login_record *login_record_edit(struct tx *tx, struct id user_id)
{
    struct login_record *record = edit_or_create(tx, &login_record_kind, login_record_id(user_id));
    if (record) record->user_id = user_id;
    return record;
}

static struct login_record *address_record_edit(struct tx *tx, struct id user_id)
{
    struct login_record *record = edit_or_create(tx, &login_record_kind, address_record_id(tx, user_id));
    if (!record) return NULL;
    record->user_id = user_id;
    record->address_hash = address_hash(tx, user_id);
    return record;
}

/* 1 s, doubled with each failure, at most half a minute. */
static int64_t account_delay(const struct tx *tx, const struct login_record *account)
{
    int64_t beyond = account->failed_attempts - 2 * setting(tx, "auth.lock_after");
    if (beyond < 0 || forgotten(tx, account)) return 0;
    return beyond >= 5 ? SECONDS(30) : SECONDS(1) << beyond;
}

bool login_held(struct tx *tx, struct id user_id)
{
    const struct login_record *address = load(tx, &login_record_kind, address_record_id(tx, user_id));
    if (address && address->locked_until > tx->now) return true;
    if (address && address->last_login_at) return false;
    const struct login_record *account = load(tx, &login_record_kind, login_record_id(user_id));
    return account && tx->now < account->last_failed_at + account_delay(tx, account);
}

static void count_failure(const struct tx *tx, struct login_record *record)
{
    if (forgotten(tx, record)) record->failed_attempts = 0;
    if (record->failed_attempts < FAILURES_KNOWN_MOST) record->failed_attempts++;
    record->last_failed_at = tx->now;
}

void login_failed(struct tx *tx, struct id user_id)
{
    struct login_record *account = login_record_edit(tx, user_id), *address = address_record_edit(tx, user_id);
    if (!account || !address) return;
    count_failure(tx, account);
    count_failure(tx, address);
    emit(tx, address, &login_record_kind, &user_login_failed, NULL);
    if (address->failed_attempts < setting(tx, "auth.lock_after")) return;
    address->locked_until = account->locked_until = tx->now + setting(tx, "auth.lock_time");
    emit(tx, address, &login_record_kind, &user_locked, NULL);
}

void login_succeeded(struct tx *tx, struct id user_id)
{
    struct login_record *account = login_record_edit(tx, user_id), *address = address_record_edit(tx, user_id);
    if (!account || !address) return;
    bool first_of_day = time_date(account->last_login_at) != time_date(tx->now);
    struct user_login_event data = {.user_id = user_id, .first_of_day = first_of_day};
    account->failed_attempts = address->failed_attempts = 0;
    account->locked_until = address->locked_until = 0;
    account->last_login_at = address->last_login_at = tx->now;
    account->last_login_ip = tx->address;
    emit(tx, account, &login_record_kind, &user_logged_in, &data);
}
