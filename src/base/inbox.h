/* The one way between threads: a mutex-protected list that its owner swaps out whole. The waker runs only when the
   inbox was empty, so a busy owner is not woken again and again. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <pthread.h>

struct inbox_item {
    struct inbox_item *next;
};
struct inbox {
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    struct inbox_item *first, **last;
    size_t count, limit;
    bool closed;
    void (*wake)(void *context); /* may be NULL: then the owner waits with inbox_wait */
    void *context;
};

void inbox_init(struct inbox *inbox, size_t limit, void (*wake)(void *context), void *context);
void inbox_destroy(struct inbox *inbox);
bool inbox_push(struct inbox *inbox, struct inbox_item *item); /* false: full or closed */
struct inbox_item *inbox_take(struct inbox *inbox);            /* all, oldest first, or NULL; never waits */
struct inbox_item *inbox_wait(struct inbox *inbox);            /* waits for some; NULL when closed and empty */
void inbox_close(struct inbox *inbox);
