/* The end of RocksDB's manifest after a power cut. Edits are synced before anything relies on them, but two or more are
   written before each sync, so any of those may be left torn, the last of them whole; RocksDB reads a torn end of its
   write-ahead log, but refuses one here. */
#pragma once
#include <stdbool.h>

/* Cuts off all from the first edit on that is not whole, and keeps a copy of the whole file (.torn). True when it did:
   opening is worth another try. What relied on those edits is missed by that: a removed table by RocksDB, lost records by
   the chain up to the mark, half a checkpoint by its two positions. */
bool manifest_trim(const char *rocks_path);
