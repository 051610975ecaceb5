/* Who follows whom: a link between two people, its id derived from both.

     – ─follow→ active ─unfollow→ ended ─follow→ active

   Truths: nobody follows oneself; who is blocked by a person does not follow that person (block.c ends what there was).
   A link stays when one of the two closes the account, so that figures equal links. Both commands may be repeated. */
#include "actors/identity/follow.h"
#include "actors/identity/block.h"
#include "actors/identity/identity.h"

static const char *const follow_status_names[] = {NULL, "active", "ended"};
static const struct enumeration follow_statuses = ENUMERATION("follow_status", follow_status_names);

/* clang-format off */
static const struct field follow_rows[] = {
    ENTITY_ROW(follow),
    ID(follow, 2, follower_id, .flags = READ_ONLY, .refers = "user", .doc = "who follows"),
    ID(follow, 3, followed_id, .flags = READ_ONLY, .refers = "user", .doc = "whom"),
    TIME(follow, 4, since, .flags = READ_ONLY, .doc = "when it began last"),
};
/* clang-format on */
static const struct fields follow_fields = FIELDS("follow", struct follow, follow_rows);

static const uint16_t carried[] = {2, 3, 0}; /* follower_id, followed_id */
const struct event user_followed = {1, "user.followed", carried, NULL, "somebody follows this person"};
const struct event user_unfollowed = {2, "user.unfollowed", carried, NULL, "somebody follows this person no more"};
static const struct event *const follow_events[] = {&user_followed, &user_unfollowed, NULL};

/* clang-format off */
static const struct transition follow_machine_rows[] = {
    /* from                              command     to             event */
    {FROM_NONE | STATE(FOLLOW_ENDED),   "follow",   FOLLOW_ACTIVE, &user_followed},
    {STATE(FOLLOW_ACTIVE),              "follow",   TO_SAME,       NULL},
    {STATE(FOLLOW_ACTIVE),              "unfollow", FOLLOW_ENDED,  &user_unfollowed},
};
/* clang-format on */
static const struct machine follow_machine = MACHINE(&follow_statuses, follow_machine_rows);

/* ---- indexes ---- */
static void key_of(const struct follow *follow, struct key_writer *writer, struct id whose)
{
    if (follow->entity.status != FOLLOW_ACTIVE) return;
    key_begin(writer);
    key_id(writer, whose);
    key_integer(writer, follow->since);
    key_end(writer);
}

static void followed_keys(const void *entity, struct key_writer *writer)
{
    const struct follow *follow = entity;
    key_of(follow, writer, follow->followed_id);
}

static void follower_keys(const void *entity, struct key_writer *writer)
{
    const struct follow *follow = entity;
    key_of(follow, writer, follow->follower_id);
}

/* clang-format off */
static const struct index follow_by_followed = {.number = 1, .name = "followed", .keys = followed_keys,
                                                .doc = "who follows a person, by age"};
static const struct index follow_by_follower = {.number = 2, .name = "follower", .keys = follower_keys,
                                                .doc = "whom a person follows, by age", .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const follow_indexes[] = {&follow_by_followed, &follow_by_follower, NULL};

static void scope_person(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, path_id(tx, "id"));
}

static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

/* clang-format off */
static const struct listing followers_listings[] = {
    {.sort = "newest", .index = &follow_by_followed, .scope = scope_person, .reverse = true}, {0}};
static const struct listing following_listings[] = {
    {.sort = "newest", .index = &follow_by_follower, .scope = scope_person, .reverse = true}, {0}};
static const struct listing my_listings[] = {
    {.sort = "newest", .index = &follow_by_follower, .scope = scope_myself, .reverse = true}, {0}};
/* clang-format on */

static const char *follow_check(const void *entity)
{
    const struct follow *follow = entity;
    if (id_equal(follow->follower_id, follow->followed_id)) return "nobody follows oneself";
    return follow->since ? NULL : "a link says since when";
}

/* ---- deciders ---- */
struct id follow_id(struct id follower_id, struct id followed_id)
{
    return id_derived("follow", follower_id, followed_id);
}

static struct id my_follow(struct tx *tx)
{
    struct id followed_id = path_id(tx, "id");
    return id_is_none(followed_id) ? ID_NONE : follow_id(tx->principal.user, followed_id);
}

static enum error follow_follow(struct tx *tx)
{
    struct follow *follow = tx->subject;
    const struct user *user = user_of_path(tx);
    if (!user) return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    if (blocks_asker(tx, user->entity.id)) return fail(tx, ERROR_FORBIDDEN, "this person has blocked you");
    if (id_equal(user->entity.id, tx->principal.user)) return fail(tx, ERROR_CONFLICT, "nobody follows oneself");
    if (follow->entity.status == FOLLOW_ACTIVE) return OK;
    follow->follower_id = tx->principal.user;
    follow->followed_id = user->entity.id;
    follow->since = tx->now;
    return OK;
}

enum error follow_end(struct tx *tx, struct id follower_id, struct id followed_id)
{
    struct follow *follow = edit(tx, &follow_kind, follow_id(follower_id, followed_id));
    if (!follow || follow->entity.status != FOLLOW_ACTIVE) return OK;
    return transition(tx, &follow_kind, follow, "unfollow", NULL);
}

/* What was never there ends too; a link to somebody who has closed the account can still be ended. */
static enum error follow_unfollow(struct tx *tx)
{
    struct id followed_id = path_id(tx, "id");
    bool known = load(tx, &follow_kind, follow_id(tx->principal.user, followed_id)) || user_of_path(tx);
    if (!known) return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    return follow_end(tx, tx->principal.user, followed_id);
}

static enum error list_of_person(struct tx *tx)
{
    return user_of_path(tx) ? OK : fail(tx, ERROR_NOT_FOUND, "there is no such user");
}

/* ---- what follows ---- */
static void count_links(struct tx *tx, struct id user_id, int64_t followers, int64_t following)
{
    struct user_statistics *statistics = edit_or_create(tx, &user_statistics_kind, user_id);
    if (!statistics) return;
    statistics->follower_count += followers;
    statistics->following_count += following;
    struct user_card *card = edit(tx, &user_card_kind, user_id); /* none while the account is closed */
    if (!card) return;
    card->follower_count = statistics->follower_count;
    card->following_count = statistics->following_count;
}

static void follow_counts_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &follow_kind) return;
    const struct follow *follow = fact->after;
    int64_t change = fact->event == &user_followed ? 1 : -1;
    count_links(tx, follow->followed_id, change, 0);
    count_links(tx, follow->follower_id, 0, change);
}

/* clang-format off */
const struct follower follow_counts_follower = {
    .name = "follow_counts", .doc = "followers and followed of a person, in figures and card", .view = true,
    .follow = follow_counts_follow};
/* clang-format on */

/* ---- the kind ---- */
static struct id follow_follower(const void *entity)
{
    return ((const struct follow *)entity)->follower_id;
}

static struct id follow_followed(const void *entity)
{
    return ((const struct follow *)entity)->followed_id;
}

/* clang-format off */
static const struct join follow_joins[] = {
    {.name = "follower", .kind = &user_card_kind, .key = follow_follower, .placeholder = USER_CARD_PLACEHOLDER},
    {.name = "followed", .kind = &user_card_kind, .key = follow_followed, .placeholder = USER_CARD_PLACEHOLDER},
    {0},
};

static const struct command follow_commands[] = {
    {"follow", "PUT", "/users/{id}/follow", NULL, ACTION_UPSERT, USER, .target = my_follow, .decide = follow_follow,
     .status = 204, .doc = "follows a person"},
    {"unfollow", "DELETE", "/users/{id}/follow", NULL, ACTION_CALL, USER, .decide = follow_unfollow, .status = 204,
     .doc = "follows a person no more"},
    {"followers", "GET", "/users/{id}/followers", NULL, ACTION_LIST, ANYONE, .listings = followers_listings,
     .decide = list_of_person, .rate = RATE_READ, .doc = "who follows a person, the newest first"},
    {"following", "GET", "/users/{id}/following", NULL, ACTION_LIST, ANYONE, .listings = following_listings,
     .decide = list_of_person, .rate = RATE_READ, .doc = "whom a person follows, the newest first"},
    {"mine", "GET", "/users/me/following", NULL, ACTION_LIST, USER, .listings = my_listings, .rate = RATE_READ,
     .doc = "whom the asker follows, the newest first"},
    {0},
};

const struct kind follow_kind = {
    .number = 25,
    .name = "follow",
    .plural = "follows",
    .doc = "a person who follows another one",
    .fields = &follow_fields,
    .machine = &follow_machine,
    .events = follow_events,
    .indexes = follow_indexes,
    .commands = follow_commands,
    .joins = follow_joins,
    .check = follow_check,
    .event_subject = follow_followed,
    .subject_kind = "user",
};
/* clang-format on */
