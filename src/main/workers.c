/* The pools. Everything of a pool belongs to its mutex. */
#include "main/workers.h"
#include "base/check.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANES = 16, THREADS_MOST = 4 };

/* One row a class of work, in the order of enum work_class. */
static const struct pool_shape {
    const char *name;
    unsigned threads, nice;
    size_t places;         /* of the queue */
    unsigned lane_threads; /* that work of one lane may hold */
    size_t lane_places;
} shapes[WORK_CLASS_COUNT] = {
    /*                   name       threads nice places lane threads, places */
    [WORK_PASSWORD] = {"password", 1, 10, 32, 1, 32}, /* a burst of logins slows logins alone */
    [WORK_READ] = {"read", 2, 0, 4096, 2, 4096},
    [WORK_OUTBOUND] = {"outbound", 4, 0, 1024, 2, 512},
    [WORK_SEARCH] = {"search", 1, 0, 256, 1, 128}, /* one thread: the index is its own, in the order asked */
};

struct lane {
    unsigned running;
    size_t waiting;
};
struct pool {
    const struct pool_shape *shape;
    struct workers *workers;
    pthread_mutex_t mutex;
    pthread_cond_t filled;
    pthread_t threads[THREADS_MOST];
    struct inbox_item *first, **last;
    size_t waiting, refused, finished;
    struct lane lanes[LANES];
    bool stopping;
};
struct workers {
    struct pool pools[WORK_CLASS_COUNT];
    struct inbox done;
    atomic_size_t pending; /* a count, nothing is ordered by it */
};

static struct lane *lane_of(struct pool *pool, const struct work *work)
{
    return &pool->lanes[work->lane % LANES];
}

/* Unlinks the oldest work whose lane has a thread left; NULL when there is none. The mutex is held. */
static struct work *take_oldest(struct pool *pool)
{
    for (struct inbox_item **at = &pool->first; *at; at = &(*at)->next) {
        struct work *work = (struct work *)(void *)*at;
        struct lane *lane = lane_of(pool, work);
        if (lane->running == pool->shape->lane_threads) continue;
        *at = work->item.next;
        if (!*at) pool->last = at;
        pool->waiting--;
        lane->waiting--;
        lane->running++;
        return work;
    }
    return NULL;
}

static void *run_pool(void *context)
{
    struct pool *pool = context;
    /* Of this thread alone, as Linux has it. */
    if (pool->shape->nice) setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), (int)pool->shape->nice);

    pthread_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        struct work *work = take_oldest(pool);
        if (!work) {
            pthread_cond_wait(&pool->filled, &pool->mutex);
            continue;
        }
        struct lane *lane = lane_of(pool, work);
        pthread_mutex_unlock(&pool->mutex);
        work->run(work);
        CHECK(inbox_push(&pool->workers->done, &work->item));
        pthread_mutex_lock(&pool->mutex);
        lane->running--;
        pool->finished++;
        /* Work of this lane may have been passed over while the lane was full. */
        if (pool->waiting) pthread_cond_signal(&pool->filled);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

/* Signals belong to the main thread. */
static void start_threads(struct pool *pool)
{
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_BLOCK, &all, &before) == 0);
    for (unsigned i = 0; i < pool->shape->threads; i++)
        CHECK(pthread_create(&pool->threads[i], NULL, run_pool, pool) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

struct workers *workers_create(void (*wake)(void *context), void *context)
{
    struct workers *workers = memory_alloc(sizeof *workers);
    /* No bound: what is done is bounded by what was submitted between two turns of the core. */
    inbox_init(&workers->done, SIZE_MAX, wake, context);
    for (int i = 0; i < WORK_CLASS_COUNT; i++) {
        struct pool *pool = &workers->pools[i];
        pool->shape = &shapes[i];
        pool->workers = workers;
        pool->last = &pool->first;
        CHECK(pthread_mutex_init(&pool->mutex, NULL) == 0);
        CHECK(pthread_cond_init(&pool->filled, NULL) == 0);
        start_threads(pool);
    }
    return workers;
}

bool workers_submit(struct workers *workers, struct work *work)
{
    struct pool *pool = &workers->pools[work->class];
    struct lane *lane = lane_of(pool, work);
    pthread_mutex_lock(&pool->mutex);
    bool taken = !pool->stopping && pool->waiting < pool->shape->places && lane->waiting < pool->shape->lane_places;
    if (taken) {
        work->item.next = NULL;
        *pool->last = &work->item;
        pool->last = &work->item.next;
        pool->waiting++;
        lane->waiting++;
        atomic_fetch_add_explicit(&workers->pending, 1, memory_order_relaxed);
        pthread_cond_signal(&pool->filled);
    } else {
        pool->refused++;
    }
    pthread_mutex_unlock(&pool->mutex);
    return taken;
}

void workers_done(struct workers *workers, void (*take)(void *context, struct work *work), void *context)
{
    struct inbox_item *next;
    for (struct inbox_item *item = inbox_take(&workers->done); item; item = next) {
        next = item->next; /* the work may be freed */
        atomic_fetch_sub_explicit(&workers->pending, 1, memory_order_relaxed);
        take(context, (struct work *)(void *)item);
    }
}

size_t workers_pending(const struct workers *workers)
{
    return atomic_load_explicit(&workers->pending, memory_order_relaxed);
}

void workers_destroy(struct workers *workers)
{
    for (int i = 0; i < WORK_CLASS_COUNT; i++) {
        struct pool *pool = &workers->pools[i];
        pthread_mutex_lock(&pool->mutex);
        pool->stopping = true;
        pthread_cond_broadcast(&pool->filled);
        pthread_mutex_unlock(&pool->mutex);
    }
    for (int i = 0; i < WORK_CLASS_COUNT; i++) {
        struct pool *pool = &workers->pools[i];
        for (unsigned k = 0; k < pool->shape->threads; k++)
            pthread_join(pool->threads[k], NULL);
        pthread_cond_destroy(&pool->filled);
        pthread_mutex_destroy(&pool->mutex);
    }
    inbox_destroy(&workers->done);
    free(workers);
}

void workers_metrics(struct workers *workers, struct buffer *out)
{
    static const char *const names[] = {"souk_work_waiting", "souk_work_finished_total", "souk_work_refused_total"};
    static const char *const types[] = {"gauge", "counter", "counter"};
    size_t values[3][WORK_CLASS_COUNT];
    for (int i = 0; i < WORK_CLASS_COUNT; i++) {
        struct pool *pool = &workers->pools[i];
        pthread_mutex_lock(&pool->mutex);
        values[0][i] = pool->waiting;
        values[1][i] = pool->finished;
        values[2][i] = pool->refused;
        pthread_mutex_unlock(&pool->mutex);
    }
    for (int row = 0; row < 3; row++) {
        buffer_format(out, "# TYPE %s %s\n", names[row], types[row]);
        for (int i = 0; i < WORK_CLASS_COUNT; i++)
            buffer_format(out, "%s{pool=\"%s\"} %zu\n", names[row], shapes[i].name, values[row][i]);
    }
}
