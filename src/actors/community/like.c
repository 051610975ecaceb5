/* Who likes a post: a link between the two, its id derived from both.

     – ─like→ active ─unlike→ ended ─like→ active

   Truths: whoever may read a post may like it, but for those whom its author blocks. like_count of the post counts the
   active links. All commands may be repeated. */
#include "actors/community/post_links.h"
#include "actors/identity/block.h"

static const char *const like_status_names[] = {NULL, "active", "ended"};
static const struct enumeration like_statuses = ENUMERATION("like_status", like_status_names);

/* clang-format off */
static const struct field like_rows[] = {
    ENTITY_ROW(like),
    ID(like, 2, post_id, .flags = READ_ONLY, .refers = "post", .doc = "what is liked"),
    ID(like, 3, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who likes it"),
};
/* clang-format on */
static const struct fields like_fields = FIELDS("like", struct like, like_rows);

static const uint16_t carried[] = {2, 3, 0}; /* post_id, user_id */
const struct event post_liked = {1, "post.liked", carried, NULL, "somebody likes it"};
const struct event post_unliked = {2, "post.unliked", carried, NULL, "somebody likes it no more"};
static const struct event *const like_events[] = {&post_liked, &post_unliked, NULL};

/* clang-format off */
static const struct transition like_machine_rows[] = {
    /* from                            command   to           event */
    {FROM_NONE | STATE(LIKE_ENDED),   "like",   LIKE_ACTIVE, &post_liked},
    {STATE(LIKE_ACTIVE),              "like",   TO_SAME,     NULL},
    {FROM_NONE | STATE(LIKE_ENDED),   "add",    LIKE_ACTIVE, &post_liked},
    {STATE(LIKE_ACTIVE),              "add",    TO_SAME,     NULL},
    {STATE(LIKE_ACTIVE),              "unlike", LIKE_ENDED,  &post_unliked},
};
/* clang-format on */
static const struct machine like_machine = MACHINE(&like_statuses, like_machine_rows);

static const char *like_check(const void *entity)
{
    const struct like *like = entity;
    return id_is_none(like->post_id) || id_is_none(like->user_id) ? "a like has a post and a person" : NULL;
}

/* ---- deciders ---- */
static struct id my_like(struct tx *tx)
{
    struct id post_id = path_id(tx, "id");
    return id_is_none(post_id) ? ID_NONE : id_derived("like", post_id, tx->principal.user);
}

static enum error like_like(struct tx *tx)
{
    struct like *like = tx->subject;
    const struct post *post = post_of_path(tx);
    if (!post) return fail(tx, ERROR_NOT_FOUND, "there is no such post");
    if (blocks_asker(tx, post->author_id)) return fail(tx, ERROR_FORBIDDEN, "the author of this post has blocked you");
    like->post_id = post->entity.id;
    like->user_id = tx->principal.user;
    return OK;
}

/* What was never there ends too; a like of what is not to be read any more can still be taken back. */
static enum error like_unlike(struct tx *tx)
{
    struct like *like = edit(tx, &like_kind, my_like(tx));
    if (!like && !post_of_path(tx)) return fail(tx, ERROR_NOT_FOUND, "there is no such post");
    if (!like || like->entity.status != LIKE_ACTIVE) return OK;
    return transition(tx, &like_kind, like, "unlike", NULL);
}

/* ---- what follows ---- */
static void like_count_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &like_kind) return;
    struct post_statistics *statistics =
        edit_or_create(tx, &post_statistics_kind, ((const struct like *)fact->after)->post_id);
    if (statistics) statistics->like_count += fact->event == &post_liked ? 1 : -1;
}
/* clang-format off */
const struct follower like_count_follower = {
    .name = "like_count", .doc = "people who like a post", .view = true, .follow = like_count_follow};
/* clang-format on */

/* ---- the kind ---- */
static void person_keys(const void *entity, struct key_writer *writer)
{
    const struct like *like = entity;
    if (like->entity.status != LIKE_ACTIVE) return;
    key_begin(writer);
    key_id(writer, like->user_id);
    key_integer(writer, like->entity.created_at);
    key_end(writer);
}
/* clang-format off */
static const struct index like_by_person = {.number = 1, .name = "person", .keys = person_keys, .doc = "what a person likes, by age",
                                          .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const like_indexes[] = {&like_by_person, NULL};

static struct id like_post(const void *entity)
{
    return ((const struct like *)entity)->post_id;
}

static uint32_t like_relations(struct tx *tx, const void *entity)
{
    const struct like *like = entity;
    return like && id_equal(like->user_id, tx->principal.user) ? SELF : 0;
}

/* clang-format off */
static const struct command like_commands[] = {
    {"like", "PUT", "/posts/{id}/like", NULL, ACTION_UPSERT, USER, .target = my_like, .decide = like_like, .status = 204,
     .doc = "likes a post"},
    {"add", "POST", "/posts/{id}/like", NULL, ACTION_UPSERT, USER, .target = my_like, .decide = like_like, .status = 204,
     .doc = "the same as PUT"},
    {"unlike", "DELETE", "/posts/{id}/like", NULL, ACTION_CALL, USER, .decide = like_unlike, .status = 204,
     .doc = "likes a post no more"},
    {0},
};

const struct kind like_kind = {
    .number = 54,
    .name = "like",
    .plural = "likes",
    .doc = "a person who likes a post",
    .fields = &like_fields,
    .machine = &like_machine,
    .events = like_events,
    .indexes = like_indexes,
    .commands = like_commands,
    .relations = like_relations,
    .check = like_check,
    .event_subject = like_post,
    .subject_kind = "post",
};
/* clang-format on */
