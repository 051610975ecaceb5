/* What may stand in a text: the formats of field.h, checked and brought into their one form. */
#pragma once
#include "schema/field.h"

/* Limits of rows that set none. */
enum {
    TEXT_MOST_DEFAULT = 2000,    /* code points of plain and long texts, bytes of a FIELD_BYTES: a long paragraph */
    LIST_MOST_DEFAULT = 100,     /* elements of a list, entries of a map */
    MAP_KEY_MOST = 64,           /* code points of a map's key */
    MAP_VALUE_MOST_DEFAULT = 200 /* code points of a map's value */
};

/* The least and the most a text of this row may have, in bytes (FIELD_BYTES, FORMAT_PASSWORD) or code points. A
   required text is never empty. */
int64_t text_least(const struct field *field);
int64_t text_most(const struct field *field);
int64_t list_most(const struct field *field);
/* Do limits of this row count bytes? */
bool text_counts_bytes(const struct field *field);
/* The range of an integer row; false: any integer. */
bool integer_range(const struct field *field, int64_t *least, int64_t *most);

/* A refusal: its code as json.h lists them and a sentence. */
struct fault {
    const char *code;
    struct text error;
};
/* Checks a text and writes its normal form to *out, a view of the text or made in the arena. */
bool format_accept(const struct field *field, struct text text, struct arena *arena, struct text *out,
                   struct fault *fault);
bool format_is_slug(struct text text);
/* Three capital letters. */
bool format_is_currency(struct text text);
/* The pattern of a format as JSON Schema takes it; NULL when it has none. */
const char *format_pattern(enum text_format format);
/* What a format asks for, as a person reads it. */
const char *format_says(enum text_format format);
