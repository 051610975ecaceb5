/* The clock of a server. */
#include "main/clock.h"
#include <time.h>

/* One millisecond in two seconds: 500 ppm, as ntpd slews. */
enum { SLEW_INTERVAL_MS = 2000 };

static int64_t read_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void clock_start(struct clock *clock)
{
    *clock = (struct clock){.start_wall_ms = read_ms(CLOCK_REALTIME), .start_monotonic_ms = read_ms(CLOCK_MONOTONIC)};
    clock->last_slewed_ms = clock->start_monotonic_ms;
    clock->last_ms = clock->start_wall_ms;
}

int64_t clock_advance(struct clock *clock, int64_t wall_ms, int64_t monotonic_ms)
{
    int64_t now = clock->start_wall_ms + (monotonic_ms - clock->start_monotonic_ms) + clock->correction_ms;
    int64_t steps = (monotonic_ms - clock->last_slewed_ms) / SLEW_INTERVAL_MS;
    if (steps > 0) {
        int64_t behind = wall_ms - now;
        int64_t change = behind > steps ? steps : behind < -steps ? -steps : behind;
        clock->correction_ms += change;
        clock->last_slewed_ms += steps * SLEW_INTERVAL_MS;
        now += change;
    }
    if (now < clock->last_ms) now = clock->last_ms;
    clock->last_ms = now;
    return now;
}

int64_t clock_now_ms(struct clock *clock)
{
    return clock_advance(clock, read_ms(CLOCK_REALTIME), read_ms(CLOCK_MONOTONIC));
}
