#!/usr/bin/env python3
"""Simulated worlds: the whole server on a virtual clock, with faults and crashes, against an auditor's model.

    SIM_SECONDS=n test_sim.py       40 seconds of seeds when not said otherwise

First the named cases, each a bug that was found once; then seeds from 1 on, as many as fit. A seed that fails is printed
with its step, made small, and left as a file that `sim --repro` replays. `make sim` runs campaigns.
"""

import glob
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANT = os.environ.get("SOUK_VARIANT", "release")
PROGRAM = os.path.join(ROOT, "build", VARIANT, "sim")
SECONDS = os.environ.get("SIM_SECONDS", "40")
BUILD = {"release": [], "release-tiny": ["TINY=1"], "address": ["SAN=address"]}


def build():
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "--no-print-directory", *BUILD[VARIANT], "sim-program"], cwd=ROOT, env=env, check=True)


def run(*arguments):
    """Whether the program found nothing wrong; it says what it found."""
    done = subprocess.run([PROGRAM, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="")
    return done.returncode == 0, done.stdout


def main():
    build()
    failed = []
    cases = sorted(glob.glob(os.path.join(ROOT, "tests", "sim", "cases", "*.sim")))
    for case in cases:
        print(os.path.basename(case))
        if not run("--repro", case)[0]:
            failed.append(case)
    good, said = run("--seconds", SECONDS, "--out", os.environ.get("TMPDIR", "."))
    if not good:
        failed.append("seeds")
        for path in re.findall(r"in (\S+\.repro)$", said, re.MULTILINE):    # its directory goes with the test
            with open(path, encoding="utf-8") as file:
                print(file.read())
    print(f"{len(cases) + 1 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
