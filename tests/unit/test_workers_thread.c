#include "main/workers.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 500 };

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open;
};
struct job {
    struct work work;
    struct gate *gate;
    int order;
    atomic_bool running;
};
static atomic_int next_order;

static void run(struct work *work)
{
    struct job *job = (struct job *)(void *)work;
    atomic_store(&job->running, true);
    if (job->gate) {
        pthread_mutex_lock(&job->gate->mutex);
        while (!job->gate->open)
            pthread_cond_wait(&job->gate->opened, &job->gate->mutex);
        pthread_mutex_unlock(&job->gate->mutex);
    }
    job->order = atomic_fetch_add(&next_order, 1) + 1;
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->opened);
    pthread_mutex_unlock(&gate->mutex);
}

static void count_one(void *context, struct work *work)
{
    (void)work;
    ++*(int *)context;
}

static void wait_for(struct workers *workers, int *done, int wanted)
{
    while (*done < wanted) {
        workers_done(workers, count_one, done);
        sched_yield();
    }
}

static void count_wake(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void test_all_work_comes_back(void **state)
{
    (void)state;
    atomic_int wakes = 0;
    int done = 0;
    struct workers *workers = workers_create(count_wake, &wakes);
    struct job *jobs = calloc(MANY, sizeof *jobs);
    for (int i = 0; i < MANY; i++) {
        jobs[i].work = (struct work){.run = run, .class = i % 2 ? WORK_READ : WORK_OUTBOUND, .lane = (uint32_t)i % 3};
        assert_true(workers_submit(workers, &jobs[i].work));
    }
    wait_for(workers, &done, MANY);
    assert_int_equal(workers_pending(workers), 0);
    assert_true(atomic_load(&wakes) >= 1);
    for (int i = 0; i < MANY; i++)
        assert_true(jobs[i].order > 0);
    workers_destroy(workers);
    free(jobs);
}

static void test_a_full_queue_refuses(void **state)
{
    (void)state;
    atomic_int wakes = 0;
    int done = 0, taken = 0;
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct workers *workers = workers_create(count_wake, &wakes);
    struct job *jobs = calloc(64, sizeof *jobs);
    jobs[0].work = (struct work){.run = run, .class = WORK_PASSWORD};
    jobs[0].gate = &gate;
    assert_true(workers_submit(workers, &jobs[0].work));
    while (!atomic_load(&jobs[0].running))
        sched_yield();
    for (int i = 1; i < 64; i++) {
        jobs[i].work = (struct work){.run = run, .class = WORK_PASSWORD};
        taken += workers_submit(workers, &jobs[i].work);
    }
    assert_int_equal(taken, 32); /* one runs, thirty-two wait */
    open_gate(&gate);
    wait_for(workers, &done, 33);
    assert_true(workers_submit(workers, &jobs[63].work));
    wait_for(workers, &done, 34);
    for (int i = 1; i <= 32; i++)
        assert_int_equal(jobs[i].order, jobs[0].order + i);
    struct buffer out = {0};
    workers_metrics(workers, &out);
    buffer_byte(&out, 0);
    assert_non_null(strstr(out.data, "souk_work_refused_total{pool=\"password\"} 31\n"));
    buffer_free(&out);
    workers_destroy(workers);
    free(jobs);
}

/* Slow mail holds its own lane; a payment behind it runs at once. */
static void test_a_lane_leaves_threads_to_others(void **state)
{
    (void)state;
    atomic_int wakes = 0;
    int done = 0;
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct workers *workers = workers_create(count_wake, &wakes);
    struct job *jobs = calloc(17, sizeof *jobs);
    for (int i = 0; i < 16; i++) {
        jobs[i].work = (struct work){.run = run, .class = WORK_OUTBOUND, .lane = 2};
        jobs[i].gate = &gate;
        assert_true(workers_submit(workers, &jobs[i].work));
    }
    jobs[16].work = (struct work){.run = run, .class = WORK_OUTBOUND, .lane = 1};
    assert_true(workers_submit(workers, &jobs[16].work));
    wait_for(workers, &done, 1);
    assert_true(jobs[16].order > 0);
    open_gate(&gate);
    wait_for(workers, &done, 17);
    workers_destroy(workers);
    free(jobs);
}

/* One thread, in the order of submission; who asks much leaves places to others. */
static void test_search_is_one_thread_with_places_for_all(void **state)
{
    (void)state;
    enum { ONE_LANE = 128, JOBS = 200 };
    atomic_int wakes = 0;
    int done = 0, taken = 0;
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    struct workers *workers = workers_create(count_wake, &wakes);
    struct job *jobs = calloc(JOBS + 2, sizeof *jobs);
    jobs[0].work = (struct work){.run = run, .class = WORK_SEARCH};
    jobs[0].gate = &gate;
    assert_true(workers_submit(workers, &jobs[0].work));
    while (!atomic_load(&jobs[0].running))
        sched_yield();
    for (int i = 1; i < JOBS; i++) {
        jobs[i].work = (struct work){.run = run, .class = WORK_SEARCH, .lane = 3};
        taken += workers_submit(workers, &jobs[i].work);
    }
    assert_int_equal(taken, ONE_LANE);
    jobs[JOBS].work = (struct work){.run = run, .class = WORK_SEARCH, .lane = 4};
    jobs[JOBS + 1].work = (struct work){.run = run, .class = WORK_SEARCH};
    assert_true(workers_submit(workers, &jobs[JOBS].work));
    assert_true(workers_submit(workers, &jobs[JOBS + 1].work));
    open_gate(&gate);
    wait_for(workers, &done, ONE_LANE + 3);
    for (int i = 1; i <= ONE_LANE; i++)
        assert_int_equal(jobs[i].order, jobs[0].order + i);
    assert_int_equal(jobs[JOBS].order, jobs[ONE_LANE].order + 1);
    assert_int_equal(jobs[JOBS + 1].order, jobs[ONE_LANE].order + 2);
    workers_destroy(workers);
    free(jobs);
}

static void test_what_waits_is_dropped_at_the_end(void **state)
{
    (void)state;
    atomic_int wakes = 0;
    struct gate gate = {.mutex = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER, .open = true};
    struct workers *workers = workers_create(count_wake, &wakes);
    struct job *jobs = calloc(20, sizeof *jobs);
    for (int i = 0; i < 20; i++) {
        jobs[i].work = (struct work){.run = run, .class = WORK_PASSWORD};
        jobs[i].gate = &gate;
        assert_true(workers_submit(workers, &jobs[i].work));
    }
    workers_destroy(workers);
    for (int i = 1; i < 20; i++)
        assert_true(!jobs[i].order || jobs[i - 1].order);
    free(jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_work_comes_back),
        cmocka_unit_test(test_a_full_queue_refuses),
        cmocka_unit_test(test_a_lane_leaves_threads_to_others),
        cmocka_unit_test(test_search_is_one_thread_with_places_for_all),
        cmocka_unit_test(test_what_waits_is_dropped_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
