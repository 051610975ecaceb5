"""Products, their variants, and stock by hand: SOCIAL section 4."""

from harness import Server, Suite
from sales import body as order_body
from sales import buy, line
from shop import Supplier, money, newest_first

suite = Suite("catalog")
server = Server()
admin = server.admin()
stranger = server.user("Stranger")
shop = Supplier(server, admin)
manager, staff = shop.member("manager"), shop.member("staff")
other = Supplier(server, admin)


def read(product, client=None):
    return (client or shop.owner).get(f"/products/{product['id']}")


def post(client, product, command, body=None, **options):
    return client.post(f"/products/{product['id']}/{command}", body, **options)


def patch(client, product, body):
    return client.patch(f"/products/{product['id']}", body, version=read(product, admin).data["version"])


# ---- create -----------------------------------------------------------------------------------------------------------

@suite.case
def a_draft_is_made_with_its_defaults():
    reply = shop.owner.post("/products", shop.product_body(name="Blue Shirt!"))
    suite.require(suite.answers(reply, 201), "made")
    product = reply.data
    suite.equal(product["status"], "draft", "status")
    suite.equal(product["version"], 1, "version")
    suite.equal(product["slug"], "blue-shirt", "slug")
    suite.equal(product["condition"], "new", "condition")
    suite.equal(product["tax_class"], "standard", "tax class")
    suite.equal(product["lowest_price"], money(2500), "lowest price")
    suite.equal(product["category_id"], None, "category")
    suite.equal(product["attributes"], {}, "attributes of the type")
    variant = product["variants"][0]
    suite.equal((variant["fulfilment"], variant["track_stock"], variant["barcodes"], variant["retired"], variant["available"]),
                ("physical", True, [], False, 0), "variant")
    suite.check(reply.headers["Location"].endswith(product["id"]), "Location")
    suite.equal(shop.owner.post("/products", shop.product_body(name="Blue shirt")).data["slug"], "blue-shirt-2", "second slug")
    suite.equal(shop.owner.get("/products/blue-shirt").data["id"], product["id"], "read by slug")


@suite.case
def limits_of_fields():
    def refused(path, code, **more):
        reply = shop.owner.post("/products", shop.product_body(**more))
        suite.answers(reply, 400, "validation_failed", path)
        suite.equal(reply.codes.get(path), code, path)

    refused("name", "too_long", name="x" * 201)
    refused("name", "wrong_type", name=7)
    refused("description", "too_long", description="x" * 10001)
    refused("category", "too_long", category="x" * 121)
    refused("brand", "too_long", brand="x" * 81)
    refused("condition", "not_one_of", condition="broken")
    refused("tags", "too_many", tags=[f"tag {i}" for i in range(21)])
    refused("tags[0]", "too_long", tags=["x" * 41])
    refused("specifications", "too_many", specifications={f"k{i}": "v" for i in range(51)})
    refused("tax_class", "too_long", tax_class="x" * 41)
    refused("variants", "too_few", variants=[])
    refused("slug", "bad_format", slug="No Slug")
    refused("lowest_price", "read_only", lowest_price=money(1))
    refused("colour", "unknown_field", colour="red")
    refused("media.primary_url", "bad_format", media={"primary_url": "http://example.com/a.png"})
    refused("media.gallery", "too_many", media={"gallery": [f"https://example.com/{i}.png" for i in range(21)]})
    exact = shop.product_body(name="x" * 200, description="y" * 10000, category="c" * 120, brand="b" * 80, tax_class="t" * 40,
                              tags=["z" * 40 + ""] + [f"tag {i}" for i in range(19)],
                              specifications={f"k{i}": "v" for i in range(50)})
    suite.answers(shop.owner.post("/products", exact), 201, text="all at their limits")


@suite.case
def missing_fields_are_named_together():
    reply = shop.owner.post("/products", {"supplier_id": shop.id, "variants": [{"sku": "A"}]})
    suite.answers(reply, 400, "validation_failed")
    suite.equal(reply.codes, {"name": "required", "variants[0].price": "required"}, "details")


@suite.case
def variants_are_told_apart():
    def refused(variants, expected):
        reply = shop.owner.post("/products", shop.product_body(variants=variants))
        suite.answers(reply, 400, "validation_failed", str(expected))
        suite.equal(reply.codes, expected, "details")

    def variant(sku, **more):
        return {"sku": sku, "price": money(100), **more}

    refused([variant("V1", attributes={"size": "M"}), variant("V1", attributes={"size": "L"})], {"variants[1].sku": "duplicate"})
    refused([variant("V1", attributes={"size": "M"}), variant("V2", attributes={"size": "M"})], {"variants[1].attributes": "duplicate"})
    refused([variant("V1", attributes={"a": "1", "b": "2"}), variant("V2", attributes={"b": "2", "a": "1"})],
            {"variants[1].attributes": "duplicate"})
    refused([variant("V1", attributes={"size": "M"}), variant("V2", attributes={"color": "M"})], {"variants[1].attributes": "bad_format"})
    refused([variant("V1", compare_at_price=money(99))], {"variants[0].compare_at_price": "too_small"})
    refused([variant("V1", id=shop.id)], {"variants[0].id": "not_allowed"})
    refused([variant("x" * 65)], {"variants[0].sku": "too_long"})
    refused([variant("V1", attributes={str(i): "v" for i in range(6)})], {"variants[0].attributes": "too_many"})
    refused([variant("V1", price=money(-1))], {"variants[0].price.amount": "too_small"})
    refused([variant("V1", price=money(10 ** 10 + 1))], {"variants[0].price.amount": "too_large"})
    refused([variant("V1", available=3)], {"variants[0].available": "read_only"})
    ok = [variant("V-A", attributes={"size": "M"}, compare_at_price=money(100)), variant("V-B", attributes={"size": "L"})]
    suite.answers(shop.owner.post("/products", shop.product_body(variants=ok)), 201)


@suite.case
def currency_is_the_marketplace_s():
    reply = shop.owner.post("/products", shop.product_body(variants=[{"sku": "E-1", "price": money(100, "EUR")}]))
    suite.answers(reply, 400, "currency_mismatch")
    suite.check(any(path.startswith("variants[0].price") for path in reply.paths), "path")


@suite.case
def shipping_is_complete_or_absent():
    def codes(**shipping):
        return shop.owner.post("/products", shop.product_body(shipping=shipping)).codes

    suite.equal(codes(to=["DE"], cost=money(1)), {"shipping.from": "required"}, "from")
    suite.equal(codes(**{"from": "DE", "cost": money(1)}), {"shipping.to": "required"}, "to")
    suite.equal(codes(**{"from": "DE", "to": ["DE"]}), {"shipping.cost": "required"}, "cost")
    suite.equal(codes(**{"from": "DE", "to": ["D1", "*"], "cost": money(1)}), {"shipping.to[0]": "bad_format"}, "country")
    suite.equal(codes(**{"from": "DE", "to": ["*"], "cost": money(1), "days_min": 5, "days_max": 2}),
                {"shipping.days_max": "too_small"}, "days")
    product = shop.owner.post("/products", shop.product_body(shipping={"from": "de", "to": ["at"], "cost": money(1)})).data
    suite.equal((product["shipping"]["from"], product["shipping"]["to"]), ("DE", ["AT"]), "capitals")
    suite.equal(product["shipping"]["extra_cost"], money(0), "extra cost")


@suite.case
def skus_are_unique_within_the_supplier():
    body = shop.product_body(variants=[{"sku": "T-1", "price": money(1)}])
    suite.answers(shop.owner.post("/products", body), 201)
    suite.answers(shop.owner.post("/products", {**body, "name": "Again"}), 409, "sku_taken")
    theirs = other.product_body(variants=[{"sku": "T-1", "price": money(1)}])
    suite.answers(other.owner.post("/products", theirs), 201, text="another supplier")


@suite.case
def slugs_are_unique_in_the_tenant():
    suite.answers(shop.owner.post("/products", shop.product_body(slug="taken-slug")), 201)
    reply = other.owner.post("/products", other.product_body(slug="taken-slug"))
    suite.answers(reply, 409, "slug_taken")
    suite.equal(reply.paths, ["slug"], "path")


@suite.case
def who_may_create():
    for client, status in ((manager, 201), (staff, 403), (stranger, 403), (admin, 403), (other.owner, 403), (server.client(), 401)):
        suite.answers(client.post("/products", shop.product_body()), status)


@suite.case
def a_supplier_has_a_limit():
    small = Supplier(server, admin)
    version = admin.get(f"/suppliers/{small.id}").data["version"]
    suite.answers(admin.patch(f"/suppliers/{small.id}", {"limits": {"max_products": 1}}, version=version), 200)
    product = small.product(published=False)
    suite.answers(small.owner.post("/products", small.product_body()), 409, "limit_reached")
    suite.answers(small.owner.delete(f"/products/{product['id']}"), 200)
    suite.answers(small.owner.post("/products", small.product_body()), 201, text="after a deletion")
    suite.answers(post(small.owner, product, "restore"), 409, "limit_reached")


# ---- machine ----------------------------------------------------------------------------------------------------------

COMMANDS = ("publish", "archive", "restore", "patch", "delete")
ALLOWED = {
    "draft": {"publish": "published", "patch": "draft", "delete": "deleted"},
    "published": {"archive": "archived", "patch": "published", "delete": "deleted"},
    "archived": {"publish": "published", "patch": "archived", "delete": "deleted"},
    "deleted": {"restore": "draft"},
}


def product_in(state):
    product = shop.product(published=state in ("published", "archived"))
    if state == "archived":
        post(shop.owner, product, "archive")
    if state == "deleted":
        shop.owner.delete(f"/products/{product['id']}")
    return product


def run(product, command, client):
    if command == "patch":
        return patch(client, product, {"brand": "B"})
    if command == "delete":
        return client.delete(f"/products/{product['id']}", {"reason": "why"})
    return post(client, product, command, {"reason": "why"} if command == "archive" else None)


@suite.case
def every_state_and_command():
    for state, rows in ALLOWED.items():
        for command in COMMANDS:
            product = product_in(state)
            if state == "deleted" and command == "patch":
                reply = shop.owner.patch(f"/products/{product['id']}", {"brand": "B"}, version=2)
            else:
                reply = run(product, command, shop.owner)
            if command in rows:
                suite.answers(reply, 200, text=f"{state} {command}")
                suite.equal(reply.data["status"], rows[command], f"{state} {command}")
            elif state == "deleted":
                suite.answers(reply, 404, "not_found", f"{state} {command}")
            else:
                suite.answers(reply, 409, "invalid_transition", f"{state} {command}")


@suite.case
def rights_of_each_command():
    # who: the owner, a manager, staff, an admin, somebody else
    expected = {"publish": (200, 200, 403, 200, 404), "archive": (200, 200, 403, 200, 403), "patch": (200, 200, 403, 403, 404),
                "delete": (200, 200, 403, 200, 404)}
    for command, row in expected.items():
        for client, status in zip((shop.owner, manager, staff, admin, stranger), row):
            product = product_in("published" if command == "archive" else "draft")
            suite.answers(run(product, command, client), status, text=f"{command} {row}")


@suite.case
def publishing_wants_a_verified_supplier():
    fresh = Supplier(server, admin, verified=False)
    product = fresh.product(published=False)
    suite.answers(post(fresh.owner, product, "publish"), 409, "supplier_not_verified")


@suite.case
def publishing_wants_shipping_unless_digital():
    body = shop.product_body()
    del body["shipping"]
    product = shop.owner.post("/products", body).data
    reply = post(shop.owner, product, "publish")
    suite.answers(reply, 409, "incomplete")
    suite.equal(reply.paths, ["shipping"], "paths")
    body = shop.product_body(variants=[{"sku": "D-1", "price": money(1), "fulfilment": "digital"}])
    del body["shipping"]
    digital = shop.owner.post("/products", body).data
    suite.answers(post(shop.owner, digital, "publish"), 200)


@suite.case
def what_the_staff_archived_only_it_publishes():
    product = product_in("published")
    suite.answers(post(admin, product, "archive"), 400, "validation_failed", "without reason")
    suite.answers(post(admin, product, "archive", {"reason": "counterfeit"}), 200)
    suite.answers(post(shop.owner, product, "publish"), 403, "forbidden")
    suite.answers(post(admin, product, "publish"), 200)
    suite.answers(post(shop.owner, product, "archive"), 200)
    suite.answers(post(shop.owner, product, "publish"), 200)


@suite.case
def deleted_ones_are_restored_by_who_deleted_them():
    product = product_in("published")
    suite.answers(manager.delete(f"/products/{product['id']}"), 200)
    suite.answers(read(product), 404, "not_found")
    suite.answers(admin.get(f"/products/{product['id']}"), 404, "not_found")
    suite.equal(admin.get(f"/products/{product['id']}?include_deleted=true").data["status"], "deleted", "for the staff")
    suite.answers(post(shop.owner, product, "restore"), 403, "forbidden")
    suite.answers(post(stranger, product, "restore"), 404, "not_found")
    reply = post(manager, product, "restore")
    suite.answers(reply, 200)
    suite.equal((reply.data["status"], reply.data.get("deleted_at")), ("published", None), "as before")
    suite.answers(admin.delete(f"/products/{product['id']}", {"reason": "fake"}), 200)
    suite.answers(post(manager, product, "restore"), 403, "forbidden")
    suite.answers(post(admin, product, "restore"), 200)


# ---- patch, versions --------------------------------------------------------------------------------------------------

@suite.case
def patches_need_the_version():
    product = shop.product(published=False)
    path = f"/products/{product['id']}"
    suite.answers(shop.owner.patch(path, {"brand": "A"}), 428, "version_required")
    suite.answers(shop.owner.patch(path, {"brand": "A"}, version=9), 412, "stale_version")
    reply = shop.owner.patch(path, {"brand": "A", "version": 1})
    suite.answers(reply, 200)
    suite.equal((reply.data["brand"], reply.data["version"]), ("A", 2), "patched")
    reply = shop.owner.patch(path, {"brand": None}, version=2)
    suite.equal(reply.data["brand"], None, "cleared")
    suite.answers(shop.owner.patch(path, {"name": None}, version=3), 400, "validation_failed")
    suite.answers(shop.owner.patch(path, {"supplier_id": other.id}, version=3), 400, "validation_failed")


@suite.case
def variants_are_retired_never_removed():
    product = shop.product(published=False, variants=[
        {"sku": "R-1", "attributes": {"size": "M"}, "price": money(300)}, {"sku": "R-2", "attributes": {"size": "L"}, "price": money(200)}])
    first, second = product["variants"]
    reply = patch(shop.owner, product, {"variants": [{"id": first["id"], "price": money(350)}]})
    suite.answers(reply, 400, "validation_failed", "one left out")
    reply = patch(shop.owner, product, {"variants": [
        {"id": first["id"], "price": money(350)}, {"id": second["id"], "retired": True}, {"sku": "R-3", "attributes": {"size": "S"}, "price": money(900)}]})
    suite.answers(reply, 200)
    suite.equal([row["sku"] for row in reply.data["variants"]], ["R-1", "R-2", "R-3"], "SKUs stay")
    suite.equal([row["id"] for row in reply.data["variants"]][:2], [first["id"], second["id"]], "ids stay")
    suite.equal(reply.data["lowest_price"], money(350), "lowest live price")


@suite.case
def single_variants():
    product = shop.product()
    path = f"/products/{product['id']}/variants"
    reply = shop.owner.post(path, {"sku": "S-NEW", "attributes": {"size": "XL"}, "price": money(100)})
    suite.answers(reply, 200)
    variant = reply.data["variants"][1]
    suite.equal(reply.data["lowest_price"], money(100), "lowest price")
    suite.answers(shop.owner.post(path, {"sku": "S-2", "attributes": {"size": "XL"}, "price": money(1)}), 400, "validation_failed")
    reply = shop.owner.patch(f"{path}/{variant['id']}", {"price": money(150), "weight_g": 300})
    suite.answers(reply, 200)
    suite.equal((reply.data["variants"][1]["price"], reply.data["variants"][1]["weight_g"]), (money(150), 300), "patched")
    suite.equal(reply.data["variants"][1]["sku"], "S-NEW", "the rest stays")
    shop.owner.patch(f"{path}/{variant['id']}", {"compare_at_price": money(200), "image_url": "https://a.example/x.png", "barcodes": ["1"]})
    reply = shop.owner.patch(f"{path}/{variant['id']}", {"weight_g": None, "compare_at_price": None, "image_url": None, "barcodes": None})
    suite.answers(reply, 200)
    changed = reply.data["variants"][1]
    suite.equal([changed[name] for name in ("weight_g", "compare_at_price", "image_url", "barcodes")], [None, None, None, []], "null clears")
    suite.equal((changed["sku"], changed["price"], changed["track_stock"]), ("S-NEW", money(150), True), "and nothing else")
    for name in ("sku", "price"):
        suite.equal(shop.owner.patch(f"{path}/{variant['id']}", {name: None}).codes, {name: "required"}, "a variant is never without")
    suite.answers(shop.owner.patch(f"{path}/{variant['id']}", {"price": money(-1)}), 400, "validation_failed")
    suite.answers(shop.owner.patch(f"{path}/{variant['id']}", {"id": shop.id}), 400, "validation_failed")
    suite.answers(shop.owner.patch(f"{path}/{shop.id}", {"weight_g": 1}), 404, "not_found")
    suite.answers(staff.patch(f"{path}/{variant['id']}", {"weight_g": 1}), 403, "forbidden")
    reply = shop.owner.delete(f"{path}/{variant['id']}")
    suite.answers(reply, 200)
    suite.check(reply.data["variants"][1]["retired"], "retired")
    suite.equal(reply.data["lowest_price"], money(2500), "of the live one")
    reply = shop.owner.delete(f"{path}/{product['variants'][0]['id']}")
    suite.answers(reply, 409, "incomplete", "the last live one of a published product")


# ---- lists ------------------------------------------------------------------------------------------------------------

@suite.case
def lists_filter_and_sort():
    mine = Supplier(server, admin)
    made = []
    for name, price, more in (("beta", 300, {"brand": "Acme"}), ("Alpha", 100, {"category": "tools", "condition": "used"}),
                              ("gamma", 200, {"category": "tools"})):
        made.append(mine.product(name=name, variants=[{"sku": name, "price": money(price)}], **more))
    draft = mine.product(published=False, name="draft")
    names = {product["id"]: product["name"] for product in made}
    newest = [names[each] for each in newest_first(made)]
    suite.equal([entry["name"] for entry in stranger.get(f"/products?supplier_id={mine.id}").data], newest, "newest first, published only")

    def listed(query):
        return [entry["name"] for entry in stranger.pages(f"/products?supplier_id={mine.id}&{query}", limit=2)]

    suite.equal(listed("sort=name"), ["Alpha", "beta", "gamma"], "by name")
    suite.equal(listed("sort=price_asc"), ["Alpha", "gamma", "beta"], "by price")
    suite.equal(listed("sort=price_desc"), ["beta", "gamma", "Alpha"], "by price, falling")
    suite.equal(listed("category=tools"), [name for name in newest if name != "beta"], "category")
    suite.equal(listed("brand=Acme"), ["beta"], "brand")
    suite.equal(listed("condition=used"), ["Alpha"], "condition")
    suite.equal(listed("price_min=200"), [name for name in newest if name != "Alpha"], "price_min")
    suite.equal(listed("price_max=200"), [name for name in newest if name != "beta"], "price_max")
    suite.equal(listed("status=draft"), [], "drafts are not shown to others")
    drafts = [entry["id"] for entry in mine.owner.get(f"/products?supplier_id={mine.id}&status=draft").data]
    suite.equal(drafts, [draft["id"]], "but to the team")
    suite.equal(len(admin.get(f"/products?supplier_id={mine.id}&status=draft").data), 1, "and the staff")
    suite.equal([entry["name"] for entry in stranger.get(f"/suppliers/{mine.id}/products").data], newest, "of a supplier")
    suite.equal([entry["name"] for entry in stranger.get("/products?category=tools&limit=2").data],
                [name for name in newest if name != "beta"], "a category of all")
    suite.answers(stranger.get("/products?colour=red"), 400, "validation_failed")
    suite.answers(stranger.get("/products?sort=cheap"), 400, "validation_failed")
    suite.answers(stranger.get("/products?price_min=x"), 400, "validation_failed")
    suite.answers(server.client().get("/products"), 200, text="anonymous")


# ---- stock ------------------------------------------------------------------------------------------------------------

def stock_of(product, client=None):
    return (client or shop.owner).get(f"/products/{product['id']}/stock")


def adjust(client, product, **body):
    body = {"variant_id": product["variants"][0]["id"], "location_id": shop.location, "reason": "received", **body}
    return client.post(f"/products/{product['id']}/stock/adjust", body)


@suite.case
def stock_is_counted_by_hand():
    product = shop.product()
    reply = adjust(staff, product, delta=12)
    suite.require(suite.answers(reply, 200), "first")
    row = reply.data
    suite.equal((row["on_hand"], row["available"], row["received"], row["adjusted"], row["reserved"], row["allocated"]),
                (12, 12, 12, 0, 0, 0), "received")
    suite.equal((row["threshold"], row["backorder_limit"], row["unavailable"], row["incoming"], row["oversold"]), (10, 0, 0, 0, 0), "defaults")
    row = adjust(shop.owner, product, on_hand=9, reason="count", note="shelf").data
    suite.equal((row["on_hand"], row["received"], row["adjusted"]), (9, 12, -3), "counted")
    suite.equal(read(product, stranger).data["variants"][0]["available"], 9, "available for everybody")
    rows = stock_of(product, staff).data
    suite.equal([(row["location_id"], row["on_hand"]) for row in rows], [(shop.location, 9)], "list")


@suite.case
def adjustments_are_checked():
    product = shop.product()
    suite.answers(adjust(shop.owner, product), 400, "validation_failed", "neither")
    suite.answers(adjust(shop.owner, product, delta=1, on_hand=1), 400, "validation_failed", "both")
    suite.answers(adjust(shop.owner, product, delta=1, reason="magic"), 400, "validation_failed")
    suite.answers(adjust(shop.owner, product, on_hand=-1), 400, "validation_failed")
    suite.answers(adjust(shop.owner, product, delta=-1), 409, "below_reserved")
    reply = adjust(shop.owner, product, delta=1, variant_id=shop.id)
    suite.answers(reply, 400, "validation_failed")
    suite.equal(reply.codes, {"variant_id": "not_found"}, "variant")
    reply = adjust(shop.owner, product, delta=1, location_id=other.location)
    suite.equal(reply.codes, {"location_id": "not_found"}, "location")
    suite.answers(adjust(shop.owner, {"id": shop.id, "variants": product["variants"]}, delta=1), 404, "not_found")


@suite.case
def rights_of_stock():
    product, draft = shop.product(), shop.product(published=False)
    for client, status in ((shop.owner, 200), (manager, 200), (staff, 200), (admin, 403), (stranger, 403), (server.client(), 401)):
        suite.answers(adjust(client, product, delta=1), status, text="adjust")
    for client, status in ((shop.owner, 200), (manager, 200), (staff, 200), (admin, 200), (stranger, 403), (server.client(), 401)):
        suite.answers(stock_of(product, client), status, text="read")
    suite.answers(stock_of(draft, stranger), 404, "not_found")
    suite.answers(adjust(stranger, draft, delta=1), 404, "not_found")
    theirs = other.product()
    suite.answers(adjust(shop.owner, theirs, delta=1), 403, "forbidden")


@suite.case
def limits_of_stock():
    product = shop.product()
    adjust(shop.owner, product, delta=3)
    path = f"/products/{product['id']}/stock/{product['variants'][0]['id']}/{shop.location}"
    reply = manager.patch(path, {"threshold": 2, "backorder_limit": 5})
    suite.answers(reply, 200)
    suite.equal((reply.data["threshold"], reply.data["backorder_limit"]), (2, 5), "limits")
    suite.answers(manager.patch(path, {"on_hand": 2}), 400, "validation_failed")
    suite.answers(manager.patch(path, {"threshold": -1}), 400, "validation_failed")
    suite.answers(staff.patch(path, {"threshold": 1}), 403, "forbidden")
    suite.answers(manager.patch(path.replace(shop.location, other.location), {"threshold": 1}), 404, "not_found")
    suite.answers(adjust(shop.owner, product, delta=-8, reason="lost"), 200, text="down to -5")
    suite.answers(adjust(shop.owner, product, delta=-1, reason="lost"), 409, "below_reserved")
    suite.answers(manager.patch(path, {"backorder_limit": 4}), 409, "below_reserved")


@suite.case
def available_is_the_sum_over_active_locations():
    product = shop.product()
    second = shop.add_location("Second", 2)
    shop.stock(product, 4)
    shop.stock(product, 6, location=second)
    suite.equal(read(product, stranger).data["variants"][0]["available"], 10, "both")
    etag = read(product, stranger).etag
    suite.answers(shop.owner.patch(f"/suppliers/{shop.id}/locations/{second}", {"active": False}), 200)
    suite.equal(read(product, stranger).data["variants"][0]["available"], 4, "one")
    shop.stock(product, 5)
    suite.check(read(product, stranger).etag != etag, "stock changes the ETag")
    suite.equal(read(product).data["version"], product["version"], "and not the version")
    listed = stranger.get(f"/products?supplier_id={shop.id}&limit=100").data
    suite.equal(next(entry for entry in listed if entry["id"] == product["id"])["variants"][0]["available"], 5, "in lists")


@suite.case
def what_is_missing_goes_on_backorder_where_that_is_allowed():
    mine = Supplier(server, admin)
    second, third = mine.add_location("Second", 2), mine.add_location("Third", 3)
    product = mine.product()
    variant = product["variants"][0]["id"]
    for location, on_hand, limit in ((mine.location, 2, 0), (second, 1, 2), (third, 0, 5)):
        mine.stock(product, on_hand, location=location)
        suite.answers(mine.owner.patch(f"/products/{product['id']}/stock/{variant}/{location}", {"backorder_limit": limit}), 200)
    order = buy(stranger, line(product, 6))
    taken = mine.owner.get(f"/orders/{order['id']}").data["items"][0]["allocations"]
    suite.equal(taken, [{"location_id": mine.location, "quantity": 2}, {"location_id": second, "quantity": 1},
                        {"location_id": third, "quantity": 3}], "2 + 1 there, 3 ahead where 3 are allowed")
    rows = {row["location_id"]: row for row in stock_of(product, mine.owner).data}
    suite.equal([rows[location]["available"] for location in (mine.location, second, third)], [0, 0, -3], "available")
    reply = stranger.post("/orders", order_body(line(product, 3)))
    suite.answers(reply, 409, "out_of_stock", "no location takes 3 more")
    again = buy(stranger, line(product, 2))
    taken = mine.owner.get(f"/orders/{again['id']}").data["items"][0]["allocations"]
    suite.equal(taken, [{"location_id": second, "quantity": 2}], "the first that may")


@suite.case
def untracked_variants_are_never_out_of_stock():
    product = shop.product(variants=[{"sku": "U-1", "price": money(100), "track_stock": False}])
    suite.equal(product["variants"][0]["available"], 1000000000, "available")
    order = buy(stranger, line(product, 900))
    suite.equal(shop.owner.get(f"/orders/{order['id']}").data["items"][0]["allocations"], [], "nothing is taken")
    suite.equal(stock_of(product).data, [], "nor kept")


# ---- after a crash ----------------------------------------------------------------------------------------------------

@suite.case
def all_is_there_after_a_crash():
    product = shop.product(name="Survivor", tags=["a"], specifications={"material": "wool"})
    shop.stock(product, 7)
    before = read(product).data
    metrics = stranger.get(f"/suppliers/{shop.id}").data["metrics"]["products_listed"]
    suite.check(metrics > 0, "products_listed")
    server.kill()
    server.restart()
    suite.equal(read(product).data, before, "product")
    suite.equal(stock_of(product).data[0]["on_hand"], 7, "stock")
    suite.equal(stranger.get(f"/suppliers/{shop.id}").data["metrics"]["products_listed"], metrics, "metrics")
    suite.answers(shop.owner.post("/products", shop.product_body(slug="survivor")), 409, "slug_taken")


@suite.case
def verify_finds_all_whole():
    suite.equal(server.stop(), 0, "stops")
    suite.check(server.command(["verify"]), "verify says what it read")
    server.start()


suite.main()
