/* SPDX-License-Identifier: MIT */
/* A task's result as a future; cancelling a future later. */
#include "log.h"
#include "threads.h"
#include <stdlib.h>

static struct cede_future f;

static int number(struct cede_future *future)
{
        void *value = N(-1);
        int r = cede_future_await(future, &value);

        return r < 0 ? r : (int)(intptr_t)value;
}

static int sleep_then(void *arg)
{
        int r = cede_sleep(CEDE_SEC(1));

        note("slept:%s", word(r));
        return r < 0 ? r : (int)(intptr_t)arg;
}

static struct cede_future *spawn(struct cede_scope *scope, int (*fn)(void *), void *arg)
{
        struct cede_future *future = NULL;

        EXPECT_EQ(cede_spawn_future(scope, fn, arg, &future), 0);
        return future;
}

TASK_TEST(result_is_the_value)
{
        struct cede_future *a = spawn(NULL, sleep_then, N(7)), *zero = spawn(NULL, return_it, N(0));

        EXPECT_EQ(number(zero), 0);
        EXPECT_EQ(number(a), 7);
        EXPECT_EQ(now_ms(), 1000);
        cede_future_unref(a);
        cede_future_unref(zero);
        EXPECT_EQ(cede_spawn_future(NULL, NULL, NULL, &a), -EINVAL);
}

TASK_TEST(error_is_the_futures_alone)
{
        struct cede_future *bad, *good;
        struct cede_scope c;

        cede_scope_open(&c);
        bad = spawn(&c, return_it, N(-EIO));
        good = spawn(&c, sleep_then, N(7));
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("slept:ok");
        EXPECT_EQ(number(bad), -EIO);
        EXPECT_EQ(number(good), 7);
        cede_future_unref(bad);
        cede_future_unref(good);
}

static int lose_a_result(void *arg)
{
        cede_future_unref(spawn(NULL, return_it, N(-EIO)));
        return cede_yield() + (int)(intptr_t)arg;
}

TEST_ABORTS(error_that_nobody_looked_at, "cede: future unnamed failed with error 5 at ")
{
        EXPECT_EQ(run_virtual(lose_a_result, NULL), 0);
        abort();
}

TASK_TEST(cancelling_the_future_cancels_the_task)
{
        struct cede_future *a = spawn(NULL, sleep_then, NULL);

        EXPECT_EQ(cede_yield(), 0);
        cede_future_cancel(a);
        EXPECT(!cede_future_is_done(a)); /* it is when the task has ended */
        EXPECT_EQ(number(a), -ECANCELED);
        EXPECT_LOG("slept:cancelled");
        EXPECT_EQ(now_ms(), 0);
        cede_future_cancel(a);
        cede_future_unref(a);
}

TASK_TEST(cancelled_before_it_starts_it_runs_all_the_same)
{
        struct cede_future *a = spawn(NULL, sleep_then, NULL);

        cede_future_cancel(a);
        EXPECT_EQ(number(a), -ECANCELED);
        EXPECT_LOG("slept:cancelled");
        cede_future_unref(a);
}

TASK_TEST(result_beats_a_cancellation_that_comes_last)
{
        struct cede_future *a = spawn(NULL, return_it, N(7));

        cede_future_cancel(a);
        EXPECT_EQ(number(a), 7);
        cede_future_unref(a);
}

TASK_TEST(cancelling_the_scope_cancels_the_task)
{
        struct cede_future *a;
        struct cede_scope c;

        cede_scope_open(&c);
        a = spawn(&c, sleep_then, NULL);
        EXPECT_EQ(cede_yield(), 0);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_future_result(a, NULL), -ECANCELED);
        cede_future_unref(a);
}

static int call_sleep(void *value, void *arg, void **ret_value)
{
        (void)arg;
        *ret_value = spawn(NULL, sleep_then, value);
        return CEDE_CHAIN;
}

TASK_TEST(callback_that_has_to_wait_returns_the_future_of_a_task)
{
        struct cede_future *a = cede_future_then(&f, call_sleep, NULL, NULL);
        struct cede_future *b = cede_future_then(&f, call_sleep, NULL, NULL);

        EXPECT_EQ(cede_future_resolve(&f, N(5)), 0);
        EXPECT_EQ(cede_yield(), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_future_cancel(b); /* the task is cancelled */
        EXPECT_EQ(number(b), -ECANCELED);
        EXPECT_EQ(number(a), 5);
        EXPECT_EQ(now_ms(), 1000);
        EXPECT_LOG("slept:cancelled slept:ok");
        cede_future_unref(a);
        cede_future_unref(b);
}

static int yield_and_succeed(void *arg)
{
        note("yield:%s", word(cede_yield()));
        return (int)(intptr_t)arg;
}

/* It is cancelled and succeeds all the same: what the link would wait for next is cancelled. */
TASK_TEST(cancelled_link_of_a_task_that_succeeds)
{
        struct cede_future *source = spawn(NULL, yield_and_succeed, N(3));
        struct cede_future *a = cede_future_then(source, call_sleep, NULL, NULL);

        EXPECT_EQ(cede_yield(), 0);
        cede_future_cancel(a);
        EXPECT_EQ(number(a), -ECANCELED);
        EXPECT_EQ(number(source), 3);
        EXPECT_EQ(now_ms(), 0);
        EXPECT_LOG("yield:cancelled slept:cancelled");
        cede_future_unref(source);
        cede_future_unref(a);
}

/* Later. */

TASK_TEST(timeout_cancels_what_is_pending)
{
        struct cede_future *a = cede_future_new();

        EXPECT_EQ(cede_future_timeout(a, CEDE_SEC(2)), 0);
        EXPECT_EQ(number(a), -ETIMEDOUT);
        EXPECT_EQ(now_ms(), 2000);
        EXPECT_EQ(cede_checkpoint(), 0); /* it was not the caller's deadline */
        cede_future_unref(a);
}

TASK_TEST(timeout_leaves_alone_what_is_done)
{
        struct cede_future *a = cede_future_new();

        EXPECT_EQ(cede_future_timeout(a, CEDE_SEC(2)), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_future_resolve(a, N(5)), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), 0);
        EXPECT_EQ(number(a), 5);
        cede_future_unref(a);
}

TASK_TEST(timeout_of_a_task)
{
        struct cede_future *a = spawn(NULL, sleep_then, NULL);

        EXPECT_EQ(cede_future_timeout(a, CEDE_MS(300)), 0);
        EXPECT_EQ(number(a), -ETIMEDOUT);
        EXPECT_EQ(now_ms(), 300);
        EXPECT_LOG("slept:cancelled");
        cede_future_unref(a);
}

static int note_error(int error, void *arg, void **ret_value)
{
        (void)arg;
        (void)ret_value;
        note("link:%s", word(error));
        return error;
}

static int use_seven(int error, void *arg, void **ret_value)
{
        (void)error;
        *ret_value = arg;
        return 0;
}

/* The source is cancelled; what comes through the link to -ECANCELED is a time-out there. */
TASK_TEST(timeout_of_a_link)
{
        struct cede_future *source = cede_future_new();
        struct cede_future *a = cede_future_then(source, NULL, note_error, NULL);
        struct cede_future *b = cede_future_then(source, NULL, use_seven, N(7));

        EXPECT_EQ(cede_future_timeout(a, CEDE_SEC(1)), 0);
        EXPECT_EQ(cede_future_timeout(b, CEDE_SEC(1)), 0);
        EXPECT_EQ(number(a), -ETIMEDOUT);
        EXPECT_EQ(cede_future_result(source, NULL), -ECANCELED);
        EXPECT_LOG("link:cancelled");
        EXPECT_EQ(number(b), 7); /* handled: no time-out */
        cede_future_unref(source);
        cede_future_unref(a);
        cede_future_unref(b);
}

TASK_TEST(cancelled_by_hand_before_the_timeout)
{
        struct cede_future *a = cede_future_new();

        EXPECT_EQ(cede_future_timeout(a, CEDE_SEC(1)), 0);
        cede_future_cancel(a);
        EXPECT_EQ(number(a), -ECANCELED);
        cede_future_unref(a);
}

TASK_TEST(timeout_of_no_time)
{
        struct cede_future *a = cede_future_new(), *b = cede_future_new();

        EXPECT_EQ(cede_future_timeout(a, 0), 0);
        EXPECT_EQ(cede_future_timeout(b, -5), 0);
        EXPECT_EQ(number(a), -ETIMEDOUT);
        EXPECT_EQ(number(b), -ETIMEDOUT);
        EXPECT_EQ(now_ms(), 0);
        cede_future_unref(a);
        cede_future_unref(b);
        EXPECT_EQ(cede_future_timeout(NULL, 1), -EINVAL);
        EXPECT_EQ(cede_future_timeout(&f, 1), -EINVAL);
}

/* A run that ends first leaves nothing behind. */
TASK_TEST(timeout_that_outlives_the_run)
{
        struct cede_future *a = cede_future_new();

        EXPECT_EQ(cede_future_timeout(a, CEDE_SEC(1000)), 0);
        EXPECT_EQ(cede_yield(), 0);
        cede_future_unref(a);
}

/* Threads cancel it while it starts and ends. */

static struct cede_future *shared;

static void *cancel_shared(void *arg)
{
        cede_future_cancel(shared);
        cede_future_unref(shared);
        return arg;
}

static int yield_a_bit(void *arg)
{
        int r = 0;

        for (int i = 0; i < 3 && r == 0; i++)
                r = cede_yield();
        return r < 0 ? r : (int)(intptr_t)arg;
}

static int cancel_from_threads(void *arg)
{
        (void)arg;
        for (int i = 0; i < (test_slowed() ? 50 : 1000); i++) {
                pthread_t threads[2];
                int r;

                shared = spawn(NULL, yield_a_bit, N(7));
                cede_future_ref(shared);
                cede_future_ref(shared);
                threads[0] = start(cancel_shared, NULL);
                threads[1] = start(cancel_shared, NULL);
                r = number(shared);
                EXPECT(r == 7 || r == -ECANCELED);
                join(threads[0]);
                join(threads[1]);
                cede_future_unref(shared);
        }
        return 0;
}

TEST(threads_cancel_a_task)
{
        EXPECT_EQ(cede_run(cancel_from_threads, NULL), 0);
}

TEST(threads_cancel_a_task_of_several_workers)
{
        EXPECT_EQ(cede_run_with(cancel_from_threads, NULL,
                                &(struct cede_run_options){ .workers = 2 }),
                  0);
}
