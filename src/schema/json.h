/* JSON in and out by field tables (yyjson). Binding reports every problem at once, each with its path. */
#pragma once
#include "base/buffer.h"
#include "base/errors.h"
#include "schema/field.h"

struct problem {
    struct text path; /* "items[1].quantity" */
    const char
        *code; /* required, unknown_field, wrong_type, too_short, too_long, too_small, too_large, too_many, too_few,
                                   duplicate, bad_format, not_one_of, read_only, not_allowed */
    struct text error; /* a sentence */
};
struct problems {
    struct arena *arena;
    struct problem *at;
    uint32_t count, capacity; /* at most PROBLEMS_MOST are kept */
};
enum { PROBLEMS_MOST = 100 };
void problem_add(struct problems *problems, struct text path, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

enum bind_mode {
    BIND_CREATE, /* all but READ_ONLY; REQUIRED must be there; absent ones get .initial */
    BIND_PATCH,  /* all but READ_ONLY and CREATE_ONLY; absent is unchanged, null clears (to .initial) */
    BIND_CHANGE  /* a body of its own that changes a part: as BIND_CREATE, but null counts as given, and clears */
};
struct binding {
    uint64_t present; /* bit i: row i of the table was in the body */
    bool has_version;
    int64_t version; /* the body's "version" member, allowed when `takes_version` */
};

/* Binds a body into *value (zeroed, or for BIND_PATCH a clone of the entity: nested structs merge, lists are replaced;
   in lists of structs that have an `id` row an element that names an existing id starts from that element, so its
   READ_ONLY members stay). Exact integers only, depth and sizes bounded, duplicate and unknown keys refused.
   OK, ERROR_MALFORMED_JSON, or ERROR_VALIDATION_FAILED with problems. An empty body is {} when nothing is required.
   READ_ONLY rows in a body are a problem `read_only`. Ids of list elements: absent ones stay ID_NONE (the handler draws them). */
enum error schema_bind(const struct fields *fields, struct text json, enum bind_mode mode, bool takes_version,
                       struct arena *arena, void *value, struct binding *binding, struct problems *problems);
/* Binds a query string (percent-decoded here); the same rules, scalars only. Unknown parameters are problems. */
enum error schema_bind_query(const struct fields *fields, struct text query, struct arena *arena, void *value,
                             struct binding *binding, struct problems *problems);

/* Renders {"a":…,"b":…} of the rows these relations may see; SECRET never. */
void schema_render(struct buffer *out, const struct fields *fields, const void *value, uint32_t relations);
/* The members alone; true when at least one was written (the caller puts commas and braces). */
bool schema_render_members(struct buffer *out, const struct fields *fields, const void *value, uint32_t relations);
void schema_render_field(struct buffer *out, const struct field *field, const void *member, uint32_t relations);
void schema_render_problems(struct buffer *out, const struct problems *problems); /* a JSON array */

/* JSON Schema 2020-12 of a table, for OpenAPI 3.1. */
enum schema_shape { SHAPE_CREATE, SHAPE_PATCH, SHAPE_OUTPUT };
void schema_describe(struct buffer *out, const struct fields *fields, enum schema_shape shape);
/* A Markdown table of the fields: name, type, limits, who sees, doc. */
void schema_reference(struct buffer *out, const struct fields *fields,
                      const char *(*relation_names)(uint32_t mask, char text[128]));
/* The same of what only goes out, such as an event: no limits, and whether it is personal. */
void schema_reference_out(struct buffer *out, const struct fields *fields);
