/* SPDX-License-Identifier: MIT */
/*
 * Making the workers of a run stand still for a moment, so that one of them can look at what
 * belongs to the others: for reports.
 *
 * Each other worker is sent a post, and stands where posts are taken in, in between two tasks.  One
 * whose task does not give way for too long is done without: what belongs to it must not be looked
 * at (`stands_still`).
 */
#include "base/clock.h"
#include "base/futex.h"
#include "task/run.h"
#include <sched.h>

enum { PATIENCE = 100 * 1000 * 1000 };

static void arrive(struct cede__post *post)
{
        struct cede__worker *me = cede__container_of(post, struct cede__worker, stand_post);
        struct cede__run *run = me->run;

        atomic_store(&me->stand_posted, false);
        atomic_store(&me->stands, true);
        while (atomic_load(&run->stand))
                cede__futex_wait(&run->stand, 1, CEDE_NEVER);
        atomic_store(&me->stands, false);
}

bool cede__workers_stop(struct cede__worker *me)
{
        int64_t patience = cede__clock_now() + PATIENCE;
        struct cede__run *run = me->run;

        me->stands_still = true;
        if (cede__worker_alone(me))
                return true;
        if (atomic_exchange(&run->stopping, true))
                return false; /* another one is at it */
        atomic_store(&run->stand, 1);
        for (unsigned i = 0; i < run->workers; i++) {
                struct cede__worker *w = &run->worker[i];

                w->stand_post.run = arrive;
                if (w != me && !atomic_exchange(&w->stand_posted, true))
                        cede__loop_post(&w->loop, &w->stand_post);
        }
        for (unsigned i = 0; i < run->workers; i++) {
                struct cede__worker *w = &run->worker[i];

                while (w != me && !atomic_load(&w->stands) && cede__clock_now() < patience)
                        sched_yield();
                w->stands_still = w == me || atomic_load(&w->stands);
        }
        return true;
}

void cede__workers_go(struct cede__worker *me)
{
        struct cede__run *run = me->run;

        if (cede__worker_alone(me))
                return;
        atomic_store(&run->stand, 0);
        for (unsigned i = 1; i < run->workers; i++)
                cede__futex_wake(&run->stand);
        for (unsigned i = 0; i < run->workers; i++)
                while (atomic_load(&run->worker[i].stands))
                        sched_yield(); /* the next stop is not to find it here */
        atomic_store(&run->stopping, false);
}
