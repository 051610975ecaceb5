/* A place of people around an owner, who is a leader.

     – ─create→ active ⇄ suspended;  active, suspended ─delete→ deleted ─restore→ the state before

   Truths: it has exactly one owner, an active member. Whoever is outside a private community sees what it is, but not
   its feed, posts and members. While it is suspended nobody joins and its feed is not read; while it is deleted its
   posts are hidden and it gives no promotion. A person owns fewer live ones (all but deleted) than `max_communities` allows. */
#include "actors/community/community.h"
#include "actors/community/membership_links.h"
#include "actors/identity/identity.h"

struct transfer_body {
    struct id user_id;
};
enum community_sort { COMMUNITY_SORT_NEWEST = 1, COMMUNITY_SORT_NAME };
struct communities_query {
    enum community_visibility visibility;
    struct id owner_id;
    enum community_sort sort;
    struct text q;
};

static const char *const community_status_names[] = {NULL, "active", "suspended", "deleted"};
static const char *const community_visibility_names[] = {NULL, "public", "private"};
static const char *const community_sort_names[] = {NULL, "newest", "name"};
const struct enumeration community_statuses = ENUMERATION("community_status", community_status_names);
const struct enumeration community_visibilities = ENUMERATION("community_visibility", community_visibility_names);
static const struct enumeration community_sorts = ENUMERATION("community_sort", community_sort_names);

/* ---- fields ---- */
/* clang-format off */
static const struct field branding_rows[] = {
    TEXT(branding, 1, avatar_url, .format = FORMAT_PICTURE, .doc = "small picture"),
    TEXT(branding, 2, banner_url, .format = FORMAT_PICTURE, .doc = "wide picture"),
    TEXT(branding, 3, color, .format = FORMAT_COLOR, .doc = "#rrggbb"),
};
/* clang-format on */
static const struct fields branding_fields = FIELDS("branding", struct branding, branding_rows);

/* clang-format off */
static const struct field rule_rows[] = {
    TEXT(community_rule, 1, title, .flags = REQUIRED, .min = 1, .max = 100, .doc = "in short"),
    TEXT(community_rule, 2, text, .format = FORMAT_LONG, .max = 1000, .doc = "in full"),
};
/* clang-format on */
static const struct fields rule_fields = FIELDS("community_rule", struct community_rule, rule_rows);

static const struct field country_element = ELEMENT(FIELD_TEXT, struct text, .format = FORMAT_COUNTRY);

/* clang-format off */
static const struct field restrictions_rows[] = {
    INTEGER(restrictions, 1, min_age, .flags = OPTIONAL, .min = 13, .max = 120,
            .doc = "years of age, on the UTC day of joining"),
    SCALARS(restrictions, 2, countries, struct text, &country_element, .max = 250,
            .doc = "only from these; empty: from all"),
    INTEGER(restrictions, 3, member_cap, .flags = OPTIONAL, .min = 2, .max = 10000000,
            .doc = "active members with the owner"),
};
/* clang-format on */
static const struct fields restrictions_fields = FIELDS("restrictions", struct restrictions, restrictions_rows);

/* clang-format off */
static const struct field content_rows[] = {
    BOOL(content_policy, 1, members_may_post, .initial = 1, .doc = "or only moderators and owner"),
    BOOL(content_policy, 2, moderated, .doc = "posts of members wait for approval"),
};
/* clang-format on */
static const struct fields content_fields = FIELDS("content_policy", struct content_policy, content_rows);

/* clang-format off */
static const struct field community_rows[] = {
    ENTITY_ROW(community),
    ID(community, 2, owner_id, .flags = READ_ONLY, .refers = "user", .doc = "whose it is"),
    TEXT(community, 3, name, .flags = REQUIRED, .min = 3, .max = 80, .doc = "for people"),
    TEXT(community, 4, slug, .format = FORMAT_SLUG, .doc = "for addresses; made from the name when absent"),
    TEXT(community, 5, description, .format = FORMAT_LONG, .max = 2000, .doc = "what it is"),
    TEXT(community, 6, purpose, .format = FORMAT_LONG, .max = 500, .doc = "what it is for"),
    STRUCT(community, 7, branding, struct branding, &branding_fields, .doc = "how it looks"),
    LIST(community, 8, rules, struct community_rule, &rule_fields, .max = 20, .doc = "how people behave here"),
    ENUM(community, 9, visibility, &community_visibilities, .initial = VISIBILITY_PUBLIC,
         .doc = "public: anybody reads and joins; private: members read, moderators let people in"),
    STRUCT(community, 10, restrictions, struct restrictions, &restrictions_fields,
           .doc = "who may join; looked at when somebody joins, never backwards"),
    STRUCT(community, 11, content, struct content_policy, &content_fields, .doc = "who may post"),
    TEXT(community, 12, reason, .format = FORMAT_LONG, .max = 500, .flags = READ_ONLY, .sees = OWNER | ADMIN,
         .doc = "of the last act of the staff"),
};
/* clang-format on */
static const struct fields community_fields = FIELDS("community", struct community, community_rows);

/* ---- events ---- */
static const uint16_t carried[] = {2, 3, 4, 9, 0}; /* owner_id, name, slug, visibility */
const struct event community_created = REASON_EVENT(1, "community.created", carried, "a leader opened it");
const struct event community_updated = REASON_EVENT(2, "community.updated", carried, "its owner changed it");
const struct event community_transferred = REASON_EVENT(3, "community.transferred", carried, "it has another owner");
const struct event community_suspended = REASON_EVENT(4, "community.suspended", carried, "the staff closed it for now");
const struct event community_reinstated = REASON_EVENT(5, "community.reinstated", carried, "it is open again");
const struct event community_deleted = REASON_EVENT(6, "community.deleted", carried, "it is gone");
const struct event community_restored = REASON_EVENT(7, "community.restored", carried, "it is as it was before");
/* clang-format off */
static const struct event *const community_events[] = {
    &community_created, &community_updated, &community_transferred, &community_suspended, &community_reinstated,
    &community_deleted, &community_restored, NULL};
/* clang-format on */

#define UNDELETED (STATE(COMMUNITY_ACTIVE) | STATE(COMMUNITY_SUSPENDED))
/* clang-format off */
static const struct transition community_machine_rows[] = {
    /* from                       command      to                   event */
    {FROM_NONE,                  "create",    COMMUNITY_ACTIVE,    &community_created},
    {UNDELETED,                  "transfer",  TO_SAME,             &community_transferred},
    {STATE(COMMUNITY_ACTIVE),    "suspend",   COMMUNITY_SUSPENDED, &community_suspended},
    {STATE(COMMUNITY_SUSPENDED), "reinstate", COMMUNITY_ACTIVE,    &community_reinstated},
    {UNDELETED,                  "delete",    COMMUNITY_DELETED,   &community_deleted},
    {STATE(COMMUNITY_DELETED),   "restore",   TO_REMEMBERED,       &community_restored},
};
/* clang-format on */
static const struct machine community_machine = MACHINE(&community_statuses, community_machine_rows);

/* ---- indexes ---- */
static void community_slug_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_text(writer, ((const struct community *)entity)->slug);
    key_end(writer);
}

static void community_created_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_integer(writer, ((const struct community *)entity)->entity.created_at);
    key_end(writer);
}

static void community_owner_keys(const void *entity, struct key_writer *writer)
{
    const struct community *community = entity;
    key_begin(writer);
    key_id(writer, community->owner_id);
    key_integer(writer, community->entity.created_at);
    key_end(writer);
}

/* Letters of the Latin alphabet sort without case. */
static void community_name_keys(const void *entity, struct key_writer *writer)
{
    const struct community *community = entity;
    char folded[80 * 4];
    uint32_t length = community->name.length < sizeof folded ? community->name.length : (uint32_t)sizeof folded;
    for (uint32_t i = 0; i < length; i++)
        folded[i] = letter_small(community->name.data[i]);
    key_begin(writer);
    key_text(writer, (struct text){folded, length});
    key_end(writer);
}

/* clang-format off */
static const struct index community_by_slug = {.number = 1, .name = "slug", .unique = true, .taken = ERROR_SLUG_TAKEN,
                                               .path = "slug", .keys = community_slug_keys, .doc = "by slug"};
static const struct index community_by_created = {
    .number = 2, .name = "created", .keys = community_created_keys, .doc = "by age"};
static const struct index community_by_owner = {.number = 3, .name = "owner", .keys = community_owner_keys,
                                                .doc = "by owner and age"};
static const struct index community_by_name = {
    .number = 4, .name = "name", .keys = community_name_keys, .doc = "by name"};
static const struct index *const community_indexes[] = {&community_by_slug, &community_by_created, &community_by_owner,
                                                        &community_by_name, NULL};

static const struct listing community_listings[] = {
    {.sort = "newest", .filter = "owner_id", .index = &community_by_owner, .reverse = true},
    {.sort = "newest", .index = &community_by_created, .reverse = true},
    {.sort = "name", .index = &community_by_name},
    {0},
};
/* clang-format on */

static const char *community_check(const void *entity)
{
    const struct community *community = entity;
    if (id_is_none(community->owner_id)) return "a community has an owner";
    if (!community->name.data || !community->slug.data) return "a community has name and slug";
    if (!community->visibility) return "a community is public or private";
    return NULL;
}

/* ---- who ---- */
bool community_live(const struct community *community)
{
    return community->entity.status == COMMUNITY_ACTIVE;
}

bool community_readable(struct tx *tx, const struct community *community)
{
    if (!community_live(community)) return false;
#if defined MUTANT && MUTANT == 23
    return true;
#endif
    if (community->visibility == VISIBILITY_PUBLIC || tx->principal.admin) return true;
    return community_relations_of(tx, community->entity.id) & MEMBER;
}

struct id community_of_path(struct tx *tx)
{
    const struct path_parameter *parameter = path_parameter(tx, "id");
    if (!parameter) return ID_NONE;
    struct id id = parameter->id;
    if (id_is_none(id)) id = find_text(tx, &community_kind, &community_by_slug, parameter->value);
    const struct community *community = load(tx, &community_kind, id);
    bool gone = !community || (community->entity.deleted_at && !tx->principal.admin);
    return gone ? ID_NONE : id;
}

static uint32_t community_relations(struct tx *tx, const void *entity)
{
    return entity ? community_relations_of(tx, ((const struct community *)entity)->entity.id) : 0;
}

/* ---- deciders ---- */
int64_t communities_owned(struct tx *tx, struct id user_id)
{
    const struct community_counts *counts = load(tx, &community_counts_kind, user_id);
    return counts ? counts->live : 0;
}

/* May this person own one community more? */
static enum error owner_allowed(struct tx *tx, const struct user *owner)
{
    if (!owner || !user_is_active(owner) || owner->role != ROLE_LEADER)
        return fail(tx, ERROR_CONFLICT, "only an active leader can own a community");
    bool oneself = id_equal(owner->entity.id, tx->principal.user);
    if (!owner->permissions.may_create_communities)
        return fail(tx, oneself ? ERROR_FORBIDDEN : ERROR_CONFLICT, "this leader may not own further communities");
    if (communities_owned(tx, owner->entity.id) >= owner->permissions.max_communities)
        return fail(tx, ERROR_LIMIT_REACHED, "this leader may own %lld communities",
                    (long long)owner->permissions.max_communities);
    return OK;
}

static enum error community_create(struct tx *tx)
{
    struct community *community = tx->subject;
    enum error error = owner_allowed(tx, principal_user(tx));
    if (error) return error;
    community->owner_id = tx->principal.user;
    community->slug = slug_make(tx, &community_kind, &community_by_slug, community->slug, community->name);
    struct community_counts *counts = community_counts_edit(tx, community->owner_id);
    if (!counts) return PENDING;
    counts->live++;
    return membership_found(tx, community);
}

static enum error community_patch(struct tx *tx)
{
    struct community *community = tx->subject;
    community->slug = slug_make(tx, &community_kind, &community_by_slug, community->slug, community->name);
    return OK;
}

static enum error community_transfer(struct tx *tx)
{
    struct community *community = tx->subject;
    const struct transfer_body *body = tx->body;
    if (id_equal(body->user_id, community->owner_id)) return fail(tx, ERROR_CONFLICT, "it is this person's already");
    enum error error = owner_allowed(tx, load(tx, &user_kind, body->user_id));
    if (!error) error = membership_transfer(tx, community, body->user_id);
    if (error) return error;
    struct community_counts *former = community_counts_edit(tx, community->owner_id);
    struct community_counts *next = community_counts_edit(tx, body->user_id);
    if (!former || !next) return PENDING;
    former->live--;
    next->live++;
    community->owner_id = body->user_id;
    return OK;
}

static enum error community_reason(struct tx *tx)
{
    struct community *community = tx->subject;
    const struct reason_body *body = tx->body;
    community->reason = body->reason;
    event_data(tx, body);
    return OK;
}

static enum error community_delete(struct tx *tx)
{
    const struct community *community = tx->subject;
    struct community_counts *counts = community_counts_edit(tx, community->owner_id);
    if (counts) counts->live--;
    return OK;
}

static enum error community_restore(struct tx *tx)
{
    const struct community *community = tx->subject;
    const struct user *owner = load(tx, &user_kind, community->owner_id);
    if (!owner || owner->entity.status == USER_DELETED) return fail(tx, ERROR_CONFLICT, "its owner has left");
    struct community_counts *counts = community_counts_edit(tx, community->owner_id);
    if (counts) counts->live++;
    return community_reason(tx);
}

static bool community_matches(struct tx *tx, const void *entity)
{
    const struct community *community = entity;
    const struct communities_query *query = tx->query;
    if (queried(tx, "owner_id") && !id_equal(community->owner_id, query->owner_id)) return false;
    return !queried(tx, "visibility") || community->visibility == query->visibility;
}

static const struct search_field searched_fields[] = {
    {"name", SEARCH_NAME}, {"purpose", SEARCH_TAGS}, {"description", SEARCH_BODY}, {0}};
static const struct searched searched = {searched_fields, STATE(COMMUNITY_ACTIVE) | STATE(COMMUNITY_SUSPENDED)};

static struct id community_owner(const void *entity)
{
    return ((const struct community *)entity)->owner_id;
}

static struct id community_itself(const void *entity)
{
    return ((const struct community *)entity)->entity.id;
}

/* clang-format off */
static const struct join community_joins[] = {
    {.name = "owner", .kind = &user_card_kind, .key = community_owner, .placeholder = USER_CARD_PLACEHOLDER},
    {.name = "stats", .kind = &community_statistics_kind, .key = community_itself, .revision = true},
    {0},
};
/* clang-format on */

/* ---- commands ---- */
/* clang-format off */
static const struct field transfer_rows[] = {
    ID(transfer_body, 1, user_id, .flags = REQUIRED, .refers = "user", .doc = "the next owner: an active leader"),
};
/* clang-format on */
static const struct fields transfer_fields = FIELDS("transfer", struct transfer_body, transfer_rows);

/* clang-format off */
static const struct field query_rows[] = {
    ENUM(communities_query, 1, visibility, &community_visibilities, .doc = "only public or private ones"),
    ID(communities_query, 2, owner_id, .refers = "user", .doc = "only those of this owner"),
    ENUM(communities_query, 3, sort, &community_sorts, .doc = "newest (default) or name"),
    SEARCH_ROW(communities_query, 4, "name, purpose or description"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("communities_query", struct communities_query, query_rows);

/* clang-format off */
static const struct command community_commands[] = {
    {"create", "POST", "/communities", NULL, ACTION_CREATE, LEADER, .decide = community_create,
     .doc = "opens a community; the asker becomes its owner"},
    {"list", "GET", "/communities", NULL, ACTION_LIST, ANYONE, .query = &query_fields, .listings = community_listings,
     .matches = community_matches, .searches = true, .steady = true, .doc = "all communities, private ones too"},
    {"read", "GET", "/communities/{id}", NULL, ACTION_READ, ANYONE, .steady = true, .doc = "a community"},
    {"patch", "PATCH", "/communities/{id}", NULL, ACTION_PATCH, OWNER, .event = &community_updated,
     .decide = community_patch, .doc = "changes it"},
    {"transfer", "POST", "/communities/{id}/transfer", NULL, ACTION_COMMAND, OWNER | ADMIN, .body = &transfer_fields,
     .decide = community_transfer, .doc = "gives it to another leader"},
    {"suspend", "POST", "/communities/{id}/suspend", NULL, ACTION_COMMAND, ADMIN, .body = &reason_fields,
     .decide = community_reason, .doc = "closes it for now"},
    {"reinstate", "POST", "/communities/{id}/reinstate", NULL, ACTION_COMMAND, ADMIN, .body = &reason_fields,
     .decide = community_reason, .doc = "opens it again"},
    {"delete", "DELETE", "/communities/{id}", NULL, ACTION_COMMAND, OWNER | ADMIN, .decide = community_delete,
     .doc = "closes it for good"},
    {"restore", "POST", "/communities/{id}/restore", NULL, ACTION_COMMAND, ADMIN, .body = &reason_fields,
     .decide = community_restore, .doc = "brings a deleted one back"},
    {0},
};

const struct kind community_kind = {
    .number = 20,
    .name = "community",
    .plural = "communities",
    .doc = "a place of people around an owner",
    .fields = &community_fields,
    .machine = &community_machine,
    .events = community_events,
    .indexes = community_indexes,
    .commands = community_commands,
    .joins = community_joins,
    .searched = &searched,
    .slug = &community_by_slug,
    .patch_needs_version = true,
    .relations = community_relations,
    .check = community_check,
};
/* clang-format on */
