"""The page at /docs: it is there with all its parts, says the whole document, and loads nothing from elsewhere."""

import gzip
import json
import os
import re
import subprocess
import urllib.parse

from harness import ROOT, Server, Suite

suite = Suite("docs")
server = Server()
client = server.client()
client.validates = False                        # the parts have types of their own


def get(path, **headers):
    return client.request("GET", "/" + path, headers=headers)


def references(html):
    """What a page loads or leads to."""
    return re.findall(r'(?:src|href)="([^"]*)"', html)


def pages():
    return [("/docs", get("/docs").body.decode()), ("/docs/plain", get("/docs/plain").body.decode())]


HAS_VIEWER = "swagger-ui-bundle.js" in pages()[0][1]


@suite.case
def everything_that_it_names_is_here():
    asked = set()
    for path, html in pages():
        suite.check(html.startswith("<!DOCTYPE html>") and html.rstrip().endswith("</html>"), path)
        for reference in references(html):
            if reference == "data:,":
                continue                        # no icon
            suite.check(re.fullmatch(r"/[a-z0-9./-]+", reference), f"{path} leads to {reference}")
            asked.add(reference)
    for reference in sorted(asked):
        reply = get(reference)
        suite.equal(reply.status, 200, reference)
        suite.check(len(reply.body) > 100, reference)
        kind = {".js": "text/javascript", ".css": "text/css", ".json": "application/json"}.get(os.path.splitext(reference)[1], "text/html")
        suite.check(reply.headers["Content-Type"].startswith(kind), f"{reference}: {reply.headers['Content-Type']}")
        suite.equal(reply.headers["X-Content-Type-Options"], "nosniff", reference)
    suite.check("/docs/plain.css" in asked and "/openapi.json" in asked, f"{asked}")


@suite.case
def nothing_leaves_the_host():
    parts = ["/docs", "/docs/plain", "/docs/plain.css"]
    if HAS_VIEWER:
        parts += ["/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/licence.txt"]
    for path in parts:
        policy = get(path).headers["Content-Security-Policy"] or ""
        directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        suite.equal(directives.get("default-src"), "'none'", path)
        suite.check(set(" ".join(directives.values()).split()) <= {"'none'", "'self'", "data:"}, f"{path}: {policy}")
        suite.check(directives.get("frame-ancestors") == directives.get("base-uri") == directives.get("form-action") == "'none'", policy)
        suite.equal(get(path).headers["Referrer-Policy"], "no-referrer", path)
    for path, html in pages():
        hosts = {urllib.parse.urlparse(reference).netloc for reference in references(html)}
        suite.equal(hosts, {""}, path)
        suite.check(not re.search(r"<script[^>]*>[^<]|<style|\son[a-z]+=|\sstyle=", html), f"{path}: nothing that the policy would stop")
    for path in parts:
        if path.endswith(".css"):
            for target in re.findall(r"url\(\s*[\"']?([^)\"']*)", get(path).body.decode()):
                suite.check(target.startswith("data:"), f"{path}: {target[:80]}")
            suite.check("@import" not in get(path).body.decode(), path)
        if path == "/docs/start.js":
            suite.check("://" not in get(path).body.decode() and "validatorUrl: null" in get(path).body.decode(), path)
    suite.equal(get("/openapi.json").headers["Content-Security-Policy"], None, "what is no page needs no policy")


@suite.case
def the_plain_list_has_every_operation():
    html = get("/docs/plain").body.decode()
    document = json.loads(get("/openapi.json").body)
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            shown = path if "servers" in item else "/api/v1" + path
            words = f"Also as <code>{shown}<" if operation["operationId"].endswith("_alias") else f"<code>{method.upper()} {shown}<"
            suite.check(words in html, words)
    suite.equal(html.count("<details>"), html.count("</details>"), "well formed")


@suite.case
def it_comes_compressed_to_who_asks():
    for path in ["/docs/plain"] + ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"] * HAS_VIEWER:
        plain, packed = get(path), get(path, **{"Accept-Encoding": "gzip"})
        suite.equal(packed.headers["Content-Encoding"], "gzip", path)
        suite.equal((packed.headers["Vary"], plain.headers["Vary"]), ("Accept-Encoding", "Accept-Encoding"), path)
        suite.equal(plain.headers["Content-Encoding"], None, path)
        suite.check(gzip.decompress(packed.body) == plain.body, f"{path} is the same")
        suite.check(len(packed.body) < len(plain.body) / 2, path)


@suite.case
def methods_and_names():
    suite.equal(client.request("HEAD", "//docs").headers["Content-Type"], "text/html; charset=utf-8", "HEAD")
    suite.equal(client.request("POST", "//docs", {}).status, 405, "POST")
    for name in ("none", "..", "plain.CSS", "%2e%2e", "start.js.gz", "x" * 300):
        suite.check(get("/docs/" + name).status in (400, 404), name)
    suite.equal(server.operator().request("GET", "//docs").status, 200, "through the control socket too")


@suite.case
def it_is_a_page_with_and_without_the_viewer():
    if HAS_VIEWER:
        licence = get("/docs/licence.txt").body.decode()
        suite.check("Apache License" in licence and "SmartBear" in licence, "the licence is beside it")
    else:
        suite.equal(get("/docs").body, get("/docs/plain").body, "the list stands in for it")
        suite.equal(get("/docs/start.js").status, 404)
    done = subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-Isrc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "src/main/pages.c"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    suite.equal(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    suite.main()
