/* The tree of routes. Each node keeps its literal children in a small hash table keyed by the segment, and at most one
   child for a parameter. Nodes are made at start and never change. */
#include "net/router.h"
#include "base/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEGMENTS_MOST = 16,
    SLOTS_FIRST = 4 /* of a node's table; grown while building so that half stays free */
};

struct node {
    struct text literal; /* the segment that leads here; absent: a parameter, or a root */
    uint32_t hash;
    struct node **slots; /* literal children, open addressing */
    uint32_t slot_count, literal_count;
    struct node *parameter;
    const struct endpoint *methods[METHOD_COUNT];
    uint32_t method_bits;
};
struct router {
    struct arena *arena;
    struct node *api, *root;
    struct endpoint **endpoints;
    uint32_t size;
};

/* FNV-1a. Keys are the declared segments, so nobody can make them collide at run time. */
static uint32_t hash_of(struct text segment)
{
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < segment.length; i++)
        hash = (hash ^ (uint8_t)segment.data[i]) * 16777619u;
    return hash;
}

/* ---- building ---- */

static struct node *literal_child(const struct node *node, struct text segment)
{
    if (!node->slot_count) return NULL;
    uint32_t hash = hash_of(segment);
    for (uint32_t i = hash & (node->slot_count - 1); node->slots[i]; i = (i + 1) & (node->slot_count - 1))
        if (node->slots[i]->hash == hash && text_equal(node->slots[i]->literal, segment)) return node->slots[i];
    return NULL;
}

static void place(struct node *node, struct node *child)
{
    uint32_t i = child->hash & (node->slot_count - 1);
    while (node->slots[i])
        i = (i + 1) & (node->slot_count - 1);
    node->slots[i] = child;
}

static struct node *add_literal(struct router *router, struct node *node, struct text segment)
{
    struct node *child = literal_child(node, segment);
    if (child) return child;
    if (2 * (node->literal_count + 1) > node->slot_count) {
        struct node **old = node->slots;
        uint32_t old_count = node->slot_count;
        node->slot_count = old_count ? 2 * old_count : SLOTS_FIRST;
        node->slots = ARENA_ARRAY(router->arena, struct node *, node->slot_count);
        for (uint32_t i = 0; i < old_count; i++)
            if (old[i]) place(node, old[i]);
    }
    child = ARENA_NEW(router->arena, struct node);
    child->literal = segment;
    child->hash = hash_of(segment);
    place(node, child);
    node->literal_count++;
    return child;
}

static bool is_parameter(struct text segment)
{
    return segment.length > 2 && segment.data[0] == '{' && segment.data[segment.length - 1] == '}';
}

static bool add(struct router *router, const struct kind *kind, const struct command *command, const char *path,
                char problem[256])
{
    struct endpoint *endpoint = ARENA_NEW(router->arena, struct endpoint);
    bool below_api = !(path[0] == '/' && path[1] == '/');
    endpoint->route = (struct route){kind, command};
    endpoint->path = path;
    endpoint->path_text = text_of(below_api ? path : path + 1);
    endpoint->below_api = below_api;
    endpoint->method = METHOD_OTHER;
    for (int method = 0; method < METHOD_OTHER; method++)
        if (!strcmp(http_method_names[method], command->method)) endpoint->method = (enum http_method)method;
    if (endpoint->method == METHOD_OTHER || endpoint->method == METHOD_HEAD || endpoint->method == METHOD_OPTIONS ||
        path[0] != '/') {
        snprintf(problem, 256, "%s.%s: %s %s cannot be served", kind->name, command->name, command->method, path);
        return false;
    }

    struct node *node = below_api ? router->api : router->root;
    struct text rest = text_of(path + (below_api ? 1 : 2));
    uint32_t segments = 0;
    while (rest.data) {
        struct text segment = text_split(&rest, '/');
        bool parameter = is_parameter(segment);
        if (!segment.length || ++segments > SEGMENTS_MOST - 3 ||
            (parameter && endpoint->parameter_count == LIMIT_PATH_PARAMETERS)) {
            snprintf(problem, 256, "%s.%s: %s is malformed or too long", kind->name, command->name, path);
            return false;
        }
        if (!parameter) {
            node = add_literal(router, node, segment);
            continue;
        }
        endpoint->parameters[endpoint->parameter_count++] = (struct text){segment.data + 1, segment.length - 2};
        if (!node->parameter) node->parameter = ARENA_NEW(router->arena, struct node);
        node = node->parameter;
    }
    const struct endpoint *other = node->methods[endpoint->method];
    if (other) {
        snprintf(problem, 256, "%s.%s and %s.%s: both serve %s %s", kind->name, command->name, other->route.kind->name,
                 other->route.command->name, command->method, path);
        return false;
    }
    endpoint->number = router->size;
    router->endpoints = memory_resize(router->endpoints, (router->size + 1) * sizeof *router->endpoints);
    router->endpoints[router->size++] = endpoint;
    node->methods[endpoint->method] = endpoint;
    node->method_bits |= 1u << endpoint->method;
    return true;
}

static bool add_both(struct router *router, const struct kind *kind, const struct command *command, char problem[256])
{
    return (!command->path || add(router, kind, command, command->path, problem)) &&
           (!command->alias || add(router, kind, command, command->alias, problem));
}

struct router *router_create(const struct registry *registry, char problem[256])
{
    struct router *router = memory_alloc(sizeof *router);
    router->arena = arena_create();
    router->api = ARENA_NEW(router->arena, struct node);
    router->root = ARENA_NEW(router->arena, struct node);
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        for (const struct command *command = (*kind)->commands; command && command->name; command++) {
            if (!command->method || add_both(router, *kind, command, problem)) continue;
            router_destroy(router);
            return NULL;
        }
    for (const struct added_command *added = registry->added; added && added->kind; added++) {
        if (add_both(router, added->kind, &added->command, problem)) continue;
        router_destroy(router);
        return NULL;
    }
    return router;
}

void router_destroy(struct router *router)
{
    if (!router) return;
    free(router->endpoints);
    arena_destroy(router->arena);
    free(router);
}

uint32_t router_size(const struct router *router)
{
    return router->size;
}

const struct endpoint *router_endpoint(const struct router *router, uint32_t number)
{
    CHECK(number < router->size);
    return router->endpoints[number];
}

/* ---- matching ---- */

struct walk {
    enum http_method method;
    const struct text *segments;
    uint32_t count, methods;
    struct text values[LIMIT_PATH_PARAMETERS];
};

/* The first endpoint with the method, literals first. Gathers the methods of every node that the path fits. The tree has
   few nodes with both a literal and a parameter below them, so going back costs next to nothing. */
static const struct endpoint *walk(struct walk *walk_, const struct node *node, uint32_t at, uint32_t values)
{
    if (at == walk_->count) {
        walk_->methods |= node->method_bits;
        return node->methods[walk_->method];
    }
    const struct node *literal = literal_child(node, walk_->segments[at]);
    const struct endpoint *found = literal ? walk(walk_, literal, at + 1, values) : NULL;
    if (found || !node->parameter || !walk_->segments[at].length || values == LIMIT_PATH_PARAMETERS) return found;
    walk_->values[values] = walk_->segments[at];
    return walk(walk_, node->parameter, at + 1, values + 1);
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* Decodes once. What is then no plain word (a control, '/', '\', '%', not UTF-8) is refused: no name or id has it, and
   something behind us might decode again. */
static bool decode(struct arena *arena, struct text *segment)
{
    if (memchr(segment->data, '%', segment->length)) {
        char *out = arena_alloc(arena, segment->length + 1);
        uint32_t length = 0;
        for (uint32_t i = 0; i < segment->length; i++) {
            char c = segment->data[i];
            if (c == '%') {
                c = (char)(digit(segment->data[i + 1]) * 16 + digit(segment->data[i + 2]));
                i += 2;
                if ((unsigned char)c < ' ' || c == 127 || c == '/' || c == '\\' || c == '%') return false;
            }
            out[length++] = c;
        }
        *segment = (struct text){out, length};
        if (!text_is_utf8(*segment)) return false;
    }
    return !text_is(*segment, ".") && !text_is(*segment, "..");
}

/* Splits "/a/b" into a and b; false when a segment is bad, or empty before the last. *count stays 0 for more segments
   than any route has. */
static bool split(struct arena *arena, struct text path, struct text segments[SEGMENTS_MOST], uint32_t *count)
{
    struct text rest = {path.data + 1, path.length - 1};
    bool too_many = false;
    *count = 0;
    while (rest.data) {
        struct text segment = text_split(&rest, '/');
        if ((!segment.length && rest.data) || !decode(arena, &segment)) return false;
        if (*count == SEGMENTS_MOST)
            too_many = true;
        else
            segments[(*count)++] = segment;
    }
    if (too_many) *count = 0;
    return true;
}

enum match router_match(const struct router *router, enum http_method method, struct text path, struct arena *arena,
                        struct routed *routed)
{
    struct text segments[SEGMENTS_MOST];
    uint32_t count;
    *routed = (struct routed){0};
    if (path.data[0] != '/' || !split(arena, path, segments, &count)) return MATCH_BAD_PATH;

    struct walk walk_ = {.method = method == METHOD_HEAD ? METHOD_GET : method, .segments = segments, .count = count};
    const struct endpoint *found = NULL;
    if (count > 2 && text_is(segments[0], "api") && text_is(segments[1], "v1")) {
        walk_.segments = segments + 2;
        walk_.count = count - 2;
        found = walk(&walk_, router->api, 0, 0);
    } else {
        found = walk(&walk_, router->root, 0, 0);
        if (!found && !walk_.methods && count > 3 && text_is(segments[0], "api") && text_is(segments[2], "v1")) {
            routed->tenant_slug = segments[1];
            walk_.segments = segments + 3;
            walk_.count = count - 3;
            found = walk(&walk_, router->api, 0, 0);
        }
    }
    routed->methods = walk_.methods;
    if (!found) return walk_.methods ? MATCH_NO_METHOD : MATCH_NO_PATH;

    routed->endpoint = found;
    routed->path_count = found->parameter_count;
    for (uint32_t i = 0; i < found->parameter_count; i++) {
        struct path_parameter *parameter = &routed->path[i];
        parameter->name = found->parameters[i];
        parameter->value = walk_.values[i];
        if (!id_parse(parameter->value, &parameter->id)) parameter->id = ID_NONE;
    }
    return MATCH_FOUND;
}

struct text router_allow(struct arena *arena, uint32_t methods)
{
    struct buffer out = {.arena = arena};
    if (methods & 1u << METHOD_GET) methods |= 1u << METHOD_HEAD;
    methods |= 1u << METHOD_OPTIONS;
    for (int method = 0; method < METHOD_OTHER; method++) {
        if (!(methods & 1u << method)) continue;
        if (out.length) buffer_string(&out, ", ");
        buffer_string(&out, http_method_names[method]);
    }
    return buffer_as_text(&out);
}
