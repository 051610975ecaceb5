/* Sets of a few slots, found by a hash of the bytes. The hash is no secret: who makes heads collide only has them parsed. Bytes
   are compared when all 64 bits of the hash agree, so how long that takes tells nobody how far a guessed token is right. */
#include "net/heads.h"
#include "base/bytes.h"
#include "base/check.h"
#include <stdlib.h>

#ifdef TINY
enum { SETS = 1, WAYS = 2, MARKS = 3 };
#else
enum { SETS = 256, WAYS = 4, MARKS = 4096 };
#endif
enum { HEAD_MOST = 4096 };

struct heads {
    struct head all; /* ring of the heads that live, those that were pushed out too */
    struct head *slots[SETS][WAYS];
    uint32_t next[SETS];   /* to be pushed out */
    uint64_t marks[MARKS]; /* of heads that came once */
    uint64_t asked;        /* hash of the last that was not known, and its bytes while they are there */
    const char *asked_data;
    size_t asked_length;
};

struct heads *heads_create(void)
{
    struct heads *heads = memory_alloc(sizeof *heads);
    heads->all.previous = heads->all.next = &heads->all;
    return heads;
}

static void head_free(struct head *head)
{
    head->previous->next = head->next;
    head->next->previous = head->previous;
    arena_destroy(head->arena); /* which it lives in */
}

void heads_destroy(struct heads *heads)
{
    if (!heads) return;
    while (heads->all.next != &heads->all)
        head_free(heads->all.next);
    free(heads);
}

static struct head *mutable(const struct head *head)
{
    return (struct head *)(uintptr_t)head;
}

void head_request(const struct head *head, struct bind_context *bind, struct request *request)
{
    struct arena *arena = request->arena;
    struct text address = request->address;
    void *owner = request->owner;
    void (*answered)(struct request *) = request->answered;
    uint64_t started_ns = request->started_ns;
    *request = head->request;
    request->arena = arena;
    request->address = address;
    request->owner = owner;
    request->answered = answered;
    request->started_ns = started_ns;
    if (!head->names_request) request->request_id = bind_request_id(bind, arena);
}

void head_hold(const struct head *head)
{
    mutable(head)->references++;
}

void head_note(const struct head *head, uint64_t ticket)
{
    if (ticket) mutable(head)->request.ticket = ticket;
}

void head_release(struct heads *heads, const struct head *head)
{
    (void)heads;
    CHECK(head->references > 0);
    if (--mutable(head)->references == 0) head_free(mutable(head));
}

/* Both halves of the product. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two lanes of sixteen bytes a step, so that a multiplication need not wait for the one before; the last step may look at
   some bytes again. */
static uint64_t hash_of(const char *data, size_t length)
{
    static const uint64_t one = UINT64_C(0x9E3779B97F4A7C15), two = UINT64_C(0xC2B2AE3D27D4EB4F);
    uint64_t left = length, right = one;
    char tail[32] = {0};
    const char *at = data, *end = data + length;
    for (; end - at > 32; at += 32) {
        left = mix(bytes_load(at) ^ left, bytes_load(at + 8) ^ one);
        right = mix(bytes_load(at + 16) ^ right, bytes_load(at + 24) ^ two);
    }
    if (length >= 32)
        memcpy(tail, end - 32, 32);
    else
        memcpy(tail, data, length);
    left = mix(bytes_load(tail) ^ left, bytes_load(tail + 8) ^ one);
    right = mix(bytes_load(tail + 16) ^ right, bytes_load(tail + 24) ^ two);
    return mix(left ^ two, right ^ one) | 1; /* 0 is an empty mark */
}

static void push_out(struct heads *heads, struct head **slot)
{
    if (*slot) head_release(heads, *slot);
    *slot = NULL;
}

const struct head *heads_find(struct heads *heads, const char *data, size_t length, int64_t now_s)
{
    heads->asked = 0;
    if (data[0] != 'G' && data[0] != 'H') return NULL;
    size_t head_length = http_head_length(data, length < HEAD_MOST ? length : HEAD_MOST);
    if (!head_length) return NULL;
    uint64_t hash = heads->asked = hash_of(data, head_length);
    heads->asked_data = data;
    heads->asked_length = head_length;
    struct head **slots = heads->slots[(hash >> 32) % SETS];
    for (int way = 0; way < WAYS; way++) {
        struct head *head = slots[way];
        if (!head || head->hash != hash || head->length != head_length || memcmp(head + 1, data, head_length) != 0)
            continue;
        if (now_s < head->expires_s) return head;
        push_out(heads, &slots[way]);
    }
    return NULL;
}

/* NULL when it means something else elsewhere, or cannot be served. */
static struct head *head_make(struct bind_context *bind, const char *data, size_t length)
{
    size_t used;
    struct bound bound;
    struct arena *arena = arena_create();
    struct head *head = arena_alloc(arena, sizeof *head + length);
    char *bytes = memcpy(head + 1, data, length);
    head->arena = head->request.arena = arena;
    struct http_parser *parser = http_parser_create(arena, &http_limits_default);
    bool good = http_parse(parser, bytes, length, &used) == PARSE_COMPLETE && used == length;
    const struct http_request *http = &parser->request;
    good = good && (http->method == METHOD_GET || http->method == METHOD_HEAD) && http->keep_alive &&
           !http->body.data && !http->headers[HEADER_X_FORWARDED_FOR].data &&
           bind_request(bind, http, &head->request, &bound) == OUTCOME_CORE;
    if (!good) {
        arena_destroy(arena);
        return NULL;
    }
    head->http = *http;
    head->endpoint = bound.endpoint;
    head->expires_s = head->request.has_claims ? head->request.token_expires_s : INT64_MAX;
    head->names_request = http->headers[HEADER_X_REQUEST_ID].data == head->request.request_id.data;
    return head;
}

void heads_offer(struct heads *heads, struct bind_context *bind, const char *data, size_t length)
{
    if (!heads->asked || heads->asked_data != data || heads->asked_length != length) return;
    /* the bytes are read anew, for a head that owns all that it points to */
    uint64_t *mark = &heads->marks[heads->asked % MARKS];
    if (*mark != heads->asked) {
        *mark = heads->asked;
        return;
    }
    *mark = 0;
    struct head *head = head_make(bind, data, length);
    if (!head) return;
    head->hash = heads->asked;
    head->length = (uint32_t)length;
    head->references = 1;
    head->previous = heads->all.previous;
    head->next = &heads->all;
    head->previous->next = heads->all.previous = head;
    uint32_t set = (uint32_t)(head->hash >> 32) % SETS;
    struct head **slot = &heads->slots[set][heads->next[set]++ % WAYS];
    push_out(heads, slot);
    *slot = head;
}
