/* What the files of the post kind share. */
#pragma once
#include "actors/community/post.h"
#include "actors/runtime/tx.h"

struct post_query {
    struct id community_id, author_id;
    enum post_status status;
    struct text q;
};
extern const struct enumeration post_statuses, post_global_statuses;
extern const struct fields post_fields, post_query_fields;
extern const struct event post_created, post_published, post_updated, post_rejected, post_resubmitted, post_hidden,
    post_restored, post_deleted, post_pinned, post_unpinned, post_global_requested, post_global_approved,
    post_global_rejected, post_global_withdrawn;
extern const struct event *const post_events[];
extern const struct index post_by_newest, post_by_community, post_by_author;
extern const struct index *const post_indexes[];
extern const struct searched post_searched;
