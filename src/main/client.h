/* A small HTTP client for talking to a server of ours: the control socket, and the demo. It waits for each answer, or sends
   several requests and then reads their answers in order. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

struct client;

struct client_reply {
    int status;
    struct text body; /* in the arena given */
    struct text etag; /* absent when there is none */
};

/* Connects; NULL and errno when it cannot. */
struct client *client_connect_unix(const char *path);
struct client *client_connect_tcp(const char *address, uint16_t port); /* a numeric address */
void client_close(struct client *client);
/* Puts a request into the outgoing bytes. `headers` are whole lines, each with its line end, or "". An absent body sends none. */
void client_send(struct client *client, const char *method, struct text target, struct text headers, struct text body,
                 const char *content_type); /* NULL: JSON */
/* Sends what is outgoing. */
bool client_flush(struct client *client);
/* Sends what is outgoing and reads the next answer. On failure false and a sentence of client_problem. */
bool client_receive(struct client *client, struct arena *arena, struct client_reply *reply);
bool client_call(struct client *client, const char *method, struct text target, struct text body, struct arena *arena,
                 struct client_reply *reply);
const char *client_problem(const struct client *client);
