"""A shop under load that remembers everything it was told: what the crash tests of the whole server are written with.

    world = World(seed)
    world.begin()                            a server, people, products, stock
    world.load(seconds)                      everybody sends commands; after so many seconds the server is killed
    world.restart()                          on the same data
    world.check_history()                    what was acknowledged is there; what was not is brought to its end
    world.check_all()                        and everything follows from that, nothing is half there

Every person is a thread with a connection of its own and keeps, outside of the server, what it asked for and what it
was answered. A command that was sent and not answered is open: after the restart it is sent again under the same
idempotency key, and from then on its answer counts like any other. So at every check the history is complete, and the
stock, the orders and the memberships must be exactly what it says.

world.faults collects sentences; an empty list is a passed test.
"""

import collections
import datetime
import json
import os
import random
import re
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "api")]

import harness                                                      # noqa: E402
import powercut                                                     # noqa: E402
import shop                                                         # noqa: E402
from people import COMMUNITIES, Buyer, Keeper, Seller, Writer       # noqa: E402
from shop import Supplier, created, money                           # noqa: E402

harness.Client.validates = False        # the form of every answer is what the API tests look at; here it is the load

# Short times, so that timers, expiries and late money happen within a round; many checkpoints, so that kills meet them.
SETTINGS = {
    "orders.hold": 1500, "orders.payment_wait": 150, "orders.open_max": 100000, "payment.attempt_time": 1000,
    "sandbox.payment_time": 15, "sandbox.late_time": 1200, "checkpoint.interval": 200,
    "auth.access_token_life": "1d", "log.level": "info,http=warning,mail=warning",
}
VARIANTS, START_STOCK = 4, 400
QUIET_SECONDS = 120
REPLAYED_OLD = 15                       # commands of earlier rounds that a check repeats
FAULTS_MOST = 40


class World:
    def __init__(self, seed, settings=None, buyers=8, shim=None):
        """shim: lossy.so, under which the disk can lose power."""
        self.seed, self.faults, self.lock = seed, [], threading.Lock()
        self.random = random.Random(f"{seed} world")
        self.server = harness.Server(settings={**SETTINGS, **(settings or {})}, start=False)
        self.disk, self.state = (os.path.join(self.server.directory, name) for name in ("disk", "state"))
        os.mkdir(self.disk)
        os.mkdir(self.state)
        self.mails = os.path.join(self.server.directory, "mails")
        self.server.settings["sandbox.mail_directory"] = self.mails
        self.server.data = os.path.join(self.disk, "data")
        if shim:
            self.server.environment = {"LD_PRELOAD": shim, "LOSSY_ROOT": self.disk, "LOSSY_STATE": self.state}
        self.position_seen = 0
        self.reads_may_fail = False                     # what cannot be read is answered 500
        self.versions = {}                              # path: highest version that anybody was shown
        self.adjusted = collections.Counter()
        self.to_ship = collections.deque()
        self.kills = self.under_way = self.beyond = 0
        yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
        self.began = yesterday.strftime("%Y-%m-%d")
        self.buyer_count = buyers

    # ---- what everybody finds ----

    def begin(self):
        """The first start, and what the load needs."""
        self.server.start()
        admin = self.admin = self.server.admin()
        supplier = self.supplier = Supplier(self.server, admin)
        self.locations = [supplier.location, supplier.add_location("Second", 2)]
        variants = [{"sku": f"C-{i}", "attributes": {"size": str(i)}, "price": money(1000 + i)}
                    for i in range(VARIANTS)]
        self.product = supplier.product(variants=variants)
        self.variants = [variant["id"] for variant in self.product["variants"]]
        for number in range(VARIANTS):
            for location in self.locations:
                supplier.stock(self.product, START_STOCK, variant=number, location=location)
                self.adjusted[self.variants[number], location] += START_STOCK
        leader = shop.leader(self.server, admin)
        self.communities = [shop.community(leader)["id"] for _ in range(COMMUNITIES)]
        self.buyers = [Buyer(self, f"b{i}", self.server.user(f"Buyer {i}")) for i in range(self.buyer_count)]
        owner = supplier.owner
        self.sellers = [Seller(self, "s0", owner), Seller(self, "s1", self.server.client(owner.token))]
        self.writer = Writer(self, "w", leader)
        keeper = self.server.user("Keeper")
        self.people = self.buyers + self.sellers + [self.writer, Keeper(self, "k", keeper, keeper.user["email"])]

    def fault(self, text):
        with self.lock:
            if len(self.faults) < FAULTS_MOST:
                self.faults.append(f"seed {self.seed}: {text}")

    def no_answers(self):
        """Statuses that say nothing of what was done."""
        return (503, 500) if self.reads_may_fail else (503,)

    def expect(self, condition, text):
        if not condition:
            self.fault(text)

    def seen(self, command, reply):
        """What was shown can never be taken back, to a reader neither."""
        position = int(reply.headers.get("X-Log-Position") or 0)
        data = reply.data if isinstance(reply.data, dict) else {}
        with self.lock:
            self.position_seen = max(self.position_seen, position)
            if command.method == "GET" and "version" in data:
                self.versions[command.path] = max(self.versions.get(command.path, 0), data["version"])
        refused = reply.code in ("overloaded", "stopping") or (self.reads_may_fail and reply.code == "internal_error")
        if reply.status >= 500 and not refused:
            self.fault(f"{command}: {reply}")

    # ---- load and crashes ----

    def work(self, seconds, end=None):
        """Everybody works for so many seconds; `end` is called while they do."""
        stop = threading.Event()
        threads = [threading.Thread(target=person.run, args=(stop,)) for person in self.people]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        if end:
            end()
        stop.set()
        for thread in threads:
            thread.join()

    def load(self, seconds, end=None):
        """Everybody works; after so many seconds the server is killed, or ended by `end`."""
        self.work(seconds, end or self.server.kill)
        self.kills += 1
        self.under_way += any(person.open and person.open.method != "GET" for person in self.people)

    def answers(self):
        return sum(len(person.history) + len(person.fresh) for person in self.people)

    def until_answered(self, seconds=60):
        """Until somebody is answered again, or the server has ended."""
        before, deadline = self.answers(), time.monotonic() + seconds
        while self.server.alive() and self.answers() == before and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.answers() > before

    def load_once_answered(self, seconds):
        """As load; the time counts from the first answer, however slow the machine is."""
        def end():
            self.until_answered()
            time.sleep(seconds)
            self.server.kill()
        self.load(0, end)

    def start_and_kill(self, seconds):
        """A start that is killed in the middle of its recovery."""
        options = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        options["env"] = {**os.environ, **self.server.environment}
        process = subprocess.Popen(self.argv(), start_new_session=True, **options)
        time.sleep(seconds)
        process.kill()
        code = process.wait()
        self.expect(code == -9, f"a start before the last one ended with {code}")

    def cut(self):
        """The power goes, after the server did: what was not synced may be lost."""
        powercut.cut(self.disk, self.state, self.random)

    def keep(self):
        """The power stays, and with it what was written."""
        for name in os.listdir(self.state):
            os.unlink(os.path.join(self.state, name))

    def argv(self):
        argv = [self.server.binary, "serve", "--data", self.server.data, "--listen", "127.0.0.1:0", "--mode", self.server.mode]
        return argv + [part for name, value in self.server.settings.items() for part in ("--set", f"{name}={value}")]

    def restart(self):
        self.server.start()
        position = self.position()
        self.beyond += position > self.position_seen
        self.expect(position >= self.position_seen,
                    f"position {self.position_seen} was shown, the log ends at {position}")

    def position(self):
        """Where the log ended when the server was started last."""
        return int(re.findall(r'"position":(\d+)', self.server.log_text())[-1])

    def verify(self):
        """souk verify on a directory that nobody serves."""
        argv = [self.server.binary, "verify", "--data", self.server.data]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        self.expect(done.returncode == 0, f"souk verify: {done.returncode}\n{done.stdout}{done.stderr}")

    # ---- checks ----

    def check_history(self):
        """After each restart: what was acknowledged is there; open commands are brought to their end."""
        for path, version in self.versions.items():
            reply = self.admin.get(path) if "/users/me" not in path else None
            self.expect(reply is None or (reply.status == 200 and reply.data["version"] >= version),
                        f"GET {path}: version {version} was shown, now {reply}")
        for person in self.people:
            acknowledged = person.fresh + self.random.sample(person.history, min(len(person.history), REPLAYED_OLD))
            for command in acknowledged:
                person.check_acknowledged(command)
            person.settle_open()
            person.history += person.fresh
            person.fresh = []
            if person in self.buyers:
                me = person.client.get("/users/me").data
                self.expect(person.bio in (None, me["profile"]["bio"]),
                            f"{person.name}: the bio {person.bio!r} is lost: {me}")

    def wait_quiet(self):
        """No effect is pending, and no order waits for its payment."""
        deadline = time.monotonic() + QUIET_SECONDS
        while time.monotonic() < deadline:
            metrics = self.admin.get("//metrics").body.decode()
            effects = int(re.search(r"^souk_effects (\d+)", metrics, re.MULTILINE).group(1))
            if not effects and not self.admin.get("/admin/orders?status=pending&limit=1").data:
                return
            time.sleep(0.05)
        self.fault(f"after {QUIET_SECONDS} s effects or payments are still pending: {effects} effects")

    def check_all(self):
        """Once everything is decided: the equations, and nothing that nobody asked for."""
        self.wait_quiet()
        for person in self.people:
            for command in person.history:
                if command.status == 202:
                    person.check_acknowledged(command)
        orders = self.admin.pages("/admin/orders", limit=100)
        self.check_orders(orders)
        self.check_stock(orders)
        self.check_communities()
        self.check_what_follows(orders)

    def check_orders(self, orders):
        numbers = sorted(int(order["number"].split("-")[2]) for order in orders)
        self.expect(numbers == list(range(1, len(orders) + 1)),
                    f"{len(orders)} orders with the numbers {numbers[:3]} … {numbers[-3:]}")
        for buyer in self.buyers:
            mine = [order for order in orders if order["customer"]["user_id"] == buyer.client.id]
            known, there = collections.Counter(buyer.bought), collections.Counter(order["id"] for order in mine)
            self.expect(known == there,
                        f"{buyer.name}: orders that nobody asked for {there - known}, that are gone {known - there}")
            stats = buyer.client.get("/users/me").data["stats"]
            confirmed = sum(any(entry["event"] == "order.confirmed" for entry in order["timeline"]) for order in mine)
            payments = [order["payment"] for order in mine]
            spent = sum(payment["captured"]["amount"] - payment["refunded"]["amount"] for payment in payments)
            told = (stats["total_spent"] or {"amount": 0})["amount"]
            self.expect(stats["total_orders"] == confirmed, f"{buyer.name}: {confirmed} confirmed, shown {stats}")
            self.expect(told == spent, f"{buyer.name}: spent {spent}, shown {stats}")
        for order in orders:
            self.check_order(order)

    def check_order(self, order):
        payment, total = order["payment"], order["total"]["amount"]
        captured, refunded = payment["captured"]["amount"], payment["refunded"]["amount"]
        text = f"order {order['id']} {order['status']} {order['cancel_reason']}: {json.dumps(payment)}"
        self.expect(order["status"] != "pending", text)
        self.expect(refunded <= captured and captured in (0, total), text)
        if order["status"] == "cancelled":
            self.expect(refunded == captured, f"{text}: not all is paid back")
        else:
            self.expect(captured == total, f"{text}: not paid")
        events = [entry["event"] for entry in order["timeline"]]
        for once in ("created", "payment_succeeded", "confirmed", "shipped", "delivered", "cancelled"):
            self.expect(events.count(f"order.{once}") <= 1, f"{text}: {once} twice")

    def check_stock(self, orders):
        held = {state: collections.Counter() for state in ("reserved", "allocated", "shipped")}
        counts = {"pending": "reserved", "confirmed": "allocated", "processing": "allocated", "shipped": "shipped",
                  "delivered": "shipped"}
        for order in orders:
            for item in order["items"]:
                for taken in item["allocations"]:
                    self.expect(item["status"] in counts, f"order {order['id']}: an item {item['status']} holds stock")
                    place = (item["variant_id"], taken["location_id"])
                    held[counts.get(item["status"], "reserved")][place] += taken["quantity"]
        for row in self.supplier.owner.pages(f"/products/{self.product['id']}/stock", limit=100):
            place = (row["variant_id"], row["location_id"])
            expected = {state: held[state][place] for state in held}
            expected["received + adjusted"] = self.adjusted[place]
            expected["on_hand"] = self.adjusted[place] - expected["allocated"] - expected["shipped"]
            actual = {**{state: row[state] for state in held}, "received + adjusted": row["received"] + row["adjusted"],
                      "on_hand": row["on_hand"]}
            self.expect(actual == expected, f"stock {place}: expected {expected}, is {actual}")
            self.expect(row["available"] == row["on_hand"] - row["reserved"] >= 0, f"stock {place}: {row}")

    def check_communities(self):
        for at, community in enumerate(self.communities):
            members = {member["user_id"] for member in self.admin.pages(f"/communities/{community}/members", limit=100)}
            expected = {buyer.client.id for buyer in self.buyers if buyer.memberships[at]}
            shown = self.admin.get(f"/communities/{community}").data
            joined, count = members - {shown["owner"]["user_id"]}, shown["stats"]["member_count"]
            self.expect(joined == expected, f"community {at}: members {joined}, expected {expected}")
            self.expect(count == len(expected) + 1, f"community {at}: {count} members, expected {len(expected) + 1}")

    def check_what_follows(self, orders):
        """Feeds and figures are what happened; each mail was sent, none of what did not happen."""
        for at, community in enumerate(self.communities):
            cards = self.admin.pages(f"/communities/{community}/feed", limit=100)
            shown = collections.Counter(card["reference_id"] for card in cards)
            posts = collections.Counter(post for post, where in self.writer.posts.items() if where == at)
            self.expect(shown == posts, f"feed {at}: too many {shown - posts}, missing {posts - shown}")
        events = ({entry["event"] for entry in order["timeline"]} for order in orders)
        happened = collections.Counter(event for once in events for event in once)
        funnel = collections.Counter()
        for row in self.admin.pages(f"/admin/analytics/order-funnel?from={self.began}", limit=100):
            funnel.update({name: row[name] for name in ("created", "confirmed", "shipped", "delivered", "cancelled")})
        expected = {name: happened[f"order.{name}"] for name in funnel}
        self.expect(dict(funnel) == expected, f"order funnel: {dict(funnel)}, expected {expected}")
        sent = collections.Counter(name.rsplit("-", 1)[0] for name in os.listdir(self.mails) if name.endswith(".txt"))
        for template, event in (("order_confirmed", "order.confirmed"), ("order_shipped", "order.shipped")):
            self.expect(sent[template] == happened[event],
                        f"{sent[template]} mails {template}, but {happened[event]} times {event}")

    def end(self):
        self.server.remove()


def rounds(short):
    """How many rounds this run has: $ROUNDS, or so many in a short one."""
    return int(os.environ.get("ROUNDS", short))


def seed_of_run():
    """$SEED, or a new one."""
    return int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32))
