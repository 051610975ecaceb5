"""TLS: a purchase through it, what is agreed on and what is refused, certificates that change under a running server, and
peers that stall, dribble, end early, talk nonsense or ask for new keys again and again."""

import os
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import time

import sales
from harness import Server, Suite
from shop import Supplier, created

suite = Suite("tls")
files = tempfile.TemporaryDirectory(prefix="souk-tls-")
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


# ---- Certificates ----------------------------------------------------------------------------------------------------

def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


def path(name):
    return os.path.join(files.name, name)


def certificate(name, kind=("ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """Makes a self-signed one of this machine."""
    openssl("req", "-x509", "-newkey", *kind, "-nodes", "-days", "30", "-subj", "/CN=" + name,
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path(name + ".key"), "-out", path(name + ".pem"))
    os.chmod(path(name + ".key"), 0o600)


def stale_certificate(name):
    """Makes one whose time is over."""
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path(name + ".key"), "-out", path(name + ".csr"))
    request = ("x509", "-req", "-in", path(name + ".csr"), "-signkey", path(name + ".key"), "-copy_extensions", "copy",
               "-out", path(name + ".pem"))
    try:
        openssl(*request, "-days", "-1")
    except subprocess.CalledProcessError:       # later versions want both ends of its time
        openssl(*request, "-not_before", "20240101000000Z", "-not_after", "20240102000000Z")


def install(name):
    """Puts a certificate where the server looks."""
    for suffix in (".pem", ".key"):
        with open(path(name + suffix), "rb") as file:
            content = file.read()
        with open(path("own.new"), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
        os.replace(path("own.new"), path("own" + suffix))


def trusting(*names, versions=None, ciphers=None, alpn=None):
    context = ssl.create_default_context()
    for name in names:
        context.load_verify_locations(path(name + ".pem"))
    if versions:
        context.minimum_version, context.maximum_version = versions[0], versions[-1]
    if ciphers:
        context.set_ciphers(ciphers)
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


for each in ("one", "two"):
    certificate(each)
certificate("rsa", kind=("rsa:2048",))
install("one")
SETTINGS = {"tls.listen": "127.0.0.1:0", "tls.certificate": path("own.pem"), "tls.key": path("own.key"),
            "log.level": "info,net=debug"}
server = Server(settings=SETTINGS, tls=trusting("one", "two"))


# ---- Clients ---------------------------------------------------------------------------------------------------------

def connect(context=None, session=None, of=None, **options):
    """A TLS connection over a socket."""
    plain = socket.create_connection(("127.0.0.1", (of or server).tls_port), timeout=60)
    return (context or server.tls).wrap_socket(plain, server_hostname="localhost", session=session, **options)


def refused(context):
    """Whether a client of that kind comes to no connection; what it says."""
    try:
        connection = connect(context)
        connection.sendall(GET + b"Connection: close\r\n\r\n")
        received = connection.recv(1)
        connection.close()
        return "" if received else "closed"
    except (ssl.SSLError, ConnectionError) as error:
        return str(error) or "refused"


def ask(connection, request=GET + b"\r\n"):
    connection.sendall(request)
    return head_of(connection).split(b" ")[1]


def head_of(connection):
    """The head of one answer; its body is read too."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65536)
        if not more:
            return b"- end"
        got += more
    head, rest = got.split(b"\r\n\r\n", 1)
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head


def all_of(connection):
    """Everything until the end, which has to be said by the server: a cut line is an error."""
    got = []
    while more := connection.recv(65536):
        got.append(more)
    return b"".join(got)


class Dribble:
    """A client whose bytes are given to the socket as one likes."""

    def __init__(self, context=None, of=None):
        self.socket = socket.create_connection(("127.0.0.1", (of or server).tls_port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or server.tls).wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")

    def flush(self, piece=None):
        data = self.outgoing.read()
        for at in range(0, len(data), piece or len(data) or 1):
            self.socket.sendall(data[at:at + (piece or len(data))])

    def drive(self, action, piece=None):
        """Repeats until it is done; True at the end of the connection."""
        while True:
            try:
                return action()
            except ssl.SSLWantReadError:
                self.flush(piece)
                data = self.socket.recv(piece or 65536)
                if not data:
                    self.incoming.write_eof()
                else:
                    self.incoming.write(data)
            finally:
                self.flush(piece)


def ends(plain, seconds=60):
    """What a bare socket receives until its end, or None when that does not come."""
    plain.settimeout(seconds)
    got = b""
    try:
        while more := plain.recv(65536):
            got += more
    except ConnectionResetError:
        pass
    except socket.timeout:
        return None
    return got


def metric(name, of=None):
    for line in (of or server).client().get("//metrics", form=False).body.decode().splitlines():
        if line.startswith(name + " "):
            return int(line.split()[-1])
    return None


def eventually(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# ---- What it is for --------------------------------------------------------------------------------------------------

@suite.case
def a_purchase_goes_through_it():
    admin = server.admin()
    supplier = Supplier(server, admin)
    product = supplier.product()
    supplier.stock(product, 5)
    ann = server.user("Ann")
    order = sales.buy(ann, sales.line(product, 2))
    suite.equal(order["status"], "confirmed", "is paid")
    server.kill()
    server.start()
    suite.equal(created(ann.get(f"/orders/{order['id']}"), 200)["total"], order["total"], "is there after a kill")
    suite.answers(server.client("no token").get("/users/me"), 401)


@suite.case
def curl_agrees():
    done = subprocess.run(["curl", "-sS", "--fail-with-body", "--cacert", path("one.pem"), "-w", "%{http_version} %{ssl_verify_result}",
                           "-o", "/dev/null", f"https://localhost:{server.tls_port}/openapi.json"], capture_output=True, text=True,
                          timeout=60, check=False)
    suite.equal((done.returncode, done.stdout, done.stderr), (0, "1.1 0", ""))


@suite.case
def plain_http_is_served_beside_it():
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    suite.equal(ask(plain), b"200")
    plain.close()
    alone = Server(settings={**SETTINGS, "server.listen": "", "net.loops": 2}, tls=server.tls)
    suite.answers(alone.user("Ann").get("/users/me"), 200, None, "and need not be")
    suite.equal(alone.stop(), 0)
    alone.remove()


# ---- What is agreed on -----------------------------------------------------------------------------------------------

@suite.case
def versions_and_ciphers():
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        connection = connect(trusting("one", versions=[version]))
        suite.equal(connection.version(), name)
        suite.equal(ask(connection), b"200", name)
        connection.close()
    old = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    suite.check("protocol version" in old.stderr, "TLS 1.1 is refused: " + old.stderr)
    for ciphers in ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256"):
        weak = trusting("one", versions=[ssl.TLSVersion.TLSv1_2], ciphers=ciphers)
        suite.check(refused(weak), f"{ciphers} is refused")
    good = connect(trusting("one", versions=[ssl.TLSVersion.TLSv1_2]))
    suite.check(good.cipher()[0].startswith("ECDHE-ECDSA-"), f"{good.cipher()}")
    suite.equal(good.compression(), None)
    good.close()


@suite.case
def protocols_by_alpn():
    for offered, chosen in ((["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (None, None)):
        connection = connect(trusting("one", alpn=offered))
        suite.equal(connection.selected_alpn_protocol(), chosen, f"{offered}")
        suite.equal(ask(connection), b"200")
        connection.close()
    suite.check("no application protocol" in refused(trusting("one", alpn=["h2"])).lower(), "h2 alone is refused by its alert")


@suite.case
def sessions_are_resumed():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trusting("one", versions=[version])
        first = connect(context)
        suite.equal(ask(first), b"200")
        suite.check(not first.session_reused, "the first is new")
        session, before = first.session, metric("souk_tls_resumed_total")
        first.close()
        second = connect(context, session)
        suite.equal(ask(second), b"200")
        suite.check(second.session_reused, f"{version.name}: the second is resumed")
        second.close()
        suite.check(metric("souk_tls_resumed_total") > before, "and counted")


# ---- Certificates that change ----------------------------------------------------------------------------------------

def served_certificate():
    """The name in the certificate that a new connection is shown."""
    connection = connect()
    name = dict(pair[0] for pair in connection.getpeercert()["subject"])["commonName"]
    connection.close()
    return name


def reload(outcome):
    """Sends SIGHUP and waits for the line of the log that tells of it."""
    words = {True: "certificate and key are read again", False: "certificate and key of before stay"}[outcome]
    before = server.log_text().count(words)
    server.process.send_signal(signal.SIGHUP)
    return suite.check(eventually(lambda: server.log_text().count(words) == before + 1), f"the log says: {words}")


@suite.case
def certificates_are_reloaded():
    context = trusting("one", "two")
    old = connect(context)
    suite.equal(ask(old), b"200")
    session = old.session
    suite.equal(served_certificate(), "one")
    expires = metric("souk_tls_certificate_expires_seconds")
    suite.check(29 * 86400 < expires - time.time() < 31 * 86400, f"expires: {expires}")
    install("two")
    suite.equal(served_certificate(), "one", "files alone change nothing")
    reload(True)
    suite.equal(served_certificate(), "two")
    suite.equal(ask(old), b"200", "a connection of before goes on")
    old.close()
    again = connect(context, session)
    suite.check(not again.session_reused, "tickets of before are worth nothing")
    suite.equal(ask(again), b"200", "and do no harm")
    again.close()
    install("rsa")
    reload(True)
    connection = connect(trusting("rsa", versions=[ssl.TLSVersion.TLSv1_2]))
    suite.check(connection.cipher()[0].startswith("ECDHE-RSA-"), "an RSA key serves too")
    connection.close()
    install("one")
    reload(True)


@suite.case
def bad_files_change_nothing():
    def spoil(suffix, content=None, mode=0o600):
        install("two")
        if content is None:
            os.unlink(path("own" + suffix))
        else:
            with open(path("own" + suffix), "wb") as file:
                file.write(content)
            os.chmod(path("own" + suffix), mode)
        reload(False)
        suite.equal(served_certificate(), "one", f"{suffix} {content!r:.40} {mode:o}")

    with open(path("one.key"), "rb") as file:
        other_key = file.read()
    openssl("ec", "-in", path("two.key"), "-aes128", "-passout", "pass:secret", "-out", path("locked.key"))
    with open(path("locked.key"), "rb") as file:
        locked_key = file.read()
    with open(path("two.key"), "rb") as file:
        right_key = file.read()
    spoil(".pem")
    spoil(".pem", b"")
    spoil(".pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    spoil(".key")
    spoil(".key", b"nonsense")
    spoil(".key", other_key)
    spoil(".key", locked_key)
    spoil(".key", right_key, 0o604)
    spoil(".key", right_key, 0o660)
    suite.check("give it mode 0600" in server.log_text(), "the log says what is wrong")
    suite.check("key values mismatch" in server.log_text(), "and which")
    for mode in (0o640, 0o400):                 # as those who renew certificates leave them
        install("one")
        os.chmod(path("own.key"), mode)
        reload(True)
        os.chmod(path("own.key"), 0o600)


@suite.case
def bad_files_stop_the_start():
    def start(**settings):
        argv = [server.binary, "serve", "--data", path("data"), "--listen", "127.0.0.1:0"]
        for name, value in {**SETTINGS, **settings}.items():
            argv += ["--set", f"{name}={value}"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stderr

    for settings, words in (({"tls.certificate": path("missing.pem")}, "is no certificate that can be used"),
                            ({"tls.key": path("two.key")}, "key values mismatch"),
                            ({"tls.key": ""}, "TLS needs all of"), ({"tls.listen": ""}, "TLS needs all of"),
                            ({"tls.listen": "nonsense"}, "tls.listen is HOST:PORT"),
                            ({"tls.listen": "", "tls.key": "", "tls.certificate": "", "server.listen": ""}, "neither server.listen")):
        status, said = start(**settings)
        suite.check(status in (1, 2) and words in said, f"{settings}: {status} {said[-300:]}")


@suite.case
def clients_refuse_what_they_do_not_trust():
    stale_certificate("stale")
    failed = metric("souk_tls_failed_total")
    suite.check("self-signed" in refused(ssl.create_default_context()), "a certificate of nobody they know")
    other = trusting("one")
    other.check_hostname = True
    plain = socket.create_connection(("127.0.0.1", server.tls_port), timeout=60)
    try:
        other.wrap_socket(plain, server_hostname="elsewhere.example").close()
        suite.check(False, "one of another name")
    except ssl.SSLCertVerificationError as error:
        suite.check("Hostname mismatch" in str(error), str(error))
    plain.close()
    install("stale")
    reload(True)
    suite.check("expired" in refused(trusting("stale")), "one that has expired")
    install("one")
    reload(True)
    suite.check(eventually(lambda: metric("souk_tls_failed_total") > failed), "the server counts them")
    suite.equal(served_certificate(), "one")


# ---- Peers that are slow, odd or hostile -----------------------------------------------------------------------------

@suite.case
def handshakes_end_in_time():
    hasty = Server(settings={**SETTINGS, "net.handshake_timeout": 900, "net.head_timeout": 900}, tls=server.tls)
    silent = socket.create_connection(("127.0.0.1", hasty.tls_port), timeout=60)
    began = time.monotonic()
    suite.equal(ends(silent), b"", "one that says nothing is closed")
    suite.check(time.monotonic() - began > 0.7, "in its time")
    slow = Dribble(of=hasty)
    try:
        slow.tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    hello, sent = slow.outgoing.read(), 0
    began = time.monotonic()
    try:
        while time.monotonic() - began < 60:    # a byte now and then does not buy more time
            slow.socket.sendall(hello[sent:sent + 1])
            sent += 1
            time.sleep(0.1)
            slow.socket.setblocking(False)
            try:
                if not slow.socket.recv(1):
                    break
            except BlockingIOError:
                pass
            slow.socket.setblocking(True)
    except OSError:
        pass
    suite.check(0.7 < time.monotonic() - began < 40, "one that dribbles its hello is closed in the same time")
    ready = connect(of=hasty)
    ready.sendall(b"GET /heal")
    suite.check(b" 408 " in head_of(ready), "after the handshake the time of heads counts")
    ready.close()
    suite.check(eventually(lambda: metric("souk_tls_failed_total", hasty) == 2), "both are counted")
    suite.equal(hasty.stop(), 0)
    hasty.remove()


@suite.case
def bytes_come_one_by_one():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = Dribble(trusting("one", versions=[version]))
        client.drive(client.tls.do_handshake, 1)
        client.tls.write(GET + b"Connection: close\r\n\r\n")
        client.flush(1)
        got = client.drive(lambda tls=client.tls: tls.read(65536), 1)
        suite.check(got.startswith(b"HTTP/1.1 200 "), f"{version.name}: {got[:60]!r}")
        client.socket.close()


@suite.case
def pipelines_and_half_closes():
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = Dribble(trusting("one", versions=[version]))
        client.drive(client.tls.do_handshake)
        for number in range(300):
            client.tls.write(GET + b"X-Request-Id: n%d\r\n\r\n" % number)
        try:
            client.tls.unwrap()                 # says that no more follow, and waits for the answers
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:           # answers instead of the other's end
            suite.check("APPLICATION_DATA_AFTER_CLOSE_NOTIFY" in str(error).upper().replace(" ", "_"), str(error))
        client.flush()
        if version is ssl.TLSVersion.TLSv1_2:
            got = ends(client.socket)           # the library opens nothing any more after its own end
            suite.check(got is not None and len(got) > 300 * 100, "all answers come, then the end")
        else:
            suite.check(ends(client.socket) is not None, "the end comes")
        client.socket.close()

    connection = connect()
    connection.sendall(b"".join(GET + b"X-Request-Id: n%d\r\n\r\n" % number for number in range(500)) + GET + b"Connection: close\r\n\r\n")
    heads = [line for line in all_of(connection).split(b"\r\n") if line.startswith(b"X-Request-Id: n")]
    suite.equal(heads, [b"X-Request-Id: n%d" % number for number in range(500)], "in order, and the end is said")
    connection.close()

    connection = connect()
    connection.sendall(GET + b"\r\n" + GET)
    connection.shutdown(socket.SHUT_WR)         # cut, without a word of TLS
    suite.check(eventually(lambda: metric("souk_connections") <= 2), "what is cut is closed")
    connection.close()


@suite.case
def bodies_and_answers_of_size():
    connection = connect()
    for size, status in ((1000 * 1024, b"400"), (1024 * 1024 + 1, b"413")):
        body = b'{"email": "' + b"x" * (size - 13) + b'"}'
        head = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        try:
            connection.sendall(head % size + body)
        except (ConnectionError, ssl.SSLError):
            pass
        suite.equal(head_of(connection).split(b" ")[1], status, f"a body of {size} bytes")
    connection.close()
    connection = connect()
    connection.sendall((b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n") * 20 + GET + b"Connection: close\r\n\r\n")
    time.sleep(0.2)                             # answers wait for a reader
    got = all_of(connection)
    suite.equal(got.count(b"HTTP/1.1 200 OK"), 21, "long answers come whole")
    suite.check(len(got) > 20 * 100000, f"{len(got)} bytes")
    connection.close()


@suite.case
def ends_are_said():
    idle = Server(settings={**SETTINGS, "net.idle_timeout": 1500}, tls=server.tls)
    connection = connect(of=idle)
    suite.equal(all_of(connection), b"", "an idle connection ends with a word")
    connection.close()
    connection = connect(of=idle)
    suite.equal(ask(connection), b"200")
    connection.sendall(GET + b"Connection: close\r\n\r\n")
    suite.check(all_of(connection).startswith(b"HTTP/1.1 200"), "the last answer too")
    connection.close()
    quiet = connect(of=idle)
    busy = connect(of=idle)
    suite.equal(ask(busy, GET + b"\r\n" + GET), b"200", "the second has begun")
    suite.equal(idle.process.send_signal(signal.SIGTERM), None)
    suite.equal(all_of(quiet), b"", "and at the end of the server")
    busy.sendall(b"\r\n")
    answer = all_of(busy)
    suite.check(answer.split(b" ")[1:2] in ([b"200"], [b"503"]), f"what is under way is answered: {answer}")
    suite.equal(idle.process.wait(30), 0)
    idle.remove()


@suite.case
def http_without_tls_is_told():
    for request in (GET + b"\r\n", b"POST / HTTP/1.1\r\n\r\n"):
        plain = socket.create_connection(("127.0.0.1", server.tls_port), timeout=60)
        plain.sendall(request)
        suite.check((ends(plain) or b"").startswith(b"HTTP/1.1 400 "), f"{request!r}")
        plain.close()
    turned = socket.create_connection(("127.0.0.1", server.port), timeout=60)
    try:
        trusting("one").wrap_socket(turned, server_hostname="localhost")
        suite.check(False, "TLS to the plain port comes to nothing")
    except ssl.SSLError as error:
        suite.check("WRONG_VERSION_NUMBER" in str(error), str(error))
    turned.close()


@suite.case
def nonsense_is_closed():
    draw = random.Random(20260501)
    hello = Dribble()
    try:
        hello.tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    good = hello.outgoing.read()
    hello.socket.close()
    for turn in range(150):
        if turn % 3 == 0:
            data = draw.randbytes(draw.randrange(1, 600))
        elif turn % 3 == 1:                     # a hello with some bytes changed
            data = bytearray(good)
            for _ in range(draw.randrange(1, 6)):
                data[draw.randrange(len(data))] = draw.randrange(256)
        else:                                   # whole, and then what follows no hello
            data = good + b"\x17\x03\x03" + draw.randrange(20000).to_bytes(2, "big") + draw.randbytes(80)
        plain = socket.create_connection(("127.0.0.1", server.tls_port), timeout=60)
        plain.sendall(bytes(data))
        plain.shutdown(socket.SHUT_WR)
        suite.check(ends(plain) is not None, f"turn {turn}")
        plain.close()
    endless = socket.create_connection(("127.0.0.1", server.tls_port), timeout=60)
    try:                                        # a hello of 16 MB, as its length says, in records that are allowed
        endless.sendall(b"\x16\x03\x01\x40\x00\x01\xff\xff\xfc" + bytes(16380))
        for _ in range(200):
            endless.sendall(b"\x16\x03\x01\x40\x00" + bytes(16384))
        suite.check(ends(endless) is not None, "a hello without end is closed")
    except ConnectionError:
        suite.check(True)
    endless.close()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        client = Dribble(trusting("one", versions=[version]))
        client.drive(client.tls.do_handshake)
        client.tls.write(GET + b"\r\n")
        spoilt = bytearray(client.outgoing.read())
        spoilt[-1] ^= 1
        client.socket.sendall(spoilt)
        suite.check(ends(client.socket) is not None, f"{version.name}: a record that was tampered with")
        client.socket.close()
    suite.check(eventually(lambda: metric("souk_connections") <= 2), "nothing is left of them")
    suite.equal(ask(connect()), b"200", "and the server goes on")


def asked_again_and_again(version, letter, times):
    """s_client, told by letters to ask for another handshake or new keys; what it printed, and whether it was closed."""
    client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{server.tls_port}", version, "-CAfile", path("one.pem")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(client.stdout.fileno(), False)
    said, deadline = b"", time.monotonic() + 60
    try:
        while b"Verify return code" not in said and time.monotonic() < deadline:
            said += client.stdout.read() or b""
            time.sleep(0.01)
        for _ in range(times):
            if client.poll() is not None:
                break
            client.stdin.write(letter + b"\n")
            client.stdin.flush()
            time.sleep(0.01)
    except BrokenPipeError:
        pass
    try:
        closed = client.wait(60) is not None
    except subprocess.TimeoutExpired:
        closed = False
        client.kill()
        client.wait()
    said += client.stdout.read() or b""
    client.stdin.close()
    client.stdout.close()
    return said, closed


@suite.case
def handshakes_are_not_repeated():
    said, closed = asked_again_and_again("-tls1_2", b"R", 1)
    suite.check(b"no renegotiation" in said and closed, f"renegotiation is refused: {said[-300:]!r}")
    said, closed = asked_again_and_again("-tls1_3", b"K", 60)
    suite.check(closed and b"KEYUPDATE" in said, "new keys again and again end the connection")
    suite.check("too many messages of the handshake protocol" in server.log_text(), "for that reason")
    suite.equal(ask(connect()), b"200", "and the server goes on")


@suite.case
def events_are_streamed():
    connection = connect()
    connection.sendall(b"GET /api/v1/admin/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
                       b"Authorization: Bearer " + server.admin().token.encode() + b"\r\n\r\n")
    got = b""

    def until(wanted):
        nonlocal got
        while wanted not in got:
            more = connection.recv(65536)
            suite.require(more, f"comes: {wanted!r} after {got[-300:]!r}")
            got += more
    until(b"retry: ")
    ann = server.user("Ann")
    until(ann.id.encode())
    connection.close()
    suite.equal(ask(connect()), b"200", "and the server goes on")


@suite.case
def survives_all_this():
    suite.check("souk_connections" in server.client().get("//metrics", form=False).body.decode())
    suite.equal(server.stop(), 0, "ends well")


suite.main()
