"""Orders: what becomes of a payment, fulfilment item by item, cancellation and refunds, who sees and may do what, lists."""

import time
import uuid

import sales
import shop
from harness import Server, Suite
from sales import body, buy, eventually, events_of, item_of, line, money, stock
from shop import Supplier, created

suite = Suite("order")
server = Server(settings={"orders.payment_wait": 2000, "orders.open_max": 1000})
admin = server.admin()
ann, eve = server.user("Ann"), server.user("Eve")
sue, tom = Supplier(server, admin), Supplier(server, admin)
staff, manager = sue.member("staff"), sue.member("manager")

COMMANDS = ("process", "ship", "deliver", "cancel", "track")
SHIPMENT = {"carrier": "DHL", "tracking_number": "JD01"}
STATES = ("confirmed", "processing", "shipped", "delivered", "cancelled")
STEPS = {"confirmed": (), "processing": ("process",), "shipped": ("process", "ship"), "delivered": ("process", "ship", "deliver"),
         "cancelled": ("cancel",)}


def product(supplier=sue, price=1000, on_hand=1000, cost=100):
    number = next(sales.numbers)
    made = supplier.product(variants=[{"sku": f"O-{number}", "attributes": {"size": "M"}, "price": money(price)}],
                            shipping={"from": "DE", "to": ["*"], "cost": money(cost), "extra_cost": money(0), "days_min": 1,
                                      "days_max": 2})
    supplier.stock(made, on_hand)
    return made


shirt, hat, book = product(), product(), product(tom)


def act(client, order, item, command, sent=None, **options):
    path = f"/orders/{order['id']}/items/{item['id']}"
    if command == "track":
        return client.patch(path, {"tracking_number": "JD02"} if sent is None else sent, **options)
    return client.post(f"{path}/{command}", SHIPMENT if command == "ship" and sent is None else sent, **options)


def bring(order, item, state):
    """Brings a confirmed item to a state; returns the order."""
    for step in STEPS[state]:
        order = created(act(admin, order, item, step), 200)
    return order


def read(order, client=ann):
    return created(client.get(f"/orders/{order['id']}"), 200)


def settled(order, client=ann):
    """The order once no refund of it is open."""
    return eventually(lambda: read(order, client), lambda o: all(r["status"] != "requested" for r in o["payment"]["refunds"]))


# ---- payment ---------------------------------------------------------------------------------------------------------

@suite.case
def a_payment_succeeds():
    thing = product(on_hand=10)
    reply = ann.post("/orders", body(line(thing, 4)))
    suite.answers(reply, 201)
    order = reply.data
    suite.equal(reply.headers["Location"], f"/api/v1/orders/{order['id']}")
    suite.equal((order["status"], order["payment_status"], order["fulfilment_status"]), ("confirmed", "paid", "unfulfilled"))
    suite.equal(events_of(order), ["order.created", "order.payment_succeeded", "order.confirmed"])
    suite.equal(order["payment"]["attempt"], "succeeded")
    suite.equal(order["payment"]["captured"], order["total"])
    suite.equal(order["version"], 3, "one event, one version")
    suite.equal(stock(sue, thing), (6, 0, 4, 0))


@suite.case
def a_payment_is_declined():
    thing = product(on_hand=10)
    reply = ann.post("/orders", body(line(thing, 4), token="tok_declined"))
    suite.answers(reply, 402, "payment_declined")
    suite.equal(reply.json["decline_code"], "card_declined")
    order = created(ann.get(f"/orders/{reply.json['order_id']}"), 200)
    suite.equal((order["status"], order["payment_status"], order["cancel_reason"]), ("cancelled", "failed", "payment_declined"))
    suite.equal([item["status"] for item in order["items"]], ["cancelled"])
    suite.equal(events_of(order), ["order.created", "order.payment_failed", "order.cancelled"])
    suite.equal(stock(sue, thing), (10, 0, 0, 0), "stock is released")


@suite.case
def an_answer_that_comes_twice_counts_once():
    order = buy(ann, line(shirt), token="tok_twice")
    time.sleep(0.3)
    again = read(order)
    suite.equal(again["version"], order["version"], "the second is dropped")
    suite.equal(events_of(again).count("order.payment_succeeded"), 1)


@suite.case
def a_key_answers_again():
    key, sent = str(uuid.uuid4()), body(line(shirt))
    first = ann.post("/orders", sent, key=key)
    again = ann.post("/orders", sent, key=key)
    suite.answers(first, 201)
    suite.answers(again, 201)
    suite.equal(again.data["id"], first.data["id"], "the same order")
    suite.equal(again.headers.get("Idempotency-Replayed"), "true")
    suite.answers(ann.post("/orders", body(line(hat)), key=key), 422, "idempotency_key_reused")
    key, sent = str(uuid.uuid4()), body(line(shirt), token="tok_declined")
    first, again = ann.post("/orders", sent, key=key), ann.post("/orders", sent, key=key)
    suite.answers(again, 402, "payment_declined")
    suite.equal(again.json["order_id"], first.json["order_id"], "declined once")
    key = str(uuid.uuid4())
    eve.post("/orders", body(line(shirt)), key=key)
    suite.answers(ann.post("/orders", body(line(hat)), key=key), 201, text="a key is one's own")


quick = Server(settings={"orders.payment_wait": 150, "orders.hold": 4000, "payment.attempt_time": 1200, "sandbox.late_time": 5000})
quick_admin = quick.admin()
bob = quick.user("Bob")
quick_sue = Supplier(quick, quick_admin)


def quick_product(on_hand=10):
    made = quick_sue.product()
    quick_sue.stock(made, on_hand)
    return made


def cancelled(order):
    return eventually(lambda: read(order, bob), lambda o: o["status"] == "cancelled")


@suite.case
def an_answer_that_never_comes():
    thing = quick_product()
    key = str(uuid.uuid4())
    reply = bob.post("/orders", body(line(thing, 3), token="tok_timeout"), key=key)
    suite.answers(reply, 202)
    suite.equal(reply.data["status"], "pending")
    suite.equal(reply.data["payment"]["attempt"], "requested")
    suite.equal(stock(quick_sue, thing), (10, 3, 0, 0))
    again = bob.post("/orders", body(line(thing, 3), token="tok_timeout"), key=key)
    suite.answers(again, 409, "idempotency_in_flight", "undecided")
    suite.check(again.headers.get("Retry-After"), "Retry-After")
    unknown = eventually(lambda: read(reply.data, bob), lambda o: o["payment"]["attempt"] != "requested")
    suite.equal((unknown["status"], unknown["payment"]["attempt"]), ("pending", "unknown"), "after the attempt's time")
    order = cancelled(reply.data)
    suite.equal((order["status"], order["cancel_reason"]), ("cancelled", "payment_timeout"))
    suite.equal(stock(quick_sue, thing), (10, 0, 0, 0))
    order = eventually(lambda: read(order, bob), lambda o: o["payment"]["attempt"] == "voided")
    suite.equal((order["payment"]["attempt"], order["payment_status"]), ("voided", "failed"))
    events = events_of(order)
    suite.check(events.index("order.expired") < events.index("order.cancelled"), f"{events}")
    suite.answers(bob.post("/orders", body(line(thing, 3), token="tok_timeout"), key=key), 402, "payment_declined", "decided")


@suite.case
def money_that_comes_late_goes_back():
    thing = quick_product()
    before = bob.get("/users/me").data["stats"]
    reply = bob.post("/orders", body(line(thing, 2), token="tok_late"))
    suite.answers(reply, 202)
    order = cancelled(reply.data)
    suite.equal(order["cancel_reason"], "payment_timeout")
    order = eventually(lambda: read(order, bob), lambda o: o["payment_status"] == "refunded")
    suite.equal((order["status"], order["payment_status"]), ("cancelled", "refunded"), "never confirmed")
    suite.equal(order["payment"]["captured"], order["total"])
    suite.equal(order["payment"]["refunded"], order["total"])
    refunds = order["payment"]["refunds"]
    suite.equal([(r["late"], r["status"], r["amount"]) for r in refunds], [(True, "succeeded", order["total"])])
    suite.check("order.confirmed" not in events_of(order) and "order.payment_late" in events_of(order), f"{events_of(order)}")
    suite.equal(stock(quick_sue, thing), (10, 0, 0, 0), "never reserved again")
    time.sleep(1.5)
    suite.equal(read(order, bob)["version"], order["version"], "the same answer again is dropped")
    after = bob.get("/users/me").data["stats"]
    suite.equal(after["total_orders"], before["total_orders"])
    suite.equal((after["total_spent"] or money(0))["amount"], (before["total_spent"] or money(0))["amount"], "spent and paid back")


@suite.case
def a_pending_order_is_cancelled_by_its_customer():
    thing = quick_product()
    reply = bob.post("/orders", body(line(thing, 2), token="tok_timeout"))
    suite.answers(reply, 202)
    item = reply.data["items"][0]
    for command in COMMANDS:
        suite.answers(act(quick_admin, reply.data, item, command), 409, "invalid_transition", command)
    order = created(bob.post(f"/orders/{reply.data['id']}/cancel", {"reason": "changed my mind"}), 200)
    suite.equal((order["status"], order["cancel_reason"]), ("cancelled", "customer"))
    suite.check("order.expired" not in events_of(order))
    suite.equal(stock(quick_sue, thing), (10, 0, 0, 0))
    suite.answers(bob.post(f"/orders/{order['id']}/cancel"), 409, "invalid_transition")
    order = eventually(lambda: read(order, bob), lambda o: o["payment"]["attempt"] == "voided")
    suite.equal(order["payment"]["attempt"], "voided")


# ---- fulfilment ------------------------------------------------------------------------------------------------------

@suite.case
def each_command_in_each_state():
    allowed = {"process": {"confirmed"}, "ship": {"processing"}, "deliver": {"shipped"}, "cancel": {"confirmed", "processing"},
               "track": {"shipped"}}
    for state in STATES:
        for command in COMMANDS:
            for together in (False, True):          # alone, and beside an item that stays confirmed
                order = buy(ann, line(shirt), *([line(hat)] if together else []))
                item = item_of(order, shirt)
                bring(order, item, state)
                reply = act(admin, order, item, command)
                if state in allowed[command]:
                    suite.answers(reply, 200, text=f"{command} of {state}")
                else:
                    suite.answers(reply, 409, "invalid_transition", f"{command} of {state}")


@suite.case
def each_command_by_each_role():
    stranger, other_staff = server.user("Sam"), tom.member("staff")
    apart = Supplier(server, admin)
    anybody = server.client()
    roles = {"anonymous": anybody, "stranger": stranger, "customer": ann, "staff": staff, "manager": manager, "owner": sue.owner,
             "admin": admin, "staff of another item": other_staff, "team of no item": apart.owner}
    from_state = {"process": "confirmed", "ship": "processing", "deliver": "shipped", "track": "shipped", "cancel": "confirmed"}
    for command, state in from_state.items():
        for role, client in roles.items():
            order = buy(ann, line(shirt), line(book))
            item = item_of(order, shirt)
            bring(order, item, state)
            reply = act(client, order, item, command)
            where = f"{command} by {role}"
            if role == "anonymous":
                suite.answers(reply, 401, "unauthorized", where)
            elif role in ("stranger", "team of no item", "staff of another item"):
                suite.answers(reply, 404, "not_found", where)
            elif role == "customer" and command != "cancel" or role == "staff" and command == "cancel":
                suite.answers(reply, 403, "forbidden", where)
            else:
                suite.answers(reply, 200, text=where)
    for role, client, status in (("customer", ann, 409), ("manager", manager, 200), ("staff", staff, 403)):
        order = buy(ann, line(shirt))
        bring(order, order["items"][0], "processing")
        suite.answers(act(client, order, order["items"][0], "cancel"), status, text=f"cancel in work by {role}")


@suite.case
def an_order_follows_its_items():
    order = buy(ann, line(shirt), line(hat), line(book))
    one, two, three = (item_of(order, each) for each in (shirt, hat, book))
    order = bring(order, one, "shipped")
    suite.equal((order["status"], order["fulfilment_status"]), ("confirmed", "partial"), "the least advanced")
    order = bring(order, two, "processing")
    order = created(act(admin, order, three, "cancel"), 200)
    suite.equal(order["status"], "processing", "lifted by a cancelled item")
    order = created(act(admin, order, two, "cancel"), 200)
    suite.equal((order["status"], order["fulfilment_status"]), ("shipped", "fulfilled"), "lifted again")
    order = created(act(staff, order, one, "deliver"), 200)
    order = read(order)
    suite.equal((order["status"], order["payment_status"]), ("delivered", order["payment_status"]))
    milestones = [each for each in events_of(order) if each in ("order.processing", "order.shipped", "order.delivered")]
    suite.equal(milestones, ["order.processing", "order.shipped", "order.delivered"], "each once, in order")
    suite.equal(item_of(order, shirt)["shipment"], {**SHIPMENT, "tracking_url": None})
    rises = [entry for entry in order["timeline"] if entry["event"] == "order.shipped"]
    suite.equal((rises[0]["from"], rises[0]["to"]), ("processing", "shipped"))


@suite.case
def all_of_an_order_is_fulfilled():
    thing = product(on_hand=10)
    order = buy(ann, line(thing, 3))
    for step, status, expected in (("process", "processing", (7, 0, 3, 0)), ("ship", "shipped", (7, 0, 0, 3)),
                                   ("deliver", "delivered", (7, 0, 0, 3))):
        created(act(staff, order, order["items"][0], step), 200)
        suite.equal(read(order)["status"], status)
        suite.equal(stock(sue, thing), expected, step)
    order = read(order)
    suite.equal(order["version"], 9, "each item and each milestone an event")
    times = [order["items"][0][name] for name in ("processed_at", "shipped_at", "delivered_at")]
    suite.check(all(times) and times == sorted(times), f"{times}")


@suite.case
def fulfilment_goes_on_while_the_supplier_is_suspended():
    other = Supplier(server, admin)
    thing = product(other)
    order = buy(ann, line(thing))
    created(admin.post(f"/suppliers/{other.id}/suspend", {"reason": "checks"}), 200)
    for step in ("process", "ship", "deliver"):
        suite.answers(act(other.owner, order, order["items"][0], step), 200, text=step)


@suite.case
def what_is_said_of_a_shipment():
    order = buy(ann, line(shirt))
    item = order["items"][0]
    bring(order, item, "processing")
    for sent, paths in (({}, ["carrier", "tracking_number"]), ({"carrier": "DHL"}, ["tracking_number"]),
                        ({**SHIPMENT, "carrier": ""}, ["carrier"]), ({**SHIPMENT, "carrier": "x" * 81}, ["carrier"]),
                        ({**SHIPMENT, "tracking_number": "x" * 121}, ["tracking_number"]),
                        ({**SHIPMENT, "tracking_url": "http://a.example"}, ["tracking_url"]),
                        ({**SHIPMENT, "carrier": 7}, ["carrier"]), ({**SHIPMENT, "weight": 7}, ["weight"])):
        reply = act(staff, order, item, "ship", sent)
        suite.answers(reply, 400, "validation_failed", str(sent)[:60])
        suite.equal(reply.paths, paths)
    longest = {"carrier": "x" * 80, "tracking_number": "y" * 120, "tracking_url": "https://a.example/t"}
    suite.answers(act(staff, order, item, "ship", longest), 200)
    suite.equal(read(order)["items"][0]["shipment"], longest)
    suite.answers(act(staff, order, item, "track", {"carrier": ""}), 400, "validation_failed")
    suite.answers(act(staff, order, item, "track", {"carrier": "UPS", "tracking_url": "https://b.example"}), 200)
    suite.equal(read(order)["items"][0]["shipment"], {"carrier": "UPS", "tracking_number": "y" * 120, "tracking_url": "https://b.example"})
    suite.answers(act(staff, order, item, "track", {"tracking_url": None}), 200, text="null takes it away")
    suite.equal(read(order)["items"][0]["shipment"], {"carrier": "UPS", "tracking_number": "y" * 120, "tracking_url": None})
    for name in ("carrier", "tracking_number"):
        reply = act(staff, order, item, "track", {name: None})
        suite.answers(reply, 400, "validation_failed", f"{name} may not be taken away")
        suite.equal(reply.codes, {name: "required"})
    version = read(order)["version"]
    suite.answers(act(staff, order, item, "track", {"carrier": "UPS"}), 200)
    suite.equal(read(order)["version"], version, "nothing changed, no event")
    suite.answers(act(staff, order, item, "track", {}, version=1), 412, "stale_version")


# ---- cancellation and refunds ----------------------------------------------------------------------------------------

@suite.case
def a_whole_order_is_cancelled():
    first, second = product(price=1000, cost=300, on_hand=9), product(tom, price=500, cost=200, on_hand=9)
    sales.tenant(server, tax_rates=sales.TAX_20)
    order = buy(ann, line(first, 2), line(second))
    sales.tenant(server, tax_rates=[])
    order = created(ann.post(f"/orders/{order['id']}/cancel", {"reason": "too slow"}), 200)
    suite.equal((order["status"], order["cancel_reason"]), ("cancelled", "customer"))
    suite.equal(stock(sue, first), (9, 0, 0, 0), "stock is back")
    order = settled(order)
    refund = order["payment"]["refunds"][0]
    suite.equal(len(order["payment"]["refunds"]), 1, "one refund of all")
    suite.equal((refund["goods"]["amount"], refund["shipping"]["amount"], refund["tax"]["amount"]), (2500, 500, 600))
    suite.equal(refund["amount"], order["total"], "all of it")
    suite.equal((refund["status"], refund["late"]), ("succeeded", False))
    suite.equal(sorted(each["goods"]["amount"] for each in refund["items"]), [500, 2000])
    suite.equal(sorted(each["shipping"]["amount"] for each in refund["groups"]), [200, 300])
    suite.equal(order["payment_status"], "refunded")
    events = [each for each in events_of(order) if each not in ("order.created", "order.payment_succeeded", "order.confirmed")]
    suite.equal(events, ["order.item_cancelled", "order.item_cancelled", "order.refund_requested", "order.cancelled",
                         "order.refund_succeeded"])


@suite.case
def items_are_cancelled_one_by_one():
    first, second, third = product(price=1000, cost=300), product(price=700, cost=100), product(tom, price=500, cost=200)
    order = buy(ann, line(first), line(second, 2), line(third))
    one, two, three = (item_of(order, each) for each in (first, second, third))
    order = created(act(ann, order, one, "cancel", {"reason": "wrong size"}), 200)
    suite.equal(item_of(order, first)["cancel_reason"], "customer")
    order = settled(order)
    suite.equal(order["payment"]["refunded"]["amount"], 1000, "goods alone: the parcel goes on")
    suite.equal((order["status"], order["payment_status"]), ("confirmed", "partially_refunded"))
    created(act(manager, order, two, "cancel"), 200)
    order = settled(order)
    suite.equal(item_of(order, second)["cancel_reason"], "supplier")
    suite.equal(order["payment"]["refunded"]["amount"], 1000 + 1400 + 300, "and the parcel of the supplier")
    bring(order, three, "processing")
    created(act(admin, order, three, "cancel"), 200)
    order = settled(order)
    suite.equal(order["payment"]["refunded"], order["total"])
    suite.equal((order["status"], order["payment_status"], order["cancel_reason"]), ("cancelled", "refunded", "admin"))


@suite.case
def a_parcel_that_was_sent_is_not_refunded():
    first, second = product(price=1000, cost=300), product(price=700, cost=100)
    order = buy(ann, line(first), line(second))
    bring(order, item_of(order, first), "shipped")
    created(act(ann, order, item_of(order, second), "cancel"), 200)
    order = settled(order)
    suite.equal(order["payment"]["refunded"]["amount"], 700)
    suite.equal(order["payment"]["refunds"][0]["groups"], [])


@suite.case
def who_cancels_a_whole_order():
    for state, statuses in (("confirmed", (200, 200)), ("processing", (409, 200)), ("shipped", (409, 409)), ("delivered", (409, 409)),
                            ("cancelled", (409, 409))):
        for client, status in zip((ann, admin), statuses):
            order = buy(ann, line(shirt))
            bring(order, order["items"][0], state)
            suite.answers(client.post(f"/orders/{order['id']}/cancel"), status, None if status == 200 else "invalid_transition", state)
    order = buy(ann, line(shirt), line(hat))
    bring(order, item_of(order, shirt), "processing")
    reply = ann.post(f"/orders/{order['id']}/cancel")
    suite.answers(reply, 409, "invalid_transition")
    at = [item["id"] for item in order["items"]].index(item_of(order, hat)["id"])
    suite.equal(reply.paths, [f"items[{at}]"], "names what can still be cancelled")
    suite.answers(staff.post(f"/orders/{order['id']}/cancel"), 403, "forbidden")
    suite.answers(eve.post(f"/orders/{order['id']}/cancel"), 404, "not_found")
    suite.answers(server.client().post(f"/orders/{order['id']}/cancel"), 401, "unauthorized")
    suite.answers(ann.post(f"/orders/{order['id']}/cancel", {"reason": ""}), 400, "validation_failed")
    suite.answers(ann.post(f"/orders/{order['id']}/cancel", {"reason": "x" * 501}), 400, "validation_failed")
    suite.answers(ann.post(f"/orders/{order['id']}/cancel", {"why": "x"}), 400, "validation_failed")
    suite.answers(admin.post(f"/orders/{order['id']}/cancel", {"reason": "x" * 500}), 200)


@suite.case
def only_a_failed_refund_is_retried():
    order = buy(ann, line(shirt))
    created(ann.post(f"/orders/{order['id']}/cancel"), 200)
    order = settled(order)
    path = f"/orders/{order['id']}/refunds/{order['payment']['refunds'][0]['id']}/retry"
    suite.answers(admin.post(path), 409, "invalid_transition")
    suite.answers(admin.post(f"/orders/{order['id']}/refunds/{uuid.uuid4()}/retry"), 404, "not_found")
    suite.answers(ann.post(path), 403, "forbidden")
    suite.answers(eve.post(path), 404, "not_found")

    order = buy(ann, line(shirt), token="tok_refund_fails")
    created(ann.post(f"/orders/{order['id']}/cancel"), 200)

    def refund():
        return admin.get(f"/orders/{order['id']}").data["payment"]["refunds"][0]

    failed = eventually(refund, lambda row: row["status"] == "failed")
    suite.equal(failed["status"], "failed", "the provider refused")
    suite.answers(admin.post(f"/orders/{order['id']}/refunds/{failed['id']}/retry"), 200)
    suite.equal(eventually(refund, lambda row: row["status"] == "succeeded")["status"], "succeeded", "asked for again")


# ---- who sees what ---------------------------------------------------------------------------------------------------

@suite.case
def a_team_sees_its_own_items():
    order = buy(ann, line(shirt), line(book))
    bring(order, item_of(order, book), "processing")
    for client in (staff, manager, sue.owner):
        seen = created(client.get(f"/orders/{order['id']}"), 200)
        suite.equal([item["product_snapshot"]["product_id"] for item in seen["items"]], [shirt["id"]], "own items")
        suite.equal([group["supplier_id"] for group in seen["groups"]], [sue.id], "own parcel")
        suite.check(all(entry["item_id"] == seen["items"][0]["id"] for entry in seen["timeline"]), "own timeline")
        suite.equal(seen["customer"], {"display_name": "Ann"}, "the name alone")
        suite.equal(seen["shipping_address"]["line1"], sales.ADDRESS["line1"])
        suite.check("allocations" in seen["items"][0], "where stock is taken")
        hidden = {"subtotal", "discount", "shipping", "tax", "total", "payment", "payment_status", "attribution", "expires_at"}
        suite.equal(hidden & set(seen), set(), "no totals, no payment")
    reply = act(staff, order, item_of(order, shirt), "process", key="own")
    again = act(staff, order, item_of(order, shirt), "process", key="own")
    for each in (reply, again):
        suite.answers(each, 200)
        suite.equal(len(each.data["items"]), 1, "answers are cut too")
        suite.check("total" not in each.data)
    suite.equal(len(created(ann.get(f"/orders/{order['id']}"), 200)["items"]), 2)
    suite.equal(len(created(admin.get(f"/orders/{order['id']}"), 200)["items"]), 2)
    whole, own = ann.get(f"/orders/{order['id']}/timeline"), staff.get(f"/orders/{order['id']}/timeline")
    suite.equal(len(whole.data), len(read(order)["timeline"]))
    suite.equal([entry["event"] for entry in own.data], ["order.item_processing"])


@suite.case
def others_do_not_see_it():
    order = buy(ann, line(shirt))
    for path in (f"/orders/{order['id']}", f"/orders/{order['id']}/timeline"):
        suite.answers(server.client().get(path), 401, "unauthorized")
        suite.answers(eve.get(path), 404, "not_found")
        suite.answers(tom.owner.get(path), 404, "not_found")
        suite.answers(ann.get(path), 200)
        suite.answers(admin.get(path), 200)
    suite.answers(ann.get(f"/orders/{uuid.uuid4()}"), 404, "not_found")
    suite.answers(ann.get("/orders/ORD-1999-000001"), 404, "not_found")
    reply = ann.get(f"/orders/{order['id']}")
    suite.answers(ann.get(f"/orders/{order['id']}", headers={"If-None-Match": reply.etag}), 304)


@suite.case
def a_stale_version_is_refused():
    order = buy(ann, line(shirt))
    reply = act(staff, order, order["items"][0], "process", version=order["version"] - 1)
    suite.answers(reply, 412, "stale_version")
    suite.equal(reply.json["current_version"], order["version"])
    suite.answers(act(staff, order, order["items"][0], "process", version=order["version"]), 200)
    suite.answers(act(staff, order, {"id": str(uuid.uuid4())}, "ship"), 404, "not_found", "no such item")


# ---- lists -----------------------------------------------------------------------------------------------------------

@suite.case
def customers_list_their_own():
    cat = server.user("Cat")
    orders = [buy(cat, line(shirt)) for _ in range(5)]
    created(cat.post(f"/orders/{orders[1]['id']}/cancel"), 200)
    buy(eve, line(shirt))
    listed = cat.pages("/orders", limit=2)
    suite.equal([each["id"] for each in listed], [each["id"] for each in reversed(orders)], "newest first, own alone")
    suite.equal(listed[0]["total"], orders[4]["total"])
    suite.equal([each["id"] for each in cat.pages("/orders?status=cancelled")], [orders[1]["id"]])
    suite.equal(len(cat.pages("/orders?status=confirmed")), 4)
    after = cat.pages(f"/orders?from={orders[3]['created_at']}")
    suite.equal([each["id"] for each in after], [orders[4]["id"], orders[3]["id"]])
    before = cat.pages(f"/orders?to={orders[1]['created_at']}")
    suite.equal([each["id"] for each in before], [orders[0]["id"]])
    suite.answers(cat.get("/orders?status=lost"), 400, "validation_failed")
    suite.answers(cat.get("/orders?colour=red"), 400, "validation_failed")
    suite.answers(server.client().get("/orders"), 401, "unauthorized")


@suite.case
def suppliers_have_a_queue():
    other = Supplier(server, admin)
    thing = product(other)
    orders = [buy(ann, line(thing), line(shirt)) for _ in range(4)]
    bring(orders[1], item_of(orders[1], thing), "processing")
    bring(orders[2], item_of(orders[2], thing), "shipped")
    helper = other.member("staff")

    def queue(query=""):
        return [each["order_id"] for each in helper.pages(f"/suppliers/{other.id}/orders{query}", limit=2)]
    suite.equal(queue(), [orders[i]["id"] for i in (0, 1, 3)], "to be worked on, oldest first")
    suite.equal(queue("?item_status=shipped"), [orders[2]["id"]])
    suite.equal(queue("?item_status=processing"), [orders[1]["id"]])
    suite.equal(queue("?item_status=delivered"), [])
    row = helper.get(f"/sellers/{other.id}/orders").data[0]
    suite.equal([item["product_id"] for item in row["items"]], [thing["id"]], "own items alone")
    suite.equal(row["total"]["amount"], 1100, "items and parcel")
    suite.check(row["customer_name"] == "Ann" and "customer_id" not in row, "the name alone")
    bring(orders[0], item_of(orders[0], thing), "cancelled")
    suite.equal(queue(), [orders[i]["id"] for i in (1, 3)])
    suite.answers(admin.get(f"/suppliers/{other.id}/orders"), 200)
    suite.answers(ann.get(f"/suppliers/{other.id}/orders"), 403, "forbidden")
    suite.answers(sue.owner.get(f"/suppliers/{other.id}/orders"), 403, "forbidden")
    suite.answers(ann.get(f"/suppliers/{uuid.uuid4()}/orders"), 404, "not_found")


@suite.case
def staff_lists_all():
    other = Supplier(server, admin)
    thing = product(other)
    orders = [buy(ann, line(thing)), buy(eve, line(thing), line(shirt))]
    found = [each["id"] for each in admin.pages(f"/admin/orders?supplier_id={other.id}")]
    suite.equal(found, [orders[1]["id"], orders[0]["id"]])
    suite.equal([each["id"] for each in admin.pages(f"/admin/orders?q={orders[0]['number']}")], [orders[0]["id"]])
    fay = server.user("Fay")
    hers = buy(fay, line(shirt))
    email = fay.user["email"].upper().replace("@", "%40")
    suite.equal([each["id"] for each in admin.pages(f"/admin/orders?q={email}")], [hers["id"]], "by e-mail")
    suite.equal(admin.pages("/admin/orders?q=nobody%40example.com"), [])
    suite.equal(admin.pages("/admin/orders?q=ORD-1"), [])
    suite.equal([each["id"] for each in admin.pages(f"/admin/orders?customer_id={fay.id}")], [hers["id"]])
    suite.equal(admin.pages(f"/admin/orders?customer_id={fay.id}&supplier_id={other.id}"), [])
    suite.equal(admin.get("/admin/orders?limit=1").data[0]["id"], hers["id"], "newest first")
    created(ann.post(f"/orders/{orders[0]['id']}/cancel"), 200)
    found = [each["id"] for each in admin.pages(f"/admin/orders?supplier_id={other.id}&status=cancelled")]
    suite.equal(found, [orders[0]["id"]])
    suite.check(orders[0]["id"] in [each["id"] for each in admin.pages("/admin/orders?status=cancelled", limit=100)])
    suite.answers(ann.get("/admin/orders"), 403, "forbidden")
    suite.answers(server.client().get("/admin/orders"), 401, "unauthorized")


# ---- crash -----------------------------------------------------------------------------------------------------------

@suite.case
def a_crash_loses_nothing():
    slow = Server(settings={"orders.payment_wait": 100, "sandbox.payment_time": 1500})
    slow_admin, dan = slow.admin(), slow.user("Dan")
    seller = Supplier(slow, slow_admin)
    thing = seller.product()
    seller.stock(thing, 10)
    replies = [dan.post("/orders", body(line(thing), token=token), key=f"k{number}")
               for number, token in enumerate(("tok_success", "tok_declined", "tok_twice"))]
    for reply in replies:
        suite.answers(reply, 202)
    suite.equal(stock(seller, thing), (10, 3, 0, 0))
    slow.kill()
    slow.restart()
    orders = [eventually(lambda r=reply: read(r.data, dan), lambda o: o["status"] != "pending") for reply in replies]
    suite.equal([order["status"] for order in orders], ["confirmed", "cancelled", "confirmed"], "asked again, with the same key")
    suite.equal(stock(seller, thing), (8, 0, 2, 0))
    time.sleep(0.3)
    slow.kill()
    slow.restart()
    suite.equal([read(order, dan)["version"] for order in orders], [order["version"] for order in orders])
    suite.equal([each["status"] for each in dan.pages("/orders")], ["confirmed", "cancelled", "confirmed"])
    again = dan.post("/orders", body(line(thing), token="tok_success"), key="k0")
    suite.answers(again, 201, text="the key is remembered")
    suite.equal(again.data["id"], orders[0]["id"])
    suite.equal(slow.stop(), 0)


@suite.case
def a_recount_of_the_log_agrees():
    suite.equal(server.stop(), 0)
    printed = server.command(["verify"])
    suite.check(printed, "says what it has read")


suite.main()
