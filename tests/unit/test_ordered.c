#include "base/ordered.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MOST = 6, ROWS_MOST = 2000 };

/* The model: rows in key order, found by walking. */
struct row {
    char key[KEY_MOST];
    uint32_t length;
    int value; /* -1: a tombstone */
};
struct model {
    struct row rows[ROWS_MOST];
    size_t count;
};

static int row_compare(const struct row *row, struct text key)
{
    return text_compare((struct text){row->key, row->length}, key);
}

/* How many rows are before the key. */
static size_t rows_before(const struct model *model, struct text key)
{
    size_t at = 0;
    while (at < model->count && row_compare(&model->rows[at], key) < 0)
        at++;
    return at;
}

static bool has(const struct model *model, size_t at, struct text key)
{
    return at < model->count && row_compare(&model->rows[at], key) == 0;
}

static void model_set(struct model *model, struct text key, int value)
{
    size_t at = rows_before(model, key);
    if (!has(model, at, key)) {
        memmove(&model->rows[at + 1], &model->rows[at], (model->count - at) * sizeof *model->rows);
        model->count++;
        model->rows[at].length = key.length;
        memcpy(model->rows[at].key, key.data, key.length);
    }
    model->rows[at].value = value;
}

static void model_remove(struct model *model, struct text key)
{
    size_t at = rows_before(model, key);
    if (!has(model, at, key)) return;
    memmove(&model->rows[at], &model->rows[at + 1], (model->count - at - 1) * sizeof *model->rows);
    model->count--;
}

static void assert_row(const struct ordered_entry *entry, const struct model *model, size_t at)
{
    if (at >= model->count) {
        assert_null(entry);
        return;
    }
    assert_non_null(entry);
    assert_int_equal(row_compare(&model->rows[at], entry->key), 0);
    assert_int_equal(entry->tombstone, model->rows[at].value < 0);
    char value[16] = "";
    if (model->rows[at].value > 0) snprintf(value, sizeof value, "%d", model->rows[at].value);
    assert_true(text_is(entry->value, value));
}

static void check_queries(const struct ordered *map, const struct model *model, struct text key)
{
    size_t at = rows_before(model, key);
    bool found = has(model, at, key);
    assert_row(ordered_get(map, key), model, found ? at : SIZE_MAX);
    assert_row(ordered_at_or_after(map, key), model, at);
    assert_row(ordered_after(map, key), model, at + found);
    assert_row(ordered_before(map, key), model, at - 1);
}

static void check_all(const struct ordered *map, const struct model *model)
{
    assert_int_equal(ordered_count(map), model->count);
    assert_row(ordered_last(map), model, model->count - 1);
    const struct ordered_entry *entry = ordered_at_or_after(map, (struct text){0});
    for (size_t at = 0; at <= model->count; at++) {
        assert_row(entry, model, at);
        if (entry) entry = ordered_next(entry);
    }
}

/* Few letters and short keys, so that keys meet again and are prefixes of each other. */
static struct text random_key(uint64_t *seed, char out[KEY_MOST])
{
    static const char letters[] = {0, 'a', 'b', (char)0xFF};
    uint32_t length = (uint32_t)random_below(seed, KEY_MOST + 1);
    for (uint32_t i = 0; i < length; i++)
        out[i] = letters[random_below(seed, sizeof letters)];
    return (struct text){out, length};
}

static void test_empty(void **state)
{
    (void)state;
    struct ordered *map = ordered_create();
    assert_int_equal(ordered_count(map), 0);
    assert_null(ordered_get(map, LITERAL("a")));
    assert_null(ordered_at_or_after(map, LITERAL("")));
    assert_null(ordered_after(map, LITERAL("")));
    assert_null(ordered_before(map, LITERAL("z")));
    assert_null(ordered_last(map));
    ordered_remove(map, LITERAL("a"));
    ordered_destroy(map);
    ordered_destroy(NULL);
}

static void test_random_against_sorted_array(void **state)
{
    (void)state;
    static struct model model;
    uint64_t seed = 21;
    model.count = 0;
    struct ordered *map = ordered_create();
    size_t empty_bytes = ordered_bytes(map);
    for (int i = 0; i < 60000; i++) {
        char bytes[KEY_MOST], number[16];
        struct text key = random_key(&seed, bytes);
        bool shrink = i / 10000 % 2 && random_below(&seed, 10) < 6;
        int choice = shrink ? 9 : (int)random_below(&seed, 9);
        if (choice <= 5 && model.count < ROWS_MOST) {
            int value = choice ? (int)random_below(&seed, 100000) : 0; /* 0: the empty value */
            snprintf(number, sizeof number, "%d", value);
            ordered_set(map, key, value ? text_of(number) : LITERAL(""));
            model_set(&model, key, value);
        } else if (choice == 6 && model.count < ROWS_MOST) {
            ordered_set_tombstone(map, key);
            model_set(&model, key, -1);
        } else {
            ordered_remove(map, key);
            model_remove(&model, key);
        }
        check_queries(map, &model, key);
        check_queries(map, &model, random_key(&seed, bytes));
        if (i % 1000 == 0) check_all(map, &model);
    }
    check_all(map, &model);
    assert_true(model.count > 100);
    while (model.count) {
        struct row row = model.rows[random_below(&seed, model.count)];
        ordered_remove(map, (struct text){row.key, row.length});
        model_remove(&model, (struct text){row.key, row.length});
        check_all(map, &model);
    }
    assert_int_equal(ordered_bytes(map), empty_bytes);
    ordered_destroy(map);
}

static void test_absent_key_is_the_empty_one(void **state)
{
    (void)state;
    struct ordered *map = ordered_create();
    ordered_set(map, (struct text){0}, LITERAL("first"));
    assert_true(text_is(ordered_get(map, LITERAL(""))->value, "first"));
    assert_ptr_equal(ordered_at_or_after(map, (struct text){0}), ordered_get(map, LITERAL("")));
    assert_null(ordered_after(map, LITERAL("")));
    assert_null(ordered_before(map, LITERAL("")));
    ordered_destroy(map);
}

static void test_copies_and_replaces(void **state)
{
    (void)state;
    struct ordered *map = ordered_create();
    char key[] = "key", value[] = "value";
    ordered_set(map, text_of(key), text_of(value));
    memset(key, 'x', 3);
    memset(value, 'x', 5);
    const struct ordered_entry *entry = ordered_get(map, LITERAL("key"));
    assert_true(text_is(entry->value, "value"));

    /* A new value may be a part of the old one, and a key may be the entry's own. */
    ordered_set(map, entry->key, (struct text){entry->value.data + 1, 3});
    assert_ptr_equal(ordered_get(map, LITERAL("key")), entry);
    assert_true(text_is(entry->value, "alu"));
    ordered_set_tombstone(map, entry->key);
    assert_true(entry->tombstone);
    assert_int_equal(entry->value.length, 0);
    assert_int_equal(ordered_count(map), 1);
    ordered_set(map, entry->key, LITERAL("back"));
    assert_false(entry->tombstone);
    ordered_remove(map, entry->key);
    assert_int_equal(ordered_count(map), 0);
    ordered_destroy(map);
}

static void test_entries_stay_where_they_are(void **state)
{
    (void)state;
    enum { KEYS = 500 };
    const struct ordered_entry *entries[KEYS];
    const char *values[KEYS];
    char key[16];
    struct ordered *map = ordered_create();
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%03d", i);
        ordered_set(map, text_of(key), text_of(key));
        entries[i] = ordered_get(map, text_of(key));
        values[i] = entries[i]->value.data;
    }
    for (int i = 0; i < 10 * KEYS; i++) {
        snprintf(key, sizeof key, "x%d", i);
        ordered_set(map, text_of(key), LITERAL("more"));
    }
    for (int i = 0; i < KEYS; i += 2) {
        snprintf(key, sizeof key, "%03d", i);
        ordered_remove(map, text_of(key));
    }
    for (int i = 1; i < KEYS; i += 2) {
        snprintf(key, sizeof key, "%03d", i);
        assert_ptr_equal(ordered_get(map, text_of(key)), entries[i]);
        assert_ptr_equal(entries[i]->value.data, values[i]);
        assert_true(text_is(entries[i]->value, key));
    }
    ordered_destroy(map);
}

/* Order of insertion and what came between leave no trace: heights follow from keys. */
static void test_same_entries_same_shape(void **state)
{
    (void)state;
    enum { KEYS = 5000 };
    struct ordered *up = ordered_create(), *down = ordered_create();
    char key[16];
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%05d", i);
        ordered_set(up, text_of(key), LITERAL("v"));
        snprintf(key, sizeof key, "%05d", KEYS - 1 - i);
        ordered_set(down, text_of(key), LITERAL("another value"));
        ordered_set(down, LITERAL("between"), text_of(key));
    }
    ordered_remove(down, LITERAL("between"));
    for (int i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%05d", i);
        ordered_set(down, text_of(key), LITERAL("v"));
    }
    assert_int_equal(ordered_bytes(up), ordered_bytes(down));
    /* A third of a link per entry above level 0, give or take: the hash spreads numbers as it should. */
    size_t bare = KEYS * (sizeof(struct ordered_entry) + 3 * sizeof(void *) + 5 + 1);
    assert_in_range(ordered_bytes(up), bare + KEYS * 2, bare + KEYS * 4);
    ordered_destroy(up);
    ordered_destroy(down);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_random_against_sorted_array),
        cmocka_unit_test(test_absent_key_is_the_empty_one),
        cmocka_unit_test(test_copies_and_replaces),
        cmocka_unit_test(test_entries_stay_where_they_are),
        cmocka_unit_test(test_same_entries_same_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
