/* Verbs on data that no server has open. */
#pragma once
#include "main/arguments.h"

int run_verify(const struct arguments *arguments);
int run_restore(const struct arguments *arguments);
int run_keys_rotate(const struct arguments *arguments); /* the master key */
int run_rotate_keys(const struct arguments *arguments); /* those of access tokens */
