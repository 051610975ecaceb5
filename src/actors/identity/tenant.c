/* Tenants of this server.

     – ─create→ active ─suspend→ suspended ─reinstate→ active

   Truths: the slug never changes (the id is derived from it,
       and every path of its clients holds it); the currency never
   changes (prices and orders are made of it). A suspended tenant answers every request with 403. */
#include "actors/identity/tenant.h"
#include "actors/runtime/settings.h"
#include "actors/runtime/tx.h"

static const char *const tenant_status_names[] = {NULL, "active", "suspended"};
static const struct enumeration tenant_statuses = ENUMERATION("tenant_status", tenant_status_names);

/* clang-format off */
static const struct field tax_rate_rows[] = {
    TEXT(tax_rate, 1, country, .format = FORMAT_COUNTRY, .flags = REQUIRED, .doc = "where it holds"),
    TEXT(tax_rate, 2, region, .max = 80, .doc = "state or province; absent: the whole country"),
    TEXT(tax_rate, 3, tax_class, .max = 40, .doc = "tax class of products; absent: standard"),
    BASIS_POINTS(tax_rate, 4, rate_bp, .flags = REQUIRED, .min = 0, .max = BASIS_POINTS_ONE, .doc = "2000 is 20 %"),
};
/* clang-format on */
static const struct fields tax_rate_fields = FIELDS("tax_rate", struct tax_rate, tax_rate_rows);

/* clang-format off */
static const struct field tenant_setting_rows[] = {
    TEXT(tenant_setting, 1, name, .flags = REQUIRED, .max = 80, .doc = "a setting of the server, as orders.hold"),
    INTEGER(tenant_setting, 2, value, .flags = REQUIRED, .min = 0, .max = DAYS(3660),
            .doc = "its value in this marketplace"),
};
/* clang-format on */
static const struct fields tenant_setting_fields = FIELDS("tenant_setting", struct tenant_setting, tenant_setting_rows);

static const struct field domain_element = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = 253);

/* clang-format off */
static const struct field tenant_rows[] = {
    ENTITY_ROW(tenant),
    TEXT(tenant, 2, slug, .format = FORMAT_SLUG, .flags = REQUIRED | CREATE_ONLY,
         .doc = "names it in /api/{tenant_slug}/v1"),
    TEXT(tenant, 3, name, .flags = REQUIRED, .min = 1, .max = 120, .doc = "for people"),
    TEXT(tenant, 4, currency, .format = FORMAT_CURRENCY, .flags = CREATE_ONLY,
         .doc = "of all its prices; absent at creation: USD"),
    BOOL(tenant, 5, prices_include_tax, .doc = "are prices gross?"),
    BOOL(tenant, 6, shipping_taxable, .initial = 1, .doc = "is tax due on shipping?"),
    BOOL(tenant, 7, anonymous_read, .initial = 1, .doc = "may people read without logging in?"),
    LIST(tenant, 8, tax_rates, struct tax_rate, &tax_rate_fields, .max = 500, .doc = "the most precise row wins"),
    LIST(tenant, 9, settings, struct tenant_setting, &tenant_setting_fields, .max = 50,
         .doc = "instead of the server's"),
    SCALARS(tenant, 10, domains, struct text, &domain_element, .max = 20, .doc = "host names that lead here"),
    TEXT(tenant, 11, key_check, .flags = READ_ONLY, .sees = SYSTEM, .doc = "tells a wrong master key from the right one"),
};
/* clang-format on */
static const struct fields tenant_fields = FIELDS("tenant", struct tenant, tenant_rows);

static const uint16_t tenant_carried[] = {2, 3, 0};
static const struct event tenant_created = {1, "tenant.created", tenant_carried, NULL, "a marketplace was opened"};
static const struct event tenant_updated = {2, "tenant.updated", tenant_carried, NULL, "its settings were changed"};
/* clang-format off */
static const struct event tenant_suspended  = {3, "tenant.suspended", NULL, &reason_fields,
    "it stopped answering"};
/* clang-format on */
static const struct event tenant_reinstated = {4, "tenant.reinstated", NULL, &reason_fields, "it answers again"};
/* clang-format off */
static const struct event *const tenant_events[] = {&tenant_created, &tenant_updated, &tenant_suspended,
    &tenant_reinstated, NULL};

static const struct transition tenant_machine_rows[] = {
    /* from                    command      to                event                */
    {FROM_NONE,               "create",    TENANT_ACTIVE,    &tenant_created},
    {STATE(TENANT_ACTIVE),    "suspend",   TENANT_SUSPENDED, &tenant_suspended},
    {STATE(TENANT_SUSPENDED), "reinstate", TENANT_ACTIVE,    &tenant_reinstated},
};
/* clang-format on */
static const struct machine tenant_machine = MACHINE(&tenant_statuses, tenant_machine_rows);

static void tenant_slug_keys(const void *entity, struct key_writer *writer)
{
    const struct tenant *tenant = entity;
    key_begin(writer);
    key_text(writer, tenant->slug);
    key_end(writer);
}

static void tenant_domain_keys(const void *entity, struct key_writer *writer)
{
    const struct tenant *tenant = entity;
    for (uint32_t i = 0; i < tenant->domains.count; i++) {
        key_begin(writer);
        key_text(writer, tenant->domains.at[i]);
        key_end(writer);
    }
}

static void tenant_created_keys(const void *entity, struct key_writer *writer)
{
    key_begin(writer);
    key_integer(writer, ((const struct tenant *)entity)->entity.created_at);
    key_end(writer);
}

/* clang-format off */
static const struct index tenant_by_slug = {
    .number = 1, .name = "slug", .unique = true, .taken = ERROR_SLUG_TAKEN, .path = "slug",
    .keys = tenant_slug_keys, .doc = "by slug"};
const struct index tenant_by_domain = {
    .number = 2, .name = "domain", .unique = true, .taken = ERROR_ALREADY_EXISTS, .path = "domains",
    .keys = tenant_domain_keys, .doc = "a host name leads to one tenant"};
static const struct index tenant_by_created = {
    .number = 3, .name = "created", .keys = tenant_created_keys, .doc = "by age"};
/* clang-format on */
static const struct index *const tenant_indexes[] = {&tenant_by_slug, &tenant_by_domain, &tenant_by_created, NULL};

/* Words that stand where a tenant's slug does in a path. */
/* clang-format off */
static const char *const reserved_slugs[] = {
    "admin", "api", "auth", "comments", "communities", "docs", "feed", "healthz", "media", "metrics", "openapi", "orders",
    "plugins", "posts", "products", "promotions", "readyz", "reports", "sellers", "storefront", "suppliers", "users",
    "www", NULL};
/* clang-format on */

static bool setting_is_known(struct text name)
{
    for (unsigned i = 0; i < setting_count; i++)
        if (text_is(name, settings[i].name)) return true;
    return false;
}

/* A host name as requests have it: lower case, with a dot, without a port. */
static bool is_host_name(struct text name)
{
    bool dot = false;
    for (uint32_t i = 0; i < name.length; i++) {
        char c = name.data[i];
        bool edge = i == 0 || i + 1 == name.length || name.data[i - 1] == '.' || name.data[i + 1] == '.';
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || ((c == '-' || c == '.') && !edge))) return false;
        dot |= c == '.';
    }
    return dot;
}

static void domains_validate(struct tx *tx, const struct tenant *tenant)
{
    for (uint32_t i = 0; i < tenant->domains.count; i++) {
        const char *path = text_print(tx, "domains[%u]", i).data;
        if (!is_host_name(tenant->domains.at[i]))
            fail_detail(tx, path, "bad_format", "must be a host name as shop.example.com");
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(tenant->domains.at[i], tenant->domains.at[j]))
                fail_detail(tx, path, "duplicate", "is there twice");
    }
}

static enum error tenant_validate(struct tx *tx, const struct tenant *tenant)
{
    domains_validate(tx, tenant);
    for (uint32_t i = 0; i < tenant->settings.count; i++) {
        struct text name = tenant->settings.at[i].name;
        struct text path = text_print(tx, "settings[%u].name", i);
        if (!setting_is_known(name))
            fail_detail(tx, path.data, "not_one_of", "there is no setting %.*s", TEXT_ARGUMENTS(name));
        for (uint32_t j = 0; j < i; j++)
            if (text_equal(name, tenant->settings.at[j].name))
                fail_detail(tx, path.data, "duplicate", "this setting is there twice");
    }
    return fail_details(tx) ? fail(tx, ERROR_VALIDATION_FAILED, "the tenant has invalid values") : OK;
}

static enum error tenant_create(struct tx *tx)
{
    struct tenant *tenant = tx->subject;
    for (uint32_t i = 0; reserved_slugs[i]; i++)
        if (text_is(tenant->slug, reserved_slugs[i])) fail_detail(tx, "slug", "not_allowed", "this word is reserved");
    if (!tenant->currency.data) tenant->currency = LITERAL("USD");
    return tenant_validate(tx, tenant);
}

static enum error tenant_patch(struct tx *tx)
{
    return tenant_validate(tx, tx->subject);
}

static enum error tenant_reason(struct tx *tx)
{
    event_data(tx, tx->body);
    return OK;
}

static struct id tenant_target(struct tx *tx)
{
    const struct tenant *tenant = tx->subject;
    return tenant_id_of_slug(tenant->slug);
}

/* clang-format off */
static const struct listing tenant_listings[] = {
    {.sort = "newest", .index = &tenant_by_created, .reverse = true},
    {0},
};

static const struct command tenant_commands[] = {
    {.name = "create", .method = "POST", .path = "//api/admin/tenants", .action = ACTION_CREATE, .who = OPERATOR,
     .decide = tenant_create, .target = tenant_target, .doc = "opens a marketplace"},
    {.name = "read", .method = "GET", .path = "//api/admin/tenants/{id}", .action = ACTION_READ, .who = OPERATOR,
     .doc = "answers one marketplace"},
    {.name = "list", .method = "GET", .path = "//api/admin/tenants", .action = ACTION_LIST, .who = OPERATOR,
     .listings = tenant_listings, .doc = "all marketplaces of this server"},
    {.name = "patch", .method = "PATCH", .path = "//api/admin/tenants/{id}", .action = ACTION_PATCH, .who = OPERATOR,
     .event = &tenant_updated, .decide = tenant_patch, .doc = "changes settings"},
    {.name = "suspend", .method = "POST", .path = "//api/admin/tenants/{id}/suspend", .action = ACTION_COMMAND,
     .who = OPERATOR, .body = &reason_fields, .decide = tenant_reason, .doc = "every request to it answers 403"},
    {.name = "reinstate", .method = "POST", .path = "//api/admin/tenants/{id}/reinstate", .action = ACTION_COMMAND,
     .who = OPERATOR, .body = &reason_fields, .decide = tenant_reason, .doc = "it answers again"},
    {0},
};

const struct kind tenant_kind = {
    .number = 1,
    .name = "tenant",
    .plural = "tenants",
    .doc = "a marketplace: its people, suppliers, catalogue and orders",
    .fields = &tenant_fields,
    .machine = &tenant_machine,
    .events = tenant_events,
    .indexes = tenant_indexes,
    .commands = tenant_commands,
    .slug = &tenant_by_slug,
    .patch_needs_version = true,
};
/* clang-format on */
