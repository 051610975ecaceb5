/* A copy of a directory, file by file, each synced, then the directories. */
#include "main/copy.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_MOST = 4096, DEPTH_MOST = 8, COPY_BYTES = 64 * 1024 };

static bool copy_bytes(int from, int to)
{
    char bytes[COPY_BYTES];
    for (;;) {
        ssize_t got = read(from, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return got == 0;
        for (ssize_t at = 0; at < got;) {
            ssize_t written = write(to, bytes + at, (size_t)(got - at));
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return false;
            at += written;
        }
    }
}

static bool copy_file(const char *from, const char *to)
{
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = source < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = target >= 0 && copy_bytes(source, target) && fsync(target) == 0;
    int reason = errno;
    if (target >= 0 && close(target) != 0 && good) {
        good = false;
        reason = errno;
    }
    if (source >= 0) close(source);
    errno = reason;
    return good;
}

static bool sync_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    bool good = fsync(directory) == 0;
    close(directory);
    return good;
}

static bool copy_entries(const char *from, const char *to, int depth);

static bool copy_entry(const char *from, const char *to, const char *name, int depth)
{
    char source[PATH_MOST], target[PATH_MOST];
    struct stat status;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lock") == 0) return true;
    if ((size_t)snprintf(source, sizeof source, "%s/%s", from, name) >= sizeof source ||
        (size_t)snprintf(target, sizeof target, "%s/%s", to, name) >= sizeof target) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (lstat(source, &status) != 0) return false;
    if (S_ISDIR(status.st_mode)) return copy_entries(source, target, depth + 1);
    return S_ISREG(status.st_mode) ? copy_file(source, target) : true;
}

static bool copy_entries(const char *from, const char *to, int depth)
{
    if (depth > DEPTH_MOST) {
        errno = ELOOP;
        return false;
    }
    if (mkdir(to, 0700) != 0 && errno != EEXIST) return false;
    DIR *directory = opendir(from);
    if (!directory) return false;
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(directory));)
        good = copy_entry(from, to, entry->d_name, depth);
    int reason = errno;
    closedir(directory);
    errno = reason;
    return good && sync_directory(to);
}

bool copy_directory(const char *from, const char *to, char *problem, size_t size)
{
    if (copy_entries(from, to, 0)) return true;
    int reason = errno;
    snprintf(problem, size, "cannot copy %.200s to %.200s: %s", from, to, strerror(reason));
    errno = reason;
    return false;
}

/* ---- Moving and removing ------------------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status, (void)type, (void)place;
    remove(path);
    return 0;
}

void remove_directory(const char *path)
{
    enum { OPEN_AT_ONCE = 16 };
    nftw(path, remove_one, OPEN_AT_ONCE, FTW_DEPTH | FTW_PHYS);
}

static bool rename_synced(const char *from, const char *to)
{
    char parent[PATH_MOST];
    if ((size_t)snprintf(parent, sizeof parent, "%s", to) >= sizeof parent) {
        errno = ENAMETOOLONG;
        return false;
    }
    return rename(from, to) == 0 && sync_directory(dirname(parent));
}

/* To another file system: whole, and only then under its name. */
static bool copy_whole(const char *from, const char *to, char *problem, size_t size)
{
    char fresh[PATH_MOST];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", to) >= sizeof fresh) {
        errno = ENAMETOOLONG;
        return false;
    }
    bool good = copy_directory(from, fresh, problem, size) && rename_synced(fresh, to);
    int reason = errno;
    remove_directory(good ? from : fresh);
    errno = reason;
    return good;
}

bool move_directory(const char *from, const char *to, char *problem, size_t size)
{
    if (rename_synced(from, to) || (errno == EXDEV && copy_whole(from, to, problem, size))) return true;
    int reason = errno;
    snprintf(problem, size, "cannot move %.200s to %.200s: %s", from, to, strerror(reason));
    errno = reason;
    return false;
}

void remove_backups_under_way(const char *data)
{
    char path[PATH_MOST];
    DIR *directory = opendir(data);
    if (!directory) return;
    for (struct dirent *entry; (entry = readdir(directory));)
        if (strncmp(entry->d_name, BACKUP_UNDER_WAY, strlen(BACKUP_UNDER_WAY)) == 0 &&
            (size_t)snprintf(path, sizeof path, "%s/%s", data, entry->d_name) < sizeof path)
            remove_directory(path);
    closedir(directory);
}
