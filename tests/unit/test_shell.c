/* The small parts around the server: arguments, clock, files, keys, sandbox. */
#include "actors/identity/mail.h"
#include "actors/sales/payment.h"
#include "main/arguments.h"
#include "main/clock.h"
#include "main/copy.h"
#include "main/files.h"
#include "main/keys.h"
#include "main/sandbox.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Arguments ----------------------------------------------------------------------------------------------------- */

static const struct flag flags[] = {
    {"data", "DIR", .doc = "d"},
    {"set", "NAME=VALUE", .repeated = true, .doc = "s"},
    {"demo", NULL, .doc = "m"},
    {0},
};
static const struct verb verb = {"test", "FROM [TO]", 1, 2, flags, NULL, "tests", NULL};

static bool read_words(struct arguments *arguments, int count, ...)
{
    char *words[8];
    va_list list;
    va_start(list, count);
    for (int i = 0; i < count; i++)
        words[i] = va_arg(list, char *);
    va_end(list);
    /* What it says to people is not for the output of a test. */
    int kept = dup(STDERR_FILENO), silent = open("/dev/null", O_WRONLY);
    dup2(silent, STDERR_FILENO);
    bool good = arguments_read(&verb, count, words, arguments);
    dup2(kept, STDERR_FILENO);
    close(kept);
    close(silent);
    return good;
}

static void test_arguments(void **state)
{
    (void)state;
    struct arguments arguments;
    assert_true(read_words(&arguments, 6, "--data", "x", "from", "--set=a=b", "--demo", "to"));
    assert_string_equal(argument(&arguments, "data"), "x");
    assert_string_equal(argument(&arguments, "set"), "a=b");
    assert_string_equal(argument(&arguments, "demo"), "");
    assert_string_equal(arguments.others[0], "from");
    assert_string_equal(arguments.others[1], "to");
    assert_true(read_words(&arguments, 5, "a", "--set", "x=1", "--set", "y=2"));
    assert_int_equal(arguments.given_count, 2);
    assert_null(argument(&arguments, "data"));
    assert_false(read_words(&arguments, 0));
    assert_false(read_words(&arguments, 3, "a", "b", "c"));
    assert_false(read_words(&arguments, 2, "a", "--data"));
    assert_false(read_words(&arguments, 2, "a", "--dat=x"));
    assert_false(read_words(&arguments, 2, "a", "--demo=yes"));
    assert_false(read_words(&arguments, 5, "a", "--data", "x", "--data", "y"));
    assert_false(read_words(&arguments, 2, "a", "-d"));
}

/* ---- Clock --------------------------------------------------------------------------------------------------------- */

static void test_clock_never_goes_back_and_follows_slowly(void **state)
{
    (void)state;
    struct clock clock = {
        .start_wall_ms = 1000000, .start_monotonic_ms = 500, .last_slewed_ms = 500, .last_ms = 1000000};
    assert_int_equal(clock_advance(&clock, 1000000, 500), 1000000);
    assert_int_equal(clock_advance(&clock, 1000100, 600), 1000100);
    /* The wall clock jumps by an hour: nothing happens at once, half a millisecond a second later. */
    assert_int_equal(clock_advance(&clock, 1000200 + 3600000, 700), 1000200);
    assert_int_equal(clock_advance(&clock, 1004000 + 3600000, 4500), 1004000 + 2);
    /* Back by an hour: never back, and slowly after it. */
    int64_t before = clock_advance(&clock, 1004000 - 3600000, 4501), now = before;
    for (int64_t monotonic = 4501; monotonic < 60000; monotonic += 7) {
        int64_t next = clock_advance(&clock, 1000000 - 3600000 + monotonic - 500, monotonic);
        assert_true(next >= now);
        now = next;
    }
    assert_in_range(now, before + 55450, before + 55495);
}

/* ---- Files and keys ------------------------------------------------------------------------------------------------ */

static char *make_directory(char path[64])
{
    snprintf(path, 64, "/tmp/souk-unit-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

static void remove_all(const char *path)
{
    char command[256];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static void test_files(void **state)
{
    (void)state;
    char directory[64], problem[512];
    struct arena *arena = arena_create();
    make_directory(directory);
    struct text content;
    struct stat status;
    const char *path = file_path(arena, directory, "a").data;
    assert_true(file_directory_is_empty(directory));
    assert_true(file_directory_is_empty("/nonexistent/directory"));
    assert_true(file_replace(path, LITERAL("one"), 0600, problem));
    assert_true(file_replace(path, LITERAL("two"), 0600, problem));
    assert_false(file_directory_is_empty(directory));
    assert_true(file_content(arena, path, 3, &content));
    assert_true(text_is(content, "two"));
    assert_false(file_content(arena, path, 2, &content));
    assert_int_equal(errno, EFBIG);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(file_replace("/nonexistent/file", LITERAL("x"), 0600, problem));
    assert_string_equal(file_beside(arena, "some/data///", ".key").data, "some/data.key");

    const char *inner = file_path(arena, directory, "inner").data, *copy = file_path(arena, directory, "copy").data;
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_true(file_replace(file_path(arena, inner, "b").data, LITERAL("three"), 0600, problem));
    assert_true(file_replace(file_path(arena, inner, "lock").data, LITERAL(""), 0600, problem));
    assert_true(copy_directory(inner, copy, problem, sizeof problem));
    assert_true(file_content(arena, file_path(arena, copy, "b").data, 10, &content));
    assert_true(text_is(content, "three"));
    assert_false(file_content(arena, file_path(arena, copy, "lock").data, 10, &content));
    assert_false(copy_directory(inner, copy, problem, sizeof problem)); /* it never writes over a file */
    remove_all(directory);
    arena_destroy(arena);
}

static void test_token_keys(void **state)
{
    (void)state;
    char directory[64], problem[256];
    struct arena *arena = arena_create();
    struct token_keys first, again, rotated;
    make_directory(directory);
    assert_true(token_keys_open(&first, directory, problem));
    assert_true(token_keys_open(&again, directory, problem));
    assert_int_equal(first.count, 1);
    assert_int_equal(again.count, 1);
    assert_memory_equal(&first.keys[0], &again.keys[0], sizeof first.keys[0]);
    for (uint32_t i = 2; i <= TOKEN_KEYS_MOST + 2; i++) {
        assert_true(token_keys_rotate(&rotated, directory, problem));
        assert_int_equal(rotated.count, i < TOKEN_KEYS_MOST ? i : TOKEN_KEYS_MOST);
        assert_memory_not_equal(&rotated.keys[0], &rotated.keys[1], sizeof rotated.keys[0]);
    }
    const char *path = file_path(arena, directory, "token.keys").data;
    assert_int_equal(chmod(path, 0644), 0);
    assert_false(token_keys_open(&again, directory, problem));
    assert_non_null(strstr(problem, "0600"));
    assert_true(file_replace(path, LITERAL("kid notakey\n"), 0600, problem));
    assert_false(token_keys_open(&again, directory, problem));
    remove_all(directory);
    arena_destroy(arena);
}

/* ---- Sandbox ------------------------------------------------------------------------------------------------------- */

static struct payment_answer pay(const struct provider *provider, enum payment_operation operation, const char *token,
                                 const char *attempt, struct effect_call *call)
{
    struct payment_answer answer = {0};
    struct payment_request request = {.operation = operation, .attempt_key = text_of(attempt), .token = text_of(token)};
    struct arena *arena = call->arena;
    *call = (struct effect_call){.arena = arena, .key = text_of(attempt), .request = &request, .answer = &answer};
    provider->call(provider->context, call);
    return answer;
}

static void test_sandbox_payments(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        enum payment_outcome charge, status, voided;
        int64_t delay;
        bool retry;
        uint32_t repeats;
    } rows[] = {
        {"tok_success", PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, 5, false, 0},
        {"tok_declined", PAYMENT_DECLINED, PAYMENT_DECLINED, PAYMENT_VOIDED, 5, false, 0},
        {"tok_timeout", 0, PAYMENT_UNKNOWN, PAYMENT_VOIDED, 5, true, 0},
        {"tok_late", PAYMENT_SUCCEEDED, PAYMENT_UNKNOWN, PAYMENT_SUCCEEDED, 70, false, 0},
        {"tok_twice", PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, PAYMENT_SUCCEEDED, 5, false, 1},
        {"something", PAYMENT_DECLINED, PAYMENT_DECLINED, PAYMENT_VOIDED, 5, false, 0},
    };
    struct sandbox *sandbox = sandbox_create(&(struct sandbox_config){5, 70, ""});
    const struct provider *provider = sandbox_providers(sandbox);
    struct effect_call call = {.arena = arena_create()};
    assert_string_equal(provider->class_name, "payment");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct payment_answer charged = pay(provider, PAYMENT_CHARGE, rows[i].token, rows[i].token, &call);
        assert_int_equal(charged.outcome, rows[i].charge);
        assert_int_equal(call.delay_ms, rows[i].delay);
        assert_int_equal(call.retry, rows[i].retry);
        assert_int_equal(call.repeats, rows[i].repeats);
        struct payment_answer again = pay(provider, PAYMENT_CHARGE, rows[i].token, rows[i].token, &call);
        assert_true(text_equal(charged.reference, again.reference));
        assert_int_equal(pay(provider, PAYMENT_STATUS, "", rows[i].token, &call).outcome, rows[i].status);
        assert_int_equal(pay(provider, PAYMENT_VOID, "", rows[i].token, &call).outcome, rows[i].voided);
    }
    assert_true(text_is(pay(provider, PAYMENT_CHARGE, "tok_declined", "x", &call).decline_code, "card_declined"));
    assert_int_equal(pay(provider, PAYMENT_STATUS, "", "never charged", &call).outcome, PAYMENT_UNKNOWN);
    assert_int_equal(pay(provider, PAYMENT_VOID, "", "never charged", &call).outcome, PAYMENT_VOIDED);
    assert_int_equal(pay(provider, PAYMENT_REFUND, "", "tok_success", &call).outcome, PAYMENT_SUCCEEDED);
    arena_destroy(call.arena);
    sandbox_destroy(sandbox);
}

static void test_sandbox_mail(void **state)
{
    (void)state;
    char directory[64], command[200];
    make_directory(directory);
    struct sandbox *sandbox = sandbox_create(&(struct sandbox_config){0, 0, directory});
    const struct provider *provider = sandbox_providers(sandbox) + 1;
    struct mail_request mail = {LITERAL("verify"), LITERAL("ann@example.com"), LITERAL("Hello"), LITERAL("the text")};
    struct arena *arena = arena_create();
    for (int i = 0; i < 2; i++) { /* the same key twice is one mail */
        struct mail_answer answer = {0};
        struct effect_call call = {.arena = arena, .key = LITERAL("k"), .request = &mail, .answer = &answer};
        provider->call(provider->context, &call);
        assert_true(answer.sent);
    }
    snprintf(command, sizeof command, "test $(ls %s | wc -l) = 1 && grep -q 'the text' %s/verify-*.txt", directory,
             directory);
    assert_int_equal(system(command), 0);
    sandbox_destroy(sandbox);
    arena_destroy(arena);
    remove_all(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_clock_never_goes_back_and_follows_slowly),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_token_keys),
        cmocka_unit_test(test_sandbox_payments),
        cmocka_unit_test(test_sandbox_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
