#include "base/arena.h"
#include "base/limits.h"
#include "unit/random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static bool is_zero(const char *block, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (block[i]) return false;
    return true;
}

static void test_blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    enum { BLOCKS = 500 };
    uint64_t seed = 1;
    struct arena *arena = arena_create();
    for (int round = 0; round < 5; round++) {
        char *blocks[BLOCKS];
        size_t sizes[BLOCKS];
        for (int i = 0; i < BLOCKS; i++) {
            sizes[i] = random_below(&seed, i % 50 == 0 ? 5 * LIMIT_ARENA_CHUNK : 100);
            blocks[i] = arena_alloc(arena, sizes[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            assert_true(is_zero(blocks[i], sizes[i]));
            memset(blocks[i], i % 255 + 1, sizes[i]);
        }
        for (int i = 0; i < BLOCKS; i++)
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal((uint8_t)blocks[i][k], i % 255 + 1);
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_destroy(arena);
}

static void test_used(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    assert_int_equal(arena_used(arena), 0);
    arena_alloc(arena, 1);
    assert_int_equal(arena_used(arena), 16);
    arena_alloc(arena, 16);
    assert_int_equal(arena_used(arena), 32);
    arena_alloc(arena, 100 * LIMIT_ARENA_CHUNK);
    assert_int_equal(arena_used(arena), 32 + 100 * LIMIT_ARENA_CHUNK);
    arena_reset(arena);
    assert_int_equal(arena_used(arena), 0);
    arena_destroy(arena);
    arena_destroy(NULL);
}

static void test_first_chunk_is_kept(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    void *first = arena_alloc(arena, 24);
    for (int i = 0; i < 100; i++)
        arena_alloc(arena, LIMIT_ARENA_CHUNK);
    arena_reset(arena);
    assert_ptr_equal(arena_alloc(arena, 24), first);
    arena_destroy(arena);
}

static void test_large_block_leaves_the_chunk_in_use(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    char *before = arena_alloc(arena, 16);
    arena_alloc(arena, 50 * LIMIT_ARENA_CHUNK);
    char *after = arena_alloc(arena, 16);
    assert_true(after > before && after - before <= 32); /* AddressSanitizer builds leave a gap */
    arena_destroy(arena);
}

static void test_empty_blocks_differ(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    void *a = arena_alloc(arena, 0), *b = arena_alloc(arena, 0), *c = arena_copy(arena, NULL, 0);
    assert_non_null(a);
    assert_ptr_not_equal(a, b);
    assert_ptr_not_equal(b, c);
    arena_destroy(arena);
}

static void test_copies(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    char source[] = "source";
    char *copy = arena_copy(arena, source, sizeof source);
    struct text text = arena_text(arena, text_of(source));
    source[0] = 'X';
    assert_string_equal(copy, "source");
    assert_string_equal(text.data, "source");
    assert_int_equal(text.length, 6);
    assert_null(arena_text(arena, (struct text){0}).data);
    struct text empty = arena_text(arena, LITERAL(""));
    assert_non_null(empty.data);
    assert_int_equal(empty.data[0], 0);
    assert_true(text_equal(arena_text(arena, LITERAL("a\0b")), LITERAL("a\0b")));

    uint64_t *numbers = ARENA_ARRAY(arena, uint64_t, 1000);
    struct text *one = ARENA_NEW(arena, struct text);
    assert_true(is_zero((char *)numbers, 8000));
    assert_null(one->data);
    arena_destroy(arena);
}

static void test_format(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    assert_string_equal(arena_format(arena, "%s-%d", "a", 5).data, "a-5");
    assert_int_equal(arena_format(arena, "%s", "").length, 0);
    for (int length = 250; length < 262; length++) { /* around the size that is tried first */
        struct text text = arena_format(arena, "%*d", length, 7);
        assert_int_equal(text.length, length);
        assert_int_equal(strlen(text.data), length);
        assert_int_equal(text.data[length - 1], '7');
    }
    struct text large = arena_format(arena, "%0*d", 100000, 1);
    assert_int_equal(large.length, 100000);
    assert_int_equal(large.data[99999], '1');
    arena_destroy(arena);
}

static void test_memory(void **state)
{
    (void)state;
    char *block = memory_alloc(100);
    assert_true(is_zero(block, 100));
    memset(block, 7, 100);
    block = memory_resize(block, 100000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(block[i], 7);
    free(block);
    free(memory_alloc(0));
    free(memory_resize(NULL, 0));
}

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
static void test_poison(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    char *block = arena_alloc(arena, 20), *next = arena_alloc(arena, 20);
    assert_false(__asan_address_is_poisoned(block + 19));
    assert_true(__asan_address_is_poisoned(block + 20));
    assert_true(__asan_address_is_poisoned(next - 1));
    assert_true(__asan_address_is_poisoned(next + 32));
    arena_reset(arena);
    assert_true(__asan_address_is_poisoned(block));
    arena_destroy(arena);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_used),
        cmocka_unit_test(test_first_chunk_is_kept),
        cmocka_unit_test(test_large_block_leaves_the_chunk_in_use),
        cmocka_unit_test(test_empty_blocks_differ),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_memory),
#ifdef __SANITIZE_ADDRESS__
        cmocka_unit_test(test_poison),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
