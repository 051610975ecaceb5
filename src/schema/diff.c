/* Diffs: what changed between two values, with the old and the new of each member. See codec.h for their form.

   Elements that a change of a list added or took away are always listed, even when they have nothing in this part. So
   the counts of a damaged diff never ask for more memory than its bytes could hold. */
#include "schema/codec.h"
#include "base/limits.h"
#include "schema/json.h"
#include "schema/path.h"
#include "schema/value.h"
#include <string.h>

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static uint32_t diff_members(struct buffer *out, struct shared *shared, const struct fields *fields, const void *before,
                             const void *after, enum part part);

static bool diff_list(struct buffer *out, struct shared *shared, const struct field *field, const struct list *old,
                      const struct list *new, enum part part)
{
    if (old->count == new->count && (!new->count || old->at == new->at)) return false;
    uint32_t least = old->count < new->count ? old->count : new->count;
    uint32_t most = old->count < new->count ? new->count : old->count;
    pack_array(out, 3);
    pack_integer(out, old->count);
    pack_integer(out, new->count);
    size_t opened = pack_map_open(out), size = field->nested->size;
    uint32_t listed = 0, changed = 0;
    for (uint32_t i = 0; i < most; i++) {
        size_t start = out->length;
        pack_integer(out, i);
        uint32_t members = diff_members(out, shared, field->nested, i < old->count ? list_element(old, size, i) : NULL,
                                        i < new->count ? list_element(new, size, i) : NULL, part);
        changed += members;
        if (members || i >= least)
            listed++;
        else
            out->length = start;
    }
    pack_map_close(out, opened, listed);
    return part == PART_PERSONAL ? changed : listed;
}

/* False when they are equal, or differ in the other part alone. */
static bool diff_member(struct buffer *out, struct shared *shared, const struct field *field, const void *old,
                        const void *new, enum part part)
{
    if (field->type == FIELD_STRUCT) return diff_members(out, shared, field->nested, old, new, part);
    if (field_lists_structs(field)) return diff_list(out, shared, field, old, new, part);
    pack_array(out, 2);
    value_pack(out, shared, field, old);
    value_pack(out, shared, field, new);
    return true;
}

/* Returns the number of members that differ. */
static uint32_t diff_members(struct buffer *out, struct shared *shared, const struct fields *fields, const void *before,
                             const void *after, enum part part)
{
    size_t opened = pack_map_open(out);
    uint32_t count = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        const void *old = member_in(field, before), *new = member_in(field, after);
        enum part inner;
        bool made_of_structs = field->type == FIELD_STRUCT || field_lists_structs(field); /* say so when written */
        if ((!made_of_structs && scalar_equal(field, old, new)) || !field_in_part(field, part, &inner)) continue;
        size_t start = out->length;
        pack_integer(out, field->tag);
        if (diff_member(out, shared, field, old, new, inner))
            count++;
        else
            out->length = start;
    }
    pack_map_close(out, opened, count);
    return count;
}

bool schema_diff_shared(struct buffer *out, struct shared *shared, const struct fields *fields, const void *before,
                        const void *after, enum part part)
{
    size_t start = out->length;
    if (diff_members(out, shared, fields, before, after, part)) return true;
    out->length = start;
    return false;
}

/* ---- Applying --------------------------------------------------------------------------------------------------- */

struct applying {
    struct unpacker in;
    struct arena *arena;
    enum direction direction;
};

static bool apply_members(struct applying *applying, const struct fields *fields, void *value, unsigned depth);

/* The head of a list's diff: its count before and after, and how many elements are listed. */
static bool unpack_list_head(struct unpacker *in, uint32_t *old, uint32_t *new, uint32_t *listed)
{
    uint32_t count;
    int64_t old_count, new_count;
    if (!unpack_array(in, &count) || count != 3) return false;
    if (!unpack_integer(in, &old_count) || !unpack_integer(in, &new_count) || !unpack_map(in, listed)) return false;
    if (old_count < 0 || old_count > UINT32_MAX || new_count < 0 || new_count > UINT32_MAX) return false;
    *old = (uint32_t)old_count;
    *new = (uint32_t)new_count;
    return (*old < *new ? *new - *old : *old - *new) <= *listed;
}

static bool unpack_index(struct unpacker *in, int64_t *last, int64_t most)
{
    int64_t index;
    if (!unpack_integer(in, &index) || index <= *last || index >= most) return false;
    *last = index;
    return true;
}

/* The list has the count before the change, or the one after it when the diff of the other part came first. */
static bool apply_list(struct applying *applying, const struct field *field, struct list *list, unsigned depth)
{
    uint32_t old, new, listed;
    if (!unpack_list_head(&applying->in, &old, &new, &listed)) return false;
    uint32_t from = applying->direction == FORWARDS ? old : new, to = applying->direction == FORWARDS ? new : old;
    if (list->count != from && list->count != to) return false;

    size_t size = field->nested->size;
    char *array = to ? arena_alloc(applying->arena, size * to) : NULL;
    uint32_t kept = list->count < to ? list->count : to;
    if (kept) memcpy(array, list->at, size * kept);
    *list = (struct list){array, to};

    int64_t index = -1;
    while (listed--) {
        if (!unpack_index(&applying->in, &index, old < new ? new : old)) return false;
        if (index >= to ? !unpack_skip(&applying->in)
                        : !apply_members(applying, field->nested, array + size * (size_t)index, depth))
            return false;
    }
    return true;
}

static bool apply_value(struct applying *applying, const struct field *field, void *member)
{
    uint32_t count;
    if (!unpack_array(&applying->in, &count) || count != 2) return false;
    if (applying->direction == FORWARDS)
        return unpack_skip(&applying->in) && value_unpack(&applying->in, applying->arena, field, member);
    return value_unpack(&applying->in, applying->arena, field, member) && unpack_skip(&applying->in);
}

static bool apply_members(struct applying *applying, const struct fields *fields, void *value, unsigned depth)
{
    uint32_t count;
    int64_t last = -1;
    if (depth > LIMIT_JSON_DEPTH || !unpack_map(&applying->in, &count)) return false;
    while (count--) {
        const struct field *field;
        if (!value_unpack_tag(&applying->in, fields, &last, &field)) return false;
        bool applied;
        if (!field)
            applied = unpack_skip(&applying->in);
        else if (field->type == FIELD_STRUCT)
            applied = apply_members(applying, field->nested, member_of(field, value), depth + 1);
        else if (field_lists_structs(field))
            applied = apply_list(applying, field, member_of(field, value), depth + 1);
        else
            applied = apply_value(applying, field, member_of(field, value));
        if (!applied) return false;
    }
    return true;
}

bool schema_apply_shared(struct arena *arena, const struct shared *shared, const struct fields *fields,
                         struct text diff, void *value, enum direction direction)
{
    struct applying applying = {unpacker_of(diff), arena, direction};
    applying.in.shared = shared;
    return apply_members(&applying, fields, value, 1) && !applying.in.left;
}

/* ---- Rendering -------------------------------------------------------------------------------------------------- */

struct rendering {
    struct unpacker in;
    struct buffer *out;
    struct arena *arena; /* for what is decoded meanwhile */
    uint32_t relations;
    bool some; /* one was written already */
};

static bool render_members(struct rendering *rendering, const struct fields *fields, const struct path *path,
                           unsigned depth);

static bool render_list(struct rendering *rendering, const struct field *field, const struct path *path, unsigned depth)
{
    uint32_t old, new, listed;
    if (!unpack_list_head(&rendering->in, &old, &new, &listed)) return false;
    int64_t index = -1;
    while (listed--) {
        if (!unpack_index(&rendering->in, &index, old < new ? new : old)) return false;
        struct path element = path_element(path, (uint32_t)index);
        if (!render_members(rendering, field->nested, &element, depth)) return false;
    }
    return true;
}

static bool render_value(struct rendering *rendering, const struct field *field, const struct path *path)
{
    uint32_t count;
    union member_scalar old = {0}, new = {0};
    if (!unpack_array(&rendering->in, &count) || count != 2) return false;
    if (!value_unpack(&rendering->in, rendering->arena, field, &old)) return false;
    if (!value_unpack(&rendering->in, rendering->arena, field, &new)) return false;
    struct buffer *out = rendering->out;
    if (rendering->some) buffer_byte(out, ',');
    rendering->some = true;
    buffer_string(out, "{\"field\":\"");
    path_write(out, path);
    buffer_string(out, "\",\"old\":");
    schema_render_field(out, field, &old, rendering->relations);
    buffer_string(out, ",\"new\":");
    schema_render_field(out, field, &new, rendering->relations);
    buffer_byte(out, '}');
    return true;
}

static bool render_members(struct rendering *rendering, const struct fields *fields, const struct path *path,
                           unsigned depth)
{
    uint32_t count;
    int64_t last = -1;
    if (depth > LIMIT_JSON_DEPTH || !unpack_map(&rendering->in, &count)) return false;
    while (count--) {
        const struct field *field;
        if (!value_unpack_tag(&rendering->in, fields, &last, &field)) return false;
        if (!field || !field_visible(field, rendering->relations)) {
            if (!unpack_skip(&rendering->in)) return false;
            continue;
        }
        struct path member = path_member(path, text_of(field->name));
        if (field->type == FIELD_STRUCT  ? !render_members(rendering, field->nested, &member, depth + 1)
            : field_lists_structs(field) ? !render_list(rendering, field, &member, depth + 1)
                                         : !render_value(rendering, field, &member))
            return false;
    }
    return true;
}

/* Damaged bytes end the array early; what is written is JSON all the same. */
void schema_diff_render_shared(struct buffer *out, const struct shared *shared, const struct fields *fields,
                               struct text diff, uint32_t relations)
{
    struct rendering rendering = {unpacker_of(diff), out, arena_create(), relations, false};
    rendering.in.shared = shared;
    struct path root = {0};
    buffer_byte(out, '[');
    render_members(&rendering, fields, &root, 1);
    buffer_byte(out, ']');
    arena_destroy(rendering.arena);
}
