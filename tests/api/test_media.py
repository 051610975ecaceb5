#!/usr/bin/env python3
"""Files that people upload: what is taken, who may read it, what is kept and for how long."""

import itertools
import os
import subprocess

from harness import Server, Suite
from shop import Supplier, created

suite = Suite("media")
server = Server(settings={"media.files_most": 6, "media.bytes_most": 2200000})
admin = server.admin()
numbers = itertools.count(1)
MOST = 1024 * 1024
STARTS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff\xe0", "image/gif": b"GIF89a",
          "image/webp": b"RIFF\x10\0\0\0WEBPVP8 ", "application/pdf": b"%PDF-1.7\n"}
NOBODY = "00000000-0000-7000-8000-000000000000"


def file_of(content_type="image/png", size=100):
    """Bytes of this type that nobody has uploaded before."""
    start = STARTS[content_type] + b"%d " % next(numbers)
    return start + os.urandom(size - len(start))


def upload(client, content, content_type="image/png", visibility="public", **options):
    headers = {"Content-Type": content_type, **options.pop("headers", {})}
    return client.request("POST", f"/media?visibility={visibility}", raw=content, headers=headers, **options)


def path_of(reply):
    return "/media/" + reply.data["id"]


@suite.case
def each_type_comes_back_as_it_went():
    for content_type, content in [(each, file_of(each)) for each in STARTS]:
        ann = server.user("Ann")
        reply = upload(ann, content, content_type)
        suite.answers(reply, 201, text=content_type)
        suite.equal(reply.headers["Location"], "/api/v1" + path_of(reply), "where it is")
        suite.equal((reply.data["url"], reply.data["size"]), ("/api/v1" + path_of(reply), len(content)), "what is told of it")
        back = server.client().get(path_of(reply))
        suite.equal((back.status, back.body), (200, content), "the same bytes")
        suite.equal(back.headers["Content-Type"], content_type, "its type")
        suite.equal(back.headers["X-Content-Type-Options"], "nosniff", "and no other")
        suite.equal(back.headers["Content-Security-Policy"], "default-src 'none'; sandbox", "it runs nothing")
        saved = back.headers.get("Content-Disposition", "")
        suite.equal(saved.startswith("attachment"), content_type == "application/pdf", f"saved rather than shown: {saved!r}")


@suite.case
def the_bytes_say_what_it_is():
    ann = server.user("Ann")
    for content, content_type in ((file_of("image/png"), "image/jpeg"), (file_of("application/pdf"), "image/png"), (b"<html>", "image/png"),
                                  (b"\x89PN", "image/png"), (b"RIFF\0\0\0\0WAVEfmt ", "image/webp"), (file_of(), "text/html"),
                                  (file_of(), "image/svg+xml"), (file_of(), ""), (b'{"a":1}', "application/json")):
        suite.answers(upload(ann, content, content_type), 415, "unsupported_media_type", f"{content[:8]!r} as {content_type!r}")
    suite.answers(upload(ann, b""), 400, "validation_failed", "nothing")
    suite.answers(upload(ann, file_of(), visibility="secret"), 400, "validation_failed", "an unknown visibility")
    suite.answers(upload(server.client(), file_of()), 401, "unauthorized", "nobody's")
    suite.answers(upload(ann, file_of(), "IMAGE/PNG; charset=binary"), 201, text="types have no case, and parameters say nothing")
    suite.equal(len(ann.get("/users/me/media").data), 1, "nothing else is kept")


@suite.case
def a_file_has_at_most_a_mebibyte():
    ann = server.user("Ann")
    content = file_of(size=MOST)
    reply = upload(ann, content)
    suite.answers(reply, 201)
    suite.equal(ann.get(path_of(reply)).body, content, "all of it")
    raw = server.raw()
    raw.send(f"POST /api/v1/media HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann.token}\r\nContent-Type: image/png\r\n"
             f"Content-Length: {MOST + 1}\r\n\r\n".encode())
    suite.answers(raw.reply(), 413, "body_too_large")
    raw.close()


@suite.case
def public_files_are_kept_by_caches():
    ann, anybody = server.user("Ann"), server.client()
    reply = upload(ann, file_of())
    path = path_of(reply)
    first = anybody.get(path)
    suite.equal(first.headers["Cache-Control"], "public, max-age=31536000, immutable", "everybody's")
    suite.equal(ann.get(path).headers["Cache-Control"], "private, max-age=31536000, immutable", "asked with a token: the asker's")
    suite.equal(first.etag, f'"{reply.data["hash"]}"', "by its content")
    for method in ("GET", "HEAD"):
        for tag in (first.etag, f'"x", {first.etag}', "*"):
            again = anybody.request(method, path, headers={"If-None-Match": tag})
            suite.equal((again.status, again.body), (304, b""), f"{method} {tag}")
    suite.equal(anybody.get(path, headers={"If-None-Match": '"x"'}).body, first.body, "another one")
    head = anybody.request("HEAD", path)
    suite.equal((head.status, head.headers["Content-Length"]), (200, str(len(first.body))), "its length alone")
    packed = anybody.get(path, headers={"Accept-Encoding": "gzip"})
    suite.equal((packed.headers.get("Content-Encoding"), packed.body), (None, first.body), "it is compressed already")


def most_memory(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


@suite.case
def who_asks_for_many_files_and_takes_none_fills_no_memory():
    here = Server()
    ann = here.user("Ann")
    content = file_of(size=MOST)
    path = path_of(upload(ann, content))
    suite.equal(ann.get(path).body, content, "a file")
    before = most_memory(here.process)
    slow = [here.raw(receive_bytes=4096) for _ in range(6)]
    for raw in slow:
        raw.send(f"GET /api/v1{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 40)
    suite.check(slow[-1].more(), "the last of them is served")
    suite.equal(ann.get(path).body, content, "whoever asks behind them is, too")
    grown = most_memory(here.process) - before
    suite.check(grown < 120 * MOST, f"240 answers of a mebibyte are not kept: {grown >> 20} MiB")
    for _ in range(40):
        suite.equal(slow[0].reply().body == content, True, "all come to who takes them")
    for raw in slow:
        raw.close()
    here.stop()
    here.remove()


@suite.case
def private_files_are_their_owners():
    ann, bob = server.user("Ann"), server.user("Bob")
    reply = upload(ann, file_of("application/pdf"), "application/pdf", "private")
    path = path_of(reply)
    suite.equal(ann.get(path).status, 200, "hers")
    suite.equal(ann.get(path).headers["Cache-Control"], "no-store", "kept nowhere")
    suite.equal(admin.get(path).status, 200, "staff")
    for client, status in ((bob, 404), (server.client(), 404)):
        suite.equal(client.get(path).status, status, "nobody else hears of it")
        suite.check(client.delete(path).status in (401, 404), "nor removes it")
    suite.equal([each["id"] for each in ann.get("/users/me/media").data], [reply.data["id"]], "among hers")
    suite.equal(bob.get("/users/me/media").data, [], "not among his")
    suite.check(reply.data["id"] in str(ann.get("/users/me/export").data), "in all that is known of her")


@suite.case
def the_same_again_is_the_same_file():
    ann, bob, content = server.user("Ann"), server.user("Bob"), file_of()
    first, again, other = upload(ann, content), upload(ann, content), upload(bob, content)
    private = upload(ann, content, visibility="private")
    suite.equal((first.status, again.status, other.status, private.status), (201, 200, 201, 201), "what is new")
    suite.equal(again.data, first.data, "is there already")
    suite.equal(other.data["hash"], first.data["hash"], "the same content")
    suite.check(private.data["hash"] != first.data["hash"], "of what is private, nobody can try whether it is this")
    suite.equal(len({reply.data["id"] for reply in (first, other, private)}), 3, "each with a file of its own")
    suite.equal(ann.delete(path_of(first)).status, 204, "hers goes")
    suite.answers(ann.get(path_of(first)), 404, "not_found")
    suite.answers(ann.delete(path_of(first)), 404, "not_found", "once")
    suite.equal(bob.get(path_of(other)).body, content, "his stays")
    suite.equal(ann.get(path_of(private)).body, content, "and so does her other one")
    back = upload(ann, content)
    suite.equal((back.status, back.data["id"], back.data["status"]), (201, first.data["id"], "stored"), "and comes again")
    suite.equal(bob.delete(path_of(other)).status, 204, "his goes")
    suite.equal(server.client().get(path_of(back)).body, content, "hers stays")


@suite.case
def a_key_makes_an_upload_once():
    ann, content = server.user("Ann"), file_of()
    first, again = (upload(ann, content, key="photo") for _ in range(2))
    suite.equal((again.status, again.body, again.headers.get("Idempotency-Replayed")), (201, first.body, "true"), "as before")
    suite.answers(upload(ann, file_of(), key="photo"), 422, "idempotency_key_reused", "other bytes")
    dry = upload(ann, file_of(), headers={"Prefer": "dry-run"})
    suite.equal((dry.status, dry.json["dry_run"]), (201, True), "a dry run")
    suite.answers(ann.get(path_of(dry)), 404, "not_found", "stores nothing")


@suite.case
def a_person_has_so_many_files_and_bytes():
    ann, bob = server.user("Ann"), server.user("Bob")
    paths = [path_of(upload(ann, file_of())) for _ in range(6)]
    suite.answers(upload(ann, file_of()), 409, "limit_reached", "six files")
    suite.equal(ann.delete(paths[0]).status, 204)
    suite.answers(upload(ann, file_of()), 201, text="five and one")
    big = [upload(bob, file_of(size=MOST)) for _ in range(2)]
    suite.equal([reply.status for reply in big], [201, 201], "two large ones")
    suite.answers(upload(bob, file_of(size=200000)), 409, "limit_reached", "too much together")
    suite.answers(upload(bob, file_of(size=50000)), 201, text="less")


@suite.case
def documents_are_private_files_of_the_asker():
    shop = Supplier(server, admin, verified=False)
    sue, path = shop.owner, f"/suppliers/{shop.id}/documents"
    other = server.user("Eve")
    public, mine, hers = sue.upload(visibility="public"), sue.upload(), other.upload()
    for media, code in ((NOBODY, "not_found"), ("m1", "not_found"), (hers, "not_found"), (public, "not_private")):
        reply = sue.post(path, {"kind": "tax", "title": "Tax", "media_id": media})
        suite.answers(reply, 400, "validation_failed", media)
        suite.equal(reply.codes, {"media_id": code}, "why")
    body = {"kind": "tax", "title": "Tax", "media_id": mine}
    first, second = (created(sue.post(path, body))["documents"][-1]["id"] for _ in range(2))
    suite.answers(sue.delete("/media/" + mine), 409, "in_use", "a document stays")
    partner, manager = shop.member("owner"), shop.member("manager")
    suite.equal(partner.get("/media/" + mine).status, 200, "another owner of the team reads it")
    suite.equal(partner.delete("/media/" + mine).status, 403, "but does not remove it")
    for reader in (manager, other):
        suite.answers(reader.get("/media/" + mine), 404, "not_found", "nobody else does")
    suite.equal(sue.delete(f"{path}/{first}").status, 200)
    suite.equal(partner.get("/media/" + mine).status, 200, "one document still has it")
    suite.equal(sue.delete(f"{path}/{second}").status, 200)
    suite.answers(partner.get("/media/" + mine), 404, "not_found", "none has it")
    suite.equal(sue.delete("/media/" + mine).status, 204, "now it goes")


@suite.case
def pictures_may_be_uploaded_ones():
    ann = server.user("Ann")
    url = upload(ann, file_of()).data["url"]
    for avatar, status in ((url, 200), (url.replace("/api/", "/api/default/"), 200), ("https://example.com/a.png", 200),
                           (url + "/x", 400), (url[:-1], 400), ("/api/v1/users/" + ann.id, 400), ("/api//v1/media/" + ann.id, 400),
                           ("/api/No Slug/v1/media/" + ann.id, 400), ("//evil.example" + url, 400), ("/etc/passwd", 400)):
        reply = ann.patch("/users/me", {"profile": {"avatar": avatar}}, version="*")
        suite.equal(reply.status, status, avatar)
    suite.answers(ann.patch("/users/me", {"profile": {"business": {"website": url}}}, version="*"), 400, text="a site is elsewhere")


@suite.case
def an_erased_person_leaves_nothing_private():
    ann, bob = server.user("Ann"), server.user("Bob")
    content = file_of()
    public, private = upload(ann, content), upload(ann, content, visibility="private")
    same = upload(bob, content, visibility="private")
    created(admin.delete(f"/admin/users/{ann.id}", {"reason": "asked"}), 200)
    suite.equal(admin.get(path_of(private)).body, content, "closed: still there for staff")
    suite.equal(admin.post(f"/admin/users/{ann.id}/erase", {"reason": "asked"}).status, 204)
    suite.answers(admin.get(path_of(private)), 404, "not_found", "nobody can read it")
    suite.equal(server.client().get(path_of(public)).body, content, "what was public stays where it was shown")
    suite.equal(bob.get(path_of(same)).body, content, "and the same of others is theirs")
    suite.equal(admin.delete(path_of(private)).status, 204, "what is left of it can be removed")


@suite.case
def what_was_answered_survives_kills_and_restarts():
    ann = server.user("Ann")
    kept, gone = [], upload(ann, file_of())
    for _ in range(4):
        content = file_of(size=200000)
        kept.append((path_of(upload(ann, content, visibility=("public", "private")[len(kept) % 2])), content))
        if len(kept) == 2:
            suite.equal(ann.delete(path_of(gone)).status, 204)
        server.kill()
        server.start()
        for path, content_then in kept:
            suite.equal(ann.get(path).body == content_then, True, f"{path} after kill {len(kept)}")
    suite.answers(ann.get(path_of(gone)), 404, "not_found", "removed is removed")
    server.restart()
    suite.equal([ann.get(path).body == content for path, content in kept], [True] * 4, "after a stop")


@suite.case
def backups_hold_files():
    here = Server()
    ann = here.user("Ann")
    kept = {}
    for visibility in ("public", "private"):
        content = file_of(size=300000)
        kept[path_of(upload(ann, content, visibility=visibility))] = content
    copy, back = os.path.join(here.directory, "copy"), os.path.join(here.directory, "back")
    def run(*words):
        return subprocess.run([here.binary, *words], capture_output=True, text=True, timeout=120)
    suite.equal(run("backup", copy, "--data", here.data).returncode, 0, "a backup")
    here.stop()
    for data in (here.data, copy):
        done = run("verify", "--data", data, "--key-file", here.data + ".key", "--slots", os.path.join(here.data, "slots"))
        suite.equal(done.returncode, 0, f"{data} is whole: {done.stdout}{done.stderr}")
    for words in ([], ["--salvage"]):
        done = run("restore", copy if not words else here.data, back + "".join(words), *words, "--slots", os.path.join(here.data, "slots"))
        suite.equal(done.returncode, 0, f"restored {words}: {done.stderr}")
        os.link(here.data + ".key", back + "".join(words) + ".key")
    for data in (back, back + "--salvage"):
        here.data = data
        here.start()
        again = here.login(ann.user["email"])
        for path, content in kept.items():
            suite.equal(again.get(path).body == content, True, f"{path} in {data}")
        here.stop()
    here.remove()


suite.main()
