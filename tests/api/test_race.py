"""Many at once after the same thing: exactly as many win as there is of it, and everybody else is told so."""

import collections
import random
import time

import sales
import shop
from crowd import answers_to, at_once, each_of
from harness import PASSWORD, Server, Suite
from sales import body, eventually, line, stock
from shop import Supplier, created, money

CLIENTS, PEOPLE, PIECES = 100, 10, 10
RACES = 3                                   # of each kind where one may miss the moment

suite = Suite("race")
server = Server()
admin = server.admin()
people = [server.user(f"Racer {number}") for number in range(PEOPLE)]
sue = Supplier(server, admin)
second = sue.add_location("Second", 2)


def connections(count, of=None, where=None):
    return each_of(where or server, of or people, count)


def thing(on_hand=0, supplier=None, location=None):
    supplier = supplier or sue
    made = supplier.product(variants=[{"sku": f"R-{next(sales.numbers)}", "attributes": {"size": "M"},
                                       "price": money(1000)}])
    if on_hand:
        supplier.stock(made, on_hand, location=location)
    return made


def race_for(made, quantity=1):
    sent = body(line(made, quantity))
    return at_once([lambda client=client: client.post("/orders", sent) for client in connections(CLIENTS)])


@suite.case
def a_hundred_want_the_last_ten():
    for turn in range(RACES):
        made = thing(PIECES if turn % 2 == 0 else 4)
        if turn % 2:
            sue.stock(made, PIECES - 4, location=second)        # the same ten, in two places
        replies = race_for(made)
        suite.equal(answers_to(replies), {(201, None): PIECES, (409, "out_of_stock"): CLIENTS - PIECES}, "answers")
        suite.equal(stock(sue, made), (0, 0, PIECES, 0), "on_hand, reserved, allocated, shipped")
        bought = {reply.data["id"] for reply in replies if reply.status == 201}
        suite.equal(len(bought), PIECES, "orders")
        statuses = {reply.data["status"] for reply in replies if reply.status == 201}
        suite.equal(statuses, {"confirmed"}, "all are confirmed")


@suite.case
def lines_of_three_leave_one():
    made = thing(PIECES)
    suite.equal(answers_to(race_for(made, 3)), {(201, None): 3, (409, "out_of_stock"): CLIENTS - 3}, "answers")
    suite.equal(stock(sue, made), (1, 0, 9, 0))


@suite.case
def what_is_declined_is_for_others():
    """Refused cards hold their pieces for a moment only, and never one too many is sold."""
    made = thing(PIECES)
    chance = random.Random(1)
    tokens = [chance.choice(("tok_success", "tok_declined")) for _ in range(CLIENTS)]
    replies = at_once([lambda client=client, token=token: client.post("/orders", body(line(made), token=token))
                       for client, token in zip(connections(CLIENTS), tokens)])
    found = answers_to(replies)
    suite.check(set(found) <= {(201, None), (402, "payment_declined"), (409, "out_of_stock")}, str(found))
    sold = found[201, None]
    suite.check(sold <= PIECES and sold + found[402, "payment_declined"] >= PIECES, str(found))
    suite.equal(stock(sue, made), (PIECES - sold, 0, sold, 0))


@suite.case
def one_key_is_one_order():
    for _ in range(RACES):
        made = thing(100)
        key = f"race-{next(sales.numbers)}"
        before = len(people[0].pages("/orders", limit=100))

        def buy(client):
            while True:
                reply = client.post("/orders", body(line(made)), key=key)
                if reply.code != "idempotency_in_flight":
                    return reply
                suite.check(reply.headers.get("Retry-After"), "when to ask again")
                time.sleep(0.005)
        replies = at_once([lambda client=client: buy(client) for client in connections(50, people[:1])])
        suite.equal(answers_to(replies), {(201, None): 50}, "all are told the same")
        suite.equal(len({reply.body for reply in replies}), 1, "to the letter")
        suite.equal(sum(reply.headers.get("Idempotency-Replayed") == "true" for reply in replies), 49, "one did it")
        suite.equal(stock(sue, made), (99, 0, 1, 0), "it was sold once")
        suite.equal(len(people[0].pages("/orders", limit=100)), before + 1, "one order")
        other = people[1].post("/orders", body(line(made)), key=key)
        suite.check(other.status == 201 and other.data["id"] != replies[0].data["id"], "a key is its owner's alone")
        suite.answers(people[0].post("/orders", body(line(made, 2)), key=key), 422, "idempotency_key_reused")


@suite.case
def a_key_answers_the_same_however_often_its_entity_changed():
    made = thing(1000)
    variant = made["variants"][0]["id"]
    path = f"/products/{made['id']}/stock/adjust"
    first = {"variant_id": variant, "location_id": sue.location, "delta": 1, "reason": "count"}
    before = sue.owner.post(path, first, key="much-changed")
    suite.answers(before, 200)
    for client in connections(4, [sue.owner]):
        for _ in range(100):
            created(client.post(path, first), 200)
    again = sue.owner.post(path, first, key="much-changed")
    suite.answers(again, 200)
    suite.equal(again.data, before.data, "400 changes later")
    suite.equal(sue.owner.get(f"/products/{made['id']}/stock").data[0]["on_hand"], 1401)


@suite.case
def an_order_answers_under_its_key_as_it_was_decided():
    made = thing(10)
    ann = people[0]
    paid = ann.post("/orders", body(line(made)), key="paid-and-cancelled")
    created(ann.post(f"/orders/{paid.data['id']}/cancel"), 200)
    again = ann.post("/orders", body(line(made)), key="paid-and-cancelled")
    suite.equal((again.status, again.data), (201, paid.data), "cancelled since")


@suite.case
def cancelling_and_processing():
    """The customer may cancel until work on it has begun."""
    made = thing(60)
    orders = [created(people[0].post("/orders", body(line(made, 2)))) for _ in range(30)]
    clients = iter(connections(30, people[:1]) + connections(30, [sue.owner]))
    paths = [f"/orders/{order['id']}/cancel" for order in orders]
    paths += [f"/orders/{order['id']}/items/{order['items'][0]['id']}/process" for order in orders]
    replies = at_once([lambda path=path, client=next(clients): client.post(path) for path in paths])
    won = 0
    for order, cancel, start in zip(orders, replies[:30], replies[30:]):
        suite.equal(sorted((cancel.status, start.status)), [200, 409], f"{cancel} {start}")
        won += cancel.status == 200
        status = people[0].get(f"/orders/{order['id']}").data["status"]
        suite.equal(status, "cancelled" if cancel.status == 200 else "processing")
    suite.equal(stock(sue, made), (2 * won, 0, 60 - 2 * won, 0), "what was cancelled is back")


@suite.case
def cancelling_and_shipping():
    made = thing(30)
    orders = [created(people[0].post("/orders", body(line(made)))) for _ in range(30)]
    items = [f"/orders/{order['id']}/items/{order['items'][0]['id']}" for order in orders]
    for item in items:
        created(sue.owner.post(item + "/process"), 200)
    clients = iter(connections(60, [sue.owner]))
    cancels = [lambda item=item, client=next(clients): client.post(item + "/cancel") for item in items]
    parcel = {"carrier": "Post", "tracking_number": "1"}
    ships = [lambda item=item, client=next(clients): client.post(item + "/ship", parcel) for item in items]
    replies = at_once(cancels + ships)
    won = 0
    for cancel, ship in zip(replies[:30], replies[30:]):
        suite.equal(sorted((cancel.status, ship.status)), [200, 409], f"{cancel} {ship}")
        won += cancel.status == 200
    suite.equal(stock(sue, made), (won, 0, 0, 30 - won))


@suite.case
def paying_and_expiring():
    """The payment comes around the moment in which the hold ends: one of both counts, no money is kept for nothing."""
    results = collections.Counter()
    for payment_time in (100, 130, 140, 148):
        short = Server(settings={"orders.hold": 150, "payment.attempt_time": 150, "sandbox.payment_time": payment_time})
        staff, ann = short.admin(), short.user("Ann")
        supplier = Supplier(short, staff)
        made = thing(1000, supplier)

        def unsettled():
            return [order for order in staff.pages("/admin/orders", limit=100) if order["status"] == "pending" or
                    any(refund["status"] == "requested" for refund in order["payment"]["refunds"])]
        clients, sent = connections(40, [ann], short), body(line(made))
        replies = at_once([lambda client=client, sent=sent: client.post("/orders", sent) for client in clients])
        suite.equal(eventually(unsettled, lambda left: not left), [], "all are decided")
        sold = 0
        for reply in replies:
            suite.check(reply.status in (201, 402), str(reply))
            order = ann.get(f"/orders/{reply.data['id'] if reply.status == 201 else reply.json['order_id']}").data
            paid, back = (order["payment"][name]["amount"] for name in ("captured", "refunded"))
            suite.equal(order["status"], "confirmed" if reply.status == 201 else "cancelled", "as it was answered")
            suite.equal(paid - back, order["total"]["amount"] if reply.status == 201 else 0, "what was kept")
            sold += reply.status == 201
            results["paid" if reply.status == 201 else "late" if paid else "expired"] += 1
        suite.equal(stock(supplier, made), (1000 - sold, 0, sold, 0))
        suite.equal(short.stop(), 0)
        short.remove()
    print(f"     {dict(results)}")


@suite.case
def many_count_one_stock():
    made = thing(50)
    path = f"/products/{made['id']}/stock/adjust"
    place = {"variant_id": made["variants"][0]["id"], "location_id": sue.location}
    chance = random.Random(2)
    deltas = [[chance.choice((-7, -3, -1, 1, 2, 5)) for _ in range(10)] for _ in range(50)]

    def adjust(client, own):
        done = 0
        for delta in own:
            reply = client.post(path, {**place, "delta": delta, "reason": "received" if delta > 0 else "lost"})
            suite.check(reply.status == 200 or (delta < 0 and reply.code == "below_reserved"), str(reply))
            done += delta if reply.status == 200 else 0
        return done
    done = at_once([lambda client=client, own=own: adjust(client, own)
                    for client, own in zip(connections(50, [sue.owner]), deltas)])
    row = sue.owner.get(f"/products/{made['id']}/stock").data[0]
    suite.equal(row["on_hand"], 50 + sum(done), "every adjustment counts once")
    suite.equal(row["received"] + row["adjusted"], row["on_hand"], "and is explained")


@suite.case
def the_last_places_of_a_community():
    lea = shop.leader(server, admin)
    club = shop.community(lea, restrictions={"member_cap": 5})
    path = f"/communities/{club['id']}/join"
    replies = at_once([lambda client=client: client.post(path) for client in connections(PEOPLE)])
    found = answers_to(replies)
    suite.equal(found, {(200, None): 4, (409, "restriction_unmet"): PEOPLE - 4}, "its owner has the fifth")
    suite.equal(lea.get(f"/communities/{club['id']}").data["stats"]["member_count"], 5)


@suite.case
def one_address_registers_once():
    email = f"racer.{next(sales.numbers)}@example.com"
    form = {"email": email, "password": PASSWORD, "display_name": "First", "accept_terms": True}
    replies = at_once([lambda: server.client().post("/auth/register", form) for _ in range(16)])
    suite.equal(answers_to(replies), {(201, None): 1, (409, "email_taken"): 15})


@suite.case
def of_many_edits_of_one_version_one_is_made():
    ann = people[0]
    version = ann.get("/users/me").data["version"]
    edits = [{"profile": {"bio": f"edit {at}"}} for at in range(20)]
    replies = at_once([lambda client=client, edit=edit: client.patch("/users/me", edit, version=version)
                       for edit, client in zip(edits, connections(20, [ann]))])
    suite.equal(answers_to(replies), {(200, None): 1, (412, "stale_version"): 19})
    winner = next(reply for reply in replies if reply.status == 200)
    suite.equal(ann.get("/users/me").data["profile"]["bio"], winner.data["profile"]["bio"])


@suite.case
def a_refresh_token_serves_once():
    bob = server.user("Bob")
    old = {"refresh_token": bob.refresh_token}
    replies = at_once([lambda: server.client().post("/auth/refresh", old) for _ in range(8)])
    found = answers_to(replies)
    suite.equal(sum(reply.status == 200 for reply in replies), 1, str(found))
    suite.equal(sum(reply.status == 401 for reply in replies), 7, str(found))
    winner = next(reply for reply in replies if reply.status == 200)
    newest = {"refresh_token": winner.data["refresh_token"]}
    suite.answers(server.client().post("/auth/refresh", newest), 401, text="a copied token ends the login")


if __name__ == "__main__":
    suite.main()
