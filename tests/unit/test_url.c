#include "base/url.h"
#include "unit/random.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

static struct address address_named(const char *name)
{
    struct address address;
    uint8_t v4[4];
    if (inet_pton(AF_INET, name, v4) == 1) return address_of_v4(v4);
    assert_int_equal(inet_pton(AF_INET6, name, address.bytes), 1);
    return address;
}

/* The first and the last of each network, and their neighbours. */
static void test_reach(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum reach reach;
    } rows[] = {
        {"0.0.0.0", REACH_INWARD},
        {"0.255.255.255", REACH_INWARD},
        {"1.0.0.0", REACH_PUBLIC},
        {"9.255.255.255", REACH_PUBLIC},
        {"10.0.0.0", REACH_INWARD},
        {"10.255.255.255", REACH_INWARD},
        {"11.0.0.0", REACH_PUBLIC},
        {"100.63.255.255", REACH_PUBLIC},
        {"100.64.0.0", REACH_INWARD},
        {"100.127.255.255", REACH_INWARD},
        {"100.128.0.0", REACH_PUBLIC},
        {"126.255.255.255", REACH_PUBLIC},
        {"127.0.0.0", REACH_LOOPBACK},
        {"127.255.255.255", REACH_LOOPBACK},
        {"128.0.0.0", REACH_PUBLIC},
        {"169.254.169.254", REACH_INWARD},
        {"169.253.255.255", REACH_PUBLIC},
        {"172.15.255.255", REACH_PUBLIC},
        {"172.16.0.0", REACH_INWARD},
        {"172.31.255.255", REACH_INWARD},
        {"172.32.0.0", REACH_PUBLIC},
        {"192.0.0.8", REACH_INWARD},
        {"192.0.1.0", REACH_PUBLIC},
        {"192.0.2.1", REACH_INWARD},
        {"192.88.99.1", REACH_INWARD},
        {"192.168.0.1", REACH_INWARD},
        {"192.169.0.0", REACH_PUBLIC},
        {"198.17.255.255", REACH_PUBLIC},
        {"198.18.0.0", REACH_INWARD},
        {"198.19.255.255", REACH_INWARD},
        {"198.51.100.7", REACH_INWARD},
        {"203.0.113.7", REACH_INWARD},
        {"223.255.255.255", REACH_PUBLIC},
        {"224.0.0.1", REACH_INWARD},
        {"240.0.0.1", REACH_INWARD},
        {"255.255.255.255", REACH_INWARD},
        {"::", REACH_INWARD},
        {"::1", REACH_LOOPBACK},
        {"::2", REACH_INWARD},
        {"::127.0.0.1", REACH_INWARD},
        {"::ffff:127.0.0.1", REACH_LOOPBACK},
        {"::ffff:10.1.2.3", REACH_INWARD},
        {"::ffff:8.8.8.8", REACH_PUBLIC},
        {"64:ff9b::8.8.8.8", REACH_PUBLIC},
        {"64:ff9b::10.0.0.1", REACH_INWARD},
        {"64:ff9b::127.0.0.1", REACH_INWARD},
        {"64:ff9b:1::1", REACH_INWARD},
        {"100::1", REACH_INWARD},
        {"2000::1", REACH_PUBLIC},
        {"2001::1", REACH_INWARD},
        {"2001:1ff::1", REACH_INWARD},
        {"2001:200::1", REACH_PUBLIC},
        {"2001:db8::1", REACH_INWARD},
        {"2001:db9::1", REACH_PUBLIC},
        {"2002:7f00:1::", REACH_INWARD},
        {"2606:4700::1111", REACH_PUBLIC},
        {"3fff::1", REACH_INWARD},
        {"3fff:1000::1", REACH_PUBLIC},
        {"4000::1", REACH_INWARD},
        {"fc00::1", REACH_INWARD},
        {"fdff::1", REACH_INWARD},
        {"fe80::1", REACH_INWARD},
        {"fec0::1", REACH_INWARD},
        {"ff02::1", REACH_INWARD},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct address address = address_named(rows[i].name);
        if (address_reach(&address) != rows[i].reach) fail_msg("%s: %d", rows[i].name, address_reach(&address));
    }
}

static void test_parse(void **state)
{
    (void)state;
    struct url url;
    assert_null(url_parse(LITERAL("https://shop.example/hook?a=b%20c"), &url));
    assert_true(url.tls && !url.literal && url.port == 443 && text_is(url.host, "shop.example"));
    assert_null(url_parse(LITERAL("http://[::1]:8080/"), &url));
    assert_true(!url.tls && url.literal && url.port == 8080 && text_is(url.host, "::1"));
    assert_null(url_parse(LITERAL("https://8.8.4.4"), &url));
    assert_true(url.literal && address_reach(&url.address) == REACH_PUBLIC);
    assert_null(url_parse(LITERAL("https://a?x"), &url));
    assert_true(text_is(url.host, "a"));
}

static void test_refused_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "https://",
        "https:///path",
        "https:/a.example",
        "HTTPS://a.example",
        "ftp://a.example",
        "file:///etc/passwd",
        "gopher://a.example",
        "//a.example",
        "https://user@a.example",
        "https://user:word@a.example/",
        "https://a.example@127.0.0.1/",
        "https://a.example#@127.0.0.1/",
        "https://a.example\\@127.0.0.1/",
        "https://a.example /",
        "https://a.example/\t",
        "https://a.example/\r\nx: y",
        "https://a.example/\x7f",
        "https://\xc3\xa4.example/",
        "https://a%2eexample/",
        "https://a..example/",
        "https://.a.example/",
        "https://a.example./",
        "https://-a.example/",
        "https://a-.example/",
        "https://a_b.example/",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:065",
        "https://a.example:65536",
        "https://a.example:1234567",
        "https://a.example:44:3",
        "https://a.example:44x",
        "https://0177.1/",
        "https://0177.0.0.1/",
        "https://010.0.0.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://a.0x7f/",
        "https://127.1/",
        "https://127.0.0.1.1/",
        "https://1.2.3.256/",
        "https://a.1/",
        "https://0x/",
        "https://[::1/",
        "https://[]/",
        "https://[::1]x/",
        "https://[fe80::1%25lo]/",
        "https://[127.0.0.1]/",
        "https://[1:2:3:4:5:6:7:8:9]/",
        "https://::1/",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct url url;
        if (!url_parse(text_of(forms[i]), &url)) fail_msg("%s is taken", forms[i]);
    }
}

static void test_long_names(void **state)
{
    (void)state;
    struct url url;
    char text[2200] = "https://";
    for (int length = 60; length <= 64; length++) { /* one label */
        int end = 8 + length;
        memset(text + 8, 'a', (size_t)length);
        snprintf(text + end, sizeof text - (size_t)end, ".example/");
        assert_int_equal(!url_parse(text_of(text), &url), length <= 63);
    }
    for (int length = 250; length <= 256; length++) { /* many labels */
        for (int i = 0; i < length; i++)
            text[8 + i] = i % 50 == 49 && i + 1 < length ? '.' : 'a';
        text[8 + length] = 0;
        assert_int_equal(!url_parse(text_of(text), &url), length <= 253);
    }
    for (int length = 2046; length <= 2050; length++) { /* the whole */
        int head = snprintf(text, sizeof text, "https://a.example/");
        memset(text + head, 'a', (size_t)(length - head));
        text[length] = 0;
        assert_int_equal(!url_parse(text_of(text), &url), length <= URL_BYTES_MOST);
    }
}

static void test_callable(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool production, development;
    } rows[] = {
        {"https://shop.example/", true, true},
        {"https://shop.example:443/", true, true},
        {"https://shop.example:8443/", true, true},
        {"https://shop.example:22/", false, false},
        {"https://shop.example:6379/", false, false},
        {"http://shop.example/", false, false},
        {"https://8.8.8.8/", true, true},
        {"https://10.0.0.1/", false, false},
        {"https://[::ffff:8.8.8.8]/", true, true},
        {"https://[::ffff:10.0.0.1]/", false, false},
        {"https://intranet/", false, false},
        {"https://localhost/", false, true},
        {"http://localhost:8080/", false, true},
        {"http://a.localhost:8080/", false, true},
        {"http://A.LOCALHOST:8080/", false, true},
        {"https://notlocalhost/", false, false},
        {"http://127.0.0.1:80/", false, true},
        {"http://127.9.9.9:1024/", false, true},
        {"http://127.0.0.1:22/", false, false},
        {"http://[::1]:9000/", false, true},
        {"http://169.254.169.254/", false, false},
        {"https://169.254.169.254/", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct url url;
        assert_null(url_parse(text_of(rows[i].url), &url));
        if (!url_callable(&url, false) != rows[i].production || !url_callable(&url, true) != rows[i].development)
            fail_msg("%s", rows[i].url);
    }
}

/* What a name is resolved to: by http only this machine, and only where it is allowed. */
static void test_may_connect(void **state)
{
    (void)state;
    struct address public = address_named("8.8.8.8"), own = address_named("127.0.0.1"),
                   inward = address_named("192.168.1.1");
    assert_true(url_may_connect(true, &public, false) && url_may_connect(true, &public, true));
    assert_false(url_may_connect(false, &public, false) || url_may_connect(false, &public, true));
    assert_true(url_may_connect(true, &own, true) && url_may_connect(false, &own, true));
    assert_false(url_may_connect(true, &own, false) || url_may_connect(false, &own, false));
    assert_false(url_may_connect(true, &inward, true) || url_may_connect(false, &inward, true));
}

/* inet_aton reads an IPv4 address in every form that anybody ever did: what it reads must be refused, or mean the same. */
static void test_random_hosts(void **state)
{
    (void)state;
    static const char *const parts[] = {"127", "0",  "1",   "0177", "0x7f",  "2130706433", "255", "256", "08",
                                        "",    "10", "192", "4",    "65535", "a",          "-",   "0X1", "%31"};
    static const char *const joints[] = {".", ".", ".", ".", ".", ".", ".", ".", ":", "@", "/", "["};
    uint64_t random = 68;
    unsigned read = 0, literal = 0;
    for (int i = 0; i < 200000; i++) {
        char text[128], host[100] = "";
        size_t count = 1 + random_below(&random, 4), length = 0;
        for (size_t k = 0; k < count; k++)
            length += (size_t)snprintf(host + length, sizeof host - length, "%s%s",
                                       k ? joints[random_below(&random, sizeof joints / sizeof joints[0])] : "",
                                       parts[random_below(&random, sizeof parts / sizeof parts[0])]);
        snprintf(text, sizeof text, "https://%s", host);
        struct url url;
        struct in_addr address;
        read += inet_aton(host, &address) != 0;
        if (url_parse(text_of(text), &url)) continue;
        snprintf(host, sizeof host, "%.*s", TEXT_ARGUMENTS(url.host));
        if (!inet_aton(host, &address)) continue;
        struct address meant = address_of_v4((const uint8_t *)&address);
        literal++;
        if (!url.literal || memcmp(&url.address, &meant, sizeof meant) != 0) fail_msg("%s is taken for a name", text);
    }
    assert_true(read > 1000 && literal > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reach),        cmocka_unit_test(test_parse),    cmocka_unit_test(test_refused_forms),
        cmocka_unit_test(test_long_names),   cmocka_unit_test(test_callable), cmocka_unit_test(test_may_connect),
        cmocka_unit_test(test_random_hosts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
