/* The files of keys: the master key (32 bytes) and the slots that it wraps (base/seal.h), both of mode 0600. A key file
   that others may read is refused.

   The slots lie in the data directory, outside the log and its tables: a backup does not take them along. Rows are
   written in place; a row that was cut off is told by its checksum, and serves nobody yet or is being erased again. */
#pragma once
#include "base/seal.h"

#define SLOTS_NAME "slots" /* in the data directory */

enum slots_use {
    SLOTS_OF_DATA,   /* there is data: master key and slots must be there */
    SLOTS_MAKE,      /* there is none yet: what is missing is made, synced with its directory */
    SLOTS_READ_ONLY, /* as SLOTS_OF_DATA, for tools: nothing is written, what is made stays in memory */
};

/* NULL and a sentence in `problem` when the keys are not to be had. */
struct keyring *keyring_open(const char *key_path, const char *slots_path, enum slots_use use, char problem[256]);
/* The same in two steps, for a process that gives up its other files in between. The second takes the first's over. */
struct master;
struct master *master_open(const char *key_path, enum slots_use use, char problem[256]);
struct keyring *keyring_over(struct master *master, const char *slots_path, enum slots_use use, char problem[256]);

/* A fresh master key for slots that nobody has open: they are wrapped anew, and the old key opens nothing any more. At
   every moment KEY or KEY.next is the key of SLOTS, and an opening takes the one that is:
     1. KEY.next and SLOTS.next are written and synced     the old pair is in force
     2. SLOTS.next becomes SLOTS                            the new pair is in force, its key is still KEY.next
     3. KEY.next becomes KEY                                done; what the old names held is overwritten
   One that was cut off is brought to its end, or undone, before the next one begins. A sentence when it did not come to
   its end: what is there is not the key and the slots of each other, or a file could not be written. */
enum rotation { ROTATION_DONE, ROTATION_REFUSED, ROTATION_FAILED };
enum rotation keyring_rotate(const char *key_path, const char *slots_path, char problem[256]);

/* A copy of the slots, synced, of mode 0600; `to` must not be there. False and errno. */
bool slots_copy(const char *from, const char *to);
