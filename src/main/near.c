/* Distance is the number of letters to insert, remove, replace or swap with their neighbour (optimal string alignment:
   Damerau, 1964, with the rows of Wagner and Fischer, 1974). */
#include "main/near.h"
#include <stdio.h>
#include <string.h>

enum { LETTERS_MOST = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t edits_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t rows[3][LETTERS_MOST + 1];
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

void near_begin(struct near *near, const char *word)
{
    *near = (struct near){.word = word};
}

/* One edit in three letters is a slip; more is another word. A beginning of two letters and more is meant. */
void near_try(struct near *near, const char *candidate)
{
    size_t length = strlen(near->word), other = strlen(candidate);
    if (!length || length > LETTERS_MOST || other > LETTERS_MOST) return;
    size_t edits = edits_between(near->word, length, candidate, other);
    if (length > 1 && strncmp(near->word, candidate, length) == 0) edits = 1;
    if (edits > 1 + length / 4 || edits >= length || (near->best && edits >= near->edits)) return;
    near->best = candidate;
    near->edits = edits;
}

void near_say(const struct near *near, char out[96])
{
    out[0] = 0;
    if (near->best) snprintf(out, 96, "; did you mean %s?", near->best);
}
