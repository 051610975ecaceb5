"""Feeds: which cards are where, in which order, what they show, who reads them, and what takes them out again."""

import time

import sales
import shop
from harness import Server, Suite
from sales import eventually, promotion
from shop import Supplier, created

suite = Suite("feed")
server = Server()
admin = server.admin()
lea = shop.leader(server, admin, "Lea")
mia, eve = server.user("Mia"), server.user("Eve")
anybody = server.client()
sue = Supplier(server, admin)


def post(client, where, **more):
    return created(client.post("/posts", {"community_id": where["id"], "type": "text", "title": f"Post {next(sales.numbers)}",
                                          "body": "words", **more}))


def feed(where, client=anybody, limit=100):
    return client.pages(f"/communities/{where['id']}/feed", limit=limit)


def references(where, client=anybody, limit=100):
    return [card["reference_id"] for card in feed(where, client, limit)]


def everywhere(client=anybody):
    return [card["reference_id"] for card in client.pages("/feed", limit=100)]


def go_global(client, made):
    time.sleep(0.002)
    created(client.post(f"/posts/{made['id']}/request-global"), 200)
    created(admin.post(f"/posts/{made['id']}/approve-global"), 200)


def community(**more):
    where = shop.community(lea, **more)
    if more.get("visibility") != "private":
        shop.join(mia, where)
    return where


where = community()


def act(client, made, command, sent=None):
    return created(client.post(f"/posts/{made['id']}/{command}", sent), 200)


@suite.case
def posts_come_newest_first():
    posts = [post(mia, where) for _ in range(7)]
    suite.equal(references(where, limit=3), [each["id"] for each in reversed(posts)], "page after page, nothing twice")
    card = feed(where)[0]
    suite.equal((card["kind"], card["type"], card["title"]), ("post", "text", posts[-1]["title"]))
    suite.equal((card["author"]["user_id"], card["author"]["display_name"]), (mia.id, "Mia"))
    suite.equal((card["stats"]["like_count"], card["stats"]["comment_count"]), (0, 0))
    suite.equal((card["supplier"], card["pinned"], card["at"]), (None, False, posts[-1]["published_at"]))
    untitled = post(mia, where, title=None, body="x" * 500)
    suite.equal(feed(where)[0]["title"], "x" * 120, "how the text begins")
    suite.equal(feed(where)[0]["reference_id"], untitled["id"])
    page = anybody.get(f"/communities/{where['id']}/feed?limit=2")
    newer = post(mia, where)
    rest = anybody.get(f"/communities/{where['id']}/feed?limit=100&cursor={page.page['next']}").data
    suite.check(newer["id"] not in [each["reference_id"] for each in rest], "what is new comes on a new first page")
    suite.equal([each["reference_id"] for each in rest], [each["id"] for each in reversed(posts[:6])])


@suite.case
def what_one_millisecond_made_is_in_order():
    quick = community()
    replies = mia.pipeline("/posts", [{"community_id": quick["id"], "type": "text", "body": f"No. {number}"} for number in range(50)])
    suite.equal({reply.status for reply in replies}, {201}, "one pipeline")
    suite.equal([card["title"] for card in feed(quick)], [f"No. {number}" for number in reversed(range(50))], "newest first")


@suite.case
def posts_come_and_go():
    made = post(mia, where)
    gone = post(mia, where)
    act(lea, made, "hide", {"reason": "off topic"})
    suite.check(made["id"] not in references(where), "hidden")
    act(lea, made, "restore")
    suite.check(made["id"] in references(where), "shown again")
    created(mia.delete(f"/posts/{gone['id']}"), 200)
    suite.check(gone["id"] not in references(where), "deleted")
    act(mia, gone, "restore")
    suite.equal(references(where)[0], gone["id"], "at its old place")
    changed = created(mia.patch(f"/posts/{made['id']}", {"title": "Better"}, version="*"), 200)
    card = next(each for each in feed(where) if each["reference_id"] == changed["id"])
    suite.equal(card["title"], "Better")


@suite.case
def moderated_posts_wait():
    strict = community(content={"moderated": True})
    made = post(mia, strict)
    suite.equal(references(strict), [])
    act(lea, made, "approve")
    suite.equal(references(strict), [made["id"]])


@suite.case
def pinned_ones_come_first_and_once():
    place = community()
    posts = [post(mia, place) for _ in range(6)]
    act(lea, posts[1], "pin")
    act(lea, posts[3], "pin")
    expected = [posts[i]["id"] for i in (3, 1, 5, 4, 2, 0)]
    suite.equal(references(place), expected)
    suite.equal(references(place, limit=2), expected, "never again below")
    act(lea, posts[3], "unpin")
    suite.equal(references(place), [posts[i]["id"] for i in (1, 5, 4, 3, 2, 0)])


@suite.case
def a_private_feed_is_for_members():
    secret = community(visibility="private")
    made = post(lea, secret)
    path = f"/communities/{secret['id']}/feed"
    suite.equal(references(secret, lea), [made["id"]])
    suite.answers(admin.get(path), 200)
    suite.answers(eve.get(path), 403, "forbidden")
    suite.answers(anybody.get(path), 401, "unauthorized")
    suite.answers(anybody.get("/communities/00000000-0000-7000-8000-000000000001/feed"), 404, "not_found")
    suite.answers(anybody.get(f"/communities/{where['slug']}/feed"), 200, text="by slug")
    suite.answers(anybody.get(f"/communities/{where['id']}/feed?limit=101"), 400, "validation_failed")
    suite.answers(anybody.get(f"/communities/{where['id']}/feed?cursor=abc"), 400, "invalid_cursor")


@suite.case
def the_global_feed_holds_what_was_approved():
    first, second = post(mia, where), post(mia, where)
    suite.check(not {first["id"], second["id"]} & set(everywhere()))
    go_global(mia, second)
    go_global(mia, first)
    suite.equal(everywhere()[:2], [first["id"], second["id"]], "by approval")
    created(mia.patch(f"/posts/{first['id']}", {"body": "other words"}, version="*"), 200)
    suite.check(first["id"] not in everywhere(), "an edit withdraws it")
    act(mia, second, "withdraw-global")
    suite.check(second["id"] not in everywhere())


@suite.case
def a_community_turned_private_takes_its_posts_along():
    place = community()
    made = post(mia, place)
    go_global(mia, made)
    suite.check(made["id"] in everywhere())
    created(lea.patch(f"/communities/{place['id']}", {"visibility": "private"}, version="*"), 200)
    suite.check(made["id"] not in everywhere(), "while it is private")
    created(lea.patch(f"/communities/{place['id']}", {"visibility": "public"}, version="*"), 200)
    suite.check(made["id"] in everywhere(), "and back")
    created(admin.post(f"/communities/{place['id']}/suspend", {"reason": "checks"}), 200)
    suite.check(made["id"] not in everywhere(), "suspended")
    suite.answers(eve.get(f"/communities/{place['id']}/feed"), 403, "forbidden")


@suite.case
def promotions_come_and_go():
    place = community()
    before = post(mia, place)
    thing = sue.product()
    time.sleep(0.002)
    active = promotion(sue, thing, leader=lea, communities=[place])
    after = post(mia, place)
    suite.equal(references(place), [after["id"], active["id"], before["id"]], "among the posts, by activation")
    card = feed(place)[1]
    suite.equal((card["kind"], card["type"], card["title"]), ("promotion", "single", active["title"]))
    suite.equal((card["supplier"]["supplier_id"], card["supplier"]["name"]), (sue.id, sue.name))
    suite.equal(card["author"], None)
    suite.equal(card["offer_price"]["amount"], 1750)
    suite.check("30" in card["offer_label"], card["offer_label"])
    suite.equal(card["at"], active["first_activated_at"])
    suite.check(active["id"] not in everywhere(), "not global")

    def command(name, sent=None, client=sue.owner):
        created(client.post(f"/promotions/{active['id']}/{name}", sent), 200)
    command("pause")
    suite.equal(references(place), [after["id"], before["id"]])
    command("resume")
    suite.equal(references(place), [after["id"], active["id"], before["id"]], "pausing moves nothing up")
    created(admin.post(f"/suppliers/{sue.id}/suspend", {"reason": "checks"}), 200)
    suite.equal(references(place), [after["id"], before["id"]], "the supplier is suspended")
    created(admin.post(f"/suppliers/{sue.id}/reinstate", {"reason": "fine"}), 200)
    suite.equal(references(place), [after["id"], active["id"], before["id"]])
    command("revoke-approval", {"reason": "no"}, lea)
    suite.equal(references(place), [after["id"], before["id"]], "revoked")
    thing = sue.product()
    shown = promotion(sue, thing)
    suite.check(shown["id"] in everywhere() and shown["id"] not in references(place), "global is not mixed in")
    created(sue.owner.post(f"/promotions/{shown['id']}/cancel", {"reason": "over"}), 200)
    suite.check(shown["id"] not in everywhere())


@suite.case
def a_card_that_is_shown_is_an_impression():
    place = community()
    active = promotion(sue, sue.product(), leader=lea, communities=[place])

    def impressions():
        return {row["community_id"]: row["impressions"] for row in
                created(admin.get(f"/promotions/{active['id']}/performance"), 200)["rows"]}
    for client in (anybody, mia, lea):
        feed(place, client)
    anybody.request("HEAD", f"/communities/{place['id']}/feed")
    post(mia, place)
    anybody.get(f"/communities/{place['id']}/feed?limit=1")         # the card is on the second page
    counted = eventually(impressions, lambda rows: rows.get(place["id"]) == 3)
    suite.equal(counted[place["id"]], 3, "one for each page with the card")
    suite.check(not counted.get(None), "none of them global")
    feed(place)
    server.restart()
    suite.equal(impressions()[place["id"]], 4, "a graceful stop writes them down")


@suite.case
def names_are_those_of_today():
    ann = server.user("Ann")
    place = community()
    shop.join(ann, place)
    post(ann, place)
    created(ann.patch("/users/me", {"profile": {"display_name": "Anna"}}, version="*"), 200)
    suite.equal(feed(place)[0]["author"]["display_name"], "Anna")
    created(sue.owner.patch(f"/suppliers/{sue.id}", {"name": "New Name"}, version="*"), 200)
    time.sleep(0.002)
    active = promotion(sue, sue.product(), leader=lea, communities=[place])
    suite.equal(feed(place)[0]["reference_id"], active["id"])
    suite.equal(feed(place)[0]["supplier"]["name"], "New Name")
    created(ann.delete("/users/me", {"password": "correct horse battery staple"}), 200)
    suite.equal(feed(place)[1]["author"], {"user_id": None, "display_name": "deleted user", "avatar": None})


def page_request(where):
    return f"GET /api/v1/communities/{where['id']}/feed?limit=20 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


@suite.case
def pages_go_out_whole_to_slow_readers():
    """Long pages that are answered from memory, to a reader that takes few bytes at a time, while the page changes."""
    slow, reads = community(), 40
    for _ in range(20):
        post(lea, slow, title="t" * 100)
    raw = server.raw(receive_bytes=4096)
    raw.send(page_request(slow) * reads)
    first = raw.reply()
    suite.check(len(first.body) > 8192, "a page is long")
    late = post(lea, slow, title="late")
    replies = [raw.reply() for _ in range(reads - 1)]
    suite.equal({reply.status for reply in replies}, {200})
    suite.check({reply.body for reply in replies[:20]} == {first.body}, "each page is whole")
    raw.send(page_request(slow))
    suite.check(late["id"].encode() in raw.reply().body, "what is asked after a change shows it")
    raw.close()


@suite.case
def feeds_survive_a_crash():
    before = (references(where), everywhere())
    server.kill()
    server.restart()
    suite.equal((references(where), everywhere()), before)
    suite.check(before[0], "there was something to keep")


@suite.case
def a_recount_of_the_log_agrees():
    suite.equal(server.stop(), 0)
    printed = server.command(["verify"])
    suite.check(printed, "says what it has read")


suite.main()
