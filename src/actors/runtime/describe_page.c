/* The list of endpoints as a page without scripts: for browsers that run none, and for a souk that was built without the
   viewer (docs/why/0021). */
#include "actors/runtime/describe.h"
#include <string.h>

static void html(struct buffer *out, const char *text)
{
    for (; text && *text; text++) {
        switch (*text) {
        case '&': buffer_string(out, "&amp;"); break;
        case '<': buffer_string(out, "&lt;"); break;
        case '>': buffer_string(out, "&gt;"); break;
        case '"': buffer_string(out, "&quot;"); break;
        default: buffer_byte(out, *text);
        }
    }
}

static void members_of(struct buffer *out, const char *title, const struct fields *fields)
{
    bool some = false;
    for (uint32_t i = 0; fields && i < fields->count; i++) {
        const struct field *field = &fields->rows[i];
        if (field->flags & READ_ONLY) continue;
        if (!some) buffer_format(out, "<h4>%s</h4><dl>", title);
        some = true;
        buffer_format(out, "<dt><code>%s</code>%s</dt><dd>", field->name, field->flags & REQUIRED ? " required" : "");
        html(out, field->doc);
        buffer_string(out, "</dd>");
    }
    if (some) buffer_string(out, "</dl>");
}

static void operation(struct buffer *out, const struct kind *kind, const struct command *command)
{
    char who[128];
    bool platform = path_is_of_platform(command->path);
    buffer_format(out, "<details><summary><code>%s %s%s</code> ", command->method, platform ? "" : "/api/v1",
                  command->path + platform);
    html(out, command->doc);
    buffer_format(out, "</summary><p>For: %s.", relation_names(command_relations(command), who));
    if (command->alias) buffer_format(out, " Also as <code>/api/v1%s</code>.", command->alias);
    buffer_string(out, "</p>");
    members_of(out, "Query", command->query);
    bool whole = command->action == ACTION_CREATE || command->action == ACTION_PATCH;
    members_of(out, "Body", whole ? kind->fields : command->body);
    buffer_string(out, "</details>\n");
}

static void section(struct buffer *out, const struct registry *registry, const struct kind *kind)
{
    bool some = false;
    for (const struct command *command = kind->commands; command && command->name; command++) {
        if (!command->method) continue;
        if (!some) {
            buffer_format(out, "<h2 id=\"%s\">%s</h2><p>", kind->name, kind->plural ? kind->plural : kind->name);
            html(out, kind->doc);
            buffer_string(out, "</p>\n");
        }
        some = true;
        operation(out, kind, command);
    }
    for (const struct added_command *added = registry->added; some && added && added->kind; added++)
        if (added->kind == kind) operation(out, kind, &added->command);
}

void describe_page(const struct registry *registry, const char *version, struct buffer *out)
{
    buffer_format(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>souk %s: every endpoint</title>"
        "<meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/docs/plain.css\"></head>"
        "<body><h1>souk %s</h1>\n"
        "<p>Every endpoint, as <a href=\"/openapi.json\">/openapi.json</a> describes it. What begins with /api/v1 is served "
        "below /api/<i>marketplace</i>/v1 too. A success is <code>{\"success\": true, \"data\": …}</code>, a refusal "
        "names a stable <code>code</code>.</p>\n",
        version, version);
    for (const struct kind *const *kind = registry->kinds; *kind; kind++)
        section(out, registry, *kind);
    buffer_string(out, "</body></html>\n");
}
