#include "base/errors.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <ctype.h>
#include <string.h>

static void test_every_row(void **state)
{
    (void)state;
    for (int i = 0; i < ERROR_COUNT; i++) {
        enum error error = (enum error)i;
        const char *code = error_code(error);
        assert_true(strlen(code) > 0);
        assert_true(strlen(error_text(error)) > 0);
        assert_true(error == OK || strlen(error_next(error)) > 0);
        for (const char *at = code; *at; at++)
            assert_true(islower(*at) || *at == '_');
        if (error == OK)
            assert_int_equal(error_status(error), 200);
        else
            assert_in_range(error_status(error), 400, 599);
        for (int other = 0; other < i; other++)
            assert_string_not_equal(code, error_code((enum error)other));
    }
}

static void test_some(void **state)
{
    (void)state;
    assert_string_equal(error_code(OK), "ok");
    assert_string_equal(error_code(ERROR_OUT_OF_STOCK), "out_of_stock");
    assert_int_equal(error_status(ERROR_OUT_OF_STOCK), 409);
    assert_string_equal(error_text(ERROR_OUT_OF_STOCK), "there is not enough in stock");
    assert_int_equal(error_status(ERROR_OVERLOADED), 503);
    assert_string_equal(error_code(ERROR_HTTP_VERSION_NOT_SUPPORTED), "http_version_not_supported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_some),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
