"""What follows the log: what an entity was, how it came to be what it is, what staff reads of the log, whose host it is."""

import json
import time
import urllib.parse

from harness import PASSWORD, Server, Suite
from sales import buy, line, operator, promotion_body
from shop import Supplier, community, created, leader

suite = Suite("history")
server = Server(settings={"orders.payment_wait": 2000})
admin = server.admin()
REASON = {"reason": "as the rules say"}


def position(reply):
    return int(reply.headers["X-Log-Position"])


def changes(entry):
    return {row["field"]: (row["old"], row["new"]) for row in entry["changes"]}


def opened(slug, **more):
    """A new marketplace."""
    return created(operator(server, "POST", "/api/admin/tenants", {"slug": slug, "name": "A market", **more}))


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
    ann.token = server.login(ann.user["email"], "another long pass phrase").token
    for client, path in ((ann, "/users/me/history"), (admin, f"/admin/users/{ann.id}/history"), (server.client(), f"/users/{ann.id}/history")):
        text = json.dumps(client.get(path).data)
        suite.check("argon2" not in text and "password_hash" not in text, f"{path}: {text[:400]}")
    text = json.dumps(server.client().get(f"/users/{ann.id}/history").data)
    suite.check("@" not in text and "email" not in text, f"nor addresses for anyone: {text[:400]}")
    commands = [entry["command"] for entry in ann.get("/users/me/history").data]
    suite.check("user.password" in commands, f"oneself reads that it was changed: {commands}")
    commands = [entry["command"] for entry in server.user("Eve").get(f"/users/{ann.id}/history").data]
    suite.check("user.password" not in commands, f"nobody else: {commands}")
    created(admin.post(f"/admin/users/{ann.id}/grant-role", {"role": "leader", "reason": "known to staff"}), 200)
    granted = {name: client.get(path).data[0] for name, client, path in (
        ("ann", ann, "/users/me/history"), ("eve", server.client(), f"/users/{ann.id}/history"))}
    suite.equal((granted["ann"]["reason"], changes(granted["ann"])["role"]), ("known to staff", ("consumer", "leader")), "why")
    suite.equal((granted["eve"]["reason"], changes(granted["eve"])["role"]), (None, ("consumer", "leader")), "what, not why")
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


@suite.case
def a_history_is_cut_as_the_order_is():
    sellers = [Supplier(server, admin), Supplier(server, admin)]
    products = [seller.product() for seller in sellers]
    for seller, product in zip(sellers, products):
        seller.stock(product, 10)
    ann = server.user("Ann")
    order = buy(ann, line(products[0]), line(products[1]))
    path = f"/orders/{order['id']}/history"
    whole = ann.get(path)
    suite.check(all(product["id"] in whole.body.decode() for product in products), "the customer sees all of it")
    suite.equal(whole.data[-1]["who"]["user_id"], ann.id, "and herself")
    for seller, own, other in ((sellers[0], products[0], products[1]), (sellers[1], products[1], products[0])):
        text = seller.owner.get(path).body.decode()
        suite.check(own["id"] in text and other["id"] not in text, "a supplier sees its own items")
        suite.check(ann.id not in text and "example.com" not in text, "and not who bought")
        then = seller.owner.get(f"/orders/{order['id']}?at={whole.data[-1]['position']}")
        suite.check(other["id"] not in then.body.decode(), f"nor then: {then}")
    suite.answers(server.user("Eve").get(path), 404, "not_found", "nobody else")
    then = ann.get(f"/orders/{order['id']}?at={whole.data[-1]['position']}").data
    suite.equal(then["status"], changes(whole.data[-1])["status"][1], "as it was placed")
    suite.equal(ann.get(f"/orders/{order['id']}").data["status"], changes(whole.data[0])["status"][1], "as it is")


@suite.case
def who_reported_stays_unknown():
    lea, made, _ = story()
    eve = server.user("Eve")
    report = created(eve.post("/reports", {"target_kind": "post", "target_id": made["id"], "reason": "spam"}))
    path = f"/reports/{report['id']}/history"
    suite.equal(eve.get(path).data[0]["who"]["user_id"], eve.id, "to oneself")
    suite.equal(admin.get(path).data[0]["who"]["user_id"], eve.id, "to staff")
    told = lea.get(path)
    suite.check(told.status == 200 and eve.id not in told.body.decode(), f"not to moderators: {told}")


# ---- All of a person -------------------------------------------------------------------------------------------------

@suite.case
def an_export_has_all_of_a_person():
    lea, made, _ = story()
    bob = server.user("Bob")
    seller = Supplier(server, admin, owner=lea)
    product = seller.product()
    seller.stock(product, 10)
    created(lea.put(f"/users/{bob.id}/follow"), 204)
    created(bob.put(f"/users/{lea.id}/follow"), 204)
    created(lea.put(f"/users/{server.user('Eve').id}/block"), 204)
    for number in range(3):
        created(lea.post("/users/me/addresses", {"first_name": "Lea", "last_name": "L", "line1": str(number), "city": "B", "postal_code": "1",
                                                 "country": "DE"}))
    said = created(lea.post(f"/posts/{made['id']}/comments", {"body": "mine"}))
    created(lea.put(f"/posts/{made['id']}/like"), 204)
    report = created(lea.post("/reports", {"target_kind": "user", "target_id": bob.id, "reason": "spam"}))
    orders = [buy(lea, line(product))["id"] for _ in range(2)]
    data = lea.get("/users/me/export").data
    suite.equal(data["user"], {**lea.get("/users/me").data}, "the account")
    suite.equal(sorted(row["line1"] for row in data["addresses"]), ["0", "1", "2"], "addresses")
    suite.equal([row["id"] for row in data["orders"]], orders, "orders")
    suite.equal([row["id"] for row in data["posts"]], [made["id"]], "posts")
    suite.equal([row["id"] for row in data["comments"] + data["reports"]], [said["id"], report["id"]], "what one said")
    counts = {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}
    suite.equal((counts["memberships"], counts["follows"], counts["blocks"], counts["team_members"], counts["likes"], counts["votes"]), (1, 1, 1, 1, 1, 0),
                f"and the rest: {counts}")
    suite.check(data["complete"] is True and "argon2" not in json.dumps(data), "complete, without secrets")
    suite.equal({name for name, rows in bob.get("/users/me/export").data.items() if rows and isinstance(rows, list)}, {"follows"}, "hers alone")
    suite.answers(server.client().get("/users/me/export"), 401, "unauthorized", "nobody's")
    server.kill()
    server.restart()
    suite.equal(lea.get("/users/me/export").data, data, "the same from the disk")


# ---- The log, for staff ----------------------------------------------------------------------------------------------

@suite.case
def staff_reads_what_happened():
    start = server.operator().get("//healthz").data["position"]
    ann, made, replies = story()
    events = admin.pages(f"/admin/events?after={start}", limit=5)
    suite.equal(events, admin.get(f"/admin/events?after={start}&limit=100").data, "page by page as at once")
    suite.equal(len({event["id"] for event in events}), len(events), "each once")
    places = [tuple(int(part) for part in event["id"].split(".")) for event in events]
    suite.equal(places, sorted(places), "in the order of the log")
    mine = admin.get(f"/admin/events?after={start}&entity={made['id']}").data
    suite.equal([event["type"] for event in mine][-2:], ["post.updated", "post.updated"], "of one entity")
    suite.equal([event["entity_version"] for event in mine], list(range(1, len(mine) + 1)), "its versions have no gaps")
    last = mine[-1]
    suite.equal((last["id"].split(".")[0], last["actor"], last["command"], last["entity"], last["subject"]),
                (str(position(replies[2])), {"kind": "user", "id": ann.id}, "post.patch", {"kind": "post", "id": made["id"]},
                 {"kind": "post", "id": made["id"]}), "the envelope")
    created_one = admin.get(f"/admin/events?after={start}&event=post.created").data
    suite.equal([event["entity"]["id"] for event in created_one], [made["id"]], "of one name")
    published = admin.get(f"/admin/events?after={start}&event=post.published").data[0]["data"]
    suite.equal((published["from"], published["to"], published["title"]), (None, "published", "One"), "what it carries")
    kinds = {event["entity"]["kind"] for event in admin.get(f"/admin/events?after={start}&kind=membership").data}
    suite.equal(kinds, {"membership"}, "of one kind")
    joined = admin.get(f"/admin/events?after={start}&kind=membership").data[0]
    suite.equal(joined["subject"], {"kind": "community", "id": made["community_id"]}, "a membership concerns its community")
    suite.equal(admin.get(f"/admin/events?after={start}&kind=no-such").data, [], "of none")
    text = json.dumps(events)
    suite.check("@example.com" not in text and "argon2" not in text, "nothing personal, nothing secret")
    behind = position(replies[1])
    suite.equal([event["id"].split(".")[0] for event in admin.get(f"/admin/events?after={behind}&entity={made['id']}").data],
                [str(position(replies[2]))], "behind a position")
    suite.equal(admin.get("/admin/events?after=999999999").data, [], "behind all")


@suite.case
def the_log_is_of_one_marketplace_and_its_staff():
    suite.answers(server.user("Ann").get("/admin/events"), 403, "forbidden", "users do not read it")
    suite.answers(server.client().get("/admin/events"), 401, "unauthorized", "nor strangers")
    where = opened("log-apart")
    there = server.client(tenant="log-apart")
    created(there.post("/auth/register", {"email": "pat@example.com", "password": PASSWORD, "display_name": "Pat", "accept_terms": True}))
    tenants = {event["tenant_id"] for event in admin.pages("/admin/events", limit=100)}
    suite.check(where["id"] not in tenants and len(tenants) == 1, f"only its own: {tenants}")
    seen = server.operator("log-apart").pages("/admin/events?event=user.created")
    suite.equal([event["tenant_id"] for event in seen], [where["id"]], "the other one has its own")


# ---- What waits for staff --------------------------------------------------------------------------------------------

def overview(client):
    data = created(client.get("/admin/overview"), 200)
    figures = {name: data[name]["count"] for name in ("suppliers", "promotions", "posts")}
    figures.update({name: data[name] for name in ("open_reports", "unknown_payments", "failed_refunds")})
    figures.update({name: number for name, number in data["orders_today"].items() if name != "day"})
    return data, figures


@suite.case
def an_overview_counts_what_waits():
    _, start = overview(admin)

    def moved(text, **expected):
        data, now = overview(admin)
        suite.equal({name: now[name] - start[name] for name in now if now[name] != start[name]}, expected, text)
        return data

    def waiting(kind, noun):
        rows = admin.pages(f"/admin/approvals?kind={kind}", limit=1)
        data, now = overview(admin)
        suite.equal(len(rows), now[noun], f"as many as counted: {kind}")
        suite.equal(data[noun]["oldest_at"], rows[0]["requested_at"] if rows else None, f"the oldest: {kind}")
        return {row["reference_id"]: row for row in rows}

    seller = Supplier(server, admin, verified=False)
    created(seller.owner.post(f"/suppliers/{seller.id}/documents", {"kind": "license", "title": "License", "media_id": seller.owner.upload()}))
    created(seller.owner.put(f"/suppliers/{seller.id}/banking", {"password": PASSWORD, "holder": "S", "iban": "DE89370400440532013000"}), 200)
    created(seller.owner.post(f"/suppliers/{seller.id}/submit"), 200)
    moved("a supplier waits", suppliers=1)
    row = waiting("supplier", "suppliers")[seller.id]
    suite.equal((row["community_id"], row["link"], row["title"]), (None, f"/api/v1/suppliers/{seller.id}", seller.name), "its row")
    created(admin.post(f"/suppliers/{seller.id}/verify"), 200)
    suite.check(seller.id not in waiting("supplier", "suppliers"), "waits no more")
    moved("verified")

    lea, made, _ = story()
    created(lea.post(f"/posts/{made['id']}/request-global"), 200)
    moved("a post wants to be shown to all", posts=1)
    suite.check(made["id"] in waiting("post", "posts"), "it is listed")
    created(admin.post(f"/posts/{made['id']}/approve-global"), 200)
    suite.check(made["id"] not in waiting("post", "posts"), "and no more")
    report = created(server.user("Eve").post("/reports", {"target_kind": "post", "target_id": made["id"], "reason": "spam"}))
    moved("a report is open", open_reports=1)
    created(admin.post(f"/reports/{report['id']}/resolve", {"action": "none"}), 200)
    moved("resolved")

    product = seller.product()
    seller.stock(product, 10)
    offer = created(seller.owner.post("/promotions", promotion_body(seller, product)))
    created(seller.owner.post(f"/promotions/{offer['id']}/submit"), 200)
    moved("a promotion waits", promotions=1)
    suite.check(offer["id"] in waiting("promotion", "promotions"), "it is listed")
    created(admin.post(f"/promotions/{offer['id']}/approve"), 200)
    moved("approved")

    ann = server.user("Ann")
    order = buy(ann, line(product))
    moved("an order is paid", confirmed=1)
    created(ann.post(f"/orders/{order['id']}/cancel", {}), 200)
    moved("and cancelled", cancelled=1)
    _, before = overview(admin)
    server.kill()
    server.restart()
    suite.equal(overview(admin)[1], before, "the same after a crash")
    for client, status in ((ann, 403), (server.client(), 401)):
        for path in ("/admin/overview", "/admin/approvals"):
            suite.equal(client.get(path).status, status, path)


# ---- Host names ------------------------------------------------------------------------------------------------------

@suite.case
def a_host_name_leads_to_its_marketplace():
    where = opened("by-domain", domains=["shop.example.org", "www.shop.example.org"])
    for number, host in enumerate(("shop.example.org", "www.shop.example.org:8080", "SHOP.Example.ORG", "shop.example.org.")):
        reply = server.client(headers={"Host": host}).post("/auth/register", {
            "email": f"pat.{number}@example.com", "password": PASSWORD, "display_name": "Pat", "accept_terms": True})
        suite.equal(reply.status, 201, f"{host}: {reply}")
    suite.equal(len(server.operator("by-domain").get("/admin/users").data), 4, "they are there")
    suite.answers(server.client(headers={"Host": "other.example.org"}).get("/products"), 404, "not_found", "nobody's name")
    suite.answers(server.client(server.user("Ann").token, headers={"Host": "shop.example.org"}).get("/users/me"), 401, "unauthorized",
                  "a token of another marketplace")
    taken = operator(server, "POST", "/api/admin/tenants", {"slug": "by-domain-2", "name": "B", "domains": ["shop.example.org"]})
    suite.equal((taken.status, taken.code), (409, "already_exists"), "a name leads to one")
    for wrong in ("Shop.example.org", "nodot", "a b.c", ".example.org", "example.org.", "-a.example.org", "a..b", "a.b:80"):
        reply = operator(server, "POST", "/api/admin/tenants", {"slug": "by-domain-3", "name": "B", "domains": [wrong]})
        suite.equal((reply.status, reply.paths), (400, ["domains[0]"]), wrong)
    created(operator(server, "PATCH", f"/api/admin/tenants/{where['id']}", {"domains": ["new.example.org"], "version": where["version"]}), 200)
    suite.equal(server.client(headers={"Host": "new.example.org"}).get("/products").status, 200, "the new name")
    suite.answers(server.client(headers={"Host": "shop.example.org"}).get("/products"), 404, "not_found", "the old one no more")
    server.kill()
    server.restart()
    suite.equal(server.client(headers={"Host": "new.example.org"}).get("/products").status, 200, "after a crash")


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
    server.stop()
    server.command(["verify"])
    server.restart()


suite.main()
