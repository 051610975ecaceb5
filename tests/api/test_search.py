"""Search by words: products, communities, people, posts and suppliers; order, typos, scripts; rights, tenants, crashes."""

import json
import time
import urllib.parse

from harness import PASSWORD, Server, Suite
from sales import buy, line
from shop import Supplier, community, created, join, leader, money
from stage import Stage, act

suite = Suite("search")
server = Server()
stage = Stage(server)
admin, anybody = stage.admin, stage.anybody
supplier = Supplier(server, admin, name="Northern Lights Trading")
READY_SECONDS = 60


def when_ready(client, path):
    """The reply, once the index is built."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        reply = client.get(path)
        if reply.status != 503 or time.monotonic() > deadline:
            return reply
        suite.equal((reply.code, reply.headers["Retry-After"]), ("search_not_ready", "1"), "the only 503")
        time.sleep(0.02)


def ask(words, path="/products", client=None, **query):
    query = {"q": words, **query}
    return when_ready(client or anybody, path + "?" + urllib.parse.urlencode(query))


def names(words, path="/products", client=None, member="name", **query):
    """What is found, best first."""
    reply = ask(words, path, client, **query)
    if reply.status != 200:
        raise AssertionError(f"search for {words!r}: {reply}")
    return [row[member] for row in reply.data]


def people(words, client=None, path="/users", **query):
    return [row["profile"]["display_name"] for row in ask(words, path, client, **query).data]


def titles(words, client=None, **query):
    return names(words, "/posts", client, "title", **query)


def products(*given, **more):
    return [supplier.product(name=name, **more) for name in given]


def metric(name):
    text = server.client().get("//metrics").body.decode()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith(name + " ")))


# ---- What is found, and in which order -------------------------------------------------------------------------------

@suite.case
def names_weigh_more_than_tags_and_tags_more_than_descriptions():
    products("Rain jacket", description="light")
    products("Walking stick", description="goes with every jacket")
    products("Umbrella", tags=["jacket"])
    products("Jacket")
    suite.equal(names("jacket"), ["Jacket", "Rain jacket", "Umbrella", "Walking stick"], "the whole name first")
    suite.equal(names("JACKET rain"), ["Rain jacket"], "all words have to be there, in any order and case")
    suite.equal(names("jacket banana"), [], "one is not there")


@suite.case
def among_equals_the_newest_comes_first():
    products("Twin lamp A", "Twin lamp B", "Twin lamp C")
    suite.equal(names("twin lamp"), ["Twin lamp C", "Twin lamp B", "Twin lamp A"], "newest first")


@suite.case
def other_fields_of_a_product_are_looked_at():
    products("Plain thing", category="Gardening", brand="Zephyrion",
             variants=[{"sku": "QX-7781-L", "attributes": {"size": "M"}, "price": money(100)}])
    for words in ("gardening", "zephyrion", "QX-7781-L", "qx 7781"):
        suite.equal(names(words), ["Plain thing"], words)
    suite.equal(names("qx 7782"), [], "another number is another thing, not a typo")


@suite.case
def the_beginning_of_a_word_finds_it():
    products("Keyboard mechanical", "Keyring")
    suite.equal(sorted(names("key")), ["Keyboard mechanical", "Keyring"], "both")
    suite.equal(names("keyb mech"), ["Keyboard mechanical"], "as somebody types")
    suite.equal(names("board"), [], "not its middle")


@suite.case
def a_letter_or_two_may_be_wrong():
    products("Wireless headphones", "Candle holder")
    for words in ("wirelss headphones", "wireless haedphones", "wirelesss headphone", "vireless hedphonse"):
        suite.equal(names(words), ["Wireless headphones"], words)
    suite.equal(names("cendle"), ["Candle holder"], "one in a word of six")
    suite.equal(names("cindly"), [], "two are too many there")
    suite.equal(names("headset"), [], "nor is it anything else")
    products("Handle bar")
    suite.equal(names("candle"), ["Candle holder", "Handle bar"], "what was typed before what was meant perhaps")
    suite.equal(names("handle"), ["Handle bar", "Candle holder"], "either way")


@suite.case
def case_diacritics_and_scripts():
    products("Crème brûlée", "ŽLUŤOUČKÝ kůň", "三毛猫の置物", "Борщ горячий", "Party 🎉 hat 👩‍💻", "กาแฟเย็น", "हिन्दी किताब", "Ｗｉｄｅ")
    for words, found in (("creme brulee", "Crème brûlée"), ("CRÈME", "Crème brûlée"), ("cre\u0300me", "Crème brûlée"),
                         ("zlutoucky kun", "ŽLUŤOUČKÝ kůň"), ("三毛", "三毛猫の置物"), ("毛猫の置", "三毛猫の置物"), ("物", "三毛猫の置物"),
                         ("猫", "三毛猫の置物"), ("БОРЩ", "Борщ горячий"), ("горяч", "Борщ горячий"), ("🎉", "Party 🎉 hat 👩‍💻"),
                         ("💻", "Party 🎉 hat 👩‍💻"), ("เย็น", "กาแฟเย็น"), ("किताब", "हिन्दी किताब")):
        suite.equal(names(words), [found], words)
    suite.equal(names("猫毛"), [], "pairs keep their order")
    suite.equal(names("🎈"), [], "another emoji")


@suite.case
def nothing_that_is_typed_is_an_operator():
    products('Odd "quoted" one', "Odd NEAR two", "Odd name:three")
    for words in ('"', '""', "*", "odd*", "odd AND", "odd OR banana", "NOT odd", "NEAR(odd two)", "name:odd", "{name}: odd", "odd^", "-odd",
                  "odd' OR 1=1 --", "odd); DROP TABLE word", "odd + two", "(((", "odd\\", "\u0000odd", "%", "_", "𝒐", "a" * 100, "é" * 100,
                  "odd " * 25, "三毛" * 50, "🎉" * 100, "\u200d", "\ufe0f"):
        reply = ask(words)
        suite.check(reply.status == 200 or (reply.status == 400 and "\u0000" in words), f"{words!r}: {reply.status}")
    suite.equal(names("odd or banana"), [], "or is a word")
    suite.equal(names('"quoted" odd'), ['Odd "quoted" one'], "quotes are nothing")
    suite.equal(names("name:three"), ["Odd name:three"], "nor is a colon")
    suite.equal(len(names("odd*")), 3, "a star is nothing")
    suite.equal(names("?!"), [], "no word at all finds nothing")
    for query in ("q=", "q=" + "a" * 101, "q=%ff%fe", "q=odd&sort=newest", "q=odd&bogus=1"):
        suite.answers(anybody.get("/products?" + query), 400, text=query)
    suite.answers(anybody.get("/users"), 400, "validation_failed", "people are found, not listed")


# ---- Filters and pages -----------------------------------------------------------------------------------------------

@suite.case
def filters_still_apply():
    other = Supplier(server, admin, name="Southern Cross")
    cheap = supplier.product(name="Teapot small", category="Tea", brand="Pots", condition="used")
    dear = other.product(name="Teapot large", variants=[{"sku": "T-9", "attributes": {"size": "M"}, "price": money(9900)}])
    suite.equal(names("teapot"), ["Teapot large", "Teapot small"], "both")
    for query, found in (({"supplier_id": other.id}, dear), ({"supplier_id": supplier.id}, cheap), ({"category": "Tea"}, cheap),
                         ({"brand": "Pots"}, cheap), ({"condition": "used"}, cheap), ({"price_min": 5000}, dear),
                         ({"price_max": 5000}, cheap)):
        suite.equal(names("teapot", **query), [found["name"]], str(query))
    suite.equal(names("teapot", f"/suppliers/{other.id}/products"), ["Teapot large"], "of one supplier")
    suite.equal(names("teapot", f"/sellers/{supplier.id}/products"), ["Teapot small"], "of the other")
    suite.equal(names("teapot", supplier_id=stage.lea.id), [], "of nobody")


@suite.case
def pages_go_on_where_they_ended():
    made = [row["name"] for row in products(*[f"Paged item {number}" for number in range(25)])]
    whole = names("paged", limit=100)
    suite.equal(whole, made[::-1], "all of them")
    pages = [row["name"] for row in anybody.pages("/products?q=paged", limit=7)]
    suite.equal(pages, whole, "page by page")
    first = ask("paged", limit=10)
    products("Paged item new", "Paged")
    rest = ask("paged", limit=100, cursor=first.page["next"])
    suite.equal([row["name"] for row in first.data + rest.data], whole, "what comes meanwhile moves nothing")
    suite.equal(rest.page["next"], None, "the end")
    for path in (f"/products?q=item&cursor={first.page['next']}", f"/products?cursor={first.page['next']}",
                 f"/communities?q=paged&cursor={first.page['next']}", "/products?q=paged&cursor=AAAA"):
        suite.answers(anybody.get(path), 400, "invalid_cursor", "a cursor belongs to its words")
    listed = anybody.get("/products?limit=1").page["next"]
    suite.answers(anybody.get(f"/products?q=paged&cursor={listed}"), 400, "invalid_cursor", "nor is a list's one for a search")


@suite.case
def a_page_is_filled_past_what_is_not_shown():
    for number in range(30):
        supplier.product(published=number % 10 == 0, name=f"Sparse thing {number}")
    suite.equal([row["name"] for row in anybody.pages("/products?q=sparse", limit=2)],
                ["Sparse thing 20", "Sparse thing 10", "Sparse thing 0"], "drafts are passed over")


# ---- Only what one may see -------------------------------------------------------------------------------------------

@suite.case
def a_product_is_found_while_it_is_published():
    product = supplier.product(published=False, name="Velvet curtain", description="secret fabric")
    team, path = supplier.owner, f"/suppliers/{supplier.id}/products"
    suite.equal(names("velvet"), [], "a draft is not found")
    suite.equal(names("velvet", status="draft"), [], "nor asked for")
    suite.equal(names("velvet", client=team, status="draft"), ["Velvet curtain"], "but by its team")
    suite.equal(names("velvet", path, team, status="draft"), ["Velvet curtain"], "in its own list")
    suite.equal(names("velvet", client=admin, status="draft"), ["Velvet curtain"], "and staff")
    act_on = f"/products/{product['id']}"
    created(team.post(act_on + "/publish"), 200)
    suite.equal(names("velvet"), ["Velvet curtain"], "published")
    created(team.patch(act_on, {"name": "Silk curtain", "description": None}, version="*"), 200)
    suite.equal((names("velvet"), names("fabric"), names("silk")), ([], [], ["Silk curtain"]), "renamed")
    created(team.post(act_on + "/archive", {}), 200)
    suite.equal((names("silk"), names("silk", client=team, status="archived")), ([], ["Silk curtain"]), "archived")
    created(team.delete(act_on, {}), 200)
    suite.equal(names("silk", client=admin, status="deleted", include_deleted="true"), [], "deleted ones nobody finds")
    created(team.post(act_on + "/restore"), 200)
    suite.equal(names("silk", client=team, status="archived"), ["Silk curtain"], "restored")


@suite.case
def communities_are_found():
    lea = leader(server, admin, "Lou")
    public = community(lea, "Beekeepers of Vienna", description="honey and hives")
    private = community(lea, "Secret beekeepers", visibility="private", purpose="mead")
    find = lambda words, **query: names(words, "/communities", **query)
    suite.equal(find("beekeepers"), ["Secret beekeepers", "Beekeepers of Vienna"], "private ones are seen too, their posts are not")
    suite.equal((find("bekeepers vienna"), find("honey"), find("mead")),
                (["Beekeepers of Vienna"], ["Beekeepers of Vienna"], ["Secret beekeepers"]), "typo, description, purpose")
    suite.equal(find("beekeepers", visibility="public"), ["Beekeepers of Vienna"], "filtered")
    suite.equal(find("beekeepers", owner_id=stage.lea.id), [], "of another owner")
    created(lea.delete(f"/communities/{public['id']}"), 200)
    suite.equal(find("beekeepers"), ["Secret beekeepers"], "deleted")
    created(lea.patch(f"/communities/{private['id']}", {"name": "Secret meadery"}, version="*"), 200)
    suite.equal((find("beekeepers"), find("meadery")), ([], ["Secret meadery"]), "renamed")


@suite.case
def posts_are_found_by_those_who_may_read_them():
    open_post = stage.post(title="Sourdough starter", body="flour and patience")
    inside = stage.post(where=stage.closed, title="Sourdough inside", body="canarysourdough")
    waiting = stage.post(where=stage.strict, title="Sourdough waiting")
    for client, found in ((anybody, ["Sourdough starter"]), (stage.stranger, ["Sourdough starter"]),
                          (stage.ann, ["Sourdough inside", "Sourdough starter"]), (stage.lea, ["Sourdough inside", "Sourdough starter"]),
                          (admin, ["Sourdough inside", "Sourdough starter"])):
        suite.equal(titles("sourdough", client), found, "who sees it")
    suite.equal((titles("canarysourdough"), titles("canarysourdoug"), titles("canarysuordough")), ([], [], []), "no word of it either")
    suite.equal(titles("patience"), ["Sourdough starter"], "by its text")
    suite.equal((titles("sourdough", stage.mod, status="pending_moderation"), titles("sourdough", status="pending_moderation")),
                (["Sourdough waiting"], []), "what waits, its moderators find")
    suite.equal(titles("sourdough", stage.ann, community_id=stage.closed["id"]), ["Sourdough inside"], "of one community")
    suite.equal(titles("sourdough", stage.stranger, community_id=stage.closed["id"]), [], "not of a closed one")
    suite.equal(titles("sourdough", author_id=stage.lea.id), [], "of another author")
    act(stage.mod, waiting, "approve")
    suite.equal(titles("sourdough"), ["Sourdough waiting", "Sourdough starter"], "approved")
    act(stage.mod, open_post, "hide", {"reason": "off topic"})
    suite.equal(titles("sourdough"), ["Sourdough waiting"], "hidden")
    suite.equal(titles("sourdough", stage.ann, status="hidden"), ["Sourdough starter"], "its author sees it")
    act(stage.mod, open_post, "restore")
    created(stage.ann.patch(f"/posts/{open_post['id']}", {"title": "Rye bread"}, version="*"), 200)
    suite.equal((titles("sourdough"), titles("rye")), (["Sourdough waiting"], ["Rye bread"]), "edited")
    created(stage.ann.delete(f"/posts/{open_post['id']}", {}), 200)
    suite.equal(titles("rye", admin), [], "deleted")
    created(stage.lea.patch(f"/communities/{stage.closed['id']}", {"visibility": "public"}, version="*"), 200)
    suite.equal(titles("canarysourdough"), ["Sourdough inside"], "its community opened")
    created(stage.lea.patch(f"/communities/{stage.closed['id']}", {"visibility": "private"}, version="*"), 200)
    suite.equal((titles("canarysourdough"), titles("canarysourdough", stage.ann)), ([], ["Sourdough inside"]), "and closed again")
    suite.equal(inside["community_id"], stage.closed["id"], "where it was")


@suite.case
def links_and_polls_are_found():
    stage.post(type="link", title="Read this", link={"url": "https://example.com", "title": "Gyroscopes", "description": "they precess"})
    stage.post(type="poll", title="Which one", poll={"options": [{"text": "Marmalade"}, {"text": "Nougat"}]})
    suite.equal((titles("gyroscopes"), titles("precess"), titles("nougat")), (["Read this"], ["Read this"], ["Which one"]), "by what they hold")


@suite.case
def people_are_found():
    zed, yan = server.user("Zedekiah Underhill"), server.user("Yannick Underhill")
    created(zed.patch("/users/me", {"profile": {"display_name": "Zedekiah Underhill", "bio": "carves spoons"}}, version="*"), 200)
    suite.equal(people("underhill"), ["Yannick Underhill", "Zedekiah Underhill"], "newest first")
    suite.equal((people("zedekia"), people("zedekaih"), people("spoons")), (["Zedekiah Underhill"],) * 3, "beginning, typo, biography")
    found = ask("zedekiah", "/users").data[0]
    suite.check("email" not in json.dumps(found) and "birth_date" not in found, "as others see the person")
    suite.equal((people(zed.user["email"]), people("zedekiah example"), people("example")), ([], [], []), "nobody is found by the e-mail")
    suite.equal(people(zed.user["email"], admin, "/admin/users"), ["Zedekiah Underhill"], "but by staff")
    suite.equal(people("underhill", admin, "/admin/users", status="active", role="consumer"), ["Yannick Underhill", "Zedekiah Underhill"], "filtered")
    suite.equal(people("underhill", admin, "/admin/users", role="leader"), [], "filtered away")
    suite.answers(ask("underhill", "/admin/users", zed), 403, "forbidden")
    pending = server.client()
    body = {"email": "wilhelmina@example.com", "password": PASSWORD, "display_name": "Wilhelmina", "accept_terms": True}
    created(pending.post("/auth/register", body))
    suite.equal((people("wilhelmina"), people("wilhelmina", admin, "/admin/users")), ([], ["Wilhelmina"]), "unverified")
    reason = {"reason": "as the rules say"}
    created(admin.post(f"/admin/users/{yan.id}/suspend", reason), 200)
    suite.equal((people("yannick"), people("yannick", admin, "/admin/users")), ([], ["Yannick Underhill"]), "suspended")
    created(zed.patch("/users/me", {"profile": {"display_name": "Obadiah"}}, version="*"), 200)
    suite.equal((people("zedekiah"), people("obadiah")), ([], ["Obadiah"]), "renamed")
    created(admin.delete(f"/admin/users/{zed.id}", reason), 200)
    suite.equal((people("obadiah"), people("obadiah", admin, "/admin/users", include_deleted="true")), ([], []), "deleted")


@suite.case
def the_deleted_leave_no_word_behind():
    words, reason = metric("souk_search_words"), {"reason": "on request"}
    gone = server.user("Theophrastus")
    suite.equal(people("theophrastus"), ["Theophrastus"], "found")
    suite.check(metric("souk_search_words") > words, "by new words")
    created(admin.delete(f"/admin/users/{gone.id}", reason), 200)
    suite.equal((people("theophrastus"), metric("souk_search_words")), ([], words), "neither the person nor the words are left")
    created(admin.post(f"/admin/users/{gone.id}/restore", reason), 200)
    suite.equal(people("theophrastus"), ["Theophrastus"], "restored, found again")
    created(admin.delete(f"/admin/users/{gone.id}", reason), 200)
    created(admin.post(f"/admin/users/{gone.id}/erase", reason), 204)
    suite.equal((people("theophrastus"), metric("souk_search_words")), ([], words), "erased")


@suite.case
def the_erased_are_found_by_nobody():
    short = Server({"auth.pending_life": 300})
    staff, client = short.admin(), short.client()
    body = {"email": "ephemera@example.com", "password": PASSWORD, "display_name": "Ephemera", "accept_terms": True}
    user = created(client.post("/auth/register", body))["id"]
    deadline = time.monotonic() + READY_SECONDS
    while not created(staff.get(f"/admin/users/{user}?include_deleted=true"), 200)["erased_at"] and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(2):
        for words in ("ephemera", "ephemera@example.com", "ephmera"):
            suite.equal(people(words, staff, "/admin/users", include_deleted="true"), [], words)
        suite.equal(people("admin", staff, "/admin/users"), ["admin"], "others are")
        short.kill()
        short.restart()
    short.remove()


@suite.case
def blocks_are_kept():
    blocker, blocked = server.user("Percival Quist"), server.user("Mordred Quist")
    join(blocked, stage.makers)
    stage.post(blocked, title="Quarrelsome words")
    created(blocker.put(f"/users/{blocked.id}/block"), 204)
    suite.equal((people("quist", blocker), people("quist", blocked)), (["Percival Quist"], ["Mordred Quist"]), "neither finds the other")
    suite.equal((titles("quarrelsome", blocker), titles("quarrelsome", stage.ann)), ([], ["Quarrelsome words"]), "nor the other's posts")
    created(blocker.delete(f"/users/{blocked.id}/block"), 204)
    suite.equal(sorted(people("quist", blocker)), ["Mordred Quist", "Percival Quist"], "made up")


@suite.case
def suppliers_are_found():
    pending = Supplier(server, admin, verified=False, name="Pendulum Works")
    find = lambda words, client=None, **query: names(words, "/suppliers", client, **query)
    suite.equal(find("nothern light"), ["Northern Lights Trading"], "with a typo")
    suite.equal((find("pendulum"), find("pendulum", admin), find("pendulum", admin, status="pending")),
                ([], ["Pendulum Works"], ["Pendulum Works"]), "not verified: staff alone")
    pending.verify()
    suite.equal(find("pendulum"), ["Pendulum Works"], "verified")


@suite.case
def orders_are_found_by_number_and_customer():
    buyer, product = server.user("Buyer"), supplier.product(name="Ordered thing")
    supplier.stock(product, 5)
    order = buy(buyer, line(product))
    for words in (order["number"], buyer.user["email"].upper()):
        suite.equal([row["id"] for row in admin.get("/admin/orders?q=" + urllib.parse.quote(words)).data], [order["id"]], words)
    suite.equal(admin.get("/admin/orders?q=nobody%40example.com").data, [], "of nobody")


# ---- Apart, and after a crash ----------------------------------------------------------------------------------------

@suite.case
def marketplaces_are_apart():
    operator = server.operator()
    created(operator.post("//api/admin/tenants", {"slug": "elsewhere", "name": "Elsewhere"}, form=True))
    there = server.client(tenant="elsewhere")
    body = {"email": "canary@example.com", "password": PASSWORD, "display_name": "Canarybird Foreigner", "accept_terms": True}
    token = created(there.post("/auth/register", body))["verification_token"]
    created(there.post("/auth/verify", {"token": token}), 200)
    server.user("Canaryfish Native")
    suite.equal((people("canarybird"), people("canary"), people("canarybrid"), people("foreigner")),
                ([], ["Canaryfish Native"], [], []), "here: no hit and no suggestion")
    suite.equal((people("canaryfish", there), people("canary", there), people("native", there)),
                ([], ["Canarybird Foreigner"], []), "there")
    suite.equal(people("canary", admin, "/admin/users"), ["Canaryfish Native"], "staff is of one marketplace")
    suite.equal(names("jacket", client=there), [], "no products there")


@suite.case
def anonymous_reading_can_be_shut():
    created(server.operator().patch("//api/admin/tenants/elsewhere", {"anonymous_read": False}, version="*", form=True), 200)
    suite.answers(ask("canary", "/users", server.client(tenant="elsewhere")), 401, "unauthorized")


@suite.case
def whoever_was_answered_finds_what_he_wrote():
    for number in range(40):
        supplier.product(name=f"Immediate {number}x")
        suite.equal(names(f"immediate {number}x"), [f"Immediate {number}x"], "at once")
    suite.equal((metric("souk_search_ready"), metric("souk_search_left_out_total")), (1, 0), "all of it")
    suite.check(metric("souk_search_documents") > 100 and metric("souk_search_bytes") > 10000, "it is measured")


def everything():
    """What the searches of this suite find, for comparison."""
    return [names("paged", limit=100), names("candle"), names("jacket"), names("猫"), names("velvet"), names("silk"),
            names("beekeepers", "/communities"), titles("sourdough", stage.ann), titles("canarysourdough"), people("underhill"),
            people("obadiah"), people("theophrastus"), people("canary"), people("canary", server.client(tenant="elsewhere")),
            names("northern", "/suppliers"), people("wilhelmina", admin, "/admin/users")]


@suite.case
def all_is_found_again_after_a_crash():
    created(server.operator().patch("//api/admin/tenants/elsewhere", {"anonymous_read": True}, version="*", form=True), 200)
    before, documents, words = everything(), metric("souk_search_documents"), metric("souk_search_words")
    server.kill()
    server.restart()
    suite.equal(everything(), before, "replayed from the log")
    suite.equal((metric("souk_search_documents"), metric("souk_search_words")), (documents, words), "no more and no less")
    server.restart()
    suite.equal(everything(), before, "read from the tables, in the same order")
    suite.equal((metric("souk_search_documents"), metric("souk_search_words")), (documents, words), "no more and no less")
    gone = supplier.product(name="Shortlived gadget")
    suite.equal(names("shortlived"), ["Shortlived gadget"], "and it goes on")
    created(supplier.owner.delete(f"/products/{gone['id']}", {}), 200)
    server.kill()
    server.restart()
    suite.equal(names("shortlived"), [], "what was deleted since stays away")


@suite.case
def a_full_index_says_so():
    full = Server({"search.memory": "1MiB"})
    shop = Supplier(full, full.admin(), name="Heaps")
    for number in range(60):
        shop.product(name=f"Heap {number}", description=" ".join(f"word{number}n{each}" for each in range(800)))
    client = full.client()
    suite.equal(when_ready(client, "/products?q=heap").status, 200, "it still finds")
    text = client.get("//metrics").body.decode()
    left_out = int(text.split("\nsouk_search_left_out_total ")[1].split()[0])
    suite.check(left_out > 0, "what did not fit is counted")
    suite.check("the index is full" in full.log_text(), "and logged")
    suite.equal(len(client.get("/products?limit=100").data), 60, "lists hold all of them")
    full.stop()


suite.main()
