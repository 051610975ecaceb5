/* From configuration to relays. */
#include "main/relays.h"
#include "relay/kafka.h"
#include "relay/rabbitmq.h"
#include <stdio.h>

/* An option that is not right refuses the start, a broker that is not there does not. */
bool relays_open(struct relays *relays, const struct configuration *configuration, struct feed *feed,
                 struct store *store, const struct registry *registry, char problem[256])
{
    struct broker *brokers[RELAYS_MOST];
    unsigned count = 0;
    char why[BROKER_PROBLEM_SIZE];
    bool good = true;
    if (*configuration->kafka_brokers) {
        struct kafka_config config = {
            .brokers = configuration->kafka_brokers,
            .options = configuration_list(configuration->arena, configuration->kafka_options),
            .registry = registry,
        };
        good = (brokers[count] = kafka_create(&config, why)) != NULL;
        count += good;
    }
    if (good && *configuration->rabbitmq_url) {
        struct rabbitmq_config config = {configuration->rabbitmq_url, configuration->rabbitmq_exchange};
        good = (brokers[count] = rabbitmq_create(&config, why)) != NULL;
        count += good;
    }
    for (unsigned i = 0; i < count && !good; i++)
        brokers[i]->calls->destroy(brokers[i]);
    for (unsigned i = 0; i < count && good; i++)
        relays->relays[relays->count++] = relay_open(feed, store, brokers[i], configuration->relay_retry);
    if (!good) snprintf(problem, 256, "relay: %.240s", why);
    return good;
}

void relays_close(struct relays *relays)
{
    for (unsigned i = 0; i < relays->count; i++)
        relay_stop(relays->relays[i]);
    for (unsigned i = 0; i < relays->count; i++)
        relay_close(relays->relays[i]);
    relays->count = 0;
}
