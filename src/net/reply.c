/* Rendering of replies. Nothing reaches a header that is not printable ASCII: a value that is not is left out. */
#include "net/reply.h"
#include "base/bytes.h"
#include "base/time.h"
#include "schema/json.h"
#include <stdio.h>
#include <string.h>

enum { HEAD_GUESS = 1024 }; /* most heads are shorter */

/* clang-format off */
#define LINE(status, phrase) { status, { "HTTP/1.1 " #status " " phrase "\r\n", sizeof("HTTP/1.1 " #status " " phrase "\r\n") - 1 } }
static const struct status_line {
    uint16_t status;
    struct text line;
} status_lines[] = {
    LINE(200, "OK"),
    LINE(201, "Created"),
    LINE(202, "Accepted"),
    LINE(204, "No Content"),
    LINE(303, "See Other"),
    LINE(304, "Not Modified"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(402, "Payment Required"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(408, "Request Timeout"),
    LINE(409, "Conflict"),
    LINE(410, "Gone"),
    LINE(412, "Precondition Failed"),
    LINE(413, "Content Too Large"),
    LINE(414, "URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(417, "Expectation Failed"),
    LINE(422, "Unprocessable Content"),
    LINE(428, "Precondition Required"),
    LINE(429, "Too Many Requests"),
    LINE(431, "Request Header Fields Too Large"),
    LINE(500, "Internal Server Error"),
    LINE(501, "Not Implemented"),
    LINE(503, "Service Unavailable"),
    LINE(505, "HTTP Version Not Supported"),
    LINE(507, "Insufficient Storage"),
};
/* clang-format on */

static void render_status(struct buffer *out, uint16_t status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof status_lines[0]; i++)
        if (status_lines[i].status == status) {
            buffer_text(out, status_lines[i].line);
            return;
        }
    buffer_format(out, "HTTP/1.1 %u Status\r\n", status);
}

static void render_header(struct buffer *out, struct text name, struct text value)
{
    if (!value.data || text_printable_run(value) < value.length) return;
    buffer_text(out, name);
    buffer_text(out, value);
    buffer_bytes(out, "\r\n", 2);
}

static void render_number(struct buffer *out, struct text name, int64_t value)
{
    buffer_text(out, name);
    buffer_integer(out, value);
    buffer_bytes(out, "\r\n", 2);
}

/* Cross-origin calls carry their token in a header, never in a cookie: credentials are not allowed for. */
static void render_cors(struct buffer *out, const struct reply *reply, const struct reply_manner *manner)
{
    if (manner->origins_vary) buffer_string(out, "Vary: Origin\r\n");
    if (!manner->origin.data) return;
    render_header(out, LITERAL("Access-Control-Allow-Origin: "), manner->origin);
    if (manner->preflight) {
        render_header(out, LITERAL("Access-Control-Allow-Methods: "), reply->allow);
        buffer_string(
            out, "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                 "Last-Event-ID, Prefer, X-Request-Id, X-Tenant, traceparent\r\n"
                 "Access-Control-Max-Age: 600\r\n");
    } else {
        buffer_string(
            out, "Access-Control-Expose-Headers: ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, "
                 "Retry-After, X-Log-Position, X-Request-Id\r\n");
    }
}

/* draft-ietf-httpapi-ratelimit-headers: classes are declared per minute. */
static void render_rate(struct buffer *out, const struct reply *reply)
{
    if (!reply->rate_limit) return;
    buffer_format(out, "RateLimit-Policy: \"default\";q=%lld;w=60\r\nRateLimit: \"default\";r=%lld;t=%lld\r\n",
                  (long long)reply->rate_limit, (long long)reply->rate_remaining, (long long)reply->rate_reset_s);
}

static void render_type(struct buffer *out, const char *type)
{
    if (!type || !strcmp(type, "application/json"))
        buffer_text(out, LITERAL("Content-Type: application/json\r\n"));
    else
        render_header(out, LITERAL("Content-Type: "), text_of(type));
}

/* Compressed it is another representation: the same tag would be a lie, a weak one says that both mean the same. */
static void render_etag(struct buffer *out, struct text etag, const struct reply_manner *manner)
{
    bool is_strong = etag.data && !text_starts_with(etag, "W/");
    render_header(out, manner->gzip.data && is_strong ? LITERAL("ETag: W/") : LITERAL("ETag: "), etag);
}

/* A page loads what is here, speaks to this server, and is framed by nobody: nothing that it shows can leave the host. */
static void render_page(struct buffer *out)
{
    buffer_string(
        out, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
             "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
             "Referrer-Policy: no-referrer\r\n"
             "Cross-Origin-Opener-Policy: same-origin\r\n");
}

void reply_render(struct buffer *out, const struct request *request, const struct reply_manner *manner)
{
    const struct reply *reply = &request->reply;
    bool has_body = reply->status != 204 && reply->status != 304;
    struct text body = manner->gzip.data ? manner->gzip : reply->body;

    bool with_body = has_body && !request->head_only && !manner->body_apart;
    buffer_reserve(out, HEAD_GUESS + (with_body ? body.length : 0));
    render_status(out, reply->status);
    buffer_text(out, manner->date);
    if (has_body) {
        render_type(out, reply->content_type);
        buffer_text(out, LITERAL("X-Content-Type-Options: nosniff\r\n"));
        if (!reply->stream)
            render_number(out, LITERAL("Content-Length: "), body.length);
        else if (!manner->http_1_0)
            buffer_text(out, LITERAL("Transfer-Encoding: chunked\r\n"));
    }
    if (reply->file && has_body) {
        /* Whatever somebody uploaded runs nothing here, and reads nothing of this origin. */
        buffer_text(out, LITERAL("Content-Security-Policy: default-src 'none'; sandbox\r\n"));
        render_header(out, LITERAL("Content-Disposition: "), reply->saved);
    }
    if (reply->file == FILE_OF_ALL) buffer_text(out, LITERAL("Cache-Control: public, max-age=31536000, immutable\r\n"));
    if (reply->file == FILE_OF_ONE)
        buffer_text(out, LITERAL("Cache-Control: private, max-age=31536000, immutable\r\n"));
    if (manner->gzip.data) buffer_text(out, LITERAL("Content-Encoding: gzip\r\n"));
    if (manner->coding_varies) buffer_text(out, LITERAL("Vary: Accept-Encoding\r\n"));
    render_etag(out, reply->etag, manner);
    render_header(out, LITERAL("Location: "), reply->location);
    render_header(out, LITERAL("Allow: "), reply->allow);
    if (reply->is_page) render_page(out);
    if (reply->no_store) buffer_text(out, LITERAL("Cache-Control: no-store\r\n"));
    if (reply->log_position) render_number(out, LITERAL("X-Log-Position: "), (int64_t)reply->log_position);
    if (reply->retry_after_s) render_number(out, LITERAL("Retry-After: "), reply->retry_after_s);
    if (reply->replayed) buffer_string(out, "Idempotency-Replayed: true\r\n");
    if (reply->status == 401) buffer_string(out, "WWW-Authenticate: Bearer realm=\"souk\"\r\n");
    render_rate(out, reply);
    render_cors(out, reply, manner);
    render_header(out, LITERAL("X-Request-Id: "), request->request_id);
    if (!manner->keep_alive)
        buffer_string(out, "Connection: close\r\n");
    else if (manner->http_1_0)
        buffer_string(out, "Connection: keep-alive\r\n");
    buffer_bytes(out, "\r\n", 2);
    if (with_body) buffer_text(out, body);
}

void reply_refuse(struct request *request, enum error error, const char *sentence, const struct problems *problems)
{
    static const struct problems none = {0};
    struct buffer out = {.arena = request->arena};
    error_body(&out, error, sentence ? text_of(sentence) : (struct text){0}, problems ? problems : &none,
               request->request_id, request->problem_json);
    buffer_byte(&out, '}');
    request->reply = (struct reply){
        .status = error_status(error),
        .content_type = request->problem_json ? "application/problem+json" : "application/json",
        .body = buffer_as_text(&out),
        .retry_after_s = error == ERROR_OVERLOADED || error == ERROR_RATE_LIMITED ? 1 : 0,
        .no_store = true,
    };
}

void reply_date(int64_t seconds, char out[DATE_LINE_SIZE])
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int32_t date = time_date(seconds * 1000);
    int64_t day = seconds / 86400 % 7, month = date / 100 % 100 - 1, of_day = seconds % 86400;
    snprintf(out, DATE_LINE_SIZE, "Date: %.3s, %02d %.3s %04d %02d:%02d:%02d GMT\r\n", days + day * 3, date % 100,
             months + month * 3, date / 10000, (int)(of_day / 3600), (int)(of_day / 60 % 60), (int)(of_day % 60));
}
