#!/usr/bin/env python3
"""W3C trace context: a good traceparent goes with all that a request causes, a bad one is as none."""

import json

from harness import Server, Suite
from sales import body, eventually, line
from shop import Supplier
from smtp import Smtp

suite = Suite("trace")
smtp = Smtp()
server = Server(settings={"mail.url": smtp.url, "mail.from": "shop@market.example", "mail.tls": "off"})
admin = server.admin()
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


def records(after):
    reply = server.operator().get(f"//control/log?after={after}&count=1000", form=False)
    return [json.loads(text) for text in reply.body.splitlines()]


def patched(after):
    """The record of the one patch since then; mails that were sent meanwhile have records of their own."""
    return next(record for record in records(after) if record["command"] == "user.patch")


def updated(after):
    """Its event."""
    return next(event for event in admin.get(f"/admin/events?after={after}").data if event["type"] == "user.profile_updated")


def position():
    return server.operator().get("//healthz").data["position"]


def lines(message):
    return [each for each in map(json.loads, filter(lambda text: text.startswith("{"), server.log_text().split("\n")[:-1]))
            if each["message"] == message]


def told_of(reply):
    """Its line of the log, which is written behind the answer."""
    request_id = reply.headers["X-Request-Id"]
    return eventually(lambda: [each for each in lines("request") if each["request_id"] == request_id], bool)


@suite.case
def it_goes_with_record_event_and_log():
    ann, before = server.user("Ann"), position()
    reply = ann.patch("/users/me", {"profile": {"bio": "traced"}}, version="*", headers={"traceparent": GOOD})
    suite.answers(reply, 200)
    suite.equal(patched(before).get("traceparent"), GOOD, "the record")
    suite.equal(updated(before)["traceparent"], GOOD, "its event")
    told = told_of(reply)
    suite.equal([each.get("traceparent") for each in told], [GOOD], "its line of the log")


@suite.case
def without_one_nothing_is_said():
    ann, before = server.user("Ann"), position()
    reply = ann.patch("/users/me", {"profile": {"bio": "alone"}}, version="*")
    suite.check("traceparent" not in patched(before), "the record")
    suite.equal(updated(before)["traceparent"], None, "its event")
    told = told_of(reply)
    suite.equal(["traceparent" in each for each in told], [False], "its line of the log")


@suite.case
def a_bad_one_is_as_none():
    ann = server.user("Ann")
    later = f"cc-{TRACE}-{SPAN}-01"
    rows = [(GOOD, GOOD), (later, later), (later + "-what-comes", later), (f"00-{TRACE}-{SPAN}-00", f"00-{TRACE}-{SPAN}-00"), (GOOD + "-x", None),
            (GOOD + "x", None), (later + "x", None), (GOOD.upper(), None), (GOOD[:-1], None), ("", None), ("00", None),
            (f"ff-{TRACE}-{SPAN}-01", None), (f"00-{'0' * 32}-{SPAN}-01", None), (f"00-{TRACE}-{'0' * 16}-01", None),
            (f"00_{TRACE}-{SPAN}-01", None), (f"0g-{TRACE}-{SPAN}-01", None), (f"00-{TRACE}_{SPAN}-01", None),
            (f"00-{TRACE[:-1]}g-{SPAN}-01", None), (f"00-{TRACE}-{SPAN[:-1]}g-01", None), (f"00-{TRACE}-{SPAN}-0g", None),
            (f"{GOOD},{GOOD}", None), (GOOD.replace("-", " "), None)]
    for number, (given, kept) in enumerate(rows):
        before = position()
        reply = ann.patch("/users/me", {"profile": {"bio": f"no {number}"}}, version="*", headers={"traceparent": given})
        suite.answers(reply, 200, text=given)
        suite.equal(patched(before).get("traceparent"), kept, given)


@suite.case
def two_of_them_are_none():
    ann, before = server.user("Ann"), position()
    content = b'{"profile":{"bio":"two"}}'
    raw = server.raw()
    raw.send(f"PATCH /api/v1/users/me HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ann.token}\r\nIf-Match: *\r\n"
             f"traceparent: {GOOD}\r\ntraceparent: {GOOD}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
    suite.answers(raw.reply(), 200)
    suite.check("traceparent" not in patched(before), "the record")
    raw.close()


@suite.case
def what_an_effect_answers_belongs_to_it_after_a_kill_too():
    own = Server(settings={"sandbox.payment_time": "2s", "orders.payment_wait": 20})
    shop = Supplier(own, own.admin())
    product = shop.product()
    shop.stock(product, 10)
    ann = own.user("Ann")
    before = own.operator().get("//healthz").data["position"]
    reply = ann.post("/orders", body(line(product)), headers={"traceparent": GOOD})
    suite.answers(reply, 202, text="it waits for its payment")
    own.kill()
    own.start()
    order = eventually(lambda: ann.get("/orders/" + reply.data["id"]).data, lambda order: order["status"] == "confirmed", 60)
    suite.equal(order["status"], "confirmed", "paid")
    log = own.operator().get(f"//control/log?after={before}&count=1000", form=False).body.splitlines()
    of_order = [record for record in map(json.loads, log) if record["command"].startswith("order.")]
    suite.check(len(of_order) >= 2, "asked for and answered")
    suite.equal({record.get("traceparent") for record in of_order}, {GOOD}, "both")
    own.remove()


@suite.case
def a_mail_that_fails_names_it():
    eventually(lambda: server.operator().get("//metrics").body.decode().splitlines(), lambda figures: "souk_effects 0" in figures)
    smtp.plan.append("rcpt-550")                # the next mail, for all others are handed over
    before = smtp.connections
    reply = server.client().post("/auth/register", {"email": "traced@example.com", "password": "correct horse", "display_name": "T",
                                                    "accept_terms": True}, headers={"traceparent": GOOD})
    suite.answers(reply, 201)
    suite.require(smtp.wait(lambda each: each.connections > before), "it is tried")
    refused = eventually(lambda: lines("refused for good"), bool)
    suite.equal([each["traceparent"] for each in refused], [GOOD], "the line of its failure")


suite.main()
