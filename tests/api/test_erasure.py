#!/usr/bin/env python3
"""Erasing a person: what was known of them is gone for everybody, the master key's holder included; the log, the books
and what others did with them stay as they were."""

import json
import os
import subprocess

from harness import PASSWORD, Server, Suite
from sales import ADDRESS, buy, eventually, line
from shop import Supplier, created

suite = Suite("erasure")
server = Server()
REASON = {"reason": "asked for it"}


class Shop:
    """A supplier with a product, and the admin."""

    def __init__(self, where):
        self.admin = where.admin()
        self.supplier = Supplier(where, self.admin)
        self.product = self.supplier.product()
        self.supplier.stock(self.product, 1000)


class Customer:
    """Somebody of whom much is known. Every word of it begins with the tag, so that finding the tag is finding the person."""

    def __init__(self, where, tag):
        self.tag, self.email = tag, f"{tag}@example.com"
        self.home = {**ADDRESS, "first_name": f"{tag}first", "last_name": f"{tag}last", "line1": f"{tag} Lane 7"}
        self.client = where.user(f"{tag}name", email=self.email)
        self.id = self.client.id
        version = self.client.get("/users/me").data["version"]
        profile = {"display_name": f"{tag}name", "bio": f"{tag}bio", "avatar": f"https://example.com/{tag}.png"}
        created(self.client.patch("/users/me", {"version": version, "profile": profile, "preferences": {"likes": f"{tag}likes"}}), 200)
        created(self.client.post("/users/me/addresses", {"label": f"{tag}label", **self.home}))

    def buys(self, shop, quantity=1):
        return buy(self.client, line(shop.product, quantity), address=self.home)


def deliver(shop, order):
    for item in order["items"]:
        path = f"/orders/{order['id']}/items/{item['id']}"
        created(shop.supplier.owner.post(f"{path}/process"), 200)
        created(shop.supplier.owner.post(f"{path}/ship", {"carrier": "C", "tracking_number": "T"}), 200)
        created(shop.supplier.owner.post(f"{path}/deliver"), 200)


def why(customer):
    """A reason with the tag in it: it is about the person, too."""
    return {"reason": f"{customer.tag}reason"}


def close(shop, client):
    created(shop.admin.delete(f"/admin/users/{client.id}", why(client)), 200)


def erase(shop, client):
    return shop.admin.post(f"/admin/users/{client.id}/erase", REASON)


def told(where):
    """What staff, supplier, log and events say: one text."""
    shop = where.shop
    said = [where.command(["log"])]
    for client, path in ((shop.admin, "/admin/users?limit=100"), (shop.admin, "/admin/orders?limit=100"),
                         (shop.supplier.owner, f"/suppliers/{shop.supplier.id}/orders?limit=100")):
        said.append(json.dumps(client.get(path).json))
    after = ""
    while after is not None:
        reply = shop.admin.get(f"/admin/events?limit=100{after}")
        said.append(json.dumps(reply.json))
        after = "&cursor=" + reply.page["next"] if reply.page["next"] else None
    return "\n".join(said)


server.shop = Shop(server)


@suite.case
def an_open_account_is_not_erased():
    zac = Customer(server, "zacopen")
    suite.answers(erase(server.shop, zac), 409, "invalid_transition")
    suite.answers(zac.client.post(f"/admin/users/{zac.id}/erase", REASON), 403)
    suite.answers(server.shop.admin.post(f"/admin/users/{zac.id}/erase", {}), 400)
    suite.equal(zac.client.get("/users/me").data["email"], zac.email)
    suite.check("zacopenname" in told(server), "it would be found")


@suite.case
def nobody_is_erased_who_waits_for_goods():
    zac = Customer(server, "zacwaits")
    order = zac.buys(server.shop)
    close(server.shop, zac)
    suite.answers(erase(server.shop, zac), 409, "in_use")
    deliver(server.shop, order)
    suite.answers(erase(server.shop, zac), 204)


@suite.case
def what_was_known_is_gone_and_the_books_are_not():
    shop = server.shop
    zac = Customer(server, "zacgone")
    order = zac.buys(shop, 2)
    deliver(shop, order)
    path = f"/orders/{order['id']}"
    before = created(shop.admin.get(path), 200)
    suite.equal((before["customer"]["display_name"], before["shipping_address"]["line1"]), ("zacgonename", "zacgone Lane 7"))
    close(shop, zac)
    start = shop.admin.get("//healthz").data["position"]
    suite.answers(erase(shop, zac), 204)
    erased = [event for event in shop.admin.get(f"/admin/events?after={start}&limit=100").data if event["type"] == "user.erased"]
    suite.equal([event["data"]["reason"] for event in erased], [REASON["reason"]], "why somebody was erased stays")
    suite.answers(erase(shop, zac), 409, text="once")
    suite.answers(shop.admin.post(f"/admin/users/{zac.id}/restore", REASON), 409, text="there is no way back")

    suite.answers(zac.client.get("/users/me"), 401)
    suite.answers(zac.client.get("/users/me/export"), 401)
    suite.answers(server.client().post("/auth/login", {"email": zac.email, "password": PASSWORD}), 401)
    suite.answers(server.client().get(f"/users/{zac.id}"), 404)
    after = created(shop.admin.get(path), 200)
    suite.equal(after["customer"]["display_name"], "deleted user")
    suite.equal((after["customer"]["email"], after["customer"]["phone"]), (None, None))
    suite.equal(after["customer"]["user_id"], zac.id, "whose order it was stays known")
    for member in ("totals", "items", "number", "status", "version", "refunds"):
        suite.equal(after.get(member), before.get(member), member)
    listed = created(shop.admin.get(f"/admin/orders?customer_id={zac.id}"), 200)
    suite.equal([each["customer"]["display_name"] for each in listed], ["deleted user"])
    for client in (shop.admin, shop.supplier.owner):
        for query in (path, f"{path}/history", f"{path}?at={before['updated_at']}", f"{path}/timeline"):
            reply = client.get(query)
            suite.answers(reply, 200)
            suite.check("zacgone" not in reply.body.decode(), query)
    suite.check("zacgone" not in told(server), "nobody is told")
    again = Customer(server, "zacgone")
    suite.check(again.id != zac.id, "the address is free again, for another person")
    suite.equal(again.client.get("/orders").data, [])


@suite.case
def the_acknowledgement_survives_a_kill():
    """Killed right behind the 204, at every start the person is as gone as before, and the rows are what the log gives."""
    shop = server.shop
    for number in range(4):
        tag = f"zackill{number}q"
        zac = Customer(server, tag)
        if number % 2:
            deliver(shop, zac.buys(shop))
        if number == 2:
            server.restart()                    # all of it is in the tables
            shop.admin = server.login("admin@example.com")
        close(shop, zac)
        suite.answers(erase(shop, zac), 204)
        server.kill()
        server.command(["verify"])
        server.restart()
        shop.admin = server.login("admin@example.com")
        suite.answers(erase(shop, zac), 409, text="it was")
        suite.check(tag not in told(server), f"nobody is told of {tag}")
        suite.answers(server.client().post("/auth/login", {"email": zac.email, "password": PASSWORD}), 401)
        suite.check(Customer(server, tag).id != zac.id, "the address is free")
    server.stop()
    server.command(["verify"])
    server.restart()
    shop.admin = server.login("admin@example.com")


@suite.case
def a_backup_of_before_is_restored_without_them():
    """With the keys of today. The account was open then, and is closed by the start."""
    other = Server()
    shop = other.shop = Shop(other)
    zac, ann = Customer(other, "zacback"), Customer(other, "annback")
    late = Customer(other, "zaclate")
    for each in (zac, ann):
        deliver(shop, each.buys(shop))
    close(shop, late)
    other.restart()                             # all of it is in the tables
    shop.admin = other.login("admin@example.com")
    copy, data = os.path.join(other.directory, "copy"), other.data
    other.command(["backup", copy])
    close(shop, zac)
    for each in (zac, late):
        suite.answers(erase(shop, each), 204)
    suite.equal(other.stop(), 0)
    os.rename(data, data + ".old")
    done = subprocess.run([other.binary, "restore", copy, data, "--slots", os.path.join(data + ".old", "slots")],
                          capture_output=True, text=True, check=False)
    suite.equal(done.returncode, 0, done.stderr)
    other.start()
    shop.admin = other.login("admin@example.com")
    for each in (zac, late):
        user = eventually(lambda one=each: shop.admin.get(f"/admin/users/{one.id}?include_deleted=true").data,
                          lambda user: user["erased_at"])
        suite.equal((user["status"], user["email"], user["erased_at"] is None), ("deleted", None, False))
        suite.answers(other.client().post("/auth/login", {"email": each.email, "password": PASSWORD}), 401)
        suite.check(each.tag not in told(other), f"nobody is told of {each.tag}")
        suite.check(Customer(other, each.tag).id != each.id, "the address is free")
    suite.equal(other.login(ann.email).id, ann.id, "the others are as they were")
    suite.equal(other.stop(), 0)
    other.command(["verify"])
    other.remove()


suite.main()
