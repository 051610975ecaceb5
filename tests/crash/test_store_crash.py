#!/usr/bin/env python3
"""Kills a program that writes through the store, cuts the power of its disk, and looks for what was acknowledged.

    test_store_crash.py [ROUNDS] [--seed N] [--kill-only]

Each round: start the writer on a watched disk, kill it after 5 to 200 ms, cut the power; sometimes kill the next start in
the middle of its recovery, several times in a row; then open the store: every acknowledged record must be there, the
tables must be those of a prefix of the log. Every few rounds the store is new, so that its making is hit too.

Then system calls are made to fail: the writer must end, acknowledge nothing more, and leave a store that opens. Last, the
same rounds with a store that forgets to sync must fail, or this test finds nothing.
"""

import argparse
import collections
import concurrent.futures
import glob
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import powercut

CFLAGS = "-std=c17 -D_GNU_SOURCE -Isrc -O2 -g -pthread -Wall -Wextra -Werror".split()
LIBRARIES = "-lrocksdb -lsodium".split()
ROUNDS_PER_STORE = 12
MUTANT_ROUNDS = 40                      # at most: the first mostly finds it
FAULT_SECONDS, FAULT_RECORDS = 0.4, 500 # a writer that meets no fault is killed after both
PATIENCE = 60
EXIT_FAILED = 75
OPENING_FAILED = (3, 6, 7)              # nothing was acknowledged

# Calls that fail: call, ending of the path, after so many, so often, with which error (lossy.c).
FAULTS = [
    #  call         ending          error
    ("fdatasync",   ".log",         "5"),       # EIO
    ("fdatasync",   ".log",         "28"),      # ENOSPC
    ("fdatasync",   ".log",         "122"),     # EDQUOT
    ("write",       ".log",         "5"),
    ("write",       ".log",         "28"),
    ("write",       ".log",         "torn"),
    ("write",       ".log",         "0"),       # short: half is written, and RocksDB writes the rest
    ("write",       "/mark",        "28"),
    ("fdatasync",   "/mark",        "5"),
    ("fdatasync",   ".sst",         "5"),
    ("write",       ".sst",         "28"),
    ("open",        ".sst",         "24"),      # EMFILE
    ("open",        ".log",         "24"),
    ("fsync",       "/rocks",       "5"),
    ("fdatasync",   "MANIFEST-000005", "5"),
    ("rename",      "/CURRENT",     "5"),
    ("rename",      "/rocks",       "5"),
]

# A disk that is full while the store is made: RocksDB mends that on a thread of its own, which once met the end of the process.
FULL_AT_FIRST = ("write", ".log", "28")
FULL_ROUNDS = 40


class Wrong(Exception):
    pass


def build(directory):
    """The preloaded disk, the writer, and a writer whose log thread forgets to sync."""
    sources = sorted(glob.glob("src/base/*.c", root_dir=ROOT) + glob.glob("src/store/*.c", root_dir=ROOT))
    objects = ["build/release/" + source[:-2] + ".o" for source in sources]
    subprocess.run(["make", "--no-print-directory", *objects], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    shim = os.path.join(directory, "lossy.so")
    compiler = os.environ.get("CC", "gcc")
    subprocess.run([compiler, *CFLAGS, "-fPIC", "-shared", "-o", shim, "tests/crash/lossy.c", "-ldl"], cwd=ROOT, check=True)
    synced = "build/release/src/store/log_thread.o"
    unsynced = [*(name for name in objects if name != synced), "-DMUTANT=1", "src/store/log_thread.c"]
    programs = []
    for name, parts in (("writer", objects), ("mutant", unsynced)):
        programs.append(os.path.join(directory, name))
        subprocess.run([compiler, *CFLAGS, "-o", programs[-1], "tests/crash/store_writer.c", *parts, *LIBRARIES], cwd=ROOT, check=True)
    return shim, *programs


class Disk:
    """A directory that is watched, with one store in it, and what is known of the store."""

    def __init__(self, directory, shim, program):
        self.root = os.path.join(directory, "disk")
        self.state = os.path.join(directory, "state")
        self.words = os.path.join(directory, "stderr")
        self.store = os.path.join(self.root, "data")
        self.said = b""                                             # by the writer that runs
        self.shim, self.program = shim, program
        self.acknowledged = 0
        os.makedirs(self.root)
        os.makedirs(self.state)

    def start(self, seed, fault=None):
        env = dict(os.environ, LD_PRELOAD=self.shim, LOSSY_ROOT=self.root, LOSSY_STATE=self.state)
        if fault:
            env["LOSSY_FAULT"] = fault
        self.said = b""
        with open(self.words, "wb") as words:
            return subprocess.Popen([self.program, "write", self.store, str(seed)], env=env, stdout=subprocess.PIPE, stderr=words)

    def listen(self, process, is_enough, seconds=PATIENCE):
        """Takes what the writer says until that is enough. Returns whether it ended instead."""
        deadline = time.monotonic() + seconds
        while not is_enough(self.said):
            left = max(deadline - time.monotonic(), 0)
            if not select.select([process.stdout], [], [], min(left, 0.05))[0]:
                if not left:
                    return False
                continue
            more = os.read(process.stdout.fileno(), 65536)
            if not more:
                process.wait()
                return True
            self.said += more
        return False

    def finish(self, process):
        """Takes what else the writer said. Returns whether something was under way when it ended."""
        sent = 0
        for line in (self.said + process.stdout.read()).decode().splitlines():
            word, *numbers = line.split()
            if word == "ack":
                self.acknowledged = max(self.acknowledged, int(numbers[0]))
            elif word == "sent":
                sent = int(numbers[0])
            elif word == "open" and int(numbers[0]) < self.acknowledged:
                raise Wrong(f"opened at {numbers[0]}, but {self.acknowledged} was acknowledged")
            elif word == "refused:":
                raise Wrong(line)
        process.stdout.close()
        return sent > self.acknowledged

    def write_and_kill(self, seconds, seed, once_writing=False):
        """once_writing: the time counts from its first record, however slow the machine is."""
        process = self.start(seed)
        if once_writing:
            self.listen(process, lambda said: b"sent" in said)
        self.listen(process, lambda said: False, seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        under_way = self.finish(process)
        if process.returncode != -signal.SIGKILL:
            raise Wrong(f"the writer ended with {process.returncode}: {self.last_words()}")
        return under_way

    def last_words(self):
        with open(self.words, encoding="utf-8", errors="replace") as words:
            return words.read()[-2000:]

    def asserted(self, process):
        """RocksDB, as it is packaged, ends the process when it writes to a file that failed before (docs/TRUST.md)."""
        return process.returncode == -signal.SIGABRT and "rocksdb::" in (words := self.last_words()) and "Assertion" in words

    def cut(self, chance):
        powercut.cut(self.root, self.state, chance)

    def check(self):
        """Opens the store without the watched disk. Everything acknowledged must be there."""
        result = subprocess.run([self.program, "check", self.store], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300)
        output = result.stdout.decode()
        if result.returncode != 0:
            raise Wrong(f"exit {result.returncode}: {output.strip()}")
        last = int(output.split("last ")[1].split()[0])
        if last < self.acknowledged:
            raise Wrong(f"{self.acknowledged} was acknowledged, the log ends at {last}")


def crash_rounds(directory, shim, program, rounds, seed, with_cut):
    """Returns rounds that passed, rounds with a commit under way, and what was wrong."""
    chance = random.Random(seed)
    passed = under_way = 0
    disk = None
    for number in range(rounds):
        if number % ROUNDS_PER_STORE == 0:
            shutil.rmtree(directory, ignore_errors=True)
            disk = Disk(directory, shim, program)
        try:
            seconds = chance.uniform(0.005, 0.2)
            under_way += disk.write_and_kill(seconds, chance.getrandbits(32), number % 3 != 0)
            if with_cut:
                disk.cut(chance)
            for _ in range(chance.choice((0, 0, 0, 1, 3))):         # die in the recovery too
                disk.write_and_kill(chance.uniform(0.001, 0.05), chance.getrandbits(32))
                if with_cut:
                    disk.cut(chance)
            disk.check()
            passed += 1
        except Wrong as wrong:
            return passed, under_way, f"round {number}, seed {seed}: {wrong}"
    return passed, under_way, None


def records_of(said):
    """How many a writer has sent since it began."""
    lines = said[:said.rfind(b"\n") + 1].splitlines()
    first = next((int(line.split()[1]) for line in lines if line.startswith(b"open")), 0)
    last = next((int(line.split()[1]) for line in reversed(lines) if line.startswith(b"ack")), first)
    return last - first


def fault_round(directory, shim, program, fault, after, seed):
    """One call fails once, from the making of a store on. Returns how the writer ended, and None or what was wrong."""
    chance = random.Random(f"{seed} {fault} {after}")
    shutil.rmtree(directory, ignore_errors=True)
    disk = Disk(directory, shim, program)
    text = f"{fault[0]}:{fault[1]}:{after}:1:{fault[2]}"
    code = None
    try:
        process = disk.start(chance.getrandbits(32), text)
        ended = disk.listen(process, lambda said: False, FAULT_SECONDS) or \
            disk.listen(process, lambda said: records_of(said) >= FAULT_RECORDS)
        if not ended:                                               # a fault that is never reached, or does no harm
            process.send_signal(signal.SIGKILL)
            process.wait()
        code = process.returncode
        harmless = fault[2] == "0"
        if code not in (EXIT_FAILED, -signal.SIGKILL) and (harmless or (code not in OPENING_FAILED and not disk.asserted(process))):
            raise Wrong(f"exit {code}: {disk.last_words()}")
        if code in OPENING_FAILED:
            process.stdout.close()
        else:
            disk.finish(process)
        disk.cut(chance)
        disk.check()
    except Wrong as wrong:
        return code, f"fault {text}: {wrong}"
    return code, None


def main():
    parser = argparse.ArgumentParser(description="Crash tests of the store.")
    parser.add_argument("rounds", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kill-only", action="store_true", help="do not cut the power")
    options = parser.parse_args()
    seed = random.SystemRandom().getrandbits(32) if options.seed is None else options.seed
    print(f"seed {seed}")

    passed, problems = 0, []
    base = tempfile.mkdtemp(prefix="souk-crash-")
    try:
        shim, writer, mutant = build(base)
        began = time.monotonic()
        workers = os.cpu_count() or 1
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            shares = [options.rounds // workers + (i < options.rounds % workers) for i in range(workers)]
            runs = [pool.submit(crash_rounds, os.path.join(base, f"crash{i}"), shim, writer, share, seed + i, not options.kill_only)
                    for i, share in enumerate(shares)]
            under_way = 0
            for run in runs:
                good, hit, wrong = run.result()
                passed += good
                under_way += hit
                problems += [wrong] if wrong else []
            print(f"{options.rounds} crashes in {time.monotonic() - began:.1f} s, {under_way} with a commit under way")
            if under_way * 10 < options.rounds * 3:
                problems.append("too few kills hit a commit: the test is too gentle")

            faults = [(fault, after) for fault in FAULTS for after in (0, 1, 7, 40)] + [(FULL_AT_FIRST, 0)] * FULL_ROUNDS
            runs = [pool.submit(fault_round, os.path.join(base, f"fault{i}"), shim, writer, fault, after, seed)
                    for i, (fault, after) in enumerate(faults)]
            results = [run.result() for run in runs]
            passed += sum(wrong is None for _, wrong in results)
            problems += [wrong for _, wrong in results if wrong]
            ends = collections.Counter("killed" if code == -signal.SIGKILL else f"exit {code}" for code, _ in results)
            print(f"{len(faults)} faults: " + ", ".join(f"{count} {end}" for end, count in sorted(ends.items())))
            if ends[f"exit {EXIT_FAILED}"] < 15:
                problems.append("too few faults ended the writer: they do not reach the store")

        _, _, wrong = crash_rounds(os.path.join(base, "unsynced"), shim, mutant, MUTANT_ROUNDS, seed, True)
        if wrong:
            passed += 1
            print(f"without a sync: {wrong}")
        else:
            problems.append(f"a store that never syncs passed {MUTANT_ROUNDS} rounds")
    finally:
        shutil.rmtree(base, ignore_errors=True)
    for problem in problems:
        print(problem)
    print(f"{passed} passed, {len(problems)} failed")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
