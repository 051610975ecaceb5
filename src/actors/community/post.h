/* Posts of a community: text, image, video, link, poll. Comments, likes, votes and reports are kinds of their own
   (post_links.h).

   – ─create→ published or pending_moderation; pending_moderation ─approve→ published / ─reject→ rejected;
   rejected ─resubmit→ pending_moderation;
   published ─hide→ hidden ─restore→ published; all ─delete→ deleted ─restore→ the state before.
   Beside it the global state: none ─request-global→ requested; requested ─approve-global→ approved /
   ─reject-global→ rejected;
   withdrawn by hand or by any edit of the content. */
#pragma once
#include "actors/runtime/kind.h"

struct community;

enum post_status { POST_PUBLISHED = 1, POST_PENDING_MODERATION, POST_REJECTED, POST_HIDDEN, POST_DELETED };
enum post_type { POST_TEXT = 1, POST_IMAGE, POST_VIDEO, POST_LINK, POST_POLL };
enum global_status { GLOBAL_NONE = 1, GLOBAL_REQUESTED, GLOBAL_APPROVED, GLOBAL_REJECTED };

struct post_media {
    struct text url, alt;
};
struct post_link {
    struct text url, title, description, image_url;
};
struct post_option {
    struct id id;
    struct text text;
};
struct post_poll { /* votes are in the poll's result */
    LIST_OF(struct post_option) options;
    bool multiple;
    int64_t closes_at;
};
struct post_global {
    enum global_status status;
    int64_t requested_at, decided_at; /* decided_at of an approved one: its place in the global feed */
    struct id decided_by;
    struct text reason;
};

struct post {
    struct entity entity;
    struct id community_id, author_id;
    enum post_type type;
    struct text title, body;
    LIST_OF(struct post_media) media;
    struct post_link link;
    struct post_global global;
    bool pinned, pinned_global;
    int64_t published_at; /* first publication; its place in the community's feed */
    struct text reason;   /* of the last rejection or hiding */
    bool hidden_by_staff;
    struct id deleted_by;
    struct post_poll poll;
};

/* Pinned posts of a community (its id), or of the global feed (the tenant's id); quiet. */
struct post_pins {
    struct entity entity;
    int64_t pinned;
};
/* A view: what people did with a post; id: the post's. */
struct post_statistics {
    struct entity entity;
    int64_t like_count, comment_count, report_count;
};

extern const struct kind post_kind, post_pins_kind, post_statistics_kind;
extern const struct kind *const post_kinds[];         /* NULL-terminated */
extern const struct follower *const post_followers[]; /* NULL-terminated */

/* Published, so in its community's feed as long as that lives. */
bool post_in_community_feed(const struct post *post);
/* Published and approved for global, so in the global feed while its community is live and public. */
bool post_in_global_feed(const struct post *post);
/* What a card shows: the title, else the first 120 code points of the body, else of the link. A view into the post. */
struct text post_headline(const struct post *post);
struct text post_thumbnail(const struct post *post);
/* Hides or deletes a post on behalf of a moderator or the staff; what is out of sight already stays so. */
enum error post_moderate(struct tx *tx, struct id post_id, bool remove, struct text reason);
