/* The HTTP parser on a stream of pipelined requests. The first byte says how many cut sizes follow and which limits hold,
   then come the cut sizes, then the stream.

   - the same requests, refusals and positions come out however the stream is cut, byte by byte too;
   - where a request was read, a strict reader of our own sees one as well, with the same method, target, body and end. */
#include "base/limits.h"
#include "fuzz/fuzz.h"
#include "net/http.h"
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MOST = 32, CUTS_MOST = 7 };
static const struct http_limits narrow = {.head = 200, .target = 40, .line = 60, .headers = 5, .body = 64};

/* ---- the strict reader (RFC 9112): every line ends in CR LF, one framing, nothing folded ---- */

struct reference {
    struct text method, target, body; /* the body is a view only when it was not chunked */
    bool chunked;
    uint32_t once[3]; /* how often Host, Authorization and Idempotency-Key were seen */
    size_t body_bytes, used;
};

/* The line at *at without its end; false when there is none, or when a control stands in it. */
static bool next_line(struct text stream, size_t *at, struct text *line)
{
    size_t end = *at;
    while (end < stream.length && stream.data[end] != '\r' && stream.data[end] != '\n' && stream.data[end])
        end++;
    if (end + 1 >= stream.length || stream.data[end] != '\r' || stream.data[end + 1] != '\n') return false;
    *line = (struct text){stream.data + *at, (uint32_t)(end - *at)};
    *at = end + 2;
    return true;
}

static bool is_token(struct text name)
{
    for (uint32_t i = 0; i < name.length; i++)
        if (name.data[i] <= ' ' || name.data[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", name.data[i])) return false;
    return name.length > 0;
}

static bool request_line(struct text line, struct reference *request)
{
    struct text rest = line;
    request->method = text_split(&rest, ' ');
    request->target = text_split(&rest, ' ');
    return is_token(request->method) && request->target.length &&
           (text_is(rest, "HTTP/1.1") || text_is(rest, "HTTP/1.0"));
}

static bool hexadecimal(struct text digits, size_t *value)
{
    *value = 0;
    for (uint32_t i = 0; i < digits.length; i++) {
        char c = http_lower(digits.data[i]);
        bool decimal = c >= '0' && c <= '9';
        if ((!decimal && (c < 'a' || c > 'f')) || *value >> 40) return false;
        *value = *value * 16 + (size_t)(decimal ? c - '0' : c - 'a' + 10);
    }
    return digits.length > 0;
}

static bool chunks(struct text stream, size_t *at, struct reference *request)
{
    for (;;) {
        struct text line, rest;
        size_t size;
        if (!next_line(stream, at, &line)) return false;
        rest = line;
        if (!hexadecimal(text_trim(text_split(&rest, ';')), &size)) return false;
        if (!size) break;
        if (size > stream.length - *at) return false;
        request->body_bytes += size;
        *at += size;
        if (!next_line(stream, at, &line) || line.length) return false;
    }
    struct text last;
    return next_line(stream, at, &last) && !last.length;
}

static bool framing(struct text line, struct reference *request, bool *has_length)
{
    struct text value = line, name = text_split(&value, ':');
    static const char *const once[] = {"host", "authorization", "idempotency-key"};
    int64_t length;
    if (!is_token(name) || !value.data) return false;
    value = text_trim(value);
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++)
        if (http_token_equal(name, once[i]) && request->once[i]++) return false;
    if (http_token_equal(name, "content-length")) {
        if (*has_length || (value.length > 1 && value.data[0] == '0') || !text_to_integer(value, &length) || length < 0)
            return false;
        *has_length = true;
        request->body_bytes = (size_t)length;
    } else if (http_token_equal(name, "transfer-encoding")) {
        if (request->chunked || !http_token_equal(value, "chunked")) return false;
        request->chunked = true;
    }
    return true;
}

/* One request at the front of the stream; false when there is no complete, well formed one. */
static bool reference_read(struct text stream, struct reference *request)
{
    size_t at = 0;
    struct text line;
    bool has_length = false;
    *request = (struct reference){0};
    while (at < stream.length && stream.data[at] == '\r')
        if (!next_line(stream, &at, &line) || line.length) return false;
    if (!next_line(stream, &at, &line) || !request_line(line, request)) return false;
    for (;;) {
        if (!next_line(stream, &at, &line)) return false;
        if (!line.length) break;
        if (!framing(line, request, &has_length)) return false;
    }
    if (request->chunked) {
        if (has_length || !chunks(stream, &at, request)) return false;
    } else {
        if (request->body_bytes > stream.length - at) return false;
        request->body = (struct text){stream.data + at, (uint32_t)request->body_bytes};
        at += request->body_bytes;
    }
    request->used = at;
    return true;
}

/* ---- the parser under test ---- */

struct cuts {
    uint8_t sizes[CUTS_MOST];
    uint32_t count; /* 0: the whole at once */
};

static void tell_request(struct buffer *told, const struct http_request *request)
{
    buffer_format(told, "%s %d%d ", http_method_names[request->method], request->http_1_0, request->keep_alive);
    buffer_json_text(told, request->path);
    buffer_json_text(told, request->query);
    for (int header = 0; header < HEADER_COUNT; header++)
        if (request->headers[header].data) {
            buffer_format(told, " %d=", header);
            buffer_json_text(told, request->headers[header]);
        }
    buffer_format(told, " body %u ", request->body.length);
    buffer_text(told, request->body);
    buffer_byte(told, '\n');
}

static void must_agree(const struct http_request *request, struct text stream, size_t used)
{
    struct reference reference;
    MUST(reference_read(stream, &reference), "a request was read where there is none: %.*s", (int)used, stream.data);
    MUST(reference.used == used, "the request ends at %zu, not at %zu", reference.used, used);
    MUST(request->body.length == reference.body_bytes, "a body of %u bytes, not %zu", request->body.length,
         reference.body_bytes);
    MUST(reference.chunked ||
             !memcmp(request->body.data ? request->body.data : "", reference.body.data, reference.body_bytes),
         "another body");
    MUST(request->method == METHOD_OTHER || text_is(reference.method, http_method_names[request->method]),
         "another method");
    uint32_t query = request->query.data ? request->query.length + 1 : 0;
    bool origin = reference.target.data[0] == '/' || reference.target.data[0] == '*';
    MUST(!origin || request->path.length + query == reference.target.length, "another target");
}

/* Parses the stream in pieces and tells everything that came out, with the position at which it did. Pieces are copies of
   their own length, so that a read beyond one is seen. */
static void parse_all(struct text stream, const struct http_limits *limits, const struct cuts *cuts,
                      struct buffer *told)
{
    size_t at = 0;
    uint32_t piece = 0;
    bool ended = false;
    for (int i = 0; i < REQUESTS_MOST && at < stream.length && !ended; i++) {
        struct arena *arena = arena_create();
        struct http_parser *parser = http_parser_create(arena, limits);
        enum parse_event event = PARSE_MORE;
        size_t start = at;
        while ((event == PARSE_MORE || event == PARSE_CONTINUE) && at < stream.length) {
            size_t length = stream.length - at, used,
                   wanted = cuts->count ? cuts->sizes[piece++ % cuts->count] : length;
            if (!wanted) wanted = 1;
            if (wanted < length) length = wanted;
            char *copy = fuzz_copy((struct text){stream.data + at, (uint32_t)length});
            event = http_parse(parser, copy, length, &used);
            memset(copy, 'x', length);
            free(copy);
            MUST(used <= length && (event != PARSE_MORE || used == length), "%zu of %zu bytes used", used, length);
            at += used;
            if (event == PARSE_CONTINUE) buffer_format(told, "continue at %zu\n", at);
        }
        if (event == PARSE_COMPLETE) {
            buffer_format(told, "complete at %zu: ", at);
            tell_request(told, &parser->request);
            must_agree(&parser->request, (struct text){stream.data + start, (uint32_t)(stream.length - start)},
                       at - start);
            MUST(parser->request.body.length <= limits->body && at - start <= limits->head + 2 * limits->body,
                 "limits are not kept");
        } else {
            ended = true;
            buffer_format(told, "%s at %zu, begun %d, stage %d, body %zu: %d %s\n",
                          event == PARSE_REFUSED ? "refused" : "more", at, parser->begun, (int)parser->stage,
                          parser->body_bytes, (int)parser->error, parser->sentence ? parser->sentence : "");
        }
        arena_destroy(arena);
    }
}

static void must_be_equal(const char *how, const struct buffer *expected, struct buffer *told)
{
    MUST(text_equal(buffer_as_text(expected), buffer_as_text(told)), "%s:\n%.*s\nnot\n%.*s", how,
         TEXT_ARGUMENTS(buffer_as_text(told)), TEXT_ARGUMENTS(buffer_as_text(expected)));
    buffer_free(told);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cuts whole = {.count = 0}, bytes = {.sizes = {1}, .count = 1};
    struct input input = {data, size};
    struct cuts cuts = {0};
    uint8_t first = input_byte(&input);
    const struct http_limits *limits = first & 8 ? &narrow : &http_limits_default;
    cuts.count = first % (CUTS_MOST + 1);
    for (uint32_t i = 0; i < cuts.count; i++)
        cuts.sizes[i] = input_byte(&input);

    struct text stream = input_rest(&input);
    struct buffer expected = {0}, told = {0};
    parse_all(stream, limits, &whole, &expected);
    parse_all(stream, limits, &bytes, &told);
    must_be_equal("byte by byte", &expected, &told);
    told = (struct buffer){0};
    parse_all(stream, limits, &cuts, &told);
    must_be_equal("in pieces", &expected, &told);
    buffer_free(&expected);
    return 0;
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    /* clang-format off */
    static const char *const requests[] = {
        "GET /api/v1/products?limit=2 HTTP/1.1\r\nHost: a.example:80\r\nAccept: */*\r\n\r\n",
        "POST /api/v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=\"y\"\r\nhello\r\n000\r\n\r\n",
        "\r\nPOST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nabcd",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:1\r\nConnection: close, x\r\n\r\n",
        "GET http://a/b?c HTTP/1.1\r\nHost: A\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\na",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "M-SEARCH * HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\na",
        "GET / HTTP/1.1\r\nHost: a\r\nIf-Match: \"1\"\r\nIf-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n\r\n",
    };
    /* clang-format on */
    struct buffer bytes = {0};
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        buffer_bytes(&bytes, i % 2 ? "\x0b\x07\x01\x10" : "\x03\x07\x01\x10", 4);
        buffer_string(&bytes, requests[i]);
        if (i) buffer_string(&bytes, requests[0]);
        fuzz_seed(seeds, &bytes);
    }
    buffer_free(&bytes);
}
