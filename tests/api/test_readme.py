#!/usr/bin/env python3
"""The README's walk-through, run exactly as it stands: every line that announces a result in a comment must print it."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pasted
from harness import Server, Suite

suite = Suite("readme")


@suite.case
def walk_through():
    server = Server()
    pasted.walk(suite, server, "README.md", 19)
    server.stop()


if __name__ == "__main__":
    suite.main()
