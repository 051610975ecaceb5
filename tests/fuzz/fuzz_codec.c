/* What souk reads back from its disk, damaged at will. The first byte chooses:

     0  two bytes for the table, then two snapshots with their lengths before them
     1  the same, then a snapshot and a diff
     2  the head of a record with its length before it, then its body
     3  two bytes for the table, then a snapshot row of an actor

   - damage is refused or gives a value; a value that was read is written and read again as the same;
   - the diff of two values leads from each to the other, its two parts in either order; there is none exactly between equals;
   - so it is with parts of a record, which share ids, currency and time;
   - memory stays below a multiple of what was read. */
#include "actors/runtime/internal.h"
#include "actors/runtime/record.h"
#include "fuzz/fuzz.h"
#include "schema/codec.h"
#include "schema/pack.h"
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

enum { MEMORY_FIXED = 64 * 1024 };

/* The largest list element below a table: one byte of a snapshot can stand for it. */
static size_t widest(const struct fields *fields)
{
    size_t most = sizeof(struct text_pair);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        size_t below = field->nested ? widest(field->nested) : 0;
        if (field->type == FIELD_LIST && field->nested && field->nested->size > most) most = field->nested->size;
        if (below > most) most = below;
    }
    return most;
}

static void must_be_bounded(const struct table *table, struct arena *arena, size_t before, size_t bytes, size_t value)
{
    size_t grown = arena_used(arena) - before, most = MEMORY_FIXED + value + 2 * (widest(table->fields) + 64) * bytes;
    MUST(grown <= most, "%s: %zu bytes of memory for %zu", table->name, grown, bytes);
}

static void must_be_json(const struct table *table, struct buffer *out)
{
    yyjson_doc *document = yyjson_read(out->data, out->length, YYJSON_READ_ALLOW_INVALID_UNICODE);
    MUST(document, "%s: %.*s", table->name, TEXT_ARGUMENTS(buffer_as_text(out)));
    yyjson_doc_free(document);
}

/* The value of a snapshot; NULL when it is refused. */
static void *restored(struct arena *arena, const struct table *table, struct text bytes)
{
    const struct fields *fields = table->fields;
    void *value = arena_alloc(arena, fields->size), *again = arena_alloc(arena, fields->size);
    size_t before = arena_used(arena);
    bool good = schema_restore(arena, fields, bytes, value);
    must_be_bounded(table, arena, before, bytes.length, 0);
    if (!good) return NULL;

    struct buffer both = {.arena = arena}, open = {.arena = arena}, personal = {.arena = arena};
    schema_snapshot(&both, fields, value, PART_BOTH);
    MUST(schema_restore(arena, fields, buffer_as_text(&both), again), "%s: not read again", table->name);
    MUST(schema_equal(fields, value, again), "%s: written and read, another value", table->name);
    schema_snapshot(&open, fields, value, PART_OPEN);
    schema_snapshot(&personal, fields, value, PART_PERSONAL);
    void *parts = arena_alloc(arena, fields->size);
    MUST(schema_restore(arena, fields, buffer_as_text(&open), parts) &&
             schema_restore(arena, fields, buffer_as_text(&personal), parts) && schema_equal(fields, value, parts),
         "%s: the two parts are not the value", table->name);

    size_t size;
    char *memory = schema_compact(fields, value, 0, &size);
    MUST(schema_equal(fields, value, memory), "%s: the copy is another value", table->name);
    struct buffer shown = {.arena = arena};
    schema_render(&shown, fields, memory, ~0u);
    must_be_json(table, &shown);
    free(memory);
    return value;
}

static struct text diff(struct arena *arena, const struct table *table, const void *a, const void *b, enum part part)
{
    struct buffer out = {.arena = arena};
    if (!schema_diff(&out, table->fields, a, b, part)) return (struct text){0};
    struct buffer shown = {.arena = arena};
    schema_diff_render(&shown, table->fields, buffer_as_text(&out), ~0u);
    must_be_json(table, &shown);
    return buffer_as_text(&out);
}

static void must_lead(struct arena *arena, const struct table *table, const struct text diffs[2], const void *from,
                      const void *to, enum direction direction, int first)
{
    void *value = schema_clone(table->fields, from, arena);
    for (int i = 0; i < 2; i++) {
        struct text part = diffs[i ^ first];
        MUST(!part.data || schema_apply(arena, table->fields, part, value, direction), "%s: a diff is not applied",
             table->name);
    }
    MUST(schema_equal(table->fields, value, to), "%s: a diff leads elsewhere (direction %d)", table->name,
         (int)direction);
}

static void two_values(struct arena *arena, const struct table *table, const void *a, const void *b)
{
    struct text diffs[2] = {diff(arena, table, a, b, PART_OPEN), diff(arena, table, a, b, PART_PERSONAL)};
    MUST(schema_equal(table->fields, a, b) == (!diffs[0].data && !diffs[1].data), "%s: a diff of equals, or none",
         table->name);
    for (int first = 0; first < 2; first++) {
        must_lead(arena, table, diffs, a, b, FORWARDS, first);
        must_lead(arena, table, diffs, b, a, BACKWARDS, first);
    }
}

/* The same as parts of a record, which say ids, currency and time by what its head says. */
static void must_share(struct arena *arena, const struct table *table, const void *a, const void *b)
{
    const struct fields *fields = table->fields;
    const struct entity *entity = a;
    struct record record = {.tenant = {{1}}, .time = entity->updated_at, .subject = entity->id}, again = {0};
    struct buffer made = {.arena = arena}, open = {.arena = arena}, head = {.arena = arena}, body = {.arena = arena};
    struct record_change changes[2] = {{.id = entity->id}, {.id = entity->id}};
    struct shared shared;
    record_share(&record, &shared);
    schema_snapshot_shared(&made, &shared, fields, a, PART_BOTH);
    changes[0].made = buffer_as_text(&made);
    if (schema_diff_shared(&open, &shared, fields, a, b, PART_BOTH)) changes[1].open = buffer_as_text(&open);
    record.changes.at = changes, record.changes.count = 2;
    record_encode(&record, &head, &body);
    MUST(record_decode(arena, buffer_as_text(&head), buffer_as_text(&body), &again), "%s: not read again", table->name);

    const struct record_change *read = again.changes.at;
    void *value = arena_alloc(arena, fields->size), *back = schema_clone(fields, b, arena);
    MUST(schema_restore_shared(arena, again.shared, fields, read[0].made, value) && schema_equal(fields, value, a),
         "%s: a shared snapshot is another value", table->name);
    if (!read[1].open.data) return;
    MUST(schema_apply_shared(arena, again.shared, fields, read[1].open, value, FORWARDS) &&
             schema_equal(fields, value, b),
         "%s: a shared diff leads elsewhere", table->name);
    MUST(schema_apply_shared(arena, again.shared, fields, read[1].open, back, BACKWARDS) &&
             schema_equal(fields, back, a),
         "%s: a shared diff leads elsewhere backwards", table->name);
}

static void damaged_diff(struct arena *arena, const struct table *table, const void *value, struct text bytes)
{
    size_t size;
    free(schema_compact(table->fields, value, 0, &size));
    for (int direction = FORWARDS; direction <= BACKWARDS; direction++) {
        void *copy = schema_clone(table->fields, value, arena);
        size_t before = arena_used(arena);
        if (schema_apply(arena, table->fields, bytes, copy, (enum direction)direction)) {
            struct buffer out = {.arena = arena};
            schema_snapshot(&out, table->fields, copy, PART_BOTH);
        }
        must_be_bounded(table, arena, before, bytes.length, 2 * size);
    }
    struct buffer shown = {.arena = arena};
    schema_diff_render(&shown, table->fields, bytes, ~0u);
    must_be_json(table, &shown);
}

static void record_of(struct arena *arena, struct text head, struct text body)
{
    struct record record = {0}, again = {0};
    if (!record_decode(arena, head, body, &record)) return;
    struct buffer heads[2] = {{.arena = arena}, {.arena = arena}};
    struct buffer bodies[2] = {{.arena = arena}, {.arena = arena}};
    record_encode(&record, &heads[0], &bodies[0]);
    MUST(record_decode(arena, buffer_as_text(&heads[0]), buffer_as_text(&bodies[0]), &again), "not read again");
    record_encode(&again, &heads[1], &bodies[1]);
    MUST(text_equal(buffer_as_text(&heads[0]), buffer_as_text(&heads[1])) &&
             text_equal(buffer_as_text(&bodies[0]), buffer_as_text(&bodies[1])),
         "written and read, another record");
    struct buffer shown = {.arena = arena};
    record_render(&shown, arena, fuzz_registry(), &record);
    yyjson_doc *document = yyjson_read(shown.data, shown.length, YYJSON_READ_ALLOW_INVALID_UNICODE);
    MUST(document, "no JSON: %.*s", TEXT_ARGUMENTS(buffer_as_text(&shown)));
    yyjson_doc_free(document);
}

/* ---- snapshot rows ---- */

/* As much of a core as snapshots need. */
static struct core *core(void)
{
    static const uint8_t master[KEYRING_MASTER_SIZE] = {7};
    static struct core *made;
    if (!made) {
        made = memory_alloc(sizeof *made);
        made->ports.keyring = keyring_create(master, NULL);
    }
    return made;
}

static const struct kind *kind_of(const struct table *table)
{
    return registry_kind_named(fuzz_registry(), table->name);
}

/* The id that a row is asked for is the one it says, so that the inside is reached. */
static struct id id_in(struct arena *arena, const struct table *table, struct text row)
{
    struct unpacker in = unpacker_of(row);
    uint32_t count;
    int64_t lsn;
    struct text open;
    void *value = arena_alloc(arena, table->fields->size);
    if (unpack_array(&in, &count) && unpack_integer(&in, &lsn) && unpack_bytes(&in, &open))
        schema_restore(arena, table->fields, open, value);
    return ((const struct entity *)value)->id;
}

static void snapshot_row(struct arena *arena, const struct table *table, struct text row)
{
    const struct kind *kind = kind_of(table);
    struct id tenant = {{1}}, id = id_in(arena, table, row), other = id;
    other.bytes[0] ^= 1;
    struct block *block = snapshot_decode(core(), tenant, kind, id, row);
    if (!block) return;
    MUST(!snapshot_decode(core(), tenant, kind, other, row), "%s: the row of another entity", table->name);
    struct text written = snapshot_encode(core(), arena, tenant, kind, block);
    struct block *again = snapshot_decode(core(), tenant, kind, id, written);
    MUST(again && again->lsn == block->lsn && schema_equal(kind->fields, block->state, again->state),
         "%s: written and read, another row", table->name);
    block_release(again);
    block_release(block);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct table *tables;
    static uint32_t count;
    if (!tables) tables = fuzz_tables(1u << TABLE_STATE, &count);
    char *copy = fuzz_copy((struct text){(const char *)data, (uint32_t)size});
    struct input input = {(const uint8_t *)copy, size};
    uint8_t choice = input_byte(&input) % 4;
    struct arena *arena = arena_create();
    if (choice == 2) {
        struct text head = input_take(&input, input_16(&input));
        record_of(arena, head, input_rest(&input));
    } else {
        const struct table *table = fuzz_table(tables, count, input_16(&input));
        if (choice == 3) {
            snapshot_row(arena, table, input_rest(&input));
        } else {
            void *a = restored(arena, table, input_take(&input, input_16(&input)));
            struct text rest = input_rest(&input);
            void *b = a && !choice ? restored(arena, table, rest) : NULL;
            if (b) two_values(arena, table, a, b);
            if (b) must_share(arena, table, a, b);
            if (a && choice) damaged_diff(arena, table, a, rest);
        }
    }
    arena_destroy(arena);
    free(copy);
    return 0;
}

/* ---- seeds: of every kind a value of zeros, and one that a create body makes ---- */

static void seed(struct fuzz_seeds *seeds, int choice, const struct table *table, struct text first, struct text second)
{
    struct buffer bytes = {0};
    buffer_byte(&bytes, (char)choice);
    if (table) {
        buffer_byte(&bytes, (char)(table->hash >> 8));
        buffer_byte(&bytes, (char)table->hash);
    }
    if (choice != 3) {
        buffer_byte(&bytes, (char)(first.length >> 8));
        buffer_byte(&bytes, (char)first.length);
    }
    buffer_text(&bytes, first);
    buffer_text(&bytes, second);
    fuzz_seed(seeds, &bytes);
    buffer_free(&bytes);
}

static void seed_table(struct fuzz_seeds *seeds, struct arena *arena, const struct table *table)
{
    struct buffer body = {.arena = arena}, snapshots[2] = {{.arena = arena}, {.arena = arena}};
    struct buffer change = {.arena = arena}, head = {.arena = arena}, record_body = {.arena = arena};
    struct problems problems = {0};
    struct binding binding;
    void *values[2] = {arena_alloc(arena, table->fields->size), arena_alloc(arena, table->fields->size)};
    fuzz_sample(&body, table->fields, TABLE_CREATE);
    schema_bind(table->fields, buffer_as_text(&body), BIND_CREATE, false, arena, values[1], &binding, &problems);
    struct entity *entity = values[1];
    *entity = (struct entity){.id = {{2}}, .version = 3, .status = 1, .created_at = 1000};
    for (int i = 0; i < 2; i++)
        schema_snapshot(&snapshots[i], table->fields, values[i], PART_BOTH);
    schema_diff(&change, table->fields, values[0], values[1], PART_BOTH);
    seed(seeds, 0, table, buffer_as_text(&snapshots[0]), buffer_as_text(&snapshots[1]));
    seed(seeds, 1, table, buffer_as_text(&snapshots[0]), buffer_as_text(&change));

    struct record_change changes[2] = {{.kind = kind_of(table)->number, .version = 1, .id = entity->id}};
    /* The first event is one that no kind has any more. */
    struct record_event events[] = {{.number = 999},
                                    {.number = 1, .version = 1, .to = 1, .carried = buffer_as_text(&snapshots[1])},
                                    {.number = 1, .version = 2, .to = 1, .like = 2}};
    struct record record = {.tenant = {{1}}, .time = 1000, .kind = changes[0].kind, .command = LITERAL("create")};
    struct buffer made = {.arena = arena};
    struct shared shared;
    record_share(&record, &shared);
    schema_snapshot_shared(&made, &shared, table->fields, values[1], PART_OPEN);
    changes[1] = changes[0];
    changes[0].open = buffer_as_text(&change);
    changes[1].made = buffer_as_text(&made);
    record.changes.at = changes, record.changes.count = 2;
    record.events.at = events, record.events.count = 3;
    record_encode(&record, &head, &record_body);
    seed(seeds, 2, NULL, buffer_as_text(&head), buffer_as_text(&record_body));

    struct block *block = block_create(table->fields, values[1], 7);
    seed(seeds, 3, table, snapshot_encode(core(), arena, (struct id){{1}}, kind_of(table), block), LITERAL(""));
    block_release(block);
}

void fuzz_seeds(struct fuzz_seeds *seeds)
{
    uint32_t count;
    const struct table *tables = fuzz_tables(1u << TABLE_STATE, &count);
    for (uint32_t i = 0; i < count; i++) {
        struct arena *arena = arena_create();
        seed_table(seeds, arena, &tables[i]);
        arena_destroy(arena);
    }
    free((void *)(uintptr_t)tables);
}
