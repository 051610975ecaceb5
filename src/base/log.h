/* Structured logs: one JSON line per event on standard error, level per area. Thread-safe. Values are escaped. */
#pragma once
#include "base/text.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* `specification` is "info" or "info,net=debug,store=warning". */
void log_configure(const char *specification, bool human);
bool log_enabled(const char *area, enum log_level level);
/* log_line("store", LOG_INFO, "recovered", "lsn=%llu records=%u", lsn, n): the format makes name=value pairs separated by blanks;
   a value with blanks is put in double quotes by the caller. Each pair becomes a JSON member, integers as numbers. */
void log_line(const char *area, enum log_level level, const char *message, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
