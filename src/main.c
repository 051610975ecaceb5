/* From the words of the command line to the verb that does what they say. */
#include "main/exit.h"
#include "main/help.h"
#include "main/verbs.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int main(int count, char **words)
{
    umask(077);
    if (sodium_init() < 0) {
        fprintf(stderr, "souk: this machine gives no random numbers\n");
        return EXIT_FAILED;
    }
    if (count < 2) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    static char help[] = "help", version[] = "version";
    if (strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0) words[1] = help;
    if (strcmp(words[1], "--version") == 0) words[1] = version;
    int used;
    const struct verb *verb = verb_find(count - 1, words + 1, &used);
    if (!verb) {
        char near[96];
        verb_near(count - 1, words + 1, near);
        fprintf(stderr, "souk: there is no command %s%s\n", words[1], near);
        if (*near)
            fprintf(stderr, "`souk help` tells more\n");
        else
            help_overview(stderr);
        return EXIT_USAGE;
    }
    for (int i = 1 + used; i < count; i++) {
        if (strcmp(words[i], "--help") != 0) continue;
        help_on_verb(verb);
        return EXIT_DONE;
    }
    struct arguments arguments;
    if (!arguments_read(verb, count - 1 - used, words + 1 + used, &arguments)) return EXIT_USAGE;
    return verb->run(&arguments);
}
