/* Logs of earlier releases and forms replay. tests/golden/<release>[-<form>].log holds the master key, the slots and every record of a marketplace
   that a server of that release wrote; <release>.expected holds, for each kind in the log, how many entities there are and a hash
   over their ids, versions and states. What is derived may change with a release; what the log says may not.

     test_golden --write DATA KEY tests/golden/RELEASE       freezes the data of a stopped server */
#include "actors/all.h"
#include "actors/runtime/internal.h"
#include "store/slots.h"
#include "store/store.h"
#include "support/loopback.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct text file_bytes(struct arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return (struct text){0};
    struct buffer bytes = {.arena = arena};
    for (size_t got; (got = fread(buffer_reserve(&bytes, 65536), 1, 65536, file)) > 0;)
        bytes.length += got;
    fclose(file);
    return buffer_as_text(&bytes);
}

static uint32_t big32(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* ---- a world that starts from records ---- */
static void durable(void *context, uint64_t lsn)
{
    (void)context, (void)lsn;
}

static void checkpointed(void *context, struct ordered *frozen)
{
    struct core **core = context;
    core_checkpointed(*core, frozen);
}

static void failed(void *context, const char *why)
{
    (void)context;
    fail_msg("the store failed: %s", why);
}

static bool no_work(void *context, struct work *work)
{
    (void)context, (void)work;
    return false;
}

static void no_chance(void *context, uint8_t out[32])
{
    (void)context;
    memset(out, 7, 32);
}

/* The keyring of the slots that a log begins with: master key, number of bytes, rows. */
static struct keyring *golden_keys(struct text log, struct text *records)
{
    static const uint8_t zeros[SLOT_SIZE];
    static const struct keyring_port port = {.random = NULL};
    assert_true(log.length > 36);
    struct keyring *keyring = keyring_create((const uint8_t *)log.data, &port);
    uint32_t size = big32(log.data + 32);
    assert_true(size % SLOT_SIZE == 0 && size <= log.length - 36);
    for (uint32_t slot = 0; slot < size / SLOT_SIZE; slot++) {
        const uint8_t *row = (const uint8_t *)log.data + 36 + (size_t)slot * SLOT_SIZE;
        assert_true(!memcmp(row, zeros, SLOT_SIZE) || keyring_load(keyring, slot, row));
    }
    assert_true(keyring_ready(keyring));
    *records = (struct text){log.data + 36 + size, log.length - 36 - size};
    return keyring;
}

/* One batch of all records, in the form of struct batch; returns their number. */
static uint64_t records_into(struct store *store, struct text records)
{
    struct batch *batch = memory_alloc(sizeof *batch);
    batch->first_lsn = 1;
    buffer_bytes(&batch->records, records.data, records.length);
    for (size_t at = 0; at < records.length; batch->last_lsn++) {
        assert_true(records.length - at >= 8);
        at += 8 + (size_t)big32(records.data + at) + big32(records.data + at + 4);
        assert_true(at <= records.length);
    }
    uint64_t last = batch->last_lsn;
    store->calls->append(store, batch);
    return last;
}

struct tally {
    uint64_t count;
    uint8_t hash[32];
};

static void tally_add(struct tally *tally, const struct entity *entity)
{
    struct buffer line = {0};
    char id[ID_TEXT_LENGTH + 1];
    id_format(entity->id, id);
    buffer_format(&line, "%s %lld %lld", id, (long long)entity->version, (long long)entity->status);
    tally->count++;
    hash_bytes((struct text){(const char *)tally->hash, 32}, buffer_as_text(&line), tally->hash);
    buffer_free(&line);
}

/* The entities of the tables, in key order. */
static struct text tally_text(struct arena *arena, struct core *core, struct store *store)
{
    struct tally tallies[512] = {0};
    struct text from = LITERAL("E"), to = LITERAL("F");
    struct table_row *rows = ARENA_ARRAY(arena, struct table_row, 256);
    for (uint32_t count = 256; count == 256;) {
        assert_int_equal(store->calls->scan(store, from, to, false, 256, TIER_DISK, arena, rows, &count), FOUND);
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *key = (const uint8_t *)rows[i].key.data;
            struct id tenant, id;
            memcpy(tenant.bytes, key + 1, 16);
            memcpy(id.bytes, key + 19, 16);
            uint16_t number = (uint16_t)(key[17] << 8 | key[18]);
            const struct kind *kind = registry_kind(core->registry, number);
            assert_non_null(kind);
            if (kind->derived) continue;
            struct block *block = snapshot_decode(core, tenant, kind, id, rows[i].value);
            assert_non_null(block);
            tally_add(&tallies[number], entity_of(block->state));
            block_release(block);
        }
        if (!count) break;
        char *after = arena_alloc(arena, rows[count - 1].key.length + 1);
        memcpy(after, rows[count - 1].key.data, rows[count - 1].key.length);
        from = (struct text){after, rows[count - 1].key.length + 1};
    }
    struct buffer out = {.arena = arena};
    for (uint16_t number = 0; number < 512; number++) {
        if (!tallies[number].count) continue;
        buffer_format(&out, "%s %llu ", registry_kind(core->registry, number)->name,
                      (unsigned long long)tallies[number].count);
        for (int i = 0; i < 8; i++)
            buffer_format(&out, "%02x", tallies[number].hash[i]);
        buffer_byte(&out, '\n');
    }
    return buffer_as_text(&out);
}

static void differs(void *context, const char *difference, struct text key)
{
    (void)key;
    fprintf(stderr, "%s\n", difference);
    ++*(int *)context;
}

/* Replays the records; gives the tally, and checks that a second replay comes to the same rows. */
static struct text replayed(struct arena *arena, struct text log)
{
    struct core *core = NULL;
    char problem[256] = "";
    const struct registry *registry = souk_registry(arena);
    struct store_events events = {&core, durable, checkpointed, failed};
    struct store *store = memory_store_create(&events);
    struct text records;
    struct keyring *keyring = golden_keys(log, &records);
    struct token_key token_key = {.id = "golden"};
    records_into(store, records);
    struct ports ports = {.store = store,
                          .submit = no_work,
                          .random = no_chance,
                          .keyring = keyring,
                          .token_keys = &token_key,
                          .token_key_count = 1};
    struct core_config config = {.actors_memory = 1 << 28, .default_tenant = LITERAL("default")};
    memory_store_crash(store, 1);          /* as a restart finds it: a log, and no tables */
    memory_store_set_stepped(store, true); /* a checkpoint during the replay is told when there is a core to tell */
    core = core_create(registry, &ports, &config, 0, problem);
    if (!core) fail_msg("%s", problem);
    checkpoint_go_on(core, UINT32_MAX);
    while (memory_store_step(store))
        continue;
    checkpoint_begin(core);
    checkpoint_go_on(core, UINT32_MAX);
    while (memory_store_step(store))
        continue;
    struct text text = tally_text(arena, core, store);
    memory_store_crash(store, 0);
    int differences = 0;
    assert_int_equal(core_verify(registry, &ports, &config, differs, &differences, problem), 0);
    core_destroy(core);
    store->calls->close(store);
    keyring_destroy(keyring);
    return text;
}

static void test_logs_of_all_releases(void **state)
{
    (void)state;
    glob_t logs;
    assert_int_equal(glob("tests/golden/*.log", 0, NULL, &logs), 0);
    for (size_t i = 0; i < logs.gl_pathc; i++) {
        struct arena *arena = arena_create();
        struct text log = file_bytes(arena, logs.gl_pathv[i]);
        struct text stem = {logs.gl_pathv[i], (uint32_t)strlen(logs.gl_pathv[i]) - 4};
        struct text expected = file_bytes(arena, arena_format(arena, "%.*s.expected", TEXT_ARGUMENTS(stem)).data);
        assert_true(log.length > 32 && expected.length > 0);
        struct text got = replayed(arena, log);
        if (!text_equal(got, expected)) fail_msg("%s gives\n%.*s", logs.gl_pathv[i], TEXT_ARGUMENTS(got));
        arena_destroy(arena);
    }
    globfree(&logs);
}

/* ---- freezing ---- */
static void told(void *context, uint64_t lsn)
{
    (void)context, (void)lsn;
}

static void put(const char *path, struct text bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.data, 1, bytes.length, file), bytes.length);
    assert_int_equal(fclose(file), 0);
}

static int freeze(const char *data, const char *key_path, const char *stem)
{
    struct arena *arena = arena_create();
    struct store_config config = {.path = data, .read_only = true};
    struct store_events events = {NULL, told, checkpointed, failed};
    char problem[PROBLEM_SIZE];
    int status = 0;
    struct store *store = store_open(&config, &events, problem, &status);
    if (!store) {
        fprintf(stderr, "%s\n", problem);
        return status;
    }
    struct buffer log = {.arena = arena};
    buffer_text(&log, file_bytes(arena, key_path));
    struct text slots = file_bytes(arena, arena_format(arena, "%s/" SLOTS_NAME, data).data);
    while (slots.length && !slots.data[slots.length - 1])
        slots.length--; /* room that no slot has yet */
    slots.length = (slots.length + SLOT_SIZE - 1) / SLOT_SIZE * SLOT_SIZE;
    buffer_big32(&log, slots.length);
    buffer_text(&log, slots);
    for (uint64_t lsn = 1; lsn <= store->calls->last_lsn(store); lsn++) {
        struct text head, body;
        assert_int_equal(store->calls->read_log(store, lsn, arena, &head, &body), FOUND);
        buffer_big32(&log, head.length);
        buffer_big32(&log, body.length);
        buffer_text(&log, head);
        buffer_text(&log, body);
    }
    store->calls->close(store);
    put(arena_format(arena, "%s.log", stem).data, buffer_as_text(&log));
    put(arena_format(arena, "%s.expected", stem).data, replayed(arena, buffer_as_text(&log)));
    arena_destroy(arena);
    return 0;
}

int main(int count, char **arguments)
{
    if (count == 5 && !strcmp(arguments[1], "--write")) return freeze(arguments[2], arguments[3], arguments[4]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_logs_of_all_releases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
