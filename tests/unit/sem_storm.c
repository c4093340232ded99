/* SPDX-License-Identifier: MIT */
/* Semaphore: a great many waiters at a time, and how they leave. */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"

static struct cede_sem s;
static atomic_long granted, cancelled, timed_out;

static int want(void *arg)
{
        int r = cede_sem_acquire(&s);

        (void)arg;
        granted += r == 0;
        cancelled += r == -ECANCELED;
        return 0;
}

static double cpu_seconds(void)
{
        struct timespec t;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* n waiters, cancelled one by one from the last to the first; the CPU time of that. */
static double cancel_in_reverse(enum cede_order order, int n)
{
        struct cede_task **tasks = calloc((size_t)n, sizeof(struct cede_task *));
        struct cede_scope c;
        double start;

        EXPECT(tasks);
        granted = cancelled = 0;
        EXPECT_EQ(cede_sem_init(&s, 0, order), 0);
        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn_with(&c, NULL, want, NULL, &tasks[i]), 0);
        give_turns();
        EXPECT_EQ(cede_sem_waiting(&s), n);
        start = cpu_seconds();
        for (int i = n - 1; i >= 0; i--)
                cede_task_cancel(tasks[i]);
        start = cpu_seconds() - start;
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cancelled, n);
        EXPECT_EQ(granted, 0);
        cede_sem_finish(&s);
        free(tasks);
        return start;
}

/* Linear: 8,000 take a few milliseconds; where removal searches the queue, they take seconds. */
TASK_TEST(cancelling_8000_waiters_in_reverse_is_linear)
{
        for (int order = CEDE_FIFO; order <= CEDE_RANDOM; order++)
                EXPECT(cancel_in_reverse((enum cede_order)order, test_slowed() ? 2000 : 8000) <
                       (test_slowed() ? 10.0 : 0.5));
}

TASK_TEST(cancelling_many_waiters_in_reverse_is_linear, .seconds = 60)
{
        EXPECT(cancel_in_reverse(CEDE_FIFO, test_slowed() ? 8000 : 100000) < 10.0);
}

TASK_TEST(many_waiters_of_one_scope_are_cancelled_by_one_call, .seconds = 60)
{
        const int n = test_slowed() ? 5000 : 50000;
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, want, NULL), 0);
        give_turns();
        EXPECT_EQ(cede_sem_waiting(&s), n);
        cede_scope_cancel(&c);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cancelled, n);
}

TASK_TEST(one_release_wakes_many, .seconds = 60)
{
        const int n = test_slowed() ? 5000 : 50000;
        struct cede_sem_stats stats;
        struct cede_scope c;

        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, want, NULL), 0);
        give_turns();
        cede_sem_release_n(&s, n);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(granted, n);
        cede_sem_stats(&s, &stats);
        EXPECT_EQ(stats.handoffs, n);
        EXPECT_EQ(stats.peak_waiting, n);
}

/* A storm of tiny time-outs, then a release: the permits can be had. (A JDK once did livelock.) */

static int want_for_a_microsecond(void *arg)
{
        (void)arg;
        for (int i = 0; i < 50; i++)
                CEDE_TIMEOUT(CEDE_US(1)) {
                        int r = cede_sem_acquire_n(&s, 2);

                        EXPECT(r == 0 || r == -ETIMEDOUT);
                        timed_out += r == -ETIMEDOUT;
                        if (r == 0)
                                cede_sem_release_n(&s, 2);
                }
        return 0;
}

static int storm(void *arg)
{
        const int n = test_slowed() ? 50 : 500;
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, want_for_a_microsecond, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(timed_out, n * 50);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        cede_sem_release(&s);
        CEDE_TIMEOUT(CEDE_SEC(10))
                EXPECT_EQ(cede_sem_acquire_n(&s, 2), 0);
        EXPECT_EQ(cede_sem_value(&s), 0);
        return 0;
}

TEST(storm_of_time_outs_on_the_virtual_clock)
{
        EXPECT_EQ(run_virtual(storm, NULL), 0);
}

TEST(storm_of_time_outs_on_the_real_clock)
{
        EXPECT_EQ(cede_run(storm, NULL), 0);
}

static int release_after_50us(void *arg)
{
        (void)arg;
        EXPECT_EQ(cede_sleep(CEDE_US(50)), 0);
        EXPECT_EQ(cede_sem_release(&s), 0);
        return 0;
}

/* Releases in the midst of the storm: whoever gets the permits returns them, whoever not, not. */
static int storm_with_permits(void *arg)
{
        const int n = test_slowed() ? 50 : 500;
        struct cede_scope c;

        (void)arg;
        EXPECT_EQ(cede_sem_init(&s, 1, CEDE_FIFO), 0);
        cede_scope_open(&c);
        EXPECT_EQ(cede_spawn(&c, release_after_50us, NULL), 0);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, want_for_a_microsecond, NULL), 0);
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_waiting(&s), 0);
        EXPECT_EQ(cede_sem_value(&s), 2);
        return 0;
}

TEST(storm_with_permits_on_the_virtual_clock)
{
        EXPECT_EQ(run_virtual(storm_with_permits, NULL), 0);
}

TEST(storm_with_permits_on_the_real_clock)
{
        EXPECT_EQ(cede_run(storm_with_permits, NULL), 0);
}
