#!/usr/bin/env python3
"""Damages the files of a server that is not running, and starts it on them.

    ROUNDS=n SEED=n test_damage.py [case …]     15 rounds when not said otherwise

Either it refuses with exit status 3 and one line that says what is wrong, or it has lost nothing. What lies deep in old
tables may be found later: a read of it is answered with 500, never with a wrong value, and `souk verify` finds it. Then
all else that a start may meet: a directory in use, of a newer version, that may not be written to, a full disk.
"""

import collections
import hashlib
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time

import world
from harness import Server, Suite
from world import World

WRONG_USE, DAMAGED, IN_USE, NEWER, NOT_WRITABLE = 2, 3, 4, 5, 6
MARK_SLOT, MARK_VERSION_AT, MARK_CHECKSUM_AT = 512, 8, 68
START_SECONDS = 300

suite = Suite("damage")
seed = world.seed_of_run()
chance = random.Random(seed)
ROUNDS = world.rounds(15)
print(f"seed {seed}")


class Patient:
    """A server's directory as a kill left it: tables, a long write-ahead log, and everything decided. Copies of it are
    damaged."""

    def __init__(self):
        shop = self.shop = World(seed, {"checkpoint.interval": 60000, "store.block_cache": "1MiB"}, buyers=4)
        shop.begin()
        for _ in range(2):
            shop.work(0.3)
            shop.check_all()
            shop.server.stop()                                          # a graceful stop leaves tables alone
            shop.restart()
        shop.work(0.5)
        shop.check_all()
        self.content = self.read()
        metrics = shop.admin.get("//metrics").body.decode()
        self.position = int(re.search(r"^souk_log_durable_lsn (\d+)", metrics, re.MULTILINE).group(1))
        shop.server.kill()                                              # and this a write-ahead log
        if shop.faults:
            raise AssertionError("\n".join(shop.faults))
        self.pristine = os.path.join(shop.server.directory, "pristine")
        os.rename(shop.disk, self.pristine)
        self.outcomes = collections.Counter()

    @property
    def rocks(self):
        return os.path.join(self.shop.disk, "data", "rocks")

    def files(self, ending):
        return sorted(name for name in os.listdir(self.whole("")) if name.endswith(ending))

    def whole(self, name):
        """The undamaged file of the database."""
        return os.path.join(self.pristine, "data", "rocks", name)

    def longest_log(self):
        """The write-ahead file with the most in it, and where that ends."""
        return max(((name, data_end(self.whole(name))) for name in self.files(".log")), key=lambda each: each[1])

    def fresh(self):
        shutil.rmtree(self.shop.disk, ignore_errors=True)
        shutil.copytree(self.pristine, self.shop.disk, ignore=shutil.ignore_patterns("control.sock"))

    def read(self):
        """Everything that a reader can see of the shop, each by its path."""
        shop, content = self.shop, {}
        for order in shop.admin.pages("/admin/orders", limit=100):
            content[f"/orders/{order['id']}"] = None
        for person in shop.buyers:
            content[f"/users/{person.client.id}"] = None
        for path in [f"/communities/{each}" for each in shop.communities] + [f"/products/{shop.product['id']}"]:
            content[path] = None
        for path in content:
            content[path] = shop.admin.get(path).data
        content["stock"] = {(row["variant_id"], row["location_id"]): row
                            for row in shop.supplier.owner.pages(f"/products/{shop.product['id']}/stock", limit=100)}
        return content

    def start(self, what):
        """Starts on the damaged copy. True when it serves; false when it refused as it has to."""
        server = self.shop.server
        length = len(server.log_text())
        try:
            server.start()
            return True
        except AssertionError:
            status, said = server.process.returncode, server.log_text()[length:].splitlines()
            server.process = None
            lines = [line for line in said if not line.startswith("{")]
            suite.equal(status, DAMAGED, f"{what}: exit status\n" + "\n".join(said))
            clear = len(lines) == 1 and lines[0].startswith("souk serve: ") and len(lines[0]) > 40
            suite.check(clear, f"{what}: it says {lines}")
            return False

    def nothing_is_wrong(self, what):
        """All that is read is as it was. Returns how many reads were refused as damaged."""
        refused = 0
        for path, before in self.content.items():
            if path == "stock":
                continue
            reply = self.shop.admin.get(path)
            if reply.status == 500:
                refused += 1
                continue
            suite.check(reply.status == 200 and reply.data == before, f"{what}: GET {path} was {before}, is {reply}")
        reply = self.shop.supplier.owner.get(f"/products/{self.shop.product['id']}/stock?limit=100")
        rows = {(row["variant_id"], row["location_id"]): row for row in reply.data or []}
        suite.check(reply.status == 500 or rows == self.content["stock"], f"{what}: stock is {reply}")
        return refused + (reply.status == 500)

    def try_log_damage(self, what):
        """Damage of the write-ahead log: everything that was acknowledged, or nothing at all."""
        if self.start(what):
            position = self.shop.position()
            suite.check(position >= self.position, f"{what}: {self.position} was acknowledged, it serves {position}")
            suite.equal(self.nothing_is_wrong(what), 0, f"{what}: reads refused")
            self.shop.server.kill()
            self.outcomes["harmless"] += 1
        else:
            self.outcomes["refused"] += 1

    def try_table_damage(self, what):
        """Damage of a table: refused at the start, by reads, or found by verify; a wrong value never."""
        if not self.start(what):
            self.outcomes["refused"] += 1
            return
        refused = self.nothing_is_wrong(what)
        self.shop.server.kill()
        argv = [self.shop.server.binary, "verify", "--data", self.shop.server.data]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False)
        suite.check(done.returncode in (0, DAMAGED), f"{what}: souk verify: {done.returncode} {done.stderr}")
        suite.check(done.returncode or not refused, f"{what}: {refused} reads were refused, souk verify finds nothing")
        self.outcomes["reads" if refused else "verify" if done.returncode else "harmless"] += 1

    def told(self):
        print("     " + ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items())))
        outcomes, self.outcomes = self.outcomes, collections.Counter()
        return outcomes


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


def overwrite(path, offset, content):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(content)


def data_end(path):
    """Where the written part of a file ends: RocksDB reserves room beyond it, which reads as zeros."""
    with open(path, "rb") as file:
        return len(file.read().rstrip(b"\0"))


patient = Patient()


# ---- Damaged files ---------------------------------------------------------------------------------------------------

@suite.case
def a_flipped_bit_of_the_write_ahead_log():
    name, end = patient.longest_log()
    suite.check(end > 10000, f"{name} has {end} bytes: too few to be worth it")
    for number in range(ROUNDS):
        patient.fresh()
        offset = chance.randrange(end) if number else end - 1
        flip(os.path.join(patient.rocks, name), offset)
        patient.try_log_damage(f"{name} with a flipped bit at {offset} of {end}")
    suite.check(patient.told()["refused"] >= ROUNDS // 2, "what is damaged is refused")


@suite.case
def zeroed_swapped_and_torn_write_ahead_logs():
    name, end = patient.longest_log()
    path = os.path.join(patient.rocks, name)
    for number in range(ROUNDS):
        patient.fresh()
        size = chance.choice((64, 512, 4096))
        at, other = (chance.randrange(max(1, end - size)) // size * size for _ in range(2))
        with open(path, "rb") as file:
            content = file.read()
        if number % 3 == 0:
            overwrite(path, at, bytes(size))
            what = f"{size} zeros at {at}"
        elif number % 3 == 1:
            overwrite(path, at, content[other:other + size])
            overwrite(path, other, content[at:at + size])
            what = f"{size} bytes of {at} and {other} exchanged"
        else:
            at = chance.randrange(end)
            os.truncate(path, at)
            what = f"cut at {at} of {end}"
        patient.try_log_damage(f"{name}: {what}")
    suite.check(patient.told()["refused"] >= ROUNDS // 2, "what is damaged is refused")


@suite.case
def a_missing_file():
    for name in patient.files(""):
        patient.fresh()
        os.remove(os.path.join(patient.rocks, name))
        before = dict(patient.outcomes)
        if name.endswith(".log"):
            patient.try_log_damage(f"without {name}")
            if data_end(patient.whole(name)):
                suite.equal(patient.outcomes["refused"], before.get("refused", 0) + 1, f"without {name} it serves")
        else:
            patient.try_table_damage(f"without {name}")
            if name.endswith(".sst") or name.startswith(("MANIFEST", "CURRENT")):
                suite.equal(patient.outcomes["refused"], before.get("refused", 0) + 1, f"without {name} it serves")
    patient.told()
    for what in ("mark", "rocks"):
        patient.fresh()
        path = os.path.join(patient.shop.disk, "data", what)
        shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        suite.check(not patient.start(f"without {what}"), f"without {what} it serves")


@suite.case
def a_damaged_table():
    tables = patient.files(".sst")
    suite.check(tables, "there are tables")
    for _ in range(2 * ROUNDS):
        name = chance.choice(tables)
        patient.fresh()
        path = os.path.join(patient.rocks, name)
        at = chance.randrange(os.path.getsize(path))
        flip(path, at)
        patient.try_table_damage(f"{name} with a flipped bit at {at}")
    outcomes = patient.told()
    suite.check(outcomes["harmless"] * 4 <= 2 * ROUNDS, "what is damaged is noticed")


@suite.case
def a_damaged_mark_or_manifest():
    manifest = next(name for name in patient.files("") if name.startswith("MANIFEST"))
    for number in range(ROUNDS):
        patient.fresh()
        path = os.path.join(patient.rocks, manifest)
        if number % 2:
            path = os.path.join(patient.shop.disk, "data", "mark")
        at = chance.randrange(os.path.getsize(path))
        flip(path, at)
        patient.try_log_damage(f"{os.path.basename(path)} with a flipped bit at {at}")
    patient.told()
    patient.fresh()
    overwrite(os.path.join(patient.shop.disk, "data", "mark"), 0, bytes(2 * MARK_SLOT))
    suite.check(not patient.start("a mark of zeros"), "a mark of zeros is no mark")


@suite.case
def a_torn_end_of_the_manifest():
    """What a power cut leaves of an edit that was not synced: RocksDB refuses it, but nothing relied on it."""
    manifest = next(name for name in patient.files("") if name.startswith("MANIFEST"))
    for number in range(ROUNDS):
        patient.fresh()
        size = chance.randrange(1, 200)
        edit = chance.randbytes(4) + size.to_bytes(2, "little") + bytes([1]) + chance.randbytes(size)
        cut = chance.randrange(len(edit)) if number % 3 == 0 else len(edit)
        with open(os.path.join(patient.rocks, manifest), "ab") as file:
            file.write(edit[:cut])
        patient.try_log_damage(f"{manifest} with a torn edit of {cut} bytes at its end")
    suite.equal(patient.told(), {"harmless": ROUNDS}, "it opens")


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def whole_edit(body):
    crc = crc32c(bytes([1]) + body)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return masked.to_bytes(4, "little") + len(body).to_bytes(2, "little") + bytes([1]) + body


@suite.case
def a_torn_edit_before_a_whole_one():
    """Two edits are written before one sync: a power cut may tear the first alone."""
    manifest = next(name for name in patient.files("") if name.startswith("MANIFEST"))
    next_file = bytes([3, 0xFF, 0xFF, 0x7F])                # tag and number of an edit as RocksDB writes it
    for _ in range(3):
        patient.fresh()
        edit = bytearray(whole_edit(bytes([3, 0xFF, 0xFF, 0x7E]) * 5))
        edit[chance.randrange(7, len(edit))] ^= 1 << chance.randrange(8)
        with open(os.path.join(patient.rocks, manifest), "ab") as file:
            file.write(edit + whole_edit(next_file))
        patient.try_log_damage(f"{manifest} with a torn edit before a whole one")
    suite.equal(patient.told(), {"harmless": 3}, "it opens")


@suite.case
def an_older_copy_of_the_database_is_not_taken_for_the_newest():
    """A mark that is ahead of the log: somebody put back yesterday's files."""
    shop = patient.shop
    patient.fresh()
    suite.require(patient.start("a whole copy"))
    for person in shop.buyers:
        person.client.post(f"/communities/{shop.communities[0]}/{'leave' if person.memberships[0] else 'join'}")
    shop.server.kill()
    mark = os.path.join(shop.disk, "data", "mark")
    with open(mark, "rb") as file:
        newest = file.read()
    patient.fresh()
    overwrite(mark, 0, newest)
    suite.check(not patient.start("yesterday's database under today's mark"), "it serves yesterday's data")


@suite.case
def a_wrong_or_missing_master_key():
    shop = patient.shop
    key = shop.server.data + ".key"
    for what in ("missing", "other"):
        patient.fresh()
        if what == "missing":
            os.remove(key)
        else:
            flip(key, 8)
        refusal(shop.argv(), WRONG_USE, "master key")


# ---- What else a start may meet --------------------------------------------------------------------------------------

def run_briefly(argv, seconds=3.0, **options):
    """Runs a server that is expected to refuse; one that serves is ended."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(argv, text=True, **pipes, **options)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate()
    return subprocess.CompletedProcess(argv, process.returncode, out, err)


def refusal(argv, status, word, **options):
    done = run_briefly(argv, START_SECONDS, **options)
    lines = [text for text in done.stderr.splitlines() if not text.startswith("{")]
    suite.equal(done.returncode, status, done.stderr)
    suite.check(len(lines) == 1 and word in lines[0], f"one line with the word {word!r}: {lines}")


def serve(server):
    return [server.binary, "serve", "--data", server.data, "--listen", "127.0.0.1:0"]


@suite.case
def a_directory_in_use():
    server = Server()
    refusal(serve(server), IN_USE, server.data)
    suite.equal(server.client().get("/communities").status, 200, "the first goes on")
    server.kill()
    server.start()
    suite.equal(server.stop(), 0, "a killed server holds no directory")
    server.remove()


@suite.case
def a_directory_of_a_newer_version():
    patient.fresh()
    mark = os.path.join(patient.shop.disk, "data", "mark")
    with open(mark, "rb") as file:
        content = bytearray(file.read())
    for at in (0, MARK_SLOT):
        content[at + MARK_VERSION_AT:at + MARK_VERSION_AT + 4] = (2).to_bytes(4, "big")
        checksum = hashlib.blake2b(content[at:at + MARK_CHECKSUM_AT], digest_size=32).digest()
        content[at + MARK_CHECKSUM_AT:at + MARK_CHECKSUM_AT + 32] = checksum
    overwrite(mark, 0, bytes(content))
    refusal(serve(patient.shop.server), NEWER, "newer")


def open_directory():
    """Where somebody else may go too; directories for temporary files are often one's own."""
    for path in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        parts = path.split(os.sep)
        if all(os.stat(os.sep.join(parts[:count]) or os.sep).st_mode & 1 for count in range(1, len(parts) + 1)):
            return path
    raise AssertionError("no directory for temporary files is open to others")


@suite.case
def a_directory_that_may_not_be_written_to():
    """Root may write everywhere, so it becomes somebody who may not."""
    with tempfile.TemporaryDirectory(prefix="souk-damage-", dir=open_directory()) as base:
        options = {}
        data = os.path.join(base, "data")
        binary = shutil.copy2(patient.shop.server.binary, os.path.join(base, "souk"))
        os.chmod(binary, 0o755)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        argv = [binary, "serve", "--data", data, "--listen", "127.0.0.1:0"]
        os.chmod(base, 0o555)
        refusal(argv, NOT_WRITABLE, data, **options)                    # it cannot be made
        os.chmod(base, 0o755)
        shutil.copytree(os.path.join(patient.pristine, "data"), data, ignore=shutil.ignore_patterns("control.sock"))
        shutil.copy2(os.path.join(patient.pristine, "data.key"), data + ".key")
        for directory, _, names in os.walk(data):
            os.chmod(directory, 0o555)
            for name in names:
                os.chmod(os.path.join(directory, name), 0o444)
        refusal(argv, NOT_WRITABLE, data, **options)                    # it is there
        for directory, _, _ in os.walk(data):
            os.chmod(directory, 0o755)


class SmallDisk:
    """A file system of a few megabytes; root alone can have one."""

    def __init__(self, megabytes):
        self.path = tempfile.mkdtemp(prefix="souk-disk-")
        argv = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", self.path]
        self.mounted = os.geteuid() == 0 and subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def free(self):
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, left):
        with open(os.path.join(self.path, "filler"), "ab") as file:
            while self.free() > left:
                file.write(bytes(max(4096, min(1 << 20, self.free() - left))))
                file.flush()

    def empty(self):
        os.remove(os.path.join(self.path, "filler"))

    def end(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.path], check=False)
        shutil.rmtree(self.path, ignore_errors=True)


def on_small_disk(megabytes, reserve):
    disk = SmallDisk(megabytes)
    server = Server(settings={"store.reserve": reserve}, start=False)
    if not disk.mounted:
        print("     no file system of its own may be mounted here")
        suite.check(True)
        disk.end()
        return None, None
    server.data = os.path.join(disk.path, "data")
    server.start()
    return disk, server


def until(seconds, call, wanted):
    """The reply once it has the wanted status."""
    deadline = time.monotonic() + seconds
    while True:
        reply = call()
        if reply.status == wanted or time.monotonic() > deadline:
            return reply
        time.sleep(0.05)


@suite.case
def below_the_reserve_reads_go_on():
    disk, server = on_small_disk(128, "32MiB")
    if not disk:
        return
    ann = server.user("Ann")

    def write():
        return ann.patch("/users/me", {"profile": {"bio": f"at {time.time()}"}}, version="*")
    try:
        suite.answers(write(), 200)
        for _ in range(2):
            disk.fill(24 << 20)
            reply = until(60, write, 507)
            suite.answers(reply, 507, "disk_full")
            suite.check(reply.headers.get("Retry-After"), "when to try again")
            suite.answers(ann.get("/users/me"), 200, text="reads go on")
            suite.check(disk.free() > 16 << 20, f"the reserve is kept: {disk.free()} bytes are free")
            disk.empty()
            suite.answers(until(60, write, 200), 200, text="space is there again")
        disk.fill(24 << 20)
        server.kill()
        server.start()
        suite.answers(ann.get("/users/me"), 200, text="it starts below the reserve, and reads")
        suite.answers(until(60, write, 507), 507, "disk_full")
        disk.empty()
        suite.answers(until(60, write, 200), 200)
        suite.equal(server.stop(), 0)
    finally:
        server.remove()
        disk.end()


@suite.case
def a_disk_that_is_really_full():
    """Without a reserve the log meets the end of the disk: the process ends, and what it acknowledged is there."""
    disk, server = on_small_disk(96, "0")
    if not disk:
        return
    try:
        ann = server.user("Ann")
        disk.fill(0)
        acknowledged = refused = 0
        version = ann.get("/users/me").data["version"]
        try:
            while acknowledged < 20000 and not refused:
                reply = ann.patch("/users/me", {"profile": {"bio": "x" * 400 + str(acknowledged)}}, version="*")
                refused = reply.status != 200
                acknowledged += not refused
        except OSError:
            refused = 1
        suite.check(refused, "the disk was never full")
        status = server.process.wait(120)
        suite.check(status == 75 or server.is_ended_by_rocksdb(), f"exit status {status}:\n{server.log_tail()}")
        disk.fill(0)
        done = subprocess.run([server.binary, "serve", "--data", server.data, "--listen", "127.0.0.1:0"], capture_output=True,
                              text=True, timeout=300, check=False)
        suite.equal(done.returncode, 7, f"a start without room says so: {done.stderr}")
        disk.empty()
        server.start()
        me = ann.get("/users/me").data
        found = me["version"] - version
        suite.check(found >= acknowledged, f"{acknowledged} were acknowledged, {found} are there")
        suite.equal(server.stop(), 0)
    finally:
        server.remove()
        disk.end()


if __name__ == "__main__":
    suite.main()
