/* Snapshots: a value as a map from tag to member. Members that are zero are left out, so a new row costs old values
   nothing, and a value has one encoding. */
#include "schema/codec.h"
#include "base/limits.h"
#include "schema/value.h"

bool schema_has_personal(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->flags & PERSONAL) return true;
        if (field->nested && field->nested != fields && schema_has_personal(field->nested)) return true;
    }
    return false;
}

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

static uint32_t write_members(struct buffer *out, struct shared *shared, const struct fields *fields, const void *value,
                              enum part part);

/* The open part says how many elements there are; the personal part follows only where an element has one. */
static bool write_list(struct buffer *out, struct shared *shared, const struct field *field, const struct list *list,
                       enum part part)
{
    uint32_t written = 0;
    pack_array(out, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        written += write_members(out, shared, field->nested, list_element(list, field->nested->size, i), part);
    return written || part != PART_PERSONAL;
}

/* A member that is no scalar. False: nothing of it is in this part. */
static bool write_member(struct buffer *out, struct shared *shared, const struct field *field, const void *member,
                         enum part part)
{
    size_t start = out->length;
    pack_integer(out, field->tag);
    bool written = true;
    if (field->type == FIELD_STRUCT)
        written = write_members(out, shared, field->nested, member, part) > 0;
    else if (field_lists_structs(field))
        written = write_list(out, shared, field, member, part);
    else
        value_pack(out, shared, field, member);
    if (!written) out->length = start;
    return written;
}

/* Returns the number of members written. Most members are scalars, and many of them zero: these go without a call. */
static uint32_t write_members(struct buffer *out, struct shared *shared, const struct fields *fields, const void *value,
                              enum part part)
{
    size_t opened = pack_map_open(out);
    uint32_t count = 0;
    const struct field *end = fields->rows + fields->count;
    for (const struct field *field = fields->rows; field < end; field++) {
        const void *member = (const char *)value + field->offset;
        enum part inner;
        if (!value_is_scalar(field)) {
            /* a nested struct that is zero is found out by writing it */
            if (field->type != FIELD_STRUCT && member_is_zero(field, member)) continue;
            if (!field_in_part(field, part, &inner)) continue;
            count += write_member(out, shared, field, member, inner);
            continue;
        }
        if (part != PART_BOTH && !(field->flags & PERSONAL) != (part == PART_OPEN)) continue;
        char *at = buffer_reserve(out, PACK_SCALAR_MOST);
        at = value_put(pack_put_integer(at, field->tag), shared, field, member);
        if (!at) continue;
        out->length = (size_t)(at - out->data);
        count++;
    }
    pack_map_close(out, opened, count);
    return count;
}

void schema_snapshot_shared(struct buffer *out, struct shared *shared, const struct fields *fields, const void *value,
                            enum part part)
{
    write_members(out, shared, fields, value, part);
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static bool read_members(struct unpacker *in, struct arena *arena, const struct fields *fields, void *value,
                         unsigned depth);

/* The part read first makes the elements, the other one fills them up. */
static bool read_list(struct unpacker *in, struct arena *arena, const struct field *field, struct list *list,
                      unsigned depth)
{
    uint32_t count;
    size_t size = field->nested->size;
    if (!unpack_array(in, &count)) return false;
    if (!list->count && count) *list = (struct list){arena_alloc(arena, size * count), count};
    if (list->count != count) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!read_members(in, arena, field->nested, (char *)list->at + size * i, depth)) return false;
    return true;
}

static bool read_members(struct unpacker *in, struct arena *arena, const struct fields *fields, void *value,
                         unsigned depth)
{
    uint32_t count;
    int64_t last = -1;
    if (depth > LIMIT_JSON_DEPTH || !unpack_map(in, &count)) return false;
    while (count--) {
        const struct field *field;
        if (!value_unpack_tag(in, fields, &last, &field)) return false;
        bool read;
        if (!field)
            read = unpack_skip(in);
        else if (field->type == FIELD_STRUCT)
            read = read_members(in, arena, field->nested, member_of(field, value), depth + 1);
        else if (field_lists_structs(field))
            read = read_list(in, arena, field, member_of(field, value), depth + 1);
        else
            read = value_unpack(in, arena, field, member_of(field, value));
        if (!read) return false;
    }
    return true;
}

bool schema_restore_shared(struct arena *arena, const struct shared *shared, const struct fields *fields,
                           struct text bytes, void *value)
{
    struct unpacker in = unpacker_of(bytes);
    in.shared = shared;
    return read_members(&in, arena, fields, value, 1) && !in.left;
}
