/* Money and checked arithmetic. A sum that does not fit is refused, never wrapped, and unused bytes of a currency are
   zero, so that two equal amounts are equal byte for byte. */
#include "base/money.h"
#include "base/check.h"
#include <string.h>

bool integer_add(int64_t a, int64_t b, int64_t *result)
{
    int64_t sum;
    if (__builtin_add_overflow(a, b, &sum)) return false;
    *result = sum;
    return true;
}

bool integer_multiply(int64_t a, int64_t b, int64_t *result)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product)) return false;
    *result = product;
    return true;
}

/* floor((2a + b) / 2b) is a / b, plus one when the remainder is at least half of b; written so, 2a cannot overflow. */
int64_t half_up(__int128 a, __int128 b)
{
    CHECK(a >= 0 && b > 0);
    __int128 quotient = a / b, remainder = a % b;
    if (remainder >= b - remainder) quotient++;
    CHECK(quotient <= INT64_MAX);
    return (int64_t)quotient;
}

bool money_is_absent(struct money a)
{
    return !a.currency[0];
}

struct money money_of(int64_t amount, const char *currency)
{
    struct money money = {.amount = amount};
    size_t length = strlen(currency);
    CHECK(length < sizeof money.currency);
    memcpy(money.currency, currency, length);
    return money;
}

bool money_same_currency(struct money a, struct money b)
{
    return strncmp(a.currency, b.currency, sizeof a.currency) == 0;
}
