#!/usr/bin/env python3
"""Mails by SMTP: each is handed over at least once and under one Message-ID, whatever the server on the other side does."""

import os
import re
import ssl
import subprocess
import tempfile

from harness import Server, Suite
from smtp import Smtp

suite = Suite("mail")
files = tempfile.TemporaryDirectory(prefix="souk-mail-")
SENDER = "shop@market.example"


def path(name):
    return os.path.join(files.name, name)


def written(name, content, mode=0o600):
    with open(path(name), "w", encoding="utf-8") as file:
        file.write(content)
    os.chmod(path(name), mode)
    return path(name)


def with_mail(smtp, **more):
    """A server whose mails go there."""
    settings = {"mail.url": smtp.url, "mail.from": SENDER, "mail.tls": "off", **more}
    return Server(settings={name.replace("__", "."): value for name, value in settings.items()})


def asks_for_reset(server, client):
    suite.answers(server.client().post("/auth/forgot-password", {"email": client.user["email"]}), 202)


def register(server, name="Ann", **more):
    """Somebody whose mail is about to be sent; the address."""
    address = f"{re.sub('[^a-z]', '', name.lower())}.{os.urandom(4).hex()}@example.com"
    reply = server.client().post("/auth/register", {"email": address, "password": "correct horse", "display_name": name,
                                                    "accept_terms": True, **more})
    suite.answers(reply, 201)
    return address


def mails_to(address):
    return lambda smtp: [mail for mail in smtp.mails if mail.recipients == [address]]


plain = Smtp()
server = with_mail(plain)


@suite.case
def a_mail_is_whole():
    address = register(server, "Zoë 😀")
    suite.require(plain.wait(mails_to(address)), "it comes")
    mail = mails_to(address)(plain)[0]
    message = mail.message
    suite.equal((mail.sender, message["From"], message["To"]), (SENDER, SENDER, address), "who and to whom")
    suite.equal((message["Auto-Submitted"], message.get_content_type(), message.get_content_charset()),
                ("auto-generated", "text/plain", "utf-8"), "what it is")
    suite.check(re.fullmatch(r"<[0-9a-f]{32}@market\.example>", mail.id), f"its name: {mail.id}")
    suite.check(message["Subject"] and "Zoë 😀" in mail.text, f"what it says: {mail.text!r}")
    suite.check(message["Date"].datetime.tzinfo is not None, "when")
    suite.check(all(len(line) <= 998 and b"\r" not in line for line in mail.data.split(b"\r\n")), "lines as they must be")
    token = re.search(r"[A-Za-z0-9_-]{43}", mail.text)
    suite.require(token, "the token is in it")
    suite.answers(server.client().post("/auth/verify", {"token": token.group()}), 200)
    suite.equal(len(mails_to(address)(plain)), 1, "once")


@suite.case
def what_fails_is_tried_again_under_the_same_name():
    for step in ("greet-554", "mail-451", "rcpt-451", "data-451", "drop-connect", "drop-rcpt"):
        before = plain.connections
        plain.plan.append(step)
        address = register(server)
        suite.require(plain.wait(mails_to(address)), f"it comes after {step}")
        suite.check(plain.connections >= before + 2, f"{step}: at the second try")
        suite.equal(len(mails_to(address)(plain)), 1, f"{step}: once")


@suite.case
def an_answer_that_is_lost_brings_the_same_mail_again():
    plain.plan.append("drop-data")
    address = register(server)
    suite.require(plain.wait(lambda smtp: len(mails_to(address)(smtp)) == 2), "it comes twice")
    first, second = mails_to(address)(plain)
    suite.equal(first.id, second.id, "and can be told to be the same")
    suite.equal(first.text, second.text, "it says the same")


@suite.case
def what_is_refused_for_good_is_given_up():
    for step in ("rcpt-550", "data-554"):
        told = server.log_text().count("refused for good")
        before = plain.connections
        plain.plan.append(step)
        address = register(server)
        suite.require(plain.wait(lambda smtp, before=before: smtp.connections > before), "it was tried")
        other = register(server)                        # whoever comes after it is not held up
        suite.require(plain.wait(mails_to(other)), "the next one comes")
        log = server.log_text()
        for _ in range(600):
            if log.count("refused for good") > told:
                break
            plain.wait(lambda smtp: False, 0.05)
            log = server.log_text()
        suite.equal(log.count("refused for good"), told + 1, f"{step}: it is said")
        suite.equal(mails_to(address)(plain), [], f"{step}: it does not come")
        suite.check(address not in log, "the log names nobody")


@suite.case
def a_kill_loses_none():
    own = Smtp()
    here = with_mail(own)
    own.plan += ["drop-connect"] * 3
    addresses = [register(here) for _ in range(3)]
    here.kill()
    here.start()
    for address in addresses:
        suite.check(own.wait(mails_to(address)), "it comes after the kill")
    for address in addresses:
        suite.equal(len({mail.id for mail in mails_to(address)(own)}), 1, "under one name")
    suite.equal(len({mail.id for mail in own.mails}), 3, "each its own")
    here.remove()
    own.close()


@suite.case
def a_silent_server_holds_up_nobody_and_no_stop():
    own = Smtp()
    here = with_mail(own, mail__timeout="1h")
    own.plan += ["hang"] * 4
    for _ in range(4):
        register(here)
    suite.require(own.wait(lambda smtp: smtp.connections >= 1), "it is asked")
    suite.equal(here.client().get("/products").status, 200, "others are answered")
    suite.equal(here.stop(), 0, "a stop waits for no silence, which would be an hour")
    here.remove()
    own.close()


@suite.case
def what_would_break_a_mail_is_refused():
    for address in ("ann@example.com\r\nBcc: eve@example.com", "ann@example.com>,<eve@example.com", "a b@example.com", "<ann@example.com>"):
        reply = server.client().post("/auth/register", {"email": address, "password": "correct horse", "display_name": "Ann",
                                                        "accept_terms": True})
        suite.answers(reply, 400, "validation_failed", repr(address))
    reply = server.client().post("/auth/register", {"email": "ann.b@example.com", "password": "correct horse",
                                                    "display_name": "Ann\r\nBcc: eve@example.com", "accept_terms": True})
    suite.answers(reply, 400, "validation_failed", "a name of two lines")
    name = "Ann =?UTF-8?Q?=0D=0ABcc:?= .\\r\\n"
    address = register(server, name)
    suite.require(plain.wait(mails_to(address)))
    mail = mails_to(address)(plain)[0]
    suite.equal(mail.message["Bcc"], None, "no header of theirs")
    suite.check(name in mail.text, "it is only text")


def certificate():
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", path("own.key"),
                    "-out", path("own.pem")], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path("own.pem"), path("own.key"))
    return context


@suite.case
def with_tls_and_a_login():
    own = Smtp(certificate(), ("souk", "pass:word"))
    credentials = written("credentials", "souk:pass:word\n")
    here = with_mail(own, **{"mail.tls": "required", "mail.ca_file": path("own.pem"), "mail.credentials": credentials,
                             "security.confine": "on"})
    address = register(here)
    suite.require(own.wait(mails_to(address)), "it comes")
    suite.equal(set(own.logins), {("souk", "pass:word")}, "after a login")
    suite.equal(here.stop(), 0)
    here.remove()
    own.close()


@suite.case
def no_mail_without_the_tls_that_is_required():
    for context, login in ((None, None), (certificate(), None)):        # none at all; one that nobody knows
        own = Smtp(context, login)
        here = with_mail(own, **{"mail.tls": "required"})
        register(here)
        suite.require(own.wait(lambda smtp: smtp.connections >= 2), "it is tried again")
        suite.equal(own.mails, [], "nothing is sent in the clear")
        here.remove()
        own.close()


@suite.case
def a_wrong_configuration_does_not_start():
    good = {"mail.url": "smtp://localhost:1", "mail.from": SENDER}
    for more, word in (({"mail.url": "http://localhost"}, "mail.url"), ({"mail.url": "smtp://souk:word@localhost"}, "mail.url"),
                       ({"mail.from": ""}, "mail.from"), ({"mail.from": "Shop <a@b>"}, "mail.from"),
                       ({"mail.credentials": path("absent")}, "cannot be read"),
                       ({"mail.credentials": written("open", "a:b\n", 0o644)}, "chmod 600"),
                       ({"mail.credentials": written("empty", "ab\n")}, "user:password"), ({"mail.tls": "maybe"}, "mail.tls")):
        settings = [word for name, value in {**good, **more}.items() for word in ("--set", f"{name}={value}")]
        done = subprocess.run([server.binary, "serve", "--data", path("data"), "--listen", "127.0.0.1:0", *settings],
                              capture_output=True, text=True, timeout=60)
        suite.equal((done.returncode, word in done.stderr), (2, True), f"{more}: {done.stderr}")
        suite.check(not os.path.exists(os.path.join(path("data"), "rocks")), "and makes nothing")


suite.main()
