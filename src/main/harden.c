/* The policy of main/confine.h: which files a serving souk needs. */
#include "main/harden.h"
#include "base/log.h"
#include "main/confine.h"
#include "main/files.h"
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { PATHS_MOST = 128 };

/* clang-format off */
static const struct confine_path common[] = {
    /* libraries that are loaded late (resolver, OpenSSL), and what they read */
    { "/usr/lib",               CONFINE_READ },
    { "/lib",                   CONFINE_READ },
    { "/lib64",                 CONFINE_READ },
    { "/usr/share",             CONFINE_READ },
    { "/etc/ld.so.cache",       CONFINE_READ },
    { "/etc/ssl",               CONFINE_READ },
    { "/etc/ca-certificates",   CONFINE_READ },
    { "/usr/local/share/ca-certificates", CONFINE_READ },
    { "/etc/localtime",         CONFINE_READ },
    /* names of hosts and services */
    { "/etc/resolv.conf",       CONFINE_READ },
    { "/run/systemd/resolve",   CONFINE_READ },
    { "/run/resolvconf",        CONFINE_READ },
    { "/etc/nsswitch.conf",     CONFINE_READ },
    { "/etc/host.conf",         CONFINE_READ },
    { "/etc/hosts",             CONFINE_READ },
    { "/etc/gai.conf",          CONFINE_READ },
    { "/etc/services",          CONFINE_READ },
    { "/etc/protocols",         CONFINE_READ },
    /* the machine, as C library, libuv and RocksDB look at it */
    { "/proc/self",             CONFINE_READ },
    { "/proc/sys/kernel",       CONFINE_READ },
    { "/proc/sys/vm",           CONFINE_READ },
    { "/proc/meminfo",          CONFINE_READ },
    { "/proc/cpuinfo",          CONFINE_READ },
    { "/proc/stat",             CONFINE_READ },
    { "/proc/loadavg",          CONFINE_READ },
    { "/sys/devices/system",    CONFINE_READ },
    { "/sys/fs/cgroup",         CONFINE_READ },
    { "/sys/kernel/mm",         CONFINE_READ },
    { "/dev/null",              CONFINE_WRITE },
    { "/dev/zero",              CONFINE_READ },
    { "/dev/random",            CONFINE_READ },
    { "/dev/urandom",           CONFINE_READ },
};
/* clang-format on */

void harden_process(bool production)
{
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* keys and passwords are in this memory */
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (production) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is a failed write, not the end */
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

struct path_list {
    struct arena *arena;
    struct confine_path paths[PATHS_MOST + 1];
    size_t count;
};

static void add(struct path_list *list, const char *path, enum confine_access access)
{
    if (!path || !*path) return;
    if (list->count < PATHS_MOST)
        list->paths[list->count++] = (struct confine_path){path, access};
    else
        log_line("main", LOG_WARNING, "one path too many to be confined to", "path=\"%s\"", path);
}

static void add_directory_of(struct path_list *list, const char *path, enum confine_access access)
{
    if (!path || !*path) return;
    char *copy = (char *)arena_text(list->arena, text_of(path)).data;
    add(list, dirname(copy), access);
}

/* A renewed file is another file in the same directory, and often what is named is a link to it elsewhere. */
static void add_renewed(struct path_list *list, const char *path)
{
    char *real = *path ? realpath(path, NULL) : NULL;
    add_directory_of(list, path, CONFINE_READ);
    add_directory_of(list, real, CONFINE_READ);
    free(real);
}

static void add_words(struct path_list *list, const char *words, enum confine_access access)
{
    for (const char *const *word = configuration_list(list->arena, words); *word; word++)
        add(list, *word, access);
}

void harden_confine(struct shell *shell, const char *port_file)
{
    const struct configuration *configuration = &shell->configuration;
    bool by_mode = configuration->confine == CONFINE_BY_MODE && configuration->mode == MODE_PRODUCTION;
    if (!by_mode && configuration->confine != CONFINE_ON) return;
    if (!confine_is_possible()) {
        log_line("main", LOG_WARNING, "not confined: this build has a sanitizer", "files=0 calls=0");
        return;
    }
    struct path_list *list = ARENA_NEW(shell->arena, struct path_list);
    list->arena = shell->arena;
    for (size_t i = 0; i < sizeof common / sizeof common[0]; i++)
        add(list, common[i].path, common[i].access);
    add(list, configuration->data, CONFINE_WRITE);
    add(list, configuration->mail_directory, CONFINE_WRITE);
    add(list, configuration->mail_ca_file, CONFINE_READ);
    add_directory_of(list, port_file, CONFINE_WRITE);
    add_renewed(list, configuration->tls_certificate);
    add_renewed(list, configuration->tls_key);
    add_renewed(list, configuration->webhook_authorities);
    add_words(list, configuration->confine_reads, CONFINE_READ);
    add_words(list, configuration->confine_writes, CONFINE_WRITE);

    char problem[256] = "";
    int version = confine_files(list->paths, problem);
    if (version < 1)
        log_line("main", LOG_WARNING, "files are not confined", "why=\"%s\"",
                 version ? problem : "the kernel has no Landlock");
    bool calls = confine_calls(problem);
    if (!calls) log_line("main", LOG_WARNING, "system calls are not confined", "why=\"%s\"", problem);
    log_line("main", LOG_INFO, "confined", "files=%d calls=%d", version > 0 ? version : 0, calls);
}
