/* Members that are not made of structs, as MessagePack: scalars, lists of scalars, maps. The zero value is nil.
     text str · bytes, id bin · enum, integer, basis points, time, date int · bool · money [amount, currency]
     list of scalars array · map of texts map, in the order it has */
#pragma once
#include "schema/codec.h"
#include "schema/member.h"
#include "schema/pack.h"

void value_pack(struct buffer *out, const struct field *field, const void *member);
/* False on damaged bytes and on values of another type. Everything is copied into the arena. */
bool value_unpack(struct unpacker *in, struct arena *arena, const struct field *field, void *member);

/* The next tag of a map with ascending tags: its row, or NULL for a tag that this table does not know. False on damage.
   `last` starts as -1. */
bool value_unpack_tag(struct unpacker *in, const struct fields *fields, int64_t *last, const struct field **field);
/* What of a row belongs to a part? False: nothing; else *inner is the part of the structs it nests. */
bool field_in_part(const struct field *field, enum part part, enum part *inner);
