"""What the API tests are written with: a real server of their own, clients, and cases that are counted.

    from harness import Suite, Server

    suite = Suite("community")
    server = Server(settings={"orders.hold": 2000})

    @suite.case
    def a_member_joins_once():
        ann = server.user("Ann")                          # registered, verified, logged in
        reply = ann.post("/communities", {"name": "Makers"})
        suite.equal(reply.status, 201, "creates")
        suite.answers(ann.get("/communities/no-such"), 404, "not_found")

    suite.main()

A server is started from $SOUK_BINARY (default build/release/souk) on a port that the kernel picks, in development
mode, with a temporary data directory. It is gone with its directory when the program ends, however that comes about.
Every JSON answer that a client receives is held against the form of answers; one that has another form fails the case.
"""

import atexit
import ctypes
import functools
import http.client
import inspect
import itertools
import json
import os
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

import openapi

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS = float(os.environ.get("SOUK_START_SECONDS", "120"))
STOP_SECONDS = 120
ANSWER_SECONDS = 120
RAW_SECONDS = 60
TOO_SLOW_MS = 60000                             # beyond, it is the server
LOG_LINES_SHOWN = 60
PASSWORD = "correct horse battery staple"
PR_SET_PDEATHSIG = 1

servers = []                                    # all of this program, ended by end_all
numbers = itertools.count(1)
libc = ctypes.CDLL(None)


class FormError(AssertionError):
    """An answer whose form is not the one that every answer has."""


class Stop(Exception):
    """Ends a case whose further steps make no sense."""


# ---- Answers ---------------------------------------------------------------------------------------------------------

def is_json(content_type):
    return content_type.split(";")[0].strip() in ("application/json", "application/problem+json")


@functools.lru_cache(None)
def documented_codes():
    """Every code of a refusal or of a detail that docs/gen/errors.md has."""
    with open(os.path.join(ROOT, "docs/gen/errors.md"), encoding="utf-8") as file:
        return set(re.findall(r"^\| `([a-z_]+)` \|", file.read(), re.M))


def check_form(status, content_type, body, head_only=False):
    """Raises FormError unless body is what an answer of this status has; returns the parsed JSON or None."""
    def expect(condition, text):
        if not condition:
            raise FormError(f"{status}: {text}: {body[:600]!r}")

    if status in (204, 304) or head_only:
        expect(not body, "an answer without body has one")
        return None
    expect(is_json(content_type), f"content type is {content_type!r}")
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=unique_members)
    except ValueError as error:
        raise FormError(f"{status}: not JSON ({error}): {body[:600]!r}") from None
    expect(isinstance(value, dict), "not an object")
    if status < 400:
        expect(value.get("success") is True, "success is not true")
        expect("data" in value, "data is missing")
        expect(set(value) <= {"success", "data", "page", "message", "dry_run", "events"}, "unknown members")
        if "page" in value:
            page = value["page"]
            expect(isinstance(value["data"], list), "a page whose data is not a list")
            expect(isinstance(page, dict) and set(page) == {"next", "limit"}, "page is not next and limit")
            expect(page["next"] is None or isinstance(page["next"], str), "page.next")
            expect(isinstance(page["limit"], int) and len(value["data"]) <= page["limit"], "page.limit")
        return value

    if content_type.startswith("application/problem+json"):
        expect(value.get("status") == status, "status differs from the status line")
        expect(isinstance(value.get("type"), str) and isinstance(value.get("title"), str), "type and title")
        expect(isinstance(value.get("detail"), str) and value["detail"], "detail is no sentence")
    else:
        expect(value.get("success") is False, "success is not false")
        expect(value.get("statusCode") == status, "statusCode differs from the status line")
        expect(isinstance(value.get("error"), str) and value["error"], "error is no sentence")
    expect(value.get("code") in documented_codes(), "code")
    expect(isinstance(value.get("request_id"), str), "request_id is missing")
    expect(isinstance(value.get("details", []), list), "details is not a list")
    for detail in value.get("details", []):
        expect(isinstance(detail, dict) and {"path", "code", "error"} <= set(detail), "a detail lacks a member")
        expect(all(isinstance(detail[name], str) for name in ("path", "code", "error")), "a detail is not text")
        expect(detail["code"] in documented_codes(), "the code of a detail is not documented: detail_codes in base/errors.c")
    return value


def eventually(read, good, seconds=60, pause=0.02):
    """What read answers once it is good, or at the end of the time."""
    deadline = time.monotonic() + seconds
    while True:
        value = read()
        if good(value) or time.monotonic() > deadline:
            return value
        time.sleep(pause)


def unique_members(pairs):
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a member occurs twice in {names}")
    return dict(pairs)


class Reply:
    """An answer: status, headers (any case), body (bytes), json and, taken from it, data, page, code, details, error."""

    def __init__(self, status, headers, body, value):
        self.status, self.headers, self.body, self.json = status, headers, body, value
        members = value if isinstance(value, dict) else {}
        self.data, self.page = members.get("data"), members.get("page")
        self.code, self.details = members.get("code"), members.get("details", [])
        self.error = members.get("error", members.get("detail"))

    @property
    def paths(self):
        """The paths of the details, sorted."""
        return sorted(detail["path"] for detail in self.details)

    @property
    def codes(self):
        """{path: code} of the details."""
        return {detail["path"]: detail["code"] for detail in self.details}

    @property
    def etag(self):
        return self.headers.get("ETag")

    def __repr__(self):
        return f"<{self.status} {self.body[:800].decode('utf-8', 'replace')}>"


# ---- What was called ------------------------------------------------------------------------------------------------

called = set()                                  # (method, path of the document, whether it succeeded)


def note_call(server, method, target, status, dry_run=False):
    """Remembers which operation of the document answered. A dry run is a call, but no success."""
    path = re.sub(r"^/api(/[^/]+)?/v1(?=/)", "", target.split("?")[0])
    template, _ = server.document().route(method, path)
    if template:
        called.add((method, template, status < 400 and not dry_run))


def write_calls():
    """Adds what was called to the file of $SOUK_COVERAGE; tests/run asks there whether any operation was left out."""
    path = os.environ.get("SOUK_COVERAGE")
    if not path or not called:
        return
    with open(path, "a", encoding="ascii") as file:
        file.writelines(f"{method} {template} {'done' if good else 'refused'}\n" for method, template, good in sorted(called))
    called.clear()


# ---- Clients ---------------------------------------------------------------------------------------------------------

class SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket in the file system."""

    def __init__(self, path):
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """One keep-alive connection. Paths are below /api/v1; those that begin with // are the platform's: //healthz.
    control: through the control socket, as the operator. validates: answers are held against the document."""

    validates = True

    def __init__(self, server, token=None, tenant=None, headers=None, control=False):
        self.server, self.token, self.tenant, self.control = server, token, tenant, control
        self.headers = dict(headers or {})
        self.user = None                        # of server.user and server.admin: the user as login answered it
        self.connection = self.generation = None

    @property
    def id(self):
        return self.user["id"]

    def request(self, method, path, body=None, token=None, headers=None, version=None, key=None, raw=None, form=None):
        """body: a value sent as JSON; raw: bytes sent as they are. token: "" sends none. version: If-Match. key: the
        Idempotency-Key. form: whether the answer is held against the form of answers; all below /api are."""
        sent = dict(self.headers)
        bearer = self.token if token is None else token
        if bearer:
            sent["Authorization"] = "Bearer " + bearer
        if self.tenant:
            sent["X-Tenant"] = self.tenant
        if version is not None:
            sent["If-Match"] = version if isinstance(version, str) else f'"{version}"'
        if key is not None:
            sent["Idempotency-Key"] = key
        payload = raw
        if body is not None:
            payload = json.dumps(body, ensure_ascii=False).encode("utf-8")
        if payload is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        sent = {name: value for name, value in sent.items() if value is not None}
        target = path[1:] if path.startswith("//") else path if path.startswith("/api/") else "/api/v1" + path

        connection = self.connected()
        connection.request(method, target, body=payload, headers=sent)
        reply = connection.getresponse()
        data = reply.read()
        if reply.will_close:
            self.close()
        content_type = reply.headers.get("Content-Type", "")
        if form is None:
            form = not path.startswith("//") and not self.answers_bytes(method, target, reply.status)
        if form:
            value = check_form(reply.status, content_type, data, method == "HEAD")
        else:
            value = json.loads(data) if data and is_json(content_type) else None
        self.hold_against_document(method, target, reply.status, content_type, value)
        if "SOUK_COVERAGE" in os.environ:
            note_call(self.server, method, target, reply.status, "dry-run" in sent.get("Prefer", ""))
        return Reply(reply.status, reply.headers, data, value)

    def answers_bytes(self, method, target, status):
        """Does the document say that this answer is a file?"""
        if self.server is None or status != 200:
            return False
        path = re.sub(r"^/api(/[^/]+)?/v1", "", target.split("?")[0]) or "/"
        _, operation = self.server.document().route("GET" if method == "HEAD" else method, path)
        content = operation["responses"].get("200", {}).get("content", {}) if operation else {}
        return bool(content) and "application/json" not in content

    def hold_against_document(self, method, target, status, content_type, value):
        """Every answer is as /openapi.json describes it, or the case fails."""
        if not self.validates or self.server is None or method in ("HEAD", "OPTIONS"):
            return
        path = re.sub(r"^/api(/[^/]+)?/v1", "", target.split("?")[0]) or "/"
        problems = self.server.document().problems(method, path, status, content_type, value)
        if problems:
            raise FormError("; ".join(problems[:5]))

    def upload(self, content=None, content_type="application/pdf", visibility="private", **options):
        """The id of a new file; a small document of its own where no content is given."""
        content = content if content is not None else b"%%PDF-1.4\n%% %d\n%%%%EOF\n" % next(numbers)
        reply = self.request("POST", f"/media?visibility={visibility}", raw=content,
                             headers={"Content-Type": content_type}, **options)
        if reply.status not in (200, 201):
            raise AssertionError(f"upload: {reply}")
        return reply.data["id"]

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, body, **options)

    def put(self, path, body=None, **options):
        return self.request("PUT", path, body, **options)

    def patch(self, path, body=None, **options):
        return self.request("PATCH", path, body, **options)

    def delete(self, path, body=None, **options):
        return self.request("DELETE", path, body, **options)

    def pipeline(self, path, bodies):
        """POSTs all bodies at once on a connection of their own; the replies in their order."""
        raw = self.server.raw()
        for body in map(json.dumps, bodies):
            raw.send(f"POST /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self.token}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        replies = [raw.reply() for _ in bodies]
        raw.close()
        return replies

    def pages(self, path, limit=None, **options):
        """All entries of a list, page after page."""
        entries, cursor = [], None
        while True:
            query = [f"limit={limit}"] if limit else []
            query += [f"cursor={cursor}"] if cursor else []
            reply = self.get(path + (("&" if "?" in path else "?") + "&".join(query) if query else ""), **options)
            if reply.status != 200:
                raise AssertionError(f"GET {path}: {reply}")
            entries += reply.data
            cursor = reply.page["next"]
            if not cursor:
                return entries

    def connected(self):
        """The open connection; a new one after a restart or when the server has closed it meanwhile."""
        if self.connection and (self.generation != self.server.generation or self.is_closed()):
            self.close()
        if not self.connection and self.control:
            self.connection = SocketConnection(self.server.control_path)
            self.connection.connect()
        elif not self.connection:
            self.connection = self.server.connection(ANSWER_SECONDS)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.generation = self.server.generation
        return self.connection

    def is_closed(self):
        sock = self.connection.sock
        return sock is None or bool(select.select([sock], [], [], 0)[0])

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None


class Raw:
    """A bare connection, for what no HTTP library would send."""

    def __init__(self, address, timeout=RAW_SECONDS, server=None, receive_bytes=None):
        self.server, self.asked = server, []
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_bytes:                       # the kernel holds no more for a reader that is slow
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.connect(address)
        if family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending, self.closed = b"", False

    def send(self, data, piece=None, pause=0.0):
        """Sends all, or until the server refuses more; piece: so many bytes at a time."""
        first = data.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(first) == 3 and first[2].startswith("HTTP/"):
            self.asked.append(first[:2])
        step = piece or max(len(data), 1)
        try:
            for at in range(0, len(data), step):
                self.socket.sendall(data[at:at + step])
                if pause:
                    time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def more(self):
        """Receives some; false at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
        self.pending += data
        return bool(data)

    def reply(self, head_only=False):
        """The next answer, or None at the end of the connection."""
        while b"\r\n\r\n" not in self.pending:
            if not self.more():
                return None
        head, rest = self.pending.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = http.client.HTTPMessage()
        for line in lines[1:]:
            name, value = line.split(":", 1)
            headers[name] = value.strip()
        length = 0 if head_only or status in (204, 304) or status < 200 else int(headers.get("Content-Length", "0"))
        while len(rest) < length:
            if not self.more():
                return None
            rest = self.pending.split(b"\r\n\r\n", 1)[1]
        body, self.pending = rest[:length], rest[length:]
        value = json.loads(body) if body and is_json(headers.get("Content-Type", "")) else None
        if self.asked and self.server and status >= 200 and "SOUK_COVERAGE" in os.environ:
            note_call(self.server, *self.asked.pop(0), status)
        return Reply(status, headers, body, value)

    def replies(self):
        """All answers until the server closes."""
        result = []
        while (reply := self.reply()) is not None:
            result.append(reply)
        return result

    def ends(self, seconds):
        """Whether the server closes within so many seconds; what it sends meanwhile is kept."""
        deadline = time.monotonic() + seconds
        while not self.closed and time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                self.more()
            except socket.timeout:
                break
        return self.closed

    def close(self):
        self.socket.close()


# ---- Server ----------------------------------------------------------------------------------------------------------

class Server:
    openapi = None

    def __init__(self, settings=None, arguments=(), mode="development", environment=None, start=True, tls=None, open_files=None):
        """tls: the ssl.SSLContext with which clients speak to it; its settings have to make it serve TLS. open_files: the
        limit of them."""
        self.tls, self.open_files = tls, open_files
        self.settings, self.arguments, self.mode = dict(settings or {}), list(arguments), mode
        self.environment = dict(environment or {})
        self.directory = tempfile.mkdtemp(prefix="souk-api-")
        self.data = os.path.join(self.directory, "data")
        self.log_path = os.path.join(self.directory, "log")
        self.binary = os.environ.get("SOUK_BINARY", os.path.join(ROOT, "build/release/souk"))
        self.process = self.port = self.tls_port = None
        self.generation = 0                     # of connections: a new one with each start
        self.administrator = None
        servers.append(self)
        if start:
            self.start()

    def start(self):
        port_file = os.path.join(self.directory, f"port-{self.generation}")
        argv = [self.binary, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--mode", self.mode,
                "--port-file", port_file]
        for name, value in self.settings.items():
            argv += ["--set", f"{name}={value}"]
        argv += self.arguments
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, env={**os.environ, **self.environment},
                                            preexec_fn=self.prepare)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready(port_file):
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.end()
                raise AssertionError(f"the server was not ready within {START_SECONDS} s:\n{self.log_tail()}")
            time.sleep(0.01)
        self.generation += 1

    def prepare(self):
        """In the child, before it becomes the server."""
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if self.open_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.open_files, self.open_files))

    def is_ready(self, port_file):
        try:
            with open(port_file, encoding="ascii") as file:
                text = file.read()
        except FileNotFoundError:
            return False
        if not text.endswith("\n"):
            return False
        ports = [int(line) for line in text.split()]
        self.port, self.tls_port = ports[0], ports[-1]
        connection = self.connection(START_SECONDS)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def connection(self, timeout):
        """One that is not open yet, with TLS if the server has it."""
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.tls_port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def document(self):
        """The OpenAPI document of this binary, read once."""
        if Server.openapi is None:
            dumped = subprocess.run([self.binary, "dump", "openapi"], capture_output=True, check=True).stdout
            Server.openapi = openapi.Document(json.loads(dumped))
        return Server.openapi

    def client(self, token=None, tenant=None, headers=None):
        return Client(self, token, tenant, headers)

    def operator(self, tenant=None):
        """A client that comes through the control socket."""
        return Client(self, None, tenant, control=True)

    @property
    def control_path(self):
        return os.path.join(self.data, "control.sock")

    def raw(self, timeout=RAW_SECONDS, receive_bytes=None):
        return Raw(("127.0.0.1", self.port), timeout, self, receive_bytes)

    def control(self, timeout=RAW_SECONDS):
        """A bare connection to the control socket."""
        return Raw(self.control_path, timeout, self)

    def login(self, email, password=PASSWORD):
        client = self.client()
        reply = client.post("/auth/login", {"email": email, "password": password})
        if reply.status != 200:
            raise AssertionError(f"login of {email}: {reply}")
        client.token, client.user = reply.data["access_token"], reply.data["user"]
        client.refresh_token = reply.data["refresh_token"]
        return client

    def user(self, name="Ann", email=None, password=PASSWORD, **more):
        """A client of a new user: registered, verified, logged in."""
        email = email or f"{re.sub('[^a-z0-9]', '', name.lower()) or 'user'}.{next(numbers)}@example.com"
        client = self.client()
        body = {"email": email, "password": password, "display_name": name, "accept_terms": True, **more}
        reply = client.post("/auth/register", body)
        if reply.status != 201:
            raise AssertionError(f"registration of {email}: {reply}")
        reply = client.post("/auth/verify", {"token": reply.data["verification_token"]})
        if reply.status != 200:
            raise AssertionError(f"verification of {email}: {reply}")
        client.close()
        return self.login(email, password)

    def admin(self):
        """A client of an admin, made by the command line the first time."""
        if not self.administrator:
            email = "admin@example.com"
            self.command(["admin", "create", "--email", email, "--password-stdin"], PASSWORD + "\n")
            self.administrator = email
        return self.login(self.administrator)

    def command(self, arguments, stdin="", status=0):
        """Runs `souk <arguments> --data DIR`; returns what it printed."""
        done = subprocess.run([self.binary] + arguments + ["--data", self.data], input=stdin, capture_output=True,
                              text=True, timeout=ANSWER_SECONDS, check=False, env={**os.environ, **self.environment})
        if done.returncode != status:
            raise AssertionError(f"souk {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def kill(self):
        """SIGKILL: what was acknowledged must be there after the next start."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def restart(self):
        """Stops, unless it was killed or stopped before, and starts on the same data."""
        if self.process.poll() is None:
            self.stop()
        self.start()

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def log_text(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def log_tail(self):
        return "\n".join("    " + line for line in self.log_text().splitlines()[-LOG_LINES_SHOWN:])

    def is_ended_by_rocksdb(self):
        """RocksDB, as it is packaged, may end the process over an assertion of its own after a failed write (docs/TRUST.md):
        nothing is acknowledged by that."""
        text = self.log_tail()
        return self.process.poll() == -signal.SIGABRT and "Assertion" in text and "rocksdb::" in text

    def end(self):
        """Ends the process group at once."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait()

    def remove(self):
        self.end()
        shutil.rmtree(self.directory, ignore_errors=True)
        if self in servers:
            servers.remove(self)


def end_all():
    write_calls()
    for server in list(servers):
        server.remove()


def interrupted(number, _frame):
    end_all()
    os._exit(128 + number)


atexit.register(end_all)
for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(each, interrupted)


# ---- Cases -----------------------------------------------------------------------------------------------------------

class Suite:
    """Cases in the order of their definition. `program [name …]` runs those whose name contains one of the words."""

    def __init__(self, name):
        self.name, self.cases = name, []
        self.checks, self.faults = 0, []

    def case(self, function):
        self.cases.append(function)
        return function

    def check(self, condition, text=""):
        """Counts a fault when the condition does not hold; the case goes on."""
        self.checks += 1
        if not condition:
            self.faults.append(f"{caller()}: {text or 'does not hold'}")
        return bool(condition)

    def equal(self, actual, expected, text=""):
        self.checks += 1
        if actual != expected:
            self.faults.append(f"{caller()}: {text}: expected {expected!r}, was {actual!r}")
        return actual == expected

    def answers(self, reply, status, code=None, text=""):
        """The reply has this status and, for refusals, this code."""
        self.checks += 1
        good = reply.status == status and (code is None or reply.code == code)
        if not good:
            expected = f"{status} {code or ''}".strip()
            self.faults.append(f"{caller()}: {text + ': ' if text else ''}expected {expected}, was {reply}")
        return good

    def require(self, condition, text=""):
        """As check, but ends the case when it does not hold."""
        if not self.check(condition, text):
            raise Stop()

    def before(self, milliseconds, steps, prepare=lambda milliseconds: None):
        """What steps(milliseconds, prepared) returns, which has to be done before so many have passed. A machine that was too
        slow for it says nothing: what was found is dropped, and all is done again with four times as many."""
        while True:
            prepared, faults = prepare(milliseconds), len(self.faults)
            began, problem, result = time.monotonic(), None, None
            try:
                result = steps(milliseconds, prepared)
            except Exception as error:          # pylint: disable=broad-except
                problem = error
            if (time.monotonic() - began) * 1000 < milliseconds or milliseconds > TOO_SLOW_MS:
                if problem:
                    raise problem
                return result
            del self.faults[faults:]
            milliseconds *= 4

    def main(self):
        words = sys.argv[1:]
        chosen = [each for each in self.cases if not words or any(word in each.__name__ for word in words)]
        failed = [each for each in chosen if not self.run(each)]
        if failed:
            for server in servers:
                print(f"last lines of the log of the server on port {server.port}:\n{server.log_tail()}")
        end_all()
        print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed")
        sys.exit(1 if failed or not chosen else 0)

    def run(self, function):
        self.checks, self.faults = 0, []
        began = time.monotonic()
        try:
            function()
        except Stop:
            pass
        except Exception:                       # pylint: disable=broad-except
            self.faults.append(traceback.format_exc().rstrip())
        if not self.checks and not self.faults:
            self.faults.append("it checks nothing")
        for server in servers:
            if server.process is not None and server.process.poll() not in (None, 0, -signal.SIGKILL):
                self.faults.append(f"a server ended with {server.process.returncode}")
        print(f"{'FAIL' if self.faults else 'ok':4} {self.name}: {function.__name__} ({time.monotonic() - began:.2f} s)")
        for fault in self.faults:
            print("     " + fault.replace("\n", "\n     "))
        sys.stdout.flush()
        return not self.faults


def caller():
    """Where in the test's own file we are."""
    for frame in inspect.stack(context=0)[1:]:
        if os.path.abspath(frame.filename) != os.path.abspath(__file__):
            return f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return "?"
