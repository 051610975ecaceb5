/* The OpenAPI document. Schemas of entities and bodies are components, each added when first referred to; what every route
   shares (headers, refusals, pages) is a component too.

   Paths stand relative to the servers, which are the two ways to name a tenant; the platform's own routes override them. */
#include "actors/runtime/describe.h"
#include "actors/runtime/openapi.h"
#include "actors/runtime/stream.h"
#include "base/check.h"
#include "base/limits.h"
#include <stdlib.h>
#include <string.h>

bool path_is_of_platform(const char *path)
{
    return strncmp(path, "//", 2) == 0;
}

static const char *method_in_lower_case(const char *method)
{
    static const char *const methods[][2] = {{"GET", "get"},        {"POST", "post"},     {"PUT", "put"},
                                             {"PATCH", "patch"},    {"DELETE", "delete"}, {"HEAD", "head"},
                                             {"OPTIONS", "options"}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (strcmp(methods[i][0], method) == 0) return methods[i][1];
    CHECK(!"a method that no route has");
    return NULL;
}

static const char *tag_of(const struct kind *kind)
{
    return kind->plural ? kind->plural : kind->name;
}

/* ---- Parameters ----------------------------------------------------------------------------------------------------- */

static void add_reference(struct document *document, yyjson_mut_val *array, const char *section, const char *name)
{
    yyjson_mut_val *value = yyjson_mut_arr_add_obj(document->doc, array);
    yyjson_mut_obj_add_val(document->doc, value, "$ref", document_text(document, "#/components/%s/%s", section, name));
}

static void add_parameter(struct document *document, yyjson_mut_val *parameters, const char *in, struct text name,
                          bool required, const char *doc, yyjson_mut_val *schema)
{
    yyjson_mut_val *parameter = yyjson_mut_arr_add_obj(document->doc, parameters);
    yyjson_mut_obj_add_val(document->doc, parameter, "name", document_text(document, "%.*s", TEXT_ARGUMENTS(name)));
    yyjson_mut_obj_add_str(document->doc, parameter, "in", in);
    if (required) yyjson_mut_obj_add_bool(document->doc, parameter, "required", true);
    if (doc) yyjson_mut_obj_add_str(document->doc, parameter, "description", doc);
    yyjson_mut_obj_add_val(document->doc, parameter, "schema", schema);
}

/* May {id} be a slug? It is of the kind that the path begins with, or of the command's own. */
static bool has_slug(const struct document *document, const struct kind *kind, const char *path)
{
    struct text noun = {path + 1, (uint32_t)strcspn(path + 1, "/")};
    for (const struct kind *const *other = document->registry->kinds; *other; other++)
        if ((*other)->plural && text_is(noun, (*other)->plural)) return (*other)->slug != NULL;
    return kind->slug != NULL;
}

static bool text_ends_with_id(struct text name)
{
    return name.length > 3 && memcmp(name.data + name.length - 3, "_id", 3) == 0;
}

/* {id}, {item} … of a path. */
static void add_path_parameters(struct document *document, yyjson_mut_val *parameters, const struct kind *kind,
                                const struct command *command, const char *path)
{
    for (const char *at = strchr(path, '{'); at; at = strchr(at + 1, '{')) {
        struct text name = {at + 1, (uint32_t)strcspn(at + 1, "}")};
        yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
        yyjson_mut_obj_add_str(document->doc, schema, "type", "string");
        bool first = text_is(name, "id"), by_slug = first && has_slug(document, kind, command->path);
        if (first && !by_slug) yyjson_mut_obj_add_str(document->doc, schema, "format", "uuid");
        struct text noun = name; /* {variant_id}: the variant */
        if (text_ends_with_id(noun)) noun.length -= 3;
        const char *doc = arena_format(document->arena, "id of the %.*s", TEXT_ARGUMENTS(noun)).data;
        add_parameter(document, parameters, "path", name, true, by_slug ? "id or slug" : first ? "id" : doc, schema);
    }
}

/* A parameter is there or not; it is never null. */
static void forbid_null(struct document *document, yyjson_mut_val *schema)
{
    yyjson_mut_val *type = yyjson_mut_obj_get(schema, "type"), *values = yyjson_mut_obj_get(schema, "enum");
    if (yyjson_mut_is_arr(type)) {
        yyjson_mut_val *first = yyjson_mut_val_mut_copy(document->doc, yyjson_mut_arr_get_first(type));
        yyjson_mut_obj_replace(schema, yyjson_mut_str(document->doc, "type"), first);
    }
    if (yyjson_mut_is_null(yyjson_mut_arr_get_last(values))) yyjson_mut_arr_remove_last(values);
}

static void add_query_parameters(struct document *document, yyjson_mut_val *parameters, const struct command *command)
{
    const struct fields *query = command->query;
    if (!query || !query->count) return;
    yyjson_mut_val *members = yyjson_mut_obj_get(document_shape(document, query, SHAPE_CREATE), "properties");
    for (uint32_t i = 0; i < query->count; i++) {
        const struct field *field = &query->rows[i];
        yyjson_mut_val *schema = yyjson_mut_val_mut_copy(document->doc, yyjson_mut_obj_get(members, field->name));
        if (!schema) continue;
        yyjson_mut_obj_remove_key(schema, "description");
        forbid_null(document, schema);
        add_parameter(document, parameters, "query", text_of(field->name), field->flags & REQUIRED, field->doc, schema);
    }
}

static bool takes_version(const struct command *command)
{
    return command->action == ACTION_PATCH || command->action == ACTION_COMMAND || command->action == ACTION_UPSERT;
}

/* What answers with tokens is not remembered, so that they are kept nowhere. */
static bool takes_key(const struct command *command, bool platform)
{
    return strcmp(command->method, "POST") == 0 && !platform && command->rate != RATE_AUTH;
}

static void add_parameters(struct document *document, yyjson_mut_val *operation, const struct kind *kind,
                           const struct command *command, const char *path)
{
    yyjson_mut_val *parameters = yyjson_mut_arr(document->doc);
    bool get = strcmp(command->method, "GET") == 0, platform = path_is_of_platform(path);
    add_path_parameters(document, parameters, kind, command, path);
    add_query_parameters(document, parameters, command);
    if (command_is_paged(command)) {
        add_reference(document, parameters, "parameters", "Limit");
        add_reference(document, parameters, "parameters", "Cursor");
    }
    if (command->action == ACTION_LIST || command->action == ACTION_READ)
        add_reference(document, parameters, "parameters", "IncludeDeleted");
    if (command_reads_entity(command)) {
        add_reference(document, parameters, "parameters", "At");
        add_reference(document, parameters, "parameters", "IfNoneMatch");
    }
    if (command->files) add_reference(document, parameters, "parameters", "IfNoneMatch");
    if (takes_version(command)) add_reference(document, parameters, "parameters", "IfMatch");
    if (takes_key(command, platform)) add_reference(document, parameters, "parameters", "IdempotencyKey");
    if (!get) add_reference(document, parameters, "parameters", "Prefer");
    if (!platform) add_reference(document, parameters, "parameters", "Tenant");
    if (yyjson_mut_arr_size(parameters)) yyjson_mut_obj_add_val(document->doc, operation, "parameters", parameters);
}

/* ---- Bodies and answers --------------------------------------------------------------------------------------------- */

static bool has_required(const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++)
        if ((fields->rows[i].flags & (REQUIRED | READ_ONLY)) == REQUIRED) return true;
    return false;
}

static void add_content(struct document *document, yyjson_mut_val *of, const char *type, yyjson_mut_val *schema)
{
    yyjson_mut_val *content = yyjson_mut_obj_get(of, "content");
    if (!content) content = yyjson_mut_obj_add_obj(document->doc, of, "content");
    yyjson_mut_val *media = yyjson_mut_obj_add_obj(document->doc, content, type);
    yyjson_mut_obj_add_val(document->doc, media, "schema", schema);
}

/* "a/b, c/d": each takes or has bytes as they are. */
static void add_bytes(struct document *document, yyjson_mut_val *of, const char *types)
{
    for (struct text rest = text_of(types); rest.data;) {
        struct text type = text_trim(text_split(&rest, ','));
        yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
        bool text = text_starts_with(type, "text/"), json = text_is(type, "application/json");
        if (json || text) yyjson_mut_obj_add_str(document->doc, schema, "type", json ? "object" : "string");
        add_content(document, of, yyjson_mut_get_str(document_text(document, "%.*s", TEXT_ARGUMENTS(type))), schema);
    }
}

static void add_body(struct document *document, yyjson_mut_val *operation, const struct kind *kind,
                     const struct command *command)
{
    yyjson_mut_val *schema = NULL;
    bool required = true;
    if (command->action == ACTION_CREATE) {
        schema = document_entity(document, kind, SHAPE_CREATE);
        required = has_required(kind->fields);
    } else if (command->action == ACTION_PATCH) {
        schema = document_entity(document, kind, SHAPE_PATCH);
    } else if (command->body) {
        schema = document_fields(document, kind, command->body, SHAPE_CREATE);
        required = has_required(command->body);
    }
    if (!schema && !command->accepts) return;
    yyjson_mut_val *body = yyjson_mut_obj_add_obj(document->doc, operation, "requestBody");
    if (command->accepts) {
        yyjson_mut_obj_add_bool(document->doc, body, "required", true);
        add_bytes(document, body, command->accepts);
        return;
    }
    yyjson_mut_obj_add_bool(document->doc, body, "required", required);
    add_content(document, body, "application/json", schema);
}

uint16_t document_status(const struct command *command)
{
    return command->status ? command->status : command->action == ACTION_CREATE ? 201 : 200;
}

/* What `data` holds: what the row says, else the entity of the kind. */
static yyjson_mut_val *data_schema(struct document *document, const struct kind *kind, const struct command *command)
{
    yyjson_mut_val *schema = command->reply ? document_fields(document, kind, command->reply, SHAPE_OUTPUT)
                                            : document_entity(document, kind, SHAPE_OUTPUT);
    return command->extra ? document_with_text(document, schema, command->extra, command->extra_doc) : schema;
}

static yyjson_mut_val *envelope(struct document *document, const struct kind *kind, const struct command *command)
{
    yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add_str(document->doc, schema, "type", "object");
    yyjson_mut_val *required = yyjson_mut_obj_add_arr(document->doc, schema, "required");
    yyjson_mut_arr_add_str(document->doc, required, "success");
    yyjson_mut_arr_add_str(document->doc, required, "data");
    yyjson_mut_val *members = yyjson_mut_obj_add_obj(document->doc, schema, "properties");
    yyjson_mut_val *success = yyjson_mut_obj_add_obj(document->doc, members, "success");
    yyjson_mut_obj_add_str(document->doc, success, "type", "boolean");
    yyjson_mut_obj_add_bool(document->doc, success, "const", true);
    yyjson_mut_val *data = data_schema(document, kind, command);
    if (!command_is_paged(command)) {
        yyjson_mut_obj_add_val(document->doc, members, "data", data);
        if (strcmp(command->method, "GET") != 0) document_add_dry_run(document, members);
        return schema;
    }
    yyjson_mut_val *list = yyjson_mut_obj_add_obj(document->doc, members, "data");
    yyjson_mut_obj_add_str(document->doc, list, "type", "array");
    yyjson_mut_obj_add_val(document->doc, list, "items", data);
    yyjson_mut_arr_add_str(document->doc, required, "page");
    yyjson_mut_val *page = yyjson_mut_obj_add_obj(document->doc, members, "page");
    yyjson_mut_obj_add_str(document->doc, page, "$ref", "#/components/schemas/page");
    return schema;
}

static void add_header(struct document *document, yyjson_mut_val *headers, const char *name, const char *component)
{
    yyjson_mut_val *header = yyjson_mut_obj_add_obj(document->doc, headers, name);
    yyjson_mut_obj_add_val(document->doc, header, "$ref",
                           document_text(document, "#/components/headers/%s", component));
}

static void add_success(struct document *document, yyjson_mut_val *responses, const struct kind *kind,
                        const struct command *command, uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *text;
    } texts[] = {
        {200, "done"}, {201, "created"}, {202, "accepted, the outcome will come"}, {204, "done, nothing to say"}};
    const char *text = "done";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].status == status) text = texts[i].text;
    yyjson_mut_val *response = yyjson_mut_obj(document->doc);
    yyjson_mut_obj_add(responses, document_text(document, "%u", status), response);
    yyjson_mut_obj_add_str(document->doc, response, "description", text);
    if (command->produces) {
        add_bytes(document, response, command->produces);
        return;
    }
    yyjson_mut_val *headers = yyjson_mut_obj_add_obj(document->doc, response, "headers");
    add_header(document, headers, "X-Log-Position", "LogPosition");
    add_header(document, headers, "X-Request-Id", "RequestId");
    if (status == 201) add_header(document, headers, "Location", "Location");
    bool entity = command->action != ACTION_LIST && command->action != ACTION_CALL && !command->reply;
    if (entity && status != 204) add_header(document, headers, "ETag", "ETag");
    if (status != 204) add_content(document, response, "application/json", envelope(document, kind, command));
    for (int form = STREAM_NONE + 1; command->streams && form < STREAM_FORMS; form++) {
        yyjson_mut_val *schema = yyjson_mut_obj(document->doc);
        yyjson_mut_obj_add_str(document->doc, schema, "type", "string");
        add_content(document, response, stream_content_types[form], schema);
    }
}

static void add_refusals(struct document *document, yyjson_mut_val *responses, const struct kind *kind,
                         const struct command *command, const char *path)
{
    bool get = strcmp(command->method, "GET") == 0, platform = path_is_of_platform(path);
    bool changes = command->action != ACTION_READ && command->action != ACTION_LIST && !get;
    const struct {
        const char *status;
        bool given;
    } rows[] = {
        {"304", command_reads_entity(command) || command->files},
        {"400", true},
        {"401", !platform},
        {"403", !(command->who & ANYONE)},
        {"404", strchr(path, '{') != NULL},
        {"409", changes},
        {"412", takes_version(command)},
        {"422", takes_key(command, platform)},
        {"428", command->action == ACTION_PATCH && kind->patch_needs_version},
        {"429", !platform},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].given) document_add_response(document, responses, rows[i].status);
    document_add_response(document, responses, "default");
}

/* ---- Operations ----------------------------------------------------------------------------------------------------- */

static void add_security(struct document *document, yyjson_mut_val *operation, const struct command *command)
{
    yyjson_mut_val *security = yyjson_mut_obj_add_arr(document->doc, operation, "security");
    if (command->who & ANYONE) yyjson_mut_arr_add_obj(document->doc, security);
    yyjson_mut_val *bearer = yyjson_mut_arr_add_obj(document->doc, security);
    yyjson_mut_obj_add_arr(document->doc, bearer, "bearer");
}

static void add_servers_of_platform(struct document *document, yyjson_mut_val *path)
{
    if (yyjson_mut_obj_get(path, "servers")) return;
    yyjson_mut_val *server =
        yyjson_mut_arr_add_obj(document->doc, yyjson_mut_obj_add_arr(document->doc, path, "servers"));
    yyjson_mut_obj_add_str(document->doc, server, "url", "/");
    yyjson_mut_obj_add_str(document->doc, server, "description", "the platform itself");
}

/* ---- What the tables say beyond OpenAPI: who may, and from which states ----------------------------------------------- */

static void add_relations(struct document *document, yyjson_mut_val *operation, const struct command *command)
{
    yyjson_mut_val *relations = yyjson_mut_obj_add_arr(document->doc, operation, "x-relations");
    uint32_t who = command_relations(command);
    for (uint32_t bit = 1; bit && bit <= who; bit <<= 1) {
        char name[128];
        if (who & bit) yyjson_mut_arr_append(relations, document_text(document, "%s", relation_names(bit, name)));
    }
}

/* The state that a row leads to: its name, "same", or "remembered". */
static const char *state_after(const struct machine *machine, uint32_t to)
{
    if (to == TO_SAME) return "same";
    if (to == TO_REMEMBERED) return "remembered";
    return machine->states->values[to];
}

/* The rows of the machine for this command. `from` is "none" where there is no entity yet. */
static void add_transitions(struct document *document, yyjson_mut_val *operation, const struct kind *kind,
                            const struct command *command)
{
    const struct machine *machine = kind->machine;
    yyjson_mut_val *list = yyjson_mut_arr(document->doc);
    for (uint32_t i = 0; machine && i < machine->count; i++) {
        const struct transition *row = &machine->rows[i];
        if (strcmp(row->command, command->name) != 0) continue;
        for (uint32_t state = 0; state < machine->states->count; state++) {
            if (!(row->from & STATE(state))) continue;
            yyjson_mut_val *transition = yyjson_mut_arr_add_obj(document->doc, list);
            yyjson_mut_obj_add_str(document->doc, transition, "from", state ? machine->states->values[state] : "none");
            yyjson_mut_obj_add_str(document->doc, transition, "to", state_after(machine, row->to));
            if (row->event) yyjson_mut_obj_add_str(document->doc, transition, "event", row->event->name);
            if (row->guard_doc) yyjson_mut_obj_add_str(document->doc, transition, "guard", row->guard_doc);
            if (machine->derived) yyjson_mut_obj_add_bool(document->doc, transition, "derived", true);
        }
    }
    if (yyjson_mut_arr_size(list)) yyjson_mut_obj_add_val(document->doc, operation, "x-transitions", list);
}

static void add_operation(struct document *document, yyjson_mut_val *paths, const struct kind *kind,
                          const struct command *command, const char *path, bool alias)
{
    const char *shown = path_is_of_platform(path) ? path + 1 : path;
    yyjson_mut_val *item = yyjson_mut_obj_get(paths, shown);
    if (!item) item = yyjson_mut_obj_add_obj(document->doc, paths, shown);
    if (path_is_of_platform(path)) add_servers_of_platform(document, item);
    yyjson_mut_val *operation = yyjson_mut_obj_add_obj(document->doc, item, method_in_lower_case(command->method));
    yyjson_mut_obj_add_val(document->doc, operation, "operationId",
                           document_text(document, "%s_%s%s", kind->name, command->name, alias ? "_alias" : ""));
    char who[128];
    yyjson_mut_obj_add_str(document->doc, operation, "summary", command->doc);
    yyjson_mut_obj_add_val(document->doc, operation, "description",
                           document_text(document, "For: %s.%s", relation_names(command_relations(command), who),
                                         alias ? " The same as the path that it is an alias of." : ""));
    yyjson_mut_arr_add_str(document->doc, yyjson_mut_obj_add_arr(document->doc, operation, "tags"), tag_of(kind));
    yyjson_mut_obj_add_val(document->doc, operation, "x-permission",
                           document_text(document, "%s.%s", kind->name, command->name));
    add_relations(document, operation, command);
    add_transitions(document, operation, kind, command);
    add_parameters(document, operation, kind, command, path);
    add_body(document, operation, kind, command);
    yyjson_mut_val *responses = yyjson_mut_obj_add_obj(document->doc, operation, "responses");
    add_success(document, responses, kind, command, document_status(command));
    if (command->finds) add_success(document, responses, kind, command, 200);
    if (command->outcome && document_status(command) != 202) add_success(document, responses, kind, command, 202);
    add_refusals(document, responses, kind, command, path);
    add_security(document, operation, command);
}

static void add_operations(struct document *document, yyjson_mut_val *paths, const struct kind *kind,
                           const struct command *command)
{
    add_operation(document, paths, kind, command, command->path, false);
    if (command->alias) add_operation(document, paths, kind, command, command->alias, true);
}

static bool has_routes(const struct kind *kind)
{
    for (const struct command *command = kind->commands; command && command->name; command++)
        if (command->method) return true;
    return false;
}

static void add_head(struct document *document, const char *version)
{
    yyjson_mut_doc *doc = document->doc;
    yyjson_mut_val *root = yyjson_mut_doc_get_root(doc);
    yyjson_mut_obj_add_str(doc, root, "openapi", "3.1.0");
    yyjson_mut_val *info = yyjson_mut_obj_add_obj(doc, root, "info");
    yyjson_mut_obj_add_str(doc, info, "title", "souk");
    yyjson_mut_obj_add_strcpy(doc, info, "version", version);
    yyjson_mut_obj_add_str(
        doc, info, "description",
        "Social commerce: people, communities, suppliers, products, promotions, posts, feeds and orders.\n\n"
        "A success is `{\"success\": true, \"data\": …}`; lists add `page`. A refusal names a stable `code`, "
        "and all invalid values at once in `details`. Times are RFC 3339 in UTC, money is integer minor units.");
    yyjson_mut_val *license = yyjson_mut_obj_add_obj(doc, info, "license");
    yyjson_mut_obj_add_str(doc, license, "name", "Apache License 2.0");
    yyjson_mut_obj_add_str(doc, license, "identifier", "Apache-2.0");
    yyjson_mut_val *servers = yyjson_mut_obj_add_arr(doc, root, "servers");
    yyjson_mut_val *server = yyjson_mut_arr_add_obj(doc, servers);
    yyjson_mut_obj_add_str(doc, server, "url", "/api/v1");
    yyjson_mut_obj_add_str(doc, server, "description",
                           "the tenant of the host, of X-Tenant, of the token, or the default one");
    server = yyjson_mut_arr_add_obj(doc, servers);
    yyjson_mut_obj_add_str(doc, server, "url", "/api/{tenant_slug}/v1");
    yyjson_mut_obj_add_str(doc, server, "description", "a tenant by its slug");
    yyjson_mut_val *variables = yyjson_mut_obj_add_obj(doc, server, "variables");
    yyjson_mut_val *slug = yyjson_mut_obj_add_obj(doc, variables, "tenant_slug");
    yyjson_mut_obj_add_str(doc, slug, "default", "default");
}

static void add_tags(struct document *document)
{
    yyjson_mut_val *tags = yyjson_mut_obj_add_arr(document->doc, yyjson_mut_doc_get_root(document->doc), "tags");
    for (const struct kind *const *kind = document->registry->kinds; *kind; kind++) {
        if (!has_routes(*kind)) continue;
        yyjson_mut_val *tag = yyjson_mut_arr_add_obj(document->doc, tags);
        yyjson_mut_obj_add_str(document->doc, tag, "name", tag_of(*kind));
        yyjson_mut_obj_add_str(document->doc, tag, "description", (*kind)->doc);
    }
}

void describe_openapi(const struct registry *registry, const char *version, bool pretty, struct buffer *out)
{
    struct document document;
    document_open(&document, registry);
    add_head(&document, version);
    add_tags(&document);
    yyjson_mut_val *root = yyjson_mut_doc_get_root(document.doc);
    yyjson_mut_val *paths = yyjson_mut_obj_add_obj(document.doc, root, "paths");
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        for (const struct command *command = (*kind)->commands; command && command->name; command++) {
            if (command->method) add_operations(&document, paths, *kind, command);
        }
    for (const struct added_command *added = registry->added; added && added->kind; added++)
        add_operations(&document, paths, added->kind, &added->command);
    document_add_components(&document);

    size_t length = 0;
    char *json = yyjson_mut_write(document.doc, pretty ? YYJSON_WRITE_PRETTY_TWO_SPACES : 0, &length);
    CHECK(json);
    buffer_bytes(out, json, length);
    if (pretty) buffer_byte(out, '\n');
    free(json);
    document_close(&document);
}
