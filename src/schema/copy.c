/* Comparing, copying and initialising values by their tables.

   A copy in one piece is the struct, then in the order of a walk over it every array, aligned to 16, and every text with a
   zero behind it. */
#include "schema/codec.h"
#include "base/check.h"
#include "schema/member.h"
#include <stdlib.h>
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
    const struct field *end = fields->rows + fields->count;
    for (const struct field *field = fields->rows; field < end; field++) {
        const void *left = (const char *)a + field->offset, *right = (const char *)b + field->offset;
        if (field->type == FIELD_STRUCT ? !schema_equal(field->nested, left, right) : !scalar_equal(field, left, right))
            return false;
    }
    return true;
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

/* ---- Deep copies in one piece ------------------------------------------------------------------------------------ */

/* What is copied grows in a draft, in which each pointer is still an offset. When its size is known it goes to its place, and
   the offsets become pointers. */
enum { DRAFT_BYTES = 16 * 1024, DRAFT_POINTERS = 512 };
struct draft {
    char *memory;
    size_t used, capacity;
    uint32_t *pointers; /* where they are */
    uint32_t pointer_count, pointer_capacity;
    bool own_memory, own_pointers; /* of malloc: larger than what a thread has at hand */
};
static _Thread_local char draft_memory[DRAFT_BYTES];
static _Thread_local uint32_t draft_pointers[DRAFT_POINTERS];

static __attribute__((noinline)) void draft_grow(struct draft *draft, size_t needed)
{
    size_t capacity = draft->capacity * 2 > needed ? draft->capacity * 2 : needed;
    char *memory = memory_resize(draft->own_memory ? draft->memory : NULL, capacity);
    if (!draft->own_memory) memcpy(memory, draft->memory, draft->used);
    draft->memory = memory;
    draft->capacity = capacity;
    draft->own_memory = true;
}

static __attribute__((noinline)) void draft_grow_pointers(struct draft *draft)
{
    size_t capacity = draft->pointer_capacity * (size_t)2;
    CHECK(capacity <= UINT32_MAX);
    uint32_t *pointers = memory_resize(draft->own_pointers ? draft->pointers : NULL, capacity * sizeof *pointers);
    if (!draft->own_pointers) memcpy(pointers, draft->pointers, draft->pointer_count * sizeof *pointers);
    draft->pointers = pointers;
    draft->pointer_capacity = (uint32_t)capacity;
    draft->own_pointers = true;
}

/* Copies to the end; the pointer at `at` leads there. */
static inline size_t draft_add(struct draft *draft, size_t at, const void *bytes, size_t size, size_t alignment,
                               size_t behind)
{
    uint64_t start = (draft->used + alignment - 1) & ~(alignment - 1);
    size_t end = start + size + behind;
    if (end > draft->capacity) draft_grow(draft, end);
    if (draft->pointer_count == draft->pointer_capacity) draft_grow_pointers(draft);
    draft->pointers[draft->pointer_count++] = (uint32_t)at;
    if (size) memcpy(draft->memory + start, bytes, size);
    memset(draft->memory + start + size, 0, behind);
    memcpy(draft->memory + at, &start, sizeof start);
    draft->used = end;
    return start;
}

static inline void draft_text(struct draft *draft, const struct text *text, size_t at)
{
    if (text->data) draft_add(draft, at + offsetof(struct text, data), text->data, text->length, 1, 1);
}

static void draft_members(struct draft *draft, const struct fields *fields, const void *value, size_t at);

static void draft_list(struct draft *draft, const struct field *field, const struct list *list, size_t at)
{
    size_t size = field_element_size(field);
    at += offsetof(struct list, at);
    if (!list->count) {
        memset(draft->memory + at, 0, sizeof list->at);
        return;
    }
    size_t array = draft_add(draft, at, list->at, size * list->count, 16, 0);
    if (field->nested) {
        for (uint32_t i = 0; i < list->count; i++)
            draft_members(draft, field->nested, list_element(list, size, i), array + size * i);
    } else if (field->type == FIELD_MAP || is_text(field->element)) {
        const struct text *texts = list->at; /* a pair is two of them */
        for (size_t i = 0; i < list->count * (size / sizeof *texts); i++)
            draft_text(draft, &texts[i], array + i * sizeof *texts);
    }
}

/* The draft has the bytes of the value at `at`; what they point to follows. */
static void draft_members(struct draft *draft, const struct fields *fields, const void *value, size_t at)
{
    const struct field *end = fields->rows + fields->count;
    for (const struct field *field = fields->rows; field < end; field++) {
        if (!may_point(field)) continue;
        const void *member = (const char *)value + field->offset;
        if (is_text(field))
            draft_text(draft, member, at + field->offset);
        else if (field->type == FIELD_STRUCT)
            draft_members(draft, field->nested, member, at + field->offset);
        else
            draft_list(draft, field, member, at + field->offset);
    }
}

void *schema_compact(const struct fields *fields, const void *value, size_t front, size_t *size)
{
    struct draft draft = {.memory = draft_memory,
                          .capacity = DRAFT_BYTES,
                          .pointers = draft_pointers,
                          .pointer_capacity = DRAFT_POINTERS};
    if (fields->size > draft.capacity) draft_grow(&draft, fields->size);
    memcpy(draft.memory, value, fields->size);
    draft.used = fields->size;
    draft_members(&draft, fields, value, 0);
    CHECK(draft.used <= UINT32_MAX);
    char *piece = malloc(front + draft.used);
    _Static_assert(sizeof piece == sizeof(uint64_t), "an offset stands where the pointer will");
    CHECK(piece && front % 16 == 0);
    char *copy = piece + front;
    memcpy(copy, draft.memory, draft.used);
    for (uint32_t i = 0; i < draft.pointer_count; i++) {
        uint64_t offset;
        memcpy(&offset, copy + draft.pointers[i], sizeof offset);
        const char *pointer = copy + offset;
        memcpy(copy + draft.pointers[i], &pointer, sizeof pointer);
    }
    if (draft.own_memory) free(draft.memory);
    if (draft.own_pointers) free(draft.pointers);
    *size = draft.used;
    return piece;
}

bool schema_is_flat(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->type == FIELD_STRUCT ? !schema_is_flat(field->nested) : may_point(field)) return false;
    }
    return true;
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
