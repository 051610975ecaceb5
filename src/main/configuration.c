/* The keys of the configuration, and reading them (inih). */
#include "main/configuration.h"
#include "main/near.h"
#include "actors/runtime/settings.h"
#include "base/limits.h"
#include "base/time.h"
#include "schema/format.h"
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum value_type { VALUE_TEXT, VALUE_INTEGER, VALUE_SIZE, VALUE_TIME, VALUE_CHOICE };
struct key {
    const char *name;
    enum value_type type;
    size_t offset; /* in struct configuration */
    const char *initial;
    int64_t least, most;
    const char *choices; /* of VALUE_CHOICE: "development production" */
    const char *doc;
};

#define AT(member) offsetof(struct configuration, member)
#define SIZE_MOST  INT64_C(1) << 50
enum { RESERVE_LEAST = 32 * 1024 * 1024 }; /* less would be outrun by a single checkpoint */
static_assert((int)RESERVE_LEAST >= (int)LIMIT_CHECKPOINT_BYTES, "a checkpoint fits into the reserve");

/* clang-format off */
static const struct key keys[] = {
    /* name                          type           member                           default           least, most or choices */
    { "server.listen",               VALUE_TEXT,    AT(listen),                      "127.0.0.1:8080", .doc =
      "address and port of the HTTP server; 0.0.0.0 or [::] opens it to the network, best behind a proxy that speaks TLS; "
      "left empty: TLS alone" },
    { "server.mode",                 VALUE_CHOICE,  AT(mode),                        "production",     .choices = "development production", .doc =
      "development: demo data and readable diagnostics are allowed, and rate limits are off; production: the other way round" },
    { "server.data",                 VALUE_TEXT,    AT(data),                        "data",           .doc =
      "the data directory" },
    { "server.key_file",             VALUE_TEXT,    AT(key_file),                    "",               .doc =
      "master key of what is sealed, mode 0600, outside the data directory; made when missing; left out: <data>.key" },
    { "server.default_tenant",       VALUE_TEXT,    AT(default_tenant),              "default",        .doc =
      "the marketplace of requests that name none" },
    { "server.hosts",                VALUE_TEXT,    AT(hosts),                       "localhost",      .doc =
      "host names of this server, with commas between: x.<name> is the marketplace x, the name itself is none" },
    { "server.metrics",              VALUE_CHOICE,  AT(metrics),                     "loopback",       .choices = "loopback everybody", .doc =
      "who may read /metrics; loopback: this machine, and the control socket" },
    { "server.rate_limits",          VALUE_CHOICE,  AT(rate_limits),                 "by_mode",        .choices = "by_mode on off", .doc =
      "limits of requests a minute, per person or address; by_mode: on in production" },
    { "security.confine",            VALUE_CHOICE,  AT(confine),                     "by_mode",        .choices = "by_mode on off", .doc =
      "whether the process gives up the files and system calls that it does not need; by_mode: in production" },
    { "security.reads",              VALUE_TEXT,    AT(confine_reads),               "",               .doc =
      "files and directories, with commas between, that a confined souk may read beside its own, such as certificates of brokers" },
    { "security.writes",             VALUE_TEXT,    AT(confine_writes),              "",               .doc =
      "directories, with commas between, that a confined souk may write beside its own" },
    { "tls.listen",                  VALUE_TEXT,    AT(tls_listen),                  "",               .doc =
      "address and port of the HTTPS server, such as 0.0.0.0:8443; left out: no TLS. It has threads of its own: net.loops "
      "is at least 1 then" },
    { "tls.certificate",             VALUE_TEXT,    AT(tls_certificate),             "",               .doc =
      "PEM file of the certificate and those between it and the root; read again at SIGHUP" },
    { "tls.key",                     VALUE_TEXT,    AT(tls_key),                     "",               .doc =
      "PEM file of the certificate's key, readable by souk alone; read again at SIGHUP" },
    { "store.reserve",               VALUE_SIZE,    AT(store_reserve),               "256MiB",         0, SIZE_MOST, .doc =
      "room on the disk that is kept free: below it writes are refused with 507, and reads go on; at least 32MiB, what one "
      "checkpoint may take, or 0: none" },
    { "store.block_cache",           VALUE_SIZE,    AT(store_block_cache),           "128MiB",         1 << 20, SIZE_MOST, .doc =
      "memory for what was read from the tables" },
    { "actors.memory",               VALUE_SIZE,    AT(actors_memory),               "1GiB",           1 << 20, SIZE_MOST, .doc =
      "memory for entities; past it the least recently used leave it" },
    { "search.memory",               VALUE_SIZE,    AT(search_memory),               "1GiB",           1 << 20, SIZE_MOST, .doc =
      "memory for the index of words (about 95 MB for 100,000 products); what is new past it is not found by words" },
    { "log.level",                   VALUE_TEXT,    AT(log_level),                   "info",           .doc =
      "error, warning, info or debug; for single areas: info,net=debug,store=warning" },
    { "log.format",                  VALUE_CHOICE,  AT(log_format),                  "json",           .choices = "json human", .doc =
      "one JSON object a line, or lines for people" },
    { "cors.origins",                VALUE_TEXT,    AT(cors_origins),                "",               .doc =
      "origins of web pages that may call the API, with commas between; *: every origin" },
    { "sandbox.payment_time",        VALUE_TIME,    AT(sandbox_payment_time),        "0",              0, DAYS(1), .doc =
      "that the sandbox payment provider takes to answer" },
    { "sandbox.late_time",           VALUE_TIME,    AT(sandbox_late_time),           "20m",            0, DAYS(30), .doc =
      "after which a payment with tok_late succeeds" },
    { "sandbox.mail_directory",      VALUE_TEXT,    AT(mail_directory),              "",               .doc =
      "directory that mails are written into, a file each; left out: a mail is a line of the log without its text" },
    { "mail.url",                    VALUE_TEXT,    AT(mail_url),                    "",               .doc =
      "smtp://host:port or smtps://host:port of the server that takes mails; left out: they are the sandbox's" },
    { "mail.from",                   VALUE_TEXT,    AT(mail_from),                   "",               .doc =
      "address that mails come from" },
    { "mail.credentials",            VALUE_TEXT,    AT(mail_credentials),            "",               .doc =
      "file with one line user:password, mode 0600, of who may hand mails over; left out: nobody logs in" },
    { "mail.tls",                    VALUE_CHOICE,  AT(mail_tls),                    "required",       .choices = "required tried off", .doc =
      "STARTTLS with smtp://; tried: where the server has it; off: only where the way to it is safe by itself" },
    { "mail.ca_file",                VALUE_TEXT,    AT(mail_ca_file),                "",               .doc =
      "PEM file of who signs that server's certificate; left out: those whom the system trusts" },
    { "mail.timeout",                VALUE_TIME,    AT(mail_timeout),                "30s",            1000, HOURS(1), .doc =
      "that handing over one mail may take; then it is tried again" },
    { "net.proxies",                 VALUE_TEXT,    AT(net_proxies),                 "",               .doc =
      "addresses of proxies, with commas between, whose X-Forwarded-For is believed" },
    { "relay.kafka.brokers",         VALUE_TEXT,    AT(kafka_brokers),               "",               .doc =
      "host:port of brokers of Kafka that all events are told, with commas between; left out: none" },
    { "relay.kafka.options",         VALUE_TEXT,    AT(kafka_options),               "",               .doc =
      "further properties of librdkafka (name=value, with commas between), such as those of TLS and SASL; files that they name: security.reads" },
    { "relay.rabbitmq.url",          VALUE_TEXT,    AT(rabbitmq_url),                "",               .doc =
      "amqp://user:password@host:port/vhost of a RabbitMQ that all events are told; left out: none" },
    { "relay.rabbitmq.exchange",     VALUE_TEXT,    AT(rabbitmq_exchange),           "sc.domain",      .doc =
      "topic exchange that they are published to; made when it is missing" },
    { "relay.retry",                 VALUE_TIME,    AT(relay_retry),                 "30s",            100, HOURS(1), .doc =
      "longest pause between two attempts to reach a broker that is lost" },
    { "webhook.retries",             VALUE_TEXT,    AT(webhook_retries),             "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h", .doc =
      "pauses after each failed attempt to tell a webhook an event, with commas between; a fifth at most comes on top; after the last one the webhook is disabled" },
    { "webhook.authorities",         VALUE_TEXT,    AT(webhook_authorities),         "",               .doc =
      "PEM file of the authorities that certificates of webhooks' addresses are held against; left out: the system's" },
    { "webhook.probe",               VALUE_TIME,    AT(webhook_probe),               "1m",             10, HOURS(24), .doc =
      "pause between two attempts of a webhook that failed five times in a row, whatever events they were of" },
    { "webhook.connect_timeout",     VALUE_TIME,    AT(webhook_connect_timeout),     "5s",             10, MINUTES(5), .doc =
      "that connecting to a webhook's address may take, with its name and TLS" },
    { "webhook.timeout",             VALUE_TIME,    AT(webhook_timeout),             "10s",            10, MINUTES(5), .doc =
      "that an attempt to tell a webhook an event may take in all" },
};
/* clang-format on */
enum { KEY_COUNT = sizeof keys / sizeof keys[0] };

/* The settings of runtime and net whose value is a time say so by the first word of their reason. */
static enum value_type setting_type(const char *doc)
{
    return strncmp(doc, "ms ", 3) == 0 ? VALUE_TIME : VALUE_INTEGER;
}

static const struct setting *find_setting(const char *name)
{
    for (unsigned i = 0; i < setting_count; i++)
        if (strcmp(settings[i].name, name) == 0) return &settings[i];
    return NULL;
}

static const struct net_setting *find_net_setting(const char *name)
{
    for (const struct net_setting *setting = net_settings; setting->name; setting++)
        if (strcmp(setting->name, name) == 0) return setting;
    return NULL;
}

static const struct key *find_key(const char *name)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        if (strcmp(keys[i].name, name) == 0) return &keys[i];
    return NULL;
}

/* ---- Values --------------------------------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    int64_t factor;
};
static const struct unit sizes[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL}};
/* clang-format off */
static const struct unit times[] = {
    { "", 1 }, { "ms", 1 }, { "s", SECONDS(1) }, { "m", MINUTES(1) }, { "h", HOURS(1) }, { "d", DAYS(1) }, { NULL }
};
/* clang-format on */
static const struct unit plain[] = {{"", 1}, {NULL}};

/* Digits and a unit. */
static bool parse_number(const char *value, const struct unit *units, int64_t *result)
{
    size_t digits = strspn(value, "0123456789");
    if (!digits || !text_to_integer((struct text){value, (uint32_t)digits}, result)) return false;
    for (const struct unit *unit = units; unit->name; unit++)
        if (strcmp(value + digits, unit->name) == 0) return !__builtin_mul_overflow(*result, unit->factor, result);
    return false;
}

static const struct unit *units_of(enum value_type type)
{
    return type == VALUE_SIZE ? sizes : type == VALUE_TIME ? times : plain;
}

static bool parse_choice(const char *choices, const char *value, int64_t *result)
{
    struct text rest = text_of(choices);
    for (int64_t at = 0; rest.data; at++) {
        if (!text_is(text_split(&rest, ' '), value)) continue;
        *result = at;
        return true;
    }
    return false;
}

static const char *expected(enum value_type type)
{
    if (type == VALUE_SIZE) return "a number of bytes, such as 256MiB";
    if (type == VALUE_TIME) return "a time, such as 1500ms, 10s, 15m, 24h or 7d";
    return "a whole number";
}

static bool set_key(struct configuration *configuration, const struct key *key, const char *value, char problem[256])
{
    char *member = (char *)configuration + key->offset;
    if (key->type == VALUE_TEXT) {
        *(const char **)(void *)member = arena_text(configuration->arena, text_of(value)).data;
        return true;
    }
    int64_t number = 0;
    if (key->type == VALUE_CHOICE) {
        if (!parse_choice(key->choices, value, &number)) {
            snprintf(problem, 256, "%s is one of: %s", key->name, key->choices);
            return false;
        }
    } else if (!parse_number(value, units_of(key->type), &number)) {
        snprintf(problem, 256, "%s is %s", key->name, expected(key->type));
        return false;
    } else if (number < key->least || number > key->most) {
        snprintf(problem, 256, "%s is from %lld to %lld", key->name, (long long)key->least, (long long)key->most);
        return false;
    }
    *(int64_t *)(void *)member = number;
    return true;
}

static bool set_setting(struct configuration *configuration, const struct setting *setting, const char *value,
                        char problem[256])
{
    enum value_type type = setting_type(setting->doc);
    int64_t number;
    if (!parse_number(value, units_of(type), &number)) {
        snprintf(problem, 256, "%s is %s", setting->name, expected(type));
        return false;
    }
    size_t at = 0;
    while (at < configuration->setting_count && strcmp(configuration->settings[2 * at], setting->name) != 0)
        at++;
    if (at == CONFIGURATION_SETTINGS_MOST) {
        snprintf(problem, 256, "%s is one setting too many", setting->name);
        return false;
    }
    configuration->settings[2 * at] = setting->name;
    configuration->settings[2 * at + 1] = arena_format(configuration->arena, "%lld", (long long)number).data;
    if (at == configuration->setting_count) configuration->setting_count++;
    return true;
}

static bool set_net_setting(struct configuration *configuration, const struct net_setting *setting, const char *value,
                            char problem[256])
{
    enum value_type type = setting_type(setting->doc);
    int64_t number;
    if (!parse_number(value, units_of(type), &number)) {
        snprintf(problem, 256, "%s is %s", setting->name, expected(type));
        return false;
    }
    if (net_set(&configuration->net, setting->name, number)) return true;
    snprintf(problem, 256, "%s is from %lld to %lld", setting->name, (long long)setting->min, (long long)setting->max);
    return false;
}

void configuration_each(void (*take)(void *context, const char *name), void *context)
{
    for (size_t i = 0; i < KEY_COUNT; i++)
        take(context, keys[i].name);
    for (const struct net_setting *setting = net_settings; setting->name; setting++)
        take(context, setting->name);
    for (unsigned i = 0; i < setting_count; i++)
        take(context, settings[i].name);
}

static void try_key(void *context, const char *name)
{
    near_try(context, name);
}

static void near_key(const char *name, char out[96])
{
    struct near near;
    near_begin(&near, name);
    configuration_each(try_key, &near);
    near_say(&near, out);
}

bool configuration_set(struct configuration *configuration, const char *name, const char *value, char problem[256])
{
    const struct key *key = find_key(name);
    if (key) return set_key(configuration, key, value, problem);
    const struct setting *setting = find_setting(name);
    if (setting) return set_setting(configuration, setting, value, problem);
    const struct net_setting *net_setting = find_net_setting(name);
    if (net_setting) return set_net_setting(configuration, net_setting, value, problem);
    char near[96];
    near_key(name, near);
    snprintf(problem, 256, "%.100s is no key of souk (`souk help config` lists them)%s", name, near);
    return false;
}

void configuration_init(struct configuration *configuration, struct arena *arena)
{
    *configuration = (struct configuration){.arena = arena};
    char problem[256];
    net_defaults(&configuration->net);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (set_key(configuration, &keys[i], keys[i].initial, problem)) continue;
        fprintf(stderr, "souk: the default of %s: %s\n", keys[i].name, problem);
        abort();
    }
}

bool configuration_listen(struct arena *arena, const char *listen, const char **host, int *port)
{
    const char *colon = strrchr(listen, ':');
    int64_t number;
    if (!*listen) return true;
    if (!colon || colon == listen || !text_to_integer(text_of(colon + 1), &number) || number < 0 || number > 65535)
        return false;
    struct text name = {listen, (uint32_t)(colon - listen)};
    bool bracketed = name.data[0] == '[' && name.data[name.length - 1] == ']';
    if (bracketed)
        name = (struct text){name.data + 1, name.length - 2};
    else if (memchr(name.data, ':', name.length))
        return false;
    *host = arena_text(arena, name).data;
    *port = (int)number;
    return true;
}

static bool listen_is_good(const struct configuration *configuration, const char *listen)
{
    const char *host;
    int port;
    return configuration_listen(configuration->arena, listen, &host, &port);
}

/* A name would match no peer, and all who come through the proxy would count as one. */
static bool are_addresses(const struct configuration *configuration, const char *list)
{
    uint8_t address[sizeof(struct in6_addr)];
    for (const char *const *word = configuration_list(configuration->arena, list); *word; word++)
        if (inet_pton(AF_INET, *word, address) != 1 && inet_pton(AF_INET6, *word, address) != 1) return false;
    return true;
}

/* As a browser sends it: scheme and host, and no path. */
static bool are_origins(const struct configuration *configuration, const char *list)
{
    for (const char *const *word = configuration_list(configuration->arena, list); *word; word++) {
        const char *host = strstr(*word, "://");
        if (strcmp(*word, "*") != 0 && (!host || !host[3] || strchr(host + 3, '/'))) return false;
    }
    return true;
}

const char *configuration_check(const struct configuration *configuration)
{
    if (!*configuration->data) return "server.data names no directory";
    if (!format_is_slug(text_of(configuration->default_tenant)))
        return "server.default_tenant is 3 to 60 small letters a-z, digits and inner hyphens";
    if (!*configuration->listen && !*configuration->tls_listen) return "neither server.listen nor tls.listen is given";
    bool has_files = *configuration->tls_certificate && *configuration->tls_key;
    bool has_any = *configuration->tls_certificate || *configuration->tls_key || *configuration->tls_listen;
    if (has_any && !(has_files && *configuration->tls_listen))
        return "TLS needs all of tls.listen, tls.certificate and tls.key";
    if (!listen_is_good(configuration, configuration->listen))
        return "server.listen is HOST:PORT, such as 127.0.0.1:8080 or [::]:8080";
    if (!listen_is_good(configuration, configuration->tls_listen))
        return "tls.listen is HOST:PORT, such as 0.0.0.0:8443 or [::]:8443";
    if (!are_addresses(configuration, configuration->net_proxies))
        return "net.proxies is IP addresses, with commas between";
    if (!are_origins(configuration, configuration->cors_origins))
        return "cors.origins is *, or origins such as https://shop.example, with commas between";
    if (configuration->store_reserve && configuration->store_reserve < RESERVE_LEAST)
        return "store.reserve is 32MiB at least, or 0";
    int64_t retries[WEBHOOK_RETRIES_MOST];
    if (!configuration_times(configuration->arena, configuration->webhook_retries, retries, WEBHOOK_RETRIES_MOST))
        return "webhook.retries is up to 20 times of a week at most, such as 5s, 5m, 2h, with commas between";
    return NULL;
}

unsigned configuration_times(struct arena *arena, const char *value, int64_t *result, unsigned most)
{
    unsigned count = 0;
    for (const char *const *word = configuration_list(arena, value); *word; word++)
        if (count == most || !parse_number(*word, times, &result[count]) || result[count] > DAYS(7))
            return 0;
        else
            count++;
    return count;
}

const char *const *configuration_list(struct arena *arena, const char *value)
{
    size_t count = 0, most = 2;
    for (const char *at = value; *at; at++)
        most += *at == ',';
    const char **list = ARENA_ARRAY(arena, const char *, most);
    for (struct text rest = text_of(value); rest.data;) {
        struct text word = text_trim(text_split(&rest, ','));
        if (word.length) list[count++] = arena_text(arena, word).data;
    }
    return list;
}

/* ---- The file ------------------------------------------------------------------------------------------------------- */

struct reading {
    struct configuration *configuration;
    const char *name;
    const char *at; /* what is not read yet */
    int line;
    struct text seen[2 * CONFIGURATION_SETTINGS_MOST];
    unsigned seen_count;
    char *problem;
    bool failed;
};

static void fail_at(struct reading *reading, const char *what)
{
    if (!reading->failed) snprintf(reading->problem, 512, "%s:%d: %s", reading->name, reading->line, what);
    reading->failed = true;
}

/* One line for the parser, as fgets would give it. */
static char *next_line(char *line, int size, void *context)
{
    struct reading *reading = context;
    if (reading->failed || !*reading->at) return NULL;
    reading->line++;
    size_t length = strcspn(reading->at, "\n");
    length += reading->at[length] == '\n';
    if (length >= (size_t)size) {
        fail_at(reading, "the line is too long");
        return NULL;
    }
    memcpy(line, reading->at, length);
    line[length] = 0;
    reading->at += length;
    return line;
}

static bool seen_before(struct reading *reading, struct text name)
{
    for (unsigned i = 0; i < reading->seen_count; i++)
        if (text_equal(reading->seen[i], name)) return true;
    if (reading->seen_count < sizeof reading->seen / sizeof reading->seen[0])
        reading->seen[reading->seen_count++] = name;
    return false;
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    char problem[256];
    struct text full = arena_format(reading->configuration->arena, "%s.%s", section, name);
    if (seen_before(reading, full)) {
        snprintf(problem, sizeof problem, "%.180s is given twice", full.data);
        fail_at(reading, problem);
    } else if (!configuration_set(reading->configuration, full.data, value, problem)) {
        fail_at(reading, problem);
    }
    return !reading->failed;
}

bool configuration_parse(struct configuration *configuration, const char *name, const char *content, char problem[512])
{
    struct reading reading = {.configuration = configuration, .name = name, .at = content, .problem = problem};
    int line = ini_parse_stream(next_line, &reading, take_pair, &reading);
    if (line && !reading.failed) {
        reading.line = line;
        fail_at(&reading, "neither a [section] nor `key = value`");
    }
    return !reading.failed;
}

bool configuration_read(struct configuration *configuration, const char *path, char problem[512])
{
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(problem, 512, "%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    struct buffer content = {.arena = configuration->arena};
    size_t got;
    do {
        char *room = buffer_reserve(&content, 4096);
        got = fread(room, 1, 4096, file);
        content.length += got;
    } while (got);
    bool good = !ferror(file) && !memchr(content.data, 0, content.length);
    fclose(file);
    buffer_byte(&content, 0);
    if (good) return configuration_parse(configuration, path, content.data, problem);
    snprintf(problem, 512, "%s is no text that can be read", path);
    return false;
}

/* ---- Its description ------------------------------------------------------------------------------------------------ */

/* "[section]" when it differs from the one before; returns the key without it. */
static const char *describe_section(struct buffer *out, const char *name, struct text *section)
{
    struct text rest = text_of(name), own = text_split(&rest, '.');
    if (!text_equal(own, *section)) buffer_format(out, "%s[%.*s]\n", section->data ? "\n" : "", TEXT_ARGUMENTS(own));
    *section = own;
    return rest.data;
}

void configuration_describe(struct buffer *out)
{
    struct text section = {0};
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *name = describe_section(out, keys[i].name, &section);
        buffer_format(out, "; %s\n", keys[i].doc);
        if (keys[i].choices) buffer_format(out, "; one of: %s\n", keys[i].choices);
        buffer_format(out, "%s%s =%s%s\n", *keys[i].initial ? "" : "; ", name, *keys[i].initial ? " " : "",
                      keys[i].initial);
    }
    for (const struct net_setting *setting = net_settings; setting->name; setting++) {
        const char *name = describe_section(out, setting->name, &section);
        buffer_format(out, "; %s\n", setting->doc);
        buffer_format(out, "%s = %lld\n", name, (long long)setting->value);
    }
    for (unsigned i = 0; i < setting_count; i++) {
        const char *name = describe_section(out, settings[i].name, &section);
        buffer_format(out, "; %s\n", settings[i].doc);
        buffer_format(out, "%s = %lld\n", name, (long long)settings[i].value);
    }
}

static void reference_section(struct buffer *out, const char *name, struct text *section)
{
    struct text rest = text_of(name), own = text_split(&rest, '.');
    if (!text_equal(own, *section))
        buffer_format(out, "\n## %.*s\n\n| key | default | values | meaning |\n|---|---|---|---|\n",
                      TEXT_ARGUMENTS(own));
    *section = own;
}

/* A default as a person writes it: 15m rather than 900000. */
static void reference_time(struct buffer *out, int64_t value)
{
    const struct unit *best = times;
    for (const struct unit *unit = times; unit->name; unit++)
        if (value && value % unit->factor == 0 && unit->factor > best->factor) best = unit;
    buffer_format(out, "`%lld%s`", (long long)(value / best->factor), best->name);
}

/* The rows of runtime and net: their values are numbers. */
static void reference_setting(struct buffer *out, const char *name, int64_t value, const char *doc)
{
    bool is_time = setting_type(doc) == VALUE_TIME;
    buffer_format(out, "| `%s` | ", name);
    if (is_time)
        reference_time(out, value);
    else
        buffer_format(out, "`%lld`", (long long)value);
    buffer_string(out, is_time ? " | time" : " | number");
}

static void reference_key(struct buffer *out, const struct key *key)
{
    static const char *const kinds[] = {[VALUE_TEXT] = "text", [VALUE_SIZE] = "size", [VALUE_TIME] = "time"};
    buffer_format(out, "| `%s` | %s%s%s | ", key->name, *key->initial ? "`" : "", key->initial,
                  *key->initial ? "`" : "");
    if (key->type != VALUE_CHOICE) buffer_string(out, kinds[key->type]);
    const char *comma = "";
    for (struct text rest = text_of(key->choices); key->choices && rest.data; comma = ", ") {
        struct text choice = text_split(&rest, ' ');
        buffer_format(out, "%s`%.*s`", comma, TEXT_ARGUMENTS(choice));
    }
    buffer_format(out, " | %s |\n", key->doc);
}

void configuration_reference(struct buffer *out)
{
    struct text section = {0};
    buffer_string(
        out,
        "# Configuration\n\nEvery key of the configuration file; `--set key=value` on the command line is over it. Rendered by\n"
        "`souk dump configuration` from the rows that read them. A key that is not here is refused. Sizes are bytes, KiB, MiB\n"
        "or GiB (`256MiB`), times ms, s, m, h or d (`1500ms`, `15m`; a bare number is ms).\n");
    for (size_t i = 0; i < KEY_COUNT; i++) {
        reference_section(out, keys[i].name, &section);
        reference_key(out, &keys[i]);
    }
    for (const struct net_setting *setting = net_settings; setting->name; setting++) {
        reference_section(out, setting->name, &section);
        reference_setting(out, setting->name, setting->value, setting->doc);
        buffer_format(out, ", %lld to %lld | %s |\n", (long long)setting->min, (long long)setting->max, setting->doc);
    }
    for (unsigned i = 0; i < setting_count; i++) {
        reference_section(out, settings[i].name, &section);
        reference_setting(out, settings[i].name, settings[i].value, settings[i].doc);
        buffer_format(out, " | %s |\n", settings[i].doc);
    }
}
