"""A market day, told through the API from the first registration to the last refund: two communities, three suppliers in one
order, promotions that are rejected, revised, paused and resumed, somebody who is banned, orders that are cancelled in part and
as a whole. In the end every figure and every row is what the log gives. tests/openapi/story.ts tells it through a generated client."""

from harness import Server, Suite
from sales import body, buy, eventually, events_of, item_of, line, promotion_body, stock
from shop import Supplier, community, created, join, leader, money

suite = Suite("story")
server = Server()
admin = server.admin()
SHIPMENT = {"carrier": "Post", "tracking_number": "CC123"}


class World:
    """What the chapters below tell of, each from where the one before left it."""


world = World()


def product(supplier, name, price, shipping, on_hand):
    made = supplier.product(name=name, variants=[{"sku": name.upper(), "attributes": {"size": "one"}, "price": money(price)}],
                            shipping={"from": "DE", "to": ["*"], "cost": money(shipping), "extra_cost": money(0),
                                      "days_min": 1, "days_max": 3})
    supplier.stock(made, on_hand)
    return made


def cards(path, client=None):
    return [card["reference_id"] for card in (client or world.carla).pages(path, limit=100)]


def read(order, client=None):
    return created((client or world.carla).get(f"/orders/{order['id']}"), 200)


def settled(order, client=None):
    """The order once nothing of it waits for the payment provider."""
    return eventually(lambda: read(order, client),
                      lambda now: all(refund["status"] != "requested" for refund in now["payment"]["refunds"]), 60)


@suite.case
def two_communities_open():
    world.lea, world.leo = leader(server, admin, "Lea"), leader(server, admin, "Leo")
    world.carla, world.dan, world.mal = (server.user(name) for name in ("Carla", "Dan", "Mal"))
    world.makers = community(world.lea, "Makers")
    world.runners = community(world.leo, "Runners", visibility="private")
    for each in (world.carla, world.mal):
        join(each, world.makers)
    asked = created(world.carla.post(f"/communities/{world.runners['id']}/join"), 200)
    suite.equal(asked["status"], "requested")
    suite.answers(world.carla.get(f"/communities/{world.runners['id']}/feed"), 403, "forbidden", "a private one is for members")
    created(world.leo.post(f"/communities/{world.runners['id']}/members/{world.carla.id}/approve"), 200)
    suite.answers(world.carla.get(f"/communities/{world.runners['id']}/feed"), 200)


@suite.case
def three_suppliers_set_up_their_stalls():
    world.sam, world.bea = Supplier(server, admin, name="Sam's shirts"), Supplier(server, admin, name="Bea's books")
    world.tom = Supplier(server, admin, verified=False, name="Tom's tea")
    draft = world.tom.product(published=False, name="Tea")
    suite.answers(world.tom.owner.post(f"/products/{draft['id']}/publish"), 409, "supplier_not_verified")
    created(world.tom.owner.post(f"/suppliers/{world.tom.id}/documents", {
        "kind": "other", "title": "A napkin", "media_id": world.tom.owner.upload()}))
    created(world.tom.owner.put(f"/suppliers/{world.tom.id}/banking", {
        "password": "correct horse battery staple", "holder": "Tom", "iban": "DE89370400440532013000"}), 200)
    created(world.tom.owner.post(f"/suppliers/{world.tom.id}/submit"), 200)
    created(admin.post(f"/suppliers/{world.tom.id}/reject", {"reason": "a napkin is no licence"}), 200)
    world.tom.verify()
    world.shirt = product(world.sam, "Shirt", 2000, 500, 10)
    world.book = product(world.bea, "Book", 1500, 300, 5)
    world.tea = product(world.tom, "Green tea", 400, 200, 20)
    suite.equal({world.shirt["status"], world.book["status"], world.tea["status"]}, {"published"})


@suite.case
def a_promotion_is_rejected_and_revised():
    """One no is enough; what changes since is looked at again by all."""
    owner = world.sam.owner
    made = created(owner.post("/promotions", promotion_body(world.sam, world.shirt, percent_bp=2500, title="BUY SHIRTS!!!",
                                                            communities=[world.makers, world.runners])))
    path = f"/promotions/{made['id']}"
    created(owner.post(path + "/submit"), 200)
    suite.equal([row["kind"] for row in world.leo.get(f"/communities/{world.runners['id']}/approvals").data], ["promotion"], "it waits")
    suite.equal(created(world.lea.post(path + "/approve", {"community_id": world.makers["id"]}), 200)["status"], "pending_approval")
    rejected = created(world.leo.post(path + "/reject", {"community_id": world.runners["id"], "reason": "too loud"}), 200)
    suite.equal(rejected["status"], "rejected", "the whole of it")
    suite.equal(cards(f"/communities/{world.makers['id']}/feed"), [], "nowhere is it shown")
    revised = created(owner.post(path + "/revise"), 200)
    created(owner.patch(path, {"title": "A quarter off shirts"}, version=revised["version"]), 200)
    created(owner.post(path + "/submit"), 200)
    for who, where in ((world.lea, world.makers), (world.leo, world.runners)):
        created(who.post(path + "/approve", {"community_id": where["id"]}), 200)
    world.shirts = created(owner.get(path), 200)
    suite.equal((world.shirts["status"], world.shirts["content_version"] > made["content_version"]), ("active", True))
    for where in (world.makers, world.runners):
        suite.equal(cards(f"/communities/{where['id']}/feed"), [made["id"]], "shown in both")
    suite.equal(cards("/feed"), [], "and not in the global feed")


@suite.case
def a_promotion_pauses_and_goes_on():
    owner = world.bea.owner
    made = created(owner.post("/promotions", promotion_body(world.bea, world.book, offer={"kind": "fixed_price", "amount": money(1000)})))
    path = f"/promotions/{made['id']}"
    created(owner.post(path + "/submit"), 200)
    first = created(admin.post(path + "/approve"), 200)
    suite.equal(cards("/feed"), [made["id"]])
    created(owner.post(path + "/pause", {"reason": "sold out"}), 200)
    suite.equal(cards("/feed"), [])
    bought = body(line(world.book, promotion_id=made["id"]))
    suite.answers(world.carla.post("/orders", bought), 409, "promotion_not_applicable", "never silently at the full price")
    world.books = created(owner.post(path + "/resume"), 200)
    suite.equal((world.books["status"], world.books["first_activated_at"]), ("active", first["first_activated_at"]))
    suite.equal(cards("/feed"), [made["id"]])


@suite.case
def somebody_is_banned():
    where = f"/communities/{world.makers['id']}"
    spam = created(world.mal.post("/posts", {"community_id": world.makers["id"], "type": "text", "title": "Cheap watches", "body": "here"}))
    created(world.carla.post("/reports", {"target_kind": "post", "target_id": spam["id"], "reason": "spam"}))
    waiting = world.lea.get(where + "/reports").data
    suite.equal([(report["target_id"], report["status"]) for report in waiting], [(spam["id"], "open")])
    created(world.lea.post(f"/reports/{waiting[0]['id']}/resolve", {"action": "removed", "note": "spam"}), 200)
    created(world.lea.post(f"{where}/members/{world.mal.id}/ban", {"reason": "spam"}), 200)
    suite.check(spam["id"] not in cards(where + "/feed"), "his post is gone")
    again = world.mal.post("/posts", {"community_id": world.makers["id"], "type": "text", "title": "Again", "body": "here"})
    suite.answers(again, 403, text="he does not post")
    suite.answers(world.mal.post(where + "/join"), 403, "banned", "nor come back")
    suite.equal(created(world.carla.get(where), 200)["stats"]["member_count"], 2, "Lea and Carla are left")


@suite.case
def one_order_of_three_suppliers():
    order = buy(world.carla, line(world.shirt, 2, promotion_id=world.shirts["id"], community_id=world.makers["id"]),
                line(world.book, promotion_id=world.books["id"]), line(world.tea, 3), expected_total=money(6200))
    suite.equal((order["status"], order["payment_status"], order["total"]), ("confirmed", "paid", money(6200)))
    suite.equal([item["net"]["amount"] for item in order["items"]], [3000, 1000, 1200], "a quarter off, a fixed price, the list price")
    suite.equal(sorted(group["shipping"]["amount"] for group in order["groups"]), [200, 300, 500])
    for supplier, thing in ((world.sam, world.shirt), (world.bea, world.book), (world.tom, world.tea)):
        seen = created(supplier.owner.get(f"/suppliers/{supplier.id}/orders"), 200)
        suite.equal([item["product_id"] for entry in seen for item in entry["items"]], [thing["id"]], "its own alone")
    suite.equal([stock(world.sam, world.shirt), stock(world.bea, world.book), stock(world.tom, world.tea)],
                [(8, 0, 2, 0), (4, 0, 1, 0), (17, 0, 3, 0)])
    world.order = order


@suite.case
def it_is_fulfilled_in_parts():
    def act(supplier, thing, *commands):
        item = item_of(world.order, thing)
        for command in commands:
            created(supplier.owner.post(f"/orders/{world.order['id']}/items/{item['id']}/{command}",
                                        SHIPMENT if command == "ship" else None), 200)
        return read(world.order)
    order = act(world.sam, world.shirt, "process", "ship", "deliver")
    suite.equal((order["status"], order["fulfilment_status"]), ("confirmed", "partial"), "the least advanced item counts")
    act(world.bea, world.book, "process", "ship")
    tea = item_of(world.order, world.tea)
    foreign = f"/orders/{world.order['id']}/items/{tea['id']}/process"
    suite.answers(world.sam.owner.post(foreign), 404, "not_found", "another's item is not even there")
    created(world.tom.owner.post(f"/orders/{world.order['id']}/items/{tea['id']}/cancel", {"reason": "the tea is mouldy"}), 200)
    order = settled(world.order)
    suite.equal((order["status"], order["payment_status"], order["payment"]["refunded"]),
                ("shipped", "partially_refunded", money(1400)), "the tea with its parcel is paid back, the rest has shipped")
    order = act(world.bea, world.book, "deliver")
    suite.equal((order["status"], order["fulfilment_status"]), ("delivered", "fulfilled"))
    milestones = [name for name in events_of(order) if not name.startswith(("order.item", "order.refund"))]
    suite.equal(milestones, ["order.created", "order.payment_succeeded", "order.confirmed", "order.processing", "order.shipped",
                             "order.delivered"], "each once")
    suite.equal(stock(world.tom, world.tea), (20, 0, 0, 0), "the tea is back on its shelf")


@suite.case
def an_order_is_cancelled_as_a_whole():
    order = buy(world.dan, line(world.tea, 5))
    suite.equal(stock(world.tom, world.tea), (15, 0, 5, 0))
    created(world.dan.post(f"/orders/{order['id']}/cancel", {"reason": "changed my mind"}), 200)
    order = settled(order, world.dan)
    suite.equal((order["status"], order["payment_status"], order["payment"]["refunded"]), ("cancelled", "refunded", order["total"]))
    suite.equal(stock(world.tom, world.tea), (20, 0, 0, 0))


@suite.case
def the_figures_of_the_day():
    carla, dan = (created(client.get("/users/me"), 200)["stats"] for client in (world.carla, world.dan))
    suite.equal((carla["total_orders"], carla["total_spent"]), (1, money(4800)), "6200 paid, 1400 back")
    suite.equal((dan["total_orders"], dan["total_spent"]), (1, money(0)))
    rows = created(world.sam.owner.get(f"/promotions/{world.shirts['id']}/performance"), 200)
    made = {row["community_id"]: (row["conversions"], row["units"], row["revenue"]["amount"]) for row in rows["rows"]}
    suite.equal(made[world.makers["id"]], (1, 2, 3000), "of the community that brought the sale")
    suite.equal(rows["total"]["revenue"], money(3000))
    fulfilled = [created(supplier.owner.get(f"/suppliers/{supplier.id}"), 200)["metrics"]["orders_fulfilled"]
                 for supplier in (world.sam, world.bea, world.tom)]
    suite.equal(fulfilled, [1, 1, 0])
    revenue = created(admin.get("/admin/analytics/revenue"), 200)
    suite.equal([sum((row[name] or money(0))["amount"] for row in revenue) for name in ("gross", "discounts", "refunds", "net")],
                [4000 + 1500 + 1200 + 2000, 1500, 1200 + 2000, 4000], "of all that was sold and paid back")


@suite.case
def every_row_is_what_the_log_gives():
    shown = [cards(path) for path in ("/feed", f"/communities/{world.makers['id']}/feed")]
    server.kill()
    server.restart()
    suite.equal([cards(path) for path in ("/feed", f"/communities/{world.makers['id']}/feed")], shown, "a kill takes nothing")
    suite.equal(read(world.order)["status"], "delivered")
    suite.equal(server.stop(), 0)
    suite.check("every row is what the log gives" in server.command(["verify"]), "the views equal a rebuild")


if __name__ == "__main__":
    suite.main()
