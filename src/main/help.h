/* What the rows of the command line say to people and shells: help, the manual page, completions. */
#pragma once
#include "base/buffer.h"
#include "main/arguments.h"
#include <stdio.h>

/* All verbs in a line each, and what the process ends with. */
void help_overview(FILE *out);
/* Usage, flags and sentences of one verb. */
void help_on_verb(const struct verb *verb);
/* souk.1, in the language of man(7). */
void help_manual(struct buffer *out);

int run_help(const struct arguments *arguments);
int run_version(const struct arguments *arguments);
int run_completion(const struct arguments *arguments);
