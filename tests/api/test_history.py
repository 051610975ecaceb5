"""What follows the log: what an entity was, how it came to be what it is, what staff reads of the log, whose host it is."""

import json
import time
import urllib.parse

from harness import Server, Suite
from shop import Supplier, community, created, leader

suite = Suite("history")
server = Server(settings={"orders.payment_wait": 2000})
admin = server.admin()
REASON = {"reason": "as the rules say"}


def position(reply):
    return int(reply.headers["X-Log-Position"])


def changes(entry):
    return {row["field"]: (row["old"], row["new"]) for row in entry["changes"]}


def story():
    """A post, written and changed twice: its author, the post, the three replies."""
    lea = leader(server, admin)
    where = community(lea)
    first = lea.post("/posts", {"community_id": where["id"], "type": "text", "title": "One", "body": "words"})
    made = created(first)
    second = lea.patch(f"/posts/{made['id']}", {"title": "Two"}, version=made["version"])
    third = lea.patch(f"/posts/{made['id']}", {"title": "Three"}, version=second.data["version"])
    return lea, made, [first, second, third]


# ---- An entity as it was ---------------------------------------------------------------------------------------------

@suite.case
def an_entity_at_a_position():
    ann, made, replies = story()
    path = f"/posts/{made['id']}"
    for reply, title in zip(replies, ("One", "Two", "Three")):
        then = ann.get(f"{path}?at={position(reply)}")
        suite.equal((then.status, then.data["title"], then.data["version"]), (200, title, reply.data["version"]), title)
        suite.equal(then.etag.split(".")[0].strip('"'), str(reply.data["version"]), "its ETag")
        suite.equal(ann.get(f"{path}?at={position(reply)}", headers={"If-None-Match": then.etag}).status, 304, "and not again")
    suite.answers(ann.get(f"{path}?at={position(replies[0]) - 1}"), 404, "not_found", "before it was made")
    suite.answers(ann.get(f"{path}?at=0"), 404, "not_found", "before all")
    suite.equal(ann.get(f"{path}?at=999999999999").data["title"], "Three", "later than all")
    suite.equal(ann.get(path).data["title"], "Three", "now is untouched")


@suite.case
def an_entity_at_a_time():
    ann = server.user("Tim")
    before = ann.get("/users/me").data["updated_at"]
    time.sleep(0.05)
    changed = ann.patch("/users/me", {"profile": {"display_name": "Timothy"}}, version=ann.get("/users/me").data["version"])
    suite.equal(changed.status, 200, repr(changed))
    for client, path in ((ann, "/users/me"), (admin, f"/admin/users/{ann.id}"), (server.client(), f"/users/{ann.id}")):
        suite.equal(client.get(f"{path}?at={before}").data["profile"]["display_name"], "Tim", f"{path}: the name of then")
        suite.equal(client.get(f"{path}?at={changed.data['updated_at']}").data["profile"]["display_name"], "Timothy", f"{path}: of now")
    suite.check("email" not in server.client().get(f"/users/{ann.id}?at={before}").data, "what is not shown now was not then")
    east = urllib.parse.quote(before[:-1] + "+00:00")
    suite.equal(ann.get(f"/users/me?at={east}").data["profile"]["display_name"], "Tim", "with an offset")
    suite.answers(ann.get("/users/me?at=2001-01-01T00:00:00Z"), 404, "not_found", "before")


@suite.case
def what_is_no_moment():
    ann = server.user("Ann")
    for value in ("", "x", "-1", "1.5", "2026-01-01", "2026-02-30T00:00:00Z", "99999999999999999999", "9" * 50):
        reply = ann.get(f"/users/me?at={value}")
        suite.equal((reply.status, reply.paths), (400, ["at"]), f"at={value}")
    suite.equal(ann.get("/users/me?at=1&at=1").codes, {"at": "duplicate"}, "twice")
    suite.equal(ann.get("/products?at=1").codes, {"at": "unknown_field"}, "a list has no past")


@suite.case
def the_past_is_not_more_open_than_the_present():
    seller = Supplier(server, admin)
    draft = seller.product(published=False)
    path = f"/products/{draft['id']}"
    anyone = server.client()
    suite.answers(anyone.get(path), 404, "not_found", "a draft")
    made = position(seller.owner.get(path))
    created(seller.owner.post(path + "/publish"), 200)
    suite.equal(anyone.get(path).status, 200, "published")
    suite.answers(anyone.get(f"{path}?at={made}"), 404, "not_found", "it was a draft")
    suite.equal(seller.owner.get(f"{path}?at={made}").data["status"], "draft", "for its team")
    suite.equal([entry["events"] for entry in anyone.get(path + "/history").data], [["product.published"]], "what anyone saw of it")
    whole = seller.owner.get(path + "/history").data
    suite.equal([entry["events"][0] for entry in whole], ["product.published", "product.created"], "what its team sees")
    suite.equal(changes(whole[0])["status"], ("draft", "published"), "the state")
    created(seller.owner.delete(path, REASON), 200)
    suite.answers(anyone.get(f"{path}?at={position(seller.owner.get('/users/me'))}"), 404, "not_found", "deleted")
    suite.answers(anyone.get(path + "/history"), 404, "not_found", "deleted: no history")
    told = admin.get(path + "/history?include_deleted=true").data[0]
    suite.equal((told["command"], told["reason"]), ("product.delete", REASON["reason"]), "staff reads why")


# ---- A history -------------------------------------------------------------------------------------------------------

@suite.case
def changes_newest_first():
    ann, made, replies = story()
    path = f"/posts/{made['id']}/history"
    entries = ann.get(path).data
    suite.equal([entry["position"] for entry in entries], [position(reply) for reply in reversed(replies)], "positions")
    suite.equal([entry["entity_version"] for entry in entries], [reply.data["version"] for reply in reversed(replies)], "versions")
    suite.equal([entry["command"] for entry in entries], ["post.patch", "post.patch", "post.create"], "commands")
    suite.equal(changes(entries[0])["title"], ("Two", "Three"), "old and new")
    suite.equal(changes(entries[2])["title"], (None, "One"), "made of nothing")
    suite.equal(entries[0]["who"], {"kind": "user", "user_id": ann.id}, "who")
    suite.equal(server.user("Eve").get(path).data[0]["who"], {"kind": "user", "user_id": None}, "is told to those concerned")
    suite.equal(admin.get(path).data[0]["who"]["user_id"], ann.id, "and to staff")
    suite.equal(server.client().get(path).status, 200, "anyone who reads the post")


@suite.case
def a_long_history_page_by_page():
    ann = server.user("Ann")
    version = ann.get("/users/me").data["version"]
    for number in range(40):
        version = ann.patch("/users/me", {"preferences": {"n": str(number)}}, version=version).data["version"]
    whole = ann.get("/users/me/history?limit=100").data
    for limit in (1, 7, 40):
        suite.equal(ann.pages("/users/me/history", limit=limit), whole, f"{limit} at a time")
    values = [entry["changes"][0]["new"] for entry in whole[:40]]
    suite.equal(values, [{"n": str(number)} for number in reversed(range(40))], "each with what it was")
    cursor = ann.get("/users/me/history?limit=3").page["next"]
    other = server.user("Bob")
    suite.answers(admin.get(f"/admin/users/{ann.id}/history?cursor={cursor}"), 400, "invalid_cursor", "of another list")
    suite.answers(other.get(f"/users/{ann.id}/history?cursor={cursor}"), 400, "invalid_cursor", "of another list")
    for entry, expected in zip(whole[:40:13], list(reversed(range(40)))[::13]):
        then = ann.get(f"/users/me?at={entry['position']}").data
        suite.equal(then["preferences"], {"n": str(expected)}, "and as it was then")


@suite.case
def secrets_have_no_history():
    ann = server.user("Ann")
    reply = ann.post("/users/me/password", {"current": "correct horse battery staple", "new": "another long pass phrase"})
    suite.equal(reply.status, 204, repr(reply))
    ann.token = server.login(ann.email, "another long pass phrase").token
    for client, path in ((ann, "/users/me/history"), (admin, f"/admin/users/{ann.id}/history"), (server.client(), f"/users/{ann.id}/history")):
        text = json.dumps(client.get(path).data)
        suite.check("argon2" not in text and "password_hash" not in text, f"{path}: {text[:400]}")
    text = json.dumps(server.client().get(f"/users/{ann.id}/history").data)
    suite.check("@" not in text and "email" not in text, f"nor addresses for anyone: {text[:400]}")
    first = ann.get("/users/me/history?limit=100").data[-1]
    suite.check(changes(first)["email"][1], "one's own are told")


@suite.case
def rights_are_those_of_reading():
    ann, bob = server.user("Ann"), server.user("Bob")
    address = created(ann.post("/users/me/addresses", {"first_name": "Ann", "last_name": "A", "line1": "1", "city": "B", "postal_code": "1",
                                                      "country": "DE"}))
    path = f"/users/me/addresses/{address['id']}"
    suite.equal([entry["command"] for entry in ann.get(path + "/history").data], ["address.create"], "one's own")
    for each in (path + "/history", f"{path}?at=99999999"):
        suite.answers(bob.get(each), 404, "not_found", "another's")
        suite.answers(server.client().get(each), 401, "unauthorized", "nobody's")
    suite.answers(ann.get(f"/admin/users/{bob.id}/history"), 403, "forbidden", "staff's")


# ---- After a crash ---------------------------------------------------------------------------------------------------

@suite.case
def a_crash_keeps_the_past():
    ann, made, replies = story()
    path = f"/posts/{made['id']}"
    before = ann.get(path + "/history").data
    server.kill()
    server.restart()
    suite.equal(ann.get(path + "/history").data, before, "the same history")
    suite.equal(ann.get(f"{path}?at={position(replies[1])}").data["title"], "Two", "the same past")


suite.main()
