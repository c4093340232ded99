/* SPDX-License-Identifier: MIT */
/*
 * Circles that are closed by several threads and loops at the same moment: whoever comes last,
 * there is one report and one party that fails, in every round.
 */
#include "deadlock.h"

enum { PARTIES_MAX = 4 };

static struct cede_mutex mutexes[PARTIES_MAX];
static int n, rounds;
static atomic_int failed; /* in all rounds */
static atomic_int arrived;

/* All of them leave at the same moment, by spinning; gives way for those that have no processor. */
static void meet(int times)
{
        atomic_fetch_add(&arrived, 1);
        while (atomic_load(&arrived) < n * times)
                sched_yield();
}

static int go_round(void *arg)
{
        int me = (int)(intptr_t)arg;

        for (int i = 0; i < rounds; i++) {
                int r;

                lock(&mutexes[me]);
                meet(2 * i + 1);
                r = lock_briefly(&mutexes[(me + 1) % n]);
                unlock(&mutexes[me]);
                if (r == -EDEADLK)
                        atomic_fetch_add(&failed, 1);
                else
                        EXPECT_EQ(r, 0);
                meet(2 * i + 2);
                EXPECT_EQ(atomic_load(&failed), i + 1);
        }
        return 0;
}

static void *as_thread(void *arg)
{
        go_round(arg);
        return NULL;
}

static void *as_main_task(void *arg)
{
        EXPECT_EQ(cede_run(go_round, arg), 0);
        return NULL;
}

/* The first so many of them are tasks, each of a loop of its own. */
static void race(int parties, int tasks, enum cede_transfer transfer)
{
        pthread_t threads[PARTIES_MAX];

        n = parties;
        rounds = test_slowed() ? 10 : 60;
        capture_begin();
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_mutex_set_transfer(&mutexes[i], transfer), 0);
        for (intptr_t i = 0; i < n; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, i < tasks ? as_main_task : as_thread,
                                         (void *)i),
                          0);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        expect_reports((unsigned)rounds);
}

TEST(two_threads)
{
        race(2, 0, CEDE_STRICT);
}

TEST(two_loops)
{
        race(2, 2, CEDE_STRICT);
}

TEST(loop_and_thread)
{
        race(2, 1, CEDE_STRICT);
}

TEST(four_threads)
{
        race(4, 0, CEDE_STRICT);
}

TEST(two_loops_and_two_threads)
{
        race(4, 2, CEDE_STRICT);
}

TEST(two_loops_and_two_threads_with_adaptive_mutexes)
{
        race(4, 2, CEDE_ADAPTIVE);
}

/* Somebody is notified, and somebody else locks what it holds: whichever of the two comes last. */

static struct cede_condition changed;

static int wait_for_a_change(void *arg)
{
        (void)arg;
        for (int i = 0; i < rounds; i++) {
                lock(&mutexes[0]);
                lock(&mutexes[1]);
                EXPECT_EQ(cede_condition_wait(&changed, &mutexes[1]), 0);
                unlock(&mutexes[1]);
                unlock(&mutexes[0]);
                meet(2 * i + 2);
        }
        return 0;
}

static void *wait_for_a_change_thread(void *arg)
{
        wait_for_a_change(arg);
        return NULL;
}

static void *wait_for_a_change_task(void *arg)
{
        EXPECT_EQ(cede_run(wait_for_a_change, arg), 0);
        return NULL;
}

static void *lock_what_it_holds(void *arg)
{
        (void)arg;
        for (int i = 0; i < rounds; i++) {
                while (cede_condition_waiting(&changed) == 0)
                        sched_yield();
                lock(&mutexes[1]);
                atomic_fetch_add(&arrived, 1);
                meet(2 * i + 1);
                EXPECT_EQ(cede_mutex_lock(&mutexes[0]), -EDEADLK);
                unlock(&mutexes[1]);
                meet(2 * i + 2);
        }
        return NULL;
}

static void *notify_it(void *arg)
{
        (void)arg;
        for (int i = 0; i < rounds; i++) {
                meet(2 * i + 1);
                EXPECT_EQ(cede_condition_notify(&changed, 1), 1);
                meet(2 * i + 2);
        }
        return NULL;
}

static void notify_race(void *(*waiter)(void *))
{
        void *(*const functions[])(void *) = { waiter, lock_what_it_holds, notify_it };
        pthread_t threads[3];

        n = 3;
        rounds = test_slowed() ? 10 : 60;
        capture_begin();
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(pthread_create(&threads[i], NULL, functions[i], NULL), 0);
        for (int i = 0; i < 3; i++)
                EXPECT_EQ(pthread_join(threads[i], NULL), 0);
        expect_reports((unsigned)rounds);
}

TEST(notification_of_a_thread_against_a_lock)
{
        notify_race(wait_for_a_change_thread);
}

TEST(notification_of_a_task_against_a_lock)
{
        notify_race(wait_for_a_change_task);
}
