#!/usr/bin/env python3
"""Histories of clients through kills and power cuts could have been those of one server that does one thing at a time.

    ROUNDS=n SEED=n test_linear.py [case …]     15 rounds when not said otherwise: four lives of a server, else n

Several threads write the same few registers (a profile, with its version) and counters (the stock of variants), and read
them. Each notes when it asked and when it was answered. linear.py looks at all of it, once by positions and once without.
"""

import http.client
import random
import tempfile
import threading
import time

import linear
import preload
import world
from harness import Suite
from linear import STALE, UNKNOWN, Operation
from world import World

LIVES = 4
LIVES_MOST, OPERATIONS_LEAST = 40, 200       # a slow machine needs more of them
SECONDS_EACH = 0.5
THREADS = 6
READS = 0.4

suite = Suite("linear")
seed = world.seed_of_run()
chance = random.Random(seed)
tools = tempfile.TemporaryDirectory(prefix="souk-linear-")
print(f"seed {seed}")


# ---- the checkers themselves -----------------------------------------------------------------------------------------

START = {"a": (1, 0), "b": (1, 0)}


def made(key, action, given, result, begin, end, position=0):
    return Operation(key, action, given, result, begin, end, position)


GOOD = [
    made("a", "add", 5, (2, 5), 0, 3, 10),
    made("a", "read", None, (2, 5), 1, 4, 10),
    made("b", "set", (1, "x"), (2, "x"), 2, 5, 11),
    made("b", "set", (1, "y"), (STALE, 2), 2, 6, 11),
    made("a", "add", 1, UNKNOWN, 5, linear.NEVER),
    made("a", "read", None, (3, 6), 6, 7, 12),
    made("b", "read", None, (2, "x"), 8, 9, 11),
]
# A history that no such server has: what is wrong, which checkers see it, and the operations that replace those of GOOD.
WRONG = [
    ("a change that was acknowledged is not seen", "positions searched", {6: made("b", "read", None, (1, 0), 8, 9, 11)}),
    ("a read shows what nobody wrote", "positions searched", {1: made("a", "read", None, (2, 6), 1, 4, 10)}),
    ("a read shows what was not asked for yet", "positions searched", {6: made("b", "read", None, (2, "x"), 0, 1, 11)}),
    ("a change has the position of another", "positions", {2: made("b", "set", (1, "x"), (2, "x"), 2, 5, 10)}),
    ("a later change has the lower position", "positions", {2: made("b", "set", (1, "x"), (2, "x"), 4, 5, 9)}),
    ("a change is counted twice", "positions searched", {0: made("a", "add", 5, (2, 10), 0, 3, 10)}),
    ("a change was lost", "positions searched", {5: made("a", "read", None, (1, 0), 6, 7, 12)}),
    ("a refused change was made", "searched", {3: made("b", "set", (1, "y"), (STALE, 3), 2, 6, 11)}),
    ("one key is older than what another has shown", "positions",
     {5: made("a", "read", None, (3, 6), 6, 7, 13), 6: made("a", "add", 2, (4, 8), 5, 9, 12)}),
]


@suite.case
def the_checkers_know_good_from_wrong():
    suite.equal(linear.positions(GOOD, START), [], "by position")
    suite.equal(list(linear.searched(GOOD, START)), [], "by search")
    for what, seen_by, replaced in WRONG:
        history = [replaced.get(number, each) for number, each in enumerate(GOOD)]
        found = {"positions": linear.positions(history, START), "searched": list(linear.searched(history, START))}
        for checker in seen_by.split():
            suite.check(found[checker], f"{what}: {checker} does not see it")


@suite.case
def the_search_finds_an_order_among_many():
    """Each of these overlaps all others; only one order explains what they were answered."""
    order = list(range(1, 9))
    chance.shuffle(order)
    total, history = 0, []
    for number, amount in enumerate(order):
        total += amount
        history.append(made("a", "add", amount, (number + 2, total), 0, 100))
    chance.shuffle(history)
    suite.equal(list(linear.searched(history, START)), [])
    spoilt = [*history[:-1], history[-1]._replace(result=(history[-1].result[0], 1000))]
    suite.check(list(linear.searched(spoilt, START)), "an answer that no order explains")


# ---- a server --------------------------------------------------------------------------------------------------------

class History:
    """What all threads have asked for, and were answered."""

    def __init__(self, shop):
        self.shop, self.operations, self.open = shop, [], []
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.stock = f"/products/{shop.product['id']}/stock"
        self.places = [(variant, place) for variant in shop.variants for place in shop.locations]
        self.numbers = iter(range(1, 1 << 30))
        self.first = {}
        for buyer in shop.buyers:
            data = buyer.client.get("/users/me").data
            self.first[buyer.name] = (data["version"], data["profile"]["bio"])
        for row in shop.supplier.owner.pages(self.stock, limit=100):
            self.first[row["variant_id"], row["location_id"]] = (row["version"], row["on_hand"])

    def note(self, *operations):
        with self.lock:
            self.operations += operations

    def next(self):
        with self.lock:
            return next(self.numbers)

    def life(self, seconds, ending):
        """Everybody works; then the server ends, and what was not answered is asked for again where that has a key."""
        self.stop.clear()
        threads = [threading.Thread(target=self.work, args=(random.Random(f"{seed} {self.next()}"),)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        ending()
        self.stop.set()
        for thread in threads:
            thread.join()

    def settle(self):
        owner = self.shop.supplier.owner
        for place, amount, key, begin in self.open:
            reply = owner.post(self.stock + "/adjust", adjustment(place, amount), key=key)
            suite.equal(reply.status, 200, "asked for again")
            self.note(Operation(place, "add", amount, (reply.data["version"], reply.data["on_hand"]), begin,
                                time.monotonic(), 0 if "Idempotency-Replayed" in reply.headers else position(reply)))
        self.open = []

    def work(self, random_):
        server, shop = self.shop.server, self.shop
        owner = server.client(shop.supplier.owner.token)
        people = {buyer.name: server.client(buyer.client.token) for buyer in shop.buyers}
        versions = {name: state[0] for name, state in self.first.items() if name in people}
        try:
            while not self.stop.is_set():
                if random_.random() < 0.5:
                    self.count(owner, random_)
                else:
                    self.write(people, versions, random_)
        except (OSError, http.client.HTTPException):
            pass                                            # noted as not answered where that matters
        for client in (owner, *people.values()):
            client.close()

    def count(self, owner, random_):
        begin = time.monotonic()
        if random_.random() < READS:
            reply = owner.get(self.stock + "?limit=100")
            end = time.monotonic()
            if reply.status == 200:
                self.note(*(Operation((row["variant_id"], row["location_id"]), "read", None, (row["version"], row["on_hand"]),
                                      begin, end, position(reply)) for row in reply.data))
            return
        place, amount, key = random_.choice(self.places[:3]), random_.randint(1, 5), f"count-{self.next()}"
        try:
            reply = owner.post(self.stock + "/adjust", adjustment(place, amount), key=key)
        except (OSError, http.client.HTTPException):
            reply = None
        if reply is None or reply.status != 200:
            with self.lock:
                self.open.append((place, amount, key, begin))
            raise ConnectionError
        self.note(Operation(place, "add", amount, (reply.data["version"], reply.data["on_hand"]), begin, time.monotonic(),
                            position(reply)))

    def write(self, people, versions, random_):
        name = random_.choice(list(people))
        client, begin = people[name], time.monotonic()
        if random_.random() < READS:
            reply = client.get("/users/me")
            if reply.status == 200:
                versions[name] = reply.data["version"]
                self.note(Operation(name, "read", None, (versions[name], reply.data["profile"]["bio"]), begin,
                                    time.monotonic(), position(reply)))
            return
        given = (versions[name], f"words {self.next()}")
        try:
            reply = client.patch("/users/me", {"profile": {"bio": given[1]}}, version=given[0])
        except (OSError, http.client.HTTPException):
            reply = None
        end = time.monotonic()
        if reply is None or reply.status not in (200, 412):
            self.note(Operation(name, "set", given, UNKNOWN, begin, linear.NEVER))
            raise ConnectionError
        if reply.status == 200:
            versions[name] = reply.data["version"]
            result = (versions[name], reply.data["profile"]["bio"])
        else:
            versions[name] = reply.json["current_version"]
            result = (STALE, versions[name])
        self.note(Operation(name, "set", given, result, begin, end, position(reply)))


def position(reply):
    return int(reply.headers.get("X-Log-Position") or 0)


def adjustment(place, amount):
    return {"variant_id": place[0], "location_id": place[1], "delta": amount, "reason": "received"}


@suite.case
def histories_are_linearizable():
    lives = LIVES if world.rounds(15) <= 15 else world.rounds(15)
    shop = World(seed, {"checkpoint.interval": 100}, buyers=3, shim=preload.build(tools.name))
    shop.begin()
    history = History(shop)
    number = 0
    while number < lives or (len(history.operations) < OPERATIONS_LEAST and number < LIVES_MOST):
        history.life(chance.uniform(0.5, 1.5) * SECONDS_EACH, shop.server.stop if number % 8 == 7 else shop.server.kill)
        if number % 2:
            shop.cut()
        else:
            shop.keep()
        shop.restart()
        history.settle()
        number += 1
    for buyer in shop.buyers:                               # what is there in the end counts too
        begin, reply = time.monotonic(), buyer.client.get("/users/me")
        history.note(Operation(buyer.name, "read", None, (reply.data["version"], reply.data["profile"]["bio"]), begin,
                               time.monotonic(), position(reply)))
    shop.end()
    suite.check(not shop.faults, "\n".join(shop.faults))
    began = time.monotonic()
    unknown = sum(each.result == UNKNOWN for each in history.operations)
    for checker in (linear.positions, linear.searched):
        problems = list(checker(history.operations, history.first))
        suite.check(not problems, f"{checker.__name__}: {len(problems)}:\n" + "\n".join(map(str, problems[:10])))
    print(f"     {number} lives, {len(history.operations)} operations, {unknown} never answered, checked in "
          f"{time.monotonic() - began:.1f} s")
    suite.check(len(history.operations) >= OPERATIONS_LEAST, "there was a history")


if __name__ == "__main__":
    suite.main()
