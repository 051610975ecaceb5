/* Members of a value, reached through their rows. For src/schema alone.

   A NULL value is the zero value: its scalar and list members are read from a block of zeros, its nested structs are
   NULL again. So a diff against nothing needs no zeroed copy. */
#pragma once
#include "schema/field.h"

enum { FIELD_NAME_MOST = 60 }; /* proved at start-up, so that rendering need not measure */

/* Wide enough for every member that is not a nested struct. */
extern const union member_scalar {
    struct text text;
    struct money money;
    struct id id;
    struct list list;
    int64_t integer;
    int32_t date;
    uint32_t enumeration;
    bool boolean;
} MEMBER_ZERO;

static inline const void *member_in(const struct field *field, const void *value)
{
    if (value) return (const char *)value + field->offset;
    return field->type == FIELD_STRUCT ? NULL : &MEMBER_ZERO;
}
static inline void *member_of(const struct field *field, void *value)
{
    return (char *)value + field->offset;
}
static inline const void *list_element(const struct list *list, size_t size, uint32_t index)
{
    return (const char *)list->at + size * index;
}

/* Lists of structs nest a table; lists of scalars and maps have an element. */
static inline bool field_lists_structs(const struct field *field)
{
    return field->type == FIELD_LIST && field->nested;
}
/* The size of one element of a list or a map. */
size_t field_element_size(const struct field *field);
/* The bytes a value of this type has; 0 for a struct, whose table says it. */
size_t field_type_size(enum field_type type);
size_t field_type_alignment(enum field_type type);

bool fields_are_zero(const struct fields *fields, const void *value);
bool member_is_zero(const struct field *field, const void *member);
bool member_equal(const struct field *field, const void *a, const void *b);
/* The integer in a member of type enum, bool, integer, basis points, time or date. */
int64_t member_integer(const struct field *field, const void *member);
void member_set_integer(const struct field *field, void *member, int64_t integer);
