/* The way between threads. Everything in the struct belongs to the mutex; the waker runs outside of it, so an inbox has to
   live until the last pusher is done. Items leave in the order in which they came. */
#include "base/inbox.h"
#include "base/check.h"

void inbox_init(struct inbox *inbox, size_t limit, void (*wake)(void *context), void *context)
{
    *inbox = (struct inbox){.limit = limit, .wake = wake, .context = context};
    inbox->last = &inbox->first;
    CHECK(pthread_mutex_init(&inbox->mutex, NULL) == 0);
    CHECK(pthread_cond_init(&inbox->filled, NULL) == 0);
}

void inbox_destroy(struct inbox *inbox)
{
    pthread_cond_destroy(&inbox->filled);
    pthread_mutex_destroy(&inbox->mutex);
}

bool inbox_push(struct inbox *inbox, struct inbox_item *item)
{
    pthread_mutex_lock(&inbox->mutex);
    bool taken = !inbox->closed && inbox->count < inbox->limit;
    bool was_empty = inbox->count == 0;
    if (taken) {
        item->next = NULL;
        *inbox->last = item;
        inbox->last = &item->next;
        inbox->count++;
    }
    pthread_mutex_unlock(&inbox->mutex);
    if (taken && was_empty) {
        if (inbox->wake)
            inbox->wake(inbox->context);
        else
            pthread_cond_signal(&inbox->filled);
    }
    return taken;
}

/* Swaps the whole list out; the mutex is held. */
static struct inbox_item *swap_out(struct inbox *inbox)
{
    struct inbox_item *all = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->count = 0;
    return all;
}

struct inbox_item *inbox_take(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    struct inbox_item *all = swap_out(inbox);
    pthread_mutex_unlock(&inbox->mutex);
    return all;
}

struct inbox_item *inbox_wait(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    while (!inbox->first && !inbox->closed)
        pthread_cond_wait(&inbox->filled, &inbox->mutex);
    struct inbox_item *all = swap_out(inbox);
    pthread_mutex_unlock(&inbox->mutex);
    return all;
}

void inbox_close(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->mutex);
    inbox->closed = true;
    pthread_mutex_unlock(&inbox->mutex);
    pthread_cond_broadcast(&inbox->filled);
}
