/* What `souk serve` gives up before it serves. */
#pragma once
#include "main/shell.h"

/* First of all: core files, the way to more rights, and in production the looks of other processes. Raises the limit of open
   files as far as it may go. */
void harden_process(bool production);
/* When data directory and key are there and no thread is: see main/confine.h. The port file may be NULL. What the kernel does
   not give up is a line of the log. */
void harden_confine(struct shell *shell, const char *port_file);
