#!/usr/bin/env python3
"""What lies on the disk: nothing that a person would not want to be read there stands in it, and once the person is erased
nothing can be made readable, whoever holds all files and the master key."""

import base64
import ctypes
import ctypes.util
import hashlib
import os
import stat

from harness import Server, Suite
from sales import ADDRESS, body, buy, line
from shop import Supplier, created

suite = Suite("secrets")
REASON = {"reason": "asked for it"}
SLOT, TENANT, SUBJECT, NONCE, WRAPPED = 128, slice(16, 32), slice(32, 48), slice(48, 72), slice(72, 120)


# ---- Looking through files -------------------------------------------------------------------------------------------

def files(server, besides=()):
    """Everything that the server wrote, but the master key: path and content."""
    for directory, _, names in os.walk(server.directory):
        for name in names:
            path = os.path.join(directory, name)
            if stat.S_ISREG(os.lstat(path).st_mode) and path != server.data + ".key" and name not in besides:
                with open(path, "rb") as file:
                    yield os.path.relpath(path, server.directory), file.read()


def forms(word):
    """A word as it may stand in a file: as it is, in hexadecimal, in base64 at each offset, two bytes a letter."""
    raw = word if isinstance(word, bytes) else word.encode()
    yield raw
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield raw.decode("latin-1").encode("utf-16-le")
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw)
        part = whole[4 if offset else 0:][:(len(raw) - 2) // 3 * 4 - 4]
        yield part
        yield part.replace(b"+", b"-").replace(b"/", b"_")


def found(server, words, besides=()):
    """Which words stand in which files."""
    wanted = [(word, form) for word in words for form in forms(word) if len(form) >= 8]
    return sorted({(str(word), path) for path, content in files(server, besides) for word, form in wanted if form in content})


# ---- The keys, as their files say ------------------------------------------------------------------------------------

sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")


def rows(server):
    with open(os.path.join(server.data, "slots"), "rb") as file:
        content = file.read()
    return [content[at:at + SLOT] for at in range(0, len(content) - SLOT + 1, SLOT) if any(content[at:at + SLOT])]


def key_of(server, number, row):
    """The key that a row holds, by the master key; None when there is none in it."""
    with open(server.data + ".key", "rb") as file:
        master = file.read()
    key = ctypes.create_string_buffer(32)
    associated = b"souk slot 1\0" + number.to_bytes(4, "big") + row[TENANT] + row[SUBJECT]
    opened = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        key, None, None, row[WRAPPED], ctypes.c_ulonglong(48), associated, ctypes.c_ulonglong(len(associated)), row[NONCE], master)
    return key.raw if opened == 0 else None


def slot_of(server, user):
    """Number and row of a person's slot."""
    subject = bytes.fromhex(user.replace("-", ""))
    return next((number, row) for number, row in enumerate(rows(server)) if row[SUBJECT] == subject)


def email_hash(server, tenant, email):
    """The unique key of an e-mail address."""
    secret = key_of(server, 0, rows(server)[0])
    key = hashlib.blake2b(b"souk hash 1\0email", key=secret, digest_size=32).digest()
    return base64.urlsafe_b64encode(hashlib.blake2b(tenant + email.encode(), key=key, digest_size=32).digest()).rstrip(b"=").decode()


# ---- Cases -----------------------------------------------------------------------------------------------------------

@suite.case
def nothing_secret_stands_in_a_file():
    server = Server()
    admin = server.admin()
    canaries = ["canary.person@example.com", "canary pass phrase 1", "canary pass phrase 2", "Canaryname", "Canarybio",
                "Canaryfirst", "Canarylast", "Canary Lane 77", "Canary Town", "+43 555 7654321", "tok_canary_7654321",
                "DE123456789", "DE89370400440532013000", "canary.next@example.com", "canarypreference"]
    person = server.user("Canaryname", email=canaries[0], password=canaries[1])
    canaries += [person.token, person.token.split(".")[2], person.refresh_token]
    version = person.get("/users/me").data["version"]
    created(person.patch("/users/me", {"version": version, "preferences": {"seen": "canarypreference"},
                                       "profile": {"display_name": "Canaryname", "bio": "Canarybio"}}), 200)
    address = {**ADDRESS, "first_name": "Canaryfirst", "last_name": "Canarylast", "line1": "Canary Lane 77", "city": "Canary Town",
               "phone": "+43 555 7654321"}
    created(person.post("/users/me/addresses", {"label": "home", **address}))
    next_token = person.post("/users/me/email", {"email": "canary.next@example.com", "password": canaries[1]}).data["verification_token"]
    reset_token = server.client().post("/auth/forgot-password", {"email": canaries[0]}).data["reset_token"]
    canaries += [next_token, reset_token]
    supplier = Supplier(server, admin, name="Canaryholder")      # with that tax number and account
    product = supplier.product()
    supplier.stock(product, 100)
    for _ in range(5):
        buy(person, line(product), address=address)
    suite.answers(person.post("/orders", body(line(product), address=address, token="tok_canary_7654321")), 402)
    suite.answers(server.client().post("/auth/login", {"email": canaries[0], "password": canaries[2]}), 401)
    suite.answers(server.client().post("/auth/reset-password", {"token": reset_token, "password": canaries[2]}), 204)
    again = server.login(canaries[0], canaries[2])
    canaries += [again.token, again.refresh_token]
    canaries.append("canary, whose reason is known to staff")
    for act in ("suspend", "reinstate"):
        created(admin.post(f"/admin/users/{person.id}/{act}", {"reason": canaries[-1]}), 200)
    suite.equal(admin.get(f"/admin/users/{person.id}").data["reason"], canaries[-1], "staff reads why")
    told = [entry["reason"] for entry in admin.get(f"/admin/users/{person.id}/history?limit=2").data]
    suite.equal(told, [canaries[-1]] * 2, "and each time before")
    suite.equal(found(server, canaries), [], "while it serves")
    said = server.command(["log"])
    suite.equal([word for word in canaries if word in said], [], "in what `souk log` prints")
    server.kill()
    suite.equal(found(server, canaries), [], "after a kill")
    server.restart()
    suite.equal(server.stop(), 0)
    suite.equal(found(server, canaries), [], "at rest")
    with open(os.path.join(server.data, "planted"), "w", encoding="utf-8") as file:
        file.write(base64.b64encode(b"x Canary Lane 77 y").decode())
    suite.check(("Canary Lane 77", "data/planted") in found(server, canaries), "it would be found")
    server.remove()


@suite.case
def nothing_opens_what_was_sealed_for_somebody_erased():
    server = Server()
    admin = server.admin()
    supplier = Supplier(server, admin)
    product = supplier.product()
    supplier.stock(product, 100)
    people = {}
    for name in ("stays", "goes"):
        person = server.user(name, email=f"{name}@example.com")
        created(person.post("/users/me/addresses", {"label": "home", **ADDRESS}))
        number, row = slot_of(server, person.id)
        people[name] = (person, number, row, key_of(server, number, row), email_hash(server, row[TENANT], f"{name}@example.com"))
        suite.check(people[name][3] is not None, "the master key opens the slot")
    person, _, row, key, hashed = people["goes"]
    server.restart()
    admin = server.login("admin@example.com")
    hashed = hashed[8:]                         # a table leaves out what a key shares with the one before it
    suite.check(found(server, [hashed]), "the unique key is in the tables")
    suite.equal([path for _, path in found(server, [hashed]) if path.endswith(".log")], [], "and only sealed in the log")
    suite.check(key != people["stays"][3] and row[WRAPPED] != people["stays"][2][WRAPPED], "each has a key of their own")
    created(admin.delete(f"/admin/users/{person.id}", REASON), 200)
    suite.answers(admin.post(f"/admin/users/{person.id}/erase", REASON), 204)
    server.kill()
    gone = [row[WRAPPED], row[WRAPPED][:32], key]
    suite.equal(found(server, gone), [], "the key is nowhere, behind the acknowledgement")
    suite.equal(slot_of(server, person.id)[1][48:120], bytes(72), "its slot is overwritten")
    suite.equal(key_of(server, *slot_of(server, people["stays"][0].id)), people["stays"][3], "the others' are not")
    server.start()
    suite.equal(server.stop(), 0)
    suite.equal(found(server, gone), [], "nor does anything bring it back")
    server.command(["verify"])
    server.remove()


@suite.case
def files_are_for_their_owner():
    """umask 077, whatever the caller's is; and no core file takes keys along."""
    before = os.umask(0)
    try:
        server = Server()
    finally:
        os.umask(before)
    server.user("Ann")
    copy = os.path.join(server.directory, "copy")
    server.command(["backup", copy, "--slots", os.path.join(server.directory, "apart")])
    with open(f"/proc/{server.process.pid}/limits", encoding="ascii") as file:
        limit = next(text for text in file if text.startswith("Max core file size"))
    suite.equal(limit.split()[4:6], ["0", "0"], "core files")
    wide = []
    for top in (server.data, server.data + ".key", copy, os.path.join(server.directory, "apart")):
        for directory, _, names in [("", (), [top])] if os.path.isfile(top) else os.walk(top):
            for path in [directory] + [os.path.join(directory, name) for name in names]:
                if path and os.lstat(path).st_mode & 0o077 and not stat.S_ISLNK(os.lstat(path).st_mode):
                    wide.append((os.path.relpath(path, server.directory), oct(os.lstat(path).st_mode & 0o777)))
    suite.equal(wide, [])
    suite.equal(server.stop(), 0)
    for path in (server.data + ".key", os.path.join(server.data, "slots"), os.path.join(server.data, "token.keys")):
        os.chmod(path, 0o640)
        try:
            server.start()
            suite.check(False, f"{path} may be read by others")
        except AssertionError as error:
            suite.check("0600" in str(error) or "0600" in server.log_text(), f"{path}: {error}")
        os.chmod(path, 0o600)
    server.remove()


suite.main()
