/* Tables of posts: fields, events, indexes; what a card shows; the small kinds beside it; what follows its facts. */
#include "actors/community/post_internal.h"

#include "actors/community/community.h"
#include "actors/community/post_links.h"
#include "actors/identity/identity.h"

static const char *const status_values[] = {NULL, "published", "pending_moderation", "rejected", "hidden", "deleted"};
const struct enumeration post_statuses = ENUMERATION("post_status", status_values);
static const char *const type_values[] = {NULL, "text", "image", "video", "link", "poll"};
static const struct enumeration types = ENUMERATION("post_type", type_values);
static const char *const global_values[] = {NULL, "none", "requested", "approved", "rejected"};
const struct enumeration post_global_statuses = ENUMERATION("post_global_status", global_values);

/* ---- fields ---- */
/* clang-format off */
static const struct field media_rows[] = {
    TEXT(post_media, 1, url, .format = FORMAT_PICTURE, .flags = REQUIRED, .doc = "where it is"),
    TEXT(post_media, 2, alt, .max = 200, .doc = "what it shows, for those who do not see it"),
};
static const struct fields media_fields = FIELDS("post_media", struct post_media, media_rows);

static const struct field link_rows[] = {
    TEXT(post_link, 1, url, .format = FORMAT_URL, .flags = REQUIRED, .doc = "where it leads"),
    TEXT(post_link, 2, title, .max = 200, .doc = "given by the author"),
    TEXT(post_link, 3, description, .format = FORMAT_LONG, .max = 500, .doc = "given by the author"),
    TEXT(post_link, 4, image_url, .format = FORMAT_PICTURE, .doc = "given by the author"),
};
static const struct fields link_fields = FIELDS("post_link", struct post_link, link_rows);

static const struct field option_rows[] = {
    ID(post_option, 1, id, .flags = READ_ONLY, .doc = "what a vote names"),
    TEXT(post_option, 2, text, .flags = REQUIRED, .min = 1, .max = 100, .doc = "a possible answer"),
};
static const struct fields option_fields = FIELDS("post_option", struct post_option, option_rows);

static const struct field poll_rows[] = {
    LIST(post_poll, 1, options, struct post_option, &option_fields, .flags = REQUIRED, .min = 2, .max = 10,
        .doc = "the answers to choose from; they stay from the first vote on"),
    BOOL(post_poll, 2, multiple, .doc = "a vote may name several"),
    TIME(post_poll, 3, closes_at, .doc = "votes are taken until then, at most 30 days; 30 days when absent"),
};
static const struct fields poll_fields = FIELDS("post_poll", struct post_poll, poll_rows);

static const struct field global_rows[] = {
    ENUM(post_global, 1, status, &post_global_statuses, .initial = GLOBAL_NONE, .flags = READ_ONLY,
        .doc = "none, requested, approved, rejected"),
    TIME(post_global, 2, requested_at, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "when the author asked"),
    TIME(post_global, 3, decided_at, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "when it was decided"),
    ID(post_global, 4, decided_by, .flags = READ_ONLY | OPTIONAL, .sees = SELF | ADMIN, .refers = "user",
        .doc = "who decided"),
    TEXT(post_global, 5, reason, .format = FORMAT_LONG, .flags = READ_ONLY, .sees = SELF | ADMIN, .doc = "why not"),
};
static const struct fields global_fields = FIELDS("post_global", struct post_global, global_rows);

static const struct field post_rows[] = {
    ENTITY_ROW(post),
    ID(post, 2, community_id, .flags = REQUIRED | CREATE_ONLY, .refers = "community", .doc = "where it is posted"),
    ID(post, 3, author_id, .flags = READ_ONLY, .refers = "user", .doc = "who posted it"),
    ENUM(post, 4, type, &types, .flags = REQUIRED | CREATE_ONLY, .doc = "text, image, video, link or poll"),
    TEXT(post, 5, title, .max = 200, .doc = "title"),
    TEXT(post, 6, body, .format = FORMAT_LONG, .max = 10000, .doc = "text; required in a text post"),
    LIST(post, 7, media, struct post_media, &media_fields, .max = 10, .doc = "image: 1 to 10, video: 1"),
    STRUCT(post, 8, link, struct post_link, &link_fields, .doc = "of a link post"),
    STRUCT(post, 9, global, struct post_global, &global_fields, .flags = READ_ONLY,
        .doc = "on its way to the global feed"),
    BOOL(post, 10, pinned, .flags = READ_ONLY, .doc = "on top of its community's feed"),
    BOOL(post, 11, pinned_global, .flags = READ_ONLY, .doc = "on top of the global feed"),
    TIME(post, 12, published_at, .flags = READ_ONLY, .doc = "first publication"),
    TEXT(post, 13, reason, .format = FORMAT_LONG, .flags = READ_ONLY, .sees = SELF | MODERATOR | ADMIN,
        .doc = "why it was rejected or hidden"),
    BOOL(post, 14, hidden_by_staff, .flags = READ_ONLY, .sees = SELF | MODERATOR | ADMIN,
        .doc = "hidden by the staff: only they show it again"),
    ID(post, 15, deleted_by, .flags = READ_ONLY, .sees = ADMIN, .refers = "user", .doc = "who deleted it"),
    STRUCT(post, 16, poll, struct post_poll, &poll_fields, .flags = OPTIONAL, .doc = "of a poll; votes are in poll_result"),
};
const struct fields post_fields = FIELDS("post", struct post, post_rows);

static const struct field query_rows[] = {
    ID(post_query, 1, community_id, .refers = "community", .doc = "of this community"),
    ID(post_query, 2, author_id, .refers = "user", .doc = "of this author"),
    ENUM(post_query, 3, status, &post_statuses,
        .doc = "published when absent; others are shown to author, moderators and staff"),
    SEARCH_ROW(post_query, 4, "title, link or text"),
};
/* clang-format on */
const struct fields post_query_fields = FIELDS("post_query", struct post_query, query_rows);

/* ---- words that find it ---- */
static const struct search_field searched_fields[] = {
    {"title", SEARCH_NAME}, {"link.title", SEARCH_TAGS},       {"poll.options.text", SEARCH_TAGS},
    {"body", SEARCH_BODY},  {"link.description", SEARCH_BODY}, {0},
};

static struct id searched_within(const void *entity)
{
    return ((const struct post *)entity)->community_id;
}

const struct searched post_searched = {searched_fields, ~STATE(POST_DELETED), searched_within};

/* ---- events ---- */
static const uint16_t carded[] = {2, 3, 4, 5, 0}; /* community_id, author_id, type, title */
static const uint16_t whose[] = {2, 3, 0};
const struct event post_created = {1, "post.created", carded, NULL, "somebody wrote it"};
const struct event post_published = {2, "post.published", carded, NULL, "it is in its community's feed"};
const struct event post_updated = {3, "post.updated", carded, NULL, "its content changed"};
const struct event post_rejected = {4, "post.rejected", carded, &reason_fields, "a moderator refused it"};
const struct event post_resubmitted = {5, "post.resubmitted", carded, NULL, "its author asks again"};
const struct event post_hidden = {6, "post.hidden", carded, &reason_fields, "it is out of the feeds"};
const struct event post_restored = {7, "post.restored", carded, NULL, "it is back"};
/* clang-format off */
const struct event post_deleted = { 8, "post.deleted", carded, &reason_optional_fields,
                                    "it is gone for all but the staff" };
/* clang-format on */
const struct event post_pinned = {9, "post.pinned", whose, NULL, "it is on top of a feed"};
const struct event post_unpinned = {10, "post.unpinned", whose, NULL, "it is not on top any more"};
/* clang-format off */
const struct event post_global_requested = { 11, "post.global_requested", whose, NULL,
                                             "its author asks for the global feed" };
/* clang-format on */
const struct event post_global_approved = {12, "post.global_approved", whose, NULL, "it is in the global feed"};
/* clang-format off */
const struct event post_global_rejected = { 13, "post.global_rejected", whose, &reason_fields,
                                            "it stays in its community" };
const struct event post_global_withdrawn = { 14, "post.global_withdrawn", whose, NULL,
                                             "it left the global feed, or asks no more" };
const struct event *const post_events[] = {
    &post_created, &post_published, &post_updated, &post_rejected, &post_resubmitted, &post_hidden, &post_restored,
    &post_deleted, &post_pinned, &post_unpinned, &post_global_requested, &post_global_approved, &post_global_rejected,
    &post_global_withdrawn, NULL};
/* clang-format on */

/* ---- indexes: lists hold what is not deleted, under its status ---- */
static void key_under(const struct post *post, struct key_writer *writer, const struct id *id)
{
    if (post->entity.status == POST_DELETED) return;
    key_begin(writer);
    key_integer(writer, post->entity.status);
    if (id) key_id(writer, *id);
    key_integer(writer, post->entity.created_at);
    key_end(writer);
}

static void newest_keys(const void *entity, struct key_writer *writer)
{
    key_under(entity, writer, NULL);
}

static void community_keys(const void *entity, struct key_writer *writer)
{
    const struct post *post = entity;
    key_under(post, writer, &post->community_id);
}

static void author_keys(const void *entity, struct key_writer *writer)
{
    const struct post *post = entity;
    key_under(post, writer, &post->author_id);
}

const struct index post_by_newest = {1, "newest", .keys = newest_keys, .doc = "status, created_at"};
/* clang-format off */
const struct index post_by_community = { 2, "community", .keys = community_keys,
                                         .doc = "status, community, created_at" };
const struct index post_by_author = { 3, "author", .keys = author_keys, .doc = "status, author, created_at",
                                      .leads = LEADS_STATUS_THEN_PERSON };
/* clang-format on */
const struct index *const post_indexes[] = {&post_by_newest, &post_by_community, &post_by_author, NULL};

/* ---- what a card shows ---- */
enum { HEADLINE_CODE_POINTS = 120 };

bool post_in_community_feed(const struct post *post)
{
    return post->entity.status == POST_PUBLISHED;
}

bool post_in_global_feed(const struct post *post)
{
    return post->entity.status == POST_PUBLISHED && post->global.status == GLOBAL_APPROVED;
}

struct text post_headline(const struct post *post)
{
    if (post->title.length) return post->title;
    if (post->body.length) return text_prefix(post->body, HEADLINE_CODE_POINTS);
    return post->link.title.length ? text_prefix(post->link.title, HEADLINE_CODE_POINTS)
                                   : text_prefix(post->link.url, HEADLINE_CODE_POINTS);
}

struct text post_thumbnail(const struct post *post)
{
    if (post->type == POST_IMAGE && post->media.count) return post->media.at[0].url;
    return post->link.image_url;
}

/* ---- beside it ---- */
static const struct event *const no_events[] = {NULL};
static const struct command no_commands[] = {{0}};

/* clang-format off */
static const struct field pins_rows[] = {
    ENTITY_ROW(post_pins),
    INTEGER(post_pins, 2, pinned, .flags = READ_ONLY, .doc = "posts pinned there"),
};
static const struct fields pins_fields = FIELDS("post_pins", struct post_pins, pins_rows);

const struct kind post_pins_kind = {
    .number = 52, .name = "post_pins", .plural = "post_pins",
     .doc = "How many posts are pinned in a community, or in the global feed.",
    .fields = &pins_fields, .events = no_events, .commands = no_commands, .quiet = true,
};

static const struct field statistics_rows[] = {
    ENTITY_ROW(post_statistics),
    INTEGER(post_statistics, 2, like_count, .flags = READ_ONLY, .doc = "live likes"),
    INTEGER(post_statistics, 3, comment_count, .flags = READ_ONLY, .doc = "live comments"),
    INTEGER(post_statistics, 4, report_count, .flags = READ_ONLY, .sees = MODERATOR | ADMIN, .doc = "reports"),
};
static const struct fields statistics_fields = FIELDS("post_statistics", struct post_statistics, statistics_rows);

const struct kind post_statistics_kind = {
    .number = 51, .name = "post_statistics", .plural = "post_statistics", .doc = "What people did with a post.",
    .fields = &statistics_fields, .events = no_events, .commands = no_commands, .derived = true,
};
/* clang-format on */

/* ---- post_count of author and community: posts in published ---- */
static void follow_count(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &post_kind) return;
    const struct post *before = fact->before, *after = fact->after;
    int change = post_in_community_feed(after) - (before && post_in_community_feed(before));
    if (!change || fact->version != after->entity.version) return; /* once for all events of a change */
    struct user_statistics *author = edit_or_create(tx, &user_statistics_kind, after->author_id);
    struct community_statistics *community = edit_or_create(tx, &community_statistics_kind, after->community_id);
    if (author) author->post_count += change;
    if (community) community->post_count += change;
}

/* clang-format off */
static const struct follower post_count_follower = { "post_count", "published posts of a person and of a community",
                                                     true, follow_count };

const struct kind *const post_kinds[] = {
    &post_kind, &post_pins_kind, &post_statistics_kind, &comment_kind, &like_kind, &vote_kind, &poll_state_kind,
    &poll_result_kind, &report_kind, &report_count_kind, NULL};
const struct follower *const post_followers[] = {
    &post_count_follower, &comment_count_follower, &like_count_follower, &poll_results_follower, &report_counts_follower,
    NULL};
/* clang-format on */
