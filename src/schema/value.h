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
static inline char *value_put_text(char *at, struct text text)
{
    *at++ = (char)(PACK_FIXSTR | text.length);
    memcpy(at, text.data, text.length);
    return at + text.length;
}
static inline char *value_put_money(char *at, struct shared *shared, const struct money *money)
{
    if (shared && shared_currency(shared, money)) return pack_put_integer(at, money->amount);
    *at++ = (char)(PACK_FIXARRAY | 2);
    at = pack_put_integer(at, money->amount);
    return value_put_text(
        at, (struct text){money->currency, (uint32_t)strnlen(money->currency, sizeof money->currency - 1)});
}
static inline char *value_put_id(char *at, struct shared *shared, const struct id *id)
{
    uint32_t number = shared ? shared_number(shared, *id) : SHARED_IDS_MOST;
    if (number < SHARED_IDS_MOST) return pack_put_integer(at, number);
    *at++ = (char)PACK_BIN_8;
    *at++ = (char)sizeof id->bytes;
    memcpy(at, id->bytes, sizeof id->bytes);
    return at + sizeof id->bytes;
}
static inline char *value_put_time(char *at, const struct shared *shared, int64_t time)
{
    if (!shared || time != shared->time) return pack_put_integer(at, time);
    *at = (char)PACK_TRUE;
    return at + 1;
}
/* Of a member that is neither text nor list, where PACK_SCALAR_MOST bytes are free; NULL: it is zero. */
static inline char *value_put(char *at, struct shared *shared, const struct field *field, const void *member)
{
    if (field->type != FIELD_ID && field->type != FIELD_MONEY) {
        int64_t integer = member_integer(field, member);
        if (!integer) return NULL;
        if (field->type == FIELD_TIME) return value_put_time(at, shared, integer);
        if (field->type != FIELD_BOOL) return pack_put_integer(at, integer);
        *at = (char)PACK_TRUE;
        return at + 1;
    }
    if (member_is_zero(field, member)) return NULL;
    return field->type == FIELD_ID ? value_put_id(at, shared, member) : value_put_money(at, shared, member);
}
static inline bool value_is_scalar(const struct field *field)
{
    enum {
        OTHERS = 1 << FIELD_TEXT | 1 << FIELD_BYTES | 1 << FIELD_STRUCT | 1 << FIELD_LIST | 1 << FIELD_MAP,
    };
    return !(OTHERS >> field->type & 1);
}
static inline void value_pack(struct buffer *out, struct shared *shared, const struct field *field, const void *member)
{
    if (value_is_scalar(field)) {
        char *at = buffer_reserve(out, PACK_SCALAR_MOST), *end = value_put(at, shared, field, member);
        if (end)
            out->length += (size_t)(end - at);
        else
            pack_nil(out);
        return;
    }
    if (member_is_zero(field, member)) {
        pack_nil(out);
        return;
    }
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: pack_text(out, *(const struct text *)member); break;
    case FIELD_BYTES: pack_bytes(out, *(const struct text *)member); break;
    default: value_pack_list(out, shared, field, member); break;
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
