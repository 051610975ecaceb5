#include "base/webhook_signature.h"
#include "actors/runtime/endpoint.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>

static struct text bytes_of(struct arena *arena, const char *base64)
{
    size_t length;
    uint8_t *bytes = arena_alloc(arena, 128);
    assert_int_equal(
        sodium_base642bin(bytes, 128, base64, strlen(base64), NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    return (struct text){(const char *)bytes, (uint32_t)length};
}

/* The example that the specification's own libraries are tested with. */
static void test_example(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct text secret = bytes_of(arena, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    struct text signature = webhook_signature(arena, secret, LITERAL("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330,
                                              LITERAL("{\"test\": 2432232314}"));
    assert_true(text_is(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    assert_true(text_is(webhook_secret_text(arena, secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    arena_destroy(arena);
}

/* Any part that differs gives another signature, and so does a secret of any length. */
static void test_every_part_counts(void **state)
{
    (void)state;
    struct arena *arena = arena_create();
    struct text secret = bytes_of(arena, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), signatures[6];
    signatures[0] = webhook_signature(arena, secret, LITERAL("a"), 12, LITERAL("{}"));
    signatures[1] = webhook_signature(arena, secret, LITERAL("b"), 12, LITERAL("{}"));
    signatures[2] = webhook_signature(arena, secret, LITERAL("a"), 13, LITERAL("{}"));
    signatures[3] = webhook_signature(arena, secret, LITERAL("a"), 12, LITERAL("{ }"));
    signatures[4] = webhook_signature(arena, (struct text){secret.data, 23}, LITERAL("a"), 12, LITERAL("{}"));
    signatures[5] = webhook_signature(arena, secret, LITERAL("a"), 1, LITERAL("2.{}"));
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < i; k++)
            assert_false(text_equal(signatures[i], signatures[k]));
    arena_destroy(arena);
}

static void test_patterns(void **state)
{
    (void)state;
    struct text event = LITERAL("order.confirmed");
    static const char *const fits[] = {"*", "order.*", "order.confirmed"};
    static const char *const others[] = {
        "", ".*", "**", "order", "order.", "order*", "orde.*", "order.c*", "order.confirmed.*", "user.*"};
    for (size_t i = 0; i < sizeof fits / sizeof fits[0]; i++)
        assert_true(event_pattern_fits(text_of(fits[i]), event));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(event_pattern_fits(text_of(others[i]), event));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_example), cmocka_unit_test(test_every_part_counts),
                                       cmocka_unit_test(test_patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
