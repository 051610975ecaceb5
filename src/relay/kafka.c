/* A connection is one producer of librdkafka, whose threads find the brokers again by themselves and repeat what was not
   acknowledged, in its order: it is lost only when a message is refused for good or the producer says it is fatal. Then
   another producer begins again at the last confirmed event. */
#include "relay/kafka.h"
#include "base/log.h"
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    WINDOW = 500,
    PARTITIONS = 3, /* of a topic that is made here */
    TOPICS_MOST = 64,
    ANSWER_MS = 5000, /* that the brokers have for each question */
    TICK_MS = 200,
};
#define TOPIC_PREFIX "sc.domain."

struct kafka {
    struct broker broker; /* first: a broker is one */
    rd_kafka_conf_t *configuration;
    rd_kafka_t *producer;
    char *topics[TOPICS_MOST];
    unsigned topic_count;
    char refused[BROKER_PROBLEM_SIZE]; /* why a message was; set while a settle or disconnect serves the reports */
    char down[BROKER_PROBLEM_SIZE];    /* why no broker can be reached */
};

static struct kafka *self(struct broker *broker)
{
    return (struct kafka *)broker;
}

/* ---- what librdkafka reports; on the relay's thread, but the log ---- */

static void on_report(rd_kafka_t *producer, const rd_kafka_message_t *message, void *context)
{
    (void)producer;
    struct kafka *kafka = context;
    if (message->err)
        snprintf(kafka->refused, sizeof kafka->refused, "topic %.100s: %.100s",
                 message->rkt ? rd_kafka_topic_name(message->rkt) : "-", rd_kafka_err2str(message->err));
    else
        kafka->down[0] = 0;
}

static void on_error(rd_kafka_t *producer, int error, const char *reason, void *context)
{
    (void)producer;
    struct kafka *kafka = context;
    snprintf(kafka->down, sizeof kafka->down, "%.200s", reason);
    log_line("kafka", LOG_DEBUG, "error", "name=%s why=\"%.400s\"", rd_kafka_err2name(error), reason);
}

static void on_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
    (void)producer;
    /* The relay itself says what is lost; librdkafka repeats it per broker and attempt. */
    log_line("kafka", level <= 2 ? LOG_ERROR : LOG_DEBUG, "librdkafka", "facility=%s text=\"%.400s\"", facility, text);
}

/* ---- configuration ---- */

static bool set(struct kafka *kafka, const char *name, const char *value, char problem[BROKER_PROBLEM_SIZE])
{
    return rd_kafka_conf_set(kafka->configuration, name, value, problem, BROKER_PROBLEM_SIZE) == RD_KAFKA_CONF_OK;
}

static bool set_option(struct kafka *kafka, const char *option, char problem[BROKER_PROBLEM_SIZE])
{
    const char *value = strchr(option, '=');
    char name[128];
    if (!value || (size_t)(value - option) >= sizeof name) {
        snprintf(problem, BROKER_PROBLEM_SIZE, "an option of Kafka is name=value, not %.100s", option);
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)(value - option), option);
    return set(kafka, name, value + 1, problem);
}

/* What a relay promises is not for options to change: these come last. */
static bool configure(struct kafka *kafka, const struct kafka_config *config, char problem[BROKER_PROBLEM_SIZE])
{
    static const char *const fixed[][2] = {
        {"enable.idempotence", "true"},
        {"enable.gapless.guarantee", "true"},
        {"acks", "all"},
        {"message.timeout.ms", "0"},       /* never */
        {"partitioner", "murmur2_random"}, /* as other clients of Kafka place a key */
        {"queue.buffering.max.messages", "1000"},
    };
    if (!set(kafka, "client.id", "souk", problem)) return false;
    for (const char *const *option = config->options; option && *option; option++)
        if (!set_option(kafka, *option, problem)) return false;
    if (!set(kafka, "bootstrap.servers", config->brokers, problem)) return false;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (!set(kafka, fixed[i][0], fixed[i][1], problem)) return false;
    rd_kafka_conf_set_opaque(kafka->configuration, kafka);
    rd_kafka_conf_set_dr_msg_cb(kafka->configuration, on_report);
    rd_kafka_conf_set_error_cb(kafka->configuration, on_error);
    rd_kafka_conf_set_log_cb(kafka->configuration, on_log);
    return true;
}

static void add_topic(struct kafka *kafka, const char *subject_kind)
{
    char topic[128];
    snprintf(topic, sizeof topic, TOPIC_PREFIX "%s", subject_kind);
    for (unsigned i = 0; i < kafka->topic_count; i++)
        if (strcmp(kafka->topics[i], topic) == 0) return;
    if (kafka->topic_count < TOPICS_MOST) kafka->topics[kafka->topic_count++] = strdup(topic);
}

/* ---- topics ---- */

/* What the cluster has, asked again and again; NULL: no broker answers. */
static const rd_kafka_metadata_t *cluster_read(struct kafka *kafka, char problem[BROKER_PROBLEM_SIZE])
{
    const rd_kafka_metadata_t *cluster = NULL;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int waited = 0; error && !*kafka->down && waited < ANSWER_MS; waited += TICK_MS) {
        if (kafka->broker.stopping(kafka->broker.context)) break;
        error = rd_kafka_metadata(kafka->producer, 1, NULL, &cluster, TICK_MS);
        rd_kafka_poll(kafka->producer, 0); /* tells what is wrong */
    }
    if (!error) return cluster;
    snprintf(problem, BROKER_PROBLEM_SIZE, "no broker answers: %.200s",
             *kafka->down ? kafka->down : rd_kafka_err2str(error));
    return NULL;
}

static bool cluster_has(const rd_kafka_metadata_t *cluster, const char *topic)
{
    for (int i = 0; i < cluster->topic_cnt; i++)
        if (strcmp(cluster->topics[i].topic, topic) == 0) return true;
    return false;
}

/* A cluster that refuses may make topics when they are used; if not, publishing says so. False: it is gone. */
static bool tell_topics(rd_kafka_event_t *event, const char *names, char problem[BROKER_PROBLEM_SIZE])
{
    if (event && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__TRANSPORT) {
        snprintf(problem, BROKER_PROBLEM_SIZE, "%.200s", rd_kafka_event_error_string(event));
        return false;
    }
    if (!event || rd_kafka_event_error(event)) {
        log_line("relay", LOG_WARNING, "topics are missing and cannot be made",
                 "relay=kafka topics=\"%s\" why=\"%.200s\"", names,
                 event ? rd_kafka_event_error_string(event) : "no answer");
        return true;
    }
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = rd_kafka_CreateTopics_result_topics(result, &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[i]);
        if (error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            log_line("relay", error ? LOG_WARNING : LOG_INFO, error ? "a topic is not made" : "made a topic",
                     "relay=kafka topic=%s why=\"%s\"", rd_kafka_topic_result_name(topics[i]), rd_kafka_err2str(error));
    }
    return true;
}

static bool make_topics(struct kafka *kafka, rd_kafka_NewTopic_t **topics, unsigned count, const char *names,
                        char problem[BROKER_PROBLEM_SIZE])
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->producer);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(kafka->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, NULL, 0);
    rd_kafka_CreateTopics(kafka->producer, topics, count, options, queue);
    rd_kafka_event_t *event = NULL;
    for (int waited = 0; !event && waited < 2 * ANSWER_MS && !kafka->broker.stopping(kafka->broker.context);
         waited += TICK_MS)
        event = rd_kafka_queue_poll(queue, TICK_MS);
    bool good = tell_topics(event, names, problem);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return good;
}

static bool prepare_topics(struct kafka *kafka, char problem[BROKER_PROBLEM_SIZE])
{
    rd_kafka_NewTopic_t *missing[TOPICS_MOST];
    unsigned count = 0;
    const rd_kafka_metadata_t *cluster = cluster_read(kafka, problem);
    if (!cluster) return false;
    struct buffer names = {0};
    for (unsigned i = 0; i < kafka->topic_count; i++) {
        if (cluster_has(cluster, kafka->topics[i])) continue;
        buffer_format(&names, "%s%s", count ? " " : "", kafka->topics[i]);
        missing[count++] = rd_kafka_NewTopic_new(kafka->topics[i], PARTITIONS, -1, NULL, 0);
    }
    rd_kafka_metadata_destroy(cluster);
    buffer_byte(&names, 0);
    bool good = !count || make_topics(kafka, missing, count, names.data, problem);
    rd_kafka_NewTopic_destroy_array(missing, count);
    buffer_free(&names);
    return good;
}

/* ---- the calls ---- */

static void kafka_disconnect(struct broker *broker)
{
    struct kafka *kafka = self(broker);
    if (!kafka->producer) return;
    rd_kafka_purge(kafka->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(kafka->producer);
    kafka->producer = NULL;
}

static bool kafka_connect(struct broker *broker, char problem[BROKER_PROBLEM_SIZE])
{
    struct kafka *kafka = self(broker);
    rd_kafka_conf_t *configuration = rd_kafka_conf_dup(kafka->configuration);
    kafka->refused[0] = kafka->down[0] = 0;
    kafka->producer = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, problem, BROKER_PROBLEM_SIZE);
    if (!kafka->producer) {
        rd_kafka_conf_destroy(configuration);
        return false;
    }
    if (prepare_topics(kafka, problem)) return true;
    kafka_disconnect(broker);
    return false;
}

static rd_kafka_headers_t *headers_of(const struct broker_message *message)
{
    const struct {
        const char *name;
        struct text value;
    } rows[] = {{"event_id", message->id},
                {"event_type", message->type},
                {"tenant_id", message->tenant},
                {"traceparent", message->trace}};
    rd_kafka_headers_t *headers = rd_kafka_headers_new(sizeof rows / sizeof rows[0]);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].value.data)
            rd_kafka_header_add(headers, rows[i].name, -1, rows[i].value.data, rows[i].value.length);
    return headers;
}

static bool kafka_publish(struct broker *broker, const struct broker_message *message,
                          char problem[BROKER_PROBLEM_SIZE])
{
    struct kafka *kafka = self(broker);
    char topic[128];
    snprintf(topic, sizeof topic, TOPIC_PREFIX "%.*s", TEXT_ARGUMENTS(message->subject_kind));
    rd_kafka_headers_t *headers = headers_of(message);
    rd_kafka_resp_err_t error =
        rd_kafka_producev(kafka->producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                          RD_KAFKA_V_KEY(message->subject.data, message->subject.length),
                          RD_KAFKA_V_VALUE((void *)message->body.data, message->body.length),
                          RD_KAFKA_V_TIMESTAMP(message->time), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (error) rd_kafka_headers_destroy(headers); /* else they are the message's */
    if (error) snprintf(problem, BROKER_PROBLEM_SIZE, "%s: %s", topic, rd_kafka_err2str(error));
    return !error;
}

static enum broker_state kafka_settle(struct broker *broker, int64_t ms, char problem[BROKER_PROBLEM_SIZE])
{
    struct kafka *kafka = self(broker);
    rd_kafka_resp_err_t error = rd_kafka_flush(kafka->producer, (int)ms);
    rd_kafka_poll(kafka->producer, 0);
    char fatal[BROKER_PROBLEM_SIZE];
    if (rd_kafka_fatal_error(kafka->producer, fatal, sizeof fatal)) {
        snprintf(problem, BROKER_PROBLEM_SIZE, "%s", fatal);
        return BROKER_LOST;
    }
    snprintf(problem, BROKER_PROBLEM_SIZE, "%s", *kafka->refused ? kafka->refused : kafka->down);
    if (*kafka->refused) return BROKER_LOST;
    return error ? BROKER_WAITING : BROKER_SETTLED;
}

static void kafka_destroy(struct broker *broker)
{
    struct kafka *kafka = self(broker);
    for (unsigned i = 0; i < kafka->topic_count; i++)
        free(kafka->topics[i]);
    rd_kafka_conf_destroy(kafka->configuration);
    free(kafka);
}

static const struct broker_calls calls = {
    .name = "kafka",
    .window = WINDOW,
    .connect = kafka_connect,
    .publish = kafka_publish,
    .settle = kafka_settle,
    .disconnect = kafka_disconnect, /* nothing here waits longer than a tick: there is nothing to interrupt */
    .destroy = kafka_destroy,
};

struct broker *kafka_create(const struct kafka_config *config, char problem[BROKER_PROBLEM_SIZE])
{
    struct kafka *kafka = memory_alloc(sizeof *kafka);
    kafka->broker.calls = &calls;
    kafka->configuration = rd_kafka_conf_new();
    for (const struct kind *const *kind = config->registry->kinds; *kind; kind++)
        if ((*kind)->events && *(*kind)->events)
            add_topic(kafka, (*kind)->subject_kind ? (*kind)->subject_kind : (*kind)->name);
    if (configure(kafka, config, problem)) return &kafka->broker;
    kafka_destroy(&kafka->broker);
    return NULL;
}
