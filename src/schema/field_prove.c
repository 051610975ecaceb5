/* The start-up proof of field tables: what the rest of src/schema takes for granted of them. */
#include "base/limits.h"
#include "schema/format.h"
#include "schema/member.h"
#include <stdio.h>
#include <string.h>

enum {
    ROWS_MOST = 64,      /* struct binding counts them in a bitmap of 64 */
    LISTED_MOST = 20000, /* what grows without bound is not an array inside an entity */
    NESTING_MOST = 5     /* two levels of JSON for each list of structs stay below LIMIT_JSON_DEPTH */
};
_Static_assert(2 * NESTING_MOST < LIMIT_JSON_DEPTH, "every body that the tables allow can be sent");

struct proof {
    void (*report)(void *context, const char *where, const char *fault);
    void *context;
    uint32_t faults;
    const char *where;
};

static void fault(struct proof *proof, const char *what)
{
    proof->faults++;
    proof->report(proof->context, proof->where, what);
}

static void expect(struct proof *proof, bool holds, const char *otherwise)
{
    if (!holds) fault(proof, otherwise);
}

/* Also short: see FIELD_NAME_MOST. */
static bool is_snake_case(const char *name)
{
    if (!name || name[0] < 'a' || name[0] > 'z') return false;
    size_t length = 0;
    for (; name[length]; length++) {
        char c = name[length];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
    }
    return length <= FIELD_NAME_MOST;
}

/* ---- One row ---------------------------------------------------------------------------------------------------- */

static bool has_type(const struct field *field, enum field_type type)
{
    return field->type == type || (field->type == FIELD_LIST && field->element && field->element->type == type);
}

static void prove_values(struct proof *proof, const struct enumeration *values)
{
    if (!values) {
        fault(proof, "an enum without names");
        return;
    }
    expect(proof, values->name && values->count >= 2 && !values->values[0],
           "an enumeration has a name, NULL for 0 and a value");
    for (uint32_t i = 1; i < values->count; i++) {
        if (!is_snake_case(values->values[i])) {
            fault(proof, "an enum value without a name in lower snake case");
            continue;
        }
        expect(proof, enum_value(values, text_of(values->values[i])) == i, "two enum values of one name");
    }
}

static void prove_limits(struct proof *proof, const struct field *field)
{
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
    case FIELD_BYTES:
        expect(proof, field->min >= 0 && field->max >= 0 && field->max <= LIMIT_BODY_BYTES,
               "a length that no body can have");
        expect(proof, text_least(field) <= text_most(field), "min is above max");
        break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
    case FIELD_MONEY:
        expect(proof, field->max > field->min || (!field->max && !field->min), "a range needs max above min");
        break;
    case FIELD_LIST:
    case FIELD_MAP:
        expect(proof, field->min >= 0 && field->max >= 0 && field->max <= LISTED_MOST,
               "too many elements for one entity");
        expect(proof, field->min <= list_most(field), "min is above max");
        break;
    default: expect(proof, !field->min && !field->max, "limits mean nothing for this type");
    }
}

static void prove_initial(struct proof *proof, const struct field *field)
{
    int64_t least, most;
    if (!field->initial) return;
    switch ((enum field_type)field->type) {
    case FIELD_ENUM:
        expect(proof, field->values && field->initial > 0 && field->initial < field->values->count,
               "initial is no value of the enum");
        break;
    case FIELD_BOOL: expect(proof, field->initial == 1, "initial is neither true nor false"); break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
        if (integer_range(field, &least, &most))
            expect(proof, field->initial >= least && field->initial <= most, "initial is out of range");
        break;
    default: fault(proof, "only enums, booleans and integers have an initial value");
    }
}

static void prove_flags(struct proof *proof, const struct field *field)
{
    uint32_t flags = field->flags;
    expect(proof,
           !(flags &
             ~(uint32_t)(REQUIRED | READ_ONLY | CREATE_ONLY | SECRET | PERSONAL | OPTIONAL | MASKED | ANY_JSON | KEPT)),
           "unknown flags");
    expect(proof, !(flags & READ_ONLY) || !(flags & CREATE_ONLY), "both READ_ONLY and CREATE_ONLY");
    expect(proof, !(flags & REQUIRED) || !(flags & OPTIONAL), "both REQUIRED and OPTIONAL");
    expect(proof, !(flags & KEPT) || !(flags & (REQUIRED | READ_ONLY)), "KEPT beside REQUIRED or READ_ONLY");
    if (flags & MASKED) expect(proof, has_type(field, FIELD_TEXT) || field->type == FIELD_MAP, "only texts are masked");
    if (flags & ANY_JSON)
        expect(proof, has_type(field, FIELD_TEXT) && flags & READ_ONLY, "only a text that is read alone is JSON");
    if (field->format) expect(proof, field->type == FIELD_TEXT, "only a text has a format");
    if (field->refers) expect(proof, has_type(field, FIELD_ID), "only ids refer to a kind");
}

/* What the other proofs index by. */
static bool is_known(struct proof *proof, const struct field *field)
{
    bool known = field->type < FIELD_TYPE_COUNT && field->format <= FORMAT_KEY;
    expect(proof, known, "an unknown type or format");
    return known;
}

static void prove_element(struct proof *proof, const struct field *element)
{
    if (!is_known(proof, element)) return;
    if (element->type == FIELD_STRUCT || element->type == FIELD_LIST || element->type == FIELD_MAP) {
        fault(proof, "an element is a scalar");
        return;
    }
    expect(proof, element->size == field_type_size(element->type), "the element's size is not that of its type");
    expect(proof, !element->nested && !element->element, "an element nests nothing");
    expect(proof, !(element->flags & ~(uint32_t)(REQUIRED | OPTIONAL)), "flags stand at the list, not at its element");
    expect(proof, !element->initial, "an element has no initial value");
    if (element->type == FIELD_ENUM) prove_values(proof, element->values);
    prove_limits(proof, element);
    prove_flags(proof, element);
}

static void prove_shape(struct proof *proof, const struct field *field)
{
    enum field_type type = field->type;
    if (type == FIELD_STRUCT)
        expect(proof, field->nested && !field->element, "a struct needs its table");
    else if (type == FIELD_LIST)
        expect(proof, !field->nested != !field->element, "a list has either a table or an element");
    else if (type == FIELD_MAP)
        expect(proof, !field->nested && (!field->element || field->element->type == FIELD_TEXT), "a map holds texts");
    else
        expect(proof, !field->nested && !field->element, "a scalar nests nothing");
    size_t size = type == FIELD_STRUCT ? (field->nested ? field->nested->size : field->size) : field_type_size(type);
    expect(proof, field->size == size, "the member's size is not that of its type");
    if (type == FIELD_ENUM)
        prove_values(proof, field->values);
    else
        expect(proof, !field->values, "only an enum has values");
    if (field->element) prove_element(proof, field->element);
}

static void prove_row(struct proof *proof, const struct field *field)
{
    if (!is_known(proof, field)) return;
    expect(proof, field->name && is_snake_case(field->name) && strlen(field->name) == field->name_length,
           "a name in lower snake case is needed");
    expect(proof, field->doc && field->doc[0], "a line of documentation is needed");
    prove_shape(proof, field);
    prove_limits(proof, field);
    prove_initial(proof, field);
    prove_flags(proof, field);
}

/* ---- One table -------------------------------------------------------------------------------------------------- */

static size_t table_alignment(const struct fields *fields, unsigned depth)
{
    size_t alignment = 1;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->type >= FIELD_TYPE_COUNT) continue;
        size_t needed = field_type_alignment(field->type);
        if (field->type == FIELD_STRUCT && field->nested && depth) needed = table_alignment(field->nested, depth - 1);
        if (needed > alignment) alignment = needed;
    }
    return alignment;
}

static size_t aligned(size_t offset, size_t alignment)
{
    return (offset + alignment - 1) / alignment * alignment;
}

/* The row that covers the byte at `offset` or the first one behind it. */
static const struct field *row_at_or_after(const struct fields *fields, size_t offset)
{
    const struct field *first = NULL;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if ((size_t)field->offset + field->size > offset && (!first || field->offset < first->offset)) first = field;
    }
    return first;
}

/* Every byte has exactly one row, but for gaps that alignment makes. */
static void prove_coverage(struct proof *proof, const struct fields *fields)
{
    size_t end = 0, covered = 0;
    const struct field *field;
    for (uint32_t i = 0; i < fields->count && (field = row_at_or_after(fields, end)); i++) {
        if (field->type >= FIELD_TYPE_COUNT) return;
        size_t alignment = field_type_alignment(field->type);
        if (field->type == FIELD_STRUCT && field->nested) alignment = table_alignment(field->nested, NESTING_MOST);
        char text[160];
        if (field->offset < end)
            snprintf(text, sizeof text, "the row of %s overlaps another one", field->name);
        else
            snprintf(text, sizeof text, "a member before %s has no row", field->name);
        expect(proof, field->offset == aligned(end, alignment), text);
        end = (size_t)field->offset + field->size;
        covered++;
    }
    expect(proof, covered == fields->count, "two rows are of one member");
    expect(proof, aligned(end, table_alignment(fields, NESTING_MOST)) == fields->size, "the last member has no row");
}

static void prove_table(struct proof *proof, const struct fields *fields, const char *where, unsigned depth);

static void prove_rows(struct proof *proof, const struct fields *fields, const char *where, unsigned depth)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        char path[256];
        snprintf(path, sizeof path, "%s.%s%s", where, field->name ? field->name : "?",
                 field->type == FIELD_LIST ? "[]" : "");
        proof->where = path;
        prove_row(proof, field);
        expect(proof, field->tag > (i ? fields->rows[i - 1].tag : 0), "tags ascend from 1 and are unique");
        for (uint32_t j = 0; j < i; j++)
            if (field->name && fields->rows[j].name && !strcmp(field->name, fields->rows[j].name))
                fault(proof, "a name that an earlier row has");
        if (!field->nested) continue;
        if (depth == NESTING_MOST)
            fault(proof, "nested too deep");
        else
            prove_table(proof, field->nested, path, depth + 1);
    }
    proof->where = where;
}

static void prove_table(struct proof *proof, const struct fields *fields, const char *where, unsigned depth)
{
    proof->where = where;
    expect(proof, is_snake_case(fields->name), "a table has a name in lower snake case");
    expect(proof, fields->count >= 1 && fields->count <= ROWS_MOST, "a table has 1 to 64 rows");
    if (fields->count > ROWS_MOST) return;
    prove_rows(proof, fields, where, depth);
    prove_coverage(proof, fields);
}

uint32_t fields_prove(const struct fields *fields, void (*report)(void *context, const char *where, const char *fault),
                      void *context)
{
    struct proof proof = {.report = report, .context = context};
    prove_table(&proof, fields, fields->name ? fields->name : "?", 1);
    return proof.faults;
}
