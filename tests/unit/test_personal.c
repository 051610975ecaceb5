/* Sealed parts of snapshots: what opens, what reads as none, and what is damage. */
#include "actors/runtime/internal.h"
#include "schema/pack.h"
#include "support/loopback.h"
#include "support/thing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct loopback world;
static struct arena *arena;
static const struct id ann = {{1, 1}}, bob = {{2, 2}};

static int set_up(void **state)
{
    (void)state;
    loopback_open(&world, &thing_registry, thing_providers);
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    loopback_close(&world);
    return 0;
}

static struct text snapshot(struct id id, int64_t version, const char *note)
{
    struct thing thing = {.entity = {.id = id, .version = version}, .secret_note = text_of(note)};
    struct block *block = block_create(thing_kind.fields, &thing, 1);
    struct text bytes = snapshot_encode(world.core, arena, world.core->default_tenant, &thing_kind, block);
    block_release(block);
    return bytes;
}

/* The open part of one, with the sealed part of another. */
static struct text mixed(struct text open, struct text sealed)
{
    struct snapshot_parts one, other;
    struct buffer out = {.arena = arena};
    assert_true(snapshot_parts(open, &one) && snapshot_parts(sealed, &other));
    pack_array(&out, 3);
    pack_integer(&out, one.lsn);
    pack_bytes(&out, one.open);
    pack_bytes(&out, other.sealed);
    return buffer_as_text(&out);
}

/* The note; absent: it reads as none. False: damage. */
static bool note_of(struct id tenant, struct id id, struct text bytes, struct text *note)
{
    struct block *block = snapshot_decode(world.core, tenant, &thing_kind, id, bytes);
    if (!block) return false;
    *note = arena_text(arena, ((const struct thing *)block->state)->secret_note);
    block_release(block);
    return true;
}

/* Whoever can write to the disk cannot give one person's secrets to another, nor another time's. */
static void test_sealed_bytes_serve_in_one_place(void **state)
{
    (void)state;
    struct id tenant = world.core->default_tenant, elsewhere = {{9}};
    struct text of_ann = snapshot(ann, 1, "ann's"), of_bob = snapshot(bob, 1, "bob's"), later = snapshot(ann, 2, "new"),
                note;
    assert_true(note_of(tenant, ann, of_ann, &note) && text_is(note, "ann's"));
    assert_true(note_of(tenant, bob, of_bob, &note) && text_is(note, "bob's"));
    assert_false(note_of(tenant, ann, mixed(of_ann, of_bob), &note));
    assert_false(note_of(tenant, bob, mixed(of_bob, of_ann), &note));
    assert_false(note_of(tenant, ann, mixed(later, of_ann), &note));
    assert_false(note_of(elsewhere, ann, of_ann, &note));
    assert_false(note_of(tenant, bob, of_ann, &note));
}

/* Nothing is taken for erased that is not: a key that is not there is damage. */
static void test_erased_reads_as_none_and_lost_does_not(void **state)
{
    (void)state;
    struct id tenant = world.core->default_tenant;
    struct text of_ann = snapshot(ann, 1, "ann's"), of_bob = snapshot(bob, 1, "bob's"), note;
    struct snapshot_parts parts;
    keyring_erase(world.keyring, tenant, ann);
    assert_true(note_of(tenant, ann, of_ann, &note));
    assert_null(note.data);
    assert_true(note_of(tenant, ann, mixed(of_ann, of_bob), &note)); /* whatever it says, it is not read */
    assert_null(note.data);
    assert_true(snapshot_parts(snapshot(ann, 2, "again"), &parts));
    assert_null(parts.sealed.data); /* nothing is kept of her any more */
    assert_true(note_of(tenant, bob, of_bob, &note) && text_is(note, "bob's"));

    struct keyring *own = world.core->ports.keyring;
    static const uint8_t master[KEYRING_MASTER_SIZE] = {5};
    world.core->ports.keyring = keyring_create(master, NULL); /* slots of another server, or older ones */
    assert_false(note_of(tenant, ann, of_ann, &note));
    assert_false(note_of(tenant, bob, of_bob, &note));
    keyring_destroy(world.core->ports.keyring);
    world.core->ports.keyring = own;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sealed_bytes_serve_in_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_erased_reads_as_none_and_lost_does_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
