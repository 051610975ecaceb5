#!/usr/bin/env python3
"""Ends the server at any moment under load, and looks for everything that it had acknowledged.

    ROUNDS=n SEED=n test_kill.py [case …]       15 rounds when not said otherwise

`kill -9` leaves what was written in the kernel's cache, so this finds what is acknowledged before it is written, half
written, done twice or forgotten at a start; what is written and not synced is found by test_powercut.py.
"""

import os
import random
import shutil
import signal
import time

import world
from harness import Suite
from world import World

ROUNDS_PER_WORLD = 8
ROUNDS_MOST = 5                         # times what is asked for, until enough kills met a commit
# Each world in turn: what makes kills meet something else.
WORLDS = [
    {},                                                                         # a checkpoint every 200 ms
    {"checkpoint.interval": 60000},                                             # a long log to replay
    {"actors.memory": "1MiB", "store.block_cache": "1MiB"},                     # actors leave memory all the time
    {"net.loops": 2, "sandbox.payment_time": 60},                               # many requests wait for payments
]

suite = Suite("kill")
seed = world.seed_of_run()
chance = random.Random(seed)
print(f"seed {seed}")


def report(shop):
    suite.check(not shop.faults, "\n".join(shop.faults))
    shop.end()
    return not shop.faults


def end_well(shop):
    """A graceful stop writes a checkpoint of everything: now each row is compared."""
    suite.equal(shop.server.stop(), 0, "a graceful stop")
    shop.verify()


@suite.case
def kills_lose_nothing():
    count, kills, under_way, beyond, number = world.rounds(15), 0, 0, 0, 0
    most = ROUNDS_MOST * count
    while kills < count or (beyond * 10 < kills * 3 and kills < most):          # a slow machine needs more of them
        shop = World(seed + number, WORLDS[number % len(WORLDS)])
        shop.begin()
        for turn in range(min(ROUNDS_PER_WORLD, (count if kills < count else most) - kills)):
            load = shop.load_once_answered if turn % 2 else shop.load
            load(chance.uniform(0.005, 0.2))
            if chance.random() < 0.5:
                shop.verify()
            for _ in range(chance.choice((0, 0, 0, 1, 3))):             # and again while it starts
                shop.start_and_kill(chance.uniform(0.001, 0.08))
            if chance.random() < 0.2:
                time.sleep(1.6)                                         # payments expire while nobody is there
            shop.restart()
            shop.check_history()
            if turn % 3 == 2:
                shop.check_all()
            if shop.faults:
                break
        shop.check_all()
        kills, under_way, beyond = kills + shop.kills, under_way + shop.under_way, beyond + shop.beyond
        number += 1
        if not shop.faults:
            end_well(shop)
        if not report(shop):
            return
    print(f"     {kills} kills: {under_way} with a command under way, {beyond} with records that nobody knew of yet")
    suite.check(beyond * 10 >= kills * 3, f"only {beyond} of {kills} kills met a commit: the test is too gentle")


@suite.case
def a_graceful_stop_under_load_answers_what_it_did():
    shop = World(seed ^ 1)
    shop.begin()

    def stop():
        suite.equal(shop.server.stop(), 0, "exit status")           # which waits so long, and no longer
    for _ in range(max(2, world.rounds(15) // 7)):
        shop.load(chance.uniform(0.02, 0.2), stop)
        shop.verify()
        shop.restart()
        shop.check_history()
        shop.check_all()
    report(shop)


@suite.case
def a_pause_of_the_process_is_only_a_pause():
    """Timers that came due meanwhile fire once."""
    shop = World(seed ^ 2)
    shop.begin()

    def pause():
        os.kill(shop.server.process.pid, signal.SIGSTOP)
        time.sleep(2)
        os.kill(shop.server.process.pid, signal.SIGCONT)
        time.sleep(0.05)
        shop.server.kill()
    for _ in range(max(1, world.rounds(15) // 15)):
        shop.load(0.1, pause)
        shop.restart()
        shop.check_history()
        shop.check_all()
    report(shop)


@suite.case
def a_copy_of_the_directory_at_any_moment_opens():
    """What a snapshot of the disk holds is what a kill would have left."""
    shop = World(seed ^ 3)
    shop.begin()
    original, copy = shop.server.data, os.path.join(shop.server.directory, "copy")

    def copy_and_kill():
        os.kill(shop.server.process.pid, signal.SIGSTOP)
        shutil.copytree(original, copy, ignore=shutil.ignore_patterns("control.sock"))
        shutil.copy2(original + ".key", copy + ".key")
        shop.server.kill()
    for _ in range(max(2, world.rounds(15) // 7)):
        shop.load(chance.uniform(0.02, 0.2), copy_and_kill)
        shutil.rmtree(original)
        os.rename(copy, original)
        os.remove(copy + ".key")
        shop.restart()
        shop.check_history()
        shop.check_all()
    report(shop)


@suite.case
def a_backup_made_under_load_opens():
    """It holds at least what was acknowledged before it was asked for, and is whole."""
    shop = World(seed ^ 4)
    shop.begin()
    original, copy = shop.server.data, os.path.join(shop.server.directory, "backup")
    seen = []

    def back_up_and_kill():
        seen.append(shop.position_seen)
        shop.server.command(["backup", copy, "--slots", os.path.join(copy, "slots")])
        shop.server.kill()
    for _ in range(max(2, world.rounds(15) // 10)):
        shop.load(chance.uniform(0.05, 0.2), back_up_and_kill)
        shop.server.data = copy
        shutil.copy2(original + ".key", copy + ".key")
        shop.verify()
        shop.server.start()
        suite.check(shop.position() >= seen[-1], f"position {seen[-1]} was shown, the backup ends at {shop.position()}")
        suite.equal(shop.server.stop(), 0)
        shop.verify()
        shutil.rmtree(copy)
        shop.server.data = original
        shop.restart()
        shop.check_history()
        shop.check_all()
    report(shop)


@suite.case
def a_first_start_may_end_anywhere():
    """Nobody was promised anything yet, but the next start must find its way."""
    for _ in range(max(6, world.rounds(15))):
        shop = World(chance.getrandbits(32), buyers=1)
        for _ in range(chance.choice((1, 1, 2, 4))):
            shop.start_and_kill(chance.uniform(0.001, 0.12))
        shop.begin()
        end_well(shop)
        report(shop)


if __name__ == "__main__":
    suite.main()
