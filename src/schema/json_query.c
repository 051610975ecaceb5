/* Query strings, bound like bodies: scalars only, every parameter known and given once. */
#include "schema/bind.h"
#include "schema/codec.h"
#include "schema/member.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False when a '%' is not followed by two digits, or what comes out is not UTF-8. */
static bool decode(struct arena *arena, struct text encoded, struct text *decoded)
{
    char *out = arena_alloc(arena, (size_t)encoded.length + 1);
    uint32_t length = 0;
    for (uint32_t i = 0; i < encoded.length; i++) {
        char c = encoded.data[i];
        if (c == '%') {
            int high = i + 2 < encoded.length ? hex_digit(encoded.data[i + 1]) : -1;
            int low = high < 0 ? -1 : hex_digit(encoded.data[i + 2]);
            if (low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+')
            c = ' ';
        out[length++] = c;
    }
    *decoded = (struct text){out, length};
    return text_is_utf8(*decoded);
}

static bool is_scalar(const struct field *field)
{
    return field->type != FIELD_STRUCT && field->type != FIELD_LIST && field->type != FIELD_MAP &&
           field->type != FIELD_MONEY;
}

static void bind_parameter(struct binder *binder, const struct field *field, const struct path *path, struct text text,
                           void *member)
{
    int64_t integer;
    switch ((enum field_type)field->type) {
    case FIELD_BOOL:
        if (text_is(text, "true"))
            *(bool *)member = true;
        else if (text_is(text, "false"))
            *(bool *)member = false;
        else
            bind_problem(binder, path, "wrong_type", "must be true or false");
        break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
        if (text_to_integer(text, &integer))
            bind_integer(binder, field, path, integer, member);
        else
            bind_not_an_integer(binder, field, path, text);
        break;
    default: bind_string(binder, field, path, text, member); break;
    }
}

/* Binds one `name=value`; returns its bit, 0 when the parameter is unknown. */
static uint64_t bind_pair(struct binder *binder, const struct fields *fields, struct text pair, uint64_t seen,
                          void *value)
{
    static const struct path ROOT;
    struct text encoded = pair, name, text;
    if (!decode(binder->arena, text_split(&encoded, '='), &name)) {
        bind_problem(binder, &ROOT, "bad_format", "a parameter name is not percent-encoded UTF-8");
        return 0;
    }
    struct path path = path_member(&ROOT, bind_excerpt(name));
    const struct field *field = field_by_name(fields, name);
    if (!field || !is_scalar(field) || (field->flags & READ_ONLY)) {
        bind_problem(binder, &path, "unknown_field", "is not a parameter of this request");
        return 0;
    }
    uint64_t bit = UINT64_C(1) << (field - fields->rows);
    if (seen & bit)
        bind_problem(binder, &path, "duplicate", "is given twice");
    else if (!decode(binder->arena, encoded, &text))
        bind_problem(binder, &path, "bad_format", "is not percent-encoded UTF-8");
    else
        bind_parameter(binder, field, &path, text, member_of(field, value));
    return bit;
}

enum error schema_bind_query(const struct fields *fields, struct text query, struct arena *arena, void *value,
                             struct binding *binding, struct problems *problems)
{
    struct binder binder = {arena, problems, false};
    struct path root = {0};
    *binding = (struct binding){0};
    if (!problems->arena) problems->arena = arena;
    schema_initialise(fields, value);
    while (query.length) {
        struct text pair = text_split(&query, '&');
        if (pair.length) binding->present |= bind_pair(&binder, fields, pair, binding->present, value);
    }
    bind_required(&binder, fields, &root, binding->present);
    return binder.failed ? ERROR_VALIDATION_FAILED : OK;
}
