/* The documents that the tables give. */
#include "main/dump.h"
#include "actors/all.h"
#include "actors/runtime/describe.h"
#include "main/configuration.h"
#include "main/exit.h"
#include "main/help.h"
#include "main/near.h"
#include "main/version.h"
#include <stdio.h>
#include <string.h>

static void dump_openapi(const struct registry *registry, struct buffer *out)
{
    describe_openapi(registry, SOUK_VERSION, true, out);
}

static void dump_errors(const struct registry *registry, struct buffer *out)
{
    (void)registry;
    describe_errors(out);
}

static void dump_configuration(const struct registry *registry, struct buffer *out)
{
    (void)registry;
    configuration_reference(out);
}

static void dump_manual(const struct registry *registry, struct buffer *out)
{
    (void)registry;
    help_manual(out);
}

static const struct document_row {
    const char *name;
    void (*describe)(const struct registry *registry, struct buffer *out);
} documents[] = {
    {"openapi", dump_openapi},   {"fields", describe_fields}, {"states", describe_states},
    {"events", describe_events}, {"errors", dump_errors},     {"configuration", dump_configuration},
    {"man", dump_manual},
};
enum { DOCUMENT_COUNT = sizeof documents / sizeof documents[0] };

int run_dump(const struct arguments *arguments)
{
    for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
        if (strcmp(documents[i].name, arguments->others[0]) != 0) continue;
        struct arena *arena = arena_create();
        struct buffer out = {.arena = arena};
        documents[i].describe(souk_registry(arena), &out);
        bool good = fwrite(out.data, 1, out.length, stdout) == out.length && fflush(stdout) == 0;
        arena_destroy(arena);
        return good ? EXIT_DONE : EXIT_FAILED;
    }
    fprintf(stderr, "souk dump: %s is none of", arguments->others[0]);
    struct near near;
    char near_one[96];
    near_begin(&near, arguments->others[0]);
    for (size_t i = 0; i < DOCUMENT_COUNT; i++) {
        fprintf(stderr, "%s %s", i ? "," : "", documents[i].name);
        near_try(&near, documents[i].name);
    }
    near_say(&near, near_one);
    fprintf(stderr, "%s\n", near_one);
    return EXIT_USAGE;
}
