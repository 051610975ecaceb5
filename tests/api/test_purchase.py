"""The purchase: what may be bought, who brought it, what it costs, what is reserved, and what the body may say."""

import copy
import uuid

import sales
import shop
from harness import Server, Suite
from sales import ADDRESS, body, buy, line, money, promotion, quote, stock
from shop import Supplier, created

suite = Suite("purchase")
server = Server(settings={"orders.open_max": 3, "orders.hold": 600000, "orders.payment_wait": 300})
admin = server.admin()
ann = server.user("Ann")
sue = Supplier(server, admin)


def shipping(cost, extra=0, to=("*",)):
    return {"from": "DE", "to": list(to), "cost": money(cost), "extra_cost": money(extra), "days_min": 1, "days_max": 5}


def product(supplier=None, price=2500, on_hand=100, cost=0, extra=0, to=("*",), **more):
    supplier = supplier or sue
    number = next(sales.numbers)
    made = supplier.product(variants=[{"sku": f"P-{number}", "attributes": {"size": "M"}, "price": money(price)}],
                            shipping=shipping(cost, extra, to), **more)
    if on_hand:
        supplier.stock(made, on_hand)
    return made


@suite.case
def the_example_comes_to_20038():
    sales.tenant(server, tax_rates=sales.TAX_20)
    other = Supplier(server, admin)
    watch, book = product(price=9999, cost=700, extra=100), product(other, price=500, cost=400)
    offer = promotion(sue, watch, percent_bp=3000)
    order = buy(ann, line(watch, 2, promotion_id=offer["id"]), line(book, 3), expected_total=money(20038))
    suite.equal([order[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")],
                [21498, 6000, 1200, 3340, 20038], "totals")
    first, second = order["items"]
    suite.equal([first[name]["amount"] for name in ("unit_price", "subtotal", "discount", "net", "tax", "total")],
                [6999, 19998, 6000, 13998, 2800, 16798], "first line")
    suite.equal([second[name]["amount"] for name in ("unit_price", "net", "tax", "total")], [500, 1500, 300, 1800], "second line")
    suite.equal([group["shipping"]["amount"] for group in order["groups"]], [800, 400], "parcels")
    suite.equal([group["shipping_tax"]["amount"] for group in order["groups"]], [160, 80], "tax of parcels")
    suite.equal(first["price_source"], "promotion")
    suite.equal(second["price_source"], "list")
    suite.equal(first["product_snapshot"]["original_price"]["amount"], 9999, "original price")
    suite.equal(first["attribution"], {"promotion_id": offer["id"], "community_id": None}, "attribution")
    suite.equal(order["status"], "confirmed")
    suite.equal(order["payment"]["captured"]["amount"], 20038, "captured")
    sales.tenant(server, tax_rates=[])


@suite.case
def prices_may_include_tax():
    sales.tenant(server, tax_rates=sales.TAX_20 + [{"country": "GB", "region": "Wales", "tax_class": "books", "rate_bp": 500},
                                                   {"country": "GB", "tax_class": "books", "rate_bp": 0}],
                 prices_include_tax=True)
    pen, book = product(price=1200, cost=600), product(price=1050, tax_class="books")
    order = quote(ann, line(pen), line(book, 2), address={**ADDRESS, "state": "Wales"}).data
    suite.equal([item["tax"]["amount"] for item in order["items"]], [200, 100], "taxes in the lines")
    suite.equal(order["tax"]["amount"], 200 + 100 + 100, "tax in all")
    suite.equal(order["total"]["amount"], 1200 + 2100 + 600, "nothing is added")
    suite.equal(order["prices_include_tax"], True)
    order = quote(ann, line(book, 2)).data
    suite.equal(order["items"][0]["tax_rate_bp"], 0, "the country's rate of the class")
    order = quote(ann, line(pen), address={**ADDRESS, "country": "FR"}).data
    suite.equal(order["tax"]["amount"], 0, "no rate, no tax")
    sales.tenant(server, tax_rates=sales.TAX_20, prices_include_tax=False, shipping_taxable=False)
    order = quote(ann, line(pen)).data
    suite.equal(order["tax"]["amount"], 240, "shipping is not taxed")
    sales.tenant(server, tax_rates=[], shipping_taxable=True)


@suite.case
def a_quote_keeps_nothing():
    thing = product(price=1000, cost=250, on_hand=5)
    before = len(ann.pages("/orders"))
    reply = quote(ann, line(thing, 5))
    suite.answers(reply, 201, text="quote")
    suite.equal(reply.data["total"]["amount"], 5250)
    suite.equal(stock(sue, thing), (5, 0, 0, 0), "nothing is reserved")
    suite.equal(len(ann.pages("/orders")), before, "no order")
    suite.answers(ann.get(f"/orders/{reply.data['id']}"), 404, "not_found")
    suite.answers(quote(ann, line(thing, 6)), 409, "out_of_stock")


@suite.case
def the_order_is_a_snapshot():
    thing = product(price=1000, cost=100)
    order = buy(ann, line(thing), attribution={"utm": {"source": "mail", "campaign": "spring"}, "referrer": "https://a.example"})
    suite.check(order["number"].startswith("ORD-20") and len(order["number"].split("-")[2]) >= 6, "number")
    suite.equal(order["customer"], {"user_id": ann.id, "display_name": "Ann", "email": ann.user["email"], "phone": ADDRESS["phone"]})
    suite.equal(order["shipping_address"]["city"], "London")
    suite.equal(order["source"], "web")
    suite.equal(order["attribution"]["utm"]["source"], "mail")
    suite.equal(order["attribution"]["touches"], [])
    suite.equal(order["checkout_id"], None)
    item = order["items"][0]
    suite.equal(item["returned_quantity"], 0)
    suite.equal(item["bundle_id"], None)
    suite.equal(set(item["product_snapshot"]), {"product_id", "product_name", "original_price", "image_url", "snapshot_at"})
    changed = created(sue.owner.patch(f"/products/{thing['id']}", {"name": "Renamed"}, version="*"), 200)
    suite.equal(changed["name"], "Renamed")
    again = ann.get(f"/orders/{order['id']}").data
    suite.equal(again["items"][0]["product_snapshot"], item["product_snapshot"], "the snapshot stays")
    second = buy(ann, line(thing))
    suite.equal(int(second["number"].split("-")[2]), int(order["number"].split("-")[2]) + 1, "numbers follow each other")
    suite.equal(ann.get(f"/orders/{order['number']}").data["id"], order["id"], "read by number")


@suite.case
def who_may_buy():
    thing = product()
    suite.answers(server.client().post("/orders", body(line(thing))), 401, "unauthorized")
    suite.answers(admin.post("/orders", body(line(thing))), 201, text="staff buys as anybody")


@suite.case
def the_body_is_held_to_its_limits():
    thing = product(on_hand=1000)
    good = body(line(thing))

    def refused(change, *paths, code="validation_failed"):
        sent = copy.deepcopy(good)
        change(sent)
        reply = ann.post("/orders", sent)
        suite.answers(reply, 400, code, str(paths))
        suite.equal(reply.paths, sorted(paths), "paths")

    refused(lambda b: b.pop("items"), "items")
    refused(lambda b: b.update(items=[]), "items")
    refused(lambda b: b.update(items=[line(thing)] * 51), "items")
    refused(lambda b: b.update(items={}), "items")
    refused(lambda b: b["items"][0].pop("variant_id"), "items[0].variant_id")
    refused(lambda b: b["items"][0].update(variant_id="x"), "items[0].variant_id")
    refused(lambda b: b["items"][0].update(variant_id=7), "items[0].variant_id")
    for quantity in (0, -1, 1000, "1", 1.5, None, True):
        refused(lambda b, q=quantity: b["items"][0].update(quantity=q), "items[0].quantity")
    refused(lambda b: b["items"][0].update(promotion_id="x"), "items[0].promotion_id")
    refused(lambda b: b["items"][0].update(price=1), "items[0].price")
    refused(lambda b: b.update(status="confirmed"), "status")
    refused(lambda b: b["shipping_address"].pop("line1"), "shipping_address.line1")
    refused(lambda b: b["shipping_address"].update(country="XYZ"), "shipping_address.country")
    refused(lambda b: b["shipping_address"].update(line1="x" * 121), "shipping_address.line1")
    refused(lambda b: b["shipping_address"].update(first_name="x" * 81), "shipping_address.first_name")
    refused(lambda b: b["shipping_address"].update(postal_code="x" * 21), "shipping_address.postal_code")
    refused(lambda b: b.pop("shipping_address"), "shipping_address")
    refused(lambda b: b.pop("payment"), "payment.method", "payment.token")
    refused(lambda b: b["payment"].pop("token"), "payment.token")
    refused(lambda b: b["payment"].update(token=""), "payment.token")
    refused(lambda b: b.update(attribution={"utm": {"source": "x" * 201}}), "attribution.utm.source")
    refused(lambda b: b.update(attribution={"referrer": "x" * 501}), "attribution.referrer")
    refused(lambda b: b.update(expected_total=5), "expected_total")
    refused(lambda b: b.update(expected_total=money(5, "EUR")), "expected_total.currency", code="currency_mismatch")

    def both(sent):
        sent["items"][0]["quantity"] = 0
        sent["unknown"] = 1
    refused(both, "items[0].quantity", "unknown")
    suite.answers(ann.post("/orders", raw=b"{"), 400, "malformed_json")
    for quantity in (1, 999):
        suite.answers(ann.post("/orders", body(line(thing, quantity), token="tok_declined")), 402, "payment_declined")
    suite.answers(ann.post("/orders", body(*[line(thing)] * 50)), 201, text="50 lines")


@suite.case
def what_cannot_be_bought():
    good, draft = product(), product(published=False)
    other = Supplier(server, admin)
    theirs = product(other)
    suite.answers(ann.post("/orders", body(line(theirs))), 201, text="a verified supplier sells")
    created(admin.post(f"/suppliers/{other.id}/suspend", {"reason": "checks"}), 200)
    nowhere = {"variant_id": str(uuid.uuid4()), "quantity": 1}
    reply = ann.post("/orders", body(line(good), line(draft), nowhere, line(theirs)))
    suite.answers(reply, 409, "product_unavailable")
    suite.equal(reply.paths, [f"items[{i}].variant_id" for i in (1, 2, 3)], "all lines are named")
    created(admin.post(f"/suppliers/{other.id}/reinstate", {"reason": "fine"}), 200)
    suite.answers(ann.post("/orders", body(line(theirs))), 201, text="sells again")
    created(sue.owner.post(f"/products/{good['id']}/archive"), 200)
    suite.answers(ann.post("/orders", body(line(good))), 409, "product_unavailable")
    two = sue.product(variants=[{"sku": f"R-{i}-{next(sales.numbers)}", "attributes": {"size": size}, "price": money(100)}
                                for i, size in enumerate("SM")], shipping=shipping(0))
    for variant in (0, 1):
        sue.stock(two, 5, variant=variant)
    patched = sue.owner.patch(f"/products/{two['id']}/variants/{two['variants'][0]['id']}", {"retired": True}, version="*")
    suite.answers(patched, 200, text="retire")
    suite.answers(ann.post("/orders", body(line(two))), 409, "product_unavailable")
    suite.answers(ann.post("/orders", body(line(two, variant=1))), 201, text="the live one")


@suite.case
def where_it_is_shipped():
    here, there = product(to=("GB",)), product(to=("DE", "FR"))
    reply = ann.post("/orders", body(line(here), line(there)))
    suite.answers(reply, 409, "cannot_ship")
    suite.equal(reply.paths, ["items[1].variant_id"])
    suite.answers(ann.post("/orders", body(line(there), address={**ADDRESS, "country": "fr"})), 201, text="France")


@suite.case
def digital_goods_need_no_address():
    number = next(sales.numbers)
    song = sue.product(variants=[{"sku": f"D-{number}", "attributes": {"as": "mp3"}, "price": money(99), "fulfilment": "digital",
                                  "track_stock": False}], shipping=shipping(500, to=("DE",)))
    sent = body(line(song, 999))
    del sent["shipping_address"]
    order = created(ann.post("/orders", sent))
    suite.equal(order["shipping"]["amount"], 0, "nothing to ship")
    suite.equal(order["shipping_address"]["country"], None)
    suite.equal(order["total"]["amount"], 99 * 999)
    suite.equal(order["status"], "confirmed")


@suite.case
def stock_is_reserved_all_or_nothing():
    rare, plenty = product(on_hand=3), product(on_hand=100)
    reply = ann.post("/orders", body(line(rare, 2), line(plenty, 50), line(rare, 2)))
    suite.answers(reply, 409, "out_of_stock")
    suite.equal(reply.paths, ["items[2].quantity"], "lines are served in their order")
    suite.equal(reply.json["available"], [{"path": "items[2].quantity", "variant_id": rare["variants"][0]["id"], "available": 1}])
    suite.equal(stock(sue, rare), (3, 0, 0, 0), "nothing is kept")
    suite.equal(stock(sue, plenty), (100, 0, 0, 0), "nothing is kept")
    buy(ann, line(rare, 2), line(rare, 1))
    suite.equal(stock(sue, rare), (0, 0, 3, 0), "sold, not yet shipped")
    suite.answers(ann.post("/orders", body(line(rare))), 409, "out_of_stock")


@suite.case
def a_line_is_split_over_locations():
    other = Supplier(server, admin)
    second = other.add_location("Second", 2)
    thing = product(other, on_hand=4)
    other.stock(thing, 10, location=second)
    order = buy(ann, line(thing, 6))
    suite.check("allocations" not in order["items"][0], "not for the customer")
    seen = other.owner.get(f"/orders/{order['id']}").data["items"][0]["allocations"]
    suite.equal(seen, [{"location_id": second, "quantity": 6}], "the first that fills the line alone")
    seen = other.owner.get(f"/orders/{buy(ann, line(thing, 7))['id']}").data["items"][0]["allocations"]
    suite.equal(seen, [{"location_id": other.location, "quantity": 4}, {"location_id": second, "quantity": 3}], "else by priority")


@suite.case
def the_total_that_was_expected():
    thing = product(price=1000, cost=50)
    reply = ann.post("/orders", body(line(thing), expected_total=money(1049)))
    suite.answers(reply, 409, "total_changed")
    suite.equal(reply.json["totals"]["total"], money(1050), "the new totals")
    suite.answers(ann.post("/orders", body(line(thing), expected_total=money(1050))), 201)


@suite.case
def offers_give_prices():
    for offer, unit in (({"kind": "percent", "percent_bp": 3333}, 666), ({"kind": "percent", "percent_bp": 10000}, 0),
                        ({"kind": "amount_off", "amount": money(400)}, 599), ({"kind": "amount_off", "amount": money(5000)}, 0),
                        ({"kind": "fixed_price", "amount": money(450)}, 450), ({"kind": "fixed_price", "amount": money(5000)}, 999)):
        thing = product(price=999)
        active = promotion(sue, thing, offer=offer)
        order = quote(ann, line(thing, 3, promotion_id=active["id"])).data
        suite.equal(order["items"][0]["unit_price"]["amount"], unit, str(offer))
        suite.equal(order["items"][0]["discount"]["amount"], 3 * (999 - unit), str(offer))
        suite.equal(quote(ann, line(thing)).data["items"][0]["unit_price"]["amount"], 999, "never by itself")
        created(sue.owner.post(f"/promotions/{active['id']}/cancel", {"reason": "over"}), 200)


@suite.case
def a_raised_price_does_not_eat_the_discount():
    thing = product(price=1000)
    active = promotion(sue, thing, percent_bp=1000)
    variant = thing["variants"][0]["id"]
    created(sue.owner.patch(f"/products/{thing['id']}/variants/{variant}", {"price": money(2000)}, version="*"), 200)
    item = quote(ann, line(thing, promotion_id=active["id"])).data["items"][0]
    suite.equal(item["unit_price"]["amount"], 900, "of the price that was approved")
    suite.equal(item["product_snapshot"]["original_price"]["amount"], 2000, "of today")
    created(sue.owner.patch(f"/products/{thing['id']}/variants/{variant}", {"price": money(500)}, version="*"), 200)
    item = quote(ann, line(thing, promotion_id=active["id"])).data["items"][0]
    suite.equal(item["unit_price"]["amount"], 450, "of the lower one")
    created(sue.owner.post(f"/promotions/{active['id']}/cancel", {"reason": "over"}), 200)


@suite.case
def promotions_that_do_not_apply():
    thing, other = product(price=1000), product(price=1000)
    active = promotion(sue, thing)
    for sent, path in ((line(other, promotion_id=active["id"]), "items[0].promotion_id"),
                       (line(thing, promotion_id=str(uuid.uuid4())), "items[0].promotion_id"),
                       (line(thing, community_id=str(uuid.uuid4())), "items[0].community_id")):
        reply = ann.post("/orders", body(sent))
        suite.answers(reply, 409, "promotion_not_applicable")
        suite.equal(reply.paths, [path])
    order = quote(ann, line(thing), line(other), attribution={"promotion_id": active["id"]}).data
    suite.equal([item["unit_price"]["amount"] for item in order["items"]], [700, 1000], "a default leaves what it does not cover")
    suite.equal(order["items"][1]["attribution"], {"promotion_id": None, "community_id": None})
    created(sue.owner.post(f"/promotions/{active['id']}/pause"), 200)
    suite.answers(quote(ann, line(thing, promotion_id=active["id"])), 409, "promotion_not_applicable")
    suite.answers(quote(ann, line(thing), attribution={"promotion_id": active["id"]}), 409, "promotion_not_applicable")
    created(sue.owner.post(f"/promotions/{active['id']}/resume"), 200)
    suite.answers(quote(ann, line(thing, promotion_id=active["id"])), 201)


@suite.case
def promotions_of_communities():
    lea = shop.leader(server, admin)
    open_one, closed = shop.community(lea), shop.community(lea, visibility="private")
    elsewhere = shop.community(lea)
    thing = product(price=1000)
    active = promotion(sue, thing, leader=lea, communities=[open_one, closed])

    def at(where):
        return line(thing, promotion_id=active["id"], **({"community_id": where["id"]} if where else {}))
    suite.answers(quote(ann, at(open_one)), 201, text="public: everybody")
    suite.answers(quote(ann, at(closed)), 409, "promotion_not_applicable", "private: members")
    suite.answers(quote(lea, at(closed)), 201, text="its owner is a member")
    suite.answers(quote(ann, at(None)), 409, "promotion_not_applicable", "not approved globally")
    suite.answers(quote(ann, at(elsewhere)), 409, "promotion_not_applicable", "not approved there")
    suite.answers(quote(ann, line(thing, community_id=open_one["id"])), 201, text="a community alone counts")
    suite.answers(quote(ann, line(thing, community_id=closed["id"])), 409, "promotion_not_applicable", "if it can be read")
    reply = quote(lea, at(open_one), at(closed))
    suite.answers(reply, 400, "validation_failed", "one promotion, one community")
    suite.equal(reply.paths, ["items[1].community_id"])
    order = quote(lea, at(open_one), line(thing), attribution={"promotion_id": active["id"], "community_id": open_one["id"]}).data
    suite.equal([item["unit_price"]["amount"] for item in order["items"]], [700, 700])
    created(admin.post(f"/suppliers/{sue.id}/suspend", {"reason": "checks"}), 200)
    suite.answers(quote(ann, at(open_one)), 409, "product_unavailable", "the supplier is suspended")
    created(admin.post(f"/suppliers/{sue.id}/reinstate", {"reason": "fine"}), 200)


@suite.case
def what_costs_nothing_needs_no_payment():
    thing = product(price=500, on_hand=4)
    gift = promotion(sue, thing, offer={"kind": "fixed_price", "amount": money(0)})
    sent = body(line(thing, 2, promotion_id=gift["id"]))
    del sent["payment"]
    order = created(ann.post("/orders", sent))
    suite.equal(order["status"], "confirmed")
    suite.equal(order["payment_status"], "not_required")
    suite.equal(order["total"]["amount"], 0)
    suite.equal(stock(sue, thing), (2, 0, 2, 0), "committed in the same change")
    suite.equal(sales.events_of(order), ["order.created", "order.payment_succeeded", "order.confirmed"])


@suite.case
def open_orders_are_limited():
    bob = server.user("Bob")
    thing = product(on_hand=50)
    first = bob.post("/orders", body(line(thing), token="tok_timeout"))
    suite.answers(first, 202, text="not decided yet")
    suite.equal(first.data["status"], "pending")
    for _ in range(2):
        suite.answers(bob.post("/orders", body(line(thing), token="tok_timeout")), 202)
    suite.answers(bob.post("/orders", body(line(thing))), 429, "too_many_open_orders")
    suite.answers(quote(bob, line(thing)), 429, "too_many_open_orders")
    suite.equal(stock(sue, thing), (50, 3, 0, 0))
    suite.answers(bob.post(f"/orders/{first.data['id']}/cancel"), 200)
    suite.answers(bob.post("/orders", body(line(thing))), 201, text="one less is open")


@suite.case
def goes_to_a_kept_address():
    thing = product(on_hand=5)
    kept = ann.post("/users/me/addresses", {"label": "Home", "first_name": "Ann", "last_name": "Lee", "line1": "7 Kept St",
                                            "city": "London", "postal_code": "N1 1AA", "country": "GB"}).data
    sent = body(line(thing))
    both = dict(sent, address_id=kept["id"])
    suite.answers(ann.post("/orders", both), 400, "validation_failed", "one or the other")
    del sent["shipping_address"]
    suite.answers(server.user("Eve").post("/orders", dict(sent, address_id=kept["id"])), 400, "validation_failed", "another's address")
    order = created(ann.post("/orders", dict(sent, address_id=kept["id"])))
    suite.equal(order["shipping_address"]["line1"], "7 Kept St")
    ann.patch(f"/users/me/addresses/{kept['id']}", {"line1": "8 Moved St"}, version=kept["version"])
    suite.equal(ann.get(f"/orders/{order['id']}").data["shipping_address"]["line1"], "7 Kept St", "copied, not followed")


suite.main()
