/* Preloaded by test_cli.py: the wall clock is off by SOUK_TEST_CLOCK_DAYS; the monotonic one is right. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

int clock_gettime(clockid_t id, struct timespec *now)
{
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(id, now);
    const char *days = getenv("SOUK_TEST_CLOCK_DAYS");
    if (id == CLOCK_REALTIME && days) now->tv_sec += strtol(days, NULL, 10) * 86400;
    return status;
}
