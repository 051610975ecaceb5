"""People: registration, verification, login, tokens, the own account, and what the staff does with accounts."""

import http.client
import json
import time

from harness import ANSWER_SECONDS, PASSWORD, Server, Suite, eventually

suite = Suite("identity")
server = Server(settings={"auth.lock_time": 60000})
admin = server.admin()
REASON = {"reason": "as the rules say"}


def registration(**more):
    registration.number += 1
    return {"email": f"person.{registration.number}@example.com", "password": PASSWORD, "display_name": "Pat",
            "accept_terms": True, **more}


registration.number = 0


def pending_user():
    """A registration that nobody verified: (body, answer)."""
    body = registration()
    return body, server.client().post("/auth/register", body).data


def staff(command, client_or_id, body=None, **options):
    return admin.post(f"/admin/users/{getattr(client_or_id, 'id', client_or_id)}/{command}", body or REASON, **options)


def status_of(user_id):
    return admin.get(f"/admin/users/{user_id}?include_deleted=true").data["status"]


# ---- Registration ----------------------------------------------------------------------------------------------------

@suite.case
def registering_answers_the_pending_user():
    body = registration(email="Mixed.Case@Example.com", birth_date="1990-02-28", country="de")
    reply = server.client().post("/auth/register", body)
    suite.answers(reply, 201)
    suite.equal(reply.data["status"], "pending", "waits for verification")
    suite.equal(reply.data["email"], "mixed.case@example.com", "lower-cased")
    suite.equal(reply.data["role"], "consumer", "everybody starts so")
    suite.equal(reply.data["country"], "DE", "upper-cased")
    suite.equal(reply.data["birth_date"], "1990-02-28", "kept")
    suite.equal(reply.data["profile"]["display_name"], "Pat", "kept")
    suite.equal(reply.data["version"], 1, "one event, one version")
    suite.equal(reply.headers["Location"], "/api/v1/users/" + reply.data["id"], "where it is")
    suite.check(reply.data["verification_token"], "development shows the token")
    text = reply.body.decode()
    suite.check("password" not in text and "email_hash" not in text and "argon2" not in text, "secrets never leave")
    suite.answers(server.client().get("/users/" + reply.data["id"]), 404, "not_found", "strangers do not see it yet")


@suite.case
def registering_reports_every_problem():
    reply = server.client().post("/auth/register", {"email": "nonsense", "password": "short", "display_name": "",
                                                    "accept_terms": "yes", "nickname": "x"})
    suite.answers(reply, 400, "validation_failed")
    suite.equal(reply.paths, ["accept_terms", "display_name", "email", "nickname", "password"], "all at once")
    suite.equal(reply.codes["nickname"], "unknown_field", "a typo is not lost")
    reply = server.client().post("/auth/register", {})
    suite.equal(reply.paths, ["accept_terms", "display_name", "email", "password"], "the required ones")
    reply = server.client().post("/auth/register", registration(accept_terms=False))
    suite.answers(reply, 400, "validation_failed")
    suite.equal(reply.paths, ["accept_terms"], "terms must be accepted")


@suite.case
def registration_fields_have_limits():
    def status(**more):
        return server.client().post("/auth/register", registration(**more)).status
    suite.equal(status(password="x" * 8), 201, "8 bytes")
    suite.equal(status(password="x" * 7), 400, "7 bytes")
    suite.equal(status(password="ä" * 4), 201, "bytes count, not letters")
    suite.equal(status(password="x" * 256), 201, "256 bytes")
    suite.equal(status(password="x" * 257), 400, "257 bytes")
    suite.equal(status(display_name="ж" * 60), 201, "60 letters")
    suite.equal(status(display_name="ж" * 61), 400, "61 letters")
    suite.equal(status(display_name="a\nb"), 400, "one line")
    suite.equal(status(email="a" * 64 + "@" + ".".join(["b" * 59] * 3) + ".example"), 201, "252 bytes")
    suite.equal(status(email="a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example"), 400, "255 bytes")
    suite.equal(status(birth_date="2999-01-01"), 400, "not born yet")
    suite.equal(status(birth_date="1801-01-01"), 400, "nobody is so old")
    suite.equal(status(birth_date="2001-02-29"), 400, "no such day")
    suite.equal(status(birth_date=20010228), 400, "a text")
    suite.equal(status(country="Germany"), 400, "two letters")
    suite.equal(status(country=None, birth_date=None), 201, "null is absent")


@suite.case
def an_email_is_taken_once_whatever_its_case():
    body = registration()
    suite.answers(server.client().post("/auth/register", body), 201)
    reply = server.client().post("/auth/register", {**registration(), "email": body["email"].upper()})
    suite.answers(reply, 409, "email_taken")
    suite.equal(reply.paths, ["email"], "which field")


@suite.case
def verifying_works_once():
    body, user = pending_user()
    suite.answers(server.client().post("/auth/login", {"email": body["email"], "password": PASSWORD}), 403,
                  "email_not_verified")
    suite.answers(server.client().post("/auth/login", {"email": body["email"], "password": "wrong password"}), 401,
                  "invalid_credentials", "only after the right password")
    suite.answers(server.client().post("/auth/verify", {"token": "x" * 43}), 400, "invalid_token")
    reply = server.client().post("/auth/verify", {"token": user["verification_token"]})
    suite.answers(reply, 200)
    suite.equal(reply.data["status"], "active", "now active")
    suite.equal(reply.data["version"], 2, "one event more")
    suite.answers(server.client().post("/auth/verify", {"token": user["verification_token"]}), 400, "invalid_token",
                  "once")
    suite.answers(server.client().get("/users/" + user["id"]), 200, text="others see it now")


@suite.case
def a_verification_can_be_sent_again():
    body, user = pending_user()
    reply = server.client().post("/auth/resend-verification", {"email": body["email"]})
    suite.answers(reply, 202)
    suite.check(reply.data["verification_token"] != user["verification_token"], "a new token")
    again = server.client().post("/auth/resend-verification", {"email": body["email"]})
    suite.answers(again, 202)
    suite.check("verification_token" not in again.data, "one a minute")
    nobody = server.client().post("/auth/resend-verification", {"email": "nobody@example.com"})
    suite.equal((nobody.status, nobody.data), (202, {"accepted": True}), "an unknown address answers alike")
    suite.answers(server.client().post("/auth/verify", {"token": reply.data["verification_token"]}), 200)
    suite.answers(server.client().post("/auth/verify", {"token": user["verification_token"]}), 409,
                  "invalid_transition", "the older token finds a verified account")


@suite.case
def a_registration_that_nobody_verifies_frees_its_email():
    body = registration()

    def twice(_milliseconds, short):
        first = short.client().post("/auth/register", body)
        suite.answers(first, 201)
        suite.answers(short.client().post("/auth/register", body), 409, "email_taken")
        return short, first
    short, first = suite.before(300, twice, lambda milliseconds: Server(settings={"auth.pending_life": milliseconds}))
    second = eventually(lambda: short.client().post("/auth/register", body), lambda reply: reply.status == 201)
    suite.answers(second, 201, text="free again")
    suite.answers(short.client().post("/auth/verify", {"token": first.data["verification_token"]}), 400,
                  "invalid_token", "the old token is void")
    old = short.admin().get(f"/admin/users/{first.data['id']}?include_deleted=true")
    suite.equal(old.data["status"], "deleted", "gone")
    suite.equal(old.data["email"], None, "nothing personal is left")
    suite.equal(old.data["profile"]["display_name"], None, "nothing personal is left")
    suite.check(old.data["erased_at"], "erased")
    suite.answers(short.admin().post(f"/admin/users/{first.data['id']}/restore", REASON), 409, "invalid_transition")
    short.remove()


# ---- Login -----------------------------------------------------------------------------------------------------------

@suite.case
def login_answers_tokens_and_the_user():
    ann = server.user("Ann")
    reply = server.client().post("/auth/login", {"email": ann.user["email"], "password": PASSWORD})
    suite.answers(reply, 200)
    suite.equal(reply.data["token_type"], "Bearer", "its type")
    suite.equal(reply.data["expires_in"], 900, "a quarter of an hour")
    suite.equal(reply.data["user"]["id"], ann.id, "who")
    suite.equal(reply.data["user"]["status"], "active", "state")
    suite.equal(reply.data["user"]["admin"], False, "no staff")
    me = server.client(reply.data["access_token"]).get("/users/me")
    suite.answers(me, 200)
    suite.equal(me.data["version"], 2, "logging in does not raise the version")
    suite.check(me.data["security"]["last_login_at"], "when")
    suite.equal(me.data["security"]["last_login_ip"], "127.0.0.1", "from where")
    suite.check("failed_attempts" not in me.data["security"], "for the staff alone")
    suite.equal(server.user("Eve").get(f"/users/{ann.id}").data.get("security"), None, "nothing of it for others")
    seen = admin.get(f"/admin/users/{ann.id}").data["security"]
    suite.equal(seen["failed_attempts"], 0, "staff sees it")


@suite.case
def login_refuses_alike():
    ann = server.user("Ann")
    wrong = server.client().post("/auth/login", {"email": ann.user["email"], "password": "not the password"})
    nobody = server.client().post("/auth/login", {"email": "nobody@example.com", "password": "not the password"})
    suite.answers(wrong, 401, "invalid_credentials")
    suite.answers(nobody, 401, "invalid_credentials")
    suite.equal(wrong.error, nobody.error, "the same words")
    suite.answers(server.client().post("/auth/login", {"email": ann.user["email"]}), 400, "validation_failed")
    suite.answers(server.client().post("/auth/login", raw=b"{"), 400, "malformed_json")
    suite.equal(admin.get(f"/admin/users/{ann.id}").data["security"]["failed_attempts"], 1, "counted")
    suite.equal(admin.get(f"/admin/users/{ann.id}").data["version"], 2, "without raising the version")
    server.login(ann.user["email"])
    suite.equal(admin.get(f"/admin/users/{ann.id}").data["security"]["failed_attempts"], 0, "success resets")


def login_from(address, email, password):
    """A login whose connection comes from another address of the loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_SECONDS, source_address=(address, 0))
    connection.request("POST", "/api/v1/auth/login", json.dumps({"email": email, "password": password}),
                       {"Content-Type": "application/json"})
    status = connection.getresponse().status
    connection.close()
    return status


@suite.case
def five_failures_lock_an_address_and_nobody_else():
    ann = server.user("Ann")
    email = ann.user["email"]
    suite.equal([login_from("127.0.0.7", email, "wrong password") for _ in range(4)], [401] * 4, "four are free")
    suite.equal(login_from("127.0.0.7", email, PASSWORD), 200, "still open")
    suite.equal([login_from("127.0.0.7", email, "wrong password") for _ in range(5)], [401] * 5, "five in a row")
    suite.equal(login_from("127.0.0.7", email, PASSWORD), 401, "locked, even with the right password")
    suite.equal([login_from("127.0.0.7", email, "wrong password") for _ in range(20)], [401] * 20, "and stays so")
    suite.equal(login_from("127.0.0.8", email, PASSWORD), 200, "a stranger does not shut the owner out")
    suite.check(admin.get(f"/admin/users/{ann.id}").data["security"], "staff sees the record")
    server.kill()
    server.restart()
    suite.equal(login_from("127.0.0.7", email, PASSWORD), 401, "the lock outlives a crash")
    suite.equal(login_from("127.0.0.8", email, PASSWORD), 200, "and so does the rest")


@suite.case
def many_addresses_together_are_slowed():
    ann = server.user("Ann")
    email = ann.user["email"]
    for number in range(12):
        suite.equal(login_from(f"127.0.1.{number + 1}", email, "wrong password"), 401, "wrong")
    suite.equal(login_from("127.0.2.1", email, PASSWORD), 401, "a new address waits")
    suite.equal(login_from("127.0.0.1", email, PASSWORD), 200, "one where the owner logged in before does not")


# ---- Tokens ----------------------------------------------------------------------------------------------------------

@suite.case
def refresh_rotates_and_a_used_token_ends_the_family():
    ann = server.user("Ann")
    first = server.client().post("/auth/refresh", {"refresh_token": ann.refresh_token})
    suite.answers(first, 200)
    suite.check(first.data["refresh_token"] != ann.refresh_token, "a new one")
    suite.equal(first.data["user"]["id"], ann.id, "whose")
    suite.answers(server.client(first.data["access_token"]).get("/users/me"), 200)
    second = server.client().post("/auth/refresh", {"refresh_token": first.data["refresh_token"]})
    suite.answers(second, 200)
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": ann.refresh_token}), 401, "unauthorized",
                  "used before")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": second.data["refresh_token"]}), 401,
                  "unauthorized", "the family is gone")
    suite.answers(server.client(second.data["access_token"]).get("/users/me"), 401, "unauthorized", "at once")
    server.login(ann.user["email"])


@suite.case
def forged_refresh_tokens_do_nothing():
    ann = server.user("Ann")
    session, generation, tag = ann.refresh_token.split(".")
    for forged in ("x", "a.b.c", "..", session, f"{session}.{generation}", f"{session}.0.{tag}", f"{session}.2.{tag}",
                   f"{session}.{generation}.{tag[:-1]}", f"{session}.{generation}.{'A' * len(tag)}",
                   f"{session}.-1.{tag}", f"{'A' * len(session)}.{generation}.{tag}"):
        suite.answers(server.client().post("/auth/refresh", {"refresh_token": forged}), 401, "unauthorized", forged)
    suite.answers(ann.get("/users/me"), 200, text="the login goes on")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": ann.refresh_token}), 200)


@suite.case
def logout_ends_one_login_or_all():
    ann = server.user("Ann")
    second, third = server.login(ann.user["email"]), server.login(ann.user["email"])
    suite.answers(second.post("/auth/logout"), 204)
    suite.answers(second.get("/users/me"), 401, "unauthorized")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": second.refresh_token}), 401, "unauthorized")
    suite.answers(ann.get("/users/me"), 200, text="the others go on")
    suite.answers(server.client().post("/auth/logout", {"refresh_token": third.refresh_token}), 204)
    suite.answers(third.get("/users/me"), 401, "unauthorized", "by its refresh token")
    fourth = server.login(ann.user["email"])
    suite.answers(fourth.post("/auth/logout", {"all": True}), 204)
    suite.answers(ann.get("/users/me"), 401, "unauthorized", "all of them")
    suite.answers(fourth.get("/users/me"), 401, "unauthorized")
    suite.answers(server.client().post("/auth/logout"), 401, "unauthorized", "nobody")


@suite.case
def tokens_must_be_whole():
    ann = server.user("Ann")
    suite.answers(server.client().get("/users/me"), 401, "unauthorized")
    suite.answers(server.client("nonsense").get("/users/me"), 401, "unauthorized")
    head, claims, tag = ann.token.split(".")
    suite.answers(server.client(f"{head}.{claims}.{tag[:-2]}AA").get("/users/me"), 401, "unauthorized")
    suite.answers(server.client(f"{head}.{claims}.").get("/users/me"), 401, "unauthorized")
    suite.answers(server.client(ann.refresh_token).get("/users/me"), 401, "unauthorized", "a refresh token is none")


# ---- Passwords -------------------------------------------------------------------------------------------------------

@suite.case
def a_new_password_ends_all_logins():
    ann = server.user("Ann")
    other = server.login(ann.user["email"])
    suite.answers(ann.post("/users/me/password", {"current": "wrong password", "new": "another password"}), 403,
                  "forbidden")
    suite.answers(ann.post("/users/me/password", {"current": PASSWORD, "new": "short"}), 400, "validation_failed")
    suite.answers(ann.post("/users/me/password", {"current": PASSWORD}), 400, "validation_failed")
    suite.answers(server.client().post("/users/me/password", {"current": PASSWORD, "new": "another password"}), 401)
    suite.answers(ann.post("/users/me/password", {"current": PASSWORD, "new": "another password"}), 204)
    suite.answers(ann.get("/users/me"), 401, "unauthorized")
    suite.answers(other.get("/users/me"), 401, "unauthorized")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": other.refresh_token}), 401, "unauthorized")
    suite.answers(server.client().post("/auth/login", {"email": ann.user["email"], "password": PASSWORD}), 401)
    server.login(ann.user["email"], "another password")


@suite.case
def a_forgotten_password_is_set_anew_once():
    ann = server.user("Ann")
    nobody = server.client().post("/auth/forgot-password", {"email": "nobody@example.com"})
    suite.equal((nobody.status, nobody.data), (202, {"accepted": True}), "unknown")
    reply = server.client().post("/auth/forgot-password", {"email": ann.user["email"]})
    suite.answers(reply, 202)
    token = reply.data["reset_token"]
    suite.answers(server.client().post("/auth/verify", {"token": token}), 400, "invalid_token", "for one purpose")
    suite.answers(server.client().post("/auth/reset-password", {"token": token, "password": "short"}), 400,
                  "validation_failed")
    suite.answers(server.client().post("/auth/reset-password", {"token": token, "password": "another password"}), 204)
    suite.answers(ann.get("/users/me"), 401, "unauthorized", "all logins end")
    suite.answers(server.client().post("/auth/reset-password", {"token": token, "password": "third password"}), 400,
                  "invalid_token", "once")
    server.login(ann.user["email"], "another password")


@suite.case
def another_email_counts_once_proved():
    ann, bob = server.user("Ann"), server.user("Bob")
    old, new = ann.user["email"], f"new.{ann.user['email']}"
    suite.answers(server.client().post("/users/me/email", {"password": PASSWORD, "email": new}), 401, "unauthorized")
    suite.answers(ann.post("/users/me/email", {"password": "wrong password", "email": new}), 403, "forbidden")
    suite.answers(ann.post("/users/me/email", {"password": PASSWORD, "email": "nonsense"}), 400, "validation_failed")
    suite.answers(ann.post("/users/me/email", {"password": PASSWORD, "email": bob.user["email"]}), 409, "email_taken")
    reply = ann.post("/users/me/email", {"password": PASSWORD, "email": new})
    suite.answers(reply, 202)
    suite.equal(ann.get("/users/me").data["email"], old, "not yet")
    server.login(old)
    suite.answers(server.client().post("/auth/reset-password", {"token": reply.data["verification_token"],
                                                                "password": "another password"}), 400, "invalid_token")
    proved = server.client().post("/auth/verify", {"token": reply.data["verification_token"]})
    suite.equal((proved.status, proved.data["email"]), (200, new), "now")
    suite.equal(ann.get("/users/me").data["email"], new, "logins go on")
    suite.answers(server.client().post("/auth/login", {"email": old, "password": PASSWORD}), 401, "invalid_credentials")
    server.login(new)
    suite.answers(server.client().post("/auth/register", registration(email=old)), 201, text="the old one is free")
    first = bob.post("/users/me/email", {"password": PASSWORD, "email": f"late.{old}"}).data["verification_token"]
    suite.answers(server.client().post("/auth/register", registration(email=f"late.{old}")), 201)
    suite.answers(server.client().post("/auth/verify", {"token": first}), 409, "email_taken", "somebody was faster")


# ---- The own account -------------------------------------------------------------------------------------------------

@suite.case
def people_see_their_account_whole_and_others_in_part():
    ann, bob = server.user("Ann", birth_date="1990-01-01", country="FR"), server.user("Bob")
    own = ann.get("/users/me").data
    for name in ("email", "birth_date", "country", "permissions", "admin", "preferences"):
        suite.check(name in own, f"sees {name}")
    suite.equal(own["permissions"], {"may_post": True, "may_comment": True, "may_create_communities": True,
                                     "max_communities": 3}, "the usual limits")
    suite.equal(own["stats"]["total_orders"], 0, "own figures")
    for reader in (bob, server.client()):
        other = reader.get("/users/" + ann.id).data
        suite.equal(other["profile"]["display_name"], "Ann", "the name")
        suite.equal(other["stats"], {"follower_count": 0, "following_count": 0, "community_count": 0, "post_count": 0},
                    "public figures")
        for name in ("email", "birth_date", "country", "permissions", "admin", "preferences", "verified_at", "reason"):
            suite.check(name not in other, f"{name} is hidden")
    suite.check("email" in admin.get("/admin/users/" + ann.id).data, "staff sees it")
    suite.answers(bob.get("/admin/users/" + ann.id), 403, "forbidden")
    suite.answers(server.client().get("/users/00000000-0000-7000-8000-000000000000"), 404, "not_found")
    suite.answers(server.client().get("/users/nonsense"), 404, "not_found")


@suite.case
def an_account_is_patched_with_its_version():
    ann = server.user("Ann")
    version = ann.get("/users/me").data["version"]
    suite.answers(ann.patch("/users/me", {"locale": "de-DE"}), 428, "version_required")
    stale = ann.patch("/users/me", {"locale": "de-DE"}, version=version - 1)
    suite.answers(stale, 412, "stale_version")
    reply = ann.patch("/users/me", {"profile": {"bio": "Hello\nthere", "avatar": "https://example.com/a.png"},
                                    "locale": "de-DE", "time_zone": "Europe/Berlin", "birth_date": "1990-05-05",
                                    "country": "at", "preferences": {"theme": "dark"}}, version=version)
    suite.answers(reply, 200)
    suite.equal(reply.data["version"], version + 1, "one event")
    suite.equal(reply.data["profile"]["display_name"], "Ann", "what is absent stays")
    suite.equal(reply.data["profile"]["bio"], "Hello\nthere", "new")
    suite.equal(reply.data["country"], "AT", "new")
    suite.equal(reply.data["preferences"], {"theme": "dark"}, "new")
    same = ann.patch("/users/me", {"locale": "de-DE", "version": version + 1})
    suite.answers(same, 200)
    suite.equal(same.data["version"], version + 1, "nothing changed, no event")
    cleared = ann.patch("/users/me", {"locale": None, "profile": {"bio": None}}, version=version + 1)
    suite.equal((cleared.data["locale"], cleared.data["profile"]["bio"]), (None, None), "null clears")
    suite.answers(ann.patch("/users/me", {"birth_date": "1991-05-05"}, version=version + 2), 403, "forbidden",
                  "set once")
    suite.answers(server.client().patch("/users/me", {"locale": "de"}, version=1), 401, "unauthorized")


@suite.case
def patches_are_checked():
    ann = server.user("Ann")

    def patch(body):
        return ann.patch("/users/me", body, version=2)
    for body, path in (({"profile": {"display_name": ""}}, "profile.display_name"),
                       ({"profile": {"display_name": None}}, "profile.display_name"),
                       ({"profile": {"display_name": "x" * 61}}, "profile.display_name"),
                       ({"profile": {"bio": "x" * 501}}, "profile.bio"),
                       ({"profile": {"avatar": "http://example.com/a.png"}}, "profile.avatar"),
                       ({"profile": {"avatar": "https://example.com/" + "x" * 2048}}, "profile.avatar"),
                       ({"profile": {"nickname": "x"}}, "profile.nickname"),
                       ({"profile": {"business": {"name": "Ann & Co"}}}, "profile.business"),
                       ({"profile": 7}, "profile"), ({"locale": "no such locale"}, "locale"),
                       ({"time_zone": "nowhere"}, "time_zone"), ({"country": "ZZZ"}, "country"),
                       ({"birth_date": "2999-01-01"}, "birth_date"),
                       ({"preferences": {str(n): "x" for n in range(51)}}, "preferences"),
                       ({"role": "leader"}, "role"), ({"admin": True}, "admin"), ({"email": "x@example.com"}, "email"),
                       ({"permissions": {"max_communities": 9}}, "permissions"), ({"status": "active"}, "status"),
                       ({"id": ann.id}, "id")):
        reply = patch(body)
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.paths, [path], "which field")
    suite.equal(ann.get("/users/me").data["version"], 2, "nothing changed")
    suite.answers(patch({"preferences": {str(n): "x" for n in range(50)}}), 200)


@suite.case
def people_close_their_own_account():
    ann = server.user("Ann")
    suite.answers(server.client().delete("/users/me", {"password": PASSWORD}), 401, "unauthorized")
    suite.answers(ann.delete("/users/me", {"password": "wrong password"}), 403, "forbidden")
    suite.equal(ann.get("/users/me").data["status"], "active", "still there")
    reply = ann.delete("/users/me", {"password": PASSWORD})
    suite.answers(reply, 200)
    suite.equal(reply.data["status"], "deleted", "closed")
    suite.check(reply.data["deleted_at"], "when")
    suite.answers(ann.get("/users/me"), 401, "unauthorized", "tokens stop at once")
    suite.answers(server.client().get("/users/" + ann.id), 404, "not_found")
    suite.answers(admin.get("/admin/users/" + ann.id), 404, "not_found", "staff asks for deleted ones")
    suite.answers(admin.get(f"/admin/users/{ann.id}?include_deleted=true"), 200)
    suite.answers(server.client().post("/auth/login", {"email": ann.user["email"], "password": PASSWORD}), 401,
                  "invalid_credentials")
    suite.answers(server.client().post("/auth/register", registration(email=ann.user["email"])), 409, "email_taken",
                  "kept for a restore")
    restored = staff("restore", ann)
    suite.answers(restored, 200)
    suite.equal(restored.data["status"], "active", "as before")
    server.login(ann.user["email"])


@suite.case
def a_fresh_login_stands_for_the_password():
    ann = server.user("Ann")
    suite.answers(ann.delete("/users/me", {}), 200)


PLACE = {"first_name": "Ann", "last_name": "Archer", "line1": "Street 1", "city": "Wien", "country": "AT"}


@suite.case
def addresses_of_a_person():
    ann, bob = server.user("Ann"), server.user("Bob")
    path = "/users/me/addresses"
    suite.answers(server.client().get(path), 401, "unauthorized")
    first = ann.post(path, PLACE)
    suite.answers(first, 201)
    suite.equal(first.headers["Location"], f"/api/v1{path}/{first.data['id']}", "where it is")
    suite.equal((first.data["is_default"], first.data["line2"], first.data["version"]), (True, None, 1), "the first is the default")
    second = ann.post(path, {**PLACE, "label": "Work", "phone": "+43 (1) 234-56"}).data
    suite.equal(second["is_default"], False, "another one is not")
    third = ann.post(path, {**PLACE, "label": "New", "is_default": True}).data
    rows = {row["id"]: row["is_default"] for row in ann.pages(path, limit=1)}
    suite.equal(rows, {first.data["id"]: False, second["id"]: False, third["id"]: True}, "exactly one default")
    changed = ann.patch(f"{path}/{second['id']}", {"label": None, "is_default": True, "city": "Graz"})
    suite.equal((changed.data["label"], changed.data["is_default"], changed.data["city"]), (None, True, "Graz"), "changed")
    rows = {row["id"]: row["is_default"] for row in ann.get(path).data}
    suite.equal(rows, {first.data["id"]: False, second["id"]: True, third["id"]: False}, "exactly one default")
    suite.answers(ann.patch(f"{path}/{second['id']}", {"is_default": False}), 409, "conflict")
    suite.answers(ann.delete(f"{path}/{second['id']}"), 200)
    suite.equal({row["id"]: row["is_default"] for row in ann.get(path).data},
                {first.data["id"]: True, third["id"]: False}, "the oldest takes its place")
    for reader in (bob, admin):
        suite.answers(reader.get(f"{path}/{third['id']}"), 404, "not_found", "for nobody else")
        suite.answers(reader.patch(f"{path}/{third['id']}", {"city": "Linz"}), 404, "not_found")
        suite.answers(reader.delete(f"{path}/{third['id']}"), 404, "not_found")
    suite.answers(ann.get(f"{path}/{second['id']}"), 404, "not_found", "gone")
    suite.answers(ann.delete(f"{path}/{second['id']}"), 404, "not_found")
    suite.equal(bob.get(path).data, [], "none")
    for number in range(18):
        suite.answers(ann.post(path, {**PLACE, "label": f"Nr. {number}"}), 201)
    suite.answers(ann.post(path, PLACE), 409, "limit_reached")
    before = ann.pages(path)
    server.kill()
    server.restart()
    suite.equal(ann.pages(path), before, "a crash loses none")


@suite.case
def addresses_have_limits():
    ann = server.user("Ann")
    for field, bad in (("first_name", ""), ("first_name", "x" * 81), ("last_name", None), ("line1", "x" * 121),
                       ("line2", "x" * 121), ("city", "x" * 81), ("state", "x" * 81), ("postal_code", "x" * 21),
                       ("country", "Austria"), ("phone", "call me"), ("phone", "1" * 33), ("label", "x" * 41),
                       ("is_default", "yes"), ("user_id", ann.id), ("colour", "red")):
        reply = ann.post("/users/me/addresses", {**PLACE, field: bad})
        suite.answers(reply, 400, "validation_failed", field)
        suite.equal(reply.paths, [field], "which field")
    suite.equal(ann.post("/users/me/addresses", {}).paths, ["city", "country", "first_name", "last_name", "line1"], "required")


# ---- The staff -------------------------------------------------------------------------------------------------------

@suite.case
def every_state_and_command_of_a_user():
    def in_state(state):
        if state == "pending":
            return pending_user()[1]["id"]
        user_id = server.user("Sam").id
        if state == "suspended":
            staff("suspend", user_id)
        if state == "deleted":
            admin.delete(f"/admin/users/{user_id}", REASON)
        return user_id
    outcome = {("active", "suspend"): "suspended", ("suspended", "reinstate"): "active",
               ("deleted", "restore"): "active"}
    for state in ("pending", "active", "suspended", "deleted"):
        for command in ("suspend", "reinstate", "restore"):
            user_id = in_state(state)
            suite.equal(status_of(user_id), state, "prepared")
            reply = staff(command, user_id)
            expected = outcome.get((state, command))
            if expected:
                suite.answers(reply, 200, text=f"{command} of {state}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{command} of {state}")
            suite.equal(status_of(user_id), expected or state, f"{command} of {state}")
    for state in ("pending", "active", "suspended"):
        user_id = in_state(state)
        suite.answers(admin.delete(f"/admin/users/{user_id}", REASON), 200)
        suite.equal(status_of(user_id), "deleted", f"delete of {state}")
        suite.equal(staff("restore", user_id).data["status"], state, "restore goes back to it")
    user_id = in_state("deleted")
    suite.answers(admin.delete(f"/admin/users/{user_id}", REASON), 409, "invalid_transition")
    for body in ({"role": "leader"}, {"role": "admin"}):
        suite.answers(staff("grant-role", user_id, {**body, **REASON}), 409, "invalid_transition")


@suite.case
def suspending_stops_tokens_at_once():
    ann = server.user("Ann")
    reply = staff("suspend", ann)
    suite.answers(reply, 200)
    suite.equal(reply.data["reason"], REASON["reason"], "why")
    suite.answers(ann.get("/users/me"), 401, "unauthorized")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": ann.refresh_token}), 401, "unauthorized")
    suite.answers(server.client().post("/auth/login", {"email": ann.user["email"], "password": PASSWORD}), 403,
                  "account_suspended")
    suite.answers(server.client().get("/users/" + ann.id), 200, text="still seen")
    staff("reinstate", ann)
    suite.answers(ann.get("/users/me"), 401, "unauthorized", "old tokens stay dead")
    server.login(ann.user["email"])


@suite.case
def staff_commands_want_a_reason_and_an_admin():
    ann, bob = server.user("Ann"), server.user("Bob")
    for command in ("suspend", "reinstate", "restore"):
        suite.answers(bob.post(f"/admin/users/{ann.id}/{command}", REASON), 403, "forbidden", command)
        suite.answers(server.client().post(f"/admin/users/{ann.id}/{command}", REASON), 401, "unauthorized", command)
        suite.answers(admin.post(f"/admin/users/{ann.id}/{command}", {}), 400, "validation_failed", command)
        suite.answers(admin.post(f"/admin/users/{ann.id}/{command}", {"reason": ""}), 400, "validation_failed", command)
        suite.answers(admin.post(f"/admin/users/{ann.id}/{command}", {"reason": "x" * 501}), 400, "validation_failed",
                      command)
    for command in ("grant-role", "revoke-role"):
        body = {"role": "leader", **REASON}
        suite.answers(bob.post(f"/admin/users/{ann.id}/{command}", body), 403, "forbidden", command)
        suite.answers(ann.post(f"/admin/users/{ann.id}/{command}", body), 403, "forbidden", command)
        suite.answers(admin.post(f"/admin/users/{ann.id}/{command}", {"role": "king", **REASON}), 400,
                      "validation_failed", command)
        suite.answers(admin.post(f"/admin/users/{ann.id}/{command}", REASON), 400, "validation_failed", command)
    suite.answers(bob.patch(f"/admin/users/{ann.id}/permissions", {"may_post": False, **REASON}), 403, "forbidden")
    suite.answers(bob.get("/admin/users"), 403, "forbidden")
    suite.answers(bob.post("/admin/users", {"email": "x@example.com", "password": PASSWORD}), 403, "forbidden")
    suite.answers(admin.post("/admin/users", {"email": "x@example.com", "password": PASSWORD}), 403, "forbidden",
                  "only on the machine itself")
    suite.answers(bob.delete(f"/admin/users/{ann.id}", REASON), 403, "forbidden")
    suite.answers(staff("suspend", "00000000-0000-7000-8000-000000000000"), 404, "not_found")


@suite.case
def roles_come_and_go():
    ann = server.user("Ann")
    reply = staff("grant-role", ann, {"role": "leader", **REASON})
    suite.answers(reply, 200)
    suite.equal((reply.data["role"], reply.data["version"]), ("leader", 3), "granted")
    suite.equal(staff("grant-role", ann, {"role": "leader", **REASON}).data["version"], 3, "again: nothing changes")
    suite.answers(ann.patch("/users/me", {"profile": {"business": {"name": "Ann & Co", "contact_email": "A@b.example"}}},
                            version=3), 200, text="leaders have a business")
    seen = server.client().get("/users/" + ann.id).data["profile"]["business"]
    suite.equal(seen["name"], "Ann & Co", "seen")
    suite.check("contact_email" not in seen, "but not its address")
    suite.equal(staff("revoke-role", ann, {"role": "leader", **REASON}).data["role"], "consumer", "revoked")
    suite.answers(staff("revoke-role", ann, {"role": "consumer", **REASON}), 409, "conflict")
    suite.equal(staff("grant-role", ann, {"role": "admin", **REASON}).data["admin"], True, "staff")
    suite.answers(ann.get("/admin/users"), 200, text="at once, with the old token")
    suite.equal(staff("revoke-role", ann, {"role": "admin", **REASON}).data["admin"], False, "no more")
    suite.answers(ann.get("/admin/users"), 403, "forbidden", "at once")


@suite.case
def a_leader_with_a_community_stays_a_leader():
    lea = server.user("Lea")
    staff("grant-role", lea, {"role": "leader", **REASON})
    made = lea.post("/communities", {"name": "Lea's place"})
    suite.answers(made, 201)
    suite.answers(staff("revoke-role", lea, {"role": "leader", **REASON}), 409, "in_use")
    suite.answers(lea.delete("/users/me", {"password": PASSWORD}), 409, "in_use")
    suite.answers(admin.delete(f"/admin/users/{lea.id}", REASON), 409, "in_use")
    suite.answers(lea.delete(f"/communities/{made.data['id']}"), 200)
    suite.answers(staff("revoke-role", lea, {"role": "leader", **REASON}), 200)
    suite.answers(lea.delete("/users/me", {"password": PASSWORD}), 200)


@suite.case
def there_is_always_an_admin():
    suite.answers(staff("suspend", admin), 409, "conflict", "not oneself")
    suite.answers(staff("revoke-role", admin, {"role": "admin", **REASON}), 409, "last_admin")
    suite.answers(admin.delete("/users/me", {"password": PASSWORD}), 409, "last_admin")
    ann = server.user("Ann")
    staff("grant-role", ann, {"role": "admin", **REASON})
    suite.answers(staff("suspend", ann), 200)
    suite.answers(staff("revoke-role", admin, {"role": "admin", **REASON}), 409, "last_admin", "suspended ones do not count")
    suite.answers(staff("reinstate", ann), 200)
    suite.answers(staff("revoke-role", ann, {"role": "admin", **REASON}), 200)
    suite.answers(staff("revoke-role", admin, {"role": "admin", **REASON}), 409, "last_admin")


@suite.case
def permissions_are_patched_in_part():
    ann = server.user("Ann")
    path = f"/admin/users/{ann.id}/permissions"
    reply = admin.patch(path, {"may_post": False, "max_communities": 5, **REASON})
    suite.answers(reply, 200)
    suite.equal(reply.data["permissions"], {"may_post": False, "may_comment": True, "may_create_communities": True,
                                            "max_communities": 5}, "the others stay")
    suite.answers(admin.patch(path, {"max_communities": -1, **REASON}), 400, "validation_failed")
    suite.answers(admin.patch(path, {"max_communities": 1001, **REASON}), 400, "validation_failed")
    suite.answers(admin.patch(path, {"may_post": "no", **REASON}), 400, "validation_failed")
    suite.answers(admin.patch(path, {"may_post": True}), 400, "validation_failed", "without a reason")
    suite.equal(admin.patch(path, {"may_post": None, **REASON}).codes, {"may_post": "required"}, "it is one or the other")
    suite.answers(admin.patch(path, {"may_post": True, **REASON}, version=1), 412, "stale_version")


@suite.case
def people_are_listed_for_the_staff():
    people = [server.user(f"Listed {number}") for number in range(3)]
    staff("suspend", people[0])
    staff("grant-role", people[1], {"role": "leader", **REASON})
    admin.delete(f"/admin/users/{people[2].id}", REASON)
    everybody = [user["id"] for user in admin.pages("/admin/users", limit=7)]
    suite.equal(len(everybody), len(set(everybody)), "nobody twice")
    suite.check(people[0].id in everybody and people[1].id in everybody, "all of them")
    suite.check(people[2].id not in everybody, "without the deleted")
    suite.check(everybody.index(people[1].id) < everybody.index(people[0].id), "newest first")
    suspended = admin.pages("/admin/users?status=suspended")
    suite.check(people[0].id in [user["id"] for user in suspended], "by state")
    suite.equal({user["status"] for user in suspended}, {"suspended"}, "only these")
    leaders = admin.pages("/admin/users?role=leader")
    suite.check(people[1].id in [user["id"] for user in leaders], "by role")
    suite.equal({user["role"] for user in leaders}, {"leader"}, "only these")
    suite.check(admin.id in [user["id"] for user in admin.pages("/admin/users?role=admin")], "staff")
    suite.check(people[2].id in [user["id"] for user in admin.pages("/admin/users?include_deleted=true")], "deleted ones")
    suite.answers(admin.get("/admin/users?status=asleep"), 400, "validation_failed")
    suite.answers(admin.get("/admin/users?colour=red"), 400, "validation_failed")
    suite.answers(admin.get("/admin/users?limit=0"), 400)


# ---- What lasts ------------------------------------------------------------------------------------------------------

@suite.case
def a_crash_loses_nothing():
    ann = server.user("Ann", country="FR")
    body, pending = pending_user()
    suspended = server.user("Sam")
    staff("suspend", suspended)
    before = ann.get("/users/me")
    server.kill()
    server.restart()
    suite.equal(ann.get("/users/me").data, before.data, "the account, by the same token")
    suite.answers(suspended.get("/users/me"), 401, "unauthorized")
    suite.answers(server.client().post("/auth/refresh", {"refresh_token": ann.refresh_token}), 200)
    suite.answers(server.client().post("/auth/verify", {"token": pending["verification_token"]}), 200)
    suite.answers(server.client().post("/auth/register", registration(email=body["email"])), 409, "email_taken")
    server.login(body["email"])


suite.main()
