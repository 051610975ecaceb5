/* A slot: magic (8), version (4), identity (16), lsn (8), chain (32), checksum (32: BLAKE2b of what is before it). */
#include "store/mark.h"
#include "base/crashpoint.h"
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

enum {
    SLOT_SIZE = 512, /* a sector: written whole or not at all */
    SLOT_COUNT = 2,
    VERSION = 1,
    VERSION_AT = 8,
    IDENTITY_AT = VERSION_AT + 4,
    LSN_AT = IDENTITY_AT + IDENTITY_SIZE,
    CHAIN_AT = LSN_AT + 8,
    CHECKSUM_AT = CHAIN_AT + CHAIN_SIZE,
    CHECKSUM_SIZE = 32,
};
static const char magic[VERSION_AT + 1] = "soukmark";

static void slot_make(uint8_t slot[SLOT_SIZE], const struct mark_value *value)
{
    memset(slot, 0, SLOT_SIZE);
    memcpy(slot, magic, VERSION_AT);
    big32_write(slot + VERSION_AT, VERSION);
    memcpy(slot + IDENTITY_AT, value->identity, IDENTITY_SIZE);
    big64_write(slot + LSN_AT, value->lsn);
    memcpy(slot + CHAIN_AT, value->chain, CHAIN_SIZE);
    crypto_generichash(slot + CHECKSUM_AT, CHECKSUM_SIZE, slot, CHECKSUM_AT, NULL, 0);
}

static enum mark_found slot_read(const uint8_t slot[SLOT_SIZE], struct mark_value *value)
{
    uint8_t checksum[CHECKSUM_SIZE];
    crypto_generichash(checksum, CHECKSUM_SIZE, slot, CHECKSUM_AT, NULL, 0);
    if (memcmp(slot, magic, VERSION_AT) != 0 || memcmp(checksum, slot + CHECKSUM_AT, CHECKSUM_SIZE) != 0)
        return MARK_DAMAGED;
    if (big32_read(slot + VERSION_AT) > VERSION) return MARK_NEWER;
    memcpy(value->identity, slot + IDENTITY_AT, IDENTITY_SIZE);
    value->lsn = big64_read(slot + LSN_AT);
    memcpy(value->chain, slot + CHAIN_AT, CHAIN_SIZE);
    return MARK_READ;
}

enum mark_found mark_read(const char *path, struct mark_value *value)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno == ENOENT ? MARK_ABSENT : MARK_FAILED;
    uint8_t bytes[SLOT_COUNT * SLOT_SIZE] = {0};
    ssize_t length = pread(file, bytes, sizeof bytes, 0);
    close(file);
    if (length < 0) return MARK_FAILED;

    enum mark_found found = MARK_DAMAGED;
    for (int i = 0; i < SLOT_COUNT; i++) {
        struct mark_value slot;
        enum mark_found slot_found = slot_read(bytes + (size_t)i * SLOT_SIZE, &slot);
        if (slot_found == MARK_NEWER) return MARK_NEWER;
        if (slot_found != MARK_READ || (found == MARK_READ && slot.lsn <= value->lsn)) continue;
        *value = slot;
        found = MARK_READ;
    }
    return found;
}

static bool slot_write(int file, uint32_t slot_number, const struct mark_value *value)
{
    uint8_t slot[SLOT_SIZE];
    slot_make(slot, value);
    ssize_t written = pwrite(file, slot, SLOT_SIZE, (off_t)slot_number * SLOT_SIZE);
    if (written >= 0 && written != SLOT_SIZE) errno = ENOSPC;
    return written == SLOT_SIZE;
}

bool mark_create(const char *path, const struct mark_value *value)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return false;
    bool good = slot_write(file, 0, value);
    CRASHPOINT("mark-half-made");
    good = good && slot_write(file, 1, value) && fsync(file) == 0;
    int reason = errno;
    close(file);
    errno = reason;
    return good;
}

bool mark_open(struct mark *mark, const char *path)
{
    *mark = (struct mark){.file = open(path, O_WRONLY | O_CLOEXEC)};
    return mark->file >= 0;
}

bool mark_write(struct mark *mark, const struct mark_value *value)
{
    return slot_write(mark->file, mark->turn++ % SLOT_COUNT, value);
}

bool mark_sync(struct mark *mark)
{
    return fdatasync(mark->file) == 0;
}

void mark_close(struct mark *mark)
{
    if (mark->file >= 0) close(mark->file);
    mark->file = -1;
}
