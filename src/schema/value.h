/* Members that are not made of structs, as MessagePack: scalars, lists of scalars, maps. The zero value is nil.
     text str · bytes, id bin · enum, integer, basis points, time, date int · bool · money [amount, currency]
     list of scalars array · map of texts map, in the order it has
   Ids, times and amounts of a record's parts may be shorter (shared.h). */
#pragma once
#include "schema/codec.h"
#include "schema/member.h"
#include "schema/pack.h"
#include "schema/shared.h"

void value_pack_list(struct buffer *out, struct shared *shared, const struct field *field, const struct list *list);
static inline void value_pack_money(struct buffer *out, struct shared *shared, const struct money *money)
{
    if (shared && shared_currency(shared, money)) {
        pack_integer(out, money->amount);
        return;
    }
    pack_array(out, 2);
    pack_integer(out, money->amount);
    pack_text(out, (struct text){money->currency, (uint32_t)strnlen(money->currency, sizeof money->currency - 1)});
}
static inline void value_pack_id(struct buffer *out, struct shared *shared, const struct id *id)
{
    uint32_t number = shared ? shared_number(shared, *id) : SHARED_IDS_MOST;
    if (number < SHARED_IDS_MOST)
        pack_integer(out, number);
    else
        pack_bytes(out, (struct text){(const char *)id->bytes, sizeof id->bytes});
}
static inline void value_pack_time(struct buffer *out, const struct shared *shared, int64_t time)
{
    if (shared && time == shared->time)
        pack_boolean(out, true);
    else
        pack_integer(out, time);
}
static inline void value_pack(struct buffer *out, struct shared *shared, const struct field *field, const void *member)
{
    if (member_is_zero(field, member)) {
        pack_nil(out);
        return;
    }
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: pack_text(out, *(const struct text *)member); break;
    case FIELD_BYTES: pack_bytes(out, *(const struct text *)member); break;
    case FIELD_BOOL: pack_boolean(out, true); break;
    case FIELD_ID: value_pack_id(out, shared, member); break;
    case FIELD_LIST:
    case FIELD_MAP: value_pack_list(out, shared, field, member); break;
    case FIELD_MONEY: value_pack_money(out, shared, member); break;
    case FIELD_TIME: value_pack_time(out, shared, *(const int64_t *)member); break;
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
