/* A store under test, of either implementation, with records and rows that say themselves whether they are right. */
#pragma once
#include "store/memory.h"
#include "store/store.h"
#include <pthread.h>

enum { FIXTURE_PATH_SIZE = 256 };

struct fixture {
    bool on_disk, read_only;
    char directory[FIXTURE_PATH_SIZE]; /* temporary, removed with everything in it */
    char path[FIXTURE_PATH_SIZE];      /* of the store in it */
    struct store *store;
    struct arena *arena;
    uint64_t appended;

    pthread_mutex_t mutex; /* events come from other threads */
    pthread_cond_t changed;
    uint64_t durable;
    uint32_t durable_calls, checkpointed, failed;
    bool disordered;         /* durable did not grow, or a checkpoint overtook its record */
    uint64_t checkpoint_lsn; /* of the checkpoint that is asked for */
};

struct fixture *fixture_create(bool on_disk); /* with an open store */
struct fixture *fixture_create_closed(void);  /* on disk, not yet open */
void fixture_destroy(struct fixture *fixture);
bool fixture_open(struct fixture *fixture, char problem[PROBLEM_SIZE], int *exit_code);
void fixture_close(struct fixture *fixture);
void fixture_reopen(struct fixture *fixture); /* in memory: what a restart after a crash sees */

void fixture_append(struct fixture *fixture, uint32_t records); /* one batch; does not wait */
void fixture_wait(struct fixture *fixture);                     /* until all that is appended is durable */
void fixture_checkpoint(struct fixture *fixture,
                        struct ordered *frozen); /* at the last record; waits, and destroys it */
struct ordered *rows_of(const char *rows);       /* "a=1 b=2 -c": c is a tombstone */
/* "a=1 b=2", newest scan's rows in their order, or MISS or DAMAGED. */
struct text fixture_scan(struct fixture *fixture, const char *from, const char *to, bool reverse, uint32_t limit,
                         enum tier tier);
/* The value, or ABSENT, MISS, DAMAGED. */
struct text fixture_get(struct fixture *fixture, const char *key, enum tier tier);

/* Record `lsn` as every fixture writes it. */
void record_make(uint64_t lsn, struct buffer *head, struct buffer *body);
/* Whether read_log gives records 1 to last, each as it was made. */
bool fixture_log_is_good(struct fixture *fixture, uint64_t last);

/* Files. Paths are copied whole, without links. */
void tree_copy(const char *from, const char *to);
void tree_remove(const char *path);
struct text file_read(struct arena *arena, const char *path);
void file_write(const char *path, struct text bytes);
/* Calls visit with the path of each file in a directory whose name ends so. */
uint32_t files_each(const char *directory, const char *ending, void (*visit)(void *context, const char *path),
                    void *context);
