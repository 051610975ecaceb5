"""How it ends: by signals under load, and when its disk fails. Whatever was acknowledged is there afterwards."""

import concurrent.futures
import os
import resource
import signal
import threading
import time

from harness import PASSWORD, Server, Suite, eventually
from sales import body, line
from shop import Supplier, community, leader

suite = Suite("stop")


class Load:
    """People who post until they are told to stop; `acknowledged` holds the ids that were answered with 201."""

    def __init__(self, server, threads=6):
        self.server, self.acknowledged, self.statuses = server, [], set()
        admin = server.admin()
        self.lea = leader(server, admin)
        self.place = community(self.lea)
        self.ended, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.post, args=(server.client(self.lea.token),)) for _ in range(threads)]
        for thread in self.threads:
            thread.start()
        while len(self.acknowledged) < 50:
            time.sleep(0.01)

    def post(self, client):
        number = 0
        while not self.ended.is_set():
            number += 1
            try:
                reply = client.post("/posts", {"community_id": self.place["id"], "type": "text", "body": f"Number {number}"})
            except OSError:                             # closed, or refused by a port that nobody serves any more
                return
            except Exception as error:                  # pylint: disable=broad-except
                if "HTTPException" in str(type(error).__mro__):
                    return
                raise
            with self.lock:
                self.statuses.add(reply.status)
                if reply.status == 201:
                    self.acknowledged.append(reply.data["id"])

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Nothing that was acknowledged is missing, and nobody was answered anything but yes or "not now"."""
        reader = self.server.client(self.lea.token)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            found = list(pool.map(lambda post: reader.get(f"/posts/{post}").status, self.acknowledged))
        suite.equal(set(found), {200}, f"all {len(found)} acknowledged posts are there")
        suite.check(self.statuses <= {201, 503}, f"{self.statuses}")


@suite.case
def sigterm_under_load_loses_nothing():
    for number in (signal.SIGTERM, signal.SIGINT):
        server = Server()
        load = Load(server)
        began = time.monotonic()
        server.process.send_signal(number)
        suite.equal(server.process.wait(120), 0, f"{number}")
        suite.check(time.monotonic() - began < 60, "soon")
        load.end()
        server.command(["verify"])
        server.start()
        load.check()
        suite.equal(server.stop(), 0)
        server.remove()


@suite.case
def sigkill_under_load_loses_nothing_acknowledged():
    server = Server()
    for _ in range(3):
        load = Load(server)
        server.kill()
        load.end()
        server.start()
        load.check()
    suite.equal(server.stop(), 0)
    server.command(["verify"])
    server.remove()


@suite.case
def a_stop_does_not_wait_for_a_silent_provider():
    server = Server(settings={"orders.payment_wait": 300000, "net.stop_timeout": 300000})
    admin = server.admin()
    shop = Supplier(server, admin)
    product = shop.product()
    shop.stock(product, 5)
    ann = server.user("Ann")
    replies = []
    waiting = threading.Thread(target=lambda: replies.append(ann.post("/orders", body(line(product), token="tok_timeout"))))
    waiting.start()
    eventually(lambda: admin.get("/admin/orders").data, bool)
    suite.equal(server.stop(), 0, "the order's wait is cut short")
    waiting.join()
    suite.equal([reply.status for reply in replies], [202], "it was accepted, its outcome will come")
    server.restart()
    suite.equal(ann.get(f"/orders/{replies[0].data['id']}").data["status"], "pending")
    suite.equal(server.stop(), 0)
    server.remove()


@suite.case
def a_second_signal_ends_at_once():
    server = Server(settings={"net.stop_timeout": "30s", "net.body_timeout": "60s"})
    slow = server.raw()
    slow.send(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
              b"Content-Length: 50\r\n\r\n{")          # a body that does not come keeps the stop waiting
    def received():
        return [line for line in server.client().get("//metrics", form=False).body.decode().splitlines()
                if line.startswith("souk_connections ")]
    eventually(received, lambda line: line == ["souk_connections 2"])
    time.sleep(0.3)
    server.process.terminate()
    time.sleep(0.5)
    suite.check(server.alive(), "it waits for the request under way")
    server.process.terminate()
    suite.equal(server.process.wait(120), 128 + signal.SIGTERM)
    slow.close()
    server.process.returncode = 0
    server.remove()


@suite.case
def a_failed_disk_ends_it_without_a_false_word():
    server = Server()
    load = Load(server)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, 1))     # from here on no file can grow
    status = server.process.wait(120)
    load.end()
    suite.check(status == 75 or server.is_ended_by_rocksdb(), f"it ended with {status}:\n{server.log_tail()}")
    if status == 75:
        suite.equal(load.statuses, {201, 503}, "what waited was told to come again")
    server.process.returncode = 0
    server.start()
    load.check()
    suite.answers(server.client().post("/auth/login", {"email": load.lea.user["email"], "password": PASSWORD}), 200)
    suite.equal(server.stop(), 0)
    server.command(["verify"])
    server.remove()


@suite.case
def files_are_for_their_owner_alone():
    server = Server()
    server.user("Ann")
    for directory, _, names in os.walk(server.data):
        suite.equal(os.stat(directory).st_mode & 0o077, 0, directory)
        for name in names:
            suite.equal(os.lstat(os.path.join(directory, name)).st_mode & 0o077, 0, name)
    suite.equal(server.stop(), 0)
    suite.check(not os.path.exists(os.path.join(server.data, "control.sock")), "the control socket goes with the server")
    server.remove()


if __name__ == "__main__":
    suite.main()
