/* A payment provider that is not always there, not always quick and not always right, and its book of what it truly took
   and paid back. Money moves once per key, whatever is asked how often; what it hears is checked against what it knows. */
#pragma once
#include "actors/runtime/ports.h"
#include "actors/sales/payment.h"

/* How a charge goes, named by its token: "plan_<number>_<n>". */
enum plan {
    PLAN_PAID, /* at once */
    PLAN_DECLINED,
    PLAN_TWICE,   /* paid, and told twice */
    PLAN_AWAY,    /* out of reach for the first n calls, then paid */
    PLAN_GONE,    /* out of reach until everything is well again */
    PLAN_SLOW,    /* paid after n seconds; void comes too late from the start */
    PLAN_SILENT,  /* paid or declined, and told a day later; status knows */
    PLAN_DENIED,  /* paid, which the charge tells late, and status denies */
    PLAN_DOUBTED, /* paid, says status; the charge says declined, later */
    PLAN_COUNT
};
struct charge {
    struct charge *next;
    struct id order;
    struct text key, token;
    enum plan plan;
    uint32_t number; /* n of the token */
    int64_t amount;
    bool taken, refused, voided;
    int64_t taken_at; /* from when on status knows */
    uint32_t calls;
    int64_t paid_back;
};
struct payback {
    struct payback *next;
    struct id refund;
    struct charge *charge;
    int64_t amount;
    bool paid;
    uint32_t calls;
};
struct book {
    struct arena *arena;
    const int64_t *now;
    struct charge *charges;
    struct payback *paybacks;
    bool well;       /* always there, quick and right */
    char fault[256]; /* the first wrong thing that was asked of it */
};
void book_call(void *context, struct effect_call *call);
struct charge *book_charge_of(struct book *book, struct id order); /* NULL: it heard of none */
