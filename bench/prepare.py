"""Fills a server with what the scenarios need, through its HTTP API, and writes the requests that bench/load sends.

    prepare.py --port-file FILE     starts a server on a temporary directory, fills it, serves until it is told to end

bench/run calls prepare() instead. A shop is: one verified supplier with PRODUCTS products of two variants each and more
stock than any run can sell; one public community with POSTS posts and PROMOTIONS active promotions in its feed;
CONSUMERS members, each with a token of their own. The helpers of the API tests make all of it.
"""

import argparse
import concurrent.futures
import json
import os
import signal
import sys
import tempfile

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
UNIQUE = "*" * 16                                           # bench/load puts a number of its own here
DESCRIPTION = "Made to last, of what grows nearby, by people who like to answer questions about it. " * 6
TEXT = "What we have made this week, how long it took, what we would do differently, and where to see it. " * 3


# ---- The shop --------------------------------------------------------------------------------------------------------

class Shop:
    """What a filled server holds."""

    def __init__(self, server):
        admin = server.admin()
        self.server = server
        self.supplier = shop.Supplier(server, admin, name="Hazel and Sons")
        self.products = [self.make_product(number) for number in range(PRODUCTS)]
        self.leader = shop.leader(server, admin, "Lea")
        self.community = shop.community(self.leader, "Makers of things")
        for number in range(POSTS):
            shop.created(self.leader.post("/posts", {"community_id": self.community["id"], "type": "text",
                                                     "title": f"Week {number} in the workshop", "body": TEXT}))
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


# ---- Requests --------------------------------------------------------------------------------------------------------

def request(method, path, client=None, body=None, headers=()):
    """The bytes of one request, as a browser or an app would send it."""
    payload = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: localhost", "Accept: application/json",
             "User-Agent: souk-bench/1"]
    if client:
        lines.append("Authorization: Bearer " + client.token)
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    return ("\r\n".join([*lines, *headers]) + "\r\n\r\n").encode() + payload


def entity_read(made):
    for number, client in enumerate(made.consumers):
        yield request("GET", "/products/" + made.products[number % PRODUCTS]["id"], client)


def feed_page(made):
    for client in made.consumers:
        yield request("GET", f"/communities/{made.community['id']}/feed?limit=20", client)


def order_placement(made):
    """Two lines, the second of another product, paid at once, each with an idempotency key of its own."""
    for number, client in enumerate(made.consumers):
        first, second = made.products[number % PRODUCTS], made.products[(number + 1) % PRODUCTS]
        yield request("POST", "/orders", client, sales.body(sales.line(first, 1), sales.line(second, 2, variant=1)),
                      headers=["Idempotency-Key: " + UNIQUE])


def promotion_click(made):
    for number, client in enumerate(made.consumers):
        yield request("POST", f"/promotions/{made.promotions[number % PROMOTIONS]['id']}/click", client,
                      {"community_id": made.community["id"]})


SCENARIOS = {"entity_read": entity_read, "feed_page": feed_page, "order_placement": order_placement,
             "promotion_click": promotion_click}


def write_requests(path, requests):
    with open(path, "wb") as file:
        for each in requests:
            file.write(b"REQUEST %d\n" % len(each) + each)


def filled(directory, settings=None):
    """A server, and the shop that it holds."""
    os.makedirs(directory, exist_ok=True)
    tempfile.tempdir = directory                            # the data too: on a disk, so that a sync is one
    server = harness.Server(settings=settings)
    return server, Shop(server)


def prepare(directory, settings=None):
    """A filled server, and {scenario: the file of its requests}."""
    server, made = filled(directory, settings)
    files = {}
    for name, requests in SCENARIOS.items():
        files[name] = os.path.join(server.directory, name + ".requests")
        write_requests(files[name], requests(made))
    return server, files


def main():
    parser = argparse.ArgumentParser(description="serves a filled shop until it is told to end")
    parser.add_argument("--port-file", required=True, help="gets one line of JSON: port, pid, files of requests")
    parser.add_argument("--directory", default=os.path.join(ROOT, "build", "bench"), help="for temporary data")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the server")
    options = parser.parse_args()
    server, files = prepare(options.directory, dict(each.split("=", 1) for each in options.set))
    with open(options.port_file, "w", encoding="ascii") as file:
        file.write(json.dumps({"port": server.port, "pid": server.process.pid, "requests": files}) + "\n")
    signal.pause()


if __name__ == "__main__":
    main()
