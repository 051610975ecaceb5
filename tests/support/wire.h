/* HTTP over the loopback: the bytes of a request go in and those of its reply come out, through all that a server does
   but its sockets and threads: parser, router, token, binding, core, rendering. One request at a time. */
#pragma once
#include "net/heads.h"
#include "net/reply.h"
#include "support/loopback.h"

struct wire {
    struct loopback *loopback;
    struct router *router;
    struct bind_context bind;
    struct heads *heads;
    struct arena *arena; /* of the request under way */
    struct buffer out;   /* the reply, until the next request */
    char date[DATE_LINE_SIZE];
};

void wire_open(struct wire *wire, struct loopback *loopback);
void wire_close(struct wire *wire);
/* Sends one whole request and waits for its answer; the status, or 0 when there is none. */
uint16_t wire_send(struct wire *wire, struct text bytes, bool operator_);
struct text wire_body(const struct wire *wire); /* of the reply */
