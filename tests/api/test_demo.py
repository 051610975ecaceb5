"""The demo marketplace: complete, in every state, and what its introduction promises works."""

import re
import subprocess
import time

from harness import Server, Suite

suite = Suite("demo")
SCALE = "12"


def finished(server, seconds=120):
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
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30, check=False)
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
                           f"127.0.0.1:{server.port}"], capture_output=True, text=True, timeout=60, check=False)
    suite.equal(done.returncode, 1, "it needs what only development tells")
    suite.equal(server.stop(), 0)
    server.remove()


@suite.case
def the_size_is_checked():
    for words in (["--scale", "3"], ["--scale", "big"], ["--seed", "x"], ["--address", "here"]):
        server = Server(start=False)
        done = subprocess.run([server.binary, "demo", *words], capture_output=True, text=True, timeout=60, check=False)
        suite.equal(done.returncode, 2, " ".join(words))
        server.remove()


if __name__ == "__main__":
    suite.main()
