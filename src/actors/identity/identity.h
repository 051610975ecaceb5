/* People: who they are, how they prove it, what they may do. */
#pragma once
#include "actors/identity/tenant.h"
#include "actors/runtime/tx.h"

enum user_status { USER_PENDING = 1, USER_ACTIVE, USER_SUSPENDED, USER_DELETED };
enum user_role { ROLE_CONSUMER = 1, ROLE_LEADER };

extern const struct enumeration user_statuses, user_roles;

struct business {
    struct text name, website, contact_email, description;
};

struct profile {
    struct text display_name, avatar, bio;
    struct business business; /* of leaders */
};

struct permissions {
    bool may_post, may_comment, may_create_communities;
    int64_t max_communities;
};

struct user {
    struct entity entity;
    struct text email;      /* absent once erased */
    struct text email_hash; /* keyed hash of it: the unique key */
    struct text password_hash;
    enum user_role role;
    bool admin;
    struct profile profile;
    int32_t birth_date;
    struct text country, locale, time_zone;
    LIST_OF(struct text_pair) preferences;
    struct permissions permissions;
    int64_t session_epoch; /* raised when all logins end */
    int64_t accepted_terms_at, verified_at, erased_at;
    struct text reason; /* of the last act of the staff */
};

/* Data of user.created, user.profile_updated, user.restored: what a user card shows. */
struct user_event {
    enum user_role role;
    enum user_status status;
    struct text display_name, avatar, bio;
};
/* Data of the other events of a user. */
struct user_reason_event {
    enum user_role role;
    bool admin;
    struct permissions permissions;
    struct text reason;
};
/* Data of user.logged_in (entity: login record, subject: the user). */
struct user_login_event {
    struct id user_id;
    bool first_of_day; /* the user's first login of this UTC day */
};

/* One for a user and an address (failures from there), and one for a user alone (last login, all failures). */
struct login_record {
    struct entity entity;
    struct id user_id;
    struct text address_hash; /* absent in the record of the user alone */
    int64_t last_login_at;
    struct text last_login_ip;
    int64_t failed_attempts; /* since the last success */
    int64_t last_failed_at;
    int64_t locked_until;
    int64_t mailed_at; /* last mail with a token: one a minute */
};

/* A login and the refresh tokens that came of it, one after the other. */
struct session {
    struct entity entity;
    struct id user_id;
    int64_t epoch;      /* the user's at login: another one ends it */
    int64_t generation; /* of the refresh token that is valid now */
    struct text seed;   /* random; with the server's key it makes the tokens */
    int64_t expires_at, ended_at;
};

/* Joined into the user as `stats`; id is the user's. */
struct user_statistics {
    struct entity entity;
    int64_t follower_count, following_count, community_count, post_count;
    int64_t total_orders;
    struct money total_spent;
    int64_t blocked_count;
};

/* What others are shown of a person; id is the user's. There is none while the person is pending or deleted. */
struct user_card {
    struct entity entity;
    struct id user_id;
    struct text display_name, avatar, bio;
    enum user_role role;
    int64_t follower_count, following_count;
};

extern const struct kind user_kind, login_record_kind, session_kind, email_token_kind, user_statistics_kind,
    user_card_kind, admin_count_kind;
extern const struct event user_created, user_profile_updated, user_verified, user_suspended, user_reinstated,
    user_deleted, user_restored, user_erased, user_role_granted, user_role_revoked, user_permissions_updated;
extern const struct event user_logged_in, user_login_failed, user_locked; /* of login_record_kind */

/* Rendered for a deleted or unknown person wherever a card is joined. */
bool user_is_erased(const void *entity);
#define ERASED_NAME           "deleted user"
#define USER_CARD_PLACEHOLDER "{\"user_id\":null,\"display_name\":\"" ERASED_NAME "\",\"avatar\":null}"

extern const struct kind *const identity_kinds[];
extern const struct follower *const identity_followers[];
extern const struct effect_class *const identity_effects[];

/* The runtime's `identify`: is the session of the token live and its user active? */
enum error identity_identify(struct tx *tx);
/* The user who asks; NULL when it is not a user. */
const struct user *principal_user(struct tx *tx);
bool user_is_active(const struct user *user);
/* Id of the login record of a user alone. */
struct id login_record_id(struct id user_id);
/* Verifies the asking user's password: OK, PENDING, or 403 with path `password`. */
enum error password_confirm(struct tx *tx, struct text password);
