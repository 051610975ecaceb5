/* Small files that must be whole or not there: keys, the port, marks. */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include <stdbool.h>
#include <sys/types.h>

/* Writes under another name, syncs, renames, syncs the directory. On failure false and a sentence. */
bool file_replace(const char *path, struct text content, mode_t mode, char problem[256]);
/* The whole file, zero-terminated, at most `most` bytes. False and errno when it cannot be read (EFBIG: longer). */
bool file_content(struct arena *arena, const char *path, size_t most, struct text *content);
/* True when the directory is missing or has nothing in it. */
bool file_directory_is_empty(const char *path);
struct text file_path(struct arena *arena, const char *directory, const char *name);
/* The same, short enough for the address of a socket (107 bytes): a longer one goes through a descriptor of the directory,
   which stays open as long as the process. */
struct text file_socket_path(struct arena *arena, const char *directory, const char *name);
/* "<data>.key", beside the data directory, whatever blanks, dots and slashes the path ends in. */
struct text file_beside(struct arena *arena, const char *directory, const char *suffix);
