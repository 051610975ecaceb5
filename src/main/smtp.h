/* The provider of mails: each goes to one SMTP server, which takes it from there (libcurl).

   A mail is handed over at least once. Whenever it is handed over again, because an answer was lost, it has the same
   Message-ID, so who receives it twice can tell. What the server refuses for good (5xx to sender, recipient or text) is not
   tried again; everything else is, as long as the effect lives: no connection, no TLS, a login that is refused, 4xx, silence. */
#pragma once
#include "actors/runtime/ports.h"

enum smtp_tls { SMTP_TLS_REQUIRED, SMTP_TLS_TRIED, SMTP_TLS_OFF };
struct smtp_config {
    const char *url;         /* smtp://host:port, smtps://host:port */
    const char *from;        /* address */
    const char *credentials; /* file with one line user:password, readable by souk alone; "": none */
    const char *ca_file;     /* PEM of whoever signs the server's certificate; "": the system's */
    enum smtp_tls tls;
    int64_t timeout_ms;
};

struct smtp;
/* NULL and a sentence when the configuration cannot be used. */
struct smtp *smtp_create(const struct smtp_config *config, char problem[256]);
void smtp_stop(struct smtp *smtp); /* calls under way end soon, to be made again; from any thread; NULL is fine */
void smtp_destroy(struct smtp *smtp);
struct provider smtp_provider(struct smtp *smtp);

/* What is handed over: head and text. False: address or subject would break it. */
struct mail_request;
bool smtp_message(struct buffer *out, const struct mail_request *mail, const char *from, struct text message_id,
                  int64_t now_s);
