/* SPDX-License-Identifier: MIT */
/* Offload: threads that wake tasks, a thousand callers, and cancellation at every stage. */
#include "base/chooser.h"
#include "base/thread.h"
#include "log.h"
#include <pthread.h>
#include <sched.h>

/*
 * glibc before 2.41 loses a signal once in some million (its bug 25847).  Here all are lost: a pool
 * whose threads wait for one hangs in each of these tests.
 */
int pthread_cond_signal(pthread_cond_t *condition)
{
        (void)condition;
        return 0;
}

static struct cede_sem from_thread;

static int release_from_thread(void *arg)
{
        (void)arg;
        return cede_sem_release(&from_thread);
}

static int wait_for_thread(void *arg)
{
        (void)arg;
        return cede_sem_acquire(&from_thread);
}

static int hand_over_many(void *arg)
{
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < 200; i++) {
                EXPECT_EQ(cede_spawn(&c, wait_for_thread, NULL), 0);
                EXPECT_EQ(cede_offload(release_from_thread, NULL), 0);
        }
        EXPECT_EQ(cede_scope_close(&c, 0), 0);
        EXPECT_EQ(cede_sem_value(&from_thread), 0);
        return 0;
}

TEST(job_releases_a_semaphore_on_the_virtual_clock)
{
        EXPECT_EQ(run_virtual(hand_over_many, NULL), 0);
}

TEST(job_releases_a_semaphore_on_the_real_clock)
{
        EXPECT_EQ(cede_run(hand_over_many, NULL), 0);
}

static int square(void *arg)
{
        int *n = arg;

        *n *= *n;
        return 0;
}

static int offload_square(void *arg)
{
        for (int i = 0; i < 3; i++) {
                int n = (int)(intptr_t)arg;

                EXPECT_EQ(cede_offload(square, &n), 0);
                EXPECT_EQ(n, (intptr_t)arg * (intptr_t)arg);
        }
        return 0;
}

static int many_offload(void *arg)
{
        const int n = test_slowed() ? 100 : 1000;
        struct cede_scope c;

        (void)arg;
        cede_scope_open(&c);
        for (int i = 0; i < n; i++)
                EXPECT_EQ(cede_spawn(&c, offload_square, N(i)), 0);
        return cede_scope_close(&c, 0);
}

TEST(thousand_tasks_offload)
{
        EXPECT_EQ(cede_run_with(
                          many_offload, NULL,
                          &(struct cede_run_options){ .offload_threads = 4, .offload_queue = 16 }),
                  0);
}

static int offload_something(void *arg)
{
        (void)arg;
        (void)!cede_offload(return_it, N(0));
        return cede_checkpoint();
}

/* Cancelled at every stage: waiting for room, queued, taken, running, done. */
static int cancel_while_offloading(void *arg)
{
        (void)arg;
        for (int round = 0; round < (test_slowed() ? 50 : 500); round++) {
                struct cede_task *tasks[20];
                struct cede_scope c;

                cede_scope_open(&c);
                for (int i = 0; i < 20; i++)
                        EXPECT_EQ(cede_spawn_with(&c, NULL, offload_something, NULL, &tasks[i]), 0);
                EXPECT_EQ(cede_yield(), 0);
                for (int i = 19; i >= 0; i--)
                        cede_task_cancel(tasks[i]);
                EXPECT_EQ(cede_scope_close(&c, 0), 0);
                EXPECT_EQ(cede_offload(return_it, N(9)), 9); /* there still is room */
        }
        return 0;
}

TEST(cancelling_races_with_running_jobs)
{
        EXPECT_EQ(cede_run_with(
                          cancel_while_offloading, NULL,
                          &(struct cede_run_options){ .offload_threads = 2, .offload_queue = 4 }),
                  0);
}

/* The least number of threads. */

static int count_threads(void *arg)
{
        (void)arg;
        return cede__thread_count();
}

static int offload_count(void *arg)
{
        (void)arg;
        return cede_offload(count_threads, NULL);
}

static int threads_of(unsigned max, unsigned min)
{
        return cede_run_with(
                offload_count, NULL,
                &(struct cede_run_options){ .offload_threads = max, .offload_threads_min = min });
}

/* Without the pool's; those that have been joined may be counted for a moment more. */
static void until_there_are(int threads)
{
        while (cede__thread_count() > threads)
                sched_yield();
}

TEST(least_number_of_threads_is_there_at_once)
{
        /* Not counted before the first thread: a sanitizer may start one of its own with it. */
        int one = threads_of(0, 0);

        for (int n = 1; n < 6; n++) {
                until_there_are(one - 1);
                EXPECT_EQ(threads_of(0, (unsigned)n), one - 1 + n);
        }
        until_there_are(one - 1);
        EXPECT_EQ(threads_of(3, 3), one - 1 + 3);
}

/* Refuses all there is from number `from` on. */
struct refusal {
        struct cede__chooser chooser;
        unsigned from, seen;
};

static unsigned refuse(struct cede__chooser *chooser, enum cede__choice kind, unsigned n)
{
        struct refusal *r = cede__container_of(chooser, struct refusal, chooser);

        (void)n;
        return kind == CEDE__CHOOSE_FAULT && r->seen++ >= r->from;
}

static int offload_without_threads(void *refusal)
{
        struct refusal *r = refusal;
        int threads;

        /* First the pool is refused, then its first thread; then there is one more each time. */
        for (int i = 0; i < 5; i++) {
                r->seen = 0;
                r->from = i > 0;
                EXPECT_EQ(cede_offload(return_it, N(1)), i == 0 ? -ENOMEM : -EAGAIN);
        }
        r->from = UINT32_MAX;
        threads = cede_offload(count_threads, NULL);
        EXPECT_EQ(cede_offload(return_it, N(9)), 9);
        return threads;
}

TEST(fewer_threads_than_the_least_number_are_none)
{
        struct refusal r = { { .choose = refuse }, .from = UINT32_MAX };
        int one = threads_of(0, 0);

        until_there_are(one - 1);
        cede__chooser = &r.chooser;
        EXPECT_EQ(cede_run_with(offload_without_threads, &r,
                                &(struct cede_run_options){ .offload_threads_min = 4 }),
                  one - 1 + 4);
        cede__chooser = NULL;
}
