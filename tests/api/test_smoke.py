"""The whole in small: it starts, says how it is, serves its document, refuses what it does not know, and keeps what it
acknowledged through kills and stops. Short enough to run under every sanitizer."""

import concurrent.futures
import json
import subprocess

from harness import Server, Suite

suite = Suite("smoke")
server = Server()


@suite.case
def is_alive_and_ready():
    anybody = server.client()
    for path, status in (("//healthz", "alive"), ("//readyz", "ready")):
        reply = anybody.get(path)
        suite.answers(reply, 200)
        suite.equal(reply.data["status"], status, path)
        suite.check(reply.data["position"] >= 1, "the default tenant is in the log")


@suite.case
def counts():
    anybody = server.client()
    reply = anybody.get("//metrics", form=False)
    suite.equal(reply.status, 200)
    suite.check(reply.headers["Content-Type"].startswith("text/plain"), "it is text")
    text = reply.body.decode()
    for line in text.splitlines():
        suite.check(line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0, line)
    for name in ("souk_log_durable_lsn", "souk_store_durable_lsn", "souk_work_waiting", "souk_connections"):
        suite.check(name in text, f"{name} is there")


@suite.case
def figures_are_for_this_machine():
    for shown, status in (("loopback", 403), ("everybody", 200)):
        other = Server(settings={"server.metrics": shown, "net.proxies": "127.0.0.1"})
        far = other.client(headers={"X-Forwarded-For": "203.0.113.7"})
        suite.equal(far.get("//metrics", form=False).status, status, f"{shown}: asked from elsewhere")
        suite.equal(other.client().get("//metrics", form=False).status, 200, f"{shown}: asked from here")
        suite.equal(other.stop(), 0)
        other.remove()


@suite.case
def serves_its_document():
    reply = server.client().get("//openapi.json")
    suite.equal(reply.status, 200)
    document = reply.json
    suite.equal(document["openapi"], "3.1.0")
    for path in ("/auth/register", "/communities", "/products/{id}", "/promotions/{id}/submit", "/orders", "/healthz"):
        suite.check(path in document["paths"], f"{path} is documented")
    dumped = subprocess.run([server.binary, "dump", "openapi"], capture_output=True, check=True).stdout
    suite.equal(json.loads(dumped), document, "the dumped document is the served one")


@suite.case
def every_documented_route_exists():
    """A route answers anything but 404 without a code of its own, and the methods it lacks are 405."""
    anybody = server.client()
    document = anybody.get("//openapi.json").json
    for path, item in document["paths"].items():
        methods = {method.upper() for method in item if method != "servers"}
        target = "/" + path if "servers" in item else path
        target = target.replace("{", "").replace("}", "")
        reply = anybody.request("OPTIONS", target)
        suite.equal(reply.status, 204, target)
        suite.check(methods <= set(reply.headers.get("Allow", "").split(", ")), f"{target} allows {methods}")
        missing = {"GET", "POST", "PUT", "PATCH", "DELETE"} - set(reply.headers.get("Allow", "").split(", "))
        if missing:
            reply = anybody.request(sorted(missing)[0], target)
            suite.answers(reply, 405, "method_not_allowed", target)


@suite.case
def unknown_paths_are_not_found():
    anybody = server.client()
    for path in ("//", "/nothing", "//api/v2/users", "//healthz/more", "/users/a/b/c/d", "//control"):
        suite.answers(anybody.get(path), 404, "not_found", path)


@suite.case
def control_is_for_operators():
    anybody, ann = server.client(), server.user("Ann")
    for client in (anybody, ann):
        suite.answers(client.get("//control/log"), 401, "unauthorized")
        suite.answers(client.post("//control/backup", {"path": "/tmp/never"}), 401, "unauthorized")
    for path in ("relative", "", "x" * 2001):
        control = server.control()
        body = json.dumps({"path": path}).encode()
        control.send(b"POST /control/backup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        suite.equal(control.reply().status, 400, f"a backup to {path[:10]!r}")
        control.close()


@suite.case
def kill_and_restart_keep_what_was_acknowledged():
    names = [f"Person {number}" for number in range(6)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        people = list(pool.map(server.user, names))
    position = int(server.client().get("//healthz").data["position"])
    server.kill()
    server.restart()
    suite.check(server.client().get("//healthz").data["position"] >= position, "nothing acknowledged is missing")
    for person, name in zip(people, names):
        me = person.get("/users/me")
        suite.answers(me, 200, text="the token still counts")
        suite.equal(me.data["profile"]["display_name"], name)


@suite.case
def stops_gracefully_and_goes_on():
    ben = server.user("Ben")
    suite.equal(server.stop(), 0, "SIGTERM ends it with 0")
    suite.check("Sanitizer" not in server.log_text(), "no sanitizer complains")
    server.command(["verify"])
    server.restart()
    suite.equal(ben.get("/users/me").data["profile"]["display_name"], "Ben")


@suite.case
def serves_with_threads_of_its_own():
    other = Server(settings={"net.loops": 2})
    ann = other.user("Ann")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: other.client(ann.token).get("/users/me"), range(60)))
    suite.equal({reply.status for reply in replies}, {200})
    suite.equal(other.stop(), 0)
    other.remove()


if __name__ == "__main__":
    suite.main()
