/* What a server is told at start: the configuration file, then the command line, each over the one before. Every key is
   one row of a table, with its type, limits, default and reason; those of runtime/settings.h and net/net.h come to them. A key
   that no row has is an error, not a silent nothing. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "net/net.h"
#include "relay/webhook.h"
#include <stdbool.h>
#include <stdint.h>

enum { CONFIGURATION_SETTINGS_MOST = 128 };

struct configuration {
    struct arena *arena;
    /* server */
    const char *listen, *data, *key_file, *default_tenant, *hosts;
    int64_t mode, metrics, rate_limits; /* mode, metrics, rate_limits: place in the row's choices */
    /* store, actors */
    int64_t store_reserve, store_block_cache, actors_memory, search_memory;
    /* log */
    const char *log_level;
    int64_t log_format;
    /* security */
    int64_t confine; /* place in the row's choices */
    const char *confine_reads, *confine_writes;
    /* tls */
    const char *tls_listen, *tls_certificate, *tls_key;
    /* net */
    const char *cors_origins, *net_proxies;
    struct net_config net; /* its numbers alone */
    /* sandbox: providers that only pretend */
    int64_t sandbox_payment_time, sandbox_late_time;
    const char *mail_directory;
    /* mail: who takes them; none: the sandbox */
    const char *mail_url, *mail_from, *mail_credentials, *mail_ca_file;
    int64_t mail_tls, mail_timeout; /* mail_tls: place in the row's choices, as enum smtp_tls */
    /* relay: none of them unless it is named */
    const char *kafka_brokers, *kafka_options, *rabbitmq_url, *rabbitmq_exchange;
    int64_t relay_retry;
    /* webhook */
    const char *webhook_retries, *webhook_authorities;
    int64_t webhook_probe, webhook_connect_timeout, webhook_timeout;
    /* the settings that differ from their default: name, value, name, value, …, NULL */
    const char *settings[2 * CONFIGURATION_SETTINGS_MOST + 1];
    unsigned setting_count;
};

enum { MODE_DEVELOPMENT, MODE_PRODUCTION };
enum { LOG_FORMAT_JSON, LOG_FORMAT_HUMAN };
enum { METRICS_LOOPBACK, METRICS_EVERYBODY };
enum { CONFINE_BY_MODE, CONFINE_ON, CONFINE_OFF };
enum { RATE_LIMITS_BY_MODE, RATE_LIMITS_ON, RATE_LIMITS_OFF };

/* All defaults. The arena holds what is read later. */
void configuration_init(struct configuration *configuration, struct arena *arena);
/* Sets one key ("server.listen"). On failure false and a sentence without the place. */
bool configuration_set(struct configuration *configuration, const char *name, const char *value, char problem[256]);
/* Reads a file. On failure false and a sentence that names file and line. */
bool configuration_read(struct configuration *configuration, const char *path, char problem[512]);
bool configuration_parse(struct configuration *configuration, const char *name, const char *content, char problem[512]);
/* What the settings, all together, do not allow; NULL: nothing. */
const char *configuration_check(const struct configuration *configuration);
/* "127.0.0.1:8080", "[::]:8080", "host:0" in its two parts; of "" nothing is set. False when it is none of these. */
bool configuration_listen(struct arena *arena, const char *listen, const char **host, int *port);
/* The times of "5s, 5m, 2h": their number, 0 when one is none, or there are more than fit. */
unsigned configuration_times(struct arena *arena, const char *value, int64_t *times, unsigned most);
/* The words of "a, b, c", NULL-terminated. */
const char *const *configuration_list(struct arena *arena, const char *value);
/* Tells the name of every key. */
void configuration_each(void (*take)(void *context, const char *name), void *context);
/* Every key with default and reason, as `souk help config` shows them: a file that sets each to its default. */
void configuration_describe(struct buffer *out);
/* The same as a reference in Markdown: a table for each section. */
void configuration_reference(struct buffer *out);
