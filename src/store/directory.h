/* The file system's part of a store: directories that are made, locked, looked through and synced. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PATH_SIZE = 4096 };

/* These leave the reason in errno when they answer false, or -1. */
bool path_join(char out[PATH_SIZE], const char *directory, const char *name);
bool directory_make(const char *path); /* mode 0700, synced into the one above; may exist */
int directory_lock(const char *path);  /* a file that holds the lock while it is open; EAGAIN: another has it */
bool directory_sync(const char *path);
bool directory_sync_all(const char *path); /* each file in it, then the directory */
bool directory_remove(const char *path);   /* with the files in it; absent is fine */
bool path_exists(const char *path);
/* Whether there is nothing in it but names of the list (ended by NULL). */
bool directory_holds_only(const char *path, const char *const *names);
/* What the files whose name ends so hold. */
uint64_t directory_bytes(const char *path, const char *ending);
bool directory_free(const char *path, uint64_t *bytes); /* what its file system still takes */
/* "a (12 bytes), b (0 bytes)": the files whose name ends so, in no order. */
void directory_describe(const char *path, const char *ending, char *out, size_t size);
