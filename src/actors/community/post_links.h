/* What people do with a post: comments, likes, votes, reports; each a kind of its own, so that none raises its version. */
#pragma once
#include "actors/community/post.h"
#include "actors/runtime/tx.h"

/* -- comment.c -- */
enum comment_status { COMMENT_PUBLISHED = 1, COMMENT_HIDDEN, COMMENT_DELETED };
struct comment {
    struct entity entity;
    struct id post_id, community_id, author_id;
    struct text body;
    int64_t edited_at;
    struct text reason; /* of the last hiding */
    bool hidden_by_staff;
};
/* Hides or deletes a comment on behalf of a moderator or the staff; what is out of sight already stays so. */
enum error comment_moderate(struct tx *tx, struct id comment_id, bool remove, struct text reason);

/* -- like.c -- */
enum like_status { LIKE_ACTIVE = 1, LIKE_ENDED };
struct like {
    struct entity entity;
    struct id post_id, user_id;
};

/* -- poll.c -- */
struct vote {
    struct entity entity;
    struct id post_id, user_id;
    LIST_OF(struct id) option_ids;
};
/* Quiet; id: the post's. Its options stay from the first vote on. */
struct poll_state {
    struct entity entity;
    int64_t first_vote_at;
};
struct poll_figure {
    struct id option_id;
    int64_t votes;
};
/* A view, joined into the post; id: the post's. */
struct poll_result {
    struct entity entity;
    int64_t voters;
    LIST_OF(struct poll_figure) options;
};

/* -- report.c -- */
enum report_status { REPORT_OPEN = 1, REPORT_RESOLVED };
enum report_target { REPORT_POST = 1, REPORT_COMMENT, REPORT_USER, REPORT_COMMUNITY, REPORT_PRODUCT, REPORT_PROMOTION };
enum report_reason { REASON_SPAM = 1, REASON_ABUSE, REASON_ILLEGAL, REASON_COUNTERFEIT, REASON_OTHER };
enum report_action { REPORT_NONE = 1, REPORT_HIDDEN, REPORT_REMOVED };
struct report {
    struct entity entity;
    struct id reporter_id;
    enum report_target target_kind;
    struct id target_id, community_id; /* community_id: of a post or comment */
    enum report_reason reason;
    struct text note;
    enum report_action action;
    struct text resolution;
    struct id resolved_by;
    int64_t resolved_at;
};
/* A view; id: the target's. */
struct report_count {
    struct entity entity;
    int64_t report_count, open_count;
};

extern const struct kind comment_kind, like_kind, vote_kind, poll_state_kind, poll_result_kind, report_kind,
    report_count_kind;
extern const struct event post_commented, post_liked, post_unliked, post_voted, report_created, report_resolved;
extern const struct follower comment_count_follower, like_count_follower, poll_results_follower, report_counts_follower;

/* -- post_links.c -- */
/* The post that the path's {id} names, when the asker may read it; else NULL: not found. */
const struct post *post_of_path(struct tx *tx);
/* Published, and its author has not blocked the asker; else a refusal. */
enum error post_open_to_asker(struct tx *tx, const struct post *post);
/* An active member of its community asks; else a refusal. */
enum error post_of_member(struct tx *tx, const struct post *post);
