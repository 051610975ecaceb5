#!/usr/bin/env python3
"""The events of a marketplace as they happen: server-sent events and JSON lines of /admin/events, from first to last
thing that may go wrong on the way."""

import json
import time

from harness import PASSWORD, Raw, Server, Suite, eventually
from shop import community, created, leader

suite = Suite("stream")
SECONDS = 60                                    # at most, for what should come at once
SETTINGS = {"net.heartbeat": 200, "net.write_timeout": 1000, "net.streams": 110, "net.streams_of_one": 0}


class Stream(Raw):
    """A stream on a connection of its own: head, then frames as they come."""

    def __init__(self, server, token, accept="text/event-stream", query="", last=None, tenant=None, version="1.1", control=False):
        super().__init__(server.control_path if control else ("127.0.0.1", server.port), SECONDS, server)
        self.text, self.whole, self.head, self.read, self.found = b"", False, None, 0, []
        fields = [f"GET /api/v1/admin/events{query} HTTP/{version}", "Host: localhost", f"Accept: {accept}"]
        fields += [f"Authorization: Bearer {token}"] if token else []
        fields += [f"Last-Event-ID: {last}"] if last else []
        fields += [f"X-Tenant: {tenant}"] if tenant else []
        self.send(("\r\n".join(fields) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.pending and self.more():
            pass
        head, self.pending = self.pending.split(b"\r\n\r\n", 1)
        self.head = head.decode()
        self.status = int(self.head.split(" ")[1])
        self.chunked = "transfer-encoding: chunked" in self.head.lower()

    def unchunk(self):
        """Moves what has come whole from the chunks to the text."""
        if not self.chunked:
            self.text, self.pending = self.text + self.pending, b""
            return
        while b"\r\n" in self.pending:
            size, rest = self.pending.split(b"\r\n", 1)
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            assert rest[length:length + 2] == b"\r\n", "a chunk that does not end where it says"
            self.text, self.pending = self.text + rest[:length], rest[length + 2:]
            self.whole |= length == 0

    def pieces(self, end):
        """What has come since the last call and is whole, up to its end."""
        self.unchunk()
        whole = self.text.rfind(end, self.read) + len(end)
        if whole < len(end):
            return []
        found = self.text[self.read:whole].decode().split(end.decode())[:-1]
        self.read = whole
        return found

    def frames(self):
        """(id, type, envelope) of what has come so far; comments and blank lines left out."""
        for block in self.pieces(b"\n\n"):
            members = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
            if "data" in members:
                self.found.append((members["id"], members["event"], json.loads(members["data"])))
        return self.found

    def lines(self):
        self.found += [json.loads(line) for line in self.pieces(b"\n") if line]
        return self.found

    def until(self, condition, what="what was waited for"):
        """Receives until the condition holds; a stream that ends before fails the case."""
        deadline = time.monotonic() + SECONDS
        self.unchunk()
        while not condition():
            if self.closed or time.monotonic() > deadline or not self.more():
                raise AssertionError(f"the stream ended without {what}: {self.head[:200]} {self.text[-300:]!r}")
            self.unchunk()

    def ids(self):
        return [frame[0] for frame in self.frames()]

    def wait_for(self, count):
        self.until(lambda: len(self.frames()) >= count, f"{count} events")
        return list(self.found)

    def rest(self):
        while self.more():
            pass
        self.unchunk()
        return self.text


def written(server, title="Hello", text="words"):
    """The body of a new post."""
    return {"community_id": makers[server]["id"], "type": "text", "title": title, "body": text}


def told(server, number=1):
    """Makes events: of posts, each title tells which."""
    for at in range(number):
        created(leas[server].post("/posts", written(server, f"No. {at}")))


def figures(server):
    return server.operator().get("//metrics").body.decode().splitlines()


def position(server):
    """Where the log ends, once nothing is under way that would write to it by itself, such as a mail."""
    eventually(lambda: figures(server), lambda lines: "souk_effects 0" in lines)
    return server.operator().get("//healthz").data["position"]


leas, makers = {}, {}


def opened(**settings):
    """A server, and its admin; its leader leads the makers."""
    opening = Server(settings={**SETTINGS, **settings})
    chief = opening.admin()
    leas[opening] = leader(opening, chief)
    makers[opening] = community(leas[opening])
    return opening, chief


server, admin = opened()


def page_ids(client, after, query=""):
    return [event["id"] for event in client.pages(f"/admin/events?after={after}{query}", limit=100)]


# ---- Forms -----------------------------------------------------------------------------------------------------------

@suite.case
def server_sent_events_follow():
    start = position(server)
    stream = Stream(server, admin.token)
    suite.equal((stream.status, stream.chunked), (200, True), "begins")
    suite.check("Content-Type: text/event-stream" in stream.head and "Connection: close" in stream.head, stream.head)
    stream.until(lambda: b"\n\n" in stream.text, "a beginning")
    suite.check(stream.text.startswith(b"retry: ") and f"\nid: {start}\n".encode() in stream.text,
                f"from now on, and where that is: {start}: {stream.text!r}")
    told(server, 3)
    want = admin.get(f"/admin/events?after={start}&limit=100").data
    frames = stream.wait_for(len(want))
    suite.equal([(event["id"], event["type"], event) for event in want], frames, "each event, as the page has it")
    stream.until(lambda: stream.text.endswith(b":\n\n"), "a sign of life")
    told(server)
    suite.equal(stream.wait_for(len(want) + 1)[len(want)][0], page_ids(admin, start)[len(want)], "and goes on")
    stream.close()


@suite.case
def lines_end_where_the_log_does():
    want = page_ids(admin, 0)
    for accept, kind in (("application/jsonl", "application/jsonl"), ("application/x-ndjson, */*", "application/x-ndjson")):
        stream = Stream(server, admin.token, accept)
        stream.rest()
        suite.check(f"Content-Type: {kind}\r\n" in stream.head, stream.head)
        suite.equal([event["id"] for event in stream.lines()], want, "all that is there")
        suite.check(stream.whole, "and says that it is all")
    some = Stream(server, admin.token, "application/jsonl", "?limit=2")
    some.rest()
    suite.equal(([event["id"] for event in some.lines()], some.whole), (want[:2], True), "as many as asked for")
    old = Stream(server, admin.token, "application/jsonl", version="1.0")
    old.rest()
    suite.equal((old.chunked, [event["id"] for event in old.lines()]), (False, want), "without chunks for HTTP/1.0")
    nothing = Stream(server, admin.token, "application/jsonl", f"?after={position(server)}")
    suite.equal((nothing.rest(), nothing.whole), (b"", True), "nothing, and that is all")
    over = Stream(server, None, "application/jsonl", control=True)
    over.rest()
    suite.equal([event["id"] for event in over.lines()], want, "to the operator too")


@suite.case
def lines_that_follow():
    start = position(server)
    stream = Stream(server, admin.token, "application/jsonl", f"?after={start}&follow=true")
    told(server, 2)
    want = page_ids(admin, start)
    stream.until(lambda: len(stream.lines()) >= len(want), "lines")
    suite.equal([event["id"] for event in stream.lines()], want, "what comes")
    stream.until(lambda: stream.text.endswith(b"\n\n"), "an empty line as a sign of life")
    stream.close()
    some = Stream(server, admin.token, query=f"?after={start}&limit=1")
    some.rest()
    suite.equal((some.ids(), some.whole), (want[:1], True), "a stream with a limit ends")


@suite.case
def a_page_stays_a_page():
    for accept in ("application/json", "*/*", "application/json, text/event-stream", "text/html"):
        suite.equal(admin.get("/admin/events?limit=1", headers={"Accept": accept}).headers["Content-Type"], "application/json", accept)
    suite.answers(admin.get("/posts", headers={"Accept": "text/event-stream"}), 200, None, "what has no stream answers as ever")


# ---- Resuming and filters --------------------------------------------------------------------------------------------

@suite.case
def it_goes_on_behind_each_id():
    want = page_ids(admin, 0)
    suite.check(any(not each.endswith(".0") for each in want), "some records have several events")
    for at in range(0, len(want), max(1, len(want) // 12)):
        stream = Stream(server, admin.token, "application/jsonl", last=want[at])
        stream.rest()
        suite.equal([event["id"] for event in stream.lines()], want[at + 1:], f"behind {want[at]}")
    begun = Stream(server, admin.token, query="?after=0", last=want[2])
    suite.equal([frame[0] for frame in begun.wait_for(len(want) - 3)], want[3:], "what the client knows counts more than the address")
    begun.close()


@suite.case
def filters():
    start = position(server)
    made = created(leas[server].post("/posts", written(server, "One")))
    created(leas[server].post(f"/posts/{made['id']}/comments", {"body": "Nice"}))
    told(server, 2)
    for query in ("&kind=post", "&event=post.created", f"&entity={made['id']}", f"&kind=post&entity={made['id']}&event=post.published"):
        want = page_ids(admin, start, query)
        suite.check(0 < len(want) < len(page_ids(admin, start)), f"some of all: {query}")
        stream = Stream(server, admin.token, query=f"?after={start}{query}")
        suite.equal([frame[0] for frame in stream.wait_for(len(want))], want, query)
        stream.until(lambda: stream.text.endswith(b":\n\n"), "silence")
        suite.equal(stream.ids(), want, f"no more: {query}")
        stream.close()


@suite.case
def marketplaces_are_apart():
    there = server.operator("canary")
    created(server.operator().post("/api/admin/tenants", {"slug": "canary", "name": "Canary"}))
    here = Stream(server, admin.token, query="?after=0")
    other = Stream(server, None, query="?after=0", tenant="canary", control=True)
    stranger = server.client(tenant="canary")
    created(stranger.post("/auth/register", {"email": "bird@example.com", "password": PASSWORD, "display_name": "Canary Bird", "accept_terms": True}))
    told(server)
    want, apart = page_ids(admin, 0), page_ids(there, 0)
    suite.equal([frame[0] for frame in here.wait_for(len(want))], want, "its own")
    suite.equal([frame[0] for frame in other.wait_for(len(apart))], apart, "the other one its own")
    here.until(lambda: here.text.endswith(b":\n\n"), "silence")
    suite.equal({frame[2]["tenant_id"] for frame in here.frames()} & {frame[2]["tenant_id"] for frame in other.frames()}, set(), "nothing of each other")
    suite.check(b"Canary" not in here.text, "no word of it")
    suite.equal(Stream(server, admin.token, tenant="canary").status, 401, "nor with the token of another one")
    for each in (here, other):
        each.close()


# ---- Rights ----------------------------------------------------------------------------------------------------------

@suite.case
def who_may_not_gets_none():
    suite.equal(Stream(server, None).status, 401, "strangers")
    suite.equal(Stream(server, server.user("Ann").token).status, 403, "users")
    for query, last, status in (("?after=x", None, 400), ("?nonsense=1", None, 400), ("", "x", 400), ("", "1.2.3", 400), ("", "-1", 400), ("", "5.-1", 400),
                                ("?after=999999999", None, 400), ("", "999999999.0", 400)):
        suite.equal(Stream(server, admin.token, query=query, last=last).status, status, f"{query} {last}")
    head = server.raw()
    head.send(f"HEAD /api/v1/admin/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer {admin.token}\r\n\r\n".encode())
    suite.equal(head.reply(head_only=True).status, 400, "HEAD")
    tried = admin.get("/admin/events", headers={"Accept": "text/event-stream", "Prefer": "dry-run"})
    suite.answers(tried, 400, "bad_request", "a dry run")


def another_admin():
    """A second one, whom the first can take the right from."""
    other = server.user("Other")
    created(admin.post(f"/admin/users/{other.id}/grant-role", {"role": "admin", "reason": "helps"}), 200)
    return other


@suite.case
def a_right_that_is_lost_ends_it():
    for act in ("suspend", "role", "logout"):
        other = another_admin()
        stream = Stream(server, other.token)
        stream.until(lambda: b"\n\n" in stream.text, "a beginning")
        if act == "suspend":
            created(admin.post(f"/admin/users/{other.id}/suspend", {"reason": "why not"}), 200)
        elif act == "role":
            created(admin.post(f"/admin/users/{other.id}/revoke-role", {"role": "admin", "reason": "no more"}), 200)
        else:
            suite.answers(other.post("/auth/logout"), 204)
        text = stream.rest()
        suite.check(text.endswith(b": you may not read this any more\n\n") and stream.whole, f"{act}: {text[-200:]!r}")
    stays = Stream(server, admin.token)
    told(server)
    stays.wait_for(1)
    stays.close()


@suite.case
def an_expired_token_ends_it():
    short = Server(settings={**SETTINGS, "auth.access_token_life": 3000})
    stream = Stream(short, short.admin().token)
    text = stream.rest()
    suite.check(text.endswith(b": the access token has expired\n\n"), f"{text[-200:]!r}")
    short.remove()


# ---- What goes wrong on the way --------------------------------------------------------------------------------------

@suite.case
def nothing_is_lost_or_twice_when_either_is_killed():
    start, seen = position(server), []
    stream = Stream(server, admin.token, query=f"?after={start}")
    told(server, 3)
    seen += [frame[0] for frame in stream.wait_for(4)]
    stream.close()                              # the client is gone
    told(server, 3)
    stream = Stream(server, admin.token, last=seen[-1])
    told(server, 2)
    seen += [frame[0] for frame in stream.wait_for(4)]
    server.kill()                               # the server is
    stream.close()
    seen = seen[:5]                             # it has noted no more than this
    server.restart()
    told(server, 2)
    want = page_ids(admin, start)
    stream = Stream(server, admin.token, last=seen[-1])
    seen += [frame[0] for frame in stream.wait_for(len(want) - len(seen))]
    suite.equal(seen, want, "each once, in order")
    stream.close()


@suite.case
def a_thousand_at_once():
    start = position(server)
    stream = Stream(server, admin.token, query=f"?after={start}&event=post.created")
    body = written(server, "Many")
    for _ in range(20):
        replies = leas[server].pipeline("/posts", [body] * 50)
        suite.equal({reply.status for reply in replies}, {201}, "made")
        stream.wait_for(len(stream.found) + 50)         # who does not read for long is closed
    want = page_ids(admin, start, "&event=post.created")
    suite.equal(len(want), 1000, "a thousand")
    suite.equal([frame[0] for frame in stream.wait_for(1000)], want, "each once, in order")
    stream.close()


@suite.case
def who_does_not_read_is_closed_and_nobody_waits():
    start = position(server)
    slow = Stream(server, admin.token, query="?after=0")
    quick = Stream(server, admin.token, query=f"?after={start}&event=post.created")
    body = written(server, "Long " * 20, "words " * 1500)
    made, deadline = 0, time.monotonic() + SECONDS
    def closed():
        return "souk_streams 1" in figures(server)
    while not closed() and time.monotonic() < deadline:
        suite.equal({reply.status for reply in leas[server].pipeline("/posts", [body] * 20)}, {201}, "writes go on")
        made += 20
        suite.equal(len(quick.wait_for(made)), made, "the other one has all")
    suite.check(closed(), "the slow one is closed")
    slow.rest()
    suite.check(not slow.whole, "cut off, which is no end")
    ids = slow.ids()
    again = Stream(server, admin.token, "application/jsonl", last=ids[-1])
    again.rest()
    suite.equal(ids + [event["id"] for event in again.lines()], page_ids(admin, 0), "and goes on from there")
    quick.close()


def status_once_there_is_room(where, client):
    """Of a short stream, once the server has seen that others are gone."""
    return eventually(lambda: Stream(where, client.token, "application/jsonl", "?limit=1").status, lambda status: status == 200)


@suite.case
def a_hundred():
    eventually(lambda: figures(server), lambda lines: "souk_streams 0" in lines)
    start = position(server)
    streams = [Stream(server, admin.token, query=f"?after={start}") for _ in range(100)]
    told(server, 5)
    want = page_ids(admin, start)
    wrong = [stream for stream in streams if [frame[0] for frame in stream.wait_for(len(want))] != want]
    suite.equal(len(wrong), 0, "all have all")
    more = [Stream(server, admin.token) for _ in range(10)]
    over = Stream(server, admin.token)
    suite.equal(over.status, 503, "one too many")
    suite.check("Retry-After" in over.head, "may come again")
    for each in streams + more:
        each.close()
    suite.equal(status_once_there_is_room(server, admin), 200, "once they are gone there is room")


@suite.case
def one_asker_leaves_room_for_others():
    fair, first = opened(**{"net.streams": 6, "net.streams_of_one": 3})
    other = fair.user("Other")
    created(first.post(f"/admin/users/{other.id}/grant-role", {"role": "admin", "reason": "helps"}), 200)
    held = [Stream(fair, first.token) for _ in range(3)]
    suite.equal([stream.status for stream in held], [200] * 3, "as many as one may have")
    over = Stream(fair, first.token)
    suite.equal(over.status, 429, "one more of the same asker")
    suite.check("Retry-After" in over.head, "may come again")
    held.append(Stream(fair, other.token))
    suite.equal(held[-1].status, 200, "somebody else has room")
    held += [Stream(fair, None, control=True) for _ in range(2)]
    suite.equal([stream.status for stream in held[-2:]], [200] * 2, "so has the control socket")
    suite.equal(Stream(fair, other.token).status, 503, "until there is none at all")
    held[0].close()
    suite.equal(status_once_there_is_room(fair, first), 200, "one that is closed makes room")
    fair.stop()
    fair.remove()


@suite.case
def it_is_the_last_answer_of_its_connection():
    before = position(server)
    asked = f"GET /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {admin.token}\r\n\r\n"
    body = json.dumps(written(server))
    after = (f"POST /api/v1/posts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {leas[server].token}\r\nContent-Type: application/json\r\n"
             f"Content-Length: {len(body)}\r\n\r\n{body}")
    lines = asked.replace("/users/me", "/admin/events?limit=2").replace("\r\n\r\n", "\r\nAccept: application/jsonl\r\n\r\n")
    raw = server.raw()
    raw.send((asked + lines + after).encode())
    suite.equal(raw.reply().status, 200, "what was asked for before it")
    while raw.more():
        pass
    suite.check(raw.pending.endswith(b"0\r\n\r\n") and raw.pending.count(b"HTTP/1.1") == 1, "then the stream, and no more")
    suite.equal(page_ids(admin, before, "&event=post.created"), [], "what came behind it is not done")


@suite.case
def a_stop_ends_it():
    stream = Stream(server, admin.token)
    lines = Stream(server, admin.token, "application/jsonl", f"?after={position(server)}&follow=true")
    stream.until(lambda: b"\n\n" in stream.text, "a beginning")
    suite.equal(server.stop(), 0, "stops")
    suite.check(stream.rest().endswith(b": the server stops\n\n") and stream.whole, f"{stream.text!r}")
    lines.rest()
    suite.check(lines.whole, "lines end too")
    server.restart()


@suite.case
def with_loops_of_their_own():
    several, chief = opened(**{"net.loops": 2})
    start = position(several)
    streams = [Stream(several, chief.token, query=f"?after={start}") for _ in range(8)]
    told(several, 20)
    want = page_ids(chief, start)
    for stream in streams:
        suite.equal([frame[0] for frame in stream.wait_for(len(want))], want, "on each loop")
    streams[0].close()
    suite.answers(chief.post("/auth/logout"), 204)
    for stream in streams[1:]:
        suite.check(stream.rest().endswith(b": you may not read this any more\n\n"), f"{stream.text[-100:]!r}")
    last = Stream(several, several.admin().token)
    suite.equal(several.stop(), 0, "stops")
    suite.check(last.rest().endswith(b": the server stops\n\n"), f"{last.text!r}")
    several.remove()


suite.main()
