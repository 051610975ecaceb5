/* Confinement of files by Landlock. glibc has no functions for it, and headers know only what was there when they were made: so
   the calls are made bare, with the rights of each version named here (Linux, include/uapi/linux/landlock.h). */
#include "main/confine.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that came later than the oldest header we are built with. */
#define RIGHT_REFER     (UINT64_C(1) << 13) /* version 2: link and rename between directories */
#define RIGHT_TRUNCATE  (UINT64_C(1) << 14) /* version 3 */
#define RIGHT_IOCTL_DEV (UINT64_C(1) << 15) /* version 5 */

#define RIGHTS_OF_FILES \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_TO_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_TO_WRITE                                                                                              \
    (RIGHTS_TO_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE | RIGHT_REFER | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                    \
     LANDLOCK_ACCESS_FS_MAKE_SOCK)

/* What a version can take away: all that it knows, of which the rules give back the above. */
static uint64_t rights_of_version(int version)
{
    uint64_t rights = (UINT64_C(1) << 13) - 1;
    if (version >= 2) rights |= RIGHT_REFER;
    if (version >= 3) rights |= RIGHT_TRUNCATE;
    if (version >= 5) rights |= RIGHT_IOCTL_DEV;
    return rights;
}

bool confine_is_possible(void)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    return false;
#else
    return true;
#endif
}

static bool complain(char problem[256], const char *what, const char *path)
{
    snprintf(problem, 256, "cannot %s %.160s: %s", what, path, strerror(errno));
    return false;
}

static bool allow(int ruleset, uint64_t handled, const struct confine_path *path, char problem[256])
{
    struct stat status;
    int file = open(path->path, O_PATH | O_CLOEXEC);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return true; /* nor will it be later */
    if (file < 0 || fstat(file, &status) != 0) {
        complain(problem, "confine itself to", path->path);
        if (file >= 0) close(file);
        return false;
    }
    struct landlock_path_beneath_attr rule = {.parent_fd = file};
    rule.allowed_access = handled & (path->access == CONFINE_WRITE ? RIGHTS_TO_WRITE : RIGHTS_TO_READ);
    if (!S_ISDIR(status.st_mode)) rule.allowed_access &= RIGHTS_OF_FILES;
    bool good = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ||
                complain(problem, "confine itself to", path->path);
    close(file);
    return good;
}

int confine_files(const struct confine_path *paths, char problem[256])
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) return 0;
    struct landlock_ruleset_attr attributes = {.handled_access_fs = rights_of_version(version)};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    bool good = ruleset >= 0 || complain(problem, "confine itself to", "files");
    for (const struct confine_path *path = paths; good && path->path; path++)
        good = allow(ruleset, attributes.handled_access_fs, path, problem);
    if (good && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_landlock_restrict_self, ruleset, 0) != 0))
        good = complain(problem, "confine itself to", "files");
    if (ruleset >= 0) close(ruleset);
    return good ? version : -1;
}
