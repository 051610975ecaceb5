"""Figures that follow from what happened: of people, suppliers, promotions, and by day; the same after a crash."""

import datetime
import time

import sales
import shop
from harness import Server, Suite
from sales import body, buy, eventually, item_of, line, money, promotion
from shop import Supplier, created

suite = Suite("analytics")
server = Server(settings={"orders.payment_wait": 200})
admin = server.admin()
ann = server.user("Ann")
sue, tom = Supplier(server, admin), Supplier(server, admin)
lea = shop.leader(server, admin)
place = shop.community(lea)
shop.join(ann, place)


def product(supplier=sue, price=1000, cost=0):
    number = next(sales.numbers)
    made = supplier.product(variants=[{"sku": f"A-{number}", "attributes": {"size": "M"}, "price": money(price)}],
                            shipping={"from": "DE", "to": ["*"], "cost": money(cost), "extra_cost": money(0), "days_min": 1,
                                      "days_max": 2})
    supplier.stock(made, 1000)
    return made


def keep_away_from_midnight(seconds=120):
    """Days are those of UTC. A run that could meet their change waits until it is over."""
    now = datetime.datetime.now(datetime.timezone.utc)
    left = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
    if left < seconds:
        time.sleep(left + 1)


keep_away_from_midnight()


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def rows(path, client=admin):
    return client.pages(path, limit=100)


def revenue(by="total"):
    """{reference: row} of today."""
    return {row["reference_id"]: row for row in rows(f"/admin/analytics/revenue?by={by}&from={today()}&to={today()}")}


def amounts(row, *names):
    return tuple(row[name]["amount"] if isinstance(row[name], dict) else row[name] for name in names)


def funnel():
    found = rows(f"/admin/analytics/order-funnel?from={today()}")
    return found[0] if found else {}


def refunded(order):
    return eventually(lambda: created(ann.get(f"/orders/{order['id']}"), 200),
                      lambda o: all(r["status"] != "requested" for r in o["payment"]["refunds"]))


def deliver(order, item):
    for step, sent in (("process", None), ("ship", {"carrier": "DHL", "tracking_number": "1"}), ("deliver", None)):
        created(admin.post(f"/orders/{order['id']}/items/{item['id']}/{step}", sent), 200)


COLUMNS = ("gross", "discounts", "refunds", "net", "units")


@suite.case
def revenue_by_day():
    shirt, book = product(price=1000, cost=300), product(tom, price=500)
    offer = promotion(sue, shirt, leader=lea, communities=[place], percent_bp=1000)
    sales.tenant(server, tax_rates=sales.TAX_20)
    order = buy(ann, line(shirt, 2, promotion_id=offer["id"], community_id=place["id"]), line(book, 3))
    sales.tenant(server, tax_rates=[])
    total = revenue()[None]
    suite.equal(amounts(total, "orders", *COLUMNS, "tax", "shipping"), (1, 3500, 200, 0, 3300, 5, order["tax"]["amount"], 300))
    suite.equal(total["day"], today())
    suite.equal({key: amounts(row, "orders", *COLUMNS) for key, row in revenue("community").items()},
                {place["id"]: (1, 2000, 200, 0, 1800, 2), None: (1, 1500, 0, 0, 1500, 3)})
    suite.equal({key: amounts(row, *COLUMNS) for key, row in revenue("promotion").items()},
                {offer["id"]: (2000, 200, 0, 1800, 2), None: (1500, 0, 0, 1500, 3)})
    suite.equal({key: amounts(row, *COLUMNS) for key, row in revenue("supplier").items()},
                {sue.id: (2000, 200, 0, 1800, 2), tom.id: (1500, 0, 0, 1500, 3)})
    created(ann.post(f"/orders/{order['id']}/items/{item_of(order, shirt)['id']}/cancel"), 200)
    refunded(order)
    suite.equal(amounts(revenue()[None], *COLUMNS), (3500, 200, 1800, 1500, 5), "goods paid back")
    suite.equal(amounts(revenue("supplier")[sue.id], *COLUMNS), (2000, 200, 1800, 0, 2))
    for by in ("community", "promotion", "supplier"):
        sums = tuple(sum(column) for column in zip(*(amounts(row, *COLUMNS) for row in revenue(by).values())))
        suite.equal(sums, amounts(revenue()[None], *COLUMNS), f"{by} sums up to the total")
    performance = created(sue.owner.get(f"/promotions/{offer['id']}/performance"), 200)
    row = next(each for each in performance["rows"] if each["community_id"] == place["id"])
    suite.equal(amounts(row, "conversions", "units", "revenue", "refunded"), (1, 2, 1800, 1800))
    metrics = {supplier: created(admin.get(f"/suppliers/{supplier.id}"), 200)["metrics"] for supplier in (sue, tom)}
    suite.equal((metrics[sue]["revenue"]["amount"], metrics[tom]["revenue"]["amount"]), (0, 1500))
    stats = ann.get("/users/me").data["stats"]
    suite.equal((stats["total_orders"], stats["total_spent"]["amount"]), (1, order["total"]["amount"] - 1800 - 360 - 300 - 60))


@suite.case
def a_conversion_counts_once_for_an_order():
    shirt = product()
    offer = promotion(sue, shirt)
    for _ in range(2):
        buy(ann, line(shirt, 1, promotion_id=offer["id"]), line(shirt, 2, promotion_id=offer["id"]))
    performance = created(admin.get(f"/promotions/{offer['id']}/performance"), 200)
    row = performance["rows"][0]
    suite.equal((row["community_id"], *amounts(row, "conversions", "units", "revenue")), (None, 2, 6, 4200))
    suite.equal(performance["total"]["revenue"]["amount"], 4200)


@suite.case
def orders_fulfilled_by_a_supplier():
    other = Supplier(server, admin)
    one, two, book = product(other), product(other), product(tom)

    def count(supplier=other):
        return created(admin.get(f"/suppliers/{supplier.id}"), 200)["metrics"]["orders_fulfilled"]
    before = count(tom)
    order = buy(ann, line(one), line(two), line(book))
    deliver(order, item_of(order, one))
    suite.equal(count(), 0, "one item is missing")
    deliver(order, item_of(order, book))
    suite.equal((count(), count(tom)), (0, before + 1), "each supplier by its own items")
    created(admin.post(f"/orders/{order['id']}/items/{item_of(order, two)['id']}/cancel"), 200)
    suite.equal(count(), 1, "all that live are delivered")
    order = buy(ann, line(one), line(two))
    created(ann.post(f"/orders/{order['id']}/cancel"), 200)
    suite.equal(count(), 1, "nothing delivered, nothing fulfilled")


@suite.case
def the_order_funnel():
    before = {name: funnel().get(name, 0) for name in ("created", "payment_succeeded", "confirmed", "shipped", "delivered", "cancelled")}
    shirt = product()
    done, sent, gone = (buy(ann, line(shirt)) for _ in range(3))
    suite.answers(ann.post("/orders", body(line(shirt), token="tok_declined")), 402)
    deliver(done, done["items"][0])
    for step, what in (("process", None), ("ship", {"carrier": "DHL", "tracking_number": "1"})):
        created(admin.post(f"/orders/{sent['id']}/items/{sent['items'][0]['id']}/{step}", what), 200)
    created(ann.post(f"/orders/{gone['id']}/cancel"), 200)
    row = funnel()
    grown = {name: row[name] - count for name, count in before.items()}
    suite.equal(grown, {"created": 4, "payment_succeeded": 3, "confirmed": 3, "shipped": 2, "delivered": 1, "cancelled": 2})
    suite.equal(row["payment_rate_bp"], (row["payment_succeeded"] * 20000 + row["created"]) // (2 * row["created"]), "half up")
    suite.equal(row["delivery_rate_bp"], (row["delivered"] * 20000 + row["shipped"]) // (2 * row["shipped"]))
    suite.check(all(row[name] <= 10000 for name in row if name.endswith("_bp")), f"{row}")


@suite.case
def rates_over_nothing_are_null():
    empty = Server()
    boss = empty.admin()
    buyer = empty.user("Ann")
    seller = Supplier(empty, boss)
    thing = seller.product()
    seller.stock(thing, 5)
    suite.answers(buyer.post("/orders", body(line(thing), token="tok_declined")), 402)
    row = boss.get(f"/admin/analytics/order-funnel?from={today()}").data[0]
    suite.equal((row["payment_rate_bp"], row["confirmation_rate_bp"], row["shipping_rate_bp"], row["overall_rate_bp"]),
                (0, None, None, 0))
    suite.equal(boss.get("/admin/analytics/revenue").data, [], "nothing was sold")
    empty.remove()


@suite.case
def the_life_of_accounts():
    def row():
        return rows(f"/admin/analytics/user-lifecycle?from={today()}")[0]
    before = row()
    bob = server.user("Bob")
    server.login(bob.user["email"])
    server.client().post("/auth/login", {"email": bob.user["email"], "password": "wrong password here"})
    created(admin.post(f"/admin/users/{bob.id}/suspend", {"reason": "checks"}), 200)
    created(admin.post(f"/admin/users/{bob.id}/reinstate", {"reason": "fine"}), 200)
    server.login(bob.user["email"])
    bob = server.login(bob.user["email"])
    created(bob.delete("/users/me", {"password": "correct horse battery staple"}), 200)
    after = row()
    grown = {name: after[name] - before[name] for name in after if name != "day"}
    suite.equal(grown, {"registrations": 1, "verifications": 1, "suspensions": 1, "reinstatements": 1, "deletions": 1, "logins": 4,
                        "failed_logins": 1, "unique_logins": 1})


@suite.case
def a_supplier_and_a_community_read_their_own():
    path = f"/suppliers/{sue.id}/analytics"
    manager, staff = sue.member("manager"), sue.member("staff")
    for client in (sue.owner, manager, admin):
        suite.equal([row["reference_id"] for row in rows(path, client)], [sue.id])
    suite.answers(staff.get(path), 403, "forbidden")
    suite.answers(ann.get(path), 403, "forbidden")
    suite.answers(server.client().get(path), 401, "unauthorized")
    suite.answers(ann.get("/suppliers/00000000-0000-7000-8000-000000000001/analytics"), 404, "not_found")
    path = f"/communities/{place['id']}/analytics"
    for client in (lea, admin):
        suite.equal([row["reference_id"] for row in rows(path, client)], [place["id"]])
    suite.answers(ann.get(path), 403, "forbidden")
    suite.answers(ann.get("/communities/00000000-0000-7000-8000-000000000001/analytics"), 404, "not_found")


@suite.case
def ranges_and_rights():
    for name in ("user-lifecycle", "order-funnel", "revenue"):
        path = f"/admin/analytics/{name}"
        suite.answers(server.client().get(path), 401, "unauthorized")
        suite.answers(ann.get(path), 403, "forbidden")
        suite.answers(admin.get(path), 200)
        suite.answers(admin.get(f"{path}?from=2026-01-02&to=2026-01-01"), 400, "validation_failed", "backwards")
        suite.answers(admin.get(f"{path}?from=2025-01-01&to=2026-01-01"), 200, text="366 days")
        suite.answers(admin.get(f"{path}?from=2025-01-01&to=2026-01-02"), 400, "validation_failed", "367 days")
        suite.answers(admin.get(f"{path}?from=2026-02-30"), 400, "validation_failed", "no such day")
        suite.answers(admin.get(f"{path}?from=yesterday"), 400, "validation_failed")
        suite.answers(admin.get(f"{path}?unknown=1"), 400, "validation_failed")
        suite.equal(rows(f"{path}?from=2020-01-01&to=2020-12-31"), [], "before anything happened")
    suite.answers(admin.get("/admin/analytics/revenue?by=colour"), 400, "validation_failed")


@suite.case
def figures_survive_a_crash():
    def all_of_it():
        return (revenue(), revenue("supplier"), revenue("promotion"), funnel(),
                created(admin.get(f"/suppliers/{sue.id}"), 200)["metrics"], ann.get("/users/me").data["stats"])
    before = all_of_it()
    server.kill()
    server.restart()
    suite.equal(all_of_it(), before)
    suite.check(before[0], "there was something to keep")


@suite.case
def a_recount_of_the_log_agrees():
    suite.equal(server.stop(), 0)
    printed = server.command(["verify"])
    suite.check(printed, "says what it has read")


suite.main()
