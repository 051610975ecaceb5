/* Kafka, through librdkafka: topic sc.domain.{subject kind}, key the subject's id, value the envelope, headers event_id,
   event_type and tenant_id. The producer is idempotent and waits for all replicas. */
#pragma once
#include "actors/runtime/kind.h"
#include "relay/broker.h"

struct kafka_config {
    const char *brokers;             /* "host:port,host:port" */
    const char *const *options;      /* further properties of librdkafka, "name=value", NULL-terminated */
    const struct registry *registry; /* its subjects' topics are made when they are missing */
};
/* NULL and a sentence when the configuration is not right; nothing is connected yet. */
struct broker *kafka_create(const struct kafka_config *config, char problem[BROKER_PROBLEM_SIZE]);
