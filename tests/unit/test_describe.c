/* The documents of a registry: the test kind's, whose tables are in support/thing.c. */
#include "actors/runtime/describe.h"
#include "support/thing.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

static yyjson_val *at(yyjson_val *value, const char *pointer)
{
    yyjson_val *found = yyjson_ptr_getn(value, pointer, strlen(pointer));
    if (!found) fail_msg("nothing at %s", pointer);
    return found;
}

/* Every reference leads somewhere. */
static void check_references(yyjson_val *root, yyjson_val *value)
{
    yyjson_val *key, *member;
    size_t index, most;
    if (yyjson_is_arr(value)) {
        yyjson_arr_foreach(value, index, most, member) check_references(root, member);
    } else if (yyjson_is_obj(value)) {
        yyjson_obj_foreach(value, index, most, key, member)
        {
            if (strcmp(yyjson_get_str(key), "$ref") == 0) at(root, yyjson_get_str(member) + 1);
            check_references(root, member);
        }
    }
}

/* Every operation has a unique name, a tag and an answer; every route of the tables is there. */
static void test_openapi_has_every_route(void **state)
{
    (void)state;
    struct buffer out = {0}, again = {0};
    describe_openapi(&thing_registry, "1.2.3", false, &out);
    describe_openapi(&thing_registry, "1.2.3", false, &again);
    assert_int_equal(out.length, again.length);
    assert_memory_equal(out.data, again.data, out.length);

    yyjson_doc *document = yyjson_read(out.data, out.length, 0);
    assert_non_null(document);
    yyjson_val *root = yyjson_doc_get_root(document), *paths = at(root, "/paths");
    assert_string_equal(yyjson_get_str(at(root, "/info/version")), "1.2.3");
    check_references(root, root);
    size_t routes = 0, operations = 0, index, most, inner, inner_most;
    for (const struct kind *const *kind = thing_registry.kinds; *kind; kind++)
        for (const struct command *command = (*kind)->commands; command && command->name; command++)
            if (command->method) routes += 1 + (command->alias != NULL);
    const char *names[100] = {0};
    yyjson_val *path, *item, *method, *operation;
    yyjson_obj_foreach(paths, index, most, path, item)
    {
        yyjson_obj_foreach(item, inner, inner_most, method, operation)
        {
            if (strcmp(yyjson_get_str(method), "servers") == 0) continue;
            const char *name = yyjson_get_str(at(operation, "/operationId"));
            for (size_t i = 0; i < operations; i++)
                assert_string_not_equal(names[i], name);
            names[operations++] = name;
            assert_true(yyjson_obj_size(at(operation, "/responses")) >= 2);
            assert_int_equal(yyjson_arr_size(at(operation, "/tags")), 1);
        }
    }
    assert_true(routes > 3);
    assert_int_equal(operations, routes);
    yyjson_doc_free(document);
    buffer_free(&out);
    buffer_free(&again);
}

static void test_openapi_schemas(void **state)
{
    (void)state;
    struct buffer out = {0};
    describe_openapi(&thing_registry, "1", true, &out);
    yyjson_doc *document = yyjson_read(out.data, out.length, 0);
    assert_non_null(document);
    yyjson_val *root = yyjson_doc_get_root(document);
    yyjson_val *thing = at(root, "/components/schemas/thing/properties");
    assert_string_equal(yyjson_get_str(at(thing, "/id/format")), "uuid");
    assert_string_equal(yyjson_get_str(at(thing, "/status/enum/0")), "draft");
    assert_null(yyjson_obj_get(thing, "entity"));
    yyjson_val *body = at(root, "/components/schemas/thing_create");
    assert_false(yyjson_get_bool(at(body, "/additionalProperties")));
    assert_string_equal(yyjson_get_str(at(body, "/required/0")), "name");
    assert_null(yyjson_ptr_get(body, "/properties/id"));
    assert_non_null(yyjson_ptr_get(root, "/components/schemas/error/properties/code/enum/0"));
    yyjson_doc_free(document);
    buffer_free(&out);
}

static void test_references(void **state)
{
    (void)state;
    struct buffer fields = {0}, states = {0};
    describe_fields(&thing_registry, &fields);
    describe_states(&thing_registry, &states);
    buffer_byte(&fields, 0);
    buffer_byte(&states, 0);
    assert_non_null(strstr(fields.data, "\n## thing\n"));
    assert_non_null(strstr(fields.data, "| `quantity` |"));
    assert_non_null(strstr(fields.data, "### Endpoints"));
    assert_non_null(strstr(states.data, "```mermaid\n"));
    assert_non_null(strstr(states.data, "| draft | open | there are some | open | thing.opened |"));
    assert_non_null(strstr(states.data, "| deleted | restore |  | as before | thing.restored |"));
    assert_non_null(strstr(states.data, "| thing.created | 1 | name, quantity | made |"));
    buffer_free(&fields);
    buffer_free(&states);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openapi_has_every_route),
        cmocka_unit_test(test_openapi_schemas),
        cmocka_unit_test(test_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
