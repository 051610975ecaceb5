/* Truths of the runtime. They stay on in release builds: a broken one stops the process, which recovers from its log. */
#pragma once
#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))
_Noreturn void check_failed(const char *condition, const char *file, int line);
