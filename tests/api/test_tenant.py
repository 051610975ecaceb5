"""Tenants: whole marketplaces beside each other on one server, opened by the operator through the control socket."""

import json

from harness import PASSWORD, Server, Suite
from sales import ADDRESS

suite = Suite("tenant")
server = Server()
REASON = {"reason": "as the rules say"}
numbers = iter(range(1, 100000))


def operate(method, path, body=None, headers=()):
    """A request of the operator."""
    payload = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(payload)}"]
    lines += ["Content-Type: application/json"] if body is not None else []
    lines += [f"{name}: {value}" for name, value in headers]
    connection = server.control()
    connection.send("\r\n".join(lines).encode() + b"\r\n\r\n" + payload)
    reply = connection.reply()
    connection.close()
    return reply


def opened(**more):
    """A new tenant."""
    slug = f"market-{next(numbers)}"
    reply = operate("POST", "/api/admin/tenants", {"slug": slug, "name": "A market", **more})
    if reply.status != 201:
        raise AssertionError(repr(reply))
    return reply.data


def registered(slug, email):
    """A verified user of a tenant, logged in there."""
    client = server.client(tenant=slug)
    body = {"email": email, "password": PASSWORD, "display_name": "Pat", "accept_terms": True}
    token = client.post("/auth/register", body).data["verification_token"]
    client.post("/auth/verify", {"token": token})
    reply = client.post("/auth/login", {"email": email, "password": PASSWORD})
    client.token, client.user = reply.data["access_token"], reply.data["user"]
    return client


@suite.case
def opening_a_marketplace():
    data = opened()
    suite.equal((data["status"], data["currency"], data["prices_include_tax"], data["shipping_taxable"], data["anonymous_read"]),
                ("active", "USD", False, True, True), "as it begins")
    found = operate("GET", "/api/admin/tenants/" + data["slug"])
    suite.equal((found.status, found.data["id"]), (200, data["id"]), "by its slug")
    suite.equal(operate("GET", "/api/admin/tenants/" + data["id"]).data["slug"], data["slug"], "by its id")
    again = operate("POST", "/api/admin/tenants", {"slug": data["slug"], "name": "Another"})
    suite.equal(again.status, 409, "once")
    slugs = [row["slug"] for row in operate("GET", "/api/admin/tenants?limit=100").data]
    suite.equal(slugs[0], data["slug"], "newest first")


@suite.case
def only_the_operator_may():
    for client in (server.client(), server.user("Ann"), server.admin()):
        for method, path, body in (("GET", "//api/admin/tenants", None), ("POST", "//api/admin/tenants", {"slug": "x-y", "name": "X"}),
                                   ("GET", "//api/admin/tenants/default", None)):
            reply = client.request(method, path, body)
            suite.check(reply.status in (401, 403), f"{method} {path}: {reply}")


@suite.case
def fields_have_limits():
    good = {"slug": "limits", "name": "Limits"}
    for more, path in (({"slug": "A B"}, "slug"), ({"slug": "admin"}, "slug"), ({"slug": None}, "slug"), ({"name": ""}, "name"),
                       ({"name": "x" * 121}, "name"), ({"currency": "dollars"}, "currency"),
                       ({"tax_rates": [{"country": "DE", "rate_bp": 10001}]}, "tax_rates[0].rate_bp"),
                       ({"tax_rates": [{"rate_bp": 1}]}, "tax_rates[0].country"),
                       ({"settings": [{"name": "no.such", "value": 1}]}, "settings[0].name"),
                       ({"settings": [{"name": "orders.hold", "value": 1}, {"name": "orders.hold", "value": 2}]}, "settings[1].name"),
                       ({"anonymous_read": "no"}, "anonymous_read"), ({"colour": "red"}, "colour")):
        reply = operate("POST", "/api/admin/tenants", {**good, **more})
        suite.equal((reply.status, reply.code), (400, "validation_failed"), path)
        suite.equal(reply.paths, [path], "which field")


@suite.case
def marketplaces_do_not_see_each_other():
    first, second = opened()["slug"], opened()["slug"]
    email = f"ann.{next(numbers)}@example.com"
    ann, twin = registered(first, email), registered(second, email)
    suite.check(ann.id != twin.id, "the same address is another person elsewhere")
    suite.answers(ann.get("/users/me"), 200)
    suite.answers(server.client(tenant=second).get("/users/" + ann.id), 404, "not_found")
    suite.answers(server.client(tenant=first).get("/users/" + ann.id), 200)
    suite.answers(server.client().get(f"/api/{first}/v1/users/{ann.id}"), 200, text="by path")
    suite.answers(server.client().get(f"/api/{second}/v1/users/{ann.id}"), 404, "not_found", "by path")
    suite.answers(server.client(ann.token, second).get("/users/me"), 401, "unauthorized", "a token is of one marketplace")
    suite.answers(server.client(ann.token).get("/users/me"), 200, text="the token names it")
    suite.answers(server.client(tenant="no-such-market").get("/communities"), 404, "not_found")
    made = server.client(ann.token).post("/suppliers", {"name": "Same name"})
    suite.answers(made, 201)
    suite.answers(server.client(twin.token).post("/suppliers", {"name": "Same name"}), 201, text="names are unique within one")
    suite.answers(server.client(twin.token).get("/suppliers/" + made.data["id"]), 404, "not_found")
    suite.answers(server.client(twin.token).patch("/suppliers/" + made.data["id"], {"name": "Mine"}, version="*"), 404, "not_found")


@suite.case
def cursors_stay_in_their_marketplace():
    first, second = (registered(opened()["slug"], "ann@example.com") for _ in range(2))
    for ann in (first, second):
        for label in ("Home", "Work"):
            suite.answers(ann.post("/users/me/addresses", {**ADDRESS, "label": label}), 201)
    cursor = first.get("/users/me/addresses?limit=1").page["next"]
    suite.answers(first.get(f"/users/me/addresses?limit=1&cursor={cursor}"), 200)
    suite.answers(second.get(f"/users/me/addresses?limit=1&cursor={cursor}"), 400, "invalid_cursor")


@suite.case
def settings_of_one_marketplace():
    slug = opened(anonymous_read=False, settings=[{"name": "auth.access_token_life", "value": 60000}])["slug"]
    suite.answers(server.client(tenant=slug).get("/communities"), 401, "unauthorized", "for members only")
    ann = registered(slug, "ann@example.com")
    suite.answers(ann.get("/communities"), 200)
    reply = server.client(tenant=slug).post("/auth/login", {"email": "ann@example.com", "password": PASSWORD})
    suite.equal(reply.data["expires_in"], 60, "its own setting")
    suite.answers(server.client().get("/communities"), 200, text="others are open")
    tenant = operate("GET", "/api/admin/tenants/" + slug).data
    refused = operate("PATCH", "/api/admin/tenants/" + slug, {"anonymous_read": True})
    suite.equal((refused.status, refused.code), (428, "version_required"), "a version")
    changed = operate("PATCH", "/api/admin/tenants/" + slug, {"anonymous_read": True, "version": tenant["version"]})
    suite.equal((changed.status, changed.data["anonymous_read"]), (200, True), "changed")
    suite.answers(server.client(tenant=slug).get("/communities"), 200, text="at once")
    fixed = operate("PATCH", "/api/admin/tenants/" + slug, {"currency": "EUR"}, [("If-Match", "*")])
    suite.equal((fixed.status, fixed.paths), (400, ["currency"]), "the currency stays")


@suite.case
def suspending_a_marketplace():
    slug = opened()["slug"]
    ann = registered(slug, "ann@example.com")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/suspend", {}).status, 400, "a reason")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/reinstate", REASON).status, 409, "it is active")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/suspend", REASON).data["status"], "suspended", "closed")
    suite.answers(server.client(tenant=slug).get("/communities"), 403, "tenant_suspended")
    suite.answers(ann.get("/users/me"), 403, "tenant_suspended")
    server.kill()
    server.restart()
    suite.answers(ann.get("/users/me"), 403, "tenant_suspended", "after a crash too")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/suspend", REASON).status, 409, "once")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/reinstate", REASON).data["status"], "active", "open again")
    suite.answers(ann.get("/users/me"), 200)


@suite.case
def what_is_kept_ends_with_what_the_marketplace_allows():
    slug = opened()["slug"]
    ann = registered(slug, "ann@closed.test")
    anyone = server.client(tenant=slug)
    paths = ("/communities", "/feed", "/products", f"/users/{ann.id}")

    def ask(client, status, text):
        for path in paths:
            suite.equal(client.get(path).status, status, f"{path}: {text}")

    for client in (ann, anyone):
        for _ in range(4):
            ask(client, 200, "open")
    version = operate("GET", f"/api/admin/tenants/{slug}").data["version"]
    closing = [("If-Match", f'"{version}"')]
    suite.equal(operate("PATCH", f"/api/admin/tenants/{slug}", {"anonymous_read": False}, closing).status, 200)
    ask(anyone, 401, "for members only")
    for _ in range(4):
        ask(ann, 200, "she is a member")
    suite.equal(operate("POST", f"/api/admin/tenants/{slug}/suspend", REASON).status, 200)
    for client in (ann, anyone):
        ask(client, 403, "suspended")


suite.main()
