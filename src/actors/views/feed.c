/* Feeds: cards of posts and promotions, one row for each feed that shows them, so that a page is a range of one index.

     a community's feed   its published posts; active promotions approved for it
     the global feed      published posts approved for global; active promotions approved for global

   What would touch any number of cards is asked when they are read, and changes no row: whether the supplier of a promotion
   sells, whether the community of a global post is live and public, and whom the asker blocks. Names of authors and suppliers are joined. */
#include "actors/catalog/supplier.h"
#include "actors/community/community.h"
#include "actors/community/post.h"
#include "actors/identity/block.h"
#include "actors/identity/identity.h"
#include "actors/promotion/promotion.h"
#include "actors/views/views.h"

static const char *const card_kind_names[] = {NULL, "post", "promotion"};
static const struct enumeration card_kinds = ENUMERATION("card_kind", card_kind_names);

/* clang-format off */
static const struct field feed_item_rows[] = {
    ENTITY_ROW(feed_item),
    ID(feed_item,    2, feed_id, .flags = READ_ONLY, .doc = "the feed: a community's id, or the global one"),
    ENUM(feed_item,  3, kind, &card_kinds, .flags = READ_ONLY, .doc = "what it is a card of"),
    ID(feed_item,    4, reference_id, .flags = READ_ONLY, .doc = "of the post or promotion"),
    TEXT(feed_item,  5, type, .flags = READ_ONLY, .doc = "of the post or promotion"),
    TEXT(feed_item,  6, title, .flags = READ_ONLY, .doc = "title, or how the text begins"),
    ID(feed_item,    7, author_id, .flags = READ_ONLY | OPTIONAL, .refers = "user", .doc = "of a post"),
    ID(feed_item,    8, supplier_id, .flags = READ_ONLY | OPTIONAL, .refers = "supplier", .doc = "of a promotion"),
    ID(feed_item,    9, community_id, .flags = READ_ONLY | OPTIONAL, .refers = "community", .doc = "of a post"),
    TEXT(feed_item,  10, thumbnail_url, .flags = READ_ONLY, .doc = "picture"),
    TEXT(feed_item,  11, offer_label, .flags = READ_ONLY, .doc = "of a promotion: what it offers"),
    MONEY(feed_item, 12, offer_price, .flags = READ_ONLY, .doc = "of a promotion: the lowest price"),
    BOOL(feed_item,  13, pinned, .flags = READ_ONLY, .doc = "stands above the others"),
    TIME(feed_item,  14, at, .flags = READ_ONLY, .doc = "its place in the feed"),
};
/* clang-format on */
static const struct fields feed_item_fields = FIELDS("feed_item", struct feed_item, feed_item_rows);

/* clang-format off */
static const struct field supplier_card_rows[] = {
    ENTITY_ROW(supplier_card),
    ID(supplier_card,   2, supplier_id, .flags = READ_ONLY, .refers = "supplier", .doc = "the supplier"),
    TEXT(supplier_card, 3, name, .flags = READ_ONLY, .doc = "its name"),
    TEXT(supplier_card, 4, avatar, .flags = READ_ONLY, .doc = "its logo"),
};
/* clang-format on */
static const struct fields supplier_card_fields = FIELDS("supplier_card", struct supplier_card, supplier_card_rows);
/* clang-format off */
const struct kind supplier_card_kind = {
    .number = 61, .name = "supplier_card", .plural = "supplier_cards", .doc = "what cards show of a supplier",
    .fields = &supplier_card_fields, .derived = true};
/* clang-format on */

struct id feed_global(struct id tenant)
{
    return id_derived_text("feed", tenant, LITERAL("global"));
}

static struct id card_id(struct id feed_id, struct id reference_id)
{
    return id_derived("feed_item", feed_id, reference_id);
}

static struct text type_name(const struct kind *kind, uint32_t type)
{
    const struct field *field = field_by_name(kind->fields, LITERAL("type"));
    return enum_name(field->values, type);
}

/* ---- posts ---- */
static void post_card(struct tx *tx, const struct post *post, struct id feed_id, bool was, bool is, int64_t at,
                      bool pinned)
{
    struct id id = card_id(feed_id, post->entity.id);
    if (was && !is) discard(tx, &feed_item_kind, id);
    struct feed_item *card = is ? edit_or_create(tx, &feed_item_kind, id) : NULL;
    if (!card) return;
    card->feed_id = feed_id;
    card->kind = CARD_POST;
    card->reference_id = post->entity.id;
    card->type = type_name(&post_kind, post->type);
    card->title = post_headline(post);
    card->author_id = post->author_id;
    card->community_id = post->community_id;
    card->thumbnail_url = post_thumbnail(post);
    card->pinned = pinned;
    card->at = at;
}

static void post_follow(struct tx *tx, const struct post *before, const struct post *after)
{
    post_card(tx, after, after->community_id, before && post_in_community_feed(before), post_in_community_feed(after),
              after->published_at, after->pinned);
    post_card(tx, after, feed_global(tx->tenant), before && post_in_global_feed(before), post_in_global_feed(after),
              after->global.decided_at, after->pinned_global);
}

/* ---- promotions ---- */
static struct id feed_of(struct tx *tx, const struct approval *approval)
{
    return approval->target == TARGET_GLOBAL ? feed_global(tx->tenant) : approval->community_id;
}

static struct text promotion_thumbnail(const struct promotion *promotion)
{
    if (promotion->image_url.data) return promotion->image_url;
    for (uint32_t i = 0; i < promotion->product_snapshots.count; i++)
        if (promotion->product_snapshots.at[i].image_url.data) return promotion->product_snapshots.at[i].image_url;
    return (struct text){0};
}

static void promotion_card(struct tx *tx, const struct promotion *promotion, struct id feed_id)
{
    struct feed_item *card = edit_or_create(tx, &feed_item_kind, card_id(feed_id, promotion->entity.id));
    if (!card) return;
    card->feed_id = feed_id;
    card->kind = CARD_PROMOTION;
    card->reference_id = promotion->entity.id;
    card->type = type_name(&promotion_kind, promotion->type);
    card->title = promotion->title;
    card->supplier_id = promotion->supplier_id;
    card->thumbnail_url = promotion_thumbnail(promotion);
    card->offer_label = promotion_offer_label(tx, promotion);
    card->offer_price = promotion_lowest_offer_price(promotion);
    card->at = promotion->first_activated_at;
}

static void promotion_follow(struct tx *tx, const struct promotion *before, const struct promotion *after)
{
    bool was = before && before->entity.status == PROMOTION_ACTIVE, is = after->entity.status == PROMOTION_ACTIVE;
#if defined MUTANT && MUTANT == 18
    if (after->entity.status == PROMOTION_PAUSED) return;
#endif
    for (uint32_t i = 0; was && i < before->approvals.count; i++) {
        const struct approval *approval = &before->approvals.at[i];
        const struct approval *now = promotion_approval(after, approval->target, approval->community_id);
        bool stays = is && now && now->decision == DECISION_APPROVED;
        if (approval->decision == DECISION_APPROVED && !stays)
            discard(tx, &feed_item_kind, card_id(feed_of(tx, approval), after->entity.id));
    }
    for (uint32_t i = 0; is && i < after->approvals.count; i++)
        if (after->approvals.at[i].decision == DECISION_APPROVED)
            promotion_card(tx, after, feed_of(tx, &after->approvals.at[i]));
}

static void feed_items_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind == &post_kind)
        post_follow(tx, fact->before, fact->after);
    else if (fact->kind == &promotion_kind)
        promotion_follow(tx, fact->before, fact->after);
}
/* clang-format off */
const struct follower feed_items_follower = {
    .name = "feed_items", .doc = "the cards of every feed", .view = true, .follow = feed_items_follow,
    .revision = 1};
/* clang-format on */

static void supplier_cards_follow(struct tx *tx, const struct fact *fact)
{
    if (fact->kind != &supplier_kind) return;
    const struct supplier *supplier = fact->after;
    struct supplier_card *card = edit_or_create(tx, &supplier_card_kind, fact->id);
    if (!card) return;
    card->supplier_id = fact->id;
    card->name = supplier->name;
    card->avatar = supplier->logo_url;
}
/* clang-format off */
const struct follower supplier_cards_follower = {
    .name = "supplier_cards", .doc = "name and logo of suppliers for cards", .view = true, .follow = supplier_cards_follow};
/* clang-format on */

/* ---- reading ---- */
/* Pinned cards have the higher rank: they come first, on the first page, and not again below. */
static void place_keys(const void *entity, struct key_writer *writer)
{
    const struct feed_item *card = entity;
    key_begin(writer);
    key_id(writer, card->feed_id);
    key_integer(writer, card->pinned);
    key_integer(writer, card->at);
    key_id(writer, card->reference_id); /* of one millisecond, what was made later is above */
    key_end(writer);
}
static const struct index place = {
    .number = 1, .name = "place", .keys = place_keys, .doc = "by feed, pinned ones, place"};
static const struct index *const feed_item_indexes[] = {&place, NULL};

static void of_community(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, community_of_path(tx));
}

static void of_all(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, feed_global(tx->tenant));
}

static const struct listing community_listings[] = {{"newest", NULL, &place, .reverse = true, .scope = of_community},
                                                    {0}};
static const struct listing global_listings[] = {{"newest", NULL, &place, .reverse = true, .scope = of_all}, {0}};

/* While its supplier does not sell, a promotion shows no card. One that is shown is an impression in that feed. */
static bool promotion_shown(struct tx *tx, const struct feed_item *card, struct id community_id)
{
    const struct supplier *supplier = load(tx, &supplier_kind, card->supplier_id);
    if (!supplier || !supplier_sells(supplier)) return false;
    promotion_count_impression(tx, card->reference_id, community_id);
    return true;
}

static bool community_card_shown(struct tx *tx, const void *entity)
{
    const struct feed_item *card = entity;
    if (card->kind == CARD_PROMOTION) return promotion_shown(tx, card, card->feed_id);
    return !blocked_by_asker(tx, card->author_id);
}

static bool global_card_shown(struct tx *tx, const void *entity)
{
    const struct feed_item *card = entity;
    if (card->kind == CARD_PROMOTION) return promotion_shown(tx, card, ID_NONE);
    if (blocked_by_asker(tx, card->author_id)) return false;
    const struct community *community = load(tx, &community_kind, card->community_id);
    return community && community_live(community) && community->visibility == VISIBILITY_PUBLIC;
}

static enum error community_feed_check(struct tx *tx)
{
    const struct community *community = load(tx, &community_kind, community_of_path(tx));
    if (!community || !relations_to(tx, &community_kind, community))
        return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (community_readable(tx, community)) return OK;
    if (tx->principal.kind == PRINCIPAL_ANONYMOUS) return fail(tx, ERROR_UNAUTHORIZED, "send an access token");
    return fail(tx, ERROR_FORBIDDEN, "only its members read this feed");
}

static struct id author_of(const void *entity)
{
    return ((const struct feed_item *)entity)->author_id;
}

static struct id supplier_of(const void *entity)
{
    return ((const struct feed_item *)entity)->supplier_id;
}

static struct id post_of(const void *entity)
{
    const struct feed_item *card = entity;
    return card->kind == CARD_POST ? card->reference_id : ID_NONE;
}

/* clang-format off */
static const struct join feed_item_joins[] = {
    {"author", &user_card_kind, author_of, false, USER_CARD_PLACEHOLDER},
    {"supplier", &supplier_card_kind, supplier_of, false, NULL},
    {"stats", &post_statistics_kind, post_of, true, NULL},
    {0}};

static const struct command feed_item_commands[] = {
    {"read_community", "GET", "/communities/{id}/feed", .action = ACTION_LIST, .who = ANYONE, .decide = community_feed_check,
     .listings = community_listings, .matches = community_card_shown, .rate = RATE_READ,
     .steady = true, .alike = blocks_nobody,
     .doc = "Posts and promotions of a community, pinned ones first, then newest; of a private one for its members."},
    {"read_global", "GET", "/feed", .action = ACTION_LIST, .who = ANYONE, .listings = global_listings, .matches = global_card_shown,
     .rate = RATE_READ, .steady = true, .alike = blocks_nobody, .doc = "Posts and promotions that were approved for everybody, pinned ones first, then newest."},
    {0}};

const struct kind feed_item_kind = {
    .number = 60, .name = "feed_item", .plural = "feed_items", .doc = "a card in a feed", .fields = &feed_item_fields,
    .indexes = feed_item_indexes, .commands = feed_item_commands, .joins = feed_item_joins, .derived = true};
/* clang-format on */
