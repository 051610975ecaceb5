/* Compression by zlib at its lowest level: on JSON the highest saves a third more of what is left, for three times the work, and
   a loop has others to serve. Two generations are kept: when the young one is full it becomes the old one, and what nobody asked
   for meanwhile goes. */
#include "net/gzip.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/map.h"
#include "net/http.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LEVEL = 1, GZIP_WINDOW = 15 + 16, MEMORY_LEVEL = 8 };

struct packed {
    uint32_t length;
    char data[];
};
struct generation {
    struct map *map; /* from the bytes to the same, packed */
    size_t bytes;
};
struct gzip {
    z_stream stream;
    struct generation young, old;
    size_t kept_bytes; /* of both generations, at most */
    uint64_t reused;
    char *out;
    size_t capacity;
};

/* ---- what is kept ---- */

static void free_packed(void *context, const void *key, size_t length, void *value)
{
    (void)context, (void)key, (void)length;
    free(value);
}

static void generation_end(struct generation *generation)
{
    if (!generation->map) return;
    map_each(generation->map, free_packed, NULL);
    map_destroy(generation->map);
    *generation = (struct generation){0};
}

static void keep(struct gzip *gzip, struct text bytes, struct packed *packed)
{
    size_t size = bytes.length + sizeof *packed + packed->length;
    if (gzip->young.bytes + size > gzip->kept_bytes / 2) {
        generation_end(&gzip->old);
        gzip->old = gzip->young;
        gzip->young = (struct generation){.map = map_create()};
    }
    gzip->young.bytes += size;
    free(map_set(gzip->young.map, bytes.data, bytes.length, packed));
}

static struct packed *find(struct gzip *gzip, struct text bytes)
{
    struct packed *packed = map_get(gzip->young.map, bytes.data, bytes.length);
    if (packed || !gzip->old.map) return packed;
    packed = map_remove(gzip->old.map, bytes.data, bytes.length);
    if (packed) keep(gzip, bytes, packed);
    return packed;
}

/* ---- packing ---- */

struct gzip *gzip_create(size_t kept_bytes)
{
    struct gzip *gzip = memory_alloc(sizeof *gzip);
    CHECK(deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK);
    gzip->young.map = map_create();
    gzip->kept_bytes = kept_bytes;
    return gzip;
}

void gzip_destroy(struct gzip *gzip)
{
    if (!gzip) return;
    deflateEnd(&gzip->stream);
    generation_end(&gzip->young);
    generation_end(&gzip->old);
    free(gzip->out);
    free(gzip);
}

/* The length, or 0 when it would not be shorter than 7/8. */
static size_t pack(struct gzip *gzip, struct text bytes)
{
    size_t most = (size_t)bytes.length / 8 * 7;
    if (gzip->capacity < most) {
        free(gzip->out);
        gzip->out = memory_alloc(most);
        gzip->capacity = most;
    }
    z_stream *stream = &gzip->stream;
    CHECK(deflateReset(stream) == Z_OK);
    stream->next_in = (Bytef *)(uintptr_t)bytes.data;
    stream->avail_in = bytes.length;
    stream->next_out = (Bytef *)gzip->out;
    stream->avail_out = (uInt)most;
    return deflate(stream, Z_FINISH) == Z_STREAM_END ? stream->total_out : 0;
}

struct text gzip_pack(struct gzip *gzip, struct text bytes)
{
    struct packed *packed = find(gzip, bytes);
    if (packed) {
        gzip->reused++;
        return (struct text){packed->data, packed->length};
    }
    size_t length = bytes.length ? pack(gzip, bytes) : 0;
    if (!length) return (struct text){0};
    if (bytes.length + sizeof *packed + length > gzip->kept_bytes / 2)
        return (struct text){gzip->out, (uint32_t)length};
    packed = memory_alloc(sizeof *packed + length);
    packed->length = (uint32_t)length;
    memcpy(packed->data, gzip->out, length);
    keep(gzip, bytes, packed);
    return (struct text){packed->data, packed->length};
}

uint64_t gzip_reused(const struct gzip *gzip)
{
    return gzip->reused;
}

/* ---- who asks for it ---- */

/* Of "gzip ; q=0.5": the coding, and whether it is wanted at all. */
static bool read_coding(struct text element, struct text *coding)
{
    struct text rest = element, parameter;
    *coding = text_trim(text_split(&rest, ';'));
    while (rest.data) {
        parameter = text_trim(text_split(&rest, ';'));
        if (parameter.length < 3 || http_lower(parameter.data[0]) != 'q' || parameter.data[1] != '=') continue;
        for (uint32_t i = 2; i < parameter.length; i++)
            if (parameter.data[i] != '0' && parameter.data[i] != '.') return true;
        return false; /* q=0.000 */
    }
    return true;
}

bool gzip_is_accepted(struct text accept_encoding)
{
    bool named = false, wanted = false, any = false;
    struct text element, coding;
    while (http_list_next(&accept_encoding, &element)) {
        bool good = read_coding(element, &coding);
        if (http_token_equal(coding, "gzip") || http_token_equal(coding, "x-gzip")) {
            named = true;
            wanted |= good;
        } else if (text_is(coding, "*")) {
            any = good;
        }
    }
    return named ? wanted : any;
}

bool gzip_is_for(struct text content_type)
{
    struct text type = text_split(&content_type, ';');
    if (text_starts_with(type, "text/")) return !text_is(type, "text/event-stream");
    return text_starts_with(type, "application/") && memmem(type.data, type.length, "json", 4) != NULL;
}
