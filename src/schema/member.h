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
bool list_equal(const struct field *field, const struct list *a, const struct list *b);

/* What every walk over a value asks of every member is inline, for most members are a few bytes and often zero. */

/* The integer in a member of type enum, bool, integer, basis points, time or date. */
static inline int64_t member_integer(const struct field *field, const void *member)
{
    switch ((enum field_type)field->type) {
    case FIELD_ENUM: return *(const uint32_t *)member;
    case FIELD_BOOL: return *(const bool *)member;
    case FIELD_DATE: return *(const int32_t *)member;
    default: return *(const int64_t *)member;
    }
}

static inline bool member_is_zero(const struct field *field, const void *member)
{
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: return !((const struct text *)member)->data;
    case FIELD_MONEY: return !((const struct money *)member)->amount && !((const struct money *)member)->currency[0];
    case FIELD_ID: return id_is_none(*(const struct id *)member);
    case FIELD_STRUCT: return fields_are_zero(field->nested, member);
    case FIELD_LIST:
    case FIELD_MAP: return !((const struct list *)member)->count;
    default: return !member_integer(field, member);
    }
}

/* Of two members that are no nested structs. */
static inline bool scalar_equal(const struct field *field, const void *a, const void *b)
{
    const struct money *left = a, *right = b;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES: return text_equal(*(const struct text *)a, *(const struct text *)b);
    case FIELD_MONEY:
        return left->amount == right->amount && !strncmp(left->currency, right->currency, sizeof left->currency);
    case FIELD_ID: return id_equal(*(const struct id *)a, *(const struct id *)b);
    case FIELD_LIST:
    case FIELD_MAP: return list_equal(field, a, b);
    case FIELD_ENUM:
    case FIELD_DATE: return *(const int32_t *)a == *(const int32_t *)b;
    case FIELD_BOOL: return *(const bool *)a == *(const bool *)b;
    default: return *(const int64_t *)a == *(const int64_t *)b;
    }
}
void member_set_integer(const struct field *field, void *member, int64_t integer);
