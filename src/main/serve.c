/* `souk serve`: everything is opened in the order in which it depends on each other, and closed the other way round. */
#include "main/serve.h"
#include "actors/all.h"
#include "actors/runtime/describe.h"
#include "actors/runtime/record.h"
#include "base/log.h"
#include "base/time.h"
#include "main/copy.h"
#include "main/demo.h"
#include "main/exit.h"
#include "main/files.h"
#include "main/harden.h"
#include "main/pages.h"
#include "main/shell.h"
#include "main/version.h"
#include "relay/live.h"
#include "store/directory.h"
#include "search/index.h"
#include "store/slots.h"
#include "store/store.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOCK_BEHIND_MOST MINUTES(5) /* of the last record: less than that is made up by waiting */
#define CLOCK_AHEAD_MOST  DAYS(400)

static int refuse(int status, const char *what)
{
    fprintf(stderr, "souk serve: %s\n", what);
    return status;
}

/* ---- Configuration ------------------------------------------------------------------------------------------------- */

/* Flags that stand for a key. */
/* clang-format off */
static const char *const flag_keys[][2] = { { "data", "server.data" },
                                            { "listen", "server.listen" },
                                            { "mode", "server.mode" } };
/* clang-format on */

static bool set_pair(struct configuration *configuration, const char *pair, char problem[512])
{
    struct text value = text_of(pair), name = text_split(&value, '=');
    if (!value.data) {
        snprintf(problem, 512, "--set takes name=value, not %.200s", pair);
        return false;
    }
    return configuration_set(configuration, arena_text(configuration->arena, name).data, value.data, problem);
}

/* The file first, then the flags in their order. */
static bool configure(struct configuration *configuration, const struct arguments *arguments, char problem[512])
{
    const char *path = argument(arguments, "config");
    if (path && !configuration_read(configuration, path, problem)) return false;
    for (size_t i = 0; i < arguments->given_count; i++) {
        const char *name = arguments->given[i].flag->name, *value = arguments->given[i].value;
        if (strcmp(name, "set") == 0 && !set_pair(configuration, value, problem)) return false;
        for (size_t k = 0; k < sizeof flag_keys / sizeof flag_keys[0]; k++)
            if (strcmp(name, flag_keys[k][0]) == 0 &&
                !configuration_set(configuration, flag_keys[k][1], value, problem))
                return false;
    }
    const char *fault = configuration_check(configuration);
    if (fault) snprintf(problem, 512, "%s", fault);
    return !fault;
}

static bool is_development(const struct shell *shell)
{
    return shell->configuration.mode == MODE_DEVELOPMENT;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------- */

static int open_store(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    char problem[PROBLEM_SIZE];
    int status = EXIT_FAILED;
    struct store_events events = shell_store_events(shell);
    uint8_t tables[TABLES_SIZE];
    registry_tables(shell->registry, tables);
    struct store_config config = {
        .path = configuration->data,
        .reserve_bytes = (uint64_t)configuration->store_reserve,
        .block_cache_bytes = (size_t)configuration->store_block_cache,
        .tables = tables,
    };
    shell->store = store_open(&config, &events, problem, &status);
    if (!shell->store) return refuse(status, problem);
    remove_backups_under_way(configuration->data); /* nobody else has the directory now */
    shell->demo_is_wanted = !shell->store->calls->last_lsn(shell->store);
    return EXIT_DONE;
}

/* Data directory and master key are made before the process gives up the directories that they are in. What cannot be done
   here is left to the store, which knows what to say of it. */
static int open_key_early(struct shell *shell)
{
    static const char *const nothing[] = {"lock", "rocks.new", "lost+found", "control.sock", NULL};
    const char *data = shell->configuration.data, *path = shell->configuration.key_file;
    char problem[256];
    struct stat found;
    bool is_new = directory_make(data) && directory_holds_only(data, nothing);
    shell->key_path = *path ? path : file_beside(shell->arena, data, ".key").data;
    if (access(data, W_OK) != 0 || (!is_new && stat(shell->key_path, &found) != 0)) return EXIT_DONE;
    shell->master = master_open(shell->key_path, is_new ? SLOTS_MAKE : SLOTS_OF_DATA, problem);
    return shell->master ? EXIT_DONE : refuse(EXIT_USAGE, problem);
}

/* A new key for old data would be worse than none: nothing that is sealed could be read, and nobody would know why. */
static int open_keys(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    char problem[256];
    enum slots_use use = shell->store->calls->last_lsn(shell->store) ? SLOTS_OF_DATA : SLOTS_MAKE;
    if (!shell->master && !(shell->master = master_open(shell->key_path, use, problem)))
        return refuse(EXIT_USAGE, problem);
    const char *slots = file_path(shell->arena, configuration->data, SLOTS_NAME).data;
    shell->keyring = keyring_over(shell->master, slots, use, problem);
    shell->master = NULL;
    if (!shell->keyring) return refuse(EXIT_USAGE, problem);
    struct keyring_figures figures = keyring_figures(shell->keyring);
    if (figures.damaged)
        log_line("main", LOG_ERROR, "keys of persons are damaged: what they seal cannot be read", "slots=%u",
                 figures.damaged);
    if (!token_keys_open(&shell->token_keys, configuration->data, problem)) return refuse(EXIT_NOT_WRITABLE, problem);
    return EXIT_DONE;
}

/* One wrong clock must not fire every timer, or freeze time until the right clock has caught up. */
static int check_clock(struct shell *shell)
{
    struct store *store = shell->store;
    uint64_t last = store->calls->last_lsn(store);
    struct arena *arena = arena_create();
    struct record record = {0};
    struct text head, body;
    bool known = last && store->calls->read_log(store, last, arena, &head, &body) == FOUND &&
                 record_decode(arena, head, body, &record);
    arena_destroy(arena);
    int64_t later = clock_now_ms(&shell->clock) - record.time;
    if (!known || shell->accept_clock || (later > -CLOCK_BEHIND_MOST && later < CLOCK_AHEAD_MOST)) return EXIT_DONE;
    char written[TIME_TEXT_LENGTH + 1], now[TIME_TEXT_LENGTH + 1], problem[256];
    time_format(record.time, written);
    time_format(clock_now_ms(&shell->clock), now);
    snprintf(problem, sizeof problem,
             "the clock says %s, the last record was written at %s: put it right, or start with --accept-clock", now,
             written);
    return refuse(EXIT_USAGE, problem);
}

static bool submit(void *context, struct work *work)
{
    struct shell *shell = context;
    return workers_submit(shell->workers, work);
}

static void draw(void *context, uint8_t out[32])
{
    struct shell *shell = context;
    random_draw(&shell->random, out);
}

static void metrics(void *context, struct buffer *out)
{
    struct shell *shell = context;
    net_metrics(shell->net, out);
    workers_metrics(shell->workers, out);
    durations_metrics(&shell->turns, "souk_core_turn_seconds", "length of the turns of the core", out);
    feed_metrics(shell->feed, out);
    relays_metrics(shell->relays.relays, shell->relays.count, out);
    live_metrics(shell->streams, out);
    webhooks_metrics(shell->webhooks, out);
}

static struct ports ports_of(struct shell *shell)
{
    struct buffer document = {.arena = shell->arena};
    describe_openapi(shell->registry, SOUK_VERSION, false, &document);
    return (struct ports){
        .context = shell,
        .store = shell->store,
        .search = shell->search,
        .submit = submit,
        .random = draw,
        .providers = shell->providers,
        .keyring = shell->keyring,
        .token_keys = shell->token_keys.keys,
        .token_key_count = shell->token_keys.count,
        .metrics = metrics,
        .openapi = buffer_as_text(&document),
        .pages = pages_make(shell->arena, shell->registry),
    };
}

static int open_mail(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    char problem[256] = "the library of mail cannot be used";
    if (!*configuration->mail_url) return EXIT_DONE;
    shell->smtp = smtp_create(&(struct smtp_config){.url = configuration->mail_url,
                                                    .from = configuration->mail_from,
                                                    .credentials = configuration->mail_credentials,
                                                    .ca_file = configuration->mail_ca_file,
                                                    .tls = (enum smtp_tls)configuration->mail_tls,
                                                    .timeout_ms = configuration->mail_timeout},
                              problem);
    return shell->smtp ? EXIT_DONE : refuse(EXIT_USAGE, problem);
}

/* Who is asked for what is outside: the sandbox, but for what somebody else really does, and webhooks for endpoints. */
static void open_providers(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    shell->sandbox = sandbox_create(&(struct sandbox_config){
        .payment_time_ms = configuration->sandbox_payment_time,
        .late_time_ms = configuration->sandbox_late_time,
        .mail_directory = configuration->mail_directory,
    });
    struct webhooks_config config = {
        .user_agent = "souk/" SOUK_VERSION,
        .authorities = *configuration->webhook_authorities ? configuration->webhook_authorities : NULL,
        .loopback = is_development(shell),
        .connect_ms = configuration->webhook_connect_timeout,
        .total_ms = configuration->webhook_timeout,
        .probe_ms = configuration->webhook_probe,
    };
    config.retry_count =
        configuration_times(shell->arena, configuration->webhook_retries, config.retries, WEBHOOK_RETRIES_MOST);
    shell->webhooks = webhooks_open(&config, shell->store);
    unsigned count = 0;
    for (const struct provider *pretended = sandbox_providers(shell->sandbox); pretended->class_name; pretended++) {
        bool mails = strcmp(pretended->class_name, "mail") == 0;
        shell->providers[count++] = mails && shell->smtp ? smtp_provider(shell->smtp) : *pretended;
    }
    shell->providers[count] = webhooks_provider(shell->webhooks);
}

static int open_core(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    char problem[256];
    open_providers(shell);
    shell->search = search_index_open((size_t)configuration->search_memory, problem);
    if (!shell->search) return refuse(EXIT_FAILED, problem);
    shell->workers = workers_create(shell_wake, shell);
    struct ports ports = ports_of(shell);
    struct core_config config = {
        .development = is_development(shell),
        .rate_limits = configuration->rate_limits == RATE_LIMITS_ON ||
                       (configuration->rate_limits == RATE_LIMITS_BY_MODE && !is_development(shell)),
        .metrics_public = configuration->metrics == METRICS_EVERYBODY,
        .actors_memory = (size_t)configuration->actors_memory,
        .default_tenant = text_of(configuration->default_tenant),
        .settings = configuration->settings,
    };
    shell->core = core_create(shell->registry, &ports, &config, clock_now_ms(&shell->clock), problem);
    if (!shell->core) return refuse(strcmp(problem, core_wrong_key) == 0 ? EXIT_USAGE : EXIT_DAMAGED, problem);
    shell->feed = feed_create(shell->store, shell->registry, shell->keyring, core_durable_lsn(shell->core));
    webhooks_start(shell->webhooks, shell->feed);
    shell->streams = live_open(shell->feed, configuration->net.streams_most, configuration->net.streams_of_one);
    return EXIT_DONE;
}

static void note_work(void *context)
{
    (void)context; /* a turn follows every wait of the loop */
}

static int open_net(struct shell *shell)
{
    const struct configuration *configuration = &shell->configuration;
    char problem[256];
    struct net_config config = configuration->net;
    configuration_listen(shell->arena, configuration->listen, &shell->host, &config.port); /* both were checked */
    configuration_listen(shell->arena, configuration->tls_listen, &shell->tls_host, &config.tls_port);
    config.address = shell->host;
    config.tls_address = shell->tls_host;
    config.tls_certificate = configuration->tls_certificate;
    config.tls_key = configuration->tls_key;
    if (shell->tls_host && !config.loops) config.loops = 1; /* handshakes would keep the core from its work */
    config.control_path = file_socket_path(shell->arena, configuration->data, "control.sock").data;
    config.token_keys = shell->token_keys.keys;
    config.token_key_count = shell->token_keys.count;
    config.hosts = configuration_list(shell->arena, configuration->hosts);
    config.proxies = configuration_list(shell->arena, configuration->net_proxies);
    config.origins = configuration_list(shell->arena, configuration->cors_origins);
    config.streams = shell->streams;
    config.core_has_work = note_work;
    config.context = shell;
    shell->net = net_create(&config, &shell->loop, shell->core, problem);
    if (!shell->net) return refuse(EXIT_FAILED, problem);
    shell->port = (uint16_t)net_port(shell->net);
    shell->tls_port = (uint16_t)net_tls_port(shell->net);
    return EXIT_DONE;
}

static int open_relays(struct shell *shell)
{
    char problem[256];
    bool good = relays_open(&shell->relays, &shell->configuration, shell->feed, shell->store, shell->registry, problem);
    return good ? EXIT_DONE : refuse(EXIT_USAGE, problem);
}

/* Not later: a confined process could not make it, and mails would be tried again and again. */
static int make_mail_directory(const struct shell *shell)
{
    const char *path = shell->configuration.mail_directory;
    char problem[256];
    if (!*path || mkdir(path, 0700) == 0 || errno == EEXIST) return EXIT_DONE;
    snprintf(problem, sizeof problem, "sandbox.mail_directory %.160s cannot be made: %s", path, strerror(errno));
    return refuse(EXIT_USAGE, problem);
}

static int open_all(struct shell *shell, const struct arguments *arguments)
{
    int status = open_key_early(shell);
    if (status != EXIT_DONE) return status;
    status = make_mail_directory(shell);
    if (status == EXIT_DONE) status = open_mail(shell);
    if (status != EXIT_DONE) return status;
    harden_confine(shell, argument(arguments, "port-file"));
    shell_open(shell); /* after it: a loop that has begun with io_uring could not go on without */
    clock_start(&shell->clock);
    status = open_store(shell);
    if (status == EXIT_DONE) status = open_keys(shell);
    if (status == EXIT_DONE) status = check_clock(shell);
    if (status == EXIT_DONE) status = open_core(shell);
    if (status == EXIT_DONE) status = open_net(shell);
    if (status == EXIT_DONE) status = open_relays(shell);
    return status;
}

/* The net is last: what the core still has to answer when it ends goes through it. */
static void close_all(struct shell *shell)
{
    webhooks_stop(shell->webhooks); /* its answers go through the workers, who ask it for reports */
    workers_destroy(shell->workers);
    webhooks_close(shell->webhooks);
    relays_close(&shell->relays);
    live_close(shell->streams);
    feed_destroy(shell->feed);
    shell->store->calls->close(shell->store);
    core_destroy(shell->core);
    shell->search->calls->close(shell->search);
    net_destroy(shell->net);
    sandbox_destroy(shell->sandbox);
    smtp_destroy(shell->smtp);
    keyring_destroy(shell->keyring);
    shell_close(shell);
}

/* What was not opened whole is not taken apart: the store alone has something to bring in order. */
static _Noreturn void end_unopened(struct shell *shell, int status)
{
    webhooks_stop(shell->webhooks);
    if (shell->workers) workers_destroy(shell->workers);
    relays_close(&shell->relays);
    if (shell->store) shell->store->calls->close(shell->store);
    fflush(NULL);
    _exit(status);
}

/* ---- The demo ------------------------------------------------------------------------------------------------------ */

/* Where this machine reaches what listens on all its addresses. */
static const char *reachable_host(const struct shell *shell)
{
    if (strcmp(shell->host, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(shell->host, "::") == 0 ? "::1" : shell->host;
}

static void *make_demo(void *context)
{
    struct shell *shell = context;
    struct demo_size size;
    char problem[256];
    struct arena *arena = arena_create(); /* the other one is the main thread's */
    const struct demo_place place = {
        .control_socket = file_socket_path(arena, shell->configuration.data, "control.sock").data,
        .host = reachable_host(shell),
        .port = shell->port,
    };
    demo_size_of(shell->demo_scale, &size);
    if (demo_fill(&place, &size, 1, problem))
        demo_introduce(&place);
    else
        log_line("main", LOG_ERROR, "the demo is not complete", "problem=\"%s\"", problem);
    arena_destroy(arena);
    return NULL;
}

/* ---- run ----------------------------------------------------------------------------------------------------------- */

/* "http://127.0.0.1:8080" for what is configured as 127.0.0.1:0, "" for what is not. */
static const char *url_of(struct shell *shell, const char *scheme, const char *listen, uint16_t port)
{
    if (!*listen) return "";
    return arena_format(shell->arena, " %s://%.*s:%u", scheme, (int)(strrchr(listen, ':') - listen), listen, port).data;
}

static int announce(struct shell *shell, const struct arguments *arguments)
{
    const struct configuration *configuration = &shell->configuration;
    const char *path = argument(arguments, "port-file");
    char problem[256];
    printf("souk %s serves%s%s, data %s, %s mode\n", SOUK_VERSION,
           url_of(shell, "http", configuration->listen, shell->port),
           url_of(shell, "https", configuration->tls_listen, shell->tls_port), configuration->data,
           is_development(shell) ? "development" : "production");
    fflush(stdout);
    struct buffer ports = {.arena = shell->arena};
    if (shell->host) buffer_format(&ports, "%u\n", shell->port);
    if (shell->tls_host) buffer_format(&ports, "%u\n", shell->tls_port);
    if (path && !file_replace(path, buffer_as_text(&ports), 0644, problem)) return refuse(EXIT_FAILED, problem);
    log_line("main", LOG_INFO, "serving", "version=%s port=%u tls_port=%u position=%llu", SOUK_VERSION, shell->port,
             shell->tls_port, (unsigned long long)core_last_lsn(shell->core));
    return EXIT_DONE;
}

static int serve(struct shell *shell, const struct arguments *arguments)
{
    int status = open_all(shell, arguments);
    if (status == EXIT_DONE) status = announce(shell, arguments);
    if (status != EXIT_DONE) end_unopened(shell, status);
    shell->demo_running =
        shell->demo_scale && shell->demo_is_wanted && pthread_create(&shell->demo_thread, NULL, make_demo, shell) == 0;
    shell_run(shell);
    log_line("main", LOG_INFO, "ends", "status=%d", shell->status);
    /* After a failed store nothing is waited for: what it holds is what the next start finds. */
    if (shell->store_failed) _exit(shell->status);
    close_all(shell);
    if (shell->demo_running) pthread_join(shell->demo_thread, NULL);
    return shell->status;
}

int run_serve(const struct arguments *arguments)
{
    struct shell *shell = memory_alloc(sizeof *shell);
    char problem[512];
    shell->arena = arena_create();
    configuration_init(&shell->configuration, shell->arena);
    int status;
    struct demo_size size;
    const char *scale = argument(arguments, "scale");
    shell->accept_clock = argument(arguments, "accept-clock") != NULL;
    if (argument(arguments, "demo")) shell->demo_scale = scale ? scale : "small";
    if (!configure(&shell->configuration, arguments, problem))
        status = refuse(EXIT_USAGE, problem);
    else if (shell->demo_scale && !is_development(shell))
        status = refuse(EXIT_USAGE, "--demo needs --mode development");
    else if (shell->demo_scale && !*shell->configuration.listen)
        status = refuse(EXIT_USAGE, "--demo needs server.listen");
    else if (shell->demo_scale && !demo_size_of(shell->demo_scale, &size))
        status = refuse(EXIT_USAGE, "--scale is small, medium or a number of people");
    else {
        log_configure(shell->configuration.log_level, shell->configuration.log_format == LOG_FORMAT_HUMAN);
        harden_process(!is_development(shell));
        shell->registry = souk_registry(shell->arena);
        status = registry_prove(shell->registry) ? refuse(EXIT_FAILED, "the tables of this binary are not sound")
                                                 : serve(shell, arguments);
    }
    arena_destroy(shell->arena);
    free(shell);
    return status;
}
