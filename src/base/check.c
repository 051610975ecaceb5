/* The end of the process when a truth of the runtime is broken. It needs no memory and no lock, so it works from
   anywhere, from a failed allocation too. */
#include "base/check.h"
#include "base/log.h"
#include <stdlib.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    log_line("check", LOG_ERROR, "a truth of the runtime is broken", "condition=\"%s\" file=\"%s\" line=%d", condition,
             file, line);
    abort();
}
