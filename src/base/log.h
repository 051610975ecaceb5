/* Structured logs: one JSON line per event on standard error, level per area. Thread-safe. Values are escaped. */
#pragma once
#include "base/buffer.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* `specification` is "info" or "info,net=debug,store=warning". */
void log_configure(const char *specification, bool human);
bool log_enabled(const char *area, enum log_level level);
/* log_line("store", LOG_INFO, "recovered", "lsn=%llu records=%u", lsn, n): the format makes name=value pairs separated by blanks;
   a value with blanks is put in double quotes by the caller. Each pair becomes a JSON member, integers as numbers. */
void log_line(const char *area, enum log_level level, const char *message, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* For lines by the thousand, such as one a request: a line is appended to the caller's buffer without a format to be read,
   and log_write writes what was gathered, whole lines at a time, and empties the buffer. */
struct log_pair {
    struct text name; /* plain letters */
    struct text text; /* absent: `number` counts */
    int64_t number;
    bool plain; /* the caller knows that nothing of the text is to be escaped */
};
void log_append(struct buffer *lines, const char *area, enum log_level level, const char *message,
                const struct log_pair *pairs, uint32_t count);
void log_write(struct buffer *lines);
