/* Mails as they are handed over: what is in them, and what never gets into their head. */
#include "actors/identity/mail.h"
#include "main/smtp.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* NULL: it was refused. */
static const char *message(const char *to, const char *subject, const char *text)
{
    struct mail_request mail = {
        .template = LITERAL("verify"), .to = text_of(to), .subject = text_of(subject), .text = text_of(text)};
    struct buffer out = {.arena = arena};
    if (!smtp_message(&out, &mail, "shop@market.example", LITERAL("abc@market.example"), 1700000000)) return NULL;
    return arena_text(arena, buffer_as_text(&out)).data;
}

static void a_message_is_whole(void **state)
{
    (void)state;
    assert_string_equal(message("ann@example.com", "Hello", "One\nTwo"),
                        "From: <shop@market.example>\r\nTo: <ann@example.com>\r\nSubject: =?UTF-8?B?SGVsbG8=?=\r\n"
                        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <abc@market.example>\r\n"
                        "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                        "T25lClR3bw==\r\n");
}

static void base64_ends_as_it_must(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""}, {"f", "Zg==\r\n"}, {"fo", "Zm8=\r\n"}, {"foo", "Zm9v\r\n"}, {"foob", "Zm9vYg==\r\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(strstr(message("a@b", "s", rows[i][0]), "\r\n\r\n") + 4, rows[i][1]);
}

static void lines_are_short(void **state)
{
    (void)state;
    char text[3000], subject[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    for (size_t i = 0; i < 198; i += 3)
        memcpy(subject + i, "\xE2\x82\xAC", 3);
    subject[198] = 0;
    for (const char *line = message("ann@example.com", subject, text); *line;) {
        const char *end = strstr(line, "\r\n");
        assert_non_null(end);
        assert_true(end - line <= 76);
        line = end + 2;
    }
}

/* Each word by itself is UTF-8: a multiple of three bytes here. */
static void words_end_between_characters(void **state)
{
    (void)state;
    char subject[200] = "a";
    for (size_t i = 1; i < 190; i += 3)
        memcpy(subject + i, "\xE2\x82\xAC", 4);
    const char *at = message("ann@example.com", subject, "");
    unsigned words = 0;
    for (; (at = strstr(at, "=?UTF-8?B?")); words++) {
        at += strlen("=?UTF-8?B?");
        size_t length = (size_t)(strstr(at, "?=") - at), bytes = length / 4 * 3;
        for (size_t i = length; at[i - 1] == '='; i--)
            bytes--;
        assert_int_equal(bytes % 3, words == 0); /* the first one has the letter */
    }
    assert_int_equal(words, 5);
}

static void what_would_break_it_is_refused(void **state)
{
    (void)state;
    static const char *const addresses[] = {"",          "ann",        "@b",    "ann@",  "a@b\r\nBcc: c@d", "a@b\nX: y",
                                            "a@b>,<c@d", "a b@c",      "a@b c", "a,c@b", "\"a\"@b",         "a@b@c",
                                            "\x01@b",    "\xC3\xA9@b", "a@b;c", "-oQ@b", "<a@b>",           "a\\@b"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        assert_null(message(addresses[i], "Hello", "text"));
    char most[300];
    memset(most, 'a', sizeof most);
    memcpy(most + 250, "@b.c", 5);
    assert_non_null(message(most, "Hello", "text"));
    memcpy(most + 250, "@b.cd", 6);
    assert_null(message(most, "Hello", "text"));
    static const char *const subjects[] = {"a\r\nBcc: c@d", "a\nb", "a\rb", "a\tb", "\x7F", "\xC3", "\xFF"};
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        assert_null(message("ann@example.com", subjects[i], "text"));
    assert_non_null(message("ann@example.com", "", "\r\n.\r\nMAIL FROM:<x@y>\r\n")); /* text is never read as it is */
    assert_null(strstr(message("ann@example.com", "", "\r\n.\r\nMAIL FROM:<x@y>\r\n"), "\r\n."));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_whole),
        cmocka_unit_test(base64_ends_as_it_must),
        cmocka_unit_test(lines_are_short),
        cmocka_unit_test(words_end_between_characters),
        cmocka_unit_test(what_would_break_it_is_refused),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
