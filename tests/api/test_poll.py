"""Polls: what they are, who votes, how they stand. SOCIAL section 6."""

import time
from datetime import datetime, timedelta, timezone

from harness import Server, Suite
from stage import NOBODY, Stage

suite = Suite("poll")
server = Server()
stage = Stage(server)
admin, lea, ann, mod, stranger, anybody = stage.people()
makers, strict, closed = stage.communities()
post, read, stats = stage.post, stage.read, stage.stats


def at(**ahead):
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- polls ------------------------------------------------------------------------------------------------------------

def poll_body(*texts, **more):
    return {"options": [{"text": text} for text in texts or ("Yes", "No", "Maybe")], **more}


def poll(client=ann, where=makers, **more):
    return post(client, where, type="poll", poll=poll_body(**more))


def vote(client, made, *numbers):
    return client.put(f"/posts/{made['id']}/vote", {"option_ids": [made["poll"]["options"][number]["id"] for number in numbers]})


def result(made, client=ann):
    shown = read(made, client)["poll_result"]
    suite.equal([row["option_id"] for row in shown["options"]], [row["id"] for row in made["poll"]["options"]], "in order")
    return shown["voters"], [row["votes"] for row in shown["options"]]


@suite.case
def polls_are_made():
    made = poll(closes_at=at(days=3))
    suite.equal(([row["text"] for row in made["poll"]["options"]], made["poll"]["multiple"]), (["Yes", "No", "Maybe"], False))
    suite.equal(len({row["id"] for row in made["poll"]["options"]}), 3, "each with an id")
    suite.equal(result(made), (0, [0, 0, 0]), "nobody has voted")
    text = post()
    suite.equal((text["poll"], text["poll_result"]), (None, None), "of others there is none")
    until = datetime.fromisoformat(poll()["poll"]["closes_at"].replace("Z", "+00:00"))
    suite.check(timedelta(days=29, hours=23) < until - datetime.now(timezone.utc) <= timedelta(days=30), "30 days")
    card = anybody.pages(f"/communities/{makers['id']}/feed", limit=1)[0]
    suite.equal(card["type"], "poll", "in the feed")


@suite.case
def polls_have_their_shape():
    def refused(expected, **more):
        reply = ann.post("/posts", {"community_id": makers["id"], "type": "poll", "title": "?", **more})
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    many = [str(number) for number in range(11)]
    refused({"poll.options": "required"})
    refused({"poll.options": "required"}, poll=None)
    refused({"poll.options": "required"}, poll={})
    refused({"poll.options": "too_few"}, poll=poll_body("one"))
    refused({"poll.options": "too_many"}, poll=poll_body(*many))
    refused({"poll": "wrong_type"}, poll=[])
    refused({"poll.options[1].text": "required"}, poll={"options": [{"text": "a"}, {}]})
    refused({"poll.options[1].text": "too_short"}, poll=poll_body("a", ""))
    refused({"poll.options[1].text": "too_long"}, poll=poll_body("a", "x" * 101))
    refused({"poll.options[2].text": "duplicate"}, poll=poll_body("a", "b", "a"))
    refused({"poll.options[0].id": "read_only"}, poll={"options": [{"id": NOBODY, "text": "a"}, {"text": "b"}]})
    refused({"poll.options[0].votes": "unknown_field"}, poll={"options": [{"votes": 9, "text": "a"}, {"text": "b"}]})
    refused({"poll.multiple": "wrong_type"}, poll=poll_body(multiple="yes"))
    refused({"poll.closes_at": "too_small"}, poll=poll_body(closes_at=at(seconds=-5)))
    refused({"poll.closes_at": "too_large"}, poll=poll_body(closes_at=at(days=30, minutes=1)))
    refused({"poll.closes_at": "wrong_type"}, poll=poll_body(closes_at=5))
    refused({"poll.closes_at": "bad_format"}, poll=poll_body(closes_at="tomorrow"))
    refused({"media": "not_allowed"}, poll=poll_body(), media=[{"url": "https://example.com/a.png"}])
    refused({"body": "required", "poll": "not_allowed"}, type="text", poll=poll_body())
    suite.answers(ann.post("/posts", {"community_id": makers["id"], "type": "poll", "poll": poll_body(*many[:10], closes_at=at(days=29))}), 201)
    suite.equal(len(poll_body("ä" * 100, "b")["options"]), 2)
    post(type="poll", poll=poll_body("ä" * 100, "b"))


@suite.case
def votes_are_cast_and_changed():
    made = poll()
    reply = vote(ann, made, 0)
    suite.require(suite.answers(reply, 200), "votes")
    suite.equal((reply.data["post_id"], reply.data["user_id"], reply.data["option_ids"]),
                (made["id"], ann.id, [made["poll"]["options"][0]["id"]]), "the vote")
    suite.equal(vote(ann, made, 0).data["version"], reply.data["version"], "again changes nothing")
    suite.answers(vote(mod, made, 0), 200)
    suite.answers(vote(lea, made, 2), 200)
    suite.equal((result(made), read(made)["version"]), ((3, [2, 0, 1]), made["version"]), "counted without a version")
    suite.answers(vote(ann, made, 1), 200)
    suite.equal(result(made, anybody), (3, [1, 1, 1]), "changed")
    suite.equal(ann.get(f"/posts/{made['id']}/vote").data["option_ids"], [made["poll"]["options"][1]["id"]], "one's own")
    several = poll(multiple=True)
    suite.answers(vote(ann, several, 2, 0), 200)
    suite.answers(vote(mod, several, 0), 200)
    suite.equal(result(several), (2, [2, 0, 1]), "several")
    suite.equal(vote(ann, several, 0, 2).data["version"], 1, "in another order it is the same")
    server.kill()
    server.restart()
    suite.equal((result(made), result(several)), ((3, [1, 1, 1]), (2, [2, 0, 1])), "after a crash")
    suite.answers(vote(mod, several, 1), 200)
    suite.equal(result(several), (2, [1, 1, 1]), "goes on")


@suite.case
def votes_have_rules():
    made = poll()
    options = [row["id"] for row in made["poll"]["options"]]
    path = f"/posts/{made['id']}/vote"

    def refused(expected, body, client=ann, where=path):
        reply = client.put(where, body)
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    refused({"option_ids": "required"}, {})
    refused({"option_ids": "too_few"}, {"option_ids": []})
    refused({"option_ids": "wrong_type"}, {"option_ids": options[0]})
    refused({"option_ids[0]": "bad_format"}, {"option_ids": ["x"]})
    refused({"option_ids[0]": "not_one_of"}, {"option_ids": [NOBODY]})
    refused({"option_ids": "too_many"}, {"option_ids": options[:2]})
    refused({"votes": "unknown_field"}, {"option_ids": options[:1], "votes": 7})
    several = poll(multiple=True)
    first = several["poll"]["options"][0]["id"]
    refused({"option_ids[1]": "duplicate"}, {"option_ids": [first, first]}, where=f"/posts/{several['id']}/vote")
    suite.answers(anybody.put(path, {"option_ids": options[:1]}), 401, "unauthorized")
    suite.answers(stranger.put(path, {"option_ids": options[:1]}), 403, "forbidden", "no member")
    suite.answers(admin.put(path, {"option_ids": options[:1]}), 403, "forbidden", "not even the staff")
    suite.answers(ann.put(f"/posts/{NOBODY}/vote", {"option_ids": options[:1]}), 404, "not_found")
    suite.answers(ann.put(f"/posts/{post()['id']}/vote", {"option_ids": options[:1]}), 409, "conflict", "no poll")
    suite.answers(ann.get(path), 404, "not_found", "no vote yet")
    suite.answers(anybody.get(path), 401, "unauthorized")
    waiting = poll(where=strict)
    suite.answers(vote(ann, waiting, 0), 409, "conflict", "not published")
    suite.answers(vote(stranger, poll(where=closed), 0), 404, "not_found", "private")
    suite.equal(result(made), (0, [0, 0, 0]), "nothing counted")


@suite.case
def a_poll_closes():
    def voted(milliseconds, _):
        made = post(type="poll", poll=poll_body(closes_at=(datetime.now(timezone.utc) + timedelta(milliseconds=milliseconds)).isoformat()))
        suite.answers(vote(ann, made, 0), 200)
        return made
    made = suite.before(1000, voted)
    closes_at = datetime.fromisoformat(made["poll"]["closes_at"].replace("Z", "+00:00"))
    time.sleep(max((closes_at - datetime.now(timezone.utc)).total_seconds(), 0) + 0.1)
    suite.answers(vote(ann, made, 1), 409, "conflict", "closed")
    suite.answers(vote(mod, made, 1), 409, "conflict", "closed")
    suite.equal(result(made), (1, [1, 0, 0]), "the result stays")
    suite.answers(ann.patch(f"/posts/{made['id']}", {"title": "Closed"}, version=made["version"]), 200, text="the rest may change")


@suite.case
def options_stay_from_the_first_vote_on():
    made = poll()

    def patch(sent):
        return ann.patch(f"/posts/{made['id']}", {"poll": sent}, version=read(made)["version"])

    known = [{"id": row["id"], "text": row["text"]} for row in made["poll"]["options"]]
    reply = patch({"options": [known[1], {"text": "New"}], "multiple": True})
    suite.require(suite.answers(reply, 200), "before")
    made = reply.data
    suite.equal([row["text"] for row in made["poll"]["options"]], ["No", "New"])
    suite.equal(made["poll"]["options"][0]["id"], known[1]["id"], "the same option")
    suite.equal(result(made), (0, [0, 0]))
    suite.answers(patch({"options": [{"id": NOBODY, "text": "x"}, {"text": "y"}]}), 400, "validation_failed", "not of this poll")
    suite.answers(patch({"options": [{"text": "x"}]}), 400, "validation_failed", "too few")
    suite.answers(patch(None), 400, "validation_failed", "a poll it stays")
    suite.answers(vote(mod, made, 0, 1), 200)
    left, right = ({"id": row["id"], "text": row["text"]} for row in made["poll"]["options"])
    for sent in ({"options": [left, right, {"text": "Third"}]}, {"options": [{**left, "text": "Never"}, right]},
                 {"options": [right, left]}, {"options": [{"text": "No"}, {"text": "New"}]}, {"multiple": False}):
        suite.answers(patch(sent), 409, "conflict", str(sent))
    suite.answers(patch({"options": [left, right]}), 200, text="the same again")
    suite.answers(patch({"closes_at": at(days=1)}), 200, text="its end may change")
    suite.answers(patch({"closes_at": at(days=31)}), 400, "validation_failed")
    suite.answers(patch({"closes_at": at(days=-1)}), 400, "validation_failed")
    suite.equal(result(made), (1, [1, 1]))


# ---- all together -----------------------------------------------------------------------------------------------------

@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
