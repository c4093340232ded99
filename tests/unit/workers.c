/* SPDX-License-Identifier: MIT */
/* Several workers: tasks start anywhere and stay there; scopes and handles work across. */
#include <pthread.h>
#include <sched.h>

#include "base/prng.h"
#include "workers.h"

/* Keeps its worker busy until so many are. */
static int meet(void *arg)
{
        atomic_fetch_add(&count, 1);
        while (atomic_load(&count) < *(const int *)arg)
                sched_yield(); /* not cede_yield: the worker is to be kept */
        return 0;
}

TEST(a_nonsensical_number_is_refused)
{
        EXPECT_EQ(run_on(100000, meet, NULL), -EINVAL);
}

/* If they shared fewer threads, they would never meet. */
WORKERS_TEST(tasks_run_at_the_same_time)
{
        struct cede_scope c;
        int n = WORKERS;

        EXPECT_EQ(cede_sleep(CEDE_MS(20)), 0); /* the others are asleep by now, in all likelihood */
        cede_scope_open(&c);
        for (int i = 0; i < n - 1; i++)
                EXPECT_EQ(cede_spawn(&c, meet, &n), 0);
        EXPECT_EQ(meet(&n), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
}

static _Thread_local int mine;

/* Where errno and a thread-local are does not change, whoever else runs in between. */
static int stays(void *arg)
{
        pthread_t thread = pthread_self();
        int *where = &mine;

        (void)arg;
        for (int i = 0; i < 20; i++) {
                errno = i;
                EXPECT_EQ(errno, i);
                EXPECT_EQ(i % 4 ? cede_yield() : cede_sleep(CEDE_US(1)), 0);
                EXPECT(pthread_equal(thread, pthread_self()));
                EXPECT(where == &mine);
        }
        atomic_fetch_add(&count, 1);
        return 0;
}

WORKERS_TEST(a_task_stays_where_it_started)
{
        struct cede_scope c;
        int n = times(1000);

        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, stays, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(count, n);
}

WORKERS_TEST(a_tree_of_scopes_adds_up, .seconds = 60)
{
        for (int i = 0; i < times(20); i++) {
                struct node root = { .depth = test_slowed() ? 5 : 7 };

                EXPECT_EQ(tree(&root), 0);
                EXPECT_EQ(root.sum, test_slowed() ? 364 : 3280);
        }
}

static int spawn_into(void *scope);

static int leaf(void *arg)
{
        (void)arg;
        atomic_fetch_add(&count, 1);
        return 0;
}

static int spawn_into(void *scope)
{
        for (int i = 0; i < 50; i++) {
                EXPECT_EQ(cede_spawn(scope, leaf, NULL), 0);
                if (i % 7 == 0)
                        EXPECT_EQ(cede_yield(), 0);
        }
        return 0;
}

WORKERS_TEST(others_spawn_into_the_scope_and_into_the_run)
{
        for (int round = 0; round < times(50); round++) {
                struct cede_scope c;

                count = 0;
                cede_scope_open(&c);
                for (int i = 0; i < 20; i++)
                        EXPECT_EQ(cede_spawn(&c, spawn_into, i % 2 ? &c : NULL), 0);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                while (atomic_load(&count) < 20 * 50)
                        EXPECT_EQ(cede_yield(), 0);
        }
}

/* Failure and cancellation */

static int fail(void *arg)
{
        (void)arg;
        return -EIO;
}

WORKERS_TEST(a_failure_cancels_the_siblings_wherever_they_are, .seconds = 60)
{
        for (int round = 0; round < times(200); round++) {
                struct cede_scope c;

                count = started = 0;
                cede_scope_open(&c);
                for (int i = 0; i < 20; i++)
                        EXPECT_EQ(cede_spawn(&c, sleep_for_ever, NULL), 0);
                if (round % 3 == 1)
                        EXPECT_EQ(cede_yield(), 0);
                else if (round % 3 == 2)
                        until_started(20);
                EXPECT_EQ(cede_spawn(&c, fail, NULL), 0);
                EXPECT_EQ(cede_scope_close(&c, 0), -EIO);
                EXPECT_EQ(count, 20);
        }
}

static int nest(void *arg)
{
        struct cede_scope c;
        int depth = *(int *)arg - 1;
        int r = 0;

        cede_scope_open(&c);
        for (int i = 0; i < 2 && r == 0; i++)
                r = cede_spawn(&c, depth ? nest : sleep_for_ever, &depth);
        return cede_scope_close(&c, r);
}

WORKERS_TEST(cancelling_goes_down_across_workers, .seconds = 60)
{
        for (int round = 0; round < times(100); round++) {
                struct cede_scope c;
                int depth = 5;

                count = started = 0;
                cede_scope_open(&c);
                EXPECT_EQ(cede_spawn(&c, nest, &depth), 0);
                if (round % 2)
                        EXPECT_EQ(cede_sleep(CEDE_US(cede__prng(7, (uint64_t)round) % 200)), 0);
                else
                        until_started(32);
                cede_scope_cancel(&c);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                EXPECT_EQ(count, 32);
        }
}

static int wait_a_little(void *arg)
{
        atomic_fetch_add(&started, 1);
        return cede_sleep(CEDE_US((intptr_t)arg));
}

static void join(struct cede_task *task, int *done, int *cancelled)
{
        int result = 1;

        EXPECT_EQ(cede_task_join(task, &result), 0);
        EXPECT(result == 0 || result == -ECANCELED);
        *done += result == 0;
        *cancelled += result != 0;
}

/*
 * Deadlines, cancel of one task at any moment of its life, join by whoever.  What becomes of most
 * is open; the first of each third round ends by itself, and the one before the last never would.
 */
WORKERS_TEST(single_tasks_are_cancelled_and_joined, .seconds = 60)
{
        int done = 0, cancelled = 0;

        for (int round = 0; round < times(300); round++) {
                struct cede_task *tasks[10];
                struct cede_scope c;

                started = 0;
                cede_scope_open(&c);
                for (intptr_t i = 0; i < 10; i++)
                        EXPECT_EQ(cede_spawn_with(&c, NULL, wait_a_little,
                                                  (void *)(i == 8 ? 1000000000 : i * 10),
                                                  &tasks[i]),
                                  0);
                if (round % 2)
                        until_started(5);
                if (round % 3 == 0)
                        join(tasks[0], &done, &cancelled);
                EXPECT_EQ(cede_sleep(CEDE_US(cede__prng(9, (uint64_t)round) % 100)), 0);
                for (int i = round % 3 == 0; i < 10; i++)
                        cede_task_cancel(tasks[i]);
                for (int i = round % 3 == 0 ? 2 : 0; i < 10; i += 2)
                        join(tasks[i], &done, &cancelled);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
        EXPECT(done >= times(300) / 3 && cancelled >= times(300));
}

static int join_it(void *task)
{
        int result = 0, r;

        CEDE_TIMEOUT(CEDE_US(30)) {
                r = cede_task_join(task, &result);
                if (r == 0) {
                        EXPECT_EQ(result, 0);
                        atomic_fetch_add(&count, 1);
                } else {
                        EXPECT(r == -ETIMEDOUT);
                }
        }
        return 0;
}

WORKERS_TEST(a_sibling_joins_or_gives_up, .seconds = 60)
{
        for (int round = 0; round < times(500); round++) {
                struct cede_scope c;
                struct cede_task *task;
                intptr_t us = (intptr_t)(cede__prng(11, (uint64_t)round) % 60);

                cede_scope_open(&c);
                started = 0;
                EXPECT_EQ(cede_spawn_with(&c, NULL, wait_a_little, (void *)us, &task), 0);
                if (round % 2)
                        until_started(1);
                EXPECT_EQ(cede_spawn(&c, join_it, task), 0);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
        }
}

/* The main task has not been started by anybody, but is of a worker like any other. */

static int cancel_it(void *task)
{
        cede_task_cancel(task);
        return 0;
}

WORKERS_TEST(the_main_task_cancels_itself)
{
        cede_task_cancel(cede_task_self());
        EXPECT_EQ(cede_checkpoint(), -ECANCELED);
}

WORKERS_TEST(the_main_task_is_cancelled_from_another_worker)
{
        struct cede_scope c;

        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, cancel_it, cede_task_self()), 0);
        EXPECT_EQ(cede_sleep(CEDE_SEC(1000)), -ECANCELED);
        (void)cede_scope_close(&c, 0);
}
