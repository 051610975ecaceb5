#include "base/heap.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static void test_empty(void **state)
{
    (void)state;
    struct heap heap = {0};
    assert_null(heap_first(&heap));
    assert_null(heap_pop(&heap));
    heap_free(&heap);
    heap_free(&heap);
}

static void test_order_of_insertion_among_equals(void **state)
{
    (void)state;
    enum { ITEMS = 1000 };
    static int items[ITEMS];
    struct heap heap = {0};
    for (int i = 0; i < ITEMS; i++)
        heap_push(&heap, i % 7, &items[i]);
    for (int due = 0; due < 7; due++)
        for (int i = due; i < ITEMS; i += 7) {
            assert_int_equal(heap_first(&heap)->due, due);
            assert_ptr_equal(heap_pop(&heap), &items[i]);
        }
    assert_null(heap_first(&heap));
    heap_free(&heap);
}

struct item {
    int64_t due;
    uint64_t sequence;
    bool waits;
};

/* The waiting item that is due first, found by looking at all. */
static struct item *model_first(struct item *items, size_t count)
{
    struct item *first = NULL;
    for (size_t i = 0; i < count; i++)
        if (items[i].waits && (!first || items[i].due < first->due)) first = &items[i];
    return first;
}

static void test_random_against_model(void **state)
{
    (void)state;
    enum { ITEMS = 3000 };
    static struct item items[ITEMS];
    uint64_t seed = 9;
    struct heap heap = {0};
    size_t waiting = 0, used = 0;
    while (used < ITEMS || waiting) {
        bool push = used < ITEMS && random_below(&seed, 100) < (used / 500 % 2 ? 40u : 65u);
        if (push) {
            int64_t due = (int64_t)random_below(&seed, 200) - 100;
            items[used] = (struct item){due, used, true};
            heap_push(&heap, due, &items[used++]);
            waiting++;
        } else if (waiting) {
            struct item *expected = model_first(items, used);
            assert_int_equal(heap_first(&heap)->due, expected->due);
            assert_ptr_equal(heap_first(&heap)->item, expected);
            assert_ptr_equal(heap_pop(&heap), expected);
            expected->waits = false;
            waiting--;
        }
        assert_int_equal(heap.count, waiting);
    }
    assert_null(heap_pop(&heap));
    heap_free(&heap);
}

static void test_extremes(void **state)
{
    (void)state;
    int a, b, c;
    struct heap heap = {0};
    heap_push(&heap, INT64_MAX, &a);
    heap_push(&heap, INT64_MIN, &b);
    heap_push(&heap, 0, &c);
    assert_ptr_equal(heap_pop(&heap), &b);
    assert_ptr_equal(heap_pop(&heap), &c);
    assert_ptr_equal(heap_pop(&heap), &a);
    heap_free(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_order_of_insertion_among_equals),
        cmocka_unit_test(test_random_against_model),
        cmocka_unit_test(test_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
