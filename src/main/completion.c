/* Completions of bash, zsh and fish, made of the rows of the command line. */
#include "main/configuration.h"
#include "main/exit.h"
#include "main/help.h"
#include "main/near.h"
#include "main/verbs.h"
#include <string.h>

/* What a value is: a path, or one of some words. */
static bool is_directory(const char *value)
{
    return strncmp(value, "DIR", 3) == 0 || strncmp(value, "FROM", 4) == 0;
}

/* Does the verb's name have two words, of which these are the first? */
static bool begins_with(const struct verb *verb, const char *first, size_t length)
{
    return strncmp(verb->name, first, length) == 0 && verb->name[length] == ' ';
}

static size_t first_word(const struct verb *verb)
{
    return strcspn(verb->name, " ");
}

/* Has a verb above it the same first word? */
static bool is_repeated(const struct verb *verb)
{
    for (const struct verb *other = verbs; other < verb; other++)
        if (begins_with(other, verb->name, first_word(verb))) return true;
    return false;
}

static void each_first_word(struct buffer *out)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!is_repeated(verb))
            buffer_format(out, "%s%.*s", verb == verbs ? "" : " ", (int)first_word(verb), verb->name);
}

/* The second words of the verbs that share the first one of this. */
static void each_second_word(struct buffer *out, const struct verb *verb)
{
    for (const struct verb *other = verb; other->name; other++)
        if (begins_with(other, verb->name, first_word(verb)))
            buffer_format(out, "%s%s", other == verb ? "" : " ", other->name + first_word(verb) + 1);
}

static void take_key(void *context, const char *name)
{
    buffer_format(context, " %s=", name);
}

/* ---- bash ----------------------------------------------------------------------------------------------------------- */

/* The values of flags, each once: flags of one name take the same in every verb. */
static void bash_values(struct buffer *out)
{
    struct buffer seen = {0};
    buffer_byte(&seen, ' ');
    for (const struct verb *verb = verbs; verb->name; verb++)
        for (const struct flag *flag = verb->flags; flag && flag->name; flag++) {
            char word[64];
            snprintf(word, sizeof word, " %s ", flag->name);
            buffer_byte(&seen, 0);
            bool is_new = !strstr(seen.data, word);
            seen.length--;
            if (!is_new || !flag->value) continue;
            buffer_string(&seen, word + 1);
            buffer_format(out, "    --%s) ", flag->name);
            if (flag->choices)
                buffer_format(out, "words='%s' ;;\n", flag->choices);
            else if (strcmp(flag->name, "set") == 0) {
                buffer_string(out, "compopt -o nospace 2>/dev/null; words='");
                configuration_each(take_key, out);
                buffer_string(out, "' ;;\n");
            } else if (is_directory(flag->value))
                buffer_string(out, "COMPREPLY=($(compgen -d -- \"$2\")); return ;;\n");
            else if (strcmp(flag->value, "FILE") == 0)
                buffer_string(out, "COMPREPLY=($(compgen -f -- \"$2\")); return ;;\n");
            else
                buffer_string(out, "return ;;\n");
        }
    buffer_free(&seen);
}

static void bash_verb(struct buffer *out, const struct verb *verb)
{
    buffer_format(out, "        '%s '*) words='", verb->name);
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++)
        buffer_format(out, "--%s ", flag->name);
    buffer_format(out, "%s'", verb->choices ? verb->choices : "");
    if (verb->run == run_help) {
        buffer_string(out, "\" ");
        each_first_word(out);
        buffer_byte(out, '"');
    }
    if (verb->others && is_directory(verb->others))
        buffer_string(out, "; [[ $2 == -* ]] || COMPREPLY=($(compgen -d -- \"$2\"))");
    buffer_string(out, " ;;\n");
}

static void complete_bash(struct buffer *out)
{
    buffer_string(out, "# souk for bash: source <(souk completion bash)\n"
                       "_souk() {\n"
                       "    local words='' line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} \"\n"
                       "    COMPREPLY=()\n"
                       "    case $3 in\n");
    bash_values(out);
    buffer_string(out, "    *)\n        case $line in\n        ' ') words='");
    each_first_word(out);
    buffer_string(out, "' ;;\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (verb->name[first_word(verb)] && !is_repeated(verb)) {
            buffer_format(out, "        '%.*s ') words='", (int)first_word(verb), verb->name);
            each_second_word(out, verb);
            buffer_string(out, "' ;;\n");
        }
        bash_verb(out, verb);
    }
    buffer_string(out, "        esac ;;\n    esac\n"
                       "    COMPREPLY+=($(compgen -W \"$words\" -- \"$2\"))\n"
                       "}\ncomplete -F _souk souk\n");
}

/* ---- zsh ------------------------------------------------------------------------------------------------------------ */

/* In single quotes, where _arguments and _describe give ':' and brackets a meaning. */
static void zsh_text(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        if (strchr(":[]\\", *text)) buffer_byte(out, '\\');
        if (*text == '\'')
            buffer_string(out, "'\\''");
        else
            buffer_byte(out, *text);
    }
}

static void zsh_value(struct buffer *out, const char *value, const char *choices)
{
    buffer_byte(out, ':');
    zsh_text(out, value);
    if (choices)
        buffer_format(out, ":(%s)", choices);
    else if (strcmp(value, "NAME=VALUE") == 0) {
        buffer_string(out, ":(");
        configuration_each(take_key, out);
        buffer_byte(out, ')');
    } else if (is_directory(value))
        buffer_string(out, ":_files -/");
    else
        buffer_string(out, strcmp(value, "FILE") == 0 ? ":_files" : ": ");
}

static void zsh_verb(struct buffer *out, const struct verb *verb)
{
    buffer_format(out, "    '%s '*) shift %d words; (( CURRENT -= %d ))\n        _arguments", verb->name,
                  verb->name[first_word(verb)] ? 2 : 1, verb->name[first_word(verb)] ? 2 : 1);
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++) {
        buffer_format(out, " \\\n            '%s--%s%s[", flag->repeated ? "*" : "", flag->name,
                      flag->value ? "=" : "");
        zsh_text(out, flag->doc);
        buffer_byte(out, ']');
        if (flag->value) zsh_value(out, flag->value, flag->choices);
        buffer_byte(out, '\'');
    }
    if (verb->others) {
        buffer_string(out, " \\\n            '*");
        zsh_value(out, verb->others, verb->choices);
        buffer_byte(out, '\'');
    }
    buffer_string(out, " ;;\n");
}

static void complete_zsh(struct buffer *out)
{
    buffer_string(out, "#compdef souk\n# souk for zsh: a file named _souk in a directory of $fpath\n_souk() {\n"
                       "    local -a commands\n    commands=(");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (is_repeated(verb)) continue;
        buffer_format(out, "\n        '%.*s:", (int)first_word(verb), verb->name);
        if (!verb->name[first_word(verb)]) zsh_text(out, verb->doc);
        buffer_byte(out, '\'');
    }
    buffer_string(out, ")\n    if (( CURRENT == 2 )); then _describe command commands; return; fi\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        if (!verb->name[first_word(verb)] || is_repeated(verb)) continue;
        buffer_format(out, "    if (( CURRENT == 3 )) && [[ $words[2] == %.*s ]]; then compadd ", (int)first_word(verb),
                      verb->name);
        each_second_word(out, verb);
        buffer_string(out, "; return; fi\n");
    }
    buffer_string(out, "    case \"$words[2] $words[3] \" in\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        zsh_verb(out, verb);
    buffer_string(out,
                  "    esac\n}\nif [[ $funcstack[1] == _souk ]]; then _souk \"$@\"; else compdef _souk souk; fi\n");
}

/* ---- fish ----------------------------------------------------------------------------------------------------------- */

static void fish_text(struct buffer *out, const char *text)
{
    buffer_string(out, " -d '");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') buffer_byte(out, '\\');
        buffer_byte(out, *text);
    }
    buffer_byte(out, '\'');
}

/* "-n …": the words so far are those of this verb. */
static void fish_begin(struct buffer *out, const struct verb *verb)
{
    size_t length = first_word(verb);
    buffer_format(out, "complete -c souk -n '__fish_seen_subcommand_from %.*s", (int)length, verb->name);
    if (verb->name[length]) buffer_format(out, "; and __fish_seen_subcommand_from %s", verb->name + length + 1);
    buffer_byte(out, '\'');
}

static void fish_value(struct buffer *out, const char *value, const char *choices)
{
    if (choices)
        buffer_format(out, " -xa '%s'", choices);
    else if (strcmp(value, "NAME=VALUE") == 0) {
        buffer_string(out, " -xa '");
        configuration_each(take_key, out);
        buffer_byte(out, '\'');
    } else if (is_directory(value))
        buffer_string(out, " -xa '(__fish_complete_directories)'");
    else
        buffer_string(out, strcmp(value, "FILE") == 0 ? " -rF" : " -x");
}

static void fish_verb(struct buffer *out, const struct verb *verb)
{
    size_t length = first_word(verb);
    if (!is_repeated(verb)) {
        buffer_format(out, "complete -c souk -n __fish_use_subcommand -a %.*s", (int)length, verb->name);
        if (!verb->name[length]) fish_text(out, verb->doc);
        buffer_byte(out, '\n');
    }
    if (verb->name[length]) {
        buffer_format(out,
                      "complete -c souk -n '__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from ",
                      (int)length, verb->name);
        const struct verb *first = verb;
        while (is_repeated(first))
            first--;
        each_second_word(out, first);
        buffer_format(out, "' -a %s", verb->name + length + 1);
        fish_text(out, verb->doc);
        buffer_byte(out, '\n');
    }
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++) {
        fish_begin(out, verb);
        buffer_format(out, " -l %s", flag->name);
        if (flag->value) fish_value(out, flag->value, flag->choices);
        fish_text(out, flag->doc);
        buffer_byte(out, '\n');
    }
    if (!verb->others) return;
    fish_begin(out, verb);
    fish_value(out, verb->others, verb->choices);
    buffer_byte(out, '\n');
}

static void complete_fish(struct buffer *out)
{
    buffer_string(out, "# souk for fish: souk completion fish | source\ncomplete -c souk -f\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        fish_verb(out, verb);
}

/* ---- The verb ------------------------------------------------------------------------------------------------------- */

int run_completion(const struct arguments *arguments)
{
    static const struct {
        const char *shell;
        void (*complete)(struct buffer *out);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};
    struct near near;
    char near_one[96];
    near_begin(&near, arguments->others[0]);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        near_try(&near, shells[i].shell);
        if (strcmp(shells[i].shell, arguments->others[0]) != 0) continue;
        struct buffer out = {0};
        shells[i].complete(&out);
        bool good = fwrite(out.data, 1, out.length, stdout) == out.length && fflush(stdout) == 0;
        buffer_free(&out);
        return good ? EXIT_DONE : EXIT_FAILED;
    }
    near_say(&near, near_one);
    fprintf(stderr, "souk completion: %s is none of bash, zsh, fish%s\n", arguments->others[0], near_one);
    return EXIT_USAGE;
}
