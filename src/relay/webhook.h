/* Tells endpoints the events of the log over HTTP (actors/runtime/endpoint.h): at least once, those of one subject in their order, signed.

     core ──call, drop──▶ endpoints ◀──fills their windows── reader (a tap's thread) ──reads──▶ log, notes
                              ▲
                              └──what is due, what became of it── sender (libcurl) ──▶ the addresses

   What always holds:
   - Where an endpoint stands is a note in the store: all events before it are told. It is written a second after the first of what it does not hold,
     at once when an attempt failed; what was told since is told again after a kill, under the same webhook-id.
   - Of an endpoint a bounded window of events is in memory. An event waits for the one before it of the same subject,
     and for nobody else's; after several failures in a row, whatever they were of, one attempt at a time probes the address.
   - What waits in it is read again when somebody was erased: nothing is sent that names her, but what is on its way.
   - An endpoint that is slow or gone holds up itself alone; however many a marketplace has of them, others' are told. Neither core
     nor store ever wait for one.
   - Every connection is asked for with the address that it is about to be made to; answers are read up to 64 KiB, and redirects
     are failures. */
#pragma once
#include "actors/runtime/endpoint.h"
#include "relay/tap.h"

enum { WEBHOOK_RETRIES_MOST = 20 };
struct webhooks_config {
    const char *user_agent;
    const char *authorities; /* PEM file that certificates are held against; NULL: the system's */
    bool loopback;           /* this machine may be told, too */
    int64_t connect_ms, total_ms;
    int64_t
        retries[WEBHOOK_RETRIES_MOST]; /* ms after each failed attempt; after the last one the endpoint is given up */
    unsigned retry_count;
    int64_t probe_ms; /* between two attempts of an endpoint that failed several times in a row */
};
struct webhooks;
/* Nothing runs before the first endpoint is there. */
struct webhooks *webhooks_open(const struct webhooks_config *config, struct store *store);
struct provider webhooks_provider(struct webhooks *webhooks);
/* The feed comes after the core, which has called by then: those calls wait for it. */
void webhooks_start(struct webhooks *webhooks, struct feed *feed);
/* Ends its threads; what is being sent may end within a second. Workers may still ask for reports. */
void webhooks_stop(struct webhooks *webhooks);
void webhooks_close(struct webhooks *webhooks);
void webhooks_metrics(struct webhooks *webhooks, struct buffer *out);
