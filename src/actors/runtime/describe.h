/* Documents from the tables: what the server serves, said in OpenAPI and Markdown. They are rendered by the binary, so they
   cannot drift from it. The same registry gives the same bytes. */
#pragma once
#include "actors/runtime/kind.h"
#include "base/buffer.h"

/* OpenAPI 3.1: every route with its parameters, bodies, answers and rights. `pretty` puts a member on each line. */
void describe_openapi(const struct registry *registry, const char *version, bool pretty, struct buffer *out);
/* Markdown: per kind its fields, commands and lists. */
void describe_fields(const struct registry *registry, struct buffer *out);
/* Markdown: per kind its state diagram, transitions and events. */
void describe_states(const struct registry *registry, struct buffer *out);
/* Markdown: the envelope of events, and per kind every event with its payload. */
void describe_events(const struct registry *registry, struct buffer *out);
/* Markdown: every code of a refusal with its status, its meaning and what to do next. */
void describe_errors(struct buffer *out);
/* HTML without scripts: the same operations in short. Its style is /docs/plain.css. */
void describe_page(const struct registry *registry, const char *version, struct buffer *out);
/* Where clients find a command's path: below /api/v1, or at the root for paths that begin with two slashes. */
bool path_is_of_platform(const char *path);
