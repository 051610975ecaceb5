/* Certificate, key and session tickets of a server.

   Loops on several threads make connections of it while the main thread may read the files again: the lock guards what is
   newest, and is taken once a connection and once a ticket. A connection keeps the certificate it has begun with.

   Tickets are sealed with a key that is drawn here and never leaves memory. It is replaced by time, and the one before it still
   opens what it has sealed; so no key lives for long, and a stolen one opens little. */
#include "net/tls_server.h"
#include "base/arena.h"
#include "base/check.h"
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A ticket is good for OpenSSL's two hours: its key opens at least as long as that. */
enum { TICKET_KEY_S = 3 * 60 * 60 };

struct ticket_key {
    unsigned char name[16], cipher[32], mac[32];
    int64_t drawn_s; /* of the monotonic clock; 0: none */
};
struct tls_server {
    const char *certificate, *key;
    BIO_METHOD *method;
    pthread_mutex_t lock; /* of what follows */
    SSL_CTX *context;
    int64_t expires_s;
    struct ticket_key tickets[2]; /* that seals, and the one before it */
};

/* ---- tickets ---- */

static int64_t monotonic_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1; /* never 0 */
}

static bool draw_key(struct ticket_key *key)
{
    key->drawn_s = monotonic_s();
    return RAND_bytes(key->name, sizeof key->name) == 1 && RAND_bytes(key->cipher, sizeof key->cipher) == 1 &&
           RAND_bytes(key->mac, sizeof key->mac) == 1;
}

/* Brings the keys up to now. */
static bool renew_keys(struct tls_server *server)
{
    struct ticket_key *keys = server->tickets;
    if (keys[0].drawn_s && monotonic_s() - keys[0].drawn_s < TICKET_KEY_S) return true;
    bool before_is_young = keys[0].drawn_s && monotonic_s() - keys[0].drawn_s < INT64_C(2) * TICKET_KEY_S;
    keys[1] = before_is_young ? keys[0] : (struct ticket_key){0};
    return draw_key(&keys[0]);
}

/* The key to seal with, or the one of that name; *is_newest tells which. */
static bool find_key(struct tls_server *server, const unsigned char name[16], struct ticket_key *key, bool *is_newest)
{
    bool found = false;
    pthread_mutex_lock(&server->lock);
    if (renew_keys(server))
        for (int i = 0; i < 2 && !found; i++) {
            *key = server->tickets[i];
            *is_newest = i == 0;
            found = key->drawn_s && (!name || memcmp(name, key->name, sizeof key->name) == 0);
        }
    pthread_mutex_unlock(&server->lock);
    return found;
}

/* 1: good; 2: good, and to be replaced by a newer one; 0: the handshake goes its whole way; -1: fault. */
static int on_ticket(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                     int seals)
{
    struct tls_server *server = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct ticket_key key;
    bool is_newest;
    if (!find_key(server, seals ? NULL : name, &key, &is_newest)) return seals ? -1 : 0;
    char digest[] = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac, sizeof key.mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool good = EVP_MAC_CTX_set_params(mac, parameters) == 1;
    if (seals) {
        memcpy(name, key.name, sizeof key.name);
        good = good && RAND_bytes(iv, EVP_MAX_IV_LENGTH) == 1 &&
               EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    } else {
        good = good && EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key.cipher, iv) == 1;
    }
    OPENSSL_cleanse(&key, sizeof key);
    return !good ? -1 : is_newest ? 1 : 2;
}

/* ---- the context ---- */

/* HTTP/1.1 or nothing: a client that offers protocols without it is told so by an alert. */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *length, const unsigned char *offered,
                   unsigned offered_length, void *context)
{
    static const unsigned char spoken[] = "\x08http/1.1";
    (void)ssl, (void)context;
    unsigned char *found;
    if (SSL_select_next_proto(&found, length, spoken, sizeof spoken - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *chosen = found;
    return SSL_TLSEXT_ERR_OK;
}

/* A key that is locked by a pass phrase cannot be read: nobody sits there to be asked. */
static int on_pass_phrase(char *phrase, int size, int writes, void *context)
{
    (void)phrase, (void)size, (void)writes, (void)context;
    return -1;
}

static bool complain(char problem[256], const char *path, const char *what)
{
    snprintf(problem, 256, "%.160s %s", path, what);
    return false;
}

static bool complain_of_tls(char problem[256], const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    snprintf(problem, 256, "%.120s %s: %.80s", path, what, reason ? reason : "unknown reason");
    ERR_clear_error();
    return false;
}

/* A group may read it, as those of certificate managers do; nobody else may, and none but its owner may write it. */
static bool check_modes(const char *path, char problem[256])
{
    struct stat status;
    if (stat(path, &status) != 0) {
        snprintf(problem, 256, "%.160s cannot be read: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(status.st_mode)) return complain(problem, path, "is no file");
    if (status.st_mode & 027) return complain(problem, path, "may be read or written by others: give it mode 0600");
    return true;
}

static bool note_expiry(SSL_CTX *context, int64_t *expires_s)
{
    struct tm date;
    const X509 *certificate = SSL_CTX_get0_certificate(context);
    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &date) != 1) return false;
    *expires_s = timegm(&date);
    return true;
}

static bool configure(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS); /* an idle connection holds none */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, on_pass_phrase);
    SSL_CTX_set_alpn_select_cb(context, on_alpn, NULL);
    SSL_CTX_set_msg_callback(context, tls_note_message);
    return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
           SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
}

static SSL_CTX *context_create(struct tls_server *server, int64_t *expires_s, char problem[256])
{
    const char *certificate = server->certificate, *key = server->key;
    if (!check_modes(key, problem)) return NULL;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool good = true;
    if (!context || !configure(context))
        good = complain_of_tls(problem, "TLS", "cannot be set up");
    else if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        good = complain_of_tls(problem, certificate, "is no certificate that can be used");
    else if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        good = complain_of_tls(problem, key, "is no key that can be used");
    else if (!note_expiry(context, expires_s))
        good = complain(problem, certificate, "does not say when it expires");
    if (good) {
        SSL_CTX_set_app_data(context, server);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

bool tls_server_reload(struct tls_server *server, char problem[256])
{
    int64_t expires_s;
    SSL_CTX *fresh = context_create(server, &expires_s, problem);
    if (!fresh) return false;
    pthread_mutex_lock(&server->lock);
    SSL_CTX *before = server->context;
    server->context = fresh;
    server->expires_s = expires_s;
    OPENSSL_cleanse(server->tickets, sizeof server->tickets);
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(before); /* connections that have begun with it hold it */
    return true;
}

struct tls_server *tls_server_create(const char *certificate, const char *key, char problem[256])
{
    struct tls_server *server = memory_alloc(sizeof *server);
    server->certificate = certificate;
    server->key = key;
    server->method = tls_method_create();
    CHECK(pthread_mutex_init(&server->lock, NULL) == 0);
    if (server->method && tls_server_reload(server, problem)) return server;
    if (!server->method) snprintf(problem, 256, "TLS cannot be set up");
    tls_server_destroy(server);
    return NULL;
}

void tls_server_destroy(struct tls_server *server)
{
    if (!server) return;
    SSL_CTX_free(server->context);
    BIO_meth_free(server->method);
    pthread_mutex_destroy(&server->lock);
    OPENSSL_cleanse(server->tickets, sizeof server->tickets);
    free(server);
}

int64_t tls_server_expires(struct tls_server *server)
{
    pthread_mutex_lock(&server->lock);
    int64_t expires_s = server->expires_s;
    pthread_mutex_unlock(&server->lock);
    return expires_s;
}

SSL *tls_server_ssl(struct tls_server *server)
{
    pthread_mutex_lock(&server->lock);
    SSL *ssl = SSL_new(server->context);
    pthread_mutex_unlock(&server->lock);
    return ssl;
}

const BIO_METHOD *tls_server_method(const struct tls_server *server)
{
    return server->method;
}
