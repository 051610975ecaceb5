/* What a process gives up before it serves, so that who breaks into it finds little. Called once, before the first thread is
   started: what is given up here is given up by all threads of later.

     confine_files   Landlock: only what is below the named paths can be opened, made, renamed or removed
     confine_calls   seccomp: only the system calls that a server makes; no other program is started, no process looked into

   An old kernel knows less of it: then the process gives up what it can, and the level says so. Builds with a sanitizer give up
   nothing: their runtime reads and calls what no server does. */
#pragma once
#include <stdbool.h>

enum confine_access { CONFINE_READ, CONFINE_WRITE };
struct confine_path {
    const char *path; /* of a file, or of a directory with all below it; left out when it does not exist */
    enum confine_access access;
};
/* The rules end with a row without path. Returns Landlock's version, 0 when the kernel has none, -1 and a sentence when it
   refused. */
int confine_files(const struct confine_path *paths, char problem[256]);
/* False and a sentence when the kernel refused. */
bool confine_calls(char problem[256]);
bool confine_is_possible(void); /* in this build */
