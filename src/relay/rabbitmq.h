/* RabbitMQ, through librabbitmq: a durable topic exchange, routing key the event's name, message_id the event's id, the
   body the envelope, persistent. Each message is confirmed by the broker. */
#pragma once
#include "relay/broker.h"

struct rabbitmq_config {
    const char *url;      /* amqp://user:password@host:port/vhost */
    const char *exchange; /* made when it is missing */
};
/* NULL and a sentence when the configuration is not right; nothing is connected yet. */
struct broker *rabbitmq_create(const struct rabbitmq_config *config, char problem[BROKER_PROBLEM_SIZE]);
