"""Demands of social commerce that no other test shows as a whole, named by their number in docs/REQUIREMENTS.md."""

import os

from harness import PASSWORD, Server, Suite
from sales import ahead, buy, eventually, line, promotion, promotion_body
from shop import Supplier, community, created, join, leader, money

suite = Suite("demands")
server = Server(settings={"orders.payment_wait": 2000})
admin = server.admin()
REASON = {"reason": "as the rules say"}

# The events of the source design (SC-59), whose names never change.
NAMED = """user.created user.verified user.profile_updated user.suspended user.deleted supplier.created supplier.submitted supplier.verified
supplier.rejected community.created community.updated community.member_joined community.deleted product.created product.published
product.inventory_updated product.deleted promotion.created promotion.activated promotion.ended post.created post.published
post.global_approved post.deleted order.created order.payment_succeeded order.confirmed order.shipped order.delivered""".split()


def written(client, where, **more):
    return created(client.post("/posts", {"community_id": where["id"], "type": "text", "title": "Hello", "body": "words", **more}))


def fulfil(supplier, order):
    path = f"/orders/{order['id']}/items/{order['items'][0]['id']}"
    for command, sent in (("process", None), ("ship", {"carrier": "Post", "tracking_number": "1"}), ("deliver", None)):
        created(supplier.owner.post(f"{path}/{command}", sent), 200)


def end_soon(supplier, offer):
    """Its end becomes so near that it is waited for, and not so near that it is past when the request comes."""
    for seconds in (1, 10, 60):
        reply = supplier.owner.patch(f"/promotions/{offer['id']}", {"ends_at": ahead(seconds)}, version="*")
        if reply.status == 200:
            return
    raise AssertionError(f"it cannot be ended: {reply}")


@suite.case
def sc_07_logins_are_noted_and_failures_counted():
    bob = server.user("Bob")
    email = bob.user["email"]

    def login(password):
        return server.client().post("/auth/login", {"email": email, "password": password})

    def security():
        return created(admin.get(f"/admin/users/{bob.id}"), 200)["security"]
    first = security()
    for count in (1, 2, 3):
        suite.answers(login("wrong password"), 401, "invalid_credentials")
        suite.equal(security()["failed_attempts"], count, "counted")
    suite.equal(security()["last_login_at"], first["last_login_at"], "a failure is no login")
    suite.answers(login(PASSWORD), 200)
    after = security()
    suite.equal((after["failed_attempts"], after["locked_until"], after["last_login_ip"]), (0, None, "127.0.0.1"), "success resets the counter")
    suite.check(after["last_login_at"] > first["last_login_at"], "and is noted")
    for _ in range(5):
        suite.answers(login("wrong password"), 401, "invalid_credentials")
    suite.check(security()["locked_until"], "the threshold locks")
    suite.answers(login(PASSWORD), 401, "invalid_credentials", "even for the right password")


@suite.case
def sc_09_a_password_is_kept_one_way():
    """Neither the directory of the data nor any answer has it, and the same password is kept in two ways."""
    ann, bob = server.user("Ann"), server.user("Bob")
    server.kill()
    secret, found = PASSWORD.encode(), []
    for directory, _, names in os.walk(server.directory):
        for name in names:
            path = os.path.join(directory, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found += [path] if secret in file.read() else []
    server.restart()
    suite.equal(found, [], "on the disk")
    for client in (ann, bob):
        suite.answers(server.client().post("/auth/login", {"email": client.user["email"], "password": PASSWORD}), 200)
        suite.answers(server.client().post("/auth/login", {"email": client.user["email"], "password": PASSWORD + "!"}), 401, "invalid_credentials")


@suite.case
def sc_11_a_token_ends_with_its_time_and_with_its_person():
    short = Server(settings={"auth.access_token_life": 2000})
    staff = short.admin()
    bob = short.user("Bob")
    expired = eventually(lambda: bob.get("/users/me"), lambda reply: reply.status == 401, 60)
    suite.answers(expired, 401, "unauthorized", "by its time")
    created(short.login(staff.user["email"]).post(f"/admin/users/{bob.id}/suspend", REASON), 200)
    suite.answers(short.client().post("/auth/refresh", {"refresh_token": bob.refresh_token}), 401, text="by its person")
    suite.equal(short.stop(), 0)
    short.remove()


@suite.case
def sc_13_the_figures_of_a_supplier():
    supplier = Supplier(server, admin)

    def metrics():
        shown = created(supplier.owner.get(f"/suppliers/{supplier.id}"), 200)["metrics"]
        return shown["products_listed"], shown["orders_fulfilled"], (shown["revenue"] or money(0))["amount"], shown["rating"]
    suite.equal(metrics(), (0, 0, 0, None))
    made = supplier.product()
    supplier.product(published=False)
    supplier.stock(made, 10)
    ann = server.user("Ann")
    order = buy(ann, line(made, 2))
    suite.equal(metrics(), (1, 0, 5000, None), "listed and sold")
    fulfil(supplier, order)
    suite.equal(metrics(), (1, 1, 5000, None), "fulfilled")
    other = buy(ann, line(made))
    created(ann.post(f"/orders/{other['id']}/cancel"), 200)
    suite.equal(eventually(metrics, lambda now: now[2] == 5000, 30), (1, 1, 5000, None), "what is paid back is no revenue")


@suite.case
def sc_16_to_19_all_that_a_product_says():
    """Whatever a supplier says of it is read by anybody, of each variant too."""
    supplier = Supplier(server, admin)
    said = {"description": "Two\nlines", "category": "shoes", "brand": "Acme", "condition": "used", "tags": ["red", "run"],
            "specifications": {"sole": "rubber"},
            "media": {"primary_url": "https://a.example/1.png", "gallery": ["https://a.example/2.png", "https://a.example/3.png"],
                      "video_url": "https://a.example/4.mp4"},
            "shipping": {"from": "DE", "to": ["DE", "AT"], "cost": money(700), "extra_cost": money(100), "days_min": 2, "days_max": 5}}
    variants = [{"sku": "X-M-RED", "attributes": {"size": "M", "colour": "Red"}, "price": money(1000), "compare_at_price": money(1200),
                 "weight_g": 300, "image_url": "https://a.example/m.png", "barcodes": ["4006381333931"]},
                {"sku": "X-L-RED", "attributes": {"size": "L", "colour": "Red"}, "price": money(1100)}]
    made = supplier.product(**said, variants=variants)
    supplier.stock(made, 4)
    second = supplier.add_location("Second", 2)
    supplier.stock(made, 3, location=second)
    read = created(server.client().get(f"/products/{made['id']}"), 200)
    suite.equal({name: read[name] for name in said}, said)
    suite.equal(read["supplier_id"], supplier.id, "one supplier's")
    for given, shown in zip(variants, read["variants"]):
        suite.equal({name: shown[name] for name in given}, given, "each variant")
    suite.equal([variant["available"] for variant in read["variants"]], [7, 0], "with what all locations have")
    rows = {row["location_id"]: (row["available"], row["reserved"]) for row in supplier.owner.get(f"/products/{made['id']}/stock").data}
    suite.equal(rows, {supplier.location: (4, 0), second: (3, 0)}, "and each location its own, for the team")


@suite.case
def sc_23_to_27_an_order_keeps_what_it_was_made_of():
    """Customer, address, products, sums, payment, attribution and every step: whatever changes around it later."""
    ann = server.user("Ann")
    supplier = Supplier(server, admin)
    made = supplier.product()
    supplier.stock(made, 5)
    offer = promotion(supplier, made)
    home = {"label": "Home", "first_name": "Ann", "last_name": "Lee", "line1": "High Street 1", "city": "London", "country": "GB", "postal_code": "N1"}
    saved = created(ann.post("/users/me/addresses", home))
    utm = {"source": "mail", "medium": "newsletter", "campaign": "spring", "term": "shirts", "content": "top"}
    order = created(ann.post("/orders", {
        "items": [line(made, 2)], "address_id": saved["id"], "payment": {"method": "card", "token": "tok_success"},
        "attribution": {"promotion_id": offer["id"], "utm": utm, "referrer": "https://a.example/post"}}))
    version = created(ann.get(f"/users/me/addresses/{saved['id']}"), 200)["version"]
    created(ann.patch(f"/users/me/addresses/{saved['id']}", {"city": "Leeds"}, version=version), 200)
    created(ann.patch("/users/me", {"profile": {"display_name": "Somebody else"}}, version="*"), 200)
    created(supplier.owner.patch(f"/products/{made['id']}", {"name": "Renamed"}, version="*"), 200)
    created(supplier.owner.post(f"/promotions/{offer['id']}/cancel", REASON), 200)
    fulfil(supplier, order)
    kept = created(ann.get(f"/orders/{order['id']}"), 200)
    for name in ("customer", "shipping_address", "attribution", "subtotal", "discount", "shipping", "tax", "total"):
        suite.equal(kept[name], order[name], name)
    suite.equal((kept["customer"]["display_name"], kept["shipping_address"]["city"]), ("Ann", "London"))
    suite.equal(kept["items"][0]["product_snapshot"], order["items"][0]["product_snapshot"], "the product as it was")
    suite.equal((kept["items"][0]["attribution"]["promotion_id"], kept["attribution"]["utm"], kept["attribution"]["referrer"]),
                (offer["id"], utm, "https://a.example/post"), "who brought it")
    whole = {name: kept[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")}
    suite.equal(whole["total"], whole["subtotal"] - whole["discount"] + whole["shipping"] + whole["tax"], str(whole))
    payment = kept["payment"]
    suite.equal((payment["method"], payment["attempt"], payment["captured"]), ("card", "succeeded", kept["total"]))
    suite.check(payment["reference"] and payment["provider"] == "sandbox", "a reference of the provider")
    steps = created(ann.get(f"/orders/{order['id']}/timeline"), 200)
    moves = [(step["from"], step["to"]) for step in steps if step["to"] and not step["item_id"]]
    suite.equal(moves, [(None, "pending"), ("pending", "confirmed"), ("confirmed", "processing"), ("processing", "shipped"),
                        ("shipped", "delivered")], "every change of its status")
    suite.equal([step["at"] for step in steps], sorted(step["at"] for step in steps), "with its time")


@suite.case
def sc_38_the_first_activation_is_never_forgotten():
    """Through pauses, a kill and its end."""
    supplier = Supplier(server, admin)
    offer = promotion(supplier, supplier.product())
    path = f"/promotions/{offer['id']}"
    first = created(admin.get(path), 200)["first_activated_at"]
    suite.check(first, "set")
    for _ in range(2):
        for command in ("pause", "resume"):
            suite.equal(created(supplier.owner.post(f"{path}/{command}"), 200)["first_activated_at"], first, command)
    server.kill()
    server.restart()
    end_soon(supplier, offer)
    ended = eventually(lambda: created(supplier.owner.get(path), 200), lambda now: now["status"] == "ended", 90)
    suite.equal((ended["status"], ended["first_activated_at"]), ("ended", first))
    for command in ("resume", "submit"):
        suite.answers(supplier.owner.post(f"{path}/{command}"), 409, "invalid_transition", "an end is final")


@suite.case
def sc_40_a_promotion_holds_what_was_approved_and_by_whom():
    lea, supplier = leader(server, admin), Supplier(server, admin)
    club, made = community(lea), supplier.product()
    sent = {**promotion_body(supplier, made), "visibility": "both", "community_ids": [club["id"]]}
    offer = created(supplier.owner.post("/promotions", sent))
    path = f"/promotions/{offer['id']}"
    created(supplier.owner.post(path + "/submit"), 200)
    created(admin.post(path + "/approve", {}), 200)
    created(lea.post(path + "/approve", {"community_id": club["id"]}), 200)
    before = created(supplier.owner.get(path), 200)
    found = {(row["target"], row["community_id"]): (row["decision"], row["by"]) for row in before["approvals"]}
    suite.equal(found, {("global", None): ("approved", admin.id), ("community", club["id"]): ("approved", lea.id)}, "who said yes")
    created(supplier.owner.patch(f"/products/{made['id']}", {"name": "Renamed"}, version="*"), 200)
    variant = f"/products/{made['id']}/variants/{made['variants'][0]['id']}"
    created(supplier.owner.patch(variant, {"price": money(9999)}), 200)
    after = created(supplier.owner.get(path), 200)
    suite.equal((after["product_snapshots"], after["status"]), (before["product_snapshots"], "active"), "what was approved does not change")
    suite.equal((after["product_snapshots"][0]["product_name"], after["product_snapshots"][0]["original_price"]), (made["name"], money(2500)))


@suite.case
def sc_48_a_post_goes_global_by_the_staffs_yes():
    lea, ann = leader(server, admin), server.user("Ann")
    club = community(lea)
    join(ann, club)
    wanted, refused = written(ann, club), written(ann, club)

    def cards(path):
        return [card["reference_id"] for card in server.client().pages(path, limit=100)]
    for post in (wanted, refused):
        created(ann.post(f"/posts/{post['id']}/request-global"), 200)
        suite.check(post["id"] not in cards("/feed"), "asking is not enough")
    waiting = [row["reference_id"] for row in admin.pages("/admin/approvals?kind=post", limit=100)]
    suite.check({wanted["id"], refused["id"]} <= set(waiting), "it waits for the staff")
    created(admin.post(f"/posts/{wanted['id']}/approve-global"), 200)
    created(admin.post(f"/posts/{refused['id']}/reject-global", REASON), 200)
    shown = cards("/feed")
    suite.equal((wanted["id"] in shown, refused["id"] in shown), (True, False))
    suite.equal(set(cards(f"/communities/{club['id']}/feed")), {wanted["id"], refused["id"]}, "both stay in their community")


@suite.case
def sc_42_somebody_belongs_to_many_communities():
    lea, ann = leader(server, admin), server.user("Ann")
    clubs = [community(lea) for _ in range(5)]
    for club in clubs:
        join(ann, club)
    mine = ann.pages("/users/me/communities", limit=2)
    suite.equal({row["community_id"] for row in mine}, {club["id"] for club in clubs})
    suite.equal(ann.get("/users/me").data["stats"]["community_count"], 5)
    created(ann.post(f"/communities/{clubs[0]['id']}/leave"), 200)
    suite.equal(ann.get("/users/me").data["stats"]["community_count"], 4)


@suite.case
def sc_59_each_named_event_is_told():
    """All that the source design names, each by what causes it, of the entity that it is named after."""
    start = server.operator().get("//healthz").data["position"]
    lea, ann, gone = leader(server, admin), server.user("Ann"), server.user("Gone")
    created(ann.patch("/users/me", {"profile": {"bio": "Hello"}}, version="*"), 200)
    created(admin.post(f"/admin/users/{gone.id}/suspend", REASON), 200)
    created(admin.delete(f"/admin/users/{gone.id}", REASON), 200)
    supplier = Supplier(server, admin, verified=False)
    created(supplier.owner.post(f"/suppliers/{supplier.id}/documents", {
        "kind": "license", "title": "License", "media_id": supplier.owner.upload()}))
    created(supplier.owner.put(f"/suppliers/{supplier.id}/banking", {"password": PASSWORD, "holder": "S", "iban": "DE89370400440532013000"}), 200)
    created(supplier.owner.post(f"/suppliers/{supplier.id}/submit"), 200)
    created(admin.post(f"/suppliers/{supplier.id}/reject", REASON), 200)
    supplier.verify()
    club = community(lea)
    created(lea.patch(f"/communities/{club['id']}", {"purpose": "More"}, version="*"), 200)
    join(ann, club)
    post = written(ann, club)
    created(ann.post(f"/posts/{post['id']}/request-global"), 200)
    created(admin.post(f"/posts/{post['id']}/approve-global"), 200)
    created(ann.delete(f"/posts/{post['id']}"), 200)
    made, unwanted = supplier.product(), supplier.product()
    supplier.stock(made, 5)
    created(supplier.owner.delete(f"/products/{unwanted['id']}"), 200)
    offer = promotion(supplier, made)
    sold = buy(ann, line(made, promotion_id=offer["id"]))
    fulfil(supplier, sold)
    end_soon(supplier, offer)
    created(lea.delete(f"/communities/{club['id']}"), 200)

    def told():
        return admin.pages(f"/admin/events?after={start}", limit=100)
    seen = eventually(told, lambda events: any(event["type"] == "promotion.ended" for event in events), 60)
    names = {event["type"] for event in seen}
    suite.equal([name for name in NAMED if name not in names], [], "none is missing")
    for event in seen:
        suite.equal(event["subject"]["kind"], event["type"].split(".")[0], "the topic is that of the subject")
    suite.check(all({"id", "type", "tenant_id", "time", "actor", "entity", "entity_version", "subject", "data"} <= set(event) for event in seen))


@suite.case
def sc_65_each_of_the_seven_is_locked_by_its_version():
    """Who edits what somebody else has changed meanwhile is told so, reads it again, and succeeds."""
    lea, ann = leader(server, admin), server.user("Ann")
    club = community(lea)
    join(ann, club)
    supplier = Supplier(server, admin)
    made = supplier.product()
    supplier.stock(made, 5)
    draft = created(supplier.owner.post("/promotions", promotion_body(supplier, made)))
    post = written(ann, club)
    edits = [(ann, "/users/me", {"profile": {"bio": "{}"}}), (supplier.owner, f"/suppliers/{supplier.id}", {"description": "{}"}),
             (supplier.owner, f"/products/{made['id']}", {"description": "{}"}), (supplier.owner, f"/promotions/{draft['id']}", {"description": "{}"}),
             (ann, f"/posts/{post['id']}", {"body": "{}"}), (lea, f"/communities/{club['id']}", {"purpose": "{}"})]

    def text(sent, word):
        return {name: text(value, word) if isinstance(value, dict) else value.format(word) for name, value in sent.items()}
    for client, path, sent in edits:
        version = created(client.get(path), 200)["version"]
        suite.answers(client.patch(path, text(sent, "mine")), 428, "version_required", path)
        first = created(client.patch(path, text(sent, "first"), version=version), 200)
        suite.equal(first["version"], version + 1, path)
        suite.answers(client.patch(path, text(sent, "second"), version=version), 412, "stale_version", path)
        again = created(client.get(path), 200)["version"]
        suite.equal(created(client.patch(path, text(sent, "second"), version=again), 200)["version"], version + 2, path)
    order = buy(ann, line(made))
    item = f"/orders/{order['id']}/items/{order['items'][0]['id']}/process"
    suite.answers(supplier.owner.post(item, version=order["version"] - 1), 412, "stale_version", "an order")
    suite.answers(supplier.owner.post(item, version=order["version"]), 200)


@suite.case
def sc_66_what_is_deleted_leaves_no_hole():
    """Lists leave it out, references stay, and it can be brought back."""
    lea, ann, bob = leader(server, admin), server.user("Ann"), server.user("Bob")
    club = community(lea)
    for each in (ann, bob):
        join(each, club)
    post = written(ann, club)
    said = created(bob.post(f"/posts/{post['id']}/comments", {"body": "Nice"}))
    supplier = Supplier(server, admin)
    made = supplier.product()
    supplier.stock(made, 5)
    order = buy(ann, line(made))
    created(supplier.owner.delete(f"/products/{made['id']}"), 200)
    suite.answers(ann.get(f"/products/{made['id']}"), 404, "not_found")
    suite.check(made["id"] not in [row["id"] for row in ann.pages(f"/products?supplier_id={supplier.id}")], "lists leave it out")
    item = ann.get(f"/orders/{order['id']}").data["items"][0]["product_snapshot"]
    suite.equal((item["product_id"], item["product_name"]), (made["id"], made["name"]), "an order keeps what it was")
    suite.equal(created(supplier.owner.post(f"/products/{made['id']}/restore"), 200)["status"], "published", "as it was before")
    created(admin.delete(f"/admin/users/{bob.id}", REASON), 200)
    nobody = {"user_id": None, "display_name": "deleted user", "avatar": None}
    comments = ann.get(f"/posts/{post['id']}/comments").data
    suite.equal([(row["id"], row["author"]) for row in comments], [(said["id"], nobody)], "what somebody said stays")
    created(admin.post(f"/admin/users/{bob.id}/restore", REASON), 200)
    suite.equal(ann.get(f"/posts/{post['id']}/comments").data[0]["author"]["display_name"], "Bob", "and is theirs again")


if __name__ == "__main__":
    suite.main()
