"""The worlds that are measured, and the requests that bench/load sends to them.

    prepare.py --port-file FILE     starts a server on a temporary directory, fills it, serves until it is told to end

bench/run makes worlds itself. A world is a server with data in it:

    Shop     made through the HTTP API: one verified supplier with PRODUCTS products of two variants each and more stock than
             any run can sell; one public community with POSTS posts and PROMOTIONS active promotions in its feed; CONSUMERS
             members, each with a token of their own
    Market   made by `souk demo --scale`: thousands of products, or a million; made once for each binary, then copied
    Markets  the same of a thousand tenants that share the products

A scenario is a function that yields the requests to a world. What is drawn is drawn from a fixed seed.
"""

import argparse
import bisect
import concurrent.futures
import hashlib
import http.client
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

BENCH = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(BENCH)
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "api"))

import harness                                              # pylint: disable=wrong-import-position
import sales                                                # pylint: disable=wrong-import-position
import shop                                                 # pylint: disable=wrong-import-position

PRODUCTS = 64
PROMOTIONS = 8
POSTS = 60
CONSUMERS = 64
STOCK = 1_000_000_000
SCALE_PASSWORD = "demo password"
SAMPLE = 50_000                                             # products of a large marketplace that are asked for
DRAWN = 20_000                                              # requests of a file whose requests are drawn
ZIPF = 0.99                                                 # as YCSB draws
UNIQUE = "*" * 16                                           # bench/load puts a number of its own here
DESCRIPTION = "Made to last, of what grows nearby, by people who like to answer questions about it. " * 6
TEXT = "What we have made this week, how long it took, what we would do differently, and where to see it. " * 3
MANY_CONNECTIONS = {"net.connections": 19000, "net.connections_per_address": 0}


# ---- Worlds ----------------------------------------------------------------------------------------------------------

class World:
    """A server, and the files of requests to it."""

    def __init__(self, directory, settings=None, start=True):
        os.makedirs(directory, exist_ok=True)
        tempfile.tempdir = directory                        # the data too: on a disk, so that a sync is one
        self.server = harness.Server(settings={**MANY_CONNECTIONS, **(settings or {})}, start=start)
        self.files = {}

    def requests(self, scenario):
        """The file of a scenario's requests."""
        if scenario not in self.files:
            self.files[scenario] = os.path.join(self.server.directory, scenario + ".requests")
            write_requests(self.files[scenario], SCENARIOS[scenario](self))
        return self.files[scenario]

    def stop(self):
        status = self.server.stop()
        self.server.remove()
        return status


class Shop(World):
    def __init__(self, directory, settings=None):
        super().__init__(directory, settings)
        server, admin = self.server, self.server.admin()
        self.supplier = shop.Supplier(server, admin, name="Hazel and Sons")
        self.products = [self.make_product(number) for number in range(PRODUCTS)]
        self.leader = shop.leader(server, admin, "Lea")
        self.community = shop.community(self.leader, "Makers of things")
        self.posts = [shop.created(self.leader.post("/posts", {
            "community_id": self.community["id"], "type": "text", "title": f"Week {number} in the workshop",
            "body": TEXT})) for number in range(POSTS)]
        self.promotions = [sales.promotion(self.supplier, product, leader=self.leader, communities=[self.community])
                           for product in self.products[:PROMOTIONS]]
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.consumers = list(pool.map(self.make_consumer, range(CONSUMERS)))

    def make_product(self, number):
        variants = [{"sku": f"SKU-{number}-{size}", "attributes": {"size": size, "color": "oak"},
                     "price": shop.money(2500 + 10 * number), "weight_g": 800} for size in ("M", "L")]
        product = self.supplier.product(name=f"Chair number {number}", description=DESCRIPTION, category="furniture",
                                        brand="Hazel", tags=["oak", "chair", "handmade"], variants=variants)
        for variant in range(len(variants)):
            self.supplier.stock(product, STOCK, variant)
        return product

    def make_consumer(self, number):
        client = self.server.user(f"Consumer {number}", email=f"consumer.{number}@bench.example.com")
        shop.join(client, self.community)
        client.close()
        return client


class Market(World):
    """`scale` as souk demo takes it. Of the start `ready` and `answered` are measured, in seconds."""

    def __init__(self, directory, settings=None, scale="10k", tenants=1, cold=False):
        super().__init__(directory, settings, start=False)
        self.scale, self.tenants = scale, tenants
        kept = self.make(directory)
        shutil.copytree(kept, self.server.data, copy_function=link_or_copy)
        shutil.copy(kept + ".key", self.server.data + ".key")
        if cold:
            forget_pages(self.server.data)
        began = time.monotonic()
        self.server.start()
        self.ready = time.monotonic() - began
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        self.get("/products?limit=1")
        self.answered = time.monotonic() - began

    def make(self, directory):
        """The data of this scale, made once for each binary."""
        binary = self.server.binary
        with open(binary, "rb") as file:
            version = hashlib.sha256(file.read()).hexdigest()[:12]
        name = f"market-{self.scale}-{self.tenants}-"
        kept = os.path.join(directory, name + version)
        if not os.path.exists(kept + ".key") or not os.path.exists(kept + ".whole"):
            for old in os.listdir(directory):
                if old.startswith(name):
                    path = os.path.join(directory, old)
                    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
            argv = [binary, "demo", "--data", kept, "--scale", self.scale, "--tenants", str(self.tenants)]
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(kept + ".whole", "w", encoding="ascii"):
                pass
        return kept

    def get(self, path, token=None, tenant=None):
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = "Bearer " + token
        if tenant:
            headers["X-Tenant"] = tenant
        self.connection.request("GET", "/api/v1" + path, headers=headers)
        return json.loads(self.connection.getresponse().read())

    def pages(self, path, **more):
        cursor, sign = "", "&" if "?" in path else "?"
        while cursor is not None:
            reply = self.get(f"{path}{sign}limit=100{cursor and '&cursor=' + cursor}", **more)
            yield from reply["data"]
            cursor = reply["page"]["next"]

    def log_in(self, person):
        body = json.dumps({"email": f"person{person}@scale.example", "password": SCALE_PASSWORD})
        self.connection.request("POST", "/api/v1/auth/login", body, {"Content-Type": "application/json"})
        return json.loads(self.connection.getresponse().read())["data"]["access_token"]

    def read(self):
        """What requests need: product ids, what their suppliers' owners may do, tokens."""
        communities = list(self.pages("/communities"))
        self.community = communities[0]
        self.suppliers = {each["id"]: each for each in self.pages("/suppliers")}
        for supplier in self.suppliers.values():            # as src/main/demo_scale.c gives them their owners
            supplier["token"] = self.log_in(len(communities) + int(supplier["name"].split()[1]))
            own = self.get("/suppliers/" + supplier["id"], supplier["token"])["data"]
            supplier["location"] = own["locations"][0]["id"]
        self.products = sample({name: each[name] for name in ("id", "supplier_id", "variants")}
                               for each in self.pages("/products"))
        self.tokens = [self.log_in(person) for person in range(32)]


def sample(items):
    """Any SAMPLE of them, or all, in any order: so those that will be hot lie anywhere."""
    chance, kept = random.Random(1), []
    for number, item in enumerate(items):                   # Knuth's reservoir
        if number < SAMPLE:
            kept.append(item)
        elif (place := chance.randrange(number + 1)) < SAMPLE:
            kept[place] = item
    chance.shuffle(kept)
    return kept


def link_or_copy(source, target):
    """Tables are never written again; everything else is."""
    if source.endswith(".sst"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def forget_pages(directory):
    """The operating system reads these files from the disk again."""
    os.sync()
    for path, _, names in os.walk(directory):
        for name in names:
            descriptor = os.open(os.path.join(path, name), os.O_RDONLY)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


# ---- Requests --------------------------------------------------------------------------------------------------------

def request(method, path, token=None, body=None, headers=()):
    """The bytes of one request, as a browser or an app would send it."""
    payload = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: localhost", "Accept: application/json",
             "User-Agent: souk-bench/1"]
    if token:
        lines.append("Authorization: Bearer " + token)
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode() + payload


def write_requests(path, requests):
    """As bench/load reads them."""
    with open(path, "wb") as file:
        for each in requests:
            file.write(b"REQUEST %d\n" % len(each) + each)


def cycled(items):
    """(consumer's number, item) for as many as there are consumers, or items when they are more."""
    return ((number, items[number % len(items)]) for number in range(max(CONSUMERS, len(items))))


def entity_read(world):
    for number, product in cycled(world.products):
        yield request("GET", "/products/" + product["id"], world.consumers[number % CONSUMERS].token)


def not_modified(world):
    for number, product in cycled(world.products):
        client = world.consumers[number % CONSUMERS]
        etag = client.get("/products/" + product["id"]).headers["ETag"]
        client.close()
        yield request("GET", "/products/" + product["id"], client.token, headers=["If-None-Match: " + etag])


def feed(limit):
    return lambda world: (request("GET", f"/communities/{world.community['id']}/feed?limit={limit}", client.token)
                          for client in world.consumers)


def products_of_category(world):
    for client in world.consumers:
        yield request("GET", "/products?category=furniture&limit=20", client.token)


def products_of_supplier(world):
    for client in world.consumers:
        yield request("GET", f"/suppliers/{world.supplier.id}/products?limit=20", client.token)


def login(world):
    for client in world.consumers:
        yield request("POST", "/auth/login", body={"email": client.user["email"], "password": harness.PASSWORD})


def like(world):
    """On each connection: like a post, take it back, go on with the next one. Every request changes something."""
    for post in world.posts:
        for method in ("PUT", "DELETE"):
            for client in world.consumers:
                yield request(method, f"/posts/{post['id']}/like", client.token)


def promotion_click(world):
    for number, promotion in cycled(world.promotions):
        yield request("POST", f"/promotions/{promotion['id']}/click", world.consumers[number % CONSUMERS].token,
                      {"community_id": world.community["id"]})


def order(token, *lines):
    """Paid at once, with an idempotency key of its own."""
    return request("POST", "/orders", token, sales.body(*lines), headers=["Idempotency-Key: " + UNIQUE])


def order_placement(world):
    """Two lines, the second of another product."""
    for number, client in enumerate(world.consumers):
        first, second = world.products[number % PRODUCTS], world.products[(number + 1) % PRODUCTS]
        yield order(client.token, sales.line(first, 1), sales.line(second, 2, variant=1))


def flash_sale(world):
    for client in world.consumers:
        yield order(client.token, sales.line(world.products[0], 1))


def shopping(world):
    """Of a hundred requests 90 look at the feed, 9 at a product, one orders."""
    pages, reads, orders = (list(each(world)) for each in (feed(20), entity_read, order_placement))
    chance = random.Random(1)
    for number in range(100 * CONSUMERS):
        kind = chance.choices((pages, reads, orders), (90, 9, 1))[0]
        yield kind[number % len(kind)]


def skewed(items):
    """Draws items without end, the first most often: Zipf's law."""
    chance = random.Random(1)
    sums = list(itertools.accumulate((rank + 1) ** -ZIPF for rank in range(len(items))))
    while True:
        yield items[bisect.bisect(sums, chance.random() * sums[-1])]


def update(world, product):
    """Some more of it has come in."""
    supplier = world.suppliers[product["supplier_id"]]
    return request("POST", f"/products/{product['id']}/stock/adjust", supplier["token"], {
        "variant_id": product["variants"][0]["id"], "location_id": supplier["location"], "delta": 1, "reason": "received"})


def mix(updates_of_100):
    def requests(world):
        chance, drawn = random.Random(2), skewed(world.products)
        for number, product in zip(range(DRAWN), drawn):
            if chance.random() * 100 < updates_of_100:
                yield update(world, product)
            else:
                yield request("GET", "/products/" + product["id"], world.tokens[number % len(world.tokens)])
    return requests


def market_read(world):
    """Every product as often as every other."""
    chance = random.Random(3)
    for number in range(max(DRAWN, len(world.products))):
        product = world.products[chance.randrange(len(world.products))]
        yield request("GET", "/products/" + product["id"], world.tokens[number % len(world.tokens)])


def market_list(world):
    for number in range(DRAWN // 10):
        supplier = list(world.suppliers)[number % len(world.suppliers)]
        yield request("GET", f"/suppliers/{supplier}/products?limit=20", world.tokens[number % len(world.tokens)])


def market_feed(world):
    for token in world.tokens:
        yield request("GET", f"/communities/{world.community['id']}/feed?limit=20", token)


def tenant_read(world):
    """Products of all tenants; nobody is logged in."""
    slugs = [f"market-{number}" for number in range(1, world.tenants)]
    products = [(slug, each["id"]) for slug in slugs for each in world.get("/products?limit=100", tenant=slug)["data"]]
    random.Random(4).shuffle(products)
    for slug, product in products:
        yield request("GET", "/products/" + product, headers=["X-Tenant: " + slug])


SCENARIOS = {
    "entity_read": entity_read, "not_modified": not_modified, "feed_20": feed(20), "feed_50": feed(50),
    "products_of_category": products_of_category, "products_of_supplier": products_of_supplier, "login": login,
    "like": like, "promotion_click": promotion_click, "order_placement": order_placement, "flash_sale": flash_sale,
    "shopping": shopping, "mix_0": mix(0), "mix_5": mix(5), "mix_50": mix(50), "market_read": market_read,
    "market_list": market_list, "market_feed": market_feed, "tenant_read": tenant_read,
}
SHOP_SCENARIOS = [name for name in SCENARIOS if not name.startswith(("mix", "market", "tenant"))]


def main():
    parser = argparse.ArgumentParser(description="serves a filled shop until it is told to end")
    parser.add_argument("--port-file", required=True, help="gets one line of JSON: port, pid, files of requests")
    parser.add_argument("--directory", default=os.path.join(ROOT, "build", "bench"), help="for temporary data")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    options = parser.parse_args()
    made = Shop(options.directory, dict(each.split("=", 1) for each in options.set))
    files = {name: made.requests(name) for name in SHOP_SCENARIOS}
    with open(options.port_file, "w", encoding="ascii") as file:
        file.write(json.dumps({"port": made.server.port, "pid": made.server.process.pid, "requests": files}) + "\n")
    signal.pause()


if __name__ == "__main__":
    main()
