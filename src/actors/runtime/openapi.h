/* Between the two halves of the OpenAPI document: openapi.c has the routes, components.c what they refer to. */
#pragma once
#include "actors/runtime/kind.h"
#include "base/arena.h"
#include <yyjson.h>

struct component {
    const void *of; /* a kind or a table */
    enum schema_shape shape;
    const char *name;
};
struct document {
    yyjson_mut_doc *doc;
    const struct registry *registry;
    struct arena *arena;
    yyjson_mut_val *schemas;
    LIST_OF(struct component) components;
    uint32_t responses_used; /* bit per row of the refusals */
};

void document_open(struct document *document, const struct registry *registry);
void document_close(struct document *document);
yyjson_mut_val *document_text(struct document *document, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The JSON Schema of a table, on its own. */
yyjson_mut_val *document_shape(struct document *document, const struct fields *fields, enum schema_shape shape);
/* {"$ref": …} to the component of a kind's entity or of a table, which is added when it is new. */
yyjson_mut_val *document_entity(struct document *document, const struct kind *kind, enum schema_shape shape);
yyjson_mut_val *document_fields(struct document *document, const struct kind *kind, const struct fields *fields,
                                enum schema_shape shape);
/* The schema that a reference leads to, with one more text; doc says when it is there, NULL: in development mode alone. */
yyjson_mut_val *document_with_text(struct document *document, yyjson_mut_val *referring, const char *name,
                                   const char *doc);
/* Adds the response of a refusal ("409", "default"). */
void document_add_response(struct document *document, yyjson_mut_val *responses, const char *status);
/* Adds the members that only the answer to a dry run has. */
void document_add_dry_run(struct document *document, yyjson_mut_val *members);
/* Success of a command. */
uint16_t document_status(const struct command *command);
/* Everything that was referred to. Last. */
void document_add_components(struct document *document);
