#!/usr/bin/env python3
"""Ends the server between any two steps that must be as one, and looks for everything that it had acknowledged.

    ROUNDS=n SEED=n test_points.py [case …]     15 rounds when not said otherwise: one hit of each place, else n hits

The places are the CRASHPOINTs of the source (base/crashpoint.h). Each must be reached; a new one has to be added here.
After half of the kills the power goes too: what was not synced is lost (powercut.py).
"""

import os
import random
import re
import subprocess
import tempfile
import time

import preload
import world
from harness import ROOT, Suite
from world import World

# Where each is reached, and how often at most.
SERVING = ("log-taken", "keys-made", "log-written", "mark-written", "acknowledged", "checkpoint-begun", "checkpoint-rows",
           "checkpoint-written", "checkpoint-flushed", "checkpoint-marked", "checkpoint-told")
CLOSING = ("log-closed", "tables-closed")
OPENING = ("store-opened", "store-checked")
MAKING = ("store-built", "mark-half-made", "store-marked", "store-named", "file-written", "file-named")
BACKING_UP = ("backup-copied",)
VARIANT = os.environ.get("SOUK_VARIANT", "release")
BUILD = {"release": [], "release-tiny": ["TINY=1"]}     # tiny: memtables switch in the middle of checkpoints
HITS_MOST = 10
LONGEST_SECONDS = 120
STARTS_KILLED = 10

suite = Suite("points")
seed = world.seed_of_run()
chance = random.Random(seed)
long = world.rounds(15) > 15
tools = tempfile.TemporaryDirectory(prefix="souk-points-")
print(f"seed {seed}")


def build():
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    program = f"build/{VARIANT}/crashpoints/souk"
    subprocess.run(["make", "--no-print-directory", *BUILD[VARIANT], program], cwd=ROOT, env=env, check=True,
                   stdout=subprocess.DEVNULL)
    return os.path.join(ROOT, program), preload.build(tools.name)


binary, lossy = build()


def opened(**more):
    shop = World(chance.getrandbits(32), {"checkpoint.interval": 50}, shim=lossy, **more)
    shop.server.binary = binary
    return shop


def hits(most=HITS_MOST):
    """Which hits of a place are tried."""
    return range(1, min(most, world.rounds(15)) + 1) if long else [chance.randint(1, min(most, 3))]


def armed(shop, point, hit):
    return {**shop.server.environment, "SOUK_CRASHPOINT": f"{point}:{hit}"}


def lose_power(shop):
    """Or not: then what was written is there."""
    if chance.random() < 0.5:
        shop.cut()
    else:
        shop.keep()


def end(shop):
    suite.check(not shop.faults, "\n".join(shop.faults))
    shop.end()


def restart(shop, point):
    """And in every fifth case a start that is killed as well, before."""
    if chance.random() < 0.2:
        shop.start_and_kill(chance.uniform(0.001, 0.05))
        lose_power(shop)
    try:
        shop.restart()
        shop.check_history()
    except AssertionError as refusal:
        shop.fault(f"after {point}: {refusal}")
    return not shop.faults


@suite.case
def the_source_has_no_other_places():
    there = set()
    for directory, _, names in os.walk(os.path.join(ROOT, "src")):
        for name in names:
            if name.endswith(".c"):
                with open(os.path.join(directory, name), encoding="utf-8") as file:
                    there.update(re.findall(r'CRASHPOINT\("([a-z-]+)"\)', file.read()))
    suite.equal(there, set(SERVING + CLOSING + OPENING + MAKING + BACKING_UP))


@suite.case
def a_kill_at_each_place_of_serving_loses_nothing():
    shop = opened(buyers=3)
    shop.begin()
    plain, waited = shop.server.environment, 0

    def until_it_ends():
        deadline = time.monotonic() + LONGEST_SECONDS
        while shop.server.alive() and time.monotonic() < deadline:
            time.sleep(0.005)
        shop.expect(not shop.server.alive(), f"{point} is not reached {hit} times")
        shop.server.kill()
    for point, hit in [(point, hit) for point in SERVING for hit in hits()]:
        shop.server.stop()
        shop.server.environment = armed(shop, point, hit)
        try:
            shop.restart()
            shop.load(0, until_it_ends)
        except AssertionError:                              # a start writes too: it was reached before serving
            waited += 1
        suite.equal(shop.server.process.wait(), -9, f"{point}: it ended otherwise")
        shop.server.environment = plain
        lose_power(shop)
        if not restart(shop, f"{point}:{hit}"):
            break
    if not shop.faults:
        shop.check_all()
        suite.equal(shop.server.stop(), 0, "a graceful stop")
        shop.verify()
    print(f"     {len(SERVING)} places, {waited} reached by a start")
    end(shop)


@suite.case
def a_kill_while_it_stops_or_starts_loses_nothing():
    shop = opened(buyers=2)
    shop.begin()
    plain = shop.server.environment
    for point in CLOSING:
        shop.server.stop()
        shop.server.environment = armed(shop, point, 1)
        shop.restart()
        shop.load(0.05, shop.server.stop)
        suite.equal(shop.server.process.wait(), -9, f"{point}: it ended otherwise")
        shop.server.environment = plain
        lose_power(shop)
        restart(shop, point)
    for point in OPENING:
        shop.load(0.05)
        lose_power(shop)
        for _ in range(1 if point != OPENING[0] else STARTS_KILLED if long else 3):
            suite.equal(start(shop, armed(shop, point, 1)), -9, f"{point}: it ended otherwise")
            lose_power(shop)
        restart(shop, point)
    if not shop.faults:
        shop.check_all()
    end(shop)


def start(shop, environment):
    """A start that ends by itself."""
    done = subprocess.run(shop.argv(), stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
                          env={**os.environ, **environment})
    return done.returncode


@suite.case
def a_first_start_may_be_killed_at_each_place():
    """Nobody was promised anything yet, but the next start must find its way."""
    for point in MAKING:
        shop = opened(buyers=1)
        suite.equal(start(shop, armed(shop, point, 1)), -9, f"{point}: it ended otherwise")
        lose_power(shop)
        shop.server.start()
        suite.equal(shop.server.stop(), 0, f"after {point}: a graceful stop")
        shop.verify()
        end(shop)


@suite.case
def a_backup_that_was_not_finished_leaves_nothing():
    shop = opened(buyers=1)
    plain, shop.server.environment = shop.server.environment, armed(shop, "backup-copied", 1)
    shop.server.start()
    copy = os.path.join(shop.server.directory, "backup")
    try:
        shop.server.command(["backup", copy])
        shop.fault("a backup without its server succeeded")
    except AssertionError:
        pass
    suite.equal(shop.server.process.wait(), -9, "it ended otherwise")
    suite.check(not os.path.exists(copy) or not os.listdir(copy), "half a backup is there")
    shop.server.environment = plain
    shop.server.start()
    left = [name for name in os.listdir(shop.server.data) if "backup" in name]
    suite.equal(left, [], "in the data directory")
    shop.server.command(["backup", copy])
    suite.equal(shop.server.stop(), 0)
    end(shop)


if __name__ == "__main__":
    suite.main()
