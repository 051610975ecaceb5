/* Who follows whom: a link between two people. */
#pragma once
#include "actors/runtime/tx.h"

enum follow_status { FOLLOW_ACTIVE = 1, FOLLOW_ENDED };

struct follow {
    struct entity entity;
    struct id follower_id, followed_id;
    int64_t since; /* of the last time it began; its place in lists */
};

extern const struct kind follow_kind;
extern const struct event user_followed, user_unfollowed;
extern const struct follower follow_counts_follower;

struct id follow_id(struct id follower_id, struct id followed_id);
/* Ends it where there is one. */
enum error follow_end(struct tx *tx, struct id follower_id, struct id followed_id);
