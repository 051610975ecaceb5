#!/usr/bin/env python3
"""Webhooks: events told to addresses outside, whatever those do: fail, drop, delay, redirect, go away; and whatever happens here."""

import base64
import json
import os
import random
import ssl
import subprocess
import tempfile
import threading
import time

from harness import PASSWORD, Server, Suite
from receiver import Receiver, close_without_answer, is_signed, signature, until
from shop import community, created, leader

suite = Suite("webhook")
RETRIES = ["20ms"] * 5 + ["1s"] * 5 + ["1m"] * 10  # soon, but no machine is so slow that it gives up
SETTINGS = {"webhook.retries": ", ".join(RETRIES), "webhook.probe": "20ms", "webhook.timeout": "60s", "security.confine": "on"}
LISTED = 100                                    # events of a page


class World:
    """A server whose leader has communities: each change of one is an event of its own subject."""

    def __init__(self, settings=None):
        self.server = Server(settings={**SETTINGS, **(settings or {})})
        self.admin = self.server.admin()
        self.leader = leader(self.server, self.admin)
        self.places = [community(self.leader) for _ in range(4)]
        self.changes = 0

    def log_in(self):
        self.admin, self.leader = self.server.admin(), self.server.login(self.leader.user["email"])

    def change(self, count=1, of=None):
        """So many events, of all communities in turn or of one."""
        for _ in range(count):
            self.changes += 1
            place = self.places[of if of is not None else self.changes % len(self.places)]
            created(self.leader.patch(f"/communities/{place['id']}", {"description": f"Change {self.changes}"}, version="*"), 200)

    def hook(self, url, events=("community.*",), **more):
        return created(self.admin.post("/admin/webhooks", {"url": url, "events": list(events), **more}))

    def events(self, after=0, prefix=""):
        """What the log says happened, as those who may read it are told."""
        found = list(self.admin.pages(f"/admin/events?after={after}", limit=LISTED))
        return [event for event in found if event["type"].startswith(prefix)]

    def ids(self, after=0, prefix="community."):
        return [event["id"] for event in self.events(after, prefix)]

    def read(self, hook):
        return created(self.admin.get(f"/admin/webhooks/{hook['id']}"), 200)

    def state(self, hook):
        return created(self.admin.get(f"/admin/webhooks/{hook['id']}/deliveries"), 200)

    def is_told(self, hook):
        state = self.state(hook)
        return state["lag"] == 0 and state["waiting"] == 0

    def do(self, hook, command, body=None, status=200):
        return created(self.admin.post(f"/admin/webhooks/{hook['id']}/{command}", body), status)

    def close(self):
        suite.equal(self.server.stop(), 0, "it ends in order")
        self.server.command(["verify"])
        self.server.remove()


def in_order(arrivals):
    """Of each subject, the first time that each event came is behind those of the events before it."""
    firsts = {}
    for arrival in arrivals:
        known = firsts.setdefault(arrival.event["subject"]["id"], [])
        if arrival.event["id"] not in known:
            known.append(arrival.event["id"])
    return all(known == sorted(known, key=place) for known in firsts.values())


def place(event_id):
    position, number = event_id.split(".")
    return int(position), int(number)


def contents(directory):
    """Of all files; some are renamed and removed meanwhile."""
    for path, _, names in os.walk(directory):
        for name in names:
            try:
                if os.path.isfile(os.path.join(path, name)):
                    with open(os.path.join(path, name), "rb") as file:
                        yield file.read()
            except FileNotFoundError:
                pass


world = World()


@suite.case
def told_and_signed():
    receiver = Receiver()
    hook = world.hook(receiver.url("/a?b=c"), description="orders to the till")
    suite.check(hook["secret"].startswith("whsec_") and len(base64.b64decode(hook["secret"][6:])) == 32, "a secret of the form")
    world.change(8)
    wanted = world.ids(hook["position"])
    suite.equal(len(wanted), 8, "events of the log")
    receiver.wait(wanted)
    arrivals = receiver.all()
    suite.equal(sorted(map(place, receiver.ids())), sorted(map(place, wanted)), "each once, and no others")
    truth = {event["id"]: event for event in world.events(hook["position"])}
    for arrival in arrivals:
        suite.equal(arrival.event, truth[arrival.event["id"]], "the envelope of the log")
        suite.check(is_signed(hook["secret"], arrival) and len(arrival.signatures) == 1, "signed with the secret")
        suite.equal(arrival.id, "evt_" + arrival.event["id"].replace(".", "_"), "webhook-id")
        suite.equal((arrival.path, arrival.headers["content-type"]), ("/a?b=c", "application/json"), "as it is asked for")
    suite.check(in_order(arrivals), "in order of each subject")
    until(lambda: world.is_told(hook), "all of it told")
    state = world.state(hook)
    suite.equal((state["health"], state["failures"], len(state["deliveries"])), ("healthy", 0, 8), "deliveries")
    last = state["deliveries"][0]
    suite.equal((last["status"], last["attempt"], last["error"]), (200, 1, None), "the last one")
    suite.check("secret" not in world.read(hook) and hook["secret"] not in json.dumps(world.read(hook)), "shown once")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    world.change(1)
    suite.equal(len(receiver.all()), 8, "nothing is told to a deleted one")
    receiver.close()


@suite.case
def refused_bodies():
    good = {"url": "http://127.0.0.1:1024/", "events": ["*"]}
    for body, path in (({**good, "url": "http://example.com/"}, "url"), ({**good, "url": "ftp://127.0.0.1/"}, "url"),
                       ({**good, "events": ["order.confirmt"]}, "events[0]"), ({**good, "events": ["*", "*"]}, "events[1]"),
                       ({**good, "events": []}, "events"), ({**good, "events": ["ord*"]}, "events[0]")):
        reply = world.admin.post("/admin/webhooks", body)
        suite.answers(reply, 400, "validation_failed", str(body))
        suite.check(path in reply.paths, f"{path} of {reply}")
    suite.answers(world.leader.post("/admin/webhooks", good), 403, text="of staff alone")
    keyed = world.admin.post("/admin/webhooks", good, key="one")
    again = world.admin.post("/admin/webhooks", good, key="one")
    suite.check("secret" in keyed.data and "secret" not in again.data, "a repeated request is not shown the secret")
    suite.equal(again.data["id"], keyed.data["id"], "nor makes another one")
    created(world.admin.delete(f"/admin/webhooks/{keyed.data['id']}"), 204)


@suite.case
def failures_are_repeated_and_block_their_subject_alone():
    stubborn = threading.Event()
    poison = world.places[0]["id"]
    receiver = Receiver(lambda arrival, handler: 200 if stubborn.is_set() or arrival.event["subject"]["id"] != poison else 500)
    hook = world.hook(receiver.url())
    world.change(12)
    wanted = world.events(hook["position"], "community.")
    receiver.wait([event["id"] for event in wanted if event["subject"]["id"] != poison])
    first = next(event["id"] for event in wanted if event["subject"]["id"] == poison)
    until(lambda: receiver.ids().count(first) >= 3, "what failed is tried again")
    came = {arrival.event["id"] for arrival in receiver.all() if arrival.event["subject"]["id"] == poison}
    suite.equal(came, {first}, "nothing behind what failed, of its subject")
    until(lambda: world.state(hook)["waiting"] >= 3, "the others of it wait")
    log = [delivery for delivery in world.state(hook)["deliveries"] if delivery["event_id"] == first]
    suite.equal([delivery["attempt"] for delivery in log], list(range(len(log), 0, -1)), "attempts are counted")
    suite.check(all((delivery["status"], delivery["error"]) == (500, "answered 500") for delivery in log), "and say what was wrong")
    stubborn.set()
    until(lambda: world.is_told(hook), "all of it told")
    suite.equal({arrival.id for arrival in receiver.all()}, {"evt_" + event["id"].replace(".", "_") for event in wanted}, "ids stay")
    suite.check(in_order(receiver.all()), "in order")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def gone_is_believed_at_once():
    gone = threading.Event()
    gone.set()
    receiver = Receiver(lambda arrival, handler: 410 if gone.is_set() else 204)
    hook = world.hook(receiver.url())
    world.change(1, of=0)
    until(lambda: world.read(hook)["status"] == "disabled", "it is disabled")
    said = world.read(hook)
    suite.equal((said["disabled_by"], said["problem"]), ("gone", "answered 410"), "why")
    suite.check(said["disabled_at"], "and since when")
    suite.equal(len(receiver.all()), 1, "after one attempt")
    told = [event for event in world.events(hook["position"], "webhook.given_up") if event["entity"]["id"] == hook["id"]]
    suite.equal([event["data"]["problem"] for event in told], ["answered 410"], "and it is an event")
    suite.answers(world.admin.post(f"/admin/webhooks/{hook['id']}/test"), 409, "invalid_transition")
    world.change(3, of=0)
    suite.equal(world.state(hook)["health"], "stopped", "meanwhile")
    gone.clear()
    world.do(hook, "enable")
    receiver.wait(world.ids(hook["position"]))
    suite.check(in_order(receiver.all()), "it goes on where it stopped")
    suite.equal(world.read(hook)["disabled_by"], None, "as if nothing had been")
    world.do(hook, "disable")
    suite.equal(world.read(hook)["disabled_by"], "staff", "by hand")
    world.change(1)
    until(lambda: world.state(hook)["health"] == "stopped", "stopped")
    came = len(receiver.all())
    world.do(hook, "enable")
    receiver.wait(world.ids(hook["position"]))
    suite.equal(len(receiver.all()), came + 1, "nothing was told while it was disabled")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def enabled_again_while_an_answer_is_awaited():
    """What is given up while another event is on its way begins anew once that has ended."""
    release, gone, held = threading.Event(), threading.Event(), world.places[1]["id"]
    gone.set()

    def answer(arrival, _):
        if arrival.event["subject"]["id"] == held:
            return 200 if release.wait(60) else 500
        return 410 if gone.is_set() else 200

    receiver = Receiver(answer)
    hook = world.hook(receiver.url())
    world.change(1, of=1)
    until(receiver.all, "the one that is held")
    world.change(1, of=0)
    until(lambda: world.read(hook)["disabled_by"] == "gone", "the other said that it is gone")
    gone.clear()
    world.do(hook, "enable")
    suite.equal(len(receiver.all()), 2, "nothing more is sent before the first has ended")
    release.set()
    until(lambda: world.is_told(hook), "all told")
    suite.equal(set(receiver.ids()), set(world.ids(hook["position"])), "both")
    suite.equal(world.read(hook)["status"], "enabled", "and it stays")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def certificates_are_checked():
    with tempfile.TemporaryDirectory(prefix="souk-webhook-") as directory:
        key, certificate = os.path.join(directory, "key"), os.path.join(directory, "certificate")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True, timeout=60)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        trusting, receiver = World({"webhook.authorities": certificate}), Receiver(tls=context)
        hook = trusting.hook(receiver.url(host="localhost"))
        trusting.change(2)
        receiver.wait(trusting.ids(hook["position"]))
        suite.check(all(is_signed(hook["secret"], arrival) for arrival in receiver.all()), "told by https")
        came = len(receiver.all())
        for other in (trusting.hook(receiver.url(host="127.0.0.1")), world.hook(receiver.url(host="localhost"))):
            place_of = trusting if trusting.admin.get(f"/admin/webhooks/{other['id']}").status == 200 else world
            place_of.do(other, "test")
            said = until(lambda: place_of.state(other)["deliveries"], "an attempt")[-1]     # pylint: disable=cell-var-from-loop
            suite.check(said["status"] is None and "certificate" in said["error"], f"of another name, of nobody known: {said}")
            created(place_of.admin.delete(f"/admin/webhooks/{other['id']}"), 204)
        suite.equal(len(receiver.all()), came, "nothing of it came")
        trusting.close()
        receiver.close()


@suite.case
def redirects_are_not_followed():
    elsewhere = Receiver()

    def redirect(_, handler):
        handler.send_response(302)
        handler.send_header("location", elsewhere.url())
        handler.send_header("content-length", "0")
        handler.end_headers()

    short = World({"webhook.retries": "10ms, 20ms"})
    receiver = Receiver(redirect)
    hook = short.hook(receiver.url())
    short.change(1)
    until(lambda: short.read(hook)["disabled_by"] == "exhausted", "every attempt failed")
    suite.equal(short.read(hook)["problem"], "answered 302: redirects are not followed", "why")
    suite.equal((len(receiver.all()), len(elsewhere.all())), (3, 0), "two pauses, three attempts, and none elsewhere")
    receiver.answer = lambda arrival, handler: 200
    short.do(hook, "enable")
    until(lambda: short.is_told(hook), "it begins with what failed")
    suite.equal(len(set(receiver.ids())), 1, "which is not lost")
    receiver.close()
    short.close()
    elsewhere.close()


@suite.case
def endless_answers_are_cut_off():
    cut = threading.Event()

    def endless(_, handler):
        handler.send_response(200)
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        try:
            for _ in range(100000):
                handler.wfile.write(chunk)
        except OSError:
            cut.set()

    receiver = Receiver(endless)
    hook = world.hook(receiver.url())
    world.change(1)
    until(cut.is_set, "the connection is closed")
    until(lambda: world.is_told(hook), "its status counts")
    suite.equal(world.state(hook)["deliveries"][0]["status"], 200, "all the same")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def a_slow_one_delays_no_other():
    release = threading.Event()
    slow, quick = Receiver(lambda arrival, handler: 200 if release.wait(60) else 500), Receiver()
    slow_hook, quick_hook = world.hook(slow.url()), world.hook(quick.url())
    world.change(4)
    until(slow.all, "the slow one is asked")
    world.change(80)
    quick.wait(world.ids(quick_hook["position"]))
    suite.check(len(slow.all()) <= 4, "while the slow one has not answered once")
    suite.check(world.state(slow_hook)["lag"] > 0, "its lag is told")
    figures = world.server.client().get("//metrics").body.decode()
    suite.check(f'souk_webhook_lag_positions{{webhook="{slow_hook["id"]}"}}' in figures, "in the figures, too")
    release.set()
    until(lambda: world.is_told(slow_hook), "it catches up")
    suite.check(in_order(slow.all()), "in order")
    for hook in (slow_hook, quick_hook):
        created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    slow.close()
    quick.close()


@suite.case
def a_marketplace_does_not_hold_up_others():
    """However many addresses it has that take long to answer, some of what is sent at once is left to others."""
    here, go_on = World({"webhook.timeout": "5m"}), threading.Event()
    tar, quick = Receiver(lambda arrival, handler: 200 if go_on.wait(300) else 500), Receiver()
    for _ in range(70):                         # of each four events are sent at once
        here.hook(tar.url())
    here.change(4)
    until(lambda: len(tar.all()) >= 100, "many are on their way")
    created(here.server.operator().post("//api/admin/tenants", {"slug": "elsewhere", "name": "Elsewhere"}))
    created(here.server.operator("elsewhere").post("/admin/users", {"email": "root@example.com", "password": PASSWORD, "display_name": "R"}))
    other = here.server.client(None, "elsewhere")
    other.token = created(other.post("/auth/login", {"email": "root@example.com", "password": PASSWORD}), 200)["access_token"]
    hook = created(other.post("/admin/webhooks", {"url": quick.url(), "events": ["user.*"]}))
    created(other.post(f"/admin/webhooks/{hook['id']}/test"), 200)
    until(quick.all, "another marketplace is told")
    suite.check(len(tar.all()) < 280, "although they take all that they get")
    go_on.set()
    until(lambda: len(tar.all()) >= 280, "they are told in the end, too")
    here.close()
    tar.close()
    quick.close()


@suite.case
def secrets_are_rotated():
    receiver = Receiver()
    hook = world.hook(receiver.url())
    second = world.do(hook, "rotate-secret")["secret"]
    world.change(1)
    arrival = until(receiver.all, "it is told")[0]
    suite.equal(arrival.signatures, [signature(second, arrival), signature(hook["secret"], arrival)], "both sign, the newer first")
    third = world.do(hook, "rotate-secret", {"overlap_s": 1})["secret"]
    until(lambda: world.read(hook)["secret_before_until"] is None, "the time of the one before is over")
    world.change(1)
    arrival = until(lambda: receiver.all()[1:], "it is told")[0]
    suite.equal(arrival.signatures, [signature(third, arrival)], "the newest signs alone")
    fourth = world.do(hook, "rotate-secret", {"overlap_s": 0})["secret"]
    world.change(1)
    arrival = until(lambda: receiver.all()[2:], "it is told")[0]
    suite.equal(arrival.signatures, [signature(fourth, arrival)], "without a time in between")
    until(lambda: any(hook["id"].encode() in content for content in contents(world.server.data)), "where it stands is in the data")
    text, held = world.server.log_text(), list(contents(world.server.data))
    told = json.dumps(world.admin.get(f"/admin/webhooks/{hook['id']}/history").data) + json.dumps(world.events(hook["position"]))
    suite.check("secret_rotated" in told and "rotate-secret" in told, "the history tells that it was done")
    for secret in (hook["secret"], second, third, fourth):
        suite.check(secret[6:] not in told and secret[6:-1].replace("+", "-").replace("/", "_") not in told, "and no secret")
        suite.check(secret not in text and secret[6:] not in text, "no secret is in the log")
        suite.check(not any(base64.b64decode(secret[6:]) in content or secret[6:].encode() in content for content in held),
                    "none is in the data, unsealed")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def tests_and_replays():
    receiver, other = Receiver(), Receiver()
    hook, other_hook = world.hook(receiver.url(), ["order.*"]), world.hook(other.url(), ["*"])
    world.do(hook, "test")
    tried = until(receiver.all, "the test")[0]
    suite.equal((tried.event["type"], tried.event["entity"]["id"]), ("webhook.test", hook["id"]), "told although it is not among its events")
    world.change(3)
    wanted = world.ids(other_hook["position"])
    other.wait(wanted)
    suite.check("webhook.test" not in {arrival.event["type"] for arrival in other.all()}, "and to no other")
    until(lambda: world.is_told(other_hook), "all told")
    before = other.all()
    world.do(other_hook, "replay", {"event_id": wanted[1]})
    until(lambda: {each: other.ids().count(each) for each in wanted} == {wanted[0]: 1, wanted[1]: 2, wanted[2]: 2}, "from that event on")
    world.do(other_hook, "replay", {"position": other_hook["position"]})
    until(lambda: other.ids().count(wanted[0]) == 2 and other.ids().count(wanted[2]) == 3, "behind that position")
    suite.equal({arrival.id for arrival in other.all() if arrival.event["id"] in wanted},
                {arrival.id for arrival in before if arrival.event["id"] in wanted}, "under the same ids")
    path = f"/admin/webhooks/{hook['id']}/replay"
    suite.answers(world.admin.post(path, {}), 400, "bad_request")
    suite.answers(world.admin.post(path, {"position": 1, "event_id": "1.0"}), 400, "bad_request")
    suite.answers(world.admin.post(path, {"event_id": "x"}), 400, "validation_failed")
    suite.answers(world.admin.post(path, {"position": 2 ** 62}), 409, "conflict")
    for each in (hook, other_hook):
        created(world.admin.delete(f"/admin/webhooks/{each['id']}"), 204)
    receiver.close()
    other.close()


@suite.case
def changes_are_minded():
    first, second = Receiver(lambda arrival, handler: 503), Receiver()
    hook = world.hook(first.url())
    world.change(2)
    until(first.all, "the first address is tried")
    suite.answers(world.admin.patch(f"/admin/webhooks/{hook['id']}", {"url": second.url()}), 428)
    created(world.admin.patch(f"/admin/webhooks/{hook['id']}", {"url": second.url()}, version="*"), 200)
    second.wait(world.ids(hook["position"]))
    suite.check(in_order(second.all()), "the second has all of it")
    created(world.admin.patch(f"/admin/webhooks/{hook['id']}", {"events": ["user.*"]}, version="*"), 200)
    world.change(2)
    ann = world.server.user("Ann")
    until(lambda: any(arrival.event["entity"]["id"] == ann.id for arrival in second.all()), "another sort of event")
    told = {arrival.event["id"] for arrival in second.all()}
    suite.equal(len(told & set(world.ids(hook["position"]))), 2, "and of the former no more")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    first.close()
    second.close()


@suite.case
def what_was_told_behind_what_is_not_wanted_any_more():
    """One that was refused holds back the place; once it is asked for no more, those behind it are told already."""
    receiver = Receiver(lambda arrival, handler: 503 if arrival.event["type"].startswith("community.") else 200)
    hook = world.hook(receiver.url(), ["community.*", "user.*"])
    world.change(1)
    until(receiver.all, "it is refused")
    ann = world.server.user("Ann")
    wanted = [event["id"] for event in world.events(hook["position"], "user.") if event["subject"]["id"] == ann.id]
    receiver.wait(wanted)
    until(lambda: world.state(hook)["waiting"] == 1, "it alone is not told")
    created(world.admin.patch(f"/admin/webhooks/{hook['id']}", {"events": ["user.*"]}, version="*"), 200)
    until(lambda: world.is_told(hook), "nothing is left")
    suite.equal([receiver.ids().count(each) for each in wanted], [1] * len(wanted), "each once")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def marketplaces_are_apart():
    operator = world.server.operator()
    created(operator.post("//api/admin/tenants", {"slug": "elsewhere", "name": "Elsewhere"}))
    created(world.server.operator("elsewhere").post("/admin/users", {"email": "root@example.com", "password": PASSWORD, "display_name": "R"}))
    other = world.server.client(None, "elsewhere")
    other.token = created(other.post("/auth/login", {"email": "root@example.com", "password": PASSWORD}), 200)["access_token"]
    receiver, inside = Receiver(), Receiver()
    hook = created(other.post("/admin/webhooks", {"url": receiver.url(), "events": ["*"]}))
    own = world.hook(inside.url())
    suite.answers(world.admin.get(f"/admin/webhooks/{hook['id']}"), 404)
    suite.answers(world.admin.get(f"/admin/webhooks/{hook['id']}/deliveries"), 404)
    suite.answers(world.admin.post(f"/admin/webhooks/{hook['id']}/disable"), 404)
    world.change(3)
    inside.wait(world.ids(own["position"]))
    created(other.post(f"/admin/webhooks/{hook['id']}/test"), 200)
    until(lambda: any(arrival.event["type"] == "webhook.test" for arrival in receiver.all()), "its own event")
    suite.equal({arrival.event["tenant_id"] for arrival in receiver.all()} & {arrival.event["tenant_id"] for arrival in inside.all()},
                set(), "nobody is told of another marketplace")
    created(other.delete(f"/admin/webhooks/{hook['id']}"), 204)
    created(world.admin.delete(f"/admin/webhooks/{own['id']}"), 204)
    receiver.close()
    inside.close()


@suite.case
def what_is_erased_is_not_told_any_more():
    """Events that wait are in memory as they were read; who is erased meanwhile is not in what is sent."""
    ann = world.server.user("Ann")
    asked, go_on = threading.Event(), threading.Event()

    def answer(*_):
        asked.set()
        return 200 if go_on.wait(60) else 500

    receiver = Receiver(answer)
    hook = world.hook(receiver.url(), ["user.*"])
    for name in ("Annabel Firstly", "Annabel Secondly", "Annabel Thirdly"):
        created(ann.patch("/users/me", {"profile": {"display_name": name}}, version="*"), 200)
    suite.check(asked.wait(60), "the first one is on its way")
    until(lambda: world.state(hook)["waiting"] >= 3, "the others are read")
    suite.check("Annabel Thirdly" in str(world.events(hook["position"])), "which name her")
    created(world.admin.delete(f"/admin/users/{ann.id}", {"reason": "asked"}), 200)
    created(world.admin.post(f"/admin/users/{ann.id}/erase", {"reason": "asked"}), 204)
    suite.check("Annabel" not in str(world.events(hook["position"])), "the log does no more")
    go_on.set()
    until(lambda: world.is_told(hook), "all told")
    arrivals = receiver.all()
    suite.check("Firstly" in str(arrivals[0].event), "what was on its way before")
    suite.equal([arrival.event["id"] for arrival in arrivals[1:] if b"Annabel" in arrival.body], [], "nothing behind it names her")
    suite.equal(receiver.ids(), [event["id"] for event in world.events(hook["position"], "user.") if event["subject"]["id"] == ann.id],
                "each event once")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def nothing_is_lost_by_drops_and_kills():
    """Every committed event at least once and in order of its subject, none that was not committed; a fifth of the answers never come."""
    chance, lock = random.Random(11), threading.Lock()

    def moody(_, handler):
        with lock:
            mood = chance.random()
        if mood < 0.2:
            return close_without_answer(handler)
        if mood < 0.3:
            time.sleep(0.02)
        return 500 if 0.3 <= mood < 0.35 else 200

    receiver = Receiver(moody)
    hook = world.hook(receiver.url())
    world.change(3, of=1)
    until(lambda: world.state(hook)["position"] > hook["position"], "some are told")
    for _ in range(2):
        world.change(40)
        until(lambda: len(receiver.all()) > 10, "some are on their way")
        world.server.kill()
        world.server.restart()
        world.log_in()
    world.change(20)
    until(lambda: world.is_told(hook), "all told")
    wanted = world.ids(hook["position"])
    suite.check(len(wanted) >= 103, f"{len(wanted)} events")
    suite.equal(set(wanted) - set(receiver.ids()), set(), "none is missing")
    suite.equal(set(receiver.ids()) - set(wanted), set(), "none was made up")
    suite.check(in_order(receiver.all()), "in order of each subject")
    suite.check(all(is_signed(hook["secret"], arrival) for arrival in receiver.all()), "the secret survived")
    created(world.admin.delete(f"/admin/webhooks/{hook['id']}"), 204)
    receiver.close()


@suite.case
def waiting_survives_a_restart():
    """Where it stands and when it is tried again is state: a restart neither repeats what is told nor tries before its time."""
    slow = World({"webhook.retries": "1h, 1h", "webhook.probe": "1h"})
    ill = threading.Event()
    receiver = Receiver(lambda arrival, handler: 500 if ill.is_set() else 200)
    hook = slow.hook(receiver.url())
    slow.change(3, of=0)
    until(lambda: slow.is_told(hook), "all told")
    ill.set()
    slow.change(2, of=0)
    until(lambda: slow.state(hook)["failures"] == 1, "one attempt failed")
    before, state = len(receiver.all()), slow.state(hook)
    suite.equal(state["health"], "retrying", "of many")
    slow.server.restart()
    slow.log_in()
    until(lambda: slow.state(hook)["waiting"] == 2, "its window is read again")
    again = slow.state(hook)
    suite.equal((again["failures"], again["next_attempt_at"], again["failing_since"], again["deliveries"], len(receiver.all())),
                (1, state["next_attempt_at"], state["failing_since"], state["deliveries"], before), "as before the restart")
    ill.clear()
    slow.do(hook, "test")
    until(lambda: slow.is_told(hook), "a test does not wait for the hour")
    suite.check(in_order(receiver.all()), "in order")
    probed(slow, receiver, hook, ill)
    receiver.close()
    slow.close()


def probed(slow, receiver, hook, ill):
    """Five failures in a row, each of another subject: from then on nothing is sent but a probe, which is an hour away."""
    before, told = len(receiver.all()), set(receiver.ids())
    ill.set()
    slow.places += [community(slow.leader) for _ in range(8)]
    slow.change(12)
    until(lambda: slow.state(hook)["health"] == "probed", "its address is down")
    slow.change(12)
    wanted = set(slow.ids(hook["position"])) - told
    until(lambda: slow.state(hook)["waiting"] == len(wanted), f"{len(wanted)} events wait")
    state = slow.state(hook)
    suite.check(5 <= state["failures"] <= 8 and len(receiver.all()) - before <= 8, f"of twelve subjects: {state['failures']} failures")
    suite.check(state["next_attempt_at"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 1800)), "for an hour")
    ill.clear()
    slow.do(hook, "test")
    until(lambda: slow.is_told(hook), "once it is back all of it goes")
    suite.equal(slow.state(hook)["health"], "healthy", "and all is well")
    suite.check(in_order(receiver.all()), "in order, still")


@suite.case
def it_ends_in_order():
    world.close()


suite.main()
