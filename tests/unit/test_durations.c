#include "base/durations.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void test_histogram(void **state)
{
    (void)state;
    enum { US = 1000, MS = 1000 * US };
    struct durations durations = {0};
    struct buffer out = {0};
    durations_add(&durations, 1);
    durations_add(&durations, 100 * US); /* a bound belongs to its bucket */
    durations_add(&durations, 100 * US + 1);
    durations_add(&durations, 10 * MS);
    durations_add(&durations, 2000 * UINT64_C(1000000));
    durations_metrics(&durations, "turns", "of the core", &out);
    buffer_byte(&out, 0);
    static const char *const lines[] = {"# HELP turns of the core\n# TYPE turns histogram\n",
                                        "turns_bucket{le=\"0.000100\"} 2\n",
                                        "turns_bucket{le=\"0.000250\"} 3\n",
                                        "turns_bucket{le=\"0.005000\"} 3\n",
                                        "turns_bucket{le=\"0.010000\"} 4\n",
                                        "turns_bucket{le=\"0.100000\"} 4\n",
                                        "turns_bucket{le=\"+Inf\"} 5\n",
                                        "turns_sum 2.010200002\nturns_count 5\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(out.data, lines[i])) fail_msg("no %s in %s", lines[i], out.data);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_histogram)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
