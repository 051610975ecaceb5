#include "sim/book.h"
#include "base/time.h"

#include <stdio.h>
#include <string.h>

static void fault(struct book *book, const char *what, struct text key)
{
    if (!book->fault[0]) snprintf(book->fault, sizeof book->fault, "%s (key %.*s)", what, TEXT_ARGUMENTS(key));
}

static struct charge *charge_of_key(struct book *book, struct text key)
{
    for (struct charge *charge = book->charges; charge; charge = charge->next)
        if (text_equal(charge->key, key)) return charge;
    return NULL;
}

struct charge *book_charge_of(struct book *book, struct id order)
{
    for (struct charge *charge = book->charges; charge; charge = charge->next)
        if (id_equal(charge->order, order)) return charge;
    return NULL;
}

/* The first that is heard of a charge: that it shall be made, or that it shall never be. */
static struct charge *charge_begin(struct book *book, const struct payment_request *request)
{
    if (book_charge_of(book, request->order_id))
        fault(book, "an order is charged under a second key", request->attempt_key);
    struct charge *charge = ARENA_NEW(book->arena, struct charge);
    *charge = (struct charge){.next = book->charges,
                              .order = request->order_id,
                              .key = arena_text(book->arena, request->attempt_key),
                              .amount = request->amount.amount};
    return book->charges = charge;
}

static void token_take(struct book *book, struct charge *charge, struct text token)
{
    unsigned plan = 0;
    charge->token = arena_text(book->arena, token);
    if (!token.data || sscanf(charge->token.data, "plan_%u_%u", &plan, &charge->number) != 2)
        fault(book, "a token was changed", charge->key);
    charge->plan = (enum plan)(plan % PLAN_COUNT);
}

/* What a plan makes of a charge that is not decided yet; false: nobody is there. */
static bool charge_decide(struct book *book, struct charge *charge)
{
    if (charge->taken || charge->refused) return true;
    if (!book->well &&
        (charge->plan == PLAN_GONE || (charge->plan == PLAN_AWAY && charge->calls <= 1 + charge->number % 8)))
        return false;
    charge->refused =
        charge->voided || charge->plan == PLAN_DECLINED || (charge->plan == PLAN_SILENT && charge->number % 3 == 0);
    charge->taken = !charge->refused;
    charge->taken_at = *book->now + (charge->plan == PLAN_SLOW ? SECONDS(1 + charge->number % 1200) : 0);
    return true;
}

static void answer_charge(struct book *book, struct charge *charge, struct effect_call *call,
                          struct payment_answer *answer)
{
    charge->calls++;
    if (!charge_decide(book, charge)) {
        call->retry = true;
        return;
    }
    answer->outcome = charge->taken ? PAYMENT_SUCCEEDED : PAYMENT_DECLINED;
    if (book->well) return;
    switch (charge->plan) {
    case PLAN_TWICE: call->repeats = 1; break;
    case PLAN_SLOW: call->delay_ms = charge->taken_at > *book->now ? charge->taken_at - *book->now : 0; break;
    case PLAN_SILENT: call->delay_ms = DAYS(1); break;
    case PLAN_DENIED: call->delay_ms = SECONDS(31 + charge->number % 1200); break;
    case PLAN_DOUBTED:
        answer->outcome = PAYMENT_DECLINED;
        call->delay_ms = SECONDS(31 + charge->number % 1200);
        break;
    default: break;
    }
}

static enum payment_outcome status_of(const struct book *book, const struct charge *charge)
{
    if (!charge || (!charge->taken && !charge->refused)) return PAYMENT_UNKNOWN;
    if (charge->plan == PLAN_DENIED && !book->well) return PAYMENT_DECLINED;
    if (charge->refused) return PAYMENT_DECLINED;
    return charge->taken_at <= *book->now ? PAYMENT_SUCCEEDED : PAYMENT_UNKNOWN;
}

static enum payment_outcome void_charge(struct charge *charge)
{
    if (charge->taken) return PAYMENT_SUCCEEDED;
    charge->voided = true;
    return PAYMENT_VOIDED;
}

static struct payback *payback_of(struct book *book, const struct payment_request *request, struct charge *charge)
{
    for (struct payback *payback = book->paybacks; payback; payback = payback->next) {
        if (!id_equal(payback->refund, request->refund_id)) continue;
        if (payback->amount != request->amount.amount || payback->charge != charge)
            fault(book, "a refund changed what it asks for", request->attempt_key);
        return payback;
    }
    struct payback *payback = ARENA_NEW(book->arena, struct payback);
    *payback = (struct payback){
        .next = book->paybacks, .refund = request->refund_id, .charge = charge, .amount = request->amount.amount};
    return book->paybacks = payback;
}

static void pay_back(struct book *book, const struct payment_request *request, struct charge *charge,
                     struct effect_call *call, struct payment_answer *answer)
{
    answer->refund_id = request->refund_id;
    if (!charge || !charge->taken) {
        fault(book, "money is to be paid back that was never taken", request->attempt_key);
        answer->outcome = PAYMENT_DECLINED;
        return;
    }
    struct payback *payback = payback_of(book, request, charge);
    unsigned chance = (payback->refund.bytes[15] + ++payback->calls) % 8;
    answer->outcome = PAYMENT_SUCCEEDED;
    if (payback->paid) return;
    if (!book->well && chance < 2) {
        call->retry = true;
        return;
    }
    if (!book->well && chance == 2) {
        answer->outcome = PAYMENT_DECLINED;
        return;
    }
    if (charge->paid_back + payback->amount > charge->amount)
        fault(book, "more is to be paid back than was taken", request->attempt_key);
    payback->paid = true;
    charge->paid_back += payback->amount;
    if (chance == 3) call->repeats = 1;
}

void book_call(void *context, struct effect_call *call)
{
    struct book *book = context;
    const struct payment_request *request = call->request;
    struct payment_answer *answer = call->answer;
    struct charge *charge = charge_of_key(book, request->attempt_key);
    bool busy = !book->well && (call->attempt + request->order_id.bytes[14]) % 5 == 0;
    answer->provider = LITERAL("book");
    switch (request->operation) {
    case PAYMENT_CHARGE:
        if (!charge) charge = charge_begin(book, request);
        if (!charge->token.data) token_take(book, charge, request->token);
        if (charge->amount != request->amount.amount || !text_equal(charge->token, request->token))
            fault(book, "a charge changed what it asks for", charge->key);
        answer_charge(book, charge, call, answer);
        break;
    case PAYMENT_STATUS:
        if (busy)
            call->retry = true;
        else
            answer->outcome = status_of(book, charge);
        break;
    case PAYMENT_VOID:
        if (!charge) charge = charge_begin(book, request);
        if (busy || (charge->plan == PLAN_GONE && !book->well))
            call->retry = true;
        else
            answer->outcome = void_charge(charge);
        break;
    case PAYMENT_REFUND: pay_back(book, request, charge, call, answer); break;
    }
    if (answer->outcome == PAYMENT_DECLINED) answer->decline_code = LITERAL("declined");
    if (charge && answer->outcome)
        answer->reference = arena_format(call->arena, "of %.*s", TEXT_ARGUMENTS(charge->key));
}
