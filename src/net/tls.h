/* TLS as a filter between the bytes of a socket and those of a connection; it does no I/O of its own.

     socket ──sealed──▶ tls_receive, tls_read … ──plain──▶ connection ──plain──▶ tls_write ──sealed──▶ socket

   A server has one `tls_server`: certificate, key, and the keys of session tickets, shared by its loops. A connection has one
   `tls`, used by its loop's thread alone. What a call seals (handshake, alerts, answers) is appended to the buffer it is given;
   the caller sends it in that order.

   TLS 1.2 and 1.3, forward secrecy and authenticated encryption alone, HTTP/1.1 by ALPN, no renegotiation, no early data. */
#pragma once
#include "base/buffer.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- what all connections share ---- */
struct tls_server;
/* Reads certificate (a chain, PEM) and key (PEM). NULL and a sentence when they do not serve. The paths outlive the server. */
struct tls_server *tls_server_create(const char *certificate, const char *key, char problem[256]);
/* Reads the files again, for the connections that come from now on; session tickets of before are worth nothing. False and a
   sentence when they do not serve: then all stays as it is. */
bool tls_server_reload(struct tls_server *server, char problem[256]);
int64_t tls_server_expires(struct tls_server *server); /* when the certificate does, seconds since 1970 */
void tls_server_destroy(struct tls_server *server);    /* when no connection is left */

/* ---- a connection's ---- */
enum tls_event {
    TLS_MORE,       /* all was used; more is needed */
    TLS_DATA,       /* plain bytes are there; ask again */
    TLS_END,        /* the peer says that no more follow */
    TLS_FAILED,     /* for good; tls_reason tells why */
    TLS_PLAIN_HTTP, /* for good: the peer speaks HTTP without TLS */
};
struct tls;
struct tls *tls_open(struct tls_server *server); /* NULL: no memory is left */
void tls_close(struct tls *tls);
/* Gives it sealed bytes. They have to stay where they are until tls_read has used them. */
void tls_receive(struct tls *tls, const char *data, size_t length);
enum tls_event tls_read(struct tls *tls, char *plain, size_t size, size_t *got, struct buffer *sealed);
/* False when the connection has failed. Only once it is ready. */
bool tls_write(struct tls *tls, const char *plain, size_t length, struct buffer *sealed);
void tls_end(struct tls *tls, struct buffer *sealed); /* says once that no more follow */
bool tls_is_ready(const struct tls *tls);             /* the handshake is done */
bool tls_is_ended(const struct tls *tls);             /* TLS_END was told */
bool tls_is_resumed(const struct tls *tls);           /* by a session ticket */
const char *tls_reason(const struct tls *tls);
