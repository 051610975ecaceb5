/* Format: blocks of 32 KiB, in each of them records of checksum (4, CRC-32C of type and data, masked), length (2), type (1),
   data; an edit is one FULL record, or FIRST, MIDDLE … LAST. Less than a header's bytes at a block's end are zeros
   (RocksDB 7.8, db/log_format.h). */
#include "store/manifest.h"
#include "base/arena.h"
#include "base/log.h"
#include "store/directory.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 32 * 1024, HEADER_BYTES = 7, BYTES_MOST = 256 * 1024 * 1024 };
enum record_type { RECORD_NONE, RECORD_FULL, RECORD_FIRST, RECORD_MIDDLE, RECORD_LAST };
enum reading { READ_WHOLE, READ_END, READ_BROKEN };

/* CRC-32C (Castagnoli), bit by bit: a manifest is small. */
static uint32_t crc32c(const uint8_t *bytes, size_t length)
{
    uint32_t crc = ~UINT32_C(0);
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (UINT32_C(0x82F63B78) & -(crc & 1));
    }
    return ~crc;
}

static uint32_t masked(uint32_t crc)
{
    return (crc >> 15 | crc << 17) + UINT32_C(0xA282EAD8);
}

static uint32_t little32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The record at `at`; *next is where the one after it begins. */
static enum reading record_at(const uint8_t *bytes, size_t length, size_t at, size_t *next, enum record_type *type)
{
    size_t left = BLOCK_BYTES - at % BLOCK_BYTES;
    *type = RECORD_NONE;
    if (left < HEADER_BYTES) {
        *next = at + left;
        return *next <= length ? READ_WHOLE : READ_END;
    }
    if (at + HEADER_BYTES > length) return READ_END;
    size_t size = bytes[at + 4] | (size_t)bytes[at + 5] << 8;
    uint8_t kind = bytes[at + 6];
    *next = at + HEADER_BYTES + size;
    if (!kind && !size) return READ_END;
    if (HEADER_BYTES + size > left || kind > RECORD_LAST) return READ_BROKEN;
    if (*next > length) return READ_END; /* RocksDB takes an edit that is only begun for the end */
    if (masked(crc32c(bytes + at + 6, size + 1)) != little32(bytes + at)) return READ_BROKEN;
    *type = (enum record_type)kind;
    return READ_WHOLE;
}

/* Where the edits end that can be read; `length` when there is nothing to cut off. */
static size_t whole_end(const uint8_t *bytes, size_t length)
{
    size_t edit = 0, at = 0, next = 0;
    for (;; at = next) {
        enum record_type type;
        enum reading reading = record_at(bytes, length, at, &next, &type);
        if (reading == READ_END) return length;
        if (reading == READ_BROKEN) return edit;
        if (type == RECORD_FULL || type == RECORD_LAST) edit = next;
    }
}

static bool manifest_path(const char *rocks_path, char path[PATH_SIZE])
{
    char current[PATH_SIZE], name[64] = "";
    if (!path_join(current, rocks_path, "CURRENT")) return false;
    int file = open(current, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t length = read(file, name, sizeof name - 1);
    close(file);
    if (length <= 0 || strncmp(name, "MANIFEST-", 9) != 0) return false;
    name[strcspn(name, "\n")] = 0;
    return path_join(path, rocks_path, name);
}

static uint8_t *read_whole(int file, size_t *length)
{
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size <= 0 || status.st_size > BYTES_MOST) return NULL;
    *length = (size_t)status.st_size;
    uint8_t *bytes = memory_alloc(*length);
    if (pread(file, bytes, *length, 0) == status.st_size) return bytes;
    free(bytes);
    return NULL;
}

/* As it was, beside it: RocksDB neither reads nor removes a name that it does not know. */
static bool keep_copy(const char *path, const uint8_t *bytes, size_t length)
{
    char copy[PATH_SIZE];
    if ((size_t)snprintf(copy, sizeof copy, "%s.torn", path) >= sizeof copy) return false;
    int file = open(copy, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return false;
    bool good = write(file, bytes, length) == (ssize_t)length && fsync(file) == 0;
    return close(file) == 0 && good;
}

bool manifest_trim(const char *rocks_path)
{
    char path[PATH_SIZE];
    if (!manifest_path(rocks_path, path)) return false;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    size_t length = 0;
    uint8_t *bytes = read_whole(file, &length);
    size_t end = bytes ? whole_end(bytes, length) : length;
    bool cut = end > 0 && end < length && keep_copy(path, bytes, length) && ftruncate(file, (off_t)end) == 0 &&
               fsync(file) == 0;
    if (cut)
        log_line("store", LOG_WARNING, "cut torn edits off the manifest; beside it lies a copy",
                 "path=\"%s\" from=%zu to=%zu", path, length, end);
    free(bytes);
    close(file);
    return cut;
}
