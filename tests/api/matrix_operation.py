"""What the OpenAPI document says of one operation, for those who try it with everything."""


class Operation:
    """One operation of the document."""

    def __init__(self, document, path, method, row):
        self.path, self.method = path, method.upper()
        self.kind, self.name = row["x-permission"].split(".", 1)
        self.permission, self.relations = row["x-permission"], set(row["x-relations"])
        self.transitions = row.get("x-transitions", [])
        self.alias = row["operationId"].endswith("_alias")
        self.platform = any(path == each or path.startswith(each + "/") for each in
                            ("/api/admin", "/control", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"))
        self.responses = set(row["responses"])
        self.parameters = [document.resolve(each) for each in row.get("parameters", [])]
        body = row.get("requestBody", {})
        types = list(body.get("content", {}))
        self.body = body["content"]["application/json"]["schema"] if "application/json" in types else None
        self.takes_bytes = bool(types) and self.body is None     # of content types of its own
        self.body_required = body.get("required", False)
        self.names = [each[1:-1] for each in path.split("/") if each.startswith("{")]
        self.is_list = any(each["name"] == "limit" for each in self.parameters)

    def __str__(self):
        return f"{self.method} {self.path}"

    def takes(self, name):
        return any(each["name"] == name for each in self.parameters)

    def keys(self):
        """(name of the parameter, words under which the world has its value: the most precise first)"""
        parts = self.path.strip("/").split("/")
        for at, part in enumerate(parts):
            if part.startswith("{"):
                yield part[1:-1], [f"{parts[0]}/{parts[at - 1]}", parts[at - 1], part[1:-1]]

    def filled(self, values, query=""):
        """The path with its values and its query, where what has to be in it is added; a name in braces among the values wins."""
        path = self.path
        for name, value in self.values(values).items():
            if value is None:
                raise AssertionError(f"{self}: the world has nothing for {{{name}}}: give it one in matrix_world.py")
            path = path.replace("{" + name + "}", str(value))
        for each in self.parameters:
            if each["in"] == "query" and each.get("required") and f"?{each['name']}=" not in query and f"&{each['name']}=" not in query:
                query += f"{'&' if query else '?'}{each['name']}={values['?' + each['name']]}"
        return ("/" if self.platform else "") + path + query

    def values(self, values):
        return {name: values.get("{" + name + "}") or next((values[word] for word in words if word in values), None)
                for name, words in self.keys()}

    def legal(self):
        """{state: transitions} of this command."""
        found = {}
        for row in self.transitions:
            found.setdefault(row["from"], []).append(row)
        return found

    def on_wire(self, values):
        path = self.filled(values)
        return path[1:] if path.startswith("//") else "/api/v1" + path

    def any_version(self):
        """Headers of a change that does not care which version it changes."""
        return {"If-Match": "*"} if self.method == "PATCH" else {}

    def guarded(self, state):
        """May the command be refused though the machine has a row for it? A status that follows from parts says less than they."""
        return all(row.get("guard") or row.get("derived") for row in self.legal()[state])

    def state_after(self, state, reply):
        """What the answer says, or where it says nothing, what the machine does."""
        said = (reply.data or {}).get("status")
        to = {row["to"] for row in self.legal().get(state, []) if row["to"] != "same"}
        return said or (to.pop() if len(to) == 1 else state)
