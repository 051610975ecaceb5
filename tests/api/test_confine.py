"""A server that has given up what it does not need: it sells, backs up, renews its certificate and comes back after a kill, and
neither files nor system calls of others are within its reach."""

import json
import os
import subprocess
import tempfile
import time

import sales
from harness import PASSWORD, Server, Suite
from shop import Supplier, created

suite = Suite("confine")
files = tempfile.TemporaryDirectory(prefix="souk-confine-")
SANITIZED = os.environ.get("SOUK_VARIANT", "release").split("-")[0] in ("address", "thread")
mail, extra, live, archive = [os.path.join(files.name, each) for each in ("mail", "extra", "live", "archive")]
for each in (extra, live, archive):
    os.mkdir(each)


def renew(number):
    """A certificate as those who renew them leave it: a link to the newest of an archive."""
    base = os.path.join(archive, f"own{number}")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", f"/CN=own{number}", "-keyout", base + ".key", "-out", base + ".pem"], check=True, capture_output=True)
    os.chmod(base + ".key", 0o600)
    for suffix in (".pem", ".key"):
        link = os.path.join(live, "own" + suffix)
        if os.path.islink(link):
            os.unlink(link)
        os.symlink(base + suffix, link)


renew(1)
server = Server(settings={"security.confine": "on", "security.writes": extra, "sandbox.mail_directory": mail,
                          "tls.listen": "127.0.0.1:0", "tls.certificate": os.path.join(live, "own.pem"),
                          "tls.key": os.path.join(live, "own.key")})


def statuses(process):
    """Of every thread: what the kernel says of its confinement."""
    directory = f"/proc/{process.pid}/task"
    found = []
    for thread in os.listdir(directory):
        with open(f"{directory}/{thread}/status", encoding="ascii") as file:
            lines = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        found.append((lines["NoNewPrivs"], lines["Seccomp"]))
    return set(found)


def outcome(of):
    """What the log says of the confinement, or None."""
    for line in of.log_text().splitlines():
        if '"message":"confined"' in line:
            told = json.loads(line)
            return told["files"], told["calls"]
    return None


@suite.case
def every_thread_is_confined():
    if SANITIZED:
        suite.check("not confined: this build has a sanitizer" in server.log_text())
        return
    version, calls = outcome(server)
    suite.equal(calls, 1, "system calls are confined")
    suite.check(version >= 0, f"files by Landlock version {version}")
    suite.equal(statuses(server.process), {("1", "2")}, "no new privileges, and a filter")
    suite.check(len(os.listdir(f"/proc/{server.process.pid}/task")) > 4, "threads are counted")


@suite.case
def production_is_confined():
    for mode, settings, wanted in (("production", {}, True), ("development", {}, False),
                                   ("production", {"security.confine": "off"}, False)):
        other = Server(mode=mode, settings=settings)
        suite.equal(statuses(other.process), {("1", "2" if wanted and not SANITIZED else "0")}, f"{mode} {settings}")
        suite.equal(other.stop(), 0)
        other.remove()


@suite.case
def it_sells_and_survives_a_kill():
    admin = server.admin()
    supplier = Supplier(server, admin)
    product = supplier.product()
    supplier.stock(product, 5)
    ann = server.user("Ann")
    order = sales.buy(ann, sales.line(product, 2))
    suite.equal(order["status"], "confirmed")
    suite.check(os.listdir(mail), "mail is written")
    server.kill()
    server.start()
    suite.equal(created(ann.get(f"/orders/{order['id']}"), 200)["total"], order["total"], "after a kill")
    suite.equal(sales.buy(ann, sales.line(product, 1))["status"], "confirmed", "and goes on")
    suite.equal(server.client().get("//metrics", form=False).status, 200)


@suite.case
def backups_are_made():
    places = [tempfile.gettempdir()]
    if os.path.isdir("/dev/shm") and os.stat("/dev/shm").st_dev != os.stat(server.data).st_dev:
        places.append("/dev/shm")               # another file system: it has to be copied
    for place in places:
        with tempfile.TemporaryDirectory(dir=place, prefix="souk-backup-") as directory:
            copy = os.path.join(directory, "copy")
            server.command(["backup", copy])
            suite.equal(sorted(os.listdir(directory)), ["copy"], "nothing else is left")
            suite.equal([name for name in os.listdir(server.data) if name.startswith("backup.")], [], "nor with the data")
            done = subprocess.run([server.binary, "verify", "--data", copy, "--key-file", server.data + ".key", "--slots",
                                   os.path.join(server.data, "slots")], capture_output=True, text=True, timeout=300, check=False)
            suite.equal(done.returncode, 0, f"{place}: {done.stderr}")
    os.mkdir(os.path.join(server.data, "backup.1"))
    with open(os.path.join(server.data, "backup.1", "half"), "w", encoding="ascii") as file:
        file.write("of one that did not finish")
    server.restart()
    suite.check(not os.path.exists(os.path.join(server.data, "backup.1")), "a start removes what did not finish")


@suite.case
def other_places_are_out_of_reach():
    for path, status in ((os.path.join(extra, "copy"), 200), (os.path.join(files.name, "elsewhere"), 409)):
        reply = sales.operator(server, "POST", "/control/backup", {"path": path})
        if SANITIZED or not outcome(server)[0]:
            continue                            # nothing keeps it from there
        suite.equal(reply.status, status, f"a backup to {path}: {reply}")
        if status == 409:
            suite.check("Permission denied" in reply.error, reply.error)
            suite.check(not os.path.exists(path), "nothing was made")
    suite.check(True)


@suite.case
def renewed_certificates_are_reached():
    for number in (2, 3):
        renew(number)
        server.process.send_signal(1)
        deadline = time.monotonic() + 60
        while server.log_text().count("certificate and key are read again") < number - 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        suite.equal(server.log_text().count("certificate and key are read again"), number - 1, "a link to a new file")


@suite.case
def it_stops_well():
    suite.check("are not confined" not in server.log_text() or SANITIZED, "the kernel has both")
    suite.equal(server.stop(), 0)
    other = Server(settings={"security.confine": "on"})
    other.command(["admin", "create", "--email", "root@example.com", "--password-stdin"], PASSWORD + "\n")
    suite.equal(other.stop(), 0)
    with open(other.data + ".key", "rb") as file:
        key = file.read()
    os.unlink(other.data + ".key")
    done = subprocess.run([other.binary, "serve", "--data", other.data, "--listen", "127.0.0.1:0", "--set", "security.confine=on"],
                          capture_output=True, text=True, timeout=300, check=False)
    suite.check(done.returncode == 2 and "is missing" in done.stderr, f"a missing master key is told as ever: {done.stderr[-300:]}")
    with open(other.data + ".key", "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(key)
    other.start()
    suite.equal(other.stop(), 0)
    other.remove()


suite.main()
