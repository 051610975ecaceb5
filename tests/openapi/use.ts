// A client's code against the generated types: what is right compiles, and what is wrong does not.
import type { components, paths } from "./client.js";

type Body<P extends keyof paths, M extends keyof paths[P]> =
    paths[P][M] extends { requestBody?: { content: { "application/json": infer B } } } ? B : never;
type Answer<P extends keyof paths, M extends keyof paths[P], S extends number> =
    paths[P][M] extends { responses: Record<S, { content: { "application/json": infer A } }> } ? A : never;

const purchase: Body<"/orders", "post"> = {
    items: [{ variant_id: "01890a5d-ac96-774b-bcce-b302099a8057", quantity: 2 }],
    payment: { method: "card", token: "tok_success" },
};

// @ts-expect-error an id is a text
const wrongId: Body<"/orders", "post"> = { ...purchase, items: [{ variant_id: 7, quantity: 2 }] };
// @ts-expect-error a quantity is needed
const noQuantity: Body<"/orders", "post"> = { ...purchase, items: [{ variant_id: "a" }] };
// @ts-expect-error the role is one of three
const wrongRole: Body<"/suppliers/{id}/members/{user_id}", "put"> = { role: "king" };

function total(answer: Answer<"/orders/{id}", "get", 200>): number {
    const order: components["schemas"]["order"] = answer.data;
    return order.total?.amount ?? 0;
}

function next(answer: Answer<"/products", "get", 200>): string | null {
    // @ts-expect-error a list has no such member
    answer.data[0].no_such_member;
    return answer.page.next;
}

export { next, noQuantity, purchase, total, wrongId, wrongRole };
