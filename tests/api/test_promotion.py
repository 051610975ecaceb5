"""Promotions: their machine, approvals, offers, rights, clicks and timers. SOCIAL section 5."""

import time
from datetime import datetime, timedelta, timezone

from harness import Server, Suite
from shop import Supplier, community, join, leader, money

suite = Suite("promotion")
server = Server(settings={"promotions.approval_time": 3600000})
admin = server.admin()
stranger = server.user("Stranger")
shop = Supplier(server, admin)
admin.patch(f"/suppliers/{shop.id}", {"limits": {"max_promotions": 5000}}, version=admin.get(f"/suppliers/{shop.id}").data["version"])
manager, staff = shop.member("manager"), shop.member("staff")
lea, leo = leader(server, admin, "Lea"), leader(server, admin, "Leo")
makers, cooks = community(lea), community(leo)
product = shop.product(variants=[{"sku": "P-1", "attributes": {"size": "M"}, "price": money(9999)},
                                 {"sku": "P-2", "attributes": {"size": "L"}, "price": money(500)}])
second, third = shop.product(), shop.product()


def at(**delta):
    """A time from now on."""
    return (datetime.now(timezone.utc) + timedelta(**delta)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body(**more):
    result = {"supplier_id": shop.id, "type": "single", "title": "A third off", "products": [{"product_id": product["id"]}],
              "offer": {"kind": "percent", "percent_bp": 3000}, "visibility": "global",
              "starts_at": at(hours=-1), "ends_at": at(days=7), **more}
    return {name: value for name, value in result.items() if value is not None}


def make(**more):
    reply = shop.owner.post("/promotions", body(**more))
    if reply.status != 201:
        raise AssertionError(f"create: {reply}")
    return reply.data


def command(client, promotion, name, sent=None, **options):
    return client.post(f"/promotions/{promotion['id']}/{name}", sent, **options)


def must(client, promotion, name, sent=None):
    reply = command(client, promotion, name, sent)
    if reply.status != 200:
        raise AssertionError(f"{name}: {reply}")
    return reply.data


def read(promotion, client=None):
    return (client or shop.owner).get(f"/promotions/{promotion['id']}")


def patch(promotion, sent, client=None):
    return (client or shop.owner).patch(f"/promotions/{promotion['id']}", sent, version=read(promotion).data["version"])


def promotion_in(state, **more):
    """A promotion that has reached this state."""
    if state == "scheduled":
        more.setdefault("starts_at", at(hours=1))
    promotion = make(**more)
    if state == "draft":
        return promotion
    if state == "deleted":
        shop.owner.delete(f"/promotions/{promotion['id']}")
        return promotion
    must(shop.owner, promotion, "submit")
    if state == "pending_approval":
        return promotion
    if state == "rejected":
        must(admin, promotion, "reject", {"reason": "no"})
        return promotion
    must(admin, promotion, "approve")
    if state == "paused":
        must(shop.owner, promotion, "pause")
    if state == "cancelled":
        must(shop.owner, promotion, "cancel", {"reason": "over"})
    return promotion


def ending_soon(*commands):
    """One that was approved, to which the owner then did these, and that ends within a second or so."""
    def done(milliseconds, _):
        promotion = make(ends_at=at(milliseconds=milliseconds))
        must(shop.owner, promotion, "submit")
        must(admin, promotion, "approve")
        for name in commands:
            must(shop.owner, promotion, name)
        return promotion
    return suite.before(600, done)


def wait_for(promotion, state, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        data = read(promotion).data
        if data["status"] == state:
            return data
        time.sleep(0.05)
    return read(promotion).data


# ---- create -----------------------------------------------------------------------------------------------------------

@suite.case
def a_draft_is_made():
    reply = shop.owner.post("/promotions", body())
    suite.require(suite.answers(reply, 201), "made")
    data = reply.data
    suite.equal((data["status"], data["version"], data["content_version"]), ("draft", 1, 1), "draft")
    suite.equal((data["approvals"], data["product_snapshots"], data["first_activated_at"]), ([], [], None), "nothing yet")


@suite.case
def types_have_their_shape():
    def refused(expected, **more):
        reply = shop.owner.post("/promotions", body(**more))
        suite.answers(reply, 400, "validation_failed", str(more))
        suite.equal(reply.codes, expected, str(more))

    one, two = {"product_id": product["id"]}, {"product_id": second["id"]}
    offer = {"kind": "percent", "percent_bp": 1000}
    refused({"products": "too_many"}, products=[one, two])
    refused({"offer": "required"}, offer=None)
    refused({"products": "too_few"}, type="campaign")
    refused({"products": "too_many"}, type="campaign", products=[{"product_id": shop.product()["id"]} for _ in range(4)])
    refused({"offer": "not_allowed"}, type="default")
    refused({"products[0].offer": "not_allowed"}, products=[{**one, "offer": offer}])
    refused({"products[1].product_id": "duplicate"}, type="campaign", products=[one, one])
    refused({"products[0].product_id": "not_found"}, products=[{"product_id": shop.id}])
    refused({"offer.percent_bp": "required"}, offer={"kind": "percent"})
    refused({"offer.amount": "required"}, offer={"kind": "amount_off"})
    refused({"offer.amount": "not_allowed"}, offer={"kind": "percent", "percent_bp": 1, "amount": money(1)})
    refused({"offer.percent_bp": "not_allowed"}, offer={"kind": "fixed_price", "percent_bp": 1, "amount": money(1)})
    refused({"offer.percent_bp": "too_large"}, offer={"kind": "percent", "percent_bp": 10001})
    refused({"offer.percent_bp": "too_small"}, offer={"kind": "percent", "percent_bp": 0})
    refused({"community_ids": "not_allowed"}, community_ids=[makers["id"]])
    refused({"community_ids": "required"}, visibility="communities")
    refused({"community_ids[0]": "not_found"}, visibility="both", community_ids=[shop.id])
    refused({"community_ids[1]": "duplicate"}, visibility="both", community_ids=[makers["id"], makers["id"]])
    refused({"ends_at": "required"}, ends_at=None)
    refused({"ends_at": "too_small"}, ends_at=at(hours=-2))
    refused({"ends_at": "too_large"}, ends_at=at(days=367))
    refused({"title": "too_long"}, title="x" * 121)
    refused({"description": "too_long"}, description="x" * 2001)
    refused({"image_url": "bad_format"}, image_url="nowhere")
    refused({"type": "not_one_of"}, type="flash")
    refused({"approvals": "read_only"}, approvals=[])
    refused({"surprise": "unknown_field"}, surprise=1)
    suite.answers(shop.owner.post("/promotions", body(type="default", offer=None, ends_at=None, products=[one, two])), 201)
    suite.answers(shop.owner.post("/promotions", body(type="campaign", products=[one, {**two, "offer": offer}])), 201)
    suite.answers(shop.owner.post("/promotions", body(offer={"kind": "amount_off", "amount": money(1, "EUR")})), 400, "currency_mismatch")
    reply = shop.owner.post("/promotions", {"supplier_id": shop.id})
    suite.equal(reply.paths, ["products", "starts_at", "title", "type", "visibility"], "all that is missing")


@suite.case
def only_verified_suppliers_within_their_limit():
    fresh = Supplier(server, admin, verified=False)
    theirs = fresh.product(published=False)
    sent = body(supplier_id=fresh.id, products=[{"product_id": theirs["id"]}])
    suite.answers(fresh.owner.post("/promotions", sent), 409, "supplier_not_verified")
    fresh.verify()
    version = admin.get(f"/suppliers/{fresh.id}").data["version"]
    admin.patch(f"/suppliers/{fresh.id}", {"limits": {"max_promotions": 1}}, version=version)
    first = fresh.owner.post("/promotions", sent)
    suite.answers(first, 201)
    suite.answers(fresh.owner.post("/promotions", sent), 409, "limit_reached")
    suite.answers(command(fresh.owner, first.data, "cancel", {"reason": "x"}), 200)
    suite.answers(fresh.owner.post("/promotions", sent), 201, text="after a cancellation")
    suite.answers(fresh.owner.post("/promotions", body(supplier_id=fresh.id)), 400, "validation_failed", "another's product")


# ---- machine ----------------------------------------------------------------------------------------------------------

BODIES = {"reject": {"reason": "no"}, "cancel": {"reason": "over"}, "revoke-approval": {"reason": "changed my mind"}}
ALLOWED = {
    "draft":            {"submit": "pending_approval", "cancel": "cancelled", "delete": "deleted", "patch": "draft"},
    "pending_approval": {"approve": "active", "reject": "rejected", "revise": "draft", "cancel": "cancelled"},
    "scheduled":        {"cancel": "cancelled", "revoke-approval": "cancelled", "patch": "scheduled"},
    "active":           {"pause": "paused", "cancel": "cancelled", "revoke-approval": "cancelled", "patch": "active"},
    "paused":           {"resume": "active", "cancel": "cancelled", "revoke-approval": "cancelled", "patch": "paused"},
    "cancelled":        {"delete": "deleted"},
    "rejected":         {"revise": "draft", "cancel": "cancelled", "delete": "deleted"},
    "deleted":          {"restore": "draft"},
}
COMMANDS = ("submit", "approve", "reject", "revise", "pause", "resume", "cancel", "revoke-approval", "delete", "restore", "patch")


def run(promotion, name, client, version):
    if name == "patch":
        return client.patch(f"/promotions/{promotion['id']}", {"ends_at": at(days=6)}, version=version)
    if name == "delete":
        return client.delete(f"/promotions/{promotion['id']}")
    return command(client, promotion, name, BODIES.get(name))


@suite.case
def every_state_and_command():
    for state, rows in ALLOWED.items():
        for name in COMMANDS:
            promotion = promotion_in(state)
            asker = admin if name in ("approve", "reject", "revoke-approval") else shop.owner
            seen = admin.get(f"/promotions/{promotion['id']}?include_deleted=true").data
            reply = run(promotion, name, asker, seen["version"])
            if name in rows:
                suite.answers(reply, 200, text=f"{state} {name}")
                suite.equal((reply.data or {}).get("status"), rows[name], f"{state} {name}")
            elif state == "deleted" and asker is shop.owner:
                suite.answers(reply, 404, "not_found", f"{state} {name}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{state} {name}")


@suite.case
def an_ended_one_can_only_be_deleted():
    promotion = ending_soon()
    suite.equal(wait_for(promotion, "ended")["status"], "ended", "ended")
    for name in COMMANDS:
        if name != "delete":
            asker = admin if name in ("approve", "reject", "revoke-approval") else shop.owner
            suite.answers(run(promotion, name, asker, read(promotion).data["version"]), 409, "invalid_transition", name)
    suite.equal(run(promotion, "delete", shop.owner, None).data["status"], "deleted", "deleted")
    suite.equal(must(shop.owner, promotion, "restore")["status"], "ended", "restored")


@suite.case
def rights_of_each_command():
    everybody = (shop.owner, manager, staff, lea, leo, admin, stranger)
    cases = (       # state, command, status for each of everybody; makers (of Lea) is a target, not cooks (of Leo)
        ("draft", "patch", (200, 200, 403, 403, 404, 403, 404)),
        ("draft", "submit", (200, 200, 403, 403, 404, 403, 404)),
        ("rejected", "revise", (200, 200, 403, 403, 404, 403, 404)),
        ("active", "pause", (200, 200, 403, 403, 403, 400, 403)),
        ("paused", "resume", (200, 200, 403, 403, 404, 200, 404)),
        ("active", "cancel", (200, 200, 403, 403, 403, 200, 403)),
        ("draft", "delete", (200, 200, 403, 403, 404, 200, 404)),
        ("pending_approval", "reject", (403, 403, 403, 200, 404, 200, 404)),
        ("active", "revoke-approval", (403, 403, 403, 200, 403, 200, 403)),
    )
    for state, name, row in cases:
        for client, status in zip(everybody, row):
            promotion = make(visibility="communities", community_ids=[makers["id"]])
            if state != "draft":
                must(shop.owner, promotion, "submit")
            if state == "rejected":
                must(lea, promotion, "reject", {"reason": "no"})
            if state in ("active", "paused"):
                must(lea, promotion, "approve")
            if state == "paused":
                must(shop.owner, promotion, "pause")
            sent = {**BODIES.get(name, {}), "community_id": makers["id"]} if name in ("reject", "revoke-approval") else BODIES.get(name)
            if name in ("patch", "delete"):
                reply = run(promotion, name, client, read(promotion).data["version"])
            else:
                reply = command(client, promotion, name, sent)
            suite.answers(reply, status, text=f"{state} {name} {row} {client.user['profile']['display_name']}")
    for client, status in ((manager, 201), (staff, 403), (lea, 403), (admin, 403), (server.client(), 401)):
        suite.answers(client.post("/promotions", body()), status, text="create")


@suite.case
def who_sees_one_that_is_not_active():
    promotion = make(visibility="communities", community_ids=[makers["id"], cooks["id"]])
    for client, status in ((shop.owner, 200), (staff, 200), (admin, 200), (lea, 200), (stranger, 404), (server.client(), 404)):
        suite.answers(read(promotion, client), status)
    must(shop.owner, promotion, "submit")
    data = read(promotion, lea).data
    suite.equal(data["community_ids"], [makers["id"]], "owners see their own target")
    suite.equal([row["community_id"] for row in data["approvals"]], [makers["id"]], "and their own approval")
    must(lea, promotion, "approve", {"community_id": makers["id"]})
    must(leo, promotion, "approve")
    data = read(promotion, stranger).data
    suite.equal(data["status"], "active", "active: everybody")
    for name in ("visibility", "community_ids", "approvals", "product_snapshots", "content_version"):
        suite.check(name not in data, f"{name} is not for everybody")


# ---- approvals --------------------------------------------------------------------------------------------------------

@suite.case
def all_targets_have_to_approve():
    promotion = make(visibility="both", community_ids=[makers["id"], cooks["id"]])
    must(shop.owner, promotion, "submit")
    suite.answers(command(lea, promotion, "approve", {"community_id": cooks["id"]}), 403, "forbidden")
    suite.answers(command(admin, promotion, "approve", {"community_id": makers["id"]}), 403, "forbidden", "its owner is active")
    suite.answers(command(lea, promotion, "approve", {"community_id": shop.id}), 404, "not_found")
    suite.equal(must(lea, promotion, "approve")["status"], "pending_approval", "one of three")
    suite.answers(command(lea, promotion, "approve"), 409, "conflict", "twice")
    suite.equal(must(admin, promotion, "approve")["status"], "pending_approval", "two of three")
    data = must(leo, promotion, "approve", {"community_id": cooks["id"]})
    suite.equal(data["status"], "active", "all")
    data = read(promotion).data
    suite.equal({row["decision"] for row in data["approvals"]}, {"approved"}, "approvals")
    suite.check(data["first_activated_at"], "first_activated_at")
    suite.check(data["version"] > 5, "each event raised the version")


@suite.case
def the_staff_approves_for_a_community_whose_owner_is_not_active():
    gone = leader(server, admin, "Gone")
    theirs = community(gone)
    promotion = make(visibility="communities", community_ids=[theirs["id"]])
    must(shop.owner, promotion, "submit")
    suite.answers(command(admin, promotion, "approve", {"community_id": theirs["id"]}), 403, "forbidden")
    suite.answers(admin.post(f"/admin/users/{gone.id}/suspend", {"reason": "away"}), 200)
    suite.equal(command(admin, promotion, "approve", {"community_id": theirs["id"]}).data["status"], "active", "approved")


@suite.case
def one_rejection_rejects_the_whole_and_unchanged_content_keeps_its_approvals():
    promotion = make(visibility="communities", community_ids=[makers["id"], cooks["id"]])
    must(shop.owner, promotion, "submit")
    must(lea, promotion, "approve")
    suite.equal(must(leo, promotion, "reject", {"reason": "not here"})["status"], "rejected", "rejected")
    suite.equal(read(promotion).data["reason"], "not here", "reason")
    must(shop.owner, promotion, "revise")
    suite.answers(patch(promotion, {"community_ids": [makers["id"]]}), 200)
    data = must(shop.owner, promotion, "submit")
    suite.equal(data["status"], "active", "nobody's answer is missing")
    suite.equal(data["content_version"], 1, "content")


@suite.case
def changed_content_asks_again():
    promotion = make(visibility="communities", community_ids=[makers["id"], cooks["id"]])
    must(shop.owner, promotion, "submit")
    must(lea, promotion, "approve")
    must(shop.owner, promotion, "revise")
    reply = patch(promotion, {"title": "Better"})
    suite.equal(reply.data["content_version"], 2, "content version")
    must(shop.owner, promotion, "submit")
    suite.equal({row["decision"] for row in read(promotion).data["approvals"]}, {"pending"}, "all anew")
    must(shop.owner, promotion, "revise")
    suite.equal(patch(promotion, {"community_ids": [makers["id"]]}).data["content_version"], 2, "targets are no content")


@suite.case
def revoking_the_last_approval_cancels():
    promotion = make(visibility="communities", community_ids=[makers["id"], cooks["id"]])
    must(shop.owner, promotion, "submit")
    must(lea, promotion, "approve")
    must(leo, promotion, "approve")
    suite.equal(must(lea, promotion, "revoke-approval", {"reason": "spam"})["status"], "active", "one is left")
    suite.answers(command(lea, promotion, "revoke-approval", {"reason": "spam"}), 409, "conflict")
    suite.equal(stranger.get(f"/promotions?community_id={makers['id']}&product_id={product['id']}").data[:1] == [], False, "others are there")
    listed = [entry["id"] for entry in stranger.pages(f"/promotions?community_id={makers['id']}", limit=100)]
    suite.check(promotion["id"] not in listed, "not shown there any more")
    suite.equal(must(leo, promotion, "revoke-approval", {"reason": "spam"})["status"], "cancelled", "the last one")


@suite.case
def submit_wants_all_ready():
    draft = shop.product(published=False)
    promotion = make(products=[{"product_id": draft["id"]}])
    reply = command(shop.owner, promotion, "submit")
    suite.answers(reply, 409, "incomplete")
    suite.equal(reply.paths, ["products[0].product_id"], "paths")
    promotion = suite.before(300, lambda milliseconds, _: make(starts_at=at(hours=-2), ends_at=at(milliseconds=milliseconds)))
    ends_at = datetime.fromisoformat(promotion["ends_at"].replace("Z", "+00:00"))
    time.sleep(max((ends_at - datetime.now(timezone.utc)).total_seconds(), 0) + 0.1)
    suite.equal(command(shop.owner, promotion, "submit").paths, ["ends_at"], "end is past")


@suite.case
def snapshots_are_taken_at_submit():
    promotion = promotion_in("pending_approval")
    snapshot = read(promotion).data["product_snapshots"][0]
    suite.equal((snapshot["product_id"], snapshot["product_name"], snapshot["original_price"]),
                (product["id"], product["name"], money(500)), "snapshot")
    suite.equal([row["price"] for row in snapshot["variants"]], [money(9999), money(500)], "prices")
    suite.equal(read(promotion).data["lowest_offer_price"], money(350), "lowest offer price")


# ---- changing an approved one -----------------------------------------------------------------------------------------

@suite.case
def an_approved_one_may_only_end_earlier():
    promotion = promotion_in("active")
    reply = patch(promotion, {"title": "Other", "ends_at": at(days=1)})
    suite.answers(reply, 409, "conflict")
    suite.equal(reply.paths, ["title"], "path")
    suite.answers(patch(promotion, {"ends_at": at(days=8)}), 409, "conflict")
    suite.answers(patch(promotion, {"ends_at": None}), 409, "conflict")
    suite.answers(patch(promotion, {"ends_at": at(hours=-1)}), 409, "conflict")
    suite.before(400, lambda milliseconds, _: suite.answers(patch(promotion, {"ends_at": at(milliseconds=milliseconds)}), 200))
    suite.equal(wait_for(promotion, "ended")["status"], "ended", "it ends")
    suite.answers(shop.owner.patch(f"/promotions/{promotion['id']}", {"title": "x"}), 428, "version_required")


@suite.case
def what_the_staff_paused_only_it_resumes():
    promotion = promotion_in("active")
    must(admin, promotion, "pause", {"reason": "checked"})
    suite.answers(command(shop.owner, promotion, "resume"), 403, "forbidden")
    first = must(admin, promotion, "resume")["first_activated_at"]
    must(shop.owner, promotion, "pause")
    suite.equal(must(shop.owner, promotion, "resume")["first_activated_at"], first, "first_activated_at stays")


@suite.case
def deleted_ones_are_restored_by_who_deleted_them():
    promotion = promotion_in("cancelled")
    suite.answers(manager.delete(f"/promotions/{promotion['id']}"), 200)
    suite.answers(read(promotion), 404, "not_found")
    suite.answers(command(shop.owner, promotion, "restore"), 403, "forbidden")
    suite.equal(must(manager, promotion, "restore")["status"], "cancelled", "as before")


# ---- timers -----------------------------------------------------------------------------------------------------------

@suite.case
def start_and_end_come_by_themselves():
    def scheduled(milliseconds, _):
        promotion = make(starts_at=at(milliseconds=milliseconds), ends_at=at(milliseconds=2 * milliseconds + 1000))
        must(shop.owner, promotion, "submit")
        suite.equal(must(admin, promotion, "approve")["status"], "scheduled", "scheduled")
        suite.equal(read(promotion).data["first_activated_at"], None, "not yet")
        return promotion
    promotion = suite.before(700, scheduled)
    suite.check(wait_for(promotion, "active")["first_activated_at"], "active")
    suite.equal(wait_for(promotion, "ended")["status"], "ended", "ended")


@suite.case
def a_paused_one_ends_too():
    promotion = ending_soon("pause")
    suite.equal(wait_for(promotion, "ended")["status"], "ended", "ended")


@suite.case
def an_end_without_answer_rejects():
    def submitted(milliseconds, _):
        promotion = make(ends_at=at(milliseconds=milliseconds))
        must(shop.owner, promotion, "submit")
        return promotion
    promotion = suite.before(600, submitted)
    data = wait_for(promotion, "rejected")
    suite.equal((data["status"], data["reason"]), ("rejected", "window_over"), "window over")


@suite.case
def nobody_answers():
    hasty = Server(settings={"promotions.approval_time": 300})
    boss = hasty.admin()
    theirs = Supplier(hasty, boss)
    sent = body(supplier_id=theirs.id, products=[{"product_id": theirs.product()["id"]}])
    promotion = theirs.owner.post("/promotions", sent).data
    suite.answers(command(theirs.owner, promotion, "submit"), 200)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and theirs.owner.get(f"/promotions/{promotion['id']}").data["status"] != "rejected":
        time.sleep(0.05)
    data = theirs.owner.get(f"/promotions/{promotion['id']}").data
    suite.equal((data["status"], data["reason"]), ("rejected", "no_answer"), "rejected")
    hasty.remove()


@suite.case
def timers_survive_a_crash():
    promotion = make(starts_at=at(milliseconds=1500))
    must(shop.owner, promotion, "submit")
    must(admin, promotion, "approve")
    server.kill()
    server.restart()
    suite.equal(wait_for(promotion, "active")["status"], "active", "active")


# ---- products and communities that go ---------------------------------------------------------------------------------

@suite.case
def products_in_promotions_stay():
    mine = shop.product()
    promotion = promotion_in("active", products=[{"product_id": mine["id"]}])
    path = f"/products/{mine['id']}"
    suite.answers(shop.owner.post(path + "/archive"), 409, "in_promotion")
    suite.answers(shop.owner.delete(path), 409, "in_promotion")
    suite.answers(admin.post(path + "/archive", {"reason": "fake"}), 200)
    data = wait_for(promotion, "cancelled")
    suite.equal((data["status"], data["reason"]), ("cancelled", "product_gone"), "cancelled with it")
    suite.answers(shop.owner.delete(path), 200, text="free again")


@suite.case
def a_deleted_community_is_taken_out():
    theirs = community(lea)
    waiting = make(visibility="communities", community_ids=[theirs["id"]])
    must(shop.owner, waiting, "submit")
    shown = make(visibility="communities", community_ids=[theirs["id"], cooks["id"]])
    must(shop.owner, shown, "submit")
    must(lea, shown, "approve")
    must(leo, shown, "approve")
    suite.answers(lea.delete(f"/communities/{theirs['id']}"), 200)
    suite.equal(wait_for(waiting, "rejected")["reason"], "community_deleted", "pending target")
    decisions = {}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and decisions.get(theirs["id"]) != "revoked":
        decisions = {row["community_id"]: row["decision"] for row in read(shown).data["approvals"]}
    suite.equal(decisions, {theirs["id"]: "revoked", cooks["id"]: "approved"}, "approved target")
    suite.equal(read(shown).data["status"], "active", "the other one keeps it")


# ---- lists, clicks, performance ---------------------------------------------------------------------------------------

@suite.case
def lists_hold_active_ones():
    mine = Supplier(server, admin)
    theirs = mine.product()

    def begun(**more):
        sent = body(supplier_id=mine.id, products=[{"product_id": theirs["id"]}], **more)
        return mine.owner.post("/promotions", sent).data

    active, draft = begun(visibility="both", community_ids=[makers["id"]]), begun()
    must(mine.owner, active, "submit")
    must(admin, active, "approve")
    must(lea, active, "approve", {"community_id": makers["id"]})

    def ids(query, client=stranger):
        return [entry["id"] for entry in client.get("/promotions" + query).data]

    suite.equal(ids(f"?supplier_id={mine.id}"), [active["id"]], "of a supplier")
    suite.equal(ids(f"?product_id={theirs['id']}"), [active["id"]], "of a product")
    suite.equal(ids(f"?community_id={makers['id']}&supplier_id={mine.id}"), [active["id"]], "in a community")
    suite.equal(ids(f"?community_id={cooks['id']}&supplier_id={mine.id}"), [], "in another")
    suite.equal(ids(f"?supplier_id={mine.id}&type=campaign"), [], "type")
    suite.equal(ids(f"?supplier_id={mine.id}&status=draft"), [], "drafts are not for others")
    suite.equal(ids(f"?supplier_id={mine.id}&status=draft", mine.owner), [draft["id"]], "but for the team")
    suite.equal(ids(f"?supplier_id={mine.id}&status=draft", admin), [draft["id"]], "and the staff")
    suite.equal([entry["id"] for entry in stranger.get(f"/suppliers/{mine.id}/promotions").data], [active["id"]], "by its path")
    products = [entry["id"] for entry in stranger.get(f"/products?promotion_id={active['id']}&supplier_id={mine.id}").data]
    suite.equal(products, [theirs["id"]], "products of a promotion")
    stats = stranger.get(f"/communities/{makers['id']}").data["stats"]["promotion_count"]
    must(mine.owner, active, "pause")
    suite.equal(stranger.get(f"/communities/{makers['id']}").data["stats"]["promotion_count"], stats - 1, "promotion_count")


@suite.case
def clicks_are_counted_by_audience():
    promotion = make(visibility="both", community_ids=[makers["id"]])
    must(shop.owner, promotion, "submit")
    suite.answers(command(stranger, promotion, "click"), 404, "not_found", "not seen yet")
    suite.answers(command(shop.owner, promotion, "click"), 409, "promotion_not_applicable", "not shown yet")
    must(admin, promotion, "approve")
    must(lea, promotion, "approve", {"community_id": makers["id"]})
    version = read(promotion).data["version"]
    join(stranger, makers)
    for client, sent in ((stranger, {}), (server.client(), {}), (stranger, {"community_id": makers["id"]})):
        suite.answers(command(client, promotion, "click", sent), 204)
    suite.answers(command(stranger, promotion, "click", {"community_id": cooks["id"]}), 409, "promotion_not_applicable")
    suite.answers(command(stranger, promotion, "click", {"community_id": 7}), 400, "validation_failed")
    data = shop.owner.get(f"/promotions/{promotion['id']}/performance").data
    suite.equal([(row["community_id"], row["clicks"]) for row in data["rows"]], [(None, 2), (makers["id"], 1)], "rows")
    suite.equal((data["total"]["clicks"], data["total"]["revenue"]), (3, money(0)), "total")
    suite.equal(read(promotion).data["version"], version, "clicks raise no version")
    data = lea.get(f"/promotions/{promotion['id']}/performance").data
    suite.equal([row["community_id"] for row in data["rows"]], [makers["id"]], "owners see their own row")
    suite.answers(stranger.get(f"/promotions/{promotion['id']}/performance"), 403, "forbidden")
    server.kill()
    server.restart()
    suite.equal(shop.owner.get(f"/promotions/{promotion['id']}/performance").data["total"]["clicks"], 3, "after a crash")


@suite.case
def a_suspended_supplier_gives_no_price():
    mine = Supplier(server, admin)
    sent = body(supplier_id=mine.id, products=[{"product_id": mine.product()["id"]}])
    promotion = mine.owner.post("/promotions", sent).data
    must(mine.owner, promotion, "submit")
    must(admin, promotion, "approve")
    suite.answers(command(stranger, promotion, "click"), 204)
    suite.answers(admin.post(f"/suppliers/{mine.id}/suspend", {"reason": "checked"}), 200)
    suite.answers(command(stranger, promotion, "click"), 409, "promotion_not_applicable")
    suite.equal(admin.get(f"/promotions/{promotion['id']}").data["status"], "active", "its state stays")
    suite.answers(admin.post(f"/suppliers/{mine.id}/reinstate", {"reason": "fine"}), 200)
    suite.answers(command(stranger, promotion, "click"), 204)


@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
