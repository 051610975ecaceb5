/* Providers that only pretend, so that a server is whole without any account elsewhere: payments that their token decides,
   and mail that goes into files or nowhere.

     token         charge                                   asked for its status       void
     tok_success   succeeds                                 succeeded                  too late: succeeded
     tok_declined  is declined (card_declined)              declined                   voided
     tok_timeout   never answers                            unknown                    voided
     tok_late      succeeds after sandbox.late_time         unknown                    too late: succeeded
     tok_twice     succeeds, and says so twice              succeeded                  too late: succeeded
     tok_refund_fails
                   succeeds; its refunds fail once          succeeded                  too late: succeeded
     any other     is declined (invalid_token)              declined                   voided

   What was charged is known as long as the process lives; a charge that is asked for again answers the same. */
#pragma once
#include "actors/runtime/ports.h"

struct sandbox;

struct sandbox_config {
    int64_t payment_time_ms, late_time_ms;
    const char *mail_directory; /* "" writes none */
};
struct sandbox *sandbox_create(const struct sandbox_config *config);
void sandbox_destroy(struct sandbox *sandbox);
/* For ports.providers. */
const struct provider *sandbox_providers(const struct sandbox *sandbox);
