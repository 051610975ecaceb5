"""What tests of orders begin with: buyers, purchases, promotions that give a price, and the operator's hand on a tenant."""

import datetime
import itertools
import json
import time

from shop import created, money

numbers = itertools.count(1)
ADDRESS = {"first_name": "Ann", "last_name": "Lee", "line1": "High Street 1", "city": "London", "country": "GB",
           "postal_code": "N1", "phone": "+44 20 1234"}


def line(product, quantity=1, variant=0, **more):
    return {"variant_id": product["variants"][variant]["id"], "quantity": quantity, **more}


def body(*lines, token="tok_success", address=None, **more):
    """The body of a purchase."""
    return {"items": list(lines), "shipping_address": address or ADDRESS, "payment": {"method": "card", "token": token}, **more}


def buy(client, *lines, **more):
    """A purchase that is paid at once: the order."""
    time.sleep(0.002)                           # lists tell orders apart by the millisecond
    return created(client.post("/orders", body(*lines, **more)))


def quote(client, *lines, **more):
    sent = body(*lines, **more)
    del sent["payment"]
    return client.post("/orders", sent, headers={"Prefer": "dry-run"})


def ahead(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:23] + "Z"


def promotion_body(supplier, product, percent_bp=3000, offer=None, communities=(), title=None):
    visibility = "communities" if communities else "global"
    return {"supplier_id": supplier.id, "type": "single", "title": title or f"Offer {next(numbers)}", "visibility": visibility,
            "products": [{"product_id": product["id"]}], "offer": offer or {"kind": "percent", "percent_bp": percent_bp},
            "starts_at": ahead(-60), "ends_at": ahead(86400),
            **({"community_ids": [each["id"] for each in communities]} if communities else {})}


def promotion(supplier, product, leader=None, communities=(), **more):
    """An active promotion of one product: global, approved by the staff, or of communities of one leader."""
    made = created(supplier.owner.post("/promotions", promotion_body(supplier, product, communities=communities, **more)))
    created(supplier.owner.post(f"/promotions/{made['id']}/submit"), 200)
    if not communities:
        made = created(supplier.admin.post(f"/promotions/{made['id']}/approve"), 200)
    for each in communities:
        made = created(leader.post(f"/promotions/{made['id']}/approve", {"community_id": each["id"]}), 200)
    if made["status"] != "active":
        raise AssertionError(f"the promotion is {made['status']}")
    return made


def operator(server, method, path, value=None):
    """A request through the control socket."""
    payload = b"" if value is None else json.dumps(value).encode()
    raw = server.control()
    raw.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n".encode() + payload)
    reply = raw.reply()
    raw.close()
    return reply


def tenant(server, **values):
    """Changes the default marketplace."""
    version = created(operator(server, "GET", "/api/admin/tenants/default"), 200)["version"]
    return created(operator(server, "PATCH", "/api/admin/tenants/default", {**values, "version": version}), 200)


TAX_20 = [{"country": "GB", "tax_class": "standard", "rate_bp": 2000}]


def eventually(read, good, seconds=60):
    """What read answers once it is good, or at the end of the time."""
    deadline = time.monotonic() + seconds
    while True:
        value = read()
        if good(value) or time.monotonic() > deadline:
            return value
        time.sleep(0.05)


def stock(supplier, product):
    """on_hand, reserved, allocated, shipped of all of a product."""
    rows = supplier.owner.pages(f"/products/{product['id']}/stock", limit=100)
    return tuple(sum(row[name] for row in rows) for name in ("on_hand", "reserved", "allocated", "shipped"))


def item_of(order, product):
    return next(item for item in order["items"] if item["product_snapshot"]["product_id"] == product["id"])


def events_of(order):
    return [entry["event"] for entry in order["timeline"]]
