/* A machine that runs out of memory. Preloaded into a program, it counts what is asked for and lets one request fail.

     SCARCE_AFTER   so many requests succeed, counted from the moment that the file SCARCE_FROM exists
     SCARCE_FROM    the server's port file: then it serves

   A program may say so and end, or do without; what it may not do is go on as if it had got something. */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOOKS_EVERY = 64 }; /* requests between two looks at the file */

static atomic_long left = -1, asked;
static atomic_bool begun;
static const char *from;

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

__attribute__((constructor)) static void start(void)
{
    const char *after = getenv("SCARCE_AFTER");
    from = getenv("SCARCE_FROM");
    if (after && from) atomic_store(&left, strtol(after, NULL, 10));
}

static bool is_refused(void)
{
    if (!from || atomic_load(&left) < 0) return false;
    if (!atomic_load(&begun)) {
        if (atomic_fetch_add(&asked, 1) % LOOKS_EVERY || access(from, F_OK) != 0) return false;
        atomic_store(&begun, true);
    }
    if (atomic_fetch_sub(&left, 1) != 0) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size)
{
    return is_refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_refused() ? NULL : __libc_realloc(old, size);
}
