#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/money.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs it in a child process and returns what that wrote to standard error; the child has to die of SIGABRT. */
static void assert_aborts(void (*run)(void), char *out, size_t size)
{
    int pipes[2], status;
    assert_int_equal(pipe(pipes), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(pipes[1], STDERR_FILENO);
        run();
        _exit(0);
    }
    close(pipes[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(pipes[0], out + length, size - 1 - length)) > 0;)
        length += (size_t)got;
    out[length] = 0;
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void break_a_truth(void)
{
    int one = 1;
    CHECK(one == 2 || !strcmp("a\"b", "c")); /* cppcheck-suppress staticStringCompare ; its text is what is tested */
}

static void break_money(void)
{
    half_up(1, 0);
}

static void break_money_range(void)
{
    half_up((__int128)INT64_MAX * 2, 1);
}

static void break_arena(void)
{
    arena_alloc(arena_create(), SIZE_MAX - 3);
}

static void test_true_does_nothing(void **state)
{
    (void)state;
    int calls = 0;
    CHECK(++calls == 1);
    assert_int_equal(calls, 1); /* evaluated once, in release builds too */
}

static void test_false_reports_and_aborts(void **state)
{
    (void)state;
    char report[4096];
    log_configure("info", false);
    assert_aborts(break_a_truth, report, sizeof report);
    assert_non_null(strstr(report, "\"level\":\"error\",\"area\":\"check\""));
    assert_non_null(strstr(report, "one == 2 || !strcmp(\\\"a\\\\\\\"b\\\", \\\"c\\\")"));
    assert_non_null(strstr(report, "test_check.c\",\"line\":"));
}

static void test_base_uses_it(void **state)
{
    (void)state;
    char report[4096];
    log_configure("info", false);
    assert_aborts(break_money, report, sizeof report);
    assert_non_null(strstr(report, "money.c"));
    assert_aborts(break_money_range, report, sizeof report);
    assert_non_null(strstr(report, "money.c"));
    assert_aborts(break_arena, report, sizeof report);
    assert_non_null(strstr(report, "arena.c"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_true_does_nothing),
        cmocka_unit_test(test_false_reports_and_aborts),
        cmocka_unit_test(test_base_uses_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
