/* A tenant is a whole marketplace: its own users, suppliers, catalogue and orders. It is an entity of the platform (the
   tenant of zeros), so no tenant can name another; its id is derived from its slug. Platform operators change it. The
   struct itself belongs to the runtime, which reads it for every request. */
#pragma once
#include "actors/runtime/tenant.h"

extern const struct kind tenant_kind;
extern const struct index tenant_by_domain;
