"""What tests of the catalogue, of promotions and of posts begin with: leaders, communities, suppliers, products, stock."""

import itertools

from harness import PASSWORD

numbers = itertools.count(1)


def created(reply, status=201):
    """The data of a reply that must have succeeded."""
    if reply.status != status:
        raise AssertionError(f"expected {status}, was {reply}")
    return reply.data


def leader(server, admin, name="Lea", **more):
    client = server.user(name, **more)
    created(admin.post(f"/admin/users/{client.id}/grant-role", {"role": "leader", "reason": "applied"}), 200)
    created(admin.patch(f"/admin/users/{client.id}/permissions", {"max_communities": 50, "reason": "tests"}), 200)
    return client


def community(client, name=None, **more):
    """A community of a leader; returns it."""
    return created(client.post("/communities", {"name": name or f"Community {next(numbers)}", **more}))


def join(client, where):
    """Makes somebody a member of a public community."""
    reply = client.post(f"/communities/{where['id']}/join")
    if reply.status not in (200, 201):
        raise AssertionError(f"join: {reply}")


def newest_first(entries):
    """The ids in the order of lists: by time, and within a millisecond by id."""
    return [entry["id"] for entry in sorted(entries, key=lambda entry: (entry["created_at"], entry["id"]), reverse=True)]


class Supplier:
    """A supplier, its owner, and its first location."""

    def __init__(self, server, admin, verified=True, name=None, owner=None):
        self.server, self.admin = server, admin
        self.owner = owner or server.user("Sue")
        self.name = name or f"Supplier {next(numbers)}"
        self.id = created(self.owner.post("/suppliers", {
            "name": self.name, "company": {"legal_name": self.name + " Ltd", "tax_id": "DE123456789", "country": "DE"}}))["id"]
        self.location = self.add_location("Main", 1)
        if verified:
            self.verify()

    def add_location(self, name, priority):
        reply = self.owner.post(f"/suppliers/{self.id}/locations", {
            "name": name, "priority": priority, "address": {"line1": "Street 1", "city": "Berlin", "country": "DE"}})
        data = created(reply, reply.status if reply.status in (200, 201) else 201)
        rows = data["locations"] if "locations" in data else [data]
        return next(row["id"] for row in rows if row["name"] == name)

    def verify(self):
        reply = self.owner.post(f"/suppliers/{self.id}/documents", {"kind": "license", "title": "License", "media_id": self.owner.upload()})
        created(reply, reply.status if reply.status in (200, 201) else 201)
        created(self.owner.put(f"/suppliers/{self.id}/banking", {
            "password": PASSWORD, "holder": self.name, "iban": "DE89370400440532013000"}), 200)
        created(self.owner.post(f"/suppliers/{self.id}/submit"), 200)
        created(self.admin.post(f"/suppliers/{self.id}/verify"), 200)

    def member(self, role, name=None):
        client = self.server.user(name or role.title())
        reply = self.owner.put(f"/suppliers/{self.id}/members/{client.id}", {"role": role})
        created(reply, reply.status if reply.status in (200, 201) else 201)
        return client

    def product_body(self, **more):
        number = next(numbers)
        return {
            "supplier_id": self.id, "name": f"Product {number}",
            "variants": [{"sku": f"SKU-{number}", "attributes": {"size": "M"}, "price": money(2500)}],
            "shipping": {"from": "DE", "to": ["*"], "cost": money(700), "extra_cost": money(100), "days_min": 1, "days_max": 5},
            **more}

    def product(self, published=True, **more):
        product = created(self.owner.post("/products", self.product_body(**more)))
        if published:
            product = created(self.owner.post(f"/products/{product['id']}/publish"), 200)
        return product

    def stock(self, product, on_hand, variant=0, location=None):
        return created(self.owner.post(f"/products/{product['id']}/stock/adjust", {
            "variant_id": product["variants"][variant]["id"], "location_id": location or self.location,
            "on_hand": on_hand, "reason": "count"}), 200)


def money(amount, currency="USD"):
    return {"amount": amount, "currency": currency}
