/* A stream of events: what a request asks for in place of a page (Accept), what its command grants it, and who gives the
   events. The command decides as for a page who may read what; the net then takes from the stream as fast as its client does. */
#pragma once
#include "actors/runtime/envelope.h"
#include "base/buffer.h"
#include "base/errors.h"

enum stream_form {
    STREAM_NONE,
    STREAM_SSE,    /* server-sent events: "id", "event" and "data" of each */
    STREAM_JSONL,  /* an envelope a line */
    STREAM_NDJSON, /* the same by its other name */
    STREAM_FORMS
};
extern const char *const stream_content_types[STREAM_FORMS];

struct stream_wish {
    enum stream_form form;
    struct event_filter filter;
    struct id asker; /* none: whoever came through the control socket */
    uint64_t after;  /* the records up to here are known */
    int64_t number;  /* … and of that one the events up to this alone; -1: all of it */
    uint64_t last;   /* ends behind this record; STREAM_FOLLOWS: goes on with what comes */
    uint32_t limit;  /* events, then it ends; 0: none */
};
#define STREAM_FOLLOWS UINT64_MAX
/* "17" or "17.2", an event's id: false when it is neither. */
bool stream_place_read(struct text id, uint64_t *after, int64_t *number);

/* ---- who gives them ---- */
struct stream;
struct streams;
enum stream_state {
    STREAM_GOES_ON,
    STREAM_DONE,  /* all that was wished for is given */
    STREAM_BROKEN /* the log cannot be read there */
};
struct streams_calls {
    /* `ready` is called on any thread, whenever there is something to take after there was nothing; it must not call back.
       NULL: as many are open as may be, of all (ERROR_OVERLOADED) or of this asker (ERROR_RATE_LIMITED). The wish is copied. */
    struct stream *(*open)(struct streams *streams, const struct stream_wish *wish, void (*ready)(void *context),
                           void *context, enum error *refused);
    /* Appends what there is, framed. Never waits for the disk. */
    enum stream_state (*take)(struct stream *stream, struct buffer *out);
    void (*close)(struct stream *stream); /* `ready` is not called any more */
};
struct streams {
    const struct streams_calls *calls;
};
