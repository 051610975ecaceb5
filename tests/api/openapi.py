"""Holds answers against the OpenAPI document that the server itself gives: status declared, body valid, no member that the
document does not know. A small validator for the part of JSON Schema 2020-12 that the document uses; a keyword that it
does not know is an error, so that nothing passes unchecked."""

import re

KNOWN = {"$ref", "type", "enum", "const", "properties", "required", "additionalProperties", "items", "allOf", "anyOf", "oneOf",
         "description", "format", "title", "default", "examples", "minimum", "maximum", "minLength", "maxLength", "minItems",
         "maxItems", "pattern", "readOnly", "writeOnly", "maxProperties", "uniqueItems", "propertyNames", "contentEncoding",
         "minProperties", "deprecated"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


class Document:
    def __init__(self, document):
        self.document = document
        self.routes = []
        self.routed = {}                                        # answers of route()
        for path, item in document["paths"].items():
            pattern = re.compile("/".join("[^/]+" if part.startswith("{") else re.escape(part) for part in path.split("/")))
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    self.routes.append((path.count("{"), method.upper(), path, pattern, operation))
        self.routes.sort(key=lambda route: route[0])            # literal segments win

    def route(self, method, path):
        """The path of the document and its operation that serve this path, or None twice."""
        key = method, path
        if key not in self.routed:
            self.routed[key] = next(((template, operation) for _, of_method, template, pattern, operation in self.routes
                                     if of_method == method and pattern.fullmatch(path)), (None, None))
        return self.routed[key]

    def resolve(self, schema):
        while "$ref" in schema:
            target = self.document
            for part in schema["$ref"][2:].split("/"):
                target = target[part]
            schema = target
        return schema

    def problems(self, method, path, status, content_type, value):
        """Sentences of what is wrong with an answer; empty when all is well."""
        template, operation = self.route(method, path)
        if operation is None:
            return [] if status in (404, 405) or status >= 400 else [f"{method} {path} is served but not described"]
        responses = operation["responses"]
        if str(status) not in responses and (status < 400 or "default" not in responses):
            return [f"{method} {template} answers {status}, which is not described"]
        response = self.resolve(responses.get(str(status), responses.get("default")))
        content = response.get("content", {})
        kind = content_type.split(";")[0].strip()
        if value is None and (not kind or kind in content or not content):
            return []
        if kind not in content:
            return [f"{method} {template} {status} answers {kind}, which is not described"]
        found = []
        self.check(content[kind].get("schema", {}), value, "", found)
        return [f"{method} {template} {status}: {problem}" for problem in found]

    def check(self, schema, value, path, found):
        schema = self.resolve(schema)
        unknown = {name for name in set(schema) - KNOWN if not name.startswith("x-")}
        if unknown:
            found.append(f"{path}: keywords {sorted(unknown)} are not checked")
        for part in schema.get("allOf", []):
            self.check(part, value, path, found)
        for name in ("anyOf", "oneOf"):
            if name in schema and not any(self.fits(part, value) for part in schema[name]):
                found.append(f"{path}: {value!r:.80} fits none of {name}")
        if "const" in schema and value != schema["const"]:
            found.append(f"{path}: {value!r:.80} is not {schema['const']!r}")
        if "enum" in schema and value not in schema["enum"]:
            found.append(f"{path}: {value!r:.80} is not one of {schema['enum']}")
        if "type" in schema and not self.has_type(schema["type"], value):
            found.append(f"{path}: {value!r:.80} is not {schema['type']}")
        elif isinstance(value, dict):
            self.check_object(schema, value, path, found)
        elif isinstance(value, list):
            for index, element in enumerate(value):
                self.check(schema.get("items", {}), element, f"{path}[{index}]", found)

    def check_object(self, schema, value, path, found):
        properties = self.all_properties(schema)
        for name in schema.get("required", []):
            if name not in value:
                found.append(f"{path}.{name} is required")
        extra = schema.get("additionalProperties")
        for name, member in value.items():
            if name in schema.get("properties", {}):
                self.check(schema["properties"][name], member, f"{path}.{name}", found)
            elif isinstance(extra, dict):
                self.check(extra, member, f"{path}.{name}", found)
            elif name not in properties and (extra is False or properties and extra is not True):
                found.append(f"{path}.{name} is not described")

    def all_properties(self, schema):
        schema = self.resolve(schema)
        names = set(schema.get("properties", {}))
        for name in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(name, []):
                names |= self.all_properties(part)
        return names

    def fits(self, schema, value):
        found = []
        self.check(schema, value, "", found)
        return not found

    @staticmethod
    def has_type(types, value):
        for name in types if isinstance(types, list) else [types]:
            if name in ("integer", "number"):
                if isinstance(value, int) and not isinstance(value, bool):
                    return True
            elif isinstance(value, TYPES[name]):
                return True
        return False
