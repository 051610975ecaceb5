/* Documents, bank account and locations of a supplier: parts of the same entity with commands of their own. */
#include "actors/catalog/supplier_parts.h"
#include "actors/catalog/media.h"
#include "actors/identity/identity.h"

enum { DOCUMENTS_MOST = 20, LOCATIONS_MOST = 20 };

/* ---- what clients send ---- */
/* clang-format off */
static const struct field document_body_rows[] = {
    ENUM(document_body, 1, kind, &document_kinds, .flags = REQUIRED, .doc = "what it proves"),
    TEXT(document_body, 2, title, .flags = REQUIRED, .min = 1, .max = 120, .doc = "for people"),
    TEXT(document_body, 3, media_id, .flags = REQUIRED, .min = 1, .max = 80, .doc = "id of the private file"),
};
/* clang-format on */
const struct fields document_body_fields = FIELDS("new_document", struct document_body, document_body_rows);

/* clang-format off */
static const struct field banking_body_rows[] = {
    TEXT(banking_body, 1, password, .format = FORMAT_PASSWORD, .min = 1, .max = 256,
         .doc = "the asker's; not needed within 5 minutes of the login"),
    TEXT(banking_body, 2, holder, .flags = REQUIRED, .min = 1, .max = 120, .doc = "of the account"),
    TEXT(banking_body, 3, iban, .format = FORMAT_KEY, .min = 15, .max = 34, .doc = "without blanks"),
    TEXT(banking_body, 4, account, .format = FORMAT_KEY, .min = 1, .max = 34,
         .doc = "with routing, instead of an IBAN"),
    TEXT(banking_body, 5, routing, .format = FORMAT_KEY, .min = 1, .max = 20,
         .doc = "with account, instead of an IBAN"),
};
/* clang-format on */
const struct fields banking_body_fields = FIELDS("new_banking", struct banking_body, banking_body_rows);

/* clang-format off */
static const struct field address_body_rows[] = {
    TEXT(postal_address, 1, line1, .flags = REQUIRED, .min = 1, .max = 120, .doc = "street and number"),
    TEXT(postal_address, 2, line2, .max = 120, .doc = "further"),
    TEXT(postal_address, 3, city, .flags = REQUIRED, .min = 1, .max = 80, .doc = "city"),
    TEXT(postal_address, 4, state, .max = 80, .doc = "state or province"),
    TEXT(postal_address, 5, postal_code, .max = 20, .doc = "postal code"),
    TEXT(postal_address, 6, country, .format = FORMAT_COUNTRY, .flags = REQUIRED, .doc = "country"),
};
/* clang-format on */
static const struct fields address_body_fields = FIELDS("location_place", struct postal_address, address_body_rows);

/* clang-format off */
static const struct field location_new_rows[] = {
    TEXT(location_body, 1, name, .flags = REQUIRED, .min = 1, .max = 80, .doc = "for the team"),
    STRUCT(location_body, 2, address, struct postal_address, &address_body_fields, .flags = REQUIRED,
           .doc = "where it is"),
    INTEGER(location_body, 3, priority, .min = 0, .max = 999, .doc = "the lowest is taken first"),
    BOOL(location_body, 4, active, .initial = 1, .doc = "may orders be filled from here?"),
};
/* clang-format on */
const struct fields location_new_fields = FIELDS("new_location", struct location_body, location_new_rows);

/* clang-format off */
static const struct field location_change_rows[] = {
    TEXT(location_body, 1, name, .flags = KEPT, .min = 1, .max = 80, .doc = "for the team"),
    STRUCT(location_body, 2, address, struct postal_address, &address_body_fields, .flags = KEPT, .doc = "the whole of it"),
    INTEGER(location_body, 3, priority, .min = 0, .max = 999, .doc = "the lowest is taken first"),
    BOOL(location_body, 4, active, .flags = KEPT, .doc = "may orders be filled from here?"),
};
/* clang-format on */
const struct fields location_change_fields = FIELDS("changed_location", struct location_body, location_change_rows);

/* clang-format off */
static const struct field location_event_rows[] = {
    ID(location_event, 1, location_id, .doc = "which one"),
    TEXT(location_event, 2, country, .format = FORMAT_COUNTRY, .doc = "where it is"),
    INTEGER(location_event, 3, priority, .min = 0, .max = 999, .doc = "the lowest is taken first"),
    BOOL(location_event, 4, active, .doc = "may orders be filled from here?"),
};
/* clang-format on */
const struct fields location_event_fields = FIELDS("location_event", struct location_event, location_event_rows);

/* clang-format off */
static const struct field location_list_rows[] = {
    LIST(location_list, 1, locations, struct location, &location_fields, .flags = READ_ONLY, .max = LOCATIONS_MOST,
         .doc = "in the order they were added"),
};
/* clang-format on */
const struct fields location_list_fields = FIELDS("location_list", struct location_list, location_list_rows);

/* ---- documents ---- */
enum error supplier_document_add(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    const struct document_body *body = tx->body;
    enum error error = supplier_must_live(tx, supplier, "document_add");
    if (error) return error;
    if (supplier->documents.count >= DOCUMENTS_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a supplier has at most %d documents", DOCUMENTS_MOST);
    error = media_attach(tx, body->media_id, supplier->entity.id);
    if (error) return error;
    *LIST_ADD(tx->arena, &supplier->documents) =
        (struct supplier_document){draw_id(tx), body->kind, body->title, body->media_id};
    return OK;
}

enum error supplier_document_remove(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    enum error error = supplier_must_live(tx, supplier, "document_remove");
    if (error) return error;
    struct id id = path_id(tx, "document_id");
    for (uint32_t i = 0; i < supplier->documents.count; i++) {
        if (!id_equal(supplier->documents.at[i].id, id)) continue;
        struct text media_id = supplier->documents.at[i].media_id;
        LIST_REMOVE(&supplier->documents, i);
        for (uint32_t k = 0; k < supplier->documents.count; k++)
            if (text_equal(supplier->documents.at[k].media_id, media_id)) return OK;
        media_detach(tx, media_id, supplier->entity.id);
        return OK;
    }
    return fail(tx, ERROR_NOT_FOUND, "this supplier has no such document");
}

/* ---- banking ---- */
/* ISO 13616: the first four characters go to the end, letters are 10 to 35, and the number is 1 modulo 97. */
static bool iban_good(struct text iban)
{
    uint32_t remainder = 0;
    for (uint32_t i = 0; i < iban.length; i++) {
        char c = iban.data[(i + 4) % iban.length];
        if (c >= '0' && c <= '9')
            remainder = (remainder * 10 + (uint32_t)(c - '0')) % 97;
        else if (c >= 'A' && c <= 'Z')
            remainder = (remainder * 100 + (uint32_t)(c - 'A' + 10)) % 97;
        else
            return false;
    }
    return remainder == 1;
}

enum error supplier_banking(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    const struct banking_body *body = tx->body;
    enum error error = supplier_must_live(tx, supplier, "banking");
    if (error) return error;
    bool domestic = body->account.data || body->routing.data;
    if (!body->iban.data && !domestic) fail_detail(tx, "iban", "required", "an IBAN, or account and routing");
    if (body->iban.data && domestic)
        fail_detail(tx, "iban", "not_allowed", "an IBAN, or account and routing, not both");
    if (domestic && !body->account.data) fail_detail(tx, "account", "required", "is missing");
    if (domestic && !body->routing.data) fail_detail(tx, "routing", "required", "is missing");
    if (body->iban.data && !iban_good(body->iban)) fail_detail(tx, "iban", "bad_format", "its check digits are wrong");
    if (fail_details(tx)) return fail(tx, ERROR_VALIDATION_FAILED, "the bank account has invalid values");
    error = password_confirm(tx, body->password);
    if (error) return error;
    supplier->banking = (struct banking){body->holder, body->iban, body->account, body->routing};
    return OK;
}

/* ---- locations ---- */
const struct location *supplier_location(const struct supplier *supplier, struct id location_id)
{
    for (uint32_t i = 0; i < supplier->locations.count; i++)
        if (id_equal(supplier->locations.at[i].id, location_id)) return &supplier->locations.at[i];
    return NULL;
}

static bool taken_before(const struct location *a, const struct location *b)
{
    return a->priority != b->priority ? a->priority < b->priority : id_compare(a->id, b->id) < 0;
}

uint32_t supplier_active_locations(struct arena *arena, const struct supplier *supplier,
                                   const struct location ***locations)
{
    const struct location **sorted = ARENA_ARRAY(arena, const struct location *, supplier->locations.count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < supplier->locations.count; i++) {
        const struct location *location = &supplier->locations.at[i];
        if (!location->active) continue;
        uint32_t at = count++;
        for (; at && taken_before(location, sorted[at - 1]); at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = location;
    }
    *locations = sorted;
    return count;
}

void supplier_use_location(struct tx *tx, struct id supplier_id, struct id location_id)
{
    const struct location_use *known = load(tx, &location_use_kind, location_id);
    if (known) return;
    struct location_use *use = edit_or_create(tx, &location_use_kind, location_id);
    if (use) use->supplier_id = supplier_id;
}

static void give_event(struct tx *tx, const struct location *location)
{
    struct location_event *data = ARENA_NEW(tx->arena, struct location_event);
    *data = (struct location_event){location->id, location->address.country, location->priority, location->active};
    event_data(tx, data);
}

enum error supplier_locations_read(struct tx *tx)
{
    const struct supplier *supplier = tx->before;
    struct location_list *list = ARENA_NEW(tx->arena, struct location_list);
    list->locations.at = supplier->locations.at;
    list->locations.count = supplier->locations.count;
    return answer(tx, 200, &location_list_fields, list);
}

enum error supplier_location_add(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    const struct location_body *body = tx->body;
    enum error error = supplier_must_live(tx, supplier, "location_add");
    if (error) return error;
    if (supplier->locations.count >= LOCATIONS_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a supplier has at most %d locations", LOCATIONS_MOST);
    struct location *location = LIST_ADD(tx->arena, &supplier->locations);
    *location = (struct location){draw_id(tx), body->name, body->address, body->priority, body->active};
    give_event(tx, location);
    return OK;
}

/* Its place in the list; the list's length when there is none. */
static uint32_t location_index(struct tx *tx, const struct supplier *supplier)
{
    struct id id = path_id(tx, "location_id");
    uint32_t i = 0;
    while (i < supplier->locations.count && !id_equal(supplier->locations.at[i].id, id))
        i++;
    return i;
}

enum error supplier_location_patch(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    const struct location_body *body = tx->body;
    enum error error = supplier_must_live(tx, supplier, "location_patch");
    if (error) return error;
    uint32_t index = location_index(tx, supplier);
    if (index == supplier->locations.count) return fail(tx, ERROR_NOT_FOUND, "this supplier has no such location");
    struct location *location = &supplier->locations.at[index];
    if (has(tx, "name")) location->name = body->name;
    if (has(tx, "address")) location->address = body->address;
    if (has(tx, "priority")) location->priority = body->priority;
    if (has(tx, "active")) location->active = body->active;
    give_event(tx, location);
    return OK;
}

enum error supplier_location_remove(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    enum error error = supplier_must_live(tx, supplier, "location_remove");
    if (error) return error;
    uint32_t index = location_index(tx, supplier);
    if (index == supplier->locations.count) return fail(tx, ERROR_NOT_FOUND, "this supplier has no such location");
    const struct location location = supplier->locations.at[index];
    if (load(tx, &location_use_kind, location.id))
        return fail(tx, ERROR_IN_USE, "stock was kept here: deactivate it instead");
    bool preparing = supplier->entity.status == SUPPLIER_PENDING || supplier->entity.status == SUPPLIER_REJECTED;
    if (supplier->locations.count == 1 && !preparing)
        return fail(tx, ERROR_CONFLICT, "a supplier keeps at least one location");
    LIST_REMOVE(&supplier->locations, index);
    give_event(tx, &location);
    return OK;
}

/* clang-format off */
static const struct field location_use_rows[] = {
    ENTITY_ROW(location_use),
    ID(location_use, 2, supplier_id, .flags = READ_ONLY, .refers = "supplier", .doc = "whose location"),
};
/* clang-format on */
static const struct fields location_use_fields = FIELDS("location_use", struct location_use, location_use_rows);

/* clang-format off */
const struct kind location_use_kind = {
    .number = 16,
    .name = "location_use",
    .plural = "location_uses",
    .doc = "stock was kept at this location",
    .fields = &location_use_fields,
    .quiet = true,
};
/* clang-format on */
