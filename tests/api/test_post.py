"""Posts: moderation, the global feed, pins, rights. SOCIAL section 6."""

from harness import Server, Suite
from shop import community, join, leader, newest_first

suite = Suite("post")
server = Server()
admin = server.admin()
lea = leader(server, admin, "Lea")
ann, mod, stranger = server.user("Ann"), server.user("Mod"), server.user("Stranger")
makers = community(lea)                                                     # public, not moderated
strict = community(lea, content={"moderated": True})                        # public, moderated
closed = community(lea, visibility="private")                               # private
for where in (makers, strict):
    join(ann, where)
    join(mod, where)
    lea.patch(f"/communities/{where['id']}/members/{mod.id}", {"role": "moderator"})
ann.post(f"/communities/{closed['id']}/join")
lea.post(f"/communities/{closed['id']}/members/{ann.id}/approve")


def body(where=makers, **more):
    return {"community_id": where["id"], "type": "text", "title": "Hello", "body": "Good morning", **more}


def make(client=ann, where=makers, **more):
    reply = client.post("/posts", body(where, **more))
    if reply.status != 201:
        raise AssertionError(f"create: {reply}")
    return reply.data


def read(post, client=ann, query=""):
    return client.get(f"/posts/{post['id']}{query}")


def command(client, post, name, sent=None):
    return client.post(f"/posts/{post['id']}/{name}", sent)


def must(client, post, name, sent=None):
    reply = command(client, post, name, sent)
    if reply.status != 200:
        raise AssertionError(f"{name}: {reply}")
    return reply.data


def patch(post, sent, client=ann):
    return client.patch(f"/posts/{post['id']}", sent, version=read(post, admin).data["version"])


# ---- create -----------------------------------------------------------------------------------------------------------

@suite.case
def a_post_is_published():
    reply = ann.post("/posts", body())
    suite.require(suite.answers(reply, 201), "made")
    data = reply.data
    suite.equal((data["status"], data["type"], data["version"]), ("published", "text", 2), "created and published")
    author = data["author"]
    suite.equal((author["user_id"], author["display_name"], author["avatar"]), (ann.id, "Ann", None), "author")
    suite.equal(data["stats"]["like_count"], 0, "likes")
    suite.equal(data["stats"]["comment_count"], 0, "comments")
    suite.equal((data["pinned"], data["global"]["status"]), (False, "none"), "nothing yet")
    suite.check(data["published_at"], "published_at")
    suite.answers(read(data, server.client()), 200, text="anonymous")
    suite.check("report_count" not in read(data, stranger).data["stats"], "reports are not for everybody")
    suite.check("report_count" in read(data, mod).data["stats"], "but for moderators")


@suite.case
def types_have_their_shape():
    def refused(expected, **more):
        reply = ann.post("/posts", body(**more))
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    picture = {"url": "https://example.com/a.png", "alt": "a"}
    refused({"poll.options": "required"}, type="poll")
    refused({"type": "not_one_of"}, type="song")
    refused({"body": "required"}, body=None)
    refused({"media": "not_allowed"}, media=[picture])
    refused({"media": "required"}, type="image")
    refused({"media": "too_many"}, type="image", media=[picture] * 11)
    refused({"media": "too_many"}, type="video", media=[picture] * 2)
    refused({"media[0].url": "required"}, type="image", media=[{"alt": "a"}])
    refused({"media[0].url": "bad_format"}, type="image", media=[{"url": "http://example.com/a.png"}])
    refused({"media[0].alt": "too_long"}, type="image", media=[{**picture, "alt": "x" * 201}])
    refused({"link.url": "required"}, type="link")
    refused({"link": "not_allowed"}, link={"url": "https://example.com"})
    refused({"title": "too_long"}, title="x" * 201)
    refused({"title": "wrong_type"}, title=1)
    refused({"body": "too_long"}, body="x" * 10001)
    refused({"author_id": "read_only"}, author_id=ann.id)
    refused({"likes": "unknown_field"}, likes=1)
    suite.equal(ann.post("/posts", {}).codes, {"community_id": "required", "type": "required"}, "missing")
    suite.equal(make(type="image", media=[picture] * 10)["type"], "image", "image")
    suite.equal(make(type="video", media=[picture])["type"], "video", "video")
    suite.equal(make(type="link", link={"url": "https://example.com/x", "title": "X"})["link"]["title"], "X", "link")
    suite.equal(len(make(title="x" * 200, body="ä" * 10000)["body"]), 10000, "at the limits")


@suite.case
def who_may_post():
    suite.answers(stranger.post("/posts", body()), 403, "forbidden", "no member")
    suite.answers(admin.post("/posts", body()), 403, "forbidden", "not even the staff")
    suite.answers(server.client().post("/posts", body()), 401, "unauthorized")
    suite.answers(lea.post("/posts", body()), 201, text="the owner")
    quiet = community(lea, content={"members_may_post": False})
    join(ann, quiet)
    suite.answers(ann.post("/posts", body(quiet)), 403, "forbidden", "members may not")
    suite.answers(lea.post("/posts", body(quiet)), 201, text="the owner may")
    muted = server.user("Muted")
    join(muted, makers)
    reply = admin.patch(f"/admin/users/{muted.id}/permissions", {"may_post": False, "reason": "spam"})
    suite.answers(reply, 200)
    suite.answers(muted.post("/posts", body()), 403, "forbidden", "may_post is off")


# ---- machine ----------------------------------------------------------------------------------------------------------

ALLOWED = {         # by the one who may
    "published":          {"hide": "hidden", "delete": "deleted", "patch": "pending_moderation"},
    "pending_moderation": {"approve": "published", "reject": "rejected", "delete": "deleted"},
    "rejected":           {"resubmit": "pending_moderation", "delete": "deleted"},
    "hidden":             {"restore": "published", "delete": "deleted"},
    "deleted":            {"restore": "published"},
}
COMMANDS = ("approve", "reject", "resubmit", "hide", "restore", "patch", "delete")
BODIES = {"reject": {"reason": "no"}, "hide": {"reason": "spam"}}


def post_in(state, where=strict):
    post = make(where=where)
    if where is strict and state in ("published", "hidden", "deleted"):
        must(mod, post, "approve")
    if state == "rejected":
        must(mod, post, "reject", {"reason": "no"})
    if state == "hidden":
        must(mod, post, "hide", {"reason": "spam"})
    if state == "deleted":
        ann.delete(f"/posts/{post['id']}")
    return post


def run(post, name, client):
    version = read(post, admin, "?include_deleted=true").data["version"]
    if name == "patch":
        return client.patch(f"/posts/{post['id']}", {"body": "New"}, version=version)
    if name == "delete":
        return client.delete(f"/posts/{post['id']}")
    return command(client, post, name, BODIES.get(name))


@suite.case
def every_state_and_command():
    for state, rows in ALLOWED.items():
        for name in COMMANDS:
            post = post_in(state)
            asker = mod if name in ("approve", "reject", "hide") or (name == "restore" and state != "deleted") else ann
            reply = run(post, name, asker)
            if name in rows:
                suite.answers(reply, 200, text=f"{state} {name}")
                suite.equal((reply.data or {}).get("status"), rows[name], f"{state} {name}")
            elif state == "deleted":
                suite.answers(reply, 404, "not_found", f"{state} {name}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{state} {name}")


@suite.case
def rights_of_each_command():
    everybody = (ann, mod, lea, admin, stranger)
    cases = (           # state, command, status for each of everybody
        ("published", "patch", (200, 403, 403, 403, 403)),
        ("published", "hide", (403, 200, 200, 200, 403)),
        ("published", "delete", (200, 200, 200, 200, 403)),
        ("pending_moderation", "approve", (403, 200, 200, 403, 404)),
        ("pending_moderation", "reject", (403, 200, 200, 403, 404)),
        ("rejected", "resubmit", (200, 403, 403, 403, 404)),
        ("hidden", "restore", (403, 200, 200, 200, 404)),
        ("deleted", "restore", (200, 403, 403, 200, 404)),
    )
    for state, name, row in cases:
        for client, status in zip(everybody, row):
            suite.answers(run(post_in(state), name, client), status, text=f"{state} {name} {row}")
    for name, row in (("pin", (403, 200, 200, 403, 403)), ("pin-global", (403, 403, 403, 409, 403)),
                      ("request-global", (200, 403, 403, 403, 403))):
        for client, status in zip(everybody, row):
            post = make()
            suite.answers(command(client, post, name), status, text=f"{name} {row}")
            if status == 200 and name == "pin":
                must(client, post, "unpin")


@suite.case
def moderated_posts_wait():
    post = make(where=strict)
    suite.equal((post["status"], post["version"], post["published_at"]), ("pending_moderation", 1, None), "waits")
    for client, status in ((ann, 200), (mod, 200), (lea, 200), (admin, 200), (stranger, 404), (server.client(), 404)):
        suite.answers(read(post, client), status)
    suite.answers(command(mod, post, "reject"), 400, "validation_failed", "no reason")
    suite.equal(must(mod, post, "reject", {"reason": "off topic"})["status"], "rejected", "rejected")
    suite.equal(read(post).data["reason"], "off topic", "the author sees why")
    suite.equal(must(ann, post, "resubmit")["status"], "pending_moderation", "again")
    suite.equal(must(mod, post, "approve")["status"], "published", "approved")
    suite.answers(read(post, stranger), 200)
    suite.check("reason" not in read(post, stranger).data, "others do not")
    published_at = read(post).data["published_at"]
    suite.equal(patch(post, {"title": "Edited"}).data["status"], "pending_moderation", "an edit waits again")
    must(mod, post, "approve")
    suite.equal(read(post).data["published_at"], published_at, "its place stays")
    own = make(client=mod, where=strict)
    suite.equal(own["status"], "published", "moderators publish at once")
    suite.equal(patch(own, {"title": "Edited"}, mod).data["status"], "published", "and edit at once")


@suite.case
def what_the_staff_hid_only_it_shows():
    post = make()
    suite.answers(command(admin, post, "hide"), 400, "validation_failed")
    must(admin, post, "hide", {"reason": "law"})
    suite.answers(command(mod, post, "restore"), 403, "forbidden")
    suite.equal(must(admin, post, "restore")["status"], "published", "shown again")


@suite.case
def deleted_posts_come_back_by_who_deleted_them():
    post = make()
    suite.answers(mod.delete(f"/posts/{post['id']}", {"reason": "rude"}), 200)
    suite.answers(read(post), 404, "not_found")
    suite.answers(read(post, admin), 404, "not_found")
    suite.equal(read(post, admin, "?include_deleted=true").data["status"], "deleted", "for the staff")
    suite.answers(command(ann, post, "restore"), 403, "forbidden")
    suite.equal(must(mod, post, "restore")["status"], "published", "restored")


@suite.case
def patches_need_the_version():
    post = make()
    path = f"/posts/{post['id']}"
    suite.answers(ann.patch(path, {"title": "A"}), 428, "version_required")
    suite.answers(ann.patch(path, {"title": "A"}, version=1), 412, "stale_version")
    reply = ann.patch(path, {"title": "A"}, version=2)
    suite.equal((reply.data["title"], reply.data["version"], reply.data["status"]), ("A", 3, "published"), "patched")
    suite.answers(ann.patch(path, {"body": None}, version=3), 400, "validation_failed", "a text post needs its body")
    suite.answers(ann.patch(path, {"type": "link"}, version=3), 400, "validation_failed", "the type stays")
    suite.equal(ann.patch(path, {"title": None}, version=3).data["title"], None, "cleared")


# ---- global -----------------------------------------------------------------------------------------------------------

@suite.case
def on_its_way_to_the_global_feed():
    post = make()
    suite.answers(command(admin, post, "approve-global"), 409, "invalid_transition", "not asked")
    suite.equal(must(ann, post, "request-global")["global"]["status"], "requested", "requested")
    suite.answers(command(ann, post, "request-global"), 409, "invalid_transition", "twice")
    suite.answers(command(mod, post, "approve-global"), 403, "forbidden")
    suite.answers(command(admin, post, "reject-global"), 400, "validation_failed", "no reason")
    data = must(admin, post, "reject-global", {"reason": "too local"})
    suite.equal((data["global"]["status"], data["global"]["reason"], data["status"]), ("rejected", "too local", "published"), "rejected")
    must(ann, post, "request-global")
    data = must(admin, post, "approve-global")
    suite.equal((data["global"]["status"], data["global"]["decided_by"]), ("approved", admin.id), "approved")
    suite.equal(read(post, stranger).data["global"], {"status": "approved"}, "others see the status alone")
    suite.answers(command(ann, post, "request-global"), 409, "invalid_transition", "approved already")
    suite.equal(must(ann, post, "withdraw-global")["global"]["status"], "none", "withdrawn")
    suite.answers(command(ann, post, "withdraw-global"), 409, "invalid_transition")


@suite.case
def an_edit_withdraws_it():
    post = make()
    must(ann, post, "request-global")
    must(admin, post, "approve-global")
    version = read(post).data["version"]
    reply = patch(post, {"body": "Something else"})
    suite.equal(reply.data["global"]["status"], "none", "withdrawn")
    suite.equal(reply.data["version"], version + 2, "two events")


@suite.case
def only_what_is_public_goes_global():
    suite.answers(command(ann, make(where=closed), "request-global"), 409, "conflict")
    suite.answers(command(ann, post_in("pending_moderation"), "request-global"), 409, "invalid_transition")
    post = make()
    must(ann, post, "request-global")
    must(mod, post, "hide", {"reason": "x"})
    suite.answers(command(admin, post, "approve-global"), 409, "invalid_transition", "hidden meanwhile")


# ---- pins -------------------------------------------------------------------------------------------------------------

@suite.case
def three_pins_a_community():
    where = community(lea)
    posts = [make(lea, where) for _ in range(4)]
    for post in posts[:3]:
        suite.equal(must(lea, post, "pin")["pinned"], True, "pinned")
    suite.answers(command(lea, posts[3], "pin"), 409, "limit_reached")
    version = read(posts[0]).data["version"]
    suite.equal(must(lea, posts[0], "pin")["version"], version, "again changes nothing")
    must(lea, posts[0], "unpin")
    must(lea, posts[3], "pin")
    suite.answers(lea.delete(f"/posts/{posts[3]['id']}"), 200)
    must(lea, posts[0], "pin")
    must(lea, posts[1], "hide", {"reason": "x"})
    suite.equal(read(posts[1], lea).data["pinned"], False, "a hidden one is not pinned")
    suite.answers(command(lea, posts[1], "pin"), 409, "invalid_transition")
    suite.answers(command(lea, make(lea, where), "pin"), 200, text="its place is free")


@suite.case
def three_pins_of_the_global_feed():
    posts = [make() for _ in range(4)]
    for post in posts:
        must(ann, post, "request-global")
        must(admin, post, "approve-global")
    for post in posts[:3]:
        suite.equal(must(admin, post, "pin-global")["pinned_global"], True, "pinned")
    suite.answers(command(admin, posts[3], "pin-global"), 409, "limit_reached")
    must(ann, posts[0], "withdraw-global")
    suite.equal(must(admin, posts[3], "pin-global")["pinned_global"], True, "its place is free")
    for post in posts[1:]:
        must(admin, post, "unpin-global")


# ---- reading ----------------------------------------------------------------------------------------------------------

@suite.case
def private_communities_are_read_by_members():
    post = make(where=closed)
    for client, status in ((ann, 200), (lea, 200), (admin, 200), (stranger, 404), (server.client(), 404)):
        suite.answers(read(post, client), status)
        listed = client.get(f"/posts?community_id={closed['id']}")
        suite.answers(listed, 200)
        suite.equal(post["id"] in [entry["id"] for entry in listed.data], status == 200, "list")


@suite.case
def lists_filter():
    where = community(lea)
    join(ann, where)
    mine = [make(where=where, title=f"Post {i}") for i in range(5)]
    theirs = make(lea, where)
    listed = [entry["id"] for entry in stranger.pages(f"/posts?community_id={where['id']}", limit=2)]
    suite.equal(listed, newest_first(mine + [theirs]), "newest first")
    listed = [entry["id"] for entry in stranger.pages(f"/posts?community_id={where['id']}&author_id={ann.id}", limit=2)]
    suite.equal(listed, newest_first(mine), "of an author")
    theirs = theirs["id"]
    suite.check(theirs in [entry["id"] for entry in stranger.get(f"/posts?author_id={lea.id}").data], "of another author")
    waiting = make(where=strict)["id"]
    query = f"/posts?community_id={strict['id']}&status=pending_moderation"
    suite.check(waiting in [entry["id"] for entry in mod.get(query).data], "moderators see what waits")
    suite.check(waiting not in [entry["id"] for entry in stranger.get(query).data], "others do not")
    suite.answers(stranger.get("/posts?sort=likes"), 400, "validation_failed")


@suite.case
def a_deleted_community_takes_its_posts_along():
    where = community(lea)
    post = make(lea, where)
    suite.answers(lea.delete(f"/communities/{where['id']}"), 200)
    suite.answers(read(post, stranger), 404, "not_found")
    suite.answers(read(post, admin), 200)


@suite.case
def a_new_name_shows_everywhere_and_a_deleted_author_nowhere():
    bob = server.user("Bob")
    join(bob, makers)
    post = make(bob)
    version = bob.get("/users/me").data["version"]
    bob.patch("/users/me", {"profile": {"display_name": "Bobby"}}, version=version)
    suite.equal(read(post).data["author"]["display_name"], "Bobby", "new name")
    suite.equal(read(post).data["version"], post["version"], "no new version")
    reply = bob.delete("/users/me", {"password": "correct horse battery staple"})
    suite.check(reply.status in (200, 204), f"deleted: {reply}")
    suite.equal(read(post).data["author"], {"user_id": None, "display_name": "deleted user", "avatar": None}, "placeholder")


@suite.case
def counts_follow_what_is_published():
    cora = server.user("Cora")
    where = community(lea, content={"moderated": True})
    join(cora, where)

    def counts():
        return (cora.get("/users/me").data["stats"]["post_count"], lea.get(f"/communities/{where['id']}").data["stats"]["post_count"])

    post = make(cora, where)
    suite.equal(counts(), (0, 0), "waiting")
    must(lea, post, "approve")
    suite.equal(counts(), (1, 1), "published")
    must(lea, post, "hide", {"reason": "x"})
    suite.equal(counts(), (0, 0), "hidden")
    must(lea, post, "restore")
    make(lea, where)
    suite.equal(counts(), (1, 2), "again, and one of the owner")
    server.kill()
    server.restart()
    suite.equal(counts(), (1, 2), "after a crash")
    suite.answers(cora.delete(f"/posts/{post['id']}"), 200)
    suite.equal(counts(), (0, 1), "deleted")


@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
