#!/usr/bin/env python3
"""Which addresses a webhook may have: every form of an address that leads inwards is refused, when it is given and again when its name was resolved.
What souk takes is compared with another implementation, Python's."""

import ipaddress
import itertools
import random
import string
import urllib.parse

from harness import Server, Suite
from receiver import Receiver, until
from shop import created

suite = Suite("webhook_address")

# IANA's registries of special-purpose addresses, and what is beyond 2000::/3.
INWARD = [ipaddress.ip_network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]
NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_inward(address):
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.version == 6 and address in NAT64:
        address = ipaddress.ip_address(int(address) & 0xffffffff)
    return any(address in network for network in INWARD if network.version == address.version)


def is_taken(url):
    """What production takes, said with Python's parsers: one canonical form of an https address with a public host."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return False
    if not url.startswith("https://") or not url.isascii() or not url.isprintable() or set(url) & set(" \"<>\\^`{|}#"):
        return False
    if not host or port not in (None, 443, 8443) or "@" in parts.netloc or "%" in parts.netloc or len(url) > 2048:
        return False
    given = parts.netloc.lower()
    if given not in [form + end for form in (host, f"[{host}]") for end in ("", ":443", ":8443")]:
        return False                            # signs, blanks or zeros that only a parser sees through
    try:
        address = ipaddress.ip_address(host)
        return (address.version == 6) == given.startswith("[") and not is_inward(address)
    except ValueError:
        if given.startswith("["):
            return False
    labels = host.split(".")
    well_formed = all(0 < len(label) < 64 and set(label) <= set(string.ascii_lowercase + string.digits + "-")
                      and label[0] != "-" != label[-1] for label in labels)
    last = labels[-1]
    number = last.isdigit() or (last.startswith("0x") and set(last[2:]) <= set(string.hexdigits))
    return well_formed and len(host) < 254 and len(labels) > 1 and not number and last != "localhost"


def addresses():
    """The edges of every network and their neighbours, and some from anywhere."""
    chance = random.Random(68)
    for network in INWARD + [NAT64, ipaddress.ip_network("::ffff:0:0/96")]:
        for edge in (int(network[0]), int(network[-1])):
            for number in (edge - 1, edge, edge + 1):
                if 0 <= number < 2 ** network.max_prefixlen:
                    yield type(network[0])(number)
    for network in [network for network in INWARD if network.version == 4]:
        yield ipaddress.ip_address((0xffff << 32) + int(network[0]) + 1)
        yield ipaddress.ip_address((0x64ff9b << 96) + int(network[0]) + 1)
    for _ in range(20):
        yield ipaddress.IPv4Address(chance.getrandbits(32))
        yield ipaddress.IPv6Address(chance.getrandbits(125) + 2 ** 125)


def forms_of(address):
    """A host as it may be written."""
    if address.version == 6:
        return [f"[{address}]", f"[{address.exploded}]", str(address)]
    a, b, c, d = address.packed
    return [str(address), f"{a}.{b}.{c}.{d}.", str(int(address)), hex(int(address)), f"0{a:o}.{b}.{c}.{d}", f"{a}.{b * 65536 + c * 256 + d}",
            f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}", f"[::ffff:{address}]", f"{a:03}.{b}.{c}.{d}"]


def urls():
    for address in addresses():
        for form in forms_of(address):
            yield f"https://{form}/"
    for host, end in itertools.product(
            ("shop.example", "a-b.c.example", "SHOP.Example", "8.8.8.8", "[2606:4700::1111]", "localhost", "x.localhost", "intranet",
             "xn--bcher-kva.example", "b\u00fccher.example", "a_b.example", "-a.example", "a-.example", "a..example", "a.example.",
             "a" * 63 + ".example", "a" * 64 + ".example", ".".join(["a" * 49] * 5) + ".aaa", ".".join(["a" * 49] * 5) + ".aaaa",
             "user@shop.example", "user:word@shop.example", "shop.example@127.0.0.1", "%31%32%37.0.0.1", "[::1%25eth0]", "[v1.x]", ""),
            ("", "/", "/a?b=c", "?q", ":443/", ":8443", ":80/", ":22/", ":6379/", ":0/", ":65536/", ":0443/", ":+443/", ":/", ":443:443/",
             "#f", "#@127.0.0.1/", "\\@127.0.0.1/", "/\u00fc", "/ a", "/a|b", "/%0a")):
        yield f"https://{host}{end}"
    for url in ("http://shop.example/", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example/", "//shop.example/",
                "https:/shop.example/", "https:shop.example", "https:///shop.example", "javascript:alert(1)", "https://", "https", "x"):
        yield url


server = Server(mode="production", settings={"server.rate_limits": "off"})
admin = server.admin()


@suite.case
def as_another_implementation_says():
    taken = refused = 0
    for url in dict.fromkeys(urls()):
        reply = admin.post("/admin/webhooks", {"url": url, "events": ["*"]}, headers={"Prefer": "dry-run"})
        expected = is_taken(url)
        if reply.status not in (200, 201, 400) or (reply.status != 400) != expected:
            suite.check(False, f"{url!r} is {'to be taken' if expected else 'to be refused'}: {reply}")
        taken, refused = taken + expected, refused + (not expected)
    suite.check(taken > 100 and refused > 1000, f"{taken} taken, {refused} refused")


@suite.case
def this_machine_in_development_alone():
    development, receiver = Server(), Receiver()
    staff = development.admin()
    url = f"http://localhost:{receiver.port}/"
    created(staff.post("/admin/webhooks", {"url": url, "events": ["*"]}))
    until(receiver.all, "it is told by name")
    suite.answers(admin.post("/admin/webhooks", {"url": url, "events": ["*"]}), 400, "validation_failed")
    suite.equal(development.stop(), 0, "it ends in order")
    development.remove()
    receiver.close()


@suite.case
def what_is_called_is_asked_again():
    """An address and a name that lead to this machine, taken in development: in production neither is connected to."""
    receiver, other = Receiver(), Server()
    staff = other.admin()
    hooks = [created(staff.post("/admin/webhooks", {"url": f"http://{host}:{receiver.port}/{host}", "events": ["*"]}))
             for host in ("127.0.0.1", "localhost")]
    for host in ("127.0.0.1", "localhost"):
        until(lambda: receiver.all("/" + host), f"{host} is told")              # pylint: disable=cell-var-from-loop
    other.stop()
    other.mode = "production"
    other.restart()
    staff = other.admin()
    for hook in hooks:
        created(staff.post(f"/admin/webhooks/{hook['id']}/test"), 200)
        problem = until(lambda: first_error(staff, hook), "a refusal")          # pylint: disable=cell-var-from-loop
        suite.equal(problem, "the address leads to a network that is not called", f"{hook['url']} is not connected to")
    suite.check("webhook.test" not in {arrival.event["type"] for arrival in receiver.all()}, "nothing came")
    suite.equal(other.stop(), 0, "it ends in order")
    other.remove()
    receiver.close()


def first_error(staff, hook):
    deliveries = created(staff.get(f"/admin/webhooks/{hook['id']}/deliveries"), 200)["deliveries"]
    return next((each["error"] for each in deliveries if each["error"]), None)


@suite.case
def it_ends_in_order():
    suite.equal(server.stop(), 0, "the server")
    server.remove()


suite.main()
