#!/usr/bin/env python3
"""The README's walk-through, run exactly as it stands: every line that announces a result in a comment must print it."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Server, Suite

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
suite = Suite("readme")


def blocks():
    text = open(os.path.join(ROOT, "README.md"), encoding="utf-8").read()
    return re.findall(r"^```bash\n(.*?)^```", text, re.S | re.M)


def expected(script):
    """The announced results, in order: comments of lines that are not assignments and announce one word or a title."""
    results = []
    for line in script.splitlines():
        match = re.match(r"^(?![# ])(.*\S)\s{2,}# (.+)$", line)
        if match and "field" in match.group(1) or match and match.group(1) == "available":
            results.append(match.group(2))
    return results


@suite.case
def walk_through():
    server = Server()
    script = "".join(blocks())
    environment = dict(os.environ, SOUK=f"http://127.0.0.1:{server.port}", DATA=server.data)
    done = subprocess.run(["bash", "-eu"], input=script, text=True, cwd=ROOT, env=environment, capture_output=True, timeout=600)
    suite.equal(done.returncode, 0, "the script goes through: " + done.stderr[-2000:])
    printed = [line for line in done.stdout.splitlines() if " is an admin" not in line]
    for index, result in enumerate(expected(script)):
        if result.startswith("the same order"):
            suite.check(printed[index].startswith("ORD-"), f"the order's number again: {printed[index]}")
        else:
            suite.equal(printed[index], result, f"line {index} of what is announced")
    suite.check(len(expected(script)) >= 19, "the walk-through announces its results")
    server.stop()


if __name__ == "__main__":
    suite.main()
