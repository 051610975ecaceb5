/* Copying a directory so that it is on the disk when it is said to be. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Copies files and directories below `from` into `to`, which is made. Locks and sockets stay behind. On failure false, a
   sentence, and the reason in errno; what was copied stays, for looking at. */
bool copy_directory(const char *from, const char *to, char *problem, size_t size);
/* Makes `from` be `to`, which is missing or empty: by its name where that is possible, else by a copy under another name. */
bool move_directory(const char *from, const char *to, char *problem, size_t size);
void remove_directory(const char *path); /* with all below it, as far as that is possible */

/* A confined server writes nowhere but in its data directory: there it makes a backup, in a directory of this name and the
   number of the process that asked for it, which then moves it to where it is wanted. */
#define BACKUP_UNDER_WAY "backup."
void remove_backups_under_way(const char *data); /* those of before are nobody's any more */
