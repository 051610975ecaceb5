/* What waits for a yes: in a community requests to join, posts to be published, promotions to be shown; of the staff (then
   without a community) suppliers, and posts and promotions for everybody. A row is there exactly while its thing waits, so
   the list is a range of one index.

     member      the membership is requested
     post        the post is in pending_moderation
     promotion   the promotion is in pending_approval and this community's answer is missing: it is its owner's
     supplier    the supplier is submitted

   Below `link` are the commands: POST {link}/approve and {link}/reject; of staff also verify and approve-global. */
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/community/post.h"
#include "actors/identity/identity.h"
#include "actors/promotion/promotion.h"
#include "actors/views/views.h"

static const char *const approval_kind_names[] = {NULL, "member", "post", "promotion", "supplier"};
static const struct enumeration approval_kinds = ENUMERATION("approval_kind", approval_kind_names);

/* clang-format off */
static const struct field approval_rows[] = {
    ENTITY_ROW(approval_item),
    ID(approval_item, 2, community_id, .flags = READ_ONLY | OPTIONAL, .refers = "community", .doc = "who has to say yes; null: staff"),
    ENUM(approval_item, 3, kind, &approval_kinds, .flags = READ_ONLY, .doc = "what waits"),
    ID(approval_item, 4, reference_id, .flags = READ_ONLY, .doc = "of the person, post, promotion or supplier"),
    TEXT(approval_item, 5, title, .flags = READ_ONLY | PERSONAL, .doc = "name of the person, title of the others"),
    ID(approval_item, 6, user_id, .flags = READ_ONLY | OPTIONAL, .refers = "user", .doc = "who asks for a member or post"),
    ID(approval_item, 7, supplier_id, .flags = READ_ONLY | OPTIONAL, .refers = "supplier",
       .doc = "who asks for a promotion"),
    TIME(approval_item, 8, requested_at, .flags = READ_ONLY, .doc = "waits since"),
    TEXT(approval_item, 9, link, .flags = READ_ONLY, .doc = "what decides it is below it"),
};
/* clang-format on */
static const struct fields approval_fields = FIELDS("approval_item", struct approval_item, approval_rows);

/* ---- following ---- */
static struct text id_text(struct tx *tx, struct id id)
{
    char text[ID_TEXT_LENGTH + 1];
    id_format(id, text);
    return text_print(tx, "%s", text);
}

static struct id item_id(struct id community_id, struct id reference_id)
{
    return id_derived("approval_item", community_id, reference_id);
}

/* The row of what waits now; none is left of what waits no more. NULL when there is nothing to fill in. */
static struct approval_item *item_of(struct tx *tx, struct id community_id, struct id reference_id, bool was, bool is)
{
    struct id id = item_id(community_id, reference_id);
    if (was && !is) discard(tx, &approval_item_kind, id);
    struct approval_item *item = is ? edit_or_create(tx, &approval_item_kind, id) : NULL;
    if (!item) return NULL;
    item->community_id = community_id;
    item->reference_id = reference_id;
    return item;
}

static bool membership_waits(const struct membership *membership)
{
    return membership && membership->entity.status == MEMBERSHIP_REQUESTED;
}

static void membership_follow(struct tx *tx, const struct membership *before, const struct membership *after)
{
    struct approval_item *item =
        item_of(tx, after->community_id, after->user_id, membership_waits(before), membership_waits(after));
    if (!item) return;
    const struct user_card *card = load(tx, &user_card_kind, after->user_id);
    item->kind = APPROVAL_MEMBER;
    item->title = card ? card->display_name : (struct text){0};
    item->user_id = after->user_id;
    item->requested_at = after->requested_at;
    item->link = text_print(tx, "/api/v1/communities/%s/members/%s", id_text(tx, after->community_id).data,
                            id_text(tx, after->user_id).data);
}

static bool post_waits(const struct post *post)
{
    return post && post->entity.status == POST_PENDING_MODERATION;
}

static bool post_waits_for_all(const struct post *post)
{
    return post && post->entity.status == POST_PUBLISHED && post->global.status == GLOBAL_REQUESTED;
}

static void post_global_follow(struct tx *tx, const struct fact *fact)
{
    const struct post *after = fact->after;
    struct approval_item *item =
        item_of(tx, ID_NONE, fact->id, post_waits_for_all(fact->before), post_waits_for_all(after));
    if (!item) return;
    item->kind = APPROVAL_POST;
    item->title = post_headline(after);
    item->user_id = after->author_id;
    item->requested_at = after->global.requested_at;
    item->link = text_print(tx, "/api/v1/posts/%s", id_text(tx, fact->id).data);
}

static void supplier_follow(struct tx *tx, const struct fact *fact)
{
    const struct supplier *before = fact->before, *after = fact->after;
    bool was = before && before->entity.status == SUPPLIER_SUBMITTED, is = after->entity.status == SUPPLIER_SUBMITTED;
    struct approval_item *item = item_of(tx, ID_NONE, fact->id, was, is);
    if (!item) return;
    item->kind = APPROVAL_SUPPLIER;
    item->title = after->name;
    item->supplier_id = fact->id;
    item->requested_at = after->submitted_at;
    item->link = text_print(tx, "/api/v1/suppliers/%s", id_text(tx, fact->id).data);
}

static void post_follow(struct tx *tx, const struct fact *fact)
{
    const struct post *before = fact->before, *after = fact->after;
    post_global_follow(tx, fact);
    struct approval_item *item = item_of(tx, after->community_id, fact->id, post_waits(before), post_waits(after));
    if (!item) return;
    item->kind = APPROVAL_POST;
    item->title = post_headline(after);
    item->user_id = after->author_id;
    if (!post_waits(before)) item->requested_at = fact->time;
    item->link = text_print(tx, "/api/v1/posts/%s", id_text(tx, fact->id).data);
}

/* Of a community, or of everybody: none. */
static bool promotion_waits(const struct promotion *promotion, struct id community_id)
{
    if (!promotion || promotion->entity.status != PROMOTION_PENDING_APPROVAL) return false;
    enum approval_target target = id_is_none(community_id) ? TARGET_GLOBAL : TARGET_COMMUNITY;
    const struct approval *approval = promotion_approval(promotion, target, community_id);
    return approval && approval->decision == DECISION_PENDING;
}

static void promotion_item(struct tx *tx, const struct fact *fact, struct id community_id)
{
    const struct promotion *promotion = fact->after;
    struct approval_item *item = item_of(tx, community_id, fact->id, promotion_waits(fact->before, community_id),
                                         promotion_waits(promotion, community_id));
    if (!item) return;
    item->kind = APPROVAL_PROMOTION;
    item->title = promotion->title;
    item->supplier_id = promotion->supplier_id;
    item->requested_at = promotion->submitted_at;
    item->link = text_print(tx, "/api/v1/promotions/%s", id_text(tx, fact->id).data);
}

/* Targets change only while nothing waits; so those of before and after are all there are. */
static void promotion_follow(struct tx *tx, const struct fact *fact)
{
    const struct promotion *before = fact->before, *after = fact->after;
    for (uint32_t i = 0; before && i < before->approvals.count; i++)
        promotion_item(tx, fact, before->approvals.at[i].community_id);
    for (uint32_t i = 0; i < after->approvals.count; i++)
        promotion_item(tx, fact, after->approvals.at[i].community_id);
}

static void approval_items_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind == &membership_kind)
        membership_follow(tx, fact->before, fact->after);
    else if (fact->kind == &post_kind)
        post_follow(tx, fact);
    else if (fact->kind == &promotion_kind)
        promotion_follow(tx, fact);
    else if (fact->kind == &supplier_kind)
        supplier_follow(tx, fact);
}
/* clang-format off */
const struct follower approval_items_follower = {
    .name = "approval_items", .doc = "what waits for a yes", .view = true, .follow = approval_items_follow};
/* clang-format on */

/* ---- reading ---- */
static void community_keys(const void *entity, struct key_writer *writer)
{
    const struct approval_item *item = entity;
    key_begin(writer);
    key_id(writer, item->community_id);
    key_integer(writer, item->requested_at);
    key_end(writer);
}

static void kind_keys(const void *entity, struct key_writer *writer)
{
    const struct approval_item *item = entity;
    key_begin(writer);
    key_id(writer, item->community_id);
    key_integer(writer, item->kind);
    key_integer(writer, item->requested_at);
    key_end(writer);
}

/* clang-format off */
static const struct index by_community = {
    .number = 1, .name = "community", .keys = community_keys, .doc = "by community and age"};
const struct index approvals_by_kind = {
    .number = 2, .name = "kind", .keys = kind_keys, .doc = "by community, what it is, and age"};
/* clang-format on */
static const struct index *const approval_indexes[] = {&by_community, &approvals_by_kind, NULL};

static void of_community(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, community_of_path(tx));
}

static void of_staff(struct tx *tx, struct key_writer *writer)
{
    (void)tx;
    key_id(writer, ID_NONE);
}

/* clang-format off */
static const struct listing staff_listings[] = {
    {.sort = "oldest", .filter = "kind", .index = &approvals_by_kind, .scope = of_staff},
    {.sort = "oldest", .index = &by_community, .scope = of_staff},
    {0},
};
static const struct listing approval_listings[] = {
    {.sort = "oldest", .filter = "kind", .index = &approvals_by_kind, .scope = of_community},
    {.sort = "oldest", .index = &by_community, .scope = of_community},
    {0},
};
/* clang-format on */

struct approvals_query {
    enum approval_item_kind kind;
};
/* clang-format off */
static const struct field query_rows[] = {
    ENUM(approvals_query, 1, kind, &approval_kinds, .doc = "only these"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("approvals_query", struct approvals_query, query_rows);

static enum error community_check(struct tx *tx)
{
    struct id community_id = community_of_path(tx);
    if (id_is_none(community_id)) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (tx->relations & ADMIN || community_relations_of(tx, community_id) & MODERATOR) return OK;
    return fail(tx, ERROR_FORBIDDEN, "its moderators read these");
}

static struct id user_of(const void *entity)
{
    return ((const struct approval_item *)entity)->user_id;
}

static struct id supplier_of(const void *entity)
{
    return ((const struct approval_item *)entity)->supplier_id;
}

/* A name is sealed for the person; a promotion's title concerns nobody. */
static struct id sealed_for(const void *entity)
{
    return user_of(entity);
}

/* clang-format off */
static const struct join approval_joins[] = {
    {"requested_by", &user_card_kind, user_of, false, USER_CARD_PLACEHOLDER},
    {"supplier", &supplier_card_kind, supplier_of, false, NULL},
    {0}};

static const struct command approval_commands[] = {
    {"list", "GET", "/communities/{id}/approvals", .action = ACTION_LIST, .who = USER | ADMIN, .query = &query_fields,
     .decide = community_check, .demands = MODERATOR | ADMIN, .listings = approval_listings, .rate = RATE_READ,
     .doc = "what waits for a yes in a community, the oldest first; for its moderators"},
    {"staff", "GET", "/admin/approvals", .action = ACTION_LIST, .who = ADMIN, .query = &query_fields, .listings = staff_listings,
     .rate = RATE_READ, .doc = "what waits for a yes of the staff, the oldest first"},
    {0}};

const struct kind approval_item_kind = {
    .number = 59, .name = "approval_item", .plural = "approval_items", .doc = "something that waits for a yes",
    .fields = &approval_fields, .indexes = approval_indexes, .commands = approval_commands, .joins = approval_joins,
    .subject = sealed_for, .derived = true};
/* clang-format on */
