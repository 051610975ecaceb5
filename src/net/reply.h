/* Replies as bytes: status line, headers, body. */
#pragma once
#include "actors/runtime/request.h"
#include "net/http.h"

struct reply_manner {
    bool keep_alive, http_1_0;
    bool body_apart;    /* the body is sent by the caller */
    bool preflight;     /* answers a CORS preflight: reply.allow becomes the allowed methods too */
    struct text origin; /* allowed origin to name; absent: none */
    bool origins_vary;  /* answers differ by Origin */
    struct text date;   /* "Date: …\r\n" */
    struct text gzip;   /* the body, compressed; absent: it goes as it is */
    bool coding_varies; /* answers differ by Accept-Encoding */
};
/* Appends the whole reply of a request. */
void reply_render(struct buffer *out, const struct request *request, const struct reply_manner *manner);
/* Makes a refusal of the net itself. The sentence may be NULL: the error's own. */
void reply_refuse(struct request *request, enum error error, const char *sentence, const struct problems *problems);
enum { DATE_LINE_SIZE = 64 };
void reply_date(int64_t seconds, char out[DATE_LINE_SIZE]); /* IMF-fixdate, RFC 9110 5.6.7 */
