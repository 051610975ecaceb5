"""What users of comparable shops and marketplaces suffer from in buying and selling, and what souk answers. A case a complaint;
tests/api/test_answers_running.py has those about events, figures and running it."""

import random
from fractions import Fraction

import sales
from crowd import answers_to, at_once, each_of
from harness import PASSWORD, Server, Suite
from sales import TAX_20, body, buy, eventually, events_of, line, operator, promotion_body, quote, stock, tenant
from shop import Supplier, created, money

suite = Suite("answers")
server = Server(settings={"orders.hold": 600000, "orders.payment_wait": 300})
admin = server.admin()
ann, bob = server.user("Ann"), server.user("Bob")

# Here a payment that does not come is given up within moments. Nothing below depends on how many of them.
quick = Server(settings={"orders.payment_wait": 100, "orders.hold": 800, "payment.attempt_time": 200, "sandbox.late_time": 1500})
quick_admin, eve = quick.admin(), quick.user("Eve")


def shop_with(on_hand, price=1000, where=None, cost=0):
    """A supplier of its own, and its product: what is counted below is of this case alone."""
    where = where or server
    supplier = Supplier(where, admin if where is server else quick_admin)
    shipping = {"from": "DE", "to": ["*"], "cost": money(cost), "extra_cost": money(0), "days_min": 1, "days_max": 2}
    made = supplier.product(shipping=shipping, variants=[{"sku": "A-1", "attributes": {"size": "M"}, "price": money(price)}])
    if on_hand:
        supplier.stock(made, on_hand)
    return supplier, made


def orders_of(supplier):
    return supplier.admin.pages(f"/admin/orders?supplier_id={supplier.id}", limit=100)


def events_told(supplier, name, order):
    return [event for event in supplier.admin.pages(f"/admin/events?after=0&event={name}", limit=100)
            if event["entity"]["id"] == order["id"]]


def settled(order, client):
    """The order once its payment is decided, and whatever was to be paid back is."""
    def decided(read):
        return read["status"] != "pending" and all(refund["status"] != "requested" for refund in read["payment"]["refunds"])
    return eventually(lambda: created(client.get(f"/orders/{order['id']}"), 200), decided, 60)


# ---- Many at once ----------------------------------------------------------------------------------------------------

@suite.case
def row_01_reservations_at_once_do_not_lose_each_other():
    """Buyers of one, two and three pieces, declined cards and counts by hand, all at the same moment."""
    supplier, made = shop_with(30)
    chance = random.Random(1)
    wanted = [(chance.choice((1, 2, 3)), chance.choice(("tok_success", "tok_success", "tok_declined"))) for _ in range(24)]
    buyers = each_of(server, [ann, bob], 24)
    calls = [lambda client=client, quantity=quantity, token=token: client.post("/orders", body(line(made, quantity), token=token))
             for client, (quantity, token) in zip(buyers, wanted)]
    place = {"variant_id": made["variants"][0]["id"], "location_id": supplier.location}
    counts = [lambda client=client: client.post(f"/products/{made['id']}/stock/adjust", {**place, "delta": 1, "reason": "received"})
              for client in each_of(server, [supplier.owner], 8)]
    replies = at_once(calls + counts)
    found = answers_to(replies)
    suite.check(set(found) <= {(201, None), (402, "payment_declined"), (409, "out_of_stock"), (200, None)}, str(found))
    suite.equal(found[200, None], 8, "each count counts")
    sold = sum(item["quantity"] for reply in replies if reply.status == 201 for item in reply.data["items"])
    suite.equal(stock(supplier, made), (38 - sold, 0, sold, 0), "on_hand, reserved, allocated, shipped")


@suite.case
def row_02_lines_that_share_a_stock_are_added_up():
    supplier, made = shop_with(5)
    reply = ann.post("/orders", body(line(made, 3), line(made, 3)))
    suite.answers(reply, 409, "out_of_stock", "five are there, six are asked for")
    suite.equal(reply.paths, ["items[1].quantity"], "the line that goes without is named")
    suite.equal(stock(supplier, made), (5, 0, 0, 0), "the other one is not held for it")
    suite.answers(ann.post("/orders", body(line(made, 3), line(made, 2))), 201)
    suite.equal(stock(supplier, made), (0, 0, 5, 0))


@suite.case
def row_03_who_lost_the_last_one_leaves_nothing_behind():
    supplier, made = shop_with(1)
    replies = at_once([lambda client=client: client.post("/orders", body(line(made))) for client in each_of(server, [ann, bob], 16)])
    suite.equal(answers_to(replies), {(201, None): 1, (409, "out_of_stock"): 15})
    orders = orders_of(supplier)
    suite.equal([(order["status"], order["payment"]["captured"]) for order in orders], [("confirmed", orders[0]["total"])],
                "one order, with its stock and its payment, and no other")
    suite.equal(stock(supplier, made), (0, 0, 1, 0))


@suite.case
def row_04_stock_is_held_from_the_order_on_and_comes_back_by_itself():
    supplier, made = shop_with(2)
    held = ann.post("/orders", body(line(made, 2), token="tok_timeout"))
    suite.answers(held, 202, text="it waits for its payment")
    suite.answers(bob.post("/orders", body(line(made))), 409, "out_of_stock", "meanwhile it is nobody else's")
    suite.equal(bob.get(f"/products/{made['id']}").data["variants"][0]["available"], 0, "and nobody is told otherwise")
    created(ann.post(f"/orders/{held.data['id']}/cancel"), 200)
    suite.answers(bob.post("/orders", body(line(made))), 201, text="given back, it can be had")

    supplier, made = shop_with(2, where=quick)
    reply = eve.post("/orders", body(line(made, 2), token="tok_timeout"))
    order = settled({"id": reply.data["id"] if reply.status == 202 else reply.json["order_id"]}, eve)
    suite.equal((order["status"], order["cancel_reason"]), ("cancelled", "payment_timeout"), "nobody had to do anything")
    suite.equal(stock(supplier, made), (2, 0, 0, 0))
    suite.answers(eve.post("/orders", body(line(made, 2))), 201)


@suite.case
def row_05_paid_only_what_is_reserved():
    supplier, made = shop_with(3, where=quick)
    suite.answers(eve.post("/orders", body(line(made, 4))), 409, "out_of_stock")
    suite.equal(orders_of(supplier), [], "nothing was asked of the card")
    reply = eve.post("/orders", body(line(made, 3), token="tok_late"))
    late = {"id": reply.data["id"] if reply.status == 202 else reply.json["order_id"]}
    suite.equal(eventually(lambda: stock(supplier, made), lambda now: now[1] == 0, 60), (3, 0, 0, 0), "the hold has ended")
    order = eventually(lambda: created(eve.get(f"/orders/{late['id']}"), 200), lambda now: now["payment_status"] == "refunded", 60)
    suite.equal((order["status"], order["payment"]["refunded"]), ("cancelled", order["total"]), "money that came too late went back")
    suite.answers(eve.post("/orders", body(line(made, 3))), 201, text="what was not paid for was there for others")
    for order in orders_of(supplier):
        kept = order["payment"]["captured"]["amount"] - order["payment"]["refunded"]["amount"]
        suite.equal(kept, order["total"]["amount"] if order["status"] == "confirmed" else 0, "kept is what was sold, no more")


@suite.case
def row_06_one_unit_is_sold_once_whatever_dies():
    """Buyers race with keys of their own; the server is killed after the first answer; all ask again."""
    other = Server()
    staff = other.admin()
    people = [other.user(f"Buyer {number}") for number in range(4)]
    supplier = Supplier(other, staff)
    made = supplier.product()
    supplier.stock(made, 1)

    def race():
        return [lambda client=client, key=f"buyer-{number}": client.post("/orders", body(line(made)), key=key)
                for number, client in enumerate(each_of(other, people, 12))]
    first = at_once(race(), until=other.kill)
    other.restart()
    again = at_once(race())
    suite.equal(answers_to(again), {(201, None): 1, (409, "out_of_stock"): 11}, "after the kill")
    winner = next(reply for reply in again if reply.status == 201)
    for reply in first:
        if reply is not None and reply.status == 201:
            suite.equal(reply.data["id"], winner.data["id"], "who was told so before the kill has it")
    suite.equal([order["id"] for order in orders_of(supplier)], [winner.data["id"]])
    suite.equal(stock(supplier, made), (0, 0, 1, 0))
    suite.equal(other.stop(), 0)
    other.command(["verify"])
    other.remove()


# ---- Once, and the same answer again ---------------------------------------------------------------------------------

@suite.case
def row_07_one_purchase_completed_twice_is_one_order():
    """A browser and a server behind it complete the same purchase, in the same moment and later once more."""
    supplier, made = shop_with(10)

    def complete(client):
        return eventually(lambda: client.post("/orders", body(line(made), token="tok_twice"), key="cart-7"),
                          lambda reply: reply.code != "idempotency_in_flight")
    replies = at_once([lambda client=client: complete(client) for client in each_of(server, [ann], 2)]) + [complete(ann)]
    suite.equal({(reply.status, reply.data["id"]) for reply in replies}, {(201, replies[0].data["id"])}, "both have the same order")
    suite.equal(len(orders_of(supplier)), 1)
    order = settled(replies[0].data, ann)
    suite.equal(events_of(order), ["order.created", "order.payment_succeeded", "order.confirmed"], "one payment")
    suite.equal(stock(supplier, made), (9, 0, 1, 0))


@suite.case
def row_08_an_honest_retry_gets_the_first_answer():
    _, made = shop_with(10)
    sent = body(line(made))
    first, again = (ann.post("/orders", sent, key="retry-8") for _ in range(2))
    suite.equal((again.status, again.data), (201, first.data), "the same")
    suite.equal((first.headers.get("Idempotency-Replayed"), again.headers.get("Idempotency-Replayed")), (None, "true"))
    suite.answers(ann.post("/orders", body(line(made, 2)), key="retry-8"), 422, "idempotency_key_reused", "another purchase")
    suite.answers(bob.post("/orders", body(line(made, 2)), key="retry-8"), 201, text="a key is its owner's alone")
    declined = [ann.post("/orders", body(line(made), token="tok_declined"), key="retry-8b") for _ in range(2)]
    suite.equal([reply.status for reply in declined], [402, 402], "a refusal is an answer too")
    suite.equal(declined[0].json["order_id"], declined[1].json["order_id"], "the card was asked once")
    waits = ann.post("/orders", body(line(made), token="tok_timeout"), key="retry-8c")
    suite.answers(waits, 202)
    busy = ann.post("/orders", body(line(made), token="tok_timeout"), key="retry-8c")
    suite.answers(busy, 409, "idempotency_in_flight", "undecided")
    suite.check(int(busy.headers["Retry-After"]) >= 1, "and when to come back")
    created(ann.post(f"/orders/{waits.data['id']}/cancel"), 200)


@suite.case
def row_10_nothing_is_captured_or_paid_back_twice():
    supplier, made = shop_with(10)
    order = buy(ann, line(made, 2), token="tok_twice")
    order = settled(order, ann)
    suite.equal(order["payment"]["captured"], order["total"])
    told = events_told(supplier, "order.payment_succeeded", order)
    suite.equal(len(told), 1, "the provider's second word changes nothing")
    replies = at_once([lambda client=client: client.post(f"/orders/{order['id']}/cancel") for client in each_of(server, [ann], 6)])
    suite.equal(answers_to(replies), {(200, None): 1, (409, "invalid_transition"): 5})
    order = settled(order, ann)
    suite.equal((len(order["payment"]["refunds"]), order["payment"]["refunded"]), (1, order["total"]), "paid back once")
    suite.equal(len(events_told(supplier, "order.refund_succeeded", order)), 1)


# ---- Money -----------------------------------------------------------------------------------------------------------

def half_up(value):
    return (2 * value + 1).__floor__() // 2


@suite.case
def row_20_every_amount_is_a_whole_number_of_cents():
    """Odd prices, odd discounts and two rates: each amount follows from the rule, and the lines add up to the totals."""
    tenant(server, tax_rates=TAX_20)
    chance = random.Random(20)
    supplier = Supplier(server, admin)
    for _ in range(4):
        prices = [chance.randint(1, 99999) for _ in range(3)]
        percents = [chance.randint(1, 9999) for _ in prices]
        quantities = [chance.randint(1, 9) for _ in prices]
        lines = []
        for price, percent, quantity in zip(prices, percents, quantities):
            made = supplier.product(variants=[{"sku": f"C-{next(sales.numbers)}", "attributes": {"size": "M"}, "price": money(price)}])
            supplier.stock(made, 10)
            offer = sales.promotion(supplier, made, percent_bp=percent)
            lines.append(line(made, quantity, promotion_id=offer["id"]))
        order = buy(ann, *lines)
        for item, price, percent, quantity in zip(order["items"], prices, percents, quantities):
            net = (price - half_up(Fraction(price * percent, 10000))) * quantity
            tax = half_up(Fraction(net * 2000, 10000))
            suite.equal([item[name]["amount"] for name in ("net", "tax", "total")], [net, tax, net + tax], f"{price} {percent}")
        whole = {name: order[name]["amount"] for name in ("subtotal", "discount", "shipping", "tax", "total")}
        suite.equal(whole["total"], whole["subtotal"] - whole["discount"] + whole["shipping"] + whole["tax"], str(whole))
        parts = [(item, ("total",)) for item in order["items"]] + [(group, ("shipping", "shipping_tax")) for group in order["groups"]]
        suite.equal(sum(part[name]["amount"] for part, names in parts for name in names), whole["total"], "the parts are the whole")
        suite.equal(order["payment"]["captured"], order["total"], "to the cent")
        suite.check("." not in "".join(str(amount) for amount in amounts(order)), "no fractions anywhere")
        created(ann.post(f"/orders/{order['id']}/cancel"), 200)
        order = settled(order, ann)
        suite.equal((order["payment"]["refunded"], order["payment_status"]), (order["total"], "refunded"), "and back to the cent")
    tenant(server, tax_rates=[])


def amounts(value):
    """All amounts anywhere in an answer."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from [member] if name == "amount" else amounts(member)
    elif isinstance(value, list):
        for member in value:
            yield from amounts(member)


# ---- Suppliers and marketplaces --------------------------------------------------------------------------------------

@suite.case
def row_30_one_supplier_has_no_hand_on_another_ones():
    """Every command by which one team could touch what is another's. test_matrix.py tries every operation by every role."""
    mine, own = shop_with(5)
    theirs, foreign = shop_with(5)
    order = buy(ann, line(foreign))
    item = f"/orders/{order['id']}/items/{order['items'][0]['id']}"
    owner = mine.owner
    for product in ({"product_id": foreign["id"]},):
        reply = owner.post("/promotions", {**promotion_body(mine, own), "products": [product]})
        suite.answers(reply, 400, "validation_failed", "another's product in one's promotion")
        suite.equal(reply.paths, ["products[0].product_id"])
    suite.answers(owner.post("/promotions", promotion_body(theirs, foreign)), 403, "forbidden", "a promotion in their name")
    suite.answers(owner.post("/products", theirs.product_body()), 403, "forbidden", "a product in their name")
    path = f"/products/{foreign['id']}"
    suite.answers(owner.patch(path, {"name": "Mine now"}, version="*"), 403, "forbidden")
    place = {"variant_id": foreign["variants"][0]["id"], "location_id": theirs.location}
    suite.answers(owner.post(path + "/stock/adjust", {**place, "on_hand": 0, "reason": "count"}), 403, "forbidden")
    suite.answers(owner.get(path + "/stock"), 403, "forbidden")
    for command in ("archive", "publish"):
        suite.answers(owner.post(f"{path}/{command}"), 403, "forbidden", command)
    suite.answers(owner.delete(path), 403, "forbidden")
    suite.answers(owner.post(item + "/process"), 404, "not_found", "their orders are not even there")
    suite.answers(owner.get(f"/suppliers/{theirs.id}/orders"), 403, "forbidden")
    suite.answers(owner.put(f"/suppliers/{theirs.id}/banking", {"password": PASSWORD, "holder": "Me", "iban": "DE89370400440532013000"}),
                  403, "forbidden")
    slug = f"market-{next(sales.numbers)}"
    created(operator(server, "POST", "/api/admin/tenants", {"slug": slug, "name": "Another"}))
    suite.answers(server.client(owner.token, tenant=slug).get("/users/me"), 401, text="a token opens one marketplace")
    suite.answers(server.client(tenant=slug).get(path), 404, "not_found", "in which nothing of the other is")
    suite.equal(stock(theirs, foreign), (4, 0, 1, 0), "nothing happened")


@suite.case
def row_34_suspending_a_supplier_strands_nobody():
    mine, thing = shop_with(5)
    other, else_ = shop_with(5)
    offer = sales.promotion(mine, thing)
    order = buy(ann, line(thing))
    before = [ann.get(path).data["version"] for path in (f"/products/{thing['id']}", f"/promotions/{offer['id']}")]
    created(admin.post(f"/suppliers/{mine.id}/suspend", {"reason": "a complaint"}), 200)
    reply = quote(ann, line(thing), line(else_))
    suite.answers(reply, 409, "product_unavailable")
    suite.equal(reply.paths, ["items[0].variant_id"], "the line that cannot be bought is named, and it alone")
    suite.answers(quote(ann, line(else_)), 201, text="the rest can")
    suite.check(offer["id"] not in [card["reference_id"] for card in ann.pages("/feed", limit=100)], "it shows no card")
    item = f"/orders/{order['id']}/items/{order['items'][0]['id']}"
    created(mine.owner.post(item + "/process"), 200)
    created(mine.owner.post(item + "/ship", {"carrier": "Post", "tracking_number": "1"}), 200)
    created(admin.post(f"/suppliers/{mine.id}/reinstate", {"reason": "it was a mistake"}), 200)
    suite.answers(quote(ann, line(thing, promotion_id=offer["id"]), line(else_)), 201, text="all is back")
    suite.check(offer["id"] in [card["reference_id"] for card in ann.pages("/feed", limit=100)], "its card too")
    after = [ann.get(path).data["version"] for path in (f"/products/{thing['id']}", f"/promotions/{offer['id']}")]
    suite.equal(after, before, "and nothing had to be changed for it")


if __name__ == "__main__":
    suite.main()
