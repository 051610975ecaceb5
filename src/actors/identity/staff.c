/* What admins do with the accounts of others, and the guards that keep somebody in charge. */
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/identity/accounts.h"
#include "actors/identity/block.h"

/* ---- how many active admins there are: one row in each tenant, changed with the users ---- */
struct admin_count {
    struct entity entity;
    int64_t active;
};

/* clang-format off */
static const struct field admin_count_rows[] = {
    ENTITY_ROW(admin_count),
    INTEGER(admin_count, 2, active, .flags = READ_ONLY, .doc = "active admins"),
};
/* clang-format on */
static const struct fields admin_count_fields = FIELDS("admin_count", struct admin_count, admin_count_rows);

static const char *admin_count_check(const void *entity)
{
    return ((const struct admin_count *)entity)->active >= 1 ? NULL : "there is an active admin";
}

/* clang-format off */
const struct kind admin_count_kind = {
    .number = 14,
    .name = "admin_count",
    .plural = "admin_counts",
    .doc = "how many active admins there are",
    .fields = &admin_count_fields,
    .quiet = true,
    .check = admin_count_check,
};
/* clang-format on */

enum error admins_count(struct tx *tx, bool was, bool is)
{
    if (was == is) return OK;
    struct admin_count *count = edit_or_create(tx, &admin_count_kind, id_derived("admin_count", ID_NONE, ID_NONE));
    if (!count) return PENDING;
    if (was && count->active <= 1)
        return fail(tx, ERROR_LAST_ADMIN, "this is the last active admin: appoint another one first");
    count->active += is ? 1 : -1;
    return OK;
}

static bool is_active_admin(const struct user *user)
{
    return user->admin && user_is_active(user);
}

enum error user_may_go(struct tx *tx, const struct user *user)
{
    if (communities_owned(tx, user->entity.id))
        return fail(tx, ERROR_IN_USE, "the account owns a live community: transfer or delete it first");
    enum error error = supplier_user_may_go(tx, user->entity.id);
    return error ? error : admins_count(tx, is_active_admin(user), false);
}

/* ---- commands ---- */
static enum error not_oneself(struct tx *tx, const struct user *user, const char *command)
{
    if (!id_equal(tx->principal.user, user->entity.id)) return OK;
    return fail(tx, ERROR_CONFLICT, "you cannot %s yourself", command);
}

/* Remembers why, and gives the reason to the event. */
static void because(struct tx *tx, struct user *user, struct text reason)
{
    user->reason = reason;
    event_data(tx, user_reason_event_of(tx, user, reason));
}

enum error user_suspend(struct tx *tx)
{
    struct user *user = tx->subject;
    enum error error = not_oneself(tx, user, "suspend");
    if (!error) error = admins_count(tx, is_active_admin(user), false);
    if (error) return error;
    user->session_epoch++;
    because(tx, user, ((const struct reason_body *)tx->body)->reason);
    return OK;
}

enum error user_reinstate(struct tx *tx)
{
    struct user *user = tx->subject;
    because(tx, user, ((const struct reason_body *)tx->body)->reason);
    return admins_count(tx, false, user->admin);
}

enum error user_admin_delete(struct tx *tx)
{
    struct user *user = tx->subject;
    enum error error = not_oneself(tx, user, "delete");
    if (!error) error = user_may_go(tx, user);
    if (error) return error;
    timer_cancel(tx, &user_kind, user->entity.id, "expire");
    timer(tx, &user_kind, user->entity.id, "lapse", tx->now + setting(tx, "auth.deleted_life"));
    user->session_epoch++;
    because(tx, user, ((const struct reason_body *)tx->body)->reason);
    return OK;
}

enum error user_restore(struct tx *tx)
{
    struct user *user = tx->subject;
    user->reason = ((const struct reason_body *)tx->body)->reason;
    timer_cancel(tx, &user_kind, user->entity.id, "lapse");
    if (user->entity.status_before == USER_PENDING)
        timer(tx, &user_kind, user->entity.id, "expire", tx->now + setting(tx, "auth.pending_life"));
    event_data(tx, user_event_of(tx, user, (uint32_t)user->entity.status_before));
    return admins_count(tx, false, user->admin && user->entity.status_before == USER_ACTIVE);
}

static enum error change_role(struct tx *tx, enum user_role role, bool admin, const struct event *event,
                              const char *command)
{
    struct user *user = tx->subject;
    const struct role_body *body = tx->body;
    if (user->entity.status == USER_DELETED) return fail_transition(tx, &user_kind, user, command);
    if (user->role == role && user->admin == admin) return OK;
    if (user->role == ROLE_LEADER && role != ROLE_LEADER && communities_owned(tx, user->entity.id))
        return fail(tx, ERROR_IN_USE, "this leader owns a live community");
    enum error error = admins_count(tx, is_active_admin(user), admin && user_is_active(user));
    if (error) return error;
    user->role = role;
    user->admin = admin;
    user->reason = body->reason;
    emit(tx, user, &user_kind, event, user_reason_event_of(tx, user, body->reason));
    return OK;
}

enum error user_grant_role(struct tx *tx)
{
    const struct user *user = tx->subject;
    const struct role_body *body = tx->body;
    if (body->role == GRANT_ADMIN) return change_role(tx, user->role, true, &user_role_granted, "grant-role");
    return change_role(tx, body->role == GRANT_LEADER ? ROLE_LEADER : ROLE_CONSUMER, user->admin, &user_role_granted,
                       "grant-role");
}

enum error user_revoke_role(struct tx *tx)
{
    const struct user *user = tx->subject;
    const struct role_body *body = tx->body;
    if (body->role == GRANT_ADMIN) return change_role(tx, user->role, false, &user_role_revoked, "revoke-role");
    if (body->role == GRANT_LEADER)
        return change_role(tx, ROLE_CONSUMER, user->admin, &user_role_revoked, "revoke-role");
    return fail(tx, ERROR_CONFLICT, "everybody is at least a consumer");
}

enum error user_permissions(struct tx *tx)
{
    struct user *user = tx->subject;
    const struct permissions_body *body = tx->body;
    if (user->entity.status == USER_DELETED) return fail_transition(tx, &user_kind, user, "permissions");
    struct permissions *permissions = &user->permissions;
    if (has(tx, "may_post")) permissions->may_post = body->may_post;
    if (has(tx, "may_comment")) permissions->may_comment = body->may_comment;
    if (has(tx, "may_create_communities")) permissions->may_create_communities = body->may_create_communities;
    if (has(tx, "max_communities")) permissions->max_communities = body->max_communities;
    because(tx, user, body->reason);
    return OK;
}

/* Active people, but for those who blocked the asker or whom the asker blocks. */
bool people_match(struct tx *tx, const void *entity)
{
    const struct user *user = entity;
    if (user->entity.status != USER_ACTIVE) return false;
    return !blocks_asker(tx, user->entity.id) && !blocked_by_asker(tx, user->entity.id);
}

bool users_match(struct tx *tx, const void *entity)
{
    const struct user *user = entity;
    const struct users_query *query = tx->query;
    if (queried(tx, "status") && user->entity.status != query->status) return false;
    switch (query->role) {
    case GRANT_CONSUMER: return user->role == ROLE_CONSUMER;
    case GRANT_LEADER: return user->role == ROLE_LEADER;
    case GRANT_ADMIN: return user->admin;
    default: return true;
    }
}
