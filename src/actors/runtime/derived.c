/* Keys of what is derived from the log, and reads of it. A look-up asks the delta, the frozen delta, then the tables;
   a scan merges the three. What the tables do not hold in memory is read on a worker, remembered with the message, and
   the message runs again. */
#include "actors/runtime/internal.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

void key_start(struct key *key, enum space space)
{
    key->bytes[0] = (uint8_t)space;
    key->length = 1;
    key->too_long = false;
}

void key_add(struct key *key, const void *bytes, size_t length)
{
    if (key->length + length > sizeof key->bytes) {
        key->too_long = true;
        return;
    }
    memcpy(key->bytes + key->length, bytes, length);
    key->length += (uint32_t)length;
}

void key_add_number(struct key *key, uint16_t number)
{
    uint8_t bytes[2] = {(uint8_t)(number >> 8), (uint8_t)number};
    key_add(key, bytes, sizeof bytes);
}

/* Big-endian with the sign flipped: negative numbers sort before positive ones. */
void key_add_integer(struct key *key, int64_t value)
{
    uint64_t big = __builtin_bswap64((uint64_t)value ^ (UINT64_C(1) << 63));
    key_add(key, &big, sizeof big);
}

/* Zero-terminated, with 0 escaped as 0 255, so that no text is another one's prefix. */
void key_add_text(struct key *key, struct text value)
{
    static const uint8_t escaped[2] = {0, 255}, end[2] = {0, 0};
    for (uint32_t i = 0; i < value.length; i++) {
        if (value.data[i])
            key_add(key, value.data + i, 1);
        else
            key_add(key, escaped, sizeof escaped);
    }
    key_add(key, end, sizeof end);
}

struct text key_text_of(const struct key *key)
{
    return (struct text){(const char *)key->bytes, key->length};
}

void entity_key(struct key *key, struct id tenant, const struct kind *kind, struct id id)
{
    key_start(key, SPACE_ENTITY);
    key_add(key, tenant.bytes, 16);
    key_add_number(key, kind->number);
    key_add(key, id.bytes, 16);
}

void index_prefix(struct key *key, struct id tenant, const struct kind *kind, const struct index *index)
{
    key_start(key, index->unique ? SPACE_UNIQUE : SPACE_INDEX);
#if !defined MUTANT || MUTANT != 38
    key_add(key, tenant.bytes, 16);
#endif
    key_add_number(key, kind->number);
    key_add_number(key, index->number);
}

/* ---- the writer that kinds' `keys` functions use ---- */
void key_writer_open(struct key_writer *writer, struct arena *arena, struct id tenant, const struct kind *kind,
                     const struct index *index)
{
    writer->arena = arena; /* the bytes of its keys need no zeroing */
    writer->keys = writer->first;
    writer->count = 0;
    writer->capacity = sizeof writer->first / sizeof *writer->first;
    writer->open = false;
    writer->suffix = NULL;
    index_prefix(&writer->prefix, tenant, kind, index);
}

void key_begin(struct key_writer *writer)
{
    writer->current.length = 0;
    writer->current.too_long = false;
    key_add(&writer->current, writer->prefix.bytes, writer->prefix.length);
    writer->open = true;
}

void key_id(struct key_writer *writer, struct id id)
{
    if (!writer->open) key_begin(writer);
    key_add(&writer->current, id.bytes, 16);
}

void key_integer(struct key_writer *writer, int64_t value)
{
    if (!writer->open) key_begin(writer);
    key_add_integer(&writer->current, value);
}

void key_text(struct key_writer *writer, struct text value)
{
    if (!writer->open) key_begin(writer);
    key_add_text(&writer->current, value);
}

void key_end(struct key_writer *writer)
{
    if (!writer->open) key_begin(writer);
    writer->open = false;
    if (writer->count == writer->capacity) {
        struct text *keys = ARENA_ARRAY(writer->arena, struct text, writer->capacity * 4);
        memcpy(keys, writer->keys, writer->count * sizeof *keys);
        writer->keys = keys;
        writer->capacity *= 4;
    }
    /* a value too long for a key is cut: lists then order equal prefixes by id, and unique values are limited by their fields */
    uint32_t length = writer->current.length;
    char *key = arena_take(writer->arena, length + sizeof(struct id));
    memcpy(key, writer->current.bytes, length);
    if (writer->suffix) {
        memcpy(key + length, writer->suffix->bytes, sizeof(struct id));
        length += (uint32_t)sizeof(struct id);
    }
    writer->keys[writer->count++] = (struct text){key, length};
}

void index_keys(struct key_writer *writer, struct arena *arena, struct id tenant, const struct kind *kind,
                const struct index *index, const void *entity)
{
    if (!entity) {
        writer->count = 0;
        return;
    }
    key_writer_open(writer, arena, tenant, kind, index);
    if (!index->unique) writer->suffix = &entity_of(entity)->id;
    index->keys(entity, writer);
    CHECK(!writer->open);
}

struct text prefix_end(struct arena *arena, struct text prefix)
{
    uint8_t *end = arena_copy(arena, prefix.data, prefix.length);
    uint32_t length = prefix.length;
    while (length && end[length - 1] == 255)
        length--;
    CHECK(length > 0);
    end[length - 1]++;
    return (struct text){(const char *)end, length};
}

struct text key_after(struct arena *arena, struct text key)
{
    char *after = arena_alloc(arena, key.length + 1);
    memcpy(after, key.data, key.length);
    return (struct text){after, key.length + 1};
}

bool space_each(struct store *store, enum space space, bool (*visit)(void *context, const struct table_row *row),
                void *context)
{
    char first = (char)space, end = (char)(space + 1);
    struct arena *arena = arena_create();
    struct text from = arena_text(arena, (struct text){&first, 1}), to = {&end, 1};
    struct table_row *rows = ARENA_ARRAY(arena, struct table_row, LIMIT_SCAN_ROWS);
    bool good = true;
    for (uint32_t count = LIMIT_SCAN_ROWS; good && count == LIMIT_SCAN_ROWS;) {
        struct arena *page = arena_create();
        count = 0;
        good = store->calls->scan(store, from, to, false, LIMIT_SCAN_ROWS, TIER_DISK, page, rows, &count) == FOUND;
        for (uint32_t i = 0; good && i < count; i++)
            good = visit(context, &rows[i]);
        if (good && count) from = key_after(arena, rows[count - 1].key);
        arena_destroy(page);
    }
    arena_destroy(arena);
    return good;
}

/* ---- reads on a worker ---- */
struct table_read {
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    struct arena *arena; /* the worker's own: the message's stays with the core */
    struct text key, from, to;
    bool scan, reverse;
    uint32_t limit, count;
    enum found found;
    struct text value;
    struct table_row *rows;
};

static void table_read_run(struct work *work)
{
    struct table_read *read = (struct table_read *)work;
    struct store *store = read->core->ports.store;
    if (read->scan) {
        read->rows = ARENA_ARRAY(read->arena, struct table_row, read->limit);
        read->count = 0;
        read->found = store->calls->scan(store, read->from, read->to, read->reverse, read->limit, TIER_DISK,
                                         read->arena, read->rows, &read->count);
    } else {
        read->found = store->calls->get(store, read->key, TIER_DISK, read->arena, &read->value);
    }
}

static void table_read_done(struct work *work)
{
    struct table_read *read = (struct table_read *)work;
    struct message *message = read->message;
    struct memo *memo = read->memo;
    memo->ready = true;
    memo->found = read->found == FOUND;
    if (read->found == DAMAGED) message->failures = LIMIT_RERUNS; /* run.c answers 500: never a wrong value */
    if (memo->found && !read->scan) memo->value = arena_text(message->arena, read->value);
    if (memo->found && read->scan) {
        memo->rows = ARENA_ARRAY(message->arena, struct table_row, read->count + 1);
        memo->row_count = read->count;
        for (uint32_t i = 0; i < read->count; i++) {
            memo->rows[i].key = arena_text(message->arena, read->rows[i].key);
            memo->rows[i].value = arena_text(message->arena, read->rows[i].value);
        }
    }
    struct core *core = read->core;
    arena_destroy(read->arena);
    free(read);
    message_loaded(core, message);
}

static struct memo *memo_find(struct message *message, struct text input, uint64_t generation)
{
    for (struct memo *memo = message->memos; memo; memo = memo->next)
        if (memo->generation == generation && text_equal(memo->input, input)) return memo;
    return NULL;
}

static struct memo *memo_add(struct message *message, struct text input, uint64_t generation)
{
    struct memo *memo = ARENA_NEW(message->arena, struct memo);
    memo->input = arena_text(message->arena, input);
    memo->generation = generation;
    memo->next = message->memos;
    message->memos = memo;
    return memo;
}

static struct table_read *table_read_start(struct core *core, struct message *message, struct text input)
{
    struct table_read *read = memory_alloc(sizeof *read);
    read->arena = arena_create();
    read->core = core;
    read->message = message;
    read->memo = memo_add(message, input, core->generation);
    read->work = (struct work){.run = table_read_run, .done = table_read_done, .class = WORK_READ};
    return read;
}

static void table_read_submit(struct core *core, struct table_read *read)
{
    read->message->loads++;
    if (core->ports.submit(core->ports.context, &read->work)) return;
    read->found = MISS; /* the pool is full: the message is answered 503 */
    read->message->failures = LIMIT_RERUNS + 1;
    read->message->loads--;
    read->memo->ready = true;
    arena_destroy(read->arena);
    free(read);
}

/* ---- between two checkpoints the tables do not change: hot ranges and unique keys are remembered ---- */
enum { SCANS_MOST_BYTES = 16 * 1024 * 1024 };
struct scanned {
    uint32_t count;
    struct table_row rows[];
};

void scans_open(struct core *core)
{
    core->scans = map_create();
    core->scan_memory = arena_create();
}

void scans_close(struct core *core)
{
    map_destroy(core->scans);
    arena_destroy(core->scan_memory);
}

void scans_forget(struct core *core)
{
    if (!map_count(core->scans)) return;
    scans_close(core);
    scans_open(core);
}

static void scan_remember(struct core *core, struct text input, const struct table_row *rows, uint32_t count)
{
    if (arena_used(core->scan_memory) > SCANS_MOST_BYTES) return;
    struct scanned *scanned = arena_take(core->scan_memory, sizeof *scanned + count * sizeof *rows);
    scanned->count = count;
    for (uint32_t i = 0; i < count; i++)
        scanned->rows[i] = (struct table_row){arena_text(core->scan_memory, rows[i].key),
                                              arena_text(core->scan_memory, rows[i].value)};
    map_set(core->scans, input.data, input.length, scanned);
}

/* No key of a range begins as that of a unique row does. */
struct unique_row {
    uint8_t id[16];
};

static void unique_remember(struct core *core, struct text key, struct text value)
{
    struct unique_row *row;
    if (value.length != sizeof row->id || arena_used(core->scan_memory) > SCANS_MOST_BYTES) return;
    row = arena_copy(core->scan_memory, value.data, sizeof row->id);
    map_set(core->scans, key.data, key.length, row);
}

enum found derived_get(struct core *core, struct message *message, bool wait, struct text key, struct arena *arena,
                       struct text *value)
{
    const struct ordered_entry *entry = ordered_get(core->delta, key);
    if (!entry && core->frozen) entry = ordered_get(core->frozen, key);
    if (entry) {
        if (entry->tombstone) return ABSENT;
        *value = entry->value;
        return FOUND;
    }
    struct store *store = core->ports.store;
    if (wait) return store->calls->get(store, key, TIER_DISK, arena, value);

    struct memo *memo = memo_find(message, key, core->generation);
    if (memo && !memo->ready) return MISS;
    if (memo) {
        *value = memo->value;
        return memo->found ? FOUND : ABSENT;
    }
    bool unique = key.data[0] == SPACE_UNIQUE;
    const struct unique_row *known = unique ? map_get(core->scans, key.data, key.length) : NULL;
    if (known) {
        *value = (struct text){(const char *)known->id, sizeof known->id};
        return FOUND;
    }
    enum found found = store->calls->get(store, key, TIER_MEMORY, arena, value);
    if (found == FOUND && unique) unique_remember(core, key, *value);
    if (found == DAMAGED) {
        message->failures = LIMIT_RERUNS;
        return MISS;
    }
    if (found != MISS) return found;
    struct table_read *read = table_read_start(core, message, key);
    read->key = arena_text(read->arena, key);
    table_read_submit(core, read);
    return MISS;
}

static struct text scan_input(struct arena *arena, struct text from, struct text to, bool reverse, uint32_t limit)
{
    struct buffer input = {.arena = arena};
    buffer_byte(&input, reverse ? 'r' : 'f');
    buffer_big32(&input, limit);
    buffer_big32(&input, from.length);
    buffer_text(&input, from);
    buffer_text(&input, to);
    return buffer_as_text(&input);
}

static enum found table_scan(struct core *core, struct message *message, bool wait, struct text from, struct text to,
                             bool reverse, struct arena *arena, uint32_t limit, struct table_row *rows, uint32_t *count)
{
    struct store *store = core->ports.store;
    if (wait) return store->calls->scan(store, from, to, reverse, limit, TIER_DISK, arena, rows, count);

    struct text input = scan_input(arena, from, to, reverse, limit);
    const struct scanned *scanned = map_get(core->scans, input.data, input.length);
    struct memo *memo = scanned ? NULL : memo_find(message, input, core->generation);
    if (memo && !memo->ready) return MISS;
    if (scanned || memo) {
        *count = scanned ? scanned->count : memo->row_count;
        if (*count) memcpy(rows, scanned ? scanned->rows : memo->rows, *count * sizeof *rows);
        return FOUND;
    }
    enum found found = store->calls->scan(store, from, to, reverse, limit, TIER_MEMORY, arena, rows, count);
    if (found == DAMAGED) {
        message->failures = LIMIT_RERUNS;
        return MISS;
    }
    if (found != MISS) {
        scan_remember(core, input, rows, *count);
        return FOUND;
    }
    struct table_read *read = table_read_start(core, message, input);
    read->scan = true;
    read->reverse = reverse;
    read->limit = limit;
    read->from = arena_text(read->arena, from);
    read->to = arena_text(read->arena, to);
    table_read_submit(core, read);
    return MISS;
}

/* ---- merged scan ---- */
struct cursor { /* over one delta */
    const struct ordered *map;
    const struct ordered_entry *entry;
};

static bool before_end(const struct ordered_entry *entry, struct text from, struct text to, bool reverse)
{
    if (!entry) return false;
    return reverse ? text_compare(entry->key, from) >= 0 : text_compare(entry->key, to) < 0;
}

static void cursor_open(struct cursor *cursor, const struct ordered *map, struct text from, struct text to,
                        bool reverse)
{
    cursor->map = map;
    cursor->entry = map ? (reverse ? ordered_before(map, to) : ordered_at_or_after(map, from)) : NULL;
    if (!before_end(cursor->entry, from, to, reverse)) cursor->entry = NULL;
}

static void cursor_next(struct cursor *cursor, struct text from, struct text to, bool reverse)
{
    cursor->entry = reverse ? ordered_before(cursor->map, cursor->entry->key) : ordered_next(cursor->entry);
    if (!before_end(cursor->entry, from, to, reverse)) cursor->entry = NULL;
}

struct merge {
    struct cursor newest, frozen;
    struct table_row *rows;
    uint32_t row, row_count;
};

/* The next key of the merge in scan order; the newest source decides what it holds. False: all are exhausted. */
static bool merge_next(struct merge *merge, struct text from, struct text to, bool reverse, struct table_row *out,
                       bool *tombstone)
{
    const struct text *best = NULL;
    const struct text *candidates[3] = {merge->newest.entry ? &merge->newest.entry->key : NULL,
                                        merge->frozen.entry ? &merge->frozen.entry->key : NULL,
                                        merge->row < merge->row_count ? &merge->rows[merge->row].key : NULL};
    for (int i = 0; i < 3; i++) {
        if (!candidates[i]) continue;
        int order = best ? text_compare(*candidates[i], *best) : -1;
        if (!best || (reverse ? order > 0 : order < 0)) best = candidates[i];
    }
    if (!best) return false;
    struct text key = *best;
    bool decided = false;
    *tombstone = false;
    for (int i = 0; i < 2; i++) {
        struct cursor *cursor = i ? &merge->frozen : &merge->newest;
        if (!cursor->entry || !text_equal(cursor->entry->key, key)) continue;
        if (!decided) {
            *tombstone = cursor->entry->tombstone;
            *out = (struct table_row){cursor->entry->key, cursor->entry->value};
            decided = true;
        }
        cursor_next(cursor, from, to, reverse);
    }
    if (merge->row < merge->row_count && text_equal(merge->rows[merge->row].key, key)) {
        if (!decided) *out = merge->rows[merge->row];
        merge->row++;
    }
    return true;
}

enum found derived_scan(struct core *core, struct message *message, bool wait, struct text from, struct text to,
                        bool reverse, struct arena *arena, struct table_row *rows, uint32_t *count)
{
    uint32_t limit = *count;
    *count = 0;
    uint32_t chunk_rows =
        limit + 4 < LIMIT_SCAN_ROWS ? limit + 4 : LIMIT_SCAN_ROWS; /* a few may be deleted in the delta */
    struct table_row *chunk = ARENA_ARRAY(arena, struct table_row, chunk_rows);
    for (;;) { /* once per chunk of table rows; ends because the range shrinks */
        uint32_t chunk_count = 0;
        enum found found = table_scan(core, message, wait, from, to, reverse, arena, chunk_rows, chunk, &chunk_count);
        if (found == MISS || found == DAMAGED) return found;
        bool more = chunk_count == chunk_rows;
        /* beyond the chunk's last key the tables are unknown: merge only up to it */
        struct text low = from, high = to;
        if (more && reverse) low = chunk[chunk_count - 1].key;
        struct merge merge = {.rows = chunk, .row_count = chunk_count};
        cursor_open(&merge.newest, core->delta, low, high, reverse);
        cursor_open(&merge.frozen, core->frozen, low, high, reverse);
        struct table_row row = {0};
        bool tombstone = false;
        while (*count < limit && merge_next(&merge, low, high, reverse, &row, &tombstone)) {
            if (more && !reverse && text_compare(row.key, chunk[chunk_count - 1].key) > 0) break;
            if (tombstone) continue;
            rows[*count].key = arena_text(arena, row.key);
            rows[*count].value = arena_text(arena, row.value);
            ++*count;
        }
        if (*count == limit || !more) return FOUND;
        struct text last = chunk[chunk_count - 1].key;
        if (reverse) {
            to = arena_text(arena, last);
        } else {
            from = key_after(arena, last);
        }
        chunk_rows = LIMIT_SCAN_ROWS;
        chunk = ARENA_ARRAY(arena, struct table_row, chunk_rows);
    }
}

void derived_set(struct core *core, struct text key, struct text value)
{
    ordered_set(core->delta, key, value);
    answers_row_changed(core->answers, key);
}

void derived_delete(struct core *core, struct text key)
{
    ordered_set_tombstone(core->delta, key);
    answers_row_changed(core->answers, key);
}
