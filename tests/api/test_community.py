"""Communities and memberships: life cycle, joining and its restrictions, moderation, transfer, lists."""

import time

from harness import PASSWORD, Server, Suite

suite = Suite("community")
server = Server()
admin = server.admin()
REASON = {"reason": "as the rules say"}
NOBODY = "00000000-0000-7000-8000-000000000000"
numbers = iter(range(1, 100000))
COUNTS = {"member_count": 1, "post_count": 0, "promotion_count": 0}


def leader(name="Lea", **more):
    client = server.user(name, **more)
    reply = admin.post(f"/admin/users/{client.id}/grant-role", {"role": "leader", **REASON})
    if reply.status != 200:
        raise AssertionError(repr(reply))
    return client


class Place:
    """A community with its owner."""

    def __init__(self, owner=None, **more):
        self.owner = owner or leader()
        reply = self.owner.post("/communities", {"name": f"Place {next(numbers)}", **more})
        if reply.status != 201:
            raise AssertionError(repr(reply))
        self.id = reply.data["id"]
        self.path = "/communities/" + self.id

    def join(self, client):
        return client.post(self.path + "/join")

    def member(self, name="Mia", **more):
        client = server.user(name, **more)
        reply = self.join(client)
        if reply.status != 200:
            raise AssertionError(repr(reply))
        return client

    def moderator(self):
        client = self.member("Mo")
        self.role(client, "moderator")
        return client

    def role(self, client, role, by=None):
        return (by or self.owner).patch(f"{self.path}/members/{client.id}", {"role": role})

    def act(self, command, client, by=None, body=None):
        if body is None and command in ("remove", "ban"):
            body = REASON
        return (by or self.owner).post(f"{self.path}/members/{client.id}/{command}", body)

    def patch(self, body):
        reply = self.owner.patch(self.path, body, version="*")
        if reply.status != 200:
            raise AssertionError(repr(reply))
        return reply

    @property
    def data(self):
        return admin.get(self.path + "?include_deleted=true").data

    @property
    def members(self):
        return self.data["stats"]["member_count"]

    def status(self, client):
        """The state of somebody's membership; None: there is none."""
        rows = [row for row in client.pages("/users/me/communities") if row["community_id"] == self.id]
        return rows[0]["status"] if rows else None


# ---- Creating --------------------------------------------------------------------------------------------------------

@suite.case
def a_leader_opens_a_community():
    lea = leader()
    reply = lea.post("/communities", {"name": "Makers & Friends", "rules": [{"title": "Be kind"}]})
    suite.answers(reply, 201)
    data = reply.data
    suite.equal((data["status"], data["visibility"], data["version"]), ("active", "public", 1), "as it begins")
    suite.equal(data["content"], {"members_may_post": True, "moderated": False}, "who posts")
    suite.equal(data["restrictions"], {"min_age": None, "countries": [], "member_cap": None}, "nobody is kept out")
    suite.equal(data["owner"]["display_name"], "Lea", "the owner's card")
    suite.equal(data["stats"], COUNTS, "the owner is a member")
    suite.equal(reply.headers["Location"], "/api/v1/communities/" + data["id"], "where it is")
    suite.equal(server.client().get("/communities/" + data["slug"]).data["id"], data["id"], "found by its slug")
    mine = lea.get("/users/me/communities").data
    suite.equal([(row["community_id"], row["role"], row["status"]) for row in mine], [(data["id"], "owner", "active")], "the link")
    suite.equal(server.client().get("/users/" + lea.id).data["stats"]["community_count"], 1, "counted for the person")


@suite.case
def who_may_open_one():
    ann = server.user("Ann")
    suite.answers(server.client().post("/communities", {"name": "Ours"}), 401, "unauthorized")
    suite.answers(ann.post("/communities", {"name": "Ours"}), 403, "forbidden")
    suite.answers(admin.post("/communities", {"name": "Ours"}), 403, "forbidden", "staff is no leader")
    lea = leader()
    made = [lea.post("/communities", {"name": f"Many {next(numbers)}"}) for _ in range(4)]
    suite.equal([reply.status for reply in made], [201, 201, 201, 409], "three, not four")
    suite.equal(made[3].code, "limit_reached", "why")
    lea.delete("/communities/" + made[0].data["id"])
    suite.answers(lea.post("/communities", {"name": "One more"}), 201, text="a deleted one does not count")
    admin.patch(f"/admin/users/{lea.id}/permissions", {"may_create_communities": False, "max_communities": 9, **REASON})
    suite.answers(lea.post("/communities", {"name": "Ours"}), 403, "forbidden")


@suite.case
def fields_have_limits():
    lea = leader()
    for body, path in (({}, "name"), ({"name": "ab"}, "name"), ({"name": "x" * 81}, "name"), ({"name": 7}, "name"),
                       ({"name": "abc", "slug": "A B"}, "slug"), ({"name": "abc", "description": "x" * 2001}, "description"),
                       ({"name": "abc", "purpose": "x" * 501}, "purpose"),
                       ({"name": "abc", "branding": {"color": "red"}}, "branding.color"),
                       ({"name": "abc", "branding": {"avatar_url": "http://example.com"}}, "branding.avatar_url"),
                       ({"name": "abc", "rules": [{"text": "x"}]}, "rules[0].title"),
                       ({"name": "abc", "rules": [{"title": "x" * 101}]}, "rules[0].title"),
                       ({"name": "abc", "rules": [{"title": "x", "text": "y" * 1001}]}, "rules[0].text"),
                       ({"name": "abc", "rules": [{"title": "x"}] * 21}, "rules"),
                       ({"name": "abc", "visibility": "secret"}, "visibility"),
                       ({"name": "abc", "restrictions": {"min_age": 12}}, "restrictions.min_age"),
                       ({"name": "abc", "restrictions": {"min_age": 121}}, "restrictions.min_age"),
                       ({"name": "abc", "restrictions": {"countries": ["Germany"]}}, "restrictions.countries[0]"),
                       ({"name": "abc", "restrictions": {"member_cap": 1}}, "restrictions.member_cap"),
                       ({"name": "abc", "restrictions": {"member_cap": 10000001}}, "restrictions.member_cap"),
                       ({"name": "abc", "content": {"moderated": "yes"}}, "content.moderated"),
                       ({"name": "abc", "owner_id": lea.id}, "owner_id"), ({"name": "abc", "status": "active"}, "status"),
                       ({"name": "abc", "colour": "red"}, "colour")):
        reply = lea.post("/communities", body)
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.paths, [path], "which field")
    suite.equal(lea.get("/users/me/communities").data, [], "nothing was opened")
    reply = lea.post("/communities", {"name": "жжж", "description": "x\n" * 1000, "purpose": "x" * 500,
                                      "branding": {"color": "#00ff7f"}, "rules": [{"title": "x" * 100, "text": "y" * 1000}] * 20,
                                      "restrictions": {"min_age": 13, "countries": ["de", "AT"], "member_cap": 2}})
    suite.answers(reply, 201)
    suite.equal(reply.data["restrictions"]["countries"], ["DE", "AT"], "upper-cased")


@suite.case
def slugs_are_unique():
    lea = leader()
    slug = f"slug-{next(numbers)}"
    first = lea.post("/communities", {"name": "First", "slug": slug})
    suite.equal(first.data["slug"], slug, "as asked")
    reply = lea.post("/communities", {"name": "Second", "slug": slug})
    suite.answers(reply, 409, "slug_taken")
    suite.equal(reply.paths, ["slug"], "which field")
    lea.delete("/communities/" + first.data["id"])
    suite.answers(lea.post("/communities", {"name": "Second", "slug": slug}), 409, "slug_taken", "also while deleted")


# ---- Life cycle ------------------------------------------------------------------------------------------------------

@suite.case
def every_state_and_command():
    allowed = {("active", "suspend"): "suspended", ("suspended", "reinstate"): "active", ("active", "delete"): "deleted",
               ("suspended", "delete"): "deleted", ("deleted", "restore"): "active",
               ("active", "transfer"): "active", ("suspended", "transfer"): "suspended"}
    for state in ("active", "suspended", "deleted"):
        for command in ("suspend", "reinstate", "delete", "restore", "transfer"):
            place = Place()
            if state == "suspended":
                admin.post(place.path + "/suspend", REASON)
            if state == "deleted":
                admin.delete(place.path)
            suite.equal(place.data["status"], state, "prepared")
            if command == "delete":
                reply = admin.delete(place.path)
            else:
                body = {"user_id": leader().id} if command == "transfer" else REASON
                reply = admin.post(f"{place.path}/{command}", body)
            expected = allowed.get((state, command))
            if expected:
                suite.answers(reply, 200, text=f"{command} of {state}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{command} of {state}")
            suite.equal(place.data["status"], expected or state, f"after {command} of {state}")
    place = Place()
    suite.answers(place.owner.delete(place.path), 200)
    suite.answers(place.owner.delete("/users/me", {"password": PASSWORD}), 200)
    suite.answers(admin.post(place.path + "/restore", REASON), 409, "conflict", "its owner has left")
    place = Place()
    admin.post(place.path + "/suspend", REASON)
    suite.answers(place.owner.delete(place.path), 200)
    suite.equal(admin.post(place.path + "/restore", REASON).data["status"], "suspended", "what the staff closed stays closed")


@suite.case
def rights_of_the_commands():
    place = Place()
    people = {"nobody": server.client(), "stranger": server.user("Bob"), "member": place.member(), "moderator": place.moderator()}
    for role, client in people.items():
        refusal = (401, "unauthorized") if role == "nobody" else (403, "forbidden")
        for command in ("suspend", "reinstate", "restore"):
            suite.answers(client.post(f"{place.path}/{command}", REASON), *refusal, f"{command} by {role}")
        suite.answers(client.post(place.path + "/transfer", {"user_id": people["member"].id}), *refusal, f"transfer by {role}")
        suite.answers(client.patch(place.path, {"purpose": "x"}, version="*"), *refusal, f"patch by {role}")
        suite.answers(client.delete(place.path), *refusal, f"delete by {role}")
        suite.answers(place.role(people["member"], "moderator", client), *refusal, f"role by {role}")
        suite.answers(client.get(place.path), 200, text=f"read by {role}")
    for command in ("suspend", "reinstate", "restore"):
        suite.answers(place.owner.post(f"{place.path}/{command}", REASON), 403, "forbidden", command)
    suite.answers(admin.patch(place.path, {"purpose": "x"}, version="*"), 403, "forbidden", "only the owner")
    suite.answers(place.role(people["member"], "moderator", admin), 403, "forbidden", "only the owner")
    suite.answers(admin.post(place.path + "/suspend", {}), 400, "validation_failed", "a reason")
    for role in ("nobody", "stranger", "member"):
        refusal = (401, "unauthorized") if role == "nobody" else (403, "forbidden")
        for command in ("approve", "reject", "remove", "ban", "unban"):
            suite.answers(place.act(command, people["moderator"], people[role]), *refusal, f"{command} by {role}")


@suite.case
def patching_a_community():
    place = Place()
    suite.answers(place.owner.patch(place.path, {"purpose": "x"}), 428, "version_required")
    suite.answers(place.owner.patch(place.path, {"purpose": "x"}, version=7), 412, "stale_version")
    reply = place.owner.patch(place.path, {"name": "Another name", "visibility": "private", "content": {"moderated": True},
                                           "restrictions": {"min_age": 18}}, version=1)
    suite.answers(reply, 200)
    suite.equal(reply.data["version"], 2, "one event")
    suite.equal(reply.data["content"], {"members_may_post": True, "moderated": True}, "what is absent stays")
    suite.equal(place.patch({"restrictions": {"min_age": None}}).data["restrictions"]["min_age"], None, "null clears")
    for _ in range(3):
        place.act("ban", server.user("Bob"))
    suite.equal(place.data["version"], 3, "members do not raise the version")
    admin.post(place.path + "/suspend", REASON)
    suite.answers(place.owner.patch(place.path, {"purpose": "y"}, version="*"), 200, text="also while suspended")
    suite.answers(place.owner.delete(place.path), 200)
    suite.answers(place.owner.patch(place.path, {"purpose": "z"}, version="*"), 404, "not_found")
    suite.answers(server.client().get(place.path), 404, "not_found")


# ---- Joining ---------------------------------------------------------------------------------------------------------

@suite.case
def joining_a_public_one():
    place, ann = Place(), server.user("Ann")
    suite.answers(server.client().post(place.path + "/join"), 401, "unauthorized")
    suite.answers(ann.post(f"/communities/{NOBODY}/join"), 404, "not_found")
    reply = place.join(ann)
    suite.answers(reply, 200)
    suite.equal((reply.data["status"], reply.data["role"]), ("active", "member"), "at once")
    suite.check(reply.data["joined_at"], "since")
    suite.equal(place.members, 2, "counted")
    suite.equal(server.client().get("/users/" + ann.id).data["stats"]["community_count"], 1, "for the person too")
    suite.answers(place.join(ann), 409, "invalid_transition", "once")
    left = ann.post(place.path + "/leave")
    suite.equal((left.status, left.data["status"]), (200, "left"), "left")
    suite.equal(place.members, 1, "counted")
    suite.answers(ann.post(place.path + "/leave"), 409, "invalid_transition")
    suite.answers(place.join(ann), 200, text="back again")
    suite.answers(server.user("Bob").post(place.path + "/leave"), 404, "not_found", "never was there")
    suite.answers(place.owner.post(place.path + "/leave"), 409, "conflict", "the owner stays")


@suite.case
def joining_a_private_one():
    place = Place(visibility="private")
    ann, bob, cyd = server.user("Ann"), server.user("Bob"), server.user("Cyd")
    moderator = server.user("Mo")
    for client in (ann, bob, cyd, moderator):
        reply = place.join(client)
        suite.equal((reply.status, reply.data["status"], reply.data["joined_at"]), (200, "requested", None), "waits")
    suite.equal(place.members, 1, "not counted yet")
    suite.answers(place.join(ann), 409, "invalid_transition")
    suite.answers(place.act("approve", moderator), 200)
    place.role(moderator, "moderator")
    reply = place.act("approve", ann, moderator)
    suite.equal((reply.status, reply.data["status"], reply.data["decided_by"]), (200, "active", moderator.id), "let in")
    reply = place.act("reject", bob, moderator, {"reason": "not now"})
    suite.equal((reply.status, reply.data["status"], reply.data["reason"]), (200, "rejected", "not now"), "refused")
    suite.equal(cyd.post(place.path + "/leave").data["status"], "left", "the request is taken back")
    suite.equal(place.members, 3, "owner, moderator, Ann")
    suite.answers(place.join(bob), 200, text="may ask again")
    suite.answers(place.act("approve", bob, admin), 200, text="staff may let in")


@suite.case
def every_state_and_command_of_a_membership():
    allowed = {("none", "join"): "active", ("left", "join"): "active", ("removed", "join"): "active", ("rejected", "join"): "active",
               ("requested", "approve"): "active", ("requested", "reject"): "rejected", ("requested", "leave"): "left",
               ("active", "leave"): "left", ("active", "remove"): "removed", ("banned", "unban"): "left"}
    allowed.update({(state, "ban"): "banned" for state in ("none", "requested", "active", "left", "removed", "rejected")})
    place = Place()

    def brought(state):
        client = server.user("Zoe")
        if state in ("requested", "rejected"):
            place.patch({"visibility": "private"})
            place.join(client)
            place.patch({"visibility": "public"})
        if state in ("active", "left", "removed"):
            place.join(client)
        for step in {"rejected": ["reject"], "removed": ["remove"], "banned": ["ban"]}.get(state, []):
            place.act(step, client)
        if state == "left":
            client.post(place.path + "/leave")
        return client
    for state in ("none", "requested", "active", "left", "removed", "rejected", "banned"):
        for command in ("join", "leave", "approve", "reject", "remove", "ban", "unban"):
            client = brought(state)
            suite.equal(place.status(client), None if state == "none" else state, "prepared")
            before = place.members
            by_self = command in ("join", "leave")
            reply = client.post(f"{place.path}/{command}") if by_self else place.act(command, client)
            expected = allowed.get((state, command))
            text = f"{command} of {state}"
            if expected:
                suite.answers(reply, 200, text=text)
            elif state == "none":
                suite.answers(reply, 404, "not_found", text)
            elif (state, command) == ("banned", "join"):
                suite.answers(reply, 403, "banned", text)
            else:
                suite.answers(reply, 409, "invalid_transition", text)
            after = expected or (None if state == "none" else state)
            suite.equal(place.status(client), after, text)
            suite.equal(place.members - before, (after == "active") - (state == "active"), text + ": counted")


@suite.case
def restrictions_are_looked_at_when_joining():
    place = Place(restrictions={"min_age": 18, "countries": ["DE", "AT"]})
    year = time.gmtime().tm_year
    unknown, child = server.user("Una"), server.user("Kim", birth_date=f"{year - 17}-01-01", country="FR")
    grown = server.user("Gus", birth_date=f"{year - 19}-01-01", country="AT")
    reply = place.join(unknown)
    suite.answers(reply, 409, "restriction_unmet")
    suite.equal({detail["code"] for detail in reply.details}, {"birth_date_missing", "country_missing"}, "both")
    reply = place.join(child)
    suite.equal({detail["code"] for detail in reply.details}, {"too_young", "country_not_allowed"}, "both")
    suite.answers(place.join(grown), 200)
    place.patch({"restrictions": {"min_age": 100, "countries": []}})
    suite.equal(place.status(grown), "active", "never backwards")
    today = time.strftime("%m-%d", time.gmtime())
    place.patch({"restrictions": {"min_age": 18}})
    if today != "02-29":
        birthday = server.user("Bea", birth_date=f"{year - 18}-{today}")
        suite.answers(place.join(birthday), 200, text="on the birthday itself")


@suite.case
def a_cap_counts_active_members_with_the_owner():
    place = Place(restrictions={"member_cap": 2})
    ann = place.member("Ann")
    reply = place.join(server.user("Bob"))
    suite.answers(reply, 409, "restriction_unmet")
    suite.equal([detail["code"] for detail in reply.details], ["community_full"], "why")
    ann.post(place.path + "/leave")
    suite.answers(place.join(server.user("Bob")), 200, text="there is room again")
    private = Place(visibility="private", restrictions={"member_cap": 2})
    first, second = server.user("Ann"), server.user("Bob")
    suite.answers(private.join(first), 200)
    suite.answers(private.join(second), 200)
    suite.answers(private.act("approve", first), 200)
    suite.answers(private.act("approve", second), 409, "restriction_unmet", "looked at again")
    suite.equal((private.members, private.status(second)), (2, "requested"), "still waits")


@suite.case
def a_suspended_community_takes_nobody():
    place = Place(visibility="private")
    ann, bob = server.user("Ann"), server.user("Bob")
    place.join(ann)
    admin.post(place.path + "/suspend", REASON)
    suite.answers(place.join(bob), 409, "invalid_transition")
    suite.answers(place.act("approve", ann), 409, "invalid_transition")
    suite.answers(ann.post(place.path + "/leave"), 200, text="leaving is free")
    admin.post(place.path + "/reinstate", REASON)
    suite.answers(place.join(bob), 200)
    suite.answers(place.owner.delete(place.path), 200)
    suite.answers(place.join(ann), 404, "not_found")


# ---- Moderation ------------------------------------------------------------------------------------------------------

@suite.case
def moderators_and_the_owner():
    place = Place()
    first, second, ann = place.moderator(), place.moderator(), place.member("Ann")
    suite.answers(place.act("remove", second, first), 403, "forbidden", "only the owner sends a moderator away")
    suite.answers(place.act("ban", second, first), 403, "forbidden")
    suite.answers(place.act("remove", place.owner, first), 409, "conflict", "the owner stays")
    suite.answers(place.act("ban", place.owner, admin), 409, "conflict", "the owner stays")
    suite.answers(place.act("remove", ann, first, {}), 400, "validation_failed", "a reason")
    suite.answers(place.act("remove", ann, first), 200)
    suite.answers(place.act("remove", second), 200, text="by the owner")
    suite.answers(place.join(second), 200)
    rows = {row["user_id"]: row["role"] for row in place.owner.pages(place.path + "/members")}
    suite.equal(rows, {place.owner.id: "owner", first.id: "moderator", second.id: "member"}, "back as a plain member")
    suite.answers(place.role(first, "member"), 200)
    suite.answers(place.act("remove", second, first), 403, "forbidden", "no moderator any more")
    suite.answers(place.role(place.owner, "member"), 409, "conflict")
    suite.answers(place.role(second, "owner"), 400, "validation_failed")
    suite.answers(place.role(ann, "moderator"), 409, "invalid_transition", "not a member")
    suite.answers(place.act("ban", ann, body={"reason": "x" * 501}), 400, "validation_failed")
    reply = place.act("ban", ann, body={"reason": "spam"})
    suite.equal(reply.data["reason"], "spam", "kept")
    suite.answers(place.join(ann), 403, "banned")
    suite.answers(place.act("unban", ann), 200)
    suite.answers(place.join(ann), 200)
    suite.answers(place.owner.post(f"{place.path}/members/{NOBODY}/ban", REASON), 404, "not_found")


@suite.case
def transferring():
    place, ann, lea = Place(), server.user("Ann"), leader("Next")
    former = place.owner
    suite.answers(former.post(place.path + "/transfer", {"user_id": ann.id}), 409, "conflict", "no leader")
    suite.answers(former.post(place.path + "/transfer", {"user_id": former.id}), 409, "conflict", "already")
    suite.answers(former.post(place.path + "/transfer", {"user_id": "x"}), 400, "validation_failed")
    suite.answers(former.post(place.path + "/transfer", {}), 400, "validation_failed")
    busy = leader("Busy")
    for _ in range(3):
        Place(busy)
    suite.answers(former.post(place.path + "/transfer", {"user_id": busy.id}), 409, "limit_reached")
    reply = former.post(place.path + "/transfer", {"user_id": lea.id})
    suite.answers(reply, 200)
    suite.equal((reply.data["owner_id"], reply.data["owner"]["display_name"]), (lea.id, "Next"), "the next owner")
    suite.equal(place.members, 2, "who came in as owner")
    rows = {row["user_id"]: row["role"] for row in server.client().pages(place.path + "/members")}
    suite.equal(rows, {former.id: "member", lea.id: "owner"}, "one owner")
    suite.answers(former.patch(place.path, {"purpose": "x"}, version="*"), 403, "forbidden")
    suite.answers(lea.patch(place.path, {"purpose": "x"}, version="*"), 200)
    suite.answers(former.post(place.path + "/leave"), 200, text="free to go")
    suite.answers(former.delete("/users/me", {"password": PASSWORD}), 200, text="and to close the account")
    suite.answers(lea.delete("/users/me", {"password": PASSWORD}), 409, "in_use")
    member = leader("Third")
    place.join(member)
    suite.answers(admin.post(place.path + "/transfer", {"user_id": member.id}), 200, text="by staff, to a member")
    suite.equal(place.members, 2, "nobody came or went")


# ---- Lists -----------------------------------------------------------------------------------------------------------

@suite.case
def members_are_listed():
    place = Place(visibility="private")
    people = [server.user(f"Member {number}") for number in range(5)]
    for client in people:
        time.sleep(0.003)                       # order is by milliseconds
        place.join(client)
        place.act("approve", client)
    waiting, stranger = server.user("Wes"), server.user("Bob")
    place.join(waiting)
    for reader in (place.owner, people[0], admin):
        rows = reader.pages(place.path + "/members", limit=2)
        suite.equal([row["user_id"] for row in rows], [place.owner.id] + [client.id for client in people], "by time of joining")
    suite.equal(rows[1]["user"]["display_name"], "Member 0", "with the card")
    for reader in (stranger, waiting):
        suite.answers(reader.get(place.path + "/members"), 403, "forbidden", "private")
    suite.answers(server.client().get(place.path + "/members"), 401, "unauthorized", "private")
    suite.answers(stranger.get(f"/communities/{NOBODY}/members"), 404, "not_found")
    suite.equal([row["user_id"] for row in place.owner.pages(place.path + "/members?status=requested")], [waiting.id], "requests")
    suite.answers(people[0].get(place.path + "/members?status=requested"), 403, "forbidden", "for moderators")
    place.role(people[1], "moderator")
    suite.equal([row["user_id"] for row in people[0].pages(place.path + "/members?role=moderator")], [people[1].id], "by role")
    suite.answers(people[0].get(place.path + "/members?role=king"), 400, "validation_failed")
    people[2].delete("/users/me", {"password": PASSWORD})
    rows = place.owner.pages(place.path + "/members")
    suite.equal(rows[3]["user"], {"user_id": None, "display_name": "deleted user", "avatar": None}, "the link stays")
    suite.equal(place.members, len(rows), "counts equal links")


@suite.case
def others_do_not_see_who_was_sent_away():
    place = Place()
    ann = place.member("Ann")
    place.act("ban", ann, body={"reason": "spam"})
    suite.equal([row["role"] for row in server.client().pages(place.path + "/members")], ["owner"], "not in the list")
    row = ann.get("/users/me/communities").data[0]
    suite.equal((row["status"], row["reason"]), ("banned", "spam"), "but told oneself")


@suite.case
def communities_are_listed():
    lea = leader()
    first = Place(lea)
    time.sleep(0.003)                           # order is by milliseconds
    second = Place(lea, visibility="private")
    everything = [row["id"] for row in server.client().pages("/communities", limit=5)]
    suite.equal(len(everything), len(set(everything)), "nothing twice")
    suite.check(everything.index(second.id) < everything.index(first.id), "newest first, private ones too")
    own = [row["id"] for row in server.client().pages(f"/communities?owner_id={lea.id}")]
    suite.equal(own, [second.id, first.id], "by owner")
    own = [row["id"] for row in server.client().pages(f"/communities?owner_id={lea.id}&visibility=private")]
    suite.equal(own, [second.id], "and by visibility")
    private = server.client().pages("/communities?visibility=private")
    suite.equal({row["visibility"] for row in private}, {"private"}, "only these")
    names = [row["name"].lower() for row in server.client().pages("/communities?sort=name", limit=9)]
    suite.equal(names, sorted(names), "by name")
    first.owner.delete(first.path)
    suite.check(first.id not in [row["id"] for row in server.client().pages("/communities")], "without the deleted")
    suite.answers(server.client().get("/communities?sort=size"), 400, "validation_failed")
    suite.answers(server.client().get("/communities?owner_id=x"), 400, "validation_failed")
    cursor = server.client().get("/communities?limit=1").page["next"]
    suite.answers(server.client().get(f"/communities?limit=1&visibility=public&cursor={cursor}"), 400, "invalid_cursor",
                  "of another list")


@suite.case
def a_crash_loses_nothing():
    place = Place(restrictions={"member_cap": 3})
    moderator, ann = place.moderator(), place.member("Ann")
    before = place.owner.get(place.path)
    server.kill()
    server.restart()
    suite.equal(place.owner.get(place.path).data, before.data, "all of it")
    suite.answers(place.join(server.user("Bob")), 409, "restriction_unmet", "the count too")
    suite.answers(place.act("remove", ann, moderator), 200)
    suite.answers(place.join(server.user("Bob")), 200)
    suite.equal(place.members, 3, "counted on")


suite.main()
