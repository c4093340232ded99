/* SPDX-License-Identifier: MIT */
/* What the tests of circles share: counting reports, and yielding as a task or as a thread. */
#ifndef DEADLOCK_H
#define DEADLOCK_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "capture.h"
#include "log.h"

static inline unsigned count_of(const char *text, const char *what)
{
        unsigned n = 0;

        for (; (text = strstr(text, what)); text += strlen(what))
                n++;
        return n;
}

/* What was written since capture_begin: so many reports, and no run that stood still. */
static inline const char *expect_reports(unsigned n)
{
        const char *text = capture_end();

        EXPECT_EQ(count_of(text, "cede: deadlock: each of these"), n);
        EXPECT_EQ(count_of(text, "cede: deadlock"), n);
        return text;
}

/* Waits for a number to become at least n, giving way. */
static inline void until(const atomic_int *number, int n)
{
        while (atomic_load(number) < n) {
                if (cede_task_self())
                        (void)!cede_yield();
                else
                        sched_yield();
        }
}

static inline void lock(struct cede_mutex *m)
{
        EXPECT_EQ(cede_mutex_lock(m), 0);
}

static inline void unlock(struct cede_mutex *m)
{
        EXPECT_EQ(cede_mutex_unlock(m), 0);
}

/* Locks it and lets it go again; what came of it. */
static inline int lock_briefly(struct cede_mutex *m)
{
        int r = cede_mutex_lock(m);

        if (r == 0)
                unlock(m);
        return r;
}

/* Tasks: one that locks a mutex briefly and notes what came of it, and one that takes its time. */
static inline int lock_and_note(void *mutex)
{
        int r = lock_briefly(mutex);

        note("%s", word(r));
        return r == -ECANCELED ? r : 0;
}

static inline int sleep_a_second(void *arg)
{
        (void)arg;
        return cede_sleep(CEDE_SEC(1));
}

#endif
