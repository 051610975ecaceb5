/* JSON out: rendering a value by its table. The hottest loop of a read, so numbers, times and names are written straight
   into the buffer. */
#include "schema/json.h"
#include "base/time.h"
#include "schema/member.h"
#include <sodium.h>
#include <string.h>

/* "•••", and how much of a masked text stays readable. */
static const char MASK[] = "\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2";
enum { MASKED_SHOWN = 4, MASKED_LEAST = 8 };

static void write_null(struct buffer *out)
{
    buffer_bytes(out, "null", 4);
}

static void write_masked(struct buffer *out, struct text text)
{
    if (!text.data) {
        write_null(out);
        return;
    }
    uint32_t characters = text_code_points(text), hidden = text.length;
    if (characters >= MASKED_LEAST) hidden = text_prefix(text, characters - MASKED_SHOWN).length;
    struct text shown = {text.data + hidden, text.length - hidden};
    buffer_byte(out, '"');
    buffer_bytes(out, MASK, sizeof MASK - 1);
    size_t quote = out->length;
    buffer_json_text(out, shown);
    /* The quote before what is shown goes. */
    memmove(out->data + quote, out->data + quote + 1, out->length - quote - 1);
    out->length--;
}

static void write_base64(struct buffer *out, struct text bytes)
{
    if (!bytes.data) {
        write_null(out);
        return;
    }
    size_t room = sodium_base64_ENCODED_LEN(bytes.length, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *end = buffer_reserve(out, room + 2);
    *end = '"';
    sodium_bin2base64(end + 1, room, (const unsigned char *)bytes.data, bytes.length,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    end[room] = '"'; /* over the terminating zero that `room` counts */
    out->length += room + 1;
}

/* Names and numbers are short: two words that overlap are copied without a call. */
static inline char *copy_short(char *out, const char *from, uint32_t length)
{
    enum { WORD = sizeof(uint64_t) };
    if (length >= WORD && length <= 2 * WORD) {
        memcpy(out, from, WORD);
        memcpy(out + length - WORD, from + length - WORD, WORD);
    } else if (length >= WORD / 2 && length < WORD) {
        memcpy(out, from, WORD / 2);
        memcpy(out + length - WORD / 2, from + length - WORD / 2, WORD / 2);
    } else {
        memcpy(out, from, length);
    }
    return out + length;
}

/* Texts that need no escaping. */
static void write_quoted(struct buffer *out, const char *text, size_t length)
{
    char *end = buffer_reserve(out, length + 2);
    end[0] = '"';
    copy_short(end + 1, text, (uint32_t)length);
    end[length + 1] = '"';
    out->length += length + 2;
}

static void write_money(struct buffer *out, const struct money *money)
{
    if (money_is_absent(*money)) {
        write_null(out);
        return;
    }
    static const char begin[] = "{\"amount\":", between[] = ",\"currency\":\"", end[] = "\"}";
    char digits[INTEGER_TEXT_MOST];
    struct text amount = integer_text(digits, money->amount);
    size_t length = strnlen(money->currency, sizeof money->currency);
    char *at =
        buffer_reserve(out, sizeof begin + INTEGER_TEXT_MOST + sizeof between + sizeof money->currency + sizeof end);
    memcpy(at, begin, sizeof begin - 1);
    at = copy_short(at + sizeof begin - 1, amount.data, amount.length);
    memcpy(at, between, sizeof between - 1);
    memcpy(at + sizeof between - 1, money->currency, sizeof money->currency);
    memcpy(at + sizeof between - 1 + length, end, sizeof end - 1);
    out->length = (size_t)(at - out->data) + sizeof between - 1 + length + sizeof end - 1;
}

static void write_time(struct buffer *out, int64_t time_ms)
{
    if (!time_ms) {
        write_null(out);
        return;
    }
    char *end = buffer_reserve(out, TIME_TEXT_LENGTH + 2);
    time_format(time_ms, end + 1);
    end[0] = end[TIME_TEXT_LENGTH + 1] = '"';
    out->length += TIME_TEXT_LENGTH + 2;
}

static void write_date(struct buffer *out, int32_t date)
{
    char text[11];
    if (!date) {
        write_null(out);
        return;
    }
    date_format(date, text);
    write_quoted(out, text, sizeof text - 1);
}

static void write_id(struct buffer *out, struct id id)
{
    if (id_is_none(id)) {
        write_null(out);
        return;
    }
    char *end = buffer_reserve(out, ID_TEXT_LENGTH + 2);
    id_format(id, end + 1); /* its zero is where the other quote goes */
    end[0] = end[ID_TEXT_LENGTH + 1] = '"';
    out->length += ID_TEXT_LENGTH + 2;
}

static void write_enum(struct buffer *out, const struct enumeration *values, uint32_t value)
{
    if (!value || value >= values->count)
        write_null(out);
    else
        write_quoted(out, values->values[value], strlen(values->values[value]));
}

static void write_text(struct buffer *out, struct text text, uint32_t flags)
{
    if (flags & MASKED)
        write_masked(out, text);
    else if (flags & ANY_JSON && text.data)
        buffer_text(out, text);
    else
        buffer_json_text(out, text);
}

static void write_map(struct buffer *out, const struct field *field, const struct list *list)
{
    const struct text_pair *pairs = list->at;
    buffer_byte(out, '{');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i) buffer_byte(out, ',');
        buffer_json_text(out, pairs[i].key);
        buffer_byte(out, ':');
        write_text(out, pairs[i].value, field->flags);
    }
    buffer_byte(out, '}');
}

static void write_scalar(struct buffer *out, const struct field *field, const void *member, uint32_t flags);

static void write_list(struct buffer *out, const struct field *field, const struct list *list, uint32_t relations)
{
    size_t size = field_element_size(field);
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < list->count; i++) {
        if (i) buffer_byte(out, ',');
        const void *element = list_element(list, size, i);
        if (field->nested)
            schema_render(out, field->nested, element, relations);
        else
            write_scalar(out, field->element, element, field->flags | field->element->flags);
    }
    buffer_byte(out, ']');
}

static void write_scalar(struct buffer *out, const struct field *field, const void *member, uint32_t flags)
{
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: write_text(out, *(const struct text *)member, flags); break;
    case FIELD_BYTES: write_base64(out, *(const struct text *)member); break;
    case FIELD_ENUM: write_enum(out, field->values, *(const uint32_t *)member); break;
    case FIELD_MONEY: write_money(out, member); break;
    case FIELD_TIME: write_time(out, *(const int64_t *)member); break;
    case FIELD_DATE: write_date(out, *(const int32_t *)member); break;
    case FIELD_ID: write_id(out, *(const struct id *)member); break;
    case FIELD_BOOL:
        if (*(const bool *)member)
            buffer_bytes(out, "true", 4);
        else
            buffer_bytes(out, "false", 5);
        break;
    default:
        if ((flags & OPTIONAL) && !*(const int64_t *)member)
            write_null(out);
        else
            buffer_integer(out, *(const int64_t *)member);
    }
}

void schema_render_field(struct buffer *out, const struct field *field, const void *member, uint32_t relations)
{
    if (field->flags & SECRET) {
        write_null(out);
        return;
    }
    switch ((enum field_type)field->type) {
    case FIELD_STRUCT:
        if ((field->flags & OPTIONAL) && fields_are_zero(field->nested, member))
            write_null(out);
        else
            schema_render(out, field->nested, member, relations);
        break;
    case FIELD_LIST: write_list(out, field, member, relations); break;
    case FIELD_MAP: write_map(out, field, member); break;
    default: write_scalar(out, field, member, field->flags); break;
    }
}

bool schema_render_members(struct buffer *out, const struct fields *fields, const void *value, uint32_t relations)
{
    bool some = false;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!field_visible(field, relations)) continue;
        char *end = buffer_reserve(out, FIELD_NAME_MOST + 4), *at = end;
        if (some) *at++ = ',';
        *at++ = '"';
        at = copy_short(at, field->name, field->name_length);
        *at++ = '"';
        *at++ = ':';
        out->length += (size_t)(at - end);
        some = true;
        schema_render_field(out, field, (const char *)value + field->offset, relations);
    }
    return some;
}

void schema_render(struct buffer *out, const struct fields *fields, const void *value, uint32_t relations)
{
    buffer_byte(out, '{');
    schema_render_members(out, fields, value, relations);
    buffer_byte(out, '}');
}

void schema_render_problems(struct buffer *out, const struct problems *problems)
{
    buffer_byte(out, '[');
    for (uint32_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->at[i];
        buffer_string(out, i ? ",{\"path\":" : "{\"path\":");
        buffer_json_text(out, problem->path.data ? problem->path : LITERAL(""));
        buffer_string(out, ",\"code\":");
        write_quoted(out, problem->code, strlen(problem->code));
        buffer_string(out, ",\"error\":");
        buffer_json_text(out, problem->error);
        buffer_byte(out, '}');
    }
    buffer_byte(out, ']');
}
