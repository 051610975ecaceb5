/* The store on disk: the log and the tables, in RocksDB, behind the runtime's port (runtime/ports.h).

   A store is a directory of its own, mode 0700:
     lock      held (fcntl) as long as the store is open; a second opener is told so
     mark      how far the log was acknowledged, outside RocksDB (mark.h)
     rocks/    the database: 'L' + lsn is the log, 'M' + name belongs to the store, every other first byte to the caller

   What always holds:
   - A record is acknowledged (events.durable) after its synchronous write and after the mark says so; in order, no gaps.
   - The log is a hash chain (chain.h). What the mark acknowledges is in the log, or the store does not open.
   - The tables are those of the prefix applied_lsn of the log, whole: a checkpoint that did not finish leaves the tables
     marked as unfinished, and the next opening drops them, so that the log is replayed from its first record. So it does
     with tables that another version derived in another way.
   - A failed write is final: events.failed once, nothing is written after it, no fsync is tried again. */
#pragma once
#include "actors/runtime/ports.h"

enum { PROBLEM_SIZE = 512, TABLES_SIZE = 32 };

/* Exit codes of a server whose store does not open. */
enum store_exit {
    STORE_EXIT_DAMAGED = 3,
    STORE_EXIT_IN_USE = 4,
    STORE_EXIT_NEWER_FORMAT = 5,
    STORE_EXIT_NOT_WRITABLE = 6,
    STORE_EXIT_FULL = 7,
};

struct store_config {
    const char *path;         /* made when it is absent; a new store starts only in an empty directory */
    uint64_t reserve_bytes;   /* of the disk that free_bytes leaves alone */
    size_t block_cache_bytes; /* 0: 64 MiB */
    bool read_only;           /* for tools: append, checkpoint and backup are not called */
    bool drop_tables;         /* forget everything derived: the caller replays the log from its first record */
    const uint8_t *tables; /* TABLES_SIZE bytes that name how rows are derived from the log: tables of another name are
                                 dropped. NULL: whatever they are, they are taken */
    bool hasty;            /* commit as soon as the last commit is done, however many there are a second */
};

/* Checks the log from applied_lsn on before anything is written. NULL: *exit_code and one clear sentence in `problem`.
   The events' functions are called from two threads of the store; `durable` in the order of the log. */
struct store *store_open(const struct store_config *config, const struct store_events *events,
                         char problem[PROBLEM_SIZE], int *exit_code);

/* Reads the whole log, from the first record on: chain and bodies. 0, or an exit code and a sentence. */
int store_verify_log(const struct store_config *config, uint64_t *last_lsn, char problem[PROBLEM_SIZE]);

struct store_salvaged {
    uint64_t kept;          /* records 1 to kept are in the new store, to be replayed from the first */
    uint64_t acknowledged;  /* by the mark; 0 when the mark cannot be read */
    uint64_t beyond;        /* records that are there after the first missing or damaged one; not kept */
    char why[PROBLEM_SIZE]; /* what ended the part that was kept; empty when nothing is wrong */
};
/* Copies what is whole of a damaged log into a new store in `to`, which must be absent or empty. The damaged store is
   not changed. 0, or an exit code and a sentence. */
int store_salvage(const struct store_config *config, const char *to, struct store_salvaged *salvaged,
                  char problem[PROBLEM_SIZE]);
