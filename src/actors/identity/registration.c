/* How an account comes to be, and how its mailbox is proved: by tokens that only the mail knows. No answer tells a
   stranger whether an account exists, but for 409 email_taken, without which nobody could register. */
#include "actors/identity/accounts.h"
#include "actors/identity/email_token.h"
#include "actors/identity/login_record.h"
#include "actors/identity/mail.h"

enum { AGE_MOST = 130 };

void birth_date_validate(struct tx *tx, int32_t birth_date)
{
    if (!birth_date) return;
    int32_t today = time_date(tx->now);
    if (birth_date > today || date_years_between(birth_date, today) > AGE_MOST)
        fail_detail(tx, "birth_date", "bad_format", "must be the birthday of a living person");
}

/* The account of an address, deleted ones included; NULL: none (or pending). */
static const struct user *user_of_email(struct tx *tx, struct text email)
{
    return load(tx, &user_kind, find_text(tx, &user_kind, &user_by_email, keyed_hash(tx, "email", email)));
}

static enum error email_taken(struct tx *tx)
{
    fail_detail(tx, "email", "email_taken", "there is an account with this e-mail");
    return fail(tx, ERROR_EMAIL_TAKEN, "there is an account with this e-mail");
}

/* A JSON string, for members of an answer. Tokens are base64url: nothing in them is escaped. */
static struct text quoted(struct tx *tx, struct text token)
{
    return text_print(tx, "\"%.*s\"", TEXT_ARGUMENTS(token));
}

static void send_verification(struct tx *tx, const struct user *user)
{
    struct text token = email_token_issue(tx, user, TOKEN_VERIFY, setting(tx, "auth.verification_life"), user->email);
    struct text text = text_print(tx,
                                  "Hello %.*s,\n\nplease confirm that this address is yours. Your code:\n\n%.*s\n\n"
                                  "It is good for %lld hours. If you did not register, ignore this mail.\n",
                                  TEXT_ARGUMENTS(user->profile.display_name), TEXT_ARGUMENTS(token),
                                  (long long)(setting(tx, "auth.verification_life") / HOURS(1)));
    mail_user(tx, user->entity.id, "verify", keyed_hash(tx, "mail", token), LITERAL("Please confirm your address"),
              text);
    if (tx->development) answer_member(tx, "verification_token", quoted(tx, token));
}

static void send_reset(struct tx *tx, const struct user *user)
{
    enum { MINUTES_GOOD = 10 };
    struct text token = email_token_issue(tx, user, TOKEN_RESET, MINUTES(MINUTES_GOOD), user->email);
    struct text text = text_print(tx,
                                  "Hello %.*s,\n\nsomebody asked for a new password of your account. Your code:\n\n"
                                  "%.*s\n\n"
                                  "It is good for %d minutes. If it was not you, ignore this mail: nothing changes.\n",
                                  TEXT_ARGUMENTS(user->profile.display_name), TEXT_ARGUMENTS(token), MINUTES_GOOD);
    mail_user(tx, user->entity.id, "reset", keyed_hash(tx, "mail", token), LITERAL("Your new password"), text);
    if (tx->development) answer_member(tx, "reset_token", quoted(tx, token));
}

static void user_fill(struct tx *tx, struct user *user, struct text email, struct text hash, struct text display_name)
{
    user->email = email;
    user->email_hash = keyed_hash(tx, "email", email);
    user->password_hash = hash;
    user->profile.display_name = display_name;
}

enum error user_register(struct tx *tx)
{
    const struct register_body *body = tx->body;
    if (!body->accept_terms) fail_detail(tx, "accept_terms", "required", "the terms have to be accepted");
    birth_date_validate(tx, body->birth_date);
    if (fail_details(tx)) return fail(tx, ERROR_VALIDATION_FAILED, "the registration has invalid values");
    if (user_of_email(tx, body->email)) return email_taken(tx);
    struct text hash;
    if (!compute_password_hash(tx, body->password, &hash)) return PENDING;

    struct user *user = create(tx, &user_kind, draw_id(tx));
    user_fill(tx, user, body->email, hash, body->display_name);
    user->birth_date = body->birth_date;
    user->country = body->country;
    user->accepted_terms_at = tx->now;
    enum error error = transition(tx, &user_kind, user, "register", user_event_of(tx, user, USER_PENDING));
    if (error) return error;
    timer(tx, &user_kind, user->entity.id, "expire", tx->now + setting(tx, "auth.pending_life"));
    send_verification(tx, user);
    return answer_entity(tx, 201, &user_kind, user->entity.id, 0);
}

/* The old address is told, so that its owner notices a change that was not wanted. */
static enum error change_email(struct tx *tx, struct user *user, struct text email)
{
    struct text about = text_print(tx, "%lld", (long long)user->entity.version);
    mail_user(tx, user->entity.id, "email_changed", about, LITERAL("Your address was changed"),
              LITERAL("Your account has another e-mail address now. If this was not you, write to us.\n"));
    user->email = email;
    user->email_hash = keyed_hash(tx, "email", email);
    emit(tx, user, &user_kind, &user_email_changed, NULL);
    return answer_entity(tx, 200, &user_kind, user->entity.id, 0);
}

enum error user_verify(struct tx *tx)
{
    const struct token_body *body = tx->body;
    struct user *user;
    const struct email_token *token = email_token_take(tx, body->token, 1u << TOKEN_VERIFY | 1u << TOKEN_EMAIL, &user);
    if (!token) return ERROR_INVALID_TOKEN;
    if (token->purpose == TOKEN_EMAIL) return change_email(tx, user, token->email);
    user->verified_at = tx->now;
    enum error error = transition(tx, &user_kind, user, "verify", user_reason_event_of(tx, user, (struct text){0}));
    if (error) return error;
    timer_cancel(tx, &user_kind, user->entity.id, "expire");
    return answer_entity(tx, 200, &user_kind, user->entity.id, 0);
}

static enum error answer_accepted(struct tx *tx)
{
    struct accepted *accepted = ARENA_NEW(tx->arena, struct accepted);
    accepted->accepted = true;
    return answer(tx, 202, &accepted_fields, accepted);
}

/* At most one mail a minute to an account, whoever asks for it. */
static bool mail_allowed(struct tx *tx, const struct user *user)
{
    struct login_record *record = login_record_edit(tx, user->entity.id);
    if (!record || (record->mailed_at && tx->now < record->mailed_at + MINUTES(1))) return false;
    record->mailed_at = tx->now;
    return true;
}

enum error user_resend(struct tx *tx)
{
    const struct email_body *body = tx->body;
    const struct user *user = user_of_email(tx, body->email);
    if (user && user->entity.status == USER_PENDING && mail_allowed(tx, user)) send_verification(tx, user);
    return answer_accepted(tx);
}

enum error user_forgot_password(struct tx *tx)
{
    const struct email_body *body = tx->body;
    const struct user *user = user_of_email(tx, body->email);
    if (user && user_is_active(user) && mail_allowed(tx, user)) send_reset(tx, user);
    return answer_accepted(tx);
}

enum error user_reset_password(struct tx *tx)
{
    const struct reset_body *body = tx->body;
    struct user *user;
    if (!email_token_take(tx, body->token, 1u << TOKEN_RESET, &user)) return ERROR_INVALID_TOKEN;
    struct text hash;
    if (!compute_password_hash(tx, body->password, &hash)) return PENDING;
    user->password_hash = hash;
    user->session_epoch++;
    emit(tx, user, &user_kind, &user_password_changed, NULL);
    return answer_none(tx);
}

enum error user_email(struct tx *tx)
{
    const struct new_email_body *body = tx->body;
    const struct user *user = tx->before;
    enum error error = password_confirm(tx, body->password);
    if (error) return error;
    if (user_of_email(tx, body->email)) return email_taken(tx);
    int64_t life = setting(tx, "auth.verification_life");
    struct text token = email_token_issue(tx, user, TOKEN_EMAIL, life, body->email);
    struct text text =
        text_print(tx,
                   "Hello %.*s,\n\nplease confirm that this is your new address. Your code:\n\n%.*s\n\n"
                   "It is good for %lld hours. Until then the old address counts.\n",
                   TEXT_ARGUMENTS(user->profile.display_name), TEXT_ARGUMENTS(token), (long long)(life / HOURS(1)));
    mail_address(tx, user->entity.id, body->email, "email", keyed_hash(tx, "mail", token),
                 LITERAL("Please confirm your new address"), text);
    if (tx->development) answer_member(tx, "verification_token", quoted(tx, token));
    return answer_accepted(tx);
}

enum error user_admin_create(struct tx *tx)
{
    const struct admin_create_body *body = tx->body;
    if (user_of_email(tx, body->email)) return email_taken(tx);
    struct text hash;
    if (!compute_password_hash(tx, body->password, &hash)) return PENDING;
    struct user *user = create(tx, &user_kind, draw_id(tx));
    user_fill(tx, user, body->email, hash, body->display_name.data ? body->display_name : LITERAL("Admin"));
    user->verified_at = tx->now;
    user->admin = true;
    enum error error = admins_count(tx, false, true);
    if (!error) error = transition(tx, &user_kind, user, "admin_create", user_event_of(tx, user, USER_ACTIVE));
    return error ? error : answer_entity(tx, 201, &user_kind, user->entity.id, 0);
}
