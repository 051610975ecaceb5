/* The end of RocksDB's manifest after a power cut. An edit is written and synced before anything relies on it, so one
   that was never synced may be left torn; RocksDB reads a torn end of its write-ahead log, but refuses one here. */
#pragma once
#include <stdbool.h>

/* Cuts off a last edit that is not whole, when nothing whole follows it. True when it did: opening is worth another try.
   What relied on the edit would be missed by that: a lost table by RocksDB, lost records by the mark. */
bool manifest_trim(const char *rocks_path);
