"""What users of comparable systems suffer from in webhooks, and what souk answers: lost and repeated events, wrong order, outages.
The same of those who read the events themselves: tests/api/test_answers_running.py."""

import threading

import sales
from harness import Server, Suite
from receiver import Receiver, close_without_answer, is_signed, until
from sales import body, buy, line
from shop import Supplier, created, money

suite = Suite("answers of webhooks")
RETRIES = ", ".join(["20ms"] * 5 + ["1s"] * 5 + ["1m"] * 10)
server = Server(settings={"webhook.retries": RETRIES, "webhook.probe": "20ms", "webhook.timeout": "60s"})
admin, ann = server.admin(), server.user("Ann")
sue = Supplier(server, admin)
MILESTONES = ["order.created", "order.payment_succeeded", "order.confirmed", "order.item_processing", "order.processing",
              "order.item_shipped", "order.shipped", "order.item_delivered", "order.delivered"]


def thing():
    made = sue.product(variants=[{"sku": f"W-{next(sales.numbers)}", "attributes": {"size": "M"}, "price": money(1000)}])
    sue.stock(made, 20)
    return made


def fulfilled(order):
    path = f"/orders/{order['id']}/items/{order['items'][0]['id']}"
    for command, sent in (("process", None), ("ship", {"carrier": "Post", "tracking_number": "1"}), ("deliver", None)):
        created(sue.owner.post(f"{path}/{command}", sent), 200)


class Told:
    """Somebody who is told events of orders, and remembers what it accepted. answer: what it says to an arrival, 200 when it accepts."""

    def __init__(self, answer):
        self.accepted, self.lock = [], threading.Lock()

        def take(arrival, handler):
            status = answer(arrival)
            if status is None:
                return close_without_answer(handler)
            if status == 200:
                with self.lock:
                    self.accepted.append(arrival)
            return status
        self.receiver = Receiver(take)
        self.hook = created(admin.post("/admin/webhooks", {"url": self.receiver.url(), "events": ["order.*"]}))
        self.path = f"/admin/webhooks/{self.hook['id']}"

    def wanted(self):
        """The ids of all events that it should be told, from the log."""
        return [event["id"] for event in admin.pages(f"/admin/events?after={self.hook['position']}", limit=100)
                if event["type"].startswith("order.")]

    def ids(self, order=None):
        with self.lock:
            return [arrival.event["id"] for arrival in self.accepted if order in (None, arrival.event["subject"]["id"])]

    def state(self):
        return created(admin.get(self.path + "/deliveries"), 200)

    def until_told(self):
        """Each wanted event is accepted, and nothing is under way."""
        until(lambda: set(self.wanted()) <= set(self.ids()), "every event is accepted")
        until(lambda: (lambda state: state["lag"] == 0 and state["waiting"] == 0)(self.state()), "nothing is under way")

    def close(self):
        created(admin.delete(self.path), 204)
        self.receiver.close()


@suite.case
def row_13_one_event_is_told_under_one_id():
    """Each first attempt fails: what comes again has the id that it had, and what was accepted does not come again."""
    seen, lock = set(), threading.Lock()

    def once_fails(arrival):
        with lock:
            first = arrival.id not in seen
            seen.add(arrival.id)
        return 500 if first else 200
    told = Told(once_fails)
    for token in ("tok_success", "tok_twice", "tok_declined"):
        ann.post("/orders", body(line(thing()), token=token))
    told.until_told()
    wanted = told.wanted()
    suite.equal(sorted(told.ids()), sorted(wanted), "each is accepted once")
    suite.equal(seen, {"evt_" + each.replace(".", "_") for each in wanted}, "under one id, however often it is tried")
    suite.check(all(is_signed(told.hook["secret"], arrival) for arrival in told.accepted), "signed")
    told.close()


@suite.case
def row_14_failed_deliveries_are_seen_and_told_again():
    ill = threading.Event()
    ill.set()
    told = Told(lambda _: 503 if ill.is_set() else 200)
    order = buy(ann, line(thing()))
    failed = until(lambda: [each for each in told.state()["deliveries"] if each["status"] == 503], "what failed is listed")[0]
    suite.equal((failed["event_id"], failed["error"]), (told.wanted()[0], "answered 503"), "which, and why")
    suite.equal(told.ids(order["id"]), [], "nothing behind it was told")
    ill.clear()
    told.until_told()
    wanted = told.wanted()
    created(admin.post(told.path + "/replay", {"event_id": wanted[1]}), 200)
    until(lambda: told.ids().count(wanted[-1]) == 2, "it is told again from there on")
    suite.equal([told.ids().count(each) for each in wanted], [1] + [2] * (len(wanted) - 1))
    told.close()


@suite.case
def row_15_an_order_is_told_in_its_order_whatever_fails():
    """Every third attempt fails, some without a word; several orders are under way at once."""
    count, lock = 0, threading.Lock()

    def every_third(_):
        nonlocal count
        with lock:
            count += 1
            return (500, 200, 200, None, 200, 200)[count % 6]
    told = Told(every_third)
    orders = [buy(ann, line(thing())) for _ in range(3)]
    for order in orders:
        fulfilled(order)
    told.until_told()
    for order in orders:
        with told.lock:
            mine = [arrival.event for arrival in told.accepted if arrival.event["subject"]["id"] == order["id"]]
        suite.equal([event["type"] for event in mine], MILESTONES, "paid never before placed")
        suite.equal([event["entity_version"] for event in mine], list(range(1, len(mine) + 1)), "without gaps")
    told.close()


@suite.case
def row_16_an_outage_loses_nothing():
    """Nobody answers while orders are placed and the server is killed; once somebody does, all of it is told."""
    away = threading.Event()
    away.set()
    told = Told(lambda _: None if away.is_set() else 200)
    for _ in range(3):
        buy(ann, line(thing()))
    until(lambda: told.state()["failures"] >= 1, "it was tried")
    server.kill()
    server.restart()
    buy(ann, line(thing()))
    suite.equal(told.ids(), [], "nothing was accepted")
    away.clear()
    told.until_told()
    suite.equal(sorted(told.ids()), sorted(told.wanted()), "all of it, each once")
    told.close()
    suite.equal(server.stop(), 0)
    server.command(["verify"])


if __name__ == "__main__":
    suite.main()
