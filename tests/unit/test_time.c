#include "base/time.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_ms;
    } rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"1970-01-01t00:00:01z", 1000},
        {"2026-01-02T03:04:05.678Z", INT64_C(1767323045678)},
        {"2026-01-02T03:04:05.6Z", INT64_C(1767323045600)},
        {"2026-01-02T03:04:05.67Z", INT64_C(1767323045670)},
        {"2026-01-02T03:04:05.678999999Z", INT64_C(1767323045678)},
        {"2026-01-02T03:04:05.000000001Z", INT64_C(1767323045000)},
        {"2026-01-02T03:04:05+00:00", INT64_C(1767323045000)},
        {"2026-01-02T03:04:05-00:00", INT64_C(1767323045000)},
        {"2026-01-02T05:34:05+02:30", INT64_C(1767323045000)},
        {"2026-01-01T19:04:05-08:00", INT64_C(1767323045000)},
        {"2026-01-03T03:03:05+23:59", INT64_C(1767323045000)},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T22:00:00-02:00", 0},
        {"2000-02-29T12:00:00Z", INT64_C(951825600000)},
        {"2024-02-29T23:59:59.999Z", INT64_C(1709251199999)},
        {"9999-12-31T23:59:59.999Z", INT64_C(253402300799999)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t time_ms = -1;
        if (!time_parse(text_of(rows[i].text), &time_ms)) fail_msg("%s is refused", rows[i].text);
        if (time_ms != rows[i].time_ms) fail_msg("%s is %lld", rows[i].text, (long long)time_ms);
    }
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T03:04Z",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05,5Z",
        "2026-01-02T03:04:05.0123456789Z",
        "2026-01-02T03:04:05 Z",
        " 2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05Z ",
        "2026-01-02T03:04:05ZZ",
        "2026-1-02T03:04:05Z",
        "26-01-02T03:04:05Z",
        "12026-01-02T03:04:05Z",
        "+2026-01-02T03:04:05Z",
        "-2026-01-02T03:04:05Z",
        "2026-01-02T3:04:05Z",
        "20260102T030405Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T23:60:00Z",
        "2026-01-02T23:59:60Z",
        "2016-12-31T23:59:60Z",
        "2026-01-02T23:59:61Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "2100-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2024-02-30T03:04:05Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+02:60",
        "2026-01-02T03:04:05+0200",
        "2026-01-02T03:04:05+02",
        "2026-01-02T03:04:05+2:00",
        "2026-01-02T03:04:05+02:00Z",
        "2026-01-02T03:04:05~02:00",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "0000-01-01T00:00:00Z",
        "2026-01-02T03:04:-5Z",
        "2026-01-02T03:04:0xZ",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t time_ms = -7;
        if (time_parse(text_of(rows[i]), &time_ms)) fail_msg("%s is taken", rows[i]);
        assert_int_equal(time_ms, -7);
    }
    int64_t time_ms;
    assert_false(time_parse((struct text){0}, &time_ms));
    assert_false(time_parse(LITERAL("2026-01-02T03:04:05Z\0"), &time_ms));
    /* Every prefix of a good text is refused, and read no further than its end. */
    static const char good[] = "2026-01-02T03:04:05.678+02:30";
    for (uint32_t length = 0; length < sizeof good - 1; length++) {
        char *exact = malloc(length + 1);
        memcpy(exact, good, length);
        assert_false(time_parse((struct text){exact, length}, &time_ms));
        free(exact);
    }
}

static void test_format(void **state)
{
    (void)state;
    char text[TIME_TEXT_LENGTH + 1];
    time_format(INT64_C(1767323045678), text);
    assert_string_equal(text, "2026-01-02T03:04:05.678Z");
    time_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    time_format(INT64_C(253402300799999), text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    time_format(INT64_MIN, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
}

static void test_random_times_against_libc(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int i = 0; i < 50000; i++) {
        int64_t time_ms = (int64_t)random_below(&seed, 253402300800000), back;
        char text[TIME_TEXT_LENGTH + 1], expected[64];
        time_format(time_ms, text);
        time_t seconds = time_ms / 1000;
        struct tm broken;
        gmtime_r(&seconds, &broken);
        size_t length = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &broken);
        snprintf(expected + length, sizeof expected - length, ".%03dZ", (int)(time_ms % 1000));
        assert_string_equal(text, expected);
        assert_true(time_parse(text_of(text), &back));
        assert_int_equal(back, time_ms);
        assert_int_equal(time_year(time_ms), broken.tm_year + 1900);
        assert_int_equal(time_date(time_ms),
                         (broken.tm_year + 1900) * 10000 + (broken.tm_mon + 1) * 100 + broken.tm_mday);
    }
}

/* Walks the calendar from the first day to the last, counting days by the rule of leap years alone. */
static void test_every_day(void **state)
{
    (void)state;
    int64_t day = -719162; /* 0001-01-01 */
    int32_t known = 0;
    for (int32_t year = 1; year <= 9999; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t of_month = 1; of_month <= 31; of_month++) {
                bool thirty = month == 4 || month == 6 || month == 9 || month == 11;
                bool exists = of_month <= (month == 2 ? 28 + leap : thirty ? 30 : 31);
                char text[11];
                int32_t date = year * 10000 + month * 100 + of_month, parsed = 0;
                date_format(date, text);
                if (date_parse(text_of(text), &parsed) != exists) fail_msg("%s exists: %d", text, exists);
                if (!exists) continue;
                assert_int_equal(parsed, date);
                assert_int_equal(time_of_date(date), day * DAYS(1));
                if (day) assert_int_equal(time_date(day * DAYS(1)), date);
                assert_int_equal(time_date(day * DAYS(1) + DAYS(1) - 1), date);
                assert_int_equal(time_year(day * DAYS(1)), year);
                known = date;
                day++;
            }
    }
    assert_int_equal(known, 99991231);
    assert_int_equal(day, 2932897);
}

static void test_dates(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "1990-01-31 ", " 1990-01-31",          "1990-1-31", "1990-01-3", "19900131",
        "1990/01/31", "0000-01-01",  "1990-01-31T00:00:00Z", "199o-01-31"};
    int32_t date = 5;
    assert_true(date_parse(LITERAL("1990-01-31"), &date));
    assert_int_equal(date, 19900131);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(date_parse(text_of(bad[i]), &date));
        assert_int_equal(date, 19900131);
    }
    assert_false(date_parse((struct text){0}, &date));
    assert_int_equal(time_date(0), 0); /* absent stays absent */
    assert_int_equal(time_of_date(0), 0);
    assert_int_equal(time_date(1), 19700101);
    assert_int_equal(time_date(-1), 19691231);
    assert_int_equal(time_year(-1), 1969);
    assert_true(time_of_date(19500615) < 0);
    assert_int_equal(time_date(time_of_date(19500615)), 19500615);
}

static void test_years(void **state)
{
    (void)state;
    static const struct {
        int32_t from, to, years;
    } rows[] = {
        {20000615, 20180614, 17}, {20000615, 20180615, 18}, {20000615, 20180616, 18}, {20000615, 20000615, 0},
        {20000615, 20010614, 0},  {20040229, 20220228, 17}, {20040229, 20220301, 18}, {20040229, 20240228, 19},
        {20040229, 20240229, 20}, {19991231, 20000101, 0},  {20180101, 20000101, 0},  {0, 20260101, 0},
        {20000101, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(date_years_between(rows[i].from, rows[i].to), rows[i].years);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),     cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_format),    cmocka_unit_test(test_random_times_against_libc),
        cmocka_unit_test(test_every_day), cmocka_unit_test(test_dates),
        cmocka_unit_test(test_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
