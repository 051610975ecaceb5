/* The counters of communities: those that decisions read, and those that people are shown. */
#include "actors/community/community.h"

/* clang-format off */
static const struct field community_counts_rows[] = {
    ENTITY_ROW(community_counts),
    INTEGER(community_counts, 2, live, .flags = READ_ONLY, .doc = "of a person: live communities owned"),
    INTEGER(community_counts, 3, members, .flags = READ_ONLY,
            .doc = "of a community: active members, the owner included"),
};
static const struct fields community_counts_fields =
    FIELDS("community_counts", struct community_counts, community_counts_rows);
/* clang-format on */

static const char *community_counts_check(const void *entity)
{
    const struct community_counts *counts = entity;
    return counts->live < 0 || counts->members < 0 ? "counts are not negative" : NULL;
}

/* clang-format off */
const struct kind community_counts_kind = {
    .number = 22,
    .name = "community_counts",
    .plural = "community_counts",
    .doc = "live communities of a person, active members of a community",
    .fields = &community_counts_fields,
    .quiet = true,
    .check = community_counts_check,
};

static const struct field community_statistics_rows[] = {
    ENTITY_ROW(community_statistics),
    INTEGER(community_statistics, 2, member_count, .flags = READ_ONLY, .doc = "active members, the owner included"),
    INTEGER(community_statistics, 3, post_count, .flags = READ_ONLY, .doc = "published posts"),
    INTEGER(community_statistics, 4, promotion_count, .flags = READ_ONLY, .doc = "active promotions approved for it"),
};
static const struct fields community_statistics_fields =
    FIELDS("community_statistics", struct community_statistics, community_statistics_rows);

const struct kind community_statistics_kind = {
    .number = 23,
    .name = "community_statistics",
    .plural = "community_statistics",
    .doc = "figures of a community",
    .fields = &community_statistics_fields,
    .derived = true,
};
/* clang-format on */

int64_t membership_change(const struct fact *fact)
{
    if (fact->event == &community_member_joined) return 1;
    const struct membership *before = fact->before;
    if (!before || before->entity.status != MEMBERSHIP_ACTIVE) return 0;
    bool ended = fact->event == &community_member_left || fact->event == &community_member_removed ||
                 fact->event == &community_member_banned;
    return ended ? -1 : 0;
}

static void community_statistics_follow(struct tx *tx, const struct fact *fact)
{
    int64_t change = membership_change(fact);
    if (!change) return;
    const struct membership *membership = fact->after;
    struct community_statistics *statistics = edit_or_create(tx, &community_statistics_kind, membership->community_id);
    if (statistics) statistics->member_count += change;
}

/* clang-format off */
static const struct follower community_statistics_follower = {
    .name = "community_statistics", .doc = "members of a community", .view = true,
    .follow = community_statistics_follow};

const struct kind *const community_kinds[] = {&community_kind, &membership_kind, &community_counts_kind,
                                              &community_statistics_kind, NULL};
/* clang-format on */
const struct follower *const community_followers[] = {&community_statistics_follower, NULL};
