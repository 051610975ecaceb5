/* Whole histories: the input is a simulated world (tests/sim) and what happens in it, so that libFuzzer looks for the
   order of commands, faults and crashes that reaches new code, where the simulator draws them by chance.

     two bytes          choose the world: how many people, what stock, which limits
     nine bytes each    an operation: its kind, then its numbers a, b, c, d

   The auditor says what must hold: stock and money, what was acknowledged, views, keys, and that all comes to an end. */
#include "fuzz/fuzz.h"
#include "base/log.h"
#include "sim/world.h"
#include <stdlib.h>

enum { OPERATIONS_MOST = 80, SEEDS = 8 };

/* A simulated kill leaves what was under way where it was, as a real one does. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct arena *arena = arena_create();
    log_configure("error", false);
    struct history history = history_draw(arena, input_16(&input), 0);
    struct world *world = memory_alloc(sizeof *world);
    world_open(world, &history.terms);
    world_populate(world);
    for (uint32_t step = 1; step <= OPERATIONS_MOST && input.left && world_is_well(world); step++) {
        struct operation operation = {.kind = input_byte(&input) % OPERATION_COUNT};
        operation.a = input_16(&input);
        operation.b = input_16(&input);
        operation.c = input_16(&input);
        operation.d = input_16(&input);
        world->step = step;
        operate(world, &operation);
    }
    world->step++;
    if (world_is_well(world)) audit_end(world);
    if (world_is_well(world)) world_restart(world);
    MUST(world_is_well(world), "%s", world->verdict);
    world_close(world);
    free(world);
    arena_destroy(arena);
    return 0;
}

static void add_16(struct buffer *bytes, uint32_t value)
{
    buffer_byte(bytes, (char)(value >> 8));
    buffer_byte(bytes, (char)value);
}

/* Short histories as the simulator draws them. */
void fuzz_seeds(struct fuzz_seeds *seeds)
{
    struct arena *arena = arena_create();
    struct buffer bytes = {0};
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        struct history history = history_draw(arena, seed, OPERATIONS_MOST);
        add_16(&bytes, seed);
        for (uint32_t i = 0; i < history.count; i++) {
            const struct operation *operation = &history.at[i];
            buffer_byte(&bytes, (char)operation->kind);
            add_16(&bytes, operation->a);
            add_16(&bytes, operation->b);
            add_16(&bytes, operation->c);
            add_16(&bytes, operation->d);
        }
        fuzz_seed(seeds, &bytes);
    }
    buffer_free(&bytes);
    arena_destroy(arena);
}
