/* What the routes of the OpenAPI document refer to: schemas of entities and tables, refusals, parameters, headers. */
#include "actors/runtime/openapi.h"
#include "base/check.h"
#include "base/limits.h"
#include <stdlib.h>
#include <string.h>

void document_open(struct document *document, const struct registry *registry)
{
    *document = (struct document){.doc = yyjson_mut_doc_new(NULL), .registry = registry, .arena = arena_create()};
    CHECK(document->doc);
    document->schemas = yyjson_mut_obj(document->doc);
    yyjson_mut_doc_set_root(document->doc, yyjson_mut_obj(document->doc));
}

void document_close(struct document *document)
{
    yyjson_mut_doc_free(document->doc);
    arena_destroy(document->arena);
}

yyjson_mut_val *document_text(struct document *document, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(document->arena, format, arguments);
    va_end(arguments);
    return yyjson_mut_strncpy(document->doc, text.data, text.length);
}

/* ---- Schemas -------------------------------------------------------------------------------------------------------- */

/* What is written here by hand is written as JSON. */
static yyjson_mut_val *parse(struct document *document, const char *json, size_t length)
{
    yyjson_doc *parsed = yyjson_read(json, length, 0);
    CHECK(parsed);
    yyjson_mut_val *value = yyjson_val_mut_copy(document->doc, yyjson_doc_get_root(parsed));
    yyjson_doc_free(parsed);
    return value;
}

yyjson_mut_val *document_shape(struct document *document, const struct fields *fields, enum schema_shape shape)
{
    struct buffer json = {.arena = document->arena};
    schema_describe(&json, fields, shape);
    return parse(document, json.data, json.length);
}

/* True for the row that stands for id, version, status and times. */
static bool is_entity(const struct fields *fields)
{
    return fields->count && fields->rows[0].nested == &entity_fields;
}

static const char *const SHAPE_SUFFIX[] = {[SHAPE_CREATE] = "_create", [SHAPE_PATCH] = "_patch", [SHAPE_OUTPUT] = ""};

static bool name_is_taken(const struct document *document, const char *name)
{
    for (uint32_t i = 0; i < document->components.count; i++)
        if (strcmp(document->components.at[i].name, name) == 0) return true;
    return false;
}

/* The component of a kind or table; *fresh when its schema has yet to be made. */
static const char *component_name(struct document *document, const void *of, enum schema_shape shape, const char *owner,
                                  const char *name, bool *fresh)
{
    *fresh = false;
    for (uint32_t i = 0; i < document->components.count; i++) {
        const struct component *component = &document->components.at[i];
        if (component->of == of && component->shape == shape) return component->name;
    }
    const char *full = arena_format(document->arena, "%s%s", name, SHAPE_SUFFIX[shape]).data;
    if (name_is_taken(document, full))
        full = arena_format(document->arena, "%s_%s%s", owner, name, SHAPE_SUFFIX[shape]).data;
    for (int again = 2; name_is_taken(document, full); again++)
        full = arena_format(document->arena, "%s_%s%s_%d", owner, name, SHAPE_SUFFIX[shape], again).data;
    struct component *component = LIST_ADD(document->arena, &document->components);
    *component = (struct component){of, shape, full};
    *fresh = true;
    return full;
}

static yyjson_mut_val *reference(struct document *document, const char *name)
{
    yyjson_mut_val *value = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add_val(document->doc, value, "$ref", document_text(document, "#/components/schemas/%s", name));
    return value;
}

yyjson_mut_val *document_fields(struct document *document, const struct kind *kind, const struct fields *fields,
                                enum schema_shape shape)
{
    bool fresh;
    const char *name = component_name(document, fields, shape, kind->name, fields->name, &fresh);
    if (fresh) yyjson_mut_obj_add_val(document->doc, document->schemas, name, document_shape(document, fields, shape));
    return reference(document, name);
}

/* Members that every entity has; the states are the kind's. */
static void add_common_members(struct document *document, const struct kind *kind, yyjson_mut_val *members,
                               yyjson_mut_val *required)
{
    static const char *const rows[][2] = {
        {"id", "{\"type\":\"string\",\"format\":\"uuid\"}"},
        {"version", "{\"type\":\"integer\",\"minimum\":1,\"description\":\"raised by one for each event\"}"},
        {"status", NULL},
        {"created_at", "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {"updated_at", "{\"type\":\"string\",\"format\":\"date-time\"}"},
        {"deleted_at", "{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"only of what is deleted\"}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        yyjson_mut_val *schema = NULL;
        if (rows[i][1])
            schema = parse(document, rows[i][1], strlen(rows[i][1]));
        else if (kind->machine) {
            schema = yyjson_mut_obj(document->doc);
            yyjson_mut_obj_add_str(document->doc, schema, "type", "string");
            yyjson_mut_val *states = yyjson_mut_obj_add_arr(document->doc, schema, "enum");
            for (uint32_t state = 1; state < kind->machine->states->count; state++)
                yyjson_mut_arr_add_str(document->doc, states, kind->machine->states->values[state]);
        }
        if (!schema) continue;
        yyjson_mut_obj_add_val(document->doc, members, rows[i][0], schema);
        /* A derived row may be shown without them. */
        bool always = !kind->derived && strcmp(rows[i][0], "deleted_at") != 0;
        if (always) yyjson_mut_arr_add_str(document->doc, required, rows[i][0]);
    }
}

/* Rows that only the server sets make no part of a body, so a body of them needs no first row. */
static struct fields without_entity(const struct fields *fields)
{
    struct fields rest = *fields;
    if (is_entity(fields)) {
        rest.rows++;
        rest.count--;
    }
    return rest;
}

/* What stands in for a row that is missing: exactly that. */
static yyjson_mut_val *placeholder_schema(struct document *document, const char *json)
{
    yyjson_mut_val *placeholder = parse(document, json, strlen(json)), *name;
    yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add_str(document->doc, schema, "type", "object");
    yyjson_mut_val *members = yyjson_mut_obj_add_obj(document->doc, schema, "properties");
    yyjson_mut_obj_iter at = yyjson_mut_obj_iter_with(placeholder);
    while ((name = yyjson_mut_obj_iter_next(&at))) {
        yyjson_mut_val *value = yyjson_mut_obj_iter_get_val(name), *member = yyjson_mut_obj(document->doc);
        const char *type = yyjson_mut_is_null(value) ? "null" : yyjson_mut_is_bool(value) ? "boolean" : "string";
        yyjson_mut_obj_add_str(document->doc, member, "type", type);
        if (!yyjson_mut_is_null(value))
            yyjson_mut_obj_add_val(document->doc, member, "const", yyjson_mut_val_mut_copy(document->doc, value));
        yyjson_mut_obj_add(members, yyjson_mut_val_mut_copy(document->doc, name), member);
    }
    return schema;
}

/* Another kind's row inside this one: its own fields alone, a placeholder, or null. */
static yyjson_mut_val *join_schema(struct document *document, const struct join *join)
{
    bool fresh;
    const struct kind *kind = join->kind;
    const char *own = kind->derived ? kind->name : arena_format(document->arena, "%s_fields", kind->name).data;
    const char *name = component_name(document, kind->fields, SHAPE_OUTPUT, kind->name, own, &fresh);
    struct fields rest = without_entity(kind->fields);
    if (fresh)
        yyjson_mut_obj_add_val(document->doc, document->schemas, name, document_shape(document, &rest, SHAPE_OUTPUT));
    yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
    yyjson_mut_val *choices = yyjson_mut_obj_add_arr(document->doc, schema, "anyOf");
    yyjson_mut_arr_append(choices, reference(document, name));
    if (join->placeholder) yyjson_mut_arr_append(choices, placeholder_schema(document, join->placeholder));
    yyjson_mut_obj_add_str(document->doc, yyjson_mut_arr_add_obj(document->doc, choices), "type", "null");
    return schema;
}

static void add_members(struct document *document, yyjson_mut_val *members, yyjson_mut_val *schema)
{
    yyjson_mut_val *own = yyjson_mut_obj_get(schema, "properties"), *name, *value;
    yyjson_mut_obj_iter at = yyjson_mut_obj_iter_with(own);
    while ((name = yyjson_mut_obj_iter_next(&at))) {
        value = yyjson_mut_obj_iter_get_val(name);
        yyjson_mut_obj_add(members, yyjson_mut_val_mut_copy(document->doc, name),
                           yyjson_mut_val_mut_copy(document->doc, value));
    }
}

static yyjson_mut_val *entity_output(struct document *document, const struct kind *kind)
{
    struct fields rest = without_entity(kind->fields);
    yyjson_mut_val *shape = document_shape(document, &rest, SHAPE_OUTPUT);
    yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add_str(document->doc, schema, "type", "object");
    yyjson_mut_obj_add_str(document->doc, schema, "description", kind->doc);
    yyjson_mut_val *required = yyjson_mut_obj_add_arr(document->doc, schema, "required");
    yyjson_mut_val *members = yyjson_mut_obj_add_obj(document->doc, schema, "properties");
    if (is_entity(kind->fields)) add_common_members(document, kind, members, required);
    add_members(document, members, shape);
    yyjson_mut_val *name, *names = yyjson_mut_obj_get(shape, "required");
    yyjson_mut_arr_iter at = yyjson_mut_arr_iter_with(names);
    while ((name = yyjson_mut_arr_iter_next(&at)))
        yyjson_mut_arr_append(required, yyjson_mut_val_mut_copy(document->doc, name));
    for (const struct join *join = kind->joins; join && join->name; join++)
        yyjson_mut_obj_add_val(document->doc, members, join->name, join_schema(document, join));
    if (!yyjson_mut_arr_size(required)) yyjson_mut_obj_remove_key(schema, "required");
    return schema;
}

static yyjson_mut_val *entity_body(struct document *document, const struct kind *kind, enum schema_shape shape)
{
    struct fields rest = without_entity(kind->fields);
    return document_shape(document, &rest, shape);
}

yyjson_mut_val *document_entity(struct document *document, const struct kind *kind, enum schema_shape shape)
{
    bool fresh;
    const char *own = kind->derived ? arena_format(document->arena, "%s_row", kind->name).data : kind->name;
    const char *name = component_name(document, kind, shape, kind->name, own, &fresh);
    if (fresh) {
        /* Its place is taken first, so that components stand in the order in which they are met. */
        yyjson_mut_val *key = yyjson_mut_str(document->doc, name), *schema;
        schema = shape == SHAPE_OUTPUT ? entity_output(document, kind) : entity_body(document, kind, shape);
        yyjson_mut_obj_add(document->schemas, key, schema);
    }
    return reference(document, name);
}

yyjson_mut_val *document_with_text(struct document *document, yyjson_mut_val *referring, const char *name,
                                   const char *doc)
{
    const char *target = yyjson_mut_get_str(yyjson_mut_obj_get(referring, "$ref"));
    yyjson_mut_val *schema = yyjson_mut_obj_get(document->schemas, strrchr(target, '/') + 1);
    yyjson_mut_val *copy = yyjson_mut_val_mut_copy(document->doc, schema), *text = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add_str(document->doc, text, "type", "string");
    yyjson_mut_obj_add_str(document->doc, text, "description", doc ? doc : "in development mode alone");
    yyjson_mut_obj_add_val(document->doc, yyjson_mut_obj_get(copy, "properties"), name, text);
    return copy;
}

/* ---- Refusals ------------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct refusal {
    const char *status, *name, *text;
} refusals[] = {
    { "304",     "NotModified",    "not changed since the ETag that If-None-Match names" },
    { "400",     "BadRequest",     "malformed or invalid; `details` names every bad value" },
    { "401",     "Unauthorized",   "the token is missing, expired or revoked" },
    { "403",     "Forbidden",      "seen, but not yours to do" },
    { "404",     "NotFound",       "not there, or not yours to know of" },
    { "409",     "Conflict",       "the state or a rule says no" },
    { "412",     "StaleVersion",   "it was changed since the version that If-Match names" },
    { "422",     "KeyReused",      "the idempotency key was used with another body" },
    { "428",     "VersionNeeded",  "send If-Match, or `version` in the body" },
    { "429",     "RateLimited",    "too many requests; Retry-After says when to come again" },
    { "default", "Refusal",        "any other refusal" },
};
/* clang-format on */
enum { REFUSAL_COUNT = sizeof refusals / sizeof refusals[0] };

void document_add_response(struct document *document, yyjson_mut_val *responses, const char *status)
{
    for (uint32_t i = 0; i < REFUSAL_COUNT; i++) {
        if (strcmp(refusals[i].status, status) != 0) continue;
        document->responses_used |= 1u << i;
        yyjson_mut_val *response = yyjson_mut_obj_add_obj(document->doc, responses, refusals[i].status);
        yyjson_mut_obj_add_val(document->doc, response, "$ref",
                               document_text(document, "#/components/responses/%s", refusals[i].name));
        return;
    }
    CHECK(!"a refusal that has no row");
}

static void add_responses(struct document *document, yyjson_mut_val *components)
{
    yyjson_mut_val *responses = yyjson_mut_obj_add_obj(document->doc, components, "responses");
    for (uint32_t i = 0; i < REFUSAL_COUNT; i++) {
        if (!(document->responses_used & 1u << i)) continue;
        yyjson_mut_val *response = yyjson_mut_obj_add_obj(document->doc, responses, refusals[i].name);
        yyjson_mut_obj_add_str(document->doc, response, "description", refusals[i].text);
        if (strcmp(refusals[i].status, "304") == 0) continue;
        yyjson_mut_val *content = yyjson_mut_obj_add_obj(document->doc, response, "content");
        yyjson_mut_val *media = yyjson_mut_obj_add_obj(document->doc, content, "application/json");
        yyjson_mut_obj_add_val(document->doc, media, "schema", reference(document, "error"));
    }
}

/* Every code, from the one list of them. */
static void add_error_schema(struct document *document)
{
    static const char text[] =
        "{\"type\":\"object\",\"additionalProperties\":true,\"required\":[\"success\",\"error\",\"statusCode\",\"code\",\"request_id\"],\"properties\":{"
        "\"success\":{\"type\":\"boolean\",\"const\":false},"
        "\"error\":{\"type\":\"string\",\"description\":\"a sentence a person can act on\"},"
        "\"statusCode\":{\"type\":\"integer\"},"
        "\"code\":{\"type\":\"string\",\"description\":\"stable\"},"
        "\"details\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"path\",\"code\",\"error\"],"
        "\"properties\":{\"path\":{\"type\":\"string\"},\"code\":{\"type\":\"string\"},\"error\":{\"type\":\"string\"}}}},"
        "\"request_id\":{\"type\":\"string\"}}}";
    yyjson_mut_val *schema = parse(document, text, sizeof text - 1);
    yyjson_mut_val *code = yyjson_mut_obj_get(yyjson_mut_obj_get(schema, "properties"), "code");
    yyjson_mut_val *codes = yyjson_mut_obj_add_arr(document->doc, code, "enum");
    for (int error = OK + 1; error < ERROR_COUNT; error++)
        yyjson_mut_arr_add_str(document->doc, codes, error_code((enum error)error));
    yyjson_mut_obj_add_val(document->doc, document->schemas, "error", schema);
}

/* ---- What all routes share ------------------------------------------------------------------------------------------ */

/* clang-format off */
static const char PARAMETERS[] =
    "{\"Limit\":{\"name\":\"limit\",\"in\":\"query\",\"description\":\"entries of a page\","
    "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d,\"default\":%d}},"
    "\"Cursor\":{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"`page.next` of the page before\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"IncludeDeleted\":{\"name\":\"include_deleted\",\"in\":\"query\",\"description\":\"for admins: a deleted one too\","
    "\"schema\":{\"type\":\"boolean\"}},"
    "\"At\":{\"name\":\"at\",\"in\":\"query\",\"description\":\"what it was then: a position of the log, or a time; statistics and cards "
    "of others are those of today\",\"schema\":{\"type\":\"string\","
    "\"pattern\":\"^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9]{2}:[0-9]{2}))$\"}},"
    "\"IfMatch\":{\"name\":\"If-Match\",\"in\":\"header\",\"description\":\"the version that the change is based on: \\\"7\\\"\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"IfNoneMatch\":{\"name\":\"If-None-Match\",\"in\":\"header\",\"description\":\"the ETag that is known\","
    "\"schema\":{\"type\":\"string\"}},"
    "\"IdempotencyKey\":{\"name\":\"Idempotency-Key\",\"in\":\"header\","
    "\"description\":\"the same key with the same body is done once and answered alike\","
    "\"schema\":{\"type\":\"string\",\"maxLength\":%d}},"
    "\"Prefer\":{\"name\":\"Prefer\",\"in\":\"header\",\"description\":\"dry-run: says what would happen and changes nothing\","
    "\"schema\":{\"type\":\"string\",\"enum\":[\"dry-run\"]}},"
    "\"Tenant\":{\"name\":\"X-Tenant\",\"in\":\"header\",\"description\":\"slug of the marketplace, where the host names none\","
    "\"schema\":{\"type\":\"string\"}}}";

static const char HEADERS[] =
    "{\"LogPosition\":{\"description\":\"position of the log that the answer has seen\",\"schema\":{\"type\":\"integer\"}},"
    "\"RequestId\":{\"description\":\"of this request, as the log names it\",\"schema\":{\"type\":\"string\"}},"
    "\"Location\":{\"description\":\"where the new one is\",\"schema\":{\"type\":\"string\"}},"
    "\"ETag\":{\"description\":\"the version, and a revision where counters are shown: \\\"7\\\", \\\"7.42\\\"\","
    "\"schema\":{\"type\":\"string\"}}}";

static const char PAGE[] =
    "{\"type\":\"object\",\"required\":[\"next\",\"limit\"],\"properties\":{"
    "\"next\":{\"type\":[\"string\",\"null\"],\"description\":\"cursor of the next page\"},\"limit\":{\"type\":\"integer\"}}}";

static const char EVENT[] =
    "{\"type\":\"object\",\"required\":[\"type\",\"entity\",\"entity_id\",\"entity_version\"],\"properties\":{"
    "\"type\":{\"type\":\"string\",\"description\":\"name of the event\"},"
    "\"entity\":{\"type\":\"string\",\"description\":\"kind of what it happens to\"},"
    "\"entity_id\":{\"type\":\"string\",\"format\":\"uuid\"},"
    "\"entity_version\":{\"type\":\"integer\",\"description\":\"that it would have then\"}}}";
/* clang-format on */

void document_add_dry_run(struct document *document, yyjson_mut_val *members)
{
    static const char dry_run[] = "{\"type\":\"boolean\",\"const\":true,\"description\":\"nothing was written\"}";
    static const char events[] = "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/dry_run_event\"},"
                                 "\"description\":\"of a dry run: the events that would be written\"}";
    if (!yyjson_mut_obj_get(document->schemas, "dry_run_event"))
        yyjson_mut_obj_add_val(document->doc, document->schemas, "dry_run_event",
                               parse(document, EVENT, sizeof EVENT - 1));
    yyjson_mut_obj_add_val(document->doc, members, "dry_run", parse(document, dry_run, sizeof dry_run - 1));
    yyjson_mut_obj_add_val(document->doc, members, "events", parse(document, events, sizeof events - 1));
}

static const char SECURITY[] = "{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\","
                               "\"description\":\"the access_token of POST /auth/login\"}}";

/* Drops what nothing refers to: without lists there is no cursor. True when something was dropped. */
static bool keep_used(struct document *document, yyjson_mut_val *components, const char *name)
{
    size_t length = 0;
    bool dropped = false;
    char *all = yyjson_mut_write(document->doc, YYJSON_WRITE_NOFLAG, &length);
    CHECK(all);
    yyjson_mut_obj_iter at = yyjson_mut_obj_iter_with(yyjson_mut_obj_get(components, name));
    for (yyjson_mut_val *key; (key = yyjson_mut_obj_iter_next(&at));) {
        struct text sought = arena_format(document->arena, "#/components/%s/%s\"", name, yyjson_mut_get_str(key));
        if (strstr(all, sought.data)) continue;
        yyjson_mut_obj_iter_remove(&at);
        dropped = true;
    }
    free(all);
    return dropped;
}

void document_add_components(struct document *document)
{
    yyjson_mut_doc *doc = document->doc;
    yyjson_mut_val *components = yyjson_mut_obj_add_obj(doc, yyjson_mut_doc_get_root(doc), "components");
    struct text parameters =
        arena_format(document->arena, PARAMETERS, LIMIT_PAGE_MOST, LIMIT_PAGE_DEFAULT, LIMIT_IDEMPOTENCY_KEY_BYTES);
    add_error_schema(document);
    yyjson_mut_obj_add_val(doc, document->schemas, "page", parse(document, PAGE, sizeof PAGE - 1));
    yyjson_mut_obj_add_val(doc, components, "schemas", document->schemas);
    yyjson_mut_obj_add_val(doc, components, "parameters", parse(document, parameters.data, parameters.length));
    yyjson_mut_obj_add_val(doc, components, "headers", parse(document, HEADERS, sizeof HEADERS - 1));
    add_responses(document, components);
    yyjson_mut_obj_add_val(doc, components, "securitySchemes", parse(document, SECURITY, sizeof SECURITY - 1));
    keep_used(document, components, "parameters");
    keep_used(document, components, "headers");
    while (keep_used(document, components, "schemas"))
        continue;
}
