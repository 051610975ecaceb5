"""Reports and what is done about them; what waits for a community's yes. SOCIAL sections 3 and 6."""

import time

from harness import Server, Suite
from sales import promotion_body
from shop import Supplier, community, created, join
from stage import NOBODY, Stage, act, comment

suite = Suite("report")
server = Server()
stage = Stage(server)
admin, lea, ann, mod, stranger, anybody = stage.people()
makers, strict, closed = stage.communities()
post, read, stats = stage.post, stage.read, stage.stats


# ---- reports ----------------------------------------------------------------------------------------------------------

def report(client, kind, target, reason="spam", **more):
    return client.post("/reports", {"target_kind": kind, "target_id": target["id"] if isinstance(target, dict) else target,
                                    "reason": reason, **more})


def resolve(client, made, action="none", **more):
    return client.post(f"/reports/{made['id']}/resolve", {"action": action, **more})


@suite.case
def everything_can_be_reported():
    sue = Supplier(server, admin)
    product = sue.product()
    made, where = post(), makers["id"]
    said = comment(made, ann)
    targets = {"post": (made["id"], where), "comment": (said["id"], where), "user": (ann.id, None),
               "community": (makers["id"], None), "product": (product["id"], None)}
    for kind, (target, expected) in targets.items():
        reply = report(stranger, kind, target, "other", note="look at it")
        suite.require(suite.answers(reply, 201, text=kind), kind)
        data = reply.data
        suite.equal((data["status"], data["target_kind"], data["target_id"], data["reason"], data["note"], data["community_id"],
                     data["reporter_id"], data["action"]),
                    ("open", kind, target, "other", "look at it", expected, stranger.id, None), kind)
        suite.answers(report(stranger, kind, target, "spam"), 409, "already_exists", "once")
        suite.answers(report(mod, kind, target, "abuse"), 201, text="others may too")
        suite.answers(stranger.get(reply.headers["Location"]), 200, text="one's own")
        suite.answers(lea.get(f"/reports/{data['id']}"), 200 if expected else 404, text="moderators")
        suite.answers(ann.get(f"/reports/{data['id']}"), 404, "not_found", "nobody else")
    listed = {(row["target_kind"], row["target_id"]) for row in admin.pages("/admin/reports", limit=3)}
    suite.check({(kind, target) for kind, (target, _) in targets.items()} <= listed, "the staff sees all")
    listed = {row["target_kind"] for row in mod.pages(f"/communities/{where}/reports")}
    suite.equal(listed, {"post", "comment"}, "moderators those of their community")


@suite.case
def reports_have_limits():
    made = post()

    def refused(expected, **body):
        reply = stranger.post("/reports", {"target_kind": "post", "target_id": made["id"], "reason": "spam", **body})
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    refused({"target_kind": "not_one_of"}, target_kind="order")
    refused({"target_kind": "required"}, target_kind=None)
    refused({"target_id": "bad_format"}, target_id="x")
    refused({"target_id": "required"}, target_id=None)
    refused({"reason": "not_one_of"}, reason="ugly")
    refused({"reason": "required"}, reason=None)
    refused({"note": "too_long"}, note="x" * 1001)
    refused({"action": "read_only"}, action="removed")
    refused({"reporter_id": "read_only"}, reporter_id=ann.id)
    suite.equal(stranger.post("/reports", {}).codes, {"target_kind": "required", "target_id": "required", "reason": "required"})
    suite.answers(report(anybody, "post", made), 401, "unauthorized")
    suite.answers(report(stranger, "post", NOBODY), 404, "not_found")
    suite.answers(report(stranger, "comment", made), 404, "not_found", "another kind")
    suite.answers(report(stranger, "post", post(where=closed)), 404, "not_found", "not seen")
    suite.answers(report(stranger, "promotion", NOBODY), 404, "not_found")
    suite.answers(report(stranger, "post", made, note="ä" * 1000), 201, text="at the limit")
    suite.equal(stats(made, mod)["report_count"], 1, "counted for moderators")
    suite.equal(stats(made, admin)["report_count"], 1, "and the staff")
    suite.check("report_count" not in stats(made, ann), "not for the author")
    suite.check("report_count" not in stats(made, stranger), "nor for who reported")


@suite.case
def reports_are_resolved():
    made = post()
    one = created(report(stranger, "post", made))
    two = created(report(lea, "post", made, "abuse"))
    suite.answers(resolve(anybody, one), 401, "unauthorized")
    suite.answers(resolve(ann, one), 404, "not_found", "not seen")
    suite.answers(resolve(stranger, one), 403, "forbidden", "not by who reported")
    reply = mod.post(f"/reports/{one['id']}/resolve", {})
    suite.equal((reply.status, reply.codes), (400, {"action": "required"}))
    suite.answers(resolve(mod, one, "banned"), 400, "validation_failed")
    suite.answers(resolve(mod, one, note="x" * 501), 400, "validation_failed")
    suite.equal(mod.get(f"/reports/{one['id']}").data["stats"], {"report_count": 2, "open_count": 2}, "how often")
    suite.check("reporter_id" not in mod.get(f"/reports/{one['id']}").data, "moderators are not told who")
    suite.equal(admin.get(f"/reports/{one['id']}").data["reporter_id"], stranger.id, "the staff is")
    reply = resolve(mod, one, note="x" * 500)
    suite.require(suite.answers(reply, 200), "resolved")
    suite.equal((reply.data["status"], reply.data["action"], reply.data["resolved_by"], reply.data["stats"]),
                ("resolved", "none", mod.id, {"report_count": 2, "open_count": 1}))
    suite.answers(resolve(mod, one), 409, "invalid_transition", "twice")
    suite.equal(read(made)["status"], "published", "nothing happened to it")
    suite.equal(resolve(lea, two, "hidden", note="rude").data["action"], "hidden")
    shown = read(made)
    suite.equal((shown["status"], shown["reason"], shown["hidden_by_staff"]), ("hidden", "rude", False), "hidden by its own transition")
    three = created(report(mod, "post", made))
    suite.answers(resolve(lea, three, "hidden"), 200, text="hidden already")
    suite.equal(created(stranger.get(f"/reports/{one['id']}"), 200)["action"], "none", "who reported reads what was done")


@suite.case
def a_resolution_hides_or_removes():
    for by, staff in ((mod, False), (admin, True)):
        made = post()
        act(lea, made, "pin")
        resolve(by, created(report(stranger, "post", made, "abuse")), "hidden")
        shown = read(made)
        suite.equal((shown["status"], shown["reason"], shown["hidden_by_staff"], shown["pinned"]), ("hidden", "abuse", staff, False), "a post hidden")
        suite.answers(mod.post(f"/posts/{made['id']}/restore"), 403 if staff else 200, text="staff act wins")
        made = post()
        suite.answers(resolve(by, created(report(stranger, "post", made)), "removed"), 200)
        suite.answers(ann.get(f"/posts/{made['id']}"), 404, "not_found", "a post removed")
        suite.answers(by.post(f"/posts/{made['id']}/restore"), 200, text="by who removed it")
        made = post()
        said = comment(made, ann)
        suite.answers(resolve(by, created(report(stranger, "comment", said)), "hidden", note="rude"), 200)
        shown = ann.get(f"/comments/{said['id']}").data
        suite.equal((shown["status"], shown["reason"], shown["hidden_by_staff"]), ("hidden", "rude", staff), "a comment hidden")
        again = created(report(lea, "comment", said))
        suite.equal(mod.get(f"/comments/{said['id']}").data["stats"], {"report_count": 2, "open_count": 1})
        suite.answers(resolve(by, again, "removed"), 200)
        suite.answers(ann.get(f"/comments/{said['id']}"), 404, "not_found", "a comment removed")
        suite.equal(stats(made)["comment_count"], 0)
    waiting = post(where=strict)
    made = created(report(mod, "post", waiting))
    suite.answers(resolve(mod, made, "hidden"), 409, "invalid_transition", "what waits is rejected, not hidden")
    suite.equal(mod.get(f"/reports/{made['id']}").data["status"], "open", "nothing changed")
    for action in ("hidden", "removed"):
        person = created(report(server.user("Nat"), "user", ann.id))
        reply = resolve(admin, person, action)
        suite.equal((reply.status, reply.codes), (400, {"action": "not_allowed"}), "people have commands of their own")
        suite.answers(resolve(mod, person), 404, "not_found", "not for moderators")
        suite.answers(resolve(admin, person), 200)


@suite.case
def reports_are_listed():
    where = community(lea)
    join(ann, where)
    rows = []
    for _ in range(3):
        rows.append(created(report(stranger, "post", post(where=where))))
        time.sleep(0.002)
    rows.append(created(report(stranger, "comment", comment(post(where=where), ann))))
    path = f"/communities/{where['id']}/reports"
    ids = [row["id"] for row in rows[::-1]]
    suite.equal([row["id"] for row in lea.pages(path, limit=2)], ids, "newest first")
    created(resolve(lea, rows[0]), 200)
    suite.equal([row["id"] for row in lea.pages(path + "?status=open", limit=2)], ids[:3], "open")
    suite.equal([row["id"] for row in lea.pages(path + "?status=resolved")], ids[3:], "resolved")
    suite.equal([row["id"] for row in lea.pages(path + "?status=open&target_kind=comment")], ids[:1], "comments")
    suite.equal([row["id"] for row in admin.pages(path)], ids, "the staff")
    suite.equal([row["id"] for row in admin.pages("/admin/reports?status=open&target_kind=post", limit=1)][:2], ids[1:3], "of all")
    suite.check(ids[3] in [row["id"] for row in admin.pages("/admin/reports?status=resolved")], "of all resolved ones")
    for client, status in ((anybody, 401), (stranger, 403), (ann, 403), (mod, 403)):
        suite.answers(client.get(path), status)
    suite.answers(stranger.get(f"/communities/{NOBODY}/reports"), 404, "not_found")
    for client, status in ((anybody, 401), (stranger, 403), (lea, 403)):
        suite.answers(client.get("/admin/reports"), status)
    suite.answers(lea.get(path + "?status=old"), 400, "validation_failed")


# ---- approvals --------------------------------------------------------------------------------------------------------

def submitted(supplier, *communities):
    offer = created(supplier.owner.post("/promotions", promotion_body(supplier, supplier.product(), communities=communities)))
    return created(supplier.owner.post(f"/promotions/{offer['id']}/submit"), 200)


def approvals(where, client=lea, query=""):
    return client.pages(f"/communities/{where['id']}/approvals{query}", limit=1)


@suite.case
def what_waits_is_listed():
    where = community(lea, visibility="private", content={"moderated": True})
    path = f"/communities/{where['id']}"
    pat, quin = server.user("Pat"), server.user("Quin")
    for client in (pat, quin):
        created(client.post(f"{path}/join"), 200)
        time.sleep(0.002)
    created(lea.post(f"{path}/members/{pat.id}/approve"), 200)
    waiting = post(pat, where, title="Look")
    time.sleep(0.002)
    other = community(lea)
    sue = Supplier(server, admin)
    offer = submitted(sue, where, other)
    rows = approvals(where)
    suite.equal([(row["kind"], row["reference_id"], row["title"]) for row in rows],
                [("member", quin.id, "Quin"), ("post", waiting["id"], "Look"), ("promotion", offer["id"], offer["title"])], "oldest first")
    suite.equal([row["requested_by"] and row["requested_by"]["user_id"] for row in rows], [quin.id, pat.id, None], "who asks")
    suite.equal([row["supplier"] and row["supplier"]["supplier_id"] for row in rows], [None, None, sue.id], "which supplier asks")
    suite.check(all(row["requested_at"] for row in rows), "since when")
    suite.equal([row["requested_at"] for row in rows], sorted(row["requested_at"] for row in rows), "in this order")
    for kind in ("member", "post", "promotion"):
        suite.equal([row["kind"] for row in approvals(where, query=f"?kind={kind}")], [kind], "only these")
    suite.equal([row["kind"] for row in approvals(other)], ["promotion"], "each target has its own")
    server.kill()
    server.restart()
    suite.equal(approvals(where), rows, "after a crash")
    for client, status in ((anybody, 401), (stranger, 403), (pat, 403), (admin, 200), (lea, 200)):
        suite.answers(client.get(f"{path}/approvals"), status)
    suite.answers(stranger.get(f"/communities/{NOBODY}/approvals"), 404, "not_found")
    suite.answers(lea.get(f"{path}/approvals?kind=order"), 400, "validation_failed")
    created(lea.patch(f"{path}/members/{pat.id}", {"role": "moderator"}), 200)
    suite.equal(len(approvals(where, pat)), 3, "moderators too")
    for row in rows:                            # what is below the link answers it
        sent = {"community_id": where["id"]} if row["kind"] == "promotion" else None
        suite.answers(lea.post(row["link"] + "/approve", sent), 200, text=row["kind"])
    suite.equal(approvals(where), [], "nothing waits")
    suite.equal(read(waiting, pat)["status"], "published")


@suite.case
def what_waits_no_more_is_gone():
    where = community(lea, visibility="private", content={"moderated": True})
    path = f"/communities/{where['id']}"
    ray = server.user("Ray")
    kinds = lambda: [row["kind"] for row in approvals(where)]                                 # noqa: E731

    created(ray.post(f"{path}/join"), 200)
    created(ray.post(f"{path}/leave"), 200)
    suite.equal(kinds(), [], "taken back")
    created(ray.post(f"{path}/join"), 200)
    created(lea.post(f"{path}/members/{ray.id}/reject", {}), 200)
    suite.equal(kinds(), [], "rejected")
    created(ray.post(f"{path}/join"), 200)
    suite.equal(kinds(), ["member"], "asked again")
    created(lea.post(f"{path}/members/{ray.id}/approve"), 200)
    made = post(ray, where)
    suite.equal(kinds(), ["post"])
    act(lea, made, "reject", {"reason": "no"})
    suite.equal(kinds(), [], "rejected")
    act(ray, made, "resubmit")
    suite.equal(kinds(), ["post"], "again")
    act(lea, made, "approve")
    suite.equal(kinds(), [])
    version = read(made, ray)["version"]
    created(ray.patch(f"/posts/{made['id']}", {"title": "Other"}, version=version), 200)
    suite.equal([row["title"] for row in approvals(where)], ["Other"], "an edit waits")
    created(ray.delete(f"/posts/{made['id']}"), 200)
    suite.equal(kinds(), [], "deleted")
    created(ray.post(f"/posts/{made['id']}/restore"), 200)
    suite.equal(kinds(), ["post"], "back")
    created(lea.delete(f"/posts/{made['id']}"), 200)
    sue = Supplier(server, admin)
    for answer, sent in (("reject", {"community_id": where["id"], "reason": "no"}), ("revise", None), ("cancel", {"reason": "sold out"})):
        offer = submitted(sue, where)
        suite.equal(kinds(), ["promotion"], answer)
        created((lea if answer == "reject" else sue.owner).post(f"/promotions/{offer['id']}/{answer}", sent), 200)
        suite.equal(kinds(), [], answer)


# ---- all together -----------------------------------------------------------------------------------------------------

@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
