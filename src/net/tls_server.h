/* Inside of the TLS filter: what a connection takes from its server. */
#pragma once
#include "net/tls.h"
#include <openssl/ssl.h>

SSL *tls_server_ssl(struct tls_server *server); /* of the newest certificate */
const BIO_METHOD *tls_server_method(const struct tls_server *server);

/* tls.c */
BIO_METHOD *tls_method_create(void); /* of the BIOs between OpenSSL and the filter */
/* OpenSSL's message callback: counts what no honest peer sends often. */
void tls_note_message(int written, int version, int type, const void *data, size_t length, SSL *ssl, void *context);
