/* The filter of one connection. OpenSSL reads from and writes to a BIO of our own: reading takes from the bytes that the
   socket gave, writing appends to the buffer of the caller. So nothing is copied that need not be, a write never waits, and
   between two calls nothing is held but what OpenSSL keeps of a record that is not whole. */
#include "net/tls.h"
#include "base/check.h"
#include "base/limits.h"
#include "net/tls_server.h"
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

struct tls {
    SSL *ssl;
    const char *input; /* given by tls_receive, not used yet */
    size_t input_left;
    struct buffer *output; /* of the call under way */
    size_t handshake_bytes;
    uint32_t messages; /* of the handshake protocol, after the handshake */
    bool ready, ended, failed, end_said;
    unsigned long error; /* OpenSSL's, of the failure; 0: not of OpenSSL */
};

/* ---- the BIO ---- */

static int on_bio_read(BIO *bio, char *data, size_t size, size_t *got)
{
    struct tls *tls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = size < tls->input_left ? size : tls->input_left;
    if (!*got) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(data, tls->input, *got);
    tls->input += *got;
    tls->input_left -= *got;
    return 1;
}

static int on_bio_write(BIO *bio, const char *data, size_t length, size_t *written)
{
    struct tls *tls = BIO_get_data(bio);
    CHECK(tls->output);
    buffer_bytes(tls->output, data, length);
    *written = length;
    return 1;
}

static long on_bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *tls_method_create(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");
    if (!method) return NULL;
    BIO_meth_set_read_ex(method, on_bio_read);
    BIO_meth_set_write_ex(method, on_bio_write);
    BIO_meth_set_ctrl(method, on_bio_control);
    return method;
}

/* Wishes for another handshake or for new keys cost more to answer than to send. */
void tls_note_message(int written, int version, int type, const void *data, size_t length, SSL *ssl, void *context)
{
    (void)version, (void)data, (void)length, (void)context;
    struct tls *tls = SSL_get_app_data(ssl);
    if (!written && type == SSL3_RT_HANDSHAKE && tls->ready) tls->messages++;
}

/* ---- its life ---- */

struct tls *tls_open(struct tls_server *server)
{
    struct tls *tls = memory_alloc(sizeof *tls);
    tls->ssl = tls_server_ssl(server);
    BIO *bio = tls->ssl ? BIO_new(tls_server_method(server)) : NULL;
    if (!bio) {
        tls_close(tls);
        return NULL;
    }
    BIO_set_data(bio, tls);
    BIO_set_init(bio, 1);
    SSL_set_bio(tls->ssl, bio, bio);
    SSL_set_app_data(tls->ssl, tls);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_close(struct tls *tls)
{
    if (!tls) return;
    SSL_free(tls->ssl);
    free(tls);
}

void tls_receive(struct tls *tls, const char *data, size_t length)
{
    CHECK(!tls->input_left);
    tls->input = data;
    tls->input_left = length;
}

static enum tls_event fail(struct tls *tls, unsigned long error)
{
    tls->failed = true;
    tls->error = error;
    tls->input_left = 0;
    bool is_http = !tls->ready && ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST;
    return is_http ? TLS_PLAIN_HTTP : TLS_FAILED;
}

static enum tls_event no_data(struct tls *tls, int result)
{
    switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN:
        tls->ended = true;
        tls->input_left = 0;
        return TLS_END;
    default: return fail(tls, ERR_peek_error());
    }
}

enum tls_event tls_read(struct tls *tls, char *plain, size_t size, size_t *got, struct buffer *sealed)
{
    *got = 0;
    if (tls->failed) return fail(tls, tls->error);
    if (tls->ended) return TLS_END;
    size_t before = tls->input_left;
    tls->output = sealed;
    ERR_clear_error();
    int result = SSL_read_ex(tls->ssl, plain, size, got);
    enum tls_event event = result == 1 ? TLS_DATA : no_data(tls, result);
    tls->output = NULL;
    if (!tls->ready) {
        tls->handshake_bytes += before - tls->input_left;
        tls->ready = SSL_is_init_finished(tls->ssl) == 1;
    }
    if (!tls->failed && !tls->ready && tls->handshake_bytes > LIMIT_HANDSHAKE_BYTES) return fail(tls, 0);
    if (!tls->failed && tls->messages > LIMIT_HANDSHAKE_MESSAGES) return fail(tls, 0);
    return event;
}

bool tls_write(struct tls *tls, const char *plain, size_t length, struct buffer *sealed)
{
    size_t written;
    if (tls->failed || tls->end_said) return false;
    if (!length) return true;
    tls->output = sealed;
    ERR_clear_error();
    bool good = SSL_write_ex(tls->ssl, plain, length, &written) == 1 && written == length;
    tls->output = NULL;
    if (!good) fail(tls, ERR_peek_error());
    return good;
}

void tls_end(struct tls *tls, struct buffer *sealed)
{
    if (!tls->ready || tls->failed || tls->end_said) return;
    tls->end_said = true;
    tls->output = sealed;
    ERR_clear_error();
    SSL_shutdown(tls->ssl);
    tls->output = NULL;
}

bool tls_is_ready(const struct tls *tls)
{
    return tls->ready;
}

bool tls_is_ended(const struct tls *tls)
{
    return tls->ended;
}

bool tls_is_resumed(const struct tls *tls)
{
    return SSL_session_reused(tls->ssl) == 1;
}

const char *tls_reason(const struct tls *tls)
{
    const char *reason = tls->error ? ERR_reason_error_string(tls->error) : NULL;
    if (reason) return reason;
    return tls->ready ? "too many messages of the handshake protocol" : "the handshake is too long";
}
