/* Logins. A session is one login with all the refresh tokens that came of it; its access tokens live a quarter of an
   hour and name it, so that ending it ends them at once.

   A refresh token is <session>.<generation>.<tag>, the tag a keyed hash of both with the session's seed: genuine tokens
   are known without storing one. Each use raises the generation. A genuine token of an earlier generation was copied
   from somebody, so it ends the session; a forged one does nothing.

   Truths: a session is live while ended_at is 0, expires_at is ahead, and its epoch is the user's. */
#include "actors/identity/accounts.h"
#include "actors/identity/login_record.h"
#include "base/password.h"
#include "base/token.h"

struct login_body {
    struct text email, password;
};
struct refresh_body {
    struct text refresh_token;
};
struct logout_body {
    struct text refresh_token;
    bool all;
};
struct login_user {
    struct id id;
    int64_t version;
    enum user_status status;
    struct text email;
    enum user_role role;
    bool admin;
    struct profile profile;
};
struct login_reply {
    struct text access_token, refresh_token, token_type;
    int64_t expires_in;
    struct login_user user;
};

/* clang-format off */
static const struct field session_rows[] = {
    ENTITY_ROW(session),
    ID(session, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who logged in"),
    INTEGER(session, 3, epoch, .flags = READ_ONLY | SECRET, .doc = "the user's at login"),
    INTEGER(session, 4, generation, .flags = READ_ONLY | SECRET, .doc = "of the refresh token that is valid now"),
    BYTES(session, 5, seed, .flags = READ_ONLY | SECRET,
          .doc = "random; makes the refresh tokens, with the server's key"),
    TIME(session, 6, expires_at, .flags = READ_ONLY, .doc = "unless it is refreshed before"),
    TIME(session, 7, ended_at, .flags = READ_ONLY, .doc = "by logout, or because a used token came back"),
};
/* clang-format on */
static const struct fields session_fields = FIELDS("session", struct session, session_rows);

/* clang-format off */
static const struct field login_rows[] = {
    TEXT(login_body, 1, email, .format = FORMAT_EMAIL, .flags = REQUIRED, .max = 254, .doc = "of the account"),
    TEXT(login_body, 2, password, .format = FORMAT_PASSWORD, .flags = REQUIRED, .min = 1, .max = 256,
         .doc = "of the account"),
};
/* clang-format on */
static const struct fields login_fields = FIELDS("login", struct login_body, login_rows);

/* clang-format off */
static const struct field refresh_rows[] = {
    TEXT(refresh_body, 1, refresh_token, .flags = REQUIRED, .min = 1, .max = 200, .doc = "the newest one"),
};
/* clang-format on */
static const struct fields refresh_fields = FIELDS("refresh", struct refresh_body, refresh_rows);

/* clang-format off */
static const struct field logout_rows[] = {
    TEXT(logout_body, 1, refresh_token, .min = 1, .max = 200, .doc = "names the login instead of the access token"),
    BOOL(logout_body, 2, all, .doc = "true: all logins of the person end"),
};
/* clang-format on */
static const struct fields logout_fields = FIELDS("logout", struct logout_body, logout_rows);

/* clang-format off */
static const struct field login_user_rows[] = {
    ID(login_user, 1, id, .flags = READ_ONLY, .refers = "user", .doc = "who it is"),
    INTEGER(login_user, 2, version, .flags = READ_ONLY, .doc = "of the user"),
    ENUM(login_user, 3, status, &user_statuses, .flags = READ_ONLY, .doc = "active"),
    TEXT(login_user, 4, email, .format = FORMAT_EMAIL, .flags = READ_ONLY, .doc = "of the account"),
    ENUM(login_user, 5, role, &user_roles, .flags = READ_ONLY, .doc = "consumer or leader"),
    BOOL(login_user, 6, admin, .flags = READ_ONLY, .doc = "staff of the platform?"),
    STRUCT(login_user, 7, profile, struct profile, &profile_fields, .flags = READ_ONLY, .doc = "what others are shown"),
};
/* clang-format on */
static const struct fields login_user_fields = FIELDS("login_user", struct login_user, login_user_rows);

/* clang-format off */
static const struct field login_reply_rows[] = {
    TEXT(login_reply, 1, access_token, .flags = READ_ONLY, .max = 4096, .doc = "for the Authorization header"),
    TEXT(login_reply, 2, refresh_token, .flags = READ_ONLY, .max = 200, .doc = "good once, for the next pair"),
    TEXT(login_reply, 3, token_type, .flags = READ_ONLY, .max = 20, .doc = "always Bearer"),
    INTEGER(login_reply, 4, expires_in, .flags = READ_ONLY, .doc = "seconds the access token lives"),
    STRUCT(login_reply, 5, user, struct login_user, &login_user_fields, .flags = READ_ONLY, .doc = "who logged in"),
};
/* clang-format on */
static const struct fields login_reply_fields = FIELDS("login_reply", struct login_reply, login_reply_rows);

/* ---- refresh tokens ---- */
static struct text refresh_tag(struct tx *tx, const struct session *session, int64_t generation)
{
    char id[ID_TEXT_LENGTH + 1];
    id_format(session->entity.id, id);
    struct text parts = text_print(tx, "%s.%lld.%.*s", id, (long long)generation, TEXT_ARGUMENTS(session->seed));
    return keyed_hash(tx, "refresh", parts);
}

static struct text refresh_token(struct tx *tx, const struct session *session)
{
    const struct id *bytes = &session->entity.id;
    struct text id = base64url_encode(tx->arena, (struct text){(const char *)bytes, sizeof *bytes});
    return text_print(tx, "%.*s.%lld.%.*s", TEXT_ARGUMENTS(id), (long long)session->generation,
                      TEXT_ARGUMENTS(refresh_tag(tx, session, session->generation)));
}

/* In time that does not tell where they differ. */
static bool tags_equal(struct text a, struct text b)
{
    unsigned difference = a.length ^ b.length;
    for (uint32_t i = 0; i < a.length && i < b.length; i++)
        difference |= (unsigned)(unsigned char)(a.data[i] ^ b.data[i]);
    return !difference;
}

/* The session of a genuine token, as a private copy, and the token's generation. NULL: forged (or pending). */
static struct session *session_of_token(struct tx *tx, struct text token, int64_t *generation)
{
    struct text rest = token, bytes;
    struct text id_part = text_split(&rest, '.'), generation_part = text_split(&rest, '.');
    if (!rest.data || !text_to_integer(generation_part, generation)) return NULL;
    if (!base64url_decode(tx->arena, id_part, &bytes) || bytes.length != sizeof(struct id)) return NULL;
    struct id id;
    for (uint32_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)bytes.data[i];
    const struct session *known = load(tx, &session_kind, id);
    if (!known || *generation > known->generation || !tags_equal(rest, refresh_tag(tx, known, *generation)))
        return NULL;
    return edit(tx, &session_kind, id);
}

static bool session_live(const struct tx *tx, const struct session *session, const struct user *user)
{
    holds_until(tx, session->expires_at);
    return !session->ended_at && session->expires_at > tx->now && id_equal(session->user_id, user->entity.id) &&
#if !defined MUTANT || MUTANT != 40
           session->epoch == user->session_epoch &&
#endif
           user_is_active(user);
}

static enum error answer_login(struct tx *tx, const struct session *session, const struct user *user)
{
    int64_t life = setting(tx, "auth.access_token_life");
    struct login_reply *reply = ARENA_NEW(tx->arena, struct login_reply);
    reply->access_token = access_token(tx, user->entity.id, session->entity.id, tx->now + life);
    reply->refresh_token = refresh_token(tx, session);
    reply->token_type = LITERAL("Bearer");
    reply->expires_in = life / 1000;
    reply->user = (struct login_user){.id = user->entity.id,
                                      .version = user->entity.version,
                                      .status = (enum user_status)user->entity.status,
                                      .email = user->email,
                                      .role = user->role,
                                      .admin = user->admin,
                                      .profile = user->profile};
    return answer(tx, 200, &login_reply_fields, reply);
}

/* ---- commands ---- */
/* Unknown account, wrong password and locked address take the same time and get the same answer. */
static enum error session_login(struct tx *tx)
{
    const struct login_body *body = tx->body;
    struct id user_id = find_text(tx, &user_kind, &user_by_email, keyed_hash(tx, "email", body->email));
    const struct user *user = load(tx, &user_kind, user_id);
    if (pending(tx)) return PENDING;
    if (user && (user->entity.status == USER_DELETED || !user->password_hash.data)) user = NULL;
    struct text hash = user ? user->password_hash : text_of(PASSWORD_HASH_OF_NOBODY);
    bool matches;
    if (!compute_password_verify(tx, body->password, hash, &matches)) return PENDING;

    if (!user || login_held(tx, user_id))
        return fail(tx, ERROR_INVALID_CREDENTIALS, "the e-mail or the password is wrong");
    if (!matches) {
        login_failed(tx, user_id);
        return answer_error(tx, ERROR_INVALID_CREDENTIALS, "the e-mail or the password is wrong");
    }
    if (user->entity.status == USER_PENDING) return fail(tx, ERROR_EMAIL_NOT_VERIFIED, "verify your e-mail first");
    if (user->entity.status == USER_SUSPENDED) return fail(tx, ERROR_ACCOUNT_SUSPENDED, "the account is suspended");

    struct session *session = create(tx, &session_kind, draw_id(tx));
    session->user_id = user_id;
    session->epoch = user->session_epoch;
    session->generation = 1;
    session->seed = draw_token(tx);
    session->expires_at = tx->now + setting(tx, "auth.refresh_token_life");
    login_succeeded(tx, user_id);
    return answer_login(tx, session, user);
}

static enum error session_refresh(struct tx *tx)
{
    const struct refresh_body *body = tx->body;
    int64_t generation;
    struct session *session = session_of_token(tx, body->refresh_token, &generation);
    const struct user *user = session ? load(tx, &user_kind, session->user_id) : NULL;
    if (!user || !session_live(tx, session, user))
        return fail(tx, ERROR_UNAUTHORIZED, "the refresh token is unknown, used or expired");
    if (generation != session->generation) {
        session->ended_at = tx->now;
        return answer_error(tx, ERROR_UNAUTHORIZED, "the refresh token is unknown, used or expired");
    }
    session->generation++;
    session->expires_at = tx->now + setting(tx, "auth.refresh_token_life");
    return answer_login(tx, session, user);
}

static enum error session_logout(struct tx *tx)
{
    const struct logout_body *body = tx->body;
    int64_t generation;
    struct session *session = body->refresh_token.data ? session_of_token(tx, body->refresh_token, &generation)
                                                       : edit(tx, &session_kind, tx->principal.session);
    if (!session) return fail(tx, ERROR_UNAUTHORIZED, "no login is named by a token");
    if (!session->ended_at) session->ended_at = tx->now;
    if (body->all) {
        struct user *user = edit(tx, &user_kind, session->user_id);
        if (!user || session->epoch != user->session_epoch) return fail(tx, ERROR_UNAUTHORIZED, "this login has ended");
        user->session_epoch++;
        emit(tx, user, &user_kind, &user_logins_ended, NULL);
    }
    return answer_none(tx);
}

/* clang-format off */
static const struct command session_commands[] = {
    {.name = "login", .method = "POST", .path = "/auth/login", .action = ACTION_CALL, .who = ANYONE,
     .body = &login_fields, .decide = session_login, .status = 200, .rate = RATE_AUTH, .reply = &login_reply_fields,
     .doc = "opens a session"},
    {.name = "refresh", .method = "POST", .path = "/auth/refresh", .action = ACTION_CALL, .who = ANYONE,
     .body = &refresh_fields, .decide = session_refresh, .status = 200, .rate = RATE_AUTH, .reply = &login_reply_fields,
     .doc = "the next pair of tokens"},
    {.name = "logout", .method = "POST", .path = "/auth/logout", .action = ACTION_CALL, .who = ANYONE,
     .body = &logout_fields, .decide = session_logout, .status = 204, .rate = RATE_AUTH,
     .doc = "ends a session, or all of the person"},
    {0},
};
/* clang-format on */

static struct id session_user(const void *entity)
{
    return ((const struct session *)entity)->user_id;
}

/* clang-format off */
const struct kind session_kind = {
    .number = 3,
    .name = "session",
    .plural = "sessions",
    .doc = "a login",
    .fields = &session_fields,
    .commands = session_commands,
    .quiet = true,
    .subject = session_user,
};
/* clang-format on */

enum error identity_identify(struct tx *tx)
{
    const struct session *session = load(tx, &session_kind, tx->principal.session);
    const struct user *user = load(tx, &user_kind, tx->principal.user);
    if (!session || !user || !session_live(tx, session, user))
        return fail(tx, ERROR_UNAUTHORIZED, "this login has ended");
    tx->principal.admin = user->admin;
    tx->principal.leader = user->role == ROLE_LEADER;
    return OK;
}
