/* The token itself is nowhere stored: the record's id is derived from its keyed hash, so that presenting the token
   finds the record and nothing in the data leads back to the token.

   Truths: a token serves one purpose, once; raising the user's epoch (a new password) voids what was sent before. */
#include "actors/identity/email_token.h"

struct email_token {
    struct entity entity;
    struct id user_id;
    enum token_purpose purpose;
    int64_t epoch;                      /* the user's session_epoch when it was sent */
    int64_t expires_at, used_at;
};

static const char *const token_purpose_names[] = {NULL, "verify", "reset"};
static const struct enumeration token_purposes = ENUMERATION("token_purpose", token_purpose_names);

static const struct field email_token_rows[] = {
    ENTITY_ROW(email_token),
    ID(email_token, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "whose mailbox"),
    ENUM(email_token, 3, purpose, &token_purposes, .flags = READ_ONLY, .doc = "what it is good for"),
    INTEGER(email_token, 4, epoch, .flags = READ_ONLY | SECRET, .doc = "the user's when it was sent"),
    TIME(email_token, 5, expires_at, .flags = READ_ONLY, .doc = "until when it is good"),
    TIME(email_token, 6, used_at, .flags = READ_ONLY, .doc = "when it was used"),
};
static const struct fields email_token_fields = FIELDS("email_token", struct email_token, email_token_rows);

const struct kind email_token_kind = {
    .number = 7,
    .name = "email_token",
    .plural = "email_tokens",
    .doc = "a secret sent by mail",
    .fields = &email_token_fields,
    .quiet = true,
};

static struct id email_token_id(struct tx *tx, struct text token)
{
    return id_derived_text("email_token", ID_NONE, keyed_hash(tx, "email_token", token));
}

struct text email_token_issue(struct tx *tx, const struct user *user, enum token_purpose purpose, int64_t life)
{
    struct text token = draw_token(tx);
    struct email_token *record = create(tx, &email_token_kind, email_token_id(tx, token));
    if (!record) return token;
    record->user_id = user->entity.id;
    record->purpose = purpose;
    record->epoch = user->session_epoch;
    record->expires_at = tx->now + life;
    return token;
}

struct user *email_token_take(struct tx *tx, struct text token, enum token_purpose purpose)
{
    struct email_token *record = edit(tx, &email_token_kind, email_token_id(tx, token));
    struct user *user = record ? edit(tx, &user_kind, record->user_id) : NULL;
    bool good = user && record->purpose == purpose && !record->used_at && record->expires_at > tx->now &&
                record->epoch == user->session_epoch && user->entity.status != USER_DELETED;
    if (!good) {
        fail(tx, ERROR_INVALID_TOKEN, "the token is unknown, used or expired");
        return NULL;
    }
    record->used_at = tx->now;
    return user;
}
