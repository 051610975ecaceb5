/* What a field table does to a value: copies, MessagePack snapshots and diffs (libmpack).

   A snapshot is a map from tag to value of every member that is not zero. A diff is a map from tag to change:
     scalar, list of scalars, map   [old, new]          (nil: absent)
     struct                         a diff
     list of structs                [old count, new count, {index: diff}]; elements past the old count differ from zero,
                                    elements past the new count differ to zero
   so it can be applied forwards and backwards. Members flagged PERSONAL (with all they nest) are the personal part, the
   rest is the open part; the caller encodes each alone and seals the personal one. */
#pragma once
#include "base/buffer.h"
#include "schema/field.h"

enum part { PART_OPEN = 1, PART_PERSONAL = 2, PART_BOTH = 3 };
enum direction { FORWARDS, BACKWARDS };

bool schema_has_personal(const struct fields *fields);
bool schema_equal(const struct fields *fields, const void *a, const void *b);
/* A deep copy in an arena. */
void *schema_clone(const struct fields *fields, const void *value, struct arena *arena);
/* A copy in an arena whose lists are its own and whose texts are the value's, which has to outlive it. */
void *schema_editable(const struct fields *fields, const void *value, struct arena *arena);
bool schema_is_flat(const struct fields *fields); /* neither texts nor lists: its bytes are all of it */
/* A deep copy in one piece of malloc's: `front` bytes (a multiple of 16) for the caller, then `*size`, beginning with the
   struct itself. */
void *schema_compact(const struct fields *fields, const void *value, size_t front, size_t *size);
void schema_initialise(const struct fields *fields, void *value); /* sets .initial values in a zeroed struct */

/* Each in two forms: of bytes that stand alone, and of parts of a record, which share what its head says (shared.h). */
struct shared;
void schema_snapshot_shared(struct buffer *out, struct shared *shared, const struct fields *fields, const void *value,
                            enum part part);
static inline void schema_snapshot(struct buffer *out, const struct fields *fields, const void *value, enum part part)
{
    schema_snapshot_shared(out, NULL, fields, value, part);
}
/* Merges a snapshot into a value (zeroed, or holding the other part). False on damaged or foreign bytes; never reads
   beyond them, allocates at most a small multiple of their length. Unknown tags are skipped. Texts are copied. */
bool schema_restore_shared(struct arena *arena, const struct shared *shared, const struct fields *fields,
                           struct text bytes, void *value);
static inline bool schema_restore(struct arena *arena, const struct fields *fields, struct text bytes, void *value)
{
    return schema_restore_shared(arena, NULL, fields, bytes, value);
}
/* Appends the diff of the part; before may be NULL (the zero value). False and nothing appended when equal. */
bool schema_diff_shared(struct buffer *out, struct shared *shared, const struct fields *fields, const void *before,
                        const void *after, enum part part);
static inline bool schema_diff(struct buffer *out, const struct fields *fields, const void *before, const void *after,
                               enum part part)
{
    return schema_diff_shared(out, NULL, fields, before, after, part);
}
/* Changes a value (a clone or a shallow copy whose lists may be shared: what changes is copied first) along a diff. */
bool schema_apply_shared(struct arena *arena, const struct shared *shared, const struct fields *fields,
                         struct text diff, void *value, enum direction direction);
static inline bool schema_apply(struct arena *arena, const struct fields *fields, struct text diff, void *value,
                                enum direction direction)
{
    return schema_apply_shared(arena, NULL, fields, diff, value, direction);
}
/* The diff as a JSON array [{"field": "items[1].status", "old": …, "new": …}] of what these relations may see. */
void schema_diff_render_shared(struct buffer *out, const struct shared *shared, const struct fields *fields,
                               struct text diff, uint32_t relations);
static inline void schema_diff_render(struct buffer *out, const struct fields *fields, struct text diff,
                                      uint32_t relations)
{
    schema_diff_render_shared(out, NULL, fields, diff, relations);
}
