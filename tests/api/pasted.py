"""Runs what a guide tells its reader to paste: the blocks of a page, exactly as they stand, against a server of the test."""

import os
import re
import subprocess

from harness import ROOT


def blocks(page):
    """The blocks of bash of a page of the project, in their order."""
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return re.findall(r"^```bash\n(.*?)^```", file.read(), re.S | re.M)


def expected(script):
    """The announced results, in order: comments of lines that are not assignments and announce one word or a title."""
    results = []
    for line in script.splitlines():
        match = re.match(r"^(?![# ])(.*\S)\s{2,}# (.+)$", line)
        if match and "field" in match.group(1) or match and match.group(1) == "available":
            results.append(match.group(2))
    return results


def run(script, server, options="-eu", seconds=600, **more):
    environment = dict(os.environ, SOUK=f"http://127.0.0.1:{server.port}", DATA=server.data, SOUK_BINARY=server.binary, **more)
    return subprocess.run(["bash", options], input=script, text=True, cwd=ROOT, env=environment, capture_output=True,
                          timeout=seconds, check=False)


def walk(suite, server, page, least):
    """Pastes a whole page: it goes through, and prints at least so many results, each as its line announces."""
    script = "".join(blocks(page))
    done = run(script, server)
    suite.equal(done.returncode, 0, f"{page} goes through: {done.stderr[-2000:]}")
    printed = [line for line in done.stdout.splitlines() if " is an admin" not in line]
    announced = expected(script)
    for index, result in enumerate(announced):
        got = printed[index] if index < len(printed) else None
        if result.startswith("the same order"):
            suite.check(got and got.startswith("ORD-"), f"the order's number again: {got}")
        else:
            suite.equal(got, result, f"line {index} of what {page} announces")
    suite.check(len(announced) >= least, f"{page} announces its results: {len(announced)}")
