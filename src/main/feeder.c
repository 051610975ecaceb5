#include "main/feeder.h"
#include "actors/all.h"
#include "actors/identity/identity.h"
#include "actors/identity/mail.h"
#include "actors/runtime/core.h"
#include "actors/sales/payment.h"
#include "base/log.h"
#include "main/clock.h"
#include "main/exit.h"
#include "main/files.h"
#include "main/keys.h"
#include "net/bind.h"
#include "net/reply.h"
#include "store/slots.h"
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    UNDER_WAY_MOST = 4096,
    TURN_REQUESTS = 256, /* gathered before the core turns */
    WAIT_NS = 5 * 1000 * 1000,
    ACTORS_MEMORY = 512 << 20,
    CACHE_BYTES = 64 << 20,
};

/* One request, from the call to its answer; its arena is used again. */
struct flight {
    struct request request;
    struct flight *next;
    struct feeder *feeder;
    struct arena *arena;
    void (*taken)(void *subject, yyjson_val *data);
    void *subject;
    const char *what;
};

struct feeder {
    struct arena *arena;
    struct registry registry;
    struct router *router;
    struct bind_context bind;
    struct store *store;
    struct keyring *keyring;
    struct token_keys token_keys;
    struct provider providers[3];
    struct core *core;
    struct clock clock;
    struct inbox_item *work, **work_last;
    struct flight *answered, *free;
    uint32_t under_way, gathered;
    uint64_t answered_count;
    bool refused;
    char problem[PROBLEM_SIZE];
    char known_password[64], known_hash[PASSWORD_HASH_SIZE];
    /* from the store's threads */
    pthread_mutex_t mutex;
    pthread_cond_t something;
    atomic_uint_fast64_t durable_lsn;
    _Atomic(struct ordered *) checkpointed;
    atomic_bool failed;
};

/* ---- What surrounds the core --------------------------------------------------------------------------------------- */

static void notify(struct feeder *feeder)
{
    pthread_mutex_lock(&feeder->mutex);
    pthread_cond_signal(&feeder->something);
    pthread_mutex_unlock(&feeder->mutex);
}

static void durable(void *context, uint64_t lsn)
{
    struct feeder *feeder = context;
    atomic_store(&feeder->durable_lsn, lsn);
    notify(feeder);
}

static void checkpointed(void *context, struct ordered *frozen)
{
    struct feeder *feeder = context;
    atomic_store(&feeder->checkpointed, frozen);
    notify(feeder);
}

static void failed(void *context, const char *why)
{
    struct feeder *feeder = context;
    log_line("main", LOG_ERROR, "the store failed", "why=\"%s\"", why);
    atomic_store(&feeder->failed, true);
    notify(feeder);
}

static bool submit(void *context, struct work *work)
{
    struct feeder *feeder = context;
    work->item.next = NULL;
    *feeder->work_last = &work->item;
    feeder->work_last = &work->item.next;
    return true;
}

static void draw(void *context, uint8_t out[32])
{
    (void)context;
    randombytes_buf(out, 32);
}

/* Everybody has the same one: it is hashed when it is first seen. */
static bool is_known(const struct feeder *feeder, struct text password)
{
    return feeder->known_hash[0] && text_is(password, feeder->known_password);
}

static bool hash_once(void *context, struct text password, const uint8_t salt[16], char out[PASSWORD_HASH_SIZE])
{
    struct feeder *feeder = context;
    if (is_known(feeder, password)) {
        memcpy(out, feeder->known_hash, PASSWORD_HASH_SIZE);
        return true;
    }
    if (!password_hash(password, salt, out)) return false;
    if (password.length >= sizeof feeder->known_password) return true;
    memcpy(feeder->known_password, password.data, password.length);
    feeder->known_password[password.length] = 0;
    memcpy(feeder->known_hash, out, PASSWORD_HASH_SIZE);
    return true;
}

static bool verify_known(void *context, struct text password, struct text hash, bool *matches)
{
    const struct feeder *feeder = context;
    *matches = is_known(feeder, password) && text_is(hash, feeder->known_hash);
    return *matches || password_verify(password, hash, matches);
}

static const struct password_calls passwords = {hash_once, verify_known};

static void pay(void *context, struct effect_call *call)
{
    (void)context;
    const struct payment_request *request = call->request;
    struct payment_answer *reply = call->answer;
    reply->outcome = PAYMENT_SUCCEEDED;
    reply->provider = LITERAL("sandbox");
    reply->reference = arena_format(call->arena, "sandbox-%.*s", TEXT_ARGUMENTS(request->attempt_key));
    reply->refund_id = request->refund_id;
}

static void send_mail(void *context, struct effect_call *call)
{
    (void)context;
    ((struct mail_answer *)call->answer)->sent = true;
}

/* Whoever the call says. */
static enum error identify(struct tx *tx)
{
    const struct user *user = load(tx, &user_kind, tx->principal.user);
    if (!user) return pending(tx) ? OK : ERROR_UNAUTHORIZED;
    tx->principal.admin = user->admin;
    tx->principal.leader = user->role == ROLE_LEADER;
    return OK;
}

/* ---- Opening ------------------------------------------------------------------------------------------------------- */

static int open_store(struct feeder *feeder, const char *data)
{
    int status = EXIT_FAILED;
    uint8_t tables[TABLES_SIZE];
    struct store_events events = {feeder, durable, checkpointed, failed};
    registry_tables(&feeder->registry, tables);
    struct store_config config = {.path = data, .block_cache_bytes = CACHE_BYTES, .tables = tables};
    feeder->store = store_open(&config, &events, feeder->problem, &status);
    if (!feeder->store) return status;
    if (!feeder->store->calls->last_lsn(feeder->store)) return EXIT_DONE;
    snprintf(feeder->problem, PROBLEM_SIZE, "%.300s has data already", data);
    return EXIT_USAGE;
}

static int open_core(struct feeder *feeder, const char *data)
{
    char problem[256] = "";
    feeder->keyring = keyring_open(file_beside(feeder->arena, data, ".key").data,
                                   file_path(feeder->arena, data, SLOTS_NAME).data, SLOTS_MAKE, problem);
    bool good = feeder->keyring && token_keys_open(&feeder->token_keys, data, problem);
    if (good && !(feeder->router = router_create(&feeder->registry, problem))) good = false;
    if (good) {
        feeder->providers[0] = (struct provider){"payment", pay, NULL, .instant = true};
        feeder->providers[1] = (struct provider){"mail", send_mail, NULL, .instant = true};
        feeder->bind = (struct bind_context){
            .router = feeder->router,
            .tokens = token_cache_create(feeder->token_keys.keys, feeder->token_keys.count),
        };
        struct ports ports = {
            .context = feeder,
            .store = feeder->store,
            .submit = submit,
            .random = draw,
            .providers = feeder->providers,
            .passwords = &passwords,
            .keyring = feeder->keyring,
            .token_keys = feeder->token_keys.keys,
            .token_key_count = feeder->token_keys.count,
        };
        struct core_config config = {
            .development = true, .actors_memory = ACTORS_MEMORY, .default_tenant = LITERAL("default")};
        feeder->core = core_create(&feeder->registry, &ports, &config, clock_now_ms(&feeder->clock), problem);
    }
    if (feeder->core) return EXIT_DONE;
    snprintf(feeder->problem, PROBLEM_SIZE, "%s", problem);
    return EXIT_FAILED;
}

static void release(struct feeder *feeder)
{
    if (feeder->core) core_destroy(feeder->core);
    if (feeder->bind.tokens) token_cache_destroy(feeder->bind.tokens);
    if (feeder->router) router_destroy(feeder->router);
    if (feeder->keyring) keyring_destroy(feeder->keyring);
    while (feeder->free) {
        struct flight *flight = feeder->free;
        feeder->free = flight->next;
        arena_destroy(flight->arena);
        free(flight);
    }
    pthread_cond_destroy(&feeder->something);
    pthread_mutex_destroy(&feeder->mutex);
    arena_destroy(feeder->arena);
    free(feeder);
}

struct feeder *feeder_open(const char *data, char problem[PROBLEM_SIZE], int *status)
{
    struct feeder *feeder = memory_alloc(sizeof *feeder);
    feeder->arena = arena_create();
    feeder->registry = *souk_registry(feeder->arena);
    feeder->registry.identify = identify;
    feeder->work_last = &feeder->work;
    pthread_mutex_init(&feeder->mutex, NULL);
    pthread_cond_init(&feeder->something, NULL);
    clock_start(&feeder->clock);
    *status = open_store(feeder, data);
    if (*status == EXIT_DONE) *status = open_core(feeder, data);
    if (*status == EXIT_DONE) return feeder;
    memcpy(problem, feeder->problem, PROBLEM_SIZE);
    if (feeder->store) feeder->store->calls->close(feeder->store);
    release(feeder);
    return NULL;
}

/* ---- Turns --------------------------------------------------------------------------------------------------------- */

static void refuse(struct feeder *feeder, const char *what, int status, const char *why)
{
    if (!feeder->refused) snprintf(feeder->problem, PROBLEM_SIZE, "%.200s: %d %.200s", what, status, why ? why : "");
    feeder->refused = true;
}

static void finish(struct feeder *feeder, struct flight *flight)
{
    const struct reply *reply = &flight->request.reply;
    if (reply->status >= 300 || flight->taken) {
        yyjson_doc *document = yyjson_read(reply->body.data, reply->body.length, 0);
        yyjson_val *root = yyjson_doc_get_root(document);
        if (reply->status >= 300)
            refuse(feeder, flight->what, reply->status, yyjson_get_str(yyjson_obj_get(root, "error")));
        else
            flight->taken(flight->subject, yyjson_obj_get(root, "data"));
        yyjson_doc_free(document);
    }
    reply_release(&flight->request.reply);
    arena_reset(flight->arena);
    flight->next = feeder->free;
    feeder->free = flight;
    feeder->under_way--;
    feeder->answered_count++;
}

static void run_work(struct feeder *feeder)
{
    struct inbox_item *item = feeder->work, *next;
    feeder->work = NULL;
    feeder->work_last = &feeder->work;
    for (; item; item = next) {
        struct work *work = (struct work *)(void *)item;
        next = item->next;
        work->run(work);
        work->done(work);
    }
}

static void turn(struct feeder *feeder)
{
    feeder->gathered = 0;
    uint64_t lsn = atomic_load(&feeder->durable_lsn);
    if (lsn > core_durable_lsn(feeder->core)) core_durable(feeder->core, lsn);
    struct ordered *frozen = atomic_exchange(&feeder->checkpointed, NULL);
    if (frozen) core_checkpointed(feeder->core, frozen);
    run_work(feeder);
    core_turn(feeder->core, clock_now_ms(&feeder->clock));
    while (feeder->answered) {
        struct flight *flight = feeder->answered;
        feeder->answered = flight->next;
        finish(feeder, flight);
    }
    if (atomic_load(&feeder->failed)) refuse(feeder, "the store", 0, "failed");
}

static bool has_news(struct feeder *feeder)
{
    return core_busy(feeder->core) || feeder->work || atomic_load(&feeder->checkpointed) ||
           atomic_load(&feeder->durable_lsn) > core_durable_lsn(feeder->core) || atomic_load(&feeder->failed);
}

/* Until the store has something to say, or a moment has passed. */
static void wait_for_news(struct feeder *feeder)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&feeder->mutex);
    if (!has_news(feeder)) pthread_cond_timedwait(&feeder->something, &feeder->mutex, &until);
    pthread_mutex_unlock(&feeder->mutex);
}

static void go_on(struct feeder *feeder)
{
    turn(feeder);
    if (!has_news(feeder)) wait_for_news(feeder);
}

/* ---- Asking -------------------------------------------------------------------------------------------------------- */

static void on_answered(struct request *request)
{
    struct flight *flight = request->owner;
    flight->next = flight->feeder->answered;
    flight->feeder->answered = flight;
}

static enum http_method method_named(const char *name)
{
    for (int method = 0; method < METHOD_OTHER; method++)
        if (strcmp(http_method_names[method], name) == 0) return (enum http_method)method;
    return METHOD_OTHER;
}

static struct flight *take_flight(struct feeder *feeder)
{
    struct flight *flight = feeder->free;
    struct arena *arena = flight ? flight->arena : arena_create();
    if (flight)
        feeder->free = flight->next;
    else
        flight = memory_alloc(sizeof *flight);
    *flight = (struct flight){.feeder = feeder, .arena = arena};
    return flight;
}

/* As it would come from a socket, parsed. */
static struct http_request http_of(struct arena *arena, const struct feeder_call *call)
{
    struct http_request http = {
        .method = method_named(call->method),
        .keep_alive = true,
        .path = arena_text(arena, text_of(call->path)),
        .query = arena_text(arena, call->query),
        .body = arena_text(arena, call->body),
    };
    http.headers[HEADER_HOST] = LITERAL("localhost");
    if (call->body.data)
        http.headers[HEADER_CONTENT_TYPE] = text_of(call->content_type ? call->content_type : "application/json");
    if (call->tenant.data) http.headers[HEADER_X_TENANT] = arena_text(arena, call->tenant);
    return http;
}

bool feeder_ask(struct feeder *feeder, const struct feeder_call *call)
{
    while (feeder->under_way >= UNDER_WAY_MOST && !feeder->refused)
        go_on(feeder);
    if (feeder->refused) return false;
    struct flight *flight = take_flight(feeder);
    struct request *request = &flight->request;
    struct http_request http = http_of(flight->arena, call);
    struct bound bound;
    flight->taken = call->taken;
    flight->subject = call->subject;
    flight->what = http.path.data;
    request->arena = flight->arena;
    request->owner = flight;
    request->answered = on_answered;
    request->address = LITERAL("127.0.0.1");
    request->operator_ = id_is_none(call->by);
    feeder->bind.now_s = clock_now_ms(&feeder->clock) / 1000;
    enum outcome outcome = bind_request(&feeder->bind, &http, request, &bound);
    feeder->under_way++;
    if (!request->operator_) {
        request->has_claims = true;
        request->token_user = request->token_session = call->by;
        request->token_tenant =
            id_derived_text("tenant", ID_NONE, call->tenant.data ? call->tenant : LITERAL("default"));
    }
    if (outcome == OUTCOME_REFUSED) {
        reply_refuse(request, bound.error, bound.sentence, &bound.problems);
        on_answered(request);
    } else {
        while (!core_request(feeder->core, request))
            go_on(feeder); /* its queue is full */
    }
    if (++feeder->gathered < TURN_REQUESTS) return true;
    do /* a checkpoint goes on a little with each turn */
        turn(feeder);
    while (core_busy(feeder->core));
    return true;
}

bool feeder_settle(struct feeder *feeder)
{
    while (feeder->under_way && !feeder->refused)
        go_on(feeder);
    return !feeder->refused;
}

uint64_t feeder_answered(const struct feeder *feeder)
{
    return feeder->answered_count;
}

int64_t feeder_now(struct feeder *feeder)
{
    return clock_now_ms(&feeder->clock);
}

/* ---- The end ------------------------------------------------------------------------------------------------------- */

int feeder_close(struct feeder *feeder, char problem[PROBLEM_SIZE])
{
    while (!atomic_load(&feeder->failed) && !core_stop(feeder->core))
        go_on(feeder);
    int status = feeder->refused || atomic_load(&feeder->failed) ? EXIT_FAILED : EXIT_DONE;
    memcpy(problem, feeder->problem, PROBLEM_SIZE);
    if (status != EXIT_DONE && atomic_load(&feeder->failed)) _Exit(status); /* what the store holds stays as it is */
    feeder->store->calls->close(feeder->store);
    release(feeder);
    return status;
}
