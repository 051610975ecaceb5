"""Suppliers: their life cycle, team, documents, bank account and locations."""

from harness import PASSWORD, Server, Suite

suite = Suite("supplier")
server = Server()
admin = server.admin()
REASON = {"reason": "as the rules say"}
NOBODY = "00000000-0000-7000-8000-000000000000"
IBAN = "DE89370400440532013000"
ADDRESS = {"line1": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"}
COMPANY = {"legal_name": "Sue's Goods Ltd", "tax_id": "DE123456789", "registration": "HRB 1", "country": "DE",
           "address": ADDRESS}
STATES = ("pending", "submitted", "verified", "rejected", "suspended", "banned", "deleted")


def name(text="Supplier"):
    name.number += 1
    return f"{text} {name.number}"


name.number = 0


class Shop:
    """A supplier with its owner, in a state."""

    def __init__(self, state="pending", complete=True):
        self.owner = server.user("Sue")
        self.name = name()
        reply = self.owner.post("/suppliers", {"name": self.name, "company": COMPANY if complete else {}})
        if reply.status != 201:
            raise AssertionError(repr(reply))
        self.id = reply.data["id"]
        self.path = "/suppliers/" + self.id
        if complete:
            self.owner.post(self.path + "/documents", {"kind": "license", "title": "License", "media_id": self.owner.upload()})
            self.owner.put(self.path + "/banking", {"holder": "Sue", "iban": IBAN, "password": PASSWORD})
            self.location = self.add_location("Main")
        self.bring(state)

    def bring(self, state):
        steps = {"pending": [], "submitted": ["submit"], "verified": ["submit", "verify"],
                 "rejected": ["submit", "reject"], "suspended": ["submit", "verify", "suspend"], "banned": ["ban"],
                 "deleted": ["delete"]}[state]
        for step in steps:
            reply = self.command(step)
            if reply.status != 200:
                raise AssertionError(f"{step}: {reply}")

    def command(self, command, by=None):
        if command == "submit":
            return (by or self.owner).post(self.path + "/submit")
        if command == "delete":
            return (by or self.owner).delete(self.path)
        return (by or admin).post(f"{self.path}/{command}", None if command == "verify" else REASON)

    def add_location(self, title, **more):
        reply = self.owner.post(self.path + "/locations", {"name": title, "address": ADDRESS, **more})
        if reply.status != 201:
            raise AssertionError(repr(reply))
        return reply.data["locations"][-1]["id"]

    def member(self, role):
        client = server.user(role.title())
        reply = self.owner.put(f"{self.path}/members/{client.id}", {"role": role})
        if reply.status != 200:
            raise AssertionError(repr(reply))
        return client

    @property
    def data(self):
        return admin.get(self.path + "?include_deleted=true").data


# ---- Creating --------------------------------------------------------------------------------------------------------

@suite.case
def founding_a_supplier():
    sue, title = server.user("Sue"), name("Größe & Söhne")
    suite.answers(server.client().post("/suppliers", {"name": title}), 401, "unauthorized")
    reply = sue.post("/suppliers", {"name": title, "description": "Fine goods", "logo_url": "https://example.com/l.png"})
    suite.answers(reply, 201)
    suite.equal(reply.data["status"], "pending", "not verified yet")
    suite.equal(reply.headers["Location"], "/api/v1/suppliers/" + reply.data["id"], "where it is")
    suite.equal(reply.data["limits"], {"max_products": 1000, "max_promotions": 20}, "the usual limits")
    suite.equal(reply.data["metrics"]["rating"], None, "no reviews yet")
    suite.check(reply.data["slug"], "made from the name")
    by_slug = sue.get("/suppliers/" + reply.data["slug"])
    suite.equal(by_slug.data["id"], reply.data["id"], "found by its slug")
    suite.equal(sue.get("/sellers/" + reply.data["id"]).data["id"], reply.data["id"], "the other path")
    mine = sue.get("/users/me/suppliers")
    suite.equal([(row["supplier_id"], row["role"]) for row in mine.data], [(reply.data["id"], "owner")], "its owner")


@suite.case
def names_and_slugs_are_unique():
    sue, title = server.user("Sue"), name("Ärger und Ñandú")
    first = sue.post("/suppliers", {"name": title, "slug": f"slug-{name.number}"})
    suite.answers(first, 201)
    for other in (title, title.upper(), title.lower(), "  " .join(title.split(" "))):
        reply = server.user("Sam").post("/suppliers", {"name": other})
        suite.answers(reply, 409, "name_taken", other)
        suite.equal(reply.paths, ["name"], "which field")
    reply = server.user("Sam").post("/suppliers", {"name": name(), "slug": first.data["slug"]})
    suite.answers(reply, 409, "slug_taken")
    sue.delete("/suppliers/" + first.data["id"])
    suite.answers(server.user("Sam").post("/suppliers", {"name": title}), 409, "name_taken", text="also while deleted")
    twins = [server.user("Sam").post("/suppliers", {"name": text}).data["slug"] for text in ("Twin A!", "Twin A?")]
    suite.equal(twins, ["twin-a", "twin-a-2"], "suffixes")


@suite.case
def fields_have_limits():
    sue = server.user("Sue")
    for body, path in (({}, "name"), ({"name": ""}, "name"), ({"name": "x" * 121}, "name"), ({"name": 7}, "name"),
                       ({"name": "x\ny"}, "name"), ({"name": name(), "slug": "No Slug"}, "slug"),
                       ({"name": name(), "slug": "ab"}, "slug"), ({"name": name(), "description": "x" * 4001}, "description"),
                       ({"name": name(), "logo_url": "ftp://example.com"}, "logo_url"),
                       ({"name": name(), "company": {"legal_name": "x" * 201}}, "company.legal_name"),
                       ({"name": name(), "company": {"tax_id": "x" * 41}}, "company.tax_id"),
                       ({"name": name(), "company": {"registration": "x" * 81}}, "company.registration"),
                       ({"name": name(), "company": {"country": "Germany"}}, "company.country"),
                       ({"name": name(), "company": {"address": {"line1": "x" * 121}}}, "company.address.line1"),
                       ({"name": name(), "locations": []}, "locations"), ({"name": name(), "documents": []}, "documents"),
                       ({"name": name(), "banking": {}}, "banking"), ({"name": name(), "status": "verified"}, "status"),
                       ({"name": name(), "colour": "red"}, "colour")):
        reply = sue.post("/suppliers", body)
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.paths, [path], "which field")
    reply = sue.post("/suppliers", {"name": name(), "limits": {"max_products": 10}})
    suite.answers(reply, 403, "forbidden", "only staff sets limits")
    suite.equal(sue.get("/users/me/suppliers").data, [], "nothing was founded")
    suite.answers(sue.post("/suppliers", {"name": "ж" * 120, "description": "x\n" * 2000}), 201)


@suite.case
def a_person_owns_three():
    sue = server.user("Sue")
    made = [sue.post("/suppliers", {"name": name()}) for _ in range(4)]
    suite.equal([reply.status for reply in made], [201, 201, 201, 409], "three, not four")
    suite.equal(made[3].code, "limit_reached", "why")
    suite.answers(sue.delete("/suppliers/" + made[0].data["id"]), 200)
    suite.answers(sue.post("/suppliers", {"name": name()}), 201, text="a closed one does not count")
    shop = Shop()
    suite.answers(shop.owner.put(f"{shop.path}/members/{sue.id}", {"role": "owner"}), 409, "limit_reached")
    suite.answers(shop.owner.put(f"{shop.path}/members/{sue.id}", {"role": "manager"}), 200)


# ---- Life cycle ------------------------------------------------------------------------------------------------------

@suite.case
def every_state_and_command():
    allowed = {("pending", "submit"): "submitted", ("rejected", "submit"): "submitted",
               ("submitted", "verify"): "verified", ("submitted", "reject"): "rejected",
               ("verified", "suspend"): "suspended", ("suspended", "reinstate"): "verified",
               ("deleted", "restore"): "pending"}
    for state in STATES:
        if state not in ("banned", "deleted"):
            allowed[(state, "ban")] = "banned"
            allowed[(state, "delete")] = "deleted"
    for state in STATES:
        for command in ("submit", "verify", "reject", "suspend", "reinstate", "ban", "delete", "restore"):
            shop = Shop(state)
            by = admin if command == "delete" and state in ("banned", "deleted") else None
            reply = shop.command(command, by)
            expected = allowed.get((state, command))
            if expected:
                suite.answers(reply, 200, text=f"{command} of {state}")
            elif state == "deleted" and command == "submit":
                suite.answers(reply, 404, "not_found", "the team sees it no more")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{command} of {state}")
            suite.equal(shop.data["status"], expected or state, f"after {command} of {state}")


@suite.case
def submitting_wants_all_of_it():
    shop = Shop(complete=False)
    reply = shop.command("submit")
    suite.answers(reply, 409, "incomplete")
    suite.equal(reply.paths, ["banking", "company.legal_name", "company.tax_id", "documents", "locations"], "all missing paths")
    version = shop.owner.get(shop.path).data["version"]
    shop.owner.patch(shop.path, {"company": COMPANY}, version=version)
    shop.owner.post(shop.path + "/documents", {"kind": "tax", "title": "Tax", "media_id": shop.owner.upload()})
    reply = shop.command("submit")
    suite.equal(reply.paths, ["banking", "locations"], "what is left")
    shop.owner.put(shop.path + "/banking", {"holder": "Sue", "account": "12345678", "routing": "021000021"})
    shop.add_location("Main")
    suite.answers(shop.command("submit"), 200)
    suite.check(shop.data["submitted_at"], "when")


@suite.case
def restoring_goes_back_to_the_state_before():
    for state in ("pending", "submitted", "verified", "rejected", "suspended"):
        shop = Shop(state)
        suite.answers(shop.command("delete"), 200)
        suite.answers(server.client().get(shop.path), 404, "not_found")
        suite.answers(admin.get(shop.path), 404, "not_found")
        suite.answers(admin.get(shop.path + "?include_deleted=true"), 200)
        suite.answers(shop.owner.post(shop.path + "/restore", REASON), 404, "not_found")
        suite.equal(shop.command("restore").data["status"], state, "as before")


@suite.case
def rights_of_the_commands():
    people = {"stranger": server.user("Bob"), "nobody": server.client(), "admin": admin}
    shop = Shop()
    people.update(owner=shop.owner, manager=shop.member("manager"), staff=shop.member("staff"))
    rights = {"submit": {"owner"}, "verify": {"admin"}, "reject": {"admin"}, "suspend": {"admin"},
              "reinstate": {"admin"}, "ban": {"admin"}, "restore": {"admin"}}
    for command, allowed in rights.items():
        for role, client in people.items():
            if role in allowed:
                continue
            expected = (401, "unauthorized") if role == "nobody" else (403, "forbidden")
            suite.answers(shop.command(command, client), *expected, f"{command} by {role}")
    for role in ("stranger", "nobody", "manager", "staff"):
        expected = (401, "unauthorized") if role == "nobody" else (403, "forbidden")
        suite.answers(people[role].delete(shop.path), *expected, f"delete by {role}")
    changes = [("patch", "", {"description": "x"}, {"owner", "manager", "admin"}),
               ("post", "/locations", {"name": "L", "address": ADDRESS}, {"owner", "manager", "admin"}),
               ("post", "/documents", {"kind": "tax", "title": "T", "media_id": people["owner"].upload()}, {"owner"}),
               ("put", "/banking", {"holder": "S", "iban": IBAN}, {"owner"}),
               ("put", f"/members/{people['stranger'].id}", {"role": "staff"}, {"owner"})]
    for method, path, body, allowed in changes:
        for role, client in people.items():
            if role in allowed:
                continue
            reply = client.request(method.upper(), shop.path + path, body, version="*" if method == "patch" else None)
            expected = (401, "unauthorized") if role == "nobody" else (403, "forbidden")
            suite.answers(reply, *expected, f"{method} {path} by {role}")
        for role in allowed:
            reply = people[role].request(method.upper(), shop.path + path, body, version="*" if method == "patch" else None)
            suite.check(reply.status in (200, 201), f"{method} {path} by {role}: {reply}")


@suite.case
def who_sees_what():
    shop = Shop("verified")
    manager, stranger = shop.member("manager"), server.user("Bob")
    public = {"legal_name": COMPANY["legal_name"], "country": "DE"}
    for reader in (stranger, server.client()):
        data = reader.get(shop.path).data
        suite.equal(data["company"], public, "of the company")
        suite.equal(data["locations"], [{"id": shop.location, "address": {"country": "DE"}}], "of the locations")
        for hidden in ("documents", "banking", "limits", "reason", "submitted_at"):
            suite.check(hidden not in data, f"{hidden} is hidden")
        suite.check("revenue" not in data["metrics"], "revenue is hidden")
    data = manager.get(shop.path).data
    suite.equal(data["locations"][0]["name"], "Main", "the team sees its locations")
    suite.equal(data["limits"]["max_products"], 1000, "and its limits")
    suite.check("revenue" in data["metrics"], "and its revenue")
    suite.equal(data["company"], public, "but not all of the company")
    suite.check("banking" not in data and "documents" not in data, "which is the owner's")
    for reader in (shop.owner, admin):
        data = reader.get(shop.path).data
        suite.equal(data["company"]["tax_id"], "•••6789", "masked")
        suite.equal(data["banking"]["iban"], "•••3000", "masked")
        suite.equal(data["banking"]["holder"], "Sue", "plain")
        suite.equal(data["documents"][0]["kind"], "license", "seen")
    suite.check(IBAN not in shop.owner.get(shop.path).body.decode(), "never whole")


# ---- Changing --------------------------------------------------------------------------------------------------------

@suite.case
def patching_a_supplier():
    shop = Shop()
    version = shop.data["version"]
    suite.answers(shop.owner.patch(shop.path, {"description": "x"}), 428, "version_required")
    suite.answers(shop.owner.patch(shop.path, {"description": "x"}, version=version - 1), 412, "stale_version")
    reply = shop.owner.patch(shop.path, {"name": shop.name + " & Co", "description": "new", "company": {"registration": "HRB 2"}},
                             version=version)
    suite.answers(reply, 200)
    suite.equal(reply.data["version"], version + 1, "one event")
    suite.equal(reply.data["company"]["registration"], "HRB 2", "changed")
    suite.equal(reply.data["company"]["legal_name"], COMPANY["legal_name"], "what is absent stays")
    suite.answers(shop.owner.patch(shop.path, {"company": {"tax_id": "•••6789"}}, version="*"), 400, "validation_failed",
                  "the masked number is not the number")
    suite.answers(shop.owner.patch(shop.path, {"name": None}, version="*"), 400, "validation_failed")
    suite.answers(shop.owner.patch(shop.path, {"limits": {"max_products": 5000}}, version="*"), 403, "forbidden")
    suite.equal(admin.patch(shop.path, {"limits": {"max_products": 5000}}, version="*").data["limits"],
                {"max_products": 5000, "max_promotions": 20}, "staff sets limits")
    suite.answers(Shop("banned").owner.patch(shop.path, {"description": "x"}, version="*"), 403, "forbidden")
    banned = Shop("banned")
    suite.answers(banned.owner.patch(banned.path, {"description": "x"}, version="*"), 409, "invalid_transition")


@suite.case
def the_company_is_fixed_once_submitted():
    for state in ("submitted", "verified", "suspended"):
        shop = Shop(state)
        reply = shop.owner.patch(shop.path, {"company": {"country": "AT"}}, version="*")
        suite.answers(reply, 403, "forbidden", state)
        suite.equal(reply.paths, ["company"], "which field")
        suite.answers(admin.patch(shop.path, {"company": {"country": "AT"}}, version="*"), 200, text="staff may")
    for state in ("pending", "rejected"):
        shop = Shop(state)
        suite.answers(shop.owner.patch(shop.path, {"company": {"country": "AT"}}, version="*"), 200, text=state)
    shop = Shop()
    suite.answers(shop.member("manager").patch(shop.path, {"company": {"country": "AT"}}, version="*"), 403, "forbidden")


@suite.case
def documents_come_and_go():
    shop = Shop()
    for body, path in (({"kind": "poem", "title": "T", "media_id": "m"}, "kind"), ({"title": "T", "media_id": "m"}, "kind"),
                       ({"kind": "tax", "title": "x" * 121, "media_id": "m"}, "title"), ({"kind": "tax", "title": "T"}, "media_id")):
        reply = shop.owner.post(shop.path + "/documents", body)
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.paths, [path], "which field")
    body = {"kind": "other", "title": "T", "media_id": shop.owner.upload()}
    for _ in range(19):
        suite.answers(shop.owner.post(shop.path + "/documents", body), 201)
    suite.answers(shop.owner.post(shop.path + "/documents", body), 409, "limit_reached")
    first = shop.data["documents"][0]["id"]
    suite.answers(shop.owner.delete(f"{shop.path}/documents/{first}"), 200)
    suite.equal(len(shop.data["documents"]), 19, "one less")
    suite.answers(shop.owner.delete(f"{shop.path}/documents/{first}"), 404, "not_found")
    suite.answers(shop.owner.delete(f"{shop.path}/documents/nonsense"), 404, "not_found")


@suite.case
def the_bank_account_is_checked():
    shop = Shop()
    path = shop.path + "/banking"
    for body, paths in (({"iban": IBAN}, ["holder"]), ({"holder": "S"}, ["iban"]), ({"holder": "S", "iban": IBAN[:-1] + "1"}, ["iban"]),
                        ({"holder": "S", "iban": "DE89 3704"}, ["iban"]), ({"holder": "S", "account": "1"}, ["routing"]),
                        ({"holder": "S", "routing": "1"}, ["account"]),
                        ({"holder": "S", "iban": IBAN, "account": "1", "routing": "1"}, ["iban"])):
        reply = shop.owner.put(path, body)
        suite.answers(reply, 400, "validation_failed", str(body))
        suite.equal(reply.paths, paths, "which field")
    suite.answers(shop.owner.put(path, {"holder": "S", "iban": IBAN, "password": "wrong password"}), 403, "forbidden")
    reply = shop.owner.put(path, {"holder": "New", "account": "12345678", "routing": "021000021", "password": PASSWORD})
    suite.answers(reply, 200)
    suite.equal(reply.data["banking"], {"holder": "New", "iban": None, "account": "•••5678", "routing": "•••0021"}, "replaced")


@suite.case
def locations_come_and_go():
    shop = Shop()
    suite.answers(server.user("Bob").get(shop.path + "/locations"), 403, "forbidden")
    for body, path in (({"address": ADDRESS}, "name"), ({"name": "L"}, "address"), ({"name": "x" * 81, "address": ADDRESS}, "name"),
                       ({"name": "L", "address": {**ADDRESS, "country": "Germany"}}, "address.country"),
                       ({"name": "L", "address": ADDRESS, "priority": 1000}, "priority"),
                       ({"name": "L", "address": ADDRESS, "priority": -1}, "priority"),
                       ({"name": "L", "address": ADDRESS, "active": "yes"}, "active"),
                       ({"id": NOBODY, "name": "L", "address": ADDRESS}, "id")):
        reply = shop.owner.post(shop.path + "/locations", body)
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.paths, [path], "which field")
    second = shop.add_location("Second", priority=999, active=False)
    rows = shop.owner.get(shop.path + "/locations").data["locations"]
    suite.equal([(row["name"], row["priority"], row["active"]) for row in rows], [("Main", 0, True), ("Second", 999, False)], "both")
    reply = shop.owner.patch(f"{shop.path}/locations/{second}", {"active": True, "address": {**ADDRESS, "country": "AT"}})
    suite.answers(reply, 200)
    row = reply.data["locations"][1]
    suite.equal((row["id"], row["name"], row["active"], row["address"]["country"]), (second, "Second", True, "AT"), "changed")
    suite.answers(shop.owner.patch(f"{shop.path}/locations/{second}", {"name": ""}), 400, "validation_failed")
    suite.answers(shop.owner.patch(f"{shop.path}/locations/{second}", {"address": {"city": "Bonn"}}), 400, "validation_failed",
                  "an address comes whole")
    for name in ("name", "address", "active"):
        suite.equal(shop.owner.patch(f"{shop.path}/locations/{second}", {name: None}).codes, {name: "required"}, "nothing is without")
    rows = shop.owner.patch(f"{shop.path}/locations/{second}", {"priority": None}).data["locations"]
    suite.equal((rows[1]["priority"], rows[1]["name"], rows[1]["active"]), (0, "Second", True), "null clears, and that alone")
    suite.answers(shop.owner.patch(f"{shop.path}/locations/{NOBODY}", {"active": True}), 404, "not_found")
    suite.answers(shop.owner.delete(f"{shop.path}/locations/{second}"), 200)
    suite.answers(shop.owner.delete(f"{shop.path}/locations/{second}"), 404, "not_found")
    for _ in range(19):
        shop.add_location("More")
    suite.answers(shop.owner.post(shop.path + "/locations", {"name": "L", "address": ADDRESS}), 409, "limit_reached")
    verified = Shop("verified")
    suite.answers(verified.owner.delete(f"{verified.path}/locations/{verified.location}"), 409, "conflict", "the last one stays")


# ---- The team --------------------------------------------------------------------------------------------------------

@suite.case
def a_team_has_roles():
    shop = Shop()
    ann, bob = server.user("Ann"), server.user("Bob")
    reply = shop.owner.put(f"{shop.path}/members/{ann.id}", {"role": "staff"})
    suite.answers(reply, 200)
    suite.equal((reply.data["role"], reply.data["status"], reply.data["version"]), ("staff", "active", 1), "a member")
    suite.equal(reply.data["user"]["display_name"], "Ann", "with the card")
    suite.equal(shop.owner.put(f"{shop.path}/members/{ann.id}", {"role": "staff"}).data["version"], 1, "again: nothing changes")
    suite.equal(shop.owner.put(f"{shop.path}/members/{ann.id}", {"role": "manager"}).data["version"], 2, "another role")
    suite.answers(ann.patch(shop.path, {"description": "by Ann"}, version="*"), 200, text="works at once")
    rows = ann.get(shop.path + "/members").data
    suite.equal([row["role"] for row in rows], ["owner", "manager"], "in the order they came")
    suite.answers(bob.get(shop.path + "/members"), 403, "forbidden")
    suite.answers(server.client().get(shop.path + "/members"), 401, "unauthorized")
    suite.answers(admin.get(shop.path + "/members"), 200)
    suite.answers(bob.get(f"/suppliers/{NOBODY}/members"), 404, "not_found")
    suite.answers(shop.owner.put(f"{shop.path}/members/{NOBODY}", {"role": "staff"}), 404, "not_found")
    suite.answers(shop.owner.put(f"/suppliers/{NOBODY}/members/{bob.id}", {"role": "staff"}), 404, "not_found")
    suite.answers(shop.owner.put(f"{shop.path}/members/{bob.id}", {"role": "king"}), 400, "validation_failed")
    suite.answers(shop.owner.put(f"{shop.path}/members/{bob.id}", {}), 400, "validation_failed")
    suite.answers(shop.owner.delete(f"{shop.path}/members/{ann.id}"), 200)
    suite.answers(ann.patch(shop.path, {"description": "again"}, version="*"), 403, "forbidden", "out at once")
    suite.answers(shop.owner.delete(f"{shop.path}/members/{ann.id}"), 409, "invalid_transition")
    suite.answers(shop.owner.delete(f"{shop.path}/members/{bob.id}"), 404, "not_found")
    suite.equal(ann.get("/users/me/suppliers").data, [], "no team")
    suite.answers(shop.owner.put(f"{shop.path}/members/{ann.id}", {"role": "staff"}), 200, text="back again")


@suite.case
def a_supplier_keeps_an_owner():
    shop = Shop()
    me = f"{shop.path}/members/{shop.owner.id}"
    suite.answers(shop.owner.put(me, {"role": "staff"}), 409, "conflict")
    suite.answers(shop.owner.delete(me), 409, "conflict")
    suite.answers(shop.owner.delete("/users/me", {"password": PASSWORD}), 409, "in_use")
    ann = shop.member("owner")
    suite.answers(shop.owner.delete("/users/me", {"password": PASSWORD}), 200, text="another one stays")
    suite.answers(ann.delete("/users/me", {"password": PASSWORD}), 409, "in_use", text="now the last")
    suite.answers(ann.put(f"{shop.path}/members/{ann.id}", {"role": "staff"}), 409, "conflict", text="now the last")
    rows = ann.get(shop.path + "/members").data
    suite.equal(rows[0]["user"], {"user_id": None, "display_name": "deleted user", "avatar": None}, "the link stays")
    suite.answers(ann.delete(shop.path), 200)
    suite.answers(ann.delete("/users/me", {"password": PASSWORD}), 200, text="a closed supplier needs nobody")
    suite.answers(shop.command("restore"), 409, "conflict", "but nobody is left to own it")
    admin.post(f"/admin/users/{ann.id}/restore", REASON)
    suite.answers(shop.command("restore"), 200)


@suite.case
def suppliers_are_listed():
    pending, verified, suspended = Shop(), Shop("verified"), Shop("suspended")
    public = [row["id"] for row in server.client().pages("/suppliers", limit=3)]
    suite.check(verified.id in public, "those that sell")
    suite.check(pending.id not in public and suspended.id not in public, "no others")
    everything = [row["id"] for row in admin.pages("/suppliers", limit=10)]
    suite.check({pending.id, verified.id, suspended.id} <= set(everything), "staff sees all")
    suite.equal(len(everything), len(set(everything)), "nothing twice")
    suite.check(everything.index(suspended.id) < everything.index(pending.id), "newest first")
    waiting = admin.pages("/suppliers?status=pending")
    suite.equal({row["status"] for row in waiting}, {"pending"}, "by state")
    suite.answers(server.client().get("/suppliers?status=pending"), 401, "unauthorized")
    suite.answers(verified.owner.get("/suppliers?status=pending"), 403, "forbidden")
    names = [row["name"].lower() for row in admin.pages("/suppliers?sort=name")]
    suite.check(names.index(pending.name.lower()) < names.index(suspended.name.lower()) or pending.name > suspended.name, "by name")
    suite.answers(admin.get("/suppliers?sort=price"), 400, "validation_failed")


@suite.case
def a_crash_loses_nothing():
    shop = Shop("verified")
    manager = shop.member("manager")
    before = shop.owner.get(shop.path)
    server.kill()
    server.restart()
    suite.equal(shop.owner.get(shop.path).data, before.data, "all of it, sealed parts too")
    suite.answers(manager.patch(shop.path, {"description": "after"}, version="*"), 200, text="the team")
    suite.answers(server.user("Sam").post("/suppliers", {"name": shop.name.upper()}), 409, "name_taken")


suite.main()
