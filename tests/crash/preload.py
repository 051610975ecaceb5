"""Builds what tests preload into the server."""

import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

FLAGS = "-std=c17 -D_GNU_SOURCE -O2 -g -pthread -fPIC -shared -Wall -Wextra -Werror".split()


def build(directory, name="lossy"):
    """The path of tests/crash/NAME.c as a library."""
    path = os.path.join(directory, name + ".so")
    source = os.path.join("tests", "crash", name + ".c")
    subprocess.run([os.environ.get("CC", "gcc"), *FLAGS, "-o", path, source, "-ldl"], cwd=ROOT, check=True)
    return path
