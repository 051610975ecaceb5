"""Runs the load, the floors and what is compared, and reads what processes have used."""

import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

import prepare

SECONDS = float(os.environ.get("SECONDS", "3"))
ROUNDS = int(os.environ.get("ROUNDS", "2"))
CONNECTIONS = int(os.environ.get("CONNECTIONS", "32"))
PIN = os.environ.get("PIN") == "1"
SETTINGS = dict(each.split("=", 1) for each in os.environ.get("SETTINGS", "").split())
PROGRAMS = os.path.join(os.path.dirname(os.environ["SOUK_BINARY"]), "bench")
DIRECTORY = os.path.join(prepare.ROOT, "build", "bench")

WARM_SECONDS = min(0.25, SECONDS / 4)
CALLS_SECONDS = min(0.3, SECONDS / 4)                       # system calls are counted in a short run of their own
LONGER_MOST = 6


class Failure(Exception):
    """What ends the run with a sentence."""


# ---- Processes -------------------------------------------------------------------------------------------------------

def cores():
    return sorted(os.sched_getaffinity(0))


def pin_server(pid):
    """All threads of a server on the first core; the client gets the last one."""
    if PIN:
        for task in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(task), {cores()[0]})


def run_program(name, *arguments, pinned=False, before=()):
    """Runs a program of bench/ to its end; the JSON that it prints."""
    argv = [*before, os.path.join(PROGRAMS, name), *map(str, arguments)]
    pin = (lambda: os.sched_setaffinity(0, {cores()[-1]})) if pinned and PIN else None
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS * 10 + 600, check=False, preexec_fn=pin)
    if done.returncode:
        raise Failure(f"{' '.join(argv)}: {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def die_with_us():
    prepare.harness.libc.prctl(prepare.harness.PR_SET_PDEATHSIG, signal.SIGKILL)


def used_by(pid):
    """What a process holds and has written: `rss` and `written`, bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        rss = int(re.search(r"^VmRSS:\s+(\d+)", file.read(), re.MULTILINE).group(1)) * 1024
    try:
        with open(f"/proc/{pid}/io", encoding="ascii") as file:
            written = int(re.search(r"^write_bytes: (\d+)", file.read(), re.MULTILINE).group(1))
    except OSError:
        written = None
    return {"rss": rss, "written": written}


# ---- Load ------------------------------------------------------------------------------------------------------------

def load(port, pid, requests, seconds, connections=CONNECTIONS, depth=1, rate=0.0, accepted=("2xx",), more=(),
         warm=WARM_SECONDS, before=()):
    """What bench/load found, with `per_second`. Replies that are not accepted end the run."""
    for longer in range(LONGER_MOST):                       # a machine with much else to do may not answer at all
        result = run_program("load", "--port", port, "--requests", requests, "--connections", connections,
                             "--depth", depth, "--seconds", seconds * 2 ** longer, "--warm", warm, "--rate", rate,
                             "--watch", pid, *more, pinned=True, before=before)
        if result["answered"]:
            break
    if result["answered"] == 0 or result["answered"] != sum(result["statuses"][name] for name in accepted):
        raise Failure(f"{os.path.basename(requests)}: {result['statuses']}: {result.get('refused', '')}")
    result["per_second"] = result["answered"] / result["seconds"]
    return result


def calls(port, pid, requests, **manner):
    """System calls for each request, of server and client; None where nobody may count them."""
    if not shutil.which("perf"):
        return None
    with tempfile.TemporaryDirectory(dir=DIRECTORY) as directory:
        server, client = (os.path.join(directory, name) for name in ("server", "client"))
        count = ["perf", "stat", "-x", ",", "-e", "raw_syscalls:sys_enter"]
        try:
            result = load(port, pid, requests, CALLS_SECONDS, warm=0, **manner,
                          before=[*count, "-p", str(pid), "-o", server, *count, "-o", client])
            return [counted(name) / result["answered"] for name in (server, client)]
        except (Failure, ValueError, OSError):
            return None


def counted(name):
    with open(name, encoding="ascii") as file:
        return int(next(line for line in file if "sys_enter" in line).split(",")[0])


def metrics(server):
    """{name: value} of the figures without labels."""
    client = server.client()
    body = client.get("//metrics").body.decode()
    client.close()
    return {name: float(value) for name, value in re.findall(r"^(\w+) ([0-9.]+)$", body, re.MULTILINE)}


def mean(results, name):
    return statistics.fmean(each[name] for each in results)


# ---- Floors and others -----------------------------------------------------------------------------------------------

class HttpFloor:
    """floor_http with replies of one size, as long as the block runs."""

    def __init__(self, reply_bytes):
        self.port_file = os.path.join(DIRECTORY, f"floor-{os.getpid()}.port")
        loops = max(int(SETTINGS.get("net.loops", "0")), 1)
        argv = [os.path.join(PROGRAMS, "floor_http"), "--port-file", self.port_file, "--reply-bytes", str(reply_bytes),
                "--loops", str(loops)]
        self.process = subprocess.Popen(argv, preexec_fn=die_with_us)

    def __enter__(self):
        deadline = time.monotonic() + 10
        while True:
            try:
                with open(self.port_file, encoding="ascii") as file:
                    self.port = int(file.read())
                break
            except (FileNotFoundError, ValueError):
                if time.monotonic() > deadline:
                    raise Failure("floor_http does not start") from None
                time.sleep(0.01)
        pin_server(self.process.pid)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.unlink(self.port_file)


def rocksdb_floor(records, record_bytes, seconds, batch=CONNECTIONS):
    """RocksDB alone: as many synchronous batches of such records as it can, in requests of `records` each."""
    directory = tempfile.mkdtemp(prefix="floor-rocksdb-", dir=DIRECTORY)
    try:
        result = run_program("floor_rocksdb", "--directory", directory, "--record-bytes", record_bytes,
                             "--batch", batch, "--seconds", seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    result["per_second"] = result["records"] / result["seconds"] / records
    return result


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def redis(value_bytes, seconds):
    """SETs a second of a Redis that syncs each, `appendfsync always`, with as many connections; None without Redis."""
    if not shutil.which("redis-server") or not shutil.which("redis-benchmark"):
        return None
    directory = tempfile.mkdtemp(prefix="redis-", dir=DIRECTORY)
    port = str(free_port())
    argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", directory, "--save", "", "--appendonly",
            "yes", "--appendfsync", "always", "--daemonize", "no"]
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_us)
    try:
        wait_until_listening(int(port))
        rate, count = 0.0, 2000
        while True:                                         # as many as take the time
            began = time.monotonic()
            done = subprocess.run(["redis-benchmark", "-p", port, "-t", "set", "-c", str(CONNECTIONS), "-n", str(count),
                                   "-d", str(value_bytes), "-r", "10000", "--csv"],
                                  capture_output=True, text=True, timeout=600, check=True)
            took = time.monotonic() - began
            cells = done.stdout.splitlines()[-1].replace('"', "").split(",")
            rate = float(cells[1])
            if took > seconds / 2:
                return {"per_second": rate, "cells": cells}
            count = min(int(count * max(seconds / took, 2)), count * 16)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def wait_until_listening(port):
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise Failure("redis-server does not start") from None
            time.sleep(0.02)
