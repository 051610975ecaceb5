/* A kind that uses everything the runtime offers, for its tests: slug, list, machine with a guard, a timer, an effect with
   a late answer, a join to a view, a sealed field, a counter. */
#pragma once
#include "actors/runtime/ports.h"
#include "actors/runtime/tx.h"

enum thing_status { THING_DRAFT = 1, THING_OPEN, THING_PAID, THING_CLOSED, THING_DELETED };
#define THING_LOGIN_ENDS_AT (INT64_C(1767225600000) + HOURS(2))
struct thing {
    struct entity entity;
    struct text name, slug;
    struct text secret_note; /* personal */
    int64_t quantity;
    LIST_OF(struct text) tags;
};
struct thing_count {
    struct entity entity;
    int64_t things, opened;
};
extern const struct registry thing_registry;
extern const struct provider thing_providers[];
extern const struct kind thing_kind, thing_count_kind;
struct id thing_count_id(void);
