/* JSON in: bodies are parsed by yyjson into the request's arena and bound by the table.

   yyjson takes what RFC 8259 leaves open, so this file decides: keys are unique, nesting is at most LIMIT_JSON_DEPTH deep
   (counted before parsing), integers are written as integers. Numbers that fit no type come as raw digits. Recursion
   follows the tables, never the body. */
#include "schema/bind.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "schema/codec.h"
#include "schema/format.h"
#include "schema/member.h"
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static void bind_value(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                       void *member, enum bind_mode mode);

/* ---- What JSON says --------------------------------------------------------------------------------------------- */

static struct text json_text(yyjson_val *json)
{
    return (struct text){yyjson_get_str(json), (uint32_t)yyjson_get_len(json)};
}

static void wrong_type(struct binder *binder, const struct path *path, const char *wanted, yyjson_val *json)
{
    const char *is = yyjson_is_str(json)    ? "a string"
                     : yyjson_is_arr(json)  ? "an array"
                     : yyjson_is_obj(json)  ? "an object"
                     : yyjson_is_bool(json) ? "a boolean"
                     : yyjson_is_null(json) ? "null"
                                            : "a number";
    bind_problem(binder, path, "wrong_type", "must be %s, not %s", wanted, is);
}

/* Exact integers: 7, not 7.0, 7e0 or -0. */
static bool json_integer(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                         int64_t *integer)
{
    if (yyjson_is_uint(json) && yyjson_get_uint(json) <= INT64_MAX) {
        *integer = (int64_t)yyjson_get_uint(json);
        return true;
    }
    if (yyjson_is_sint(json) && yyjson_get_sint(json)) {
        *integer = yyjson_get_sint(json);
        return true;
    }
    if (yyjson_is_uint(json))
        bind_not_an_integer(binder, field, path, LITERAL("9223372036854775808"));
    else if (yyjson_is_raw(json))
        bind_not_an_integer(binder, field, path, (struct text){yyjson_get_raw(json), (uint32_t)yyjson_get_len(json)});
    else if (yyjson_is_num(json))
        bind_not_an_integer(binder, field, path, LITERAL(""));
    else
        wrong_type(binder, path, "a whole number", json);
    return false;
}

/* ---- Money and maps --------------------------------------------------------------------------------------------- */

static void bind_money(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                       struct money *member)
{
    static const char *const NAMES[] = {"amount", "currency"};
    struct money money = {0};
    bool seen[2] = {0}, failed = binder->failed;
    if (!yyjson_is_obj(json)) {
        wrong_type(binder, path, "an object {\"amount\": 1999, \"currency\": \"USD\"}", json);
        return;
    }
    binder->failed = false;
    yyjson_obj_iter each = yyjson_obj_iter_with(json);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        struct text name = json_text(key);
        struct path at = path_member(path, bind_excerpt(name));
        int64_t amount;
        int which = text_is(name, NAMES[0]) ? 0 : text_is(name, NAMES[1]) ? 1 : -1;
        if (which < 0)
            bind_problem(binder, &at, "unknown_field", "money has an amount and a currency only");
        else if (seen[which])
            bind_problem(binder, &at, "duplicate", "is given twice");
        else if (which == 0) {
            if (json_integer(binder, field, &at, value, &amount))
                bind_integer(binder, field, &at, amount, &money.amount);
        } else if (!yyjson_is_str(value))
            wrong_type(binder, &at, "a string", value);
        else if (!format_is_currency(json_text(value)))
            bind_problem(binder, &at, "bad_format", "must be %s", format_says(FORMAT_CURRENCY));
        else
            memcpy(money.currency, yyjson_get_str(value), 3);
        if (which >= 0) seen[which] = true;
    }
    for (int i = 0; i < 2; i++) {
        struct path at = path_member(path, text_of(NAMES[i]));
        if (!seen[i]) bind_problem(binder, &at, "required", "is required");
    }
    if (!binder->failed) *member = money;
    binder->failed |= failed;
}

static const struct field MAP_KEY = ELEMENT(FIELD_TEXT, struct text, .min = 1, .max = MAP_KEY_MOST);
static const struct field MAP_VALUE = ELEMENT(FIELD_TEXT, struct text, .max = MAP_VALUE_MOST_DEFAULT);

static bool count_ok(struct binder *binder, const struct field *field, const struct path *path, size_t count,
                     const char *one, const char *many)
{
    long long least = field->min, most = list_most(field);
    if (!least && (field->flags & REQUIRED)) least = 1;
    if ((long long)count > most)
        bind_problem(binder, path, "too_many", "must have at most %lld %s, has %zu", most, most == 1 ? one : many,
                     count);
    else if ((long long)count < least)
        bind_problem(binder, path, "too_few", "must have at least %lld %s, has %zu", least, least == 1 ? one : many,
                     count);
    else
        return true;
    return false;
}

static bool has_key(const struct text_pair *pairs, uint32_t count, struct text key)
{
    for (uint32_t i = 0; i < count; i++)
        if (text_equal(pairs[i].key, key)) return true;
    return false;
}

static void bind_map(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                     struct list *member)
{
    if (!yyjson_is_obj(json)) {
        wrong_type(binder, path, "an object of strings", json);
        return;
    }
    if (!count_ok(binder, field, path, yyjson_obj_size(json), "entry", "entries")) return;
    struct text_pair *pairs = ARENA_ARRAY(binder->arena, struct text_pair, yyjson_obj_size(json));
    uint32_t count = 0;
    yyjson_obj_iter each = yyjson_obj_iter_with(json);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        struct text name = json_text(key);
        struct path at = path_member(path, bind_excerpt(name));
        if (has_key(pairs, count, name)) bind_problem(binder, &at, "duplicate", "is given twice");
        bind_string(binder, &MAP_KEY, &at, name, &pairs[count].key);
        if (!yyjson_is_str(value))
            wrong_type(binder, &at, "a string", value);
        else
            bind_string(binder, field->element ? field->element : &MAP_VALUE, &at, json_text(value),
                        &pairs[count].value);
        count++;
    }
    *member = (struct list){count ? pairs : NULL, count};
}

/* ---- Structs ---------------------------------------------------------------------------------------------------- */

/* To the initial value; what a PATCH may not set stays, below as well. */
static void clear_member(const struct field *field, void *member)
{
    if (field->type != FIELD_STRUCT) {
        memset(member, 0, field_type_size(field->type));
        if (field->initial) member_set_integer(field, member, field->initial);
        return;
    }
    for (uint32_t i = 0; i < field->nested->count; i++) {
        const struct field *row = &field->nested->rows[i];
        if (!(row->flags & (READ_ONLY | CREATE_ONLY))) clear_member(row, member_of(row, member));
    }
}

/* Binds one member of an object; true when the row counts as given. */
static bool bind_member(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                        void *value, enum bind_mode mode)
{
    void *member = member_of(field, value);
    if (field->flags & READ_ONLY)
        bind_problem(binder, path, "read_only", "is set by the server and may not be sent");
    else if (mode == BIND_PATCH && (field->flags & CREATE_ONLY))
        bind_problem(binder, path, "read_only", "is set at creation and cannot be changed");
    else if (!yyjson_is_null(json))
        bind_value(binder, field, path, json, member, mode == BIND_CHANGE ? BIND_CREATE : mode);
    else if (mode == BIND_CREATE)
        return false;
    else if (field->flags & (REQUIRED | KEPT))
        bind_problem(binder, path, "required", "is required and cannot be cleared");
    else
        clear_member(field, member);
    return true;
}

/* The row of a name. Bodies mostly follow the order of the table, so the row after the last one is tried first. */
static const struct field *next_row(const struct fields *fields, uint32_t *next, struct text name)
{
    const struct field *field = *next < fields->count ? &fields->rows[*next] : NULL;
    if (!field || !text_is(name, field->name)) field = field_by_name(fields, name);
    if (field) *next = (uint32_t)(field - fields->rows) + 1;
    return field;
}

/* What an object may have besides its rows: the version of the entity, or the id that chose an element. */
struct besides {
    struct binding *version;
    const struct field *chosen_by;
};

static void bind_version(struct binder *binder, const struct path *path, yyjson_val *json, struct binding *binding)
{
    static const struct field VERSION = ELEMENT(FIELD_INTEGER, int64_t, .min = 0, .max = INT64_MAX);
    if (yyjson_is_null(json)) return;
    binding->has_version = true;
    if (json_integer(binder, &VERSION, path, json, &binding->version))
        bind_integer(binder, &VERSION, path, binding->version, &binding->version);
}

/* Binds the members of an object (NULL: the empty one). Returns the rows that were given. */
static uint64_t bind_object(struct binder *binder, const struct fields *fields, const struct path *path,
                            yyjson_val *json, void *value, enum bind_mode mode, struct besides besides)
{
    uint64_t seen = 0, given = 0;
    uint32_t next = 0;
    bool version_seen = false;
    yyjson_obj_iter each = yyjson_obj_iter_with(json);
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&each));) {
        yyjson_val *member = yyjson_obj_iter_get_val(key);
        struct text name = json_text(key);
        struct path at = path_member(path, bind_excerpt(name));
        if (besides.version && text_is(name, "version")) {
            if (version_seen)
                bind_problem(binder, &at, "duplicate", "is given twice");
            else
                bind_version(binder, &at, member, besides.version);
            version_seen = true;
            continue;
        }
        const struct field *field = next_row(fields, &next, name);
        if (!field || (field->flags & (READ_ONLY | SECRET)) == (READ_ONLY | SECRET)) {
            bind_problem(binder, &at, "unknown_field", "is not a field of %s", fields->name);
            continue;
        }
        uint64_t bit = UINT64_C(1) << (field - fields->rows);
        if (seen & bit)
            bind_problem(binder, &at, "duplicate", "is given twice");
        else if (field == besides.chosen_by || bind_member(binder, field, &at, member, value, mode))
            given |= bit;
        seen |= bit;
    }
    if (mode != BIND_PATCH) bind_required(binder, fields, path, given);
    return given;
}

/* A PATCH merges into a nested struct; one that was never set is created, with all that it requires. */
static void bind_struct(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                        void *member, enum bind_mode mode)
{
    if (!yyjson_is_obj(json)) {
        wrong_type(binder, path, "an object", json);
        return;
    }
    if (mode == BIND_PATCH) {
        void *initial = arena_alloc(binder->arena, field->nested->size);
        schema_initialise(field->nested, initial);
        if (fields_are_zero(field->nested, member)) schema_initialise(field->nested, member);
        if (schema_equal(field->nested, initial, member)) mode = BIND_CREATE;
    }
    bind_object(binder, field->nested, path, json, member, mode, (struct besides){0});
}

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

static const struct field *id_row(const struct fields *fields)
{
    const struct field *row = fields ? field_by_name(fields, LITERAL("id")) : NULL;
    return row && row->type == FIELD_ID ? row : NULL;
}

static const void *element_with_id(const struct field *field, const struct list *list, const struct field *row,
                                   struct id id)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const void *element = list_element(list, field->nested->size, i);
        if (id_equal(*(const struct id *)member_in(row, element), id)) return element;
    }
    return NULL;
}

/* An element of a list of structs. In a PATCH it may name one of the elements before by its id: then it is that one,
   changed. */
static void bind_element(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                         const struct list *before, void *element, enum bind_mode mode)
{
    const struct field *row = id_row(field->nested);
    yyjson_val *named = row && mode == BIND_PATCH ? yyjson_obj_getn(json, "id", 2) : NULL;
    struct id id;
    if (!yyjson_is_obj(json)) {
        wrong_type(binder, path, "an object", json);
        return;
    }
    if (yyjson_is_str(named) && id_parse(json_text(named), &id) && !id_is_none(id)) {
        const void *old = element_with_id(field, before, row, id);
        if (old) {
            memcpy(element, old, field->nested->size);
            bind_object(binder, field->nested, path, json, element, BIND_PATCH, (struct besides){.chosen_by = row});
            return;
        }
        if (row->flags & READ_ONLY) {
            struct path at = path_member(path, LITERAL("id"));
            bind_problem(binder, &at, "not_one_of", "names no element of this list");
            return;
        }
    }
    schema_initialise(field->nested, element);
    bind_object(binder, field->nested, path, json, element, BIND_CREATE, (struct besides){0});
}

struct numbered_id {
    struct id id;
    uint32_t index;
};

static int numbered_id_compare(const void *a, const void *b)
{
    const struct numbered_id *left = a, *right = b;
    int order = id_compare(left->id, right->id);
    return order ? order : (left->index > right->index) - (left->index < right->index);
}

/* No two elements of one id. */
static void check_ids(struct binder *binder, const struct field *field, const struct path *path,
                      const struct list *list)
{
    const struct field *row = id_row(field->nested);
    if (!row || list->count < 2) return;
    struct numbered_id *ids = ARENA_ARRAY(binder->arena, struct numbered_id, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        const void *element = list_element(list, field->nested->size, i);
        ids[i] = (struct numbered_id){*(const struct id *)member_in(row, element), i};
    }
    qsort(ids, list->count, sizeof *ids, numbered_id_compare);
    for (uint32_t i = 1; i < list->count; i++) {
        if (id_is_none(ids[i].id) || !id_equal(ids[i].id, ids[i - 1].id)) continue;
        struct path element = path_element(path, ids[i].index), at = path_member(&element, LITERAL("id"));
        bind_problem(binder, &at, "duplicate", "another element has this id too");
    }
}

static void bind_list(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                      struct list *member, enum bind_mode mode)
{
    if (!yyjson_is_arr(json)) {
        wrong_type(binder, path, "an array", json);
        return;
    }
    if (!count_ok(binder, field, path, yyjson_arr_size(json), "element", "elements")) return;
    size_t size = field_element_size(field);
    struct list before = *member;
    struct list bound = {NULL, (uint32_t)yyjson_arr_size(json)};
    if (bound.count) bound.at = arena_alloc(binder->arena, size * bound.count);
    char *element = bound.at;
    yyjson_arr_iter each = yyjson_arr_iter_with(json);
    for (uint32_t i = 0; i < bound.count; i++, element += size) {
        struct path at = path_element(path, i);
        yyjson_val *value = yyjson_arr_iter_next(&each);
        if (field->nested)
            bind_element(binder, field, &at, value, &before, element, mode);
        else
            bind_value(binder, field->element, &at, value, element, BIND_CREATE);
    }
    if (field->nested) check_ids(binder, field, path, &bound);
    *member = bound;
}

/* ---- Values ----------------------------------------------------------------------------------------------------- */

static void bind_value(struct binder *binder, const struct field *field, const struct path *path, yyjson_val *json,
                       void *member, enum bind_mode mode)
{
    int64_t integer;
    switch ((enum field_type)field->type) {
    case FIELD_STRUCT: bind_struct(binder, field, path, json, member, mode); break;
    case FIELD_LIST: bind_list(binder, field, path, json, member, mode); break;
    case FIELD_MAP: bind_map(binder, field, path, json, member); break;
    case FIELD_MONEY: bind_money(binder, field, path, json, member); break;
    case FIELD_BOOL:
        if (yyjson_is_bool(json))
            *(bool *)member = yyjson_get_bool(json);
        else
            wrong_type(binder, path, "true or false", json);
        break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
        if (json_integer(binder, field, path, json, &integer)) bind_integer(binder, field, path, integer, member);
        break;
    default:
        if (yyjson_is_str(json))
            bind_string(binder, field, path, json_text(json), member);
        else
            wrong_type(binder, path, "a string", json);
    }
}

/* ---- Bodies ----------------------------------------------------------------------------------------------------- */

static void *parser_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void *parser_resize(void *arena, void *block, size_t old_size, size_t size)
{
    void *resized = arena_alloc(arena, size);
    return memcpy(resized, block, old_size < size ? old_size : size);
}

static void parser_free(void *arena, void *block)
{
    (void)arena;
    (void)block;
}

/* Where the string ends whose first byte is at `i`: at its quote, or at the end. Most of a body is in strings. */
static uint32_t string_end(struct text json, uint32_t i)
{
    while (i < json.length) {
        while (json.length - i >= 8) {
            uint64_t word = bytes_load(json.data + i);
            if (bytes_equal(word, '"') | bytes_equal(word, '\\')) break;
            i += 8;
        }
        while (i < json.length && json.data[i] != '"' && json.data[i] != '\\')
            i++;
        if (i >= json.length || json.data[i] == '"') break;
        i += 2; /* what is escaped */
    }
    return i;
}

/* Counts brackets outside of strings. What is not JSON may be counted wrongly: the parser refuses it anyway. */
static bool too_deep(struct text json)
{
    unsigned depth = 0;
    for (uint32_t i = 0; i < json.length; i++) {
        char byte = json.data[i];
        if (byte == '"')
            i = string_end(json, i + 1);
        else if (byte == '{' || byte == '[') {
            if (++depth > LIMIT_JSON_DEPTH) return true;
        } else if ((byte == '}' || byte == ']') && depth)
            depth--;
    }
    return false;
}

static yyjson_val *parse(struct binder *binder, struct text json, const struct path *path)
{
    if (too_deep(json)) {
        bind_problem(binder, path, "bad_format", "is nested more than %d deep", (int)LIMIT_JSON_DEPTH);
        return NULL;
    }
    yyjson_alc memory = {parser_alloc, parser_resize, parser_free, binder->arena};
    yyjson_read_err error;
    /* Without YYJSON_READ_INSITU the text is only read, so the cast changes nothing. */
    yyjson_doc *document =
        yyjson_read_opts((char *)(uintptr_t)json.data, json.length, YYJSON_READ_BIGNUM_AS_RAW, &memory, &error);
    if (!document) bind_problem(binder, path, "bad_format", "%s (byte %zu)", error.msg, error.pos);
    return document ? yyjson_doc_get_root(document) : NULL;
}

enum error schema_bind(const struct fields *fields, struct text json, enum bind_mode mode, bool takes_version,
                       struct arena *arena, void *value, struct binding *binding, struct problems *problems)
{
    struct binder binder = {arena, problems, false};
    struct path root = {0};
    yyjson_val *body = NULL;
    *binding = (struct binding){0};
    if (!problems->arena) problems->arena = arena;
    if (mode != BIND_PATCH) schema_initialise(fields, value);
    if (json.length && !(body = parse(&binder, json, &root))) return ERROR_MALFORMED_JSON;
    if (body && !yyjson_is_obj(body))
        wrong_type(&binder, &root, "an object", body);
    else {
        struct besides besides = {.version = takes_version ? binding : NULL};
        binding->present = bind_object(&binder, fields, &root, body, value, mode, besides);
    }
    return binder.failed ? ERROR_VALIDATION_FAILED : OK;
}
