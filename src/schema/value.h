/* Members that are not made of structs, as MessagePack: scalars, lists of scalars, maps. The zero value is nil.
     text str · bytes, id bin · enum, integer, basis points, time, date int · bool · money [amount, currency]
     list of scalars array · map of texts map, in the order it has */
#pragma once
#include "schema/codec.h"
#include "schema/member.h"
#include "schema/pack.h"

void value_pack_list(struct buffer *out, const struct field *field, const struct list *list);
static inline void value_pack_money(struct buffer *out, const struct money *money)
{
    pack_array(out, 2);
    pack_integer(out, money->amount);
    pack_text(out, (struct text){money->currency, (uint32_t)strnlen(money->currency, sizeof money->currency - 1)});
}
static inline void value_pack(struct buffer *out, const struct field *field, const void *member)
{
    if (member_is_zero(field, member)) {
        pack_nil(out);
        return;
    }
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: pack_text(out, *(const struct text *)member); break;
    case FIELD_BYTES: pack_bytes(out, *(const struct text *)member); break;
    case FIELD_BOOL: pack_boolean(out, true); break;
    case FIELD_ID: pack_bytes(out, (struct text){member, sizeof(struct id)}); break;
    case FIELD_LIST:
    case FIELD_MAP: value_pack_list(out, field, member); break;
    case FIELD_MONEY: value_pack_money(out, member); break;
    default: pack_integer(out, member_integer(field, member)); break;
    }
}
/* False on damaged bytes and on values of another type. Everything is copied into the arena. */
bool value_unpack(struct unpacker *in, struct arena *arena, const struct field *field, void *member);

/* The next tag of a map with ascending tags: its row, or NULL for a tag that this table does not know. False on damage.
   `last` starts as -1. */
bool value_unpack_tag(struct unpacker *in, const struct fields *fields, int64_t *last, const struct field **field);
/* What of a row belongs to a part? False: nothing; else *inner is the part of the structs it nests. */
static inline bool field_in_part(const struct field *field, enum part part, enum part *inner)
{
    *inner = part;
    if (part == PART_BOTH) return true;
    if (field->flags & PERSONAL) {
        *inner = PART_BOTH;
        return part == PART_PERSONAL;
    }
    return part == PART_OPEN || (field->nested && schema_has_personal(field->nested));
}
