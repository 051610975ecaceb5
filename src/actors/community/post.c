/* Posts. The machine and the global state are drawn in post.h.

   published    has been published once (published_at), and alone is in feeds and pinned
   global       requested and approved say when; any edit of the content takes it back, so that nobody gets one text
                approved and shows another
   What the staff hid only the staff shows again. */
#include "actors/community/post_internal.h"

#include "actors/community/community.h"
#include "actors/community/poll.h"
#include "actors/community/post_links.h"
#include "actors/identity/block.h"
#include "actors/identity/identity.h"

#include <string.h>

enum { PINNED_MOST = 3 };

/* ---- machine ---- */
/* Does what the asker writes have to be approved first? */
static bool is_moderated(struct tx *tx, const void *entity)
{
    const struct post *post = entity;
    const struct community *community = load(tx, &community_kind, post->community_id);
    return community && community->content.moderated && !(community_relations_of(tx, post->community_id) & MODERATOR);
}

#define NOT_DELETED (STATE(POST_PUBLISHED) | STATE(POST_PENDING_MODERATION) | STATE(POST_REJECTED) | STATE(POST_HIDDEN))
/* clang-format off */
static const struct transition transitions[] = {
    /* from                          command     to                       event              guard */
    {FROM_NONE,                      "create",   POST_PENDING_MODERATION, &post_created,     is_moderated,
     "the community is moderated, and the author no moderator"},
    {FROM_NONE,                      "create",   POST_PUBLISHED,          &post_published},
    {STATE(POST_PENDING_MODERATION), "approve",  POST_PUBLISHED,          &post_published},
    {STATE(POST_PENDING_MODERATION), "reject",   POST_REJECTED,           &post_rejected},
    {STATE(POST_REJECTED),           "resubmit", POST_PENDING_MODERATION, &post_resubmitted},
    {STATE(POST_PUBLISHED),          "patch",    POST_PENDING_MODERATION, &post_updated,     is_moderated,
         "the community is moderated, and the author no moderator"},
    {STATE(POST_PUBLISHED),          "patch",    TO_SAME,                 &post_updated},
    {STATE(POST_PUBLISHED),          "hide",     POST_HIDDEN,             &post_hidden},
    {STATE(POST_HIDDEN),             "restore",  POST_PUBLISHED,          &post_restored},
    {NOT_DELETED,                    "delete",   POST_DELETED,            &post_deleted},
    {STATE(POST_DELETED),            "restore",  TO_REMEMBERED,           &post_restored},
};
/* clang-format on */
static const struct machine machine = MACHINE(&post_statuses, transitions);

/* ---- rights ---- */
static uint32_t post_relations(struct tx *tx, const void *entity)
{
    const struct post *post = entity;
    if (!post) return 0;
    bool own = tx->principal.kind == PRINCIPAL_USER && id_equal(post->author_id, tx->principal.user);
    return community_relations_of(tx, post->community_id) | (own ? SELF : 0);
}

static bool post_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct post *post = entity;
    if (relations & ADMIN) return true;
    const struct community *community = load(tx, &community_kind, post->community_id);
    if (!community || !community_readable(tx, community)) return false;
    switch (post->entity.status) {
    case POST_PUBLISHED: return true;
    case POST_DELETED:
        return tx->kind == &post_kind && !strcmp(tx->command->name, "restore") && (relations & (SELF | MODERATOR));
    default: return relations & (SELF | MODERATOR);
    }
}

static const char *post_check(const void *entity)
{
    const struct post *post = entity;
    bool published = post->entity.status == POST_PUBLISHED;
    if (published && !post->published_at) return "what is published says since when";
    if (!published && (post->pinned || post->pinned_global)) return "only what is published is pinned";
    if (!post->global.status) return "a post has a global state";
    if (post->global.status == GLOBAL_APPROVED && !post->global.decided_at)
        return "what is approved for the global feed says since when";
    if ((post->entity.status == POST_DELETED) != (post->entity.deleted_at != 0))
        return "deleted_at is set exactly in deleted";
    return NULL;
}

/* ---- what a body may say, by type ---- */
static void report_shape(struct tx *tx, const struct post *post)
{
    bool pictures = post->type == POST_IMAGE || post->type == POST_VIDEO, link = post->type == POST_LINK;
    uint32_t most = post->type == POST_VIDEO ? 1 : 10;
    if (post->type == POST_TEXT && !post->body.length) fail_detail(tx, "body", "required", "a text post has a body");
    if (pictures && !post->media.count) fail_detail(tx, "media", "required", "this type needs media");
    if (pictures && post->media.count > most) fail_detail(tx, "media", "too_many", "this type has at most %u", most);
    if (!pictures && post->media.count)
        fail_detail(tx, "media", "not_allowed", "only image and video posts have media");
    if (link && !post->link.url.data) fail_detail(tx, "link.url", "required", "a link post has a link");
    if (!link &&
        (post->link.url.data || post->link.title.data || post->link.description.data || post->link.image_url.data))
        fail_detail(tx, "link", "not_allowed", "only link posts have a link");
}

static enum error post_shape(struct tx *tx, const struct post *post)
{
    report_shape(tx, post);
    poll_report_shape(tx, post);
    return fail_details(tx) ? fail(tx, ERROR_VALIDATION_FAILED, "the post has invalid values") : OK;
}

/* ---- pins: counted beside the posts, so that a decision needs no scan ---- */
static enum error pin(struct tx *tx, struct id where, bool *pinned, bool wanted)
{
    if (*pinned == wanted) return OK;
    struct post_pins *pins = edit_or_create(tx, &post_pins_kind, where);
    if (!pins) return fail(tx, ERROR_NOT_FOUND, "there is no such place");
    if (wanted && pins->pinned >= PINNED_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "at most %d posts are pinned there", PINNED_MOST);
    pins->pinned += wanted ? 1 : -1;
    *pinned = wanted;
    return OK;
}

/* What leaves the feeds leaves its pins. */
static enum error unpin_all(struct tx *tx, struct post *post)
{
    enum error error = pin(tx, post->community_id, &post->pinned, false);
    return error ? error : pin(tx, tx->tenant, &post->pinned_global, false);
}

/* ---- writing ---- */
static enum error may_post(struct tx *tx, const struct post *post)
{
    const struct user *user = principal_user(tx);
    const struct community *community = load(tx, &community_kind, post->community_id);
    if (!user || !community) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (!community_live(community)) return fail(tx, ERROR_CONFLICT, "the community is not live");
    if (!user->permissions.may_post) return fail(tx, ERROR_FORBIDDEN, "you may not post");
    bool moderator = community_relations_of(tx, post->community_id) & MODERATOR;
    if (!community->content.members_may_post && !moderator)
        return fail(tx, ERROR_FORBIDDEN, "only its moderators post in this community");
    return OK;
}

static enum error post_create(struct tx *tx)
{
    struct post *post = tx->subject;
    enum error error = post_shape(tx, post);
    if (!error) error = may_post(tx, post);
    if (error) return error;
    poll_complete(tx, post);
    post->author_id = tx->principal.user;
    post->global.status = GLOBAL_NONE;
    if (transition_to(tx) != POST_PUBLISHED) return OK;
    post->published_at = tx->now;
    emit(tx, post, &post_kind, &post_created, NULL);
    return OK;
}

static void withdraw_global(struct tx *tx, struct post *post)
{
    (void)tx;
    post->global = (struct post_global){.status = GLOBAL_NONE};
}

static enum error post_patch(struct tx *tx)
{
    struct post *post = tx->subject;
    enum error error = post_shape(tx, post);
    if (!error) error = poll_unfixed(tx, tx->before, post);
    if (error) return error;
    poll_complete(tx, post);
    if (tx->present && (post->global.status == GLOBAL_REQUESTED || post->global.status == GLOBAL_APPROVED)) {
        withdraw_global(tx, post);
        error = pin(tx, tx->tenant, &post->pinned_global, false);
        if (error) return error;
        emit(tx, post, &post_kind, &post_global_withdrawn, NULL);
    }
    return transition_to(tx) == POST_PENDING_MODERATION ? unpin_all(tx, post) : OK;
}

/* ---- moderation ---- */
static void why(struct tx *tx, struct post *post)
{
    const struct reason_body *body = tx->body;
    post->reason = body ? body->reason : (struct text){0};
    event_data(tx, body);
}

static enum error post_approve(struct tx *tx)
{
    struct post *post = tx->subject;
    post->reason = (struct text){0};
    if (!post->published_at) post->published_at = tx->now;
    return OK;
}

static enum error post_reject(struct tx *tx)
{
    why(tx, tx->subject);
    return OK;
}

static enum error post_hide(struct tx *tx)
{
    struct post *post = tx->subject;
    why(tx, post);
    post->hidden_by_staff = !(tx->relations & MODERATOR);
    return unpin_all(tx, post);
}

static enum error post_delete(struct tx *tx)
{
    struct post *post = tx->subject;
    event_data(tx, tx->body);
    post->deleted_by = tx->principal.user;
    return unpin_all(tx, post);
}

static enum error restore_deleted(struct tx *tx, struct post *post)
{
    if (!(tx->relations & ADMIN)) {
        if (!id_equal(post->deleted_by, tx->principal.user))
            return fail(tx, ERROR_FORBIDDEN, "only who deleted it, or the staff, restores it");
        if (tx->now - post->entity.deleted_at > DAYS(30))
            return fail(tx, ERROR_CONFLICT, "after 30 days only the staff restores it");
    }
    post->deleted_by = ID_NONE;
    return OK;
}

/* Of a hidden one, or of a deleted one. */
static enum error post_restore(struct tx *tx)
{
    struct post *post = tx->subject;
    if (post->entity.status == POST_DELETED) return restore_deleted(tx, post);
    if (!(tx->relations & (MODERATOR | ADMIN))) return fail(tx, ERROR_FORBIDDEN, "moderators show it again");
    if (post->hidden_by_staff && !(tx->relations & ADMIN))
        return fail(tx, ERROR_FORBIDDEN, "the staff hid it: only they show it again");
    post->hidden_by_staff = false;
    post->reason = (struct text){0};
    return OK;
}

enum error post_moderate(struct tx *tx, struct id post_id, bool remove, struct text reason)
{
    struct post *post = edit(tx, &post_kind, post_id);
    if (!post) return fail(tx, ERROR_NOT_FOUND, "there is no such post");
    int64_t status = post->entity.status;
    if (status == POST_DELETED || (status == POST_HIDDEN && !remove)) return OK;
    enum error error = unpin_all(tx, post);
    if (error) return error;
    if (remove)
        post->deleted_by = tx->principal.user;
    else
        post->reason = reason;
    if (!remove) post->hidden_by_staff = !(community_relations_of(tx, post->community_id) & MODERATOR);
    struct reason_body data = {reason};
    return transition(tx, &post_kind, post, remove ? "delete" : "hide", &data);
}

/* ---- the global feed ---- */
#define GLOBAL(status) (1u << (status))

static enum error global_allows(struct tx *tx, const struct post *post, uint32_t states)
{
    if (GLOBAL(post->global.status) & states) return OK;
    struct text status = enum_name(&post_global_statuses, post->global.status);
    return fail(tx, ERROR_INVALID_TRANSITION, "a post whose global state is %.*s cannot %s", TEXT_ARGUMENTS(status),
                tx->command->name);
}

static enum error is_public(struct tx *tx, const struct post *post)
{
    const struct community *community = load(tx, &community_kind, post->community_id);
    if (post->entity.status != POST_PUBLISHED) return fail_transition(tx, &post_kind, post, tx->command->name);
    if (!community || !community_live(community) || community->visibility != VISIBILITY_PUBLIC)
        return fail(tx, ERROR_CONFLICT, "its community is not public");
    return OK;
}

static enum error post_request_global(struct tx *tx)
{
    struct post *post = tx->subject;
    enum error error = is_public(tx, post);
    if (!error) error = global_allows(tx, post, GLOBAL(GLOBAL_NONE) | GLOBAL(GLOBAL_REJECTED));
    if (error) return error;
    post->global = (struct post_global){.status = GLOBAL_REQUESTED, .requested_at = tx->now};
    return OK;
}

static enum error decide_global(struct tx *tx, enum global_status status)
{
    struct post *post = tx->subject;
    enum error error = global_allows(tx, post, GLOBAL(GLOBAL_REQUESTED));
    if (error) return error;
    const struct reason_body *body = tx->body;
    post->global.status = status;
    post->global.decided_at = tx->now;
    post->global.decided_by = tx->principal.user;
    post->global.reason = body ? body->reason : (struct text){0};
    event_data(tx, body);
    return OK;
}

static enum error post_approve_global(struct tx *tx)
{
    enum error error = is_public(tx, tx->subject);
    return error ? error : decide_global(tx, GLOBAL_APPROVED);
}

static enum error post_reject_global(struct tx *tx)
{
    return decide_global(tx, GLOBAL_REJECTED);
}

static enum error post_withdraw_global(struct tx *tx)
{
    struct post *post = tx->subject;
    enum error error = global_allows(tx, post, GLOBAL(GLOBAL_REQUESTED) | GLOBAL(GLOBAL_APPROVED));
    if (error) return error;
    withdraw_global(tx, post);
    return pin(tx, tx->tenant, &post->pinned_global, false);
}

/* ---- pinning ---- */
static enum error post_pin(struct tx *tx)
{
    struct post *post = tx->subject;
    if (post->entity.status != POST_PUBLISHED) return fail_transition(tx, &post_kind, post, "pin");
    return pin(tx, post->community_id, &post->pinned, true);
}

static enum error post_unpin(struct tx *tx)
{
    struct post *post = tx->subject;
    return pin(tx, post->community_id, &post->pinned, false);
}

static enum error post_pin_global(struct tx *tx)
{
    struct post *post = tx->subject;
    if (!post_in_global_feed(post))
        return fail(tx, ERROR_INVALID_TRANSITION, "only what is in the global feed is pinned there");
    return pin(tx, tx->tenant, &post->pinned_global, true);
}

static enum error post_unpin_global(struct tx *tx)
{
    struct post *post = tx->subject;
    return pin(tx, tx->tenant, &post->pinned_global, false);
}

/* ---- lists ---- */
static void status_scope(struct tx *tx, struct key_writer *writer)
{
    const struct post_query *query = tx->query;
    key_integer(writer, query && query->status ? query->status : POST_PUBLISHED);
}

static bool post_matches(struct tx *tx, const void *entity)
{
    const struct post *post = entity;
    const struct post_query *query = tx->query;
    if ((enum post_status)post->entity.status != (query->status ? query->status : POST_PUBLISHED)) return false;
    if (!id_is_none(query->community_id) && !id_equal(query->community_id, post->community_id)) return false;
    if (queried(tx, "q") && blocked_by_asker(tx, post->author_id)) return false;
    return id_is_none(query->author_id) || id_equal(query->author_id, post->author_id);
}

static struct id community_of_query(struct tx *tx)
{
    return ((const struct post_query *)tx->query)->community_id;
}

/* clang-format off */
static const struct listing listings[] = {
    /* sort  filter          index               reverse  scope */
    {NULL,   "community_id", &post_by_community, true,    status_scope},
    {NULL,   "author_id",    &post_by_author,    true,    status_scope},
    {NULL,   NULL,           &post_by_newest,    true,    status_scope},
    {0},
};

/* ---- commands ---- */
#define COMMAND(name_, path_, who_, body_, event_, decide_, doc_) \
    {.name = (name_), .method = "POST", .path = "/posts/{id}/" path_, .action = ACTION_COMMAND, .who = (who_), \
     .body = (body_), .event = (event_), .decide = (decide_), .doc = (doc_)}
static const struct command commands[] = {
    {.name = "create", .method = "POST", .path = "/posts", .action = ACTION_CREATE, .who = MEMBER,
     .decide = post_create,
     .doc = "Posts in a community; in a moderated one it waits for approval"},
    {.name = "list", .method = "GET", .path = "/posts", .action = ACTION_LIST, .who = ANYONE,
     .query = &post_query_fields,
     .listings = listings, .matches = post_matches, .searches = true, .within = community_of_query, .rate = RATE_READ,
     .steady = true, .doc = "Posts, newest first"},
    {.name = "read", .method = "GET", .path = "/posts/{id}", .action = ACTION_READ, .who = ANYONE,
     .rate = RATE_READ, .steady = true, .doc = "A post"},
    {.name = "patch", .method = "PATCH", .path = "/posts/{id}", .action = ACTION_PATCH, .who = SELF,
     .decide = post_patch,
     .doc = "Changes it; in a moderated community it waits for approval again"},
    {.name = "delete", .method = "DELETE", .path = "/posts/{id}", .action = ACTION_COMMAND,
     .who = SELF | MODERATOR | ADMIN,
     .body = &reason_optional_fields, .decide = post_delete,
      .doc = "Deletes it; restore takes it back within 30 days"},
    /*      name               path               who                        body                event */
    COMMAND("restore",         "restore",         SELF | MODERATOR | ADMIN,  NULL,               NULL,
         post_restore, "Shows a hidden one again, or takes a deletion back"),
    COMMAND("resubmit",        "resubmit",        SELF,                      NULL,               NULL,
         NULL, "Asks for approval again"),
    COMMAND("approve",         "approve",         MODERATOR,                 NULL,               NULL,
         post_approve, "Publishes what waits for approval"),
    COMMAND("reject",          "reject",          MODERATOR,                 &reason_fields, NULL,
         post_reject, "Refuses what waits for approval"),
    COMMAND("hide",            "hide",            MODERATOR | ADMIN,         &reason_fields, NULL,
         post_hide, "Takes it out of the feeds"),
    COMMAND("request_global",  "request-global",  SELF,                      NULL,               &post_global_requested,
         post_request_global, "Asks for the global feed"),
    COMMAND("approve_global",  "approve-global",  ADMIN,                     NULL,               &post_global_approved,
         post_approve_global, "Puts it into the global feed"),
    COMMAND("reject_global",   "reject-global",   ADMIN,                     &reason_fields, &post_global_rejected,
         post_reject_global, "Keeps it out of the global feed"),
    COMMAND("withdraw_global", "withdraw-global", SELF | ADMIN,              NULL,               &post_global_withdrawn,
         post_withdraw_global, "Takes it out of the global feed"),
    COMMAND("pin",             "pin",             MODERATOR,                 NULL,               &post_pinned,
         post_pin, "Puts it on top of its community's feed"),
    COMMAND("unpin",           "unpin",           MODERATOR,                 NULL,               &post_unpinned,
         post_unpin, "Takes the pin away"),
    COMMAND("pin_global",      "pin-global",      ADMIN,                     NULL,               &post_pinned,
         post_pin_global, "Puts it on top of the global feed"),
    COMMAND("unpin_global",    "unpin-global",    ADMIN,                     NULL,               &post_unpinned,
         post_unpin_global, "Takes the global pin away"),
    {0},
};
/* clang-format on */

static struct id author_of(const void *entity)
{
    return ((const struct post *)entity)->author_id;
}

static struct id own_id(const void *entity)
{
    return ((const struct entity *)entity)->id;
}

static struct id poll_of(const void *entity)
{
    const struct post *post = entity;
    return post->type == POST_POLL ? post->entity.id : ID_NONE;
}

/* clang-format off */
static const struct join joins[] = {
    {.name = "author", .kind = &user_card_kind, .key = author_of, .placeholder = USER_CARD_PLACEHOLDER},
    {.name = "stats", .kind = &post_statistics_kind, .key = own_id, .revision = true},
    {.name = "poll_result", .kind = &poll_result_kind, .key = poll_of, .revision = true},
    {0},
};

const struct kind post_kind = {
    .number = 50, .name = "post", .plural = "posts", .doc = "What a member shows to a community.",
    .fields = &post_fields, .machine = &machine, .events = post_events, .indexes = post_indexes, .commands = commands,
     .joins = joins, .searched = &post_searched,
    .patch_needs_version = true, .relations = post_relations, .visible = post_visible, .check = post_check,
};
/* clang-format on */
