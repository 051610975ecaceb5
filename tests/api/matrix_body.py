"""Bodies made from their JSON Schema: a valid one, and every way to make one member of it wrong.

A schema that says something of which no valid value is known is an error: it needs a row in TEXTS."""

import copy
import itertools
import re
import uuid

numbers = itertools.count(1)
TEXTS = [lambda: f"sample-{next(numbers)}", lambda: "USD", lambda: "DE", lambda: "en", lambda: "+49 30 1234",
         lambda: "https://example.com/a", lambda: "Europe/Berlin", lambda: "#aabbcc", lambda: "A1",
         lambda: "DE89370400440532013000", lambda: "1"]
FORMATS = {"uuid": lambda: str(uuid.uuid4()), "date-time": lambda: "2031-01-02T03:04:05.000Z", "date": lambda: "1990-02-03",
           "email": lambda: f"sample.{next(numbers)}@example.com", "uri": lambda: f"https://example.com/{next(numbers)}", "uri-reference": lambda: f"https://example.com/{next(numbers)}",
           "password": lambda: "correct horse battery staple"}
WRONG_FORMATS = {"uuid": "no-id", "date-time": "yesterday", "date": "2026-02-30", "email": "nobody", "uri": "ftp://example.com/",
                 "uri-reference": "/api/v1/media/no-id"}
LIMIT_CODES = {"too_long", "too_short", "too_large", "too_small", "too_many", "too_few"}
DEEP = 10000


class Bodies:
    """refer(kind, name) gives an id of a kind for a member of this name, or None."""

    def __init__(self, document, refer):
        self.resolve, self.refer = document.resolve, refer

    # ---- One that is valid ----

    def sample(self, schema, name="", full=False):
        schema = self.resolve(schema)
        kind = self.type_of(schema)
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            return self.sample_object(schema, full)
        if kind == "array":
            count = max(schema.get("minItems", 0), 1 if full else 0)
            return [self.sample(schema["items"], name, full) for _ in range(count)]
        if kind == "boolean":
            return True
        if kind == "integer":
            return max(schema.get("minimum", 1), min(1, schema.get("maximum", 1)))
        return self.sample_text(schema, name)

    def sample_object(self, schema, full):
        members = schema.get("properties", {})
        # `version` goes in the header, and an `id` here names an element of the entity's list that is kept
        names = [name for name in members if name not in ("version", "id") and (full or name in schema.get("required", []))]
        value = {name: self.sample(members[name], name, full) for name in names}
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and (full or schema.get("minProperties")):
            value["key"] = self.sample(extra)
        return value

    def sample_text(self, schema, name):
        referred = self.refer(schema.get("x-refers"), name)
        if referred:
            return referred
        if schema.get("format") in FORMATS:
            return FORMATS[schema["format"]]()
        pattern = schema.get("pattern", "")
        for make in TEXTS:
            text = make()
            if re.search(pattern, text) and schema.get("minLength", 0) <= len(text) <= schema.get("maxLength", 1 << 30):
                return text
        raise AssertionError(f"no value is known for {name}: {schema}")

    @staticmethod
    def type_of(schema):
        types = schema.get("type")
        return next(each for each in types if each != "null") if isinstance(types, list) else types

    @staticmethod
    def nullable(schema):
        return isinstance(schema.get("type"), list) and "null" in schema["type"]

    # ---- Wrong ones ----

    def places(self, schema, value, path=()):
        """(path, schema, value) of a value and of all within."""
        schema = self.resolve(schema)
        yield path, schema, value
        if isinstance(value, dict):
            for name, member in value.items():
                inner = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
                if isinstance(inner, dict):
                    yield from self.places(inner, member, path + (name,))
        elif isinstance(value, list):
            for index, element in enumerate(value[:1]):
                yield from self.places(schema["items"], element, path + (index,))

    def wrong(self, schema, patch):
        """(path, codes of which one is expected there, body). In a PATCH what is missing below may be there already."""
        base = self.sample(schema, full=True)
        for path, place, value in self.places(schema, base):
            for codes, bad in self.wrong_values(place, value):
                if path:
                    yield path, codes, put(base, path, bad)
            if not isinstance(value, dict):
                continue
            inside = bool(path) and patch
            for name in place.get("required", []):
                if not inside and not patch:
                    yield path + (name,), {"required"}, drop(base, path + (name,))
            if place.get("additionalProperties") is False:
                yield path + ("no_such_member",), {"unknown_field"}, put(base, path + ("no_such_member",), 1)

    def wrong_values(self, schema, value):
        kind = self.type_of(schema)
        types = {"string": [12345, {"a": 1}, ["a"]], "integer": ["12", 1.5, True, 2 ** 63, {}], "boolean": ["true", 1],
                 "array": [{}, "a", 7], "object": [[], "a", 7]}[kind]
        for bad in types:
            yield {"wrong_type", "too_large"}, bad
        if not self.nullable(schema):
            yield {"required", "wrong_type"}, None
        if "enum" in schema:
            yield {"not_one_of"}, "no_such_value"
            yield {"not_one_of"}, ""
        elif kind == "string":
            yield from self.wrong_texts(schema)
        if kind == "integer":
            if "minimum" in schema:
                yield {"too_small"}, schema["minimum"] - 1
            if schema.get("maximum", 2 ** 63) < 2 ** 63 - 1:
                yield {"too_large"}, schema["maximum"] + 1
        if kind == "array":
            if schema.get("minItems"):
                yield {"too_few"}, value[:1] * (schema["minItems"] - 1)
            if "maxItems" in schema:
                yield {"too_many"}, value[:1] * (schema["maxItems"] + 1)
        if kind == "object" and "maxProperties" in schema:
            yield {"too_many"}, {f"key{i}": "a" for i in range(schema["maxProperties"] + 1)}
            if schema.get("minProperties"):
                yield {"too_few"}, {}

    def wrong_texts(self, schema):
        if schema.get("minLength"):
            yield {"too_short", "bad_format", "required"}, ""
        if "maxLength" in schema:
            yield {"too_long", "bad_format"}, "a" * (schema["maxLength"] + 1)
            yield {"too_long", "bad_format"}, "é" * (schema["maxLength"] + 1)
        if schema.get("format") in WRONG_FORMATS:
            yield {"bad_format", "wrong_type", "not_one_of"}, WRONG_FORMATS[schema["format"]]
        elif schema.get("format") != "password" and "x-refers" not in schema and schema.get("maxLength", 0) >= 3:
            yield {"bad_format"}, "a\u0001b".ljust(schema.get("minLength", 0), "a")
        bad = "!" * min(max(schema.get("minLength", 0), 4), schema.get("maxLength", 4))
        if "pattern" in schema and not re.search(schema["pattern"], bad):
            yield {"bad_format"}, bad

    # ---- Just right ones ----

    def at_limits(self, schema):
        """(path, body): each member at each of its limits, and null where null may be."""
        base = self.sample(schema, full=True)
        for path, place, value in self.places(schema, base):
            if not path:
                continue
            for good in self.limit_values(place, value):
                yield path, put(base, path, good)
            if self.nullable(place):
                yield path, put(base, path, None)

    def limit_values(self, schema, value):
        kind = self.type_of(schema)
        if kind == "integer":
            return [schema[name] for name in ("minimum", "maximum") if name in schema]
        if kind == "array":
            return [value[:1] * schema[name] for name in ("minItems", "maxItems") if name in schema]
        if kind == "object" and "maxProperties" in schema:
            return [{f"key{i}": "a" for i in range(schema["maxProperties"])}]
        if kind == "string" and "enum" not in schema:
            return [text for name in ("minLength", "maxLength") for text in self.text_of_length(schema, schema.get(name))]
        return []

    @staticmethod
    def text_of_length(schema, length):
        if not length or schema.get("format") in ("uuid", "date-time", "date", "email"):
            return []
        if schema.get("format") == "password":
            return ["\U0001f511" * length if length < 8 else "a" * length]     # its limits count bytes
        texts = ["a" * length, "A" * length, "1" * length, "https://e.example/".ljust(length, "a")]
        return [text for text in texts if len(text) == length and re.search(schema.get("pattern", ""), text)
                and (schema.get("format") != "uri" or text.startswith("https://e.example/a"))][:1]


# ---- Paths -----------------------------------------------------------------------------------------------------------

def path_text(path):
    """("items", 0, "id") as refusals name it: items[0].id"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def put(body, path, value):
    """A copy of the body with another value at this path."""
    changed = copy.deepcopy(body)
    at = changed
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    return changed


def drop(body, path):
    changed = copy.deepcopy(body)
    at = changed
    for part in path[:-1]:
        at = at[part]
    del at[path[-1]]
    return changed
