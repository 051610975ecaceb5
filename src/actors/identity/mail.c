/* Mail to people. What a template looks like belongs to the provider; the text here is complete without one. */
#include "actors/identity/mail.h"
#include "actors/identity/identity.h"

/* clang-format off */
static const struct field mail_request_rows[] = {
    TEXT(mail_request, 1, template, .flags = REQUIRED, .max = 40, .doc = "verify, reset, …: what the mail is about"),
    TEXT(mail_request, 2, to, .flags = REQUIRED | PERSONAL | SECRET, .max = 254, .doc = "address of the person"),
    TEXT(mail_request, 3, subject, .flags = REQUIRED | PERSONAL, .max = 200, .doc = "its subject line"),
    TEXT(mail_request, 4, text, .format = FORMAT_LONG, .flags = REQUIRED | PERSONAL | SECRET, .max = 10000,
         .doc = "plain text, complete"),
};
/* clang-format on */
static const struct fields mail_request_fields = FIELDS("mail_request", struct mail_request, mail_request_rows);

/* clang-format off */
static const struct field mail_answer_rows[] = {
    BOOL(mail_answer, 1, sent, .doc = "was it handed over?"),
    TEXT(mail_answer, 2, problem, .max = 500, .doc = "why not"),
};
/* clang-format on */
const struct fields mail_answer_fields = FIELDS("mail_answer", struct mail_answer, mail_answer_rows);

/* clang-format off */
const struct effect_class mail_effect = {
    .number = 2,
    .name = "mail",
    .request = &mail_request_fields,
    .answer = &mail_answer_fields,
    .give_up_after = HOURS(24),
    .doc = "a mail to a person, repeated for a day when the provider cannot be reached",
};
/* clang-format on */

/* The provider's answer decides nothing: what waits for a mail is asked for again by the person. */
void mail_address(struct tx *tx, struct id user_id, struct text address, const char *purpose, struct text about,
                  struct text subject, struct text text)
{
    struct mail_request request = {.template = text_of(purpose), .to = address, .subject = subject, .text = text};
    char id[ID_TEXT_LENGTH + 1];
    id_format(user_id, id);
    struct text key = text_print(tx, "%s:%s:%.*s", purpose, id, TEXT_ARGUMENTS(about));
    effect(tx, &mail_effect, key, &request, &user_kind, user_id, NULL);
}

void mail_user(struct tx *tx, struct id user_id, const char *purpose, struct text about, struct text subject,
               struct text text)
{
    const struct user *user = load(tx, &user_kind, user_id);
    if (user && user->email.data) mail_address(tx, user_id, user->email, purpose, about, subject, text);
}
