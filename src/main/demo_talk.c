/* Requests of the demo, and the little it reads of their answers. */
#include "main/demo_world.h"
#include "base/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same demo. */
unsigned demo_draw(struct demo *demo, unsigned below)
{
    uint64_t z = demo->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (unsigned)((z ^ z >> 31) % below);
}

struct text demo_text(struct demo *demo, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(demo->arena, format, arguments);
    va_end(arguments);
    return text;
}

const char *demo_target(struct demo *demo, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    struct text text = arena_vformat(demo->arena, format, arguments);
    va_end(arguments);
    return text.data;
}

struct demo_id demo_id_at(yyjson_val *object, const char *name)
{
    struct demo_id id = {""};
    const char *text = yyjson_get_str(yyjson_obj_get(object, name));
    if (text && strlen(text) == ID_TEXT_LENGTH) memcpy(id.text, text, ID_TEXT_LENGTH + 1);
    return id;
}

void demo_take_id(struct demo *demo, void *subject, int status, yyjson_val *data)
{
    (void)demo, (void)status;
    *(struct demo_id *)subject = demo_id_at(data, "id");
}

void demo_stage(struct demo *demo, const char *name)
{
    if (demo->terminal && !demo->failed) fprintf(stderr, "\r\033[Kdemo: %u requests, now %s", demo->done, name);
}

static void fail_with(struct demo *demo, const char *what, int status, const char *why)
{
    if (!demo->failed) snprintf(demo->problem, 256, "%.100s: %d %.120s", what, status, why ? why : "");
    demo->failed = true;
}

static void take_one(struct demo *demo)
{
    struct demo_expected expected = demo->expected[demo->expected_first];
    struct arena *arena = arena_create();
    struct client_reply reply;
    demo->expected_first = (demo->expected_first + 1) % DEMO_PIPELINE;
    demo->expected_count--;
    if (!demo->failed && !client_receive(demo->client, arena, &reply))
        fail_with(demo, expected.what, 0, client_problem(demo->client));
    if (!demo->failed) {
        yyjson_doc *document = yyjson_read(reply.body.data, reply.body.length, 0);
        yyjson_val *root = yyjson_doc_get_root(document);
        if (reply.status >= 300 && reply.status != expected.also)
            fail_with(demo, expected.what, reply.status, yyjson_get_str(yyjson_obj_get(root, "error")));
        else if (expected.taken)
            expected.taken(demo, expected.subject, reply.status, yyjson_obj_get(root, "data"));
        yyjson_doc_free(document);
        demo->done++;
    }
    arena_destroy(arena);
}

void demo_settle(struct demo *demo)
{
    while (demo->expected_count)
        take_one(demo);
}

/* The length of "/kind/id", of a target that has an id there; else 0. */
static size_t entity_length(const char *target)
{
    const char *id = strchr(target + 1, '/');
    size_t length = id ? strcspn(id + 1, "/?") : 0;
    return length == ID_TEXT_LENGTH ? (size_t)(id + 1 - target) + length : 0;
}

/* Is another command of the same entity under way? A request that has to wait for a row of the tables is overtaken by
   those behind it. The same command of many people, joining say, needs no order. */
static bool has_to_wait(const struct demo *demo, const char *target)
{
    size_t length = entity_length(target);
    for (unsigned i = 0; length && i < demo->expected_count; i++) {
        const char *other = strchr(demo->expected[(demo->expected_first + i) % DEMO_PIPELINE].what, ' ') + 1;
        if (entity_length(other) == length && !strncmp(other, target, length) && strcmp(other, target) != 0)
            return true;
    }
    return false;
}

void demo_ask(struct demo *demo, struct demo_call call)
{
    if (demo->failed) return;
    if (demo->expected_count == demo->window || has_to_wait(demo, call.target)) demo_settle(demo);
    struct text target = demo_text(demo, "%s%s", demo->base, call.target);
    /* Every change is wanted, whatever version it finds. */
    struct text headers = demo_text(demo, "%s%s", call.by ? call.by->authorization : "",
                                    strcmp(call.method, "PATCH") == 0 ? "If-Match: *\r\n" : "");
    client_send(demo->client, call.method, target, headers, call.body, call.content_type);
    unsigned at = (demo->expected_first + demo->expected_count++) % DEMO_PIPELINE;
    demo->expected[at] = (struct demo_expected){call.taken, call.subject,
                                                demo_target(demo, "%s %s", call.method, call.target), call.also};
}
