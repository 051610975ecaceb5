/* What is known of the state of one thing: the last state that was seen, and the commands that were sent and of which
   nothing is known. Whatever is seen next must be reachable from the one by the others. The edges are those of SOCIAL.md's
   tables, written down once more. */
#pragma once
#include "sim/history.h"

enum life {
    LIFE_PUBLIC_MEMBERSHIP,
    LIFE_PRIVATE_MEMBERSHIP,
    LIFE_SUPPLIER,
    LIFE_PRODUCT,
    LIFE_PROMOTION,
    LIFE_POST,
    LIFE_ITEM,
    LIFE_FOLLOW
};
struct tracked {
    enum life life;
    uint32_t known;
    uint8_t open[OPERATION_COUNT]; /* commands without an answer so far */
};

struct tracked tracked_begin(enum life life, const char *state);
const char *tracked_state(const struct tracked *tracked);
bool tracked_is(const struct tracked *tracked, const char *state);
bool tracked_may_be(const struct tracked *tracked, const char *state);
/* It was seen in this state; false: it cannot be. */
bool tracked_see(struct tracked *tracked, const char *state);
void tracked_settled(struct tracked *tracked); /* all that was sent has happened or never will */
