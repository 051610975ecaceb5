/* Documents of the binary itself: no server, no data. */
#pragma once
#include "main/arguments.h"

int run_dump(const struct arguments *arguments);
