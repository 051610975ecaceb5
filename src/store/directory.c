/* Every name that is made, renamed or removed counts only once its directory is synced. */
#include "store/directory.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

bool path_join(char out[PATH_SIZE], const char *directory, const char *name)
{
    int length = snprintf(out, PATH_SIZE, "%s/%s", directory, name);
    if (length > 0 && length < PATH_SIZE) return true;
    errno = ENAMETOOLONG;
    return false;
}

bool path_exists(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

static bool sync_path(const char *path, int flags)
{
    int file = open(path, flags | O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool good = fsync(file) == 0;
    int reason = errno;
    close(file);
    errno = reason;
    return good;
}

bool directory_sync(const char *path)
{
    return sync_path(path, O_DIRECTORY);
}

static bool sync_parent(const char *path)
{
    char parent[PATH_SIZE];
    return path_join(parent, path, "..") && directory_sync(parent);
}

bool directory_make(const char *path)
{
    if (mkdir(path, 0700) == 0) return sync_parent(path);
    if (errno != EEXIST) return false;
    struct stat status;
    if (stat(path, &status) != 0) return false;
    if (!S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
        return false;
    }
    return true;
}

int directory_lock(const char *path)
{
    char name[PATH_SIZE];
    if (!path_join(name, path, "lock")) return -1;
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return -1;
    /* Of the open file, not of the process: two stores of one process exclude each other too. */
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(file, F_OFD_SETLK, &lock) == 0) return file;
    int reason = errno;
    close(file);
    errno = reason == EACCES ? EAGAIN : reason;
    return -1;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Calls visit for each name until it answers false. */
static bool each_name(const char *path, bool (*visit)(void *context, const char *path, const char *name), void *context)
{
    DIR *directory = opendir(path);
    if (!directory) return false;
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(directory));)
        if (!is_dots(entry->d_name)) good = visit(context, path, entry->d_name);
    int reason = errno;
    closedir(directory);
    errno = reason;
    return good;
}

static bool sync_name(void *context, const char *path, const char *name)
{
    (void)context;
    char file[PATH_SIZE];
    return path_join(file, path, name) && sync_path(file, 0);
}

bool directory_sync_all(const char *path)
{
    return each_name(path, sync_name, NULL) && directory_sync(path);
}

static bool remove_name(void *context, const char *path, const char *name)
{
    (void)context;
    char file[PATH_SIZE];
    return path_join(file, path, name) && unlink(file) == 0;
}

bool directory_remove(const char *path)
{
    if (!path_exists(path)) return true;
    return each_name(path, remove_name, NULL) && rmdir(path) == 0;
}

static bool is_listed(void *context, const char *path, const char *name)
{
    (void)path;
    for (const char *const *listed = context; *listed; listed++)
        if (strcmp(*listed, name) == 0) return true;
    return false;
}

bool directory_holds_only(const char *path, const char *const *names)
{
    return each_name(path, is_listed, (void *)names);
}

static bool ends_so(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length >= end && strcmp(name + length - end, ending) == 0;
}

struct sum {
    const char *ending;
    uint64_t bytes;
};

static bool add_name(void *context, const char *path, const char *name)
{
    struct sum *sum = context;
    char file[PATH_SIZE];
    struct stat status;
    if (ends_so(name, sum->ending) && path_join(file, path, name) && stat(file, &status) == 0)
        sum->bytes += (uint64_t)status.st_size;
    return true;
}

uint64_t directory_bytes(const char *path, const char *ending)
{
    struct sum sum = {ending, 0};
    each_name(path, add_name, &sum);
    return sum.bytes;
}

bool directory_free(const char *path, uint64_t *bytes)
{
    struct statvfs status;
    if (statvfs(path, &status) != 0) return false;
    *bytes = (uint64_t)status.f_bavail * status.f_frsize;
    return true;
}

struct description {
    const char *ending;
    char *out;
    size_t size, length;
};

static bool describe_name(void *context, const char *path, const char *name)
{
    struct description *description = context;
    char file[PATH_SIZE];
    struct stat status;
    if (!ends_so(name, description->ending)) return true;
    if (!path_join(file, path, name) || stat(file, &status) != 0) return true;
    size_t room = description->size - description->length;
    int added = snprintf(description->out + description->length, room, "%s%s (%lld bytes)",
                         description->length ? ", " : "", name, (long long)status.st_size);
    if (added < 0 || (size_t)added >= room) return false;
    description->length += (size_t)added;
    return true;
}

void directory_describe(const char *path, const char *ending, char *out, size_t size)
{
    struct description description = {ending, out, size, 0};
    out[0] = 0;
    each_name(path, describe_name, &description);
}
