/* Time as the core is given it: the wall clock at start plus the monotonic clock, so that it never goes back and no step
   of the wall clock fires all timers at once. The difference to the wall clock is made up slowly. */
#pragma once
#include <stdint.h>

struct clock {
    int64_t start_wall_ms, start_monotonic_ms;
    int64_t correction_ms; /* added so far */
    int64_t last_slewed_ms, last_ms;
};

void clock_start(struct clock *clock);
int64_t clock_now_ms(struct clock *clock); /* of one thread */
uint64_t clock_monotonic_ns(void);
/* The same, of given clocks: clock_now_ms asks the real ones. */
int64_t clock_advance(struct clock *clock, int64_t wall_ms, int64_t monotonic_ms);
