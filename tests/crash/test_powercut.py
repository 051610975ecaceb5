#!/usr/bin/env python3
"""Cuts the power of a server's disk under load, and looks for everything that it had acknowledged.

    ROUNDS=n SEED=n test_powercut.py [case …]       10 rounds when not said otherwise

The server runs under lossy.so, which knows what of its files was synced. After the kill powercut.py takes back a random
part of what was not: bytes, names of files, renames. The same rounds with a server that forgets to sync its log must
find that out, or they find nothing.
"""

import os
import random
import subprocess
import tempfile
import time

import preload
import world
from harness import ROOT, Suite
from world import World

ROUNDS_PER_WORLD = 5
MUTANT_ROUNDS = 30                      # at most: the first mostly finds it
WORLDS = [
    {},
    {"checkpoint.interval": 30},            # tables, their directory and the mark are synced all the time
    {"actors.memory": "1MiB", "store.block_cache": "1MiB", "checkpoint.interval": 1000},
]

suite = Suite("powercut")
seed = world.seed_of_run()
chance = random.Random(seed)
tools = tempfile.TemporaryDirectory(prefix="souk-powercut-")
print(f"seed {seed}")


def build_mutant():
    """The server with planted bug 1 (tests/mutants)."""
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "--no-print-directory", "build/release/mutants/1/souk"], cwd=ROOT, env=clean, check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(ROOT, "build/release/mutants/1/souk")


def one_round(shop, full):
    shop.load(chance.uniform(0.005, 0.2))
    shop.cut()
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        shop.start_and_kill(chance.uniform(0.001, 0.1))
        shop.cut()
    shop.verify()
    if chance.random() < 0.15:
        time.sleep(1.6)
    shop.restart()
    if shop.faults:                         # it lost something: each further sentence would say so again
        return
    shop.check_history()
    if full:
        shop.check_all()


@suite.case
def cuts_lose_nothing():
    count, cuts, beyond, number, shim = world.rounds(10), 0, 0, 0, preload.build(tools.name)
    while cuts < count:
        shop = World(seed + number, WORLDS[number % len(WORLDS)], shim=shim)
        shop.begin()
        turns = min(ROUNDS_PER_WORLD, count - cuts)
        for turn in range(turns):
            one_round(shop, full=turn % 3 == 2 or turn == turns - 1)
            if shop.faults:
                break
        cuts, beyond, number = cuts + shop.kills, beyond + shop.beyond, number + 1
        if not shop.faults:
            suite.equal(shop.server.stop(), 0, "a graceful stop")
            shop.verify()
        shop.end()
        if not suite.check(not shop.faults, "\n".join(shop.faults)):
            return
    print(f"     {cuts} cuts, {beyond} that kept records that nobody had heard of yet")


@suite.case
def a_first_start_may_lose_power_anywhere():
    shim = preload.build(tools.name)
    for _ in range(max(5, world.rounds(10) // 2)):
        shop = World(chance.getrandbits(32), buyers=1, shim=shim)
        for _ in range(chance.choice((1, 2, 4))):
            shop.start_and_kill(chance.uniform(0.001, 0.2))
            shop.cut()
        shop.begin()
        suite.equal(shop.server.stop(), 0, "a graceful stop")
        shop.verify()
        shop.end()
        suite.check(not shop.faults, "\n".join(shop.faults))


@suite.case
def a_server_that_does_not_sync_is_found_out():
    shim, binary = preload.build(tools.name), build_mutant()
    for number in range(MUTANT_ROUNDS):
        shop = World(seed + number, {"checkpoint.interval": 60000}, shim=shim)
        shop.server.binary = binary
        shop.begin()
        try:
            one_round(shop, full=False)
        except AssertionError as refusal:                   # or it does not start at all
            shop.fault(str(refusal).splitlines()[0])
        shop.end()
        if shop.faults:
            print(f"     round {number}: {shop.faults[0].splitlines()[0][:160]}")
            suite.check(True)
            return
    suite.check(False, f"a server that never syncs passed {MUTANT_ROUNDS} rounds")


if __name__ == "__main__":
    suite.main()
