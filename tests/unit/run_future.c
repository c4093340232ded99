/* SPDX-License-Identifier: MIT */
/* Runs under a lock, after the tests of Twisted for DeferredLock.run and DeferredSemaphore.run. */
#include "futures.h"

static struct cede_mutex mutex;
static struct cede_future *inner[3];

static int succeed(void *value, void *arg, void **ret_value)
{
        EXPECT(!value);
        EXPECT(cede_mutex_locked(&mutex) || cede_sem_value(&sem) == 0);
        note("run%d", (int)(intptr_t)arg);
        *ret_value = arg;
        return 0;
}

static int fail_it(void *value, void *arg, void **ret_value)
{
        (void)value;
        (void)ret_value;
        note("fail");
        return (int)(intptr_t)arg;
}

static int follow_inner(void *value, void *arg, void **ret_value)
{
        (void)value;
        note("run%d", (int)(intptr_t)arg);
        *ret_value = cede_future_ref(inner[(intptr_t)arg]);
        return CEDE_CHAIN;
}

static struct cede_future *run(int (*fn)(void *, void *, void **), int number)
{
        struct cede_future *d = cede_mutex_run_future(&mutex, fn, N(number));

        EXPECT(d);
        return d;
}

static void make_inner(void)
{
        for (int i = 0; i < 3; i++)
                inner[i] = cede_future_new();
}

static void drop(struct cede_future **d, int n)
{
        for (int i = 0; i < n; i++)
                cede_future_unref(d[i]);
}

TASK_TEST(runs_with_the_lock_held_and_gives_it_back)
{
        struct cede_future *d = run(succeed, 7);

        EXPECT(cede_mutex_locked(&mutex)); /* from now on, though it has not run yet */
        EXPECT_LOG("");
        EXPECT_EQ(value_of(d), 7);
        EXPECT_LOG("run7");
        EXPECT(!cede_mutex_locked(&mutex));
        cede_future_unref(d);
        cede_mutex_finish(&mutex);
}

TASK_TEST(gives_it_back_when_fn_fails)
{
        struct cede_future *d = run(fail_it, -EIO);

        EXPECT_EQ(cede_future_await(d, NULL), -EIO);
        EXPECT(!cede_mutex_locked(&mutex));
        cede_future_unref(d);
}

TASK_TEST(holds_it_until_the_future_that_fn_returned_is_done)
{
        struct cede_future *d[3];

        make_inner();
        d[0] = run(follow_inner, 0);
        d[1] = run(follow_inner, 1);
        d[2] = run(succeed, 2);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("run0");
        EXPECT(!cede_future_is_done(d[0]));
        EXPECT_EQ(cede_future_resolve(inner[0], N(40)), 0);
        EXPECT_EQ(value_of(d[0]), 40);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("run1");
        EXPECT_EQ(cede_future_fail(inner[1], -EIO), 0);
        EXPECT_EQ(cede_future_await(d[1], NULL), -EIO);
        EXPECT_EQ(value_of(d[2]), 2);
        EXPECT_LOG("run2");
        EXPECT(!cede_mutex_locked(&mutex));
        drop(d, 3);
        drop(inner, 3);
}

TASK_TEST(cancelled_while_queued_it_never_runs)
{
        struct cede_future *d[3];

        make_inner();
        d[0] = run(follow_inner, 0);
        d[1] = run(succeed, 1);
        d[2] = run(succeed, 2);
        EXPECT_EQ(cede_mutex_waiting(&mutex), 2);
        cede_future_cancel(d[1]);
        EXPECT_EQ(cede_future_result(d[1], NULL), -ECANCELED); /* at once */
        EXPECT_EQ(cede_mutex_waiting(&mutex), 1);
        cede_future_cancel(d[1]);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_future_resolve(inner[0], NULL), 0);
        EXPECT_EQ(value_of(d[2]), 2);
        EXPECT_LOG("run0 run2");
        drop(d, 3);
        drop(inner, 3);
}

/* It was given the lock, and a grant beats a cancel. */
TASK_TEST(cancelled_when_it_is_about_to_run)
{
        struct cede_future *d[2];

        make_inner();
        d[0] = run(succeed, 5);
        cede_future_cancel(d[0]);
        EXPECT_EQ(value_of(d[0]), 5);
        d[1] = run(follow_inner, 1);
        cede_future_cancel(d[1]);
        EXPECT_LOG("run5");
        EXPECT_EQ(cede_future_await(d[1], NULL), -ECANCELED);
        EXPECT_EQ(cede_future_result(inner[1], NULL), -ECANCELED);
        EXPECT_LOG("run1");
        EXPECT(!cede_mutex_locked(&mutex));
        drop(d, 2);
        drop(inner, 3);
}

TASK_TEST(cancelled_later_it_cancels_what_fn_returned)
{
        struct cede_future *d;

        make_inner();
        d = run(follow_inner, 2);
        EXPECT_EQ(cede_yield(), 0);
        cede_future_cancel(d);
        EXPECT_EQ(cede_future_result(inner[2], NULL), -ECANCELED);
        EXPECT(cede_mutex_locked(&mutex)); /* until it has heard of that */
        EXPECT_EQ(cede_future_await(d, NULL), -ECANCELED);
        EXPECT(!cede_mutex_locked(&mutex));
        cede_future_unref(d);
        drop(inner, 3);
}

static int follow_itself(void *value, void *arg, void **ret_value)
{
        (void)value;
        *ret_value = cede_future_ref(*(struct cede_future **)arg);
        return CEDE_CHAIN;
}

TASK_TEST(fn_that_returns_its_own_future_fails_and_gives_the_lock_back)
{
        struct cede_future *d = NULL;

        d = cede_mutex_run_future(&mutex, follow_itself, &d);
        EXPECT_EQ(cede_future_await(d, NULL), -EDEADLK);
        EXPECT(!cede_mutex_locked(&mutex));
        cede_future_unref(d);
}

static int lock_and_say(void *arg)
{
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        note("task%d", (int)(intptr_t)arg);
        return cede_mutex_unlock(&mutex);
}

TASK_TEST(takes_its_turn_among_tasks)
{
        struct cede_future *d[2];
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_mutex_lock(&mutex), 0);
        spawn_now(&c, lock_and_say, N(1));
        d[0] = run(succeed, 2);
        spawn_now(&c, lock_and_say, N(3));
        d[1] = run(succeed, 4);
        EXPECT_EQ(cede_mutex_unlock(&mutex), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(value_of(d[1]), 4);
        EXPECT_LOG("task1 run2 task3 run4");
        drop(d, 2);
}

TASK_TEST(semaphore_lets_as_many_run_as_it_has_permits)
{
        struct cede_future *d[3];

        EXPECT_EQ(cede_sem_init(&sem, 2, CEDE_FIFO), 0);
        make_inner();
        for (int i = 0; i < 3; i++)
                d[i] = cede_sem_run_future(&sem, follow_inner, N(i));
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("run0 run1");
        EXPECT_EQ(cede_future_resolve(inner[1], N(1)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_LOG("run2");
        EXPECT_EQ(cede_future_resolve(inner[0], NULL), 0);
        EXPECT_EQ(cede_future_resolve(inner[2], NULL), 0);
        EXPECT_EQ(cede_gather(d, 3, NULL), 0);
        expect_left(2);
        drop(d, 3);
        drop(inner, 3);
}

TASK_TEST(mutex_that_cannot_be_locked_fails_it)
{
        struct cede_future *d;

        EXPECT_EQ(cede_mutex_init_recursive(&mutex, CEDE_FIFO), 0);
        d = run(succeed, 1);
        EXPECT_EQ(cede_future_await(d, NULL), -EINVAL);
        EXPECT_LOG("");
        cede_future_unref(d);
}

static int end_with_it(void *arg)
{
        (void)arg;
        return cede_mutex_lock(&mutex);
}

TASK_TEST(owner_that_ended_with_it_fails_it)
{
        struct cede_future *d[2];
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, end_with_it, NULL);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        d[0] = run(succeed, 1);
        d[1] = run(succeed, 2);
        EXPECT_EQ(cede_future_await(d[0], NULL), -EOWNERDEAD);
        EXPECT_EQ(value_of(d[1]), 2);
        EXPECT_LOG("run2");
        drop(d, 2);
}

/* 100,000 in the queue: giving the lock on takes no more stack than once. */

enum { QUEUED = 100000 };

static const char *low, *high;
static int runs;

static int count_run(void *value, void *arg, void **ret_value)
{
        const char *here = __builtin_frame_address(0);

        (void)value;
        (void)ret_value;
        low = !low || here < low ? here : low;
        high = here > high ? here : high;
        EXPECT_EQ(runs, (intptr_t)arg);
        runs++;
        return 0;
}

TASK_TEST(queue_of_100000_needs_the_stack_of_one)
{
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
        for (int i = 0; i < QUEUED; i++)
                chain[i] = cede_sem_run_future(&sem, count_run, N(i));
        EXPECT_EQ(cede_sem_release(&sem), 0);
        EXPECT_EQ(cede_future_await(chain[QUEUED - 1], NULL), 0);
        EXPECT_EQ(runs, QUEUED);
        EXPECT(high - low < 1024);
        drop(chain, QUEUED);
        expect_left(1);
}

TASK_TEST(cancelling_100000_that_are_queued)
{
        EXPECT_EQ(cede_sem_init(&sem, 0, CEDE_FIFO), 0);
        for (int i = 0; i < QUEUED; i++)
                chain[i] = cede_sem_run_future(&sem, count_run, N(i));
        for (int i = QUEUED; i-- > 0;)
                cede_future_cancel(chain[i]);
        expect_left(0);
        EXPECT_EQ(runs, 0);
        drop(chain, QUEUED);
}

/* Another thread cancels while the lock is passed on: nothing is lost. */

static void *cancel_some(void *arg)
{
        for (int i = (int)(intptr_t)arg; i < 100; i += 3)
                cede_future_cancel(chain[i]);
        return NULL;
}

static int nothing(void *value, void *arg, void **ret_value)
{
        (void)value;
        (void)arg;
        (void)ret_value;
        runs++;
        return 0;
}

static int cancel_from_threads(void *arg)
{
        (void)arg;
        for (int round = 0; round < (test_slowed() ? 20 : 300); round++) {
                int done = 0;
                pthread_t threads[2];

                runs = 0;
                EXPECT_EQ(cede_sem_init(&sem, 1, CEDE_FIFO), 0);
                for (int i = 0; i < 100; i++)
                        chain[i] = cede_sem_run_future(&sem, nothing, NULL);
                threads[0] = start(cancel_some, N(0));
                threads[1] = start(cancel_some, N(1));
                for (int i = 0; i < 100; i++)
                        done += cede_future_await(chain[i], NULL) == 0;
                join(threads[0]);
                join(threads[1]);
                EXPECT_EQ(done, runs);
                EXPECT(done >= 33);
                drop(chain, 100);
                expect_left(1);
        }
        return 0;
}

TEST(threads_cancel_while_the_lock_is_passed_on)
{
        EXPECT_EQ(cede_run(cancel_from_threads, NULL), 0);
}
