/* The documents that the tables give. */
#include "main/dump.h"
#include "actors/all.h"
#include "actors/runtime/describe.h"
#include "main/exit.h"
#include "main/version.h"
#include <stdio.h>
#include <string.h>

static void dump_openapi(const struct registry *registry, struct buffer *out)
{
    describe_openapi(registry, SOUK_VERSION, true, out);
}

static const struct document_row {
    const char *name;
    void (*describe)(const struct registry *registry, struct buffer *out);
} documents[] = {
    {"openapi", dump_openapi},
    {"fields", describe_fields},
    {"states", describe_states},
};

int run_dump(const struct arguments *arguments)
{
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        if (strcmp(documents[i].name, arguments->others[0]) != 0) continue;
        struct arena *arena = arena_create();
        struct buffer out = {.arena = arena};
        documents[i].describe(souk_registry(arena), &out);
        bool good = fwrite(out.data, 1, out.length, stdout) == out.length && fflush(stdout) == 0;
        arena_destroy(arena);
        return good ? EXIT_DONE : EXIT_FAILED;
    }
    fprintf(stderr, "souk dump: %s is none of openapi, fields, states\n", arguments->others[0]);
    return EXIT_USAGE;
}
