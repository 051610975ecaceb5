/* Heads that came before, byte for byte. What a request without a body means follows from its bytes alone, so one that comes
   again is neither parsed nor bound a second time. A loop's own; not for the control socket, nor for heads that say where
   they come from (X-Forwarded-For), since those mean something else on another connection.

   A head is kept when it comes a second time, for as long as its token is good. */
#pragma once
#include "net/bind.h"

struct head { /* never changes but for `references` and the ticket of the last reply */
    struct head *previous, *next;
    uint64_t hash;
    uint32_t length, references; /* of the table, and of requests under way */
    int64_t expires_s;           /* of its token */
    struct arena *arena;         /* holds the bytes and all below */
    struct http_request http;
    struct request request; /* as bind_request fills it; address, id, lane, arena and owner are each request's own */
    const struct endpoint *endpoint;
    bool names_request; /* by X-Request-Id */
};

struct heads;
struct heads *heads_create(void);
void heads_destroy(struct heads *heads); /* and all heads, used or not */
/* The head that the bytes begin with, or NULL. */
const struct head *heads_find(struct heads *heads, const char *data, size_t length, int64_t now_s);
/* The bytes that heads_find did not know were one whole request of `length` bytes. */
void heads_offer(struct heads *heads, struct bind_context *bind, const char *data, size_t length);
/* What it asks, beside the request's own arena, owner, address and time, which are set; an id if it brought none. */
void head_request(const struct head *head, struct bind_context *bind, struct request *request);
void head_hold(const struct head *head);
void head_note(const struct head *head, uint64_t ticket); /* of a reply */
void head_release(struct heads *heads, const struct head *head);
