/* From a request line to a command. The first byte chooses the method, the second what is encoded anew, the rest is the
   target, which comes through the HTTP parser as it does in a server.

   - a plain search through the list of endpoints finds the same one, with the same parameters and the same methods;
   - a path with any of its characters percent-encoded leads to the same place. */
#include "fuzz/fuzz.h"
#include "net/router.h"
#include <stdlib.h>
#include <string.h>

enum { SEGMENTS_MOST = 64 };

static const struct router *router(void)
{
    static struct router *made;
    char problem[256] = "";
    if (!made) made = router_create(fuzz_registry(), problem);
    MUST(made, "%s", problem);
    return made;
}

/* ---- the plain search ---- */

struct segments {
    struct text at[SEGMENTS_MOST];
    uint32_t count;
};

static bool decode(struct arena *arena, struct text raw, struct text *decoded)
{
    char *out = arena_alloc(arena, raw.length + 1);
    uint32_t length = 0;
    for (uint32_t i = 0; i < raw.length; i++, length++) {
        out[length] = raw.data[i];
        if (raw.data[i] != '%') continue;
        char digits[3] = {raw.data[i + 1], raw.data[i + 2], 0};
        long code = strtol(digits, NULL, 16);
        if (code < 32 || code == 127 || strchr("/\\%", (int)code)) return false;
        out[length] = (char)code;
        i += 2;
    }
    *decoded = (struct text){out, length};
    return text_is_utf8(*decoded) && !text_is(*decoded, ".") && !text_is(*decoded, "..");
}

/* False when the path is bad. Too many segments fit no endpoint. */
static bool split(struct arena *arena, struct text path, struct segments *segments)
{
    struct text rest = {path.data + 1, path.length - 1};
    segments->count = 0;
    while (rest.data) {
        struct text decoded, raw = text_split(&rest, '/');
        if ((!raw.length && rest.data) || !decode(arena, raw, &decoded)) return false;
        if (segments->count < SEGMENTS_MOST) segments->at[segments->count++] = decoded;
    }
    return true;
}

/* Whether the segments from `skip` on fit; *literals has a bit for each that is literal, the first one the highest. */
static bool fits(const struct endpoint *endpoint, const struct segments *segments, uint32_t skip, uint32_t *literals)
{
    struct text rest = text_of(endpoint->path + (endpoint->below_api ? 1 : 2));
    uint32_t at = skip;
    *literals = 0;
    for (; rest.data && at < segments->count; at++) {
        struct text segment = text_split(&rest, '/');
        bool parameter = segment.length && segment.data[0] == '{';
        if (parameter ? !segments->at[at].length : !text_equal(segment, segments->at[at])) return false;
        if (!parameter) *literals |= 1u << (31 - (at - skip));
    }
    return !rest.data && at == segments->count;
}

static const struct endpoint *search(const struct segments *segments, uint32_t skip, bool below_api,
                                     enum http_method method, uint32_t *methods)
{
    const struct endpoint *best = NULL;
    uint32_t best_literals = 0, literals;
    *methods = 0;
    for (uint32_t i = 0; i < router_size(router()); i++) {
        const struct endpoint *endpoint = router_endpoint(router(), i);
        if (endpoint->below_api != below_api || !fits(endpoint, segments, skip, &literals)) continue;
        *methods |= 1u << endpoint->method;
        if (endpoint->method != method || (best && literals < best_literals)) continue;
        best = endpoint;
        best_literals = literals;
    }
    return best;
}

struct found {
    enum match match;
    const struct endpoint *endpoint;
    struct text slug;
    uint32_t skip, methods;
};

static struct found search_all(const struct segments *segments, enum http_method method)
{
    struct found found = {0};
    if (method == METHOD_HEAD) method = METHOD_GET;
    bool api = segments->count > 2 && text_is(segments->at[0], "api");
    if (api && text_is(segments->at[1], "v1")) {
        found.skip = 2;
        found.endpoint = search(segments, 2, true, method, &found.methods);
    } else {
        found.endpoint = search(segments, 0, false, method, &found.methods);
        if (!found.methods && api && segments->count > 3 && text_is(segments->at[2], "v1")) {
            found.skip = 3;
            found.slug = segments->at[1];
            found.endpoint = search(segments, 3, true, method, &found.methods);
        }
    }
    found.match = found.endpoint ? MATCH_FOUND : found.methods ? MATCH_NO_METHOD : MATCH_NO_PATH;
    return found;
}

/* ---- comparing ---- */

static void must_match_search(enum http_method method, struct text path, enum match match, const struct routed *routed)
{
    struct arena *arena = arena_create();
    struct segments segments;
    struct found found = {.match = MATCH_BAD_PATH};
    if (path.data[0] == '/' && split(arena, path, &segments)) found = search_all(&segments, method);
    MUST(match == found.match, "%.*s: match %d, not %d", TEXT_ARGUMENTS(path), (int)match, (int)found.match);
    MUST(match != MATCH_NO_METHOD || routed->methods == found.methods, "%.*s: methods %x, not %x", TEXT_ARGUMENTS(path),
         routed->methods, found.methods);
    if (match == MATCH_FOUND) {
        MUST(routed->endpoint == found.endpoint, "%.*s: %s, not %s", TEXT_ARGUMENTS(path), routed->endpoint->path,
             found.endpoint->path);
        MUST(text_equal(routed->tenant_slug, found.slug), "%.*s: another tenant", TEXT_ARGUMENTS(path));
        struct text rest = text_of(found.endpoint->path + (found.endpoint->below_api ? 1 : 2));
        uint32_t values = 0;
        for (uint32_t at = found.skip; rest.data; at++) {
            struct text segment = text_split(&rest, '/');
            if (segment.data[0] != '{') continue;
            MUST(values < routed->path_count && text_equal(routed->path[values].value, segments.at[at]),
                 "%.*s: another parameter", TEXT_ARGUMENTS(path));
            values++;
        }
        MUST(values == routed->path_count, "%.*s: %u parameters", TEXT_ARGUMENTS(path), routed->path_count);
    }
    arena_destroy(arena);
}

/* Encodes the letters and digits that the pattern's bits choose. */
static struct text encode(struct arena *arena, struct text path, uint8_t pattern)
{
    struct buffer out = {.arena = arena};
    for (uint32_t i = 0; i < path.length; i++) {
        char c = path.data[i];
        bool coded = c == '%', plain = (c >= '0' && c <= '9') || (http_lower(c) >= 'a' && http_lower(c) <= 'z');
        if (coded) {
            buffer_bytes(&out, path.data + i, 3);
            i += 2;
        } else if (plain && pattern >> i % 8 & 1) {
            buffer_format(&out, i % 3 ? "%%%02x" : "%%%02X", (unsigned)c);
        } else {
            buffer_byte(&out, c);
        }
    }
    return buffer_as_text(&out);
}

static void must_be_same(struct text path, const struct routed *a, const struct routed *b)
{
    MUST(a->endpoint == b->endpoint && a->methods == b->methods && text_equal(a->tenant_slug, b->tenant_slug),
         "%.*s leads elsewhere when it is encoded", TEXT_ARGUMENTS(path));
    MUST(a->path_count == b->path_count, "%.*s has other parameters when it is encoded", TEXT_ARGUMENTS(path));
    for (uint32_t i = 0; i < a->path_count; i++)
        MUST(text_equal(a->path[i].value, b->path[i].value) && id_equal(a->path[i].id, b->path[i].id),
             "%.*s has other parameters when it is encoded", TEXT_ARGUMENTS(path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    enum http_method method = (enum http_method)(input_byte(&input) % METHOD_OTHER);
    uint8_t pattern = input_byte(&input);
    struct arena *arena = arena_create();
    struct buffer head = {.arena = arena};
    buffer_format(&head, "%s ", http_method_names[method]);
    buffer_text(&head, input_rest(&input));
    buffer_string(&head, " HTTP/1.1\r\nHost: a\r\n\r\n");

    struct http_parser *parser = http_parser_create(arena, &http_limits_default);
    size_t used;
    if (http_parse(parser, head.data, head.length, &used) == PARSE_COMPLETE && used == head.length) {
        struct text path = parser->request.path;
        struct routed routed, again;
        path.data = fuzz_copy(path);
        enum match match = router_match(router(), method, path, arena, &routed);
        must_match_search(method, path, match, &routed);
        if (path.data[0] == '/') {
            MUST(router_match(router(), method, encode(arena, path, pattern), arena, &again) == match,
                 "%.*s is answered otherwise when it is encoded", TEXT_ARGUMENTS(path));
            must_be_same(path, &routed, &again);
        }
        free((void *)(uintptr_t)path.data);
    }
    arena_destroy(arena);
    return 0;
}

/* Every route, plain and of a tenant. */
void fuzz_seeds(struct fuzz_seeds *seeds)
{
    struct buffer bytes = {0};
    for (uint32_t i = 0; i < router_size(router()); i++) {
        const struct endpoint *endpoint = router_endpoint(router(), i);
        buffer_byte(&bytes, (char)endpoint->method);
        buffer_byte(&bytes, (char)(i * 37));
        if (endpoint->below_api) buffer_string(&bytes, i % 2 ? "/api/v1" : "/api/acme/v1");
        buffer_string(&bytes, endpoint->path + !endpoint->below_api);
        for (size_t at = 2; at < bytes.length; at++)
            if (strchr("{}", bytes.data[at])) bytes.data[at] = '_';
        fuzz_seed(seeds, &bytes);
    }
    buffer_free(&bytes);
}
