#include "base/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yyjson.h>

/* Standard error goes to a file while a test looks at lines. */
static FILE *caught;
static int real_stderr;

static void catch_begin(void)
{
    fflush(stderr);
    caught = tmpfile();
    assert_non_null(caught);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

/* What was written, zero-terminated; the caller frees it. */
static char *catch_end(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    long size = lseek(fileno(caught), 0, SEEK_END);
    char *bytes = calloc(1, (size_t)size + 1);
    assert_int_equal(pread(fileno(caught), bytes, (size_t)size, 0), size);
    fclose(caught);
    return bytes;
}

/* The one line as JSON. */
static yyjson_doc *catch_json(void)
{
    char *bytes = catch_end();
    char *end = strchr(bytes, '\n');
    assert_non_null(end);
    assert_int_equal(end[1], 0);
    yyjson_doc *document = yyjson_read(bytes, (size_t)(end - bytes), 0);
    if (!document) fail_msg("not JSON: %s", bytes);
    free(bytes);
    return document;
}

static void assert_member(yyjson_doc *document, const char *name, const char *value)
{
    yyjson_val *member = yyjson_obj_get(yyjson_doc_get_root(document), name);
    if (!yyjson_is_str(member)) fail_msg("%s is no text", name);
    assert_string_equal(yyjson_get_str(member), value);
}

static void assert_integer(yyjson_doc *document, const char *name, int64_t value)
{
    yyjson_val *member = yyjson_obj_get(yyjson_doc_get_root(document), name);
    if (!yyjson_is_int(member)) fail_msg("%s is no integer", name);
    assert_int_equal(yyjson_get_sint(member), value);
}

static void test_members(void **state)
{
    (void)state;
    log_configure("debug", false);
    catch_begin();
    log_line("store", LOG_WARNING, "recovered", "lsn=%llu records=%u lag=%d name=%s file=\"%s\" empty=\"%s\" tail=%s",
             18446744073709551ull, 7u, -3, "main", "a b.log", "", "x");
    yyjson_doc *document = catch_json();
    assert_member(document, "level", "warning");
    assert_member(document, "area", "store");
    assert_member(document, "message", "recovered");
    assert_int_equal(yyjson_get_len(yyjson_obj_get(yyjson_doc_get_root(document), "time")), 24);
    assert_integer(document, "lsn", 18446744073709551);
    assert_integer(document, "records", 7);
    assert_integer(document, "lag", -3);
    assert_member(document, "name", "main");
    assert_member(document, "file", "a b.log");
    assert_member(document, "empty", "");
    assert_member(document, "tail", "x");
    assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(document)), 11);
    yyjson_doc_free(document);

    catch_begin();
    log_line("store", LOG_WARNING, "recovered", "from=\"%s and %s=%d\" after=%d", "a b", "c", 1, 2);
    document = catch_json();
    assert_member(document, "from", "a b and c=1");
    assert_integer(document, "after", 2);
    assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(document)), 6);
    yyjson_doc_free(document);
}

static void test_numbers(void **state)
{
    (void)state;
    log_configure("debug", false);
    catch_begin();
    log_line("a", LOG_INFO, "m", "zero=%d minus=%s seven=%s quoted=\"%d\" large=%llu float=%.1f hex=%s", 0, "-0", "007",
             5, 18446744073709551615ull, 1.5, "0x1");
    yyjson_doc *document = catch_json();
    assert_integer(document, "zero", 0);
    assert_member(document, "minus", "-0");
    assert_member(document, "seven", "007");
    assert_member(document, "quoted", "5");
    assert_member(document, "large", "18446744073709551615");
    assert_member(document, "float", "1.5");
    assert_member(document, "hex", "0x1");
    yyjson_doc_free(document);
}

/* A value cannot end the line, add a member, close the object or move the cursor of a terminal. */
static void test_values_cannot_escape(void **state)
{
    (void)state;
    static const struct {
        const char *value, *expected;
    } rows[] = {
        {"x\nlevel=error", "x\nlevel=error"},
        {"\" admin=true", "\" admin=true"},
        {"a\" b=\"c", "a\" b=\"c"},
        {"\"},{\"level\":\"error\"", "\"},{\"level\":\"error\""},
        {"back\\slash\\", "back\\slash\\"},
        {"\x1b[31mred\r\b\x7f", "\x1b[31mred\r\b\x7f"},
        {"\xc2\x9b"
         "31m \xc2\xa0",
         "\xc2\x9b"
         "31m \xc2\xa0"},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\xe2\x80\xa8\xe2\x80\xa9"},
        {"\xff\xc3(\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef\xbf\xbd"},
        {"%s%n%d", "%s%n%d"},
        {"\xf0\x9f\x99\x82", "\xf0\x9f\x99\x82"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int human = 0; human < 2; human++) {
            log_configure("debug", human);
            catch_begin();
            log_line("net", LOG_INFO, "m", "bare=%s quoted=\"%s\" after=%d", rows[i].value, rows[i].value, 1);
            if (human) {
                char *line = catch_end();
                for (char *at = line; at[1]; at++) {
                    assert_true((unsigned char)*at >= 0x20 && *at != 0x7f);
                    assert_false(at[0] == '\xc2' && (unsigned char)at[1] < 0xA0);
                }
                assert_true(text_is_utf8(text_of(line)));
                assert_non_null(strstr(line, " after=1\n"));
                free(line);
                continue;
            }
            yyjson_doc *document = catch_json();
            assert_member(document, "bare", rows[i].expected);
            assert_member(document, "quoted", rows[i].expected);
            assert_integer(document, "after", 1);
            assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(document)), 7);
            yyjson_doc_free(document);
        }
}

static void test_message_is_escaped(void **state)
{
    (void)state;
    log_configure("debug", false);
    catch_begin();
    log_line("net", LOG_INFO, "a \"quoted\"\nmessage", NULL);
    yyjson_doc *document = catch_json();
    assert_member(document, "message", "a \"quoted\"\nmessage");
    assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(document)), 4);
    yyjson_doc_free(document);
}

static void test_human(void **state)
{
    (void)state;
    log_configure("info", true);
    catch_begin();
    log_line("store", LOG_INFO, "recovered", "lsn=%d why=\"%s\" name=%s", 5, "power cut", "main");
    char *line = catch_end();
    assert_string_equal(line + 24, " info store: recovered lsn=5 why=\"power cut\" name=main\n");
    free(line);
}

static void test_loose_formats(void **state)
{
    (void)state;
    log_configure("debug", false);
    catch_begin();
    log_line("a", LOG_INFO, "m", "  x=%d   plain  y=%s z=a=b", 1, "");
    yyjson_doc *document = catch_json();
    assert_integer(document, "x", 1);
    assert_member(document, "detail", "plain");
    assert_member(document, "y", "");
    assert_member(document, "z", "a=b");
    yyjson_doc_free(document);
}

static void test_long_lines_are_cut(void **state)
{
    (void)state;
    static char value[20000];
    static const char *const units[] = {"x", "\x01", "\xc3\xa9", "\xff", "\""};
    log_configure("debug", false);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        for (size_t length = 0; length < sizeof value - 8; length = length * 5 / 4 + 1) {
            value[0] = 0;
            for (size_t at = 0; at < length; at += strlen(units[u]))
                memcpy(value + at, units[u], strlen(units[u]) + 1);
            catch_begin();
            log_line("a", LOG_INFO, "m", "small=%d large=%s last=%d", 1, value, 2);
            yyjson_doc *document = catch_json();
            yyjson_val *root = yyjson_doc_get_root(document);
            assert_integer(document, "small", 1);
            assert_true(yyjson_obj_get(root, "last") || yyjson_is_true(yyjson_obj_get(root, "cut")));
            assert_true(yyjson_doc_get_read_size(document) < PIPE_BUF);
            if (length < 500) assert_non_null(yyjson_obj_get(root, "last"));
            yyjson_doc_free(document);
        }
    catch_begin();
    memset(value, 'm', sizeof value - 1);
    log_line("a", LOG_INFO, value, "x=%d", 1);
    yyjson_doc *document = catch_json();
    assert_member(document, "level", "info");
    assert_true(yyjson_is_true(yyjson_obj_get(yyjson_doc_get_root(document), "cut")));
    yyjson_doc_free(document);
}

static void test_levels(void **state)
{
    (void)state;
    log_configure("warning", false);
    assert_true(log_enabled("net", LOG_ERROR));
    assert_true(log_enabled("net", LOG_WARNING));
    assert_false(log_enabled("net", LOG_INFO));
    log_configure("info,net=debug, store = error", false);
    assert_true(log_enabled("net", LOG_DEBUG));
    assert_false(log_enabled("core", LOG_DEBUG));
    assert_true(log_enabled("core", LOG_INFO));
    assert_true(log_enabled("store", LOG_ERROR));
    assert_false(log_enabled("store", LOG_WARNING));
    assert_false(log_enabled("networks", LOG_DEBUG));
    log_configure("net=debug", false); /* the rest keeps the usual level */
    assert_true(log_enabled("core", LOG_INFO));
    assert_false(log_enabled("core", LOG_DEBUG));
    log_configure("", false);
    assert_true(log_enabled("core", LOG_INFO));
    log_configure(NULL, false);
    assert_true(log_enabled("core", LOG_INFO));

    log_configure("error", false);
    catch_begin();
    log_line("net", LOG_WARNING, "not wanted", "x=%d", 1);
    char *bytes = catch_end();
    assert_string_equal(bytes, "");
    free(bytes);
}

static void test_unknown_specification(void **state)
{
    (void)state;
    static const char *const bad[] = {"inof", "net=loud", "=debug", "an_area_name_that_is_far_too_long=debug"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        catch_begin();
        log_configure(bad[i], false);
        yyjson_doc *document = catch_json();
        assert_member(document, "level", "warning");
        assert_member(document, "part", bad[i]);
        yyjson_doc_free(document);
    }
}

static void *many_lines(void *context)
{
    for (int i = 0; i < 500; i++)
        log_line("thread", LOG_INFO, "a line", "thread=%d line=%d filler=\"%0200d\"", *(int *)context, i, 0);
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int numbers[THREADS], pipes[2], next[THREADS] = {0};
    log_configure("info", false);
    /* A pipe: a file's offset is shared and needs no atomic writes. */
    assert_int_equal(pipe(pipes), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(pipes[1], STDERR_FILENO);
    close(pipes[1]);
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        pthread_create(&threads[i], NULL, many_lines, &numbers[i]);
    }
    FILE *reader = fdopen(pipes[0], "r");
    char line[PIPE_BUF + 1];
    for (int i = 0; i < THREADS * 500; i++) {
        assert_non_null(fgets(line, sizeof line, reader));
        yyjson_doc *document = yyjson_read(line, strlen(line) - 1, 0);
        assert_non_null(document);
        int thread = yyjson_get_int(yyjson_obj_get(yyjson_doc_get_root(document), "thread"));
        assert_integer(document, "line", next[thread]++);
        yyjson_doc_free(document);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    fclose(reader);
}

static void test_gathered_lines(void **state)
{
    (void)state;
    enum { LINES = 300 };
    struct buffer lines = {0};
    log_configure("info", false);
    for (int i = 0; i < LINES; i++) {
        const struct log_pair pairs[] = {
            {LITERAL("line"), .number = i},
            {LITERAL("path"), LITERAL("/a \"b\"\n=c")},
            {LITERAL("digits"), LITERAL("7")},
            {LITERAL("empty"), LITERAL("")},
        };
        log_append(&lines, "http", LOG_INFO, "request", pairs, 4);
    }
    catch_begin();
    log_write(&lines);
    char *bytes = catch_end(), *at = bytes;
    assert_int_equal(lines.length, 0);
    for (int i = 0; i < LINES; i++) {
        char *end = strchr(at, '\n');
        assert_non_null(end);
        yyjson_doc *document = yyjson_read(at, (size_t)(end - at), 0);
        assert_non_null(document);
        assert_integer(document, "line", i);
        assert_member(document, "area", "http");
        assert_member(document, "level", "info");
        assert_member(document, "path", "/a \"b\"\n=c");
        assert_member(document, "digits", "7");
        assert_member(document, "empty", "");
        assert_int_equal(yyjson_obj_size(yyjson_doc_get_root(document)), 8);
        yyjson_doc_free(document);
        at = end + 1;
    }
    assert_int_equal(*at, 0);
    free(bytes);
    buffer_free(&lines);
}

/* Whatever the length of a value, a line is one line of JSON: a member that does not fit is left out. */
static void test_gathered_lines_are_cut(void **state)
{
    (void)state;
    enum { FROM = PIPE_BUF - 160, TO = PIPE_BUF + 8 };
    static char letters[TO];
    memset(letters, 'x', sizeof letters);
    log_configure("info", false);
    for (uint32_t length = FROM; length < TO; length++) {
        struct buffer lines = {0};
        const struct log_pair pairs[] = {{LITERAL("long"), {letters, length}, 0, length % 2},
                                         {LITERAL("last"), .number = -7}};
        log_append(&lines, "http", LOG_INFO, "request", pairs, 2);
        assert_true(lines.length <= PIPE_BUF);
        assert_int_equal(lines.data[lines.length - 1], '\n');
        yyjson_doc *document = yyjson_read(lines.data, lines.length - 1, 0);
        assert_non_null(document);
        yyjson_val *root = yyjson_doc_get_root(document), *value = yyjson_obj_get(root, "long");
        assert_true(!value || yyjson_get_len(value) == length);
        assert_true(yyjson_obj_get(root, "last") || yyjson_is_true(yyjson_obj_get(root, "cut")));
        yyjson_doc_free(document);
        buffer_free(&lines);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_values_cannot_escape),
        cmocka_unit_test(test_message_is_escaped),
        cmocka_unit_test(test_human),
        cmocka_unit_test(test_loose_formats),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_unknown_specification),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_gathered_lines),
        cmocka_unit_test(test_gathered_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
