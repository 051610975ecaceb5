/* A business that sells.

     – ─create→ pending ─submit→ submitted ─verify→ verified ⇄ suspended
     submitted ─reject→ rejected ─submit→ submitted
     all but banned ─ban→ banned (final);  all but banned ─delete→ deleted ─restore→ the state before

   Truths: only a verified supplier sells: while it is not, its products cannot be bought and its promotions give no
   price, but neither changes its state, and what was ordered is still fulfilled. What was submitted was complete. Its
   name, folded, is unique in the tenant. What the staff suspended only the staff reinstates. */
#include "actors/catalog/supplier_parts.h"
#include "actors/identity/identity.h"
#include "actors/identity/mail.h"
#include "actors/promotion/promotion.h"
#include "actors/sales/order.h"

enum supplier_sort { SUPPLIER_SORT_NEWEST = 1, SUPPLIER_SORT_NAME };
struct suppliers_query {
    enum supplier_status status;
    enum supplier_sort sort;
    struct text q;
};

/* clang-format off */
static const char *const supplier_status_names[] = {NULL, "pending", "submitted", "verified", "rejected", "suspended",
                                                    "banned", "deleted"};
/* clang-format on */
static const char *const document_kind_names[] = {NULL, "license", "tax", "identity", "other"};
static const char *const supplier_sort_names[] = {NULL, "newest", "name"};
const struct enumeration supplier_statuses = ENUMERATION("supplier_status", supplier_status_names);
const struct enumeration document_kinds = ENUMERATION("document_kind", document_kind_names);
static const struct enumeration supplier_sorts = ENUMERATION("supplier_sort", supplier_sort_names);

/* ---- fields ---- */
#define WHOLE   (TEAM | ADMIN)
#define PRIVATE (TEAM_OWNER | ADMIN)

/* clang-format off */
static const struct field company_address_rows[] = {
    TEXT(postal_address, 1, line1, .max = 120, .doc = "street and number"),
    TEXT(postal_address, 2, line2, .max = 120, .doc = "further"),
    TEXT(postal_address, 3, city, .max = 80, .doc = "city"),
    TEXT(postal_address, 4, state, .max = 80, .doc = "state or province"),
    TEXT(postal_address, 5, postal_code, .max = 20, .doc = "postal code"),
    TEXT(postal_address, 6, country, .format = FORMAT_COUNTRY, .doc = "country"),
};
static const struct fields company_address_fields =
    FIELDS("company_address", struct postal_address, company_address_rows);

static const struct field company_rows[] = {
    TEXT(company, 1, legal_name, .max = 200, .doc = "as registered"),
    TEXT(company, 2, tax_id, .max = 40, .flags = PERSONAL | MASKED, .sees = PRIVATE, .doc = "tax number"),
    TEXT(company, 3, registration, .max = 80, .sees = PRIVATE, .doc = "number in the register of companies"),
    TEXT(company, 4, country, .format = FORMAT_COUNTRY, .doc = "where it is registered"),
    STRUCT(company, 5, address, struct postal_address, &company_address_fields, .sees = PRIVATE, .doc = "its seat"),
};
/* clang-format on */
static const struct fields company_fields = FIELDS("company", struct company, company_rows);

/* clang-format off */
static const struct field document_rows[] = {
    ID(supplier_document, 1, id, .flags = READ_ONLY, .doc = "the document"),
    ENUM(supplier_document, 2, kind, &document_kinds, .doc = "what it proves"),
    TEXT(supplier_document, 3, title, .max = 120, .doc = "for people"),
    TEXT(supplier_document, 4, media_id, .max = 80, .doc = "id of the private file"),
};
/* clang-format on */
static const struct fields document_fields = FIELDS("supplier_document", struct supplier_document, document_rows);

/* clang-format off */
static const struct field banking_rows[] = {
    TEXT(banking, 1, holder, .max = 120, .doc = "of the account"),
    TEXT(banking, 2, iban, .max = 34, .flags = MASKED, .doc = "international account number"),
    TEXT(banking, 3, account, .max = 34, .flags = MASKED, .doc = "account number, where there is no IBAN"),
    TEXT(banking, 4, routing, .max = 20, .flags = MASKED, .doc = "bank, where there is no IBAN"),
};
/* clang-format on */
static const struct fields banking_fields = FIELDS("banking", struct banking, banking_rows);

/* clang-format off */
static const struct field location_address_rows[] = {
    TEXT(postal_address, 1, line1, .max = 120, .sees = WHOLE, .doc = "street and number"),
    TEXT(postal_address, 2, line2, .max = 120, .sees = WHOLE, .doc = "further"),
    TEXT(postal_address, 3, city, .max = 80, .sees = WHOLE, .doc = "city"),
    TEXT(postal_address, 4, state, .max = 80, .sees = WHOLE, .doc = "state or province"),
    TEXT(postal_address, 5, postal_code, .max = 20, .sees = WHOLE, .doc = "postal code"),
    TEXT(postal_address, 6, country, .format = FORMAT_COUNTRY, .doc = "country"),
};
static const struct fields location_address_fields =
    FIELDS("location_address", struct postal_address, location_address_rows);

static const struct field location_rows[] = {
    ID(location, 1, id, .flags = READ_ONLY, .doc = "names it in stock and allocations"),
    TEXT(location, 2, name, .max = 80, .sees = WHOLE, .doc = "for the team"),
    STRUCT(location, 3, address, struct postal_address, &location_address_fields, .doc = "where goods are sent from"),
    INTEGER(location, 4, priority, .min = 0, .max = 999, .sees = WHOLE, .doc = "the lowest is taken first"),
    BOOL(location, 5, active, .sees = WHOLE, .doc = "may orders be filled from here?"),
};
/* clang-format on */
const struct fields location_fields = FIELDS("location", struct location, location_rows);

/* clang-format off */
static const struct field limits_rows[] = {
    INTEGER(supplier_limits, 1, max_products, .initial = 1000, .min = 0, .max = 1000000, .doc = "products it may keep"),
    INTEGER(supplier_limits, 2, max_promotions, .initial = 20, .min = 0, .max = 10000,
            .doc = "promotions it may have open"),
};
/* clang-format on */
static const struct fields limits_fields = FIELDS("supplier_limits", struct supplier_limits, limits_rows);

/* clang-format off */
static const struct field supplier_rows[] = {
    ENTITY_ROW(supplier),
    TEXT(supplier, 2, name, .flags = REQUIRED, .min = 1, .max = 120, .doc = "unique, whatever its case"),
    TEXT(supplier, 3, slug, .format = FORMAT_SLUG, .doc = "for addresses; made from the name when absent"),
    TEXT(supplier, 4, description, .format = FORMAT_LONG, .max = 4000, .doc = "about the business"),
    TEXT(supplier, 5, logo_url, .format = FORMAT_PICTURE, .doc = "picture"),
    STRUCT(supplier, 6, company, struct company, &company_fields,
           .doc = "changed by the team owner while pending or rejected, later by staff"),
    LIST(supplier, 7, documents, struct supplier_document, &document_fields, .max = 20, .flags = READ_ONLY,
         .sees = PRIVATE, .doc = "proofs for the verification"),
    STRUCT(supplier, 8, banking, struct banking, &banking_fields, .flags = READ_ONLY | PERSONAL, .sees = PRIVATE,
           .doc = "where its money goes"),
    LIST(supplier, 9, locations, struct location, &location_fields, .max = 20, .flags = READ_ONLY,
         .doc = "where it keeps stock"),
    STRUCT(supplier, 10, limits, struct supplier_limits, &limits_fields, .sees = WHOLE, .changes = ADMIN,
           .doc = "how much it may keep here"),
    TIME(supplier, 11, submitted_at, .flags = READ_ONLY, .sees = WHOLE, .doc = "last submission"),
    TIME(supplier, 12, verified_at, .flags = READ_ONLY, .doc = "last verification"),
    TEXT(supplier, 13, reason, .format = FORMAT_LONG, .max = 500, .flags = READ_ONLY, .sees = WHOLE,
         .doc = "of the last act of the staff"),
};
/* clang-format on */
static const struct fields supplier_fields = FIELDS("supplier", struct supplier, supplier_rows);

/* ---- events ---- */
static const uint16_t carried[] = {2, 3, 0}; /* name, slug */
const struct event supplier_created = REASON_EVENT(1, "supplier.created", carried, "somebody founded it");
const struct event supplier_updated = REASON_EVENT(2, "supplier.updated", carried, "its description changed");
const struct event supplier_submitted =
    REASON_EVENT(3, "supplier.submitted", carried, "the staff is asked to verify it");
const struct event supplier_verified = REASON_EVENT(4, "supplier.verified", carried, "it may sell");
const struct event supplier_rejected = REASON_EVENT(5, "supplier.rejected", carried, "the staff found something wrong");
const struct event supplier_suspended = REASON_EVENT(6, "supplier.suspended", carried, "it may not sell for now");
const struct event supplier_reinstated = REASON_EVENT(7, "supplier.reinstated", carried, "it may sell again");
const struct event supplier_banned = REASON_EVENT(8, "supplier.banned", carried, "it may never sell again");
const struct event supplier_deleted = REASON_EVENT(9, "supplier.deleted", carried, "it was closed");
const struct event supplier_restored = REASON_EVENT(10, "supplier.restored", carried, "it is as it was before");
const struct event supplier_banking_updated =
    REASON_EVENT(11, "supplier.banking_updated", carried, "its money goes elsewhere");
const struct event supplier_location_added =
    EVENT(12, "supplier.location_added", NULL, &location_event_fields, "a place for stock");
const struct event supplier_location_updated =
    EVENT(13, "supplier.location_updated", NULL, &location_event_fields, "a place changed");
const struct event supplier_location_removed =
    EVENT(14, "supplier.location_removed", NULL, &location_event_fields, "a place is no more");
/* clang-format off */
static const struct event *const supplier_events[] = {
    &supplier_created, &supplier_updated, &supplier_submitted, &supplier_verified, &supplier_rejected,
    &supplier_suspended, &supplier_reinstated, &supplier_banned, &supplier_deleted, &supplier_restored,
    &supplier_banking_updated, &supplier_location_added, &supplier_location_updated, &supplier_location_removed, NULL};
/* clang-format on */

/* ---- machine ---- */
#define LIVE      (PREPARING | STATE(SUPPLIER_SUBMITTED) | STATE(SUPPLIER_VERIFIED) | STATE(SUPPLIER_SUSPENDED))
#define PREPARING (STATE(SUPPLIER_PENDING) | STATE(SUPPLIER_REJECTED))
/* clang-format off */
static const struct transition supplier_machine_rows[] = {
    /* from                      command      to                  event */
    {FROM_NONE,                 "create",    SUPPLIER_PENDING,   &supplier_created},
    {PREPARING,                 "submit",    SUPPLIER_SUBMITTED, &supplier_submitted},
    {STATE(SUPPLIER_SUBMITTED), "verify",    SUPPLIER_VERIFIED,  &supplier_verified},
    {STATE(SUPPLIER_SUBMITTED), "reject",    SUPPLIER_REJECTED,  &supplier_rejected},
    {STATE(SUPPLIER_VERIFIED),  "suspend",   SUPPLIER_SUSPENDED, &supplier_suspended},
    {STATE(SUPPLIER_SUSPENDED), "reinstate", SUPPLIER_VERIFIED,  &supplier_reinstated},
    {LIVE,                      "ban",       SUPPLIER_BANNED,    &supplier_banned},
    {LIVE,                      "delete",    SUPPLIER_DELETED,   &supplier_deleted},
    {STATE(SUPPLIER_DELETED),   "restore",   TO_REMEMBERED,      &supplier_restored},
};
/* clang-format on */
static const struct machine supplier_machine = MACHINE(&supplier_statuses, supplier_machine_rows);

/* ---- indexes ---- */
/* Lower case for Latin, Greek and Cyrillic letters: good enough to tell names that look alike. */
static uint32_t fold_letter(uint32_t letter)
{
    if (letter >= 'A' && letter <= 'Z') return letter + 32;
    if (letter >= 0xC0 && letter <= 0xDE && letter != 0xD7) return letter + 32;
    bool paired = letter >= 0x100 && letter <= 0x17E && letter != 0x130 && letter != 0x131 && letter != 0x138 &&
                  letter != 0x149 && letter != 0x178;
    if (paired) {
        bool odd_is_upper = (letter >= 0x139 && letter <= 0x148) || letter >= 0x179;
        return (letter & 1) == odd_is_upper ? letter + 1 : letter;
    }
    if (letter >= 0x391 && letter <= 0x3A9) return letter + 32;
    if (letter >= 0x410 && letter <= 0x42F) return letter + 32;
    if (letter >= 0x400 && letter <= 0x40F) return letter + 80;
    return letter;
}

enum { FOLDED_SIZE = 120 * 4 + 4 };
static struct text fold(struct text name, char out[FOLDED_SIZE])
{
    uint32_t length = 0;
    bool blank = false;
    for (uint32_t i = 0; i < name.length && length + 5 < FOLDED_SIZE;) {
        uint8_t first = (uint8_t)name.data[i];
        uint32_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
        if (i + size > name.length) break;
        if (first == ' ') {
            blank = length > 0;
            i++;
            continue;
        }
        if (blank) out[length++] = ' ';
        blank = false;
        uint32_t letter = first;
        if (size == 2) letter = (uint32_t)(first & 31) << 6 | ((uint8_t)name.data[i + 1] & 63);
        uint32_t folded = fold_letter(letter);
        if (size == 1) {
            out[length++] = (char)folded;
        } else if (size == 2) {
            out[length++] = (char)(0xC0 | folded >> 6);
            out[length++] = (char)(0x80 | (folded & 63));
        } else {
            for (uint32_t k = 0; k < size; k++)
                out[length++] = name.data[i + k];
        }
        i += size;
    }
    return (struct text){out, length};
}

static void supplier_slug_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_text(writer, ((const struct supplier *)entity)->slug);
    key_end(writer);
}

static void supplier_name_keys(const void *entity, struct key_writer *writer)
{
    char folded[FOLDED_SIZE];
    key_begin(writer);
    key_text(writer, fold(((const struct supplier *)entity)->name, folded));
    key_end(writer);
}

static void supplier_created_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_integer(writer, ((const struct supplier *)entity)->entity.created_at);
    key_end(writer);
}

static void supplier_status_keys(const void *entity, struct key_writer *writer)
{
    const struct supplier *supplier = entity;
    key_begin(writer);
    key_integer(writer, supplier->entity.status);
    key_integer(writer, supplier->entity.created_at);
    key_end(writer);
}

/* clang-format off */
static const struct index supplier_by_slug = {.number = 1, .name = "slug", .unique = true, .taken = ERROR_SLUG_TAKEN,
                                              .path = "slug", .keys = supplier_slug_keys, .doc = "by slug"};
static const struct index supplier_unique_name = {
    .number = 2, .name = "unique_name", .unique = true, .taken = ERROR_NAME_TAKEN, .path = "name",
    .keys = supplier_name_keys, .doc = "one of each folded name"};
static const struct index supplier_by_created = {
    .number = 3, .name = "created", .keys = supplier_created_keys, .doc = "by age"};
static const struct index supplier_by_name = {
    .number = 4, .name = "name", .keys = supplier_name_keys, .doc = "by folded name"};
static const struct index supplier_by_status = {.number = 5, .name = "status", .keys = supplier_status_keys,
                                                .doc = "by state and age"};
static const struct index *const supplier_indexes[] = {&supplier_by_slug, &supplier_unique_name, &supplier_by_created,
                                                       &supplier_by_name, &supplier_by_status, NULL};

static const struct listing supplier_listings[] = {
    {.sort = "newest", .filter = "status", .index = &supplier_by_status, .reverse = true},
    {.sort = "newest", .index = &supplier_by_created, .reverse = true},
    {.sort = "name", .index = &supplier_by_name},
    {0},
};
/* clang-format on */

static const char *supplier_check(const void *entity)
{
    const struct supplier *supplier = entity;
    bool was_submitted = STATE(supplier->entity.status) &
                         (STATE(SUPPLIER_SUBMITTED) | STATE(SUPPLIER_VERIFIED) | STATE(SUPPLIER_SUSPENDED));
    if (!supplier->name.data || !supplier->slug.data) return "a supplier has name and slug";
    if (was_submitted && !supplier->locations.count) return "a supplier that was submitted has a location";
    if (supplier->entity.status == SUPPLIER_VERIFIED && !supplier->verified_at)
        return "a verified supplier was verified once";
    for (uint32_t i = 0; i < supplier->locations.count; i++)
        if (id_is_none(supplier->locations.at[i].id)) return "each location has an id";
    return NULL;
}

/* ---- deciders ---- */
bool supplier_sells(const struct supplier *supplier)
{
    return supplier->entity.status == SUPPLIER_VERIFIED;
}

bool supplier_live(const struct supplier *supplier)
{
    return LIVE & STATE(supplier->entity.status);
}

enum error supplier_must_live(struct tx *tx, const struct supplier *supplier, const char *command)
{
    return supplier_live(supplier) ? OK : fail_transition(tx, &supplier_kind, supplier, command);
}

/* A number that comes back as it was shown would overwrite the real one with dots. */
static enum error refuse_masked(struct tx *tx, const struct supplier *supplier)
{
    if (!text_starts_with(supplier->company.tax_id, "\u2022")) return OK;
    fail_detail(tx, "company.tax_id", "bad_format", "this is how the number is shown, not the number");
    return fail(tx, ERROR_VALIDATION_FAILED, "the supplier has invalid values");
}

static enum error supplier_create(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    enum error error = refuse_masked(tx, supplier);
    if (error) return error;
    supplier->slug = slug_make(tx, &supplier_kind, &supplier_by_slug, supplier->slug, supplier->name);
    return supplier_team_found(tx, supplier->entity.id);
}

static enum error supplier_patch(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    enum error error = supplier_must_live(tx, supplier, "patch");
    if (!error) error = refuse_masked(tx, supplier);
    if (error) return error;
    bool may = tx->relations & ADMIN || (tx->relations & TEAM_OWNER && PREPARING & STATE(supplier->entity.status));
    if (has(tx, "company") && !may) {
        fail_detail(tx, "company", "not_allowed",
                    "changed by the team owner while pending or rejected, later by staff");
        return fail(tx, ERROR_FORBIDDEN, "you may not change the company now");
    }
    supplier->slug = slug_make(tx, &supplier_kind, &supplier_by_slug, supplier->slug, supplier->name);
    return OK;
}

static enum error supplier_submit(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    const struct banking *banking = &supplier->banking;
    if (!supplier->company.legal_name.length) fail_detail(tx, "company.legal_name", "required", "is missing");
    if (!supplier->company.tax_id.length) fail_detail(tx, "company.tax_id", "required", "is missing");
    if (!banking->iban.length && !banking->account.length) fail_detail(tx, "banking", "required", "is missing");
    if (!supplier->documents.count) fail_detail(tx, "documents", "too_few", "at least one is needed");
    if (!supplier->locations.count) fail_detail(tx, "locations", "too_few", "at least one is needed");
    if (fail_details(tx)) return fail(tx, ERROR_INCOMPLETE, "something is still missing");
    supplier->submitted_at = tx->now;
    return OK;
}

static void because(struct tx *tx, struct supplier *supplier)
{
    const struct reason_body *body = tx->body;
    supplier->reason = body->reason;
    event_data(tx, body);
}

static void tell_owners(struct tx *tx, const struct supplier *supplier, const char *purpose, struct text subject,
                        struct text text)
{
    const struct supplier_team *team = load(tx, &supplier_team_kind, supplier->entity.id);
    char id[ID_TEXT_LENGTH + 1];
    id_format(supplier->entity.id, id);
    struct text about = text_print(tx, "%s:%lld", id, (long long)supplier->entity.version);
    for (uint32_t i = 0; team && i < team->owners.count; i++)
        mail_user(tx, team->owners.at[i], purpose, about, subject, text);
}

static enum error supplier_verify(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    supplier->verified_at = tx->now;
    supplier->reason = (struct text){0};
    tell_owners(
        tx, supplier, "supplier_verified", LITERAL("You can sell now"),
        text_print(tx, "Good news: %.*s is verified. Its products can be sold now.\n", TEXT_ARGUMENTS(supplier->name)));
    return OK;
}

static enum error supplier_reject(struct tx *tx)
{
    struct supplier *supplier = tx->subject;
    because(tx, supplier);
    tell_owners(tx, supplier, "supplier_rejected", LITERAL("Your supplier was not verified"),
                text_print(tx, "%.*s was not verified:\n\n%.*s\n\nYou can change it and submit it again.\n",
                           TEXT_ARGUMENTS(supplier->name), TEXT_ARGUMENTS(supplier->reason)));
    return OK;
}

static enum error supplier_reason(struct tx *tx)
{
    because(tx, tx->subject);
    return OK;
}

static enum error supplier_ban(struct tx *tx)
{
    because(tx, tx->subject);
    supplier_team_live(tx, tx->id, false);
    return OK;
}

static enum error supplier_delete(struct tx *tx)
{
    const struct promotion_counts *promotions = load(tx, &promotion_counts_kind, tx->id);
    if (promotions && promotions->live)
        return fail(tx, ERROR_IN_USE, "%lld promotions are live", (long long)promotions->live);
    const struct open_supplier_items *items = load(tx, &open_supplier_items_kind, tx->id);
    if (items && items->undelivered)
        return fail(tx, ERROR_IN_USE, "%lld ordered items are not delivered", (long long)items->undelivered);
    supplier_team_live(tx, tx->id, false);
    return OK;
}

static enum error supplier_restore(struct tx *tx)
{
    if (!supplier_team_owned(tx, tx->id)) return fail(tx, ERROR_CONFLICT, "all its owners have left");
    because(tx, tx->subject);
    supplier_team_live(tx, tx->id, true);
    return OK;
}

static enum error supplier_list(struct tx *tx)
{
    if (!queried(tx, "status") || tx->relations & ADMIN) return OK;
    fail_detail(tx, "status", "not_allowed", "only staff may ask for a state");
    bool anonymous = tx->principal.kind == PRINCIPAL_ANONYMOUS;
    return fail(tx, anonymous ? ERROR_UNAUTHORIZED : ERROR_FORBIDDEN, "only staff may list suppliers by state");
}

static const struct search_field searched_fields[] = {{"name", SEARCH_NAME}, {"description", SEARCH_BODY}, {0}};
static const struct searched searched = {searched_fields, ~STATE(SUPPLIER_DELETED)};

/* The public directory holds those that sell; staff sees all. */
static bool supplier_matches(struct tx *tx, const void *entity)
{
    const struct supplier *supplier = entity;
    const struct suppliers_query *query = tx->query;
    if (queried(tx, "status")) return supplier->entity.status == query->status;
    return supplier_sells(supplier) || tx->relations & ADMIN;
}

static uint32_t supplier_relations(struct tx *tx, const void *entity)
{
    return entity ? supplier_relations_of(tx, ((const struct supplier *)entity)->entity.id) : 0;
}

struct id supplier_of_path(struct tx *tx)
{
    const struct path_parameter *parameter = path_parameter(tx, "id");
    if (!parameter) return ID_NONE;
    struct id id = parameter->id;
    if (id_is_none(id)) id = find_text(tx, &supplier_kind, &supplier_by_slug, parameter->value);
    const struct supplier *supplier = load(tx, &supplier_kind, id);
    bool gone = !supplier || (supplier->entity.deleted_at && !tx->principal.admin);
    return gone ? ID_NONE : id;
}

enum error supplier_of_path_is_there(struct tx *tx)
{
    return id_is_none(supplier_of_path(tx)) ? fail(tx, ERROR_NOT_FOUND, "there is no such supplier") : OK;
}

static struct id supplier_itself(const void *entity)
{
    return ((const struct supplier *)entity)->entity.id;
}

/* clang-format off */
static const struct join supplier_joins[] = {
    {.name = "metrics", .kind = &supplier_metrics_kind, .key = supplier_itself, .revision = true},
    {0},
};
/* clang-format on */

/* ---- commands ---- */
/* clang-format off */
static const struct field query_rows[] = {
    ENUM(suppliers_query, 1, status, &supplier_statuses, .doc = "only in this state; for staff"),
    ENUM(suppliers_query, 2, sort, &supplier_sorts, .doc = "newest (default) or name"),
    SEARCH_ROW(suppliers_query, 3, "name or description"),
};
/* clang-format on */
static const struct fields query_fields = FIELDS("suppliers_query", struct suppliers_query, query_rows);

#define AT(rest) "/suppliers/{id}" rest, "/sellers/{id}" rest
/* clang-format off */
#define STAFF_COMMAND(name_, fields_, decide_, doc_)                                                                  \
    {(name_), "POST", AT("/" name_), ACTION_COMMAND, ADMIN, .body = (fields_), .decide = (decide_), .doc = (doc_)}

static const struct command supplier_commands[] = {
    {"create", "POST", "/suppliers", "/sellers", ACTION_CREATE, USER, .decide = supplier_create,
     .doc = "founds a supplier; the asker becomes its team owner"},
    {"list", "GET", "/suppliers", "/sellers", ACTION_LIST, ANYONE, .query = &query_fields, .decide = supplier_list,
     .listings = supplier_listings, .matches = supplier_matches, .searches = true, .steady = true,
     .doc = "suppliers that sell; staff sees all"},
    {"read", "GET", AT(""), ACTION_READ, ANYONE, .steady = true, .doc = "a supplier"},
    {"patch", "PATCH", AT(""), ACTION_PATCH, MANAGER | ADMIN, .event = &supplier_updated, .decide = supplier_patch,
     .doc = "changes its description"},
    {"submit", "POST", AT("/submit"), ACTION_COMMAND, TEAM_OWNER, .decide = supplier_submit,
     .doc = "asks for verification"},
    {"verify", "POST", AT("/verify"), ACTION_COMMAND, ADMIN, .decide = supplier_verify, .doc = "lets it sell"},
    STAFF_COMMAND("reject", &reason_fields, supplier_reject, "sends it back to its team"),
    STAFF_COMMAND("suspend", &reason_fields, supplier_reason, "stops its sales for now"),
    STAFF_COMMAND("reinstate", &reason_fields, supplier_reason, "lets it sell again"),
    STAFF_COMMAND("ban", &reason_fields, supplier_ban, "stops it for ever"),
    {"delete", "DELETE", AT(""), ACTION_COMMAND, TEAM_OWNER | ADMIN, .decide = supplier_delete, .doc = "closes it"},
    STAFF_COMMAND("restore", &reason_fields, supplier_restore, "brings a closed one back"),

    {"document_add", "POST", AT("/documents"), ACTION_COMMAND, TEAM_OWNER, .body = &document_body_fields,
     .event = &supplier_updated, .decide = supplier_document_add, .status = 201, .doc = "adds a proof"},
    {"document_remove", "DELETE", AT("/documents/{document_id}"), ACTION_COMMAND, TEAM_OWNER,
     .event = &supplier_updated, .decide = supplier_document_remove, .doc = "removes a proof"},
    {"banking", "PUT", AT("/banking"), ACTION_COMMAND, TEAM_OWNER, .body = &banking_body_fields,
     .event = &supplier_banking_updated, .decide = supplier_banking, .rate = RATE_AUTH,
     .doc = "says where its money goes; wants the asker's password, or a login younger than 5 minutes"},
    {"locations", "GET", AT("/locations"), ACTION_READ, TEAM | ADMIN, .decide = supplier_locations_read,
     .reply = &location_list_fields, .doc = "where it keeps stock"},
    {"location_add", "POST", AT("/locations"), ACTION_COMMAND, MANAGER | ADMIN, .body = &location_new_fields,
     .event = &supplier_location_added, .decide = supplier_location_add, .status = 201,
     .doc = "adds a place for stock"},
    {"location_patch", "PATCH", AT("/locations/{location_id}"), ACTION_COMMAND, MANAGER | ADMIN,
     .body = &location_change_fields,
     .event = &supplier_location_updated, .decide = supplier_location_patch, .doc = "changes a place"},
    {"location_remove", "DELETE", AT("/locations/{location_id}"), ACTION_COMMAND, MANAGER | ADMIN,
     .event = &supplier_location_removed, .decide = supplier_location_remove,
     .doc = "removes a place that never held stock"},
    {0},
};

const struct kind supplier_kind = {
    .number = 10,
    .name = "supplier",
    .plural = "suppliers",
    .doc = "a business that sells",
    .fields = &supplier_fields,
    .machine = &supplier_machine,
    .events = supplier_events,
    .indexes = supplier_indexes,
    .commands = supplier_commands,
    .joins = supplier_joins,
    .searched = &searched,
    .slug = &supplier_by_slug,
    .patch_needs_version = true,
    .relations = supplier_relations,
    .check = supplier_check,
};
/* clang-format on */
