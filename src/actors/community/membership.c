/* Who belongs to a community: a link between community and person, its id derived from both.

     none, left, removed, rejected ─join→ active (public) or requested (private)
     requested ─approve→ active, ─reject→ rejected;  requested, active ─leave→ left
     active ─remove→ removed;  all but banned ─ban→ banned ─unban→ left

   Truths: restrictions are looked at when somebody joins and again when a request is approved, never backwards. The
   owner is always an active member and cannot leave, be removed or be banned; a moderator only by the owner. Whoever
   comes back comes as a plain member. community_counts counts the active members in the same command, for the cap. */
#include "actors/community/community.h"
#include "actors/community/membership_links.h"
#include "actors/identity/identity.h"

struct membership_role_body {
    uint32_t role; /* of assignable_roles */
};
struct members_query {
    enum membership_status status;
    enum membership_role role;
};
enum { ASSIGN_MODERATOR = 1, ASSIGN_MEMBER };

/* clang-format off */
static const char *const membership_status_names[] = {NULL,      "requested", "active", "left",
                                                      "removed", "rejected",  "banned"};
/* clang-format on */
static const char *const membership_role_names[] = {NULL, "member", "moderator", "owner"};
static const char *const assignable_role_names[] = {NULL, "moderator", "member"};
const struct enumeration membership_statuses = ENUMERATION("membership_status", membership_status_names);
const struct enumeration membership_roles = ENUMERATION("membership_role", membership_role_names);
static const struct enumeration assignable_roles = ENUMERATION("assignable_role", assignable_role_names);

/* ---- fields ---- */
#define CONCERNED (SELF | MODERATOR | OWNER | ADMIN)
/* clang-format off */
static const struct field membership_rows[] = {
    ENTITY_ROW(membership),
    ID(membership, 2, community_id, .flags = READ_ONLY, .refers = "community", .doc = "where"),
    ID(membership, 3, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who"),
    ENUM(membership, 4, role, &membership_roles, .flags = READ_ONLY, .doc = "member, moderator or owner"),
    TIME(membership, 5, requested_at, .flags = READ_ONLY, .sees = CONCERNED, .doc = "last request to join"),
    TIME(membership, 6, joined_at, .flags = READ_ONLY, .doc = "active since"),
    ID(membership, 7, decided_by, .flags = READ_ONLY, .refers = "user", .sees = CONCERNED,
       .doc = "who let in, refused or sent away"),
    TEXT(membership, 8, reason, .format = FORMAT_LONG, .max = 500, .flags = READ_ONLY, .sees = CONCERNED, .doc = "why"),
};
/* clang-format on */
static const struct fields membership_fields = FIELDS("membership", struct membership, membership_rows);

static const uint16_t carried[] = {2, 3, 4, 0}; /* community_id, user_id, role */
const struct event community_member_joined =
    REASON_EVENT(1, "community.member_joined", carried, "somebody is a member");
const struct event community_member_requested =
    REASON_EVENT(2, "community.member_requested", carried, "somebody wants to be");
const struct event community_member_rejected = REASON_EVENT(3, "community.member_rejected", carried, "and may not");
const struct event community_member_left =
    REASON_EVENT(4, "community.member_left", carried, "somebody went, or asks no more");
const struct event community_member_removed =
    REASON_EVENT(5, "community.member_removed", carried, "somebody was sent away");
const struct event community_member_banned =
    REASON_EVENT(6, "community.member_banned", carried, "somebody may not come back");
const struct event community_member_unbanned = REASON_EVENT(7, "community.member_unbanned", carried, "and may again");
const struct event community_member_role_updated =
    REASON_EVENT(8, "community.member_role_updated", carried, "somebody's role changed");
/* clang-format off */
static const struct event *const membership_events[] = {
    &community_member_joined, &community_member_requested, &community_member_rejected, &community_member_left,
    &community_member_removed, &community_member_banned, &community_member_unbanned, &community_member_role_updated, NULL};
/* clang-format on */

/* ---- machine ---- */
static bool into_public(struct tx *tx, const void *entity)
{
    (void)entity;
    const struct community *community = load(tx, &community_kind, community_of_path(tx));
    return community && community->visibility == VISIBILITY_PUBLIC;
}

static bool into_private(struct tx *tx, const void *entity)
{
    return !into_public(tx, entity);
}

#define OUTSIDE (FROM_NONE | STATE(MEMBERSHIP_LEFT) | STATE(MEMBERSHIP_REMOVED) | STATE(MEMBERSHIP_REJECTED))
#define INSIDE  (STATE(MEMBERSHIP_REQUESTED) | STATE(MEMBERSHIP_ACTIVE))
/* clang-format off */
static const struct transition membership_machine_rows[] = {
    /* from                        command     to                     event, guard */
    {OUTSIDE,                     "join",     MEMBERSHIP_ACTIVE,    &community_member_joined, into_public, "public"},
    {OUTSIDE,                     "join",     MEMBERSHIP_REQUESTED, &community_member_requested, into_private, "private"},
    {STATE(MEMBERSHIP_BANNED),    "join",     TO_SAME,              NULL},      /* always refused: 403 banned */
    {STATE(MEMBERSHIP_REQUESTED), "approve",  MEMBERSHIP_ACTIVE,    &community_member_joined},
    {STATE(MEMBERSHIP_REQUESTED), "reject",   MEMBERSHIP_REJECTED,  &community_member_rejected},
    {INSIDE,                      "leave",    MEMBERSHIP_LEFT,      &community_member_left},
    {STATE(MEMBERSHIP_ACTIVE),    "remove",   MEMBERSHIP_REMOVED,   &community_member_removed},
    {OUTSIDE | INSIDE,            "ban",      MEMBERSHIP_BANNED,    &community_member_banned},
    {STATE(MEMBERSHIP_BANNED),    "unban",    MEMBERSHIP_LEFT,      &community_member_unbanned},
    {STATE(MEMBERSHIP_ACTIVE),    "set-role", TO_SAME,              NULL},      /* emitted when the role differs */
    {OUTSIDE,                     "found",    MEMBERSHIP_ACTIVE,    &community_member_joined},
    {OUTSIDE | INSIDE,            "inherit",  MEMBERSHIP_ACTIVE,    &community_member_joined},
};
/* clang-format on */
static const struct machine membership_machine = MACHINE(&membership_statuses, membership_machine_rows);

/* ---- indexes ---- */
static int64_t since(const struct membership *membership)
{
    return membership->entity.status == MEMBERSHIP_ACTIVE ? membership->joined_at : membership->entity.updated_at;
}

static void membership_community_keys(const void *entity, struct key_writer *writer)
{
    const struct membership *membership = entity;
    key_begin(writer);
    key_id(writer, membership->community_id);
    key_integer(writer, membership->entity.status);
    key_integer(writer, since(membership));
    key_end(writer);
}

static void membership_user_keys(const void *entity, struct key_writer *writer)
{
    const struct membership *membership = entity;
    key_begin(writer);
    key_id(writer, membership->user_id);
    key_integer(writer, since(membership));
    key_end(writer);
}

/* clang-format off */
static const struct index membership_by_community = {
    .number = 1, .name = "community", .keys = membership_community_keys, .doc = "by community, state and age"};
static const struct index membership_by_user = {.number = 2, .name = "user", .keys = membership_user_keys,
                                                .doc = "by person and age", .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const membership_indexes[] = {&membership_by_community, &membership_by_user, NULL};

static void scope_community(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, community_of_path(tx));
}

static void scope_active(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, community_of_path(tx));
    key_integer(writer, MEMBERSHIP_ACTIVE);
}

static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

/* clang-format off */
static const struct listing member_listings[] = {
    {.sort = "oldest", .filter = "status", .index = &membership_by_community, .scope = scope_community},
    {.sort = "oldest", .index = &membership_by_community, .scope = scope_active},
    {0},
};
static const struct listing my_listings[] = {
    {.sort = "newest", .index = &membership_by_user, .scope = scope_myself, .reverse = true},
    {0},
};
/* clang-format on */

static const char *membership_check(const void *entity)
{
    const struct membership *membership = entity;
    bool active = membership->entity.status == MEMBERSHIP_ACTIVE;
    if (active && !membership->joined_at) return "an active member joined once";
    if (!active && membership->role != MEMBERSHIP_MEMBER) return "only active members have a role";
    return NULL;
}

/* ---- who ---- */
struct id membership_id(struct id community_id, struct id user_id)
{
    return id_derived("membership", community_id, user_id);
}

uint32_t community_relations_of(struct tx *tx, struct id community_id)
{
    if (tx->principal.kind != PRINCIPAL_USER || id_is_none(community_id)) return 0;
    const struct membership *membership = load(tx, &membership_kind, membership_id(community_id, tx->principal.user));
    if (!membership || membership->entity.status != MEMBERSHIP_ACTIVE) return 0;
    switch (membership->role) {
    case MEMBERSHIP_OWNER: return MEMBER | MODERATOR | OWNER;
    case MEMBERSHIP_MODERATOR: return MEMBER | MODERATOR;
    case MEMBERSHIP_MEMBER: return MEMBER;
    }
    return 0;
}

static uint32_t membership_relations(struct tx *tx, const void *entity)
{
    const struct membership *membership = entity;
    bool known = membership && !id_is_none(membership->community_id);
    uint32_t relations = community_relations_of(tx, known ? membership->community_id : community_of_path(tx));
    return relations | (known && id_equal(membership->user_id, tx->principal.user) ? SELF : 0);
}

/* Members are seen by whoever may read the community; who asked, left or was sent away by those it concerns. */
static bool membership_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    const struct membership *membership = entity;
    if (relations & (CONCERNED | SYSTEM)) return true;
    const struct community *community = load(tx, &community_kind, membership->community_id);
    return membership->entity.status == MEMBERSHIP_ACTIVE && community && community_readable(tx, community);
}

/* ---- restrictions ---- */
static void restriction_unmet(struct tx *tx, const char *path, const char *code, const char *text)
{
    fail_detail(tx, path, code, "%s", text);
}

static bool country_among(const struct restrictions *restrictions, struct text country)
{
    for (uint32_t i = 0; i < restrictions->countries.count; i++)
        if (text_equal(restrictions->countries.at[i], country)) return true;
    return false;
}

static enum error restrictions_hold(struct tx *tx, const struct community *community, const struct user *user)
{
    const struct restrictions *restrictions = &community->restrictions;
    const struct community_counts *counts = load(tx, &community_counts_kind, community->entity.id);
    if (restrictions->min_age && !user->birth_date)
        restriction_unmet(tx, "birth_date", "birth_date_missing", "tell your birth date first");
    else if (restrictions->min_age && date_years_between(user->birth_date, time_date(tx->now)) < restrictions->min_age)
        restriction_unmet(tx, "birth_date", "too_young", "you are too young for this community");
    if (restrictions->countries.count && !user->country.data)
        restriction_unmet(tx, "country", "country_missing", "tell your country first");
    else if (restrictions->countries.count && !country_among(restrictions, user->country))
        restriction_unmet(tx, "country", "country_not_allowed", "this community is for other countries");
    if (restrictions->member_cap && counts && counts->members >= restrictions->member_cap)
        restriction_unmet(tx, "restrictions.member_cap", "community_full", "this community is full");
    return fail_details(tx) ? fail(tx, ERROR_RESTRICTION_UNMET, "a condition of this community is not met") : OK;
}

/* ---- counting ---- */
struct community_counts *community_counts_edit(struct tx *tx, struct id id)
{
    return edit_or_create(tx, &community_counts_kind, id);
}

static void members_change(struct tx *tx, struct id community_id, int64_t change)
{
    struct community_counts *counts = community_counts_edit(tx, community_id);
    if (counts) counts->members += change;
}

static void activate(struct tx *tx, struct membership *membership, enum membership_role role)
{
    membership->role = role;
    membership->joined_at = tx->now;
    members_change(tx, membership->community_id, 1);
}

static void deactivate(struct tx *tx, struct membership *membership)
{
    membership->role = MEMBERSHIP_MEMBER;
    if (membership->entity.status == MEMBERSHIP_ACTIVE) members_change(tx, membership->community_id, -1);
}

/* ---- joining and leaving ---- */
/* ID_NONE (404) when the path's community is not there. */
static struct id my_membership(struct tx *tx)
{
    struct id community = community_of_path(tx);
    bool nobody = id_is_none(community) || tx->principal.kind != PRINCIPAL_USER;
    return nobody ? ID_NONE : membership_id(community, tx->principal.user);
}

static struct id membership_of_path(struct tx *tx)
{
    struct id community = community_of_path(tx), user = path_id(tx, "user_id");
    return id_is_none(community) || id_is_none(user) ? ID_NONE : membership_id(community, user);
}

static enum error membership_join(struct tx *tx)
{
    struct membership *membership = tx->subject;
    if (membership->entity.status == MEMBERSHIP_BANNED)
        return fail(tx, ERROR_BANNED, "you are banned from this community");
    const struct community *community = load(tx, &community_kind, community_of_path(tx));
    const struct user *user = principal_user(tx);
    if (!community || !user) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (!community_live(community)) return fail_transition(tx, &community_kind, community, "join");
    enum error error = restrictions_hold(tx, community, user);
    if (error) return error;
    membership->community_id = community->entity.id;
    membership->user_id = user->entity.id;
    membership->decided_by = ID_NONE;
    membership->reason = (struct text){0};
    membership->role = MEMBERSHIP_MEMBER;
    if (transition_to(tx) == MEMBERSHIP_ACTIVE)
        activate(tx, membership, MEMBERSHIP_MEMBER);
    else
        membership->requested_at = tx->now;
    return OK;
}

static enum error membership_leave(struct tx *tx)
{
    struct membership *membership = tx->subject;
    if (membership->role == MEMBERSHIP_OWNER)
        return fail(tx, ERROR_CONFLICT, "the owner cannot leave: transfer the community first");
    deactivate(tx, membership);
    return OK;
}

/* ---- what moderators do ---- */
static void decided(struct tx *tx, struct membership *membership, struct text reason)
{
    struct reason_body *data = ARENA_NEW(tx->arena, struct reason_body);
    data->reason = membership->reason = reason;
    membership->decided_by = tx->principal.user;
    event_data(tx, data);
}

static enum error membership_approve(struct tx *tx)
{
    struct membership *membership = tx->subject;
    const struct community *community = load(tx, &community_kind, membership->community_id);
    const struct user *user = load(tx, &user_kind, membership->user_id);
    if (!community) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    if (!community_live(community)) return fail_transition(tx, &community_kind, community, "approve");
    if (!user || !user_is_active(user)) return fail(tx, ERROR_CONFLICT, "this account is not active");
    enum error error = restrictions_hold(tx, community, user);
    if (error) return error;
    decided(tx, membership, (struct text){0});
    activate(tx, membership, MEMBERSHIP_MEMBER);
    return OK;
}

static struct text body_reason(const struct tx *tx)
{
    return ((const struct reason_body *)tx->body)->reason;
}

static enum error membership_reject(struct tx *tx)
{
    decided(tx, tx->subject, body_reason(tx));
    return OK;
}

/* The owner stays; a moderator goes only by the owner's hand, or the staff's. */
static enum error may_send_away(struct tx *tx, const struct membership *membership)
{
    if (membership->role == MEMBERSHIP_OWNER) return fail(tx, ERROR_CONFLICT, "the owner cannot be sent away");
    if (membership->role == MEMBERSHIP_MODERATOR && !(tx->relations & (OWNER | ADMIN)))
        return fail(tx, ERROR_FORBIDDEN, "only the owner sends a moderator away");
    return OK;
}

static enum error membership_remove(struct tx *tx)
{
    struct membership *membership = tx->subject;
    enum error error = may_send_away(tx, membership);
    if (error) return error;
    decided(tx, membership, body_reason(tx));
    deactivate(tx, membership);
    return OK;
}

/* Also of somebody who never was here. */
static enum error membership_ban(struct tx *tx)
{
    struct membership *membership = tx->subject;
    enum error error = may_send_away(tx, membership);
    if (error) return error;
    const struct user *user = load(tx, &user_kind, path_id(tx, "user_id"));
    if (!user || (user->entity.status == USER_PENDING && !tx->before))
        return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    membership->community_id = community_of_path(tx);
    membership->user_id = user->entity.id;
    decided(tx, membership, body_reason(tx));
    deactivate(tx, membership);
    return OK;
}

static enum error membership_unban(struct tx *tx)
{
    decided(tx, tx->subject, (struct text){0});
    return OK;
}

static enum error membership_set_role(struct tx *tx)
{
    struct membership *membership = tx->subject;
    const struct membership_role_body *body = tx->body;
    enum membership_role role = body->role == ASSIGN_MODERATOR ? MEMBERSHIP_MODERATOR : MEMBERSHIP_MEMBER;
    if (membership->role == MEMBERSHIP_OWNER) return fail(tx, ERROR_CONFLICT, "the owner's role changes by transfer");
    if (membership->role == role) return OK;
    membership->role = role;
    emit(tx, membership, &membership_kind, &community_member_role_updated, NULL);
    return OK;
}

/* ---- owners ---- */
static struct membership *membership_edit(struct tx *tx, struct id community_id, struct id user_id)
{
    struct membership *membership = edit_or_create(tx, &membership_kind, membership_id(community_id, user_id));
    if (!membership) return NULL;
    membership->community_id = community_id;
    membership->user_id = user_id;
    return membership;
}

enum error membership_found(struct tx *tx, const struct community *community)
{
    struct membership *membership = membership_edit(tx, community->entity.id, community->owner_id);
    if (!membership) return PENDING;
    activate(tx, membership, MEMBERSHIP_OWNER);
    return transition(tx, &membership_kind, membership, "found", NULL);
}

enum error membership_transfer(struct tx *tx, const struct community *community, struct id user_id)
{
    struct membership *former = membership_edit(tx, community->entity.id, community->owner_id);
    struct membership *next = membership_edit(tx, community->entity.id, user_id);
    if (!former || !next) return PENDING;
    if (next->entity.status == MEMBERSHIP_BANNED)
        return fail(tx, ERROR_CONFLICT, "this person is banned from the community");
    former->role = MEMBERSHIP_MEMBER;
    emit(tx, former, &membership_kind, &community_member_role_updated, NULL);
    if (next->entity.status == MEMBERSHIP_ACTIVE) {
        next->role = MEMBERSHIP_OWNER;
        emit(tx, next, &membership_kind, &community_member_role_updated, NULL);
        return OK;
    }
    const struct user *user = load(tx, &user_kind, user_id);
    if (!user) return fail(tx, ERROR_NOT_FOUND, "there is no such user");
    enum error error = restrictions_hold(tx, community, user);
    if (error) return error;
    activate(tx, next, MEMBERSHIP_OWNER);
    return transition(tx, &membership_kind, next, "inherit", NULL);
}

/* ---- commands ---- */
static enum error members_list(struct tx *tx)
{
    const struct members_query *query = tx->query;
    const struct community *community = load(tx, &community_kind, community_of_path(tx));
    if (!community) return fail(tx, ERROR_NOT_FOUND, "there is no such community");
    bool staff = tx->relations & (MODERATOR | OWNER | ADMIN);
    bool anonymous = tx->principal.kind == PRINCIPAL_ANONYMOUS;
    if (!staff && !community_readable(tx, community))
        return fail(tx, anonymous ? ERROR_UNAUTHORIZED : ERROR_FORBIDDEN, "only members see who is in it");
    if (staff || !queried(tx, "status") || query->status == MEMBERSHIP_ACTIVE) return OK;
    fail_detail(tx, "status", "not_allowed", "only moderators see these");
    return fail(tx, anonymous ? ERROR_UNAUTHORIZED : ERROR_FORBIDDEN,
                "only moderators see who is not an active member");
}

static bool members_match(struct tx *tx, const void *entity)
{
    const struct members_query *query = tx->query;
    return !queried(tx, "role") || ((const struct membership *)entity)->role == query->role;
}

static struct id membership_user(const void *entity)
{
    return ((const struct membership *)entity)->user_id;
}

static struct id membership_community(const void *entity)
{
    return ((const struct membership *)entity)->community_id;
}

/* clang-format off */
static const struct join membership_joins[] = {
    {.name = "user", .kind = &user_card_kind, .key = membership_user, .placeholder = USER_CARD_PLACEHOLDER},
    {0},
};

static const struct field role_rows[] = {
    ENUM(membership_role_body, 1, role, &assignable_roles, .flags = REQUIRED, .doc = "moderator or member"),
};
/* clang-format on */
static const struct fields role_fields = FIELDS("membership_role", struct membership_role_body, role_rows);

/* clang-format off */
static const struct field query_rows[] = {
    ENUM(members_query, 1, status, &membership_statuses, .doc = "active (default); other states for moderators"),
    ENUM(members_query, 2, role, &membership_roles, .doc = "only this role"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("members_query", struct members_query, query_rows);

/* clang-format off */
#define MODERATION(name_, action_, fields_, decide_, doc_)                                                          \
    {(name_), "POST", "/communities/{id}/members/{user_id}/" name_, NULL, (action_), MODERATOR | OWNER | ADMIN,        \
     .body = (fields_), .decide = (decide_), .target = membership_of_path, .doc = (doc_)}
static const struct command membership_commands[] = {
    {"join", "POST", "/communities/{id}/join", NULL, ACTION_UPSERT, USER, .decide = membership_join,
     .target = my_membership, .doc = "joins, or asks to"},
    {"leave", "POST", "/communities/{id}/leave", NULL, ACTION_COMMAND, SELF, .decide = membership_leave,
     .target = my_membership, .doc = "leaves, or takes the request back"},
    {"list", "GET", "/communities/{id}/members", NULL, ACTION_LIST, ANYONE, .query = &query_fields,
     .decide = members_list, .listings = member_listings, .matches = members_match, .doc = "its members, those who joined first at the front"},
    MODERATION("approve", ACTION_COMMAND, NULL, membership_approve, "lets somebody in"),
    MODERATION("reject", ACTION_COMMAND, &reason_optional_fields, membership_reject, "does not let somebody in"),
    MODERATION("remove", ACTION_COMMAND, &reason_fields, membership_remove, "sends a member away"),
    MODERATION("ban", ACTION_UPSERT, &reason_fields, membership_ban, "sends somebody away for good"),
    MODERATION("unban", ACTION_COMMAND, NULL, membership_unban, "lets somebody join again"),
    {"set-role", "PATCH", "/communities/{id}/members/{user_id}", NULL, ACTION_COMMAND, OWNER, .body = &role_fields,
     .decide = membership_set_role, .target = membership_of_path,
     .doc = "makes a member a moderator, or takes it back"},
    {"mine", "GET", "/users/me/communities", NULL, ACTION_LIST, USER, .listings = my_listings,
     .doc = "the asker's memberships, with role and state"},
    {"found", .action = ACTION_COMMAND, .who = SYSTEM, .doc = "the first owner joins with the community's creation"},
    {"inherit", .action = ACTION_COMMAND, .who = SYSTEM, .doc = "the next owner joins with the transfer"},
    {0},
};

const struct kind membership_kind = {
    .number = 21,
    .name = "membership",
    .plural = "memberships",
    .doc = "a person in a community",
    .fields = &membership_fields,
    .machine = &membership_machine,
    .events = membership_events,
    .indexes = membership_indexes,
    .commands = membership_commands,
    .joins = membership_joins,
    .relations = membership_relations,
    .visible = membership_visible,
    .check = membership_check,
    .event_subject = membership_community,
    .subject_kind = "community",
};
/* clang-format on */
