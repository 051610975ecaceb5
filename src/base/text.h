/* Counted strings. A text is a view: it owns nothing; who made it says how long it lives.
   A text whose data is NULL is absent ("null"); a text of length 0 with data is the empty string. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
    const char *data;
    uint32_t length;
};

#define LITERAL(string)   ((struct text){(string), sizeof(string) - 1})
/* For printf: printf("%.*s", TEXT_ARGUMENTS(t)) */
#define TEXT_ARGUMENTS(t) (int)(t).length, (t).data ? (t).data : ""

/* Small, when it is a capital of the Latin alphabet; any other byte as it is. */
static inline char letter_small(char c)
{
    if (c < 'A' || c > 'Z') return c;
    return (char)(c | 0x20);
}
struct text text_of(const char *zero_terminated);
/* What stands where there is nothing. */
static inline struct text text_or(struct text value, struct text otherwise)
{
    return value.length ? value : otherwise;
}
/* Absent equals only absent. */
static inline bool text_equal(struct text a, struct text b)
{
    if (!a.data || !b.data) return !a.data && !b.data;
    return a.length == b.length && memcmp(a.data, b.data, a.length) == 0;
}
bool text_is(struct text a, const char *zero_terminated);
bool text_starts_with(struct text a, const char *prefix);
int text_compare(struct text a, struct text b); /* by bytes, shorter first */
struct text text_trim(struct text a);           /* without ASCII blanks at both ends */
/* Splits at the first separator; returns the part before it and leaves the rest in *rest (absent when there was none). */
struct text text_split(struct text *rest, char separator);
/* Parses a whole text as a decimal integer: no sign but '-', no blanks, no overflow. */
bool text_to_integer(struct text a, int64_t *value);
bool text_is_utf8(struct text a);         /* RFC 3629: no surrogates, no overlong forms */
uint32_t text_code_points(struct text a); /* of valid UTF-8 */
/* The longest prefix of at most `count` code points. */
struct text text_prefix(struct text a, uint32_t count);
