/* Members that are not made of structs, as MessagePack. See value.h. */
#include "schema/value.h"
#include <string.h>

/* ---- Writing ---------------------------------------------------------------------------------------------------- */

void value_pack_list(struct buffer *out, struct shared *shared, const struct field *field, const struct list *list)
{
    size_t size = field_element_size(field);
    if (field->type == FIELD_MAP) {
        const struct text_pair *pairs = list->at;
        pack_map(out, list->count);
        for (uint32_t i = 0; i < list->count; i++) {
            pack_text(out, pairs[i].key);
            pack_text(out, pairs[i].value);
        }
        return;
    }
    pack_array(out, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        value_pack(out, shared, field->element, list_element(list, size, i));
}

/* ---- Reading ---------------------------------------------------------------------------------------------------- */

static bool unpack_money(struct unpacker *in, struct money *money)
{
    uint32_t count;
    struct text currency;
    if (in->shared && unpack_comes_integer(in)) {
        *money = in->shared->nothing;
        return money->currency[0] && unpack_integer(in, &money->amount);
    }
    if (!unpack_array(in, &count) || count != 2) return false;
    if (!unpack_integer(in, &money->amount) || !unpack_text(in, &currency)) return false;
    if (currency.length >= sizeof money->currency) return false;
    for (uint32_t i = 0; i < currency.length; i++)
        if (currency.data[i] < 'A' || currency.data[i] > 'Z') return false; /* it is rendered as it is */
    memset(money->currency, 0, sizeof money->currency);
    memcpy(money->currency, currency.data, currency.length);
    return true;
}

static bool unpack_id(struct unpacker *in, struct id *id)
{
    int64_t number;
    struct text view;
    if (in->shared && unpack_comes_integer(in)) {
        if (!unpack_integer(in, &number) || number < 0 || number >= in->shared->count) return false;
        *id = in->shared->ids[number];
        return true;
    }
    if (!unpack_bytes(in, &view) || view.length != sizeof id->bytes) return false;
    memcpy(id->bytes, view.data, sizeof id->bytes);
    return true;
}

static bool unpack_number(struct unpacker *in, const struct field *field, void *member)
{
    int64_t integer;
    if (field->type == FIELD_TIME && in->shared && unpack_comes_true(in)) {
        bool now;
        *(int64_t *)member = in->shared->time;
        return unpack_boolean(in, &now);
    }
    if (!unpack_integer(in, &integer)) return false;
    if (field->type == FIELD_ENUM && (integer < 0 || integer >= field->values->count)) return false;
    if (field->type == FIELD_DATE && (integer < INT32_MIN || integer > INT32_MAX)) return false;
    member_set_integer(field, member, integer);
    return true;
}

static bool unpack_pairs(struct unpacker *in, struct arena *arena, struct list *list)
{
    uint32_t count;
    if (!unpack_map(in, &count)) return false;
    struct text_pair *pairs = count ? ARENA_ARRAY(arena, struct text_pair, count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        struct text key, value = {0};
        if (!unpack_text(in, &key)) return false;
        if (!unpack_nil(in) && !unpack_text(in, &value)) return false;
        pairs[i] = (struct text_pair){arena_text(arena, key), arena_text(arena, value)};
    }
    *list = (struct list){pairs, count};
    return true;
}

static bool unpack_list(struct unpacker *in, struct arena *arena, const struct field *field, struct list *list)
{
    uint32_t count;
    if (!unpack_array(in, &count)) return false;
    size_t size = field_element_size(field);
    char *array = count ? arena_alloc(arena, size * count) : NULL;
    for (uint32_t i = 0; i < count; i++)
        if (!value_unpack(in, arena, field->element, array + size * i)) return false;
    *list = (struct list){array, count};
    return true;
}

bool value_unpack(struct unpacker *in, struct arena *arena, const struct field *field, void *member)
{
    struct text view;
    if (unpack_nil(in)) {
        memset(member, 0, field_type_size(field->type));
        return true;
    }
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        if (!(field->type == FIELD_TEXT ? unpack_text(in, &view) : unpack_bytes(in, &view))) return false;
        *(struct text *)member = arena_text(arena, view);
        return true;
    case FIELD_ID: return unpack_id(in, member);
    case FIELD_BOOL: return unpack_boolean(in, member);
    case FIELD_MONEY: return unpack_money(in, member);
    case FIELD_MAP: return unpack_pairs(in, arena, member);
    case FIELD_LIST: return !field->nested && unpack_list(in, arena, field, member);
    case FIELD_STRUCT:
    case FIELD_TYPE_COUNT: return false;
    default: return unpack_number(in, field, member);
    }
}

/* ---- Rows ------------------------------------------------------------------------------------------------------- */

bool value_unpack_tag(struct unpacker *in, const struct fields *fields, int64_t *last, const struct field **field)
{
    int64_t tag;
    if (!unpack_integer(in, &tag) || tag <= *last || tag > UINT16_MAX) return false;
    *last = tag;
    *field = field_by_tag(fields, (uint16_t)tag);
    return true;
}
