/* SPDX-License-Identifier: MIT */
/*
 * On which of two workers a task starts.  The main task is on the first one, "here".
 *
 * A task starts wherever a worker has nothing else to do, so one of the two is kept busy until it
 * has started: "here" by the main task, which does not give way, "there" by a task that does not.
 */
#ifndef PLACING_H
#define PLACING_H

#include <cede.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "test.h"

static pthread_t here_thread;
static atomic_bool there_is_kept, there_is_wanted;

/* By the main task, first of all. */
static inline void place_main(void)
{
        here_thread = pthread_self();
}

static inline bool is_here(void)
{
        return pthread_equal(pthread_self(), here_thread);
}

static inline int keep_there(void *arg)
{
        (void)arg;
        EXPECT(!is_here());
        atomic_store(&there_is_kept, true);
        while (!atomic_load(&there_is_wanted))
                sched_yield(); /* not cede_yield: the worker is to be kept */
        atomic_store(&there_is_kept, false);
        return 0;
}

/* By the main task: from now on nothing happens on the other worker. */
static inline void hold_there(void)
{
        atomic_store(&there_is_wanted, false);
        EXPECT_EQ(cede_spawn(NULL, keep_there, NULL), 0);
        while (!atomic_load(&there_is_kept))
                sched_yield(); /* whoever gave way would run it himself */
}

static inline void let_go_there(void)
{
        atomic_store(&there_is_wanted, true);
        while (atomic_load(&there_is_kept))
                sched_yield();
}

#endif
