#!/usr/bin/env python3
"""Serves for a long time under load, and looks whether anything grows, slows down, is forgotten or is left behind.

    test_soak.py                        10 seconds of load: what `make test` has
    SOAK=short | long test_soak.py      2 or 10 minutes (`make soak`), with samples and a picture in build/soak

What lives for hours in a real server lives for seconds here, so that keys, holds and payments expire thousands of times.
The load is open: a request is due whether or not earlier ones were answered (bench/load), of a mix that is drawn once:
60 % reads, 10 % feeds, 30 % writes, with few products that many want. It goes at a part of what a closed loop reached,
then beyond it, then at that part again. Meanwhile a probe asks /healthz all the time: its longest wait is the longest
stall of the loop. Once it is over all comes to rest; then the log must give what the tables hold.
"""

import csv
import http.client
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "bench"), os.path.join(ROOT, "tests", "api")]

import prepare                                                      # noqa: E402
import picture                                                      # noqa: E402
import sales                                                        # noqa: E402
from harness import Suite                                           # noqa: E402

# Of the load: seconds, of one sample of latencies, the part of the knee.
SIZES = {"": (10, 2, 0.3), "short": (120, 5, 0.6), "long": (600, 10, 0.7)}
SIZE = os.environ.get("SOAK", "")
SECONDS, SEGMENT, PART = SIZES[SIZE]
STEADY, OVERLOAD = 0.7, 0.1             # of the time; the rest is steady again
BEYOND = 1.2                            # times the knee
CONNECTIONS = 32
PROBE_SECONDS, SAMPLE_SECONDS, REST_SECONDS = 0.01, 0.5, 120
REQUESTS, ZIPF = 2000, 0.99
MIX = {"product": 45, "community": 15, "feed": 10, "order": 12, "click": 13, "post": 5}
TOKENS = ["tok_success"] * 14 + ["tok_declined"] * 3 + ["tok_twice"] * 2 + ["tok_timeout"]
# Lives that are hours or days in a real server.
SETTINGS = {
    "idempotency.life": 3000, "orders.hold": 2000, "orders.payment_wait": 200, "orders.open_max": 100000,
    "payment.attempt_time": 500, "sandbox.payment_time": 5, "checkpoint.interval": 1000, "auth.access_token_life": "1d",
    "actors.memory": "16MiB", "store.block_cache": "8MiB", "log.level": "error",
}
# What must hold. Times are looked at in the long size alone: they say nothing on a machine that does something else.
RSS_MOST = 1024 << 20
RSS_SLOPE_MOST = 0.001                  # of the resident memory, a minute, once warm; in the short size it is noise
RSS_SLOPE_SHORT = 0.1
STALL_MS_MOST = 50
SLOWER_MOST = 1.2                       # p99.9 at the end, against what it was once warm
WATCHED = {
    "lsn": "souk_log_lsn", "durable": "souk_log_durable_lsn", "messages": "souk_core_messages", "queue": "souk_core_queue",
    "dirty": "souk_actors_dirty", "actors": "souk_actors_bytes", "delta": "souk_delta_bytes", "timers": "souk_timers",
    "effects": "souk_effects", "checkpoints": "souk_checkpoints_total", "broken": "souk_broken_truths_total",
    "background_errors": "souk_store_rocksdb_background_errors_total", "live": "souk_store_rocksdb_live_bytes",
    "compaction": "souk_store_rocksdb_compaction_pending_bytes",
}

suite = Suite("soak")
chance = random.Random(1)


# ---- the load --------------------------------------------------------------------------------------------------------

def zipf(count):
    """Numbers below count, the first ones far more often."""
    weights = list(itertools.accumulate(1 / (rank + 1) ** ZIPF for rank in range(count)))
    return chance.choices(range(count), cum_weights=weights)[0]


def one_request(kind, made):
    token = chance.choice(made.consumers).token
    products, community = made.products, made.community["id"]
    key = ["Idempotency-Key: " + prepare.UNIQUE]
    if kind == "product":
        return prepare.request("GET", "/products/" + products[zipf(len(products))]["id"], token)
    if kind == "community":
        return prepare.request("GET", f"/communities/{community}", token)
    if kind == "feed":
        return prepare.request("GET", f"/communities/{community}/feed?limit=20", token)
    if kind == "order":
        lines = [sales.line(products[number], chance.randint(1, 3)) for number in {zipf(len(products)) for _ in range(2)}]
        return prepare.request("POST", "/orders", token, sales.body(*lines, token=chance.choice(TOKENS)), key)
    if kind == "click":
        promotion = made.promotions[zipf(len(made.promotions))]["id"]
        return prepare.request("POST", f"/promotions/{promotion}/click", token, {"community_id": community})
    body = {"community_id": community, "type": "text", "title": "Soaked", "body": "A few words about it. " * 4}
    return prepare.request("POST", "/posts", token, body, key)


def write_mix(path, made):
    kinds = chance.choices(list(MIX), list(MIX.values()), k=REQUESTS)
    prepare.write_requests(path, (one_request(kind, made) for kind in kinds))


def load(server, path, seconds, rate=0.0):
    argv = [os.path.join(ROOT, "build/release/bench/load"), "--port", str(server.port), "--requests", path, "--connections",
            str(CONNECTIONS), "--seconds", str(seconds), "--warm", "0.2", "--rate", str(rate), "--watch", str(server.process.pid)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds + 600, check=False)
    if done.returncode:
        raise AssertionError(f"load: {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


# ---- what is watched -------------------------------------------------------------------------------------------------

class Watch(threading.Thread):
    """Samples of the process and its figures; the longest wait of a probe between two of them."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.pid, self.began = server, server.process.pid, time.monotonic()
        self.rows, self.over = [], threading.Event()
        self.longest, self.phase = 0.0, "warm"

    def run(self):
        probe = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        due = time.monotonic()
        while not self.over.is_set():
            asked = time.monotonic()
            probe.request("GET", "/healthz")
            probe.getresponse().read()
            self.longest = max(self.longest, time.monotonic() - asked)
            if asked >= due:
                self.rows.append(self.sample())
                self.longest, due = 0.0, due + SAMPLE_SECONDS
            self.over.wait(PROBE_SECONDS)
        probe.close()

    def sample(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            status = file.read()
        row = {"seconds": round(time.monotonic() - self.began, 2), "phase": self.phase,
               "rss": int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) << 10,
               "threads": int(re.search(r"Threads:\s+(\d+)", status).group(1)),
               "fds": len(os.listdir(f"/proc/{self.pid}/fd")), "stall_ms": round(self.longest * 1000, 2)}
        return row | self.figures()

    def figures(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = dict(re.findall(r"^(\w+) ([\d.]+)$", text, re.MULTILINE))
        return {name: int(float(found.get(metric, 0))) for name, metric in WATCHED.items()}

    def end(self):
        self.over.set()
        self.join()


def slope_a_minute(rows, name):
    """Of a straight line through the samples, as a part of their mean."""
    xs, ys = [row["seconds"] / 60 for row in rows], [row[name] for row in rows]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / spread / mean_y if spread else 0


def at_rest(watch, before):
    """Once nothing is under way: no effect, no message but the one that asks, and no timer that was not there before."""
    deadline = time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        now = watch.sample()
        if not now["effects"] and now["timers"] <= before["timers"] and now["durable"] == now["lsn"]:
            return now
        time.sleep(0.1)
    return now


# ---- the run ---------------------------------------------------------------------------------------------------------

def phases():
    """Name, rate as a part of the knee, seconds; one for each sample of latencies."""
    for name, rate, seconds in (("steady", PART, SECONDS * STEADY), ("overload", BEYOND, SECONDS * OVERLOAD),
                                ("after", PART, SECONDS * (1 - STEADY - OVERLOAD))):
        for _ in range(max(1, round(seconds / SEGMENT))):
            yield name, rate, min(seconds, SEGMENT)


def run(server, path, watch):
    knee = load(server, path, max(1, SEGMENT / 2))
    knee_rate = knee["answered"] / knee["seconds"]
    results = []
    for name, part, seconds in phases():
        watch.phase = name
        began = time.monotonic() - watch.began
        results.append({"phase": name, "seconds": began, **load(server, path, seconds, knee_rate * part)})
    watch.phase = "rest"
    return knee_rate, results


def keep(watch, results):
    directory = os.path.join(ROOT, "build", "soak")
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "samples.csv"), "w", encoding="ascii", newline="") as file:
        writer = csv.DictWriter(file, watch.rows[0])
        writer.writeheader()
        writer.writerows(watch.rows)
    with open(os.path.join(directory, "latencies.csv"), "w", encoding="ascii", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["seconds", "phase", "rate", "answered", "p50_us", "p99_us", "p99_9_us", "max_us", "4xx", "5xx"])
        for each in results:
            latency, statuses = each["latency_us"], each["statuses"]
            writer.writerow([round(each["seconds"], 1), each["phase"], each["rate"], each["answered"], latency["p50"],
                             latency["p99"], latency["p99_9"], latency["max"], statuses["4xx"], statuses["5xx"]])
    panels = [("resident memory, MiB", [(row["seconds"], row["rss"] / 2**20) for row in watch.rows]),
              ("actors and delta, MiB", [(row["seconds"], (row["actors"] + row["delta"]) / 2**20) for row in watch.rows]),
              ("longest stall, ms", [(row["seconds"], row["stall_ms"]) for row in watch.rows]),
              ("p99, ms", [(each["seconds"], each["latency_us"]["p99"] / 1000) for each in results]),
              ("p99.9, ms", [(each["seconds"], each["latency_us"]["p99_9"] / 1000) for each in results]),
              ("timers pending", [(row["seconds"], row["timers"]) for row in watch.rows]),
              ("tables on disk, MiB", [(row["seconds"], row["live"] / 2**20) for row in watch.rows]),
              ("descriptors", [(row["seconds"], row["fds"]) for row in watch.rows])]
    picture.write(os.path.join(directory, "soak.svg"), "A server under load", panels)
    print(f"     samples and picture in {directory}")


def check_times(watch, results):
    """What only a machine that does nothing else can say."""
    steady = [each["latency_us"]["p99_9"] for each in results if each["phase"] == "steady"]
    warm, last = sorted(steady[1:4])[1], sorted(steady[-3:])[1]
    after = [each["latency_us"]["p99"] for each in results if each["phase"] == "after"]
    before = sorted(each["latency_us"]["p99"] for each in results if each["phase"] == "steady")
    stalls = [row["stall_ms"] for row in watch.rows if row["phase"] == "steady"]
    suite.check(last <= warm * SLOWER_MOST, f"p99.9 was {warm:.0f} µs once warm and is {last:.0f} µs")
    suite.check(after[-1] <= before[-1] * SLOWER_MOST, f"after the overload p99 is {after[-1]:.0f} µs")
    suite.check(max(stalls) <= STALL_MS_MOST, f"the loop stood still for {max(stalls)} ms")


def check_memory(watch):
    """Once the cache of actors is full, which takes the first third, nothing grows."""
    rows = [row for row in watch.rows if row["phase"] == "steady"]
    slope = slope_a_minute(rows[len(rows) // 3:], "rss")
    most = RSS_SLOPE_MOST if SIZE == "long" else RSS_SLOPE_SHORT
    print(f"     memory grows by {slope * 100:.2f} % a minute")
    suite.check(slope <= most, f"memory grows by {slope * 100:.2f} % a minute")


@suite.case
def a_server_under_load_stays_as_it_is():
    subprocess.run(["make", "--no-print-directory", "-s", "build/release/bench/load"], cwd=ROOT, check=True,
                   stdout=subprocess.DEVNULL)
    if not SIZE:
        prepare.PRODUCTS, prepare.CONSUMERS, prepare.POSTS, prepare.PROMOTIONS = 16, 16, 20, 4
    directory = os.path.join(tempfile.gettempdir(), f"souk-soak-{os.getpid()}")
    made = prepare.Shop(directory, SETTINGS)
    server = made.server
    try:
        write_mix(os.path.join(directory, "mix"), made)
        soak(server, os.path.join(directory, "mix"))
    finally:
        server.remove()
        subprocess.run(["rm", "-rf", directory], check=False)


def soak(server, path):
    watch = Watch(server)
    before = watch.sample()
    watch.start()
    knee, results = run(server, path, watch)
    watch.end()
    after = at_rest(watch, before)
    answered = sum(each["answered"] for each in results)
    print(f"     knee {knee:.0f}/s, {answered} answered, {after['lsn'] - before['lsn']} records, "
          f"{after['checkpoints'] - before['checkpoints']} checkpoints, resident {after['rss'] >> 20} MiB")
    for each in results:
        name, statuses = each["phase"], each["statuses"]
        suite.check(each["answered"] > 0, f"{name}: nothing was answered")
        is_overloaded = " 503 " in each.get("refused", "") and (name == "overload" or not SIZE)   # a machine that got slower
        suite.check(not statuses["5xx"] or is_overloaded, f"{name}: {statuses}: {each.get('refused')}")
    suite.equal(after["effects"], 0, "effects that are left")
    suite.check(after["timers"] <= before["timers"], f"timers: {before['timers']} before, {after['timers']} left")
    suite.equal((after["broken"], after["background_errors"]), (0, 0), "truths that did not hold, errors of the database")
    suite.equal(after["threads"], before["threads"], "threads")
    suite.check(after["fds"] <= before["fds"] + open_files(before, after), f"descriptors: {before['fds']}, then {after['fds']}")
    suite.check(max(row["rss"] for row in watch.rows) <= RSS_MOST, "resident memory")
    suite.check(after["checkpoints"] > before["checkpoints"] + (SECONDS / 3 if SIZE else 1), "checkpoints are written all the time")
    if SIZE:
        keep(watch, results)
        check_memory(watch)
    if SIZE == "long":
        check_times(watch, results)
    suite.equal(server.stop(), 0, "a graceful stop")
    done = subprocess.run([server.binary, "verify", "--data", server.data], capture_output=True, text=True, check=False)
    suite.equal(done.returncode, 0, f"souk verify: {done.stdout}{done.stderr}")


def open_files(before, after):
    """The database keeps its tables open: as many as compaction leaves."""
    return 64 if after["live"] > before["live"] else 0


if __name__ == "__main__":
    suite.main()
