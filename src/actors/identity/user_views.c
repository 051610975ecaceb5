/* What others are shown of a person, kept by followers of the person's events: the card (`user_cards`) and the
   figures. */
#include "actors/identity/user_views.h"
#include "actors/community/community.h"

/* clang-format off */
static const struct field user_statistics_rows[] = {
    ENTITY_ROW(user_statistics),
    INTEGER(user_statistics, 2, follower_count, .flags = READ_ONLY, .doc = "people who follow this person"),
    INTEGER(user_statistics, 3, following_count, .flags = READ_ONLY, .doc = "people whom this person follows"),
    INTEGER(user_statistics, 4, community_count, .flags = READ_ONLY,
            .doc = "communities this person is an active member of"),
    INTEGER(user_statistics, 5, post_count, .flags = READ_ONLY, .doc = "published posts"),
    INTEGER(user_statistics, 6, total_orders, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "orders ever confirmed"),
    MONEY(user_statistics, 7, total_spent, .flags = READ_ONLY, .sees = SELF | ADMIN,
          .doc = "paid, less what was refunded"),
    INTEGER(user_statistics, 8, blocked_count, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "people whom this person blocks"),
};
static const struct fields user_statistics_fields =
    FIELDS("user_statistics", struct user_statistics, user_statistics_rows);

const struct kind user_statistics_kind = {
    .number = 5,
    .name = "user_statistics",
    .plural = "user_statistics",
    .doc = "figures of a person",
    .fields = &user_statistics_fields,
    .derived = true,
};

static const struct field user_card_rows[] = {
    ENTITY_ROW(user_card),
    ID(user_card, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "the person"),
    TEXT(user_card, 3, display_name, .flags = READ_ONLY | PERSONAL, .max = 60, .doc = "name for others"),
    TEXT(user_card, 4, avatar, .format = FORMAT_PICTURE, .flags = READ_ONLY | PERSONAL, .doc = "picture"),
    TEXT(user_card, 5, bio, .format = FORMAT_LONG, .flags = READ_ONLY | PERSONAL, .max = 500,
         .doc = "about the person"),
    ENUM(user_card, 6, role, &user_roles, .flags = READ_ONLY, .doc = "consumer or leader"),
    INTEGER(user_card, 7, follower_count, .flags = READ_ONLY, .doc = "people who follow this person"),
    INTEGER(user_card, 8, following_count, .flags = READ_ONLY, .doc = "people whom this person follows"),
};
/* clang-format on */
static const struct fields user_card_fields = FIELDS("user_card", struct user_card, user_card_rows);

/* clang-format off */
const struct kind user_card_kind = {
    .number = 6,
    .name = "user_card",
    .plural = "user_cards",
    .doc = "what others are shown of a person",
    .fields = &user_card_fields,
    .derived = true,
};
/* clang-format on */

static void user_cards_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &user_kind) return;
    const struct user *user = fact->after;
    if (user->entity.status == USER_PENDING) return;
    if (user->entity.status == USER_DELETED) {
        if (load(tx, &user_card_kind, fact->id)) discard(tx, &user_card_kind, fact->id);
        return;
    }
    struct user_card *card = edit_or_create(tx, &user_card_kind, fact->id);
    if (!card) return;
    const struct user_statistics *statistics = load(tx, &user_statistics_kind, fact->id);
    card->user_id = fact->id;
    card->display_name = user->profile.display_name;
    card->avatar = user->profile.avatar;
    card->bio = user->profile.bio;
    card->role = user->role;
    card->follower_count = statistics ? statistics->follower_count : 0;
    card->following_count = statistics ? statistics->following_count : 0;
}

/* community_count; orders, posts and follows are counted by the followers of those areas. */
static void user_statistics_follow(struct tx *tx, const struct fact *fact)
{
    int64_t change = membership_change(fact);
    if (!change) return;
    const struct membership *membership = fact->after;
    struct user_statistics *statistics = edit_or_create(tx, &user_statistics_kind, membership->user_id);
    if (statistics) statistics->community_count += change;
}

/* clang-format off */
const struct follower user_cards_follower = {
    .name = "user_cards", .doc = "the card of a person, shown with posts, communities and members", .view = true,
    .follow = user_cards_follow};
const struct follower user_statistics_follower = {
    .name = "user_statistics", .doc = "communities of a person", .view = true, .follow = user_statistics_follow};
/* clang-format on */
