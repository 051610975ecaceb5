/* A person with an account.

     – ─register→ pending ─verify→ active ⇄ suspended
     pending, active, suspended ─delete→ deleted ─restore→ the state before
     pending ─expire→ deleted ─erase→ deleted, with nothing personal left: 30 days later (lapse), or when staff says so

   Truths: an e-mail belongs to one account, also a deleted one, until it is erased; only verified accounts are active or
   suspended; an erased account has no e-mail, no password, no profile, and no key to what was sealed before. Suspending and deleting raise session_epoch,
   so every token of the person stops at once. There is always an active admin (staff.c counts them). */
#include "actors/identity/accounts.h"
#include "actors/identity/mail.h"

static const char *const user_status_names[] = {NULL, "pending", "active", "suspended", "deleted"};
static const char *const user_role_names[] = {NULL, "consumer", "leader"};
const struct enumeration user_statuses = ENUMERATION("user_status", user_status_names);
const struct enumeration user_roles = ENUMERATION("user_role", user_role_names);

/* clang-format off */
static const struct field business_rows[] = {
    TEXT(business, 1, name, .max = 120, .doc = "of the business"),
    TEXT(business, 2, website, .format = FORMAT_URL, .doc = "its site"),
    TEXT(business, 3, contact_email, .format = FORMAT_EMAIL, .max = 254, .sees = SELF | ADMIN,
         .doc = "where it is reached"),
    TEXT(business, 4, description, .format = FORMAT_LONG, .max = 1000, .doc = "what it does"),
};
/* clang-format on */
static const struct fields business_fields = FIELDS("business", struct business, business_rows);

/* clang-format off */
static const struct field profile_rows[] = {
    TEXT(profile, 1, display_name, .flags = REQUIRED, .min = 1, .max = 60, .doc = "name for others"),
    TEXT(profile, 2, avatar, .format = FORMAT_PICTURE, .doc = "picture"),
    TEXT(profile, 3, bio, .format = FORMAT_LONG, .max = 500, .doc = "about the person"),
    STRUCT(profile, 4, business, struct business, &business_fields, .doc = "of leaders"),
};
/* clang-format on */
const struct fields profile_fields = FIELDS("profile", struct profile, profile_rows);

/* clang-format off */
static const struct field permissions_rows[] = {
    BOOL(permissions, 1, may_post, .initial = 1, .doc = "may write posts"),
    BOOL(permissions, 2, may_comment, .initial = 1, .doc = "may write comments"),
    BOOL(permissions, 3, may_create_communities, .initial = 1, .doc = "may open communities, as a leader"),
    INTEGER(permissions, 4, max_communities, .initial = 3, .min = 0, .max = 1000, .doc = "live communities it may own"),
};
/* clang-format on */
static const struct fields permissions_fields = FIELDS("permissions", struct permissions, permissions_rows);

static const struct field preference_element = ELEMENT(FIELD_TEXT, struct text, .max = 1000);

#define ONESELF (SELF | ADMIN)
/* clang-format off */
static const struct field user_rows[] = {
    ENTITY_ROW(user),
    TEXT(user, 2, email, .format = FORMAT_EMAIL, .flags = READ_ONLY | PERSONAL, .sees = ONESELF,
         .doc = "for logging in and mail"),
    TEXT(user, 3, email_hash, .flags = READ_ONLY | SECRET | PERSONAL, .doc = "the unique key of the e-mail"),
    TEXT(user, 4, password_hash, .flags = READ_ONLY | SECRET | PERSONAL, .doc = "Argon2id"),
    ENUM(user, 5, role, &user_roles, .flags = READ_ONLY, .initial = ROLE_CONSUMER, .doc = "consumer or leader"),
    BOOL(user, 6, admin, .flags = READ_ONLY, .sees = ONESELF, .doc = "staff of the platform, beside the role"),
    STRUCT(user, 7, profile, struct profile, &profile_fields, .flags = PERSONAL, .changes = SELF,
           .doc = "what others are shown"),
    DATE(user, 8, birth_date, .flags = PERSONAL, .sees = ONESELF, .changes = ONESELF, .doc = "set once by the person"),
    TEXT(user, 9, country, .format = FORMAT_COUNTRY, .flags = PERSONAL, .sees = ONESELF, .changes = ONESELF,
         .doc = "where the person lives"),
    TEXT(user, 10, locale, .format = FORMAT_LOCALE, .sees = ONESELF, .changes = ONESELF, .doc = "language of mails"),
    TEXT(user, 11, time_zone, .format = FORMAT_TIME_ZONE, .sees = ONESELF, .changes = ONESELF,
         .doc = "for showing times"),
    MAP(user, 12, preferences, .element = &preference_element, .max = 50, .flags = PERSONAL, .sees = ONESELF,
        .changes = ONESELF, .doc = "whatever clients want to remember"),
    STRUCT(user, 13, permissions, struct permissions, &permissions_fields, .flags = READ_ONLY, .sees = ONESELF,
           .doc = "what the person may do"),
    INTEGER(user, 14, session_epoch, .flags = READ_ONLY | SECRET, .doc = "raised when all logins end"),
    TIME(user, 15, accepted_terms_at, .flags = READ_ONLY, .sees = ONESELF, .doc = "when the terms were accepted"),
    TIME(user, 16, verified_at, .flags = READ_ONLY, .sees = ONESELF, .doc = "when the e-mail was verified"),
    TIME(user, 17, erased_at, .flags = READ_ONLY, .sees = ADMIN, .doc = "when the personal part was destroyed"),
    TEXT(user, 18, reason, .format = FORMAT_LONG, .flags = READ_ONLY | PERSONAL, .max = 500, .sees = ADMIN,
         .doc = "of the last act of the staff"),
};
/* clang-format on */
static const struct fields user_fields = FIELDS("user", struct user, user_rows);

/* ---- events ---- */
/* clang-format off */
static const struct field user_event_rows[] = {
    ENUM(user_event, 1, role, &user_roles, .doc = "consumer or leader"),
    ENUM(user_event, 2, status, &user_statuses, .doc = "after the event"),
    TEXT(user_event, 3, display_name, .flags = PERSONAL, .max = 60, .doc = "name for others"),
    TEXT(user_event, 4, avatar, .format = FORMAT_PICTURE, .flags = PERSONAL, .doc = "picture"),
    TEXT(user_event, 5, bio, .format = FORMAT_LONG, .flags = PERSONAL, .max = 500, .doc = "about the person"),
};
/* clang-format on */
static const struct fields user_event_fields = FIELDS("user_event", struct user_event, user_event_rows);

/* clang-format off */
#define REASON_EVENT_ROWS(reason_flags)                                                                                      \
    ENUM(user_reason_event, 1, role, &user_roles, .doc = "consumer or leader"),                                              \
    BOOL(user_reason_event, 2, admin, .doc = "staff of the platform?"),                                                      \
    STRUCT(user_reason_event, 3, permissions, struct permissions, &permissions_fields, .doc = "what the person may do"),     \
    TEXT(user_reason_event, 4, reason, .format = FORMAT_LONG, .flags = (reason_flags), .max = 500, .doc = "why")
static const struct field user_reason_event_rows[] = {REASON_EVENT_ROWS(PERSONAL)};
static const struct fields user_reason_event_fields =
    FIELDS("user_reason_event", struct user_reason_event, user_reason_event_rows);
static const struct field user_erased_event_rows[] = {REASON_EVENT_ROWS(0)}; /* sealed, nobody could ever read it */
static const struct fields user_erased_event_fields =
    FIELDS("user_erased_event", struct user_reason_event, user_erased_event_rows);
/* clang-format on */

#define CARD   &user_event_fields
#define REASON &user_reason_event_fields
const struct event user_created = {1, "user.created", NULL, CARD, "a person registered"};
const struct event user_profile_updated = {2, "user.profile_updated", NULL, CARD, "the account changed"};
const struct event user_verified = {3, "user.verified", NULL, REASON, "the e-mail is the person's"};
const struct event user_suspended = {4, "user.suspended", NULL, REASON, "staff shut the person out"};
const struct event user_reinstated = {5, "user.reinstated", NULL, REASON, "staff let the person in again"};
const struct event user_deleted = {6, "user.deleted", NULL, REASON, "the account is closed"};
const struct event user_restored = {7, "user.restored", NULL, CARD, "the account is as before"};
const struct event user_erased = {8, "user.erased", NULL, &user_erased_event_fields, "nothing personal is left"};
const struct event user_role_granted = {9, "user.role_granted", NULL, REASON, "the person may do more"};
const struct event user_role_revoked = {10, "user.role_revoked", NULL, REASON, "the person may do less"};
const struct event user_permissions_updated = {11, "user.permissions_updated", NULL, REASON,
                                               "limits of the person changed"};
const struct event user_password_changed = {12, "user.password_changed", NULL, NULL,
                                            "a new password; all logins ended"};
const struct event user_logins_ended = {13, "user.logins_ended", NULL, NULL, "the person logged out everywhere"};
const struct event user_email_changed = {14, "user.email_changed", NULL, NULL, "the next address was proved"};
/* clang-format off */
static const struct event *const user_events[] = {
    &user_created, &user_profile_updated, &user_verified, &user_suspended, &user_reinstated, &user_deleted,
    &user_restored, &user_erased, &user_role_granted, &user_role_revoked, &user_permissions_updated,
    &user_password_changed, &user_logins_ended, &user_email_changed, NULL};
/* clang-format on */

const struct user_event *user_event_of(struct tx *tx, const struct user *user, uint32_t status)
{
    struct user_event *data = ARENA_NEW(tx->arena, struct user_event);
    *data = (struct user_event){.role = user->role,
                                .status = (enum user_status)status,
                                .display_name = user->profile.display_name,
                                .avatar = user->profile.avatar,
                                .bio = user->profile.bio};
    return data;
}

const struct user_reason_event *user_reason_event_of(struct tx *tx, const struct user *user, struct text reason)
{
    struct user_reason_event *data = ARENA_NEW(tx->arena, struct user_reason_event);
    *data = (struct user_reason_event){
        .role = user->role, .admin = user->admin, .permissions = user->permissions, .reason = reason};
    return data;
}

/* ---- machine ---- */
static bool not_erased(struct tx *tx, const void *entity)
{
    (void)tx;
    return !((const struct user *)entity)->erased_at;
}

#define UNDELETED (STATE(USER_PENDING) | STATE(USER_ACTIVE) | STATE(USER_SUSPENDED))
/* clang-format off */
static const struct transition user_machine_rows[] = {
    /* from                  command         to              event             guard */
    {FROM_NONE,             "register",     USER_PENDING,   &user_created},
    {FROM_NONE,             "admin_create", USER_ACTIVE,    &user_created},
    {STATE(USER_PENDING),   "verify",       USER_ACTIVE,    &user_verified},
    {STATE(USER_ACTIVE),    "suspend",      USER_SUSPENDED, &user_suspended},
    {STATE(USER_SUSPENDED), "reinstate",    USER_ACTIVE,    &user_reinstated},
    {STATE(USER_ACTIVE),    "delete",       USER_DELETED,   &user_deleted},
    {UNDELETED,             "admin_delete", USER_DELETED,   &user_deleted},
    {STATE(USER_PENDING),   "expire",       USER_DELETED,   &user_deleted},
    {STATE(USER_DELETED),   "restore",      TO_REMEMBERED,  &user_restored,   not_erased, "not erased"},
    {STATE(USER_DELETED),   "erase",        TO_SAME,        &user_erased,     not_erased, "not erased"},
};
/* clang-format on */
static const struct machine user_machine = MACHINE(&user_statuses, user_machine_rows);

/* ---- indexes ---- */
static void user_email_keys(const void *entity, struct key_writer *writer)
{
    const struct user *user = entity;
    if (!user->email_hash.data) return;
    key_begin(writer);
    key_text(writer, user->email_hash);
    key_end(writer);
}

static void user_created_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_integer(writer, ((const struct user *)entity)->entity.created_at);
    key_end(writer);
}

static void user_status_keys(const void *entity, struct key_writer *writer)
{
    const struct user *user = entity;
    key_begin(writer);
    key_integer(writer, user->entity.status);
    key_integer(writer, user->entity.created_at);
    key_end(writer);
}

/* clang-format off */
const struct index user_by_email = {
    .number = 1, .name = "email", .unique = true, .taken = ERROR_EMAIL_TAKEN, .path = "email",
    .keys = user_email_keys, .personal = true, .doc = "by keyed hash of the e-mail"};
static const struct index user_by_created = {
    .number = 2, .name = "created", .keys = user_created_keys, .doc = "by age"};
static const struct index user_by_status = {
    .number = 3, .name = "status", .keys = user_status_keys, .doc = "by state and age"};
/* clang-format on */
static const struct index *const user_indexes[] = {&user_by_email, &user_by_created, &user_by_status, NULL};

/* clang-format off */
static const struct listing user_listings[] = {
    {.sort = "newest", .filter = "status", .index = &user_by_status, .reverse = true},
    {.sort = "newest", .index = &user_by_created, .reverse = true},
    {0},
};
/* clang-format on */

/* Nobody but the staff finds a person by the e-mail. */
static const struct search_field searched_fields[] = {
    {"profile.display_name", SEARCH_NAME},
    {"profile.business.name", SEARCH_TAGS},
    {"profile.bio", SEARCH_BODY},
    {"profile.business.description", SEARCH_BODY},
    {"email", SEARCH_STAFF},
    {0},
};
static const struct searched user_searched = {searched_fields,
                                              STATE(USER_PENDING) | STATE(USER_ACTIVE) | STATE(USER_SUSPENDED)};

/* ---- who ---- */
static uint32_t user_relations(struct tx *tx, const void *entity)
{
    const struct user *user = entity;
    if (!user) return tx->principal.kind == PRINCIPAL_USER ? SELF : 0;
    /* whoever registers or brings the token of a mail is the person */
    bool proven = tx->command->action == ACTION_CALL && tx->principal.kind == PRINCIPAL_ANONYMOUS;
    return proven || id_equal(user->entity.id, tx->principal.user) ? SELF : 0;
}

/* An account that is not verified may be anybody's: others are not shown it. */
static bool user_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx;
    const struct user *user = entity;
    if (user->entity.status == USER_DELETED) return relations & (ADMIN | SYSTEM);
    return user->entity.status != USER_PENDING || relations & (SELF | ADMIN | SYSTEM);
}

bool user_is_erased(const void *entity)
{
    return ((const struct user *)entity)->erased_at != 0;
}

static const char *user_check(const void *entity)
{
    const struct user *user = entity;
    bool personal =
        user->email.data || user->email_hash.data || user->password_hash.data || user->profile.display_name.data;
    if (user->erased_at && personal) return "an erased user has nothing personal";
    if (user->erased_at && user->entity.status != USER_DELETED) return "an erased user is deleted";
    if (!user->erased_at && (!user->email.data || !user->email_hash.data)) return "a user has an e-mail";
    bool verified = user->entity.status == USER_ACTIVE || user->entity.status == USER_SUSPENDED;
    if (verified && !user->verified_at) return "an active or suspended user is verified";
    return NULL;
}

static struct id myself(struct tx *tx)
{
    return tx->principal.user;
}

static struct id own_id(const void *entity)
{
    return ((const struct user *)entity)->entity.id;
}

static struct id own_login_record(const void *entity)
{
    return login_record_id(((const struct user *)entity)->entity.id);
}

/* clang-format off */
static const struct join user_joins[] = {
    {.name = "stats", .kind = &user_statistics_kind, .key = own_id, .revision = true},
    {.name = "security", .kind = &login_record_kind, .key = own_login_record},
    {0},
};

#define CALL(name_, path_, fields_, decide_, status_, ...)                                                            \
    {(name_), "POST", (path_), NULL, ACTION_CALL, ANYONE, .body = (fields_), .decide = (decide_), .status = (status_),  \
     .rate = RATE_AUTH, __VA_ARGS__}
#define STAFF_COMMAND(name_, fields_, decide_, doc_)                                                                  \
    {(name_), "POST", "/admin/users/{id}/" name_, NULL, ACTION_COMMAND, ADMIN, .body = (fields_), .decide = (decide_),  \
     .doc = (doc_)}

static const struct command user_commands[] = {
    CALL("register", "/auth/register", &register_fields, user_register, 201,
         .extra = "verification_token", .doc = "opens an account, to be verified by mail"),
    CALL("verify", "/auth/verify", &token_fields, user_verify, 200, .doc = "proves the e-mail by the token sent there"),
    CALL("resend-verification", "/auth/resend-verification", &email_fields, user_resend, 202,
         .reply = &accepted_fields, .extra = "verification_token", .doc = "sends a new token; at most one a minute"),
    CALL("forgot-password", "/auth/forgot-password", &email_fields, user_forgot_password, 202,
         .reply = &accepted_fields, .extra = "reset_token", .doc = "sends a token that lets set a new password; at most one a minute"),
    CALL("reset-password", "/auth/reset-password", &reset_fields, user_reset_password, 204,
         .doc = "sets a new password; all logins end"),

    {"me", "GET", "/users/me", NULL, ACTION_READ, SELF, .target = myself, .doc = "the asker's account"},
    {"export", "GET", "/users/me/export", NULL, ACTION_READ, SELF, .target = myself, .decide = export_person,
     .produces = "application/json", .doc = "all that is the asker's, as one object; complete is false when it is too much for one"},
    {"patch", "PATCH", "/users/me", NULL, ACTION_PATCH, SELF, .target = myself, .event = &user_profile_updated,
     .decide = user_patch, .doc = "changes the asker's account"},
    {"delete", "DELETE", "/users/me", NULL, ACTION_COMMAND, SELF, .target = myself, .body = &delete_fields,
     .decide = user_delete, .doc = "closes the asker's account"},
    {"password", "POST", "/users/me/password", NULL, ACTION_COMMAND, SELF, .target = myself, .body = &password_fields,
     .event = &user_password_changed, .decide = user_password, .status = 204, .rate = RATE_AUTH,
     .doc = "sets a new password; all logins end"},
    {"email", "POST", "/users/me/email", NULL, ACTION_COMMAND, SELF, .target = myself, .body = &new_email_fields,
     .decide = user_email, .status = 202, .rate = RATE_AUTH, .reply = &accepted_fields, .extra = "verification_token",
     .doc = "sends a token to another address, which counts once it comes back to auth/verify"},
    {"read", "GET", "/users/{id}", NULL, ACTION_READ, ANYONE, .steady = true, .doc = "a person as others see it"},

    {"list", "GET", "/admin/users", NULL, ACTION_LIST, ADMIN, .query = &users_query_fields, .listings = user_listings,
     .matches = users_match, .searches = true, .doc = "all people, newest first"},
    {"search", "GET", "/users", NULL, ACTION_LIST, ANYONE, .query = &people_query_fields, .matches = people_match,
     .searches = true, .rate = RATE_READ, .doc = "active people whom these words name, as others see them"},
    {"admin_create", "POST", "/admin/users", NULL, ACTION_CALL, OPERATOR, .body = &admin_create_fields,
     .decide = user_admin_create, .status = 201, .doc = "makes an admin: the first one, at installation"},
    {"admin_read", "GET", "/admin/users/{id}", NULL, ACTION_READ, ADMIN, .doc = "a person as staff sees it"},
    {"admin_delete", "DELETE", "/admin/users/{id}", NULL, ACTION_COMMAND, ADMIN, .body = &reason_fields,
     .decide = user_admin_delete, .doc = "closes an account"},
    STAFF_COMMAND("suspend", &reason_fields, user_suspend, "shuts a person out; all logins end"),
    STAFF_COMMAND("reinstate", &reason_fields, user_reinstate, "lets a person in again"),
    STAFF_COMMAND("restore", &reason_fields, user_restore, "brings a closed account back"),
    {"erase", "POST", "/admin/users/{id}/erase", NULL, ACTION_COMMAND, ADMIN | SYSTEM, .body = &reason_fields,
     .decide = user_erase, .status = 204, .doc = "destroys all that is personal of a closed account, for ever"},
    STAFF_COMMAND("grant-role", &role_fields, user_grant_role, "makes a person leader or admin"),
    STAFF_COMMAND("revoke-role", &role_fields, user_revoke_role, "takes that back"),
    {"permissions", "PATCH", "/admin/users/{id}/permissions", NULL, ACTION_COMMAND, ADMIN,
     .body = &permissions_body_fields, .event = &user_permissions_updated, .decide = user_permissions,
     .doc = "changes a person's limits"},

    {"expire", .action = ACTION_COMMAND, .who = SYSTEM, .decide = user_expire, .doc = "nobody verified it in time"},
    {"forgotten", .action = ACTION_COMMAND, .who = SYSTEM, .decide = user_forgotten,
     .doc = "the key was destroyed after this data was backed up"},
    {"lapse", .action = ACTION_COMMAND, .who = SYSTEM, .decide = user_lapse, .doc = "it was not restored in time"},
    {0},
};

const struct kind user_kind = {
    .number = 2,
    .name = "user",
    .plural = "users",
    .doc = "a person with an account",
    .fields = &user_fields,
    .machine = &user_machine,
    .events = user_events,
    .indexes = user_indexes,
    .commands = user_commands,
    .joins = user_joins,
    .searched = &user_searched,
    .patch_needs_version = true,
    .relations = user_relations,
    .visible = user_visible,
    .check = user_check,
};
/* clang-format on */
