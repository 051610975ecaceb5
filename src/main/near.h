/* "Did you mean": the known word that is nearest to one that is not known. */
#pragma once
#include <stddef.h>

struct near {
    const char *word; /* that nobody knows */
    const char *best; /* the nearest so far, or NULL */
    size_t edits;     /* between the two */
};

void near_begin(struct near *near, const char *word);
void near_try(struct near *near, const char *candidate);
/* "; did you mean serve?", or nothing when none was near. */
void near_say(const struct near *near, char out[96]);
