/* Binding a request to its command. See bind.h for the order of refusals. */
#include "net/bind.h"
#include "base/bytes.h"
#include "schema/codec.h"
#include "schema/json.h"
#include <string.h>

enum { REQUEST_ID_MOST = 64, CURSOR_MOST = 1024, ADDRESS_MOST = 45 };

/* Commands without body or query are bound by a table without rows, so that whatever is sent is reported. */
static const struct fields nothing = {.name = "this request", .size = sizeof(uint64_t)};

static enum outcome refuse(struct bound *bound, enum error error, const char *sentence)
{
    bound->error = error;
    bound->sentence = sentence;
    return OUTCOME_REFUSED;
}

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* ---- what every answer needs ---- */

/* Eight digits: each nibble gets a byte of its own, the highest first, and those above 9 become letters. */
static uint64_t hexadecimal(uint32_t number)
{
    uint64_t word = number;
    word = (word & 0x0000FFFF) << 32 | (word & 0xFFFF0000) >> 16;
    word = (word & UINT64_C(0x000000FF000000FF)) << 16 | (word & UINT64_C(0x0000FF000000FF00)) >> 8;
    word = (word & UINT64_C(0x000F000F000F000F)) << 8 | (word & UINT64_C(0x00F000F000F000F0)) >> 4;
    uint64_t letters = (word + BYTES_EACH * 6) >> 4 & BYTES_EACH;
    return word + BYTES_EACH * '0' + letters * ('a' - '0' - 10);
}

struct text bind_request_id(struct bind_context *context, struct arena *arena)
{
    const uint64_t parts[2] = {context->id_prefix, context->id_next++};
    uint64_t words[4];
    for (int i = 0; i < 4; i++)
        words[i] = hexadecimal((uint32_t)(parts[i / 2] >> (i & 1 ? 0 : 32)));
    return (struct text){arena_copy(arena, words, sizeof words), sizeof words};
}

static bool request_id_is_good(struct text id)
{
    for (uint32_t i = 0; i < id.length; i++)
        if (!is_alphanumeric(id.data[i]) && id.data[i] != '.' && id.data[i] != '_' && id.data[i] != '-') return false;
    return id.length && id.length <= REQUEST_ID_MOST;
}

enum { TRACE_ID = 3, SPAN_ID = 36, TRACE_FLAGS = 53, TRACE_LENGTH = 55 };

static bool is_hexadecimal(const char *at, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f'))) return false;
    return true;
}

static bool is_zero(const char *at, uint32_t length)
{
    while (length && at[length - 1] == '0')
        length--;
    return !length;
}

/* W3C Trace Context 3.2: version 00 is exactly so long, a later one may go on behind a hyphen, ff is none. What is not
   right is as if it were not there. Two of them are joined by a comma, and so not right. */
static struct text good_trace(struct text given)
{
    const char *at = given.data;
    if (given.length < TRACE_LENGTH) return (struct text){0};
    bool good = is_hexadecimal(at, 2) && at[2] == '-' && is_hexadecimal(at + TRACE_ID, 32) && at[SPAN_ID - 1] == '-' &&
                is_hexadecimal(at + SPAN_ID, 16) && at[TRACE_FLAGS - 1] == '-' && is_hexadecimal(at + TRACE_FLAGS, 2);
    bool first = good && is_zero(at, 2), later = good && (at[0] != 'f' || at[1] != 'f');
    bool ends = given.length == TRACE_LENGTH || (!first && at[TRACE_LENGTH] == '-');
    if (!(first || later) || !ends || is_zero(at + TRACE_ID, 32) || is_zero(at + SPAN_ID, 16)) return (struct text){0};
    return (struct text){at, TRACE_LENGTH};
}

/* "a/b;q=1" without its parameters. */
static struct text before_semicolon(struct text element)
{
    struct text rest = element;
    return text_trim(text_split(&rest, ';'));
}

void bind_identity(struct bind_context *context, const struct http_request *http, struct request *request)
{
    struct text id = http->headers[HEADER_X_REQUEST_ID], rest = http->headers[HEADER_ACCEPT], element;
    request->request_id = request_id_is_good(id) ? id : bind_request_id(context, request->arena);
    request->trace = good_trace(http->headers[HEADER_TRACEPARENT]);
    request->head_only = http->method == METHOD_HEAD;
    if (rest.length < strlen("application/problem+json")) return;
    while (http_list_next(&rest, &element))
        request->problem_json |= http_token_equal(before_semicolon(element), "application/problem+json");
}

static bool listed(const char *const *list, struct text value)
{
    for (; list && *list; list++)
        if (text_is(value, *list)) return true;
    return false;
}

/* The address before the first proxy that we do not know: the list is read from its end, since everybody may write its
   beginning. */
static void bind_address(const struct bind_context *context, const struct http_request *http, struct request *request)
{
    struct text rest = http->headers[HEADER_X_FORWARDED_FOR];
    while (rest.data && listed(context->proxies, request->address)) {
        uint32_t from = rest.length;
        while (from && rest.data[from - 1] != ',')
            from--;
        struct text last = text_trim((struct text){rest.data + from, rest.length - from});
        bool good = last.length && last.length <= ADDRESS_MOST;
        for (uint32_t i = 0; i < last.length; i++)
            good &= is_alphanumeric(last.data[i]) || last.data[i] == '.' || last.data[i] == ':';
        if (!good) return;
        request->address = last;
        rest = from ? (struct text){rest.data, from - 1} : (struct text){0};
    }
}

/* ---- token and tenant ---- */

static bool bind_token(struct bind_context *context, const struct http_request *http, struct request *request)
{
    struct text rest = http->headers[HEADER_AUTHORIZATION];
    if (!rest.data) return true;
    struct text scheme = text_split(&rest, ' '), token = text_trim(rest);
    struct token_claims claims;
    if (!http_token_equal(scheme, "bearer") || !token_cache_verify(context->tokens, token, context->now_s, &claims))
        return false;
    request->has_claims = true;
    request->token_tenant = claims.tenant;
    request->token_user = claims.user;
    request->token_session = claims.session;
    request->token_expires_s = claims.expires_s;
    return true;
}

static struct text lower_case(struct arena *arena, struct text source)
{
    char *copy = arena_alloc(arena, source.length + 1);
    for (uint32_t i = 0; i < source.length; i++)
        copy[i] = http_lower(source.data[i]);
    return (struct text){copy, source.length};
}

/* The tenant that a host name stands for: x of "x.<own name>", a foreign name as a whole. Absent for our own names, for
   names without a dot (localhost, a container's name) and for addresses. */
static struct text host_tenant(const struct bind_context *context, struct arena *arena, struct text host)
{
    if (!host.length || host.data[0] == '[') return (struct text){0};
    struct text rest = host, name = lower_case(arena, text_split(&rest, ':'));
    if (name.length && name.data[name.length - 1] == '.') name.length--;
    bool is_address = true;
    for (uint32_t i = 0; i < name.length; i++)
        is_address &= (name.data[i] >= '0' && name.data[i] <= '9') || name.data[i] == '.';
    if (is_address || !memchr(name.data, '.', name.length)) return (struct text){0};

    for (const char *const *own = context->hosts; own && *own; own++) {
        uint32_t length = (uint32_t)strlen(*own);
        if (text_is(name, *own)) return (struct text){0};
        if (name.length > length + 1 && name.data[name.length - length - 1] == '.' &&
            !memcmp(name.data + name.length - length, *own, length))
            return (struct text){name.data, name.length - length - 1};
    }
    return name;
}

static void bind_tenant(const struct bind_context *context, const struct http_request *http,
                        const struct routed *routed, struct request *request)
{
    request->tenant_slug = routed->tenant_slug;
    if (!request->tenant_slug.data)
        request->tenant_slug = host_tenant(context, request->arena, http->headers[HEADER_HOST]);
    if (!request->tenant_slug.data && http->headers[HEADER_X_TENANT].length)
        request->tenant_slug = http->headers[HEADER_X_TENANT];
}

/* ---- headers ---- */

/* "7", "7.42", W/"7" or *: the version alone counts. */
static bool parse_if_match(struct text value, int64_t *version)
{
    if (text_is(value, "*")) {
        *version = -1;
        return true;
    }
    if (text_starts_with(value, "W/")) value.data += 2, value.length -= 2;
    if (value.length < 3 || value.data[0] != '"' || value.data[value.length - 1] != '"') return false;
    struct text revision = {value.data + 1, value.length - 2};
    struct text number = text_split(&revision, '.');
    int64_t ignored;
    return text_to_integer(number, version) && *version >= 0 &&
           (!revision.data || (text_to_integer(revision, &ignored) && ignored >= 0));
}

static void bind_headers(const struct http_request *http, struct request *request, struct problems *problems)
{
    struct text key = http->headers[HEADER_IDEMPOTENCY_KEY], version = http->headers[HEADER_IF_MATCH];
    if (key.data) {
        bool visible = true;
        for (uint32_t i = 0; i < key.length; i++)
            visible &= key.data[i] > ' ' && key.data[i] < 127;
        if (!key.length)
            problem_add(problems, LITERAL("Idempotency-Key"), "too_short", "must have at least 1 character");
        else if (key.length > LIMIT_IDEMPOTENCY_KEY_BYTES)
            problem_add(problems, LITERAL("Idempotency-Key"), "too_long", "must have at most %d characters",
                        (int)LIMIT_IDEMPOTENCY_KEY_BYTES);
        else if (!visible)
            problem_add(problems, LITERAL("Idempotency-Key"), "bad_format", "must be visible ASCII without blanks");
        request->idempotency_key = key;
    }
    if (version.data) {
        request->has_if_match = true;
        if (!parse_if_match(version, &request->if_match))
            problem_add(problems, LITERAL("If-Match"), "bad_format", "must be one ETag, such as \"7\", or *");
    }
    request->if_none_match = http->headers[HEADER_IF_NONE_MATCH];
    struct text rest = http->headers[HEADER_PREFER], element;
    while (http_list_next(&rest, &element))
        request->dry_run |= http_token_equal(before_semicolon(element), "dry-run");
}

/* The first of its types that this command can answer counts. */
static void bind_stream(const struct http_request *http, struct request *request)
{
    struct text rest = http->headers[HEADER_ACCEPT], element;
    request->last_event_id = http->headers[HEADER_LAST_EVENT_ID];
    while (http_list_next(&rest, &element)) {
        struct text type = before_semicolon(element);
        if (http_token_equal(type, "application/json") || text_is(type, "*/*")) return;
        for (int form = STREAM_NONE + 1; form < STREAM_FORMS; form++)
            if (http_token_equal(type, stream_content_types[form])) request->stream = (enum stream_form)form;
        if (request->stream != STREAM_NONE) return;
    }
}

/* NULL, or why this body cannot be taken. */
static const char *refuse_media(const struct http_request *http)
{
    struct text coding = http->headers[HEADER_CONTENT_ENCODING], type = http->headers[HEADER_CONTENT_TYPE];
    if (!http->body.length) return NULL;
    if (coding.data && !http_token_equal(coding, "identity")) return "bodies are taken without Content-Encoding";
    if (!http_token_equal(before_semicolon(type), "application/json")) return "send Content-Type: application/json";

    struct text rest = type, parameter;
    text_split(&rest, ';');
    while (rest.data) {
        parameter = text_trim(text_split(&rest, ';'));
        if (parameter.length > 8 && http_token_equal((struct text){parameter.data, 8}, "charset=")) {
            struct text charset = {parameter.data + 8, parameter.length - 8};
            if (!http_token_equal(charset, "utf-8") && !http_token_equal(charset, "\"utf-8\"")) return "JSON is UTF-8";
        }
    }
    return NULL;
}

/* The same of a command that takes bytes as they are. */
static const char *refuse_bytes(const struct command *command, const struct http_request *http, struct request *request)
{
    struct text coding = http->headers[HEADER_CONTENT_ENCODING], rest = text_of(command->accepts);
    struct text type = before_semicolon(http->headers[HEADER_CONTENT_TYPE]);
    if (coding.data && !http_token_equal(coding, "identity")) return "bodies are taken without Content-Encoding";
    while (rest.data) {
        struct text accepted = text_trim(text_split(&rest, ','));
        if (!http_token_equal(type, arena_text(request->arena, accepted).data)) continue;
        request->body_type = accepted;
        return NULL;
    }
    return arena_format(request->arena, "send Content-Type: one of %s", command->accepts).data;
}

/* ---- query and body ---- */

static void bind_limit(struct request *request, struct text value, struct problems *problems)
{
    int64_t limit;
    if (!text_to_integer(value, &limit))
        problem_add(problems, LITERAL("limit"), "wrong_type", "must be a whole number");
    else if (limit < 1)
        problem_add(problems, LITERAL("limit"), "too_small", "must be at least 1");
    else if (limit > LIMIT_PAGE_MOST)
        problem_add(problems, LITERAL("limit"), "too_large", "must be at most %d", (int)LIMIT_PAGE_MOST);
    else
        request->limit = (uint32_t)limit;
}

static void bind_cursor(struct request *request, struct text value, struct problems *problems)
{
    bool good = value.length && value.length <= CURSOR_MOST;
    for (uint32_t i = 0; i < value.length; i++)
        good &= is_alphanumeric(value.data[i]) || value.data[i] == '-' || value.data[i] == '_';
    if (!good)
        problem_add(problems, LITERAL("cursor"), "bad_format", "must be page.next of the page before");
    else
        request->cursor = value;
}

static void bind_include_deleted(struct request *request, struct text value, struct problems *problems)
{
    request->include_deleted = text_is(value, "true");
    if (!request->include_deleted && !text_is(value, "false"))
        problem_add(problems, LITERAL("include_deleted"), "wrong_type", "must be true or false");
}

/* A position, or a time. */
struct at_query {
    struct text at;
};
static const struct field at_rows[] = {
    TEXT(at_query, 1, at, .min = 1, .max = 40, .doc = "a position of the log, or a time")};
static const struct fields at_fields = FIELDS("at_query", struct at_query, at_rows);

static void bind_at(struct request *request, struct text value, struct problems *problems)
{
    struct at_query query = {0};
    struct binding binding;
    struct buffer pair = {.arena = request->arena};
    buffer_string(&pair, "at=");
    buffer_text(&pair, value);
    uint32_t before = problems->count;
    schema_bind_query(&at_fields, buffer_as_text(&pair), request->arena, &query, &binding, problems);
    if (problems->count > before) return;
    struct moment *at = &request->at;
    bool position = text_to_integer(query.at, &at->position) && at->position >= 0;
    at->given = position || time_parse(query.at, &at->time);
    if (!at->given)
        problem_add(problems, LITERAL("at"), "bad_format", "must be a position of the log, or a time of RFC 3339");
}

/* The parameters that every list or read has, whatever its table says. */
enum { BIT_ENTITY = 1u << 16 }; /* it reads the entity itself */
/* clang-format off */
static const struct common_parameter {
    const char *name;
    uint32_t actions;           /* bits of enum action, and BIT_ENTITY */
    void (*bind)(struct request *request, struct text value, struct problems *problems);
} common_parameters[] = {
    { "limit",           1u << ACTION_LIST,                     bind_limit },
    { "cursor",          1u << ACTION_LIST,                     bind_cursor },
    { "include_deleted", 1u << ACTION_LIST | 1u << ACTION_READ, bind_include_deleted },
    { "at",              BIT_ENTITY,                            bind_at },
};
/* clang-format on */
enum { COMMON_PARAMETERS = sizeof common_parameters / sizeof common_parameters[0] };

/* True when the pair was one of the common parameters. */
static bool bind_common(struct request *request, const struct command *command, struct text pair, uint32_t *seen,
                        struct problems *problems)
{
    struct text value = pair, name = text_split(&value, '=');
    uint32_t shape = 1u << command->action | (command_is_paged(command) ? 1u << ACTION_LIST : 0) |
                     (command_reads_entity(command) ? BIT_ENTITY : 0);
    for (uint32_t i = 0; i < COMMON_PARAMETERS; i++) {
        const struct common_parameter *parameter = &common_parameters[i];
        if (!(parameter->actions & shape) || !text_is(name, parameter->name)) continue;
        if (*seen & 1u << i)
            problem_add(problems, name, "duplicate", "is given twice");
        else
            parameter->bind(request, value, problems);
        *seen |= 1u << i;
        return true;
    }
    return false;
}

static void bind_query(const struct command *command, struct text query, struct request *request,
                       struct problems *problems)
{
    const struct fields *fields = command->query ? command->query : &nothing;
    struct buffer others = {.arena = request->arena};
    struct text rest = query;
    uint32_t seen = 0;
    request->query_text = query;
    while (rest.data) {
        struct text pair = text_split(&rest, '&');
        if (!pair.length || bind_common(request, command, pair, &seen, problems)) continue;
        if (others.length) buffer_byte(&others, '&');
        buffer_text(&others, pair);
    }
    if (!command->query && !others.length) return;

    struct binding binding;
    void *value = arena_alloc(request->arena, fields->size);
    schema_bind_query(fields, buffer_as_text(&others), request->arena, value, &binding, problems);
    request->query = command->query ? value : NULL;
    request->query_present = binding.present;
}

/* A PATCH is bound here onto a value of zeros, only to find what is wrong with it in any state. What depends on the
   entity (a nested struct that is there already, an element named by its id) is left to the core, which binds again. */
static bool holds_in_any_state(const struct problem *problem)
{
    bool nested =
        memchr(problem->path.data, '.', problem->path.length) || memchr(problem->path.data, '[', problem->path.length);
    return !nested || (strcmp(problem->code, "required") != 0 && strcmp(problem->code, "not_one_of") != 0 &&
                       strcmp(problem->code, "read_only") != 0);
}

static enum error bind_patch(const struct fields *fields, struct request *request, struct problems *problems)
{
    struct problems found = {.arena = request->arena};
    void *scratch = arena_alloc(request->arena, fields->size);
    schema_initialise(fields, scratch);
    enum error error =
        schema_bind(fields, request->body, BIND_PATCH, true, request->arena, scratch, &request->binding, &found);
    uint32_t before = problems->count;
    for (uint32_t i = 0; i < found.count; i++) {
        const struct problem *problem = &found.at[i];
        if (holds_in_any_state(problem))
            problem_add(problems, problem->path, problem->code, "%.*s", TEXT_ARGUMENTS(problem->error));
    }
    return error == ERROR_VALIDATION_FAILED && problems->count == before ? OK : error;
}

static enum error bind_body(const struct route *route, struct request *request, struct problems *problems)
{
    const struct command *command = route->command;
    const struct fields *fields = command->action == ACTION_CREATE ? route->kind->fields : command->body;
    bool takes_version = command->action == ACTION_COMMAND || command->action == ACTION_UPSERT;
    if (command->action == ACTION_PATCH) return bind_patch(route->kind->fields, request, problems);
    if (command->accepts) {
        if (request->body.length) return OK;
        problem_add(problems, LITERAL(""), "required", "the body is empty");
        return ERROR_VALIDATION_FAILED;
    }
    if (!fields && !request->body.length) return OK;

    void *value = arena_alloc(request->arena, fields ? fields->size : nothing.size);
    enum bind_mode mode = strcmp(command->method, "PATCH") == 0 ? BIND_CHANGE : BIND_CREATE;
    enum error error = schema_bind(fields ? fields : &nothing, request->body, mode, takes_version, request->arena,
                                   value, &request->binding, problems);
    request->bound = fields ? value : NULL;
    return error;
}

/* ---- the whole ---- */

enum outcome bind_request(struct bind_context *context, const struct http_request *http, struct request *request,
                          struct bound *bound)
{
    struct routed routed;
    *bound = (struct bound){.problems.arena = request->arena};
    bind_identity(context, http, request);
    bind_address(context, http, request);
    if (text_is(http->path, "*")) return OUTCOME_OPTIONS;

    enum match match = router_match(context->router, http->method, http->path, request->arena, &routed);
    bound->methods = routed.methods;
    if (match == MATCH_BAD_PATH) return refuse(bound, ERROR_BAD_REQUEST, "the path is malformed");
    if (match == MATCH_NO_PATH) return refuse(bound, ERROR_NOT_FOUND, NULL);
    if (http->method == METHOD_OPTIONS) return OUTCOME_OPTIONS;
    if (match == MATCH_NO_METHOD) return refuse(bound, ERROR_METHOD_NOT_ALLOWED, NULL);

    const struct route *route = &routed.endpoint->route;
    bound->endpoint = routed.endpoint;
    request->route = route;
    memcpy(request->path, routed.path, sizeof request->path);
    request->path_count = routed.path_count;
    request->body = http->body;
    if (routed.endpoint->below_api) {
        if (!bind_token(context, http, request))
            return refuse(bound, ERROR_UNAUTHORIZED, "the access token is not valid");
        bind_tenant(context, http, &routed, request);
    }
    if (http->body.length && (http->method == METHOD_GET || http->method == METHOD_HEAD))
        return refuse(bound, ERROR_BAD_REQUEST, "a GET has no body");
    const char *media = route->command->accepts ? refuse_bytes(route->command, http, request) : refuse_media(http);
    if (media) return refuse(bound, ERROR_UNSUPPORTED_MEDIA_TYPE, media);

    if (route->command->streams) bind_stream(http, request);
    bind_headers(http, request, &bound->problems);
    bind_query(route->command, http->query, request, &bound->problems);
    enum error error = bind_body(route, request, &bound->problems);
    if (error) return refuse(bound, error, NULL);
    return bound->problems.count ? refuse(bound, ERROR_VALIDATION_FAILED, NULL) : OUTCOME_CORE;
}
