/* What happens in one run: the terms of its world, and a flat list of operations. A seed gives a history; a file holds one.
   An operation carries numbers that are taken modulo whatever there is (the third of the people, the 17th request so far),
   so a history that lost some of its operations is a history still. That is what makes it small when it fails. */
#pragma once
#include "base/buffer.h"
#include <stdio.h>

/* name, default, what it is */
#define TERM_LIST(ROW)                                                                 \
    ROW(chance, 1, "what ids and tokens are drawn from")                               \
    ROW(people, 5, "customers; the team of a supplier and the leaders are among them") \
    ROW(communities, 2, "one of them is private when there are two")                   \
    ROW(suppliers, 2, "each with one owner")                                           \
    ROW(locations, 2, "of each supplier")                                              \
    ROW(products, 3, "shared out among the suppliers")                                 \
    ROW(variants, 2, "of each product")                                                \
    ROW(promotions, 3, "shared out among products and feeds")                          \
    ROW(stock, 20, "of each variant at each location")                                 \
    ROW(price, 1000, "about what things cost, in cents")                               \
    ROW(tax_bp, 0, "tax rate")                                                         \
    ROW(tax_included, 0, "1: prices include it")                                       \
    ROW(keys, 6, "idempotency keys that a person uses")                                \
    ROW(eager, 30, "percent of requests that are waited for at once")                  \
    ROW(instant, 0, "1: the payment provider is called without a worker")              \
    ROW(memory, 1048576, "actors.memory")                                              \
    ROW(checkpoint_ms, 5000, "checkpoint.interval")                                    \
    ROW(hold_ms, 900000, "orders.hold")                                                \
    ROW(open_max, 100, "orders.open_max")

struct terms {
#define TERM_MEMBER(name, initial, doc) int64_t name;
    TERM_LIST(TERM_MEMBER)
#undef TERM_MEMBER
};

/* name, weight when drawn, group, what it does (its numbers a b c d) */
#define OPERATION_LIST(ROW)                                                                         \
    ROW(place, 30, ALWAYS, "person a buys with key b what chance c says, paying as d says")         \
    ROW(quote, 2, CLIENT, "person a asks what that would cost")                                     \
    ROW(again, 8, CLIENT, "request a so far is sent again, with the same key if it had one")        \
    ROW(cancel, 5, CLIENT, "an order that waits is cancelled, by staff when b is odd")              \
    ROW(cancel_item, 5, CLIENT, "an item is cancelled, by c")                                       \
    ROW(process, 12, CLIENT, "a confirmed item, by c")                                              \
    ROW(ship, 12, CLIENT, "item b of order a, by c")                                                \
    ROW(deliver, 10, CLIENT, "a shipped item, by c")                                                \
    ROW(retry_refund, 2, CLIENT, "refund b of order a")                                             \
    ROW(join, 8, CLIENT, "person a, community b")                                                   \
    ROW(leave, 6, CLIENT, "person a, community b")                                                  \
    ROW(admit, 4, CLIENT, "person a is let into community b")                                       \
    ROW(remove, 2, CLIENT, "person a, community b")                                                 \
    ROW(ban, 1, CLIENT, "person a, community b")                                                    \
    ROW(unban, 2, CLIENT, "person a, community b")                                                  \
    ROW(post, 6, CLIENT, "person a in community b")                                                 \
    ROW(hide, 2, CLIENT, "post a")                                                                  \
    ROW(unhide, 2, CLIENT, "post a")                                                                \
    ROW(unpost, 2, CLIENT, "post a is deleted")                                                     \
    ROW(describe, 3, CLIENT, "the owner of community a describes it, having seen its last version") \
    ROW(follow, 3, CLIENT, "person a, person b")                                                    \
    ROW(unfollow, 2, CLIENT, "person a, person b")                                                  \
    ROW(adjust, 8, CLIENT, "stock a by b")                                                          \
    ROW(backorder, 1, CLIENT, "stock a may be sold ahead by b")                                     \
    ROW(price, 3, CLIENT, "variant a now costs b")                                                  \
    ROW(archive, 1, CLIENT, "product a")                                                            \
    ROW(withdraw, 1, CLIENT, "product a, by staff: its promotions are cancelled")                   \
    ROW(publish, 4, CLIENT, "product a, by staff when b is odd")                                    \
    ROW(pause, 2, CLIENT, "promotion a")                                                            \
    ROW(resume, 3, CLIENT, "promotion a")                                                           \
    ROW(suspend, 1, CLIENT, "supplier a")                                                           \
    ROW(reinstate, 5, CLIENT, "supplier a")                                                         \
    ROW(click, 2, CLIENT, "promotion a, by person b")                                               \
    ROW(feed, 3, CLIENT, "feed a, by person b")                                                     \
    ROW(register, 4, CLIENT, "somebody with the e-mail address a")                                  \
    ROW(close, 2, CLIENT, "the account with the e-mail address a, by staff")                        \
    ROW(erase, 6, CLIENT, "that account, closed first")                                             \
    ROW(turn, 30, ALWAYS, "the core turns, 1 + a mod 4 times")                                      \
    ROW(work, 20, ALWAYS, "1 + a mod 4 jobs of the workers are done, picked by b")                  \
    ROW(sync, 20, ALWAYS, "1 + a mod 4 batches or checkpoints become durable")                      \
    ROW(settle, 3, ALWAYS, "all that can move without time does")                                   \
    ROW(wait, 10, ALWAYS, "time passes: a ms, b s, c min; what is due is done when it is due")      \
    ROW(jump, 2, FAULT, "the clock jumps ahead by that much at once")                               \
    ROW(back, 1, FAULT, "the clock goes back by that much")                                         \
    ROW(crash, 5, FAULT, "c mod 4 turns and a kill; a mod 4 of the batches on their way survive")   \
    ROW(restart, 1, FAULT, "a graceful stop and a start")                                           \
    ROW(miss, 2, FAULT, "every a mod 5-th read from memory misses; 0: none")                        \
    ROW(fault, 1, FAULT, "the 1 + a mod 60-th store call from now fails")                           \
    ROW(pool, 2, FAULT, "the next 1 + a mod 6 jobs find a full pool")                               \
    ROW(disk, 1, FAULT, "the disk is full when a mod 4 is 0")                                       \
    ROW(audit, 3, ALWAYS, "all settles and is compared with what is known")

enum operation_kind {
#define OPERATION_MEMBER(name, weight, group, doc) OPERATION_##name,
    OPERATION_LIST(OPERATION_MEMBER)
#undef OPERATION_MEMBER
        OPERATION_COUNT
};
struct operation {
    enum operation_kind kind;
    uint32_t a, b, c, d;
};
struct history {
    struct terms terms;
    struct operation *at;
    uint32_t count;
};
extern const char *const operation_names[OPERATION_COUNT];

/* All of it from the seed: which operations there are, how often, how small the limits. */
struct history history_draw(struct arena *arena, uint64_t seed, uint32_t steps);
/* A text: lines `term value`, then lines `operation a b c d`; # begins a comment. */
void history_write(FILE *file, const struct history *history);
/* NULL, or what is wrong with it. */
const char *history_read(FILE *file, struct arena *arena, struct history *history);
