"""The marketplace of the matrix: an entity of every kind, and somebody in every relation to it. It can be built twice, in two
tenants of one server. `makers` make further entities of a kind, in each state in which one can begin."""

import itertools
import os

import sales
import shop
from harness import PASSWORD, Server

numbers = itertools.count(1)


class Market:
    """Stands in for the server where helpers make users: they become users of this tenant."""

    user, login = Server.user, Server.login

    def __init__(self, server, slug=None):
        self.server, self.slug, self.administrator = server, slug, None

    def client(self, token=None):
        return self.server.client(token, self.slug)

    def operator(self):
        return self.server.operator(self.slug)

    def admin(self):
        email = f"admin.{next(numbers)}@example.com"
        shop.created(self.operator().post("/admin/users", {"email": email, "password": PASSWORD, "display_name": "Admin"}))
        return self.login(email)


class Entity:
    """parameters: of paths, by the word before them. people: who replaces the people of the world for this entity; `self` is
    the person concerned, and the only one who may ask where the path leaves out whom it is about."""

    def __init__(self, kind, data, parameters, people=None):
        self.kind, self.data, self.parameters, self.people = kind, data, parameters, people or {}


class World:
    def __init__(self, server, slug=None):
        self.server, self.market, self.promoters = server, Market(server, slug), []
        market = self.market
        admin = market.admin()
        owner, team_owner, customer = shop.leader(market, admin), market.user("Sue"), market.user("Cus")
        self.people = {
            "anonymous": market.client(), "stranger": market.user("Stan"), "customer": customer, "member": market.user("Mel"),
            "moderator": market.user("Mod"), "owner": owner, "team_owner": team_owner, "admin": admin,
            "operator": market.operator()}
        self.relations = {
            "anonymous": {"anyone"}, "stranger": {"anyone", "user"}, "customer": {"anyone", "user"},
            "member": {"anyone", "user", "member"}, "moderator": {"anyone", "user", "member", "moderator"},
            "owner": {"anyone", "user", "leader", "member", "moderator", "owner", "target owner"},
            "staff": {"anyone", "user", "staff"}, "manager": {"anyone", "user", "staff", "manager"},
            "team_owner": {"anyone", "user", "staff", "manager", "team owner"}, "admin": {"anyone", "user", "admin"},
            "operator": {"anyone", "admin", "operator"}}
        shop.created(admin.patch(f"/admin/users/{owner.id}/permissions", {"max_communities": 1000, "reason": "tests"}), 200)
        self.build(owner, team_owner, customer, admin)
        # Who is meant by `self`, by kind; below /users/me it is everybody who is logged in.
        self.selves = {"order": {"customer"}, "media": {"customer"}, "address": {"customer"}, "post": {"member"}, "vote": {"member"}, "user": {"stranger"},
                       "membership": {"member", "moderator", "owner"}}

    def build(self, owner, team_owner, customer, admin):
        people = self.people
        self.community = shop.community(owner)
        for name in ("member", "moderator"):
            shop.join(people[name], self.community)
        shop.created(owner.patch(f"/communities/{self.community['id']}/members/{people['moderator'].id}", {"role": "moderator"},
                                 version="*"), 200)
        self.supplier = supplier = shop.Supplier(self.market, admin, owner=team_owner)
        people["staff"], people["manager"] = supplier.member("staff"), supplier.member("manager")
        self.product, self.other_product = supplier.product(), supplier.product()
        supplier.stock(self.product, 1000)
        supplier.stock(self.other_product, 1000)
        self.promotion = sales.promotion(supplier, self.product, owner, communities=[self.community])
        self.post = shop.created(people["member"].post("/posts", {
            "community_id": self.community["id"], "type": "poll", "title": "Which?",
            "poll": {"options": [{"text": "this"}, {"text": "that"}]}}))
        self.option = self.post["poll"]["options"][0]["id"]
        shop.created(people["member"].put(f"/posts/{self.post['id']}/vote", {"option_ids": [self.option]}), 200)
        order = sales.buy(customer, sales.line(self.product), sales.line(self.other_product))
        gone = sales.item_of(order, self.other_product)["id"]
        shop.created(customer.post(f"/orders/{order['id']}/items/{gone}/cancel"), 200)
        self.order = shop.created(customer.get(f"/orders/{order['id']}"), 200)
        self.address = shop.created(customer.post("/users/me/addresses", self.address_body()))
        document = shop.created(team_owner.get(f"/suppliers/{supplier.id}"), 200)["documents"][0]
        self.tenant = shop.created(people["operator"].post("//api/admin/tenants", self.tenant_body()))
        self.webhook = shop.created(admin.post("/admin/webhooks", self.webhook_body()))
        variant = self.product["variants"][0]["id"]
        self.licence, self.media = team_owner.upload(), customer.upload(visibility="public")
        # Ids for the parameters of a path, by the word before; where that is a parameter too, by their own name.
        self.parameters = {
            "suppliers": supplier.id, "sellers": supplier.id, "communities": self.community["id"], "products": self.product["id"],
            "promotions": self.promotion["id"], "posts": self.post["id"], "orders": self.order["id"],
            "users": people["stranger"].id, "media": self.media, "addresses": self.address["id"], "tenants": self.tenant["id"],
            "webhooks": self.webhook["id"], "documents": document["id"], "locations": supplier.location, "variants": variant,
            "stock": variant,
            "location_id": supplier.location, "items": sales.item_of(self.order, self.product)["id"],
            "refunds": self.order["payment"]["refunds"][0]["id"], "suppliers/members": people["staff"].id,
            "sellers/members": people["staff"].id, "communities/members": people["member"].id,
            "docs": "plain", "?q": "lea"}                        # of queries that lack nothing but it
        self.referred = {"supplier": supplier.id, "community": self.community["id"], "product": self.product["id"],
                         "promotion": self.promotion["id"], "location": supplier.location, "variant_id": variant,
                         "user": people["member"].id, "user_id": people["member"].id}

    def refer(self, kind, name):
        return self.referred.get(kind) or self.referred.get(name)

    # ---- Bodies that a schema cannot say ----

    @staticmethod
    def post_body(community):
        return {"community_id": community["id"], "type": "text", "body": "a text"}

    @staticmethod
    def address_body():
        return {"first_name": "Ann", "last_name": "Lee", "line1": "High Street 1", "city": "London", "country": "GB"}

    @staticmethod
    def tenant_body():
        return {"slug": f"market-{next(numbers)}-{id(numbers) % 9973}", "name": "A market"}

    @staticmethod
    def webhook_body():
        return {"url": "http://127.0.0.1:65535/", "events": ["order.*"]}        # where nobody listens

    def bodies(self):
        """Of commands whose body must be more than well formed to succeed; functions, where it must be new each time."""
        return {
            "post.create": lambda: self.post_body(self.community),
            "product.create": self.supplier.product_body,
            "promotion.create": lambda: sales.promotion_body(self.supplier, self.product),
            "product.add_variant": lambda: {"sku": f"SKU-M{next(numbers)}", "attributes": {"size": f"S{next(numbers)}"},
                                            "price": shop.money(100)},
            "stock.adjust": lambda: {"variant_id": self.product["variants"][0]["id"], "location_id": self.supplier.location,
                                     "on_hand": 1000 + next(numbers), "reason": "count"},
            "order.create": lambda: sales.body(sales.line(self.product)),
            "supplier.banking": lambda: {"password": PASSWORD, "holder": "Sue", "iban": "DE89370400440532013000"},
            "supplier.document_add": lambda: {"kind": "tax", "title": "Tax", "media_id": self.licence},
            "community.transfer": lambda: {"user_id": self.people["moderator"].id},
            "vote.vote": lambda: {"option_ids": [self.option]},
            "report.create": lambda: {"target_kind": "post", "target_id": self.post["id"], "reason": "spam"},
            "system.backup": lambda: {"path": os.path.join(self.server.directory, f"copy-{next(numbers)}")},
            "webhook.create": self.webhook_body,
            "webhook.replay": lambda: {"position": 1},
            "user.grant-role": lambda: {"role": "leader", "reason": "as the rules say"},
        }

    # ---- Further entities, for each state that one can begin in ----

    def makers(self):
        return {
            "tenant": [self.make_tenant],
            "user": [self.make_user, self.make_pending_user],
            "address": [self.make_address],
            "media": [lambda: self.make_media("public"), lambda: self.make_media("private")],
            "supplier": [self.make_supplier],
            "team_member": [self.make_team_member],
            "community": [self.make_community],
            "membership": [lambda: self.make_membership("public"), lambda: self.make_membership("private")],
            "product": [self.make_product],
            "promotion": [self.make_promotion, lambda: self.make_promotion(starts_at=sales.ahead(3600))],
            "post": [self.make_post, self.make_moderated_post],
            "order": [self.make_order, lambda: self.make_order(token="tok_timeout")],
            "webhook": [self.make_webhook],
        }

    def make_tenant(self):
        data = shop.created(self.people["operator"].post("//api/admin/tenants", self.tenant_body()))
        return Entity("tenant", data, {"tenants": data["id"]})

    def make_user(self):
        client = self.market.user("Una")
        data = shop.created(self.people["admin"].get(f"/admin/users/{client.id}"), 200)
        return Entity("user", data, {"users": client.id}, {"self": client})

    def make_pending_user(self):
        email = f"pending.{next(numbers)}@example.com"
        body = {"email": email, "password": PASSWORD, "display_name": "Pen", "accept_terms": True}
        made = shop.created(self.market.client().post("/auth/register", body))
        data = shop.created(self.people["admin"].get(f"/admin/users/{made['id']}"), 200)
        return Entity("user", data, {"users": data["id"]})

    def make_address(self):
        data = shop.created(self.people["customer"].post("/users/me/addresses", self.address_body()))
        return Entity("address", data, {"addresses": data["id"]}, {"self": self.people["customer"]})

    def make_media(self, visibility):
        customer = self.people["customer"]
        media = customer.upload(visibility=visibility)
        data = next(each for each in customer.get("/users/me/media").data if each["id"] == media)
        return Entity("media", data, {"media": media}, {"self": customer})

    def new_supplier(self):
        """Complete but not submitted, of somebody who owns no other."""
        supplier = shop.Supplier(self.market, self.people["admin"], verified=False)
        shop.created(supplier.owner.post(f"/suppliers/{supplier.id}/documents",
                                         {"kind": "license", "title": "License", "media_id": supplier.owner.upload()}))
        shop.created(supplier.owner.put(f"/suppliers/{supplier.id}/banking", self.bodies()["supplier.banking"]()), 200)
        return supplier

    def make_supplier(self):
        supplier = self.new_supplier()
        data = shop.created(supplier.owner.get(f"/suppliers/{supplier.id}"), 200)
        return Entity("supplier", data, {"suppliers": supplier.id, "sellers": supplier.id}, {"team_owner": supplier.owner})

    def make_team_member(self):
        client = self.market.user("Tim")
        reply = self.people["team_owner"].put(f"/suppliers/{self.supplier.id}/members/{client.id}", {"role": "staff"})
        parameters = {"suppliers": self.supplier.id, "sellers": self.supplier.id, "suppliers/members": client.id,
                      "sellers/members": client.id}
        return Entity("team_member", shop.created(reply, reply.status if reply.status == 201 else 200), parameters)

    def make_community(self, **more):
        data = shop.community(self.people["owner"], f"Made {next(numbers)}", **more)
        return Entity("community", data, {"communities": data["id"]})

    def make_membership(self, visibility):
        community = self.make_community(visibility=visibility).data
        client = self.people["stranger"]
        reply = client.post(f"/communities/{community['id']}/join")
        return Entity("membership", shop.created(reply, reply.status if reply.status == 201 else 200),
                      {"communities": community["id"], "communities/members": client.id}, {"self": client})

    def make_product(self):
        data = self.supplier.product(published=False)
        return Entity("product", data, {"products": data["id"], "variants": data["variants"][0]["id"]})

    def make_promotion(self, **more):
        if not self.promoters:                  # a supplier has 20 promotions at most that are not over
            supplier = shop.Supplier(self.market, self.people["admin"])
            self.promoters = [(supplier, supplier.product())] * 15
        supplier, product = self.promoters.pop()
        body = {**sales.promotion_body(supplier, product, communities=[self.community]), **more}
        data = shop.created(supplier.owner.post("/promotions", body))
        return Entity("promotion", data, {"promotions": data["id"]}, {name: supplier.owner for name in ("staff", "manager", "team_owner")})

    def make_post(self):
        data = shop.created(self.people["member"].post("/posts", self.post_body(self.community)))
        return Entity("post", data, {"posts": data["id"]}, {"self": self.people["member"]})

    def make_moderated_post(self):
        community = self.make_community(content={"moderated": True}).data
        shop.join(self.people["member"], community)
        data = shop.created(self.people["member"].post("/posts", self.post_body(community)))
        return Entity("post", data, {"posts": data["id"]}, {"self": self.people["member"], "moderator": self.people["owner"]})

    def make_order(self, token="tok_success"):
        reply = self.people["customer"].post("/orders", sales.body(sales.line(self.product), token=token))
        data = shop.created(reply, 202 if reply.status == 202 else 201)
        return Entity("order", data, {"orders": data["id"], "items": data["items"][0]["id"]}, {"self": self.people["customer"]})

    def make_webhook(self):
        data = shop.created(self.people["admin"].post("/admin/webhooks", self.webhook_body()))
        return Entity("webhook", data, {"webhooks": data["id"]})
