/* The deciders of the user's commands, by file; user.c holds their table. */
#pragma once
#include "actors/identity/identity.h"

struct register_body {
    struct text email, password, display_name;
    bool accept_terms;
    int32_t birth_date;
    struct text country;
};
struct email_body {
    struct text email;
};
struct new_email_body {
    struct text password, email;
};
struct token_body {
    struct text token;
};
struct reset_body {
    struct text token, password;
};
struct password_body {
    struct text current, new;
};
struct delete_body {
    struct text password;
};
struct admin_create_body {
    struct text email, password, display_name;
};
struct role_body {
    uint32_t role; /* of granted_roles */
    struct text reason;
};
struct permissions_body {
    bool may_post, may_comment, may_create_communities;
    int64_t max_communities;
    struct text reason;
};
struct users_query {
    enum user_status status;
    uint32_t role; /* of granted_roles */
    struct text q;
};
struct people_query {
    struct text q;
};
/* The answer of commands that must not tell whether an account exists. */
struct accepted {
    bool accepted;
};
enum { GRANT_CONSUMER = 1, GRANT_LEADER, GRANT_ADMIN };

/* account_bodies.c */
extern const struct fields register_fields, email_fields, new_email_fields, token_fields, reset_fields, password_fields,
    delete_fields, admin_create_fields, role_fields, permissions_body_fields, users_query_fields, people_query_fields,
    accepted_fields;

/* registration.c */
enum error user_register(struct tx *tx);
enum error user_verify(struct tx *tx);
enum error user_resend(struct tx *tx);
enum error user_forgot_password(struct tx *tx);
enum error user_reset_password(struct tx *tx);
enum error user_admin_create(struct tx *tx);
enum error user_email(struct tx *tx);
/* 400 with path birth_date unless it is a day of a living person. */
void birth_date_validate(struct tx *tx, int32_t birth_date);

/* account.c: what people do with their own account */
enum error user_patch(struct tx *tx);
enum error user_password(struct tx *tx);
enum error user_delete(struct tx *tx);
enum error user_expire(struct tx *tx);
enum error user_lapse(struct tx *tx);
enum error user_erase(struct tx *tx);
enum error user_forgotten(struct tx *tx);

/* staff.c: what admins do with the accounts of others */
enum error user_suspend(struct tx *tx);
enum error user_reinstate(struct tx *tx);
enum error user_admin_delete(struct tx *tx);
enum error user_restore(struct tx *tx);
enum error user_grant_role(struct tx *tx);
enum error user_revoke_role(struct tx *tx);
enum error user_permissions(struct tx *tx);
bool users_match(struct tx *tx, const void *entity);
bool people_match(struct tx *tx, const void *entity);
/* Keeps the number of active admins; LAST_ADMIN when the last one would go. */
enum error admins_count(struct tx *tx, bool was, bool is);
/* May this account go? Asks every area that needs its people: communities, suppliers, staff. */
enum error user_may_go(struct tx *tx, const struct user *user);

/* user.c */
extern const struct fields profile_fields;
extern const struct index user_by_email;
/* Data of user.created, user.profile_updated and user.restored. */
const struct user_event *user_event_of(struct tx *tx, const struct user *user, uint32_t status);
const struct user_reason_event *user_reason_event_of(struct tx *tx, const struct user *user, struct text reason);
extern const struct event user_password_changed, user_logins_ended, user_email_changed;
