#include "base/inbox.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { PUSHERS = 4, ITEMS_EACH = 20000 };

struct item {
    struct inbox_item link; /* first, so that an item is its link */
    int pusher, number;
};

struct pusher {
    struct inbox *inbox;
    int number, refused;
    pthread_t thread;
};

static void *push_all(void *context)
{
    struct pusher *pusher = context;
    for (int i = 0; i < ITEMS_EACH; i++) {
        struct item *item = malloc(sizeof *item);
        *item = (struct item){.pusher = pusher->number, .number = i};
        while (!inbox_push(pusher->inbox, &item->link)) {
            pusher->refused++;
            sched_yield();
        }
    }
    return NULL;
}

static void start(struct pusher pushers[PUSHERS], struct inbox *inbox)
{
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i] = (struct pusher){.inbox = inbox, .number = i};
        assert_int_equal(pthread_create(&pushers[i].thread, NULL, push_all, &pushers[i]), 0);
    }
}

/* Counts and frees a list; every pusher's items have to come in the order in which it pushed them. */
static int consume(struct inbox_item *list, int next[PUSHERS])
{
    int count = 0;
    for (struct inbox_item *link = list, *following; link; link = following, count++) {
        struct item *item = (struct item *)link;
        following = link->next;
        assert_int_equal(item->number, next[item->pusher]);
        next[item->pusher]++;
        free(item);
    }
    return count;
}

static void test_order_limit_and_close(void **state)
{
    (void)state;
    struct inbox inbox;
    struct inbox_item items[4];
    inbox_init(&inbox, 3, NULL, NULL);
    assert_null(inbox_take(&inbox));
    for (int i = 0; i < 3; i++)
        assert_true(inbox_push(&inbox, &items[i]));
    assert_false(inbox_push(&inbox, &items[3])); /* full */
    assert_int_equal(inbox.count, 3);
    struct inbox_item *list = inbox_take(&inbox);
    for (int i = 0; i < 3; i++, list = list->next)
        assert_ptr_equal(list, &items[i]);
    assert_null(list);
    assert_null(inbox_take(&inbox));
    assert_int_equal(inbox.count, 0);

    assert_true(inbox_push(&inbox, &items[3])); /* room again, and a fresh end */
    inbox_close(&inbox);
    assert_false(inbox_push(&inbox, &items[0]));     /* closed */
    assert_ptr_equal(inbox_wait(&inbox), &items[3]); /* what was in it is still delivered */
    assert_null(items[3].next);
    assert_null(inbox_wait(&inbox));
    assert_null(inbox_take(&inbox));
    inbox_destroy(&inbox);

    inbox_init(&inbox, 0, NULL, NULL);
    assert_false(inbox_push(&inbox, &items[0]));
    inbox_destroy(&inbox);
}

static void count_wake(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static void test_wakes_only_when_it_was_empty(void **state)
{
    (void)state;
    struct inbox inbox;
    struct inbox_item items[3];
    atomic_int wakes = 0;
    inbox_init(&inbox, 2, count_wake, &wakes);
    assert_true(inbox_push(&inbox, &items[0]));
    assert_int_equal(wakes, 1);
    assert_true(inbox_push(&inbox, &items[1]));
    assert_false(inbox_push(&inbox, &items[2]));
    assert_int_equal(wakes, 1);
    inbox_take(&inbox);
    assert_true(inbox_push(&inbox, &items[2]));
    assert_int_equal(wakes, 2);
    inbox_take(&inbox);
    inbox_close(&inbox);
    assert_false(inbox_push(&inbox, &items[0]));
    assert_int_equal(wakes, 2);
    inbox_destroy(&inbox);
}

static void *wait_for_all(void *context)
{
    struct inbox *inbox = context;
    int next[PUSHERS] = {0}, *count = malloc(sizeof *count);
    *count = 0;
    for (struct inbox_item *list; (list = inbox_wait(inbox));)
        *count += consume(list, next);
    return count;
}

static void test_many_pushers_one_waiting_owner(void **state)
{
    (void)state;
    struct inbox inbox;
    struct pusher pushers[PUSHERS];
    pthread_t owner;
    void *count;
    inbox_init(&inbox, SIZE_MAX, NULL, NULL);
    assert_int_equal(pthread_create(&owner, NULL, wait_for_all, &inbox), 0);
    start(pushers, &inbox);
    for (int i = 0; i < PUSHERS; i++) {
        pthread_join(pushers[i].thread, NULL);
        assert_int_equal(pushers[i].refused, 0);
    }
    inbox_close(&inbox);
    pthread_join(owner, &count);
    assert_int_equal(*(int *)count, PUSHERS * ITEMS_EACH);
    free(count);
    inbox_destroy(&inbox);
}

/* An owner that sleeps until it is woken, as a loop does: a lost wake would leave it asleep with items waiting. */
struct sleeper {
    pthread_mutex_t mutex;
    pthread_cond_t woken;
    int wakes;
};

static void wake_sleeper(void *context)
{
    struct sleeper *sleeper = context;
    pthread_mutex_lock(&sleeper->mutex);
    sleeper->wakes++;
    pthread_cond_signal(&sleeper->woken);
    pthread_mutex_unlock(&sleeper->mutex);
}

static bool sleep_until_woken(struct sleeper *sleeper)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += 60;
    int error = 0;
    pthread_mutex_lock(&sleeper->mutex);
    while (!sleeper->wakes && !error)
        error = pthread_cond_timedwait(&sleeper->woken, &sleeper->mutex, &deadline);
    sleeper->wakes = 0;
    pthread_mutex_unlock(&sleeper->mutex);
    return error == 0;
}

static void test_many_pushers_one_woken_owner_with_a_limit(void **state)
{
    (void)state;
    struct inbox inbox;
    struct pusher pushers[PUSHERS];
    struct sleeper sleeper = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    inbox_init(&inbox, 7, wake_sleeper, &sleeper);
    start(pushers, &inbox);
    int next[PUSHERS] = {0}, count = 0;
    while (count < PUSHERS * ITEMS_EACH) {
        assert_true(sleep_until_woken(&sleeper));
        int taken = consume(inbox_take(&inbox), next);
        assert_true(taken <= 7);
        count += taken;
    }
    for (int i = 0; i < PUSHERS; i++)
        pthread_join(pushers[i].thread, NULL);
    assert_null(inbox_take(&inbox));
    inbox_destroy(&inbox);
}

static void *close_soon(void *context)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    inbox_close(context);
    return NULL;
}

static void test_close_ends_a_wait(void **state)
{
    (void)state;
    struct inbox inbox;
    pthread_t closer;
    inbox_init(&inbox, 5, NULL, NULL);
    assert_int_equal(pthread_create(&closer, NULL, close_soon, &inbox), 0);
    assert_null(inbox_wait(&inbox));
    pthread_join(closer, NULL);
    inbox_destroy(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_limit_and_close),
        cmocka_unit_test(test_wakes_only_when_it_was_empty),
        cmocka_unit_test(test_many_pushers_one_waiting_owner),
        cmocka_unit_test(test_many_pushers_one_woken_owner_with_a_limit),
        cmocka_unit_test(test_close_ends_a_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
