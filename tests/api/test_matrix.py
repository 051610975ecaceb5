"""Every operation against everything: cases made from what the binary says of itself (`souk dump openapi`), so that a new
command is tested without a line here. For each operation: who may, which bodies, queries, versions and ids are refused and
how; for each kind: every command in every state that its machine can be walked to.

What a schema cannot say (bodies that must fit what is there, entities to begin with) is in matrix_world.py."""

import json
import re
import uuid

from harness import Server, Suite
from matrix_body import DEEP, LIMIT_CODES, Bodies, path_text
from matrix_operation import Operation
from matrix_world import Entity, World, numbers

suite = Suite("matrix")
server = Server(settings={"orders.payment_wait": 20, "orders.open_max": 10000, "log.level": "warning"})
DRY = {"Prefer": "dry-run"}
ABSENT = str(uuid.uuid4())
# What follows from a provider's answer, which a dry run does not ask for: the sandbox answers within the command itself.
PROVIDERS_SAY = {"order.payment_succeeded", "order.payment_failed", "order.confirmed", "order.cancelled", "order.refund_succeeded",
                 "order.updated", "product.inventory_updated"}
ORDER = ["operator", "admin", "owner", "team_owner", "manager", "staff", "moderator", "member", "customer", "stranger", "anonymous"]


# ---- Operations ------------------------------------------------------------------------------------------------------

document = server.document()
operations = [Operation(document, path, method, row) for path, item in document.document["paths"].items()
              for method, row in item.items() if method in ("get", "post", "put", "patch", "delete")]
missing = set()                                 # operations of which the world has no entity


def born(world, kind):
    """An entity made with the `create` of its kind by whoever may: for kinds that matrix_world.py does not know."""
    create = next((each for each in operations if each.permission == kind + ".create"), None)
    for role in allowed(create, world) if create else ():
        client = world.people[role]
        reply = client.request(create.method, create.filled(world.parameters), body_of(create, world))
        if reply.status == 201:
            noun = next(each.path.split("/{id}")[0].split("/")[-1] for each in operations if each.permission == kind + ".read")
            return Entity(kind, reply.data, {noun: reply.data["id"]}, {"self": client, "role": role})
    return None


def complete(world):
    """Gives the world an entity of each kind that it lacks."""
    for operation in operations:
        if operation.name != "create" and None in operation.values(world.parameters).values():
            entity = born(world, operation.kind)
            if not entity:
                missing.add(operation)
                continue
            world.parameters.update(entity.parameters)
            world.selves[operation.kind] = {entity.people["role"]}
    world.referred["at"] = str(world.people["operator"].get("//healthz").data["position"])
    return world


def body_of(operation, world=None):
    world = world or here
    if operation.permission in world.bodies():
        return world.bodies()[operation.permission]()
    return Bodies(document, world.refer).sample(operation.body) if operation.body else None


def bytes_of(operation):
    """A small document, each time another one."""
    return b"%%PDF-1.4 %d" % next(numbers) if operation.takes_bytes else None


def relations_of(operation, role, world):
    relations = set(world.relations[role])
    everybody = operation.path.startswith("/users/me") and "{id}" not in operation.path and "user" in relations
    if everybody or role in world.selves.get(operation.kind, ()):
        relations.add("self")
    return relations


def allowed(operation, world=None):
    """Roles that may, those of many rights first."""
    world = world or here
    return [role for role in ORDER if relations_of(operation, role, world) & operation.relations]


def ask(operation, client, values=None, body=None, query="", **options):
    if operation.takes_bytes:
        options["raw"] = options.get("raw") or bytes_of(operation)
        options["headers"] = {"Content-Type": "application/pdf", **options.get("headers", {})}
    reply = client.request(operation.method, operation.filled(values or here.parameters, query), body,
                           form=False if operation.platform else None, **options)
    if reply.status >= 500:
        suite.check(False, f"{operation} {str(body)[:200]}: {reply}")
    return reply


def asker(operation):
    return here.people[allowed(operation)[0]]


class Unchanged:
    """Nothing but the system itself may write to the log meanwhile."""

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        self.position = position()

    def __exit__(self, kind, error, trace):
        if kind is None:
            written = [record["command"] for record in records(self.position) if record["principal"] != "system"]
            suite.equal(written, [], f"{self.text}: nothing is written")


def position():
    return here.people["operator"].get("//healthz").data["position"]


def records(after):
    reply = here.people["operator"].get(f"//control/log?after={after}&count=1000", form=False)
    return [json.loads(line) for line in reply.body.splitlines()]


def without_id(reply):
    """A refusal, but for what differs from request to request."""
    return reply.status, {name: value for name, value in (reply.json or {}).items() if name != "request_id"}


def case(name, function, *arguments):
    def run():
        function(*arguments)
    run.__name__ = f"{name} {' '.join(str(each) for each in arguments)}"
    suite.case(run)


# ---- Who may ---------------------------------------------------------------------------------------------------------

def rights(operation):
    suite.check(allowed(operation), "somebody in the world may")
    with Unchanged("dry runs and refusals"):
        for role in ORDER:
            reply = ask(operation, here.people[role], body=body_of(operation), headers=DRY)
            told = f"{role}: {reply}"
            if reply.status < 300 and reply.json and operation.method != "GET":
                suite.check(reply.json.get("dry_run") is True, f"is a dry run: {told}")
            if role in allowed(operation):
                credentials = operation.path.startswith("/auth/")       # in the body: they are refused with 401 too
                suite.check(reply.code not in ("unauthorized", "forbidden") or credentials, f"may: {told}")
            elif role == "anonymous":
                suite.equal((reply.status, reply.code), (401, "unauthorized"), told)
            elif operation.platform:
                suite.check(reply.status in (401, 403), f"is refused: {told}")
            elif operation.name == "read" and operation.names:
                suite.check(reply.status == 404, f"does not hear that it is there: {told}")
            else:
                suite.check(reply.status in (403, 404), f"is refused: {told}")


def tokens(operation):
    stranger, body = there.people["stranger"], body_of(operation)
    for text, client in (("another tenant's", server.client(stranger.token, "default")), ("no", server.client("no.such.token"))):
        reply = ask(operation, client, body=body, headers=DRY)
        suite.answers(reply, 401, "unauthorized", f"{text} token")
    path = "/api/default/v1" + operation.filled(here.parameters)
    bytes_type = {"Content-Type": "application/pdf"} if operation.takes_bytes else {}
    reply = stranger.request(operation.method, path, body, raw=bytes_of(operation), headers={**DRY, "X-Tenant": None, **bytes_type})
    suite.answers(reply, 401, "unauthorized", "another tenant's token, by path")


def ids(operation):
    """Another tenant's entity, and none at all, are answered alike."""
    client = asker(operation)
    for name, _ in operation.keys():
        replies = []
        for value in (ABSENT, operation.values(there.parameters)[name]):
            values = {**here.parameters, "{" + name + "}": value}
            replies.append(ask(operation, client, values, body_of(operation), headers=DRY))
        suite.check(replies[0].status == 404, f"no such {name}: {replies[0]}")
        suite.equal(without_id(replies[1]), without_id(replies[0]), f"another tenant's {name} is as none")
    values = {**here.parameters, "{" + operation.names[0] + "}": "no-id-at-all"}
    suite.answers(ask(operation, client, values, body_of(operation), headers=DRY), 404, "not_found", "what is no id")


def references(operation):
    """Ids in bodies: another tenant's are as absent as none."""
    base = body_of(operation)
    members = document.resolve(operation.body).get("properties", {})
    for name, schema in members.items():
        foreign = there.refer(schema.get("x-refers"), name)
        if not foreign:
            continue
        replies = [ask(operation, asker(operation), body={**(base or {}), name: value}, headers=DRY) for value in (ABSENT, foreign)]
        suite.check(replies[0].status >= 400, f"no such {name}: {replies[0]}")
        suite.equal(without_id(replies[1]), without_id(replies[0]), f"another tenant's {name} is as none")


here = complete(World(server))
there = complete(World(server, here.tenant["slug"]))
bodies = Bodies(document, here.refer)


@suite.case
def the_world_is_complete():
    suite.equal([str(each) for each in missing], [], "make an entity for these in matrix_world.py")


operations = [each for each in operations if each not in missing]
for each in operations:
    case("rights of", rights, each)
    if not each.platform:
        case("tokens for", tokens, each)
        if each.names:
            case("ids of", ids, each)
        if each.body and any(there.refer(member.get("x-refers"), name)
                             for name, member in document.resolve(each.body).get("properties", {}).items()):
            case("references in", references, each)


# ---- Bodies ----------------------------------------------------------------------------------------------------------

def send(operation, body=None, raw=None, **options):
    headers = {"If-Match": "*"} if operation.takes("If-Match") else {}
    return ask(operation, asker(operation), body=body, raw=raw, headers={**headers, **options.pop("headers", {})}, **options)


def wrong_bodies(operation):
    with Unchanged("wrong bodies"):
        for path, codes, body in bodies.wrong(operation.body, operation.method == "PATCH"):
            reply = send(operation, body)
            text = f"{path_text(path)} {json.dumps(body)[:300]}"
            suite.equal((reply.status, reply.code), (400, "validation_failed"), text)
            suite.check(reply.codes.get(path_text(path)) in codes, f"{text}: {sorted(codes)} for it, was {reply}")
        base = json.dumps(bodies.sample(operation.body, full=True))
        for name in document.resolve(operation.body)["properties"]:
            twice = base[:-1] + f', "{name}": null, "{name}": null}}'
            reply = send(operation, raw=twice.encode())
            suite.equal((reply.status, reply.codes.get(name)), (400, "duplicate"), f"{name} given twice")


# Members whose limits depend on others: 2 or 3 products of a campaign, 1 of a single; variants are never fewer than
# before; a vote of options there are.
LIMITED_BY_OTHERS = {("promotion.create", ("products",)), ("promotion.patch", ("products",)), ("product.patch", ("variants",)),
                     ("vote.vote", ("option_ids",))}


def bodies_at_limits(operation):
    with Unchanged("dry runs"):
        for path, body in bodies.at_limits(operation.body):
            reply = send(operation, body, headers=DRY)
            code = reply.codes.get(path_text(path))
            if (operation.permission, path) in LIMITED_BY_OTHERS:
                continue
            suite.check(code not in LIMIT_CODES | {"wrong_type"}, f"{path_text(path)} at its limit: {code}: {json.dumps(body)[:300]}")


def what_are_no_bytes(operation):
    """Of an operation that takes a file."""
    with Unchanged("what is no file"):
        for content_type in ("application/json", "text/plain", "", "application/octet-stream"):
            reply = ask(operation, asker(operation), headers={"Content-Type": content_type})
            suite.answers(reply, 415, "unsupported_media_type", f"as {content_type!r}")
        reply = ask(operation, asker(operation), headers={"Content-Encoding": "gzip"})
        suite.answers(reply, 415, "unsupported_media_type", "compressed")
        suite.answers(ask(operation, asker(operation), raw=b"GIF"), 415, "unsupported_media_type", "other bytes")
        reply = asker(operation).request(operation.method, operation.filled(here.parameters), headers={"Content-Type": "application/pdf"})
        suite.answers(reply, 400, "validation_failed", "no bytes")


def what_is_no_body(operation):
    with Unchanged("what is no body"):
        for raw, code in ((b"{", "malformed_json"), (b"[" * DEEP + b"]" * DEEP, "malformed_json"),
                          (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "malformed_json"), (b"nonsense", "malformed_json"),
                          (b"{} {}", "malformed_json"), (b'{"a":"\xff"}', "malformed_json"), (b"[]", "validation_failed"),
                          (b"null", "validation_failed"), (b'"text"', "validation_failed"), (b"7", "validation_failed"),
                          (b'{"no_such_member":1}', "validation_failed")):
            suite.answers(send(operation, raw=raw), 400, code, f"{raw[:40]!r}")
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""):
            reply = send(operation, raw=b"{}", headers={"Content-Type": content_type})
            suite.answers(reply, 415, "unsupported_media_type", f"as {content_type!r}")
        raw = server.raw() if not operation.platform else server.control()
        raw.send(f"{operation.method} {operation.on_wire(here.parameters)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 f"Content-Length: {1024 * 1024 + 1}\r\n\r\n".encode())
        suite.answers(raw.reply(), 413, "body_too_large", "more than 1 MiB")
        raw.close()
        if operation.body_required and operation.method != "PATCH":
            suite.equal(send(operation).status, 400, "no body where one is needed")


for each in operations:
    if each.takes_bytes:
        case("no file", what_are_no_bytes, each)
    elif each.method != "GET":
        case("no body", what_is_no_body, each)
    if each.body:
        case("wrong bodies of", wrong_bodies, each)
        case("bodies at the limits of", bodies_at_limits, each)


# ---- Queries ---------------------------------------------------------------------------------------------------------

def queries(operation):
    base = body_of(operation)
    for query in ("?no_such_parameter=1", "?Limit=1"):
        reply = ask(operation, asker(operation), body=base, query=query, headers=DRY)
        suite.equal((reply.status, reply.code), (400, "validation_failed"), query)
    if operation.method == "GET":
        reply = ask(operation, asker(operation), raw=b"{}")
        suite.answers(reply, 400, "bad_request", "a GET with a body")
    for parameter in operation.parameters:
        if parameter["in"] != "query" or parameter["name"] in ("limit", "cursor"):
            continue
        name, schema = parameter["name"], document.resolve(parameter["schema"])
        for value in schema.get("enum", [bodies.sample(schema, name)]):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            reply = ask(operation, asker(operation), query=f"?{name}={text}")
            suite.check(reply.status in (200, 201), f"{name}={text}: {reply}")
        kind = bodies.type_of(schema)
        bad = ["no_such_value"] if "enum" in schema or schema.get("format") in ("uuid", "date", "date-time") else []
        bad += ["abc", "1.5", ""] if kind == "integer" else ["maybe"] if kind == "boolean" else []
        bad += [schema[side] + step for side, step in (("minimum", -1), ("maximum", 1)) if side in schema and abs(schema[side]) < 2 ** 62]
        bad += ["x" * (schema["maxLength"] + 1)] if "maxLength" in schema else []
        for value in bad:
            reply = ask(operation, asker(operation), query=f"?{name}={value}")
            suite.equal((reply.status, reply.paths), (400, [name]), f"{name}={value}")
        reply = ask(operation, asker(operation), query=f"?{name}={text}&{name}={text}")
        suite.equal((reply.status, reply.paths), (400, [name]), f"{name} twice")


def pages(operation):
    client = asker(operation)
    for value in ("0", "-1", "101", "abc", "", "1e1", "99999999999999999999"):
        reply = ask(operation, client, query=f"?limit={value}")
        suite.equal((reply.status, reply.paths), (400, ["limit"]), f"limit={value}")
    for value in (1, 100):
        reply = ask(operation, client, query=f"?limit={value}")
        suite.equal((reply.status, (reply.page or {}).get("limit")), (200, value), f"limit={value}")
    cursor = ask(operation, client, query="?limit=1").page["next"]
    wrong = ["x", "!", "", "A" * 2000, other_cursor(operation), "A" * 40]
    if cursor:
        suite.equal(ask(operation, client, query=f"?limit=1&cursor={cursor}").status, 200, "its cursor")
        for at in (0, len(cursor) // 2, len(cursor) - 2):
            wrong.append(cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1:])
        wrong += [cursor[:-4], cursor + "AAAA", cursor * 2]
        if operation.takes("sort"):
            sorts = next(each for each in operation.parameters if each["name"] == "sort")["schema"].get("enum", [])
            for sort in sorts:
                reply = ask(operation, client, query=f"?limit=1&sort={sort}&cursor={cursor}")
                suite.answers(reply, 400, "invalid_cursor", f"a cursor of the list sorted otherwise ({sort})")
    for value in wrong:
        reply = ask(operation, client, query=f"?limit=1&cursor={value}")
        good = reply.status == 400 and reply.code in ("invalid_cursor", "validation_failed")
        suite.check(good, f"cursor={value[:80]}: {reply}")


def other_cursor(operation):
    """Of another list."""
    other = "/admin/users" if operation.path != "/admin/users" else "/products"
    return here.people["admin"].get(other + "?limit=1").page["next"]


for each in operations:
    case("queries of", queries, each)
    if each.is_list:
        case("pages of", pages, each)


# ---- Versions --------------------------------------------------------------------------------------------------------

def versions(operation):
    client, base = asker(operation), body_of(operation)
    if operation.takes("If-Match"):
        with Unchanged("stale versions"):
            for value in ("x", "7", '"x"', '"-1"', '"1", "2"', '"1.x"'):
                reply = ask(operation, client, body=base, headers={"If-Match": value})
                suite.equal((reply.status, reply.paths), (400, ["If-Match"]), value)
            reply = ask(operation, client, body=base, version=999999)
            suite.answers(reply, 412, "stale_version", "a version that never was")
            current = (reply.json or {}).get("current_version")
            suite.check(isinstance(current, int) and current >= 0, f"tells the present one: {reply}")
            if operation.method == "PATCH" and base is not None and "428" in operation.responses:
                reply = ask(operation, client, body={**base, "version": 999999})
                suite.answers(reply, 412, "stale_version", "in the body")
                suite.answers(ask(operation, client, body=base), 428, "version_required", "none")
    if operation.takes("If-None-Match"):
        reply = ask(operation, client)
        suite.check(reply.status == 200 and reply.etag, f"has an ETag: {reply}")
        for method in ("GET", "HEAD"):
            for tag in (reply.etag, f'"0", {reply.etag}', "W/" + (reply.etag or ""), "*"):
                again = client.request(method, operation.filled(here.parameters), headers={"If-None-Match": tag})
                suite.equal((again.status, again.body), (304, b""), f"{method} {tag}")
        again = ask(operation, client, headers={"If-None-Match": '"0"'})
        suite.equal((again.status, again.body), (200, reply.body), "another ETag")


for each in operations:
    if each.takes("If-Match") or each.takes("If-None-Match"):
        case("versions of", versions, each)


# ---- Machines --------------------------------------------------------------------------------------------------------

succeeded = set()


def client_of(entity, role):
    return entity.people.get(role, here.people[role])


def askers(operation, entity):
    """Who may, of the people of this entity: the most powerful first, whoever is `self` among them."""
    people = [client_of(entity, role) for role in allowed(operation)]
    if "self" not in entity.people:
        return people
    if not entity.parameters:
        return [entity.people["self"]]
    most = max(len(each.names) for each in operations if each.kind == operation.kind)
    if len(operation.names) < most or operation.path.startswith("/users/me"):
        return [entity.people["self"]]
    return [entity.people["self"]] * ("self" in operation.relations) + people


def told(operation, entity):
    """What the first answers who may and sees it."""
    for client in askers(operation, entity):
        reply = ask(operation, client, {**here.parameters, **entity.parameters}, body_of(operation), headers=operation.any_version())
        if reply.status not in (401, 403, 404):
            break
    return reply


def perform(operation, entity, state):
    """As whoever succeeds: a dry run, which writes nothing; in earnest; again with the same key, and with another body."""
    headers = {**operation.any_version(), **DRY}
    values, body = {**here.parameters, **entity.parameters}, body_of(operation)
    raw = json.dumps(body).encode() if body is not None else bytes_of(operation)
    for client in askers(operation, entity):
        with Unchanged(f"a dry run of {operation.name} in {state}"):
            dry = ask(operation, client, values, raw=raw, headers=headers)
        before, key = position(), f"key-{next(numbers)}" if operation.takes("Idempotency-Key") else None
        reply = ask(operation, client, values, raw=raw, key=key, headers=operation.any_version())
        suite.equal(dry.status, reply.status, f"{operation.name} in {state}: the dry run says what happens: {reply}")
        if reply.status >= 300:
            continue
        succeeded.add(operation.permission)
        check_events(operation, before, state, reply)
        if (dry.json or {}).get("dry_run"):
            written = [[event["type"] for event in record["events"]] for record in records(before)
                       if record["command"] == operation.permission and record["principal"] != "system"]
            foretold = [event["type"] for event in dry.json["events"]]
            written = sum(written, [])
            suite.equal(written[:len(foretold)], foretold, f"{operation.name} in {state}: the dry run foretells its events")
            suite.check(PROVIDERS_SAY.issuperset(written[len(foretold):]),
                        f"{operation.name} in {state}: {written}, more than a provider answers to {foretold}")
        if key:
            check_again(operation, client, values, raw, key, reply)
        break
    return reply


def check_events(operation, before, state, reply):
    """The record of the command has an event that the machine names for where it went."""
    rows = operation.legal().get(state, [])
    to = (reply.data or {}).get("status")
    named = {row.get("event") for row in rows if row["to"] in (to, "same", "remembered")}
    if not named or None in named or not to:
        return
    events = {event["type"] for record in records(before) if record["command"] == operation.permission for event in record["events"]}
    suite.check(events & named or to == state, f"{operation.name} from {state} to {to}: one of {named}, was {events}")


ENDS_THE_LOGIN = {"user.password"}              # whoever asks again has to log in first
SHOWS_A_SECRET = {"webhook.create", "webhook.rotate-secret"}   # which is nowhere kept to be shown again


def check_again(operation, client, values, raw, key, reply):
    with Unchanged("a repeat"):
        again = ask(operation, client, values, raw=raw, key=key)
        if operation.permission in ENDS_THE_LOGIN:
            return
        suite.equal((again.status, again.headers.get("Idempotency-Replayed")), (reply.status, "true"), f"{operation.name} again: {again}")
        if operation.permission in SHOWS_A_SECRET:
            suite.check(reply.data.pop("secret") not in again.body.decode(), f"{operation.name} shows a secret once")
            suite.equal(again.data, reply.data, f"{operation.name} again is answered alike, but for it")
        else:
            suite.equal(again.body, reply.body, f"{operation.name} again is answered alike")
        other = ask(operation, client, values, raw=(raw or b"{}") + b" ", key=key)
        suite.answers(other, 422, "idempotency_key_reused", f"{operation.name} with the same key and another body")


def refused(operations_of_kind, entity, state):
    """Commands that the machine does not have here, asked by somebody who may."""
    legal = {each.name for each in commands[entity.kind] if state in each.legal()}
    for operation in operations_of_kind:
        by_machine = operation.takes("If-Match") and set(operation.legal()) != {"none"}
        if state in operation.legal() or not by_machine:
            continue
        with Unchanged(f"{operation.name} in {state}"):
            reply = told(operation, entity)
        if reply.status == 404 and state == "deleted":
            continue                            # who may see it has no right to this command
        if not suite.answers(reply, 409, "invalid_transition", f"{operation.name} in {state}"):
            continue
        possible = re.search("possible: (.*)$", reply.error)
        suite.equal(set(possible.group(1).split(", ")) if possible else set(), legal, f"{operation.name} in {state}: {reply.error}")


def hidden(operations_of_kind, entity, state):
    """Who may not read it does not hear of it from a command either."""
    read = next((each for each in operations if each.permission == entity.kind + ".read"), None)
    values = {**here.parameters, **entity.parameters}
    for client in (here.people["stranger"], here.people["customer"]) if read else ():
        if ask(read, client, values).status != 404:
            continue
        for operation in operations_of_kind:
            if set(operation.legal()) == {"none"}:
                continue                        # its path names something else
            reply = ask(operation, client, values, body_of(operation), headers={**DRY, **operation.any_version()})
            suite.answers(reply, 404, "not_found", f"{operation.name} in {state} by whom it is hidden from")


# Commands of kinds with a machine; those whose path names an entity can be asked in each of its states.
commands = {}
for each in operations:
    if each.transitions and not each.alias:
        commands.setdefault(each.kind, []).append(each)


def machine(kind, number):
    maker, of_kind = makers_of(kind)[number], [each for each in commands[kind] if each.names]
    reached, queue = {}, []

    def made(state):
        entity = maker()
        for operation in reached.get(state, []):
            perform_again(operation, entity)
        return entity

    entity = maker()
    reached[entity.data["status"]] = []
    queue.append(entity.data["status"])
    while queue:
        state = queue.pop(0)
        entity = made(state)
        refused(of_kind, entity, state)
        hidden(of_kind, entity, state)
        for operation in of_kind:
            if state not in operation.legal():
                continue
            reply = perform(operation, entity, state)
            if reply.status >= 300:
                suite.check(reply.code != "invalid_transition" or operation.guarded(state), f"{operation.name} in {state}: {reply}")
                continue
            to = operation.state_after(state, reply)
            if to not in reached:
                reached[to] = reached[state] + [operation]
                queue.append(to)
            if to != state:
                entity = made(state)
    print(f"     {kind} from {next(iter(reached))}: {', '.join(reached)}")


def perform_again(operation, entity):
    for client in askers(operation, entity):
        values = {**here.parameters, **entity.parameters}
        if ask(operation, client, values, body_of(operation), headers=operation.any_version()).status < 300:
            return
    raise AssertionError(f"{operation.permission} succeeded before")


def is_walked(kind):
    """Kinds with one state only have nothing to refuse, and some cannot be named in a path."""
    states = {row["from"] for each in commands[kind] for row in each.transitions} - {"none"}
    return len(states) > 1 and any(each.names for each in commands[kind])


def makers_of(kind):
    """Of kinds that matrix_world.py does not know: by their `create`, or a link of somebody new to what the world has."""
    if kind in here.makers():
        return here.makers()[kind]
    if any(each.permission == kind + ".create" for each in operations):
        return [lambda: born(here, kind)]
    return [lambda: linked(kind)]


def linked(kind):
    link = next(each for each in commands[kind] if "none" in each.legal())
    client = here.market.user("Link")
    reply = ask(link, client, body=body_of(link))
    suite.require(reply.status < 300, f"{link}: {reply}")
    return Entity(kind, {"status": link.state_after("none", reply)}, {}, {"self": client})


for each in commands:
    for which in range(len(makers_of(each)) if is_walked(each) else 0):
        case("states of", machine, each, which)


# ---- What else a POST makes ------------------------------------------------------------------------------------------

def once(operation):
    """POSTs that no machine led to: in earnest, and again with their key."""
    if operation.permission in succeeded:
        suite.check(True)
        return
    people = {"self": here.market.user("Once")} if operation.path.startswith("/users/me") else {}
    entity = Entity(operation.kind, None, {}, people)
    reply = perform(operation, entity, "any")
    if reply.status >= 300:
        print(f"     refused with {reply.code}: {reply.error}")


for each in operations:
    if each.method == "POST" and not each.path.startswith("/auth/") and not each.alias:
        case("once", once, each)

suite.main()
