/* What a post that is a poll has to hold; asked by the post's own commands. */
#pragma once
#include "actors/community/post.h"
#include "actors/runtime/tx.h"

/* Every problem of the bound poll is a detail. */
void poll_report_shape(struct tx *tx, const struct post *post);
/* New options get their ids, an open end the longest time. */
void poll_complete(struct tx *tx, struct post *post);
/* Options may still change; 409 once somebody has voted. */
enum error poll_unfixed(struct tx *tx, const struct post *before, const struct post *after);
