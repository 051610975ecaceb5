/* Look-ups in field tables, and the members they point to. */
#include "schema/member.h"
#include "base/arena.h"
#include "base/check.h"
#include <string.h>

const union member_scalar MEMBER_ZERO;

/* clang-format off */
static const struct { uint8_t size, alignment; } TYPES[FIELD_TYPE_COUNT] = {
    /* type                   size                  alignment */
    [FIELD_TEXT]         = { sizeof(struct text),  _Alignof(struct text)  },
    [FIELD_BYTES]        = { sizeof(struct text),  _Alignof(struct text)  },
    [FIELD_ENUM]         = { sizeof(uint32_t),     _Alignof(uint32_t)     },
    [FIELD_BOOL]         = { sizeof(bool),         _Alignof(bool)         },
    [FIELD_INTEGER]      = { sizeof(int64_t),      _Alignof(int64_t)      },
    [FIELD_BASIS_POINTS] = { sizeof(int64_t),      _Alignof(int64_t)      },
    [FIELD_MONEY]        = { sizeof(struct money), _Alignof(struct money) },
    [FIELD_TIME]         = { sizeof(int64_t),      _Alignof(int64_t)      },
    [FIELD_DATE]         = { sizeof(int32_t),      _Alignof(int32_t)      },
    [FIELD_ID]           = { sizeof(struct id),    _Alignof(struct id)    },
    [FIELD_STRUCT]       = { 0,                    1                      },
    [FIELD_LIST]         = { sizeof(struct list),  _Alignof(struct list)  },
    [FIELD_MAP]          = { sizeof(struct list),  _Alignof(struct list)  },
};
/* clang-format on */

size_t field_type_size(enum field_type type)
{
    return TYPES[type].size;
}

size_t field_type_alignment(enum field_type type)
{
    return TYPES[type].alignment;
}

size_t field_element_size(const struct field *field)
{
    if (field->type == FIELD_MAP) return sizeof(struct text_pair);
    return field->nested ? field->nested->size : TYPES[field->element->type].size;
}

const struct field *field_by_name(const struct fields *fields, struct text name)
{
    if (!name.length) return NULL;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->name[0] == name.data[0] && strlen(field->name) == name.length &&
            !memcmp(field->name, name.data, name.length))
            return field;
    }
    return NULL;
}

const struct field *field_by_tag(const struct fields *fields, uint16_t tag)
{
    uint32_t low = 0, high = fields->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (fields->rows[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return low < fields->count && fields->rows[low].tag == tag ? &fields->rows[low] : NULL;
}

struct text enum_name(const struct enumeration *values, uint32_t value)
{
    if (!value || value >= values->count) return (struct text){0};
    return text_of(values->values[value]);
}

uint32_t enum_value(const struct enumeration *values, struct text name)
{
    for (uint32_t i = 1; i < values->count; i++)
        if (text_is(name, values->values[i])) return i;
    return 0;
}

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

/* A list does not know whether somebody shares its array (a shallow copy, a committed block), nor whether there is room
   behind it, so every addition moves it to an array of its own. Long lists are built in one ARENA_ARRAY instead. */
void *list_add(struct arena *arena, struct list *list, size_t element_size)
{
    CHECK(list->count < UINT32_MAX);
    size_t size = element_size * list->count;
    char *grown = arena_take(arena, size + element_size);
    if (size) memcpy(grown, list->at, size);
    list->at = grown;
    list->count++;
    return memset(grown + size, 0, element_size);
}

void list_remove(struct list *list, uint32_t index, size_t element_size)
{
    CHECK(index < list->count);
    char *hole = (char *)list->at + element_size * index;
    list->count--;
    memmove(hole, hole + element_size, element_size * (list->count - index));
    memset((char *)list->at + element_size * list->count, 0, element_size);
}

/* ---- Members ---------------------------------------------------------------------------------------------------- */

void member_set_integer(const struct field *field, void *member, int64_t integer)
{
    switch ((enum field_type)field->type) {
    case FIELD_ENUM: *(uint32_t *)member = (uint32_t)integer; break;
    case FIELD_BOOL: *(bool *)member = integer != 0; break;
    case FIELD_DATE: *(int32_t *)member = (int32_t)integer; break;
    default: *(int64_t *)member = integer; break;
    }
}

bool fields_are_zero(const struct fields *fields, const void *value)
{
    if (!value) return true;
    for (uint32_t i = 0; i < fields->count; i++)
        if (!member_is_zero(&fields->rows[i], member_in(&fields->rows[i], value))) return false;
    return true;
}
