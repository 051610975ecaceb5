// Two stories through a client that is generated from the OpenAPI document: one sale from the registration to the delivery, and
// the market day of tests/api/test_story.py. Every path, body and answer below is checked by the compiler.
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./client.js";

declare const process: { env: Record<string, string | undefined>; exitCode: number };
type Api = Client<paths>;
type Person = { api: Api; id: string };
type Order = components["schemas"]["order"];
type Product = components["schemas"]["product"];

const baseUrl = `${process.env["SOUK"]}/api/v1`;
const password = "correct horse battery staple";
const run = process.env["RUN"] ?? "0";
let checks = 0, faults = 0;

// ---- What the chapters are told with ----

function equal(actual: unknown, expected: unknown, text: string): void {
    checks++;
    if (JSON.stringify(actual) === JSON.stringify(expected)) return;
    faults++;
    console.log(`     ${text}: expected ${JSON.stringify(expected)}, was ${JSON.stringify(actual)}`);
}

type Asked<T> = Promise<{ data?: { data: T } | undefined; error?: unknown; response: Response }>;

async function ok<T>(asked: Asked<T>): Promise<T> {
    const { data, error, response } = await asked;
    if (!data) throw new Error(`${response.status} ${response.url}: ${JSON.stringify(error)}`);
    return data.data;
}

async function refused(asked: Promise<{ error?: { code?: string } | undefined; response: Response }>, status: number, code: string): Promise<void> {
    const { error, response } = await asked;
    equal([response.status, error?.code], [status, code], response.url);
}

function connect(token?: string): Api {
    return createClient<paths>({ baseUrl, headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

async function login(email: string): Promise<Person> {
    const answer = await ok(connect().POST("/auth/login", { body: { email, password } }));
    if (!answer.access_token || !answer.user) throw new Error("a login without token");
    return { api: connect(answer.access_token), id: answer.user.id ?? "" };
}

async function person(name: string): Promise<Person> {
    const email = `${name.toLowerCase()}.${run}@example.com`;
    const made = await ok(connect().POST("/auth/register", { body: { email, password, display_name: name, accept_terms: true } }));
    await ok(connect().POST("/auth/verify", { body: { token: made.verification_token ?? "" } }));
    return login(email);
}

async function leader(admin: Person, name: string): Promise<Person> {
    const made = await person(name);
    await ok(admin.api.POST("/admin/users/{id}/grant-role", { params: { path: { id: made.id } }, body: { role: "leader", reason: "applied" } }));
    return made;
}

const usd = (amount: number) => ({ amount, currency: "USD" });
const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
const address = { first_name: "Carla", last_name: "Jones", line1: "5 Low St", city: "York", postal_code: "YO1 1AA", country: "GB" };
const card = { method: "card", token: "tok_success" } as const;
const parcel = { carrier: "Post", tracking_number: "CC123" };

class Stall {
    location = "";
    constructor(readonly owner: Person, readonly id: string) {}

    static async open(admin: Person, name: string): Promise<Stall> {
        const owner = await person(name);
        const company = { legal_name: `${name} Ltd`, tax_id: "DE123456789", country: "DE" };
        const made = await ok(owner.api.POST("/suppliers", { body: { name: `${name} ${run}`, company } }));
        const stall = new Stall(owner, made.id), path = { id: made.id };
        const place = { line1: "Street 1", city: "Berlin", country: "DE" };
        const placed = await ok(owner.api.POST("/suppliers/{id}/locations", { params: { path }, body: { name: "Main", address: place } }));
        stall.location = placed.locations?.[0]?.id ?? "";
        const licence = await ok(owner.api.POST("/media", {
            params: { query: { visibility: "private" } }, body: `%PDF-1.4 licence of ${name}`,
            bodySerializer: (bytes: unknown) => bytes as string, headers: { "Content-Type": "application/pdf" } }));
        await ok(owner.api.POST("/suppliers/{id}/documents", { params: { path }, body: { kind: "license", title: "Licence", media_id: licence.id } }));
        await ok(owner.api.PUT("/suppliers/{id}/banking", { params: { path }, body: { password, holder: name, iban: "DE89370400440532013000" } }));
        await ok(owner.api.POST("/suppliers/{id}/submit", { params: { path } }));
        equal((await ok(admin.api.POST("/suppliers/{id}/verify", { params: { path } }))).status, "verified", name);
        return stall;
    }

    async sells(name: string, price: number, shipping: number, onHand: number): Promise<Product> {
        const made = await ok(this.owner.api.POST("/products", { body: {
            supplier_id: this.id, name, variants: [{ sku: name.toUpperCase(), attributes: { size: "one" }, price: usd(price) }],
            shipping: { from: "DE", to: ["*"], cost: usd(shipping), extra_cost: usd(0), days_min: 1, days_max: 3 } } }));
        const path = { id: made.id };
        await ok(this.owner.api.POST("/products/{id}/stock/adjust", { params: { path }, body: {
            variant_id: variant(made), location_id: this.location, on_hand: onHand, reason: "received" } }));
        return ok(this.owner.api.POST("/products/{id}/publish", { params: { path } }));
    }

    // on_hand, allocated and shipped of a product
    async stock(product: Product): Promise<number[]> {
        const rows = await ok(this.owner.api.GET("/products/{id}/stock", { params: { path: { id: product.id } } }));
        const sum = (pick: (row: components["schemas"]["stock"]) => number | undefined) => rows.reduce((all, row) => all + (pick(row) ?? 0), 0);
        return [sum((row) => row.on_hand), sum((row) => row.allocated), sum((row) => row.shipped)];
    }

    async act(order: Order, product: Product, ...commands: ("process" | "ship" | "deliver")[]): Promise<void> {
        const path = { id: order.id, item: item(order, product) };
        for (const command of commands) {
            if (command === "ship") await ok(this.owner.api.POST("/orders/{id}/items/{item}/ship", { params: { path }, body: parcel }));
            else if (command === "process") await ok(this.owner.api.POST("/orders/{id}/items/{item}/process", { params: { path } }));
            else await ok(this.owner.api.POST("/orders/{id}/items/{item}/deliver", { params: { path } }));
        }
    }
}

function variant(product: Product): string {
    const first = product.variants?.[0];
    if (!first) throw new Error("a product without variants");
    return first.id ?? "";
}

function item(order: Order, product: Product): string {
    const found = order.items?.find((each) => each.product_snapshot?.product_id === product.id);
    if (!found) throw new Error("the order has no such item");
    return found.id ?? "";
}

async function cards(api: Api, community?: string): Promise<string[]> {
    const asked = community ? api.GET("/communities/{id}/feed", { params: { path: { id: community } } }) : api.GET("/feed");
    return (await ok(asked)).map((each) => each.reference_id ?? "");
}

// The order once nothing of it waits for the payment provider; half a minute at most.
async function settled(api: Api, order: Order): Promise<Order> {
    for (let tries = 0; ; tries++) {
        const now = await ok(api.GET("/orders/{id}", { params: { path: { id: order.id } } }));
        const waits = now.payment?.refunds?.some((refund) => refund.status === "requested");
        if (!waits || tries === 600) return now;
        await new Promise((done) => setTimeout(done, 50));
    }
}

// ---- One sale ----

async function oneSale(admin: Person): Promise<void> {
    const lea = await leader(admin, "First-lea"), carla = await person("First-carla"), sam = await Stall.open(admin, "First-sam");
    const club = await ok(lea.api.POST("/communities", { body: { name: `Trail runners ${run}`, visibility: "public" } }));
    const shoe = await sam.sells("Ridge shoe", 9999, 700, 10);
    const made = await ok(sam.owner.api.POST("/promotions", { body: {
        supplier_id: sam.id, type: "single", title: "Ridge week", products: [{ product_id: shoe.id }],
        offer: { kind: "percent", percent_bp: 3000 }, visibility: "both", community_ids: [club.id], starts_at: at(-60), ends_at: at(86400) } }));
    const path = { id: made.id };
    await ok(sam.owner.api.POST("/promotions/{id}/submit", { params: { path } }));
    await ok(admin.api.POST("/promotions/{id}/approve", { params: { path }, body: {} }));
    const active = await ok(lea.api.POST("/promotions/{id}/approve", { params: { path }, body: { community_id: club.id } }));
    equal(active.status, "active", "both have said yes");
    await ok(carla.api.POST("/communities/{id}/join", { params: { path: { id: club.id } } }));
    equal(await cards(carla.api, club.id), [made.id], "the card is in the feed");

    const purchase = { items: [{ variant_id: variant(shoe), quantity: 2 }], shipping_address: address, payment: card,
                       attribution: { promotion_id: made.id, community_id: club.id } };
    const header = { "Idempotency-Key": `first-${run}` };
    const placed = await ok(carla.api.POST("/orders", { params: { header }, body: purchase }));
    equal([placed.status, placed.total], ["confirmed", usd(2 * 6999 + 700)], "a third off");
    equal((await ok(carla.api.POST("/orders", { params: { header }, body: purchase }))).id, placed.id, "the same order again");
    await refused(carla.api.POST("/orders", { body: { ...purchase, payment: { method: "card", token: "tok_declined" } } }), 402, "payment_declined");
    await sam.act(placed, shoe, "process", "ship", "deliver");
    equal((await settled(carla.api, placed)).status, "delivered", "delivered");
    equal(await sam.stock(shoe), [8, 0, 2], "two are gone");
    equal((await ok(carla.api.GET("/users/me"))).stats?.total_spent, usd(14698), "and counted");
}

// ---- A market day ----

async function marketDay(admin: Person): Promise<void> {
    const lea = await leader(admin, "Lea"), leo = await leader(admin, "Leo");
    const carla = await person("Carla"), dan = await person("Dan"), mal = await person("Mal");
    const makers = await ok(lea.api.POST("/communities", { body: { name: `Makers ${run}`, visibility: "public" } }));
    const runners = await ok(leo.api.POST("/communities", { body: { name: `Runners ${run}`, visibility: "private" } }));
    for (const each of [carla, mal]) await ok(each.api.POST("/communities/{id}/join", { params: { path: { id: makers.id } } }));
    await ok(carla.api.POST("/communities/{id}/join", { params: { path: { id: runners.id } } }));
    await refused(carla.api.GET("/communities/{id}/feed", { params: { path: { id: runners.id } } }), 403, "forbidden");
    await ok(leo.api.POST("/communities/{id}/members/{user_id}/approve", { params: { path: { id: runners.id, user_id: carla.id } } }));

    const sam = await Stall.open(admin, "Sam"), bea = await Stall.open(admin, "Bea"), tom = await Stall.open(admin, "Tom");
    const shirt = await sam.sells("Shirt", 2000, 500, 10), book = await bea.sells("Book", 1500, 300, 5), tea = await tom.sells("Green tea", 400, 200, 20);

    // One rejection rejects the whole; what changes since is looked at again by all.
    const shirts = await ok(sam.owner.api.POST("/promotions", { body: {
        supplier_id: sam.id, type: "single", title: "BUY SHIRTS!!!", products: [{ product_id: shirt.id }], offer: { kind: "percent", percent_bp: 2500 },
        visibility: "communities", community_ids: [makers.id, runners.id], starts_at: at(-60), ends_at: at(86400) } }));
    const ofShirts = { params: { path: { id: shirts.id } } };
    await ok(sam.owner.api.POST("/promotions/{id}/submit", ofShirts));
    await ok(lea.api.POST("/promotions/{id}/approve", { ...ofShirts, body: { community_id: makers.id } }));
    const no = await ok(leo.api.POST("/promotions/{id}/reject", { ...ofShirts, body: { community_id: runners.id, reason: "too loud" } }));
    equal(no.status, "rejected", "the whole of it");
    const revised = await ok(sam.owner.api.POST("/promotions/{id}/revise", ofShirts));
    await ok(sam.owner.api.PATCH("/promotions/{id}", { ...ofShirts, body: { title: "A quarter off shirts", version: revised.version } }));
    await ok(sam.owner.api.POST("/promotions/{id}/submit", ofShirts));
    await ok(lea.api.POST("/promotions/{id}/approve", { ...ofShirts, body: { community_id: makers.id } }));
    equal((await ok(leo.api.POST("/promotions/{id}/approve", { ...ofShirts, body: { community_id: runners.id } }))).status, "active", "revised");
    for (const where of [makers, runners]) equal(await cards(carla.api, where.id), [shirts.id], "shown in both");

    // A pause takes the card out, and going on brings it back where it was.
    const books = await ok(bea.owner.api.POST("/promotions", { body: {
        supplier_id: bea.id, type: "single", title: "Books for a tenner", products: [{ product_id: book.id }],
        offer: { kind: "fixed_price", amount: usd(1000) }, visibility: "global", starts_at: at(-60), ends_at: at(86400) } }));
    const ofBooks = { params: { path: { id: books.id } } };
    await ok(bea.owner.api.POST("/promotions/{id}/submit", ofBooks));
    const first = await ok(admin.api.POST("/promotions/{id}/approve", { ...ofBooks, body: {} }));
    await ok(bea.owner.api.POST("/promotions/{id}/pause", { ...ofBooks, body: { reason: "sold out" } }));
    equal((await cards(carla.api)).includes(books.id), false, "paused");
    const again = await ok(bea.owner.api.POST("/promotions/{id}/resume", ofBooks));
    equal([again.status, again.first_activated_at], ["active", first.first_activated_at], "resumed");
    equal((await cards(carla.api)).includes(books.id), true, "resumed");

    // Somebody is banned.
    const spam = await ok(mal.api.POST("/posts", { body: { community_id: makers.id, type: "text", title: "Cheap watches", body: "here" } }));
    const report = await ok(carla.api.POST("/reports", { body: { target_kind: "post", target_id: spam.id, reason: "spam" } }));
    await ok(lea.api.POST("/reports/{id}/resolve", { params: { path: { id: report.id } }, body: { action: "removed" } }));
    await ok(lea.api.POST("/communities/{id}/members/{user_id}/ban", { params: { path: { id: makers.id, user_id: mal.id } }, body: { reason: "spam" } }));
    await refused(mal.api.POST("/communities/{id}/join", { params: { path: { id: makers.id } } }), 403, "banned");

    // One order of three suppliers, fulfilled in parts.
    const placed = await ok(carla.api.POST("/orders", { body: {
        items: [{ variant_id: variant(shirt), quantity: 2, promotion_id: shirts.id, community_id: makers.id },
                { variant_id: variant(book), quantity: 1, promotion_id: books.id }, { variant_id: variant(tea), quantity: 3 }],
        shipping_address: address, payment: card, expected_total: usd(6200) } }));
    equal(placed.items?.map((each) => each.net?.amount), [3000, 1000, 1200], "a quarter off, a fixed price, the list price");
    await sam.act(placed, shirt, "process", "ship", "deliver");
    await bea.act(placed, book, "process", "ship");
    const path = { id: placed.id, item: item(placed, tea) };
    await refused(sam.owner.api.POST("/orders/{id}/items/{item}/process", { params: { path } }), 404, "not_found");
    await ok(tom.owner.api.POST("/orders/{id}/items/{item}/cancel", { params: { path }, body: { reason: "the tea is mouldy" } }));
    const parted = await settled(carla.api, placed);
    equal([parted.status, parted.payment_status, parted.payment?.refunded], ["shipped", "partially_refunded", usd(1400)], "in parts");
    await bea.act(placed, book, "deliver");
    const done = await settled(carla.api, placed);
    equal([done.status, done.fulfilment_status], ["delivered", "fulfilled"], "all of it");

    // Another one is cancelled as a whole.
    const other = await ok(dan.api.POST("/orders", { body: { items: [{ variant_id: variant(tea), quantity: 5 }], shipping_address: address, payment: card } }));
    await ok(dan.api.POST("/orders/{id}/cancel", { params: { path: { id: other.id } }, body: { reason: "changed my mind" } }));
    const cancelled = await settled(dan.api, other);
    equal([cancelled.status, cancelled.payment_status, cancelled.payment?.refunded], ["cancelled", "refunded", other.total], "paid back");
    equal([await sam.stock(shirt), await bea.stock(book), await tom.stock(tea)], [[8, 0, 2], [4, 0, 1], [20, 0, 0]], "stock");

    equal((await ok(carla.api.GET("/users/me"))).stats?.total_spent, usd(4800), "6200 paid, 1400 back");
    const sold = await ok(sam.owner.api.GET("/promotions/{id}/performance", ofShirts));
    equal(sold.rows?.find((row) => row.community_id === makers.id)?.revenue, usd(3000), "of the community that brought the sale");
}

const stories = { "one sale, from the registration to the delivery": oneSale, "a market day": marketDay };
const admin = await login(process.env["ADMIN"] ?? "");
for (const [name, story] of Object.entries(stories)) {
    const before = faults;
    try {
        await story(admin);
    } catch (problem) {
        faults++;
        console.log(`     ${problem instanceof Error ? problem.stack : problem}`);
    }
    if (before !== faults) console.log(`     in: ${name}`);
}
if (!checks || faults) process.exitCode = 1;
