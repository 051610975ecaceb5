/* Grammar: RFC 3986, narrowed; what counts as a number for a host: the URL standard's "ends in a number". Special networks: IANA's
   registries of special-purpose addresses (RFC 6890). */
#include "base/url.h"
#include <arpa/inet.h>
#include <string.h>

enum { HOST_MOST = 253, LABEL_MOST = 63, PORT_DIGITS = 5 };

/* ---- addresses ---- */

struct network {
    uint8_t bytes[16];
    uint8_t bits;
};
#define V4(a, b, c, d, bits)                                                \
    {                                                                       \
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (bits) \
    }

static const struct network loopbacks[] = {V4(127, 0, 0, 0, 8), {{[15] = 1}, 128}};

/* Of IPv4, in ::ffff:0:0/96. */
/* clang-format off */
static const struct network inward_v4[] = {
    V4(0, 0, 0, 0, 8),        /* this network */
    V4(10, 0, 0, 0, 8),       /* private, as the next but four */
    V4(100, 64, 0, 0, 10),    /* behind a carrier's translation */
    V4(169, 254, 0, 0, 16),   /* of the link; where clouds keep what machines know of themselves */
    V4(172, 16, 0, 0, 12),
    V4(192, 168, 0, 0, 16),
    V4(192, 0, 0, 0, 24),     /* protocols */
    V4(192, 0, 2, 0, 24),     /* examples, as the next two */
    V4(198, 51, 100, 0, 24),
    V4(203, 0, 113, 0, 24),
    V4(192, 88, 99, 0, 24),   /* relays of 6to4 */
    V4(198, 18, 0, 0, 15),    /* benchmarks */
    V4(224, 0, 0, 0, 4),      /* to many */
    V4(240, 0, 0, 0, 4),      /* reserved, and to all */
};
/* Within 2000::/3, which is all of IPv6 that leads to single public machines. */
static const struct network inward_v6[] = {
    { { 0x20, 0x01, 0x00, 0x00 }, 23 },             /* protocols, Teredo among them */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },             /* examples, as the next */
    { { 0x3f, 0xff, 0x00 }, 20 },
    { { 0x20, 0x02 }, 16 },                         /* 6to4: any IPv4 address in disguise */
};
/* clang-format on */
static const struct network mapped = V4(0, 0, 0, 0, 0);
static const struct network translated = {{0x00, 0x64, 0xff, 0x9b}, 96}; /* NAT64: the last four bytes are IPv4 */
static const struct network public_v6 = {{0x20}, 3};

static bool lies_in(const struct address *address, const struct network *network)
{
    unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(address->bytes, network->bytes, whole) != 0) return false;
    return !rest || !((address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest));
}

static bool lies_in_any(const struct address *address, const struct network *networks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lies_in(address, &networks[i])) return true;
    return false;
}
#define LIES_IN_ANY(address, networks) lies_in_any((address), (networks), sizeof(networks) / sizeof(networks)[0])

struct address address_of_v4(const uint8_t bytes[4])
{
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    memcpy(address.bytes + 12, bytes, 4);
    return address;
}

enum reach address_reach(const struct address *address)
{
    if (LIES_IN_ANY(address, loopbacks)) return REACH_LOOPBACK;
    if (lies_in(address, &mapped)) return LIES_IN_ANY(address, inward_v4) ? REACH_INWARD : REACH_PUBLIC;
    if (lies_in(address, &translated)) {
        struct address inside = address_of_v4(address->bytes + 12);
        return address_reach(&inside) == REACH_PUBLIC ? REACH_PUBLIC : REACH_INWARD;
    }
    if (!lies_in(address, &public_v6) || LIES_IN_ANY(address, inward_v6)) return REACH_INWARD;
    return REACH_PUBLIC;
}

/* ---- parts ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return letter_small(c) >= 'a' && letter_small(c) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || (letter_small(c) >= 'a' && letter_small(c) <= 'f');
}

/* Zero-terminated, for the C library. */
static bool is_address(int family, struct text host, void *out)
{
    char copy[INET6_ADDRSTRLEN + 1];
    if (host.length >= sizeof copy) return false;
    memcpy(copy, host.data, host.length);
    copy[host.length] = 0;
    return inet_pton(family, copy, out) == 1;
}

/* Some parsers read such a host as an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1. */
static bool ends_in_number(struct text host)
{
    struct text last = host;
    for (uint32_t i = 0; i < host.length; i++)
        if (host.data[i] == '.') last = (struct text){host.data + i + 1, host.length - i - 1};
    bool digits = last.length > 0, hex = last.length >= 2 && last.data[0] == '0' && letter_small(last.data[1]) == 'x';
    for (uint32_t i = 0; i < last.length; i++) {
        digits &= is_digit(last.data[i]);
        hex &= i < 2 || is_hex(last.data[i]);
    }
    return digits || hex;
}

static bool is_name(struct text host)
{
    uint32_t label = 0;
    if (!host.length || host.length > HOST_MOST) return false;
    for (uint32_t i = 0; i < host.length; i++) {
        char c = host.data[i];
        bool edge = !label || i + 1 == host.length || host.data[i + 1] == '.';
        if (c == '.' ? edge : !(is_letter(c) || is_digit(c) || (c == '-' && !edge))) return false;
        label = c == '.' ? 0 : label + 1;
        if (label > LABEL_MOST) return false;
    }
    return true;
}

static const char *parse_host(struct text host, bool bracketed, struct url *url)
{
    url->host = host;
    uint8_t v4[4];
    if (bracketed) {
        url->literal = true;
        return is_address(AF_INET6, host, url->address.bytes) ? NULL : "has no IPv6 address between its brackets";
    }
    if (is_address(AF_INET, host, v4)) {
        url->literal = true;
        url->address = address_of_v4(v4);
        return NULL;
    }
    if (ends_in_number(host)) return "has a number for a host that is no IPv4 address in its usual form";
    return is_name(host) ? NULL : "needs a host name of letters, digits, hyphens and dots";
}

static const char *parse_port(struct text port, struct url *url)
{
    int64_t number = 0;
    bool good = port.length > 0 && port.length <= PORT_DIGITS && port.data[0] != '0';
    for (uint32_t i = 0; i < port.length; i++)
        good &= is_digit(port.data[i]);
    if (!good || !text_to_integer(port, &number) || number > UINT16_MAX) return "needs a port from 1 to 65535";
    url->port = (uint16_t)number;
    return NULL;
}

static const char *check_bytes(struct text source)
{
    if (!source.length || source.length > URL_BYTES_MOST) return "is longer than 2048 bytes, or empty";
    for (uint32_t i = 0; i < source.length; i++) {
        char c = source.data[i];
        if (c <= ' ' || c > '~' || strchr("\"<>\\^`{|}", c)) return "may hold neither blanks nor letters beyond ASCII";
        if (c == '#') return "may not have a fragment";
    }
    return NULL;
}

const char *url_parse(struct text source, struct url *url)
{
    *url = (struct url){0};
    const char *problem = check_bytes(source);
    if (problem) return problem;
    url->tls = text_starts_with(source, "https://");
    if (!url->tls && !text_starts_with(source, "http://")) return "must begin with https://";
    url->port = url->tls ? 443 : 80;
    uint32_t begin = url->tls ? 8 : 7, end = begin;
    while (end < source.length && source.data[end] != '/' && source.data[end] != '?')
        end++;
    struct text authority = {source.data + begin, end - begin}, host, port;
    for (uint32_t i = 0; i < authority.length; i++)
        if (authority.data[i] == '@') return "may not hold a user name";
    bool bracketed = authority.length && authority.data[0] == '[';
    if (bracketed) {
        const char *close = memchr(authority.data, ']', authority.length);
        if (!close) return "has a bracket that is not closed";
        host = (struct text){authority.data + 1, (uint32_t)(close - authority.data) - 1};
        port = (struct text){close + 1, authority.length - host.length - 2};
        if (port.length && port.data[0] != ':') return "has something behind its bracket that is no port";
        port = port.length ? (struct text){port.data + 1, port.length - 1} : (struct text){0};
    } else {
        port = authority;
        host = text_split(&port, ':');
    }
    problem = parse_host(host, bracketed, url);
    return problem || !port.data ? problem : parse_port(port, url);
}

/* ---- what may be called ---- */

static bool ends_with_small(struct text host, const char *end)
{
    size_t length = strlen(end);
    for (size_t i = 0; i < length && length <= host.length; i++)
        if (letter_small(host.data[host.length - length + i]) != end[i]) return false;
    return length <= host.length;
}

static enum reach host_reach(const struct url *url)
{
    if (url->literal) return address_reach(&url->address);
    bool local = ends_with_small(url->host, "localhost") &&
                 (url->host.length == 9 || url->host.data[url->host.length - 10] == '.');
    if (local) return REACH_LOOPBACK;
    return memchr(url->host.data, '.', url->host.length) ? REACH_PUBLIC : REACH_INWARD;
}

const char *url_callable(const struct url *url, bool loopback)
{
    enum reach reach = host_reach(url);
    if (reach == REACH_INWARD || (reach == REACH_LOOPBACK && !loopback))
        return "does not lead to a host on the public network";
    if (reach == REACH_LOOPBACK)
        return url->port == 80 || url->port == 443 || url->port >= 1024 ? NULL : "has a port that is another service's";
    if (!url->tls) return "must begin with https://";
    return url->port == 443 || url->port == 8443 ? NULL : "may have port 443 or 8443 only";
}

bool url_may_connect(bool tls, const struct address *address, bool loopback)
{
    enum reach reach = address_reach(address);
    return (reach == REACH_PUBLIC && tls) || (reach == REACH_LOOPBACK && loopback);
}
