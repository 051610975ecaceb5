/* What people do with their own account, and how one ends. */
#include "actors/identity/accounts.h"
#include "actors/sales/order.h"

/* A login so young stands for the password. */
static const int64_t FRESH_LOGIN = MINUTES(5);

enum error password_confirm(struct tx *tx, struct text password)
{
    const struct user *user = principal_user(tx);
    if (!password.data) {
        const struct session *session = load(tx, &session_kind, tx->principal.session);
        if (session && session->entity.created_at + FRESH_LOGIN > tx->now) return OK;
        fail_detail(tx, "password", "required", "the password is needed unless the login is younger than 5 minutes");
        return fail(tx, ERROR_FORBIDDEN, "confirm this with your password");
    }
    if (!user || !user->password_hash.data) return fail(tx, ERROR_FORBIDDEN, "confirm this with your password");
    bool matches;
    if (!compute_password_verify(tx, password, user->password_hash, &matches)) return PENDING;
    if (matches) return OK;
    fail_detail(tx, "password", "not_allowed", "the password is wrong");
    return fail(tx, ERROR_FORBIDDEN, "the password is wrong");
}

static bool business_is_absent(const struct business *business)
{
    return !business->name.length && !business->website.length && !business->contact_email.length &&
           !business->description.length;
}

enum error user_patch(struct tx *tx)
{
    const struct user *before = tx->before;
    struct user *user = tx->subject;
    if (before->birth_date && user->birth_date != before->birth_date && !(tx->relations & ADMIN)) {
        fail_detail(tx, "birth_date", "read_only", "it is set once");
        return fail(tx, ERROR_FORBIDDEN, "the birth date is set once");
    }
    if (user->birth_date != before->birth_date) birth_date_validate(tx, user->birth_date);
    if (has(tx, "profile") && user->role != ROLE_LEADER && business_is_absent(&before->profile.business) &&
        !business_is_absent(&user->profile.business))
        fail_detail(tx, "profile.business", "not_allowed", "only leaders have one");
    if (fail_details(tx)) return fail(tx, ERROR_VALIDATION_FAILED, "the account has invalid values");
    event_data(tx, user_event_of(tx, user, (uint32_t)user->entity.status));
    return OK;
}

enum error user_password(struct tx *tx)
{
    const struct password_body *body = tx->body;
    struct user *user = tx->subject;
    bool matches;
    if (!compute_password_verify(tx, body->current, user->password_hash, &matches)) return PENDING;
    if (!matches) {
        fail_detail(tx, "current", "not_allowed", "the password is wrong");
        return fail(tx, ERROR_FORBIDDEN, "the password is wrong");
    }
    struct text hash;
    if (!compute_password_hash(tx, body->new, &hash)) return PENDING;
    user->password_hash = hash;
    user->session_epoch++;
    return OK;
}

enum error user_delete(struct tx *tx)
{
    const struct delete_body *body = tx->body;
    struct user *user = tx->subject;
    enum error error = password_confirm(tx, body->password);
    if (!error) error = user_may_go(tx, user);
    if (error) return error;
    user->session_epoch++;
    event_data(tx, user_reason_event_of(tx, user, (struct text){0}));
    timer(tx, &user_kind, user->entity.id, "lapse", tx->now + setting(tx, "auth.deleted_life"));
    return OK;
}

/* Nobody verified the address in time: the account goes, and its e-mail is free again. */
enum error user_expire(struct tx *tx)
{
    struct user *user = tx->subject;
    user->session_epoch++;
    event_data(tx, user_reason_event_of(tx, user, LITERAL("never verified")));
    tell(tx, &user_kind, user->entity.id, "erase", NULL);
    return OK;
}

/* Goods that are on their way have to arrive, and money that is owed has to be paid. */
static bool awaits_orders(struct tx *tx, struct id user_id)
{
    const struct open_orders *open = load(tx, &open_orders_kind, user_id);
    return open && (open->pending || open->undelivered_items);
}

/* The time in which the account could have been restored is over. */
enum error user_lapse(struct tx *tx)
{
    const struct user *user = tx->before;
    if (user->entity.status != USER_DELETED || user->erased_at) return OK;
    if (awaits_orders(tx, user->entity.id))
        timer(tx, &user_kind, user->entity.id, "lapse", tx->now + DAYS(1));
    else
        tell(tx, &user_kind, user->entity.id, "erase", NULL);
    return OK;
}

static void erase_now(struct tx *tx, struct user *user)
{
    timer_cancel(tx, &user_kind, user->entity.id, "lapse");
    erase_subject(tx, user->entity.id);
    user->email = user->email_hash = user->password_hash = user->reason = (struct text){0};
    user->profile = (struct profile){0};
    user->birth_date = 0;
    user->country = user->locale = user->time_zone = (struct text){0};
    user->preferences.count = 0;
    user->erased_at = tx->now;
}

/* Data from before the erasure was restored, and the key is gone: what the person had is closed, whatever it was. */
enum error user_forgotten(struct tx *tx)
{
    struct user *user = tx->subject;
    struct text reason = LITERAL("erased after this data was backed up");
    if (user->entity.status != USER_DELETED) {
        enum error error = admins_count(tx, user->admin && user_is_active(user), false);
        if (error) return error;
        timer_cancel(tx, &user_kind, user->entity.id, "expire");
        user->session_epoch++;
        error = transition(tx, &user_kind, user, "admin_delete", user_reason_event_of(tx, user, reason));
        if (error) return error;
    }
    enum error error = transition(tx, &user_kind, user, "erase", user_reason_event_of(tx, user, reason));
    if (!error) erase_now(tx, user);
    return error;
}

enum error user_erase(struct tx *tx)
{
    struct user *user = tx->subject;
    const struct reason_body *body = tx->body;
    if (awaits_orders(tx, user->entity.id))
        return fail(tx, ERROR_IN_USE, "an order of this person is not delivered yet");
    struct text reason = body ? body->reason : (struct text){0};
    event_data(tx, user_reason_event_of(tx, user, reason));
    erase_now(tx, user);
    return OK;
}
