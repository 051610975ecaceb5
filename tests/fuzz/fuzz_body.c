/* Bodies and query strings of every command. The first two bytes choose the table, the rest is what a client sent.

   - an answer has a problem exactly when something was refused, and the problems are JSON;
   - what was accepted binds again, from its own rendering, to the same value, and passes through a snapshot unharmed;
   - a key that the table does not have, and one given twice, are refused whatever stands beside them;
   - memory stays below a multiple of the input. */
#include "base/errors.h"
#include "fuzz/fuzz.h"
#include "schema/codec.h"
#include "schema/json.h"
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

/* The widest element of a list has some hundred bytes, and needs three in a body. */
enum { MEMORY_FIXED = 256 * 1024, MEMORY_FACTOR = 600 };
static const uint32_t uses = 1u << TABLE_CREATE | 1u << TABLE_PATCH | 1u << TABLE_BODY | 1u << TABLE_QUERY;

struct attempt {
    struct arena *arena;
    void *value;
    struct binding binding;
    struct problems problems;
    enum error error;
};

static struct attempt attempt(const struct table *table, struct text bytes)
{
    struct attempt attempt = {.arena = arena_create()};
    struct problems *problems = &attempt.problems;
    attempt.value = arena_alloc(attempt.arena, table->fields->size);
    if (table->use == TABLE_PATCH) schema_initialise(table->fields, attempt.value);
    if (table->use == TABLE_QUERY)
        attempt.error =
            schema_bind_query(table->fields, bytes, attempt.arena, attempt.value, &attempt.binding, problems);
    else
        attempt.error = schema_bind(table->fields, bytes, table->use == TABLE_PATCH ? BIND_PATCH : BIND_CREATE,
                                    table->takes_version, attempt.arena, attempt.value, &attempt.binding, problems);
    size_t most = MEMORY_FIXED + (size_t)MEMORY_FACTOR * bytes.length;
    MUST(arena_used(attempt.arena) <= most, "%s: %zu bytes for %u", table->name, arena_used(attempt.arena),
         bytes.length);
    MUST(!attempt.error == !problems->count, "%s: error %d with %u problems", table->name, (int)attempt.error,
         problems->count);
    return attempt;
}

static void must_be_json(const char *what, struct text text)
{
    yyjson_doc *document = yyjson_read(text.data, text.length, 0);
    MUST(document, "%s: %.*s", what, TEXT_ARGUMENTS(text));
    yyjson_doc_free(document);
}

/* A body that was accepted, with one more member, is refused for that member. */
static void must_refuse(const struct table *table, struct text body, const char *name, const char *code)
{
    struct buffer more = {0};
    buffer_bytes(&more, body.data, body.length - 1);
    buffer_format(&more, "%s\"%s\":null}", body.length > 2 ? "," : "", name);
    struct attempt again = attempt(table, buffer_as_text(&more));
    bool found = false;
    for (uint32_t i = 0; i < again.problems.count; i++)
        found |= !strcmp(again.problems.at[i].code, code) && text_is(again.problems.at[i].path, name);
    MUST(again.error == ERROR_VALIDATION_FAILED && found, "%s took %.*s", table->name,
         TEXT_ARGUMENTS(buffer_as_text(&more)));
    arena_destroy(again.arena);
    buffer_free(&more);
}

static void check_strictness(const struct table *table, struct text body)
{
    must_refuse(table, body, "no_such_member", "unknown_field");
    char name[80];
    if (body.length < 4) return;
    struct text rest = {body.data + 2, body.length - 2}, first = text_split(&rest, '"');
    memcpy(name, first.data, first.length);
    name[first.length] = 0;
    must_refuse(table, body, name, "duplicate");
}

static void check_snapshot(const struct table *table, struct attempt *bound)
{
    struct buffer open = {.arena = bound->arena}, personal = {.arena = bound->arena};
    void *restored = arena_alloc(bound->arena, table->fields->size);
    schema_snapshot(&open, table->fields, bound->value, PART_OPEN);
    schema_snapshot(&personal, table->fields, bound->value, PART_PERSONAL);
    MUST(schema_restore(bound->arena, table->fields, buffer_as_text(&open), restored) &&
             schema_restore(bound->arena, table->fields, buffer_as_text(&personal), restored),
         "%s: a snapshot is not restored", table->name);
    MUST(schema_equal(table->fields, bound->value, restored), "%s: a snapshot changes the value", table->name);
}

static void check_accepted(const struct table *table, struct attempt *bound)
{
    struct buffer shown = {.arena = bound->arena}, rendered = {.arena = bound->arena}, again = {0};
    schema_render(&shown, table->fields, bound->value, ~0u);
    must_be_json(table->name, buffer_as_text(&shown));

    fuzz_render(&rendered, table->fields, bound->value, table->use);
    struct text body = buffer_as_text(&rendered);
    struct attempt second = attempt(table, body);
    MUST(!second.error, "%s: accepted, but not again: %.*s: %.*s %s %.*s", table->name, TEXT_ARGUMENTS(body),
         TEXT_ARGUMENTS(second.problems.at[0].path), second.problems.at[0].code,
         TEXT_ARGUMENTS(second.problems.at[0].error));
    fuzz_render(&again, table->fields, second.value, table->use);
    MUST(schema_equal(table->fields, bound->value, second.value) && text_equal(body, buffer_as_text(&again)),
         "%s: %.*s became %.*s", table->name, TEXT_ARGUMENTS(body), TEXT_ARGUMENTS(buffer_as_text(&again)));
    arena_destroy(second.arena);
    buffer_free(&again);
    check_strictness(table, body);
    check_snapshot(table, bound);
}

static void check_accepted_query(const struct table *table, struct text query)
{
    struct buffer more = {0};
    buffer_text(&more, query);
    buffer_string(&more, "&no_such_parameter=1");
    struct attempt again = attempt(table, buffer_as_text(&more));
    MUST(again.error == ERROR_VALIDATION_FAILED && text_is(again.problems.at[0].path, "no_such_parameter"),
         "%s took %.*s", table->name, TEXT_ARGUMENTS(buffer_as_text(&more)));
    arena_destroy(again.arena);
    buffer_free(&more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct table *tables;
    static uint32_t count;
    if (!tables) tables = fuzz_tables(uses, &count);
    struct input input = {data, size};
    const struct table *table = fuzz_table(tables, count, input_16(&input));
    struct text bytes = input_rest(&input);
    char *copy = fuzz_copy(bytes);
    bytes.data = copy;

    struct attempt bound = attempt(table, bytes);
    struct buffer problems = {.arena = bound.arena};
    schema_render_problems(&problems, &bound.problems);
    must_be_json(table->name, buffer_as_text(&problems));
    if (!bound.error && table->use == TABLE_QUERY)
        check_accepted_query(table, bytes);
    else if (!bound.error)
        check_accepted(table, &bound);
    arena_destroy(bound.arena);
    free(copy);
    return 0;
}

/* A sample for every table; it has to be accepted, so that the inside is reached. */
void fuzz_seeds(struct fuzz_seeds *seeds)
{
    uint32_t count;
    const struct table *tables = fuzz_tables(uses, &count);
    struct buffer bytes = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct table *table = &tables[i];
        buffer_byte(&bytes, (char)(table->hash >> 8));
        buffer_byte(&bytes, (char)table->hash);
        struct buffer body = {0};
        if (table->use == TABLE_QUERY)
            fuzz_sample_query(&body, table->fields);
        else
            fuzz_sample(&body, table->fields, table->use);
        struct attempt sample = attempt(table, buffer_as_text(&body));
        MUST(!sample.error, "the sample of %s is refused: %.*s: %.*s %s", table->name,
             TEXT_ARGUMENTS(buffer_as_text(&body)), TEXT_ARGUMENTS(sample.problems.at[0].path),
             sample.problems.at[0].code);
        arena_destroy(sample.arena);
        buffer_text(&bytes, buffer_as_text(&body));
        buffer_free(&body);
        fuzz_seed(seeds, &bytes);
    }
    buffer_free(&bytes);
    free((void *)(uintptr_t)tables);
}
