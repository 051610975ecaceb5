/* Copying a directory so that it is on the disk when it is said to be. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Copies files and directories below `from` into `to`, which is made. Locks and sockets stay behind. On failure false, a
   sentence, and the reason in errno; what was copied stays, for looking at. */
bool copy_directory(const char *from, const char *to, char *problem, size_t size);
