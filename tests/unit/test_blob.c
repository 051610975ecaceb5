/* Bytes beside the tables: written before their record, removed after it, swept when a crash came between. */
#include "actors/all.h"
#include "actors/catalog/media.h"
#include "actors/runtime/shadow.h"
#include "support/loopback.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct loopback world;
static struct registry registry;
static struct arena *arena;
static struct id ann, bob;

/* Whoever the message says. */
static enum error identify(struct tx *tx)
{
    (void)tx;
    return OK;
}

static int open_world(void **state)
{
    (void)state;
    arena = arena_create();
    registry = *souk_registry(arena);
    registry.identify = identify;
    loopback_open(&world, &registry, NULL);
    ann = id_derived("person", ID_NONE, ID_NONE);
    bob = id_derived("person", ann, ID_NONE);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    loopback_close(&world);
    arena_destroy(arena);
    return 0;
}

static struct asking upload_of(struct id user, const char *bytes, const char *query)
{
    return (struct asking){.kind = "media", .command = "upload", .user = user, .body = bytes, .query = query};
}

static const char *upload(struct id user, const char *bytes, const char *query, uint16_t status)
{
    struct said *said = loopback_ask(&world, upload_of(user, bytes, query));
    assert_true(said->answered);
    assert_int_equal(said->request.reply.status, status);
    const char *body = arena_text(arena, said->request.reply.body).data, *id = strstr(body, "\"id\":\"");
    said_free(said);
    return id ? arena_text(arena, (struct text){id + 6, ID_TEXT_LENGTH}).data : NULL;
}

static uint16_t ask(struct id user, const char *command, const char *id, struct text *bytes)
{
    struct said *said =
        loopback_ask(&world, (struct asking){.kind = "media", .command = command, .id = id, .user = user});
    assert_true(said->answered);
    uint16_t status = said->request.reply.status;
    if (bytes) *bytes = arena_text(arena, said->request.reply.body);
    said_free(said);
    return status;
}

static bool count_name(void *context, struct text name)
{
    (void)name;
    (*(unsigned *)context)++;
    return true;
}

static unsigned names(const char *prefix)
{
    unsigned count = 0;
    assert_true(world.store->calls->names(world.store, prefix, count_name, &count));
    return count;
}

static void assert_blobs(unsigned count)
{
    assert_int_equal(names("blob.n."), count);
    assert_int_equal(names("blob.v."), count);
}

static bool take_bytes(void *context, struct text name)
{
    struct text *bytes = context;
    return world.store->calls->noted(world.store, arena_text(arena, name).data, arena, bytes) == FOUND;
}

static void bytes_go_with_the_last_who_uses_them(void **state)
{
    (void)state;
    const char *first = upload(ann, "%PDF-1.4 a", NULL, 201), *second = upload(bob, "%PDF-1.4 a", NULL, 201);
    struct text bytes;
    assert_blobs(1);
    assert_string_equal(upload(ann, "%PDF-1.4 a", NULL, 200), first);
    upload(ann, "%PDF-1.4 b", NULL, 201);
    loopback_settle(&world);
    assert_blobs(2);
    assert_int_equal(ask(ann, "delete", first, NULL), 204);
    assert_int_equal(ask(bob, "read", second, &bytes), 200);
    assert_true(text_is(bytes, "%PDF-1.4 a"));
    assert_blobs(2);
    assert_int_equal(ask(bob, "delete", second, NULL), 204);
    loopback_settle(&world);
    assert_blobs(1);
    assert_string_equal(upload(bob, "%PDF-1.4 a", NULL, 201), second);
    assert_int_equal(ask(bob, "read", second, &bytes), 200);
    assert_blobs(2);
}

static void what_a_crash_left_is_swept(void **state)
{
    (void)state;
    const char *kept = upload(ann, "%PDF-1.4 kept", NULL, 201);
    struct text bytes;
    /* The bytes are written, and no record ever names them. */
    struct said *said = loopback_send(&world, upload_of(ann, "%PDF-1.4 lost", "visibility=private"));
    for (int i = 0; i < 20 && names("blob.v.") < 2; i++) {
        core_turn(world.core, world.now);
        loopback_work(&world, 0);
    }
    assert_blobs(2);
    assert_false(said->answered);
    loopback_crash(&world, 0);
    said_free(said);
    assert_blobs(1);
    assert_int_equal(ask(ann, "read", kept, &bytes), 200);
    assert_true(text_is(bytes, "%PDF-1.4 kept"));
}

static void what_was_dropped_goes_after_a_crash_too(void **state)
{
    (void)state;
    const char *id = upload(ann, "%PDF-1.4 gone", NULL, 201);
    assert_int_equal(ask(ann, "delete", id, NULL), 204);
    loopback_crash(&world, 1000);
    loopback_settle(&world);
    assert_blobs(0);
    assert_int_equal(ask(ann, "read", id, NULL), 404);
}

static void private_bytes_are_sealed(void **state)
{
    (void)state;
    const char *open = upload(ann, "%PDF-1.4 what the document says", NULL, 201);
    struct text bytes = {0};
    assert_true(world.store->calls->names(world.store, "blob.v.", take_bytes, &bytes));
    assert_true(text_is(bytes, "%PDF-1.4 what the document says"));
    assert_int_equal(ask(ann, "delete", open, NULL), 204);
    loopback_settle(&world);
    const char *sealed = upload(ann, "%PDF-1.4 what the document says", "visibility=private", 201);
    assert_true(world.store->calls->names(world.store, "blob.v.", take_bytes, &bytes));
    assert_int_equal(bytes.length, strlen("%PDF-1.4 what the document says") + SEAL_OVERHEAD);
    assert_null(strstr(bytes.data, "document"));
    assert_int_equal(ask(ann, "read", sealed, &bytes), 200);
    assert_true(text_is(bytes, "%PDF-1.4 what the document says"));
    assert_int_equal(ask(bob, "read", sealed, NULL), 404);
}

static void a_full_pool_stores_nothing(void **state)
{
    (void)state;
    world.refuse_work = 1;
    upload(ann, "%PDF-1.4 later", NULL, 503);
    assert_blobs(0);
    upload(ann, "%PDF-1.4 later", NULL, 201);
    assert_blobs(1);
}

/* Its bytes are written before anything is decided: who is refused again and again must not fill the disk. */
static void what_is_refused_is_not_kept(void **state)
{
    (void)state;
    static const char *const settings[] = {"media.files_most", "1", NULL};
    world.config.settings = settings;
    loopback_crash(&world, 0);
    const char *kept = upload(ann, "%PDF-1.4 one", NULL, 201);
    struct text bytes;
    for (int i = 0; i < 5; i++)
        upload(ann, arena_format(arena, "%%PDF-1.4 too much %d", i).data, i % 2 ? "visibility=private" : NULL, 409);
    loopback_settle(&world);
    assert_blobs(1);
    assert_int_equal(ask(ann, "read", kept, &bytes), 200);
    assert_true(text_is(bytes, "%PDF-1.4 one"));
    /* They go in the end also when no worker has time for them at once. */
    struct said *said = loopback_send(&world, upload_of(ann, "%PDF-1.4 much too much", NULL));
    for (int i = 0; i < 20 && names("blob.v.") < 2; i++) {
        core_turn(world.core, world.now);
        loopback_work(&world, 0);
    }
    world.refuse_work = 1;
    for (int i = 0; i < 20 && !said->answered; i++)
        core_turn(world.core, world.now);
    assert_int_equal(said->request.reply.status, 409);
    said_free(said);
    assert_int_equal(world.refuse_work, 0);
    assert_blobs(2);
    loopback_pass(&world, 2000);
    assert_blobs(1);
}

/* They lie on the disk beside the log, so it is looked at the sooner: time stands still here. */
static void a_disk_that_they_fill_is_noticed(void **state)
{
    (void)state;
    enum { ROOM = 1024 * 1024, SIZE = 50 * 1000, UPLOADS_MOST = 100 };
    uint64_t written = 0;
    uint16_t status = 201;
    memory_store_set_free_bytes(world.store, ROOM);
    loopback_pass(&world, 2000);
    for (int i = 0; i < UPLOADS_MOST && status == 201; i++) {
        const char *bytes = arena_format(arena, "%%PDF-1.4 %0*d", SIZE, i).data;
        struct said *said = loopback_ask(&world, upload_of(ann, bytes, NULL));
        status = said->request.reply.status;
        said_free(said);
        written += SIZE;
        memory_store_set_free_bytes(world.store, written < ROOM ? ROOM - written : 0);
    }
    assert_int_equal(status, 507);
    assert_true(written < ROOM + ROOM / 4);
}

static void a_dry_run_stores_nothing(void **state)
{
    (void)state;
    struct asking asking = upload_of(ann, "%PDF-1.4 would be", NULL);
    asking.dry_run = true;
    struct said *said = loopback_ask(&world, asking);
    assert_int_equal(said->request.reply.status, 201);
    said_free(said);
    assert_blobs(0);
}

static void note_difference(void *context, const char *difference, struct text key)
{
    (void)key;
    if (strstr(difference, "bytes")) (*(unsigned *)context)++;
}

static bool forget_name(void *context, struct text name)
{
    (void)context;
    return world.store->calls->note(world.store, arena_text(arena, name).data, (struct text){0});
}

static void verification_misses_them(void **state)
{
    (void)state;
    upload(ann, "%PDF-1.4 a", NULL, 201);
    upload(ann, "%PDF-1.4 b", "visibility=private", 201);
    loopback_pass(&world, 20000); /* a checkpoint */
    loopback_crash(&world, 1000);
    unsigned missing = 0;
    char problem[256];
    assert_int_equal(core_verify(&registry, &world.ports, &world.config, note_difference, &missing, problem), 0);
    assert_true(world.store->calls->names(world.store, "blob.v.", forget_name, NULL));
    assert_int_equal(core_verify(&registry, &world.ports, &world.config, note_difference, &missing, problem), 2);
    assert_int_equal(missing, 2);
}

static void what_the_bytes_are(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        uint32_t length;
        enum media_type type;
    } rows[] = {
        {"\x89PNG\r\n\x1A\n", 8, MEDIA_PNG},
        {"\x89PNG\r\n\x1A", 7, 0},
        {"\xFF\xD8\xFF", 3, MEDIA_JPEG},
        {"\xFF\xD8", 2, 0},
        {"GIF87a", 6, MEDIA_GIF},
        {"GIF89a;", 7, MEDIA_GIF},
        {"GIF88a", 6, 0},
        {"RIFF\x04\x00\x00\x00WEBPVP8L", 16, MEDIA_WEBP},
        {"RIFF\x04\x00\x00\x00WEBP", 12, 0},
        {"RIFF\x04\x00\x00\x00WAVEfmt ", 16, 0},
        {"%PDF-", 5, MEDIA_PDF},
        {" %PDF-1.4", 9, 0},
        {"<svg>", 5, 0},
        {"", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(media_sniff((struct text){rows[i].bytes, rows[i].length}), rows[i].type);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    static const struct CMUnitTest tests[] = {
        TEST(bytes_go_with_the_last_who_uses_them),
        TEST(what_a_crash_left_is_swept),
        TEST(what_was_dropped_goes_after_a_crash_too),
        TEST(private_bytes_are_sealed),
        TEST(a_full_pool_stores_nothing),
        TEST(what_is_refused_is_not_kept),
        TEST(a_disk_that_they_fill_is_noticed),
        TEST(a_dry_run_stores_nothing),
        TEST(verification_misses_them),
        cmocka_unit_test(what_the_bytes_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
