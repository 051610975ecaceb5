#include "schema/field.h"
#include "unit/schema_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>

struct faults {
    uint32_t count;
    char text[4096];
};

static void note(void *context, const char *where, const char *fault)
{
    struct faults *faults = context;
    size_t used = strlen(faults->text);
    faults->count++;
    snprintf(faults->text + used, sizeof faults->text - used, "%s: %s\n", where, fault);
}

static void test_sound(void **state)
{
    (void)state;
    struct faults faults = {0};
    uint32_t count = fields_prove(&sample_fields, note, &faults);
    if (count) print_message("%s", faults.text);
    assert_int_equal(count, 0);
    assert_int_equal(faults.count, 0);
}

/* Every fault is a copy of a sound row or table with one thing wrong. */
struct pair {
    int64_t first;
    struct text second;
};
static const struct field sound_pair[] = {
    INTEGER(pair, 1, first, .doc = "d"),
    TEXT(pair, 2, second, .doc = "d"),
};

static void expect_fault(const struct field *rows, uint32_t count, uint32_t size, const char *text)
{
    struct fields fields = {"pair", size, count, rows};
    struct faults faults = {0};
    uint32_t counted = fields_prove(&fields, note, &faults);
    assert_int_equal(counted, faults.count);
    if (faults.count == 0 || !strstr(faults.text, text)) print_message("wanted: %s\ngot: %s", text, faults.text);
    assert_true(faults.count > 0);
    assert_non_null(strstr(faults.text, text));
}

#define BROKEN(index, text, ...)                               \
    do {                                                       \
        struct field rows[2] = {sound_pair[0], sound_pair[1]}; \
        struct field *row = &rows[index];                      \
        __VA_ARGS__;                                           \
        expect_fault(rows, 2, sizeof(struct pair), text);      \
    } while (0)

static void test_rows(void **state)
{
    (void)state;
    static const struct field element = ELEMENT(FIELD_TEXT, struct text);
    static const struct field bad_element = ELEMENT(FIELD_STRUCT, struct text);
    static const char *const twice[] = {NULL, "one", "one"};
    static const struct enumeration twice_values = ENUMERATION("twice", twice);

    BROKEN(0, "tags ascend", row->tag = 0);
    BROKEN(1, "tags ascend", row->tag = 1);
    BROKEN(0, "a name in lower snake case", row->name = "First");
    BROKEN(0, "a name in lower snake case", row->name = NULL);
    BROKEN(0, "a name in lower snake case", row->name_length--);
    BROKEN(0, "a name in lower snake case",
           row->name = "a234567890123456789012345678901234567890123456789012345678901");
    BROKEN(1, "a name that an earlier row has", row->name = "first");
    BROKEN(0, "documentation", row->doc = NULL);
    BROKEN(0, "unknown type or format", row->type = FIELD_TYPE_COUNT);
    BROKEN(0, "a range needs max above min", row->min = 5);
    BROKEN(0, "a range needs max above min", row->min = 5, row->max = 5);
    BROKEN(1, "a length that no body can have", row->min = -1);
    BROKEN(1, "a length that no body can have", row->max = 2000000);
    BROKEN(1, "min is above max", row->min = 10, row->max = 9);
    BROKEN(1, "min is above max", row->format = FORMAT_SLUG, row->max = 2);
    BROKEN(0, "only a text has a format", row->format = FORMAT_URL);
    BROKEN(1, "unknown type or format", row->format = FORMAT_KEY + 1);
    BROKEN(0, "only an enum has values", row->values = &twice_values);
    BROKEN(0, "initial is out of range", row->min = 1, row->max = 2, row->initial = 3);
    BROKEN(1, "only enums, booleans and integers", row->initial = 1);
    BROKEN(0, "both READ_ONLY and CREATE_ONLY", row->flags = READ_ONLY | CREATE_ONLY);
    BROKEN(0, "both REQUIRED and OPTIONAL", row->flags = REQUIRED | OPTIONAL);
    BROKEN(0, "only texts are masked", row->flags = MASKED);
    BROKEN(0, "unknown flags", row->flags = 1u << 20);
    BROKEN(0, "only ids refer", row->refers = "user");
    BROKEN(0, "a scalar nests nothing", row->nested = &sample_note_fields);
    BROKEN(1, "a list has either", row->type = FIELD_LIST);
    BROKEN(1, "a list has either", row->type = FIELD_LIST; row->element = &element; row->nested = &sample_note_fields);
    BROKEN(1, "an element is a scalar", row->type = FIELD_LIST; row->element = &bad_element);
    BROKEN(1, "too many elements", row->type = FIELD_LIST; row->element = &element; row->max = 100000);
    BROKEN(1, "limits mean nothing", row->type = FIELD_ID; row->max = 3);
    BROKEN(0, "not that of its type", row->size = 4);
    BROKEN(0, "an enum without names", row->type = FIELD_ENUM; row->size = 4);
    BROKEN(0, "two enum values of one name", row->type = FIELD_ENUM; row->size = 4; row->values = &twice_values);
}

static void test_coverage(void **state)
{
    (void)state;
    BROKEN(1, "two rows are of one member", row->offset = 0; row->size = 8);
    BROKEN(1, "overlaps", row->offset = 4);
    BROKEN(1, "a member before second has no row", row->offset = 16);
    expect_fault(sound_pair, 1, sizeof(struct pair), "the last member has no row");
    expect_fault(sound_pair + 1, 1, sizeof(struct pair), "a member before second has no row");
    expect_fault(sound_pair, 2, sizeof(struct pair) + 8, "the last member has no row");

    struct wide {
        bool members[65];
    };
    struct field rows[65];
    static char names[65][8];
    for (uint16_t i = 0; i < 65; i++) {
        int length = snprintf(names[i], sizeof names[i], "m%u", (unsigned)i);
        rows[i] = (struct field){.tag = (uint16_t)(i + 1),
                                 .type = FIELD_BOOL,
                                 .name = names[i],
                                 .name_length = (uint32_t)length,
                                 .offset = i,
                                 .size = 1,
                                 .doc = "d"};
    }
    struct fields fields = {"wide", 64, 64, rows};
    struct faults faults = {0};
    assert_int_equal(fields_prove(&fields, note, &faults), 0);
    expect_fault(rows, 65, sizeof(struct wide), "1 to 64 rows");
}

struct tree {
    LIST_OF(struct tree) branches;
};
static const struct fields tree_fields;
static const struct field tree_rows[] = {LIST(tree, 1, branches, struct tree, &tree_fields, .doc = "d")};
static const struct fields tree_fields = FIELDS("tree", struct tree, tree_rows);

static void test_nesting(void **state)
{
    (void)state;
    expect_fault(tree_rows, 1, sizeof(struct tree), "nested too deep");
    /* A fault inside says where it is. */
    static struct field note_rows[6];
    memcpy(note_rows, sample_note_rows, sizeof note_rows);
    note_rows[3].doc = "";
    static const struct fields note_fields = FIELDS("sample_note", struct sample_note, note_rows);
    struct holder {
        LIST_OF(struct sample_note) notes;
    };
    static const struct field rows[] = {LIST(holder, 1, notes, struct sample_note, &note_fields, .doc = "d")};
    expect_fault(rows, 1, sizeof(struct holder), "pair.notes[].body: a line of documentation");
}

static void test_look_ups(void **state)
{
    (void)state;
    assert_ptr_equal(field_by_name(&sample_fields, LITERAL("title")), &sample_rows[1]);
    assert_null(field_by_name(&sample_fields, LITERAL("titl")));
    assert_null(field_by_name(&sample_fields, LITERAL("titles")));
    assert_null(field_by_name(&sample_fields, LITERAL("")));
    assert_null(field_by_name(&sample_fields, (struct text){0}));
    assert_null(field_by_name(&sample_fields, LITERAL("id\0xxxxxxxxxxxxx")));
    for (uint32_t i = 0; i < sample_fields.count; i++)
        assert_ptr_equal(field_by_tag(&sample_fields, sample_rows[i].tag), &sample_rows[i]);
    assert_null(field_by_tag(&sample_fields, 0));
    assert_null(field_by_tag(&sample_fields, 33));
    assert_null(field_by_tag(&sample_fields, 65535));
    assert_int_equal(enum_value(&sample_statuses, LITERAL("open")), SAMPLE_OPEN);
    assert_int_equal(enum_value(&sample_statuses, LITERAL("")), 0);
    assert_int_equal(enum_value(&sample_statuses, LITERAL("opened")), 0);
    assert_true(text_is(enum_name(&sample_statuses, SAMPLE_CLOSED), "closed"));
    assert_null(enum_name(&sample_statuses, 0).data);
    assert_null(enum_name(&sample_statuses, 4).data);
    const struct field *email = field_by_name(&sample_fields, LITERAL("email"));
    assert_false(field_visible(email, SEEN_BY_STAFF));
    assert_true(field_visible(email, SEEN_BY_OWNER | SEEN_BY_STAFF));
    assert_true(field_visible(&sample_rows[1], 0));
    assert_false(field_visible(field_by_name(&sample_fields, LITERAL("password")), ~0u));
}

static void test_lists(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    LIST_OF(int64_t) numbers = {0};
    for (int64_t i = 0; i < 20; i++) {
        int64_t *shared = numbers.at;
        int64_t *added = LIST_ADD(arena, &numbers);
        assert_int_equal(*added, 0);
        *added = i;
        assert_int_equal(numbers.count, i + 1);
        if (i) assert_int_equal(shared[i - 1], i - 1);
    }
    LIST_REMOVE(&numbers, 19);
    LIST_REMOVE(&numbers, 0);
    LIST_REMOVE(&numbers, 4);
    assert_int_equal(numbers.count, 17);
    static const int64_t left[17] = {1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};
    assert_memory_equal(numbers.at, left, sizeof left);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound),   cmocka_unit_test(test_rows),     cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_nesting), cmocka_unit_test(test_look_ups), cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
