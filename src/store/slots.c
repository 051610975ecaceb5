/* Files of keys. */
#include "store/slots.h"
#include "base/check.h"
#include "store/directory.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROWS_AT_ONCE = 512, GROWTH_BYTES = ROWS_AT_ONCE * SLOT_SIZE };

/* False with the sentence "cannot <what> <path>: <reason>". */
static bool refuse(char problem[256], const char *what, const char *path, const char *reason)
{
    snprintf(problem, 256, "cannot %.40s %.120s: %.60s", what, path, reason);
    return false;
}

static bool read_at(int file, void *out, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(file, (char *)out + done, size - done, at + (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_at(int file, const void *data, size_t size, off_t at)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = pwrite(file, (const char *)data + done, size - done, at + (off_t)done);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return false;
        done += (size_t)put;
    }
    return true;
}

static bool parent_sync(const char *path)
{
    const char *slash = strrchr(path, '/');
    char directory[PATH_SIZE];
    int length = slash ? (int)(slash == path ? 1 : slash - path) : 1;
    if (snprintf(directory, sizeof directory, "%.*s", length, slash ? path : ".") >= (int)sizeof directory)
        return false;
    return directory_sync(directory);
}

static bool beside(char out[PATH_SIZE], const char *path, const char *suffix)
{
    return snprintf(out, PATH_SIZE, "%s%s", path, suffix) < PATH_SIZE;
}

/* A pipe must not hang the start. */
static int open_secret(const char *path, int flags, const char *what, struct stat *status, char problem[256])
{
    int file = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        int error = errno;
        refuse(problem, what, path, strerror(error));
        errno = error;
        return -1;
    }
    bool good = false;
    if (fstat(file, status) != 0)
        refuse(problem, what, path, strerror(errno));
    else if (!S_ISREG(status->st_mode))
        refuse(problem, what, path, "it is not a regular file");
    else if (status->st_mode & 077)
        refuse(problem, what, path, "its mode has to be 0600");
    else
        good = true;
    if (good) return file;
    close(file);
    errno = EINVAL;
    return -1;
}

/* ---- the master key ---- */

static bool master_read(const char *path, uint8_t master[KEYRING_MASTER_SIZE], char problem[256])
{
    static const char what[] = "use the master key";
    struct stat status;
    int file = open_secret(path, O_RDONLY, what, &status, problem);
    if (file < 0) return false;
    bool good = status.st_size == KEYRING_MASTER_SIZE;
    if (!good)
        refuse(problem, what, path, "it does not hold exactly 32 bytes");
    else if (!(good = read_at(file, master, KEYRING_MASTER_SIZE, 0)))
        refuse(problem, what, path, "it cannot be read");
    int error = good ? 0 : EINVAL;
    close(file);
    errno = error;
    return good;
}

/* A synced file of mode 0600 that was not there before; errno. */
static bool secret_write(const char *path, const void *data, size_t size)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return false;
    bool good = fchmod(file, 0600) == 0 && write_at(file, data, size, 0) && fsync(file) == 0;
    int error = errno;
    close(file);
    errno = error;
    return good;
}

/* Written beside its place and linked into it: a crash leaves either no key file or a whole one, and a file that somebody
   else made meanwhile is never overwritten. */
static bool master_make(const char *path, uint8_t master[KEYRING_MASTER_SIZE], char problem[256])
{
    static const char what[] = "make the master key";
    char draft[PATH_SIZE];
    if (!beside(draft, path, ".new")) return refuse(problem, what, path, "the name is too long");
    unlink(draft); /* of a start that was cut off */
    randombytes_buf(master, KEYRING_MASTER_SIZE);
    bool made = secret_write(draft, master, KEYRING_MASTER_SIZE) && link(draft, path) == 0;
    int error = errno;
    unlink(draft);
    if (!made) return refuse(problem, what, path, strerror(error));
    if (!parent_sync(path)) return refuse(problem, what, path, "its directory cannot be synced");
    return true;
}

struct master {
    uint8_t now[KEYRING_MASTER_SIZE], next[KEYRING_MASTER_SIZE];
    bool has_next; /* a rotation was cut off: which of the two it is, the slots say */
};

struct master *master_open(const char *path, enum slots_use use, char problem[256])
{
    CHECK(sodium_init() >= 0);
    char next[PATH_SIZE], ignored[256];
    struct master *master = sodium_malloc(sizeof *master);
    CHECK(master);
    bool good = master_read(path, master->now, problem);
    if (!good && errno == ENOENT) {
        if (use == SLOTS_MAKE)
            good = master_make(path, master->now, problem);
        else
            snprintf(problem, 256, "%.190s, the master key of this data, is missing", path);
    }
    if (good) problem[0] = 0;
    master->has_next = beside(next, path, ".next") && master_read(next, master->next, ignored);
    if (good) return master;
    sodium_free(master);
    return NULL;
}

/* ---- the slots as a port ---- */

struct slot_file {
    int file;
    off_t reserved; /* bytes that are allocated */
};

static void slots_random(void *context, void *out, size_t size)
{
    (void)context;
    randombytes_buf(out, size);
}

/* Room is taken many rows at a time, so that most writes change no size. */
static bool slots_reserve(struct slot_file *slots, off_t end)
{
    if (end <= slots->reserved) return true;
    off_t size = (end + GROWTH_BYTES - 1) / GROWTH_BYTES * GROWTH_BYTES;
    errno = posix_fallocate(slots->file, 0, size);
    if (errno) return false;
    slots->reserved = size;
    return true;
}

static bool slots_write(void *context, const struct slot_write *rows)
{
    struct slot_file *slots = context;
    for (const struct slot_write *write = rows; write; write = write->next) {
        off_t at = (off_t)write->slot * SLOT_SIZE;
        if (!slots_reserve(slots, at + SLOT_SIZE) || !write_at(slots->file, write->row, SLOT_SIZE, at)) return false;
    }
    return fdatasync(slots->file) == 0;
}

static void slots_close(void *context)
{
    struct slot_file *slots = context;
    close(slots->file);
    free(slots);
}

static struct keyring *keyring_of(const uint8_t master[KEYRING_MASTER_SIZE], int file, off_t size, bool writes)
{
    struct slot_file *slots = memory_alloc(sizeof *slots);
    *slots = (struct slot_file){file, size};
    struct keyring_port port = {slots, slots_random, writes ? slots_write : NULL, slots_close};
    return keyring_create(master, &port);
}

static bool slots_load(struct keyring *keyring, int file, off_t size)
{
    static const uint8_t zeros[SLOT_SIZE];
    uint8_t(*rows)[SLOT_SIZE] = memory_alloc((size_t)ROWS_AT_ONCE * SLOT_SIZE);
    uint32_t count = (uint32_t)(size / SLOT_SIZE); /* a last row that was cut off is none */
    bool good = true;
    for (uint32_t first = 0; good && first < count; first += ROWS_AT_ONCE) {
        uint32_t here = count - first < ROWS_AT_ONCE ? count - first : ROWS_AT_ONCE;
        good = read_at(file, rows, (size_t)here * SLOT_SIZE, (off_t)first * SLOT_SIZE);
        for (uint32_t i = 0; good && i < here; i++)
            good = !memcmp(rows[i], zeros, SLOT_SIZE) || keyring_load(keyring, first + i, rows[i]);
    }
    free(rows);
    return good;
}

/* ---- opening ---- */

/* The first row of a file; false when there is none. */
static bool first_row(int file, uint8_t row[SLOT_SIZE])
{
    return read_at(file, row, SLOT_SIZE, 0) && !sodium_is_zero(row, SLOT_SIZE);
}

static const uint8_t *key_in_force(const struct master *master, int file)
{
    uint8_t row[SLOT_SIZE];
    bool is_next = master->has_next && first_row(file, row) && !slot_is_of(master->now, 0, row) &&
                   slot_is_of(master->next, 0, row);
    return is_next ? master->next : master->now; /* a wrong key is told by the loading */
}

static int slots_file_open(const char *path, enum slots_use use, off_t *size, char problem[256])
{
    static const char what[] = "use the keys of persons";
    struct stat status;
    int file = open_secret(path, use == SLOTS_READ_ONLY ? O_RDONLY : O_RDWR, what, &status, problem);
    if (file < 0 && errno == ENOENT && use == SLOTS_MAKE) {
        file = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file < 0 || fstat(file, &status) != 0 || !parent_sync(path)) refuse(problem, what, path, strerror(errno));
    } else if (file < 0 && errno == ENOENT) {
        snprintf(problem, 256, "%.160s, the keys of persons in this data, are missing", path);
    }
    *size = file < 0 ? 0 : status.st_size;
    return file;
}

/* The keyring over an open file, which it owns. */
static struct keyring *keyring_of_file(int file, off_t size, const char *slots_path, enum slots_use use,
                                       const struct master *master, char problem[256])
{
    static const char foreign[] = "the master key is not the one under which this data was begun";
    uint8_t row[SLOT_SIZE];
    if (use != SLOTS_MAKE && !first_row(file, row)) {
        refuse(problem, "use the keys of persons", slots_path, "it holds none");
        close(file);
        return NULL;
    }
    struct keyring *keyring = keyring_of(key_in_force(master, file), file, size, use != SLOTS_READ_ONLY);
    struct keyring_writes writes = {0};
    bool good = slots_load(keyring, file, size);
    if (!good)
        snprintf(problem, 256, "%s", foreign);
    else if (!(good = keyring_ready(keyring)))
        refuse(problem, "use the keys of persons", slots_path, "its first row is damaged");
    keyring_take(keyring, &writes);
    if (good && !(good = keyring_write(keyring, &writes.made)))
        refuse(problem, "write the keys of persons", slots_path, strerror(errno));
    slot_writes_free(writes.made);
    if (good) {
        problem[0] = 0; /* what had to be made is made */
        return keyring;
    }
    keyring_destroy(keyring);
    return NULL;
}

struct keyring *keyring_over(struct master *master, const char *slots_path, enum slots_use use, char problem[256])
{
    off_t size = 0;
    int file = slots_file_open(slots_path, use, &size, problem);
    struct keyring *keyring = file < 0 ? NULL : keyring_of_file(file, size, slots_path, use, master, problem);
    sodium_free(master);
    return keyring;
}

struct keyring *keyring_open(const char *key_path, const char *slots_path, enum slots_use use, char problem[256])
{
    struct master *master = master_open(key_path, use, problem);
    return master ? keyring_over(master, slots_path, use, problem) : NULL;
}

/* ---- rotation ---- */

/* The rows of `from`, wrapped by another key, in a new file. */
static bool rewrap_file(int from, off_t size, const char *to, const uint8_t before[KEYRING_MASTER_SIZE],
                        const uint8_t after[KEYRING_MASTER_SIZE], char problem[256])
{
    int file = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return refuse(problem, "write", to, strerror(errno));
    bool good = true;
    uint32_t count = (uint32_t)(size / SLOT_SIZE), damaged = 0;
    for (uint32_t slot = 0; good && slot < count; slot++) {
        uint8_t row[SLOT_SIZE];
        good = read_at(from, row, SLOT_SIZE, (off_t)slot * SLOT_SIZE);
        if (good && !slot_rewrap(before, after, slot, row))
            damaged++; /* it is copied as it is: nothing is lost twice */
        good = good && (slot || !damaged) && write_at(file, row, SLOT_SIZE, (off_t)slot * SLOT_SIZE);
    }
    good = good && fsync(file) == 0;
    int error = errno;
    close(file);
    if (!good) refuse(problem, "wrap the keys of persons into", to, damaged ? "the first is damaged" : strerror(error));
    return good;
}

/* What the disk held under a name that is gone: in place, as far as the file system writes in place. */
static void overwrite(int file, off_t size)
{
    static const uint8_t zeros[SLOT_SIZE];
    for (off_t at = 0; at < size; at += SLOT_SIZE)
        if (!write_at(file, zeros, (size_t)(size - at < SLOT_SIZE ? size - at : SLOT_SIZE), at)) return;
    fsync(file);
}

static bool rotate_files(const char *key_path, const char *slots_path, int slots, off_t size,
                         const uint8_t before[KEYRING_MASTER_SIZE], char problem[256])
{
    char key_next[PATH_SIZE], slots_next[PATH_SIZE];
    uint8_t after[KEYRING_MASTER_SIZE];
    if (!beside(key_next, key_path, ".next") || !beside(slots_next, slots_path, ".next"))
        return refuse(problem, "rotate", key_path, "the name is too long");
    int key = open(key_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (key < 0) return refuse(problem, "rotate", key_path, strerror(errno));
    randombytes_buf(after, sizeof after);
    bool good = secret_write(key_next, after, sizeof after) && parent_sync(key_next);
    if (!good) refuse(problem, "write", key_next, strerror(errno));
    good = good && rewrap_file(slots, size, slots_next, before, after, problem);
    sodium_memzero(after, sizeof after);
    if (good && (rename(slots_next, slots_path) != 0 || !parent_sync(slots_path)))
        good = refuse(problem, "replace", slots_path, strerror(errno));
    if (good && (rename(key_next, key_path) != 0 || !parent_sync(key_path)))
        good = refuse(problem, "replace", key_path, strerror(errno));
    if (good) {
        overwrite(slots, size);
        overwrite(key, KEYRING_MASTER_SIZE);
    }
    close(key);
    return good;
}

/* What an earlier rotation left: its key where it belongs, and no drafts. Gives the key that is in force. */
static enum rotation tidy_up(const char *key_path, const char *slots_path, int slots, uint8_t key[KEYRING_MASTER_SIZE],
                             char problem[256])
{
    char key_next[PATH_SIZE], slots_next[PATH_SIZE];
    if (!beside(key_next, key_path, ".next") || !beside(slots_next, slots_path, ".next")) {
        refuse(problem, "rotate", key_path, "the name is too long");
        return ROTATION_REFUSED;
    }
    struct master *master = master_open(key_path, SLOTS_OF_DATA, problem);
    if (!master) return ROTATION_REFUSED;
    uint8_t row[SLOT_SIZE];
    const uint8_t *in_force = key_in_force(master, slots);
    bool is_next = in_force == master->next;
    memcpy(key, in_force, KEYRING_MASTER_SIZE);
    bool good = first_row(slots, row) && slot_is_of(key, 0, row);
    sodium_free(master);
    if (!good) {
        refuse(problem, "rotate", key_path, "it is not the key of these slots");
        return ROTATION_REFUSED;
    }
    if (is_next && (rename(key_next, key_path) != 0 || !parent_sync(key_path))) {
        refuse(problem, "replace", key_path, strerror(errno));
        return ROTATION_FAILED;
    }
    unlink(slots_next);
    unlink(key_next);
    return ROTATION_DONE;
}

enum rotation keyring_rotate(const char *key_path, const char *slots_path, char problem[256])
{
    uint8_t before[KEYRING_MASTER_SIZE];
    struct stat status;
    int slots = open_secret(slots_path, O_RDWR, "use the keys of persons", &status, problem);
    if (slots < 0) return ROTATION_REFUSED;
    enum rotation rotation = tidy_up(key_path, slots_path, slots, before, problem);
    if (rotation == ROTATION_DONE && !rotate_files(key_path, slots_path, slots, status.st_size, before, problem))
        rotation = ROTATION_FAILED;
    close(slots);
    sodium_memzero(before, sizeof before);
    return rotation;
}

bool slots_copy(const char *from, const char *to)
{
    char problem[256];
    struct stat status;
    int source = open_secret(from, O_RDONLY, "copy", &status, problem);
    if (source < 0) return false;
    char *bytes = memory_alloc((size_t)status.st_size + 1);
    bool good = read_at(source, bytes, (size_t)status.st_size, 0) && secret_write(to, bytes, (size_t)status.st_size) &&
                parent_sync(to);
    int error = errno;
    free(bytes);
    close(source);
    errno = error;
    return good;
}
