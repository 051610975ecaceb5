"""HTTP on bare sockets: what is refused and how, limits and slow clients, pipelines, keep-alive, CORS, the control socket,
several loops, and the end of a server with requests under way.

Each row of a table is sent whole and again a byte at a time; both must be answered alike."""

import base64
import hashlib
import hmac
import json
import os
import socket
import stat
import threading
import time

from harness import FormError, Server, Suite, check_form, eventually

suite = Suite("http")
HOST = "Host: localhost\r\n"
server = Server(settings={"net.linger_timeout": 300, "cors.origins": "https://shop.example"})
hasty = Server(settings={                       # for clients that are meant to be slow: all others may be, on a busy machine
    "net.head_timeout": 800, "net.body_timeout": 3000, "net.body_grace": 500, "net.body_rate": 1024, "net.write_timeout": 4000,
})


def answers(payload, piece=None):
    """The statuses of all answers, and whether the server then closed. A marker request tells where an open connection
    stands; the server closes after it."""
    raw = server.raw()
    raw.send(payload, piece)
    raw.send(b"GET /marker HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    replies = raw.replies()
    raw.close()
    for reply in replies:
        if reply.status >= 400:
            try:
                check_form(reply.status, reply.headers.get("Content-Type", ""), reply.body)
            except FormError as error:
                suite.check(False, str(error))
    statuses = [reply.status for reply in replies]
    marked = bool(replies) and replies[-1].status == 404 and "keep-alive" not in replies[-1].headers.get("Connection", "")
    return statuses, marked


def table(rows):
    """Rows of (payload, statuses, stays open). Open connections answer the marker with 404 at the end."""
    for payload, statuses, stays in rows:
        payload = payload.encode("latin-1") if isinstance(payload, str) else payload
        expected = statuses + [404] if stays else statuses
        for piece in (None, 1):
            suite.equal(answers(payload, piece)[0], expected, f"{payload[:200]!r} {'a byte at a time' if piece else 'whole'}")


GET = "GET /healthz HTTP/1.1\r\n"
POST = "POST /api/v1/auth/login HTTP/1.1\r\n" + HOST + "Content-Type: application/json\r\n"
SMUGGLED = "\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + "\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"


# ---- Form ------------------------------------------------------------------------------------------------------------

@suite.case
def bodies_are_framed_one_way():
    table([
        (POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n" + SMUGGLED, [400], False),
        (POST + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n" + SMUGGLED, [400], False),
        (POST + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 2, 2\r\n\r\n{}", [400], False),
        (POST + "Content-Length: +2\r\n\r\n{}", [400], False),
        (POST + "Content-Length: -2\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 0x2\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 2 2\r\n\r\n{}", [400], False),
        (POST + "Content-Length:\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 002\r\n\r\n{}", [400], False),
        (POST + "Content-Length: 18446744073709551615\r\n\r\n{}", [413], False),
        (POST + "Transfer-Encoding:\r\nContent-Length: 2\r\n\r\n{}", [400], False),
        (POST + "Transfer-Encoding: gzip, chunked\r\n" + SMUGGLED, [501], False),
        (POST + "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" + SMUGGLED, [400], False),
        (POST + "Transfer-Encoding: , chunked\r\n" + SMUGGLED, [501], False),
        (POST + "Transfer-Encoding: chunked, gzip\r\n" + SMUGGLED, [400], False),
        (POST + "Transfer-Encoding: identity\r\n" + SMUGGLED, [501], False),
        (POST + "Transfer-Encoding: \x0bchunked\r\n" + SMUGGLED, [400], False),
        (POST.replace("1.1", "1.0") + "Transfer-Encoding: chunked\r\n" + SMUGGLED, [400], False),
        (POST + "Content_Length: 2\r\n\r\n", [400], True),
        (CHUNKED + "0x2\r\n{}\r\n0\r\n\r\n", [400], False),
        (CHUNKED + "2 \r\n{}\r\n0\r\n\r\n", [400], False),
        (CHUNKED + "-1\r\n{}\r\n0\r\n\r\n", [400], False),
        (CHUNKED + "2\n{}\r\n0\r\n\r\n", [400], False),
        (CHUNKED + "2\r\n{}0\r\n\r\n", [400], False),
        (CHUNKED + "fffffffffffffffff\r\n{}\r\n0\r\n\r\n", [400], False),
        (CHUNKED + "2\r\n{}\r\n0\r\nAuthorization: Bearer x\r\n\r\n", [400], False),
        (CHUNKED + "2\r\n{}\r\n0\r\nHost: evil\r\n\r\n", [400], False),
        (CHUNKED + "1;a=b\r\n{\r\n1\r\n}\r\n0\r\n\r\n", [400], True),      # read well; no e-mail in it
        (GET + HOST + "Content-Length: 4\r\n\r\nGET ", [400], True),       # read to its end, then refused
    ])


@suite.case
def request_lines_and_targets():
    table([
        ("GET /healthz\r\n" + HOST + "\r\n", [400], False),
        ("GET /healthz HTTP/0.9\r\n" + HOST + "\r\n", [505], False),
        ("GET /healthz HTTP/2.0\r\n" + HOST + "\r\n", [505], False),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505], False),
        ("SOURCE /healthz ICE/1.0\r\n\r\n", [400], False),
        ("GET /healthz RTSP/1.0\r\n\r\n", [400], False),
        ("GET  /healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("get /healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("CONNECT localhost:80 HTTP/1.1\r\n" + HOST + "\r\n", [405], False),
        ("\r\n\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("\r\n\r\nGET /healthz HTTP/1.1\r\n" + HOST + "\r\n", [200], True),
        ("GET * HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("OPTIONS * HTTP/1.1\r\n" + HOST + "\r\n", [204], True),
        ("GET /healthz#x HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET /health\\z HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET /%00 HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET /%zz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET /health\x80 HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET //evil.example/ HTTP/1.1\r\n" + HOST + "\r\n", [400], True),
        ("GET /a/../healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], True),
        ("GET /a/%2e%2e/healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], True),
        ("GET /a/%252e%252e/healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], True),
        ("GET http://localhost/healthz HTTP/1.1\r\n" + HOST + "\r\n", [200], True),
        ("GET http://evil.example/healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
        ("GET http://u@localhost/healthz HTTP/1.1\r\n" + HOST + "\r\n", [400], False),
    ])


@suite.case
def header_fields():
    table([
        (GET + "\r\n", [400], False),
        (GET + HOST + HOST + "\r\n", [400], False),
        (GET + "Host: a,b\r\n\r\n", [400], False),
        (GET + "Host: u@a\r\n\r\n", [400], False),
        (GET + HOST + "A: b\n\r\n", [400], False),
        (GET + HOST + "A: b\x00\r\n\r\n", [400], False),
        (GET + HOST + "A: b\x7f\r\n\r\n", [400], False),
        (GET + HOST + "A : b\r\n\r\n", [400], False),
        (GET + HOST + " A: b\r\n\r\n", [400], False),
        (GET + HOST + ": b\r\n\r\n", [400], False),
        (GET + HOST + "A: b\r\n c\r\n\r\n", [400], False),
        (GET + HOST + "User-Agent: \xe4\r\n\r\n", [200], True),
        (GET + HOST + "If-Match: \"\xe4\"\r\n\r\n", [400], False),
        (GET + HOST + "Authorization: Bearer a\r\nAuthorization: Bearer a\r\n\r\n", [400], False),
        (GET + HOST + "Content-Type: a\r\nContent-Type: a\r\n\r\n", [400], False),
        (GET + HOST + "Idempotency-Key: a\r\nIdempotency-Key: a\r\n\r\n", [400], False),
        (GET + HOST + "If-Match: \"1\"\r\nIf-Match: \"1\"\r\n\r\n", [400], False),
        (GET + HOST + "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", [501], False),
        (GET + HOST + "Connection: close\r\n\r\n" + GET + HOST + "\r\n", [200], False),
        (GET + HOST + "Connection: close\t\r\n\r\n" + GET + HOST + "\r\n", [200], False),
        (GET.replace("1.1", "1.0") + "\r\n", [200], False),
        (GET.replace("1.1", "1.0") + "Connection: keep-alive\r\n\r\n", [200], True),
        (POST + "Expect: x\r\nContent-Length: 2\r\n\r\n{}", [417], False),
        (POST + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}", [100, 400], True),
        (POST + "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", [413], False),
        (POST.replace("application/json", "text/plain") + "Content-Length: 2\r\n\r\n{}", [415], True),
        (POST + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", [415], True),
    ])


@suite.case
def limits_of_size():
    over = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    table([
        (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", [414], False),
        (b"GET /" + b"a" * 8191 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", [404], True),
        (over + b"A: " + b"a" * 8200 + b"\r\n\r\n", [431], False),
        (over + (b"A: " + b"a" * 6000 + b"\r\n") * 3 + b"\r\n", [431], False),
        (over + b"A: b\r\n" * 100 + b"\r\n", [431], False),
        (over + b"A: b\r\n" * 99 + b"\r\n", [200], True),
    ])
    # large ones whole only: one byte at a time they would take too long
    head = POST.encode()
    big = 1024 * 1024
    suite.equal(answers(head + b"Content-Length: %d\r\n\r\n" % (big + 1) + b" " * big)[0], [413], "a body too large by a byte")
    suite.equal(answers(head + b"Content-Length: %d\r\n\r\n" % big + b" " * big)[0], [400, 404], "a body of all that is allowed, of blanks")
    suite.equal(answers(CHUNKED.encode() + b"100001\r\n" + b" " * 9)[0], [413], "a chunk too large")
    suite.equal(answers(CHUNKED.encode() + b"1\r\n \r\n" * 400000)[0], [413], "a body in chunks of a byte")
    suite.equal(answers(CHUNKED.encode() + b"1;" + b"x" * 3000000 + b"\r\n \r\n0\r\n\r\n")[0], [413], "a chunk extension of megabytes")


def processor_seconds():
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@suite.case
def json_bodies():
    anybody = server.client()
    for body, code in (
            (b'{"email":' + b"[" * 10000, "malformed_json"), (b"[" * 10000 + b"]" * 10000, "malformed_json"),
            (b'{"email":[' + b"1," * 400000 + b"1]}", "validation_failed"), (b'{"email":"' + b"x" * 1000000 + b'"}', "validation_failed"),
            (b'{"' + b"k" * 65536 + b'":1}', "validation_failed"), (b'{"email":"a@b.example","email":"c@d.example"}', "validation_failed"),
            (b'{"email":NaN}', "malformed_json"), (b'{"email":"\xff"}', "malformed_json"), (b'{"email":"\\ud800"}', "malformed_json"),
            (b'\xef\xbb\xbf{}', "malformed_json"), (b"{} {}", "malformed_json"), (b"{", "malformed_json"), (b"null", "validation_failed")):
        used = processor_seconds()
        reply = anybody.post("/auth/login", raw=body)
        suite.answers(reply, 400, code, f"{body[:40]!r} of {len(body)} bytes")
        suite.check(processor_seconds() - used < 2, "is refused quickly")
        suite.check(len(reply.body) < 65536, "the refusal is short")


# ---- Pipelines -------------------------------------------------------------------------------------------------------

@suite.case
def pipelines_are_answered_in_order():
    count = 500
    requests = b"".join(
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\n\r\n" % i if i % 3 else
        b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}" % i for i in range(count))
    for piece in (None, 7, 1000):
        raw = server.raw()
        sender = threading.Thread(target=raw.send, args=(requests, piece))
        sender.start()
        replies = [raw.reply() for _ in range(count)]
        sender.join()
        raw.close()
        suite.equal([reply.headers["X-Request-Id"] for reply in replies], [f"n{i}" for i in range(count)], f"pieces of {piece}")
        suite.equal([reply.status for reply in replies], [200 if i % 3 else 400 for i in range(count)])


@suite.case
def a_known_head_keeps_its_place_behind_a_write():
    ann = server.user()
    raw = server.raw()
    head = f"Host: localhost\r\nAuthorization: Bearer {ann.token}\r\n"
    read = f"GET /api/v1/users/{ann.id} HTTP/1.1\r\n{head}\r\n"
    for number in range(12):
        body = json.dumps({"profile": {"display_name": f"Ann {number}"}})
        write = f"PATCH /api/v1/users/me HTTP/1.1\r\n{head}If-Match: *\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        raw.send((write + read).encode())
        suite.equal(raw.reply().status, 200)
        suite.equal(raw.reply().data["profile"]["display_name"], f"Ann {number}", f"time {number}")
    raw.close()


@suite.case
def pipeline_without_reading_does_not_grow():
    def memory():
        with open(f"/proc/{server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    count = 10000
    before = memory()
    raw = server.raw()
    sender = threading.Thread(target=raw.send, args=(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * count,))
    sender.start()
    time.sleep(0.3)
    suite.check(memory() - before < 32 * 1024 * 1024, "memory stays")
    received = 0
    while received < count and raw.reply():
        received += 1
    sender.join()
    raw.close()
    suite.equal(received, count, "every request is answered")


@suite.case
def continue_comes_in_order_and_before_the_body():
    raw = server.raw()
    raw.send(GET.encode() + b"Host: localhost\r\n\r\n" + POST.encode() + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    suite.equal([raw.reply().status, raw.reply().status], [200, 100])
    raw.send(b"{}")
    suite.equal(raw.reply().status, 400)
    raw.close()


# ---- Slow clients ----------------------------------------------------------------------------------------------------

def drip(raw, data, pause):
    """Sends byte after byte until the server ends it; returns the seconds that took."""
    began = time.monotonic()
    raw.socket.settimeout(pause)
    for at in range(len(data)):
        if not raw.send(data[at:at + 1]):
            break
        try:
            if not raw.more():
                break
        except socket.timeout:
            pass
        if raw.pending:
            break
    raw.socket.settimeout(60)
    return time.monotonic() - began


@suite.case
def slow_heads_end():
    raw = hasty.raw()
    seconds = drip(raw, GET.encode() + b"Host: localhost\r\nA: " + b"a" * 1000, 0.05)
    suite.check(0.6 < seconds < 30, f"ended after {seconds:.2f} s in all, however steadily bytes come")
    suite.equal([reply.status for reply in raw.replies()], [408])
    raw.close()
    raw = hasty.raw()
    raw.send(GET.encode() + b"Host: localhost\r\n\r\n" + b"GET /heal")
    suite.equal([reply.status for reply in raw.replies()], [200, 408], "also the second request of a connection")
    raw.close()


@suite.case
def slow_bodies_end():
    raw = hasty.raw()
    raw.send(POST.encode() + b"Content-Length: 1000\r\n\r\n")
    seconds = drip(raw, b" " * 1000, 0.05)
    suite.check(0.4 < seconds < 30, f"ended after {seconds:.2f} s")
    suite.equal([reply.status for reply in raw.replies()], [408])
    raw.close()
    raw = hasty.raw()
    raw.send(POST.encode() + b"Content-Length: 1000000\r\n\r\n")
    began = time.monotonic()
    while time.monotonic() - began < 40 and raw.send(b" " * 2000):
        time.sleep(0.1)
    suite.check(2.5 < time.monotonic() - began < 30, "fast enough, but not done in its time")
    raw.close()


@suite.case
def slow_readers_end():
    raw = hasty.raw()
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    threading.Thread(target=raw.send, args=(request * 400,), daemon=True).start()
    began = time.monotonic()
    figure = "souk_http_slow_total"
    before = metric(figure, hasty)
    while metric(figure, hasty) == before and time.monotonic() - began < 60:
        time.sleep(0.1)
    suite.check(metric(figure, hasty) > before, "the connection is closed when no byte is taken")
    raw.close()
    # one that takes its time but takes bytes is served to the end
    raw = hasty.raw()
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    raw.send(request * 20)
    sizes = []
    for _ in range(20):
        reply = raw.reply()
        sizes.append(len(reply.body) if reply else None)
        time.sleep(0.25)
    suite.check(None not in sizes and len(set(sizes)) == 1, f"a patient reader gets all: {sizes}")
    raw.close()
    suite.equal(hasty.stop(), 0, "and ends well")


def metric(name, of=None):
    for line in (of or server).client().get("//metrics", form=False).body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.split()[-1])
    return None


@suite.case
def idle_connections_end():
    small = Server(settings={"net.idle_timeout": 2000, "net.connections_per_address": 8, "net.connections": 20})
    raw = small.raw()
    began = time.monotonic()
    suite.check(raw.ends(60), "a connection that says nothing is closed")
    suite.check(time.monotonic() - began > 1.8, "in its time")
    suite.equal(raw.pending, b"", "without a word")
    raw.close()
    raw = small.raw()
    for _ in range(4):
        raw.send(GET.encode() + b"Host: localhost\r\n\r\n")
        suite.equal(raw.reply().status, 200, "one that is used stays")
        time.sleep(0.6)
    many = [small.raw() for _ in range(12)]     # and the one that stays

    def refused():
        return sum(each.ends(0.02) and b"HTTP/1.1 429 " in each.pending for each in many)
    suite.equal(eventually(refused, lambda number: number >= 5), 5, "more connections of one address than allowed are turned away")
    for each in [raw, *many]:
        each.close()
    small.remove()


@suite.case
def the_longest_idle_make_room():
    small = Server(settings={"net.connections": 10, "net.connections_per_address": 0})
    many = []
    for _ in range(10):
        many.append(small.raw())
        time.sleep(0.02)
    suite.check(many[0].ends(60), "the longest idle one is closed when it gets tight")
    suite.check(not many[-1].ends(0.2), "the newest stays")
    many[-1].send(GET.encode() + b"Host: localhost\r\n\r\n")
    suite.equal(many[-1].reply().status, 200)
    for each in many:
        each.close()
    # busy ones are not closed for new ones: those are turned away, once the first bytes of the others were read
    for pause in (0.02, 0.1, 0.5, 2):
        busy = []
        for _ in range(10):
            busy.append(small.raw())
            busy[-1].send(b"GET /heal")
            time.sleep(pause)
        late = small.raw()
        late.ends(1)
        status = late.reply().status if late.pending else None
        for each in busy + [late]:
            each.close()
        if status == 503:
            break
    suite.equal(status, 503)
    small.remove()


# ---- Methods, headers of answers, CORS -------------------------------------------------------------------------------

@suite.case
def methods():
    anybody = server.client()
    for method in ("TRACE", "PUT", "PATCH", "FOO"):
        reply = anybody.request(method, "//healthz", form=True)
        suite.answers(reply, 405, "method_not_allowed")
        suite.equal(reply.headers["Allow"], "GET, HEAD, OPTIONS", method)
    reply = anybody.request("OPTIONS", "/auth/login")
    suite.equal((reply.status, reply.headers["Allow"]), (204, "POST, OPTIONS"))
    suite.answers(anybody.request("OPTIONS", "/nothing"), 404, "not_found")
    get, head = anybody.get("//openapi.json"), anybody.request("HEAD", "//openapi.json")
    suite.equal(head.status, 200)
    suite.equal(head.headers["Content-Length"], str(len(get.body)), "HEAD tells the length of GET")
    suite.equal(head.body, b"")
    reply = anybody.get("//healthz", headers={"X-HTTP-Method-Override": "DELETE"})
    suite.equal(reply.status, 200, "the method is what the request line says")
    head = anybody.request("HEAD", "/nothing")
    suite.equal((head.status, head.body), (404, b""))


@suite.case
def headers_of_answers():
    anybody = server.client()
    reply = anybody.get("//healthz", headers={"X-Request-Id": "my.id_7-"})
    suite.equal(reply.headers["X-Request-Id"], "my.id_7-")
    suite.equal(reply.headers["X-Content-Type-Options"], "nosniff")
    suite.check(reply.headers["Date"].endswith(" GMT"), "Date")
    suite.equal(reply.headers.get("Server"), None, "no word of what serves")
    for bad in ("a b", "x" * 65, "<script>", "a\"b"):
        reply = anybody.get("//healthz", headers={"X-Request-Id": bad})
        suite.check(reply.headers["X-Request-Id"] != bad and len(reply.headers["X-Request-Id"]) == 32, f"an id is made instead of {bad!r}")
    reply = anybody.get("/nothing")
    suite.equal(reply.json["request_id"], reply.headers["X-Request-Id"])
    suite.equal(reply.headers["Cache-Control"], "no-store")
    reply = anybody.get("/nothing", headers={"Accept": "application/problem+json"})
    suite.equal(reply.headers["Content-Type"], "application/problem+json")
    suite.equal((reply.json["status"], reply.json["code"]), (404, "not_found"))
    suite.check(server.user("Ann").get("/users/me").headers["Cache-Control"] == "no-store", "what is private is not stored")


@suite.case
def requests_that_come_again():
    """Byte for byte the same: each has an id of its own, and is answered by what is true now."""
    ann, bob = server.user("Ann"), server.user("Bob")
    path = f"/users/{ann.id}"
    replies = [bob.get(path) for _ in range(5)]
    suite.equal({reply.status for reply in replies}, {200})
    suite.equal(len({reply.headers["X-Request-Id"] for reply in replies}), 5, "ids")
    suite.equal(len({reply.body for reply in replies}), 1, "bodies")
    for name in ("Anna", "Anne"):
        suite.equal(ann.patch("/users/me", {"profile": {"display_name": name}}, version=ann.get("/users/me").data["version"]).status, 200)
        suite.check(name.encode() in bob.get(path).body, f"shows {name} at once")
        suite.check(name.encode() in bob.get(path).body, f"shows {name} again")
    etag = bob.get(path).etag
    suite.equal([bob.get(path, headers={"If-None-Match": etag}).status for _ in range(4)], [304] * 4)
    suite.equal(bob.post("/auth/logout", {}).status, 204)
    suite.equal([bob.get(path).status for _ in range(2)], [401, 401], "after the login has ended")


@suite.case
def cors():
    anybody = server.client()
    reply = anybody.get("/nothing", headers={"Origin": "https://shop.example"})
    suite.equal(reply.headers["Access-Control-Allow-Origin"], "https://shop.example")
    suite.check("X-Log-Position" in reply.headers["Access-Control-Expose-Headers"], "exposed headers")
    suite.equal(reply.headers["Vary"], "Origin")
    suite.equal(reply.headers.get("Access-Control-Allow-Credentials"), None)
    reply = anybody.request("OPTIONS", "/auth/login", headers={"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
                                                              "Access-Control-Request-Headers": "authorization,content-type"})
    suite.equal(reply.status, 204)
    suite.equal(reply.headers["Access-Control-Allow-Methods"], "POST, OPTIONS")
    suite.check("Authorization" in reply.headers["Access-Control-Allow-Headers"], "allowed headers")
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example"):
        reply = anybody.request("OPTIONS", "/auth/login", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        suite.equal(reply.headers.get("Access-Control-Allow-Origin"), None, origin)
        suite.equal(anybody.get("/nothing", headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin"), None, origin)


def encoded(value):
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@suite.case
def tokens():
    ann = server.user("Ann")
    good = ann.token
    head, claims, signature = good.split(".")
    header = json.loads(base64.urlsafe_b64decode(head + "=="))
    body = json.loads(base64.urlsafe_b64decode(claims + "=="))
    anybody = server.client()
    suite.answers(anybody.get("/users/me", token=good), 200)
    unsigned = {
        "alg none": encoded({**header, "alg": "none"}) + "." + claims + ".",
        "alg None": encoded({**header, "alg": "None"}) + "." + claims + ".",
        "alg missing": encoded({k: v for k, v in header.items() if k != "alg"}) + "." + claims + "." + signature,
        "alg changed": encoded({**header, "alg": "RS256"}) + "." + claims + "." + signature,
        "kid a path": encoded({**header, "kid": "../../etc/passwd"}) + "." + claims + "." + signature,
        "kid of SQL": encoded({**header, "kid": "' OR 1=1"}) + "." + claims + "." + signature,
        "a key in the head": encoded({**header, "jwk": {"kty": "oct", "k": "AAAA"}}) + "." + claims + "." + signature,
        "signed with nothing": head + "." + claims + "." + encoded(hmac.new(b"", (head + "." + claims).encode(), hashlib.sha256).digest()),
        "no signature": head + "." + claims,
        "empty signature": head + "." + claims + ".",
        "cut": good[:-1],
        "padded": good + "=",
        "one dot more": good + ".",
        "other claims": head + "." + encoded({**body, "exp": body["exp"] + 1000}) + "." + signature,
        "empty": " ",
        "long": "x" * 7000,
    }
    for name, token in unsigned.items():
        reply = anybody.get("/users/me", token=token)
        suite.answers(reply, 401, "unauthorized", name)
        suite.check(reply.headers["WWW-Authenticate"].startswith("Bearer"), name)
        suite.answers(anybody.post("/communities?x=1", raw=b"{", token=token), 401, "unauthorized", name + ", before the body is looked at")
    suite.answers(anybody.get("/users/me"), 401, "unauthorized")
    suite.answers(anybody.get("/users/me", headers={"Authorization": "Basic YTpi"}), 401, "unauthorized")
    suite.answers(anybody.get("/users/me?access_token=" + good), 400, "validation_failed")
    # of one marketplace, used for another
    suite.check(anybody.get("/api/nowhere/v1/users/me", token=good).status in (401, 404), "a token is of its marketplace alone")
    suite.answers(anybody.get("/users/me", headers={"Host": "unknown.example"}), 404, "not_found", "an unknown host name")
    suite.answers(anybody.get("/users/me", token=good, headers={"Host": "127.0.0.1"}), 200, None, "an address names no marketplace")


@suite.case
def logs_cannot_be_written_by_clients():
    nasty = "x\x1b[31m y=z \"q\" %n"
    anybody = server.client()
    anybody.get("//readyz")
    anybody.get("/nothing", headers={"User-Agent": nasty, "X-Request-Id": nasty, "X-Tenant": "a b=\"c\""})
    anybody.get("/users/%1B%5B31m", headers={"X-Tenant": "a b=c"})
    anybody.get("/communities?q=secret-in-the-query", token="secret-token")
    text = eventually(server.log_text, lambda text: '"path":"/users/' in text and text.count('"path":"/communities"'))
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    requests = [line for line in lines if line["area"] == "http" and line["message"] == "request"]
    suite.check(len(requests) > 100, "a line for each request")
    suite.check(all({"method", "path", "status", "bytes", "microseconds", "request_id", "tenant"} <= set(line) for line in requests), "with its members")
    suite.check(any(line["path"] == "/readyz" for line in requests), "what is not below /api is written as it was asked for")
    suite.check(all(set(line) == set(requests[0]) for line in requests), "and no member that a client made")
    for word in ("\x1b", "secret-in-the-query", "secret-token", "a b="):
        suite.check(word not in text, f"{word!r} is not in the log")


# ---- The control socket, several loops, the end ----------------------------------------------------------------------

@suite.case
def control_socket():
    path = os.path.join(server.data, "control.sock")
    suite.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600)
    request = b"GET /api/admin/tenants HTTP/1.1\r\nHost: localhost\r\n\r\n"
    raw = server.control()
    raw.send(request)
    suite.equal(raw.reply().status, 200, "an operator sees the marketplaces")
    raw.close()
    raw = server.raw()
    raw.send(request)
    suite.check(raw.reply().status in (401, 403), "nobody else does")
    raw.close()


@suite.case
def several_loops():
    many = Server(settings={"net.loops": 2, "net.head_timeout": 3000})
    ann = many.user("Ann")
    failures = []

    def use(number):
        client = many.client()
        for turn in range(60):
            reply = client.get("//healthz", headers={"X-Request-Id": f"c{number}.{turn}"})
            if reply.status != 200 or reply.headers["X-Request-Id"] != f"c{number}.{turn}":
                failures.append(reply)
            if client.get("/nothing").status != 404:
                failures.append("404")
            if client.get(f"/users/{ann.id}").data["id"] != ann.id:
                failures.append("a read that comes again")
            if turn % 20 == 0 and client.get("//openapi.json").status != 200:
                failures.append("openapi")
        client.close()
    threads = [threading.Thread(target=use, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    suite.equal(failures, [], "all are answered, each with its own answer")
    suite.answers(ann.get("/users/me"), 200)
    suite.answers(many.admin().get("/users/me"), 200, None, "the control socket is there, too")
    raw = many.raw()
    raw.send(b"".join(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\n\r\n" % i for i in range(300)))
    suite.equal([raw.reply().headers["X-Request-Id"] for _ in range(300)], [f"n{i}" for i in range(300)], "a pipeline in order")
    raw.send(b"GET /heal")
    suite.equal([reply.status for reply in raw.replies()], [408])
    raw.close()
    deadline = time.monotonic() + 60
    while (count := metric("souk_connections", many)) != 2.0 and time.monotonic() < deadline:
        time.sleep(0.02)                        # the ends of those that closed are on their way
    suite.equal(count, 2.0, "Ann's and the one that asks")
    suite.equal(many.stop(), 0, "ends well")
    many.remove()


@suite.case
def requests_are_counted():
    server.client().get("//healthz")
    text = server.client().get("//metrics", form=False).body.decode()
    suite.check('souk_http_requests_total{method="GET",route="//healthz",status="200"} ' in text, "by route and status")
    suite.check('souk_http_requests_total{method="",route="none",status="404"} ' in text, "those without a route, too")
    counted = sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("souk_http_requests_total{"))
    total = [float(line.split()[-1]) for line in text.splitlines() if line.startswith("souk_http_request_duration_seconds_count ")]
    suite.equal([counted], total, "every request is in the histogram")
    suite.check(metric("souk_http_malformed_total") > 50, "refusals of form")
    suite.check(eventually(lambda: metric("souk_connections"), lambda number: number < 20) < 20, "closed connections are gone")


def stop_with_requests_under_way(loops):
    ending = Server(settings={"net.loops": loops})
    idle, half = ending.raw(), ending.raw()
    received = metric("souk_http_bytes_received_total", ending)
    half.send(POST.encode() + b"Content-Length: 2\r\n\r\n{")
    sent = 0
    busy = [ending.raw() for _ in range(8)]
    for number, each in enumerate(busy):
        body = json.dumps({"email": f"u{number}@example.com", "password": "correct horse battery", "display_name": "U",
                           "accept_terms": True}).encode()
        request = (b"POST /api/v1/auth/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                   b"Content-Length: %d\r\n\r\n" % len(body) + body)
        each.send(request)
        sent += len(request)
    deadline = time.monotonic() + 60
    while metric("souk_http_bytes_received_total", ending) < received + sent + 100 and time.monotonic() < deadline:
        pass                                    # what is not read yet is not under way; the figure's own requests are read too
    ending.process.terminate()
    suite.check(idle.ends(60), "an idle connection is closed")
    half.send(b"}")
    reply = half.reply()
    suite.check(reply is not None and reply.status in (400, 503), f"a request that was half sent is answered: {reply}")
    for each in busy:
        reply = each.reply()
        suite.check(reply is not None and reply.status in (201, 503), f"a request under way is answered: {reply}")
        suite.check(each.ends(60), "and the connection ends")   # one that was answered before the stop ends without a word
        each.close()
    idle.close()
    half.close()
    suite.equal(ending.process.wait(120), 0, "ends well")
    suite.check(not os.path.exists(os.path.join(ending.data, "control.sock")), "the control socket is gone")
    ending.remove()


@suite.case
def stops_gracefully():
    stop_with_requests_under_way(0)


@suite.case
def stops_gracefully_with_loops():
    stop_with_requests_under_way(2)


@suite.case
def survives_all_this():
    suite.check(server.alive(), "the server lives")
    suite.answers(server.client().get("//readyz"), 200)
    suite.equal(server.stop(), 0, "and ends well")


suite.main()
