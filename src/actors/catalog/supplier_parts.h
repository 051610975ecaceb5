/* The parts of a supplier that have commands of their own, and its team. Shared by the supplier's files alone. */
#pragma once
#include "actors/catalog/supplier.h"

struct document_body {
    enum document_kind kind;
    struct text title, media_id;
};
struct banking_body {
    struct text password, holder, iban, account, routing;
};
struct location_body {
    struct text name;
    struct postal_address address;
    int64_t priority;
    bool active;
};
/* Data of supplier.location_added, location_updated and location_removed. */
struct location_event {
    struct id location_id;
    struct text country;
    int64_t priority;
    bool active;
};
struct location_list {
    LIST_OF(struct location) locations;
};

/* supplier.c */
extern const struct fields location_fields;
extern const struct enumeration document_kinds;
extern const struct event supplier_banking_updated, supplier_location_added, supplier_location_updated,
    supplier_location_removed;
/* Refuses the command unless the supplier is live. */
enum error supplier_must_live(struct tx *tx, const struct supplier *supplier, const char *command);

/* supplier_parts.c */
extern const struct fields document_body_fields, banking_body_fields, location_new_fields, location_change_fields,
    location_event_fields, location_list_fields;
enum error supplier_document_add(struct tx *tx);
enum error supplier_document_remove(struct tx *tx);
enum error supplier_banking(struct tx *tx);
enum error supplier_locations_read(struct tx *tx);
enum error supplier_location_add(struct tx *tx);
enum error supplier_location_patch(struct tx *tx);
enum error supplier_location_remove(struct tx *tx);

/* team_member.c */
enum { SUPPLIERS_OWNED_MOST = 3, TEAM_MEMBERS_MOST = 100 };
/* The asker founds the supplier: its first team owner. */
enum error supplier_team_found(struct tx *tx, struct id supplier_id);
/* Is there an owner whose account is not deleted? */
bool supplier_team_owned(struct tx *tx, struct id supplier_id);
/* The supplier begins or ceases to be live: it counts among what its owners own, or no more. */
void supplier_team_live(struct tx *tx, struct id supplier_id, bool live);
