/* Who wants nothing of whom: a link between two people. */
#pragma once
#include "actors/runtime/tx.h"

struct user;
enum block_status { BLOCK_ACTIVE = 1, BLOCK_ENDED };

struct block_link {
    struct entity entity;
    struct id blocker_id, blocked_id;
    int64_t since; /* of the last time it began; its place in the list */
};

extern const struct kind block_kind;
extern const struct event user_blocked, user_unblocked;
extern const struct follower block_counts_follower;

/* Has this person blocked the asker? Then the asker cannot follow, like or comment on what is that person's. */
bool blocks_asker(struct tx *tx, struct id user_id);
/* The asker blocks nobody: as far as blocks go, what is shown is what everybody is shown. */
bool blocks_nobody(struct tx *tx);
/* Has the asker blocked this person? Then feeds and comments are shown without what that person wrote. Not for decisions:
   it first looks at a figure, so that those who block nobody pay one look-up a page. */
bool blocked_by_asker(struct tx *tx, struct id user_id);
/* The person whom the path's {id} names, when the asker may see the account and it is not closed; else NULL. */
const struct user *user_of_path(struct tx *tx);
