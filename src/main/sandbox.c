/* The pretended providers. They run on workers, several at once; what they remember belongs to the mutex. */
#include "main/sandbox.h"
#include "actors/identity/mail.h"
#include "actors/sales/payment.h"
#include "base/log.h"
#include "base/map.h"
#include "main/files.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum token {
    TOKEN_UNKNOWN,
    TOKEN_SUCCESS,
    TOKEN_DECLINED,
    TOKEN_TIMEOUT,
    TOKEN_LATE,
    TOKEN_TWICE,
    TOKEN_NO_REFUND,
    TOKEN_INVALID
};
enum { CHARGES_REMEMBERED = 100000 }; /* then all are forgotten: this is no bank */

struct sandbox {
    struct sandbox_config config;
    pthread_mutex_t mutex;
    struct map *charges; /* attempt key → a struct charge */
    struct provider providers[3];
};
struct charge {
    enum token token;
};

/* clang-format off */
static const struct token_row {
    const char *name;
    enum payment_outcome charge, status, voided;    /* charge 0: no answer */
    const char *decline_code;
} tokens[] = {
    /*                   token           charge             status             void */
    [TOKEN_UNKNOWN]  = { "",             PAYMENT_UNKNOWN,   PAYMENT_UNKNOWN,   PAYMENT_VOIDED,    NULL },
    [TOKEN_SUCCESS]  = { "tok_success",  PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, NULL },
    [TOKEN_DECLINED] = { "tok_declined", PAYMENT_DECLINED,  PAYMENT_DECLINED,  PAYMENT_VOIDED,    "card_declined" },
    [TOKEN_TIMEOUT]  = { "tok_timeout",  0,                 PAYMENT_UNKNOWN,   PAYMENT_VOIDED,    NULL },
    [TOKEN_LATE]     = { "tok_late",     PAYMENT_SUCCEEDED, PAYMENT_UNKNOWN,   PAYMENT_SUCCEEDED, NULL },
    [TOKEN_TWICE]    = { "tok_twice",    PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, NULL },
    [TOKEN_NO_REFUND] = { "tok_refund_fails", PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, NULL },
    [TOKEN_INVALID]  = { NULL,           PAYMENT_DECLINED,  PAYMENT_DECLINED,  PAYMENT_VOIDED,    "invalid_token" },
};
/* clang-format on */

static enum token token_named(struct text name)
{
    for (int token = TOKEN_SUCCESS; token < TOKEN_INVALID; token++)
        if (text_is(name, tokens[token].name)) return (enum token)token;
    return TOKEN_INVALID;
}

static void forget(void *context, const void *key, size_t length, void *value)
{
    (void)context, (void)key, (void)length;
    free(value);
}

static enum token charge_of(struct sandbox *sandbox, struct text key)
{
    pthread_mutex_lock(&sandbox->mutex);
    const struct charge *charge = map_get(sandbox->charges, key.data, key.length);
    enum token token = charge ? charge->token : TOKEN_UNKNOWN;
    pthread_mutex_unlock(&sandbox->mutex);
    return token;
}

static void remember(struct sandbox *sandbox, struct text key, enum token token)
{
    pthread_mutex_lock(&sandbox->mutex);
    if (map_count(sandbox->charges) >= CHARGES_REMEMBERED) {
        map_each(sandbox->charges, forget, NULL);
        map_destroy(sandbox->charges);
        sandbox->charges = map_create();
    }
    struct charge *charge = memory_alloc(sizeof *charge);
    charge->token = token;
    free(map_set(sandbox->charges, key.data, key.length, charge));
    pthread_mutex_unlock(&sandbox->mutex);
}

static void charge(struct sandbox *sandbox, struct effect_call *call, const struct payment_request *request,
                   struct payment_answer *reply)
{
    enum token token = token_named(request->token);
    remember(sandbox, request->attempt_key, token);
    call->delay_ms = token == TOKEN_LATE ? sandbox->config.late_time_ms : sandbox->config.payment_time_ms;
    call->repeats = token == TOKEN_TWICE;
    call->retry = !tokens[token].charge;
    reply->outcome = tokens[token].charge;
    if (tokens[token].decline_code) reply->decline_code = text_of(tokens[token].decline_code);
}

/* A refund that failed succeeds when it is asked for again. */
static enum payment_outcome refund(struct sandbox *sandbox, const struct payment_request *request)
{
    struct text id = {(const char *)request->refund_id.bytes, sizeof request->refund_id.bytes};
    if (charge_of(sandbox, request->attempt_key) != TOKEN_NO_REFUND || charge_of(sandbox, id) != TOKEN_UNKNOWN)
        return PAYMENT_SUCCEEDED;
    remember(sandbox, id, TOKEN_NO_REFUND);
    return PAYMENT_DECLINED;
}

static void call_payment(void *context, struct effect_call *call)
{
    struct sandbox *sandbox = context;
    const struct payment_request *request = call->request;
    struct payment_answer *reply = call->answer;
    const struct token_row *row = &tokens[charge_of(sandbox, request->attempt_key)];
    reply->provider = LITERAL("sandbox");
    /* What it did to one attempt has one name, whoever asks. */
    reply->reference = arena_format(call->arena, "sandbox-%.*s", TEXT_ARGUMENTS(request->attempt_key));
    switch (request->operation) {
    case PAYMENT_CHARGE: charge(sandbox, call, request, reply); break;
    case PAYMENT_STATUS: reply->outcome = row->status; break;
    case PAYMENT_VOID: reply->outcome = row->voided; break;
    case PAYMENT_REFUND:
        reply->outcome = refund(sandbox, request);
        reply->refund_id = request->refund_id;
        reply->reference = arena_format(call->arena, "sandbox-refund-%.*s", TEXT_ARGUMENTS(call->key));
        break;
    }
    if (reply->outcome == PAYMENT_DECLINED && row->decline_code && !reply->decline_code.data)
        reply->decline_code = text_of(row->decline_code);
}

/* One file a mail, named by a hash of its key: sent again, it is the same file. */
static bool write_mail(const char *directory, struct effect_call *call, const struct mail_request *mail,
                       char problem[256])
{
    uint8_t hash[32];
    char name[40];
    hash_bytes(call->key, (struct text){(const char *)call->tenant.bytes, sizeof call->tenant.bytes}, hash);
    for (size_t i = 0; i < 16; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    struct buffer content = {.arena = call->arena};
    buffer_format(&content, "To: %.*s\nSubject: %.*s\n\n%.*s\n", TEXT_ARGUMENTS(mail->to),
                  TEXT_ARGUMENTS(mail->subject), TEXT_ARGUMENTS(mail->text));
    mkdir(directory, 0700);
    const char *path =
        arena_format(call->arena, "%s/%.*s-%s.txt", directory, TEXT_ARGUMENTS(mail->template), name).data;
    return file_replace(path, buffer_as_text(&content), 0600, problem);
}

static void call_mail(void *context, struct effect_call *call)
{
    struct sandbox *sandbox = context;
    const struct mail_request *mail = call->request;
    struct mail_answer *reply = call->answer;
    struct text trace = text_or(call->trace, LITERAL("-"));
    char problem[256];
    if (!*sandbox->config.mail_directory) {
        /* Neither address nor text: the log is no place for them. */
        log_line("mail", LOG_INFO, "not sent, no mail directory", "template=%.*s traceparent=%.*s",
                 TEXT_ARGUMENTS(mail->template), TEXT_ARGUMENTS(trace));
    } else if (!write_mail(sandbox->config.mail_directory, call, mail, problem)) {
        log_line("mail", LOG_WARNING, "not written", "problem=\"%s\"", problem);
        call->retry = true;
        return;
    }
    reply->sent = true;
}

struct sandbox *sandbox_create(const struct sandbox_config *config)
{
    struct sandbox *sandbox = memory_alloc(sizeof *sandbox);
    sandbox->config = *config;
    pthread_mutex_init(&sandbox->mutex, NULL);
    sandbox->charges = map_create();
    sandbox->providers[0] = (struct provider){"payment", call_payment, sandbox, .instant = true, .pure = true};
    sandbox->providers[1] = (struct provider){"mail", call_mail, sandbox};
    return sandbox;
}

void sandbox_destroy(struct sandbox *sandbox)
{
    map_each(sandbox->charges, forget, NULL);
    map_destroy(sandbox->charges);
    pthread_mutex_destroy(&sandbox->mutex);
    free(sandbox);
}

const struct provider *sandbox_providers(const struct sandbox *sandbox)
{
    return sandbox->providers;
}
