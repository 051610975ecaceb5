/* What a table says, for machines (JSON Schema 2020-12) and for people (Markdown).

   Inputs are closed: a member that no row names is refused. Outputs are open, and promise no lengths and ranges: those
   are rules for what comes in. */
#include "schema/json.h"
#include "base/check.h"
#include "schema/format.h"
#include "schema/member.h"

enum { REFERENCE_DEPTH = 8 };

/* ---- JSON Schema ------------------------------------------------------------------------------------------------ */

/* The place of a table in what is described: at the top, nested in it, or as the element of a list. */
enum place { AT_TOP, NESTED, ELEMENT_OF_LIST };

static void describe_object(struct buffer *out, const struct fields *fields, enum schema_shape shape, enum place place);

static void write_type(struct buffer *out, const char *type, bool nullable)
{
    buffer_format(out, nullable ? "\"type\":[\"%s\",\"null\"]" : "\"type\":\"%s\"", type);
}

static bool has_id_row(const struct fields *fields)
{
    const struct field *row = field_by_name(fields, LITERAL("id"));
    return row && row->type == FIELD_ID;
}

static bool takes_part(const struct field *field, enum schema_shape shape, enum place place)
{
    if (shape == SHAPE_OUTPUT) return !(field->flags & SECRET);
    bool chooses_element = shape == SHAPE_PATCH && place == ELEMENT_OF_LIST && field->type == FIELD_ID &&
                           text_is(LITERAL("id"), field->name);
    if (field->flags & READ_ONLY) return chooses_element;
    return !(shape == SHAPE_PATCH && place == AT_TOP && (field->flags & CREATE_ONLY));
}

static bool is_required(const struct field *field, const struct fields *fields, enum schema_shape shape,
                        enum place place)
{
    if (shape == SHAPE_OUTPUT) return !field->sees;
    if (!(field->flags & REQUIRED) || (field->flags & READ_ONLY)) return false;
    return shape == SHAPE_CREATE || (place == ELEMENT_OF_LIST && !has_id_row(fields));
}

/* May the member be null? Going out: when its zero value is shown as null and nothing says that it is there. A nested
   struct may be absent as a whole, its required members with it. */
static bool is_nullable(const struct field *field, enum schema_shape shape, enum place place)
{
    if (shape != SHAPE_OUTPUT) return !(field->flags & (REQUIRED | KEPT));
    switch ((enum field_type)field->type) {
    case FIELD_BOOL:
    case FIELD_LIST:
    case FIELD_MAP: return false;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
    case FIELD_STRUCT: return field->flags & OPTIONAL;
    default: return !(field->flags & REQUIRED) || (field->flags & PERSONAL) || place == NESTED;
    }
}

static void describe_text(struct buffer *out, const struct field *field, enum schema_shape shape, uint32_t flags)
{
    enum text_format format = field->format;
    if (flags & MASKED && shape == SHAPE_OUTPUT) return;
    if (format == FORMAT_EMAIL) buffer_string(out, ",\"format\":\"email\"");
    if (format == FORMAT_PICTURE) buffer_string(out, ",\"format\":\"uri-reference\"");
    if (format == FORMAT_URL) buffer_string(out, ",\"format\":\"uri\"");
    if (shape == SHAPE_OUTPUT) return;
    if (format == FORMAT_PASSWORD) buffer_string(out, ",\"format\":\"password\"");
    /* A character has one to four bytes. */
    long long least = text_least(field), most = text_most(field);
    if (text_counts_bytes(field)) least = (least + 3) / 4;
    if (least) buffer_format(out, ",\"minLength\":%lld", least);
    buffer_format(out, ",\"maxLength\":%lld", most);
    if (!format_pattern(format)) return;
    buffer_string(out, ",\"pattern\":");
    buffer_json_text(out, text_of(format_pattern(format)));
}

static void describe_bytes(struct buffer *out, const struct field *field, enum schema_shape shape)
{
    buffer_string(out, ",\"contentEncoding\":\"base64url\"");
    if (shape == SHAPE_OUTPUT) return;
    long long least = text_least(field), most = text_most(field);
    if (least) buffer_format(out, ",\"minLength\":%lld", (least * 4 + 2) / 3);
    buffer_format(out, ",\"maxLength\":%lld", (most * 4 + 2) / 3);
}

static void describe_enum(struct buffer *out, const struct enumeration *values, bool nullable)
{
    buffer_string(out, ",\"enum\":[");
    for (uint32_t i = 1; i < values->count; i++)
        buffer_format(out, "%s\"%s\"", i > 1 ? "," : "", values->values[i]);
    buffer_string(out, nullable ? ",null]" : "]");
}

static void describe_range(struct buffer *out, const struct field *field, enum schema_shape shape)
{
    int64_t least, most;
    buffer_string(out, ",\"format\":\"int64\"");
    if (shape == SHAPE_OUTPUT || !integer_range(field, &least, &most)) return;
    buffer_format(out, ",\"minimum\":%lld,\"maximum\":%lld", (long long)least, (long long)most);
}

static void describe_money(struct buffer *out, const struct field *field, enum schema_shape shape)
{
    buffer_string(out, ",\"properties\":{\"amount\":{\"type\":\"integer\"");
    describe_range(out, field, shape);
    buffer_string(out, "},\"currency\":{\"type\":\"string\",\"pattern\":");
    buffer_json_text(out, text_of(format_pattern(FORMAT_CURRENCY)));
    buffer_string(out, "}},\"required\":[\"amount\",\"currency\"],\"additionalProperties\":false");
}

static void describe_value(struct buffer *out, const struct field *field, enum schema_shape shape, bool nullable,
                           uint32_t flags);

static void describe_list(struct buffer *out, const struct field *field, enum schema_shape shape)
{
    buffer_string(out, ",\"items\":{");
    if (!field->nested)
        describe_value(out, field->element, shape, false, field->flags);
    else {
        write_type(out, "object", false);
        describe_object(out, field->nested, shape, ELEMENT_OF_LIST);
    }
    buffer_byte(out, '}');
    if (shape == SHAPE_OUTPUT) return;
    long long least = field->min ? field->min : (field->flags & REQUIRED) != 0;
    if (least) buffer_format(out, ",\"minItems\":%lld", least);
    buffer_format(out, ",\"maxItems\":%lld", (long long)list_most(field));
}

static void describe_map(struct buffer *out, const struct field *field, enum schema_shape shape)
{
    static const struct field VALUE = ELEMENT(FIELD_TEXT, struct text, .max = MAP_VALUE_MOST_DEFAULT);
    buffer_string(out, ",\"additionalProperties\":{");
    describe_value(out, field->element ? field->element : &VALUE, shape, false, field->flags);
    buffer_byte(out, '}');
    if (shape == SHAPE_OUTPUT) return;
    buffer_format(out, ",\"propertyNames\":{\"minLength\":1,\"maxLength\":%d}", MAP_KEY_MOST);
    long long least = field->min ? field->min : (field->flags & REQUIRED) != 0;
    if (least) buffer_format(out, ",\"minProperties\":%lld", least);
    buffer_format(out, ",\"maxProperties\":%lld", (long long)list_most(field));
}

/* The name of each type in JSON Schema, and the format that says more. */
static const struct {
    const char *type, *format;
} JSON_TYPES[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = {"string", NULL},  [FIELD_BYTES] = {"string", NULL},       [FIELD_ENUM] = {"string", NULL},
    [FIELD_BOOL] = {"boolean", NULL}, [FIELD_INTEGER] = {"integer", NULL},    [FIELD_BASIS_POINTS] = {"integer", NULL},
    [FIELD_MONEY] = {"object", NULL}, [FIELD_TIME] = {"string", "date-time"}, [FIELD_DATE] = {"string", "date"},
    [FIELD_ID] = {"string", "uuid"},  [FIELD_STRUCT] = {"object", NULL},      [FIELD_LIST] = {"array", NULL},
    [FIELD_MAP] = {"object", NULL},
};

static void describe_value(struct buffer *out, const struct field *field, enum schema_shape shape, bool nullable,
                           uint32_t flags)
{
    if (flags & ANY_JSON) {
        buffer_string(out, "\"type\":[\"array\",\"boolean\",\"integer\",\"null\",\"object\",\"string\"]");
        return;
    }
    write_type(out, JSON_TYPES[field->type].type, nullable);
    if (JSON_TYPES[field->type].format) buffer_format(out, ",\"format\":\"%s\"", JSON_TYPES[field->type].format);
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: describe_text(out, field, shape, flags); break;
    case FIELD_BYTES: describe_bytes(out, field, shape); break;
    case FIELD_ENUM: describe_enum(out, field->values, nullable); break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS: describe_range(out, field, shape); break;
    case FIELD_MONEY: describe_money(out, field, shape); break;
    case FIELD_STRUCT: describe_object(out, field->nested, shape, NESTED); break;
    case FIELD_LIST: describe_list(out, field, shape); break;
    case FIELD_MAP: describe_map(out, field, shape); break;
    default: break;
    }
    if (field->refers) buffer_format(out, ",\"x-refers\":\"%s\"", field->refers);
}

static void describe_default(struct buffer *out, const struct field *field)
{
    if (field->type == FIELD_ENUM)
        buffer_format(out, ",\"default\":\"%s\"", field->values->values[field->initial]);
    else if (field->type == FIELD_BOOL)
        buffer_string(out, ",\"default\":true");
    else
        buffer_format(out, ",\"default\":%lld", (long long)field->initial);
}

static void describe_property(struct buffer *out, const struct field *field, enum schema_shape shape, enum place place)
{
    buffer_format(out, "\"%s\":{", field->name);
    describe_value(out, field, shape, is_nullable(field, shape, place), field->flags);
    if (shape == SHAPE_OUTPUT && (field->flags & READ_ONLY)) buffer_string(out, ",\"readOnly\":true");
    if (shape != SHAPE_OUTPUT && (field->flags & SECRET)) buffer_string(out, ",\"writeOnly\":true");
    if (shape == SHAPE_CREATE && field->initial) describe_default(out, field);
    if (field->doc) {
        buffer_string(out, ",\"description\":");
        buffer_json_text(out, text_of(field->doc));
    }
    buffer_byte(out, '}');
}

/* What follows "type":"object". */
static void describe_object(struct buffer *out, const struct fields *fields, enum schema_shape shape, enum place place)
{
    bool some = false;
    buffer_string(out, ",\"properties\":{");
    for (uint32_t i = 0; i < fields->count; i++) {
        if (!takes_part(&fields->rows[i], shape, place)) continue;
        if (some) buffer_byte(out, ',');
        some = true;
        describe_property(out, &fields->rows[i], shape, place);
    }
    if (shape == SHAPE_PATCH && place == AT_TOP && !field_by_name(fields, LITERAL("version")))
        buffer_format(out,
                      "%s\"version\":{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":0,\"description\":"
                      "\"the version that is changed, instead of If-Match\"}",
                      some ? "," : "");
    buffer_byte(out, '}');

    uint32_t required = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!takes_part(field, shape, place) || !is_required(field, fields, shape, place)) continue;
        buffer_format(out, "%s\"%s\"", required++ ? "," : ",\"required\":[", field->name);
    }
    if (required) buffer_byte(out, ']');
    if (shape != SHAPE_OUTPUT) buffer_string(out, ",\"additionalProperties\":false");
}

void schema_describe(struct buffer *out, const struct fields *fields, enum schema_shape shape)
{
    buffer_byte(out, '{');
    write_type(out, "object", false);
    describe_object(out, fields, shape, AT_TOP);
    buffer_byte(out, '}');
}

/* ---- Markdown --------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const char *const TYPE_NAMES[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = "text",     [FIELD_BYTES] = "bytes",     [FIELD_ENUM] = "one of",
    [FIELD_BOOL] = "boolean",  [FIELD_INTEGER] = "integer", [FIELD_BASIS_POINTS] = "basis points",
    [FIELD_MONEY] = "money",   [FIELD_TIME] = "time",       [FIELD_DATE] = "date",
    [FIELD_ID] = "id",         [FIELD_STRUCT] = "object",   [FIELD_LIST] = "list",
    [FIELD_MAP] = "map of text",
};
/* clang-format on */

static void write_cell(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') buffer_byte(out, '\\');
        char shown = *text;
        if (shown == '\n') shown = ' ';
        buffer_byte(out, shown);
    }
}

static void reference_type(struct buffer *out, const struct field *field)
{
    if (field->type == FIELD_LIST) {
        buffer_string(out, "list of ");
        if (field->nested)
            write_cell(out, field->nested->name);
        else
            reference_type(out, field->element);
        return;
    }
    buffer_string(out, field->flags & ANY_JSON ? "any" : TYPE_NAMES[field->type]);
    if (field->refers) buffer_format(out, " of a %s", field->refers);
    for (uint32_t i = 1; field->type == FIELD_ENUM && i < field->values->count; i++)
        buffer_format(out, "%s `%s`", i > 1 ? "," : "", field->values->values[i]);
}

static void reference_limits(struct buffer *out, const struct field *field)
{
    const char *comma = "";
    static const struct {
        uint32_t flag;
        const char *says;
    } FLAGS[] = {{REQUIRED, "required"}, {READ_ONLY, "read-only"}, {CREATE_ONLY, "set at creation"},
                 {SECRET, "secret"},     {PERSONAL, "personal"},   {MASKED, "masked"},
                 {KEPT, "not null"}};
    for (size_t i = 0; i < sizeof FLAGS / sizeof FLAGS[0]; i++) {
        if (!(field->flags & FLAGS[i].flag)) continue;
        buffer_format(out, "%s%s", comma, FLAGS[i].says);
        comma = ", ";
    }
    int64_t least, most;
    if (field->flags & READ_ONLY) return;
    if (field->type == FIELD_TEXT || field->type == FIELD_BYTES) {
        buffer_format(out, "%s%lld to %lld %s", comma, (long long)text_least(field), (long long)text_most(field),
                      text_counts_bytes(field) ? "bytes" : "characters");
        if (field->type == FIELD_TEXT) {
            buffer_string(out, ", ");
            write_cell(out, format_says(field->format));
        }
    } else if (field->type == FIELD_LIST || field->type == FIELD_MAP) {
        least = field->min ? field->min : (field->flags & REQUIRED) != 0;
        buffer_format(out, "%s%lld to %lld", comma, (long long)least, (long long)list_most(field));
    } else if ((field->type == FIELD_INTEGER || field->type == FIELD_BASIS_POINTS || field->type == FIELD_MONEY) &&
               integer_range(field, &least, &most))
        buffer_format(out, "%s%lld to %lld", comma, (long long)least, (long long)most);
}

/* The cells between type and meaning: limits and who sees it, or of what goes out alone whether it is personal. */
static void reference_middle(struct buffer *out, const struct field *field,
                             const char *(*relation_names)(uint32_t mask, char text[128]))
{
    char names[128];
    if (!relation_names) {
        buffer_string(out, field->flags & PERSONAL ? "personal" : "");
        return;
    }
    reference_limits(out, field);
    buffer_string(out, " | ");
    if (field->flags & SECRET)
        buffer_string(out, "nobody");
    else
        write_cell(out, field->sees ? relation_names(field->sees, names) : "all");
}

static void reference_rows(struct buffer *out, const struct fields *fields, const char *prefix, unsigned depth,
                           const char *(*relation_names)(uint32_t mask, char text[128]))
{
    CHECK(depth < REFERENCE_DEPTH);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        buffer_format(out, "| `%s%s` | ", prefix, field->name);
        reference_type(out, field);
        buffer_string(out, " | ");
        reference_middle(out, field, relation_names);
        buffer_string(out, " | ");
        write_cell(out, field->doc ? field->doc : "");
        buffer_string(out, " |\n");
        if (!field->nested) continue;
        struct buffer inner = {0};
        buffer_format(&inner, "%s%s%s.", prefix, field->name, field->type == FIELD_LIST ? "[]" : "");
        buffer_byte(&inner, 0);
        reference_rows(out, field->nested, inner.data, depth + 1, relation_names);
        buffer_free(&inner);
    }
}

void schema_reference(struct buffer *out, const struct fields *fields,
                      const char *(*relation_names)(uint32_t mask, char text[128]))
{
    buffer_string(out, "| field | type | limits | seen by | meaning |\n|---|---|---|---|---|\n");
    reference_rows(out, fields, "", 0, relation_names);
}

void schema_reference_out(struct buffer *out, const struct fields *fields)
{
    buffer_string(out, "| field | type | | meaning |\n|---|---|---|---|\n");
    reference_rows(out, fields, "", 0, NULL);
}
