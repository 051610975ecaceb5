/* A disk that can lose power. Preloaded into a program, it notes in a journal what of the files below one directory is
   really on the disk: bytes that were synced, names whose directory was synced. After the program was killed, powercut.py
   takes back what was not: `kill -9` alone leaves everything in the kernel's cache and cannot find a missing fsync.

     LOSSY_ROOT     the directory that is watched
     LOSSY_STATE    where journal and saved files go: on the same file system, outside of LOSSY_ROOT
     LOSSY_FAULT    optional, "call:ending:after:count:errno", such as "fdatasync:.log:7:1:5": calls of that name on files
                    whose path ends so ("*": on all) fail, `count` times after `after` successes. 0 instead of an errno writes half
                    and says so; "torn" writes half and fails with EIO; "slow300" takes 300 ms and succeeds. The call "any"
                    is each of open, read, write, fsync, fdatasync, ftruncate, fallocate, rename, unlink, mkdir.

   The journal is text, a line an event, each written by one write, so that it survives the kill:
     new INO PATH            a file was created                    dir PATH              a directory was made
     size INO BYTES          so much of it is on the disk          synced PATH           the names in this directory are
     old INO OFFSET HEX      what a write in place covered         rename FROM TO SAVED  SAVED: link to what TO was, or -
     unlink PATH SAVED       a name was removed; SAVED links to it
   Renames and removals are noted before they are done, so one that is noted may not have happened.
   What existed before the program started counts as synced. sync_file_range promises nothing and is not looked at. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    PATH_SIZE = 1024,
    FILES_MOST = 16384,
    SAVED_MOST = 64 * 1024,
    LINE_SIZE = 4 * PATH_SIZE,
    DESCRIPTORS_MOST = 4096
};

struct file {
    ino_t inode; /* 0: free */
    off_t synced;
};
struct fault {
    char call[24], ending[64];
    long after, count;
    int error; /* 0: short */
    int slow_ms;
    bool torn;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, fault_mutex = PTHREAD_MUTEX_INITIALIZER;
static char root[PATH_SIZE], state_path[PATH_SIZE];
static size_t root_length;
static int journal = -1;
static struct file files[FILES_MOST]; /* open addressing by inode */
static char *names[DESCRIPTORS_MOST]; /* of watched descriptors */
static struct fault fault;
static unsigned saved_count;

/* ---- the real calls ---- */

#define REAL(name)     ((__typeof__(&name))real(#name, &real_##name))
#define REMEMBER(name) static void *real_##name

static void *real(const char *name, void **remembered)
{
    if (!*remembered) *remembered = dlsym(RTLD_NEXT, name);
    if (!*remembered) abort();
    return *remembered;
}

REMEMBER(open);
REMEMBER(openat);
REMEMBER(close);
REMEMBER(write);
REMEMBER(writev);
REMEMBER(pwrite);
REMEMBER(pwritev);
REMEMBER(fsync);
REMEMBER(fdatasync);
REMEMBER(ftruncate);
REMEMBER(renameat);
REMEMBER(unlinkat);
REMEMBER(link);
REMEMBER(mkdir);
REMEMBER(fallocate);
REMEMBER(read);
REMEMBER(pread);

/* ---- the journal ---- */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void note(const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof line || REAL(write)(journal, line, (size_t)length) != length) abort();
}

static void fault_parse(const char *text)
{
    char error[16] = "";
    if (!text || sscanf(text, "%23[^:]:%63[^:]:%ld:%ld:%15s", fault.call, fault.ending, &fault.after, &fault.count,
                        error) != 5) {
        fault.count = 0;
        return;
    }
    fault.torn = strcmp(error, "torn") == 0;
    sscanf(error, "slow%d", &fault.slow_ms);
    fault.error = fault.torn ? EIO : (int)strtol(error, NULL, 10);
}

__attribute__((constructor)) static void start(void)
{
    const char *watched = getenv("LOSSY_ROOT"), *state = getenv("LOSSY_STATE");
    if (!watched || !state || strlen(watched) >= sizeof root || strlen(state) >= sizeof state_path - 32) return;
    memcpy(root, watched, strlen(watched) + 1);
    memcpy(state_path, state, strlen(state) + 1);
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.900s/journal", state_path);
    journal = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0) abort();
    root_length = strlen(root);
    fault_parse(getenv("LOSSY_FAULT"));
}

/* ---- what is watched ---- */

/* The path made absolute, without "." and empty parts, "name/.." resolved: as the journal names it. */
static bool canonical(int directory, const char *path, char out[PATH_SIZE])
{
    char whole[2 * PATH_SIZE], base[PATH_SIZE] = "";
    if (journal < 0 || !path) return false;
    if (path[0] != '/') {
        if (directory == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return false;
        } else {
            char link_path[40];
            snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", directory);
            ssize_t length = readlink(link_path, base, sizeof base - 1);
            if (length < 0) return false;
            base[length] = 0;
        }
    }
    if (snprintf(whole, sizeof whole, "%s/%s", base, path) >= (int)sizeof whole) return false;
    size_t length = 0;
    char *rest = whole;
    for (char *part; (part = strsep(&rest, "/"));) {
        if (!*part || strcmp(part, ".") == 0) continue;
        if (strcmp(part, "..") == 0) {
            while (length && out[--length] != '/')
                continue;
            continue;
        }
        size_t part_length = strlen(part);
        if (length + part_length + 2 > PATH_SIZE) return false;
        out[length++] = '/';
        memcpy(out + length, part, part_length);
        length += part_length;
    }
    out[length] = 0;
    return strncmp(out, root, root_length) == 0 && (out[root_length] == '/' || !out[root_length]);
}

static const char *name_of(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS_MOST ? names[descriptor] : NULL;
}

static struct file *file_of(ino_t inode)
{
    for (size_t i = inode % FILES_MOST, probes = 0; probes < FILES_MOST; i = (i + 1) % FILES_MOST, probes++)
        if (!files[i].inode || files[i].inode == inode) return &files[i];
    abort();
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), ending_length = strlen(ending);
    return length >= ending_length && strcmp(text + length - ending_length, ending) == 0;
}

/* Whether this call is to fail; it fails for the caller. */
static bool is_fault(const char *call, const char *path)
{
    bool any = strcmp(fault.call, "any") == 0;
    if (!path || (!any && strcmp(call, fault.call) != 0) ||
        !ends_with(path, strcmp(fault.ending, "*") ? fault.ending : ""))
        return false;
    pthread_mutex_lock(&fault_mutex);
    bool now = fault.count > 0 && fault.after-- <= 0;
    if (now) fault.count--;
    pthread_mutex_unlock(&fault_mutex);
    if (now && fault.slow_ms) {
        struct timespec left = {fault.slow_ms / 1000, fault.slow_ms % 1000 * 1000000L};
        while (nanosleep(&left, &left) != 0 && errno == EINTR)
            continue;
        return false;
    }
    if (now) errno = fault.error;
    return now;
}

/* ---- opening ---- */

static void opened(int descriptor, const char *path, bool existed, int flags)
{
    struct stat status;
    if (descriptor < 0 || descriptor >= DESCRIPTORS_MOST || fstat(descriptor, &status) != 0) return;
    pthread_mutex_lock(&mutex);
    free(names[descriptor]);
    names[descriptor] = strdup(path);
    struct file *file = file_of(status.st_ino);
    if (S_ISREG(status.st_mode) && (!file->inode || !existed)) {
        *file = (struct file){status.st_ino, existed ? status.st_size : 0};
        if (existed) note("size %lu %ld\n", (unsigned long)status.st_ino, (long)status.st_size);
    }
    if (!existed) note("new %lu %s\n", (unsigned long)status.st_ino, path);
    if (existed && (flags & O_TRUNC) && file->synced) {
        file->synced = 0;
        note("size %lu 0\n", (unsigned long)status.st_ino);
    }
    pthread_mutex_unlock(&mutex);
}

static int open_at(int directory, const char *path, int flags, mode_t mode)
{
    char whole[PATH_SIZE];
    if (!canonical(directory, path, whole)) return REAL(openat)(directory, path, flags, mode);
    if (is_fault("open", whole)) return -1;
    struct stat status;
    bool existed = stat(whole, &status) == 0;
    int descriptor = REAL(openat)(directory, path, flags, mode);
    opened(descriptor, whole, existed, flags);
    return descriptor;
}

#define MODE(flags, mode)                  \
    mode_t mode = 0;                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list arguments;                 \
        va_start(arguments, flags);        \
        mode = va_arg(arguments, mode_t);  \
        va_end(arguments);                 \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int directory, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_at(directory, path, flags, mode);
}

int openat64(int directory, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return open_at(directory, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* What headers with checks turn open into. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
    return open_at(AT_FDCWD, path, flags, 0);
}

int close(int descriptor)
{
    pthread_mutex_lock(&mutex);
    if (name_of(descriptor)) {
        free(names[descriptor]);
        names[descriptor] = NULL;
    }
    pthread_mutex_unlock(&mutex);
    return REAL(close)(descriptor);
}

/* ---- writing ---- */

/* A write over bytes that are on the disk: they are kept, sector by sector, for the power cut to bring back. */
static void cover(int descriptor, off_t offset, size_t length)
{
    enum { SECTOR = 512 };
    struct stat status;
    if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) return;
    pthread_mutex_lock(&mutex);
    off_t synced = file_of(status.st_ino)->synced;
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    int reader = offset < synced ? REAL(open)(path, O_RDONLY | O_CLOEXEC) : -1;
    for (off_t at = offset / SECTOR * SECTOR; reader >= 0 && at < synced && at < offset + (off_t)length; at += SECTOR) {
        static const char digits[] = "0123456789abcdef";
        unsigned char bytes[SECTOR];
        char hex[2 * SECTOR + 1] = "";
        ssize_t count = REAL(pread)(reader, bytes, SECTOR, at);
        for (ssize_t i = 0; i < count; i++) {
            hex[2 * i] = digits[bytes[i] >> 4];
            hex[2 * i + 1] = digits[bytes[i] & 15];
        }
        if (count > 0) note("old %lu %ld %s\n", (unsigned long)status.st_ino, (long)at, hex);
    }
    if (reader >= 0) REAL(close)(reader);
    pthread_mutex_unlock(&mutex);
}

static void before_write(int descriptor, size_t length)
{
    if (!name_of(descriptor)) return;
    bool appends = fcntl(descriptor, F_GETFL) & O_APPEND;
    cover(descriptor, appends ? lseek(descriptor, 0, SEEK_END) : lseek(descriptor, 0, SEEK_CUR), length);
}

ssize_t write(int descriptor, const void *bytes, size_t length)
{
    before_write(descriptor, length);
    if (!is_fault("write", name_of(descriptor))) return REAL(write)(descriptor, bytes, length);
    if (fault.error && !fault.torn) return -1;
    ssize_t written = REAL(write)(descriptor, bytes, length / 2);
    errno = fault.error;
    return fault.torn ? -1 : written;
}

ssize_t writev(int descriptor, const struct iovec *parts, int count)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    before_write(descriptor, length);
    return is_fault("write", name_of(descriptor)) ? -1 : REAL(writev)(descriptor, parts, count);
}

static ssize_t write_at(int descriptor, const void *bytes, size_t length, off_t offset)
{
    if (name_of(descriptor)) cover(descriptor, offset, length);
    return is_fault("write", name_of(descriptor)) ? -1 : REAL(pwrite)(descriptor, bytes, length, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t length, off_t offset)
{
    return write_at(descriptor, bytes, length, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset)
{
    return write_at(descriptor, bytes, length, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t offset)
{
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += parts[i].iov_len;
    if (name_of(descriptor)) cover(descriptor, offset, length);
    return is_fault("write", name_of(descriptor)) ? -1 : REAL(pwritev)(descriptor, parts, count, offset);
}

static int truncate_descriptor(int descriptor, off_t length)
{
    struct stat status;
    if (is_fault("ftruncate", name_of(descriptor))) return -1;
    int result = REAL(ftruncate)(descriptor, length);
    if (result != 0 || !name_of(descriptor) || fstat(descriptor, &status) != 0) return result;
    pthread_mutex_lock(&mutex);
    struct file *file = file_of(status.st_ino);
    if (file->synced > length) {
        file->synced = length;
        note("size %lu %ld\n", (unsigned long)status.st_ino, (long)length);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int ftruncate(int descriptor, off_t length)
{
    return truncate_descriptor(descriptor, length);
}

int ftruncate64(int descriptor, off64_t length)
{
    return truncate_descriptor(descriptor, length);
}

static int allocate(int descriptor, int mode, off_t offset, off_t length)
{
    return is_fault("fallocate", name_of(descriptor)) ? -1 : REAL(fallocate)(descriptor, mode, offset, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length)
{
    return allocate(descriptor, mode, offset, length);
}

int fallocate64(int descriptor, int mode, off64_t offset, off64_t length)
{
    return allocate(descriptor, mode, offset, length);
}

/* ---- reading ---- */

ssize_t read(int descriptor, void *bytes, size_t length)
{
    return is_fault("read", name_of(descriptor)) ? -1 : REAL(read)(descriptor, bytes, length);
}

ssize_t pread(int descriptor, void *bytes, size_t length, off_t offset)
{
    return is_fault("read", name_of(descriptor)) ? -1 : REAL(pread)(descriptor, bytes, length, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t length, off64_t offset)
{
    return is_fault("read", name_of(descriptor)) ? -1 : REAL(pread)(descriptor, bytes, length, offset);
}

/* ---- syncing ---- */

/* On the disk is what was there when the call began. */
static int sync_descriptor(int descriptor, const char *call, int (*really)(int descriptor))
{
    struct stat status = {0};
    const char *path = name_of(descriptor);
    bool known = path && fstat(descriptor, &status) == 0;
    if (is_fault(call, path)) return -1;
    int result = really(descriptor);
    if (result != 0 || !known) return result;
    pthread_mutex_lock(&mutex);
    if (S_ISDIR(status.st_mode)) {
        note("synced %s\n", names[descriptor]);
    } else {
        *file_of(status.st_ino) = (struct file){status.st_ino, status.st_size};
        note("size %lu %ld\n", (unsigned long)status.st_ino, (long)status.st_size);
    }
    pthread_mutex_unlock(&mutex);
    return result;
}

int fsync(int descriptor)
{
    return sync_descriptor(descriptor, "fsync", REAL(fsync));
}

int fdatasync(int descriptor)
{
    return sync_descriptor(descriptor, "fdatasync", REAL(fdatasync));
}

/* ---- names ---- */

/* A second name for a file that is about to lose one; "-" when there is none. The mutex is held. */
static void save(const char *path, char saved[PATH_SIZE])
{
    snprintf(saved, PATH_SIZE, "%.900s/saved.%d.%u", state_path, (int)getpid(), saved_count++);
    if (saved_count <= SAVED_MOST && REAL(link)(path, saved) == 0) return;
    if (saved_count > SAVED_MOST || errno != ENOENT) { /* a cut could not bring it back: no test would mean anything */
        dprintf(STDERR_FILENO, "lossy: %s cannot be kept as %s: %s\n", path, saved, strerror(errno));
        abort();
    }
    memcpy(saved, "-", 2);
}

static int rename_at(int from_directory, const char *from, int to_directory, const char *to)
{
    char from_path[PATH_SIZE], to_path[PATH_SIZE], saved[PATH_SIZE];
    if (!canonical(from_directory, from, from_path) || !canonical(to_directory, to, to_path))
        return REAL(renameat)(from_directory, from, to_directory, to);
    if (is_fault("rename", to_path)) return -1;
    pthread_mutex_lock(&mutex);
    struct stat status;
    bool is_there = lstat(from_path, &status) == 0;
    save(to_path, saved);
    if (is_there)
        note("rename %s %s %s\n", from_path, to_path, saved); /* before it: a kill in between must not hide it */
    int result = REAL(renameat)(from_directory, from, to_directory, to);
    pthread_mutex_unlock(&mutex);
    return result;
}

int rename(const char *from, const char *to)
{
    return rename_at(AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return rename_at(from_directory, from, to_directory, to);
}

int unlinkat(int directory, const char *path, int flags)
{
    char whole[PATH_SIZE], saved[PATH_SIZE];
    if (!canonical(directory, path, whole) || flags) return REAL(unlinkat)(directory, path, flags);
    if (is_fault("unlink", whole)) return -1;
    pthread_mutex_lock(&mutex);
    save(whole, saved);
    note("unlink %s %s\n", whole, saved);
    int result = REAL(unlinkat)(directory, path, flags);
    pthread_mutex_unlock(&mutex);
    return result;
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int link(const char *from, const char *to)
{
    char to_path[PATH_SIZE];
    int result = REAL(link)(from, to);
    struct stat status;
    if (result != 0 || !canonical(AT_FDCWD, to, to_path) || stat(to_path, &status) != 0) return result;
    pthread_mutex_lock(&mutex);
    note("new %lu %s\n", (unsigned long)status.st_ino, to_path);
    pthread_mutex_unlock(&mutex);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    char whole[PATH_SIZE];
    bool watched = canonical(AT_FDCWD, path, whole);
    if (watched && is_fault("mkdir", whole)) return -1;
    int result = REAL(mkdir)(path, mode);
    if (result != 0 || !watched) return result;
    pthread_mutex_lock(&mutex);
    note("dir %s\n", whole);
    pthread_mutex_unlock(&mutex);
    return result;
}
