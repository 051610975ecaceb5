/* Rendering of replies. Nothing reaches a header that is not printable ASCII: a value that is not is left out. */
#include "net/reply.h"
#include "base/time.h"
#include "schema/json.h"
#include <stdio.h>
#include <string.h>

static const struct status_line {
    uint16_t status;
    const char *line;
} status_lines[] = {
    {200, "HTTP/1.1 200 OK\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {402, "HTTP/1.1 402 Payment Required\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {410, "HTTP/1.1 410 Gone\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
    {507, "HTTP/1.1 507 Insufficient Storage\r\n"},
};

static void render_status(struct buffer *out, uint16_t status)
{
    for (size_t i = 0; i < sizeof status_lines / sizeof status_lines[0]; i++)
        if (status_lines[i].status == status) {
            buffer_string(out, status_lines[i].line);
            return;
        }
    buffer_format(out, "HTTP/1.1 %u Status\r\n", status);
}

static bool is_printable(struct text value)
{
    for (uint32_t i = 0; i < value.length; i++)
        if (value.data[i] < ' ' || value.data[i] > '~') return false;
    return true;
}

static void render_header(struct buffer *out, const char *name, struct text value)
{
    if (!value.data || !is_printable(value)) return;
    buffer_string(out, name);
    buffer_text(out, value);
    buffer_bytes(out, "\r\n", 2);
}

static void render_number(struct buffer *out, const char *name, int64_t value)
{
    buffer_string(out, name);
    buffer_integer(out, value);
    buffer_bytes(out, "\r\n", 2);
}

/* Cross-origin calls carry their token in a header, never in a cookie: credentials are not allowed for. */
static void render_cors(struct buffer *out, const struct reply *reply, const struct reply_manner *manner)
{
    if (manner->origins_vary) buffer_string(out, "Vary: Origin\r\n");
    if (!manner->origin.data) return;
    render_header(out, "Access-Control-Allow-Origin: ", manner->origin);
    if (manner->preflight) {
        render_header(out, "Access-Control-Allow-Methods: ", reply->allow);
        buffer_string(
            out, "Access-Control-Allow-Headers: Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, "
                 "Prefer, X-Request-Id, X-Tenant\r\n"
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

void reply_render(struct buffer *out, const struct request *request, const struct reply_manner *manner)
{
    const struct reply *reply = &request->reply;
    bool has_body = reply->status != 204 && reply->status != 304;

    render_status(out, reply->status);
    buffer_string(out, manner->date);
    if (has_body) {
        buffer_string(out, "Content-Type: ");
        buffer_string(out, reply->content_type ? reply->content_type : "application/json");
        buffer_string(out, "\r\nX-Content-Type-Options: nosniff\r\n");
        render_number(out, "Content-Length: ", reply->body.length);
    }
    render_header(out, "ETag: ", reply->etag);
    render_header(out, "Location: ", reply->location);
    render_header(out, "Allow: ", reply->allow);
    if (reply->no_store) buffer_string(out, "Cache-Control: no-store\r\n");
    if (reply->log_position) render_number(out, "X-Log-Position: ", (int64_t)reply->log_position);
    if (reply->retry_after_s) render_number(out, "Retry-After: ", reply->retry_after_s);
    if (reply->replayed) buffer_string(out, "Idempotency-Replayed: true\r\n");
    if (reply->status == 401) buffer_string(out, "WWW-Authenticate: Bearer realm=\"souk\"\r\n");
    render_rate(out, reply);
    render_cors(out, reply, manner);
    render_header(out, "X-Request-Id: ", request->request_id);
    if (!manner->keep_alive)
        buffer_string(out, "Connection: close\r\n");
    else if (manner->http_1_0)
        buffer_string(out, "Connection: keep-alive\r\n");
    buffer_bytes(out, "\r\n", 2);
    if (has_body && !request->head_only) buffer_text(out, reply->body);
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
