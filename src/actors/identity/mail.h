/* Mail is an effect: asked for in the record of the change that causes it, sent once that is durable. */
#pragma once
#include "actors/runtime/tx.h"

struct mail_request {
    struct text template; /* "verify", "reset", …: the provider may have its own look for it */
    struct text to;
    struct text subject;
    struct text text; /* plain text, complete */
};

struct mail_answer {
    bool sent;
    struct text problem; /* why not, when it was given up */
};

extern const struct effect_class mail_effect;
extern const struct fields mail_answer_fields;

/* Asks for one mail to a person. `purpose` and `about` make its key: the same pair is never sent twice. Does nothing
   when the person has no address any more. mail_address sends to another address than the account's. */
void mail_user(struct tx *tx, struct id user_id, const char *purpose, struct text about, struct text subject,
               struct text text);
void mail_address(struct tx *tx, struct id user_id, struct text address, const char *purpose, struct text about,
                  struct text subject, struct text text);
