"""The people of a world: each a thread's worth of load, with a memory of what it asked for and what it was answered."""

import collections
import http.client
import itertools
import random
import time
import traceback

import harness
from sales import ADDRESS

COMMUNITIES = 3
# Which tokens a purchase takes, and how often.
TOKENS = [("tok_success", 12), ("tok_declined", 3), ("tok_twice", 2), ("tok_timeout", 1), ("tok_late", 1)]
# What is done with an item.
STEPS = [("process", None), ("ship", {"carrier": "Post", "tracking_number": "T1"}), ("deliver", None)]
FINAL = (200, 201, 204, 402)            # answers that are remembered under their key
JOINED = ("user", "owner", "stats")
DECIDED_SECONDS = 120


class Command:
    """What somebody asked for, and what was answered. status 0: not answered."""

    def __init__(self, person, method, path, body=None, key=None, version=None, note=None):
        self.person, self.method, self.path, self.body = person, method, path, body
        self.key, self.version, self.note = key, version, note
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
        reply = self.decided(self.request(command))
        self.open = None
        self.answered(command, reply)
        return reply

    def decided(self, reply):
        """The reply, unless it says nothing: of a server that lost its disk. Then it is asked for again."""
        if reply.status in self.world.no_answers():
            raise ConnectionError(str(reply.status))
        return reply

    def request(self, command):
        reply = self.client.request(command.method, command.path, command.body, key=command.key,
                                    version=command.version)
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
        """Commands until the server is gone. One that is open since the last time comes first: a second one would hide it."""
        try:
            if self.open:
                self.settle()
            while not stop.is_set():
                self.step()
        except (OSError, http.client.HTTPException):
            pass
        except harness.FormError as error:
            self.world.fault(f"{self.name}: {error}")
        except Exception:                       # pylint: disable=broad-except
            self.world.fault(f"{self.name}: {traceback.format_exc()}")
        finally:
            self.client.close()

    def step(self):
        raise NotImplementedError

    def settle(self):
        """As settle_open, of a server that may end meanwhile: then the command stays open."""
        command = self.open
        try:
            self.settle_open()
        except (OSError, http.client.HTTPException):
            self.open = command
            raise

    def shown(self, path):
        """What a read shows."""
        return self.decided(self.client.get(path)).data

    def patch_profile(self):
        if self.version is None:
            self.version = self.shown("/users/me")["version"]
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
        data = self.shown(command.path)
        there = self.patched(data) == command.note
        self.world.expect(data["version"] > command.version if there else data["version"] == command.version,
                          f"{command}: half of it is there: {data}")
        if not there:
            reply = self.decided(self.request(command))
            self.world.expect(reply.status == 200, f"{command}: repeated: {reply}")
            data = reply.data
        command.status, command.data = 200, data
        self.fresh.append(command)
        self.took_effect(command)
        return there

    @staticmethod
    def patched(data):
        return data["profile"]["bio"]

    def repeat(self, command, seconds=DECIDED_SECONDS):
        """Sends it again until it is decided."""
        deadline = time.monotonic() + seconds
        while True:
            reply = self.request(command)
            is_decided = reply.code != "idempotency_in_flight" and reply.status not in self.world.no_answers()
            if is_decided or time.monotonic() > deadline:
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
            order = self.random.choice(self.bought[-30:])
            self.send(Command(self, "POST", f"/orders/{order}/cancel", {}, key=self.key()))
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
        path = f"/communities/{self.world.communities[at]}/{'join' if wanted else 'leave'}"
        self.send(Command(self, "POST", path, key=self.key(), note=(at, wanted)))

    def read(self):
        paths = ["/users/me", f"/products/{self.world.product['id']}"]
        paths += [f"/communities/{self.random.choice(self.world.communities)}"]
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
            for name, body in STEPS:
                if self.random.random() < 0.25:
                    return
                reply = self.send(Command(self, "POST", f"/orders/{order}/items/{item}/{name}", body, key=self.key()))
                if reply.status != 200:
                    return

    def adjust(self):
        place = (self.random.choice(self.world.variants), self.random.choice(self.world.locations))
        delta = self.random.choice((-2, -1, 3, 5, 8))
        body = {"variant_id": place[0], "location_id": place[1], "delta": delta,
                "reason": "received" if delta > 0 else "lost"}
        self.send(Command(self, "POST", f"/products/{self.world.product['id']}/stock/adjust", body, key=self.key(),
                          note=(place, delta)))

    def patch_product(self):
        path = f"/products/{self.world.product['id']}"
        if self.version is None:
            self.version = self.shown(path)["version"]
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
            body = {"community_id": self.world.communities[at], "type": "text", "body": "words",
                    "title": f"Post {next(self.numbers)}"}
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
            reply = self.decided(self.client.delete(command.path))
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
            body = {"refresh_token": asked["refresh_token"]}
            reply = self.client.post("/auth/logout", body, token=asked["access_token"])
            self.world.expect(reply.status in (204, *self.world.no_answers()), f"logout: {reply}")
            if reply.status == 204:
                self.ended.append(asked)

    def take(self, reply):
        self.world.expect(reply.status in (200, *self.world.no_answers()), f"{self.name}: {reply}")
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
