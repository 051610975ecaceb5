/* Mails as RFC 5322 wants them, and how they are handed over. */
#include "main/smtp.h"
#include "actors/identity/mail.h"
#include "base/log.h"
#include "main/files.h"
#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { ENCODED_WORD_BYTES = 39, BASE64_LINE_BYTES = 57, CREDENTIALS_MOST = 1000, ADDRESS_MOST = 254 };

struct smtp {
    struct smtp_config config;
    struct arena *arena;
    const char *user, *password; /* NULL: none */
    atomic_bool stopping;
};

/* ---- the message ---- */

static void base64(struct buffer *out, const char *bytes, size_t length)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (i + k < length ? (uint8_t)bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++) {
            char digit = digits[group >> (18 - 6 * k) & 63];
            if (i + k > length) digit = '=';
            buffer_byte(out, digit);
        }
    }
}

/* What ends a line would begin another one: a header of the sender's choice. */
static bool is_one_line(struct text text)
{
    for (uint32_t i = 0; i < text.length; i++)
        if ((uint8_t)text.data[i] < ' ' || text.data[i] == 127) return false;
    return text_is_utf8(text);
}

static bool address_is_good(struct text address)
{
    uint32_t ats = 0;
    for (uint32_t i = 0; i < address.length; i++) {
        char c = address.data[i];
        if (c <= ' ' || c >= 127 || strchr("<>()[],;:\\\"", c)) return false;
        ats += c == '@';
    }
    return ats == 1 && address.length >= 3 && address.length <= ADDRESS_MOST && address.data[0] != '@' &&
           address.data[0] != '-' && address.data[address.length - 1] != '@';
}

/* RFC 2047: words of UTF-8, none of which ends within a character. */
static void encoded_words(struct buffer *out, struct text text)
{
    for (uint32_t at = 0; at < text.length;) {
        uint32_t end = at + ENCODED_WORD_BYTES < text.length ? at + ENCODED_WORD_BYTES : text.length;
        while (end < text.length && ((uint8_t)text.data[end] & 0xC0) == 0x80)
            end--;
        if (at) buffer_string(out, "\r\n ");
        buffer_string(out, "=?UTF-8?B?");
        base64(out, text.data + at, end - at);
        buffer_string(out, "?=");
        at = end;
    }
}

/* RFC 5322 3.3. The C library's names of days and months are English here: nobody sets a locale. */
static void date(struct buffer *out, int64_t now_s)
{
    char text[64];
    time_t seconds = (time_t)now_s;
    struct tm parts;
    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S +0000", &parts);
    buffer_string(out, text);
}

bool smtp_message(struct buffer *out, const struct mail_request *mail, const char *from, struct text message_id,
                  int64_t now_s)
{
    if (!address_is_good(mail->to) || !is_one_line(mail->subject)) return false;
    buffer_format(out, "From: <%s>\r\nTo: <%.*s>\r\nSubject: ", from, TEXT_ARGUMENTS(mail->to));
    encoded_words(out, mail->subject);
    buffer_string(out, "\r\nDate: ");
    date(out, now_s);
    buffer_format(out, "\r\nMessage-ID: <%.*s>\r\n", TEXT_ARGUMENTS(message_id));
    /* Whoever answers by a machine does not answer this (RFC 3834). */
    buffer_string(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                       "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    for (uint32_t at = 0; at < mail->text.length; at += BASE64_LINE_BYTES) {
        uint32_t left = mail->text.length - at;
        base64(out, mail->text.data + at, left < BASE64_LINE_BYTES ? left : BASE64_LINE_BYTES);
        buffer_string(out, "\r\n");
    }
    return true;
}

/* The same for the same effect, whoever calls it and however often. */
static struct text message_id(const struct smtp *smtp, const struct effect_call *call)
{
    uint8_t hash[32];
    char name[33];
    struct text rest = text_of(smtp->config.from);
    text_split(&rest, '@');
    hash_bytes((struct text){(const char *)call->tenant.bytes, sizeof call->tenant.bytes}, call->key, hash);
    for (size_t i = 0; i < 16; i++)
        snprintf(name + 2 * i, 3, "%02x", hash[i]);
    return arena_format(call->arena, "%s@%.*s", name, TEXT_ARGUMENTS(rest));
}

/* ---- handing it over ---- */

static size_t give(char *to, size_t size, size_t count, void *context)
{
    struct text *rest = context;
    size_t length = size * count < rest->length ? size * count : rest->length;
    if (length) memcpy(to, rest->data, length);
    rest->data += length;
    rest->length -= (uint32_t)length;
    return length;
}

static int go_on(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(&((struct smtp *)context)->stopping);
}

static void configure(CURL *curl, struct smtp *smtp, struct text *rest, const char *from)
{
    const struct smtp_config *config = &smtp->config;
    static const long tls[] = {
        [SMTP_TLS_REQUIRED] = CURLUSESSL_ALL, [SMTP_TLS_TRIED] = CURLUSESSL_TRY, [SMTP_TLS_OFF] = CURLUSESSL_NONE};
    curl_easy_setopt(curl, CURLOPT_URL, config->url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* of no environment */
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls[config->tls]);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)config->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)config->timeout_ms);
    if (*config->ca_file) curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca_file);
    if (smtp->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, smtp->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, smtp->password);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(curl, CURLOPT_READDATA, rest);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, go_on);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, smtp);
}

/* The last answer was a refusal of this mail, not of us: 5xx to MAIL, RCPT or DATA, or to the text. Before them libcurl
   fails with other results, and 530 to 538 want a login or TLS. */
static bool is_final(CURLcode result, long code, bool sent)
{
    bool of_login = code >= 530 && code <= 538;
    bool of_mail =
        result == CURLE_SEND_ERROR || (sent && (result == CURLE_WEIRD_SERVER_REPLY || result == CURLE_RECV_ERROR));
    return code >= 500 && code <= 599 && of_mail && !of_login;
}

enum handed { HANDED_OVER, TRY_AGAIN, REFUSED };

static enum handed hand_over(struct smtp *smtp, struct effect_call *call, const struct mail_request *mail,
                             struct text message)
{
    const char *from = arena_format(call->arena, "<%s>", smtp->config.from).data;
    const char *to = arena_format(call->arena, "<%.*s>", TEXT_ARGUMENTS(mail->to)).data;
    struct curl_slist *recipients = curl_slist_append(NULL, to);
    CURL *curl = curl_easy_init();
    struct text rest = message;
    long code = 0;
    if (!curl || !recipients) {
        curl_easy_cleanup(curl);
        curl_slist_free_all(recipients);
        return TRY_AGAIN;
    }
    configure(curl, smtp, &rest, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients);
    CURLcode result = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    bool refused = result != CURLE_OK && is_final(result, code, !rest.length);
    curl_easy_cleanup(curl);
    curl_slist_free_all(recipients);
    if (result == CURLE_OK) return HANDED_OVER;
    struct text trace = text_or(call->trace, LITERAL("-"));
    /* Neither address nor what the server said, for it may name her: the log is no place for them. */
    if (!atomic_load(&smtp->stopping))
        log_line("mail", LOG_WARNING, refused ? "refused for good" : "not handed over",
                 "template=%.*s traceparent=%.*s attempt=%u why=\"%s\" code=%ld", TEXT_ARGUMENTS(mail->template),
                 TEXT_ARGUMENTS(trace), call->attempt, curl_easy_strerror(result), code);
    return refused ? REFUSED : TRY_AGAIN;
}

static void call_smtp(void *context, struct effect_call *call)
{
    struct smtp *smtp = context;
    const struct mail_request *mail = call->request;
    struct mail_answer *reply = call->answer;
    struct buffer message = {.arena = call->arena};
    if (atomic_load(&smtp->stopping)) {
        call->retry = true;
        return;
    }
    struct text trace = text_or(call->trace, LITERAL("-"));
    if (!smtp_message(&message, mail, smtp->config.from, message_id(smtp, call), (int64_t)time(NULL))) {
        log_line("mail", LOG_WARNING, "not sent: address or subject would break the mail",
                 "template=%.*s traceparent=%.*s", TEXT_ARGUMENTS(mail->template), TEXT_ARGUMENTS(trace));
        reply->problem = LITERAL("address or subject would break the mail");
        return;
    }
    switch (hand_over(smtp, call, mail, buffer_as_text(&message))) {
    case HANDED_OVER: reply->sent = true; break;
    case TRY_AGAIN: call->retry = true; break;
    case REFUSED: reply->problem = LITERAL("the server refused it for good"); break;
    }
}

/* ---- opening ---- */

static bool read_credentials(struct smtp *smtp, char problem[256])
{
    const char *path = smtp->config.credentials;
    struct stat status;
    char line[CREDENTIALS_MOST + 2];
    if (!*path) return true;
    FILE *file = fopen(path, "r");
    bool good = file && fstat(fileno(file), &status) == 0 && fgets(line, sizeof line, file);
    if (file) fclose(file);
    if (!good) {
        snprintf(problem, 256, "mail.credentials %.160s cannot be read", path);
        return false;
    }
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        snprintf(problem, 256, "mail.credentials %.160s is open to others: chmod 600", path);
        return false;
    }
    line[strcspn(line, "\r\n")] = 0;
    struct text password = text_of(line), user = text_split(&password, ':');
    if (!user.length || !password.data) {
        snprintf(problem, 256, "mail.credentials %.160s has no line user:password", path);
        return false;
    }
    smtp->user = arena_text(smtp->arena, user).data;
    smtp->password = arena_text(smtp->arena, password).data;
    return true;
}

static bool is_smtp(const char *url)
{
    size_t scheme = strncmp(url, "smtp://", 7) == 0 ? 7 : strncmp(url, "smtps://", 8) == 0 ? 8 : 0;
    return scheme && url[scheme] && !strpbrk(url + scheme, "/@? ");
}

struct smtp *smtp_create(const struct smtp_config *config, char problem[256])
{
    struct smtp *smtp = memory_alloc(sizeof *smtp);
    smtp->config = *config;
    smtp->arena = arena_create();
    bool good = false;
    if (!is_smtp(config->url))
        snprintf(problem, 256,
                 "mail.url is smtp://host:port or smtps://host:port; name and password are in mail.credentials");
    else if (!address_is_good(text_of(config->from)))
        snprintf(problem, 256, "mail.from is the address that mails come from: set it with mail.url");
    else if (read_credentials(smtp, problem))
        good = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (good) return smtp;
    arena_destroy(smtp->arena);
    free(smtp);
    return NULL;
}

void smtp_stop(struct smtp *smtp)
{
    if (smtp) atomic_store(&smtp->stopping, true);
}

void smtp_destroy(struct smtp *smtp)
{
    if (!smtp) return;
    curl_global_cleanup();
    arena_destroy(smtp->arena);
    free(smtp);
}

struct provider smtp_provider(struct smtp *smtp)
{
    return (struct provider){"mail", call_smtp, smtp};
}
