/* The relays that the configuration names. */
#pragma once
#include "main/configuration.h"
#include "relay/relay.h"

enum { RELAYS_MOST = 2 };
struct relays {
    struct relay *relays[RELAYS_MOST];
    unsigned count;
};

/* On failure false and a sentence; then none is open. */
bool relays_open(struct relays *relays, const struct configuration *configuration, struct feed *feed,
                 struct store *store, const struct registry *registry, char problem[256]);
void relays_close(struct relays *relays); /* all at once: it takes as long as the slowest */
