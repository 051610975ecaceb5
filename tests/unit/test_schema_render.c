#include "schema/field.h"
#include "schema/json.h"
#include "unit/schema_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <yyjson.h>

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

static struct id id_of(uint8_t last)
{
    return (struct id){{[0] = 1, [15] = last}};
}

static struct text rendered(const struct fields *fields, const void *value, uint32_t relations)
{
    struct buffer out = {.arena = arena};
    schema_render(&out, fields, value, relations);
    return buffer_as_text(&out);
}

static void test_render(void **state)
{
    (void)state;
    struct sample_note note = {.body = LITERAL("b\"\\\n"), .likes = 0};
    assert_true(text_is(rendered(&sample_note_fields, &note, 0),
                        "{\"id\":null,\"status\":null,\"pinned\":false,\"body\":\"b\\\"\\\\\\n\",\"signature\":null}"));
    note.likes = -7;
    note.id = id_of(10);
    note.status = SAMPLE_CLOSED;
    assert_true(text_is(rendered(&sample_note_fields, &note, SEEN_BY_STAFF),
                        "{\"id\":\"01000000-0000-0000-0000-00000000000a\",\"status\":\"closed\",\"pinned\":false,"
                        "\"body\":\"b\\\"\\\\\\n\",\"signature\":null,\"likes\":-7}"));
    struct text_pair pairs[2] = {{LITERAL("k\""), LITERAL("v")}, {LITERAL("l"), {0}}};
    struct sample_line line = {.sku = LITERAL("s"),
                               .price = money_of(1999, "USD"),
                               .ships_at = 1769860800123,
                               .due_on = 20260131,
                               .options = {pairs, 2},
                               .cost = LITERAL("secret")};
    assert_true(text_is(
        rendered(&sample_line_fields, &line, ~0u),
        "{\"id\":null,\"sku\":\"s\",\"gift_message\":null,\"quantity\":0,\"price\":{\"amount\":1999,\"currency\":\"USD\"},"
        "\"ships_at\":\"2026-01-31T12:00:00.123Z\",\"due_on\":\"2026-01-31\",\"gift\":false,\"notes\":[],\"labels\":[],\"options\":{\"k\\\"\":\"v\",\"l\":null},\"last_note\":null}"));

    struct buffer out = {.arena = arena};
    static const struct fields nothing = {.name = "nothing"};
    assert_false(schema_render_members(&out, &nothing, &line, 0));
    assert_true(schema_render_members(&out, &sample_note_fields, &note, 0));
    assert_int_equal(out.data[0], '"');

    static const struct {
        const char *text, *json;
    } masked[] = {
        {NULL, "null"},
        {"", "\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\""},
        {"1234567", "\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\""},
        {"12345678", "\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2"
                     "5678\""},
        {"1234\xC3\xA4\xC3\xA4\xC3\xA4\"", "\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\xC3\xA4\xC3\xA4\xC3\xA4\\\"\""},
        {"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4", "\"\xE2\x80\xA2\xE2\x80\xA2\xE2\x80\xA2\""},
    };
    for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
        struct text card = text_of(masked[i].text);
        struct buffer field = {.arena = arena};
        schema_render_field(&field, field_by_name(&sample_fields, LITERAL("card")), &card, 0);
        assert_true(text_is(buffer_as_text(&field), masked[i].json));
    }
    static const struct {
        const char *bytes, *json;
        uint32_t length;
    } encoded[] = {{"", "\"\"", 0}, {"\0", "\"AA\"", 1}, {"\xff\xff", "\"__8\"", 2}, {"\xfb\xff\xbf", "\"-_-_\"", 3}};
    for (size_t i = 0; i < sizeof encoded / sizeof *encoded; i++) {
        struct text picture = {encoded[i].bytes, encoded[i].length};
        struct buffer field = {.arena = arena};
        schema_render_field(&field, field_by_name(&sample_fields, LITERAL("picture")), &picture, 0);
        assert_true(text_is(buffer_as_text(&field), encoded[i].json));
    }
    struct text password = LITERAL("hunter22");
    struct buffer field = {.arena = arena};
    schema_render_field(&field, field_by_name(&sample_fields, LITERAL("password")), &password, ~0u);
    assert_true(text_is(buffer_as_text(&field), "null"));
}

/* What yyjson reads is what the value has. */
static void expect_json(const struct fields *fields, const char *value, uint32_t relations, yyjson_val *json);

static void expect_same(const struct field *field, const char *member, uint32_t relations, yyjson_val *json)
{
    const struct list *list = (const struct list *)(const void *)member;
    const struct text *text = (const struct text *)(const void *)member;
    int64_t integer = 0;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT:
        if (field->flags & MASKED) return;
        if (!text->data)
            assert_true(yyjson_is_null(json));
        else
            assert_true(text_equal(*text, (struct text){yyjson_get_str(json), (uint32_t)yyjson_get_len(json)}));
        break;
    case FIELD_BOOL: assert_int_equal(yyjson_get_bool(json), *(const bool *)member); break;
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS:
        memcpy(&integer, member, sizeof integer);
        if (!integer && (field->flags & OPTIONAL))
            assert_true(yyjson_is_null(json));
        else
            assert_int_equal(yyjson_get_sint(json), integer);
        break;
    case FIELD_MONEY:
        memcpy(&integer, member, sizeof integer);
        if (yyjson_is_null(json))
            assert_int_equal(member[sizeof integer], 0);
        else
            assert_int_equal(yyjson_get_sint(yyjson_obj_get(json, "amount")), integer);
        break;
    case FIELD_STRUCT:
        if (yyjson_is_null(json))
            assert_true(field->flags & OPTIONAL);
        else
            expect_json(field->nested, member, relations, json);
        break;
    case FIELD_MAP: assert_int_equal(yyjson_obj_size(json), list->count); break;
    case FIELD_LIST:
        assert_true(yyjson_is_arr(json));
        assert_int_equal(yyjson_arr_size(json), list->count);
        for (uint32_t i = 0; i < list->count; i++) {
            size_t size = field->nested ? field->nested->size : field->element->size;
            const char *element = (const char *)list->at + size * i;
            if (field->nested)
                expect_json(field->nested, element, relations, yyjson_arr_get(json, i));
            else
                expect_same(field->element, element, relations, yyjson_arr_get(json, i));
        }
        break;
    default: assert_true(yyjson_is_null(json) || yyjson_is_str(json)); break;
    }
}

static void expect_json(const struct fields *fields, const char *value, uint32_t relations, yyjson_val *json)
{
    size_t members = 0;
    assert_true(yyjson_is_obj(json));
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        yyjson_val *member = yyjson_obj_get(json, field->name);
        assert_int_equal(member != NULL, field_visible(field, relations));
        if (!member) continue;
        members++;
        expect_same(field, value + field->offset, relations, member);
    }
    assert_int_equal(yyjson_obj_size(json), members);
}

static void test_render_reads_back(void **state)
{
    (void)state;
    struct sampler sampler = {.state = 7};
    for (int i = 0; i < 2000; i++) {
        sampler.arena = arena;
        struct sample *value = sample_new(&sampler);
        uint32_t relations = (uint32_t)random_below(&sampler.state, 4);
        struct text json = rendered(&sample_fields, value, relations);
        yyjson_doc *document = yyjson_read(json.data, json.length, 0);
        assert_non_null(document);
        expect_json(&sample_fields, (const char *)value, relations, yyjson_doc_get_root(document));
        yyjson_doc_free(document);
        arena_reset(arena);
    }
}

/* ---- Descriptions ---- */

static yyjson_doc *described(const struct fields *fields, enum schema_shape shape)
{
    struct buffer out = {.arena = arena};
    schema_describe(&out, fields, shape);
    yyjson_doc *document = yyjson_read(out.data, out.length, 0);
    assert_non_null(document);
    return document;
}

static void expect_at(yyjson_doc *document, const char *pointer, const char *json)
{
    yyjson_val *value = yyjson_doc_ptr_get(document, pointer);
    char *text = value ? yyjson_val_write(value, 0, NULL) : NULL;
    if (!json ? text != NULL : !text || strcmp(text, json) != 0)
        print_message("%s: %s\n", pointer, text ? text : "nothing");
    if (json)
        assert_string_equal(text ? text : "nothing", json);
    else
        assert_null(text);
    free(text);
}

static void test_describe(void **state)
{
    (void)state;
    yyjson_doc *create = described(&sample_fields, SHAPE_CREATE), *patch = described(&sample_fields, SHAPE_PATCH),
               *output = described(&sample_fields, SHAPE_OUTPUT);
    expect_at(create, "/type", "\"object\"");
    expect_at(create, "/required", "[\"title\"]");
    expect_at(create, "/additionalProperties", "false");
    expect_at(create, "/properties/title",
              "{\"type\":\"string\",\"minLength\":1,\"maxLength\":120,\"description\":\"shown on the card\"}");
    expect_at(
        create, "/properties/status",
        "{\"type\":[\"string\",\"null\"],\"enum\":[\"draft\",\"open\",\"closed\",null],\"default\":\"draft\",\"description\":\"state\"}");
    expect_at(create, "/properties/rank/minimum", "-5");
    expect_at(create, "/properties/rank/maximum", "5");
    expect_at(create, "/properties/email/format", "\"email\"");
    expect_at(create, "/properties/id", NULL);
    expect_at(create, "/properties/hash", NULL);
    expect_at(create, "/properties/version", NULL);
    expect_at(create, "/properties/password/writeOnly", "true");
    expect_at(create, "/properties/owner/x-refers", "\"user\"");
    expect_at(create, "/properties/price/required", "[\"amount\",\"currency\"]");
    expect_at(create, "/properties/price/properties/amount/maximum", "10000000000");
    expect_at(
        create, "/properties/tags",
        "{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":10},\"minItems\":1,\"maxItems\":5,\"description\":\"words\"}");
    expect_at(create, "/properties/lines/items/required", "[\"sku\",\"quantity\"]");
    expect_at(create, "/properties/lines/items/additionalProperties", "false");
    expect_at(create, "/properties/attributes/additionalProperties/maxLength", "200");
    expect_at(create, "/properties/depot/properties/country/pattern", "\"^[A-Za-z]{2}$\"");
    expect_at(patch, "/required", NULL);
    expect_at(patch, "/properties/version/type", "\"integer\"");
    expect_at(patch, "/properties/password", NULL);
    expect_at(patch, "/properties/title/type", "\"string\"");
    expect_at(patch, "/properties/about/type", "[\"string\",\"null\"]");
    expect_at(patch, "/properties/lines/items/required", NULL);
    expect_at(patch, "/properties/lines/items/properties/id/format", "\"uuid\"");
    expect_at(patch, "/properties/lines/items/properties/version", NULL);
    expect_at(output, "/additionalProperties", NULL);
    expect_at(
        output, "/properties/id",
        "{\"type\":[\"string\",\"null\"],\"format\":\"uuid\",\"readOnly\":true,\"description\":\"drawn by the server\"}");
    expect_at(output, "/properties/password", NULL);
    expect_at(output, "/properties/title/type", "\"string\"");
    expect_at(output, "/properties/title/maxLength", NULL);
    expect_at(output, "/properties/visits/type", "[\"integer\",\"null\"]");
    expect_at(output, "/properties/starts_at/format", "\"date-time\"");
    expect_at(output, "/properties/lines/items/properties/last_note/type", "[\"object\",\"null\"]");
    /* What only some may see is not promised. */
    yyjson_val *required = yyjson_doc_ptr_get(output, "/required"), *name;
    size_t index, most;
    bool card = false;
    yyjson_arr_foreach(required, index, most, name)
    {
        assert_string_not_equal(yyjson_get_str(name), "email");
        card |= !strcmp(yyjson_get_str(name), "card");
    }
    assert_true(card);
    yyjson_doc_free(create);
    yyjson_doc_free(patch);
    yyjson_doc_free(output);
}

static const char *names_of(uint32_t mask, char text[128])
{
    snprintf(text, 128, "%s", mask == SEEN_BY_OWNER ? "owner" : "staff|crew");
    return text;
}

static void test_reference(void **state)
{
    (void)state;
    struct buffer out = {.arena = arena};
    schema_reference(&out, &sample_fields, names_of);
    buffer_byte(&out, 0);
    static const char *const lines[] = {
        "| field | type | limits | seen by | meaning |\n|---|---|---|---|---|\n| `id` | id | read-only | all | drawn by the server |\n",
        "| `title` | text | required, 1 to 120 characters, one line, without control characters | all | shown on the card |\n",
        "| `email` | text | personal, 0 to 254 characters, an e-mail address such as ada@example.com | owner | to write to |\n",
        "| `visits` | integer |  | staff\\|crew | counted |\n",
        "| `owner` | id of a user |  | all | whose it is |\n",
        "| `lines` | list of sample_line | 0 to 50 | all | what is in it |\n",
        "| `lines[].notes[].status` | one of `draft`, `open`, `closed` |  | all | state |\n",
        "| `depot.hint.body` | text | required, 1 to 50 characters",
        "| `password` | text | set at creation, secret, 8 to 256 bytes, any text | nobody | to log in |\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!strstr(out.data, lines[i])) print_message("missing: %s\n%s", lines[i], out.data);
        assert_non_null(strstr(out.data, lines[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_render),
        cmocka_unit_test(test_render_reads_back),
        cmocka_unit_test(test_describe),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
