/* The TLS filter against a client in the same process: in pieces of any size, with bytes that are wrong, and to its end. */
#include "net/tls.h"
#include "base/arena.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], certificate[96], key[96];
static struct tls_server *server;

/* ---- a certificate of our own ---- */

static void write_pair(const char *certificate_path, const char *key_path)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    assert_non_null(pair);
    assert_non_null(x509);
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), 0);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"unit", -1, -1,
                               0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, pair);
    assert_true(X509_sign(x509, pair, EVP_sha256()) > 0);
    FILE *file = fopen(certificate_path, "w");
    assert_non_null(file);
    PEM_write_X509(file, x509);
    fclose(file);
    file = fopen(key_path, "w");
    assert_non_null(file);
    chmod(key_path, 0600);
    PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(x509);
    EVP_PKEY_free(pair);
}

static int open_all(void **state)
{
    char problem[256];
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/souk-tls-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(certificate, sizeof certificate, "%s/c.pem", directory);
    snprintf(key, sizeof key, "%s/k.pem", directory);
    write_pair(certificate, key);
    server = tls_server_create(certificate, key, problem);
    assert_non_null(server);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    tls_server_destroy(server);
    unlink(certificate);
    unlink(key);
    rmdir(directory);
    return 0;
}

/* ---- a client ---- */

struct client {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* what it reads, what it has written */
};

static struct client client_open(int version)
{
    struct client client = {.context = SSL_CTX_new(TLS_client_method())};
    SSL_CTX_set_min_proto_version(client.context, version);
    SSL_CTX_set_max_proto_version(client.context, version);
    SSL_CTX_set_verify(client.context, SSL_VERIFY_NONE, NULL);
    client.ssl = SSL_new(client.context);
    client.in = BIO_new(BIO_s_mem());
    client.out = BIO_new(BIO_s_mem());
    SSL_set_bio(client.ssl, client.in, client.out);
    SSL_set_connect_state(client.ssl);
    return client;
}

static void client_close(struct client *client)
{
    SSL_free(client->ssl);
    SSL_CTX_free(client->context);
    ERR_clear_error();
}

/* Gives the filter sealed bytes in pieces, and gathers what it opens and seals. */
static enum tls_event feed(struct tls *tls, const char *data, size_t length, size_t piece, struct buffer *plain,
                           struct buffer *sealed)
{
    enum tls_event event = TLS_MORE;
    char out[500];
    size_t got;
    for (size_t at = 0; at < length && event == TLS_MORE; at += piece) {
        tls_receive(tls, data + at, piece < length - at ? piece : length - at);
        while ((event = tls_read(tls, out, sizeof out, &got, sealed)) == TLS_DATA)
            buffer_bytes(plain, out, got);
    }
    return event;
}

/* What the client has to send goes to the filter, and what that seals to the client. */
static enum tls_event turn(struct client *client, struct tls *tls, size_t piece, struct buffer *plain)
{
    char *data;
    struct buffer sealed = {0};
    long length = BIO_get_mem_data(client->out, &data);
    enum tls_event event = feed(tls, data, (size_t)length, piece, plain, &sealed);
    (void)BIO_reset(client->out);
    if (sealed.length) BIO_write(client->in, sealed.data, (int)sealed.length);
    buffer_free(&sealed);
    return event;
}

static void shake_hands(struct client *client, struct tls *tls, size_t piece)
{
    struct buffer plain = {0};
    for (int turns = 0; turns < 10 && (SSL_do_handshake(client->ssl) != 1 || !tls_is_ready(tls)); turns++)
        assert_int_equal(turn(client, tls, piece, &plain), TLS_MORE);
    assert_true(tls_is_ready(tls));
    assert_int_equal(plain.length, 0);
}

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- cases ---- */

enum { LONG = 100000 };

static void test_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 7, 61, 1000, 65536};
    char *question = memory_alloc(LONG), *answer = memory_alloc(LONG);
    for (size_t i = 0; i < LONG; i++)
        question[i] = (char)(i * 7 + i / 251);
    for (size_t v = 0; v < 2; v++)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
            struct client client = client_open(versions[v]);
            struct tls *tls = tls_open(server);
            struct buffer plain = {0}, sealed = {0};
            shake_hands(&client, tls, pieces[p]);
            assert_int_equal(SSL_write(client.ssl, question, LONG), LONG);
            assert_int_equal(turn(&client, tls, pieces[p], &plain), TLS_MORE);
            assert_int_equal(plain.length, LONG);
            assert_memory_equal(plain.data, question, LONG);

            assert_true(tls_write(tls, plain.data, LONG, &sealed)); /* whole, however long */
            BIO_write(client.in, sealed.data, (int)sealed.length);
            for (int got = 0, more; got < LONG; got += more) {
                more = SSL_read(client.ssl, answer + got, LONG - got);
                assert_true(more > 0);
            }
            assert_memory_equal(answer, question, LONG);

            buffer_clear(&sealed);
            tls_end(tls, &sealed);
            tls_end(tls, &sealed); /* is said once */
            BIO_write(client.in, sealed.data, (int)sealed.length);
            assert_true(SSL_read(client.ssl, answer, 1) <= 0);
            assert_int_equal(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
            assert_false(tls_write(tls, "late", 4, &sealed));
            SSL_shutdown(client.ssl);
            assert_int_equal(turn(&client, tls, pieces[p], &plain), TLS_END);
            assert_true(tls_is_ended(tls));
            tls_close(tls);
            client_close(&client);
            buffer_free(&plain);
            buffer_free(&sealed);
        }
    free(question);
    free(answer);
}

/* One byte of what the client sends is wrong: nothing comes out that it did not write, and nothing breaks. */
static void test_wrong_bytes(void **state)
{
    (void)state;
    static const char words[] = "GET / HTTP/1.1\r\n\r\n";
    for (size_t v = 0; v < 2; v++) {
        int failures = 0, tries = 0;
        for (size_t wrong = 0; wrong < 700; wrong += 3) {
            struct client client = client_open(versions[v]);
            struct tls *tls = tls_open(server);
            struct buffer plain = {0}, sealed = {0};
            size_t passed = 0;
            enum tls_event event = TLS_MORE;
            for (int turns = 0; turns < 6 && event == TLS_MORE; turns++) {
                char *data;
                if (SSL_do_handshake(client.ssl) == 1 && turns >= 2) SSL_write(client.ssl, words, sizeof words - 1);
                long length = BIO_get_mem_data(client.out, &data);
                if (wrong >= passed && wrong < passed + (size_t)length) data[wrong - passed] ^= 0x55, tries++;
                passed += (size_t)length;
                event = feed(tls, data, (size_t)length, 4096, &plain, &sealed);
                (void)BIO_reset(client.out);
                if (sealed.length) BIO_write(client.in, sealed.data, (int)sealed.length);
                buffer_clear(&sealed);
            }
            failures += event == TLS_FAILED;
            for (size_t at = 0; at < plain.length; at += sizeof words - 1)
                assert_memory_equal(plain.data + at, words, sizeof words - 1);
            if (event == TLS_FAILED) assert_true(strlen(tls_reason(tls)) > 0);
            tls_close(tls);
            client_close(&client);
            buffer_free(&plain);
            buffer_free(&sealed);
        }
        assert_true(tries > 100);
        assert_true(failures > 50);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    struct buffer plain = {0}, sealed = {0};
    struct tls *tls = tls_open(server);
    assert_int_equal(feed(tls, "GET / HTTP/1.1\r\n\r\n", 18, 18, &plain, &sealed), TLS_PLAIN_HTTP);
    assert_int_equal(feed(tls, "more", 4, 4, &plain, &sealed), TLS_PLAIN_HTTP); /* it stays so */
    tls_close(tls);

    struct client client = client_open(TLS1_3_VERSION);
    tls = tls_open(server);
    shake_hands(&client, tls, 4096);
    enum tls_event event = TLS_MORE;
    int updates = 0;
    for (; updates < 100 && event == TLS_MORE; updates++) {
        assert_int_equal(SSL_key_update(client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        SSL_write(client.ssl, "x", 1);
        event = turn(&client, tls, 4096, &plain);
    }
    assert_int_equal(event, TLS_FAILED);
    assert_in_range(updates, 10, 60);
    tls_close(tls);
    client_close(&client);

    char *record = memory_alloc(5 + 16384); /* a hello whose length nobody means */
    memcpy(record, "\x16\x03\x01\x40\x00\x01\x01\x00\x00", 9);
    tls = tls_open(server);
    event = TLS_MORE;
    for (int records = 0; records < 10 && event == TLS_MORE; records++) {
        event = feed(tls, record, 5 + 16384, 5 + 16384, &plain, &sealed);
        memset(record + 5, 0, 16384);
    }
    assert_int_equal(event, TLS_FAILED);
    tls_close(tls);
    free(record);
    buffer_free(&plain);
    buffer_free(&sealed);
}

static void test_reload(void **state)
{
    (void)state;
    char problem[256];
    int64_t before = tls_server_expires(server);
    struct client client = client_open(TLS1_3_VERSION);
    struct tls *tls = tls_open(server);
    chmod(key, 0644);
    assert_false(tls_server_reload(server, problem));
    assert_non_null(strstr(problem, "0600"));
    chmod(key, 0600);
    assert_true(truncate(certificate, 10) == 0);
    assert_false(tls_server_reload(server, problem));
    assert_int_equal(tls_server_expires(server), before);
    shake_hands(&client, tls, 4096); /* with the certificate of before */
    write_pair(certificate, key);
    assert_true(tls_server_reload(server, problem));
    tls_close(tls);
    client_close(&client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_wrong_bytes),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reload),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
