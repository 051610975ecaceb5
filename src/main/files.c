/* Files that are replaced as a whole. */
#include "main/files.h"
#include "base/crashpoint.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool write_all(int file, struct text content)
{
    while (content.length) {
        ssize_t written = write(file, content.data, content.length);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        content.data += written;
        content.length -= (uint32_t)written;
    }
    return true;
}

static bool sync_directory_of(const char *path)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", path);
    int directory = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    bool good = fsync(directory) == 0;
    close(directory);
    return good;
}

bool file_replace(const char *path, struct text content, mode_t mode, char problem[256])
{
    char fresh[4096];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh)
        errno = ENAMETOOLONG;
    else {
        unlink(fresh);
        int file = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        bool good = file >= 0 && write_all(file, content) && fsync(file) == 0;
        int error = errno;
        if (file >= 0 && close(file) != 0 && good) {
            good = false;
            error = errno;
        }
        CRASHPOINT("file-written");
        if (good && rename(fresh, path) == 0 && sync_directory_of(path)) {
            CRASHPOINT("file-named");
            return true;
        }
        if (!good) errno = error;
    }
    int error = errno;
    unlink(fresh);
    snprintf(problem, 256, "%.160s cannot be written: %s", path, strerror(error));
    return false;
}

bool file_content(struct arena *arena, const char *path, size_t most, struct text *content)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    char *data = arena_alloc(arena, most + 1);
    size_t length = 0;
    ssize_t got = 0;
    do {
        got = read(file, data + length, most + 1 - length);
        if (got > 0) length += (size_t)got;
    } while (length <= most && (got > 0 || (got < 0 && errno == EINTR)));
    int error = got < 0 ? errno : length > most ? EFBIG : 0;
    close(file);
    errno = error;
    if (error) return false;
    data[length] = 0;
    *content = (struct text){data, (uint32_t)length};
    return true;
}

bool file_directory_is_empty(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory) return errno == ENOENT;
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(directory));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(directory);
    return empty;
}

struct text file_path(struct arena *arena, const char *directory, const char *name)
{
    size_t length = strlen(directory);
    return arena_format(arena, "%s%s%s", directory, length && directory[length - 1] == '/' ? "" : "/", name);
}

struct text file_socket_path(struct arena *arena, const char *directory, const char *name)
{
    struct text path = file_path(arena, directory, name);
    if (path.length < sizeof((struct sockaddr_un *)0)->sun_path) return path;
    int descriptor = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return descriptor < 0 ? path : arena_format(arena, "/proc/self/fd/%d/%s", descriptor, name);
}

struct text file_beside(struct arena *arena, const char *directory, const char *suffix)
{
    /* A directory that is there has a name of its own, even when it is given as "." */
    char *real = realpath(directory, NULL);
    struct text path = arena_text(arena, text_of(real ? real : directory));
    free(real);
    while (path.length > 1 && path.data[path.length - 1] == '/')
        path.length--;
    return arena_format(arena, "%.*s%s", TEXT_ARGUMENTS(path), suffix);
}
