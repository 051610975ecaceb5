/* Verbs that ask a running server, through the control socket in its data directory. */
#pragma once
#include "main/arguments.h"

int run_admin_create(const struct arguments *arguments);
int run_backup(const struct arguments *arguments);
int run_rebuild(const struct arguments *arguments);
int run_log(const struct arguments *arguments);
