#!/usr/bin/env python3
"""Lets the machine under the server fail: its disk, its memory, its descriptors. What was acknowledged stays.

    ROUNDS=n SEED=n test_faults.py [case …]     10 rounds when not said otherwise

A server may refuse, may end with a status of its own, may be slow. It may not acknowledge what it then forgets, answer
what is not so, or end by a fault of its own: after each round its disk loses power, and all that was acknowledged is
looked for.
"""

import collections
import os
import random
import resource
import signal
import socket
import subprocess
import tempfile
import time

import preload
import world
from harness import Suite
from world import World

# Calls that fail once, after so many that succeed: call, ending of the path, errno or how (lossy.c).
FAULTS = [
    ("fdatasync", ".log",  "5"),        # EIO
    ("fdatasync", ".log",  "28"),       # ENOSPC
    ("write",     ".log",  "5"),
    ("write",     ".log",  "torn"),     # half is written
    ("write",     ".log",  "0"),        # half is written, and said so: RocksDB writes the rest
    ("write",     "/mark", "28"),
    ("fdatasync", "/mark", "5"),
    ("fdatasync", ".sst",  "5"),
    ("write",     ".sst",  "28"),
    ("open",      ".sst",  "24"),       # EMFILE
    ("fsync",     "/rocks", "5"),
]
FAULTS_PER_WORLD = 8
NO_KEY, DAMAGED, NOT_WRITABLE, FULL, EXIT_FAILED = 2, 3, 6, 7, 75
ONCE, FOR_GOOD = 1, 1 << 30
CALLS_MOST = 600                        # of a start and a load of half a second
REQUESTS_MOST = 200_000                 # for memory, in that time
SLOW_MS = 400
SLOW_SYNCS = 8
PATIENCE = 60
SURE = ("fdatasync", ".log", "5")          # a fault that each load reaches
LIMIT_DESCRIPTORS = 64
SPARE_BYTES = 4 << 20

suite = Suite("faults")
seed = world.seed_of_run()
chance = random.Random(seed)
long = world.rounds(10) > 10
tools = tempfile.TemporaryDirectory(prefix="souk-faults-")
lossy = preload.build(tools.name)
print(f"seed {seed}")


def ended(shop, ends, seconds):
    """The end of a load: waits for the server to end, and if it serves on kills it."""
    def end():
        try:
            ends.append(shop.server.process.wait(seconds))
        except subprocess.TimeoutExpired:                   # a fault that was not reached, or did no harm
            shop.server.kill()
            ends.append("served on")
    return end


def fault_round(shop, fault, after, count=ONCE, seconds=2.5):
    """One call fails, once or for good; then the power goes. Returns how the server ended."""
    environment, text = shop.server.environment, f"{fault[0]}:{fault[1]}:{after}:{count}:{fault[2]}"
    shop.server.stop()
    shop.server.environment = {**environment, "LOSSY_FAULT": text}
    ends = []
    try:
        shop.restart()
        shop.load(0, ended(shop, ends, seconds))
    except AssertionError:                                  # it failed while it opened
        status = shop.server.process.returncode
        ends.append(f"did not start: {status}")
        shop.expect(status in (NO_KEY, DAMAGED, NOT_WRITABLE, FULL, EXIT_FAILED) or shop.server.is_ended_by_rocksdb(),
                    f"{text}: {ends}\n{shop.server.log_tail()}")
    allowed = isinstance(ends[0], str) or ends[0] == EXIT_FAILED or shop.server.is_ended_by_rocksdb()
    shop.expect(allowed, f"{text}: it ended with {ends[0]}\n{shop.server.log_tail()}")
    shop.server.environment = environment
    shop.cut()
    shop.verify()
    shop.restart()
    shop.check_history()
    for sentence in shop.faults:
        print(f"     {text}: {sentence.splitlines()[0]}")
    return ends[0]


def tell(ends):
    print("     " + ", ".join(f"{times} {what}" for what, times in sorted(ends.items(), key=str)))


@suite.case
def a_failing_disk_ends_the_server_and_loses_nothing():
    """After a failed sync nobody knows what is on the disk: nothing more is acknowledged, and the next start looks."""
    faults = [(fault, after) for after in (0, 2, 12, 40) for fault in FAULTS]
    if not long:
        faults = [(fault, chance.choice((0, 2, 12))) for fault in FAULTS]
    ends = collections.Counter()
    for start in range(0, len(faults), FAULTS_PER_WORLD):
        shop = World(seed ^ start, {"checkpoint.interval": 50}, shim=lossy)
        shop.begin()
        for fault, after in faults[start:start + FAULTS_PER_WORLD]:
            ends[fault_round(shop, fault, after)] += 1
            if shop.faults:
                break
        shop.check_all()
        shop.end()
        if not suite.check(not shop.faults, "\n".join(shop.faults)):
            return
    tell(ends)
    for number in range(len(faults)):                       # a slow machine may not have got as far as to the later ones
        if ends[EXIT_FAILED] * 4 >= len(faults):
            break
        shop = World(seed ^ 1000 + number, {"checkpoint.interval": 50}, shim=lossy)
        shop.begin()
        ends[fault_round(shop, SURE, 12, seconds=PATIENCE)] += 1
        shop.end()
        suite.check(not shop.faults, "\n".join(shop.faults))
    suite.check(ends[EXIT_FAILED] * 4 >= len(faults), f"too few faults reached the server: {ends}")


@suite.case
def whichever_call_fails_nothing_is_lost():
    """The n-th call of any kind, once and from then on; the long run tries each n until none is reached any more."""
    count = world.rounds(10) if long else 6
    ends, shop = collections.Counter(), World(seed ^ 7, {"checkpoint.interval": 100}, buyers=3, shim=lossy)
    shop.begin()
    shop.reads_may_fail = True
    numbers = range(1, CALLS_MOST, max(1, CALLS_MOST // count)) if long else \
        [int(CALLS_MOST ** chance.random()) for _ in range(count)]
    for number, times in [(number, times) for number in numbers
                          for times in ((ONCE, FOR_GOOD) if long else [chance.choice((ONCE, FOR_GOOD))])]:
        error = chance.choice(("5", "28", "24", "12"))      # EIO, ENOSPC, EMFILE, ENOMEM
        ends[fault_round(shop, ("any", "*", error), number, times, 0.5)] += 1
        if shop.faults:
            break
    while not shop.faults and set(ends) == {"served on"} and sum(ends.values()) < 4 * count:
        ends[fault_round(shop, ("any", "*", "5"), int(CALLS_MOST ** chance.random()), FOR_GOOD, PATIENCE)] += 1
    if not shop.faults:
        shop.check_all()
    shop.end()
    tell(ends)
    suite.check(not shop.faults, "\n".join(shop.faults))
    suite.check(set(ends) != {"served on"}, "no call failed that mattered")


@suite.case
def a_slow_disk_only_takes_longer():
    """No answer says that something failed which then is there, or the other way round."""
    shop = World(seed ^ 8, {"checkpoint.interval": 300}, buyers=4, shim=lossy)
    shop.begin()
    shop.server.stop()
    plain = shop.server.environment
    shop.server.environment = {**plain, "LOSSY_FAULT": f"fdatasync:.log:5:{SLOW_SYNCS}:slow{SLOW_MS}"}
    shop.restart()
    longest = []

    def watch():
        while len(longest) < 10 or (max(longest) * 1000 <= SLOW_MS / 2 and len(longest) < 200):
            began = time.monotonic()
            reply = shop.admin.patch("/users/me", {"profile": {"bio": f"slow {began}"}}, version="*")
            shop.expect(reply.status == 200, f"on a slow disk: {reply}")
            longest.append(time.monotonic() - began)
    shop.work(0, watch)
    suite.check(max(longest) * 1000 > SLOW_MS / 2, f"the disk was not slow: {max(longest):.3f} s")
    shop.expect(shop.server.alive(), "it ended on a slow disk")
    shop.check_history()
    shop.check_all()
    shop.server.environment = plain
    shop.end()
    suite.check(not shop.faults, "\n".join(shop.faults))


@suite.case
def whichever_request_for_memory_fails_nothing_is_lost():
    """It may end, by its own decision; what was acknowledged is there, and it never goes on with what it has not got."""
    scarce = preload.build(tools.name, "scarce")
    ends, shop = collections.Counter(), World(seed ^ 9, {"checkpoint.interval": 100}, buyers=3)
    shop.begin()
    for _ in range(world.rounds(10) if long else 4):
        shop.server.stop()
        port = os.path.join(shop.server.directory, f"port-{shop.server.generation}")
        shop.server.environment = {"LD_PRELOAD": scarce, "SCARCE_FROM": port,
                                   "SCARCE_AFTER": str(int(REQUESTS_MOST ** chance.uniform(0.3, 1)))}
        one = []
        try:
            shop.restart()
            shop.load(0, ended(shop, one, 0.5))
        except AssertionError:
            one.append(shop.server.process.wait())
        allowed = one[0] == "served on" or one[0] == -signal.SIGABRT or one[0] > 0
        shop.expect(allowed, f"without memory it ended with {one[0]}: {shop.server.environment}\n{shop.server.log_tail()}")
        ends[one[0]] += 1
        shop.server.environment = {}
        shop.verify()
        shop.restart()
        shop.check_history()
        if shop.faults:
            break
    if not shop.faults:
        shop.check_all()
    shop.end()
    tell(ends)
    suite.check(not shop.faults, "\n".join(shop.faults))


@suite.case
def at_the_limit_of_memory_nothing_is_lost():
    """The address space of the process may not grow any more."""
    ends, shop = [], World(seed ^ 11, {"checkpoint.interval": 50}, buyers=3)
    shop.begin()
    shop.work(0.1)
    pid = shop.server.process.pid
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.prlimit(pid, resource.RLIMIT_AS, (size + SPARE_BYTES, resource.RLIM_INFINITY))
    shop.load(0, ended(shop, ends, 1.5))
    shop.expect(ends[0] in ("served on", -signal.SIGABRT) or ends[0] > 0, f"it ended with {ends[0]}\n{shop.server.log_tail()}")
    shop.restart()
    shop.check_history()
    shop.check_all()
    shop.end()
    print(f"     {ends[0]}")
    suite.check(not shop.faults, "\n".join(shop.faults))


@suite.case
def without_descriptors_nothing_is_lost_and_it_comes_back():
    shop = World(seed ^ 10, {"checkpoint.interval": 50}, buyers=3)
    shop.begin()
    shop.work(0.1)
    pid = shop.server.process.pid
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    _, most = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 8, most))
    strangers = []
    for _ in range(LIMIT_DESCRIPTORS):
        try:
            strangers.append(socket.create_connection(("127.0.0.1", shop.server.port), timeout=2))
        except OSError:
            break
    shop.work(0.5)
    for stranger in strangers:
        stranger.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
    if shop.server.alive():                                 # it may have ended: a checkpoint could not be written
        answered = []
        shop.work(0, lambda: answered.append(shop.until_answered(PATIENCE)))
        shop.expect(not shop.server.alive() or answered[0], "nobody is answered again")
    status = shop.server.process.poll()
    shop.server.kill()
    shop.expect(status in (None, EXIT_FAILED) or shop.server.is_ended_by_rocksdb(), f"it ended with {status}\n{shop.server.log_tail()}")
    shop.restart()
    shop.check_history()
    shop.check_all()
    shop.end()
    suite.check(not shop.faults, "\n".join(shop.faults))


if __name__ == "__main__":
    suite.main()
