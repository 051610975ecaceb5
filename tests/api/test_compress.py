"""Compressed answers: who gets them, that they say the same, and what their tags and their caching are."""

import gzip
import subprocess

import shop
from harness import Server, Suite, check_form

suite = Suite("compress")
server = Server()
admin = server.admin()
lea = shop.leader(server, admin)
sue = shop.Supplier(server, admin)
for each in range(12):
    shop.community(lea, f"Community {each}", description="Makers of all kinds. " * 8)
product = sue.product(description="A long description of a product. " * 60)
LIST = "/communities?limit=50"


def get(path, encoding="gzip", method="GET", of=None, **headers):
    """An answer as it came over the wire, and its body opened."""
    client = (of or server).client()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if encoding is not None:
        sent["Accept-Encoding"] = encoding
    connection = client.connected()
    connection.request(method, "/api/v1" + path, headers=sent)
    reply = connection.getresponse()
    wire = reply.read()
    opened = gzip.decompress(wire) if reply.headers["Content-Encoding"] == "gzip" and wire else wire
    client.close()
    return reply, wire, opened


def metric(name, of=None):
    for line in (of or server).client().get("//metrics", form=False).body.decode().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[-1])
    return None


@suite.case
def the_same_in_fewer_bytes():
    plain, _, identity = get(LIST, None)
    packed, wire, opened = get(LIST)
    suite.equal(plain.headers["Content-Encoding"], None, "who does not ask gets it as it is")
    suite.equal(packed.headers["Content-Encoding"], "gzip")
    suite.equal(opened, identity, "both say the same")
    suite.check(len(wire) < len(identity) / 2, f"{len(wire)} of {len(identity)} bytes")
    suite.equal(packed.headers["Content-Length"], str(len(wire)))
    suite.equal(packed.headers["Content-Type"], "application/json")
    check_form(200, packed.headers["Content-Type"], opened)
    for reply in (plain, packed):
        suite.check("Accept-Encoding" in reply.headers.get_all("Vary"), "caches are told that there are two")
    done = subprocess.run(["curl", "-sS", "--compressed", f"http://127.0.0.1:{server.port}/api/v1{LIST}"], capture_output=True,
                          timeout=300, check=False)
    suite.equal(done.stdout, identity, "curl opens it")


@suite.case
def who_asks():
    for encoding, wanted in (("gzip", True), ("GZIP", True), ("x-gzip", True), ("br, gzip", True), ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
                             ("gzip;q=0.001", True), ("*", True), ("deflate, *;q=0.5", True), ("gzip ; q=1", True),
                             ("", False), ("identity", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.0", False),
                             ("gzip;Q=0.000", False), ("*;q=0", False), ("gzip;q=0, *", False), ("gzipped", False), (";,;=,", False)):
        reply, _, _ = get(LIST, encoding)
        suite.equal((reply.status, reply.headers["Content-Encoding"]), (200, "gzip" if wanted else None), f"{encoding!r}")


@suite.case
def tags_and_conditions():
    path = f"/products/{product['id']}"
    plain, _, _ = get(path, None)
    packed, wire, _ = get(path)
    tag = plain.headers["ETag"]
    suite.check(tag.startswith('"'), f"as it is the tag is strong: {tag}")
    suite.equal(packed.headers["ETag"], "W/" + tag, "compressed it is weak: other bytes of the same meaning")
    for condition in (tag, "W/" + tag, f'"0", W/{tag}', "*"):
        for encoding in ("gzip", None):
            reply, body, _ = get(path, encoding, If_None_Match=condition)
            suite.equal((reply.status, body), (304, b""), f"{condition} {encoding}")
            suite.equal(reply.headers["Content-Encoding"], None)
            suite.check("Accept-Encoding" in reply.headers.get_all("Vary", []), "304 varies too")
    suite.equal(get(path, If_None_Match='"0"')[0].status, 200)
    owner = sue.owner
    changed = owner.patch(path, {"name": "Another title"}, version=owner.get(path, headers={"Accept-Encoding": None}).etag)
    suite.equal(changed.status, 200, f"{changed}")
    weak = "W/" + changed.etag
    suite.equal(owner.patch(path, {"name": "One more"}, version=weak).status, 200, "a change may name the weak tag")
    suite.equal(owner.patch(path, {"name": "Too late"}, version=weak).status, 412, "and is held against it")
    suite.check(b"One more" in get(path)[2], "what is changed is told, not what was kept")
    head, body, _ = get(path, method="HEAD")
    same, wire, _ = get(path)
    suite.equal(body, b"", "HEAD has no body")
    for name in ("Content-Encoding", "Content-Length", "ETag", "Content-Type"):
        suite.equal(head.headers[name], same.headers[name], f"HEAD and GET agree on {name}")
    suite.equal(int(head.headers["Content-Length"]), len(wire))


@suite.case
def what_is_left_as_it_is():
    ann = server.user("Ann")
    for method, path, body in (("GET", f"/communities/{'0' * 8}-0000-7000-8000-{'0' * 12}", None), ("GET", "/users/me", None),
                               ("POST", "/auth/login", {"email": "nobody@example.com", "password": "wrong wrong wrong"})):
        reply = ann.request(method, path, body, headers={"Accept-Encoding": "gzip"})
        suite.equal(reply.headers["Content-Encoding"], None, f"{method} {path}")
    login = server.client().post("/auth/login", {"email": ann.user["email"], "password": "correct horse battery staple"},
                                 headers={"Accept-Encoding": "gzip"})
    suite.equal((login.status, login.headers["Content-Encoding"]), (200, None), "tokens are never compressed")
    reply = server.client().get("//openapi.json", headers={"Accept-Encoding": "gzip"})
    suite.equal(reply.headers["Content-Encoding"], None, "nor what is so long that others would wait")
    without = Server(settings={"net.compress_least": 0})
    reply = without.client().get("//metrics", form=False, headers={"Accept-Encoding": "gzip"})
    suite.equal((reply.headers["Content-Encoding"], reply.headers["Vary"]), (None, None), "and nothing when that is configured")
    suite.equal(without.stop(), 0)
    without.remove()


@suite.case
def compressed_once():
    get(LIST)
    before = metric("souk_http_compressed_total"), metric("souk_http_compressed_kept_total")
    bodies = {get(LIST)[1] for _ in range(5)}
    suite.equal(len(bodies), 1)
    suite.equal((metric("souk_http_compressed_total"), metric("souk_http_compressed_kept_total")), (before[0] + 5, before[1] + 5),
                "the same bytes are not compressed again")
    shop.community(lea, "One more")
    suite.check(b"One more" in get(LIST)[2], "other bytes are")
    suite.equal(metric("souk_http_compressed_kept_total"), before[1] + 5)


@suite.case
def many_at_once():
    several = Server(settings={"net.loops": 2, "net.compress_least": 100})
    raw = several.raw()
    raw.send(b"".join(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: %s\r\n\r\n" % (b"gzip" if turn % 2 else b"br")
                      for turn in range(60)))
    codings = []
    for _ in range(60):
        reply = raw.reply()
        codings.append(reply.headers["Content-Encoding"])
        text = gzip.decompress(reply.body) if codings[-1] else reply.body
        suite.check(b"souk_connections" in text)
    suite.equal(codings, [None, "gzip"] * 30, "each of a pipeline gets what it asked for")
    raw.close()
    suite.equal(several.stop(), 0)
    several.remove()


if __name__ == "__main__":
    suite.main()
