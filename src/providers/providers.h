/* Implementations of the runtime's provider port: the outside world of effects. They run on worker threads, share
   nothing, and answer through the call they are given. */
#pragma once
#include "actors/runtime/ports.h"

/* A payment provider for development and tests. It keeps nothing: its answer is a function of request and key, so the
   same key has the same answer for ever, after a restart too. What a token does:

     tok_success    captured                        tok_declined   declined (card_declined)
     tok_twice      captured, answered twice        tok_timeout    never answers; status: unknown
     tok_late       captured, answered late_ms after the call
     any other      declined (invalid_token)                                                                        */
struct payment_sandbox {
    int64_t late_ms;
    struct provider provider;           /* .context is the struct itself */
};
void payment_sandbox_init(struct payment_sandbox *sandbox, int64_t late_ms);

/* A mailer for development and tests: one line for each mail on a stream, without its secrets unless told. */
struct mail_log {
    void *stream;                       /* FILE; NULL: nothing is written */
    bool show_links;                    /* development: tokens and links are shown */
    struct provider provider;
};
void mail_log_init(struct mail_log *log, void *stream, bool show_links);
