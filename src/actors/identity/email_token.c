/* The token itself is nowhere stored: the record's id is derived from its keyed hash, so that presenting the token
   finds the record and nothing in the data leads back to the token.

   Truths: a token serves one purpose, once; raising the user's epoch (a new password) voids what was sent before. */
#include "actors/identity/email_token.h"

static const char *const token_purpose_names[] = {NULL, "verify", "reset", "email"};
static const struct enumeration token_purposes = ENUMERATION("token_purpose", token_purpose_names);

/* clang-format off */
static const struct field email_token_rows[] = {
    ENTITY_ROW(email_token),
    ID(email_token, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "whose mailbox"),
    ENUM(email_token, 3, purpose, &token_purposes, .flags = READ_ONLY, .doc = "what it is good for"),
    INTEGER(email_token, 4, epoch, .flags = READ_ONLY | SECRET, .doc = "the user's when it was sent"),
    TIME(email_token, 5, expires_at, .flags = READ_ONLY, .doc = "until when it is good"),
    TIME(email_token, 6, used_at, .flags = READ_ONLY, .doc = "when it was used"),
    TEXT(email_token, 7, email, .format = FORMAT_EMAIL, .flags = READ_ONLY | PERSONAL, .doc = "the next address"),
};
/* clang-format on */
static const struct fields email_token_fields = FIELDS("email_token", struct email_token, email_token_rows);

static struct id email_token_user(const void *entity)
{
    return ((const struct email_token *)entity)->user_id;
}

/* clang-format off */
const struct kind email_token_kind = {
    .number = 7,
    .name = "email_token",
    .plural = "email_tokens",
    .doc = "a secret sent by mail",
    .fields = &email_token_fields,
    .quiet = true,
    .subject = email_token_user,
};
/* clang-format on */

static struct id email_token_id(struct tx *tx, struct text token)
{
    return id_derived_text("email_token", ID_NONE, keyed_hash(tx, "email_token", token));
}

struct text email_token_issue(struct tx *tx, const struct user *user, enum token_purpose purpose, int64_t life,
                              struct text email)
{
    struct text token = draw_token(tx);
    struct email_token *record = create(tx, &email_token_kind, email_token_id(tx, token));
    record->user_id = user->entity.id;
    record->purpose = purpose;
    record->epoch = user->session_epoch;
    record->expires_at = tx->now + life;
    record->email = email;
    return token;
}

const struct email_token *email_token_take(struct tx *tx, struct text token, uint32_t purposes, struct user **user)
{
    struct email_token *record = edit(tx, &email_token_kind, email_token_id(tx, token));
    *user = record ? edit(tx, &user_kind, record->user_id) : NULL;
    bool good = *user && purposes >> record->purpose & 1 && !record->used_at && record->expires_at > tx->now &&
                record->epoch == (*user)->session_epoch && (*user)->entity.status != USER_DELETED;
    if (!good) {
        fail(tx, ERROR_INVALID_TOKEN, "the token is unknown, used or expired");
        return NULL;
    }
    record->used_at = tx->now;
    return record;
}
