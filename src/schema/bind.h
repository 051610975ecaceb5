/* Binding: what JSON bodies and query strings have in common. */
#pragma once
#include "schema/json.h"
#include "schema/path.h"

struct binder {
    struct arena *arena;
    struct problems *problems;
    bool failed;
};

void bind_problem(struct binder *binder, const struct path *path, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A text that the client chose, short enough for a path or a sentence. */
struct text bind_excerpt(struct text text);

/* Binds a string to a member of type text, bytes, enum, time, date or id. */
void bind_string(struct binder *binder, const struct field *field, const struct path *path, struct text text,
                 void *member);
void bind_integer(struct binder *binder, const struct field *field, const struct path *path, int64_t integer,
                  void *member);
/* Digits that no int64_t holds: too large or too small; anything else has the wrong type. */
void bind_not_an_integer(struct binder *binder, const struct field *field, const struct path *path, struct text digits);
/* Reports the required rows that are missing from `given` (bit i: row i). */
void bind_required(struct binder *binder, const struct fields *fields, const struct path *path, uint64_t given);
