/* What the fuzz targets share: inputs taken apart, and the tables of the registry with a sample for each. */
#include "fuzz/fuzz.h"
#include "actors/all.h"
#include "base/check.h"
#include "schema/format.h"
#include "schema/member.h"
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_broken(const char *condition, const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s:%d: broken: %s: ", file, line, condition);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    abort();
}

/* ---- inputs ---- */

uint8_t input_byte(struct input *input)
{
    if (!input->left) return 0;
    input->left--;
    return *input->at++;
}

uint32_t input_16(struct input *input)
{
    uint32_t high = input_byte(input);
    return high << 8 | input_byte(input);
}

struct text input_take(struct input *input, size_t length)
{
    if (length > input->left) length = input->left;
    struct text taken = {input->left ? (const char *)input->at : "", (uint32_t)length};
    if (length) input->at += length;
    input->left -= length;
    return taken;
}

struct text input_rest(struct input *input)
{
    return input_take(input, input->left);
}

char *fuzz_copy(struct text bytes)
{
    char *copy = malloc(bytes.length ? bytes.length : 1);
    CHECK(copy);
    if (bytes.length) memcpy(copy, bytes.data, bytes.length);
    return copy;
}

/* ---- seeds ---- */

void fuzz_seed(struct fuzz_seeds *seeds, struct buffer *bytes)
{
    seeds->add(seeds, buffer_as_text(bytes));
    buffer_clear(bytes);
}

struct seed_files {
    struct fuzz_seeds seeds;
    const char *directory;
    uint32_t count;
};

static void write_seed(struct fuzz_seeds *seeds, struct text bytes)
{
    struct seed_files *files = (struct seed_files *)seeds;
    char path[4096];
    snprintf(path, sizeof path, "%s/seed-%04u", files->directory, files->count++);
    FILE *file = fopen(path, "wb");
    CHECK(file);
    CHECK(fwrite(bytes.data, 1, bytes.length, file) == bytes.length);
    CHECK(fclose(file) == 0);
}

/* `fuzz_x --seeds DIRECTORY` writes the seeds of the tables there and ends. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    CHECK(sodium_init() >= 0);
    if (*argc == 3 && !strcmp((*argv)[1], "--seeds")) {
        struct seed_files files = {.seeds.add = write_seed, .directory = (*argv)[2]};
        fuzz_seeds(&files.seeds);
        exit(0);
    }
    return 0;
}

/* ---- tables ---- */

const struct registry *fuzz_registry(void)
{
    static const struct registry *registry;
    if (!registry) registry = souk_registry(arena_create());
    return registry;
}

/* 16 bits of FNV-1a. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * 16777619u;
    return (hash >> 16 ^ hash) & 0xffff;
}

static void add_table(struct buffer *tables, uint32_t uses, enum table_use use, const struct fields *fields,
                      const char *kind, const char *command, bool takes_version)
{
    if (!fields || !(uses & 1u << use)) return;
    struct table table = {.use = use, .fields = fields, .takes_version = takes_version};
    snprintf(table.name, sizeof table.name, "%s%s%s%s", kind, *command ? "." : "", command,
             use == TABLE_QUERY ? "?" : "");
    table.hash = hash_of(table.name);
    buffer_bytes(tables, &table, sizeof table);
}

const struct table *fuzz_tables(uint32_t uses, uint32_t *count)
{
    struct buffer tables = {0};
    for (const struct kind *const *at = fuzz_registry()->kinds; *at; at++) {
        const struct kind *kind = *at;
        if (kind->fields) add_table(&tables, uses, TABLE_STATE, kind->fields, kind->name, "", false);
        for (const struct command *command = kind->commands; command && command->name; command++) {
            enum action action = command->action;
            enum table_use use = action == ACTION_CREATE  ? TABLE_CREATE
                                 : action == ACTION_PATCH ? TABLE_PATCH
                                                          : TABLE_BODY;
            bool takes_version = action == ACTION_PATCH || action == ACTION_COMMAND || action == ACTION_UPSERT;
            add_table(&tables, uses, use, use == TABLE_BODY ? command->body : kind->fields, kind->name, command->name,
                      takes_version);
            add_table(&tables, uses, TABLE_QUERY, command->query, kind->name, command->name, false);
        }
    }
    *count = (uint32_t)(tables.length / sizeof(struct table));
    return (const struct table *)(const void *)tables.data;
}

const struct table *fuzz_table(const struct table *tables, uint32_t count, uint32_t chosen)
{
    for (uint32_t i = 0; i < count; i++)
        if (tables[i].hash == chosen) return &tables[i];
    return &tables[chosen % count];
}

/* ---- samples ---- */

static bool settable(const struct field *field, enum table_use use)
{
    return !(field->flags & READ_ONLY) && !(use == TABLE_PATCH && (field->flags & CREATE_ONLY));
}

static void sample_text(struct buffer *out, const struct field *field)
{
    static const char *const samples[] = {
        [FORMAT_SLUG] = "a-slug",
        [FORMAT_EMAIL] = "Ann@example.com",
        [FORMAT_URL] = "https://example.com/a?b",
        [FORMAT_PICTURE] = "/api/v1/media/01890000-0000-7000-8000-000000000000",
        [FORMAT_COUNTRY] = "DE",
        [FORMAT_CURRENCY] = "USD",
        [FORMAT_LOCALE] = "en-US",
        [FORMAT_PHONE] = "+49 (30) 12",
        [FORMAT_TIME_ZONE] = "Europe/Berlin",
        [FORMAT_COLOR] = "#00ff7f",
        [FORMAT_PLACE] = "17.2",
        [FORMAT_KEY] = "A_key.1",
        [FORMAT_PASSWORD] = "correct horse 1234",
    };
    const char *sample = field->format < sizeof samples / sizeof samples[0] ? samples[field->format] : NULL;
    struct text start = text_of(sample ? sample : "Abc");
    if ((int64_t)start.length > text_most(field)) start.length = (uint32_t)text_most(field);
    buffer_text(out, start);
    for (int64_t i = start.length; i < text_least(field); i++)
        buffer_byte(out, 'x');
}

static void sample_value(struct buffer *out, const struct field *field);

static void sample_scalar(struct buffer *out, const struct field *field)
{
    int64_t least = 0, most = 0;
    switch ((enum field_type)field->type) {
    case FIELD_TEXT: sample_text(out, field); break;
    case FIELD_BYTES:
        for (int64_t i = 0; i < text_least(field) || i < 3; i += 3)
            buffer_string(out, "AAAA");
        break;
    case FIELD_ENUM: buffer_string(out, field->values->values[1]); break;
    case FIELD_BOOL: buffer_string(out, "true"); break;
    case FIELD_TIME: buffer_string(out, "2030-01-02T03:04:05.678Z"); break;
    case FIELD_DATE: buffer_string(out, "1990-01-31"); break;
    case FIELD_ID: buffer_string(out, "0190f0a4-7c1e-7000-8000-00000000002a"); break;
    default: integer_range(field, &least, &most); buffer_integer(out, least > 1 ? least : 1);
    }
}

static void sample_list(struct buffer *out, const struct field *field)
{
    buffer_byte(out, '[');
    for (int64_t i = 0; i < field->min || i < 1; i++) {
        if (i) buffer_byte(out, ',');
        if (field->nested)
            fuzz_sample(out, field->nested, TABLE_CREATE);
        else
            sample_value(out, field->element);
    }
    buffer_byte(out, ']');
}

static void sample_value(struct buffer *out, const struct field *field)
{
    switch ((enum field_type)field->type) {
    case FIELD_STRUCT: fuzz_sample(out, field->nested, TABLE_CREATE); break;
    case FIELD_LIST: sample_list(out, field); break;
    case FIELD_MAP: buffer_string(out, "{\"k\":\"v\"}"); break;
    case FIELD_MONEY: buffer_string(out, "{\"amount\":1999,\"currency\":\"USD\"}"); break;
    case FIELD_BOOL:
    case FIELD_INTEGER:
    case FIELD_BASIS_POINTS: sample_scalar(out, field); break;
    default:
        buffer_byte(out, '"');
        sample_scalar(out, field);
        buffer_byte(out, '"');
    }
}

void fuzz_sample(struct buffer *out, const struct fields *fields, enum table_use use)
{
    bool some = false;
    buffer_byte(out, '{');
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!settable(field, use)) continue;
        buffer_format(out, "%s\"%s\":", some ? "," : "", field->name);
        sample_value(out, field);
        some = true;
    }
    buffer_byte(out, '}');
}

void fuzz_sample_query(struct buffer *out, const struct fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (!settable(field, TABLE_QUERY) || field->type == FIELD_LIST || field->type == FIELD_STRUCT) continue;
        buffer_format(out, "%s%s=", out->length ? "&" : "", field->name);
        sample_scalar(out, field);
    }
}

/* ---- rendering what was bound ---- */

/* As the table would show it to somebody from whom nothing is hidden or masked. */
static void render_leaf(struct buffer *out, const struct field *field, const void *member)
{
    struct field shown = *field, element;
    shown.flags = 0;
    if (field->element) {
        element = *field->element;
        element.flags = 0;
        shown.element = &element;
    }
    schema_render_field(out, &shown, member, ~0u);
}

static void render_member(struct buffer *out, const struct field *field, const void *member)
{
    const struct list *list = member;
    if (field->type == FIELD_STRUCT) {
        fuzz_render(out, field->nested, member, TABLE_CREATE);
    } else if (field_lists_structs(field)) {
        buffer_byte(out, '[');
        for (uint32_t i = 0; i < list->count; i++) {
            if (i) buffer_byte(out, ',');
            fuzz_render(out, field->nested, list_element(list, field->nested->size, i), TABLE_CREATE);
        }
        buffer_byte(out, ']');
    } else {
        render_leaf(out, field, member);
    }
}

void fuzz_render(struct buffer *out, const struct fields *fields, const void *value, enum table_use use)
{
    bool some = false;
    buffer_byte(out, '{');
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        const void *member = member_in(field, value);
        bool needed = field->initial || (use != TABLE_PATCH && (field->flags & REQUIRED));
        if (!settable(field, use) || (!needed && member_is_zero(field, member))) continue;
        buffer_format(out, "%s\"%s\":", some ? "," : "", field->name);
        render_member(out, field, member);
        some = true;
    }
    buffer_byte(out, '}');
}
