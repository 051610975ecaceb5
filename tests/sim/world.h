/* A simulated world: a whole server without sockets, disk, threads or clock, the people who use it, a payment provider,
   and all that an observer of their conversations knows.

     history   what happens                            setup        the world before the first step
     world     the shell: turns, time, faults, crashes operations   a step: requests, and what their answers teach
     book      the payment provider                    audit*       compares the world with what is known

   One run is one thread, and a pure function of its history. */
#pragma once
#include "sim/book.h"
#include "sim/chance.h"
#include "sim/history.h"
#include "sim/json.h"
#include "sim/tracked.h"
#include "support/loopback.h"

enum {
    PEOPLE_MOST = 8,
    COMMUNITIES_MOST = 3,
    SUPPLIERS_MOST = 3,
    LOCATIONS_MOST = 3,
    PRODUCTS_MOST = 4,
    VARIANTS_MOST = 12,
    STOCKS_MOST = VARIANTS_MOST * LOCATIONS_MOST,
    PROMOTIONS_MOST = 5,
    LINES_MOST = 40,
    ADDRESSES_MOST = 3,
    BY_STAFF = -1, /* in place of a person: the operator */
    NOBODY = -1,
};

struct person {
    struct id id;
    const char *text; /* of the id; the same below */
    struct tracked follows[PEOPLE_MOST];
};
struct community {
    struct id id;
    const char *text;
    int owner;
    bool guarded; /* private */
    struct tracked members[PEOPLE_MOST];
    int64_t version;           /* as it was last seen */
    struct price *description; /* the number of the request that wrote it; 0: none did */
};
struct supplier {
    struct id id;
    const char *text;
    int owner;
    struct tracked status;
    uint32_t changed_step; /* when it was last seen to change */
    uint32_t location_count;
    struct id locations[LOCATIONS_MOST];
};
struct product {
    struct id id;
    const char *text;
    int supplier;
    struct tracked status;
    uint32_t changed_step;
    int64_t shipping, extra;
};
/* What something costs, or may have cost, or how it is limited: until it is known that it did not or no longer is. */
struct price {
    struct price *next; /* the older ones */
    int64_t amount;
    uint32_t until_step; /* 0: perhaps still */
    bool offered;        /* was asked for; nobody said that it came to be */
};
struct variant {
    struct id id;
    const char *text;
    int product;
    struct price *prices;
};
/* Of an adjustment that may or may not have been made. */
struct delta {
    struct delta *next;
    int64_t amount;
    uint32_t slot;
};
struct stock {
    int variant, location; /* a supplier's location, by number */
    int64_t received, adjusted;
    struct price *backorder;
    struct delta *open;
    bool kept; /* it was begun by an adjustment */
};
enum offer { OFFER_BP = 1, OFFER_LESS, OFFER_FIXED };
struct promotion {
    struct id id;
    const char *text;
    int product, community; /* NOBODY: global */
    enum offer offer;
    int64_t value, ends_at;
    struct tracked status;
    uint32_t changed_step;
    int64_t snapshot[VARIANTS_MOST];    /* by variant: its price at submit; -1: it was not there */
    int64_t clicks, clicks_open, shown; /* shown: cards in answered pages */
};
struct post {
    uint32_t slot;
    int author, community;
    bool exists;
    struct id id;
    const char *text;
    struct tracked status;
};
struct line {
    int variant, promotion, community;
    int64_t quantity;
};
struct order {
    uint32_t slot;
    int person;
    uint32_t line_count, first_step;
    struct line lines[LINES_MOST];
    bool exists;            /* it was seen */
    struct id id, promised; /* promised: named by a 402 */
    const char *text;
    const char *number;
    struct id items[LINES_MOST];
    struct tracked status[LINES_MOST];
    uint8_t fixed[32];        /* hash of what never changes once placed */
    bool checked;             /* prices were compared */
    char state[16], paid[24]; /* status and payment_status, as last compared */
    int64_t total, captured, refunded;
    uint32_t refund_count;
    struct id refunds[16];
};
struct account { /* an e-mail address that several may want */
    uint32_t open, made;
    const char *text;     /* of the id that has it, once it is known */
    bool closed, touched; /* touched: closing or erasing it was asked for, and may have been done */
};

/* One request, as often as it is sent. */
struct slot {
    enum operation_kind kind;
    struct asking asking; /* texts live as long as the world */
    int person, object, part;
    int64_t amount;
    uint32_t first_step, attempts, open; /* open: attempts of which nothing is known */
    bool applied;                        /* its effect is known to have been */
    uint16_t status;                     /* of the first success */
    struct text body;
    int64_t sent_at; /* first */
};
struct flight { /* one attempt under way */
    struct flight *next;
    struct said *said;
    uint32_t slot, step;
    bool abandoned; /* nobody hears the answer */
};

struct world {
    struct terms terms;
    struct arena *arena;
    struct chance chance;
    struct registry registry;
    struct provider providers[3];
    const char *settings[16];
    char setting_texts[8][24];
    struct loopback loopback;
    struct book book;
    struct flight *flights, **last_flight;
    uint32_t step;
    bool damaged; /* a read failed: what needs it may have been given up */
    bool read_fault_armed;
    uint64_t fault_calls;                /* the store's calls when the fault strikes */
    uint32_t crashes, audits, kept_from; /* slots below kept_from were begun before the last crash */

    uint32_t person_count, community_count, supplier_count, product_count, variant_count, stock_count, promotion_count;
    struct person people[PEOPLE_MOST];
    struct community communities[COMMUNITIES_MOST];
    struct supplier suppliers[SUPPLIERS_MOST];
    struct product products[PRODUCTS_MOST];
    struct variant variants[VARIANTS_MOST];
    struct stock stocks[STOCKS_MOST];
    struct promotion promotions[PROMOTIONS_MOST];
    struct account accounts[ADDRESSES_MOST];
    LIST_OF(const char *) erased; /* ids of the people whose erasure was acknowledged */
    LIST_OF(struct post) posts;
    LIST_OF(struct order) orders;
    LIST_OF(struct slot) slots;

    int64_t impressions_open; /* of pages that nobody is known to have got */
    bool lost_impressions;    /* a crash may have taken some */
    bool ending;              /* time has passed since the last page was read */
    char verdict[400];        /* the first thing that was wrong: "<invariant>: <sentence>" */
};

/* -- world.c -- */
void world_open(struct world *world, const struct terms *terms);
void world_close(struct world *world);
void violated(struct world *world, const char *invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static inline bool world_is_well(const struct world *world)
{
    return !world->verdict[0];
}
void world_turn(struct world *world);
bool world_work(struct world *world, uint32_t pick);
bool world_sync(struct world *world);
void world_settle(struct world *world);
void world_pass(struct world *world, int64_t ms); /* what is due is done when it is due, nearly */
void world_crash(struct world *world, uint32_t survivors);
void world_restart(struct world *world); /* gracefully; then the log is verified */
void world_verify(struct world *world);
void world_calm(struct world *world);                       /* no more faults */
void world_digest(struct world *world, uint8_t digest[32]); /* of the log and all rows; the world is stopped */
/* Asks and waits; the answer's `data`. The answer must have this status. */
struct answer {
    struct said *said;
    yyjson_doc *document;
    yyjson_val *root, *data;
};
struct answer world_ask(struct world *world, struct asking asking, uint16_t status);
void answer_free(struct answer *answer);
struct answer answer_of(struct said *said);

/* -- setup.c -- */
void world_populate(struct world *world);

/* -- operations.c -- */
void operate(struct world *world, const struct operation *operation);
void send_slot(struct world *world, uint32_t slot, bool abandoned);
void slot_track(struct world *world, const struct slot *slot,
                int change); /* its command: one more, or one less, without answer */

/* -- learn.c: what answers teach -- */
void learn(struct world *world, struct flight *flight); /* it was answered */
void learn_feed(struct world *world, const struct answer *answer);
void price_learn(struct world *world, struct price **prices, int64_t amount);
void price_offer(struct world *world, struct price **prices, int64_t amount); /* it may come to be */
bool price_known(const struct price *prices, int64_t amount,
                 uint32_t since_step); /* was it, or may it have been, since then? */

/* -- audit.c -- */
void audit(struct world *world);     /* all settles first */
void audit_end(struct world *world); /* time passes without faults: nothing is left undone */
/* Each entry of a list, all pages of it. */
void each_entry(struct world *world, struct asking asking,
                void (*visit)(struct world *world, yyjson_val *entry, void *context), void *context);
int64_t metric(struct world *world, const char *name);
/* -- audit_shop.c, audit_people.c -- */
struct totals;
void audit_shop(struct world *world, const struct totals *totals);
void audit_people(struct world *world, const struct totals *totals);
/* -- audit_order.c -- */
struct totals { /* what all orders come to */
    int64_t reserved[STOCKS_MOST], allocated[STOCKS_MOST], shipped[STOCKS_MOST];
    int64_t orders[PEOPLE_MOST], spent[PEOPLE_MOST];
    int64_t revenue[SUPPLIERS_MOST], fulfilled[SUPPLIERS_MOST];
    struct {
        int64_t conversions, units, revenue, refunded;
    } promotions[PROMOTIONS_MOST];
    int64_t gross, discounts, refunds, tax, shipping, units;
    int64_t created, paid, confirmed, sent, delivered, cancelled;
};
/* Learns what an order is now; `whole`: as its customer or the staff sees it. */
void order_see(struct world *world, struct order *order, yyjson_val *json, bool whole);
void audit_order(struct world *world, struct order *order, yyjson_val *json, struct totals *totals);
struct order *order_of_marker(struct world *world, const char *marker);
int stock_number(const struct world *world, struct id variant, struct id location);
