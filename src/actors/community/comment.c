/* What people say about a post.

     – ─create→ published ⇄ hidden;  published, hidden ─delete→ deleted ─restore→ the state before

   Truths: a comment is written by an active member of the post's community, and read by whoever may read the post; a hidden
   one by its author, moderators and staff. What the staff hid only the staff shows again, and what was deleted only the
   staff brings back. comment_count of the post counts the published ones. */
#include "actors/community/community.h"
#include "actors/community/post_links.h"
#include "actors/identity/block.h"
#include "actors/identity/identity.h"

enum comment_sort { SORT_OLDEST = 1, SORT_NEWEST };
struct comments_query {
    enum comment_sort sort;
};

static const char *const comment_status_names[] = {NULL, "published", "hidden", "deleted"};
static const char *const comment_sort_names[] = {NULL, "oldest", "newest"};
static const struct enumeration comment_statuses = ENUMERATION("comment_status", comment_status_names);
static const struct enumeration comment_sorts = ENUMERATION("comment_sort", comment_sort_names);

/* ---- fields ---- */
#define CONCERNED (SELF | MODERATOR | ADMIN)
/* clang-format off */
static const struct field comment_rows[] = {
    ENTITY_ROW(comment),
    ID(comment, 2, post_id, .flags = READ_ONLY, .refers = "post", .doc = "what it is about"),
    ID(comment, 3, community_id, .flags = READ_ONLY, .refers = "community", .doc = "of the post"),
    ID(comment, 4, author_id, .flags = READ_ONLY, .refers = "user", .doc = "who says it"),
    TEXT(comment, 5, body, .format = FORMAT_LONG, .flags = REQUIRED, .min = 1, .max = 2000, .doc = "what is said"),
    TIME(comment, 6, edited_at, .flags = READ_ONLY, .doc = "when the author changed it last"),
    TEXT(comment, 7, reason, .format = FORMAT_LONG, .flags = READ_ONLY, .max = 500, .sees = CONCERNED,
         .doc = "why it was hidden"),
    BOOL(comment, 8, hidden_by_staff, .flags = READ_ONLY, .sees = CONCERNED,
         .doc = "hidden by the staff: only they show it again"),
};
/* clang-format on */
static const struct fields comment_fields = FIELDS("comment", struct comment, comment_rows);

/* clang-format off */
static const struct field query_rows[] = {
    ENUM(comments_query, 1, sort, &comment_sorts, .doc = "oldest (default) or newest first"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("comments_query", struct comments_query, query_rows);

static const uint16_t carried[] = {2, 3, 4, 0}; /* post_id, community_id, author_id */
const struct event post_commented = EVENT(1, "post.commented", carried, NULL, "somebody said something about it");
static const struct event post_comment_updated =
    EVENT(2, "post.comment_updated", carried, NULL, "and put it differently");
static const struct event post_comment_hidden =
    EVENT(3, "post.comment_hidden", carried, &reason_fields, "it is out of sight");
static const struct event post_comment_restored = EVENT(4, "post.comment_restored", carried, NULL, "it is back");
static const struct event post_comment_deleted =
    EVENT(5, "post.comment_deleted", carried, &reason_optional_fields, "it is gone");
/* clang-format off */
static const struct event *const comment_events[] = {&post_commented, &post_comment_updated, &post_comment_hidden,
                                                     &post_comment_restored, &post_comment_deleted, NULL};
/* clang-format on */

/* ---- machine ---- */
#define NOT_DELETED (STATE(COMMENT_PUBLISHED) | STATE(COMMENT_HIDDEN))
/* clang-format off */
static const struct transition comment_machine_rows[] = {
    /* from                      command    to                  event */
    {FROM_NONE,                 "create",  COMMENT_PUBLISHED,  &post_commented},
    {STATE(COMMENT_PUBLISHED),  "patch",   TO_SAME,            NULL},       /* emitted when the text differs */
    {STATE(COMMENT_PUBLISHED),  "hide",    COMMENT_HIDDEN,     &post_comment_hidden},
    {STATE(COMMENT_HIDDEN),     "restore", COMMENT_PUBLISHED,  &post_comment_restored},
    {NOT_DELETED,               "delete",  COMMENT_DELETED,    &post_comment_deleted},
    {STATE(COMMENT_DELETED),    "restore", TO_REMEMBERED,      &post_comment_restored},
};
/* clang-format on */
static const struct machine comment_machine = MACHINE(&comment_statuses, comment_machine_rows);

/* ---- indexes ---- */
static void post_keys(const void *entity, struct key_writer *writer)
{
    const struct comment *comment = entity;
    if (comment->entity.status == COMMENT_DELETED) return;
    key_begin(writer);
    key_id(writer, comment->post_id);
    key_integer(writer, comment->entity.created_at);
    key_end(writer);
}
static const struct index comment_by_post = {.number = 1, .name = "post", .keys = post_keys, .doc = "by post and age"};

static void person_keys(const void *entity, struct key_writer *writer)
{
    const struct comment *comment = entity;
    if (comment->entity.status == COMMENT_DELETED) return;
    key_begin(writer);
    key_id(writer, comment->author_id);
    key_integer(writer, comment->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index comment_by_person = {.number = 2, .name = "person", .keys = person_keys, .doc = "what a person has said, by age",
                                          .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const comment_indexes[] = {&comment_by_post, &comment_by_person, NULL};

static void scope_post(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, path_id(tx, "id"));
}

/* clang-format off */
static const struct listing comment_listings[] = {
    {.sort = "oldest", .index = &comment_by_post, .scope = scope_post},
    {.sort = "newest", .index = &comment_by_post, .scope = scope_post, .reverse = true},
    {0},
};
/* clang-format on */

static const char *comment_check(const void *entity)
{
    const struct comment *comment = entity;
    if (id_is_none(comment->post_id) || id_is_none(comment->author_id)) return "a comment has a post and an author";
    return comment->body.length ? NULL : "a comment says something";
}

/* ---- who ---- */
static uint32_t comment_relations(struct tx *tx, const void *entity)
{
    const struct comment *comment = entity;
    if (!comment || id_is_none(comment->post_id)) return 0;
    bool own = tx->principal.kind == PRINCIPAL_USER && id_equal(comment->author_id, tx->principal.user);
    return community_relations_of(tx, comment->community_id) | (own ? SELF : 0);
}

static bool comment_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct comment *comment = entity;
    const struct post *post = load(tx, &post_kind, comment->post_id);
    if (!post || !relations_to(tx, &post_kind, post)) return false;
    if (comment->entity.status == COMMENT_DELETED) return relations & ADMIN;
    return comment->entity.status == COMMENT_PUBLISHED || relations & CONCERNED;
}

/* ---- deciders ---- */
static enum error may_comment(struct tx *tx)
{
    const struct user *user = principal_user(tx);
    return user && user->permissions.may_comment ? OK : fail(tx, ERROR_FORBIDDEN, "you may not comment");
}

static enum error comment_create(struct tx *tx)
{
    struct comment *comment = tx->subject;
    const struct post *post = post_of_path(tx);
    if (!post) return fail(tx, ERROR_NOT_FOUND, "there is no such post");
    enum error error = post_of_member(tx, post);
    if (!error) error = may_comment(tx);
    if (!error) error = post_open_to_asker(tx, post);
    if (error) return error;
    comment->post_id = post->entity.id;
    comment->community_id = post->community_id;
    comment->author_id = tx->principal.user;
    return OK;
}

static enum error comment_patch(struct tx *tx)
{
    struct comment *comment = tx->subject;
    const struct comment *before = tx->before;
    enum error error = may_comment(tx);
    if (error || text_equal(comment->body, before->body)) return error;
    comment->edited_at = tx->now;
    emit(tx, comment, &comment_kind, &post_comment_updated, NULL);
    return OK;
}

static void note_hiding(struct tx *tx, struct comment *comment, struct text reason)
{
    comment->reason = reason;
    comment->hidden_by_staff = !(community_relations_of(tx, comment->community_id) & MODERATOR);
}

static enum error comment_hide(struct tx *tx)
{
    const struct reason_body *body = tx->body;
    note_hiding(tx, tx->subject, body->reason);
    event_data(tx, body);
    return OK;
}

static enum error comment_delete(struct tx *tx)
{
    event_data(tx, tx->body);
    return OK;
}

/* Of a hidden one, or, by the staff, of a deleted one. */
static enum error comment_restore(struct tx *tx)
{
    struct comment *comment = tx->subject;
    if (comment->entity.status == COMMENT_DELETED) return OK;
    if (comment->hidden_by_staff && !(tx->relations & ADMIN))
        return fail(tx, ERROR_FORBIDDEN, "the staff hid it: only they show it again");
    comment->hidden_by_staff = false;
    comment->reason = (struct text){0};
    return OK;
}

enum error comment_moderate(struct tx *tx, struct id comment_id, bool remove, struct text reason)
{
    struct comment *comment = edit(tx, &comment_kind, comment_id);
    if (!comment) return fail(tx, ERROR_NOT_FOUND, "there is no such comment");
    int64_t status = comment->entity.status;
    if (status == COMMENT_DELETED || (status == COMMENT_HIDDEN && !remove)) return OK;
    if (!remove) note_hiding(tx, comment, reason);
    struct reason_body data = {reason};
    return transition(tx, &comment_kind, comment, remove ? "delete" : "hide", &data);
}

static enum error comments_list(struct tx *tx)
{
    return post_of_path(tx) ? OK : fail(tx, ERROR_NOT_FOUND, "there is no such post");
}

static bool comments_match(struct tx *tx, const void *entity)
{
    return !blocked_by_asker(tx, ((const struct comment *)entity)->author_id);
}

/* ---- what follows ---- */
static bool is_live(const struct comment *comment)
{
    return comment && comment->entity.status == COMMENT_PUBLISHED;
}

static void comment_count_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &comment_kind) return;
    const struct comment *before = fact->before, *after = fact->after;
    int change = is_live(after) - is_live(before);
    if (!change || fact->version != after->entity.version) return; /* once for all events of a change */
    struct post_statistics *statistics = edit_or_create(tx, &post_statistics_kind, after->post_id);
    if (statistics) statistics->comment_count += change;
}
/* clang-format off */
const struct follower comment_count_follower = {
    .name = "comment_count", .doc = "published comments of a post", .view = true, .follow = comment_count_follow};
/* clang-format on */

/* ---- the kind ---- */
static struct id comment_post(const void *entity)
{
    return ((const struct comment *)entity)->post_id;
}

static struct id comment_author(const void *entity)
{
    return ((const struct comment *)entity)->author_id;
}

static struct id comment_itself(const void *entity)
{
    return ((const struct comment *)entity)->entity.id;
}

/* clang-format off */
static const struct join comment_joins[] = {
    {.name = "author", .kind = &user_card_kind, .key = comment_author, .placeholder = USER_CARD_PLACEHOLDER},
    {.name = "stats", .kind = &report_count_kind, .key = comment_itself, .revision = true},
    {0},
};

static const struct command comment_commands[] = {
    {"create", "POST", "/posts/{id}/comments", NULL, ACTION_CREATE, USER, .decide = comment_create,
     .demands = MEMBER, .doc = "comments on a post, as a member of its community"},
    {"list", "GET", "/posts/{id}/comments", NULL, ACTION_LIST, ANYONE, .query = &query_fields, .decide = comments_list,
     .listings = comment_listings, .matches = comments_match, .rate = RATE_READ, .steady = true,
     .doc = "what is said about a post, the oldest first; without those whom the asker blocks"},
    {"read", "GET", "/comments/{id}", NULL, ACTION_READ, ANYONE, .rate = RATE_READ, .steady = true, .doc = "a comment"},
    {"patch", "PATCH", "/comments/{id}", NULL, ACTION_PATCH, SELF, .decide = comment_patch, .doc = "says it differently"},
    {"delete", "DELETE", "/comments/{id}", NULL, ACTION_COMMAND, SELF | MODERATOR | ADMIN,
     .body = &reason_optional_fields, .decide = comment_delete, .doc = "takes it away"},
    {"hide", "POST", "/comments/{id}/hide", NULL, ACTION_COMMAND, MODERATOR | ADMIN, .body = &reason_fields,
     .decide = comment_hide, .doc = "takes it out of sight"},
    {"restore", "POST", "/comments/{id}/restore", NULL, ACTION_COMMAND, MODERATOR | ADMIN, .decide = comment_restore,
     .doc = "shows a hidden one again; the staff also a deleted one"},
    {0},
};

const struct kind comment_kind = {
    .number = 53,
    .name = "comment",
    .plural = "comments",
    .doc = "what somebody says about a post",
    .fields = &comment_fields,
    .machine = &comment_machine,
    .events = comment_events,
    .indexes = comment_indexes,
    .commands = comment_commands,
    .joins = comment_joins,
    .relations = comment_relations,
    .visible = comment_visible,
    .check = comment_check,
    .event_subject = comment_post,
    .subject_kind = "post",
};
/* clang-format on */
