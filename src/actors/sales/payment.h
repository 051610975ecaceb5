/* Payments: the effect class through which orders speak with a payment provider.

   Every call carries the key of the payment attempt it is about, so a repeated call has the same answer and a status or
   void can be asked of an attempt whose answer never came. Keys, all made from ids:

     charge   <order id>:1             status   <order id>:1:status:<n>
     void     <order id>:1:void        refund   <refund id>

   A provider that cannot be reached sets call->retry; the order cancels the effect when its time is over. */
#pragma once
#include "actors/runtime/tx.h"

enum payment_operation { PAYMENT_CHARGE = 1, PAYMENT_STATUS, PAYMENT_VOID, PAYMENT_REFUND };
extern const struct enumeration payment_operations;

struct payment_request {
    enum payment_operation operation;
    struct text attempt_key; /* of the charge that this is about */
    struct id order_id;
    struct id refund_id; /* of a refund; the answer repeats it */
    struct text number;  /* of the order, for the customer's statement */
    struct money amount;
    struct text method;
    struct text token;     /* of a charge; sealed with the whole request */
    struct text reference; /* the provider's, once known */
};

enum payment_outcome {
    PAYMENT_SUCCEEDED = 1, /* charge, status: captured; void: too late, it is captured; refund: paid back */
    PAYMENT_DECLINED,      /* charge, status: final no; refund: refused */
    PAYMENT_VOIDED,        /* void: nothing was or will be captured */
    PAYMENT_UNKNOWN        /* status: the provider does not know yet */
};
extern const struct enumeration payment_outcomes;

/* All zero when nobody answered in time. */
struct payment_answer {
    enum payment_outcome outcome;
    struct text provider;  /* its name: "sandbox" */
    struct text reference; /* the provider's id of what it did: equal answers have equal references */
    struct text decline_code;
    struct id refund_id;
};

extern const struct fields payment_request_fields, payment_answer_fields;
extern const struct effect_class payment_effect;

struct order;
struct order_refund;
void payment_charge(struct tx *tx, const struct order *order, struct text token);
void payment_charge_stop(struct tx *tx, const struct order *order); /* no more repeats */
void payment_ask_status(struct tx *tx, const struct order *order);
void payment_void(struct tx *tx, const struct order *order);
void payment_refund(struct tx *tx, const struct order *order, const struct order_refund *refund);
void payment_refund_stop(struct tx *tx, const struct order_refund *refund);
