/* Addresses of a person, at most twenty.

     – ─create→ active ─delete→ deleted

   Truths: exactly one of a person's active addresses is the default, when there is any: the first one, until another
   takes its place. The book, a small sibling under the person's id, knows them all, so that nothing is searched for.
   Orders copy an address; changing or deleting it changes no order. */
#include "actors/identity/address.h"

enum { ADDRESSES_MOST = 20 };

struct address_book {
    struct entity entity;
    LIST_OF(struct id) addresses; /* active ones, oldest first */
    struct id standard;           /* the default */
};

static const char *const address_status_names[] = {NULL, "active", "deleted"};
static const struct enumeration address_statuses = ENUMERATION("address_status", address_status_names);

/* clang-format off */
static const struct field address_rows[] = {
    ENTITY_ROW(address),
    ID(address, 2, user_id, .flags = READ_ONLY, .refers = "user", .doc = "whose"),
    TEXT(address, 3, label, .max = 40, .flags = PERSONAL, .doc = "home, work, …"),
    TEXT(address, 4, first_name, .min = 1, .max = 80, .flags = REQUIRED | PERSONAL, .doc = "of who receives"),
    TEXT(address, 5, last_name, .min = 1, .max = 80, .flags = REQUIRED | PERSONAL, .doc = "of who receives"),
    TEXT(address, 6, line1, .min = 1, .max = 120, .flags = REQUIRED | PERSONAL, .doc = "street and number"),
    TEXT(address, 7, line2, .max = 120, .flags = PERSONAL, .doc = "further"),
    TEXT(address, 8, city, .min = 1, .max = 80, .flags = REQUIRED | PERSONAL, .doc = "city"),
    TEXT(address, 9, state, .max = 80, .flags = PERSONAL, .doc = "state or province"),
    TEXT(address, 10, postal_code, .max = 20, .flags = PERSONAL, .doc = "postal code"),
    TEXT(address, 11, country, .format = FORMAT_COUNTRY, .flags = REQUIRED | PERSONAL, .doc = "country"),
    TEXT(address, 12, phone, .format = FORMAT_PHONE, .max = 32, .flags = PERSONAL, .doc = "for the carrier"),
    BOOL(address, 13, is_default, .doc = "true takes the place of the present default"),
};
/* clang-format on */
static const struct fields address_fields = FIELDS("address", struct address, address_rows);

static const struct event address_created = {1, "address.created", NULL, NULL, "a person added an address"};
static const struct event address_updated = {2, "address.updated", NULL, NULL, "an address changed"};
static const struct event address_deleted = {3, "address.deleted", NULL, NULL, "a person removed an address"};
static const struct event *const address_events[] = {&address_created, &address_updated, &address_deleted, NULL};

/* clang-format off */
static const struct transition address_machine_rows[] = {
    /* from                  command   to               event */
    {FROM_NONE,             "create", ADDRESS_ACTIVE,  &address_created},
    {STATE(ADDRESS_ACTIVE), "delete", ADDRESS_DELETED, &address_deleted},
};
/* clang-format on */
static const struct machine address_machine = MACHINE(&address_statuses, address_machine_rows);

static void address_user_keys(const void *entity, struct key_writer *writer)
{
    const struct address *address = entity;
    if (address->entity.status != ADDRESS_ACTIVE) return;
    key_begin(writer);
    key_id(writer, address->user_id);
    key_integer(writer, address->entity.created_at);
    key_end(writer);
}

/* clang-format off */
static const struct index address_by_user = {
    .number = 1, .name = "user", .keys = address_user_keys, .doc = "the addresses of a person",
    .leads = LEADS_PERSON};
/* clang-format on */
static const struct index *const address_indexes[] = {&address_by_user, NULL};

static void scope_myself(struct tx *tx, struct key_writer *writer)
{
    key_id(writer, tx->principal.user);
}

/* clang-format off */
static const struct listing address_listings[] = {
    {.sort = "newest", .index = &address_by_user, .scope = scope_myself, .reverse = true},
    {0},
};
/* clang-format on */

/* ---- the book ---- */
static const struct field id_element = ELEMENT(FIELD_ID, struct id);

/* clang-format off */
static const struct field address_book_rows[] = {
    ENTITY_ROW(address_book),
    SCALARS(address_book, 2, addresses, struct id, &id_element, .flags = READ_ONLY, .max = ADDRESSES_MOST,
            .doc = "active ones, oldest first"),
    ID(address_book, 3, standard, .flags = READ_ONLY, .refers = "address", .doc = "the default"),
};
/* clang-format on */
static const struct fields address_book_fields = FIELDS("address_book", struct address_book, address_book_rows);

static const char *address_book_check(const void *entity)
{
    const struct address_book *book = entity;
    bool listed = false;
    for (uint32_t i = 0; i < book->addresses.count; i++)
        listed |= id_equal(book->addresses.at[i], book->standard);
    if (book->addresses.count && !listed) return "one of the addresses is the default";
    return book->addresses.count || id_is_none(book->standard) ? NULL : "an empty book has no default";
}

/* clang-format off */
const struct kind address_book_kind = {
    .number = 18,
    .name = "address_book",
    .plural = "address_books",
    .doc = "which addresses a person has",
    .fields = &address_book_fields,
    .quiet = true,
    .check = address_book_check,
};
/* clang-format on */

/* ---- deciders ---- */
const struct address *address_of_asker(struct tx *tx, struct id address_id)
{
    const struct address *address = load(tx, &address_kind, address_id);
    bool own = address && tx->principal.kind == PRINCIPAL_USER && id_equal(address->user_id, tx->principal.user);
    return own && address->entity.status == ADDRESS_ACTIVE ? address : NULL;
}

/* Makes an address the default; the former one is none any more. */
static void make_default(struct tx *tx, struct address_book *book, struct address *address)
{
    struct address *former =
        id_equal(book->standard, address->entity.id) ? NULL : edit(tx, &address_kind, book->standard);
    if (former && former->entity.status == ADDRESS_ACTIVE && former->is_default) {
        former->is_default = false;
        emit(tx, former, &address_kind, &address_updated, NULL);
    }
    book->standard = address->entity.id;
    address->is_default = true;
}

static enum error address_create(struct tx *tx)
{
    struct address *address = tx->subject;
    struct address_book *book = edit_or_create(tx, &address_book_kind, tx->principal.user);
    if (!book) return PENDING;
    if (book->addresses.count >= ADDRESSES_MOST)
        return fail(tx, ERROR_LIMIT_REACHED, "a person has at most %d addresses", ADDRESSES_MOST);
    address->user_id = tx->principal.user;
    *LIST_ADD(tx->arena, &book->addresses) = address->entity.id;
    if (address->is_default || book->addresses.count == 1) make_default(tx, book, address);
    return OK;
}

static enum error address_patch(struct tx *tx)
{
    struct address *address = tx->subject;
    const struct address *before = tx->before;
    if (before->is_default && !address->is_default)
        return fail(tx, ERROR_CONFLICT, "make another address the default instead");
    if (before->is_default || !address->is_default) return OK;
    struct address_book *book = edit(tx, &address_book_kind, address->user_id);
    if (book) make_default(tx, book, address);
    return OK;
}

static enum error address_delete(struct tx *tx)
{
    struct address *address = tx->subject;
    struct address_book *book = edit(tx, &address_book_kind, address->user_id);
    if (!book) return PENDING;
    for (uint32_t i = book->addresses.count; i-- > 0;)
        if (id_equal(book->addresses.at[i], address->entity.id)) LIST_REMOVE(&book->addresses, i);
    if (!address->is_default) return OK;
    address->is_default = false;
    book->standard = ID_NONE;
    struct address *next = book->addresses.count ? edit(tx, &address_kind, book->addresses.at[0]) : NULL;
    if (!next) return OK;
    make_default(tx, book, next);
    emit(tx, next, &address_kind, &address_updated, NULL);
    return OK;
}

/* ---- who ---- */
static struct id address_user(const void *entity)
{
    return ((const struct address *)entity)->user_id;
}

static uint32_t address_relations(struct tx *tx, const void *entity)
{
    const struct address *address = entity;
    if (tx->principal.kind != PRINCIPAL_USER) return 0;
    bool fresh = !address || id_is_none(address->user_id); /* about to be the asker's */
    return fresh || id_equal(address->user_id, tx->principal.user) ? SELF : 0;
}

static bool address_visible(struct tx *tx, const void *entity, uint32_t relations)
{
    (void)tx;
    return relations & SELF && ((const struct address *)entity)->entity.status == ADDRESS_ACTIVE;
}

/* clang-format off */
static const struct command address_commands[] = {
    {"create", "POST", "/users/me/addresses", NULL, ACTION_CREATE, SELF, .decide = address_create,
     .doc = "adds an address; the first one is the default"},
    {"list", "GET", "/users/me/addresses", NULL, ACTION_LIST, SELF, .listings = address_listings,
     .doc = "the asker's addresses"},
    {"read", "GET", "/users/me/addresses/{id}", NULL, ACTION_READ, SELF, .doc = "one of them"},
    {"patch", "PATCH", "/users/me/addresses/{id}", NULL, ACTION_PATCH, SELF, .event = &address_updated,
     .decide = address_patch, .doc = "changes one"},
    {"delete", "DELETE", "/users/me/addresses/{id}", NULL, ACTION_COMMAND, SELF, .decide = address_delete,
     .doc = "removes one; if it was the default, the oldest other one becomes it"},
    {0},
};

const struct kind address_kind = {
    .number = 17,
    .name = "address",
    .plural = "addresses",
    .doc = "where a person has things sent",
    .fields = &address_fields,
    .machine = &address_machine,
    .events = address_events,
    .indexes = address_indexes,
    .commands = address_commands,
    .relations = address_relations,
    .visible = address_visible,
    .subject = address_user,
};
/* clang-format on */
