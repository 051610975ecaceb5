/* The command line: a verb, its flags (--name value, --name=value, or --name alone) and what else it names. Each verb
   is one row; the usage texts are made of the rows. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct flag {
    const char *name;  /* without the dashes */
    const char *value; /* what it takes, as the usage shows it: "DIR"; NULL: it takes none */
    bool repeated;     /* may be given more than once */
    const char *doc;
    const char *choices; /* words that a shell may offer for its value, "small medium"; NULL: by `value` */
};

enum { ARGUMENT_FLAGS_MOST = 64, ARGUMENT_OTHERS_MOST = 4 };

struct arguments {
    const struct verb *verb;
    struct {
        const struct flag *flag;
        const char *value; /* "" for a flag that takes none */
    } given[ARGUMENT_FLAGS_MOST];
    size_t given_count;
    const char *others[ARGUMENT_OTHERS_MOST];
    size_t other_count;
};

struct verb {
    const char *name;   /* "serve", "admin create" */
    const char *others; /* what it names besides flags: "FROM TO"; NULL: nothing */
    size_t others_least, others_most;
    const struct flag *flags; /* ended by a row without name; NULL: none */
    int (*run)(const struct arguments *arguments);
    const char *doc;     /* one line for the overview */
    const char *more;    /* further sentences of its own help, or NULL */
    const char *choices; /* what `others` may be: "bash zsh fish"; NULL: by `others` */
};

/* Reads what follows the verb. False after it has told what is wrong on standard error. */
bool arguments_read(const struct verb *verb, int count, char *const *words, struct arguments *arguments);
/* The value of a flag, the last one when it was given more than once; NULL when it was not given. */
const char *argument(const struct arguments *arguments, const char *name);
