"""Where the system has no more to give: files for connections and tables."""

import os
import resource
import signal
import socket
import tempfile
import time

import sales
from harness import Raw, Server, Suite, eventually
from shop import Supplier

suite = Suite("limits")
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def open_files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def processor_seconds(server):
    with open(f"/proc/{server.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect(server):
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return plain


def answer(plain, request=GET):
    """The status of an answer, or None at the end of the connection."""
    try:
        plain.sendall(request)
        return int(plain.recv(65536).split(b" ")[1])
    except (ConnectionError, IndexError):
        return None


@suite.case
def few_files_are_shared():
    small = Server(open_files=64, settings={"net.connections_per_address": 0, "net.head_timeout": 600000})
    supplier = Supplier(small, small.admin())
    product = supplier.product()
    supplier.stock(product, 50)
    ann = small.user("Ann")
    many = []
    for _ in range(200):                        # idle ones: the oldest make room for the newest
        many.append(connect(small))
    suite.equal(answer(many[-1]), 200, "the newest is served")
    suite.equal(answer(many[0]), None, "the oldest has made room")
    suite.check(open_files(small) <= 60, f"{open_files(small)} files are open")
    suite.equal(sales.buy(ann, sales.line(product))["status"], "confirmed", "one can buy")
    for plain in many:
        plain.close()

    busy = []
    for _ in range(60):                         # none of them is idle: who comes too late is told so
        busy.append(connect(small))
        answer(busy[-1], GET + GET[:20])
    late = [Raw(("127.0.0.1", small.port)) for _ in range(5)]
    replies = [each.reply() for each in late]
    suite.equal([reply.status if reply else None for reply in replies], [503] * 5, "and is told when to come again")
    suite.check(all(reply.headers["Retry-After"] for reply in replies if reply))
    suite.equal(answer(busy[0], GET[20:]), 200, "who came early is served")
    with tempfile.TemporaryDirectory() as directory:
        before = open_files(small)
        for each in late + busy[1:10]:
            each.close()
        eventually(lambda: open_files(small), lambda number: number <= before - 9)
        small.command(["backup", os.path.join(directory, "copy")])
    for each in busy:
        each.close()
    suite.equal(sales.buy(ann, sales.line(product))["status"], "confirmed", "afterwards all is as before")
    suite.equal(small.stop(), 0)
    small.remove()


@suite.case
def no_file_is_left():
    for confine in ("off", "on"):
        # a checkpoint would need a file of its own, and ends a server that has none for it
        server = Server(settings={"security.confine": confine, "checkpoint.interval": 3600000, "net.head_timeout": 600000})
        idle = [connect(server) for _ in range(5)]
        for each in idle:
            suite.equal(answer(each), 200)
        busy = connect(server)
        busy.sendall(GET[:20])
        suite.equal(answer(connect(server)), 200)
        _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (open_files(server), hard))
        newcomers = [connect(server) for _ in range(20)]
        time.sleep(0.3)
        began, used = time.monotonic(), processor_seconds(server)
        time.sleep(1)
        spent = (processor_seconds(server) - used) / (time.monotonic() - began)
        suite.check(spent < 0.5, f"confine {confine}: it waits rather than spins: {spent:.2f} of a processor")
        suite.equal(answer(busy, GET[20:]), 200, f"confine {confine}: who is there is served")
        suite.check(all(answer(each) in (200, 503, None) for each in newcomers), "newcomers are served or turned away")
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        suite.equal(answer(connect(server)), 200, f"confine {confine}: when there are files again, all is as before")
        suite.equal(server.user("Ann").get("/users/me").status, 200)
        for each in idle + newcomers + [busy]:
            each.close()
        suite.equal(server.stop(), 0)
        server.remove()


@suite.case
def the_supervisor_is_told():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "notify")
        for name in (path, f"@souk-test-{os.getpid()}"):
            told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            told.settimeout(60)
            told.bind(name.replace("@", "\0", 1))
            server = Server(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"}, settings={"security.confine": "on"})
            suite.equal(told.recv(1000), b"READY=1", f"{name}: when it is")
            suite.equal([told.recv(1000) for _ in range(3)], [b"WATCHDOG=1"] * 3, "again and again")

            def next_word(begin, of=told):
                while (words := of.recv(1000)) == b"WATCHDOG=1":
                    pass
                suite.check(words.startswith(begin), f"{words}, not {begin}")
            server.process.send_signal(signal.SIGHUP)
            next_word(b"RELOADING=1\nMONOTONIC_USEC=")
            next_word(b"READY=1")
            server.process.terminate()
            next_word(b"STOPPING=1")
            suite.equal(server.process.wait(120), 0)
            server.remove()
            told.close()
    for name in ("", "nonsense", "/no/such/socket", "@" + "x" * 200):
        server = Server(environment={"NOTIFY_SOCKET": name})
        suite.equal(server.stop(), 0, f"a socket {name!r:.20} does no harm")
        server.remove()


@suite.case
def bursts_take_the_place_of_idle_ones():
    server = Server(settings={"net.connections": 20, "net.connections_per_address": 0})
    idle = [connect(server) for _ in range(16)]
    for each in idle:
        suite.equal(answer(each), 200)
    for _ in range(3):
        burst = [connect(server) for _ in range(12)]
        suite.equal([answer(each) for each in burst], [200] * 12, "all of a burst are served")
        idle += burst
    for each in idle:
        each.close()
    suite.equal(server.stop(), 0)
    server.remove()


if __name__ == "__main__":
    suite.main()
