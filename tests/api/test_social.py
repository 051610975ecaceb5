"""What people do with each other and with posts: follows, blocks, comments, likes. SOCIAL sections 1 and 6."""

import json
import time

from harness import PASSWORD, Server, Suite
from shop import community, created, join
from stage import NOBODY, Stage, act, comment

DELETED_USER = {"user_id": None, "display_name": "deleted user", "avatar": None}

suite = Suite("social")
server = Server()
stage = Stage(server)
admin, lea, ann, mod, stranger, anybody = stage.people()
makers, strict, closed = stage.communities()
post, read, stats = stage.post, stage.read, stage.stats


def figures(client, viewer=anybody):
    shown = created(viewer.get(f"/users/{client.id}"), 200)["stats"]
    return shown["follower_count"], shown["following_count"]


def followers(client, limit=None):
    return [row["follower"]["user_id"] for row in anybody.pages(f"/users/{client.id}/followers", limit=limit)]


def following(client, limit=None):
    return [row["followed"]["user_id"] for row in anybody.pages(f"/users/{client.id}/following", limit=limit)]


# ---- follow -----------------------------------------------------------------------------------------------------------

@suite.case
def follow_and_unfollow():
    bea, cid, dan = (server.user(name) for name in ("Bea", "Cid", "Dan"))
    suite.answers(bea.put(f"/users/{cid.id}/follow"), 204)
    time.sleep(0.002)
    suite.answers(dan.put(f"/users/{cid.id}/follow"), 204)
    suite.answers(bea.put(f"/users/{cid.id}/follow"), 204, text="again")
    suite.equal(followers(cid, 1), [dan.id, bea.id], "newest first, page by page")
    suite.equal((following(bea), following(cid)), ([cid.id], []), "the other way")
    suite.equal(figures(cid), (2, 0), "followed")
    suite.equal(figures(bea), (0, 1), "following")
    card = anybody.get(f"/users/{bea.id}/following").data[0]["followed"]
    suite.equal((card["display_name"], card["follower_count"], card["following_count"]), ("Cid", 2, 0), "the card counts too")
    mine = bea.get("/users/me/following").data
    suite.equal([row["followed_id"] for row in mine], [cid.id], "mine")
    suite.answers(bea.delete(f"/users/{cid.id}/follow"), 204)
    suite.answers(bea.delete(f"/users/{cid.id}/follow"), 204, text="again")
    suite.answers(bea.delete(f"/users/{dan.id}/follow"), 204, text="what never was")
    suite.equal((followers(cid), figures(cid), figures(bea)), ([dan.id], (1, 0), (0, 0)), "ended")
    time.sleep(0.002)
    suite.answers(bea.put(f"/users/{cid.id}/follow"), 204)
    suite.equal(followers(cid), [bea.id, dan.id], "the newest link is the one that began last")


@suite.case
def follow_has_rules():
    suite.answers(ann.put(f"/users/{ann.id}/follow"), 409, "conflict", "oneself")
    suite.answers(anybody.put(f"/users/{ann.id}/follow"), 401, "unauthorized")
    suite.answers(anybody.delete(f"/users/{ann.id}/follow"), 401, "unauthorized")
    suite.answers(anybody.get("/users/me/following"), 401, "unauthorized")
    for path in (f"/users/{NOBODY}", "/users/nobody", "/users/me"):
        suite.answers(ann.put(f"{path}/follow"), 404, "not_found", path)
        suite.answers(ann.delete(f"{path}/follow"), 404, "not_found", path)
    for path in (f"/users/{NOBODY}/followers", f"/users/{NOBODY}/following", "/users/nobody/followers"):
        suite.answers(anybody.get(path), 404, "not_found", path)
    pending = anybody.post("/auth/register", {"email": "waits@example.com", "password": PASSWORD, "display_name": "Waits",
                                              "accept_terms": True}).data
    suite.answers(ann.put(f"/users/{pending['id']}/follow"), 404, "not_found", "not verified")
    suite.answers(admin.put(f"/users/{ann.id}/follow"), 204, text="the staff may too")
    suite.answers(admin.delete(f"/users/{ann.id}/follow"), 204)
    suite.answers(ann.get(f"/users/{ann.id}/followers?limit=0"), 400, "validation_failed")
    suite.answers(ann.get(f"/users/{ann.id}/followers?sort=oldest"), 400, "validation_failed")


@suite.case
def links_outlive_accounts():
    eve, fay = server.user("Eve"), server.user("Fay")
    version = created(fay.get("/users/me"), 200)["version"]
    suite.answers(eve.put(f"/users/{fay.id}/follow"), 204)
    suite.equal(created(fay.get("/users/me"), 200)["version"], version, "a follow raises no version")
    reply = eve.delete("/users/me", {"password": PASSWORD})
    suite.check(reply.status in (200, 204), f"closes the account: {reply}")
    suite.equal(figures(fay), (1, 0), "the link is still counted")
    suite.equal(anybody.get(f"/users/{fay.id}/followers").data[0]["follower"], DELETED_USER, "and shown without the person")
    gus = server.user("Gus")
    suite.answers(gus.put(f"/users/{fay.id}/follow"), 204)
    reply = fay.delete("/users/me", {"password": PASSWORD})
    suite.check(reply.status in (200, 204), f"closes the account: {reply}")
    suite.answers(stranger.put(f"/users/{fay.id}/follow"), 404, "not_found", "nobody new")
    suite.answers(admin.put(f"/users/{fay.id}/follow"), 404, "not_found", "not even the staff")
    suite.answers(anybody.get(f"/users/{fay.id}/followers"), 404, "not_found")
    suite.answers(gus.delete(f"/users/{fay.id}/follow"), 204, text="but who follows may stop")
    suite.equal(figures(gus), (0, 0))
    suite.answers(admin.post(f"/admin/users/{fay.id}/restore", {"reason": "asked for"}), 200)
    suite.equal(figures(fay), (1, 0), "back with its figures")
    suite.answers(stranger.put(f"/users/{fay.id}/follow"), 204)
    card = stranger.get("/users/me/following").data[0]["followed"]
    suite.equal((card["display_name"], card["follower_count"]), ("Fay", 2), "the card too")


# ---- block ------------------------------------------------------------------------------------------------------------

@suite.case
def block_and_unblock():
    hal, ida, jim = (server.user(name) for name in ("Hal", "Ida", "Jim"))
    join(hal, makers)
    join(ida, makers)
    suite.answers(ida.put(f"/users/{hal.id}/follow"), 204)
    suite.answers(hal.put(f"/users/{ida.id}/follow"), 204)
    suite.answers(hal.put(f"/users/{ida.id}/block"), 204)
    suite.answers(hal.put(f"/users/{ida.id}/block"), 204, text="again")
    time.sleep(0.002)
    suite.answers(hal.put(f"/users/{jim.id}/block"), 204)
    suite.equal([row["blocked"]["user_id"] for row in hal.pages("/users/me/blocks", limit=1)], [jim.id, ida.id], "newest first")
    suite.equal(ida.get("/users/me/blocks").data, [], "the others do not see it")
    suite.equal(hal.get("/users/me").data["stats"]["blocked_count"], 2, "counted for oneself")
    suite.check("blocked_count" not in ida.get(f"/users/{hal.id}").data["stats"], "and for nobody else")
    suite.equal((figures(hal), figures(ida)), ((0, 1), (1, 0)), "who is blocked follows no more")
    made, own = post(hal), post(ida)
    suite.answers(ida.put(f"/users/{hal.id}/follow"), 403, "forbidden", "follow")
    suite.answers(ida.put(f"/posts/{made['id']}/like"), 403, "forbidden", "like")
    suite.answers(ida.post(f"/posts/{made['id']}/like"), 403, "forbidden", "like by POST")
    suite.answers(ida.post(f"/posts/{made['id']}/comments", {"body": "Hi"}), 403, "forbidden", "comment")
    suite.answers(ida.get(f"/posts/{made['id']}"), 200, text="but reads it")
    suite.answers(hal.put(f"/posts/{own['id']}/like"), 204, text="the other way goes")
    suite.answers(hal.post(f"/posts/{own['id']}/comments", {"body": "Hi"}), 201)
    suite.answers(hal.delete(f"/users/{ida.id}/block"), 204)
    suite.answers(hal.delete(f"/users/{ida.id}/block"), 204, text="again")
    suite.equal([row["blocked_id"] for row in hal.get("/users/me/blocks").data], [jim.id], "ended")
    suite.equal(figures(hal), (0, 1), "who was blocked does not follow again by itself")
    suite.answers(ida.put(f"/users/{hal.id}/follow"), 204)
    suite.answers(ida.put(f"/posts/{made['id']}/like"), 204)
    suite.answers(ida.post(f"/posts/{made['id']}/comments", {"body": "Hi"}), 201)


@suite.case
def block_has_rules():
    suite.answers(ann.put(f"/users/{ann.id}/block"), 409, "conflict", "oneself")
    suite.answers(anybody.put(f"/users/{ann.id}/block"), 401, "unauthorized")
    suite.answers(anybody.delete(f"/users/{ann.id}/block"), 401, "unauthorized")
    suite.answers(anybody.get("/users/me/blocks"), 401, "unauthorized")
    for path in (f"/users/{NOBODY}/block", "/users/nobody/block"):
        suite.answers(ann.put(path), 404, "not_found")
        suite.answers(ann.delete(path), 404, "not_found")
    suite.answers(ann.delete(f"/users/{lea.id}/block"), 204, text="what never was")


@suite.case
def who_is_blocked_is_not_shown():
    kim, leo = server.user("Kim"), server.user("Leo")
    where = community(lea)
    join(kim, where)
    join(leo, where)
    bad, good = post(leo, where), post(lea, where)
    created(leo.post(f"/posts/{good['id']}/comments", {"body": "bad"}))
    created(lea.post(f"/posts/{good['id']}/comments", {"body": "good"}))
    act(leo, bad, "request-global")
    act(admin, bad, "approve-global")

    def shown(client):
        feed = {card["reference_id"] for card in client.pages(f"/communities/{where['id']}/feed", limit=1)}
        everywhere = {card["reference_id"] for card in client.pages("/feed")}
        comments = [row["body"] for row in client.pages(f"/posts/{good['id']}/comments", limit=1)]
        return bad["id"] in feed, good["id"] in feed, bad["id"] in everywhere, comments

    suite.equal(shown(kim), (True, True, True, ["bad", "good"]), "before")
    suite.answers(kim.put(f"/users/{leo.id}/block"), 204)
    suite.equal(shown(kim), (False, True, False, ["good"]), "blocked")
    suite.equal(shown(leo), (True, True, True, ["bad", "good"]), "not the other way")
    suite.equal(shown(anybody), (True, True, True, ["bad", "good"]), "and for nobody else")
    suite.answers(kim.get(f"/posts/{bad['id']}"), 200, text="what is asked for is shown")
    server.kill()
    server.restart()
    suite.equal(shown(kim), (False, True, False, ["good"]), "after a crash")
    suite.answers(kim.delete(f"/users/{leo.id}/block"), 204)
    suite.equal(shown(kim), (True, True, True, ["bad", "good"]), "unblocked")


# ---- comments ---------------------------------------------------------------------------------------------------------

def comments(made, client=anybody, query=""):
    return [row["body"] for row in client.pages(f"/posts/{made['id']}/comments{query}", limit=2)]


@suite.case
def comments_are_written_and_read():
    made = post()
    reply = ann.post(f"/posts/{made['id']}/comments", {"body": "Nice"})
    suite.require(suite.answers(reply, 201), "made")
    data = reply.data
    suite.equal((data["status"], data["version"], data["body"], data["post_id"], data["community_id"], data["author_id"]),
                ("published", 1, "Nice", made["id"], makers["id"], ann.id), "what it is")
    suite.equal((data["author"]["user_id"], data["author"]["display_name"]), (ann.id, "Ann"), "its author's card")
    suite.equal(reply.headers["Location"], f"/api/v1/comments/{data['id']}", "where")
    suite.equal(created(anybody.get(f"/comments/{data['id']}"), 200)["body"], "Nice", "read by anybody")
    for number in range(4):
        comment(made, mod, f"No. {number}")
    suite.equal(comments(made), ["Nice", "No. 0", "No. 1", "No. 2", "No. 3"], "oldest first")
    suite.equal(comments(made, query="?sort=oldest"), comments(made), "the default")
    suite.equal(comments(made, query="?sort=newest"), comments(made)[::-1], "newest first")
    suite.answers(anybody.get(f"/posts/{made['id']}/comments?sort=best"), 400, "validation_failed")
    after = read(made)
    suite.equal((after["stats"]["comment_count"], after["version"]), (5, made["version"]), "counted without a version")


@suite.case
def what_one_millisecond_made_is_in_order():
    made = post()
    bodies = [f"No. {number}" for number in range(50)]
    replies = ann.pipeline(f"/posts/{made['id']}/comments", [{"body": body} for body in bodies])
    suite.equal({reply.status for reply in replies}, {201}, "one pipeline")
    suite.equal(comments(made), bodies, "as it was sent")


@suite.case
def comments_have_limits():
    made = post()
    path = f"/posts/{made['id']}/comments"

    def refused(expected, **body):
        reply = ann.post(path, body)
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    refused({"body": "required"})
    refused({"body": "required"}, body=None)
    refused({"body": "too_short"}, body="")
    refused({"body": "too_long"}, body="x" * 2001)
    refused({"body": "wrong_type"}, body=1)
    refused({"body": "bad_format"}, body="a\x01b")
    refused({"post_id": "read_only"}, body="x", post_id=made["id"])
    refused({"author_id": "read_only"}, body="x", author_id=ann.id)
    refused({"likes": "unknown_field"}, body="x", likes=1)
    suite.equal(len(comment(made, ann, text="ä" * 2000)["body"]), 2000, "at the limit")
    suite.equal(comment(made, ann, text="x")["body"], "x", "at the other")
    suite.equal(comment(made, ann, text="a\nb")["body"], "a\nb", "two lines")
    key = "one-comment"
    first = ann.post(path, {"body": "once"}, key=key)
    again = ann.post(path, {"body": "once"}, key=key)
    suite.equal((first.status, again.status, again.data["id"]), (201, 201, first.data["id"]), "repeated under its key")
    suite.equal(stats(made)["comment_count"], 4)


@suite.case
def who_comments():
    made = post()
    path = f"/posts/{made['id']}/comments"
    suite.answers(anybody.post(path, {"body": "x"}), 401, "unauthorized")
    suite.answers(stranger.post(path, {"body": "x"}), 403, "forbidden", "no member")
    suite.answers(admin.post(path, {"body": "x"}), 403, "forbidden", "not even the staff")
    suite.answers(ann.post(f"/posts/{NOBODY}/comments", {"body": "x"}), 404, "not_found")
    suite.answers(ann.get(f"/posts/{NOBODY}/comments"), 404, "not_found")
    for client in (ann, mod, lea):
        suite.answers(client.post(path, {"body": "x"}), 201)
    muted = server.user("Muted")
    join(muted, makers)
    old = comment(made, muted)
    created(admin.patch(f"/admin/users/{muted.id}/permissions", {"may_comment": False, "reason": "spam"}), 200)
    suite.answers(muted.post(path, {"body": "x"}), 403, "forbidden", "may_comment is off")
    suite.answers(muted.patch(f"/comments/{old['id']}", {"body": "spam"}), 403, "forbidden", "nor change one")
    suite.answers(muted.delete(f"/comments/{old['id']}"), 200, text="but delete it")
    secret = post(where=closed)
    said = comment(secret, ann)
    for client, status in ((ann, 200), (lea, 200), (admin, 200), (stranger, 404), (anybody, 404)):
        suite.answers(client.get(f"/comments/{said['id']}"), status, text="in a private community")
        suite.answers(client.get(f"/posts/{secret['id']}/comments"), status, text="the list")
    suite.answers(stranger.post(f"/posts/{secret['id']}/comments", {"body": "x"}), 404, "not_found")
    waiting = post(where=strict)
    suite.answers(ann.post(f"/posts/{waiting['id']}/comments", {"body": "x"}), 409, "conflict", "not published")
    suite.answers(stranger.post(f"/posts/{waiting['id']}/comments", {"body": "x"}), 404, "not_found", "not seen")
    gone = post()
    left = comment(gone, ann)
    created(ann.delete(f"/posts/{gone['id']}"), 200)
    for client in (ann, lea):
        suite.answers(client.post(f"/posts/{gone['id']}/comments", {"body": "x"}), 404, "not_found", "deleted")
        suite.answers(client.get(f"/comments/{left['id']}"), 404, "not_found", "gone with its post")


WHO_CHANGES = {"patch": {ann}, "delete": {ann, mod, lea, admin}, "hide": {mod, lea, admin}, "restore": {mod, lea, admin}}
BODIES = {"patch": {"body": "otherwise"}, "hide": {"reason": "rude"}}


def comment_in(state):
    made = comment(post(), ann)
    if state == "hidden":
        created(mod.post(f"/comments/{made['id']}/hide", {"reason": "rude"}), 200)
    if state == "deleted":
        created(ann.delete(f"/comments/{made['id']}"), 200)
    return made


def on_comment(client, made, command):
    path = f"/comments/{made['id']}"
    if command == "patch":
        return client.patch(path, BODIES["patch"])
    if command == "delete":
        return client.delete(path)
    return client.post(f"{path}/{command}", BODIES.get(command))


@suite.case
def comments_change_as_the_machine_says():
    allowed = {("published", "patch"): "published", ("published", "hide"): "hidden", ("published", "delete"): "deleted",
               ("hidden", "restore"): "published", ("hidden", "delete"): "deleted", ("deleted", "restore"): "published"}
    for state in ("published", "hidden", "deleted"):
        for command in WHO_CHANGES:
            client = ann if command == "patch" else admin
            if (state, command) == ("deleted", "patch"):
                continue                        # the author does not see it any more
            reply = on_comment(client, comment_in(state), command)
            if (state, command) in allowed:
                suite.answers(reply, 200, text=f"{command} of {state}")
                suite.equal(reply.data["status"], allowed[state, command], f"{command} of {state}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{command} of {state}")
    suite.answers(on_comment(ann, comment_in("deleted"), "patch"), 404, "not_found")
    suite.answers(on_comment(mod, comment_in("deleted"), "restore"), 404, "not_found", "only the staff brings it back")


@suite.case
def who_changes_comments():
    for command, may in WHO_CHANGES.items():
        state = "hidden" if command == "restore" else "published"
        for client in (ann, mod, lea, admin, stranger):
            reply = on_comment(client, comment_in(state), command)
            refusal = 404 if client is stranger and state == "hidden" else 403
            suite.answers(reply, 200 if client in may else refusal, text=f"{command} by {client.user['profile']['display_name']}")
        suite.answers(on_comment(anybody, comment_in(state), command), 401, "unauthorized")
    made = comment_in("published")
    suite.answers(mod.post(f"/comments/{made['id']}/hide"), 400, "validation_failed", "no reason")
    suite.answers(mod.post(f"/comments/{made['id']}/hide", {"reason": "x" * 501}), 400, "validation_failed", "a long one")
    suite.answers(mod.delete(f"/comments/{made['id']}", {"reason": "rude"}), 200, text="with a reason")


@suite.case
def an_edit_is_seen():
    made = comment(post(), ann)
    suite.equal(made["edited_at"], None)
    reply = ann.patch(f"/comments/{made['id']}", {"body": "Nice"})
    suite.equal((reply.data["version"], reply.data["edited_at"]), (1, None), "the same text changes nothing")
    reply = ann.patch(f"/comments/{made['id']}", {"body": "Nicer"}, version=1)
    suite.equal((reply.data["body"], reply.data["version"]), ("Nicer", 2))
    suite.check(reply.data["edited_at"], "edited_at")
    suite.answers(ann.patch(f"/comments/{made['id']}", {"body": "x"}, version=1), 412, "stale_version")
    suite.answers(ann.patch(f"/comments/{made['id']}", {"body": None}), 400, "validation_failed")
    suite.answers(ann.patch(f"/comments/{made['id']}", {"body": "x" * 2001}), 400, "validation_failed")


@suite.case
def hidden_comments_are_seen_by_whom_they_concern():
    made = post()
    said = comment(made, ann)
    created(admin.post(f"/comments/{said['id']}/hide", {"reason": "law"}), 200)
    suite.equal(stats(made)["comment_count"], 0, "not counted")
    for client, sees in ((ann, True), (mod, True), (lea, True), (admin, True), (stranger, False), (anybody, False)):
        suite.answers(client.get(f"/comments/{said['id']}"), 200 if sees else 404)
        suite.equal(comments(made, client), ["Nice"] if sees else [], "list")
    suite.equal(ann.get(f"/comments/{said['id']}").data["reason"], "law", "its author reads why")
    suite.answers(mod.post(f"/comments/{said['id']}/restore"), 403, "forbidden", "the staff hid it")
    suite.answers(admin.post(f"/comments/{said['id']}/restore"), 200)
    suite.equal(stats(made)["comment_count"], 1, "counted again")
    created(mod.post(f"/comments/{said['id']}/hide", {"reason": "rude"}), 200)
    suite.answers(mod.post(f"/comments/{said['id']}/restore"), 200, text="what a moderator hid a moderator shows")
    suite.check("reason" not in anybody.get(f"/comments/{said['id']}").data, "nobody else reads why")


@suite.case
def comment_count_equals_live_comments():
    made = post()
    rows = []
    for number in range(5):
        rows.append(comment(made, ann, text=str(number)))
        time.sleep(0.002)
    created(ann.delete(f"/comments/{rows[0]['id']}"), 200)
    created(mod.post(f"/comments/{rows[1]['id']}/hide", {"reason": "rude"}), 200)
    created(mod.post(f"/comments/{rows[2]['id']}/hide", {"reason": "rude"}), 200)
    created(mod.delete(f"/comments/{rows[2]['id']}"), 200)
    created(ann.patch(f"/comments/{rows[3]['id']}", {"body": "three"}), 200)
    suite.equal(stats(made)["comment_count"], 2)
    created(admin.post(f"/comments/{rows[2]['id']}/restore"), 200)
    suite.equal(admin.get(f"/comments/{rows[2]['id']}").data["status"], "hidden", "as it was before")
    created(admin.post(f"/comments/{rows[0]['id']}/restore"), 200)
    suite.equal((stats(made)["comment_count"], len(comments(made))), (3, 3))
    server.kill()
    server.restart()
    suite.equal((stats(made)["comment_count"], comments(made)), (3, ["0", "three", "4"]), "after a crash")


# ---- likes ------------------------------------------------------------------------------------------------------------

@suite.case
def likes_are_counted():
    made = post()
    path = f"/posts/{made['id']}/like"
    for client in (ann, mod, stranger, admin):
        suite.answers(client.put(path), 204)
    suite.answers(ann.put(path), 204, text="again")
    suite.answers(ann.post(path), 204, text="POST is the same")
    suite.answers(lea.post(path), 204, text="POST")
    after = read(made)
    suite.equal((after["stats"]["like_count"], after["version"]), (5, made["version"]), "counted without a version")
    card = next(card for card in anybody.pages(f"/communities/{makers['id']}/feed") if card["reference_id"] == made["id"])
    suite.equal(card["stats"]["like_count"], 5, "in the feed too")
    suite.answers(ann.delete(path), 204)
    suite.answers(ann.delete(path), 204, text="again")
    suite.equal(stats(made)["like_count"], 4)
    suite.answers(ann.put(path), 204, text="and again")
    suite.equal(stats(made)["like_count"], 5)
    server.kill()
    server.restart()
    suite.equal(stats(made)["like_count"], 5, "after a crash")
    suite.answers(ann.put(path), 204)
    suite.equal(stats(made)["like_count"], 5, "known")


@suite.case
def whoever_reads_may_like():
    suite.answers(anybody.put(f"/posts/{post()['id']}/like"), 401, "unauthorized")
    suite.answers(anybody.post(f"/posts/{post()['id']}/like"), 401, "unauthorized")
    suite.answers(anybody.delete(f"/posts/{post()['id']}/like"), 401, "unauthorized")
    for path in (f"/posts/{NOBODY}/like", "/posts/nothing/like"):
        suite.answers(ann.put(path), 404, "not_found")
        suite.answers(ann.post(path), 404, "not_found")
        suite.answers(ann.delete(path), 404, "not_found")
    secret = f"/posts/{post(where=closed)['id']}/like"
    suite.answers(stranger.put(secret), 404, "not_found", "private")
    suite.answers(stranger.delete(secret), 404, "not_found", "private")
    suite.answers(lea.put(secret), 204)
    made = post()
    suite.answers(stranger.put(f"/posts/{made['id']}/like"), 204)
    act(mod, made, "hide", {"reason": "rude"})
    suite.answers(stranger.put(f"/posts/{made['id']}/like"), 404, "not_found", "hidden")
    suite.answers(stranger.delete(f"/posts/{made['id']}/like"), 204, text="but it can be taken back")
    suite.equal(stats(made, mod)["like_count"], 0)
    created(ann.delete(f"/posts/{made['id']}"), 200)
    for client in (ann, admin):
        suite.answers(client.put(f"/posts/{made['id']}/like"), 404, "not_found", "deleted")


@suite.case
def an_etag_tells_of_likes():
    made = post()
    before = ann.get(f"/posts/{made['id']}").etag
    ann.put(f"/posts/{made['id']}/like")
    reply = ann.get(f"/posts/{made['id']}", headers={"If-None-Match": before})
    suite.answers(reply, 200, text="changed")
    suite.check(reply.etag != before, "another tag")
    suite.answers(ann.get(f"/posts/{made['id']}", headers={"If-None-Match": reply.etag}), 304)
    suite.answers(ann.patch(f"/posts/{made['id']}", {"title": "Other"}, version=before), 200, text="a like fails no honest change")


# ---- events -----------------------------------------------------------------------------------------------------------

@suite.case
def each_change_is_told_once():
    operator = server.operator()
    uma, vic = server.user("Uma"), server.user("Vic")
    join(uma, makers)
    made = post(uma)
    before = operator.get("//healthz").data["position"]
    for _ in range(2):                          # what is repeated changes nothing
        vic.put(f"/users/{uma.id}/follow")
    for _ in range(2):
        uma.put(f"/users/{vic.id}/block")
    for _ in range(2):
        uma.delete(f"/users/{vic.id}/block")
    for method in ("PUT", "PUT", "POST", "DELETE", "DELETE"):
        vic.request(method, f"/posts/{made['id']}/like")
    said = comment(made, uma, "first words")
    created(uma.patch(f"/comments/{said['id']}", {"body": "other words"}), 200)
    created(mod.post(f"/comments/{said['id']}/hide", {"reason": "rude"}), 200)
    created(mod.post(f"/comments/{said['id']}/restore"), 200)
    created(uma.delete(f"/comments/{said['id']}"), 200)
    log = operator.get(f"//control/log?after={before}&count=1000", form=False).body.decode()
    events = [event for line in log.splitlines() for event in json.loads(line)["events"]]
    suite.equal([(event["type"], event["entity"], event["entity_version"]) for event in events], [
        ("user.followed", "follow", 1), ("user.unfollowed", "follow", 2), ("user.blocked", "block", 1),
        ("user.unblocked", "block", 2), ("post.liked", "like", 1), ("post.unliked", "like", 2),
        ("post.commented", "comment", 1), ("post.comment_updated", "comment", 2), ("post.comment_hidden", "comment", 3),
        ("post.comment_restored", "comment", 4), ("post.comment_deleted", "comment", 5)], "events in their order")
    suite.equal(events[0]["data"], {"follower_id": vic.id, "followed_id": uma.id})
    suite.equal(events[2]["data"], {"blocker_id": uma.id, "blocked_id": vic.id})
    suite.equal(events[4]["data"], {"post_id": made["id"], "user_id": vic.id})
    suite.equal(events[8]["data"], {"post_id": made["id"], "community_id": makers["id"], "author_id": uma.id, "reason": "rude"})
    suite.check("words" not in json.dumps(events), "no event tells what is said")


# ---- all together -----------------------------------------------------------------------------------------------------

@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
