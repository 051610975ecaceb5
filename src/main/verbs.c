/* The rows of the command line. */
#include "main/verbs.h"
#include "main/demo.h"
#include "main/dump.h"
#include "main/help.h"
#include "main/near.h"
#include "main/operate.h"
#include "main/serve.h"
#include "main/verify.h"
#include <stdio.h>
#include <string.h>

/* clang-format off */
#define DATA_FLAG { "data", "DIR", .doc = "the data directory (data)" }

static const struct flag serve_flags[] = {
    { "config",    "FILE",       .doc = "read the configuration from it" },
    DATA_FLAG,
    { "listen",    "HOST:PORT",  .doc = "where to serve HTTP; port 0 takes any free one" },
    { "mode",      "MODE",       .choices = "development production", .doc = "development or production" },
    { "set",       "NAME=VALUE", .repeated = true, .doc = "set one key of the configuration" },
    { "port-file", "FILE",       .doc = "write the port into it once the server is ready; with TLS, its port on a second line" },
    { "accept-clock", NULL,      .doc = "start although the clock is far from the time of the last record" },
    { "demo",      NULL,         .doc = "fill an empty data directory with a demo marketplace (development alone)" },
    { "scale",     "SCALE",      .choices = "small medium", .doc = "size of the demo: small, medium, or a number of people" },
    { 0 },
};
static const struct flag demo_flags[] = {
    DATA_FLAG,
    { "address",   "HOST:PORT",  .doc = "where the server serves HTTP (127.0.0.1:8080)" },
    { "scale",     "SCALE",      .choices = "small medium", .doc = "small (40 people), medium (400), or a number of people; 10k, 1m: so many products" },
    { "tenants",   "NUMBER",     .doc = "of 10k, 1m: marketplaces that share them (1)" },
    { "tenant",    "SLUG",       .doc = "the marketplace that is filled, opened when it is not there (the default one)" },
    { "seed",      "NUMBER",     .doc = "another seed gives another marketplace; the same one the same (1)" },
    { 0 },
};
static const struct flag admin_create_flags[] = {
    DATA_FLAG,
    { "email",     "EMAIL",      .doc = "what the admin logs in with" },
    { "name",      "NAME",       .doc = "what others see (the part of the e-mail before the @)" },
    { "password-stdin", NULL,    .doc = "read the password from the first line of standard input" },
    { 0 },
};
static const struct flag data_flags[] = { DATA_FLAG, { 0 } };
static const struct flag verify_flags[] = {
    DATA_FLAG,
    { "key-file",  "FILE",       .doc = "the master key (beside the data directory, <data>.key)" },
    { "slots",     "FILE",       .doc = "the keys of persons (in the data directory, slots)" },
    { 0 },
};
static const struct flag key_flags[] = {
    DATA_FLAG,
    { "key-file",  "FILE",       .doc = "the master key (beside the data directory, <data>.key)" },
    { 0 },
};
static const struct flag backup_flags[] = {
    DATA_FLAG,
    { "slots",     "FILE",       .doc = "copy the keys of persons too, into this file" },
    { 0 },
};
static const struct flag rebuild_flags[] = {
    DATA_FLAG,
    { "check",     NULL,         .doc = "count the rows that differ, and leave them" },
    { 0 },
};
static const struct flag log_flags[] = {
    DATA_FLAG,
    { "after",     "POSITION",   .doc = "begin behind this position (0: from the first record)" },
    { "follow",    NULL,         .doc = "go on with what is written from now on" },
    { 0 },
};
static const struct flag restore_flags[] = {
    { "slots",     "FILE",       .doc = "the keys of persons: those of now, or what `souk backup --slots` wrote" },
    { "salvage",   NULL,         .doc = "of damaged data keep what is whole, and say what is lost" },
    { 0 },
};

const struct verb verbs[] = {
    { "serve", NULL, 0, 0, serve_flags, run_serve, "Serves HTTP from a data directory.",
      "It stops gracefully on SIGTERM and SIGINT, and at once on the second one. `souk help config` shows every key." },
    { "demo", NULL, 0, 0, demo_flags, run_demo, "Fills a running server in development mode with a demo marketplace.",
      "A scale such as 10k or 1m makes a large one for measurements, in a data directory that has no data and no server." },
    { "admin create", NULL, 0, 0, admin_create_flags, run_admin_create, "Makes an admin on a running server.", NULL },
    { "admin rotate-keys", NULL, 0, 0, data_flags, run_rotate_keys, "Puts a fresh key for access tokens in front of the others.",
      "The server takes it up at its next start. Tokens that older keys signed stay valid." },
    { "keys rotate", NULL, 0, 0, key_flags, run_keys_rotate, "Makes a new master key for data that no server has open.",
      "All keys of people are wrapped by it; hashes, tokens and what is sealed stay as they are. Cut off, it is done again." },
    { "verify", NULL, 0, 0, verify_flags, run_verify, "Reads all data that no server has open, and says whether it is whole.", NULL },
    { "backup", "DIR", 1, 1, backup_flags, run_backup, "Copies the data of a running server into a new directory.", NULL },
    { "restore", "FROM TO", 2, 2, restore_flags, run_restore, "Checks a backup and copies it into a new data directory.", NULL },
    { "rebuild", "VIEW|all", 1, 1, rebuild_flags, run_rebuild, "Compares rows of a running server with its log, and mends them.",
      "VIEW is the plural of a kind, feed_items say: `souk dump fields` has them all. Without a running server nothing is needed: "
      "`souk verify` looks, and a start makes anew what it cannot trust." },
    { "log", NULL, 0, 0, log_flags, run_log, "Prints the log of a running server, one JSON object a record.", NULL },
    { "dump", "DOCUMENT", 1, 1, NULL, run_dump, "Prints what the tables of this souk say.", NULL,
      .choices = "openapi fields states events errors configuration man" },
    { "completion", "SHELL", 1, 1, NULL, run_completion, "Prints what makes a shell complete the words of souk.",
      "For bash: `source <(souk completion bash)`, or keep it where `make install` does.", .choices = "bash zsh fish" },
    { "version", NULL, 0, 0, NULL, run_version, "Prints the version.", NULL },
    { "help", "[COMMAND|config]", 0, 2, NULL, run_help, "Tells more about a command, or every key of the configuration.", NULL,
      .choices = "config" },
    { 0 },
};
/* clang-format on */

const struct verb *verb_find(int count, char *const *words, int *used)
{
    for (*used = 2; *used > 0; --*used) {
        char name[64] = "";
        if (count < *used) continue;
        snprintf(name, sizeof name, "%s%s%s", words[0], *used == 2 ? " " : "", *used == 2 ? words[1] : "");
        for (const struct verb *verb = verbs; verb->name; verb++)
            if (strcmp(verb->name, name) == 0) return verb;
    }
    return NULL;
}

void verb_near(int count, char *const *words, char out[96])
{
    char both[64] = "";
    if (count > 1) snprintf(both, sizeof both, "%s %s", words[0], words[1]);
    struct near one, two;
    near_begin(&one, words[0]);
    near_begin(&two, both);
    for (const struct verb *verb = verbs; verb->name; verb++) {
        near_try(&one, verb->name);
        near_try(&two, verb->name);
    }
    near_say(two.best ? &two : &one, out);
}
