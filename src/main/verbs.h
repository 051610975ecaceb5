/* Every verb of the command line, as rows: reading, help, manual page and completions are made of them. */
#pragma once
#include "main/arguments.h"

extern const struct verb verbs[]; /* ended by a row without name */
/* The verb that the first words name, the longer name first; *used of them are its name. NULL: none. */
const struct verb *verb_find(int count, char *const *words, int *used);
/* The verb that these words may have meant: "; did you mean serve?", or nothing. */
void verb_near(int count, char *const *words, char out[96]);
