#include "base/buffer.h"
#include "schema/machine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { DRAFT = 1, PENDING, ACTIVE, DELETED };
static const char *const state_names[] = {NULL, "draft", "pending", "active", "deleted"};
static const struct enumeration states = ENUMERATION("status", state_names);

static bool guard(struct tx *tx, const void *entity)
{
    (void)tx;
    return entity != NULL;
}

/* clang-format off */
static const struct transition rows[] = {
    /* from                             command    to */
    { FROM_NONE,                        "create",  DRAFT },
    { STATE(DRAFT),                     "submit",  ACTIVE, .guard = guard, .guard_doc = "trusted author" },
    { STATE(DRAFT),                     "submit",  PENDING },
    { STATE(PENDING),                   "approve", ACTIVE },
    { STATE(DRAFT) | STATE(PENDING) | STATE(ACTIVE), "touch", TO_SAME },
    { STATE(DRAFT) | STATE(ACTIVE),     "delete",  DELETED },
    { STATE(DELETED),                   "restore", TO_REMEMBERED },
};
/* clang-format on */
static const struct machine machine = MACHINE(&states, rows);

struct faults {
    uint32_t count;
    char text[2048];
};

static void note(void *context, const char *where, const char *fault)
{
    struct faults *faults = context;
    size_t used = strlen(faults->text);
    faults->count++;
    snprintf(faults->text + used, sizeof faults->text - used, "%s: %s\n", where, fault);
}

static bool is_not_touch(const void *context, const char *command)
{
    return strcmp(command, context) != 0;
}

static void test_legal_commands(void **state)
{
    (void)state;
    char text[64];
    static const char *const legal[] = {
        "create", "submit, touch, delete", "approve, touch", "touch, delete", "restore", "", ""};
    for (uint32_t status = 0; status < 7; status++) {
        machine_legal_commands(&machine, status, NULL, NULL, text, sizeof text);
        assert_string_equal(text, legal[status]);
    }
    machine_legal_commands(&machine, DRAFT, is_not_touch, "touch", text, sizeof text);
    assert_string_equal(text, "submit, delete");
    machine_legal_commands(&machine, 40, NULL, NULL, text, sizeof text);
    assert_string_equal(text, "");
    /* What does not fit is left out whole. */
    static const char *const cut[] = {"",       "",       "",       "",       "",
                                      "",       "",       "submit", "submit", "submit",
                                      "submit", "submit", "submit", "submit", "submit, touch"};
    for (size_t size = 1; size < sizeof cut / sizeof *cut; size++) {
        char exact[16];
        memset(exact, 'x', sizeof exact);
        machine_legal_commands(&machine, DRAFT, NULL, NULL, exact, size);
        assert_string_equal(exact, cut[size]);
        assert_int_equal(exact[size], 'x');
    }
}

static void test_allows(void **state)
{
    (void)state;
    static const char *const commands[] = {"create", "submit", "approve", "touch", "delete", "restore", "other"};
    for (uint32_t from = 0; from <= DELETED; from++)
        for (uint32_t to = 0; to <= DELETED + 1; to++)
            for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
                const char *c = commands[i];
                bool expected = (!from && to == DRAFT && !strcmp(c, "create")) ||
                                (from == DRAFT && (to == ACTIVE || to == PENDING) && !strcmp(c, "submit")) ||
                                (from == PENDING && to == ACTIVE && !strcmp(c, "approve")) ||
                                (from && from != DELETED && to == from && !strcmp(c, "touch")) ||
                                ((from == DRAFT || from == ACTIVE) && to == DELETED && !strcmp(c, "delete")) ||
                                (from == DELETED && to && to <= DELETED && !strcmp(c, "restore"));
                assert_int_equal(machine_allows(&machine, from, c, to), expected);
            }
    struct machine derived = machine;
    derived.derived = true;
    assert_true(machine_allows(&derived, DRAFT, "anything", ACTIVE));
    assert_true(machine_allows(&derived, PENDING, "anything", PENDING));
    assert_false(machine_allows(&derived, PENDING, "anything", DRAFT));
    assert_false(machine_allows(&derived, 0, "anything", 0));
    assert_true(machine_allows(&derived, 0, "anything", DRAFT));
}

static void test_diagram(void **state)
{
    (void)state;
    struct buffer out = {0};
    machine_diagram(&out, "post", &machine);
    buffer_byte(&out, 0);
    assert_string_equal(out.data, "---\ntitle: post\n---\nstateDiagram-v2\n"
                                  "    state \"the state before\" as remembered\n"
                                  "    [*] --> draft : create\n"
                                  "    draft --> active : submit [trusted author]\n"
                                  "    draft --> pending : submit\n"
                                  "    pending --> active : approve\n"
                                  "    draft --> draft : touch\n"
                                  "    pending --> pending : touch\n"
                                  "    active --> active : touch\n"
                                  "    draft --> deleted : delete\n"
                                  "    active --> deleted : delete\n"
                                  "    deleted --> remembered : restore\n");
    buffer_free(&out);
}

static void expect_fault(const struct transition *broken, uint32_t count, bool derived, const char *text)
{
    struct machine m = {&states, broken, count, derived};
    struct faults faults = {0};
    uint32_t counted = machine_prove(&m, note, &faults);
    assert_int_equal(counted, faults.count);
    if (!strstr(faults.text, text)) print_message("wanted: %s\ngot: %s", text, faults.text);
    assert_non_null(strstr(faults.text, text));
    assert_int_equal(*text == 0, faults.count == 0);
}

enum { ROWS = sizeof rows / sizeof *rows };
#define BROKEN(text, ...)                        \
    do {                                         \
        struct transition broken[ROWS];          \
        memcpy(broken, rows, sizeof rows);       \
        __VA_ARGS__;                             \
        expect_fault(broken, ROWS, false, text); \
    } while (0)

static void test_prove(void **state)
{
    (void)state;
    expect_fault(rows, ROWS, false, "");
    BROKEN("?: a transition without a command", broken[3].command = NULL);
    BROKEN("approve: starts in no state", broken[3].from = 0);
    BROKEN("approve: starts in no state or in an unknown one", broken[3].from = STATE(9));
    BROKEN("approve: ends in no state", broken[3].to = 0);
    BROKEN("approve: ends in no state or in an unknown one", broken[3].to = 9);
    BROKEN("create: creation names the first state", broken[0].to = TO_SAME);
    BROKEN("submit: a guard needs a sentence", broken[1].guard_doc = NULL);
    BROKEN("submit of draft: a row after one without guard can never win", broken[1].guard = NULL);
    BROKEN("deleted: no way leads to this state", broken[5].to = ACTIVE);
    BROKEN("draft: no way leads to this state", broken[0].to = PENDING);
    expect_fault(rows + 1, ROWS - 1, false, "active: no way leads");
    expect_fault(rows, 0, false, "draft: no way leads");

    struct transition twice[ROWS];
    memcpy(twice, rows, sizeof rows);
    twice[1].guard = NULL;
    twice[1].guard_doc = NULL;
    expect_fault(twice, ROWS, true, ""); /* parts decide which of the two it is */
    twice[1].to = PENDING;
    expect_fault(twice, ROWS, true, "submit of draft: the same edge twice");

    struct faults faults = {0};
    struct machine none = {.rows = rows, .count = ROWS};
    assert_int_equal(machine_prove(&none, note, &faults), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_legal_commands),
        cmocka_unit_test(test_allows),
        cmocka_unit_test(test_diagram),
        cmocka_unit_test(test_prove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
