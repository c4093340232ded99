/* SPDX-License-Identifier: MIT */
/*
 * Mutex: several held, callbacks as owners, cede_mutex_run, and contention between tasks and
 * threads.
 */
#include <pthread.h>
#include <sched.h>

#include "log.h"

static struct cede_mutex m, recursive = CEDE_RECURSIVE_MUTEX_INIT(CEDE_FIFO);

static int lock_note_unlock(void *name)
{
        int r = cede_mutex_lock(&m);

        note("%s:%s", (const char *)name, word(r));
        if (r == 0)
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        return 0;
}

static int lock_and_end(void *mutex)
{
        EXPECT_EQ(cede_mutex_lock(mutex), 0);
        give_turns();
        return 0;
}

TASK_TEST(several_are_unlocked_in_any_order)
{
        static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                          { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
        struct cede_mutex three[3] = { 0 };

        for (int i = 0; i < 6; i++) {
                for (int k = 0; k < 3; k++)
                        EXPECT_EQ(cede_mutex_lock(&three[k]), 0);
                for (int k = 0; k < 3; k++) {
                        EXPECT_EQ(cede_mutex_unlock(&three[orders[i][k]]), 0);
                        for (int left = 0; left < 3; left++) /* orders[i][k] is the k-th to go */
                                if (left > k)
                                        EXPECT(cede_mutex_owned(&three[orders[i][left]]));
                }
        }
}

/* Callbacks */

static void note_and_keep(struct cede_callback *callback, int result)
{
        (void)callback;
        EXPECT(cede_mutex_locked(&m));
        EXPECT(!cede_mutex_owned(&m)); /* the handle owns it, not who happens to call */
        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM);
        note("callback:%s", result == -EOWNERDEAD ? "dead" : word(result));
}

TASK_TEST(callback_owns_a_free_one_from_the_call_on)
{
        struct cede_callback c = { .fn = note_and_keep }, other = { .fn = note_and_keep };
        struct cede_scope scope;

        EXPECT_EQ(cede_mutex_lock_async(&m, &c), 0);
        EXPECT(cede_mutex_locked(&m));
        EXPECT_LOG("");
        EXPECT_EQ(cede_mutex_try_lock(&m), -EAGAIN);
        EXPECT_EQ(cede_callback_cancel(&c), -EALREADY);
        give_turns();
        EXPECT_LOG("callback:ok");
        EXPECT_EQ(cede_mutex_unlock_async(&m, &other), -EPERM);
        EXPECT_EQ(cede_mutex_unlock(&m), -EPERM);
        cede_scope_open(&scope);
        spawn_now(&scope, lock_note_unlock, "a");
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_mutex_unlock_async(&m, &c), 0);
        EXPECT_EQ(cede_mutex_unlock_async(&m, &c), -EPERM);
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
        EXPECT_LOG("a:ok");
}

TASK_TEST(callback_in_the_queue_is_cancelled_or_served)
{
        struct cede_callback a = { .fn = note_and_keep }, b = { .fn = note_and_keep };

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_lock_async(&m, &a), 0);
        EXPECT_EQ(cede_mutex_lock_async(&m, &b), 0);
        EXPECT_EQ(cede_callback_cancel(&a), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_callback_cancel(&b), -EALREADY);
        EXPECT_EQ(cede_mutex_unlock_async(&m, &a), -EPERM);
        give_turns();
        EXPECT_LOG("callback:ok");
        EXPECT_EQ(cede_mutex_unlock_async(&m, &b), 0);
        EXPECT(!cede_mutex_locked(&m));
}

TASK_TEST(callback_inherits_from_an_owner_that_ended)
{
        struct cede_callback a = { .fn = note_and_keep }, b = { .fn = note_and_keep };
        struct cede_scope scope;

        cede_scope_open(&scope);
        spawn_now(&scope, lock_and_end, &m);
        EXPECT_EQ(cede_mutex_lock_async(&m, &a), 0);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
        give_turns();
        EXPECT_LOG("callback:dead");
        EXPECT_EQ(cede_mutex_unlock_async(&m, &a), 0);

        cede_scope_open(&scope);
        spawn_now(&scope, lock_and_end, &m);
        EXPECT_EQ(cede_scope_close(&scope, 0), 0);
        EXPECT_EQ(cede_mutex_lock_async(&m, &b), 0); /* it is free, and orphaned */
        give_turns();
        EXPECT_LOG("callback:dead");
        EXPECT_EQ(cede_mutex_unlock_async(&m, &b), 0);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

TASK_TEST(recursive_one_is_not_for_callbacks)
{
        struct cede_callback a = { .fn = note_and_keep };

        EXPECT_EQ(cede_mutex_lock_async(&recursive, &a), -EINVAL);
        EXPECT(!cede_mutex_locked(&recursive));
}

TASK_TEST(callback_that_owns_it_does_not_wait_for_itself)
{
        struct cede_callback a = { .fn = note_and_keep };

        EXPECT_EQ(cede_mutex_lock_async(&m, &a), 0);
        give_turns();
        EXPECT_LOG("callback:ok");
        EXPECT_EQ(cede_mutex_lock_async(&m, &a), -EDEADLK);
        EXPECT_EQ(cede_mutex_unlock_async(&m, &a), 0);
        EXPECT(!cede_mutex_locked(&m));
}

static struct cede_sem turn;

static void lock_inside(struct cede_callback *callback, int result)
{
        EXPECT_EQ(result, 0);
        EXPECT_EQ(cede_mutex_try_lock(&m), 0);
        EXPECT(cede_mutex_owned(&m));
        if (callback->priority)
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

/* What a callback's function locks by itself is its own only as long as it runs. */
TASK_TEST(callback_function_that_keeps_a_mutex_leaves_it_to_the_next)
{
        struct cede_callback tidy = { .fn = lock_inside, .priority = 1 };
        struct cede_callback careless = { .fn = lock_inside };

        EXPECT_EQ(cede_sem_acquire_async(&turn, 1, &tidy), 0);
        EXPECT_EQ(cede_sem_release(&turn), 0);
        give_turns();
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_sem_acquire_async(&turn, 1, &careless), 0);
        EXPECT_EQ(cede_sem_release(&turn), 0);
        give_turns();
        EXPECT_EQ(cede_mutex_try_lock(&m), -EOWNERDEAD);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

/* run */

static int called;

static int fail(void *result)
{
        called++;
        EXPECT(cede_mutex_owned(&m));
        return (int)(intptr_t)result;
}

static int run_fail(void *arg)
{
        note("%s", word(cede_mutex_run(&m, fail, arg)));
        return 0;
}

TASK_TEST(run_unlocks_whatever_the_function_returns)
{
        static const int results[] = { 0, 7, -EIO, -ECANCELED, -EOWNERDEAD };

        for (unsigned i = 0; i < 5; i++) {
                EXPECT_EQ(cede_mutex_run(&m, fail, (void *)(intptr_t)results[i]), results[i]);
                EXPECT(!cede_mutex_locked(&m));
        }
        EXPECT_EQ(called, 5);
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        EXPECT_EQ(cede_mutex_run(&m, fail, NULL), -EDEADLK);
        EXPECT(cede_mutex_owned(&m));
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(called, 5);
}

TASK_TEST(run_cancelled_in_the_queue_calls_nothing)
{
        struct cede_scope c;
        struct cede_task *a;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        a = spawn_held(&c, run_fail, NULL);
        EXPECT_EQ(cede_mutex_waiting(&m), 1);
        cede_task_cancel(a);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled");
        EXPECT_EQ(called, 0);
        EXPECT(!cede_mutex_locked(&m));
}

TASK_TEST(run_out_of_time_in_the_queue_calls_nothing)
{
        struct cede_scope c;

        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open_with(&c, &(struct cede_scope_options){ .deadline = CEDE_SEC(1) });
        spawn_now(&c, run_fail, NULL);
        EXPECT_EQ(cede_sleep(CEDE_SEC(2)), -ETIMEDOUT);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_LOG("cancelled");
        EXPECT_EQ(called, 0);
        EXPECT_EQ(cede_mutex_unlock(&m), 0);
}

TASK_TEST(run_after_an_owner_has_ended_calls_nothing)
{
        struct cede_scope c;

        cede_scope_open(&c);
        spawn_now(&c, lock_and_end, &m);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_mutex_run(&m, fail, NULL), -EOWNERDEAD);
        EXPECT_EQ(called, 0);
        EXPECT(!cede_mutex_locked(&m));
}

/* Contention: loops in two threads with tasks in each, and plain threads */

enum { LOOPS = 2, TASKS = 4, THREADS = 2 };

static long counter; /* under m */
static long inside;
static int rounds;

static int add(void *arg)
{
        bool may_yield = arg;

        for (int i = 0; i < rounds; i++) {
                EXPECT_EQ(cede_mutex_lock(&m), 0);
                EXPECT_EQ(inside++, 0);
                counter++;
                if (may_yield && i % 8 == 0)
                        give_turns();
                EXPECT_EQ(--inside, 0);
                EXPECT_EQ(cede_mutex_unlock(&m), 0);
        }
        return 0;
}

static int add_in_tasks(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < TASKS; i++)
                EXPECT_EQ(cede_spawn(&c, add, &counter), 0);
        return cede_scope_close(&c, 0);
}

static void *loop_main(void *arg)
{
        EXPECT_EQ(cede_run(add_in_tasks, arg), 0);
        return NULL;
}

static void *thread_main(void *arg)
{
        add(arg);
        return NULL;
}

static void contend(enum cede_order order)
{
        pthread_t threads[LOOPS + THREADS];

        rounds = test_slowed() ? 50 : 2000;
        counter = 0;
        EXPECT_EQ(cede_mutex_init(&m, order), 0);
        for (int i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i < LOOPS ? loop_main : thread_main,
                                         NULL),
                          0);
        for (int i = 0; i < LOOPS + THREADS; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        EXPECT_EQ(counter, (long)(LOOPS * TASKS + THREADS) * rounds);
        EXPECT(!cede_mutex_locked(&m));
        EXPECT_EQ(cede_mutex_waiting(&m), 0);
}

TEST(contention_fifo)
{
        contend(CEDE_FIFO);
}

TEST(contention_lifo)
{
        contend(CEDE_LIFO);
}

TEST(contention_random)
{
        contend(CEDE_RANDOM);
}

static int lock_for_ever(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        return 0;
}

static int finish_while_waited_for_main(void *arg)
{
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_mutex_lock(&m), 0);
        cede_scope_open(&c);
        spawn_now(&c, lock_for_ever, NULL);
        cede_mutex_finish(&m);
        return cede_scope_close(&c, 0);
}

TEST_ABORTS(finish_while_waited_for, "mutex unnamed is finished while it is locked, or 1 wait")
{
        EXPECT_EQ(run_virtual(finish_while_waited_for_main, NULL), 0);
}
