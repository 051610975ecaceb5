/* Secrets sent by mail: whoever brings one back reads that mailbox. */
#pragma once
#include "actors/identity/identity.h"

enum token_purpose { TOKEN_VERIFY = 1, TOKEN_RESET };

/* A token that lives so long; its text is known to the mail alone. */
struct text email_token_issue(struct tx *tx, const struct user *user, enum token_purpose purpose, int64_t life);
/* The user of an unused, living token, as a private copy; the token is used up. NULL: refused with 400 (or pending). */
struct user *email_token_take(struct tx *tx, struct text token, enum token_purpose purpose);
