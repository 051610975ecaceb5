"""Where tests of what people do with posts play: three communities of one leader, a member, a moderator, a stranger."""

from shop import community, created, join, leader

NOBODY = "00000000-0000-4000-8000-000000000001"


class Stage:
    """makers is public; strict public and moderated; closed private. ann is in all of them; mod moderates the first two."""

    def __init__(self, server):
        self.server, self.admin, self.anybody = server, server.admin(), server.client()
        self.lea = leader(server, self.admin, "Lea")
        self.ann, self.mod, self.stranger = server.user("Ann"), server.user("Mod"), server.user("Stranger")
        self.makers = community(self.lea)
        self.strict = community(self.lea, content={"moderated": True})
        self.closed = community(self.lea, visibility="private")
        for where in (self.makers, self.strict):
            join(self.ann, where)
            join(self.mod, where)
            created(self.lea.patch(f"/communities/{where['id']}/members/{self.mod.id}", {"role": "moderator"}), 200)
        created(self.ann.post(f"/communities/{self.closed['id']}/join"), 200)
        created(self.lea.post(f"/communities/{self.closed['id']}/members/{self.ann.id}/approve"), 200)

    def people(self):
        return self.admin, self.lea, self.ann, self.mod, self.stranger, self.anybody

    def communities(self):
        return self.makers, self.strict, self.closed

    def post(self, client=None, where=None, **more):
        body = {"community_id": (where or self.makers)["id"], "type": "text", "title": "Hello", "body": "words", **more}
        return created((client or self.ann).post("/posts", body))

    def read(self, made, client=None):
        return created((client or self.ann).get(f"/posts/{made['id']}"), 200)

    def stats(self, made, client=None):
        return self.read(made, client)["stats"]


def act(client, made, command, sent=None):
    return created(client.post(f"/posts/{made['id']}/{command}", sent), 200)


def comment(made, client, text="Nice"):
    return created(client.post(f"/posts/{made['id']}/comments", {"body": text}))
