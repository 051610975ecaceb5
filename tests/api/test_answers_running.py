"""What users of comparable systems suffer from in events, figures, large catalogues, feeds, and in running and testing it, and
what souk answers. A case a complaint; tests/api/test_answers.py has those about buying and selling."""

import json
import os
import re
import subprocess

import sales
import shop
from harness import PASSWORD, Server, Suite
from sales import body, buy, eventually, line, promotion
from shop import Supplier, created, money

suite = Suite("answers in running")
server = Server()
admin = server.admin()
ann = server.user("Ann")
sue = Supplier(server, admin)
VARIANTS = 1000


def thing(on_hand=10, price=1000, supplier=None):
    supplier = supplier or sue
    made = supplier.product(variants=[{"sku": f"R-{next(sales.numbers)}", "attributes": {"size": "M"}, "price": money(price)}])
    supplier.stock(made, on_hand)
    return made


def figures(where=None):
    """{name or name{labels}: value} of /metrics."""
    text = (where or server).client().get("//metrics", form=False).body.decode()
    return {name: float(value) for name, value in (row.rsplit(" ", 1) for row in text.splitlines() if not row.startswith("#"))}


def position(where=None):
    """Of the log's last record, once no mail is under way that would have its end recorded."""
    return int(eventually(lambda: figures(where), lambda now: not now["souk_effects"], 60)["souk_log_lsn"])


def events(after=0, query="", client=None, limit=100):
    return (client or admin).pages(f"/admin/events?after={after}{query}", limit=limit)


def place(event):
    return tuple(int(part) for part in event["id"].split("."))


def fulfilled(order, item):
    path = f"/orders/{order['id']}/items/{item['id']}"
    for command, sent in (("process", None), ("ship", {"carrier": "Post", "tracking_number": "1"}), ("deliver", None)):
        created(sue.owner.post(f"{path}/{command}", sent), 200)


# ---- Events, as who reads them is told; test_answers_webhooks.py has who is told them --------------------------------------------------

@suite.case
def row_11_an_event_is_of_what_is_committed():
    """Whatever is refused, tried or drops out leaves no event: the log's position does not even move."""
    made = thing(2)
    start = position()
    suite.answers(ann.post("/orders", body(line(made, 3))), 409, "out_of_stock")
    suite.answers(ann.post("/orders", body(line(made), expected_total=money(1))), 409, "total_changed")
    suite.answers(ann.post("/orders", {"items": []}), 400)
    tried = ann.post("/orders", body(line(made)), headers={"Prefer": "dry-run"})
    suite.check("order.created" in [event["type"] for event in tried.json["events"]], "a dry run tells what would be told")
    suite.equal((position(), events(start)), (start, []), "and nothing was")
    order = buy(ann, line(made))
    told = [event for event in events(start) if event["entity"]["id"] == order["id"]]
    suite.equal([event["type"] for event in told], ["order.created", "order.payment_succeeded", "order.confirmed"])
    suite.equal(len({event["id"].split(".")[0] for event in told}), 1, "all of one change, in one record")


@suite.case
def row_12_a_consumer_that_dies_goes_on_where_it_was():
    """It keeps the id of the last event that it worked off; both it and the server die in between."""
    other = Server()
    staff = other.admin()
    lea = shop.leader(other, staff)
    club = shop.community(lea)
    seen, last = [], "0"

    def consume(client, most):
        nonlocal last
        page = created(client.get(f"/admin/events?after={last}&limit={most}"), 200)
        if page:
            seen.extend(event["id"] for event in page)
            last = page[-1]["id"]
        return len(page)
    for round_ in range(3):
        for number in range(4):
            created(lea.post("/posts", {"community_id": club["id"], "type": "text", "title": f"{round_}.{number}", "body": "words"}))
        consume(staff, 3)                                   # it does not keep up
        other.kill()
        other.restart()
    while consume(staff, 3):
        pass
    suite.equal(seen, [event["id"] for event in staff.pages("/admin/events?after=0", limit=100)], "none is lost, none comes twice")
    suite.check(sum(1 for event in staff.pages("/admin/events?after=0&event=post.created", limit=100)) == 12, "of all that was acknowledged")
    suite.equal(other.stop(), 0)
    other.remove()


@suite.case
def row_13_one_event_has_one_id():
    order = buy(ann, line(thing()), token="tok_twice")
    told = events()
    suite.equal(len({event["id"] for event in told}), len(told), "no id twice")
    of_entities = [(event["entity"]["kind"], event["entity"]["id"], event["entity_version"]) for event in told]
    suite.equal(len(set(of_entities)), len(of_entities), "no version of anything is told twice")
    suite.equal(len([event for event in told if event["type"] == "order.confirmed" and event["entity"]["id"] == order["id"]]), 1)


@suite.case
def row_14_what_was_told_can_be_told_again():
    """A consumer that failed asks again, from anywhere, and gets the same."""
    buy(ann, line(thing()))
    whole = events()
    for at in (0, len(whole) // 3, len(whole) - 1):
        after = whole[at]["id"]
        suite.equal(events(after), whole[at + 1:], f"behind {after}")
    first, again = (json.dumps(admin.get("/admin/events?after=0&limit=100").data) for _ in range(2))
    suite.check(first == again, "byte for byte")
    suite.equal([event["type"] for event in events(0, "&event=supplier.verified")], ["supplier.verified"], "or of one name")


@suite.case
def row_15_events_of_one_thing_come_in_their_order():
    order = buy(ann, line(thing()), line(thing()))
    for item in order["items"]:
        fulfilled(order, item)
    told = [event for event in events() if event["entity"]["id"] == order["id"]]
    names = [event["type"] for event in told]
    suite.equal([name for name in names if name.count("_") == 0 or name == "order.payment_succeeded"],
                ["order.created", "order.payment_succeeded", "order.confirmed", "order.processing", "order.shipped", "order.delivered"],
                "paid never before placed")
    suite.equal([event["entity_version"] for event in told], list(range(1, len(told) + 1)), "each with its version, without gaps")
    everything = events()
    suite.equal([place(event) for event in everything], sorted(place(event) for event in everything), "the whole is in order too")


@suite.case
def row_16_what_a_consumer_makes_of_events_is_what_is_there():
    """However long it was away: orders, folded from events alone, are as the API shows them. Nothing has to be reconciled."""
    for token in ("tok_success", "tok_declined", "tok_success"):
        ann.post("/orders", body(line(thing()), token=token))
    created(ann.post(f"/orders/{ann.get('/orders?limit=1').data[0]['id']}/cancel"), 200)
    folded = {}
    for event in events(0, "&kind=order"):
        if event["entity"]["kind"] == "order":
            order = folded.setdefault(event["entity"]["id"], {"version": 0, "status": None})
            suite.equal(event["entity_version"], order["version"] + 1, "nothing is missing")
            order["version"] = event["entity_version"]
            order["status"] = (event["data"] or {}).get("to") or order["status"]
    shown = {order["id"]: {"version": order["version"], "status": order["status"]} for order in admin.pages("/admin/orders", limit=100)}
    suite.equal(folded, shown)


# ---- Who did what ----------------------------------------------------------------------------------------------------

@suite.case
def row_35_who_changed_what_from_what_to_what():
    made = thing(price=1000)
    manager = sue.member("manager")
    variant = f"/products/{made['id']}/variants/{made['variants'][0]['id']}"
    created(manager.patch(variant, {"price": money(1250)}), 200)
    created(admin.post(f"/products/{made['id']}/archive", {"reason": "a recall"}), 200)
    archived, changed = admin.get(f"/products/{made['id']}/history?limit=2").data
    suite.equal((archived["command"], archived["reason"], archived["who"]["user_id"]), ("product.archive", "a recall", admin.id))
    suite.check(["published", "archived"] in [[row["old"], row["new"]] for row in archived["changes"]], str(archived["changes"]))
    suite.equal((changed["command"], changed["who"]["user_id"]), ("product.patch_variant", manager.id))
    prices = [(row["old"], row["new"]) for row in changed["changes"] if row["field"] == "variants[0].price"]
    suite.equal(prices, [(money(1000), money(1250))], "before and after")
    then = admin.get(f"/products/{made['id']}?at={changed['position'] - 1}").data
    suite.equal((then["status"], then["variants"][0]["price"]), ("published", money(1000)), "and the whole of it as it was")


# ---- Large catalogues and bounded memory ---------------------------------------------------------------------------------

def large(supplier, name="A large one"):
    """A product of as many variants as there may be."""
    mark = next(sales.numbers)
    variants = [{"sku": f"L-{mark}-{number}", "attributes": {"size": str(number % 25), "colour": str(number // 25)}, "price": money(1000 + number)}
                for number in range(VARIANTS)]
    return supplier.product(name=name, variants=variants)


@suite.case
def row_36_a_thousand_variants():
    """One is changed, counted and sold at the cost of that one; what a read answers is known at once."""
    made = large(sue)
    suite.equal((made["status"], len(made["variants"])), ("published", VARIANTS), "made and published")
    path = f"/products/{made['id']}"
    start, before = position(), figures()
    changed = created(sue.owner.patch(f"{path}/variants/{made['variants'][700]['id']}", {"price": money(1)}), 200)
    after = figures()
    suite.equal((changed["variants"][700]["price"], changed["lowest_price"]), (money(1), money(1)))
    suite.equal(position(), start + 1, "one record")
    written = after["souk_store_log_bytes_total"] - before["souk_store_log_bytes_total"]
    suite.check(written < 4096, f"of what changed, not of the whole: {written} bytes")
    picked = range(0, VARIANTS, VARIANTS // 20)
    replies = sue.owner.pipeline(f"{path}/stock/adjust", [{"variant_id": made["variants"][number]["id"], "location_id": sue.location,
                                                           "on_hand": 5, "reason": "count"} for number in picked])
    suite.equal({reply.status for reply in replies}, {200})
    order = buy(ann, *[line(made, 2, variant=number) for number in picked])
    suite.equal((order["status"], len(order["items"])), ("confirmed", 20), "twenty of them in one order")
    read = ann.get(path).data
    suite.equal([read["variants"][number]["available"] for number in picked], [3] * 20, "and a read knows")
    suite.equal([card["id"] for card in ann.get(f"/products?supplier_id={sue.id}&sort=price_asc&limit=1").data], [made["id"]], "a list too")
    suite.answers(sue.owner.post(f"{path}/variants", {"sku": "L-more", "attributes": {"size": "x", "colour": "y"}, "price": money(1)}),
                  409, "limit_reached", "one more than there may be")


@suite.case
def row_38_memory_has_a_bound():
    """More large products than the memory for entities holds: it stays within it, says what it holds, and all can be read."""
    least = 1 << 20
    other = Server(settings={"actors.memory": least, "checkpoint.interval": 200})
    supplier = Supplier(other, other.admin())
    made = [large(supplier, f"Large {number}") for number in range(6)]
    client = other.client()
    client.validates = False                                # row 36 held such an answer against the document

    def held():
        for product in made:
            suite.equal(len(client.get(f"/products/{product['id']}").data["variants"]), VARIANTS)
        return figures(other)
    shown = eventually(held, lambda now: now["souk_actors_bytes"] <= least and now["souk_actors_passivated_total"] > 0, 60)
    suite.check(shown["souk_actors_bytes"] <= least, f"{shown['souk_actors_bytes']} bytes of entities")
    by_kind = {name: value for name, value in shown.items() if name.startswith("souk_kind_bytes{")}
    suite.equal(sum(by_kind.values()), shown["souk_actors_bytes"], "told by kind")
    most = max(by_kind, key=by_kind.get)
    suite.equal(most, 'souk_kind_bytes{kind="product"}', "so one sees what takes it")
    suite.check(1 <= shown['souk_kind_actors{kind="product"}'] < len(made), "the others were read from the tables")
    raw = other.raw()
    raw.send(b"POST /api/v1/auth/register HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1048577\r\n\r\n")
    suite.answers(raw.reply(), 413, text="nobody makes it take more than its limit, or even begins to")
    raw.close()
    suite.equal(other.stop(), 0)
    other.remove()


# ---- Communities and feeds ---------------------------------------------------------------------------------------------

def club_with(posts, leader):
    club = shop.community(leader)
    replies = []
    for at in range(0, posts, 40):
        replies += leader.pipeline("/posts", [{"community_id": club["id"], "type": "text", "title": f"Post {number}", "body": "words"}
                                              for number in range(at, min(at + 40, posts))])
    if {reply.status for reply in replies} != {201}:
        raise AssertionError(str(replies[0]))
    return club, [reply.data["id"] for reply in replies]


def feed(club, client, limit=50):
    return [card["reference_id"] for card in client.pages(f"/communities/{club['id']}/feed", limit=limit)]


@suite.case
def row_39_a_busy_community_and_who_runs_it():
    """A post is in the feed when its author is told so; a page costs no more the deeper it is; what is going on can be seen."""
    lea = shop.leader(server, admin)
    club, made = club_with(160, lea)
    suite.equal(sorted(feed(club, ann)), sorted(made), "each once, however many pages")
    newest = created(lea.post("/posts", {"community_id": club["id"], "type": "text", "title": "Now", "body": "words"}))
    suite.equal(ann.get(f"/communities/{club['id']}/feed?limit=1").data[0]["reference_id"], newest["id"], "at once")
    suite.equal(ann.get(f"/communities/{club['id']}").data["stats"]["post_count"], 161, "and counted")
    created(ann.post("/reports", {"target_kind": "post", "target_id": newest["id"], "reason": "spam"}))
    seen = admin.get("/admin/overview").data
    suite.check(seen["open_reports"] >= 1 and seen["orders_today"]["day"], "what waits for the staff")
    shown = figures()
    for name in ("souk_core_queue", "souk_core_awaiting", "souk_actors_dirty", "souk_connections", 'souk_kind_actors{kind="post"}',
                 "souk_store_commit_length_seconds_count", "souk_search_lag", "souk_http_overloaded_total"):
        suite.check(name in shown, f"{name} is told")
    asked = [name for name in shown if name.startswith("souk_http_requests_total") and "/communities/{id}/feed" in name]
    suite.check(asked and shown[asked[0]] > 0, "by route and status")


@suite.case
def row_40_a_feed_is_made_of_the_log_and_outlives_absence():
    other = Server()
    staff = other.admin()
    lea, reader = shop.leader(other, staff), other.user("Ann")
    supplier = Supplier(other, staff)
    club, _ = club_with(30, lea)
    promotion(supplier, supplier.product(), leader=lea, communities=[club])
    before = feed(club, reader)
    suite.equal(len(before), 31)
    for _ in range(2):                                      # nobody looks at it; the server comes and goes
        other.kill()
        other.restart()
    suite.equal(feed(club, reader), before, "who was away finds all of it")
    told = other.command(["rebuild", "feed_items"])
    suite.check(int(told.split()[1]) >= 31 and told.endswith(" 0 differed\n"), f"made again from the log, it is the same: {told}")
    suite.equal(other.stop(), 0)
    other.command(["verify"])
    other.remove()


# ---- Running it --------------------------------------------------------------------------------------------------------

@suite.case
def row_41_figures_for_prometheus():
    reply = server.client().get("//metrics", form=False)
    suite.check(reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), reply.headers["Content-Type"])
    types, values = {}, {}
    for row in reply.body.decode().splitlines():
        if row.startswith("# TYPE "):
            name, kind = row[7:].split(" ")
            suite.check(name not in types and kind in ("counter", "gauge", "histogram"), row)
            types[name] = kind
        elif not row.startswith("# HELP "):
            found = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? ([0-9.e+]+)', row)
            suite.require(found, f"a sample has a name, labels and a number: {row}")
            family = re.sub("_(bucket|sum|count)$", "", found[1]) if found[1] not in types else found[1]
            suite.check(family in types, f"it has a type: {row}")
            values[found[1] + (found[2] or "")] = float(found[3])
    suite.check(all(name.endswith("_total") for name, kind in types.items() if kind == "counter"), "counters are named so")
    asked = 'souk_http_requests_total{method="GET",route="/users/me",status="200"}'
    for _ in range(3):
        ann.get("/users/me")
    suite.equal(figures()[asked] - values.get(asked, 0), 3, "and they count")


@suite.case
def row_42_an_upgrade_is_a_start():
    """There is no step between two versions: every row but the log's is made of the log, which stays readable from its first
    record. tests/unit/test_golden.c replays the logs of earlier releases."""
    other = Server()
    staff, reader = other.admin(), other.user("Ann")
    supplier = Supplier(other, staff)
    order = buy(reader, line(thing(supplier=supplier)))
    suite.equal(other.stop(), 0)
    other.command(["verify"])
    other.restart()
    at, whole = position(other), staff.pages("/admin/events?after=0", limit=100)
    suite.equal(other.stop(), 0)
    other.restart()
    suite.equal(position(other), at, "a start writes nothing")
    suite.equal(staff.pages("/admin/events?after=0", limit=100), whole, "the log reads as it did")
    suite.check(whole[0]["id"].startswith("2."), "from its beginning: before it there is only the marketplace itself")
    suite.check(other.command(["rebuild", "all"]).endswith(" 0 differed\n"), "and every row follows from it")
    suite.equal(reader.get(f"/orders/{order['id']}").data["status"], "confirmed")
    suite.equal(other.stop(), 0)
    other.remove()


@suite.case
def row_43_it_starts_from_nothing():
    """One program, an empty directory and an environment without anything: it serves, and knows itself what it serves."""
    other = Server(start=False)
    port_file = os.path.join(other.directory, "port")
    preserved = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    with open(other.log_path, "ab") as log:
        other.process = subprocess.Popen([other.binary, "serve", "--mode", "development", "--listen", "127.0.0.1:0", "--data", other.data,
                                          "--port-file", port_file], cwd=other.directory, env=preserved, stdin=subprocess.DEVNULL,
                                         stdout=log, stderr=log, start_new_session=True, preexec_fn=other.prepare)
    suite.require(eventually(lambda: other.is_ready(port_file), lambda ready: ready, 60), "it is ready")
    other.generation += 1
    suite.check(other.user("Ann").get("/users/me").status == 200, "somebody registers and logs in")
    document = other.client().get("//openapi.json").json
    suite.check(len(document["paths"]) > 100, "and can read what there is")
    suite.equal(other.stop(), 0)
    other.remove()


@suite.case
def row_44_a_test_has_a_marketplace_of_its_own():
    """Instead of a database for each test and a baseline to restore: a fresh marketplace by one call on a running server. It is
    empty, apart from all others, and as cheap as a row."""
    operator = server.operator()
    position()
    before = figures()
    starts = []
    for number in range(20):
        slug = f"sandbox-{number}"
        created(operator.post("//api/admin/tenants", {"slug": slug, "name": "For one test"}))
        anybody = server.client(tenant=slug)
        starts.append([anybody.get(path).data for path in ("/products", "/communities", "/feed")])
    suite.equal(starts, [[[], [], []]] * 20, "each begins empty")
    after = figures()
    suite.equal(after["souk_commits_total"] - before["souk_commits_total"], 20, "one record each")
    suite.check(after["souk_actors_bytes"] - before["souk_actors_bytes"] < 20 * 4096, "and little memory")
    form = {"email": "same@example.com", "password": PASSWORD, "display_name": "Same", "accept_terms": True}
    for slug in ("sandbox-1", "sandbox-2"):
        where = server.client(tenant=slug)
        token = created(where.post("/auth/register", form))["verification_token"]
        created(where.post("/auth/verify", {"token": token}), 200)
    suite.answers(server.client(tenant="sandbox-1").post("/auth/register", form), 409, "email_taken", "its own rows")
    told = server.operator("sandbox-3").pages("/admin/events?after=0", limit=100)
    suite.equal(told, [], "and its own events")


@suite.case
def row_44_a_test_begins_from_rows_that_are_always_the_same():
    """`souk demo --tenant` opens a marketplace and fills it; the same seed gives the same, and nobody else notices."""
    here = f"127.0.0.1:{server.port}"
    before = [row["id"] for row in server.client().pages("/products", limit=100)]
    for slug in ("baseline-1", "baseline-2"):
        text = server.command(["demo", "--scale", "12", "--tenant", slug, "--address", here])
        suite.check(f"/api/{slug}/v1/feed" in text, text)
    one, two = ([(row["name"], row["lowest_price"]) for row in server.client(tenant=slug).pages("/products", limit=100)]
                for slug in ("baseline-1", "baseline-2"))
    suite.equal(sorted(map(str, one)), sorted(map(str, two)), "the same rows")
    suite.check(len(one) >= 10, f"{len(one)} products")
    suite.equal([row["id"] for row in server.client().pages("/products", limit=100)], before, "of that marketplace alone")
    done = subprocess.run([server.binary, "demo", "--tenant", "No Slug", "--data", server.data, "--address", here], capture_output=True,
                          text=True, timeout=60, check=False)
    suite.equal((done.returncode, "--tenant" in done.stderr), (2, True), done.stderr)


# ---- Moderation --------------------------------------------------------------------------------------------------------

@suite.case
def row_48_reports_come_to_somebody_and_to_an_end():
    """With a reason, once a person, in a queue of the community; who reported stays unknown; what was done has a reason and is kept."""
    lea, mod, one, two = shop.leader(server, admin), server.user("Mod"), server.user("One"), server.user("Two")
    club = shop.community(lea)
    for each in (mod, one, two, ann):
        shop.join(each, club)
    created(lea.patch(f"/communities/{club['id']}/members/{mod.id}", {"role": "moderator"}), 200)
    post = created(ann.post("/posts", {"community_id": club["id"], "type": "text", "title": "Buy now", "body": "words"}))
    first = created(one.post("/reports", {"target_kind": "post", "target_id": post["id"], "reason": "spam", "note": "the third time"}))
    suite.answers(one.post("/reports", {"target_kind": "post", "target_id": post["id"], "reason": "abuse"}), 409, text="once a person")
    second = created(two.post("/reports", {"target_kind": "post", "target_id": post["id"], "reason": "abuse"}))
    queue = mod.pages(f"/communities/{club['id']}/reports", limit=100)
    suite.equal({(report["id"], report["reason"]) for report in queue}, {(first["id"], "spam"), (second["id"], "abuse")})
    suite.check(not any(each.id in json.dumps(queue) for each in (one, two)), "moderators are not told who")
    suite.answers(ann.get(f"/reports/{first['id']}"), 404, "not_found", "nor is the author, or that there is one")
    created(mod.post(f"/reports/{first['id']}/resolve", {"action": "hidden", "note": "advertising"}), 200)
    shown = ann.get(f"/posts/{post['id']}").data
    suite.equal((shown["status"], shown["reason"]), ("hidden", "advertising"), "the author reads why")
    suite.equal(one.get(f"/reports/{first['id']}").data["action"], "hidden", "who reported reads what was done")
    hidden = admin.get(f"/posts/{post['id']}/history?limit=1").data[0]
    suite.equal(hidden["who"]["user_id"], mod.id, "and the history who did it")
    created(lea.post(f"/posts/{post['id']}/restore"), 200)
    suite.equal(ann.get(f"/posts/{post['id']}").data["status"], "published", "it can be taken back")


if __name__ == "__main__":
    suite.main()
