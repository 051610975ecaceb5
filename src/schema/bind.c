/* Binding one value, and the problems that are found. See bind.h. */
#include "schema/bind.h"
#include "base/time.h"
#include "base/token.h"
#include "schema/format.h"
#include "schema/member.h"
#include <string.h>

enum { EXCERPT_MOST = 64 };

/* ---- Problems --------------------------------------------------------------------------------------------------- */

static void add(struct problems *problems, struct text path, const char *code, const char *format, va_list arguments)
{
    if (problems->count == PROBLEMS_MOST) return;
    if (problems->count == problems->capacity) {
        uint32_t capacity = problems->capacity ? problems->capacity * 2 : 4;
        if (capacity > PROBLEMS_MOST) capacity = PROBLEMS_MOST;
        struct problem *grown = ARENA_ARRAY(problems->arena, struct problem, capacity);
        if (problems->count) memcpy(grown, problems->at, sizeof *grown * problems->count);
        problems->at = grown;
        problems->capacity = capacity;
    }
    struct text error = arena_vformat(problems->arena, format, arguments);
    problems->at[problems->count++] = (struct problem){arena_text(problems->arena, path), code, error};
}

void problem_add(struct problems *problems, struct text path, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(problems, path, code, format, arguments);
    va_end(arguments);
}

void bind_problem(struct binder *binder, const struct path *path, const char *code, const char *format, ...)
{
    binder->failed = true;
    if (binder->problems->count == PROBLEMS_MOST) return;
    struct buffer text = {.arena = binder->arena};
    path_write(&text, path);
    va_list arguments;
    va_start(arguments, format);
    add(binder->problems, buffer_as_text(&text), code, format, arguments);
    va_end(arguments);
}

struct text bind_excerpt(struct text text)
{
    return text_prefix(text, EXCERPT_MOST);
}

void bind_required(struct binder *binder, const struct fields *fields, const struct path *path, uint64_t given)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!(field->flags & REQUIRED) || (field->flags & READ_ONLY) || (given & UINT64_C(1) << i)) continue;
        struct path member = path_member(path, text_of(field->name));
        bind_problem(binder, &member, "required", "is required");
    }
}

/* ---- Strings ---------------------------------------------------------------------------------------------------- */

static void bind_text(struct binder *binder, const struct field *field, const struct path *path, struct text text,
                      struct text *member)
{
    struct fault fault;
    if (field->type == FIELD_BYTES && !base64url_decode(binder->arena, text, &text))
        bind_problem(binder, path, "bad_format", "must be base64url without padding");
    else if (!format_accept(field, text, binder->arena, member, &fault))
        bind_problem(binder, path, fault.code, "%.*s", TEXT_ARGUMENTS(fault.error));
}

static void bind_enum(struct binder *binder, const struct field *field, const struct path *path, struct text text,
                      uint32_t *member)
{
    const struct enumeration *values = field->values;
    uint32_t value = enum_value(values, text);
    if (value) {
        *member = value;
        return;
    }
    struct buffer names = {.arena = binder->arena};
    for (uint32_t i = 1; i < values->count; i++) {
        if (i > 1) buffer_string(&names, i + 1 < values->count ? ", " : " or ");
        buffer_string(&names, values->values[i]);
    }
    bind_problem(binder, path, "not_one_of", "must be %s%.*s", values->count > 2 ? "one of " : "",
                 TEXT_ARGUMENTS(buffer_as_text(&names)));
}

static void bind_time(struct binder *binder, const struct path *path, struct text text, int64_t *member)
{
    int64_t time_ms;
    if (!time_parse(text, &time_ms))
        bind_problem(binder, path, "bad_format", "must be a time such as 2026-01-31T12:00:00Z, from 1970 on");
    else if (!time_ms)
        bind_problem(binder, path, "too_small", "must be later than 1970-01-01T00:00:00Z");
    else
        *member = time_ms;
}

void bind_string(struct binder *binder, const struct field *field, const struct path *path, struct text text,
                 void *member)
{
    struct id id;
    switch ((enum field_type)field->type) {
    case FIELD_ENUM: bind_enum(binder, field, path, text, member); break;
    case FIELD_TIME: bind_time(binder, path, text, member); break;
    case FIELD_DATE:
        if (!date_parse(text, member))
            bind_problem(binder, path, "bad_format", "must be a day that exists, such as 2026-01-31");
        break;
    case FIELD_ID:
        if (!id_parse(text, &id) || id_is_none(id))
            bind_problem(binder, path, "bad_format", "must be an id such as 0190f0a4-7c1e-7000-8000-00000000002a");
        else
            *(struct id *)member = id;
        break;
    default: bind_text(binder, field, path, text, member); break;
    }
}

/* ---- Integers --------------------------------------------------------------------------------------------------- */

static void too_large(struct binder *binder, const struct path *path, int64_t most)
{
    bind_problem(binder, path, "too_large", "must be at most %lld", (long long)most);
}

static void too_small(struct binder *binder, const struct path *path, int64_t least)
{
    bind_problem(binder, path, "too_small", "must be at least %lld", (long long)least);
}

void bind_integer(struct binder *binder, const struct field *field, const struct path *path, int64_t integer,
                  void *member)
{
    int64_t least, most;
    bool limited = integer_range(field, &least, &most);
    if (limited && integer < least)
        too_small(binder, path, least);
    else if (limited && integer > most)
        too_large(binder, path, most);
    else
        *(int64_t *)member = integer;
}

void bind_not_an_integer(struct binder *binder, const struct field *field, const struct path *path, struct text digits)
{
    int64_t least, most;
    bool limited = integer_range(field, &least, &most), negative = digits.length && digits.data[0] == '-';
    bool whole = digits.length > negative;
    for (uint32_t i = negative; i < digits.length; i++)
        whole &= digits.data[i] >= '0' && digits.data[i] <= '9';
    if (!whole)
        bind_problem(binder, path, "wrong_type", "must be a whole number, written without fraction and exponent");
    else if (negative)
        too_small(binder, path, limited ? least : INT64_MIN);
    else
        too_large(binder, path, limited ? most : INT64_MAX);
}
