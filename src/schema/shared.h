/* What many members of one record say is written once: an id of the record is named by its number, an amount in the record's
   currency goes without it, and the record's own time is one byte. The record's head holds what the numbers mean, so a
   writer adds to it while the parts of the body are encoded, and a reader has it before them.

     id      integer: number of the id; else bin        time    true: the record's; else int
     money   integer: amount in the shared currency; else [amount, currency]

   A value that nothing shares is written as ever, so every reader understands both. */
#pragma once
#include "base/id.h"
#include "base/money.h"

enum {
    SHARED_IDS_MOST = 127, /* a number is one byte; ids beyond are written where they stand */
#ifdef TINY
    SHARED_IDS_ADDED = 7,
#else
    SHARED_IDS_ADDED = SHARED_IDS_MOST,
#endif
    SHARED_SLOTS = 256,
};

struct shared {
    int64_t time;
    struct money nothing;    /* its currency is the shared one; empty until an amount was written */
    uint32_t count, implied; /* implied: the first ones, which the head says anyhow */
    struct id ids[SHARED_IDS_MOST];
    uint8_t slots[SHARED_SLOTS]; /* 1 + number of the id whose hash leads here, or behind; 0: none */
};

/* Is the amount in the shared currency? The first one that is written says which it is. */
static inline bool shared_currency(struct shared *shared, const struct money *money)
{
    enum { CODE = 4 }; /* three letters and the end */
    if (!money->currency[0] || money->currency[CODE - 1]) return false;
    if (!shared->nothing.currency[0]) memcpy(shared->nothing.currency, money->currency, CODE);
    return !memcmp(shared->nothing.currency, money->currency, CODE);
}
void shared_begin(struct shared *shared, int64_t time);
/* Its number, a new one when it has none; SHARED_IDS_MOST: there is no room. */
uint32_t shared_number(struct shared *shared, struct id id);
/* A reader's: under the next number, whichever that is. False: there are too many. */
bool shared_append(struct shared *shared, struct id id);
