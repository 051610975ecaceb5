/* Money is an integer of minor units and an ISO 4217 currency. No floating point comes near it. */
#pragma once
#include "base/text.h"

struct money {
    int64_t amount;
    char currency[8]; /* "USD", zero-terminated; empty means absent */
};

enum { BASIS_POINTS_ONE = 10000 };
#define MONEY_MAX INT64_C(10000000000) /* the most a client may set */

/* Checked arithmetic: false on overflow, result untouched. */
bool integer_add(int64_t a, int64_t b, int64_t *result);
bool integer_multiply(int64_t a, int64_t b, int64_t *result);
/* floor((2a + b) / 2b) for a >= 0, b > 0, computed in 128 bits. */
int64_t half_up(__int128 a, __int128 b);
bool money_is_absent(struct money a);
struct money money_of(int64_t amount, const char *currency);
bool money_same_currency(struct money a, struct money b);
