"""A marketplace whose events are relayed: a story, what the log says of it, and what must be true of what was told.

    shop = Shop({"relay.kafka.brokers": …})
    shop.order()                                one more paid order
    shop.wait_told()                            until the relay has nothing left to tell
    check(suite, shop, told, least)             told: a Told for each message, in the order of its queue or partition
"""

import collections
import json
import os
import random
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "api"))

from harness import Server                                          # noqa: E402
from sales import body, line                                        # noqa: E402
from shop import Supplier, created                                  # noqa: E402

PATIENCE = 180
SETTINGS = {"relay.retry": "300ms", "security.confine": "on", "orders.open_max": 100000, "log.level": "info,http=warning,mail=warning"}

# One message as a consumer got it. lane: what keeps the order (partition, queue).
Told = collections.namedtuple("Told", "lane id type subject_kind subject_id body")


def free_port():
    """One that the kernel gives to nobody else between this look and its use: from below those that it chooses from."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        above = int(file.read().split()[0])
    for port in random.sample(range(above // 2, above), above // 4):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no port is free")


def until(holds, what, seconds=PATIENCE, pause=0.02):
    """Waits until it holds; fails with the sentence when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(pause)
    return value


class Shop:
    def __init__(self, relay, settings):
        self.relay = relay
        self.server = Server(settings={**SETTINGS, **settings})
        self.admin = self.server.admin()
        self.supplier = Supplier(self.server, self.admin)
        self.product = self.supplier.product()
        self.supplier.stock(self.product, 1000)
        self.buyer = self.server.user("Ann")
        self.slowest = 0.0

    def log_in(self):
        self.admin, self.buyer = self.server.admin(), self.server.login(self.buyer.user["email"])

    def order(self):
        began = time.monotonic()
        order = created(self.buyer.post("/orders", body(line(self.product))))
        self.slowest = max(self.slowest, time.monotonic() - began)
        return order

    def orders_until_killed(self, kill_after):
        """Buys without a pause, and is killed in the midst of it."""
        made = []

        def buy():
            try:
                while True:
                    self.order()
                    made.append(1)
            except (OSError, AssertionError):
                return
            except Exception:                   # pylint: disable=broad-except
                return                          # a connection that ends within an answer has many names

        thread = threading.Thread(target=buy)
        thread.start()
        until(lambda: len(made) >= kill_after, "orders are placed")
        self.server.kill()
        thread.join()

    def figure(self, name):
        """A figure of this relay."""
        text = self.server.client().get("//metrics", form=False).body.decode()
        found = re.search(rf'^{name}\{{(?:relay|tap)="{self.relay}"\}} (\d+)$', text, re.MULTILINE)
        return int(found.group(1)) if found else None

    def wait_told(self):
        until(lambda: self.figure("souk_relay_up") == 1 and self.figure("souk_relay_lag_positions") == 0,
              f"all is told:\n{self.server.log_tail()}")

    def events(self):
        """Every event of the log: {id: type}, and those of the default marketplace as staff reads them: {id: envelope}."""
        records = [json.loads(text) for text in self.server.command(["log"]).splitlines()]
        types = {event["id"]: event["type"] for record in records for event in record["events"]}
        return types, {event["id"]: event for event in self.admin.pages("/admin/events", limit=100)}


def refused(suite, settings, word):
    """A server with these settings does not start, and says this."""
    server = Server(settings=settings, start=False)
    try:
        server.start()
        suite.check(False, f"started with {settings}")
    except AssertionError as error:
        suite.check("ended with 2" in str(error) and word in str(error), f"refused: {error}")
    server.process = None
    server.remove()


def check(suite, shop, told, least):
    """Exactly the log's events, each as it stands there, those of one subject in their order; repetitions aside."""
    types, envelopes = shop.events()
    suite.equal({each.id: each.type for each in told}, types, "the log's events, no more and no less")
    first, lanes = {}, collections.defaultdict(set)
    last = {}
    for each in told:
        lanes[each.subject_id].add(each.lane)
        if each.id in first:
            suite.equal(each.body, first[each.id].body, f"{each.id} is the same each time")
            continue
        first[each.id] = each
        envelope = json.loads(each.body)
        suite.equal((envelope["id"], envelope["type"]), (each.id, each.type), "the message says what it carries")
        subject = envelope["subject"]
        suite.equal((subject["kind"], subject["id"] or envelope["entity"]["id"]), (each.subject_kind, each.subject_id), "whom it concerns")
        if each.id in envelopes:
            suite.equal(envelope, envelopes[each.id], "as staff reads it")
        place = tuple(int(part) for part in each.id.split("."))
        suite.check(last.get(each.subject_id, (0, 0)) < place, f"{each.id} keeps the order of {each.subject_id}")
        last[each.subject_id] = place
    suite.check(len(envelopes) >= least, f"a story: {len(envelopes)}")
    suite.check(all(len(where) == 1 for where in lanes.values()), "each subject has one place")
    suite.check({"user", "supplier", "product", "order"} <= {each.subject_kind for each in told}, "of many kinds")
    text = "".join(each.body for each in told)
    suite.check("@example.com" not in text and "High Street" not in text and "DE8937" not in text, "nothing that is personal")
