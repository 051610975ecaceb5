/* One HTTP/1.x request out of bytes, without any I/O. A parser reads one request and lives in that request's arena; what
   it yields does not depend on how the input was cut.

   llhttp reads header fields and the framing of bodies. It is a parser, not a policy: it takes HTTP/0.9, ICE and RTSP,
   two blanks in a request line, an empty Transfer-Encoding, trailers as headers and more. So the request line is read
   here, and llhttp is given a constant one; every header that matters is checked here when it is complete.

   What is refused, and how, is fixed by position: a refusal comes at the same byte however the input is cut. */
#pragma once
#include "base/arena.h"
#include "base/errors.h"

enum http_method {
    METHOD_GET,
    METHOD_HEAD,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_OPTIONS,
    METHOD_OTHER, /* well formed, but no route has it */
    METHOD_COUNT
};
extern const char *const http_method_names[METHOD_COUNT];

/* The headers that souk reads; all others are checked in form, counted and dropped. */
enum http_header {
    HEADER_HOST,
    HEADER_CONTENT_LENGTH,
    HEADER_TRANSFER_ENCODING,
    HEADER_CONNECTION,
    HEADER_UPGRADE,
    HEADER_EXPECT,
    HEADER_CONTENT_TYPE,
    HEADER_CONTENT_ENCODING,
    HEADER_AUTHORIZATION,
    HEADER_IDEMPOTENCY_KEY,
    HEADER_IF_MATCH,
    HEADER_IF_NONE_MATCH,
    HEADER_PREFER,
    HEADER_ACCEPT,
    HEADER_ACCEPT_ENCODING,
    HEADER_LAST_EVENT_ID,
    HEADER_X_TENANT,
    HEADER_X_REQUEST_ID,
    HEADER_TRACEPARENT,
    HEADER_X_FORWARDED_FOR,
    HEADER_ORIGIN,
    HEADER_ACCESS_CONTROL_REQUEST_METHOD,
    HEADER_COUNT
};

struct http_limits {
    size_t head; /* bytes from the method to the empty line */
    size_t target;
    size_t line;    /* one header field */
    size_t headers; /* number of fields */
    size_t body;
};
extern const struct http_limits http_limits_default;

struct http_request {
    enum http_method method;
    bool http_1_0, keep_alive;
    struct text path;                  /* raw, begins with '/'; "*" of OPTIONS */
    struct text query;                 /* raw, without '?'; absent when there was none */
    struct text headers[HEADER_COUNT]; /* without blanks at the ends; absent when not sent */
    struct text body;                  /* absent when there was none */
};

enum parse_event {
    PARSE_MORE,     /* all was read, the request is not complete */
    PARSE_CONTINUE, /* head accepted; the client waits for "100 Continue" before it sends the body */
    PARSE_COMPLETE, /* complete */
    PARSE_REFUSED   /* answer `error` and close: what follows cannot be told apart */
};
enum http_stage { STAGE_LINE, STAGE_HEAD, STAGE_BODY, STAGE_DONE, STAGE_REFUSED };

struct http_parser {
    enum http_stage stage;
    bool begun; /* a byte of the request line was seen */
    struct http_request request;
    size_t body_bytes; /* received so far */
    enum error error;  /* of PARSE_REFUSED */
    const char *sentence;
};

struct http_parser *http_parser_create(struct arena *arena, const struct http_limits *limits);
/* Reads bytes; *used of them were read when it returns (all with PARSE_MORE). Not called again after PARSE_COMPLETE and
   PARSE_REFUSED. */
enum parse_event http_parse(struct http_parser *parser, const char *data, size_t length, size_t *used);

/* The length of a head that is there whole, as nearly all are; 0 when none ends here. */
size_t http_head_length(const char *data, size_t length);

/* Walks a list header ("a, b;q=1"): the next element without blanks, false at the end. */
bool http_list_next(struct text *rest, struct text *element);
char http_lower(char c);                                      /* of ASCII letters */
bool http_token_equal(struct text a, const char *lower_case); /* ignores the case of ASCII letters */
bool http_host_is_good(struct text host);                     /* name, IPv4 or [IPv6], and perhaps :port */
