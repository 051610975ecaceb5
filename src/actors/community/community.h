/* Communities and who belongs to them. */
#pragma once
#include "actors/runtime/tx.h"

enum community_status { COMMUNITY_ACTIVE = 1, COMMUNITY_SUSPENDED, COMMUNITY_DELETED };
enum community_visibility { VISIBILITY_PUBLIC = 1, VISIBILITY_PRIVATE };
enum membership_status {
    MEMBERSHIP_REQUESTED = 1,
    MEMBERSHIP_ACTIVE,
    MEMBERSHIP_LEFT,
    MEMBERSHIP_REMOVED,
    MEMBERSHIP_REJECTED,
    MEMBERSHIP_BANNED
};
enum membership_role { MEMBERSHIP_MEMBER = 1, MEMBERSHIP_MODERATOR, MEMBERSHIP_OWNER };

extern const struct enumeration community_statuses, community_visibilities, membership_statuses, membership_roles;

struct branding {
    struct text avatar_url, banner_url, color;
};
struct community_rule {
    struct text title, text;
};
struct restrictions {
    int64_t min_age;                /* 0: none */
    LIST_OF(struct text) countries; /* empty: all */
    int64_t member_cap;             /* 0: none; counts active members with the owner */
};
struct content_policy {
    bool members_may_post, moderated;
};

struct community {
    struct entity entity;
    struct id owner_id;
    struct text name, slug, description, purpose;
    struct branding branding;
    LIST_OF(struct community_rule) rules;
    enum community_visibility visibility;
    struct restrictions restrictions;
    struct content_policy content;
    struct text reason; /* of the last act of the staff */
};

struct membership {
    struct entity entity;
    struct id community_id, user_id;
    enum membership_role role;
    int64_t requested_at, joined_at;
    struct id decided_by;
    struct text reason;
};

/* Counters that decisions read: for a user (id is the user's) its live communities, for a community (id is the
   community's) its active members. */
struct community_counts {
    struct entity entity;
    int64_t live, members;
};

/* Joined into the community as `stats`; id is the community's. */
struct community_statistics {
    struct entity entity;
    int64_t member_count, post_count, promotion_count;
};

extern const struct kind community_kind, membership_kind, community_counts_kind, community_statistics_kind;
extern const struct event community_created, community_updated, community_transferred, community_suspended,
    community_reinstated, community_deleted, community_restored;
/* Of membership_kind, subject the community. */
extern const struct event community_member_joined, community_member_requested, community_member_rejected,
    community_member_left, community_member_removed, community_member_banned, community_member_unbanned,
    community_member_role_updated;

extern const struct kind *const community_kinds[];
extern const struct follower *const community_followers[];

/* Active: neither suspended nor deleted. */
bool community_live(const struct community *community);
/* May the asker read its feed, posts and members? Live, and public or the asker's own; admins read every live one. */
bool community_readable(struct tx *tx, const struct community *community);
/* MEMBER, MODERATOR and OWNER of the asker, cumulative: the owner has all three; 0 for those outside. */
uint32_t community_relations_of(struct tx *tx, struct id community_id);
struct id membership_id(struct id community_id, struct id user_id);
/* The community that the path's {id} names, by id or slug; ID_NONE when there is none (or pending). */
struct id community_of_path(struct tx *tx);
/* +1 when this fact made an active membership, -1 when it ended one, else 0: what member counts add up. */
int64_t membership_change(const struct fact *fact);
/* How many live communities a user owns. */
int64_t communities_owned(struct tx *tx, struct id user_id);
