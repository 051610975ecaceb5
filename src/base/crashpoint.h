/* Where a test may kill the process: `CRASHPOINT("log-written")` stands between two steps of which a crash must never make
   one and a half. It is nothing at all unless built with -DCRASHPOINTS (build/release/crashpoints/souk, tests/crash). Then
   SOUK_CRASHPOINT=log-written:3 kills the process when it comes there for the third time. */
#pragma once

#ifdef CRASHPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void crashpoint(const char *name, unsigned hit)
{
    const char *wanted = getenv("SOUK_CRASHPOINT");
    size_t length = strlen(name);
    if (!wanted || strncmp(wanted, name, length) != 0 || wanted[length] != ':') return;
    if (strtoul(wanted + length + 1, NULL, 10) != hit) return;
    kill(getpid(), SIGKILL);
    for (;;)
        pause(); /* the signal is on its way */
}
#define CRASHPOINT(name)                                   \
    do {                                                   \
        static atomic_uint hits;                           \
        crashpoint(name, atomic_fetch_add(&hits, 1) + 1u); \
    } while (0)
#else
#define CRASHPOINT(name) ((void)0)
#endif
