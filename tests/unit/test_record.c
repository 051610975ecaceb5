/* Records: what their parts share, what events repeat, and what was created are told in fewer bytes, and say the same. */
#include "actors/runtime/record.h"
#include "actors/runtime/envelope.h"
#include "actors/runtime/kind.h"
#include "schema/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LINES_MOST = 200 };

/* ---- a kind ---- */
struct line {
    struct id product_id;
    struct money price;
};
struct receipt {
    struct entity entity;
    struct id customer_id;
    struct money total;
    int64_t paid_at;
    LIST_OF(struct line) lines;
};
/* clang-format off */
static const struct field line_rows[] = {
    ID(line,    1, product_id, .doc = "what"),
    MONEY(line, 2, price,      .doc = "for how much"),
};
static const struct fields line_fields = FIELDS("line", struct line, line_rows);
static const struct field receipt_rows[] = {
    ENTITY_ROW(receipt),
    ID(receipt,    2, customer_id, .doc = "whose"),
    MONEY(receipt, 3, total,       .doc = "of all"),
    TIME(receipt,  4, paid_at,     .doc = "when"),
    LIST(receipt,  5, lines, struct line, &line_fields, .max = LINES_MOST, .doc = "what for"),
};
static const struct fields receipt_fields = FIELDS("receipt", struct receipt, receipt_rows);
/* clang-format on */
static const uint16_t carried[] = {2, 3, 0};
static const struct event written = {1, "receipt.written", carried, &receipt_fields, "made"},
                          paid = {2, "receipt.paid", carried, &receipt_fields, "paid"},
                          shown = {3, "receipt.shown", carried, NULL, "seen"};
static const struct event *const events[] = {&written, &paid, &shown, NULL};
static const struct kind receipt_kind = {
    .number = 7, .name = "receipt", .plural = "receipts", .fields = &receipt_fields, .events = events};
static const struct kind *const kinds[] = {&receipt_kind, NULL};
static const struct registry registry = {.kinds = kinds};

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* ---- records ---- */
static struct receipt receipt_of(uint32_t lines)
{
    struct receipt receipt = {.entity = {.id = {{1}}, .version = 2, .created_at = 5000},
                              .customer_id = {{2}},
                              .total = {700, "EUR"},
                              .paid_at = 5000};
    for (uint32_t i = 0; i < lines; i++)
        *LIST_ADD(arena, &receipt.lines) = (struct line){.product_id = {{3, (uint8_t)(i / 256), (uint8_t)i}},
                                                         .price = money_of(i, i % 2 ? "EUR" : "USD")};
    return receipt;
}

static struct text bytes_of(struct shared *shared, const struct receipt *receipt)
{
    struct buffer out = {.arena = arena};
    schema_snapshot_shared(&out, shared, &receipt_fields, receipt, PART_OPEN);
    return buffer_as_text(&out);
}

/* What one command made: a receipt, which is written, paid and shown. As records were at first, or as they are now. */
static struct record record_of(const struct receipt *receipt, struct shared *shared)
{
    struct record record = {.tenant = {{9}},
                            .time = 5000,
                            .principal_kind = 1,
                            .principal = {{2}},
                            .kind = 7,
                            .subject = {{1}},
                            .command = LITERAL("pay")};
    if (shared) record_share(&record, shared);
    struct record_change *change = LIST_ADD(arena, &record.changes);
    *change = (struct record_change){.kind = 7, .version = 2, .id = {{1}}};
    struct receipt before = *receipt;
    before.total.amount = 1;
    struct buffer made = {.arena = arena}, moved = {.arena = arena};
    if (shared) {
        change->made = bytes_of(shared, receipt);
    } else {
        schema_diff(&made, &receipt_fields, NULL, receipt, PART_OPEN);
        change->open = buffer_as_text(&made);
    }
    struct text all = bytes_of(shared, receipt), first = bytes_of(shared, &before);
    *LIST_ADD(arena, &record.events) = (struct record_event){.number = 1, .version = 1, .carried = all, .data = first};
    struct record_event *row = LIST_ADD(arena, &record.events);
    *row = (struct record_event){.number = 2, .version = 2, .carried = all, .data = all};
    if (shared) {
        schema_diff_shared(&moved, shared, &receipt_fields, &before, receipt, PART_OPEN);
        *row = (struct record_event){.number = 2, .version = 2, .like = 1, .data = buffer_as_text(&moved)};
    }
    *LIST_ADD(arena, &record.events) = (struct record_event){.number = 3, .version = 3, .carried = all};
    return record;
}

struct encoded {
    struct text head, body;
};

static struct encoded encode(struct record *record)
{
    struct buffer head = {.arena = arena}, body = {.arena = arena};
    record_encode(record, &head, &body);
    return (struct encoded){buffer_as_text(&head), buffer_as_text(&body)};
}

/* All that is ever told of it: the line of the log, and its events. */
static struct text told(struct encoded encoded)
{
    struct buffer out = {.arena = arena};
    struct record record = {.lsn = 4};
    assert_true(record_decode(arena, encoded.head, encoded.body, &record));
    record_render(&out, arena, &registry, &record);
    for (uint32_t i = 0; i < record.events.count; i++) {
        struct envelope envelope;
        assert_true(envelope_open(&registry, &record, i, &envelope));
        buffer_byte(&out, '\n');
        envelope_render(&out, arena, &registry, NULL, &envelope);
    }
    return buffer_as_text(&out);
}

static void test_says_the_same(void **state)
{
    (void)state;
    static const uint32_t lines[] = {0, 1, 2, 20, LINES_MOST}; /* more ids than have a number */
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct shared shared;
        struct receipt receipt = receipt_of(lines[i]);
        struct record first = record_of(&receipt, NULL), now = record_of(&receipt, &shared);
        struct encoded as_first = encode(&first), as_now = encode(&now);
        struct text wanted = told(as_first), got = told(as_now);
        if (!text_equal(wanted, got)) fail_msg("%.*s\nis told as\n%.*s", TEXT_ARGUMENTS(wanted), TEXT_ARGUMENTS(got));
        assert_non_null(memmem(got.data, got.length, "\"amount\":700", 12));
        assert_true(2 * (as_now.head.length + as_now.body.length) < as_first.head.length + as_first.body.length ||
                    lines[i] < 2 || shared.count == SHARED_IDS_ADDED);
    }
}

/* The receipt that a record created is the one that was. */
static void test_made(void **state)
{
    (void)state;
    struct shared shared;
    struct receipt receipt = receipt_of(3), again = {0};
    struct record written_record = record_of(&receipt, &shared), read = {0};
    struct encoded encoded = encode(&written_record);
    assert_true(record_decode(arena, encoded.head, encoded.body, &read));
    assert_true(record_made(arena, &read, &read.changes.at[0], &receipt_kind, &again));
    assert_true(schema_equal(&receipt_fields, &receipt, &again));
    assert_true(id_equal(read.changes.at[0].id, receipt.entity.id));
}

static bool data_reads(const struct record *record, uint32_t number, const struct event *event)
{
    void *data;
    return record_event_data(arena, record, event, &record->events.at[number], &data) && data;
}

/* An event is like one before it, of the same entity, that is whole itself. */
static void test_like_is_strict(void **state)
{
    (void)state;
    struct shared shared;
    struct receipt receipt = receipt_of(1);
    struct record record = record_of(&receipt, &shared);
    static const struct {
        int64_t like, change;
        bool reads;
    } rows[] = {{1, 0, true}, {2, 0, false}, {3, 0, false}, {-1, 0, false}, {INT64_MAX, 0, false}, {1, 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        record.events.at[1].like = rows[i].like;
        record.events.at[1].change = rows[i].change;
        if (data_reads(&record, 1, &paid) != rows[i].reads) fail_msg("row %zu", i);
    }
    record.events.at[1].like = 1;
    record.events.at[1].change = 0;
    record.events.at[2].like = 2; /* which is like the first */
    assert_false(data_reads(&record, 2, &paid));
}

/* Heads that no encoder wrote. */
static void test_head_is_strict(void **state)
{
    (void)state;
    static const struct {
        uint32_t bytes;
        const char *currency;
        bool reads;
    } rows[] = {
        {0, "", true},
        {16 * (SHARED_IDS_MOST - 3), "USD", true}, /* three are known */
        {16 * (SHARED_IDS_MOST - 2), "USD", false},
        {17, "USD", false},
        {16, "US\"", false},
        {16, "usd", false},
        {16, "USDUSDU", true},
        {16, "USDUSDUS", false},
    };
    struct receipt receipt = receipt_of(1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record record = record_of(&receipt, NULL), read = {0};
        uint8_t *ids = arena_alloc(arena, rows[i].bytes + 1);
        for (uint32_t j = 0; j < rows[i].bytes; j += 16)
            ids[j] = (uint8_t)j;
        record.ids = (struct text){(const char *)ids, rows[i].bytes};
        record.currency = text_of(rows[i].currency);
        struct encoded encoded = encode(&record);
        if (record_decode(arena, encoded.head, encoded.body, &read) != rows[i].reads) fail_msg("row %zu", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_says_the_same), cmocka_unit_test(test_made),
                                       cmocka_unit_test(test_like_is_strict), cmocka_unit_test(test_head_is_strict)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
