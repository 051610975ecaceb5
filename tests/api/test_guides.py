"""The guides do what they say: every line that a reader may paste is run, and every table is held against server and sources."""

import glob
import os
import re
import runpy
import subprocess

import pasted
from harness import ROOT, Server, Suite

suite = Suite("guides")


def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


@suite.case
def every_endpoint_has_an_example_that_answers_as_told():
    made, examples, problems = runpy.run_path(os.path.join(ROOT, "tools/endpoints"))["make"]()
    suite.equal(problems, [], "docs/guides/endpoints.txt")
    suite.check(page("docs/guides/endpoints.md") == made, "docs/guides/endpoints.md is not what tools/endpoints makes: `make docs` writes it")

    # curl says on a channel of its own what it was answered; before each example stands which one it is.
    server = Server()
    script = 'curl() { command curl -sS -w "%{stderr}%{http_code}\\n" "$@" 2>&9; }\n' + pasted.blocks("docs/guides/endpoints.md")[0]
    for number, example in enumerate(examples):
        script += f'echo "example {number}" >&9\n{example.script}\n'
    written = os.path.join(server.directory, "statuses")
    done = pasted.run(f"exec 9>{written}\n{script}", server, "-u")
    suite.equal(done.returncode, 0, done.stderr[-2000:])
    with open(written, encoding="utf-8") as file:
        answered = {int(number): rest.split() for number, rest in re.findall(r"^example (\d+)\n((?:(?!example).*\n)*)", file.read(), re.M)}
    for number, example in enumerate(examples):
        if example.status:
            suite.equal(answered.get(number, [])[:1], [str(example.status)], example.script)
    suite.check(len(examples) >= 200, f"{len(examples)} examples")
    server.stop()


@suite.case
def the_first_marketplace():
    server = Server()
    pasted.walk(suite, server, "docs/guides/first-marketplace.md", 30)
    server.stop()


@suite.case
def events_are_followed():
    server = Server()
    pasted.walk(suite, server, "docs/guides/events.md", 5)
    server.stop()


@suite.case
def every_metric_and_every_key_of_the_guides_exists():
    guide = page("docs/guides/operations.md")
    server = Server()
    text = server.client().get("//metrics").body.decode()
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"^(souk_\w+)[ {]", text, re.M)}
    told = set(re.findall(r"souk_[a-z_]+", guide))
    suite.equal(sorted(names - told), [], "docs/guides/operations.md says nothing of these metrics")
    sources = "".join(page(path) for path in glob.glob("src/**/*.c", root_dir=ROOT, recursive=True))
    suite.equal([name for name in sorted(told - names) if not re.search(rf'["\s]{name}\b', sources) and
                 not (name.startswith("souk_store_") and f'"{name[11:]}' in sources)], [], "no metric of the server")
    suite.check(len(names) > 50, f"{len(names)} metrics")

    keys = set(re.findall(r"^\| `([a-z_.]+)` \|", page("docs/gen/configuration.md"), re.M))
    sections = {key.split(".")[0] for key in keys}
    for name in glob.glob("docs/guides/*.md", root_dir=ROOT):
        named = {word for word in re.findall(r"`([a-z]+\.[a-z_.]+)(?:=[^`]*)?`", page(name)) if word.split(".")[0] in sections}
        named = {word for word in named if not re.search(r"^(order|user|data|store)\.[a-z]+$|\.(conf|key|slots|md|txt)$", word) or word in keys}
        suite.equal(sorted(named - keys), [], f"{name}: no keys of the configuration")
        suite.check(named or "operations" not in name, f"{name} names keys")
    server.stop()


# Calls whose text a person reads when something is refused.
REFUSALS = re.compile(r"\b(snprintf|refuse|fprintf|fail_at|[a-z_]*problem[a-z_]*|[a-z_]*damaged?)\s*\(([^;]*?)\);", re.S)
REFUSING = ("src/main.c", "src/main/*.c", "src/store/*.c", "src/net/loop.c", "src/net/net.c", "src/net/tls*.c", "src/relay/*.c",
            "src/search/index.c", "src/actors/runtime/core.c", "src/actors/runtime/verify.c", "src/actors/runtime/replay.c")


def sentences():
    """The fixed parts, of eight letters and more, of every sentence with which the process refuses; and where each is."""
    found = {}
    for path in sorted(path for pattern in REFUSING for path in glob.glob(pattern, root_dir=ROOT)):
        if re.search(r"/(demo|feeder|memory)", path):
            continue                            # for developers and tests alone
        for call, arguments in REFUSALS.findall(page(path)):
            if call == "snprintf" and not re.match(r"\s*(\w+->)?(problem|why)", arguments) or \
               call == "fprintf" and not re.match(r"\s*stderr", arguments):
                continue
            for literal in re.findall(r'"((?:[^"\\]|\\.)*)"', arguments):
                for part in re.split(r"%[-0-9.*]*(?:ll|l|z)?[a-zA-Z]|%$|\\n|\\r|\\033\[K", literal):
                    part = part.strip(" :,;()'`")
                    if len(re.sub("[^a-zA-Z]", "", part)) >= 8:
                        found.setdefault(part, path)
    return found


@suite.case
def every_refusal_and_every_exit_status_is_explained():
    guide = page("docs/guides/troubleshooting.md")
    found = sentences()
    suite.check(len(found) > 80, f"{len(found)} sentences")
    for sentence, path in found.items():
        suite.check(sentence in guide, f"docs/guides/troubleshooting.md does not explain {sentence!r} of {path}")
    help_text = subprocess.run([Server(start=False).binary, "help"], capture_output=True, text=True, check=True).stdout
    for status, means in re.findall(r"^ +(\d+)  (.+)$", help_text.split("exit codes:")[1], re.M):
        suite.check(f"| {status} | {means.split(':')[0]} |" in guide, f"status {status}: {means}")


@suite.case
def links_lead_somewhere():
    for name in glob.glob("docs/guides/*.md", root_dir=ROOT) + glob.glob("docs/gen/*.md", root_dir=ROOT) + ["README.md", "docs/TOUR.md"]:
        for target in set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page(name))):
            suite.check(os.path.exists(os.path.join(ROOT, os.path.dirname(name), target)), f"{name} leads to {target}")


if __name__ == "__main__":
    suite.main()
