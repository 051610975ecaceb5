/* What the process ends with. Scripts and supervisors depend on these numbers. */
#pragma once

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,       /* something else went wrong; a line on standard error says what */
    EXIT_USAGE = 2,        /* the command line or the configuration is wrong */
    EXIT_DAMAGED = 3,      /* the data is damaged: nothing is served from it */
    EXIT_IN_USE = 4,       /* another process serves this data directory */
    EXIT_NEWER_FORMAT = 5, /* the data was written by a newer souk */
    EXIT_NOT_WRITABLE = 6, /* the data directory cannot be written to */
    EXIT_FULL = 7,         /* the disk has less room than the reserve */
    EXIT_STORE_FAILED = 75 /* the disk failed while serving: start again, it recovers from what is there */
};
