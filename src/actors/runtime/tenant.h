/* What the runtime itself has to know of a tenant: its state, its currency and its settings. The tenant kind lives in
   identity/tenant.c; its entities belong to the platform (tenant ID_NONE) under an id derived from the slug. */
#pragma once
#include "actors/runtime/kind.h"

enum tenant_status { TENANT_ACTIVE = 1, TENANT_SUSPENDED, TENANT_DELETED };
struct tax_rate {
    struct text country, region, tax_class;
    int64_t rate_bp;
};
struct tenant_setting {
    struct text name;
    int64_t value;
};
struct tenant {
    struct entity entity;
    struct text slug, name, currency;
    bool prices_include_tax, shipping_taxable, anonymous_read;
    LIST_OF(struct tax_rate) tax_rates;
    LIST_OF(struct tenant_setting) settings;
    LIST_OF(struct text) domains;
    struct text key_check; /* of the default tenant: tells the master key under which the data was begun */
};

struct id tenant_id_of_slug(struct text slug);
