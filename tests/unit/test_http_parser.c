/* The HTTP binding against the requests that other servers have stumbled over. Each row is sent whole, a byte at a time
   and cut in two at every place; what comes out must be the same. */
#include "net/http.h"
#include "base/buffer.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What parsing came to, as text: one line an event. Stops at a refusal, or at a request that closes the connection. */
static struct text outcome(struct arena *arena, const struct http_limits *limits, struct text input, uint32_t first,
                           uint32_t step)
{
    struct buffer out = {.arena = arena};
    struct http_parser *parser = http_parser_create(arena, limits);
    bool more = true;
    for (uint32_t at = 0, size = first ? first : step; more && at < input.length; at += size, size = step) {
        if (size > input.length - at) size = input.length - at;
        char *piece = memory_alloc(size); /* of its own, so that a sanitizer sees a read beyond it */
        memcpy(piece, input.data + at, size);
        size_t read = 0, used = 0;
        while (more && read < size) {
            enum parse_event event = http_parse(parser, piece + read, size - read, &used);
            read += used;
            const struct http_request *request = &parser->request;
            switch (event) {
            case PARSE_MORE: assert_int_equal(read, size); break;
            case PARSE_CONTINUE: buffer_string(&out, "continue\n"); break;
            case PARSE_REFUSED:
                buffer_format(&out, "%u\n", error_status(parser->error));
                more = false;
                break;
            case PARSE_COMPLETE:
                buffer_format(&out, "%s %.*s", http_method_names[request->method], TEXT_ARGUMENTS(request->path));
                if (request->query.data) buffer_format(&out, "?%.*s", TEXT_ARGUMENTS(request->query));
                if (request->body.data) buffer_format(&out, " [%.*s]", TEXT_ARGUMENTS(request->body));
                buffer_string(&out, request->keep_alive ? "\n" : " close\n");
                more = request->keep_alive;
                parser = http_parser_create(arena, limits);
            }
        }
        free(piece);
    }
    if (more && parser->begun) buffer_string(&out, "incomplete\n");
    return buffer_as_text(&out);
}

static void expect(const struct http_limits *limits, struct text input, const char *expected)
{
    for (uint32_t first = 0; first <= input.length && first < 700; first++) {
        struct arena *arena = arena_create();
        struct text result = outcome(arena, limits, input, first, input.length);
        if (!text_is(result, expected))
            fail_msg("cut at %u: %.*s\n=> %.*s\nexpected %s", first, TEXT_ARGUMENTS(input), TEXT_ARGUMENTS(result),
                     expected);
        arena_destroy(arena);
    }
    for (uint32_t step = 1; step < 8; step += 2) {
        struct arena *arena = arena_create();
        struct text result = outcome(arena, limits, input, 0, step);
        if (!text_is(result, expected))
            fail_msg("%u at a time: %.*s\n=> %.*s\nexpected %s", step, TEXT_ARGUMENTS(input), TEXT_ARGUMENTS(result),
                     expected);
        arena_destroy(arena);
    }
}

struct row {
    struct text input;
    const char *expected;
};
#define ROW(input, expected)     \
    {                            \
        LITERAL(input), expected \
    }
#define HOST "Host: shop.example\r\n"

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&http_limits_default, rows[i].input, rows[i].expected);
}
#define EXPECT_ROWS(rows) expect_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void accepts(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n" HOST "\r\n", "GET /\n"),
        ROW("GET /a/b?c=d&e HTTP/1.1\r\n" HOST "\r\n", "GET /a/b?c=d&e\n"),
        ROW("GET /? HTTP/1.1\r\n" HOST "\r\n", "GET /?\n"),
        ROW("HEAD /a%20b HTTP/1.1\r\n" HOST "\r\n", "HEAD /a%20b\n"),
        ROW("OPTIONS * HTTP/1.1\r\n" HOST "\r\n", "OPTIONS *\n"),
        ROW("DELETE /x HTTP/1.1\r\nhOsT:shop.example:8080\r\n\r\n", "DELETE /x\n"),
        ROW("GET /x HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET /x\n"),
        ROW("GET /x HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Odd:\r\nX-Odder: \t \r\n\r\n", "GET /x\n"),
        ROW("POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", "POST /x [abc]\n"),
        ROW("POST /x HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", "POST /x\n"),
        ROW("PUT /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "PUT /x [abc]\n"),
        ROW("PATCH /x HTTP/1.1\r\n" HOST "transfer-encoding: Chunked\r\n\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n", "PATCH /x [0123456789]\n"),
        ROW("GET / HTTP/1.0\r\n\r\n", "GET / close\n"),
        ROW("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", "GET /\nGET /2 close\n"),
        ROW("\r\nGET / HTTP/1.1\r\n" HOST "\r\n\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n", "GET /\nGET /2\n"),
        ROW("GET http://shop.example/a?b HTTP/1.1\r\n" HOST "\r\n", "GET /a?b\n"),
        ROW("GET http://Shop.Example HTTP/1.1\r\n" HOST "\r\n", "GET /\n"),
        ROW("FOO /x HTTP/1.1\r\n" HOST "\r\nGET /y HTTP/1.1\r\n" HOST "\r\n", "OTHER /x\nGET /y\n"),
        ROW("TRACE /x HTTP/1.1\r\n" HOST "Content-Length: 1\r\n\r\nxGET /y HTTP/1.1\r\n" HOST "\r\n", "OTHER /x [x]\nGET /y\n"),
        ROW("GET /x HTTP/1.1\r\n" HOST, "incomplete\n"),
        ROW("POST /x HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nab", "incomplete\n"),
        ROW("POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n", "incomplete\n"),
    };
    /* clang-format on */
    EXPECT_ROWS(rows);
}

static void ambiguous_framing(void **state)
{
    (void)state;
#define POST     "POST /x HTTP/1.1\r\n" HOST
#define SMUGGLED "\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\n" HOST "\r\n"
    /* clang-format off */
    static const struct row rows[] = {
        /* Content-Length beside Transfer-Encoding, in both orders */
        ROW(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n" SMUGGLED, "400\n"),
        ROW(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n" SMUGGLED, "400\n"),
        /* lengths that are none */
        ROW(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 3, 3\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: +3\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: -3\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 0x3\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 3 4\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length:\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 003\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 00\r\n\r\n", "400\n"),
        ROW(POST "Content-Length: 18446744073709551615\r\n\r\nabc", "413\n"),
        ROW(POST "Content-Length: 9223372036854775807\r\n\r\nabc", "413\n"),
        ROW(POST "Content-Length: 99999999999999999999999\r\n\r\nabc", "400\n"),
        ROW(POST "Content-Length: 1048577\r\n\r\nabc", "413\n"),
        /* transfer codings */
        ROW(POST "Transfer-Encoding:\r\nContent-Length: 3\r\n\r\nabc", "400\n"),
        ROW(POST "Transfer-Encoding:\r\n\r\n", "400\n"),
        ROW(POST "Transfer-Encoding: gzip, chunked\r\n" SMUGGLED, "501\n"),
        ROW(POST "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" SMUGGLED, "400\n"),
        ROW(POST "Transfer-Encoding: , chunked\r\n" SMUGGLED, "501\n"),
        ROW(POST "Transfer-Encoding: chunked, gzip\r\n" SMUGGLED, "400\n"),
        ROW(POST "Transfer-Encoding: chunked, chunked\r\n" SMUGGLED, "400\n"),
        ROW(POST "Transfer-Encoding: identity\r\n" SMUGGLED, "501\n"),
        ROW(POST "Transfer-Encoding: xchunked\r\n" SMUGGLED, "501\n"),
        ROW(POST "Transfer-Encoding: chunked;q=1\r\n" SMUGGLED, "501\n"),
        ROW(POST "Transfer-Encoding: \vchunked\r\n" SMUGGLED, "400\n"),
        ROW(POST "Transfer-Encoding:\r\n chunked\r\n" SMUGGLED, "400\n"),
        ROW("POST /x HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n" SMUGGLED, "400\n"),
        /* names that only look alike */
        ROW(POST "Content_Length: 3\r\n\r\n", "POST /x\n"),
        ROW(POST "Transfer_Encoding: chunked\r\n\r\n", "POST /x\n"),
        /* chunks */
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
        ROW(CHUNKED "0x3\r\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "3 \r\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "\r\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "-1\r\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabcX\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabc0\r\n\r\n", "400\n"),
        ROW(CHUNKED "fffffffffffffffff\r\nabc\r\n0\r\n\r\n", "400\n"),
        ROW(CHUNKED "ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "413\n"),
        ROW(CHUNKED "100001\r\nabc\r\n0\r\n\r\n", "413\n"),
        /* trailers */
        ROW(CHUNKED "3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabc\r\n0\r\nContent-Length: 7\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabc\r\n0\r\nHost: evil\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabc\r\n0\r\nIdempotency-Key: 1\r\n\r\n", "400\n"),
        ROW(CHUNKED "3\r\nabc\r\n0\r\nContent-Type: 1\r\n\r\n", "400\n"),
    };
    /* clang-format on */
    EXPECT_ROWS(rows);
}

static void request_lines(void **state)
{
    (void)state;
    /* clang-format off */
    static const struct row rows[] = {
        ROW("GET /\r\n" HOST "\r\n", "400\n"),
        ROW("GET / HTTP/0.9\r\n" HOST "\r\n", "505\n"),
        ROW("GET / HTTP/2.0\r\n" HOST "\r\n", "505\n"),
        ROW("GET / HTTP/1.2\r\n" HOST "\r\n", "505\n"),
        ROW("GET / HTTP/1.10\r\n" HOST "\r\n", "400\n"),
        ROW("GET / http/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505\n"),
        ROW("SOURCE / ICE/1.0\r\n\r\n", "400\n"),
        ROW("GET / ICE/1.0\r\n\r\n", "400\n"),
        ROW("DESCRIBE / RTSP/1.0\r\n\r\n", "400\n"),
        ROW("GET / RTSP/1.0\r\n\r\n", "400\n"),
        ROW("CONNECT shop.example:443 HTTP/1.1\r\n" HOST "\r\n", "405\n"),
        ROW("GET  / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /  HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET / HTTP/1.1 \r\n" HOST "\r\n", "400\n"),
        ROW("GET\t/ HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW(" GET / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("get / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GETGETGETGETGETGETGET / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("\r\n\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("\nGET / HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET / HTTP/1.1\n" HOST "\r\n", "400\n"),
        ROW("GET / HTTP/1.1\r" HOST "\r\n", "400\n"),
        ROW("GET / HTTP/1.1\rX\n" HOST "\r\n", "400\n"),
        /* targets */
        ROW("GET * HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET x HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /a#b HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /a\\b HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /%00 HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /%zz HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /%2 HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /?a=%g0 HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /a\tb HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /a\0b HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET /a\x7f HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET http://evil.example/ HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET http://u@shop.example/ HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET http:///x HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET ftp://shop.example/ HTTP/1.1\r\n" HOST "\r\n", "400\n"),
        ROW("GET http://shop.example/ HTTP/1.0\r\n\r\n", "400\n"),
    };
    /* clang-format on */
    EXPECT_ROWS(rows);
}

static void header_fields(void **state)
{
    (void)state;
#define GET "GET /x HTTP/1.1\r\n"
    /* clang-format off */
    static const struct row rows[] = {
        ROW(GET "\r\n", "400\n"),
        ROW(GET HOST HOST "\r\n", "400\n"),
        ROW(GET "Host:\r\n\r\n", "400\n"),
        ROW(GET "Host: a,b\r\n\r\n", "400\n"),
        ROW(GET "Host: a/b\r\n\r\n", "400\n"),
        ROW(GET "Host: u@a\r\n\r\n", "400\n"),
        ROW(GET "Host: a b\r\n\r\n", "400\n"),
        ROW(GET "Host: a:99999\r\n\r\n", "400\n"),
        ROW(GET "Host: a:\r\n\r\n", "400\n"),
        ROW(GET "Host: [::1\r\n\r\n", "400\n"),
        ROW(GET "Host: [::1]x\r\n\r\n", "400\n"),
        ROW("GET / HTTP/1.0\r\nHost: a,b\r\n\r\n", "400\n"),
        /* line ends, blanks, controls */
        ROW(GET HOST "A: b\n\r\n", "400\n"),
        ROW(GET HOST "A: b\rC: d\r\n\r\n", "400\n"),
        ROW(GET HOST "A: b\0c\r\n\r\n", "400\n"),
        ROW(GET HOST "A: b\x7f\r\n\r\n", "400\n"),
        ROW(GET HOST "A : b\r\n\r\n", "400\n"),
        ROW(GET HOST " A: b\r\n\r\n", "400\n"),
        ROW(GET HOST ": b\r\n\r\n", "400\n"),
        ROW(GET HOST "Ab\r\n\r\n", "400\n"),
        ROW(GET HOST "A: b\r\n c\r\n\r\n", "400\n"),
        ROW(GET HOST "A: b\r\n\r", "incomplete\n"),
        /* bytes above 127 in a header that is read, and in one that is not */
        ROW(GET HOST "Idempotency-Key: \xc3\xa4\r\n\r\n", "400\n"),
        ROW(GET HOST "Authorization: Bearer \xff\r\n\r\n", "400\n"),
        ROW(GET HOST "User-Agent: \xc3\xa4\r\n\r\n", "GET /x\n"),
        /* sent twice */
        ROW(GET HOST "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n", "400\n"),
        ROW(GET HOST "Content-Type: a\r\ncontent-type: a\r\n\r\n", "400\n"),
        ROW(GET HOST "Idempotency-Key: a\r\nIdempotency-Key: b\r\n\r\n", "400\n"),
        ROW(GET HOST "If-Match: \"1\"\r\nIf-Match: \"1\"\r\n\r\n", "400\n"),
        ROW(GET HOST "Accept: a\r\nAccept: b\r\nCookie: a\r\nCookie: b\r\n\r\n", "GET /x\n"),
        /* the end of the connection */
        ROW(GET HOST "Connection: close\r\n\r\n" GET HOST "\r\n", "GET /x close\n"),
        ROW(GET HOST "Connection: close\t\r\n\r\n" GET HOST "\r\n", "GET /x close\n"),
        ROW(GET HOST "Connection: keep-alive, \tClose\r\n\r\n" GET HOST "\r\n", "GET /x close\n"),
        ROW(GET HOST "Connection: keep-alive\r\nConnection: close\r\n\r\n" GET HOST "\r\n", "GET /x close\n"),
        ROW(GET HOST "Connection: closed\r\n\r\n" GET HOST "\r\n", "GET /x\nGET /x\n"),
        /* other protocols */
        ROW(GET HOST "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\nraw", "501\n"),
        ROW(GET HOST "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", "501\n"),
        ROW(GET HOST "Upgrade: h2c\r\n\r\n", "GET /x\n"),
        /* expectations */
        ROW(POST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "continue\nPOST /x [abc]\n"),
        ROW(POST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n", "continue\nincomplete\n"),
        ROW(POST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" GET HOST "\r\n", "continue\nPOST /x [a]\nGET /x\n"),
        ROW(POST "Expect: 100-continue\r\n\r\n", "POST /x\n"),
        ROW(POST "Expect: 100-continue\r\nContent-Length: 1048577\r\n\r\n", "413\n"),
        ROW(POST "Expect: x\r\nContent-Length: 3\r\n\r\nabc", "417\n"),
        ROW("POST /x HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", "POST /x [abc] close\n"),
        /* a body where none belongs is read to its end */
        ROW("GET /1 HTTP/1.1\r\n" HOST "Content-Length: 24\r\n\r\nGET /smuggled HTTP/1.1\r\n" GET HOST "\r\n",
            "GET /1 [GET /smuggled HTTP/1.1\r\n]\nGET /x\n"),
        ROW("OPTIONS /1 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nG\r\n0\r\n\r\n" GET HOST "\r\n", "OPTIONS /1 [G]\nGET /x\n"),
    };
    /* clang-format on */
    EXPECT_ROWS(rows);
}

static void pipelines(void **state)
{
    (void)state;
    expect(&http_limits_default,
           LITERAL("GET /1 HTTP/1.1\r\n" HOST "\r\nPOST /2 HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\nab"
                   "POST /3 HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n1\r\nc\r\n0\r\n\r\n"
                   "GET /4 HTTP/1.1\r\n" HOST "\r\nGET /5 HTTP/1.1\r\n\r\n" GET HOST "\r\n"),
           "GET /1\nPOST /2 [ab]\nPOST /3 [c]\nGET /4\n400\n");
}

/* Small limits, so that each is met at its last good and its first bad value. */
static void limits(void **state)
{
    (void)state;
    static const struct http_limits small = {.head = 100, .target = 10, .line = 30, .headers = 3, .body = 8};
    /* clang-format off */
    static const struct row rows[] = {
        ROW("GET /234567890 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /234567890\n"),
        ROW("GET /2345678901 HTTP/1.1\r\nHost: a\r\n\r\n", "414\n"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nC: d\r\n\r\n", "GET /\n"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nB: c\r\nC: d\r\nD: e\r\n\r\n", "431\n"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nB: 345678901234567890123456789012\r\n\r\n", "431\n"),
        ROW("GET / HTTP/1.1\r\nHost: a\r\nB: 34567890123456789012345678901\r\n\r\n", "GET /\n"),
        /* 16 bytes of line, 9 + 32 + 32 of fields, and more */
        ROW("GET / HTTP/1.1\r\nHost: a\r\nB: 345678901234567890123456789\r\nC: 345678901234567890123456789\r\nD: 34567890123", "431\n"),
        ROW("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n12345678", "POST / [12345678]\n"),
        ROW("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789", "413\n"),
        ROW("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n4\r\n5678\r\n0\r\n\r\n", "POST / [12345678]\n"),
        ROW("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1234\r\n5\r\n56789\r\n0\r\n\r\n", "413\n"),
        /* on the wire: as much as a head and twice a body may have, 116 bytes */
        ROW("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;012345678901234567890123456789012345678901234567\r\na\r\n0\r\n\r\n", "POST / [a]\n"),
        ROW("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;0123456789012345678901234567890123456789012345678\r\na\r\n0\r\n\r\n", "413\n"),
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect(&small, rows[i].input, rows[i].expected);
}

static void default_limits(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct buffer head = {.arena = arena}, target = {.arena = arena}, fields = {.arena = arena},
                  chunks = {.arena = arena};

    buffer_string(&head, "GET / HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 3; i++) {
        buffer_string(&head, "A: ");
        for (int k = 0; k < 6000; k++)
            buffer_byte(&head, 'a');
        buffer_string(&head, "\r\n");
    }
    buffer_string(&target, "GET /");
    for (int k = 0; k < 8192; k++)
        buffer_byte(&target, 'a');
    buffer_string(&target, " HTTP/1.1\r\n" HOST "\r\n");
    buffer_string(&fields, "GET / HTTP/1.1\r\n" HOST);
    for (int k = 0; k < 100; k++)
        buffer_format(&fields, "A%d: b\r\n", k);
    buffer_string(&fields, "\r\n");
    buffer_string(&chunks, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (int k = 0; k < 1000000; k++)
        buffer_string(&chunks, "1\r\na\r\n");

    /* clang-format off */
    const struct { struct buffer *input; const char *expected; } rows[] = {
        {&head, "431\n"}, {&target, "414\n"}, {&fields, "431\n"}, {&chunks, "413\n"},
    };
    /* clang-format on */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const uint32_t steps[] = {1, 4099, 65536, UINT32_MAX};
        for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
            struct text result = outcome(arena, &http_limits_default, buffer_as_text(rows[i].input), 0, steps[k]);
            if (!text_is(result, rows[i].expected))
                fail_msg("row %zu, %u at a time: %.*s", i, steps[k], TEXT_ARGUMENTS(result));
        }
    }
    arena_destroy(arena);
}

static void headers_are_kept(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct http_parser *parser = http_parser_create(arena, &http_limits_default);
    struct text input =
        LITERAL("POST /a HTTP/1.1\r\nHost: shop.example\r\nAUTHORIZATION: \t Bearer x.y \t\r\nIf-None-Match: \"1\"\r\n"
                "Accept: text/html\r\nIf-None-Match: \"2\"\r\nAuthorization-Extra: no\r\nContent-Length: 2\r\n\r\n{}");
    size_t used;
    assert_int_equal(http_parse(parser, input.data, input.length, &used), PARSE_COMPLETE);
    assert_int_equal(used, input.length);
    assert_true(text_is(parser->request.headers[HEADER_AUTHORIZATION], "Bearer x.y"));
    assert_true(text_is(parser->request.headers[HEADER_IF_NONE_MATCH], "\"1\", \"2\""));
    assert_true(text_is(parser->request.headers[HEADER_ACCEPT], "text/html"));
    assert_true(text_is(parser->request.headers[HEADER_HOST], "shop.example"));
    assert_null(parser->request.headers[HEADER_IF_MATCH].data);
    assert_true(text_is(parser->request.body, "{}"));
    arena_destroy(arena);
}

/* Random cuts of a long pipeline: nothing is lost, nothing is found twice. */
static void random_cuts(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct buffer input = {.arena = arena}, expected = {.arena = arena};
    for (int i = 0; i < 50; i++) {
        if (i % 3 == 0)
            buffer_format(&input, "GET /%d HTTP/1.1\r\n" HOST "\r\n", i), buffer_format(&expected, "GET /%d\n", i);
        if (i % 3 == 1)
            buffer_format(&input, "POST /%d HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nb%04d", i, i),
                buffer_format(&expected, "POST /%d [b%04d]\n", i, i);
        if (i % 3 == 2)
            buffer_format(
                &input, "PUT /%d HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n5\r\nb%04d\r\n0\r\n\r\n", i, i),
                buffer_format(&expected, "PUT /%d [b%04d]\n", i, i);
    }
    buffer_byte(&expected, 0);
    uint64_t seed = 20260101;
    for (int round = 0; round < 300; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t first = (uint32_t)(seed >> 33) % (uint32_t)input.length, step = 1 + (uint32_t)(seed >> 40) % 97;
        struct arena *scratch = arena_create();
        struct text result = outcome(scratch, &http_limits_default, buffer_as_text(&input), first, step);
        if (!text_is(result, expected.data)) fail_msg("first %u, step %u: %.*s", first, step, TEXT_ARGUMENTS(result));
        arena_destroy(scratch);
    }
    arena_destroy(arena);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

/* Changes a few bytes: other ones, some fewer, some twice, and those that matter to a parser. */
static uint32_t mutate(uint64_t *seed, char *data, uint32_t length, uint32_t most)
{
    static const char special[] = "\r\n\t :,;=0179aAfFgx-_\"\\/?#%*\x7f\x80\xff";
    for (uint32_t changes = 1 + draw(seed, 4); changes && length > 8; changes--) {
        uint32_t at = draw(seed, length), run = 1 + draw(seed, 8);
        if (run > length - at) run = length - at;
        switch (draw(seed, 4)) {
        case 0: data[at] = special[draw(seed, sizeof special)]; break;
        case 1: data[at] = (char)draw(seed, 256); break;
        case 2:
            memmove(data + at, data + at + run, length - at - run);
            length -= run;
            break;
        default:
            if (length + run > most) break;
            memmove(data + at + run, data + at, length - at);
            length += run;
        }
    }
    return length;
}

/* Whatever comes, it means the same however it is cut. */
static void damaged_requests_mean_the_same_in_pieces(void **state)
{
    (void)state;
    static const struct http_limits small = {.head = 300, .target = 60, .line = 120, .headers = 8, .body = 40};
    static const char *const seeds[] = {
        "GET /a/b?c=d HTTP/1.1\r\n" HOST "\r\nGET /2 HTTP/1.1\r\n" HOST "Accept: a\r\n\r\n",
        POST "Content-Length: 24\r\n\r\nGET /smuggled HTTP/1.1\r\n" GET HOST "\r\n",
        CHUNKED "5\r\nabcde\r\na;x=y\r\n0123456789\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n" HOST "\r\n",
        POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        POST "Expect: 100-continue\r\nContent-Length: 3\r\nConnection: keep-alive, close\r\n\r\nabc",
        "OPTIONS http://shop.example/x HTTP/1.0\r\n" HOST
        "Connection: Keep-Alive\r\nUpgrade: h2c\r\n\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    };
    enum { ROUNDS = 20000, MOST = 400 };
    uint64_t seed = 20260101;
    uint32_t refused = 0, complete = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char data[MOST];
        const char *source = seeds[round % (int)(sizeof seeds / sizeof seeds[0])];
        uint32_t length = (uint32_t)strlen(source);
        memcpy(data, source, length);
        length = mutate(&seed, data, length, MOST);
        struct text input = {data, length};
        struct arena *arena = arena_create();
        struct text whole = outcome(arena, &small, input, 0, length);
        struct text bytes = outcome(arena, &small, input, 0, 1);
        struct text pieces = outcome(arena, &small, input, 1 + draw(&seed, length), 1 + draw(&seed, 40));
        if (!text_equal(whole, bytes) || !text_equal(whole, pieces))
            fail_msg("round %d: %.*s\nwhole: %.*s\nbytes: %.*s\npieces: %.*s", round, TEXT_ARGUMENTS(input),
                     TEXT_ARGUMENTS(whole), TEXT_ARGUMENTS(bytes), TEXT_ARGUMENTS(pieces));
        refused += memmem(whole.data, whole.length, "\n4", 2) || text_starts_with(whole, "4");
        complete += memmem(whole.data, whole.length, " /", 2) != NULL;
        arena_destroy(arena);
    }
    assert_true(refused > ROUNDS / 10 && complete > ROUNDS / 10); /* the damage is neither fatal nor harmless */
}

int main(void)
{
    /* clang-format off */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(ambiguous_framing),
        cmocka_unit_test(request_lines),
        cmocka_unit_test(header_fields),
        cmocka_unit_test(pipelines),
        cmocka_unit_test(limits),
        cmocka_unit_test(default_limits),
        cmocka_unit_test(headers_are_kept),
        cmocka_unit_test(random_cuts),
        cmocka_unit_test(damaged_requests_mean_the_same_in_pieces),
    };
    /* clang-format on */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
