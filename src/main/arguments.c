/* Reading of the command line by the rows of a verb. */
#include "main/arguments.h"
#include "main/near.h"
#include <stdio.h>
#include <string.h>

static const struct flag *find_flag(const struct verb *verb, const char *name, size_t length)
{
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++)
        if (strlen(flag->name) == length && memcmp(flag->name, name, length) == 0) return flag;
    return NULL;
}

static bool refuse_flag(const struct verb *verb, const char *word, size_t length)
{
    char name[64], near_one[96];
    snprintf(name, sizeof name, "--%.*s", (int)(length < 60 ? length : 60), word + 2);
    char forms[ARGUMENT_FLAGS_MOST][64];
    struct near near;
    near_begin(&near, name);
    size_t count = 0;
    for (const struct flag *flag = verb->flags; flag && flag->name && count < ARGUMENT_FLAGS_MOST; flag++, count++) {
        snprintf(forms[count], sizeof forms[count], "--%s", flag->name);
        near_try(&near, forms[count]);
    }
    near_say(&near, near_one);
    fprintf(stderr, "souk %s: %s is no flag of it%s\n`souk help %s` tells more\n", verb->name, word, near_one,
            verb->name);
    return false;
}

static bool refuse(const struct verb *verb, const char *what, const char *word)
{
    fprintf(stderr, "souk %s: %s %s\n`souk help %s` tells more\n", verb->name, word, what, verb->name);
    return false;
}

/* One flag at words[*at]; moves *at to the last word it took. */
static bool read_flag(const struct verb *verb, int count, char *const *words, int *at, struct arguments *arguments)
{
    const char *word = words[*at];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) - 2 : strlen(word) - 2;
    const struct flag *flag = find_flag(verb, word + 2, length);
    if (!flag) return refuse_flag(verb, word, length);

    const char *value = "";
    if (flag->value) {
        if (!equals && *at + 1 >= count) return refuse(verb, "needs a value", word);
        value = equals ? equals + 1 : words[++*at];
    } else if (equals) {
        return refuse(verb, "takes no value", word);
    }
    if (!flag->repeated && argument(arguments, flag->name)) return refuse(verb, "is given twice", word);
    if (arguments->given_count == ARGUMENT_FLAGS_MOST) return refuse(verb, "is one flag too many", word);
    arguments->given[arguments->given_count].flag = flag;
    arguments->given[arguments->given_count].value = value;
    arguments->given_count++;
    return true;
}

bool arguments_read(const struct verb *verb, int count, char *const *words, struct arguments *arguments)
{
    *arguments = (struct arguments){.verb = verb};
    for (int at = 0; at < count; at++) {
        if (strncmp(words[at], "--", 2) == 0 && words[at][2]) {
            if (!read_flag(verb, count, words, &at, arguments)) return false;
            continue;
        }
        if (words[at][0] == '-' && words[at][1]) return refuse(verb, "is no flag of it", words[at]);
        if (arguments->other_count == verb->others_most) return refuse(verb, "is one word too many", words[at]);
        arguments->others[arguments->other_count++] = words[at];
    }
    if (arguments->other_count < verb->others_least) return refuse(verb, "is missing", verb->others);
    return true;
}

const char *argument(const struct arguments *arguments, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < arguments->given_count; i++)
        if (strcmp(arguments->given[i].flag->name, name) == 0) value = arguments->given[i].value;
    return value;
}
