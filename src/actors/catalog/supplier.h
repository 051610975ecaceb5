/* Suppliers: businesses that sell, apart from the people who act for them. */
#pragma once
#include "actors/runtime/tx.h"

enum supplier_status {
    SUPPLIER_PENDING = 1,
    SUPPLIER_SUBMITTED,
    SUPPLIER_VERIFIED,
    SUPPLIER_REJECTED,
    SUPPLIER_SUSPENDED,
    SUPPLIER_BANNED,
    SUPPLIER_DELETED
};
enum document_kind { DOCUMENT_LICENSE = 1, DOCUMENT_TAX, DOCUMENT_IDENTITY, DOCUMENT_OTHER };
enum team_role { TEAM_ROLE_OWNER = 1, TEAM_ROLE_MANAGER, TEAM_ROLE_STAFF };
enum team_member_status { TEAM_MEMBER_ACTIVE = 1, TEAM_MEMBER_REMOVED };

extern const struct enumeration supplier_statuses, team_roles;

struct postal_address {
    struct text line1, line2, city, state, postal_code, country;
};

struct company {
    struct text legal_name, tax_id, registration, country;
    struct postal_address address;
};

struct supplier_document {
    struct id id;
    enum document_kind kind;
    struct text title, media_id;
};

struct banking {
    struct text holder, iban, account, routing;
};

struct location {
    struct id id;
    struct text name;
    struct postal_address address;
    int64_t priority;
    bool active;
};

struct supplier_limits {
    int64_t max_products, max_promotions;
};

struct supplier {
    struct entity entity;
    struct text name, slug, description, logo_url;
    struct company company;
    LIST_OF(struct supplier_document) documents;
    struct banking banking;
    LIST_OF(struct location) locations; /* in the order they were added */
    struct supplier_limits limits;
    int64_t submitted_at, verified_at;
    struct text reason; /* of the last act of the staff */
};

struct team_member {
    struct entity entity;
    struct id supplier_id, user_id;
    enum team_role role;
};

/* Who owns a supplier, for the decisions that must not scan its team; id is the supplier's. */
struct supplier_team {
    struct entity entity;
    LIST_OF(struct id) owners;
    int64_t members; /* active ones, owners included */
};
/* The live suppliers that a user owns; id is the user's. */
struct owned_suppliers {
    struct entity entity;
    LIST_OF(struct id) suppliers;
};

/* There is one for each location that stock was ever kept at: it can be deactivated, not removed. Id is the
   location's. */
struct location_use {
    struct entity entity;
    struct id supplier_id;
};

/* Joined into the supplier as `metrics`; id is the supplier's. */
struct supplier_metrics {
    struct entity entity;
    int64_t products_listed, orders_fulfilled;
    struct money revenue;
    int64_t rating; /* absent until reviews exist */
};

extern const struct kind supplier_kind, team_member_kind, supplier_team_kind, supplier_metrics_kind,
    owned_suppliers_kind, location_use_kind;
extern const struct event supplier_created, supplier_updated, supplier_submitted, supplier_verified, supplier_rejected,
    supplier_suspended, supplier_reinstated, supplier_banned, supplier_deleted, supplier_restored;

extern const struct kind *const supplier_kinds[];
extern const struct follower *const supplier_followers[];

/* Verified: its products can be bought, its promotions shown. */
bool supplier_sells(const struct supplier *supplier);
/* Neither banned nor deleted. */
bool supplier_live(const struct supplier *supplier);
/* STAFF, MANAGER and TEAM_OWNER of the asker, cumulative: an owner has all three; 0 for those outside the team. */
uint32_t supplier_relations_of(struct tx *tx, struct id supplier_id);
struct id team_member_id(struct id supplier_id, struct id user_id);
/* The supplier that the path's {id} names, by id or slug; ID_NONE when there is none (or pending). */
struct id supplier_of_path(struct tx *tx);
/* For lists of one supplier: 404 when the path names none. */
enum error supplier_of_path_is_there(struct tx *tx);

const struct location *supplier_location(const struct supplier *supplier, struct id location_id); /* NULL: none */
/* Its active locations by (priority, id), in the arena: the order in which stock is taken. */
uint32_t supplier_active_locations(struct arena *arena, const struct supplier *supplier,
                                   const struct location ***locations);
/* Notes that stock is kept at a location: in the command that makes the first stock there. */
void supplier_use_location(struct tx *tx, struct id supplier_id, struct id location_id);
/* Is another person of this user's suppliers left to own them? A guard of deleting a user. */
enum error supplier_user_may_go(struct tx *tx, struct id user_id);
