/* Help and the manual page. */
#include "main/help.h"
#include "main/configuration.h"
#include "main/exit.h"
#include "main/verbs.h"
#include "main/version.h"
#include <string.h>

static const struct exit_row {
    enum exit_status status;
    const char *means;
} exits[] = {
    {EXIT_DONE, "done"},
    {EXIT_FAILED, "something else went wrong"},
    {EXIT_USAGE, "the command line or the configuration is wrong"},
    {EXIT_DAMAGED, "the data is damaged"},
    {EXIT_IN_USE, "another process serves this data directory"},
    {EXIT_NEWER_FORMAT, "the data was written by a newer souk"},
    {EXIT_NOT_WRITABLE, "the data directory cannot be written to"},
    {EXIT_FULL, "the disk is full"},
    {EXIT_STORE_FAILED, "the disk failed while serving: start again, it recovers"},
};
enum { EXIT_COUNT = sizeof exits / sizeof exits[0] };

void help_overview(FILE *out)
{
    fprintf(out, "souk: a social-commerce server\n\n");
    for (const struct verb *verb = verbs; verb->name; verb++) {
        char form[48];
        snprintf(form, sizeof form, "%s%s%s", verb->name, verb->others ? " " : "", verb->others ? verb->others : "");
        fprintf(out, "  souk %-28s %s\n", form, verb->doc);
    }
    fprintf(out, "\nexit codes:\n");
    for (size_t i = 0; i < EXIT_COUNT; i++)
        fprintf(out, "  %2d  %s\n", (int)exits[i].status, exits[i].means);
}

void help_on_verb(const struct verb *verb)
{
    printf("souk %s%s%s%s\n\n%s\n", verb->name, verb->others ? " " : "", verb->others ? verb->others : "",
           verb->flags ? " [flags]" : "", verb->doc);
    if (verb->choices) printf("\n%s is one of: %s\n", verb->others, verb->choices);
    if (verb->more) printf("\n%s\n", verb->more);
    if (verb->flags) printf("\n");
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++) {
        char form[48];
        snprintf(form, sizeof form, "--%s%s%s", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
        printf("  %-24s %s%s\n", form, flag->doc, flag->repeated ? " (may be repeated)" : "");
    }
}

int run_version(const struct arguments *arguments)
{
    (void)arguments;
    printf("souk %s\n", SOUK_VERSION);
    return EXIT_DONE;
}

static int help_on_configuration(void)
{
    struct buffer out = {0};
    configuration_describe(&out);
    fwrite(out.data, 1, out.length, stdout);
    buffer_free(&out);
    return EXIT_DONE;
}

int run_help(const struct arguments *arguments)
{
    if (!arguments->other_count) {
        help_overview(stdout);
        return EXIT_DONE;
    }
    if (strcmp(arguments->others[0], "config") == 0) return help_on_configuration();
    char *words[2] = {(char *)(uintptr_t)arguments->others[0], (char *)(uintptr_t)arguments->others[1]};
    int used;
    const struct verb *verb = verb_find((int)arguments->other_count, words, &used);
    if (!verb) {
        char near[96];
        verb_near((int)arguments->other_count, words, near);
        fprintf(stderr, "souk help: there is no command %s%s\n", arguments->others[0], near);
        return EXIT_USAGE;
    }
    help_on_verb(verb);
    return EXIT_DONE;
}

/* ---- The manual page ------------------------------------------------------------------------------------------------ */

/* A line of text: what troff would take for a request or an escape is hidden from it, and hyphens stay as they are typed. */
static void roff(struct buffer *out, const char *text)
{
    if (*text == '.' || *text == '\'') buffer_string(out, "\\&");
    for (; *text; text++) {
        if (*text == '\\')
            buffer_string(out, "\\e");
        else if (*text == '-')
            buffer_string(out, "\\-");
        else
            buffer_byte(out, *text);
    }
    buffer_byte(out, '\n');
}

static void roff_verb(struct buffer *out, const struct verb *verb)
{
    char form[96];
    snprintf(form, sizeof form, "souk %s%s%s%s", verb->name, verb->others ? " " : "", verb->others ? verb->others : "",
             verb->flags ? " [flags]" : "");
    buffer_string(out, ".SS ");
    roff(out, form);
    roff(out, verb->doc);
    if (verb->more) roff(out, verb->more);
    if (verb->choices) {
        snprintf(form, sizeof form, "%s is one of: %s.", verb->others, verb->choices);
        roff(out, form);
    }
    for (const struct flag *flag = verb->flags; flag && flag->name; flag++) {
        snprintf(form, sizeof form, "--%s%s%s", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
        buffer_string(out, ".TP\n.B ");
        roff(out, form);
        roff(out, flag->doc);
        if (flag->repeated) roff(out, "(may be repeated)");
    }
}

void help_manual(struct buffer *out)
{
    buffer_format(out, ".TH SOUK 1 \"\" \"souk %s\" \"User Commands\"\n", SOUK_VERSION);
    buffer_string(
        out, ".SH NAME\nsouk \\- a social\\-commerce server\n.SH SYNOPSIS\n.B souk\n.I command\n.RI [ flags ]\n"
             ".SH DESCRIPTION\nOne binary, one process and one data directory: creators gather communities, suppliers "
             "sell through promotions shown in their feeds, consumers buy.\nFlags are written \\-\\-name value or "
             "\\-\\-name=value.\n.SH COMMANDS\n");
    for (const struct verb *verb = verbs; verb->name; verb++)
        roff_verb(out, verb);
    buffer_string(out, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_COUNT; i++) {
        buffer_format(out, ".TP\n.B %d\n", (int)exits[i].status);
        roff(out, exits[i].means);
    }
    buffer_string(
        out,
        ".SH FILES\n.TP\n.I DIR\nThe data directory: log, tables, keys of people (slots), keys of access tokens "
        "(token.keys), the control socket (control.sock).\n.TP\n.I DIR.key\nThe master key, mode 0600. Keep a copy "
        "of it apart from the backups.\n.SH SIGNALS\nSIGTERM and SIGINT stop the server gracefully, the second of "
        "them at once. SIGHUP makes it read certificate and key again.\n");
}
