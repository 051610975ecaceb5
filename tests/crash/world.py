"""A shop under load that remembers everything it was told: what the crash tests of the whole server are written with.

    world = World(seed, buyers=8)            a server, people, products, stock
    world.load(seconds)                      everybody sends commands; after so many seconds the server is killed
    world.restart()                          on the same data
    world.check()                            what was acknowledged is there, nothing is half there

Every person is a thread with a connection of its own and keeps, outside of the server, what it asked for and what it was
answered. A command that was sent and not answered is open: after the restart it is sent again under the same idempotency
key, and from then on its answer counts like any other. So at every check the history is complete, and the stock, the
orders and the memberships must be exactly what it says.

world.faults collects sentences; an empty list is a passed test.
"""

import collections
import datetime
import http.client
import itertools
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
os.environ["SOUK_VALIDATE"] = "0"       # the form of every answer is what the API tests look at; here it is the load

import harness                                                      # noqa: E402
import powercut                                                     # noqa: E402
import shop                                                         # noqa: E402
from sales import ADDRESS                                           # noqa: E402
from shop import Supplier, created, money                           # noqa: E402

# Short times, so that timers, expiries and late money happen within a round; many checkpoints, so that kills meet them.
SETTINGS = {
    "orders.hold": 1500, "orders.payment_wait": 150, "orders.open_max": 100000, "payment.attempt_time": 1000,
    "sandbox.payment_time": 15, "sandbox.late_time": 1200, "checkpoint.interval": 200, "auth.access_token_life": "1d", "log.level": "info,http=warning,mail=warning",
}
# Which tokens a purchase takes, and how often.
TOKENS = [("tok_success", 12), ("tok_declined", 3), ("tok_twice", 2), ("tok_timeout", 1), ("tok_late", 1)]
VARIANTS, START_STOCK, COMMUNITIES = 4, 400, 3
FINAL = (200, 201, 204, 402)            # answers that are remembered under their key
QUIET_SECONDS = 20
JOINED = ("user", "owner", "stats")
REPLAYED_OLD = 15                       # commands of earlier rounds that a check repeats
FAULTS_MOST = 40


class Command:
    """What somebody asked for, and what was answered. status 0: not answered."""

    def __init__(self, person, method, path, body=None, key=None, version=None, note=None):
        self.person, self.method, self.path, self.body, self.key, self.version = person, method, path, body, key, version
        self.note = note
        self.status, self.data, self.code, self.detail = 0, None, None, None

    def answered(self, reply):
        self.status, self.data, self.code = reply.status, reply.data, reply.code
        if reply.status == 402:
            self.detail = (reply.json.get("order_id"), reply.json.get("decline_code"))

    def answer(self):
        """What an answer under the same key has to be. Rows joined from other entities are as these are now."""
        data = self.data
        if isinstance(data, dict):
            data = {name: value for name, value in data.items() if name not in JOINED}
        return {"status": self.status, "data": data, "code": self.code, "detail": self.detail}

    @property
    def order_id(self):
        return self.detail[0] if self.status == 402 else (self.data or {}).get("id")

    def __repr__(self):
        return f"{self.person.name}: {self.method} {self.path} key {self.key} → {self.status}"


def differences(before, after, path=""):
    """Where two values of JSON differ."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted(before.keys() | after.keys()):
            yield from differences(before.get(name), after.get(name), f"{path}.{name}" if path else name)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (one, other) in enumerate(zip(before, after)):
            yield from differences(one, other, f"{path}[{at}]")
    elif before != after:
        yield f"{path}: {str(before)[:200]} → {str(after)[:200]}"


class Person:
    """One thread's worth of load. Subclasses choose what to do next."""

    def __init__(self, world, name, client):
        self.world, self.name, self.client = world, name, client
        self.random = random.Random(f"{world.seed} {name}")
        self.history, self.fresh = [], []   # answered: before this round, and in it
        self.open = None
        self.numbers = itertools.count(1)
        self.version, self.bio = None, None

    def key(self):
        return f"{self.name}-{next(self.numbers)}"

    def send(self, command):
        """The reply; raises when the connection ends, and leaves the command open."""
        self.open = command
        reply = self.request(command)
        if reply.status == 503:             # of a server that lost its disk: it says nothing of what it did
            raise ConnectionError("503")
        self.open = None
        self.answered(command, reply)
        return reply

    def request(self, command):
        reply = self.client.request(command.method, command.path, command.body, key=command.key, version=command.version)
        self.world.seen(command, reply)
        return reply

    def answered(self, command, reply):
        first = not command.status
        command.answered(reply)
        if first:
            self.fresh.append(command)
            self.took_effect(command)

    def took_effect(self, command):
        """The model follows a command's first answer."""

    def run(self, stop):
        """Commands until the server is gone."""
        try:
            while not stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass
        except harness.FormError as error:
            self.world.fault(f"{self.name}: {error}")
        finally:
            self.client.close()

    def step(self):
        raise NotImplementedError

    def patch_profile(self):
        if self.version is None:
            self.version = self.client.get("/users/me").data["version"]
        bio = f"{self.name} {next(self.numbers)}"
        self.send(Command(self, "PATCH", "/users/me", {"profile": {"bio": bio}}, version=self.version, note=bio))

    def register(self):
        email = f"{self.name}.{self.world.seed}.{next(self.numbers)}@example.com".lower()
        body = {"email": email, "password": harness.PASSWORD, "display_name": "New", "accept_terms": True}
        self.send(Command(self, "POST", "/auth/register", body, note=email))

    def settle_open(self):
        """Finds out what became of the command that was not answered. Returns whether it had taken effect."""
        command, self.open = self.open, None
        if command is None or command.method == "GET":
            return None
        if command.method == "PATCH":
            return self.settle_patch(command)
        reply = self.repeat(command)
        if command.path == "/auth/register":
            self.world.expect(reply.status in (201, 409), f"{command}: repeated: {reply}")
            command.status = 201
            self.fresh.append(command)
            return reply.status == 409
        self.answered(command, reply)
        return reply.headers.get("Idempotency-Replayed") == "true" or reply.status == 202

    def settle_patch(self, command):
        """Without a key: it is there whole, or not at all."""
        data = self.client.get(command.path).data
        there = self.patched(data) == command.note
        self.world.expect(data["version"] > command.version if there else data["version"] == command.version,
                          f"{command}: half of it is there: {data}")
        if not there:
            reply = self.request(command)
            self.world.expect(reply.status == 200, f"{command}: repeated: {reply}")
            data = reply.data
        command.status, command.data = 200, data
        self.fresh.append(command)
        self.took_effect(command)
        return there

    @staticmethod
    def patched(data):
        return data["profile"]["bio"]

    def repeat(self, command, seconds=QUIET_SECONDS):
        """Sends it again until it is decided."""
        deadline = time.monotonic() + seconds
        while True:
            reply = self.request(command)
            if reply.code != "idempotency_in_flight" or time.monotonic() > deadline:
                return reply
            time.sleep(0.03)

    def check_acknowledged(self, command):
        """The same answer under the same key; without a key, the effect itself."""
        expect = self.world.expect
        if command.path == "/auth/register":
            reply = self.request(command)
            expect(reply.code == "email_taken", f"{command}: was acknowledged, now {reply}")
            return
        if not command.key or command.status not in FINAL + (202,):
            return
        reply = self.repeat(command)
        if command.status == 202:
            wanted = command.order_id
            expect(reply.status in (201, 402), f"{command}: after a 202: {reply}")
            command.answered(reply)
            expect(command.order_id == wanted, f"{command}: another order: {reply}")
            return
        again = Command(self, command.method, command.path)
        again.answered(reply)
        found = list(differences(command.answer(), again.answer()))
        expect(not found, f"{command}: was answered otherwise: {'; '.join(found[:5])}")
        expect(reply.headers.get("Idempotency-Replayed") == "true", f"{command}: was done a second time")


class Buyer(Person):
    """Buys, cancels, joins, leaves, writes about itself, and invites others."""

    def __init__(self, world, name, client):
        super().__init__(world, name, client)
        self.memberships = dict.fromkeys(range(COMMUNITIES), False)
        self.bought = []

    def step(self):
        chance = self.random.random()
        if chance < 0.45:
            self.order()
        elif chance < 0.52 and self.bought:
            self.send(Command(self, "POST", f"/orders/{self.random.choice(self.bought[-30:])}/cancel", {}, key=self.key()))
        elif chance < 0.70:
            self.join_or_leave()
        elif chance < 0.80:
            self.patch_profile()
        elif chance < 0.82:
            self.register()
        else:
            self.read()

    def order(self):
        tokens, weights = zip(*TOKENS)
        lines = [{"variant_id": variant, "quantity": self.random.randint(1, 3)}
                 for variant in self.random.sample(self.world.variants, self.random.randint(1, 3))]
        body = {"items": lines, "shipping_address": ADDRESS,
                "payment": {"method": "card", "token": self.random.choices(tokens, weights)[0]}}
        self.send(Command(self, "POST", "/orders", body, key=self.key()))

    def join_or_leave(self):
        at = self.random.randrange(COMMUNITIES)
        wanted = not self.memberships[at]
        self.send(Command(self, "POST", f"/communities/{self.world.communities[at]}/{'join' if wanted else 'leave'}", key=self.key(),
                          note=(at, wanted)))

    def read(self):
        paths = ["/users/me", f"/products/{self.world.product['id']}", f"/communities/{self.random.choice(self.world.communities)}"]
        paths += [f"/orders/{each}" for each in self.bought[-3:]]
        self.send(Command(self, "GET", self.random.choice(paths)))

    def took_effect(self, command):
        if command.path == "/orders" and command.status in (201, 202, 402):
            self.bought.append(command.order_id)
            if command.status == 201:
                self.world.to_ship.append((command.order_id, [item["id"] for item in command.data["items"]]))
        elif isinstance(command.note, tuple):
            self.world.expect(command.status in (200, 201), f"{command}: {command.code}")
            self.memberships[command.note[0]] = command.note[1]
        elif command.path == "/users/me" and command.method == "PATCH":
            self.world.expect(command.status == 200, f"{command}: {command.code}")
            self.version, self.bio = command.data["version"], command.note


class Seller(Person):
    """Ships what was bought, counts the stock, and writes about the product."""

    def step(self):
        chance = self.random.random()
        if chance < 0.55 and self.world.to_ship:
            self.fulfil()
        elif chance < 0.85:
            self.adjust()
        elif self is self.world.sellers[0]:
            self.patch_product()
        else:
            self.send(Command(self, "GET", f"/products/{self.world.product['id']}/stock"))

    def fulfil(self):
        try:
            order, items = self.world.to_ship.popleft()
        except IndexError:
            return
        for item in items:
            for name, body in (("process", None), ("ship", {"carrier": "Post", "tracking_number": "T1"}), ("deliver", None)):
                if self.random.random() < 0.25:
                    return
                reply = self.send(Command(self, "POST", f"/orders/{order}/items/{item}/{name}", body, key=self.key()))
                if reply.status != 200:
                    return

    def adjust(self):
        place = (self.random.choice(self.world.variants), self.random.choice(self.world.locations))
        delta = self.random.choice((-2, -1, 3, 5, 8))
        body = {"variant_id": place[0], "location_id": place[1], "delta": delta, "reason": "received" if delta > 0 else "lost"}
        self.send(Command(self, "POST", f"/products/{self.world.product['id']}/stock/adjust", body, key=self.key(),
                          note=(place, delta)))

    def patch_product(self):
        path = f"/products/{self.world.product['id']}"
        if self.version is None:
            self.version = self.client.get(path).data["version"]
        text = f"Described {next(self.numbers)}"
        self.send(Command(self, "PATCH", path, {"description": text}, version=self.version, note=text))

    @staticmethod
    def patched(data):
        return data["description"]

    def took_effect(self, command):
        if isinstance(command.note, tuple) and command.status == 200:
            with self.world.lock:
                self.world.adjusted[command.note[0]] += command.note[1]
        elif command.method == "PATCH":
            self.world.expect(command.status == 200, f"{command}: {command.code}")
            self.version = command.data["version"]


class Writer(Person):
    """Posts to communities, and deletes some of it again."""

    def __init__(self, world, name, client):
        super().__init__(world, name, client)
        self.posts = {}                                 # of those that are there: the community

    def step(self):
        chance = self.random.random()
        if chance < 0.5:
            at = self.random.randrange(COMMUNITIES)
            body = {"community_id": self.world.communities[at], "type": "text", "title": f"Post {next(self.numbers)}", "body": "words"}
            self.send(Command(self, "POST", "/posts", body, key=self.key(), note=("post", at)))
        elif chance < 0.6 and self.posts:
            self.remove(self.random.choice(list(self.posts)))
        else:
            self.send(Command(self, "GET", f"/communities/{self.random.choice(self.world.communities)}/feed"))

    def remove(self, post):
        self.send(Command(self, "DELETE", f"/posts/{post}", note=("remove", post)))

    def settle_open(self):
        if self.open and self.open.method == "DELETE":  # without a key: it is there, or gone
            command, self.open = self.open, None
            reply = self.client.delete(command.path)
            self.world.expect(reply.status in (200, 204, 404), f"{command}: repeated: {reply}")
            self.posts.pop(command.note[1], None)
            return reply.status == 404
        return super().settle_open()

    def took_effect(self, command):
        if command.note and command.note[0] == "post":
            self.world.expect(command.status == 201, f"{command}: {command.code}")
            self.posts[command.data["id"]] = command.note[1]
        elif command.note and command.note[0] == "remove":
            self.world.expect(command.status in (200, 204), f"{command}: {command.code}")
            self.posts.pop(command.note[1], None)


class Keeper(Person):
    """Logs in, refreshes its tokens and logs out: what was ended stays ended."""

    def __init__(self, world, name, client, email):
        super().__init__(world, name, client)
        self.email, self.tokens, self.ended = email, None, []

    def step(self):
        anonymous = {"token": ""}
        if not self.tokens:
            self.take(self.client.post("/auth/login", {"email": self.email, "password": harness.PASSWORD}, **anonymous))
        elif self.random.random() < 0.8:
            asked, self.tokens = self.tokens, None      # the old one counts no more, once it was answered
            self.take(self.client.post("/auth/refresh", {"refresh_token": asked["refresh_token"]}, **anonymous))
        else:
            asked, self.tokens = self.tokens, None
            reply = self.client.post("/auth/logout", {"refresh_token": asked["refresh_token"]}, token=asked["access_token"])
            self.world.expect(reply.status in (204, 503), f"logout: {reply}")
            if reply.status == 204:
                self.ended.append(asked)

    def take(self, reply):
        self.world.expect(reply.status in (200, 503), f"{self.name}: {reply}")
        self.tokens = reply.data if reply.status == 200 else None

    def settle_open(self):
        if self.tokens:
            reply = self.client.get("/users/me", token=self.tokens["access_token"])
            self.world.expect(reply.status == 200, f"{self.name}: a token that was given is refused: {reply}")
            asked, self.tokens = self.tokens, None
            self.take(self.client.post("/auth/refresh", {"refresh_token": asked["refresh_token"]}, token=""))
        for tokens in self.ended[-5:]:
            reply = self.client.get("/users/me", token=tokens["access_token"])
            self.world.expect(reply.status == 401, f"{self.name}: a token of an ended login is taken: {reply}")
        return None


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
        self.versions = {}                              # path: highest version that anybody was shown
        self.adjusted = collections.Counter()
        self.to_ship = collections.deque()
        self.kills = self.under_way = self.beyond = 0
        self.began = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)).strftime("%Y-%m-%d")
        self.buyer_count = buyers

    # ---- what everybody finds ----

    def begin(self):
        """The first start, and what the load needs."""
        self.server.start()
        admin = self.admin = self.server.admin()
        supplier = self.supplier = Supplier(self.server, admin)
        self.locations = [supplier.location, supplier.add_location("Second", 2)]
        variants = [{"sku": f"C-{i}", "attributes": {"size": str(i)}, "price": money(1000 + i)} for i in range(VARIANTS)]
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
        self.sellers = [Seller(self, f"s{i}", owner if not i else self.server.client(owner.token)) for i in range(2)]
        self.writer = Writer(self, "w", leader)
        keeper = self.server.user("Keeper")
        self.people = self.buyers + self.sellers + [self.writer, Keeper(self, "k", keeper, keeper.user["email"])]

    def fault(self, text):
        with self.lock:
            if len(self.faults) < FAULTS_MOST:
                self.faults.append(f"seed {self.seed}: {text}")

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
        if reply.status >= 500 and reply.code not in ("overloaded", "stopping"):
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

    def start_and_kill(self, seconds):
        """A start that is killed in the middle of its recovery."""
        process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True, env={**os.environ, **self.server.environment})
        time.sleep(seconds)
        process.kill()
        code = process.wait()
        self.expect(code == -9, f"a start before the last one ended with {code}")

    def cut(self):
        """The power goes, after the server did: what was not synced may be lost."""
        powercut.cut(self.disk, self.state, self.random)

    def argv(self):
        argv = [self.server.binary, "serve", "--data", self.server.data, "--listen", "127.0.0.1:0"]
        return argv + [part for name, value in self.server.settings.items() for part in ("--set", f"{name}={value}")]

    def restart(self):
        self.server.start()
        position = self.position()
        self.beyond += position > self.position_seen
        self.expect(position >= self.position_seen, f"position {self.position_seen} was shown, the log ends at {position}")

    def position(self):
        """Where the log ended when the server was started last."""
        return int(re.findall(r'"position":(\d+)', self.server.log_text())[-1])

    def verify(self):
        """souk verify on a directory that nobody serves."""
        done = subprocess.run([self.server.binary, "verify", "--data", self.server.data], capture_output=True, text=True, timeout=300)
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
                self.expect(person.bio in (None, me["profile"]["bio"]), f"{person.name}: the bio {person.bio!r} is lost: {me}")

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
        self.expect(numbers == list(range(1, len(orders) + 1)), f"{len(orders)} orders with the numbers {numbers[:3]} … {numbers[-3:]}")
        for buyer in self.buyers:
            mine = [order for order in orders if order["customer"]["user_id"] == buyer.client.id]
            known, there = collections.Counter(buyer.bought), collections.Counter(order["id"] for order in mine)
            self.expect(known == there, f"{buyer.name}: orders that were not asked for {there - known}, that are gone {known - there}")
            stats = buyer.client.get("/users/me").data["stats"]
            confirmed = sum(any(entry["event"] == "order.confirmed" for entry in order["timeline"]) for order in mine)
            spent = sum(order["payment"]["captured"]["amount"] - order["payment"]["refunded"]["amount"] for order in mine)
            self.expect(stats["total_orders"] == confirmed, f"{buyer.name}: {confirmed} confirmed orders, total_orders {stats}")
            self.expect((stats["total_spent"] or {"amount": 0})["amount"] == spent, f"{buyer.name}: spent {spent}, total_spent {stats}")
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
        for once in ("order.created", "order.confirmed", "order.cancelled", "order.shipped", "order.delivered", "order.payment_succeeded"):
            self.expect(events.count(once) <= 1, f"{text}: {once} twice")

    def check_stock(self, orders):
        held = {state: collections.Counter() for state in ("reserved", "allocated", "shipped")}
        counts = {"pending": "reserved", "confirmed": "allocated", "processing": "allocated", "shipped": "shipped", "delivered": "shipped"}
        for order in orders:
            for item in order["items"]:
                for taken in item["allocations"]:
                    self.expect(item["status"] in counts, f"order {order['id']}: an item {item['status']} holds stock")
                    held[counts.get(item["status"], "reserved")][item["variant_id"], taken["location_id"]] += taken["quantity"]
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
            self.expect(members - {shown["owner"]["user_id"]} == expected, f"community {at}: members {members}, expected {expected}")
            self.expect(shown["stats"]["member_count"] == len(expected) + 1, f"community {at}: {shown['stats']}, expected {len(expected) + 1}")

    def check_what_follows(self, orders):
        """Feeds and figures are what happened; each mail was sent, none of what did not happen."""
        for at, community in enumerate(self.communities):
            shown = collections.Counter(card["reference_id"] for card in self.admin.pages(f"/communities/{community}/feed", limit=100))
            posts = collections.Counter(post for post, where in self.writer.posts.items() if where == at)
            self.expect(shown == posts, f"feed {at}: too many {shown - posts}, missing {posts - shown}")
        happened = collections.Counter(event for order in orders for event in {entry["event"] for entry in order["timeline"]})
        funnel = collections.Counter()
        for row in self.admin.pages(f"/admin/analytics/order-funnel?from={self.began}", limit=100):
            funnel.update({name: row[name] for name in ("created", "confirmed", "shipped", "delivered", "cancelled")})
        expected = {name: happened[f"order.{name}"] for name in funnel}
        self.expect(dict(funnel) == expected, f"order funnel: {dict(funnel)}, expected {expected}")
        sent = collections.Counter(name.rsplit("-", 1)[0] for name in os.listdir(self.mails) if name.endswith(".txt"))
        for template, event in (("order_confirmed", "order.confirmed"), ("order_shipped", "order.shipped")):
            self.expect(sent[template] == happened[event], f"{sent[template]} mails {template}, but {happened[event]} times {event}")

    def end(self):
        self.server.remove()


def rounds(short):
    """How many rounds this run has: $ROUNDS, or so many in a short one."""
    return int(os.environ.get("ROUNDS", short))


def seed_of_run():
    """$SEED, or a new one."""
    return int(os.environ.get("SEED") or random.SystemRandom().getrandbits(32))
