/* Secrets sent by mail: whoever brings one back reads that mailbox. */
#pragma once
#include "actors/identity/identity.h"

enum token_purpose { TOKEN_VERIFY = 1, TOKEN_RESET, TOKEN_EMAIL };

struct email_token {
    struct entity entity;
    struct id user_id;
    enum token_purpose purpose;
    int64_t epoch; /* the user's session_epoch when it was sent */
    int64_t expires_at, used_at;
    struct text email; /* of TOKEN_EMAIL: the address that it was sent to */
};

/* A token that lives so long; its text is known to the mail alone. `email`: see the struct. */
struct text email_token_issue(struct tx *tx, const struct user *user, enum token_purpose purpose, int64_t life,
                              struct text email);
/* Uses up a living token that serves one of these purposes (bits 1 << purpose); *user is its user's private copy.
   NULL: refused with 400 (or pending). */
const struct email_token *email_token_take(struct tx *tx, struct text token, uint32_t purposes, struct user **user);
