/* Comparing, copying and initialising values by their tables.

   A copy is one piece of memory: the struct, then in the order of a walk over it every array, aligned to 16, and every
   text with a zero behind it. Measuring and copying are the same walk, so they cannot disagree. */
#include "schema/codec.h"
#include "base/check.h"
#include "schema/member.h"
#include <string.h>

/* ---- Equality (absent and empty are two different values) -------------------------------------------------------- */

bool list_equal(const struct field *field, const struct list *a, const struct list *b)
{
    if (a->count != b->count) return false;
    if (a->at == b->at) return true;
    size_t size = field_element_size(field);
    for (uint32_t i = 0; i < a->count; i++) {
        const void *left = list_element(a, size, i), *right = list_element(b, size, i);
        if (field->type == FIELD_MAP) {
            const struct text_pair *p = left, *q = right;
            if (!text_equal(p->key, q->key) || !text_equal(p->value, q->value)) return false;
        } else if (field->nested ? !schema_equal(field->nested, left, right)
                                 : !scalar_equal(field->element, left, right))
            return false;
    }
    return true;
}

bool schema_equal(const struct fields *fields, const void *a, const void *b)
{
    if (a == b) return true;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        const void *left = member_in(field, a), *right = member_in(field, b);
        if (field->type == FIELD_STRUCT ? !schema_equal(field->nested, left, right) : !scalar_equal(field, left, right))
            return false;
    }
    return true;
}

/* ---- Deep copies ------------------------------------------------------------------------------------------------ */

/* Where the next array or text goes. Without memory the walk only measures. */
struct placer {
    char *memory;
    size_t used;
};

static inline void *place(struct placer *placer, const void *source, size_t size, size_t alignment)
{
    placer->used = (placer->used + alignment - 1) & ~(alignment - 1);
    char *at = placer->memory ? placer->memory + placer->used : NULL;
    if (at && source) memcpy(at, source, size);
    placer->used += size;
    return at;
}

static void place_text(struct placer *placer, const struct text *source, struct text *copy)
{
    if (!source->data) {
        if (copy) *copy = (struct text){0};
        return;
    }
    char *at = place(placer, NULL, (size_t)source->length + 1, 1);
    if (!at || !copy) return;
    memcpy(at, source->data, source->length);
    at[source->length] = 0;
    *copy = (struct text){at, source->length};
}

static void place_members(struct placer *placer, const struct fields *fields, const void *source, void *copy);

static void place_list(struct placer *placer, const struct field *field, const struct list *source, struct list *copy)
{
    if (!source->count) {
        if (copy) *copy = (struct list){0};
        return;
    }
    size_t size = field_element_size(field);
    char *array = place(placer, source->at, size * source->count, 16);
    if (copy) copy->at = array;
    bool texts = field->element && (field->element->type == FIELD_TEXT || field->element->type == FIELD_BYTES);
    for (uint32_t i = 0; i < source->count; i++) {
        const void *from = list_element(source, size, i);
        void *to = array ? array + size * i : NULL;
        if (field->type == FIELD_MAP) {
            const struct text_pair *pair = from;
            struct text_pair *pair_copy = to;
            place_text(placer, &pair->key, to ? &pair_copy->key : NULL);
            place_text(placer, &pair->value, to ? &pair_copy->value : NULL);
        } else if (field->nested)
            place_members(placer, field->nested, from, to);
        else if (texts)
            place_text(placer, from, to);
    }
}

enum {
    POINTING = 1 << FIELD_TEXT | 1 << FIELD_BYTES | 1 << FIELD_STRUCT | 1 << FIELD_LIST | 1 << FIELD_MAP,
};
static inline bool may_point(const struct field *field)
{
    return POINTING >> field->type & 1;
}

static inline bool is_text(const struct field *field)
{
    return field->type == FIELD_TEXT || field->type == FIELD_BYTES;
}

/* The copy already holds the bytes of the source; only what points elsewhere is placed. */
static void place_members(struct placer *placer, const struct fields *fields, const void *source, void *copy)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!may_point(field)) continue;
        const void *from = member_in(field, source);
        void *to = copy ? member_of(field, copy) : NULL;
        switch ((enum field_type)field->type) {
        case FIELD_TEXT:
        case FIELD_BYTES: place_text(placer, from, to); break;
        case FIELD_STRUCT: place_members(placer, field->nested, from, to); break;
        case FIELD_LIST:
        case FIELD_MAP: place_list(placer, field, from, to); break;
        default: break;
        }
    }
}

size_t schema_compact_size(const struct fields *fields, const void *value)
{
    struct placer placer = {NULL, fields->size};
    place_members(&placer, fields, value, NULL);
    return placer.used;
}

void schema_compact(const struct fields *fields, const void *value, void *memory)
{
    CHECK((uintptr_t)memory % 16 == 0);
    struct placer placer = {memory, fields->size};
    memcpy(memory, value, fields->size);
    place_members(&placer, fields, value, memory);
}

/* ---- Copies in an arena ------------------------------------------------------------------------------------------ */

enum owns { OWNS_LISTS, OWNS_ALL };

static void own_members(const struct fields *fields, void *value, struct arena *arena, enum owns owns);

static void own_list(const struct field *field, struct list *list, struct arena *arena, enum owns owns)
{
    size_t size = field_element_size(field);
    if (!list->count) {
        list->at = NULL;
        return;
    }
    list->at = arena_copy(arena, list->at, size * list->count);
    if (field->nested) {
        for (uint32_t i = 0; i < list->count; i++)
            own_members(field->nested, (char *)list->at + size * i, arena, owns);
    } else if (owns == OWNS_ALL && (field->type == FIELD_MAP || is_text(field->element))) {
        struct text *texts = list->at; /* a pair is two of them */
        for (size_t i = 0; i < list->count * (size / sizeof *texts); i++)
            texts[i] = arena_text(arena, texts[i]);
    }
}

/* Arrays of a copy may be written; what they point to, when only they are owned, may not. */
static void own_members(const struct fields *fields, void *value, struct arena *arena, enum owns owns)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!may_point(field)) continue;
        void *member = member_of(field, value);
        if (field->type == FIELD_STRUCT)
            own_members(field->nested, member, arena, owns);
        else if (!is_text(field))
            own_list(field, member, arena, owns);
        else if (owns == OWNS_ALL)
            *(struct text *)member = arena_text(arena, *(struct text *)member);
    }
}

void *schema_clone(const struct fields *fields, const void *value, struct arena *arena)
{
    void *clone = arena_copy(arena, value, fields->size);
    own_members(fields, clone, arena, OWNS_ALL);
    return clone;
}

void *schema_editable(const struct fields *fields, const void *value, struct arena *arena)
{
    void *copy = arena_copy(arena, value, fields->size);
    own_members(fields, copy, arena, OWNS_LISTS);
    return copy;
}

bool schema_is_flat(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->type == FIELD_STRUCT ? !schema_is_flat(field->nested) : may_point(field)) return false;
    }
    return true;
}

/* ---- Initial values --------------------------------------------------------------------------------------------- */

void schema_initialise(const struct fields *fields, void *value)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        void *member = member_of(field, value);
        if (field->type == FIELD_STRUCT)
            schema_initialise(field->nested, member);
        else if (field->initial)
            member_set_integer(field, member, field->initial);
    }
}
