/* Addresses on the web that souk is told to call by somebody else. The parser takes one strict form and refuses whatever
   two parsers might read in two ways, so that what was checked is what is called: no user name, no fragment, no escapes in the
   host, no blanks or letters beyond ASCII (a name of other letters is written as xn--…), and no number for a host but
   an IPv4 address in its usual form.

   Which addresses may be called is said here for literals; a name is resolved when it is called, and each address that it has
   then is asked of address_reach before it is connected to. */
#pragma once
#include "base/text.h"

/* IPv6, or IPv4 as ::ffff:a.b.c.d. */
struct address {
    uint8_t bytes[16];
};
enum reach {
    REACH_PUBLIC,
    REACH_LOOPBACK, /* this machine */
    REACH_INWARD    /* a network of somebody's own, or nobody's */
};
enum reach address_reach(const struct address *address);
struct address address_of_v4(const uint8_t bytes[4]);

struct url {
    bool tls;
    struct text host; /* without brackets; a view of the source */
    uint16_t port;    /* the scheme's when none is given */
    bool literal;     /* the host is an address */
    struct address address;
};
enum { URL_BYTES_MOST = 2048 };
/* NULL, or what is wrong with it as the end of a sentence that begins with "the address". */
const char *url_parse(struct text source, struct url *url);
/* Whether it may be called as far as it tells: https to a public host at port 443 or 8443. `loopback`: this machine too, by http as well
   and at any port that is not reserved for others. NULL, or why not, as before. */
const char *url_callable(const struct url *url, bool loopback);
/* The same of an address that its name was resolved to. */
bool url_may_connect(bool tls, const struct address *address, bool loopback);
