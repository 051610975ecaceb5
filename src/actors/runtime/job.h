/* A job on a worker for one message: what has to wait for the disk, or for whoever else knows. The message is parked meanwhile, as for any
   load, and its handler runs again once the job is done. */
#pragma once
#include "actors/runtime/internal.h"

struct job { /* the first member of what a job has to know */
    struct work work;
    struct core *core;
    struct message *message;
    struct memo *memo;
    void (*run)(struct job *job); /* on the worker; fills the two that follow */
    struct buffer result;
    bool good;
};
/* What the job of this input found out (memo->found: it was good; memo->value: its result), or NULL: it was started, or runs. `like`
   with `run` set is copied, `size` bytes of it. */
const struct memo *job_result(struct tx *tx, struct text input, enum work_class class, const struct job *like,
                              size_t size);
