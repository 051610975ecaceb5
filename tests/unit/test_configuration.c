#include "main/configuration.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_each(void **state)
{
    struct configuration *configuration = memory_alloc(sizeof *configuration);
    configuration_init(configuration, arena_create());
    *state = configuration;
    return 0;
}

static int close_each(void **state)
{
    struct configuration *configuration = *state;
    arena_destroy(configuration->arena);
    free(configuration);
    return 0;
}

static void test_defaults_and_overrides(void **state)
{
    struct configuration *configuration = *state;
    char problem[512];
    assert_string_equal(configuration->listen, "127.0.0.1:8080");
    assert_int_equal(configuration->mode, MODE_PRODUCTION);
    assert_int_equal(configuration->store_reserve, 256 << 20);
    assert_null(configuration->settings[0]);
    assert_true(configuration_parse(
        configuration, "f",
        "; a comment\n[server]\nlisten = [::]:1 ; behind it\nmode=development\n\n[store]\nreserve = 3GiB\n"
        "[orders]\nhold = 15m\nopen_max = 7\n[net]\nidle_timeout = 5s\n",
        problem));
    assert_string_equal(configuration->listen, "[::]:1");
    assert_int_equal(configuration->mode, MODE_DEVELOPMENT);
    assert_int_equal(configuration->store_reserve, INT64_C(3) << 30);
    assert_int_equal(configuration->net.idle_timeout, 5000);
    assert_string_equal(configuration->settings[0], "orders.hold");
    assert_string_equal(configuration->settings[1], "900000");
    assert_string_equal(configuration->settings[3], "7");
    assert_null(configuration->settings[4]);
    assert_true(configuration_set(configuration, "orders.hold", "2000", problem));
    assert_string_equal(configuration->settings[1], "2000");
    assert_null(configuration->settings[4]);
    assert_null(configuration_check(configuration));
}

/* What is wrong, and the line that has to be named. */
static const struct {
    const char *content, *place, *says;
} bad_files[] = {
    {"[server]\nlisten = a:1\nlisen = b:1\n", "f:3: ", "server.lisen is no key"},
    {"[server]\nmode = debug\n", "f:2: ", "one of: development production"},
    {"\n\n[store]\nreserve = many\n", "f:4: ", "a number of bytes"},
    {"[store]\nreserve = 1TiB\n", "f:2: ", "a number of bytes"},
    {"[orders]\nhold = 15 minutes\n", "f:2: ", "a time"},
    {"[orders]\nopen_max = 1s\n", "f:2: ", "a whole number"},
    {"[net]\nidle_timeout = 0\n", "f:2: ", "is from"},
    {"[net]\nidle_timeout = -1\n", "f:2: ", "a time"},
    {"[server]\nlisten = a:1\n\nlisten = b:1\n", "f:4: ", "given twice"},
    {"[server]\nno equals sign\n", "f:2: ", "neither"},
    {"listen = a:1\n", "f:1: ", "is no key"},
    {"[actors]\nmemory = 99999999999999999999\n", "f:2: ", "a number of bytes"},
    {"[actors]\nmemory = 9999999999GiB\n", "f:2: ", "a number of bytes"},
};

static void test_bad_files_name_their_line(void **state)
{
    struct configuration *configuration = *state;
    char problem[512];
    for (size_t i = 0; i < sizeof bad_files / sizeof bad_files[0]; i++) {
        assert_false(configuration_parse(configuration, "f", bad_files[i].content, problem));
        if (strncmp(problem, bad_files[i].place, strlen(bad_files[i].place)) != 0 ||
            !strstr(problem, bad_files[i].says))
            fail_msg("row %zu says: %s", i, problem);
    }
    char line[600] = "[server]\nlisten = ";
    memset(line + strlen(line), 'x', 400);
    assert_false(configuration_parse(configuration, "f", line, problem));
    assert_non_null(strstr(problem, "f:2: the line is too long"));
    assert_false(configuration_read(configuration, "/nonexistent/souk.conf", problem));
    assert_non_null(strstr(problem, "cannot be read"));
}

/* `souk help config` shows a file that can be used as it is and changes nothing. */
static void test_description_is_a_file(void **state)
{
    struct configuration *configuration = *state, *again = memory_alloc(sizeof *again);
    char problem[512] = "";
    struct buffer out = {0};
    configuration_describe(&out);
    buffer_byte(&out, 0);
    configuration_init(again, configuration->arena);
    assert_true(configuration_parse(again, "described", out.data, problem));
    assert_string_equal(again->listen, configuration->listen);
    assert_int_equal(again->actors_memory, configuration->actors_memory);
    assert_memory_equal(&again->net.connections, &configuration->net.connections, sizeof again->net.connections);
    assert_non_null(strstr(out.data, "[orders]\n"));
    buffer_free(&out);
    free(again);
}

static void test_lists(void **state)
{
    struct configuration *configuration = *state;
    const char *const *list = configuration_list(configuration->arena, " a, b.example ,,c ");
    assert_string_equal(list[0], "a");
    assert_string_equal(list[1], "b.example");
    assert_string_equal(list[2], "c");
    assert_null(list[3]);
    assert_null(configuration_list(configuration->arena, "")[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults_and_overrides, open_each, close_each),
        cmocka_unit_test_setup_teardown(test_bad_files_name_their_line, open_each, close_each),
        cmocka_unit_test_setup_teardown(test_description_is_a_file, open_each, close_each),
        cmocka_unit_test_setup_teardown(test_lists, open_each, close_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
