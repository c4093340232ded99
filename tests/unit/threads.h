/* SPDX-License-Identifier: MIT */
/* What the tests of plain threads share: one semaphore, and how to see who has arrived at it. */
#ifndef THREADS_H
#define THREADS_H

#include "base/prng.h"
#include "base/spin.h"
#include "log.h"
#include "task/task.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static struct cede_sem sem;

static inline pthread_t start(void *(*fn)(void *), void *arg)
{
        pthread_t thread;

        EXPECT_EQ(pthread_create(&thread, NULL, fn, arg), 0);
        return thread;
}

static inline void join(pthread_t thread)
{
        EXPECT_EQ(pthread_join(thread, NULL), 0);
}

/* By way of the semaphore's lock: what the arrival has written before is seen after this. */
static inline void until_waiting(unsigned n)
{
        struct cede_sem_stats stats;

        for (cede_sem_stats(&sem, &stats); stats.waiting != n; cede_sem_stats(&sem, &stats))
                sched_yield();
}

static inline void until(const atomic_int *step, int n)
{
        while (atomic_load(step) < n)
                sched_yield();
}

static inline void empty(enum cede_order order)
{
        EXPECT_EQ(cede_sem_init(&sem, 0, order), 0);
}

/* Nobody waits, nothing is lost. */
static inline void expect_left(long permits)
{
        EXPECT_EQ(cede_sem_value(&sem), permits);
        EXPECT_EQ(cede_sem_waiting(&sem), 0);
        cede_sem_finish(&sem);
}

static inline void *acquire(void *ret_result)
{
        *(int *)ret_result = cede_sem_acquire(&sem);
        return NULL;
}

/* A thread that waits, and what came of it. */
struct victim {
        struct cede_scope scope, *inner;
        atomic_int step; /* how far it has come */
        int result, second;
};

#endif
