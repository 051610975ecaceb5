/* The server process: configuration, store, core, net, workers and time, put together around one loop. */
#pragma once
#include "main/arguments.h"

int run_serve(const struct arguments *arguments);
