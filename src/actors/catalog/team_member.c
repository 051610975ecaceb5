/* Who acts for a supplier: a link between supplier and person, its id derived from both.

     – ─put→ active ─remove→ removed ─put→ active;  put on an active one changes the role

   Truths: a live supplier has an owner whose account is not deleted; nobody owns more than three live suppliers.
   Decisions read this from two counters changed with the links: supplier_team (its owners) and owned_suppliers. */
#include "actors/catalog/media.h"
#include "actors/catalog/supplier_parts.h"
#include "actors/identity/identity.h"

struct team_role_body {
    enum team_role role;
};

static const char *const team_role_names[] = {NULL, "owner", "manager", "staff"};
static const char *const team_member_status_names[] = {NULL, "active", "removed"};
const struct enumeration team_roles = ENUMERATION("team_role", team_role_names);
static const struct enumeration team_member_statuses = ENUMERATION("team_member_status", team_member_status_names);

/* clang-format off */
static const struct field team_member_rows[] = {
    ENTITY_ROW(team_member),
    ID(team_member, 2, supplier_id, .flags = READ_ONLY, .refers = "supplier", .doc = "for whom"),
    ID(team_member, 3, user_id, .flags = READ_ONLY, .refers = "user", .doc = "who"),
    ENUM(team_member, 4, role, &team_roles, .flags = READ_ONLY, .doc = "owner, manager or staff"),
};
/* clang-format on */
static const struct fields team_member_fields = FIELDS("team_member", struct team_member, team_member_rows);

static const uint16_t carried[] = {3, 4, 0}; /* user_id, role */
static const struct event member_added = {1, "supplier.member_added", carried, NULL, "somebody acts for it"};
static const struct event member_updated = {2, "supplier.member_updated", carried, NULL, "somebody's role changed"};
static const struct event member_removed = {3, "supplier.member_removed", carried, NULL, "somebody left the team"};
static const struct event *const team_member_events[] = {&member_added, &member_updated, &member_removed, NULL};

/* clang-format off */
static const struct transition team_member_machine_rows[] = {
    /* from                                       command   to                   event */
    {FROM_NONE | STATE(TEAM_MEMBER_REMOVED),     "put",    TEAM_MEMBER_ACTIVE,  &member_added},
    {STATE(TEAM_MEMBER_ACTIVE),                  "put",    TO_SAME,             NULL},  /* emitted if it differs */
    {STATE(TEAM_MEMBER_ACTIVE),                  "remove", TEAM_MEMBER_REMOVED, &member_removed},
};
/* clang-format on */
static const struct machine team_member_machine = MACHINE(&team_member_statuses, team_member_machine_rows);

/* ---- counters ---- */
static const struct field id_element = ELEMENT(FIELD_ID, struct id);

/* clang-format off */
static const struct field supplier_team_rows[] = {
    ENTITY_ROW(supplier_team),
    SCALARS(supplier_team, 2, owners, struct id, &id_element, .flags = READ_ONLY, .max = TEAM_MEMBERS_MOST,
            .doc = "its owners"),
    INTEGER(supplier_team, 3, members, .flags = READ_ONLY, .doc = "active members, owners included"),
};
/* clang-format on */
static const struct fields supplier_team_fields = FIELDS("supplier_team", struct supplier_team, supplier_team_rows);

/* clang-format off */
const struct kind supplier_team_kind = {
    .number = 15,
    .name = "supplier_team",
    .plural = "supplier_teams",
    .doc = "who owns a supplier, for decisions",
    .fields = &supplier_team_fields,
    .quiet = true,
};

static const struct field owned_suppliers_rows[] = {
    ENTITY_ROW(owned_suppliers),
    SCALARS(owned_suppliers, 2, suppliers, struct id, &id_element, .flags = READ_ONLY, .max = 1000, .doc = "live ones"),
};
static const struct fields owned_suppliers_fields =
    FIELDS("owned_suppliers", struct owned_suppliers, owned_suppliers_rows);

const struct kind owned_suppliers_kind = {
    .number = 13,
    .name = "owned_suppliers",
    .plural = "owned_suppliers",
    .doc = "the live suppliers that a person owns, for decisions",
    .fields = &owned_suppliers_fields,
    .quiet = true,
};

static const struct field supplier_metrics_rows[] = {
    ENTITY_ROW(supplier_metrics),
    INTEGER(supplier_metrics, 2, products_listed, .flags = READ_ONLY, .doc = "published products"),
    INTEGER(supplier_metrics, 3, orders_fulfilled, .flags = READ_ONLY,
            .doc = "orders of which all its items were delivered"),
    MONEY(supplier_metrics, 4, revenue, .flags = READ_ONLY, .sees = TEAM | ADMIN,
          .doc = "net sales, less what was refunded"),
    INTEGER(supplier_metrics, 5, rating, .flags = READ_ONLY | OPTIONAL, .doc = "null until there are reviews"),
};
static const struct fields supplier_metrics_fields =
    FIELDS("supplier_metrics", struct supplier_metrics, supplier_metrics_rows);

const struct kind supplier_metrics_kind = {
    .number = 12,
    .name = "supplier_metrics",
    .plural = "supplier_metrics",
    .doc = "figures of a supplier",
    .fields = &supplier_metrics_fields,
    .derived = true,
};
/* clang-format on */

/* ---- indexes ---- */
static void member_supplier_keys(const void *entity, struct key_writer *writer)
{
    const struct team_member *member = entity;
    if (member->entity.status != TEAM_MEMBER_ACTIVE) return;
    key_begin(writer);
    key_id(writer, member->supplier_id);
    key_integer(writer, member->entity.created_at);
    key_end(writer);
}

static void member_user_keys(const void *entity, struct key_writer *writer)
{
    const struct team_member *member = entity;
    if (member->entity.status != TEAM_MEMBER_ACTIVE) return;
    key_begin(writer);
    key_id(writer, member->user_id);
    key_integer(writer, member->entity.created_at);
    key_end(writer);
}

/* clang-format off */
static const struct index member_by_supplier = {.number = 1, .name = "supplier", .keys = member_supplier_keys,
                                                .doc = "the team of a supplier"};
static const struct index member_by_user = {
    .number = 2, .name = "user", .keys = member_user_keys, .doc = "the teams of a person", .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const team_member_indexes[] = {&member_by_supplier, &member_by_user, NULL};

static void scope_supplier(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, supplier_of_path(tx));
}

static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

/* clang-format off */
static const struct listing team_listings[] = {
    {.sort = "oldest", .index = &member_by_supplier, .scope = scope_supplier},
    {0},
};
static const struct listing my_teams_listings[] = {
    {.sort = "newest", .index = &member_by_user, .scope = scope_myself, .reverse = true},
    {0},
};
/* clang-format on */

/* ---- who ---- */
struct id team_member_id(struct id supplier_id, struct id user_id)
{
    return id_derived("team_member", supplier_id, user_id);
}

uint32_t supplier_relations_of(struct tx *tx, struct id supplier_id)
{
    if (tx->principal.kind != PRINCIPAL_USER || id_is_none(supplier_id)) return 0;
    const struct team_member *member = load(tx, &team_member_kind, team_member_id(supplier_id, tx->principal.user));
    if (!member || member->entity.status != TEAM_MEMBER_ACTIVE) return 0;
    switch (member->role) {
    case TEAM_ROLE_OWNER: return STAFF | MANAGER | TEAM_OWNER;
    case TEAM_ROLE_MANAGER: return STAFF | MANAGER;
    case TEAM_ROLE_STAFF: return STAFF;
    }
    return 0;
}

static uint32_t team_member_relations(struct tx *tx, const void *entity)
{
    const struct team_member *member = entity;
    bool known = member && !id_is_none(member->supplier_id);
    return supplier_relations_of(tx, known ? member->supplier_id : supplier_of_path(tx));
}

/* ---- owners ---- */
static bool other_owner_stays(struct tx *tx, const struct supplier_team *team, struct id user_id)
{
    for (uint32_t i = 0; team && i < team->owners.count; i++) {
        if (id_equal(team->owners.at[i], user_id)) continue;
        const struct user *owner = load(tx, &user_kind, team->owners.at[i]);
        if (owner && owner->entity.status != USER_DELETED) return true;
    }
    return false;
}

bool supplier_team_owned(struct tx *tx, struct id supplier_id)
{
    return other_owner_stays(tx, load(tx, &supplier_team_kind, supplier_id), ID_NONE);
}

enum error supplier_user_may_go(struct tx *tx, struct id user_id)
{
    const struct owned_suppliers *owned = load(tx, &owned_suppliers_kind, user_id);
    for (uint32_t i = 0; owned && i < owned->suppliers.count; i++) {
        const struct supplier_team *team = load(tx, &supplier_team_kind, owned->suppliers.at[i]);
        if (!other_owner_stays(tx, team, user_id))
            return fail(tx, ERROR_IN_USE, "the account is the last owner of a live supplier");
    }
    return OK;
}

static void owned_change(struct tx *tx, struct id user_id, struct id supplier_id, bool owns)
{
    struct owned_suppliers *owned = edit_or_create(tx, &owned_suppliers_kind, user_id);
    if (!owned) return;
    for (uint32_t i = owned->suppliers.count; i-- > 0;)
        if (id_equal(owned->suppliers.at[i], supplier_id)) LIST_REMOVE(&owned->suppliers, i);
    if (owns) *LIST_ADD(tx->arena, &owned->suppliers) = supplier_id;
}

void supplier_team_live(struct tx *tx, struct id supplier_id, bool live)
{
    const struct supplier_team *team = load(tx, &supplier_team_kind, supplier_id);
    for (uint32_t i = 0; team && i < team->owners.count; i++)
        owned_change(tx, team->owners.at[i], supplier_id, live);
}

static enum error owner_add(struct tx *tx, struct supplier_team *team, struct id user_id, struct id supplier_id)
{
    const struct owned_suppliers *owned = load(tx, &owned_suppliers_kind, user_id);
    if (owned && owned->suppliers.count >= SUPPLIERS_OWNED_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a person owns at most %d suppliers", SUPPLIERS_OWNED_MOST);
    *LIST_ADD(tx->arena, &team->owners) = user_id;
    owned_change(tx, user_id, supplier_id, true);
    return OK;
}

static enum error owner_remove(struct tx *tx, struct supplier_team *team, struct id user_id, struct id supplier_id)
{
    if (!other_owner_stays(tx, team, user_id)) return fail(tx, ERROR_CONFLICT, "a supplier has at least one owner");
    for (uint32_t i = team->owners.count; i-- > 0;)
        if (id_equal(team->owners.at[i], user_id)) LIST_REMOVE(&team->owners, i);
    owned_change(tx, user_id, supplier_id, false);
    return OK;
}

enum error supplier_team_found(struct tx *tx, struct id supplier_id)
{
    struct id user_id = tx->principal.user;
    struct supplier_team *team = edit_or_create(tx, &supplier_team_kind, supplier_id);
    struct team_member *member = edit_or_create(tx, &team_member_kind, team_member_id(supplier_id, user_id));
    if (!team || !member) return PENDING;
    enum error error = owner_add(tx, team, user_id, supplier_id);
    if (error) return error;
    team->members = 1;
    member->supplier_id = supplier_id;
    member->user_id = user_id;
    member->role = TEAM_ROLE_OWNER;
    return transition(tx, &team_member_kind, member, "put", NULL);
}

/* ---- commands ---- */
static struct id member_of_path(struct tx *tx)
{
    struct id supplier = supplier_of_path(tx), user = path_id(tx, "user_id");
    return id_is_none(supplier) || id_is_none(user) ? ID_NONE : team_member_id(supplier, user);
}

static enum error team_list(struct tx *tx)
{
    enum error error = supplier_of_path_is_there(tx);
    if (error || tx->relations & (TEAM | ADMIN)) return error;
    return fail(tx, ERROR_FORBIDDEN, "only the team sees who is in it");
}

static enum error team_put(struct tx *tx)
{
    struct team_member *member = tx->subject;
    const struct team_role_body *body = tx->body;
    struct id supplier_id = supplier_of_path(tx), user_id = path_id(tx, "user_id");
    const struct supplier *supplier = load(tx, &supplier_kind, supplier_id);
    const struct user *user = load(tx, &user_kind, user_id);
    struct supplier_team *team = edit(tx, &supplier_team_kind, supplier_id);
    if (!supplier || !team || !user || !user_is_active(user))
        return fail(tx, ERROR_NOT_FOUND, "there is no such active user");
    enum error error = supplier_must_live(tx, supplier, "put");
    if (error) return error;

    bool joins = member->entity.status != TEAM_MEMBER_ACTIVE;
    bool owned = !joins && member->role == TEAM_ROLE_OWNER, owns = body->role == TEAM_ROLE_OWNER;
    if (joins && team->members >= TEAM_MEMBERS_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a team has at most %d members", TEAM_MEMBERS_MOST);
    if (owns && !owned) error = owner_add(tx, team, user_id, supplier_id);
    if (owned && !owns) error = owner_remove(tx, team, user_id, supplier_id);
    if (error) return error;
    bool changes = !joins && member->role != body->role;
    member->supplier_id = supplier_id;
    member->user_id = user_id;
    member->role = body->role;
    team->members += joins;
    if (changes) emit(tx, member, &team_member_kind, &member_updated, NULL);
    return OK;
}

static enum error team_remove(struct tx *tx)
{
    struct team_member *member = tx->subject;
    struct supplier_team *team = edit(tx, &supplier_team_kind, member->supplier_id);
    if (!team) return fail(tx, ERROR_NOT_FOUND, "there is no such supplier");
    if (member->role == TEAM_ROLE_OWNER) {
        enum error error = owner_remove(tx, team, member->user_id, member->supplier_id);
        if (error) return error;
    }
    team->members--;
    return OK;
}

static struct id member_user(const void *entity)
{
    return ((const struct team_member *)entity)->user_id;
}

static struct id member_supplier(const void *entity)
{
    return ((const struct team_member *)entity)->supplier_id;
}

/* clang-format off */
static const struct join team_member_joins[] = {
    {.name = "user", .kind = &user_card_kind, .key = member_user, .placeholder = USER_CARD_PLACEHOLDER},
    {0},
};

static const struct field team_role_rows[] = {
    ENUM(team_role_body, 1, role, &team_roles, .flags = REQUIRED, .doc = "owner, manager or staff"),
};
/* clang-format on */
static const struct fields team_role_fields = FIELDS("team_role_body", struct team_role_body, team_role_rows);

#define MEMBER_PATH "/suppliers/{id}/members/{user_id}", "/sellers/{id}/members/{user_id}"
/* clang-format off */
static const struct command team_member_commands[] = {
    {"list", "GET", "/suppliers/{id}/members", "/sellers/{id}/members", ACTION_LIST, USER | ADMIN, .demands = TEAM | ADMIN, .decide = team_list,
     .listings = team_listings, .doc = "the team, for the team and staff"},
    {"put", "PUT", MEMBER_PATH, ACTION_UPSERT, TEAM_OWNER, .body = &team_role_fields, .decide = team_put,
     .target = member_of_path, .doc = "takes a person into the team, or changes the role"},
    {"remove", "DELETE", MEMBER_PATH, ACTION_COMMAND, TEAM_OWNER, .decide = team_remove, .target = member_of_path,
     .doc = "takes a person out of the team"},
    {"mine", "GET", "/users/me/suppliers", NULL, ACTION_LIST, USER, .listings = my_teams_listings,
     .doc = "the teams that the asker is in, with role"},
    {0},
};

const struct kind team_member_kind = {
    .number = 11,
    .name = "team_member",
    .plural = "team_members",
    .doc = "a person acting for a supplier",
    .fields = &team_member_fields,
    .machine = &team_member_machine,
    .events = team_member_events,
    .indexes = team_member_indexes,
    .commands = team_member_commands,
    .joins = team_member_joins,
    .relations = team_member_relations,
    .event_subject = member_supplier,
    .subject_kind = "supplier",
};

const struct kind *const supplier_kinds[] = {&supplier_kind,        &team_member_kind,     &supplier_metrics_kind,
                                             &owned_suppliers_kind, &supplier_team_kind,   &location_use_kind,
                                             &media_kind,           &media_content_kind,   &media_usage_kind, NULL};
/* clang-format on */
const struct follower *const supplier_followers[] = {NULL};
