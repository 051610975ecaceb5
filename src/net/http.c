/* The HTTP binding: the request line by a machine of our own, fields and bodies by llhttp, and the policy that a parser
   does not have. Every decision is taken where a line, a field or the head ends, never where the input happens to be cut.

     STAGE_LINE ── line read ──▶ STAGE_HEAD ── empty line ──▶ STAGE_BODY ── last byte ──▶ STAGE_DONE
          └───────────────┴───────────────────────┴──▶ STAGE_REFUSED */
#include "net/http.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/limits.h"
#include <llhttp.h>
#include <string.h>

enum {
    EMPTY_LINES_MOST = 2, /* before a request line; some clients send one after a body */
    METHOD_BYTES_MOST = 16,
    NAME_BYTES_MOST = 40 /* the longest header name that matters is shorter */
};

/* clang-format off */
const char *const http_method_names[METHOD_COUNT] = { "GET",   "HEAD",   "POST",    "PUT",
                                                      "PATCH", "DELETE", "OPTIONS", "OTHER" };
const struct http_limits http_limits_default = {
    .head = LIMIT_HEAD_BYTES,
    .target = LIMIT_URI_BYTES,
    .line = LIMIT_HEAD_BYTES / 2,
    .headers = LIMIT_HEADER_COUNT,
    .body = LIMIT_BODY_BYTES,
};
/* clang-format on */

/* A text that arrives in pieces. */
struct assembly {
    char *data;
    size_t length, capacity;
};
enum line_state { LINE_START, LINE_START_LF, LINE_METHOD, LINE_TARGET, LINE_PROTOCOL, LINE_LF };

struct machine {
    struct http_parser public;
    struct arena *arena;
    const struct http_limits *limits;
    llhttp_t llhttp;
    size_t bytes;     /* read since the request line began */
    struct text head; /* a copy of it, when it came whole: what is in there needs no copy of its own */
    enum line_state line;
    uint32_t empty_lines;
    char method[METHOD_BYTES_MOST];
    uint32_t method_length, protocol_length;
    char protocol[9]; /* "HTTP/1.1\r" */
    struct assembly target, value, body;
    char name[NAME_BYTES_MOST];
    size_t name_length, line_length, header_count;
    int header; /* enum http_header of the field being read; -1: one that does not matter */
    bool chunked, expects_continue;
};

/* ---- helpers ---- */

static void refuse(struct machine *machine, enum error error, const char *sentence)
{
    machine->public.stage = STAGE_REFUSED;
    machine->public.error = error;
    machine->public.sentence = sentence;
}

static void assemble(struct machine *machine, struct assembly *text, const char *data, size_t length)
{
    struct arena *arena = machine->arena;
    const struct text *head = &machine->head;
    if (!text->length && length && data >= head->data && data < head->data + head->length) {
        *text = (struct assembly){(char *)(uintptr_t)data, length, length};
        return;
    }
    if (text->length + length > text->capacity) {
        size_t capacity = text->capacity * 2 > text->length + length ? text->capacity * 2 : text->length + length;
        char *larger = arena_alloc(arena, capacity + 1);
        if (text->length) memcpy(larger, text->data, text->length);
        text->data = larger;
        text->capacity = capacity;
    }
    if (length) memcpy(text->data + text->length, data, length);
    text->length += length;
}

static struct text assembled(const struct assembly *text)
{
    return (struct text){text->data ? text->data : "", (uint32_t)text->length};
}

char http_lower(char c)
{
    if (c < 'A' || c > 'Z') return c;
    return (char)(c | 0x20);
}

bool http_token_equal(struct text a, const char *lower_case)
{
    uint32_t i = 0;
    while (i < a.length && lower_case[i] && http_lower(a.data[i]) == lower_case[i])
        i++;
    return i == a.length && !lower_case[i];
}

static struct text without_blanks(struct text a)
{
    while (a.length && (a.data[0] == ' ' || a.data[0] == '\t'))
        a.data++, a.length--;
    while (a.length && (a.data[a.length - 1] == ' ' || a.data[a.length - 1] == '\t'))
        a.length--;
    return a;
}

bool http_list_next(struct text *rest, struct text *element)
{
    if (!rest->data) return false;
    *element = without_blanks(text_split(rest, ','));
    return true;
}

static bool is_hexadecimal(char c)
{
    return (c >= '0' && c <= '9') || (http_lower(c) >= 'a' && http_lower(c) <= 'f');
}

/* ---- the request line ---- */

static enum http_method method_of(struct text name)
{
    for (int method = 0; method < METHOD_OTHER; method++)
        if (text_is(name, http_method_names[method])) return (enum http_method)method;
    return METHOD_OTHER;
}

/* Not zero when a byte has to be looked at. */
static uint64_t bytes_questionable(uint64_t word)
{
    return bytes_equal(word, '%') | bytes_equal(word, '#') | bytes_equal(word, '\\');
}

/* Origin form, "*" of OPTIONS, or the absolute form, whose authority has to be the Host. The rest of it is checked with
   the head. */
static void check_target(struct machine *machine)
{
    struct http_request *request = &machine->public.request;
    struct text target = assembled(&machine->target);

    for (uint32_t i = 0; i < target.length; i++) {
        while (target.length - i > 8 && !bytes_questionable(bytes_load(target.data + i)))
            i += 8;
        char c = target.data[i];
        bool coded = c != '%' ||
                     (i + 2 < target.length && is_hexadecimal(target.data[i + 1]) &&
                      is_hexadecimal(target.data[i + 2]) && !(target.data[i + 1] == '0' && target.data[i + 2] == '0'));
        if (c == '#' || c == '\\' || !coded) {
            refuse(machine, ERROR_BAD_REQUEST, "the request target has a character that it may not have");
            return;
        }
    }
    if (text_is(target, "*") && request->method == METHOD_OPTIONS) {
        request->path = target;
        return;
    }
    if (target.data[0] != '/' && !text_starts_with(target, "http://") && !text_starts_with(target, "https://")) {
        refuse(machine, ERROR_BAD_REQUEST, "the request target has to be a path");
        return;
    }
    struct text rest = target;
    request->path = text_split(&rest, '?');
    request->query = rest;
}

static void check_line(struct machine *machine)
{
    struct http_request *request = &machine->public.request;
    struct text method = {machine->method, machine->method_length};
    struct text protocol = {machine->protocol, machine->protocol_length};
    bool is_http = protocol.length == 8 && text_starts_with(protocol, "HTTP/") && protocol.data[6] == '.';

    if (!is_http) {
        refuse(machine, ERROR_BAD_REQUEST, "the request line is malformed");
        return;
    }
    if (!text_is(protocol, "HTTP/1.0") && !text_is(protocol, "HTTP/1.1")) {
        refuse(machine, ERROR_HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here");
        return;
    }
    if (text_is(method, "CONNECT")) {
        refuse(machine, ERROR_METHOD_NOT_ALLOWED, "this is no proxy");
        return;
    }
    request->method = method_of(method);
    request->http_1_0 = protocol.data[7] == '0';
    check_target(machine);
    if (machine->public.stage == STAGE_REFUSED) return;

    machine->public.stage = STAGE_HEAD;
    const char *line = request->http_1_0 ? "POST / HTTP/1.0\r\n" : "POST / HTTP/1.1\r\n";
    CHECK(llhttp_execute(&machine->llhttp, line, strlen(line)) == HPE_OK);
}

/* One byte of the request line, the target's aside. */
static void line_byte(struct machine *machine, char c)
{
    switch (machine->line) {
    case LINE_START:
        if (c == '\r')
            machine->line = LINE_START_LF;
        else if (c >= 'A' && c <= 'Z')
            machine->line = LINE_METHOD, machine->method[machine->method_length++] = c;
        else
            refuse(machine, ERROR_BAD_REQUEST, "the request line is malformed");
        break;
    case LINE_START_LF:
        machine->line = LINE_START;
        if (c != '\n' || ++machine->empty_lines > EMPTY_LINES_MOST)
            refuse(machine, ERROR_BAD_REQUEST, "there is no request line");
        break;
    case LINE_METHOD:
        if (c == ' ')
            machine->line = LINE_TARGET;
        else if (((c >= 'A' && c <= 'Z') || c == '-' || c == '_') && machine->method_length < METHOD_BYTES_MOST)
            machine->method[machine->method_length++] = c;
        else
            refuse(machine, ERROR_BAD_REQUEST, "the method is malformed");
        break;
    case LINE_PROTOCOL:
        if (c == '\r')
            machine->line = LINE_LF;
        else if (c > ' ' && c < 127 && machine->protocol_length < 8)
            machine->protocol[machine->protocol_length++] = c;
        else
            refuse(machine, ERROR_BAD_REQUEST, "the request line is malformed");
        break;
    case LINE_LF:
        if (c == '\n')
            check_line(machine);
        else
            refuse(machine, ERROR_BAD_REQUEST, "the request line is malformed");
        break;
    case LINE_TARGET: CHECK(!"reached");
    }
}

/* Reads a run of the target; returns the bytes read. */
static size_t line_target(struct machine *machine, const char *data, size_t length)
{
    size_t run = 0, room = machine->limits->target - machine->target.length;
    size_t most = length < room ? length : room;
    while (most - run >= 8 && !(bytes_unprintable(bytes_load(data + run)) | bytes_equal(bytes_load(data + run), ' ')))
        run += 8;
    while (run < most && data[run] > ' ' && data[run] < 127)
        run++;
    assemble(machine, &machine->target, data, run);
    if (run == length) return run;
    if (data[run] == ' ' && machine->target.length)
        machine->line = LINE_PROTOCOL;
    else if (run == room)
        refuse(machine, ERROR_URI_TOO_LONG, "the request target is too long");
    else
        refuse(machine, ERROR_BAD_REQUEST, "the request target has a character that it may not have");
    return run + 1;
}

static size_t parse_line(struct machine *machine, const char *data, size_t length)
{
    size_t used = 0;
    while (used < length && machine->public.stage == STAGE_LINE) {
        if (machine->line == LINE_TARGET)
            used += line_target(machine, data + used, length - used);
        else
            line_byte(machine, data[used++]);
        machine->public.begun |= machine->line != LINE_START && machine->line != LINE_START_LF;
    }
    return used;
}

/* ---- header fields ---- */

enum repeats { ONCE, LISTED };
/* clang-format off */
#define NAME(string) { (string), sizeof(string) - 1 }
static const struct known_header {
    struct text name;
    enum repeats repeats;       /* LISTED: several fields are one list */
} known_headers[HEADER_COUNT] = {
    [HEADER_HOST]                          = { NAME("host"),                          ONCE },
    [HEADER_CONTENT_LENGTH]                = { NAME("content-length"),                ONCE },
    [HEADER_TRANSFER_ENCODING]             = { NAME("transfer-encoding"),             ONCE },
    [HEADER_CONNECTION]                    = { NAME("connection"),                    LISTED },
    [HEADER_UPGRADE]                       = { NAME("upgrade"),                       LISTED },
    [HEADER_EXPECT]                        = { NAME("expect"),                        ONCE },
    [HEADER_CONTENT_TYPE]                  = { NAME("content-type"),                  ONCE },
    [HEADER_CONTENT_ENCODING]              = { NAME("content-encoding"),              ONCE },
    [HEADER_AUTHORIZATION]                 = { NAME("authorization"),                 ONCE },
    [HEADER_IDEMPOTENCY_KEY]               = { NAME("idempotency-key"),               ONCE },
    [HEADER_IF_MATCH]                      = { NAME("if-match"),                      ONCE },
    [HEADER_IF_NONE_MATCH]                 = { NAME("if-none-match"),                 LISTED },
    [HEADER_PREFER]                        = { NAME("prefer"),                        LISTED },
    [HEADER_ACCEPT]                        = { NAME("accept"),                        LISTED },
    [HEADER_ACCEPT_ENCODING]               = { NAME("accept-encoding"),               LISTED },
    [HEADER_LAST_EVENT_ID]                 = { NAME("last-event-id"),                 ONCE },
    [HEADER_X_TENANT]                      = { NAME("x-tenant"),                      ONCE },
    [HEADER_X_REQUEST_ID]                  = { NAME("x-request-id"),                  ONCE },
    [HEADER_TRACEPARENT]                   = { NAME("traceparent"),                   LISTED },
    [HEADER_X_FORWARDED_FOR]               = { NAME("x-forwarded-for"),               LISTED },
    [HEADER_ORIGIN]                        = { NAME("origin"),                        ONCE },
    [HEADER_ACCESS_CONTROL_REQUEST_METHOD] = { NAME("access-control-request-method"), ONCE },
};
/* clang-format on */

static struct machine *machine_of(llhttp_t *llhttp)
{
    return llhttp->data;
}

static int on_field(llhttp_t *llhttp, const char *data, size_t length)
{
    struct machine *machine = machine_of(llhttp);
    for (size_t i = 0; i < length && machine->name_length + i < NAME_BYTES_MOST; i++)
        machine->name[machine->name_length + i] = http_lower(data[i]);
    machine->name_length += length;
    return 0;
}

static int on_field_complete(llhttp_t *llhttp)
{
    struct machine *machine = machine_of(llhttp);
    if (machine->public.stage != STAGE_HEAD) {
        refuse(machine, ERROR_BAD_REQUEST, "trailers are not taken");
        return -1;
    }
    if (++machine->header_count > machine->limits->headers) {
        refuse(machine, ERROR_HEAD_TOO_LARGE, "there are too many header fields");
        return -1;
    }
    machine->header = -1;
    if (machine->name_length <= NAME_BYTES_MOST) {
        struct text name = {machine->name, (uint32_t)machine->name_length};
        for (int header = 0; header < HEADER_COUNT && machine->header < 0; header++)
            if (known_headers[header].name.length == name.length && text_equal(name, known_headers[header].name))
                machine->header = header;
    }
    machine->line_length = machine->name_length;
    machine->name_length = 0;
    machine->value = (struct assembly){0};
    return 0;
}

static int on_value(llhttp_t *llhttp, const char *data, size_t length)
{
    struct machine *machine = machine_of(llhttp);
    machine->line_length += length;
    if (machine->header >= 0) assemble(machine, &machine->value, data, length);
    return 0;
}

static int on_value_complete(llhttp_t *llhttp)
{
    struct machine *machine = machine_of(llhttp);
    if (machine->line_length > machine->limits->line) {
        refuse(machine, ERROR_HEAD_TOO_LARGE, "a header field is too long");
        return -1;
    }
    if (machine->header < 0) return 0;

    struct text value = without_blanks(assembled(&machine->value));
    for (uint32_t i = text_printable_run(value); i < value.length; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if ((c < ' ' && c != '\t') || c >= 127) {
            refuse(machine, ERROR_BAD_REQUEST, "a header field has a character that it may not have");
            return -1;
        }
    }
    struct text *slot = &machine->public.request.headers[machine->header];
    if (slot->data && known_headers[machine->header].repeats == ONCE) {
        refuse(machine, ERROR_BAD_REQUEST, "a header field that may be sent once was sent twice");
        return -1;
    }
    *slot =
        slot->data ? arena_format(machine->arena, "%.*s, %.*s", TEXT_ARGUMENTS(*slot), TEXT_ARGUMENTS(value)) : value;
    return 0;
}

/* ---- the head as a whole ---- */

bool http_host_is_good(struct text host)
{
    uint32_t i = 0;
    if (host.length && host.data[0] == '[') {
        while (++i < host.length && (is_hexadecimal(host.data[i]) || host.data[i] == ':' || host.data[i] == '.')) {}
        if (i < 3 || i == host.length || host.data[i++] != ']') return false;
    } else {
        for (; i < host.length; i++) {
            char c = http_lower(host.data[i]);
            if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_')) break;
        }
        if (i == 0 || i > 255) return false;
    }
    if (i == host.length) return true;
    struct text port = {host.data + i + 1, host.length - i - 1};
    int64_t number;
    return host.data[i] == ':' && port.length <= 5 && text_to_integer(port, &number) && number >= 0 && number <= 65535;
}

static void check_host(struct machine *machine)
{
    struct http_request *request = &machine->public.request;
    struct text host = request->headers[HEADER_HOST];
    if (host.data ? !http_host_is_good(host) : !request->http_1_0) {
        refuse(machine, ERROR_BAD_REQUEST, "a request has one well formed Host header");
        return;
    }
    if (request->path.data[0] == '/' || request->path.data[0] == '*') return;

    /* The absolute form: http://authority/path. We are the origin, so the authority is ours or the request is not. */
    struct text rest = request->path;
    text_split(&rest, '/');
    text_split(&rest, '/');
    struct text authority = rest;
    uint32_t length = 0;
    while (length < authority.length && authority.data[length] != '/')
        length++;
    authority.length = length;
    bool same = host.data && host.length == authority.length;
    for (uint32_t i = 0; same && i < host.length; i++)
        same = http_lower(host.data[i]) == http_lower(authority.data[i]);
    if (!same) {
        refuse(machine, ERROR_BAD_REQUEST, "the request target names another host");
        return;
    }
    request->path = length == rest.length ? LITERAL("/") : (struct text){rest.data + length, rest.length - length};
}

static void check_framing(struct machine *machine)
{
    struct http_request *request = &machine->public.request;
    struct text coding = request->headers[HEADER_TRANSFER_ENCODING], length = request->headers[HEADER_CONTENT_LENGTH];
    int64_t bytes = 0;

    if (coding.data && (length.data || request->http_1_0 || !coding.length)) {
        refuse(machine, ERROR_BAD_REQUEST, "the framing of the body is ambiguous");
    } else if (coding.data && !http_token_equal(coding, "chunked")) {
        refuse(machine, ERROR_FRAMING_NOT_SUPPORTED, "the only transfer coding spoken here is chunked");
    } else if (length.data && ((length.length > 1 && length.data[0] == '0') || length.length == 0)) {
        refuse(machine, ERROR_BAD_REQUEST, "Content-Length is not a number in its plain form");
    } else if (length.data && (!text_to_integer(length, &bytes) || (uint64_t)bytes > machine->limits->body)) {
        /* llhttp has seen that there are digits only: what does not fit in 63 bits is too large as well. */
        refuse(machine, ERROR_BODY_TOO_LARGE, "the body is too large");
    }
    machine->chunked = coding.data != NULL;
    machine->expects_continue = machine->chunked || bytes > 0;
}

static void check_connection(struct machine *machine)
{
    struct http_request *request = &machine->public.request;
    struct text rest = request->headers[HEADER_CONNECTION], element, expect = request->headers[HEADER_EXPECT];
    bool close = false, keep = false, upgrade = false;
    while (http_list_next(&rest, &element)) {
        close |= http_token_equal(element, "close");
        keep |= http_token_equal(element, "keep-alive");
        upgrade |= http_token_equal(element, "upgrade");
    }
    request->keep_alive = !close && (!request->http_1_0 || keep);

    if (machine->llhttp.upgrade || (upgrade && request->headers[HEADER_UPGRADE].data)) {
        refuse(machine, ERROR_FRAMING_NOT_SUPPORTED, "no other protocol is spoken here");
    } else if (expect.data && !http_token_equal(expect, "100-continue")) {
        refuse(machine, ERROR_EXPECTATION_FAILED, "the only expectation known here is 100-continue");
    }
    machine->expects_continue &= expect.data && !request->http_1_0;
}

static int on_head_complete(llhttp_t *llhttp)
{
    struct machine *machine = machine_of(llhttp);
    static void (*const checks[])(struct machine *) = {check_host, check_framing, check_connection};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        checks[i](machine);
        if (machine->public.stage == STAGE_REFUSED) return -1;
    }
    machine->public.stage = STAGE_BODY;
    return machine->expects_continue ? HPE_PAUSED : 0;
}

/* ---- the body ---- */

static int on_chunk(llhttp_t *llhttp)
{
    struct machine *machine = machine_of(llhttp);
    if (llhttp->content_length <= machine->limits->body - machine->body.length) return 0;
    refuse(machine, ERROR_BODY_TOO_LARGE, "the body is too large");
    return -1;
}

static int on_body(llhttp_t *llhttp, const char *data, size_t length)
{
    struct machine *machine = machine_of(llhttp);
    assemble(machine, &machine->body, data, length);
    machine->public.body_bytes = machine->body.length;
    return 0;
}

static int on_complete(llhttp_t *llhttp)
{
    struct machine *machine = machine_of(llhttp);
    machine->public.stage = STAGE_DONE;
    if (machine->body.length) machine->public.request.body = assembled(&machine->body);
    return HPE_PAUSED;
}

/* clang-format off */
static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_field_complete = on_field_complete,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head_complete,
    .on_chunk_header = on_chunk,
    .on_body = on_body,
    .on_message_complete = on_complete,
};
/* clang-format on */

/* ---- the whole ---- */

struct http_parser *http_parser_create(struct arena *arena, const struct http_limits *limits)
{
    struct machine *machine = ARENA_NEW(arena, struct machine);
    machine->arena = arena;
    machine->limits = limits;
    llhttp_init(&machine->llhttp, HTTP_REQUEST, &settings);
    machine->llhttp.data = machine;
    return &machine->public;
}

/* How many more bytes this request may have on the wire, chunk sizes and extensions included. */
static size_t wire_room(const struct machine *machine)
{
    size_t most = machine->limits->head;
    if (machine->public.stage == STAGE_BODY)
        most += machine->chunked ? 2 * machine->limits->body : machine->limits->body;
    return most > machine->bytes ? most - machine->bytes : 0;
}

static void refuse_by_llhttp(struct machine *machine, llhttp_errno_t fault)
{
    switch (fault) {
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH:
        refuse(machine, ERROR_BAD_REQUEST, "Content-Length is malformed, repeated or beside Transfer-Encoding");
        break;
    case HPE_INVALID_TRANSFER_ENCODING: refuse(machine, ERROR_BAD_REQUEST, "Transfer-Encoding is malformed"); break;
    case HPE_INVALID_CHUNK_SIZE: refuse(machine, ERROR_BAD_REQUEST, "a chunk size is malformed"); break;
    case HPE_PAUSED_UPGRADE:
    case HPE_PAUSED_H2_UPGRADE: refuse(machine, ERROR_FRAMING_NOT_SUPPORTED, "no other protocol is spoken here"); break;
    default:
        refuse(machine, ERROR_BAD_REQUEST,
               machine->public.stage == STAGE_HEAD ? "a header field is malformed" : "the body is malformed");
    }
}

/* Gives llhttp one run of bytes; returns how many it read. */
static size_t execute(struct machine *machine, const char *data, size_t length)
{
    llhttp_errno_t fault = llhttp_execute(&machine->llhttp, data, length);
    if (fault == HPE_OK) return length;
    const char *end = llhttp_get_error_pos(&machine->llhttp);
    if (fault == HPE_PAUSED)
        llhttp_resume(&machine->llhttp);
    else if (machine->public.stage != STAGE_REFUSED)
        refuse_by_llhttp(machine, fault);
    return end && end >= data && end <= data + length ? (size_t)(end - data) : length;
}

/* Parses until the bytes are used, the request is complete or refused, or its client waits for "100 Continue". */
static enum parse_event parse(struct machine *machine, const char *data, size_t length, size_t *used)
{
    struct http_parser *parser = &machine->public;
    bool in_head = parser->stage == STAGE_LINE || parser->stage == STAGE_HEAD;
    *used = 0;
    while (*used < length && parser->stage < STAGE_DONE) {
        size_t rest = length - *used, room = wire_room(machine), done;
        if (parser->stage == STAGE_LINE) {
            done = parse_line(machine, data + *used, rest);
        } else if (room == 0) {
            if (parser->stage == STAGE_HEAD)
                refuse(machine, ERROR_HEAD_TOO_LARGE, "the request head is too large");
            else
                refuse(machine, ERROR_BODY_TOO_LARGE, "the body is too large");
            done = 0;
        } else {
            done = execute(machine, data + *used, rest < room ? rest : room);
        }
        machine->bytes += done;
        *used += done;
        if (in_head && parser->stage == STAGE_BODY && machine->expects_continue) return PARSE_CONTINUE;
    }
    if (parser->stage == STAGE_REFUSED) return PARSE_REFUSED;
    return parser->stage == STAGE_DONE ? PARSE_COMPLETE : PARSE_MORE;
}

size_t http_head_length(const char *data, size_t length)
{
    const char *end = data + length;
    for (const char *at = data; (at = memchr(at, '\r', (size_t)(end - at))) && end - at >= 4; at++)
        if (!memcmp(at, "\r\n\r\n", 4)) return (size_t)(at - data) + 4;
    return 0;
}

enum parse_event http_parse(struct http_parser *parser, const char *data, size_t length, size_t *used)
{
    struct machine *machine = (struct machine *)(void *)parser;
    size_t head = 0, more;
    *used = 0;
    if (!machine->bytes) head = http_head_length(data, length < machine->limits->head ? length : machine->limits->head);
    if (head) {
        machine->head = (struct text){arena_copy(machine->arena, data, head), (uint32_t)head};
        enum parse_event event = parse(machine, machine->head.data, head, used);
        if (event != PARSE_MORE || *used == length) return event;
    }
    enum parse_event event = parse(machine, data + *used, length - *used, &more);
    *used += more;
    return event;
}
