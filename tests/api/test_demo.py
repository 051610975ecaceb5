"""The demo marketplace: complete, in every state, and what its introduction promises works."""

import os
import re
import subprocess
import time

from harness import Server, Suite

suite = Suite("demo")
SCALE = "12"
THOUSANDS = 2 if os.environ.get("SOUK_VARIANT", "release") == "release" else 1     # 2: more than the core's queue takes


def finished(server, seconds=300):
    """The server's log once the demo is complete."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        text = server.log_text()
        if "curl" in text or "the demo is not complete" in text:
            return text
        time.sleep(0.1)
    raise AssertionError("the demo did not end")


def states(admin, path, names):
    return {name: len(admin.pages(f"{path}{'&' if '?' in path else '?'}status={name}", limit=100)) for name in names}


@suite.case
def an_empty_directory_is_filled():
    server = Server(arguments=["--demo", "--scale", SCALE])
    text = finished(server)
    suite.check("the demo is not complete" not in text, text[-2000:])
    password = re.search(r"password is `([^`]+)`", text).group(1)
    admin = server.login("admin@demo.example", password)
    server.login("ada1@demo.example", password)

    orders = states(admin, "/admin/orders", ("pending", "confirmed", "processing", "shipped", "delivered", "cancelled"))
    suite.check(all(orders.values()), f"orders in every state: {orders}")
    suite.equal(orders["pending"], 3)
    suppliers = states(admin, "/suppliers", ("submitted", "rejected", "verified"))
    suite.check(all(suppliers.values()), f"suppliers: {suppliers}")
    suite.check(len(admin.pages("/products", limit=100)) >= 10, "products")
    suite.check(admin.get("/feed").data, "the global feed has cards")
    kinds = {card["kind"] for card in admin.pages("/feed", limit=100)}
    suite.equal(kinds, {"post", "promotion"})
    people = admin.pages("/admin/users", limit=100)
    suite.equal(len(people), int(SCALE) + 1)

    for command in re.findall(r"^  (curl .*)$", text, re.MULTILINE):
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=300, check=False)
        suite.check('"success":true' in done.stdout, command)

    position = server.client().get("//healthz").data["position"]
    suite.equal(server.stop(), 0)
    server.command(["verify"])
    server.restart()
    time.sleep(0.5)
    suite.check(server.client().get("//healthz").data["position"] < position + 50, "data that is there is not filled again")
    suite.equal(server.stop(), 0)
    server.remove()


@suite.case
def a_running_server_can_be_filled():
    server = Server()
    address = f"127.0.0.1:{server.port}"
    text = server.command(["demo", "--scale", SCALE, "--address", address])
    suite.check(f"demo: {SCALE} people" in text and "curl" in text, text)
    suite.equal(server.stop(), 0)
    server.remove()


@suite.case
def production_has_no_demo():
    server = Server(mode="production")
    done = subprocess.run([server.binary, "demo", "--data", server.data, "--scale", SCALE, "--address",
                           f"127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=300, check=False)
    suite.equal(done.returncode, 1, "it needs what only development tells")
    suite.equal(server.stop(), 0)
    server.remove()


def served_markets(server):
    """What is there of the default marketplace and of another one."""
    found = []
    for tenant in (None, "market-1"):
        customer = server.client(tenant=tenant)
        login = {"email": "person7@scale.example", "password": "demo password"}
        customer.token = customer.post("/auth/login", login).data["access_token"]
        suite.equal(len(customer.pages("/products", limit=100)), 500 * THOUSANDS)
        suite.equal(len(customer.pages("/communities", limit=100)), 1)
        feed = customer.get("/communities/" + customer.get("/communities").data[0]["id"] + "/feed?limit=50").data
        suite.equal({card["kind"] for card in feed}, {"post", "promotion"})
        found.append(len(customer.pages("/orders", limit=100)))
        suite.check(all(order["status"] == "confirmed" for order in customer.get("/orders").data), "orders are paid")
    return found


@suite.case
def a_large_one_is_made_without_a_server():
    server = Server(start=False)
    words = [server.binary, "demo", "--scale", f"{THOUSANDS}k", "--tenants", "2", "--data", server.data]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    said = f"demo: 2 marketplaces of {500 * THOUSANDS} products, {100 * THOUSANDS} people, {1000 * THOUSANDS} orders"
    suite.check(done.returncode == 0 and said in done.stdout, f"{done.returncode}: {done.stdout[-500:]}{done.stderr[-500:]}")
    server.command(["verify"])
    server.start()
    orders = served_markets(server)
    suite.check(all(orders), f"orders of one person: {orders}")
    server.kill()
    server.start()
    suite.equal(served_markets(server), orders, "it is all still there")
    position = server.client().get("//healthz").data["position"]
    words = [server.binary, "demo", "--scale", "1k", "--data", server.data]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    suite.equal(done.returncode, 4, "a server has it open")
    suite.equal(server.stop(), 0)
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    suite.equal(done.returncode, 2, "it has data")
    suite.check("has data already" in done.stderr, done.stderr)
    server.restart()
    suite.check(server.client().get("//healthz").data["position"] < position + 50, "nothing was added")
    suite.equal(server.stop(), 0)
    server.remove()


@suite.case
def the_size_is_checked():
    for words in (["--scale", "3"], ["--scale", "big"], ["--seed", "x"], ["--address", "here"], ["--scale", "0k"],
                  ["--scale", "99m"], ["--scale", "k"], ["--scale", "1k", "--tenants", "0"],
                  ["--scale", "1k", "--tenants", "101"]):
        server = Server(start=False)
        done = subprocess.run([server.binary, "demo", *words], capture_output=True, text=True, timeout=300, check=False)
        suite.equal(done.returncode, 2, " ".join(words))
        server.remove()


if __name__ == "__main__":
    suite.main()
