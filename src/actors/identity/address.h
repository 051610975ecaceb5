/* Where a person has things sent. Seen by the person alone. */
#pragma once
#include "actors/identity/identity.h"

struct address {
    struct entity entity;
    struct id user_id;
    struct text label, first_name, last_name, line1, line2, city, state, postal_code, country, phone;
    bool is_default;
};
enum address_status { ADDRESS_ACTIVE = 1, ADDRESS_DELETED };

extern const struct kind address_kind, address_book_kind;

/* The asker's own living address with this id; NULL: there is none (or pending). */
const struct address *address_of_asker(struct tx *tx, struct id address_id);
