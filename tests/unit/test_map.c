#include "base/map.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The naive model: key number i has the value values[i], or NULL. */
struct model {
    char **keys;
    size_t *lengths;
    void **values;
    size_t key_count, count;
    uint8_t *seen;
};

static struct model model_create(size_t key_count, uint64_t *seed)
{
    struct model model = {calloc(key_count, sizeof(char *)),
                          calloc(key_count, sizeof(size_t)),
                          calloc(key_count, sizeof(void *)),
                          key_count,
                          0,
                          calloc(key_count, 1)};
    for (size_t i = 0; i < key_count; i++) {
        /* The number makes keys differ; the random bytes and lengths after it are what ids and texts look like. */
        uint32_t number = (uint32_t)i;
        model.lengths[i] = sizeof number + random_below(seed, 40);
        model.keys[i] = malloc(model.lengths[i]);
        memcpy(model.keys[i], &number, sizeof number);
        for (size_t k = sizeof number; k < model.lengths[i]; k++)
            model.keys[i][k] = (char)random_next(seed);
    }
    return model;
}

static void model_free(struct model *model)
{
    for (size_t i = 0; i < model->key_count; i++)
        free(model->keys[i]);
    free(model->keys);
    free(model->lengths);
    free(model->values);
    free(model->seen);
}

static void model_visit(void *context, const void *key, size_t length, void *value)
{
    struct model *model = context;
    uint32_t number;
    assert_true(length >= sizeof number);
    memcpy(&number, key, sizeof number);
    assert_true(number < model->key_count);
    assert_int_equal(length, model->lengths[number]);
    assert_memory_equal(key, model->keys[number], length);
    assert_ptr_equal(value, model->values[number]);
    assert_int_equal(model->seen[number], 0);
    model->seen[number] = 1;
}

static void check_all(struct map *map, struct model *model)
{
    assert_int_equal(map_count(map), model->count);
    for (size_t i = 0; i < model->key_count; i++)
        assert_ptr_equal(map_get(map, model->keys[i], model->lengths[i]), model->values[i]);
    memset(model->seen, 0, model->key_count);
    map_each(map, model_visit, model);
    for (size_t i = 0; i < model->key_count; i++)
        assert_int_equal(model->seen[i], model->values[i] != NULL);
}

static void set(struct map *map, struct model *model, size_t i, void *value)
{
    assert_ptr_equal(map_set(map, model->keys[i], model->lengths[i], value), model->values[i]);
    model->count += model->values[i] == NULL;
    model->values[i] = value;
}

static void drop(struct map *map, struct model *model, size_t i)
{
    assert_ptr_equal(map_remove(map, model->keys[i], model->lengths[i]), model->values[i]);
    model->count -= model->values[i] != NULL;
    model->values[i] = NULL;
}

static void test_empty(void **state)
{
    (void)state;
    struct map *map = map_create();
    assert_int_equal(map_count(map), 0);
    assert_null(map_get(map, "a", 1));
    assert_null(map_remove(map, "a", 1));
    map_destroy(map);
    map_destroy(NULL);
}

static void test_keys_are_counted_bytes(void **state)
{
    (void)state;
    int values[5];
    struct map *map = map_create();
    assert_null(map_set(map, "", 0, &values[0]));
    assert_null(map_set(map, "\0", 1, &values[1]));
    assert_null(map_set(map, "\0\0", 2, &values[2]));
    assert_null(map_set(map, "a\0b", 3, &values[3]));
    assert_null(map_set(map, "a\0c", 3, &values[4]));
    assert_ptr_equal(map_get(map, NULL, 0), &values[0]);
    assert_ptr_equal(map_get(map, "\0", 1), &values[1]);
    assert_ptr_equal(map_get(map, "\0\0", 2), &values[2]);
    assert_ptr_equal(map_get(map, "a\0b", 3), &values[3]);
    assert_ptr_equal(map_get(map, "a\0c", 3), &values[4]);
    assert_null(map_get(map, "a", 1));
    assert_ptr_equal(map_set(map, "a\0b", 3, &values[0]), &values[3]);
    assert_int_equal(map_count(map), 5);
    assert_ptr_equal(map_remove(map, "", 0), &values[0]);
    assert_null(map_get(map, "", 0));
    map_destroy(map);
}

static void test_keys_are_copied(void **state)
{
    (void)state;
    int value;
    char key[] = "key";
    struct map *map = map_create();
    map_set(map, key, 3, &value);
    memset(key, 'x', 3);
    assert_ptr_equal(map_get(map, "key", 3), &value);
    map_destroy(map);
}

/* Every key is looked up after every insert and removal, so also at each step of each growth. */
static void test_every_step_of_growth(void **state)
{
    (void)state;
    static char values[1200];
    uint64_t seed = 11;
    struct model model = model_create(sizeof values, &seed);
    struct map *map = map_create();
    for (size_t i = 0; i < model.key_count; i++) {
        set(map, &model, i, &values[i]);
        if (i % 3 == 2) drop(map, &model, random_below(&seed, i));
        check_all(map, &model);
    }
    for (size_t i = model.key_count; i-- > 0;) {
        drop(map, &model, i);
        check_all(map, &model);
    }
    map_destroy(map);
    model_free(&model);
}

static void test_100k_random_keys(void **state)
{
    (void)state;
    enum { KEYS = 100000 };
    static char values[KEYS];
    uint64_t seed = 12;
    struct model model = model_create(KEYS, &seed);
    struct map *map = map_create();
    /* Phases of mostly setting and mostly removing: growth meets removals, and removals meet a table that is left. */
    static const unsigned set_percent[] = {90, 20, 95, 50, 0, 100};
    for (size_t phase = 0; phase < sizeof set_percent / sizeof *set_percent; phase++) {
        for (int i = 0; i < 2 * KEYS; i++) {
            size_t key = random_below(&seed, KEYS);
            if (random_below(&seed, 100) < set_percent[phase])
                set(map, &model, key, &values[random_below(&seed, KEYS)]);
            else
                drop(map, &model, key);
            size_t other = random_below(&seed, KEYS);
            assert_ptr_equal(map_get(map, model.keys[other], model.lengths[other]), model.values[other]);
        }
        check_all(map, &model);
    }
    assert_true(map_count(map) > KEYS / 2);
    for (size_t i = 0; i < KEYS; i++)
        drop(map, &model, i);
    check_all(map, &model);
    set(map, &model, 5, values);
    check_all(map, &model);
    map_destroy(map);
    model_free(&model);
}

/* A set that is removed at once, for ever: the table neither fills with what was there nor grows. */
static void test_churn(void **state)
{
    (void)state;
    int value;
    struct map *map = map_create();
    for (uint64_t i = 0; i < 1000000; i++) {
        map_set(map, &i, sizeof i, &value);
        if (i < 10) continue;
        uint64_t old = i - 10;
        assert_ptr_equal(map_remove(map, &old, sizeof old), &value);
    }
    assert_int_equal(map_count(map), 10);
    map_destroy(map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_keys_are_counted_bytes),
        cmocka_unit_test(test_keys_are_copied),
        cmocka_unit_test(test_every_step_of_growth),
        cmocka_unit_test(test_100k_random_keys),
        cmocka_unit_test(test_churn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
