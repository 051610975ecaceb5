"""The command line: what it takes, what it refuses and with which exit status, and what its verbs do."""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from harness import PASSWORD, ROOT, Server, Suite

suite = Suite("cli")
server = Server()
binary = server.binary

USAGE, DAMAGED, IN_USE, NOT_WRITABLE = 2, 3, 4, 6


def run(*words, stdin="", timeout=300):
    return subprocess.run([binary, *words], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)


def refused(status, text, *words, stdin=""):
    """It ends with this status and says this on standard error, and nothing on standard output."""
    done = run(*words, stdin=stdin)
    suite.equal(done.returncode, status, " ".join(words))
    suite.check(text in done.stderr, f"{' '.join(words)}: {text!r} in {done.stderr!r}")
    suite.equal(done.stdout, "", " ".join(words))


@suite.case
def helps():
    overview = run("help")
    suite.equal(overview.returncode, 0)
    verbs = re.findall(r"^  souk ((?:admin|keys) [a-z-]+|[a-z]+)", overview.stdout, re.MULTILINE)
    suite.check(len(verbs) >= 10, f"{verbs}")
    for verb in verbs:
        done = run("help", *verb.split())
        suite.equal(done.returncode, 0, verb)
        suite.check(done.stdout.startswith(f"souk {verb}"), verb)
        suite.equal(run(*verb.split(), "--help").stdout, done.stdout, f"{verb} --help is help {verb}")
    suite.equal(run("--help").stdout, overview.stdout)
    suite.check(re.fullmatch(r"souk \d+\.\d+\.\d+\n", run("version").stdout), "version")
    for code in (0, 1, 2, 3, 4, 5, 6, 7, 75):
        suite.check(re.search(rf"^ +{code}  \w", overview.stdout, re.MULTILINE), f"exit code {code} is explained")


@suite.case
def refuses_what_it_does_not_know():
    suite.equal(run().returncode, USAGE)
    refused(USAGE, "there is no command sreve", "sreve")
    refused(USAGE, "there is no command admin", "admin")
    refused(USAGE, "there is no command sreve", "help", "sreve")
    refused(USAGE, "is no flag", "serve", "--port", "1")
    refused(USAGE, "needs a value", "serve", "--data")
    refused(USAGE, "takes no value", "serve", "--demo=yes")
    refused(USAGE, "is given twice", "serve", "--data", "a", "--data", "b")
    refused(USAGE, "one word too many", "serve", "here")
    refused(USAGE, "is missing", "restore", "from")
    refused(USAGE, "none of openapi, fields, states, events", "dump", "everything")
    refused(USAGE, "none of bash, zsh, fish", "completion", "csh")


@suite.case
def says_what_may_have_been_meant():
    for meant, *words in (("serve", "sreve"), ("serve", "help", "serv"), ("admin create", "admin", "craete"),
                          ("keys rotate", "keys", "rotat"), ("--data", "serve", "--dat", "x"), ("--password-stdin", "admin", "create", "--pasword-stdin"),
                          ("server.listen", "serve", "--set", "server.lisen=x"), ("orders.hold", "serve", "--set", "orders.hodl=5m"),
                          ("net.idle_timeout", "serve", "--set", "net.idle_time=1s"), ("events", "dump", "event"), ("fish", "completion", "fihs")):
        refused(USAGE, f"; did you mean {meant}?", *words)
    for words in (("xyzzy",), ("serve", "--xyzzy"), ("serve", "--set", "x.y=1"), ("dump", "xyzzy"), ("x" * 500,), ("serve", "--" + "x" * 500)):
        done = run(*words)
        suite.check(done.returncode == USAGE and "did you mean" not in done.stderr, f"{words}: {done.stderr[:200]}")


def rows_of_help():
    """The verbs, and the flags of each, as help shows them."""
    verbs = re.findall(r"^  souk ((?:admin|keys) [a-z-]+|[a-z]+)", run("help").stdout, re.MULTILINE)
    return {verb: re.findall(r"^  (--[a-z-]+)", run("help", *verb.split()).stdout, re.MULTILINE) for verb in verbs}


@suite.case
def bash_completes_every_word():
    script = run("completion", "bash").stdout + """
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _souk souk "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\\n' "${COMPREPLY[@]}" """

    def offered(*words):
        done = subprocess.run(["bash", "-c", script, "bash", "souk", *words], capture_output=True, text=True, check=True)
        suite.equal(done.stderr, "", words)
        return done.stdout.split()

    rows = rows_of_help()
    suite.equal(sorted(offered("")), sorted({verb.split()[0] for verb in rows}), "first words")
    suite.equal(offered("se"), ["serve"])
    suite.equal(sorted(offered("admin", "")), ["create", "rotate-keys"])
    for verb, flags in rows.items():
        suite.equal(offered(*verb.split(), "--"), flags, verb)
    suite.equal(offered("serve", "--mode", "p"), ["production"])
    suite.equal(offered("serve", "--set", "server.l"), ["server.listen="])
    suite.equal(offered("dump", "e"), ["events", "errors"])
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(os.path.join(directory, "data"))
        for words in (("serve", "--data"), ("backup",), ("restore",), ("verify", "--data")):
            suite.check(os.path.join(directory, "data") in offered(*words, directory + "/d"), words)


@suite.case
def zsh_and_fish_and_the_manual_know_every_word():
    rows = rows_of_help()
    manual = run("dump", "man").stdout
    for shell in ("zsh", "fish"):
        text = run("completion", shell).stdout
        for verb, flags in rows.items():
            for flag in flags:
                form = flag if shell == "zsh" else f"-l {flag[2:]} "
                suite.check(form in text, f"{shell}: {verb} {flag}")
            suite.check(f"'{verb} '*" in text if shell == "zsh" else re.search(rf" -a {verb.split()[-1]}\b", text), f"{shell}: {verb}")
        if shutil.which(shell):
            with tempfile.NamedTemporaryFile("w") as file:
                file.write(text)
                file.flush()
                done = subprocess.run([shell, "-n", file.name], capture_output=True, text=True, check=False)
                suite.equal((done.returncode, done.stderr), (0, ""), f"{shell} reads it")
    for verb, flags in rows.items():
        section = manual.split(f"\n.SS souk {verb}".replace("-", "\\-"), 1)[-1].split("\n.SS ")[0]
        for flag in flags:
            suite.check(f".B {flag}".replace("-", "\\-") in section, f"the manual: {verb} {flag}")
    suite.check(all(line.startswith(".") or not line.startswith("'") for line in manual.splitlines()), "no request by accident")
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=manual, capture_output=True, text=True, check=False)
        suite.equal((done.returncode, done.stderr), (0, ""), "groff reads it")


@suite.case
def make_install_puts_everything_in_its_place():
    if os.environ.get("SOUK_VARIANT", "release") != "release":
        suite.check(True, "the release build alone is installed")
        return
    with tempfile.TemporaryDirectory() as directory:
        env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
        # The binary is there: nothing is built.
        done = subprocess.run(["make", "-o", "all", "install", f"DESTDIR={directory}", "PREFIX=/usr"], cwd=ROOT, env=env,
                              capture_output=True, text=True, check=False)
        suite.equal(done.returncode, 0, done.stderr)
        made = sorted(os.path.relpath(os.path.join(root, name), directory) for root, _, names in os.walk(directory) for name in names)
        for name, content in (("bash-completion/completions/souk", ("completion", "bash")), ("zsh/site-functions/_souk", ("completion", "zsh")),
                              ("fish/vendor_completions.d/souk.fish", ("completion", "fish")), ("man/man1/souk.1", ("dump", "man"))):
            path = "usr/share/" + name
            if suite.check(path in made, f"{path} in {made}"):
                with open(os.path.join(directory, path), encoding="utf-8") as file:
                    suite.equal(file.read(), run(*content).stdout, path)
        suite.check("usr/bin/souk" in made, "the binary")


@suite.case
def refuses_a_bad_configuration():
    with tempfile.TemporaryDirectory() as directory:
        data, conf = os.path.join(directory, "data"), os.path.join(directory, "souk.conf")
        for pair, text in (("server.lisen=x", "server.lisen is no key"), ("server.mode=fast", "one of: development production"),
                           ("store.reserve=lots", "a number of bytes"), ("store.reserve=31MiB", "store.reserve is"), ("orders.hold=soon", "a time"),
                           ("net.idle_timeout=0", "is from"), ("nothing", "name=value"), ("tls.listen=8443", "tls.certificate"),
                           ("server.default_tenant=A shop", "server.default_tenant is"), ("net.proxies=proxy.local", "IP addresses"),
                           ("cors.origins=shop.example", "such as https://"), ("cors.origins=https://shop.example/x", "such as https://")):
            refused(USAGE, text, "serve", "--data", data, "--set", pair)
        with open(conf, "w", encoding="utf-8") as file:
            file.write("[server]\nlisten = 127.0.0.1:0\n\n[orders]\nhodl = 5m\n")
        refused(USAGE, f"{conf}:5: orders.hodl", "serve", "--data", data, "--config", conf)
        refused(USAGE, "cannot be read", "serve", "--data", data, "--config", conf + ".none")
        refused(USAGE, "--demo needs --mode development", "serve", "--data", data, "--demo", "--mode", "production")
        refused(USAGE, "--scale is", "serve", "--data", data, "--demo", "--mode", "development", "--scale", "huge")
        for listen in ("8080", ":8080", "127.0.0.1:", "127.0.0.1:99999", "::1:80"):
            refused(USAGE, "HOST:PORT", "serve", "--data", data, "--listen", listen)
        suite.check(not os.path.exists(data), "nothing was made")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = run("serve", "--data", data, "--listen", f"127.0.0.1:{port}")
            suite.equal(done.returncode, 1)
            suite.check(f"cannot listen on 127.0.0.1, port {port}: " in done.stderr, done.stderr)
        suite.check("shop.local: that is no IP address" in run("serve", "--data", data, "--listen", "shop.local:0").stderr, "a name")
        refused(USAGE, "sandbox.mail_directory", "serve", "--data", data, "--set", f"sandbox.mail_directory={directory}/a/b")


@suite.case
def the_shipped_configuration_and_the_described_one_are_good():
    for content in (open(os.path.join(ROOT, "conf/souk.conf"), encoding="utf-8").read(), run("help", "config").stdout):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(content)
            file.flush()
            one = Server(arguments=["--config", file.name])
            suite.answers(one.client().get("//readyz"), 200)
            suite.equal(one.stop(), 0)
            one.remove()


@suite.case
def a_directory_has_one_server():
    done = run("serve", "--data", server.data, "--listen", "127.0.0.1:0")
    suite.equal(done.returncode, IN_USE)
    suite.equal(run("verify", "--data", server.data).returncode, IN_USE)
    suite.answers(server.client().get("//readyz"), 200, text="the first one is not disturbed")


@suite.case
def refuses_damage_and_foreign_directories():
    with tempfile.TemporaryDirectory() as directory:
        foreign = os.path.join(directory, "foreign")
        os.mkdir(foreign)
        with open(os.path.join(foreign, "letter.txt"), "w", encoding="utf-8") as file:
            file.write("dear Ann")
        suite.equal(run("serve", "--data", foreign, "--listen", "127.0.0.1:0").returncode, DAMAGED)
        suite.check("letter.txt" in os.listdir(foreign) and "rocks" not in os.listdir(foreign), "no store is made there")
        suite.equal(run("serve", "--data", os.path.join(foreign, "letter.txt", "x"), "--listen", "127.0.0.1:0").returncode,
                    NOT_WRITABLE)
        other = Server()
        other.user("Ann")
        other.kill()
        mark = os.path.join(other.data, "mark")
        os.rename(mark, mark + ".away")
        suite.equal(run("serve", "--data", other.data, "--listen", "127.0.0.1:0").returncode, DAMAGED)
        suite.equal(run("verify", "--data", other.data).returncode, DAMAGED)
        os.rename(mark + ".away", mark)
        other.restart()
        suite.equal(other.stop(), 0)
        other.remove()


@suite.case
def old_data_needs_its_old_key():
    other = Server()
    other.user("Ann")
    suite.equal(other.stop(), 0)
    key = other.data + ".key"
    suite.equal(os.stat(key).st_mode & 0o777, 0o600)
    suite.equal(os.stat(os.path.join(other.data, "token.keys")).st_mode & 0o777, 0o600)
    os.rename(key, key + ".away")
    refused(USAGE, "is missing", "serve", "--data", other.data, "--listen", "127.0.0.1:0")
    suite.check(not os.path.exists(key), "no new key is made for old data")
    os.rename(key + ".away", key)
    slots = os.path.join(other.data, "slots")
    suite.equal(os.stat(slots).st_mode & 0o777, 0o600)
    os.rename(slots, slots + ".away")
    refused(USAGE, "keys of persons", "serve", "--data", other.data, "--listen", "127.0.0.1:0")
    suite.check(not os.path.exists(slots), "nor new keys of persons")
    os.rename(slots + ".away", slots)
    os.chmod(key, 0o644)
    done = run("serve", "--data", other.data, "--listen", "127.0.0.1:0")
    suite.equal(done.returncode, USAGE, "others could read the key")
    os.chmod(key, 0o600)
    other.remove()


@suite.case
def damaged_data_is_not_served_but_salvaged():
    other = Server()
    people = [other.user(f"Person {number}") for number in range(8)]
    other.kill()
    rocks = os.path.join(other.data, "rocks")
    log = max((os.path.join(rocks, name) for name in os.listdir(rocks) if name.endswith(".log")), key=os.path.getsize)
    with open(log, "r+b") as file:
        file.seek(os.path.getsize(log) // 2)
        file.write(b"\xde\xad\xbe\xef" * 4)
    done = run("serve", "--data", other.data, "--listen", "127.0.0.1:0")
    suite.equal(done.returncode, DAMAGED, done.stderr)
    suite.equal(run("verify", "--data", other.data).returncode, DAMAGED)
    copy = other.data + "-copy"
    refused(DAMAGED, "--salvage", "restore", other.data, copy)
    done = run("restore", "--salvage", other.data, copy)
    suite.equal(done.returncode, 0, done.stderr)
    kept, lost = re.search(r"1 to (\d+) are kept", done.stdout), re.search(r": (\d+) are lost", done.stdout)
    suite.check(kept and lost and int(kept.group(1)) > 1 and int(lost.group(1)) >= 1, done.stdout)
    os.rename(other.data + ".key", copy + ".key")
    other.data = copy
    other.start()
    suite.answers(other.client().post("/auth/login", {"email": people[0].user["email"], "password": PASSWORD}), 200,
                  text="what is whole is served")
    suite.equal(other.stop(), 0)
    other.command(["verify"])
    other.remove()


@suite.case
def a_clock_far_off_is_not_taken():
    if "address" in os.environ.get("SOUK_VARIANT", "") or "thread" in os.environ.get("SOUK_VARIANT", ""):
        suite.check(True, "a preloaded clock does not go with sanitizers")
        return
    with tempfile.TemporaryDirectory() as directory:
        library = os.path.join(directory, "clock.so")
        source = os.path.join(ROOT, "tests/api/clock.c")
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        for days, status in ((-1, USAGE), (500, USAGE), (30, None)):
            other = Server(environment={"LD_PRELOAD": library, "SOUK_TEST_CLOCK_DAYS": "0"})
            other.user("Ann")
            suite.equal(other.stop(), 0)
            other.environment["SOUK_TEST_CLOCK_DAYS"] = str(days)
            if status:
                done = subprocess.run([binary, "serve", "--data", other.data, "--listen", "127.0.0.1:0"], text=True,
                                      capture_output=True, timeout=300, check=False, env={**os.environ, **other.environment})
                suite.equal(done.returncode, status, f"{days} days")
                suite.check("--accept-clock" in done.stderr, done.stderr)
                other.arguments = ["--accept-clock"]
            other.start()
            suite.answers(other.client().get("//readyz"), 200, text=f"{days} days")
            suite.equal(other.stop(), 0)
            other.remove()


@suite.case
def makes_admins():
    refused(USAGE, "--email and --password-stdin", "admin", "create", "--data", server.data, "--email", "a@example.com")
    refused(USAGE, "holds no password", "admin", "create", "--data", server.data, "--email", "a@example.com",
            "--password-stdin")
    refused(1, "password", "admin", "create", "--data", server.data, "--email", "a@example.com", "--password-stdin",
            stdin="short\n")
    refused(1, "email", "admin", "create", "--data", server.data, "--email", "not an address", "--password-stdin",
            stdin=PASSWORD + "\n")
    refused(1, "no server runs", "admin", "create", "--data", "/nonexistent", "--email", "a@example.com",
            "--password-stdin", stdin=PASSWORD + "\n")
    admin = server.admin()
    me = admin.get("/users/me")
    suite.equal(me.data["admin"], True)
    refused(1, "409", "admin", "create", "--data", server.data, "--email", "admin@example.com", "--password-stdin",
            stdin=PASSWORD + "\n")


@suite.case
def prints_and_follows_the_log():
    ann = server.user("Ann")
    records = [json.loads(line) for line in server.command(["log"]).splitlines()]
    suite.equal([record["lsn"] for record in records], list(range(1, len(records) + 1)), "every position once")
    types = [event["type"] for record in records for event in record["events"]]
    suite.check({"tenant.created", "user.created", "user.verified"} <= set(types), f"{types}")
    text = json.dumps(records)
    suite.check(PASSWORD not in text and "@example.com" not in text and "argon2" not in text, "nothing secret or personal")
    last = records[-1]["lsn"]
    later = [json.loads(line)["lsn"] for line in server.command(["log", "--after", str(last)]).splitlines()]
    suite.equal(later, list(range(last + 1, last + 1 + len(later))), "what a provider answered meanwhile, at most")
    refused(USAGE, "--after", "log", "--data", server.data, "--after", "x")

    follower = subprocess.Popen([binary, "log", "--follow", "--after", str(last), "--data", server.data],
                                stdout=subprocess.PIPE, text=True)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(follower.stdout))
    reader.start()
    ann.patch("/users/me", {"profile": {"bio": "follows"}}, version=ann.get("/users/me").data["version"])
    deadline = time.monotonic() + 60
    while "user.profile_updated" not in "".join(lines) and time.monotonic() < deadline:
        time.sleep(0.05)
    follower.terminate()
    follower.wait()
    reader.join()
    suite.check("user.profile_updated" in "".join(lines), "what happens is shown")


@suite.case
def rebuilds_rows_while_serving():
    ann = server.user("Ann")
    stop = threading.Event()

    def write():
        version = ann.get("/users/me").data["version"]
        while not stop.is_set():
            version = ann.patch("/users/me", {"profile": {"bio": f"{version}"}}, version=version).data["version"]

    writer = threading.Thread(target=write)
    writer.start()
    told = [server.command(["rebuild", "all"]), server.command(["rebuild", "user_cards", "--check"])]
    stop.set()
    writer.join()
    for text in told:
        suite.check(int(text.split()[1]) > 0 and text.endswith(" 0 differed\n"), text)
    operator = server.operator()
    suite.answers(operator.post("//control/rebuild", {"view": "user_cards", "check": True}), 202)
    deadline = time.monotonic() + 60
    while (state := operator.get("//control/rebuild").data)["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.01)
    suite.equal((state["view"], state["state"], state["check"], state["differing"]), ("user_cards", "done", True, 0))
    refused(1, "404", "rebuild", "cards", "--data", server.data)
    refused(USAGE, "VIEW", "rebuild", "--data", server.data)


@suite.case
def a_long_path_has_a_control_socket_too():
    other = Server(start=False)
    other.data = os.path.join(other.directory, "x" * 100, "data")
    os.mkdir(os.path.dirname(other.data))
    other.start()
    suite.check(json.loads(other.command(["log"]).splitlines()[0])["lsn"] == 1, "it answers")
    suite.equal(other.stop(), 0)
    suite.check(not os.path.exists(os.path.join(other.data, "control.sock")), "it goes with the server")
    other.remove()


@suite.case
def backs_up_and_restores():
    ann = server.user("Ann")
    with tempfile.TemporaryDirectory() as directory:
        copy, restored = os.path.join(directory, "copy"), os.path.join(directory, "restored")
        server.command(["backup", copy])
        done = run("backup", copy, "--data", server.data)
        suite.equal(done.returncode, 1, "it never writes over a backup")
        key = server.data + ".key"
        slots = os.path.join(server.data, "slots")
        suite.check("slots" not in os.listdir(copy), "the keys of persons are not in it")
        suite.equal(run("verify", "--data", copy, "--key-file", key).returncode, USAGE, "and it is not read without them")
        suite.equal(run("verify", "--data", copy, "--key-file", key, "--slots", slots).returncode, 0, "the backup is whole")
        done = run("restore", copy, os.path.join(directory, "without"))
        suite.equal(done.returncode, 0)
        suite.check("master key" in done.stdout and "keys of persons" in done.stdout, "it says what is needed besides")
        apart = os.path.join(directory, "slots")
        server.command(["backup", os.path.join(directory, "second"), "--slots", apart])
        suite.equal(os.stat(apart).st_mode & 0o777, 0o600)
        done = run("restore", copy, restored, "--slots", apart)
        suite.equal(done.returncode, 0, done.stderr)
        refused(NOT_WRITABLE, "not empty", "restore", copy, restored)
        suite.equal(run("verify", "--data", restored, "--key-file", key).returncode, 0, "so is what was restored")

        other = Server(settings={"server.key_file": key}, start=False)
        os.rename(restored, other.data)
        other.start()
        again = other.login(ann.user["email"])
        suite.equal(again.id, ann.id, "who was backed up can log in")
        suite.equal(other.stop(), 0)
        other.remove()

        damaged = os.path.join(copy, "mark")
        with open(damaged, "r+b") as file:
            file.write(b"\xff" * 16)
        for verb in (["restore", copy, restored], ["verify", "--data", copy, "--key-file", key, "--slots", slots]):
            done = run(*verb)
            suite.check(done.returncode in (0, DAMAGED), f"{verb[0]}: {done.returncode} {done.stderr}")


@suite.case
def the_master_key_can_be_changed():
    other = Server()
    ann = other.user("Ann")
    key, slots = other.data + ".key", os.path.join(other.data, "slots")
    refused(IN_USE, "server runs", "keys", "rotate", "--data", other.data)
    other.kill()
    with open(key, "rb") as file:
        old = file.read()
    other.command(["keys", "rotate"])
    with open(key, "rb") as file:
        suite.check(file.read() != old, "it is another one")
    suite.equal([os.stat(path).st_mode & 0o777 for path in (key, slots)], [0o600, 0o600])
    other.command(["verify"])
    other.start()
    suite.equal(ann.get("/users/me").data["email"], ann.user["email"], "tokens count, what is sealed is read")
    suite.equal(other.login(ann.user["email"]).id, ann.id, "hashes are what they were")
    bob = other.user("Bob")
    suite.equal(other.stop(), 0)
    chance = random.Random(7)
    cut = 0
    for _ in range(25):                         # cut off anywhere: one of two keys opens the slots
        rotation = subprocess.Popen([other.binary, "keys", "rotate", "--data", other.data], stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.012))
        rotation.kill()
        cut += rotation.wait() != 0
        other.command(["verify"])
    suite.check(cut > 0, "some were cut off")
    other.command(["keys", "rotate"])
    suite.equal(sorted(name for name in os.listdir(os.path.dirname(key)) if name.startswith("data.key")), ["data.key"])
    suite.check("slots.next" not in os.listdir(other.data), "nothing of them is left")
    other.start()
    suite.equal([other.login(each.user["email"]).id for each in (ann, bob)], [ann.id, bob.id])
    suite.equal(other.stop(), 0)
    with open(key, "r+b") as file:
        file.write(old)
    refused(USAGE, "not the one under which", "serve", "--data", other.data, "--listen", "127.0.0.1:0")
    refused(USAGE, "not the key of these slots", "keys", "rotate", "--data", other.data)
    os.unlink(key)
    refused(USAGE, "is missing", "keys", "rotate", "--data", other.data)
    other.remove()


@suite.case
def keys_can_be_changed():
    other = Server()
    ann = other.user("Ann")
    suite.equal(other.stop(), 0)
    other.command(["admin", "rotate-keys"])
    other.restart()
    suite.answers(ann.get("/users/me"), 200, text="the old token still counts")
    new = other.login(ann.user["email"])
    suite.check(new.token.split(".")[0] != ann.token.split(".")[0], "the new one names another key")
    suite.answers(new.get("/users/me"), 200)
    suite.equal(other.stop(), 0)
    other.remove()


@suite.case
def keys_are_changed_where_a_store_is_alone():
    with tempfile.TemporaryDirectory() as directory:
        for data in (directory, os.path.join(directory, "none")):
            for words in (("admin", "rotate-keys"), ("keys", "rotate")):
                refused(DAMAGED, "there is no store", *words, "--data", data)
        suite.equal(os.listdir(directory), [], "nothing was written")


@suite.case
def documents_are_what_is_committed_in_form():
    for name, begins in (("openapi", "{"), ("fields", "# "), ("states", "# "), ("events", "# "), ("errors", "# "), ("configuration", "# "), ("man", ".TH ")):
        first, second = run("dump", name).stdout, run("dump", name).stdout
        suite.check(first.startswith(begins) and len(first) > 1000, name)
        suite.equal(first, second, f"{name} is the same each time")


@suite.case
def production_is_strict():
    other = Server(mode="production")
    reply = other.client().post("/auth/register", {"email": "ann@example.com", "password": PASSWORD, "display_name": "Ann",
                                                   "accept_terms": True})
    suite.answers(reply, 201)
    suite.check("verification_token" not in reply.data, "no token in the answer")
    suite.equal(other.stop(), 0)
    other.remove()


if __name__ == "__main__":
    suite.main()
