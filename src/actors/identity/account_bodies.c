/* What clients send about accounts. */
#include "actors/identity/accounts.h"

#define PASSWORD_LIMITS .format = FORMAT_PASSWORD, .min = 8, .max = 256

/* clang-format off */
static const struct field register_rows[] = {
    TEXT(register_body, 1, email, .format = FORMAT_EMAIL, .flags = REQUIRED, .max = 254,
         .doc = "where the verification goes"),
    TEXT(register_body, 2, password, PASSWORD_LIMITS, .flags = REQUIRED, .doc = "8 to 256 bytes, any of them"),
    TEXT(register_body, 3, display_name, .flags = REQUIRED, .min = 1, .max = 60, .doc = "name for others"),
    BOOL(register_body, 4, accept_terms, .flags = REQUIRED, .doc = "true: the terms are accepted"),
    DATE(register_body, 5, birth_date, .doc = "communities may ask for an age"),
    TEXT(register_body, 6, country, .format = FORMAT_COUNTRY, .doc = "communities may ask for a country"),
};
/* clang-format on */
const struct fields register_fields = FIELDS("register", struct register_body, register_rows);

/* clang-format off */
static const struct field email_rows[] = {
    TEXT(email_body, 1, email, .format = FORMAT_EMAIL, .flags = REQUIRED, .max = 254, .doc = "of the account"),
};
/* clang-format on */
const struct fields email_fields = FIELDS("email", struct email_body, email_rows);

/* clang-format off */
static const struct field new_email_rows[] = {
    TEXT(new_email_body, 1, password, .format = FORMAT_PASSWORD, .min = 1, .max = 256,
         .doc = "not needed within 5 minutes of the login"),
    TEXT(new_email_body, 2, email, .format = FORMAT_EMAIL, .flags = REQUIRED, .max = 254, .doc = "the next address"),
};
/* clang-format on */
const struct fields new_email_fields = FIELDS("change_email", struct new_email_body, new_email_rows);

/* clang-format off */
static const struct field token_rows[] = {
    TEXT(token_body, 1, token, .flags = REQUIRED, .min = 1, .max = 200, .doc = "from the mail"),
};
/* clang-format on */
const struct fields token_fields = FIELDS("token", struct token_body, token_rows);

/* clang-format off */
static const struct field reset_rows[] = {
    TEXT(reset_body, 1, token, .flags = REQUIRED, .min = 1, .max = 200, .doc = "from the mail"),
    TEXT(reset_body, 2, password, PASSWORD_LIMITS, .flags = REQUIRED, .doc = "the new one"),
};
/* clang-format on */
const struct fields reset_fields = FIELDS("reset_password", struct reset_body, reset_rows);

/* clang-format off */
static const struct field password_rows[] = {
    TEXT(password_body, 1, current, .format = FORMAT_PASSWORD, .flags = REQUIRED, .min = 1, .max = 256,
         .doc = "the present password"),
    TEXT(password_body, 2, new, PASSWORD_LIMITS, .flags = REQUIRED, .doc = "the next one"),
};
/* clang-format on */
const struct fields password_fields = FIELDS("change_password", struct password_body, password_rows);

/* clang-format off */
static const struct field delete_rows[] = {
    TEXT(delete_body, 1, password, .format = FORMAT_PASSWORD, .min = 1, .max = 256,
         .doc = "not needed within 5 minutes of the login"),
};
/* clang-format on */
const struct fields delete_fields = FIELDS("delete_account", struct delete_body, delete_rows);

/* clang-format off */
static const struct field admin_create_rows[] = {
    TEXT(admin_create_body, 1, email, .format = FORMAT_EMAIL, .flags = REQUIRED, .max = 254,
         .doc = "address of the admin"),
    TEXT(admin_create_body, 2, password, PASSWORD_LIMITS, .flags = REQUIRED, .doc = "8 to 256 bytes"),
    TEXT(admin_create_body, 3, display_name, .min = 1, .max = 60, .doc = "name for others; absent: Admin"),
};
/* clang-format on */
const struct fields admin_create_fields = FIELDS("create_admin", struct admin_create_body, admin_create_rows);

static const char *const granted_role_names[] = {NULL, "consumer", "leader", "admin"};
static const struct enumeration granted_roles = ENUMERATION("granted_role", granted_role_names);

/* clang-format off */
static const struct field role_rows[] = {
    ENUM(role_body, 1, role, &granted_roles, .flags = REQUIRED, .doc = "consumer, leader or admin"),
    TEXT(role_body, 2, reason, .format = FORMAT_LONG, .flags = REQUIRED, .min = 1, .max = 500,
         .doc = "why; kept in the history"),
};
/* clang-format on */
const struct fields role_fields = FIELDS("role", struct role_body, role_rows);

/* clang-format off */
static const struct field permissions_body_rows[] = {
    BOOL(permissions_body, 1, may_post, .flags = KEPT, .doc = "may write posts"),
    BOOL(permissions_body, 2, may_comment, .flags = KEPT, .doc = "may write comments"),
    BOOL(permissions_body, 3, may_create_communities, .flags = KEPT, .doc = "may open communities, as a leader"),
    INTEGER(permissions_body, 4, max_communities, .flags = KEPT, .min = 0, .max = 1000, .doc = "live communities it may own"),
    TEXT(permissions_body, 5, reason, .format = FORMAT_LONG, .flags = REQUIRED, .min = 1, .max = 500,
         .doc = "why; kept in the history"),
};
const struct fields permissions_body_fields =
    FIELDS("change_permissions", struct permissions_body, permissions_body_rows);

static const struct field users_query_rows[] = {
    ENUM(users_query, 1, status, &user_statuses, .doc = "only people in this state"),
    ENUM(users_query, 2, role, &granted_roles, .doc = "only people with this role"),
    SEARCH_ROW(users_query, 3, "name, business, biography or e-mail"),
};
const struct fields users_query_fields = FIELDS("users_query", struct users_query, users_query_rows);

static const struct field people_query_rows[] = {
    TEXT(people_query, 1, q, .flags = REQUIRED, .min = 1, .max = 100,
         .doc = "words of name, business or biography, by their beginning too and with a letter or two wrong"),
};
/* clang-format on */
const struct fields people_query_fields = FIELDS("people_query", struct people_query, people_query_rows);

/* clang-format off */
static const struct field accepted_rows[] = {
    BOOL(accepted, 1, accepted, .flags = READ_ONLY,
         .doc = "always true: the answer does not tell whether the account exists"),
};
/* clang-format on */
const struct fields accepted_fields = FIELDS("accepted", struct accepted, accepted_rows);
